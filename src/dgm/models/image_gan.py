"""Generators and critics of small images, and their game with nudges and running mean.

The lecture on generative adversarial networks builds the same; a test and the end of
that page hold the two together.
"""

from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from dgm.adversarial import Arena, Rates, Turn, adversaries
from dgm.training import batches


class DenseGenerator(nn.Module):
    """Logits of grey, from a code, by three dense layers; batch norm and ReLU.

    Args:
        latents: numbers in a code.
        side: pixels along a side of the image.
        width: units in each of the two hidden layers.
    """

    def __init__(self, latents: int, side: int, width: int = 128) -> None:
        super().__init__()
        self.side = side
        self.net = nn.Sequential(
            nn.Linear(latents, width),
            nn.BatchNorm1d(width),
            nn.ReLU(),
            nn.Linear(width, width),
            nn.BatchNorm1d(width),
            nn.ReLU(),
            nn.Linear(width, side * side),
        )

    def forward(self, z: Float[Tensor, "n latents"]) -> Float[Tensor, "n side side"]:
        """One image of logits for each code."""
        logits: Tensor = self.net(z)
        return logits.view(-1, self.side, self.side)


class ConvGenerator(nn.Module):
    """Logits of grey, from a code, by two transposed convolutions of stride 2.

    Batch norm and ReLU before each, after Radford et al. (2016), section 3.

    Args:
        latents: numbers in a code.
        side: pixels along a side of the image, a multiple of 4.
        width: channels at half of the side; twice as many at a quarter.

    Raises:
        ValueError: if ``side`` is not a multiple of 4.
    """

    def __init__(self, latents: int, side: int, width: int = 16) -> None:
        super().__init__()
        _quarters(side)
        self.start = nn.Sequential(
            nn.Linear(latents, 2 * width * (side // 4) ** 2),
            nn.Unflatten(1, (2 * width, side // 4, side // 4)),
            nn.BatchNorm2d(2 * width),
            nn.ReLU(),
        )
        self.grow = nn.Sequential(
            nn.ConvTranspose2d(2 * width, width, 4, 2, 1),
            nn.BatchNorm2d(width),
            nn.ReLU(),
        )
        self.finish = nn.ConvTranspose2d(width, 1, 4, 2, 1)

    def forward(self, z: Float[Tensor, "n latents"]) -> Float[Tensor, "n side side"]:
        """One image of logits for each code."""
        logits: Tensor = self.finish(self.grow(self.start(z)))
        return logits.squeeze(1)


def _quarters(side: int) -> None:
    if side % 4 or side < 4:
        raise ValueError(
            f"side {side} cannot be halved twice; choose a multiple of 4, or pad."
        )


def dense_critic(side: int, outputs: int = 1, width: int = 128) -> nn.Sequential:
    """Three dense layers on images ``(n, side, side)``; leaky ReLU, no normalisation.

    Args:
        side: pixels along a side of the image.
        outputs: numbers for each image.
        width: units in each of the two hidden layers.
    """
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(side * side, width),
        nn.LeakyReLU(0.2),
        nn.Linear(width, width),
        nn.LeakyReLU(0.2),
        nn.Linear(width, outputs),
    )


def conv_critic(side: int, outputs: int = 1, width: int = 16) -> nn.Sequential:
    """Two convolutions of stride 2 and a dense layer; leaky ReLU, no normalisation.

    Args:
        side: pixels along a side of the image, a multiple of 4.
        outputs: numbers for each image.
        width: channels at half of the side; twice as many at a quarter.

    Raises:
        ValueError: if ``side`` is not a multiple of 4.
    """
    _quarters(side)
    return nn.Sequential(
        nn.Unflatten(1, (1, side)),
        nn.Conv2d(1, width, 4, 2, 1),
        nn.LeakyReLU(0.2),
        nn.Conv2d(width, 2 * width, 4, 2, 1),
        nn.LeakyReLU(0.2),
        nn.Flatten(),
        nn.Linear(2 * width * (side // 4) ** 2, outputs),
    )


class Grey(nn.Module):
    """``sigmoid(logits(z))``: what a generator shows, greys between 0 and 1.

    Args:
        logits: maps codes to images of logits.
    """

    def __init__(self, logits: nn.Module) -> None:
        super().__init__()
        self.logits = logits

    def forward(self, z: Float[Tensor, "n latents"]) -> Float[Tensor, "n side side"]:
        """One image for each code."""
        logits: Tensor = self.logits(z)
        return logits.sigmoid()


class Score(nn.Module):
    """One number for an image; the network inside sees greys from -1 to 1.

    Args:
        critic: maps ``(n, side, side)`` to ``(n, 1)``.
    """

    def __init__(self, critic: nn.Module) -> None:
        super().__init__()
        self.critic = critic

    def forward(self, x: Float[Tensor, "n side side"]) -> Float[Tensor, " n"]:
        """A logit, or a score, for each image of greys from 0 to 1."""
        scores: Tensor = self.critic(2 * x - 1)
        return scores.squeeze(-1)


def codes(n: int) -> Float[Tensor, "n 16"]:
    """Noise for ``n`` images: 16 standard normal numbers each.

    Args:
        n: number of codes.
    """
    return torch.randn(n, 16)


class Nudge(nn.Module):
    """Move each image by at most one pixel each way, into a margin of zeros."""

    def forward(self, x: Float[Tensor, "n side side"]) -> Float[Tensor, "n side side"]:
        """Each of the nine moves equally often, drawn for each image."""
        n, side, _ = x.shape
        wide = F.pad(x, (1, 1, 1, 1))
        rows, columns = torch.randint(3, (2, n, 1)) + torch.arange(side)
        each = torch.arange(n)[:, None, None]
        return wide[each, rows[:, :, None], columns[:, None, :]]


class Pair(NamedTuple):
    """A generator of greys and its discriminator."""

    generator: Grey
    """Maps codes to images."""
    discriminator: Score
    """Maps images to one number each."""


def pair(kind: str, side: int) -> Pair:
    """Untrained networks for codes of 16 numbers.

    Args:
        kind: ``"dense"`` or ``"conv"``, of both players.
        side: pixels along a side of the image; for ``"conv"`` a multiple of 4.

    Raises:
        ValueError: if there is no such kind, or the side does not fit it.
    """
    if kind == "dense":
        return Pair(Grey(DenseGenerator(16, side)), Score(dense_critic(side)))
    if kind == "conv":
        return Pair(Grey(ConvGenerator(16, side)), Score(conv_critic(side)))
    raise ValueError(f"There are no networks '{kind}'; choose 'dense' or 'conv'.")


def follow(mean: nn.Module, net: nn.Module, keep: float) -> None:
    """One step of a running mean of all weights: ``keep * mean + (1 - keep) * net``.

    Whole numbers, such as batch norm's count of batches, are left alone.

    Args:
        mean: changed in place.
        net: of the same shape.
        keep: weight of what was there before.
    """
    pairs = zip(mean.state_dict().values(), net.state_dict().values(), strict=True)
    for slow, fast in pairs:
        if slow.is_floating_point():
            slow.lerp_(fast, 1 - keep)


def image_arena(
    players: Pair, images: Float[Tensor, "count side side"], updates: int, size: int
) -> Arena:
    """Batches of real images and of codes; both kinds of image are nudged.

    Args:
        players: who plays.
        images: to train on, greys from 0 to 1.
        updates: how many batches of real images there are, at most.
        size: images in a batch, real and made.
    """
    feed, nudge = iter(batches(images, size=size, steps=updates)), Nudge()
    return Arena(
        nn.Sequential(players.generator, nudge),
        players.discriminator,
        lambda: nudge(next(feed)),
        lambda: codes(size),
    )


def image_turns(
    players: Pair,
    images: Float[Tensor, "count side side"],
    steps: int,
    size: int = 64,
    *,
    thief: Callable[[Tensor], Tensor] | None = None,
    keep: float = 0.99,
    **rules: Any,
) -> Iterator[tuple[Turn, Grey]]:
    """Play on images; yields each turn and the running mean of the generators.

    The mean's weight of the past is ``turn / (turn + 10)``, at most ``keep``. It is one
    network, which moves on with the next turn.

    Args:
        players: trained in place.
        images: to train on, greys from 0 to 1.
        steps: number of turns.
        size: images in a batch, real and made.
        thief: ``thief(scores)`` is the generator's loss, from the discriminator's
            answers to made images; ``non_saturating`` if not given.
        keep: largest weight of the past in the running mean.
        **rules: ``k``, ``rates``, ``judge`` and ``after`` of
            :func:`dgm.adversarial.adversaries`; the step size of the generator is
            2e-3 unless ``rates`` says otherwise.
    """
    arena = image_arena(players, images, steps * rules.get("k", 1), size)
    rules = {"rates": Rates(thief=2e-3)} | rules
    if thief:
        rules["thief"] = lambda: thief(
            arena.discriminator(arena.generator(arena.noise()))
        )
    mean = deepcopy(players.generator).eval()
    for turn in adversaries(arena, steps=steps, **rules):
        follow(mean, players.generator, min(keep, turn.step / (turn.step + 10)))
        yield turn, mean


def image_game(
    players: Pair,
    images: Float[Tensor, "count side side"],
    steps: int,
    size: int = 64,
    **rules: Any,
) -> Grey:
    """All turns of :func:`image_turns`, at least one; what is left is the mean."""
    *_, (_, mean) = image_turns(players, images, steps, size, **rules)
    return mean
