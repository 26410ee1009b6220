"""Buttons and install cells lead to the repository that the book was built in."""

import re
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
    binder = "https://mybinder.org/v2/gh/someone/course/HEAD?urlpath=lab%2Ftree%2F"
    assert f'href="{binder}lectures%2Ffirst.md"' in page
    assert 'href="../notebooks/lectures/first.ipynb"' in page
    install = notebook.cells[2].source
    assert '"dgm-course @ git+https://github.com/someone/course.git"' in install
    back = "https://someone.github.io/course/lectures/first.html"
    assert f"[this page]({back})" in notebook.cells[1].source

    page, notebook = built(course, "https://user:token@gitlab.com/group/course.git")
    assert "colab" not in page and "mybinder" not in page
    assert 'href="../notebooks/lectures/first.ipynb"' in page
    install = notebook.cells[2].source
    assert '"dgm-course @ git+https://gitlab.com/group/course.git"' in install
    assert "token" not in page + nbformat.writes(notebook)

    page, notebook = built(course, "")
    assert "colab" not in page and "mybinder" not in page
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
    (course.root / "_toc.yml").unlink()
    course.toc()
    built(course, "")
    assert {p.stem for p in folder.iterdir()} == {"first"}


def test_links_to_other_pages_lead_into_the_site(course):
    course.lecture("second", "y = 2")
    course.lecture("first", "x = 1", prose="See {doc}`second` and {doc}`../index`.\n\n")
    _, notebook = built(course, "https://github.com/someone/course")
    site = "https://someone.github.io/course/"
    links = re.findall(r"\((https:[^)]+)\)", notebook.cells[0].source)
    assert links == [f"{site}lectures/second.html", f"{site}index.html"]
    pages = course.root / "_build/html"
    assert all((pages / link.removeprefix(site)).is_file() for link in links)


def test_pictures_travel_with_the_notebook(course):
    folder = course.root / "lectures"
    folder.mkdir(exist_ok=True)
    (folder / "dot.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    course.lecture("first", "x = 1", prose="![A dot](dot.svg)\n\n")
    _, notebook = built(course, "")
    assert "![A dot](data:image/svg+xml;base64," in notebook.cells[0].source


GATED = """\
````{{{kind}-start}} {argument}
{options}
````
Do it.

```{{code-cell}} ipython3
{cell}
```
````{{{kind}-end}}
````

"""


def test_exercises_and_solutions_may_hold_code(course):
    config = course.root / "_config.yml"
    extra = "sphinx:\n  extra_extensions: [sphinx_exercise]\n"
    config.write_text(config.read_text().replace("sphinx:\n", extra))
    exercise = GATED.format(
        kind="exercise", argument="Try this", options=":label: ex", cell="y = 3"
    )
    solution = GATED.format(
        kind="solution", argument="ex", options=":class: dropdown", cell="z = 3"
    )
    course.lecture("first", "x = 1", prose=exercise + solution)
    _, notebook = built(course, "")
    text = [cell.source for cell in notebook.cells]
    asked = text.index("y = 3")
    assert "**Exercise 1 (Try this)**" in "".join(text[:asked])
    solved = text.index("# @title Solution to Exercise 1 (Try this)\nz = 3")
    assert (
        "<summary><b>Solution to Exercise 1 (Try this)</b></summary>"
        in text[solved - 1]
    )
    assert notebook.cells[solved].metadata.jupyter.source_hidden


def test_what_the_notebook_cannot_say_stops_the_build(course):
    course.lecture("first", "x = 1", prose="```{sidebar} Aside\ntext\n```\n\n")
    with pytest.raises(AssertionError, match="no words for a 'sidebar'"):
        built(course, "")


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
