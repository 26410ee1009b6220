"""The problem set's tests: they catch wrong answers and accept right ones.

The master is executed once. Then one answer at a time is exchanged, and its problem's
answers and tests run again. The other tests pin what the sample solutions quote.
"""

import itertools
import math

import pytest
import torch
from answers_deep_belief_networks import RIGHT, WRONG
from masters import check_stubs, executed

from dgm.likelihood import all_bits


@pytest.fixture(scope="module")
def master():
    with executed("deep-belief-networks") as made:
        yield made


def test_full_marks_and_points(master):
    """The fixture executed every test of the master; what remains is to count."""
    assert master.points == 40
    assert len(master.tests()) == 26


def test_a_stub_scores_nothing(master):
    check_stubs(master)


def test_a_dbm_is_a_dbn_with_another_prior(master):
    """1d (ii): the same p(v | h1), and the prior times a product over pixels."""
    names = master.names
    m = names["deep"](3, 2, 2, 1.5, seed=80)
    one, other = names["dbn_table"](m), names["dbm_table"](m)
    given = [t.logsumexp(2).log_softmax(0) for t in (one, other)]
    assert torch.allclose(*given)
    inputs = m.b + all_bits(2) @ m.W1.T
    product = torch.nn.functional.softplus(inputs).sum(1)
    expected = (one.logsumexp((0, 2)) + product).log_softmax(0)
    assert torch.allclose(other.logsumexp((0, 2)), expected)


def test_equal_by_accident(master):
    """1d (ii): a column whose product of (1 + e^(b + w)) does not depend on h1."""
    names = master.names
    b, w = torch.tensor([0.3, -0.2]), torch.tensor([0.5, 0.0])
    wanted = (1 + b.exp()).prod() / (1 + (b + w).exp())[0]
    w[1] = (wanted - 1).log() - b[1]
    m = names["deep"](2, 1, 2, seed=81)._replace(W1=w[:, None], b=b)
    assert torch.allclose(names["dbn_table"](m), names["dbm_table"](m))


def test_what_is_counted_twice(master):
    """1d (iii): with independent h1, the DBM needs the RBM's own bias."""
    names = master.names
    m = names["deep"](3, 2, 2, seed=82)
    W1 = m.W1.clone()
    W1[:, 0], W1[2, 1], W1[:2, 1] = torch.tensor([0.5, -1.0, 0.0]), 2.0, 0.0
    m = m._replace(W1=W1, W2=torch.zeros(2, 2))  # each pixel has one cause
    softplus = torch.nn.functional.softplus
    a = (softplus(m.b[:, None] + W1) - softplus(m.b)[:, None]).sum(0)
    stack = m._replace(c1=m.c1 + a)
    rbm_marginal = names["dbm_table"](m).logsumexp((1, 2))
    assert torch.allclose(names["dbn_table"](stack).logsumexp((1, 2)), rbm_marginal)
    doubled = names["dbm_table"](stack).logsumexp((1, 2))
    assert not torch.allclose(doubled, rbm_marginal, atol=0.01)


def test_the_promise_in_the_table(master):
    """2d (iii): mirrored rows stay above the RBM, the other two begin below it."""
    names = master.names
    W, b, c = names["first_rbm"]
    guess, p, start = names["first_guess"], names["p_images"], names["first_lik"]
    five = all_bits(5)

    def bound(top):
        m = names["Deep"](W, top[0], b, *top[1:])
        return (p @ sum(names["accounts"](m, guess, five)) - start).item()

    q_bar = names["q_bar"]
    mirrored = [W.T.clone(), c.clone(), b.clone()]
    assert bound(mirrored) == pytest.approx(0, abs=1e-10)
    few = [W.T[:, :2].clone(), c.clone(), b[:2].clone()]
    assert bound(few) < -1
    for cd in (False, True):
        top = [part.clone() for part in mirrored]
        last = 0.0
        for _ in range(20):
            names["rise"](top, q_bar, 5, cd)
            now = bound(top)
            assert now > 0
            assert cd or now > last
            last = now
    last = bound(few)
    for _ in range(20):
        names["rise"](few, q_bar, 5)
        assert last < bound(few) < 0
        last = bound(few)


def test_which_guess_costs_more(master):
    """3d (iii): sleep matches the means, and its KL(q, p) is the larger one."""
    names = master.names
    p = names["log_joint"][1].softmax(0)
    on = p @ all_bits(2)
    sleep = names["guesses"]["sleep"]
    assert torch.allclose(sleep @ all_bits(2), on, atol=0.01)
    assert sleep[0] + sleep[3] > 0.45
    best = min(
        sum(q * math.log(q / t) for q, t in zip(product, p.tolist(), strict=True))
        for a, b in itertools.product([k / 100 for k in range(1, 100)], repeat=2)
        for product in [[(1 - a) * (1 - b), (1 - a) * b, a * (1 - b), a * b]]
    )
    assert (sleep * (sleep / p).log()).sum() > best + 0.2


def test_a_dead_layer(master):
    """4e (ii): the slope near W2 = 0, to first order."""
    names = master.names
    p = torch.rand(8, generator=torch.Generator().manual_seed(83))
    p = p / p.sum()
    base = names["deep"](3, 2, 3, seed=84)._replace(c2=torch.zeros(3))
    W2 = 1e-2 * base.W2
    m = base._replace(W2=W2, c1=base.c1 - W2.sum(1) / 2)
    flat = names["dbm_table"](base._replace(W2=0 * W2))
    h1 = all_bits(2)
    data = p @ flat.logsumexp(2).log_softmax(1).exp()
    change = data - flat.exp().sum((0, 2))
    second = h1.T @ (change[:, None] * h1) @ W2 / 4
    leftover = torch.outer(change @ h1, torch.full((3,), 0.5))
    found = names["w2_slope"](m, p)
    assert torch.allclose(found - leftover, second, atol=1e-6)
    assert second.abs().max() > 1e-5


def test_updates_at_once_are_two_runs(master):
    """4e (i): even times of one layer with odd times of the other."""
    names = master.names
    m, v = names["deep"](2, 3, 2, 2.0, seed=85), all_bits(2)
    up = lambda m2: (m.c1 + v @ m.W1 + m2 @ m.W2.T).sigmoid()  # noqa: E731
    down = lambda m1: (m.c2 + m1 @ m.W2).sigmoid()  # noqa: E731
    m1, m2 = torch.full((4, 3), 0.2), torch.full((4, 2), 0.7)
    one, other = m2, down(m1)
    for _ in range(5):
        for run in (one, other):
            m1, m2 = up(m2), down(m1)
            assert not torch.isnan(run).any()
        one, other = down(up(one)), down(up(other))
        assert torch.allclose(m2, one)
        assert torch.allclose(down(m1), other)


def test_the_excess_of_four_chains(master):
    """5d (i): more than 6 nats, and in nine of ten runs nobody sees it."""
    names = master.names
    excess = names["flattery"](names["weights"], names["chances"], 4)
    assert 6 < excess < 7
    assert 0.98**4 > 0.9
    values = [
        names["flattery"](names["weights"], names["chances"], n) for n in (4, 20, 100)
    ]
    assert values == sorted(values, reverse=True)


def test_no_negative_eigenvalues(master):
    """5d (ii): and either of the two chains may be the slower one."""
    names, order = master.names, set()
    for seed in range(86, 92):
        m = names["deep"](2, 3, 2, 2.0, seed=seed)
        scores = names["top_scores"](m)
        T = scores.softmax(1) @ scores.softmax(0).T
        assert torch.linalg.eigvals(T).real.min() > -1e-12
        top, whole = names["memories"](m)
        order.add(top < whole)
    assert order == {True, False}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_answer_loses_points(master, name):
    answer, instead, expected = WRONG[name]
    assert master.failed(answer, instead) == expected


@pytest.mark.parametrize("name", RIGHT)
def test_a_right_answer_gets_all_points(master, name):
    answer, instead = RIGHT[name]
    assert master.failed(answer, instead, given=True) == set()
