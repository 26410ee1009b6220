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
    assert f"{path}:{line}:5: F821" in said


def test_format_is_mended_in_the_cell_alone(course):
    path = course.lecture("a", "x=1", "y = x", "x=1", prose="Write x=1 here.\n\n")
    status, said = lint(path)
    assert status == 1
    assert said.count("ruff format would change this cell") == 2
    assert lint("--fix", path) == (0, "")
    text = path.read_text()
    assert "Write x=1 here." in text
    assert text.count("x = 1") == 2


def test_a_cell_that_does_not_parse_is_told_and_kept(course):
    path = course.lecture("a", "x=1", "if x:\n        y = 1\n    z=2")
    status, said = lint("--fix", path)
    assert status == 1 and f"{path}" in said
    assert "    z=2" in path.read_text() and "x = 1" in path.read_text()


def test_a_bracket_that_tex_would_swallow_is_found(course):
    formula = "$$\n\\begin{aligned}\n%s &= 1 \\\\[2pt]\nb &= 2\n\\end{aligned}\n$$\n\n"
    good = course.lecture("a", "x = 1", prose=formula % "{}[a]")
    assert lint(good) == (0, "")
    bad = course.lecture("b", "x = 1", prose=formula % "[a]")
    status, said = lint(bad)
    line = 1 + bad.read_text().splitlines().index("[a] &= 1 \\\\[2pt]")
    assert status == 1 and f"b.md:{line}: TeX reads this bracket" in said
    bad = course.lecture("c", "x = 1", prose=formula.replace("b &", "[b] &") % "a")
    assert lint(bad) == (0, "")  # \\[2pt] has had its option already
    bad = course.lecture("d", "x = 1", prose="$$\na \\\\\n[b]\n$$\n\n")
    assert "d.md" in lint(bad)[1]


def test_text_that_myst_would_tear_is_found(course):
    good = "It is $a\n+ b$, 5 % of it.\n\n- $a$\n- $b$\n\n$$\na\n- b\n$$\n\n"
    assert lint(course.lecture("a", "x = 1", prose=good.replace("\n+", " +\n")))[0] == 0
    torn = course.lecture("b", "x = 1", prose=good)
    line = 1 + torn.read_text().splitlines().index("+ b$, 5 % of it.")
    assert f"b.md:{line}: a formula continues as a list" in lint(torn)[1]
    lost = course.lecture("c", "x = 1", prose="It is 5\n% of it.\n\n")
    assert "c.md" in lint(lost)[1] and "is not shown" in lint(lost)[1]
    magic = course.lecture("d", "%%time\nx = 1")
    assert "is not shown" not in lint(magic)[1]
