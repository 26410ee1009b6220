"""MNIST and Fashion-MNIST: full-size grey images, downloaded on first use."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from dgm.data.download import Remote, obtain
from dgm.data.idx import read_idx
from dgm.data.images import ImageData, Part

LEVELS = 256


STEMS = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)


@dataclass(frozen=True)
class IdxFiles:
    """A data set of four IDX files.

    Attributes:
        name: name of the data set and of its folder.
        files: training images, their classes, test images and their classes.
        counts: images to train on, to choose on (the last of the training file), and
            to test on.
        size: height and width in pixels.
    """

    name: str
    files: tuple[Remote, ...]
    counts: tuple[int, int, int] = (50_000, 10_000, 10_000)
    size: int = 28


def _four(name: str, mirrors: tuple[str, ...], *sha256: tuple[str, str]) -> IdxFiles:
    """The four files of a data set; each has a checksum as a .gz and one unpacked."""
    files = (
        Remote(
            name=f"{stem}.gz",
            sha256=packed,
            urls=tuple(f"{mirror}/{stem}.gz" for mirror in mirrors),
            variants={stem: unpacked},
        )
        for stem, (packed, unpacked) in zip(STEMS, sha256, strict=True)
    )
    return IdxFiles(name, tuple(files))


# The checksums of the .gz files are those in the registry of TensorFlow Datasets.
MNIST = _four(
    "mnist",
    (
        "https://ossci-datasets.s3.amazonaws.com/mnist",
        "https://storage.googleapis.com/cvdf-datasets/mnist",
    ),
    (
        "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    ),
    (
        "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    ),
    (
        "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    ),
    (
        "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    ),
)
FASHION_MNIST = _four(
    "fashion_mnist",
    (
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com",
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion",
    ),
    (
        "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
        "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    ),
    (
        "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
        "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    ),
    (
        "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
        "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    ),
    (
        "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
        "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    ),
)


def mnist() -> ImageData:
    """Handwritten digits, 28x28, 256 grey levels: 50,000 / 10,000 / 10,000 images.

    The last 10,000 of the 60,000 training images are the validation part. Downloaded
    (11 MB) on first use, or read from the folder that ``DGM_DATA`` names.

    Source: Y. LeCun, L. Bottou, Y. Bengio and P. Haffner, *Gradient-based learning
    applied to document recognition*, 1998.

    Raises:
        RuntimeError: the files cannot be had; the message says why and what to do.
    """
    return load_idx(MNIST)


def fashion_mnist() -> ImageData:
    """Articles of clothing in MNIST's format: 50,000 / 10,000 / 10,000 images, 28x28.

    The last 10,000 of the 60,000 training images are the validation part. Downloaded
    (31 MB) on first use, or read from the folder that ``DGM_DATA`` names.

    Source: H. Xiao, K. Rasul and R. Vollgraf, *Fashion-MNIST: a novel image dataset
    for benchmarking machine learning algorithms*, 2017.

    Raises:
        RuntimeError: the files cannot be had; the message says why and what to do.
    """
    return load_idx(FASHION_MNIST)


def load_idx(files: IdxFiles, cache: Path | None = None) -> ImageData:
    """Images and labels of a data set of four IDX files.

    Args:
        files: the files.
        cache: folder for downloads; by default the operating system's.

    Raises:
        RuntimeError: a file cannot be had.
        ValueError: a file does not hold what it should.
    """

    def array(index: int, *shape: int) -> Int[Tensor, "..."]:
        path = obtain(files.files[index], files.name, cache)
        values = read_idx(path)
        if values.shape != shape:
            raise ValueError(
                f"{path} holds an array of shape {values.shape} instead of {shape}: "
                "get the file anew"
            )
        return torch.from_numpy(values.astype(np.int64))

    fit, choose, test = files.counts
    x = array(0, fit + choose, files.size, files.size)
    y = array(1, fit + choose)
    x_test = array(2, test, files.size, files.size)
    y_test = array(3, test)
    return ImageData(
        files.name,
        LEVELS,
        train=Part(x[:fit], y[:fit]),
        valid=Part(x[fit:], y[fit:]),
        test=Part(x_test, y_test),
    )
