"""Glued numbers: a minus is no hyphen, and a power of ten is raised."""

import pytest
from dgm_numbers import typeset, typeset_glued
from docutils import nodes
from docutils.utils import new_document


@pytest.mark.parametrize(
    ("printed", "shown"),
    [
        ("-7.53", "−7.53"),
        ("-.5 ± 0.1", "−.5 ± 0.1"),
        ("1,234", "1,234"),
        ("85.2% ± 1%", "85.2\u00a0% ± 1\u00a0%"),
        ("3e-15", "3\u00a0×\u00a010^−15^"),
        ("-3e-07 nats", "−3\u00a0×\u00a010^−7^ nats"),
        ("2e+06", "2\u00a0×\u00a010^6^"),
        ("1e-3 to 1e12", "1\u00a0×\u00a010^−3^ to 1\u00a0×\u00a010^12^"),
        ("9-10 digits", "9-10 digits"),
        ("CD-1", "CD-1"),
        ("2026-11-20", "2026-11-20"),
        ("1.5efg", "1.5efg"),
        ("commit 4f123e45", "commit 4f123e45"),
    ],
)
def test_a_number_is_set_as_one(printed, shown):
    raised = nodes.superscript
    told = [
        f"^{n.astext()}^" if type(n) is raised else n.astext() for n in typeset(printed)
    ]
    assert "".join(told) == shown


def test_only_what_is_glued_is_set_anew():
    page = new_document("page")
    page += nodes.paragraph("", "", nodes.Text("-1 and "))
    page[0] += nodes.inline("-1", "-1", classes=["pasted-text"])
    page[0] += nodes.inline("-1", "-1", classes=["other"])
    typeset_glued(None, page, "page")
    assert page.astext() == "-1 and −1-1"
