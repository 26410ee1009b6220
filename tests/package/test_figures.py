"""Figures: what is drawn, read back from the axis."""

import io
import itertools
import math

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from matplotlib.colors import to_rgb

from dgm import figures


@pytest.fixture
def ax():
    figure, axis = plt.subplots()
    yield axis
    plt.close(figure)
    plt.rcdefaults()


def test_image_grid_puts_each_image_in_its_place(ax):
    images = torch.arange(1.0, 6.0).view(5, 1, 1).expand(5, 2, 3) / 5
    figures.image_grid(ax, images, columns=3, gap=1)
    sheet = np.asarray(ax.images[0].get_array().filled(np.nan))
    assert sheet.shape == (2 * 2 + 1, 3 * 3 + 2)
    np.testing.assert_allclose(sheet[0:2, 4:7], 0.4)
    np.testing.assert_allclose(sheet[3:5, 0:3], 0.8)
    assert np.isnan(sheet[2]).all()
    assert np.isnan(sheet[:, 3]).all()
    assert np.isnan(sheet[3:5, 8:11]).all()


def test_image_grid_is_nearly_square_by_default_and_shows_ink_dark(ax):
    figures.use_style()
    figures.image_grid(ax, torch.ones(9, 4, 4), gap=0)
    picture = ax.images[0]
    assert picture.get_array().shape == (12, 12)
    assert picture.cmap(picture.norm(1.0))[:3] == pytest.approx((0, 0, 0))
    assert picture.cmap(picture.norm(0.0))[:3] == pytest.approx((1, 1, 1))


def test_image_grid_draws_what_a_network_returns(ax):
    images = torch.rand(4, 2, 2, requires_grad=True)
    figures.image_grid(ax, images, gap=0)
    drawn = np.asarray(ax.images[0].get_array())
    np.testing.assert_array_equal(drawn[:2, 2:], images[1].detach())


def test_image_grid_moves_images_to_the_cpu(ax, monkeypatch):
    """As from a GPU, whose tensors do not turn into arrays."""
    moved = []
    cpu = torch.Tensor.cpu
    monkeypatch.setattr(torch.Tensor, "cpu", lambda t: (moved.append(t), cpu(t))[1])
    figures.image_grid(ax, torch.rand(4, 2, 2))
    figures.matrix(ax, torch.rand(2, 2), "in", "out")
    assert len(moved) == 2


def test_image_grid_wants_an_image(ax):
    with pytest.raises(ValueError, match=r"shape \(0, 8, 8\); give at least one"):
        figures.image_grid(ax, torch.zeros(0, 8, 8))


def test_the_same_figure_is_the_same_bytes():
    def draw():
        figures.use_style()
        figure, axis = plt.subplots()
        figures.learning_curve(axis, list(np.linspace(3, 1, 60)))
        axis.legend(["loss"])
        file = io.BytesIO()
        figure.savefig(file, format="svg", metadata={"Date": None})
        plt.close(figure)
        return file.getvalue()

    try:
        assert draw() == draw()
    finally:
        plt.rcdefaults()


def test_matrix_leaves_zeros_blank(ax):
    figures.matrix(ax, torch.tensor([[0.0, 1.0], [2.0, 0.0]]), "in", "out")
    shown = ax.images[0].get_array()
    assert shown.mask.tolist() == [[True, False], [False, True]]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("in", "out")


def test_matrix_without_negative_entries_is_sequential(ax):
    figures.matrix(ax, torch.tensor([[0.0, 1.0], [2.0, 0.0]]), "in", "out")
    picture = ax.images[0]
    assert picture.get_cmap().name == "Blues"
    assert picture.get_clim() == pytest.approx((-0.7, 2.0))


def test_matrix_shows_negative_entries_in_a_colour_of_their_own(ax):
    values = torch.tensor([[-3.0, -1.0], [0.0, 2.0]], requires_grad=True)
    figures.matrix(ax, values, "in", "out")
    picture = ax.images[0]
    low, high = picture.get_clim()
    assert (low, high) == (-3.0, 3.0)
    colours = picture.to_rgba(np.array([-3.0, -1.0, 1.0, 3.0]))[:, :3]
    redness = colours[:, 0] - colours[:, 2]
    assert (redness[:2] > 0.1).all()  # orange
    assert (redness[2:] < -0.1).all()  # purple
    assert picture.get_array().mask.tolist() == [[False, False], [True, False]]


def test_learning_curve_names_its_unit(ax):
    figures.learning_curve(ax, [1.0, 2.0])
    assert ax.get_ylabel() == "loss / nats"
    figures.learning_curve(ax, [1.0, 2.0], ylabel="score / 1")
    assert ax.get_ylabel() == "score / 1"


def test_learning_curve_smooths_by_a_running_mean(ax):
    losses = [float(k % 2) for k in range(100)]
    figures.learning_curve(ax, losses, smooth=10)
    raw, mean = ax.lines
    assert raw.get_ydata().tolist() == losses
    np.testing.assert_allclose(mean.get_ydata(), 0.5, atol=1e-6)
    assert mean.get_xdata()[-1] == 99


# What eyes that lack one kind of cone see, in linear RGB: Machado, Oliveira & Fernandes
# 2009, table 1, severity 1.
VISION = {
    "all cones": np.eye(3),
    "protanopia": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "deuteranopia": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    "tritanopia": np.array(
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ]
    ),
}
TO_XYZ = np.array(  # sRGB primaries, white D65
    [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
)


def lab(color, vision):
    """CIELAB coordinates of a colour as such an eye sees it."""
    rgb = np.array(to_rgb(color))
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    seen = np.clip(VISION[vision] @ linear, 0, 1)
    t = TO_XYZ @ seen / TO_XYZ.sum(1)
    f = np.where(t > (6 / 29) ** 3, np.cbrt(t), t / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def closest(colors, vision):
    """Smallest CIE 1976 difference of two of the colours; about 2 is just visible."""
    seen = [lab(color, vision) for color in colors]
    return min(math.dist(a, b) for a, b in itertools.combinations(seen, 2))


def test_cielab_against_known_colours():
    np.testing.assert_allclose(lab("white", "all cones"), [100, 0, 0], atol=0.01)
    red, green = [53.24, 80.09, 67.20], [87.73, -86.18, 83.18]
    np.testing.assert_allclose(lab("#FF0000", "all cones"), red, atol=0.02)
    np.testing.assert_allclose(lab("#00FF00", "all cones"), green, atol=0.02)


@pytest.mark.parametrize("vision", VISION)
def test_all_pairs_of_colours_stay_apart_in_every_kind_of_vision(vision):
    """At least 16 units of CIE 1976 apart; the smallest gap is sky to green, 16.1."""
    assert closest(figures.COLORS.values(), vision) > 16


def test_red_and_green_would_not_stay_apart():
    ordinary = ["#D62728", "#2CA02C"]
    assert closest(ordinary, "all cones") > 100
    assert closest(ordinary, "deuteranopia") < closest(ordinary, "all cones") / 4
