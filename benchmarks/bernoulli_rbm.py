"""The lecture's RBM against scikit-learn's ``BernoulliRBM``: speed, and quality.

    python benchmarks/bernoulli_rbm.py

Both learn the digits in black and white with as many hidden units and batches of 100,
on one thread. First the same number of epochs: training images per CPU second, and
images moved by a Gibbs step per CPU second. Then the same CPU seconds: NLL of the test
images, log Z by annealed importance sampling through the same function. scikit-learn's
learning rate, constant as its interface has it, is the best of several on the
validation images. The lecture's side of the second comparison has all that the lecture
adds to PCD: five Gibbs steps, centring, nudged images, a step size that falls, weight
decay and a running mean. Writes ``benchmarks/bernoulli_rbm.json``.
"""

import copy
import inspect
import time
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from recording import key_of, load, options, result, write
from sklearn.neural_network import BernoulliRBM
from torch import Tensor

from dgm import data
from dgm.annealing import effective_share, log_ratio
from dgm.likelihood import blocked_mean_and_stderr, mean_and_stderr
from dgm.training import reproducible

HIDDEN, EPOCHS, SECONDS, SEED, TEMPERATURES = 512, 100, 15.0, 0, 2000
RATES = (0.003, 0.01, 0.03, 0.1, 0.3)
SLUG = "restricted-boltzmann-machines"
LECTURE = load(SLUG)


class Trained(NamedTuple):
    """A machine, and what it took."""

    rbm: Any
    epochs: float
    seconds: float


def machine(rate: float, epochs: int = 1) -> BernoulliRBM:
    """scikit-learn's, not yet fitted."""
    rng = np.random.RandomState(SEED)
    settings = {"batch_size": 100, "n_iter": epochs, "random_state": rng}
    return BernoulliRBM(HIDDEN, learning_rate=rate, **settings)


def theirs(train: np.ndarray, rate: float, seconds: float) -> Trained:
    """scikit-learn's machine after about so many CPU seconds of ``fit``.

    Not of ``partial_fit``, which validates every batch and is slower.
    """
    pace = fitted(train, rate, EPOCHS).seconds / EPOCHS
    done = fitted(train, rate, round(seconds / pace))
    return done._replace(rbm=as_ours(done.rbm))


def fitted(train: np.ndarray, rate: float, epochs: int) -> Trained:
    """scikit-learn's machine after so many epochs."""
    rbm, begin = machine(rate, epochs), time.process_time()
    rbm.fit(train)
    return Trained(rbm, epochs, time.process_time() - begin)


def as_ours(rbm: BernoulliRBM) -> torch.nn.Module:
    """The same machine as the lecture's class."""
    ours = LECTURE.RBM(rbm.components_.shape[1], HIDDEN).double().requires_grad_(False)
    ours.W.copy_(torch.from_numpy(rbm.components_.T.copy()))
    ours.b.copy_(torch.from_numpy(rbm.intercept_visible_))
    ours.c.copy_(torch.from_numpy(rbm.intercept_hidden_))
    return ours


def ours(x: Tensor, steps: int, k: int, smooth: bool) -> Trained:
    """The lecture's machine; ``smooth``: with all that the lecture adds to PCD."""
    rbm = LECTURE.start(x, HIDDEN)
    average = copy.deepcopy(rbm)
    draw = LECTURE.images_from(x, (8, 8)) if smooth else plain(x)
    settings = {"decay": 1e-3} if smooth else {"lr": 0.1}
    begin = time.process_time()
    for _ in LECTURE.learn(rbm, draw, steps, k, **settings):
        if smooth:
            LECTURE.blend(average, rbm)
    seconds = time.process_time() - begin
    return Trained(average if smooth else rbm, steps * 100 / len(x), seconds)


def plain(x: Tensor) -> Callable[[int], Tensor]:
    """Draws training images as they are."""
    return lambda n: x[torch.randint(len(x), (n,))]


def score(rbm: torch.nn.Module, a: Tensor, x: Tensor) -> dict[str, float]:
    """NLL by four runs of 100 chains, and the guards."""
    a = a.to(rbm.W.dtype)
    runs = [LECTURE.ais(rbm, a, TEMPERATURES, 100).log_w for _ in range(4)]
    values = torch.tensor([log_ratio(w).value for w in runs])
    log_Z = LECTURE.log_Z0(rbm, a) + values.mean().item()
    nats = blocked_mean_and_stderr(rbm.free_energy(x.to(a.dtype)).double() + log_Z, 32)
    return {
        "nll": nats.value,
        "stderr": nats.stderr,
        "log_Z_stderr": mean_and_stderr(values).stderr,
        "effective_share": effective_share(torch.cat(runs)),
    }


def gibbs_rate(step: Callable[[Any], Any], start: Any, steps: int = 200) -> float:
    """Images moved by one Gibbs step, per CPU second."""
    begin = time.process_time()
    for _ in range(steps):
        start = step(start)
    return steps * len(start) / (time.process_time() - begin)


def equal_epochs(train: Tensor) -> dict[str, float]:
    """Images per CPU second, in training by PCD-1 and in sampling."""
    x = train.numpy()
    rbm, _, took = fitted(x, 0.05, EPOCHS)
    mine = ours(train, EPOCHS * len(train) // 100, k=1, smooth=False)
    return {
        "epochs": EPOCHS,
        "sklearn_images_per_second": EPOCHS * len(x) / took,
        "dgm_images_per_second": EPOCHS * len(x) / mine.seconds,
        "sklearn_gibbs_per_second": gibbs_rate(
            lambda v: rbm.gibbs(v).astype(np.float32), x
        ),
        "dgm_gibbs_per_second": gibbs_rate(mine.rbm.gibbs, train),
    }


def equal_seconds(train: Tensor, valid: Tensor, test: Tensor) -> dict[str, Any]:
    """Test NLL after the same CPU seconds; their rate is chosen on ``valid``."""
    a = train.mean(0).clamp(0.01, 0.99).logit()
    tried = {rate: theirs(train.numpy(), rate, SECONDS) for rate in RATES}
    found = {rate: score(tried[rate].rbm, a, valid)["nll"] for rate in RATES}
    best = min(found, key=found.__getitem__)
    pace = ours(train, 500, k=5, smooth=True)
    mine = ours(train, int(500 / pace.seconds * SECONDS), k=5, smooth=True)
    return {
        "sklearn": {"rate": best, **_row(tried[best], a, test)},
        "dgm": _row(mine, a, test),
        "sklearn_valid_by_rate": {str(rate): value for rate, value in found.items()},
    }


def _row(trained: Trained, a: Tensor, test: Tensor) -> dict[str, float]:
    took = {"epochs": trained.epochs, "seconds": trained.seconds}
    return took | score(trained.rbm, a, test)


MEASURED = (
    machine,
    theirs,
    fitted,
    as_ours,
    ours,
    plain,
    score,
    gibbs_rate,
    equal_epochs,
    equal_seconds,
    _row,
)


def fingerprint() -> str:
    """Of what is measured, and of what it takes from the lecture."""
    source = "\n".join(inspect.getsource(function) for function in MEASURED)
    return key_of(source, {"LECTURE": SLUG})


def main() -> None:
    """Measure, say, write."""
    global HIDDEN, EPOCHS, SECONDS, RATES, TEMPERATURES
    chosen = options("bernoulli_rbm", __doc__).parse_args()
    if chosen.smoke:
        HIDDEN, EPOCHS, SECONDS, TEMPERATURES = 16, 2, 0.05, 10
        RATES = (0.03, 0.1)
    warnings.filterwarnings("ignore", category=FutureWarning)
    reproducible(SEED)
    parts = data.load("digits", binary=True).flat()
    settings = {"hidden": HIDDEN, "batch": 100, "seed": SEED, "seconds": SECONDS}
    settings["temperatures"] = TEMPERATURES
    runs = [{"equal_epochs": equal_epochs(parts[0])}]
    runs.append({"equal_seconds": equal_seconds(*parts)})
    found = result("bernoulli_rbm", fingerprint(), settings, runs)
    write(chosen.out, found)
    print(runs)


if __name__ == "__main__":
    main()
