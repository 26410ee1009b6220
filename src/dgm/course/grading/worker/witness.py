"""Tell the grader at once when a cell reaches for the inside of the interpreter.

An audit hook cannot be taken away again, and what it has told is out of the student's
hands. It decides nothing: the instructor sees a flag.
"""

import builtins
import sys
from collections.abc import Callable
from typing import Any

globals()["__builtins__"] = dict(vars(builtins))  # see guard.py
EVENTS = frozenset(
    ("sys._getframe", "sys._current_frames", "sys.settrace", "sys.setprofile")
    + ("sys.monitoring.register_callback", "sys.addaudithook", "code.__new__")
    + ("gc.get_objects", "gc.get_referrers", "gc.get_referents", "os.fork")
    + ("ctypes.dlopen", "ctypes.addressof", "ctypes.cdata", "ctypes.string_at")
    + ("_thread.start_new_thread", "marshal.loads")
)
FRAMES = frozenset(("tb_frame", "gi_frame", "cr_frame", "ag_frame"))
HELPERS = ("/inspect.py", "/ctypes/__init__.py", "/threading.py")  # stand in between


def watch(tell: Callable[[str], None]) -> None:
    """Begin to look, for as long as the process lives."""
    getframe, told, nested = sys._getframe, set[str](), [False]

    def hook(event: str, args: tuple[Any, ...]) -> None:
        if nested[0] or not (what := _what(event, args)) or what in told:
            return
        nested[0] = True
        try:
            frame: Any = getframe(1)
            while frame and frame.f_code.co_filename.endswith(HELPERS):
                frame = frame.f_back
            if frame and frame.f_code.co_filename.startswith("<ipython"):
                told.add(what)
                tell(what)
        finally:
            nested[0] = False

    sys.addaudithook(hook)


def _what(event: str, args: tuple[Any, ...]) -> str:
    """What to call an event; empty for those that anybody causes."""
    if event in EVENTS:
        return event
    if event == "object.__getattr__":
        return args[1] if args[1] in FRAMES else ""
    path = {"open": 0, "compile": 1}.get(event)
    if path is None or type(args[path]) is not str:
        return ""
    place = "/proc/" if event == "open" else "/"
    return f"{event} {place}" if args[path].startswith(place) else ""
