"""The definitions inside the lecture, against enumeration and closed forms."""

import copy
import itertools
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import distributions as dist

from dgm import data
from dgm.course.load import lecture
from dgm.likelihood import all_bits
from dgm.models.rbm import RBM, images_from, log_odds, toss

PATH = Path(__file__).parents[2] / "lectures/deep-belief-networks.md"


@pytest.fixture(scope="module")
def page():
    return lecture(PATH, typecheck=True)


@pytest.fixture(autouse=True)
def double(monkeypatch):
    """As on the page: double precision, and no progress bars."""
    monkeypatch.setenv("DGM_BOOK", "1")
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)
    yield
    torch.set_default_dtype(before)


def machine(visible, hidden, scale=1.0):
    rbm = RBM(visible, hidden, std=scale).requires_grad_(False)
    rbm.b.normal_(std=scale)
    rbm.c.normal_(std=scale)
    return rbm


def log_p(rbm):
    """log p(v) of all v, from the table of all pairs."""
    v, h = all_bits(len(rbm.b)), all_bits(len(rbm.c))
    score = (v @ rbm.b)[:, None] + h @ rbm.c + v @ rbm.W @ h.T
    return score.logsumexp(1) - score.logsumexp((0, 1))


def untied(page, visible=4, first=3, second=2):
    """A DBN whose two directions have nothing to do with one another."""
    dbn = page.DBN(machine(visible, first), machine(first, second))
    dbn.down.normal_()
    dbn.down_bias.normal_()
    return dbn


def full_table(dbn):
    """log p(v, h1) of all pairs, from torch.distributions and the top's own table."""
    v, h1 = all_bits(dbn.down.shape[1]), all_bits(dbn.down.shape[0])
    table = torch.empty(len(v), len(h1))
    prior = log_p(dbn.top)
    for j, code in enumerate(h1):
        logits = dbn.down_bias + code @ dbn.down
        lik = dist.Bernoulli(logits=logits).log_prob(v).sum(1)
        table[:, j] = lik + prior[j]
    return table


def q_table(dbn, v):
    """log q(h1 | v) of all codes."""
    logits = dbn.up_bias + v @ dbn.up
    h1 = all_bits(dbn.up.shape[1])
    return dist.Bernoulli(logits=logits[:, None]).log_prob(h1).sum(2)


# The model


def test_the_dbn_starts_with_the_weights_of_its_rbms(page):
    low, top = machine(4, 3), machine(3, 5)
    dbn = page.DBN(low, top)
    v, h1 = all_bits(4), all_bits(3)
    torch.testing.assert_close(dbn.recognise(v).sigmoid(), low.p_h(v))
    torch.testing.assert_close(dbn.generate(h1).sigmoid(), low.p_v(h1))
    torch.testing.assert_close(dbn.top.free_energy(h1), top.free_energy(h1))


def test_the_dbn_shares_no_memory_with_its_rbms(page):
    low, top = machine(4, 3), machine(3, 5)
    dbn = page.DBN(low, top)
    before = dbn.down.clone(), dbn.top.W.clone()
    low.W += 1
    top.W += 1
    assert torch.equal(dbn.down, before[0]) and torch.equal(dbn.top.W, before[1])


def test_directions_are_untied(page):
    dbn = page.DBN(machine(4, 3), machine(3, 5))
    up = dbn.up.clone()
    dbn.down += 1
    assert torch.equal(dbn.up, up)


@pytest.mark.parametrize("extra", [0, 1, 4])
def test_a_mirrored_top_has_the_codes_of_the_rbm(page, extra):
    low = machine(4, 3)
    v, h = all_bits(4), all_bits(3)
    score = (v @ low.b)[:, None] + h @ low.c + v @ low.W @ h.T
    codes = score.logsumexp(0) - score.logsumexp((0, 1))
    top = page.transposed(low, extra)
    assert top.W.shape == (3, 4 + extra)
    torch.testing.assert_close(log_p(top), codes)


def test_an_extra_unit_multiplies_z_by_two(page):
    low = machine(4, 3)
    one, other = page.transposed(low).log_Z(), page.transposed(low, 5).log_Z()
    assert abs((other - one).item() - 5 * math.log(2)) < 1e-12


def test_noise_goes_to_the_extra_units_only(page):
    low = machine(4, 3)
    top = page.transposed(low, 2, std=0.5)
    assert torch.equal(top.W[:, :4], low.W.T) and top.W[:, 4:].abs().min() > 0


def test_transposed_keeps_the_precision(page):
    low = machine(4, 3).float()
    assert page.transposed(low, 2).W.dtype == torch.float32


def test_fewer_units_break_the_mirror(page):
    """The control: with one mirrored unit left out the codes are others."""
    low = machine(4, 3)
    top = page.transposed(low)
    top.W[:, 0] = 0
    assert (log_p(top) - log_p(page.transposed(low))).abs().max() > 0.01


# The bound


def test_exact_ledger_against_distributions(page):
    dbn = untied(page)
    v = all_bits(4)
    terms, evidence = page.exact_ledger(dbn, v)
    table, log_q = full_table(dbn), q_table(dbn, v)
    prior = log_p(dbn.top)
    q = log_q.exp()
    torch.testing.assert_close(evidence, table.logsumexp(1))
    torch.testing.assert_close(terms.prior, q @ prior)
    torch.testing.assert_close(terms.fit, (q * (table - prior)).sum(1))
    entropy = dist.Bernoulli(logits=dbn.up_bias + v @ dbn.up).entropy().sum(1)
    torch.testing.assert_close(terms.entropy, entropy)


def test_evidence_sums_to_one(page):
    _, evidence = page.exact_ledger(untied(page), all_bits(4))
    assert abs(evidence.exp().sum().item() - 1) < 1e-12


def test_gap_is_the_divergence_to_the_posterior(page):
    dbn, v = untied(page), all_bits(4)
    terms, evidence = page.exact_ledger(dbn, v)
    log_q, table = q_table(dbn, v), full_table(dbn)
    kl = (log_q.exp() * (log_q - table.log_softmax(1))).sum(1)
    torch.testing.assert_close(evidence - terms.bound, kl)
    assert kl.max() > 0.01


@pytest.mark.parametrize("extra", [0, 3])
def test_mirrored_bound_is_the_rbm(page, extra):
    low, v = machine(4, 3), all_bits(4)
    dbn = page.DBN(low, page.transposed(low, extra))
    terms, evidence = page.exact_ledger(dbn, v)
    torch.testing.assert_close(terms.bound, log_p(low))
    torch.testing.assert_close(evidence, log_p(low))


def test_bound_is_the_sum_of_the_accounts(page):
    parts = [torch.rand(3) for _ in range(3)]
    torch.testing.assert_close(page.Ledger(*parts).bound, torch.stack(parts).sum(0))


def test_code_distribution(page):
    low, v = machine(4, 3), all_bits(4)
    weight = torch.rand(16).softmax(0)
    found = page.code_distribution(low, v, weight)
    expected = weight @ q_table(page.DBN(low, machine(3, 2)), v).exp()
    torch.testing.assert_close(found, expected)
    assert abs(found.sum().item() - 1) < 1e-12


def test_greedy_ascent_never_lowers_the_bound(page):
    low, v = machine(4, 3, 0.5), all_bits(4)
    weight = torch.rand(16).mul(3).softmax(0)
    target = page.code_distribution(low, v, weight)
    top, bounds = page.transposed(low, 1), []
    for _ in page.exact_ascent(top, target, 60, lr=0.2):
        terms, evidence = page.exact_ledger(page.DBN(low, top), v)
        bounds.append((weight @ terms.bound).item())
        assert bounds[-1] <= (weight @ evidence).item() + 1e-12
    assert (np.diff(bounds) >= -1e-12).all()
    assert bounds[0] > (weight @ log_p(low)).item() - 1e-12
    assert bounds[-1] > bounds[0] + 1e-4


def test_ceiling_is_reached_by_the_aggregate(page):
    dbn, v = untied(page), all_bits(4)
    weight = torch.rand(16).softmax(0)
    log_q = q_table(dbn, v)
    joint = weight[:, None] * log_q.exp()
    marginal = joint.sum(0)
    information = (joint * (log_q - marginal.log())).sum()
    terms, _ = page.exact_ledger(dbn, v)
    ceiling = weight @ terms.fit - information
    at_best = weight @ (terms.fit + terms.entropy) + marginal @ marginal.log()
    torch.testing.assert_close(ceiling, at_best)
    assert (weight @ terms.bound) < ceiling


def test_exact_ascent_follows_the_gradient(page):
    rbm, target = machine(3, 2), torch.rand(8).softmax(0)
    before = rbm.W.clone()
    other = copy.deepcopy(rbm).requires_grad_(True)
    likelihood = target @ (-other.free_energy(all_bits(3)) - other.log_Z())
    (slope,) = torch.autograd.grad(likelihood, [other.W])
    list(page.exact_ascent(rbm, target, 1, lr=0.1))
    torch.testing.assert_close(rbm.W.detach(), before + 0.1 * slope)


def test_exact_cd_is_a_chain_from_the_data(page):
    rbm, target = machine(3, 2), torch.rand(8).softmax(0)
    v, h = all_bits(3), all_bits(2)
    before = rbm.b.clone()
    score = (v @ rbm.b)[:, None] + h @ rbm.c + v @ rbm.W @ h.T
    turn = score.softmax(1) @ score.softmax(0).T
    wanted = before + 0.1 * ((target - target @ turn @ turn) @ v)
    list(page.exact_ascent(rbm, target, 1, k=2, lr=0.1))
    torch.testing.assert_close(rbm.b.detach(), wanted)


def test_long_exact_cd_is_the_gradient(page):
    one, target = machine(3, 2, 0.5), torch.rand(8).softmax(0)
    other = copy.deepcopy(one)
    list(page.exact_ascent(one, target, 1, k=200))
    list(page.exact_ascent(other, target, 1))
    torch.testing.assert_close(one.W, other.W)


# Draws


def test_ledger_draws_agree_with_the_sums(page):
    dbn, v = untied(page), all_bits(4)[3:6]
    exact, _ = page.exact_ledger(dbn, v)
    terms = page.ledger(dbn, v, dbn.top.log_Z().item(), draws=40_000)
    for name in ("fit", "prior", "entropy"):
        draws = getattr(terms, name)
        stderr = draws.std(0) / math.sqrt(len(draws))
        off = (draws.mean(0) - getattr(exact, name)).abs()
        assert (off < 5 * stderr + 1e-12).all(), name


def test_each_draw_at_the_mirrored_start_is_exact(page):
    low = machine(4, 3)
    dbn = page.DBN(low, page.transposed(low, 2))
    found = page.ledger(dbn, all_bits(4), dbn.top.log_Z().item(), draws=7).bound
    torch.testing.assert_close(found, log_p(low).expand(7, -1))


def test_mean_weight_is_the_evidence(page):
    dbn, v = untied(page), all_bits(4)[9:12]
    _, evidence = page.exact_ledger(dbn, v)
    weights = page.ledger(dbn, v, dbn.top.log_Z().item(), draws=60_000).bound.exp()
    stderr = weights.std(0) / math.sqrt(len(weights))
    assert ((weights.mean(0) - evidence.exp()).abs() < 5 * stderr).all()


def test_sample_has_the_marginal_of_the_model(page):
    dbn = untied(page, 3, 2, 2)
    odds, h1 = page.sample(dbn, toss(torch.full((60_000, 2), 0.5)), 60)
    place = toss(odds) @ torch.tensor([4.0, 2.0, 1.0])
    share = torch.bincount(place.long(), minlength=8) / len(place)
    _, listed = page.exact_ledger(dbn, all_bits(3))
    assert ((share - listed.exp()).abs() < 5 * (listed.exp() / 60_000).sqrt()).all()
    torch.testing.assert_close(odds, (dbn.down_bias + h1 @ dbn.down).sigmoid())


def test_sample_without_steps_leaves_the_code(page):
    dbn, h1 = untied(page), all_bits(3)
    odds, same = page.sample(dbn, h1, 0)
    assert torch.equal(same, h1)
    torch.testing.assert_close(odds, dbn.generate(h1).sigmoid())


def test_codes_come_from_the_recognition_pass(page):
    low, image = machine(4, 3), torch.tensor([1.0, 0, 1, 1])
    draw = page.codes_from(low, lambda n: image.expand(n, 4))
    codes = draw(40_000)
    p = low.p_h(image)
    stderr = (p * (1 - p) / len(codes)).sqrt()
    assert ((codes.mean(0) - p).abs() < 5 * stderr).all()
    assert set(codes.unique().tolist()) <= {0.0, 1.0}


def test_code_odds_are_of_the_mean(page):
    dbn, v = untied(page), all_bits(4)
    wanted = log_odds((dbn.up_bias + v @ dbn.up).sigmoid().mean(0))
    torch.testing.assert_close(page.code_odds(dbn, v), wanted)


def test_estimate_of_log_z(page):
    top = machine(5, 6)
    found = page.estimate_log_Z(top, torch.zeros(5), 300, 100)
    assert abs(found.value - top.log_Z().item()) < 5 * found.stderr + 0.02
    assert found.stderr < 0.1 and 0.5 < found.share <= 1


def test_few_temperatures_flatter(page):
    top = machine(8, 8, 2.0)
    values = [page.estimate_log_Z(top, torch.zeros(8), 1, 5).value for _ in range(40)]
    assert np.mean(values) < top.log_Z().item() - 0.2


# Learning


def test_delta_rule_is_the_slope_of_the_likelihood(page):
    weight, bias = torch.randn(3, 4), torch.randn(4)
    below, above = toss(torch.full((9, 3), 0.5)), toss(torch.full((9, 4), 0.5))
    w, b = weight.clone().requires_grad_(), bias.clone().requires_grad_()
    likelihood = dist.Bernoulli(logits=b + below @ w).log_prob(above).sum(1).mean()
    slopes = torch.autograd.grad(likelihood, [w, b])
    moved = weight.clone(), bias.clone()
    page.delta_rule(*moved, below, above, 0.3)
    torch.testing.assert_close(moved[0], weight + 0.3 * slopes[0])
    torch.testing.assert_close(moved[1], bias + 0.3 * slopes[1])


def bars_dbn(page):
    bars = data.toys.bars_and_stripes(3)
    x, weight = bars.support.double(), bars.log_prob(bars.support.double()).exp()
    p = bars.log_prob(all_bits(9)).exp()
    low = RBM(9, 4).requires_grad_(False)
    list(page.exact_ascent(low, p, 600))
    rows = torch.multinomial(weight, 4000, replacement=True)
    return low, x, weight, (lambda n: x[rows[torch.randint(4000, (n,))]])


def test_up_down_raises_the_evidence(page):
    low, x, weight, draw = bars_dbn(page)
    dbn = page.DBN(low, page.transposed(low))
    before = weight @ page.exact_ledger(dbn, x)[1]
    tuned = page.up_down(dbn, draw, 1500)
    terms, evidence = page.exact_ledger(tuned, x)
    assert weight @ evidence > before + 0.2
    assert weight @ terms.bound > before + 0.1
    assert torch.equal(dbn.down, low.W.T)  # the original is left alone


def test_up_down_moves_the_recognition_by_dreams(page):
    """With the model frozen by an extreme top, q learns the posterior of its dreams."""
    low, _, _, draw = bars_dbn(page)
    dbn = page.DBN(low, page.transposed(low))
    tuned = page.up_down(dbn, draw, 300)
    assert (tuned.up - low.W).abs().max() > 1e-3
    assert (tuned.down - low.W.T).abs().max() > 1e-3
    assert (tuned.up - tuned.down.T).abs().max() > 1e-3


def marked_gibbs(monkeypatch, output):
    """Replaces every Gibbs chain; returns the list of states that were handed in."""
    begins = []

    def gibbs(rbm, v, k=1):
        begins.append(v.clone())
        return output

    monkeypatch.setattr(RBM, "gibbs", gibbs)
    return begins


def test_up_down_chains_go_on(page, monkeypatch):
    low, _, _, draw = bars_dbn(page)
    marked = toss(torch.full((100, 4), 0.5))
    begins = marked_gibbs(monkeypatch, marked)
    page.up_down(page.DBN(low, page.transposed(low)), draw, 3)
    assert torch.equal(begins[1], marked) and torch.equal(begins[2], marked)


def test_the_down_pass_moves_recognition_towards_the_dream(page, monkeypatch):
    """The data say h1 = 1, the dream says 0: after one update up_bias has fallen."""
    low, _, _, draw = bars_dbn(page)
    low.c.fill_(50.0)
    marked_gibbs(monkeypatch, torch.zeros(100, 4))
    dbn = page.DBN(low, page.transposed(low))
    tuned = page.up_down(dbn, draw, 1, lr=0.1)
    wanted = torch.full((4,), -0.1 * 2e-3)  # the running mean takes 2e-3 of the step
    torch.testing.assert_close(tuned.up_bias - dbn.up_bias, wanted)
    assert torch.equal(dbn.up_bias, low.c)


def test_trained_is_a_running_mean(page):
    low, _, _, draw = bars_dbn(page)
    before = low.W.clone()
    average = page.trained(low, draw, 1, 1)
    wanted = before + 1e-3 * (low.W - before)
    torch.testing.assert_close(average.W.detach(), wanted.detach())


def test_greedy_by_sampling_stays_near_the_promise(page):
    low, x, weight, draw = bars_dbn(page)
    rbm = weight @ (-low.free_energy(x) - low.log_Z())
    codes = page.codes_from(low, draw)
    top = page.trained(page.transposed(low), codes, 3000, 5, lr=0.05)
    terms, _ = page.exact_ledger(page.DBN(low, top), x)
    assert weight @ terms.bound > rbm - 0.02
    fresh = page.DBN(low, RBM(4, 9).requires_grad_(False))
    assert weight @ page.exact_ledger(fresh, x)[0].bound < rbm - 0.02  # the control


# Labels


def test_classifier_is_the_recognition_pass(page):
    low, top = machine(64, 128, 0.1).float(), machine(128, 128, 0.1).float()
    net = page.classifier(low, top)
    x = toss(torch.full((5, 64), 0.5)).float()
    torch.testing.assert_close(net[:4](x), top.p_h(low.p_h(x)))
    torch.testing.assert_close(net(x), net[4].bias.detach().expand(5, 10))
    assert page.classifier(None, None)[4].weight.abs().max() > 0


def test_classifier_and_scratch_have_one_size(page):
    low, top = machine(64, 128).float(), machine(128, 128).float()
    one, other = page.classifier(low, top), page.classifier(None, None)
    for p, q in zip(one.parameters(), other.parameters(), strict=True):
        assert p.shape == q.shape and p.dtype == q.dtype == torch.float32


def test_pick_labels_takes_five_of_each(page):
    y = data.load("digits").train.y
    chosen = page.pick_labels(y, 5, 3)
    assert torch.bincount(y[chosen], minlength=10).tolist() == [5] * 10
    assert len(set(chosen.tolist())) == 50
    assert torch.equal(chosen, page.pick_labels(y, 5, 3))
    assert not torch.equal(chosen, page.pick_labels(y, 5, 4))


def test_fine_tune_fits_fifty_labels(page):
    x = toss(torch.full((30, 64), 0.5)).float()
    y = torch.arange(30) % 10
    net = page.fine_tune(page.classifier(None, None), x, y, 600)
    assert (net(x).argmax(1) == y).double().mean() > 0.8


# Deep Boltzmann machines


def deep(page, scale=1.0):
    dbm = page.DBM(3, 3, 2, std=scale)
    dbm.b.normal_(std=scale)
    dbm.c.normal_(std=scale)
    return dbm


def dbm_table(dbm):
    """-E(v, h1, h2) with each layer's own loops, straight from the definition."""
    v, h1, h2 = all_bits(3), all_bits(3), all_bits(2)
    score = torch.empty(8, 8, 4)
    first, second = dbm.W[:3], dbm.W[3:].T  # W1: v x h1, W2: h1 x h2
    for i, j, k in itertools.product(range(8), range(8), range(4)):
        score[i, j, k] = v[i] @ dbm.b[:3] + h1[j] @ dbm.c + h2[k] @ dbm.b[3:]
        score[i, j, k] += v[i] @ first @ h1[j] + h1[j] @ second @ h2[k]
    return v, h1, h2, score


def test_dbm_is_an_rbm_of_two_sides(page):
    dbm = deep(page)
    v, h1, h2, score = dbm_table(dbm)
    for i, k in itertools.product(range(8), range(4)):
        x = torch.cat([v[i], h2[k]]).expand(8, -1)
        torch.testing.assert_close(-dbm.energy(x, h1), score[i, :, k])
    torch.testing.assert_close(dbm.log_Z(), score.logsumexp((0, 1, 2)))


def test_dbm_bound_against_the_table(page):
    dbm = deep(page)
    v, h1, h2, score = dbm_table(dbm)
    m1, m2 = torch.rand(8, 3), torch.rand(8, 2)
    q1 = dist.Bernoulli(m1[:, None]).log_prob(h1).sum(2)
    q2 = dist.Bernoulli(m2[:, None]).log_prob(h2).sum(2)
    log_q = q1[:, :, None] + q2[:, None]
    expected = (log_q.exp() * (score - log_q)).sum((1, 2))
    torch.testing.assert_close(dbm.bound(v, m1, m2), expected)
    assert (expected <= score.logsumexp((1, 2)) + 1e-12).all()


def test_half_sweeps_never_lower_the_bound(page):
    for scale in (0.5, 2.0, 4.0):
        dbm, v = deep(page, scale), all_bits(3)
        m1, m2 = torch.full((8, 3), 0.5), torch.full((8, 2), 0.5)
        last = dbm.bound(v, m1, m2)
        for _ in range(20):
            m1, new = dbm.sweep(v, m2)
            for means in (m2, new):
                now = dbm.bound(v, m1, means)
                assert (now >= last - 1e-10).all()
                last = now
            m2 = new


def test_mean_field_ends_where_the_bound_is_flat(page):
    dbm, v = deep(page), all_bits(3)
    m1, m2 = dbm.mean_field(v, sweeps=500)
    one, two = m1.clone().requires_grad_(), m2.clone().requires_grad_()
    for slope in torch.autograd.grad(dbm.bound(v, one, two).sum(), [one, two]):
        assert slope.abs().max() < 1e-6


def test_mean_field_begins_at_one_half(page):
    dbm, v = deep(page), all_bits(3)
    m1, _ = dbm.mean_field(v, sweeps=1)
    x = torch.cat([v, torch.full((8, 2), 0.5)], 1)
    torch.testing.assert_close(m1, dbm.p_h(x))


def test_new_dbm_and_its_annealing_start(page):
    v = toss(torch.tensor([0.2, 0.5, 0.9]).expand(4000, 3)).float()
    dbm = page.new_dbm(v, 4, 2)
    wanted = v.mean(0)
    torch.testing.assert_close(dbm.b[:3].sigmoid(), wanted)
    assert dbm.W.shape == (5, 4) and dbm.W.dtype == torch.float32
    odds = page.dbm_odds(dbm, v)
    torch.testing.assert_close(odds[:3].sigmoid(), wanted)
    means = dbm.mean_field(v)[1].mean(0)
    torch.testing.assert_close(odds[3:].sigmoid(), means)


def test_dbm_learns_a_pattern(page):
    x = toss(torch.full((500, 1), 0.5)).expand(-1, 4).contiguous().float()
    draw = lambda n: x[torch.randint(len(x), (n,))]  # noqa: E731
    before = page.new_dbm(x, 3, 2)
    dbm = page.learn_dbm(copy.deepcopy(before), draw, 2000)

    def nll(model):
        h2 = all_bits(2)
        pairs = torch.cat(
            [x[:, None].expand(-1, 4, -1).double(), h2.expand(len(x), -1, -1)], 2
        )
        free = model.double().free_energy(pairs)
        return (model.log_Z() - (-free).logsumexp(1)).mean().item()

    assert nll(before) > 2.5 and nll(dbm) < 1.3  # the best is log 2


def lopsided(page, visible, hidden, up, down):
    rbm = page.Lopsided(visible, hidden, up, down)
    for p in (rbm.W, rbm.b, rbm.c):
        p.normal_()
    return rbm


def test_a_lopsided_machine_has_two_copies_of_one_side(page):
    """Doubled up: the hidden units of an RBM that sees v twice. Down: only once."""
    rbm = lopsided(page, 3, 2, 2, 1)
    twin = RBM(6, 2).requires_grad_(False)
    twin.W.copy_(torch.cat([rbm.W, rbm.W]))
    twin.b.copy_(torch.cat([rbm.b, rbm.b]))
    twin.c.copy_(rbm.c)
    v, h = all_bits(3), all_bits(2)
    torch.testing.assert_close(rbm.p_h(v), twin.p_h(torch.cat([v, v], 1)))
    torch.testing.assert_close(rbm.p_v(h), twin.p_v(h)[:, :3])
    other = page.Lopsided(3, 2, 1, 3)
    other.load_state_dict(rbm.state_dict())
    torch.testing.assert_close(other.p_h(v).logit(), rbm.c + v @ rbm.W)
    torch.testing.assert_close(other.p_v(h).logit(), rbm.b + 3 * h @ rbm.W.T)


def test_a_stack_has_the_mean_log_odds_of_its_machines(page):
    low, top = lopsided(page, 3, 4, 2, 1), lopsided(page, 4, 2, 1, 2)
    dbm = page.composed(low, top)
    v, h2 = all_bits(3)[:4], all_bits(2)
    found = dbm.p_h(torch.cat([v, h2], 1)).logit()
    wanted = (low.p_h(v).logit() + top.p_v(h2).logit()) / 2
    torch.testing.assert_close(found, wanted)
    down = dbm.p_v(all_bits(4))
    torch.testing.assert_close(down[:, :3], low.p_v(all_bits(4)))
    torch.testing.assert_close(down[:, 3:], top.p_h(all_bits(4)))


def test_stacked_begins_with_both_layers_at_work(page):
    x = toss(torch.full((500, 1), 0.5)).expand(-1, 6).contiguous().float()
    draw = lambda n: x[torch.randint(len(x), (n,))]  # noqa: E731
    dbm = page.stacked(x, draw, 4, 3, 1500)
    assert dbm.W.shape == (9, 4) and dbm.W.dtype == torch.float32
    m1, m2 = dbm.mean_field(x)
    assert m1.std(0).max() > 0.2 and m2.std(0).max() > 0.2
    fresh = page.new_dbm(x, 4, 3).mean_field(x)[1]
    assert fresh.std(0).max() < 0.05  # the control


def test_cut_off_leaves_the_mean_drive(page):
    dbm, v = deep(page), all_bits(3)
    cut = page.cut_off(dbm, v)
    m2 = dbm.mean_field(v)[1].mean(0)
    h2 = all_bits(2)
    for i in range(8):
        x = torch.cat([v[i].expand(4, -1), h2], 1)
        wanted = dbm.p_h(torch.cat([v[i], m2])[None]).expand(4, -1)
        torch.testing.assert_close(cut.p_h(x), wanted)
    torch.testing.assert_close(
        cut.p_v(all_bits(3))[:, 3:], cut.b[3:].sigmoid().expand(8, -1)
    )
    assert dbm.W[3:].abs().min() > 0  # the original is left alone


def test_dbm_scores_against_the_table(page):
    dbm = deep(page, 0.5)
    v, _, _, score = dbm_table(dbm)
    train = toss(torch.full((50, 3), 0.5))
    log_p, error = page.dbm_scores(dbm, train, v, 300, 100)
    exact = score.logsumexp((1, 2)) - score.logsumexp((0, 1, 2))
    gap = exact - log_p  # a bound, but for the error of log Z
    assert (gap > -5 * error - 0.02).all() and gap.max() < 0.5
    assert error < 0.05


def test_beginnings(page):
    x = data.load("digits", binary=True).flat()[0]
    begin = page.beginnings(x, images_from(x, (8, 8)), 4)
    low, top = begin["pretrained"]
    same, mirrored = begin["mirrored"]
    assert begin["scratch"] == (None, None) and same is low
    torch.testing.assert_close(mirrored.W[:, :64], low.W.T, atol=0.01, rtol=0)
    assert top.W.shape == mirrored.W.shape == (128, 128)
    assert (top.W[:, :64] - low.W.T).abs().max() > 0.05


def test_fine_tune_takes_a_rate(page):
    x, y = toss(torch.full((30, 64), 0.5)).float(), torch.arange(30) % 10
    net = page.classifier(None, None)
    before = net[4].weight.detach().clone()
    page.fine_tune(net, x, y, 1, lr=0.05)
    step = (net[4].weight.detach() - before).abs().max()
    assert abs(step.item() - 0.05) < 1e-3  # Adam's first step is lr


def test_one_update_of_the_dbm(page, monkeypatch):
    """Centred moments written out: mean field below, marked chains above, decay."""
    before, v = deep(page), toss(torch.full((100, 3), 0.5))
    y = toss(torch.full((100, 5), 0.5))
    marked_gibbs(monkeypatch, y)
    after = page.learn_dbm(copy.deepcopy(before), lambda n: v[:n], 1, lr=0.5)
    m1, m2 = before.mean_field(v, sweeps=5)
    x, g = torch.cat([v, m2], 1), before.p_h(y)
    mu, nu = x.mean(0), m1.mean(0)
    W = ((x - mu).T @ (m1 - nu) - (y - mu).T @ (g - nu)) / 100
    b = x.mean(0) - y.mean(0) - W @ nu
    c = m1.mean(0) - g.mean(0) - W.T @ mu
    share = 0.5 * 1e-3  # of the running mean
    torch.testing.assert_close(after.W, before.W + share * (W - 1e-3 * before.W))
    torch.testing.assert_close(after.b, before.b + share * b)
    torch.testing.assert_close(after.c, before.c + share * c)


def test_dbm_chains_go_on(page, monkeypatch):
    y = toss(torch.full((100, 5), 0.5))
    begins = marked_gibbs(monkeypatch, y)
    page.learn_dbm(deep(page), lambda n: torch.ones(n, 3), 3)
    assert begins[0].shape == (100, 5)
    assert torch.equal(begins[1], y) and torch.equal(begins[2], y)


# How slow, how noisy


def chain_by_blocks(weights):
    """The transition matrix on even layers, from one long table of all states."""
    units = [len(weights[0]), *(W.shape[1] for W in weights)]
    states = all_bits(sum(units))
    layers = (states - 0.5).split(units, 1)
    score = sum(((layers[i] @ W) * layers[i + 1]).sum(1) for i, W in enumerate(weights))
    labels = torch.cat([torch.full((n,), i % 2) for i, n in enumerate(units)])
    even = states[:, labels == 0] @ 2.0 ** torch.arange(int((labels == 0).sum()))
    odd = states[:, labels == 1] @ 2.0 ** torch.arange(int((labels == 1).sum()))
    table = torch.zeros(int(even.max()) + 1, int(odd.max()) + 1)
    table[even.long(), odd.long()] = score
    return table.softmax(1) @ table.softmax(0).T


@pytest.mark.parametrize("units", [(2, 3), (2, 3, 2), (3, 2, 2, 1)])
def test_second_eigenvalue_of_the_chain(page, units):
    weights = [torch.randn(a, b) for a, b in itertools.pairwise(units)]
    values = torch.linalg.eigvals(chain_by_blocks(weights)).real.sort().values
    assert abs(values[-1].item() - 1) < 1e-10
    assert abs(page.second_eigenvalue(weights) - values[-2].item()) < 1e-10


def test_memory_of_a_known_chain(page):
    """x' = x with probability r, else new: correlation r^k."""
    keep, state, seen = 0.8, torch.randn(500, 3), []
    for _ in range(600):
        fresh = torch.rand(500, 3) > keep
        state = torch.where(fresh, torch.randn(500, 3), state)
        seen.append(state)
    found = page.memory(torch.stack(seen), 6)
    torch.testing.assert_close(found, keep ** torch.arange(6.0), atol=0.02, rtol=0)


def test_follow_shows_each_state(page):
    found = page.follow(lambda s: s + 1, torch.zeros(2, 3), lambda s: 2 * s, 4)
    assert found.shape == (4, 2, 3) and found[:, 0, 0].tolist() == [2, 4, 6, 8]


def test_samples_needed(page):
    rbm, target = machine(4, 3), torch.rand(16).softmax(0)
    v, p = all_bits(4), log_p(rbm).exp()
    each = torch.stack(
        [torch.cat([torch.outer(x, rbm.p_h(x)).flatten(), x, rbm.p_h(x)]) for x in v]
    )
    mean = p @ each
    noise = (p[:, None] * (each - mean) ** 2).sum()
    slope = target @ each - mean
    expected = (noise / (slope @ slope)).item()
    assert abs(page.samples_needed(rbm, target) / expected - 1) < 1e-10


# Shapes


def test_pieces_stand_on_the_floor(page):
    legal = page.all_pieces().view(-1, 8, 8, 8)
    assert legal[..., 0].flatten(1).any(1).all()
    assert len(legal.flatten(1).unique(dim=0)) == len(legal)


def test_pieces_hang_together(page):
    ndimage = pytest.importorskip("scipy.ndimage")
    legal = page.all_pieces().view(-1, 8, 8, 8)
    for shape in legal[::97]:
        assert ndimage.label(shape.numpy())[1] == 1


@pytest.mark.parametrize("kind", [0, 1, 2])
def test_volume_of_a_piece(page, kind):
    cells = page.piece(kind, 5, 4, 1, 2, 3, 2)
    volume = {0: 20 + 4 * 3 + 5 * 4 - 5, 1: 20 + 4 * 3, 2: 5 * 4 * 5}[kind]
    if kind == 0:  # the back: rows seat .. seat + extra + 1, the first in the seat
        volume = 20 + 12 + 5 * 3
    assert cells.sum().item() == volume


def test_misses_counts_cells(page):
    legal = toss(torch.full((6, 10), 0.5))
    shapes = toss(torch.full((4, 10), 0.5))
    found, which = page.misses(shapes, legal)
    for shape, value, index in zip(shapes, found, which, strict=True):
        counts = [(shape != other).sum().item() for other in legal]
        assert value.item() == min(counts) == counts[int(index)]


def test_faces_of_one_cell(page):
    cells = torch.zeros(512)
    cells[0] = 1
    assert len(page.faces(cells, 30.0)) == 3  # two sides and the top
    cells[64] = 1  # a neighbour along x hides one face of each
    assert len(page.faces(cells, 30.0)) == 5


def test_up_is_up_on_the_page(page):
    low, high = torch.zeros(8, 8, 8), torch.zeros(8, 8, 8)
    low[4, 4, 0], high[4, 4, 7] = 1, 1

    def height(cells):
        return np.mean([p[1] for face in page.faces(cells, 30.0) for p in face[1]])

    assert height(high) > height(low) + 5


def test_faces_come_from_far_to_near(page):
    depth = [face[0] for face in page.faces(page.all_pieces()[100], 40.0)]
    assert depth == sorted(depth)


# Scores and experiments


def test_score_adds_errors_in_quadrature(page):
    values = torch.randn(320)
    mean, stderr = page.score(values, 0.3, 0.4)
    blocks = values.view(10, 32).mean(1)
    expected = math.sqrt(blocks.var().item() / 10 + 0.25)
    assert abs(mean - values.mean().item()) < 1e-12
    assert abs(stderr - expected) < 1e-12


def test_experiments_run_small(page):
    found = page.few_labels(0, updates=2, rounds=2)
    begun = ("scratch", "mirrored", "pretrained", "rectified")
    names = {
        "logistic",
        "first",
        "features",
        *begun,
        *(f"{name}_long" for name in begun),
    }
    assert set(found) == names
    assert all(0 <= value <= 100 for value in found.values())
    again = page.seeds(1, updates=8, temperatures=3)
    assert all(math.isfinite(value) for value in again.values())
    assert again["test_tuned_draws"] < again["test_tuned"]
    for origin in ("small", "stacked"):
        found = page.origins(origin, 0, updates=4, temperatures=3)
        assert all(math.isfinite(value) for value in found.values())
    assert all(math.isfinite(x) for x in page.wider(0, 8, temperatures=3).values())


def test_digits_are_drawn_nudged(page):
    x = data.load("digits", binary=True).flat()[0]
    assert images_from(x, (8, 8))(20).shape == (20, 64)


def test_the_longer_learners_get_more_rounds_and_a_larger_rate(page, monkeypatch):
    calls = []

    def fine_tune(net, x, y, rounds, lr=1e-3):
        assert len(x) == len(y) == 50
        calls.append((rounds, lr))
        return net

    monkeypatch.setattr(page, "fine_tune", fine_tune)
    page.few_labels(0, updates=2, rounds=7)
    assert calls == [(7, 1e-3), (21, 1e-2)] * 4
