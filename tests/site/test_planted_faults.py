"""The checks of pages can fail: each planted fault is told by its check."""

import pytest
from pagecheck import (
    HEAVIEST,
    find_chromium,
    link_faults,
    small_page,
    weight_faults,
)

pytestmark = pytest.mark.site
PIXEL = "data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw=="
FAULTS = [
    ("requests", "example.org", '<script src="https://example.org/x.js"></script>'),
    ("requests", "192.0.2.1", '<img alt="A dot." src="http://192.0.2.1/x.png">'),
    ("requests", "font.css", "<style>@import 'https://example.org/font.css'</style>"),
    ("console", "page script", "<script>console.error('page script')</script>"),
    ("console", "no_such_name", "<script>no_such_name()</script>"),
    ("console", "404", '<script src="no-such-file.js"></script>'),
    ("math", "not typeset", '<p class="math">x^2</p>'),
    ("math", "not typeset", r'<span class="math">\(\frac{1\)</span>'),
    ("math", "MathJax fails", r'<span class="math">\(\frac\)</span>'),
    ("math", "unknown", r'<span class="math">\(\nosuch x\)</span>'),
    ("math", "raw math", '<p class="mathjax_ignore">so $$x = 1$$ holds</p>'),
    ("math", "raw math", r'<p class="mathjax_ignore">so \(x = 1\) holds</p>'),
    ("text", "unresolved", "<p>The loss is {glue:text}nll nats.</p>"),
    ("text", "unresolved", "<p>See Figure ??.</p>"),
    ("text", "unresolved", "<p>```{csv-table} Measured</p>"),
    ("text", "unresolved", "<p>:::: A box</p>"),
    ("images", "no alt", f'<img src="{PIXEL}">'),
    ("images", "empty alt", f'<img alt=" " src="{PIXEL}">'),
    ("images", "is a path", f'<img alt="../_images/3f2a.png" src="{PIXEL}">'),
    ("images", "is a path", f'<img alt="picture.svg" src="{PIXEL}">'),
    ("images", "not loaded", '<img alt="A missing picture." src="no-such.png">'),
    ("width", "sideways", "<table><tr><td style='min-width:900px'>wide</td></table>"),
    ("width", "formula scrolls", f"<div class='math'>\\[{'x + ' * 40}x\\]</div>"),
    ("width", "cut off", "<p style='overflow:hidden;white-space:nowrap'>%s</p>"),
    ("width", "keyboard", "<p style='overflow:auto;white-space:nowrap'>%s</p>"),
    ("colours", "contrast 1", "<p style='color:#eee;background:#fff'>pale</p>"),
    (
        "colours",
        "not dark",
        "<style>html[data-theme='dark'] body *{background:#fff!important}</style>",
    ),
]


def plant(server, extra):
    """A page with something more in it."""
    extra = extra.replace("%s", "a line that does not break " * 9)
    server.planted["book/planted.html"] = small_page(extra)
    return f"{server.address}/book/planted.html"


@pytest.mark.parametrize(("check", "told", "extra"), FAULTS)
def test_planted_fault_is_told(check, told, extra, server, visit):
    found = visit.survey(plant(server, extra))
    assert any(told in fault for fault in found[check]), found


def test_harmless_additions_are_not_told(server, visit):
    extra = (
        f'<img alt="A dot." src="{PIXEL}"><p>Is it 1/2? {{a, b}} costs $5.</p>'
        "<pre>{glue:text} ?? $$</pre><a href='https://example.org'>elsewhere</a>"
        r"<p><span class='math'>\(x^2\)</span></p>"
        "<div style='overflow:auto' tabindex='0'><div style='width:900px'>t</div></div>"
    )
    found = visit.survey(plant(server, extra))
    assert not any(found.values()), found


def test_request_from_a_folder_is_told(site, visit, tmp_path):
    page = tmp_path / "page.html"
    page.write_text('<script src="https://example.org/x.js"></script><p>text</p>')
    visit.open(page.as_uri())
    assert visit.faults()["requests"] == ["https://example.org/x.js"]


def test_broken_links_are_told(tmp_path):
    page = tmp_path / "page.html"
    (tmp_path / "other.html").write_text('<p id="here">text</p>')
    good = '<a href="other.html#here"><a href="#top"><a href="https://x.org/#y">'
    bad = '<a href="gone.html"><a href="other.html#gone"><a href="#gone">'
    hint = '<link rel="preconnect" href="https://example.org">'
    html = f'<p id="top">{good}'
    assert link_faults(html, page) == []
    assert link_faults(html + bad + hint, page) == [
        "reaches out: https://example.org",
        "no such page: gone.html",
        "no such place: other.html#gone",
        "no such place: #gone",
    ]


def test_heavy_page_is_told(tmp_path):
    page = tmp_path / "page.html"
    (tmp_path / "heavy.png").write_bytes(b"x" * HEAVIEST)
    (tmp_path / "_static").mkdir()
    (tmp_path / "_static" / "shared.png").write_bytes(b"x" * HEAVIEST)
    assert weight_faults('<img src="_static/shared.png">', page) == []
    assert weight_faults('<img src="heavy.png">', page) != []
    assert weight_faults("x" * (HEAVIEST + 1), page) != []


def test_the_browser_can_be_named(monkeypatch):
    monkeypatch.setenv("CHROMIUM", "/somewhere/chromium")
    assert find_chromium() == "/somewhere/chromium"
    monkeypatch.delenv("CHROMIUM")
    monkeypatch.setenv("PATH", "/nowhere")
    assert find_chromium() is None
