"""``marks.csv``: one row a student, with columns to fill by hand that are kept."""

import csv
import io
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from dgm.course.files import write_atomically
from dgm.course.grading.master import FIRST, LAST, Cell, ProblemSet
from dgm.course.grading.record import GRADED, Record
from dgm.course.grading.submissions import Submission

NAME = "marks.csv"
TO_MARK = "to mark by hand"
LONGEST = 400  # characters of the flags
# Signs that begin a formula, also full-width, wherever a spreadsheet may split.
BEGINS = r"(?=[\s\"']*[=+\-@\uff1d\uff0b\uff0d\uff20])"
FORMULA = re.compile(r"(^|[;,|])" + BEGINS)
QUOTED = re.compile(r"(^|[;,|])'" + BEGINS)


@dataclass
class Row:
    """A student, what was found, and what was marked by hand."""

    who: Submission
    record: Record
    hand: dict[str, float] = field(default_factory=dict)
    unsafe: bool = False
    comment: str = ""
    """What a person wrote to the student."""

    def points(self, cell: Cell) -> float | None:
        """Points for one test or written answer; None if it waits for a person."""
        if cell.kind in ("manual", "written"):
            empty = self.record.status == GRADED and cell.id not in self.record.answered
            return self.hand.get(cell.id, 0.0 if empty else None)
        verdict = self.record.tests.get(cell.id)
        return cell.points if verdict is not None and verdict.verdict == "ok" else 0.0

    def shown(self, cell: Cell) -> str:
        """For the table: marks by hand only as a person wrote them."""
        by_hand = cell.kind in ("manual", "written")
        return number(self.hand.get(cell.id) if by_hand else self.points(cell))

    def total(self, problems: ProblemSet) -> float:
        """Sum of what has been marked."""
        return sum(self.points(cell) or 0.0 for cell in problems.graded)

    def waits(self, problems: ProblemSet) -> bool:
        """Whether something has still to be marked by hand, or graded at all."""
        undone = any(self.points(cell) is None for cell in problems.graded)
        return self.record.status == "not graded" or undone

    def status(self, problems: ProblemSet) -> str:
        """For the column of that name."""
        if self.record.status != GRADED:
            return f"{self.record.status}: {self.record.reason}"
        return TO_MARK if self.waits(problems) else GRADED

    def flags(self) -> str:
        """All flags, on one line."""
        flags = [*self.record.flags, *self.record.notices]
        text = "; ".join((["UNSAFE"] if self.unsafe else []) + flags)
        return text if len(text) <= LONGEST else text[: LONGEST - 2] + " …"


def write(path: Path, problems: ProblemSet, rows: Iterable[Row]) -> None:
    """Write the table, so that a spreadsheet opens it and executes nothing."""
    graded = [cell.id for cell in problems.graded]
    table: list[list[object]] = [[*FIRST, *graded, *LAST]]
    for row in rows:
        marks = [row.shown(cell) for cell in problems.graded]
        files = row.who.files
        table.append(
            [row.who.key, row.who.name, *marks]
            + [number(row.total(problems)), number(problems.maximum), row.comment]
            + [row.status(problems), row.flags(), row.record.seconds]
            + [files[0].name if files else ""]
        )
    write_atomically(path, to_csv(table))


def to_csv(table: Iterable[Iterable[object]]) -> str:
    """A table as text, with a mark at its start that tells Excel that it is UTF-8."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    for row in table:
        writer.writerow([harmless(str(value)) for value in row])
    return "\ufeff" + out.getvalue()


def harmless(text: str) -> str:
    """A cell's text without control characters, and not a formula."""
    clean = "".join(c if c.isprintable() else " " for c in text)
    return FORMULA.sub(r"\1'", clean)


def as_written(text: str) -> str:
    """What :func:`harmless` was given, apart from control characters."""
    return QUOTED.sub(r"\1", text)


def number(value: float | None) -> str:
    """A number as people write it; nothing for None."""
    return "" if value is None else f"{value:g}"
