"""``dgm grade``: a folder of submissions in; marks, feedback and exports out."""

import argparse
import platform
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from tqdm import tqdm

from dgm.course.cluster import each
from dgm.course.files import Stop, cannot_write, write_atomically
from dgm.course.grading import decoys, exports, feedback, hand, report, sandbox
from dgm.course.grading.master import ProblemSet, parse, text_of
from dgm.course.grading.merge import Merged, merge
from dgm.course.grading.notebooks import (
    Unreadable,
    Written,
    cells_of,
    read_submission,
)
from dgm.course.grading.record import FAILED, UNREADABLE, Record, digest, load, save
from dgm.course.grading.report import Row
from dgm.course.grading.runner import GIVEN_FAILED, Limits, Outcome, run
from dgm.course.grading.session import CannotStart
from dgm.course.grading.submissions import Submission, find

RECORDS = "records"


@dataclass(frozen=True)
class Task:
    """One submission, ready to be run anywhere that has ``dgm``."""

    key: str
    fingerprint: str
    problems: ProblemSet
    cells: tuple[Written, ...]
    limits: Limits
    unsafe: bool
    memory: int
    text: str = ""
    """The master's, of which the problems were made."""


def grade_one(task: Task) -> tuple[str, Record]:
    """Merge and run one submission; never raises, so that no other one suffers."""
    try:
        merged = merge(task.problems, list(task.cells))
        walls = _walls(task.unsafe, task.memory)
        outcome = run(task.problems, merged, walls, task.limits)
    except (CannotStart, Stop) as error:
        return task.key, Record("", FAILED, f"the sandbox did not start ({error})")
    except Exception as error:  # noqa: BLE001
        what = f"a fault of the grader: {type(error).__name__}: {error}"[:300]
        return task.key, Record("", FAILED, what)
    return task.key, _record(task, merged, outcome)


@cache
def _walls(unsafe: bool, memory: int) -> sandbox.Walls:
    return sandbox.choose(unsafe, memory)


def _record(task: Task, merged: Merged, outcome: Outcome) -> Record:
    sources: dict[int, str] = {}
    for index, verdict in outcome.cells.items():
        lines = task.cells[index].source.split("\n")
        if 0 < verdict.line <= len(lines):
            sources[index] = lines[verdict.line - 1][:300]
    unusual = decoys.unusual(task.cells, task.text)
    return Record(
        task.fingerprint,
        tests=outcome.tests,
        cells=outcome.cells,
        sources=sources,
        written=merged.written,
        answered=sorted(merged.answered),
        flags=merged.flags + ([] if merged.answered else ["nothing answered"]),
        notices=_notices(task.problems, merged, outcome)
        + ([f"unusual code: {unusual}"] if unusual else []),
        seconds=outcome.seconds,
    )


def _notices(problems: ProblemSet, merged: Merged, outcome: Outcome) -> list[str]:
    """Flags of the run; that given cells fail without answers is no news."""
    answers = {cell.id for cell in problems.of("answer", "manual")}
    if answers <= merged.answered:
        return outcome.flags
    return [flag for flag in outcome.flags if flag != GIVEN_FAILED]


class Batch:
    """A whole folder of submissions."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options, master = options, Path(options.master)
        self.out = Path(options.out or Path("marks", master.stem))
        self.text = text_of(master)
        self.problems = parse(self.text, master.stem)
        self.limits = Limits(options.cell_limit, options.limit)
        self.memory = int(options.memory * 1e9)
        self.submissions = find(Path(options.submissions), master.stem)
        self.records: dict[str, Record] = {}

    def run(self) -> int:
        """Grade what is not graded yet, and write everything."""
        table = self.out / report.NAME
        marks = hand.marked_by_hand(table, self.problems)
        comments = hand.comments(table)
        keys = {who.key for who in self.submissions}
        with cannot_write(self.out):
            (self.out / RECORDS).mkdir(parents=True, exist_ok=True)
        hand.belongs_to(self.out, self.problems.slug)
        todo = list(self._todo())
        with tqdm(total=len(todo), unit="student", disable=None) as bar:
            for key, record in each(
                grade_one, todo, self.options.j, self.options.cluster, _lost
            ):
                self.records[key] = record
                if record.status != FAILED:
                    save(self._path(key), record)
                bar.update()
        hand.keep_lost_marks(table, self.problems, keys)
        rows = [
            Row(
                who,
                self.records[who.key],
                marks.get(who.key, {}),
                self.options.unsafe,
                comments.get(who.key, ""),
            )
            for who in self.submissions
        ]
        hand.flag_changed_answers(self.out / RECORDS / ".hand", rows)
        self._write(rows)
        return self._summary(rows, len(todo))

    def _path(self, key: str) -> Path:
        return self.out / RECORDS / f"{key}.json"

    def _todo(self) -> Iterator[Task]:
        """Tasks for what has no record yet; the rest gets its record here."""
        engine = fingerprint_of_engine()
        for who in self.submissions:
            try:
                task = self._task(who, engine)
            except Unreadable as error:
                self.records[who.key] = Record("", UNREADABLE, str(error))
                continue
            except Exception:  # noqa: BLE001  (one file must not end the batch)
                self.records[who.key] = Record("", UNREADABLE, "it cannot be read")
                continue
            before = load(self._path(who.key))
            if before is not None and before.fingerprint == task.fingerprint:
                self.records[who.key] = before
            else:
                yield task

    def _task(self, who: Submission, engine: str) -> Task:
        if not who.files:
            raise Unreadable("no notebook was handed in")
        cells = tuple(cells_of(read_submission(who.files[0])))
        how = (self.limits, self.options.unsafe, self.memory)
        depends_on = digest((engine, self.text, cells, *how))
        return Task(who.key, depends_on, self.problems, cells, *how, self.text)

    def _write(self, rows: list[Row]) -> None:
        for row in rows:
            if len(row.who.files) > 1:
                others = len(row.who.files) - 1
                more = "notebook" if others == 1 else "notebooks"
                row.record.flags.append(f"{others} more {more} not read")
            text = feedback.page(self.problems, row)
            write_atomically(self.out / "feedback" / f"{row.who.key}.html", text)
        for cell in self.problems.of("manual", "written"):
            text = feedback.sheet(self.problems, cell, rows)
            write_atomically(self.out / "answers" / f"{cell.id}.html", text)
        report.write(self.out / report.NAME, self.problems, rows)
        exports.write_all(self.out / "exports", self.problems, rows)

    def _summary(self, rows: list[Row], ran: int) -> int:
        failed = [row for row in rows if row.record.status == FAILED]
        for row in failed:
            print(f"{row.who.key}: {row.record.reason}", file=sys.stderr)
        flagged = sum(bool(row.flags()) for row in rows)
        unreadable = sum(row.record.status == UNREADABLE for row in rows)
        waiting = sum(row.status(self.problems) == report.TO_MARK for row in rows)
        print(
            f"{len(rows)} submissions: {ran} run, {len(rows) - ran - unreadable} as "
            f"before, {unreadable} unreadable; {flagged} with flags, {waiting} to mark "
            f"by hand. See {self.out / report.NAME}."
        )
        if failed:
            print(f"{len(failed)} were not graded: run the same command again.")
        return 1 if failed else 0


def _lost(task: Task, error: Exception) -> tuple[str, Record]:
    """The record of a submission whose worker was lost."""
    what = f"a worker was lost: {type(error).__name__}: {error}"[:300]
    return task.key, Record("", FAILED, what)


@cache
def fingerprint_of_engine() -> str:
    """Of all code in ``dgm``, and of the libraries that answers meet."""
    files = sorted(sandbox.package().rglob("*.py"))
    code = [(str(f.relative_to(sandbox.package())), f.read_bytes()) for f in files]
    versions = [
        platform.python_version(),
        *map(_version, ("torch", "numpy", "ipython")),
    ]
    return digest((code, versions))


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def show_list(submissions: list[Submission]) -> int:
    """``--list``: which file belongs to whom."""
    for who in submissions:
        number = f" ({who.platform} {who.id})" if who.id else ""
        first = who.files[0] if who.files else "no notebook"
        rest = f", and {len(who.files) - 1} more" if len(who.files) > 1 else ""
        line = f"{who.key:<28} {who.name}{number}: {first}{rest}"
        print("".join(c if c.isprintable() else "?" for c in line))
    return 0


def main(options: argparse.Namespace) -> int:
    """Exit status 0 if every submission was graded, whatever it scored."""
    batch = Batch(options)
    if options.list:
        return show_list(batch.submissions)
    walls = sandbox.choose(options.unsafe, batch.memory)
    if walls.safe:
        sandbox.refuse_to_show(
            [Path(options.master), Path(options.submissions), batch.out]
        )
    else:
        print(
            "UNSAFE: submissions run with your rights; they can read and change your "
            "files and the marks. Every row says so."
        )
    return batch.run()
