"""Pictures: each function draws on a given axis and returns nothing."""

import math
from collections.abc import Sequence

import matplotlib as mpl
import torch
from cycler import cycler
from jaxtyping import Float
from matplotlib.axes import Axes
from torch import Tensor

# Okabe & Ito 2008, with a softer black: eight colours that stay apart in the eyes of
# readers who lack one kind of cone, too.
COLORS = {
    "blue": "#0072B2",
    "orange": "#D55E00",
    "green": "#009E73",
    "purple": "#CC79A7",
    "sky": "#56B4E9",
    "amber": "#E69F00",
    "yellow": "#F0E442",
    "black": "#222222",
}


def use_style() -> None:
    """The book's look: no boxes, no background, the same bytes for the same picture.

    Figures are SVG with a transparent ground, so that a page in dark mode can invert
    them; the salt and the missing date make two executions give the same file.
    """
    mpl.rcParams.update(
        {
            "axes.edgecolor": "#555555",
            "axes.facecolor": "none",
            "axes.grid": True,
            "axes.axisbelow": True,
            "axes.labelcolor": "#333333",
            "axes.prop_cycle": cycler(color=list(COLORS.values())),
            "axes.spines.right": False,
            "axes.spines.top": False,
            "axes.titlesize": 11,
            "axes.titlelocation": "left",
            "figure.constrained_layout.use": True,
            "figure.facecolor": "none",
            "figure.figsize": (7.0, 3.2),
            "font.size": 10,
            "grid.color": "#BBBBBB",
            "grid.alpha": 0.35,
            "image.cmap": "gray_r",
            "image.interpolation": "none",
            "legend.frameon": False,
            "lines.linewidth": 1.8,
            "svg.hashsalt": "dgm",
            "xtick.color": "#555555",
            "ytick.color": "#555555",
        }
    )
    _inline_svg()


def _inline_svg() -> None:
    """Ask a notebook's kernel for SVG without a date; do nothing outside a notebook."""
    try:
        from IPython import get_ipython
        from matplotlib_inline.backend_inline import set_matplotlib_formats
    except ImportError:
        return
    if get_ipython() is not None:
        set_matplotlib_formats("svg", metadata={"Date": None})


def image_grid(
    ax: Axes,
    images: Float[Tensor, "n height width"],
    columns: int | None = None,
    gap: int = 1,
    vmin: float = 0.0,
    vmax: float = 1.0,
) -> None:
    """Images in rows on one axis, ink dark on light, without ticks.

    Args:
        ax: where to draw.
        images: values from ``vmin`` (paper) to ``vmax`` (ink).
        columns: images per row; the squarest arrangement if not given.
        gap: pixels between images, left transparent.
        vmin: value shown as paper.
        vmax: value shown as ink.

    Raises:
        ValueError: if there are no images.
    """
    n, height, width = images.shape
    if n == 0:
        raise ValueError(f"images has shape {(n, height, width)}; give at least one.")
    columns = columns or math.ceil(math.sqrt(n))
    rows = math.ceil(n / columns)
    sheet = torch.full((rows * (height + gap), columns * (width + gap)), math.nan)
    for k, image in enumerate(images.detach().cpu()):
        top, left = (k // columns) * (height + gap), (k % columns) * (width + gap)
        sheet[top : top + height, left : left + width] = image
    ax.imshow(sheet[: -gap or None, : -gap or None].numpy(), vmin=vmin, vmax=vmax)
    ax.set_axis_off()


def matrix(
    ax: Axes, values: Float[Tensor, "rows columns"], xlabel: str, ylabel: str
) -> None:
    """A matrix as squares, first row on top; zero is left blank.

    Larger is bluer. If any entry is negative, purple is positive and orange negative,
    on a scale that is symmetric about zero.
    """
    shown = values.detach().cpu().clone()
    top = shown.abs().max().item() or 1.0
    signed = bool((shown < 0).any())
    shown[shown == 0] = math.nan
    cmap, low = ("PuOr", -top) if signed else ("Blues", -0.35 * top)
    ax.imshow(shown.numpy(), cmap=cmap, vmin=low, vmax=top)
    ax.set(xlabel=xlabel, ylabel=ylabel, xticks=[], yticks=[])
    ax.grid(visible=False)
    ax.spines[:].set_visible(True)


def learning_curve(
    ax: Axes,
    losses: Sequence[float],
    smooth: int = 25,
    ylabel: str = "loss / nats",
) -> None:
    """Loss against step: each step faintly, a mean over ``smooth`` on top."""
    raw = torch.tensor(losses)
    ax.plot(raw.numpy(), color=COLORS["blue"], alpha=0.2, linewidth=0.8)
    if len(raw) >= smooth:
        mean = raw.unfold(0, smooth, 1).mean(1)
        ax.plot(range(smooth - 1, len(raw)), mean.numpy(), color=COLORS["blue"])
    ax.set(xlabel="step", ylabel=ylabel)
