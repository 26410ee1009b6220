"""Search, copy buttons, the foot of a page, wrong and old addresses: in a browser."""

import re
import sys
from pathlib import Path

import nbformat
import pytest
from pagecheck import DESKTOP, PHONE, SITE, small_page

sys.path.insert(0, str(Path(__file__).parents[2] / "book"))

pytestmark = pytest.mark.site
LECTURES = sorted(path.stem for path in (SITE / "lectures").glob("*.html"))
PAGE = "autoregressive-models"
LIGHT = "book/how-to-read.html"
RESULTS = "#search-results li a"


def results(visit):
    """Addresses of the pages found, once the search is over."""
    visit.tab.wait_for_function(
        "/finished|did not match/.test(document.querySelector('#search-results')"
        "?.innerText ?? '')"
    )
    return visit.tab.locator(RESULTS).evaluate_all("all => all.map(a => a.pathname)")


@pytest.mark.parametrize(
    ("words", "lecture"),
    [
        ("importance weighted", "variational-inference"),
        ("Gibbs", "restricted-boltzmann-machines"),
        ("KL", "variational-autoencoders"),
    ],
)
def test_search_knows_the_terms_of_the_subject(words, lecture, server, site, visit):
    for address in (server.address, site.as_uri()):
        visit.open(f"{address}/search.html?q={words}")
        found = results(visit)
        assert any(path.endswith(f"/lectures/{lecture}.html") for path in found)
        assert not any(visit.faults().values())


@pytest.mark.parametrize("size", [DESKTOP, PHONE])
def test_search_needs_no_pointer_and_fits_a_phone(size, server, visit):
    visit.tab.set_viewport_size(size)
    visit.open(f"{server.address}/{LIGHT}")
    visit.tab.keyboard.press("Control+k")
    visit.tab.keyboard.type("Gibbs")
    visit.tab.keyboard.press("Enter")
    visit.tab.wait_for_url("**/search.html?q=Gibbs")
    assert results(visit)
    overflow = "document.documentElement.scrollWidth - innerWidth"
    assert visit.tab.evaluate(overflow) <= 0
    assert visit.tab.evaluate("document.activeElement.name") == "q"
    visit.tab.keyboard.press("Tab")  # from the field to the first result
    goal = visit.tab.locator(RESULTS).first.get_attribute("href")
    visit.tab.keyboard.press("Enter")
    visit.tab.wait_for_url(lambda url: goal.partition("#")[0] in url)


def test_copying_takes_a_cells_code_and_nothing_else(server, site, visit):
    visit.tab.set_viewport_size(DESKTOP)
    visit.tab.context.grant_permissions(["clipboard-read", "clipboard-write"])
    visit.open(f"{server.address}/lectures/{PAGE}.html")
    assert visit.tab.locator(".cell_output button.copybtn").count() == 0
    cells = visit.tab.locator(".cell_input")
    assert cells.count() > 20
    assert cells.locator("button.copybtn").count() == cells.count()
    notebook = nbformat.read(site / f"notebooks/lectures/{PAGE}.ipynb", as_version=4)
    sources = {c.source.strip() for c in notebook.cells if c.cell_type == "code"}
    button = visit.tab.get_by_role("button", name="Copy to clipboard").first
    button.focus()
    visit.tab.keyboard.press("Shift+Tab")
    visit.tab.keyboard.press("Tab")
    shown = button.evaluate("b => [document.activeElement === b, b.checkVisibility()]")
    assert shown == [True, True]
    assert float(button.evaluate("b => getComputedStyle(b).opacity")) == 1
    visit.tab.keyboard.press("Enter")
    visit.tab.wait_for_selector("button.copybtn.success")
    assert visit.tab.evaluate("navigator.clipboard.readText()").strip() in sources


def test_a_prompt_and_what_follows_it_are_not_copied(server, site, visit):
    html = (site / "index.html").read_text("utf8")
    code = "&gt;&gt;&gt; f(1)\n2\n&gt;&gt;&gt; if x:\n...     f(2)\n"
    extra = f'<div class="highlight session"><pre>{code}</pre></div></article>'
    server.planted["session.html"] = html.replace("</article>", extra).encode()
    visit.tab.context.grant_permissions(["clipboard-read", "clipboard-write"])
    visit.open(f"{server.address}/session.html")
    visit.tab.locator(".session button.copybtn").focus()
    visit.tab.keyboard.press("Enter")
    visit.tab.wait_for_selector("button.copybtn.success")
    copied = visit.tab.evaluate("navigator.clipboard.readText()")
    assert copied == "f(1)\nif x:\n    f(2)"


def test_the_button_is_there_where_nothing_can_hover(server, browser):
    with browser.new_context(
        viewport=PHONE, has_touch=True, is_mobile=True, reduced_motion="reduce"
    ) as context:
        tab = context.new_page()
        tab.goto(f"{server.address}/{LIGHT}")
        button = tab.locator("button.copybtn").first
        button.wait_for(state="attached")
        assert float(button.evaluate("b => getComputedStyle(b).opacity")) > 0.8


@pytest.mark.parametrize("lecture", LECTURES)
def test_the_foot_says_how_long_the_cells_took(lecture, site):
    foot = (site / f"lectures/{lecture}.html").read_text("utf8")
    foot = foot.partition('<footer class="bd-footer-content">')[2]
    assert re.search(r"The cells of this page ran in \d+ s when it was built\.", foot)


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_a_wrong_address_is_answered_at_any_depth(mode, server, site, visit):
    """With the site at the server's root here, wherever it will be published."""
    html = (site / "404.html").read_text("utf8")
    home = re.search(r'href="([^"]*)index\.html"', html)[1]
    html = html.replace(f'="{home}', '="/')
    server.planted["no/such/folder/page.html"] = html.encode()
    asked = []
    visit.tab.on("request", lambda request: asked.append(request.url))
    for size in (DESKTOP, PHONE):
        visit.turn(mode, size)
        visit.open(f"{server.address}/no/such/folder/page.html")
        assert not any(visit.faults("width").values())
        assert visit.violations() == []
    asked = [url for url in asked if not url.startswith("data:")]
    assert {url.rpartition("/")[2] for url in asked} == {"page.html"}  # it stands alone
    links = visit.tab.locator("a").evaluate_all("all => all.map(a => a.pathname)")
    assert all((site / link.lstrip("/")).is_file() for link in links)
    assert {Path(link).stem for link in links} >= {"index", *LECTURES}
    visit.tab.get_by_role("searchbox").fill("Gibbs")
    visit.tab.keyboard.press("Enter")
    assert results(visit)


def test_an_old_address_leads_on_to_the_same_place_of_the_new_page(server, visit):
    from dgm_comfort import REDIRECT

    page = REDIRECT.substitute(target=f"../{LIGHT}", canonical="x", title="A title")
    server.planted["old/name.html"] = page.encode()
    visit.tab.goto(f"{server.address}/old/name.html#jupyter")
    visit.tab.wait_for_url(f"{server.address}/{LIGHT}#jupyter")
    with visit.tab.context.browser.new_context(java_script_enabled=False) as plain:
        tab = plain.new_page()
        tab.goto(f"{server.address}/old/name.html")
        tab.wait_for_url(f"{server.address}/{LIGHT}")


WIDE = "[...document.querySelectorAll('div.math mjx-container.more')]"


def shown(visit, server, extra):
    """A page with something more in it, on a phone."""
    server.planted["book/more.html"] = small_page(extra)
    visit.turn("light", PHONE)
    visit.open(f"{server.address}/book/more.html")


def test_a_formula_that_goes_on_fades_until_its_end_is_seen(server, visit):
    shown(visit, server, f"<div class='math'>\\[{'x + ' * 24}x\\]</div>" * 2)
    visit.tab.wait_for_function(f"{WIDE}.length === 2")
    fades = f"{WIDE}.every(box => getComputedStyle(box).maskImage !== 'none')"
    assert visit.tab.evaluate(fades)
    visit.tab.evaluate(f"{WIDE}[0].scrollLeft = 2000")
    visit.tab.wait_for_function(f"{WIDE}.length === 1")
    visit.turn("light", DESKTOP)
    visit.tab.wait_for_function(f"{WIDE}.length === 0")


def test_a_formula_a_little_too_wide_is_set_smaller(server, visit):
    shown(visit, server, f"<div class='math'>\\[{'x + ' * 11}x\\]</div>")
    box = visit.tab.locator("div.math mjx-container")
    size = "b => parseFloat(getComputedStyle(b).fontSize)"
    fits = "b => b.scrollWidth <= b.clientWidth + 1"
    visit.tab.wait_for_timeout(300)
    small, fitting = box.evaluate(size), box.evaluate(fits)
    visit.turn("light", DESKTOP)
    visit.tab.wait_for_timeout(300)
    assert fitting and box.evaluate(fits)
    assert 0.6 < small / box.evaluate(size) < 0.99


TABLES = "[...document.querySelectorAll('.pst-scrollable-table-container.more')]"


def test_a_table_that_goes_on_fades_until_its_end_is_seen(server, visit):
    visit.turn("light", PHONE)
    visit.open(f"{server.address}/lectures/wasserstein-gans.html")
    wide = visit.tab.evaluate(f"{TABLES}.length")
    assert wide
    fades = f"{TABLES}.every(box => getComputedStyle(box).maskImage !== 'none')"
    assert visit.tab.evaluate(fades)
    visit.tab.evaluate(f"{TABLES}[0].scrollLeft = 2000")
    visit.tab.wait_for_function(f"{TABLES}.length === {wide - 1}")
