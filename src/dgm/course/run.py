"""``dgm run``: the same notebook at another size, with its results as JSON."""

import hashlib
import json
import platform
import re
import shlex
import sys
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import jupytext
from nbformat import NotebookNode

from dgm.course.attend import Attendant, Unrestored, section
from dgm.course.checkpoint import Checkpoints, digest
from dgm.course.files import Stop, cannot_write, write_atomically
from dgm.course.kernel import ENVIRONMENT, Limits, number_in_file, run_notebook
from dgm.course.notebook import (
    PACKAGE,
    cache_key,
    code_cells,
    fingerprint,
    modules_used,
    python_of,
    read,
    results_used,
    to_json,
)
from dgm.course.outcome import FAULT, FORGIVEN, false_claims, records
from dgm.course.parameters import defaults, parsed, smoke_size, with_parameters
from dgm.course.provenance import circumstances, provenance, versions

RUNS = Path("_build/runs")
EVERY = 60.0  # seconds of work from one checkpoint to the next
Say = Callable[[str], None]
say_now: Say = partial(print, flush=True)


@dataclass(frozen=True)
class Job:
    """One lecture with all that its results depend on."""

    path: Path
    name: str
    values: dict[str, Any]
    limits: Limits
    device: str = ""
    """Set for the kernel as a whole; empty if it is a parameter of the lecture."""
    every: float = EVERY

    @property
    def place(self) -> str:
        """The device, however it was chosen."""
        return self.device or str(self.values.get("device", "cpu"))

    def notebook(self) -> NotebookNode:
        """The lecture with this run's parameters."""
        return with_parameters(read(self.path, stamped=False), self.values)

    def identity(self) -> dict[str, Any]:
        """What must be the same for a checkpoint to be taken up."""
        source = python_of(self.path)
        files = [*modules_used(source), *results_used(self.path, source)]
        cells = "\n".join(cell.source for cell in code_cells(self.path))
        code = hashlib.sha256((cells + fingerprint(files)).encode()).hexdigest()
        device = {"--device": self.device} if self.device else {}
        return {
            "lecture": self.path.stem,
            "code": code[:16],
            "parameters": self.values | device,
            "versions": versions() | {"machine": platform.machine()},
        }

    def fingerprint(self) -> str:
        """Hash of the identity."""
        return digest(self.identity())


def prepare(
    path: Path, asked: Iterable[str], limits: Limits, smoke: bool = False,
    device: str = "", every: float = EVERY,
) -> Job:  # fmt: skip
    """A job, of what the command line says.

    Raises:
        Stop: for an unknown parameter or an unfit value.
    """
    notebook = read(path, stamped=False)
    python_of(path)  # now, not after hours of training
    values = smoke_size(notebook, path) if smoke else {}
    wanted = list(asked)
    if device and _has_parameter(notebook, path, "device"):
        wanted, device = [*wanted, f"device={device}"], ""
    if wanted:
        values |= parsed(wanted, defaults(notebook, path), path)
    return Job(
        path, path.stem, values, limits, "" if device == "cpu" else device, every
    )


def _has_parameter(notebook: NotebookNode, path: Path, name: str) -> bool:
    tagged = any("parameters" in c.metadata.get("tags", []) for c in notebook.cells)
    return tagged and name in defaults(notebook, path)


def run(
    path: Path, parameters: Iterable[str], out: Path, limits: Limits,
    smoke: bool = False, script: bool = False,
) -> int:  # fmt: skip
    """Execute a lecture with other parameters; write notebook and results to ``out``.

    At another size a claim of the page may be false: a failed assertion is then
    reported and the run goes on, as it does after a failed check of ``dgm.checks``,
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
    job = prepare(path, parameters, limits, smoke)
    return write_script(job, out) if script else one(job, out)


def write_script(job: Job, out: Path) -> int:
    """``--script``: the notebook as a plain program; run nothing."""
    if job.device:
        raise Stop("--script takes no --device: call torch.set_default_device in it.")
    writable(out)
    target = out / f"{job.name}.py"
    write_atomically(target, jupytext.writes(job.notebook(), fmt="py:percent"))
    print(f"Wrote {target}; it needs PyTorch and dgm, no Jupyter.")
    return 0


def one(job: Job, out: Path, restart: bool = False, keep: Path | None = None) -> int:
    """Run one job and tell how it went; the exit status."""
    writable(out)
    say_now(f"Running {job.name} with {job.values or 'its own parameters'} ...")
    report = perform(job, out, say_now, restart)
    for claim in report["false_claims"]:
        print(claim)
    done = f"Done in {report['seconds']} s: {out / job.name}.ipynb, .json"
    print(report["failure"] or done)
    if keep is not None and not failed(report):
        write_atomically(keep, json.dumps(report, indent=1) + "\n")
        print(f"Kept as {keep}, for the scoreboard.")
    return 1 if failed(report) else 0


def failed(report: dict[str, Any]) -> bool:
    """Whether a run did not end, or a check failed in it."""
    return bool(report["failure"]) or any(FAULT in c for c in report["false_claims"])


def writable(out: Path) -> None:
    """Say at once if results cannot be written.

    Raises:
        Stop: if so.
    """
    with cannot_write(out):  # now, not after hours of training
        out.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=out).close()


def perform(
    job: Job, out: Path, say: Say = say_now, restart: bool = False
) -> dict[str, Any]:
    """Execute a job, from its checkpoint if there is one; write notebook and report.

    Raises:
        Stop: if a file cannot be written, or the same run is going on already.
    """
    made_by = _made_by(job)  # now: the files may change while it runs
    keeper = Checkpoints(out / f"{job.name}.checkpoint", job.identity())
    with keeper.alone():
        if restart:
            keeper.forget()
        elif found := keeper.find():
            say(found)
        notebook, found_out = _executed(job, keeper, say)
        report = {**made_by, **found_out}
        write_atomically(out / f"{job.name}.ipynb", to_json(notebook))
        write_atomically(out / f"{job.name}.json", json.dumps(report, indent=1) + "\n")
        if report["failure"] is None:
            keeper.remove()
    return report


def _made_by(job: Job) -> dict[str, Any]:
    return {
        "lecture": job.path.stem,
        "command": shlex.join(["dgm", *sys.argv[1:]]),
        "parameters": job.values,
        **provenance(cache_key(job.path)),
        **circumstances(job.place),
        "run": job.fingerprint(),
    }


def _executed(
    job: Job, keeper: Checkpoints, say: Say
) -> tuple[NotebookNode, dict[str, Any]]:
    """The executed notebook, and what it found out."""
    try:
        notebook, failure, seconds = _attempt(job, keeper, say)
    except Unrestored as error:
        say(f"The checkpoint {error}; this run starts from its first cell.")
        keeper.begin_again()
        notebook, failure, seconds = _attempt(job, keeper, say)
    return notebook, {
        "started": keeper.saved.started,
        "resumed": keeper.saved.resumed,
        "seconds": seconds,
        "failure": failure,
        "false_claims": false_claims(notebook, job.path),
        "records": records(notebook),
    }


def _attempt(
    job: Job, keeper: Checkpoints, say: Say
) -> tuple[NotebookNode, str | None, float]:
    """Execute what is left; the notebook, the failure, seconds over all attempts."""
    notebook = job.notebook()
    if first := keeper.saved.first:
        cell, title = number_in_file(notebook, first - 1), section(notebook, first)
        say(f"Going on after cell {cell}, in the section '{title}'.")
    trains = PACKAGE / "training.py" in modules_used(python_of(job.path))
    forgive = bool(job.values)
    aide = Attendant(job.name, keeper, job.every, job.device, trains, forgive, say)
    aide.quiet = say is not say_now  # several runs at a time have no room for bars
    names = FORGIVEN if forgive else []
    failure = run_notebook(notebook, job.path, job.limits, ENVIRONMENT, names, aide)
    if failure and keeper.saved.first:
        at = number_in_file(notebook, keeper.saved.first - 1)
        failure += f" The same command goes on after cell {at}."
    return notebook, failure, round(aide.seconds, 1)


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
