"""``dgm run``: other sizes, results as JSON, mistakes told in one sentence."""

import json
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from minicourse import code

from dgm.course.files import write_atomically
from dgm.course.run import provenance

pytestmark = pytest.mark.slow

TAG = ":tags: [parameters]\n"
PARAMETERS = "steps = 100\nrate = 0.5\nname = 'digits'\ndevice = 'cpu'"
BODY = """
from dgm.record import record
record('steps', steps, kind='exact')
record('loss', steps * rate, stderr=0.1, kind='estimate')
assert steps == 100, 'the page claims a hundred'
"""


@pytest.fixture
def sized(course):
    smoke = "dgm:\n  smoke: {steps: 3}\n"
    course.lecture("x", code(PARAMETERS, TAG), BODY, "print('last', name)", extra=smoke)
    return course


def report(course):
    return json.loads((course.root / "_build/runs/x.json").read_text())


def test_the_books_own_size(sized):
    done = sized.dgm("run", "x")
    assert done.status == 0
    said = report(sized)
    assert [r["value"] for r in said["records"]] == [100, 50.0]
    assert (said["records"][1]["stderr"], said["false_claims"]) == (0.1, [])
    assert said["versions"]["python"].startswith(f"3.{sys.version_info.minor}")


def test_another_size_reports_false_claims_and_goes_on(sized):
    done = sized.dgm("run", "lectures/x.md", "-p", "steps=7", "-p", "name=mnist")
    assert done.status == 0
    assert "the page claims a hundred" in done.out
    said = report(sized)
    assert said["parameters"] == {"steps": 7, "name": "mnist"}
    assert said["records"][0]["value"] == 7
    (claim,) = said["false_claims"]
    path = sized.root / "lectures" / "x.md"
    asserted = "assert steps == 100, 'the page claims a hundred'"
    line = path.read_text().splitlines().index(asserted) + 1
    assert claim.startswith(f"lectures/x.md:{line} (cell 2): not so at this size: ")
    assert claim.endswith("the page claims a hundred")
    assert "last mnist" in (sized.root / "_build/runs/x.ipynb").read_text()


def test_smoke_size_and_device(sized):
    assert sized.dgm("run", "x", "--smoke", "--device", "meta").status == 0
    assert report(sized)["parameters"] == {"steps": 3, "device": "meta"}


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (
            ["-p", "step=7"],
            "x.md has no parameter 'step'; it has device, name, rate, steps.",
        ),
        (["-p", "steps"], "'-p steps' has no value: write -p steps=VALUE."),
        (
            ["-p", "steps=many"],
            "Parameter steps is 100 in the book, so 'many' does not fit; "
            "give a value of type int.",
        ),
        (["-p", "rate=fast"], "Parameter rate is 0.5 in the book"),
        (["--out", "/dev/null/here"], "Cannot write /dev/null/here"),
    ],
)
def test_a_mistake_is_one_sentence_and_writes_nothing(sized, words, sentence):
    done = sized.dgm("run", "x", *words)
    assert done.status == 1
    assert done.err.startswith(sentence)
    assert len(done.err.strip().splitlines()) == 1
    assert not (sized.root / "_build").exists()


def test_a_lecture_without_parameters_or_small_size(course):
    course.lecture("plain", "print(1)")
    assert "takes none" in course.dgm("run", "plain", "-p", "a=1").err
    assert "names no small size" in course.dgm("run", "plain", "--smoke").err
    assert course.dgm("run", "plain").status == 0


def test_an_error_ends_the_run_with_its_place_and_keeps_the_notebook(course):
    course.lecture("x", code(PARAMETERS, TAG), "print('before')\n1 / 0", "print('no')")
    done = course.dgm("run", "x", "-p", "steps=1")
    assert done.status == 1
    path = course.root / "lectures" / "x.md"
    line = path.read_text().splitlines().index("1 / 0") + 1
    assert f"lectures/x.md:{line} (cell 2): ZeroDivisionError" in done.out
    kept = (course.root / "_build/runs/x.ipynb").read_text()
    assert "before" in kept
    assert "ZeroDivisionError" in report(course)["failure"]


def test_a_script_runs_without_jupyter(sized, tmp_path):
    done = sized.dgm("run", "x", "-p", "steps=100", "--script", "--out", str(tmp_path))
    assert done.status == 0
    script = subprocess.run(
        [sys.executable, str(tmp_path / "x.py")],
        env=sized.environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert "steps = 100" in script.stdout
    assert "loss = 50 ± 0.1  (estimate)" in script.stdout


@pytest.mark.parametrize(
    ("largest", "sentence"), [(500, "Cannot write"), (2000, "Cannot write")]
)
def test_a_full_disk_keeps_the_earlier_result(sized, largest, sentence):
    def small_files_only():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest, largest))

    sized.dgm("run", "x")
    before = (sized.root / "_build/runs/x.json").read_text()
    done = sized.dgm("run", "x", preexec_fn=small_files_only)
    assert done.status == 1
    assert done.err.startswith(sentence)
    assert "Free some space" in done.err
    assert "Traceback" not in done.err
    left = sorted(p.name for p in (sized.root / "_build/runs").iterdir())
    assert left == ["x.ipynb", "x.json"]
    assert (sized.root / "_build/runs/x.json").read_text() == before


def test_a_bare_assertion_is_told_by_its_statement(course):
    body = "def half():\n    return steps / 2\n\nassert (\n    half() == 50\n)"
    course.lecture("x", code(PARAMETERS, TAG), body)
    done = course.dgm("run", "x", "-p", "steps=1")
    assert done.status == 0
    assert "(cell 2): not so at this size: assert half() == 50" in done.out


def test_a_cell_goes_on_after_a_false_claim(course):
    body = """
from dgm import checks
from dgm.record import record

def strict(value):
    assert value < 0
    return "not reached"

assert steps == 100
after = steps + 1
for k in range(3):
    assert k > 5, "the same each time"
    assert k < 1
checks.between(steps, 5, 10, "steps")
try:
    strict(steps)
    caught = False
except AssertionError:
    caught = True
"""
    last = "record('after', after, kind='exact')\nassert caught"
    course.lecture("x", code(PARAMETERS, TAG), body, last)
    done = course.dgm("run", "x", "-p", "steps=1")
    assert done.status == 1  # for the check
    said = report(course)
    assert said["failure"] is None
    assert [r["value"] for r in said["records"]] == [2]
    told = [claim.partition("(cell 2): ")[2] for claim in said["false_claims"]]
    assert told == [
        "not so at this size: assert steps == 100",
        "not so at this size: the same each time",
        "not so at this size: assert k < 1",
        "FAILED CHECK: steps: 1 is not in [5, 10]",
    ]


def test_a_function_that_asserts_ends_its_cell(course):
    body = "def half():\n    assert steps > 9\n    return steps / 2\n\nhalf()\nlate = 1"
    course.lecture("x", code(PARAMETERS, TAG), body, "print(late)")
    done = course.dgm("run", "x", "-p", "steps=1")
    assert "(cell 2): not so at this size: half()" in done.out
    assert "(cell 3): NameError: name 'late' is not defined" in done.out


def test_with_its_own_parameters_a_false_claim_ends_the_run(course):
    course.lecture("x", code(PARAMETERS, TAG), "assert steps == 1\nprint('on')")
    done = course.dgm("run", "x")
    assert (done.status, "(cell 2): AssertionError" in done.out) == (1, True)
    assert "'on'" not in report(course)["failure"]


def test_a_failed_check_is_called_that(course):
    body = "import torch\nfrom dgm import checks\n" + (
        "checks.equal(torch.ones(1), torch.zeros(1), 'ones and zeros')"
    )
    course.lecture("x", code(PARAMETERS, TAG), body, "print('goes on')")
    done = course.dgm("run", "x", "-p", "steps=1")
    assert done.status == 1
    assert "(cell 2): FAILED CHECK: ones and zeros: largest difference" in done.out
    assert "goes on" in (course.root / "_build/runs/x.ipynb").read_text()


def test_at_the_books_own_size_a_false_claim_is_an_error(course):
    course.lecture("x", code(PARAMETERS, TAG), "assert steps == 99")
    done = course.dgm("run", "x")
    assert done.status == 1
    assert "(cell 2): AssertionError" in done.out


def test_parameters_may_be_annotated_and_must_be_plain(course):
    course.lecture("x", code("steps: int = 100\nfast = False", TAG), "print(steps)")
    assert course.dgm("run", "x", "-p", "steps=3", "-p", "fast=True").status == 0
    assert "does not fit" in course.dgm("run", "x", "-p", "steps=True").err
    course.lecture("y", code("steps = 10**2", TAG), "print(steps)")
    said = course.dgm("run", "y", "-p", "steps=3").err
    assert said.startswith("y.md: the parameter in `steps = 10 ** 2` must be a plain")


def test_a_misspelt_small_size_is_refused(course):
    smoke = "dgm:\n  smoke: {stps: 3}\n"
    course.lecture("x", code(PARAMETERS, TAG), "1", extra=smoke)
    done = course.dgm("run", "x", "--smoke")
    assert (done.status, done.err.count("stps")) == (1, 1)


def test_provenance_names_the_commit():
    git = ["git", "-C", str(Path(__file__).parent), "rev-parse", "HEAD"]
    head = subprocess.run(git, capture_output=True, text=True, check=False).stdout
    assert provenance("key")["commit"] == (head.strip() or None)


def test_files_can_be_read_by_others(tmp_path):
    write_atomically(tmp_path / "a" / "b.txt", "text")
    assert (tmp_path / "a" / "b.txt").stat().st_mode & 0o777 == 0o644
