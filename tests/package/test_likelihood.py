"""Enumeration against itertools; errors against repeated experiments."""

import itertools
import math
import statistics

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from dgm.likelihood import (
    all_bits,
    blocked_mean_and_stderr,
    enumerate_log_probs,
    mean_and_stderr,
)


@given(st.integers(0, 10))
def test_all_bits_against_itertools(dim):
    expected = torch.tensor(list(itertools.product([0.0, 1.0], repeat=dim)))
    assert torch.equal(all_bits(dim), expected.reshape(2**dim, dim))


@pytest.mark.parametrize("dim", [-1, 21])
def test_too_many_images_are_refused(dim):
    with pytest.raises(ValueError, match="at most 20"):
        all_bits(dim)


def test_enumeration_keeps_the_order_whatever_the_chunk():
    def value(x):
        return (x * torch.tensor([4.0, 2.0, 1.0])).sum(1)

    for chunk in (1, 3, 8, 100):
        assert enumerate_log_probs(value, 3, chunk).tolist() == list(range(8))


def test_enumeration_in_double_precision():
    """Single precision cannot tell these values apart."""

    def value(x):
        assert x.dtype == torch.float64
        return 1e12 + x.sum(1)

    found = enumerate_log_probs(value, 3, 3, dtype=torch.float64)
    assert found.dtype == torch.float64
    assert (found - 1e12).tolist() == [0, 1, 1, 2, 1, 2, 2, 3]
    assert torch.equal(all_bits(5, dtype=torch.float64), all_bits(5).double())


def test_enumeration_on_another_device():
    """The meta device computes shapes only, but refuses tensors of any other."""
    weight = torch.ones(3, device="meta")
    found = enumerate_log_probs(lambda x: x @ weight, 3, device="meta")
    assert found.device.type == "meta"
    assert found.shape == (8,)
    assert all_bits(3, device="meta").device.type == "meta"


def test_enumeration_keeps_no_graph():
    layer = torch.nn.Linear(3, 1)
    found = enumerate_log_probs(lambda x: layer(x).squeeze(1), 3)
    assert not found.requires_grad
    assert layer(all_bits(3)).requires_grad  # can fail


def test_stderr_divides_by_one_less_than_the_count():
    values = [0.5, -1.25, 3.0, 2.0, 0.125]
    value, stderr = mean_and_stderr(torch.tensor(values))
    assert value == pytest.approx(statistics.mean(values), rel=1e-14)
    assert stderr == pytest.approx(statistics.stdev(values) / math.sqrt(5), rel=1e-14)


@pytest.mark.parametrize(
    "estimate", [mean_and_stderr, lambda values: blocked_mean_and_stderr(values, 2)]
)
def test_errors_leave_the_device_before_they_are_computed(monkeypatch, estimate):
    """Some devices have no double precision: the values come to the CPU first."""
    moves = []
    for name in ("cpu", "double"):
        method = getattr(torch.Tensor, name)

        def spy(tensor, name=name, method=method):
            moves.append(name)
            return method(tensor)

        monkeypatch.setattr(torch.Tensor, name, spy)
    assert estimate(torch.arange(6.0, requires_grad=True)).value == 2.5
    assert moves[:2] == ["cpu", "double"]


def test_mean_and_stderr_against_the_spread_of_many_means():
    many = torch.randn(4000, 25, dtype=torch.double) * 2 + 1
    errors = torch.tensor([mean_and_stderr(row).stderr for row in many])
    spread = many.mean(1).std().item()
    assert spread == pytest.approx(2 / 5, rel=0.05)
    assert errors.square().mean().sqrt().item() == pytest.approx(spread, rel=0.05)


def test_blocks_see_the_correlation_that_the_plain_error_misses():
    blocks = torch.randn(2000, 20).repeat_interleave(10, dim=1)
    truth = blocks.mean(1).std().item()
    plain = torch.tensor([mean_and_stderr(row).stderr for row in blocks]).mean().item()
    blocked = torch.tensor([blocked_mean_and_stderr(row, 10).stderr for row in blocks])
    assert plain < 0.5 * truth
    assert blocked.mean().item() == pytest.approx(truth, rel=0.1)


def test_the_blocked_mean_uses_every_value():
    values = torch.arange(7.0)
    assert blocked_mean_and_stderr(values, 3).value == pytest.approx(3.0)


def test_too_few_values_are_refused():
    with pytest.raises(ValueError, match="at least 2"):
        mean_and_stderr(torch.ones(1))
    for block in (0, 4, 9):
        with pytest.raises(ValueError, match="fits at least twice"):
            blocked_mean_and_stderr(torch.ones(7), block)
