"""Assertions of mathematical properties, with a sentence for the reader.

Each check prints one line when it holds and raises :class:`CheckFailed`, which is an
``AssertionError``, when it does not. A check that is asked something without an answer,
such as whether two shapes that differ hold equal numbers, raises ``ValueError``.
"""

import math
from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor


class CheckFailed(AssertionError):
    """A property that should hold does not."""


def _require(holds: bool, what: str, finding: str) -> None:
    if not holds:
        raise CheckFailed(f"{what}: {finding}")
    print(f"✓ {what}: {finding}")


def _comparable(a: Tensor, b: Tensor, what: str) -> None:
    """Both sides have the same shape, and something in it: no broadcasting."""
    if a.shape != b.shape or not a.numel():
        raise ValueError(
            f"{what}: shapes {tuple(a.shape)} and {tuple(b.shape)} cannot be compared; "
            "give two tensors of one shape that is not empty."
        )


def _excess(a: Tensor, b: Tensor) -> Tensor:
    """``a - b``, and 0 where both are the same infinity."""
    return (a - b).masked_fill(a == b, 0)


def equal(
    a: Float[Tensor, "*shape"],
    b: Float[Tensor, "*shape"],
    what: str,
    atol: float = 1e-5,
) -> None:
    """``a`` and ``b`` agree everywhere to within ``atol``.

    An infinity agrees with itself; nan agrees with nothing.

    Raises:
        ValueError: if the shapes differ or are empty.
    """
    _comparable(a, b, what)
    gap = _excess(a.detach(), b.detach()).abs().max().item()
    _require(gap <= atol, what, f"largest difference {gap:.1e} (allowed {atol:.0e})")


def sums_to_one(
    log_probs: Float[Tensor, " count"],
    what: str = "total probability",
    atol: float = 1e-5,
) -> None:
    """``sum_x p(x) = 1``, from the log-probabilities of *all* outcomes.

    Raises:
        ValueError: if ``log_probs`` has not exactly one axis.
    """
    if log_probs.ndim != 1:
        raise ValueError(
            f"{what}: log_probs has shape {tuple(log_probs.shape)}; give one axis, "
            "with one log-probability for each outcome."
        )
    total = log_probs.detach().cpu().double().exp().sum().item()
    holds = abs(total - 1) <= atol
    total_is = f"1 {total - 1:+.1e}" if holds else f"{total:.6g}, not to 1"
    _require(holds, what, f"{len(log_probs):,} outcomes sum to {total_is}")


def between(value: float, low: float, high: float, what: str) -> None:
    """``low <= value <= high``, the ends included."""
    holds = low <= value <= high
    finding = (
        f"{value:.4g} is in [{low:.4g}, {high:.4g}]"
        if holds
        else f"{value:.15g} is not in [{low:.15g}, {high:.15g}]"
    )
    _require(holds, what, finding)


def in_order(
    low: Float[Tensor, "*shape"],
    high: Float[Tensor, "*shape"],
    what: str,
    atol: float = 1e-6,
) -> None:
    """``low <= high`` everywhere, to within rounding: a bound stays below the truth.

    Raises:
        ValueError: if the shapes differ or are empty.
    """
    _comparable(low, high, what)
    worst = _excess(low.detach(), high.detach()).max().item()
    _require(worst <= atol, what, f"largest excess {worst:+.1e} (allowed {atol:.0e})")


def consistent(
    estimate: float, stderr: float, truth: float, what: str, sigmas: float = 5.0
) -> None:
    """An estimate lies within ``sigmas`` standard errors of the truth.

    Five, not three: hundreds of checks at three would fail somewhere at every seed.

    Raises:
        ValueError: if the standard error is not a positive number.
    """
    if not 0 < stderr < math.inf:
        raise ValueError(
            f"{what}: the standard error is {stderr:g}, which measures nothing; give a "
            "positive one, from values that differ."
        )
    off = abs(estimate - truth) / stderr
    _require(off <= sigmas, what, f"{off:.1f} standard errors off ({sigmas:g} allowed)")


@torch.no_grad()
def autoregressive(
    logits: Callable[[Tensor], Tensor],
    x: Float[Tensor, "batch dim"],
    order: list[int] | None = None,
    what: str = "autoregressive",
    all_used: bool = True,
) -> None:
    """Output ``i`` sees only pixels before ``i``: to the last bit, not to a tolerance.

    One pixel is flipped at a time, then that pixel and all later ones together: the
    outputs at and before it must be bit-equal. As a positive control, flips must change
    later outputs, so that a network which ignores its input does not pass.

    Args:
        logits: maps ``(batch, dim)`` to ``(batch, dim)`` or ``(batch, dim, levels)``.
        x: binary images to start from; more of them find more leaks.
        order: order of the pixels, first to last; the rows' own if not given.
        what: name for the message.
        all_used: ask that every pixel but the last changes some later output; false for
            a network trained on images in which some pixels are always white, where one
            pixel that does is enough.

    Raises:
        CheckFailed: naming an output and a pixel that it sees and must not.
        ValueError: if there are no images, or ``order`` is not one of all pixels.
    """
    dim = x.shape[1]
    order = list(range(dim)) if order is None else order
    if not len(x):
        raise ValueError(f"{what}: there are no images to flip pixels of; give one.")
    if sorted(order) != list(range(dim)):
        raise ValueError(
            f"{what}: order {order} is no order of {dim} pixels; "
            f"give each of 0 to {dim - 1} once."
        )
    before = logits(x)

    def moved_by(flipped: list[int]) -> list[int]:
        """Outputs that change, in any image, when these pixels are flipped."""
        changed = x.clone()
        changed[:, flipped] = 1 - changed[:, flipped]
        differs = (logits(changed) != before).reshape(len(x), dim, -1)
        return differs.any(2).any(0).nonzero().flatten().tolist()

    alone = {pixel: set(moved_by([pixel])) for pixel in order}
    for place, pixel in enumerate(order):
        _forbid(alone[pixel] & set(order[: place + 1]), what, f"pixel {pixel}")
    for place in range(dim):
        together = set(moved_by(order[place:]))
        _forbid(together & set(order[: place + 1]), what, f"pixels {order[place:]}")
    idle = [pixel for pixel in order[:-1] if not alone[pixel]]
    if idle and (all_used or len(idle) == dim - 1):
        raise CheckFailed(
            f"{what}: no output changes when pixel {idle[0]} does; the network ignores "
            "a pixel that it may use."
        )
    print(f"✓ {what}: no output sees its own pixel or a later one ({dim} pixels)")


def _forbid(outputs: set[int], what: str, seen: str) -> None:
    if outputs:
        raise CheckFailed(
            f"{what}: output {min(outputs)} sees {seen}, which it must not: only what "
            "comes before it in the order."
        )
