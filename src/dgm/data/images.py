"""What every image data set of the course looks like: three parts of grey levels."""

from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor


class Part(NamedTuple):
    """Images of one split, as integer grey levels, with their labels if there are any.

    Attributes:
        x: grey levels ``0 .. levels - 1``, int64.
        y: class of each image, or None for a data set without labels.
    """

    x: Int[Tensor, "n height width"]
    y: Int[Tensor, " n"] | None


@dataclass(frozen=True, eq=False)
class ImageData:
    """A data set of grey images, split for training, choosing and testing.

    Attributes:
        name: the name that ``dgm.data.load`` knows it by.
        levels: number of grey levels; a pixel is one of ``0 .. levels - 1``.
        train: images to fit on.
        valid: images to choose a model on.
        test: images to read once, at the end.

    Raises:
        ValueError: a part is empty, is not int64, has another image size, a pixel
            outside the grey levels, or not one label per image.
    """

    name: str
    levels: int
    train: Part
    valid: Part
    test: Part

    def __post_init__(self) -> None:
        for split in ("train", "valid", "test"):
            _check(getattr(self, split), f"{self.name} {split}", self)

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of an image in pixels."""
        height, width = self.train.x.shape[1:]
        return height, width

    @property
    def dim(self) -> int:
        """Number of pixels of an image, ``height * width``."""
        return self.shape[0] * self.shape[1]

    def binarized(self, threshold: int | float | None = None) -> "ImageData":
        """The same images in two levels: a pixel is on where ``x > threshold``.

        Args:
            threshold: a grey level; by default half a level below the middle,
                ``(levels - 1) / 2 - 0.5``, which is 7.5 for the digits.

        Raises:
            ValueError: the threshold would turn every pixel on, or every pixel off.
        """
        if threshold is None:
            threshold = (self.levels - 1) / 2 - 0.5
        if not 0 <= threshold < self.levels - 1:
            raise ValueError(
                f"threshold {threshold} leaves no two values of a pixel apart: choose "
                f"0 <= threshold < {self.levels - 1} for {self.levels} grey levels"
            )
        parts = (self.train, self.valid, self.test)
        train, valid, test = (Part((x > threshold).long(), y) for x, y in parts)
        return replace(self, levels=2, train=train, valid=valid, test=test)

    def flat(
        self,
    ) -> tuple[
        Float[Tensor, "train dim"],
        Float[Tensor, "valid dim"],
        Float[Tensor, "test dim"],
    ]:
        """Images of the three parts as float32 rows of grey levels, not rescaled."""
        train, valid, test = (
            part.x.flatten(1).float() for part in (self.train, self.valid, self.test)
        )
        return train, valid, test


def _check(part: Part, what: str, data: ImageData) -> None:
    """Refuse a part that a model would only stumble over later."""
    if part.x.ndim != 3 or part.x.numel() == 0 or part.x.shape[1:] != data.shape:
        raise ValueError(
            f"{what} has images of shape {tuple(part.x.shape)}: give at least one, "
            f"as (n, height, width), of the same size as the training images"
        )
    if part.x.dtype != torch.int64:
        raise ValueError(
            f"{what} has pixels of type {part.x.dtype}: convert them with .long()"
        )
    low, high = int(part.x.min()), int(part.x.max())
    if low < 0 or high >= data.levels:
        raise ValueError(
            f"{what} has grey levels {low} to {high}: with levels={data.levels} they "
            f"must be 0 to {data.levels - 1}"
        )
    if part.y is not None and part.y.shape != part.x.shape[:1]:
        raise ValueError(
            f"{what} has {len(part.x)} images but labels of shape "
            f"{tuple(part.y.shape)}: give one label per image, or y=None"
        )
