"""Each way a download or a local folder can fail, against a mirror on this machine."""

import errno
import io
import logging
from functools import partial
from pathlib import Path

import pooch
import pytest

from dgm.data.download import download, http, obtain

CONTENT = bytes(range(256)) * 40


def test_a_good_mirror_is_asked_once(mirror, published, tmp_path, files_below):
    remote = published(CONTENT, mirror.serve("file.gz", CONTENT))
    path = obtain(remote, "set", tmp_path)
    assert path == tmp_path / "set" / "file.gz"
    assert path.read_bytes() == CONTENT
    assert obtain(remote, "set", tmp_path) == path
    assert mirror.asked == ["/file.gz"]
    assert files_below(tmp_path) == ["set/file.gz"]


def test_default_cache_is_the_systems(mirror, published):
    remote = published(CONTENT, mirror.serve("file.gz", CONTENT))
    assert obtain(remote, "set") == Path(pooch.os_cache("dgm")) / "set" / "file.gz"


def test_cached_file_needs_no_network(dead_address, published, tmp_path):
    (tmp_path / "file.gz").write_bytes(CONTENT)
    path = download(published(CONTENT, f"{dead_address}/file.gz"), tmp_path)
    assert path.read_bytes() == CONTENT


def test_404_moves_on_to_the_next_mirror(mirror, published, tmp_path):
    good = mirror.serve("good/file.gz", CONTENT)
    remote = published(CONTENT, f"{mirror.address}/missing/file.gz", good)
    assert download(remote, tmp_path).read_bytes() == CONTENT
    assert mirror.asked == ["/missing/file.gz", "/good/file.gz"]


def test_all_mirrors_dead(
    mirror, dead_address, published, tmp_path, clear, files_below
):
    urls = (f"{dead_address}/file.gz", f"{mirror.address}/file.gz")
    remote = published(CONTENT, *urls)
    with pytest.raises(RuntimeError) as caught:
        download(remote, tmp_path)
    clear(
        caught,
        "could not download file.gz",
        f"{dead_address} could not be reached",
        f"{mirror.address} answered 404",
        "check the network and try again",
        "DGM_DATA",
    )
    assert files_below(tmp_path) == []
    mirror.serve("file.gz", CONTENT)
    assert download(remote, tmp_path).read_bytes() == CONTENT  # the retry


def test_no_such_host(published, tmp_path, clear, files_below):
    with pytest.raises(RuntimeError) as caught:
        download(published(CONTENT, "http://host.invalid/file.gz"), tmp_path)
    clear(caught, "http://host.invalid could not be reached")
    assert files_below(tmp_path) == []


@pytest.mark.parametrize(
    ("body", "promised", "reason"),
    [
        (CONTENT[:-100], len(CONTENT), "broke off in the middle of the file"),
        (CONTENT[:-100], None, "sent another file than the published one"),
        (b"X" + CONTENT[1:], None, "sent another file than the published one"),
        (b"<html>please log in</html>", None, "sent another file"),
    ],
    ids=["cut off", "truncated", "altered", "captive portal"],
)
def test_bad_body(
    mirror, published, tmp_path, clear, files_below, body, promised, reason
):
    remote = published(CONTENT, mirror.serve("file.gz", body, promised=promised))
    with pytest.raises(RuntimeError) as caught:
        download(remote, tmp_path)
    clear(caught, f"{mirror.address} {reason}")
    assert files_below(tmp_path) == []
    mirror.serve("file.gz", CONTENT)
    assert download(remote, tmp_path).read_bytes() == CONTENT


def test_server_error(mirror, published, tmp_path, clear):
    remote = published(CONTENT, mirror.serve("file.gz", b"", status=503))
    with pytest.raises(RuntimeError) as caught:
        download(remote, tmp_path)
    clear(caught, "answered 503")


def test_silent_mirror_is_given_up(mirror, published, tmp_path, clear, files_below):
    slow = mirror.serve("file.gz", CONTENT, pause=0.5)
    with pytest.raises(RuntimeError) as caught:
        download(published(CONTENT, slow), tmp_path, partial(http, timeout=(1.0, 0.05)))
    clear(caught, f"{mirror.address} did not answer in time")
    assert files_below(tmp_path) == []


def test_timeout_of_another_transfer(published, tmp_path, clear):
    def never(url, target):
        raise TimeoutError

    with pytest.raises(RuntimeError) as caught:
        download(published(CONTENT, "http://slow/file.gz"), tmp_path, never)
    clear(caught, "http://slow did not answer in time")


def test_damaged_cache_is_replaced(mirror, published, tmp_path):
    remote = published(CONTENT, mirror.serve("file.gz", CONTENT))
    (tmp_path / "file.gz").write_bytes(CONTENT[:50])
    assert download(remote, tmp_path).read_bytes() == CONTENT


# A path below a plain file, or in /proc, cannot be written even by root.
@pytest.mark.parametrize("where", ["is a file", "below a file", "/proc"])
def test_cache_that_cannot_be_written(mirror, published, tmp_path, clear, where):
    plain = tmp_path / "plain"
    plain.write_text("a file")
    cache = {"is a file": plain, "below a file": plain / "cache"}.get(
        where, Path("/proc/dgm")
    )
    remote = published(CONTENT, mirror.serve("file.gz", CONTENT))
    with pytest.raises(RuntimeError) as caught:
        download(remote, cache)
    clear(caught, "cannot keep file.gz", str(cache), "writable", "DGM_DATA")
    assert plain.read_text() == "a file"
    assert download(remote, tmp_path / "elsewhere").read_bytes() == CONTENT


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_full_disk(mirror, published, tmp_path, clear, files_below):
    def onto_full_disk(url, target):
        target.write_bytes(CONTENT[:100])
        with Path("/dev/full").open("wb", buffering=0) as device:
            device.write(CONTENT)

    url = mirror.serve("file.gz", CONTENT)
    remote = published(CONTENT, url, url)
    with pytest.raises(RuntimeError) as caught:
        download(remote, tmp_path, onto_full_disk)
    clear(caught, "disk of the cache folder", str(tmp_path), "full", "free some space")
    assert files_below(tmp_path) == []
    assert download(remote, tmp_path).read_bytes() == CONTENT


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_full_disk_stops_at_the_first_mirror(published, tmp_path, code):
    asked = []

    def fail(url, target):
        asked.append(url)
        raise OSError(code, "no room")

    with pytest.raises(RuntimeError, match="is full, so file.gz was not"):
        download(published(CONTENT, "http://a/f", "http://b/f"), tmp_path, fail)
    assert asked == ["http://a/f"]


def test_interrupted_download_leaves_nothing(published, tmp_path, files_below):
    def interrupted(url, target):
        target.write_bytes(CONTENT[:100])
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        download(published(CONTENT, "http://a/f"), tmp_path, interrupted)
    assert files_below(tmp_path) == []


def test_prepared_bytes_are_what_is_checked_and_kept(mirror, published, tmp_path):
    urls = (mirror.serve("bad", b"no text"), mirror.serve("good", b"1010"))

    def prepare(text):
        return bytes([int(text, 2)])  # a ValueError for "no text"

    path = download(published(b"\x0a", *urls, prepare=prepare), tmp_path)
    assert path.read_bytes() == b"\x0a"
    assert mirror.asked == ["/bad", "/good"]


def test_no_log_lines(mirror, published, tmp_path):
    lines, logger = io.StringIO(), pooch.get_logger()
    handler, level = logging.StreamHandler(lines), logger.level
    logger.addHandler(handler)
    download(published(CONTENT, mirror.serve("file.gz", CONTENT)), tmp_path)
    logger.removeHandler(handler)
    assert lines.getvalue() == ""
    assert logger.level == level


def test_progress_bar_outside_the_book_only(
    mirror, published, tmp_path, monkeypatch, capfd
):
    remote = published(CONTENT, mirror.serve("file.gz", CONTENT, pause=0.6))
    download(remote, tmp_path / "quiet")
    assert capfd.readouterr().err == ""
    monkeypatch.delenv("DGM_BOOK")
    download(remote, tmp_path / "loud")
    assert "file.gz" in capfd.readouterr().err


@pytest.mark.parametrize("place", [".", "set"])
def test_local_folder_is_used_as_it_is(
    mirror, published, tmp_path, monkeypatch, files_below, place
):
    folder = tmp_path / "local"
    (folder / place).mkdir(parents=True, exist_ok=True)
    (folder / place / "file.gz").write_bytes(CONTENT)
    monkeypatch.setenv("DGM_DATA", str(folder))
    remote = published(CONTENT, mirror.serve("file.gz", CONTENT))
    assert obtain(remote, "set", tmp_path / "cache").read_bytes() == CONTENT
    assert mirror.asked == []
    assert len(files_below(tmp_path)) == 1


def test_local_variant_with_its_own_checksum(
    published, sha256, tmp_path, monkeypatch, clear
):
    (tmp_path / "file").write_bytes(b"unpacked")
    monkeypatch.setenv("DGM_DATA", str(tmp_path))
    good = published(CONTENT, variants={"file": sha256(b"unpacked")})
    assert obtain(good, "set") == tmp_path / "file"
    with pytest.raises(RuntimeError) as caught:
        obtain(published(CONTENT, variants={"file": sha256(b"other")}), "set")
    clear(caught, str(tmp_path / "file"), "not the published set file", "replace it")


def test_local_folder_missing(published, tmp_path, monkeypatch, clear):
    monkeypatch.setenv("DGM_DATA", str(tmp_path / "nowhere"))
    with pytest.raises(RuntimeError) as caught:
        obtain(published(CONTENT), "set")
    clear(caught, "DGM_DATA", str(tmp_path / "nowhere"), "not a folder", "unset")


def test_local_file_missing(published, tmp_path, monkeypatch, clear):
    monkeypatch.setenv("DGM_DATA", str(tmp_path))
    with pytest.raises(RuntimeError) as caught:
        obtain(published(CONTENT, variants={"file": "0" * 64}), "set")
    clear(caught, "DGM_DATA", "has no file.gz or file", "set", "put the file there")


def test_local_file_altered(published, tmp_path, monkeypatch, clear):
    (tmp_path / "file.gz").write_bytes(CONTENT[:-1])
    monkeypatch.setenv("DGM_DATA", str(tmp_path))
    with pytest.raises(RuntimeError) as caught:
        obtain(published(CONTENT), "set")
    clear(caught, str(tmp_path / "file.gz"), "not the published set file", "replace it")


def test_local_file_unreadable(published, tmp_path, monkeypatch, clear):
    (tmp_path / "file.gz").write_bytes(CONTENT)
    monkeypatch.setenv("DGM_DATA", str(tmp_path))

    def refuse(path, mode):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)  # root may read everything
    with pytest.raises(RuntimeError) as caught:
        obtain(published(CONTENT), "set")
    clear(caught, "cannot read", "Permission denied", "make it readable")


def test_empty_variable_means_unset(mirror, published, tmp_path, monkeypatch):
    monkeypatch.setenv("DGM_DATA", "")
    remote = published(CONTENT, mirror.serve("file.gz", CONTENT))
    assert obtain(remote, "set", tmp_path).read_bytes() == CONTENT
