"""The likelihood models of the book, as the frontier trains and scores them.

Each contender has a function that trains it for a number of updates, by its lecture's
own functions and settings, and one that scores images in nats. ``of`` is the lecture:
what is taken from it is read off the code, for the fingerprint.

What a score is, is its name: ``exact``; ``bound``, above the true value on average (one
minus the ELBO, or importance sampling, whose mean lies above as well); ``ais``, with a
partition function from annealed importance sampling, which errs to the flattering side.
"""

import copy
import inspect
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor

from dgm.annealing import log_ratio
from dgm.data.images import ImageData
from dgm.densities import bernoulli_log_prob, categorical_log_prob, log_mean_exp

Nats = dict[str, Tensor]
Train = Callable[[Any, ImageData, int], Any]


class Exam(NamedTuple):
    """Images to score, and how much work to spend on what is estimated."""

    images: ImageData
    x: Tensor
    draws: int = 50
    """Importance samples for an image."""
    temperatures: int = 1000
    chains: int = 100


Score = Callable[[Any, Any, Exam], Nats]


class Contender(NamedTuple):
    """A model, how long it is trained, and by what."""

    name: str
    bits: bool
    lecture: str
    updates: tuple[int, ...]
    train: Train
    score: Score

    def source(self) -> str:
        """The code that is measured."""
        shared = (flat, pictures, running_share, sampled, learned)
        code = [inspect.getsource(f) for f in (self.train, self.score, *shared)]
        return "\n".join(code)


def flat(x: Tensor) -> Tensor:
    """Images as rows of floats."""
    return x.flatten(1).float()


def pictures(x: Tensor) -> Tensor:
    """Images with an axis for channels."""
    return x[:, None].float()


def running_share(updates: int) -> float:
    """What an update adds to a running mean: the lecture's at its 6,000 updates."""
    return 6 / updates


def sampled(log_w: Tensor) -> Nats:
    """From log importance weights (draws, n): the bound, and the tighter one."""
    return {"bound": -log_w.mean(0), "weighted": -log_mean_exp(log_w, 0)}


def learned(
    of: Any, model: Any, loss: Any, images: ImageData, updates: int, lr: float
) -> Any:
    """The model, once it has learned on rows that are nudged as in the lecture."""
    rows = flat(images.train.x)
    of.learn(model, loss(model, images.shape), rows, steps=updates, lr=lr)
    return model


def train_pixels(of: Any, images: ImageData, updates: int) -> Tensor:
    """A coin for each pixel."""
    return of.independent_logits(flat(images.train.x))


def score_pixels(of: Any, coins: Tensor, exam: Exam) -> Nats:
    """Exact."""
    return {"exact": -bernoulli_log_prob(coins, flat(exam.x))}


def train_fvsbn(of: Any, images: ImageData, updates: int) -> Any:
    """As on the page."""
    model = of.FVSBN(images.dim)
    return learned(of, model, of.nudged_nll, images, updates, lr=0.01)


def train_nade(of: Any, images: ImageData, updates: int) -> Any:
    """As on the page."""
    model = of.NADE(images.dim, 64)
    return learned(of, model, of.nudged_nll, images, updates, lr=5e-3)


def train_made(of: Any, images: ImageData, updates: int) -> Any:
    """As on the page."""
    model = of.MADE(images.dim, 500, dropout=0.5)
    return learned(of, model, of.nudged_nll, images, updates, lr=2e-3)


def score_rows(of: Any, model: Any, exam: Exam) -> Nats:
    """Exact, in one pass."""
    return {"exact": -model.log_prob(flat(exam.x))}


def train_any_order(of: Any, images: ImageData, updates: int) -> Any:
    """As on the page."""
    model = of.AnyOrder(images.dim, 300)
    return learned(of, model, of.nudged_loss, images, updates, lr=3e-3)


def score_any_order(of: Any, model: Any, exam: Exam) -> Nats:
    """The ensemble of eight orders, exact; the same orders for every part."""
    chance = torch.Generator().manual_seed(0)
    orders = [torch.randperm(exam.images.dim, generator=chance) for _ in range(8)]
    members = torch.stack([model.log_prob(flat(exam.x), order) for order in orders])
    return {"exact": -log_mean_exp(members, 0)}


def train_small_rbm(of: Any, images: ImageData, updates: int) -> Any:
    """Sixteen hidden units, PCD-5."""
    x = flat(images.train.x)
    rbm = of.start(x, 16)
    for _ in of.learn(rbm, of.images_from(x, images.shape), updates, k=5):
        pass
    return rbm


def score_small_rbm(of: Any, rbm: Any, exam: Exam) -> Nats:
    """Exact: the partition function is a sum over 65,536 states."""
    return {"exact": rbm.free_energy(flat(exam.x)).double() + rbm.log_Z().item()}


def train_rbm(of: Any, images: ImageData, updates: int) -> Any:
    """512 hidden units, PCD-5, weight decay, a running mean."""
    x = flat(images.train.x)
    rbm = of.start(x, 512)
    average, draw = copy.deepcopy(rbm), of.images_from(x, images.shape)
    for _ in of.learn(rbm, draw, updates, k=5, decay=1e-3):
        of.blend(average, rbm, running_share(updates))
    return average


def score_rbm(of: Any, rbm: Any, exam: Exam) -> Nats:
    """By annealed importance sampling."""
    a = flat(exam.images.train.x).mean(0).clamp(0.01, 0.99).logit()
    weights = of.ais(rbm, a, exam.temperatures, exam.chains).log_w
    log_Z = of.log_Z0(rbm, a) + log_ratio(weights).value
    return {"ais": rbm.free_energy(flat(exam.x)).double() + log_Z}


def train_dbn(of: Any, images: ImageData, updates: int) -> Any:
    """Two layers, one after the other, then up-down."""
    x = flat(images.train.x)
    draw = of.images_from(x, images.shape)
    low = of.trained(of.start(x, 128), draw, updates, k=5, decay=1e-3)
    codes = of.codes_from(low, draw)
    top = of.trained(of.transposed(low, 64, 0.01), codes, updates // 2, 3, lr=0.1)
    return of.up_down(of.DBN(low, top), draw, updates // 4)


def score_dbn(of: Any, dbn: Any, exam: Exam) -> Nats:
    """Fifty draws of the first layer; the top pair's constant by AIS."""
    a = of.code_odds(dbn, flat(exam.images.train.x))
    log_Z = of.estimate_log_Z(dbn.top, a, exam.temperatures, exam.chains).value
    log_w = of.ledger(dbn, flat(exam.x), log_Z, exam.draws).bound.double()
    return {"ais": -log_mean_exp(log_w, 0)}


def train_dbm(of: Any, images: ImageData, updates: int) -> Any:
    """Two lopsided RBMs, composed, then all together."""
    x = flat(images.train.x)
    draw = of.images_from(x, images.shape)
    return of.learn_dbm(of.stacked(x, draw, 128, 64, updates // 2), draw, updates)


def score_dbm(of: Any, dbm: Any, exam: Exam) -> Nats:
    """Its mean-field bound; the constant by AIS."""
    train, v = flat(exam.images.train.x), flat(exam.x)
    log_p, _ = of.dbm_scores(dbm, train, v, exam.temperatures, exam.chains)
    return {"ais": -log_p}


def train_vae(of: Any, images: ImageData, updates: int) -> Any:
    """As on the page, with the law of pixels that fits the levels."""
    name = "Bernoulli" if images.levels == 2 else "mixture"
    model = of.conv_vae(name, images.levels)
    loss = of.weighted(model, updates)
    of.learn(model, loss, images.train.x, steps=updates)
    return model


def score_vae(of: Any, model: Any, exam: Exam) -> Nats:
    """The bound, and by importance sampling."""
    found = of.score(model, exam.x, exam.draws)
    return {"bound": -found.elbo, "weighted": -found.log_p}


def train_draw(of: Any, images: ImageData, updates: int) -> Any:
    """Four steps without a window."""
    return of.small_digits("whole", updates)


def score_draw(of: Any, model: Any, exam: Exam) -> Nats:
    """The bound, and by importance sampling."""
    return sampled(of.weigh(model, pictures(exam.x), exam.draws).T)


def train_histograms(of: Any, images: ImageData, updates: int) -> Tensor:
    """A histogram for each pixel, with a tenth of a count in every level."""
    x, levels = images.train.x, range(images.levels)
    counts = torch.stack([(x == v).sum(0) for v in levels], -1) + 0.1
    return (counts / counts.sum(-1, keepdim=True)).log()


def score_histograms(of: Any, alone: Tensor, exam: Exam) -> Nats:
    """Exact."""
    logits = alone.expand(len(exam.x), -1, -1, -1).flatten(1, 2)
    return {"exact": -categorical_log_prob(logits, exam.x.flatten(1))}


def train_gated(of: Any, images: ImageData, updates: int) -> Any:
    """Two stacks, told in which of two directions they read."""
    model = of.GatedPixelCNN(images.shape, images.levels, ways=2, dropout=0.2)
    of.learn(model, of.both_ways_loss(model), images.train, steps=updates, lr=8e-3)
    return model


def score_gated(of: Any, model: Any, exam: Exam) -> Nats:
    """Exact: the mixture of both directions."""
    return {"exact": -of.both_ways(model, exam.x)}


AR, PX, VAE = "autoregressive-models", "pixelrnn-pixelcnn", "variational-autoencoders"
RBM, DEEP, DRAW = "restricted-boltzmann-machines", "deep-belief-networks", "draw"
CONTENDERS = (
    Contender("independent pixels", True, AR, (0,), train_pixels, score_pixels),
    Contender("FVSBN", True, AR, (100, 400, 1500), train_fvsbn, score_rows),
    Contender("NADE", True, AR, (150, 500, 1500), train_nade, score_rows),
    Contender("MADE", True, AR, (300, 1000, 3000), train_made, score_rows),
    Contender(
        "any order", True, AR, (400, 1300, 4000), train_any_order, score_any_order
    ),
    Contender(
        "RBM, 16 hidden", True, RBM, (300, 1000, 3000), train_small_rbm, score_small_rbm
    ),
    Contender("RBM, 512 hidden", True, RBM, (600, 2000, 6000), train_rbm, score_rbm),
    Contender("DBN", True, DEEP, (1000, 3000), train_dbn, score_dbn),
    Contender("DBM", True, DEEP, (500, 1500), train_dbm, score_dbm),
    Contender("VAE", True, VAE, (60, 170, 500), train_vae, score_vae),
    Contender("DRAW", True, DRAW, (100, 330, 1000), train_draw, score_draw),
    Contender("histograms", False, PX, (0,), train_histograms, score_histograms),
    Contender("gated PixelCNN", False, PX, (150, 450, 1300), train_gated, score_gated),
    Contender("VAE", False, VAE, (110, 330, 1000), train_vae, score_vae),
)
