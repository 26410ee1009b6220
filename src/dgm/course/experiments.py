"""Experiments too large for a page: run once, recorded with their provenance.

A lecture marks a function with ``@dgm.record.experiment(seed=range(5), ...)``. Each
combination of the grid is one run. Runs that are done are kept one by one, so that an
interrupted recording goes on where it stopped.
"""

import ast
import hashlib
import itertools
import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any, NamedTuple

from dgm.course.files import Stop, write_atomically
from dgm.course.load import lecture
from dgm.course.notebook import (
    code_cells,
    fingerprint,
    in_toc,
    modules_used,
    without_magics,
)
from dgm.course.provenance import provenance


class Experiment(NamedTuple):
    """A marked function of a lecture."""

    path: Path
    function: str
    grid: dict[str, list[Any]]

    @property
    def name(self) -> str:
        """``slug/function``, as ``recorded`` takes it."""
        return f"{self.path.stem}/{self.function}"

    def runs(self) -> Iterator[dict[str, Any]]:
        """All combinations of the grid's values."""
        for values in itertools.product(*self.grid.values()):
            yield dict(zip(self.grid, values, strict=True))

    def fingerprint(self) -> str:
        """Hash of the code the experiment depends on, within the lecture and ``dgm``.

        Other definitions of the lecture, its prose and its figures do not count.
        """
        source = definitions_used(self.path, self.function)
        own = hashlib.sha256(f"{source}{self.grid}".encode()).hexdigest()
        return own[:16] + fingerprint(modules_used(source))


def find(root: Path, name: str = "") -> list[Experiment]:
    """The experiments of all lectures, or those of one lecture, or one by name."""
    found = []
    for path in in_toc(root):
        for function, value in vars(lecture(path)).items():
            grid = getattr(value, "experiment", None)
            if isinstance(grid, dict):
                found.append(Experiment(path, function, grid))
    chosen = [e for e in found if e.name == name or e.path.stem == name or not name]
    if name and not chosen:
        known = ", ".join(e.name for e in found) or "none"
        raise Stop(f"No experiment '{name}'; there is {known}.")
    return chosen


def definitions_used(path: Path, function: str) -> str:
    """Those of the lecture's imports and definitions that ``function`` needs.

    Lines that are blank or hold a comment are dropped: they change no result.
    """
    defined: dict[str, ast.FunctionDef | ast.ClassDef] = {}
    text: dict[str, str] = {}
    imports: dict[str, str] = {}
    for cell in code_cells(path):
        for node in ast.parse(without_magics(cell.source)).body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                defined[node.name] = node
                text[node.name] = _code(cell.source, node)
            elif isinstance(node, ast.Import | ast.ImportFrom):
                imports |= _imports(node)
    needed, queue = set(), [function]
    while queue:
        name = queue.pop()
        if name in defined and name not in needed:
            needed.add(name)
            names = (n for n in ast.walk(defined[name]) if isinstance(n, ast.Name))
            queue += [n.id for n in names]
    parts = [text[name] for name in sorted(needed)]
    used = {n for part in parts for n in _names(part)}
    kept = {line for line, bound in imports.items() if bound in used}
    return "\n".join(sorted(kept) + parts)


def _imports(node: ast.Import | ast.ImportFrom) -> dict[str, str]:
    """One import for each name, and the name that it binds."""
    lines = {}
    for alias in node.names:
        as_name = f" as {alias.asname}" if alias.asname else ""
        line = f"import {alias.name}{as_name}"
        if isinstance(node, ast.ImportFrom):
            line = f"from {node.module} {line}"
        lines[line] = alias.asname or alias.name.partition(".")[0]
    return lines


def _code(source: str, node: ast.FunctionDef | ast.ClassDef) -> str:
    """The lines of a definition as written: the same for every version of Python."""
    start = min([node.lineno, *(d.lineno for d in node.decorator_list)])
    lines = (line.rstrip() for line in source.splitlines()[start - 1 : node.end_lineno])
    return "\n".join(s for s in lines if s and not s.lstrip().startswith("#"))


def _names(source: str) -> set[str]:
    return set("".join(c if c.isalnum() or c == "_" else " " for c in source).split())


def run_one(
    experiment: Experiment, key: str, arguments: dict[str, Any]
) -> dict[str, Any]:
    """One run in a process of its own: its arguments, results and seconds.

    Raises:
        Stop: if the code is no longer that of ``key``, or if a result is no plain
            number.
    """
    import torch

    torch.set_num_threads(1)
    start = time.monotonic()
    result = getattr(lecture(experiment.path), experiment.function)(**arguments)
    for name, value in result.items():
        if type(value) not in (int, float, str, bool, list):
            raise Stop(f"'{name}' is a {type(value).__name__}: return plain numbers")
    if experiment.fingerprint() != key:
        raise Stop("the code changed while it ran: record it again")
    return {**arguments, **result, "seconds": round(time.monotonic() - start, 2)}


def _record(
    experiment: Experiment, root: Path, workers: int, say: Callable[[str], None]
) -> None:
    key = experiment.fingerprint()
    parts = root / "_build" / "experiments" / experiment.name / key
    todo, done, failures = {}, {}, []
    for arguments in experiment.runs():
        part = parts / f"{_hash(arguments)}.json"
        if part.is_file():
            done[part] = json.loads(part.read_text("utf8"))
        else:
            todo[part] = arguments
    with ProcessPoolExecutor(workers, initializer=_ignore_interrupts) as pool:
        futures = {
            pool.submit(run_one, experiment, key, arguments): part
            for part, arguments in todo.items()
        }
        for future in as_completed(futures):
            part = futures[future]
            if error := future.exception():
                raised = f"{type(error).__name__}: {error}"
                failures.append(f"{experiment.name} {todo[part]}: {raised}")
                continue
            done[part] = future.result()
            write_atomically(part, json.dumps(done[part]))
            say(f"  {experiment.name} {todo[part]}: {done[part]['seconds']} s")
    if failures:
        raise Stop("\n".join(failures))
    payload = {
        "command": f"make experiments NAME={experiment.name}",
        "grid": experiment.grid,
        "device": "cpu",
        **provenance(key),
        "runs": [done[parts / f"{_hash(a)}.json"] for a in experiment.runs()],
    }
    path = root / "results" / f"{experiment.name}.json"
    write_atomically(path, json.dumps(payload, indent=1) + "\n")


def _ignore_interrupts() -> None:
    """Ctrl-C is the parent's to handle."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _hash(arguments: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(arguments, sort_keys=True).encode()).hexdigest()[
        :16
    ]


def _key_of(result: Path) -> str:
    """The fingerprint in a result file, or nothing if the file is damaged."""
    try:
        return str(json.loads(result.read_text("utf8"))["fingerprint"])
    except (ValueError, KeyError):
        return ""


def stale(root: Path) -> list[str]:
    """One sentence for each result that is missing or older than its code."""
    problems = []
    for experiment in find(root):
        path = root / "results" / f"{experiment.name}.json"
        if not path.is_file():
            problems.append(f"{experiment.name} was never recorded")
        elif _key_of(path) != experiment.fingerprint():
            problems.append(f"{experiment.name} was recorded with other code")
    return [f"{p}: run `make experiments NAME={p.split()[0]}`." for p in problems]


def main(root: Path, name: str, check: bool, workers: int) -> int:
    """``dgm experiments``: record, or only check that what is recorded is current."""
    os.environ["DGM_BOOK"] = "1"
    if check:
        problems = stale(root)
        print("\n".join(problems) or "All recorded experiments are current.")
        return 1 if problems else 0
    for experiment in find(root, name):
        print(f"{experiment.name}: {len(list(experiment.runs()))} runs", flush=True)
        _record(experiment, root, workers, print)
    return 0
