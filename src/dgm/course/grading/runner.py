"""Run what was merged, cell by cell, whatever happens in a cell."""

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from dgm.course.grading import compiled, decoys
from dgm.course.grading.master import Cell, ProblemSet
from dgm.course.grading.merge import Merged, Step
from dgm.course.grading.names import names_bound
from dgm.course.grading.sandbox import Walls
from dgm.course.grading.session import Died, Reply, Session

RESTARTS = 6
ANSWER = 20.0  # seconds for a decoy that fails at once
QUICK = 2.0  # seconds of a test that is run once more as a decoy
TESTS = ("test",)
GIVEN_FAILED = "a given cell failed"
FLAGS = {"timeout": "ran too long", "impostor": "an object that answers for itself"}


@dataclass(frozen=True)
class Limits:
    """Seconds for one cell, and for all of a submission."""

    cell: float = 60.0
    total: float = 300.0


@dataclass
class Verdict:
    """How a cell ended."""

    verdict: str
    """A reply's verdict, or ``died`` or ``not run``."""
    error: str = ""
    """Name of the exception."""
    line: int = 0
    message: str = ""
    """The exception's text, or why the process died; not for the student's eyes ..."""
    exposed: bool = True
    """... where hidden tests had been in the process before."""


@dataclass
class Outcome:
    """What a submission did."""

    tests: dict[str, Verdict] = field(default_factory=dict)
    """By the test's ``grade_id``."""
    cells: dict[int, Verdict] = field(default_factory=dict)
    """Failures in the student's own cells, by their index in the submission."""
    flags: list[str] = field(default_factory=list)
    seconds: float = 0.0


def run(problems: ProblemSet, merged: Merged, walls: Walls, limits: Limits) -> Outcome:
    """Run a submission's steps in a process of its own.

    Raises:
        CannotStart: if there is no process to run them in.
    """
    return _Run(problems, merged, walls, limits).run()


class _Run:
    """One run; a dead process is replaced, and its cell skipped from then on."""

    def __init__(
        self, problems: ProblemSet, merged: Merged, walls: Walls, limits: Limits
    ) -> None:
        self.problems, self.walls, self.limits = problems, walls, limits
        self.words = compiled.Vocabulary.of(problems)
        self.steps = _needed(merged.steps)
        self.skipped: set[int] = set()
        self.session: Session | None = None
        self.restarts = 0
        self.exposed = False
        self.forged = False
        self.deck: list[str] = []
        self.seconds: dict[int, float] = {}  # of a step
        self.out = Outcome()

    def run(self) -> Outcome:
        start = time.monotonic()
        self.deadline = start + self.limits.total
        try:
            for number in range(len(self.steps)):
                self._step(number)
            if self.session and (stray := self.session.stray()):
                self.out.flags.append(f"left processes behind: {stray}")
            with contextlib.suppress(Died):
                self._late()
        finally:
            self._close()
        if self.forged:
            self._believe_nothing()
        self.out.seconds = round(time.monotonic() - start, 1)
        self.out.flags = list(dict.fromkeys(self.out.flags))
        return self.out

    def _step(self, number: int) -> None:
        step = self.steps[number]
        late = time.monotonic() >= self.deadline
        if late or self.restarts > RESTARTS:
            self.out.flags.append("out of time" if late else "died too often")
            self._note(step, Verdict("not run"))
            return
        test = step.kind == "test"
        try:
            if test and decoys.first():
                self._early(self._ready(number), step)
            start = time.monotonic()
            reply = self._ask(self._ready(number), step)
            self.seconds[number] = time.monotonic() - start
            if test and reply.verdict == "ok":  # and still able to fail?
                self._early(self._ready(number), step)
            self._note(step, self._verdict(reply))
            self.out.flags += [f"patched {name}" for name in reply.flags]
        except Died as died:
            self._bury(number, died)
            self._note(step, Verdict("died", message=str(died), exposed=self.exposed))

    def _ready(self, number: int) -> Session:
        """The process, or a new one in which all cells before this one have run."""
        while self.session is None:
            self.exposed = False
            session = Session(self.walls, self.words.imports, self.limits.total)
            self.session = session
            for before in range(number):
                step = self.steps[before]
                if before in self.skipped or step.kind in TESTS:
                    continue
                try:
                    self._ask(session, step)
                except Died as died:
                    self._bury(before, died)
                    if self.restarts > RESTARTS:
                        raise
                    break
        return self.session

    def _close(self) -> None:
        if self.session:
            self.session.close()
            self.out.flags += [f"unusual: {what}" for what in self.session.notices]

    def _bury(self, number: int, died: Died) -> None:
        self.skipped.add(number)
        self.restarts += 1
        self.out.flags.append(f"killed: {died}")
        self._close()
        self.session = None

    def _ask(self, session: Session, step: Step) -> Reply:
        seconds = max(0.1, min(self.limits.cell, self.deadline - time.monotonic()))
        cell = self.problems.cells[step.cell] if step.cell >= 0 else None
        if step.kind == "test" and cell is not None:
            hidden = list(cell.hidden())
            self.exposed = self.exposed or bool(hidden)
            code = compiled.test(step.source, cell.id, self.words.trusted)
            keep = " ".join(compiled.kept(step.source, hidden) - self.words.mine)
            mine = " ".join(self.words.mine)
            return session.ask("test", code, mine, keep, seconds=seconds)
        if step.kind == "given":
            code_or_none = compiled.given(step.source, step.cell)
            if code_or_none is not None:
                names = names_bound(step.source) - self.words.mine
                return session.ask(
                    "given", code_or_none, " ".join(names), seconds=seconds
                )
        return session.ask("cell", step.source, seconds=seconds)

    def _early(self, session: Session, step: Step) -> None:
        """A decoy that fails before it reaches the student's answer."""
        self.exposed = True
        self.deck = self.deck or decoys.deck(self.words.imports)
        source = decoys.before(step.source, self.deck.pop())
        self._decoy(session, step, source, ANSWER)

    def _late(self) -> None:
        """All sentences once more; and tests that fail when all of the answer has run.

        These may leave what they like, now that all is graded. Only quick tests, and
        as long as there is time.
        """
        self.deck = decoys.deck(self.words.imports)  # all, on a test that passes
        for number, took in self.seconds.items():
            step, left = self.steps[number], self.deadline - time.monotonic()
            if step.kind != "test" or not self.session or took > min(QUICK, left / 2):
                continue
            if self.out.tests[self.problems.cells[step.cell].id].verdict == "ok":
                for _ in range(len(self.deck)):
                    self._early(self.session, step)
                source = decoys.after(step.source)
                self._decoy(self.session, step, source, min(5 * QUICK, left))

    def _decoy(self, session: Session, step: Step, source: str, seconds: float) -> None:
        """Run a test that must fail.

        Raises:
            Died: if there is no answer.
        """
        name = self.problems.cells[step.cell].id
        code = compiled.test(source, name, self.words.trusted)
        mine = " ".join(self.words.mine)
        reply = session.ask("test", code, mine, "", seconds=seconds)
        self.out.flags += [f"patched {what}" for what in reply.flags]
        if reply.verdict == "timeout":
            raise Died("it did not answer")
        if reply.verdict == "ok":
            self.forged = True

    def _believe_nothing(self) -> None:
        self.out.flags.insert(0, "FORGED: it passes tests that must fail")
        for verdict in self.out.tests.values():
            if verdict.verdict == "ok":
                verdict.verdict = "patched"

    def _verdict(self, reply: Reply) -> Verdict:
        return Verdict(
            reply.verdict, reply.error, reply.line, reply.message, self.exposed
        )

    def _note(self, step: Step, verdict: Verdict) -> None:
        if step.kind == "test":
            self.out.tests[self.problems.cells[step.cell].id] = verdict
        elif verdict.verdict != "ok" and step.theirs >= 0:
            self.out.cells[step.theirs] = verdict
        elif verdict.verdict != "ok":
            self.out.flags.append(GIVEN_FAILED)
        if flag := FLAGS.get(verdict.verdict):
            self.out.flags.append(flag)


def _needed(steps: list[Step]) -> list[Step]:
    """Nothing after the last cell that is marked needs to run."""
    last = max(
        (n for n, s in enumerate(steps) if s.kind in ("test", "manual")), default=-1
    )
    return steps[: last + 1]


def points_of(problems: ProblemSet, outcome: Outcome) -> Iterator[tuple[Cell, float]]:
    """Each test and what it scored."""
    for cell in problems.of("test"):
        verdict = outcome.tests.get(cell.id)
        passed = verdict is not None and verdict.verdict == "ok"
        yield cell, cell.points if passed else 0.0
