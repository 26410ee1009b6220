"""The state of a notebook's kernel in a file, and back: exactly, or not at all.

This runs inside the kernel; ``checkpoint`` calls it from outside.
"""

import builtins
import hashlib
import io
import os
import re
from pathlib import Path
from typing import Any

import __main__
from dgm.course import settings
from dgm.course.faithful import Loader, Saver

HISTORY = re.compile(r"_+|_i+|_i?\d+|In|Out|_[doi]h")  # names that IPython keeps


def names() -> dict[str, Any]:
    """What the notebook has defined, without what IPython keeps for itself."""
    hidden = getattr(settings.shell(), "user_ns_hidden", {})
    return {
        name: value
        for name, value in vars(__main__).items()
        if not (HISTORY.fullmatch(name) or re.fullmatch("__.*__", name))
        and hidden.get(name, hidden) is not value
    }


def save(path: str) -> str:
    """Write names, random states and settings; a name whole or not at all.

    Returns:
        The file's SHA-256, or one sentence that begins with ``cannot``.
    """
    target, temporary = Path(path), Path(f"{path}.part")
    try:
        with temporary.open("wb") as file:
            saver = Saver(file)
            # Taken first: to pickle must not, but might, draw a random number.
            saver.dump({"settings": settings.taken(), "names": names()})
            saver.check()
            file.flush()
            os.fsync(file.fileno())
        with temporary.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        temporary.replace(target)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        return f"cannot write {path}: {error.strerror or error}"
    except Exception as error:  # noqa: BLE001  (a class of the notebook may raise any)
        temporary.unlink(missing_ok=True)
        return f"cannot save {_culprit(error)}"
    return digest


def _culprit(error: Exception) -> str:
    """The first name whose value cannot be pickled, and why."""
    for name, value in names().items():
        try:
            Saver(io.BytesIO()).dump(value)
        except Exception as reason:  # noqa: BLE001
            return f"`{name}` ({type(value).__name__}): {_first_line(reason)}"
    return _first_line(error)


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0][:200]


def restore(path: str) -> str:
    """Put everything back.

    Returns:
        Nothing, or one sentence that begins with ``cannot``.
    """
    try:
        with Path(path).open("rb") as file:
            held = Loader(file).load()
    except Exception as error:  # noqa: BLE001  (of a class that the file names)
        return f"cannot restore it: {type(error).__name__}: {_first_line(error)}"
    vars(__main__).update(held["names"])
    vars(__main__)["__builtins__"] = builtins
    settings.put_back(held["settings"])  # last: to load may draw random numbers
    return ""
