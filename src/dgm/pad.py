"""A pad for two latent coordinates: drag a dot over a map, and see what is there.

Everything is drawn beforehand: the images at all places of a square grid make one
sheet, behind a window that shows one of them. The output is plain HTML that works from
a file.
"""

import base64
import html
import io
import json
from collections.abc import Callable, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from torch import Tensor

# Moves dot, sheet and words to where the two sliders are. The sheet's first row is the
# top, the second slider's first value the bottom.
ON_INPUT = (
    "const g=this.closest('figure'),[a,b]=g.querySelectorAll('input'),"
    "w=+a.max,i=+a.value,j=w-b.value,"
    "s=g.querySelectorAll('img')[1].style,d=g.querySelector('i').style,"
    "z=v=>((2*v/w-1)*g.dataset.half).toFixed(1).replace('-','\u2212');"
    "d.left=100*i/w+'%';d.top=100*j/w+'%';s.left=-100*i+'%';s.top=-100*j+'%';"
    "[a,b].forEach(e=>{const t=z(e.value);"
    "e.setAttribute('aria-valuetext',t);e.nextElementSibling.textContent=t});"
    "g.querySelector('p').textContent=JSON.parse(g.dataset.words)[j*(w+1)+i]"
)
# Puts the sliders where the pointer is while its button is down.
ON_POINTER = (
    "if(event.type=='pointerdown')this.setPointerCapture(event.pointerId);"
    "else if(!event.buttons)return;"
    "const [a,b]=this.closest('figure').querySelectorAll('input'),"
    "r=this.getBoundingClientRect();"
    "a.value=Math.round(a.max*(event.clientX-r.left)/r.width);"
    "b.value=Math.round(b.max*(r.bottom-event.clientY)/r.height);"
    "a.dispatchEvent(new Event('input'))"
)
DOT = (
    "background:#D55E00;border-radius:50%;height:1rem;left:50%;margin:-.5rem;"
    "position:absolute;top:50%;width:1rem"
)


def latent_pad(
    tiles: Float[Tensor, "rows columns height width"],
    draw: Callable[[Axes], None],
    words: Sequence[str],
    *,
    half: float,
    labels: tuple[str, str] = ("first coordinate", "second coordinate"),
    alt: tuple[str, str],
    caption: str = "",
) -> Any:
    """Show the tile at the place of a dot that a reader drags over a map.

    Args:
        tiles: what is at each place, 0 for paper and 1 for ink; ``count`` is odd, so
            that the dot begins in the middle. Rows run from the top (``half``) to the
            bottom (``-half``), columns from left (``-half``) to right.
        draw: draws the map on an axis whose limits are ``-half`` and ``half``.
        words: what a reader should know at each place, row by row.
        half: half the side of the square.
        labels: names of the two sliders.
        alt: what map and window show, for readers who do not see them.
        caption: what to see, in plain text.

    Returns:
        Something a notebook displays.

    Raises:
        ValueError: if the tiles do not fill a square with a middle, or if there is not
            one text for each.
    """
    from IPython.display import HTML

    count, columns, height, width = tiles.shape
    if count != columns or count % 2 == 0 or len(words) != count**2:
        raise ValueError(
            f"{count} x {columns} tiles and {len(words)} words: give as many rows as "
            "columns, an odd number, and a text for each tile."
        )
    sheet = tiles.transpose(1, 2).reshape(count * height, count * width).numpy()
    shift = -50 * (count - 1)
    behind = (
        f"image-rendering:pixelated;left:{shift}%;max-width:none;position:absolute;"
        f"top:{shift}%;width:{100 * count}%"
    )
    on = html.escape(ON_POINTER)
    told = html.escape(json.dumps(list(words)))
    return HTML(
        f'<figure class="dgm-pad" data-half="{half}" data-words="{told}"><div style='
        '"align-items:center;display:flex;flex-wrap:wrap;gap:1.5rem"><div style='
        '"cursor:crosshair;position:relative;touch-action:none;width:15rem" '
        f'onpointerdown="{on}" onpointermove="{on}">'
        f'{_image(_map(draw, half), alt[0], "width:100%")}<i style="{DOT}"></i></div>'
        '<div class="window" style="height:9rem;overflow:hidden;position:relative;'
        'width:9rem">'
        f"{_image(_sheet(sheet), alt[1], behind)}</div></div>"
        f"{''.join(_slider(label, count) for label in labels)}"
        f"<p>{html.escape(words[count**2 // 2])}</p>"
        f"<figcaption>{html.escape(caption)}</figcaption></figure>"
    )


def _map(draw: Callable[[Axes], None], half: float) -> bytes:
    figure = plt.figure(figsize=(2.5, 2.5), dpi=120, layout="none")
    try:
        axis = figure.add_axes((0, 0, 1, 1), xlim=(-half, half), ylim=(-half, half))
        axis.spines[:].set_visible(False)
        draw(axis)
        figure.savefig(raw := io.BytesIO(), format="png", transparent=True)
    finally:
        plt.close(figure)
    return raw.getvalue()


def _sheet(ink: Float[np.ndarray, "height width"]) -> bytes:
    plt.imsave(raw := io.BytesIO(), ink, cmap="gray_r", vmin=0, vmax=1, format="png")
    return raw.getvalue()


def _image(png: bytes, alt: str, style: str) -> str:
    data = base64.b64encode(png).decode()
    return (
        f'<img draggable="false" alt="{html.escape(alt)}" '
        f'style="display:block;{style}" src="data:image/png;base64,{data}">'
    )


def _slider(label: str, count: int) -> str:
    return (
        '<label style="align-items:center;display:flex;gap:.8rem;max-width:25.5rem">'
        f'<span>{html.escape(label)}</span><input type="range" min="0" step="1" '
        f'max="{count - 1}" value="{count // 2}" autocomplete="off" '
        f'aria-valuetext="0.0" style="flex:1;min-height:1.8rem;min-width:6rem" '
        f'oninput="{html.escape(ON_INPUT)}">'
        '<output style="min-width:2.5rem;text-align:right">0.0</output></label>'
    )
