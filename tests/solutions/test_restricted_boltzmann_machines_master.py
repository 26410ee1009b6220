"""The problem set's tests: they catch wrong answers and accept right ones.

The master is executed once. Then one answer at a time is exchanged, and its problem's
answers and tests run again. The other tests pin what the sample solutions quote.
"""

import itertools
import math

import pytest
import torch
from answers_restricted_boltzmann_machines import RIGHT, WRONG
from masters import check_stubs, executed

from dgm.likelihood import all_bits


@pytest.fixture(scope="module")
def master():
    with executed("restricted-boltzmann-machines") as made:
        yield made


@pytest.fixture(scope="module")
def ends(master):
    """Where each teacher ends: machine, data, its own field's size, the gradient's."""
    names, found = master.names, {}
    for data_name in ("foreign", "own"):
        p_data = names[data_name]
        for name, block, k in (
            ("gradient", True, None),
            ("block", True, 1),
            ("pixel 1", False, 1),
            ("pixel 4", False, 4),
            ("pixel 16", False, 16),
        ):
            m = names["follow"](p_data, block, k)
            log_p = (-names["free_energy"](m, all_bits(4))).log_softmax(0)
            T = names["pixel_chain"](-log_p)
            B = names["block_chain"](m)
            fields = [(B if block else T, k), (T, None)]
            field, gradient = (
                max(p.abs().max() for p in names["cd_field"](m, p_data, chain, steps))
                for chain, steps in fields
            )
            kl = (p_data @ (p_data.log() - log_p)).item()
            slow = names["decay"](log_p.exp(), T)
            found[data_name, name] = kl, field.item(), gradient.item(), slow
    return found


def log_joint(names, m):
    """log p(v, h), normalised by brute force: (images, codes)."""
    v, h = all_bits(len(m.b)), all_bits(len(m.c))
    table = -names["energy"](m, v[:, None], h)
    return table - table.logsumexp((0, 1))


def test_full_marks_and_points(master):
    """The fixture executed every test of the master; what remains is to count."""
    assert master.points == 40
    assert len(master.tests()) == 26


def test_a_stub_scores_nothing(master):
    check_stubs(master)


def test_what_the_eight_programs_are(master):
    """1c, 1d (i): verdicts, and the energies of the two that have another."""
    names = master.names
    assert names["verdict"] == {
        "Ada": "this",
        "Bo": "another",
        "Cai": "none",
        "Dov": "none",
        "Eva": "another",
        "Fay": "none",
        "Gus": "this",
        "Hal": "none",
    }
    m, bits = names["machine"](3, 3, seed=11), all_bits(3)
    tables = {
        "Bo": names["energy"](m, bits[:, None], bits),
        "Eva": -names["energy"](m, bits[:, None], 1 - bits),
    }
    for name, table in tables.items():
        p_h, p_v, free = names["programs"][name]
        assert torch.allclose(p_h(m, bits), table.softmax(1) @ bits)
        assert torch.allclose(p_v(m, bits), table.softmax(0).T @ bits)
        constant = free(m, bits) + table.logsumexp(1)
        assert torch.allclose(constant, constant[:1].expand(8))


def test_hals_free_energy_lacks_the_entropy(master):
    """1d (i): the mean energy, larger than F by the entropy of h."""
    names = master.names
    m, bits = names["machine"](3, 3, seed=12), all_bits(3)
    p = (m.c + bits @ m.W).sigmoid()
    entropy = -(torch.xlogy(p, p) + torch.xlogy(1 - p, 1 - p)).sum(1)
    mean = names["programs"]["Hal"].F(m, bits)
    assert torch.allclose(mean - entropy, names["free_energy"](m, bits))
    given = log_joint(names, m).softmax(1)
    assert torch.allclose(
        (given * names["energy"](m, bits[:, None], bits)).sum(1), mean
    )


def test_turned_units(master):
    """1d (ii): 2^H H! machines with one p(v)."""
    names = master.names
    m, v = names["machine"](4, 3, seed=13), all_bits(4)
    log_p = (-names["free_energy"](m, v)).log_softmax(0)
    seen = set()
    for turned in itertools.product((False, True), repeat=3):
        sign = torch.tensor([-1.0 if t else 1.0 for t in turned])
        W, b, c = m.W * sign, m.b + m.W[:, list(turned)].sum(1), m.c * sign
        for order in itertools.permutations(range(3)):
            one = names["Machine"](W[:, order], b, c[list(order)])
            found = (-names["free_energy"](one, v)).log_softmax(0)
            assert torch.allclose(found, log_p)
            seen.add(tuple(one.W.flatten().tolist()))
    assert len(seen) == 2**3 * 6


def test_three_values_and_two_units(master):
    """1d (iii): 1 + 2 cosh a against 2 + 2 cosh a."""
    names = master.names
    W, none = torch.tensor([[1.0], [-2.0]]), torch.zeros(1)
    m = names["Machine"](W, torch.zeros(2), none)
    v = all_bits(2)
    a = (v @ W)[:, 0]
    found = -names["any_free_energy"](m, v, [-1.0, 0.0, 1.0])
    assert torch.allclose(found.exp(), 1 + 2 * a.cosh())
    pair = names["Machine"](torch.cat([W, -W], 1), torch.zeros(2), torch.zeros(2))
    assert torch.allclose((-names["free_energy"](pair, v)).exp(), 2 + 2 * a.cosh())


def test_where_the_teachers_end(ends):
    """2d (iii): the numbers of the table."""
    for (data_name, name), (kl, field, gradient, slow) in ends.items():
        assert field < 2e-8
        if data_name == "own":
            assert gradient < 1e-7
            assert kl < 1e-5
        elif name in ("gradient", "block"):
            assert gradient < 1e-7
            assert kl == pytest.approx(0.0423, abs=5e-5)
        else:
            assert 0.93 < slow < 0.94
    kl, _, gradient, _ = ends["foreign", "pixel 1"]
    assert kl == pytest.approx(0.0442, abs=5e-5)
    assert gradient == pytest.approx(0.013, abs=5e-4)
    assert ends["foreign", "pixel 4"][2] == pytest.approx(0.004, abs=5e-4)
    assert ends["foreign", "pixel 16"][2] < 1e-3
    order = [ends["foreign", f"pixel {k}"][0] for k in (1, 4, 16)]
    assert order == sorted(order, reverse=True)


def test_the_pixel_chain_is_a_mean_of_projections(master):
    """2d (i): no negative eigenvalues, and detailed balance."""
    names = master.names
    free = names["free_energy"](names["machine"](4, 3, 2.0, seed=14), all_bits(4))
    T, p = names["pixel_chain"](free), (-free).softmax(0)
    assert torch.allclose(p[:, None] * T, (p[:, None] * T).T)
    assert torch.linalg.eigvals(T).real.min() > -1e-12


def test_own_data_are_a_fixed_point(master):
    """2d (ii): of any chain that leaves p unchanged."""
    names = master.names
    m = names["machine"](3, 2, seed=15)
    p = (-names["free_energy"](m, all_bits(3))).softmax(0)
    for T in (names["block_chain"](m), names["pixel_chain"](-p.log())):
        assert max(f.abs().max() for f in names["cd_field"](m, p, T, 1)) < 1e-12


def test_one_hidden_unit_and_two(master):
    """2d (iii): block CD-1's field is zero where the gradient is, but not for two."""
    names, sizes = master.names, {}
    p_data = torch.rand(16, generator=torch.Generator().manual_seed(16)) ** 2 + 0.05
    p_data = p_data / p_data.sum()
    for hidden in (1, 2):
        m = names["machine"](4, hidden, 0.5, seed=17)
        leaves = [part.clone().requires_grad_() for part in m]
        solver = torch.optim.LBFGS(
            leaves, max_iter=3000, tolerance_grad=1e-11, tolerance_change=1e-16,
            line_search_fn="strong_wolfe",
        )  # fmt: skip

        def loss(leaves=leaves, solver=solver):
            solver.zero_grad()
            free = names["free_energy"](names["Machine"](*leaves), all_bits(4))
            value = -(p_data @ (-free).log_softmax(0))
            value.backward()
            return value

        solver.step(loss)
        m = names["Machine"](*(part.detach() for part in leaves))
        T = names["block_chain"](m)
        sizes[hidden] = [
            max(f.abs().max().item() for f in names["cd_field"](m, p_data, T, k))
            for k in (None, 1)
        ]
    assert max(sizes[1]) < 1e-6
    assert sizes[2][0] < 1e-4
    assert sizes[2][1] > 20 * sizes[2][0]


def test_what_the_pseudo_likelihood_sees(master):
    """3d: the numbers of the table, and the scatter of 1,000 images."""
    names, v = master.names, all_bits(10)
    p_data = (-names["free_energy"](names["two_modes"](10, 4.0, 0.0), v)).softmax(0)
    singles = [[i] for i in range(10)]
    means = []
    for odds in (0.0, 4.0):
        m = names["two_modes"](10, 4.0, odds)
        pseudo = names["block_log_lik"](m, v, singles)
        means.append((p_data @ pseudo).item())
        halves = names["block_log_lik"](m, v, [list(range(5)), list(range(5, 10))])
        means.append((p_data @ halves).item())
    slope, blind = names["c_slopes"](m, p_data)
    assert abs(slope.item()) == pytest.approx(0.5, abs=0.05)
    assert abs(slope.item() / blind.item()) > 5000
    change = abs(means[0] - means[2])
    assert change < 1e-3
    spread = (p_data @ pseudo**2 - (p_data @ pseudo) ** 2).sqrt() / math.sqrt(1000)
    assert spread > 100 * change
    assert abs(means[1] - means[3]) < 0.01  # blocks of five see little


def test_pseudo_likelihood_is_never_below_in_the_mean(master):
    """3d (i): under the model itself; and two pixels that are always equal."""
    names = master.names
    for seed in range(5):
        m, v = names["machine"](5, 3, 2.0, seed=seed), all_bits(5)
        log_p = (-names["free_energy"](m, v)).log_softmax(0)
        pseudo = names["block_log_lik"](m, v, [[i] for i in range(5)])
        assert log_p.exp() @ pseudo > log_p.exp() @ log_p
        assert (pseudo < log_p).any()  # for single images both orders occur
    m = names["two_modes"](2, 30.0, 0.0)
    ones = torch.ones(1, 2)
    log_p = -names["free_energy"](m, all_bits(2)).neg().logsumexp(0)
    log_p = log_p - names["free_energy"](m, ones)
    assert log_p.item() == pytest.approx(-math.log(2))
    pseudo = names["block_log_lik"](m, ones, [[0], [1]])
    assert pseudo.item() == pytest.approx(0, abs=1e-9)


class RbmPath:
    """The lecture's path from even pixels to a machine, for the ten programs."""

    def __init__(self, names, m):
        self.names, self.m = names, m

    def start(self, chains):
        return torch.randint(2, (chains, len(self.m.b))).double()

    def log_f(self, x, beta):
        scaled = self.names["Machine"](*(beta * part for part in self.m))
        return -self.names["free_energy"](scaled, x)

    def step(self, x, beta):
        W, b, c = (beta * part for part in self.m)
        h = torch.bernoulli((c + x @ W).sigmoid())
        return torch.bernoulli((b + h @ W.T).sigmoid())


def test_which_of_the_ten_are_unbiased(master):
    """4c: by running them on a machine with known Z."""
    names = master.names
    m = names["machine"](2, 2, 2.0, seed=18)
    truth = (-names["free_energy"](m, all_bits(2))).logsumexp(0).item()
    truth -= 4 * math.log(2)
    names["reproducible"](19)
    path, betas, chains = RbmPath(names, m), [0.0, 0.3, 0.6, 1.0], 200_000
    for name, program in names["ten"].items():
        w = (program(path, betas, chains) - truth).exp()
        off = (w.mean() - 1).abs() * math.sqrt(len(w)) / w.std()
        assert (off < 4) == names["unbiased"][name], name
        assert (off > 10) != names["unbiased"][name], name
    gus, jo = (names["ten"][name](path, betas, chains) for name in ("Gus", "Jo"))
    assert min((gus - truth).exp().mean(), (jo - truth).exp().mean()) > 1


def test_how_ais_closes_in(master):
    """4e (ii): the table: about 1 / n, too low upwards, too high downwards."""
    names = master.names
    low, high, shares = {}, {}, []
    for n in (30, 100, 200, 300):
        log_f, T = names["rbm_tables"](names["sharp"], n)
        found = names["moments"](log_f, T)
        truth = (log_f[-1].logsumexp(0) - log_f[0].logsumexp(0)).item()
        low[n] = found.mean_log.item() - truth
        high[n] = found.mean_log_down.item() - truth
        shares.append(found.share.item())
        assert found.log_mean.item() == pytest.approx(truth, abs=1e-9)
    assert max(low.values()) < 0 < min(high.values())
    assert shares == sorted(shares)
    assert low[200] / low[100] == pytest.approx(0.5, abs=0.03)
    assert high[200] / high[100] == pytest.approx(0.5, abs=0.03)


def test_downwards_from_one_of_two_modes(master):
    """4e (ii): off by log(pi / U), of either sign, and 0 for mirror images."""
    names = master.names
    off = {}
    for odds, ink in ((0.0, True), (3.0, True), (3.0, False)):
        m = names["two_modes"](4, 4.0, odds)
        log_f, T = names["rbm_tables"](m, 40)
        truth = log_f[-1].logsumexp(0) - log_f[0].logsumexp(0)
        mode = (all_bits(4).sum(1) > 2) == ink
        up = log_f[0].softmax(0)
        for move in T:
            up = up @ move
        mass = log_f[-1].softmax(0) * mode
        pi, total = mass.sum(), 0.0
        mass = mass / pi
        for rise, move in zip(log_f.diff(dim=0).flip(0), T.flip(0), strict=True):
            # E[1 / w], whose logarithm endlessly many walks would estimate
            mass = (mass @ move) * (-rise).exp()
            total = total - mass.sum().log()
            mass = mass / mass.sum()
        off[odds, ink] = (total - truth).item()
        expected = (pi / (up @ mode.double())).log().item()
        assert off[odds, ink] == pytest.approx(expected, abs=1e-6)
    assert off[0.0, True] == pytest.approx(0, abs=1e-3)
    assert off[3.0, False] < -0.05
    assert off[3.0, True] > 0.002


def test_the_rounds_from_mode_to_mode(master):
    """5d (iii): like e^(10 s) free, e^(5 s) half clamped, and a round or two."""
    names = master.names

    def rounds(D, s, seen):
        return 1 / names["gap"](D, 2 * s, -s, -20 * s + 2 * s * seen)

    free = math.log(rounds(20, 6.0, 0) / rounds(20, 5.0, 0))
    half = math.log(rounds(10, 6.0, 5) / rounds(10, 5.0, 5))
    assert free == pytest.approx(10, abs=0.2)
    assert half == pytest.approx(5, abs=0.2)
    for s in (0.25, 1.0, 4.0):
        assert 1 <= rounds(10, s, 10) < 2


def test_a_clamped_machine_is_a_smaller_one(master):
    """5d: and its round leaves the conditional unchanged."""
    names = master.names
    m = names["machine"](5, 3, seed=20)
    seen_values = torch.tensor([1.0, 0.0])
    c = m.c + seen_values @ m.W[:2]
    smaller = names["Machine"](m.W[2:], m.b[2:], c)
    image = torch.cat([seen_values, torch.zeros(3)])
    log_p = names["complete"](m, image, torch.arange(5) < 2)
    small_log_p = (-names["free_energy"](smaller, all_bits(3))).log_softmax(0)
    assert torch.allclose(log_p, small_log_p)
    T = names["block_chain"](smaller)
    assert torch.allclose(log_p.exp() @ T, log_p.exp())


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_answer_loses_points(master, name):
    answer, instead, expected = WRONG[name]
    assert master.failed(answer, instead) == expected


@pytest.mark.parametrize("name", RIGHT)
def test_a_right_answer_gets_all_points(master, name):
    answer, instead = RIGHT[name]
    assert master.failed(answer, instead, given=True) == set()
