"""Traces of solutions and hidden tests in what students are given.

Lines are compared by their letters and digits alone, since a page writes a formula or
a quotation mark in other signs than the master does.
"""

import html
import json
import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from dgm.course.grading.master import read_master, text_of
from dgm.course.grading.release import masters, secret_lines, student_text
from dgm.course.notebook import in_toc

SHORTEST = 25  # characters: a shorter line says nothing that others may not say too
KEY = 20  # letters and digits at least, and by which a line is looked up
WORD = re.compile(r"[^\W_]+")
TAG = re.compile(r"<[^>]*>")
ATTRIBUTE = re.compile(r'="(?!data:)([^"]{25,})"')
INDEX = re.compile(r"\A\s*Search\.setIndex\((.*)\)\s*\Z", re.DOTALL)


class Lines:
    """Lines to look for, by what is left of them without signs and spaces."""

    def __init__(self, lines: Iterable[str]) -> None:
        self.by_key: dict[str, dict[str, str]] = {}
        for line in lines:
            bare = "".join(WORD.findall(line))
            if len(line) >= SHORTEST and len(bare) >= KEY:
                self.by_key.setdefault(bare[:KEY], {})[bare] = line

    def __iter__(self) -> Iterator[str]:
        for lines in self.by_key.values():
            yield from lines.values()

    def found_in(self, text: str) -> set[str]:
        """Those that begin at any word of a text, whatever signs stand between."""
        words = WORD.findall(text)
        joined, place, found = "".join(words), 0, set()
        for word in words:
            for bare, line in self.by_key.get(joined[place : place + KEY], {}).items():
                if joined.startswith(bare, place):
                    found.add(line)
            place += len(word)
        return found


def secrets(root: Path) -> Lines:
    """Lines of all masters that students see neither in a problem set nor a lecture.

    Raises:
        Stop: if a master cannot be read.
    """
    paths = masters(root, [])
    cells = [cell for path in paths for cell in read_master(path).cells]
    lines = Lines(line for cell in cells for line in secret_lines(cell))
    public = [student_text(text_of(path)) for path in paths]
    public += [path.read_text("utf8") for path in in_toc(root)]
    return Lines(set(lines) - lines.found_in("\n".join(public)))


def traces(lines: Lines, folder: Path) -> Iterator[tuple[str, str]]:
    """File below a folder and line found in it; archives are looked into."""
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        name = path.relative_to(folder).as_posix()
        for inner, text in texts_of(name, path):
            yield from ((inner, line) for line in sorted(lines.found_in(text)))


def texts_of(name: str, path: Path) -> Iterator[tuple[str, str]]:
    """What a file says, and what the files say that are packed in it."""
    if path.suffix in (".zip", ".whl"):
        with zipfile.ZipFile(path) as archive:
            for inner in archive.namelist():
                yield f"{name}:{inner}", _said(inner, archive.read(inner))
    else:
        yield name, _said(name, path.read_bytes())


def _said(name: str, data: bytes) -> str:
    """The text of a file as a reader meets it; nothing for a picture or a font."""
    if name.endswith(".inv"):
        head, _, packed = data.partition(b"zlib.\n")
        data = head + zlib.decompress(packed)
    try:
        text = data.decode("utf8")
    except UnicodeDecodeError:
        return ""
    if name.endswith((".html", ".svg")):
        hidden = " ".join(ATTRIBUTE.findall(text))
        return html.unescape(f"{TAG.sub(' ', text)} {hidden}")
    if name.endswith((".ipynb", ".json", ".js")):
        index = INDEX.match(text)
        try:
            return "\n".join(_strings(json.loads(index[1] if index else text)))
        except ValueError:
            return text
    return text


def _strings(node: Any) -> Iterator[str]:
    """All strings of a JSON value, keys too; those of a notebook's cell as one."""
    if isinstance(node, str):
        yield node
    elif isinstance(node, list):
        for child in node:
            yield from _strings(child)
    elif isinstance(node, dict):
        for key, child in node.items():
            yield key
            yield from _strings(child)
