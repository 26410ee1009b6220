"""Assertions of mathematical properties, with a sentence for the reader.

Each check prints one line when it holds and raises ``AssertionError`` when it does not.
"""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor


def _require(holds: bool, what: str, finding: str) -> None:
    if not holds:
        raise AssertionError(f"{what}: {finding}")
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
) -> None:
    """Output ``i`` sees only pixels before ``i``: to the last bit, not to a tolerance.

    One pixel is flipped at a time, then that pixel and all later ones together: the
    outputs at and before it must be bit-equal. As a positive control, each flip (but
    the last pixel's) must change some later output, so that a network which ignores its
    input does not pass.

    Args:
        logits: maps ``(batch, dim)`` to ``(batch, dim)`` or ``(batch, dim, levels)``.
        x: binary images to start from; more of them find more leaks.
        order: order of the pixels, first to last; the rows' own if not given.
        what: name for the message.
    """
    dim = x.shape[1]
    order = list(range(dim)) if order is None else order
    before = logits(x)
    for place, pixel in enumerate(order):
        for flipped in ([pixel], order[place:]):
            changed = x.clone()
            changed[:, flipped] = 1 - changed[:, flipped]
            differs = (logits(changed) != before).reshape(len(x), dim, -1)
            moved = differs.any(2).any(0)
            leaks = [i for i in order[: place + 1] if moved[i]]
            if leaks:
                raise AssertionError(
                    f"{what}: output {leaks[0]} changes when pixel {pixel} does, "
                    "which it must not see."
                )
            if place < dim - 1 and not moved.any():
                raise AssertionError(
                    f"{what}: no output changes when pixel {pixel} does; the network "
                    "ignores a pixel that it may use."
                )
    print(f"✓ {what}: no output sees its own pixel or a later one ({dim} pixels)")
