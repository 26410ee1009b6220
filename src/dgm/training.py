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
    parameters: Iterable[Tensor],
    batches: Iterable[Any],
    *,
    lr: float = 1e-3,
    optimizer: Callable[..., torch.optim.Optimizer] = torch.optim.Adam,
    clip: float | None = None,
    anneal: bool = True,
) -> Iterator[Step]:
    """Minimise ``loss`` by stochastic gradient steps; yields after every update.

    ``for step in fit(...): history.append(step.loss)``: nothing is hidden in callbacks,
    and a loop that stops early stops the training. A bare ``fit(...)`` trains nothing:
    every update is made when the loop asks for it. So two fits alternate, step by
    step, as adversarial training needs::

        for d, g in zip(fit(d_loss, ...), fit(g_loss, ...)): ...

    Args:
        loss: maps a batch to a scalar.
        parameters: tensors to update, from one module, from several
            (``[*encoder.parameters(), *decoder.parameters()]``) or from none.
        batches: one batch per step; :func:`batches` makes them.
        lr: step size of the first step.
        optimizer: called as ``optimizer(parameters, lr=lr)``. It may put them into
            groups, each with a step size of its own.
        clip: largest Euclidean norm of the gradient, if given.
        anneal: lower each step size to zero along half a cosine (Loshchilov & Hutter
            2017, eq. 5 without restarts). Needs ``len(batches)``.

    Raises:
        RuntimeError: at the first loss or gradient that is not finite, before it can
            reach the parameters.
        ValueError: if ``anneal`` is asked for and ``batches`` has no length, or if the
            loss is no scalar tensor that depends on something trained.
    """
    updates = optimizer(list(parameters), lr=lr)
    first = [group["lr"] for group in updates.param_groups]
    total = _length(batches, anneal)
    for index, batch in enumerate(_progress(batches, total)):
        value = _trainable(loss(batch))
        found = value.item()
        if not math.isfinite(found):
            raise RuntimeError(_stopped(f"The loss is {found}", index, lr))
        if anneal:
            factor = 0.5 * (1 + math.cos(math.pi * index / total))
            for group, start in zip(updates.param_groups, first, strict=True):
                group["lr"] = factor * start
        updates.zero_grad()
        value.backward()
        try:
            _clip(updates, clip)
        except RuntimeError as error:
            sentence = _stopped("The gradient is not finite", index, lr)
            raise RuntimeError(sentence) from error
        updates.step()
        yield Step(index, found)


def _trainable(value: Any) -> Tensor:
    """A loss from which a gradient can be taken, or one sentence why not."""
    if not isinstance(value, Tensor) or value.ndim:
        is_tensor = isinstance(value, Tensor)
        what = (
            f"shape {tuple(value.shape)}"
            if is_tensor
            else f"type {type(value).__name__}"
        )
        raise ValueError(
            f"loss(batch) has {what}, but must be a scalar tensor; "
            "take the mean over the batch, and no .item()."
        )
    if not value.requires_grad:
        raise ValueError(
            "loss(batch) depends on nothing that requires a gradient; look for "
            ".detach(), torch.no_grad() or frozen parameters."
        )
    return value


def _stopped(finding: str, index: int, lr: float) -> str:
    return (
        f"{finding} at step {index}: training stopped. "
        f"A lower lr than {lr:g}, or clip=1.0, usually helps."
    )


def _clip(updates: torch.optim.Optimizer, clip: float | None) -> None:
    """Shorten the gradient to ``clip``; a RuntimeError if it is not finite."""
    trained = [tensor for group in updates.param_groups for tensor in group["params"]]
    longest = math.inf if clip is None else clip
    nn.utils.clip_grad_norm_(trained, longest, error_if_nonfinite=True)


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
    thread, because sums over threads round in the order in which threads finish. On a
    GPU, call it before the first matrix product, which fixes cuBLAS's workspace.
    """
    # Without it, torch refuses every matrix product on a GPU as not deterministic.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002  (libraries that lectures call use it)
    torch.manual_seed(seed)
    torch.use_deterministic_algorithms(True)
    torch.set_num_threads(1)
