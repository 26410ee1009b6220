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


def test_frames_differ_and_weigh_little(site):
    html = (SITE / LECTURE).read_text("utf8")
    figure = html.partition('<figure class="dgm-explore">')[2].partition("</figure>")[0]
    frames = figure.split('src="')[1:]
    assert len({frame.partition('"')[0] for frame in frames}) == len(frames) > 10
    assert len(figure) < 300_000
