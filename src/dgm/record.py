"""Numbers that a page shows, and experiments that were recorded for it.

While the book is made (the environment has ``DGM_BOOK``) a recorded number becomes a
*glued* value that the prose refers to; elsewhere, as in Jupyter, Colab or a plain
script, the same call prints it.
"""

import json
import os
from collections.abc import Callable, Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal, Protocol, TypeVar, runtime_checkable

Kind = Literal["exact", "bound", "estimate", "measured"]
PREFIX = "application/papermill.record/"
MIME = "application/vnd.dgm.record+json"
_F = TypeVar("_F", bound=Callable[..., Any])


@runtime_checkable
class Scalar(Protocol):
    """A number of NumPy, or a tensor that holds one number."""

    def item(self) -> Any:
        """The number as Python's own."""


def record(
    name: str,
    value: float | int | str | Scalar,
    stderr: float | Scalar | None = None,
    kind: Kind = "measured",
    volatile: bool = False,
) -> None:
    """Make a number available to the page, the scoreboard and ``dgm run``.

    The prose shows it by the role ``glue:text``, as ``name:.2f`` and, where there is a
    standard error, ``name_stderr:.2f``.

    Args:
        name: unique within the page.
        value: the number, also as a tensor or from NumPy; units belong in the prose.
        stderr: its standard error, in the same unit.
        kind: what the number is. Exact values, bounds and estimates never share an
            unmarked column.
        volatile: true for timings, which differ at every execution.
    """
    number, error = _plain(value), _plain(stderr)
    payload = {
        "name": name,
        "value": number,
        "stderr": error,
        "kind": kind,
        "volatile": volatile,
    }
    if not _in_book():
        spread = "" if error is None else f" ± {_short(error)}"
        print(f"{name} = {_short(number)}{spread}  ({kind})")
        return
    _glue(name, number, payload)
    if error is not None:
        _glue(f"{name}_stderr", error, None, volatile)


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, Scalar) else value


def _short(value: float | int | str) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _in_book() -> bool:
    """Whether this is a kernel, and it was started to make the book."""
    if not os.environ.get("DGM_BOOK") or find_spec("IPython") is None:
        return False
    from IPython import get_ipython

    return get_ipython() is not None


def _glue(
    name: str, value: Any, payload: dict[str, Any] | None, volatile: bool = False
) -> None:
    """What ``myst_nb.glue`` emits, with the whole record beside it.

    ``nbval`` reads ``volatile`` to know what not to compare.
    """
    from IPython.display import display

    data = {f"{PREFIX}text/plain": repr(value)}
    if payload is not None:
        data[f"{PREFIX}{MIME}"] = json.dumps(payload)
        volatile = payload["volatile"]
    scrapbook = {"name": name, "mime_prefix": PREFIX, "volatile": volatile}
    display(data, metadata={"scrapbook": scrapbook}, raw=True)


def experiment(**grid: Iterable[Any]) -> Callable[[_F], _F]:
    """Mark a lecture's function as a recorded experiment.

    ``make experiments`` calls it once for every combination of the grid's values, in
    parallel, and writes what it returns to ``results/<lecture>/<function>.json``::

        @experiment(seed=range(5), hidden=[128, 512])
        def width(seed: int, hidden: int, steps: int = 2000) -> dict[str, float]: ...

    The function stays an ordinary one: the page calls it at a small size.
    """

    def mark(function: _F) -> _F:
        function.experiment = {key: list(values) for key, values in grid.items()}  # type: ignore[attr-defined]
        return function

    return mark


def recorded(name: str) -> list[dict[str, Any]]:
    """The runs of a recorded experiment, each with its arguments and its results.

    Args:
        name: ``"lecture-slug/function_name"``.

    Raises:
        FileNotFoundError: if the experiment was never recorded.
    """
    for folder in _results_folders():
        path = folder / f"{name}.json"
        if path.is_file():
            runs: list[dict[str, Any]] = json.loads(path.read_text("utf8"))["runs"]
            return runs
    raise FileNotFoundError(
        f"No recorded experiment '{name}'. Run `make experiments NAME={name}`, or set "
        "DGM_RESULTS to the folder that holds the results."
    )


def _results_folders() -> list[Path]:
    """Where results may be: told, above the notebook, beside the package, in it."""
    told = os.environ.get("DGM_RESULTS")
    here = Path.cwd()
    package = Path(__file__).parent
    above = [folder / "results" for folder in (here, *here.parents)]
    inside = [package.parents[1] / "results", package / "results"]
    return ([Path(told)] if told else []) + above + inside
