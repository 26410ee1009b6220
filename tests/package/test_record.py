"""Recorded numbers: glued in the kernels that make the book, printed elsewhere."""

import json

import numpy as np
import pytest
import torch

from dgm import record as module
from dgm.record import experiment, record, recorded


def test_prints_where_nothing_is_glued(capsys):
    record("nll", 12.3456, stderr=0.0123, kind="exact")
    assert capsys.readouterr().out == "nll = 12.35 ± 0.0123  (exact)\n"
    record("images", 1797)
    assert capsys.readouterr().out == "images = 1797  (measured)\n"


@pytest.fixture
def displayed(monkeypatch):
    """What a kernel that makes the book would be sent."""
    import IPython.display

    sent = []
    monkeypatch.setenv("DGM_BOOK", "1")
    monkeypatch.setattr("IPython.get_ipython", object)
    monkeypatch.setattr(
        IPython.display,
        "display",
        lambda data, metadata, raw: sent.append((data, metadata)),
    )
    return sent


@pytest.mark.parametrize("book", ["", "1"])
def test_prints_unless_this_is_a_kernel_of_the_book(
    displayed, monkeypatch, capsys, book
):
    """A kernel without the book is Jupyter; the book without a kernel, a script."""
    monkeypatch.setenv("DGM_BOOK", book)
    if book:
        monkeypatch.setattr("IPython.get_ipython", lambda: None)
    record("images", 1797)
    assert capsys.readouterr().out == "images = 1797  (measured)\n"
    assert displayed == []


def test_the_book_shows_no_printed_line(displayed, capsys):
    record("images", 1797)
    assert capsys.readouterr().out == ""
    assert len(displayed) == 1


@pytest.mark.parametrize(
    "value",
    [torch.tensor(12.5), torch.tensor([12.5]), np.float32(12.5), np.array(12.5), 12.5],
)
def test_tensors_and_numpy_numbers_become_plain(displayed, value):
    record("nll", value, stderr=value)
    (first, _), (second, _) = displayed
    assert json.loads(first[module.PREFIX + module.MIME])["value"] == 12.5
    assert json.loads(first[module.PREFIX + module.MIME])["stderr"] == 12.5
    shown = [data[f"{module.PREFIX}text/plain"] for data in (first, second)]
    assert shown == ["12.5", "12.5"]


def test_tensors_are_printed_like_numbers(capsys):
    record("nll", torch.tensor(12.3456), stderr=np.float64(0.0123))
    record("images", np.int64(1797))
    assert capsys.readouterr().out == (
        "nll = 12.35 ± 0.0123  (measured)\nimages = 1797  (measured)\n"
    )


def test_glues_what_myst_nb_reads(displayed):
    from myst_nb.ext.glue import extract_glue_data
    from nbformat.v4 import new_code_cell, new_notebook, new_output

    record("nll", 12.5, stderr=0.25, kind="exact")
    outputs = [new_output("display_data", d, metadata=m) for d, m in displayed]
    cell = new_code_cell(outputs=outputs)
    found = extract_glue_data(new_notebook(cells=[cell]), [1], None)
    assert found["nll"]["data"]["text/plain"] == "12.5"
    assert found["nll_stderr"]["data"]["text/plain"] == "0.25"
    assert cell.outputs == []  # the page itself shows nothing


def test_marks_timings_and_keeps_the_whole_record(displayed):
    record("seconds", 3.0, volatile=True)
    ((data, metadata),) = displayed
    assert metadata["scrapbook"]["volatile"]
    assert json.loads(data[module.PREFIX + module.MIME]) == {
        "name": "seconds",
        "value": 3.0,
        "stderr": None,
        "kind": "measured",
        "volatile": True,
    }


def test_the_error_of_a_timing_is_volatile_too(displayed):
    record("seconds", 3.0, stderr=0.5, volatile=True)
    assert [m["scrapbook"]["volatile"] for _, m in displayed] == [True, True]


def test_an_experiment_stays_a_function():
    @experiment(seed=range(2), width=[8])
    def study(seed, width):
        return {"sum": seed + width}

    assert study(1, 2) == {"sum": 3}
    assert study.experiment == {"seed": [0, 1], "width": [8]}


def test_recorded_looks_above_the_notebook_and_where_told(tmp_path, monkeypatch):
    (tmp_path / "results" / "x").mkdir(parents=True)
    (tmp_path / "results/x/study.json").write_text('{"runs": [{"seed": 0}]}')
    (tmp_path / "lectures").mkdir()
    monkeypatch.chdir(tmp_path / "lectures")
    assert recorded("x/study") == [{"seed": 0}]
    (tmp_path / "told" / "x").mkdir(parents=True)
    (tmp_path / "told/x/study.json").write_text('{"runs": []}')
    monkeypatch.setenv("DGM_RESULTS", str(tmp_path / "told"))
    assert recorded("x/study") == []
    with pytest.raises(FileNotFoundError, match="make experiments NAME=x/never"):
        recorded("x/never")
