"""Digits at random places of a larger image, and small coloured house numbers.

The bundled handwriting of `dgm.data.digits`, enlarged, on canvases that are mostly
empty: something to look for before there is something to read. Nothing is downloaded;
an image is made when it is asked for, and a seeded generator makes the same images
again. Each part uses digits of its own part only, so that no writer is in two of them.
"""

from functools import lru_cache
from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Int
from torch import Tensor

from dgm.data.digits import LEVELS, digits
from dgm.data.images import ImageData, Part

PARTS = ("train", "valid", "test")


class Canvases(NamedTuple):
    """Black and white images and what they show.

    Attributes:
        x: pixels, 1 where there is ink, int64.
        y: class of each digit, in the order of reading: by its left edge.
        corner: row and column of the upper left corner of each digit's square.
    """

    x: Int[Tensor, "n size size"]
    y: Int[Tensor, "n count"]
    corner: Int[Tensor, "n count 2"]


class Houses(NamedTuple):
    """Coloured images of a number, with parts of its neighbours.

    Attributes:
        x: red, green and blue of each pixel, each 0 or 1, int64.
        y: the number's two digits, from the left.
        corner: row and column of the upper left corner of each digit's square.
        distractor: whether a neighbour's digit is cut off at the left and right edge.
    """

    x: Int[Tensor, "n 3 size size"]
    y: Int[Tensor, "n 2"]
    corner: Int[Tensor, "n 2 2"]
    distractor: Int[Tensor, "n 2"]


@lru_cache(maxsize=12)
def enlarged(part: str, side: int) -> tuple[Tensor, Tensor]:
    """All digits of a part in black and white, enlarged, with their classes.

    Grey levels are interpolated linearly between pixels, and are ink above 7.5, the
    threshold of `ImageData.binarized`.

    Args:
        part: ``train``, ``valid`` or ``test`` of the digits.
        side: height and width in pixels, at least the 8 that they have.

    Raises:
        ValueError: there is no such part, or the side is too small.
    """
    if part not in PARTS:
        raise ValueError(f"no part {part!r}: choose one of {', '.join(PARTS)}")
    if side < 8:
        raise ValueError(f"side is {side}: digits of 8 pixels can only be enlarged")
    grey, classes = getattr(digits(), part)
    wide = F.interpolate(
        grey[:, None].float(), (side, side), mode="bilinear", align_corners=False
    )
    return (wide[:, 0] > (LEVELS - 1) / 2 - 0.5).long(), classes


def place(
    n: int,
    part: str = "train",
    count: int = 1,
    size: int = 28,
    side: int = 16,
    generator: torch.Generator | None = None,
) -> Canvases:
    """Canvases with one or two digits, uniform over the places where they fit.

    Two digits never share a row and a column: their squares do not overlap.

    Args:
        n: number of canvases.
        part: whose digits.
        count: digits on a canvas, 1 or 2.
        size: height and width of a canvas in pixels.
        side: height and width of a digit's square.
        generator: source of randomness; torch's own by default.

    Raises:
        ValueError: more than two digits are asked for, or they do not fit.
    """
    _fits(count, size, side)
    images, classes = enlarged(part, side)
    corner = _corners(n, count, size - side, side, generator)
    which = torch.randint(len(images), (n, count), generator=generator)
    x = torch.zeros(n, size, size, dtype=torch.int64)
    for k in range(count):
        _stamp(x, images[which[:, k]], corner[:, k])
    return Canvases(x, classes[which], corner)


def canvases(
    count: int = 1,
    size: int = 28,
    side: int = 16,
    numbers: tuple[int, int, int] = (20_000, 1_000, 1_000),
    seed: int = 0,
) -> ImageData:
    """A data set of such canvases, with the class (of two digits the number) as label.

    Args:
        count: digits on a canvas, 1 or 2.
        size: height and width of a canvas in pixels.
        side: height and width of a digit's square.
        numbers: images to train on, to choose on and to test on.
        seed: the same seed makes the same images.

    Raises:
        ValueError: more than two digits are asked for, or they do not fit.
    """
    parts = []
    for offset, (part, n) in enumerate(zip(PARTS, numbers, strict=True)):
        generator = torch.Generator().manual_seed(3 * seed + offset)
        made = place(n, part, count, size, side, generator)
        tens = 10 ** torch.arange(count - 1, -1, -1)
        parts.append(Part(made.x, (made.y * tens).sum(1)))
    return ImageData("canvases", 2, *parts)


def house_numbers(
    n: int,
    part: str = "train",
    size: int = 24,
    side: int = 10,
    generator: torch.Generator | None = None,
) -> Houses:
    """Two digits side by side on a wall, and perhaps half a digit at either edge.

    Wall and ink have two different ones of the eight colours that red, green and blue
    make when each is on or off. The number stands near the middle. At each edge a coin
    decides on a digit of the neighbouring number, of which the image shows a half.

    Args:
        n: number of images.
        part: whose digits.
        size: height and width of an image in pixels.
        side: height and width of a digit's square.
        generator: source of randomness; torch's own by default.

    Raises:
        ValueError: two digits do not fit beside each other.
    """
    if 2 * side > size:
        raise ValueError(f"two digits of side {side} need a size of {2 * side} or more")
    images, classes = enlarged(part, side)
    which = torch.randint(len(images), (n, 4), generator=generator)
    free, slack = size - side, size - 2 * side
    top = torch.randint(free + 1, (n,), generator=generator)
    left = torch.randint(slack + 1, (n,), generator=generator)
    shown = torch.randint(2, (n, 2), generator=generator)
    wide = torch.zeros(n, size, size + 2 * side, dtype=torch.int64)
    # The wide wall has the neighbours' digits whole; half of each is then cut off.
    outer = torch.tensor([side - side // 2, size + side - (side - side // 2)])
    for k in range(2):
        edge = torch.stack([top, outer[k].expand(n)], 1)
        _stamp(wide, images[which[:, 2 + k]] * shown[:, k, None, None], edge)
    corner = torch.stack([top, left], 1)[:, None].repeat(1, 2, 1)
    corner[:, 1, 1] += side
    for k in range(2):
        _clear(wide, side, corner[:, k] + torch.tensor([0, side]))
        _stamp(wide, images[which[:, k]], corner[:, k] + torch.tensor([0, side]))
    ink = wide[:, :, side : side + size]
    return Houses(_coloured(ink, generator), classes[which[:, :2]], corner, shown)


def _coloured(
    ink: Int[Tensor, "n size size"], generator: torch.Generator | None
) -> Int[Tensor, "n 3 size size"]:
    """Ink and wall in two different ones of eight colours."""
    wall = torch.randint(8, (len(ink),), generator=generator)
    other = (wall + torch.randint(1, 8, (len(ink),), generator=generator)) % 8
    channel = torch.tensor([4, 2, 1])
    low, high = ((c[:, None] & channel).ne(0)[:, :, None, None] for c in (wall, other))
    return torch.where(ink[:, None].bool(), high, low).long()


def _fits(count: int, size: int, side: int) -> None:
    if count not in (1, 2):
        raise ValueError(f"count is {count}: a canvas has 1 or 2 digits")
    if count * side > size:
        raise ValueError(
            f"{count} squares of side {side} do not fit a canvas of size {size}: "
            f"choose a side of at most {size // count}"
        )


def _corners(
    n: int, count: int, free: int, apart: int, generator: torch.Generator | None
) -> Int[Tensor, "n count 2"]:
    """Uniform corners in 0 .. free; of two, those closer than a square drawn anew."""
    corner = torch.randint(free + 1, (n, count, 2), generator=generator)
    while count == 2:
        near = (corner[:, 0] - corner[:, 1]).abs().amax(1) < apart
        if not near.any():
            break
        again = (int(near.sum()), 2, 2)
        corner[near] = torch.randint(free + 1, again, generator=generator)
    rows = torch.arange(n)[:, None]
    in_order = corner[:, :, 1].argsort(dim=1, stable=True)
    return corner[rows, in_order]


def _pixels(
    n: int, side: int, corner: Int[Tensor, "n 2"]
) -> tuple[Tensor, Tensor, Tensor]:
    """Indices of the pixels of a square at each image's corner."""
    ticks = torch.arange(side)
    rows = corner[:, 0, None, None] + ticks[:, None]
    columns = corner[:, 1, None, None] + ticks
    return torch.arange(n)[:, None, None], rows, columns


def _stamp(
    x: Int[Tensor, "n height width"],
    images: Int[Tensor, "n side side"],
    corner: Int[Tensor, "n 2"],
) -> None:
    """Add the ink of an image to each canvas, in place."""
    where = _pixels(len(x), images.shape[1], corner)
    x[where] = x[where] | images


def _clear(
    x: Int[Tensor, "n height width"], side: int, corner: Int[Tensor, "n 2"]
) -> None:
    """Take the ink from a square, in place."""
    x[_pixels(len(x), side, corner)] = 0
