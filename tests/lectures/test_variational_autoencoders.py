"""The definitions inside the lecture, against independent computations."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats
from sklearn.decomposition import PCA
from sklearn.linear_model import LinearRegression
from torch import nn
from torch.distributions import Binomial, Independent, MultivariateNormal, Normal

from dgm import checks, data
from dgm.course.load import lecture
from dgm.densities import gaussian_kl, log_mean_exp

PATH = Path(__file__).parents[2] / "lectures/variational-autoencoders.md"
LAWS = ["binomial", "categorical", "Gaussian", "logistic", "mixture"]


@pytest.fixture(scope="module")
def vae():
    return lecture(PATH, typecheck=True)


@pytest.fixture(autouse=True)
def quiet(monkeypatch):
    monkeypatch.setenv("DGM_BOOK", "1")
    torch.manual_seed(0)


class Linear(nn.Module):
    """A decoder whose log-odds are W z + b, in every pixel of an image."""

    def __init__(self, latents, shape):
        super().__init__()
        self.shape, self.map = shape, nn.Linear(latents, math.prod(shape))

    def forward(self, z):
        return self.map(z).view(len(z), *self.shape, 1)


class Constant(nn.Module):
    """An encoder with the same q for every image."""

    def __init__(self, mean, log_std):
        super().__init__()
        self.mean, self.log_std = torch.tensor(mean), torch.tensor(log_std)

    def forward(self, x):
        return self.mean.expand(len(x), -1), self.log_std.expand(len(x), -1)


def excited(model):
    """Random weights everywhere, also where training starts from zero."""
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(0, 0.3)
    return model.eval()


def one_latent(vae, mean=0.3, log_std=-0.4):
    """A model of 2x2 binary images with one latent coordinate."""
    parts = Constant([mean], [log_std]), Linear(1, (2, 2))
    return excited(vae.VAE(*parts, vae.law("Bernoulli"), 2))


def by_quadrature(model, x):
    """p(x) of one image by adaptive quadrature over the one latent coordinate."""
    W, b = (p.detach().double() for p in model.decoder.map.parameters())

    def joint(z):
        p = torch.sigmoid(W[:, 0] * z + b)
        lik = torch.where(x.flatten() == 1, p, 1 - p).prod().item()
        return lik * stats.norm.pdf(z)

    return integrate.quad(joint, -12, 12, epsabs=1e-12)[0]


# The terms


def test_three_terms_are_those_of_a_conjugate_pair(vae):
    """x | z ~ N(z1 + z2, 1): fit, price, gap and evidence have closed forms."""
    x, places = 0.7, vae.lattice(7.0, 0.1)
    mean, std = torch.tensor([0.3, -0.2]), torch.tensor([0.8, 0.6])
    lik = Normal(places.z.sum(1), 1.0).log_prob(torch.tensor(x))
    q = Independent(Normal(mean, std), 1)
    log_q = q.log_prob(places.z) + places.log_area
    fit, price, gap, log_p = vae.three_terms(lik[None], log_q[None], places)
    spread = (std**2).sum()
    theirs = -0.5 * math.log(2 * math.pi) - 0.5 * ((x - mean.sum()) ** 2 + spread)
    precision = torch.eye(2) + torch.ones(2, 2)
    covariance = torch.linalg.inv(precision)
    posterior = MultivariateNormal(covariance @ torch.full((2,), x), covariance)
    full = MultivariateNormal(mean, torch.diag(std**2))
    prior = MultivariateNormal(torch.zeros(2), torch.eye(2))
    kl = torch.distributions.kl_divergence
    torch.testing.assert_close(fit[0], theirs, atol=1e-4, rtol=0)
    torch.testing.assert_close(price[0], kl(full, prior), atol=1e-4, rtol=0)
    torch.testing.assert_close(gap[0], kl(full, posterior), atol=1e-4, rtol=0)
    evidence = Normal(0.0, math.sqrt(3)).log_prob(torch.tensor(x))
    torch.testing.assert_close(log_p[0], evidence, atol=1e-4, rtol=0)


@given(m=st.floats(-3, 3), s=st.floats(0.05, 3))
@settings(max_examples=30, deadline=None)
def test_quadrature_kl_is_the_integral(vae, m, s):
    q, p = stats.norm(m, s), stats.norm()
    found, _ = integrate.quad(
        lambda z: q.pdf(z) * (q.logpdf(z) - p.logpdf(z)), m - 10 * s, m + 10 * s
    )
    assert vae.quadrature_kl(m, s) == pytest.approx(found, abs=1e-6)


def test_single_draw_gradients_average_to_the_finite_difference(vae):
    """Common random numbers: the mean gradient is that of the mean, to rounding."""
    eps, h = torch.randn(400, dtype=torch.float64), 1e-5

    def mean_elbo(m, s):
        log_s = torch.tensor([math.log(s)], dtype=torch.float64)
        kl = gaussian_kl(torch.tensor([m], dtype=torch.float64), log_s)
        return F.logsigmoid(3 * (m + s * eps)).mean() - kl

    found = vae.elbo_gradients(0.4, 0.6, eps).mean(0)
    d_m = (mean_elbo(0.4 + h, 0.6) - mean_elbo(0.4 - h, 0.6)) / (2 * h)
    d_s = (mean_elbo(0.4, 0.6 + h) - mean_elbo(0.4, 0.6 - h)) / (2 * h)
    torch.testing.assert_close(found, torch.stack([d_m, d_s]), atol=1e-7, rtol=0)


def test_nearest_counts_pixels(vae):
    x = torch.tensor([[1.0, 0, 1], [0, 0, 0]])
    others = torch.tensor([[1.0, 1, 0], [1, 0, 0]])
    assert vae.nearest(x, others).tolist() == [1, 1]


# The model


def test_the_mean_weight_is_the_evidence(vae):
    """For two images at once, each with its own."""
    model, x = one_latent(vae), torch.tensor([[[1, 0], [1, 1]], [[0, 0], [0, 1]]])
    with torch.no_grad():
        weights = model.log_weights(x, 40_000).exp().double()
    for image, column in zip(x, weights.T, strict=True):
        truth, stderr = by_quadrature(model, image), column.std().item() / 200
        checks.consistent(column.mean().item(), stderr, truth, "E[w] = p(x)")
        assert stderr < 0.01 * truth


def test_elbo_is_the_mean_log_weight(vae):
    model, x = one_latent(vae), torch.randint(2, (1, 2, 2))
    with torch.no_grad():
        model.decoder.map.weight.mul_(8)  # so that the width of q matters
        log_w = model.log_weights(x, 40_000)[:, 0]
        elbo = model.elbo(x.expand(40_000, -1, -1))
    error = math.hypot(log_w.std().item(), elbo.std().item()) / 200
    checks.consistent(elbo.mean().item(), error, log_w.mean().item(), "elbo")
    assert elbo.mean() < math.log(by_quadrature(model, x[0]))


def test_terms_price_every_dimension(vae):
    mean, log_std = [0.5, -1.0, 0.0], [0.1, -0.7, 0.0]
    parts = Constant(mean, log_std), Linear(3, (2, 2))
    model = vae.VAE(*parts, vae.law("Bernoulli"), 2)
    _, kl = model.terms(torch.randint(2, (4, 2, 2)))
    q = Normal(torch.tensor(mean), torch.tensor(log_std).exp())
    theirs = torch.distributions.kl_divergence(q, Normal(0.0, 1.0))
    torch.testing.assert_close(kl, theirs.expand(4, -1))


def test_all_images_sum_to_one_given_a_code(vae):
    model = one_latent(vae)
    images = torch.cartesian_prod(*[torch.arange(2)] * 4).view(-1, 2, 2)
    with torch.no_grad():
        log_lik = model.log_lik(torch.full((16, 1), 0.8), images)
    checks.sums_to_one(log_lik, "16 images")


def test_images_come_from_the_table(vae):
    size = {"latents": 3, "width": 4}
    parts = vae.Encoder((4, 4), 5, **size), vae.Decoder((4, 4), 5, **size)
    model = excited(vae.VAE(*parts, vae.Law(vae.categorical, 5), 5))
    z = torch.randn(1, 3)
    with torch.no_grad():
        probs = model.probs(z)
        drawn = model.draw_image(z.expand(4000, -1)).float()
        mean = model.mean_image(z)[0]
    assert probs.shape == (1, 4, 4, 5)
    torch.testing.assert_close(probs, model.decoder(z).softmax(-1).detach())
    off = (drawn.mean(0) - mean).abs() / (drawn.std(0) / math.sqrt(4000))
    assert off.max() < 5


@pytest.mark.parametrize("shape", [(8, 8), (12, 6)])
def test_networks_keep_an_images_shape(vae, shape):
    x = torch.randint(5, (3, *shape))
    encoder = vae.Encoder(shape, 5, 7, width=4)
    decoder = vae.Decoder(shape, 2, 7, width=4)
    mean, log_std = encoder(x)
    assert mean.shape == log_std.shape == (3, 7)
    assert decoder(mean).shape == (3, *shape, 2)


def test_a_code_reaches_every_pixel_and_every_pixel_the_code(vae):
    encoder = excited(vae.Encoder((4, 4), 3, 2, width=4))
    decoder = excited(vae.Decoder((4, 4), 1, 2, width=4))
    x = torch.randint(3, (1, 4, 4))
    before = encoder(x)[0]
    for i in range(16):
        changed = x.flatten(1).clone()
        changed[0, i] = (changed[0, i] + 1) % 3
        assert (encoder(changed.view_as(x))[0] != before).any()
    jacobian = torch.autograd.functional.jacobian(decoder, torch.randn(1, 2))
    assert (jacobian.abs().sum((0, 3, 4, 5)) > 0).all()


# Training


def test_the_loss_is_fit_and_faded_price(vae):
    class Fixed(vae.VAE):
        def __init__(self):
            nn.Module.__init__(self)

        def terms(self, x):
            return torch.tensor([-10.0, -20.0]), torch.tensor([[1.0, 4.0], [3.0, 0.0]])

    x = torch.zeros(2, 4, 4, dtype=torch.long)
    loss = vae.weighted(Fixed(), 100, beta=2.0, warm=0.1)
    found = [loss(x).item() for _ in range(12)]
    faded = [15 + 2 * 4 * min(1, t / 10) for t in range(1, 13)]
    assert found == pytest.approx(faded)
    free = vae.weighted(Fixed(), 100, warm=0.0, free=2.5)
    assert free(x).item() == pytest.approx(15 + 2.5 + 2.5)


@given(seed=st.integers(0, 999))
@settings(max_examples=10, deadline=None)
def test_nudged_images_are_shifts(vae, seed):
    torch.manual_seed(seed)
    x = torch.randint(1, 9, (30, 4, 5))
    for before, after in zip(x, vae.nudge(x, 1.0), strict=True):
        shifts = []
        for axis, step in ((0, 1), (0, -1), (1, 1), (1, -1)):
            moved = before.roll(step, axis)
            edge = moved.select(axis, 0 if step == 1 else -1)
            edge.zero_()
            shifts.append(moved)
        assert any(torch.equal(after, s) for s in shifts)
    assert torch.equal(vae.nudge(x, 0.0), x)


def test_learning_improves_the_bound(vae):
    x = data.digits().binarized().train.x[:200]
    torch.manual_seed(0)
    model = vae.dense_vae(x, (8, 8), 60)
    untrained = vae.VAE(
        vae.DenseEncoder(64, 2), vae.DenseDecoder(2, (8, 8)), vae.law("Bernoulli"), 2
    )
    assert model.elbo(x).mean() > untrained.elbo(x).mean() + 10


# The plane


def test_evidence_of_a_plane_is_the_mean_likelihood(vae):
    """Against a plain average over draws of the prior, moved and scaled."""
    decoder = excited(vae.DenseDecoder(2, (2, 3)))
    model = vae.VAE(vae.DenseEncoder(6, 2), decoder, vae.law("Bernoulli"), 2)
    x = torch.randint(2, (4, 6)).float()
    mean, scale = torch.tensor([0.5, -1.0]), torch.tensor([[0.8, 0.0], [0.5, 0.3]])
    with torch.no_grad():
        found = vae.evidence(model, x, mean, scale, vae.lattice(6.0, 0.05))
        z = mean + torch.randn(40_000, 2) @ scale.T
        p = torch.distributions.Bernoulli(logits=model.decoder(z).flatten(1))
        for image, log_p in zip(x, found, strict=True):
            lik = p.log_prob(image).sum(1).exp()
            error = lik.std().item() / 200
            checks.consistent(lik.mean().item(), error, log_p.exp().item(), "p(x)")


def test_a_prior_fitted_afterwards_gives_the_same_evidence(vae):
    """Importance weights around the codes against draws of the fitted prior."""
    to_image, centre = excited(nn.Linear(2, 5)), torch.tensor([0.4, -0.3])
    scale = torch.tensor([[2.0, 0.0], [-1.5, 0.2]])
    x, place = torch.randint(2, (3, 5)).float(), torch.randn(3, 2) / 3
    with torch.no_grad():
        to_image.weight.mul_(4)
        log_s = torch.tensor([1.1, 1.0]).log().expand(3, -1)
        log_w = vae.afterwards(to_image, centre, scale, place, log_s, x, 40_000)
        logits = to_image(centre + torch.randn(40_000, 2) @ scale.T)
        p = torch.distributions.Bernoulli(logits=logits)
        for k in range(3):
            lik, w = p.log_prob(x[k]).sum(1).exp(), log_w[:, k].exp()
            error = math.hypot(lik.std().item(), w.std().item()) / 200
            checks.consistent(w.mean().item(), error, lik.mean().item(), "p(x)")


def test_surgery_of_two_clouds(vae):
    """Two far-apart clouds of equal weight: log 2 nats, and the rest is mismatch."""
    mean = torch.tensor([[2.5, 0.0], [-2.5, 0.0]])
    log_std = torch.full((2, 2), math.log(0.4))
    information, mismatch = vae.surgery(mean, log_std, vae.lattice(6.0, 0.05))
    assert information.item() == pytest.approx(math.log(2), abs=1e-4)
    price = gaussian_kl(mean, log_std).mean().item()
    assert mismatch.item() == pytest.approx(price - math.log(2), abs=1e-3)


def test_no_information_in_one_cloud(vae):
    mean, log_std = torch.zeros(3, 2), torch.zeros(3, 2)
    information, mismatch = vae.surgery(mean, log_std, vae.lattice(6.0, 0.1))
    assert abs(information.item()) < 1e-5 and abs(mismatch.item()) < 1e-5


# Laws


@pytest.mark.parametrize("name", LAWS)
@given(seed=st.integers(0, 999), size=st.sampled_from([0.1, 1.0, 4.0]))
@settings(max_examples=10, deadline=None)
def test_levels_sum_to_one(vae, name, seed, size):
    torch.manual_seed(seed)
    law = vae.law(name)
    out = size * torch.randn(20, 1, law.outputs)
    log_mass = law.log_mass(out, torch.arange(17))
    assert not log_mass.isnan().any()
    for row in log_mass:
        checks.sums_to_one(row, name, atol=1e-4)


def test_binomial_is_torchs(vae):
    out, v = torch.randn(17, 1), torch.arange(17)
    theirs = Binomial(16, logits=out[:, 0]).log_prob(v.float())
    torch.testing.assert_close(vae.binomial(out, v), theirs, atol=1e-4, rtol=1e-5)


def test_bernoulli_is_torchs(vae):
    out, v = torch.randn(9, 1), torch.randint(2, (9,))
    theirs = torch.distributions.Bernoulli(logits=out[:, 0]).log_prob(v.float())
    torch.testing.assert_close(vae.bernoulli(out, v), theirs)


@pytest.mark.parametrize("name", ["Gaussian", "logistic"])
@given(mean=st.floats(-1.2, 1.2), log_scale=st.floats(-1.5, 2.0))
@settings(max_examples=30, deadline=None)
def test_rounded_densities_are_differences_of_scipys_cdf(vae, name, mean, log_scale):
    family = stats.norm if name == "Gaussian" else stats.logistic
    density = family(8 + 8 * mean, math.exp(log_scale + 1))
    cuts = density.cdf(np.arange(0.5, 16))
    theirs = np.diff(np.concatenate([[0], cuts, [1]]))
    out = torch.tensor([[mean, log_scale]])
    found = vae.law(name).log_mass(out, torch.arange(17)).exp().numpy()
    np.testing.assert_allclose(found, theirs, atol=2e-5)


def test_far_tails_stay_finite(vae):
    out = torch.tensor([[[3.0, -3.0]], [[-3.0, -3.0]]])
    for name in ("Gaussian", "logistic"):
        log_mass = vae.law(name).log_mass(out, torch.arange(17))
        assert log_mass.isfinite().all()


@pytest.mark.parametrize("name", ["Gaussian", "logistic"])
def test_both_tails_are_exact(vae, name):
    """Mirrored levels under a mirrored density, down to exp(-100)."""
    low, high = torch.tensor([[-0.5, -1.5]]), torch.tensor([[0.5, -1.5]])
    v = torch.arange(17)
    found = vae.law(name).log_mass(low, v)
    torch.testing.assert_close(
        found, vae.law(name).log_mass(high, v.flip(0)), rtol=1e-3, atol=1e-4
    )
    assert found.min() < -10
    family = stats.norm if name == "Gaussian" else stats.logistic
    theirs = family(4, math.exp(-0.5)).logsf(15.5)
    assert found[16].item() == pytest.approx(theirs, rel=1e-3)


def test_mixture_is_a_mixture(vae):
    out = torch.randn(6, 9)
    weight, mean, log_scale = out.view(6, 3, 3).unbind(1)
    v, total = torch.arange(6) * 3, 0
    for k, shift in enumerate((-1.25, 0.0, 1.25)):
        part = torch.stack([mean[:, k] + shift, log_scale[:, k]], 1)
        total = total + weight.softmax(1)[:, k] * vae.logistic(part, v).exp()
    torch.testing.assert_close(vae.mixture(out, v), total.log(), atol=1e-5, rtol=1e-4)


def test_fit_pixel_finds_the_histogram(vae):
    share = torch.tensor([5.0, 1, 0, 2] + [1] * 13)
    share = share / share.sum()
    found = vae.fit_pixel(vae.categorical, 17, share).exp()
    torch.testing.assert_close(found, share, atol=0.01, rtol=0)


def test_an_unknown_law_is_refused(vae):
    with pytest.raises(KeyError):
        vae.law("Poisson")


# Scores


def test_scores_of_known_weights(vae):
    log_w = torch.tensor([[0.0, 1.0], [0.0, 1.0], [math.log(4), -50.0]])

    class Fixed(vae.VAE):
        def __init__(self):
            nn.Module.__init__(self)

        def log_weights(self, x, k):
            return log_w[:k]

    found = vae.score(Fixed(), torch.zeros(2, 2, 2, dtype=torch.long), 3)
    assert found.elbo[0].item() == pytest.approx(math.log(4) / 3)
    assert found.log_p[0].item() == pytest.approx(math.log(2))
    assert found.effective.tolist() == pytest.approx([36 / 18, 2.0])


def test_rate_and_distortion_add_up(vae):
    model, x = one_latent(vae), torch.randint(2, (300, 2, 2))
    found = vae.rate_distortion(model, x, k=200)
    q = Normal(torch.tensor(0.3), torch.tensor(-0.4).exp())
    kl = torch.distributions.kl_divergence(q, Normal(0.0, 1.0)).item()
    assert found["rate"] == pytest.approx(kl, abs=1e-5)
    assert found["rate"] + found["distortion"] == pytest.approx(-found["elbo"])
    assert found["iw"] > found["elbo"]
    truth = [math.log(by_quadrature(model, image)) for image in x[:40]]
    with torch.no_grad():
        each = log_mean_exp(model.log_weights(x[:40], 4000), 0)
    np.testing.assert_allclose(each.numpy(), truth, atol=0.2)


# The linear model


def covariance(dim=6, n=400):
    x = torch.randn(n, dim, dtype=torch.float64) @ torch.randn(dim, dim).double()
    x = x - x.mean(0)
    return x, x.T @ x / n


def test_linear_log_p_is_a_gaussians(vae):
    x, S = covariance()
    model = excited(vae.LinearVAE(6, 2))
    C = model.W @ model.W.T + (2 * model.log_sigma).exp() * torch.eye(6)
    theirs = MultivariateNormal(torch.zeros(6).double(), C).log_prob(x).mean()
    torch.testing.assert_close(model.log_p(S), theirs)


def test_linear_elbo_is_the_mean_over_draws(vae):
    """Exact fit from the formula against draws of z for every x."""
    x, S = covariance()
    model = excited(vae.LinearVAE(6, 2))
    with torch.no_grad():
        q = Normal(x @ model.V.T, model.log_s.exp())
        z = q.sample((3000,))
        fit = Normal(z @ model.W.T, model.log_sigma.exp()).log_prob(x).sum(2)
        kl = torch.distributions.kl_divergence(q, Normal(0.0, 1.0)).sum(1)
        draws = fit.mean(1) - kl.mean()
        stderr = draws.std().item() / math.sqrt(3000)
    checks.consistent(draws.mean().item(), stderr, model.elbo(S).item(), "elbo")


def test_linear_vae_finds_probabilistic_pca(vae):
    torch.manual_seed(1)
    x, S = covariance()
    x, S = x / S.trace().sqrt() * 2, S / S.trace() * 4
    model = vae.fit_linear(S, 2, 3000)
    best = PCA(2).fit(x.numpy()).score(x.numpy())
    assert model.elbo(S).item() == pytest.approx(best, abs=2e-3)
    assert model.log_p(S).item() == pytest.approx(best, abs=2e-3)
    assert model.elbo(S) <= model.log_p(S) + 1e-9


def test_dimensions_below_the_noise_die(vae):
    S = torch.diag(torch.tensor([9.0, 4.0, 2.0, 0.5, 0.3, 0.2], dtype=torch.float64))
    model = vae.fit_linear(S, 5, 1500, log_sigma=0.0)
    assert (model.price(S) > 0.01).sum() == 3
    alive = model.price(S).sort(descending=True).values[:3]
    theirs = 0.5 * torch.tensor([9.0, 4.0, 2.0]).double().log()
    torch.testing.assert_close(alive, theirs, atol=0.01, rtol=0)


def test_linear_beta_moves_the_threshold(vae):
    """With weight beta, an axis is worth its price if its variance exceeds beta."""
    S = torch.diag(torch.tensor([9.0, 4.0, 2.0, 0.5], dtype=torch.float64))
    model = vae.fit_linear(S, 3, 1500, log_sigma=0.0, beta=3.0)
    assert (model.price(S) > 0.01).sum() == 2


# Collapse


def test_context_sees_earlier_pixels_only(vae):
    model = excited(vae.contextual_vae(3, (4, 4), latents=2))
    z, x = torch.zeros(1, 2), torch.randint(3, (1, 4, 4))

    def per_pixel(image):
        seen = F.one_hot(image, 3).permute(0, 3, 1, 2).float()
        return model.context(seen).flatten(2)

    before = per_pixel(x)
    for i in range(16):
        changed = x.flatten(1).clone()
        changed[0, i] = (changed[0, i] + 1) % 3
        moved = (per_pixel(changed.view_as(x)) != before).any(1)[0]
        assert not moved[: i + 1].any()
        assert i == 15 or moved[i + 1 :].any()
    images = torch.cartesian_prod(*[torch.arange(2)] * 4).view(-1, 2, 2)
    small = excited(vae.contextual_vae(2, (2, 2), latents=2))
    with torch.no_grad():
        total = small.log_lik(z.expand(16, -1), images).exp().sum().item()
    assert total == pytest.approx(1, abs=1e-4)


def test_kernel_masks(vae):
    assert vae.kernel_mask(3, own=False).tolist() == [[1, 1, 1], [1, 0, 0], [0, 0, 0]]
    assert vae.kernel_mask(3, own=True).sum() == 5


def test_diagnosis_of_a_deaf_decoder(vae):
    model = one_latent(vae)
    with torch.no_grad():
        model.decoder.map.weight.zero_()
    found = vae.diagnose(model, torch.randint(2, (50, 2, 2)))
    assert found["worth"].abs() < 1e-6 and found["spread"].max() < 1e-9


def test_diagnosis_of_a_listening_decoder(vae):
    """Means equal to the one pixel: shuffled codes must cost something."""

    class Copy(nn.Module):
        def forward(self, x):
            mean = 4.0 * x.flatten(1).float() - 2
            return mean, torch.full_like(mean, -3.0)

    model = vae.VAE(Copy(), Linear(1, (1, 1)), vae.law("Bernoulli"), 2)
    with torch.no_grad():
        model.decoder.map.weight.fill_(3.0)
        model.decoder.map.bias.zero_()
    found = vae.diagnose(model, torch.arange(60).view(-1, 1, 1) % 2)
    assert found["worth"] > 1 and found["spread"].item() > 3


# Attributes


def test_attribute_is_the_slope_of_a_regression(vae):
    codes, a = torch.randn(50, 4), torch.randn(50)
    slope = LinearRegression().fit(a[:, None].numpy(), codes.numpy()).coef_[:, 0]
    np.testing.assert_allclose(vae.attribute(codes, a).numpy(), slope, atol=1e-5)


def test_distance_is_the_root_mean_square(vae):
    factors = data.glyphs.draw(5)
    rendered = data.glyphs.render(factors, size=12).float()
    assert vae.distance(rendered, factors) == 0
    assert vae.distance(rendered + 2, factors) == pytest.approx(2)


@pytest.mark.parametrize("name", ["no price", "2", "two latents", "unregularised"])
def test_variants_differ_in_one_thing(vae, name):
    options, settings_ = vae.variant_of(name)
    assert len(options) + len(settings_) == (2 if name == "unregularised" else 1)
    if name == "2":
        assert settings_ == {"beta": 2.0}


def test_the_seeds_experiment_runs(vae):
    """At a size of two updates; the page only reads what was recorded."""
    found = vae.seeds("bits", 0, steps=2)
    assert found["iw"] < found["elbo"] < 70


def test_fixed_noise_is_fixed(vae):
    _, log_std = vae.FixedNoise(4, 2)(torch.randn(3, 2, 2))
    torch.testing.assert_close(log_std.exp(), torch.full((3, 2), 0.3))


def test_only_a_price_holds_the_rate(vae):
    x, rates = data.digits().binarized().train.x[:200], []
    for priced in (True, False):
        torch.manual_seed(0)
        model = vae.dense_vae(x, (8, 8), 60, priced=priced)
        rates.append(gaussian_kl(*model.encoder(x)).mean().item())
    assert rates[1] > 2 * rates[0]
