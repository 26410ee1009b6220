"""Let nbval execute MyST notebooks and compare them with what the book shows.

``python -m pytest -o addopts= -p tests.plugins.nbval_book --nbval lectures``

The reference outputs are those that the book's build put into its cache. Text *and*
pictures are compared; values recorded as volatile (timings) are not.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import pytest
from nbval import plugin

from dgm.course.execute import CACHE, cached, open_cache
from dgm.course.kernel import ENVIRONMENT
from dgm.course.notebook import in_toc, root_of

PICTURES = {"image/png", "image/jpeg"}


def pytest_configure(config: pytest.Config) -> None:
    os.environ.update(ENVIRONMENT)


def pytest_collect_file(
    file_path: Path, parent: pytest.Collector
) -> pytest.Collector | None:
    if not parent.config.option.nbval or file_path.suffix != ".md":
        return None
    if file_path in in_toc(root_of(file_path)):
        return BookNotebook.from_parent(parent, path=file_path)
    return None


def _ignore_timings(cell: plugin.IPyNbCell) -> plugin.IPyNbCell:
    """Let the values that a cell recorded as volatile differ, and nothing else."""
    compare = cell.compare_outputs
    cell.compare_outputs = lambda test, ref, skip_compare=None: compare(
        _steady(test), _steady(ref), skip_compare
    )
    return cell


def _steady(outputs: list) -> list:  # type: ignore[type-arg]
    def volatile(output: dict) -> bool:  # type: ignore[type-arg]
        return output.get("metadata", {}).get("scrapbook", {}).get("volatile", False)

    return [output for output in outputs if not volatile(output)]


class BookNotebook(plugin.IPyNbFile):
    """A MyST notebook with the outputs that readers see."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.skip_compare = tuple(m for m in self.skip_compare if m not in PICTURES)

    def setup(self) -> None:
        super().setup()
        # nbval executes without history, where IPython ignores a trailing ";": the
        # book's build does not.
        execute = self.kernel.kc.execute
        self.kernel.kc.execute = lambda code, **options: execute(
            code, **{**options, "store_history": True}
        )

    def collect(self) -> Iterator[pytest.Item]:
        notebook = cached(self.path, open_cache(root_of(self.path) / CACHE))
        if notebook is None:
            raise self.CollectError(f"{self.path.name} is not executed: `make book`.")
        with mock.patch.object(plugin.nbformat, "read", lambda *a, **k: notebook):
            yield from [_ignore_timings(cell) for cell in super().collect()]
