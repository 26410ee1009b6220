"""The book on paper: what folds or moves lies open, and the PDF can be read aloud."""

import json
import shutil

import pytest

from dgm.course import pdf
from dgm.course.files import Stop

html = pytest.importorskip("lxml.html", reason="pip install -e '.[publish]'")
paper = pytest.importorskip("dgm.course.paper")
unfold = pytest.importorskip("dgm.course.unfold")

DOT = "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"
TOC = """format: jb-book
root: index
parts:
  - caption: First part
    chapters:
      - file: lectures/one
        sections:
          - file: exercises/one
"""
CONFIG = 'title: "Tiny: a book"\nauthor: nobody\n'
INDEX = '<h1>Tiny</h1><p>See <a href="lectures/one.html#eq">an equation</a>.</p>'
LECTURE = r"""<section id="one"><h1>One<a class="headerlink" href="#one">#</a></h1>
<p>The share <span class="math">\(x^2\)</span>, <a href="../genindex.html">all</a>.</p>
<section id="sum"><h2>A sum of <span class="math">\(\alpha\)</span></h2>
<div class="math" id="eq"><span class="eqno">(7)</span>\[a = b\]</div>
<div class="cell"><details class="hide"><summary><p>Show</p></summary>
<div class="highlight"><pre>folded = True</pre></div></details></div>
<div class="highlight"><pre>LONG</pre></div>
<figure class="dgm-game"><details><summary>Real?</summary>Real: 1, 3.</details></figure>
<div class="exercise admonition" id="ex"><p>Why?</p></div>
<div class="solution dropdown admonition" id="sol"><p class="admonition-title">
<a href="#ex">Exercise 1</a></p><p>Because.</p></div><p>After it.</p></section>
</section>"""
LONG = f"long = '{'-'.join(map(str, range(80)))}'"


def explore(sliders, width=480):
    """A figure with sliders as dgm.widgets writes it."""
    places = [()]
    for values in sliders.values():
        places = [(*place, value) for place in places for value in values]
    frames = "".join(
        f'<img src="{DOT}" alt="{p}" data-labels="{json.dumps(list(p))}" hidden '
        f'width="{width}" height="200">'.replace('["', "[&quot;")
        .replace('"]"', '&quot;]"')
        .replace('", "', "&quot;, &quot;")
        for p in places
    )
    moved = "".join(
        f'<label><span>{name}</span><input max="{len(values) - 1}"></label>'
        for name, values in sliders.items()
    )
    caption = "<figcaption>What to see.</figcaption>"
    return html.fragment_fromstring(
        f'<figure class="dgm-explore">{frames}{moved}{caption}</figure>'
    )


def labels(figure):
    return [cell[1].text for cell in unfold.of_class(figure, "dgm-strip")[0]]


@pytest.mark.parametrize(("width", "shown"), [(480, 6), (700, 3)])
def test_a_slider_becomes_a_strip_from_the_first_frame_to_the_last(width, shown):
    figure = explore({"steps": [str(k) for k in range(11)]}, width)
    unfold.strip(figure)
    told = labels(figure)
    assert len(told) == shown
    assert (told[0], told[-1]) == ("steps 0", "steps 10")
    assert len(set(told)) == shown
    assert [i.get("alt") for i in figure.iter("img")][-1] == "('10',)"
    assert not figure.xpath(".//img[@hidden]")


def test_two_sliders_become_a_grid_whose_labels_fit_the_frames():
    figure = explore({"game": ["a", "b", "c"], "turns": ["0", "1", "2", "3", "4"]})
    unfold.strip(figure)
    assert labels(figure) == [
        f"game {game}, turns {turns}" for turns in "024" for game in "ac"
    ]
    alts = [image.get("alt") for image in figure.iter("img")]
    assert alts == [f"('{game}', '{turns}')" for turns in "024" for game in "ac"]


def test_folds_lie_open_and_answers_wait_at_the_end():
    article = html.fragment_fromstring(f"<article>{LECTURE}</article>")
    unfold.for_paper(article)
    text = article.text_content()
    assert "folded = True" in text
    assert "Show" not in text
    assert text.index("After it.") < text.index("Solutions") < text.index("Because.")
    assert text.count("Because.") == text.count("Real: 1, 3.") == 1
    assert text.index("Which images were real?") < text.index("Real: 1, 3.")
    assert article.xpath("//*[@id='ex']//a/@href") == ["#sol"]
    spoken = article.xpath("//*[@role='img']/@aria-label")
    assert spoken == [r"formula: x^2", r"formula: \alpha", "formula: a = b"]


def test_links_lead_to_the_page_inside_the_book_or_nowhere():
    pages = {p.name: p for p in (paper.Page("a/b", 1), paper.Page("c", 1))}
    here = pages["a/b"]
    assert paper.target_of("#x", here, pages) == "#a-b.x"
    assert paper.target_of("../c.html#y", here, pages) == "#c.y"
    assert paper.target_of("../c.html", here, pages) == "#c"
    assert paper.target_of("../search.html", here, pages) is None
    assert paper.target_of("https://example.org", here, pages) == "https://example.org"


def test_without_a_chromium_it_says_what_to_install(monkeypatch):
    monkeypatch.setenv("CHROMIUM", "/no/such/browser")
    with pytest.raises(Stop, match="install Chromium"):
        pdf.find_chromium()
    monkeypatch.setattr(pdf, "find_spec", lambda name: None)
    with pytest.raises(Stop, match=r"dgm-course\[publish\]"):
        pdf.check_needs()


def test_a_site_that_is_not_built_is_one_sentence(tmp_path):
    with pytest.raises(Stop, match="make book"):
        paper.read(tmp_path / "index.html")


# ---- Printed, and read by another library -------------------------------------------


@pytest.fixture(scope="module")
def printed(tmp_path_factory):
    """A tiny book, printed, as an independent library reads it."""
    try:
        pdf.check_needs()
    except Stop as stop:
        pytest.skip(str(stop))
    root = tmp_path_factory.mktemp("book")
    (root / "_toc.yml").write_text(TOC)
    (root / "_config.yml").write_text(CONFIG)
    problems = "<h1>Problems</h1><h2>1. Prove it</h2><p>Do.</p>"
    whole = LECTURE.replace("LONG", LONG)
    site = root / "html"
    for name, text in (
        ("index", INDEX),
        ("lectures/one", whole),
        ("exercises/one", problems),
    ):
        page = site / f"{name}.html"
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(f'<main><article class="bd-article">{text}</article></main>')
    copy_mathjax(site / "_static" / "mathjax")
    out = root / "book.pdf"
    assert pdf.main(root, out, site) == 0
    return pytest.importorskip("pypdf").PdfReader(out)


def copy_mathjax(target):
    from importlib.metadata import files

    main = next(f for f in files("sphinx-mathjax-offline") if f.name == "tex-chtml.js")
    shutil.copytree(main.locate().parent, target)


def outline(reader, entries=None, depth=0):
    found = []
    for entry in reader.outline if entries is None else entries:
        if isinstance(entry, list):
            found += outline(reader, entry, depth + 1)
        else:
            page = reader.get_destination_page_number(entry)
            found.append((depth, entry.title, page))
    return found


@pytest.mark.slow
def test_the_pdf_is_tagged_and_says_its_title_and_language(printed):
    root = printed.trailer["/Root"]
    assert root["/MarkInfo"]["/Marked"]
    assert root["/Lang"] == "en"
    assert printed.metadata.title == "Tiny: a book"
    assert printed.metadata.author == printed.xmp_metadata.dc_creator[0] == "nobody"
    assert root["/ViewerPreferences"]["/DisplayDocTitle"]
    tags = list(structure(root["/StructTreeRoot"]["/K"]))
    assert {"/H1", "/H2", "/H3", "/P"} <= {kind for kind, _ in tags}
    formulas = [alt for kind, alt in tags if kind == "/Formula"]
    assert {"x^2", r"\alpha", "a = b"} <= set(formulas)
    assert not [alt for kind, alt in tags if kind == "/Figure" and "formula" in alt]


def structure(node):
    node = node.get_object()
    if isinstance(node, list):
        for child in node:
            yield from structure(child)
    elif isinstance(node, dict):
        if "/S" in node:
            yield node["/S"], node.get("/Alt", "")
        if "/K" in node:
            yield from structure(node["/K"])


@pytest.mark.slow
def test_the_outline_is_that_of_the_book(printed):
    assert [(depth, title) for depth, title, _ in outline(printed)] == [
        (0, "About this copy"),
        (0, "Contents"),
        (0, "Tiny"),
        (0, "First part"),
        (1, "One"),
        (2, "A sum of α"),
        (2, "Which images were real?"),
        (2, "Solutions of the exercises"),
        (2, "Problems"),
        (3, "1. Prove it"),
    ]


@pytest.mark.slow
def test_the_contents_name_the_pages_on_which_things_are(printed):
    pages = {title: page for _, title, page in outline(printed)}
    lines = printed.pages[pages["Contents"]].extract_text().splitlines()
    joined = " ".join(lines)
    assert "000" not in joined
    for title in ("One", "Problems", "Solutions of the exercises"):
        assert f"{title} {pages[title] + 1}" in joined
        assert title in printed.pages[pages[title]].extract_text()


@pytest.mark.slow
def test_all_text_is_there_and_inside_the_page(printed):
    texts = [page.extract_text() for page in printed.pages]
    assert all(text.strip() for text in texts)
    whole = "\n".join(texts)
    for words in ("The share", "(7)", "folded = True", "Because.", "an equation"):
        assert words in whole
    assert "".join(LONG.split()) in "".join(whole.split())  # wrapped, not cut off
    assert rightmost(printed) < 210 / 25.4 * 72 - 36


def rightmost(reader):
    """Where the last letter of any line begins, in points."""
    ends = []

    def note(text, cm, tm, font, size):
        if text.strip():
            ends.append(tm[4] * cm[0] + cm[4])

    for page in reader.pages[1:]:
        page.extract_text(visitor_text=note)
    return max(ends)


@pytest.mark.slow
def test_links_inside_the_book_lead_to_their_page(printed):
    names = printed.named_destinations
    places = [
        annotation.get_object()["/Dest"]
        for page in printed.pages
        for annotation in page.get("/Annots", [])
        if "/Dest" in annotation.get_object()
    ]
    assert any("lectures-one.eq" in str(place) for place in places)
    assert all(str(place) in names for place in places)
