"""Keep the tools that tests use as they were, whatever the student's code did to them.

Everything here runs in the student's process, so a determined forger can reach it; it
stops what people try: patched assertions, patched functions, objects that equal all.
"""

import builtins
import re
import sys
import types
from collections.abc import Callable, Iterable, Iterator
from typing import Any

# A private copy: what a student writes into the module ``builtins`` does not reach the
# functions below. (A function takes its builtins from its module when it is made.)
globals()["__builtins__"] = dict(vars(builtins))

MODULES = (
    "builtins",
    "math",
    "random",
    "warnings",
    "unittest.case",
    "numpy",
    "numpy.linalg",
    "numpy.random",
    "numpy.testing",
    "numpy.testing._private.utils",
    "torch",
    "torch.functional",
    "torch.linalg",
    "torch.autograd",
    "torch.autograd.gradcheck",
    "torch.nn.functional",
    "torch.nn.modules.module",
    "torch.overrides",
    "torch.testing",
    "torch.testing._comparison",
    "torch._tensor",
    "torch._C",
)
CHANGES = {("torch", "Storage")}  # with the default precision
LIMIT = 10_000  # elements of a container that are looked at
ARITHMETIC = ("add", "sub", "mul", "truediv", "pow", "matmul", "mod", "floordiv")
# What an object must not answer for itself when a test computes with it ...
WEAK = frozenset(
    ("__torch_function__", "__torch_dispatch__", "__array_function__")
    + ("__array_ufunc__", "__array__", "__class__", "__bool__", "__float__")
    + ("__int__", "__abs__", "__neg__", "__lt__", "__le__", "__gt__", "__ge__")
    + tuple(f"__{side}{name}__" for name in ARITHMETIC for side in ("", "r"))
)
# ... and also not when a test compares it.
STRICT = WEAK | {"__eq__", "__ne__"}
# Libraries whose classes may answer for themselves; ``unittest.mock.ANY`` may not.
TRUSTED = re.compile(
    r"/(numpy|torch|scipy|sklearn|pandas|dgm|collections)/"
    r"|/(fractions|_pydecimal|enum|datetime|numbers|pathlib|functools|typing)\.py$"
).search
NO_OVERRIDE = "_disabled_torch_function_impl"
CONTAINERS = frozenset(map(id, (list, tuple, set, frozenset)))
FUNCTION, CELL = types.FunctionType, types.CellType
DESCRIPTORS = (
    types.MethodDescriptorType,
    types.WrapperDescriptorType,
    types.GetSetDescriptorType,
    types.ClassMethodDescriptorType,
    property,
    classmethod,
    staticmethod,
    FUNCTION,
    type,
)


class Impostor(TypeError):
    """A value that decides for itself how a test about it ends."""


class Guard:
    """A snapshot of modules, classes and functions, to verify and to restore."""

    def __init__(self, extra: Iterable[str] = ()) -> None:
        self.modules = sys.modules
        ours = [n for n in self.modules if n == "dgm" or n.startswith("dgm.")]
        names = [n for n in ours if not n.startswith("dgm.course")]
        wanted = dict.fromkeys((*MODULES, *extra, *names))
        self.loaded = {n: m for n in wanted if (m := self.modules.get(n)) is not None}
        self.values = [
            (name, module, _watched(name, module))
            for name, module in self.loaded.items()
        ]
        self.classes: dict[type, dict[str, Any]] = {}
        self.functions: dict[types.FunctionType, tuple[Any, ...]] = {}
        for _, _, values in self.values:
            for value in values.values():
                self._remember(value)
        self.kept = tuple(_classes(object))  # else a number may become another's
        self.known = frozenset(map(id, self.kept))

    def _remember(self, value: Any) -> None:
        if isinstance(value, FUNCTION) and value not in self.functions:
            self.functions[value] = _inside(value)
            for part in _functions_in(value):
                self._remember(part)
        elif isinstance(value, type) and value not in self.classes:
            if value.__module__ not in self.loaded:
                return
            self.classes[value] = dict(vars(value))
            for part in vars(value).values():
                self._remember(getattr(part, "__func__", part))

    def restore(self) -> list[str]:
        """Put everything back; names of what was not as it had been."""
        found: list[str] = []
        for name, module, values in self.values:
            if self.modules.get(name) is not module:
                self.modules[name] = module
                found.append(name)
            now = module.__dict__
            for key, value in values.items():
                if now.get(key, found) is not value:
                    now[key] = value
                    found.append(f"{name}.{key}")
        for klass, attributes in self.classes.items():
            found += _restore_class(klass, attributes)
        for function, inside in self.functions.items():
            found += _restore_function(function, inside)
        return found

    def plain(self, value: Any) -> Any:
        """The value itself, unless it is an impostor; for use in a computation."""
        self._inspect(value, WEAK, [LIMIT])
        return value

    def compared(self, value: Any) -> Any:
        """The value itself, unless it is an impostor; for use in a comparison."""
        self._inspect(value, STRICT, [LIMIT])
        return value

    def _inspect(self, value: Any, names: frozenset[str], left: list[int]) -> None:
        klass = type(value)
        left[0] -= 1
        if left[0] < 0:
            return
        if id(klass) in CONTAINERS:
            for part in value:
                self._inspect(part, STRICT, left)
        elif klass is dict:
            for part in value.values():
                self._inspect(part, STRICT, left)
        elif id(klass) not in self.known and self._own_answer(klass, names):
            raise Impostor(
                f"an object of the class {klass.__name__} answers for itself"
            )
        elif hasattr(klass, "sum"):
            _unpatched(value, klass)

    def _own_answer(self, klass: type, names: frozenset[str]) -> bool:
        """Whether a class of the student's own defines one of these methods."""
        for base in type.__dict__["__mro__"].__get__(klass):
            if id(base) in self.known:
                return False
            own = type.__dict__["__dict__"].__get__(base)
            if any(n in own and not _library(own[n], base) for n in names):
                return True
        return False


def _library(method: Any, klass: type) -> bool:
    """Whether a method is one that its class got from a library, or from C."""
    function = getattr(method, "__func__", getattr(method, "fget", method))
    if isinstance(function, FUNCTION):
        file = function.__code__.co_filename
        return file.startswith("/") and TRUSTED(file) is not None
    if function is None or getattr(method, "__objclass__", None) is klass:
        return True
    # ``torch.nn.Parameter`` has this: it says that a class answers nothing itself.
    return function is getattr(sys.modules.get("torch._C"), NO_OVERRIDE, klass)


def _unpatched(value: Any, klass: type) -> None:
    """A tensor that carries its own ``sum`` is an impostor too."""
    own = getattr(value, "__dict__", None)
    if type(own) is dict:
        for name in own:
            if callable(own[name]) and hasattr(klass, name):
                raise Impostor(f"a {klass.__name__} has its own '{name}'")


def _classes(top: type) -> Iterator[type]:
    """All classes there are, but for those made to deceive: ``unittest.mock.ANY``."""
    yield top
    below: list[type] = type.__subclasses__(top)
    for klass in below:
        if not str(klass.__module__).startswith(("unittest", "mock")):
            yield from _classes(klass)


def _watched(name: str, module: types.ModuleType) -> dict[str, Any]:
    """Functions, classes and modules among a module's names."""
    return {
        key: value
        for key, value in dict(vars(module)).items()
        if isinstance(value, types.ModuleType) or callable(value)
        if (name, key) not in CHANGES
    }


def _inside(function: types.FunctionType) -> tuple[Any, ...]:
    """What can be exchanged inside a function."""
    cells = function.__closure__ or ()
    keywords = function.__kwdefaults__
    return (
        function.__code__,
        function.__defaults__,
        keywords,
        dict(keywords) if keywords else None,
        tuple((cell, _content(cell)) for cell in cells),
    )


def _content(cell: types.CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # empty
        return CELL


def _functions_in(function: types.FunctionType) -> Iterator[Any]:
    for cell in function.__closure__ or ():
        yield _content(cell)
    yield getattr(function, "__wrapped__", None)


def _restore_function(
    function: types.FunctionType, inside: tuple[Any, ...]
) -> list[str]:
    code, defaults, keywords, copied, cells = inside
    intact = (
        function.__code__ is code
        and function.__defaults__ is defaults
        and function.__kwdefaults__ is keywords
        and (keywords is None or keywords == copied)
        and all(_content(cell) is content for cell, content in cells)
    )
    if intact:
        return []
    function.__code__, function.__defaults__ = code, defaults
    function.__kwdefaults__ = keywords
    if keywords is not None:
        keywords.clear()
        keywords.update(copied)
    for cell, content in cells:
        if content is not CELL:
            cell.cell_contents = content
    return [f"{function.__module__}.{function.__qualname__}"]


def _restore_class(klass: type, attributes: dict[str, Any]) -> list[str]:
    found: list[str] = []
    now = type.__dict__["__dict__"].__get__(klass)
    for name, value in attributes.items():
        if now.get(name, found) is not value and isinstance(value, DESCRIPTORS):
            found += _try(type.__setattr__, klass, name, value)
    for name in [n for n in now if n not in attributes]:
        shadows = any(name in b.__dict__ for b in klass.__mro__[1:])
        if shadows and (isinstance(now[name], DESCRIPTORS) or callable(now[name])):
            found += _try(type.__delattr__, klass, name)
    return found


def _try(change: Callable[..., None], klass: type, *words: Any) -> list[str]:
    try:
        change(klass, *words)
    except (TypeError, AttributeError):
        return []
    return [f"{klass.__module__}.{klass.__name__}.{words[0]}"]
