"""nbval must fail when a page shows anything else than the notebook does."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from minicourse import Course, new_course

pytestmark = pytest.mark.slow

REPOSITORY = Path(__file__).parents[2]
SOURCE = """
import os
import matplotlib.pyplot as plt
from dgm.record import record
print('answer', 6 * 7)
record('loss', 1.5)
record('seconds', float(os.getpid()), volatile=True)
fig, ax = plt.subplots(figsize=(2, 2))
_ = ax.plot([1, 2, 4])
"""


def compare(course):
    """Re-execute with nbval, exactly as the Makefile does."""
    plugin = ["-p", "tests.plugins.nbval_book", "-p", "no:cacheprovider", "--nbval"]
    words = [sys.executable, "-m", "pytest", "-q", "-o", "addopts=", *plugin]
    done = subprocess.run(
        [*words, f"--rootdir={course.root}", str(course.root / "lectures")],
        cwd=REPOSITORY,
        env={**os.environ, **course.environment()},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """Executed once; outputs are found by what a notebook says, not by its folder."""
    course = new_course(tmp_path_factory.mktemp("template"))
    course.lecture("a", SOURCE, "import torch\ntorch.arange(3)")
    assert course.dgm("execute").status == 0
    return course


@pytest.fixture
def executed(template, tmp_path):
    return Course(shutil.copytree(template.root, tmp_path / "course"))


def outputs(course):
    (path,) = (course.root / "_build/cache/executed").glob("*/base.ipynb")
    return path, json.loads(path.read_text())


def test_an_untouched_page_passes_although_its_timings_differ(executed):
    status, said = compare(executed)
    assert status == 0, said
    assert "2 passed" in said


def test_a_changed_number_fails(executed):
    path, notebook = outputs(executed)
    path.write_text(json.dumps(notebook).replace("answer 42", "answer 43"))
    status, said = compare(executed)
    assert status == 1
    assert "answer 43" in said


def test_a_changed_record_fails(executed):
    path, notebook = outputs(executed)
    plain = "application/papermill.record/text/plain"
    changed = 0
    for output in notebook["cells"][0]["outputs"]:
        if output.get("data", {}).get(plain) == "1.5":
            output["data"][plain] = "1.4"
            changed += 1
    assert changed == 1
    path.write_text(json.dumps(notebook))
    assert compare(executed)[0] == 1


def test_a_changed_picture_fails(executed):
    path, notebook = outputs(executed)
    pictures = [
        output["data"]
        for output in notebook["cells"][0]["outputs"]
        if "image/png" in output.get("data", {})
    ]
    (data,) = pictures
    png = data["image/png"]
    data["image/png"] = png[:-30] + ("A" if png[-30] != "A" else "B") + png[-29:]
    path.write_text(json.dumps(notebook))
    status, said = compare(executed)
    assert status == 1
    assert "image/png" in said


def test_a_missing_output_fails(executed):
    path, notebook = outputs(executed)
    del notebook["cells"][1]["outputs"][0]
    path.write_text(json.dumps(notebook))
    assert compare(executed)[0] == 1


def test_a_page_that_was_never_executed_fails_with_a_sentence(course):
    course.lecture("a", "1 + 1")
    status, said = compare(course)
    assert status == 2
    assert "a.md is not executed: `make book`" in said


def test_pictures_of_the_books_style_are_compared_too(course):
    """SVG, which is what lectures show: text that must not contain a date."""
    style = "from dgm import figures\nfigures.use_style()\n"
    course.lecture("a", style + SOURCE)
    assert course.dgm("execute").status == 0
    path, notebook = outputs(course)
    assert compare(course)[0] == 0
    text = json.dumps(notebook)
    assert "image/svg+xml" in text
    path.write_text(text.replace("stroke-width: 1.8", "stroke-width: 1.9", 1))
    status, said = compare(course)
    assert status == 1
    assert "image/svg+xml" in said


def test_a_trailing_semicolon_hides_a_value_as_in_the_book(course):
    """nbval alone would show the value: it executes without history."""
    course.lecture("a", "6 * 7;")
    assert course.dgm("execute").status == 0
    status, said = compare(course)
    assert status == 0, said
