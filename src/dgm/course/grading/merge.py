"""Put a student's answers, and nothing else of theirs, into the master.

Tests and points come from the master, so editing them changes nothing. An answer is
found by its ``grade_id``; else by its marker ``# answer: name``; else by the names that
its stub defines. Code cells of the student's own run where they stand.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from dgm.course.grading.master import MARKER, Cell, Kind, ProblemSet
from dgm.course.grading.names import names_bound
from dgm.course.grading.notebooks import Written


@dataclass(frozen=True)
class Step:
    """A code cell to run."""

    kind: Kind | str
    """The master's kind, or ``extra`` for a cell of the student's own."""
    source: str
    cell: int = -1
    """Its index in the master; -1 for an extra cell."""
    theirs: int = -1
    """Its index in the submission; -1 if it comes from the master."""


@dataclass
class Merged:
    """What to run and what to read."""

    steps: list[Step] = field(default_factory=list)
    written: dict[str, str] = field(default_factory=dict)
    """The text, or the code, of each answer that is marked by hand."""
    answered: set[str] = field(default_factory=set)
    flags: list[str] = field(default_factory=list)


def merge(problems: ProblemSet, cells: list[Written]) -> Merged:
    """Build what is graded from a master and a submission's cells."""
    return _Merge(problems, cells).run()


class _Merge:
    """One merge; ``place`` maps an index of the submission to one of the master."""

    def __init__(self, problems: ProblemSet, cells: list[Written]) -> None:
        self.master, self.cells = problems.cells, cells
        self.ids = {c.id: k for k, c in enumerate(self.master) if c.id}
        self.answers = [k for k, c in enumerate(self.master) if _answer(c.kind)]
        self.place: dict[int, int] = {}
        self.chosen: dict[int, int] = {}  # of an answer in the master: whose cell
        self.out = Merged()

    def run(self) -> Merged:
        self._locate()
        for k in self.answers:
            self._choose(k)
        self._flag_the_locked()
        self._emit()
        return self.out

    def _flag(self, what: str, cell: Cell) -> None:
        self.out.flags.append(f"{what} {cell.id}")

    def _locate(self) -> None:
        """Give every cell of the submission its place by id, or else by its text."""
        by_text: dict[tuple[str, bool], list[int]] = {}
        for k, cell in enumerate(self.master):
            by_text.setdefault((_plain(cell.stub), cell.code), []).append(k)
        for i, theirs in enumerate(self.cells):
            k = self.ids.get(theirs.id, -1)
            if k >= 0 and self.master[k].code == theirs.code:
                self.place[i] = k
            elif same := by_text.get((_plain(theirs.source), theirs.code)):
                free = [k for k in same if k not in self.place.values()]
                self.place[i] = (free or same)[0]
        if self.cells and not any(c.id for c in self.cells):
            self.out.flags.append("metadata lost")

    def _changed(self, i: int, k: int) -> bool:
        return _plain(self.cells[i].source) != _plain(self.master[k].stub)

    def _choose(self, k: int) -> None:
        """Find an answer; of several cells, the first that is not the stub."""
        cell = self.master[k]
        candidates = [i for i, place in self.place.items() if place == k]
        edited = [i for i in candidates if self._changed(i, k)]
        if len(candidates) > 1:
            self._flag("duplicated", cell)
        if not edited:
            how, edited = self._elsewhere(k)
            if edited and candidates:
                self._flag("moved", cell)
            elif edited and how:
                self._flag(how, cell)
        if edited:
            self.chosen[k] = edited[0]
            self.out.answered.add(cell.id)
            if self.place.get(edited[0], -1) not in self.chosen:
                self.place[edited[0]] = k
        elif not candidates:
            self._flag("missing", cell)

    def _elsewhere(self, k: int) -> tuple[str, list[int]]:
        """An answer in a cell that has lost its id: how it was found, and where."""
        cell = self.master[k]
        mine = names_bound(cell.stub) or names_bound(cell.source)
        unlike = [
            i
            for i, c in enumerate(self.cells)
            if c.code == cell.code and not self._is_stub(i) and not self._is_test(i)
        ]
        marked = [i for i in unlike if cell.id in MARKER.findall(self.cells[i].source)]
        if marked:
            return "by its marker", marked
        if not cell.code:
            return "by its place", self._after_its_question(k, unlike)
        free = [i for i in unlike if i not in self.place]
        named = [i for i in free if mine and mine <= names_bound(self.cells[i].source)]
        return "by its names", named[-1:]

    def _after_its_question(self, k: int, free: Iterable[int]) -> list[int]:
        before = [i for i, place in self.place.items() if place == k - 1]
        return [i for i in free if i - 1 in before and i not in self.place]

    def _is_stub(self, i: int) -> bool:
        k = self.place.get(i, -1)
        return k >= 0 and not self._changed(i, k)

    def _is_test(self, i: int) -> bool:
        k = self.place.get(i, -1)
        return k >= 0 and not _answer(self.master[k].kind)

    def _flag_the_locked(self) -> None:
        """Say which tests and given cells came back edited, or did not come back."""
        for k, cell in enumerate(self.master):
            if not cell.id or _answer(cell.kind):
                continue
            places = [i for i, place in self.place.items() if place == k]
            if not places:
                self._flag("deleted", cell)
            elif any(self._changed(i, k) for i in places):
                self._flag("edited", cell)
            if any(self.cells[i].points not in (None, cell.points) for i in places):
                self._flag("edited points of", cell)

    def _emit(self) -> None:
        """The master's cells in order, each followed by the student's own cells."""
        extras = self._extras()
        self._steps_of(extras.get(-1, []))
        used: set[int] = set()
        for k, cell in enumerate(self.master):
            i = self.chosen.get(k, -1)
            if _answer(cell.kind):
                source = self.cells[i].source if i >= 0 else cell.stub
                if cell.kind != "answer":
                    self.out.written[cell.id] = source if i >= 0 else ""
                if cell.code and i not in used:
                    self.out.steps.append(Step(cell.kind, source, k, i))
                used |= {i} if i >= 0 else set()
            elif cell.code:
                self.out.steps.append(Step(cell.kind, cell.source, k))
            self._steps_of(extras.get(k, []))

    def _steps_of(self, cells: Iterable[int]) -> None:
        self.out.steps += [Step("extra", self.cells[i].source, -1, i) for i in cells]

    def _extras(self) -> dict[int, list[int]]:
        """The student's own code cells, by the master's cell after which they run."""
        found: dict[int, list[int]] = {}
        anchor = -1
        chosen = set(self.chosen.values())
        for i, cell in enumerate(self.cells):
            anchor = self.place.get(i, anchor)
            copy = i in self.place and _answer(self.master[anchor].kind)
            own = i not in self.place or copy and not self._is_stub(i)
            if cell.code and own and i not in chosen and cell.source.strip():
                found.setdefault(anchor, []).append(i)
        return found


def _answer(kind: Kind) -> bool:
    return kind in ("answer", "manual", "written")


def _plain(source: str) -> str:
    return "\n".join(line.rstrip() for line in source.strip().split("\n"))
