"""Lint the code in lectures and check its format: ruff does not read MyST files.

``python tests/lint_lectures.py [--fix] lectures/*.md``; ``--fix`` formats in place.
"""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from dgm.course.notebook import CodeCell, code_cells, without_magics

# TeX takes a bracket there for an option, and does not show it.
SWALLOWED = re.compile(r"(?:\\begin\{aligned\}|\\\\\s*\n)\s*\[")

FENCE = re.compile(r"^(`{3,}|:{3,})")
# A line of MyST that begins with % is a comment; with - + or *, a list.
COMMENT, BULLET = re.compile(r"^\s*%"), re.compile(r"^\s*[-+*] ")
DOLLAR = re.compile(r"(?<!\\)\$")


def ruff(source: str, *words: str) -> str:
    """What ruff prints of a source on its standard input."""
    command = [sys.executable, "-m", "ruff", *words, "-q", "-"]
    done = subprocess.run(
        command, input=source, capture_output=True, text=True, check=False
    )
    return done.stdout + done.stderr


def parses(source: str) -> bool:
    """Whether this is Python; `ruff format` prints nothing of what is not."""
    try:
        ast.parse(source)
    except SyntaxError:
        return False
    return True


def lint(path: Path, cells: list[CodeCell]) -> str:
    """What ruff finds in a lecture; the lines are those of the ``.md`` file."""
    lines: list[str] = []
    for cell in cells:
        lines += [""] * (cell.line - 1 - len(lines))
        lines += without_magics(cell.source).splitlines()
    name = f"--stdin-filename=lectures/{path.stem}.py"
    found = ruff("\n".join(lines) + "\n", "check", "--output-format=concise", name)
    return found.replace(f"lectures/{path.stem}.py:", f"{path}:")


def formatted(path: Path, cells: list[CodeCell]) -> dict[CodeCell, str]:
    """The cells that ``ruff format`` would change, and what it would make of them."""
    changed = {}
    for cell in cells:
        if without_magics(cell.source) == cell.source and parses(cell.source):
            better = ruff(cell.source + "\n", "format").rstrip("\n")
            if better != cell.source:
                changed[cell] = better
    return changed


def swallowed(path: Path) -> str:
    """Formulas a part of which TeX would leave out."""
    text = path.read_text("utf8")
    lines = [text.count("\n", 0, found.end()) + 1 for found in SWALLOWED.finditer(text)]
    return "".join(
        f"{path}:{line}: TeX reads this bracket as an option: write {{}}[\n"
        for line in lines
    )


def torn(path: Path) -> str:
    """Lines of text that MyST takes for a comment, or for a list amid a formula."""
    found, is_open = "", False
    for number, line in prose(path):
        if not line.strip():
            is_open = False  # a formula ends with its paragraph
        elif COMMENT.match(line):
            found += f"{path}:{number}: a line beginning with % is not shown: move it\n"
        elif is_open and BULLET.match(line):
            found += f"{path}:{number}: a formula continues as a list: move the sign\n"
        is_open ^= len(DOLLAR.findall(line.replace("$$", ""))) % 2 == 1
    return found


def prose(path: Path) -> Iterator[tuple[int, str]]:
    """The lines with their numbers, without code cells and displayed formulas."""
    fence, display = "", False
    for number, line in enumerate(path.read_text("utf8").splitlines(), 1):
        mark = FENCE.match(line)
        if fence:
            fence = "" if line.strip() == fence else fence
        elif mark and ("{code-cell}" in line or "{" not in line and line != mark[1]):
            fence = mark[1]
        elif line.startswith("$$"):
            display = not display and line.count("$$") == 1
        elif not display:
            yield number, line


def rewrite(path: Path, changed: dict[CodeCell, str]) -> None:
    """Put formatted cells in their places; last first, so that lines keep."""
    lines = path.read_text("utf8").splitlines()
    for cell, better in sorted(changed.items(), key=lambda pair: -pair[0].line):
        end = cell.line - 1 + len(cell.source.splitlines())
        lines[cell.line - 1 : end] = better.splitlines()
    path.write_text("\n".join(lines) + "\n", encoding="utf8")


def main(arguments: list[str]) -> int:
    """Exit status 0 if there is nothing to say."""
    problems = ""
    for path in (Path(name) for name in arguments if name != "--fix"):
        cells = code_cells(path)
        changed = formatted(path, cells)
        if "--fix" in arguments:
            rewrite(path, changed)
            cells, changed = code_cells(path), {}
        problems += lint(path, cells) + swallowed(path) + torn(path)
        for cell in changed:
            problems += f"{path}:{cell.line}: ruff format would change this cell\n"
    sys.stderr.write(problems)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
