"""Markov chains against closed forms: harmonic motion, Gaussians, AR(1) processes."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dgm import checks, markov

CURVES = torch.tensor([1.0, 4.0, 0.25], dtype=torch.float64)


def bowl(x):
    """A Gaussian with standard deviations 1, 1/2 and 2, not normalised."""
    return -0.5 * (CURVES * x**2).sum(1)


def bent(x):
    """Not Gaussian, not separable."""
    return -0.5 * x[:, 0] ** 2 - (x[:, 1] - x[:, 0] ** 2) ** 2


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


def state(n=6, dim=3):
    return torch.randn(2, n, dim, dtype=torch.float64)


def test_gradient_is_minus_curvature_times_place():
    x, _ = state()
    torch.testing.assert_close(markov.gradient(bowl, x), -CURVES * x)
    assert not markov.gradient(bowl, x).requires_grad
    with torch.no_grad():  # works inside, too
        assert markov.gradient(bowl, x).shape == x.shape


@given(step=st.floats(0.01, 0.5), steps=st.integers(1, 12))
@settings(max_examples=30, deadline=None)
def test_leapfrog_is_a_matrix_power_for_a_spring(step, steps):
    """kick(h/2) drift(h) kick(h/2) as 2x2 matrices, one for each curvature."""
    x, momentum = state()
    end, last = markov.leapfrog(bowl, x, momentum, step, steps)
    for axis, curve in enumerate(CURVES.tolist()):
        kick = np.array([[1, 0], [-step / 2 * curve, 1]])
        drift = np.array([[1, step], [0, 1]])
        power = np.linalg.matrix_power(kick @ drift @ kick, steps)
        begin = np.stack([x[:, axis], momentum[:, axis]])
        expected = torch.from_numpy(power @ begin)
        torch.testing.assert_close(end[:, axis], expected[0])
        torch.testing.assert_close(last[:, axis], expected[1])


@given(step=st.floats(0.01, 0.1), steps=st.integers(1, 12))
@settings(max_examples=20, deadline=None)
def test_leapfrog_runs_backwards(step, steps):
    x, momentum = 0.5 * state(dim=2)  # far out the walls are steep and steps unstable
    end, last = markov.leapfrog(bent, x, momentum, step, steps)
    back, before = markov.leapfrog(bent, end, -last, step, steps)
    torch.testing.assert_close(back, x)
    torch.testing.assert_close(-before, momentum)
    assert (end - x).abs().max() > 1e-4  # it moved


def test_leapfrog_keeps_volume():
    """By central differences, which know nothing of autograd."""
    x, momentum = state(n=1, dim=2)
    start = torch.cat([x, momentum], 1)[0]

    def ahead(s):
        return torch.cat(markov.leapfrog(bent, s[None, :2], s[None, 2:], 0.1, 7), 1)[0]

    nudges = 1e-5 * torch.eye(4, dtype=torch.float64)
    columns = [(ahead(start + n) - ahead(start - n)) / 2e-5 for n in nudges]
    det = torch.linalg.det(torch.stack(columns, 1)).item()
    assert abs(det - 1) < 1e-6


def test_no_steps_is_an_error():
    x, momentum = state()
    with pytest.raises(ValueError, match="steps is 0"):
        markov.leapfrog(bowl, x, momentum, 0.1, 0)


def moments_off(transitions, **options):
    """Standard errors by which E x^2 of 20,000 chains is off, at most."""
    x = torch.randn(20_000, 3, dtype=torch.float64) / CURVES.sqrt()
    for _ in range(transitions):
        x = options["move"](x)
    off = (x**2).mean(0) - 1 / CURVES
    return (off / ((x**2).std(0) / len(x) ** 0.5)).abs().max().item()


def test_hmc_leaves_the_density_unchanged_and_blind_faith_does_not():
    right = moments_off(5, move=lambda x: markov.hmc_step(bowl, x, 0.7, 3).x)

    def always(x):
        return markov.leapfrog(bowl, x, torch.randn_like(x), 0.7, 3)[0]

    assert right < 5 < moments_off(5, move=always)


def test_acceptance_agrees_with_the_energy_error():
    x = torch.randn(20_000, 3, dtype=torch.float64) / CURVES.sqrt()
    moved = markov.hmc_step(bowl, x, 0.8, 4)
    chance = (-moved.energy_error).exp().clamp(max=1).mean().item()
    rate = moved.accepted.double().mean().item()
    spread = math.sqrt(rate * (1 - rate) / len(x))
    checks.consistent(rate, spread, chance, "acceptance")
    stayed = (moved.x == x).all(1)
    assert torch.equal(stayed, ~moved.accepted)


def test_what_is_not_finite_is_refused():
    def cliff(x):
        return torch.where(x[:, 0] < 1, -(x[:, 0] ** 2), torch.nan)

    x = torch.zeros(500, 1, dtype=torch.float64)
    moved = markov.hmc_step(cliff, x, 0.9, 2)
    assert moved.x.isfinite().all() and (moved.x < 1).all()
    assert moved.energy_error.isinf().any()


@pytest.mark.parametrize("outside", [-math.inf, math.inf, math.nan])
def test_outside_is_refused_even_by_the_lowest_level(monkeypatch, outside):
    """A uniform draw can be exactly 0; its log must not let a wall be crossed."""

    def wall(x):
        return torch.where(x[:, 0] < 0.5, -(x[:, 0] ** 2), outside)

    monkeypatch.setattr(
        torch, "rand", lambda n, **kw: torch.zeros(n, dtype=kw["dtype"])
    )
    x = torch.zeros(500, 1, dtype=torch.float64)
    moved = markov.hmc_step(wall, x, 0.9, 2)
    assert (moved.x < 0.5).all() and moved.accepted.any()
    assert torch.equal(moved.energy_error == math.inf, ~moved.accepted)


def test_same_generator_same_chain():
    x, _ = state()
    one, two, other = (
        markov.hmc_step(bowl, x, 0.1, 2, torch.Generator().manual_seed(s)).x
        for s in (1, 1, 2)
    )
    assert torch.equal(one, two) and not torch.equal(one, other)


def ar1(rho, n):
    noise = torch.randn(n, dtype=torch.float64) * math.sqrt(1 - rho**2)
    chain = [torch.randn((), dtype=torch.float64)]
    for eps in noise[1:]:
        chain.append(rho * chain[-1] + eps)
    return torch.stack(chain)


def test_autocorrelation_against_numpy():
    chain = ar1(0.7, 300)
    centred = (chain - chain.mean()).numpy()
    full = np.correlate(centred, centred, "full")[299:]
    expected = torch.from_numpy(full[:40] / full[0])
    torch.testing.assert_close(markov.autocorrelation(chain, 40), expected)


@pytest.mark.parametrize("rho", [-0.4, 0.0, 0.5, 0.9])
def test_effective_draws_of_an_ar1(rho):
    """``n (1 - rho) / (1 + rho)`` in theory; 15 % is what 40,000 draws resolve."""
    n = 40_000
    expected = n * (1 - rho) / (1 + rho)
    chain = ar1(rho, n)
    assert abs(markov.effective_draws(chain[:n]) / expected - 1) < 0.15


@pytest.mark.parametrize("n", [40, 100, 2000])
def test_a_chain_that_alternates_is_not_worth_infinitely_many(n):
    """Its autocorrelations cancel to zero or less: the bound holds."""
    chain = torch.ones(n, dtype=torch.float64)
    chain[::2] = -1
    most = n * max(math.log10(n), 1)
    assert n < markov.effective_draws(chain) <= most * (1 + 1e-12)


@pytest.mark.parametrize("lags", [0, 11])
def test_lags_that_do_not_fit(lags):
    with pytest.raises(ValueError, match="do not fit"):
        markov.autocorrelation(torch.randn(10), lags)


def test_a_chain_that_never_moves():
    with pytest.raises(ValueError, match="never moves"):
        markov.autocorrelation(torch.ones(10), 3)
