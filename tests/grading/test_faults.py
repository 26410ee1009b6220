"""The list of faults: one batch through the command line, one mark each."""

import csv
import fcntl
import json
import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from faults import FAULTS
from handed_in import MASTER, dgm, sandbox_or_reason, solved, write

pytestmark = pytest.mark.slow
LIMITS = ["--cell-limit", "5", "--limit", "60", "--memory", "2"]


@dataclass
class Batch:
    """A graded folder."""

    root: Path

    def rows(self) -> dict[str, dict[str, str]]:
        text = (self.root / "marks/marks.csv").read_text("utf-8-sig")
        return {
            row["name"].lstrip("'"): row for row in csv.DictReader(text.splitlines())
        }

    def page(self, name: str) -> str:
        key = self.rows()[name]["student"]
        return (self.root / "marks/feedback" / f"{key}.html").read_text("utf8")


def fill(root: Path) -> None:
    """A course with the master, something to destroy, and all the submissions."""
    (root / "solutions").mkdir(parents=True)
    shutil.copy(MASTER, root / "solutions")
    (root / "keep.txt").write_text("kept")
    for name, fault in FAULTS.items():
        files = fault.files or {f"../{name}.ipynb": fault.content}
        for file, make in files.items():
            content = make()
            if isinstance(content, dict):
                content = json.dumps(content).replace("{outside}", str(root))
            write(root / "submissions" / name / file, content)
    for folder in (root / "submissions").iterdir():
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
    (root / "submissions" / "a link.ipynb").symlink_to(root / "solutions" / "mini.md")


@pytest.fixture(scope="session")
def batch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Batch]:
    """All faults, graded once, also if several processes run these tests."""
    walls, why = sandbox_or_reason()
    if walls is None:
        pytest.skip(why)
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    root = shared / "faults"
    with (shared / "faults.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (root / "said.json").exists():
            fill(root)
            start = time.monotonic()
            words = ["grade", "solutions/mini.md", "submissions", "--out", "marks"]
            done = dgm(root, *words, *LIMITS, "-j", "2")
            said = [done.returncode, done.stdout, done.stderr, time.monotonic() - start]
            (root / "said.json").write_text(json.dumps(said))
    yield Batch(root)


def test_the_batch_ends_well(batch):
    status, out, err, seconds = json.loads((batch.root / "said.json").read_text())
    assert status == 0, out + err
    assert len(batch.rows()) == len(FAULTS) + 1
    assert seconds < 1200  # none hangs, also on a slow machine


@pytest.mark.parametrize("name", FAULTS)
def test_mark(batch, name):
    fault, row = FAULTS[name], batch.rows()[name]
    assert float(row["total"]) == fault.mark, row
    told = row["flags"] + row["status"]
    assert all(word in told for word in fault.words), told
    assert row["maximum"] == "14"


def test_nothing_outside_changed(batch):
    assert (batch.root / "keep.txt").read_text() == "kept"
    assert (batch.root / "solutions/mini.md").read_bytes() == MASTER.read_bytes()
    files = list((batch.root / "submissions").rglob("*.*"))
    assert len(files) > len(FAULTS)
    assert not list(batch.root.rglob("poison*"))


def test_no_process_is_left(batch):
    commands = [p.info["cmdline"] or [] for p in psutil.process_iter(["cmdline"])]
    assert ["sleep", "4321"] not in commands


def test_the_answers_stand_on_one_sheet(batch):
    text = (batch.root / "marks/answers/why.html").read_text("utf8")
    assert "prints-a-gigabyte: – of 4" in text and "<script" not in text


def test_a_link_is_not_followed(batch):
    row = batch.rows()["a link"]
    assert (row["total"], row["status"].split(":")[0]) == ("0", "unreadable")


def test_feedback_gives_a_hint_and_no_hidden_test(batch):
    page = batch.page("half right")
    assert "try three points on paper" not in page  # its stub is not answered yet
    assert "Not answered yet" in page
    page = batch.page("50 GB in tensors")
    assert "squares([3.0, 4.0]) == 25" in page
    for name in FAULTS:
        text = batch.page(name)
        for secret in (
            "secret_table",
            "the empty secret",
            "0.25",
            "full((2,)",
            "1000)",
        ):
            assert secret not in text, (name, secret)


def test_feedback_runs_nothing(batch):
    page = batch.page("HTML and script")
    assert "&lt;script&gt;alert(1)" in page
    assert "<script" not in page and "<img" not in page
    assert "default-src 'none'" in page


def test_a_spreadsheet_runs_nothing(batch):
    text = (batch.root / "marks/marks.csv").read_text("utf-8-sig")
    for row in csv.reader(text.splitlines()):
        assert not any(value[:1] in "=+-@\t" for value in row if value), row
    assert "'=cmd" in text


def test_files_are_named_safely(batch):
    for path in (batch.root / "marks").rglob("*"):
        assert not set(path.name) & set("\"'=|!,;$` ")


def test_what_a_later_run_does(batch, tmp_path):
    """Resumed: nothing runs again; marks by hand are kept; a changed answer runs."""
    root = tmp_path / "again"
    shutil.copytree(batch.root, root, symlinks=True)
    table = root / "marks/marks.csv"
    lines = table.read_text("utf-8-sig").splitlines()
    header = lines[0].split(",")
    at = next(n for n, line in enumerate(lines) if line.startswith("correct,"))
    cells = lines[at].split(",")
    cells[header.index("why")] = "3.5"
    lines[at] = ",".join(cells)
    table.write_text("\n".join(lines) + "\n")
    changed = solved()
    changed["cells"][-1]["source"] = "<!-- answer: why -->\nBecause."
    write(root / "submissions/30 MB.ipynb", changed)
    words = ["grade", "solutions/mini.md", "submissions", "--out", "marks", *LIMITS]
    done = dgm(root, *words)
    assert (done.returncode, ": 1 run," in done.stdout) == (0, True), done
    rows = Batch(root).rows()
    assert (rows["correct"]["total"], rows["correct"]["status"]) == ("13.5", "graded")
    assert rows["half right"] == batch.rows()["half right"]
