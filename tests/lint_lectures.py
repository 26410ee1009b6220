"""Lint and check the format of the code in lectures: ruff does not read MyST files."""

import subprocess
import sys
from pathlib import Path

import jupytext


def problems(path: Path) -> str:
    """What ruff says of a lecture's code, or the empty string."""
    code = jupytext.writes(jupytext.read(path), fmt="py:percent")
    name = ["--stdin-filename", f"lectures/{path.stem}.py", "-"]
    found = ""
    for command in (["check", "-q"], ["format", "-q", "--diff"]):
        ruff = [sys.executable, "-m", "ruff", *command, *name]
        done = subprocess.run(
            ruff, input=code, capture_output=True, text=True, check=False
        )
        if done.returncode:
            found += f"{path}: {done.stdout}{done.stderr}"
    return found


if __name__ == "__main__":
    text = "".join(problems(Path(name)) for name in sys.argv[1:])
    sys.stderr.write(text)
    sys.exit(bool(text))
