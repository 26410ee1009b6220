"""What directives of the book share that make tables of texts."""

from collections.abc import Iterable, Sequence

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.util.docutils import SphinxDirective


class TextTables(SphinxDirective):
    """A directive that makes tables of texts in MyST."""

    def table(
        self, head: Sequence[str], body: Iterable[Sequence[str]], classes: list[str]
    ) -> nodes.table:
        """A table with a head."""
        group = nodes.tgroup("", cols=len(head))
        group += [nodes.colspec(colwidth=1) for _ in head]
        group += nodes.thead("", self._line_of(head))
        group += nodes.tbody("", *map(self._line_of, body))
        return nodes.table("", group, classes=classes)

    def _line_of(self, texts: Sequence[str]) -> nodes.row:
        return nodes.row("", *(nodes.entry("", *self.parsed(t)) for t in texts))

    def parsed(self, text: str) -> list[nodes.Node]:
        """What a text says, as nodes."""
        inside = nodes.Element()
        lines = StringList(text.splitlines(), self.env.docname)
        self.state.nested_parse(lines, self.content_offset, inside)
        return inside.children
