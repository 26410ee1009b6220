"""Answers find their places, and nothing else of a student's gets into the tests."""

import json

import pytest
from faults import colab, duplicated, edited_test, moved, without_tests
from handed_in import (
    MASTER,
    Book,
    answering,
    cell,
    code,
    position,
    solved,
    stripped,
    untouched,
    version_3,
    with_cell,
)

from dgm.course.grading.master import read_master
from dgm.course.grading.merge import Merged, merge
from dgm.course.grading.names import names_bound
from dgm.course.grading.notebooks import cells_of

MINI = read_master(MASTER)


def merged(book: Book) -> Merged:
    return merge(MINI, cells_of(json.dumps(book)))


def kinds(result: Merged) -> list[str]:
    return [step.kind for step in result.steps]


SHAPE = ["given"] + ["answer", "test"] * 4


def test_a_right_submission():
    result = merged(solved())
    assert (kinds(result), result.flags) == (SHAPE, [])
    assert result.answered == {"squares", "log_mean_exp", "layer", "midpoints", "why"}
    assert "larger than any float" in result.written["why"]


def test_an_untouched_one():
    result = merged(untouched())
    assert (kinds(result), result.flags, result.answered) == (SHAPE, [], set())
    assert result.written == {"why": ""}


@pytest.mark.parametrize("change", [colab, version_3, stripped])
def test_forms_of_notebooks_make_no_difference(change):
    result = merged(change(solved()) if change is not colab else colab())
    assert [s.source.strip() for s in result.steps] == [
        s.source.strip() for s in merged(solved()).steps
    ]
    assert len(result.answered) == 5


def test_tests_come_from_the_master_whatever_came_back():
    ours = [s.source for s in merged(solved()).steps if s.kind == "test"]
    for book in (edited_test(), without_tests()):
        assert [s.source for s in merged(book).steps if s.kind == "test"] == ours
    assert "edited test_squares" in merged(edited_test()).flags
    assert "deleted test_layer" in merged(without_tests()).flags


def test_a_deleted_answer_is_a_stub():
    book = solved()
    del book["cells"][position(book, "layer")]
    result = merged(book)
    assert result.flags == ["missing layer"]
    assert "NotImplementedError" in result.steps[5].source


def test_a_copy_runs_where_it_stands_and_the_first_counts():
    result = merged(duplicated())
    assert kinds(result) == ["given", "answer", "extra", *SHAPE[2:]]
    book = duplicated()
    book["cells"][position(book, "squares")] = dict(cell(untouched(), "squares"))
    assert kinds(merged(book)) == SHAPE  # the copy is the answer; the stub is dropped


def test_moved_answers():
    result = merged(moved())
    assert "moved midpoints" in result.flags
    assert len(result.answered) == 4
    sources = [s.source for s in result.steps if s.kind == "answer"]
    assert not any("NotImplementedError" in source for source in sources)
    assert len(sources) == 3  # two answers stand in one cell


def test_own_cells_run_in_their_places():
    book = with_cell("helper = 1", "squares")
    book["cells"].append(code("last = 1"))
    book["cells"].insert(0, code("first = 1"))
    assert kinds(merged(book)) == ["extra", "given", "extra", *SHAPE[1:], "extra"]


def test_an_answer_with_a_marker_only():
    book = answering("layer", "# answer: layer\nclass Layer: pass")
    cell(book, "layer")["metadata"] = {}
    result = merged(book)
    assert (result.flags, kinds(result)) == (["by its marker layer"], SHAPE)


def test_a_written_answer_without_metadata():
    book = answering("why", "It is too large.")
    cell(book, "why")["metadata"] = {}
    result = merged(book)
    assert result.written["why"] == "It is too large."
    assert result.flags == ["by its place why"]


def test_a_test_passed_off_as_an_answer_is_not_taken():
    book = untouched()
    cell(book, "test_squares")["source"] = "# answer: squares\ndef squares(x): ..."
    assert "squares" not in merged(book).answered


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("def f(): x = 1\nclass A: y = 2", {"f", "A"}),
        ("a, (b, *c) = 1\nwith d as e: f = 1\nfor g in h: i = 1", set("abcefgi")),
        ("import x.y\nfrom z import w as v\nk: int = 1\nm += 1", {"x", "v", "k", "m"}),
        ("try:\n  a = 1\nexcept E:\n  b = 1", {"a", "b"}),
        ("def broken(:\n  pass\nx = 3\nclass K(", {"broken", "x", "K"}),
    ],
)
def test_names_bound(source, names):
    assert names_bound(source) == names
