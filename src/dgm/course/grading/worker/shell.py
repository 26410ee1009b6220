"""IPython for the student's cells, in a module that leads nowhere else."""

from typing import Any

from IPython.core.interactiveshell import InteractiveShell


class Shell(InteractiveShell):
    """IPython, without the reports on errors that nobody reads."""

    def _showtraceback(self, *_: Any) -> None:
        """Say nothing."""

    def showsyntaxerror(self, *_: Any, **__: Any) -> None:
        """Say nothing."""
