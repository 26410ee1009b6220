"""What ``dgm run`` prepares in a kernel before the notebook's first cell."""

import ast
import os
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

BEFORE = dict(os.environ)
OFTEN = 0.5  # seconds from one note to the next


def begin(notes: str = "", device: str = "", forgive: str = "") -> None:
    """Prepare the kernel.

    Args:
        notes: file for the step at which ``dgm.training.fit`` is; none if empty.
        device: where tensors are made if the notebook does not say; CPU if empty.
        forgive: let cells go on after a false claim, if not empty.
    """
    if forgive:
        _shell().ast_transformers.append(GoesOn())
    if device:
        from dgm.course.device import use

        use(device)
    if notes:
        from dgm import training

        training._progress = Noted(Path(notes))


def _shell() -> Any:
    from IPython import get_ipython  # the kernel's own: the package asks for none

    return get_ipython()


class GoesOn(ast.NodeTransformer):
    """Lets a cell go on after a claim that is false, since later cells need its names.

    A claim is an ``assert``, or a statement that only calls something of ``checks``, at
    the top of a cell or in its loops and branches. What a function asserts, and what
    stands in a ``try`` of the page's own, stays as it is.
    """

    def visit_Assert(self, claim: ast.Assert) -> ast.stmt:
        """Forgive it."""
        return _forgiven(claim)

    def visit_Expr(self, statement: ast.Expr) -> ast.stmt:
        """Forgive it, if it is a check."""
        called = getattr(statement.value, "func", None)
        owner = getattr(getattr(called, "value", None), "id", None)
        return _forgiven(statement) if owner == "checks" else statement

    def _left(self, node: ast.AST) -> ast.AST:
        return node

    visit_FunctionDef = visit_AsyncFunctionDef = visit_ClassDef = visit_Try = _left


def _forgiven(claim: ast.stmt) -> ast.stmt:
    """The claim, and the error it raises only shown."""
    show = f"__import__({__name__!r}, fromlist=['_']).show()"
    (whole,) = ast.parse(f"try: pass\nexcept AssertionError: {show}").body
    assert isinstance(whole, ast.Try)
    for node in ast.walk(whole):  # at its place in the cell
        ast.copy_location(node, claim)
    whole.body = [claim]
    return whole


def show() -> None:
    """Put the error that is being handled into the notebook."""
    _shell().showtraceback()


class Noted:
    """Stands where the book has no progress bar, and notes the step in a file."""

    def __init__(self, path: Path) -> None:
        self.path, self.last = path, 0.0

    def __call__(self, batches: Iterable[Any], total: int) -> Iterator[Any]:
        """The same batches, in the same order."""
        for index, batch in enumerate(batches):
            if time.monotonic() - self.last > OFTEN:
                self.last = time.monotonic()
                self._note(f"step {index} of {total}" if total else f"step {index}")
            yield batch
        self._note("")

    def _note(self, text: str) -> None:
        try:
            self.path.write_text(text, "utf8")
        except OSError:
            self.last = float("inf")  # nobody can read it any more
