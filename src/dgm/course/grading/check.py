"""``dgm release --check``: what CI proves of every problem set."""

from collections.abc import Iterator
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


def main(root: Path, names: list[str], unsafe: bool = False) -> int:
    """In step, full marks for the solutions, none for the stubs, nothing leaked."""
    paths = masters(root, names)
    walls = sandbox.choose(unsafe)
    if walls.safe:
        sandbox.refuse_to_show(paths)
    faults: list[str] = []
    for path in paths:
        for target in out_of_step(root, path):
            faults.append(f"{target.relative_to(root)} is out of step: `dgm release`.")
        faults += _scores(path, walls)
    for path in strangers(root) if not names else []:
        faults.append(f"{path.relative_to(root)} has no master: remove it.")
    for fault in faults:
        print(fault)
    return 1 if faults else 0


def _scores(path: Path, walls: sandbox.Walls) -> Iterator[str]:
    """What is wrong with the marks of a master and of its stubs."""
    problems = read_master(path)
    automatic = sum(cell.points for cell in problems.of("test"))
    seconds = 0.0
    for solved in (True, False):
        outcome = _graded(path, problems, solved, walls)
        seconds += outcome.seconds
        for cell, points in points_of(problems, outcome):
            verdict = outcome.tests[cell.id]
            if solved and points < cell.points:
                why = f"{verdict.verdict}, {verdict.error} in line {verdict.line}"
                yield f"{path.name}: {cell.id} fails ({why}: {verdict.message})"
            elif not solved and points:
                yield f"{path.name}: {cell.id} passes without an answer."
        if solved and outcome.flags:
            yield f"{path.name}: flags {outcome.flags} on its own solutions."
    print(
        f"{path.stem}: {number(automatic)} points by tests, "
        f"{number(problems.maximum - automatic)} by hand, {seconds:.1f} s"
    )


def _graded(
    path: Path, problems: ProblemSet, solved: bool, walls: sandbox.Walls
) -> Outcome:
    cells = cells_of(master_as_submission(path, solved))
    return run(problems, merge(problems, cells), walls, LIMITS)
