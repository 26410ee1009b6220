"""Every lecture runs at its smallest size, so that its parameters are real."""

import json
from pathlib import Path

import pytest

from dgm.course.kernel import Limits
from dgm.course.notebook import in_toc
from dgm.course.run import run

ROOT = Path(__file__).parents[2]
LECTURES = [p for p in in_toc(ROOT) if p.parent.name == "lectures"]


@pytest.mark.parametrize("path", LECTURES, ids=lambda path: path.stem)
def test_smoke_size(path, tmp_path):
    """No error but false claims, which a smaller size may well make."""
    assert run(path, [], tmp_path, Limits(120.0, 120.0), smoke=True) == 0
    report = json.loads((tmp_path / f"{path.stem}.json").read_text("utf8"))
    assert report["parameters"]
    assert report["records"]
