"""Recorded experiments: run once, resumable, stale when their code changes."""

import json

import pytest

from dgm.course import experiments

pytestmark = pytest.mark.slow

SOURCE = '''
from pathlib import Path
from dgm.record import experiment

def helper(seed):
    return seed * 10

def unrelated():
    return 1

@experiment(seed=range(3), width=[1, 2])
def study(seed: int, width: int) -> dict:
    """A study."""
    with Path({log!r}).open("a") as log:
        log.write(f"{{seed}} {{width}}\\n")
    return {{"score": helper(seed) + width}}
'''


@pytest.fixture
def studied(course):
    log = str(course.root / "log")
    course.lecture("x", SOURCE.format(log=log), "print(helper(2))")
    return course


def change(course, old, new):
    path = course.root / "lectures" / "x.md"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_records_the_grid_with_its_provenance(studied):
    assert studied.dgm("experiments", "--check").status == 1
    done = studied.dgm("experiments", "x/study")
    assert done.status == 0, done.err
    result = json.loads((studied.root / "results/x/study.json").read_text())
    scores = [(r["seed"], r["width"], r["score"]) for r in result["runs"]]
    assert scores == [(s, w, 10 * s + w) for s in range(3) for w in (1, 2)]
    assert result["grid"] == {"seed": [0, 1, 2], "width": [1, 2]}
    assert {"command", "versions", "commit", "fingerprint", "device"} <= set(result)
    assert studied.dgm("experiments", "--check").status == 0


def test_is_stale_when_its_code_changes_and_only_then(studied):
    studied.dgm("experiments")
    change(studied, "# x", "# x\n\nProse.")
    change(studied, "print(helper(2))", "print(helper(3))")
    change(studied, "return 1", "return 2")
    change(studied, "    return seed", "    # why\n    return seed")
    assert studied.dgm("experiments", "--check").status == 0
    change(studied, "seed * 10", "seed * 11")
    done = studied.dgm("experiments", "--check")
    assert done.status == 1
    assert done.out.strip() == (
        "x/study was recorded with other code: run `make experiments NAME=x/study`."
    )


def test_is_stale_when_the_package_changes(studied):
    studied.dgm("experiments")
    module = studied.root / "src/dgm/record.py"
    module.write_text(module.read_text() + "\nMORE = 1\n")
    assert studied.dgm("experiments", "--check").status == 1


def test_goes_on_where_it_stopped(studied):
    studied.dgm("experiments")
    log = studied.root / "log"
    assert len(log.read_text().splitlines()) == 6
    parts = sorted((studied.root / "_build/experiments/x/study").rglob("*.json"))
    parts[0].unlink()
    assert studied.dgm("experiments").status == 0
    assert len(log.read_text().splitlines()) == 7


def test_a_failing_run_keeps_the_others_and_says_which(studied):
    change(studied, "    return seed * 10", "    return 1 / (seed - 1)")
    done = studied.dgm("experiments", "-j", "1")
    assert done.status == 1
    assert "x/study {'seed': 1, 'width': 1}: ZeroDivisionError" in done.err
    assert "Traceback" not in done.err
    assert not (studied.root / "results/x/study.json").exists()
    assert list((studied.root / "_build/experiments/x/study").rglob("*.json"))


def test_an_unknown_name_is_one_sentence(studied):
    done = studied.dgm("experiments", "x/other")
    assert (done.status, done.err) == (
        1,
        "No experiment 'x/other'; there is x/study.\n",
    )


@pytest.mark.parametrize("value", ["np.float32(1)", "torch.ones(2)", "{1, 2}"])
def test_results_must_be_plain_numbers(studied, value):
    change(studied, "helper(seed) + width}", f"{value}}}")
    change(studied, "from pathlib", "import numpy as np\nimport torch\nfrom pathlib")
    done = studied.dgm("experiments", "-j", "1")
    assert done.status == 1
    assert "'score' is a" in done.err
    assert "return plain numbers" in done.err
    assert "Traceback" not in done.err


def test_runs_use_one_thread_each(studied):
    change(studied, "helper(seed) + width", "torch.get_num_threads()")
    change(studied, "from pathlib", "import torch\nfrom pathlib")
    assert studied.dgm("experiments", "-j", "1").status == 0
    result = json.loads((studied.root / "results/x/study.json").read_text())
    assert {run["score"] for run in result["runs"]} == {1}


def test_code_that_changes_during_a_run_spoils_it(studied):
    path = str(studied.root / "lectures" / "x.md")
    edit = (
        f"p = Path({path!r}); p.write_text(p.read_text().replace('seed * 10', 'seed'))"
    )
    change(studied, '    """A study."""', f'    """A study."""\n    {edit}')
    done = studied.dgm("experiments", "-j", "1")
    assert done.status == 1
    assert "the code changed while it ran" in done.err
    assert not (studied.root / "results/x/study.json").exists()


def test_a_damaged_result_is_stale(studied):
    studied.dgm("experiments")
    result = studied.root / "results/x/study.json"
    result.write_text("<<<<<<< HEAD\n" + result.read_text())
    done = studied.dgm("experiments", "--check")
    assert done.status == 1
    assert "make experiments NAME=x/study" in done.out


def test_only_names_in_use_count_among_imports(tmp_path):
    """One that no code uses does not, though words of a docstring spell it."""
    (tmp_path / "x.md").write_text(
        "---\nkernelspec:\n  display_name: Python 3\n  name: python3\n---\n\n"
        "```{code-cell} ipython3\n"
        "import torch.nn.functional as F\n"
        "from dgm import checks, data as images\n"
        "from dgm.record import experiment, record\n"
        "```\n\n```{code-cell} ipython3\n"
        "@experiment(seed=[0])\n"
        "def study(seed):\n"
        '    """Import as many images from data as one may."""\n'
        "    return {'n': len(images.digits().train.x)}\n```\n"
    )
    source = experiments.definitions_used(tmp_path / "x.md", "study")
    assert source.splitlines()[:2] == [
        "from dgm import data as images",
        "from dgm.record import experiment",
    ]
    assert source.splitlines()[2] == "@experiment(seed=[0])"
