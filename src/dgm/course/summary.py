"""A table of many runs: each record's mean and standard deviation over the seeds."""

import json
import math
import statistics
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from dgm.course.files import write_atomically


def write(path: Path, reports: list[dict[str, Any]]) -> None:
    """Write the table as JSON, and print it."""
    rows = list(table(reports))
    runs = [
        {key: report[key] for key in ("lecture", "parameters", "failure", "seconds")}
        for report in reports
    ]
    text = json.dumps({"records": rows, "runs": runs}, indent=1)
    write_atomically(path, text + "\n")
    for line in lines(rows):
        print(line)
    print(f"Summary of {len(reports)} runs: {path}")


def table(reports: Iterable[dict[str, Any]]) -> Iterable[dict[str, Any]]:
    """A row for each numeric record: mean, standard deviation (n - 1), n."""
    values: dict[tuple[str, str, str], list[float]] = {}
    for report in reports:
        if report["failure"]:
            continue  # what it recorded before is no sample of whole runs
        for record in report["records"]:
            if type(record["value"]) in (int, float):
                key = (report["lecture"], record["name"], record["kind"])
                values.setdefault(key, []).append(record["value"])
    for (lecture, name, kind), found in values.items():
        yield {
            "lecture": lecture,
            "record": name,
            "kind": kind,
            "mean": math.fsum(found) / len(found),
            "sd": statistics.stdev(found) if len(found) > 1 else None,
            "n": len(found),
        }


def lines(rows: list[dict[str, Any]]) -> Iterable[str]:
    """The table as text."""
    head = ("lecture", "record", "kind", "mean", "sd", "n")
    cells = [head, *(tuple(_text(row[key]) for key in head) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for row in cells:
        padded = (text.ljust(width) for text, width in zip(row, widths, strict=True))
        yield "  ".join(padded).rstrip()


def _text(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.6g}" if isinstance(value, float) else str(value)
