"""Common errors: what the page quotes is what a reader sees.

Every message that the first half quotes is provoked here, and must be the quoted text;
``...`` in a quotation stands for whatever varies. A message that was edited in the code
or on the page fails, and so does a quotation that no case provokes.
"""

import re
import sys
import types
from collections.abc import Callable
from pathlib import Path

import jaxtyping
import pytest
import requests
import torch
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from nbformat import v4
from torch import nn

from dgm import checks, data
from dgm.course import (
    execute,
    experiments,
    install,
    kernel,
    notebook,
    outcome,
    publish,
    run,
)
from dgm.course.files import Stop
from dgm.data import download
from dgm.layers import MaskedLinear
from dgm.likelihood import all_bits
from dgm.record import recorded
from dgm.training import batches, fit

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "book" / "common-errors.md"
LECTURE = ROOT / "lectures" / "autoregressive-models.md"
# Said by make, the shell and Python, not by the course.
NOT_OURS = {
    "make: *** No rule to make target 'book'.  Stop.",
    "ModuleNotFoundError: No module named 'dgm'",
    "dgm: command not found",
    "AssertionError",
}
CELL = "```{code-cell} ipython3\n"
HEADER = (
    "---\nkernelspec:\n  display_name: Python 3\n  name: python3\n---\n\n# Tiny\n\n"
)
EXPERIMENT = """from dgm.record import experiment

@experiment(seed=[0])
def tiny(seed: int) -> dict[str, int]:
    return {"n": seed}
"""


def quotations(text: str) -> list[str]:
    """The terms of the first half that begin with code: ``message`` above ``: ...``."""
    first, _, _ = text.partition("## When everything runs, and is wrong")
    terms = re.findall(r"^(`.*)\n: ", first, re.MULTILINE)
    found = [re.match(r"``(.+?)``|`([^`]+)`", term) for term in terms]
    assert all(found), terms
    return [match[1] or match[2] for match in found if match]


QUOTED = quotations(PAGE.read_text("utf8"))
CASES: dict[str, Callable[["Reader"], str]] = {}


def fits(quoted: str, said: str) -> bool:
    """Whether a message is the quoted one, ``...`` standing for anything."""
    pattern = ".*".join(map(re.escape, quoted.split("...")))
    return re.fullmatch(pattern, said) is not None


def case(key: str) -> Callable[[Callable[["Reader"], str]], None]:
    """Name a case by words that occur in one quotation of the page."""

    def keep(function: Callable[["Reader"], str]) -> None:
        CASES[key] = function

    return keep


class Reader(types.SimpleNamespace):
    """What a case may use: pytest's fixtures, and a course of one tiny lecture."""

    def folder(self) -> Path:
        (self.tmp / "lectures").mkdir(exist_ok=True)
        self.monkeypatch.chdir(self.tmp)
        return self.tmp

    def lecture(self, source: str = "pass", header: str = HEADER) -> Path:
        path = self.folder() / "lectures" / "tiny.md"
        path.write_text(f"{header}{CELL}{source}\n```\n")
        (self.tmp / "_toc.yml").write_text(
            "format: jb-book\nroot: index\nchapters:\n- file: lectures/tiny\n"
        )
        return path

    def printed(self) -> str:
        return str(self.capsys.readouterr().out)


@pytest.fixture
def reader(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("DGM_BOOK", "1")  # no progress bars
    jaxtyping.config.update("jaxtyping_disable", True)  # as readers run the package
    yield Reader(tmp=tmp_path, monkeypatch=monkeypatch, capsys=capsys)
    jaxtyping.config.update("jaxtyping_disable", False)


def raised(function: Callable[..., object], *args: object, **more: object) -> str:
    """What a call raises, as a reader sees it: Python names the kind of error."""
    with pytest.raises(Exception) as caught:  # noqa: PT011  (the message is compared)
        function(*args, **more)
    ours = isinstance(caught.value, Stop | install.Failed)
    return f"{'' if ours else f'{caught.type.__name__}: '}{caught.value}"


# ---- Installing ---------------------------------------------------------------------


@case("3.10 is not supported")
def _(reader):
    return raised(install.check_python, (3, 10))


@case("Installation failed")
def _(reader):
    script = "print('NewConnectionError'); raise SystemExit(1)"
    return raised(install.command, reader.tmp / "log", sys.executable, "-c", script)


@case("GB free")
def _(reader):
    usage = types.SimpleNamespace(free=1.2e9)
    reader.monkeypatch.setattr(install.shutil, "disk_usage", lambda path: usage)
    return raised(install.check_space, reader.tmp)


@case("does not answer")
def _(reader):
    reader.monkeypatch.setattr(install, "reachable", lambda index: False)
    reader.monkeypatch.setattr(install, "command", lambda *words: None)
    reader.monkeypatch.setattr(install.sys, "platform", "linux")
    install.install(reader.tmp, "https://example.org", reader.tmp / "log")
    return reader.printed().splitlines()[0]


# ---- Starting -----------------------------------------------------------------------


@case("is this the course's folder?")
def _(reader):
    reader.folder()
    said = raised(run.slug_or_path, "autoregressive-models")
    return said.replace("?.", "?")


@case("is in no course")
def _(reader):
    return raised(notebook.root_of, reader.tmp)


def asked(reader: Reader, parameter: str) -> str:
    return raised(run.run, LECTURE, [parameter], reader.tmp, kernel.Limits())


@case("has no parameter")
def _(reader):
    return asked(reader, "device=cuda")


@case("does not fit")
def _(reader):
    return asked(reader, "steps=2e4")


@case("there is no kernel")
def _(reader):
    path = reader.lecture(header=HEADER.replace("name: python3", "name: none_such"))
    loaded = notebook.read(path, stamped=False)
    return str(kernel.run_notebook(loaded, path, kernel.Limits(), {}))


# ---- While a notebook runs ----------------------------------------------------------


def trained(loss: Callable[[nn.Parameter], object], **more: object) -> str:
    weight = nn.Parameter(torch.zeros(100))
    minibatches = more.pop("batches", batches(torch.zeros(30), size=1, steps=30))
    return raised(
        list, _steps(lambda batch: loss(weight), [weight], minibatches, **more)
    )


def _steps(*args, **more):
    yield from fit(*args, **more)


@case("loss is nan")
def _(reader):
    values = iter([1.0] * 17 + [float("nan")])
    return trained(lambda weight: next(values) + weight.sum())


@case("gradient is not finite")
def _(reader):
    return trained(lambda weight: weight.sum().sqrt())


@case("must be a scalar tensor")
def _(reader):
    return trained(lambda weight: weight)


@case("depends on nothing")
def _(reader):
    return trained(lambda weight: weight.detach().sum())


@case("anneal=True")
def _(reader):
    return trained(lambda weight: weight.sum(), batches=iter([torch.zeros(1)]))


@case("mask has shape")
def _(reader):
    return raised(MaskedLinear, 3, 5, torch.ones(3, 5))


@case("too many to list")
def _(reader):
    return raised(all_bits, 64)


def failing(reader: Reader, error: Exception) -> str:
    """A notebook whose kernel fails in this way; no kernel is started."""

    async def fail(*args: object, **more: object) -> None:
        raise error

    reader.monkeypatch.setattr(kernel.Client, "async_execute", fail)
    path = reader.lecture()
    loaded = notebook.read(path, stamped=False)
    return str(kernel.run_notebook(loaded, path, kernel.Limits(), {}))


@case("ran longer than")
def _(reader):
    return failing(reader, CellTimeoutError("late"))


@case("kernel died")
def _(reader):
    return failing(reader, DeadKernelError("dead"))


# ---- A check fails ------------------------------------------------------------------


@case("outcomes sum to")
def _(reader):
    shares = torch.full((1024,), 1.0432 / 1024, dtype=torch.float64)
    return raised(checks.sums_to_one, shares.log(), "model")


@case("output 0 sees pixel 0")
def _(reader):
    return raised(checks.autoregressive, lambda x: x, torch.zeros(1, 3))


@case("no output changes")
def _(reader):
    return raised(checks.autoregressive, torch.zeros_like, torch.zeros(1, 3))


@case("largest difference")
def _(reader):
    return raised(checks.equal, torch.zeros(3), torch.ones(3), "a and b")


@case("standard errors off")
def _(reader):
    return raised(checks.consistent, 1.0, 0.01, 0.0, "estimate")


@case("cannot be compared")
def _(reader):
    return raised(checks.equal, torch.zeros(3), torch.zeros(3, 1), "a and b")


def claim(reader: Reader, kind: str, said: str) -> str:
    """What `dgm run` says of a cell that failed so."""
    path = reader.lecture("assert 1 > 2")
    trace = ["Cell In[1], line 1"]
    output = v4.new_output("error", ename=kind, evalue=said, traceback=trace)
    cell = v4.new_code_cell("assert 1 > 2", outputs=[output])
    return outcome.false_claims(v4.new_notebook(cells=[cell]), path)[0]


@case("not so at this size")
def _(reader):
    return claim(reader, "AssertionError", "")


@case("FAILED CHECK")
def _(reader):
    return claim(reader, "CheckFailed", "total: 4 outcomes sum to 2, not to 1")


# ---- Data ---------------------------------------------------------------------------

REMOTE = download.Remote(
    "train-images-idx3-ubyte.gz", "0" * 64, ("https://a.example/x", "https://b.example")
)


@case("could not download")
def _(reader):
    def fail(url: str, target: Path) -> None:
        raise requests.ConnectionError("no network")

    return raised(download.download, REMOTE, reader.tmp, fail)


@case("is not the published")
def _(reader):
    (reader.tmp / REMOTE.name).write_bytes(b"other")
    said = raised(download.find, REMOTE, "mnist", reader.tmp)
    return said.removeprefix("RuntimeError: ")


@case("no data set")
def _(reader):
    return raised(data.load, "binarised_mnist")


@case("No recorded experiment")
def _(reader):
    return raised(recorded, "none/such")


# ---- Building the site --------------------------------------------------------------


@case("Another command")
def _(reader):
    held = iter([True, False])

    def flock(file: object, how: int) -> None:
        if next(held):
            raise BlockingIOError

    reader.monkeypatch.setattr(execute.fcntl, "flock", flock)
    with execute._alone(reader.tmp / "cache"):
        return reader.printed().rstrip("\n")


@case("something that it uses changed")
def _(reader):
    path = reader.lecture()
    ran = notebook.read(path)
    ran.metadata.kernelspec.display_name = "of another version"
    return str(execute._moved_on(path, ran))


@case("Interrupted")
def _(reader):
    said: list[str] = []
    patch = reader.monkeypatch.setattr
    patch(execute, "leave", lambda message, status: said.append(message))
    patch(execute.signal, "signal", lambda number, handler: handler(number, None))
    execute.on_interrupt()
    return said[0]


@case("recorded with other code")
def _(reader):
    reader.lecture(EXPERIMENT)
    result = reader.tmp / "results" / "tiny" / "tiny.json"
    result.parent.mkdir(parents=True)
    result.write_text('{"fingerprint": "of older code"}')
    (said,) = experiments.stale(reader.tmp)
    return said


@case("course's package is missing")
def _(reader):
    import importlib.util

    reader.folder()
    reader.monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    cell = notebook.without_magics(publish.install_cell(None, None).source)
    return raised(exec, cell, {})


# ---- The page against the cases -----------------------------------------------------


@pytest.mark.parametrize("key", CASES)
def test_the_page_quotes_what_is_said(reader, key):
    quoted = [text for text in QUOTED if key in text]
    assert len(quoted) == 1, f"'{key}' is in {len(quoted)} quotations"
    said = CASES[key](reader)
    assert fits(quoted[0], said), f"page: {quoted[0]}\ncode: {said}"


@pytest.mark.parametrize("quoted", QUOTED)
def test_every_quotation_is_provoked(quoted):
    known = quoted in NOT_OURS or any(key in quoted for key in CASES)
    assert known, f"add a case that provokes: {quoted}"


def test_what_is_not_ours_is_quoted():
    assert set(QUOTED) >= NOT_OURS
    assert len(QUOTED) == len(set(QUOTED)) == len(CASES) + len(NOT_OURS)


@pytest.mark.parametrize(
    ("quoted", "said", "agree"),
    [
        ("... has 1 GB, free", "/x has 1 GB, free", True),
        ("... has 1 GB, free", "/x has 1 GB free", False),
        ("a (b) ...", "a (b) c", True),
        ("a. ...", "ab c", False),
    ],
)
def test_quotations_may_leave_out_but_not_alter(quoted, said, agree):
    assert fits(quoted, said) is agree
