"""Measures of samples, against closed forms, scipy and scikit-learn."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import linalg, stats
from sklearn.metrics import accuracy_score
from sklearn.neighbors import NearestNeighbors
from torch import nn

from dgm import data, samples
from dgm.course.load import lecture


def test_frechet_of_two_normals_on_a_line():
    """(m - m')^2 + (s - s')^2."""
    a, b = torch.randn(300, 1).double(), 3 * torch.randn(200, 1).double() - 1
    theirs = (a.mean() - b.mean()) ** 2 + (a.std() - b.std()) ** 2
    assert samples.frechet(a, b) == pytest.approx(theirs.item(), rel=1e-9)


def test_frechet_under_turns_and_scales():
    """A rotation of both changes nothing; a scale of both, its square."""
    a, b = torch.randn(80, 5).double(), torch.rand(90, 5).double()
    turn = torch.from_numpy(stats.ortho_group.rvs(5, random_state=1))
    before = samples.frechet(a, b)
    assert samples.frechet(a @ turn, b @ turn) == pytest.approx(before, rel=1e-8)
    assert samples.frechet(3 * a, 3 * b) == pytest.approx(9 * before, rel=1e-8)


def test_frechet_by_the_root_of_a_product():
    a, b = torch.randn(60, 6).double(), torch.randn(70, 6).double().exp()
    A, B = np.cov(a.numpy().T), np.cov(b.numpy().T)
    gap = (a.mean(0) - b.mean(0)).norm().item() ** 2
    root = np.trace(linalg.sqrtm(A @ B)).real
    theirs = gap + np.trace(A) + np.trace(B) - 2 * root
    assert samples.frechet(a, b) == pytest.approx(theirs, rel=1e-8)


@pytest.mark.parametrize("k", [1, 3, 5])
def test_coverage_by_scikit_learn(k):
    x, by = torch.rand(70, 3), torch.rand(40, 3) + 0.3
    reach = NearestNeighbors(n_neighbors=k).fit(by).kneighbors()[0][:, -1]
    theirs = [
        any(np.linalg.norm(b - p) <= r for b, r in zip(by.numpy(), reach, strict=True))
        for p in x.numpy()
    ]
    assert samples.covered(x, by, k).item() == pytest.approx(np.mean(theirs), abs=1e-6)


def test_the_two_sample_test_reaches_the_best_accuracy():
    """Brightness 0.3 or 0.7 with noise: Phi(0.2 / noise) is right at best."""
    noise = 0.2
    real, fake = (
        (mean + noise * torch.randn(1500, 1, 1)).expand(-1, 2, 2) for mean in (0.3, 0.7)
    )
    found = samples.two_sample(real.clone(), fake.clone())
    assert found == pytest.approx(stats.norm.cdf(1), abs=0.02)


def test_two_samples_of_one_law():
    found = samples.two_sample(torch.rand(500, 4, 4), torch.rand(500, 4, 4))
    assert abs(found - 0.5) < 5 * 0.5 / math.sqrt(1000)


def test_independent_pixels_have_the_marginals():
    page = (torch.rand(300, 1, 1) < 0.3).float().expand(-1, 3, 3).contiguous()
    found = samples.independent(page, 5000).flatten(1)
    share = page[:, 0, 0].mean().item()
    bound = 5 * math.sqrt(share * (1 - share) / 5000)
    assert (found.mean(0) - share).abs().max() < bound
    agree = (found[:, 0] == found[:, 8]).float().mean().item()
    assert abs(agree - (share**2 + (1 - share) ** 2)) < 5 * 0.5 / math.sqrt(5000)


def test_rounding_by_searching_the_nearest():
    x = torch.rand(400).double()
    levels = np.arange(17) / 16
    nearest = levels[np.abs(x.numpy()[:, None] - levels).argmin(1)]
    assert samples.rounded(x).numpy() == pytest.approx(nearest, abs=1e-12)
    assert set(samples.rounded(x, levels=2).tolist()) == {0.0, 1.0}


class Flat(nn.Module):
    """All pixels at one probability."""

    def __init__(self, p):
        super().__init__()
        self.logit = math.log(p / (1 - p))

    def forward(self, z):
        return torch.full((len(z), 4, 4), self.logit)


def test_made_images():
    assert samples.made(Flat(0.3), 7).unique().item() == pytest.approx(5 / 16)
    drawn = (16 * samples.made(Flat(0.3), 500, draw=True)).flatten().numpy()
    counts = np.bincount(drawn.round().astype(int), minlength=17)
    law = 8000 * stats.binom(16, 0.3).pmf(np.arange(17))
    counts, law = [*counts[:9], counts[9:].sum()], [*law[:9], law[9:].sum()]
    assert stats.chisquare(counts, law).pvalue > 1e-4


def test_the_reader_reads_digits_it_has_not_seen():
    of = samples.gallery("digits", "valid")
    held = data.digits().valid
    assert torch.equal(of.test, held.x / 16) and len(of.train) == 1000
    answers = of.reader(of.test).argmax(1)
    assert accuracy_score(held.y, answers) > 0.88
    assert of.reader[:-1](of.test).abs().max() <= 1  # the features end in tanh
    assert not any(w.requires_grad for w in of.reader.parameters())


def test_glyphs_of_the_two_splits_are_other_draws():
    test, valid = samples.gallery("glyphs"), samples.gallery("glyphs", "valid")
    for of in (test, valid):
        assert of.train.shape == (4000, 16, 16) and of.test.shape == (500, 16, 16)
    assert not torch.equal(test.train, valid.train)
    nearest = torch.cdist(valid.test.flatten(1), test.test.flatten(1)).min(1).values
    assert (nearest > 0).float().mean() > 0.9


def test_scores_know_a_copy_from_a_crowd():
    """The data themselves; one image 350 times; made images too few."""
    of = samples.gallery("digits", "valid")
    same = samples.sample_scores(of, of.test.clone())
    assert same["frechet"] == pytest.approx(0, abs=1e-6)
    assert same["precision"] == same["recall"] == 1.0
    one = samples.sample_scores(of, of.test[:1].expand(350, -1, -1).clone())
    assert one["precision"] == 1.0 and one["recall"] < 0.02
    assert one["two_sample"] > 0.9
    with pytest.raises(ValueError, match="equally many"):
        samples.sample_scores(of, of.test[:10])


@pytest.mark.parametrize(("name", "modes"), [("ring", 8), ("grid", 25)])
def test_toys_are_equally_likely_round_modes(name, modes):
    toy = samples.toy_of(name, std=0.2)
    assert len(toy.means) == modes
    at_modes = toy.log_prob(toy.means)
    peak = math.log(1 / (modes * 2 * math.pi * 0.2**2))
    assert at_modes.tolist() == pytest.approx([peak] * modes, abs=1e-3)


def test_census_by_the_law_of_distances():
    """Within 3 std of a mode: 1 - exp(-9/2), Rayleigh. A mode without points: lost."""
    toy = samples.toy_of("ring")
    x = toy.sample(40_000).view(2, 20_000, 2)
    keep = torch.cdist(x[0], toy.means).argmin(1) != 3
    found, quality = samples.census(x, toy.means, 0.1)
    share = stats.rayleigh.cdf(3)
    assert found.tolist() == [8, 8]
    assert (quality - share).abs().max() < 5 * math.sqrt(share * (1 - share) / 20_000)
    assert samples.census(x[:1, keep], toy.means, 0.1).found.item() == 7


def test_what_does_not_exist():
    with pytest.raises(ValueError, match="'valid' or 'test'"):
        samples.gallery("digits", "validation")
    with pytest.raises(ValueError, match="no images 'faces'"):
        samples.gallery("faces")
    with pytest.raises(ValueError, match="no toy 'cube'"):
        samples.toy_of("cube")
    with pytest.raises(ValueError, match="neighbours"):
        samples.covered(torch.rand(5, 2), torch.rand(3, 2))


def test_they_are_the_measures_of_the_lecture():
    page = Path(__file__).parents[2] / "lectures/generative-adversarial-networks.md"
    theirs, found = lecture(page), []
    for module in (samples, theirs):
        torch.manual_seed(5)
        of = module.gallery("digits", "valid")
        maker = nn.Sequential(nn.Linear(16, 64), nn.Unflatten(1, (8, 8)))
        fakes = [module.made(maker, 350, draw) for draw in (False, True)]
        fakes += [module.independent(of.train, 350)]
        found.append([module.sample_scores(of, fake) for fake in fakes])
        x = module.toy_of("ring").sample(60).view(2, 30, 2)
        found[-1].append([t.tolist() for t in module.census(x, x[0, :4], 0.1)])
    assert found[0] == found[1]
