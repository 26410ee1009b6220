"""The restricted Boltzmann machine, its slopes, its training and its annealing path.

``E(v, h) = -b.v - c.h - v.W.h`` with binary units. The class is the one that the
lecture on restricted Boltzmann machines builds, kept here for the lectures after it; a
test holds the two together.
"""

import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from dgm.annealing import Annealed, Path, forward, ladder
from dgm.likelihood import all_bits

Draw = Callable[[int], Tensor]
"""``draw(n)``: ``n`` training vectors, new at every call."""


def toss(p: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """Independent ones with the probabilities ``p``, else zeros, in the dtype of ``p``.

    Args:
        p: probabilities.
    """
    return (torch.rand_like(p) < p).to(p.dtype)


class RBM(nn.Module):
    """``p(v, h) = exp(-E(v, h)) / Z`` with ``E(v, h) = -b.v - c.h - v.W.h``.

    Args:
        visible: number of visible units.
        hidden: number of hidden units.
        std: standard deviation of the random initial weights; the biases start at 0.
    """

    def __init__(self, visible: int, hidden: int, std: float = 0.1) -> None:
        super().__init__()
        self.W = nn.Parameter(std * torch.randn(visible, hidden))
        self.b = nn.Parameter(torch.zeros(visible))
        self.c = nn.Parameter(torch.zeros(hidden))

    def energy(
        self, v: Float[Tensor, "*#batch visible"], h: Float[Tensor, "*#batch hidden"]
    ) -> Float[Tensor, "*batch"]:
        """``E(v, h)``; low energy is high probability."""
        return -(v @ self.b) - h @ self.c - (v @ self.W * h).sum(-1)

    def p_h(self, v: Float[Tensor, "*batch visible"]) -> Float[Tensor, "*batch hidden"]:
        """``p(h_j = 1 | v) = sigmoid(c_j + v.W_j)``."""
        return (self.c + v @ self.W).sigmoid()

    def p_v(self, h: Float[Tensor, "*batch hidden"]) -> Float[Tensor, "*batch visible"]:
        """``p(v_i = 1 | h) = sigmoid(b_i + W_i.h)``."""
        return (self.b + h @ self.W.T).sigmoid()

    def free_energy(
        self, v: Float[Tensor, "*batch visible"]
    ) -> Float[Tensor, "*batch"]:
        """``F(v) = -log sum_h exp(-E(v, h))``, in nats."""
        return -(v @ self.b) - F.softplus(self.c + v @ self.W).sum(-1)

    @torch.no_grad()
    def gibbs(
        self, v: Float[Tensor, "n visible"], k: int = 1
    ) -> Float[Tensor, "n visible"]:
        """``k`` times: all hidden units given the visible ones, and back."""
        for _ in range(k):
            v = toss(self.p_v(toss(self.p_h(v))))
        return v

    def log_Z(self) -> Float[Tensor, ""]:
        """``log Z`` by a sum over all states of the hidden units, in double precision.

        Raises:
            ValueError: with more than 20 hidden units.
        """
        h = all_bits(len(self.c), dtype=torch.float64, device=self.c.device)
        on = F.softplus(self.b.double() + h @ self.W.double().T).sum(1)
        return (h @ self.c.double() + on).logsumexp(0)


class Slope(NamedTuple):
    """Something with one entry for each parameter of an RBM."""

    W: Float[Tensor, "visible hidden"]
    b: Float[Tensor, " visible"]
    c: Float[Tensor, " hidden"]


@torch.no_grad()
def averages(
    rbm: RBM, v: Float[Tensor, "n visible"], weight: Float[Tensor, " n"] | None = None
) -> Slope:
    """``<-dF/dtheta>``: the mean over the rows of ``v``, or their weighted sum.

    Args:
        rbm: the model whose conditionals ``p(h | v)`` are used.
        v: visible vectors.
        weight: of each row; all ``1 / n`` by default.
    """
    weight = torch.full_like(v[:, 0], 1 / len(v)) if weight is None else weight
    p_h = rbm.p_h(v)
    return Slope((weight[:, None] * v).T @ p_h, weight @ v, weight @ p_h)


def minus(one: Slope, other: Slope) -> Slope:
    """``one - other``, parameter by parameter."""
    return Slope(one.W - other.W, one.b - other.b, one.c - other.c)


@torch.no_grad()
def climb(rbm: RBM, slope: Slope, lr: float) -> None:
    """Move every parameter by ``lr`` times its slope, in place."""
    for parameter, direction in zip((rbm.W, rbm.b, rbm.c), slope, strict=True):
        parameter.add_(lr * direction)


def centred(slope: Slope, mean: Slope) -> Slope:
    """The slope for units measured from their means ``mean.b``, ``mean.c``.

    Translated back to plain parameters (Melchior, Fischer & Wiskott 2016). An
    invertible linear function of the slope, so that it vanishes where the slope does.
    """
    W = slope.W - torch.outer(mean.b, slope.c) - torch.outer(slope.b, mean.c)
    return Slope(W, slope.b - W @ mean.c, slope.c - mean.b @ W)


def log_odds(p: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """``log p / (1 - p)`` of frequencies, kept within 0.01 and 0.99."""
    return p.clamp(0.01, 0.99).logit()


def start(visible: Float[Tensor, "n visible"], hidden: int) -> RBM:
    """A machine to begin with: small weights, biases that fit each unit's frequency.

    It takes no gradients; :func:`climb` changes it in place.

    Args:
        visible: training vectors, or the probabilities from which they are drawn.
        hidden: number of hidden units.
    """
    rbm = RBM(visible.shape[1], hidden).to(visible.dtype).requires_grad_(False)
    rbm.b.copy_(log_odds(visible.mean(0)))
    return rbm


def nudge(v: Float[Tensor, "n dim"], shape: tuple[int, int]) -> Float[Tensor, "n dim"]:
    """Move 15 % of the images by one pixel, up, down, left or right.

    What leaves the image is lost, and what comes in is paper.

    Args:
        v: images as rows.
        shape: height and width of an image.
    """
    padded = F.pad(v.view(-1, *shape), (1, 1, 1, 1))
    corners = [(1, 1), (0, 1), (2, 1), (1, 0), (1, 2)]
    height, width = shape
    moved = torch.stack([padded[:, r : r + height, c : c + width] for r, c in corners])
    which = torch.multinomial(torch.tensor([0.85] + [0.0375] * 4), len(v), True)
    return moved[which, torch.arange(len(v))].flatten(1)


def images_from(x: Float[Tensor, "n dim"], shape: tuple[int, int]) -> Draw:
    """Draws rows of ``x``, with replacement, each passed through :func:`nudge`.

    Args:
        x: training images.
        shape: height and width of an image.
    """
    return lambda n: nudge(x[torch.randint(len(x), (n,))], shape)


def learn(
    rbm: RBM,
    draw: Draw,
    steps: int,
    k: int,
    *,
    lr: float = 0.6,
    persistent: bool = True,
    decay: float = 0.0,
) -> Iterator[Float[Tensor, "100 visible"]]:
    """Persistent (or plain) CD-``k`` on batches of 100; yields the 100 chains.

    Nothing is trained until the iterator is asked. The slopes are :func:`centred`, and
    the step size falls to zero along a line.

    Args:
        rbm: changed in place.
        draw: training vectors, as many as asked for.
        steps: number of updates.
        k: Gibbs steps an update.
        lr: step size of the first update.
        persistent: let the chains go on from update to update; else restart them at
            every batch.
        decay: weight of ``|W|^2 / 2`` in the objective.
    """
    v = draw(100)
    for step in range(steps):
        batch = draw(100)
        v = rbm.gibbs(v if persistent else batch, k)
        mean = averages(rbm, batch)
        slope = centred(minus(mean, averages(rbm, v)), mean)
        slope = slope._replace(W=slope.W - decay * rbm.W.detach())
        climb(rbm, slope, lr * (1 - step / steps))
        yield v


@torch.no_grad()
def blend(average: nn.Module, model: nn.Module, share: float = 1e-3) -> None:
    """Move ``average`` towards ``model`` by ``share``: a running mean of parameters."""
    for a, p in zip(average.parameters(), model.parameters(), strict=True):
        a.lerp_(p, share)


def log_Z0(rbm: RBM, a: Float[Tensor, " visible"]) -> float:
    """``log Z`` at the start of :func:`rbm_path`: ``H log 2 + sum_i softplus(a_i)``.

    Args:
        rbm: the end of the path; only its number of hidden units matters.
        a: log-odds of the visible units at the start.
    """
    return len(rbm.c) * math.log(2) + F.softplus(a.double()).sum().item()


def rbm_path(rbm: RBM, a: Float[Tensor, " visible"]) -> Path:
    """From independent visible units to ``exp(-F(v))``, for annealed sampling.

    ``f_beta`` is the RBM with biases ``(1 - beta) a + beta b`` and ``beta c``, and
    weights ``beta W``, its hidden units summed out (Salakhutdinov & Murray 2008,
    eq. 16); a move is one Gibbs step of it.

    Args:
        rbm: the end of the path.
        a: log-odds of the visible units at its start; those of the data's means make
            a short way. Draws of the start are ``toss(a.sigmoid())``.
    """

    def log_f(v: Tensor, beta: float) -> Tensor:
        inputs = F.softplus(beta * (rbm.c + v @ rbm.W)).sum(-1)
        log_f: Tensor = v @ ((1 - beta) * a + beta * rbm.b) + inputs
        return log_f

    def step(v: Tensor, beta: float) -> Tensor:
        h = toss((beta * (rbm.c + v @ rbm.W)).sigmoid())
        return toss(((1 - beta) * a + beta * (rbm.b + h @ rbm.W.T)).sigmoid())

    return Path(log_f, step)


def ais(
    rbm: RBM, a: Float[Tensor, " visible"], temperatures: int, chains: int
) -> Annealed:
    """Chains that climb from independent units to the RBM, with their weights.

    ``log_Z0(rbm, a) + log_ratio(ais(...).log_w).value`` estimates ``log Z``.

    Args:
        rbm: the end of the path.
        a: log-odds of the visible units at its start.
        temperatures: steps of the path, at equal distances.
        chains: independent ones.
    """
    v = toss(a.sigmoid().expand(chains, -1))
    return forward(rbm_path(rbm, a), v, ladder(temperatures))
