"""The walls around a student's code: bubblewrap, or nothing with ``--unsafe``.

Inside there is a read-only system, one small folder in memory, no network and no other
process. An ordinary user gets this through user namespaces. Root, as in a container of
CI, makes the mounts itself and then becomes an unprivileged user without any rights.
"""

import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import dgm
from dgm.course.files import Stop
from dgm.course.grading import seccomp

WORKER = "dgm.course.grading.worker.loop"
MB = 1_000_000
FIRST_ID, IDS = 61184, 4096  # user ids that no account has (systemd's dynamic ones)
OPTION = "or pass --unsafe if you trust every submission as you trust your own code"
ENVIRONMENT = {
    "HOME": "/tmp",
    "LANG": "C.UTF-8",
    "LOGNAME": "student",
    "USER": "student",
    "IPYTHONDIR": "/tmp/.ipython",
    "MPLBACKEND": "agg",
    "MPLCONFIGDIR": "/tmp/.matplotlib",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONHASHSEED": "0",
    "PYTHONNOUSERSITE": "1",
    "TORCHINDUCTOR_CACHE_DIR": "/tmp/.inductor",
}
# What bubblewrap says, and what the user can do about it.
TOO_OLD = "bubblewrap is too old; install version 0.8 or newer"
BLOCKED = {
    "user": "this system lets ordinary users make no namespaces; ask its administrator "
    "for `sysctl kernel.unprivileged_userns_clone=1` (on Ubuntu: "
    "`kernel.apparmor_restrict_unprivileged_userns=0`)",
    "root": "this container may make no namespaces or no other users; start it with "
    "`--privileged`, or grade as an ordinary user",
}
FORBIDDEN = ("ermission", "not permitted", "namespace", "Invalid argument", "uid map")

Kind = Literal["user", "root", "unsafe"]


@dataclass(frozen=True)
class Walls:
    """How submissions are confined, and what they may use."""

    kind: Kind
    memory: int = 4000 * MB
    """Bytes for all processes together, and for each alone."""
    disk: int = 256 * MB
    processes: int = 64

    @property
    def safe(self) -> bool:
        """Whether there are walls at all."""
        return self.kind != "unsafe"

    def limits(self, seconds: float) -> dict[str, int]:
        """Limits of each process, by the name of the resource."""
        limits = {
            "data": self.memory,
            "fsize": self.disk,
            "nofile": 256,
            "cpu": int(seconds) + 30,
            "core": 0,
        }
        return limits | ({"nproc": self.processes} if self.safe else {})


def command(walls: Walls, python: list[str], number: int, filter_at: int) -> list[str]:
    """The words that start Python inside the walls.

    Args:
        walls: the confinement.
        python: Python's own arguments.
        number: tells concurrent sandboxes apart, for their user ids.
        filter_at: descriptor from which bubblewrap reads the system-call filter, or -1.
    """
    inside = [sys.executable, "-s", "-P", *python]
    if not walls.safe:
        return inside
    words = ["bwrap", "--die-with-parent", "--new-session", "--clearenv"]
    for space in ("ipc", "pid", "net", "uts", "cgroup-try"):
        words.append(f"--unshare-{space}")
    words += ["--cap-drop", "ALL"]
    if walls.kind == "root":
        for right in ("SETUID", "SETGID", "SETPCAP"):
            words += ["--cap-add", f"CAP_{right}"]
        inside = _as_nobody(FIRST_ID + number % IDS) + inside
    else:
        words.append("--unshare-user")
    if filter_at >= 0:
        words += ["--seccomp", str(filter_at)]
    for name, value in environment().items():
        words += ["--setenv", name, value]
    return [*words, *_mounts(walls), "--chdir", "/tmp/work", "--", *inside]


def _as_nobody(number: int) -> list[str]:
    """Become a user with no rights, for good."""
    ids = ["--reuid", str(number), "--regid", str(number), "--clear-groups"]
    return ["setpriv", *ids, "--bounding-set=-all", "--inh-caps=-all", "--"]


def _mounts(walls: Walls) -> list[str]:
    """A read-only system, and memory of a fixed size to write in."""
    words = ["--ro-bind", "/usr", "/usr", *_beside_usr()]
    words += ["--proc", "/proc", "--dev", "/dev"]
    for where, size in (("/dev/shm", 16 * MB), ("/tmp", walls.disk)):
        words += ["--size", str(size), "--perms", "1777", "--tmpfs", where]
    for where in ("/tmp/work", "/tmp/.matplotlib"):
        words += ["--perms", "1777", "--dir", where]
    for fonts in _font_lists():
        words += ["--ro-bind", str(fonts), f"/tmp/.matplotlib/{fonts.name}"]
    places = visible()
    for place in _parents(places):  # else bubblewrap closes them to all but root
        words += ["--perms", "0755", "--dir", str(place)]
    for place in places:
        words += ["--ro-bind", str(place), str(place)]
    return [*words, "--remount-ro", "/dev", "--remount-ro", "/"]


def _beside_usr() -> list[str]:
    """``/bin`` and its like: links into ``/usr`` on most systems."""
    words: list[str] = []
    for path in (Path("/", name) for name in ("bin", "sbin", "lib", "lib32", "lib64")):
        if path.is_symlink():
            words += ["--symlink", str(path.readlink()).lstrip("/"), str(path)]
        elif path.is_dir():
            words += ["--ro-bind", str(path), str(path)]
    for file in ("/etc/ld.so.cache", "/etc/alternatives", "/etc/localtime"):
        words += ["--ro-bind-try", file, file]
    return words


def _parents(places: list[Path]) -> list[Path]:
    """Folders above some others, each after its own parent."""
    above = {parent for place in places for parent in place.parents[:-1]}
    return sorted(path for path in above if not path.is_relative_to("/usr"))


def visible() -> list[Path]:
    """Folders that the sandbox can read, besides ``/usr``: Python, libraries, dgm."""
    libraries = [
        Path(p) for p in sys.path if p.endswith(("site-packages", "dist-packages"))
    ]
    wanted = [Path(sys.base_prefix), Path(sys.prefix), *libraries, package()]
    kept: list[Path] = []
    for path in sorted({p.absolute() for p in wanted} | {p.resolve() for p in wanted}):
        under = [Path("/usr"), *kept]
        if path.is_dir() and not any(path.is_relative_to(other) for other in under):
            kept.append(path)
    return kept


def package() -> Path:
    """The folder of ``dgm`` itself."""
    return Path(dgm.__file__).resolve().parent


def environment() -> dict[str, str]:
    """All variables that the sandbox sees."""
    libraries = [p for p in sys.path if p.endswith(("site-packages", "dist-packages"))]
    paths = [str(package().parent), *libraries]
    programs = f"{Path(sys.executable).parent}:/usr/bin:/bin"
    return {**ENVIRONMENT, "PYTHONPATH": os.pathsep.join(paths), "PATH": programs}


def _font_lists() -> list[Path]:
    """Matplotlib's lists of fonts, which it would else make anew for each student."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(os.environ.get("MPLCONFIGDIR") or Path(cache) / "matplotlib")
    return sorted(folder.glob("fontlist-*.json"))


def choose(unsafe: bool, memory: int = 4000 * MB) -> Walls:
    """The walls that this machine can build, tried once.

    Raises:
        Stop: if it can build none and ``unsafe`` is not set; says what to do.
    """
    if unsafe:
        return Walls("unsafe", memory)
    if platform.system() != "Linux":
        where = "WSL or a" if platform.system() == "Windows" else "a Linux machine or"
        raise Stop(
            f"Grading needs Linux for its sandbox: use {where} container, {OPTION}."
        )
    for program, package_name in (("bwrap", "bubblewrap"), ("setpriv", "util-linux")):
        if shutil.which(program) is None:
            raise Stop(
                f"Grading needs the program {program} for its sandbox: install "
                f"{package_name} (`apt install {package_name}`), {OPTION}."
            )
    walls = Walls("root" if os.geteuid() == 0 else "user", memory)
    if complaint := _try(walls):
        raise Stop(
            f"Cannot build a sandbox here: {_reason(complaint, walls.kind)}, {OPTION}."
        )
    return walls


def _try(walls: Walls) -> str:
    """What goes wrong when a sandbox is built; empty if nothing does."""
    code = "import os, resource; assert not os.access('/', os.W_OK) and os.getuid()"
    with filter_descriptor() as number:
        done = subprocess.run(
            command(walls, ["-c", code], 0, number),
            pass_fds=[number] if number >= 0 else [],
            capture_output=True,
            text=True,
            check=False,
        )
    return (
        (done.stderr.strip() or "it failed without a word") if done.returncode else ""
    )


def _reason(complaint: str, kind: Kind) -> str:
    if "nknown option" in complaint:
        return TOO_OLD
    if any(pattern in complaint for pattern in FORBIDDEN):
        return BLOCKED[kind]
    return f"bubblewrap says '{complaint.splitlines()[-1][:200]}'"


@contextmanager
def filter_descriptor() -> Iterator[int]:
    """A descriptor to read the system-call filter from; -1 where there is none."""
    code = seccomp.program()
    if code is None:
        yield -1
        return
    with tempfile.TemporaryFile() as file:
        file.write(code)
        file.seek(0)
        yield file.fileno()


def refuse_to_show(paths: Iterable[Path]) -> None:
    """Stop if the sandbox could read what students must not see.

    Raises:
        Stop: naming the path.
    """
    for path in paths:
        for shown in (Path("/usr"), *visible()):
            if path.resolve().is_relative_to(shown):
                raise Stop(
                    f"{path} lies in {shown}, which the sandbox can read: move the "
                    "problem set and the submissions to another folder."
                )
