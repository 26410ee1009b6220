"""How probable is the data? Exactly where that is possible, with an error where not."""

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor


class Estimate(NamedTuple):
    """A number and its standard error."""

    value: float
    stderr: float


def all_bits(
    dim: int,
    *,
    dtype: torch.dtype | None = None,
    device: torch.device | str | None = None,
) -> Float[Tensor, "count dim"]:
    """All ``2^dim`` binary vectors, in counting order (the first pixel counts most).

    Args:
        dim: number of pixels, at most 20.
        dtype: of the result; torch's default floating type if not given.
        device: of the result; torch's default device if not given.

    Raises:
        ValueError: if ``dim`` is over 20, where the table would not fit in memory.
    """
    if not 0 <= dim <= 20:
        raise ValueError(
            f"2^{dim} images are too many to list; use dim of at most 20, "
            "or an estimate instead of enumeration."
        )
    place = 2 ** torch.arange(dim - 1, -1, -1, device=device)
    bits = (torch.arange(2**dim, device=device)[:, None] & place).ne(0)
    return bits.to(dtype or torch.get_default_dtype())


@torch.no_grad()
def enumerate_log_probs(
    log_prob: Callable[[Tensor], Tensor],
    dim: int,
    chunk: int = 4096,
    *,
    dtype: torch.dtype | None = None,
    device: torch.device | str | None = None,
) -> Float[Tensor, " count"]:
    """``log p(x)`` of every binary image of ``dim`` pixels, as in :func:`all_bits`.

    No graph is kept: the result takes part in no gradient.

    Args:
        log_prob: maps images ``(batch, dim)`` to ``(batch,)``, in nats.
        dim: number of pixels, at most 20.
        chunk: images per call, to bound memory.
        dtype: of the images; torch's default floating type if not given.
        device: of the images: where the model is.
    """
    images = all_bits(dim, dtype=dtype, device=device)
    return torch.cat([log_prob(x) for x in images.split(chunk)])


def mean_and_stderr(values: Float[Tensor, " n"]) -> Estimate:
    """The mean and its standard error ``std / sqrt(n)``, for independent values.

    ``std`` has ``n - 1`` in its denominator.

    Raises:
        ValueError: with fewer than two values, where no error can be estimated.
    """
    if len(values) < 2:
        raise ValueError(f"{len(values)} value has no standard error; give at least 2.")
    values = _precise(values)
    return Estimate(values.mean().item(), values.std().item() / math.sqrt(len(values)))


def _precise(values: Tensor) -> Tensor:
    """In double precision, which not every device has."""
    return values.detach().cpu().double()


def blocked_mean_and_stderr(values: Float[Tensor, " n"], block: int) -> Estimate:
    """The mean, with a standard error from the means of consecutive blocks.

    Neighbours in a file are often alike (one writer's digits follow each other), which
    makes the plain standard error too small. Means of long enough blocks are nearly
    independent. What does not fill the last block is left out of the error only.

    Args:
        values: in file order.
        block: length of a block.

    Raises:
        ValueError: if fewer than two blocks fit.

    Source: Flyvbjerg & Petersen 1989, "Error estimates on averages of correlated data".
    """
    count = len(values) // block if block > 0 else 0
    if count < 2:
        raise ValueError(
            f"{len(values)} values make {count} blocks of {block}; "
            "choose a block that fits at least twice."
        )
    values = _precise(values)
    means = values[: count * block].reshape(count, block).mean(1)
    return Estimate(values.mean().item(), mean_and_stderr(means).stderr)
