"""Glued numbers: a minus is no hyphen, and a power of ten is raised.

In running text a number keeps its error beside it.
"""

import pytest
from dgm_numbers import keep_errors, typeset, typeset_glued
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


def paragraph(*pieces):
    """A paragraph; numbers as a page has them from its cells, each in its own node."""
    parts = [nodes.inline(p, p) if p[0].isdigit() else nodes.Text(p) for p in pieces]
    page = new_document("page")
    page += nodes.paragraph("", "", *parts)
    return page


@pytest.mark.parametrize(
    ("pieces", "shown"),
    [
        (["gains ", "1.5", " ± ", "0.2", " nats"], "gains 1.5\u00a0±\u00a00.2 nats"),
        (["on\n", "1.5", " ±", "\n", "0.2"], "on\n1.5\u00a0±\u00a00.2"),
        (["gains ", "1.5", "\n", "± ", "0.2"], "gains 1.5\u00a0±\u00a00.2"),
        (["it is 1.5 ± 0.2 there"], "it is 1.5\u00a0±\u00a00.2 there"),
        (["whiskers are ± 2 errors"], "whiskers are ±\u00a02 errors"),
        (["no error", "\n", "here"], "no error\nhere"),
    ],
)
def test_no_line_ends_between_a_number_and_its_error(pieces, shown):
    page = paragraph(*pieces)
    keep_errors(None, page, "page")
    assert page.astext() == shown


def test_what_stands_between_numbers_and_errors_stays():
    page = paragraph("it is ", "1.5", " ± ", "0.2", " nats")
    numbers = list(page.findall(nodes.inline))
    keep_errors(None, page, "page")
    assert list(page.findall(nodes.inline)) == numbers
    assert all(node.parent is page[0] for node in page[0])


@pytest.mark.parametrize("kind", [nodes.entry, nodes.literal, nodes.math])
def test_tables_and_code_stay_as_they_are(kind):
    page = new_document("page")
    page += kind()
    page[0] += nodes.inline("", "1 ± 2")
    keep_errors(None, page, "page")
    assert page.astext() == "1 ± 2"
