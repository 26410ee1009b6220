"""Execute the book's notebooks in parallel, and keep what they showed.

Finished notebooks go into jupyter-cache one by one, so that an interrupted build goes
on where it stopped and the site's build finds everything executed.
"""

import fcntl
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn, JupyterCacheAbstract
from nbformat import NotebookNode, ValidationError
from sqlalchemy.exc import SQLAlchemyError

from dgm.course.files import Stop, cannot_write
from dgm.course.kernel import (
    ENVIRONMENT,
    Limits,
    forget,
    number_in_file,
    run_notebook,
    short,
    where,
)
from dgm.course.notebook import in_toc, is_notebook, read

CACHE = Path("_build/cache")
KEEP = 3  # executed versions of a notebook that the cache remembers
LARGEST_OUTPUT = 5_000_000  # characters that one cell may show


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
    cache = open_cache(cache_folder)
    todo, failures = _not_cached(paths, cache)
    todo.sort(key=lambda path: -_seconds_last_time(path, cache))
    pool = ThreadPoolExecutor(workers)
    running = {pool.submit(_execute_one, path, limits): path for path in todo}
    try:
        for done, future in enumerate(_as_completed(running), 1):
            path = running[future]
            notebook, seconds, failure = future.result()
            failure = failure or _moved_on(path, notebook)
            if failure:
                failures.append(failure)
            else:
                _keep(cache, path, notebook, seconds)
            state = "FAILED" if failure else "done"
            say(f"[{done}/{len(todo)}] {path.stem:<34} {seconds:6.1f} s  {state}")
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
    return failures


def _not_cached(
    paths: Iterable[Path], cache: JupyterCacheAbstract
) -> tuple[list[Path], list[str]]:
    """Notebooks to execute, and a sentence for each that cannot even be read."""
    todo, failures = [], []
    for path in paths:
        try:
            if cached(path, cache) is None:
                todo.append(path)
        except Stop as stop:
            failures.append(str(stop))
    return todo, failures


def _as_completed(running: dict[Future, Path]) -> Iterator[Future]:  # type: ignore[type-arg]
    left = set(running)
    while left:
        finished, left = wait(left, return_when=FIRST_COMPLETED)
        yield from finished


def open_cache(folder: Path) -> JupyterCacheAbstract:
    """The book's cache, in a folder of its own.

    Raises:
        Stop: if the folder or its data base cannot be used.
    """
    try:
        cache = get_cache(folder)
        cache.list_cache_records()
    except (OSError, RuntimeError, SQLAlchemyError) as error:
        reason = " ".join(str(error).split())[:200]
        raise Stop(
            f"Cannot use the cache {folder} ({reason}): make it writable, or remove it "
            "with `make clean`, and run the same command again."
        ) from None
    return cache


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
    try:
        failure = run_notebook(notebook, path, limits, ENVIRONMENT)
    except Stop as stop:
        failure = str(stop)
    return notebook, time.monotonic() - start, failure or _too_much(path, notebook)


def _too_much(path: Path, notebook: NotebookNode) -> str | None:
    """A page with megabytes of output would take minutes to build and to load."""
    for index, cell in enumerate(notebook.cells):
        size = sum(len(str(output)) for output in cell.get("outputs", []))
        if size > LARGEST_OUTPUT:
            place = where(path, number_in_file(notebook, index))
            most = LARGEST_OUTPUT // 1_000_000
            return f"{place}: its output has {size // 1_000_000} MB; at most {most}."
    return None


def _moved_on(path: Path, notebook: NotebookNode) -> str | None:
    """What ran must be what is there now: its outputs are kept under that key."""
    if read(path).metadata.kernelspec == notebook.metadata.kernelspec:
        return None
    return f"{short(path)}: something that it uses changed while it ran; run it again."


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
    listed = in_toc(root)
    for path in sorted((root / "lectures").glob("*.md")):
        if path not in listed and ".draft" not in path.name and is_notebook(path):
            print(f"{short(path)} is not in _toc.yml, so it is no part of the book.")
    try:
        with _alone(root / CACHE):
            failures = execute(paths, root / CACHE, workers, limits)
    except Stop as stop:
        leave(str(stop), 1)
    for failure in failures:
        print(failure, file=sys.stderr)
    good = len(paths) - len(failures)
    print(f"{good} of {len(paths)} notebooks ready, {time.monotonic() - start:.1f} s.")
    return 1 if failures else 0


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Let one command at a time use a cache; another waits for its turn."""
    with cannot_write(folder):
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder.parent / ".lock").open("w")
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("Another command executes notebooks here; waiting.", flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def leave(message: str, status: int) -> NoReturn:
    """End at once, without waiting for kernels: each ends when its parent is gone."""
    print(message, file=sys.stderr, flush=True)
    sys.stdout.flush()
    forget()
    for child in multiprocessing.active_children():
        child.terminate()
    os._exit(status)


def on_interrupt() -> None:
    """From now on Ctrl-C says one sentence, whatever is going on, and ends."""
    said = "Interrupted; what is done stays done: the same command goes on."
    signal.signal(signal.SIGINT, lambda *_: leave(said, 130))
