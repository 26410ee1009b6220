"""What is kept of one submission: all that marks and feedback are made from."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from dgm.course.files import write_atomically
from dgm.course.grading.runner import Verdict

GRADED, UNREADABLE, FAILED = "graded", "unreadable", "not graded"


@dataclass
class Record:
    """One submission's result."""

    fingerprint: str
    """Of all that the result depends on; an equal one is not graded again."""
    status: str = GRADED
    reason: str = ""
    """One clause, where the status is not ``graded``."""
    tests: dict[str, Verdict] = field(default_factory=dict)
    cells: dict[int, Verdict] = field(default_factory=dict)
    sources: dict[int, str] = field(default_factory=dict)
    """The line of the student's own that failed, by cell."""
    written: dict[str, str] = field(default_factory=dict)
    answered: list[str] = field(default_factory=list)
    flags: list[str] = field(default_factory=list)
    """From merging: safe to show to the student."""
    notices: list[str] = field(default_factory=list)
    """From running: may hold text of the student's, for the instructor only."""
    seconds: float = 0.0

    def text(self) -> str:
        """As JSON."""
        return json.dumps(asdict(self), indent=1, ensure_ascii=False) + "\n"


def load(path: Path) -> Record | None:
    """A record that was written before; None if there is none, or not a whole one."""
    try:
        raw: dict[str, Any] = json.loads(path.read_text("utf8"))
        raw["tests"] = {k: Verdict(**v) for k, v in raw["tests"].items()}
        raw["cells"] = {int(k): Verdict(**v) for k, v in raw["cells"].items()}
        raw["sources"] = {int(k): v for k, v in raw["sources"].items()}
        return Record(**raw)
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None


def save(path: Path, record: Record) -> None:
    """Keep a record, whole or not at all."""
    write_atomically(path, record.text())


def digest(parts: Iterable[object]) -> str:
    """Fingerprint of some values, by what they look like."""
    return hashlib.sha256(
        "\0".join(map(repr, parts)).encode("utf8", "replace")
    ).hexdigest()
