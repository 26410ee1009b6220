"""A notebook travels alone: nothing in it points to a file that stays behind."""

import re

import nbformat
import pytest
from pagecheck import SITE

pytestmark = pytest.mark.site
FOLDER = SITE / "notebooks"
NOTEBOOKS = sorted(p.relative_to(FOLDER).as_posix() for p in FOLDER.rglob("*.ipynb"))
ADDRESS = re.compile(r"\]\(\s*<?([^)\s>]+)|(?:src|href)\s*=\s*[\"']([^\"']+)")
FAR = re.compile(r"https?://|mailto:|data:")
# Files of the course, and functions that read some file: data come from `dgm.data`.
READS = re.compile(
    r"(?<![\w.])open\(|\bread_(?:text|bytes|csv)\(|\b(?:np|torch)\.load\(|\bimread\("
    r"|\bImage\.open\(|\bImage\((?:filename=)?[\"']|[\"']\.{1,2}/|__file__"
    r"|\b(?:from|import) (?:myst_nb|IPython\.core\.magic)|\bglue\("
)


def left_behind(notebook):
    """Addresses and reads that need something beside the notebook."""
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            text = re.sub(r"`[^`]*`", "", cell.source)
            for found in ADDRESS.findall(text):
                target = "".join(found)
                if not FAR.match(target):
                    yield target
        elif "install" not in cell.metadata.get("tags", []):
            yield from READS.findall(cell.source)


def test_there_are_notebooks_of_both_kinds():
    assert {name.partition("/")[0] for name in NOTEBOOKS} == {"lectures", "exercises"}


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_it_needs_nothing_beside_it(name):
    notebook = nbformat.read(FOLDER / name, as_version=4)
    assert list(left_behind(notebook)) == []


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("See [the next lecture](draw.html).", ""),
        ("![A picture](../_images/1.png)", ""),
        ("![A picture](attachment.png)", ""),
        ('<img alt="A picture" src="_images/1.png">', ""),
        ("See [below](#below).", ""),
        ("", "rows = open('data.csv').read()"),
        ("", "weights = torch.load('weights.pt')"),
        ("", "folder = Path('../results')"),
        ("", "from myst_nb import glue"),
    ],
)
def test_what_would_stay_behind_is_told(text, code):
    cell = nbformat.v4.new_code_cell if code else nbformat.v4.new_markdown_cell
    notebook = nbformat.v4.new_notebook(cells=[cell(code or text)])
    assert len(list(left_behind(notebook))) == 1


def test_what_travels_along_is_not_told():
    cells = [
        nbformat.v4.new_markdown_cell(
            "[A page](https://example.org/x.html), `f](x)`, $p(x)$ and"
            " ![a picture](data:image/png;base64,iVBO)"
        ),
        nbformat.v4.new_code_cell("digits = data.load('digits')\nx.reopen(1)"),
    ]
    assert list(left_behind(nbformat.v4.new_notebook(cells=cells))) == []
