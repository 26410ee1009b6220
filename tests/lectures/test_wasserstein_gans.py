"""What the lecture defines before its images, against independent computations."""

import copy
import itertools
import math
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure
from scipy import optimize, stats
from scipy.spatial.distance import cdist, jensenshannon
from torch import nn

from dgm import data
from dgm.course.load import lecture
from dgm.models.crowd import Crowd, Judge

PATH = Path(__file__).parents[2] / "lectures/wasserstein-gans.md"
FIVE_SIGMA = 5.8e-7  # two-sided p-value
# Tensors that are handed to scipy and matplotlib: torch says old words to a new NumPy.
pytestmark = pytest.mark.filterwarnings("ignore:__array:DeprecationWarning")
WAYS = ["clip 0.1", "two-sided 10", "one-sided 1", "spectral"]


@pytest.fixture(scope="module")
def page():
    return lecture(PATH, typecheck=True)


@pytest.fixture(autouse=True)
def quiet(monkeypatch):
    monkeypatch.setenv("DGM_BOOK", "1")
    torch.manual_seed(0)


def cloud(*shape):
    return torch.randn(*shape, dtype=torch.float64)


def single(crowd, seed):
    """The network of one seed, built of torch's own layers."""
    layers = []
    for weight, bias in zip(crowd.weights, crowd.biases, strict=True):
        layer = nn.Linear(*weight.shape[1:], dtype=weight.dtype)
        layer.weight.data, layer.bias.data = weight[seed].T, bias[seed, 0]
        layers += [layer, nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def random_judge(sizes, seeds):
    """A judge whose biases are not zero."""
    judge = Judge(Crowd(sizes, seeds))
    for bias in judge.net.biases:
        nn.init.normal_(bias)
    return judge


def assigned(x, y):
    """Distance and partners by another solver: for each y_j the number of its x."""
    cost = cdist(x.double().numpy(), y.double().numpy())
    rows, columns = optimize.linear_sum_assignment(cost)
    return cost[rows, columns].mean(), rows[np.argsort(columns)]


def by_loops(on_real, on_fake, x, y):
    """The certificate, pair by pair."""
    steepest = max(
        abs(a - b) / math.dist(s, t)
        for a, s in zip(on_real.tolist(), x.tolist(), strict=True)
        for b, t in zip(on_fake.tolist(), y.tolist(), strict=True)
    )
    return (np.mean(on_real.tolist()) - np.mean(on_fake.tolist())) / steepest


class Wavy(nn.Module):
    """A smooth critic of points in the plane, whose gradient is known."""

    def forward(self, x):
        return torch.sin(2 * x[..., 0]) + x[..., 0] * x[..., 1] + x[..., 1].square()

    def rise(self, x):
        first, second = x[..., 0], x[..., 1]
        return torch.stack(
            [2 * torch.cos(2 * first) + second, first + 2 * second], dim=-1
        )


class Straight(nn.Module):
    """f(x) = <w, x> + b for points of any shape after ``lead`` axes."""

    def __init__(self, w, lead=1):
        super().__init__()
        self.w, self.b = nn.Parameter(w), nn.Parameter(torch.tensor(0.3).to(w))
        self.lead = lead

    def forward(self, x):
        return (x * self.w).flatten(self.lead).sum(-1) + self.b


class Bowl(nn.Module):
    """f(x) = a |x|^2, with slope 2 a |x|."""

    def __init__(self, a, lead=1):
        super().__init__()
        self.a, self.lead = nn.Parameter(torch.tensor(a).double()), lead

    def forward(self, x):
        return self.a * x.flatten(self.lead).square().sum(-1)


# Two piles of earth


def test_distances_are_exact_also_between_neighbours(page):
    x = 1e6 + torch.arange(60.0).double()[:, None]
    found = page.distances(x, x + 1e-3)
    assert found.diagonal().tolist() == pytest.approx([1e-3] * 60, rel=1e-5)
    a, b = torch.randn(4, 3), torch.randn(5, 3)
    found = page.distances(a, b)
    assert found.dtype == torch.float64
    np.testing.assert_allclose(found, cdist(a.double(), b.double()), atol=1e-12)


@given(n=st.integers(1, 9), m=st.integers(1, 9), seed=st.integers(0, 10**6))
@settings(max_examples=40, deadline=None)
def test_transport_on_a_line_by_scipy(page, n, m, seed):
    """Weights that do not sum to one are shares all the same."""
    torch.manual_seed(seed)
    x, y, p, g = cloud(n), 2 * cloud(m) + 1, torch.rand(n) + 0.1, torch.rand(m) + 0.1
    found = page.transport(x[:, None], y[:, None], p, g)
    theirs = stats.wasserstein_distance(x, y, p.double(), g.double())
    assert found.cost.item() == pytest.approx(theirs, abs=1e-9)
    equal = page.transport(x[:, None], y[:, None])
    assert equal.cost.item() == pytest.approx(
        stats.wasserstein_distance(x, y), abs=1e-9
    )


def test_transport_of_equal_numbers_is_an_assignment(page):
    x, y = torch.randn(30, 3), torch.randn(30, 3) + 1
    found, (theirs, partner) = page.transport(x, y), assigned(x, y)
    assert found.cost.item() == pytest.approx(theirs, abs=1e-9)
    plan = np.zeros((30, 30))
    plan[partner, range(30)] = 1 / 30
    np.testing.assert_allclose(found.plan, plan, atol=1e-12)


def linear_program(x, y, p, g):
    """The plan that scipy finds, with constraints written row by row."""
    n, m = len(x), len(y)
    sums = np.zeros((n + m, n, m))
    for i in range(n):
        sums[i, i, :] = 1
    for j in range(m):
        sums[n + j, :, j] = 1
    return optimize.linprog(
        cdist(x, y).ravel(),
        A_eq=sums.reshape(n + m, -1),
        b_eq=np.concatenate([p, g]),
        method="highs",
    ).fun


def test_transport_and_the_general_solver_in_the_plane(page):
    x, y, p, g = cloud(7, 2), cloud(5, 2) + 0.5, torch.rand(7), torch.rand(5)
    p, g = p.double() / p.double().sum(), g.double() / g.double().sum()
    theirs = linear_program(*(t.numpy() for t in (x, y, p, g)))
    assert page.transport(x, y, p, g).cost.item() == pytest.approx(theirs, abs=1e-9)
    assert page.by_linprog(x, y, p, g).item() == pytest.approx(theirs, abs=1e-9)


def test_plan_and_prices_prove_each_other(page):
    x, y, p, g = cloud(8, 2), cloud(6, 2), torch.rand(8).double(), torch.rand(6)
    p, g = p / p.sum(), g.double() / g.double().sum()
    cost, plan, u, v = page.transport(x, y, p, g)
    gaps = torch.from_numpy(cdist(x, y))
    assert (plan >= 0).all()
    torch.testing.assert_close(plan.sum(1), p)
    torch.testing.assert_close(plan.sum(0), g)
    torch.testing.assert_close((plan * gaps).sum(), cost)
    assert (u[:, None] + v <= gaps + 1e-9).all()
    torch.testing.assert_close(p @ u + g @ v, cost)
    assert ((gaps - u[:, None] - v)[plan > 1e-12].abs() < 1e-9).all()


def test_piles_are_triangles_of_weight_one(page):
    places = [-3.0, -2.0, -1.5, 0.0, 0.7, 2.0, 3.1, 9.0]
    places = torch.tensor(places, dtype=torch.float64)
    one = np.array([0, 0, 0, 1.2, 0.5, 0, 0, 0])
    two = np.array([0.2, 1.2, 0.7, 0, 0, 1.2, 0.1, 0])
    for centres, heap in (([0.0], one), ([-2.0, 2.0], two)):
        found = page.pile(centres, places).tolist()
        assert found == pytest.approx((heap / heap.sum()).tolist(), abs=1e-12)


def test_jensen_shannon_by_scipy(page):
    p, g = torch.rand(2, 9, dtype=torch.float64)
    p[:4], g[3:6] = 0, 0  # outcomes of one only, and of none
    p, g = p / p.sum(), g / g.sum()
    assert page.js_of(p, g).item() == pytest.approx(jensenshannon(p, g) ** 2, abs=1e-12)
    assert page.js_of(p, p).item() == pytest.approx(0, abs=1e-15)
    apart = torch.eye(2).double()
    assert page.js_of(*apart).item() == pytest.approx(math.log(2))


@pytest.fixture
def earth(page, monkeypatch):
    """What the page's first cells leave behind for its figure."""
    places = torch.linspace(-7, 7, 57, dtype=torch.float64)
    shapes = {"two heaps": [-0.8, 0.8], "one heap": [0.0]}
    for name, value in {"places": places, "shapes": shapes}.items():
        monkeypatch.setattr(page, name, value, raising=False)
    monkeypatch.setattr(page, "blue", page.pile([-0.8, 0.8], places), raising=False)
    return places


def test_the_made_pile_moves(page, earth):
    start, moved = page.orange_of(0.0, "two heaps"), page.orange_of(2.0, "two heaps")
    torch.testing.assert_close(start[:-8], moved[8:])
    assert start @ earth == pytest.approx(0, abs=1e-12)
    assert moved @ earth == pytest.approx(2)


@pytest.mark.parametrize("move", [-3.0, 1.0, 5.0])
def test_the_figure_of_the_piles_says_what_it_shows(page, earth, monkeypatch, move):
    orange = page.orange_of(move, "one heap")
    line = earth[:, None]
    found = {(move, "one heap"): page.transport(line, line, page.blue, orange)}
    monkeypatch.setattr(page, "moved_earth", found, raising=False)
    figure = Figure()
    page.earth_frame(figure, move, "one heap")
    top, bottom = figure.axes
    blue, orange, places = page.blue.numpy(), orange.numpy(), earth.numpy()
    work = stats.wasserstein_distance(places, places, blue, orange)
    js = jensenshannon(blue, orange) ** 2
    assert top.get_title() == f"W = {work:.2f}     JS = {js:.3f}"
    heights = np.array([bar.get_height() for bar in top.patches])
    np.testing.assert_allclose(heights[:57], 10 * blue)
    np.testing.assert_allclose(heights[57:], -10 * orange)
    price = np.array(bottom.lines[0].get_ydata())
    assert np.abs(np.diff(price)).max() <= 0.25 + 1e-9  # a slope of at most one
    assert price @ (blue - orange) == pytest.approx(work, abs=1e-9)


# On a line


def test_the_order_of_grains_is_the_cheapest_of_all_orders(page):
    x, y = cloud(6), cloud(6) + 0.4
    best = min(
        (x - y[list(order)]).abs().mean() for order in itertools.permutations(range(6))
    )
    in_order = (x.sort().values - y.sort().values).abs().mean()
    assert in_order.item() == pytest.approx(best.item())
    found = page.transport(x[:, None], y[:, None]).cost
    assert found.item() == pytest.approx(best.item(), abs=1e-9)


def test_the_integral_of_the_distribution_functions(page):
    """Between neighbouring grains both functions are constant."""
    x, y, p, g = cloud(7), cloud(4), torch.rand(7).double(), torch.rand(4).double()
    p, g = p / p.sum(), g / g.sum()
    ticks = torch.cat([x, y]).sort().values
    below = [
        (w * (z <= t)).sum() for t in ticks[:-1] for z, w in ((x, p), (y, g))
    ]  # P, G, P, G, ...
    gap = torch.stack(below).view(-1, 2).diff().abs().flatten()
    area = (gap * ticks.diff()).sum()
    found = page.transport(x[:, None], y[:, None], p, g).cost
    assert found.item() == pytest.approx(area.item(), abs=1e-9)


# Prices


@given(seed=st.integers(0, 10**6), dim=st.integers(1, 4), n=st.integers(1, 8))
@settings(max_examples=40, deadline=None)
def test_continuations_hold_every_lipschitz_function_between_them(page, seed, dim, n):
    torch.manual_seed(seed)
    way, place, share = cloud(dim), cloud(dim), torch.rand(1).double()
    way = way / way.norm()

    def f(t):  # a mixture of two functions of slope one
        return share * (t @ way) - (1 - share) * (t - place).norm(dim=-1)

    anchors, x = 2 * cloud(n, dim), 3 * cloud(20, dim)
    heights = f(anchors)
    high, low = (g(x, anchors, heights) for g in (page.largest, page.smallest))
    assert (low <= f(x) + 1e-9).all() and (f(x) <= high + 1e-9).all()
    for g in (page.largest, page.smallest):
        torch.testing.assert_close(g(anchors, anchors, heights), heights)
        a, b = g(x, anchors, heights), g(x + 1, anchors, heights)
        assert ((a - b).abs() <= math.sqrt(dim) + 1e-9).all()
        gaps = torch.from_numpy(cdist(x, x))
        assert ((a[:, None] - a).abs() <= gaps + 1e-9).all()


def test_continuations_by_loops(page):
    x, anchors, heights = cloud(5, 2), cloud(3, 2), cloud(3)
    gaps = cdist(x, anchors)
    for i in range(5):
        high = min(heights[j].item() + gaps[i, j] for j in range(3))
        low = max(heights[j].item() - gaps[i, j] for j in range(3))
        assert page.largest(x, anchors, heights)[i].item() == pytest.approx(high)
        assert page.smallest(x, anchors, heights)[i].item() == pytest.approx(low)


def test_steep_heights_are_cut_from_above_and_from_below(page):
    anchors, heights = cloud(6, 2), 30 * cloud(6)
    assert (page.largest(anchors, anchors, heights) <= heights).all()
    assert (page.smallest(anchors, anchors, heights) >= heights).all()


def test_prices_become_a_critic_that_reaches_the_distance(page):
    x, y, p = cloud(9, 2), cloud(6, 2), torch.rand(9).double()
    p = p / p.sum()
    found = page.transport(x, y, p)
    on_x, on_y = (page.largest(t, y, -found.v) for t in (x, y))
    theirs = linear_program(x.numpy(), y.numpy(), p.numpy(), np.full(6, 1 / 6))
    assert (p @ on_x - on_y.mean()).item() == pytest.approx(theirs, abs=1e-9)


# Two parallel lines: slopes, chords, losses


@pytest.mark.parametrize("shape", [(11, 2), (3, 5, 2)])
def test_slopes_of_a_smooth_critic(page, shape):
    x, f = cloud(*shape), Wavy()
    found = page.slopes(f, x)
    torch.testing.assert_close(found, f.rise(x).norm(dim=-1))
    h = 1e-6
    numeric = [(f(x + h * e) - f(x - h * e)) / (2 * h) for e in torch.eye(2)]
    torch.testing.assert_close(found, torch.stack(numeric, -1).norm(dim=-1))


def test_slopes_of_a_crowd_are_those_of_its_networks(page):
    judge, x = random_judge([3, 8, 1], 4).double(), cloud(4, 6, 3)
    found = page.slopes(judge, x)
    assert found.shape == (4, 6)
    for k, i in itertools.product(range(4), range(6)):
        jacobian = torch.autograd.functional.jacobian(single(judge.net, k), x[k, i])
        torch.testing.assert_close(found[k, i], jacobian.norm())


def test_slopes_of_critics_of_images(page):
    x, w = cloud(5, 4, 4), cloud(4, 4)
    found = page.slopes(Straight(w), x)
    assert found.tolist() == pytest.approx([w.square().sum().sqrt().item()] * 5)
    found = page.slopes(Bowl(0.7), x)
    theirs = [1.4 * np.linalg.norm(image) for image in x.numpy()]
    assert found.tolist() == pytest.approx(theirs)


@pytest.mark.parametrize("shape", [(6, 2), (6, 3, 3)])
def test_slopes_can_be_differentiated(page, shape):
    """Of (2 a |x| - 1)^2 in a; the points themselves take no part."""
    bowl, x = Bowl(0.7), cloud(*shape).requires_grad_()
    penalty = (page.slopes(bowl, x) - 1).square().mean()
    far = x.detach().flatten(1).norm(dim=1)
    theirs = ((2 * 0.7 * far - 1) * 4 * far).mean()
    slope, to_x = torch.autograd.grad(penalty, (bowl.a, x), allow_unused=True)
    torch.testing.assert_close(slope, theirs)
    assert to_x is None


@pytest.mark.parametrize(
    ("shape", "lead"), [((2, 3, 7, 2), 3), ((5, 8, 2), 2), ((40, 3, 3), 1)]
)
def test_chords_have_one_share_for_each_point(page, shape, lead):
    real, fake = cloud(*shape), cloud(*shape)
    found = page.on_chords(real, fake, lead)
    share = ((found - fake) / (real - fake)).flatten(lead)
    torch.testing.assert_close(share, share[..., :1].expand_as(share))
    one = share[..., 0].flatten()
    assert ((one > 0) & (one < 1)).all() and len(one.unique()) == len(one)


def test_places_on_chords_are_uniform(page):
    found = page.on_chords(torch.ones(4, 5000, 1), torch.zeros(4, 5000, 1), 2)
    assert stats.kstest(found.flatten(), "uniform").pvalue > FIVE_SIGMA
    assert len(found.unique()) > 19_000  # seeds have places of their own


def test_the_critic_lowers_fakes_and_lifts_the_real(page):
    real, fake = torch.tensor([[1.0, 3.0], [0.0, 0.0]]), torch.tensor([[7.0], [-2.0]])
    assert page.critic_loss(real, fake).tolist() == [5.0, -2.0]
    assert page.critic_loss(real[0], fake[0]).item() == 5.0
    assert page.actor_loss(real).tolist() == [-2.0, 0.0]
    assert page.actor_loss(fake[1]).item() == 2.0


def test_penalties_of_a_slope(page):
    slope = torch.tensor([0.0, 0.5, 1.0, 1.5, 3.0])
    assert page.two_sided(slope).tolist() == [1.0, 0.25, 0.0, 0.25, 4.0]
    assert page.one_sided(slope).tolist() == [0.0, 0.0, 0.0, 0.25, 4.0]


@pytest.mark.parametrize("side", ["two_sided", "one_sided"])
@pytest.mark.parametrize("length", [0.4, 2.5])
def test_the_penalised_loss_of_a_straight_critic(page, side, length):
    """<w, mean y - mean x> + lambda (|w| - 1)^2, and its gradient in w."""
    w = cloud(2)
    w = length * w / w.norm()
    real, fake = cloud(6, 2) + 1, cloud(6, 2)
    critic = Straight(w.clone())
    loss = page.Penalised(3.0, getattr(page, side))(critic, real, fake)
    found, of_b = torch.autograd.grad(loss, (critic.w, critic.b))
    over = length - 1 if side == "two_sided" else max(length - 1, 0)
    gap = fake.mean(0) - real.mean(0)
    assert loss.item() == pytest.approx((w @ gap).item() + 3 * over**2)
    torch.testing.assert_close(found, gap + 6 * over * w / length)
    assert of_b.item() == pytest.approx(0, abs=1e-12)


def test_the_default_penalty_is_that_of_the_paper(page):
    w, x = torch.tensor([3.0, 4.0]), torch.zeros(5, 2)
    assert page.Penalised()(Straight(w), x, x + 1).item() == pytest.approx(7 + 160)


def test_penalties_of_seeds_and_of_images(page):
    judge = random_judge([2, 1], 3).double()
    real, fake = cloud(3, 5, 2), cloud(3, 5, 2)
    found = page.Penalised(2.0)(judge, real, fake)
    for k in range(3):
        w = judge.net.weights[0][k, :, 0]
        gap = w @ (fake[k].mean(0) - real[k].mean(0))
        assert found[k].item() == pytest.approx(
            (gap + 2 * (w.norm() - 1) ** 2).item(), abs=1e-9
        )
    w, real, fake = cloud(3, 3), cloud(4, 3, 3), cloud(4, 3, 3)
    found = page.Penalised(2.0)(Straight(w), real, fake)
    gap = (w * (fake.mean(0) - real.mean(0))).sum()
    assert found.item() == pytest.approx((gap + 2 * (w.norm() - 1) ** 2).item())


def test_the_penalty_is_the_mean_over_chords(page):
    """f = x^2 / 2 has the slope x: E (x - 1)^2 is 1/3 on the chord from 0 to 1."""
    real, fake = torch.zeros(8000, 1).double(), torch.ones(8000, 1).double()
    found = page.Penalised(1.0)(Bowl(0.5), real, fake).item() - 0.5
    spread = math.sqrt((1 / 5 - 1 / 9) / 8000)
    assert abs(found - 1 / 3) < 5 * spread


def test_plain_is_the_difference_alone(page):
    real, fake = cloud(3, 6, 2), cloud(3, 4, 2)
    found, f = page.plain(Wavy(), real, fake), Wavy()
    torch.testing.assert_close(found, f(fake).mean(1) - f(real).mean(1))


def test_the_court_is_the_cross_entropy_of_the_labels(page):
    real, fake = torch.randn(7, 2), torch.randn(5, 2)
    a, b = Wavy()(real), Wavy()(fake)
    bce = nn.BCEWithLogitsLoss()
    theirs = bce(a, torch.ones(7)) + bce(b, torch.zeros(5))
    torch.testing.assert_close(page.court(Wavy(), real, fake), theirs)


# Training a critic of fixed samples


def two_points(seeds, w, n=8):
    real, fake = torch.zeros(seeds, n, 2), torch.zeros(seeds, n, 2)
    fake[..., 0] = torch.as_tensor(w).expand(seeds)[:, None]
    return real, fake


def test_a_straight_critic_reaches_the_optimum_of_two_points(page):
    """Slopes 1 + w / 2 lambda along the line, nothing across; each seed its own."""
    gaps = torch.tensor([0.5, 1.0])
    critic = Judge(Crowd([2, 1], 2))
    start = torch.tensor([[-1.2, 0.05], [-1.42, -0.05]])
    critic.net.weights[0].data = start[..., None]
    found = page.train_critic(critic, page.Penalised(1.0), two_points(2, gaps), 200)
    assert found is critic
    theirs = torch.stack([-(1 + gaps / 2), torch.zeros(2)], 1)
    torch.testing.assert_close(
        critic.net.weights[0][..., 0].detach(), theirs, atol=5e-3, rtol=0
    )


def test_a_bent_critic_learns_the_distance(page):
    critic = Judge(Crowd([2, 32, 1], 2))
    clouds = two_points(2, 2.0, n=16)
    page.train_critic(critic, page.Penalised(100.0), clouds, 250)
    reading = critic(clouds[0]).mean(1) - critic(clouds[1]).mean(1)
    assert reading.tolist() == pytest.approx([2.02, 2.02], abs=0.06)


def test_after_comes_before_the_first_and_after_every_update(page):
    critic, seen = Judge(Crowd([2, 4, 1], 1)), []
    start = critic.net.weights[0].detach().clone()

    def after(given):
        assert given is critic
        seen.append(critic.net.weights[0].detach().clone())

    page.train_critic(critic, page.plain, two_points(1, 1.0), 4, after)
    assert len(seen) == 5 and torch.equal(seen[0], start)
    assert all(not torch.equal(a, b) for a, b in itertools.pairwise(seen))
    assert torch.equal(seen[-1], critic.net.weights[0])


def test_what_after_does_is_kept(page):
    critic = random_judge([2, 4, 1], 2)
    page.train_critic(critic, page.plain, two_points(2, 1.0), 3, page.Clip(0.03))
    assert max(w.abs().max().item() for w in critic.parameters()) <= 0.03 + 1e-7


def test_the_samples_stay_and_partners_change(page):
    """Every order of the made points is equally frequent, in each seed by itself."""
    real, fake = torch.randn(2, 3, 2), torch.randn(2, 3, 2)
    kept, critic, seen = (real.clone(), fake.clone()), Judge(Crowd([2, 1], 2)), []

    def judge(critic, x, y):
        assert torch.equal(x, kept[0])
        seen.append(y)
        return page.plain(critic, x, y)

    page.train_critic(critic, judge, (real, fake), 600)
    assert torch.equal(real, kept[0]) and torch.equal(fake, kept[1])
    orders = [
        tuple((kept[1][k] == row).all(1).nonzero().item() for row in y[k])
        for y in seen
        for k in range(2)
    ]
    assert {tuple(sorted(order)) for order in orders} == {(0, 1, 2)}
    for part in (orders[::2], orders[1::2]):
        counts = [part.count(order) for order in itertools.permutations(range(3))]
        assert stats.chisquare(counts).pvalue > FIVE_SIGMA
    same = sum(a == b for a, b in zip(orders[::2], orders[1::2], strict=True))
    assert same < 200  # 100 expected of 600


def test_parallel_lines(page):
    theta = torch.tensor([-0.5, 2.0])
    real, fake = page.two_lines(theta, n=4000)
    assert real.shape == fake.shape == (2, 4000, 2)
    assert not real[..., 0].any()
    assert (fake[..., 0] == theta[:, None]).all()
    heights = [real[0, :, 1], real[1, :, 1], fake[0, :, 1], fake[1, :, 1]]
    for h in heights:
        assert stats.kstest(h, "uniform").pvalue > FIVE_SIGMA
    for a, b in itertools.combinations(heights, 2):
        assert abs(torch.corrcoef(torch.stack([a, b]))[0, 1]) < 5 / math.sqrt(4000)
    assert [len(part[0]) for part in page.two_lines(theta)] == [128, 128]


def test_the_distance_of_parallel_lines(page):
    """At least theta, at most theta and the way between the heights."""
    theta = torch.tensor([-0.7, 0.3])
    for shift, real, fake in zip(theta, *page.two_lines(theta, n=50), strict=True):
        found = page.transport(real, fake).cost.item()
        heights = stats.wasserstein_distance(real[:, 1], fake[:, 1])
        assert abs(shift) <= found + 1e-6
        assert found <= abs(shift) + heights + 1e-6


@pytest.mark.parametrize("name", ["actor_loss", "saturating", "non_saturating"])
def test_what_a_thief_feels(page, name):
    """Derivative when all made points move to the right, by finite differences."""
    fake, loss, h = cloud(3, 6, 2), getattr(page, name), 1e-6
    step = torch.tensor([h, 0.0]).double()
    found = page.felt(loss, Wavy(), fake)
    numeric = (loss(Wavy()(fake + step)) - loss(Wavy()(fake - step))) / (2 * h)
    torch.testing.assert_close(found.double(), numeric, atol=1e-5, rtol=1e-5)


# The distance follows the generator


@given(seed=st.integers(0, 10**6), size=st.floats(0, 3))
@settings(max_examples=30, deadline=None)
def test_the_distance_moves_no_more_than_the_generator(page, seed, size):
    torch.manual_seed(seed)
    x, y, step = cloud(8, 2), cloud(8, 2), size * cloud(8, 2)
    change = page.transport(x, y).cost - page.transport(x, y + step).cost
    assert abs(change) <= step.norm(dim=1).mean() + 1e-9


# A witness may exaggerate


def test_certificates_by_loops(page):
    x, y = cloud(6, 2), cloud(4, 2)
    on_x, on_y = cloud(3, 6), cloud(3, 4)
    far = torch.from_numpy(cdist(x, y))
    found = page.certified(on_x, on_y, far)
    theirs = [by_loops(on_x[k], on_y[k], x, y) for k in range(3)]
    assert found.tolist() == pytest.approx(theirs)
    assert page.certified(on_x[1], on_y[1], far).item() == pytest.approx(theirs[1])
    single_precision = page.certified(on_x.float(), on_y.float(), far)
    assert single_precision.tolist() == pytest.approx(theirs, rel=1e-4)


@given(
    seed=st.integers(0, 10**6),
    size=st.sampled_from([1e-6, 0.3, 1.0, 50.0]),
    helped=st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_no_function_certifies_more_than_there_is(page, seed, size, helped):
    """Random values; and optimal prices with some noise, which come near."""
    torch.manual_seed(seed)
    x, y = cloud(5, 2), cloud(7, 2) + 0.5
    on_x, on_y, exact = size * cloud(5), size * cloud(7), page.transport(x, y)
    if helped:
        on_x, on_y = 0.1 * on_x + exact.u, 0.1 * on_y - exact.v
    bound = page.certified(on_x, on_y, torch.from_numpy(cdist(x, y)))
    theirs = linear_program(x, y, np.full(5, 1 / 5), np.full(7, 1 / 7))
    assert bound.item() <= theirs * (1 + 1e-9)


@pytest.mark.parametrize("currency", [1e-4, 1.0, 900.0])
def test_prices_certify_all_of_it_in_any_currency(page, currency):
    x, y = cloud(6, 2), cloud(9, 2) + 1
    prices = page.transport(x, y)
    far = torch.from_numpy(cdist(x, y))
    values = [currency * page.largest(t, y, -prices.v) - 5 for t in (x, y)]
    theirs = linear_program(x, y, np.full(6, 1 / 6), np.full(9, 1 / 9))
    assert page.certified(*values, far).item() == pytest.approx(theirs, rel=1e-8)
    turned = page.certified(*(-t for t in values), far)
    assert turned.item() == pytest.approx(-theirs, rel=1e-8)


@pytest.mark.parametrize("kind", [torch.float32, torch.float64])
@pytest.mark.parametrize("value", [0.0, 0.1, -1.7])
def test_a_constant_certifies_nothing(page, value, kind):
    """Also where the means of seven and of five equal numbers differ by rounding."""
    far = torch.rand(7, 5) + 0.1
    values = (torch.full((2, n), value, dtype=kind) for n in (7, 5))
    assert page.certified(*values, far).tolist() == [0.0, 0.0]


# Holding the slope


def test_clipping_reaches_weights_and_biases(page):
    judge = random_judge([2, 5, 1], 3)
    before = [w.detach().clone() for w in judge.parameters()]
    page.Clip(0.2)(judge)
    for found, old in zip(judge.parameters(), before, strict=True):
        np.testing.assert_allclose(found.detach(), np.clip(old.numpy(), -0.2, 0.2))
        assert found.is_leaf and found.requires_grad
    page.Clip()(judge)
    assert max(w.abs().max().item() for w in judge.parameters()) == pytest.approx(0.01)


def test_each_seed_has_its_box(page):
    judge, boxes = random_judge([2, 5, 1], 3), torch.tensor([0.01, 0.1, 10.0])
    before = [w.detach().clone() for w in judge.parameters()]
    page.Clip(boxes[:, None, None])(judge)
    for found, old in zip(judge.parameters(), before, strict=True):
        for k, c in enumerate(boxes.numpy()):
            np.testing.assert_allclose(
                found.detach()[k], np.clip(old[k].numpy(), -c, c)
            )


def test_a_clipped_network_is_no_steeper_than_the_product(page):
    judge, c, widths = random_judge([2, 9, 7, 1], 4).double(), 0.2, [2, 9, 7, 1]
    page.Clip(c)(judge)
    found = page.slopes(judge, 3 * cloud(4, 50, 2)).amax(1)
    norms = math.prod(torch.linalg.matrix_norm(w, 2) for w in judge.net.weights)
    assert (found <= norms).all()
    bound = math.prod(c * math.sqrt(a * b) for a, b in itertools.pairwise(widths))
    assert (norms <= bound).all()


def test_weights_side_by_side_without_biases(page):
    crowd = random_judge([2, 3, 1], 2).net
    found = page.weights_of(crowd)
    for k in range(2):
        theirs = [w[k].flatten() for w in crowd.weights]
        assert torch.equal(found[k], torch.cat(theirs))
    assert found.shape == (2, 9) and not found.requires_grad


def norms_by_hooks(net, real, fake):
    """What autograd hands to the output of each linear layer."""
    norms, layers = {}, [m for m in net if isinstance(m, nn.Linear)]
    for k, layer in enumerate(layers):

        def keep(module, inputs, output, k=k):
            output.register_hook(lambda rise: norms.update({k: rise.norm().item()}))

        layer.register_forward_hook(keep)
    values = net(torch.cat([real, fake])).squeeze(-1)
    (values[len(real) :].mean() - values[: len(real)].mean()).backward()
    return [norms[k] for k in range(len(layers))]


def test_what_flows_back_by_hooks(page):
    judge = random_judge([2, 6, 5, 1], 3)
    real, fake = torch.randn(3, 7, 2), torch.randn(3, 7, 2)
    found = page.backward_norms(judge, real, fake)
    assert found.shape == (4 - 1, 3)
    for k in range(3):
        theirs = norms_by_hooks(single(judge.net, k), real[k], fake[k])
        assert found[:, k].tolist() == pytest.approx(theirs, rel=1e-4)


def test_deep_critics_are_deep_and_told_after_training(page, monkeypatch):
    seen = []

    def train(critic, judge, clouds, steps, after):
        seen.append((clouds, judge, steps, after))
        nn.init.normal_(critic.net.biases[0])  # "training"
        return critic

    monkeypatch.setattr(page, "train_critic", train)
    after = page.Clip(0.1)
    critic, flows = page.deep_critics(2, page.plain, after, 5)
    (((real, fake), judge, steps, then),) = seen
    assert (judge, steps, then) == (page.plain, 5, after)
    widths = [w.shape[1] for w in critic.net.weights] + [1]
    assert widths == [2] + [64] * 11 + [1] and flows.shape == (12, 2)
    assert real.shape == fake.shape == (2, 256, 2)
    assert abs(real.norm(dim=-1) - 2).max() < 0.6  # the ring, in every seed
    assert stats.kstest(fake.flatten(), "norm").pvalue > FIVE_SIGMA
    theirs = norms_by_hooks(single(critic.net, 1), real[1], fake[1])
    assert flows[:, 1].tolist() == pytest.approx(theirs, rel=1e-3)


def test_deep_critics_train(page):
    critic, flows = page.deep_critics(2, page.plain, page.Clip(0.1), 1)
    assert max(w.abs().max().item() for w in critic.parameters()) <= 0.1 + 1e-7
    assert flows.isfinite().all()


# Penalise the slope


def modes_at(radius, start):
    angles = start + np.arange(8) * math.pi / 4
    return radius * np.stack([np.cos(angles), np.sin(angles)], 1)


@pytest.mark.parametrize(
    ("name", "radius", "start"), [("nested", 1.0, 0.0), ("rotated", 2.0, math.pi / 8)]
)
def test_two_clouds_are_rings(page, name, radius, start):
    clouds = page.two_clouds(name, 2000)
    for x, modes in zip(clouds, (modes_at(2, 0), modes_at(radius, start)), strict=True):
        gaps = cdist(x, modes)
        assert gaps.min(1).max() < 0.3 and set(gaps.argmin(1)) == set(range(8))
        off = (x.numpy() - modes[gaps.argmin(1)]).ravel() / 0.05
        assert stats.kstest(off, "norm").pvalue > FIVE_SIGMA
    x, y = page.two_clouds(name)
    assert len(x) == len(y) == 256
    nearest = cdist(x, modes_at(2, 0)).argmin(1), cdist(y, modes_at(radius, start))
    assert (nearest[0] != nearest[1].argmin(1)).sum() > 150  # 224 expected


@pytest.mark.parametrize("shape", [(7, 2), (3, 7, 2)])
def test_the_rise_is_the_gradient_at_each_point(page, shape):
    x = cloud(*shape)
    torch.testing.assert_close(page.rise_of(Wavy(), x), Wavy().rise(x))
    assert not x.requires_grad


@pytest.mark.parametrize("w", [0.5, 1.0, 3.0])
@pytest.mark.parametrize("side", ["two_sided", "one_sided"])
def test_a_straight_critic_descends_to_the_minimum(page, side, w):
    over = abs if side == "two_sided" else lambda t: max(t, 0)
    minimum = optimize.minimize_scalar(
        lambda s: -w * s + 2 * over(abs(s) - 1) ** 2,
        bounds=(0, 5),
        method="bounded",
        options={"xatol": 1e-9},
    ).x
    found = page.descend(0.5, w, 2.0, getattr(page, side), steps=300)
    assert found.item() == pytest.approx(minimum, abs=1e-5)
    assert found.item() == pytest.approx(1 + w / 4, abs=1e-8)


@pytest.mark.parametrize("w", [0.5, 1.5, 3.9, 4.5])
def test_the_wrong_sign_is_a_minimum_while_w_is_less_than_two_lambda(page, w):
    def loss(s):
        return -w * s + 2 * (abs(s) - 1) ** 2

    best = optimize.minimize_scalar(loss, bounds=(-5, 0), method="bounded").x
    found = page.descend(-1.5, w, 2.0, page.two_sided, steps=1000).item()
    if w < 4:
        assert best == pytest.approx(-1 + w / 4, abs=1e-4)
        assert found == pytest.approx(best, abs=1e-4)
        assert loss(found) < min(loss(found - 1e-3), loss(found + 1e-3))
    else:
        assert best > -1e-3  # at the edge: no minimum within
        assert found == pytest.approx(1 + w / 4, abs=1e-6)


@pytest.mark.parametrize("w", [0.5, 3.0])
def test_the_one_sided_penalty_has_no_wrong_minimum(page, w):
    found = page.descend(-1.5, w, 2.0, page.one_sided, steps=1000).item()
    assert found == pytest.approx(1 + w / 4, abs=1e-6)


# Normalise the layers


def test_norms_are_the_largest_singular_values(page):
    crowd = page.SpectralCrowd([5, 9, 4, 1], 3)
    for k, weight in enumerate(crowd.weights):
        found = crowd.norm(k, 500)
        assert found.shape == (3, 1, 1)
        theirs = [np.linalg.svd(w.detach().numpy())[1][0] for w in weight]
        assert found.flatten().tolist() == pytest.approx(theirs, rel=1e-4)


def test_one_round_of_the_power_iteration_by_hand(page):
    crowd = page.SpectralCrowd([5, 9, 4], 2).double()
    weight, b = (t.detach().numpy() for t in (crowd.weights[1], crowd.guess_1.clone()))
    assert np.linalg.norm(b, axis=1).ravel() == pytest.approx(np.ones(2))
    for _ in range(2):
        a = weight @ b
        a /= np.linalg.norm(a, axis=1, keepdims=True)
        b = np.swapaxes(weight, 1, 2) @ a
        b /= np.linalg.norm(b, axis=1, keepdims=True)
        theirs = np.swapaxes(a, 1, 2) @ weight @ b
        np.testing.assert_allclose(crowd.norm(1).detach(), theirs)
        np.testing.assert_allclose(crowd.guess_1, b)  # kept for the next call


def test_rounds_add_up_over_calls(page):
    crowd = page.SpectralCrowd([6, 7, 1], 2)
    other = copy.deepcopy(crowd)
    for _ in range(6):
        found = crowd.norm(0)
    torch.testing.assert_close(found, other.norm(0, 6))
    for _ in range(6):
        other(torch.randn(2, 3, 6))  # every use of the network is a round
    torch.testing.assert_close(crowd.norm(0, 7), other.norm(0, 1))


def converged(page, sizes, seeds):
    crowd = page.SpectralCrowd(sizes, seeds).double()
    for bias in crowd.biases:
        nn.init.normal_(bias)
    for k in range(len(crowd.weights)):
        crowd.norm(k, 2000)
    return crowd


def test_the_output_is_that_of_divided_weights(page):
    crowd, x = converged(page, [3, 8, 6, 2], 2), cloud(2, 10, 3)
    for k in range(2):
        net = single(crowd, k)
        for layer in net:
            if isinstance(layer, nn.Linear):
                layer.weight.data = layer.weight / torch.linalg.svdvals(layer.weight)[0]
        torch.testing.assert_close(crowd(x)[k], net(x[k]), rtol=1e-6, atol=1e-6)


def test_a_normalised_critic_has_at_most_slope_one(page):
    judge = Judge(converged(page, [2, 16, 16, 1], 6))
    with torch.no_grad():
        judge.net.weights[1] *= 30  # the guess is still right
    s, t = 3 * cloud(6, 200, 2), 3 * cloud(6, 200, 2)
    rise = (judge(s) - judge(t)).abs() / (s - t).norm(dim=-1)
    assert rise.max() <= 1 + 1e-6 and page.slopes(judge, s).max() <= 1 + 1e-6
    straight = Judge(converged(page, [2, 1], 3))
    assert page.slopes(straight, cloud(3, 5, 2)).detach().flatten().tolist() == (
        pytest.approx([1.0] * 15)
    )


def test_the_gradient_goes_through_the_norm_and_not_the_guess(page):
    """d norm / d W = a b^T; and a longer W changes nothing, so <grad, W> = 0."""
    crowd = converged(page, [4, 7, 3], 1)
    (rise,) = torch.autograd.grad(crowd.norm(0).sum(), crowd.weights[0])
    u, _, vh = np.linalg.svd(crowd.weights[0][0].detach().numpy())
    np.testing.assert_allclose(rise[0], np.outer(u[:, 0], vh[0]), atol=1e-6)
    value = crowd(cloud(1, 5, 4)).square().sum()
    for weight in crowd.weights:
        (rise,) = torch.autograd.grad(value, weight, retain_graph=True)
        assert (rise * weight).sum().item() == pytest.approx(0, abs=1e-8)
        assert rise.norm() > 1e-3
    assert not crowd.guess_0.requires_grad
    names = [name for name, _ in crowd.named_parameters()]
    assert not any("guess" in name for name in names)
    assert {"guess_0", "guess_1"} <= set(crowd.state_dict())


def test_a_normalised_crowd_begins_as_a_crowd(page):
    torch.manual_seed(1)
    theirs = Crowd([3, 5, 1], 2)
    torch.manual_seed(1)
    found = page.SpectralCrowd([3, 5, 1], 2)
    for a, b in zip(found.parameters(), theirs.parameters(), strict=True):
        assert torch.equal(a, b)


# Least squares


def test_squares_by_hand(page):
    class Keep(nn.Module):
        def forward(self, x):
            return x

    real, fake = torch.tensor([[2.0, 0.0], [1, 1]]), torch.tensor([[3.0], [0.5]])
    found = page.least_squares(Keep(), real, fake)
    assert found.tolist() == pytest.approx([0.5 + 4.5, 0.125])
    assert page.least_squares_thief(fake).tolist() == pytest.approx([2.0, 0.125])


def test_the_best_answer_to_squares_is_the_ratio(page):
    """A table of answers, trained on every outcome as often as it occurs."""

    class Table(nn.Module):
        def __init__(self):
            super().__init__()
            self.answer = nn.Parameter(torch.zeros(3, dtype=torch.float64))

        def forward(self, x):
            return self.answer[x]

    p, g, table = [1, 4, 5], [5, 4, 1], Table()
    real, fake = (torch.arange(3).repeat_interleave(torch.tensor(n)) for n in (p, g))
    down = torch.optim.SGD(table.parameters(), lr=1.0)
    for _ in range(200):
        down.zero_grad()
        page.least_squares(table, real, fake).backward()
        down.step()
    assert table.answer.tolist() == pytest.approx([1 / 6, 1 / 2, 5 / 6])


# Fourteen witnesses


@pytest.mark.parametrize("c", [0.01, 1.0])
def test_a_way_that_clips(page, c):
    way, judge = page.way_of(f"clip {c:g}"), random_judge([2, 4, 1], 1)
    assert way.judge is page.plain and way.net is Crowd
    with torch.no_grad():
        judge.net.weights[0] += 5
    way.after(judge)
    top = max(w.abs().max().item() for w in judge.parameters())
    assert top == pytest.approx(c)


@pytest.mark.parametrize("kind", ["two-sided", "one-sided"])
@pytest.mark.parametrize("weight", ["0.1", "100"])
def test_a_way_that_penalises(page, kind, weight):
    way = page.way_of(f"{kind} {weight}")
    w, x = torch.tensor([0.3, 0.4]), torch.zeros(5, 2)
    loss = float(weight) * (0.25 if kind == "two-sided" else 0.0)
    assert way.judge(Straight(w), x, x).item() == pytest.approx(loss)
    loss = float(weight) * 16
    assert way.judge(Straight(10 * w), x, x).item() == pytest.approx(loss)
    assert way.net is Crowd and way.after(None) is None


def test_a_way_that_normalises_and_no_way(page):
    way = page.way_of("spectral")
    assert way.judge is page.plain and way.net is page.SpectralCrowd
    assert way.after(None) is None
    for wrong in ("penalty 10", "", "three-sided 1"):
        with pytest.raises(KeyError):
            page.way_of(wrong)
    with pytest.raises(ValueError, match="float"):
        page.way_of("clip")


def test_agreement_is_a_mean_of_cosines(page):
    fake, toward = cloud(2, 6, 2), 3 * cloud(6, 2)
    found = page.agreement(Wavy(), fake, toward)
    rise = Wavy().rise(fake).numpy()
    for k in range(2):
        cosines = [
            a @ b / (np.linalg.norm(a) * np.linalg.norm(b))
            for a, b in zip(rise[k], toward.numpy(), strict=True)
        ]
        assert found[k].item() == pytest.approx(np.mean(cosines))
    assert page.agreement(Wavy(), fake[:1], Wavy().rise(fake[0])).item() == (
        pytest.approx(1)
    )


def test_fourteen_witnesses_of_two_clouds(page):
    grid = page.witnesses.experiment
    assert len(set(grid["way"])) == 14 and grid["clouds"] == ["nested", "rotated"]
    kinds = [way.split()[0] for way in grid["way"]]
    assert [kinds.count(k) for k in ("clip", "two-sided", "one-sided")] == [5, 4, 4]
    assert all(isinstance(page.way_of(way), page.Way) for way in grid["way"])


@pytest.mark.parametrize("way", ["clip 0.3", "one-sided 10", "spectral"])
def test_witnesses_report_what_their_critics_say(page, way, monkeypatch):
    """Two solvers and loops for the numbers of critics that we keep."""
    kept, train = [], page.train_critic

    def watched(critic, judge, clouds, steps, after):
        kept.append((critic, clouds, steps))
        assert isinstance(after, page.Clip) == (way == "clip 0.3")
        assert isinstance(judge, page.Penalised) == (way == "one-sided 10")
        train(critic, judge, clouds, steps, after)
        if way == "spectral":  # so that further uses change nothing
            for k in range(4):
                critic.net.norm(k, 3000)

    monkeypatch.setattr(page, "train_critic", watched)
    monkeypatch.setattr(
        page, "two_clouds", lambda name: (torch.randn(12, 2), torch.randn(12, 2) + 1)
    )
    found = page.witnesses("nested", way, steps=2, seeds=2)
    ((critic, (real, fake), steps),) = kept
    assert steps == 2 and real.shape == fake.shape == (2, 12, 2)
    assert torch.equal(real[0], real[1])
    assert isinstance(critic.net, page.SpectralCrowd) == (way == "spectral")
    widths = [w.shape[1] for w in critic.net.weights]
    assert widths == [2, 64, 64, 64]
    x, y = real[0], fake[0]
    exact, partner = assigned(x, y)
    assert found["exact"] == pytest.approx(exact)
    for k in range(2):
        with torch.no_grad():
            on_x, on_y = critic(real)[k], critic(fake)[k]
        reading = (on_x.mean() - on_y.mean()).item()
        assert found["reading"][k] == pytest.approx(reading, rel=1e-3, abs=1e-4)
        bound = by_loops(on_x, on_y, x, y)
        assert found["certified"][k] == pytest.approx(bound, rel=1e-3, abs=1e-3)
        assert found["certified"][k] <= exact * (1 + 1e-5)
        at = y.clone().requires_grad_()
        (rise,) = torch.autograd.grad(critic(at.expand(2, -1, -1))[k].sum(), at)
        toward = x[partner] - y
        cosines = torch.cosine_similarity(rise, toward, dim=1)
        assert found["agreement"][k] == pytest.approx(cosines.mean().item(), abs=1e-3)
    assert set(found) == {"exact", "reading", "certified", "agreement"}


@pytest.mark.parametrize("clouds", ["nested", "rotated"])
def test_witnesses_at_their_own_size(page, clouds):
    found = page.witnesses(clouds, "one-sided 1", steps=1, seeds=2)
    assert [len(found[k]) for k in ("reading", "certified", "agreement")] == [2] * 3
    assert max(found["certified"]) <= found["exact"] * (1 + 1e-5)
    step = {"nested": 1.0, "rotated": 4 * math.sin(math.pi / 16)}[clouds]
    assert step - 0.12 < found["exact"] < step + 0.35  # nearer sides; unequal modes
    assert found == page.witnesses(clouds, "one-sided 1", steps=1, seeds=2)


# A plain costs lambda


def test_the_longer_runs_are_of_known_ways(page):
    assert set(page.longer.experiment["way"]) <= set(page.witnesses.experiment["way"])


def test_longer_is_more_updates_of_the_rotated_rings(page, monkeypatch):
    asked = []

    def witnesses(clouds, way, steps, seeds):
        asked.append((clouds, way, steps, seeds))
        return {"exact": 4.0, "certified": [1.0, 3.0]}

    monkeypatch.setattr(page, "witnesses", witnesses)
    assert page.longer("two-sided 10") == {"share": [0.25, 0.75]}
    page.longer("one-sided 10", 7, 2)
    rotated = ["rotated", "rotated"]
    assert [call[0] for call in asked] == rotated and asked[0][1] == "two-sided 10"
    assert asked[0][2] == 1500 and asked[1][1:] == ("one-sided 10", 7, 2)


def test_maps_have_rows_upwards(page):
    """f = x + (y + 1)^2: columns go to the right, slopes change from row to row."""

    class Valley(nn.Module):
        def forward(self, x):
            return x[..., 0] + (x[..., 1] + 1).square()

    values, steep = page.slope_map(Valley(), half=2.0, side=5)
    ticks = [-2.0, -1.0, 0.0, 1.0, 2.0]
    for row, column in itertools.product(range(5), range(5)):
        x, y = ticks[column], ticks[row]
        assert values[row, column].item() == pytest.approx(x + (y + 1) ** 2)
        assert steep[row, column].item() == pytest.approx(math.hypot(1, 2 * y + 2))
    assert not values.requires_grad and not steep.requires_grad
    assert page.slope_map(Valley())[0].shape == (60, 60)
    assert page.slope_map(Valley())[0][-1, 0].item() == pytest.approx(13)


# The game


class Shift(nn.Module):
    """An actor with one number: all that it makes is there."""

    def __init__(self, value):
        super().__init__()
        self.value = nn.Parameter(torch.tensor(value))

    def forward(self, z):
        return z + self.value


class Price(nn.Module):
    """A critic with one number: f(x) = value x."""

    def __init__(self, value):
        super().__init__()
        self.value = nn.Parameter(torch.tensor(value))

    def forward(self, x):
        return self.value * x


def line_game(page, price, **options):
    """Real points at 1, made ones at 0.5; what happens is written down."""
    log = []

    def note(word, value):
        log.append(word)
        return value

    arena = page.Arena(
        Shift(0.5),
        Price(price),
        lambda: note("real", torch.ones(4)),
        lambda: note("noise", torch.zeros(4)),
    )

    def judge(critic, real, fake):
        assert critic is arena.discriminator and not fake.requires_grad
        log.append("judge")
        return page.plain(critic, real, fake)

    def after(critic):
        log.append(("after", critic.value.item(), arena.generator.value.item()))

    page.play(arena, page.Way(judge, after=after), **options)
    return arena, log


@pytest.mark.parametrize("k", [1, 3])
def test_k_updates_of_the_critic_for_one_of_the_actor(page, k):
    _, log = line_game(page, 0.3, steps=2, k=k)
    kinds = [entry if isinstance(entry, str) else entry[0] for entry in log]
    update, asked = ["noise", "real", "judge", "after"], ["noise"]
    assert kinds == ["after"] + 2 * (k * update + asked)
    assert log[0] == ("after", pytest.approx(0.3), 0.5)  # before anything moved


def test_turns_can_be_watched(page):
    seen = []
    line_game(page, 0.3, steps=3, watch=seen.append)
    assert seen == [0, 1, 2]


@pytest.mark.parametrize("price", [-0.3, 0.3])
def test_the_actor_goes_up_the_price_and_the_critic_learns(page, price):
    """Adam's first steps are signs times 0.001; the critic's own is always up."""
    arena, log = line_game(page, price, steps=1)
    assert sum(entry == "judge" for entry in log) == 5  # k of the paper
    moved = arena.generator.value.item() - 0.5
    assert moved == pytest.approx(math.copysign(1e-3, price), rel=1e-3)
    first = next(e for e in log[1:] if e[0] == "after")
    assert first[1] - price == pytest.approx(1e-3, rel=1e-3)


def test_adam_has_no_momentum_here(page, monkeypatch):
    seen = {}
    monkeypatch.setattr(page, "adversaries", lambda arena, **o: seen.update(o) or ())
    arena, _ = line_game(page, 0.3, steps=7)
    assert seen["thief"]().item() == pytest.approx(-0.3 * 0.5)  # minus the price
    assert (seen["rates"].momentum, seen["rates"].memory) == (0.0, 0.9)
    assert (seen["steps"], seen["k"]) == (7, 5)
    line_game(page, 0.3, steps=7, k=2)
    assert seen["k"] == 2


@pytest.mark.parametrize("way", WAYS)
def test_games_in_the_plane(page, way):
    """Both players move, and the way's hold is kept to the end."""
    chosen, toy = page.way_of(way), data.toys.ring(std=0.1)
    arena = page.plane(toy, chosen.net, 3, batch=6)
    assert type(arena.discriminator.net) is chosen.net
    real, noise = arena.real(), arena.noise()
    assert real.shape == noise.shape == (3, 6, 2)
    made = arena.generator(noise)
    assert made.shape == (3, 6, 2) and arena.discriminator(made).shape == (3, 6)
    before = [[w.clone() for w in player.parameters()] for player in arena[:2]]
    page.play(arena, chosen, 2, k=1)
    for player, old in zip(arena[:2], before, strict=True):
        assert any(
            not torch.equal(a, b) for a, b in zip(player.parameters(), old, strict=True)
        )
    if way.startswith("clip"):
        top = max(w.abs().max().item() for w in arena.discriminator.parameters())
        assert top <= 0.1 + 1e-7


def test_the_plane_feeds_the_toy_and_noise(page):
    arena = page.plane(data.toys.grid(std=0.1), Crowd, 4)
    real, noise = arena.real(), torch.stack([arena.noise() for _ in range(20)])
    assert real.shape == (4, 64, 2)
    far = (real[..., None, :] - data.toys.grid().means).norm(dim=-1)
    assert far.min(-1).values.max() < 0.6
    assert (far.argmin(-1) != far.argmin(-1)[0]).any()  # seeds see other points
    assert stats.kstest(noise.flatten(), "norm").pvalue > FIVE_SIGMA
    assert [w.shape[1] for w in arena.generator.weights] == [2, 64, 64]
    widths = [w.shape[1] for w in arena.discriminator.net.weights]
    assert widths == [2, 64, 64, 64] and len(arena.generator.weights[0]) == 4


def small_scene(page):
    toy = data.toys.ring(std=0.1)
    real, noise = toy.sample(12)[None], torch.randn(1, 12, 2)
    arena = page.plane(toy, Crowd, 1)
    for bias in arena.discriminator.net.biases:
        nn.init.normal_(bias)
    return arena._replace(real=lambda: real, noise=lambda: noise)


def test_a_scene_by_other_means(page):
    arena = small_scene(page)
    shot = page.scene(arena, n=9)
    x, critic = arena.real()[0, :9], single(arena.discriminator.net, 0)
    y = single(arena.generator, 0)(arena.noise()[0, :9]).detach()
    torch.testing.assert_close(shot.real, x)
    torch.testing.assert_close(shot.made, y, atol=1e-5, rtol=1e-5)
    exact, partner = assigned(x, y)
    assert shot.exact == pytest.approx(exact, rel=1e-5)
    torch.testing.assert_close(shot.partner, x[partner])
    on_x, on_y = (critic(t)[:, 0].detach() for t in (x, y))
    bound = by_loops(on_x, on_y, x, y)
    assert shot.certified == pytest.approx(bound, rel=1e-3, abs=1e-4)
    jacobian = torch.stack(
        [torch.autograd.functional.jacobian(critic, t)[0] for t in y]
    )
    push = jacobian / jacobian.norm(dim=1, keepdim=True)
    torch.testing.assert_close(shot.push, push, atol=1e-4, rtol=1e-3)
    cosines = torch.cosine_similarity(push, x[partner] - y, dim=1)
    assert shot.agreement == pytest.approx(cosines.mean().item(), abs=1e-4)
    steepest = (on_x.mean() - on_y.mean()).item() / bound
    row, column = 5, 40
    ticks = np.linspace(-3, 3, 48)
    place = torch.tensor([ticks[column], ticks[row]]).float()
    assert shot.values.shape == shot.steep.shape == (48, 48)
    assert shot.values[row, column].item() == pytest.approx(
        critic(place).item(), abs=1e-4
    )
    slope = torch.autograd.functional.jacobian(critic, place).norm().item()
    assert shot.steep[row, column].item() == pytest.approx(slope / steepest, rel=1e-3)


def test_a_film_has_its_scenes_after_these_turns(page, monkeypatch):
    """What is fixed: the critic's head start, and who moves when."""
    log, seen = [], []

    def scene(arena):
        players = [
            [w.detach().clone() for w in player.parameters()] for player in arena[:2]
        ]
        log.append(players)
        seen.append(len(counts))
        return len(log) - 1

    counts, way = [], page.way_of("clip 0.1")

    def after(critic):
        counts.append(1)
        way.after(critic)

    monkeypatch.setattr(page, "scene", scene)
    monkeypatch.setattr(page, "Scene", int)
    torch.manual_seed(3)
    chosen = page.way_of("clip 0.1")._replace(after=after)
    film = page.watched.__wrapped__(chosen, [0, 1, 3], warm=6)
    updates = [seen[k] for k in film]
    assert updates == [6, 16, 36]  # a head start of 6, and 10 in each turn
    torch.manual_seed(3)
    untrained = page.plane(page.toy_of("ring"), way.net, 1)
    makers = [log[k][0] for k in film]
    for found, old in zip(makers[0], untrained.generator.parameters(), strict=True):
        assert torch.equal(found, old)  # the head start is the critic's alone
    assert not torch.equal(makers[0][0], makers[1][0])
    assert not torch.equal(makers[1][0], makers[2][0])
    for k in film:
        assert max(w.abs().max().item() for w in log[k][1]) <= 0.1 + 1e-7


@pytest.mark.parametrize("name", ["one-sided 10", "spectral"])
def test_a_film_plays_the_game_of_the_page(page, name, monkeypatch):
    """The actor's loss is minus the price, the critic's that of the way."""
    seen = []

    def adversaries(arena, **options):
        seen.append((arena, options))
        return iter([SimpleNamespace(step=0)])

    monkeypatch.setattr(page, "adversaries", adversaries)
    way = page.way_of(name)
    page.watched(way, [0, 1], warm=5)
    for arena, options in seen:
        torch.manual_seed(1)
        found = options["thief"]()
        torch.manual_seed(1)
        price = arena.discriminator(arena.generator(arena.noise()))
        torch.testing.assert_close(found, -price.mean(1))
        assert options["judge"] is way.judge
        assert type(arena.discriminator.net) is way.net
    steps = [options["steps"] for _, options in seen]
    assert steps == [1, 1] and seen[0][1]["k"] == 5


def test_films_of_every_way(page):
    for way in ("one-sided 10", "spectral"):
        film = page.watched(page.way_of(way), [0, 2], warm=1)
        assert len(film) == 2
        for shot in film:
            assert isinstance(shot, page.Scene) and len(shot.made) == 64
            assert shot.certified <= shot.exact * (1 + 1e-5)


def test_the_figure_of_a_scene(page, monkeypatch):
    shot = page.scene(small_scene(page), n=9)
    monkeypatch.setattr(page, "scenes", {"penalty": {0: shot}}, raising=False)
    figure = Figure()
    page.scene_frame(figure, "penalty", 0)
    left, right = figure.axes
    assert left.get_title() == f"exact {shot.exact:.2f}"
    assert right.get_title() == f"certified {shot.certified:.2f}"
    ways = [line.get_xydata() for line in left.lines if len(line.get_xdata()) == 2]
    for way, start, end in zip(ways, shot.made, shot.partner, strict=True):
        np.testing.assert_allclose(way, torch.stack([start, end]), atol=1e-6)
    (arrows,) = [c for c in left.collections if hasattr(c, "U")]
    np.testing.assert_allclose(np.stack([arrows.U, arrows.V], 1), shot.push)
    np.testing.assert_allclose(arrows.XY, shot.made, atol=1e-6)
    (shade,) = right.images
    assert shade.origin == "lower"
    np.testing.assert_array_equal(shade.get_array(), shot.steep)


# Does it cure collapse?


@pytest.mark.parametrize("way", ["GAN", "least squares"])
def test_games_without_a_critic(page, way, monkeypatch):
    seen = {}

    def watched(arena, **options):
        seen.update(options, arena=arena)
        return ()

    monkeypatch.setattr(page, "adversaries", watched)
    arena = page.toy_turns("grid", way, 3, 2)
    assert seen["arena"] is arena and (seen["steps"], seen["k"]) == (3, 5)
    assert type(arena.discriminator.net) is Crowd
    torch.manual_seed(1)
    found = seen["thief"]()
    torch.manual_seed(1)
    logits = arena.discriminator(arena.generator(arena.noise()))
    theirs = {
        "GAN": nn.functional.softplus(-logits).mean(1),
        "least squares": (logits - 1).square().mean(1) / 2,
    }
    torch.testing.assert_close(found, theirs[way])
    real, fake = arena.real(), arena.real()
    a, b = arena.discriminator(real), arena.discriminator(fake)
    theirs = {
        "GAN": nn.functional.softplus(-a).mean(1) + nn.functional.softplus(b).mean(1),
        "least squares": ((a - 1).square().mean(1) + b.square().mean(1)) / 2,
    }
    found = seen["judge"](arena.discriminator, real, fake)
    torch.testing.assert_close(found, theirs[way])


@pytest.mark.parametrize("way", WAYS)
def test_games_with_a_critic(page, way, monkeypatch):
    seen = []
    monkeypatch.setattr(page, "play", lambda *given: seen.append(given))
    arena = page.toy_turns("ring", way, 4, 2)
    ((given, chosen, steps),) = seen
    assert given is arena and steps == 4
    assert (chosen.judge, chosen.net) == page.way_of(way)[:2]
    assert type(arena.discriminator.net) is chosen.net
    assert abs(arena.real().norm(dim=-1) - 2).max() < 0.6


@pytest.mark.parametrize("way", ["GAN", "least squares", *WAYS])
def test_every_toy_is_played(page, way):
    assert way in page.toys.experiment["way"]
    found = page.toys("grid", way, steps=1, seeds=2, n=100)
    assert set(found) == {"found", "quality", "distance", "floor"}
    assert all(len(values) == 2 for values in found.values())
    assert min(found["distance"]) > max(found["floor"]) > 0


def test_toys_are_scored(page, monkeypatch):
    """An actor of one seed makes one mode, of the other points between modes."""
    places = torch.tensor([[2.0, 0.0], [0.0, 0.0]])

    class Two(nn.Module):
        def forward(self, z):
            return places[:, None] + 0 * z

    arena = page.Arena(Two(), None, None, None)
    asked = []
    monkeypatch.setattr(page, "toy_turns", lambda *given: asked.append(given) or arena)
    found = page.toys("ring", "spectral", steps=9, seeds=2, n=600)
    assert asked == [("ring", "spectral", 9, 2)]
    assert found["found"] == [1.0, 0.0] and found["quality"] == [1.0, 0.0]
    chords = [4 * math.sin(k * math.pi / 8) for k in range(8)]
    theirs = [np.mean(chords), 2.0]
    slack = 5 * np.std(chords) / math.sqrt(600) + 0.05
    assert found["distance"] == pytest.approx(theirs, abs=slack)
    assert all(0.03 < floor < 0.5 for floor in found["floor"])
    assert found["floor"][0] != found["floor"][1]


def test_noted_are_mean_and_spread_between_seeds(page, monkeypatch):
    seen = {}
    monkeypatch.setattr(page, "record", lambda name, value: seen.update({name: value}))
    assert page.noted("it", [1.0, 2.0, 6.0]).item() == pytest.approx(3)
    assert seen["it"].item() == pytest.approx(3)
    assert seen["it_sd"].item() == pytest.approx(math.sqrt(7))


# A small batch lies


@pytest.mark.parametrize(("dim", "shift"), [(1, 0.0), (1, 1.5), (3, 0.0), (3, 2.0)])
def test_batches_of_one_have_a_known_law(page, dim, shift):
    """|x - y|^2 / 2 is chi-square, off centre by shift^2 / 2."""
    found = page.batch_distance(1, dim, shift, 400)
    assert found.shape == (400,)
    law = stats.ncx2(dim, shift**2 / 2) if shift else stats.chi2(dim)
    assert stats.kstest(found.numpy() ** 2 / 2, law.cdf).pvalue > FIVE_SIGMA


def test_batches_are_as_large_as_they_say(page, monkeypatch):
    seen, transport = [], page.transport

    def watched(x, y):
        seen.append((x, y))
        return transport(x, y)

    monkeypatch.setattr(page, "transport", watched)
    found = page.batch_distance(6, 3, 1.0, 2)
    assert [x.shape for x, _ in seen] == [y.shape for _, y in seen] == [(6, 3)] * 2
    assert found.tolist() == pytest.approx([assigned(*pair)[0] for pair in seen])
    assert not torch.equal(seen[0][0], seen[1][0])


def test_mean_distances_of_batches_lie_above_that_of_the_laws(page):
    for shift in (0.0, 1.0):
        found = page.batch_distance(4, 2, shift, 60)
        assert found.mean() - 5 * found.std() / math.sqrt(60) > shift


@pytest.mark.parametrize("power", [1, 2])
@pytest.mark.parametrize("truth", [0.6, 0.25])
def test_the_batch_loss_over_all_batches(page, truth, power):
    theta = torch.tensor([0.0, 0.3, 0.6, 1.0]).double()
    theirs = np.zeros(4)
    for coins in itertools.product([0, 1], repeat=5):
        weight = math.prod(truth if coin else 1 - truth for coin in coins)
        theirs += weight * np.abs(np.mean(coins) - theta.numpy()) ** power
    found = page.batch_loss(theta, truth, 5, power)
    assert found.tolist() == pytest.approx(theirs.tolist())


def test_batches_of_one_prefer_a_coin_without_a_back(page):
    theta = torch.linspace(0, 1, 101, dtype=torch.float64)
    found = page.batch_loss(theta, 0.6, 1)
    assert found.tolist() == pytest.approx((0.6 - 0.2 * theta).tolist())
    assert theta[found.argmin()].item() == 1.0
