"""An interrupted run goes on where it stopped, to the same numbers, or says why not."""

import copyreg
import io
import json
import signal
from pathlib import Path

import numpy as np
import pytest
import torch
from minicourse import code
from nbformat.v4 import new_code_cell

from dgm.course import checkpoint, faithful
from dgm.course.checkpoint import Checkpoints
from dgm.course.files import Stop

PARAMETERS = "steps = 20\nseed = 0"
TAG = ":tags: [parameters]\n"
BEGIN = """
import os, random, time
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple
import matplotlib.pyplot as plt
import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from dgm.figures import use_style
from dgm.record import record
from dgm.training import batches, fit, reproducible
use_style()
reproducible(seed)
scale = 2.0

class Net(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(4, width), nn.Tanh(), nn.Linear(width, 1))

    def forward(self, x: Float[Tensor, "n d"]) -> Float[Tensor, "n 1"]:
        return scale * self.body(x)

class Pair(NamedTuple):
    left: Tensor
    right: int = 3

    def total(self):
        return float(self.left.sum()) + self.right

@dataclass
class Ledger:
    name: str
    values: list = field(default_factory=list)

def counter():
    count = 0
    def up():
        nonlocal count
        count += 1
        return count
    return up
"""
TRAIN = """
up = counter(); up()
net = Net(8)
optimiser = torch.optim.Adam(net.parameters(), lr=0.01)
own, rng = torch.Generator().manual_seed(3), np.random.default_rng(4)
x = torch.randn(64, 4)
window, weight = x[3:5], net.body[0].weight
table = np.arange(12.0).reshape(3, 4); row = table[1]
pair, book = Pair(torch.ones(2)), Ledger('a'); same = book.values

def loss_of(x):
    return ((net(x) - x.sum(1, keepdim=True)) ** 2).mean()

def train():
    for _ in range(steps):
        optimiser.step()
        optimiser.zero_grad(); loss_of(x).backward()

train()
losses = [s.loss for s in fit(loss_of, net.parameters(), batches(x, size=8, steps=9, generator=own))]
fig, ax = plt.subplots(); ax.plot(losses); gone = (n for n in range(2)); list(gone)
"""  # noqa: E501
KILL = """
scale = 3.0
if Path('kill').exists():
    time.sleep(1); os.kill(os.getppid(), 9)
"""
END = """
train()
record('loss', loss_of(x).detach())
window.add_(1.0); row += 1
record('views', x.sum().item() + float(table.sum()))
record('same', int(weight is net.body[0].weight and same is book.values))
record('pair', pair.total()); record('kind', int(isinstance(pair, Pair)))
record('draws', [up(), torch.rand(1, generator=own).item(), rng.normal(),
                 random.random(), np.random.rand(), torch.rand(1).item()].__repr__())
fig
"""


def shown(course, name):
    """What a run left in its notebook: each cell's number and outputs."""
    cells = json.loads((course.root / name / "x.ipynb").read_text())["cells"]
    return [(c.get("execution_count"), c.get("outputs")) for c in cells]


@pytest.mark.slow
def test_a_killed_run_goes_on_to_the_same_records_and_outputs(course):
    course.lecture("x", code(PARAMETERS, TAG), BEGIN, TRAIN, KILL, END)
    course.extra["DGM_PROGRESS"] = "0.3"
    often = ("--save-every", "0", "-p", "steps=7")
    assert course.dgm("run", "x", "--out", "whole", *often).status == 0
    flag = course.root / "lectures/kill"
    flag.touch()
    killed = course.dgm("run", "x", "--out", "cut", *often)
    flag.unlink()
    assert killed.status == -signal.SIGKILL
    assert "x: cell 4 of 5, 'x', " in killed.out
    done = course.dgm("run", "x", "--out", "cut", *often)
    assert done.status == 0, done
    assert "Going on after cell 3, in the section 'x'." in done.out
    assert shown(course, "cut") == shown(course, "whole")
    report = json.loads((course.root / "cut/x.json").read_text())
    assert (report["resumed"], report["failure"]) == (1, None)
    assert {r["name"]: r["value"] for r in report["records"]}["same"] == 1
    assert sorted(p.name for p in (course.root / "cut").iterdir()) == [
        "x.ipynb",
        "x.json",
    ]


@pytest.mark.slow
def test_what_cannot_be_saved_is_told_and_the_run_goes_on(course):
    open_one = "open_one = (n for n in range(3)); next(open_one)"
    course.lecture("x", "import time", open_one, "print(next(open_one))", "1")
    done = course.dgm("run", "x", "--save-every", "0")
    assert done.status == 0
    said = [line for line in done.out.splitlines() if "no checkpoint" in line]
    assert len(said) == 1
    assert said[0].startswith("x: no checkpoint after cell 2: cannot save `open_one`")


# ---- Files --------------------------------------------------------------------------

RUN = {"code": "c", "parameters": {"steps": 7}, "versions": {"torch": "2"}}


def kept(folder: Path, identity: dict = RUN) -> Checkpoints:
    """A checkpoint after one cell."""
    keeper = Checkpoints(folder, identity)
    with keeper.alone():
        state = keeper.folder / "state-1"
        state.write_bytes(b"state")
        cell = new_code_cell("1", execution_count=1)
        sha = checkpoint.hashlib.sha256(b"state").hexdigest()
        keeper.keep([cell], state, sha, 5.0)
    return keeper


def test_a_checkpoint_of_the_same_run_is_taken_up(tmp_path):
    kept(tmp_path)
    again = Checkpoints(tmp_path, RUN)
    assert again.find() == ""
    assert (again.saved.first, again.saved.seconds) == (1, 5.0)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"code": "d"}, "is of other code: it is left as it is"),
        ({"parameters": {"steps": 8}}, "is of other parameters"),
        ({"versions": {}, "code": "d"}, "is of other code and other versions"),
    ],
)
def test_a_checkpoint_of_another_run_is_left_alone(tmp_path, change, sentence):
    before = kept(tmp_path)
    other = Checkpoints(tmp_path, {**RUN, **change})
    with other.alone():
        assert sentence in other.find()
        assert other.saved.first == 0
        other.remove()
    assert Checkpoints(tmp_path, RUN).find() == ""
    assert before.manifest.exists()


@pytest.mark.parametrize("name", ["run.json", "state-1"])
@pytest.mark.parametrize("damage", ["truncated", "gone", "other"])
def test_a_damaged_checkpoint_is_not_taken_up(tmp_path, name, damage):
    file = kept(tmp_path).folder / name
    whole = file.read_bytes()
    if damage == "gone":
        file.unlink()
    else:
        file.write_bytes(whole[:-2] if damage == "truncated" else whole[:-1] + b"?")
    again = Checkpoints(tmp_path, RUN)
    said = again.find()
    assert "is damaged, so this run starts from its first cell" in said or (
        (name, damage, said) == ("run.json", "gone", "")
    )
    assert again.saved.first == 0


def test_a_write_that_fails_leaves_the_checkpoint_before(tmp_path, monkeypatch):
    keeper = kept(tmp_path)
    full = Stop("Cannot write")

    def write(*_):
        raise full

    monkeypatch.setattr(checkpoint, "write_atomically", write)
    later = keeper.folder / "state-2"
    later.write_bytes(b"later")
    with pytest.raises(Stop):
        keeper.keep([new_code_cell("1")] * 2, later, "?", 9.0)
    again = Checkpoints(tmp_path, RUN)
    assert again.find() == ""
    assert again.saved.first == 1


def test_one_run_is_not_made_by_two_processes(tmp_path):
    with (
        Checkpoints(tmp_path, RUN).alone(),
        pytest.raises(Stop, match="going on in another process"),
        Checkpoints(tmp_path, RUN).alone(),
    ):
        pass


# ---- The pickler --------------------------------------------------------------------


def copied(value):
    file = io.BytesIO()
    saver = faithful.Saver(file)
    saver.dump(value)
    saver.check()
    file.seek(0)
    return faithful.Loader(file).load()


def test_tensors_keep_memory_gradients_and_optimisers():
    model = torch.nn.Linear(3, 2)
    optimiser = torch.optim.Adam(model.parameters())
    model(torch.ones(1, 3)).sum().backward()
    optimiser.step()
    x = torch.arange(6.0)
    m, o, y, view = copied([model, optimiser, x, x.view(2, 3)[:, 1]])
    assert o.param_groups[0]["params"][0] is m.weight
    assert torch.equal(m.weight.grad, model.weight.grad)
    assert torch.equal(
        o.state[m.weight]["exp_avg"], optimiser.state[model.weight]["exp_avg"]
    )
    y += 1
    assert view.tolist() == [2.0, 5.0]


def test_no_gradient_is_lost_in_silence():
    weight = torch.ones(2, requires_grad=True)
    again, loss = copied([weight, (3 * weight).sum()])
    assert (loss.item(), again.is_leaf, loss.is_leaf) == (6.0, True, False)
    with pytest.raises(RuntimeError, match="--restart"):
        loss.backward()


def test_arrays_keep_memory_and_what_cannot_be_kept_is_refused():
    owner = np.asfortranarray(np.arange(6.0).reshape(2, 3))
    o, view = copied([owner, owner[1, ::2]])
    o, view = copied([o, view])  # as when a run is interrupted twice
    o[1] += 1
    assert view.tolist() == [4.0, 6.0]
    assert copied(np.zeros((5, 0))).shape == (5, 0)
    shared = np.zeros(3)
    with pytest.raises(faithful.Cannot, match="shares memory"):
        copied([shared, torch.from_numpy(shared)])


def test_generators_go_on_where_they_were():
    own = torch.Generator().manual_seed(1)
    torch.rand(3, generator=own)
    a, b, default = copied([own, own, torch.default_generator])
    assert a is b
    assert default is torch.default_generator
    assert torch.equal(torch.rand(2, generator=a), torch.rand(2, generator=own))
    with pytest.raises(faithful.Cannot, match="has begun and not ended"):
        copied(n for n in range(3))


def test_shapes_in_annotations_are_pickled_by_their_own_rule():
    from jaxtyping import Float

    hint = Float[torch.Tensor, "n d"]
    assert type(hint) in copyreg.dispatch_table
    assert copied(hint).dim_str == "n d"
