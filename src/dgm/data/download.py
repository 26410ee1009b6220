"""Obtain a published file: from a local folder, from the cache, or from a mirror.

A file is used only if its SHA-256 is the published one. What goes wrong on the way is
told in one sentence, and nothing but whole, verified files is ever left in the cache.
"""

import errno
import hashlib
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pooch
import requests
from tqdm.auto import tqdm

FOLDER = "DGM_DATA"  # environment: a local folder to read from instead of downloading
QUIET = "DGM_BOOK"  # environment: set while the book is built, for no progress bars
TIMEOUT = (10, 30)  # seconds to reach a mirror, and between two of its packets

NETWORK = (requests.RequestException, ConnectionError, TimeoutError)
BROKEN = (
    requests.exceptions.ChunkedEncodingError,
    requests.exceptions.ContentDecodingError,
)

Transfer = Callable[[str, Path], None]


@dataclass(frozen=True)
class Remote:
    """A published file: how it is called, how to recognise it, where it is.

    Attributes:
        name: its name in the cache and in a local folder.
        sha256: checksum of the file of that name, in hexadecimal.
        urls: addresses of the same file, tried in this order.
        variants: other names a local folder may hold it under (unpacked, say), each
            with that file's own SHA-256, or None if its reader checks what is inside.
        prepare: turns the bytes that a mirror sends into those that are kept.
    """

    name: str
    sha256: str
    urls: tuple[str, ...]
    variants: Mapping[str, str | None] = field(default_factory=dict)
    prepare: Callable[[bytes], bytes] | None = None


def local_folder() -> Path | None:
    """The folder that the environment variable ``DGM_DATA`` names, or None.

    Raises:
        RuntimeError: there is no such folder.
    """
    named = os.environ.get(FOLDER)
    if not named:
        return None
    folder = Path(named).expanduser()
    if not folder.is_dir():
        raise RuntimeError(
            f"{FOLDER} names {folder}, which is not a folder: correct it, or unset it "
            "to download instead"
        )
    return folder


def obtain(remote: Remote, dataset: str, cache: Path | None = None) -> Path:
    """Path of a verified copy of the file, downloaded only if need be.

    Args:
        remote: the file.
        dataset: name of its data set, which is the name of its subfolder too.
        cache: folder for downloads; by default the operating system's, ``dgm``.

    Raises:
        RuntimeError: the local folder, the cache or every mirror fails; the message
            says what happened and what to do.
    """
    folder = local_folder()
    if folder is not None:
        return find(remote, dataset, folder)
    return download(remote, (cache or pooch.os_cache("dgm")) / dataset)


def find(remote: Remote, dataset: str, folder: Path) -> Path:
    """Path of the file in a local folder or in its subfolder for the data set.

    Raises:
        RuntimeError: the file is missing, or is not the published one.
    """
    known = {remote.name: remote.sha256, **remote.variants}
    for place in (folder / dataset, folder):
        for name, sha256 in known.items():
            if (place / name).is_file():
                _verify(place / name, sha256, dataset)
                return place / name
    raise RuntimeError(
        f"{FOLDER}={folder} has no {' or '.join(known)}, neither in its subfolder "
        f"{dataset} nor directly: put the file there, or unset {FOLDER} to download it"
    )


def _verify(path: Path, sha256: str | None, dataset: str) -> None:
    """Refuse a local file that cannot be read or is not the published one."""
    try:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise RuntimeError(
            f"cannot read {path} ({error.strerror}): make it readable, or unset "
            f"{FOLDER} to download it"
        ) from None
    if sha256 is not None and found != sha256:
        raise RuntimeError(
            f"{path} is not the published {dataset} file (SHA-256 {found[:8]}..., not "
            f"{sha256[:8]}...): replace it, or unset {FOLDER} to download it"
        )


def http(url: str, target: Path, timeout: tuple[float, float] = TIMEOUT) -> None:
    """Download one address into a file, with a progress bar unless in the book."""
    bar = tqdm(
        desc=url.rpartition("/")[2],
        total=1,  # pooch puts in the length once the mirror has told it
        unit="B",
        unit_scale=True,
        disable=bool(os.environ.get(QUIET)),
        leave=False,
        delay=0.5,  # seconds: a mirror that fails at once shows no bar
    )
    with bar:
        get = pooch.HTTPDownloader(progressbar=bar, chunk_size=2**16, timeout=timeout)
        get(url, str(target), None)


def download(remote: Remote, cache: Path, transfer: Transfer = http) -> Path:
    """Path of the file in the cache folder, fetched from the first mirror that has it.

    Args:
        remote: the file.
        cache: folder to keep it in; made if it does not exist.
        transfer: downloads an address into a file.

    Raises:
        RuntimeError: no mirror has the file, or the folder cannot be written.
    """

    def fetch(url: str, target: str, _: object) -> None:
        transfer(url, Path(target))
        if remote.prepare is not None:
            Path(target).write_bytes(remote.prepare(Path(target).read_bytes()))

    failures = []
    for url in remote.urls:
        try:
            # pooch writes to a temporary file, and renames it once the checksum fits.
            with _log_off():
                return Path(
                    pooch.retrieve(url, remote.sha256, remote.name, cache, None, fetch)
                )
        except (*NETWORK, ValueError) as error:
            mirror = urlsplit(url)
            failures.append(f"{mirror.scheme}://{mirror.netloc} {_reason(error)}")
        except OSError as error:
            raise RuntimeError(_disk_failure(error, remote.name, cache)) from None
    raise RuntimeError(
        f"could not download {remote.name} ({'; '.join(failures)}): check the network "
        f"and try again, or set {FOLDER} to a folder that holds the file"
    )


def _reason(error: Exception) -> str:
    """What a mirror did, to follow its name in a sentence."""
    if isinstance(error, requests.HTTPError) and error.response is not None:
        return f"answered {error.response.status_code} {error.response.reason}"
    timeout = isinstance(error, requests.Timeout | TimeoutError)
    if timeout or "timed out" in str(error):  # in mid-file it is a ConnectionError
        return "did not answer in time"
    if isinstance(error, BROKEN):
        return "broke off in the middle of the file"
    if isinstance(error, requests.exceptions.SSLError):
        return "has no valid security certificate"
    if isinstance(error, NETWORK):
        return "could not be reached"
    return "sent another file than the published one"


def _disk_failure(error: OSError, name: str, cache: Path) -> str:
    """What is wrong with the cache folder, as a sentence."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return (
            f"the disk of the cache folder {cache} is full, so {name} was not kept: "
            "free some space and try again"
        )
    return (
        f"cannot keep {name} in the cache folder {cache} ({error.strerror or error}): "
        f"make that folder writable, or set {FOLDER} to a folder that holds the file"
    )


@contextmanager
def _log_off() -> Iterator[None]:
    """Keep pooch's own log lines out of a notebook; warnings still pass."""
    logger = pooch.get_logger()
    level = logger.level
    logger.setLevel("WARNING")
    try:
        yield
    finally:
        logger.setLevel(level)
