"""Stock nbgrader accepts every master and makes the same students' cells of it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import jupytext
import nbformat
import pytest
from handed_in import MASTER

from dgm.course.grading.release import editions

pytest.importorskip("nbgrader")
pytestmark = pytest.mark.slow
SOLUTIONS = Path(__file__).parents[2] / "solutions"
MASTERS = [MASTER, *sorted(SOLUTIONS.glob("*.md"))]


@pytest.mark.parametrize("master", MASTERS, ids=lambda path: path.stem)
def test_generate_assignment(master, tmp_path):
    source = tmp_path / "source/set1" / f"{master.stem}.ipynb"
    source.parent.mkdir(parents=True)
    nbformat.write(jupytext.read(master, fmt="md:myst"), source)
    folder = str(Path(sys.executable).parent)  # nbgrader calls alembic by its name
    path = os.pathsep.join([folder, os.environ.get("PATH", "")])
    command = [sys.executable, "-m", "nbgrader", "generate_assignment", "set1"]
    done = subprocess.run(
        [*command, f"--CourseDirectory.root={tmp_path}"],
        cwd=tmp_path,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    theirs = json.loads((tmp_path / "release/set1" / source.name).read_text())
    ours = json.loads(editions(master)[".ipynb"])
    assert shown(theirs) == shown(ours)


def shown(book: dict) -> list[tuple[str, str, str, bool, bool]]:
    cells = []
    for cell in book["cells"]:
        metadata = cell["metadata"]
        cells.append(
            (
                cell["cell_type"],
                "".join(cell["source"]).strip(),
                metadata.get("nbgrader", {}).get("grade_id", ""),
                metadata.get("deletable", True),
                metadata.get("editable", True),
            )
        )
    return cells
