"""Densities in the plane that are known exactly and drawn from exactly.

Each toy has ``sample(n, generator)`` and ``log_prob(x)``, and the two agree by
construction: the moons and the spiral are *defined* as fine mixtures of Gaussians along
a curve, so that their density is a finite sum and no approximation.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Float64
from torch import Tensor

from dgm.data.bars import BarsAndStripes, bars_and_stripes

__all__ = [
    "BarsAndStripes",
    "Checkerboard",
    "GaussianMixture",
    "bars_and_stripes",
    "checkerboard",
    "gaussian_mixture",
    "grid",
    "moons",
    "ring",
    "spiral",
]

_HALF_LOG_2PI = 0.5 * math.log(2 * math.pi)


@dataclass(frozen=True, eq=False)
class GaussianMixture:
    """``p(x) = sum_k weights_k N(x; means_k, L_k L_k^T)``, built by `gaussian_mixture`.

    Attributes:
        means: centre of each mode.
        factors: ``L_k``, lower triangular; a standard deviation on its diagonal where
            the mode is isotropic.
        weights: probability of each mode; they sum to 1.
    """

    means: Float[Tensor, "modes dim"]
    factors: Float[Tensor, "modes dim dim"]
    weights: Float[Tensor, " modes"]

    def sample(
        self, n: int, generator: torch.Generator | None = None
    ) -> Float[Tensor, "n dim"]:
        """Draw ``n`` points: a mode by its weight, then a point of that mode.

        Args:
            n: number of points, at least 1.
            generator: source of randomness; torch's own by default.
        """
        _positive(n, "n")
        mode = torch.multinomial(self.weights, n, replacement=True, generator=generator)
        noise = torch.randn(
            n, self.means.shape[1], generator=generator, dtype=self.means.dtype
        )
        offset: Tensor = (self.factors[mode] @ noise.unsqueeze(2)).squeeze(2)
        return self.means[mode] + offset

    def log_prob(self, x: Float[Tensor, "n dim"]) -> Float[Tensor, " n"]:
        """Log-density of each point in nats: a log-sum-exp over the modes.

        Differentiable in ``x``, and computed in its type and on its device.

        Args:
            x: points of the plane (or of the space that ``means`` live in).
        """
        means, factors, weights = (
            t.to(x) for t in (self.means, self.factors, self.weights)
        )
        offsets = (x.unsqueeze(1) - means).permute(1, 2, 0)  # (modes, dim, n)
        z = torch.linalg.solve_triangular(factors, offsets, upper=False)
        log_volume = factors.diagonal(dim1=1, dim2=2).log().sum(1)
        constant = weights.log() - log_volume - means.shape[1] * _HALF_LOG_2PI
        log_p: Tensor = constant.unsqueeze(1) - 0.5 * (z**2).sum(1)
        return log_p.logsumexp(0)


def gaussian_mixture(
    means: Float[Tensor, "modes dim"],
    std: float | Float[Tensor, " modes"] | Float[Tensor, "modes dim"] = 1.0,
    weights: Float[Tensor, " modes"] | None = None,
    covariance: Float[Tensor, "modes dim dim"] | None = None,
) -> GaussianMixture:
    """A mixture of Gaussians with any weights and any covariances.

    Args:
        means: centre of each mode.
        std: one standard deviation for all, one a mode, or one a mode and axis.
        weights: positive numbers in proportion to each mode's probability; equal by
            default.
        covariance: full covariance matrices, in place of ``std``.

    Raises:
        ValueError: a standard deviation or weight is not positive, or a covariance is
            not positive definite.
    """
    modes, dim = means.shape
    weights = means.new_ones(modes) if weights is None else weights.to(means)
    if not (weights > 0).all() or not weights.isfinite().all():
        raise ValueError(f"weights are {weights.tolist()}: all must be above 0")
    if covariance is not None:
        factors, info = torch.linalg.cholesky_ex(covariance.to(means))
        if info.any() or not torch.allclose(covariance, covariance.mT):
            raise ValueError(
                "a covariance is not symmetric with positive eigenvalues: give one "
                f"(dim, dim) matrix a mode, not {covariance.tolist()}"
            )
    else:
        spread = torch.as_tensor(std).to(means)
        spread = spread.unsqueeze(1) if spread.ndim == 1 else spread
        if not (spread > 0).all() or not spread.isfinite().all():
            raise ValueError(f"std is {spread.tolist()}: it must be above 0")
        factors = torch.diag_embed(spread.expand(modes, dim))
    return GaussianMixture(means, factors, weights / weights.sum())


def ring(modes: int = 8, radius: float = 2.0, std: float = 0.02) -> GaussianMixture:
    """Equal Gaussians evenly around a circle, the first at angle 0."""
    _positive(modes, "modes")
    angle = torch.arange(modes, dtype=torch.float64) * (2 * math.pi / modes)
    means = radius * torch.stack([angle.cos(), angle.sin()], 1)
    return gaussian_mixture(means.float(), std)


def grid(side: int = 5, spacing: float = 2.0, std: float = 0.05) -> GaussianMixture:
    """``side * side`` equal Gaussians on a square grid centred on the origin."""
    _positive(side, "side")
    ticks = spacing * (torch.arange(side, dtype=torch.float32) - (side - 1) / 2)
    return gaussian_mixture(torch.cartesian_prod(ticks, ticks), std)


def moons(std: float = 0.1) -> GaussianMixture:
    """Two interleaving half-circles of radius 1, as in scikit-learn, with noise.

    The upper moon is ``(cos t, sin t)``, the lower ``(1 - cos t, 0.5 - sin t)``, for
    ``t`` from 0 to pi.
    """
    upper = _along(lambda t: np.stack([np.cos(np.pi * t), np.sin(np.pi * t)], 1), std)
    lower = torch.tensor([1.0, 0.5]) - upper
    return gaussian_mixture(torch.cat([upper, lower]), std)


def spiral(
    arms: int = 2, turns: float = 1.0, radius: float = 3.0, std: float = 0.1
) -> GaussianMixture:
    """Archimedean arms from an eighth of the radius outwards, with noise.

    At a fraction ``s`` of the radius an arm has turned by ``2 pi turns s``; the arms
    are copies of one another, turned by ``2 pi / arms``.
    """
    _positive(arms, "arms")

    def arm(t: Float64[np.ndarray, " points"]) -> Float64[np.ndarray, "points 2"]:
        s = 0.125 + 0.875 * t
        angle = 2 * np.pi * turns * s
        return np.stack([radius * s * np.cos(angle), radius * s * np.sin(angle)], 1)

    first = _along(arm, std)
    angle = torch.arange(arms, dtype=torch.float64) * (2 * math.pi / arms)
    cos, sin = angle.cos().float(), angle.sin().float()
    turn = torch.stack([torch.stack([cos, -sin], 1), torch.stack([sin, cos], 1)], 1)
    return gaussian_mixture(torch.einsum("aij,pj->api", turn, first).flatten(0, 1), std)


def _along(
    curve: Callable[[Float64[np.ndarray, " points"]], Float64[np.ndarray, "points 2"]],
    std: float,
) -> Float[Tensor, "centres 2"]:
    """Centres at equal distances along a curve over [0, 1], at most ``std`` apart.

    Gaussians one standard deviation apart add up to a ridge that is level within a
    relative ``2 exp(-2 pi^2) = 5e-9`` (Poisson summation), so no beads are seen.
    """
    if not (std > 0 and math.isfinite(std)):
        raise ValueError(f"std is {std}: it must be above 0")
    t = np.linspace(0, 1, 10_001)
    steps = np.linalg.norm(np.diff(curve(t), axis=0), axis=1)
    length = np.concatenate([[0.0], np.cumsum(steps)])
    even = np.linspace(0, length[-1], math.ceil(length[-1] / std) + 1)
    return torch.from_numpy(curve(np.interp(even, length, t))).float()


@dataclass(frozen=True)
class Checkerboard:
    """Uniform on the dark squares of a board over ``[-extent, extent]^2``.

    Square ``(i, j)``, counted from the lower left, is dark where ``i + j`` is even.

    Attributes:
        side: squares along an edge.
        extent: half the width of the board.
    """

    side: int = 4
    extent: float = 4.0

    def __post_init__(self) -> None:
        _positive(self.side, "side")
        if not (self.extent > 0 and math.isfinite(self.extent)):
            raise ValueError(f"extent is {self.extent}: it must be above 0")

    @property
    def edges(self) -> Float[Tensor, " lines"]:
        """Where the squares meet along an axis, ``side + 1`` numbers."""
        return torch.linspace(-self.extent, self.extent, self.side + 1)

    @property
    def dark(self) -> Float[Tensor, "side side"]:
        """1 where the square is dark, else 0."""
        index = torch.arange(self.side)
        return ((index[:, None] + index) % 2 == 0).float()

    def sample(
        self, n: int, generator: torch.Generator | None = None
    ) -> Float[Tensor, "n 2"]:
        """Draw ``n`` points: a dark square, then a point of it.

        Args:
            n: number of points, at least 1.
            generator: source of randomness; torch's own by default.
        """
        _positive(n, "n")
        squares = torch.multinomial(
            self.dark.flatten(), n, replacement=True, generator=generator
        )
        corner = torch.stack([squares // self.side, squares % self.side], 1)
        low, high = self.edges[corner], self.edges[corner + 1]
        x = low + (high - low) * torch.rand(n, 2, generator=generator)
        # Rounding may carry a point onto the edge, which belongs to the light square.
        return torch.minimum(x, torch.nextafter(high, low))

    def log_prob(self, x: Float[Tensor, "n 2"]) -> Float[Tensor, " n"]:
        """Log-density of each point in nats, -inf on light squares and off the board.

        Args:
            x: points of the plane. A square owns its lower and left edge.
        """
        dark = self.dark.to(x)
        # Comparing with the edges is exact, where dividing by a width would round.
        square = torch.bucketize(x, self.edges.to(x), right=True) - 1
        inside = ((square >= 0) & (square < self.side)).all(1)
        i, j = square.clamp(0, self.side - 1).unbind(1)
        area = float(self.dark.sum()) * (2 * self.extent / self.side) ** 2
        return (inside * dark[i, j]).log() - math.log(area)


def checkerboard(side: int = 4, extent: float = 4.0) -> Checkerboard:
    """Uniform on every other square of a board of ``side * side`` squares."""
    return Checkerboard(side, extent)


def _positive(value: int, name: str) -> None:
    """Refuse a count below 1."""
    if value < 1:
        raise ValueError(f"{name} is {value}: it must be at least 1")
