"""Figures with a slider turn their pages by keyboard and by mouse, in any page."""

import json

import pytest
from pagecheck import SITE

pytestmark = pytest.mark.site
LECTURE = "lectures/autoregressive-models.html"
SHOWN = "f => [...f.querySelectorAll('img')].map((e, i) => e.hidden ? -1 : i)"


def shown(figure):
    """Indices of the frames that can be seen."""
    visible = [k for k in figure.evaluate(SHOWN) if k >= 0]
    boxes = [image.is_visible() for image in figure.locator("img").all()]
    assert [k for k, seen in enumerate(boxes) if seen] == visible
    return visible


@pytest.mark.parametrize("way", ["http", "file"])
def test_the_slider_of_a_lecture(way, site, server, visit):
    address = server.address if way == "http" else site.as_uri()
    visit.open(f"{address}/{LECTURE}")
    figure = visit.tab.locator("figure.dgm-explore").first
    slider = figure.get_by_role("slider", name="pixels drawn")
    first = int(slider.input_value())
    assert shown(figure) == [first]

    slider.focus()
    visit.tab.keyboard.press("ArrowRight")
    assert shown(figure) == [first + 1]
    visit.tab.keyboard.press("Home")
    assert shown(figure) == [0]
    (label,) = json.loads(figure.locator("img").nth(0).get_attribute("data-labels"))
    assert slider.get_attribute("aria-valuetext") == label
    assert figure.locator("output").inner_text() == label

    box = slider.bounding_box()
    visit.tab.mouse.click(box["x"] + box["width"] - 3, box["y"] + box["height"] / 2)
    assert shown(figure) == [figure.locator("img").count() - 1]


PLACE = """g => {
    const box = g.querySelector('img').getBoundingClientRect();
    const dot = g.querySelector('i').getBoundingClientRect();
    const view = g.querySelectorAll('img')[1];
    const seen = view.parentElement.getBoundingClientRect();
    const sheet = view.getBoundingClientRect();
    return [(dot.x + dot.width / 2 - box.x) / box.width,
            (dot.y + dot.height / 2 - box.y) / box.height,
            (seen.x - sheet.x) / seen.width, (seen.y - sheet.y) / seen.height];
}"""


def test_the_pad_of_a_lecture(server, visit):
    """Dot, window and words follow the pointer and the keyboard."""
    visit.open(f"{server.address}/lectures/variational-autoencoders.html")
    figure = visit.tab.locator("figure.dgm-pad")
    words = json.loads(figure.get_attribute("data-words"))
    across, up = figure.get_by_role("slider").all()
    count = int(across.get_attribute("max")) + 1
    assert len(words) == count**2

    def at(column, row):
        """What must be seen at a place of the sheet, counted from its top."""
        seen = figure.evaluate(PLACE)
        dot = [column / (count - 1), row / (count - 1)]
        assert seen == pytest.approx([*dot, column, row], abs=0.02)
        assert figure.locator("p").inner_text() == words[row * count + column]

    at(count // 2, count // 2)
    up.focus()
    visit.tab.keyboard.press("ArrowUp")
    at(count // 2, count // 2 - 1)
    assert (
        up.get_attribute("aria-valuetext")
        == figure.locator("output").nth(1).inner_text()
    )
    visit.tab.keyboard.press("Home")
    at(count // 2, count - 1)

    figure.locator("img").first.scroll_into_view_if_needed()
    box = figure.locator("img").first.bounding_box()
    visit.tab.mouse.move(box["x"] + 0.3 * box["width"], box["y"] + 0.6 * box["height"])
    visit.tab.mouse.down()
    visit.tab.mouse.move(box["x"] + 2, box["y"] + 2)
    visit.tab.mouse.up()
    visit.tab.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 0.5 * box["height"])
    at(0, 0)
    assert float(up.input_value()) == count - 1


def test_frames_differ_and_weigh_little(site):
    html = (SITE / LECTURE).read_text("utf8")
    figure = html.partition('<figure class="dgm-explore">')[2].partition("</figure>")[0]
    frames = figure.split('src="')[1:]
    assert len({frame.partition('"')[0] for frame in frames}) == len(frames) > 10
    assert len(figure) < 300_000
