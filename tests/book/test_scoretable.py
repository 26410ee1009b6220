"""The scoreboard's table: sorted by value, three signs, an axis with round ticks."""

import re

import pytest
from dgm_scoretable import (
    MARKS,
    MEANINGS,
    SIGNS,
    Axis,
    Number,
    Row,
    Seeds,
    axis_for,
    html,
)
from hypothesis import example, given
from hypothesis import strategies as st

BOARD = {"caption": "A & B", "quantity": "NLL", "unit": "nats", "decimals": 2}


def number(value, stderr=None, kind="exact"):
    return Number(value, stderr, kind, "a.html#cell-1", "cell 1 of A")


def row(model, value, stderr=None, kind="exact", seeds=None, parameters=None):
    return Row(model, "A", number(value, stderr, kind), seeds, parameters)


def models(text):
    return re.findall(r'<span class="name">(.*?)</span>', text)


def test_sorts_numbers_and_not_their_texts():
    rows = [row("c", 100.0), row("a", 9.5), row("b", 10.25), row("d", -1)]
    assert models(html(rows, BOARD)) == ["d", "a", "b", "c"]


def test_each_kind_has_its_sign_shape_and_word():
    assert len(set(SIGNS.values())) == len(set(MARKS.values())) == 3
    for kind, sign in SIGNS.items():
        text = html([row("m", 3.0, 0.1, kind), row("n", 4.0, 0.1)], BOARD)
        mine = text.partition('<span class="name">m')[2].partition("</tr>")[0]
        assert f"{sign} <a" in mine and f"{kind}</small>" in mine
        plot = mine.partition('role="img"')[2]
        assert MARKS[kind] in plot
        assert f'aria-label="{kind} 3.00, two standard errors: 2.80 to 3.20"' in mine
        assert f"{sign} {kind}:" in text.partition("dgm-legend")[2]


def test_a_legend_explains_what_is_there_and_no_more():
    text = html([row("m", 3.0, None, "bound"), row("n", 4.0)], BOARD)
    legend = text.partition("dgm-legend")[2]
    assert "≤ bound" in legend and "= exact" in legend and "≈" not in legend


def test_seeds_carry_the_sign_of_their_row_and_their_number():
    seeds = Seeds(number(3.25), number(0.5), number(5))
    text = html([row("m", 3.0, 0.1, "bound", seeds, number(12345))], BOARD)
    cell = text.partition('class="seeds">')[2]
    assert "mean of 5 seeds" in cell
    assert "≤ <a" in text.rpartition('class="seeds">')[2].partition("</td>")[0]
    assert ">12,345</a>" in text and "± 0.50" in text


def test_names_are_escaped():
    text = html([row("<b>&", 3.0)], BOARD)
    assert models(text) == ["&lt;b&gt;&amp;"] and "A &amp; B" in text


@example([(1 / 3, None)])
@example([(100.0, None), (100.0 + 1e-13, None)])
@given(
    st.lists(st.tuples(st.floats(-1e4, 1e4), st.none() | st.floats(0, 100)), min_size=1)
)
def test_the_axis_holds_every_mark_and_has_round_ticks(scores):
    axis = axis_for([row("m", value, error) for value, error in scores])
    for value, error in scores:
        for end in (value - 2 * (error or 0), value + 2 * (error or 0)):
            assert 0 <= float(axis.at(end)[:-1]) <= 100
    ticks = axis.ticks()
    assert 2 <= len(ticks) <= 7
    assert all(axis.low <= t <= axis.high for t in ticks)
    assert len({f"{tick:g}" for tick in ticks}) == len(ticks)


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [(16.1, 25.8, [18, 20, 22, 24]), (0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1])],
)
def test_ticks(low, high, ticks):
    assert Axis(low, high).ticks() == pytest.approx(ticks)


def test_the_legend_says_what_each_kind_means():
    assert "the value itself" in MEANINGS["exact"]
    assert "this or lower" in MEANINGS["bound"]  # of a negative log-likelihood
    assert "either side" in MEANINGS["estimate"]
    board = html([row("a", 3.0), row("b", 4.0)], BOARD)
    assert MEANINGS["exact"] in board
    assert MEANINGS["bound"] not in board
