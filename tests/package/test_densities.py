"""Densities against torch.distributions, scipy and quadrature."""

import math

import pytest
import scipy.integrate
import scipy.stats
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.distributions import (
    Bernoulli,
    Categorical,
    Independent,
    Normal,
    kl_divergence,
)

from dgm import densities

moderate = st.floats(-4, 4)


def test_bernoulli_against_torch():
    logits, x = 3 * torch.randn(7, 5), torch.randint(2, (7, 5)).float()
    expected = Independent(Bernoulli(logits=logits), 1).log_prob(x)
    torch.testing.assert_close(densities.bernoulli_log_prob(logits, x), expected)


def test_bernoulli_stays_finite_and_exact_at_extreme_logits():
    logits = torch.tensor([[200.0], [200.0], [-200.0]])
    x = torch.tensor([[1.0], [0.0], [1.0]])
    expected = torch.tensor([0.0, -200.0, -200.0])
    torch.testing.assert_close(densities.bernoulli_log_prob(logits, x), expected)


def test_bernoulli_sums_to_one_over_all_images():
    from dgm.likelihood import all_bits

    total = densities.bernoulli_log_prob(torch.randn(1, 6), all_bits(6)).exp().sum()
    assert total.item() == pytest.approx(1, abs=1e-5)


def test_categorical_against_torch():
    logits, x = torch.randn(4, 6, 17), torch.randint(17, (4, 6))
    expected = Categorical(logits=logits).log_prob(x).sum(1)
    torch.testing.assert_close(densities.categorical_log_prob(logits, x), expected)


def test_gaussian_against_scipy():
    mean, log_std, x = torch.randn(3, 4), 0.5 * torch.randn(3, 4), torch.randn(3, 4)
    expected = scipy.stats.norm.logpdf(x, mean, log_std.exp()).sum(1)
    actual = densities.gaussian_log_prob(mean, log_std, x)
    torch.testing.assert_close(actual, torch.tensor(expected, dtype=torch.float32))


@given(mean=moderate, log_std=st.floats(-2, 1))
def test_kl_to_the_standard_normal_against_quadrature(mean, log_std):
    q = scipy.stats.norm(mean, math.exp(log_std))
    p = scipy.stats.norm()
    low, high = mean - 12 * q.std(), mean + 12 * q.std()
    expected, _ = scipy.integrate.quad(
        lambda z: q.pdf(z) * (q.logpdf(z) - p.logpdf(z)), low, high, points=[mean]
    )
    actual = densities.gaussian_kl(torch.tensor([[mean]]), torch.tensor([[log_std]]))
    assert actual.item() == pytest.approx(expected, rel=1e-4, abs=1e-5)


def test_kl_does_not_cancel_where_the_posterior_is_the_prior():
    """Single precision against the formula in double, one dimension at a time."""
    log_std = torch.linspace(-1e-3, 1e-3, 2001)[:, None]
    s = log_std.double()
    expected = (0.5 * ((2 * s).exp() - 1) - s).sum(1)
    actual = densities.gaussian_kl(torch.zeros(1), log_std)
    assert actual.min().item() >= -1e-9
    torch.testing.assert_close(actual.double(), expected, rtol=1e-3, atol=2e-10)


def test_kl_between_gaussians_against_torch():
    mean_q, log_q, mean_p, log_p = torch.randn(4, 5, 3).unbind(0)
    q = Independent(Normal(mean_q, log_q.exp()), 1)
    p = Independent(Normal(mean_p, log_p.exp()), 1)
    actual = densities.gaussian_kl_between(mean_q, log_q, mean_p, log_p)
    torch.testing.assert_close(actual, kl_divergence(q, p), rtol=1e-4, atol=1e-4)


def test_log_mean_exp_against_its_definition_and_far_from_zero():
    log_w = torch.randn(5, 8)
    expected = log_w.exp().mean(1).log()
    torch.testing.assert_close(densities.log_mean_exp(log_w, 1), expected)
    shifted = densities.log_mean_exp(log_w - 1000, 1)
    torch.testing.assert_close(shifted + 1000, expected, rtol=0, atol=1e-3)


def test_bits_per_dim():
    assert densities.bits_per_dim(64 * math.log(2), 64) == pytest.approx(1)
    with pytest.raises(ValueError, match="number of pixels"):
        densities.bits_per_dim(1.0, 0)
