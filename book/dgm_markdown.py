"""Write a finished page as the plain Markdown that Jupyter and Colab understand.

Numbers, citations and glued values stand in the page already; what is left is to say
each kind of node in Markdown, with ``$`` for mathematics and ``<details>`` for folds.
"""

import html
import re
from collections.abc import Callable
from dataclasses import dataclass, field

from dgm_plain import ESCAPED, MATH, display, escaped, fence, one_line
from docutils import nodes

# Nodes that say nothing themselves.
PLAIN = frozenset(
    ("document", "container", "compound", "topic", "definition_list", "definition")
    + ("line_block", "line", "inline", "generated", "title_reference", "abbreviation")
)
# What would begin a list, a heading, a quotation, a rule, a fence, a link's address.
STARTS_A_BLOCK = re.compile(r"^(\d*)([.)](?=\s|$)|[-+#>=~\[])")


@dataclass
class Markdown:
    """Renders nodes of one page.

    Attributes:
        number_of: the number of a numbered node, as "Fig. 3" or "Proposition 1".
        link: turns a reference's target into an address, or None if there is none.
        picture: turns an image into an address that the notebook brings along.
        unknown: is told of nodes that Markdown has no words for.
        cited: what was cited so far, each work in full.
    """

    number_of: Callable[[nodes.Element], str]
    link: Callable[[nodes.Element], str | None]
    picture: Callable[[nodes.Element], str]
    unknown: Callable[[nodes.Node], None]
    cited: list[str] = field(default_factory=list)

    def block(self, node: nodes.Node, level: int = 1) -> str:
        """A block of the page, such as a paragraph, a list or a box."""
        for kind in type(node).__mro__:
            write = getattr(self, f"_{kind.__name__}", None)
            if write is not None:
                return str(write(node, level))
        if type(node).__name__ not in PLAIN:
            self.unknown(node)
        if isinstance(node, nodes.Element) and node.children:
            return self.blocks(node.children, level)
        return ""

    def blocks(self, children: list[nodes.Node], level: int = 1) -> str:
        """Blocks with an empty line between them."""
        return "\n\n".join(filter(None, (self.block(c, level) for c in children)))

    def title(self, node: nodes.Element) -> str:
        """The line above a box: its number, if it has one, and its title."""
        named = [c for c in node.children if isinstance(c, nodes.title)]
        words = self.inline(named[0]).strip() if named else ""
        return " ".join(filter(None, (self.number_of(node), words)))

    def inline(self, node: nodes.Element) -> str:
        """What stands within a line: all white space becomes one blank."""
        return " ".join(self._pieces(node).split())

    def _piece(self, node: nodes.Node) -> str:
        if isinstance(node, nodes.Text):
            return escaped(node.astext())
        if not isinstance(node, nodes.Element):
            return ""
        write = getattr(self, f"_inline_{type(node).__name__}", None)
        if write is None and type(node).__name__ not in PLAIN:
            self.unknown(node)
        return str(write(node)) if write else self._pieces(node)

    def _pieces(self, node: nodes.Element) -> str:
        return "".join(map(self._piece, node.children))

    # ---- within a line ------------------------------------------------------------

    def _inline_math(self, node: nodes.Element) -> str:
        return f"${one_line(node.astext())}$"

    def _inline_literal(self, node: nodes.Element) -> str:
        text = node.astext()
        marks = fence(text, 1)
        gap = " " if text[:1] == "`" or text[-1:] == "`" else ""
        return f"{marks}{gap}{text}{gap}{marks}"

    def _inline_emphasis(self, node: nodes.Element) -> str:
        return f"*{self.inline(node)}*"

    def _inline_strong(self, node: nodes.Element) -> str:
        return f"**{self.inline(node)}**"

    def _inline_subscript(self, node: nodes.Element) -> str:
        return f"<sub>{self.inline(node)}</sub>"

    def _inline_superscript(self, node: nodes.Element) -> str:
        return f"<sup>{self.inline(node)}</sup>"

    _inline_footnote_reference = _inline_superscript

    def _inline_reference(self, node: nodes.Element) -> str:
        words = self._pieces(node)
        is_code = any(node.findall(nodes.literal))  # names of the package have titles
        if "reftitle" in node and not is_code:  # a citation: its entry is at the end
            if node["reftitle"] not in self.cited:
                self.cited.append(node["reftitle"])
            return words
        target = self.link(node)
        return f"[{words.strip()}]({target})" if target else words

    _inline_number_reference = _inline_download_reference = _inline_reference

    def _inline_inline(self, node: nodes.Element) -> str:
        words = self._pieces(node)
        # A citation's brackets are no link, even before a parenthesis.
        is_cited = "bibtex-citation" in node["classes"]
        return words.removesuffix("]") + r"\]" if is_cited else words

    def _inline_image(self, node: nodes.Element) -> str:
        alt = escaped(node.get("alt", "")).replace("]", r"\]")
        return f"![{alt}]({self.picture(node)})"

    def _inline_raw(self, node: nodes.Element) -> str:
        return "<br>" if node.astext().strip().startswith("<br") else ""

    def _inline_target(self, node: nodes.Element) -> str:
        return self._pieces(node)

    _inline_index = _inline_problematic = _inline_raw

    # ---- blocks ---------------------------------------------------------------------

    def _title(self, node: nodes.Element, level: int) -> str:
        return ""  # whoever holds it has said it

    def _section(self, node: nodes.Element, level: int) -> str:
        heading = self.heading(node, level)
        return "\n\n".join(
            filter(None, (heading, self.blocks(node.children, level + 1)))
        )

    def heading(self, node: nodes.Element, level: int) -> str:
        """A section's heading; nothing for the body of a box, which has none."""
        words = self.title(node)
        return f"{'#' * level} {words}" if words else ""

    def _paragraph(self, node: nodes.Element, level: int) -> str:
        return STARTS_A_BLOCK.sub(r"\1\\\2", self.inline(node))

    def _math_block(self, node: nodes.Element, level: int) -> str:
        number = node.get("number")
        # An equation without a label has True for its number, and 1 == True.
        tag = "" if number is None or number is True else rf" \tag{{{number}}}"
        return f"$$ {display(node.astext())}{tag} $$"

    def _literal_block(self, node: nodes.Element, level: int) -> str:
        text, language = node.astext(), node.get("language", "")
        marks = fence(text, 3)
        names = {"ipython3": "python", "default": "", "none": ""}
        return f"{marks}{names.get(language, language)}\n{text}\n{marks}"

    def _block_quote(self, node: nodes.Element, level: int) -> str:
        return _prefixed("> ", self.blocks(node.children, level))

    def _bullet_list(self, node: nodes.Element, level: int) -> str:
        return "\n".join(self._item("- ", item, level) for item in node.children)

    def _enumerated_list(self, node: nodes.Element, level: int) -> str:
        first = node.get("start", 1)
        items = enumerate(node.children, first)
        return "\n".join(self._item(f"{n}. ", item, level) for n, item in items)

    def _item(self, mark: str, item: nodes.Node, level: int) -> str:
        lists = (nodes.bullet_list, nodes.enumerated_list)
        loose = any(not isinstance(c, lists) for c in item.children[1:])
        parts = [self.block(child, level) for child in item.children]
        text = ("\n\n" if loose else "\n").join(filter(None, parts))
        return mark + _prefixed(" " * len(mark), text).lstrip()

    def _definition_list_item(self, node: nodes.Element, level: int) -> str:
        terms = [self.inline(c) for c in node.children if isinstance(c, nodes.term)]
        told = [self.block(c, level) for c in node.children[len(terms) :]]
        return f"**{', '.join(terms)}**  \n" + "\n\n".join(told)

    def _table(self, node: nodes.Element, level: int) -> str:
        rows = [
            [self._cell(entry) for entry in row.children]
            for row in node.findall(nodes.row)
        ]
        rows.insert(1, ["---"] * len(rows[0]))
        lines = [f"| {' | '.join(row)} |" for row in rows]
        caption = self.title(node)
        return "\n".join([f"**{caption}**\n"] * bool(caption) + lines)

    def _cell(self, entry: nodes.Node) -> str:
        parts = []
        for child in entry.children:
            if isinstance(child, nodes.bullet_list | nodes.enumerated_list):
                parts += [f"• {self.inline(p)}" for p in child.findall(nodes.paragraph)]
            elif isinstance(child, nodes.Element):
                parts.append(self.inline(child))
        # A bar would end the cell; Markdown reads an escaped one as a bar, MathJax as
        # two, so that mathematics has names for them.
        pieces = MATH.split("<br>".join(parts))
        pieces[::2] = [piece.replace("|", r"\|") for piece in pieces[::2]]
        pieces[1::2] = [
            piece.replace(r"\|", r"\Vert ").replace("|", r"\vert ")
            for piece in pieces[1::2]
        ]
        return "".join(pieces)

    def caption(self, figure: nodes.Element) -> str:
        """Number and caption of a figure, whose picture the code will draw."""
        captions = [c for c in figure.children if isinstance(c, nodes.caption)]
        words = self.inline(captions[0]) if captions else ""
        return f"**{self.number_of(figure)}.** {words}" if words else ""

    def _figure(self, node: nodes.Element, level: int) -> str:
        images = map(self._inline_image, node.findall(nodes.image))
        return "\n\n".join(filter(None, (*images, self.caption(node))))

    def _image(self, node: nodes.Element, level: int) -> str:
        return self._inline_image(node)

    def _footnote(self, node: nodes.Element, level: int) -> str:
        label, *rest = node.children
        return f"<sup>{label.astext()}</sup> {self.blocks(rest, level)}"

    def _transition(self, node: nodes.Element, level: int) -> str:
        return "---"

    def _comment(self, node: nodes.Element, level: int) -> str:
        return ""

    _raw = _target = _index = _substitution_definition = _toctree = _comment

    def _Admonition(self, node: nodes.Element, level: int) -> str:  # noqa: N802
        """Boxes of docutils, and those of theorems and exercises."""
        return self.box(node, self.blocks(node.children, level))

    def box(self, node: nodes.Element, inner: str) -> str:
        """A quotation with a bold title; a fold, where the page folds it."""
        title = self.title(node) or type(node).__name__.capitalize()
        if "dropdown" in node["classes"]:
            return fold(title, inner)
        return _prefixed("> ", f"**{title}**\n\n{inner}")

    def _proof_node(self, node: nodes.Element, level: int) -> str:
        (box,) = node.children
        words = self.blocks(box.children, level).removeprefix("Proof. ")
        return f"*Proof.* {words} ∎"


def fold(title: str, inner: str) -> str:
    """Text that the reader opens. Markdown within it needs the empty lines."""
    pieces = MATH.split(title)  # the summary is HTML, where nothing is escaped
    pieces[::2] = [ESCAPED.sub(r"\1", piece) for piece in pieces[::2]]
    summary = html.escape("".join(pieces), quote=False)
    return f"<details>\n<summary><b>{summary}</b></summary>\n\n{inner}\n\n</details>"


def _prefixed(mark: str, text: str) -> str:
    return "\n".join((mark + line).rstrip() for line in text.splitlines())
