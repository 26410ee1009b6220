"""The scoreboard: predict, reveal, and find the cell behind each number."""

import functools
import json
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from pagecheck import DESKTOP, PHONE, SITE

from dgm.course.execute import CACHE, cached, open_cache

pytestmark = pytest.mark.site
PAGE = "book/scoreboard.html"
ROOT = SITE.parents[1]
RECORD = "application/papermill.record/application/vnd.dgm.record+json"


@pytest.fixture(params=["http", "file"])
def board(request, site, server, visit):
    """The first board of the page, before any answer."""
    visit.tab.set_viewport_size(DESKTOP)
    visit.tab.emulate_media(color_scheme="light", media="screen")
    address = server.address if request.param == "http" else site.as_uri()
    visit.open("about:blank")
    visit.open(f"{address}/{PAGE}")
    yield visit.tab.locator(".dgm-board").first
    assert visit.faults() == {"requests": [], "console": []}


def truth(board):
    """Models of the table from the best to the worst, and their values."""
    rows = board.locator("tbody tr").filter(has=board.page.locator("td.score"))
    return {
        row.locator(".name").text_content(): float(
            row.locator(".score data").get_attribute("value")
        )
        for row in rows.all()
    }


def listed(board):
    return board.locator(".dgm-predict li .name").all_inner_texts()


def arrange(board, wanted):
    """Put the models in an order with nothing but the keyboard."""
    keyboard = board.page.keyboard
    for place, model in enumerate(wanted):
        board.get_by_role("button", name=f"Move {model} up", exact=True).focus()
        for _ in range(listed(board).index(model) - place):
            keyboard.press("Enter")
            assert board.page.evaluate("document.activeElement.ariaLabel").endswith(
                f"{model} up"
            )
            spot = listed(board).index(model) + 1
            said = f"{model}: place {spot} of {len(wanted)}."
            assert board.get_by_role("status").inner_text() == said
    assert listed(board) == wanted


def test_the_table_is_sorted_by_value(board):
    values = list(truth(board).values())
    assert len(values) > 2 and values == sorted(values)


def test_a_reader_is_asked_first_and_in_a_neutral_order(board):
    assert listed(board) == sorted(truth(board), key=str.lower)
    assert not board.locator("table").first.is_visible()
    assert not board.locator(".dgm-published").first.is_visible()
    up = board.locator(".dgm-predict li").first.locator("button").first
    assert up.get_attribute("aria-disabled") == "true"


def test_a_perfect_order(board):
    models = list(truth(board))
    arrange(board, models)
    board.get_by_role("button", name="Reveal").press("Enter")
    pairs = len(models) * (len(models) - 1) // 2
    said = board.locator(".dgm-verdict")
    assert (
        said.inner_text() == f"You put all {pairs} pairs of models in the right order."
    )
    assert said.evaluate("e => e === document.activeElement")
    assert board.locator("table").first.is_visible()
    assert board.locator(".dgm-published").first.is_visible()
    assert not board.locator(".dgm-predict").count()
    guesses = board.locator(".guess").all_inner_texts()
    assert guesses == [f"you: {k}" for k in range(1, len(models) + 1)]


def test_a_reversed_order(board):
    models = list(truth(board))
    arrange(board, models[::-1])
    board.get_by_role("button", name="Reveal").click()
    pairs = len(models) * (len(models) - 1) // 2
    said = board.locator(".dgm-verdict").inner_text()
    assert said.startswith(f"You put none of the {pairs} pairs of models in the right")
    assert "τ = −1.00" in said
    assert f"a guess gets {pairs / 2:g} on average" in said
    far = f"{models[0]}, place {len(models)} in your list and 1 in the table."
    assert said.endswith(far)


def test_one_swap_costs_one_pair_and_survives_a_reload(board):
    models = list(truth(board))
    arrange(board, [models[1], models[0], *models[2:]])
    board.get_by_role("button", name="Reveal").click()
    pairs = len(models) * (len(models) - 1) // 2
    said = f"You put {pairs - 1} of the {pairs} pairs of models in the right order"
    assert board.locator(".dgm-verdict").inner_text().startswith(said)
    board.page.reload()
    assert board.locator(".dgm-verdict").inner_text().startswith(said)


def test_the_last_place_and_the_way_down(board):
    models = listed(board)
    last = board.get_by_role("button", name=f"Move {models[0]} down", exact=True)
    for _ in range(len(models) + 1):
        last.click(force=True)  # also where it says that it does nothing
    assert listed(board) == [*models[1:], models[0]]
    assert last.get_attribute("aria-disabled") == "true"
    assert last.evaluate("e => e === document.activeElement")


def test_the_table_at_once(board):
    board.get_by_role("button", name="Show the table at once").press("Enter")
    assert board.locator("table").first.is_visible()
    assert not board.locator(".dgm-predict, .dgm-verdict, .guess").count()
    for link in board.locator("table.dgm-scores a[title]").all():
        cell = link.get_attribute("href").partition("#cell-")[2]
        assert link.get_attribute("title").startswith(f"cell {cell} of ")


def test_buttons_are_large_enough_for_a_finger(board):
    board.page.set_viewport_size(PHONE)
    for button in board.locator(".dgm-predict button").all():
        box = button.bounding_box()
        assert box["height"] >= 44 and box["width"] >= 44


def test_the_table_fits_and_is_legible(board, visit):
    board.get_by_role("button", name="Reveal").click()
    for size in (DESKTOP, {"width": 768, "height": 1024}, PHONE):
        for scheme in ("light", "dark"):
            visit.turn(scheme, size)
            found = {
                "width": visit.tab.evaluate("faults.width()"),
                "colours": visit.tab.evaluate(f"faults.colours('{scheme}')"),
                "axe": visit.violations(preload=False),
            }
            assert not any(found.values()), (scheme, size, found)
            plots = [plot.bounding_box() for plot in board.locator("td.plot").all()]
            edges = {(box["x"], box["width"]) for box in plots}
            assert len(edges) == 1, (scheme, size)  # one axis for all rows
            links = board.locator("td.score a")
            ends = [links.nth(k).bounding_box() for k in range(3)]
            lines = {round(box["x"] + box["width"]) for box in ends}
            assert len(lines) == 1, (scheme, size)  # decimals in line


def test_a_mark_stands_where_its_value_belongs(board):
    board.get_by_role("button", name="Reveal").click()
    middles = []
    for mark in board.locator("td.plot svg svg").all():
        box = mark.locator(":scope > *").bounding_box()
        middles.append(box["x"] + box["width"] / 2)
    values = list(truth(board).values())
    slope = (middles[-1] - middles[0]) / (values[-1] - values[0])
    for value, middle in zip(values, middles, strict=True):
        assert middle == pytest.approx(middles[0] + slope * (value - values[0]), abs=1)


def test_print_shows_all_and_asks_nothing(board):
    board.page.emulate_media(media="print")
    assert board.locator("table").first.is_visible()
    assert board.locator(".dgm-published").first.is_visible()
    assert not board.locator(".dgm-predict").is_visible()
    board.page.emulate_media(media="screen")


def test_without_scripts_all_is_visible(browser, site):
    with browser.new_context(java_script_enabled=False) as context:
        tab = context.new_page()
        tab.goto((site / PAGE).as_uri())
        assert tab.locator("table.dgm-scores").first.is_visible()
        assert tab.locator(".dgm-published").first.is_visible()
        assert not tab.locator(".dgm-predict").count()


@functools.cache
def made_in(path: Path, number: int) -> list[float]:
    """Values and standard errors that a code cell of a lecture records."""
    notebook = cached(path, open_cache(ROOT / CACHE))
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    found = []
    for output in cells[number - 1].get("outputs", []):
        if RECORD in output.get("data", {}):
            found.append(json.loads(output["data"][RECORD])["value"])
    return found


def test_each_number_leads_to_the_cell_that_recorded_it(board, site, visit):
    board.get_by_role("button", name="Show the table at once").click()
    here = site / PAGE
    links = board.locator(".dgm-scores td a")
    assert links.count() >= len(truth(board))
    for link in links.all():
        address = urlsplit(link.get_attribute("href"))
        page = (here.parent / unquote(address.path)).resolve()
        assert f'id="{address.fragment}"' in page.read_text("utf8")
        data = link.locator("data")
        text = data.get_attribute("value") if data.count() else link.inner_text()
        slug = page.relative_to(site.resolve()).with_suffix(".md")
        number = int(address.fragment.removeprefix("cell-"))
        assert float(text.replace(",", "")) in made_in(ROOT / slug, number)
    links.first.click()
    visit.tab.wait_for_load_state()
    cell = visit.tab.locator("div.cell:target")
    assert cell.count() == 1
    assert cell.bounding_box()["y"] < visit.tab.viewport_size["height"]
