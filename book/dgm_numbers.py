"""Glued numbers are set as numbers: a minus sign, a space before %, powers of ten."""

import re
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

MINUS = "−"
HYPHEN = re.compile(r"(?<![\w.-])-(?=\.?\d)")
PERCENT = re.compile(r"(?<=\d)%")
POWER = re.compile(r"(?<![\w.])(\d[\d.]*)e([+-]?)0*(\d+)\b")


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


def setup(app: Sphinx) -> dict[str, Any]:
    """Once the numbers of other pages are in their places, too."""
    app.connect("doctree-resolved", typeset_glued)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
