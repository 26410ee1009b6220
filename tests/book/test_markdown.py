"""What the notebooks say is what the pages say: read back by a Markdown parser."""

from html.parser import HTMLParser

import pytest
from dgm_markdown import Markdown, fold
from docutils import nodes
from docutils.core import publish_doctree
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from myst_parser.docutils_ import Parser

SETTINGS = {
    "myst_enable_extensions": ["dollarmath", "deflist"],
    "report_level": 5,
    "doctitle_xform": False,
}
COMMONMARK = MarkdownIt("commonmark").enable(["table", "strikethrough"])


def writer(**numbers):
    """A writer that knows numbers by id, and links by their last part."""
    return Markdown(
        lambda node: next((numbers[i] for i in node["ids"] if i in numbers), ""),
        lambda node: node.get("refuri"),
        lambda node: node["uri"],
        lambda node: pytest.fail(f"unknown: {node!r}"),
    )


def written(source):
    """A page in MyST, as the notebook has it."""
    page = publish_doctree(source, parser=Parser(), settings_overrides=SETTINGS)
    return writer().blocks(page.children)


class Text(HTMLParser):
    def __init__(self):
        super().__init__()
        self.words = ""
        self.tags = []

    def handle_data(self, data):
        self.words += data

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag + dict(attrs).get("start", ""))


def read(markdown):
    parser = Text()
    parser.feed(COMMONMARK.render(markdown))
    parser.close()
    return parser


LETTERS = st.text(
    st.sampled_from(list("ab1 .)(][*_`\\<>&;#:!|~=+-\"'"))
    | st.characters(codec="utf8"),
    max_size=30,
)


@given(LETTERS.filter(lambda text: "$" not in text))
def test_any_words_read_back_as_they_are(text):
    text = " ".join("".join(c for c in text if c.isprintable()).split())
    page = read(writer().block(nodes.paragraph("", "", nodes.Text(text))))
    assert page.words.strip() == text
    assert set(page.tags) <= {"p"}


@given(LETTERS.filter(lambda text: "$" not in text))
def test_any_words_read_back_in_a_table(text):
    text = " ".join("".join(c for c in text if c.isprintable()).split())
    cell = nodes.entry("", nodes.paragraph("", "", nodes.Text(text)))
    head = nodes.row("", nodes.entry("", nodes.paragraph("", "head")))
    group = nodes.tgroup(
        "", nodes.thead("", head), nodes.tbody("", nodes.row("", cell))
    )
    page = read(writer().block(nodes.table("", group)))
    assert page.words.split() == ["head", *text.split()]


@pytest.mark.parametrize(
    "source",
    [
        "Some *leaning*, **bold** words and `code_like(this)`.",
        "- one\n- two *words*\n- three",
        "3. three\n4. four",
        "- outer\n  - inner\n  - more\n- last",
        "> a quotation\n> of two lines",
        "| a | b |\n|---|---|\n| 1 | *two* |\n| 3 | `x` |",
        "See [a place](https://example.org/a_b).",
        "a line\nthat goes on",
        "`` a ` b `` and ``` `` ```",
        "- first\n\n  second paragraph\n- last",
        "![A photo](photo.png) in a line",
        "[not a link]: at all",
        r"1\. no list",
    ],
)
def test_plain_markdown_comes_out_with_the_same_meaning(source):
    expected, found = read(source), read(written(source))
    assert found.words.split() == expected.words.split()
    assert found.tags == expected.tags


def test_mathematics_keeps_its_dollars_and_stays_in_its_line():
    assert written("so $p(x) < 1$ holds") == "so $p(x) < 1$ holds"
    assert written("$$\na +\nb\n$$") == r"$$ a + b $$"
    quoted = written("> first\n>\n> $$\n> a\n> b\n> $$")
    assert quoted == "> first\n>\n> $$ a b $$"


@pytest.mark.parametrize(
    ("tex", "between"),
    [
        (r"a &= b \\ c &= d", r"\begin{aligned} a &= b \\ c &= d \end{aligned}"),
        (r"f = \begin{cases} 1 & x \\ 0 & y \end{cases}", None),
        (
            r"\begin{aligned} \begin{matrix} a & b \end{matrix} & c \end{aligned}",
            None,
        ),
        (r"a \& b", None),
        ("a % why\n+ b", "a + b"),
        (r"50\% \text{ of } x", None),
        (
            r"\begin{align} a &= b \\ c &= d \end{align}",
            r"\begin{aligned} a &= b \\ c &= d \end{aligned}",
        ),
        (
            r"\begin{gather*} a \\ b \end{gather*}",
            r"\begin{gathered} a \\ b \end{gathered}",
        ),
        (r"\begin{equation} a = b \end{equation}", "a = b"),
    ],
)
def test_what_sphinx_adds_to_a_formula_is_there(tex, between):
    assert writer().block(nodes.math_block("", tex)) == f"$$ {between or tex} $$"
    numbered = writer().block(nodes.math_block("", tex, number=7))
    assert numbered == rf"$$ {between or tex} \tag{{7}} $$"


def test_a_norm_in_a_cell_keeps_both_bars():
    cell = nodes.entry("", nodes.paragraph("", "", nodes.math("", r"\|x\| + |y|")))
    table = nodes.table("", nodes.tgroup("", nodes.tbody("", nodes.row("", cell))))
    assert r"$\Vert x\Vert  + \vert y\vert $" in writer().block(table)


def test_a_cell_may_hold_a_list():
    items = (nodes.list_item("", nodes.paragraph("", word)) for word in ("one", "two"))
    cell = nodes.entry("", nodes.paragraph("", "both:"), nodes.bullet_list("", *items))
    table = nodes.table("", nodes.tgroup("", nodes.tbody("", nodes.row("", cell))))
    assert writer().block(table).splitlines()[0] == "| both:<br>• one<br>• two |"


def test_code_keeps_its_language_and_its_fences():
    block = nodes.literal_block("", "```sh\nls\n```", language="ipython3")
    text = writer().block(block)
    assert text == "````python\n```sh\nls\n```\n````"
    assert read(text).tags == ["pre", "code"]


def test_powers_notes_and_downloads_are_not_lost():
    power = nodes.paragraph(
        "", "x", nodes.superscript("", "3"), nodes.subscript("", "i")
    )
    assert writer().block(power) == "x<sup>3</sup><sub>i</sub>"
    called = nodes.paragraph("", "here", nodes.footnote_reference("", "1"))
    assert writer().block(called) == "here<sup>1</sup>"
    note = nodes.footnote("", nodes.label("", "1"), nodes.paragraph("", "there"))
    assert writer().block(note) == "<sup>1</sup> there"


def test_a_node_that_has_no_words_is_told():
    told = []
    words = Markdown(lambda n: "", lambda n: None, lambda n: "", told.append)
    words.block(nodes.sidebar("", nodes.paragraph("", "text")))
    words.block(
        nodes.paragraph("", "", nodes.generated(""), nodes.problematic("", "?"))
    )
    assert [type(node) for node in told] == [nodes.sidebar]


def test_a_line_may_break():
    assert written("one\\\ntwo") == "one<br>two"


def test_every_definition_of_a_term_is_said():
    text = written("term\n: first\n: second\n")
    assert read(text).words.split() == ["term", "first", "second"]


def test_a_dollar_that_is_money_opens_no_formula():
    assert writer().block(nodes.paragraph("", "", nodes.Text("5$ or 6$"))) == (
        r"5\$ or 6\$"
    )


@pytest.mark.parametrize(("number", "tag"), [(1, r" \tag{1}"), (True, ""), (None, "")])
def test_only_labelled_equations_show_a_number(number, tag):
    equation = nodes.math_block("", "x", number=number)
    assert writer().block(equation) == f"$$ x{tag} $$"


def test_a_bar_in_mathematics_does_not_end_a_cell():
    table = "| a | b |\n|---|---|\n| $p(x\\|y)$ | a \\| b |"
    row = written(table).splitlines()[-1]
    assert row == r"| $p(x\vert y)$ | a \| b |"


def test_boxes_carry_number_and_title():
    box = nodes.admonition("", nodes.title("", "(Chain rule)"), ids=["chain"])
    box += nodes.paragraph("", "Every density factorises.")
    assert writer(chain="Proposition 4").block(box) == (
        "> **Proposition 4 (Chain rule)**\n>\n> Every density factorises."
    )
    assert writer().block(nodes.note("", nodes.paragraph("", "Mind."))) == (
        "> **Note**\n>\n> Mind."
    )


def test_what_the_page_folds_is_folded():
    box = nodes.admonition("", nodes.title("", "Solution <1>"), classes=["dropdown"])
    box += nodes.paragraph("", "Because ", nodes.emphasis("", "so"))
    text = writer().block(box)
    assert text == fold(r"Solution \<1>", "Because *so*")
    assert read(text).tags == ["details", "summary", "b", "p", "em"]
    assert "&lt;1&gt;" in text
    title = fold(r"The $\log p$ of a\_b", "").partition("<b>")[2]
    assert title.startswith(r"The $\log p$ of a_b</b>")


def test_headings_sink_with_their_section():
    page = "# One\n\nfirst\n\n## Two\n\nsecond\n\n### Three\n\nthird\n\n## Four\n\nlast"
    assert read(written(page)).tags == read(page).tags


def test_citations_are_collected_and_never_become_links():
    entry = nodes.reference("", "Neal, 1992", reftitle="R. Neal. Belief networks.")
    cited = nodes.inline("", "[", entry, nodes.Text("]"), classes=["bibtex-citation"])
    words = writer()
    text = words.block(nodes.paragraph("", "", cited, nodes.Text("(and others)")))
    assert read(text).words.strip() == "[Neal, 1992](and others)"
    words.block(nodes.paragraph("", "", cited.deepcopy()))
    assert words.cited == ["R. Neal. Belief networks."]


def test_a_name_of_the_package_is_a_link_and_no_citation():
    words = writer()
    name = nodes.literal("", "dgm.markov")
    link = nodes.reference("", "", name, reftitle="dgm.markov", refuri="api.html#x")
    text = words.block(nodes.paragraph("", "", link))
    assert words.cited == []
    assert "[`dgm.markov`](api.html#x)" in text


def test_figures_say_number_and_caption():
    figure = nodes.figure("", nodes.image(uri="x.svg", alt="A line."), ids=["f"])
    figure += nodes.caption("", "What to ", nodes.emphasis("", "see"))
    assert writer(f="Fig. 2").caption(figure) == "**Fig. 2.** What to *see*"
    text = writer(f="Fig. 2").block(figure)
    assert text == "![A line.](x.svg)\n\n**Fig. 2.** What to *see*"


def test_definitions_stand_under_their_terms():
    text = written("term\n: what it means\n")
    assert read(text).words.split() == ["term", "what", "it", "means"]
    assert "strong" in read(text).tags
