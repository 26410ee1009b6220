"""What the lecture's part on images defines, against independent computations."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import linalg, stats
from torch import nn

from dgm.adversarial import Rates, Turn
from dgm.course.load import lecture
from dgm.models import image_gan
from dgm.models.image_gan import Grey, Pair, Score

PATH = Path(__file__).parents[2] / "lectures/wasserstein-gans.md"
OBJECTIVES = ["GAN", "GAN, k = 5", "LSGAN", "clipped", "spectral", "penalty"]


@pytest.fixture(scope="module")
def page():
    return lecture(PATH, typecheck=True)


@pytest.fixture(autouse=True)
def quiet(monkeypatch):
    monkeypatch.setenv("DGM_BOOK", "1")
    torch.manual_seed(0)


class Mean(nn.Module):
    """A critic of brightness; its slope is w / pixels at every pixel."""

    def __init__(self, w=3.0, b=0.2):
        super().__init__()
        self.w, self.b = nn.Parameter(torch.tensor(w)), nn.Parameter(torch.tensor(b))

    def forward(self, x):
        return self.w * x.mean((1, 2)) + self.b


# What an objective changes


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_losses_of_a_linear_critic_by_hand(page, objective):
    """f = 3 x mean + 0.2 on grey images: numbers that one can write down."""
    rules, critic = page.rules_of(objective), Mean()
    real, fake = torch.full((4, 2, 2), 0.8), torch.full((4, 2, 2), 0.4)
    a, b = 3 * 0.8 + 0.2, 3 * 0.4 + 0.2
    log = lambda t: -math.log1p(math.exp(-t))  # noqa: E731
    slope = 3 / math.sqrt(4)
    weight = rules["judge"].weight if objective == "penalty" else None
    judged = {
        "LSGAN": ((a - 1) ** 2 + b**2) / 2,
        "clipped": b - a,
        "spectral": b - a,
        "penalty": b - a + (weight or 0) * (slope - 1) ** 2,
    }
    if objective in judged:
        found = rules["judge"](critic, real, fake)
        assert found.item() == pytest.approx(judged[objective], abs=1e-5)
    else:
        assert "judge" not in rules  # the cross-entropy of the package
    thief = rules.get("thief", lambda s: -nn.functional.logsigmoid(s).mean(-1))
    asked = {"LSGAN": (b - 1) ** 2 / 2, "GAN": -log(b), "GAN, k = 5": -log(b)}
    found = thief(critic(fake)).item()
    assert found == pytest.approx(asked.get(objective, -b), abs=1e-6)


def test_each_objective_keeps_to_its_updates(page):
    ks = {objective: page.rules_of(objective).get("k", 1) for objective in OBJECTIVES}
    assert ks == dict.fromkeys(OBJECTIVES, 5) | {"GAN": 1, "LSGAN": 1}
    old = page.rules_of("GAN")["rates"]
    assert old == page.rules_of("LSGAN")["rates"] == Rates(thief=2e-3, police=1e-3)
    new = {page.rules_of(name)["rates"] for name in ("clipped", "spectral", "penalty")}
    assert new == {Rates(2e-3, 2e-3, 0.0, 0.9)}


def test_rules_are_new_each_time(page):
    page.rules_of("GAN")["rates"] = None
    assert page.rules_of("GAN")["rates"] is not None
    with pytest.raises(KeyError):
        page.rules_of("nothing")


def test_only_the_clipped_critic_is_clipped(page):
    for objective in OBJECTIVES:
        after = page.rules_of(objective).get("after")
        assert (after is not None) == (objective == "clipped")
    critic = Mean()
    page.rules_of("clipped")["after"](critic)
    wall = page.rules_of("clipped")["after"].c
    assert [critic.w.item(), critic.b.item()] == pytest.approx([wall, wall])
    assert 0 < wall < 0.2


@pytest.mark.parametrize("kind", ["dense", "conv"])
def test_normalised_layers_have_norm_one(page, kind):
    players = page.normalised(image_gan.pair(kind, 8))
    x = torch.rand(5, 8, 8)
    for _ in range(200):  # each call in training is a round of power iteration
        players.discriminator(x)
    players.discriminator.eval()
    for layer in players.discriminator.modules():
        if isinstance(layer, nn.Linear | nn.Conv2d):
            matrix = layer.weight.detach().flatten(1).numpy()
            assert linalg.svdvals(matrix)[0] == pytest.approx(1, abs=0.02)
    assert not any(
        "parametrizations" in n for n, _ in players.generator.named_modules()
    )


def test_rivals_are_dense_and_only_one_is_normalised(page):
    for objective in OBJECTIVES:
        players = page.rivals(objective, 8)
        names = [name for name, _ in players.discriminator.named_modules()]
        assert any("parametrizations" in n for n in names) == (objective == "spectral")
        assert isinstance(players.generator.logits, image_gan.DenseGenerator)
        assert players.discriminator(players.generator(torch.randn(3, 16))).shape == (
            3,
        )


# Measures and recorded runs


class Copies(nn.Module):
    """Logits of images that are given, whatever the codes are."""

    def __init__(self, images):
        super().__init__()
        self.images = images

    def forward(self, z):
        return self.images[: len(z)].logit(1e-4)


def small_gallery(page, n=120):
    images = (16 * torch.rand(n, 8, 8)).round() / 16
    reader = nn.Sequential(nn.Flatten(), nn.Linear(64, 3), nn.Tanh(), nn.Linear(3, 10))
    return page.Gallery(images, images, reader.requires_grad_(False))


def test_distance_to_copies_and_to_others(page):
    of = small_gallery(page)
    assert page.distance_to(of, Grey(Copies(of.test))) == pytest.approx(0, abs=1e-6)
    other = (16 * torch.rand(120, 8, 8) ** 2).round() / 16
    a, b = (of.reader[:-1](x).double().numpy() for x in (of.test, other))
    A, B, gap = np.cov(a.T), np.cov(b.T), a.mean(0) - b.mean(0)
    theirs = gap @ gap + np.trace(A + B - 2 * linalg.sqrtm(A @ B).real)
    found = page.distance_to(of, Grey(Copies(other)))
    assert found == pytest.approx(float(theirs), rel=1e-6)


@pytest.mark.parametrize("objective", ["GAN", "spectral", "penalty"])
def test_objectives_play_what_they_say(page, objective, monkeypatch):
    seen, shots = {}, []
    play = page.image_turns

    def watched(players, images, steps, **rules):
        seen.update(rules, steps=steps, images=images)
        names = [name for name, _ in players.discriminator.named_modules()]
        seen["normal"] = any("parametrizations" in name for name in names)
        for turn, mean in play(players, images, 10, **rules):
            yield turn._replace(step=turn.step * steps // 10 + steps // 10 - 1), mean

    of = small_gallery(page)
    monkeypatch.setattr(page, "image_turns", watched)
    monkeypatch.setattr(page, "gallery", lambda name: of)
    monkeypatch.setattr(page, "distance_to", lambda *_: shots.append(1) or len(shots))
    monkeypatch.setattr(page, "sample_scores", lambda _, x: {"ink": x.mean().item()})
    found = page.objectives("digits", objective, 0)
    assert seen["steps"] == 1500 and seen["images"] is of.train
    assert seen["normal"] == (objective == "spectral")
    assert {k: seen[k] for k in page.rules_of(objective)} == page.rules_of(objective)
    assert found["path"] == list(range(1, 11))
    assert len(found["sheet"]) == 36 * 64 and set(found["sheet"]) <= set(range(17))
    assert page.objectives("glyphs", objective, 1)["sheet"] == []
    assert seen["steps"] == 800


def test_pace_takes_the_fastest_round(page, monkeypatch):
    """A clock that we wind: rounds of 6, 2 and 4 seconds for two turns."""
    now, asked = [0.0], []
    waits = {name: iter([6.0, 2.0, 4.0]) for name in OBJECTIVES}

    def game(players, images, steps, **rules):
        name = OBJECTIVES[len(asked)]
        asked.append(steps)
        return endless(waits[name])

    def endless(wait):
        while True:
            now[0] += next(wait)
            yield None, None
            yield None, None

    class Clock:
        process_time = staticmethod(lambda: now[0])

    monkeypatch.setattr(page, "image_turns", game)
    monkeypatch.setattr(page, "gallery", lambda name: small_gallery(page))
    monkeypatch.setattr(page, "time", Clock)
    found = page.pace("digits", rounds=3, turns=2)
    assert asked == [6] * 6
    assert found == pytest.approx(dict.fromkeys(OBJECTIVES, 1000.0))


# The grid of architectures


def kinds(net):
    return {type(m).__name__ for m in net.modules()}


@pytest.mark.parametrize("name", ["batch norm", "no batch norm", "tanh", "MLP"])
def test_players_of_the_grid(page, name):
    players = page.cast(name, 8)
    x = players.generator(torch.randn(6, 16))
    assert x.shape == (6, 8, 8) and players.discriminator(x).shape == (6,)
    maker, critic = kinds(players.generator), kinds(players.discriminator)
    assert ("BatchNorm2d" in maker) == (name in ("batch norm", "tanh"))
    assert ("ConvTranspose2d" in maker) == (name != "MLP")
    assert "Linear" in critic and not any("Norm" in kind for kind in critic)
    if name == "tanh":
        assert "Tanh" in maker & critic and not {"ReLU", "LeakyReLU"} & (maker | critic)
    else:
        assert "Tanh" not in maker | critic and "LeakyReLU" in critic


def test_filters_stay_constant_without_batch_norm(page):
    maker = page.plain_generator(16, width=5)
    channels = [
        (m.in_channels, m.out_channels)
        for m in maker
        if isinstance(m, nn.ConvTranspose2d)
    ]
    assert channels == [(5, 5), (5, 1)]
    assert maker(torch.randn(2, 16)).shape == (2, 16, 16)


def test_the_mlp_by_matrices(page):
    maker, z = page.mlp_generator(4, width=9), torch.randn(3, 16)
    h = z.numpy()
    layers = [m for m in maker if isinstance(m, nn.Linear)]
    for k, layer in enumerate(layers):
        h = h @ layer.weight.detach().numpy().T + layer.bias.detach().numpy()
        h = np.maximum(h, 0) if k < len(layers) - 1 else h
    assert len(layers) == 4
    np.testing.assert_allclose(maker(z).detach().flatten(1), h, atol=1e-5)


def test_tanh_replaces_at_any_depth(page):
    inner = nn.Sequential(nn.LeakyReLU(0.2), nn.Linear(2, 2))
    net = page.with_tanh(nn.Sequential(nn.ReLU(), nn.Sequential(inner, nn.ReLU())))
    assert kinds(net) == {"Sequential", "Tanh", "Linear"}
    assert sum(isinstance(m, nn.Tanh) for m in net.modules()) == 3


def test_survival_plays_one_setting_for_each_objective(page, monkeypatch):
    seen = []

    def game(players, images, steps, **rules):
        seen.append((steps, rules))
        return players.generator

    monkeypatch.setattr(page, "image_game", game)
    monkeypatch.setattr(page, "gallery", lambda name: small_gallery(page))
    monkeypatch.setattr(page, "distance_to", lambda of, generator: 0.25)
    for objective, steps in (("GAN", 35), ("clipped", 7)):
        assert page.survival("MLP", objective, 0, updates=35) == {"frechet": 0.25}
        assert seen[-1] == (steps, page.rules_of(objective))


# Does the loss track quality?


def test_a_narrow_generator_reads_only_its_latents(page):
    maker = page.Narrow(3, width=8).eval()
    z = torch.randn(4, 16)
    other = z.clone()
    other[:, 3:] = 0
    assert torch.equal(maker(z), maker(other))
    other[:, 2] += 1
    assert not torch.equal(maker(z), maker(other))
    assert maker(z).shape == (4, 8, 8)


def test_entrants_are_log_uniform(page):
    drawn = [page.entrant() for _ in range(3000)]
    rates = np.log([who.rate for who in drawn])
    low, high = math.log(1e-4), math.log(1e-2)
    assert stats.kstest(rates, stats.uniform(low, high - low).cdf).pvalue > 1e-4
    assert {who.latents for who in drawn} == set(range(1, 17))
    widths = [who.width for who in drawn]
    assert min(widths) == 8 and max(widths) in range(250, 257)
    assert abs(np.mean(np.log(widths)) - math.log(math.sqrt(8 * 256))) < 0.1


def test_tracking_reports_the_ends_of_its_curves(page, monkeypatch):
    """Values 0, 1, 2, ...: their means over the last 20 and 100 turns."""
    seen = {}

    def game(players, images, steps, **rules):
        seen.update(rules, players=players)
        for step in range(steps):
            value = torch.tensor(float(step))
            yield Turn(step, value, value), players.generator

    monkeypatch.setattr(page, "image_turns", game)
    monkeypatch.setattr(page, "gallery", lambda *_: small_gallery(page))
    monkeypatch.setattr(page, "distance_to", lambda *_: 1.5)
    monkeypatch.setattr(page, "sample_scores", lambda *_: {"frechet": 2.5})
    found = page.tracking("penalty", 3, steps=320)
    assert found["value"] == pytest.approx(269.5) and found["frechet"] == 2.5
    moments = [10, 20, 40, 80, 160, 320]
    last = [np.mean(range(max(0, m - 20), m)) for m in moments]
    assert found["told"] == pytest.approx(last) and found["path"] == [1.5] * 6
    torch.manual_seed(3)
    who = page.entrant()
    assert (found["latents"], found["width"]) == who[:2]
    assert seen["rates"] == page.rules_of("penalty")["rates"]._replace(thief=who.rate)
    assert seen["players"].generator.logits.latents == who.latents


def test_both_opponents_meet_the_same_entrants(page, monkeypatch):
    monkeypatch.setattr(page, "gallery", lambda *_: small_gallery(page))
    monkeypatch.setattr(page, "sample_scores", lambda *_: {})
    runs = [page.tracking(name, 5, steps=2) for name in ("GAN", "penalty")]
    for key in ("latents", "width", "rate"):
        assert runs[0][key] == runs[1][key]


def test_a_pair_of_the_game(page):
    """A whole run on a few images: every number is finite."""
    players = Pair(Grey(page.Narrow(2, 8)), Score(image_gan.dense_critic(8)))
    images = torch.rand(70, 8, 8)
    rules = page.rules_of("penalty")
    turns = list(page.image_turns(players, images, 3, **rules))
    assert all(turn.value.isfinite() for turn, _ in turns)
    assert turns[-1][1](torch.randn(5, 16)).isfinite().all()


def test_correlations_and_their_intervals(page):
    x = np.random.default_rng(1).normal(size=32)
    y = 0.7 * x + np.random.default_rng(2).normal(size=32)
    found = page.linked(x.tolist(), y.tolist())
    r = np.corrcoef(x, y)[0, 1]
    half = stats.norm.ppf(0.975) / math.sqrt(32 - 3)
    ends = [math.tanh(math.atanh(r) - half), math.tanh(math.atanh(r) + half)]
    assert list(found) == pytest.approx([r, *ends], abs=1e-6)


def test_ranks_by_scipy_and_its_bootstrap(page):
    x = np.random.default_rng(1).normal(size=32).round(1)  # with ties
    y = (x + np.random.default_rng(2).normal(size=32)).round(1)
    found = page.rank_linked(x.tolist(), y.tolist(), rounds=4000)
    theirs = stats.bootstrap(
        (x, y),
        lambda a, b: stats.spearmanr(a, b).statistic,
        paired=True,
        vectorized=False,
        n_resamples=1000,
        method="percentile",
        random_state=3,
    ).confidence_interval
    assert found.value == pytest.approx(stats.spearmanr(x, y).statistic)
    assert (found.low, found.high) == pytest.approx(tuple(theirs), abs=0.05)


def test_a_law_without_a_link_is_not_linked(page):
    """A monotone function of x has rank correlation one; of nothing, about zero."""
    x = torch.randn(40)
    assert page.rank_linked(x.tolist(), x.exp().tolist()).low == pytest.approx(1)
    low, high = page.rank_linked(x.tolist(), torch.randn(40).tolist())[1:]
    assert low < 0 < high


def test_beyond_two_standard_errors(page):
    assert page.beyond([1.0, 1.2, 0.8, 1.0], [0.0, 0.1, -0.1, 0.0])
    assert not page.beyond([0.1, 1.0, -0.8, 0.2], [0.0, 0.1, -0.1, 0.0])
    assert not page.beyond([0.0, 0.1], [1.0, 1.1])


def test_slugs(page):
    assert page.slug_of("GAN, k = 5") == "GANk5"


@pytest.mark.parametrize(("cost", "expected"), [(1.0, 10.0), (2.0, 5.0), (4.0, 2.5)])
def test_at_seconds_interpolates_between_tenths(page, cost, expected):
    """A path that reads its own tenth: 1 after the first, 10 at the end."""
    path, rates = [float(k) for k in range(1, 11)], {"GAN": 3.0, "other": 3.0 * cost}
    assert page.at_seconds(path, rates, "other") == pytest.approx(expected)
    assert page.at_seconds(path, {"GAN": 3.0, "other": 2.0}, "other") == 10.0


def test_control_is_tracking_with_five_updates(page, monkeypatch):
    seen = []
    monkeypatch.setattr(page, "tracking", lambda *given: seen.append(given) or {})
    assert page.control(7, 12) == {}
    assert seen == [("GAN, k = 5", 7, 12)]


def test_patience_is_four_times_the_turns(page, monkeypatch):
    seen = []

    def played(images, objective, seed, steps):
        seen.append((images, objective, seed, steps))
        return {"frechet": 0.5, "sheet": [1, 2], "path": [0.7, 0.5]}

    monkeypatch.setattr(page, "objectives", played)
    assert page.patience("digits", 3) == {"frechet": 0.5, "path": [0.7, 0.5]}
    page.patience("glyphs", 1, times=2)
    assert seen == [("digits", "GAN", 3, 6000), ("glyphs", "GAN", 1, 1600)]
