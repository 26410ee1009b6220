"""Grading throughput: how long a class's submissions take.

    python benchmarks/grading.py [--submissions 300] [--master solutions/SLUG.md]

Makes a folder of submissions to a problem set: of every twenty, one with an endless
loop as its first answer, seven with all answers, six with every second one and six
untouched. Grades them in the sandbox with ``dgm grade -j 1`` and ``-j 2``, into empty
folders. Seconds are those of the clock, since that is what one waits for: whatever else
the machine does makes them longer. CPU seconds of all processes stand beside them.

The hours for 300 submissions: 300 draws, each of a kind with the chances above and then
of a measured submission of that kind; 2.5 to 97.5 % of 2,000 such classes. Of a
submission's seconds some go into the start of a process with the libraries: that is
measured by itself, in the sandbox and without it.
"""

import argparse
import contextlib
import csv
import hashlib
import json
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil
from recording import ROOT, key_of, options, result, write

from dgm.course.files import Stop
from dgm.course.grading import sandbox
from dgm.course.grading.compiled import Vocabulary
from dgm.course.grading.master import read_master
from dgm.course.grading.release import master_as_submission
from dgm.course.grading.session import Session
from dgm.course.notebook import fingerprint as hash_of

KINDS = {"full": 7, "half": 6, "untouched": 6, "loop": 1}
"""Of twenty submissions."""
ORDER = [*["full", "half", "untouched"] * 3, "loop"]
ORDER += [*["full", "half", "untouched"] * 3, "full"]
SMALL = ROOT / "tests" / "grading" / "mini.md"
LOOP = "while True:\n    pass\n"
CLASS, CLASSES = 300, 2000


def kind_of(number: int) -> str:
    """What submission of that number is: the same in every block of twenty."""
    return ORDER[number % len(ORDER)]


def submission(master: Path, kind: str) -> str:
    """A notebook of that kind, as a student hands it in."""
    right, empty = (
        json.loads(master_as_submission(master, solved=solved))
        for solved in (True, False)
    )
    if kind == "untouched":
        return json.dumps(empty)
    answers = [
        number
        for number, cell in enumerate(right["cells"])
        if cell["metadata"].get("nbgrader", {}).get("solution")
    ]
    left_out = answers[1::2] if kind == "half" else []
    for number in left_out:
        right["cells"][number]["source"] = empty["cells"][number]["source"]
    if kind == "loop":
        right["cells"][answers[0]]["source"] = LOOP
    return json.dumps(right)


def hand_in(master: Path, folder: Path, count: int) -> None:
    """Write all submissions; each name begins with its kind."""
    folder.mkdir()
    for number in range(count):
        kind = kind_of(number)
        path = folder / f"{kind} {number:03}.ipynb"
        path.write_text(submission(master, kind), encoding="utf8")


def cpu_of(process: psutil.Process) -> dict[tuple[int, float], float]:
    """CPU seconds of a process and of all below it, by number and time of birth."""
    found = {}
    with contextlib.suppress(psutil.Error):
        for one in [process, *process.children(recursive=True)]:
            with contextlib.suppress(psutil.Error):
                spent = one.cpu_times()
                found[one.pid, one.create_time()] = spent.user + spent.system
    return found


def watched(command: list[str]) -> tuple[float, float]:
    """Seconds of the clock and of all processors that a command takes.

    Processes behind walls are killed, and a killed process tells nobody what it used.
    So we look ten times a second; a tenth of a second of each process goes unseen.

    Raises:
        Stop: if the command fails.
    """
    begin, cpu = time.monotonic(), {}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        while process.poll() is None:
            cpu |= cpu_of(psutil.Process(process.pid))
            time.sleep(0.1)
        wall = time.monotonic() - begin
        said = process.stdout.read() if process.stdout else ""
    if process.returncode:
        raise Stop(f"dgm grade failed: {said.strip()[-500:]}")
    return wall, sum(cpu.values())


def grade(master: Path, folder: Path, workers: int, limit: float) -> dict[str, Any]:
    """One run of the command.

    Raises:
        Stop: if it fails.
    """
    out = folder.parent / f"marks-{workers}"
    words = ["grade", master, folder, "--out", out, "-j", workers]
    words += ["--cell-limit", limit]
    command = [sys.executable, "-m", "dgm.course.cli", *map(str, words)]
    wall, cpu = watched(command)
    rows = list(csv.DictReader((out / "marks.csv").open(encoding="utf-8-sig")))
    seconds: dict[str, list[float]] = {kind: [] for kind in KINDS}
    marks: dict[str, set[float]] = {kind: set() for kind in KINDS}
    for row in rows:
        kind = row["name"].split()[0]
        seconds[kind].append(float(row["seconds"]))
        marks[kind].add(float(row["total"]))
    _check(marks, sum(cell.points for cell in read_master(master).of("test")))
    return {
        "workers": workers,
        "cell_limit": limit,
        "submissions": len(rows),
        "wall_seconds": round(wall, 2),
        "cpu_seconds": round(cpu, 2),
        "a_minute": 60 * len(rows) / wall,
        **{f"seconds_{kind}": values for kind, values in seconds.items()},
        **{f"marks_{kind}": sorted(values) for kind, values in marks.items()},
        **extrapolated(seconds, workers),
    }


def _check(marks: dict[str, set[float]], most: float) -> None:
    """Equal work gets equal marks, and better work better ones."""
    for kind, values in marks.items():
        if len(values) > 1:
            raise Stop(f"Equal submissions ({kind}) got the marks {sorted(values)}.")
    if marks["full"] != {most}:
        raise Stop(f"All answers right got {sorted(marks['full'])} of {most} points.")
    found = [max(marks[kind]) for kind in ("full", "half", "untouched") if marks[kind]]
    if found != sorted(found, reverse=True) or len(set(found)) < len(found):
        raise Stop(f"Full, half and untouched submissions got the marks {found}.")


def extrapolated(seconds: dict[str, list[float]], workers: int) -> dict[str, float]:
    """Hours for a class of 300, and 95 % of such classes."""
    chance = random.Random(0)
    kinds = [kind for kind in KINDS if seconds[kind]]
    weights = [KINDS[kind] for kind in kinds]
    totals = []
    for _ in range(CLASSES):
        drawn = chance.choices(kinds, weights, k=CLASS)
        totals.append(sum(chance.choice(seconds[kind]) for kind in drawn))
    hours = sorted(total / workers / 3600 for total in totals)
    low, high = hours[CLASSES // 40], hours[-CLASSES // 40]
    return {"hours": sum(hours) / CLASSES, "hours_low": low, "hours_high": high}


def starts(master: Path, unsafe: bool, times: int) -> dict[str, list[float]]:
    """Seconds until a process with the problem set's libraries is ready."""
    walls = sandbox.choose(unsafe)
    imports = Vocabulary.of(read_master(master)).imports
    wall, cpu = [], []
    for _ in range(times):
        begin = time.monotonic()
        session = Session(walls, imports, 300.0)
        wall.append(time.monotonic() - begin)
        cpu.append(sum(cpu_of(psutil.Process(session.process.pid)).values()))
        session.close()
    where = "outside" if unsafe else "inside"
    return {f"start_{where}": wall, f"start_{where}_cpu": cpu}


def fingerprint() -> str:
    """Of this script, of the grader, and of the small problem set."""
    engine = sorted((ROOT / "src" / "dgm" / "course" / "grading").rglob("*.py"))
    own = key_of(Path(__file__).read_text("utf8"), {})
    both = own + hash_of([*engine, SMALL])
    return hashlib.sha256(both.encode()).hexdigest()[:32]


def parser() -> argparse.ArgumentParser:
    """The benchmark's own options beside the common ones."""
    own = options("grading", __doc__)
    own.add_argument("--submissions", type=int, default=20, metavar="N")
    own.add_argument("--master", type=Path, default=SMALL)
    own.add_argument("--cell-limit", type=float, default=20.0, metavar="SECONDS")
    return own


def main() -> None:
    """Hand in, grade, say, write."""
    chosen, key = parser().parse_args(), fingerprint()
    count = 2 if chosen.smoke else chosen.submissions
    limit = chosen.cell_limit
    runs: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name, "submissions")
        hand_in(chosen.master, folder, count)
        for workers in (2,) if chosen.smoke else (1, 2):
            runs.append(grade(chosen.master, folder, workers, limit))
    times = 1 if chosen.smoke else 8
    start = starts(chosen.master, False, times) | starts(chosen.master, True, times)
    settings = {"master": chosen.master.name, "cell_limit": limit, "seed": 0}
    settings |= {"class": CLASS, "classes": CLASSES, "of_twenty": KINDS}
    found = result("grading", key, settings, [r | start for r in runs])
    write(chosen.out, found)
    print(json.dumps(found["runs"], indent=1))


if __name__ == "__main__":
    try:
        main()
    except Stop as stop:
        sys.exit(str(stop))
