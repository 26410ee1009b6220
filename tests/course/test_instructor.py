"""The instructor's edition, and the search for traces of it in the students'."""

import html
import json
import os
import re
import zipfile
from pathlib import Path

import jupytext
import nbformat
import pytest
from minicourse import REPOSITORY, new_course

from dgm.course.bundle import SUMS, pack
from dgm.course.editions import contents, page
from dgm.course.files import Stop
from dgm.course.grading.release import editions
from dgm.course.traces import Lines, secrets, traces

MASTER = REPOSITORY / "tests/grading/mini.md"
SECRET = 'assert all(abs(a - b) < 1e-9 for a, b in pairs), "three"'
WORDS = "Because the exponential of 1000 is larger than any float."
TOC = "format: jb-book\nroot: index\nchapters:\n- file: exercises/mini\n"


def cells(text):
    """Sources of the code cells, by a reader that is not ours."""
    found = jupytext.reads(text, fmt="md:myst").cells
    return [cell.source for cell in found if cell.cell_type == "code"]


def test_a_masters_page_has_all_its_code_and_says_what_each_cell_is():
    shown = page(MASTER)
    assert cells(shown) == cells(MASTER.read_text("utf8"))
    assert shown.count("*Answer `squares`*\n\n```{code-cell}") == 1
    assert "*Test `test_squares`, 2 points, with hidden tests*" in shown
    box = re.search(r"^~{8}\{admonition\} (.*)\n(?s:(.*?))^~{8}$", shown, re.M)
    assert box[1] == "Answer and marking notes `why`, 4 points"
    assert WORDS in box[2]


def test_the_page_on_teaching_comes_first():
    parts = [
        {"caption": "A", "chapters": [{"file": "a", "sections": [{"file": "b"}]}]},
        {"caption": "Back", "chapters": [{"file": "book/teaching"}, {"file": "c"}]},
    ]
    made = contents({"root": "index", "parts": parts})["parts"]
    files = re.findall(r"'file': '([^']+)'", str(made))
    assert files == ["book/teaching", "a", "b", "c"]
    assert "book/teaching" in str(parts[1])  # what was given is as it was


@pytest.fixture
def course(tmp_path: Path) -> Path:
    """A course with one master, and a folder with what students may see of it."""
    for name in ("solutions", "site/_sources", "site/notebooks"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "_toc.yml").write_text(TOC)
    (tmp_path / "solutions/mini.md").write_text(MASTER.read_text("utf8"))
    for suffix, text in editions(MASTER).items():
        (tmp_path / f"site/notebooks/mini{suffix}").write_text(text)
    return tmp_path


def test_what_is_released_has_no_traces(course):
    lines = secrets(course)
    assert {SECRET, WORDS} <= set(lines)
    assert 'assert squares([3.0, 4.0]) == 25, "3 and 4 give 25"' not in set(lines)
    assert list(traces(lines, course / "site")) == []


def coloured(line):
    """Code as a page shows it: each sign in a span, quotation marks as entities."""
    signs = re.findall(r"\w+|\s+|[^\w\s]", line)
    return "".join(f'<span class="n">{html.escape(sign)}</span>' for sign in signs)


PLANTED = {
    "page.html": (coloured(SECRET), SECRET),
    "alt.html": (f'<img src="data:,x" alt="{html.escape(SECRET)}">', SECRET),
    "prose.html": (f"<p>{WORDS.replace('exponential', '<em>exponential</em>')}", WORDS),
    "_sources/mini.md": (f"    {SECRET}\n", SECRET),
    "notebooks/mini.ipynb": (json.dumps({"cells": [{"source": [SECRET]}]}), SECRET),
    "notebooks/old.ipynb": (json.dumps({"source": f"x\n{WORDS}\n"}), WORDS),
    "searchindex.js": (
        f"Search.setIndex({json.dumps({'alltitles': {WORDS: [[0, 'x']]}})})",
        WORDS,
    ),
    "_static/x.js": (f"const told = {json.dumps(SECRET)};", SECRET),
}


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_trace_is_found(name, course):
    text, line = PLANTED[name]
    path = course / "site" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, "utf8")
    assert list(traces(secrets(course), course / "site")) == [(name, line)]


def test_a_trace_inside_an_archive_is_found(course):
    with zipfile.ZipFile(course / "site/x.whl", "w") as archive:
        archive.writestr("dgm/solved.py", f"if True:\n    {SECRET}\n")
    found = list(traces(Lines([SECRET]), course / "site"))
    assert found == [("x.whl:dgm/solved.py", SECRET)]


def test_equal_contents_are_packed_into_equal_bytes(tmp_path):
    archives = []
    for place, names in (("a", ["z", "sub/ä", "b"]), ("b", ["b", "z", "sub/ä"])):
        content = tmp_path / place / "content"
        for name in names:
            path = content / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(name)
            path.chmod(0o600 if place == "a" else 0o666)
            os.utime(path, (10**9, 10**9) if place == "a" else None)
        (tmp_path / f"{place}.zip").touch()
        assert pack(content, tmp_path / f"{place}.zip") == 4
        archives.append((tmp_path / f"{place}.zip").read_bytes())
    assert archives[0] == archives[1]
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        files = ["content/b", "content/sub/ä", "content/z", f"content/{SUMS}"]
        assert archive.namelist() == files
        assert archive.testzip() is None


def test_a_full_disk_leaves_no_half_archive(tmp_path, monkeypatch):
    (tmp_path / "content").mkdir()
    (tmp_path / "content/a").write_text("a")
    archive = tmp_path / "out" / "a.zip"
    archive.parent.mkdir()
    archive.write_text("before")

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(zipfile.ZipFile, "writestr", full)
    with pytest.raises(OSError, match="No space"):
        pack(tmp_path / "content", archive)
    assert [p.name for p in archive.parent.iterdir()] == ["a.zip"]
    assert archive.read_text() == "before"


LECTURE = "See the [problem set](../exercises/mini.md).\n\n"


@pytest.fixture
def mini(tmp_path):
    """A course with a lecture and its problem set, as its instructor has it."""
    course = new_course(tmp_path)
    config = course.root / "_config.yml"
    text = config.read_text("utf8").replace('"src"]', '"src", "exercises/*.ipynb"]')
    config.write_text(
        text.replace("execute: {", 'execute: {exclude_patterns: ["exercises/*"], ')
    )
    course.lecture("one", "print(6 * 7)", prose=LECTURE)
    toc = course.root / "_toc.yml"
    toc.write_text(toc.read_text("utf8") + "  - file: exercises/mini\n")
    for folder in ("solutions", "exercises"):
        (course.root / folder).mkdir()
    master = MASTER.read_text("utf8") + "\n[Back](../lectures/one.md).\n"
    (course.root / "solutions/mini.md").write_text(master)
    for suffix, text in editions(course.root / "solutions/mini.md").items():
        (course.root / f"exercises/mini{suffix}").write_text(text)
    return course


@pytest.mark.slow
def test_the_edition_is_built_beside_the_book(mini):
    done = mini.dgm("instructor")
    assert done.status == 1
    assert done.err == "one has not been executed: run `make execute` first.\n"
    assert mini.dgm("execute").executed == ["one"]
    done = mini.dgm("instructor")
    assert done.status == 0, done.out + done.err
    build = mini.root / "_build"
    assert not (build / "html").exists() and not (build / ".doctrees").exists()
    site = build / "instructor/html"
    for path in site.rglob("*.html"):
        if "_static" not in path.parts:
            text = path.read_text("utf8")
            assert '<meta name="robots" content="noindex, nofollow">' in text, path
            assert "edition: not for students" in text, path
    problems = (site / "exercises/mini.html").read_text("utf8")
    words = html.unescape(re.sub(r"<[^>]+>", "", problems))
    assert SECRET in words and WORDS in words and "total_of_powers" in words
    lecture = (site / "lectures/one.html").read_text("utf8")
    assert 'href="../exercises/mini.html"' in lecture and "42" in lecture
    assert 'href="../lectures/one.html"' in problems
    offered = nbformat.read(site / "notebooks/exercises/mini.ipynb", as_version=4)
    nbformat.validate(offered)
    assert any(SECRET in cell.source for cell in offered.cells)
    exercises = mini.root / "exercises"
    assert list(traces(secrets(mini.root), exercises)) == []
    assert len(list(traces(secrets(mini.root), site))) > 10


def test_without_a_site_there_is_nothing_to_pack(tmp_path):
    from dgm.course import bundle

    with pytest.raises(Stop, match="There is no site .* run `make book` first"):
        bundle.main(tmp_path, tmp_path)
