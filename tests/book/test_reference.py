"""The reference of the package shows an attribute's text as it was written."""

from dgm_book import hide_colons, show_colons
from sphinx.ext.napoleon import Config
from sphinx.ext.napoleon.docstring import GoogleDocstring

WRITTEN = ["Rows, such as: two.", "", "More."]


def shown(what, *steps):
    lines = list(WRITTEN)
    for step in steps:
        step(None, what, "dgm.size", None, None, lines)
    return lines


def napoleon(app, what, name, thing, options, lines):
    lines[:] = GoogleDocstring(list(lines), Config(), what=what, name=name).lines()


def test_a_colon_in_the_first_line_makes_no_type():
    assert ":type: Rows, such as" in shown("attribute", napoleon)  # what it is for
    read = shown("attribute", hide_colons, napoleon, show_colons)
    assert [line.strip() for line in read if line.strip()] == [WRITTEN[0], WRITTEN[2]]


def test_texts_of_functions_are_left_alone():
    assert shown("function", hide_colons) == WRITTEN
