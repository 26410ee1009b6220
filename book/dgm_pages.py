"""Pages that show what other pages made: anchors of cells, records, cards of lectures.

What is shown is looked up when a page is written, after all pages have been read; a
page is written again whenever a page that it shows was read again.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from docutils import nodes
from jupyter_cache.base import JupyterCacheAbstract
from myst_nb.core.render import get_mime_priority
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

from dgm.course.execute import CACHE, cached, open_cache
from dgm.course.files import Stop
from dgm.course.kernel import number_in_file
from dgm.course.notebook import is_notebook, read, root_of
from dgm.record import MIME, PREFIX

log = logging.getLogger(__name__)


# ---- Anchors of cells ---------------------------------------------------------------


def number_cells(app: Sphinx, doctree: nodes.document) -> None:
    """Give each code cell of a notebook the id ``cell-N``, N as in its file from 1."""
    path = Path(app.env.doc2path(app.env.docname))
    if not is_notebook(path):
        return
    notebook = read(path, stamped=False)
    for node in doctree.findall(nodes.container):
        if node.get("nb_element") == "cell_code":
            node["ids"].append(f"cell-{number_in_file(notebook, node['cell_index'])}")


# ---- Records ------------------------------------------------------------------------


class Record(NamedTuple):
    """What ``dgm.record.record`` left in a notebook, and the cell that made it."""

    value: float | int | str
    stderr: float | None
    kind: str
    volatile: bool
    cell: int


def records_of(path: Path, cache: JupyterCacheAbstract) -> dict[str, Record]:
    """The records of an executed notebook by name, each as its page shows it.

    Raises:
        Stop: if the cache has no outputs for the notebook as it is now.
    """
    notebook = cached(path, cache)
    if notebook is None:
        raise Stop(f"{path.name} has not been executed: run `dgm execute`.")
    found = {}
    for index, cell in enumerate(notebook.cells):
        for payload in map(json.loads, _payloads(cell)):
            name = payload.pop("name")
            found[name] = Record(**payload, cell=number_in_file(notebook, index))
    return found


def _payloads(cell: dict[str, Any]) -> Iterator[str]:
    for output in cell.get("outputs", []):
        if payload := output.get("data", {}).get(PREFIX + MIME):
            yield payload


def records(app: Sphinx, docname: str) -> dict[str, Record]:
    """The records of a page of this book.

    Raises:
        Stop: if there is no such page, or if it is no executed notebook.
    """
    if docname not in app.env.all_docs:
        raise Stop(f"there is no page '{docname}' in _toc.yml.")
    path = Path(app.env.doc2path(docname))
    if not is_notebook(path):
        raise Stop(f"{docname} is no notebook, so it records nothing.")
    folder = app.config.nb_execution_cache_path or root_of(path) / CACHE
    return records_of(path, open_cache(Path(folder)))


# ---- What is stale ------------------------------------------------------------------


def shows(env: BuildEnvironment, docname: str) -> None:
    """Note that the page being read shows parts of another; forgotten with the page."""
    env.metadata[env.docname].setdefault("dgm_shows", []).append(docname)


def _showing(env: BuildEnvironment, docnames: set[str]) -> list[str]:
    return [
        page
        for page, metadata in env.metadata.items()
        if docnames & set(metadata.get("dgm_shows", ()))
    ]


def read_again(
    app: Sphinx,
    env: BuildEnvironment,
    added: set[str],
    changed: set[str],
    removed: set[str],
) -> list[str]:
    """Pages that show a page which is there no more, or which is there again."""
    return _showing(env, added | removed)


def note_read(app: Sphinx, env: BuildEnvironment, docnames: list[str]) -> None:
    """Remember what this build reads."""
    env.dgm_read = set(docnames)  # type: ignore[attr-defined]


def write_again(app: Sphinx, env: BuildEnvironment) -> list[str]:
    """Pages that show a page which this build has read."""
    return _showing(env, env.dgm_read)  # type: ignore[attr-defined]


# ---- Cards --------------------------------------------------------------------------


class lecture_card(nodes.General, nodes.Element):  # noqa: N801  (as docutils names)
    """A card before its lecture is known; its children are the question."""


class LectureCards(SphinxDirective):
    """A list of cards."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        """Make each card an item of one list."""
        inside = nodes.Element()
        self.state.nested_parse(self.content, self.content_offset, inside)
        cards = nodes.bullet_list(classes=["dgm-cards"])
        for child in inside.children:
            if isinstance(child, lecture_card):
                cards += nodes.list_item("", child, classes=["dgm-card"])
            else:
                said = "lecture-cards holds lecture-card directives and nothing else."
                log.warning(said, location=child, type="dgm", subtype="cards")
        return [cards]


class LectureCard(SphinxDirective):
    """One card: the lecture's title as a link, a figure of it, its question.

    The argument is the lecture's name as in ``_toc.yml``; ``figure`` is the label of
    one of its figures, or ``docname::label`` for a figure of another page.
    """

    required_arguments = 1
    has_content = True
    option_spec: ClassVar = {"figure": str}

    def run(self) -> list[nodes.Node]:
        """Keep the question; the rest is known once all pages have been read."""
        docname = self.arguments[0].strip("/")
        page, _, label = self.options.get("figure", "").rpartition("::")
        shows(self.env, docname)
        shows(self.env, page or docname)
        card = lecture_card(docname=docname, figure=label, page=page or docname)
        self.set_source_info(card)
        self.state.nested_parse(self.content, self.content_offset, card)
        return [card]


def fill_cards(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Put the lecture's title and figure, as they are now, on each card."""
    for card in list(doctree.findall(lecture_card)):
        try:
            card.replace_self(_filled(app, card, docname))
        except Stop as stop:
            said = f"lecture-card: {stop}"
            log.warning(said, location=card, type="dgm", subtype="cards")
            card.replace_self([])


def _filled(app: Sphinx, card: lecture_card, docname: str) -> list[nodes.Node]:
    lecture = card["docname"]
    if lecture not in app.env.all_docs:
        raise Stop(f"there is no page '{lecture}' in _toc.yml.")
    address = app.builder.get_relative_uri(docname, lecture)
    link = nodes.reference("", "", internal=True, refuri=address)
    link += [child.deepcopy() for child in app.env.titles[lecture].children]
    parts: list[nodes.Node] = [
        nodes.paragraph("", "", link, classes=["dgm-card-title"]),
    ]
    if card["figure"]:
        image = picture(app, card["page"], card["figure"])
        parts.append(nodes.container("", image, classes=["dgm-card-picture"]))
    return [*parts, *card.children]


def picture(app: Sphinx, docname: str, label: str) -> nodes.image:
    """A copy of the image in a labelled figure of a page.

    Raises:
        Stop: if there is no such page or figure, or if the figure has no alt text.
    """
    if docname not in app.env.all_docs:
        raise Stop(f"there is no page '{docname}' in _toc.yml.")
    doctree = app.env.get_doctree(docname)
    figures = [f for f in doctree.findall(nodes.figure) if label in f["names"]]
    images = [image for f in figures for image in f.findall(nodes.image)]
    if not images:
        labels = (f["names"][0] for f in doctree.findall(nodes.figure) if f["names"])
        known = ", ".join(labels) or "none"
        raise Stop(f"{docname} has no picture in a figure '{label}'; there is {known}.")
    order = get_mime_priority(app.builder.name, app.config.nb_mime_priority_overrides)

    def rank(image: nodes.image) -> int:
        mime = image.parent.get("mime_type")
        return order.index(mime) if mime in order else len(order)

    chosen = min(images, key=rank)
    if not str(chosen.get("alt", "")).strip():
        raise Stop(f"the figure '{label}' of {docname} has no alt text.")
    kept = {key: chosen[key] for key in ("uri", "candidates", "alt") if key in chosen}
    copy = nodes.image("", **kept)
    if _keeps_colours(chosen):
        copy["classes"].append("keep-colours")
    return copy


def _keeps_colours(node: nodes.Node | None) -> bool:
    marks = {"keep-colours", "tag_keep-colours"}
    while isinstance(node, nodes.Element):
        if marks & set(node["classes"]):
            return True
        node = node.parent
    return False


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect the above."""
    app.add_node(lecture_card)
    app.add_directive("lecture-cards", LectureCards)
    app.add_directive("lecture-card", LectureCard)
    app.connect("doctree-read", number_cells)
    app.connect("env-get-outdated", read_again)
    app.connect("env-before-read-docs", note_read)
    app.connect("env-get-updated", write_again)
    app.connect("doctree-resolved", fill_cards)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
