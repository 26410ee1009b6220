"""Import what a lecture defines, so that tests hit the very code that readers see."""

import ast
import itertools
from pathlib import Path
from types import ModuleType

from dgm.course.notebook import code_cells, without_magics

LOADED = itertools.count(1)
DEFINITIONS = (ast.Import, ast.ImportFrom, ast.ClassDef, ast.FunctionDef)


def lecture(path: Path, typecheck: bool = False) -> ModuleType:
    """Execute only the imports, functions and classes of a lecture.

    Line numbers in tracebacks are those of the ``.md`` file.

    Args:
        path: a MyST notebook, e.g. ``lectures/autoregressive-models.md``.
        typecheck: check jaxtyping's shapes and all annotations at each call, with
            beartype (needs the extra ``test``).

    Returns:
        A module with the lecture's names.
    """
    # A name of its own for each load: beartype takes hints that print alike for one,
    # and would compare with the classes of the load before.
    module = ModuleType(f"lecture_{path.stem.replace('-', '_')}_{next(LOADED)}")
    module.__file__ = str(path)
    for cell in code_cells(path):
        tree = ast.parse(without_magics(cell.source))
        tree.body = [node for node in tree.body if isinstance(node, DEFINITIONS)]
        if typecheck:
            tree = _Typechecked().visit(tree)
            exec("import beartype, jaxtyping", module.__dict__)
        ast.increment_lineno(ast.fix_missing_locations(tree), cell.line - 1)
        exec(compile(tree, str(path), "exec"), module.__dict__)
    return module


class _Typechecked(ast.NodeTransformer):
    """Put ``@jaxtyping.jaxtyped(typechecker=beartype.beartype)`` on every function."""

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        """Decorate innermost, so that ``@property`` still gets a function."""
        text = "jaxtyping.jaxtyped(typechecker=beartype.beartype)"
        node.decorator_list.append(ast.parse(text, mode="eval").body)
        return node
