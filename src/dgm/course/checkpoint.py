"""Checkpoints of a run: written after a cell, taken up by the same command.

A run has a folder of its own below ``<name>.checkpoint``, named by a hash of all that
its results depend on. Whatever was run with other code, other parameters or other
versions lies in another folder and is never taken up. In it is ``run.json``, which
names the file with the kernel's state and holds the outputs so far. It is replaced in
one step, after the state is on the disk: a run that is killed while it saves still has
the checkpoint before.
"""

import fcntl
import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

from dgm.course.files import Stop, cannot_write, write_atomically

FORMAT = 1  # of the files here; a change of it makes older ones another version
PARTS = ("code", "parameters", "versions")  # of what a run's results depend on


def digest(value: Any) -> str:
    """Sixteen digits that tell two values of plain data apart."""
    text = json.dumps(value, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@dataclass
class Saved:
    """What ``run.json`` holds."""

    identity: dict[str, Any]
    started: str = ""
    seconds: float = 0.0
    """Of work, over all attempts, up to this checkpoint."""
    resumed: int = 0
    first: int = 0
    """Index of the first cell that is still to be executed."""
    state: str = ""
    sha256: str = ""
    outputs: dict[str, Any] = field(default_factory=dict)


class Checkpoints:
    """The checkpoints of one run.

    Args:
        folder: for the runs of this name.
        identity: ``code``, ``parameters`` and ``versions`` of this run.
    """

    def __init__(self, folder: Path, identity: dict[str, Any]) -> None:
        self.identity = {**identity, "format": FORMAT}
        self.above, self.folder = folder, folder / digest(self.identity)
        self.saved = Saved(self.identity, started=_now())

    @property
    def manifest(self) -> Path:
        """The file that says what there is."""
        return self.folder / "run.json"

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep a second process from the same run.

        Raises:
            Stop: if one is at it, or if the folder cannot be written.
        """
        with cannot_write(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            lock = (self.folder / ".lock").open("w")
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise Stop(
                    f"The same run is going on in another process ({self.folder}): "
                    "wait for it, or choose another --out."
                ) from None
            try:
                yield
            finally:
                if not self.manifest.exists():
                    self.remove()

    def find(self) -> str:
        """Look for a checkpoint of this run; a sentence on what was found, or none."""
        if not self.manifest.exists():
            return self._others()
        try:
            held = Saved(**json.loads(self.manifest.read_text("utf8")))
            with (self.folder / held.state).open("rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
        except (OSError, ValueError, TypeError):
            return self._damaged()
        if found != held.sha256 or held.identity != self.identity:
            return self._damaged()
        self.saved = held
        return ""

    def _damaged(self) -> str:
        return (
            f"The checkpoint in {self.folder} is damaged, so this run starts from its "
            "first cell."
        )

    def _others(self) -> str:
        """Of the checkpoints of this name that do not fit, the last, and why not."""
        found = sorted(self.above.glob("*/run.json"), key=lambda f: f.stat().st_mtime)
        if not found:
            return ""
        return (
            f"The checkpoint in {found[-1].parent} is of {self._different(found[-1])}: "
            "it is left as it is, and this run starts from its first cell."
        )

    def _different(self, manifest: Path) -> str:
        try:
            theirs = dict(json.loads(manifest.read_text("utf8"))["identity"])
        except (OSError, ValueError, TypeError, KeyError):
            return "another run, and damaged"
        other = [part for part in PARTS if theirs.get(part) != self.identity[part]]
        return f"other {' and other '.join(other) or 'software'}"

    def go_on(self, notebook: NotebookNode) -> None:
        """Put the outputs of the cells that are done into the notebook."""
        self.saved.resumed += 1
        write_atomically(self.manifest, json.dumps(asdict(self.saved)))
        for index, held in self.saved.outputs.items():
            notebook.cells[int(index)].update(nbformat.from_dict(held))

    def begin_again(self) -> None:
        """Take up nothing; what was found stays until there is something newer."""
        self.saved = Saved(self.identity, started=_now())

    def keep(
        self, cells: list[NotebookNode], state: Path, sha256: str, seconds: float
    ) -> None:
        """Make a state that is on the disk the checkpoint, and remove the one before.

        Args:
            cells: those that are done.
            state: the file.
            sha256: its hash.
            seconds: of work so far.

        Raises:
            Stop: if it cannot be written; the checkpoint is then the one before.
        """
        done = {
            str(index): {
                k: cell[k] for k in ("outputs", "execution_count") if k in cell
            }
            for index, cell in enumerate(cells)
            if cell.cell_type == "code"
        }
        kept = replace(
            self.saved,
            seconds=seconds,
            first=len(cells),
            state=state.name,
            sha256=sha256,
            outputs=done,
        )
        write_atomically(self.manifest, json.dumps(asdict(kept)))
        self.saved = kept
        for file in self.folder.glob("state-*"):
            if file.name != state.name:
                file.unlink(missing_ok=True)

    def forget(self) -> None:
        """Remove this run's checkpoint and start from the first cell."""
        self.begin_again()
        for file in (self.manifest, *self.folder.glob("state-*")):
            file.unlink(missing_ok=True)

    def remove(self) -> None:
        """The run is over; other runs' checkpoints stay."""
        self.forget()
        (self.folder / ".lock").unlink(missing_ok=True)
        for folder in (self.folder, self.above):
            if folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()


def _now() -> str:
    return datetime.now().astimezone().isoformat(timespec="seconds")
