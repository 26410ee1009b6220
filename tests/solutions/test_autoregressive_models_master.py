"""The problem set's tests: they catch wrong answers and accept right ones.

The master is executed once. Then one answer at a time is exchanged, and its problem's
answers and tests run again.
"""

import pytest
from answers_autoregressive_models import RIGHT, WRONG
from masters import check_stubs, executed


@pytest.fixture(scope="module")
def master():
    with executed("autoregressive-models") as made:
        yield made


def test_full_marks_and_points(master):
    """The fixture executed every test of the master; what remains is to count."""
    assert master.points == 40
    assert len(master.tests()) == 17


def test_a_stub_scores_nothing(master):
    check_stubs(master)


def test_the_numbers_that_the_text_quotes(master):
    names = master.names
    bits = names["valid_bits"]
    costs = {
        "digit_model": (20.3, 20.6),
        "tally_model": (16.4, 17.0),
        "honest": (20.4, 20.7),
    }
    for model, (low, high) in costs.items():
        assert low < -names[model].log_prob(bits).mean() < high
    assert 1.9 < names["mixture"].mean() - names["right"].mean() < 2.303
    assert names["mixture"].mean() < 18.7
    assert names["slopes"] == names["wires"] == 0
    assert 95 < names["costs"]["GreyFVSBN"].mean() < 100
    assert 103 < names["costs"]["binary, completed"].mean() < 106
    assert 29 < names["promised"] < names["spent"] < names["promised"] + 2


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_answer_loses_points(master, name):
    answer, instead, expected = WRONG[name]
    assert master.failed(answer, instead) == expected


@pytest.mark.parametrize("name", RIGHT)
def test_a_right_answer_gets_all_points(master, name):
    answer, instead = RIGHT[name]
    assert master.failed(answer, instead, given=True) == set()
