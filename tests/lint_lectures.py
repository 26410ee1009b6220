"""Lint and check the format of the code in lectures: ruff does not read MyST files."""

import subprocess
import sys
import tempfile
from pathlib import Path

from dgm.course.notebook import CodeCell, code_cells, without_magics

RUFF = [sys.executable, "-m", "ruff"]


def lint(path: Path, cells: list[CodeCell]) -> str:
    """What ruff finds in a lecture; the lines are those of the ``.md`` file."""
    lines: list[str] = []
    for cell in cells:
        lines += [""] * (cell.line - 1 - len(lines))
        lines += without_magics(cell.source).splitlines()
    name = ["--stdin-filename", f"lectures/{path.stem}.py", "-"]
    words = [*RUFF, "check", "--output-format", "concise", "-q", *name]
    text = "\n".join(lines) + "\n"
    done = subprocess.run(
        words, input=text, capture_output=True, text=True, check=False
    )
    return (done.stdout + done.stderr).replace(f"{path.stem}.py:", f"{path.stem}.md:")


def unformatted(path: Path, cells: list[CodeCell]) -> str:
    """The cells that ``ruff format`` would change, each by its first line."""
    found = ""
    with tempfile.TemporaryDirectory() as folder:
        for cell in cells:
            file = Path(folder) / f"{cell.line}.py"
            file.write_text(without_magics(cell.source) + "\n", encoding="utf8")
        config = str(Path(__file__).parents[1] / "pyproject.toml")
        words = [*RUFF, "format", "--check", "--config", config, folder]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
    for cell in cells:
        if f"/{cell.line}.py" in done.stdout + done.stderr:
            found += f"{path}:{cell.line}: ruff format would change this cell\n"
    return found


if __name__ == "__main__":
    problems = ""
    for name in sys.argv[1:]:
        listed = code_cells(Path(name))
        problems += lint(Path(name), listed) + unformatted(Path(name), listed)
    sys.stderr.write(problems)
    sys.exit(bool(problems))
