"""A figure with a slider: it recomputes in a live kernel, and turns pages in the book.

Where the book is made, every frame is drawn beforehand and the output is plain HTML: an
``<input type="range">`` over pictures, which needs no library and works from a file.
"""

import base64
import html
import io
import os
from collections.abc import Callable, Sequence
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.figure import Figure
from PIL import Image

COLOURS = 64
DPI = 110
# Shows the frame that the slider is at, and its label. The label is the slider's own
# text for a screen reader too, which would else read out the frame's number.
ON_INPUT = (
    "const n=+this.value,"
    "f=this.closest('figure').querySelectorAll('img');"
    "f.forEach((e,i)=>{e.hidden=i!==n});"
    "const t=f[n].dataset.label;"
    "this.setAttribute('aria-valuetext',t);"
    "this.nextElementSibling.textContent=t"
)


def explore(
    draw: Callable[[Figure, Any], None],
    values: Sequence[Any],
    label: str,
    *,
    alt: Callable[[Any], str],
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
    if not 0 <= start < len(values):
        raise ValueError(
            f"start is {start}, but there are {len(values)} values; choose one of them."
        )
    if os.environ.get("DGM_BOOK"):
        from IPython.display import HTML

        page = to_html(
            draw, values, label, alt=alt, caption=caption, size=size, start=start
        )
        return HTML(page)
    return _live(draw, values, label, alt=alt, caption=caption, size=size, start=start)


def frame(draw: Callable[[Figure, Any], None], value: Any, size: Any) -> bytes:
    """One frame as a PNG of few colours on a transparent ground."""
    figure = plt.figure(figsize=size, dpi=DPI)
    try:
        draw(figure, value)
        raw = io.BytesIO()
        figure.savefig(raw, format="png", transparent=True)
    finally:
        plt.close(figure)
    small = io.BytesIO()
    Image.open(raw).quantize(COLOURS, Image.Quantize.FASTOCTREE).save(
        small, format="png", optimize=True
    )
    return small.getvalue()


def to_html(
    draw: Callable[[Figure, Any], None],
    values: Sequence[Any],
    label: str,
    *,
    alt: Callable[[Any], str],
    caption: str = "",
    size: tuple[float, float] = (7.0, 3.0),
    start: int = 0,
) -> str:
    """The figure for a page: all frames, one of them visible, and a slider."""
    images = []
    for index, value in enumerate(values):
        data = base64.b64encode(frame(draw, value, size)).decode()
        hidden = "" if index == start else " hidden"
        images.append(
            f'<img src="data:image/png;base64,{data}" alt="{html.escape(alt(value))}" '
            f'data-label="{html.escape(str(value))}" '
            f'width="{size[0] * 96:.0f}" height="{size[1] * 96:.0f}"{hidden}>'
        )
    first = html.escape(str(values[start]))
    return (
        f'<figure class="dgm-explore">{"".join(images)}'
        f"<label><span>{html.escape(label)}</span>"
        f'<input type="range" min="0" max="{len(values) - 1}" value="{start}" step="1" '
        f'aria-valuetext="{first}" autocomplete="off" oninput="{ON_INPUT}">'
        f"<output>{first}</output></label>"
        f"<figcaption>{html.escape(caption)}</figcaption></figure>"
    )


def _live(
    draw: Callable[[Figure, Any], None],
    values: Sequence[Any],
    label: str,
    *,
    alt: Callable[[Any], str],
    caption: str,
    size: tuple[float, float],
    start: int,
) -> Any:
    """The same figure as widgets, each frame computed when it is asked for."""
    import ipywidgets

    slider = ipywidgets.SelectionSlider(
        options=[(str(value), index) for index, value in enumerate(values)],
        value=start,
        description=label,
        style={"description_width": "initial"},
        continuous_update=False,
    )
    picture = ipywidgets.Image(format="png")
    words = ipywidgets.HTML()

    def show(change: Any = None) -> None:
        value = values[slider.value]
        picture.value = frame(draw, value, size)
        words.value = f"<small>{html.escape(alt(value))}</small>"

    slider.observe(show, names="value")
    show()
    below = ipywidgets.HTML(html.escape(caption))
    return ipywidgets.VBox([picture, slider, words, below])
