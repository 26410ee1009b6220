"""Rendered characters of any size whose every cause is known.

An image is made from five factors: which character, regular or bold, turned by how
much, how large, and where. `draw` picks them at random and `render` turns them into
pixels, so one factor can also be moved while the others stand still. The outlines come
from the DejaVu Sans that matplotlib carries, so nothing is downloaded.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Float32, Int
from torch import Tensor

DIGITS = "0123456789"
FONTS = ("DejaVuSans.ttf", "DejaVuSans-Bold.ttf")
FINE = 4  # points along a pixel's side at which its coverage is measured


class Factors(NamedTuple):
    """What an image shows, one entry an image.

    Attributes:
        character: index into the alphabet.
        bold: 0 for the regular weight, 1 for the bold one.
        angle: degrees, anticlockwise.
        scale: 1 where the alphabet's largest character would just fit the image.
        shift: of the centre, to the right and upwards, in image widths.
    """

    character: Int[Tensor, " n"]
    bold: Int[Tensor, " n"]
    angle: Float[Tensor, " n"]
    scale: Float[Tensor, " n"]
    shift: Float[Tensor, "n 2"]


def draw(
    n: int,
    classes: int = len(DIGITS),
    angle: float = 15.0,
    scale: tuple[float, float] = (0.7, 0.9),
    shift: float = 0.05,
    generator: torch.Generator | None = None,
) -> Factors:
    """Independent, uniform factors of ``n`` images.

    Args:
        n: number of images.
        classes: number of characters in the alphabet.
        angle: largest turn either way, in degrees.
        scale: smallest and largest scale.
        shift: largest shift either way along each axis, in image widths.
        generator: source of randomness; torch's own by default.
    """
    character = torch.randint(classes, (n,), generator=generator)
    bold = torch.randint(len(FONTS), (n,), generator=generator)
    u = torch.rand(n, 4, generator=generator)
    low, high = scale
    return Factors(
        character,
        bold,
        angle=angle * (2 * u[:, 0] - 1),
        scale=low + (high - low) * u[:, 1],
        shift=shift * (2 * u[:, 2:] - 1),
    )


def render(
    factors: Factors, characters: str = DIGITS, size: int = 16, levels: int = 17
) -> Int[Tensor, "n size size"]:
    """Images of the characters, with the part of a pixel that is covered as its grey.

    Args:
        factors: what to show.
        characters: the alphabet that ``factors.character`` counts in.
        size: height and width in pixels.
        levels: number of grey levels.

    Raises:
        ValueError: a scale is not positive, or the font lacks a character.
    """
    if not (factors.scale > 0).all():
        raise ValueError(f"scale is {factors.scale.min():g}: it must be above 0")
    # Twice as fine as the image, and half as fine as the points at which it is read,
    # so that reading between its pixels loses no ink when a character shrinks.
    masters = torch.from_numpy(_masters(characters, 2 * size))
    chosen = masters[factors.bold, factors.character].unsqueeze(1)
    points = F.affine_grid(
        _inverse(factors),
        [len(chosen), 1, FINE * size, FINE * size],
        align_corners=False,
    )
    fine = F.grid_sample(chosen, points, align_corners=False)
    coverage = F.avg_pool2d(fine, FINE).squeeze(1)
    return (coverage * (levels - 1)).round().long()


def _inverse(factors: Factors) -> Float[Tensor, "n 2 3"]:
    """Where in the upright character each point of an image lies.

    Both run over [-1, 1] to the right and, as rows of pixels do, downwards.
    """
    angle = factors.angle.deg2rad()
    cos, sin = angle.cos(), angle.sin()
    back = torch.stack([torch.stack([cos, -sin], 1), torch.stack([sin, cos], 1)], 1)
    back = back / factors.scale[:, None, None]
    centre = 2 * factors.shift * torch.tensor([1.0, -1.0])
    return torch.cat([back, -back @ centre.unsqueeze(2)], 2)


@lru_cache(maxsize=8)
def _masters(
    characters: str, size: int
) -> Float32[np.ndarray, "weights classes size size"]:
    """Coverage by upright characters at full size, centred, in each weight."""
    outlines = [[_outline(font, char) for char in characters] for font in FONTS]
    points = [np.concatenate(outline) for row in outlines for outline in row]
    half = max(float(np.ptp(p, axis=0).max()) for p in points) / 2
    ticks = half * ((2 * np.arange(FINE * size) + 1) / (FINE * size) - 1)
    across, up = np.meshgrid(ticks, -ticks)
    grid = np.stack([across.ravel(), up.ravel()], 1)
    images = np.array([[_inside(outline, grid) for outline in row] for row in outlines])
    pixels = images.reshape(len(FONTS), len(characters), size, FINE, size, FINE)
    coverage: Float32[np.ndarray, "weights classes size size"] = pixels.mean(
        (3, 5), dtype=np.float32
    )
    return coverage


def _outline(font_name: str, character: str) -> list[Float[np.ndarray, "_ 2"]]:
    """Closed polygons around a character, whose bounding box is centred on 0."""
    # Drawing is a matter of the layers above; only these two fonts are borrowed here.
    from matplotlib import get_data_path
    from matplotlib.ft2font import FT2Font
    from matplotlib.path import Path

    font = FT2Font(f"{get_data_path()}/fonts/ttf/{font_name}")
    if not font.get_char_index(ord(character)):
        raise ValueError(f"{font_name} has no character {character!r}: use another")
    font.set_size(1000, 72)
    font.load_char(ord(character))
    polygons = Path(*font.get_path()).to_polygons()
    if not polygons:
        raise ValueError(f"the character {character!r} leaves no ink: use another")
    corners = np.concatenate(polygons)
    centre = (corners.min(0) + corners.max(0)) / 2
    return [polygon - centre for polygon in polygons]


def _inside(
    outline: list[Float[np.ndarray, "_ 2"]], points: Float[np.ndarray, "points 2"]
) -> Bool[np.ndarray, " points"]:
    """Whether each point is inside an odd number of the polygons: holes stay open."""
    from matplotlib.path import Path

    inside = np.zeros(len(points), dtype=bool)
    for polygon in outline:
        inside ^= Path(polygon).contains_points(points)
    return inside
