"""The problem set's tests: they catch wrong answers and accept right ones.

The master is executed once. Then one answer at a time is exchanged, and its problem's
answers and tests run again.
"""

import math

import pytest
import torch
from answers_variational_autoencoders import RIGHT, WRONG
from masters import check_stubs, executed
from torch.distributions import Normal


@pytest.fixture(scope="module")
def master():
    with executed("variational-autoencoders") as made:
        yield made


def test_full_marks_and_points(master):
    """The fixture executed every test of the master; what remains is to count."""
    assert master.points == 40
    assert len(master.tests()) == 26


def test_a_stub_scores_nothing(master):
    check_stubs(master)


def test_what_the_slip_gains(master):
    """1d: the excess over log p(x), and what the importance weights make of it."""
    names = master.names
    for a in (0.1, 1.0, 30.0, 1e4):
        s = names["best_std"](torch.tensor([a]), 2)
        w, x = torch.tensor([math.sqrt(a)]), torch.tensor([[0.7]])
        log_p = Normal(0, math.sqrt(1 + a)).log_prob(torch.tensor(0.7))
        mean = (x @ w) / (1 + a)
        excess = names["report"](x, w, 1.0, mean, s, 2) - log_p
        formula = (1 - s**2) / 4 + torch.log((1 + a) * s**2) / 2
        assert excess.item() == pytest.approx(formula.item(), abs=1e-9)
        assert excess > 0
    assert excess.item() == pytest.approx(0.25 + math.log(1e4 / 2) / 4, abs=0.01)
    # Codes drawn with the width s^2, divided by the density of the width s.
    z = mean + s**2 * torch.randn(100_000)
    log_w = Normal(0, 1).log_prob(z) + Normal(w * z, 1).log_prob(x[0])
    log_w = log_w - Normal(mean, s).log_prob(z)
    assert log_w.logsumexp(0) - math.log(100_000) - log_p > 1
    charged, due = (names["gaussian_kl"](torch.zeros(1), (k * s).log()) for k in (1, s))
    assert due > charged


def test_the_closed_price_is_too_low(master):
    """1d: by (1 - s^2)^2 / 2 against its mean over what the slip draws."""
    nodes, weights = master.names["gauss_hermite"](10)
    for mean, std in ((0.3, 0.7), (-1.0, 0.2), (0.0, 1.0)):
        z = mean + std**2 * nodes
        drawn = (Normal(mean, std).log_prob(z) - Normal(0, 1).log_prob(z)) @ weights
        closed = (mean**2 + std**2 - 1) / 2 - math.log(std)
        short = (1 - std**2) ** 2 / 2
        assert drawn.item() - closed == pytest.approx(short, abs=1e-9)


def test_what_the_six_laws_are(master):
    """2b: the verdicts that 2d explains; and the betas of its second part."""
    assert master.names["verdict"] == {
        "Ada": "too little",
        "Bo": "too little",
        "Cai": "law",
        "Dov": "too much",
        "Eva": "either",
        "Fay": "law",
    }
    levels, unit = 2.4, 2.4 / 16
    betas = [1 / (2 * levels**2), 64 / (2 * unit**2)]
    assert betas == pytest.approx([0.087, 1422], rel=1e-2)


def test_turning_the_axes(master):
    """3d: both formulas for two latents, at any angle."""
    names = master.names
    W, S, noise = names["W"], names["S"], names["noise"]
    l1, l2 = ((W.T @ W).diagonal() + noise).tolist()
    for t in (0.0, 0.3, math.pi / 4):
        turn = torch.tensor([[math.cos(t), -math.sin(t)], [math.sin(t), math.cos(t)]])
        turned = W @ turn
        M = turned.T @ turned + noise * torch.eye(2)
        best = torch.linalg.solve(M, turned.T)
        own, shared = noise / M.diagonal(), (2 * noise / M.trace()).expand(2)
        bend = (l1 - l2) ** 2 / (4 * l1 * l2)
        expected = math.log1p(bend * math.sin(2 * t) ** 2) / 2
        for variance, truth in ((own, expected), (shared, math.log1p(bend) / 2)):
            gap = names["mean_gap"](turned, noise.sqrt(), best, variance.sqrt(), S)
            assert gap.item() == pytest.approx(truth, abs=1e-9)


def test_a_single_width_costs_likelihood(master):
    """3d: at the likeliest W the bound of a single width has a slope."""
    names = master.names
    S, noise = names["S"], names["noise"]
    W = names["W"].clone().requires_grad_()
    C = W @ W.T + noise * torch.eye(len(S))
    log_p = -(torch.logdet(C) + torch.linalg.solve(C, S).trace()) / 2
    M = W.T @ W + noise * torch.eye(2)
    gap = (2 * (M.trace() / 2).log() - M.logdet()) / 2
    (flat,) = torch.autograd.grad(log_p, W, retain_graph=True)
    (steep,) = torch.autograd.grad(log_p - gap, W)
    assert flat.abs().max() < 1e-8
    assert steep.abs().max() > 1e-3


def test_the_numbers_of_the_dimensions(master):
    """4d: what the table says, and what it does not."""
    names = master.names
    mean, log_std = names["six_dimensions"]()
    found = names["per_dimension"](mean, log_std)
    assert found.rate[1] < 1e-3
    assert found.information[[1, 2, 3]].max() < 1e-3
    assert found.rate[[2, 3]].tolist() == pytest.approx([1.1, 1.1], abs=0.05)
    assert torch.equal(mean[:, 0], mean[:, 4])
    assert found.mismatch[5] > found.information[5]
    spread = mean[:, 0].var()
    once, twice = (math.log1p(spread / noise) / 2 for noise in (0.16, 0.08))
    assert twice - once == pytest.approx(0.3, abs=0.05)
    # 4d (iii): half a nat on an axis with half the noise's variance
    sigma, variance = 1.3, 1.3**2 / 2
    (rate,), _ = names["best_linear"](torch.tensor([variance]), sigma, 1.0, 1)
    assert rate == 0
    saved = variance * (1 - math.exp(-1)) / (2 * sigma**2)
    assert 0.5 - saved == pytest.approx(0.342, abs=1e-3)


def test_what_the_four_encoders_report(master):
    """5d: which error and which effective size mislead."""
    names = master.names
    reports = {}
    for name, factor in (("too wide", 2.0), ("too narrow", 0.5)):
        names["reproducible"](57)
        model = names["simulate"](300, latents=6, factor=factor)
        log_w = model.draws(200)
        found = names["scores"](log_w)
        above = names["upper"](log_w, model.log_w(model.z)).mean()
        off = (found.estimate - model.log_p().mean()).item()
        size = found.effective.median().item()
        reports[name] = off, found.monte_carlo.item(), size, above - found.estimate
    off, claimed, size, open_ = reports["too narrow"]
    assert -0.6 < off < -0.4
    assert abs(off) > 20 * claimed
    assert open_ == pytest.approx(2, abs=0.1)
    off, claimed, wide_size, open_ = reports["too wide"]
    assert abs(off) < 2 * claimed
    assert size > 0.7 * wide_size
    assert open_ < 0.1


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_answer_loses_points(master, name):
    answer, instead, expected = WRONG[name]
    assert master.failed(answer, instead) == expected


@pytest.mark.parametrize("name", RIGHT)
def test_a_right_answer_gets_all_points(master, name):
    answer, instead = RIGHT[name]
    assert master.failed(answer, instead, given=True) == set()
