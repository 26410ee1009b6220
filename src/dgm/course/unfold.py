"""A page of the site for paper: what folds, moves or plays on a screen lies open."""

import json
import re
from collections.abc import Iterator, Sequence
from html import escape
from typing import Any

from lxml import html

FORMULA = "formula: "
# Frames of a figure with sliders, in CSS pixels: half the text's width; how small a
# frame may become; how small it is in a column of its own; how tall all may be.
HALF, LEAST, WIDE, TALL = 317, 0.58, 0.75, 800
SHORT = 16  # lines of code, or of a table, are not split over two pages
TAGS = ("script", "button", "label", "input")
PLAYED = (
    "headerlink",
    "dgm-predict",
    "dgm-score",
    "dgm-said",
    "dgm-off",
    "dgm-buttons",
)
ATTRIBUTES = re.compile(r"on\w+|autocomplete|draggable|tabindex|loading")
TEX = re.compile(r"\s*\\([(\[])(.*?)\\[)\]]", re.S)
Node = Any  # an element of lxml, which has no types


def for_paper(article: Node) -> None:
    """Lay open what a page of the site folds, moves or plays."""
    for details in of_class(article, "hide", "details"):
        details.remove(details[0])  # its summary
        details.tag, details.attrib["class"] = "div", "dgm-folded"
    for figure in of_class(article, "dgm-explore"):
        strip(figure)
    for figure in of_class(article, "dgm-pad"):
        spread_out(figure)
    truths = [d for f in of_class(article, "dgm-game") for d in f.iter("details")]
    _gather(article, list(map(_truth, truths)), "Which images were real?")
    solutions = of_class(article, "solution", "div")
    for box in solutions:
        _link_to(article, box)
    _gather(article, solutions, "Solutions of the exercises")
    _drop(article)
    _name_formulas(article)
    _keep_together(article)


def of_class(node: Node, name: str, tag: str = "*") -> list[Node]:
    """Elements below ``node`` that have a class."""
    has = "contains(concat(' ', normalize-space(@class), ' '), concat(' ', $name, ' '))"
    found: list[Node] = node.xpath(f".//{tag}[{has}]", name=name)
    return found


def new(text: str) -> Node:
    """An element from its HTML."""
    return html.fragment_fromstring(text)


def take_out(node: Node) -> Node:
    """Remove an element from where it is, but not the text after it."""
    node.drop_tree()
    node.tail = None
    return node


def _drop(article: Node) -> None:
    """Leave out what works only on a screen."""
    for node in list(article.iter(*TAGS)):
        node.drop_tree()
    for name in PLAYED:
        for node in of_class(article, name):
            node.drop_tree()
    for node in article.iter("*"):
        node.classes -= {"dropdown", "toggle", "toggle-hidden"}
        for name in filter(ATTRIBUTES.fullmatch, list(node.attrib)):
            del node.attrib[name]


def _keep_together(article: Node) -> None:
    """Mark what fits on a page, and what does not."""
    for code in of_class(article, "highlight", "div"):
        if code.text_content().count("\n") <= SHORT:
            code.classes.add("short")
    for table in article.iter("table"):
        if len(list(table.iter("tr"))) > SHORT:
            table.classes.add("long")


# ---- Figures ------------------------------------------------------------------------


def strip(figure: Node) -> None:
    """A figure with sliders as a few of its frames, each with the sliders' values.

    One slider gives up to six frames; two give two columns for the first slider, two or
    three rows for the second. The first and the last value are always among them.
    """
    sizes = [int(slider.get("max")) + 1 for slider in figure.iter("input")]
    names = [label[0].text_content() for label in figure.iter("label")]
    frames = list(figure.iter("img"))
    columns, rows = _grid(frames[0])
    chosen = spaced(sizes[0], columns * rows)
    if len(sizes) == 2:
        columns = min(2, sizes[0])
        chosen = [
            column * sizes[1] + row
            for row in spaced(sizes[1], rows)
            for column in spaced(sizes[0], columns)
        ]
    grid = new(f'<div class="dgm-strip of-{columns}"></div>')
    for frame in frames:
        take_out(frame)
    grid.extend(_labelled(frames[index], names) for index in chosen)
    figure.insert(0, grid)


def _grid(frame: Node) -> tuple[int, int]:
    """Columns and rows of frames that leave their words legible and fit on a page."""
    width, height = float(frame.get("width")), float(frame.get("height"))
    columns, shown = (2, HALF) if width * LEAST <= HALF else (1, width * WIDE)
    return columns, max(2, min(3, int(TALL / (height * shown / width + 20))))


def _labelled(frame: Node, names: Sequence[str]) -> Node:
    values = json.loads(frame.attrib.pop("data-labels"))
    frame.attrib.pop("hidden", None)
    said = [f"{name} {value}" for name, value in zip(names, values, strict=True)]
    cell = new(f"<div><p>{escape(', '.join(said))}</p></div>")
    cell.insert(0, frame)
    return cell


def spaced(count: int, most: int) -> list[int]:
    """Indices from the first to the last of ``count``, evenly, at most ``most``."""
    if count <= most:
        return list(range(count))
    return [round(k * (count - 1) / (most - 1)) for k in range(most)]


def spread_out(pad: Node) -> None:
    """A pad as its map beside the sheet that the screen shows tile by tile."""
    pictures = list(pad.iter("img"))
    count = int(next(pad.iter("input")).get("max")) + 1
    across, upwards = (label[0].text_content() for label in pad.iter("label"))
    half = f"{float(pad.get('data-half')):g}"
    caption = next(pad.iter("figcaption"))
    said = (
        f"On paper: the map, and what is there at {count} × {count} places. To the "
        f"right: {across}, from −{half} to {half}; upwards: {upwards}, likewise."
    )
    row = new('<div class="dgm-spread"></div>')
    for picture, name in zip(pictures, ("map", "sheet"), strict=True):
        picture.attrib.pop("style", None)
        picture.set("class", name)
        row.append(take_out(picture))
    pad.attrib.pop("data-words", None)
    pad[:] = [row, new(f"<p>{escape(said)}</p>"), caption]


# ---- Answers ------------------------------------------------------------------------


def _gather(article: Node, found: Sequence[Node], title: str) -> None:
    """Move what would spoil a question to the end of the page, under a title."""
    if not found:
        return
    section = new(f'<section class="dgm-gathered"><h2>{title}</h2></section>')
    section.extend(map(take_out, found))
    home = next(article.iterchildren("section"), article)
    home.append(section)


def _truth(details: Node) -> Node:
    details[0].drop_tree()  # the question; the answer is the text after it
    details.tag = "p"
    return details


def _link_to(article: Node, solution: Node) -> None:
    """A link from the exercise to its solution."""
    back = solution.xpath("string((.//a/@href)[1])").removeprefix("#")
    for exercise in article.xpath(".//*[@id=$back]", back=back):
        there = f'<a href="#{escape(solution.get("id"))}">Solution</a>'
        exercise.append(new(f'<p class="to-solution">{there}</p>'))


# ---- Formulas -----------------------------------------------------------------------


def _name_formulas(article: Node) -> None:
    """Say each formula in TeX for readers who do not see it."""
    for node in of_class(article, "math"):
        for text, put in _texts(node):
            match = TEX.match(text)
            if match is None:
                continue
            holder = new(f'<span class="{"inline" if match[1] == "(" else "tex"}"/>')
            holder.text = text
            holder.set("role", "img")
            holder.set("aria-label", FORMULA + match[2].strip())
            put(holder)


def _texts(node: Node) -> Iterator[tuple[str, Any]]:
    """The texts directly in an element, and how to put an element in their place."""

    def first(holder: Node) -> None:
        node.text = None
        node.insert(0, holder)

    if node.text:
        yield node.text, first
    for child in list(node):
        if child.tail:
            text, child.tail = child.tail, None
            yield text, child.addnext
