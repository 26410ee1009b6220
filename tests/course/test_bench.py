"""The budgets table says what was measured."""

import csv

import pytest

from dgm.course import bench
from dgm.course.bench import Cost, page_kilobytes
from dgm.course.files import Stop

SLOW = "import time\nwhile time.process_time() < 1.5:\n    pass\nprint('done')"


@pytest.mark.slow
def test_seconds_and_builds_are_measured(course):
    course.lecture("first", SLOW)
    course.build()
    done = course.dgm("bench")
    with (course.root / "results" / "budgets.csv").open() as file:
        rows = {row[0]: row[1:] for row in csv.reader(file)}
    assert rows["what"] == ["measured", "budget", "kept"]
    kept = {row[2] for row in rows.values()} - {"kept", ""}
    assert kept <= {"yes", "NO"}, done.out + done.err
    assert done.status == int("NO" in kept)  # a slow machine may not keep them all
    alone = float(rows["lectures/first: execution"][0].removesuffix(" s"))
    assert 0.3 < alone < 300  # CPU seconds of a core that may be faster than this one
    whole, unchanged, prose, code = (
        float(rows[name][0].removesuffix(" s"))
        for name in (
            "the whole book, from nothing",
            "nothing changed",
            "prose of first edited",
            "code of first edited",
        )
    )
    assert min(whole, code) > 1.5  # the sleeping cell ran
    assert min(unchanged, prose) > 0
    assert "torch" in rows["measured on"][0]
    assert "yardstick" in rows["measured on"][0]
    assert "lectures/first" in done.out
    assert "One more" not in (course.root / "lectures" / "first.md").read_text()


@pytest.mark.parametrize(("slow", "status"), [(40.0, 0), (70.0, 1)])
def test_the_slowest_is_edited_and_a_budget_that_is_not_kept_fails(
    slow, status, tmp_path, monkeypatch
):
    edited = []

    def measured(root, path):
        return [
            Cost(path.stem, slow if path.stem == "slow" else 1.0, 60),
            Cost("p", 1, 2),
        ]

    def builds(root, path):
        edited.append(path.stem)
        return [Cost("build", 1.0, 10)]

    monkeypatch.setattr(bench, "lecture_costs", measured)
    monkeypatch.setattr(bench, "build_costs", builds)
    paths = [tmp_path / f"{name}.md" for name in ("quick", "slow", "other")]
    assert bench.main(tmp_path, paths, book=False) == status
    assert not edited and not (tmp_path / bench.TABLE).exists()  # one lecture alone
    assert bench.main(tmp_path, paths, book=True) == status
    assert edited == ["slow"]
    kept = (tmp_path / bench.TABLE).read_text()
    assert ("NO" in kept) == bool(status)


def test_a_page_weighs_its_html_and_its_pictures(tmp_path):
    site = tmp_path / "_build" / "html"
    (site / "_images").mkdir(parents=True)
    (site / "_images" / "shown.png").write_bytes(b"x" * 40_000)
    (site / "_images" / "other.png").write_bytes(b"x" * 90_000)
    (site / "page.html").write_text('<img src="_images/shown.png">' + "y" * 9_971)
    assert page_kilobytes(tmp_path, "page") == 50


def test_a_page_that_is_not_built_is_one_sentence(tmp_path):
    with pytest.raises(Stop, match="make book"):
        page_kilobytes(tmp_path, "page")


@pytest.mark.parametrize(("seconds", "kept"), [(59.0, "yes"), (61.0, "NO")])
def test_a_budget_that_is_not_kept_says_so(seconds, kept):
    assert Cost("x", seconds, 60).cells() == ["x", f"{seconds} s", "60 s", kept]


def test_the_yardstick_is_milliseconds_of_one_update(monkeypatch):
    clock = iter([10.0, 10.6])
    monkeypatch.setattr(bench.time, "thread_time", lambda: next(clock))
    assert bench.yardstick(updates=3) == pytest.approx(200)


def test_seconds_are_those_of_a_core_of_known_speed(tmp_path, monkeypatch):
    """A core that is half as fast needs twice the seconds; the table says the same."""
    found = []
    for slower in (1.0, 2.0):
        spent = iter([100.0, 100.0 + 30 * slower])
        monkeypatch.setattr(bench, "yardstick", lambda updates=0, s=slower: s)
        monkeypatch.setattr(bench, "children_seconds", lambda spent=spent: next(spent))
        monkeypatch.setattr(bench, "execute", lambda *words: [])
        monkeypatch.setattr(bench, "page_kilobytes", lambda root, name: 1)
        cost, _ = bench.lecture_costs(tmp_path, tmp_path / "one.md")
        found.append(cost.measured)
    assert found == [30.0, 30.0]


def test_the_speed_is_taken_before_meanwhile_and_afterwards(monkeypatch):
    taken = iter(range(1, 100))
    monkeypatch.setattr(bench, "yardstick", lambda updates=300: float(next(taken)))
    with bench.Speed(pause=0.01) as speed:
        while len(speed.taken) < 3:
            pass
    assert speed.taken == [float(k) for k in range(1, len(speed.taken) + 1)]
    assert speed.mean() == (1 + len(speed.taken)) / 2
