"""The definitions inside the lecture, against independent computations."""

import itertools
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, linalg, stats
from sklearn.neighbors import NearestNeighbors
from torch import nn
from torch.distributions import Bernoulli, Categorical, Normal, kl_divergence

from dgm import data
from dgm.course.load import lecture

PATH = Path(__file__).parents[2] / "lectures/generative-adversarial-networks.md"


@pytest.fixture(scope="module")
def gan():
    return lecture(PATH, typecheck=True)


@pytest.fixture(autouse=True)
def quiet(monkeypatch):
    monkeypatch.setenv("DGM_BOOK", "1")
    torch.manual_seed(0)


def images_of(pixels):
    return torch.tensor(list(itertools.product([0.0, 1.0], repeat=pixels)))


# The two hands


def test_noisy_bars_by_a_sum_over_rows_and_columns(gan):
    """Two directions, all patterns of lines, all flips: nothing of dgm is used."""
    total = {}
    for lines in itertools.product([0, 1], repeat=2):
        for page in (np.repeat(lines, 2), np.tile(lines, 2)):
            for flips in itertools.product([0, 1], repeat=4):
                weight = np.prod(np.where(flips, 0.2, 0.8)) / 8
                image = tuple(page ^ np.array(flips))
                total[image] = total.get(image, 0) + weight
    x = images_of(4)
    theirs = [math.log(total[tuple(row)]) for row in x.int().tolist()]
    assert gan.noisy_bars(x, 0.2).tolist() == pytest.approx(theirs, abs=1e-5)


def test_the_forger_is_a_mixture_of_independent_pixels(gan):
    share, ink = torch.tensor([0.3, 0.7]), torch.rand(2, 3)
    x = images_of(3)
    forger = gan.Forger(share, ink)
    theirs = sum(
        s * Bernoulli(i).log_prob(x).sum(1).exp()
        for s, i in zip(share, ink, strict=True)
    )
    torch.testing.assert_close(forger.log_prob(x).exp(), theirs)
    assert forger.log_prob(x).exp().sum().item() == pytest.approx(1, abs=1e-5)


def test_every_round_of_hiring_raises_the_likelihood(gan):
    x = images_of(4)
    p = torch.rand(16).softmax(0)
    found = []
    for rounds in range(8):
        torch.manual_seed(3)
        forger = gan.hire(x, p, parts=2, rounds=rounds)
        found.append((p @ forger.log_prob(x)).item())
    assert all(b >= a - 1e-6 for a, b in itertools.pairwise(found))
    assert found[-1] > found[0] + 0.01


def test_one_part_learns_the_share_of_ink(gan):
    x, p = images_of(3), torch.rand(8)
    p = p / p.sum()
    forger = gan.hire(x, p, parts=1, rounds=1)
    torch.testing.assert_close(forger.ink[0], p @ x)


# The game


def test_police_is_the_cross_entropy_of_the_labels(gan):
    real, fake = torch.randn(7, dtype=torch.float64), torch.randn(5).double()
    bce = nn.BCEWithLogitsLoss()
    theirs = bce(real, torch.ones(7).double()) + bce(fake, torch.zeros(5).double())
    torch.testing.assert_close(gan.police(real, fake), theirs)


def test_losses_are_one_number_for_each_seed(gan):
    real, fake = torch.randn(3, 7), torch.randn(3, 5)
    for k in range(3):
        torch.testing.assert_close(
            gan.police(real, fake)[k], gan.police(real[k], fake[k])
        )
        torch.testing.assert_close(gan.saturating(fake)[k], gan.saturating(fake[k]))
    assert gan.non_saturating(fake).shape == (3,)


def test_the_losses_at_known_probabilities(gan):
    logit = torch.tensor([math.log(3.0), 0.0]).double()  # D = 3/4, 1/2
    assert gan.saturating(logit).item() == pytest.approx(math.log(1 / 8) / 2)
    assert gan.non_saturating(logit).item() == pytest.approx(-math.log(3 / 8) / 2)
    assert gan.police(logit, logit).item() == pytest.approx(-math.log(3 / 64) / 2)


@pytest.mark.parametrize("logit", [-200.0, 200.0])
def test_sure_police_give_finite_losses(gan, logit):
    a = torch.full((2,), logit, requires_grad=True)
    loss = gan.police(a, a) + gan.saturating(a) + gan.non_saturating(a)
    loss.backward()
    assert loss.isfinite() and a.grad.isfinite().all()


@given(a=st.floats(-20, 20))
@settings(max_examples=30, deadline=None)
def test_slopes_of_the_thief(gan, a):
    logit = torch.tensor([a], dtype=torch.float64, requires_grad=True)
    (sat,) = torch.autograd.grad(gan.saturating(logit), logit)
    (other,) = torch.autograd.grad(gan.non_saturating(logit), logit)
    assert sat.item() == pytest.approx(-1 / (1 + math.exp(-a)), rel=1e-9)
    assert other.item() == pytest.approx(-1 / (1 + math.exp(a)), rel=1e-9)


# Optimal police


def test_value_on_is_the_integral(gan):
    x = torch.linspace(-8, 8, 20_001, dtype=torch.float64)
    p, g, d = stats.norm(-1, 1), stats.norm(1, 0.7), lambda t: 1 / (1 + np.exp(-t))
    theirs, _ = integrate.quad(
        lambda t: p.pdf(t) * np.log(d(t)) + g.pdf(t) * np.log(1 - d(t)), -8, 8
    )
    dens = [torch.from_numpy(law.pdf(x.numpy())) * (x[1] - x[0]) for law in (p, g)]
    assert gan.value_on(*dens, x).item() == pytest.approx(theirs, abs=1e-7)


def test_no_logit_beats_the_ratio(gan):
    p, g = torch.rand(2, 20, dtype=torch.float64).softmax(1)
    best = gan.value_on(p, g, (p / g).log())
    numeric = torch.zeros(20, dtype=torch.float64, requires_grad=True)
    climb = torch.optim.LBFGS([numeric], max_iter=200, line_search_fn="strong_wolfe")

    def loss():
        climb.zero_grad()
        value = -gan.value_on(p, g, numeric)
        value.backward()
        return value

    climb.step(loss)
    found = gan.value_on(p, g, numeric.detach())
    assert found.item() == pytest.approx(best.item(), abs=1e-7)


def test_divergence_is_that_of_two_normals(gan):
    x = torch.linspace(-12, 12, 20_001, dtype=torch.float64)
    one, other = Normal(0.3, 0.8), Normal(-0.5, 1.2)
    p, g = one.log_prob(x).exp(), other.log_prob(x).exp()
    found = gan.divergence(p, g, (x[1] - x[0]).item())
    assert found.item() == pytest.approx(kl_divergence(one, other).item(), abs=1e-6)


def test_divergence_where_p_is_zero(gan):
    p, g = torch.tensor([0.0, 1.0]), torch.tensor([0.5, 0.5])
    assert gan.divergence(p, g, 1.0).item() == pytest.approx(math.log(2))


def test_coins(gan):
    a, b = torch.randn(2, 9, dtype=torch.float64)
    theirs = kl_divergence(Bernoulli(logits=a), Bernoulli(logits=b))
    torch.testing.assert_close(gan.coin_divergence(a, b), theirs)


def test_the_gap_of_any_discriminator_is_the_coins_divergence(gan):
    p, g = torch.rand(2, 11, dtype=torch.float64).softmax(1)
    best, other = (p / g).log(), torch.randn(11, dtype=torch.float64)
    gap = gan.value_on(p, g, best) - gan.value_on(p, g, other)
    torch.testing.assert_close(gap, (p + g) @ gan.coin_divergence(best, other))


# Many networks at once


def single(crowd, seed):
    """The network of one seed, built of torch's own layers."""
    layers = []
    for weight, bias in zip(crowd.weights, crowd.biases, strict=True):
        layer = nn.Linear(*weight.shape[1:])
        layer.weight.data, layer.bias.data = weight[seed].T, bias[seed, 0]
        layers += [layer, nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def test_a_crowd_is_separate_networks(gan):
    crowd, x = gan.Crowd([3, 8, 6, 2], 4), torch.randn(4, 10, 3)
    for bias in crowd.biases:
        nn.init.normal_(bias)
    with torch.no_grad():
        for k in range(4):
            torch.testing.assert_close(crowd(x)[k], single(crowd, k)(x[k]))


def test_a_crowd_begins_with_sensible_variance(gan):
    crowd = gan.Crowd([50, 400, 400, 1000], 3)
    stds = [w.std().item() for w in crowd.weights]
    theirs = [math.sqrt(2 / 50), math.sqrt(2 / 400), math.sqrt(1 / 400)]
    assert stds == pytest.approx(theirs, rel=0.02)
    assert not any(b.any() for b in crowd.biases)


def test_packs_are_neighbours_of_one_seed(gan):
    class Sum(nn.Module):
        def forward(self, x):
            return (x * torch.tensor([1.0, 10, 100, 1000])).sum(-1, keepdim=True)

    x = torch.tensor([[[1.0, 2], [3, 4], [5, 6], [7, 8]]])
    found = gan.Judge(Sum(), pack=2)(torch.cat([x, x + 1]))
    assert found.tolist() == [[4321.0, 8765.0], [5432.0, 9876.0]]


def test_crowding_is_a_kernel_mean(gan):
    class Keep(nn.Module):
        def forward(self, x):
            self.seen = x
            return x[..., :1]

    net, x = Keep(), torch.randn(2, 6, 2)
    logits = gan.Crowding(net, scales=(0.5, 2.0))(x)
    assert logits.shape == (2, 6)
    for seed, i in itertools.product(range(2), range(6)):
        for column, scale in ((2, 0.5), (3, 2.0)):
            theirs = np.mean(
                [
                    math.exp(-((x[seed, i] - y).norm().item() ** 2) / (2 * scale**2))
                    for y in x[seed]
                ]
            )
            assert net.seen[seed, i, column].item() == pytest.approx(theirs, rel=1e-4)
    torch.testing.assert_close(net.seen[..., :2], x)


# The loop


class Ledger(nn.Module):
    """A player with one number, which counts how often it is asked."""

    def __init__(self, value):
        super().__init__()
        self.value, self.calls = nn.Parameter(torch.tensor(value)), 0

    def forward(self, x):
        self.calls += 1
        return x + self.value


def tiny_arena(gan):
    feed = {"real": 0, "noise": 0}

    def real():
        feed["real"] += 1
        return torch.ones(4)

    def noise():
        feed["noise"] += 1
        return torch.zeros(4)

    return gan.Arena(Ledger(0.5), Ledger(-0.3), real, noise), feed


@pytest.mark.parametrize("k", [1, 3])
def test_k_updates_of_the_police_for_one_of_the_thief(gan, k):
    arena, feed = tiny_arena(gan)
    turns = list(gan.adversaries(arena, steps=5, k=k))
    assert feed == {"real": 5 * k, "noise": 5 * (k + 1)}
    assert arena.discriminator.calls == 5 * (2 * k + 1)
    assert [turn.step for turn in turns] == list(range(5))


def test_nothing_moves_until_a_turn_is_asked_for(gan):
    arena, feed = tiny_arena(gan)
    gan.adversaries(arena, steps=5)
    assert feed == {"real": 0, "noise": 0}
    assert arena.generator.value.item() == 0.5


def test_the_first_turn_by_hand(gan):
    """Adam's first step is the sign of the gradient times the rate."""
    arena, _ = tiny_arena(gan)
    turn = next(gan.adversaries(arena, steps=1, rates=gan.Rates(0.02, 0.01)))
    g, d = 0.5, -0.3
    value = -math.log1p(math.exp(-(1 + d))) - math.log1p(math.exp(g + d))
    assert turn.value.item() == pytest.approx(value, abs=1e-6)
    slope = 1 / (1 + math.exp(1 + d)) - 1 / (1 + math.exp(-(g + d)))  # of V, in d
    d += 0.01 * math.copysign(1, slope)
    assert arena.discriminator.value.item() == pytest.approx(d, abs=1e-5)
    assert turn.loss.item() == pytest.approx(math.log1p(math.exp(-(g + d))), abs=1e-5)
    assert arena.generator.value.item() == pytest.approx(g + 0.02, abs=1e-5)


def test_the_police_do_not_move_the_thief(gan):
    arena, _ = tiny_arena(gan)
    still = gan.Rates(thief=0.0, police=0.1)
    list(gan.adversaries(arena, steps=3, rates=still))
    assert arena.generator.value.item() == 0.5
    assert arena.discriminator.value.item() != pytest.approx(-0.3)


def test_another_loss_of_the_thief_is_used(gan):
    arena, _ = tiny_arena(gan)

    def other():
        logits = arena.discriminator(arena.generator(arena.noise()))
        return -gan.non_saturating(logits)

    list(gan.adversaries(arena, steps=1, thief=other))
    assert arena.generator.value.item() < 0.5


def test_seeds_do_not_meet(gan):
    """Three games side by side are three games alone."""

    def play(seeds):
        torch.manual_seed(1)
        arena = gan.arena_of(gan.Setting(latents=2), 3, batch=8)
        real, noise = torch.randn(20, 3, 8, 2), torch.randn(40, 3, 8, 2)
        with torch.no_grad():
            for player in arena[:2]:
                for weight in player.parameters():
                    weight.data = weight.data[seeds]
        feeds = iter(real[:, seeds]), iter(noise[:, seeds])
        arena = arena._replace(
            real=lambda: next(feeds[0]), noise=lambda: next(feeds[1])
        )
        values = [t.value for t in gan.adversaries(arena, steps=20)]
        return torch.stack(values)

    together = play([0, 1, 2])
    for k in range(3):
        torch.testing.assert_close(play([k])[:, 0], together[:, k], atol=1e-4, rtol=0)


def test_update_is_one_step_down_the_sum(gan):
    w = nn.Parameter(torch.tensor([1.0, 2.0]))
    w.grad = torch.tensor([100.0, 100.0])  # left over; must not count
    gan.update(torch.optim.SGD([w], lr=0.1), w**2)
    assert w.tolist() == pytest.approx([0.8, 1.6])


def test_foresight_differentiates_through_the_replies(gan):
    """Against finite differences in the generator, replies included."""
    critic = nn.Sequential(nn.Linear(1, 1), nn.Flatten(0)).double()
    real, noise = torch.ones(4, 1).double(), torch.zeros(4, 1).double()

    class Shift(nn.Module):
        def __init__(self, value):
            super().__init__()
            self.value = nn.Parameter(torch.tensor([value], dtype=torch.float64))

        def forward(self, z):
            return z + self.value

    def by_hand(value):
        w, b = critic[0].weight.item(), critic[0].bias.item()
        for _ in range(3):
            miss = 1 / (1 + math.exp(w + b))
            taken = 1 / (1 + math.exp(-(w * value + b)))
            w, b = w + 0.5 * (miss - value * taken), b + 0.5 * (miss - taken)
        return math.log1p(math.exp(-(w * value + b)))

    maker = Shift(0.3)
    arena = gan.Arena(maker, critic, lambda: real, lambda: noise)
    before = critic[0].weight.item()
    loss = gan.foresight(arena, looks=3, lr=0.5)
    (slope,) = torch.autograd.grad(loss, maker.value)
    assert loss.item() == pytest.approx(by_hand(0.3), abs=1e-10)
    numeric = (by_hand(0.3 + 1e-5) - by_hand(0.3 - 1e-5)) / 2e-5
    assert slope.item() == pytest.approx(numeric, abs=1e-8)
    assert critic[0].weight.item() == before


def test_gradient_norms_by_one_seed_at_a_time(gan):
    torch.manual_seed(2)
    noise = torch.randn(3, 5, 2)
    crowd = gan.Crowd([2, 4, 4, 2], 3), gan.Crowd([2, 4, 4, 1], 3)
    arena = gan.Arena(crowd[0], gan.Judge(crowd[1]), lambda: noise, lambda: noise)
    found = gan.gradient_norms(arena)
    for k in range(3):
        maker, critic = single(crowd[0], k), single(crowd[1], k)
        fake = critic(maker(noise[k])).sigmoid()
        for row, loss in enumerate([(1 - fake).log().mean(), -fake.log().mean()]):
            slopes = torch.autograd.grad(loss, maker.parameters(), retain_graph=True)
            norm = torch.cat([s.flatten() for s in slopes]).norm()
            torch.testing.assert_close(found[row, k], norm, atol=1e-5, rtol=1e-4)


# Counting


def test_census_of_points_that_are_placed(gan):
    means = torch.tensor([[0.0, 0], [10, 0], [20, 0], [30, 0]])
    x = torch.zeros(1, 100, 2)
    x[0, :90, 0] = 0.29  # all good, in the first mode
    x[0, 90:95, 0] = 10.0  # a fifth of 25 is 5: just found
    x[0, 95:99, 0] = 20.0  # 4: not found
    x[0, 99, 0] = 30.31  # outside three standard deviations
    found, quality = gan.census(x, means, 0.1)
    assert found.tolist() == [2]
    assert quality.tolist() == pytest.approx([0.99])


def test_bad_points_do_not_find_a_mode(gan):
    means = torch.tensor([[0.0, 0], [10, 0]])
    x = torch.full((1, 50, 2), 5.2)
    found, quality = gan.census(x, means, 0.1)
    assert found.tolist() == [0] and quality.tolist() == [0.0]


@pytest.mark.parametrize(("name", "modes"), [("ring", 8), ("grid", 25)])
def test_toys_of_the_page(gan, name, modes):
    toy = gan.toy_of(name)
    assert len(toy.means) == modes
    assert toy.factors.diagonal(dim1=1, dim2=2).unique().item() == pytest.approx(0.1)


@pytest.mark.parametrize("remedy", ["none", "packing", "batch", "unrolled"])
def test_every_remedy_plays(gan, remedy):
    setting = gan.Setting("ring", remedy, latents=3)
    arena = gan.arena_of(setting, 2, batch=6)
    turns = list(gan.toy_game(arena, setting, 2))
    assert turns[-1].value.shape == (2,) and turns[-1].loss.isfinite().all()
    logits = arena.discriminator(arena.real())
    assert logits.shape == (2, 3 if remedy == "packing" else 6)


def test_the_setting_reaches_the_game(gan):
    """The first loss of the thief is negative exactly if it is the saturating one."""
    for saturating in (False, True):
        setting = gan.Setting(saturating=saturating, police=0.0, k=2)
        turn = next(gan.toy_game(gan.arena_of(setting, 2), setting, 1))
        assert (turn.loss < 0).all() == saturating
    narrow = gan.arena_of(gan.Setting(hidden=8, latents=5), 2)
    assert [w.shape[1] for w in narrow.generator.weights] == [5, 64, 64]
    assert [w.shape[1] for w in narrow.discriminator.net.weights] == [2, 8, 8]


@pytest.mark.parametrize("name", ["2 latents", "k = 5", "slow", "narrow", "both"])
def test_strengths_change_what_they_say(gan, name, monkeypatch):
    seen = []
    monkeypatch.setattr(gan, "toy_scores", lambda s, *_: seen.append(s) or {})
    gan.strengths(name, 1, 1)
    changes = {
        k: v for k, v in seen[0]._asdict().items() if v != getattr(gan.Setting(), k)
    }
    theirs = {
        "2 latents": {"latents": 2},
        "k = 5": {"k": 5},
        "slow": {"police": 1e-4},
        "narrow": {"hidden": 8},
        "both": {"saturating": True, "k": 5},
    }
    assert changes == theirs[name]


def test_push_is_the_gradient_of_log_d(gan):
    critic = gan.Judge(gan.Crowd([2, 5, 1], 1))
    x = torch.tensor([[0.3, -0.2], [1.0, 0.5]])

    def log_d(t):
        return critic(t[None])[0].sigmoid().log()

    h = 1e-3
    with torch.no_grad():
        theirs = torch.stack(
            [(log_d(x + h * e) - log_d(x - h * e)) / (2 * h) for e in torch.eye(2)], 1
        )
    torch.testing.assert_close(gan.push_at(critic, x), theirs, atol=2e-3, rtol=0)


def test_a_shot_has_its_surface_the_right_way_up(gan):
    """Rows run upwards, columns to the right, as imshow draws them."""

    class Slope(nn.Module):
        def forward(self, x):
            return x[..., 0] + 10 * x[..., 1]

    maker = gan.Crowd([2, 4, 2], 1)
    toy = gan.toy_of("ring")
    arena = gan.Arena(maker, Slope(), None, lambda: torch.randn(1, 64, 2))
    shot = gan.shoot(arena, toy, half=3.0)
    assert shot.surface[0, 0].item() == pytest.approx(-33, abs=1e-4)
    assert shot.surface[0, -1].item() == pytest.approx(-27, abs=1e-4)
    assert shot.surface[-1, 0].item() == pytest.approx(27, abs=1e-4)
    assert shot.made.shape == (300, 2)


def test_snapshots_are_as_many_as_asked_and_begin_untrained(gan):
    setting = gan.Setting(latents=2)
    torch.manual_seed(5)
    shots = gan.snapshots(setting, [0, 2, 3])
    torch.manual_seed(5)
    arena = gan.arena_of(setting, 1)
    assert len(shots) == 3
    surface = gan.shoot(arena, gan.toy_of("ring")).surface
    torch.testing.assert_close(shots[0].surface, surface)
    assert not torch.equal(shots[1].surface, shots[2].surface)


def test_the_police_learn_without_a_way_back_through_the_thief(gan):
    """Made points come detached to the police's update, attached to the thief's."""
    seen = []

    class Watched(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.ones(2))

        def forward(self, x):
            seen.append(x.requires_grad)
            return x @ self.weight

    arena = gan.Arena(
        nn.Linear(3, 2), Watched(), lambda: torch.rand(4, 2), lambda: torch.rand(4, 3)
    )
    next(gan.adversaries(arena, steps=1, k=2))
    assert seen == [False, False, False, False, True]


# Police who see finely


def test_waves_of_a_point(gan):
    waves = gan.Waves(2.0, count=3)
    x = torch.rand(2, 4, 5)
    found, f = waves(x), waves.frequencies
    assert found.shape == (2, 4, 5 + 6) and torch.equal(found[..., :5], x)
    phase = torch.einsum("snd,dk->snk", x[..., :2], f)
    torch.testing.assert_close(
        found[..., 5:8].square() + found[..., 8:].square(), 1 + 0 * phase
    )
    torch.testing.assert_close(
        torch.atan2(found[..., 5:8], found[..., 8:]).tan(),
        phase.tan(),
        rtol=1e-3,
        atol=1e-3,
    )


def test_sharpness_is_the_spread_of_the_frequencies(gan):
    assert gan.Waves(3.0, count=5000).frequencies.std() == pytest.approx(3, rel=0.05)
    assert not list(gan.Waves(1.0).parameters())


@pytest.mark.parametrize("remedy", ["none", "packing", "batch", "unrolled"])
def test_sharp_arenas_play(gan, remedy):
    arena = gan.sharp_arena(remedy, 1.0, seeds=3, batch=6)
    logits = arena.discriminator(arena.real())
    assert logits.shape == (3, 3 if remedy == "packing" else 6)
    assert arena.generator(arena.noise()).shape == (3, 6, 2)
    far = (arena.real()[..., None, :] - data.toys.grid().means).norm(dim=-1)
    assert far.min(-1).values.max() < 0.7


@pytest.mark.parametrize("remedy", ["packing", "batch"])
def test_sharp_remedies_see_the_others(gan, remedy):
    """A point's neighbour changes its logit, only with a remedy."""
    x = torch.rand(1, 4, 2)
    moved = x.clone()
    moved[0, 1] += 0.3
    for name, expected in ((remedy, True), ("none", False)):
        judge = gan.sharp_arena(name, 1.0, seeds=1, batch=4).discriminator
        assert (judge(x)[0, 0] != judge(moved)[0, 0]).item() is expected


# Images


@pytest.mark.parametrize("side", [8, 16])
@pytest.mark.parametrize("kind", ["dense", "conv"])
def test_networks_have_the_shapes_of_images(gan, kind, side):
    players = gan.pair(kind, side)
    x = players.generator(gan.codes(3))
    assert x.shape == (3, side, side) and ((x > 0) & (x < 1)).all()
    assert players.discriminator(x).shape == (3,)


@pytest.mark.parametrize("kind", ["dense", "conv"])
def test_every_latent_and_every_pixel_count(gan, kind):
    players = gan.pair(kind, 8)
    players.discriminator.eval()
    z = gan.codes(2).requires_grad_()
    x = players.generator(z)
    (by_z,) = torch.autograd.grad(x.sum(), z)
    assert (by_z != 0).any(0).all()
    y = torch.rand(20, 8, 8, requires_grad=True)
    (by_y,) = torch.autograd.grad(players.discriminator(y).sum(), y)
    assert (by_y != 0).any(0).all()


@pytest.mark.parametrize("kind", ["dense", "conv"])
def test_generators_normalise_every_hidden_layer(gan, kind):
    """Over a batch, the scale of a hidden layer's weights does not matter."""
    maker, z = gan.pair(kind, 8).generator.logits, gan.codes(30)
    layers = [
        m for m in maker.modules() if isinstance(m, nn.Linear | nn.ConvTranspose2d)
    ]
    with torch.no_grad():
        before = maker(z)
        for layer in layers[:-1]:
            layer.weight *= 10
            layer.bias *= 10
            torch.testing.assert_close(maker(z), before, atol=2e-3, rtol=1e-2)
        layers[-1].weight *= 10
        assert (maker(z) - before).abs().max() > 0.1


def test_the_convolutional_generator_is_local(gan):
    """A change of one cell of the first map stays within reach of two layers."""
    maker = gan.ConvGenerator(16, 16).eval()
    h = torch.randn(1, 32, 4, 4)
    moved = h.clone()
    moved[..., 0, 0] += 1
    with torch.no_grad():
        a, b = (maker.finish(maker.grow(m))[0, 0] for m in (h, moved))
    changed = (a != b).nonzero()
    assert changed.max().item() <= 6 and (a != b).any()


def test_image_game_moves_both_and_averages_the_generators(gan, monkeypatch):
    """The mean that is left is that of the weights after each turn, weighted."""
    players = gan.pair("dense", 8)
    before = [[w.clone() for w in player.parameters()] for player in players]
    seen, fed = [], []
    play = gan.adversaries

    def watched(arena, **options):
        fed.append(options["rates"])
        for turn in play(arena, **options):
            seen.append(players.generator.logits.net[0].weight.detach().clone())
            yield turn

    monkeypatch.setattr(gan, "adversaries", watched)
    mean = gan.image_game(players, torch.rand(70, 8, 8), steps=5)
    for player, old in zip(players, before, strict=True):
        assert any(
            not torch.equal(a, b) for a, b in zip(player.parameters(), old, strict=True)
        )
    expected = seen[0]  # keep 0, 1/11, 2/12, ...
    for step in range(1, 5):
        keep = step / (step + 10)
        expected = keep * expected + (1 - keep) * seen[step]
    torch.testing.assert_close(mean.logits.net[0].weight, expected)
    assert not mean.training and fed == [gan.Rates(thief=2e-3, police=1e-3)]


def test_image_game_nudges_both_kinds_and_feeds_every_image(gan, monkeypatch):
    """The police see real and made images after nudges, in equal numbers."""
    caught = {}
    monkeypatch.setattr(
        gan, "adversaries", lambda arena, **_: caught.update(a=arena) or ()
    )
    images = torch.zeros(64, 8, 8)
    images[:, 4, 4] = 1
    players = gan.pair("dense", 8)
    gan.image_game(players, images, steps=1)
    arena = caught["a"]
    places = {tuple(x.nonzero()[0].tolist()) for x in arena.real()}
    assert len(places) > 5 and all(abs(a - 4) <= 1 >= abs(b - 4) for a, b in places)
    assert arena.discriminator is players.discriminator
    ours = [id(w) for w in arena.generator.parameters()]
    assert ours == [id(w) for w in players.generator.parameters()]
    arena.generator.eval()
    z = gan.codes(1).expand(64, -1)
    assert len({tuple(x.flatten().tolist()) for x in arena.generator(z)}) == 9


def test_nudges_are_the_nine_moves_by_at_most_one_pixel(gan):
    torch.manual_seed(1)
    x = torch.rand(4, 5)[:, :4]
    found = {tuple(y.flatten().tolist()) for y in gan.Nudge()(x.expand(400, 4, 4))}
    wide = np.pad(x.numpy(), 1)
    moves = [wide[r : r + 4, c : c + 4] for r in range(3) for c in range(3)]
    assert found == {tuple(m.flatten().tolist()) for m in moves}


def test_nudges_are_equally_frequent(gan):
    x = torch.zeros(9000, 3, 3)
    x[:, 1, 1] = 1
    counts = gan.Nudge()(x).sum(0).flatten()
    assert ((counts - 1000) ** 2 / 1000).sum() < 40  # chi-square, 8 degrees


def test_gradients_pass_through_a_nudge(gan):
    x = torch.rand(3, 4, 4, requires_grad=True)
    gan.Nudge()(x).sum().backward()
    assert (x.grad[:, 1:3, 1:3] == 1).all() and x.grad.max() == 1


def test_follow_averages_statistics_and_leaves_counts(gan):
    slow, fast = nn.BatchNorm1d(2), nn.BatchNorm1d(2)
    fast.running_mean += torch.tensor([1.0, 2.0])
    fast.num_batches_tracked += 7
    gan.follow(slow, fast, 0.75)
    assert slow.running_mean.tolist() == [0.25, 0.5]
    assert slow.num_batches_tracked == 0 and fast.running_mean.tolist() == [1, 2]


def test_rounded_gives_the_greys_that_data_have(gan):
    x = torch.rand(500)
    found = gan.rounded(x)
    levels = found * 16
    torch.testing.assert_close(levels, levels.round(), atol=1e-5, rtol=0)
    assert (found - x).abs().max() <= 1 / 32 + 1e-6
    real = data.digits().train.x / 16
    assert torch.equal(gan.rounded(real), real)


def test_vae_loss_is_the_elbo_of_binomial_pixels(gan):
    """An encoder without spread: binomial log-probabilities and the KL, by torch."""

    class Fixed(nn.Module):
        def forward(self, x):
            mean = torch.linspace(-1, 1, 16).expand(len(x), -1)
            return torch.cat([mean, torch.full_like(mean, -5.0)], 1)

    decoder = gan.ConvGenerator(16, 8).eval()
    x = torch.randint(17, (3, 8, 8)) / 16
    loss = gan.vae_loss(Fixed(), decoder, x)
    mean = torch.linspace(-1, 1, 16).expand(3, -1)
    law = torch.distributions.Binomial(16, logits=decoder(mean))
    constant = torch.lgamma(torch.tensor(17.0)) - torch.lgamma(16 * x + 1)
    constant = (constant - torch.lgamma(17 - 16 * x)).sum((1, 2))
    fit = law.log_prob(16 * x).sum((1, 2)) - constant
    kl = kl_divergence(Normal(mean, math.exp(-5)), Normal(0.0, 1.0)).sum(1)
    assert loss.item() == pytest.approx((kl - fit).mean().item(), rel=1e-3)


def test_the_decoder_learns_a_constant_image(gan):
    x = torch.zeros(80, 8, 8)
    x[:, :, :4] = 1
    decoder = gan.vae_decoder("dense", x, steps=120)
    assert not decoder.training
    shown = gan.made(decoder, 5)
    assert (shown - x[:5]).abs().mean() < 0.05


# Measures


def test_frechet_by_scipy(gan):
    a, b = torch.randn(200, 4), torch.randn(150, 4) @ torch.randn(4, 4) + 1
    A, B = np.cov(a.double().T), np.cov(b.double().T)
    root = linalg.sqrtm(A @ B).real
    gap = a.double().mean(0) - b.double().mean(0)
    theirs = gap @ gap + np.trace(A + B - 2 * root)
    assert gan.frechet(a, b) == pytest.approx(float(theirs), rel=1e-8)
    assert gan.frechet(b, a) == pytest.approx(gan.frechet(a, b), rel=1e-8)


def test_frechet_with_a_feature_that_never_varies(gan):
    a = torch.cat([torch.randn(50, 2), torch.ones(50, 1)], 1)
    assert gan.frechet(a, a) == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("k", [1, 3])
def test_covered_by_scikit_learn(gan, k):
    x, by = torch.randn(60, 2), torch.randn(50, 2) + 1
    near = NearestNeighbors(n_neighbors=k + 1).fit(by.numpy())
    radius = near.kneighbors(by.numpy())[0][:, -1]
    gaps = np.linalg.norm(x.numpy()[:, None] - by.numpy(), axis=2)
    theirs = (gaps <= radius).any(1).mean()
    assert gan.covered(x, by, k).item() == pytest.approx(theirs)


def test_two_samples_of_one_law_and_of_two(gan):
    same = gan.two_sample(torch.rand(400, 4, 4), torch.rand(400, 4, 4))
    other = gan.two_sample(torch.rand(400, 4, 4), torch.rand(400, 4, 4) + 0.3)
    assert abs(same - 0.5) < 5 * 0.5 / math.sqrt(800)
    assert other > 0.95


def test_the_two_sample_test_is_not_fooled_by_memory(gan):
    """Few images of noise can be learned by heart; the held half says 50 %."""
    torch.manual_seed(1)
    found = [
        gan.two_sample(torch.rand(200, 8, 8), torch.rand(200, 8, 8)) for _ in range(3)
    ]
    assert abs(np.mean(found) - 0.5) < 5 * 0.5 / math.sqrt(1200)


def test_a_known_best_accuracy_is_approached(gan):
    """One pixel, N(0,1) against N(2,1): TV = 2 Phi(1) - 1."""
    real, fake = torch.randn(2000, 1, 1), torch.randn(2000, 1, 1) + 2
    best = stats.norm.cdf(1)
    assert gan.two_sample(real, fake) == pytest.approx(best, abs=0.02)


def test_independent_pixels_keep_their_marginals_only(gan):
    page = torch.zeros(500, 2, 2)
    page[:250] = 1  # pixels agree within an image
    page[:, 1, 1] = 0.25
    found = gan.independent(page, 4000)
    assert found.shape == (4000, 2, 2)
    assert (found[:, 1, 1] == 0.25).all()
    flat = found.flatten(1)[:, :3]
    assert flat.mean(0).tolist() == pytest.approx([0.5] * 3, abs=0.04)
    assert abs(torch.corrcoef(flat.T)[0, 1].item()) < 0.08


def test_made_images_are_levels_and_draws_are_binomial(gan):
    maker = gan.DenseGenerator(16, 8).eval()
    for draw in (False, True):
        x = gan.made(maker, 20, draw=draw) * 16
        torch.testing.assert_close(x, x.round(), atol=1e-4, rtol=0)
    with torch.no_grad():
        maker.net[-1].weight.zero_()
        maker.net[-1].bias.fill_(math.log(0.25 / 0.75))
    x = gan.made(maker, 400, draw=True) * 16
    assert x.mean().item() == pytest.approx(4, abs=0.06)
    assert x.var().item() == pytest.approx(3, abs=0.15)


def test_the_reader_reads(gan):
    digits = data.digits()
    net = gan.reader(digits.train.x / 16, digits.train.y)
    right = (net(digits.valid.x / 16).argmax(1) == digits.valid.y).float().mean()
    assert right > 0.88
    assert net[:-1](digits.valid.x[:3] / 16).shape == (3, 16)


def test_galleries_keep_their_splits_apart(gan):
    digits = data.digits()
    of = gan.gallery("digits", "valid")
    assert torch.equal(of.train, digits.train.x / 16)
    assert torch.equal(of.test, digits.valid.x / 16)
    assert torch.equal(gan.gallery("digits").test, digits.test.x / 16)
    glyphs = gan.gallery("glyphs")
    assert glyphs.train.shape == (4000, 16, 16) and len(glyphs.test) == 500
    assert glyphs.train.min() >= 0 and glyphs.train.max() == 1
    gaps = torch.cdist(glyphs.test.flatten(1), glyphs.train.flatten(1)).min(1).values
    assert (gaps > 0).float().mean() > 0.9


def test_sample_scores_are_the_four_measures(gan):
    of = gan.gallery("digits", "valid")
    fake = of.train[:350]
    found = gan.sample_scores(of, fake)
    a, b = (of.reader[:-1](x) for x in (of.test, fake))
    assert found["frechet"] == pytest.approx(gan.frechet(a, b))
    assert found["precision"] == pytest.approx(gan.covered(b, a).item())
    assert found["recall"] == pytest.approx(gan.covered(a, b).item())
    assert 0.3 < found["two_sample"] <= 1


def test_precision_and_recall_are_not_swapped(gan):
    """Copies of one image: all of them plausible, and hardly any image covered."""
    of = gan.gallery("digits", "valid")
    found = gan.sample_scores(of, of.test[:1].expand(350, -1, -1).clone())
    assert found["precision"] == 1.0 and found["recall"] < 0.02


def test_accuracy_counts_each_kind(gan):
    class Bright(nn.Module):
        def forward(self, x):
            return x.mean((1, 2)) - 0.5

    real, fake = torch.full((4, 2, 2), 0.9), torch.full((5, 2, 2), 0.1)
    real[0], fake[:2] = 0.0, 1.0
    assert gan.accuracy(Bright(), real, fake) == pytest.approx(
        {"real": 0.75, "fake": 0.6}
    )


def test_a_fresh_critic_sees_greys_that_data_have(gan, monkeypatch):
    seen = []

    class Spy(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.zeros(64, 1))

        def forward(self, x):
            seen.append(8 * (x + 1))
            return x.flatten(1) @ self.weight

    maker = gan.pair("dense", 8).generator.eval()
    players = gan.Pair(maker, gan.Score(Spy()))
    monkeypatch.setattr(gan, "pair", lambda *_: players)
    gan.fresh_critic("dense", gan.rounded(torch.rand(70, 8, 8)), maker, steps=2)
    assert len(seen) == 4
    for levels in seen:
        torch.testing.assert_close(levels, levels.round(), atol=1e-4, rtol=0)


@pytest.mark.parametrize("family", ["GAN", "VAE"])
def test_hunger_trains_on_as_many_as_it_says(gan, family, monkeypatch):
    sizes = []

    def game(players, images, steps):
        sizes.append((len(images), steps))
        return players.generator.eval()

    def decoder(kind, images, steps):
        sizes.append((len(images), steps))
        return gan.DenseGenerator(16, 16).eval()

    monkeypatch.setattr(gan, "image_game", game)
    monkeypatch.setattr(gan, "vae_decoder", decoder)
    monkeypatch.setattr(gan, "two_sample", lambda *_: 0.5)
    gan.hunger(family, 125, 0)
    assert sizes == [(125, 1200)]


def test_trials_average_both_kinds_on_both_parts(gan):
    """A judge of brightness, its opposite, and a thief of black images."""

    class Brightness(nn.Module):
        def __init__(self, sign):
            super().__init__()
            self.sign = sign

        def forward(self, x):
            return self.sign * (x.mean((1, 2)) - 0.4)

    class Black(nn.Module):
        def forward(self, z):
            return torch.full((len(z), 8, 8), -50.0)

    mixed = torch.stack([torch.ones(8, 8)] * 3 + [torch.zeros(8, 8)])
    of = gan.Gallery(torch.ones(6, 8, 8), mixed, nn.Sequential())
    found = gan.trials(of, gan.Grey(Black()), Brightness(1), Brightness(-1))
    assert found == pytest.approx(
        {"old_train": 1, "old_test": 0.875, "fresh_train": 0, "fresh_test": 0.125}
    )


@pytest.mark.parametrize("model", ["dense GAN", "conv GAN", "dense VAE"])
def test_families_train_what_they_say(gan, model, monkeypatch):
    """Which network, for how many turns, and what is scored."""
    calls = []

    def game(players, images, steps):
        calls.append((type(players.generator.logits).__name__, steps))
        return players.generator.eval()

    def decoder(kind, images, steps):
        calls.append((f"VAE {kind}", steps))
        return gan.DenseGenerator(16, 8).eval()

    monkeypatch.setattr(gan, "image_game", game)
    monkeypatch.setattr(gan, "vae_decoder", decoder)

    def made(logits, n, draw=False):
        return torch.full((n, 8, 8), 1.0 if draw else 0.5)

    monkeypatch.setattr(gan, "made", made)
    monkeypatch.setattr(gan, "sample_scores", lambda of, x: {"ink": x.mean().item()})
    monkeypatch.setattr(gan, "fresh_critic", lambda kind, *_: gan.pair(kind, 8)[1])
    found = gan.families("digits", model, 0)
    name = {
        "dense GAN": "DenseGenerator",
        "conv GAN": "ConvGenerator",
        "dense VAE": "VAE dense",
    }
    assert calls == [(name[model], 2000)]
    assert found["ink"] == 0.5
    if model == "dense VAE":
        assert found == {"ink": 0.5, "ink_drawn": 1.0}
    else:
        assert set(found) > {"old_train", "old_test", "fresh_train", "fresh_test"}


def test_a_fresh_critic_sees_a_plain_difference(gan):
    class Blank(nn.Module):
        def forward(self, z):
            return torch.zeros(len(z), 8, 8)

    real = torch.rand(200, 8, 8)
    critic = gan.fresh_critic("dense", real, Blank(), steps=60)
    assert not critic.training
    right = gan.accuracy(critic, torch.rand(50, 8, 8), Blank()(torch.zeros(50, 16)))
    assert min(right.values()) > 0.95


# Two points, and four symbols


def test_one_move_of_each_by_finite_differences(gan):
    def value(share, d):
        g = np.array([share, 1 - share])
        return 0.5 * np.log(d).sum() + g @ np.log(1 - d)

    def sigmoid(t):
        return 1 / (1 + np.exp(-t))

    share, h, lr = 0.8, 1e-6, 0.05
    a, b = math.log(share / (1 - share)), np.zeros(2)
    up = [
        (value(share, sigmoid(b + h * e)) - value(share, sigmoid(b - h * e))) / (2 * h)
        for e in np.eye(2)
    ]
    b = b + lr * np.array(up)
    a -= (
        lr
        * (value(sigmoid(a + h), sigmoid(b)) - value(sigmoid(a - h), sigmoid(b)))
        / (2 * h)
    )
    found = next(gan.two_point_play(share, 1, lr))
    assert found.tolist() == pytest.approx([sigmoid(a), *sigmoid(b)], abs=1e-8)


def test_gumbel_draws_have_its_law(gan):
    draws = gan.gumbel(4000, 3).flatten().numpy()
    assert stats.kstest(draws, stats.gumbel_r().cdf).pvalue > 1e-4


def test_the_largest_entry_has_the_softmax_law(gan):
    log_odds = torch.tensor([1.0, -1.0, 0.2, 0.0]).double()
    chosen = (log_odds + gan.gumbel(50_000, 4)).argmax(1)
    counts = np.bincount(chosen, minlength=4)
    assert stats.chisquare(counts, 50_000 * log_odds.softmax(0)).pvalue > 1e-4


def test_the_exact_gradient_is_that_of_the_expectation(gan):
    log_odds, h = torch.randn(4, dtype=torch.float64), 1e-5
    paid = gan.reward(torch.eye(4).double())

    def expected(t):
        return Categorical(logits=t).probs @ paid

    theirs = [
        (expected(log_odds + h * e) - expected(log_odds - h * e)) / (2 * h)
        for e in torch.eye(4).double()
    ]
    assert gan.exact_gradient(log_odds).tolist() == pytest.approx(
        [t.item() for t in theirs], abs=1e-9
    )


def test_soft_gradients_with_the_same_noise_by_finite_differences(gan):
    log_odds, tau, h = torch.randn(4, dtype=torch.float64), 0.7, 1e-6
    torch.manual_seed(4)
    found = gan.soft_gradients(log_odds, tau, 5)
    torch.manual_seed(4)
    noise = gan.gumbel(5, 4)

    def paid(t):
        return gan.reward(((t + noise) / tau).softmax(1))

    theirs = torch.stack(
        [
            (paid(log_odds + h * e) - paid(log_odds - h * e)) / (2 * h)
            for e in torch.eye(4)
        ],
        1,
    )
    torch.testing.assert_close(found, theirs, atol=1e-7, rtol=0)


def test_the_bias_goes_away_with_the_temperature(gan):
    log_odds = torch.tensor([0.5, -0.5, 1.0, 0.0]).double()
    truth, off = gan.exact_gradient(log_odds), {}
    for tau in (0.1, 2.0):
        off[tau] = (gan.soft_gradients(log_odds, tau, 60_000).mean(0) - truth).norm()
    assert off[0.1] < 0.2 * truth.norm() < off[2.0]
