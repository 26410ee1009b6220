"""Which file belongs to which student, as learning platforms hand folders over."""

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from dgm.course.files import Stop

LARGEST = 50_000_000  # bytes of a notebook that is opened; as JSON, 30 times as much
IGNORED = {"__MACOSX", "Thumbs.db", "desktop.ini"}
# Name_123456_assignsubmission_file_/ex.ipynb, or the same as one file's name.
MOODLE = re.compile(
    r"(?P<name>.+?)_(?P<id>\d+)_assignsubmission_(?:file|onlinetext)_?(?P<file>.*)"
)
# lastnamefirstname_LATE_1234_98765_ex-1.ipynb
CANVAS = re.compile(
    r"(?P<name>[^_]+)_(?:LATE_)?(?P<id>\d+)_(?P<attempt>\d+)_(?P<file>.+)"
)


@dataclass(frozen=True)
class Submission:
    """One student's files."""

    key: str
    """Safe as a file's name and in a spreadsheet; unique in a batch. The platform's
    number is in it, so that it stays when another student of that name joins."""
    name: str
    """As the platform writes it."""
    platform: str
    """``moodle``, ``canvas``, or empty."""
    id: str
    """The platform's number for the student, or empty."""
    files: tuple[Path, ...]
    """Notebooks, the one that counts first; empty if there is none."""


def find(folder: Path, slug: str) -> list[Submission]:
    """All submissions in a folder, by name.

    A student is a file at the top of the folder, or a folder there; Moodle's and
    Canvas's names are understood.

    Raises:
        Stop: if the folder is not there or has nothing in it.
    """
    if not folder.is_dir():
        raise Stop(f"There is no folder of submissions '{folder}'.")
    groups: dict[tuple[str, str, str], list[Path]] = {}
    for entry in sorted(folder.iterdir()):
        if not _ignored(entry):
            groups.setdefault(_student(entry), []).append(entry)
    if not groups:
        raise Stop(
            f"'{folder}' holds no submissions; a zip file must be unpacked first."
        )
    made: list[Submission] = []
    taken: set[str] = set()
    for (platform, number, name), entries in sorted(groups.items()):
        wanted = f"{safe(name)}-{safe(number)[-20:]}" if number else safe(name)
        key = _free(wanted, f"{platform}/{number}/{name}", taken)
        found = [file for entry in entries for file in _notebooks(entry)]
        files = tuple(sorted(found, key=lambda file: _rank(file, slug)))
        made.append(Submission(key, name, platform, number, files))
    return made


def _ignored(path: Path) -> bool:
    return path.name.startswith(".") or path.name in IGNORED


def _student(entry: Path) -> tuple[str, str, str]:
    """Platform, number and name that an entry's own name tells."""
    for platform, pattern in (("moodle", MOODLE), ("canvas", CANVAS)):
        if match := pattern.fullmatch(entry.name):
            return platform, match["id"], _clean(match["name"])
    return "", "", _clean(entry.name if _folder(entry) else entry.stem)


def _clean(name: str) -> str:
    """A name on one line, without control characters; bytes that are no text as ``?``.

    File systems give such bytes as lone surrogates, which cannot be written out again.
    """
    text = unicodedata.normalize("NFC", name.encode("utf8", "replace").decode("utf8"))
    kept = "".join(c if unicodedata.category(c)[0] != "C" else " " for c in text)
    return " ".join(kept.split()) or "nameless"


def _folder(entry: Path) -> bool:
    return entry.is_dir() and not entry.is_symlink()


def _notebooks(entry: Path) -> Iterator[Path]:
    """Notebooks in an entry. Links are not followed: they may point at anything."""
    if not _folder(entry):
        files: Iterable[Path] = [entry]
    else:
        files = sorted(entry.rglob("*.[iI][pP][yY][nN][bB]"))
    home = (entry if _folder(entry) else entry.parent).resolve()
    for file in files:
        hidden = any(part.startswith(".") for part in file.relative_to(entry).parts)
        inside = file.resolve().is_relative_to(home)
        if file.suffix.lower() == ".ipynb" and not hidden and inside and _plain(file):
            yield file


def _plain(file: Path) -> bool:
    return file.is_file() and not file.is_symlink()


def _rank(file: Path, slug: str) -> tuple[bool, str, float, str]:
    """Sorts the notebook that counts to the front: the slug's, then the newest."""
    match = CANVAS.fullmatch(file.name)
    attempt = match["attempt"].rjust(20, "0") if match else ""
    newest_first = "".join(chr(255 - ord(digit)) for digit in attempt)
    strange = slug.casefold() not in file.stem.casefold().replace("_", "-")
    return strange, newest_first, -file.stat().st_mtime, file.name


def safe(name: str) -> str:
    """A name that is safe in paths, in a shell and in a spreadsheet, in any script."""
    text = re.sub(r"[^\w.]+", "-", unicodedata.normalize("NFC", name))
    text = text.strip("._-") or "nameless"
    while len(text.encode()) > 100:
        text = text[:-1]
    return text


def _free(key: str, identity: str, taken: set[str]) -> str:
    """The key, made different from all that were given out before."""
    free, digits = key, hashlib.sha256(identity.encode()).hexdigest()
    length = 6
    while free.casefold() in taken:  # a name may be made to look like such a key
        free, length = f"{key}-{digits[:length]}", length + 1
    taken.add(free.casefold())
    return free
