"""The training loop against what it must do to known problems."""

import itertools
import math
import os

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from dgm.training import batches, fit, reproducible


@pytest.fixture(autouse=True)
def quiet(monkeypatch):
    monkeypatch.setenv("DGM_BOOK", "1")


@given(rows=st.integers(1, 40), size=st.integers(1, 40), steps=st.integers(0, 30))
def test_every_epoch_holds_each_row_once(rows, size, steps):
    if size > rows:
        with pytest.raises(ValueError, match="does not fit"):
            batches(torch.arange(rows), size=size, steps=steps)
        return
    found = list(batches(torch.arange(rows), size=size, steps=steps))
    assert len(found) == steps
    per_epoch = rows // size
    for start in range(0, steps, per_epoch):
        epoch = (
            torch.cat(found[start : start + per_epoch]) if steps else torch.tensor([])
        )
        assert len(epoch.unique()) == len(epoch)
        if rows % size == 0 and len(epoch) == rows:
            assert epoch.sort().values.tolist() == list(range(rows))


def test_a_batch_of_all_rows_is_a_whole_epoch():
    for size in (1, 2, 3, 4, 6, 12):
        epoch = torch.cat(list(batches(torch.arange(12), size=size, steps=12 // size)))
        assert epoch.sort().values.tolist() == list(range(12))


def test_several_tensors_stay_together():
    x = torch.arange(20)
    for a, b in batches(x, 10 * x, size=4, steps=9):
        assert torch.equal(10 * a, b)


def test_epochs_are_shuffled_and_seeded():
    def rows(seed):
        generator = torch.Generator().manual_seed(seed)
        return torch.cat(
            list(batches(torch.arange(50), size=50, steps=2, generator=generator))
        )

    assert torch.equal(rows(1), rows(1))
    assert not torch.equal(rows(1), rows(2))
    assert not torch.equal(rows(1)[:50], rows(1)[50:])


def test_unequal_lengths_are_refused():
    with pytest.raises(ValueError, match=r"have \[2, 3\] rows"):
        batches(torch.zeros(2), torch.zeros(3), size=1, steps=1)


def test_fits_a_quadratic_to_its_minimum():
    w = torch.nn.Parameter(torch.tensor([5.0, -3.0]))
    target = torch.tensor([1.0, 2.0])
    steps = fit(lambda _: ((w - target) ** 2).sum(), [w], [None] * 400, lr=0.1)
    history = [step.loss for step in steps]
    torch.testing.assert_close(w.detach(), target, atol=1e-3, rtol=0)
    assert history[0] == pytest.approx(16 + 25)


def test_plain_gradient_descent_takes_the_step_it_should():
    w = torch.nn.Parameter(torch.tensor(1.0))
    steps = fit(
        lambda _: w**2, [w], [None], lr=0.25, optimizer=torch.optim.SGD, anneal=False
    )
    assert [step.index for step in steps] == [0]
    assert w.item() == pytest.approx(1 - 0.25 * 2)


def test_the_step_size_follows_half_a_cosine():
    w = torch.nn.Parameter(torch.tensor(0.0))
    seen = []
    for _ in fit(lambda _: -w, [w], [None] * 10, lr=1.0, optimizer=torch.optim.SGD):
        seen.append(w.item())
    taken = torch.tensor([0.0, *seen]).diff()
    expected = [0.5 * (1 + math.cos(math.pi * k / 10)) for k in range(10)]
    torch.testing.assert_close(taken, torch.tensor(expected), atol=1e-6, rtol=0)


def two_groups(parameters, lr):
    """The second of two parameters moves ten times as far."""
    slow, fast = parameters
    return torch.optim.SGD([{"params": [slow]}, {"params": [fast], "lr": 10 * lr}], lr)


def test_each_group_is_annealed_from_its_own_step_size():
    w = [torch.nn.Parameter(torch.tensor(0.0)) for _ in range(2)]
    path = [
        [p.item() for p in w]
        for _ in fit(
            lambda _: -w[0] - w[1], w, [None] * 6, lr=0.5, optimizer=two_groups
        )
    ]
    taken = torch.tensor([[0.0, 0.0], *path]).diff(dim=0)
    factor = [0.5 * (1 + math.cos(math.pi * k / 6)) for k in range(6)]
    expected = torch.tensor([[0.5 * f, 5.0 * f] for f in factor])
    torch.testing.assert_close(taken, expected)


def test_clip_bounds_the_gradient_of_all_groups_together():
    w = [torch.nn.Parameter(torch.tensor(0.0)) for _ in range(2)]
    loss = {"loss": lambda _: -30 * w[0] - 40 * w[1], "parameters": w}
    list(fit(**loss, batches=[None], lr=1.0, optimizer=two_groups, clip=1.0))
    assert [p.item() for p in w] == pytest.approx([0.6, 10 * 0.8])


def test_clip_leaves_a_short_gradient_as_it_is():
    w = torch.nn.Parameter(torch.tensor(0.0))
    sgd = {"optimizer": torch.optim.SGD, "lr": 1.0}
    list(fit(lambda _: 0.5 * w, [w], [None], clip=1.0, **sgd))
    assert w.item() == -0.5


def test_clip_bounds_the_gradient():
    w = torch.nn.Parameter(torch.zeros(2))
    sgd = {"optimizer": torch.optim.SGD, "anneal": False, "lr": 1.0}
    list(
        fit(
            lambda _: (w * torch.tensor([30.0, 40.0])).sum(),
            [w],
            [None],
            clip=1.0,
            **sgd,
        )
    )
    torch.testing.assert_close(w.detach(), torch.tensor([-0.6, -0.8]))


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_stops_at_the_first_loss_that_is_not_finite(bad):
    w = torch.nn.Parameter(torch.tensor(1.0))
    factors = iter([1.0, bad, 1.0])
    steps = fit(lambda _: w * next(factors), [w], [None] * 3)
    next(steps)
    kept = w.item()
    with pytest.raises(RuntimeError, match="at step 1: training stopped"):
        next(steps)
    assert w.item() == kept


@pytest.mark.parametrize("clip", [None, 1.0])
def test_stops_at_a_finite_loss_with_an_infinite_gradient(clip):
    """sqrt is finite at zero; its slope is not."""
    w = torch.nn.Parameter(torch.tensor([1.0, 4.0]))
    at = iter([1.0, 0.0, 1.0])
    steps = fit(lambda _: (w * next(at)).sqrt().sum(), [w], [None] * 3, clip=clip)
    next(steps)
    kept = w.tolist()
    with pytest.raises(RuntimeError, match=r"gradient is not finite at step 1.*lower"):
        next(steps)
    assert w.tolist() == kept


@pytest.mark.parametrize("bad", [lambda w: 2 * w, lambda w: 2 * w[:1]])
def test_a_loss_for_each_example_is_refused(bad):
    w = torch.nn.Parameter(torch.ones(3))
    with pytest.raises(ValueError, match=r"has shape \(\d,\), but must be a scalar"):
        next(fit(lambda _: bad(w), [w], [None]))


def test_a_loss_that_is_no_tensor_is_refused():
    w = torch.nn.Parameter(torch.ones(()))
    with pytest.raises(ValueError, match="has type float, but must be a scalar"):
        next(fit(lambda _: w.item(), [w], [None]))


def test_a_loss_without_a_gradient_is_refused():
    w = torch.nn.Parameter(torch.ones(()))
    with pytest.raises(ValueError, match="nothing that requires a gradient"):
        next(fit(lambda _: w.detach() ** 2, [w], [None]))


def test_the_loss_told_is_the_one_before_the_update():
    w = torch.nn.Parameter(torch.tensor(3.0))
    (step,) = fit(lambda _: w, [w], [None], lr=0.1)
    assert step.loss == 3.0


def test_nothing_is_trained_until_the_loop_asks():
    w = torch.nn.Parameter(torch.tensor(1.0))
    steps = fit(lambda _: w**2, [w], [None])
    assert w.item() == 1.0
    list(steps)
    assert w.item() < 1.0


def test_two_fits_alternate():
    """min over x, max over y of x y, against the same steps by hand."""
    x, y = (torch.nn.Parameter(torch.tensor(v)) for v in (1.0, 2.0))
    sgd = {"lr": 0.1, "optimizer": torch.optim.SGD, "anneal": False}
    game = zip(
        fit(lambda _: x * y, [x], [None] * 5, **sgd),
        fit(lambda _: -x * y, [y], [None] * 5, **sgd),
        strict=False,
    )
    a, b = 1.0, 2.0
    for _ in game:
        a -= 0.1 * b
        b += 0.1 * a
        assert (x.item(), y.item()) == pytest.approx((a, b))


def test_parameters_may_come_from_anywhere():
    layers = [torch.nn.Linear(1, 1) for _ in range(2)]
    free = torch.zeros((), requires_grad=True)
    before = [p.detach().clone() for layer in layers for p in layer.parameters()]
    every = itertools.chain(*(layer.parameters() for layer in layers), [free])

    def loss(batch):
        return (layers[1](layers[0](batch)) + free - 3).square().sum()

    list(fit(loss, every, [torch.ones(1, 1)], anneal=False))
    after = [p for layer in layers for p in layer.parameters()]
    assert all(not torch.equal(a, b) for a, b in zip(after, before, strict=True))
    assert free.item() != 0


def test_a_stream_without_length_needs_no_annealing():
    w = torch.nn.Parameter(torch.tensor(1.0))
    with pytest.raises(ValueError, match="anneal=False"):
        next(fit(lambda _: w**2, [w], iter([None])))
    assert len(list(fit(lambda _: w**2, [w], iter([None] * 3), anneal=False))) == 3


def test_leaving_the_loop_ends_the_training():
    w = torch.nn.Parameter(torch.tensor(1.0))
    calls = []

    def loss(_):
        calls.append(1)
        return w**2

    for step in fit(loss, [w], [None] * 100):
        if step.index == 4:
            break
    assert len(calls) == 5


def test_reproducible_seeds_every_source():
    import random

    import numpy as np

    def draw():
        reproducible(3)
        return random.random(), np.random.rand(), torch.rand(()).item()

    try:
        assert draw() == draw()
        assert torch.get_num_threads() == 1
        assert torch.are_deterministic_algorithms_enabled()
    finally:
        torch.use_deterministic_algorithms(False)


def test_reproducible_gives_cublas_a_workspace_of_fixed_size(monkeypatch):
    """Otherwise torch refuses matrix products on a GPU. One set before is kept."""
    try:
        monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG", raising=False)
        reproducible(0)
        assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":4096:8"
        monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":16:8")
        reproducible(0)
        assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":16:8"
    finally:
        torch.use_deterministic_algorithms(False)


def test_the_progress_bar_shows_for_people_only(monkeypatch, capsys):
    w = torch.nn.Parameter(torch.tensor(1.0))
    list(fit(lambda _: w**2, [w], [None] * 3))
    assert capsys.readouterr().err == ""
    monkeypatch.delenv("DGM_BOOK")
    list(fit(lambda _: w**2, [w], [None] * 3))
    assert "3" in capsys.readouterr().err
