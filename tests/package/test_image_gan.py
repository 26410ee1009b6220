"""Networks of small images and their game."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import signal
from torch import nn

from dgm.adversarial import Rates
from dgm.course.load import lecture
from dgm.models import image_gan
from dgm.models.image_gan import Grey, Pair, Score


def count(net):
    return sum(w.numel() for w in net.parameters())


@pytest.mark.parametrize("side", [8, 16])
def test_numbers_of_weights_by_hand(side):
    pixels, q = side * side, (side // 4) ** 2
    dense = 16 * 128 + 128 + 128 * 128 + 128 + 128 * pixels + pixels + 4 * 128
    assert count(image_gan.DenseGenerator(16, side)) == dense
    conv = 17 * 32 * q + 64 + (32 * 16 * 16 + 16) + 32 + (16 * 16 + 1)
    assert count(image_gan.ConvGenerator(16, side)) == conv
    critic = (pixels + 1) * 128 + 129 * 128 + 129 * 3
    assert count(image_gan.dense_critic(side, outputs=3)) == critic
    critic = (16 + 1) * 16 + (16 * 16 + 1) * 32 + 32 * q * 2 + 2
    assert count(image_gan.conv_critic(side, outputs=2)) == critic


def test_the_convolutional_critic_by_scipy():
    critic, x = image_gan.conv_critic(8, width=2), torch.rand(8, 8)
    leaky = lambda t: np.where(t > 0, t, 0.2 * t)  # noqa: E731
    maps = x.numpy()[None]
    for layer in (critic[1], critic[3]):
        weight, bias = layer.weight.detach().numpy(), layer.bias.detach().numpy()
        padded = np.pad(maps, ((0, 0), (1, 1), (1, 1)))
        maps = leaky(
            np.stack(
                [
                    sum(
                        signal.correlate2d(m, f, "valid")[::2, ::2]
                        for m, f in zip(padded, filters, strict=True)
                    )
                    + b
                    for filters, b in zip(weight, bias, strict=True)
                ]
            )
        )
    last = critic[6]
    theirs = last.weight.detach().numpy() @ maps.ravel() + last.bias.detach().numpy()
    with torch.no_grad():
        assert critic(x[None]).numpy()[0] == pytest.approx(theirs, abs=1e-5)


def test_the_convolutional_generator_by_upsampling():
    """A transposed convolution is a convolution of the image with zeros put between."""
    maker = image_gan.ConvGenerator(4, 8, width=1).eval()
    h = torch.rand(1, 1, 4, 4)
    with torch.no_grad():
        found = maker.finish(h)[0, 0]
        spread = np.zeros((7, 7))
        spread[::2, ::2] = h[0, 0].numpy()
        theirs = signal.convolve2d(spread, maker.finish.weight[0, 0].numpy())
        theirs = theirs[1:-1, 1:-1] + maker.finish.bias.item()
    assert found.numpy() == pytest.approx(theirs, abs=1e-5)


def test_greys_and_scores():
    class Constant(nn.Module):
        def forward(self, z):
            return torch.full((len(z), 2, 2), math.log(3.0))

    assert Grey(Constant())(torch.zeros(3, 16)).unique().item() == pytest.approx(0.75)
    mean = Score(nn.Sequential(nn.Flatten(), nn.Linear(4, 1)))
    nn.init.constant_(mean.critic[1].weight, 0.25)
    nn.init.zeros_(mean.critic[1].bias)
    x = torch.stack([torch.zeros(2, 2), torch.ones(2, 2)])
    assert mean(x).tolist() == pytest.approx([-1, 1])


def test_codes_are_standard_normal():
    z = image_gan.codes(20_000)
    assert z.shape == (20_000, 16)
    assert z.mean(0).abs().max() < 5 / math.sqrt(20_000)
    assert (z.T.cov() - torch.eye(16)).abs().max() < 5 * math.sqrt(2 / 20_000)


def test_a_nudge_moves_a_point_by_at_most_one():
    x = torch.zeros(4500, 5, 5)
    x[:, 2, 2] = 1
    moved = image_gan.Nudge()(x)
    shares = moved.mean(0)[1:4, 1:4]
    assert (shares - 1 / 9).abs().max() < 5 * math.sqrt(8 / 81 / 4500)
    assert torch.equal(moved.sum((1, 2)), torch.ones(4500))
    x = torch.ones(200, 4, 4)
    assert set(image_gan.Nudge()(x).sum((1, 2)).tolist()) == {9, 12, 16}  # margins: 0


def test_follow_is_a_weighted_mean():
    slow, fast = nn.BatchNorm1d(3), nn.BatchNorm1d(3)
    fast(torch.randn(9, 3))
    before = slow.running_var.clone()
    image_gan.follow(slow, fast, keep=0.9)
    torch.testing.assert_close(slow.running_var, 0.9 * before + 0.1 * fast.running_var)
    assert slow.num_batches_tracked == 0


class Blank(nn.Module):
    """One grey for all pixels."""

    def __init__(self):
        super().__init__()
        self.level = nn.Parameter(torch.tensor(0.0))

    def forward(self, z):
        return self.level.expand(len(z), 4, 4)


class Brightness(nn.Module):
    def __init__(self):
        super().__init__()
        self.slope = nn.Parameter(torch.tensor(0.0))

    def forward(self, x):
        return self.slope * x.mean((1, 2))[:, None]


def test_a_game_about_brightness():
    """White data, a critic of the mean: the generator goes towards white."""
    torch.manual_seed(0)
    players = Pair(Grey(Blank()), Score(Brightness()))
    mean = image_gan.image_game(players, torch.ones(64, 4, 4), 200, size=16)
    assert mean(torch.zeros(1, 16)).mean() > 0.6
    assert not mean.training and mean is not players.generator


def test_every_rule_reaches_the_game():
    """k feeds of data a turn; judge, after, thief and rates are used."""
    players, log = Pair(Grey(Blank()), Score(Brightness())), []

    def judge(critic, real, fake):
        log.append("judge")
        return critic(fake).mean() - critic(real).mean()

    def thief(scores):
        log.append("thief")
        return -scores.mean()

    image_gan.image_game(
        players,
        torch.ones(16, 4, 4),
        3,
        size=8,
        thief=thief,
        k=2,
        judge=judge,
        after=lambda critic: log.append("after"),
        rates=Rates(thief=0.0, police=0.1),
    )
    assert log == ["judge", "after", "judge", "after", "thief"] * 3
    assert players.generator.logits.level.item() == 0.0
    # Six steps of Adam up a slope that never changes its sign.
    assert players.discriminator.critic.slope.item() == pytest.approx(0.6, rel=0.2)


def test_the_running_mean_by_hand(monkeypatch):
    """keep limits the weight of the past: 0, 1/11, 1/10, 1/10, ..."""
    players, seen = Pair(Grey(Blank()), Score(Brightness())), []
    play = image_gan.adversaries

    def watched(arena, **rules):
        for turn in play(arena, **rules):
            seen.append(players.generator.logits.level.item())
            yield turn

    monkeypatch.setattr(image_gan, "adversaries", watched)
    images = torch.ones(16, 4, 4)
    mean = image_gan.image_game(players, images, 6, size=8, keep=0.1)
    expected = seen[0]
    for turn, value in enumerate(seen):
        keep = min(0.1, turn / (turn + 10))
        expected = keep * expected + (1 - keep) * value
    assert mean.logits.level.item() == pytest.approx(expected, abs=1e-6)


def test_what_cannot_be():
    with pytest.raises(ValueError, match="multiple of 4"):
        image_gan.pair("conv", 10)
    with pytest.raises(ValueError, match="multiple of 4"):
        image_gan.conv_critic(6)
    with pytest.raises(ValueError, match="'dense' or 'conv'"):
        image_gan.pair("round", 8)
    with pytest.raises(ValueError, match="batch size"):
        image_gan.image_game(image_gan.pair("dense", 8), torch.ones(9, 8, 8), 1)


@pytest.mark.parametrize("kind", ["dense", "conv"])
def test_it_is_the_game_of_the_lecture(kind):
    """Same weights, same outputs; five turns later still the same."""
    page = Path(__file__).parents[2] / "lectures/generative-adversarial-networks.md"
    theirs, images = lecture(page), torch.rand(70, 8, 8)
    players = image_gan.pair(kind, 8), theirs.pair(kind, 8)
    z, ends = image_gan.codes(5), []
    for mine, other in zip(*players, strict=True):
        other.load_state_dict(mine.state_dict())
    assert torch.equal(players[0].generator(z), players[1].generator(z))
    for module, pair in zip((image_gan, theirs), players, strict=True):
        torch.manual_seed(3)
        mean = module.image_game(pair, images, 5)
        ends.append((mean(z), pair.generator(z), pair.discriminator(images)))
    assert all(torch.equal(a, b) for a, b in zip(*ends, strict=True))
