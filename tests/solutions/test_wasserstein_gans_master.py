"""The problem set's tests: they catch wrong answers and accept right ones.

The master is executed once. Then one answer at a time is exchanged, and its problem's
answers and tests run again. The other tests pin what the sample solutions quote.
"""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from answers_wasserstein_gans import RIGHT, WRONG
from masters import check_stubs, executed


@pytest.fixture(scope="module")
def master():
    with executed("wasserstein-gans") as made:
        yield made


def test_full_marks_and_points(master):
    """The fixture executed every test of the master; what remains is to count."""
    assert master.points == 40
    assert len(master.tests()) == 26


def test_a_stub_scores_nothing(master):
    check_stubs(master)


def test_paths_that_cross(master):
    """1d (i): the inequality for convex costs, and the counterexamples."""
    names = master.names
    torch.manual_seed(1)
    x, y = torch.randn(2, 1000, 2).sort(2).values
    for h in (torch.abs, torch.square, torch.exp, F.relu):
        order = h(x - y).sum(1)
        crossed = h(x - y.flip(1)).sum(1)
        assert (order <= crossed + 1e-12).all()
    x, y = torch.tensor([0.0, 1.0]), torch.tensor([1.0, 2.0])
    cai, fay = names["costs"]["Cai"], names["costs"]["Fay"]
    assert cai(x, y).sum().item() == pytest.approx(2)
    assert cai(x, y.flip(0)).sum().item() == pytest.approx(math.sqrt(2))
    assert fay(x, y).sum().item() == 2
    assert fay(x, y.flip(0)).sum().item() == 1


def test_the_critic_of_the_line(master):
    """1d (ii): f with the slope sign(Q - P) earns the area between P and Q."""
    torch.manual_seed(2)
    x, y = torch.randn(30), 0.3 + torch.randn(20)
    at = torch.cat([x, y]).sort().values
    P, Q = ((z <= at[:-1, None]).double().mean(1) for z in (x, y))
    f = torch.cat([torch.zeros(1), ((Q - P).sign() * at.diff()).cumsum(0)])
    earned = f[torch.searchsorted(at, x)].mean() - f[torch.searchsorted(at, y)].mean()
    p, q = torch.full((30,), 1 / 30), torch.full((20,), 1 / 20)
    area = ((P - Q).abs() @ at.diff()).item()
    assert earned.item() == pytest.approx(area)
    assert float(master.names["line_cost"](x, p, y, q, 1)) == pytest.approx(area)


def test_four_ways_to_pair(master):
    """1d (iii): the first table, as quoted."""
    names = master.names
    even = torch.full((12,), 1 / 12)
    found = {}
    for r in (0.5, 1.0, 2.0, 4.0):
        dice, paid = torch.Generator().manual_seed(3), torch.zeros(3)
        for _ in range(20):
            x, y = torch.randn(2, 12, generator=dice).sort(1).values
            cost = (x[:, None] - y).abs() ** r
            best = (names["best_plan"](even, even, cost) * cost).sum()
            order = cost.trace() / 12
            paid += torch.stack([best, order, torch.tensor(names["greedy"](cost))])
        found[r] = (paid / paid[0])[1:].tolist()
    assert found[0.5] == pytest.approx([1.13, 1.02], abs=0.005)
    assert found[1.0] == pytest.approx([1.0, 1.11], abs=0.005)
    assert found[2.0] == pytest.approx([1.0, 2.7], abs=0.05)
    assert found[4.0] == pytest.approx([1.0, 27], abs=0.5)


def test_shadows_of_a_ring(master):
    """1d (iii): the second table; linear critics see nothing of a turn."""
    names = master.names
    ring, even = math.pi / 4 * torch.arange(8), torch.full((8,), 1 / 8)
    views = math.pi / 180 * torch.arange(180)
    quoted = ((5.0, 0.057, 0.087), (11.25, 0.127, 0.196), (22.5, 0.250, 0.390))
    for degrees, shadow, exact in quoted:
        turned = ring + math.radians(degrees)
        flat = max(
            float(
                names["line_cost"]((ring - v).cos(), even, (turned - v).cos(), even, 1)
            )
            for v in views
        )
        points = [torch.stack([a.cos(), a.sin()], 1) for a in (ring, turned)]
        assert flat == pytest.approx(shadow, abs=6e-4)
        assert names["matched"](*points) == pytest.approx(exact, abs=6e-4)
        assert 0.63 < flat / names["matched"](*points) < 0.67
        assert (points[0].mean(0) - points[1].mean(0)).abs().max() < 1e-12


def trained(names):
    """says, certified and improved for both critics of 2d, from here on."""
    circle, cloud = names["circle"], names["cloud"]
    for weight in (0.0, 10.0):
        for step, f in names["critics"](weight, circle, cloud):
            with torch.no_grad():
                values = (f(circle)[:, 0], f(cloud)[:, 0], circle, cloud)
            h = [names["improved"](*values, at).mean() for at in (circle, cloud)]
            row = (values[0].mean() - values[1].mean(), names["certified"](*values))
            yield (weight, step), [float(one) for one in (*row, h[0] - h[1])]


def test_certificates_of_two_critics(master):
    """2d (iii): the table, as far as it is quoted, there and on another seed."""
    names = master.names
    exact = names["matched"](names["circle"], names["cloud"])
    assert exact == pytest.approx(1.345, abs=6e-4)
    torch.manual_seed(8)
    for table in (names["table"], dict(trained(names))):
        said, sure, mended = (
            {at: row[k] for at, row in table.items()} for k in range(3)
        )
        assert all(sure[at] <= mended[at] + 1e-9 <= exact + 2e-9 for at in table)
        assert said[0.0, 400] > 300 * exact
        assert 1.0 < said[10.0, 400] / exact < 1.15
        assert sure[0.0, 400] < sure[0.0, 50] < sure[10.0, 400]
        assert 1.25 < sure[10.0, 400] < 1.33 < mended[10.0, 400] + 0.01
        assert mended[0.0, 0] > 0.7 < mended[10.0, 0]


def test_a_penalised_critic_turns_round(master):
    """2d (iii): the rows of the penalised critic at steps 10 and 50, as quoted."""
    table = master.names["table"]
    assert table[10.0, 10][:2] == pytest.approx([-0.69, 0.71], abs=0.006)
    assert table[10.0, 50] == pytest.approx([-0.03, 0.03, 0.72], abs=0.006)
    assert table[10.0, 10][0] < table[10.0, 0][0] < 0 < table[10.0, 400][0]


def test_the_certificate_of_the_lecture(master):
    """2a: it divides by the steepest slope of either sign, and is no larger."""
    dice, larger = torch.Generator().manual_seed(7), 0
    for _ in range(30):
        x, y = torch.randn(2, 5, 2, generator=dice)
        f_x, f_y = torch.randn(2, 5, generator=dice)
        slopes = (f_x[:, None] - f_y) / torch.cdist(x, y)
        lecture = ((f_x.mean() - f_y.mean()) / slopes.abs().max()).item()
        mine = master.names["certified"](f_x, f_y, x, y).item()
        assert mine >= abs(lecture) - 1e-12
        larger += mine > abs(lecture) + 1e-6
    assert 0 < larger < 30


def test_counterexamples_to_claims(master):
    """2d (iii): Cai and Fay by hand; Eva's and Hal's inequality."""
    names = master.names
    f = torch.nn.Sequential(torch.nn.Linear(2, 1))
    f[0].weight.data.fill_(1.0)
    x, y = torch.ones(1, 2), torch.zeros(1, 2)
    assert names["claims"]["Cai"](f, x, y).item() == pytest.approx(2)
    assert names["matched"](x, y) == pytest.approx(math.sqrt(2))
    x, y = torch.tensor([[0.0], [5.0]]), torch.tensor([[5.1], [0.1]])

    def steep(z):
        """1 at real points, 0 at made ones."""
        return (z - x.T).abs().amin(1, keepdim=True).lt(0.05).double()

    assert names["claims"]["Fay"](steep, x, y).item() == pytest.approx(4.9)
    assert names["matched"](x, y) == pytest.approx(0.1)
    assert names["claims"]["Hal"](steep, x, y).item() > 0.5
    assert names["claims"]["Eva"](steep, x, y).item() == pytest.approx(0.1)


def test_which_claims_hold(master):
    """2c: the verdicts of the hidden test, by random networks and samples."""
    names, nn = master.names, torch.nn
    dice, broken = torch.Generator().manual_seed(96), set()
    for trial in range(400):
        n, d, size = 1 + trial % 3, 1 + trial // 3 % 3, (0.3, 1.0, 3.0)[trial % 7 % 3]
        x, y = torch.randn(2, n, d, generator=dice)
        f = nn.Sequential(nn.Linear(d, 6), nn.ReLU(), nn.Linear(6, 1))
        for q in f.parameters():
            q.data = size * torch.randn(q.shape, generator=dice)
        truth = names["matched"](x, y) + 1e-9
        broken |= {k for k, claim in names["claims"].items() if claim(f, x, y) > truth}
    assert broken == {"Bo", "Cai", "Fay", "Hal"}


def test_two_samples_of_one_distribution(master):
    """2d (i): the distance of samples is positive although W(p, p) = 0."""
    torch.manual_seed(3)
    each = [master.names["matched"](*torch.randn(2, 20, 2)) for _ in range(20)]
    assert min(each) > 0.2


def test_where_linear_critics_rest(master):
    """3d (i): curvature along and sideways; what is said; the peak at 0."""
    m, lam = torch.tensor([1.5, 0.0, 0.0]), 1.0
    W = m.norm().item()

    def J(w):
        return -w @ m + lam * (w.norm() - 1) ** 2

    for w, kind in master.names["stationary"](m, lam):
        bend = torch.autograd.functional.hessian(J, w)
        side = 2 * lam * (w.norm() - 1) / w.norm()
        assert bend[0, 0].item() == pytest.approx(2 * lam)
        assert bend[1, 1].item() == pytest.approx(side.item())
        if kind == "minimum":
            assert (w @ m).item() == pytest.approx(W + W**2 / (2 * lam))
            assert (w @ m / w.norm()).item() == pytest.approx(W)
    around = F.normalize(torch.randn(500, 3), dim=1) * 1e-3
    assert all(J(w) < lam for w in around)
    assert J(torch.tensor([-1e-3, 0.0, 0.0])) < lam
    m = 2 * m  # now W > 2 lambda: up against m
    assert -torch.tensor([-1e-3, 0.0, 0.0]) @ m + lam * (1e-3 - 1) ** 2 > lam


def test_means_say_less_than_plans(master):
    """3d (i): |m| <= W, and equal for point masses."""
    matched, dice = master.names["matched"], torch.Generator().manual_seed(5)
    for n in (1, 6):
        x, y = torch.randn(2, n, 3, generator=dice)
        m = (x.mean(0) - y.mean(0)).norm().item()
        assert m == pytest.approx(matched(x, y)) if n == 1 else m < 0.9 * matched(x, y)


def test_directions_of_the_actor(master):
    """3d (ii): clipping goes at 45 degrees, the others straight; slopes at the goal."""
    best = master.names["best_linear"]
    m = torch.tensor([3.0, 0.1])
    for rule in ("two-sided", "one-sided", "squared", "spectral"):
        w = best(m, rule, 0.5)
        assert torch.allclose(w / w.norm(), m / m.norm())
        near_goal = best(1e-6 * m, rule, 0.5).norm().item()
        slope = {"squared": 0.0, "spectral": 0.5}.get(rule, 1.0)
        assert near_goal == pytest.approx(slope, abs=1e-5)
    w = best(m, "clipped", 0.5)
    assert (w[1] / m[1]) / (w[0] / m[0]) == pytest.approx(30)
    assert best(1e-6 * m, "clipped", 0.5).norm().item() == pytest.approx(0.5 * 2**0.5)


def test_who_is_caught(master):
    """3d (iii): shares with the wrong sign, as printed and on another seed."""
    names = master.names
    torch.manual_seed(12)
    again = {rho: [] for rho in (0.05, 0.5, 1.1)}
    for rho, row in again.items():
        for run, d, sided in names["runs"]:
            row.append((run(d, rho, sided) < 0).double().mean().item())
    for caught in (names["caught"], again):
        line, plane, eight, net, net_plane, one, net_one = zip(
            *caught.values(), strict=True
        )
        assert 0.4 < line[0] < 0.6 and 0.4 < line[1] < 0.6 and line[2] == 0
        assert max(*plane, *eight, *one, *net_one, net[2]) == 0
        assert 0.3 < net[0] < 0.65 and 0 < net[1] < net[0]
        assert max(net_plane) < 0.06


def test_reshaped_kernels(master):
    """4e (i): rho <= norm of the convolution <= k rho."""
    torch.manual_seed(4)
    for k in (3, 5):
        for kernel in (torch.randn(2, 3, k, k), torch.rand(3, 2, k, k)):
            rho = torch.linalg.matrix_norm(kernel.flatten(1), 2).item()
            norm = master.names["operator_norm"](
                lambda v, K=kernel: F.conv2d(v[None], K, padding=K.shape[-1] // 2)[0],
                (kernel.shape[1], 9, 9),
            )
            assert rho * 0.999 < norm < k * rho
    assert 3**10 == 59_049
    for k, quoted in ((3, 2.88), (7, 5.72), (9, 6.59)):
        kernel = torch.ones(1, 1, k, k) / k
        norm = master.names["operator_norm"](
            lambda v, K=kernel: F.conv2d(v[None], K, padding=K.shape[-1] // 2),
            (1, 12, 12),
        )
        assert norm == pytest.approx(quoted, abs=0.006)
    assert 5.72 > 0.8 * 7 and 6.59 < 0.8 * 9


def test_ceilings_and_products(master):
    """4e (ii): the number asked for, and the table on other seeds."""
    names = master.names
    ceiling = names["clip_ceiling"]
    assert ceiling((784, 512, 512, 512, 1), 0.01) == pytest.approx(37.6, abs=0.05)
    assert ceiling((32,) * 8 + (1,), 0.01) == pytest.approx(2e-5, rel=0.05)
    assert ceiling((32,) * 8 + (1,), 0.1) == pytest.approx(1940, rel=0.005)
    ratio = ceiling((32,) * 5 + (1,), 0.1) / ceiling((32,) * 4 + (1,), 0.1)
    assert ratio == pytest.approx(3.2)
    for seed in (15, 16):
        torch.manual_seed(seed)
        found = []
        for L in (2, 8):
            sizes = (32,) * L + (1,)
            linear = [
                torch.nn.Linear(*two) for two in zip(sizes[:-1], sizes[1:], strict=True)
            ]
            layers = [part for one in linear for part in (one, torch.nn.ReLU())]
            f = torch.nn.Sequential(*layers[:-1])
            product = 1.0
            for one in linear:
                product *= torch.linalg.matrix_norm(one.weight, 2).item()
            slope = names["largest_slope"](f)
            found.append(product / slope)
            for one in linear:
                one.weight.data /= torch.linalg.matrix_norm(one.weight.data, 2)
            assert names["largest_slope"](f) < (0.9 if L == 2 else 0.02)
        assert 1 < found[0] < 4
        assert 50 < found[1] < 2000


def test_slopes_that_are_divided(master):
    """4e (iii), Fay: for a linear critic, more than n times too steep."""
    n, lam, W = 16, 10.0, 0.5
    w = torch.linspace(0, 200, 200_001)
    best = w[(-w * W + lam * (w / n - 1) ** 2).argmin()].item()
    assert best == pytest.approx(n * (1 + n * W / (2 * lam)), abs=1e-2)
    assert best > n * (1 + W / (2 * lam))


def test_an_actor_that_climbs_the_penalty(master):
    """4e (iii), Hal: with tanh the actor goes astray, with ReLU it does not."""
    names, nn = master.names, torch.nn
    for bend, same in ((nn.Tanh(), False), (nn.ReLU(), True)):
        moved = []
        for name in ("Ada", "Hal"):
            torch.manual_seed(6)
            G = nn.Linear(2, 3)
            f = nn.Sequential(nn.Linear(3, 5), bend, nn.Linear(5, 1))
            opts = [torch.optim.SGD(part.parameters(), 0.3) for part in (G, f)]
            x, z, fresh = torch.randn(6, 3), torch.randn(6, 2), torch.randn(6, 2)
            t = torch.rand(6, 1)
            names["ten"][name](names["Bench"](G, f, *opts), x, z, fresh, t)
            moved.append(G.weight.detach())
        assert torch.allclose(*moved, atol=1e-9) is same


def test_what_minibatches_teach(master):
    """5e (i): the mode for one image; a median of K/n for many made ones."""
    names = master.names
    mean, best = names["mean_distance"], names["best_match"]
    for b in (0.0, 0.3, 1.0):
        assert mean(0.3, b, 1, 1) == pytest.approx(0.3 + (1 - 0.6) * b)
        assert mean(0.3, b, 2, 5) >= abs(0.3 - b) - 1e-12
    assert best(0.3, 1, 1) < 1e-4
    assert best(0.45, 4, 1500) == pytest.approx(0.5, abs=0.02)
    assert best(0.3, 1, 1500) < 1e-4


def test_floors_and_their_slopes(master):
    """5e (ii): the second table, as quoted, and the factors."""
    slopes = {
        d: np.polyfit(np.log(master.names["sizes"]), np.log(floor), 1)[0]
        for d, floor in master.names["floors"].items()
    }
    for d, slope, factor in ((1, -0.49, 110), (2, -0.42, 240), (8, -0.15, 5e6)):
        assert slopes[d] == pytest.approx(slope, abs=0.02)
        assert 10 ** (-1 / slope) == pytest.approx(factor, rel=0.1)


def test_a_shift_in_eight_dimensions(master):
    """5e (ii): the third table, on another seed."""
    names = master.names
    dice, found = torch.Generator().manual_seed(18), {}
    for shift in (0.0, 0.5):
        each = []
        for _ in range(100):
            x, y = torch.randn(2, 64, 8, generator=dice)
            y[:, 0] += shift
            each.append([names["matched"](x, y), names["energy"](x, y).item()])
        each = torch.tensor(each)
        found[shift] = (*each.mean(0).tolist(), *each.std(0).tolist())
    assert found[0.0][0] == pytest.approx(2.26, abs=0.03)
    assert found[0.5][0] == pytest.approx(2.29, abs=0.03)
    assert found[0.0][1] == pytest.approx(0.0, abs=0.015)
    assert found[0.5][1] == pytest.approx(0.06, abs=0.02)
    assert 0.02 < found[0.0][3] < 0.045
    assert 0.035 < found[0.5][3] < 0.075


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_answer_loses_points(master, name):
    answer, instead, expected = WRONG[name]
    assert master.failed(answer, instead) == expected


@pytest.mark.parametrize("name", RIGHT)
def test_a_right_answer_gets_all_points(master, name):
    answer, instead = RIGHT[name]
    assert master.failed(answer, instead, given=True) == set()
