"""Notebooks for readers who have no copy of the book: ``make notebooks``."""

import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

from nbformat import NotebookNode, v4

from dgm.course.files import Stop, cannot_write
from dgm.course.repository import Repository

SITE_FOLDER = Path("_build/html/notebooks")
TAG = "install"
CELL = """\
# @title Install the course's package
# It does nothing where the package is installed already.
from importlib.util import find_spec

if find_spec("dgm") is None:
    {how}
"""
FROM_REPOSITORY = '%pip install --quiet "dgm-course @ git+{address}.git{commit}"'
FROM_WHEEL = """\
from pathlib import Path

    name = "{wheel}"
    wheel = next((p for p in (Path(name), Path("..", name)) if p.exists()), None)
    if wheel is None:
        raise FileNotFoundError(
            f"The course's package is missing: put {{name}} beside this notebook and "
            "run this cell again, or run `pip install` with the folder of the course."
        )
    %pip install --quiet {{wheel}}"""


def wheel_name() -> str:
    """File name of the package's wheel."""
    return f"dgm_course-{version('dgm-course')}-py3-none-any.whl"


def install_cell(place: Repository | None, commit: str | None) -> NotebookNode:
    """The first code cell: installs ``dgm`` where it is missing, as on Colab.

    Args:
        place: the book's repository; without one, a wheel beside the notebook serves.
        commit: the version to install; without it, the newest.
    """
    if place is None:
        how = FROM_WHEEL.format(wheel=wheel_name())
    else:
        at = f"@{commit}" if commit else ""
        how = FROM_REPOSITORY.format(address=place.url, commit=at)
    metadata = {"tags": [TAG], "cellView": "form"}
    cell: NotebookNode = v4.new_code_cell(CELL.format(how=how), metadata=metadata)
    return cell


def with_install_cell(
    notebook: NotebookNode, place: Repository | None, commit: str | None
) -> NotebookNode:
    """The notebook with its install cell brought up to date."""
    for cell in notebook.cells:
        if TAG in cell.metadata.get("tags", []):
            cell.source = install_cell(place, commit).source
    return notebook


def main(root: Path, out: Path) -> int:
    """``dgm notebooks``: the notebooks of the built site, and the package they need.

    Raises:
        Stop: if the site is not built, or the package cannot be.
    """
    source = root / SITE_FOLDER
    notebooks = sorted(source.rglob("*.ipynb"))
    if not notebooks:
        raise Stop(f"There are no notebooks in {source}: run `make book` first.")
    with cannot_write(out):
        shutil.rmtree(out, ignore_errors=True)
        shutil.copytree(source, out)
    build_wheel(root, out)
    print(f"{len(notebooks)} notebooks and {wheel_name()} in {out}")
    return 0


def build_wheel(root: Path, out: Path) -> None:
    """The package as one file, recorded results included."""
    words = ["-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    done = subprocess.run(
        [sys.executable, *words, "--wheel-dir", str(out), str(root)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise Stop(f"The package cannot be built:\n{done.stderr.strip()}")
