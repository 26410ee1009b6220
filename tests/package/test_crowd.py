"""Networks side by side, against networks one by one."""

import math
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from dgm.course.load import lecture
from dgm.models.crowd import Crowd, Judge


def alone(crowd, k, x):
    """The network of one seed, written with F.linear."""
    layers = list(zip(crowd.weights, crowd.biases, strict=True))
    for i, (weight, bias) in enumerate(layers):
        x = F.linear(x, weight[k].T, bias[k, 0])
        x = x.clamp(min=0) if i < len(layers) - 1 else x
    return x


@pytest.mark.parametrize("sizes", [[2, 1], [3, 8, 2], [2, 5, 7, 4]])
def test_each_seed_is_a_network_of_its_own(sizes):
    crowd, x = Crowd(sizes, 3), torch.randn(3, 6, sizes[0])
    for bias in crowd.biases:
        nn.init.normal_(bias)
    for k in range(3):
        torch.testing.assert_close(crowd(x)[k], alone(crowd, k, x[k]))


def test_training_the_sum_trains_each_alone():
    """Ten steps of Adam on three networks are ten steps on one, three times."""
    crowd = Crowd([2, 6, 1], 3)
    single = Crowd([2, 6, 1], 1)
    for mine, all_ in zip(single.parameters(), crowd.parameters(), strict=True):
        mine.data = all_.data[1:2].clone()
    x, y = torch.randn(3, 20, 2), torch.randn(3, 20, 1)
    for net, rows in ((crowd, slice(None)), (single, slice(1, 2))):
        optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
        for _ in range(10):
            optimizer.zero_grad()
            (net(x[rows]) - y[rows]).square().mean((1, 2)).sum().backward()
            optimizer.step()
    torch.testing.assert_close(single(x[1:2])[0], crowd(x)[1], atol=1e-5, rtol=1e-4)


def test_relu_keeps_the_size_of_a_signal():
    """With variance 2 / inputs the mean square of a deep layer is that of the input."""
    crowd, x = Crowd([300, 300, 300, 300, 300], 4), torch.randn(4, 100, 300)
    with torch.no_grad():
        h = x
        for weight in crowd.weights[:-1]:
            h = (h @ weight).clamp(min=0)
        assert (2 * h.square().mean()).item() == pytest.approx(2, rel=0.15)
        assert crowd.weights[-1].var().item() == pytest.approx(1 / 300, rel=0.02)
    assert all(not bias.any() for bias in crowd.biases)


def test_a_judge_of_packs_reads_them_in_order():
    class Digits(nn.Module):
        def forward(self, x):
            place = 10.0 ** torch.arange(x.shape[-1])
            return (x * place).sum(-1, keepdim=True)

    x = torch.arange(12.0).view(1, 6, 2)
    assert Judge(Digits())(x)[0].tolist() == [10, 32, 54, 76, 98, 120]
    assert Judge(Digits(), pack=3)(x)[0].tolist() == [543210, 1209876]


def test_what_cannot_be():
    with pytest.raises(ValueError, match="no layer"):
        Crowd([2], 3)
    with pytest.raises(ValueError, match="multiple of 2"):
        Judge(Crowd([4, 1], 1), pack=2)(torch.zeros(1, 5, 2))


def test_it_is_the_crowd_of_the_lecture():
    page = Path(__file__).parents[2] / "lectures/generative-adversarial-networks.md"
    theirs, built = lecture(page), []
    for module in (Crowd, theirs.Crowd):
        torch.manual_seed(0)
        built.append(module([4, 9, 5, 1], 2))
    x = torch.randn(2, 8, 2)
    ours = Judge(built[0], 2)(x)
    assert torch.equal(ours, theirs.Judge(built[1], 2)(x))
    assert ours.shape == (2, 4) and math.isfinite(ours.sum().item())
