"""Image data: the bundled digits against scikit-learn, and the checks of a part."""

from types import SimpleNamespace

import numpy as np
import pytest
import sklearn.datasets
import torch

from dgm import data
from dgm.data import ImageData, Part


@pytest.fixture(scope="module")
def bunch():
    return sklearn.datasets.load_digits()


def part(n=3, height=2, width=2, high=3, labelled=True):
    x = torch.arange(n * height * width).view(n, height, width) % (high + 1)
    return Part(x, torch.arange(n) if labelled else None)


def test_digits_are_scikit_learns_in_file_order(bunch):
    digits = data.digits()
    parts = (digits.train, digits.valid, digits.test)
    assert [len(p.x) for p in parts] == [1000, 350, 447]
    joined = np.concatenate([p.x.numpy() for p in parts])
    np.testing.assert_array_equal(joined.reshape(-1, 64), bunch.data)
    np.testing.assert_array_equal(np.concatenate([p.y for p in parts]), bunch.target)
    assert (digits.name, digits.levels, digits.shape) == ("digits", 17, (8, 8))
    assert digits.dim == 64
    assert joined.min() == 0 and joined.max() == 16
    assert digits.train.x.dtype == digits.train.y.dtype == torch.int64


def test_digits_binarised_above_seven_and_a_half(bunch):
    binary = data.load("digits", binary=True)
    expected = (bunch.data >= 8).astype(np.float32)
    assert binary.levels == 2
    np.testing.assert_array_equal(binary.flat()[0], expected[:1000])
    np.testing.assert_array_equal(binary.flat()[1], expected[1000:1350])
    np.testing.assert_array_equal(binary.flat()[2], expected[1350:])
    assert torch.equal(binary.test.y, data.digits().test.y)
    again = binary.binarized()
    assert torch.equal(again.train.x, binary.train.x)  # black and white stays as it is


def test_binarised_at_a_chosen_level(bunch):
    binary = data.digits().binarized(0)
    np.testing.assert_array_equal(binary.flat()[0], bunch.data[:1000] > 0)
    assert torch.equal(data.digits().binarized(15).train.x, data.digits().train.x // 16)


@pytest.mark.parametrize("threshold", [-1, -0.5, 16, 300])
def test_threshold_that_tells_nothing_apart(threshold):
    with pytest.raises(ValueError, match=f"threshold {threshold} .* < 16"):
        data.digits().binarized(threshold)


def test_flat_is_float32_rows_of_grey_levels(bunch):
    flat = data.digits().flat()
    assert [tuple(f.shape) for f in flat] == [(1000, 64), (350, 64), (447, 64)]
    assert all(f.dtype == torch.float32 for f in flat)
    np.testing.assert_array_equal(flat[2], bunch.data[1350:])


@pytest.mark.parametrize("fault", ["shape", "range"])
def test_another_scikit_learn_is_noticed(bunch, monkeypatch, fault):
    images = bunch.images[:-1] if fault == "shape" else bunch.images / 16
    other = SimpleNamespace(images=images, target=bunch.target)
    monkeypatch.setattr(sklearn.datasets, "load_digits", lambda: other)
    with pytest.raises(RuntimeError, match="install another version"):
        data.digits()


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (part(high=4), "grey levels 0 to 4.*0 to 3"),
        (Part(part().x - 1, None), "grey levels -1 to"),
        (part(height=3), r"shape \(3, 3, 2\)"),
        (part(n=0), r"shape \(0, 2, 2\)"),
        (Part(part().x.flatten(1), None), r"shape \(3, 4\)"),
        (Part(part().x.float(), None), r"float32: convert them with \.long"),
        (Part(part().x, torch.arange(2)), r"3 images but labels of shape \(2,\)"),
    ],
)
@pytest.mark.parametrize("split", ["valid", "test"])
def test_bad_part(bad, message, split):
    parts = {"train": part(), "valid": part(), "test": part(labelled=False)}
    ImageData("tiny", 4, **parts)
    with pytest.raises(ValueError, match=f"tiny {split} .*{message}"):
        ImageData("tiny", 4, **{**parts, split: bad})


def test_unknown_data_set():
    with pytest.raises(ValueError, match="no data set 'cifar'.*digits, mnist"):
        data.load("cifar")
