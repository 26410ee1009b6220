"""MNIST in black and white, in the fixed binarisation that published results use."""

import hashlib
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from dgm.data.download import Remote, obtain
from dgm.data.images import ImageData, Part

ARCHIVE = "binarized_mnist_fixed_packed.npz"
MIRRORS = (
    "https://www.cs.toronto.edu/~larocheh/public/datasets/binarized_mnist",
    "http://www.cs.toronto.edu/~larocheh/public/datasets/binarized_mnist",
    "https://raw.githubusercontent.com/mingzhang-yin/ARM-gradient/"
    "bac893cfcec486bbd00b755b12cf8402053b0e84",
)
WHITESPACE = b" \t\r\n"


def pack_text(text: bytes) -> bytes:
    """Bits of an ``.amat`` text, eight a byte: "0 1 0 ...", a line for each image.

    Raises:
        ValueError: the text holds anything but the digits 0 and 1 and white space.
    """
    bits = np.frombuffer(text.translate(None, WHITESPACE), np.uint8) - ord("0")
    if bits.size == 0 or bits.max() > 1:
        raise ValueError("the text is not made of the digits 0 and 1: get it anew")
    return np.packbits(bits).tobytes()


@dataclass(frozen=True)
class BitFiles:
    """A data set of three files of bits, eight pixels a byte.

    Attributes:
        name: name of the data set and of its folder.
        train: file of the training images.
        valid: file of the images to choose on.
        test: file of the test images.
        counts: number of images in each.
        size: height and width in pixels.
    """

    name: str
    train: Remote
    valid: Remote
    test: Remote
    counts: tuple[int, int, int] = (50_000, 10_000, 10_000)
    size: int = 28


def _file(split: str, bits: str, text: str) -> Remote:
    """One part: the SHA-256 of its packed bits, and of the text it is published as."""
    name = f"binarized_mnist_{split}"
    return Remote(
        name=f"{name}.bits",
        sha256=bits,
        urls=tuple(f"{mirror}/{name}.amat" for mirror in MIRRORS),
        # Archives differ with the program that wrote them: only the bits tell.
        variants={f"{name}.amat": text, ARCHIVE: None},
        prepare=pack_text,
    )


# The checksums of the texts are those in the registry of TensorFlow Datasets; the same
# images packed eight pixels a byte have the first ones.
BINARIZED_MNIST = BitFiles(
    "binarized_mnist",
    _file(
        "train",
        "727146c35424b019f3e350e1e69faa05644a0abaf787e3f4e1a9632220a13906",
        "ad693b29f94c14277b095f5238ddefbbdaaae0939789dd2f4f0205278cee3e4d",
    ),
    _file(
        "valid",
        "a256ac44ae26be720fad8616a05ed6ecfd1619930d9a208379bb2a4405df5b6d",
        "1de3d397c40fe8eeb33dafd4099a1f665ec01e96d9be234aaeeac8a34930e2e2",
    ),
    _file(
        "test",
        "9fcd8da6f0fdf09b2ba30fe63a0bb784042a0de82563172530229b983e294ff2",
        "e6687bfea3f820c174f33b7865140b2a2dd2930ef786f35d45795fc193b5ab2c",
    ),
)


def binarized_mnist() -> ImageData:
    """MNIST binarised once and for all: 50,000 / 10,000 / 10,000 images, no labels.

    Downloaded on first use (110 MB of text, kept as 7 MB of bits), or read from the
    folder that ``DGM_DATA`` names. The rows are not in the order of `mnist`.

    Source: H. Larochelle and I. Murray, *The neural autoregressive distribution
    estimator*, 2011; the binarisation of R. Salakhutdinov and I. Murray, 2008.

    Raises:
        RuntimeError: the files cannot be had; the message says why and what to do.
    """
    return load_bits(BINARIZED_MNIST)


def load_bits(files: BitFiles, cache: Path | None = None) -> ImageData:
    """Images of a data set of three files of bits.

    Args:
        files: the files.
        cache: folder for downloads; by default the operating system's.

    Raises:
        RuntimeError: a file cannot be had.
        ValueError: a file does not hold what it should.
    """
    parts = []
    for split, count in zip(("train", "valid", "test"), files.counts, strict=True):
        remote: Remote = getattr(files, split)
        path = obtain(remote, files.name, cache)
        bits = np.frombuffer(_content(path, split, remote.sha256), np.uint8)
        if bits.size * 8 != count * files.size**2:
            raise ValueError(
                f"{path} holds {bits.size * 8} pixels instead of {count} images of "
                f"{files.size} x {files.size}: get the file anew"
            )
        images = np.unpackbits(bits).reshape(count, files.size, files.size)
        parts.append(Part(torch.from_numpy(images.astype(np.int64)), None))
    return ImageData(files.name, 2, *parts)


def _content(path: Path, split: str, sha256: str) -> bytes:
    """Packed bits in a file of bits, a text or an archive, checked in each case."""
    if path.suffix == ".npz":
        bits = _archived(path, split)
    elif path.suffix == ".amat":
        bits = pack_text(path.read_bytes())
    else:
        bits = path.read_bytes()
    if hashlib.sha256(bits).hexdigest() != sha256:
        raise RuntimeError(
            f"{path} does not hold the published {split} images: replace it, or unset "
            "DGM_DATA to download them"
        )
    return bits


def _archived(path: Path, split: str) -> bytes:
    """Packed bits under one key of an archive of numpy."""
    try:
        with path.open("rb") as file, np.load(file) as archive:
            return bytes(archive[split].tobytes())
    except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile, zlib.error):
        raise RuntimeError(
            f"{path} is not a whole numpy archive with the key {split!r}: replace it, "
            "or unset DGM_DATA to download the images"
        ) from None
