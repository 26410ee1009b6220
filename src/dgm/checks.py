"""Assertions of mathematical properties, with a sentence for the reader.

Each check prints one line when it holds and raises :class:`CheckFailed`, which is an
``AssertionError``, when it does not.
"""

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


def equal(
    a: Float[Tensor, "*shape"],
    b: Float[Tensor, "*shape"],
    what: str,
    atol: float = 1e-5,
) -> None:
    """``a`` and ``b`` agree everywhere to within ``atol``; nan agrees with nothing."""
    gap = (a.detach() - b.detach()).abs().max().item() if a.numel() else 0.0
    _require(gap <= atol, what, f"largest difference {gap:.1e} (allowed {atol:.0e})")


def sums_to_one(
    log_probs: Float[Tensor, " count"],
    what: str = "total probability",
    atol: float = 1e-5,
) -> None:
    """``sum_x p(x) = 1``, from the log-probabilities of *all* outcomes."""
    total = log_probs.double().exp().sum().item()
    finding = f"{len(log_probs):,} outcomes sum to 1 {total - 1:+.1e}"
    _require(abs(total - 1) <= atol, what, finding)


def between(value: float, low: float, high: float, what: str) -> None:
    """``low <= value <= high``."""
    _require(low <= value <= high, what, f"{value:.4g} is in [{low:.4g}, {high:.4g}]")


def in_order(
    low: Float[Tensor, "*shape"],
    high: Float[Tensor, "*shape"],
    what: str,
    atol: float = 1e-6,
) -> None:
    """``low <= high`` everywhere, to within rounding: a bound stays below the truth."""
    worst = (low - high).max().item()
    _require(worst <= atol, what, f"largest excess {worst:+.1e} (allowed {atol:.0e})")


def consistent(
    estimate: float, stderr: float, truth: float, what: str, sigmas: float = 5.0
) -> None:
    """An estimate lies within ``sigmas`` standard errors of the truth.

    Five, not three: hundreds of checks at three would fail somewhere at every seed.
    """
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
    """
    dim = x.shape[1]
    order = list(range(dim)) if order is None else order
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
