"""Pages: feedback for each student, and all answers to a question for the marker.

Feedback tells what failed, and a hint; nothing that is hidden.

Once a hidden test has been in the student's process, nothing that this process says is
shown: it could be the test. What follows is then made from the master's visible text
and from what the student handed in.
"""

import ast
import builtins
import html
from collections.abc import Iterable, Iterator

from dgm.course.grading.master import Cell, ProblemSet
from dgm.course.grading.record import GRADED, Record
from dgm.course.grading.report import Row, number
from dgm.course.grading.runner import Verdict

KNOWN = {n for n, v in vars(builtins).items() if isinstance(v, type)} | {"CheckFailed"}
REASONS = {
    "impostor": "A value in this test is an object of a class that decides for itself "
    "what it equals. Return plain numbers, arrays and tensors.",
    "patched": "The tools of the test were changed while it ran.",
    "timeout": "It ran too long and was stopped.",
    "not run": "It was not run: what came before it used up the time.",
}
FLAGS = {
    "metadata lost": "The notebook had lost its metadata; your answers were found all "
    "the same. (Download it as .ipynb, not as text.)",
    "missing": "There is no cell for the answer {}.",
    "duplicated": "There are several cells for the answer {}; all ran, in their order.",
    "moved": "The answer {} was found in another cell than its own.",
    "by its marker": "The answer {} was found by its comment `# answer: ...`.",
    "by its names": "The answer {} was found by the names that it defines.",
    "by its place": "The answer {} was found by its place after the question.",
    "edited": "The cell {} came back edited; the original was used.",
    "edited points of": "The points of {} came back edited; the original ones count.",
    "deleted": "The cell {} was missing; the original was used.",
}
STYLE = """body{font:16px/1.5 sans-serif;max-width:46rem;margin:2rem auto;
padding:0 1rem;color:#222;background:#fff}table{border-collapse:collapse;width:100%}
th,td{border-bottom:1px solid #ccc;padding:.4rem .6rem;text-align:left;
vertical-align:top}pre{background:#f4f4f4;padding:.5rem;overflow-x:auto;
white-space:pre-wrap}td.n{text-align:right;white-space:nowrap}
@media(prefers-color-scheme:dark){body{color:#ddd;background:#181818}
pre{background:#262626}}"""
POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def page(problems: ProblemSet, row: Row) -> str:
    """The whole page, as HTML without script."""
    return _document(
        f"{problems.title}: {row.who.name}",
        f"<h1>{_safe(problems.title)}</h1><p>{_safe(row.who.name)}</p>",
        *_summary(problems, row),
        *_table(problems, row),
        *_cells(row.record),
        *_written(problems, row.record),
    )


def sheet(problems: ProblemSet, cell: Cell, rows: Iterable[Row]) -> str:
    """All answers to one question, those without a mark first. For the marker only."""
    given = [row for row in rows if cell.id in row.record.answered]
    given.sort(key=lambda row: cell.id in row.hand)
    body = [f"<h1>{_safe(cell.id)}</h1>", "<h2>The master</h2>", _block(cell.source)]
    for row in given:
        mark = number(row.hand.get(cell.id)) or "–"
        head = f"{row.who.key}: {mark} of {number(cell.points)}"
        body += [f"<h2>{_safe(head)}</h2>", _block(row.record.written.get(cell.id, ""))]
    return _document(f"{problems.title}: {cell.id}", *body)


def _document(title: str, *body: str) -> str:
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en"><head><meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">',
            '<meta name="viewport" content="width=device-width,initial-scale=1">',
            f"<title>{_safe(title)}</title><style>{STYLE}</style></head><body>",
            *body,
            "</body></html>\n",
        ]
    )


def _safe(text: str) -> str:
    return html.escape("".join(c if c.isprintable() else " " for c in text))


def _block(text: str) -> str:
    lines = (_safe(line) for line in text[:20_000].split("\n"))
    return "<pre>" + "\n".join(lines) + "</pre>"


def _summary(problems: ProblemSet, row: Row) -> Iterator[str]:
    total, most = number(row.total(problems)), number(problems.maximum)
    if row.record.status != GRADED:
        yield f"<p><strong>{_safe(row.record.reason.capitalize())}.</strong></p>"
    waits = row.waits(problems)
    rest = " so far; written answers are still to be marked" if waits else ""
    yield f"<p><strong>{total} of {most} points</strong>{rest}.</p>"
    told = [sentence for flag in row.record.flags if (sentence := explain_flag(flag))]
    if told:
        yield "<ul>" + "".join(f"<li>{_safe(t)}</li>" for t in told) + "</ul>"
    if row.comment.strip():
        yield f"<h2>Comment</h2>{_block(row.comment)}"


def explain_flag(flag: str) -> str:
    """A sentence for a flag from merging."""
    what, _, name = flag.rpartition(" ")
    return FLAGS[flag] if flag in FLAGS else FLAGS.get(what, "").format(name)


def _table(problems: ProblemSet, row: Row) -> Iterator[str]:
    yield "<table><tr><th>Test</th><th>Points</th><th></th></tr>"
    for cell in problems.graded:
        points = number(row.points(cell)) or "–"
        told = "".join(explain(cell, row.record))
        yield (
            f"<tr><td>{_safe(cell.id)}</td>"
            f'<td class="n">{points} of {number(cell.points)}</td><td>{told}</td></tr>'
        )
    yield "</table>"


def explain(cell: Cell, record: Record) -> Iterator[str]:
    """What happened in a test, as HTML."""
    if cell.kind != "test":
        yield "By hand." if cell.id in record.answered else "Not answered."
        return
    verdict = record.tests.get(cell.id)
    if verdict is None:
        yield "Not run."
    elif verdict.verdict == "ok":
        yield "Passed."
    elif verdict.verdict == "died":
        yield f"The process was ended: {_safe(verdict.message)}."
    elif verdict.verdict in REASONS:
        yield REASONS[verdict.verdict]
    elif verdict.error == "NotImplementedError":
        yield "Not answered yet: a stub still raises NotImplementedError."
    elif any(verdict.line in region for region in cell.hidden()):
        yield f"A hidden test failed. {_safe(cell.hint(verdict.line))}"
    else:
        yield f"{_safe(_name(verdict))} in the visible test:"
        yield _block(statement(cell, verdict.line))


def statement(cell: Cell, line: int) -> str:
    """The whole statement of a test to which a line belongs, but for hidden lines."""
    lines = cell.source.split("\n")
    hidden = {number for region in cell.hidden() for number in region}
    for node in ast.parse(cell.source).body:
        last = node.end_lineno or line
        if node.lineno <= line <= last:
            shown = sorted(set(range(node.lineno, last + 1)) - hidden)
            return "\n".join(lines[number - 1] for number in shown)
    return cell.stub.split("\n")[0]


def _name(verdict: Verdict) -> str:
    """The exception's name, if it is one that everybody has."""
    return verdict.error if verdict.error in KNOWN else "An error"


def _cells(record: Record) -> Iterator[str]:
    if record.cells:
        yield "<h2>Your own cells that stopped with an error</h2>"
    for index, verdict in sorted(record.cells.items())[:20]:
        what = REASONS.get(verdict.verdict) or f"{_name(verdict)}"
        if verdict.verdict == "died":
            what = f"The process was ended: {verdict.message}."
        elif verdict.verdict == "error" and not verdict.exposed and verdict.message:
            what += f": {verdict.message}"
        where = f"Cell {index + 1}"
        # A process that has seen hidden tests could tell them by the choice of a line.
        told = not verdict.exposed
        where += f", line {verdict.line}" if verdict.line and told else ""
        yield f"<p>{where}: {_safe(what)}</p>"
        if told and (source := record.sources.get(index)):
            yield _block(source)


def _written(problems: ProblemSet, record: Record) -> Iterator[str]:
    for cell in problems.of("manual", "written"):
        if cell.id in record.answered:
            yield f"<h2>Your answer {_safe(cell.id)}</h2>"
            yield _block(record.written.get(cell.id, ""))
