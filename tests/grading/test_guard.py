"""Tools stay as they were, and values do not answer for themselves."""

import math
import sys
import types
from collections import namedtuple
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any
from unittest import mock

import numpy as np
import numpy.testing
import pytest
import torch

from dgm import checks
from dgm.course.grading import compiled
from dgm.course.grading.worker.guard import Guard, Impostor


@pytest.fixture
def guard() -> Iterator[Guard]:
    made = Guard(["numpy.testing"])
    yield made
    made.restore()


def nothing(*args: object, **kwargs: object) -> None:
    pass


def test_nothing_happened(guard):
    assert guard.restore() == []


def test_functions_are_put_back(guard):
    before = torch.allclose, np.testing.assert_allclose, checks.equal
    torch.allclose = np.testing.assert_allclose = checks.equal = nothing
    assert sorted(guard.restore()) == [
        "dgm.checks.equal",
        "numpy.testing.assert_allclose",
        "torch.allclose",
    ]
    assert (torch.allclose, np.testing.assert_allclose, checks.equal) == before
    del np.testing.assert_allclose
    assert guard.restore() == ["numpy.testing.assert_allclose"]


def test_code_and_defaults_are_put_back(guard):
    function = torch.nn.functional.softmax
    before = function.__code__, function.__defaults__
    function.__code__ = nothing.__code__
    function.__defaults__ = (1,)
    assert guard.restore() == ["torch.nn.functional.softmax"]
    assert (function.__code__, function.__defaults__) == before
    torch.testing.assert_close.__kwdefaults__["rtol"] = 1e9
    assert guard.restore() == ["torch.testing._comparison.assert_close"]
    assert torch.testing.assert_close.__kwdefaults__["rtol"] is None
    assert guard.restore() == []


def test_classes_are_put_back(guard):
    torch.Tensor.__sub__ = lambda a, b: 0
    torch.Tensor.shape = property(lambda self: 3)
    checks.CheckFailed.__init__ = nothing
    found = guard.restore()
    assert "torch.Tensor.__sub__" in found
    assert torch.ones(2).shape == (2,)
    assert (torch.ones(2) - 1).tolist() == [0, 0]
    assert "dgm.checks.CheckFailed.__init__" in found


def test_modules_are_put_back(guard):
    real = sys.modules["numpy.testing"]
    sys.modules["numpy.testing"] = types.ModuleType("numpy.testing")
    assert guard.restore() == ["numpy.testing"]
    assert sys.modules["numpy.testing"] is real


class Equal:
    def __eq__(self, other: object) -> bool:
        return True


class Float(float):
    __lt__ = int.__lt__


class Bound(float):
    __eq__ = float.__ne__


class Agrees(torch.Tensor):
    @classmethod
    def __torch_function__(cls, *args: Any, **kwargs: Any) -> Any:
        return torch.tensor(True)


class Array(np.ndarray):
    def __array_function__(self, *args: Any) -> bool:
        return True


class Meta(type):
    def __eq__(cls, other: object) -> bool:
        return True

    def __hash__(cls) -> int:
        return hash(float)


class Hashed(metaclass=Meta):
    def __abs__(self) -> float:
        return 0.0


class Classy:
    __class__ = float  # type: ignore[assignment]


def patched() -> torch.Tensor:
    tensor = torch.ones(2)
    tensor.sum = lambda *args: torch.tensor(1.0)  # type: ignore[method-assign]
    return tensor


@pytest.mark.parametrize(
    "make",
    [
        Equal,
        Float,
        Bound,
        lambda: torch.ones(2).as_subclass(Agrees),
        lambda: np.ones(2).view(Array),
        Hashed,
        Classy,
        patched,
        lambda: mock.ANY,
        lambda: [1.0, (2.0, {"a": Equal()})],
    ],
)
def test_impostors(guard, make):
    # The classes of this file were there before the guard, as a student's are not.
    guard.known -= {id(k) for k in globals().values() if isinstance(k, type)}
    with pytest.raises(Impostor):
        guard.compared(make())


@dataclass
class Config:
    rate: float


class Model(torch.nn.Module):
    def __len__(self) -> int:
        return 3


def test_honest_values(guard):
    guard.known -= {id(Config), id(Model)}
    point = namedtuple("point", "x y")
    for value in (1, 2.5, True, None, "a", [1], {"a": (1,)}, Fraction(1, 2), math.inf):
        assert guard.compared(value) is value
    for value in (np.ones(2), np.float32(1), torch.ones(2), point(1, 2), Model()):
        assert guard.compared(value) is value
    assert guard.compared(torch.nn.Parameter(torch.ones(2))).shape == (2,)
    config = Config(1.0)
    assert guard.plain(config) is config  # its fields may be looked at ...
    with pytest.raises(Impostor):
        guard.compared(config)  # ... but it must not be compared as a whole


def run(source: str, guard: Guard, **names: Any) -> dict[str, Any]:
    import marshal

    space = {"__dgm_plain__": guard.plain, "__dgm_compared__": guard.compared, **names}
    exec(marshal.loads(compiled.test(source, "t", frozenset({"np"}))), space)
    return space


def test_watched_code_does_what_it_says(guard):
    source = """
import math
class A:
    n = 3
    def f(self, *args, k=1, **rest):
        return [a + k for a in args if a > 0] + sorted(rest)
    @property
    def g(self): return super().__repr__()
def outer():
    x = 0
    def inner():
        nonlocal x
        x += 1
        return x
    return inner() + inner()
a = A()
values = a.f(1, -1, 2, k=2, z=1)
d = {"a": [1, 2]}
d["a"][0] += 5
x, *y = (v for v in range(4))
del d["a"][1]
text = f"{outer()!r:>3} {math.pi:.2f}"
try:
    assert 1 < 2 < 1, "no"
except AssertionError as error:
    said = str(error)
with open("/dev/null") as file: pass
if (n := len(values)) and not n == 4: r = lambda q, *, s=n: q * s
matched = None
match d:
    case {"a": [one]}: matched = one
"""
    space = run(source, guard)
    plain: dict[str, Any] = {}
    exec(source, plain)
    for name in ("values", "d", "x", "y", "text", "said", "n", "matched"):
        assert space[name] == plain[name], name


def test_watched_code_meets_impostors(guard):
    guard.known -= {id(Equal)}
    for source in (
        "assert f() == 3",
        "assert 3 == f()",
        "assert f()",
        "x = f()\nassert not x == 4",
        "assert [f()] == [3]",
        "assert sorted([f() for _ in range(1)]) == [3]",
        "(lambda v: v == 1)(f())",
    ):
        with pytest.raises(Impostor):
            run(source, guard, f=Equal)


def test_lines_are_the_masters(guard):
    with pytest.raises(ZeroDivisionError) as info:
        run("x = 1\n\n\ny = (x /\n     0)", guard)
    assert info.traceback[-1].frame.code.raw.co_filename == "<test t>"
    assert info.traceback[-1].lineno + 1 in (4, 5)
