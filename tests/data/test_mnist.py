"""The IDX and bit files of MNIST and its relatives, from a mirror on this machine."""

import gzip
import os
import re
import struct
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from dgm import data
from dgm.data.binarized import ARCHIVE, BINARIZED_MNIST, BitFiles, load_bits, pack_text
from dgm.data.download import Remote
from dgm.data.idx import read_idx
from dgm.data.mnist import FASHION_MNIST, MNIST, IdxFiles, load_idx

# Read before the environment is cleared for each test; see the last tests.
LOCAL = os.environ.get("DGM_DATA")
COUNTS = (6, 2, 3)
rng = np.random.default_rng(0)
PIXELS = rng.integers(256, size=(11, 4, 4), dtype=np.uint8)
LABELS = rng.integers(10, size=11, dtype=np.uint8)


@pytest.fixture
def tiny(mirror, published, idx):
    """Four IDX files on the mirror; a keyword replaces the content of one of them."""

    def make(**other):
        content = {
            "x": idx(PIXELS[:8]),
            "y": idx(LABELS[:8]),
            "x_test": idx(PIXELS[8:]),
            "y_test": idx(LABELS[8:]),
            **other,
        }
        files = (
            published(body, mirror.serve(name, body), name=f"{name}.gz")
            for name, body in content.items()
        )
        return IdxFiles("tiny", tuple(files), COUNTS, 4)

    return make


def test_images_and_labels_arrive_in_order(tiny, tmp_path):
    images = load_idx(tiny(), tmp_path)
    assert (images.name, images.levels, images.shape) == ("tiny", 256, (4, 4))
    for part, rows in (
        (images.train, slice(0, 6)),
        (images.valid, slice(6, 8)),
        (images.test, slice(8, 11)),
    ):
        np.testing.assert_array_equal(part.x, PIXELS[rows])
        np.testing.assert_array_equal(part.y, LABELS[rows])
        assert part.x.dtype == part.y.dtype == torch.int64


def test_wrong_magic_number(tiny, idx, tmp_path, clear):
    files = tiny(x=idx(PIXELS[:8], magic=b"\x00\x00\x0d\x03"))
    with pytest.raises(ValueError) as caught:
        load_idx(files, tmp_path)
    clear(caught, str(tmp_path / "tiny" / "x.gz"), "0x00000d03", "get the file anew")


@pytest.mark.parametrize(
    ("name", "array"),
    [("x", PIXELS[:7]), ("x", PIXELS[:8, :3]), ("x", LABELS[:8]), ("y", LABELS[:7])],
)
def test_wrong_shape(tiny, idx, tmp_path, clear, name, array):
    with pytest.raises(ValueError) as caught:
        load_idx(tiny(**{name: idx(array)}), tmp_path)
    clear(caught, str(tmp_path / "tiny" / f"{name}.gz"), f"shape {array.shape}")


@settings(deadline=None)
@given(arrays(np.uint8, array_shapes(max_dims=4, max_side=6)), st.booleans())
def test_read_idx_inverts_the_format(tmp_path_factory, array, packed):
    sizes = struct.pack(f">{array.ndim}I", *array.shape)
    content = bytes([0, 0, 8, array.ndim]) + sizes + array.tobytes()
    path = tmp_path_factory.mktemp("idx") / ("a.gz" if packed else "a")
    path.write_bytes(gzip.compress(content) if packed else content)
    np.testing.assert_array_equal(read_idx(path), array, strict=True)


@pytest.mark.parametrize("cut", [0, 3, 4, 11, 12, -1])
def test_cut_idx_file(idx, tmp_path, clear, cut):
    path = tmp_path / "file"
    path.write_bytes(idx(PIXELS[:8], packed=False)[:cut])
    with pytest.raises(ValueError) as caught:
        read_idx(path)
    clear(caught, str(path), "get the file anew")


def test_idx_file_with_bytes_to_spare(idx, tmp_path):
    (tmp_path / "file").write_bytes(idx(LABELS[:8], packed=False) + b"?")
    with pytest.raises(ValueError, match="holds 9 bytes .* says 8 = 8"):
        read_idx(tmp_path / "file")


@pytest.mark.parametrize("fault", ["cut", "altered", "no stream", "not gzip"])
def test_bad_gzip_file(idx, tmp_path, clear, fault):
    good = idx(PIXELS[:8])
    altered = good[:60] + bytes([good[60] ^ 255]) + good[61:]
    path = tmp_path / "file.gz"
    contents = {
        "cut": good[:-9],
        "altered": altered,
        "no stream": good[:10] + b"\xff" + good[11:],  # a block of no known kind
        "not gzip": b"<html>",
    }
    path.write_bytes(contents[fault])
    with pytest.raises(ValueError) as caught:
        read_idx(path)
    clear(caught, str(path), "not a complete gzip file", "get the file anew")


BITS = rng.integers(2, size=(11, 4, 4), dtype=np.uint8)
SPLITS = {"train": BITS[:6], "valid": BITS[6:8], "test": BITS[8:]}


def amat(images):
    rows = (" ".join(map(str, image.flatten())) for image in images)
    return ("\n".join(rows) + "\n").encode()


@pytest.fixture
def tiny_bits(mirror, sha256):
    """Three texts on the mirror; a keyword replaces the content of one of them."""

    def make(**other):
        files = {}
        for split, images in SPLITS.items():
            text = amat(images)
            files[split] = Remote(
                f"{split}.bits",
                sha256(np.packbits(images).tobytes()),
                (mirror.serve(f"{split}.amat", other.get(split, text)),),
                {f"{split}.amat": sha256(text), ARCHIVE: None},
                pack_text,
            )
        return BitFiles("tiny", counts=COUNTS, size=4, **files)

    return make


def assert_the_bits(images):
    assert (images.levels, images.shape) == (2, (4, 4))
    for split, expected in SPLITS.items():
        part = getattr(images, split)
        np.testing.assert_array_equal(part.x, expected)
        assert part.y is None


def test_texts_are_kept_as_bits(tiny_bits, tmp_path, files_below, mirror):
    assert_the_bits(load_bits(tiny_bits(), tmp_path))
    assert_the_bits(load_bits(tiny_bits(), tmp_path))
    assert len(mirror.asked) == 3
    assert files_below(tmp_path / "tiny") == ["test.bits", "train.bits", "valid.bits"]
    assert (tmp_path / "tiny" / "train.bits").stat().st_size == 6 * 2


@pytest.mark.parametrize(
    "text", [b"", b"0 1 2", b"0.5 1", amat(BITS[1:7]), amat(BITS[:5]), b"\xff"]
)
def test_bad_text(tiny_bits, tmp_path, clear, files_below, text):
    with pytest.raises(RuntimeError) as caught:
        load_bits(tiny_bits(train=text), tmp_path)
    clear(caught, "could not download train.bits", "sent another file")
    assert files_below(tmp_path) == []
    assert_the_bits(load_bits(tiny_bits(), tmp_path))


@pytest.mark.parametrize("text", [b"", b" \n", b"0 1 2", b"0.5 1", b"1,0", b"\xff"])
def test_text_of_something_else(text):
    with pytest.raises(ValueError, match="not made of the digits 0 and 1"):
        pack_text(text)


def test_registry_that_disagrees_with_its_files(tiny_bits, tmp_path, clear):
    files = tiny_bits()
    wrong = BitFiles("tiny", files.train, files.valid, files.test, (5, 2, 3), 4)
    with pytest.raises(ValueError) as caught:
        load_bits(wrong, tmp_path)
    clear(caught, "train.bits", "96 pixels instead of 5 images of 4 x 4")


@pytest.mark.parametrize("kind", ["texts", "archive", "bits"])
def test_bits_from_a_local_folder(tiny_bits, tmp_path, monkeypatch, mirror, kind):
    for split, images in SPLITS.items():
        if kind == "texts":
            (tmp_path / f"{split}.amat").write_bytes(amat(images))
        if kind == "bits":
            (tmp_path / f"{split}.bits").write_bytes(np.packbits(images).tobytes())
    if kind == "archive":
        packed = {k: np.packbits(v.reshape(-1, 16), axis=1) for k, v in SPLITS.items()}
        np.savez_compressed(tmp_path / ARCHIVE, **packed)
    monkeypatch.setenv("DGM_DATA", str(tmp_path))
    assert_the_bits(load_bits(tiny_bits()))
    assert mirror.asked == []


@pytest.mark.parametrize("fault", ["cut", "no key", "not an archive", "altered"])
def test_bad_local_archive(tiny_bits, tmp_path, monkeypatch, clear, fault):
    path = tmp_path / ARCHIVE
    packed = {k: np.packbits(v.reshape(-1, 16), axis=1) for k, v in SPLITS.items()}
    if fault == "no key":
        del packed["train"]
    if fault == "altered":
        packed["train"] = packed["train"] ^ np.uint8(1)
    np.savez_compressed(path, **packed)
    if fault == "cut":
        path.write_bytes(path.read_bytes()[:-40])
    if fault == "not an archive":
        path.write_bytes(b"hello")
    monkeypatch.setenv("DGM_DATA", str(tmp_path))
    with pytest.raises(RuntimeError) as caught:
        load_bits(tiny_bits())
    clear(caught, str(path), "train", "replace it, or unset DGM_DATA")


def test_local_folder_without_the_bits(tiny_bits, tmp_path, monkeypatch, clear):
    monkeypatch.setenv("DGM_DATA", str(tmp_path))
    with pytest.raises(RuntimeError) as caught:
        load_bits(tiny_bits())
    clear(caught, "has no train.bits or train.amat or", ARCHIVE)


@pytest.mark.parametrize(
    ("files", "prefixes"),
    [
        # The first digits of the checksums that other loaders publish.
        (MNIST, ("440fcabf", "3552534a", "8d422c7b", "f7ae60f9")),
        (FASHION_MNIST, ("3aede38d", "a04f1713", "346e55b9", "67da17c7")),
    ],
)
def test_registry_of_idx_files(files, prefixes):
    assert [remote.sha256[:8] for remote in files.files] == list(prefixes)
    for remote in files.files:
        assert remote.name.endswith("-ubyte.gz") and len(remote.urls) == 2
        assert all(url.endswith("/" + remote.name) for url in remote.urls)
        assert list(remote.variants) == [remote.name[:-3]]
        assert re.fullmatch("[0-9a-f]{64}", remote.variants[remote.name[:-3]])


def test_registry_of_bit_files():
    for split in SPLITS:
        remote = getattr(BINARIZED_MNIST, split)
        text = f"binarized_mnist_{split}.amat"
        assert all(url.endswith(f"/{text}") for url in remote.urls)
        assert re.fullmatch("[0-9a-f]{64}", remote.sha256)
        assert re.fullmatch("[0-9a-f]{64}", remote.variants[text])


@pytest.mark.skipif(LOCAL is None, reason="set DGM_DATA to a folder with the files")
@pytest.mark.parametrize("name", ["mnist", "fashion_mnist", "binarized_mnist"])
def test_real_files(monkeypatch, name):
    """Published facts: counts, first labels, mean and deviation of the pixels."""
    if not any(Path(LOCAL).glob(f"{name}/*")):
        pytest.skip(f"no {name} in DGM_DATA")
    monkeypatch.setenv("DGM_DATA", LOCAL)
    images = data.load(name)
    assert [len(p.x) for p in (images.train, images.valid, images.test)] == [
        50_000,
        10_000,
        10_000,
    ]
    x = torch.cat([images.train.x, images.valid.x]).double() / (images.levels - 1)
    if name == "binarized_mnist":
        # Its pixels were drawn with the grey levels of MNIST as probabilities.
        assert abs(x.mean() - 0.1307) < 5e-4
        return
    mean, std = {"mnist": (0.1307, 0.3081), "fashion_mnist": (0.2860, 0.3530)}[name]
    assert abs(x.mean() - mean) < 1e-4 and abs(x.std() - std) < 1e-4
    first = {"mnist": [7, 2, 1, 0, 4], "fashion_mnist": [9, 2, 1, 1, 6]}[name]
    assert images.test.y[:5].tolist() == first
