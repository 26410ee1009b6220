"""The definitions inside the lecture, against enumeration and closed forms."""

import copy
import itertools
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.neural_network import BernoulliRBM

from dgm import data
from dgm.annealing import effective_share, forward, ladder, log_ratio, reverse
from dgm.course.load import lecture
from dgm.likelihood import all_bits

PATH = Path(__file__).parents[2] / "lectures/restricted-boltzmann-machines.md"
SHAPES = {"visible": st.integers(1, 5), "hidden": st.integers(1, 4)}


@pytest.fixture(scope="module")
def lec():
    return lecture(PATH, typecheck=True)


@pytest.fixture(autouse=True)
def double():
    """As on the page: double precision."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)
    yield
    torch.set_default_dtype(before)


def machine(lec, visible=5, hidden=3, std=1.0, seed=0):
    """A machine with no zero among its parameters."""
    torch.manual_seed(seed)
    rbm = lec.RBM(visible, hidden, std=std).requires_grad_(False)
    torch.nn.init.normal_(rbm.b)
    torch.nn.init.normal_(rbm.c)
    return rbm


@pytest.fixture
def rbm(lec):
    return machine(lec)


def joint(rbm):
    """p(v, h) of all pairs from the formula of the energy, unit by unit."""
    V, H = len(rbm.b), len(rbm.c)
    W, b, c = rbm.W.tolist(), rbm.b.tolist(), rbm.c.tolist()
    table = torch.zeros(2**V, 2**H)
    for r, v in enumerate(itertools.product([0, 1], repeat=V)):
        for s, h in enumerate(itertools.product([0, 1], repeat=H)):
            energy = -sum(b[i] * v[i] for i in range(V))
            energy -= sum(c[j] * h[j] for j in range(H))
            energy -= sum(v[i] * W[i][j] * h[j] for i in range(V) for j in range(H))
            table[r, s] = math.exp(-energy)
    return table


def p_visible(rbm):
    table = joint(rbm)
    return table.sum(1) / table.sum()


def some_data(n, seed=1):
    torch.manual_seed(seed)
    return torch.rand(2**n).softmax(0)


# The machine


@given(**SHAPES, seed=st.integers(0, 99))
@settings(max_examples=20, deadline=None)
def test_energy_is_the_double_sum(lec, visible, hidden, seed):
    rbm = machine(lec, visible, hidden, seed=seed)
    v, h = all_bits(visible), all_bits(hidden)
    energy = rbm.energy(v[:, None], h)
    torch.testing.assert_close(energy.neg().exp(), joint(rbm))


def test_energy_of_matching_rows(rbm):
    v, h = all_bits(5)[:8], all_bits(3)
    pairs = rbm.energy(v[:, None], h)
    torch.testing.assert_close(rbm.energy(v, h), pairs.diagonal())


@given(**SHAPES, seed=st.integers(0, 99))
@settings(max_examples=20, deadline=None)
def test_free_energy_sums_over_h(lec, visible, hidden, seed):
    rbm = machine(lec, visible, hidden, seed=seed)
    free = rbm.free_energy(all_bits(visible))
    torch.testing.assert_close(free, -joint(rbm).sum(1).log())


@given(**SHAPES, seed=st.integers(0, 99))
@settings(max_examples=20, deadline=None)
def test_conditionals_are_those_of_the_table(lec, visible, hidden, seed):
    rbm = machine(lec, visible, hidden, seed=seed)
    v, h, table = all_bits(visible), all_bits(hidden), joint(rbm)
    given_v = table / table.sum(1, keepdim=True)
    given_h = table / table.sum(0, keepdim=True)
    torch.testing.assert_close(rbm.p_h(v), given_v @ h)
    torch.testing.assert_close(rbm.p_v(h), given_h.T @ v)


@given(**SHAPES, seed=st.integers(0, 99))
@settings(max_examples=20, deadline=None)
def test_log_z(lec, visible, hidden, seed):
    rbm = machine(lec, visible, hidden, seed=seed)
    torch.testing.assert_close(rbm.log_Z(), joint(rbm).sum().log())


def test_log_z_of_a_single_precision_machine(rbm):
    exact = rbm.log_Z()
    found = copy.deepcopy(rbm).float().log_Z()
    assert found.dtype == torch.float64
    assert found.item() == pytest.approx(exact.item(), abs=1e-5)


def test_log_z_without_coupling(lec):
    rbm = machine(lec, 30, 6, std=0.0)
    expected = torch.nn.functional.softplus(rbm.b).sum()
    expected = expected + torch.nn.functional.softplus(rbm.c).sum()
    torch.testing.assert_close(rbm.log_Z(), expected)


def test_new_machine(lec):
    rbm = lec.RBM(400, 300, std=0.2)
    assert rbm.W.shape == (400, 300)
    assert rbm.W.std().item() == pytest.approx(0.2, rel=0.02)
    assert not rbm.b.any() and not rbm.c.any()


def test_sklearn_agrees_on_free_energy_and_hidden_units(rbm):
    theirs = BernoulliRBM(3)
    theirs.components_ = rbm.W.T.numpy()
    theirs.intercept_visible_ = rbm.b.numpy()
    theirs.intercept_hidden_ = rbm.c.numpy()
    theirs.n_features_in_ = 5
    v = all_bits(5)
    np.testing.assert_allclose(theirs.transform(v.numpy()), rbm.p_h(v).numpy())
    np.testing.assert_allclose(
        theirs._free_energy(v.numpy()), rbm.free_energy(v).numpy()
    )


def test_toss(lec):
    p = torch.tensor([0.0, 0.2, 0.7, 1.0]).expand(50_000, 4)
    drawn = lec.toss(p)
    assert set(drawn.unique().tolist()) == {0.0, 1.0} and drawn.dtype == p.dtype
    error = 5 * (p[0] * (1 - p[0]) / 50_000).sqrt()
    assert ((drawn.mean(0) - p[0]).abs() <= error).all()


@pytest.mark.parametrize("k", [1, 2, 5])
def test_gibbs_is_the_transition_matrix(lec, k):
    """Chi-square of 200,000 chains from one image against a power of the matrix."""
    rbm = machine(lec, 4, 3, std=1.5)
    table = joint(rbm)
    up = table / table.sum(1, keepdim=True)
    T = up @ (table / table.sum(0, keepdim=True)).T
    expected = torch.linalg.matrix_power(T, k)[5]
    ends = rbm.gibbs(all_bits(4)[5].expand(200_000, 4), k)
    place = (ends @ torch.tensor([8.0, 4, 2, 1])).long()
    counts = torch.bincount(place, minlength=16)
    test = stats.chisquare(counts.numpy(), (200_000 * expected).numpy())
    assert test.pvalue > 1e-5


def test_gibbs_zero_steps_is_the_start(rbm):
    v = all_bits(5)
    assert (rbm.gibbs(v, 0) == v).all()


def test_joint_table(lec, rbm):
    table = joint(rbm)
    torch.testing.assert_close(lec.joint_table(rbm).exp(), table / table.sum())


def test_conditionals_of_all(lec, rbm):
    table = joint(rbm)
    up, down = lec.conditionals(rbm)
    torch.testing.assert_close(up, table / table.sum(1, keepdim=True))
    torch.testing.assert_close(down, (table / table.sum(0, keepdim=True)).T)


# Gradients


def test_averages_are_minus_the_slope_of_the_free_energy(lec, rbm):
    v = all_bits(5)[3:17]
    rbm.requires_grad_(True)
    slopes = torch.autograd.grad(-rbm.free_energy(v).mean(), [rbm.W, rbm.b, rbm.c])
    for ours, theirs in zip(lec.averages(rbm, v), slopes, strict=True):
        torch.testing.assert_close(ours, theirs)


def test_averages_with_weights(lec, rbm):
    v, weight = all_bits(5), some_data(5)
    rbm.requires_grad_(True)
    loss = -weight @ rbm.free_energy(v)
    slopes = torch.autograd.grad(loss, [rbm.W, rbm.b, rbm.c])
    for ours, theirs in zip(lec.averages(rbm, v, weight), slopes, strict=True):
        torch.testing.assert_close(ours, theirs)


def test_log_lik(lec, rbm):
    p = some_data(5)
    torch.testing.assert_close(lec.log_lik(rbm, p), (p * p_visible(rbm).log()).sum())


def test_gradient_by_finite_differences(lec, rbm):
    """Data minus model, against differences of the enumerated log-likelihood."""
    p = some_data(5)
    exact = lec.cd_slope(rbm, p, None)
    for name, slope in zip("Wbc", exact, strict=True):
        flat, step = getattr(rbm, name).view(-1), 1e-5
        for index in range(len(flat)):
            sides = []
            for sign in (1, -1):
                flat[index] += sign * step
                sides.append((p * p_visible(rbm).log()).sum())
                flat[index] -= sign * step
            difference = (sides[0] - sides[1]) / (2 * step)
            assert slope.reshape(-1)[index].item() == pytest.approx(
                difference.item(), abs=1e-7
            )


@pytest.mark.parametrize("k", [1, 2, 7])
def test_cd_is_data_minus_the_kth_power(lec, rbm, k):
    p, v, table = some_data(5), all_bits(5), joint(rbm)
    up = table / table.sum(1, keepdim=True)
    T = up @ (table / table.sum(0, keepdim=True)).T
    q = p @ torch.linalg.matrix_power(T, k)
    on = rbm.p_h(v)
    pairs = torch.einsum("v,vi,vj->ij", p - q, v, on)
    found = lec.cd_slope(rbm, p, k)
    torch.testing.assert_close(found.W, pairs)
    torch.testing.assert_close(found.b, (p - q) @ v)
    torch.testing.assert_close(found.c, (p - q) @ on)


def test_cd_vanishes_where_the_model_is_the_data(lec, rbm):
    for k in (None, 1, 4):
        for part in lec.cd_slope(rbm, p_visible(rbm), k):
            assert part.abs().max() < 1e-12


def test_cd_of_many_steps_is_the_gradient(lec, rbm):
    p = some_data(5)
    exact = lec.cd_slope(rbm, p, None)
    gaps = [lec.distance(lec.cd_slope(rbm, p, k), exact) for k in (1, 10, 100, 1000)]
    assert gaps == sorted(gaps, reverse=True) and gaps[-1] < 1e-9


def test_error_of_cd_decays_like_the_second_eigenvalue(lec, rbm):
    p, exact = some_data(5), lec.cd_slope(rbm, some_data(5), None)
    one, two = (lec.distance(lec.cd_slope(rbm, p, k), exact) for k in (9, 10))
    assert two / one == pytest.approx(lec.spectrum(rbm)[1].item(), rel=0.02)


def test_spectrum_is_that_of_the_transition_matrix(lec, rbm):
    table = joint(rbm)
    up = table / table.sum(1, keepdim=True)
    T = up @ (table / table.sum(0, keepdim=True)).T
    values = torch.linalg.eigvals(T).real.sort(descending=True).values
    torch.testing.assert_close(lec.spectrum(rbm), values[:8], atol=1e-10, rtol=0)
    assert values[0].item() == pytest.approx(1) and values.min() > -1e-12


def test_distance(lec):
    one = lec.Slope(torch.ones(2, 2), torch.ones(2), torch.ones(2))
    two = lec.Slope(torch.zeros(2, 2), torch.full((2,), 2.0), torch.zeros(2))
    assert lec.distance(one, two) == pytest.approx(math.sqrt(8 / 8))
    assert lec.distance(two, one) == pytest.approx(1.0)
    assert lec.distance(one, lec.Slope(one.W * 2, one.b * 2, one.c * 2)) == 0.5


def test_minus(lec):
    one = lec.Slope(*(torch.full((2,) * n, 3.0) for n in (2, 1, 1)))
    two = lec.Slope(*(torch.full((2,) * n, 5.0) for n in (2, 1, 1)))
    assert all((part == -2).all() for part in lec.minus(one, two))


def test_climb_moves_along(lec, rbm):
    before = [p.clone() for p in rbm.parameters()]
    slope = lec.Slope(*(torch.randn_like(p) for p in (rbm.W, rbm.b, rbm.c)))
    lec.climb(rbm, slope, 0.1)
    for old, new, part in zip(before, (rbm.W, rbm.b, rbm.c), slope, strict=True):
        torch.testing.assert_close(new, old + 0.1 * part)


def test_exact_training_climbs(lec, rbm):
    p = some_data(5)
    values = [lec.log_lik(rbm, p).item()]
    for _ in lec.exact_training(rbm, p, None, 50, lr=0.05):
        values.append(lec.log_lik(rbm, p).item())
    assert values == sorted(values) and len(values) == 51


def test_centred_is_the_gradient_of_a_centred_machine(lec, rbm):
    """(v - mu)(h - nu) differences, and biases so that the energy is the same."""
    pos, neg = all_bits(5)[5:20], all_bits(5)[18:30]
    one, two = lec.averages(rbm, pos), lec.averages(rbm, neg)
    mu, nu = one.b, one.c

    def pair(v):
        return ((v - mu).T @ (rbm.p_h(v) - nu)) / len(v)

    found = lec.centred(lec.minus(one, two), one)
    W = pair(pos) - pair(neg)
    torch.testing.assert_close(found.W, W)
    torch.testing.assert_close(found.b, pos.mean(0) - neg.mean(0) - W @ nu)
    gap = rbm.p_h(pos).mean(0) - rbm.p_h(neg).mean(0)
    torch.testing.assert_close(found.c, gap - W.T @ mu)


def test_centring_is_blind_to_flipped_pixels(lec, rbm):
    """An update from flipped images is the flipped machine's update."""
    pos, neg = all_bits(5)[5:20], all_bits(5)[18:30]
    turned = copy.deepcopy(rbm)
    turned.W.neg_(), turned.b.neg_(), turned.c.add_(rbm.W.sum(0))
    for model, x, y in ((rbm, pos, neg), (turned, 1 - pos, 1 - neg)):
        mean = lec.averages(model, x)
        slope = lec.centred(lec.minus(mean, lec.averages(model, y)), mean)
        lec.climb(model, slope, 0.1)
    torch.testing.assert_close(turned.W, -rbm.W)
    torch.testing.assert_close(turned.b, -rbm.b)
    torch.testing.assert_close(turned.c, rbm.c + rbm.W.sum(0))


# Learning from images


def test_nudge_moves_by_at_most_one_pixel(lec):
    torch.manual_seed(3)
    v = torch.zeros(8000, 25)
    v[:, 12] = 1
    moved = lec.nudge(v, (5, 5)).mean(0)
    assert moved.sum().item() == pytest.approx(1)
    assert moved[12].item() == pytest.approx(0.85, abs=0.02)
    for neighbour in (7, 11, 13, 17):
        assert moved[neighbour].item() == pytest.approx(0.0375, abs=0.01)


def test_nudge_does_not_wrap(lec):
    v = torch.zeros(3000, 12)
    v[:, 0] = 1
    moved = lec.nudge(v, (3, 4)).mean(0)
    assert (moved[[0, 1, 4]] > 0).all() and moved[[2, 3, 5, 8, 11]].sum() == 0


def test_images_from_draws_rows(lec):
    x = (torch.rand(30, 9) < 0.5).double()
    drawn = lec.images_from(x, (3, 3))(500)
    assert drawn.shape == (500, 9) and drawn.dtype == x.dtype
    same = (drawn[:, None] == x).all(2).any(1).double().mean()
    assert same > 0.8


def test_start_fits_the_pixels(lec):
    x = (torch.rand(400, 6) < torch.tensor([0.0, 0.2, 0.5, 0.7, 0.9, 1.0])).float()
    rbm = lec.start(x, 3)
    probs = rbm.b.sigmoid()
    torch.testing.assert_close(probs, x.mean(0).clamp(0.01, 0.99))
    assert rbm.W.dtype == torch.float32 and not rbm.W.requires_grad


@pytest.mark.parametrize("persistent", [True, False])
def test_learn_improves_the_likelihood(lec, persistent):
    bars = data.toys.bars_and_stripes(3)
    x, p = bars.sample(1000).double(), bars.log_prob(all_bits(9)).exp()
    rbm = lec.start(x, 6)
    before = lec.log_lik(rbm, p).item()
    draw = lambda n: x[torch.randint(len(x), (n,))]  # noqa: E731
    yielded = list(lec.learn(rbm, draw, 1500, 3, 1.0, persistent))
    assert len(yielded) == 1500 and yielded[0].shape == (100, 9)
    assert lec.log_lik(rbm, p).item() > before + 1.5


def test_persistent_chains_go_on(lec):
    """With no learning, chains mix if kept, and stay near the data if restarted."""
    x = torch.ones(50, 4)
    reached = {}
    for persistent in (True, False):
        rbm = machine(lec, 4, 3, std=0.0)
        rbm.b.zero_()
        rbm.W.fill_(1.0), rbm.c.fill_(-2.0), rbm.b.fill_(-1.4)
        chains = list(
            lec.learn(rbm, lambda n: x[:1].expand(n, 4), 60, 1, 0.0, persistent)
        )
        reached[persistent] = chains[-1].mean().item()
    table = joint(machine(lec, 4, 3, std=0.0))
    assert table.shape == (16, 8)
    assert reached[True] < reached[False] - 0.05


def test_step_size_falls_to_zero(lec):
    x = torch.ones(10, 3)
    rbm = lec.start(x, 2)
    moves, before = [], rbm.b.clone()
    rbm.b.fill_(-50.0)  # the chains stay at zero: a constant slope
    before = rbm.b.clone()
    for _ in lec.learn(rbm, lambda n: x[:1].expand(n, 3), 4, 1, 1.0, False):
        moves.append((rbm.b - before).norm().item())
        before = rbm.b.clone()
    ratios = [m / moves[0] for m in moves]
    assert ratios == sorted(ratios, reverse=True)
    assert ratios[1] < 0.9 and ratios[3] < 0.5


def test_decay_shrinks_the_weights(lec):
    """Of two machines with the same luck, the one that decays is behind by that."""
    x = (torch.rand(100, 3) < 0.5).double()
    small, large = (lec.start(x, 2) for _ in range(2))
    large.load_state_dict(small.state_dict())
    begin = small.W.clone()
    for rbm, decay in ((small, 0.0), (large, 0.5)):
        torch.manual_seed(0)
        for _ in lec.learn(rbm, lambda n: x[:n], 1, 1, 0.1, True, decay):
            pass
    torch.testing.assert_close(small.W - large.W, 0.1 * 0.5 * begin)
    assert begin.abs().max() > 0.01


def test_blend(lec):
    one, two = machine(lec, seed=1), machine(lec, seed=2)
    expected = 0.75 * one.W + 0.25 * two.W
    lec.blend(one, two, 0.25)
    torch.testing.assert_close(one.W, expected)


# Likelihood


def test_path_at_its_ends(lec, rbm):
    a = torch.randn(5)
    v = all_bits(5)
    path = lec.rbm_path(rbm, a)
    torch.testing.assert_close(path.log_f(v, 1.0), -rbm.free_energy(v))
    start_log_Z = path.log_f(v, 0.0).logsumexp(0).item()
    constant = 3 * math.log(2)  # each hidden unit counts twice at beta = 0
    assert start_log_Z == pytest.approx(lec.log_Z0(rbm, a))
    expected = torch.distributions.Bernoulli(logits=a).log_prob(v).sum(1)
    torch.testing.assert_close(path.log_f(v, 0.0) - start_log_Z, expected)
    assert lec.log_Z0(rbm, a * 0) == pytest.approx(constant + 5 * math.log(2))


@pytest.mark.parametrize("beta", [0.0, 0.3, 1.0])
def test_step_leaves_the_density_unchanged(lec, beta):
    rbm, a, v = machine(lec, 3, 2), torch.tensor([0.5, -1.0, 0.2]), all_bits(3)
    path = lec.rbm_path(rbm, a)
    p = path.log_f(v, beta).softmax(0)
    begin = v[torch.multinomial(p, 100_000, replacement=True)]
    place = path.step(begin, beta) @ torch.tensor([4.0, 2, 1])
    counts = torch.bincount(place.long(), minlength=8)
    assert stats.chisquare(counts.numpy(), (100_000 * p).numpy()).pvalue > 1e-5


def test_step_is_reversible(lec):
    rbm, a, v = machine(lec, 3, 2), torch.tensor([0.5, -1.0, 0.2]), all_bits(3)
    path = lec.rbm_path(rbm, a)
    p = path.log_f(v, 0.6).softmax(0)
    n = 400_000
    begin = v[torch.multinomial(p, n, replacement=True)]
    weights = torch.tensor([4.0, 2, 1])
    flow = (begin @ weights).long() * 8 + (path.step(begin, 0.6) @ weights).long()
    flow = torch.bincount(flow, minlength=64).view(8, 8).double()
    gap = (flow - flow.T) / (flow + flow.T + 1).sqrt()
    assert gap.abs().max() < 5


@pytest.mark.parametrize("n", [5, 200])
def test_ais_covers_enumeration(lec, n):
    rbm, a = machine(lec, 8, 6, std=1.0), torch.randn(8)
    value, stderr = log_ratio(lec.ais(rbm, a, n, 20_000).log_w)
    off = value + lec.log_Z0(rbm, a) - rbm.log_Z().item()
    assert abs(off) < 5 * stderr < 0.5


def test_reverse_covers_enumeration(lec):
    rbm, a, v = machine(lec, 8, 6, std=1.0), torch.randn(8), all_bits(8)
    p = (-rbm.free_energy(v)).softmax(0)
    x = v[torch.multinomial(p, 20_000, replacement=True)]
    log_w = reverse(lec.rbm_path(rbm, a), x, ladder(200)).log_w
    value, stderr = log_ratio(-log_w)
    off = lec.log_Z0(rbm, a) - value - rbm.log_Z().item()
    assert abs(off) < 5 * stderr


def test_few_temperatures_flatter(lec):
    """Runs of ten chains at three temperatures are too low on average."""
    rbm, a = machine(lec, 8, 6, std=2.5), torch.zeros(8)
    runs = torch.tensor([lec.ais_log_Z(rbm, a, 3, 10) for _ in range(200)])
    assert runs.mean() + 5 * runs.std() / 200**0.5 < rbm.log_Z().item()
    share = effective_share(lec.ais(rbm, a, 3, 1000).log_w)
    assert share < 0.5 < effective_share(lec.ais(rbm, a, 1000, 200).log_w)


def test_ais_starts_at_independent_pixels(lec, rbm):
    """At one step the weights are those of plain importance sampling."""
    a = torch.randn(5)
    torch.manual_seed(4)
    found = lec.ais(rbm, a, 1, 50).log_w
    torch.manual_seed(4)
    x = lec.toss(a.sigmoid().expand(50, -1))
    path = lec.rbm_path(rbm, a)
    torch.testing.assert_close(found, path.log_f(x, 1.0) - path.log_f(x, 0.0))
    assert forward(path, x, ladder(1)).log_w.shape == (50,)


@pytest.mark.parametrize("betas", [[0.0, 1.0], [0.0, 0.2, 0.9, 1.0]])
def test_expected_weight_is_the_ratio(lec, rbm, betas):
    a = torch.randn(5)
    ratio = joint(rbm).sum().log().item() - lec.log_Z0(rbm, a)
    assert lec.expected_weight(rbm, a, betas).log().item() == pytest.approx(ratio)


def test_expected_weight_is_the_mean_over_chains(lec, rbm):
    a, weighted = torch.randn(5), lec.ais
    log_w = weighted(rbm, a, 3, 40_000).log_w
    value, stderr = log_ratio(log_w)
    exact = lec.expected_weight(rbm, a, ladder(3)).log().item()
    assert abs(value - exact) < 5 * stderr


def test_mean_nll(lec, rbm):
    x, p = all_bits(5)[3:9], p_visible(rbm)
    found = lec.mean_nll(rbm, x, rbm.log_Z().item())
    assert found == pytest.approx(-p[3:9].log().mean().item())


def test_pseudo_likelihood_by_conditionals(lec, rbm):
    p = p_visible(rbm).view([2] * 5)
    expected = torch.zeros(32)
    for i in range(5):
        expected += (p / p.sum(i, keepdim=True)).log().flatten()
    torch.testing.assert_close(lec.pseudo_log_lik(rbm, all_bits(5)), expected)


def test_reconstruction(lec, rbm):
    v = all_bits(5)
    p = rbm.p_v(rbm.p_h(v))
    expected = -torch.distributions.Bernoulli(p).log_prob(v).sum(1)
    torch.testing.assert_close(lec.reconstruction(rbm, v), expected)


def test_score_is_mean_and_both_errors(lec, rbm):
    x = all_bits(5).repeat(4, 1)
    nats, stderr = lec.score(rbm, x, 2.0, 0.0)
    _, wider = lec.score(rbm, x, 2.0, 0.3)
    expected = rbm.free_energy(x).mean().item() + 2
    assert nats == pytest.approx(expected)
    assert wider == pytest.approx(math.hypot(stderr, 0.3))


# What fails, and what it is good for


def test_cd_1_unlearns_while_reconstruction_improves(lec):
    bars = data.toys.bars_and_stripes(3)
    v = all_bits(9)
    p = bars.log_prob(v).exp()
    torch.manual_seed(0)
    rbm = lec.RBM(9, 4).requires_grad_(False)
    notes = []
    for step in lec.exact_training(rbm, p, 1, 4000):
        if step + 1 in (2000, 4000):
            on = p > 0
            rec = (p[on] @ lec.reconstruction(rbm, v[on])).item()
            notes.append((lec.log_lik(rbm, p).item(), rec))
    assert notes[1][0] < notes[0][0] - 0.02 and notes[1][1] < notes[0][1]


def test_vectors_go_back_and_forth(lec, rbm):
    theta = lec.as_vector(lec.Slope(rbm.W, rbm.b, rbm.c))
    assert len(theta) == 5 * 3 + 5 + 3
    again = lec.at(theta, 5, 3)
    for one, two in zip(again.parameters(), rbm.parameters(), strict=True):
        assert (one == two).all()


def test_gradient_has_a_symmetric_jacobian_and_cd_has_not(lec):
    rbm = machine(lec, 3, 2)
    theta = lec.as_vector(lec.Slope(rbm.W, rbm.b, rbm.c))
    p = some_data(3)
    assert lec.asymmetry(theta, p, None, (3, 2)) < 1e-6
    assert lec.asymmetry(theta, p, 1, (3, 2)) > 1e-3
    assert lec.asymmetry(theta, p, 1000, (3, 2)) < 1e-6


def test_clamped_keeps_what_is_seen(lec, rbm):
    v, seen = all_bits(5), torch.tensor([1.0, 0, 1, 0, 0])
    after = v
    for _ in range(5):
        after = lec.clamped(rbm, after, seen)
    assert (after[:, seen.bool()] == v[:, seen.bool()]).all()
    assert (after[:, ~seen.bool()] != v[:, ~seen.bool()]).any()


def test_clamped_chain_has_the_conditional(lec):
    rbm = machine(lec, 3, 2)
    p = p_visible(rbm).view(2, 2, 2)[1].flatten()
    expected = p / p.sum()
    v = torch.tensor([1.0, 0, 0]).expand(60_000, 3)
    for _ in range(60):
        v = lec.clamped(rbm, v, torch.tensor([1.0, 0, 0]))
    counts = torch.bincount((v[:, 1] * 2 + v[:, 2]).long(), minlength=4)
    test = stats.chisquare(counts.numpy(), (60_000 * expected).numpy())
    assert test.pvalue > 1e-5


def test_with_class(lec):
    x, y = torch.rand(3, 2).round(), torch.tensor([9, 0, 4])
    both = lec.with_class(x, y)
    assert both.shape == (3, 12) and both.dtype == x.dtype
    assert (both[:, :2] == x).all() and (both[:, 2:].argmax(1) == y).all()
    assert (both[:, 2:].sum(1) == 1).all()


def test_class_log_probs_are_bayes_rule(lec):
    """Among the images whose label units hold exactly one label."""
    rbm = machine(lec, 12, 2)
    x = all_bits(2)
    v = all_bits(12)
    log_p = -rbm.free_energy(v)
    found = lec.class_log_probs(rbm, x)
    for row, image in enumerate(x):
        values = []
        for label in range(10):
            want = torch.cat([image, torch.eye(10)[label]])
            values.append(log_p[(v == want).all(1)])
        expected = torch.cat(values).log_softmax(0)
        torch.testing.assert_close(found[row], expected)


def test_energy_by_hand(lec):
    board = torch.tensor([[[1.0, 0, 1], [0, 1, 0]]])
    assert lec.energy_by_hand(board).item() == 7
    assert lec.energy_by_hand(torch.ones(1, 4, 4)).item() == 0
    half = torch.tensor([[[1.0, 1], [0, 0]]])
    assert lec.energy_by_hand(half).item() == 2


def test_drift_tells_what_is_lost_after_the_best_moment(lec):
    """By following the exact field once more, by hand."""
    found = lec.drift(3, updates=1300)
    v = all_bits(9)
    p = data.toys.bars_and_stripes(3).log_prob(v).exp()
    torch.manual_seed(3)
    rbm = lec.RBM(9, 4).requires_grad_(False)
    values = []
    for _ in range(1300):
        lec.climb(rbm, lec.cd_slope(rbm, p, 1), 0.5)
        values.append(p[p > 0] @ (-rbm.free_energy(v) - rbm.log_Z())[p > 0])
    values = torch.stack(values)
    assert found["when"] == values.argmax().item() + 1
    assert found["lost"] == pytest.approx((values.max() - values[-1]).item())
    assert found["lost"] > 0 and found["better"] > 0


def test_exact_draws_are_draws_from_the_machine(lec):
    rbm = machine(lec, 4, 3, std=1.5)
    drawn = lec.exact_draws(rbm, 100_000) @ torch.tensor([8.0, 4, 2, 1])
    counts = torch.bincount(drawn.long(), minlength=16)
    expected = (100_000 * p_visible(rbm)).numpy()
    assert stats.chisquare(counts.numpy(), expected).pvalue > 1e-5


@pytest.mark.parametrize(
    ("teacher", "k", "persistent"),
    [("CD-1", 1, False), ("CD-10", 10, False), ("PCD-1", 1, True), ("PCD-5", 5, True)],
)
def test_teachers_score_the_machine_that_they_teach(lec, teacher, k, persistent):
    """The last row of the record, by training once more and enumerating the codes."""
    found = lec.teachers(teacher, 4, updates=120)
    torch.manual_seed(4)
    train, valid, _ = data.load("digits", binary=True).flat()
    rbm = lec.start(train, 16)
    draw = lec.images_from(train, (8, 8))
    for _ in lec.learn(rbm, draw, 120, k, persistent=persistent):
        pass
    h = all_bits(16)
    for part, x in (("train", train), ("valid", valid)):
        inputs = x.double() @ rbm.W.double() + rbm.c
        log_f = x.double() @ rbm.b.double() + (1 + inputs.exp()).log().sum(1)
        on = (1 + (rbm.b + h @ rbm.W.double().T).exp()).log().sum(1)
        log_Z = (h @ rbm.c.double() + on).logsumexp(0)
        expected = (log_Z - log_f.mean()).item()
        assert found[f"{part}_120"] == pytest.approx(expected, abs=2e-4)
    p = rbm.p_v(rbm.p_h(train)).double()
    cost = -torch.distributions.Bernoulli(p).log_prob(train.double()).sum(1).mean()
    assert found["rec_120"] == pytest.approx(cost.item(), abs=2e-4)
    assert len(found) == 36
