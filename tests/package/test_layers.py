"""Masked layers against a dense layer whose forbidden weights are zero."""

import pytest
import torch

from dgm.layers import MaskedLinear


def test_equals_a_dense_layer_with_zeros():
    mask = torch.rand(4, 6) < 0.5
    layer = MaskedLinear(6, 4, mask)
    dense = torch.nn.Linear(6, 4)
    dense.weight.data = torch.where(mask, layer.weight.data, torch.zeros(()))
    dense.bias.data = layer.bias.data
    x = torch.randn(3, 6)
    torch.testing.assert_close(layer(x), dense(x))


def test_training_and_evaluation_give_the_same_with_the_bias():
    layer = MaskedLinear(6, 4, torch.rand(4, 6) < 0.5)
    x = torch.randn(3, 6)
    trained = layer.train()(x)
    assert torch.equal(layer.eval()(x), trained)
    at_zero = layer(torch.zeros(1, 6))[0]
    assert torch.equal(at_zero, layer.bias)
    assert layer.bias.abs().min() > 0  # can fail


def test_forbidden_weights_are_kept_and_get_no_gradient():
    mask = torch.tensor([[True, False], [False, True]])
    layer = MaskedLinear(2, 2, mask)
    before = layer.weight.detach().clone()
    layer(torch.ones(1, 2)).sum().backward()
    assert torch.equal(layer.weight.grad != 0, mask)
    assert torch.equal(layer.weight, before)


def test_the_mask_is_saved_but_not_trained():
    layer = MaskedLinear(2, 3, torch.ones(3, 2).bool())
    assert "mask" in layer.state_dict()
    assert {name for name, _ in layer.named_parameters()} == {"weight", "bias"}


def test_a_transposed_mask_is_refused():
    with pytest.raises(ValueError, match=r"has shape \(6, 4\).*needs \(4, 6\)"):
        MaskedLinear(6, 4, torch.ones(6, 4).bool())
