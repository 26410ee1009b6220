"""A problem set: its cells, what each is for, and what a student may see of it."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from myst_nb.core.read import read_myst_markdown_notebook
from nbformat import NotebookNode

from dgm.course.files import Stop
from dgm.course.grading.names import names_bound, names_in

Kind = Literal["text", "given", "answer", "test", "manual", "written"]
CODE_STUB = ("# YOUR CODE HERE", "raise NotImplementedError()")  # as nbgrader writes it
TEXT_STUB = ("YOUR ANSWER HERE",)
MARKER = re.compile(r"(?:#|<!--|%)\s*answer:\s*([\w.-]+)")
HINT = re.compile(r"#\s*hint:\s*(.+)", re.IGNORECASE)
MYST = re.compile(r"\{[\w:-]+\}`|^\(.+\)=$|^[`:]{3,}\{", re.M)
NAME = re.compile(r"[A-Za-z0-9][\w.-]*")
COMMENT = "comment"
# The columns of the table of marks besides those for the tests and answers.
FIRST = ("student", "name")
LAST = ("total", "maximum", COMMENT, "status", "flags", "seconds", "file")
REGIONS = ("SOLUTION", "HIDDEN TESTS")


@dataclass(frozen=True)
class Cell:
    """A cell of a master."""

    kind: Kind
    id: str
    """nbgrader's ``grade_id``; empty for most text and given code."""
    source: str
    code: bool
    points: float = 0.0
    metadata: dict[str, Any] = field(default_factory=dict)
    """nbgrader's; empty for cells that it leaves alone."""

    @property
    def stub(self) -> str:
        """What the student gets in its place."""
        return "\n".join(released(self.source.split("\n"), self.code))

    def hidden(self) -> Iterator[range]:
        """Lines of the cell, from 1, that are hidden tests; markers included."""
        start = 0
        for number, line in enumerate(self.source.split("\n"), 1):
            if "BEGIN HIDDEN TESTS" in line:
                start = number
            elif "END HIDDEN TESTS" in line:
                yield range(start, number + 1)

    def hint(self, line: int) -> str:
        """The hint that stands last before a line of hidden tests."""
        lines = self.source.split("\n")
        region = next((r for r in self.hidden() if line in r), range(line, line + 1))
        before = [HINT.search(lines[n - 1]) for n in region]
        hints = [(n, m[1]) for n, m in zip(region, before, strict=True) if m]
        near = [text for n, text in hints if n <= line] or [t for _, t in hints[:1]]
        return near[-1].strip() if near else "A hidden test of this property failed."


@dataclass(frozen=True)
class ProblemSet:
    """A master, read."""

    slug: str
    title: str
    cells: list[Cell]

    def of(self, *kinds: Kind) -> list[Cell]:
        """Its cells of some kinds, in order."""
        return [cell for cell in self.cells if cell.kind in kinds]

    @property
    def graded(self) -> list[Cell]:
        """All cells that carry points."""
        return self.of("test", "manual", "written")

    @property
    def maximum(self) -> float:
        """Points of all tests and written answers."""
        return sum(cell.points for cell in self.graded)


def released(lines: list[str], code: bool) -> list[str]:
    """Lines with stubs in the place of solutions, and without hidden tests.

    Raises:
        Stop: if a region is not closed, or begins inside another.
    """
    out: list[str] = []
    inside = ""
    for line in lines:
        begins = next((r for r in REGIONS if f"BEGIN {r}" in line), "")
        if begins and inside or (not begins and not inside and _ends(line)):
            raise Stop(
                f"'{line.strip()}' stands inside another region, or without one."
            )
        if begins:
            inside = begins
            indent = line[: len(line) - len(line.lstrip())]
            stub = CODE_STUB if code else TEXT_STUB
            out += [indent + s for s in stub] if begins == "SOLUTION" else []
        elif not inside:
            out.append(line)
        elif f"END {inside}" in line:
            inside = ""
    if inside:
        raise Stop(f"a region '### BEGIN {inside}' has no '### END {inside}'.")
    return out


def _ends(line: str) -> bool:
    return any(f"END {region}" in line for region in REGIONS)


def parse(text: str, slug: str) -> ProblemSet:
    """Read a master from its text.

    Raises:
        Stop: if it cannot be read, or breaks a rule of the format; all in one message.
    """
    notebook = notebook_of(text, slug)
    cells: list[Cell] = []
    for cell in notebook.cells:
        try:
            cells.append(_cell(cell))
            cells[-1].stub  # noqa: B018  (raises where regions do not fit)
        except Stop as stop:
            raise Stop(
                f"{slug}: in a cell that begins {_start(cell)}: {stop}"
            ) from None
    heading = re.search(r"^# (.+)$", text.partition("\n---\n")[2], re.M)
    problems = ProblemSet(slug, heading[1].strip() if heading else slug, cells)
    if wrong := list(_faults(problems)):
        raise Stop("\n".join(f"{slug}: {sentence}" for sentence in wrong))
    return problems


def read_master(path: Path) -> ProblemSet:
    """Read ``solutions/<slug>.md``.

    Raises:
        Stop: if there is no such file, or it is no master.
    """
    return parse(text_of(path), path.stem)


def text_of(path: Path) -> str:
    """A master's text.

    Raises:
        Stop: if there is no such file, or it is not text.
    """
    try:
        return path.read_text("utf8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise Stop(f"Cannot read the problem set {path}: {reason}.") from None


def notebook_of(text: str, slug: str) -> NotebookNode:
    """A problem set's MyST text as a notebook, read as the book reads its pages."""
    try:
        notebook: NotebookNode = read_myst_markdown_notebook(text, path=slug)
    except Exception as error:  # noqa: BLE001  (the reader raises many kinds)
        raise Stop(f"{slug} is no MyST notebook: {error}") from None
    if notebook is None:
        raise Stop(f"{slug} has no header with a kernelspec: copy another master's.")
    return notebook


def _cell(cell: NotebookNode) -> Cell:
    metadata = cell.metadata.get("nbgrader") or {}
    code = cell.cell_type == "code"
    grade, solution = bool(metadata.get("grade")), bool(metadata.get("solution"))
    if metadata.get("task"):
        raise Stop("nbgrader's task cells are not supported: use a written answer.")
    kind: Kind = "given" if code else "text"
    if grade and not solution:
        kind = "test"
    elif solution:
        kind = "written" if not code else "manual" if grade else "answer"
    points = float(metadata.get("points", 0)) if grade else 0.0
    name = str(metadata.get("grade_id", ""))
    return Cell(kind, name, cell.source, code, points, dict(metadata))


def _start(cell: NotebookNode) -> str:
    return repr(cell.source.strip().split("\n")[0][:60])


def _faults(problems: ProblemSet) -> Iterator[str]:
    """Sentences on what breaks the format."""
    named = [cell.id for cell in problems.cells if cell.metadata]
    for name in sorted({n for n in named if named.count(n) > 1}):
        yield f"grade_id '{name}' is given twice."
    for cell in problems.cells:
        for fault in _faults_of(cell):
            yield f"{cell.kind} cell '{cell.id}': {fault}"
    if not problems.graded:
        yield "no cell has points."
    yield from _leaning(problems)


def _leaning(problems: ProblemSet) -> Iterator[str]:
    """Tests that need what only another test defines, and fail where that one fails."""
    code = [cell for cell in problems.cells if cell.code]
    others = {n for c in code if c.kind != "test" for n in names_bound(c.source)}
    made_by: dict[str, str] = {}
    for cell in (c for c in code if c.kind == "test"):
        own = names_in(cell.source, ast.Store) | names_bound(cell.source)
        for name in sorted(names_in(cell.source, ast.Load) - own - others):
            if name in made_by:
                yield f"test cell '{cell.id}' needs {name} of the test {made_by[name]}."
        made_by |= dict.fromkeys(names_bound(cell.source), cell.id)


def _faults_of(cell: Cell) -> Iterator[str]:
    regions = {r for r in REGIONS if f"BEGIN {r}" in cell.source}
    if cell.metadata and not NAME.fullmatch(cell.id):
        yield "its grade_id must be letters, digits, '_', '-' and '.'."
    if cell.metadata and cell.id in (*FIRST, *LAST):
        yield "the table of marks has a column of that name: choose another."
    if cell.metadata and cell.metadata.get("schema_version") != 3:
        yield "its metadata needs schema_version: 3."
    answer = cell.kind in ("answer", "manual", "written")
    if "SOLUTION" in regions and not answer:
        yield "it has a solution, and is not marked solution: true."
    if "HIDDEN TESTS" in regions and cell.kind != "test":
        yield "it has hidden tests, and is not marked grade: true."
    yield from _faults_of_test(cell) if cell.kind == "test" else ()
    yield from _faults_of_answer(cell, regions) if answer else ()
    if cell.kind == "text" and (role := MYST.search(cell.source)):
        yield f"{role[0]!r} is MyST, which stays raw in Jupyter: use plain Markdown."


def _faults_of_test(cell: Cell) -> Iterator[str]:
    if cell.points <= 0:
        yield "a test needs points."
    try:
        ast.parse(cell.source)
        ast.parse(cell.stub)
    except SyntaxError as error:
        yield f"line {error.lineno} is not Python: {error.msg} (magics are not either)."
    lines = cell.source.split("\n")
    for region in cell.hidden():
        if not any(HINT.search(lines[n - 1]) for n in region):
            yield "hidden tests need a line `# hint: ...`, which is all a student sees."


def _faults_of_answer(cell: Cell, regions: set[str]) -> Iterator[str]:
    if "SOLUTION" not in regions:
        yield "it needs a region ### BEGIN SOLUTION ... ### END SOLUTION."
    if cell.code and cell.id not in MARKER.findall(cell.stub):
        yield f"it needs a line `# answer: {cell.id}` outside the solution."
    if cell.kind != "answer" and cell.points <= 0:
        yield "an answer marked by hand needs points."
