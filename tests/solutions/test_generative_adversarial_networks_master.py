"""The problem set's tests: they catch wrong answers and accept right ones.

The master is executed once. Then one answer at a time is exchanged, and its problem's
answers and tests run again. The other tests pin what the sample solutions quote.
"""

import math

import pytest
import torch
import torch.nn.functional as F
from answers_generative_adversarial_networks import RIGHT, WRONG
from masters import check_stubs, executed


@pytest.fixture(scope="module")
def master():
    with executed("generative-adversarial-networks") as made:
        yield made


def test_full_marks_and_points(master):
    """The fixture executed every test of the master; what remains is to count."""
    assert master.points == 40
    assert len(master.tests()) == 26


def test_a_stub_scores_nothing(master):
    check_stubs(master)


def test_what_the_eight_pays_buy(master):
    """1c, 1d (i): the best reports, by trying all on a lattice."""
    d = torch.linspace(0.0001, 0.9999, 9999)
    for eta in (0.15, 0.4, 0.6, 0.85):
        odds = (eta / (1 - eta)) ** (1 / 3)
        best = {"Ada": eta, "Cai": eta, "Dov": 2 * eta / (1 + eta), "Fay": eta}
        best |= {"Gus": odds / (1 + odds), "Hal": 1 - eta, "Bo": float(eta > 0.5)}
        best |= {"Eva": 1.0}
        for name, (yes, no) in master.names["pays"].items():
            found = d[(eta * yes(d) + (1 - eta) * no(d)).argmax()].item()
            assert found == pytest.approx(best[name], abs=2e-4), name


def test_what_the_thief_of_squares_feels(master):
    """1d (ii): both losses in terms of Delta, and the slope with D held fixed."""
    names = master.names
    p, g = (row.exp() for row in names["two_tables"](7, seed=90))
    delta = ((p - g) ** 2 / (p + g)).sum()
    for labels, (s, t) in {(-1, 1, 0): (0, 0.5), (0, 1, 1): (0.25, 0.125)}.items():
        found = names["least_squares"](p, g, *labels)
        assert found.thief.item() == pytest.approx((s + t * delta).item())
    leaf = g.clone().requires_grad_()
    (slope,) = torch.autograd.grad((((p - leaf) ** 2) / (p + leaf)).sum() / 8, leaf)
    assert torch.allclose(slope, (g - p) * (3 * p + g) / (8 * (p + g) ** 2))
    other = slope - (found.D - 1) ** 2 / 2
    assert other.max() - other.min() > 0.1
    zero_sum = p * g / (p + g)  # minimax: the slope with D held fixed is the whole
    leaf = g.clone().requires_grad_()
    (whole,) = torch.autograd.grad((p * leaf / (p + leaf)).sum() / 2, leaf)
    assert torch.allclose(whole, found.D**2 / 2)
    assert found.police.item() == pytest.approx(zero_sum.sum().item() / 2)


def test_the_lemma_of_the_losses(master):
    """2d (i), (ii): l' = -r^2 f'', and the non-saturating f is convex."""
    loss_for = master.names["loss_for"]

    def f(r):
        bar = (1 + r) / 2
        return -r.log() - (r * (r / bar).log() - bar.log())

    a = torch.linspace(-3, 3, 13)
    found = loss_for(f, a)
    truth = -F.logsigmoid(a)
    assert torch.allclose(found - found[6], truth - truth[6])
    second = torch.func.vmap(torch.func.grad(torch.func.grad(f)))(a.exp())
    r = a.exp()
    assert torch.allclose(second, 1 / (r**2 * (1 + r)))
    slope = torch.func.vmap(torch.func.grad(lambda b: -F.logsigmoid(b)))(a)
    assert torch.allclose(slope, -(r**2) * second)


def test_the_pull_of_four_losses(master):
    """2d (iii): the numbers quoted from the table."""
    names = master.names
    pull = {
        (name, m): float(names["path_gradient"](m, 0.0, loss)[0])
        for name, loss in names["losses"].items()
        for m in (2.0, 4.0, 5.0)
    }
    for m, quoted in ((2.0, 0.45), (4.0, 0.14), (5.0, 0.05)):
        assert pull["saturating", m] == pytest.approx(quoted, abs=0.005)
        assert 0.5 < pull["saturating", m] / math.exp(-m * m / 8) < 1.5
        assert pull["exponential", m] == pytest.approx(m, rel=1e-3)
        assert 0.75 * m < pull["non-saturating", m] < m


def test_softened_labels_and_sums(master):
    """3d (ii), (iii): 64 real and 256 made; a flat D where p is negligible."""
    names = master.names
    log_p, log_g = names["two_tables"](5, seed=91)
    D = names["best_police"](log_p, log_g, 64 / (64 + 256)).D
    assert torch.allclose(D, log_p.exp() / (log_p.exp() + 4 * log_g.exp()))
    x = torch.tensor([3.999, 4.001])
    slopes = []
    for beta in (0.0, 0.1):
        low, high = names["soft_logit"](-(x**2) / 2, -((x - 4) ** 2) / 2, 0.9, beta)
        slopes.append((high - low).item() / 0.002)
    assert slopes[0] == pytest.approx(-4, abs=0.01)
    assert abs(slopes[1]) < 0.02


def test_what_the_measures_miss(master):
    """4d: modes with the same moments, two thirds, and the bias of few points."""
    names = master.names
    means = names["ring"].means.double()
    for part in (means, means[::2]):
        assert part.mean(0).abs().max() < 1e-6
        cov = part.T @ part / len(part)
        assert torch.allclose(cov, 2 * torch.eye(2), atol=1e-5)
    names["reproducible"](92)
    pairs = [
        names["neighbours"](
            names["ring"].sample(1500).double(),
            names["every_second"].sample(1500).double(),
        )
        for _ in range(2)
    ]
    assert torch.tensor(pairs).mean(0).tolist() == pytest.approx([2 / 3] * 2, abs=0.03)
    for name, sample in names["thieves"].items():
        for beside in (names["train"], names["test"]):
            assert names["frechet"](beside, sample) < 0.1
            shares = names["neighbours"](beside, sample)
            copied = name == "the training set" and beside is names["train"]
            assert (max(shares) == 0) == copied
            if name == "a round Gaussian":
                assert min(shares) > 0.85
            elif name in ("noise of 0.05", "the ring itself"):
                assert max(map(abs, (shares[0] - 0.5, shares[1] - 0.5))) < 0.06
    a, b = torch.randn(2, 50, 30_000)
    bias = names["frechet"](a, b) / (a.var(0).sum() + b.var(0).sum())
    assert 0.9 < bias < 1.1


def test_the_game_of_copies(master):
    """5e (i): police first, mixed, thief first; nobody rests; coins are even."""
    names = master.names
    for images in (2, 3, 5, 8):
        D = torch.full((images + 1, images), 0.8)
        D[:images].fill_diagonal_(1 / 3)
        V = D.log().mean(1, keepdim=True) + (1 - D).log()
        one, both = names["pure"](V), names["mixed"](V)
        assert one.max_min < both.value - 1e-3
        assert both.value < one.min_max - 1e-3
        assert one.saddles == []
        assert torch.allclose(both.thief, torch.full((images,), 1 / images))


def test_a_baseline_that_sees_the_choice(master):
    """5e (ii): it changes the mean."""
    pi, r = torch.tensor([0.2, 0.3, 0.5]), torch.tensor([1.0, -1.0, 3.0])
    scores = torch.eye(3) - pi
    assert ((pi * (r - 7.0)) @ scores - (pi * r) @ scores).abs().max() < 1e-9
    assert ((pi * (r - r)) @ scores).abs().max() == 0


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_answer_loses_points(master, name):
    answer, instead, expected = WRONG[name]
    assert master.failed(answer, instead) == expected


@pytest.mark.parametrize("name", RIGHT)
def test_a_right_answer_gets_all_points(master, name):
    answer, instead = RIGHT[name]
    assert master.failed(answer, instead, given=True) == set()
