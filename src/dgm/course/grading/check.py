"""``dgm release --check``: what CI proves of every problem set."""

import os
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from dgm.course.grading import sandbox
from dgm.course.grading.master import ProblemSet, read_master
from dgm.course.grading.merge import merge
from dgm.course.grading.notebooks import cells_of
from dgm.course.grading.release import (
    master_as_submission,
    masters,
    out_of_step,
    strangers,
)
from dgm.course.grading.report import number
from dgm.course.grading.runner import Limits, Outcome, points_of, run

LIMITS = Limits(cell=60.0, total=120.0)
AT_ONCE = min(os.cpu_count() or 1, 4)  # processes; each may need a gigabyte


def main(root: Path, names: list[str], unsafe: bool = False) -> int:
    """In step, full marks for the solutions, none for the stubs, nothing leaked."""
    paths = masters(root, names)
    walls = sandbox.choose(unsafe)
    if walls.safe:
        sandbox.refuse_to_show(paths)
    faults: list[str] = []
    with ThreadPoolExecutor(AT_ONCE) as pool:
        # The longest first, so that no long one is left over at the end.
        order = sorted(paths, key=lambda path: path.stat().st_size, reverse=True)
        sets = {path: _Marks(path, walls, pool) for path in order}
        for path in paths:
            for target in out_of_step(root, path):
                name = target.relative_to(root)
                faults.append(f"{name} is out of step: `dgm release`.")
            faults += sets[path].faults()
    for path in strangers(root) if not names else []:
        faults.append(f"{path.relative_to(root)} has no master: remove it.")
    for fault in faults:
        print(fault)
    return 1 if faults else 0


class _Marks:
    """The marks of a master and of its stubs, each graded in a process of its own."""

    def __init__(
        self, path: Path, walls: sandbox.Walls, pool: ThreadPoolExecutor
    ) -> None:
        self.path, self.problems = path, read_master(path)
        self.graded: dict[bool, Future[Outcome]] = {
            solved: pool.submit(_graded, path, self.problems, solved, walls)
            for solved in (True, False)
        }

    def faults(self) -> Iterator[str]:
        """What is wrong with the marks, as soon as they are known."""
        automatic = sum(cell.points for cell in self.problems.of("test"))
        seconds = 0.0
        for solved, future in self.graded.items():
            outcome = future.result()
            seconds += outcome.seconds
            yield from self._wrong(solved, outcome)
        print(
            f"{self.path.stem}: {number(automatic)} points by tests, "
            f"{number(self.problems.maximum - automatic)} by hand, {seconds:.1f} s",
            flush=True,
        )

    def _wrong(self, solved: bool, outcome: Outcome) -> Iterator[str]:
        name = self.path.name
        for cell, points in points_of(self.problems, outcome):
            verdict = outcome.tests[cell.id]
            if solved and points < cell.points:
                why = f"{verdict.verdict}, {verdict.error} in line {verdict.line}"
                yield f"{name}: {cell.id} fails ({why}: {verdict.message})"
            elif not solved and points:
                yield f"{name}: {cell.id} passes without an answer."
        if solved and outcome.flags:
            yield f"{name}: flags {outcome.flags} on its own solutions."


def _graded(
    path: Path, problems: ProblemSet, solved: bool, walls: sandbox.Walls
) -> Outcome:
    cells = cells_of(master_as_submission(path, solved))
    return run(problems, merge(problems, cells), walls, LIMITS)
