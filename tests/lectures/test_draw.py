"""The definitions inside the lecture on DRAW, against independent computations."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats
from torch import nn
from torch.distributions import Bernoulli, Independent, Normal, kl_divergence

from dgm import checks
from dgm.course.load import lecture

PATH = Path(__file__).parents[2] / "lectures" / "draw.md"


@pytest.fixture(scope="module")
def draw():
    return lecture(PATH, typecheck=True)


@pytest.fixture(autouse=True)
def quiet(monkeypatch):
    monkeypatch.setenv("DGM_BOOK", "1")
    torch.manual_seed(0)


def excited(module, spread=0.4):
    """Random weights everywhere, also where training starts from zero."""
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.normal_(0, spread)
    return module


def whole(draw, shape=(1, 2, 2), hidden=3, latents=1, steps=2):
    return excited(draw.DRAW(draw.Whole(hidden, shape), hidden, latents, steps))


def attentive(draw, shape=(1, 9, 9), hidden=6, latents=2, steps=3, grid=4):
    hands = draw.Attention(hidden, shape, grid)
    return excited(draw.DRAW(hands, hidden, latents, steps))


def some_bits(n, shape):
    return torch.randint(2, (n, *shape)).float()


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def lstm(cell, x, h, c):
    """An LSTM's equations, in NumPy, gates in torch's order: i, f, g, o."""
    W, U, b, d = (
        p.detach().double().numpy()
        for p in (cell.weight_ih, cell.weight_hh, cell.bias_ih, cell.bias_hh)
    )
    i, f, g, o = np.split(W @ x + b + U @ h + d, 4)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


def published_filters(centre, std, stride, grid, size):
    """Gregor et al. 2015, eqs. 19, 20, 25: everything counted from 1."""
    powers = np.zeros((grid, size))
    for i in range(1, grid + 1):
        mean = centre + (i - grid / 2 - 0.5) * stride
        for a in range(1, size + 1):
            powers[i - 1, a - 1] = -((a - mean) ** 2) / (2 * std**2)
    # A common factor of a row cancels; without it a far window would be 0 / 0.
    F_ = np.exp(powers - powers.max(1, keepdims=True))
    return F_ / F_.sum(1, keepdims=True)


def published_window(raw, size, grid):
    """Eqs. 21 to 24: centre (from 1), standard deviation, stride, intensity."""
    y, x, log_var, log_stride, log_gain = raw
    places = ((size + 1) / 2 * (y + 1), (size + 1) / 2 * (x + 1))
    stride = (size - 1) / (grid - 1) * math.exp(log_stride)
    return places, math.exp(log_var / 2), stride, math.exp(log_gain)


# The window


@settings(max_examples=40, deadline=None)
@given(
    raw=st.tuples(*[st.floats(-0.9, 0.9)] * 2, *[st.floats(-1, 1.5)] * 3),
    size=st.integers(5, 20),
    grid=st.integers(2, 7),
)
def test_filters_are_the_published_ones(draw, raw, size, grid):
    numbers = torch.tensor(raw, dtype=torch.float64)
    place = draw.window(numbers, size, grid)
    found = draw.filterbank(place, grid, size)
    places, std, stride, gain = published_window(raw, size, grid)
    for axis in (0, 1):
        theirs = published_filters(places[axis], std, stride, grid, size)
        np.testing.assert_allclose(found[axis].numpy(), theirs, atol=1e-9)
    assert place.log_gain.exp().item() == pytest.approx(gain)


def test_a_window_of_zeros_is_centred_and_reaches_from_edge_to_edge(draw):
    place = draw.window(torch.zeros(5), 28, 8)
    assert place.centre.tolist() == [13.5, 13.5]
    ends = 13.5 + place.log_stride.exp() * torch.tensor([-3.5, 3.5])
    torch.testing.assert_close(ends, torch.tensor([0.0, 27.0]))


extreme = st.floats(allow_nan=False, width=32)


@settings(max_examples=150, deadline=None)
@given(raw=st.tuples(*[extreme] * 5), grid=st.integers(2, 6))
def test_filters_and_gradients_are_finite_whatever_the_numbers(draw, raw, grid):
    numbers = torch.tensor([raw], requires_grad=True)
    place = draw.window(numbers, 12, grid)
    f = draw.filterbank(place, grid, 12)
    gain = place.log_gain.exp()
    assert f.isfinite().all() and (f >= 0).all()
    torch.testing.assert_close(f.sum(-1), torch.ones(1, 2, grid))
    seen = draw.read(torch.ones(1, 1, 12, 12), f, gain)
    drawn = draw.write(torch.ones(1, 1, grid, grid), f, gain)
    (seen.sum() + drawn.sum()).backward()
    assert seen.isfinite().all() and drawn.isfinite().all()
    assert numbers.grad.isfinite().all()


def whole_pixels(draw, row, column, grid, size, std=1e-3):
    """A window of stride 1 whose filters are single pixels, from this corner."""
    middle = torch.tensor([[row, column]]) + (grid - 1) / 2
    return draw.Window(
        middle, torch.tensor([math.log(std)]), torch.zeros(1), torch.zeros(1)
    )


@settings(max_examples=40, deadline=None)
@given(st.data(), st.integers(2, 6))
def test_stride_one_and_little_width_read_the_patch(draw, data, grid):
    """Both for an even and for an odd number of filters."""
    row, column = (data.draw(st.integers(0, 10 - grid)) for _ in range(2))
    x = torch.rand(1, 2, 10, 10)
    place = whole_pixels(draw, row, column, grid, 10)
    f = draw.filterbank(place, grid, 10)
    patch = x[:, :, row : row + grid, column : column + grid]
    torch.testing.assert_close(draw.read(x, f, torch.ones(1)), patch)
    back = torch.zeros_like(x)
    back[:, :, row : row + grid, column : column + grid] = patch
    torch.testing.assert_close(draw.write(patch, f, torch.ones(1)), back)


def test_read_and_write_are_the_published_products(draw):
    x, patch = torch.rand(3, 2, 7, 7).double(), torch.rand(3, 2, 4, 4).double()
    f, gain = torch.rand(3, 2, 4, 7).double(), torch.rand(3).double() + 0.5
    seen, drawn = draw.read(x, f, gain), draw.write(patch, f, gain)
    for n in range(3):
        rows, columns = f[n].numpy()
        for c in range(2):
            theirs = gain[n].item() * rows @ x[n, c].numpy() @ columns.T
            np.testing.assert_allclose(seen[n, c].numpy(), theirs)
            theirs = rows.T @ patch[n, c].numpy() @ columns / gain[n].item()
            np.testing.assert_allclose(drawn[n, c].numpy(), theirs)


def test_attention_reads_first_and_writes_second(draw):
    """The first five numbers aim the next read, the others the present write."""
    hands = draw.Attention(5, (2, 11, 11), 4).double()
    h, x = torch.randn(3, 5).double(), torch.rand(3, 2, 11, 11).double()
    error = torch.rand(3, 2, 11, 11).double()
    plan = hands.plan(h)
    seen, drawn = hands.read(x, error, plan), hands.write(h, plan)
    assert seen.shape == (3, hands.outputs)
    for n in range(3):
        numbers = hands.aim(h)[n].tolist()
        for raw, reading in ((numbers[:5], True), (numbers[5:], False)):
            (y, x_), std, stride, gain = published_window(raw, 11, 4)
            rows = published_filters(y, std, stride, 4, 11)
            columns = published_filters(x_, std, stride, 4, 11)
            if reading:
                both = torch.cat([x[n], error[n]]).numpy()
                theirs = np.stack([gain * rows @ image @ columns.T for image in both])
                np.testing.assert_allclose(
                    seen[n].detach().numpy(), theirs.ravel(), atol=1e-9
                )
            else:
                patch = hands.brush(h)[n].view(2, 4, 4).detach().numpy()
                theirs = np.stack([rows.T @ w @ columns / gain for w in patch])
                np.testing.assert_allclose(drawn[n].detach().numpy(), theirs, atol=1e-9)


def test_without_attention_all_is_read_and_all_is_written(draw):
    hands = draw.Whole(5, (2, 3, 3))
    x, error = torch.rand(4, 2, 3, 3), torch.rand(4, 2, 3, 3)
    seen = hands.read(x, error, None)
    assert seen.shape == (4, hands.outputs) == (4, 36)
    assert torch.equal(seen.view(4, 4, 3, 3), torch.cat([x, error], 1))
    h = torch.randn(4, 5)
    theirs = h @ hands.brush.weight.T + hands.brush.bias
    torch.testing.assert_close(hands.write(h, None).flatten(1), theirs)


# The recurrence


@pytest.mark.parametrize("make", [whole, attentive])
def test_infer_is_the_published_recurrence(draw, make):
    """Each image and step in NumPy: error image, encoder, code, decoder, canvas."""
    model = make(draw).double()
    x = some_bits(2, model.hands.shape).double()
    eps = torch.randn(model.steps, 2, model.latents).double()
    trace = model.infer(x, eps)
    W, b = (p.detach().numpy() for p in (model.code.weight, model.code.bias))
    for n in range(2):
        e, e_cell, h, cell = model.start.detach().numpy()
        canvas = model.canvas.detach()
        for t in range(model.steps):
            plan = model.hands.plan(torch.from_numpy(h)[None])
            error = x[n] - torch.from_numpy(sigmoid(canvas.numpy()))
            seen = model.hands.read(x[n][None], error[None], plan)[0]
            r = np.concatenate([seen.detach().numpy(), h])
            e, e_cell = lstm(model.encoder, r, e, e_cell)
            mean, log_std = np.split(W @ e + b, 2)
            z = mean + np.exp(log_std) * eps[t, n].numpy()
            h, cell = lstm(model.decoder, z, h, cell)
            state = torch.from_numpy(h)[None]
            stroke = model.hands.write(state, model.hands.plan(state))[0]
            canvas = canvas + stroke.detach()
            for found, theirs in (
                (trace.mean[t, n], mean),
                (trace.log_std[t, n], log_std),
                (trace.z[t, n], z),
                (trace.state[t + 1][n], h),
                (trace.canvas[t + 1][n], canvas.numpy()),
            ):
                np.testing.assert_allclose(found.detach().numpy(), theirs, atol=1e-9)


@pytest.mark.parametrize("make", [whole, attentive])
def test_the_generator_draws_the_same_from_the_same_codes(draw, make):
    model = make(draw)
    trace = model.infer(some_bits(3, model.hands.shape))
    again = model.generate(trace.z)
    assert len(again.canvas) == len(trace.canvas) == model.steps + 1
    for kind in ("canvas", "state"):
        pairs = zip(getattr(again, kind), getattr(trace, kind), strict=True)
        for one, other in pairs:
            torch.testing.assert_close(one, other)


def test_no_noise_given_means_standard_normal_noise(draw):
    model = whole(draw, steps=2, latents=2)
    x = some_bits(1, (1, 2, 2)).expand(20_000, -1, -1, -1)
    with torch.no_grad():
        trace = model.infer(x)
    noise = ((trace.z - trace.mean) * (-trace.log_std).exp()).flatten(1)
    assert stats.kstest(noise.flatten()[::7].double().numpy(), "norm").pvalue > 1e-5
    rows = trace.z.permute(0, 2, 1).flatten(0, 1)
    eps = ((trace.z - trace.mean) / trace.log_std.exp()).permute(0, 2, 1).flatten(0, 1)
    off = eps.corrcoef() - torch.eye(4)
    assert rows.shape == (4, 20_000) and off.abs().max() < 5 / math.sqrt(20_000)


# The bound


def test_log_ink_is_a_bernoulli(draw):
    canvas, x = torch.randn(5, 3, 4, 4), some_bits(5, (3, 4, 4))
    theirs = Independent(Bernoulli(logits=canvas), 3).log_prob(x)
    torch.testing.assert_close(draw.log_ink(canvas, x), theirs)


def test_terms_price_every_step_on_its_own(draw):
    model = whole(draw, latents=3, steps=4)
    x = some_bits(6, (1, 2, 2))
    torch.manual_seed(5)
    trace = model.infer(x)
    torch.manual_seed(5)
    fit, kl = draw.terms(model, x)
    q = Normal(trace.mean, trace.log_std.exp())
    theirs = kl_divergence(q, Normal(0.0, 1.0)).sum(2)
    assert kl.shape == (4, 6)
    torch.testing.assert_close(kl, theirs)
    pixels = Independent(Bernoulli(logits=trace.canvas[-1]), 3).log_prob(x)
    torch.testing.assert_close(fit, pixels)


def evidence(model, x):
    """p(x) by adaptive quadrature over the two codes, with NumPy's LSTM."""
    brush = model.hands.brush
    W, b = (p.detach().double().numpy() for p in (brush.weight, brush.bias))
    start = model.start.detach().double().numpy()
    empty = model.canvas.detach().double().numpy().ravel()

    def joint(z_2, z_1):
        h, cell = start[2:]
        canvas = empty
        for z in (z_1, z_2):
            h, cell = lstm(model.decoder, np.array([z]), h, cell)
            canvas = canvas + W @ h + b
        p = sigmoid(canvas)
        lik = np.prod(np.where(x.numpy().ravel() == 1, p, 1 - p))
        return lik * math.exp(-(z_1**2 + z_2**2) / 2) / (2 * math.pi)

    return integrate.dblquad(joint, -6, 6, -6, 6, epsabs=1e-6)[0]


def test_the_mean_weight_is_the_evidence(draw):
    """Two steps, one code each: against an integral over the plane."""
    model = excited(whole(draw), 0.7)
    x = torch.tensor([[[[1.0, 0], [1, 1]]]])
    truth = evidence(model, x)
    with torch.no_grad():
        weight = draw.log_weights(model, x.expand(60_000, -1, -1, -1)).exp().double()
    stderr = weight.std().item() / math.sqrt(60_000)
    checks.consistent(weight.mean().item(), stderr, truth, "E[w] = p(x)")
    assert stderr < 0.02 * truth
    with torch.no_grad():
        fit, kl = draw.terms(model, x.expand(20_000, -1, -1, -1))
    bound = (fit - kl.sum(0)).mean().item()
    assert bound < math.log(truth)
    log_w = weight.log()
    error = math.hypot((fit - kl.sum(0)).std(), log_w.std()) / math.sqrt(20_000)
    checks.consistent(bound, error, log_w.mean().item(), "elbo = E[log w]")


# Exact terms of the tiny model


@pytest.fixture(scope="module")
def tiny(draw):
    torch.manual_seed(3)
    return whole(draw).requires_grad_(False)


def test_the_lattice_is_an_integral(draw, tiny):
    x = torch.tensor([[[[1.0, 0], [1, 1]]], [[[0.0, 1], [0, 0]]]])
    found = draw.lattice_log_p(tiny, x).exp()
    for one, p in zip(x, found.tolist(), strict=True):
        assert p == pytest.approx(evidence(tiny, one[None]), rel=1e-4)


def test_a_prefix_is_the_model_with_fewer_steps(draw, tiny):
    """p_1 by one integral, p_0 without any."""
    x = torch.tensor([[[[1.0, 0], [1, 1]]]])
    W, b = (p.double().numpy() for p in tiny.hands.brush.parameters())
    start = tiny.start.double().numpy()
    empty = tiny.canvas.double().numpy().ravel()
    ink = x.numpy().ravel() == 1

    def joint(z):
        h, _ = lstm(tiny.decoder, np.array([z]), *start[2:])
        p = sigmoid(empty + W @ h + b)
        return np.prod(np.where(ink, p, 1 - p)) * stats.norm.pdf(z)

    one = integrate.quad(joint, -9, 9)[0]
    none = np.prod(np.where(ink, sigmoid(empty), 1 - sigmoid(empty)))
    for after, p in ((1, one), (0, none)):
        found = draw.lattice_log_p(tiny, x, after).exp().item()
        assert found == pytest.approx(p, rel=1e-4)


def test_exact_terms_are_what_samples_average_to(draw, tiny):
    x = torch.tensor([[[[1.0, 0], [1, 1]]]])
    fits, prices, ratio = draw.exact_terms(tiny, x)
    trace = tiny.infer(x.expand(50_000, -1, -1, -1))
    q = Normal(trace.mean, trace.log_std.exp())
    prior = Normal(0.0, 1.0)
    kl = kl_divergence(q, prior).sum(2)
    log_ratio = (q.log_prob(trace.z) - prior.log_prob(trace.z)).sum((0, 2))
    pairs = [(fits[0, t], draw.log_ink(trace.canvas[t], x)) for t in (1, 2)]
    pairs += [(prices[t, 0], kl[t]) for t in (1,)] + [(ratio[0], log_ratio)]
    for exact, sampled in pairs:
        error = sampled.double().std().item() / math.sqrt(50_000)
        checks.consistent(sampled.double().mean().item(), error, exact.item(), "mean")
    torch.testing.assert_close(prices[0, 0], kl[0, 0])  # the first step sees no code
    torch.testing.assert_close(fits[0, 0], draw.log_ink(tiny.canvas, x)[0])


def test_hermite_pairs_integrate_polynomials_of_two_normal_numbers(draw):
    pairs, share = draw.hermite_pairs()
    a, b = pairs[:, :, 0].double()
    share = share.double()
    for value, truth in ((a**2 * b**2, 1), (a**4, 3), (a * b, 0), (a**6 * b**2, 15)):
        assert (share @ value).item() == pytest.approx(truth, abs=1e-3)


@settings(max_examples=20, deadline=None)
@given(m=st.floats(-3, 3), log_s=st.floats(-2, 1))
def test_price_by_quadrature_is_a_kl(draw, m, log_s):
    mean = torch.tensor([[m, 0.5]], dtype=torch.float64)
    log_std = torch.tensor([[log_s, -0.3]], dtype=torch.float64)
    theirs = kl_divergence(Normal(mean, log_std.exp()), Normal(0.0, 1.0)).sum(1)
    torch.testing.assert_close(draw.price_by_quadrature(mean, log_std), theirs)


def test_one_step_without_attention_is_the_vae(draw):
    model = whole(draw, (1, 3, 3), hidden=4, latents=2, steps=1).double()
    x, eps = some_bits(5, (1, 3, 3)).double(), torch.randn(1, 5, 2).double()
    trace = model.infer(x, eps)
    kl = kl_divergence(Normal(trace.mean[0], trace.log_std[0].exp()), Normal(0.0, 1.0))
    theirs = draw.log_ink(trace.canvas[1], x) - kl.sum(1)
    found = draw.OneStepVAE(model).elbo(x.flatten(1), eps[0])
    torch.testing.assert_close(found, theirs)
    another = whole(draw, (1, 3, 3), hidden=4, latents=2, steps=1).double()
    assert not torch.allclose(
        draw.OneStepVAE(another).elbo(x.flatten(1), eps[0]), theirs
    )


# The ledger and other measures


@pytest.mark.parametrize("make", [whole, attentive])
def test_the_ledger_adds_up_image_by_image(draw, make):
    model = make(draw).requires_grad_(False)
    x = some_bits(7, model.hands.shape)
    torch.manual_seed(1)
    book = draw.ledger(model, x)
    torch.manual_seed(1)
    trace = model.infer(x)
    for t in range(model.steps):
        before, after = (
            Independent(Bernoulli(logits=trace.canvas[k]), 3).log_prob(x)
            for k in (t, t + 1)
        )
        q = Normal(trace.mean[t], trace.log_std[t].exp())
        kl = kl_divergence(q, Normal(0.0, 1.0)).sum(1)
        torch.testing.assert_close(book.gain[t], (after - before).mean())
        torch.testing.assert_close(book.price[t], kl.mean())
    empty = Independent(Bernoulli(logits=model.canvas), 3).log_prob(x).mean()
    assert book.start == pytest.approx(empty.item(), rel=1e-5)


def test_the_ledger_weighs_images_alike_whatever_the_parts(draw):
    model = whole(draw).requires_grad_(False)
    with torch.no_grad():
        model.code.weight[1:].zero_()
        model.code.bias[1:].fill_(-30.0)  # no noise, so the parts do not matter
    x = some_bits(203, (1, 2, 2))
    fit = draw.log_ink(model.infer(x).canvas[-1], x).mean()
    book = draw.ledger(model, x)
    torch.testing.assert_close(book.start + book.gain.sum(), fit)


def test_weigh_and_scores(draw):
    model = whole(draw).requires_grad_(False)
    x = some_bits(230, (1, 2, 2))
    log_w = draw.weigh(model, x, 4)
    assert log_w.shape == (230, 4)
    found = draw.scores(model, x, 30)
    assert found["estimate"] < found["bound"] and found["parameters"] == sum(
        p.numel() for p in model.parameters()
    )
    truth = -draw.lattice_log_p(model, x).mean().item()
    assert truth - 0.05 < found["estimate"] < found["bound"] + 1e-6
    total = -found["start"] - sum(found["gain"]) + sum(found["price"])
    assert total == pytest.approx(found["bound"], abs=8 * found["bound_stderr"])


def test_apart_is_one_half_for_both_and_one_for_either(draw):
    corner = torch.tensor([[[0, 0], [4, 4]]])
    empty = torch.zeros(1, 8, 8)
    left, right = empty.clone(), empty.clone()
    left[:, :4, :4], right[:, 4:, 4:] = 3.0, 3.0
    turns = torch.stack([empty, left, left + right])
    both = torch.stack([empty, left + right, 0.2 * (left + right)])
    beside = torch.stack([empty, left, left + right])
    beside[1:, :, :4, 4:] = 5.0  # ink in no square does not count
    assert draw.apart(turns, corner, 4) == pytest.approx(1)
    assert draw.apart(both, corner, 4) == pytest.approx(0.5)
    assert draw.apart(beside, corner, 4) == pytest.approx(1)
    third = torch.stack([empty, left + right, left])
    assert draw.apart(third, corner, 4) == pytest.approx(2 / 3)


def test_corners_are_those_of_the_outermost_filters(draw):
    place = draw.Window(
        torch.tensor([[4.0, 7.0]]),
        torch.zeros(1),
        torch.tensor([math.log(2.0)]),
        torch.zeros(1),
    )
    found = draw.corners_of(place, 4)
    torch.testing.assert_close(found, torch.tensor([[1.0, 4.0, 7.0, 10.0]]))


def test_travel_measures_pixels(draw):
    """Windows that jump by (3, 4) pixels at each step, and differ by nothing else."""
    model = attentive(draw, steps=3).requires_grad_(False)

    class Jumping(nn.Module):
        count = 0

        def windows(self, h):
            Jumping.count += 1
            centre = torch.tensor([3.0, 4.0]) * Jumping.count
            centre = centre + torch.arange(len(h))[:, None, None]
            return draw.Window(centre.expand(len(h), 2, 2), *torch.zeros(3, len(h), 2))

    trace = model.infer(some_bits(5, (1, 9, 9)))
    model.hands, hands = Jumping(), model.hands
    model.infer = lambda x: trace
    found = draw.travel(model, some_bits(5, (1, 9, 9)))
    assert isinstance(hands, draw.Attention)
    assert found["hop"] == pytest.approx(5, rel=1e-5)
    assert found["spread"] == pytest.approx(math.sqrt(2 * 2.5), rel=1e-5)


def test_packing_keeps_probabilities_to_a_tenth(draw):
    x = torch.rand(4, 6, 6)
    again = draw.unpacked(draw.packed(x))
    assert again.shape == x.shape and (again - x).abs().max() < 1 / 18 + 1e-6


def test_each_recipe_undoes_one_thing_and_the_last_one_all(draw):
    page, *undone, sketch = draw.recipes().values()
    changed = [{k for k in page if one[k] != page[k]} for one in undone]
    assert sorted(map(len, changed)) == [1] * 6 + [2]
    assert {"grid", "steps"} in changed
    assert set().union(*changed) == set(page)
    for one, keys in zip(undone, changed, strict=True):
        assert all(sketch[k] == one[k] for k in keys)
    assert page["flush"] and page["fused"] and page["ink"]


def test_nudge_moves_by_a_pixel(draw):
    x = torch.zeros(2000, 1, 8, 8)
    x[:, :, 3, 4] = 1
    moved = draw.nudge(x)[:, 0].flatten(1)
    where = torch.bincount(moved.argmax(1), minlength=64)
    assert set(where.nonzero().flatten().tolist()) == {28, 20, 36, 27, 29}
    assert abs(where[28] - 1400) < 5 * math.sqrt(2000 * 0.7 * 0.3)
    assert (moved.sum(1) == 1).all()


def test_an_artist_starts_at_the_mean_ink(draw):
    x = some_bits(50, (1, 9, 9))
    for hands in ("attention", "whole"):
        model = draw.artist(hands, x, hidden=7, steps=2, grid=4)
        torch.testing.assert_close(model.canvas.sigmoid(), x.mean(0))
        assert isinstance(model.hands, draw.Whole) == (hands == "whole")
        assert len(model.infer(x).canvas) == 3


def test_learning_lowers_the_loss(draw):
    x = some_bits(40, (1, 4, 4)) * some_bits(40, (1, 1, 1))
    model = draw.artist("attention", x, hidden=8, steps=2, grid=3)
    before = draw.weigh(model, x, 5).mean()
    draw.learn(model, x, updates=150, size=20)
    assert draw.weigh(model, x, 5).mean() > before + 0.5
    assert not any(p.requires_grad for p in model.parameters())


def tiny_is_kept():
    """Whether the processor computes with numbers below the normal range."""
    return (torch.tensor([1e-310], dtype=torch.float64) * 1).item() > 0


def test_tiny_numbers_are_zero_inside_and_nowhere_else(draw):
    assert tiny_is_kept()
    with draw.tiny_as_zero():
        assert not tiny_is_kept()
    assert tiny_is_kept()
    with draw.tiny_as_zero(False):
        assert tiny_is_kept()
    with pytest.raises(KeyError), draw.tiny_as_zero():
        raise KeyError
    assert tiny_is_kept()
    model = draw.artist("attention", some_bits(8, (1, 6, 6)), hidden=4, grid=2)
    draw.learn(model, some_bits(8, (1, 6, 6)), updates=1, size=4)
    assert tiny_is_kept()


def test_colour_is_read_and_written_in_all_channels(draw):
    model = attentive(draw, (3, 8, 8)).requires_grad_(False)
    x = some_bits(3, (3, 8, 8))
    trace = model.infer(x)
    assert trace.canvas[-1].shape == (3, 3, 8, 8)
    assert draw.log_ink(trace.canvas[-1], x).shape == (3,)
    red = x.clone()
    red[:, 0] = 1 - red[:, 0]
    assert not torch.allclose(model.infer(red).mean[0], trace.mean[0])


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("duet", ("whole", 0, 1)),
        ("duet", ("wide", 1, 1)),
        ("minute", (0, 1)),
        ("houses", (0, 1)),
        ("depth", (1, 0, 1)),
        ("contest", ("equal parameters", 0, 1)),
        ("faster", ("windows start wide", 0, 0.0, 1)),
        ("broken", ("needles", 0, 1)),
        ("broken", ("frozen", 0, 1)),
        ("small", ("one step", 0, 1)),
    ],
)
def test_experiments_run_and_give_finite_numbers(draw, name, arguments, monkeypatch):
    """At one update, and on few canvases."""
    whole_set, place = draw.canvases.canvases, draw.canvases.place
    street = draw.canvases.house_numbers
    few = lambda *a, **k: whole_set(*a, **k | {"numbers": (64, 20, 20)})  # noqa: E731
    monkeypatch.setattr(draw.canvases, "canvases", few)
    monkeypatch.setattr(
        draw.canvases, "place", lambda n, *a, **k: place(min(n, 64), *a, **k)
    )
    monkeypatch.setattr(
        draw.canvases, "house_numbers", lambda n, *a, **k: street(min(n, 64), *a, **k)
    )
    found = getattr(draw, name)(*arguments)
    numbers = [v for v in found.values() if isinstance(v, float)]
    assert numbers and all(math.isfinite(v) for v in numbers)
    json.dumps(found)
