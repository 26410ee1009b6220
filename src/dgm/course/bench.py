"""``dgm bench``: what the book costs, measured beside its budgets."""

import csv
import io
import os
import platform
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

from dgm.course.execute import execute
from dgm.course.files import Stop, write_atomically
from dgm.course.kernel import Limits

TABLE = Path("results/budgets.csv")
LECTURE, WHOLE, UNCHANGED, PROSE, AFTER_CODE, PAGE = 60, 480, 10, 15, 15, 1500
YARDSTICK = 1.0  # ms of a core for which the budgets are meant
PATIENT = Limits(cell=600.0, total=1800.0)  # what is too slow is measured too
LEFT_OUT = shutil.ignore_patterns("_build", ".git", ".venv", "__pycache__")


class Cost(NamedTuple):
    """One line of the table."""

    what: str
    measured: float
    budget: float
    unit: str = "s"

    def cells(self) -> list[str]:
        """The line as text."""
        kept = "yes" if self.measured <= self.budget else "NO"
        places = 1 if self.unit == "s" else 0
        measured = f"{self.measured:.{places}f} {self.unit}"
        return [self.what, measured, f"{self.budget:.0f} {self.unit}", kept]


def main(root: Path, paths: list[Path], book: bool) -> int:
    """Measure and print the table.

    Args:
        root: folder of the book.
        paths: notebooks to execute.
        book: also build the book, and keep the table for its page about budgets.
    """
    costs: list[Cost] = []
    seconds = {}
    for path in paths:
        costs += lecture_costs(root, path)
        seconds[path] = costs[-2].measured
        print("  ".join(costs[-2].cells()), flush=True)
    if book:
        costs += build_costs(root, max(seconds, key=lambda path: seconds[path]))
    rows = [["what", "measured", "budget", "kept"], *(cost.cells() for cost in costs)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print("  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)))
    if book:
        keep(root / TABLE, rows)
    return 0 if all(cost.measured <= cost.budget for cost in costs) else 1


def lecture_costs(root: Path, path: Path) -> list[Cost]:
    """CPU seconds of one notebook, executed alone on one thread; weight of its page.

    The seconds are those of a core that needs ``YARDSTICK`` milliseconds for the
    yardstick, which is measured before, meanwhile, and afterwards.
    """
    with tempfile.TemporaryDirectory() as folder, Speed() as speed:
        before = children_seconds()
        failures = execute([path], Path(folder), 1, PATIENT, lambda line: None)
        seconds = children_seconds() - before
    if failures:
        raise Stop(failures[0])
    seconds *= YARDSTICK / speed.mean()
    docname = path.relative_to(root).with_suffix("").as_posix()
    weight = page_kilobytes(root, docname)
    return [
        Cost(f"{docname}: execution", seconds, LECTURE),
        Cost(f"{docname}: page", weight, PAGE, "kB"),
    ]


def children_seconds() -> float:
    """CPU seconds of processes that this one has waited for, such as a kernel.

    On a quiet machine they pass as on the clock; whatever else runs is not counted.
    """
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


class Speed:
    """Takes the yardstick every few seconds while something else is measured."""

    def __init__(self, pause: float = 5.0) -> None:
        self.pause = pause
        self.taken: list[float] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._take)

    def _take(self) -> None:
        self.taken.append(yardstick())
        while not self._over.wait(self.pause):
            self.taken.append(yardstick(100))

    def mean(self) -> float:
        """Milliseconds of one update, on average."""
        return sum(self.taken) / len(self.taken)

    def __enter__(self) -> "Speed":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self.taken.append(yardstick())


def page_kilobytes(root: Path, docname: str) -> int:
    """Weight of a built page: its HTML and the pictures it shows.

    Raises:
        Stop: if the page is not built.
    """
    site = root / "_build" / "html"
    page = site / f"{docname}.html"
    if not page.is_file():
        raise Stop(f"There is no page {page}: run `make book` first.")
    html = page.read_text("utf8")
    images = [i for i in (site / "_images").glob("*") if f"_images/{i.name}" in html]
    return (len(html.encode()) + sum(i.stat().st_size for i in images)) // 1000


def build_costs(root: Path, lecture: Path) -> list[Cost]:
    """Seconds of `make book` in a copy: everything, nothing, a word, a line of code.

    They pass on the clock of a machine whose cores need ``YARDSTICK`` milliseconds for
    the yardstick, which is measured as for a lecture.
    """
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "book"
        shutil.copytree(root, copy, ignore=LEFT_OUT)
        edited = copy / lecture.relative_to(root)
        whole, unchanged = build_seconds(copy), build_seconds(copy)
        with edited.open("a", encoding="utf8") as text:
            text.write("\nOne more sentence.\n")
        prose = build_seconds(copy)
        with edited.open("a", encoding="utf8") as text:
            text.write("\n```{code-cell} ipython3\nassert True\n```\n")
        code = build_seconds(copy)
    name = lecture.stem
    return [
        Cost("the whole book, from nothing", whole, WHOLE),
        Cost("nothing changed", unchanged, UNCHANGED),
        Cost(f"prose of {name} edited", prose, PROSE),
        Cost(f"code of {name} edited", code, LECTURE + AFTER_CODE),
    ]


def build_seconds(root: Path) -> float:
    """Seconds to execute and build what is stale, as `make book` does.

    Raises:
        Stop: if the book does not build.
    """
    book = Path(sys.executable).with_name("jupyter-book")
    with Speed() as speed:
        start = time.monotonic()
        for words in (
            [sys.executable, "-m", "dgm.course.cli", "execute"],
            [str(book), "build", "-q", "-W", "-n", "--keep-going", "."],
        ):
            done = subprocess.run(
                words, cwd=root, capture_output=True, text=True, check=False
            )
            if done.returncode:
                said = (done.stdout + done.stderr)[-800:]
                raise Stop(f"The book does not build: {said}")
        seconds = time.monotonic() - start
    return seconds * YARDSTICK / speed.mean()


def yardstick(updates: int = 300) -> float:
    """CPU milliseconds of one update of a small network: how fast a core is just now.

    The same machine may be half as fast on another day, and so are its lectures then.
    """
    import torch

    torch.set_num_threads(1)
    net = torch.nn.Sequential(
        torch.nn.Linear(64, 500), torch.nn.ReLU(), torch.nn.Linear(500, 64)
    )
    adam, batch = torch.optim.Adam(net.parameters()), torch.zeros(100, 64)
    start = time.thread_time()
    for _ in range(updates):
        adam.zero_grad()
        net(batch).square().mean().backward()
        adam.step()
    return 1000 * (time.thread_time() - start) / updates


def keep(path: Path, rows: list[list[str]]) -> None:
    """Write the table; its last line tells the machine and how fast a core is."""
    machine = (
        f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, "
        f"Python {platform.python_version()}, torch {version('torch')}; "
        f"{yardstick():.2f} ms for the yardstick"
    )
    text = io.StringIO()
    lines = [*rows, ["measured on", machine, "", ""]]
    csv.writer(text, lineterminator="\n").writerows(lines)
    write_atomically(path, text.getvalue())
