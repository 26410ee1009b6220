"""``dgm run``: the same notebook at another size, with its results as JSON."""

import ast
import json
import platform
import re
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jupytext
from nbformat import NotebookNode
from papermill.parameterize import parameterize_notebook

from dgm.course.files import Stop, cannot_write, write_atomically
from dgm.course.kernel import (
    ENVIRONMENT,
    Limits,
    line_in_cell,
    number_in_file,
    run_notebook,
    where,
)
from dgm.course.notebook import PINNED, cache_key, read, to_json, without_magics
from dgm.record import MIME, PREFIX

FORGIVEN = ("AssertionError", "CheckFailed")
FAULT = "FAILED CHECK"


def run(
    path: Path,
    parameters: Iterable[str],
    out: Path,
    limits: Limits,
    smoke: bool = False,
    script: bool = False,
) -> int:
    """Execute a lecture with other parameters; write notebook and results to ``out``.

    At another size a claim of the page may be false: a failed assertion is then
    reported and the next cell is tried, and so is a failed check of ``dgm.checks``,
    which points to a fault in the code. Any other error ends the run.

    Args:
        path: the lecture.
        parameters: ``name=value`` each, over those of the cell tagged ``parameters``.
        out: folder for ``<slug>.ipynb`` and ``<slug>.json``.
        limits: seconds for a cell and for the notebook.
        smoke: start from the small sizes in the lecture's header (``dgm: smoke:``).
        script: write the parameterised notebook as ``<slug>.py`` and run nothing.

    Returns:
        Exit status: 1 if a check failed, or a cell with anything but a false claim.

    Raises:
        Stop: for an unknown parameter, an unfit value, or an unwritable folder.
    """
    notebook = read(path, stamped=False)
    key = cache_key(path)
    values = _smoke_size(notebook, path) if smoke else {}
    if asked := list(parameters):
        values |= _parse(asked, _defaults(notebook, path), path)
    changed = _with_parameters(notebook, values)
    with cannot_write(out):  # now, not after hours of training
        out.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=out).close()
    if script:
        target = out / f"{path.stem}.py"
        write_atomically(target, jupytext.writes(changed, fmt="py:percent"))
        print(f"Wrote {target}; it needs PyTorch and dgm, no Jupyter.")
        return 0
    print(f"Running {path.stem} with {values or 'its own parameters'} ...", flush=True)
    start = time.monotonic()
    forgive = FORGIVEN if values else []
    failure = run_notebook(changed, path, limits, ENVIRONMENT, forgive)
    report = {
        "lecture": path.stem,
        "command": shlex.join(["dgm", *sys.argv[1:]]),
        "parameters": values,
        "records": records(changed),
        "false_claims": _false_claims(changed, path),
        "failure": failure,
        "seconds": round(time.monotonic() - start, 1),
        **provenance(key),
    }
    write_atomically(out / f"{path.stem}.ipynb", to_json(changed))
    write_atomically(out / f"{path.stem}.json", json.dumps(report, indent=1) + "\n")
    for claim in report["false_claims"]:
        print(f"{claim} (the rest of that cell was not run)")
    print(failure or f"Done in {report['seconds']} s: {out / path.stem}.ipynb, .json")
    return 1 if failure or any(FAULT in c for c in report["false_claims"]) else 0


def _with_parameters(notebook: NotebookNode, values: dict[str, Any]) -> NotebookNode:
    """The notebook with a cell of its own for what differs, after the defaults."""
    notebook.metadata.setdefault("papermill", {})  # papermill takes both for granted
    for cell in notebook.cells:
        cell.metadata.setdefault("tags", [])
    return parameterize_notebook(notebook, values) if values else notebook


def _defaults(notebook: NotebookNode, path: Path) -> dict[str, Any]:
    """Names and values of the cell tagged ``parameters``."""
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


def _parse(
    parameters: Iterable[str], defaults: Mapping[str, Any], path: Path
) -> dict[str, Any]:
    """``["steps=200"]`` to ``{"steps": 200}``, checked against the lecture's own."""
    values = {}
    for text in parameters:
        name, equals, value = text.partition("=")
        if not equals:
            raise Stop(f"'-p {text}' has no value: write -p {text}=VALUE.")
        if name not in defaults:
            raise Stop(
                f"{path.name} has no parameter '{name}'; it has "
                f"{', '.join(sorted(defaults))}."
            )
        values[name] = _convert(name, value, defaults[name])
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


def _smoke_size(notebook: NotebookNode, path: Path) -> dict[str, Any]:
    smoke = notebook.metadata.get("dgm", {}).get("smoke")
    if not smoke:
        raise Stop(f"{path.name} names no small size (`dgm: smoke:` in its header).")
    unknown = set(smoke) - set(_defaults(notebook, path))
    if unknown:
        raise Stop(f"{path.name}: its small size names {min(unknown)}, no parameter.")
    return dict(smoke)


def records(notebook: NotebookNode) -> list[dict[str, Any]]:
    """What the executed notebook recorded (``dgm.record.record``), in order."""
    return [
        json.loads(output["data"][PREFIX + MIME])
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if PREFIX + MIME in output.get("data", {})
    ]


def _false_claims(notebook: NotebookNode, path: Path) -> list[str]:
    """Each failed assertion: its place in the lecture and what it says."""
    claims = []
    for index, cell in enumerate(notebook.cells):
        for output in cell.get("outputs", []):
            if output.get("ename") in FORGIVEN:
                traceback = "\n".join(output["traceback"])
                place = where(path, number_in_file(notebook, index), traceback)
                text = output["evalue"] or _statement(cell.source, traceback)
                failed = output["ename"] == "CheckFailed"
                verdict = FAULT if failed else "not so at this size"
                claims.append(f"{place}: {verdict}: {text}")
    return claims


def _statement(source: str, traceback: str) -> str:
    """The statement of a cell in which a traceback begins."""
    line = line_in_cell(traceback)
    for node in ast.parse(without_magics(source)).body:
        if node.lineno <= line <= (node.end_lineno or line):
            return ast.unparse(node)
    return source.splitlines()[line - 1].strip()


def provenance(key: str) -> dict[str, Any]:
    """What made a result: versions, machine, commit, and the code's fingerprint."""
    git = ["git", "-C", str(Path(__file__).parent), "rev-parse", "HEAD"]
    commit = subprocess.run(git, capture_output=True, text=True, check=False)
    return {
        "versions": {"python": platform.python_version()}
        | {name: version(name) for name in PINNED},
        "machine": platform.machine(),
        "commit": commit.stdout.strip() or None,
        "fingerprint": key,
    }


def slug_or_path(text: str) -> Path:
    """A lecture named by its slug or its path.

    Raises:
        Stop: if there is no such lecture.
    """
    for path in (Path(text), Path("lectures") / f"{text}.md"):
        if path.is_file() and path.suffix == ".md":
            return path.resolve()
    known = sorted(p.stem for p in Path("lectures").glob("*.md"))
    hint = f"there is {', '.join(known)}." if known else "is this the course's folder?"
    raise Stop(f"No lecture '{re.sub(r'[^ -~]', '?', text)}'; {hint}")
