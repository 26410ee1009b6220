"""One student's process, from outside: ask, wait, interrupt, kill."""

import contextlib
import itertools
import os
import secrets
import selectors
import signal
import subprocess
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

from dgm.course.grading.sandbox import (
    ENVIRONMENT,
    WORKER,
    Walls,
    command,
    environment,
    filter_descriptor,
)

LONGEST_REPLY = 64_000  # bytes
GRACE = 3.0  # seconds that a cell has to end after an interrupt
START = 120.0
MOST_FILES = 50_000
MOST_NOTICES = 20
WATCH = 0.1  # seconds between looks at the memory
VERDICTS = {"ready", "ok", "error", "impostor", "patched"}
_numbers = itertools.count(os.getpid())


class Died(Exception):
    """The process is gone, or will not answer; ``str()`` says why."""


class CannotStart(Exception):
    """The sandbox did not come up, which is not the student's fault."""


@dataclass(frozen=True)
class Reply:
    """What came back from a cell."""

    verdict: str
    """``ok``, ``error``, ``impostor``, ``patched`` or ``timeout``."""
    error: str = ""
    line: int = 0
    message: str = ""
    flags: tuple[str, ...] = ()


class Session:
    """A process behind walls, until :meth:`close`."""

    def __init__(self, walls: Walls, imports: tuple[str, ...], seconds: float) -> None:
        self.walls, self.why, self.buffer = walls, "", b""
        self.notices: list[str] = []
        """What the process was seen to do, as :mod:`worker.witness` tells."""
        self.chain: list[int] = []
        self.folder = None if walls.safe else tempfile.TemporaryDirectory()
        self._start()
        limits = [f"{k}={v}" for k, v in walls.limits(seconds).items()]
        try:
            self.ask("start", " ".join(limits), " ".join(imports), seconds=START)
        except Died as died:
            complaint = self._complaint() or str(died)
            self.close()
            raise CannotStart(complaint) from None
        self.chain = [p.pid for p in self._processes()]
        self.watcher = threading.Thread(target=self._watch, daemon=True)
        self.watcher.start()

    def _start(self) -> None:
        theirs_in, self.requests = os.pipe()
        self.replies, theirs_out = os.pipe()
        os.set_blocking(self.requests, False)
        os.set_blocking(self.replies, False)
        words = ["-m", WORKER, str(theirs_in), str(theirs_out)]
        try:
            with filter_descriptor() as number:
                descriptors = [theirs_in, theirs_out]
                if self.walls.safe and number >= 0:
                    descriptors.append(number)
                self.process = subprocess.Popen(
                    command(self.walls, words, next(_numbers), number),
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.PIPE,
                    pass_fds=descriptors,
                    start_new_session=True,
                    cwd=self.folder.name if self.folder else None,
                    env=self._environment(),
                )
        finally:
            os.close(theirs_in)
            os.close(theirs_out)

    def _environment(self) -> dict[str, str] | None:
        """Variables of a process without walls; bubblewrap sets its own."""
        if self.folder is None:
            return None
        mine = {
            name: value.replace("/tmp", self.folder.name)
            for name, value in ENVIRONMENT.items()
        }
        return environment() | mine

    def ask(self, verb: str, *fields: str | bytes, seconds: float) -> Reply:
        """Have one request carried out.

        The nonce is sent along and read only when the work is done, so that a reply
        with it comes from a process that got to the end.

        Raises:
            Died: if the process ended, or had to be ended.
        """
        nonce = secrets.token_hex(16)
        deadline = time.monotonic() + seconds
        parts = [f.encode() if isinstance(f, str) else f for f in fields]
        self._write(
            _request(verb, *parts) + _request("nonce", nonce.encode()), deadline
        )
        line = self._line(deadline)
        if line is None:
            self._interrupt()
            if self._line(time.monotonic() + GRACE) is None:
                raise self._dead("it ran too long and would not stop")
            self._end_strays()
            return Reply("timeout")
        reply = _parsed(line, nonce)
        if reply is None:
            raise self._dead("it sent a reply that was not asked for")
        return reply

    def _write(self, data: bytes, deadline: float) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self.requests, selectors.EVENT_WRITE)
            while data:
                if not selector.select(max(0.0, deadline - time.monotonic())):
                    raise self._dead("it does not listen")
                try:
                    data = data[os.write(self.requests, data[:65536]) :]
                except BrokenPipeError:
                    raise self._dead("it ended by itself") from None

    def _line(self, deadline: float) -> bytes | None:
        """The next reply; None if none comes in time. Notices are put aside."""
        while (line := self._any_line(deadline)) is not None:
            if not line.startswith(b"!"):
                return line
            if len(self.notices) < MOST_NOTICES:
                self.notices.append(line[1:40].decode("ascii", "replace"))
        return None

    def _any_line(self, deadline: float) -> bytes | None:
        if time.monotonic() > deadline:
            return None
        with selectors.DefaultSelector() as selector:
            selector.register(self.replies, selectors.EVENT_READ)
            while b"\n" not in self.buffer:
                left = deadline - time.monotonic()
                if left <= 0 or not selector.select(left):
                    return None
                part = os.read(self.replies, 65536)
                self.buffer += part
                if not part:
                    raise self._dead("it ended by itself")
                if len(self.buffer) > LONGEST_REPLY:
                    raise self._dead("it sent a reply that was too long")
        line, _, self.buffer = self.buffer.partition(b"\n")
        return line

    def _dead(self, why: str) -> Died:
        if why.startswith("it ended"):  # the watcher may have been the reason
            time.sleep(2 * WATCH)
        return Died(self.why or why)

    def _interrupt(self) -> None:
        """Ctrl-C for the process itself; signals do not pass through bubblewrap."""
        for process in self._processes():
            if process.pid == self.chain[-1]:
                with contextlib.suppress(psutil.Error):
                    process.send_signal(signal.SIGINT)

    def _processes(self) -> list[psutil.Process]:
        """All processes of the sandbox, eldest first."""
        if self.process.poll() is not None:  # its number may be another's by now
            return []
        with contextlib.suppress(psutil.NoSuchProcess):
            top = psutil.Process(self.process.pid)
            return [top, *top.children(recursive=True)]
        return []

    def _watch(self) -> None:
        """End the sandbox when its processes together are too large, or too many."""
        while self.process.poll() is None:
            numbers = [p.pid for p in self._processes()]
            if len(numbers) > self.walls.processes + len(self.chain):
                self.why = "it started too many processes"
            for measure in (_roughly, _exactly):  # the second takes its time
                if sum(map(measure, numbers)) <= self.walls.memory:
                    break
            else:
                self.why = "it used too much memory"
            if self._files() > MOST_FILES:
                self.why = "it made too many files"
            if self.why:
                self._kill()
            time.sleep(WATCH)

    def _files(self) -> int:
        """Files in the sandbox: empty ones take the system's memory all the same."""
        used = 0
        for place in ("tmp", "dev/shm") if self.walls.safe else ():
            with contextlib.suppress(OSError):
                disk = os.statvfs(f"/proc/{self.chain[-1]}/root/{place}")
                used += disk.f_files - disk.f_ffree
        return used

    def _kill(self) -> None:
        for process in reversed(self._processes()):
            with contextlib.suppress(psutil.Error):
                process.kill()

    def _end_strays(self) -> None:
        """What a stopped cell had started, which would slow down the next."""
        for what in (signal.SIGSTOP, signal.SIGSTOP, signal.SIGKILL):
            for process in self._processes():
                if process.pid not in self.chain:
                    with contextlib.suppress(psutil.Error):
                        process.send_signal(what)

    def stray(self) -> int:
        """Processes besides the student's own that run now."""
        return len({p.pid for p in self._processes()} - set(self.chain))

    def _complaint(self) -> str:
        """The last thing that bubblewrap or Python said on starting."""
        if self.process.stderr is None:
            return ""
        os.set_blocking(self.process.stderr.fileno(), False)
        text = (self.process.stderr.read(20_000) or b"").decode("utf8", "replace")
        lines = text.strip().splitlines()
        return lines[-1][:300] if lines else ""

    def close(self) -> None:
        """End the process and all that it started."""
        self._kill()
        self.process.wait()
        os.close(self.requests)
        os.close(self.replies)
        if self.process.stderr is not None:
            self.process.stderr.close()
        if self.folder is not None:
            self.folder.cleanup()


def _request(verb: str, *fields: bytes) -> bytes:
    lengths = " ".join(str(len(field)) for field in fields)
    return f"{verb} {lengths}\n".encode() + b"".join(fields)


def _parsed(line: bytes, nonce: str) -> Reply | None:
    """A reply taken apart; None if it is not one, or not the one asked for."""
    try:
        given, verdict, *fields = line.decode("ascii").split("\t")
        texts = [bytes.fromhex(f).decode("utf8", "replace")[:1000] for f in fields]
        if given != nonce or verdict not in VERDICTS:
            return None
        error, number, message, flags = (*texts, *[""] * 4)[:4]
        return Reply(verdict, error, int(number or 0), message, tuple(flags.split()))
    except ValueError:
        return None


def _roughly(pid: int) -> int:
    """Bytes of a process; what it shares with its children is counted each time."""
    return _kilobytes(Path(f"/proc/{pid}/status"), ("RssAnon", "RssShmem"))


def _exactly(pid: int) -> int:
    """Bytes of a process; what it shares is divided among those that share it."""
    shares = ("Pss_Anon", "Pss_Shmem")
    return _kilobytes(Path(f"/proc/{pid}/smaps_rollup"), shares) or _roughly(pid)


def _kilobytes(file: Path, names: tuple[str, ...]) -> int:
    try:
        lines = file.read_text().splitlines()
    except OSError:
        return 0
    return 1024 * sum(int(n.split()[1]) for n in lines if n.startswith(names))
