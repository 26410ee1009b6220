"""The training loop, once: an iterator over steps that the reader can see."""

import math
import os
import random
from collections.abc import Callable, Iterable, Iterator, Sized
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from tqdm.auto import tqdm


@dataclass(frozen=True)
class Step:
    """What one update leaves behind."""

    index: int
    """Number of the update, from 0."""
    loss: float
    """The loss on this step's batch, before the update."""


class Batches:
    """``steps`` minibatches of rows drawn without replacement, reshuffled every epoch.

    Args:
        tensors: one or more tensors with the same number of rows.
        size: rows per batch; the last, incomplete batch of an epoch is left out.
        steps: number of batches in all.
        generator: source of randomness; torch's global one if not given.

    Raises:
        ValueError: if the tensors' lengths differ or ``size`` exceeds them.
    """

    def __init__(
        self,
        *tensors: Tensor,
        size: int,
        steps: int,
        generator: torch.Generator | None = None,
    ) -> None:
        lengths = {len(t) for t in tensors}
        if len(lengths) != 1:
            raise ValueError(
                f"tensors have {sorted(lengths)} rows; give tensors of equal length."
            )
        (self.rows,) = lengths
        if not 1 <= size <= self.rows:
            raise ValueError(
                f"batch size {size} does not fit {self.rows} rows; "
                f"choose 1 to {self.rows}."
            )
        self.tensors, self.size, self.steps = tensors, size, steps
        self.generator = generator

    def __len__(self) -> int:
        return self.steps

    def __iter__(self) -> Iterator[Any]:
        left = self.steps
        while left > 0:
            order = torch.randperm(self.rows, generator=self.generator)
            for rows in order.split(self.size)[: min(left, self.rows // self.size)]:
                batch = tuple(t[rows] for t in self.tensors)
                yield batch if len(batch) > 1 else batch[0]
                left -= 1


def batches(
    *tensors: Tensor, size: int, steps: int, generator: torch.Generator | None = None
) -> Batches:
    """Shuffled minibatches: a tensor each, or a tuple if several are given."""
    return Batches(*tensors, size=size, steps=steps, generator=generator)


def fit(
    loss: Callable[[Any], Float[Tensor, ""]],
    parameters: Iterable[nn.Parameter],
    batches: Iterable[Any],
    *,
    lr: float = 1e-3,
    optimizer: Callable[..., torch.optim.Optimizer] = torch.optim.Adam,
    clip: float | None = None,
    anneal: bool = True,
) -> Iterator[Step]:
    """Minimise ``loss`` by stochastic gradient steps; yields after every update.

    ``for step in fit(...): history.append(step.loss)``: nothing is hidden in callbacks,
    and a loop that stops early stops the training.

    Args:
        loss: maps a batch to a scalar.
        parameters: what to update.
        batches: one batch per step; :func:`batches` makes them.
        lr: step size of the first step.
        optimizer: called as ``optimizer(parameters, lr=lr)``.
        clip: largest Euclidean norm of the gradient, if given.
        anneal: lower the step size to zero along half a cosine (Loshchilov & Hutter
            2017, eq. 5 without restarts). Needs ``len(batches)``.

    Raises:
        RuntimeError: at the first loss that is not finite, before it can reach the
            parameters.
        ValueError: if ``anneal`` is asked for and ``batches`` has no length.
    """
    parameters = list(parameters)
    updates = optimizer(parameters, lr=lr)
    total = _length(batches, anneal)
    for index, batch in enumerate(_progress(batches, total)):
        value = loss(batch)
        if not torch.isfinite(value):
            raise RuntimeError(
                f"The loss is {value.item()} at step {index}: training stopped. "
                f"A lower lr than {lr:g}, or clip=1.0, usually helps."
            )
        if anneal:
            for group in updates.param_groups:
                group["lr"] = lr * 0.5 * (1 + math.cos(math.pi * index / total))
        updates.zero_grad()
        value.backward()
        if clip is not None:
            nn.utils.clip_grad_norm_(parameters, clip)
        updates.step()
        yield Step(index, value.item())


def _length(batches: Iterable[Any], needed: bool) -> int:
    if isinstance(batches, Sized):
        return len(batches)
    if needed:
        raise ValueError("anneal=True needs len(batches); pass anneal=False.")
    return 0


def _progress(batches: Iterable[Any], total: int) -> Iterable[Any]:
    """Show a bar to a person; stay silent in the book, where it would be noise."""
    quiet = bool(os.environ.get("DGM_BOOK"))
    return tqdm(batches, total=total or None, disable=quiet, leave=False)  # type: ignore[no-any-return]


def reproducible(seed: int) -> None:
    """Same seed, same machine: the same numbers.

    Seeds Python, NumPy and torch, asks for deterministic algorithms, and uses one
    thread, because sums over threads round in the order in which threads finish.
    """
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002  (libraries that lectures call use it)
    torch.manual_seed(seed)
    torch.use_deterministic_algorithms(True)
    torch.set_num_threads(1)
