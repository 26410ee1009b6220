"""Whose file is whose, in the folders that platforms hand over."""

import os
from pathlib import Path

import pytest

from dgm.course.files import Stop
from dgm.course.grading.notebooks import Unreadable, cells_of, read_submission
from dgm.course.grading.submissions import find, safe


def touch(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("{}")


def found(root: Path) -> dict[str, tuple[str, str, list[str]]]:
    return {
        s.name: (s.platform, s.id, [str(f.relative_to(root)) for f in s.files])
        for s in find(root, "mini")
    }


def test_one_file_or_one_folder_a_student(tmp_path):
    touch(tmp_path, "anna.ipynb", "bob/work.ipynb", "cem/a/b/mini.IPYNB", "dan/x.pdf")
    touch(tmp_path, ".hidden/x.ipynb", "__MACOSX/._anna.ipynb", "eve.txt")
    assert found(tmp_path) == {
        "anna": ("", "", ["anna.ipynb"]),
        "bob": ("", "", ["bob/work.ipynb"]),
        "cem": ("", "", ["cem/a/b/mini.IPYNB"]),
        "dan": ("", "", []),
        "eve": ("", "", []),
    }


def test_moodle(tmp_path):
    touch(
        tmp_path,
        "Anna de Wit_123456_assignsubmission_file_/mini.ipynb",
        "Zoë O'Neil_7_assignsubmission_file_mini.ipynb",
        "Bo_Li_8_assignsubmission_onlinetext/x.html",
    )
    assert found(tmp_path) == {
        "Anna de Wit": (
            *("moodle", "123456"),
            ["Anna de Wit_123456_assignsubmission_file_/mini.ipynb"],
        ),
        "Zoë O'Neil": (
            *("moodle", "7"),
            ["Zoë O'Neil_7_assignsubmission_file_mini.ipynb"],
        ),
        "Bo_Li": ("moodle", "8", []),
    }


def test_canvas_takes_the_last_attempt(tmp_path):
    touch(
        tmp_path,
        "dewitanna_1234_98_mini.ipynb",
        "dewitanna_1234_105_mini-1.ipynb",
        "libo_LATE_77_106_mini.ipynb",
    )
    assert found(tmp_path) == {
        "dewitanna": (
            *("canvas", "1234"),
            ["dewitanna_1234_105_mini-1.ipynb", "dewitanna_1234_98_mini.ipynb"],
        ),
        "libo": ("canvas", "77", ["libo_LATE_77_106_mini.ipynb"]),
    }


def test_of_several_notebooks_the_problem_sets_own_then_the_newest(tmp_path):
    touch(tmp_path, "a/draft.ipynb", "a/mini (1).ipynb", "b/x.ipynb", "b/y.ipynb")
    touch(tmp_path, "b/.ipynb_checkpoints/y-checkpoint.ipynb")
    os.utime(tmp_path / "b/x.ipynb", (2e9, 2e9))
    assert found(tmp_path)["a"][2] == ["a/mini (1).ipynb", "a/draft.ipynb"]
    assert found(tmp_path)["b"][2] == ["b/x.ipynb", "b/y.ipynb"]


def test_links_are_not_followed(tmp_path):
    touch(tmp_path, "secret/mini.ipynb", "subs/anna/real.ipynb")
    (tmp_path / "subs/bob.ipynb").symlink_to(tmp_path / "secret/mini.ipynb")
    (tmp_path / "subs/cem").symlink_to(tmp_path / "secret")
    (tmp_path / "subs/anna/link.ipynb").symlink_to(tmp_path / "secret/mini.ipynb")
    (tmp_path / "subs/anna/folder").symlink_to(tmp_path / "secret")
    subs = found(tmp_path / "subs")
    assert subs["anna"][2] == ["anna/real.ipynb"]
    assert subs["bob"][2] == subs["cem"][2] == []


def test_keys_are_safe_and_different(tmp_path):
    names = ['"Zoë", O\'Neil', "Zoë; O Neil", "李 小龙", "_._", "=1+1", "-x", "x" * 200]
    touch(tmp_path, *[f"{name}.ipynb" for name in names])
    keys = [s.key for s in find(tmp_path, "mini")]
    assert len(set(keys)) == len(names)
    assert "李-小龙" in keys
    for key in keys:
        assert key == Path(key).name
        assert key[0].isalnum() and len(key.encode()) <= 110
        assert not set(key) & set("\"', ;=/")


def test_names_differing_in_case_do_not_collide(tmp_path):
    touch(tmp_path, "Anna/x.ipynb", "anna/x.ipynb")
    keys = [s.key.casefold() for s in find(tmp_path, "mini")]
    assert len(set(keys)) == 2
    assert safe("a\x00b\nc") == "a-b-c"


def test_nothing_there(tmp_path):
    with pytest.raises(Stop, match="no folder of submissions"):
        find(tmp_path / "none", "mini")
    with pytest.raises(Stop, match="must be unpacked first"):
        find(tmp_path, "mini")


def test_a_name_that_is_no_text(tmp_path):
    path = os.fsencode(tmp_path) + b"/M\xfcller.ipynb"
    with open(path, "w") as file:  # noqa: PTH123
        file.write("{}")
    (who,) = find(tmp_path, "mini")
    assert (who.name, len(who.files)) == ("M?ller", 1)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        ("[" * 100_000, "not JSON"),
        ('{"cells": 3}', "no cells"),
        ("[1]", "no cells"),
        ('{"a": ' + "1" * 5000 + "}", "not JSON"),
    ],
)
def test_what_is_no_notebook(text, reason):
    with pytest.raises(Unreadable, match=reason):
        cells_of(text)


def test_strange_cells_are_read_as_far_as_they_go():
    text = (
        '{"cells": [3, {"cell_type": "code", "source": ["a\\r\\n", "b", 5]},'
        '{"cell_type": "code", "source": 7, "metadata": null},'
        '{"cell_type": "code", "source": "\\ud800", "metadata": {"nbgrader": 4}}]}'
    )
    assert [c.source for c in cells_of(text)] == ["a\nb", "", "?"]


def test_large_cells_and_files(tmp_path):
    long = '{"cells": [{"cell_type": "code", "source": "x = 1\\n' + "y" * 2_000_000
    (cell,) = cells_of(long + '"}]}')
    assert len(cell.source) < 2000
    big = tmp_path / "big.ipynb"
    with big.open("wb") as file:
        file.truncate(200_000_000)
    with pytest.raises(Unreadable, match="200 MB; at most 50"):
        read_submission(big)


def test_namesakes_who_join_later_leave_the_others_their_keys(tmp_path):
    def keys():
        return {s.id: s.key for s in find(tmp_path, "mini")}

    touch(tmp_path, "parkada_222_9_mini.ipynb")
    touch(tmp_path, "Ada Park_22_assignsubmission_file_/mini.ipynb")
    before = keys()
    touch(tmp_path, "parkada_111_8_mini.ipynb")  # sorts before the first
    touch(tmp_path, "Ada Park_11_assignsubmission_file_/mini.ipynb")
    after = keys()
    assert len(set(after.values())) == 4
    assert {number: after[number] for number in before} == before
