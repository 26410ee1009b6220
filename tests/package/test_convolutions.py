"""Masked convolutions against loops over taps and against dense kernels with zeros."""

import itertools

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dgm.convolutions import MaskedConv2d

ODD = st.sampled_from([1, 3, 5])


@given(height=ODD, width=ODD, rows=st.integers(1, 4), columns=st.integers(1, 4))
@settings(max_examples=15, deadline=None)
def test_equals_a_sum_over_allowed_taps(height, width, rows, columns):
    mask = torch.rand(height, width) < 0.5
    layer = MaskedConv2d(2, 3, mask)
    x = torch.randn(2, 2, rows, columns)
    expected = layer.bias[None, :, None, None].repeat(2, 1, rows, columns)
    places = itertools.product(range(rows), range(columns))
    taps = mask.nonzero().tolist()
    for (r, c), (i, j) in itertools.product(places, taps):
        row, column = r + i - height // 2, c + j - width // 2
        if 0 <= row < rows and 0 <= column < columns:
            expected[:, :, r, c] += x[:, :, row, column] @ layer.weight[:, :, i, j].T
    torch.testing.assert_close(layer(x), expected, atol=1e-5, rtol=1e-5)


def test_forbidden_weights_are_kept_and_get_no_gradient():
    mask = torch.tensor([[1.0, 1, 1], [1, 0, 0], [0, 0, 0]])
    layer = MaskedConv2d(2, 4, mask)
    before = layer.weight.detach().clone()
    layer(torch.randn(3, 2, 5, 5)).sum().backward()
    assert torch.equal(layer.weight.grad != 0, mask.bool().expand(4, 2, 3, 3))
    assert torch.equal(layer.weight, before)
    assert before[..., 2, 2].abs().min() > 0  # can fail


def test_nothing_forbidden_is_an_ordinary_convolution():
    layer = MaskedConv2d(2, 3, torch.ones(3, 5))
    plain = torch.nn.Conv2d(2, 3, (3, 5), padding=(1, 2))
    plain.load_state_dict({k: v for k, v in layer.state_dict().items() if k != "mask"})
    x = torch.randn(2, 2, 6, 7)
    torch.testing.assert_close(layer(x), plain(x))


def test_the_mask_is_saved_but_not_trained():
    layer = MaskedConv2d(2, 3, torch.ones(3, 3).bool(), bias=False)
    assert "mask" in layer.state_dict()
    assert {name for name, _ in layer.named_parameters()} == {"weight"}


@pytest.mark.parametrize("shape", [(2, 3), (3, 2), (4, 4)])
def test_a_mask_without_a_middle_is_refused(shape):
    with pytest.raises(ValueError, match="odd sides"):
        MaskedConv2d(1, 1, torch.ones(shape))
