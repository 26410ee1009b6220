"""The promoted RBM, against tables of all states."""

import math
from pathlib import Path

import pytest
import torch

from dgm.annealing import ladder, log_ratio, reverse
from dgm.course.load import lecture
from dgm.likelihood import all_bits
from dgm.models import rbm as models
from dgm.models.rbm import RBM, Slope

SIZES = [(1, 1), (3, 2), (4, 5)]


@pytest.fixture(autouse=True)
def double():
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(3)
    yield
    torch.set_default_dtype(before)


def machine(visible, hidden, scale=1.0):
    rbm = RBM(visible, hidden, std=scale).requires_grad_(False)
    rbm.b.normal_(std=scale)
    rbm.c.normal_(std=scale)
    return rbm


def table(rbm):
    """log p(v, h) from the energy written out as sums."""
    v, h = all_bits(len(rbm.b)), all_bits(len(rbm.c))
    score = torch.zeros(len(v), len(h))
    for i, one in enumerate(v):
        for j, other in enumerate(h):
            pairs = sum(
                one[a] * rbm.W[a, b] * other[b]
                for a in range(len(one))
                for b in range(len(other))
            )
            score[i, j] = one @ rbm.b + other @ rbm.c + pairs
    return v, h, score


@pytest.mark.parametrize("sizes", SIZES)
def test_energy_free_energy_and_log_z(sizes):
    rbm = machine(*sizes)
    v, h, score = table(rbm)
    torch.testing.assert_close(rbm.energy(v[:, None], h), -score)
    torch.testing.assert_close(rbm.free_energy(v), -score.logsumexp(1))
    torch.testing.assert_close(rbm.log_Z(), score.logsumexp((0, 1)))


@pytest.mark.parametrize("sizes", SIZES)
def test_conditionals(sizes):
    rbm = machine(*sizes)
    v, h, score = table(rbm)
    torch.testing.assert_close(rbm.p_h(v), score.softmax(1) @ h)
    torch.testing.assert_close(rbm.p_v(h), score.softmax(0).T @ v)


def test_log_z_refuses_what_cannot_be_listed():
    with pytest.raises(ValueError, match="too many"):
        RBM(2, 21).log_Z()


def test_toss_keeps_the_dtype_and_the_probabilities():
    p = torch.tensor([0.0, 0.3, 1.0], dtype=torch.float32).expand(40_000, 3)
    tossed = models.toss(p)
    assert tossed.dtype == torch.float32
    share = tossed.double().mean(0)
    assert share[0] == 0 and share[2] == 1
    assert abs(share[1] - 0.3) < 5 * math.sqrt(0.21 / 40_000)


def test_gibbs_has_the_matrix_of_the_table():
    rbm = machine(3, 2)
    v, _, score = table(rbm)
    turn = score.softmax(1) @ score.softmax(0).T
    expected = torch.linalg.matrix_power(turn, 2)[5]
    ends = rbm.gibbs(v[5].expand(60_000, 3), k=2) @ torch.tensor([4.0, 2.0, 1.0])
    share = torch.bincount(ends.long(), minlength=8) / 60_000
    assert ((share - expected).abs() < 5 * (expected / 60_000).sqrt()).all()


def test_averages_are_the_slope_of_the_free_energy():
    rbm = machine(4, 3).requires_grad_(True)
    v = models.toss(torch.full((6, 4), 0.5))
    weight = torch.rand(6)
    wanted = torch.autograd.grad(-(weight @ rbm.free_energy(v)), [rbm.W, rbm.b, rbm.c])
    for found, expected in zip(models.averages(rbm, v, weight), wanted, strict=True):
        torch.testing.assert_close(found, expected)
    even = models.averages(rbm, v)
    for found, expected in zip(
        even, models.averages(rbm, v, torch.full((6,), 1 / 6)), strict=True
    ):
        torch.testing.assert_close(found, expected)


def test_data_minus_model_is_the_gradient_of_the_likelihood():
    rbm = machine(4, 3).requires_grad_(True)
    v, target = all_bits(4), torch.rand(16)
    target = target / target.sum()
    log_p = -rbm.free_energy(v) - rbm.log_Z()
    wanted = torch.autograd.grad(target @ log_p, [rbm.W, rbm.b, rbm.c])
    model = log_p.detach().exp()
    found = models.minus(
        models.averages(rbm, v, target), models.averages(rbm, v, model)
    )
    for one, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(one, other)


def test_climb_moves_each_parameter():
    rbm = machine(2, 3)
    before = [p.clone() for p in (rbm.W, rbm.b, rbm.c)]
    slope = Slope(torch.ones(2, 3), torch.full((2,), 2.0), torch.full((3,), 3.0))
    models.climb(rbm, slope, 0.1)
    for parameter, old, moved in zip(
        (rbm.W, rbm.b, rbm.c), before, (0.1, 0.2, 0.3), strict=True
    ):
        torch.testing.assert_close(parameter.detach(), old + moved)


def test_centred_is_the_gradient_in_centred_parameters():
    """b' = b + W nu, c' = c + W^T mu; a step there, translated back."""
    rbm = machine(4, 3)
    mean = Slope(torch.zeros(4, 3), torch.rand(4), torch.rand(3))
    x, h = torch.rand(4), torch.rand(3)  # one data moment, factorised
    y, g = torch.rand(4), torch.rand(3)  # one model moment
    slope = Slope(torch.outer(x, h) - torch.outer(y, g), x - y, h - g)
    found = models.centred(slope, mean)
    mu, nu = mean.b, mean.c
    W = torch.outer(x - mu, h - nu) - torch.outer(y - mu, g - nu)
    torch.testing.assert_close(found.W, W)
    torch.testing.assert_close(found.b, (x - y) - W @ nu)
    torch.testing.assert_close(found.c, (h - g) - W.T @ mu)
    assert rbm.W.shape == found.W.shape


def test_start_has_the_frequencies_and_small_weights():
    v = models.toss(torch.tensor([0.2, 0.5, 0.0]).expand(1000, 3)).float()
    rbm = models.start(v, 4)
    wanted = v.mean(0).clamp(0.01, 0.99)
    torch.testing.assert_close(rbm.b.sigmoid(), wanted)
    assert rbm.W.dtype == torch.float32 and rbm.W.abs().max() < 1
    assert not any(p.requires_grad for p in rbm.parameters())


def test_nudge_moves_by_one_pixel_or_not_at_all():
    image = torch.zeros(1, 4, 5)
    image[0, 1, 2] = 1
    moved = models.nudge(image.flatten(1).expand(4000, 20), (4, 5))
    places = moved.argmax(1)
    kept = (places == 7).double().mean()
    assert set(places.tolist()) == {7, 2, 12, 6, 8}
    assert abs(kept - 0.85) < 5 * math.sqrt(0.85 * 0.15 / 4000)
    assert (moved.sum(1) == 1).all()


def test_images_from_draws_rows():
    x = torch.eye(16)
    draw = models.images_from(x, (4, 4))
    assert draw(7).shape == (7, 16)
    assert (draw(50).sum(1) <= 1).all()


def test_learn_raises_the_likelihood_and_keeps_its_chains():
    x = models.toss(torch.full((300, 1), 0.5)).expand(-1, 6).contiguous()
    rbm = models.start(x, 4)

    def nll():
        return (rbm.free_energy(x).mean() + rbm.log_Z()).item()

    before = nll()
    draw = lambda n: x[torch.randint(len(x), (n,))]  # noqa: E731
    for chains in models.learn(rbm, draw, 600, 3, lr=0.1):
        assert chains.shape == (100, 6)
    assert before > 3.5 and nll() < 1.5  # the best is log 2


def test_learn_restarts_chains_that_do_not_persist():
    """From far away, one step of a strong machine stays near its start."""
    rbm = RBM(4, 4, std=0.0).requires_grad_(False)
    rbm.W.copy_(20 * torch.eye(4) - 2.0)
    rbm.b.fill_(-6)
    rbm.c.fill_(-6)
    ones, calls = torch.ones(100, 4), []

    def draw(n):
        calls.append(n)
        return ones[:n] if len(calls) > 1 else 0 * ones[:n]

    kept = next(models.learn(rbm, draw, 1, 1))
    calls.clear()
    fresh = next(models.learn(rbm, draw, 1, 1, persistent=False))
    assert kept.mean() < 0.2 and fresh.mean() > 0.8


def test_learn_decays_weights_and_its_step_size():
    rbm = RBM(3, 2, std=1.0).requires_grad_(False)
    frozen = rbm.W.clone()
    zeros = torch.zeros(100, 3)
    rbm.b.fill_(-50)  # data and chains are zero: only the decay moves W
    for _ in models.learn(rbm, lambda n: zeros[:n], 2, 1, lr=0.5, decay=0.1):
        pass
    torch.testing.assert_close(rbm.W.detach(), frozen * 0.95 * 0.975)


def test_blend():
    one, other = machine(2, 2), machine(2, 2)
    wanted = 0.75 * one.W + 0.25 * other.W
    models.blend(one, other, 0.25)
    torch.testing.assert_close(one.W.detach(), wanted.detach())


@pytest.mark.parametrize("beta", [0.0, 0.4, 1.0])
def test_path_is_the_machine_at_a_temperature(beta):
    rbm, a = machine(3, 2, 2.0), torch.randn(3)
    between = RBM(3, 2).requires_grad_(False)
    between.W.copy_(beta * rbm.W)
    between.b.copy_((1 - beta) * a + beta * rbm.b)
    between.c.copy_(beta * rbm.c)
    v, _, score = table(between)
    path = models.rbm_path(rbm, a)
    torch.testing.assert_close(path.log_f(v, beta), score.logsumexp(1))
    turn = score.softmax(1) @ score.softmax(0).T
    place = torch.tensor([4.0, 2.0, 1.0])
    for begin in range(8):
        ends = path.step(v[begin].expand(40_000, 3), beta) @ place
        share = torch.bincount(ends.long(), minlength=8) / 40_000
        off = (share - turn[begin]).abs()
        assert (off < 5 * (turn[begin] / 40_000).sqrt()).all()
    if beta == 0:
        start = path.log_f(v, 0.0).logsumexp(0)
        assert abs(start.item() - models.log_Z0(rbm, a)) < 1e-12


def test_ais_finds_log_z_from_both_sides():
    rbm, a = machine(6, 4), torch.zeros(6)
    up = models.ais(rbm, a, 200, 400)
    value, stderr = log_ratio(up.log_w)
    assert abs(value + models.log_Z0(rbm, a) - rbm.log_Z().item()) < 5 * stderr
    v = all_bits(6)
    exact = (-rbm.free_energy(v)).softmax(0)
    walkers = v[torch.multinomial(exact, 400, replacement=True)]
    down = log_ratio(-reverse(models.rbm_path(rbm, a), walkers, ladder(200)).log_w)
    found = models.log_Z0(rbm, a) - down.value
    assert abs(found - rbm.log_Z().item()) < 5 * down.stderr
    assert stderr < 0.1 and down.stderr < 0.1


def test_it_is_the_machine_of_the_lecture():
    """Same weights, same outputs, same random numbers, same names."""
    page = Path(__file__).parents[2] / "lectures/restricted-boltzmann-machines.md"
    theirs = lecture(page)
    ours, built = machine(5, 4), theirs.RBM(5, 4).requires_grad_(False)
    built.load_state_dict(ours.state_dict())
    v, h = all_bits(5), all_bits(4)[:1].expand(32, 4)
    assert torch.equal(ours.energy(v, h), built.energy(v, h))
    for name in ("p_h", "free_energy"):
        assert torch.equal(getattr(ours, name)(v), getattr(built, name)(v))
    assert torch.equal(ours.p_v(h), built.p_v(h))
    assert torch.equal(ours.log_Z(), built.log_Z())
    torch.manual_seed(1)
    one = ours.gibbs(v, 3)
    torch.manual_seed(1)
    assert torch.equal(one, built.gibbs(v, 3))
    draw = models.images_from(torch.rand(40, 16).round(), (4, 4))
    pair = models.start(draw(40), 4), theirs.start(draw(40), 4)
    pair[1].load_state_dict(pair[0].state_dict())
    for module, rbm in zip((models, theirs), pair, strict=True):
        torch.manual_seed(2)
        for _ in module.learn(rbm, draw, 5, 2, lr=0.3, decay=1e-3):
            pass
    for a, b in zip(pair[0].parameters(), pair[1].parameters(), strict=True):
        assert torch.equal(a, b)
