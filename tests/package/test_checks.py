"""Each check passes on the truth, fails on a planted fault, and says what failed."""

import math

import jaxtyping
import pytest
import torch

from dgm import checks
from dgm.layers import MaskedLinear
from dgm.likelihood import all_bits


@pytest.fixture
def unchecked():
    """As readers run the package: without a type checker that looks at shapes."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


def causal(dim, shift=0):
    """A linear network whose output i sees x[: i + shift]; shift 1 is a leak."""
    place = torch.arange(dim)
    mask = place[None, :] < place[:, None] + shift
    return MaskedLinear(dim, dim, mask)


def test_equal():
    a = torch.tensor([1.0, 2.0])
    checks.equal(a, a + 1e-7, "same")
    with pytest.raises(AssertionError, match="same: largest difference 1.0e"):
        checks.equal(a, a + torch.tensor([0.0, 0.01]), "same")
    with pytest.raises(AssertionError):
        checks.equal(a, torch.tensor([1.0, math.nan]), "nan is equal to nothing")
    nan = torch.tensor([math.nan])
    with pytest.raises(AssertionError):
        checks.equal(nan, nan, "not even to itself")


def test_infinities_compare_like_numbers():
    impossible = torch.tensor([-math.inf, -1.0])
    checks.equal(impossible, impossible.clone(), "log-probabilities")
    checks.in_order(impossible, impossible.clone(), "bound")
    checks.in_order(impossible, torch.tensor([-3.0, -1.0]), "bound")
    for other in (math.inf, 0.0, math.nan):
        with pytest.raises(AssertionError):
            checks.equal(impossible, torch.tensor([other, -1.0]), "log-probabilities")
    with pytest.raises(AssertionError):
        checks.in_order(torch.tensor([-3.0, -1.0]), impossible, "bound")


@pytest.mark.parametrize("check", [checks.equal, checks.in_order])
@pytest.mark.parametrize(
    ("one", "other"), [((3,), (1,)), ((3,), (3, 1)), ((3,), ()), ((0,), (0,))]
)
def test_shapes_that_differ_or_are_empty_are_refused(unchecked, check, one, other):
    with pytest.raises(ValueError, match=r"totals: shapes .* cannot be compared"):
        check(torch.zeros(one), torch.zeros(other), "totals")


def test_sums_to_one(capsys):
    log_probs = torch.full((8,), -math.log(8))
    checks.sums_to_one(log_probs)
    assert capsys.readouterr().out.startswith(
        "✓ total probability: 8 outcomes sum to 1"
    )
    for wrong in (log_probs[:-1], log_probs + 1e-3, log_probs * math.nan):
        with pytest.raises(AssertionError):
            checks.sums_to_one(wrong)
    with pytest.raises(AssertionError, match=r"7 outcomes sum to 0\.875, not to 1"):
        checks.sums_to_one(log_probs[:-1])


@pytest.mark.parametrize("shape", [(), (2, 4)])
def test_sums_to_one_wants_one_axis(unchecked, shape):
    log_probs = torch.full(shape, -math.log(8 if shape else 1))
    with pytest.raises(ValueError, match="log_probs has shape .*; give one axis"):
        checks.sums_to_one(log_probs)


def test_between(capsys):
    for inside in (0.0, 1.0, 2.0):
        checks.between(inside, 0.0, 2.0, "x")
    assert capsys.readouterr().out.splitlines()[1] == "✓ x: 1 is in [0, 2]"
    with pytest.raises(AssertionError, match=r"x: 2\.1 is not in \[0, 2\]"):
        checks.between(2.1, 0.0, 2.0, "x")
    with pytest.raises(AssertionError, match=r"2\.00001 is not in \[0, 2\]"):
        checks.between(2.00001, 0.0, 2.0, "x")
    for wrong in (-0.1, math.nan):
        with pytest.raises(AssertionError, match="is not in"):
            checks.between(wrong, 0.0, 2.0, "x")


def test_in_order():
    low = torch.tensor([0.0, 1.0])
    checks.in_order(low, low + 0.5, "bound")
    checks.in_order(low, low, "bound")
    with pytest.raises(AssertionError, match="largest excess"):
        checks.in_order(low, torch.tensor([0.5, 0.9]), "bound")
    with pytest.raises(AssertionError):
        checks.in_order(low, torch.tensor([0.5, math.nan]), "bound")


def test_consistent():
    for near in (1.4, 0.6):
        checks.consistent(near, 0.1, 1.0, "estimate")
    for far in (1.6, 0.4):
        with pytest.raises(AssertionError, match="6.0 standard errors"):
            checks.consistent(far, 0.1, 1.0, "estimate")
    with pytest.raises(AssertionError):
        checks.consistent(math.nan, 0.1, 1.0, "estimate")


@pytest.mark.parametrize("stderr", [0.0, -0.1, math.nan, math.inf])
def test_consistent_needs_a_standard_error(stderr):
    with pytest.raises(ValueError, match="estimate: the standard error is .*measures"):
        checks.consistent(1.0, stderr, 1.0, "estimate")


@pytest.mark.parametrize("dim", [1, 2, 5, 9])
def test_autoregressive_accepts_a_causal_network(dim):
    checks.autoregressive(causal(dim), torch.randint(2, (4, dim)).float())


def test_autoregressive_finds_a_single_leaking_weight():
    x = torch.randint(2, (4, 6)).float()
    for i in range(6):
        for j in range(i, 6):
            net = causal(6)
            net.mask[i, j] = 1
            with pytest.raises(AssertionError, match=f"output {i} sees pixel {j},"):
                checks.autoregressive(net, x)


def test_autoregressive_finds_a_leak_through_two_pixels_together():
    """An output that sees the product of later pixels, from images where it is zero."""

    def net(x):
        out = causal_net(x)
        return out + torch.outer(x[:, 2] * x[:, 3], torch.tensor([1.0, 0, 0, 0]))

    causal_net = causal(4)
    with pytest.raises(AssertionError, match=r"output 0 sees pixels \[0, 1, 2, 3\]"):
        checks.autoregressive(net, torch.zeros(1, 4))


@pytest.mark.parametrize("row", [0, 5, 7])
def test_autoregressive_finds_a_leak_that_one_image_shows(row):
    """Output 1 sees pixel 3, but only where pixels 0 to 2 spell one number."""
    causal_net = causal(4)

    def net(x):
        spelled = (x[:, :3] * torch.tensor([4.0, 2.0, 1.0])).sum(1)
        leak = (spelled == row) * x[:, 3]
        return causal_net(x) + torch.outer(leak, torch.tensor([0.0, 1.0, 0, 0]))

    x = torch.cat([all_bits(3), torch.zeros(8, 1)], 1)
    with pytest.raises(AssertionError, match="output 1 sees"):
        checks.autoregressive(net, x)


def test_autoregressive_finds_a_leak_in_one_row_of_the_batch():
    """Whichever row it is, and although all other rows are clean."""
    x = torch.randint(2, (6, 4)).float()
    causal_net = causal(4)
    for row in range(6):

        def net(x, row=row):
            out = causal_net(x)
            out[row, 0] += x[row, 3]
            return out

        with pytest.raises(AssertionError, match="output 0 sees pixel 3,"):
            checks.autoregressive(net, x)


@pytest.mark.parametrize("order", [[0, 1], [0, 1, 1], [1, 2, 3], [0, 1, 2, 2]])
def test_autoregressive_wants_an_order_of_all_pixels(order):
    with pytest.raises(ValueError, match="is no order of 3 pixels"):
        checks.autoregressive(causal(3), all_bits(3), order=order)


def test_autoregressive_wants_images():
    with pytest.raises(ValueError, match="no images"):
        checks.autoregressive(causal(3), torch.zeros(0, 3))


def test_autoregressive_wants_every_pixel_used():
    net = causal(5)
    net.mask[:, 2] = 0
    with pytest.raises(AssertionError, match="ignores a pixel"):
        checks.autoregressive(net, torch.randint(2, (4, 5)).float())
    with pytest.raises(AssertionError, match="ignores a pixel"):
        checks.autoregressive(torch.zeros_like, torch.randint(2, (4, 5)).float())


def test_autoregressive_in_another_order_and_with_levels():
    order = [2, 0, 3, 1]
    rank = torch.tensor(order).argsort()
    net = MaskedLinear(4, 4, rank[None, :] < rank[:, None])
    checks.autoregressive(net, all_bits(4), order=order)
    with pytest.raises(AssertionError):
        checks.autoregressive(net, all_bits(4))

    def levels(x):
        return net(x)[..., None] * torch.ones(3)

    checks.autoregressive(levels, all_bits(4), order=order)


def test_a_pixel_that_is_never_inked_may_be_ignored_if_said():
    net = causal(5)
    net.mask[:, 2] = 0
    x = torch.randint(2, (4, 5)).float()
    checks.autoregressive(net, x, all_used=False)
    with pytest.raises(checks.CheckFailed, match="ignores a pixel"):
        checks.autoregressive(torch.zeros_like, x, all_used=False)
