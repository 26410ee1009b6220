"""Canvases and house numbers, against pixels laid out by hand."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dgm import data
from dgm.data import canvases


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def tent(grey, side):
    """Linear interpolation between pixel centres, one output pixel at a time."""
    out = np.zeros((side, side))
    for r in range(side):
        for c in range(side):
            y, x = ((k + 0.5) * 8 / side - 0.5 for k in (r, c))
            y, x = (min(max(v, 0.0), 7.0) for v in (y, x))
            for i in range(8):
                for j in range(8):
                    weight = max(0, 1 - abs(y - i)) * max(0, 1 - abs(x - j))
                    out[r, c] += weight * grey[i, j]
    return out


@pytest.mark.parametrize("side", [10, 12, 16])
def test_enlarged_digits_are_interpolated_and_cut_at_7_5(side):
    images, classes = canvases.enlarged("valid", side)
    grey, labels = data.digits().valid
    assert torch.equal(classes, labels) and images.shape == (350, side, side)
    for k in range(5):
        between = tent(grey[k].numpy(), side)
        sure = np.abs(between - 7.5) > 1e-4
        assert np.array_equal((between > 7.5)[sure], images[k].numpy()[sure] == 1)


def test_at_their_own_size_they_are_the_binarised_digits():
    images, _ = canvases.enlarged("test", 8)
    assert torch.equal(images, data.digits().binarized().test.x)


@settings(max_examples=30, deadline=None)
@given(st.sampled_from(canvases.PARTS), st.integers(1, 2), st.integers(0, 2**32))
def test_a_canvas_is_its_digits_and_nothing_else(part, count, seed):
    made = canvases.place(5, part, count, 28, 12, seeded(seed))
    images, classes = canvases.enlarged(part, 12)
    assert made.x.shape == (5, 28, 28) and made.x.dtype == torch.int64
    for x, labels, corners in zip(*made, strict=True):
        left = x.clone()
        for label, (row, column) in zip(labels, corners.tolist(), strict=True):
            square = x[row : row + 12, column : column + 12]
            same = (images == square).flatten(1).all(1)
            assert label in classes[same]
            left[row : row + 12, column : column + 12] = 0
        assert not left.any()


def test_two_squares_never_overlap_and_are_in_the_order_of_reading():
    corner = canvases.place(4000, "train", 2, 28, 12, seeded()).corner
    assert ((corner[:, 0] - corner[:, 1]).abs().amax(1) >= 12).all()
    assert (corner[:, 0, 1] <= corner[:, 1, 1]).all()
    assert corner.min() == 0 and corner.max() == 16


def test_one_digit_is_uniform_over_its_places():
    corner = canvases.place(40_000, "train", 1, 11, 8, seeded()).corner[:, 0]
    counts = torch.bincount(4 * corner[:, 0] + corner[:, 1], minlength=16)
    off = (counts - 2500) / math.sqrt(40_000 * 1 / 16 * 15 / 16)
    assert off.abs().max() < 5
    # A generator that leaves out the last place, as an off-by-one does, is seen.
    assert (2500 - 0) / math.sqrt(40_000 * 1 / 16 * 15 / 16) > 5


def test_two_digits_are_uniform_over_the_pairs_of_places_that_fit():
    """By rejection, so each pair equally often: no place is preferred."""
    corner = canvases.place(60_000, "train", 2, 17, 8, seeded()).corner
    free = range(10)
    pairs = {}
    for a in np.ndindex(10, 10):
        for b in np.ndindex(10, 10):
            if max(abs(a[0] - b[0]), abs(a[1] - b[1])) >= 8:
                key = tuple(sorted((a[1], b[1])))
                pairs[key] = pairs.get(key, 0) + 1
    total = sum(pairs.values())
    found = np.zeros((10, 10))
    np.add.at(found, (corner[:, 0, 1].numpy(), corner[:, 1, 1].numpy()), 1)
    for i in free:
        for j in free:
            p = pairs.get((i, j), 0) / total if i <= j else 0
            spread = math.sqrt(60_000 * p * (1 - p)) or 1
            assert abs(found[i, j] - 60_000 * p) < 5 * spread


def test_a_data_set_has_digits_of_its_own_part_and_is_seeded():
    numbers = (300, 40, 50)
    one, again = (canvases.canvases(1, numbers=numbers, seed=3) for _ in range(2))
    other = canvases.canvases(1, numbers=numbers, seed=4)
    for part, n in zip(canvases.PARTS, numbers, strict=True):
        a, b, c = (getattr(made, part) for made in (one, again, other))
        assert torch.equal(a.x, b.x) and torch.equal(a.y, b.y)
        assert not torch.equal(a.x, c.x)
        assert len(a.x) == n and a.y.max() <= 9
        own = {tuple(x.flatten().tolist()) for x in canvases.enlarged(part, 16)[0]}
        for x in a.x[:20]:
            squares = x.unfold(0, 16, 1).unfold(1, 16, 1).reshape(-1, 256)
            assert any(tuple(s.tolist()) in own for s in squares)
    assert not torch.equal(one.train.x[:40], one.valid.x)
    assert one.levels == 2 and one.shape == (28, 28)


def test_the_label_of_two_digits_is_the_number_read_from_the_left():
    made = canvases.canvases(2, side=12, numbers=(200, 1, 1))
    again = canvases.place(200, "train", 2, 28, 12, seeded())
    assert torch.equal(made.train.y, 10 * again.y[:, 0] + again.y[:, 1])


# House numbers


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32))
def test_a_house_has_two_colours_and_its_number(seed):
    made = canvases.house_numbers(6, "valid", 24, 10, seeded(seed))
    images, classes = canvases.enlarged("valid", 10)
    assert made.x.shape == (6, 3, 24, 24) and set(made.x.unique().tolist()) <= {0, 1}
    for x, labels, corners in zip(made.x, made.y, made.corner.tolist(), strict=True):
        colour = (4 * x[0] + 2 * x[1] + x[2]).unique()
        assert len(colour) == 2
        (top, left), (top_2, left_2) = corners
        assert top == top_2 and left_2 == left + 10 and 0 <= left <= 4
        for label, (row, column) in zip(labels, corners, strict=True):
            square = x[:, row : row + 10, column : column + 10]
            ink = square != square[:, :1, :1]
            for mask in (ink.any(0), ~ink.any(0)):  # the corner may be ink itself
                same = (images == mask.long()).flatten(1).all(1)
                if same.any():
                    assert label in classes[same]
                    break
            else:
                raise AssertionError("the square shows no digit")


def test_distractors_are_at_the_edges_half_of_the_time():
    made = canvases.house_numbers(4000, generator=seeded())
    assert abs(made.distractor.double().mean() - 0.5) < 5 * 0.5 / math.sqrt(8000)
    rows = torch.arange(4000)
    ink = made.x != made.x[rows, :, made.corner[:, 0, 0] * 0 + 23, 12, None, None]
    outside = torch.ones(4000, 24)
    for k in rows.tolist():
        left = int(made.corner[k, 0, 1])
        outside[k, left : left + 20] = 0
    ground = made.x.flatten(2).double().mean(2).round()[..., None, None]
    beside = ((made.x != ground).any(1) * outside[:, None]).flatten(1).any(1)
    none = made.distractor.sum(1) == 0
    assert ink.shape == made.x.shape and not beside[none].any()
    assert beside[~none].double().mean() > 0.7


def test_colours_are_different_and_equally_common():
    x = canvases.house_numbers(8000, generator=seeded()).x
    wall = x.flatten(2).double().mean(2).round()
    code = (wall @ torch.tensor([4.0, 2.0, 1.0]).double()).long()
    counts = torch.bincount(code, minlength=8)
    assert (counts - 1000).abs().max() < 5 * math.sqrt(1000 * 7 / 8)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: canvases.place(1, count=3), "count is 3"),
        (lambda: canvases.place(1, count=2, side=16), "side of at most 14"),
        (lambda: canvases.place(1, size=10), "side of at most 10"),
        (lambda: canvases.place(1, "night"), "no part 'night'"),
        (lambda: canvases.enlarged("train", 7), "side is 7"),
        (lambda: canvases.house_numbers(1, size=19), "size of 20"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()
