"""Annealed importance sampling: ratios of normalising constants along a path.

A path leads from a density that we can normalise and draw from to one that we cannot.
Chains that follow it collect weights whose mean is the ratio of the two constants,
whatever the number of temperatures; how well the mean is estimated is another matter,
and :func:`forward`, :func:`reverse` and :func:`effective_share` tell.
"""

import math
from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from dgm.densities import log_mean_exp
from dgm.likelihood import Estimate


class Path(NamedTuple):
    """Unnormalised densities ``f_beta`` from ``beta = 0`` to 1, and moves for each."""

    log_f: Callable[[Tensor, float], Tensor]
    """``log_f(x, beta)``: ``(chains, dim)`` to ``(chains,)``, in nats."""
    step: Callable[[Tensor, float], Tensor]
    """``step(x, beta)``: a reversible transition that leaves ``f_beta`` unchanged."""


class Annealed(NamedTuple):
    """Chains at the end of a path, and what they collected on the way."""

    x: Float[Tensor, "chains dim"]
    log_w: Float[Tensor, " chains"]
    """``sum_t log f_t(x_{t-1}) - log f_{t-1}(x_{t-1})``, in nats, double precision."""


def ladder(temperatures: int) -> list[float]:
    """``temperatures + 1`` inverse temperatures at equal distances, from 0 to 1.

    Raises:
        ValueError: if ``temperatures`` is below 1.
    """
    if temperatures < 1:
        raise ValueError(f"temperatures is {temperatures}: a path has at least 1 step.")
    return [t / temperatures for t in range(temperatures + 1)]


@torch.no_grad()
def forward(
    path: Path, x: Float[Tensor, "chains dim"], betas: Iterable[float]
) -> Annealed:
    """Follow the path up: the mean of ``exp(log_w)`` is ``Z_1 / Z_0`` on average.

    Weigh, then move, at every temperature (Neal 2001, eqs. 8 to 11). Its logarithm is
    too low on average, by Jensen's inequality.

    Args:
        path: densities and their transitions.
        x: independent draws from ``f_0 / Z_0``.
        betas: inverse temperatures, rising from 0 to 1; :func:`ladder` makes them.

    Raises:
        ValueError: if ``betas`` does not rise from 0 to 1.
    """
    betas = _checked(list(betas))
    log_w = torch.zeros(len(x), dtype=torch.float64, device=x.device)
    for before, after in pairwise(betas):
        log_w += (path.log_f(x, after) - path.log_f(x, before)).double()
        x = path.step(x, after)
    return Annealed(x, log_w)


@torch.no_grad()
def reverse(
    path: Path, x: Float[Tensor, "chains dim"], betas: Iterable[float]
) -> Annealed:
    """Follow the path down: the mean of ``exp(-log_w)`` is ``Z_0 / Z_1`` on average.

    The mirror image of :func:`forward`: move, then weigh. ``-log mean exp(-log_w)`` is
    too *high* on average, if ``x`` are draws from the end of the path (Burda, Grosse &
    Salakhutdinov 2015); a chain that has not mixed makes it wrong in either direction.

    Args:
        path: densities and their transitions.
        x: independent draws from ``f_1 / Z_1``.
        betas: inverse temperatures, *rising* from 0 to 1, as for :func:`forward`.

    Raises:
        ValueError: if ``betas`` does not rise from 0 to 1.
    """
    betas = _checked(list(betas))
    log_w = torch.zeros(len(x), dtype=torch.float64, device=x.device)
    for before, after in reversed(list(pairwise(betas))):
        x = path.step(x, after)
        log_w += (path.log_f(x, after) - path.log_f(x, before)).double()
    return Annealed(x, log_w)


def log_ratio(log_w: Float[Tensor, " chains"]) -> Estimate:
    """``log mean exp(log_w)`` and its standard error by the delta method.

    The error of the mean weight over the mean weight, from the weights that were drawn:
    too small if the heavy ones were not. For :func:`reverse`, negate ``log_w`` and the
    value.

    Raises:
        ValueError: with fewer than two weights, where no error can be estimated.
    """
    if len(log_w) < 2:
        raise ValueError(f"{len(log_w)} weight has no standard error; give at least 2.")
    relative = (log_w - log_w.max()).double().exp()
    error = relative.std() / relative.mean() / math.sqrt(len(log_w))
    return Estimate(log_mean_exp(log_w.double(), 0).item(), error.item())


def effective_share(log_w: Float[Tensor, " chains"]) -> float:
    """``(sum w)^2 / (n sum w^2)``: 1 for equal weights, ``1 / n`` if one has it all."""
    log_w = log_w.double()
    ratio = 2 * log_w.logsumexp(0) - (2 * log_w).logsumexp(0)
    return ratio.exp().item() / len(log_w)


def _checked(betas: list[float]) -> list[float]:
    """The temperatures, if they lead from one end of the path to the other."""
    rising = all(a < b for a, b in pairwise(betas))
    if len(betas) < 2 or betas[0] != 0 or betas[-1] != 1 or not rising:
        ends = f"{betas[0]:g} to {betas[-1]:g}" if betas else "nothing"
        raise ValueError(
            f"betas run from {ends} in {len(betas)} values: they must rise from 0 to 1."
        )
    return betas
