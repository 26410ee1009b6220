"""Many runs: seeds, lectures, a cluster; devices."""

import json
import math
import statistics
import subprocess
import sys

import pytest
import torch
from minicourse import code

from dgm.course import device, summary
from dgm.course.files import Stop
from dgm.course.parameters import seeds

TAG = ":tags: [parameters]\n"
BODY = """
from dgm.record import record
record('half', seed / 2, stderr=0.1, kind='estimate')
record('name', 'a word')
if seed == 1 and steps == 1:
    raise ValueError('a bad seed')
"""


def read(path):
    return json.loads(path.read_text("utf8"))


@pytest.mark.slow
def test_many_seeds_here_and_on_a_cluster_and_what_is_not_done(course):
    distributed = pytest.importorskip("distributed")
    course.lecture("x", code("steps = 1\nseed = 0", TAG), BODY)
    words = ("run", "x", "--seeds", "0-2", "--out", "out")
    first = course.dgm(*words, "-j", "2")
    out = course.root / "out"
    assert first.status == 1
    assert "x-seed-1" in first.out
    assert "ValueError: a bad seed" in first.out
    (row,) = read(out / "summary.json")["records"]
    assert (row["mean"], row["n"], row["sd"]) == (0.5, 2, math.sqrt(0.5))
    assert "x        half    estimate  0.5   0.707107  2" in first.out

    again = course.dgm(*words)
    assert "3 runs, of which 2 are done." in again.out
    assert again.status == 1

    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=None
    ) as cluster:
        there = ("--cluster", cluster.scheduler_address, "-p", "steps=2")
        done = course.dgm(*words, *there)
    assert done.status == 0, done
    assert "3 runs, of which 0 are done." in done.out  # those were other parameters
    found = [read(out / f"x-seed-{seed}.json") for seed in range(3)]
    assert [r["records"][0]["value"] for r in found] == [0.0, 0.5, 1.0]
    assert found[2]["parameters"] == {"steps": 2, "seed": 2}
    assert found[2]["command"].startswith("dgm run x --seeds 0-2")
    assert (out / "x-seed-2.ipynb").exists()
    left = {p.name for p in out.iterdir()}
    assert not [n for n in left if n.startswith(".") or n.endswith(".checkpoint")]


@pytest.mark.slow
def test_mistakes_are_told_before_anything_runs(course):
    course.lecture("x", "print(1)")
    for words, sentence in (
        (["--device", "cuda:99"], "There is no device 'cuda:99' here"),
        (["--seeds", "0-2"], "x.md has no cell tagged `parameters`"),
        (["--keep", "../x"], "'--keep ../x' must be a name, not a path."),
    ):
        done = course.dgm("run", "x", *words)
        assert (done.status, done.err.count("\n")) == (1, 1), done
        assert done.err.startswith(sentence)
    assert not (course.root / "_build").exists()


def test_seeds_are_ranges_and_lists():
    assert seeds("0-3,7") == [0, 1, 2, 3, 7]
    assert seeds("5") == [5]
    for text in ("", "a", "3-1", "-1", "1-", "٣"):
        with pytest.raises(Stop, match="--seeds"):
            seeds(text)


def test_the_table_leaves_out_failed_runs_and_words():
    def report(value, failure=None):
        records = [{"name": "r", "kind": "exact", "value": value}]
        records += [{"name": "w", "kind": "exact", "value": "word"}]
        return {"lecture": "x", "failure": failure, "records": records}

    values = [1.0, 2.5, 7.0]
    (row,) = summary.table([*map(report, values), report(99.0, "it failed")])
    assert row["n"] == 3
    assert row["mean"] == pytest.approx(statistics.fmean(values))
    assert row["sd"] == pytest.approx(statistics.stdev(values))
    (one,) = summary.table([report(1.0)])
    assert one["sd"] is None


# ---- Devices ------------------------------------------------------------------------


MADE = """
import numpy as np, torch
from dgm.course import device
device.use('meta')
own = torch.Generator().manual_seed(0)
made = [
    torch.zeros(2), torch.tensor([1.0]), torch.randn(2), torch.randn(2, generator=own),
    torch.randperm(4, generator=own), torch.from_numpy(np.ones(2)),
    torch.nn.Linear(2, 3).weight, torch.as_tensor(np.ones(2)),
]
print({t.device.type for t in made}, torch.zeros(2, device='cpu').device.type)
"""


@pytest.mark.slow
def test_tensors_are_made_on_the_device():
    done = subprocess.run(
        [sys.executable, "-c", MADE], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "{'meta'} cpu"


def test_a_generator_draws_the_same_numbers_as_without_a_device():
    """On the CPU as the device, every detour that the mode takes must be invisible."""

    def draws():
        own = torch.Generator().manual_seed(0)
        p = torch.full((5,), 0.5)
        return [
            torch.randn(3, generator=own),
            torch.randperm(5, generator=own),
            torch.bernoulli(p, generator=own),
            torch.empty(4).uniform_(generator=own),
            torch.multinomial(p, 2, generator=own),
            torch.rand(2, generator=own, requires_grad=True).detach(),
        ]

    class Elsewhere(device.On):
        """Treats each generator as if it were on another device."""

        def __torch_function__(self, func, types, args=(), kwargs=None):
            kwargs = dict(kwargs or {})
            if kwargs.get("generator") is not None:
                return self.drawn(func, args, kwargs)
            return super().__torch_function__(func, types, args, kwargs)

    plain = draws()
    with Elsewhere(torch.device("cpu")):
        found = draws()
    assert all(map(torch.equal, plain, found))
