"""What an executed notebook says: its records, and the claims that were false."""

import ast
import json
from pathlib import Path
from typing import Any

from nbformat import NotebookNode

from dgm.course.kernel import line_in_cell, number_in_file, where
from dgm.course.notebook import without_magics
from dgm.record import MIME, PREFIX

FORGIVEN = ("AssertionError", "CheckFailed")
FAULT = "FAILED CHECK"


def records(notebook: NotebookNode) -> list[dict[str, Any]]:
    """What the executed notebook recorded (``dgm.record.record``), in order."""
    return [
        json.loads(output["data"][PREFIX + MIME])
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if PREFIX + MIME in output.get("data", {})
    ]


def false_claims(notebook: NotebookNode, path: Path) -> list[str]:
    """Each failed assertion: its place in the lecture and what it says, once."""
    claims = []
    for index, cell in enumerate(notebook.cells):
        for output in cell.get("outputs", []):
            if output.get("ename") in FORGIVEN:
                traceback = "\n".join(output["traceback"])
                place = where(path, number_in_file(notebook, index), traceback)
                text = output["evalue"] or _statement(cell.source, traceback)
                failed = output["ename"] == "CheckFailed"
                verdict = FAULT if failed else "not so at this size"
                claims.append(f"{place}: {verdict}: {text}")
    return list(dict.fromkeys(claims))  # in a loop it may fail many times


def _statement(source: str, traceback: str) -> str:
    """The statement of a cell in which a traceback begins, the innermost one."""
    line = line_in_cell(traceback)
    found = [
        node
        for node in ast.walk(ast.parse(without_magics(source)))  # from outside in
        if isinstance(node, ast.stmt)
        and node.lineno <= line <= (node.end_lineno or line)
    ]
    return ast.unparse(found[-1]) if found else source.splitlines()[line - 1].strip()
