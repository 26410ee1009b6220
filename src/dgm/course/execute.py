"""Execute the book's notebooks in parallel, and keep what they showed.

Finished notebooks go into jupyter-cache one by one, so that an interrupted build goes
on where it stopped and the site's build finds everything executed.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn, JupyterCacheAbstract
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode, ValidationError
from sqlalchemy.exc import SQLAlchemyError
from tqdm import tqdm
from traitlets import default

from dgm.course.files import Stop, cannot_write
from dgm.course.notebook import code_cells, read

CACHE = Path("_build/cache")
KEEP = 3
# One thread a kernel, so that two of them do not fight over two cores, and so that sums
# round alike everywhere; no progress bars in a page.
ENVIRONMENT = {"OMP_NUM_THREADS": "1", "PYTHONHASHSEED": "0", "DGM_BOOK": "1"}
ANSI = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True)
class Limits:
    """Seconds that a cell and a whole notebook may take."""

    cell: float = 120.0
    total: float = 300.0


def execute(
    paths: Iterable[Path],
    cache_folder: Path,
    workers: int = 2,
    limits: Limits = Limits(),  # noqa: B008  (frozen)
    say: Callable[[str], None] = print,
) -> list[str]:
    """Execute the notebooks that the cache does not hold; longest first.

    Args:
        paths: MyST notebooks.
        cache_folder: where jupyter-cache keeps the outputs.
        workers: notebooks at a time.
        limits: seconds for one cell and for one notebook.
        say: receives one line for each notebook.

    Returns:
        One sentence for each notebook that failed; the others are unaffected.

    Raises:
        Stop: if the cache cannot be written.
    """
    cache = get_cache(cache_folder)
    todo = [path for path in paths if cached(path, cache) is None]
    todo.sort(key=lambda path: -_seconds_last_time(path, cache))
    failures, done = [], 0
    pool = ThreadPoolExecutor(workers)
    running = {pool.submit(_execute_one, path, limits): path for path in todo}
    try:
        for future in _as_completed(running):
            path, done = running[future], done + 1
            notebook, seconds, failure = future.result()
            if failure:
                failures.append(failure)
            else:
                _keep(cache, path, notebook, seconds)
            state = "FAILED" if failure else "done"
            say(f"[{done}/{len(todo)}] {path.stem:<34} {seconds:6.1f} s  {state}")
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
    return failures


def _as_completed(running: dict[Future, Path]) -> Iterable[Future]:  # type: ignore[type-arg]
    left = set(running)
    while left:
        finished, left = wait(left, return_when=FIRST_COMPLETED)
        yield from finished


def cached(path: Path, cache: JupyterCacheAbstract) -> NotebookNode | None:
    """The notebook with the outputs the cache holds for it, or None.

    A record that a full disk or a power cut left half-written counts as absent.
    """
    notebook: NotebookNode
    try:
        _, notebook = cache.merge_match_into_notebook(read(path))
    except (KeyError, OSError, ValueError, ValidationError):
        return None
    return notebook


def _execute_one(path: Path, limits: Limits) -> tuple[NotebookNode, float, str | None]:
    notebook = read(path)
    start = time.monotonic()
    failure = run_notebook(notebook, path, limits, ENVIRONMENT)
    return notebook, time.monotonic() - start, failure


def run_notebook(
    notebook: NotebookNode,
    path: Path,
    limits: Limits,
    environment: dict[str, str],
    forgive: Iterable[str] = (),
) -> str | None:
    """Execute a notebook in place, in its own folder.

    Args:
        notebook: what to execute.
        path: where it came from, for its folder and for messages.
        limits: seconds for one cell and for all.
        environment: variables added to this process's own.
        forgive: names of exceptions after which the next cell is tried.

    Returns:
        None, or one sentence that names notebook, cell and line.

    Raises:
        Stop: if the disk has no room for a kernel to start.
    """
    deadline = time.monotonic() + limits.total
    current = 0

    def started(cell: NotebookNode, cell_index: int) -> None:
        nonlocal current
        current = number_in_file(notebook, cell_index)

    def allowed(cell: NotebookNode) -> float:
        return max(0.1, min(limits.cell, deadline - time.monotonic()))

    sockets = _folder_for_sockets()
    cells = sum(cell.cell_type == "code" for cell in notebook.cells)
    bar = tqdm(total=cells, desc=path.stem, unit="cell", leave=False, disable=None)
    client = NotebookClient(
        notebook,
        kernel_manager_class=_speaking_through(sockets),
        timeout_func=allowed,
        startup_timeout=120,
        record_timing=False,  # time stamps would change the cache key
        on_cell_execute=started,
        on_cell_complete=lambda cell, cell_index: bar.update(cell.cell_type == "code"),
        allow_error_names=list(forgive),
        resources={"metadata": {"path": str(path.parent)}},
    )
    try:
        # What a notebook prints comes as messages; stderr is the kernel's own log.
        client.execute(env={**os.environ, **environment}, stderr=subprocess.DEVNULL)
    except CellTimeoutError:
        over = time.monotonic() >= deadline
        limit = limits.total if over else limits.cell
        what = "the notebook" if over else "the cell"
        return f"{where(path, current)}: {what} ran longer than {limit:g} s."
    except CellExecutionError as error:
        return f"{where(path, current, error.traceback)}: {error.ename}: {error.evalue}"
    except DeadKernelError:
        return f"{where(path, current)}: the kernel died (out of memory?)."
    finally:
        bar.close()
        shutil.rmtree(sockets, ignore_errors=True)
    return None


def _folder_for_sockets() -> Path:
    """A private folder, tried first: a kernel that cannot write there dies unheard."""
    place = Path(tempfile.gettempdir())
    if len(str(place)) > 70:  # the system allows about a hundred characters in all
        place = Path("/tmp")
    with cannot_write(place):
        folder = Path(tempfile.mkdtemp(prefix="dgm-", dir=place))
        try:
            (folder / "probe").write_text("x" * 1000)
        except OSError:
            shutil.rmtree(folder)
            raise
    return folder


def _speaking_through(folder: Path) -> type[AsyncKernelManager]:
    """A kernel manager that uses sockets in a folder instead of TCP ports.

    Two kernels that start at the same moment may choose the same free port, and one of
    them dies; files in a folder of one's own cannot be taken by another.
    """

    class Manager(AsyncKernelManager):
        @default("transport")
        def _ipc(self) -> str:
            return "ipc"

        @default("connection_file")
        def _private(self) -> str:
            return str(folder / "kernel.json")

    return Manager


def number_in_file(notebook: NotebookNode, index: int) -> int:
    """Number of a code cell in the lecture's file, which has no injected parameters."""
    return sum(
        cell.cell_type == "code"
        and "injected-parameters" not in cell.metadata.get("tags", [])
        for cell in notebook.cells[: index + 1]
    )


def where(path: Path, number: int, traceback: str = "") -> str:
    """``lectures/x.md:120 (cell 7)``: the line of the file, for editors to open."""
    cell = next((c for c in code_cells(path) if c.number == number), None)
    if cell is None:
        return f"{_short(path)} (cell {number})"
    return f"{_short(path)}:{cell.line + line_in_cell(traceback) - 1} (cell {number})"


def line_in_cell(traceback: str) -> int:
    """Line of the notebook's own cell in an IPython traceback, from 1."""
    inside = re.search(r"Cell In\[\d+\], line (\d+)", ANSI.sub("", traceback))
    return int(inside[1]) if inside else 1


def _short(path: Path) -> Path:
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def _seconds_last_time(path: Path, cache: JupyterCacheAbstract) -> float:
    """How long it took when last executed; one never executed goes first."""
    records = [r for r in cache.list_cache_records() if r.uri == str(path)]
    if not records:
        return float("inf")
    newest = max(records, key=lambda r: r.created)
    return float(newest.data.get("execution_seconds", 0.0))


def _keep(
    cache: JupyterCacheAbstract, path: Path, notebook: NotebookNode, seconds: float
) -> None:
    """Put an executed notebook into the cache, and forget all but its last few."""
    bundle = CacheBundleIn(
        notebook, str(path), data={"execution_seconds": round(seconds, 2)}
    )
    try:
        cache.cache_notebook_bundle(bundle, check_validity=False, overwrite=True)
        records = [r for r in cache.list_cache_records() if r.uri == str(path)]
        for old in sorted(records, key=lambda r: r.created)[:-KEEP]:
            cache.remove_cache(old.pk)
    except (OSError, SQLAlchemyError) as error:
        raise Stop(
            f"Cannot keep the outputs of {path.name} in {cache.path}: {error}. Free "
            "some space and run the same command again; what is done stays done."
        ) from error


def main(paths: list[Path], root: Path, workers: int, limits: Limits) -> int:
    """``dgm execute``: exit status 0 if every notebook ran to its end."""
    start = time.monotonic()
    try:
        failures = execute(paths, root / CACHE, workers, limits)
    except KeyboardInterrupt:
        _leave("Interrupted; what is done stays done: the same command goes on.", 130)
    except Stop as stop:
        _leave(str(stop), 1)
    for failure in failures:
        print(failure, file=sys.stderr)
    good = len(paths) - len(failures)
    print(f"{good} of {len(paths)} notebooks ready, {time.monotonic() - start:.1f} s.")
    return 1 if failures else 0


def _leave(message: str, status: int) -> NoReturn:
    """End at once, without waiting for kernels: each ends when its parent is gone."""
    print(message, file=sys.stderr, flush=True)
    sys.stdout.flush()
    os._exit(status)
