"""The definitions inside the lecture, against independent computations."""

import itertools
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats
from torch import distributions as dist

from dgm import checks, markov
from dgm.course.load import lecture
from dgm.likelihood import all_bits

PATH = Path(__file__).parents[2] / "lectures/variational-inference.md"
MIXTURES = {
    "x": st.lists(st.floats(-2, 2), min_size=2, max_size=6),
    "spread": st.floats(0.4, 1.5),
    "prior_std": st.floats(0.5, 2),
}


@pytest.fixture(scope="module")
def vi():
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


@pytest.fixture
def plane(vi):
    """A smooth model of six pixels, and four images."""
    model = vi.DigitPlane(6, hidden=4).requires_grad_(False)
    return model, torch.randint(2, (4, 6)).double()


def joint(model, x, z, seen=None):
    """log p(x, z) from torch.distributions, one place at a time."""
    seen = torch.ones_like(x) if seen is None else seen
    log_lik = dist.Bernoulli(logits=model.logits(z)).log_prob(x) * seen
    return log_lik.sum() + dist.Normal(0.0, 1.0).log_prob(z).sum()


def straight(vi, weight=0.0):
    """A model whose posterior is the prior (weight 0), or nearly linear logits."""
    model = vi.DigitPlane(2, hidden=2).requires_grad_(False)
    model.out.weight.fill_(weight)
    return model


# The model and its integrals


def test_joint_table_against_distributions(vi, plane):
    model, x = plane
    places = vi.lattice(1.0, 0.5)
    seen = torch.tensor([1.0, 0, 1, 1, 0, 1])
    for mask in (None, seen):
        found = vi.log_joint_table(model, x, places, mask)
        for i, j in itertools.product(range(4), (0, 7, 24)):
            expected = joint(model, x[i], places.z[j], mask) + math.log(0.25)
            torch.testing.assert_close(found[i, j], expected)


def test_evidence_against_scipy(vi, plane):
    model, x = plane

    def density(b, a):
        return joint(model, x[0], torch.tensor([a, b])).exp().item()

    expected, _ = integrate.dblquad(density, -7, 7, -7, 7, epsabs=1e-7, epsrel=1e-6)
    table = vi.log_joint_table(model, x[:1], vi.lattice())
    assert abs(table.logsumexp(1).exp().item() - expected) < 1e-6


def test_evidence_sums_to_one_with_pixels_covered(vi, plane):
    model, _ = plane
    seen = torch.tensor([1.0, 1, 0, 1, 0, 0])
    x = torch.zeros(8, 6)
    x[:, seen.bool()] = all_bits(3)
    table = vi.log_joint_table(model, x, vi.lattice(), seen)
    checks.sums_to_one(table.logsumexp(1), "covered", atol=1e-8)


def test_target_is_a_row_of_the_table_and_counts(vi, plane):
    model, x = plane
    places, seen = vi.lattice(2.0, 0.5), torch.tensor([1.0, 0, 1, 1, 0, 1])
    target = vi.Target(model, x[1], seen)
    row = vi.log_joint_table(model, x, places, seen)[1] - places.log_area
    torch.testing.assert_close(target(places.z), row)
    target(torch.zeros(3, 5, 2))
    assert target.calls == len(places.z) + 15


def test_lattice_covers_a_square_evenly(vi):
    places = vi.lattice(1.0, 0.25)
    assert places.z.shape == (81, 2) and places.z.abs().max() == 1
    assert places.z.sum().abs() < 1e-12
    assert math.exp(places.log_area) == pytest.approx(0.0625)


def test_the_loss_is_the_nll_plus_the_penalty(vi, plane):
    """On a fine lattice it does not matter where the lattice is."""
    model, x = plane
    loss = vi.penalised_nll(model, vi.lattice(6.0, 0.2))
    weights = model.into.weight.square().sum() + model.out.weight.square().sum()
    nll = -vi.log_joint_table(model, x, vi.lattice()).logsumexp(1).mean()
    torch.testing.assert_close(loss(x), nll + 2e-3 * weights, atol=1e-6, rtol=0)


def test_learning_raises_the_likelihood(vi):
    x = torch.tensor([[1.0, 1, 0, 0], [0, 0, 1, 1]]).repeat(100, 1)
    model = vi.learn_plane(x, 150)
    nll = -vi.log_joint_table(model, x, vi.lattice()).logsumexp(1).mean().item()
    assert math.log(2) < nll < 1.3  # at least one bit; four fair coins cost 2.77
    assert not any(p.requires_grad for p in model.parameters())


def test_peaks_of_two_bumps(vi):
    ticks = torch.linspace(-2, 2, 41)
    a, b = torch.meshgrid(ticks, ticks, indexing="ij")
    bump = torch.exp(-8 * ((a - 1) ** 2 + b**2))
    other = torch.exp(-8 * ((a + 1) ** 2 + (b - 0.5) ** 2))
    for weight, count in ((1.0, 2), (0.3, 2), (0.01, 1)):
        found = vi.peaks((bump + weight * other)[None])[0]
        assert found.sum() == count and found[30, 20]
        assert found[10, 25] == (count == 2)


def test_divided_mass_and_valley(vi):
    places = vi.lattice(4.0, 0.1)
    tops = torch.tensor([[-1.5, 0.0], [1.5, 0.0]])
    near = [dist.Normal(t, 0.3).log_prob(places.z).sum(1).exp() for t in tops]
    posterior = 0.25 * near[0] + 0.75 * near[1]
    mass, valley = vi.divided(posterior / posterior.sum(), places.z, tops)
    assert mass == pytest.approx(0.25, abs=1e-4)
    middle = (math.exp(-0.5 * 25) * 1.0) / 0.75
    assert valley == pytest.approx(middle, rel=1e-3)


# The bound


def test_gauss_hermite_integrates_polynomials(vi):
    nodes = vi.gauss_hermite(5)
    normal = stats.norm()
    for a, b in itertools.product(range(8), repeat=2):
        found = (nodes.eps[:, 0] ** a * nodes.eps[:, 1] ** b) @ nodes.weight
        expected = normal.moment(a) * normal.moment(b) if a and b else None
        expected = expected or (normal.moment(a) if a else 1.0) * (
            normal.moment(b) if b else 1.0
        )
        assert found.item() == pytest.approx(expected, abs=1e-8)


def test_exact_terms_by_hand(vi):
    log_joint = torch.randn(3, 5)
    log_q = torch.randn(3, 5).log_softmax(1)
    log_p, elbo, kl = vi.exact_terms(log_joint, log_q)
    for i in range(3):
        p, q = log_joint[i].exp(), log_q[i].exp()
        assert log_p[i].item() == pytest.approx(math.log(p.sum()))
        by_hand = sum(q[k] * math.log(p[k] / q[k]) for k in range(5))
        assert elbo[i].item() == pytest.approx(by_hand.item())
        post = p / p.sum()
        torch.testing.assert_close(kl[i], torch.tensor(stats.entropy(q, post)))


def test_gaussian_elbo_against_a_lattice_of_q(vi, plane):
    """E_q[log p(x, z) - log q], all of it by brute force on a fine lattice."""
    model, x = plane
    mean, log_std = 0.5 * torch.randn(4, 2), torch.full((4, 2), -0.7)
    log_std[:, 1] = -0.2
    seen = torch.tensor([1.0, 0, 1, 1, 0, 1])
    places = vi.lattice(6.0, 0.05)
    log_q = dist.Normal(mean[:, None], log_std.exp()[:, None]).log_prob(places.z).sum(2)
    log_p = vi.log_joint_table(model, x, places, seen) - places.log_area
    q = log_q.exp() * math.exp(places.log_area)
    expected = (q * (log_p - log_q)).sum(1)
    found = vi.gaussian_elbo(model, x, mean, log_std, vi.gauss_hermite(20), seen)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)


def test_moments_by_hand(vi):
    posterior, z = torch.rand(3, 7).softmax(1), torch.randn(7, 2)
    mean, covariance = vi.moments(posterior, z)
    for i in range(3):
        p = posterior[i].numpy()
        torch.testing.assert_close(mean[i], torch.from_numpy(p @ z.numpy()))
        expected = np.cov(z.numpy().T, aweights=p, ddof=0)
        torch.testing.assert_close(covariance[i], torch.from_numpy(expected))


def test_fit_each_finds_a_stationary_point(vi, plane):
    model, x = plane
    start = torch.zeros(4, 2), torch.full((4, 2), -0.5)
    q = vi.fit_each(model, x, start, steps=400)
    q = [t.requires_grad_() for t in q]
    elbo = vi.gaussian_elbo(model, x, *q, vi.gauss_hermite(8))
    for slope in torch.autograd.grad(elbo.sum(), q):
        assert slope.abs().max() < 1e-2
    begun = vi.gaussian_elbo(model, x, *start, vi.gauss_hermite(8))
    assert (elbo > begun).all()


# The mixture


def some_belief(vi, n):
    resp = torch.rand(n, 2).add(0.1)
    resp = resp / resp.sum(1, keepdim=True)
    return vi.Belief(torch.randn(2), torch.rand(2) + 0.2, resp)


def brute_force_elbo(mixture, q):
    """Sum over all assignments, Gauss-Hermite over both centres."""
    node, weight = np.polynomial.hermite_e.hermegauss(8)
    weight = weight / weight.sum()
    total = 0.0
    n = len(mixture.x)
    x = mixture.x.numpy()
    for (i, a), (j, b) in itertools.product(enumerate(node), repeat=2):
        mu = q.mean.numpy() + q.std.numpy() * np.array([a, b])
        prior = stats.norm(0, mixture.prior_std).logpdf(mu).sum()
        log_q_mu = stats.norm(q.mean, q.std).logpdf(mu).sum()
        for bits in itertools.product((0, 1), repeat=n):
            bits = np.array(bits)
            q_a = q.resp.numpy()[np.arange(n), bits]
            log_lik = stats.norm(mu[bits], mixture.spread).logpdf(x).sum()
            log_p = prior + log_lik - n * math.log(2)
            terms = log_p - log_q_mu - np.log(q_a).sum()
            total += weight[i] * weight[j] * q_a.prod() * terms
    return total


@given(**MIXTURES)
@settings(max_examples=4, deadline=None)
def test_mixture_elbo_by_brute_force(vi, x, spread, prior_std):
    mixture = vi.Mixture(torch.tensor(x[:3]), spread, prior_std)
    q = some_belief(vi, len(mixture.x))
    found = vi.mixture_elbo(mixture, q).item()
    assert found == pytest.approx(brute_force_elbo(mixture, q), abs=1e-8)


@given(**MIXTURES)
@settings(max_examples=15, deadline=None)
def test_evidence_three_ways(vi, x, spread, prior_std):
    """By the lecture's sum, by scipy's multivariate normal, and by the lattice."""
    mixture = vi.Mixture(torch.tensor(x), spread, prior_std)
    n, terms = len(x), []
    for bits in itertools.product((0, 1), repeat=n):
        same = np.equal.outer(bits, bits)
        cov = prior_std**2 * same + spread**2 * np.eye(n)
        terms.append(stats.multivariate_normal(np.zeros(n), cov).logpdf(x))
    expected = np.logaddexp.reduce(terms) - n * math.log(2)
    assert vi.evidence_by_assignments(mixture).item() == pytest.approx(expected)
    table = vi.centres_table(mixture, vi.lattice(12.0, 0.1))
    assert table.logsumexp(0).item() == pytest.approx(expected, abs=1e-6)


@given(**MIXTURES)
@settings(max_examples=20, deadline=None)
def test_every_half_sweep_is_a_maximum(vi, x, spread, prior_std):
    """No move of the factor just updated raises the bound."""
    mixture = vi.Mixture(torch.tensor(x), spread, prior_std)
    q = some_belief(vi, len(x))
    for update, parts in (
        (vi.update_assignments, ["resp"]),
        (vi.update_centres, ["mean", "std"]),
    ):
        q = update(mixture, q)
        best = vi.mixture_elbo(mixture, q)
        for part, factor in itertools.product(parts, (0.97, 1.03)):
            other = getattr(q, part) * torch.tensor([factor, 1.0])
            if part == "resp":
                other = other / other.sum(1, keepdim=True)
            worse = vi.mixture_elbo(mixture, q._replace(**{part: other}))
            assert worse <= best + 1e-10


def test_sweeps_never_fall_and_stay_below(vi):
    mixture = vi.Mixture(torch.randn(8))
    path = [e for _, e in vi.sweep(mixture, vi.undecided(mixture), 20)]
    vi.never_falls(path, vi.evidence_by_assignments(mixture).item(), "test")
    with pytest.raises(checks.CheckFailed):
        vi.never_falls([*path, path[-1] - 1e-3], 1e3, "planted")
    with pytest.raises(checks.CheckFailed):
        vi.never_falls(path, path[-1] - 1e-3, "planted")


def test_the_planted_fault_lowers_the_bound(vi):
    mixture = vi.Mixture(torch.randn(8))
    settled = vi.sweep(mixture, vi.undecided(mixture), 40)[-1][0]
    best = vi.mixture_elbo(mixture, settled)
    assert vi.mixture_elbo(mixture, vi.forgetful(mixture, settled)) < best - 1e-7


def test_natural_parameters_there_and_back(vi):
    q = some_belief(vi, 5)
    again = vi.from_natural(vi.to_natural(q), q.resp)
    torch.testing.assert_close(again.mean, q.mean)
    torch.testing.assert_close(again.std, q.std)
    mixture = vi.Mixture(torch.randn(5))
    best = vi.from_natural(vi.natural(mixture, q), q.resp)
    torch.testing.assert_close(best.mean, vi.update_centres(mixture, q).mean)
    torch.testing.assert_close(best.std, vi.update_centres(mixture, q).std)


def test_log_normaliser_is_one(vi):
    """exp(A) is the integral of exp(lambda . t), up to sqrt(2 pi)."""
    params = torch.tensor([[0.7], [2.5]])
    value, _ = integrate.quad(lambda m: math.exp(0.7 * m - 2.5 * m**2 / 2), -9, 9)
    expected = math.log(value) - 0.5 * math.log(2 * math.pi)
    assert vi.log_normaliser(params).item() == pytest.approx(expected)


def test_stochastic_with_all_data_and_rate_one_is_coordinate_ascent(vi):
    mixture = vi.Mixture(torch.randn(9))
    q = vi.undecided(mixture)
    path = vi.stochastic(mixture, q, size=9, steps=6, power=0.0)
    exact = [e for _, e in vi.sweep(mixture, q, 7)]
    after_assignments = exact[2::2]  # the bound after the assignments of sweeps 2 to 7
    found = [e for _, e in path]
    assert found == pytest.approx(after_assignments)


def test_a_stochastic_step_is_an_average(vi):
    """One step with all data, by hand: old and new natural parameters, mixed."""
    mixture = vi.Mixture(torch.randn(9))
    q = vi.undecided(mixture)
    (found, _), *_ = vi.stochastic(mixture, q, size=9, steps=1, delay=4.0, power=0.5)
    after = vi.update_centres(mixture, vi.update_assignments(mixture, q))
    precision = 0.5 / q.std**2 + 0.5 / after.std**2
    weighted = 0.5 * q.mean / q.std**2 + 0.5 * after.mean / after.std**2
    torch.testing.assert_close(found.std, precision**-0.5)
    torch.testing.assert_close(found.mean, weighted / precision)


def test_minibatches_count_for_all(vi):
    """Nine copies of one image, three at a time: the step is that of all nine."""
    mixture = vi.Mixture(torch.full((9,), 0.8))
    q = vi.undecided(mixture)
    few = vi.stochastic(mixture, q, size=3, steps=4)
    all_at_once = vi.stochastic(mixture, q, size=9, steps=4)
    expected = [e for _, e in all_at_once]
    assert [e for _, e in few] == pytest.approx(expected)


# Gradients


def test_both_estimators_have_the_exact_mean(vi, plane):
    """Over quadrature nodes in place of draws, so that the mean is exact."""
    model, x = plane
    target, nodes = vi.Target(model, x[0]), vi.gauss_hermite(24)
    mean, log_std = torch.tensor([0.3, -0.2]), torch.tensor([-1.2, -1.5])
    q = [t.clone().requires_grad_() for t in (mean, log_std)]
    rows = (t.expand(1, 2) for t in q)
    elbo = vi.gaussian_elbo(model, x[:1], *rows, nodes)
    expected = torch.cat(torch.autograd.grad(elbo.sum(), q))
    for baseline in (0.0, -3.0):
        draws = vi.score_gradient(target, mean, log_std, nodes.eps, baseline)
        torch.testing.assert_close(nodes.weight @ draws, expected, atol=1e-5, rtol=0)
    draws = vi.reparameterised_gradient(target, mean, log_std, nodes.eps)
    torch.testing.assert_close(nodes.weight @ draws, expected, atol=1e-5, rtol=0)
    exact = vi.exact_gradient(model, x[0], mean, log_std)
    torch.testing.assert_close(exact, expected, atol=1e-5, rtol=0)


def test_exact_gradient_by_finite_differences(vi, plane):
    model, x = plane
    point, nodes = torch.tensor([0.3, -0.2, -0.5, -0.9]), vi.gauss_hermite(24)

    def elbo(p):
        return vi.gaussian_elbo(model, x[:1], p[None, :2], p[None, 2:], nodes).item()

    steps = 1e-5 * torch.eye(4)
    expected = [(elbo(point + s) - elbo(point - s)) / 2e-5 for s in steps]
    found = vi.exact_gradient(model, x[0], point[:2], point[2:])
    assert found.tolist() == pytest.approx(expected, abs=1e-6)


def test_worst_z_on_known_numbers(vi):
    estimates = torch.tensor([[1.0, 0.0], [3.0, 0.0], [2.0, 3.0], [2.0, 1.0]])
    truth = torch.tensor([2.0, 0.0])
    stderr = estimates[:, 1].std() / 2
    assert vi.worst_z(estimates, truth) == pytest.approx((1 / stderr).item())


def test_pooled_sums_over_groups(vi):
    f = torch.arange(8.0).view(4, 2)
    expected = torch.tensor([[2.0, 4], [2, 4], [10, 12], [10, 12]])
    assert torch.equal(vi.pooled(f, 2), expected)
    assert torch.equal(vi.pooled(f, 1), f)


def test_variance_of_against_numpy(vi):
    weight, score = torch.randn(3, 50), torch.randn(3, 50, 2)
    product = weight.numpy()[..., None] * score.numpy()
    expected = product.var(axis=1, ddof=1).mean()
    assert vi.variance_of(weight, score).item() == pytest.approx(expected)


# Amortisation


def test_gaps_are_what_is_missing(vi, plane):
    model, x = plane
    encoder = vi.Encoder(6, 3).requires_grad_(False)
    approximation, amortisation = vi.gaps(model, encoder, x)
    assert (approximation > -1e-6).all() and (amortisation >= 0).all()
    log_p = vi.log_joint_table(model, x, vi.lattice()).logsumexp(1)
    elbo = vi.gaussian_elbo(model, x, *encoder(x), vi.gauss_hermite(16))
    torch.testing.assert_close(approximation + amortisation, log_p - elbo)


@pytest.mark.parametrize("good", [0, 1, None])
def test_the_best_of_three_sets_the_gaps(vi, plane, monkeypatch, good):
    """One climb of two, or none, finds the best q; the other ends far away."""
    model, x = plane
    encoder = vi.Encoder(6, 3).requires_grad_(False)
    far = torch.full((4, 2), 3.0), torch.zeros(4, 2)
    ends = [far, far]
    if good is not None:
        ends[good] = vi.fit_each(model, x, encoder(x))
    queue = iter(ends)
    monkeypatch.setattr(vi, "fit_each", lambda *_: next(queue))
    approximation, amortisation = vi.gaps(model, encoder, x)
    best = encoder(x) if good is None else ends[good]
    log_p = vi.log_joint_table(model, x, vi.lattice()).logsumexp(1)
    elbo = vi.gaussian_elbo(model, x, *best, vi.gauss_hermite(16))
    torch.testing.assert_close(approximation, log_p - elbo)
    assert (amortisation == 0).all() if good is None else (amortisation > 0).all()


def test_a_trained_encoder_comes_close_to_the_best(vi, plane):
    model, _ = plane
    x = all_bits(6)
    x = x.repeat(2, 1)
    encoder = vi.learn_encoder(model, x, hidden=32, steps=400)
    lazy = vi.Encoder(6, 32).requires_grad_(False)
    trained = vi.gaps(model, encoder, x[:20])[1].mean()
    assert trained < 0.05 < vi.gaps(model, lazy, x[:20])[1].mean()


# Directions


def test_both_divergences_of_gaussians(vi):
    places = vi.lattice(8.0, 0.05)
    p = dist.Normal(torch.tensor([0.5, -0.5]), torch.tensor([0.8, 1.1]))
    mean, log_std = torch.tensor([0.0, 0.3]), torch.tensor([-0.3, 0.1])
    log_p = p.log_prob(places.z).sum(1) + places.log_area
    q = dist.Normal(mean, log_std.exp())
    found = vi.both_divergences(mean, log_std, log_p, places)
    assert found[0] == pytest.approx(dist.kl_divergence(q, p).sum().item())
    assert found[1] == pytest.approx(dist.kl_divergence(p, q).sum().item())


@pytest.mark.parametrize("s", [0.3, 0.6, 1.1])
def test_two_causes_by_linear_algebra(vi, s):
    """Evidence from scipy; the gap from the KL of torch.distributions."""
    x, omega = torch.randn(7), 0.65
    log_p, elbo = vi.two_causes(x, torch.tensor([s]))
    expected = stats.norm(0, math.sqrt(2 * omega**2 + s**2)).logpdf(x).mean()
    assert log_p.item() == pytest.approx(expected)
    precision = torch.eye(2) + omega**2 / s**2 * torch.ones(2, 2)
    posterior = dist.MultivariateNormal(torch.zeros(2), precision_matrix=precision)
    q = dist.MultivariateNormal(torch.zeros(2), torch.diag(1 / precision.diagonal()))
    gap = dist.kl_divergence(q, posterior).item()
    assert (log_p - elbo).item() == pytest.approx(gap)


# Hamiltonian Monte Carlo


def test_leapfrog_and_hmc_are_the_package_s(vi, plane):
    model, x = plane
    target, z = vi.Target(model, x[0]), torch.randn(5, 2)
    u = torch.randn(5, 2)
    for ours, theirs in zip(
        vi.leapfrog(target, z, u, 0.2, 4),
        markov.leapfrog(target, z, u, 0.2, 4),
        strict=True,
    ):
        torch.testing.assert_close(ours, theirs)
    torch.manual_seed(3)
    ours, accepted = vi.hmc(target, z, 0.9, 3)
    torch.manual_seed(3)
    theirs = markov.hmc_step(target, z, 0.9, 3)
    assert torch.equal(ours, theirs.x) and torch.equal(accepted, theirs.accepted)


def test_leapfrog_follows_the_differential_equation(vi, plane):
    model, x = plane
    target = vi.Target(model, x[0])

    def field(_, state):
        z = torch.from_numpy(state[None, :2])
        return np.concatenate([state[2:], markov.gradient(target, z)[0].numpy()])

    begin = np.array([0.4, -1.0, 0.8, 0.3])
    path = integrate.solve_ivp(field, (0, 1.5), begin, rtol=1e-9, atol=1e-9)
    z, u = (torch.from_numpy(begin[None, i : i + 2]) for i in (0, 2))
    end = torch.cat(vi.leapfrog(target, z, u, 1.5 / 400, 400), 1)[0]
    torch.testing.assert_close(end, torch.from_numpy(path.y[:, -1]), atol=1e-4, rtol=0)


def test_energy_errors_shrink_as_the_square(vi, plane):
    model, x = plane
    target = vi.Target(model, x[0])
    errors = vi.energy_errors(target, torch.randn(200, 2), 1.0, [10, 20, 40])
    rms = errors.square().mean(1).sqrt()
    ratios = rms[:-1] / rms[1:]
    assert ((ratios > 3.8) & (ratios < 4.2)).all()


def test_rejection_draws_from_the_posterior(vi, plane):
    model, x = plane
    target, places = vi.Target(model, x[0]), vi.lattice()
    drawn, kept = vi.rejection(target, places, 20_000)
    posterior = vi.log_joint_table(model, x[:1], places).softmax(1)
    mean, covariance = vi.moments(posterior, places.z)
    assert vi.worst_z(drawn, mean[0]) < 5
    products = (drawn - mean[0]).square()
    assert vi.worst_z(products, covariance[0].diagonal()) < 5
    log_p = vi.log_joint_table(model, x[:1], places).logsumexp(1).item()
    log_lik = target(places.z) - vi.log_prior(places.z)
    chance = math.exp(log_p - log_lik.max().item() - 0.02)
    checks.consistent(kept, math.sqrt(chance / 20_000), chance, "kept")


def test_chains_agree_with_the_lattice(vi, plane):
    model, x = plane
    target, places = vi.Target(model, x[0]), vi.lattice()
    found, rate = vi.chain_moments(target, torch.zeros(400, 2), 0.5, 4, 60, 20)
    posterior = vi.log_joint_table(model, x[:1], places).softmax(1)[0]
    z = places.z
    features = torch.cat([z, z**2, z.prod(1, keepdim=True)], 1)
    assert vi.worst_z(found, posterior @ features) < 5
    assert 0.5 < rate < 1


# Four ways


def test_four_ways_agree_where_all_can(vi, plane):
    model, x = plane
    target, places = vi.Target(model, x[0]), vi.lattice()
    posterior = vi.log_joint_table(model, x[:1], places).softmax(1)[0]
    ink = posterior @ model.logits(places.z).sigmoid()
    assert vi.ink_error(model, vi.by_lattice(target, 60), ink)[0] < 0.05
    assert vi.ink_error(model, vi.by_importance(target, 20_000), ink)[0] < 1
    assert vi.ink_error(model, vi.by_hmc(target, 300, 0.4), ink)[0] < 2
    assert vi.ink_error(model, vi.by_vi(target, 400), ink)[0] < 5
    wrong = vi.by_importance(target, 20_000)
    assert vi.ink_error(model, wrong._replace(log_w=-wrong.log_w), ink)[0] > 2


@pytest.mark.parametrize("way", ["by_lattice", "by_importance", "by_hmc"])
def test_second_moments_four_ways(vi, plane, way):
    """Weights that are off by the prior show in the spread, not in the ink."""
    model, x = plane
    target, places = vi.Target(model, x[0]), vi.lattice()
    options = {"by_lattice": (81,), "by_importance": (20_000,), "by_hmc": (400, 0.4)}
    found = getattr(vi, way)(target, *options[way])
    share = found.log_w.softmax(1)[..., None]
    second = (share * found.z**2).sum(1).mean(0)
    posterior = vi.log_joint_table(model, x[:1], places).softmax(1)
    expected = (posterior @ places.z**2)[0]
    torch.testing.assert_close(second, expected, rtol=0.06, atol=0)


@pytest.mark.parametrize("way", ["by_lattice", "by_importance", "by_vi", "by_hmc"])
def test_calls_are_counted_honestly(vi, plane, way):
    """What is declared for a run is what the target saw; gradients count thrice."""
    model, x = plane
    target = vi.Target(model, x[0])
    options = {
        "by_lattice": (12,),
        "by_importance": (30,),
        "by_vi": (10,),
        "by_hmc": (5, 0.3),
    }[way]
    found = getattr(vi, way)(target, *options)
    runs = 1 if way == "by_lattice" else 10
    seen = target.calls / runs
    if way == "by_vi":
        assert found.calls == 50 + 3 * (seen - 50)
    elif way == "by_hmc":
        per_transition = (seen - 4 * 50) / (4 * 5)
        assert per_transition == 7 + 2  # seven gradients, and two values of the energy
        assert found.calls == 4 * 50 + 4 * 5 * 3 * 7
    else:
        assert found.calls == seen


def test_variational_inference_of_the_prior(vi):
    """With no weights the posterior is the prior, which the family contains."""
    target = vi.Target(straight(vi), torch.tensor([1.0, 0.0]))
    found = vi.by_vi(target, 600)
    share = found.log_w.softmax(1)[..., None]
    mean = (share * found.z).sum(1)
    std = (share * (found.z - mean[:, None]) ** 2).sum(1).sqrt()
    assert mean.abs().max() < 0.15 and (std - 1).abs().max() < 0.15


def test_hopeful_starts_are_the_best_of_their_draws(vi):
    """Under the prior |z|^2 / 2 is exponential: the least of 50 has mean 1 / 50."""
    target = vi.Target(straight(vi), torch.tensor([1.0, 0.0]))
    half = vi.hopeful(target, 2000).square().sum(1) / 2
    stderr = half.std().item() / 2000**0.5
    checks.consistent(half.mean().item(), stderr, 0.02, "best of 50")


# How it breaks


def test_importance_with_the_posterior_itself_is_exact(vi):
    model, x = straight(vi), torch.tensor([1.0, 0.0])
    target = vi.Target(model, x)
    z = torch.randn(100, 2)
    estimate, stderr, share = vi.importance(target, vi.log_prior, z)
    logits = model.logits(torch.zeros(2))
    expected = dist.Bernoulli(logits=logits).log_prob(x).sum().item()
    assert estimate == pytest.approx(expected) and share == pytest.approx(100)
    assert stderr == pytest.approx(0, abs=1e-6)


def test_importance_share_by_hand(vi, plane):
    model, x = plane
    target, z = vi.Target(model, x[0]), torch.randn(300, 2)
    w = (target(z) - vi.log_prior(z)).exp()
    estimate, stderr, share = vi.importance(target, vi.log_prior, z)
    assert math.exp(estimate) == pytest.approx(w.mean().item())
    assert share == pytest.approx(100 * (w.sum() ** 2 / (w**2).sum()).item() / 300)
    relative = w.std(correction=0).item() / 300**0.5 / w.mean().item()
    assert stderr == pytest.approx(relative)  # of the mean weight, so of its log


def test_ink_error_by_hand(vi, plane):
    """Three runs, two places each: percent, root of the mean over pixels and runs."""
    model, _ = plane
    z, log_w, truth = torch.randn(3, 2, 2), torch.randn(3, 2), torch.rand(6)
    squares = []
    for run in range(3):
        w = log_w[run].exp().numpy()
        ink = model.logits(z[run]).sigmoid().numpy()
        mean = (w[:, None] * ink).sum(0) / w.sum()
        squares.append(np.mean((100 * (mean - truth.numpy())) ** 2))
    rms, stderr = vi.ink_error(model, vi.Weighted(z, log_w, 0), truth)
    assert rms == pytest.approx(np.mean(squares) ** 0.5)
    error_of_mean = np.std(squares) / 3**0.5
    above, below = (np.mean(squares) + k * 1e-4 * error_of_mean for k in (1, -1))
    assert stderr == pytest.approx((above**0.5 - below**0.5) / 2e-4, rel=1e-4)


def test_a_margin_too_small_is_noticed(vi, plane):
    """Places that miss the peak give no envelope for the rejection."""
    model, x = plane
    target = vi.Target(model, x[0])
    places = vi.lattice()
    worst = (target(places.z) - vi.log_prior(places.z)).argmin()
    with pytest.raises(AssertionError, match="margin"):
        vi.rejection(target, places._replace(z=places.z[worst, None]), 10)


def test_the_best_diagonal_gaussians_both_ways(vi):
    """Descent on both closed-form divergences ends where the proposition says."""
    root = torch.tensor([[1.0, 0, 0], [0.5, 0.8, 0], [-0.4, 0.3, 0.6]])
    p = dist.MultivariateNormal(torch.tensor([0.2, -1.0, 0.5]), scale_tril=root)
    widths = {
        "q_p": p.precision_matrix.diagonal() ** -0.5,
        "p_q": p.covariance_matrix.diagonal() ** 0.5,
    }
    for way, expected in widths.items():
        mean, log_std = (
            torch.zeros(3, requires_grad=True),
            torch.zeros(3).requires_grad_(),
        )
        climb = torch.optim.LBFGS([mean, log_std], max_iter=200, tolerance_change=1e-14)

        def divergence(climb=climb, way=way, mean=mean, log_std=log_std):
            climb.zero_grad()
            q = dist.MultivariateNormal(mean, scale_tril=log_std.exp().diag())
            value = dist.kl_divergence(*((q, p) if way == "q_p" else (p, q)))
            value.backward()
            return value

        climb.step(divergence)
        torch.testing.assert_close(mean.detach(), p.mean, atol=1e-4, rtol=0)
        torch.testing.assert_close(log_std.detach().exp(), expected, atol=1e-4, rtol=0)
    assert (widths["q_p"] < widths["p_q"]).all()


def test_mean_energy_error_is_half_its_mean_square(vi, plane):
    """In equilibrium, to leading order; and the two estimates of the mean agree."""
    model, x = plane
    target = vi.Target(model, x[0])
    z, _ = vi.rejection(target, vi.lattice(), 20_000)
    (errors,) = vi.energy_errors(target, z, 1.0, [3])
    better = errors * -torch.expm1(-errors) / 2
    paired = errors - better
    checks.consistent(
        paired.mean().item(), paired.std().item() / len(z) ** 0.5, 0.0, "mean error"
    )
    half_square = errors.square().mean().item() / 2
    assert better.mean().item() == pytest.approx(half_square, rel=0.05)
    assert better.std() < errors.std() / 2


def test_starts_have_the_posterior_s_moments(vi, plane):
    model, x = plane
    places = vi.lattice()
    mean, log_std = vi.moment_start(
        vi.log_joint_table(model, x, places).softmax(1), places
    )
    for i in range(4):
        weights = vi.log_joint_table(model, x, places).softmax(1)[i].numpy()
        cov = np.cov(places.z.numpy().T, aweights=weights, ddof=0)
        assert log_std[i].exp().tolist() == pytest.approx(np.sqrt(np.diag(cov)))
        expected = np.average(places.z.numpy(), weights=weights, axis=0)
        assert mean[i].tolist() == pytest.approx(expected)


def test_mass_inside_a_gaussian_is_ninety_percent(vi):
    places = vi.lattice(6.0, 0.04)
    mean, log_std = torch.tensor([[0.3, -0.4]]), torch.tensor([[-0.2, 0.1]])
    q = dist.Normal(mean, log_std.exp()).log_prob(places.z).sum(1).exp()
    posterior = (q * math.exp(places.log_area))[None]
    inside = vi.mass_inside(mean, log_std, posterior, places).item()
    assert inside == pytest.approx(0.9, abs=2e-3)


# Exercises


def test_full_covariance_against_a_lattice_of_q(vi, plane):
    model, x = plane
    mean, places = 0.3 * torch.randn(4, 2), vi.lattice(6.0, 0.05)
    factor = torch.tensor([[0.5, 0.0], [0.3, 0.4]]).expand(4, 2, 2)
    each = [dist.MultivariateNormal(m, scale_tril=factor[0]) for m in mean]
    log_q = torch.stack([q.log_prob(places.z) for q in each])
    log_p = vi.log_joint_table(model, x, places) - places.log_area
    expected = (log_q.exp() * math.exp(places.log_area) * (log_p - log_q)).sum(1)
    found = vi.full_elbo(model, x, mean, factor, vi.gauss_hermite(20))
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=0)
    better = vi.fit_full(model, x, mean, factor)
    assert (better > found).all()


def test_stability_ends_at_two_widths(vi):
    """The eigenvalues of one step, as a matrix."""
    for step in (1.9, 1.99, 2.01, 2.1):
        kick, drift = np.array([[1, 0], [-step / 2, 1]]), np.array([[1, step], [0, 1]])
        growth = np.abs(np.linalg.eigvals(kick @ drift @ kick)).max()
        assert (growth > 1 + 1e-6) == (vi.farthest(step) > 50)
