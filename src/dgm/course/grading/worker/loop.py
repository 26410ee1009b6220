"""The far end of :mod:`dgm.course.grading.session`: run cells and tests, one by one.

Started as ``python -m dgm.course.grading.worker.loop REQUESTS REPLIES`` with the
numbers of two pipes. A request is a line ``verb length length ...`` followed by fields
of these lengths; a reply is a line of fields between tabs. No ``json``, no ``ast``:
what is written in Python can be patched from a cell.
"""

import builtins
import contextlib
import marshal
import os
import random
import sys
import types
import warnings
from collections.abc import Callable
from importlib import import_module
from sys import modules, setprofile, settrace
from typing import Any

from dgm.course.grading.worker.confine import limit, quiet
from dgm.course.grading.worker.guard import MODULES, Guard, Impostor
from dgm.course.grading.worker.shell import Shell
from dgm.course.grading.worker.witness import watch

globals()["__builtins__"] = dict(vars(builtins))  # see guard.py
FUNCTION = types.FunctionType
SIGNALS = import_module("_signal")  # in C: not to be patched
on_signal, SIGINT, SIG_IGN = SIGNALS.signal, SIGNALS.SIGINT, SIGNALS.SIG_IGN
MONITORING: Any = getattr(sys, "monitoring", None)  # from Python 3.12
MESSAGE = 500  # characters of an error's message


class Pipes:
    """Requests in, replies out."""

    def __init__(self, requests: int, replies: int) -> None:
        self.requests, self.replies = requests, replies
        self.read, self.write = os.read, os.write

    def request(self) -> tuple[str, list[bytes]]:
        """The next verb and its fields; an empty verb at the end."""
        line = b""
        while not line.endswith(b"\n"):
            if not (byte := self.read(self.requests, 1)):
                return "", []
            line += byte
        verb, *lengths = line.decode().split()
        return verb, [self._exactly(int(length)) for length in lengths]

    def _exactly(self, count: int) -> bytes:
        parts: list[bytes] = []
        while count:
            part = self.read(self.requests, min(count, 1 << 16))
            count = count - len(part) if part else 0
            parts.append(part)
        return b"".join(parts)

    def reply(self, nonce: str, verdict: str, *fields: Any) -> None:
        """One line; texts as hexadecimal digits, so that each stays one field."""
        texts = [str(field).encode("utf8", "replace").hex() for field in fields]
        self.write(self.replies, "\t".join((nonce, verdict, *texts)).encode() + b"\n")

    def notice(self, what: str) -> None:
        """A line at once, whatever else is going on."""
        self.write(self.replies, b"!" + what.encode() + b"\n")


class Worker:
    """The student's process, seen from inside."""

    def __init__(self, pipes: Pipes, imports: list[str]) -> None:
        self.pipes = pipes
        self.getpid, self.exit, self.pid = os.getpid, os._exit, os.getpid()
        self.shell = Shell.instance()
        self.run_cell = self.shell.run_cell
        self.space: dict[str, Any] = self.shell.user_ns
        self.given: dict[str, Any] = {}
        roots = {name.partition(".")[0] for name in imports}
        tools = [name for name in MODULES if name.partition(".")[0] in roots]
        for name in (*imports, *tools):  # numpy.testing comes lazily, too late to trust
            with contextlib.suppress(Exception):
                import_module(name)
        self.torch = modules.get("torch")
        if self.torch is not None:
            self.torch.set_num_threads(1)
        self.imports, self.alone = imports, True
        self._remember()
        self.filters: Any = list(warnings.filters)
        self.modules = types.ModuleType

    def _remember(self) -> None:
        """The tools as they are now; only the master's own code has run."""
        self.guard = Guard(self.imports)
        self.plain, self.compared = self.guard.plain, self.guard.compared

    def cell(self, source: bytes) -> tuple[str, ...]:
        """Run a cell of the student's as Jupyter would."""
        if self.alone:  # what the master's cells loaded may have wrapped a tool
            self._remember()
        self.alone = False
        result = self.run_cell(source.decode(), store_history=False)
        error = result.error_before_exec or result.error_in_exec
        return _told(error, "<ipython") if error is not None else ("ok",)

    def given_cell(self, code: bytes, names: bytes) -> tuple[str, ...]:
        """Run a cell of the master's, and remember what it defined."""
        self._restore()
        before = {n: self.space.get(n) for n in names.decode().split()}
        self.space["__name__"] = "__main__"
        try:
            exec(marshal.loads(code), self.space)
        except BaseException as error:  # noqa: BLE001
            return _told(error, "<given")
        finally:
            for name in before:
                if name in self.space:
                    self.given[name] = self.space[name]
        return ("ok",)

    def test(self, code: bytes, mine: bytes, keep: bytes) -> tuple[str, ...]:
        """Run a test with tools as they were; once more in the student's precision.

        Args:
            code: the test, compiled; it is not in this process before.
            mine: names that answers define, which may shadow builtins.
            keep: names that later cells may use.
        """
        flags = self._restore()
        dtype = self.torch.get_default_dtype() if self.torch else None
        ours = self.torch.float32 if self.torch else None
        told = self._once(code, mine, keep, ours)
        if told[0] != "ok" and dtype is not ours and not told[1].startswith("Keyboard"):
            again = self._once(code, mine, keep, dtype)
            told = again if again[0] == "ok" else told
        if late := self._restore():
            told = ("patched", *told[1:])
        return (*told, " ".join(dict.fromkeys(flags + late))[:MESSAGE])

    def _once(
        self, code: bytes, mine: bytes, keep: bytes, dtype: Any
    ) -> tuple[str, ...]:
        space = self._space_of_test(set(mine.decode().split()))
        with warnings.catch_warnings():
            warnings.filters = self.filters
            mood = self._calm(dtype)
            try:
                exec(marshal.loads(code), space)
            except BaseException as error:  # noqa: BLE001
                return _told(error, "<test")
            finally:
                self._calm(*mood)
        if (name := self._replaced(space)) is not None:
            return ("patched", "", "0", name)
        for name in keep.decode().split():
            if name in space:
                self.space[name] = space[name]
        return ("ok", "", "0", "")

    def _calm(self, dtype: Any, grad: bool = True) -> tuple[Any, bool]:
        """Fixed seeds, this precision; the precision and mode there were before."""
        settrace(None)
        setprofile(None)
        for tool in range(6 if MONITORING else 0):
            MONITORING.set_events(tool, 0)
        random.seed(0)
        if (numpy := modules.get("numpy")) is not None:
            numpy.random.seed(0)
            numpy.seterr(all="warn", under="ignore")
        if self.torch is None:
            return None, True
        before = (self.torch.get_default_dtype(), self.torch.is_grad_enabled())
        self.torch.manual_seed(0)
        self.torch.set_default_dtype(dtype)
        self.torch.set_grad_enabled(grad)
        return before

    def _space_of_test(self, mine: set[str]) -> dict[str, Any]:
        """The student's names, under those of the master's own cells."""
        own = vars(builtins)
        space = {k: v for k, v in self.space.items() if k not in own or k in mine}
        space |= self.given
        for name, value in self.given.items():
            if type(value) is FUNCTION and value.__globals__ is self.space:
                space[name] = _moved(value, space)
        return space | self._watch()

    def _replaced(self, space: dict[str, Any]) -> str | None:
        """What a test found exchanged among its own names when it ended."""
        watch = self._watch()
        for name, value in (self.given | watch).items():
            watched = name in watch or isinstance(value, self.modules)
            if watched and space.get(name) is not value:
                return name
        return None

    def _watch(self) -> dict[str, Any]:
        return {
            "__dgm_plain__": self.plain,
            "__dgm_compared__": self.compared,
            "__builtins__": builtins,
        }

    def _restore(self) -> list[str]:
        flags = self.guard.restore()
        for name, value in self.given.items():
            if isinstance(value, self.modules) and self.space.get(name) is not value:
                self.space[name] = value
                flags.append(name)
        return flags

    def serve(self) -> None:
        """Answer requests until there are no more."""
        actions: dict[str, Callable[..., tuple[str, ...]]]
        actions = {"cell": self.cell, "given": self.given_cell, "test": self.test}
        while True:
            on_signal(SIGINT, SIG_IGN)
            verb, fields = self.pipes.request()
            if not verb:
                return
            try:
                on_signal(SIGINT, SIGNALS.default_int_handler)
                told: tuple[str, ...] = actions[verb](*fields)
                on_signal(SIGINT, SIG_IGN)
            except BaseException as error:  # noqa: BLE001
                told = _told(error, "<")
            if self.getpid() != self.pid:  # a fork that a cell left behind
                self.exit(0)
            _, (nonce,) = self.pipes.request()
            self.pipes.reply(nonce.decode(), *told)


def _moved(function: types.FunctionType, space: dict[str, Any]) -> types.FunctionType:
    """The same function with other globals."""
    copy = FUNCTION(
        function.__code__,
        space,
        function.__name__,
        function.__defaults__,
        function.__closure__,
    )
    copy.__kwdefaults__ = function.__kwdefaults__
    return copy


def _told(error: BaseException, prefix: str) -> tuple[str, str, str, str]:
    """Verdict, name, line in the cell and message of an error."""
    line, trace = 0, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename.startswith(prefix) and not line:
            line = trace.tb_lineno
        trace = trace.tb_next
    if isinstance(error, SyntaxError) and not line:
        line = error.lineno or 0
    try:
        told = error.msg if isinstance(error, SyntaxError) else str(error)
        message = str(told)[:MESSAGE]
    except BaseException:  # noqa: BLE001
        message = ""
    verdict = "impostor" if isinstance(error, Impostor) else "error"
    return (verdict, type(error).__name__[:60], str(line), message)


def _forget() -> None:
    """Take these modules out of the student's easy reach."""
    for name in [n for n in modules if n.startswith("dgm.course")]:
        del modules[name]
    vars(modules["dgm"]).pop("course", None)


def main(requests: int, replies: int) -> None:
    """Serve one submission."""
    os.set_inheritable(requests, False)
    os.set_inheritable(replies, False)
    pipes = Pipes(requests, replies)
    _, (limits, imports) = pipes.request()
    limit(limits.decode().split())
    worker = Worker(pipes, imports.decode().split())
    _forget()
    _, (nonce,) = pipes.request()
    pipes.reply(nonce.decode(), "ready")
    quiet()
    watch(pipes.notice)
    worker.serve()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
