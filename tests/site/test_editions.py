"""The site is the students': nothing in it tells a solution or a hidden test."""

import html
import json
import re
from collections import Counter

import pytest
from pagecheck import SITE
from sphinx.search.en import SearchEnglish

from dgm.course.grading.master import read_master
from dgm.course.grading.release import masters, secret_lines
from dgm.course.traces import INDEX, secrets, traces

pytestmark = pytest.mark.site
ROOT = SITE.parents[1]
MASTERS = masters(ROOT, [])
PUBLIC = ("exercises/*.md", "lectures/*.md", "*.md", "book/*.[mb]*", "src/**/*.py")


@pytest.fixture(scope="module")
def lines():
    return secrets(ROOT)


def test_every_master_has_much_to_hide(lines):
    kinds, hidden = Counter(), set(lines)
    for path in MASTERS:
        for cell in read_master(path).cells:
            kinds[path.stem, cell.kind] += len(hidden & set(secret_lines(cell)))
    for path in MASTERS:
        for kind in ("answer", "test", "written"):
            assert kinds[path.stem, kind] > 20, (path.stem, kind)


def test_no_file_of_the_site_tells_a_solution(lines, site):
    assert list(traces(lines, site)) == []


@pytest.mark.parametrize("kind", ["answer", "test", "written"])
def test_one_line_on_a_page_would_be_told(kind, lines, site, tmp_path):
    path = MASTERS[-1]
    cells = read_master(path).of(kind)
    said = {line for cell in cells for line in secret_lines(cell)}
    line = min(said & set(lines))
    page = (site / f"exercises/{path.stem}.html").read_text("utf8")
    begin, end = page.split("</article>", 1)
    planted = f"{begin}<p>{html.escape(line)}</p></article>{end}"
    (tmp_path / "page.html").write_text(planted, "utf8")
    assert list(traces(lines, tmp_path)) == [("page.html", line)]


def stems(text):
    search = SearchEnglish({})
    return {search.stem(word) for word in re.findall(r"[^\W\d]\w*", text.lower())}


def test_the_search_knows_no_word_of_the_solutions_alone(site):
    index = json.loads(INDEX.match((site / "searchindex.js").read_text("utf8"))[1])
    assert not [name for name in index["docnames"] if "solutions" in name]
    public = [path for pattern in PUBLIC for path in ROOT.glob(pattern)]
    known = stems("\n".join(path.read_text("utf8") for path in public))
    cells = [cell for path in MASTERS for cell in read_master(path).cells]
    told = "\n".join(line for cell in cells for line in secret_lines(cell))
    telling = {word for word in stems(told) - known if len(word) > 3}
    assert len(telling) > 100
    listed = {**index["terms"], **index["titleterms"]}
    # A word that no page has any more stays in an index that is built again.
    assert not telling & {word for word, pages in listed.items() if pages != []}
