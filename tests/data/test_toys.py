"""Toy densities: they integrate to one, and the samples follow them.

The checks are functions, so that each can also be shown a planted fault.
"""

import math
from functools import cache

import numpy as np
import pytest
import sklearn.datasets
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate
from torch import distributions as D

from dgm.data import toys

# Each with half the width of a square that holds it, and the step of a fine grid.
TOYS = {
    "ring": (toys.ring(), 2.5, 0.01),
    "ring of three": (toys.ring(3, 1.0, 0.3), 3.0, 0.15),
    "grid": (toys.grid(), 4.5, 0.025),
    "moons": (toys.moons(), 3.0, 0.05),
    "spiral": (toys.spiral(), 4.0, 0.05),
    "one arm": (toys.spiral(1, 2.0, 2.0, 0.2), 3.6, 0.1),
    "checkerboard": (toys.checkerboard(), 5.0, 0.125),
    "small board": (toys.checkerboard(3, 1.5), 2.0, 0.125),
}
MERGE = 4  # cells of the grid along the side of a bin
every_toy = pytest.mark.parametrize("name", TOYS)


def cell_masses(log_prob, width, step):
    """Probability of each cell of the grid, by the midpoint rule, and its log-density.

    For Gaussians its error shrinks exponentially once the step is below the deviation.
    """
    ticks = torch.arange(-width + step / 2, width, step)
    points = torch.cartesian_prod(ticks, ticks)
    log_p = torch.cat([log_prob(chunk).double() for chunk in points.split(50_000)])
    return log_p.exp() * step**2, log_p


@cache
def known(name):
    toy, width, step = TOYS[name]
    return cell_masses(toy.log_prob, width, step)


def worst_bin(x, name):
    """Largest deviation of a bin's count from its expectation, in standard errors.

    Bins that expect fewer than 25 points, and all that is outside, are one bin.
    """
    _, width, step = TOYS[name]
    bins = round(2 * width / step) // MERGE
    p = known(name)[0].view(bins, MERGE, bins, MERGE).sum((1, 3)).flatten().numpy()
    edges = np.linspace(-width, width, bins + 1)
    counts = np.histogram2d(*x.double().numpy().T, [edges, edges])[0].flatten()
    n = len(x)
    large = n * p >= 25
    p = np.append(p[large], max(0, 1 - p[large].sum()))
    counts = np.append(counts[large], n - counts[large].sum())
    assert len(p) > 16
    return (np.abs(counts - n * p) / np.sqrt(n * p * (1 - p) + 1)).max()


def entropy_gap(x, name):
    """Distance of the mean log-density from minus the entropy, in standard errors."""
    p, log_p = known(name)
    negative_entropy = torch.special.xlogy(p, log_p.exp()).sum()
    log_q = TOYS[name][0].log_prob(x).double()
    error = log_q.std() / math.sqrt(len(x)) + 1e-5
    return ((log_q.mean() - negative_entropy).abs() / error).item()


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@every_toy
def test_density_integrates_to_one(name):
    assert known(name)[0].sum().item() == pytest.approx(1, abs=1e-5)


@every_toy
def test_samples_follow_the_density(name):
    x = TOYS[name][0].sample(40_000, generator())
    assert x.shape == (40_000, 2) and x.dtype == torch.float32
    assert worst_bin(x, name) < 5
    assert entropy_gap(x, name) < 5


def test_the_integral_sees_a_planted_fault():
    board, width, step = TOYS["checkerboard"]
    wrong, _ = cell_masses(lambda x: board.log_prob(x) + 1e-4, width, step)
    assert abs(wrong.sum() - 1) > 1e-5


def test_the_bins_see_planted_faults():
    moons, board = TOYS["moons"][0], TOYS["checkerboard"][0]
    right = torch.tensor([0.02, 0.0])
    assert worst_bin(moons.sample(40_000, generator()) + right, "moons") > 5
    assert worst_bin(board.sample(40_000, generator()) + 5 * right, "checkerboard") > 5
    uneven = toys.gaussian_mixture(moons.means, 0.1, torch.linspace(1, 1.5, 66))
    assert worst_bin(uneven.sample(40_000, generator()), "moons") > 5


@pytest.mark.parametrize("std", [0.095, 0.105])
def test_the_entropy_sees_a_planted_fault(std):
    other = toys.gaussian_mixture(TOYS["moons"][0].means, std)
    assert entropy_gap(other.sample(40_000, generator()), "moons") > 5


@every_toy
def test_seeded_and_leaving_the_global_state_alone(name):
    toy = TOYS[name][0]
    state = torch.get_rng_state()
    x = toy.sample(50, generator(3))
    assert torch.equal(x, toy.sample(50, generator(3)))
    assert not torch.equal(x, toy.sample(50, generator(4)))
    assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(5)
    y = toy.sample(50)
    torch.manual_seed(5)
    assert torch.equal(y, toy.sample(50))


@st.composite
def mixtures(draw):
    """Means, weights and Cholesky factors of a mixture in one to three dimensions."""
    modes, dim = draw(st.integers(1, 5)), draw(st.integers(1, 3))
    rng = torch.Generator().manual_seed(draw(st.integers(0, 2**32)))

    def normal(*shape):
        return torch.randn(*shape, generator=rng, dtype=torch.float64)

    below = normal(modes, dim, dim).tril(-1)
    factors = below + torch.diag_embed(normal(modes, dim).exp())
    return 3 * normal(modes, dim), normal(modes).exp(), factors, 3 * normal(7, dim)


@settings(max_examples=50, deadline=None)
@given(mixtures(), st.sampled_from(["one", "a mode", "a mode and axis", "full"]))
def test_mixture_against_torch_distributions(mixture, kind):
    means, weights, factors, x = mixture
    diagonal = factors.diagonal(dim1=1, dim2=2)
    if kind == "full":
        toy = toys.gaussian_mixture(means, 1.0, weights, factors @ factors.mT)
        parts = D.MultivariateNormal(means, scale_tril=factors)
    else:
        std = {"one": diagonal[0, 0].item(), "a mode": diagonal[:, 0]}.get(
            kind, diagonal
        )
        toy = toys.gaussian_mixture(means, std, weights)
        wide = {"one": diagonal[:1, :1], "a mode": diagonal[:, :1]}.get(kind, diagonal)
        parts = D.Independent(D.Normal(means, wide.expand_as(means)), 1)
    expected = D.MixtureSameFamily(D.Categorical(weights), parts)
    torch.testing.assert_close(
        toy.log_prob(x), expected.log_prob(x), rtol=1e-6, atol=1e-6
    )
    close = toy.log_prob(x.float())
    torch.testing.assert_close(close.double(), toy.log_prob(x), rtol=1e-2, atol=1e-2)


def test_full_covariance_is_sampled():
    covariance = torch.tensor([[[1.0, 0.9], [0.9, 2.0]]])
    toy = toys.gaussian_mixture(torch.tensor([[1.0, -1.0]]), covariance=covariance)
    x = toy.sample(40_000, generator())
    # 5 standard errors: sqrt(2) var / sqrt(n) for a variance, less for the rest.
    torch.testing.assert_close(x.T.cov(), covariance[0], rtol=0, atol=0.071)
    torch.testing.assert_close(x.mean(0), torch.tensor([1.0, -1.0]), rtol=0, atol=0.036)


def test_mixture_against_quadrature_on_a_line():
    toy = toys.gaussian_mixture(
        torch.tensor([[-1.0], [0.5], [2.0]], dtype=torch.float64),
        torch.tensor([0.3, 0.2, 0.7]),
        torch.tensor([1.0, 2.0, 3.0]),
    )

    def density(x):
        return toy.log_prob(torch.tensor([[x]], dtype=torch.float64)).exp().item()

    total, _ = integrate.quad(density, -6, 9, points=[-1, 0.5, 2])
    half, _ = integrate.quad(density, -6, 0.5, points=[-1])
    assert total == pytest.approx(1, abs=1e-9)
    x = toy.sample(40_000, generator())
    assert x.dtype == torch.float64
    assert abs((x < 0.5).double().mean() - half) < 5 * 0.5 / math.sqrt(40_000)


def test_gradient_of_the_log_density():
    toy = TOYS["moons"][0]
    x = toy.sample(5, generator()).double().requires_grad_()
    assert torch.autograd.gradcheck(toy.log_prob, x)
    assert torch.autograd.gradgradcheck(toy.log_prob, x)


def test_far_away_the_log_density_is_finite():
    for name in ("ring", "grid", "moons", "spiral"):
        x = torch.tensor([[100.0, -100.0]], requires_grad=True)
        log_p = TOYS[name][0].log_prob(x)
        log_p.sum().backward()
        assert log_p.isfinite().all() and x.grad.isfinite().all()


def test_ring_and_grid_have_their_modes_where_they_say():
    ring = toys.ring(4, radius=3.0, std=0.5)
    expected = torch.tensor([[3.0, 0], [0, 3], [-3, 0], [0, -3]])
    torch.testing.assert_close(ring.means, expected, rtol=0, atol=1e-6)
    torch.testing.assert_close(ring.factors, 0.5 * torch.eye(2).expand(4, 2, 2))
    points = {tuple(p) for p in toys.grid(3, spacing=1.5).means.tolist()}
    assert points == {(a, b) for a in (-1.5, 0, 1.5) for b in (-1.5, 0, 1.5)}


def test_moons_lie_where_scikit_learn_puts_them():
    curve, _ = sklearn.datasets.make_moons(400, noise=None)
    distance = torch.cdist(toys.moons().means, torch.from_numpy(curve).float())
    # Half a gap between scikit-learn's 200 points a moon, then half of ours.
    assert distance.amin(1).max() < math.pi / 199 / 2 + 1e-3
    assert distance.amin(0).max() < 0.05 + 1e-3


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 4), st.floats(0.5, 2), st.floats(1, 4), st.floats(0.05, 0.5))
def test_spiral_arms(arms, turns, radius, std):
    means = toys.spiral(arms, turns, radius, std).means.view(arms, -1, 2)
    r = means.norm(dim=2)
    torch.testing.assert_close(r, r[:1].expand_as(r))
    assert r[0, 0].item() == pytest.approx(radius / 8, rel=1e-4)
    assert r[0, -1].item() == pytest.approx(radius, rel=1e-4)
    start = torch.arange(arms)[:, None] / arms
    whole = torch.atan2(means[..., 1], means[..., 0]) / (2 * math.pi)
    off = whole - start - turns * r / radius
    assert (off - off.round()).abs().max() < 1e-4
    # Length of an Archimedean spiral from its centre, in closed form.
    turned = 2 * math.pi * turns * r[0].double() / radius
    length = (turned * (1 + turned**2).sqrt() + turned.asinh()) * radius
    gaps = length.diff() / (4 * math.pi * turns)
    assert gaps.max() <= std * 1.001
    assert gaps.max() <= gaps.min() * 1.001


def test_centres_one_deviation_apart_make_no_beads():
    row = torch.arange(-30.0, 31).double().unsqueeze(1)
    comb = toys.gaussian_mixture(row, 1.0)
    between = torch.linspace(-0.5, 0.5, 101).double().unsqueeze(1)
    ridge = comb.log_prob(between).exp()
    ripple = (ridge.max() - ridge.min()) / (2 * ridge.mean())
    assert ripple.item() == pytest.approx(2 * math.exp(-2 * math.pi**2), rel=1e-2)


MEANS = torch.zeros(2, 2)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: toys.ring(0), "modes is 0"),
        (lambda: toys.grid(0), "side is 0"),
        (lambda: toys.spiral(0), "arms is 0"),
        (lambda: toys.checkerboard(0), "side is 0"),
        (lambda: toys.checkerboard(4, -1.0), "extent is -1.0"),
        (lambda: toys.ring(std=0.0), "std is 0.0"),
        (lambda: toys.moons(std=-1.0), "std is -1.0"),
        (lambda: toys.spiral(std=math.nan), "std is nan"),
        (lambda: toys.gaussian_mixture(MEANS, torch.tensor([1.0, -1.0])), "std is"),
        (
            lambda: toys.gaussian_mixture(MEANS, weights=torch.tensor([1.0, 0.0])),
            "weights are",
        ),
        (
            lambda: toys.gaussian_mixture(MEANS, covariance=-torch.ones(2, 2, 2)),
            "covariance is not symmetric",
        ),
        (
            lambda: toys.gaussian_mixture(
                MEANS, covariance=torch.tensor([[[1.0, 0], [0.5, 1]]] * 2)
            ),
            "covariance is not symmetric",
        ),
        (lambda: toys.ring().sample(0), "n is 0"),
        (lambda: toys.checkerboard().sample(0), "n is 0"),
    ],
)
def test_bad_input(make, message):
    with pytest.raises(ValueError, match=message):
        make()
