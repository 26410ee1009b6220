"""axe-core finds a barrier on a page; that no page has one is seen in test_pages.py."""

import pytest
from pagecheck import DESKTOP, PHONE

pytestmark = pytest.mark.site
END = "</article>"


def planted(extra, site, server):
    html = (site / "index.html").read_text("utf8")
    assert html.count(END) == 1
    server.planted["barrier.html"] = html.replace(END, extra + END).encode()
    return f"{server.address}/barrier.html"


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
    visit.turn(mode, DESKTOP)
    visit.open(planted(extra, site, server))
    found = visit.violations()
    assert [line for line in found if line.startswith(rule)], found


PALE = "color:#bbb;background:#fff"
TWINS = "<p>All of these look the same.</p>" * 9
ODD = f"<style>.odd {{{PALE}}}</style>"
TOKENS = "".join(f"<span class='k'>word{n}</span>" for n in range(9))


@pytest.mark.parametrize(
    "extra",
    [
        f"{TWINS}<p style='{PALE}'>one is pale</p>{TWINS}",
        f"<pre>{TOKENS}<span class='k'><b style='{PALE}'>word</b></span>{TOKENS}</pre>",
        f"{ODD}<pre>{TOKENS}<span class='odd'>word</span></pre>",
        f"{TWINS}<div style='opacity:0.3'>{TWINS}</div>{TWINS}",
        f"<div style='background:#777'>{TWINS}</div>{TWINS}",
        "<div style='position:relative'><div style='position:absolute;inset:0;"
        f"background:#777'></div><div style='position:relative'>{TWINS}</div></div>",
    ],
    ids=["paragraph", "in code", "a class in code", "opacity", "ground", "beneath"],
)
def test_contrast_is_judged_wherever_a_look_differs(extra, site, server, visit):
    visit.turn("light", DESKTOP)
    visit.open(planted(TWINS + extra, site, server))
    found = visit.violations()
    assert [line[:14] for line in found] == ["color-contrast"], found


def test_a_survey_tells_mode_and_width(site, server, visit):
    """Pale by night on a phone alone."""
    extra = (
        "<style>@media (max-width: 400px) {html[data-theme=dark] .pale {color: #444}}"
        "</style><p class=pale>text</p>"
    )
    found = visit.survey(planted(extra, site, server), axe=True)
    where = f"dark, {PHONE['width']} px: "
    assert [line.partition("contrast")[0] for line in found.pop("colours")] == [where]
    assert [line[: len(where) + 14] for line in found.pop("axe")] == [
        where + "color-contrast"
    ]
    assert not any(found.values()), found


def test_a_survey_judges_contrast_at_a_desk_by_night(site, server, visit):
    extra = (
        "<style>@media (min-width: 1000px) {html[data-theme=dark] .pale {color: #444}}"
        "</style><p class=pale>text</p>"
    )
    found = visit.survey(planted(extra, site, server), axe=True)
    (told,) = found.pop("axe")
    assert told.startswith(f"dark, {DESKTOP['width']} px: color-contrast")
    assert not any(found.values()), found
