"""The benchmarks run, and what is recorded of them was made by the present code."""

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from dgm.course.files import Stop
from dgm.course.grading import sandbox

ROOT = Path(__file__).parents[2]
FOLDER, RESULTS = ROOT / "benchmarks", ROOT / "results" / "benchmarks"
NAMES = ("bernoulli_rbm", "frontier", "grading", "sampling")
TOP = {"command", "settings", "threads", "device", "cores", "versions", "machine"}
TOP |= {"commit", "fingerprint", "runs"}


def module(name: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(FOLDER))
    return importlib.import_module(name)


def recorded(name: str) -> dict:
    return json.loads((RESULTS / f"{name}.json").read_text("utf8"))


def shape(runs: list[dict]) -> list[str]:
    """Which fields the runs have, whatever their number and their values."""
    return sorted({str(sorted(run)) for run in runs})


def no_sandbox() -> str:
    try:
        sandbox.choose(False)
    except Stop as stop:
        return str(stop)
    return ""


def test_there_is_a_result_for_each():
    scripts = {p.stem for p in FOLDER.glob("*.py")} - {"recording", "contenders"}
    assert scripts == set(NAMES) == {p.stem for p in RESULTS.glob("*.json")}


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_it_runs_at_a_tiny_size_and_leaves_the_books_result_alone(name, tmp_path):
    if name == "grading" and (why := no_sandbox()):
        pytest.skip(why)
    before, out = (RESULTS / f"{name}.json").read_bytes(), tmp_path / "found.json"
    done = subprocess.run(
        [sys.executable, FOLDER / f"{name}.py", "--smoke", "--out", out],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(out.read_text("utf8"))
    assert set(found) == TOP
    assert found["command"] == f"python benchmarks/{name}.py"
    assert shape(found["runs"]) == shape(recorded(name)["runs"])
    assert (RESULTS / f"{name}.json").read_bytes() == before


@pytest.mark.parametrize("name", ["bernoulli_rbm", "grading", "sampling"])
def test_a_result_was_made_by_the_present_code(name, monkeypatch):
    found = recorded(name)
    assert set(found) == TOP
    command = f"run `python benchmarks/{name}.py`"
    assert found["fingerprint"] == module(name, monkeypatch).fingerprint(), command


def test_the_frontier_is_whole_and_made_by_the_present_code(monkeypatch):
    frontier, found = module("frontier", monkeypatch), recorded("frontier")
    contenders = frontier.CONTENDERS
    keys = [frontier.fingerprint(contender) for contender in contenders]
    planned = {
        (*key_of(contenders[one["place"]]), one["updates"], one["seed"])
        for one in frontier.plan(
            found["settings"]["seeds"], found["settings"]["lengths"]
        )
    }
    run = {frontier.name_of(r) for r in found["runs"]}
    assert planned <= {name[:4] for name in run}, "run `python benchmarks/frontier.py`"
    current = {(*key_of(c), k) for c, k in zip(contenders, keys, strict=True)}
    stale = {name for name in run if (*name[:2], name[4]) not in current}
    assert not stale, "run `python benchmarks/frontier.py`"
    assert found["fingerprint"] == frontier.whole(keys)


def key_of(contender) -> tuple[str, str]:
    return contender.name, "bits" if contender.bits else "grey"


def test_another_image_is_noticed_before_any_time_is_taken(monkeypatch):
    sampling = module("sampling", monkeypatch)
    right = sampling.incremental_nade
    monkeypatch.setattr(
        sampling, "incremental_nade", lambda model, u: right(model, u.flip(0))
    )
    with pytest.raises(AssertionError, match="other images"):
        sampling.measure("NADE", 3)


def test_exponents_of_exact_powers(monkeypatch):
    sampling = module("sampling", monkeypatch)
    rows = [{"pixels": d, "naive": 3.0 * d**2.5} for d in (64, 144, 256, 400)]
    rows[0]["naive"] = 1e9  # too small to be fitted
    assert sampling.exponent(rows, "naive") == pytest.approx(2.5)


def test_counts_are_those_of_loops_written_out(monkeypatch):
    sampling = module("sampling", monkeypatch)
    d, h = 9, sampling.HIDDEN
    assert sampling.counts("FVSBN", d) == (
        sum(d * d for _ in range(d)),
        sum(1 for i in range(d) for _ in range(i + 1, d)),
    )
    assert sampling.counts("NADE", d) == (
        sum(2 * h for _ in range(d) for _ in range(d)),
        sum(h + h for _ in range(d)),
    )


def test_a_change_in_a_lecture_changes_the_fingerprint(monkeypatch, tmp_path):
    recording = module("recording", monkeypatch)
    lecture = tmp_path / "x.md"
    text = recording.path_of("autoregressive-models").read_text("utf8")
    monkeypatch.setattr(recording, "path_of", lambda slug: lecture)

    def key(code: str, script: str = "a = of.NADE(3, 4)") -> str:
        lecture.write_text(code, "utf8")
        return recording.key_of(script, {"of": "x"})

    first = key(text)
    assert key(text + "\nMore prose.\n") == first
    assert key(text, '"""Head."""\n\n# Why.\na = of.NADE(3, 4)\n') == first
    changed = text.replace(
        "0.05 * torch.randn(hidden, dim)", "torch.randn(hidden, dim)"
    )
    assert changed != text and key(changed) != first
    assert key(text, "a = of.NADE(3, 5)") != first


def test_twenty_submissions_are_of_the_kinds_that_are_claimed(monkeypatch):
    grading = module("grading", monkeypatch)
    kinds = [grading.kind_of(number) for number in range(20, 40)]
    assert {kind: kinds.count(kind) for kind in grading.KINDS} == grading.KINDS
    assert "loop" in kinds[:10]


def test_hours_of_a_class_whose_submissions_are_all_alike(monkeypatch):
    grading = module("grading", monkeypatch)
    same = {kind: [6.0] for kind in grading.KINDS}
    for workers, hours in ((1, 0.5), (2, 0.25)):
        found = grading.extrapolated(same, workers)
        assert found["hours"] == pytest.approx(hours)
        assert found["hours_low"] == pytest.approx(found["hours_high"])
