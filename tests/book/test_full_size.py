"""Reports of full-size runs on a page, and what makes Sphinx read the page again."""

import json
import shutil
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1] / "course"))
from minicourse import REPOSITORY, new_course  # noqa: E402

pytestmark = pytest.mark.slow
PAGE = """# Runs

```{full-size-runs}
:records: test_

**None yet.**
```
"""
REPORT = {
    "lecture": "first",
    "parameters": {"steps": 70},
    "device": "cuda",
    "started": "2026-03-04T05:06:07+00:00",
    "seconds": 5400,
    "commit": "0123456789abcdef",
    "records": [
        {"name": "test_nats", "value": 88.125, "stderr": 0.25, "kind": "estimate"},
        {"name": "test_size", "value": 12.0, "stderr": None, "kind": "measured"},
        {"name": "valid_nats", "value": 99.0, "stderr": None, "kind": "exact"},
    ],
}


@pytest.fixture
def course(tmp_path):
    course = new_course(tmp_path)
    for name in ("dgm_fullsize", "dgm_tables", "dgm_scoretable"):
        shutil.copy(REPOSITORY / "book" / f"{name}.py", course.root / "book")
    config = course.root / "_config.yml"
    ours = "{dgm_book: book/, dgm_fullsize: book/, "
    config.write_text(config.read_text().replace("{dgm_book: book/, ", ours))
    course.lecture("first", "print('one')")
    course.page("runs", PAGE)
    assert course.dgm("execute").status == 0
    return course


def test_the_page_follows_its_reports(course):
    course.build()
    assert "None yet." in course.html("runs")
    page = course.root / "_build/html/lectures/runs.html"
    before = page.stat().st_mtime_ns
    course.build()
    assert page.stat().st_mtime_ns == before  # nothing changed, nothing is read

    report = course.root / "results" / "full" / "mine.json"
    report.parent.mkdir(parents=True)
    report.write_text(json.dumps(REPORT))
    course.build()
    shown = course.html("runs")
    assert "None yet." not in shown
    for told in ("steps=70", "cuda, 2026-03-04, 1.5 h", "commit 0123456789", "88.12"):
        assert told in shown
    assert "± 0.25 (estimate)" in shown
    assert "test_size" not in shown and "valid_nats" not in shown

    report.write_text(json.dumps({**REPORT, "device": "mps"}))
    course.build()
    assert "mps, 2026-03-04" in course.html("runs")
    report.unlink()
    course.build()
    assert "None yet." in course.html("runs")
    assert "mps" not in course.html("runs").partition("<article")[2]


def test_what_is_no_report_stops_the_build(course):
    report = course.root / "results" / "full" / "broken.json"
    report.parent.mkdir(parents=True)
    report.write_text(json.dumps({"lecture": "first"}))
    with pytest.raises(AssertionError, match=r"full/broken.json is no report: KeyErr"):
        course.build()
