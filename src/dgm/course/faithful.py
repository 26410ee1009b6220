"""A pickler for the things in a notebook: a faithful copy of each, or none at all.

It is cloudpickle's, which knows classes and functions that a notebook defines. What it
does not know is here: that such functions share the notebook's globals, that tensors
and arrays share memory, that a tensor has a gradient, that a random generator has a
state.
"""

import copyreg
import inspect
import pickle
import types
from collections.abc import Callable, Iterator
from typing import Any

import cloudpickle
import numpy as np
import torch
from numpy.typing import NDArray

import __main__

MAIN = "the notebook's globals"


class Cannot(Exception):
    """The state holds something that has no faithful copy in a file."""


class Saver(cloudpickle.Pickler):  # type: ignore[misc]
    """A pickler after which two names for one thing are still two names for one."""

    def __init__(self, file: Any) -> None:
        super().__init__(file, protocol=5)
        self.memory: list[tuple[int, int]] = []
        self.alive: list[Any] = []  # so that no address is used twice meanwhile

    def persistent_id(self, obj: Any) -> str | None:
        """The globals are a place, not a thing."""
        return MAIN if obj is vars(__main__) else None

    def reducer_override(self, obj: Any) -> Any:
        """How to make a thing again: a function, its arguments, its state."""
        reduce = REDUCERS.get(type(obj))
        if isinstance(obj, types.FunctionType):
            return _in_globals(obj, super().reducer_override(obj))
        if isinstance(obj, type) and type(obj) in copyreg.dispatch_table:
            return copyreg.dispatch_table[type(obj)](obj)
        if isinstance(obj, torch.Tensor):
            reduce = _tensor
        if isinstance(obj, torch.UntypedStorage):
            reduce = self.storage
        made = reduce(obj) if reduce else NotImplemented
        if made is NotImplemented:
            self.occupy(obj)
            return super().reducer_override(obj)
        return made

    def occupy(self, obj: Any) -> None:
        """Note the memory of an array that is written as it is."""
        if type(obj) is np.ndarray and obj.size:
            self.alive.append(obj)
            self.memory.append(_bounds(obj))

    def storage(self, obj: torch.UntypedStorage) -> Any:
        """The bytes under one or several tensors."""
        self.alive.append(obj)
        self.memory.append((obj.data_ptr(), obj.data_ptr() + obj.nbytes()))
        flat = torch.empty(0, dtype=torch.uint8, device=obj.device).set_(obj)
        return _storage_made, (flat.cpu().numpy().tobytes(), str(obj.device))

    def check(self) -> None:
        """After all is pickled.

        Raises:
            Cannot: if two things that were written apart share memory.
        """
        last = 0
        for start, end in sorted(self.memory):
            if start < last and start < end:
                raise Cannot("an array of NumPy shares memory with another or a tensor")
            last = max(last, end)


class Loader(pickle.Unpickler):
    """The counterpart of :class:`Saver`."""

    def persistent_load(self, pid: Any) -> Any:
        """The globals of this kernel."""
        return vars(__main__)


def _bounds(array: NDArray[Any]) -> tuple[int, int]:
    start = int(array.__array_interface__["data"][0])
    return start, start + array.nbytes


def _in_globals(function: types.FunctionType, reduced: Any) -> Any:
    """A notebook's function looks names up where it did before."""
    if reduced is NotImplemented or function.__globals__ is not vars(__main__):
        return reduced
    make, (code, _, *rest), (attributes, slots), *others = reduced
    slots["__globals__"] = {}
    return make, (code, vars(__main__), *rest), (attributes, slots), *others


# ---- Tensors ------------------------------------------------------------------------


class Cut(torch.autograd.Function):
    """Marks a tensor whose history is lost; a gradient through it is an error."""

    @staticmethod
    def forward(ctx: Any, value: torch.Tensor, switch: torch.Tensor) -> torch.Tensor:
        """The tensor itself, from now on without a history to go back to."""
        ctx.mark_dirty(value)
        return value

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> Any:
        """Refuse.

        Raises:
            RuntimeError: always, since no gradient at all would be wrong in silence.
        """
        raise RuntimeError(
            "This run was resumed, and a tensor made before carries no gradient across "
            "the interruption: run again with --restart."
        )


def _tensor(tensor: torch.Tensor) -> Any:
    cut = tensor.requires_grad and not tensor.is_leaf
    make, arguments = (tensor.detach() if cut else tensor).__reduce_ex__(5)
    gradient = tensor.grad if tensor.is_leaf else None
    return _made, (make, arguments), (gradient, cut), None, None, _finish


def _made(make: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    return make(*arguments)


def _finish(tensor: torch.Tensor, state: tuple[torch.Tensor | None, bool]) -> None:
    gradient, cut = state
    if cut:
        with torch.enable_grad():
            Cut.apply(tensor, torch.zeros((), device="cpu", requires_grad=True))
    if gradient is not None:
        tensor.grad = gradient


def _typed(storage: torch.storage.TypedStorage) -> Any:
    return _typed_made, (storage._untyped_storage, storage.dtype)


def _typed_made(untyped: torch.UntypedStorage, dtype: torch.dtype) -> Any:
    return torch.storage.TypedStorage(wrap_storage=untyped, dtype=dtype, _internal=True)


def _storage_made(held: bytes, device: str) -> torch.UntypedStorage:
    flat = torch.empty(len(held), dtype=torch.uint8, device="cpu")
    if held:
        flat.copy_(torch.frombuffer(bytearray(held), dtype=torch.uint8))
    return flat.to(device).untyped_storage()


def _generator(generator: torch.Generator) -> Any:
    if generator is torch.default_generator:
        return getattr, (torch, "default_generator")
    return _generator_made, (str(generator.device), generator.get_state())


def _generator_made(device: str, state: torch.Tensor) -> torch.Generator:
    return torch.Generator(device).set_state(state)


# ---- Arrays, iterators --------------------------------------------------------------


def _array(array: NDArray[Any]) -> Any:
    """A view as a view of what owns the memory; an owner as NumPy does it."""
    owner = array
    while type(owner.base) is np.ndarray:
        owner = owner.base
    whole = owner.flags.c_contiguous or owner.flags.f_contiguous
    if owner is array or owner.dtype.hasobject or not whole or not array.size:
        return NotImplemented
    offset = _bounds(array)[0] - _bounds(owner)[0]
    writeable = array.flags.writeable
    shape, strides = array.shape, array.strides
    return _view, (owner, shape, array.dtype, offset, strides, writeable)


def _view(
    owner: NDArray[Any],
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
    offset: int,
    strides: tuple[int, ...],
    writeable: bool,
) -> NDArray[Any]:
    flat = (owner if owner.flags.c_contiguous else owner.T).reshape(-1).view(np.uint8)
    view = np.ndarray(shape, dtype, flat, offset, strides)
    view.flags.writeable = writeable and owner.flags.writeable
    return view


def _iterator(iterator: Any) -> Any:
    """One that has ended is as good as any other that has.

    Raises:
        Cannot: if it may go on.
    """
    if inspect.getgeneratorstate(iterator) == inspect.GEN_CLOSED:
        return _ended, ()
    raise Cannot(f"the generator '{iterator.__name__}' has begun and not ended")


def _ended() -> Iterator[Any]:
    generator = iter_nothing()
    next(generator, None)
    return generator


def iter_nothing() -> Iterator[Any]:
    """No items."""
    yield from ()


REDUCERS: dict[type, Callable[[Any], Any]] = {
    torch.storage.TypedStorage: _typed,
    torch.Generator: _generator,
    np.ndarray: _array,
    types.GeneratorType: _iterator,
}
