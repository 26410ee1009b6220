"""Beside a run: what is going on, said now and then; checkpoints after cells."""

import asyncio
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

from nbformat import NotebookNode

from dgm.course.checkpoint import Checkpoints
from dgm.course.files import Stop
from dgm.course.kernel import Aide, Client, number_in_file

TERMINAL = 1.0  # seconds from one sign of life to the next
FILE = "DGM_PROGRESS"  # environment: the same where nobody looks on; a minute, if unset
DEAREST = 20  # a checkpoint may take a twentieth of the time


class Attendant(Aide):
    """Prepares the kernel, shows progress, saves and restores.

    Args:
        name: of the run, for messages.
        keeper: checkpoints; none are written if None.
        every: seconds of work from one checkpoint to the next.
        device: for the kernel, if the lecture itself takes none.
        notes: whether the notebook trains with ``dgm.training``.
        forgive: whether cells go on after a false claim.
        say: receives one line at a time.
    """

    def __init__(
        self,
        name: str,
        keeper: Checkpoints | None,
        every: float,
        device: str = "",
        notes: bool = False,
        forgive: bool = False,
        say: Callable[[str], None] = print,
    ) -> None:
        self.name, self.keeper, self.every, self.say = name, keeper, every, say
        self.device, self.notes, self.forgive = device, notes, forgive
        self.index = 0
        self.worked, self.since, self.cost = 0.0, time.monotonic(), 0.0
        self.often = float(os.environ.get(FILE) or 60)
        self.told: set[str] = set()

    # ---- The kernel ---------------------------------------------------------------

    async def begin(self, client: Client) -> int:
        """Prepare the kernel, and go on where the checkpoint is, if there is one."""
        notes = str(client.sockets / "step") if self.notes else ""
        forgive = "yes" if self.forgive else ""
        failed = await client.ask("inside.begin", notes, self.device, forgive)
        if failed and self.device:
            raise Stop(f"Cannot use {self.device} for {self.name}: {failed}.")
        first = await self._restore(client)
        self.since = time.monotonic()
        self.index = first
        self.task = asyncio.ensure_future(self._watch(client))
        return first

    async def _restore(self, client: Client) -> int:
        keeper = self.keeper
        if keeper is None or not keeper.saved.first:
            return 0
        path = str(keeper.folder.resolve() / keeper.saved.state)
        if failed := await client.ask("state.restore", path):
            raise Unrestored(failed)
        keeper.go_on(client.nb)
        self.worked = keeper.saved.seconds
        return keeper.saved.first

    async def finished(self, client: Client, index: int) -> None:
        """Save, if there was work enough since the last time and more is to come."""
        self.index = index + 1
        seconds = time.monotonic() - self.since
        code = client.nb.cells[index].cell_type == "code"
        if self.keeper is None or not code or not _left(client.nb, index):
            return
        if seconds >= max(self.every, DEAREST * self.cost) or not self.every:
            await self._save(client, self.keeper, index + 1)

    async def _save(self, client: Client, keeper: Checkpoints, first: int) -> None:
        start = time.monotonic()
        self.worked += start - self.since
        state = keeper.folder.resolve() / f"state-{first}"
        answer = await client.ask("state.save", str(state))
        if answer.startswith("cannot"):
            self._unsaved(client, answer)
        else:
            try:
                worked = round(self.worked, 1)
                keeper.keep(client.nb.cells[:first], state, answer, worked)
            except Stop as error:
                self._unsaved(client, str(error))
        self.since = time.monotonic()
        self.cost = self.since - start

    def _unsaved(self, client: Client, why: str) -> None:
        reason = "".join(c for c in why if not c.isdecimal())  # of a cell's number
        if reason not in self.told:
            self.told.add(reason)
            self.say(
                f"{self.name}: no checkpoint after cell {client.current}: {why}. The "
                "run goes on; the last checkpoint stays."
            )

    # ---- Signs of life ------------------------------------------------------------

    async def _watch(self, client: Client) -> None:
        terminal = sys.stderr.isatty() and not client.bar.disable
        while True:
            await asyncio.sleep(TERMINAL if terminal else self.often)
            if terminal:
                client.bar.set_postfix_str(self.doing(client))
            else:
                self.say(f"{self.name}: {self.doing(client, full=True)}")

    def doing(self, client: Client, full: bool = False) -> str:
        """``cell 7 of 40, 'Training', step 300 of 3000, 95 s``."""
        total = number_in_file(client.nb, len(client.nb.cells))
        parts = [f"cell {client.current} of {total}"] if full else []
        parts += [f"'{title}'"] if (title := section(client.nb, self.index)) else []
        parts += [step] if (step := _read(client.sockets / "step")) else []
        return ", ".join([*parts, f"{self.seconds:.0f} s"])

    @property
    def seconds(self) -> float:
        """Of work, over all attempts."""
        return self.worked + time.monotonic() - self.since


class Unrestored(Exception):
    """A state that cannot be put back: the kernel must not be used any further."""


def _left(notebook: NotebookNode, index: int) -> bool:
    rest = notebook.cells[index + 1 :]
    return any(cell.cell_type == "code" and cell.source.strip() for cell in rest)


def section(notebook: NotebookNode, index: int) -> str:
    """The last heading up to a cell."""
    for cell in reversed(notebook.cells[: index + 1]):
        if cell.cell_type == "markdown":
            for line in reversed(cell.source.splitlines()):
                if line.startswith("#"):
                    return str(line.lstrip("#").strip())
    return ""


def _read(path: Path) -> str:
    try:
        return path.read_text("utf8")
    except OSError:
        return ""
