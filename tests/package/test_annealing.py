"""Annealed importance sampling against enumeration, closed forms and all paths."""

import itertools
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dgm import checks
from dgm.annealing import (
    Path,
    effective_share,
    forward,
    ladder,
    log_ratio,
    reverse,
)
from dgm.likelihood import all_bits

DIM = 4


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


def couplings(strength=1.5):
    """Energies of four units that are coupled pairwise: no closed form, 16 states."""
    generator = torch.Generator().manual_seed(3)
    J = strength * torch.randn(DIM, DIM, generator=generator, dtype=torch.float64)
    return (J + J.T) / 2


def heat_bath(J):
    """Single-site Gibbs: a sweep up and a sweep down, which is reversible."""

    def log_f(x, beta):
        return beta * torch.einsum("ni,ij,nj->n", x, J, x)

    def step(x, beta):
        x = x.clone()
        for i in [*range(DIM), *reversed(range(DIM))]:
            on, off = x.clone(), x.clone()
            on[:, i], off[:, i] = 1, 0
            odds = log_f(on, beta) - log_f(off, beta)
            x[:, i] = (torch.rand(len(x), dtype=x.dtype) < odds.sigmoid()).to(x.dtype)
        return x

    return Path(log_f, step)


def log_Z(J):
    path = heat_bath(J)
    return path.log_f(all_bits(DIM, dtype=torch.float64), 1.0).logsumexp(0).item()


def uniform(n):
    return torch.randint(2, (n, DIM)).double()


def exact_draws(J, n):
    states = all_bits(DIM, dtype=torch.float64)
    p = heat_bath(J).log_f(states, 1.0).softmax(0)
    return states[torch.multinomial(p, n, replacement=True)]


def gaussian_path(scale):
    """From N(0, 1) to N(0, scale^2), in the precision; exact and independent moves."""

    def precision(beta):
        return 1 - beta + beta / scale**2

    def log_f(x, beta):
        return -0.5 * precision(beta) * x.square().sum(1)

    def step(x, beta):
        return torch.randn_like(x) / math.sqrt(precision(beta))

    return Path(log_f, step)


class Recorder:
    """A path on the integers whose moves are known: it notes what it is asked."""

    def __init__(self):
        self.asked, self.moves = [], []

    def log_f(self, x, beta):
        self.asked.append((x[0, 0].item(), beta))
        return 10.0 * beta + 100 * beta * x[:, 0]

    def step(self, x, beta):
        self.moves.append((x[0, 0].item(), beta))
        return x + 1

    def path(self):
        return Path(self.log_f, self.step)


@given(st.integers(1, 200))
def test_ladder(n):
    rungs = ladder(n)
    assert rungs[0] == 0 and rungs[-1] == 1 and len(rungs) == n + 1
    assert all(abs(b - a - 1 / n) < 1e-12 for a, b in itertools.pairwise(rungs))


@pytest.mark.parametrize("n", [0, -3])
def test_ladder_needs_a_rung(n):
    with pytest.raises(ValueError, match=f"temperatures is {n}"):
        ladder(n)


@pytest.mark.parametrize("walk", [forward, reverse])
@pytest.mark.parametrize(
    "betas", [[], [0.0], [0.0, 0.5], [0.1, 1.0], [1.0, 0.0], [0.0, 0.5, 0.5, 1.0]]
)
def test_betas_lead_from_zero_to_one(walk, betas):
    with pytest.raises(ValueError, match="must rise from 0 to 1"):
        walk(heat_bath(couplings()), uniform(3), betas)


def test_forward_weighs_then_moves():
    note = Recorder()
    betas = [0.0, 0.25, 1.0]
    x, log_w = forward(note.path(), torch.zeros(2, 1, dtype=torch.float64), betas)
    assert note.moves == [(0.0, 0.25), (1.0, 1.0)]
    by_hand = 10 * 1.0 + 100 * (0.25 * 0 + 0.75 * 1)
    assert log_w.tolist() == [by_hand] * 2 and x.tolist() == [[2.0]] * 2


def test_reverse_moves_then_weighs():
    note = Recorder()
    betas = [0.0, 0.25, 1.0]
    x, log_w = reverse(note.path(), torch.zeros(2, 1, dtype=torch.float64), betas)
    assert note.moves == [(0.0, 1.0), (1.0, 0.25)]
    by_hand = 10 * 1.0 + 100 * (0.75 * 1 + 0.25 * 2)
    assert log_w.tolist() == [by_hand] * 2 and x.tolist() == [[2.0]] * 2


def test_mean_weight_is_exact_over_all_paths():
    """Two temperatures, every path enumerated: E[w] = Z_1 / Z_0 to rounding."""
    J = couplings()
    states = all_bits(DIM, dtype=torch.float64)
    f = {b: heat_bath(J).log_f(states, b).exp() for b in (0.0, 0.5, 1.0)}
    start = f[0.0] / f[0.0].sum()
    T = flips(f[0.5])
    total = 0.0
    for i, j in itertools.product(range(16), repeat=2):
        w = _one_path(J, states, i, j)
        total += (start[i] * T[i, j] * w).item()
    assert total == pytest.approx((f[1.0].sum() / f[0.0].sum()).item(), rel=1e-12)


def flips(f):
    """Metropolis over 16 states with a uniform proposal: reversible for f."""
    T = (f[None] / f[:, None]).clamp(max=1) / len(f)
    T.fill_diagonal_(0)
    return T + torch.diag(1 - T.sum(1))


def _one_path(J, states, i, j):
    """The weight that ``forward`` gives to the path state i -> state j."""
    moves = iter([states[j : j + 1], states[j : j + 1]])
    path = Path(heat_bath(J).log_f, lambda x, beta: next(moves))
    return forward(path, states[i : i + 1], [0.0, 0.5, 1.0]).log_w.exp().item()


@pytest.mark.parametrize("n", [1, 4, 60])
def test_forward_covers_the_enumerated_value(n):
    J = couplings()
    log_w = forward(heat_bath(J), uniform(20_000), ladder(n)).log_w
    value, stderr = log_ratio(log_w)
    truth = log_Z(J) - DIM * math.log(2)
    checks.consistent(value, stderr, truth, f"{n} temperatures")


@pytest.mark.parametrize("n", [4, 60])
def test_reverse_covers_the_enumerated_value(n):
    J = couplings()
    log_w = reverse(heat_bath(J), exact_draws(J, 20_000), ladder(n)).log_w
    value, stderr = log_ratio(-log_w)
    truth = log_Z(J) - DIM * math.log(2)
    checks.consistent(-value, stderr, truth, f"{n} temperatures, reverse")


def test_few_chains_are_low_forward_and_high_in_reverse():
    """Jensen's inequality, on the mean of many runs of five chains."""
    J = couplings(4.0)
    truth = log_Z(J) - DIM * math.log(2)
    up = forward(heat_bath(J), uniform(5000), ladder(5)).log_w.view(1000, 5)
    down = reverse(heat_bath(J), exact_draws(J, 5000), ladder(5)).log_w.view(1000, 5)
    ups = torch.tensor([log_ratio(w).value for w in up])
    downs = torch.tensor([-log_ratio(-w).value for w in down])
    for values, sign in ((ups, 1), (downs, -1)):
        error = values.std().item() / math.sqrt(1000)
        assert sign * (truth - values.mean().item()) > 5 * error


@pytest.mark.parametrize("scale", [0.5, 2.0])
def test_gaussians_have_a_closed_form(scale):
    """Z_1 / Z_0 = scale^dim."""
    path = gaussian_path(scale)
    x = torch.randn(20_000, 2, dtype=torch.float64)
    up = log_ratio(forward(path, x, ladder(20)).log_w)
    down = log_ratio(-reverse(path, scale * x, ladder(20)).log_w)
    checks.consistent(up.value, up.stderr, 2 * math.log(scale), "forward")
    checks.consistent(-down.value, down.stderr, 2 * math.log(scale), "reverse")


def test_ends_are_draws_from_the_end():
    x = forward(gaussian_path(3.0), torch.randn(20_000, 1), ladder(10)).x
    assert x.std().item() == pytest.approx(3.0, rel=0.03)
    x = reverse(gaussian_path(3.0), 3 * torch.randn(20_000, 1), ladder(2000)[::1]).x
    assert x.std().item() == pytest.approx(1.0, rel=0.03)


def test_weights_are_in_double_precision_and_without_a_graph():
    x = torch.randn(8, 1, requires_grad=True)
    for walk in (forward, reverse):
        path = Path(gaussian_path(2.0).log_f, lambda x, beta: 0.9 * x)
        log_w = walk(path, x, ladder(3)).log_w
        assert log_w.dtype == torch.float64 and not log_w.requires_grad


def test_log_ratio_is_the_log_of_the_mean():
    w = torch.tensor([0.5, 2.0, 3.5], dtype=torch.float64)
    value, stderr = log_ratio(w.log())
    assert value == pytest.approx(math.log(2.0))
    assert stderr == pytest.approx(1.5 / math.sqrt(3) / 2.0)


def test_log_ratio_does_not_overflow():
    value, stderr = log_ratio(torch.tensor([800.0, 800.0]))
    assert value == 800 and stderr == 0


def test_stderr_is_the_spread_of_repetitions():
    log_w = 0.5 * torch.randn(2000, 100, dtype=torch.float64)
    values = torch.tensor([log_ratio(w).value for w in log_w])
    claimed = torch.tensor([log_ratio(w).stderr for w in log_w]).mean()
    assert claimed.item() == pytest.approx(values.std().item(), rel=0.08)


@pytest.mark.parametrize("n", [0, 1])
def test_one_weight_has_no_error(n):
    with pytest.raises(ValueError, match=f"{n} weight"):
        log_ratio(torch.zeros(n))


@given(st.lists(st.floats(-3, 3), min_size=1, max_size=9), st.floats(-500, 500))
@settings(max_examples=50)
def test_effective_share(log_w, shift):
    """Against the definition; it does not depend on the scale of the weights."""
    log_w = torch.tensor(log_w, dtype=torch.float64)
    w = log_w.exp()
    by_hand = (w.sum() ** 2 / (w**2).sum() / len(w)).item()
    assert effective_share(log_w + shift) == pytest.approx(by_hand, rel=1e-6)


def test_effective_share_at_its_ends():
    assert effective_share(torch.full((7,), -3.0)) == pytest.approx(1)
    lonely = torch.tensor([0.0, -80, -90, -100])
    assert effective_share(lonely) == pytest.approx(1 / 4)
