"""The game, against games that can be played on paper."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import special
from torch import nn
from torch.distributions import Bernoulli

from dgm import adversarial
from dgm.adversarial import Arena, Rates, adversaries
from dgm.course.load import lecture
from dgm.models.crowd import Crowd, Judge


def test_losses_are_log_likelihoods_of_labels():
    real, fake = torch.randn(2, 3, 5, dtype=torch.float64)
    ones, zeros = torch.ones(3, 5).double(), torch.zeros(3, 5).double()
    likelihood = Bernoulli(logits=real).log_prob(ones).mean(1)
    likelihood = likelihood + Bernoulli(logits=fake).log_prob(zeros).mean(1)
    torch.testing.assert_close(adversarial.police(real, fake), -likelihood)
    other = special.log_expit(fake.numpy()).mean(1)
    theirs = special.log_expit(-fake.numpy()).mean(1)
    assert np.allclose(adversarial.non_saturating(fake), -other)
    assert np.allclose(adversarial.saturating(fake), theirs)


class Shift(nn.Module):
    """A player with one number for each seed."""

    def __init__(self, value):
        super().__init__()
        self.value = nn.Parameter(torch.tensor(value))

    def forward(self, x):
        return x + self.value


class Slope(nn.Module):
    """A critic ``f(x) = w x``."""

    def __init__(self, value):
        super().__init__()
        self.value = nn.Parameter(torch.tensor(value))

    def forward(self, x):
        return self.value * x


def bilinear(generator=0.5, critic=0.25):
    """f(x) = w x, real points at 0: E f(G(z)) - E f(x) = w g."""
    return Arena(
        Shift(generator), Slope(critic), lambda: torch.zeros(4), lambda: torch.zeros(4)
    )


def transport(critic, real, fake):
    return critic(fake).mean(-1) - critic(real).mean(-1)


def adam(lr, betas, eps=1e-8):
    """Adam for one number (Kingma & Ba 2015, algorithm 1), as a closure."""
    m = v = t = 0.0

    def step(value, slope):
        nonlocal m, v, t
        t += 1
        m = betas[0] * m + (1 - betas[0]) * slope
        v = betas[1] * v + (1 - betas[1]) * slope**2
        root = math.sqrt(v / (1 - betas[1] ** t)) + eps
        return value - lr * m / (1 - betas[0] ** t) / root

    return step


@pytest.mark.parametrize("k", [1, 2])
@pytest.mark.parametrize("momentum", [0.0, 0.5])
def test_a_bilinear_game_by_hand(k, momentum):
    """Another judge, another thief, other decays: every number of eight turns."""
    arena = bilinear()
    rates = Rates(thief=0.05, police=0.02, momentum=momentum, memory=0.9)
    game = adversaries(
        arena,
        steps=8,
        k=k,
        rates=rates,
        judge=transport,
        thief=lambda: -arena.discriminator(arena.generator(arena.noise())).mean(-1),
    )
    g, w = 0.5, 0.25
    move_g, move_w = (adam(lr, (momentum, 0.9)) for lr in (0.05, 0.02))
    for turn in game:
        for _ in range(k):
            loss, w = w * g, move_w(w, g)  # d(w g)/dw = g
        cost, g = -w * g, move_g(g, -w)
        assert turn.value.item() == pytest.approx(-loss, abs=1e-6)
        assert turn.loss.item() == pytest.approx(cost, abs=1e-6)
        assert arena.generator.value.item() == pytest.approx(g, abs=1e-6)
        assert arena.discriminator.value.item() == pytest.approx(w, abs=1e-6)
    assert turn.step == 7


def test_after_follows_each_update_of_the_critic():
    arena, seen = bilinear(), []

    def clip(critic):
        seen.append(critic.value.item())
        critic.value.data.clamp_(-0.03, 0.03)

    rates = Rates(thief=0.0, police=0.03)
    for _ in adversaries(arena, steps=3, k=2, judge=transport, rates=rates, after=clip):
        assert abs(arena.discriminator.value.item()) <= 0.03 + 1e-6
    assert len(seen) == 6 and seen[0] == pytest.approx(0.22, abs=1e-6)
    assert min(seen) < -0.04  # went beyond, and was brought back


def test_the_judge_gets_made_data_without_a_way_back():
    arena, seen = bilinear(), []

    def judge(critic, real, fake):
        seen.append((critic is arena.discriminator, fake.requires_grad, fake.tolist()))
        return transport(critic, real, fake)

    next(adversaries(arena, steps=1, judge=judge))
    assert seen == [(True, False, [0.5] * 4)]


def test_a_thief_who_wins_stops_at_log_four():
    """Real and made data are the same: the value is -log 4 at an undecided critic."""
    arena = bilinear(generator=0.0, critic=0.0)
    turn = next(adversaries(arena, steps=1))
    assert turn.value.item() == pytest.approx(-math.log(4), abs=1e-6)
    assert turn.loss.item() == pytest.approx(math.log(2), abs=1e-6)


def test_nothing_happens_before_it_is_asked_for():
    arena = bilinear()
    adversaries(arena, steps=3)
    assert arena.generator.value.item() == 0.5
    with pytest.raises(ValueError, match="k is 0"):
        next(adversaries(arena, steps=3, k=0))


def test_it_is_the_game_of_the_lecture():
    """Several turns on a toy, with packs, k = 2: equal to the last bit."""
    page = Path(__file__).parents[2] / "lectures/generative-adversarial-networks.md"
    theirs, ends = lecture(page), []
    for module, crowd, judge in (
        (adversarial, Crowd, Judge),
        (theirs, theirs.Crowd, theirs.Judge),
    ):
        torch.manual_seed(1)
        arena = module.Arena(
            crowd([3, 8, 2], 2),
            judge(crowd([4, 8, 1], 2), 2),
            lambda: torch.randn(2, 6, 2),
            lambda: torch.randn(2, 6, 3),
        )
        rates = module.Rates(thief=0.01, police=0.02)
        turns = list(module.adversaries(arena, steps=6, k=2, rates=rates))
        values = [torch.stack(list(turn[1:])) for turn in turns]
        weights = [w.flatten() for player in arena[:2] for w in player.parameters()]
        ends.append((torch.stack(values), torch.cat(weights)))
    assert all(torch.equal(a, b) for a, b in zip(*ends, strict=True))
