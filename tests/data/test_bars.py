"""Bars and stripes against the process that defines them, carried out in full."""

import itertools
import math
from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dgm.data.toys import BarsAndStripes, bars_and_stripes


def process(side):
    """Probability of each image, by trying every outcome of every coin."""
    table = Counter()
    for upright in (False, True):
        for lines in itertools.product((0, 1), repeat=side):
            image = np.array([lines] * side)
            image = image if upright else image.T
            table[tuple(image.flatten())] += 0.5 ** (side + 1)
    return table


def deviations(images, table):
    """Distance of each image's count from the expected one, in standard errors."""
    counts = Counter(map(tuple, images.int().tolist()))
    assert counts.keys() <= table.keys()
    n = len(images)
    return [
        abs(counts[k] - n * p) / math.sqrt(n * p * (1 - p)) for k, p in table.items()
    ]


@pytest.mark.parametrize("side", [1, 2, 3, 4])
def test_log_prob_of_every_image(side):
    table = process(side)
    images = torch.tensor(list(itertools.product((0.0, 1.0), repeat=side**2)))
    expected = torch.tensor([table[tuple(image)] for image in images.int().tolist()])
    p = bars_and_stripes(side).log_prob(images).exp()
    torch.testing.assert_close(p, expected, rtol=1e-6, atol=0)
    assert p.sum().item() == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("side", [1, 2, 3, 4, 6])
def test_support_is_each_possible_image_once(side):
    support = bars_and_stripes(side).support
    rows = [tuple(row) for row in support.int().tolist()]
    assert len(set(rows)) == len(rows) == 2 * 2**side - 2
    assert set(rows) == set(process(side))


def test_both_uniform_images_count_twice():
    four = bars_and_stripes(4)
    log_p = four.log_prob(torch.stack([torch.zeros(16), torch.ones(16)]))
    torch.testing.assert_close(log_p.exp(), torch.tensor([1 / 16, 1 / 16]))


@pytest.mark.parametrize("side", [1, 2, 4])
def test_samples_follow_the_process(side):
    images = bars_and_stripes(side).sample(20_000, torch.Generator().manual_seed(0))
    assert images.dtype == torch.float32
    table = process(side)
    assert max(deviations(images, table)) < 5
    # The same check sees the usual slip: every image of the support equally likely.
    if side > 1:
        flat = dict.fromkeys(table, 1 / len(table))
        assert max(deviations(images, flat)) > 5


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 8), st.integers(0, 2**32))
def test_a_sample_is_possible_and_seeded(side, seed):
    toy = BarsAndStripes(side)
    x = toy.sample(20, torch.Generator().manual_seed(seed))
    assert toy.log_prob(x).isfinite().all()
    assert torch.equal(x, toy.sample(20, torch.Generator().manual_seed(seed)))


def test_what_cannot_arise():
    toy = bars_and_stripes(2)
    x = torch.tensor([[1.0, 0, 0, 0], [0.5, 0.5, 0.5, 0.5], [2, 2, 0, 0]])
    assert (toy.log_prob(x) == -math.inf).all()


def test_bad_input():
    with pytest.raises(ValueError, match="side is 0"):
        bars_and_stripes(0)
    with pytest.raises(ValueError, match=r"9 pixels: flatten them to 4 \* 4 = 16"):
        bars_and_stripes(4).log_prob(torch.zeros(2, 9))
    with pytest.raises(ValueError, match="list them only up to side 12"):
        _ = bars_and_stripes(28).support
