"""The game of a generator against a discriminator: losses and the alternating loop.

The lecture on generative adversarial networks builds the same; a test and the end of
that page hold the two together. The loop here takes another loss of the discriminator
(``judge``) and a word after each of its updates (``after``), for critics that estimate
a distance.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

JudgeLoss = Callable[[nn.Module, Tensor, Tensor], Tensor]
"""``judge(discriminator, real, fake)``: its loss, one number for each seed."""


def police(
    real: Float[Tensor, "*seeds n"], fake: Float[Tensor, "*seeds m"]
) -> Float[Tensor, "*seeds"]:
    """``-V = -mean log D(x) - mean log(1 - D(G(z)))``, over the last axis, from logits.

    Goodfellow et al. (2014), equation 1.

    Args:
        real: logits of ``D`` on real images.
        fake: logits of ``D`` on made images.
    """
    return -F.logsigmoid(real).mean(-1) - F.logsigmoid(-fake).mean(-1)


def saturating(fake: Float[Tensor, "*seeds m"]) -> Float[Tensor, "*seeds"]:
    """``mean log(1 - D(G(z)))`` over the last axis: the generator's part of ``V``.

    Args:
        fake: logits of ``D`` on made images.
    """
    return F.logsigmoid(-fake).mean(-1)


def non_saturating(fake: Float[Tensor, "*seeds m"]) -> Float[Tensor, "*seeds"]:
    """``-mean log D(G(z))`` over the last axis (Goodfellow et al. 2014, section 3).

    Args:
        fake: logits of ``D`` on made images.
    """
    return -F.logsigmoid(fake).mean(-1)


def update(optimizer: torch.optim.Optimizer, loss: Float[Tensor, "*seeds"]) -> None:
    """One step down the sum over seeds, whose networks share nothing.

    Args:
        optimizer: of the parameters that may move.
        loss: one number for each seed.
    """
    optimizer.zero_grad()
    loss.sum().backward()
    optimizer.step()


class Arena(NamedTuple):
    """The two players, and what feeds them."""

    generator: nn.Module
    """Maps a batch of noise to a batch of made data."""
    discriminator: nn.Module
    """Maps a batch to logits (or scores), over the last axis."""
    real: Callable[[], Tensor]
    """A new batch of the data at each call."""
    noise: Callable[[], Tensor]
    """A new batch of codes at each call."""


class Turn(NamedTuple):
    """What one turn of the game leaves behind, one number for each seed."""

    step: int
    """Number of the turn, from 0."""
    value: Float[Tensor, "*seeds"]
    """Minus the discriminator's loss on its last batch; ``V`` with the default loss."""
    loss: Float[Tensor, "*seeds"]
    """Of the generator, before its update."""


class Rates(NamedTuple):
    """Step sizes of Adam for the two players, and its two decays."""

    thief: float = 1e-3
    """Step size of the generator."""
    police: float = 1e-3
    """Step size of the discriminator."""
    momentum: float = 0.5
    """Adam's first decay, of both players."""
    memory: float = 0.999
    """Adam's second decay, of both players."""


def cross_entropy(
    discriminator: nn.Module, real: Tensor, fake: Tensor
) -> Float[Tensor, "*seeds"]:
    """:func:`police` on the logits: the loss of a discriminator that classifies.

    Args:
        discriminator: maps a batch to logits.
        real: a batch of data.
        fake: a batch of made data.
    """
    return police(discriminator(real), discriminator(fake))


def adversaries(
    arena: Arena,
    *,
    steps: int,
    k: int = 1,
    rates: Rates = Rates(),  # noqa: B008
    thief: Callable[[], Tensor] | None = None,
    judge: JudgeLoss | None = None,
    after: Callable[[nn.Module], object] | None = None,
) -> Iterator[Turn]:
    """``k`` updates of the discriminator, one of the generator; ``steps`` times.

    ``for turn in adversaries(...)`` makes one turn each time it asks for one
    (Goodfellow et al. 2014, algorithm 1, with Adam).

    Args:
        arena: the players and what feeds them.
        steps: number of turns.
        k: updates of the discriminator in a turn.
        rates: step sizes.
        thief: ``thief()`` is the generator's loss on new noise; :func:`non_saturating`
            if not given.
        judge: ``judge(discriminator, real, fake)`` is the discriminator's loss;
            :func:`cross_entropy` if not given.
        after: called with the discriminator after each of its updates, e.g. to clip
            its weights.

    Raises:
        ValueError: if ``k`` is less than 1.
    """
    if k < 1:
        raise ValueError(f"k is {k}; the discriminator needs at least 1 update a turn.")
    generator, discriminator, real, noise = arena
    betas = (rates.momentum, rates.memory)
    g_step, d_step = (
        torch.optim.Adam(player.parameters(), lr=rate, betas=betas)
        for player, rate in zip(arena[:2], rates[:2], strict=True)
    )
    judge = judge or cross_entropy
    for step in range(steps):
        for _ in range(k):
            fake = generator(noise()).detach()
            loss = judge(discriminator, real(), fake)
            update(d_step, loss)
            if after:
                after(discriminator)
        cost = thief() if thief else non_saturating(discriminator(generator(noise())))
        update(g_step, cost)
        yield Turn(step, -loss.detach(), cost.detach())
