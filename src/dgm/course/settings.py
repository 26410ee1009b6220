"""What a kernel's next cell depends on besides names: random states and settings."""

import linecache
import os
import random
import sys
import warnings
from contextlib import suppress
from typing import Any

import numpy as np
import torch

from dgm.course.inside import BEFORE

FORMATS = ("image/svg+xml", "image/png", "image/jpeg", "application/pdf")
NOT_OURS = ("backend", "backend_fallback", "interactive")  # matplotlib's, the kernel's


def shell() -> Any:
    """The kernel's IPython, or None."""
    from IPython import get_ipython

    return get_ipython()


def taken() -> dict[str, Any]:
    """All of it, as plain values."""
    return {
        "random": _random_states(),
        "torch": _of_torch(),
        "numpy": np.get_printoptions(),
        "environment": {k: v for k, v in os.environ.items() if BEFORE.get(k) != v},
        "warnings": warnings.filters[:],
        "path": sys.path[:],
        "matplotlib": _of_matplotlib(),
        "cells": _cells(),
    }


def put_back(held: dict[str, Any]) -> None:
    """The counterpart of :func:`taken`."""
    _put_torch(held["torch"])
    np.set_printoptions(**_settable(held["numpy"]))
    os.environ.update(held["environment"])
    warnings.filters[:] = held["warnings"]  # type: ignore[index]
    sys.path[:] = held["path"]
    _put_matplotlib(held["matplotlib"])
    _put_cells(held["cells"])
    _put_random_states(held["random"])


def _settable(options: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in options.items() if key != "override_repr"}


def _random_states() -> dict[str, Any]:
    states: dict[str, Any] = {
        "python": random.getstate(),
        "numpy": np.random.get_state(),  # noqa: NPY002
        "cpu": torch.get_rng_state(),
    }
    if torch.cuda.is_available():
        states["cuda"] = torch.cuda.get_rng_state_all()
    if torch.backends.mps.is_available():
        states["mps"] = torch.mps.get_rng_state()
    return states


def _put_random_states(states: dict[str, Any]) -> None:
    random.setstate(states["python"])
    np.random.set_state(states["numpy"])  # noqa: NPY002
    torch.set_rng_state(states["cpu"])
    if "cuda" in states:
        torch.cuda.set_rng_state_all(states["cuda"])
    if "mps" in states:
        torch.mps.set_rng_state(states["mps"])


def _of_torch() -> dict[str, Any]:
    return {
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "warn_only": torch.is_deterministic_algorithms_warn_only_enabled(),
        "threads": torch.get_num_threads(),
        "dtype": torch.get_default_dtype(),
        "gradients": torch.is_grad_enabled(),
        "precision": torch.get_float32_matmul_precision(),
        "cudnn": (torch.backends.cudnn.benchmark, torch.backends.cudnn.deterministic),
        "print": dict(vars(torch._tensor_str.PRINT_OPTS)),
    }


def _put_torch(held: dict[str, Any]) -> None:
    torch.use_deterministic_algorithms(
        held["deterministic"], warn_only=held["warn_only"]
    )
    torch.set_num_threads(held["threads"])
    torch.set_default_dtype(held["dtype"])
    torch.set_grad_enabled(held["gradients"])
    torch.set_float32_matmul_precision(held["precision"])
    cudnn = torch.backends.cudnn
    cudnn.benchmark, cudnn.deterministic = held["cudnn"]
    vars(torch._tensor_str.PRINT_OPTS).update(held["print"])


def _of_matplotlib() -> dict[str, Any] | None:
    """Its settings, and how the kernel shows figures once it has shown one."""
    if "matplotlib" not in sys.modules:
        return None
    import matplotlib as mpl

    inline = sys.modules.get("matplotlib_inline.backend_inline")
    kept = {k: v for k, v in mpl.rcParams.items() if k not in NOT_OURS}
    return {"rc": kept, "printers": inline and _printers()}


def _printers() -> dict[str, Any]:
    """For each format: what makes it of a figure."""
    from matplotlib.figure import Figure

    formatters = shell().display_formatter.formatters
    kept = {}
    for mime in FORMATS:
        with suppress(KeyError):
            kept[mime] = formatters[mime].lookup_by_type(Figure)
    return kept


def _put_matplotlib(held: dict[str, Any] | None) -> None:
    if held is None:
        return
    import matplotlib as mpl

    if held["printers"] is not None:
        _show_figures()
        for mime in FORMATS:
            formatter = shell().display_formatter.formatters[mime]
            formatter.pop(mpl.figure.Figure, None)
            if mime in held["printers"]:
                formatter.for_type(mpl.figure.Figure, held["printers"][mime])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a setting that is on its way out
        mpl.rcParams.update(held["rc"])


def _show_figures() -> None:
    """What the first import of pyplot in a kernel does, if it was not done yet."""
    import matplotlib as mpl
    from IPython.core.pylabtools import activate_matplotlib
    from matplotlib_inline.backend_inline import configure_inline_support

    backend = mpl.get_backend()
    activate_matplotlib(backend)
    configure_inline_support(shell(), backend)


def _cells() -> tuple[dict[str, Any], dict[str, Any], int]:
    """The sources of the cells so far, for tracebacks; the number of the next one."""
    ours = shell()
    files = dict(getattr(ours.compile, "_filename_map", {}))
    sources = {name: linecache.cache[name] for name in files if name in linecache.cache}
    return files, sources, ours.execution_count


def _put_cells(held: tuple[dict[str, Any], dict[str, Any], int]) -> None:
    files, sources, count = held
    ours = shell()
    getattr(ours.compile, "_filename_map", {}).update(files)
    linecache.cache.update(sources)
    if hasattr(linecache, "_ipython_cache"):
        linecache._ipython_cache.update(sources)
    ours.execution_count = count
