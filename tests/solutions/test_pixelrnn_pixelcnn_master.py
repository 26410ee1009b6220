"""The problem set's tests: they catch wrong answers and accept right ones.

The master is executed once. Then one answer at a time is exchanged, and its problem's
answers and tests run again.
"""

import pytest
from answers_pixelrnn_pixelcnn import RIGHT, WRONG
from masters import check_stubs, executed


@pytest.fixture(scope="module")
def master():
    with executed("pixelrnn-pixelcnn") as made:
        yield made


def test_full_marks_and_points(master):
    """The fixture executed every test of the master; what remains is to count."""
    assert master.points == 40
    assert len(master.tests()) == 21


def test_a_stub_scores_nothing(master):
    check_stubs(master)


def test_the_numbers_that_the_text_quotes(master):
    names = master.names
    score = {name: -t.sum((1, 2)).mean() for name, t in names["claims"].items()}
    assert 0.5 < score["old"] - score["fast"] < 1  # "more than half a nat"
    assert not names["looks"].flatten()[36:].any()
    invented = names["invented"].flatten()
    assert set(invented.argsort(descending=True)[:2].tolist()) == {2, 3}
    assert invented[2:4].sum() > 0.6 * invented.sum() > 2
    assert (invented.view(8, 8)[4:, 4:].abs() < 1e-5).all()
    for name, (first, last) in {"bright": (27.63, 27.63), "dark": (23.8, 3.3)}.items():
        costs = next(c for k, c in names["clamped_costs"].items() if k.startswith(name))
        assert costs[0] == pytest.approx(first, abs=0.1)
        assert costs[-1] == pytest.approx(last, abs=0.1)


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_answer_loses_points(master, name):
    answer, instead, expected = WRONG[name]
    assert master.failed(answer, instead) == expected


@pytest.mark.parametrize("name", RIGHT)
def test_a_right_answer_gets_all_points(master, name):
    answer, instead = RIGHT[name]
    assert master.failed(answer, instead, given=True) == set()
