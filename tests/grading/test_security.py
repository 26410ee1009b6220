"""What a student who has read the source may try, and what comes of it."""

import json
import zipfile
from pathlib import Path

import pytest
import torch
from faults import SQUARES, WRONG
from handed_in import MASTER, answering, dgm, sandbox_or_reason, solved, with_cell

from dgm.course.grading import compiled, decoys, exports, feedback, grade, runner
from dgm.course.grading.master import ProblemSet, parse, read_master
from dgm.course.grading.merge import merge
from dgm.course.grading.notebooks import MOST_CELLS, Unreadable, Written, cells_of
from dgm.course.grading.record import Record
from dgm.course.grading.release import master_as_submission
from dgm.course.grading.report import Row, harmless
from dgm.course.grading.runner import Limits, Outcome, Verdict
from dgm.course.grading.sandbox import Walls
from dgm.course.grading.submissions import Submission, find
from dgm.course.grading.worker.guard import Guard, Impostor

MINI = read_master(MASTER)


def ran(
    book: dict, memory: int = 3_000_000_000, problems: ProblemSet = MINI
) -> Outcome:
    walls, why = sandbox_or_reason()
    if walls is None:
        pytest.skip(why)
    merged = merge(problems, cells_of(json.dumps(book)))
    return runner.run(problems, merged, Walls(walls.kind, memory), Limits(5.0, 40.0))


def verdicts(out: Outcome) -> list[str]:
    return [out.tests[cell.id].verdict for cell in MINI.of("test")]


REWRITE = """
worker = [c for c in object.__subclasses__() if c.__name__ == "Worker"][0]
once = worker._once
def forged(self, *args):
    told = once(self, *args)
    return told if FORGE not in str(told) else ("ok", "", "0", "")
worker._once = forged
"""
DEAF = """
import gc
for one in gc.get_objects():
    if type(one).__name__ == "Guard":
        type(one).compared = type(one).plain = lambda self, value: value
        type(one).restore = lambda self: []
        vars(one)["compared"] = vars(one)["plain"] = lambda value: value
np.testing.assert_allclose = lambda *args, **words: None
"""
EQUAL = (
    SQUARES
    + """
    class Equal:
        def __eq__(self, other): return True
    return Equal()
"""
)
REPLACE = (
    SQUARES
    + """
    import sys
    space = sys._getframe(1).f_globals
    space["__dgm_compared__"] = lambda value: True
    return 25.0
"""
)
EARLY = (
    SQUARES
    + """
    import os, time
    for number in range(3, 99):
        try:
            os.set_blocking(number, False)
            nonce = os.read(number, 100).partition(b"nonce 32\\n")[2]
        except OSError:
            continue
        for other in range(3, 99) if nonce else ():
            try: os.write(other, nonce + b"\\tok\\n")
            except OSError: pass
    time.sleep(100)
"""
)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("source", "answer"),
    [
        (REWRITE.replace("FORGE", "'Error'"), WRONG),
        (REWRITE.replace("FORGE", "'a sample'"), WRONG),
        (DEAF, EQUAL),
    ],
    ids=["every error", "one message", "no guard"],
)
def test_who_passes_a_decoy_is_believed_nothing(source, answer):
    book = with_cell(source, "test_squares", answering("squares", answer))
    out = ran(book)
    assert out.flags[0].startswith("FORGED")
    assert "ok" not in verdicts(out)


@pytest.mark.slow
def test_names_of_a_test_are_not_exchanged():
    out = ran(answering("squares", REPLACE))
    assert "unusual: sys._getframe" in out.flags
    assert out.tests["test_squares"].verdict != "ok"


@pytest.mark.slow
def test_a_reply_before_the_end_is_no_reply(monkeypatch):
    monkeypatch.setattr(runner, "ANSWER", 3.0)
    out = ran(answering("squares", EARLY))
    assert verdicts(out) == ["died", "ok", "ok", "ok"]


@pytest.mark.slow
def test_honest_work_is_not_flagged():
    source = """
import collections, dataclasses, inspect, traceback
Point = collections.namedtuple("Point", "x y")
inspect.signature(squares)
try: 1 / 0
except ZeroDivisionError: traceback.print_exc()
for _ in torch.utils.data.DataLoader(torch.ones(4, 2), num_workers=1): pass
kept = torch.nn.Parameter(torch.ones(2))
"""
    out = ran(with_cell(source, "test_layer"))
    assert (out.flags, out.cells) == ([], {})
    assert verdicts(out) == ["ok"] * 4


@pytest.mark.slow
def test_what_the_master_itself_wraps_is_not_flagged(tmp_path):
    """``reproducible`` loads a part of torch that wraps ``torch.manual_seed``."""
    seeding = "import torch\nfrom dgm.training import reproducible\nreproducible(0)\n"
    master = tmp_path / "mini.md"
    master.write_text(MASTER.read_text("utf8").replace("import torch\n", seeding, 1))
    book = json.loads(master_as_submission(master, solved=True))
    out = ran(book, problems=read_master(master))
    assert out.flags == []
    assert verdicts(out) == ["ok"] * 4


@pytest.mark.slow
def test_many_empty_files_end_the_process():
    source = (
        "import os\nfor n in range(10**7): os.close(os.open(f'/tmp/{n}', os.O_CREAT))"
    )
    out = ran(with_cell(source, "test_squares"))
    assert "killed: it made too many files" in out.flags
    assert verdicts(out) == ["ok"] * 4


def test_decoys_fail():
    for template in decoys.FIRST[:4] + decoys.NUMPY + decoys.TORCH:
        with pytest.raises((AssertionError, ValueError)):
            exec(template.format(a=3, b=5), {})
    guard = Guard()
    watch = {"__dgm_plain__": guard.plain, "__dgm_compared__": guard.compared}
    import marshal

    code = compiled.test(decoys.FIRST[4].format(a=3), "t", frozenset())
    with pytest.raises(Impostor):
        exec(marshal.loads(code), dict(watch))


def test_unusual_words_are_those_of_the_student():
    cells = [
        Written("import ctypes; sys._getframe()", True),
        Written("gc.get_x", False),
    ]
    assert decoys.unusual(cells, "ctypes") == "_getframe"
    assert decoys.unusual(cells_of(json.dumps(solved())), "") == ""


def test_a_parameter_is_a_library_class():
    """Also if torch came after the snapshot; but not what else C functions answer."""
    guard = Guard()
    guard.known -= {id(torch.nn.Parameter)}
    guard.compared(torch.nn.Parameter(torch.ones(2)))
    forged = type("P", (torch.nn.Parameter,), {"__eq__": torch.ones_like})
    with pytest.raises(Impostor):
        guard.compared(forged(torch.ones(2)))


CELL = '{"cell_type": "code", "source": %s, "metadata": {"nbgrader": {"points": %s}}}'
LONG = '"' + "x" * 600_000 + '"'


@pytest.mark.parametrize(
    "text",
    [
        f'{{"cells": [{",".join([CELL % ("0", 1)] * (MOST_CELLS + 1))}]}}',
        f'{{"cells": [{",".join([CELL % (LONG, 1)] * 2)}]}}',
    ],
    ids=["many cells", "much code"],
)
def test_what_would_keep_the_grader_busy_is_not_read(text):
    with pytest.raises(Unreadable):
        cells_of(text)


def test_numbers_that_are_too_large():
    (cell,) = cells_of('{"cells": [%s]}' % (CELL % ('"x"', "1" + "0" * 400)))
    assert cell.points == float("inf")


def test_one_file_never_ends_the_batch(tmp_path, monkeypatch):
    (tmp_path / "submissions").mkdir()
    (tmp_path / "submissions/a.ipynb").write_text("{}")

    def fault(text: str) -> list[Written]:
        raise AttributeError("some fault of the reader")

    monkeypatch.setattr(grade, "cells_of", fault)
    from dgm.course.cli import parser

    words = ["grade", str(MASTER), str(tmp_path / "submissions")]
    batch = grade.Batch(parser().parse_args([*words, "--out", str(tmp_path / "marks")]))
    assert list(batch._todo()) == []
    assert batch.records["a"].reason == "it cannot be read"


MIXED = """---
kernelspec:
  display_name: Python 3
  language: python
  name: python3
---

# Mixed

```{code-cell} ipython3
:nbgrader: {grade: true, grade_id: t, locked: true, points: 1, schema_version: 3, solution: false, task: false}
for x in range(3):
    assert f(x) == x
    ### BEGIN HIDDEN TESTS
    # hint: other numbers
    assert f(x + 77) == x
    ### END HIDDEN TESTS
```
"""  # noqa: E501


def shown(**changes: object) -> str:
    problems = parse(MIXED, "mixed")
    record = Record("f", **changes)  # type: ignore[arg-type]
    return feedback.page(problems, Row(Submission("a", "A", "", "", ()), record))


@pytest.mark.parametrize("line", [1, 2, 3, 5, 6, 0, -4, 10**9])
def test_hidden_lines_in_a_visible_statement_stay_hidden(line):
    text = shown(tests={"t": Verdict("error", "KeyError", line, "77")})
    assert "77" not in text
    assert "assert f(x) == x" in text or line not in (1, 2)


def test_the_choice_of_a_line_tells_nothing():
    """A process that has seen hidden tests could spell them with line numbers."""
    cells = {3: Verdict("error", "KeyError", 41, "m", exposed=True)}
    text = shown(cells=cells, sources={3: "# row 41"})
    assert "41" not in text and "Cell 4: KeyError" in text
    cells[3].exposed = False
    assert "# row 41" in shown(cells=cells, sources={3: "# row 41"})


def test_links_to_other_students_are_not_followed(tmp_path):
    (tmp_path / "anna").mkdir()
    (tmp_path / "anna/mini.ipynb").write_text("{}")
    (tmp_path / "bob").mkdir()
    (tmp_path / "bob/other").symlink_to(tmp_path / "anna", target_is_directory=True)
    (tmp_path / "bob/mini.ipynb").symlink_to(tmp_path / "anna/mini.ipynb")
    files = {who.name: who.files for who in find(tmp_path, "mini")}
    assert len(files["anna"]) == 1
    assert files["bob"] == ()


def test_no_name_takes_the_key_of_another(tmp_path):
    for name in ("A b", "A-b", "a b", "a+b"):
        (tmp_path / name).mkdir()
    before = {who.key.casefold() for who in find(tmp_path, "x")}
    for key in before:  # folders named as the keys that others were given
        (tmp_path / key).mkdir(exist_ok=True)
    keys = [who.key.casefold() for who in find(tmp_path, "x")]
    assert len(set(keys)) == len(keys) == len(list(tmp_path.iterdir()))


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("a;=1+1", "a;'=1+1"),
        ("a, @x", "a,' @x"),
        ("a\n=1", "a =1"),
        ("＝1+1", "'＝1+1"),
        ("\ufeff=1", "' =1"),
        ("a;b-c", "a;b-c"),
        ("patched torch.equal; left 2", "patched torch.equal; left 2"),
    ],
)
def test_no_formula_wherever_a_spreadsheet_splits(text, safe):
    assert harmless(text) == safe


def test_names_in_the_zip_have_no_folders(tmp_path):
    who = Submission("a", "..\\..\\C:/x", "moodle", "1", ())
    exports.write_all(tmp_path, MINI, [Row(who, Record("f"))])
    with zipfile.ZipFile(tmp_path / "moodle-feedback.zip") as archive:
        (name,) = archive.namelist()
    assert name == "..-..-C--x_1_assignsubmission_file_/feedback.html"


def test_a_list_does_not_steer_the_terminal(tmp_path):
    (tmp_path / "submissions").mkdir()
    (tmp_path / "submissions/a\x1b]0;owned\x07.ipynb").write_text("{}")
    done = dgm(tmp_path, "grade", str(MASTER), "submissions", "--list")
    assert done.returncode == 0 and "\x1b" not in done.stdout
    assert Path(tmp_path / "submissions").is_dir()
