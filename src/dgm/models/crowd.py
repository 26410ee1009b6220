"""Small networks side by side: one batch of matrices trains a network for each seed.

The lecture on generative adversarial networks builds the same two classes; a test and
the end of that page hold the two together.
"""

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn


class Crowd(nn.Module):
    """``x -> relu(... relu(x W1 + b1) ...) Wn + bn``, with weights for each seed.

    Weights start with variance ``2 / inputs`` (He et al. 2015, eq. 10) and those of the
    last layer with ``1 / inputs``, biases at 0. Networks of different seeds share
    nothing, so that a step down the *sum* of their losses trains each by itself.

    Args:
        sizes: number of inputs, of units in each hidden layer, and of outputs.
        seeds: number of networks.

    Raises:
        ValueError: if ``sizes`` has fewer than two entries.
    """

    def __init__(self, sizes: Sequence[int], seeds: int) -> None:
        super().__init__()
        if len(sizes) < 2:
            raise ValueError(
                f"sizes {list(sizes)} make no layer; give inputs and outputs at least."
            )
        pairs = list(zip(sizes, sizes[1:], strict=False))
        gains = [2.0] * (len(pairs) - 1) + [1.0]
        self.weights = nn.ParameterList(
            torch.randn(seeds, i, o) * math.sqrt(gain / i)
            for (i, o), gain in zip(pairs, gains, strict=True)
        )
        self.biases = nn.ParameterList(torch.zeros(seeds, 1, o) for _, o in pairs)

    def forward(
        self, x: Float[Tensor, "seeds n inputs"]
    ) -> Float[Tensor, "seeds n outputs"]:
        """Each seed's network on its own ``n`` points."""
        for k, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            x = torch.baddbmm(bias, F.relu(x) if k else x, weight)
        return x


class Judge(nn.Module):
    """One number for each pack of points; each seed's network judges its own.

    Args:
        net: maps ``(seeds, packs, pack * dim)`` to ``(seeds, packs, 1)``.
        pack: neighbours in the batch that are judged together (Lin et al. 2018); their
            number of points must be a multiple of it.
    """

    def __init__(self, net: nn.Module, pack: int = 1) -> None:
        super().__init__()
        self.net, self.pack = net, pack

    def forward(self, x: Float[Tensor, "seeds n dim"]) -> Float[Tensor, "seeds packs"]:
        """Scores of the packs ``x[:, :pack]``, ``x[:, pack : 2 * pack]``, ...

        Raises:
            ValueError: if ``n`` is not a multiple of the pack.
        """
        seeds, n, dim = x.shape
        if n % self.pack:
            raise ValueError(
                f"{n} points do not make packs of {self.pack}; "
                f"give a multiple of {self.pack}."
            )
        packs = x.reshape(seeds, n // self.pack, self.pack * dim)
        scores: Tensor = self.net(packs)
        return scores.squeeze(-1)
