"""Read what students hand in, whatever it is."""

import json
import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dgm.course.grading.submissions import LARGEST

LONGEST_CELL = 1_000_000  # characters
MOST_CELLS = 2000
MOST_CODE = 1_000_000  # characters of all code cells together


class Unreadable(Exception):
    """A file that is no notebook; says what it is, for student and instructor."""


@dataclass(frozen=True)
class Written:
    """A cell that a student handed in."""

    source: str
    code: bool
    id: str = ""
    """nbgrader's ``grade_id``, where the metadata survived."""
    points: float | None = None


def read_submission(file: Path) -> str:
    """A submission's text.

    Raises:
        Unreadable: if it is too large, or no text.
    """
    size = file.stat().st_size
    if size > LARGEST:
        most = LARGEST // 1_000_000
        raise Unreadable(
            f"the file has {size // 1_000_000} MB; at most {most} are read"
        )
    if not size:
        raise Unreadable("the file is empty")
    try:
        return file.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Unreadable("the file is not a notebook (no UTF-8 text)") from None


def cells_of(text: str) -> list[Written]:
    """The cells of a notebook of any version, without outputs.

    Raises:
        Unreadable: if the text is no notebook.
    """
    if not text.strip():
        raise Unreadable("the file is empty")
    try:
        book = json.loads(text)
    except (ValueError, RecursionError, MemoryError):
        raise Unreadable("the file is not a notebook (not JSON)") from None
    found = _cells(book)
    if found is None:
        raise Unreadable("the file is JSON but not a notebook (it has no cells)")
    if len(found) > MOST_CELLS:
        raise Unreadable(
            f"the notebook has {len(found)} cells; at most {MOST_CELLS} are read"
        )
    cells = [_written(cell) for cell in found if isinstance(cell, dict)]
    if sum(len(cell.source) for cell in cells if cell.code) > MOST_CODE:
        raise Unreadable("its code has more than a million characters")
    return cells


def _cells(book: Any) -> list[Any] | None:
    """The list of cells of nbformat 4, or of the worksheets of nbformat 3."""
    if not isinstance(book, dict):
        return None
    if isinstance(book.get("cells"), list):
        return list(book["cells"])
    sheets = book.get("worksheets")
    if not isinstance(sheets, list):
        return None
    lists = [s.get("cells") for s in sheets if isinstance(s, dict)]
    return [cell for cells in lists if isinstance(cells, list) for cell in cells]


def _written(cell: dict[str, Any]) -> Written:
    code = cell.get("cell_type") == "code"
    source = cell.get("source", cell.get("input", ""))  # nbformat 3 says "input"
    if isinstance(source, list):
        source = "".join(line for line in source if isinstance(line, str))
    text = _text(source) if isinstance(source, str) else ""
    metadata = cell.get("metadata")
    own = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    if not isinstance(own, dict):
        return Written(text, code)
    name, points = own.get("grade_id"), own.get("points")
    return Written(
        text,
        code,
        name if isinstance(name, str) else "",
        _points(points),
    )


def _points(value: object) -> float | None:
    """A number, if it is one; an integer may have thousands of digits."""
    try:
        return float(value) if isinstance(value, int | float) else None
    except OverflowError:
        return math.inf


def _text(source: str) -> str:
    """Source with the line ends of this system, and nothing that UTF-8 cannot hold."""
    if len(source) > LONGEST_CELL:
        half = "# ... (this cell was longer than a million characters and was left out)"
        return source[:1000].rpartition("\n")[0] + "\n" + half
    clean = source.encode("utf8", "replace").decode("utf8")
    return re.sub(r"\r\n?", "\n", clean)
