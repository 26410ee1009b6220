"""Make submissions for tests: notebooks as students, and platforms, make them."""

import copy
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from dgm.course.files import Stop
from dgm.course.grading import sandbox
from dgm.course.grading.release import master_as_submission
from dgm.course.grading.sandbox import Walls

MASTER = Path(__file__).with_name("mini.md")
Book = dict[str, Any]


def solved() -> Book:
    """All answers right."""
    return _read(master_as_submission(MASTER, solved=True))


def untouched() -> Book:
    """As it was released."""
    return _read(master_as_submission(MASTER, solved=False))


def _read(text: str) -> Book:
    book = json.loads(text)
    for one in book["cells"]:
        one["source"] = "".join(one["source"])
    return book


def cell(book: Book, name: str) -> dict[str, Any]:
    """The cell with this ``grade_id``."""
    return book["cells"][position(book, name)]


def position(book: Book, name: str) -> int:
    ids = [c["metadata"].get("nbgrader", {}).get("grade_id") for c in book["cells"]]
    return ids.index(name)


def answering(name: str, source: str, book: Book | None = None) -> Book:
    """A right submission but for one answer."""
    changed = copy.deepcopy(book or solved())
    cell(changed, name)["source"] = source
    return changed


def with_cell(source: str, before: str, book: Book | None = None) -> Book:
    """A right submission with a code cell of the student's own."""
    changed = copy.deepcopy(book or solved())
    changed["cells"].insert(position(changed, before), code(source))
    return changed


def code(source: str) -> dict[str, Any]:
    return {"cell_type": "code", "metadata": {}, "outputs": [], "source": source}


def stripped(book: Book) -> Book:
    """Without any metadata, as some tools save."""
    changed = copy.deepcopy(book)
    for one in changed["cells"]:
        one["metadata"] = {}
        one.pop("id", None)
    return changed


def version_3(book: Book) -> Book:
    """The format of 2014."""
    cells = []
    for one in book["cells"]:
        old = {"cell_type": one["cell_type"], "metadata": one["metadata"]}
        key = "input" if one["cell_type"] == "code" else "source"
        cells.append(old | {key: one["source"], "language": "python"})
    return {"worksheets": [{"cells": cells}], "metadata": {}, "nbformat": 3}


def sandbox_or_reason() -> tuple[Walls | None, str]:
    """The walls of this machine, or why it can build none."""
    try:
        return sandbox.choose(False), ""
    except Stop as stop:
        return None, str(stop)


def dgm(root: Path, *words: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """The command, in a folder."""
    command = [sys.executable, "-m", "dgm.course.cli", *words]
    return subprocess.run(
        command,
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
        timeout=500,
        **options,
    )


def write(path: Path, content: Book | str | bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        text = content if isinstance(content, str) else json.dumps(content)
        path.write_text(text, encoding="utf8")
