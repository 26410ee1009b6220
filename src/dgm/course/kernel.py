"""Run one notebook in a kernel of its own, and tell a failure in one sentence."""

import ast
import asyncio
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jupyter_client.kernelspec import NoSuchKernel
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode
from tqdm import tqdm
from traitlets import default

from dgm.course.files import cannot_write
from dgm.course.notebook import code_cells

# One thread a kernel, so that two of them do not fight over two cores, and so that sums
# round alike everywhere; no progress bars in a page.
ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "PYTHONHASHSEED": "0",
    "DGM_BOOK": "1",
    "DGM_RESULTS": "",  # the book shows its own results, whatever the user's shell says
    "CUBLAS_WORKSPACE_CONFIG": ":4096:8",  # CUDA's deterministic algorithms need it
}
SOCKETS: set[Path] = set()  # folders to remove, also when interrupted
ANSI = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True)
class Limits:
    """Seconds that a cell and a whole notebook may take."""

    cell: float = 120.0
    total: float = 300.0


class Aide:
    """What goes on beside the cells; this one does nothing."""

    quiet = False
    """Whether to show no bar."""

    async def begin(self, client: "Client") -> int:
        """Prepare the kernel; the index of the first cell that is to be executed."""
        return 0

    async def finished(self, client: "Client", index: int) -> None:
        """A cell has run, to its end or into a failure that is forgiven."""


class Client(NotebookClient):
    """An nbclient that knows its deadline and the cell it is at, and shows a bar."""

    def __init__(
        self, notebook: NotebookNode, path: Path, limits: Limits, aide: Aide
    ) -> None:
        self.aide, self.first = aide, -1
        self.sockets = _folder_for_sockets()
        super().__init__(
            notebook,
            kernel_manager_class=_speaking_through(self.sockets),
            timeout_func=self._allowed,
            startup_timeout=120,
            record_timing=False,  # time stamps would change the cache key
            on_cell_execute=self._started,
            on_cell_complete=self._completed,
            resources={"metadata": {"path": str(path.parent)}},
        )
        self.limits, self.current = limits, 0
        self.deadline = time.monotonic() + limits.total
        cells = sum(cell.cell_type == "code" for cell in notebook.cells)
        self.bar = tqdm(
            total=cells,
            desc=path.stem,
            unit="cell",
            leave=False,
            disable=aide.quiet or None,
        )

    async def async_execute_cell(
        self, cell: NotebookNode, cell_index: int, *args: Any, **options: Any
    ) -> NotebookNode:
        """Execute a cell, unless it was before the run was interrupted."""
        if self.first < 0:
            self.first = await self.aide.begin(self)
        if cell_index < self.first:
            self.bar.update(cell.cell_type == "code")
            self.code_cells_executed += bool(cell.get("execution_count"))
            return cell
        done = await super().async_execute_cell(cell, cell_index, *args, **options)
        await self.aide.finished(self, cell_index)
        return done

    async def ask(self, function: str, *words: str) -> str:
        """What a function ``module.name`` of this package returns in the kernel.

        It leaves no trace there. A failure is returned as one sentence.
        """
        module, _, name = function.rpartition(".")
        call = f"__import__('dgm.course.{module}', fromlist=['_']).{name}{words!r}"
        assert self.kc is not None
        message = self.kc.execute(
            "", silent=True, store_history=False, user_expressions={"it": call}
        )
        reply = await self.async_wait_for_reply(message)
        content = reply["content"] if reply else {}
        answer = content.get("user_expressions", {}).get("it", {})
        if answer.get("status") != "ok":
            return f"cannot {name}: {answer.get('ename')}: {answer.get('evalue')}"
        return str(ast.literal_eval(answer["data"]["text/plain"]) or "")

    def _allowed(self, cell: NotebookNode) -> float:
        return max(0.1, min(self.limits.cell, self.deadline - time.monotonic()))

    def _started(self, cell: NotebookNode, cell_index: int) -> None:
        self.current = number_in_file(self.nb, cell_index)

    def _completed(self, cell: NotebookNode, cell_index: int) -> None:
        self.bar.update(cell.cell_type == "code")

    def close(self) -> None:
        """Remove what was only for this run."""
        self.bar.close()
        forget(self.sockets)


def run_notebook(
    notebook: NotebookNode,
    path: Path,
    limits: Limits,
    environment: dict[str, str],
    forgive: Iterable[str] = (),
    aide: Aide | None = None,
) -> str | None:
    """Execute a notebook in place, in its own folder.

    Args:
        notebook: what to execute.
        path: where it came from, for its folder and for messages.
        limits: seconds for one cell and for all.
        environment: variables added to this process's own.
        forgive: names of exceptions after which the next cell is tried.
        aide: what goes on beside the cells.

    Returns:
        None, or one sentence that names notebook, cell and line.

    Raises:
        Stop: if the disk has no room for a kernel to start.
    """
    client = Client(notebook, path, limits, aide or Aide())
    client.allow_error_names = list(forgive)
    variables = {**os.environ, **environment}
    try:
        # What a notebook prints comes as messages; stderr is the kernel's own log.
        asyncio.run(client.async_execute(env=variables, stderr=subprocess.DEVNULL))
    except CellTimeoutError:
        over = time.monotonic() >= client.deadline
        limit = limits.total if over else limits.cell
        what = "the notebook" if over else "the cell"
        return f"{where(path, client.current)}: {what} ran longer than {limit:g} s."
    except CellExecutionError as error:
        place = where(path, client.current, error.traceback)
        return f"{place}: {error.ename}: {(error.evalue.splitlines() or [''])[0]}"
    except DeadKernelError:
        return f"{where(path, client.current)}: the kernel died (out of memory?)."
    except NoSuchKernel as error:
        return f"{short(path)}: there is no kernel named '{error.name}'."
    finally:
        client.close()
    return None


def _folder_for_sockets() -> Path:
    """A private folder, tried first: a kernel that cannot write there dies unheard."""
    place = Path(tempfile.gettempdir())
    if len(str(place)) > 70:  # the system allows about a hundred characters in all
        place = Path("/tmp")
    with cannot_write(place):
        folder = Path(tempfile.mkdtemp(prefix="dgm-", dir=place))
        SOCKETS.add(folder)
        try:
            (folder / "probe").write_text("x" * 1000)
        except OSError:
            forget(folder)
            raise
    return folder


def forget(*folders: Path) -> None:
    """Remove folders of sockets; all that are left, if none is named."""
    for folder in folders or tuple(SOCKETS):
        shutil.rmtree(folder, ignore_errors=True)
        SOCKETS.discard(folder)


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
        return f"{short(path)} (cell {number})"
    return f"{short(path)}:{cell.line + line_in_cell(traceback) - 1} (cell {number})"


def line_in_cell(traceback: str) -> int:
    """Line of the notebook's own cell in an IPython traceback, from 1."""
    inside = re.search(r"Cell In\[\d+\], line (\d+)", ANSI.sub("", traceback))
    return int(inside[1]) if inside else 1


def short(path: Path) -> Path:
    """A path as the user would write it."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path
