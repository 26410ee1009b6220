"""Markov chains that leave a density unchanged, and how much their draws repeat."""

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

LogProb = Callable[[Tensor], Tensor]


class Transition(NamedTuple):
    """Where the chains are after one transition, and what it decided."""

    x: Float[Tensor, "chains dim"]
    accepted: Bool[Tensor, " chains"]
    energy_error: Float[Tensor, " chains"]
    """``H(proposal) - H(start)``: zero if the dynamics were followed exactly."""


def gradient(
    log_prob: LogProb, x: Float[Tensor, "chains dim"]
) -> Float[Tensor, "chains dim"]:
    """``grad log p`` of each row of ``x``.

    Args:
        log_prob: maps ``(chains, dim)`` to ``(chains,)``, each row for itself; it need
            not be normalised.
        x: one point a chain.
    """
    with torch.enable_grad():
        point = x.detach().requires_grad_()
        (slope,) = torch.autograd.grad(log_prob(point).sum(), point)
    return slope


def leapfrog(
    log_prob: LogProb,
    x: Float[Tensor, "chains dim"],
    momentum: Float[Tensor, "chains dim"],
    step: float,
    steps: int,
) -> tuple[Float[Tensor, "chains dim"], Float[Tensor, "chains dim"]]:
    """Follow ``x' = v, v' = grad log p(x)`` for a time of ``steps * step``.

    Half a step of the momentum, whole steps in turn, half a step of the momentum
    (Neal 2011, eqs. 2.28 to 2.30, with unit masses). Reversible and volume-preserving.

    Args:
        log_prob: maps ``(chains, dim)`` to ``(chains,)``.
        x: where the chains are.
        momentum: their velocities.
        step: size of a step, in the units of ``x`` over those of the momentum.
        steps: number of steps, at least 1.

    Raises:
        ValueError: if ``steps`` is below 1.
    """
    if steps < 1:
        raise ValueError(f"steps is {steps}: a trajectory has at least 1.")
    momentum = momentum + step / 2 * gradient(log_prob, x)
    for index in range(steps):
        x = x + step * momentum
        kick = step if index < steps - 1 else step / 2
        momentum = momentum + kick * gradient(log_prob, x)
    return x, momentum


def hmc_step(
    log_prob: LogProb,
    x: Float[Tensor, "chains dim"],
    step: float,
    steps: int,
    generator: torch.Generator | None = None,
) -> Transition:
    """One transition of Hamiltonian Monte Carlo for many chains at once.

    Draws momenta, follows :func:`leapfrog`, and accepts with probability
    ``min(1, exp(-energy_error))``, which leaves ``p`` unchanged whatever the step size
    (Duane et al. 1987). A proposal whose energy is not finite is refused.

    Args:
        log_prob: maps ``(chains, dim)`` to ``(chains,)``; it need not be normalised.
        x: where the chains are.
        step: size of a leapfrog step.
        steps: leapfrog steps a transition.
        generator: source of randomness; torch's own by default.
    """
    momentum = torch.randn(x.shape, generator=generator, dtype=x.dtype)
    end, last = leapfrog(log_prob, x, momentum, step, steps)
    with torch.no_grad():
        before = momentum.pow(2).sum(1) / 2 - log_prob(x)
        after = last.pow(2).sum(1) / 2 - log_prob(end)
    error = torch.where(after.isfinite(), after - before, math.inf)
    level = torch.rand(len(x), generator=generator, dtype=x.dtype)
    accepted = level.log() < -error
    return Transition(torch.where(accepted[:, None], end, x), accepted, error)


def autocorrelation(chain: Float[Tensor, " draws"], lags: int) -> Float[Tensor, " l"]:
    """Correlation of a chain with itself, ``0 .. lags - 1`` transitions later.

    ``sum_t (f_t - m)(f_{t + k} - m) / sum_t (f_t - m)^2`` with the chain's mean ``m``;
    the missing terms at the end count as zero, which keeps the estimate tame.

    Raises:
        ValueError: if ``lags`` does not fit the chain, or the chain never moves.
    """
    if not 1 <= lags <= len(chain):
        raise ValueError(f"{lags} lags do not fit a chain of {len(chain)} draws.")
    centred = chain - chain.mean()
    if not centred.any():
        raise ValueError("the chain never moves, so it has no autocorrelation.")
    # Correlation is a product in frequency; padding keeps the ends from meeting.
    spectrum = torch.fft.rfft(centred, 2 * len(chain))
    products = torch.fft.irfft(spectrum.abs() ** 2, 2 * len(chain))[:lags]
    scaled: Tensor = products / products[0]
    return scaled


def effective_draws(chain: Float[Tensor, " draws"]) -> float:
    """How many independent draws have a mean as precise as this chain's.

    ``n / (1 + 2 sum_k rho_k)``, the sum stopped where a pair of neighbouring
    autocorrelations first falls below zero in sum (Geyer 1992). Draws that lie on
    alternate sides of the mean are worth more than independent ones; a chain is too
    short to tell how much more, so at most ``n log10(n)`` (Vehtari et al. 2021).
    """
    rho = autocorrelation(chain, len(chain))
    pairs = rho[: len(rho) // 2 * 2].view(-1, 2).sum(1)
    negative = (pairs < 0).nonzero()
    stop = int(negative[0]) if len(negative) else len(pairs)
    repeats = 2 * pairs[:stop].sum().item() - 1
    return len(chain) / max(repeats, 1 / max(math.log10(len(chain)), 1))
