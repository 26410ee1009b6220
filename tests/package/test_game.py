"""The guessing game: every image, its truth and the rival's answer are on the page."""

import inspect
import json
import re
from html.parser import HTMLParser

import pytest
import torch

from dgm.game import play_game

IMAGES = torch.tensor([[[1.0, 0, 0], [0, 1, 1]], [[0, 0, 0], [0, 0, 1]]])
REAL, RIVAL = torch.tensor([True, False]), torch.tensor([True, True])
VOID = {"path"}
NASTY = """</p><script>alert("1")</script> & 'q' <b>"""


class Page(HTMLParser):
    """The elements of a page as (tag, attributes), and the text within each tag."""

    def __init__(self, source):
        super().__init__()
        self.found: list[tuple[str, dict[str, str]]] = []
        self.texts: list[tuple[str, str]] = []
        self.open: list[str] = []
        self.feed(source)
        self.close()

    def handle_starttag(self, tag, attrs):
        assert len(attrs) == len(dict(attrs)), "an attribute twice"
        self.found.append((tag, dict(attrs)))
        self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        assert tag in VOID
        self.found.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append((self.open[-1] if self.open else "", data))

    def all(self, tag):
        return [attributes for name, attributes in self.found if name == tag]

    def text(self, *tags):
        return "".join(text for tag, text in self.texts if tag in tags)


def game(images=IMAGES, real=REAL, rival=RIVAL, play=play_game, **texts):
    said = {
        "name": "The <rival>",
        "best": "71 %",
        "words": ("a <bar>", "dot"),
        "caption": "a < b",
    }
    return play(images, real, rival, **said | texts).data


def test_every_element_is_closed_and_in_one_figure():
    page = Page(game())
    assert page.open == []
    assert page.found[0][0] == "figure" and len(page.all("figure")) == 1


def test_the_deck_is_truth_and_answer():
    (figure,) = Page(game()).all("figure")
    assert json.loads(figure["data-deck"]) == [[1, 1], [0, 1]]
    assert (figure["data-name"], figure["data-best"]) == ("The <rival>", "71 %")


def test_ink_is_where_the_image_has_it():
    page = Page(game())
    paths = [path["d"] for path in page.all("path")]
    assert [re.findall(r"M(\d) (\d)", path) for path in paths] == [
        [("0", "0"), ("1", "1"), ("2", "1")],
        [("2", "1")],
    ]
    assert all(re.fullmatch(r"(M\d \dh1v1h-1z)*", path) for path in paths)
    assert [svg["viewbox"] for svg in page.all("svg")] == ["0 0 3 2"] * 2


def test_an_image_without_ink_is_drawn():
    (path,) = Page(game(0 * IMAGES[:1], REAL[:1], RIVAL[:1], words=["-"])).all("path")
    assert path["d"] == ""


def test_each_image_is_described_and_no_description_tells_the_truth():
    svgs = Page(game()).all("svg")
    assert [svg["role"] for svg in svgs] == ["img", "img"]
    labels = ["Image 1: a <bar>", "Image 2: dot"]
    assert [svg["aria-label"] for svg in svgs] == labels
    swapped = Page(game(real=~REAL, rival=~RIVAL)).all("svg")
    assert swapped == svgs


def test_without_scripts_the_truth_can_be_looked_up():
    page = Page(game())
    assert page.text("details") == "Real: 1. The <rival> says real: 1, 2."
    assert all("open" not in details for details in page.all("details"))
    assert "The 2 images of the game" in page.text("p")
    none = Page(game(real=REAL & ~REAL)).text("details")
    assert none.startswith("Real: none. ")


@pytest.mark.parametrize("place", ["name", "best", "caption", "words"])
def test_text_is_escaped(place):
    plain = Page(game())
    texts = {place: [NASTY, "b"] if place == "words" else NASTY}
    page = Page(game(**texts))
    assert [tag for tag, _ in page.found] == [tag for tag, _ in plain.found]
    assert [set(a) for _, a in page.found] == [set(a) for _, a in plain.found]
    values = [value for _, a in page.found for value in a.values()]
    shown = page.text("div", "figcaption", "details")
    assert NASTY in shown or f"Image 1: {NASTY}" in values
    assert page.text("script") == plain.text("script")


def test_nothing_is_fetched_and_nothing_is_written_as_html():
    source = game()
    page = Page(source)
    names = {name for _, attributes in page.found for name in attributes}
    assert not {name for name in names if name.startswith("on")}
    assert not names & {"src", "href", "id", "style", "srcset"}
    assert not re.search(r"https?:|//|url\(|@import|fetch|innerHTML|eval", source)


def test_rules_of_style_stay_within_the_game():
    style = Page(game()).text("style").strip()
    rules = re.sub(r"@media [^{]*\{|\}", "\n", style)
    selectors = re.findall(r"^([^{\n]+)\{", rules.replace(",\n", ","), re.M)
    assert len(selectors) > 5
    assert all(selector.startswith(".dgm-game") for selector in selectors)


def test_there_are_three_buttons_with_words_in_a_group_with_a_name():
    page = Page(game())
    assert [button["type"] for button in page.all("button")] == ["button"] * 3
    words = [text for tag, text in page.texts if tag == "button"]
    assert words == ["real", "fake", "start again"]
    (group,) = [div for div in page.all("div") if div.get("role") == "group"]
    assert group["aria-label"] == "Your answer"


def test_score_and_image_are_told_as_they_change():
    page = Page(game())
    (live,) = [a for _, a in page.found if "aria-live" in a]
    assert live["aria-live"] == "polite"
    assert page.text("span") == "0 of 00 of 0"
    assert "Best possible, on average: 71 %" in page.text("div")


@pytest.mark.parametrize(
    ("told", "changed"),
    [
        ("1 of 'words' for 2 images: give one for each", {"words": ["a"]}),
        ("1 of 'real' for 2 images", {"real": REAL[:1]}),
        ("3 of 'rival' for 2 images", {"rival": REAL[[0, 0, 0]]}),
        ("at least one image", {"images": IMAGES[:0]}),
        ("at least one pixel", {"images": IMAGES[:, :0]}),
        (r"shape \(2, 6\): give \(n, height", {"images": IMAGES.flatten(1)}),
        ("'real' is torch.float32 .* give one True or False", {"real": REAL.float()}),
        ("'rival' is torch.int64", {"rival": RIVAL.long()}),
        (r"'rival' is torch.bool of shape \(2, 1\)", {"rival": RIVAL[:, None]}),
        ("a pixel is 0.5, .*: binarize the images first", {"images": IMAGES / 2}),
        ("a pixel is -1, .*: binarize", {"images": -IMAGES}),
        ("a pixel is nan, .*: mend it", {"images": IMAGES * torch.nan}),
        ("a pixel is inf, .*: mend it", {"images": IMAGES / 0 + 1}),
        ("an empty text .* say what each image shows", {"words": ["a", " "]}),
        ("name is ''", {"name": ""}),
        ("best is ' '", {"best": " "}),
    ],
)
def test_what_does_not_fit_is_refused(told, changed):
    """As readers meet it: nothing checks the shapes in a lecture."""
    unchecked = inspect.unwrap(play_game)
    with pytest.raises(ValueError, match=told):
        game(play=unchecked, **changed)
