"""The problem set's tests: they catch wrong answers and accept right ones.

The master is executed once. Then one answer at a time is exchanged, and its problem's
answers and tests run again. The other tests pin what the sample solutions quote.
"""

import copy
import math
import re
from itertools import product

import pytest
import torch
import torch.nn.functional as F
from answers_draw import RIGHT, WRONG
from masters import check_stubs, executed


@pytest.fixture(scope="module")
def master():
    with executed("draw") as made:
        yield made


# Updates with which `trained` trains when an answer that it uses is exchanged: the
# margins of all wrong and right answers were measured for these numbers.
UPDATES = {"Sketcher": 130, "cost": 100}


def failed(master, answer, instead, given=False):
    """``master.failed``, with a shorter training where it runs for another answer."""
    quick = copy.copy(master)
    quick.cells = []
    for problem, own, source in master.cells:
        if own.get("grade_id") == "trained" and answer in UPDATES:
            fewer = f"updates, rate = {UPDATES[answer]}, 0.05"
            assert source.count("updates, rate = 200, 0.04") == 1
            source = source.replace("updates, rate = 200, 0.04", fewer)
        quick.cells.append((problem, own, source))
    return quick.failed(answer, instead, given)


def test_full_marks_and_points(master):
    """The fixture executed every test of the master; what remains is to count."""
    assert master.points == 40
    assert len(master.tests()) == 26


def test_a_stub_scores_nothing(master):
    check_stubs(master)


def test_codes_in_another_order(master):
    """1d (i): other terms, the same sum; equal codes are dear the second time."""
    chain = master.names["chain"]
    torch.manual_seed(1)
    q, p = torch.rand(2, 3, 4)
    q, p = q / q.sum(), p / p.sum()
    there, back = chain(q, p), chain(q.T, p.T)
    assert there.sum().item() == pytest.approx(back.sum().item())
    assert (there - back.flip(0)).abs().max() > 1e-3
    equal, even = torch.eye(2) / 2, torch.full((2, 2), 0.25)
    assert chain(equal, even).tolist() == pytest.approx([0, math.log(2)])


def test_prices_of_other_variables(master):
    """1d (ii): in u = (z - a) / b a code costs the same."""
    price = master.names["price"]
    torch.manual_seed(2)
    m, r, a, b = torch.randn(4, 3, 2, 5)
    zero = torch.zeros(1)
    u = price((m - a) / b.exp(), r - b, zero, zero)
    assert torch.allclose(u, price(m, r, a, b))


def test_the_best_constant_prior(master):
    """1d (ii): moments of all codes; what it saves is quoted; no other saves more."""
    names = master.names
    saved = (names["paid"]["standard"] - names["paid"]["learned"]).tolist()
    assert saved == pytest.approx(names["paid"]["of the prior"].tolist())
    assert saved == pytest.approx([0.32, 1.95, 1.77], abs=0.006)
    codes = (names["learned_mean"], names["learned_log_std"])
    a, b = names["own_mean"], names["own_log_std"]
    best = names["price"](*codes, a, b).mean(1)
    for moved in ((a + 0.1, b), (a - 0.1, b), (a, b + 0.1), (a, b - 0.1)):
        assert (names["price"](*codes, *moved).mean(1) > best).all()


def test_which_reports_are_bounds(master):
    """1c: expected reports against log p(x), by other models than the master's."""
    names, broken = master.names, set()
    torch.manual_seed(3)
    lattice = torch.linspace(-8, 8, 801)
    share = (-(lattice**2) / 2).softmax(0)
    for (brush_1, brush_2), start, tilt in product(
        ((0.1, 3.0), (2.0, 0.1)), (-1.0, 2.0), (0.1, 0.2)
    ):
        brush = torch.tensor([brush_1, brush_2])[:, None].expand(2, 3) / 3**0.5
        ink = share @ (start + brush.norm() * lattice).sigmoid()
        means = (tilt * brush)[:, None].expand(2, 20_000, 3)
        log_std, eps = -tilt * brush.square()[:, None] / 4, torch.randn(2, 20_000, 3)
        log_std = log_std.expand_as(eps)
        z = means + log_std.exp() * eps
        strokes = torch.einsum("tkd,td->tk", z, brush).cumsum(0)
        fit = F.logsigmoid(start + F.pad(strokes, (0, 0, 1, 0)))
        log_q, log_p = (-(eps**2) / 2 - log_std).sum(2), (-(z**2) / 2).sum(2)
        for name, report in names["reports"].items():
            if report(fit, log_q, log_p, means, log_std) > ink.log() + 0.02:
                broken.add(name)
    assert broken == {"Bo", "Fay", "Gus", "Ian"}
    assert {k for k, v in names["report_verdict"].items() if not v} == broken


def test_thin_filters_are_logistic(master):
    """2e (i): u = (g - a - 1/2) / sigma^2, the largest slope, the second table."""
    names = master.names
    x, std = torch.tensor([0.3, 1.0]), 0.1
    g = torch.linspace(0, 1, 101)
    places, ones = torch.stack([g, 0 * g], 1), torch.ones(101, 2)
    rows, _ = names["filterbank"](places, ones, std * ones, (1, 1), (2, 1))
    u = (g - 0.5) / std**2
    assert torch.allclose(rows[:, 0] @ x, x[0] + u.sigmoid() * (x[1] - x[0]))
    for std, quoted in ((0.05, 100), (0.1, 25), (0.2, 6.25)):
        mean, largest, _ = (one.item() for one in names["slides"][std])
        assert largest == pytest.approx(quoted, rel=1e-3)
        assert 1 / (4 * std**2) == pytest.approx(quoted)
        assert mean == pytest.approx(6 / 15, abs=1e-3)
    assert names["slides"][0.05][2] > 0.95
    assert names["slides"][2.0][0] < 0.05


def test_derivative_of_a_filter(master):
    """2e (i): F (a - mean of a under F) / sigma^2."""
    at = torch.tensor(2.2, requires_grad=True)
    std = 0.8

    def filters(g):
        return (-(((torch.arange(6) - g) / std) ** 2) / 2).softmax(0)

    slope = torch.autograd.functional.jacobian(filters, at)
    weight, a = filters(at.detach()), torch.arange(6)
    assert torch.allclose(slope, weight * (a - weight @ a.double()) / std**2)


def test_even_and_sharp(master):
    """2e (ii): ripples as quoted, and what is left of the finest pattern."""
    ripple = master.names["ripple"]
    assert ripple(0.5) == pytest.approx(2 * math.exp(-(math.pi**2) / 2), rel=1e-6)
    assert ripple(0.5) == pytest.approx(0.014, abs=0.0006)
    assert ripple(0.25) == pytest.approx(0.57, abs=0.006)
    for ratio, left in ((0.5, 0.29), (1.0, 0.007)):
        factor = math.exp(-2 * (math.pi * 0.5 * ratio) ** 2)
        assert factor == pytest.approx(left, rel=0.03)


def test_which_programs_make_the_window(master):
    """2d: by the definition, in a loop, at windows inside and outside."""
    names, broken = master.names, set()
    for g, stride, std, N, A in (
        (2.3, 1.5, 0.7, 4, 6),
        (9.0, 0.8, 0.05, 3, 5),
        (-8.0, 2.0, 0.3, 5, 7),
    ):
        mean = [g + (i - (N - 1) / 2) * stride for i in range(N)]
        e = torch.tensor(
            [[-(((a - m) / std) ** 2) / 2 for a in range(A)] for m in mean]
        )
        truth = (e - e.logsumexp(1, keepdim=True)).exp()
        for name, bank in names["banks"].items():
            if not names["near"](bank(g, stride, std, N, A), truth):
                broken.add(name)
    assert broken == {"Bo", "Dov", "Eva", "Gus", "Hal", "Jo"}
    assert {k for k, v in names["bank_verdict"].items() if not v} == broken


def test_far_windows_have_no_gradient(master):
    """3d (i): of the order exp(-D / sigma^2) / sigma^2 at a distance D."""
    pull = master.names["pull"]
    torch.manual_seed(4)
    x, w = torch.rand(6, 6), torch.ones(1, 1)
    for var in (0.5, 1.0):
        size = []
        for far in (6.0, 9.0):
            place = torch.tensor([5 + far, 2.0, math.log(var), 0.0, 0.0])
            size.append(pull(place, x, w)[0].abs().item())
        assert size[1] / size[0] == pytest.approx(math.exp(-3 / var), rel=0.05)


def test_no_patch_comes_back_larger(master):
    """3d (ii): than the product of the largest column sums."""
    names = master.names
    torch.manual_seed(5)
    for _ in range(20):
        rows, columns = (
            names["filters_at"](
                8 * torch.rand(4) - 1, 0.3 + 2 * float(torch.rand(1)), 7
            )
            for _ in range(2)
        )
        most = names["echo"](rows, columns)[1]
        assert most <= (rows.sum(0).max() * columns.sum(0).max()).item() + 1e-12
        assert (rows @ rows.T).diagonal().max() < 1


def test_copies_of_a_digit(master):
    """3d (iii): the table, as quoted."""
    names = master.names
    copies = names["copies"]
    best = {ratio: row[2] for ratio, row in copies.items()}
    assert best[0.1] == pytest.approx(0.71, abs=0.005)
    assert copies[1.0][0] == pytest.approx(0.82, abs=0.006)
    assert min(best, key=best.get) == 0.5
    assert best[0.5] == pytest.approx(0.32, abs=0.006)
    assert copies[0.5][3] < best[0.5] + 0.02
    assert copies[1.0][3] > best[1.0] + 0.2
    assert 100 < copies[1.0][4] < 1000
    assert 1e6 < copies[2.0][4] < 2e6
    assert all(row[5] < 10 for row in copies.values())
    for ratio, low, high in ((0.5, 0.9, 1.1), (1.0, 0.7, 1.1), (2.0, 50, 200)):
        bank = names["filters_at"](7 / 4 * torch.arange(5), 7 / 4 * ratio, 8)
        fall = torch.linalg.svdvals(bank)
        waves = (-2 * (math.pi * ratio * torch.arange(5) / 10) ** 2).exp()
        assert low < (fall / fall[0] / waves)[-1] < high
    assert 1e-16 < names["echo"](bank, bank)[0] < 1e-14


def test_bounds_of_prefixes(master):
    """4d (ii): equal to log p_t if later strokes are at right angles, lower if not."""
    books = master.names["books"]
    for name, book in books.items():
        log_p, elbo = book[3], book[4]
        assert log_p[[0, 8]].tolist() == pytest.approx(elbo[[0, 8]].tolist())
        if name == "all alike":
            assert (elbo[1:8] < log_p[1:8] - 10).all()
        else:
            assert torch.allclose(elbo, log_p)
    assert books["large first"][5, 8].item() == pytest.approx(0.76, abs=0.01)


def test_one_image_may_prefer_a_prefix(master):
    """4d (i): in the best order some validation images do; in the mean none."""
    log_p, best = master.names["books"]["large first"][[3, 5]]
    assert log_p.argmax() == 8
    assert best[:8].sum() > 0.1


def test_rate_and_distortion(master):
    """4d (iii): log(lambda / s^2) / 2 for the error s^2; the three orders."""
    names = master.names
    lam, s = 3.0, 0.6
    # Two points at +-sqrt(lambda) have the variance lambda.
    x = torch.tensor([[1.0], [-1.0]]) * lam**0.5
    W = torch.tensor([[[(lam - s**2) ** 0.5]]])
    found = names["sketch"](W, s, x)
    assert found.bits[1].item() == pytest.approx(math.log2(lam / s**2) / 2)
    assert found.left[1].item() == pytest.approx(s**2)
    last = [book[:3, 8] for book in names["books"].values()]
    assert all(torch.allclose(one, last[0]) for one in last)
    first, small = (names["books"][f"{name} first"] for name in ("large", "small"))
    assert (first[1] <= small[1] + 1e-9).all()
    assert (small[0] <= first[0] + 1e-9).all()
    each = names["books"]["all alike"][0].diff()
    assert each.min() > 6.9 and each.max() < 11
    ratio = (first[2] / first[1])[:5]
    assert ratio.min() > 1.4 and ratio.max() < 2


def test_reports_of_ten_trainings(master):
    """5e (i): the ledgers add up, and what is quoted of them."""
    found = {}
    for line in master.names["patients"].strip().splitlines()[1:]:
        name, *rest = line.split()
        values = [float(one) for one in rest[1:]]
        steps = (len(values) - 4) // 2
        gains, prices = values[1 : steps + 1], values[steps + 1 : 2 * steps + 1]
        cost = -values[0] - sum(gains) + sum(prices)
        assert cost == pytest.approx(values[-2], abs=0.25)
        found[name] = (int(rest[0]), values[0] + sum(gains), prices, *values[-3:])
    noise = -64 * (0.02 * math.log(0.02) + 0.98 * math.log(0.98))
    assert noise == pytest.approx(6.3, abs=0.05)
    assert noise + math.log(25) > 9.4
    below = {name for name, row in found.items() if row[4] < 9.4}
    assert below == {"Cai"}
    assert {name for name, row in found.items() if -row[1] < noise - 1} == {
        *("Cai", "Dov", "Ian")
    }
    for name, quoted in (("Bo", (2.1, 1.0, 0.6, 0.4)), ("Jo", (2.3, 1.3, 0.6))):
        d, _, prices, *_ = found[name]
        assert [one - (d - 1) / 2 for one in prices] == pytest.approx(quoted)
    for name, price in (("Dov", 28), ("Ian", 20)):
        assert sum(found[name][2]) == pytest.approx(price, abs=0.6)
    words = set(master.names["diagnosis"].values())
    assert words == set(master.names["findings"])


def test_the_ledger_of_squares(master):
    """5e (ii): the print, as quoted; independent pixels; and another seed."""
    names = master.names
    p = names["squares"].mean(0)
    each = -(torch.xlogy(p, p) + torch.xlogy(1 - p, 1 - p)).sum().item()
    assert each == pytest.approx(31, abs=0.5)
    fit, price = names["own_book"]
    assert -fit[0] == pytest.approx(32, abs=0.1)
    assert price.tolist() == pytest.approx([3.1, 1.5], abs=0.06)
    assert names["own_bound"].item() == pytest.approx(5.9, abs=0.06)
    gap = (names["own_bound"] - names["own_estimate"]).item()
    assert gap == pytest.approx(0.6, abs=0.15)  # 12 sets of draws: 0.60, sd 0.05
    assert 6 < (fit.diff().sum() / price.sum()) < 7.5
    # After one step the likeliest square is never more than a pixel away.
    torch.manual_seed(3)
    with torch.no_grad():
        canvas = names["own"].infer(names["squares"], torch.randn(2, 25, 2)).canvas[1]
    nearest = (names["squares"] @ canvas.T).argmax(0)  # all squares have 16 pixels
    places = torch.arange(25)
    for part in (nearest // 5 - places // 5, nearest % 5 - places % 5):
        assert part.abs().max() <= 1


def test_training_on_another_seed(master):
    """5c: well below the threshold of 12 nats, and far more squares than needed."""
    names = dict(master.names)
    source = re.sub(
        r"manual_seed\(15\)", "manual_seed(30)", master.answers()["trained"]
    )
    for code in (source, *(master.tests()[f"test_trained{k}"] for k in ("", "_draws"))):
        exec(compile(code, "<trained>", "exec"), names)
    assert names["your_exam"].costs.mean() < 8
    assert names["share"] > 0.2


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_answer_loses_points(master, name):
    answer, instead, expected = WRONG[name]
    assert failed(master, answer, instead) == expected


def test_the_table_takes_what_the_tests_take(master):
    """4c: three plain lists pass the tests, so the books below must print, too."""
    lists = "sketch = (lambda own: lambda *x: [p.tolist() for p in own(*x)])(sketch)"
    answer = master.answers()["sketch"] + "\n" + lists
    assert failed(master, "sketch", answer) == set()
    names = dict(master.names)
    exec(lists, names)
    (books,) = (s for _, _, s in master.cells if "\nbooks = {}" in s)
    exec(books, names)
    for name, book in master.names["books"].items():
        assert torch.allclose(names["books"][name], book)


@pytest.mark.parametrize("name", RIGHT)
def test_a_right_answer_gets_all_points(master, name):
    answer, instead = RIGHT[name]
    assert failed(master, answer, instead, given=True) == set()
