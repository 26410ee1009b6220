"""An environment like Colab's: what it ships, and a way to run a notebook in it."""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import pytest

from dgm.course.install import reachable

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "colab-constraints.txt"
# Part of Colab too, at whatever version fits those above.
ALSO = ["pillow", "requests", "tqdm", "nbclient", "setuptools"]


@dataclass
class Colab:
    """A virtual environment without the course's package."""

    folder: Path
    home: Path
    """Where programs keep what they have downloaded or made once."""

    def run(self, *words: str, cwd: Path | None = None) -> str:
        """Run a program of the environment; its output, or a failed test."""
        program = self.folder / "bin" / words[0]
        variables = {
            "PATH": f"{self.folder}/bin:/usr/bin:/bin",
            "HOME": str(self.home),
            "IPYTHONDIR": str(self.folder / "ipython"),
            "OMP_NUM_THREADS": "1",
            **{k: v for k, v in os.environ.items() if k.startswith("PIP_")},
        }
        done = subprocess.run(
            [program, *words[1:]],
            cwd=cwd or self.folder,
            env=variables,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        return done.stdout

    def execute(self, notebook: str, cwd: Path, *words: str) -> None:
        """Run a notebook from top to bottom."""
        launch = "from nbclient.cli import main; main()"
        self.run("python", "-c", launch, notebook, *words, cwd=cwd)

    def pip(self, *words: str) -> str:
        return self.run("python", "-m", "pip", "-q", *words)

    def versions(self) -> dict[str, str]:
        """Name and version of all that is installed."""
        words = "python", "-m", "pip", "list", "--format", "freeze"
        lines = self.run(*words).split()
        return dict(line.split("==") for line in lines)


def requirements(index: str) -> list[str]:
    """What Colab ships; the book's PyTorch where Colab's has no build for the CPU."""
    lines = SHIPPED.read_text("utf8").splitlines()
    shipped = [line for line in lines if not line.startswith("#")]
    if index:
        return shipped
    others = [line for line in shipped if not line.startswith("torch==")]
    return [*others, f"torch=={version('torch').partition('+')[0]}"]


@pytest.fixture(scope="session")
def shipped():
    """The environment with what Colab ships, made once for all processes."""
    index = os.environ.get("TORCH_INDEX", "")
    index = index if index and reachable(index) else ""
    wanted = requirements(index)
    key = hashlib.sha256(str((wanted, ALSO, sys.version)).encode()).hexdigest()[:12]
    folder = ROOT / "_build" / "colab" / key
    made = folder / "made"
    colab = Colab(folder, folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (folder.parent / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            shutil.rmtree(folder, ignore_errors=True)
            subprocess.run([sys.executable, "-m", "venv", folder], check=True)
            source = ["--index-url", index] if index else []
            torch = [line for line in wanted if line.startswith("torch==")]
            colab.pip("install", *source, *torch)
            colab.pip("install", *wanted, *ALSO)
            made.touch()
        colab.pip("uninstall", "-y", "dgm-course")
    return colab


def packages(place):
    return sorted(path.name for path in place.glob("*.dist-info"))


@pytest.fixture
def colab(shipped, tmp_path_factory):
    """A new environment for one test, in which all that Colab ships can be imported.

    What a test installs goes into the new one, so that tests can run side by side.
    """
    folder = tmp_path_factory.mktemp("colab") / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    (own,), (below,) = (
        list(place.glob("lib/python*/site-packages"))
        for place in (folder, shipped.folder)
    )
    (own / "shipped.pth").write_text(f"import site; site.addsitedir({str(below)!r})\n")
    before = packages(below)
    yield Colab(folder, shipped.folder)
    assert packages(below) == before, "a test changed what Colab ships"
    shutil.rmtree(folder)
