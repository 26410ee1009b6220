"""The definitions inside the lecture, against independent computations."""

import itertools
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from dgm import checks
from dgm.course.load import lecture
from dgm.likelihood import all_bits, enumerate_log_probs
from dgm.training import batches, fit

PATH = Path(__file__).parents[2] / "lectures" / "autoregressive-models.md"


@pytest.fixture(scope="module")
def ar():
    return lecture(PATH, typecheck=True)


@pytest.fixture(autouse=True)
def quiet(monkeypatch):
    monkeypatch.setenv("DGM_BOOK", "1")


def excited(model, scale=1.0):
    """A model with weights far from zero, so that a leak would show."""
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(scale * torch.randn_like(parameter))
    return model.eval()


def models(ar, dim, hidden):
    yield "FVSBN", excited(ar.FVSBN(dim))
    yield "NADE", excited(ar.NADE(dim, hidden))
    yield "MADE", excited(ar.MADE(dim, hidden))


@given(dim=st.integers(1, 9), hidden=st.integers(1, 20), seed=st.integers(0, 999))
@settings(max_examples=15, deadline=None)
def test_every_model_is_a_density(ar, dim, hidden, seed):
    torch.manual_seed(seed)
    for name, model in models(ar, dim, hidden):
        checks.sums_to_one(enumerate_log_probs(model.log_prob, dim), name, atol=1e-4)


@given(dim=st.integers(2, 9), seed=st.integers(0, 999))
@settings(max_examples=10, deadline=None)
def test_no_model_sees_ahead(ar, dim, seed):
    torch.manual_seed(seed)
    for name, model in models(ar, dim, 24 * dim):
        checks.autoregressive(model.logits, all_bits(dim), what=name)


@given(order=st.permutations(list(range(6))))
@settings(max_examples=10, deadline=None)
def test_made_in_any_order(ar, order):
    model = excited(ar.MADE(6, 60, torch.tensor(order)))
    checks.autoregressive(model.logits, all_bits(6), order=order)
    checks.sums_to_one(enumerate_log_probs(model.log_prob, 6), atol=1e-4)


def test_fvsbn_is_one_logistic_regression_a_pixel(ar):
    """scikit-learn, pixel by pixel, without penalty, reaches the same likelihood."""
    joint = torch.distributions.Categorical(logits=torch.randn(16))
    x = all_bits(4)[joint.sample((600,))]
    model = ar.FVSBN(4)
    steps = batches(x, size=600, steps=1500)
    list(fit(lambda b: -model.log_prob(b).mean(), model.parameters(), steps, lr=0.05))
    data = x.numpy()
    expected = np.zeros(len(data))
    first = data[:, 0].mean()
    expected += np.where(data[:, 0] == 1, np.log(first), np.log1p(-first))
    for i in range(1, 4):
        regression = LogisticRegression(C=1e9, max_iter=1000, tol=1e-9)
        regression.fit(data[:, :i], data[:, i])
        log_p = regression.predict_log_proba(data[:, :i])
        expected += log_p[np.arange(len(data)), data[:, i].astype(int)]
    np.testing.assert_allclose(model.log_prob(x).detach().numpy(), expected, atol=2e-3)


def test_nade_is_its_equation(ar):
    """Each conditional as the paper's formula, one pixel and one unit at a time."""
    nade = excited(ar.NADE(5, 3))
    W, V, b, c = (p.detach().double().numpy() for p in (nade.W, nade.V, nade.b, nade.c))
    x = all_bits(5)
    expected = np.zeros((32, 5))
    for n, i in itertools.product(range(32), range(5)):
        signs = 2 * x[n, :i].double().numpy() - 1
        h = [max(c[k] + sum(W[k, j] * signs[j] for j in range(i)), 0) for k in range(3)]
        expected[n, i] = b[i] + sum(V[i, k] * h[k] for k in range(3))
    for logits in (nade.logits, lambda x: ar.shared_logits(nade, x)):
        np.testing.assert_allclose(logits(x).detach().numpy(), expected, atol=1e-4)
    naive = ar.naive_logits(nade, x).detach().numpy()
    np.testing.assert_allclose(naive, expected, atol=1e-4)


def test_paths_through_made_are_counted_by_degrees(ar):
    made = ar.MADE(7, 23)
    paths = made.outward.mask @ made.inward.mask
    degree = made.inward.mask.sum(1)
    for i, j in itertools.product(range(7), range(7)):
        assert paths[i, j] == ((degree >= j + 1) & (degree < i + 1)).sum()


def test_drawing_follows_the_exact_probabilities_and_scores_itself(ar):
    model = excited(ar.MADE(4, 12), scale=0.7)
    samples, log_p, probs = ar.draw(model, 100_000, 4)
    torch.testing.assert_close(log_p, model.log_prob(samples), atol=1e-4, rtol=0)
    exact = enumerate_log_probs(model.log_prob, 4).exp()
    index = (samples * torch.tensor([8.0, 4.0, 2.0, 1.0])).sum(1).long()
    frequency = torch.bincount(index, minlength=16) / len(samples)
    error = (exact * (1 - exact) / len(samples)).sqrt()
    assert ((frequency - exact).abs() <= 5 * error + 1e-9).all()
    assert ((frequency.flip(0) - exact).abs() > 5 * error).any()  # can fail
    torch.testing.assert_close(probs[:, 0], exact[8:].sum().expand(len(samples)))


def test_filling_keeps_what_is_seen(ar):
    model = excited(ar.MADE(6, 30))
    x = torch.randint(2, (50, 6)).float()
    missing = torch.rand(50, 6) < 0.5
    filled, _, _ = ar.fill(model, x, missing)
    assert torch.equal(filled[~missing], x[~missing])
    assert set(filled.unique().tolist()) <= {0.0, 1.0}
    assert (filled[missing] != x[missing]).any()


def test_the_any_order_loss_is_unbiased(ar):
    """Its mean over many draws of masks is the mean NLL over all 24 orders."""
    net = excited(ar.AnyOrder(4, 16), scale=0.5)
    x = all_bits(4)
    orders = itertools.permutations(range(4))
    nll = torch.stack([-net.log_prob(x, torch.tensor(o)) for o in orders]).mean()
    with torch.no_grad():
        draws = torch.stack([net.loss(x.repeat(20, 1)) for _ in range(400)])
    checks.consistent(
        draws.mean().item(), (draws.std() / 20).item(), nll.item(), "any-order loss"
    )


@given(order=st.permutations(list(range(5))))
@settings(max_examples=8, deadline=None)
def test_each_order_of_the_any_order_network_is_a_density(ar, order):
    net = excited(ar.AnyOrder(5, 20))
    log_probs = enumerate_log_probs(lambda x: net.log_prob(x, torch.tensor(order)), 5)
    checks.sums_to_one(log_probs, atol=1e-4)


def test_completion_follows_the_any_order_conditional(ar):
    """All pixels but one seen: the last is a coin with the network's own odds."""
    net = excited(ar.AnyOrder(4, 16), scale=0.5)
    x = torch.tensor([[1.0, 0.0, 1.0, 0.0]]).expand(20_000, -1)
    seen = torch.tensor([[1.0, 1.0, 1.0, 0.0]]).expand(20_000, -1)
    drawn = ar.complete(net, x, seen)
    assert torch.equal(drawn[:, :3], x[:, :3])
    p = net.logits(x[:1], seen[:1])[0, 3].sigmoid().item()
    error = (p * (1 - p) / 20_000) ** 0.5
    checks.consistent(drawn[:, 3].mean().item(), error, p, "last pixel")


def test_nudge_moves_by_one_pixel_and_pads_with_paper(ar):
    image = torch.randint(2, (3, 4)).float()
    rolled = np.pad(image.numpy(), 1)
    shifts = {(1, 1), (0, 1), (2, 1), (1, 0), (1, 2)}
    possible = {tuple(rolled[r : r + 3, c : c + 4].ravel()) for r, c in shifts}
    moved = ar.nudge(image.view(1, 12).expand(2000, -1), (3, 4))
    assert {tuple(row) for row in moved.tolist()} == possible
    same = (moved == image.view(1, 12)).all(1).float().mean().item()
    assert abs(same - 0.7) < 5 * (0.21 / 2000) ** 0.5 + 1e-9


@pytest.mark.parametrize("dim", [3, 4])
def test_is_safe_against_every_weight(ar, dim):
    """A mask is safe exactly if some order makes it strictly lower triangular."""
    for bits in all_bits(dim * dim)[:: 1 if dim == 3 else 97]:
        mask = bits.view(dim, dim)
        orders = itertools.permutations(range(dim))
        sortable = any(not mask[list(o)][:, list(o)].triu().any() for o in orders)
        assert ar.is_safe(mask) == sortable


def test_rewire_leaves_the_original_alone(ar):
    model = excited(ar.FVSBN(5))
    before = {k: v.clone() for k, v in model.state_dict().items()}
    twin = ar.rewire(model, {(1, 3): 2.5})
    assert twin.past.mask[1, 3] == 1
    assert twin.past.weight[1, 3] == 2.5
    for key, value in model.state_dict().items():
        assert torch.equal(value, before[key])


def test_independent_logits_match_counting(ar):
    x = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 0.0]])
    p = ar.independent_logits(x).sigmoid()
    torch.testing.assert_close(p, torch.tensor([2.5 / 4, 0.5 / 4]))
