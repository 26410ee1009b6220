"""axe-core finds no barrier on any page, by day or night, at a desk or on a phone."""

from importlib.resources import files

import pytest
from pagecheck import DESKTOP, PHONE, SITE

pytestmark = pytest.mark.site
AXE = (files("axe_playwright_python") / "axe.min.js").read_text("utf8")
PAGES = sorted(
    page.relative_to(SITE).as_posix()
    for page in SITE.rglob("*.html")
    if "_static" not in page.parts
)
END = "</article>"


def violations(visit, url, mode, size):
    """One line for each rule that a page breaks, with the first place."""
    visit.tab.set_viewport_size(size)
    visit.tab.emulate_media(color_scheme=mode)
    visit.open(url)
    visit.tab.wait_for_timeout(350)  # the page's own scripts wait 300 ms
    visit.tab.evaluate(AXE)
    found = visit.tab.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{rule['id']}: {rule['help']}: {rule['nodes'][0]['html'][:120]}"
        for rule in found["violations"]
    ]


def test_there_are_pages():
    assert {"index.html", "search.html"} < set(PAGES)


@pytest.mark.parametrize(
    ("mode", "size"), [("light", DESKTOP), ("dark", DESKTOP), ("dark", PHONE)]
)
@pytest.mark.parametrize("page", PAGES)
def test_axe_finds_nothing(page, mode, size, server, visit):
    assert violations(visit, f"{server.address}/{page}", mode, size) == []


@pytest.mark.parametrize(
    ("mode", "rule", "extra"),
    [
        ("light", "button-name", "<button></button>"),
        ("light", "label", "<input type='range'>"),
        (
            "light",
            "image-alt",
            "<img src='data:image/gif;base64,R0lGODlhAQABAAAAACw='>",
        ),
        ("dark", "color-contrast", "<p style='color:#333'>dark on dark</p>"),
        ("light", "heading-order", "<h6>much too deep</h6>"),
    ],
)
def test_a_planted_barrier_is_told(mode, rule, extra, site, server, visit):
    html = (site / "index.html").read_text("utf8")
    assert html.count(END) == 1
    server.planted["barrier.html"] = html.replace(END, extra + END).encode()
    found = violations(visit, f"{server.address}/barrier.html", mode, DESKTOP)
    assert [line for line in found if line.startswith(rule)], found
