"""The notebooks beside the pages: complete, clean, and with the lecture's own code."""

import html
import re

import nbformat
import pytest
from pagecheck import SITE
from test_pages import LECTURES

from dgm.course.grading.master import read_master
from dgm.course.grading.release import secret_lines
from dgm.course.notebook import code_cells, read

pytestmark = pytest.mark.site
ROOT = SITE.parents[1]
SLUGS = [page.removesuffix(".html") for page in LECTURES]
# Roles and directives, their options, raw labels, and numbers that were not found.
RAW = re.compile(
    r"\{(eq|numref|ref|doc|cite|glue|prf|term)[:}]|^ *(:::|```\{|~~~)|^ *:\w+: "
    r"|^\([\w-]+\)=|\?\?|%s|\bNone\b",
    re.MULTILINE,
)


@pytest.fixture(params=SLUGS)
def slug(request):
    return request.param


@pytest.fixture
def notebook(slug):
    path = SITE / "notebooks" / f"{slug}.ipynb"
    return nbformat.read(path, as_version=nbformat.NO_CONVERT)


def texts(notebook):
    return [c.source for c in notebook.cells if c.cell_type == "markdown"]


def codes(notebook):
    """The code, without the titles that Colab folds it under."""
    cells = [c for c in notebook.cells if c.cell_type == "code"]
    return [re.sub(r"\A# @title .*\n", "", cell.source) for cell in cells]


def test_it_is_valid_and_clean(notebook):
    nbformat.validate(notebook)
    cells = notebook.cells
    assert len({cell.id for cell in cells}) == len(cells)
    assert not any(cell.get("outputs") for cell in cells)
    assert not any(cell.get("execution_count") for cell in cells)
    assert notebook.metadata.kernelspec.name == "python3"


def test_cells_keep_their_tags_and_what_is_folded_stays_folded(notebook, slug):
    tags = [
        cell.metadata.get("tags", [])
        for cell in read(ROOT / f"{slug}.md", stamped=False).cells
        if cell.cell_type == "code"
    ]
    _, *cells = (c for c in notebook.cells if c.cell_type == "code")
    assert [cell.metadata.get("tags", []) for cell in cells] == tags
    hidden = [c for c in cells if c.metadata.get("jupyter", {}).get("source_hidden")]
    assert all(cell.metadata["cellView"] == "form" for cell in hidden)
    plots = [c for c in hidden if "hide-input" in c.metadata.get("tags", [])]
    assert len(plots) == sum("hide-input" in t for t in tags) > 0


def test_it_installs_first_and_then_has_the_lectures_code(notebook, slug):
    install, *rest = codes(notebook)
    assert "find_spec" in install
    lecture = [cell.source for cell in code_cells(ROOT / f"{slug}.md")]
    assert rest == lecture


def test_nothing_of_myst_is_left(notebook):
    for text in texts(notebook):
        words = re.sub(r"`[^`]*`|\$[^$]*\$", "", text)
        assert not RAW.search(words), words


def test_every_formula_is_closed(notebook):
    for text in texts(notebook):
        assert len(re.findall(r"(?<!\\)\$", text)) % 2 == 0, text


def test_numbered_things_are_all_there(notebook, slug):
    source = (ROOT / f"{slug}.md").read_text("utf8")
    text = "\n".join(texts(notebook))
    labelled = re.findall(r"^\$\$ \([\w-]+\)$", source, re.MULTILINE)
    tags = [int(number) for number in re.findall(r"\\tag\{(\d+)\}", text)]
    assert tags == list(range(1, len(labelled) + 1))
    figures = re.findall(r"^\*\*Fig\. (\d+)\.\*\*", text, re.MULTILINE)
    assert len(figures) == source.count("    name: fig-") > 0
    exercises = re.findall(r"^> \*\*Exercise (\d+)", text, re.MULTILINE)
    assert len(exercises) == source.count("{exercise-start}") > 0
    for box in ("proposition", "definition", "algorithm", "theorem", "lemma"):
        found = re.findall(rf"^> \*\*{box.capitalize()} \d+", text, re.MULTILINE)
        assert len(found) == source.count(f"```{{prf:{box}}}")


def words_of(fragment):
    """Words of a piece of HTML, and of Markdown, that can be compared."""
    text = html.unescape(re.sub(r"<[^>]+>", "", fragment))
    return "".join(re.findall(r"[^\W_]+", re.sub(r"\$|\\[()]|\*", "", text)))


def test_numbers_and_titles_are_those_of_the_page(notebook, slug):
    page = (SITE / f"{slug}.html").read_text("utf8")
    text = "\n".join(texts(notebook))
    heads = re.findall(r'<p class="admonition-title">(.*?)</p>', page, re.S)
    boxes = re.compile(r"(Proposition|Definition|Algorithm|Theorem|Lemma|Exercise)\d")
    shown = [w for w in map(words_of, heads) if boxes.match(w)]
    said = re.findall(r"^> \*\*(\w+ \d+.*)\*\*$", text, re.M)
    assert [words_of(head) for head in said] == shown
    captions = re.findall(r"<figcaption>\s*<p>(.*?)</p>", page, re.S)
    begins = [words_of(c)[:40] for c in captions]
    told = re.findall(r"^\*\*Fig\. \d+\.\*\*.*", text, re.M)
    assert [words_of(caption)[:40] for caption in told] == begins


def test_proofs_are_there(notebook, slug):
    page = (SITE / f"{slug}.html").read_text("utf8")
    text = "\n".join(texts(notebook))
    proofs = re.findall(r"^\*Proof\.\* (.*?)∎$", text, re.MULTILINE | re.DOTALL)
    assert len(proofs) == page.count('<div class="proof admonition"')
    assert all(len(proof) > 100 for proof in proofs)


def test_every_formula_can_be_set(notebook, server, visit):
    formulas = [
        formula
        for text in texts(notebook)
        for formula in re.findall(r"\$\$.+?\$\$|(?<!\\)\$[^$]+\$", text)
    ]
    assert len(formulas) > 50
    body = "".join(f"<p class=math>{html.escape(f)}</p>" for f in formulas)
    page = (
        "<script>MathJax = {tex: {inlineMath: [['$', '$']]}}</script>"
        f"<script src=/_static/mathjax/tex-chtml.js></script><article>{body}</article>"
    )
    server.planted["formulas.html"] = page.encode()
    visit.open(f"{server.address}/formulas.html")
    assert visit.faults("math")["math"] == []


def test_solutions_are_folded(notebook, slug):
    source = (ROOT / f"{slug}.md").read_text("utf8")
    text = "\n".join(texts(notebook))
    solutions = re.findall(r"<summary><b>Solution to Exercise (\d+)", text)
    assert len(set(solutions)) == source.count("{solution-start}") > 0
    for cell in notebook.cells:
        if cell.cell_type == "code" and cell.source.startswith("# @title Solution"):
            assert cell.metadata.jupyter.source_hidden


def test_glued_values_are_those_of_the_page(notebook, slug):
    html = (SITE / f"{slug}.html").read_text("utf8")
    pasted = re.findall(r'<span class="pasted-text">([^<]+)</span>', html)
    pasted = [value.replace("\N{NO-BREAK SPACE}", " ") for value in pasted]
    assert len(pasted) > 20
    text, place = "\n".join(texts(notebook)), 0
    for value in pasted:  # in the order of the page
        place = text.find(value, place) + len(value)
        assert place >= len(value), value


def test_cited_works_are_listed(notebook, slug):
    source = (ROOT / f"{slug}.md").read_text("utf8")
    keys = {
        key
        for group in re.findall(r"\{cite(?::\w+)?\}`([^`]+)`", source)
        for key in group.split(",")
    }
    listed = texts(notebook)[-1]
    assert listed.startswith("## References")
    assert listed.count("\n- ") == len(keys) > 0


def test_it_says_where_it_comes_from(notebook):
    assert "Deep Generative Models: an executable course" in texts(notebook)[1]


def test_the_page_offers_it(slug, site):
    html = (site / f"{slug}.html").read_text("utf8")
    assert f'href="../notebooks/{slug}.ipynb"' in html


SETS = sorted(path.stem for path in (ROOT / "exercises").glob("*.ipynb"))


@pytest.mark.parametrize("slug", SETS)
def test_a_problem_set_is_the_released_one_with_an_install_cell(slug, site):
    path = f"exercises/{slug}.ipynb"
    offered = nbformat.read(site / "notebooks" / path, as_version=4)
    released = nbformat.read(ROOT / path, as_version=4)
    nbformat.validate(offered)
    added = [cell for cell in offered.cells if cell.id in ("about", "install")]
    assert [cell.cell_type for cell in added] == ["markdown", "code"]
    assert [c for c in offered.cells if c not in added] == released.cells
    html_page = (site / f"exercises/{slug}.html").read_text("utf8")
    assert f'href="../notebooks/{path}"' in html_page


@pytest.mark.parametrize("slug", SETS)
def test_no_solution_is_anywhere_in_the_site(slug, site):
    problems = read_master(ROOT / "solutions" / f"{slug}.md")
    secrets = {line for cell in problems.cells for line in secret_lines(cell)}
    telling = [line for line in secrets if len(line) > 40]
    assert len(telling) > 20
    folders = ("exercises", "_sources/exercises", "notebooks/exercises")
    files = [f for name in folders for f in (site / name).rglob("*") if f.is_file()]
    assert len(files) >= 3
    for file in [*files, site / "searchindex.js"]:
        text = html.unescape(file.read_text("utf8")).replace('\\"', '"')
        assert not [line for line in telling if line in text], file
