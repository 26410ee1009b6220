"""Each notebook runs where there is only what Colab ships, in an empty folder."""

import json
import shutil
from pathlib import Path, PurePath

import nbformat
import pytest

from dgm.course.grading.release import master_as_submission

pytestmark = pytest.mark.site
ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "_build" / "notebooks"
# The longest first, so that no long one is left over at the end.
FILES = sorted(FOLDER.rglob("*.ipynb"), key=lambda p: (-p.stat().st_size, p))
EVERY = [p.relative_to(FOLDER).as_posix() for p in FILES]
NOTEBOOKS = [name for name in EVERY if name.startswith("lectures/")]
PROBLEM_SETS = [name for name in EVERY if name.startswith("exercises/")]
WIDGET = "application/vnd.jupyter.widget-view+json"


def wheel():
    (found,) = FOLDER.glob("*.whl")
    return found


def test_there_are_notebooks():
    assert NOTEBOOKS, "There are no notebooks: run `make notebooks`."


def test_the_package_changes_nothing_that_colab_ships(colab):
    before = colab.versions()
    assert "dgm-course" not in before
    colab.pip("install", str(wheel()))
    after = colab.versions()
    assert {name: after[name] for name in before} == before
    assert "dgm-course" in after
    assert len(after) - len(before) < 8  # it asks for little


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook_installs_what_it_needs_and_runs(name, colab, tmp_path):
    shutil.copy(FOLDER / name, tmp_path / "lecture.ipynb")
    shutil.copy(wheel(), tmp_path)
    colab.execute("lecture.ipynb", tmp_path, "--output", "run")
    assert {p.name for p in tmp_path.iterdir()} == {
        "lecture.ipynb",
        "run.ipynb",
        wheel().name,
    }
    run = nbformat.read(tmp_path / "run.ipynb", as_version=4)
    outputs = [o for c in run.cells for o in c.get("outputs", [])]
    assert all(o.output_type != "error" for o in outputs)
    printed = "".join(o.get("text", "") for o in outputs)
    assert "✓ " in printed and "(exact)" in printed
    figures = [c for c in run.cells if "\nexplore(" in c.source]
    for cell in figures:
        assert any(WIDGET in output.get("data", {}) for output in cell.outputs)


@pytest.mark.parametrize("name", PROBLEM_SETS)
def test_a_problem_set_can_be_solved(name, colab, tmp_path):
    """As handed out, with the master's answers: every visible test passes."""
    notebook = nbformat.read(FOLDER / name, as_version=4)
    master = ROOT / "solutions" / f"{PurePath(name).stem}.md"
    solved = json.loads(master_as_submission(master, solved=True))
    answers = {
        cell["metadata"]["nbgrader"]["grade_id"]: "".join(cell["source"])
        for cell in solved["cells"]
        if cell["metadata"].get("nbgrader", {}).get("solution")
    }
    for cell in notebook.cells:
        known = cell.metadata.get("nbgrader", {}).get("grade_id", "")
        cell.source = answers.get(known, cell.source)
    nbformat.write(notebook, tmp_path / "solved.ipynb")
    shutil.copy(wheel(), tmp_path)
    colab.execute("solved.ipynb", tmp_path)


def test_without_the_package_the_notebook_says_what_to_do(colab, tmp_path):
    notebook = nbformat.read(FOLDER / NOTEBOOKS[0], as_version=4)
    (install,) = [c for c in notebook.cells if "install" in c.metadata.get("tags", [])]
    assert "git+" in install.source or "put {name} beside" in install.source


def test_a_slider_moves_the_picture_with_colabs_widgets(colab, tmp_path):
    colab.pip("install", str(wheel()))
    script = tmp_path / "slide.py"
    script.write_text(
        "import ipywidgets\n"
        "from dgm.widgets import explore\n"
        "def draw(figure, value):\n"
        "    figure.subplots().plot([0, value])\n"
        "box = explore(draw, [1, 2, 3], 'height', alt=str)\n"
        "picture, slider, *_ = box.children\n"
        "before = bytes(picture.value)\n"
        "slider.value = 2\n"
        "assert bytes(picture.value) != before\n"
        "print(ipywidgets.__version__)\n"
    )
    assert colab.run("python", str(script)).strip() == "7.7.1"


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="this copy is none of git's")
def test_the_package_installs_from_the_repository(colab, tmp_path):
    target = tmp_path / "site"
    place = f"git+file://{ROOT}"
    colab.pip("install", "--no-deps", "--target", str(target), place)
    assert (target / "dgm" / "record.py").is_file()
    results = {p.relative_to(ROOT) for p in (ROOT / "results").rglob("*.json")}
    found = {p.relative_to(target / "dgm") for p in target.rglob("results/**/*.json")}
    assert found == results
