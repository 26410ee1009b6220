"""Make the book's virtual environment: `make` runs this file with the system's Python.

It uses the standard library only and old syntax, so that any Python 3 can say what is
wrong. An installation that fails leaves no half-made environment behind.
"""

import argparse
import hashlib
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

OLDEST, NEWEST = (3, 11), (3, 13)
NEEDED_GB = 3.0
READY = ".ready"
INPUTS = ("pyproject.toml", "constraints.txt", "src/dgm/course/install.py")
ROOT = Path(__file__).resolve().parents[3]
REASONS = [
    (r"No space left|Errno 28", "the disk is full; free {needed:g} GB"),
    (
        r"NewConnectionError|NameResolutionError|Max retries|ConnectTimeout|"
        r"Network is unreachable|No matching distribution",
        "the package index cannot be reached; check the network (or your proxy)",
    ),
    (r"ensurepip", "Python cannot make environments; on Debian, install python3-venv"),
    (r"Permission denied|Read-only file", "the folder cannot be written; choose VENV"),
]


class Failed(Exception):
    """Installation failed for a reason that one sentence tells."""


def hash_of(path):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Fingerprint of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def check_python(version):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Refuse a Python that the book was not tried with."""
    if not OLDEST <= tuple(version[:2]) <= NEWEST:
        raise Failed(
            "Python {}.{} is not supported: install Python 3.11, 3.12 or 3.13 and run "
            "`make PYTHON=python3.12 ...`.".format(*version[:2])
        )


def check_space(folder, needed=None):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Refuse to begin on a disk that will not hold the environment."""
    needed = NEEDED_GB if needed is None else needed
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(str(folder)).free / 1e9
    if free < needed:
        raise Failed(
            f"{folder} has {free:.1f} GB free and the environment needs {needed:g}: "
            "free some space or choose another place with VENV=/path."
        )


def reachable(index, timeout=8.0):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Whether a package index answers."""
    try:
        with urllib.request.urlopen(index.rstrip("/") + "/torch/", timeout=timeout):
            return True
    except (OSError, ValueError):
        return False


def command(log, *words):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN002, ANN201
    """Run a command; its output goes to the log, its failure into one sentence."""
    with log.open("a") as out:
        out.write("$ " + " ".join(words) + "\n")
        out.flush()
        done = subprocess.run(words, stdout=out, stderr=subprocess.STDOUT, check=False)
    if done.returncode:
        text = log.read_text(errors="replace")
        told = [reason for pattern, reason in REASONS if re.search(pattern, text)]
        reason = told[0] if told else "see the end of the log"
        raise Failed(
            f"Installation failed: {reason.format(needed=NEEDED_GB)}, then run the "
            f"same command again. (Log: {log})"
        )


def install(venv, torch_index, log):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Environment, PyTorch for the CPU, then this folder with its tools."""
    command(log, sys.executable, "-m", "venv", str(venv))
    pip = [str(venv / "bin" / "python"), "-m", "pip", "install", "--quiet"]
    pip += ["--disable-pip-version-check", "--retries", "2", "--timeout", "30"]
    pip += ["--constraint", str(ROOT / "constraints.txt")]
    from_index = []
    if torch_index and sys.platform.startswith("linux"):
        if reachable(torch_index):
            from_index = ["--index-url", torch_index]
        else:
            print(
                f"{torch_index} does not answer: taking PyTorch from pip's own index, "
                "which may add several GB of CUDA libraries."
            )
    print("Installing PyTorch ...", flush=True)
    command(log, *pip, *from_index, "torch")
    print("Installing the book's tools ...", flush=True)
    command(log, *pip, "--editable", f"{ROOT}[book,test,grade]")


def main(arguments):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Exit status 0 when the environment is whole; else it is as if never begun."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--venv", type=Path, required=True)
    options.add_argument("--torch-index", default="")
    chosen = options.parse_args(arguments)
    venv = chosen.venv.resolve()
    ready = venv / READY
    new = not venv.exists()
    start = time.time()
    inputs = "".join(str(hash_of(ROOT / name)) for name in INPUTS)
    if ready.exists() and ready.read_text() == inputs:
        ready.touch()  # for make, which goes by the date
        return 0
    handle, name = tempfile.mkstemp(prefix="dgm-install-", suffix=".log")
    try:
        check_python(sys.version_info)
        if " " in str(venv):
            raise Failed(f"make cannot use '{venv}': choose a VENV without spaces.")
        if new:
            check_space(venv)
        if ready.exists():
            ready.unlink()
        install(venv, chosen.torch_index, Path(name))
        ready.write_text(inputs)
    except (Failed, OSError, KeyboardInterrupt) as error:
        if new:
            shutil.rmtree(str(venv), ignore_errors=True)
        print(str(error) or "Interrupted; run the same command again.", file=sys.stderr)
        return 1
    Path(name).unlink()
    print(f"Installed in {venv} ({time.time() - start:.0f} s).")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
