"""The executor, as its user meets it: through the command line."""

import os
import resource
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from dgm.course.execute import Limits, execute


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
    course.lecture("slow", "import time\ntime.sleep(60)")
    course.lecture("quick", "print('quick')")
    start = time.monotonic()
    done = course.dgm("execute", option, "4")
    assert time.monotonic() - start < 30
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
    source = "import os\nprint(os.getpid())"
    course.lecture("a", source)
    course.lecture("b", source)
    assert sorted(course.dgm("execute").executed) == ["a", "b"]
    course.build()
    shown = [html.partition('class="output')[2] for html in map(course.html, "ab")]
    assert shown[0] != shown[1]


def test_the_longest_goes_first(course, tmp_path):
    paths = [
        course.lecture(slug, f"import time\ntime.sleep({seconds})")
        for slug, seconds in [("brief", 0.0), ("long", 1.6), ("middle", 0.8)]
    ]
    assert course.dgm("execute", "-j", "1").status == 0
    for path in paths:
        path.write_text(path.read_text().replace("time.sleep", "1\ntime.sleep"))
    assert course.dgm("execute", "-j", "1").executed == ["long", "middle", "brief"]


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
