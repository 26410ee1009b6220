"""The definitions inside the lecture, against independent computations."""

import math
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import mutual_info_score

from dgm import checks, data
from dgm.course.load import lecture

PATH = Path(__file__).parents[2] / "lectures/pixelrnn-pixelcnn.md"
KINDS = ["PixelCNN", "gated", "gated, told", "mixture", "Row LSTM", "Diagonal BiLSTM"]
SIDES = {"rows": st.integers(1, 5), "columns": st.integers(1, 5)}


@pytest.fixture(scope="module")
def px():
    return lecture(PATH, typecheck=True)


@pytest.fixture(autouse=True)
def quiet(monkeypatch):
    monkeypatch.setenv("DGM_BOOK", "1")


def build(px, kind, shape, levels):
    """An excited model of that kind, and what it is told about each of n images."""
    model = {
        "PixelCNN": lambda: px.PixelCNN(shape, levels, layers=3),
        "gated": lambda: px.GatedPixelCNN(shape, levels, layers=3),
        "gated, told": lambda: px.GatedPixelCNN(shape, levels, ways=2, labels=4),
        "mixture": lambda: px.GatedPixelCNN(shape, levels, head=px.LogisticMixture),
        "Row LSTM": lambda: px.PixelRNN(shape, levels, px.RowLSTM),
        "Diagonal BiLSTM": lambda: px.PixelRNN(shape, levels, px.DiagonalBiLSTM),
    }[kind]()

    def told(n):
        if kind != "gated, told":
            return ()
        return torch.arange(n) % 2, torch.arange(n) % 4

    return px.excited(model), told


@pytest.mark.parametrize("kind", KINDS)
@given(**SIDES, levels=st.integers(2, 6), seed=st.integers(0, 999))
@settings(max_examples=8, deadline=None)
def test_no_output_sees_its_pixel_or_a_later_one(px, kind, rows, columns, levels, seed):
    """One later pixel at a time, then all of them together: equal to the last bit."""
    torch.manual_seed(seed)
    model, told = build(px, kind, (rows, columns), levels)
    x = torch.randint(levels, (6, rows, columns))
    seen = px.influence(model, x, levels, *told(6))
    assert not seen.triu().any()
    dim = rows * columns
    with torch.no_grad():
        before = model(x, *told(6)).flatten(1, 2)
        for i in range(dim):
            changed = x.flatten(1).clone()
            changed[:, i:] = torch.randint(levels, (6, dim - i))
            after = model(changed.view_as(x), *told(6)).flatten(1, 2)
            assert torch.equal(before[:, : i + 1], after[:, : i + 1])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", [(2, 5), (4, 4), (5, 2)])
def test_every_output_sees_something(px, kind, shape):
    """The positive control: neighbours to the left and above do change the output."""
    model, told = build(px, kind, shape, 5)
    x = torch.randint(5, (12, *shape))
    seen = px.influence(model, x, 5, *told(12))
    for i in range(1, math.prod(shape)):
        r, c = divmod(i, shape[1])
        if c > 0:
            assert seen[i, i - 1], "left neighbour"
        if r > 0:
            assert seen[i, i - shape[1]], "neighbour above"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("shape", "levels"), [((2, 3), 4), ((3, 2), 3), ((1, 5), 4)])
def test_every_model_is_a_density(px, kind, shape, levels):
    model, _ = build(px, kind, shape, levels)
    x = px.all_images(shape, levels)
    assert len(x) == levels ** math.prod(shape) == len(set(map(str, x.tolist())))
    told = ()
    if kind == "gated, told":
        told = (torch.ones(len(x)).long(), torch.full((len(x),), 2))
    checks.sums_to_one(px.log_prob(model, x, *told).detach(), kind, atol=1e-5)


def test_a_planted_leak_is_caught_by_both_checks(px):
    leaky = px.excited(px.Unshifted((3, 4), 4))
    x = torch.randint(4, (10, 3, 4))
    with pytest.raises(AssertionError):
        px.check_order(leaky, x, 4, "leaky")
    images = px.all_images((2, 3), 4)
    tiny = px.excited(px.Unshifted((2, 3), 4))
    with pytest.raises(AssertionError):
        checks.sums_to_one(px.log_prob(tiny, images).detach(), "leaky", atol=1e-3)


def test_mask_b_in_the_first_layer_is_caught(px):
    model = px.PixelCNN((3, 3), 4)
    model.enter = px.MaskedConv2d(5, 32, px.kernel_mask(3, "B"))
    x = torch.randint(4, (8, 3, 3))
    with pytest.raises(AssertionError):
        px.check_order(px.excited(model), x, 4, "mask B first")


@pytest.mark.parametrize("size", [1, 3, 5, 7])
def test_kernel_masks_by_their_definition(px, size):
    middle = size // 2
    for kind in "AB":
        mask = px.kernel_mask(size, kind)
        for i in range(size):
            for j in range(size):
                earlier = i < middle or (i == middle and j < middle)
                here = (i, j) == (middle, middle)
                assert mask[i, j] == (earlier or (here and kind == "B"))


@given(depth=st.integers(0, 6))
@settings(max_examples=7, deadline=None)
def test_the_blind_spot_is_the_set_of_the_proposition(px, depth):
    """Paths through the taps, counted one by one, reach what perturbation finds."""
    shape, spot = (6, 9), (5, 4)
    reach = {(0, 0)}
    first = {(-1, -1), (-1, 0), (-1, 1), (0, -1)}
    for taps in [first | {(0, 0)}] * depth + [first]:
        reach = {(r + i, c + j) for r, c in reach for i, j in taps}
    expected = torch.zeros(shape, dtype=torch.bool)
    for i, j in reach:
        r, c = spot[0] + i, spot[1] + j
        if 0 <= r < shape[0] and 0 <= c < shape[1]:
            expected[r, c] = True
    model = px.excited(px.PixelCNN(shape, 4, layers=depth))
    x = torch.randint(4, (8, *shape))
    field = px.influence(model, x, 4)[spot[0] * 9 + spot[1]].view(shape)
    assert torch.equal(field, expected)
    assert not any(j > -i for i, j in reach)


def test_the_row_lstm_sees_a_triangle(px):
    shape, (row, column) = (5, 13), (4, 6)
    model = px.excited(px.PixelRNN(shape, 4, px.RowLSTM))
    field = px.influence(model, torch.randint(4, (8, *shape)), 4)
    field = field[row * 13 + column].view(shape)
    for r in range(row):
        up = row - r
        expected = [-up - 2 <= c - column <= up for c in range(13)]
        assert field[r].tolist() == expected
    assert field[row].nonzero().flatten().tolist() == [column - 2, column - 1]


@pytest.mark.parametrize("kind", ["gated", "Diagonal BiLSTM"])
@pytest.mark.parametrize("shape", [(3, 6), (6, 3), (4, 4)])
def test_the_others_see_everything(px, kind, shape):
    model, _ = build(px, kind, shape, 5)
    if kind == "gated":
        model = px.excited(px.GatedPixelCNN(shape, 5, layers=6))
    seen = px.influence(model, torch.randint(5, (16, *shape)), 5)
    dim = math.prod(shape)
    assert torch.equal(seen, torch.ones(dim, dim).tril(-1).bool())


@given(**SIDES)
@settings(max_examples=20, deadline=None)
def test_skewing_by_its_definition(px, rows, columns):
    x = torch.randn(2, 3, rows, columns)
    skewed = px.skew(x)
    assert skewed.shape == (2, 3, rows, rows + columns - 1)
    for r in range(rows):
        assert torch.equal(skewed[:, :, r, r : r + columns], x[:, :, r])
    assert skewed.count_nonzero() == x.count_nonzero()
    assert torch.equal(px.unskew(skewed), x)


def test_the_cell_is_an_lstm(px):
    """torch's own LSTM cell, with its order of gates, gives the same state."""
    cell = torch.nn.LSTMCell(5, 4)
    x, h, c = torch.randn(3, 5), torch.randn(3, 4), torch.randn(3, 4)
    gates = F.linear(x, cell.weight_ih, cell.bias_ih)
    gates = gates + F.linear(h, cell.weight_hh, cell.bias_hh)
    i, f, g, o = gates.chunk(4, 1)
    mine = px.lstm(torch.cat([o, f, i, g], 1)[..., None], c[..., None])
    for ours, theirs in zip(mine, cell(x, (h, c)), strict=True):
        torch.testing.assert_close(ours[..., 0], theirs)


def test_a_row_lstm_of_one_column_is_an_lstm_down_the_column(px):
    layer = px.RowLSTM(4, 6)
    x = torch.randn(2, 4, 5, 1)
    h = c = torch.zeros(2, 4)
    for r in range(5):
        tap = layer.inward.weight[:, :, 0, 1], layer.inward.bias
        gates = F.linear(x[:, :, r, 0], *tap)
        gates = gates + F.linear(h, layer.onward.weight[:, :, 1])
        o, f, i, g = gates.chunk(4, 1)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        h = o.sigmoid() * c.tanh()
        torch.testing.assert_close(layer(x, x)[:, :, r, 0], h)


def test_a_diagonal_lstm_by_its_recursion(px):
    """Each state from the one above and the one to the left, without skewing."""
    layer = px.DiagonalLSTM(3, 4)
    x = torch.randn(2, 3, 4, 5)
    inward = layer.inward(x)
    zero = torch.zeros(2, 4)
    h, c = {}, {}
    for r in range(4):
        for k in range(5):
            above, left = h.get((r - 1, k), zero), h.get((r, k - 1), zero)
            gates = inward[:, :, r, k]
            gates = gates + F.linear(above, layer.onward.weight[:, :, 0])
            gates = gates + F.linear(left, layer.onward.weight[:, :, 1])
            o, f, i, g = gates.chunk(4, 1)
            c[r, k] = f.sigmoid() * c.get((r, k - 1), zero) + i.sigmoid() * g.tanh()
            h[r, k] = o.sigmoid() * c[r, k].tanh()
            torch.testing.assert_close(layer(x)[:, :, r, k], h[r, k])


@given(
    numbers=st.integers(1, 6),
    levels=st.integers(2, 40),
    scale=st.floats(0.1, 4),
    seed=st.integers(0, 999),
)
@settings(max_examples=30, deadline=None)
def test_logistic_mixtures_by_differences_of_their_cdf(
    px, numbers, levels, scale, seed
):
    torch.manual_seed(seed)
    a = scale * torch.randn(7, 3 * numbers, dtype=torch.double)
    weight, mean, log_scale = a.chunk(3, 1)
    base = torch.distributions.TransformedDistribution(
        torch.distributions.Uniform(torch.zeros(()).double(), torch.ones(()).double()),
        [
            torch.distributions.transforms.SigmoidTransform().inv,
            torch.distributions.transforms.AffineTransform(
                mean, log_scale.clamp(min=-7).exp()
            ),
        ],
        validate_args=False,
    )
    half, edges = 1 / (levels - 1), torch.linspace(-1, 1, levels).double()
    cdf = [torch.zeros(7, numbers).double()]
    cdf += [base.cdf(e + half) for e in edges[:-1]] + [torch.ones(7, numbers).double()]
    expected = (torch.stack(cdf, -1).diff(dim=-1) * weight.softmax(1)[..., None]).sum(1)
    found = px.mixture_log_pmf(a, levels).exp()
    # Cuts are single-precision numbers: 6e-8 off, over the smallest scale, 9e-4.
    torch.testing.assert_close(found, expected, rtol=3e-4, atol=1e-8)


def test_a_level_far_from_every_component_keeps_a_finite_score(px):
    a = torch.tensor([[0.0, -1.0, -5.0]], requires_grad=True)
    log_pmf = px.mixture_log_pmf(a, 17)
    assert log_pmf.isfinite().all()
    log_pmf[0, 16].backward()
    assert a.grad.isfinite().all()


@pytest.mark.parametrize("kind", ["gated", "gated, told", "mixture"])
@pytest.mark.parametrize("shape", [(4, 5), (1, 6), (6, 1)])
def test_the_cache_changes_no_pixel(px, kind, shape):
    model, told = build(px, kind, shape, 5)
    u = torch.rand(16, *shape)
    canvas = torch.where(
        torch.rand(16, *shape) < 0.5, -1, torch.randint(5, (16, *shape))
    )
    slow = px.draw_naively(model, canvas, u, *told(16))
    assert torch.equal(px.draw(model, canvas, u, *told(16)), slow)
    assert torch.equal(slow[canvas >= 0], canvas[canvas >= 0])
    assert not torch.equal(px.draw(model, canvas, 1 - u, *told(16)), slow)


def test_drawing_follows_the_exact_probabilities(px):
    """50,000 images of four pixels: each as often as its exact probability says."""
    model = px.excited(px.GatedPixelCNN((2, 2), 3))
    n, x = 50_000, px.all_images((2, 2), 3)
    exact = px.log_prob(model, x).exp().detach()
    drawn = px.draw(model, torch.full((n, 2, 2), -1), torch.rand(n, 2, 2))
    place = torch.tensor([27, 9, 3, 1])
    frequency = torch.bincount((drawn.flatten(1) * place).sum(1), minlength=81) / n
    error = (exact * (1 - exact) / n).sqrt()
    assert ((frequency - exact).abs() <= 5 * error + 1e-6).all()
    assert ((frequency.flip(0) - exact).abs() > 5 * error + 1e-6).any()  # can fail


def test_pick_inverts_the_cumulative_distribution(px):
    p = torch.tensor([[0.2, 0.5, 0.3]]).expand(6, -1)
    u = torch.tensor([0.0, 0.19, 0.21, 0.69, 0.71, 1.0])
    assert px.pick(p.log(), u).tolist() == [0, 0, 1, 1, 2, 2]
    never = torch.tensor([[0.0, 0.5, 0.5]]).log()
    assert px.pick(never, torch.zeros(1)).item() == 1  # no probability, never drawn


def test_reading_up_is_reading_the_turned_image(px):
    model = px.excited(px.GatedPixelCNN((3, 4), 4, ways=2))
    x = torch.randint(4, (5, 3, 4))
    ones = torch.ones(5).long()
    turned = px.log_prob(model, x.flip(1), ones)
    torch.testing.assert_close(px.reads(model, x, 1), turned)
    assert not torch.allclose(px.reads(model, x, 0), turned)
    assert torch.equal(px.turn(px.turn(x, ones), ones), x)


@pytest.mark.parametrize("label", [0, 2])
def test_the_mixture_of_both_ways_is_a_density(px, label):
    model = px.excited(px.GatedPixelCNN((2, 2), 4, ways=2, labels=4))
    x = px.all_images((2, 2), 4)
    checks.sums_to_one(px.both_ways(model, x), "both", atol=1e-5)
    told = torch.full((len(x),), label)
    checks.sums_to_one(px.reads(model, x, 1, told), "told", atol=1e-5)
    assert not torch.allclose(px.reads(model, x, 1, told), px.reads(model, x, 1))


def test_per_class_reads_once_for_each_label(px):
    model = px.excited(px.GatedPixelCNN((2, 3), 4, ways=2, labels=10))
    x = torch.randint(4, (3, 2, 3))
    table = px.per_class(model, x)
    for y in range(10):
        told = torch.zeros(3).long(), torch.full((3,), y)
        torch.testing.assert_close(table[y], px.log_prob(model, x, *told).detach())
    assert table.std(0).min() > 0


def test_nudge_moves_by_one_pixel(px):
    image = torch.randint(1, 17, (1, 3, 4))
    padded = F.pad(image, (1, 1, 1, 1))[0]
    corners = [(1, 1), (0, 1), (2, 1), (1, 0), (1, 2)]
    possible = {str(padded[r : r + 3, c : c + 4].tolist()) for r, c in corners}
    moved = px.nudge(image.expand(2000, -1, -1))
    assert {str(m.tolist()) for m in moved} == possible
    same = (moved == image).flatten(1).all(1).float().mean().item()
    assert abs(same - 0.7) < 5 * (0.21 / 2000) ** 0.5
    assert torch.equal(px.nudge(image, 0.0), image)


def test_mutual_information_against_scikit_learn(px):
    x, y = torch.randint(3, (200, 4)), torch.randint(3, (200, 4))
    y[:, 1], y[:, 3] = x[:, 0], 2  # one copy; one pixel that never changes
    found = px.mutual_information(x, y, 3)
    for i in range(4):
        for j in range(4):
            expected = mutual_info_score(x[:, i], y[:, j])
            assert abs(found[i, j].item() - expected) < 1e-5


def test_channels_by_hand(px):
    found = px.channels(torch.tensor([[[0, 2]]]), 3)
    expected = [[[[1.0, 0.0]], [[0.0, 0.0]], [[0.0, 1.0]], [[-1.0, 1.0]]]]
    assert found.tolist() == expected


def test_pixel_nats_add_up_to_the_score(px):
    model, _ = build(px, "gated", (3, 3), 5)
    x = torch.randint(5, (7, 3, 3))
    nats = px.pixel_nats(model(x), x)
    torch.testing.assert_close(nats.sum((1, 2)), -px.log_prob(model, x).detach())


def test_the_table_of_the_pixel_above_by_counting(px):
    x = torch.randint(3, (40, 2, 2))
    alone = torch.tensor([0.5, 0.25, 0.25]).log().expand(2, 2, 3)
    table = px.above_table(x, alone, 2.0)
    for a in range(3):
        for b in range(3):
            rows = x[x[:, 0, 1] == a][:, 1, 1]
            prior = 2 * [0.5, 0.25, 0.25][b]
            expected = ((rows == b).sum() + prior) / (len(rows) + 2)
            assert abs(table[3, a, b].exp() - expected) < 1e-5
    nats = px.above_nats(table, x)
    assert nats.shape == x.shape
    torch.testing.assert_close(nats[5, 1, 1], -table[3, x[5, 0, 1], x[5, 1, 1]])
    torch.testing.assert_close(nats[5, 0, 1], -table[1, 0, x[5, 0, 1]])
    images = px.all_images((2, 2), 3)
    checks.sums_to_one(-px.above_nats(table, images).sum((1, 2)), "table")


def test_the_maps_of_classes_learn_faster(px):
    model = px.GatedPixelCNN((2, 2), 3, labels=4)
    groups = px.two_speeds(model)(None, 0.01).param_groups
    sizes = {group["lr"]: sum(p.numel() for p in group["params"]) for group in groups}
    everything = sum(p.numel() for p in model.parameters())
    maps = model.classes.numel()
    assert sizes == {0.01: everything - maps, 0.1: maps}


def test_a_short_training_lowers_the_loss(px):
    """The loss falls, and every parameter takes part, tables of classes included."""
    torch.manual_seed(0)
    part = data.digits().train
    model = px.GatedPixelCNN((8, 8), 17, ways=2, labels=10, width=8, layers=2)
    told = None, part.y[:200]
    before = -px.log_prob(model.eval(), part.x[:200], *told).mean()
    px.learn(model, px.class_loss(model), part, steps=40)
    assert -px.log_prob(model, part.x[:200], *told).mean() < before - 20
    assert not model.training
    assert all(p.grad.abs().max() > 0 for p in model.parameters())
    ways = px.GatedPixelCNN((8, 8), 17, ways=2, width=8, layers=2)
    px.learn(ways, px.both_ways_loss(ways), part, steps=2)
    assert (ways.place.grad.flatten(1).abs().amax(1) > 0).all()


def test_a_gated_layer_by_its_equations(px):
    """Place by place, with the two halves of every convolution as tanh and sigmoid."""
    layer = px.GatedLayer(3, 0.0).eval()
    v, h = torch.randn(2, 3, 4, 5), torch.randn(2, 3, 4, 5)
    found_v, found_h = layer(v, h)

    def gate(a):
        return torch.tanh(a[:, :3]) * torch.sigmoid(a[:, 3:])

    def at(x, r, c):
        inside = 0 <= r < 4 and 0 <= c < 5
        return x[:, :, r, c] if inside else torch.zeros(2, 3)

    for r in range(4):
        for c in range(5):
            a = layer.above.bias.expand(2, -1)
            for i in range(2):
                for j in range(3):
                    kernel = layer.above.weight[:, :, i, j]
                    a = a + F.linear(at(v, r + i - 1, c + j - 1), kernel)
            new = v[:, :, r, c] + gate(a)
            torch.testing.assert_close(found_v[:, :, r, c], new)
            a = layer.left.bias + F.linear(new, layer.down.weight[..., 0, 0])
            a = a + layer.down.bias
            for j in range(2):
                a = a + F.linear(at(h, r, c + j - 1), layer.left.weight[:, :, 0, j])
            out = F.linear(gate(a), layer.out.weight[..., 0, 0], layer.out.bias)
            torch.testing.assert_close(found_h[:, :, r, c], h[:, :, r, c] + out)


def test_the_head_starts_nearly_even_and_alike_everywhere(px):
    logits = px.Head(8, 17, 0.0)(torch.randn(2, 8, 3, 4))
    assert logits.shape == (2, 3, 4, 17)
    assert torch.equal(logits, logits[:1, :1, :1].expand_as(logits))
    assert (logits.softmax(-1) - 1 / 17).abs().max() < 0.03


def test_the_loss_of_both_ways_turns_what_it_says_it_turns(px):
    """Even images read down and odd ones read up, as ``log_prob`` says of each."""
    model = px.excited(px.GatedPixelCNN((3, 4), 4, ways=2))
    x = torch.randint(4, (6, 3, 4))
    down = px.log_prob(model, x[::2], torch.zeros(3).long())
    up = px.log_prob(model, x[1::2].flip(1), torch.ones(3).long())
    expected = -torch.cat([down, up]).mean()
    torch.testing.assert_close(px.both_ways_loss(model, 0.0)((x,)), expected)
    plain = -px.log_prob(model, x).mean()
    torch.testing.assert_close(px.plain_loss(model, 0.0)((x,)), plain)
    assert abs(plain - expected) > 1e-3  # can fail


@pytest.mark.parametrize("way", [0, 1])
def test_a_completion_is_drawn_from_the_conditional_distribution(px, way):
    """Two rows, one hidden: as often as Bayes' rule on the enumerated density says."""
    model, n = px.excited(px.GatedPixelCNN((2, 2), 3, ways=2)), 20_000
    hidden = torch.tensor([[way == 1] * 2, [way == 0] * 2])
    image = torch.tensor([[2, 0], [1, 2]])
    filled = px.complete(model, image.expand(n, -1, -1), hidden, way)
    assert torch.equal(filled[:, ~hidden], image[~hidden].expand(n, -1))
    x = px.all_images((2, 2), 3)
    x = x[(x[:, ~hidden] == image[~hidden]).all(1)]
    p = px.reads(model, x, way).softmax(0)
    place = torch.tensor([3, 1])
    order = (x[:, hidden] * place).sum(1)
    frequency = torch.bincount((filled[:, hidden] * place).sum(1), minlength=9) / n
    error = (p * (1 - p) / n).sqrt()
    assert ((frequency[order] - p).abs() <= 5 * error + 1e-6).all()
    other = px.reads(model, x, 1 - way).softmax(0)
    assert ((frequency[order] - other).abs() > 5 * error + 1e-6).any()  # can fail


def test_learning_decays_the_weights_as_told(px):
    """With a loss that does not depend on them, weights shrink by AdamW's factors."""
    part = data.Part(torch.zeros(64, 2, 2).long(), torch.zeros(64).long())
    for decay in (0.0, 0.5):
        model = torch.nn.Conv2d(1, 1, 1, bias=False)
        before, w = model.weight.item(), model.weight
        loss = lambda batch, w=w: 0 * w.sum()  # noqa: E731
        px.learn(model, loss, part, steps=1, lr=0.1, decay=decay)
        assert model.weight.item() == pytest.approx(before * (1 - 0.1 * decay))


@pytest.mark.parametrize(
    ("variant", "shape", "dropout"),
    [
        ("as on this page", (2, 64, 8, 8), 0.2),
        ("no map of places", (2, 64, 1, 1), 0.2),
        ("no dropout", (2, 64, 8, 8), 0.0),
        ("half as wide", (2, 32, 8, 8), 0.2),
    ],
)
def test_an_ablation_changes_one_thing(px, monkeypatch, variant, shape, dropout):
    """Above all: without the map of places the direction of reading is still told."""
    taught = {}
    monkeypatch.setattr(px, "learn", lambda model, *_, **how: taught.update(m=model))
    px.ablation(variant, 0, steps=1)
    model = taught["m"].eval()
    assert model.place.shape == shape and model.place.requires_grad
    drops = {m.p for m in model.modules() if isinstance(m, torch.nn.Dropout)}
    assert drops == {dropout}
    px.excited(model)
    x = torch.randint(17, (4, 8, 8))
    way = torch.ones(4).long()
    assert not torch.allclose(px.log_prob(model, x, way), px.log_prob(model, x))
