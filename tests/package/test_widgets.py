"""The figure with sliders, in both its faces."""

import base64
import io
import json
import re
from html.parser import HTMLParser

import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pytest
from nbclient import NotebookClient
from PIL import Image

from dgm import figures, widgets


@pytest.fixture(autouse=True)
def no_style_left():
    yield
    plt.rcdefaults()


def bars(figure, value):
    """A picture whose content is known: a bar of the given height."""
    axis = figure.add_axes((0, 0, 1, 1))
    axis.set(xlim=(0, 1), ylim=(0, 10))
    axis.set_axis_off()
    axis.fill_between([0, 1], 0, value, color="black")


def told(value):
    return f"A bar of height {value} & more"


def page_of(draw, values, label, *, alt, start=0, size=(7.0, 3.0)):
    film = widgets.Film(draw, alt, "what to see", size)
    return widgets.to_html([widgets.Slider(values, label, start)], film)


class Parsed(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.tags = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def all(self, name):
        return [attributes for tag, attributes in self.tags if tag == name]


def pixels(data):
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGBA"))


def test_every_frame_is_there_and_one_is_shown():
    page = Parsed(page_of(bars, [0, 5, 10], "height", alt=told, start=1))
    images = page.all("img")
    assert [json.loads(i["data-labels"]) for i in images] == [["0"], ["5"], ["10"]]
    assert ["hidden" in i for i in images] == [True, False, True]
    assert [i["alt"] for i in images] == [told(v) for v in (0, 5, 10)]
    inked = []
    for image in images:
        data = base64.b64decode(image["src"].removeprefix("data:image/png;base64,"))
        inked.append((pixels(data)[..., 3] > 128).mean())
    np.testing.assert_allclose(inked, [0, 0.5, 1], atol=0.02)
    (slider,) = page.all("input")
    assert (slider["min"], slider["max"], slider["value"]) == ("0", "2", "1")
    assert slider["aria-valuetext"] == "5"
    assert not page.all("script")


def test_thirty_frames_weigh_under_300_kilobytes():
    def busy(figure, value):
        left, right = figure.subplots(1, 2)
        generator = np.random.default_rng(value)
        left.imshow(generator.random((8, 8)), cmap="gray_r", interpolation="nearest")
        right.plot(generator.random(60).cumsum())
        right.set(xlabel="step", ylabel="nats")

    figures.use_style()
    text = page_of(busy, list(range(30)), "step", alt=str, size=(6.0, 2.6))
    assert len(text) < 300_000


def test_text_is_escaped():
    text = page_of(
        lambda figure, value: None, ["<b>"], "a<b", alt=lambda v: '"><script>'
    )
    assert "<script>" not in text
    assert "<b>" not in text


@pytest.mark.parametrize(("values", "start"), [([], 0), ([1, 2], 2), ([1, 2], -1)])
def test_a_start_outside_is_refused(values, start):
    with pytest.raises(ValueError, match=f"start of 'x' is {start}, but there are"):
        widgets.explore(bars, values, "x", alt=str, start=start)
    good, bad = widgets.Slider([1, 2], "y"), widgets.Slider(values, "x", start)
    with pytest.raises(ValueError, match=f"start of 'x' is {start}, but there are"):
        widgets.explore_two(bars, good, bad, alt=str)


def block(figure, width, height):
    """A picture whose content is known: an area of width * height percent."""
    axis = figure.add_axes((0, 0, 1, 1))
    axis.set(xlim=(0, 10), ylim=(0, 10))
    axis.set_axis_off()
    axis.fill_between([0, width], 0, height, color="black")


def test_two_sliders_have_a_frame_for_every_pair():
    film = widgets.Film(block, "{} by {}".format, "", (4.0, 4.0))
    sliders = widgets.Slider([2, 5], "width", 1), widgets.Slider([0, 4, 10], "height")
    page = Parsed(widgets.to_html(sliders, film))
    images = page.all("img")
    pairs = [json.loads(image["data-labels"]) for image in images]
    assert pairs == [[w, h] for w in ("2", "5") for h in ("0", "4", "10")]
    assert [image["alt"] for image in images] == [f"{w} by {h}" for w, h in pairs]
    assert ["hidden" in image for image in images] == [
        pair != ["5", "0"] for pair in pairs
    ]
    for image, (width, height) in zip(images, pairs, strict=True):
        data = base64.b64decode(image["src"].removeprefix("data:image/png;base64,"))
        inked = (pixels(data)[..., 3] > 128).mean()
        assert inked == pytest.approx(int(width) * int(height) / 100, abs=0.02)
    assert [i["max"] for i in page.all("input")] == ["1", "2"]
    assert [i["aria-valuetext"] for i in page.all("input")] == ["5", "0"]


def test_in_the_book_it_is_html_and_the_same_bytes_twice(monkeypatch):
    monkeypatch.setenv("DGM_BOOK", "1")
    once, twice = (widgets.explore(bars, [1, 2], "x", alt=str).data for _ in range(2))
    assert once == twice
    assert re.search("<input type=.range.", once)


def test_in_a_live_kernel_moving_the_slider_redraws(monkeypatch):
    """A real kernel, with its comms: observe fires and the picture changes."""
    monkeypatch.delenv("DGM_BOOK", raising=False)
    cell = nbformat.v4.new_code_cell(
        "from dgm.widgets import explore\n"
        "drawn = []\n"
        "def draw(figure, value):\n"
        "    drawn.append(value)\n"
        "    figure.add_axes((0, 0, 1, 1)).bar([0], [value])\n"
        "    figure.axes[0].set_ylim(0, 5)\n"
        "box = explore(draw, [1, 2, 3], 'slope', alt=lambda v: f'slope {v}')\n"
        "picture, slider, words, caption = box.children\n"
        "before = picture.value\n"
        "slider.value = 2\n"
        "assert picture.value != before and picture.value[:4] == b'\\x89PNG'\n"
        "print(drawn, slider.description, words.value)\nbox"
    )
    notebook = nbformat.v4.new_notebook(cells=[cell])
    NotebookClient(notebook, timeout=60).execute()
    stream, shown = cell.outputs
    assert stream["text"].strip() == "[1, 3] slope <small>slope 3</small>"
    assert "application/vnd.jupyter.widget-view+json" in shown["data"]


def test_in_a_live_kernel_either_of_two_sliders_redraws(monkeypatch):
    monkeypatch.delenv("DGM_BOOK", raising=False)
    cell = nbformat.v4.new_code_cell(
        "from dgm.widgets import Slider, explore_two\n"
        "drawn = []\n"
        "def draw(figure, a, b):\n"
        "    drawn.append((a, b))\n"
        "sliders = Slider([1, 2], 'a'), Slider('xyz', 'b', 1)\n"
        "box = explore_two(draw, *sliders, alt='{} and {}'.format)\n"
        "picture, first, second, words, caption = box.children\n"
        "first.value = 1\n"
        "second.value = 2\n"
        "print(drawn, words.value)"
    )
    notebook = nbformat.v4.new_notebook(cells=[cell])
    NotebookClient(notebook, timeout=60).execute()
    (stream,) = cell.outputs
    said = "[(1, 'y'), (2, 'y'), (2, 'z')] <small>2 and z</small>"
    assert stream["text"].strip() == said
