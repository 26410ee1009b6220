"""The IDX format of MNIST: a magic number, the sizes of the axes, then the bytes."""

import gzip
import math
import struct
import zlib
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

UNSIGNED_BYTE = 0x08


def read_idx(path: Path) -> UInt8[np.ndarray, "..."]:
    """Array of unsigned bytes in an IDX file, gzip-compressed if it ends in ``.gz``.

    The magic number is two zero bytes, the type of an element and the number of axes;
    then come the sizes of the axes, as big-endian 32-bit integers.

    Raises:
        ValueError: the file is not such an array, or is longer or shorter than it says.
    """
    content = _unpacked(path)
    if len(content) < 4 or content[:3] != bytes([0, 0, UNSIGNED_BYTE]):
        raise ValueError(
            f"{path} is not an IDX file of unsigned bytes (it begins with "
            f"0x{content[:4].hex()}, not 0x000008..): get the file anew"
        )
    start = 4 + 4 * content[3]
    if len(content) < start:
        raise ValueError(f"{path} ends inside its header: get the file anew")
    shape = struct.unpack(f">{content[3]}I", content[4:start])
    if len(content) - start != math.prod(shape):
        raise ValueError(
            f"{path} holds {len(content) - start} bytes of data, but its header says "
            f"{' x '.join(map(str, shape))} = {math.prod(shape)}: get the file anew"
        )
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)


def _unpacked(path: Path) -> bytes:
    """Content of a file, decompressed if its name says so."""
    content = path.read_bytes()
    if path.suffix != ".gz":
        return content
    try:
        return gzip.decompress(content)
    except (EOFError, gzip.BadGzipFile, zlib.error):
        raise ValueError(
            f"{path} is not a complete gzip file: get the file anew"
        ) from None
