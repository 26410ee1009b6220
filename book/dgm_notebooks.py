"""Sphinx extension: every lecture as a clean notebook beside its page.

A reader of Jupyter or Colab sees none of MyST's roles and directives, so the notebook
is written from the finished page: equations, theorems and figures have their numbers,
glued values and citations are text, solutions are folded. The code is the
lecture's own.
"""

import base64
import mimetypes
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
from dgm_buttons import FOLDER, OFFERED, site_of
from dgm_markdown import Markdown, fold
from docutils import nodes
from nbformat import NotebookNode, v4
from sphinx.application import Sphinx
from sphinx.util import logging

from dgm.course.files import write_atomically
from dgm.course.notebook import is_notebook, read
from dgm.course.publish import install_cell

log = logging.getLogger(__name__)
FOLDED = {"jupyter": {"source_hidden": True}, "cellView": "form"}


def write_notebook(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Write the notebook of a page that is being written."""
    source = Path(app.env.doc2path(docname))
    offered = docname.startswith(OFFERED) and is_notebook(source)
    if not offered or app.builder.name != "html":
        return
    notebook = _problem_set(app, docname, source)
    if notebook is None:
        page = Page(app, docname, read(source, stamped=False))
        notebook = page.notebook(doctree)
    target = Path(app.outdir, FOLDER, f"{docname}.ipynb")
    write_atomically(target, nbformat.writes(notebook))


def _problem_set(app: Sphinx, docname: str, source: Path) -> NotebookNode | None:
    """A problem set as `dgm release` made it, with an install cell at its head.

    The grader takes cells that it does not know for the student's own.
    """
    released = source.with_suffix(".ipynb")
    if not docname.startswith("exercises/") or not released.is_file():
        return None
    notebook: NotebookNode = nbformat.read(released, as_version=4)
    about, install = Page(app, docname, notebook).about(), install_cell(None, None)
    about["id"], install["id"] = "about", "install"
    notebook.cells[1:1] = [about, install]
    return notebook


class Page:
    """One page on its way to a notebook."""

    def __init__(self, app: Sphinx, docname: str, source: NotebookNode) -> None:
        self.app, self.docname, self.source = app, docname, source
        self.words = Markdown(self.number_of, self.link, self.picture, self.unknown)
        self.next_cell = 0

    def notebook(self, doctree: nodes.document) -> NotebookNode:
        """The page's text and the lecture's code, in the order of the page."""
        cells = list(self.pieces(doctree, level=0))
        cells += self.code_up_to(len(self.source.cells))
        if self.words.cited:
            entries = "\n".join(f"- {entry}" for entry in self.words.cited)
            cells.append(v4.new_markdown_cell(f"## References\n\n{entries}"))
        cells[1:1] = [self.about(), install_cell(None, None)]
        for number, cell in enumerate(cells):
            cell["id"] = f"cell-{number:03}"  # the same in every build
        metadata = {
            "kernelspec": {
                "display_name": "Python 3",
                "language": "python",
                "name": "python3",
            },
            "language_info": {"name": "python"},
        }
        return v4.new_notebook(cells=cells, metadata=metadata)

    def about(self) -> NotebookNode:
        """Where the notebook comes from, with a link back to its page."""
        book = self.app.config.html_title
        site = site_of(self.app)
        page = f"[this page]({site}{self.docname}.html)" if site else "a page"
        return v4.new_markdown_cell(f"*This notebook is {page} of “{book}”.*")

    def pieces(self, node: nodes.Element, level: int) -> Iterator[NotebookNode]:
        """Cells of the part of the page under ``node``; neighbouring texts are one.

        A section begins a cell of its own, so that its heading folds it in Colab.
        """
        texts: list[str] = []
        for child in node.children:
            inner = self.cells_in(child, level)
            if inner is None:
                texts.append(self.words.block(child, level + 1))
                continue
            for cell in inner:
                if isinstance(child, nodes.section):
                    yield from _text_cell(texts)
                    yield cell
                elif cell.cell_type == "markdown":
                    texts.append(cell.source)
                else:
                    yield from _text_cell(texts)
                    yield cell
        yield from _text_cell(texts)

    def cells_in(self, node: nodes.Node, level: int) -> Iterator[NotebookNode] | None:
        """The cells of a part that holds code; None for a part that is text only."""
        if not isinstance(node, nodes.Element):
            return None
        if _is_cell(node):
            return self.code_cells(node)
        if isinstance(node, nodes.section):
            return self.section(node, level)
        if any(map(_is_cell, node.findall(nodes.container))):
            return self.box(node, level)
        return None

    def section(self, node: nodes.Element, level: int) -> Iterator[NotebookNode]:
        """The cells of a section, the first of which begins with its heading."""
        heading = self.words.heading(node, level + 1)
        first, *rest = self.pieces(node, level + 1)
        if first.cell_type == "markdown":
            yield v4.new_markdown_cell(f"{heading}\n\n{first.source}".strip())
        else:
            yield v4.new_markdown_cell(heading)
            yield first
        yield from rest

    def box(self, node: nodes.Element, level: int) -> Iterator[NotebookNode]:
        """A box with code: its title goes first, or folds all if it is a solution."""
        title = self.words.title(node)
        if "dropdown" in node["classes"]:
            yield from (_folded(cell, title) for cell in self.pieces(node, level))
            return
        if title:
            yield v4.new_markdown_cell(f"**{title}**")
        yield from self.pieces(node, level)

    def code_cells(self, node: nodes.Element) -> Iterator[NotebookNode]:
        """The lecture's code for one cell of the page, with its figures' captions."""
        yield from self.code_up_to(node["cell_index"])
        figures = list(node.findall(nodes.figure))
        (cell,) = self.code_up_to(node["cell_index"] + 1)
        if "hide-input" in cell.metadata.get("tags", []):
            names = ", ".join(map(self.number_of, figures))
            cell = _folded(cell, f"Code of {names}" if names else "Code")
        yield cell
        for figure in figures:
            yield v4.new_markdown_cell(self.words.caption(figure))

    def code_up_to(self, index: int) -> list[NotebookNode]:
        """Code cells from here to ``index``; the page need not show them all."""
        between = self.source.cells[self.next_cell : index]
        self.next_cell = index
        return [
            v4.new_code_cell(cell.source, metadata=_tags(cell))
            for cell in between
            if cell.cell_type == "code"
        ]

    def number_of(self, node: nodes.Element) -> str:
        """Fig. 3, Proposition 1, Exercise 2; nothing for a node without a number."""
        numbers = self.app.env.toc_fignumbers.get(self.docname, {})
        kind = node.get("countertype") or node.__class__.__name__.partition("_")[0]
        number = next(
            (numbers[kind][i] for i in node["ids"] if i in numbers.get(kind, {})), None
        )
        if number is None:
            return ""
        name = {"figure": "Fig."}.get(kind, node.get("realtype", kind).capitalize())
        return f"{name} {'.'.join(map(str, number))}"

    def link(self, node: nodes.Element) -> str | None:
        """A reference's address; none for places of this page and unknown sites."""
        target = node.get("refuri", "")
        if "filename" in node:  # a download
            site = site_of(self.app)
            return f"{site}_downloads/{node['filename']}" if site else None
        if not node.get("internal"):
            return target or None
        site = site_of(self.app)
        if not site or not target or target.startswith("#"):
            return None
        folder = Path(self.app.builder.get_target_uri(self.docname)).parent.as_posix()
        return site + _normal(f"{folder}/{target}")

    def picture(self, node: nodes.Element) -> str:
        """A picture of the lecture's folder, inside the notebook: it travels alone."""
        if "://" in node["uri"]:
            return str(node["uri"])
        path = Path(self.app.srcdir, node["uri"])
        kind = mimetypes.guess_type(path.name)[0]
        return f"data:{kind};base64,{base64.b64encode(path.read_bytes()).decode()}"

    def unknown(self, node: nodes.Node) -> None:
        """Stop a build with ``-W``: the notebook would lose what the page says."""
        said = "the notebook has no words for a '%s'; say it in another way, or teach "
        said += "book/dgm_markdown.py"
        log.warning(said, type(node).__name__, location=node, type="dgm")


def _is_cell(node: nodes.Node) -> bool:
    return isinstance(node, nodes.container) and node.get("nb_element") == "cell_code"


def _text_cell(texts: list[str]) -> Iterator[NotebookNode]:
    """One cell of the texts gathered so far, which are then forgotten."""
    text = "\n\n".join(filter(None, texts))
    texts.clear()
    if text:
        yield v4.new_markdown_cell(text)


def _folded(cell: NotebookNode, title: str) -> NotebookNode:
    if cell.cell_type == "markdown":
        return v4.new_markdown_cell(fold(title, cell.source))
    plain = title.replace("\\", "").replace("$", "")
    source = f"# @title {plain}\n{cell.source}"
    return v4.new_code_cell(source, metadata={**cell.metadata, **FOLDED})


def _tags(cell: NotebookNode) -> dict[str, Any]:
    tags = cell.metadata.get("tags", [])
    return {"tags": tags} if tags else {}


def _normal(path: str) -> str:
    parts: list[str] = []
    for part in path.split("/"):
        if part == "..":
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    return "/".join(parts)


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect the above."""
    app.setup_extension("dgm_buttons")
    app.connect("doctree-resolved", write_notebook, priority=900)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
