"""What made a result: versions, machine, commit, and the code's fingerprint."""

import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any

from dgm.course.kernel import ENVIRONMENT
from dgm.course.notebook import PINNED


def provenance(key: str) -> dict[str, Any]:
    """What made a result: versions, machine, commit, and the code's fingerprint."""
    return {
        "versions": versions(),
        "machine": platform.machine(),
        "commit": _git("rev-parse", "HEAD") or None,
        "fingerprint": key,
    }


def versions() -> dict[str, str]:
    """Of Python, and of the libraries on which a page's numbers depend."""
    return {"python": platform.python_version()} | {
        name: version(name) for name in PINNED
    }


def circumstances(device: str) -> dict[str, Any]:
    """More of it, for one run: device, threads, whether the code was committed."""
    changed = _git("status", "--porcelain", "--untracked-files=no")
    return {
        "device": _label(device or "cpu"),
        "threads": int(ENVIRONMENT["OMP_NUM_THREADS"]),
        "system": platform.platform(),
        "cores": os.cpu_count(),
        "uncommitted_changes": None if changed is None else bool(changed),
    }


def _label(device: str) -> str:
    """``cuda: name of the card``, or the device as it was asked for."""
    if not device.startswith("cuda"):
        return device
    import torch

    there = torch.cuda.is_available()
    return f"{device}: {torch.cuda.get_device_name(device)}" if there else device


def _git(*words: str) -> str | None:
    """What git says of the package's folder; None if it is in no repository."""
    command = ["git", "-C", str(Path(__file__).parent), *words]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        return None
    return None if done.returncode else done.stdout.strip()
