"""Data sets of the course: bundled, made on the fly, or downloaded and verified.

``digits`` needs no network. ``mnist``, ``fashion_mnist`` and ``binarized_mnist`` are
downloaded once, or read from the folder that the environment variable ``DGM_DATA``
names. ``toys`` holds densities that are known exactly, ``glyphs`` renders characters
whose every cause is known.
"""

from dgm.data import glyphs, toys
from dgm.data.binarized import binarized_mnist
from dgm.data.digits import digits
from dgm.data.images import ImageData, Part
from dgm.data.mnist import fashion_mnist, mnist

__all__ = [
    "ImageData",
    "Part",
    "binarized_mnist",
    "digits",
    "fashion_mnist",
    "glyphs",
    "load",
    "mnist",
    "toys",
]

LOADERS = {
    "digits": digits,
    "mnist": mnist,
    "fashion_mnist": fashion_mnist,
    "binarized_mnist": binarized_mnist,
}


def load(name: str, binary: bool = False) -> ImageData:
    """The image data set of that name, with its grey levels or in black and white.

    Args:
        name: ``digits``, ``mnist``, ``fashion_mnist`` or ``binarized_mnist``.
        binary: binarise at the default threshold of `ImageData.binarized`.

    Raises:
        ValueError: there is no data set of that name.
        RuntimeError: a download fails; the message says why and what to do.
    """
    if name not in LOADERS:
        raise ValueError(f"no data set {name!r}: choose one of {', '.join(LOADERS)}")
    images = LOADERS[name]()
    return images.binarized() if binary else images
