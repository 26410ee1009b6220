"""Masters become students' editions, and nothing of a solution with them."""

import json
from pathlib import Path

import nbformat
import pytest
from handed_in import MASTER, dgm

from dgm.course.files import Stop
from dgm.course.grading.master import parse, read_master
from dgm.course.grading.release import editions, leaked, student_text

TEXT = MASTER.read_text("utf8")


@pytest.fixture
def course(tmp_path: Path) -> Path:
    (tmp_path / "_toc.yml").write_text("format: jb-book\nroot: index\n")
    (tmp_path / "solutions").mkdir()
    (tmp_path / "solutions/mini.md").write_text(TEXT)
    return tmp_path


def test_the_students_edition():
    made = editions(MASTER)
    assert "total_of_powers" not in made[".md"] + made[".ipynb"]
    assert "secret" not in made[".md"] + made[".ipynb"]
    assert "exponential of 1000" not in made[".md"] + made[".ipynb"]
    assert "    # YOUR CODE HERE\n    raise NotImplementedError()\n" in made[".md"]
    assert "        # YOUR CODE HERE\n        raise" in made[".md"]  # in a method
    assert "<!-- answer: why -->\nYOUR ANSWER HERE" in made[".md"]
    assert "squares([3.0, 4.0]) == 25" in made[".md"]  # visible tests stay
    assert made[".md"].count("```{code-cell}") == TEXT.count("```{code-cell}")


def test_the_notebook_is_valid_and_locked():
    text = editions(MASTER)[".ipynb"]
    book = nbformat.reads(text, as_version=4)
    nbformat.validate(book)
    cells = {c.metadata.nbgrader.grade_id: c for c in book.cells if c.metadata}
    assert cells["squares"].metadata.get("editable", True)
    assert not cells["squares"].metadata.deletable
    assert not cells["test_squares"].metadata.editable
    assert text == editions(MASTER)[".ipynb"]
    assert len({c.id for c in book.cells}) == len(book.cells)


def test_released_cells_are_the_masters_stubs():
    """An independent reader finds in the page what the master promises."""
    import jupytext

    book = jupytext.reads(editions(MASTER)[".md"], fmt="md:myst")
    problems = read_master(MASTER)
    assert [c.source.strip() for c in book.cells] == [
        cell.stub.strip() for cell in problems.cells
    ]
    assert problems.maximum == 14
    assert [c.kind for c in problems.graded] == ["test"] * 4 + ["written"]


def test_a_leak_is_found():
    line = "    total_of_powers = np.square(x).sum()"
    problems = parse(TEXT, "mini")
    page = student_text(TEXT)
    assert not list(leaked(problems, page))
    assert list(leaked(problems, page + "\n" + line)) == [line.strip()]


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("    ### END SOLUTION\n", "", "has no '### END SOLUTION'"),
        ("### END HIDDEN TESTS\n```\n\n## 2", "```\n\n## 2", "has no '### END HIDDEN"),
        ("# answer: squares\n", "", "needs a line `# answer: squares`"),
        ("# answer: squares\n", "# answer: square\n", "needs a line `# answer: sq"),
        ("grade_id: test_layer", "grade_id: layer", "'layer' is given twice"),
        ("points: 3", "points: 0", "a test needs points"),
        ("schema_version: 3, solution: false", "solution: false", "schema_version: 3"),
        ("# hint: try three points on paper.\n", "", "hidden tests need a line"),
        ("grade_id: squares,", "grade_id: 'a b',", "its grade_id must be letters"),
        ("grade_id: test_layer", "grade_id: comment", "has a column of that name"),
        (
            "assert len(midpoints",
            "assert layer and len(midpoints",
            "'test_midpoints' needs layer of the test test_layer",
        ),
        ("assert len(midpoints", "assert len midpoints", "line 6 is not Python"),
        ("locked: true, points: 2, schema_version: 3, solution: false", "", "MARK"),
        ("Write $f", "See {doc}`other`. Write $f", "is MyST, which stays raw"),
        ("```{code-cell} ipython3\n:nbgrader: {grade: false, grade_id: squares, "
         "locked: false, schema_version: 3, solution: true, task: false}",
         "```{code-cell} ipython3", "is not marked solution: true"),
        ("task: false}\n# answer: layer", "task: true}\n# answer: layer", "task cells"),
    ],
)  # fmt: skip
def test_what_breaks_the_format_is_told(old, new, sentence):
    assert old in TEXT
    if sentence == "MARK":
        new, sentence = "locked: true, schema_version: 3, solution: false", "points"
    with pytest.raises(Stop, match=_literal(sentence)):
        parse(TEXT.replace(old, new, 1), "mini")


def _literal(text: str) -> str:
    import re

    return re.escape(text)


def test_a_code_fence_in_a_solution_cannot_shift_cells(tmp_path):
    text = TEXT.replace(
        "Because the exponential", "+++\n\nBecause the exponential of the"
    )
    (tmp_path / "mini.md").write_text(text)
    with pytest.raises(Stop):
        editions(tmp_path / "mini.md")


def test_release_writes_and_says_so(course):
    done = dgm(course, "release")
    assert (done.returncode, "Wrote exercises/mini.md" in done.stdout) == (0, True)
    assert (course / "exercises/mini.md").read_text() == student_text(TEXT)
    done = dgm(course, "release", "mini")
    assert (done.returncode, done.stdout) == (0, "")
    done = dgm(course, "release", "nothing")
    assert (done.returncode, "there is mini" in done.stderr) == (1, True)


@pytest.mark.slow
@pytest.mark.usefixtures("walled")
def test_check_tells_what_is_wrong(course):
    assert dgm(course, "release").returncode == 0
    done = dgm(course, "release", "--check")
    assert done.returncode == 0, done
    assert "mini: 10 points by tests, 4 by hand" in done.stdout
    (course / "exercises/old.md").write_text("x")
    book = course / "exercises/mini.ipynb"
    book.write_text(json.dumps(json.loads(book.read_text())))
    easy = TEXT
    for old, new in (
        ("np.square(x).sum()", "np.square(x).sum() + 1"),
        ("layer = Layer()", "layer = torch.nn.Identity()"),
        ("layer(torch.full((2,), 3.0)).sum().backward()\n", ""),
        ("assert layer.scale.grad.item() == 6\n", ""),
    ):
        assert old in easy
        easy = easy.replace(old, new)
    (course / "solutions/mini.md").write_text(easy)
    done = dgm(course, "release", "--check")
    assert done.returncode == 1
    assert "exercises/mini.ipynb is out of step" in done.stdout
    assert "exercises/old.md has no master" in done.stdout
    assert "test_squares fails (error, AssertionError in line 1" in done.stdout
    assert "test_layer passes without an answer" in done.stdout
