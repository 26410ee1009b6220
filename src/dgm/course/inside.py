"""What ``dgm run`` prepares in a kernel before the notebook's first cell."""

import os
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

BEFORE = dict(os.environ)
OFTEN = 0.5  # seconds from one note to the next


def begin(notes: str = "", device: str = "") -> None:
    """Prepare the kernel.

    Args:
        notes: file for the step at which ``dgm.training.fit`` is; none if empty.
        device: where tensors are made if the notebook does not say; CPU if empty.
    """
    if device:
        from dgm.course.device import use

        use(device)
    if notes:
        from dgm import training

        training._progress = Noted(Path(notes))


class Noted:
    """Stands where the book has no progress bar, and notes the step in a file."""

    def __init__(self, path: Path) -> None:
        self.path, self.last = path, 0.0

    def __call__(self, batches: Iterable[Any], total: int) -> Iterator[Any]:
        """The same batches, in the same order."""
        for index, batch in enumerate(batches):
            if time.monotonic() - self.last > OFTEN:
                self.last = time.monotonic()
                self._note(f"step {index} of {total}" if total else f"step {index}")
            yield batch
        self._note("")

    def _note(self, text: str) -> None:
        try:
            self.path.write_text(text, "utf8")
        except OSError:
            self.last = float("inf")  # nobody can read it any more
