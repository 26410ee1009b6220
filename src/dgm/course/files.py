"""Files that are either whole or not there, and failures told in one sentence."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class Stop(Exception):
    """A failure that the user can act on: the ``dgm`` command prints it and exits 1."""


def write_atomically(path: Path, text: str) -> None:
    """Write ``text`` to ``path`` so that no reader ever sees half of it.

    Raises:
        Stop: if the disk is full or the folder cannot be written; ``path`` is then as
            it was before.
    """
    with cannot_write(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "w", encoding="utf8") as file:
                file.write(text)
            Path(name).chmod(0o644)
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise


@contextmanager
def cannot_write(path: Path) -> Iterator[None]:
    """Turn an ``OSError`` while writing ``path`` into one sentence."""
    try:
        yield
    except OSError as error:
        raise Stop(
            f"Cannot write {path}: {error.strerror or error}. Free some space or make "
            "the folder writable, then run the same command again."
        ) from error
