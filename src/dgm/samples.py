"""How good are samples? Measures with floor and ceiling, collections, and mode counts.

The lecture on generative adversarial networks builds the same; a test and the end of
that page hold the two together. Every measure compares equally many real and made
images; none of its numbers means anything without that of real images beside it.
"""

from typing import NamedTuple, cast

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from dgm import data
from dgm.adversarial import police
from dgm.models.image_gan import Score, codes, dense_critic
from dgm.training import batches, fit


def frechet(a: Float[Tensor, "n dim"], b: Float[Tensor, "m dim"]) -> float:
    """``|m - m'|^2 + tr(A + B - 2 (A B)^(1/2))`` of the two samples' Gaussians.

    Heusel et al. (2017), equation 6; in double precision, with covariances over
    ``n - 1``. ``tr (A B)^(1/2)`` is taken from the symmetric ``A^(1/2) B A^(1/2)``.

    Args:
        a: features of one sample.
        b: features of the other.
    """
    a, b = a.double(), b.double()
    A, B = (x.T.cov().view(x.shape[1], -1) for x in (a, b))  # one feature: 1 x 1
    values, vectors = torch.linalg.eigh(A)
    root = vectors * values.clamp(min=0).sqrt() @ vectors.T
    cross = torch.linalg.eigvalsh(root @ B @ root).clamp(min=0).sqrt().sum()
    gap = (a.mean(0) - b.mean(0)).square().sum()
    return float(gap + A.trace() + B.trace() - 2 * cross)


def covered(
    x: Float[Tensor, "n dim"], by: Float[Tensor, "m dim"], k: int = 3
) -> Float[Tensor, ""]:
    """Share of ``x`` inside some ball that reaches from a point to its k-th neighbour.

    With ``x`` made and ``by`` real: precision; exchanged: recall (Kynkäänniemi et al.
    2019, equations 1 and 2).

    Args:
        x: features of the points that are counted.
        by: features of the points that carry the balls.
        k: which neighbour of its own kind a ball reaches to.

    Raises:
        ValueError: if ``by`` has no k-th neighbours.
    """
    if not 1 <= k < len(by):
        raise ValueError(
            f"k is {k}, but {len(by)} points have 1 to {len(by) - 1} neighbours each."
        )
    radius = torch.cdist(by, by).kthvalue(k + 1).values
    return (torch.cdist(x, by) <= radius).any(1).float().mean()


def two_sample(
    real: Float[Tensor, "n side side"], fake: Float[Tensor, "n side side"]
) -> float:
    """Accuracy of fresh networks on the half that they were not trained on.

    0.5 is what samples of one distribution score on average (Lopez-Paz & Oquab 2017).
    Two networks, one for each half.

    Args:
        real: greys from 0 to 1, at least 200.
        fake: as many.
    """
    right, order = [], torch.randperm(len(real))
    for train, held in ((order[::2], order[1::2]), (order[1::2], order[::2])):
        net = Score(dense_critic(real.shape[-1], width=64))

        def loss(batch: tuple[Tensor, Tensor], net: nn.Module = net) -> Tensor:
            return police(net(batch[0]), net(batch[1]))

        feed = batches(real[train], fake[train], size=100, steps=150)
        for _ in fit(loss, net.parameters(), feed, lr=2e-3):
            pass
        with torch.no_grad():
            right += [(net(real[held]) > 0).float(), (net(fake[held]) < 0).float()]
    return torch.cat(right).mean().item()


def independent(
    images: Float[Tensor, "n side side"], count: int
) -> Float[Tensor, "count side side"]:
    """Images whose every pixel is taken from a training image of its own.

    Args:
        images: to take from.
        count: how many to make.
    """
    flat = images.flatten(1)
    rows = torch.randint(len(images), (count, flat.shape[1]))
    return flat.gather(0, rows).view(count, *images.shape[1:])


def rounded(grey: Float[Tensor, "*n"], levels: int = 17) -> Float[Tensor, "*n"]:
    """To the nearest grey that data have, so that no test sees the difference.

    Args:
        grey: from 0 to 1.
        levels: number of equidistant greys.
    """
    return (grey * (levels - 1)).round() / (levels - 1)


@torch.no_grad()
def made(logits: nn.Module, n: int, draw: bool = False) -> Float[Tensor, "n side side"]:
    """``n`` images of a generator, rounded; or draws of binomial pixels around them.

    Args:
        logits: maps codes of 16 numbers to images of logits.
        n: number of images.
        draw: draw each pixel from a binomial of 16 trials, as a VAE's decoder means it.
    """
    grey = logits(codes(n)).sigmoid()
    if draw:
        return torch.binomial(torch.full_like(grey, 16.0), grey) / 16
    return rounded(grey)


def reader(
    images: Float[Tensor, "n side side"], labels: Int[Tensor, " n"], features: int = 16
) -> nn.Sequential:
    """A small classifier, trained here; all but its last layer make the features.

    Args:
        images: greys from 0 to 1, at least 100.
        labels: a class from 0 to 9 for each image.
        features: units of the last hidden layer.
    """
    dim = images[0].numel()
    net = nn.Sequential(
        nn.Flatten(),
        nn.Linear(dim, 64),
        nn.ReLU(),
        nn.Linear(64, features),
        nn.Tanh(),
        nn.Linear(features, 10),
    )

    def loss(batch: tuple[Tensor, Tensor]) -> Tensor:
        return F.cross_entropy(net(batch[0]), batch[1])

    feed = batches(images, labels, size=100, steps=400)
    for _ in fit(loss, net.parameters(), feed, lr=5e-3):
        pass
    return net.requires_grad_(False)


class Gallery(NamedTuple):
    """Images of one kind: to train on, to compare with, and a reader of them."""

    train: Float[Tensor, "n side side"]
    """Greys from 0 to 1, to fit on."""
    test: Float[Tensor, "m side side"]
    """Greys from 0 to 1, to compare samples with."""
    reader: nn.Sequential
    """Classifier that was trained on ``train``; ``reader[:-1]`` gives features."""


def gallery(name: str, split: str = "test") -> Gallery:
    """Digits (1,000 to train on, 8 x 8), or glyphs (4,000, 16 x 16, rendered here).

    The reader is trained at each call, from torch's global random numbers.

    Args:
        name: ``"digits"`` or ``"glyphs"``.
        split: what to compare with: ``"valid"`` to choose settings by, ``"test"`` once,
            at the end.

    Raises:
        ValueError: if there is no such collection or split.
    """
    if split not in ("valid", "test"):
        raise ValueError(f"There is no split '{split}'; choose 'valid' or 'test'.")
    if name == "digits":
        digits = data.digits()
        held, part = getattr(digits, split), digits.train
        train, test = part.x / 16, held.x / 16
        labels = cast(Tensor, part.y)  # digits always have labels
    elif name == "glyphs":
        draws = torch.Generator().manual_seed(0 if split == "test" else 1)
        factors = data.glyphs.draw(4500, generator=draws)
        images = data.glyphs.render(factors, size=16) / 16
        train, test = images[:4000], images[4000:]
        labels = factors.character[:4000]
    else:
        raise ValueError(f"There are no images '{name}'; choose 'digits' or 'glyphs'.")
    return Gallery(train, test, reader(train, labels))


def sample_scores(
    of: Gallery,
    fake: Float[Tensor, "n side side"],
    real: Float[Tensor, "m side side"] | None = None,
) -> dict[str, float]:
    """Four numbers on equally many real and made images.

    ``frechet``, ``precision``, ``recall`` on the reader's features; ``two_sample`` on
    the images.

    Args:
        of: the collection, with its reader.
        fake: made images, rounded.
        real: what to compare with; the collection's test images if not given.

    Raises:
        ValueError: if there are not as many made images as real ones.
    """
    real = of.test if real is None else real
    if len(real) != len(fake):
        raise ValueError(
            f"{len(fake)} made images cannot be compared with {len(real)} real ones; "
            "give equally many."
        )
    a, b = of.reader[:-1](real), of.reader[:-1](fake)
    return {
        "frechet": frechet(a, b),
        "precision": covered(b, a).item(),
        "recall": covered(a, b).item(),
        "two_sample": two_sample(real, fake),
    }


def toy_of(name: str, std: float = 0.1) -> data.toys.GaussianMixture:
    """Eight Gaussians on a ring of radius 2, or 25 on a grid of spacing 2.

    Args:
        name: ``"ring"`` or ``"grid"``.
        std: standard deviation of each.

    Raises:
        ValueError: if there is no such toy.
    """
    if name not in ("ring", "grid"):
        raise ValueError(f"There is no toy '{name}'; choose 'ring' or 'grid'.")
    return data.toys.ring(std=std) if name == "ring" else data.toys.grid(std=std)


class Census(NamedTuple):
    """What a sample of a mixture holds, one entry for each seed."""

    found: Int[Tensor, " seeds"]
    """Modes whose good points are at least a fifth of their due."""
    quality: Float[Tensor, " seeds"]
    """Share of points near some mode."""


def census(
    x: Float[Tensor, "seeds n 2"],
    means: Float[Tensor, "modes 2"],
    std: float,
    reach: float = 3.0,
) -> Census:
    """Count modes and good points; good: within ``reach`` std of the nearest mode.

    Args:
        x: made points of each seed.
        means: centres of the modes, which are equally likely.
        std: standard deviation of each mode.
        reach: how far a good point may be, in standard deviations.
    """
    distance, mode = torch.cdist(x, means).min(-1)
    good = distance < reach * std
    hits = F.one_hot(mode, len(means)) * good[..., None]
    due = x.shape[1] / len(means)
    return Census((hits.sum(1) >= due / 5).sum(1), good.float().mean(1))
