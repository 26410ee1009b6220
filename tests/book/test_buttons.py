"""Buttons and install cells lead to the repository that the book was built in."""

import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "course"))
from minicourse import new_course

pytestmark = pytest.mark.slow


@pytest.fixture
def course(tmp_path):
    course = new_course(tmp_path)
    course.lecture("first", "x = 1", prose="About *x*.\n\n")
    return course


def built(course, address):
    """Page and notebook of the first lecture, built for an address."""
    course.extra["DGM_REPO_URL"] = address
    course.build()
    notebook = course.root / "_build/html/notebooks/lectures/first.ipynb"
    return course.html("first"), nbformat.read(notebook, as_version=4)


def test_every_address_gets_its_own_buttons(course):
    page, notebook = built(course, "git@github.com:someone/course.git")
    goal = "github.com/someone/course/blob/notebooks/lectures/first.ipynb"
    colab = f'href="https://colab.research.google.com/{goal.replace(".com", "", 1)}"'
    assert colab in page
    assert 'href="../notebooks/lectures/first.ipynb"' in page
    install = notebook.cells[2].source
    assert '"dgm-course @ git+https://github.com/someone/course.git"' in install
    back = "https://someone.github.io/course/lectures/first.html"
    assert f"[this page]({back})" in notebook.cells[1].source

    page, notebook = built(course, "https://user:token@gitlab.com/group/course.git")
    assert "colab" not in page
    assert 'href="../notebooks/lectures/first.ipynb"' in page
    install = notebook.cells[2].source
    assert '"dgm-course @ git+https://gitlab.com/group/course.git"' in install
    assert "token" not in page + nbformat.writes(notebook)

    page, notebook = built(course, "")
    assert "colab" not in page
    assert "git+" not in notebook.cells[2].source
    assert ".whl" in notebook.cells[2].source
    assert "http" not in notebook.cells[1].source


def test_the_install_cell_follows_the_commit(course):
    def git(*words):
        identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
        done = subprocess.run(
            ["git", *identity, "-C", course.root, *words],
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout.strip()

    git("init", "-q")
    address = "https://github.com/someone/course"
    for message in ("first", "second"):
        git("commit", "-q", "--allow-empty", "-m", message)
        _, notebook = built(course, address)
        head = git("rev-parse", "HEAD")
        assert f"{address}.git@{head}" in notebook.cells[2].source


def test_the_notebook_of_a_removed_lecture_goes(course):
    course.lecture("second", "y = 2")
    built(course, "")
    folder = course.root / "_build/html/notebooks/lectures"
    assert {p.stem for p in folder.iterdir()} == {"first", "second"}
    (course.root / "lectures" / "second.md").unlink()
    course.toc()
    built(course, "")
    assert {p.stem for p in folder.iterdir()} == {"first"}


def test_code_that_the_page_hides_is_in_the_notebook(course):
    course.lecture(
        "first",
        "```{code-cell} ipython3\n:tags: [remove-cell]\na = 1\n```",
        "```{code-cell} ipython3\n:tags: [remove-input]\nb = 2\n```",
        "c = 3",
        "```{code-cell} ipython3\n:tags: [remove-cell]\nd = 4\n```",
    )
    _, notebook = built(course, "")
    codes = [c.source for c in notebook.cells if c.cell_type == "code"]
    assert codes[1:] == ["a = 1", "b = 2", "c = 3", "d = 4"]
