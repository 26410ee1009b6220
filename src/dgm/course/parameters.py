"""The parameters of a lecture: those of its cell, and those that a reader asks for."""

import ast
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from nbformat import NotebookNode
from papermill.parameterize import parameterize_notebook

from dgm.course.files import Stop


def with_parameters(notebook: NotebookNode, values: dict[str, Any]) -> NotebookNode:
    """The notebook with a cell of its own for what differs, after the defaults."""
    notebook.metadata.setdefault("papermill", {})  # papermill takes both for granted
    for cell in notebook.cells:
        cell.metadata.setdefault("tags", [])
    return parameterize_notebook(notebook, values) if values else notebook


def defaults(notebook: NotebookNode, path: Path) -> dict[str, Any]:
    """Names and values of the cell tagged ``parameters``.

    Raises:
        Stop: if there is no such cell, or a value in it is computed.
    """
    for cell in notebook.cells:
        if "parameters" in cell.metadata.get("tags", []):
            return dict(_assigned(cell.source, path))
    raise Stop(f"{path.name} has no cell tagged `parameters`, so it takes none.")


def _assigned(source: str, path: Path) -> Iterator[tuple[str, Any]]:
    """Each ``name = value`` of a cell of parameters."""
    for node in ast.parse(source).body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            try:
                yield ast.unparse(target), ast.literal_eval(node.value)
            except ValueError:
                raise Stop(
                    f"{path.name}: the parameter in `{ast.unparse(node)}` must be a "
                    "plain value, such as a number or a string."
                ) from None


def parsed(
    parameters: Iterable[str], known: Mapping[str, Any], path: Path
) -> dict[str, Any]:
    """``["steps=200"]`` to ``{"steps": 200}``, checked against the lecture's own.

    Raises:
        Stop: for a name that the lecture does not have, or an unfit value.
    """
    values = {}
    for text in parameters:
        name, equals, value = text.partition("=")
        if not equals:
            raise Stop(f"'-p {text}' has no value: write -p {text}=VALUE.")
        if name not in known:
            raise Stop(
                f"{path.name} has no parameter '{name}'; it has "
                f"{', '.join(sorted(known))}."
            )
        values[name] = _convert(name, value, known[name])
    return values


def _convert(name: str, text: str, default: Any) -> Any:
    if isinstance(default, str):
        return text
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        value = None
    kinds = (int, float) if isinstance(default, float) else (type(default),)
    if type(value) not in kinds:
        raise Stop(
            f"Parameter {name} is {default!r} in the book, so '{text}' does not fit; "
            f"give a value of type {type(default).__name__}."
        )
    return value


def smoke_size(notebook: NotebookNode, path: Path) -> dict[str, Any]:
    """The smallest size, as the lecture's header has it.

    Raises:
        Stop: if it has none, or names what is no parameter.
    """
    smoke = notebook.metadata.get("dgm", {}).get("smoke")
    if not smoke:
        raise Stop(f"{path.name} names no small size (`dgm: smoke:` in its header).")
    unknown = set(smoke) - set(defaults(notebook, path))
    if unknown:
        raise Stop(f"{path.name}: its small size names {min(unknown)}, no parameter.")
    return dict(smoke)


def seeds(text: str) -> list[int]:
    """``0-3,7`` to ``[0, 1, 2, 3, 7]``.

    Raises:
        Stop: if it is anything else.
    """
    found: list[int] = []
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        ends = [first, last if dash else first]
        if not all(end.isascii() and end.isdecimal() for end in ends):
            raise Stop(f"'--seeds {text}' is not of the form 0-9 or 0,3,5.")
        found += range(int(ends[0]), int(ends[1]) + 1)
    if not found:
        raise Stop(f"'--seeds {text}' names no seed: write the smaller number first.")
    return sorted(set(found))
