"""Every page of the site, as a reader meets it."""

import re

import pytest
import yaml
from pagecheck import DESKTOP, PHONE, SITE, link_faults, pages_of, weight_faults

pytestmark = pytest.mark.site
TOC = yaml.safe_load((SITE.parents[1] / "_toc.yml").read_text("utf8"))
PAGES = [f"{name}.html" for name in pages_of(TOC)]
OTHERS = {
    page.relative_to(SITE).as_posix()
    for page in SITE.rglob("*.html")
    if "_static" not in page.parts
} - {*PAGES}
LECTURES = [page for page in PAGES if page.startswith("lectures/")]


def told(faults):
    """The faults found, one a line, for a message that says them all."""
    return [f"{check}: {fault}" for check, found in faults.items() for fault in found]


def test_there_are_pages():
    assert {"index.html", "search.html"} <= {*PAGES, *OTHERS}


@pytest.mark.parametrize("page", sorted(OTHERS))
def test_page_without_a_place_in_the_book(page, server, visit):
    found = visit.survey(f"{server.address}/{page}", axe=True)
    checks = ("axe", "math", "requests", "console")
    assert told({check: found[check] for check in checks}) == []


@pytest.mark.parametrize("page", PAGES)
def test_page_over_http(page, server, visit):
    """Nothing to stumble over, and no barrier, by day or night, at a desk or phone."""
    assert told(visit.survey(f"{server.address}/{page}", axe=True)) == []


@pytest.mark.parametrize("page", PAGES)
def test_page_from_a_folder(page, site, visit):
    """Opened on a phone, by night."""
    visit.turn("dark", PHONE)
    visit.open((site / page).as_uri())
    assert told(visit.faults("math", "images", "width")) == []


@pytest.mark.parametrize("page", PAGES)
def test_page_leads_somewhere_and_is_light(page, site):
    html = (site / page).read_text("utf8")
    assert link_faults(html, site / page) + weight_faults(html, site / page) == []


@pytest.mark.parametrize("page", PAGES)
def test_numbers_are_set_as_numbers(page, site):
    html = (site / page).read_text("utf8")
    assert re.findall(r'pasted-text">(?:-|[\d.]+e[-+]?\d)[^<]*', html) == []


@pytest.mark.parametrize("page", LECTURES)
def test_a_number_and_its_error_share_a_line(page, site):
    html = re.sub(r"(?s)<table.*?</table>", "", (site / page).read_text("utf8"))
    texts = [re.sub("<.*?>", "", p) for p in re.findall(r"(?s)<p>(.*?)</p>", html)]
    assert any("±" in text for text in texts) or "±" not in html
    assert [text for text in texts if re.search(r"\d[ \n]±|±[ \n]", text)] == []


def test_names_in_docstrings_are_set_as_code(site):
    html = (site / "book/api.html").read_text("utf8")
    assert "<cite>" not in html
    assert '<code class="code docutils literal' in html


def hits(visit, address, word):
    """Addresses that the search page lists for a word."""
    visit.open(f"{address}/search.html?q={word}")
    visit.tab.wait_for_function(
        "/finished|did not match/.test(document.querySelector('#search-results')"
        "?.innerText ?? '')"
    )
    assert told(visit.faults()) == []
    found = visit.tab.locator("#search-results li a")
    return [found.nth(k).evaluate("a => a.href") for k in range(found.count())]


@pytest.mark.parametrize("way", ["http", "file"])
@pytest.mark.parametrize("page", LECTURES[:1] + LECTURES[1:][-1:])
def test_search_finds_a_word_of_a_lecture(page, way, site, server, visit):
    address = server.address if way == "http" else site.as_uri()
    visit.tab.set_viewport_size(DESKTOP)
    visit.open(f"{server.address}/{page}")
    prose = " ".join(visit.tab.locator("article p").all_inner_texts())
    word = max(re.findall(r"\b[a-z]{5,14}\b", prose), key=len)
    assert any(page in hit for hit in hits(visit, address, word)), word


@pytest.mark.parametrize("way", ["http", "file"])
def test_search_finds_no_word_that_is_not_there(way, site, server, visit):
    address = server.address if way == "http" else site.as_uri()
    assert hits(visit, address, "qwxyzzyq") == []


def test_the_switch_of_colours_works(server, visit):
    visit.tab.set_viewport_size(DESKTOP)
    visit.tab.emulate_media(color_scheme="light")
    visit.open(f"{server.address}/index.html")
    modes = set()
    for _ in range(3):
        visit.tab.locator(".theme-switch-button").first.click()
        modes.add(visit.tab.evaluate("document.documentElement.dataset.mode"))
    visit.tab.evaluate("localStorage.clear()")
    assert modes == {"auto", "light", "dark"}
