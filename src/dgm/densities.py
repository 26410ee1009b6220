"""Log-densities and log-masses, one value per example, and their arithmetic."""

import math

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor


def bernoulli_log_prob(
    logits: Float[Tensor, "*#batch dim"], x: Float[Tensor, "*#batch dim"]
) -> Float[Tensor, "*batch"]:
    """Sum over pixels of ``x log p + (1 - x) log(1 - p)``, ``p = sigmoid(logits)``.

    Args:
        logits: log-odds of each pixel being one.
        x: pixels, 0 or 1.

    Returns:
        Log-probability of each image in nats.
    """
    # x * l - softplus(l) is the same number without ever taking log of zero.
    return (x * logits - F.softplus(logits)).sum(-1)


def categorical_log_prob(
    logits: Float[Tensor, "*batch dim levels"], x: Int[Tensor, "*batch dim"]
) -> Float[Tensor, "*batch"]:
    """Sum over pixels of ``log softmax(logits)[x]``.

    Args:
        logits: unnormalised log-probabilities of the grey levels of each pixel.
        x: grey levels, ``0 .. levels - 1``.

    Returns:
        Log-probability of each image in nats.
    """
    log_p = logits.log_softmax(-1)
    return log_p.gather(-1, x.long().unsqueeze(-1)).squeeze(-1).sum(-1)


def gaussian_log_prob(
    mean: Float[Tensor, "*#batch dim"],
    log_std: Float[Tensor, "*#batch dim"],
    x: Float[Tensor, "*#batch dim"],
) -> Float[Tensor, "*batch"]:
    """Log-density of a Gaussian with diagonal covariance, summed over the last axis.

    ``-((x - mean) / std)^2 / 2 - log std - log(2 pi) / 2`` per dimension.
    """
    z = (x - mean) * (-log_std).exp()
    return (-0.5 * z**2 - log_std - 0.5 * math.log(2 * math.pi)).sum(-1)


def gaussian_kl(
    mean: Float[Tensor, "*#batch dim"], log_std: Float[Tensor, "*#batch dim"]
) -> Float[Tensor, "*batch"]:
    """``KL(N(mean, std^2) || N(0, 1))``, summed over the last axis, in nats.

    ``(mean^2 + std^2 - 1) / 2 - log std`` per dimension (Kingma & Welling 2014).
    """
    # expm1, because std^2 - 1 would cancel where the posterior is close to the prior.
    return (0.5 * (mean**2 + torch.expm1(2 * log_std)) - log_std).sum(-1)


def gaussian_kl_between(
    mean_q: Float[Tensor, "*#batch dim"],
    log_std_q: Float[Tensor, "*#batch dim"],
    mean_p: Float[Tensor, "*#batch dim"],
    log_std_p: Float[Tensor, "*#batch dim"],
) -> Float[Tensor, "*batch"]:
    """``KL(q || p)`` of two diagonal Gaussians, summed over the last axis, in nats.

    A shift and a scale leave a KL as it is, so p is first mapped to N(0, 1).
    """
    return gaussian_kl((mean_q - mean_p) * (-log_std_p).exp(), log_std_q - log_std_p)


def log_mean_exp(log_w: Float[Tensor, "..."], dim: int) -> Float[Tensor, "..."]:
    """``log((1/n) sum_i exp(log_w_i))`` along ``dim``, without overflow."""
    return torch.logsumexp(log_w, dim) - math.log(log_w.shape[dim])


def bits_per_dim(nats: float, dim: int) -> float:
    """A negative log-likelihood of ``nats`` per image as bits per dimension."""
    if dim < 1:
        raise ValueError(f"dim is {dim}; give the number of pixels times channels.")
    return nats / (dim * math.log(2))
