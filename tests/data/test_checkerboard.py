"""The checkerboard: which square owns a point, down to the last bit of a float."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dgm.data import toys


@settings(max_examples=50, deadline=None)
@given(
    st.integers(1, 6),
    st.floats(0.5, 5),
    st.lists(st.tuples(st.floats(-6, 6), st.floats(-6, 6)), min_size=1, max_size=20),
)
def test_checkerboard_against_counting_squares(side, extent, points):
    width = 2 * extent / side
    dark = sum((i + j) % 2 == 0 for i in range(side) for j in range(side))
    x = torch.tensor(points, dtype=torch.float64)
    log_p = toys.checkerboard(side, extent).log_prob(x)
    for (a, b), value in zip(points, log_p.tolist(), strict=True):
        i, j = (a + extent) / width, (b + extent) / width
        if min(abs(i - round(i)), abs(j - round(j))) < 1e-5:
            continue  # too near an edge for this arithmetic
        inside = 0 <= i < side and 0 <= j < side
        on = inside and (int(i) + int(j)) % 2 == 0
        expected = -math.log(dark * width**2) if on else -math.inf
        assert value == pytest.approx(expected)


def test_checkerboard_owns_its_lower_edges():
    corners = torch.tensor([[-4.0, -4.0], [-2, -2], [-2, -4], [0, 0], [4, 4], [2, 2]])
    log_p = toys.checkerboard().log_prob(corners)
    assert log_p.isfinite().tolist() == [True, True, False, True, False, True]


@pytest.mark.parametrize("largest", [False, True])
def test_every_sample_is_on_a_dark_square(monkeypatch, largest):
    if largest:  # 1 - 2^-24, which float32 arithmetic would round up to the edge
        monkeypatch.setattr(torch, "rand", lambda *s, **_: torch.full(s, 1 - 2**-24))
    for board in (toys.checkerboard(), toys.checkerboard(5, 0.7)):
        x = board.sample(50_000, torch.Generator().manual_seed(0))
        assert board.log_prob(x).isfinite().all()
        assert board.log_prob(x.double()).isfinite().all()
