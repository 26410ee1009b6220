"""Glued numbers are set as numbers: a minus sign, a space before %, powers of ten.

In running text a number and its error stay on one line.
"""

import re
from collections.abc import Iterator
from itertools import groupby
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

MINUS = "−"
HYPHEN = re.compile(r"(?<![\w.-])-(?=\.?\d)")
PERCENT = re.compile(r"(?<=\d)%")
POWER = re.compile(r"(?<![\w.])(\d[\d.]*)e([+-]?)0*(\d+)\b")
ERROR = re.compile(r"(?:(?<=\d)\s|^\s)?±\s")
GLUE = {ord(space): "\u00a0" for space in " \n"}
APART = nodes.entry, nodes.literal, nodes.math, nodes.literal_block, nodes.raw


def typeset(text: str) -> list[nodes.Node]:
    """What Python prints, as a page shows it: ``-3e-07`` as −3 × 10 to the −7."""
    text = PERCENT.sub("\u00a0%", HYPHEN.sub(MINUS, text))
    before, *pieces = POWER.split(text)
    shown: list[nodes.Node] = []
    for mantissa, sign, power, rest in zip(*[iter(pieces)] * 4, strict=True):
        raised = power if sign in ("", "+") else MINUS + power
        shown.append(nodes.Text(f"{before}{mantissa}\u00a0×\u00a010"))
        shown.append(nodes.superscript(raised, raised))
        before = rest
    shown.append(nodes.Text(before))
    return [node for node in shown if node.astext()]


def typeset_glued(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """The same for all numbers that a page has from its cells."""
    for node in doctree.findall(nodes.inline):
        if "pasted-text" in node["classes"]:
            shown = typeset(node.astext())
            node.clear()
            node += shown


def keep_errors(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """No line ends within "85.2 ± 0.3", but in a table, whose columns are narrow."""
    for node in {text.parent for text in doctree.findall(nodes.Text) if "±" in text}:
        if not _within(node, APART):
            node[:] = list(_kept(node.children))


def _kept(children: list[nodes.Node]) -> Iterator[nodes.Node]:
    """The children, with texts that stand side by side (a line, its end) as one."""
    for is_text, run in groupby(children, lambda child: isinstance(child, nodes.Text)):
        if not is_text:
            yield from run
            continue
        text = "".join(piece.astext() for piece in run)
        yield nodes.Text(ERROR.sub(lambda found: found[0].translate(GLUE), text))


def _within(node: nodes.Node, kinds: tuple[type[nodes.Node], ...]) -> bool:
    return isinstance(node, kinds) or bool(node.parent) and _within(node.parent, kinds)


def setup(app: Sphinx) -> dict[str, Any]:
    """Once the numbers of other pages are in their places, too."""
    app.connect("doctree-resolved", typeset_glued)
    app.connect("doctree-resolved", keep_errors)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
