"""The executor, as its user meets it: through the command line."""

import json
import os
import resource
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

from dgm.course.execute import KEEP, cached, execute, open_cache
from dgm.course.kernel import Limits

pytestmark = pytest.mark.slow


def test_executes_only_what_changed(course):
    a = course.lecture("a", "print('one')")
    course.lecture("b", "print('two')")
    first = course.dgm("execute")
    assert (first.status, sorted(first.executed)) == (0, ["a", "b"])

    a.write_text(a.read_text().replace("# a", "# a\n\nMore prose.\n\n"))
    assert course.dgm("execute").executed == []

    a.write_text(a.read_text().replace("'one'", "'another'"))
    assert course.dgm("execute").executed == ["a"]


def test_pages_follow_helper_modules_results_and_each_other(course):
    package = course.root / "src" / "dgm"
    (package / "inner.py").write_text("VALUE = 'value-1'\n")
    (package / "outer.py").write_text("from dgm.inner import VALUE\n")
    (course.root / "results" / "uses").mkdir(parents=True)
    result = course.root / "results" / "uses" / "study.json"
    result.write_text('{"runs": [{"loss": 1234.5}]}')
    course.lecture("uses", "from dgm.outer import VALUE\nprint(VALUE)")
    course.lecture("without", "print('unconcerned')")
    course.lecture(
        "loads",
        "from dgm.record import record, recorded\n"
        "runs = recorded('uses/study')\nrecord('loss', runs[0]['loss'])",
        prose="Loss {glue:text}`loss:.2f`.\n\n",
    )
    course.page("board", "# Board\n\nFrom afar {glue:text}`loads.md::loss:.2f`.\n")
    assert sorted(course.dgm("execute").executed) == ["loads", "uses", "without"]
    course.build()
    assert "value-1" in course.html("uses")
    assert "1234.50" in course.html("loads")
    assert "1234.50" in course.html("board")
    untouched = (course.root / "_build/html/lectures/without.html").stat().st_mtime_ns

    (package / "inner.py").write_text("VALUE = 'value-2'\n")
    assert course.dgm("execute").executed == ["uses"]
    course.build()
    assert "value-2" in course.html("uses")
    assert "value-1" not in course.html("uses")

    result.write_text('{"runs": [{"loss": 6789.5}]}')
    assert course.dgm("execute").executed == ["loads"]
    course.build()
    assert "6789.50" in course.html("loads")
    assert "6789.50" in course.html("board")
    again = (course.root / "_build/html/lectures/without.html").stat().st_mtime_ns
    assert again == untouched


def test_pages_follow_the_titles_and_numbers_of_others(course):
    equation = "$$\na = b\n$$ (the-one)\n\n"
    course.page("told", f"# First title\n\n{equation}")
    course.page("tells", "# Tells\n\nSee {doc}`told`, equation {eq}`the-one`.\n")
    course.build()
    assert "First title" in course.html("tells")
    assert ">(1)<" in course.html("tells")
    earlier = "$$\nc = d\n$$ (another)\n\n"
    course.page("told", f"# Second title\n\n{earlier}{equation}")
    course.build()
    assert "First title" not in course.html("tells")
    assert "Second title" in course.html("tells")
    assert ">(2)<" in course.html("tells")


def test_a_raising_cell_is_one_sentence_and_costs_the_others_nothing(course):
    course.lecture("good", "print('fine')")
    bad = course.lecture("bad", "x = 1", "y = 0\n\nx / y", prose="Some prose.\n\n")
    done = course.dgm("execute")
    assert done.status == 1
    line = bad.read_text().splitlines().index("x / y") + 1
    sentence = f"lectures/bad.md:{line} (cell 2): ZeroDivisionError: division by zero"
    assert done.err.strip() == sentence
    assert course.dgm("execute", "good").executed == []


def test_the_line_is_the_lectures_also_when_a_function_elsewhere_raises(course):
    course.lecture("deep", "def f(x):\n    return 1 / x", "a = 1\nf(a - 1)")
    done = course.dgm("execute")
    path = course.root / "lectures" / "deep.md"
    line = path.read_text().splitlines().index("f(a - 1)") + 1
    assert f"deep.md:{line} (cell 2): ZeroDivisionError" in done.err


@pytest.mark.parametrize(
    ("option", "said"),
    [("--cell-limit", "the cell ran longer than"), ("--limit", "the notebook ran")],
)
def test_limits_end_a_notebook_and_not_the_others(course, option, said):
    course.lecture("slow", "import time\ntime.sleep(600)")
    course.lecture("quick", "print('quick')")
    start = time.monotonic()
    done = course.dgm("execute", option, "9")
    assert time.monotonic() - start < 300
    assert done.status == 1
    assert said in done.err
    assert "lectures/slow.md:" in done.err
    assert len(done.err.strip().splitlines()) == 1
    assert course.dgm("execute", "quick").executed == []


def test_a_dead_kernel_is_one_sentence(course):
    course.lecture("dies", "import os\nos._exit(9)")
    done = course.dgm("execute")
    assert done.status == 1
    assert "(cell 1): the kernel died" in done.err
    assert len(done.err.strip().splitlines()) == 1


def test_an_interrupted_build_goes_on_where_it_stopped(course):
    gate, pid = course.root / "gate", course.root / "pid"
    course.lecture("done-first", "print('done')")
    course.lecture(
        "slow",
        f"import os, time\nfrom pathlib import Path\n"
        f"Path({str(pid)!r}).write_text(str(os.getpid()))\n"
        f"while not Path({str(gate)!r}).exists(): time.sleep(0.1)",
    )
    process = course.start("execute", "-j", "2", start_new_session=True)
    first = process.stdout.readline()
    assert first.split()[1] == "done-first"
    _wait_for(pid.exists)
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "the same command goes on" in err
    assert "Traceback" not in err
    _wait_for(lambda: not Path(f"/proc/{pid.read_text()}").exists())

    gate.touch()
    assert course.dgm("execute").executed == ["slow"]
    assert course.dgm("execute").executed == []


def _wait_for(condition, seconds=30.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.1)


def _small_files_only():
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))


def test_a_disk_that_refuses_leaves_nothing_half_written(course):
    course.lecture("large", "print('x' * 400_000)")
    done = course.dgm("execute", preexec_fn=_small_files_only)
    assert done.status == 1
    assert "Cannot keep the outputs of large.md" in done.err
    assert "Free some space" in done.err
    assert "Traceback" not in done.err
    again = course.dgm("execute")
    assert (again.status, again.executed) == (0, ["large"])
    course.build()
    assert "x" * 400 in course.html("large")


def test_a_truly_full_disk(course, tmp_path):
    disk = course.root / "_build"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("this user may not mount a small disk")
    try:
        course.lecture("large", "print('x' * 600_000)")
        done = course.dgm("execute")
        assert done.status == 1
        assert "Free some space" in done.err
        assert "Traceback" not in done.err
        subprocess.run(["mount", "-o", "remount,size=9m", str(disk)], check=True)
        assert course.dgm("execute").executed == ["large"]
        assert course.dgm("execute").executed == []
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_a_half_written_record_counts_as_absent(course):
    course.lecture("a", "print('whole')")
    course.dgm("execute")
    (record,) = (course.root / "_build/cache/executed").glob("*/base.ipynb")
    record.write_text(record.read_text()[:100])
    assert course.dgm("execute").executed == ["a"]
    shutil.rmtree(record.parent)
    assert course.dgm("execute").executed == ["a"]
    assert course.dgm("execute").executed == []


def test_pages_with_equal_code_keep_apart(course):
    """Also two of the same name in two folders."""
    source = "import os\nprint('process', os.getpid())"
    paths = [course.lecture(slug, source) for slug in "ab"]
    (course.root / "more").mkdir()
    paths.append(Path(shutil.copy(paths[0], course.root / "more")))
    toc = course.root / "_toc.yml"
    toc.write_text(toc.read_text() + "  - file: more/a\n")
    assert sorted(course.dgm("execute").executed) == ["a", "a", "b"]
    cache = open_cache(course.root / "_build/cache")
    shown = [outputs(path, cache) for path in paths]
    assert len(set(shown)) == 3


def outputs(path, cache):
    """What the first cell of an executed lecture printed."""
    return cached(path, cache).cells[1].outputs[0].text


def test_the_longest_goes_first(course):
    """By the seconds in the cache, which are written there for the test."""
    paths = [course.lecture(slug, "1") for slug in ("brief", "long", "middle")]
    assert course.dgm("execute").status == 0
    with sqlite3.connect(course.root / "_build/cache/global.db") as db:
        for slug, seconds in [("brief", 1), ("long", 30), ("middle", 9)]:
            said = json.dumps({"execution_seconds": seconds})
            uri = str(course.root / "lectures" / f"{slug}.md")
            changed = db.execute("UPDATE nbcache SET data=? WHERE uri=?", (said, uri))
            assert changed.rowcount == 1
    for path in paths:
        path.write_text(path.read_text().replace("\n1\n", "\n2\n"))
    course.lecture("never-before", "1")
    done = course.dgm("execute", "-j", "1")
    assert done.executed == ["never-before", "long", "middle", "brief"]


def test_notebooks_run_side_by_side(course, tmp_path):
    """Each waits for the other: one at a time they would reach the limit."""
    paths = [
        course.lecture(
            me,
            f"import pathlib, time\npathlib.Path({str(tmp_path / me)!r}).touch()\n"
            f"while not pathlib.Path({str(tmp_path / other)!r}).exists(): "
            "time.sleep(0.05)",
        )
        for me, other in ["ab", "ba"]
    ]
    limits = Limits(cell=20.0, total=20.0)
    lines: list[str] = []
    assert execute(paths, tmp_path / "cache", 2, limits, lines.append) == []
    assert len(lines) == 2


def test_a_folder_that_is_no_course(tmp_path, course):
    done = course.dgm("execute")
    assert done.status == 1
    assert "no folder above it has a _toc.yml" in done.err


def test_an_unknown_lecture_is_named(course):
    course.lecture("a", "1")
    done = course.dgm("execute", "nothing")
    assert (done.status, done.err.strip()) == (1, "No lecture 'nothing'; there is a.")


def test_what_changed_while_it_ran_is_not_kept(course):
    """The outputs would stand under the key of code that did not make them."""
    module = course.root / "src" / "dgm" / "inner.py"
    module.write_text("VALUE = 1\n")
    edit = f"from pathlib import Path\nPath({str(module)!r}).write_text('VALUE = 2\\n')"
    course.lecture("a", "from dgm.inner import VALUE\nprint('value', VALUE)", edit)
    done = course.dgm("execute")
    assert done.status == 1
    assert "lectures/a.md: something that it uses changed while it ran" in done.err
    assert course.dgm("execute").status == 0
    (kept,) = (course.root / "_build/cache/executed").glob("*/base.ipynb")
    assert "value 2" in kept.read_text()


@pytest.mark.parametrize(
    "source", ["x = (\n1", "%%bash\nls -l /", "files = !ls", "print?"]
)
def test_a_cell_that_is_no_python_costs_only_its_own_lecture(course, source):
    bad = course.lecture("bad", "1", source)
    course.lecture("good", "1")
    done = course.dgm("execute")
    assert (done.status, done.executed) == (1, ["good"])
    assert "(cell 2): this is not Python" in done.err
    line = int(done.err.partition("bad.md:")[2].partition(" ")[0])
    first = bad.read_text().splitlines().index(source.splitlines()[0]) + 1
    assert first <= line <= first + 2
    assert len(done.err.strip().splitlines()) == 1


def test_an_unknown_kernel_costs_only_its_own_lecture(course):
    bad = course.lecture("bad", "1")
    bad.write_text(bad.read_text().replace("name: python3", "name: fortran"))
    course.lecture("good", "1")
    done = course.dgm("execute")
    assert (done.status, sorted(done.executed)) == (1, ["bad", "good"])
    assert done.err.strip() == "lectures/bad.md: there is no kernel named 'fortran'."


def test_a_header_without_a_display_name_is_refused(course):
    bad = course.lecture("bad", "1")
    bad.write_text(bad.read_text().replace("  display_name: Python 3\n", ""))
    done = course.dgm("execute")
    assert done.status == 1
    assert "its header needs a line `  display_name: Python 3`" in done.err


@pytest.mark.parametrize("fault", ["garbage", "file"])
def test_a_cache_that_cannot_be_used_is_one_sentence(course, fault):
    course.lecture("a", "1")
    course.dgm("execute")
    cache = course.root / "_build/cache"
    if fault == "garbage":
        (cache / "global.db").write_bytes(b"no data base" * 500)
    else:
        shutil.rmtree(cache)
        cache.touch()
    done = course.dgm("execute")
    assert done.status == 1
    assert len(done.err.strip().splitlines()) == 1, done.err
    assert "same command again" in done.err


@pytest.mark.parametrize("number", ["0", "-1", "two"])
def test_a_number_of_workers_must_be_one(course, number):
    course.lecture("a", "1")
    done = course.dgm("execute", "-j", number)
    assert done.status == 2
    assert "Traceback" not in done.err


def test_a_flood_of_output_is_refused(course):
    course.lecture("flood", "1", "print('x' * 6_000_000)")
    done = course.dgm("execute")
    assert done.status == 1
    assert "(cell 2): its output has 6 MB; at most 5." in done.err
    assert course.dgm("execute").executed == ["flood"]


def test_kernels_have_the_books_environment(course, monkeypatch):
    monkeypatch.setenv("DGM_RESULTS", "/elsewhere")
    wanted = {"OMP_NUM_THREADS": "1", "DGM_BOOK": "1", "DGM_RESULTS": ""}
    course.lecture("a", f"import os\nassert {wanted}.items() <= os.environ.items()")
    assert course.dgm("execute").err == ""


def test_only_the_last_few_versions_are_kept(course):
    path = course.lecture("a", "0")
    for k in range(KEEP + 2):
        path.write_text(path.read_text().replace(f"\n{k}\n", f"\n{k + 1}\n"))
        assert course.dgm("execute").executed == ["a"]
    kept = list((course.root / "_build/cache/executed").iterdir())
    assert len(kept) == KEEP
    assert course.dgm("execute").executed == []


def test_no_sockets_are_left_behind(course):
    with tempfile.TemporaryDirectory(dir="/tmp") as short:
        course.lecture("good", "1")
        course.lecture("bad", "1 / 0")
        started = Path(short, "started")
        course.extra = {"TMPDIR": short}
        course.dgm("execute")
        assert list(Path(short).iterdir()) == []
        course.lecture(
            "slow",
            "import pathlib, time\n"
            f"pathlib.Path({str(started)!r}).touch()\ntime.sleep(60)",
        )
        process = course.start("execute", start_new_session=True)
        _wait_for(started.exists)
        os.killpg(process.pid, signal.SIGINT)
        process.communicate(timeout=30)
        assert list(Path(short).iterdir()) == [started]


def test_two_at_once_take_turns(course):
    course.lecture("a", "import time\ntime.sleep(1)")
    first, second = course.start("execute"), course.start("execute")
    said = [process.communicate(timeout=90) for process in (first, second)]
    assert [first.returncode, second.returncode] == [0, 0], said
    assert sum(out.count("[1/1] a ") for out, _ in said) == 1


def test_the_toc_may_have_parts_and_suffixes(course):
    course.lecture("a", "1")
    course.lecture("b", "1")
    (course.root / "_toc.yml").write_text(
        "format: jb-book\nroot: index\nparts:\n- caption: One\n  chapters:\n"
        "  - file: lectures/b.md\n"
    )
    done = course.dgm("execute")
    assert done.executed == ["b"]
    assert "lectures/a.md is not in _toc.yml, so it is no part of the book." in done.out


def test_a_broken_toc_is_one_sentence(course):
    course.lecture("a", "1")
    (course.root / "_toc.yml").write_text("format: [jb-book\n")
    done = course.dgm("execute")
    assert done.status == 1
    assert done.err.startswith("Cannot read _toc.yml:")
    assert len(done.err.strip().splitlines()) == 1
