"""Each check passes on the truth, fails on a planted fault, and says what failed."""

import math

import pytest
import torch

from dgm import checks
from dgm.layers import MaskedLinear
from dgm.likelihood import all_bits


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


def test_sums_to_one(capsys):
    log_probs = torch.full((8,), -math.log(8))
    checks.sums_to_one(log_probs)
    assert capsys.readouterr().out.startswith(
        "✓ total probability: 8 outcomes sum to 1"
    )
    for wrong in (log_probs[:-1], log_probs + 1e-3, log_probs * math.nan):
        with pytest.raises(AssertionError):
            checks.sums_to_one(wrong)


def test_between_and_in_order():
    checks.between(1.0, 0.0, 2.0, "x")
    for wrong in (-0.1, 2.1, math.nan):
        with pytest.raises(AssertionError, match="x:"):
            checks.between(wrong, 0.0, 2.0, "x")
    low = torch.tensor([0.0, 1.0])
    checks.in_order(low, low + 0.5, "bound")
    checks.in_order(low, low, "bound")
    with pytest.raises(AssertionError, match="largest excess"):
        checks.in_order(low, torch.tensor([0.5, 0.9]), "bound")
    with pytest.raises(AssertionError):
        checks.in_order(low, torch.tensor([0.5, math.nan]), "bound")


def test_consistent():
    checks.consistent(1.4, 0.1, 1.0, "estimate")
    with pytest.raises(AssertionError, match="6.0 standard errors"):
        checks.consistent(1.6, 0.1, 1.0, "estimate")


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
