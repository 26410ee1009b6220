"""A figure with sliders: it recomputes in a live kernel, and turns pages in the book.

Where the book is made, every frame is drawn beforehand and the output is plain HTML:
``<input type="range">`` over pictures, which needs no library and works from a file.
"""

import base64
import html
import io
import itertools
import json
import os
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import matplotlib.pyplot as plt
from PIL import Image

COLOURS = 64
DPI = 110
# Shows the frame that the sliders are at (the last slider is the fastest), and this
# slider's label. The label is the slider's own text for a screen reader, too, which
# would else read out a number.
ON_INPUT = (
    "const g=this.closest('figure'),s=[...g.querySelectorAll('input')],"
    "n=s.reduce((n,e)=>n*(+e.max+1)+ +e.value,0),"
    "f=g.querySelectorAll('img');"
    "f.forEach((e,i)=>{e.hidden=i!==n});"
    "const t=JSON.parse(f[n].dataset.labels)[s.indexOf(this)];"
    "this.setAttribute('aria-valuetext',t);"
    "this.nextElementSibling.textContent=t"
)


class Slider(NamedTuple):
    """What a slider runs over, its name, and the index of the value shown first."""

    values: Sequence[Any]
    label: str
    start: int = 0


class Film(NamedTuple):
    """How to draw the frame of some values, one for each slider, and its words."""

    draw: Callable[..., None]
    alt: Callable[..., str]
    caption: str
    size: tuple[float, float]

    def frame(self, values: Sequence[Any]) -> bytes:
        """One frame as a PNG of few colours on a transparent ground."""
        figure = plt.figure(figsize=self.size, dpi=DPI)
        try:
            self.draw(figure, *values)
            raw = io.BytesIO()
            figure.savefig(raw, format="png", transparent=True)
        finally:
            plt.close(figure)
        small = io.BytesIO()
        Image.open(raw).quantize(COLOURS, Image.Quantize.FASTOCTREE).save(
            small, format="png", optimize=True
        )
        return small.getvalue()


def explore(
    draw: Callable[..., None],
    values: Sequence[Any],
    label: str,
    *,
    alt: Callable[..., str],
    caption: str = "",
    size: tuple[float, float] = (7.0, 3.0),
    start: int = 0,
) -> Any:
    """Show ``draw(figure, value)`` for the value that a slider is at.

    Args:
        draw: draws one frame on an empty figure.
        values: what the slider runs over; about 30 frames weigh under 300 kB.
        label: name of the slider.
        alt: says what the frame of a value shows, for readers who do not see it.
        caption: what to see, in plain text.
        size: width and height of a frame in inches.
        start: index of the value shown first.

    Returns:
        Something a notebook displays: HTML in the book, widgets in a live kernel.

    Raises:
        ValueError: if there are no values, or ``start`` is not one of their indices.
    """
    return _shown([Slider(values, label, start)], Film(draw, alt, caption, size))


def explore_two(
    draw: Callable[..., None],
    first: Slider,
    second: Slider,
    *,
    alt: Callable[..., str],
    caption: str = "",
    size: tuple[float, float] = (7.0, 3.0),
) -> Any:
    """Show ``draw(figure, a, b)`` for the values that two sliders are at.

    Args:
        draw: draws one frame on an empty figure.
        first: the slider of ``a``.
        second: the slider of ``b``. There is a frame for every pair of values, so a
            page has room for about 9 x 9 small ones.
        alt: says what the frame of ``a`` and ``b`` shows.
        caption: what to see, in plain text.
        size: width and height of a frame in inches.

    Returns:
        Something a notebook displays: HTML in the book, widgets in a live kernel.

    Raises:
        ValueError: if a slider has no values, or its start is not one of their indices.
    """
    return _shown([first, second], Film(draw, alt, caption, size))


def _shown(sliders: Sequence[Slider], film: Film) -> Any:
    for values, label, start in sliders:
        if not 0 <= start < len(values):
            raise ValueError(
                f"start of '{label}' is {start}, but there are {len(values)} values; "
                "choose one of them."
            )
    if os.environ.get("DGM_BOOK"):
        from IPython.display import HTML

        return HTML(to_html(sliders, film))
    return _live(sliders, film)


def to_html(sliders: Sequence[Slider], film: Film) -> str:
    """The figure for a page: all frames, one of them visible, and the sliders."""
    shown = 0
    for slider in sliders:
        shown = shown * len(slider.values) + slider.start
    places = itertools.product(*(slider.values for slider in sliders))
    images = (_image(v, film, hidden=i != shown) for i, v in enumerate(places))
    return (
        f'<figure class="dgm-explore">{"".join(images)}'
        f"{''.join(map(_input, sliders))}"
        f"<figcaption>{html.escape(film.caption)}</figcaption></figure>"
    )


def _image(values: Sequence[Any], film: Film, *, hidden: bool) -> str:
    data = base64.b64encode(film.frame(values)).decode()
    labels = html.escape(json.dumps([str(value) for value in values]))
    width, height = film.size
    alt = html.escape(film.alt(*values))
    return (
        f'<img src="data:image/png;base64,{data}" alt="{alt}"'
        f' data-labels="{labels}" width="{width * 96:.0f}" height="{height * 96:.0f}"'
        f"{' hidden' if hidden else ''}>"
    )


def _input(slider: Slider) -> str:
    first = html.escape(str(slider.values[slider.start]))
    return (
        f"<label><span>{html.escape(slider.label)}</span>"
        f'<input type="range" min="0" max="{len(slider.values) - 1}" '
        f'value="{slider.start}" step="1" aria-valuetext="{first}" autocomplete="off" '
        f'oninput="{html.escape(ON_INPUT)}"><output>{first}</output></label>'
    )


def _live(sliders: Sequence[Slider], film: Film) -> Any:
    """The same figure as widgets, each frame computed when it is asked for."""
    import ipywidgets

    moved = [
        ipywidgets.SelectionSlider(
            options=[(str(value), index) for index, value in enumerate(slider.values)],
            value=slider.start,
            description=slider.label,
            style={"description_width": "initial"},
            continuous_update=False,
        )
        for slider in sliders
    ]
    picture = ipywidgets.Image(format="png")
    words = ipywidgets.HTML()

    def show(change: Any = None) -> None:
        places = zip(sliders, moved, strict=True)
        values = [slider.values[widget.value] for slider, widget in places]
        picture.value = film.frame(values)
        words.value = f"<small>{html.escape(film.alt(*values))}</small>"

    for widget in moved:
        widget.observe(show, names="value")
    show()
    below = ipywidgets.HTML(html.escape(film.caption))
    return ipywidgets.VBox([picture, *moved, words, below])
