"""Anchors of cells, the scoreboard and the cards, in a book built for the test."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1] / "course"))
from minicourse import REPOSITORY, code, new_course  # noqa: E402

pytestmark = pytest.mark.slow
EXTENSIONS = ("dgm_pages", "dgm_scoreboard", "dgm_scoretable", "dgm_tables")
CONFIG = """
bibtex_bibfiles: [references.bib]
sphinx:
  local_extensions: {dgm_book: book/, dgm_pages: book/, dgm_scoreboard: book/}
"""
BIB = "@misc{other2020, author = {An Other}, title = {Scores}, year = {2020}}\n"
FIGURE = """---
mystnb:
  figure: {name: fig-shape, caption: A shape.}
  image: {alt: A red shape.}
---
"""
DRAW = """from IPython.display import SVG, display
display(SVG('<svg xmlns="http://www.w3.org/2000/svg" width="9"><g id="one"/></svg>'))"""
SCORES = """from dgm.record import record
record("low", 9.5, 0.25, kind="exact")
record("high", 100.25, kind="bound")"""
MORE = """record("middle", 10.125, 0.5, kind="estimate")
record("size", 12345)
record("count", 5)
record("loose", 10.0)
record("bare", 10.0, kind="estimate")
record("word", "ten", kind="exact")"""
BOARD = """# Board

```{scoreboard} Toy data
:name: toys
:lecture: lectures/scores
rows:
  - {model: High, record: high}
  - {model: Middle, record: middle, parameters: size}
  - model: Low
    record: low
    seeds: {mean: low, spread: low_spread, count: count}
published:
  - data: one set
    rows:
      - {model: Second, value: 88.5, kind: exact, cite: other2020}
      - {model: First, value: 7.25, kind: bound, cite: other2020}
  - data: another set
    rows:
      - {model: Third, value: 3.0, kind: estimate, cite: other2020}
remarks: |
  Some *remarks*.
```

```{bibliography}
```
"""
CARDS = """# Cards

::::{lecture-cards}
:::{lecture-card} lectures/scores
:figure: fig-shape
Is it *one*?
:::
::::
"""


@pytest.fixture
def course(tmp_path):
    course = new_course(tmp_path)
    for name in EXTENSIONS:
        shutil.copy(REPOSITORY / "book" / f"{name}.py", course.root / "book")
    config = (course.root / "_config.yml").read_text("utf8")
    head, _, rest = config.partition("sphinx:\n")
    rest = rest.partition("\n")[2]  # the line of local extensions
    (course.root / "_config.yml").write_text(head + CONFIG.lstrip() + rest)
    (course.root / "references.bib").write_text(BIB)
    course.lecture(
        "scores",
        SCORES,
        code("hidden = 1", "---\ntags: [hide-cell]\n---\n"),
        MORE + '\nrecord("low_spread", 0.75)',
        code(DRAW, FIGURE),
    )
    course.lecture("aside", "print('unconcerned')")
    course.page("board", BOARD)
    course.page("cards", CARDS)
    return course


def build(course):
    """Output of a build that must fail, each warning on one line."""
    assert course.dgm("execute").status == 0
    book = Path(sys.executable).with_name("jupyter-book")
    done = subprocess.run(
        [book, "build", "-q", "-W", "-n", "--keep-going", "."],
        cwd=course.root,
        env=course.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0, "the build should have failed"
    return done.stdout + done.stderr


def rows(html):
    """Model, sign and number of each row, as printed."""
    table = html.partition('class="dgm-scores"')[2].partition("</table>")[0]
    return re.findall(
        r'class="name">(\w+)<.*?class="score">(.) <a href="([^"]*)"[^>]*>'
        r'<data value="[^"]*">([\d.]+)',
        table,
    )


def test_a_book_with_board_and_cards_follows_its_lectures(course):
    assert course.dgm("execute").status == 0
    course.build()
    page = course.html("scores")
    assert re.findall(r'id="(cell-\d+)"', page) == [f"cell-{k}" for k in range(1, 5)]
    hidden = page.partition('id="cell-2"')[2].partition('id="cell-3"')[0]
    assert "hidden" in hidden and "<details" in hidden
    first = [
        ("Low", "=", "scores.html#cell-1", "9.50"),
        ("Middle", "≈", "scores.html#cell-3", "10.12"),
        ("High", "≤", "scores.html#cell-1", "100.25"),
    ]
    board = course.html("board")
    assert rows(board) == first
    assert "scoreboard.js" in board and "scoreboard.js" not in page
    published = board.partition("dgm-published")[2].partition("</table>")[0]
    cells = [
        [re.sub(r"<[^>]+>", "", cell) for cell in re.findall(r"<td>(.*?)</td>", line)]
        for line in re.findall(r"<tr.*?</tr>", published, re.DOTALL)[1:]
    ]
    assert cells == [
        ["First", "≤ 7.25 (bound)", "", "[Oth20]"],
        ["Second", "= 88.50 (exact)", "", "[Oth20]"],
        ["Third", "", "≈ 3.00 (estimate)", "[Oth20]"],
    ]
    cards = course.html("cards")
    card = cards.partition('<li class="dgm-card">')[2].partition("</li>")[0]
    assert card.count("<a ") == 1 and 'href="scores.html">scores</a>' in card
    assert 'alt="A red shape."' in card and "<em>one</em>" in card
    assert 'id="one"' in shown_picture(course, card)
    aside = course.root / "_build/html/lectures/aside.html"
    assert "Points" not in aside.read_text("utf8")

    path = course.root / "lectures" / "scores.md"
    text = path.read_text("utf8").replace("9.5, 0.25", "11.5, 0.25")
    text = text.replace('id="one"', 'id="two"').replace("# scores", "# Points")
    path.write_text(text)
    assert course.dgm("execute").executed == ["scores"]
    course.build()
    assert [row[0] for row in rows(course.html("board"))] == ["Middle", "Low", "High"]
    assert rows(course.html("board"))[1][3] == "11.50"
    card = course.html("cards").partition('<li class="dgm-card">')[2]
    assert ">Points</a>" in card and 'id="two"' in shown_picture(course, card)
    assert "Points" in aside.read_text("utf8")  # its list of all pages
    untouched = aside.stat().st_mtime_ns

    # The same text, another number because a module of the package changed.
    module = course.root / "src" / "dgm" / "record.py"
    scaled = module.read_text("utf8").replace(
        "_plain(value), _plain(stderr)", "_plain(value) * 2, _plain(stderr)"
    )
    module.write_text(scaled)
    assert course.dgm("execute").status == 0
    course.build()
    assert rows(course.html("board"))[1][3] == "23.00"
    assert aside.stat().st_mtime_ns == untouched

    path.unlink()
    course.toc()
    said = build(course)
    assert "scoreboard, Low: there is no page 'lectures/scores' in _toc.yml." in said
    assert "lecture-card: there is no page 'lectures/scores' in _toc.yml." in said


def shown_picture(course, card):
    name = re.search(r'src="\.\./_images/([^"]+)"', card)[1]
    return (course.root / "_build/html/_images" / name).read_text("utf8")


ROWS = {
    "{model: A, record: nothing}": "lectures/scores has no record 'nothing'.",
    "{model: B, record: loose}": "record 'loose' is of kind 'measured', and the "
    "scoreboard shows only exact values, bounds and estimates: say which",
    "{model: C, record: bare}": "record 'bare' is an estimate without a standard error",
    "{model: D, record: word}": "record 'word' of lectures/scores is 'ten', no number.",
    "{model: E, record: low, lecture: lectures/none}": "there is no page "
    "'lectures/none' in _toc.yml.",
    "{model: F, record: low, lecture: lectures/cards}": "lectures/cards is no notebook",
    "{model: G, record: low, value: 3.0}": "a row has no key 'value'; there is",
    "{model: H}": "a row needs a key 'record'.",
    "{model: Low, record: high}": "there are two rows 'Low'.",
    "{model: I, record: high, seeds: {mean: middle, spread: low, count: count}}": (
        "'middle' is estimate, but 'high' is bound."
    ),
}
COLUMNS = {
    "{data: x, rows: [{model: a, value: '88', kind: exact, cite: other2020}]}": (
        "a published value is a number, not '88'."
    ),
    "{data: y, rows: [{model: a, value: 88, kind: sure, cite: other2020}]}": (
        "'sure' is no kind; there is exact, bound, estimate."
    ),
    "{data: z, rows: [{model: a, value: 88, kind: exact}]}": (
        "a published row needs a key 'cite'."
    ),
    "{data: one set, rows: []}": "there are two columns 'one set'.",
}
CARD = ":::{lecture-card} lectures/scores\n:figure: "


def test_each_fault_is_told_once_at_its_line(course):
    listed = "".join(f"  - {row}\n" for row in ROWS)
    text = BOARD.replace("published:\n", f"{listed}published:\n")
    columns = "".join(f"  - {column}\n" for column in COLUMNS)
    text = text.replace("remarks:", f"{columns}remarks:")
    text += "\n```{scoreboard} Broken\nrows: [\n```\n"
    text += "\n```{scoreboard} Empty\nlines: []\n```\n"
    course.page("board", text)
    faulty = f"{CARD}fig-none\nWhat?\n:::\n\nStray.\n::::\n"
    cards = CARDS.removesuffix("::::\n") + faulty
    course.page("cards", cards)
    said = build(course)
    lines = text.splitlines()
    for entry, sentence in (ROWS | COLUMNS).items():
        number = lines.index(f"  - {entry}") + 1
        found = [line for line in said.splitlines() if sentence in line]
        assert len(found) == 1, (sentence, said)
        assert f"lectures/board.md:{number}: WARNING: scoreboard" in found[0]
    assert said.count("WARNING") == len(ROWS) + len(COLUMNS) + 4, said
    broken = lines.index("```{scoreboard} Broken") + 1
    assert re.search(rf"board\.md:{broken + 1}: .*the body is not YAML", said)
    empty = lines.index("```{scoreboard} Empty") + 1
    sentence = "a scoreboard has no key 'lines'; there is published, remarks, rows."
    assert f"board.md:{empty + 1}: WARNING: scoreboard: {sentence}" in said
    at = cards.splitlines().index(":figure: fig-none") + 1  # within the directive
    sentence = "WARNING: lecture-card: lectures/scores has no picture"
    assert f"cards.md:{at}: {sentence}" in said
    assert "in a figure 'fig-none'; there is fig-shape." in said
    assert "lecture-cards holds lecture-card directives and nothing else." in said


def test_a_figure_without_alt_text_is_no_card(course):
    path = course.root / "lectures" / "scores.md"
    path.write_text(path.read_text("utf8").replace("{alt: A red shape.}", "{}"))
    said = build(course)
    assert "the figure 'fig-shape' of lectures/scores has no alt text." in said


def test_the_reference_lists_every_module_that_lectures_import():
    page = (REPOSITORY / "book/api.md").read_text("utf8")
    shown = set(re.findall(r"automodule:: dgm\.(\w+)", page))
    package = REPOSITORY / "src/dgm"
    files = [
        *package.glob("[!_]*.py"),
        *(f.parent for f in package.glob("*/__init__.py")),
    ]
    assert shown == {file.stem for file in files} - {"course"}
