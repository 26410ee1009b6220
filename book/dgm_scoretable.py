"""The scoreboard's table as HTML: a row for each model, with its place on an axis.

What a number is (exact, a bound, an estimate) shows in three ways, none of them a
colour: a sign, a shape and a word.
"""

import math
from collections.abc import Mapping
from html import escape
from typing import Any, NamedTuple

SIGNS = {"exact": "=", "bound": "≤", "estimate": "≈"}
MARKS = {
    "exact": '<circle r="4.5"/>',
    "bound": '<circle r="4.2" class="open"/>',
    "estimate": '<path d="M0-6 6 0 0 6-6 0Z"/>',
}
MEANINGS = {
    "exact": "the value itself for these test images",
    "bound": "the value is this or lower",
    "estimate": "computed with random draws, may err to either side",
}


class Number(NamedTuple):
    """A recorded number and where it was made."""

    value: float
    stderr: float | None
    kind: str
    address: str
    where: str


class Seeds(NamedTuple):
    """The same score for several seeds."""

    mean: Number
    spread: Number
    count: Number


class Row(NamedTuple):
    """A model of the table."""

    model: str
    lecture: str
    score: Number
    seeds: Seeds | None
    parameters: Number | None


class Axis(NamedTuple):
    """Where a value stands between the ends of the plot, in per cent."""

    low: float
    high: float

    def at(self, value: float) -> str:
        """The place of a value."""
        return f"{100 * (value - self.low) / (self.high - self.low):.2f}%"

    def ticks(self) -> list[float]:
        """Three to six round numbers."""
        rough = (self.high - self.low) / 5
        power = 10.0 ** math.floor(math.log10(rough))
        step = next(s * power for s in (1, 2, 5, 10) if s * power >= rough)
        first, last = math.ceil(self.low / step), math.floor(self.high / step)
        ticks = (k * step for k in range(first, last + 1))
        return [tick for tick in ticks if self.low <= tick <= self.high]


def axis_for(rows: list[Row]) -> Axis:
    """An axis with room for all marks and for two standard errors around each.

    It is never so short that its ticks would need more than four digits.
    """
    ends = [
        row.score.value + sign * (row.score.stderr or 0.0)
        for row in rows
        for sign in (-2, 2)
    ]
    room = 0.05 * (max(ends) - min(ends))
    margin = max(room, 1e-3 * max(map(abs, ends))) or 1.0
    return Axis(min(ends) - margin, max(ends) + margin)


def html(rows: list[Row], board: Mapping[str, Any]) -> str:
    """The whole table, sorted by value.

    Args:
        rows: the models, in any order.
        board: ``caption``, ``quantity``, ``unit`` and ``decimals``.
    """
    rows = sorted(rows, key=lambda row: (row.score.value, row.model))
    axis, places = axis_for(rows), board["decimals"]
    lines = [_line(k, row, axis, places) for k, row in enumerate(rows, 1)]
    quantity = escape(f"{board['quantity']} / {board['unit']}")
    head = [
        _head("rank", "place"),
        _head("model", "model"),
        _head("score", f"{quantity} <small>± standard error</small>"),
        _head("plot", f'<span class="dgm-aside">{quantity}</span>{_ruler(axis)}'),
        _head("seeds", f"{_seeds_of(rows)} <small>± spread</small>"),
        _head("size", "size <small>parameters</small>"),
    ]
    return (
        f'<table role="table" class="dgm-scores" '
        f'data-quantity="{escape(board["quantity"])}">'
        f"<caption>{escape(board['caption'])}</caption>"
        f'<thead role="rowgroup"><tr role="row">{"".join(head)}</tr></thead>'
        f'<tbody role="rowgroup">{"".join(lines)}</tbody></table>{_legend(rows)}'
    )


def _head(name: str, text: str) -> str:
    return f'<th role="columnheader" scope="col" class="{name}">{text}</th>'


def _seeds_of(rows: list[Row]) -> str:
    counts = sorted({int(row.seeds.count.value) for row in rows if row.seeds})
    if not counts:
        return "several seeds"
    return f"mean of {' to '.join(map(str, counts[:: len(counts) - 1 or 1]))} seeds"


def _line(place: int, row: Row, axis: Axis, places: int) -> str:
    score = row.score
    sign = SIGNS[score.kind]
    cells = [
        ("rank", str(place)),
        ("score", _figures(sign, score, score.stderr, places) + _kind(score.kind)),
        ("plot", _plot(score, axis, places)),
        ("seeds", _seeds(row.seeds, sign, places)),
        ("size", _size(row.parameters)),
    ]
    shown = [f'<td role="cell" class="{name}">{text}</td>' for name, text in cells]
    model = (
        f'<th role="rowheader" scope="row" class="model"><span class="name">'
        f"{escape(row.model)}</span><small>{escape(row.lecture)}</small></th>"
    )
    return f'<tr role="row">{shown[0]}{model}{"".join(shown[1:])}</tr>'


def _figures(sign: str, number: Number, error: float | None, places: int) -> str:
    spread = "" if error is None else f"± {error:.{places}f}"
    value = f'<data value="{float(number.value)!r}">{number.value:.{places}f}</data>'
    return f'{sign} {_link(number, value)} <span class="error">{spread}</span>'


def _link(number: Number, text: str) -> str:
    title = escape(number.where)
    return f'<a href="{escape(number.address)}" title="{title}">{text}</a>'


def _kind(kind: str) -> str:
    return f"<small>{_glyph(kind)} {kind}</small>"


def _seeds(seeds: Seeds | None, sign: str, places: int) -> str:
    if seeds is None:
        return '<span class="none">–</span>'
    count = f'<span class="dgm-aside">{int(seeds.count.value)} seeds </span>'
    return count + _figures(sign, seeds.mean, seeds.spread.value, places)


def _size(parameters: Number | None) -> str:
    if parameters is None:
        return '<span class="none">–</span>'
    unit = '<span class="dgm-aside"> parameters</span>'
    return _link(parameters, f"{parameters.value:,}") + unit


def _glyph(kind: str) -> str:
    mark = MARKS[kind]
    return (
        f'<svg class="dgm-mark" viewBox="-7 -7 14 14" aria-hidden="true">{mark}</svg>'
    )


def _plot(score: Number, axis: Axis, places: int) -> str:
    """The mark of a score on the axis, with two standard errors to either side."""
    said = f"{score.kind} {score.value:.{places}f}"
    parts = [_grid(axis)]
    if score.stderr is not None:
        low, high = score.value - 2 * score.stderr, score.value + 2 * score.stderr
        said += f", two standard errors: {low:.{places}f} to {high:.{places}f}"
        ends = f'x1="{axis.at(low)}" x2="{axis.at(high)}"'
        parts.append(f'<line {ends} y1="50%" y2="50%" class="bar"/>')
    mark = f'<svg x="{axis.at(score.value)}" y="50%">{MARKS[score.kind]}</svg>'
    return f'<svg role="img" aria-label="{said}">{"".join(parts)}{mark}</svg>'


def _grid(axis: Axis) -> str:
    places = (axis.at(tick) for tick in axis.ticks())
    return "".join(f'<line x1="{p}" x2="{p}" y1="0" y2="100%"/>' for p in places)


def _ruler(axis: Axis) -> str:
    texts = (
        f'<text x="{axis.at(tick)}" y="100%" dy="-6">{tick:g}</text>'
        for tick in axis.ticks()
    )
    return f'<svg class="ruler" aria-hidden="true">{"".join(texts)}</svg>'


def _legend(rows: list[Row]) -> str:
    kinds = [kind for kind in SIGNS if any(row.score.kind == kind for row in rows)]
    entries = [
        f"<span>{_glyph(kind)} {SIGNS[kind]} {kind}: {MEANINGS[kind]}.</span>"
        for kind in kinds
    ]
    said = "A line reaches two standard errors to either side of its mark. "
    if len(kinds) > 1:
        said += "Places go by the numbers shown, whatever their kind. "
    said += "Each number leads to the cell that made it."
    return f'<p class="dgm-legend">{" ".join(entries)} <span>{said}</span></p>'
