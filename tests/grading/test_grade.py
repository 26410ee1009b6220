"""``dgm grade`` for a folder: exports, marks by hand, going on, clusters."""

import csv
import io
import json
import re
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from handed_in import MASTER, answering, dgm, solved, stripped, untouched, write

from dgm.course.files import Stop
from dgm.course.grading import exports, feedback, grade, hand, report
from dgm.course.grading.master import read_master
from dgm.course.grading.record import GRADED, Record, load, save
from dgm.course.grading.report import Row, harmless, to_csv
from dgm.course.grading.runner import Limits, Verdict
from dgm.course.grading.submissions import Submission

MINI = read_master(MASTER)
GRADE = ("grade", "solutions/mini.md", "submissions", "--out", "marks")
TESTS = [cell.id for cell in MINI.of("test")]


@pytest.fixture
def course(tmp_path: Path) -> Path:
    (tmp_path / "solutions").mkdir()
    shutil.copy(MASTER, tmp_path / "solutions")
    return tmp_path


def row(
    name: str = "Anna", platform: str = "", number: str = "", **more: object
) -> Row:
    who = Submission(name.lower(), name, platform, number, (Path("x.ipynb"),))
    tests = {name: Verdict("ok") for name in TESTS}
    record = Record("f", tests=tests, answered=["why", "squares"])
    record.written = {"why": "Too <large>."}
    for key, value in more.items():
        setattr(record, key, value)
    return Row(who, record)


def rows_of(course: Path) -> dict[str, dict[str, str]]:
    text = (course / "marks/marks.csv").read_text("utf-8-sig")
    return {r["student"]: r for r in csv.DictReader(text.splitlines())}


def table(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text.removeprefix("\ufeff"))))


def test_canvas_and_moodle(tmp_path):
    marked = row("Li, Bo", "canvas", "77")
    marked.hand = {"why": 2.5}
    rows = [
        marked,
        row("Anna", "canvas", "78"),
        row("=Zoë", "moodle", "9", status="unreadable", tests={}, answered=[]),
    ]
    exports.write_all(tmp_path, MINI, rows)
    assert table((tmp_path / "canvas.csv").read_text("utf8")) == [
        ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "Small numbers"],
        ["Points Possible", "", "", "", "", "14"],
        ["Li, Bo", "77", "", "", "", "12.5"],
        ["Anna", "78", "", "", "", ""],  # waits for a mark by hand
    ]
    assert table((tmp_path / "moodle.csv").read_text("utf8"))[1:] == [
        ["Participant 9", "'=Zoë", "", "14"]
    ]
    with zipfile.ZipFile(tmp_path / "moodle-feedback.zip") as archive:
        (name,) = archive.namelist()
        assert name == "=Zoë_9_assignsubmission_file_/feedback.html"
        assert b"Small numbers" in archive.read(name)


def test_gradescope(tmp_path):
    failed = Verdict("error", "AssertionError", 5)
    tests = {name: Verdict("ok") for name in TESTS} | {"test_layer": failed}
    exports.write_all(tmp_path, MINI, [row(tests=tests)])
    results = json.loads((tmp_path / "gradescope/anna.json").read_text())
    assert results["score"] == 7
    by_name = {test["name"]: test for test in results["tests"]}
    assert by_name["test_layer"]["status"] == "failed"
    assert "the gradient must reach the scale" in by_name["test_layer"]["output"]
    assert by_name["test_squares"]["score"] == by_name["test_squares"]["max_score"] == 2
    assert by_name["why"]["output"] == "still to be marked by hand"


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("=1+1", "'=1+1"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "' =1"),
        ("\r=1", "' =1"),
        (" =1", "' =1"),
        ("a\nb", "a b"),
        ("plain, 'text'", "plain, 'text'"),
    ],
)
def test_no_formulas(text, safe):
    assert harmless(text) == safe
    assert table(to_csv([[text]])) == [[safe]]


def test_feedback_says_what_failed_and_no_more():
    tests = {
        "test_squares": Verdict("error", "AssertionError", 1, "secret"),
        "test_log_mean_exp": Verdict("error", "AssertionError", 5, "secret"),
        "test_layer": Verdict("timeout", message="secret"),
        "test_midpoints": Verdict("error", "<b>Secret", 0, "secret"),
    }
    cells = {3: Verdict("error", "NameError", 2, "name 'a' is not defined", False)}
    cells[5] = Verdict("error", "Secret", 1, "secret", True)
    flags = ["edited test_squares", "metadata lost", "nonsense"]
    page = feedback.page(
        MINI,
        row(
            tests=tests,
            cells=cells,
            sources={3: "return <a>"},
            flags=flags,
            notices=["patched secret"],
        ),
    )
    text = re.sub(r"<[^>]+>", "", page)
    assert "AssertionError in the visible test:" in text
    assert "assert squares([3.0, 4.0]) == 25" in text
    assert "A hidden test failed. numbers near 1000 must not overflow." in text
    assert "It ran too long" in text
    assert "Cell 4, line 2: NameError: name &#x27;a&#x27; is not defined" in text
    assert "return &lt;a&gt;" in text
    assert "Cell 6: An error" in text  # no line: it could be a message
    assert "The cell test_squares came back edited" in text
    assert "had lost its metadata" in text
    assert "Too &lt;large&gt;." in text
    assert "secret" not in page.lower().replace("secret_table", "")
    assert "<script" not in page and "default-src 'none'" in page


def test_marks_by_hand_are_read_back(tmp_path):
    path = tmp_path / "marks.csv"
    rows = [row("Anna"), row("Bo")]
    rows[0].hand = {"why": 2.5}
    report.write(path, MINI, rows)
    assert hand.marked_by_hand(path, MINI) == {"anna": {"why": 2.5}}
    assert rows_of_text(path)["bo"]["status"] == "to mark by hand"
    assert rows_of_text(path)["anna"]["total"] == "12.5"
    # As a spreadsheet in another country saves it.
    text = path.read_text("utf-8-sig").replace(",", ";").replace("2.5", "3,5")
    path.write_text("\ufeff" + text, encoding="utf8")
    assert hand.marked_by_hand(path, MINI) == {"anna": {"why": 3.5}}


def test_comments_are_kept_and_shown(tmp_path):
    path = tmp_path / "marks.csv"
    rows = [row("Anna"), row("Bo")]
    assert hand.comments(path) == {}
    rows[0].comment = '-1 for the sign; =HYPERLINK(1); "well" <b>put</b>'
    for _ in range(3):  # it does not grow each time the table is written
        report.write(path, MINI, rows)
        assert ",\"'-1 for" in path.read_text("utf-8-sig")
        rows[0].comment = hand.comments(path)["anna"]
    assert hand.comments(path) == {"anna": rows[0].comment, "bo": ""}
    assert rows[0].comment.startswith("-1 for the sign; =HYPERLINK(1)")
    page = feedback.page(MINI, rows[0])
    assert "<h2>Comment</h2><pre>-1 for the sign" in page and "<b>" not in page
    assert "Comment" not in feedback.page(MINI, rows[1])
    hand.keep_lost_marks(path, MINI, {"bo"})
    assert "HYPERLINK" in (tmp_path / "marks-before.csv").read_text("utf8")


def test_a_sheet_of_all_answers(tmp_path):
    rows = [row("Anna"), row("Bo"), row("Cy"), row("Di")]
    for made, text in zip(rows, ("<i>one</i>", "two", "three", "four"), strict=True):
        made.record.written["why"] = text
    rows[0].hand, rows[2].hand = {"why": 2.5}, {"why": 0.0}
    rows[3].record.answered.remove("why")
    (cell,) = MINI.of("manual", "written")
    sheet = feedback.sheet(MINI, cell, rows)
    heads = re.findall(r"<h2>(.*?)</h2>\n?<pre>(.*?)</pre>", sheet, re.DOTALL)
    assert [head for head, _ in heads] == [
        "The master",
        "bo: – of 4",
        "anna: 2.5 of 4",
        "cy: 0 of 4",
    ]
    assert heads[2][1] == "&lt;i&gt;one&lt;/i&gt;" and "four" not in sheet


def rows_of_text(path: Path) -> dict[str, dict[str, str]]:
    lines = path.read_text("utf-8-sig").splitlines()
    return {r["student"]: r for r in csv.DictReader(lines)}


@pytest.mark.parametrize("mark", ["5", "-1", "good", "nan"])
def test_a_wrong_mark_by_hand_is_told(tmp_path, mark):
    path = tmp_path / "marks.csv"
    path.write_text(f"student,why\nanna,{mark}\n")
    with pytest.raises(Stop, match=f"'{mark}' in column why of anna"):
        hand.marked_by_hand(path, MINI)


def test_a_table_that_cannot_be_read(tmp_path):
    path = tmp_path / "marks.csv"
    path.write_bytes("student,why\nZo\xeb,1\n".encode("latin1"))
    with pytest.raises(Stop, match="save it as CSV in UTF-8"):
        hand.marked_by_hand(path, MINI)
    path.write_text("a,b\n")
    with pytest.raises(Stop, match="no column 'student'"):
        hand.marked_by_hand(path, MINI)


def test_an_answer_that_changed_after_its_mark(tmp_path):
    path = tmp_path / ".hand"
    made = row()
    made.hand = {"why": 3.0}
    hand.flag_changed_answers(path, [made])
    assert made.record.flags == []
    made.record.written["why"] = "Something else."
    for _ in range(2):  # until it is marked again
        made.record.flags = []
        hand.flag_changed_answers(path, [made])
        assert made.record.flags == ["changed since it was marked: why"]
    made.record.flags, made.hand = [], {"why": 1.0}
    hand.flag_changed_answers(path, [made])
    assert made.record.flags == []


def test_a_record_comes_back(tmp_path):
    path = tmp_path / "anna.json"
    record = row(cells={3: Verdict("error", "NameError")}, sources={3: "x"}).record
    save(path, record)
    assert load(path) == record
    for text in ("", "{}", "[]", path.read_text()[:-20], '{"tests": {"a": {}}}'):
        path.write_text(text)
        assert load(path) is None


def test_a_fault_of_the_grader_costs_nobody_else(monkeypatch):
    def broken(*args: object) -> None:
        raise KeyError("oops")

    monkeypatch.setattr(grade, "merge", broken)
    task = grade.Task("anna", "f", MINI, (), Limits(), True, 10**9)
    key, record = grade.grade_one(task)
    assert (key, record.status) == ("anna", "not graded")
    assert "KeyError" in record.reason
    assert record.status != GRADED


def test_the_list(course):
    write(course / "submissions/Anna Li_5_assignsubmission_file_/a.ipynb", "{}")
    write(course / "submissions/bob.pdf", "x")
    done = dgm(course, *GRADE, "--list")
    assert done.returncode == 0
    lines = [" ".join(line.split()) for line in done.stdout.splitlines()]
    assert lines[0].startswith("bob bob: no notebook")
    assert lines[1].startswith("Anna-Li-5 Anna Li (moodle 5): submissions/Anna Li_5_")
    assert not (course / "marks").exists()


def test_mistakes_in_the_command(course):
    write(course / "submissions/a.ipynb", "{}")
    for words, sentence in (
        (("grade", "solutions/x.md", "submissions"), "Cannot read the problem set"),
        (("grade", "solutions/mini.md", "nowhere"), "no folder of submissions"),
    ):
        done = dgm(course, *words)
        assert (done.returncode, sentence in done.stderr) == (1, True), done
        assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.slow
@pytest.mark.usefixtures("walled")
def test_going_on_after_an_interrupt(course):
    for number in range(5):
        book = answering("why", f"Answer {number}.")
        write(course / f"submissions/s{number}.ipynb", book)
    command = [sys.executable, "-m", "dgm.course.cli", *GRADE, "-j", "1"]
    process = subprocess.Popen(command, cwd=course, stderr=subprocess.PIPE, text=True)
    records = course / "marks/records"
    wait_for(lambda: len(list(records.glob("s*.json"))) >= 2)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert (process.returncode, "goes on" in err) == (130, True)
    had = len(list(records.glob("s*.json")))
    assert 2 <= had < 5
    done = dgm(course, *GRADE)
    assert f"5 submissions: {5 - had} run, {had} as before" in done.stdout, done
    assert {r["total"] for r in rows_of(course).values()} == {"10"}
    # Marks by hand, then a new master: all are graded again, and the marks stay.
    path = course / "marks/marks.csv"
    path.write_text(path.read_text("utf-8-sig").replace(",,10,", ",4,10,", 1))
    (course / "submissions/s4.ipynb").unlink()
    master = course / "solutions/mini.md"
    text = master.read_text()
    master.write_text(text.replace('"points": 4', '"points": 5'))
    assert text != master.read_text()
    done = dgm(course, *GRADE)
    assert "4 submissions: 4 run" in done.stdout, done
    assert rows_of(course)["s0"]["total"] == "14"
    assert rows_of(course)["s0"]["maximum"] == "15"


def wait_for(event: Callable[[], bool], seconds: float = 90.0) -> None:
    end = time.monotonic() + seconds
    while not event():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.05)


@pytest.mark.slow
@pytest.mark.usefixtures("walled")
def test_a_student_who_left_with_marks_by_hand(course):
    write(course / "submissions/bob.ipynb", "{}")
    write(course / "marks/marks.csv", "student,why\nanna,3\n")
    done = dgm(course, *GRADE)
    assert "Marks of anna have no place any more" in done.stdout
    assert "anna,3" in (course / "marks/marks-before.csv").read_text()
    # A second loss does not overwrite the first copy.
    write(course / "marks/marks.csv", "student,why\ncleo,2\n")
    assert "marks-before-2.csv" in dgm(course, *GRADE).stdout
    assert "cleo,2" in (course / "marks/marks-before-2.csv").read_text()
    assert "anna,3" in (course / "marks/marks-before.csv").read_text()
    # Nor does a column that the problem set no longer has.
    write(course / "marks/marks.csv", "student,why,former\nbob,1,4\n")
    assert "Marks of bob have no place" in dgm(course, *GRADE).stdout
    assert "bob,1,4" in (course / "marks/marks-before-3.csv").read_text()
    assert "no place" not in dgm(course, *GRADE).stdout


@pytest.mark.slow
@pytest.mark.usefixtures("walled")
def test_the_folder_of_another_problem_set_is_refused(course):
    write(course / "submissions/bob.ipynb", "{}")
    assert dgm(course, *GRADE).returncode == 0
    before = (course / "marks/marks.csv").read_bytes()
    other = course / "solutions/other.md"
    other.write_text((course / "solutions/mini.md").read_text())
    done = dgm(course, "grade", "solutions/other.md", "submissions", "--out", "marks")
    assert done.returncode == 1
    assert "marks holds the marks of 'mini'" in done.stderr
    assert (course / "marks/marks.csv").read_bytes() == before
    done = dgm(course, "grade", "solutions/other.md", "submissions")
    assert (course / "marks/other/marks.csv").is_file(), done


@pytest.mark.slow
@pytest.mark.usefixtures("walled")
def test_the_summary_tells_unreadable_from_unmarked(course):
    write(course / "submissions/bob.ipynb", "{}")
    done = dgm(course, *GRADE)
    said = "1 submissions: 0 run, 0 as before, 1 unreadable; 0 with flags, 0 to mark"
    assert said in done.stdout, done


@pytest.mark.slow
@pytest.mark.usefixtures("walled")
def test_a_sandbox_that_fails_later_is_told_and_tried_again(course, tmp_path):
    """The probe works, the kernels do not: nobody gets a mark of 0 for that."""
    write(course / "submissions/anna.ipynb", solved())
    package = tmp_path / "lib"
    shutil.copytree(Path(grade.__file__).parents[2], package / "dgm")
    loop = package / "dgm/course/grading/worker/loop.py"
    loop.write_text(loop.read_text().replace("def main(", "def mine("))
    import os

    env = {**os.environ, "PYTHONPATH": str(package)}
    done = dgm(course, *GRADE, env=env)
    assert done.returncode == 1
    assert "anna: the sandbox did not start" in done.stderr
    assert "run the same command again" in done.stdout
    assert rows_of(course)["anna"]["status"].startswith("not graded")
    done = dgm(course, *GRADE)
    assert (done.returncode, rows_of(course)["anna"]["total"]) == (0, "10")


@pytest.mark.slow
@pytest.mark.usefixtures("walled")
def test_a_cluster_gives_the_same_marks(course):
    distributed = pytest.importorskip("distributed")
    for name, book in (
        ("anna", solved()),
        ("bob", untouched()),
        ("cem", stripped(solved())),
    ):
        write(course / f"submissions/{name}.ipynb", book)
    assert dgm(course, *GRADE).returncode == 0
    here = rows_of(course)
    shutil.rmtree(course / "marks")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=None
    ) as cluster:
        done = dgm(course, *GRADE, "--cluster", cluster.scheduler_address)
    assert done.returncode == 0, done
    there = rows_of(course)
    for name, one in here.items():
        assert {**one, "seconds": ""} == {**there[name], "seconds": ""}


@pytest.mark.slow
@pytest.mark.usefixtures("walled")
def test_a_cluster_that_is_not_there(course):
    pytest.importorskip("distributed")
    write(course / "submissions/anna.ipynb", solved())
    done = dgm(course, *GRADE, "--cluster", "tcp://127.0.0.1:9")
    assert done.returncode == 1
    assert "No Dask scheduler answers at tcp://127.0.0.1:9" in done.stderr
