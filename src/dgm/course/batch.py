"""``dgm run`` for several lectures or seeds: here or on a cluster, one run each."""

import argparse
import json
import shlex
import sys
import tempfile
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from dgm.course import run, summary
from dgm.course.cluster import each
from dgm.course.files import Stop, write_atomically
from dgm.course.kernel import Limits
from dgm.course.notebook import python_of, read, results_used, root_of
from dgm.course.parameters import defaults, seeds
from dgm.course.run import Job

Result = tuple[str, dict[str, Any], str]
"""Name, report and notebook of a run; the notebook is empty if it is written."""


@dataclass(frozen=True)
class Parcel:
    """A job with all that a machine needs that has ``dgm`` and nothing else of ours."""

    job: Job
    files: dict[str, str]
    fingerprint: str
    out: Path
    token: str
    """Name of a file in ``out``: who sees it there shares the folder."""


def main(options: argparse.Namespace) -> int:
    """``dgm run``: one run, or a table of many; the exit status."""
    limits = Limits(options.cell_limit, options.limit)
    if options.device and not options.cluster:  # of which the workers know
        _check(options.device)
    jobs = [
        run.prepare(
            run.slug_or_path(name),
            options.p,
            limits,
            options.smoke,
            options.device or "",
            options.save_every,
        )
        for name in dict.fromkeys(options.notebooks)
    ]
    if options.script:
        return max(run.write_script(job, options.out) for job in jobs)
    if len(jobs) == 1 and not (options.seeds or options.cluster):
        return run.one(jobs[0], options.out, options.restart, _kept(options, jobs[0]))
    if options.keep:
        raise Stop("--keep is for one run: leave --seeds, --cluster and -j out.")
    return many(list(seeded(jobs, options.seeds)), options)


def _check(device: str) -> None:
    from dgm.course.device import check  # it needs torch, which takes its time

    check(device)


def _kept(options: argparse.Namespace, job: Job) -> Path | None:
    """Where the scoreboard looks for reports of full-size runs."""
    if not options.keep:
        return None
    if Path(options.keep).name != options.keep:
        raise Stop(f"'--keep {options.keep}' must be a name, not a path.")
    return root_of(job.path) / "results" / "full" / f"{options.keep}.json"


def seeded(jobs: Iterable[Job], text: str | None) -> Iterable[Job]:
    """A job for each seed, or the jobs themselves.

    Raises:
        Stop: if a lecture has no parameter ``seed``.
    """
    for job in jobs:
        if text is None:
            yield job
            continue
        if "seed" not in defaults(read(job.path, stamped=False), job.path):
            raise Stop(f"{job.path.name} has no parameter 'seed': leave --seeds out.")
        for seed in seeds(text):
            values = job.values | {"seed": seed}
            yield replace(job, name=f"{job.name}-seed-{seed}", values=values)


def many(jobs: list[Job], options: argparse.Namespace) -> int:
    """Run what is not done yet, and summarise all; 1 if a run failed."""
    out: Path = options.out
    run.writable(out)
    reports = {} if options.restart else _done(jobs, out)
    todo = [job for job in jobs if job.name not in reports]
    print(f"{len(jobs)} runs, of which {len(reports)} are done.", flush=True)
    for count, (name, report, notebook) in enumerate(_results(todo, options), 1):
        reports[name] = report
        if notebook:
            report["command"] = shlex.join(["dgm", *sys.argv[1:]])
            write_atomically(out / f"{name}.ipynb", notebook)
            write_atomically(out / f"{name}.json", json.dumps(report, indent=1) + "\n")
        state = report["failure"] or ("FAILED CHECK" if run.failed(report) else "done")
        line = f"[{count}/{len(todo)}] {name:<40} {report['seconds']:8.1f} s  {state}"
        print(line, flush=True)
    summary.write(out / "summary.json", [reports[job.name] for job in jobs])
    bad = [job.name for job in jobs if run.failed(reports[job.name])]
    if bad:
        print(
            f"{len(bad)} of {len(jobs)} failed; the same command tries those again "
            "that ended with an error."
        )
    return 1 if bad else 0


def _done(jobs: list[Job], out: Path) -> dict[str, dict[str, Any]]:
    """Reports of an earlier batch that are of these very runs and did not fail."""
    found = {}
    for job in jobs:
        try:
            report = json.loads((out / f"{job.name}.json").read_text("utf8"))
            if report["run"] == job.fingerprint() and not report["failure"]:
                found[job.name] = report
        except (OSError, ValueError, KeyError, TypeError):
            continue  # none, or an older or a damaged one
    return found


def _results(jobs: list[Job], options: argparse.Namespace) -> Iterable[Result]:
    token = f".{uuid.uuid4().hex}"
    parcels = [_parcel(job, options, token) for job in jobs]
    if options.cluster:
        (options.out / token).touch()
    try:
        yield from each(carry_out, parcels, options.j, options.cluster, _lost)
    finally:
        (options.out / token).unlink(missing_ok=True)


def _parcel(job: Job, options: argparse.Namespace, token: str) -> Parcel:
    files = {}
    if options.cluster:
        root = root_of(job.path)
        used = [job.path, *results_used(job.path, python_of(job.path))]
        files = {f.relative_to(root).as_posix(): f.read_text("utf8") for f in used}
    return Parcel(job, files, job.fingerprint(), options.out.resolve(), token)


def carry_out(parcel: Parcel) -> Result:
    """Run one parcel, here or on a worker; never raises, so that no other suffers."""
    try:
        return _carried_out(parcel) if parcel.files else _run(parcel.job, parcel.out)
    except Stop as stop:
        return _lost(parcel, stop)
    except Exception as error:  # noqa: BLE001
        return _lost(parcel, error)


def _run(job: Job, out: Path) -> Result:
    return job.name, run.perform(job, out, lambda line: print(line, flush=True)), ""


def _carried_out(parcel: Parcel) -> Result:
    """On a worker: make a course of the parcel's files, and run it there."""
    with tempfile.TemporaryDirectory(prefix="dgm-") as folder:
        root = Path(folder).resolve()
        for name, text in {"_toc.yml": "", **parcel.files}.items():
            write_atomically(root / name, text)
        job = replace(parcel.job, path=root / next(iter(parcel.files)))
        _check(job.place)
        if job.fingerprint() != parcel.fingerprint:
            raise Stop("the worker has another version of dgm, Python or a library.")
        shared = (parcel.out / parcel.token).exists()
        out = parcel.out if shared else root / "out"
        name, report, _ = _run(job, out)
        text = json.dumps(report).replace(f"{root}/", "")
        return name, json.loads(text), (out / f"{name}.ipynb").read_text("utf8")


def _lost(parcel: Parcel, error: Exception) -> Result:
    """The report of a run that did not even begin, or whose worker was lost."""
    what = str(error) if isinstance(error, Stop) else f"{type(error).__name__}: {error}"
    report = {
        "lecture": parcel.job.path.stem,
        "parameters": parcel.job.values,
        "records": [],
        "false_claims": [],
        "failure": f"{parcel.job.name}: {what}"[:500],
        "seconds": 0.0,
    }
    return parcel.job.name, report, ""
