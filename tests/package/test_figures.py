"""Figures: what is drawn, read back from the axis."""

import io

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

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


def test_learning_curve_smooths_by_a_running_mean(ax):
    losses = [float(k % 2) for k in range(100)]
    figures.learning_curve(ax, losses, smooth=10)
    raw, mean = ax.lines
    assert raw.get_ydata().tolist() == losses
    np.testing.assert_allclose(mean.get_ydata(), 0.5, atol=1e-6)
    assert mean.get_xdata()[-1] == 99


def test_colours_can_be_told_apart_without_colour():
    from matplotlib.colors import to_rgb

    values = [np.array(to_rgb(c)) for c in figures.COLORS.values()]
    gaps = [np.abs(a - b).max() for i, a in enumerate(values) for b in values[:i]]
    assert min(gaps) > 0.15
