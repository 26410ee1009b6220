"""The directive ``scoreboard``: numbers of several lectures side by side, by value.

Its body lists which record belongs to which model; numbers, kinds and standard errors
come from the executed lectures when the page is written, never from the page::

    ```{scoreboard} Digits of 64 pixels in black and white
    :name: digits-binary
    :lecture: lectures/autoregressive-models
    rows:
      - model: NADE
        record: test_nade
        parameters: size_nade
        seeds: {mean: seeds_nade, spread: spread_nade, count: seeds}
    published:
      - data: binarised MNIST, fixed binarisation
        rows:
          - {model: "NADE, one order", value: 88.33, kind: exact, cite: uria2016nade}
    remarks: |
      Text below the table, in Markdown.
    ```

A row may name another ``lecture``. Published numbers stand in a table of their own with
one column for each set of data.
"""

import math
from collections.abc import Hashable, Iterator
from typing import Any, ClassVar

import dgm_scoretable
import yaml
from dgm_pages import Record, records, shows
from dgm_scoretable import Number, Row, Seeds
from dgm_tables import TextTables
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util import logging

from dgm.course.files import Stop

log = logging.getLogger(__name__)
KINDS = tuple(dgm_scoretable.SIGNS)
OTHER_DATA = (
    "Published, on other data. These numbers compare neither with the table above nor "
    "from one column to the next; only the order of models within a column does."
)


class scoreboard(nodes.General, nodes.Element):  # noqa: N801  (as docutils names)
    """A table of scores before the records are known; its children stand below it."""


class _Numbered(yaml.SafeLoader):
    """Reads YAML and notes in each mapping the line on which it begins."""

    def construct_mapping(
        self, node: yaml.MappingNode, deep: bool = False
    ) -> dict[Hashable, Any]:
        mapping = super().construct_mapping(node, deep=True)
        return {**mapping, "line": node.start_mark.line}


def checked(entry: Any, needed: set[str], may: set[str], what: str) -> dict[str, Any]:
    """An entry of the body, with the keys it must have and none that it may not.

    Raises:
        Stop: otherwise.
    """
    if not isinstance(entry, dict):
        raise Stop(f"{what} must be written as `key: value`, not {entry!r}.")
    given = set(entry) - {"line"}
    if unknown := sorted(map(str, given - needed - may)):
        known = ", ".join(sorted(needed | may))
        raise Stop(f"{what} has no key '{unknown[0]}'; there is {known}.")
    if missing := sorted(needed - given):
        raise Stop(f"{what} needs a key '{missing[0]}'.")
    return entry


class Scoreboard(TextTables):
    """See the head of this module."""

    required_arguments = 1
    final_argument_whitespace = True
    has_content = True
    option_spec: ClassVar = {
        "name": str,
        "lecture": str,
        "quantity": str,
        "unit": str,
        "decimals": int,
    }

    def run(self) -> list[nodes.Node]:
        """Check the body; keep what to show, and parse what stands below."""
        try:
            body = yaml.load("\n".join(self.content), _Numbered)  # noqa: S506
            checked(body, {"rows"}, {"published", "remarks"}, "a scoreboard")
        except yaml.MarkedYAMLError as error:
            at = error.problem_mark.line if error.problem_mark else 0
            return self._warn(f"the body is not YAML: {error.problem}.", at)
        except Stop as stop:
            return self._warn(str(stop), 0)
        board = scoreboard(
            caption=self.arguments[0],
            quantity=self.options.get("quantity", "test NLL"),
            unit=self.options.get("unit", "nats"),
            decimals=self.options.get("decimals", 2),
            rows=list(self._rows(body["rows"] or [])),
        )
        self.set_source_info(board)
        name = self.options.get("name", "scoreboard")
        board["ids"].append(nodes.make_id(name))
        board += self.parsed(body.get("remarks") or "")
        board += self._published(body.get("published") or [])
        self.env.metadata[self.env.docname]["dgm_board"] = True
        return [board]

    def _warn(self, said: str, line: int) -> list[nodes.Node]:
        at = (self.env.docname, self._line(line))
        log.warning(f"scoreboard: {said}", location=at, type="dgm", subtype="board")
        return []

    def _line(self, line: int) -> int:
        """Line of the file, from 1, of a line of the body, from 0."""
        return self.lineno + self.content_offset + line + 1

    def _rows(self, entries: list[Any]) -> Iterator[dict[str, Any]]:
        seen: set[str] = set()
        may = {"lecture", "parameters", "seeds"}
        for entry in entries:
            line = entry.get("line", 0) if isinstance(entry, dict) else 0
            try:
                row = dict(checked(entry, {"model", "record"}, may, "a row"))
                if row.get("seeds"):
                    checked(row["seeds"], {"mean", "spread", "count"}, set(), "seeds")
                if row["model"] in seen:
                    raise Stop(f"there are two rows '{row['model']}'.")
                lecture = row.get("lecture") or self.options.get("lecture")
                if not lecture:
                    raise Stop("a row, or the whole board, needs a lecture.")
            except Stop as stop:
                self._warn(str(stop), line)
                continue
            seen.add(row["model"])
            row |= {"lecture": lecture.strip("/"), "line": self._line(line)}
            shows(self.env, row["lecture"])
            yield row

    def _published(self, groups: list[Any]) -> list[nodes.Node]:
        """A table with one column for each set of data, sorted within each."""
        columns: list[str] = []
        lines: list[tuple[int, dict[str, Any]]] = []
        for group in groups:
            line = group.get("line", 0) if isinstance(group, dict) else 0
            try:
                checked(group, {"data", "rows"}, set(), "published")
                found = [_published_row(entry) for entry in group["rows"]]
                if group["data"] in columns:
                    raise Stop(f"there are two columns '{group['data']}'.")
            except Stop as stop:
                self._warn(str(stop), line)
                continue
            found.sort(key=lambda row: row["value"])
            lines += [(len(columns), row) for row in found]
            columns.append(group["data"])
        if not lines:
            return []
        places = self.options.get("decimals", 2)
        head = ["published model", *columns, "source"]
        cells = []
        for column, row in lines:
            shown = [""] * len(columns)
            sign = dgm_scoretable.SIGNS[row["kind"]]
            shown[column] = f"{sign} {row['value']:.{places}f} ({row['kind']})"
            cells.append([row["model"], *shown, f"{{cite}}`{row['cite']}`"])
        caption = nodes.paragraph("", OTHER_DATA, classes=["dgm-caption"])
        return [caption, self.table(head, cells, ["dgm-published"])]


def _published_row(entry: Any) -> dict[str, Any]:
    needed = {"model", "value", "kind", "cite"}
    row = checked(entry, needed, set(), "a published row")
    if type(row["value"]) not in (int, float):
        raise Stop(f"a published value is a number, not {row['value']!r}.")
    if row["kind"] not in KINDS:
        raise Stop(f"'{row['kind']}' is no kind; there is {', '.join(KINDS)}.")
    return row


# ---- When all pages have been read --------------------------------------------------


def fill_boards(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Replace each board by its table, with the numbers as the lectures have them."""
    known: dict[str, dict[str, Record]] = {}
    for board in list(doctree.findall(scoreboard)):
        rows = []
        for row in board["rows"]:
            try:
                rows.append(_row(app, docname, row, known))
            except Stop as stop:
                said = f"scoreboard, {row['model']}: {stop}"
                at = (docname, row["line"])
                log.warning(said, location=at, type="dgm", subtype="board")
        filled = nodes.container(classes=["dgm-board"], ids=board["ids"])
        if rows:
            filled += nodes.raw("", dgm_scoretable.html(rows, board), format="html")
        filled += board.children
        board.replace_self(filled)


def _row(
    app: Sphinx,
    docname: str,
    row: dict[str, Any],
    known: dict[str, dict[str, Record]],
) -> Row:
    lecture = row["lecture"]
    if lecture not in known:
        known[lecture] = records(app, lecture)
    title = app.env.titles[lecture].astext()
    page = app.builder.get_relative_uri(docname, lecture)

    def number(name: str) -> Number:
        if name not in known[lecture]:
            raise Stop(f"{lecture} has no record '{name}'.")
        found = known[lecture][name]
        if type(found.value) not in (int, float) or not math.isfinite(found.value):
            raise Stop(f"record '{name}' of {lecture} is {found.value!r}, no number.")
        address = f"{page.partition('#')[0]}#cell-{found.cell}"
        where = f"cell {found.cell} of {title}"
        return Number(found.value, found.stderr, found.kind, address, where)

    score = _fit_to_show(number(row["record"]), row["record"])
    named = row.get("seeds") or {}
    seeds = {key: number(named[key]) for key in Seeds._fields if key in named}
    if seeds and seeds["mean"].kind not in (score.kind, "measured"):
        kinds = f"{seeds['mean'].kind}, but '{row['record']}' is {score.kind}"
        raise Stop(f"'{row['seeds']['mean']}' is {kinds}.")
    return Row(
        model=str(row["model"]),
        lecture=title,
        score=score,
        seeds=Seeds(**seeds) if seeds else None,
        parameters=number(row["parameters"]) if row.get("parameters") else None,
    )


def _fit_to_show(score: Number, name: str) -> Number:
    """The number, if it says what it is.

    Raises:
        Stop: if it is neither exact nor a bound nor an estimate with its error.
    """
    if score.kind not in KINDS:
        raise Stop(
            f"record '{name}' is of kind '{score.kind}', and the scoreboard shows only "
            "exact values, bounds and estimates: say which, record(..., kind=...)."
        )
    if score.kind == "estimate" and score.stderr is None:
        raise Stop(f"record '{name}' is an estimate without a standard error: add it.")
    return score


def add_script(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: Any
) -> None:
    """Load the script in the pages that have a scoreboard, and in no others."""
    if app.env.metadata.get(page, {}).get("dgm_board"):
        app.add_js_file("scoreboard.js")


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect the above."""
    app.setup_extension("dgm_pages")
    app.add_node(scoreboard)
    app.add_directive("scoreboard", Scoreboard)
    app.connect("doctree-resolved", fill_boards)
    app.connect("html-page-context", add_script)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
