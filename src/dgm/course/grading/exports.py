"""The marks in the forms that learning platforms import."""

import io
import json
import re
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dgm.course.files import cannot_write, write_atomically
from dgm.course.grading.feedback import explain, page
from dgm.course.grading.master import ProblemSet
from dgm.course.grading.report import Row, number, to_csv

EPOCH = (1980, 1, 1, 0, 0, 0)  # in zip files: the same bytes every time


def write_all(folder: Path, problems: ProblemSet, rows: Sequence[Row]) -> None:
    """Canvas's grade book, Moodle's worksheet and feedback, Gradescope's results.

    Whoever still waits for a mark by hand has an empty grade in the first two.
    """
    canvas = [row for row in rows if row.who.platform == "canvas"]
    moodle = [row for row in rows if row.who.platform == "moodle"]
    if canvas:
        write_atomically(folder / "canvas.csv", _canvas(problems, canvas))
    if moodle:
        write_atomically(folder / "moodle.csv", _moodle(problems, moodle))
        _moodle_feedback(folder / "moodle-feedback.zip", problems, moodle)
    for row in rows:
        text = json.dumps(gradescope(problems, row), indent=1, ensure_ascii=False)
        write_atomically(folder / "gradescope" / f"{row.who.key}.json", text + "\n")


def _grade(problems: ProblemSet, row: Row) -> str:
    return "" if row.waits(problems) else number(row.total(problems))


def _canvas(problems: ProblemSet, rows: Sequence[Row]) -> str:
    """A grade book to import: students are matched by their ID."""
    table: list[list[str]] = [
        ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", problems.title],
        ["Points Possible", "", "", "", "", number(problems.maximum)],
    ]
    for row in rows:
        grade = _grade(problems, row)
        table.append([row.who.name, row.who.id, "", "", "", grade])
    return to_csv(table)


def _moodle(problems: ProblemSet, rows: Sequence[Row]) -> str:
    """An offline grading worksheet: students are matched by the identifier."""
    most = number(problems.maximum)
    table: list[list[str]] = [["Identifier", "Full name", "Grade", "Maximum Grade"]]
    for row in rows:
        identifier = f"Participant {row.who.id}"
        table.append([identifier, row.who.name, _grade(problems, row), most])
    return to_csv(table)


def _moodle_feedback(path: Path, problems: ProblemSet, rows: Sequence[Row]) -> None:
    """For *Upload multiple feedback files in a zip*."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for row in rows:
            name = f"{row.who.name}_{row.who.id}_assignsubmission_file_"
            folder = re.sub(r"[/\\:]", "-", name)
            info = zipfile.ZipInfo(f"{folder}/feedback.html", EPOCH)
            archive.writestr(info, page(problems, row))
    with cannot_write(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(out.getvalue())


def gradescope(problems: ProblemSet, row: Row) -> dict[str, Any]:
    """A ``results.json`` as Gradescope's autograders write it."""
    tests: list[dict[str, Any]] = []
    for cell in problems.graded:
        points = row.points(cell)
        test: dict[str, Any] = {"name": cell.id, "max_score": cell.points}
        test |= {"score": points or 0.0, "visibility": "visible"}
        if points is None:
            test["output"] = "still to be marked by hand"
        else:
            test["status"] = "passed" if points == cell.points else "failed"
            test |= {"output": "".join(explain(cell, row.record))}
            test["output_format"] = "html"
        tests.append(test)
    return {
        "score": row.total(problems),
        "stdout_visibility": "hidden",
        "output": row.record.reason,
        "tests": tests,
    }
