"""Lectures as files: where they are, what they depend on, what is in their cells."""

import ast
import hashlib
import re
import sys
from collections.abc import Iterable, Iterator
from copy import deepcopy
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from threading import Lock
from typing import NamedTuple

import nbformat
import yaml
from myst_nb.core.read import read_myst_markdown_notebook
from nbformat import NotebookNode

import dgm
from dgm.course.files import Stop

PACKAGE = Path(dgm.__file__).parent
# A page's numbers and pictures also depend on these; an upgrade executes it again.
PINNED = ("torch", "numpy", "matplotlib", "scikit-learn", "ipykernel")
PARSING = Lock()
DISPLAY_NAME = re.compile(r"^( +display_name: )(.*)$", re.MULTILINE)


class CodeCell(NamedTuple):
    """A code cell of a MyST notebook and where it stands."""

    number: int
    """Counted from 1 over the code cells, as a reader counts them."""
    line: int
    """Line of the file on which the cell's code begins."""
    source: str


def root_of(path: Path) -> Path:
    """The course that ``path`` belongs to: the folder above it with a ``_toc.yml``.

    Raises:
        Stop: if there is none.
    """
    for folder in (path.resolve(), *path.resolve().parents):
        if (folder / "_toc.yml").is_file():
            return folder
    raise Stop(f"{path} is in no course: no folder above it has a _toc.yml.")


def is_notebook(path: Path) -> bool:
    """Whether a page is executed: a Markdown file whose header names a kernel.

    Raises:
        Stop: if the header is not YAML.
    """
    if path.suffix != ".md" or not path.is_file():
        return False
    text = path.read_text("utf8")
    if not text.startswith("---\n"):
        return False
    header = _yaml(text[4:].partition("\n---\n")[0], f"the header of {path}")
    return isinstance(header, dict) and "kernelspec" in header


def _yaml(text: str, what: str) -> object:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise Stop(f"Cannot read {what}: {' '.join(str(error).split())}.") from None


def in_toc(root: Path) -> list[Path]:
    """The notebooks that the book executes, in order of reading.

    Problem sets are shown and not executed: their stubs raise.
    """
    toc = _yaml((root / "_toc.yml").read_text("utf8"), "_toc.yml")
    pages = [root / f"{name.removesuffix('.md')}.md" for name in _toc_names(toc)]
    return [p for p in pages if p.parent != root / "exercises" and is_notebook(p)]


def _toc_names(node: object) -> Iterator[str]:
    if isinstance(node, list):
        for child in node:
            yield from _toc_names(child)
    elif isinstance(node, dict):
        yield from (str(node[key]) for key in ("root", "file") if key in node)
        for child in node.values():
            yield from _toc_names(child)


def read(path: Path, stamped: bool = True) -> NotebookNode:
    """Read a lecture exactly as the book does.

    Args:
        path: a MyST Markdown notebook.
        stamped: give it the cache key that :func:`stamp` writes.
    """
    text = path.read_text("utf8")
    notebook = deepcopy(_notebook(text, path))
    del notebook.metadata["source_map"]
    if stamped:
        found = DISPLAY_NAME.search(stamp(text, path))
        assert found  # or it had been no notebook
        notebook.metadata.kernelspec.display_name = found[2]
    return notebook


@lru_cache(maxsize=64)  # a build asks for each page many times
def _notebook(text: str, path: Path) -> NotebookNode:
    """The notebook and the lines on which its cells begin; not to be changed."""
    notebook: NotebookNode = read_myst_markdown_notebook(
        text, add_source_map=True, path=str(path)
    )
    return notebook


def code_cells(path: Path) -> list[CodeCell]:
    """The code cells of a lecture, each with the line on which its code begins."""
    return list(_code_cells(path.read_text("utf8"), path))


@lru_cache(maxsize=64)
def _code_cells(text: str, path: Path) -> tuple[CodeCell, ...]:
    lines = text.splitlines(keepends=True)
    notebook = _notebook(text, path)
    cells: list[CodeCell] = []
    for cell, fence in zip(notebook.cells, notebook.metadata.source_map, strict=True):
        if cell.cell_type == "code":
            start = sum(map(len, lines[:fence]))  # the cell's directive begins here
            line = text.count("\n", 0, max(text.find(cell.source, start), start)) + 1
            cells.append(CodeCell(len(cells) + 1, line, cell.source))
    return tuple(cells)


def stamp(text: str, path: Path) -> str:
    """Write a notebook's :func:`cache_key` into its header, where jupyter-cache hashes.

    jupyter-cache compares code cells and the kernelspec. With the key as the kernel's
    display name, a page is executed again when a helper module or a recorded result
    that it uses changes, and two pages with equal code keep apart. No line moves, so
    that warnings still point at the right one.

    Raises:
        Stop: if the header has no line for the display name.
    """
    name = path.resolve().relative_to(root_of(path)).with_suffix("").as_posix()
    key = f"{name} {cache_key(path)}"
    stamped, count = DISPLAY_NAME.subn(lambda m: f"{m[1]}{key}", text, count=1)
    if count != 1:
        raise Stop(
            f"{path.name}: its header needs a line `  display_name: Python 3` under a "
            "line `kernelspec:`; copy the header of another lecture."
        )
    return stamped


def cache_key(path: Path) -> str:
    """Fingerprint of all that a notebook's outputs depend on, besides its cells."""
    source = python_of(path)
    code = fingerprint([*modules_used(source), *results_used(path, source)])
    versions = [f"{name} {version(name)}" for name in PINNED]
    made_by = f"{code} {sys.version_info[:2]} {versions}"
    return hashlib.sha256(made_by.encode()).hexdigest()[:16]


def made_with(root: Path) -> str:
    """A quick look at all that cache keys depend on, besides the pages themselves.

    It is the same as long as no module, result or version is another. It compares times
    and sizes of files, and reads none.
    """
    files = [*PACKAGE.rglob("*.py"), *(root / "results").rglob("*.json")]
    seen = [(str(f), s.st_mtime_ns, s.st_size) for f in files for s in [f.stat()]]
    versions = [version(name) for name in PINNED]
    made = repr((sorted(seen), versions, sys.version))
    return hashlib.sha256(made.encode()).hexdigest()


def fingerprint(files: Iterable[Path]) -> str:
    """Hash of the files' names and contents; the same in a clone elsewhere."""
    digest = hashlib.sha256()
    for file in sorted(set(files)):
        digest.update(f"\n{file.name}\n".encode() + file.read_bytes())
    return digest.hexdigest()[:16]


def modules_used(source: str) -> set[Path]:
    """Files of ``dgm`` that ``source`` imports, directly or through one another."""
    found: set[Path] = set()
    queue = [source]
    while queue:
        files = {f for name in _imported(queue.pop()) for f in _module_files(name)}
        queue += [file.read_text("utf8") for file in files - found]
        found |= files
    return found


@lru_cache(maxsize=256)
def _imported(source: str) -> frozenset[str]:
    """Names of modules, and of what may be one, that a source imports from ``dgm``."""
    names: set[str] = set()
    for node in ast.walk(parsed(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return frozenset(name for name in names if name.partition(".")[0] == "dgm")


def _module_files(name: str) -> Iterator[Path]:
    """The file of ``dgm.a.b``, and of the packages that importing it runs."""
    _, *parts = name.split(".")
    for depth in range(len(parts) + 1):
        base = PACKAGE.joinpath(*parts[:depth])
        for file in (base / "__init__.py", base.with_suffix(".py")):
            if file.is_file():
                yield file


def results_used(path: Path, source: str) -> set[Path]:
    """Files under ``results/`` that a lecture loads with ``recorded("...")``.

    Raises:
        Stop: if the name is not written out, since the build could then not know when
            the page is stale.
    """
    files = (
        root_of(path) / "results" / f"{name}.json" for name in _recorded(source, path)
    )
    return {file for file in files if file.is_file()}


@lru_cache(maxsize=64)
def _recorded(source: str, path: Path) -> frozenset[str]:
    """Names of results that a lecture loads."""
    found = set()
    for node in ast.walk(parsed(source)):
        if isinstance(node, ast.alias) and node.name == "recorded" and node.asname:
            raise Stop(f"{path.name}: import recorded() by its own name.")
        if not (isinstance(node, ast.Call) and _called(node) == "recorded"):
            continue
        name = node.args[0] if node.args else None
        if not (isinstance(name, ast.Constant) and isinstance(name.value, str)):
            raise Stop(f"{path.name}: write recorded()'s name as a plain string.")
        found.add(name.value)
    return frozenset(found)


def _called(node: ast.Call) -> str:
    function = node.func
    return (
        function.attr if isinstance(function, ast.Attribute) else ast.unparse(function)
    )


def parsed(source: str) -> ast.Module:
    """The syntax tree of a cell, also if two threads ask at a time.

    Python 3.11 counts the depth of a tree that it builds for all threads together, and
    raises SystemError if one is interrupted by another.
    """
    with PARSING:
        return ast.parse(without_magics(source))


def without_magics(source: str) -> str:
    """IPython's own lines are no Python; a comment keeps the line numbers."""
    return re.sub(r"^([ \t]*)[%!].*$", r"\1pass", source, flags=re.MULTILINE)


def python_of(path: Path) -> str:
    """All code of a lecture as one piece of Python.

    Raises:
        Stop: if a cell is not Python, naming its line.
    """
    return _python(path.read_text("utf8"), path)


@lru_cache(maxsize=64)
def _python(text: str, path: Path) -> str:
    cells = _code_cells(text, path)
    for cell in cells:
        try:
            parsed(cell.source)
        except SyntaxError as error:
            line = cell.line + (error.lineno or 1) - 1
            raise Stop(
                f"{path}:{line} (cell {cell.number}): this is not Python: {error.msg}."
            ) from None
    return "\n".join(without_magics(cell.source) for cell in cells)


def to_json(notebook: NotebookNode) -> str:
    """A notebook as the text of an ``.ipynb`` file."""
    return str(nbformat.writes(notebook))
