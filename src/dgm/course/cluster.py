"""Many tasks at a time: in threads here, or on a Dask cluster."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from dgm.course.files import Stop

T = TypeVar("T")
R = TypeVar("R")


def each(
    function: Callable[[T], R],
    tasks: list[T],
    workers: int,
    cluster: str | None,
    lost: Callable[[T, Exception], R],
) -> Iterator[R]:
    """Results as they come.

    Args:
        function: importable on every worker, and best one that never raises.
        tasks: what to call it with, one at a time.
        workers: threads, if there is no cluster.
        cluster: address of a Dask scheduler.
        lost: the result for a task whose worker was lost, or whose function raised.

    Raises:
        Stop: if joblib or Dask is not installed, or the cluster does not answer.
    """
    if tasks and cluster is None:
        yield from _here(function, tasks, workers)
    elif tasks:
        yield from _there(function, tasks, str(cluster), lost)


def _here(function: Callable[[T], R], tasks: list[T], workers: int) -> Iterator[R]:
    try:
        import joblib
    except ImportError:
        raise Stop("This needs joblib and psutil: install them with pip.") from None
    calls: Iterable[Any] = (joblib.delayed(function)(task) for task in tasks)
    unordered = joblib.Parallel(
        workers, backend="threading", return_as="generator_unordered"
    )
    yield from unordered(calls)


def _there(
    function: Callable[[T], R],
    tasks: list[T],
    address: str,
    lost: Callable[[T, Exception], R],
) -> Iterator[R]:
    with _client(address) as client:
        from dask.distributed import as_completed

        futures = client.map(function, tasks, pure=False)
        task_of = dict(zip(futures, tasks, strict=True))
        for future in as_completed(futures):
            try:
                result = future.result()
            except Exception as error:  # noqa: BLE001  (one must not lose the others)
                result = lost(task_of[future], error)
            yield result


def _client(address: str) -> Any:
    try:
        from dask.distributed import Client
    except ImportError:
        raise Stop("--cluster needs Dask: pip install 'dask[distributed]'.") from None
    try:
        return Client(address, timeout=20)
    except (OSError, ValueError) as error:
        raise Stop(f"No Dask scheduler answers at {address}: {error}") from None
