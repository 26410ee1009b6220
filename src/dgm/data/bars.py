"""Bars and stripes: binary images whose every probability is known."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

ENUMERABLE = 12  # the largest side whose images are listed: 8,190 images of 144 pixels


@dataclass(frozen=True)
class BarsAndStripes:
    """Images in which whole rows, or whole columns, are on or off.

    A fair coin chooses rows or columns; then a fair coin for each of the ``side`` lines
    turns it on or off. Each pair of a direction and a pattern has probability
    ``2^-(side + 1)``; the all-off and the all-on image arise in both directions and
    have twice that.

    Source: G. E. Hinton and T. J. Sejnowski, *Learning and relearning in Boltzmann
    machines*, 1986; as defined in A. Fischer and C. Igel, *Training restricted
    Boltzmann machines: an introduction*, 2014.

    Attributes:
        side: height and width in pixels.
    """

    side: int = 4

    def __post_init__(self) -> None:
        if self.side < 1:
            raise ValueError(f"side is {self.side}: an image needs at least 1 pixel")

    def sample(
        self, n: int, generator: torch.Generator | None = None
    ) -> Float[Tensor, "n dim"]:
        """Draw ``n`` images as rows of ``side * side`` pixels, 0 or 1.

        Args:
            n: number of images.
            generator: source of randomness; torch's own by default.
        """
        lines = torch.randint(2, (n, self.side), generator=generator)
        upright = torch.randint(2, (n, 1, 1), generator=generator).bool()
        rows = lines.unsqueeze(2).expand(n, self.side, self.side)
        return torch.where(upright, rows.transpose(1, 2), rows).flatten(1).float()

    def log_prob(self, x: Float[Tensor, "n dim"]) -> Float[Tensor, " n"]:
        """Exact log-probability of each image in nats; -inf where it cannot arise.

        Args:
            x: images as rows of ``side * side`` pixels.

        Raises:
            ValueError: a row does not have ``side * side`` pixels.
        """
        if x.shape[1] != self.side**2:
            raise ValueError(
                f"images have {x.shape[1]} pixels: flatten them to "
                f"{self.side} * {self.side} = {self.side**2}"
            )
        image = x.unflatten(1, (self.side, self.side))
        binary = ((x == 0) | (x == 1)).all(1)
        by_rows = (image == image[:, :, :1]).flatten(1).all(1)
        by_columns = (image == image[:, :1, :]).flatten(1).all(1)
        ways: Tensor = binary * (by_rows.to(x.dtype) + by_columns.to(x.dtype))
        return ways.log() - (self.side + 1) * math.log(2)

    @property
    def support(self) -> Float[Tensor, "images dim"]:
        """Every image that can arise, once: ``2^(side + 1) - 2`` rows.

        Raises:
            ValueError: there are too many to list.
        """
        if self.side > ENUMERABLE:
            raise ValueError(
                f"side {self.side} has 2^{self.side + 1} - 2 images: list them only up "
                f"to side {ENUMERABLE}, and use sample beyond that"
            )
        patterns = torch.cartesian_prod(*[torch.arange(2.0)] * self.side)
        rows = patterns.view(-1, self.side, 1).expand(-1, -1, self.side)
        # The first and last patterns, all off and all on, are among the rows already.
        columns = rows[1:-1].transpose(1, 2)
        return torch.cat([rows, columns]).flatten(1)


def bars_and_stripes(side: int = 4) -> BarsAndStripes:
    """Images of ``side`` by ``side`` pixels in which whole lines are on or off."""
    return BarsAndStripes(side)
