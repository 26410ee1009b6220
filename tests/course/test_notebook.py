"""What a lecture depends on, and where its cells stand."""

import ast
import gc
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from minicourse import code

from dgm.course import notebook
from dgm.course.files import Stop
from dgm.course.load import lecture
from dgm.course.notebook import (
    PACKAGE,
    cache_key,
    code_cells,
    in_toc,
    made_with,
    modules_used,
    read,
    results_used,
    stamp,
)


def names(source):
    return {str(p.relative_to(PACKAGE)) for p in modules_used(source)}


def test_modules_are_followed_through_each_other():
    assert names("import math") == set()
    assert names("import dgm.densities") == {"__init__.py", "densities.py"}
    used = names("from dgm import checks, figures")
    assert {"__init__.py", "checks.py", "figures.py"} == used
    assert "data/images.py" in names("from dgm import data")
    assert "training.py" in names("def f():\n    from dgm.training import fit")


def test_the_closure_is_what_python_really_imports():
    """An independent witness: the modules that an interpreter holds afterwards."""
    import subprocess
    import sys

    source = "from dgm import data, checks\nfrom dgm.course.run import run"
    script = (
        f"{source}\nimport sys\n"
        "found = [m for n, m in sys.modules.items() if n.split('.')[0] == 'dgm']\n"
        "print([m.__file__ for m in found])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    really = set(ast.literal_eval(done.stdout))
    assert really <= {str(p) for p in modules_used(source)}


def test_the_key_knows_the_versions(course, monkeypatch):
    path = course.lecture("a", "1")
    before = cache_key(path)
    assert before == cache_key(path)
    monkeypatch.setattr(notebook, "version", lambda name: "9.9")
    assert cache_key(path) != before


def test_what_pages_are_made_with_is_seen_at_a_glance(course, monkeypatch):
    path = course.lecture("a", "1")
    result = course.root / "results" / "a" / "x.json"
    result.parent.mkdir(parents=True)
    result.write_text("[1]")
    seen = [made_with(course.root)]
    path.write_text(path.read_text() + "More prose.\n")  # Sphinx sees that itself
    assert made_with(course.root) == seen[0]
    result.write_text("[2]")  # of the same size
    seen.append(made_with(course.root))
    result.with_name("y.json").write_text("[]")
    seen.append(made_with(course.root))
    monkeypatch.setattr(notebook, "version", lambda name: "9.9")
    seen.append(made_with(course.root))
    monkeypatch.setattr(notebook, "PACKAGE", course.root / "lectures")
    seen.append(made_with(course.root))
    assert len(set(seen)) == 5


def test_a_page_that_is_read_twice_is_the_readers_own(course):
    path = course.lecture("a", "1", "2")
    first = read(path)
    first.cells.clear()
    assert [c.source for c in read(path).cells if c.cell_type == "code"] == ["1", "2"]
    assert read(path).metadata.kernelspec.display_name.startswith("lectures/a ")
    plain = read(path, stamped=False).metadata
    assert plain.kernelspec.display_name == "Python 3" and "source_map" not in plain


def test_an_alias_of_recorded_is_refused(course):
    path = course.lecture("a", "1")
    with pytest.raises(Stop, match="by its own name"):
        results_used(path, "from dgm.record import recorded as load")


def test_prose_like_code_does_not_move_a_cell(course):
    path = course.lecture("a", "x = 1", "y = 2", prose="Set x = 1 and\ny = 2\n\n")
    lines = path.read_text().splitlines()
    for cell in code_cells(path):
        assert lines[cell.line - 2].startswith("```{code-cell}")


def test_magics_are_no_obstacle():
    assert names("%matplotlib inline\n!ls\nimport dgm.layers") == names(
        "import dgm.layers"
    )


def test_results_must_be_named_in_full(course):
    path = course.lecture("a", "1")
    (course.root / "results").mkdir()
    (course.root / "results" / "one.json").write_text("{}")
    found = results_used(path, "recorded('one'); record.recorded('missing')")
    assert [p.name for p in found] == ["one.json"]
    with pytest.raises(Stop, match="plain string"):
        results_used(path, "recorded(name)")


def test_cells_know_their_lines(course):
    same = code("x = 1\ny = 2", ":tags: [hide-input]\n")
    path = course.lecture("a", same, "z = 3", same, prose="Text with x = 1\n\n")
    lines = path.read_text().splitlines()
    cells = code_cells(path)
    assert [c.number for c in cells] == [1, 2, 3]
    for cell in cells:
        assert lines[cell.line - 1] == cell.source.splitlines()[0]
    assert cells[0].line < cells[1].line < cells[2].line


def test_the_stamp_moves_no_line_and_changes_no_cell(course):
    path = course.lecture("a", "import dgm.layers\nprint(1)")
    text = path.read_text()
    stamped = stamp(text, path)
    assert len(stamped.splitlines()) == len(text.splitlines())
    assert stamped.partition("\n---\n")[2] == text.partition("\n---\n")[2]
    assert read(path).metadata.kernelspec.display_name.startswith("lectures/a ")
    assert read(path).metadata.kernelspec.name == "python3"


def test_the_table_of_contents_names_the_notebooks(course):
    course.lecture("b", "1")
    course.lecture("a", "1")
    course.page("c", "# Only text\n")
    assert [p.stem for p in in_toc(course.root)] == ["a", "b"]


def test_a_lecture_loads_without_running(course):
    path = course.lecture(
        "a",
        "import math\nfrom jaxtyping import Float\nfrom torch import Tensor",
        "raise RuntimeError('never executed')",
        'def double(x: Float[Tensor, "a b"]) -> Float[Tensor, "a b"]:\n'
        "    return 2 * x\n\ndouble(1)",
        'class Half:\n    def of(self, x: Float[Tensor, " n"]) -> float:\n'
        "        return math.fsum(x.tolist()) / 2\n\n"
        "    def fails(self):\n        raise KeyError(1)",
    )
    import torch

    plain, strict = lecture(path), lecture(path, typecheck=True)
    assert plain.double(torch.ones(2, 3)).sum() == 12
    assert strict.Half().of(torch.ones(4)) == 2.0
    assert plain.double(torch.ones(2)).sum() == 4
    for wrong in (
        lambda: strict.double(torch.ones(2)),
        lambda: strict.Half().of(torch.ones(2, 2)),
    ):
        with pytest.raises(Exception, match="[Tt]ype-check error"):
            wrong()
    with pytest.raises(KeyError) as error:
        plain.Half().fails()
    line = path.read_text().splitlines().index("        raise KeyError(1)") + 1
    assert error.traceback[-1].lineno + 1 == line
    assert str(error.traceback[-1].path) == str(path)


def test_a_lecture_may_be_loaded_twice_with_its_types_checked(course):
    path = course.lecture(
        "a",
        "class Part:\n    pass\n\n\n"
        "def make() -> tuple[Part, int]:\n    return Part(), 1",
    )
    first, second = lecture(path, typecheck=True), lecture(path, typecheck=True)
    assert isinstance(first.make()[0], first.Part)
    assert isinstance(second.make()[0], second.Part)


class Cycle:
    """Something that only the garbage collector frees, with Python code to run."""

    def __init__(self):
        self.itself = self

    def __del__(self):
        sum(range(300))


def test_threads_may_read_at_a_time():
    """Without a lock, Python 3.11 raises SystemError in some of these."""
    source = "\n".join(f"x{k} = [f({k}, a=[{k}, -{k}]) for _ in y]" for k in range(500))
    before = gc.get_threshold(), sys.getswitchinterval()

    def read(_):
        Cycle()
        return len(notebook.parsed(source).body)

    gc.set_threshold(50)
    sys.setswitchinterval(1e-5)
    try:
        with ThreadPoolExecutor(3) as pool:
            assert set(pool.map(read, range(30))) == {500}
    finally:
        gc.set_threshold(*before[0])
        sys.setswitchinterval(before[1])
