"""Run a problem set's master with one answer exchanged, and see which tests fail."""

import ast
import re
import time
from contextlib import contextmanager
from pathlib import Path

import matplotlib as mpl
import pytest
import torch

from dgm.course.notebook import read

SOLUTIONS = Path(__file__).parents[2] / "solutions"

LONG = 1.0  # seconds
REGION = re.compile(r"^( *)### BEGIN SOLUTION\n.*?### END SOLUTION$", re.S | re.M)
DEFINED = re.compile(r"^(?:def|class) (\w+)|^(\w+) =", re.M)


def but(code, *changes):
    """The code with some words exchanged: pairs of old and new, each found once."""
    for old, new in zip(changes[::2], changes[1::2], strict=True):
        assert code.count(old) == 1, (code.count(old), old)
        code = code.replace(old, new)
    return code


class Master:
    """A master, executed: its code cells by problem, and the names they define."""

    def __init__(self, path):
        self.cells = []  # number of the problem, nbgrader's metadata, source
        self.points = 0
        problem = 0
        for cell in read(path, stamped=False).cells:
            own = cell.metadata.get("nbgrader", {})
            self.points += own.get("points", 0)
            if cell.cell_type == "code":
                self.cells.append((problem, own, cell.source))
            elif headings := re.findall(r"^## (\d)\.", cell.source, re.M):
                problem = int(headings[-1])
        self.names = {"__name__": "master"}
        self.long = set()  # sources of cells that take long
        for _, own, source in self.cells:
            start = time.process_time()
            _run(source, self.names, own.get("grade_id", "cell"))
            if time.process_time() - start > LONG:
                self.long.add(source)

    def answers(self):
        return {own["grade_id"]: s for _, own, s in self.cells if own.get("solution")}

    def tests(self):
        return {own["grade_id"]: s for _, own, s in self.cells if own.get("grade")}

    def stub(self, answer):
        """An answer's cell as the student gets it."""
        return REGION.sub(r"\1raise NotImplementedError()", self.answers()[answer])

    def failed(self, answer, instead, given=False):
        """The tests that fail when this answer is written instead.

        Answers and tests that use nothing of it, nor of an answer that uses it, are not
        run again. With ``given``, the tables and figures that use it must not break,
        either: all but those that take long.
        """
        names, failed = dict(self.names), set()
        for name in _defined(self.answers()[answer]):
            names.pop(name, None)
        for own, source in self._leaning(answer, instead, given):
            try:
                _run(source, names, own.get("grade_id", "given"))
            except Exception as error:  # noqa: BLE001  (whatever a wrong answer raises)
                if own.get("grade"):
                    failed.add(own["grade_id"])
                elif not own.get("solution"):
                    failed.add(f"given: {source[:60]!r}: {error!r}")
        return failed

    def _leaning(self, answer, instead, given):
        """The exchanged cell, and those of its problem that lean on it, in order."""
        problem = next(p for p, own, _ in self.cells if own.get("grade_id") == answer)
        touched = {*_defined(self.answers()[answer]), *_defined(instead)}
        for where, own, source in self.cells:
            asked = own.get("solution") or own.get("grade")
            if where != problem or not (asked or given and source not in self.long):
                continue
            if own.get("grade_id") == answer:
                yield own, instead
            elif not touched.isdisjoint(_used(source)):
                if not own.get("grade"):
                    touched |= {*_defined(source)}
                yield own, source


@contextmanager
def executed(slug):
    """A master, executed once as in the book; settings are put back afterwards."""
    dtype = torch.get_default_dtype()
    with pytest.MonkeyPatch.context() as patch, mpl.rc_context():
        patch.setenv("DGM_BOOK", "1")
        mpl.use("Agg")
        yield Master(SOLUTIONS / f"{slug}.md")
        mpl.pyplot.close("all")
    torch.set_default_dtype(dtype)


def check_stubs(master):
    """Each stub fails some test, and every test falls with one of the stubs."""
    lost = set()
    for answer in master.answers():
        failed = master.failed(answer, master.stub(answer))
        assert failed
        lost |= failed
    assert lost == set(master.tests())


def _run(source, names, where):
    exec(compile(source, f"<{where}>", "exec"), names)


def _used(source):
    return {node.id for node in ast.walk(ast.parse(source)) if type(node) is ast.Name}


def _defined(source):
    return ["".join(pair) for pair in DEFINED.findall(source)]
