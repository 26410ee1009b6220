"""The guessing game is played by mouse and by keyboard, and counts as a reader does."""

import json
import re
from importlib.resources import files

import pytest
import torch
from pagecheck import DESKTOP, PHONE

from dgm.game import play_game

pytestmark = pytest.mark.site
LECTURE = "lectures/generative-adversarial-networks.html"
AXE = (files("axe_playwright_python") / "axe.min.js").read_text("utf8")
END = "</article>"
VISIBLE = """figure => [...figure.querySelectorAll("svg")].map((image) =>
  image.checkVisibility({visibilityProperty: true}) && image.clientWidth > 0)"""
VERDICT = r"That was the last one\. (.*)$"


def deck_of(text):
    """'rf' is a real image that the rival takes for a fake."""
    return [(a == "r", b == "r") for a, b in text.split()]


def game(deck, name="The other", best="71 %"):
    truth, rival = (torch.tensor(answers) for answers in zip(*deck, strict=True))
    images = torch.eye(4).expand(len(deck), 4, 4).clone()
    images[:, 0, 3] = torch.arange(len(deck)) % 2
    words = [f"{k} dots" for k in range(len(deck))]
    return play_game(images, truth, rival, name=name, best=best, words=words).data


@pytest.fixture
def planted(site, server, visit):
    """Opens the landing page with games in it, and gives their figures."""
    html = (site / "index.html").read_text("utf8")
    assert html.count(END) == 1

    def open_with(*games):
        server.planted["games.html"] = html.replace(END, "".join(games) + END).encode()
        visit.open(f"{server.address}/games.html")
        assert visit.faults() == {"requests": [], "console": []}
        return visit.tab.locator("figure.dgm-game").all()

    visit.tab.set_viewport_size(DESKTOP)
    visit.tab.emulate_media(color_scheme="light")
    return open_with


def says(figure):
    return figure.locator(".dgm-said").inner_text()


def scores(figure):
    lines = figure.locator(".dgm-score").inner_text().splitlines()
    found = [re.search(r"(\d+) of (\d+)$", line) for line in lines[:2]]
    return [tuple(map(int, match.groups())) for match in found]


def seen(figure):
    """Numbers of the images that can be seen, counted from 1."""
    visible = figure.evaluate(VISIBLE)  # at once: there are some thirty
    return [k for k, image in enumerate(visible, 1) if image]


def button(figure, name):
    return figure.get_by_role("button", name=name, exact=True)


@pytest.mark.parametrize("way", ["http", "file"])
def test_the_game_of_a_lecture_by_mouse(way, site, server, visit):
    address = server.address if way == "http" else site.as_uri()
    visit.tab.set_viewport_size(DESKTOP)
    visit.open(f"{address}/{LECTURE}")
    figure = visit.tab.locator("figure.dgm-game")
    deck = json.loads(figure.get_attribute("data-deck"))
    count = len(deck)
    assert count >= 20 and figure.locator("svg").count() == count
    assert says(figure) == f"Image 1 of {count}."

    mine = rival = 0
    for k in range(count):
        assert seen(figure) == [k + 1]
        assert scores(figure) == [(mine, k), (rival, k)]
        answer = ("real", "fake")[k % 3 == 0]
        button(figure, answer).click()
        told = re.match(
            r"(Right|Wrong): it was (real|fake)\. .* said (real|fake)\. ", says(figure)
        )
        judged, truth, other = told.groups()
        assert [truth == "real", other == "real"] == deck[k]
        assert (judged == "Right") == (answer == truth)
        mine += answer == truth
        rival += other == truth
    assert scores(figure) == [(mine, count), (rival, count)]
    assert re.search(VERDICT, says(figure))
    assert seen(figure) == [count]

    before = figure.inner_text()
    button(figure, "real").click(force=True)
    assert figure.inner_text() == before
    button(figure, "start again").click()
    assert (scores(figure), seen(figure)) == ([(0, 0), (0, 0)], [1])
    assert says(figure) == f"Image 1 of {count}."
    button(figure, "real").click()
    assert says(figure).startswith("Right" if deck[0][0] else "Wrong")
    assert visit.errors == []


FOCUS = "document.activeElement.innerText"


def test_the_game_of_a_lecture_by_keyboard(server, visit):
    """Enter and Space answer, Tab and arrows move, and the focus stays where it was."""
    tab, keys = visit.tab, visit.tab.keyboard
    tab.set_viewport_size(DESKTOP)
    visit.open(f"{server.address}/{LECTURE}")
    figure = tab.locator("figure.dgm-game")
    deck = json.loads(figure.get_attribute("data-deck"))
    button(figure, "real").focus()
    mine = 0
    for k, (truth, _) in enumerate(deck):
        keys.press("Enter" if k % 2 else "Space")
        answer = ("real", "fake")[k % 2]
        assert tab.evaluate(FOCUS) == answer
        mine += (answer == "real") == truth
        assert scores(figure)[0] == (mine, k + 1)
        keys.press(("ArrowLeft", "Shift+Tab")[k % 4 < 2] if k % 2 else "ArrowRight")
    assert re.search(VERDICT, says(figure))
    button(figure, "fake").focus()
    assert button(figure, "fake").get_attribute("aria-disabled") == "true"
    keys.press("Enter")
    assert (tab.evaluate(FOCUS), scores(figure)[0]) == ("fake", (mine, len(deck)))
    keys.press("Tab")
    keys.press("Enter")
    assert (tab.evaluate(FOCUS), scores(figure)[0]) == ("start again", (0, 0))
    assert button(figure, "fake").get_attribute("aria-disabled") == "false"
    keys.press("ArrowRight")
    assert tab.evaluate(FOCUS) == "real"
    assert tab.url.endswith(LECTURE)


def test_a_key_held_down_answers_once(planted, visit):
    (figure,) = planted(game(deck_of("rr rr rr")))
    button(figure, "real").focus()
    for _ in range(3):
        visit.tab.keyboard.down("Enter")
    visit.tab.keyboard.up("Enter")
    assert scores(figure)[0] == (1, 1)
    visit.tab.keyboard.press("Enter")
    assert scores(figure)[0] == (2, 2)


LIMIT = "on average nobody does better than 71 %."


@pytest.mark.parametrize(
    ("deck", "answers", "verdict"),
    [
        (
            "rr rr rf ff",
            "rrrf",
            f"lost to you by 1 image: luck can do that, but {LIMIT}",
        ),
        (
            "rr fr rf ff",
            "rfrf",
            f"lost to you by 2 images: luck can do that, but {LIMIT}",
        ),
        ("rr rr rr fr", "rrrr", f"was right as often as you: {LIMIT}"),
        ("rr rr rr ff", "rrrr", f"won by 1 image: {LIMIT}"),
        (
            "rr rr ff ff",
            "rrrr",
            "won by 2 images: on average, a coin does no worse than",
        ),
        (
            "rr rf ff ff",
            "fffr",
            "won by 2 images: on average, a coin does no worse than",
        ),
    ],
)
def test_the_last_sentence_depends_on_the_result(deck, answers, verdict, planted):
    (figure,) = planted(game(deck_of(deck)))
    for answer in answers:
        assert "last" not in says(figure)
        button(figure, {"r": "real", "f": "fake"}[answer]).click()
    assert re.search(VERDICT, says(figure))[1].startswith(f"The other {verdict}")


def test_games_of_one_page_do_not_meet(planted):
    first, second, third = planted(
        *(game(deck_of(d)) for d in ("rf rf", "ff", "rr fr"))
    )
    button(second, "real").click()
    button(first, "real").click()
    button(first, "real").click()
    assert scores(first) == [(2, 2), (0, 2)]
    assert scores(second) == [(0, 1), (1, 1)]
    assert scores(third) == [(0, 0), (0, 0)]
    button(second, "start again").click()
    assert scores(first) == [(2, 2), (0, 2)]
    assert [seen(each) for each in (first, second, third)] == [[2], [1], [1]]


INSERT = """(first, source) => first.after(
    document.createRange().createContextualFragment(source))"""


def test_a_later_game_leaves_one_that_is_played(planted, visit):
    """As in a notebook, where the cell below is run while the first is played."""
    (first,) = planted(game(deck_of("rr ff")))
    button(first, "real").click()
    first.evaluate(INSERT, game(deck_of("ff")))
    assert scores(first) == [(1, 1), (1, 1)]
    second = visit.tab.locator("figure.dgm-game").nth(1)
    button(second, "fake").click()
    assert scores(second) == [(1, 1), (1, 1)]


def test_texts_are_not_read_as_html(planted):
    name = "<img src=x onerror=console.error('run')> & `${1}`"
    (figure,) = planted(game(deck_of("rf"), name=name, best='<b>"1"</b>'))
    button(figure, "fake").click()
    assert f"{name} said fake." in says(figure)
    assert says(figure).endswith('<b>"1"</b>.')
    assert figure.locator("img, b").count() == 0


def test_nothing_tells_the_answer_before_the_guess(planted, visit):
    """Games of the same images and opposite truths look and read the same."""
    looks, reads = set(), set()
    for deck in ("rr rf fr ff", "ff fr rf rr"):
        (figure,) = planted(game(deck_of(deck)))
        looks.add(figure.screenshot())
        reads.add(figure.aria_snapshot() + figure.inner_text())
    assert len(looks) == len(reads) == 1
    (read,) = reads
    assert 'img "Image 1: 0 dots"' in read and 'button "fake"' in read
    assert "Image 2" not in read and "Real:" not in read
    assert "Which images are real" not in read
    button(figure, "real").click()
    assert figure.screenshot() not in looks
    assert 'img "Image 2: 1 dots"' in figure.aria_snapshot()


def test_what_changes_is_announced_and_the_buttons_are_not_in_it(planted):
    (figure,) = planted(game(deck_of("rr ff")))
    live = figure.locator("[aria-live=polite]")
    assert live.count() == 1 and live.locator("button").count() == 0
    before = live.inner_text()
    button(figure, "real").click()
    after = live.inner_text()
    assert "Right: it was real" in after and "You: 1 of 1" in after
    changed = set(after.splitlines()) - set(before.splitlines())
    outside = set(figure.inner_text().splitlines()) - set(after.splitlines())
    assert len(changed) == 3 and not changed & outside


PAPER = "e => [getComputedStyle(e).backgroundColor, getComputedStyle(e).fill]"
BELOW = """g => g.querySelector('button').getBoundingClientRect().top
    - g.getBoundingClientRect().top"""
# Each box of the game that leaves the screen, and each button that is hard to hit.
MISFITS = """g => [g, ...g.querySelectorAll('*')].filter(e => {
    const box = e.getBoundingClientRect(), small = e.matches('button') && (
        box.height < 44 || box.width < 44);
    return e.checkVisibility() && (box.left < 0 || box.right > innerWidth || small);
}).map(e => e.outerHTML.slice(0, 99))"""


def test_the_lecture_s_game_fits_and_is_ink_on_paper(server, visit):
    visit.turn("light", PHONE)
    visit.open(f"{server.address}/{LECTURE}")
    figure = visit.tab.locator("figure.dgm-game")
    for width in (320, 390, 1280):
        for mode in ("light", "dark"):
            visit.turn(mode, PHONE | {"width": width})
            button(figure, "start again").click()
            places = {_fits(figure, (mode, width)) for _ in range(6)}
            assert len(places) == 1  # no answer moves the buttons from under a finger
            assert visit.tab.evaluate(f"faults.colours('{mode}')") == [], (mode, width)


def _fits(figure, where):
    """Where the buttons are before an answer."""
    place = figure.evaluate(BELOW)
    assert figure.evaluate(MISFITS) == [], where
    image = figure.locator(".dgm-now svg")
    paper = ["rgb(244, 245, 242)", "rgb(22, 24, 29)"]
    assert image.evaluate(PAPER) == paper, where
    box = image.bounding_box()
    assert box["width"] == pytest.approx(box["height"]) and box["width"] > 120, where
    button(figure, "fake").click()
    return place


@pytest.mark.parametrize("mode", ["light", "dark"])
@pytest.mark.parametrize("clicks", [0, 1, 2])
def test_axe_finds_nothing_at_any_time(clicks, mode, planted, visit):
    deck = deck_of("rf fr")
    figures = planted(game(deck), game(deck))
    visit.tab.emulate_media(color_scheme=mode)
    for _ in range(clicks):
        button(figures[0], "fake").click()
    visit.tab.wait_for_timeout(350)  # the page's own scripts wait 300 ms
    visit.tab.evaluate(AXE)
    found = visit.tab.evaluate("axe.run('article')")["violations"]
    assert [rule["id"] for rule in found] == []
    # What the check of contrast cannot see: the dashed buttons keep their colour.
    ink = "b => getComputedStyle(b).color === getComputedStyle(b.parentElement).color"
    assert all(each.evaluate(ink) for each in figures[0].locator("button").all())


def test_nothing_moves_by_itself(planted, visit):
    (figure,) = planted(game(deck_of("rf fr")))
    visit.tab.emulate_media(reduced_motion="no-preference")
    button(figure, "fake").click()
    moves = figure.evaluate("g => g.getAnimations({subtree: true}).length")
    visit.tab.emulate_media(reduced_motion="reduce")
    assert moves == 0


def sheet(figure, count):
    """Without a game: every image, once, and nothing to press."""
    assert seen(figure) == list(range(1, count + 1))
    assert not any(each.is_visible() for each in figure.locator("button").all())
    assert not figure.locator(".dgm-score").is_visible()
    assert f"The {count} images of the game" in figure.inner_text()
    boxes = [image.bounding_box() for image in figure.locator("svg").all()]
    assert len({(box["x"], box["y"]) for box in boxes}) == count
    number = "e => getComputedStyle(e.parentElement, '::before').content"
    assert figure.locator("svg").last.evaluate(number) == "counter(dgm-page)"


def test_in_print_all_images_are_seen(planted, visit):
    deck = deck_of("rf fr rr ff rf")
    (figure,) = planted(game(deck))
    button(figure, "real").click()
    visit.tab.emulate_media(media="print")
    try:
        sheet(figure, len(deck))
        assert not figure.locator("details").is_visible()
    finally:
        visit.tab.emulate_media(media="screen")
    assert seen(figure) == [2]
    number = "e => getComputedStyle(e.parentElement, '::before').content"
    assert figure.locator("svg").nth(1).evaluate(number) == "none"


def test_without_scripts_all_images_are_seen(server, browser):
    with browser.new_context(java_script_enabled=False, viewport=PHONE) as context:
        tab = context.new_page()
        tab.goto(f"{server.address}/{LECTURE}")
        figure = tab.locator("figure.dgm-game")
        count = figure.locator("svg").count()
        sheet(figure, count)
        assert "Real: " not in figure.inner_text()
        figure.locator("summary").click()
        truth = re.search(r"Real: ([\d, ]+)\.", figure.inner_text())[1]
        deck = json.loads(figure.get_attribute("data-deck"))
    assert [int(k) for k in truth.split(", ")] == [
        k for k, (real, _) in enumerate(deck, 1) if real
    ]
