"""The walls: what holds, and what is said where none can be built."""

import json
import os
import platform
import shutil
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from handed_in import MASTER, dgm, sandbox_or_reason, solved, write

from dgm.course.files import Stop
from dgm.course.grading import sandbox, seccomp, session
from dgm.course.grading.compiled import Vocabulary
from dgm.course.grading.master import parse
from dgm.course.grading.merge import Step
from dgm.course.grading.sandbox import Walls
from dgm.course.grading.session import CannotStart, Died, Session

WALLS, WHY = sandbox_or_reason()
BLOCKED = sandbox.BLOCKED["user" if os.geteuid() else "root"]
SECRET = "grading-tests-secret"


def walls() -> Walls:
    if WALLS is None:
        pytest.skip(WHY)
    return WALLS


def folder(tmp_path: Path) -> Path:
    write(tmp_path / "submissions/anna.ipynb", solved())
    (tmp_path / "solutions").mkdir()
    shutil.copy(MASTER, tmp_path / "solutions")
    return tmp_path


GRADE = ("grade", "solutions/mini.md", "submissions")


@pytest.mark.parametrize(
    ("script", "sentence"),
    [
        (None, "install bubblewrap (`apt install bubblewrap`), or pass --unsafe"),
        ("bwrap: No permissions to creating new namespace, likely because", BLOCKED),
        ("bwrap: setting up uid map: Permission denied", BLOCKED),
        ("bwrap: Failed to make / slave: Operation not permitted", BLOCKED),
        ("setpriv: setresuid failed: Invalid argument", BLOCKED),
        ("bwrap: Unknown option --size", "bubblewrap is too old"),
        ("bwrap: out of luck", "bubblewrap says 'bwrap: out of luck'"),
    ],
)
def test_no_sandbox_is_one_sentence(tmp_path, script, sentence):
    root = folder(tmp_path)
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "setpriv").symlink_to(shutil.which("setpriv") or "/usr/bin/setpriv")
    if script is not None:
        (programs / "bwrap").write_text(f"#!/bin/sh\necho '{script}' >&2\nexit 1\n")
        (programs / "bwrap").chmod(0o755)
    done = dgm(root, *GRADE, env={**os.environ, "PATH": str(programs)})
    assert (done.returncode, done.stdout) == (1, "")
    assert len(done.stderr.strip().splitlines()) == 1
    assert sentence in done.stderr
    assert not (root / "marks").exists()


@pytest.mark.parametrize(("system", "word"), [("Darwin", "Linux"), ("Windows", "WSL")])
def test_other_systems(monkeypatch, system, word):
    monkeypatch.setattr(platform, "system", lambda: system)
    with pytest.raises(Stop, match=f"{word}.*--unsafe"):
        sandbox.choose(False)
    assert sandbox.choose(True) == Walls("unsafe")


def test_secrets_inside_the_sandbox_are_refused():
    inside = Path(sys.prefix) / "solutions" / "x.md"
    with pytest.raises(Stop, match="which the sandbox can read"):
        sandbox.refuse_to_show([inside])
    sandbox.refuse_to_show([Path("/nowhere/x.md")])


def test_the_filter_is_written_for_two_machines():
    intel, arm = seccomp.program("x86_64"), seccomp.program("aarch64")
    assert intel and arm and len(intel) % 8 == len(arm) % 8 == 0
    assert len(intel) > 8 * 2 * len(seccomp.REFUSED)
    assert seccomp.program("riscv64") is None


def asked(source: str, made: Walls | None = None) -> str:
    """What an assertion inside the sandbox says; empty if it holds."""
    problem = Session(made or walls(), (), 30.0)
    try:
        reply = problem.ask("cell", source, seconds=20.0)
        return "" if reply.verdict == "ok" else f"{reply.error}: {reply.message}"
    finally:
        problem.close()


@pytest.mark.slow
def test_there_is_a_sandbox():
    """Skipped tests must not hide that nothing was tested: CI says that it has one."""
    assert WALLS is not None or "DGM_SANDBOX" not in os.environ, WHY


@pytest.mark.slow
def test_what_is_inside(tmp_path, monkeypatch):
    monkeypatch.setenv("DGM_SECRET", SECRET)
    (tmp_path / "secret").write_text(SECRET)
    source = f"""
import os, sys, pathlib
assert os.getuid() != 0 and os.getgroups() in ([], [os.getgid()]), os.getgroups()
status = open("/proc/self/status").read()
assert "CapEff:\\t0000000000000000" in status, status
assert "CapBnd:\\t0000000000000000" in status, status
assert "NoNewPrivs:\\t1" in status and "Seccomp:\\t2" in status, status
assert "{SECRET}" not in str(dict(os.environ))
assert len([p for p in os.listdir("/proc") if p.isdigit()]) <= 3
assert not os.path.exists("{tmp_path}"), os.listdir("/tmp")
assert not os.path.exists("/home") and not os.path.exists("/etc/passwd")
import dgm
root = pathlib.Path(dgm.__file__).parent.parent
assert root.name == "site-packages" or [p.name for p in root.iterdir()] == ["dgm"]
for place in ("/", "/usr", "/dev", "/etc", "/proc/sys", sys.prefix, dgm.__file__):
    assert not os.access(place, os.W_OK), place
assert os.access("/tmp/work", os.W_OK) and os.getcwd() == "/tmp/work"
assert input.__name__ and not sys.stdin.isatty()
"""
    assert asked(source) == ""


@pytest.mark.slow
def test_as_an_ordinary_user_would(tmp_path):
    """The other way of building the walls: with a user namespace."""
    walls()
    made = Walls("user")
    source = """
import os
status = open("/proc/self/status").read()
assert "CapEff:\\t0000000000000000" in status and "Seccomp:\\t2" in status, status
for place in ("/", "/usr", "/dev", "/etc"):
    try:
        open(place + "/x", "w")
        raise AssertionError(place)
    except OSError:
        pass
"""
    assert asked(source, made) == ""


@pytest.mark.slow
def test_limits():
    made = Walls(walls().kind, memory=1_000_000_000, disk=20_000_000, processes=20)
    source = """
import os, resource
try:
    data = bytearray(2_000_000_000)
    raise AssertionError("2 GB")
except MemoryError:
    pass
started = 0
try:
    while started < 100:
        if os.fork() == 0:
            import time; time.sleep(5); os._exit(0)
        started += 1
except BlockingIOError:
    pass
assert 5 < started < 20, started
written = 0
try:
    for n in range(40):
        for place in ("/tmp", "/dev/shm"):
            with open(f"{place}/{n}", "wb") as file:
                written += file.write(bytes(1_000_000))
except OSError:
    pass
assert 10_000_000 < written < 40_000_000, written
try:
    resource.setrlimit(resource.RLIMIT_NPROC, (999, 999))
    raise AssertionError("a limit was lifted")
except (ValueError, PermissionError):
    pass
"""
    assert asked(source, made) == ""


@pytest.mark.slow
def test_memory_of_many_processes_together():
    """Each is within its own limit. They get the time that a slow machine needs."""
    made = Session(Walls(walls().kind, memory=1_000_000_000), (), 120.0)
    source = """
import os, time
for _ in range(8):
    if os.fork() == 0:
        data = b"x" * 200_000_000
        time.sleep(120)
time.sleep(120)
"""
    with pytest.raises(Died, match="it used too much memory"):
        made.ask("cell", source, seconds=100.0)
    made.close()


@pytest.mark.slow
def test_a_sandbox_that_does_not_start(monkeypatch):
    broken = ["sh", "-c", "echo no luck today >&2; exit 3"]
    monkeypatch.setattr(session, "command", lambda *args: broken)
    with pytest.raises(CannotStart, match="no luck today"):
        Session(walls(), (), 30.0)


@pytest.mark.slow
def test_replies_that_nobody_asked_for():
    for said in ("b'x' * 100_000", "b'\\xff\\t\\n'", "b'0' * 32 + b'\\tok\\n'"):
        made = Session(walls(), (), 30.0)
        with pytest.raises(Died):
            source = f"import os\nfor n in range(3, 250):\n  try: os.write(n, {said})\n"
            made.ask("cell", source + "  except OSError: pass", seconds=20.0)
        made.close()


@pytest.mark.slow
def test_the_sandbox_ends_with_its_parent(tmp_path):
    """Even if the grader is killed, nothing goes on running."""
    script = (
        "from dgm.course.grading import sandbox, session\n"
        "s = session.Session(sandbox.choose(False), (), 60.0)\n"
        "s.ask('cell', 'import subprocess; subprocess.Popen([\"sleep\", \"777\"])',"
        " seconds=20.0)\n"
        "import os; os.kill(os.getpid(), 9)\n"
    )
    subprocess.run([sys.executable, "-c", script], check=False, capture_output=True)
    time.sleep(0.5)
    running = [p.info["cmdline"] for p in psutil.process_iter(["cmdline"])]
    assert ["sleep", "777"] not in running


GIVEN = """---
kernelspec:
  display_name: Python 3
  language: python
  name: python3
---

# Given

```{code-cell} ipython3
import math
size = 3
def double(x):
    return math.floor(2 * x)
class Thing:
    value = 4
```

```{code-cell} ipython3
:nbgrader: {grade: false, grade_id: a, locked: false, schema_version: 3, solution: true, task: false}
# answer: a
### BEGIN SOLUTION
def f(x): return x
### END SOLUTION
```

```{code-cell} ipython3
:nbgrader: {grade: true, grade_id: t, locked: true, points: 1, schema_version: 3, solution: false, task: false}
assert double(f(2)) == 4 and size == 3 and len([1]) == 1 and math.floor(2.5) == 2
shown = f(7)
### BEGIN HIDDEN TESTS
# hint: x
covered = f(8)
### END HIDDEN TESTS
```

```{code-cell} ipython3
:nbgrader: {grade: true, grade_id: u, locked: true, points: 1, schema_version: 3, solution: false, task: false}
assert globals()["shown"] == 7 and "covered" not in globals()
assert isinstance(f(Thing()), Thing)
```
"""  # noqa: E501


@pytest.mark.slow
@pytest.mark.parametrize(
    "cell",
    [
        "",
        "size = 4",
        "def double(x): return 4 * x",
        "len = lambda x: 7",
        "class M:\n    floor = lambda self, x: 0\nmath = M()",
        "import math; math.floor = lambda x: 0",
        "import builtins; builtins.isinstance = lambda *a: False",
    ],
)
def test_what_is_given_stays(cell):
    """A student's cell changes no name that a test takes from the master."""
    from dgm.course.grading.merge import Merged
    from dgm.course.grading.runner import Limits, run

    problems = parse(GIVEN, "given")
    assert Vocabulary.of(problems).imports == ("math",)
    given, answer, first, second = problems.cells[1:]
    steps = [
        Step("given", given.source, 1),
        Step("answer", answer.source, 2, 0),
        Step("extra", cell, -1, 1),
        Step("test", first.source, 3),
        Step("test", second.source, 4),
    ]
    out = run(problems, Merged(steps), Walls("unsafe"), Limits(10.0, 30.0))
    assert {k: v.verdict for k, v in out.tests.items()} == {"t": "ok", "u": "ok"}, out


@pytest.mark.slow
def test_unsafe_is_written_on_every_row(tmp_path):
    root = folder(tmp_path)
    write(root / "submissions/bob.ipynb", "{}")
    done = dgm(root, *GRADE, "--unsafe", env={**os.environ, "PATH": "/nonexistent"})
    assert done.returncode == 0, done
    assert done.stdout.startswith("UNSAFE: submissions run with your rights")
    lines = (root / "marks/mini/marks.csv").read_text("utf-8-sig").splitlines()
    assert len(lines) == 3 and all("UNSAFE" in line for line in lines[1:])
    assert json.loads((root / "marks/mini/records/anna.json").read_text())["tests"]
    if WALLS is not None:  # a result without walls is not taken for one with them
        done = dgm(root, *GRADE)
        assert ": 1 run," in done.stdout
        assert "UNSAFE" not in (root / "marks/mini/marks.csv").read_text()
