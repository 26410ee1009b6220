"""What a person wrote into ``marks.csv``: kept when it is written again."""

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dgm.course.files import Stop, cannot_write, write_atomically
from dgm.course.grading.master import COMMENT, FIRST, LAST, Cell, ProblemSet
from dgm.course.grading.record import digest
from dgm.course.grading.report import Row, as_written

Marks = dict[str, dict[str, float]]  # by student, by answer


def marked_by_hand(path: Path, problems: ProblemSet) -> Marks:
    """Marks that a person wrote into an earlier table, by student and answer.

    Raises:
        Stop: if one is no number from 0 to the answer's points.
    """
    cells = {cell.id: cell for cell in problems.of("manual", "written")}
    found: Marks = {}
    if not path.is_file():
        return found
    for row in _rows(path):
        for name, cell in cells.items():
            text = (row.get(name) or "").strip()
            if text:
                value = _mark(text, cell, row.get("student", ""), path)
                found.setdefault(row.get("student", ""), {})[name] = value
    return found


def comments(path: Path) -> dict[str, str]:
    """What a person wrote into the column for comments, by student.

    Raises:
        Stop: if the table cannot be read.
    """
    rows = list(_rows(path)) if path.is_file() else []
    return {row.get("student", ""): as_written(row.get(COMMENT, "")) for row in rows}


def _rows(path: Path) -> Iterator[dict[str, str]]:
    """Rows of a table, also as a spreadsheet saved it again."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError):
        raise Stop(
            f"Cannot read {path}, which holds your marks: save it as CSV in UTF-8, or "
            "move it away to begin anew."
        ) from None
    first = text.partition("\n")[0]
    separator = max(",;\t", key=first.count)
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=separator)
    if "student" not in (reader.fieldnames or []):
        raise Stop(f"{path} has no column 'student': move it away to begin anew.")
    for row in reader:
        yield {k: v for k, v in row.items() if isinstance(k, str) and v is not None}


def _mark(text: str, cell: Cell, student: str, path: Path) -> float:
    try:
        value = float(text.replace(",", "."))
    except ValueError:
        value = -1.0
    if not 0 <= value <= cell.points:
        raise Stop(
            f"{path}: '{text}' in column {cell.id} of {student} is no number from 0 to "
            f"{cell.points:g}."
        )
    return value


def keep_lost_marks(path: Path, problems: ProblemSet, keys: set[str]) -> None:
    """Copy the table if something in it would be lost when it is written again.

    That is a mark or a comment for a student who is graded no more, and whatever stands
    in a column that the new table does not have.
    """
    if not path.is_file():
        return
    by_hand = {cell.id for cell in problems.of("manual", "written")} | {COMMENT}
    kept = {*FIRST, *(cell.id for cell in problems.graded), *LAST}
    for row in _rows(path):
        gone = by_hand if row.get("student") not in keys else set()
        lost = {name for name in row if name not in kept} | gone
        if any(row.get(name, "").strip() for name in lost):
            copy = _free(path)
            with cannot_write(copy):
                copy.write_bytes(path.read_bytes())
            print(f"Marks of {row.get('student')} have no place any more: see {copy}.")
            return


def _free(path: Path) -> Path:
    """A name beside the table that no earlier copy has."""
    copy, number = path.with_name("marks-before.csv"), 2
    while copy.exists():
        copy, number = path.with_name(f"marks-before-{number}.csv"), number + 1
    return copy


def belongs_to(folder: Path, slug: str) -> None:
    """Refuse a folder that holds the marks of another problem set.

    Raises:
        Stop: naming the other.
    """
    note = folder / "problem-set.txt"
    if note.is_file() and (other := note.read_text("utf8").strip()) != slug:
        raise Stop(
            f"{folder} holds the marks of '{other}': choose another folder with --out."
        )
    write_atomically(note, slug + "\n")


def flag_changed_answers(path: Path, rows: list[Row]) -> None:
    """Flag an answer that is not the one that was read when its mark was given.

    Args:
        path: file that remembers for each mark which answer it was for.
        rows: all students.
    """
    try:
        before: Any = json.loads(path.read_text("utf8"))
    except (OSError, ValueError):
        before = {}
    now: dict[str, list[object]] = {}
    for row in rows:
        for name, mark in row.hand.items():
            key = f"{row.who.key}/{name}"
            read = [mark, digest([row.record.written.get(name, "")])]
            old = before.get(key, read)
            if old[0] == mark and old != read:
                row.record.flags.append(f"changed since it was marked: {name}")
                read = old
            now[key] = read
    write_atomically(path, json.dumps(now, indent=1) + "\n")
