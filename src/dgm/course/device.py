"""Run any lecture on an accelerator: where its tensors are made, and how they return.

A lecture makes its tensors without naming a device. In the kernel of ``dgm run
--device`` each new tensor is put on the device instead, and what asks for an array of
NumPy (figures, scikit-learn) gets a copy from there. A generator that a lecture seeds
itself stays on the CPU and draws what it draws there. Apple's cards have no 64-bit
numbers: on ``mps`` a lecture that asks for some gets 32 bits, and a check that needs
more digits fails.
"""

import functools
from collections.abc import Callable
from typing import Any

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._device import _device_constructors

from dgm.course.files import Stop

TO_NUMPY = (torch.Tensor.numpy, torch.Tensor.__array__)


def check(device: str) -> None:
    """See at once whether a device is there.

    Raises:
        Stop: if not.
    """
    try:
        asked = torch.device(device)
        there = asked.type not in ("cuda", "mps") or asked in map(torch.device, found())
    except RuntimeError:
        there = False
    if not there:
        raise Stop(
            f"There is no device '{device}' here (PyTorch {torch.__version__} finds "
            f"{', '.join(found())}): leave --device out to use the CPU."
        )


def found() -> list[str]:
    """The devices of this machine."""
    cards = [f"cuda:{index}" for index in range(torch.cuda.device_count())]
    cuda = ["cuda", *cards] if cards else []
    return ["cpu", *cuda, *(["mps"] if torch.backends.mps.is_available() else [])]


def use(device: str) -> None:
    """From now on, tensors are made on the device."""
    exact = torch.use_deterministic_algorithms
    # Some operations have no deterministic form there: they warn instead of failing.
    torch.use_deterministic_algorithms = functools.partial(exact, warn_only=True)
    torch.from_numpy = _moving(torch.from_numpy, device)  # it passes by the mode
    On(torch.device(device)).__enter__()


def _moving(make: Callable[..., torch.Tensor], device: str) -> Callable[..., Any]:
    @functools.wraps(make)
    def made(array: Any) -> torch.Tensor:
        tensor = make(array)
        wide = tensor.dtype is torch.float64 and device == "mps"
        return (tensor.float() if wide else tensor).to(device)

    return made


class On(TorchFunctionMode):
    """While it is entered, every call into torch passes here."""

    def __init__(self, device: torch.device) -> None:
        super().__init__()
        self.device, self.makers = device, set(_device_constructors())

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        """The same call, with its result on the device."""
        kwargs = dict(kwargs or {})
        generator = kwargs.get("generator")
        if self.device.type == "mps":
            func, args, kwargs = narrow(func, args, kwargs)
        if func in TO_NUMPY:
            return func(
                args[0].detach().cpu() if moved(args[0]) else args[0], *args[1:]
            )
        if isinstance(generator, torch.Generator) and generator.device != self.device:
            return self.drawn(func, args, kwargs)
        if func in self.makers and kwargs.get("device") is None:
            kwargs["device"] = self.device
        return func(*args, **kwargs)

    def drawn(self, func: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        """Draw where the generator is, then bring the result to the device."""
        place = kwargs["generator"].device
        if func in self.makers:
            given = kwargs.pop("device", None)
            needs = kwargs.pop("requires_grad", False)
            made = func(*args, device=place, **kwargs).to(given or self.device)
            return made.requires_grad_(needs)
        there = [a.to(place) if isinstance(a, torch.Tensor) else a for a in args]
        made = func(*there, **kwargs)
        if made is there[0]:  # it was drawn in place
            return args[0].copy_(made) if made is not args[0] else made
        devices = [a.device for a in args if isinstance(a, torch.Tensor)]
        return made.to(devices[0] if devices else self.device)


def narrow(func: Any, args: Any, kwargs: Any) -> Any:
    """The same call with 32 bits where it asks for 64, which Apple's cards lack."""

    def narrowed(value: Any) -> Any:
        return torch.float32 if value is torch.float64 else value

    if func is torch.Tensor.double:
        func = torch.Tensor.float
    given = {name: narrowed(value) for name, value in kwargs.items()}
    return func, tuple(map(narrowed, args)), given


def moved(tensor: torch.Tensor) -> bool:
    """Whether it lies where NumPy cannot read."""
    return tensor.device.type != "cpu"
