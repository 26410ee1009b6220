"""What the benchmarks share: their options, their result files, their fingerprints.

A result says with which command, seeds, versions and machine it was measured, and
carries a fingerprint of the code that was measured: the script's own, the definitions
that it takes from lectures, and the modules of ``dgm`` that these import.
"""

import argparse
import ast
import hashlib
import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from dgm.course.experiments import definitions_used
from dgm.course.files import write_atomically
from dgm.course.load import lecture
from dgm.course.notebook import fingerprint, modules_used
from dgm.course.run import provenance

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "results" / "benchmarks"
Lectures = Mapping[str, str]
"""By the name of a variable, the lecture that it holds."""


def options(name: str, about: str | None) -> argparse.ArgumentParser:
    """``--smoke`` and ``--out``, which every benchmark takes."""
    parser = argparse.ArgumentParser(description=(about or "").partition("\n")[0])
    parser.add_argument("--smoke", action="store_true", help="a few seconds, tiny size")
    parser.add_argument(
        "--out",
        type=Path,
        default=RESULTS / f"{name}.json",
        help="the result file (%(default)s)",
    )
    return parser


@cache
def load(slug: str) -> Any:
    """The definitions of a lecture."""
    return lecture(path_of(slug))


def path_of(slug: str) -> Path:
    """The file of a lecture."""
    return ROOT / "lectures" / f"{slug}.md"


def key_of(source: str, lectures: Lectures) -> str:
    """Hash of code and of all it takes from lectures.

    Comments, blank lines and the text at the head of a file change no result.

    Args:
        source: Python that uses lectures as ``variable.name``.
        lectures: the lecture's slug for each such variable.
    """
    parts = [_bare(source)]
    for variable, slug in sorted(lectures.items()):
        parts += [definitions_used(path_of(slug), n) for n in used(source, variable)]
    digest = hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]
    modules = modules_used("\n".join(parts))
    return digest + fingerprint(m for m in modules if "course" not in m.parts)


def used(source: str, variable: str) -> list[str]:
    """Names that ``source`` takes from ``variable``, in order of the alphabet."""
    found = {
        node.attr
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == variable
    }
    return sorted(found)


def _bare(source: str) -> str:
    """Without comments on lines of their own, blank lines and the docstring on top."""
    body = ast.parse(source).body
    text = ast.get_docstring(ast.parse(source)) and body[0].end_lineno
    lines = (line.rstrip() for line in source.splitlines()[text or 0 :])
    return "\n".join(s for s in lines if s and not s.lstrip().startswith("#"))


def result(
    name: str, key: str, settings: dict[str, Any], runs: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """What a result file holds."""
    return {
        "command": f"python benchmarks/{name}.py",
        "settings": settings,
        "threads": 1,
        "device": "cpu",
        "cores": os.cpu_count(),
        **provenance(key),
        "runs": list(runs),
    }


def write(path: Path, found: Mapping[str, Any]) -> None:
    """Write a result, whole or not at all."""
    write_atomically(path, json.dumps(found, indent=1) + "\n")


def least_seconds(work: Callable[[], Any], enough: float = 0.5) -> tuple[float, Any]:
    """The least CPU seconds of five runs, or of as many as fit; and the first result.

    Args:
        work: what is measured.
        enough: no run begins after so many seconds.
    """
    laps: list[float] = []
    results: list[Any] = []
    while not laps or (len(laps) < 5 and sum(laps) < enough):
        begin = time.process_time()
        results.append(work())
        laps.append(time.process_time() - begin)
    return min(laps), results[0]
