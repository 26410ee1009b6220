"""The linter of lectures can fail, and mends what it may."""

import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]


def lint(*words):
    done = subprocess.run(
        [sys.executable, "tests/lint_lectures.py", *map(str, words)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stderr


def test_clean_code_passes(course):
    assert lint(course.lecture("a", "x = 1", "x + 1")) == (0, "")


def test_an_unknown_name_is_found_on_its_line(course):
    path = course.lecture("a", "x = 1", "x + nothing", prose="Prose.\n\n")
    line = path.read_text().splitlines().index("x + nothing") + 1
    status, said = lint(path)
    assert status == 1
    assert f"a.md:{line}:5: F821" in said


def test_format_is_mended_in_the_cell_alone(course):
    path = course.lecture("a", "x=1", "y = x", "x=1", prose="Write x=1 here.\n\n")
    status, said = lint(path)
    assert status == 1
    assert said.count("ruff format would change this cell") == 2
    assert lint("--fix", path) == (0, "")
    text = path.read_text()
    assert "Write x=1 here." in text
    assert text.count("x = 1") == 2
