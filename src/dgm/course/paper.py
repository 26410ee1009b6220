"""The built site as one document: cover, contents, and all pages in their order.

The pages are those of the site, so that numbers of equations, figures and exercises are
the site's.
"""

import os
import posixpath
import re
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from html import escape
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

import yaml
from lxml import html

from dgm.course import repository
from dgm.course.files import Stop
from dgm.course.unfold import Node, for_paper, new, of_class

HERE = Path(__file__).parent
HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
# Ids that occur many times, so that nothing can lead there. By those of proofs dgm.js
# knows them, and removes them.
NO_PLACE = ("exercise-content", "solution-content")
PROOFS = ("proof", "proof-content")
MATHJAX = """<script>window.MathJax = {
options: {enableMenu: false, processHtmlClass: "math",
ignoreHtmlClass: "tex2jax_ignore"}, chtml: {scale: 0.93}}</script>
"""
ABOUT = """<section class="about"><h1>About this copy</h1>
<p>These are the pages of the book's site, in their order and with the numbers that they
have there. What paper cannot do is laid open:</p>
<ul><li>Code that the site folds, because it only prepares or draws, is in small print
with a grey rule beside it.</li>
<li>A figure with a slider is a strip of its frames, each with the slider's value.</li>
<li>The solutions of a lecture's exercises stand at its end. Try first.</li>
<li>Links lead to their pages in a PDF reader; addresses of other sites need a network.
</li></ul>
<p>The numbers were computed by the code on these pages. To compute them again you need
the source; <em>How to read, and how to run</em> tells how.</p></section>
"""


class Page(NamedTuple):
    """A page of the book, and its depth in the table of contents."""

    name: str
    depth: int
    part: str = ""
    """The part that begins with this page, if one does."""

    @property
    def id(self) -> str:
        """Its own id, with which those of its parts begin."""
        return self.name.replace("/", "-")


class Heading(NamedTuple):
    """A heading: its HTML, and its level in its page, 1 for the title, 0 for a part."""

    id: str
    html: str
    level: int


# ---- The order of the pages ---------------------------------------------------------


def pages_of(toc: Path) -> list[Page]:
    """The pages that ``_toc.yml`` lists, in order of reading."""
    tree = yaml.safe_load(toc.read_text("utf8"))
    pages = [Page(tree["root"], 0), *_below(tree, 0)]
    for part in tree.get("parts", []):
        first, *rest = _below(part, 1)
        pages += [first._replace(part=str(part["caption"])), *rest]
    return pages


def _below(entry: dict[str, Any], depth: int) -> Iterator[Page]:
    for child in [*entry.get("chapters", []), *entry.get("sections", [])]:
        yield Page(child["file"].removesuffix(".md"), depth)
        yield from _below(child, depth + 1)


# ---- Pages --------------------------------------------------------------------------


def compose(site: Path, pages: Sequence[Page]) -> tuple[list[Node], list[Heading]]:
    """The articles of all pages, with links to each other, and all headings.

    Raises:
        Stop: if a page is missing from the site.
    """
    known = {page.name: page for page in pages}
    articles, headings = [], list[Heading]()
    for page in pages:
        article = read(site / f"{page.name}.html")
        for_paper(article)
        _point(article, page, known, site)
        headings += _levels(article, page)
        articles.append(article)
    return articles, headings


def read(path: Path) -> Node:
    """The article of a page of the site.

    Raises:
        Stop: if there is none.
    """
    if not path.is_file():
        raise Stop(f"There is no page {path}: run `make book` first.")
    found = of_class(html.fromstring(path.read_text("utf8")), "bd-article", "article")
    if not found:
        raise Stop(f"{path} has no article: is it a page of this book?")
    article = found[0]
    article.tail = None
    return article


def _point(article: Node, page: Page, known: dict[str, Page], site: Path) -> None:
    """Give ids and links the page's name, and pictures their place on the disk."""
    for node in article.xpath(".//*[@id]"):
        if node.get("id") in NO_PLACE:
            del node.attrib["id"]
        elif node.get("id") not in PROOFS:
            node.set("id", f"{page.id}.{node.get('id')}")
    article.set("id", page.id)
    for link in article.xpath(".//a[@href]"):
        target = target_of(link.get("href"), page, known)
        if target is None:
            link.drop_tag()
        else:
            link.set("href", target)
    for image in article.xpath(".//img[not(starts-with(@src, 'data:'))]"):
        place = unquote(urlsplit(image.get("src")).path)
        file = (site / page.name).parent / place
        image.set("src", file.resolve().as_uri())


def target_of(href: str, page: Page, known: dict[str, Page]) -> str | None:
    """Where a link of a page leads in the one document; None if to nowhere in it."""
    parts = urlsplit(href)
    if parts.scheme:
        return href
    name = page.name
    if parts.path:
        folder = posixpath.dirname(page.name)
        name = posixpath.normpath(posixpath.join(folder, unquote(parts.path)))
        name = name.removesuffix(".html")
    if name not in known:
        return None
    place = known[name].id
    return f"#{place}.{unquote(parts.fragment)}" if parts.fragment else f"#{place}"


def _levels(article: Node, page: Page) -> Iterator[Heading]:
    """Move the headings down to where the contents have the page."""
    for number, heading in enumerate(list(article.iter(*HEADINGS))):
        level = int(heading.tag[1])
        heading.tag = f"h{min(6, level + page.depth)}"
        heading.set("class", f"level-{level}")
        heading.set("id", f"{page.id}.heading-{number}")
        heading.tail = None
    if page.part:
        text, place = escape(page.part), f"{page.id}.part"
        article.insert(0, new(f'<h1 class="part" id="{place}">{text}</h1>'))
        yield Heading(place, text, 0)
    for heading in article.iter(*HEADINGS):
        if heading.get("class") != "part":
            words = to_html(heading).partition(">")[2].rpartition("</")[0]
            yield Heading(heading.get("id"), words, int(heading.get("class")[6:]))


def to_html(node: Node) -> str:
    """An element as text, without what follows it."""
    return str(html.tostring(node, encoding="unicode", with_tail=False))


# ---- The document -------------------------------------------------------------------


def document(root: Path, site: Path) -> str:
    """The whole book as HTML that needs only files of this machine."""
    config = yaml.safe_load((root / "_config.yml").read_text("utf8"))
    pages = pages_of(root / "_toc.yml")
    articles, headings = compose(site, pages)
    title = escape(str(config.get("title", "")))
    # Before paper.css, which takes the running title off the cover and what follows it.
    running = [f"@page {{ @top-left {{ content: {_css(title.partition(':')[0])} }} }}"]
    for k, (page, article) in enumerate(zip(pages, articles, strict=True)):
        article.set("style", f"page: p{k}")
        running.append(_running_title(k, page, headings))
    language = config.get("sphinx", {}).get("config", {}).get("language", "en")
    author = escape(str(config.get("author", "")))
    body = [_cover(root, config), ABOUT, _contents(headings), *map(to_html, articles)]
    return (
        f'<!DOCTYPE html>\n<html lang="{language}" data-theme="light">'
        f'<head><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="author" content="{author}"><style>{" ".join(running)}</style>'
        f"{_styles(root)}{_scripts(root, site, articles)}</head>"
        f"<body>{''.join(body)}</body></html>\n"
    )


def _styles(root: Path) -> str:
    static = root / "book" / "static"
    sheets = [static / "dgm.css", static / "pages.css", HERE / "paper.css"]
    texts = [sheet.read_text("utf8") for sheet in sheets if sheet.is_file()]
    return "".join(f"<style>{text}</style>" for text in texts)


def _scripts(root: Path, site: Path, articles: Sequence[Node]) -> str:
    """The site's repairs of pages, and MathJax where there are formulas."""
    scripts = [root / "book/static/dgm.js"]
    if any(of_class(article, "math") for article in articles):
        scripts.append(site / "_static/mathjax/tex-chtml.js")
    places = [path.resolve().as_uri() for path in scripts if path.is_file()]
    return MATHJAX + "".join(f'<script defer src="{p}"></script>' for p in places)


def _running_title(k: int, page: Page, headings: Sequence[Heading]) -> str:
    place = f"{page.id}.heading-"
    words = next((h.html for h in headings if h.id.startswith(place)), "")
    return f"@page p{k} {{ @top-right {{ content: {_css(words)} }} }}"


def _css(words: str) -> str:
    """A piece of HTML as a string of CSS."""
    text = new(f"<p>{words}</p>").text_content().strip()
    return '"' + re.sub(r'(["\\])', r"\\\1", text) + '"'


def _cover(root: Path, config: dict[str, Any]) -> str:
    title, _, rest = str(config.get("title", "")).partition(":")
    logo = root / str(config.get("logo", ""))
    picture = ""
    if logo.is_file():
        picture = f'<img class="logo" alt="" src="{logo.resolve().as_uri()}">'
    made = [f"Version {version('dgm-course')}, {today()}"]
    commit = repository.commit(root)
    made += [f"Commit {commit[:10]}"] if commit else []
    lines = "".join(f"<p>{line}</p>" for line in made)
    licence = config.get("html", {}).get("extra_footer", "")
    subtitle = rest.strip()
    return (
        f'<section class="cover">{picture}<p class="title">{escape(title)}</p>'
        f'<p class="subtitle">{escape(subtitle[:1].upper() + subtitle[1:])}</p>'
        f'<p class="by">{escape(str(config.get("author", "")))}</p>'
        f'<div class="made">{lines}{licence}</div></section>'
    )


def today() -> str:
    """The day, ISO 8601, of this run or of ``SOURCE_DATE_EPOCH``."""
    now = float(os.environ.get("SOURCE_DATE_EPOCH", time.time()))
    return datetime.fromtimestamp(now, UTC).date().isoformat()


def _contents(headings: Sequence[Heading]) -> str:
    """The table of contents, whose page numbers are filled in when they are known."""
    lines = "".join(
        f'<p class="in-{h.level}"><a href="#{h.id}">{h.html}</a><span>000</span></p>'
        for h in headings
        if h.level <= 2
    )
    inside = f'<h1>Contents</h1><div class="lines">{lines}</div>'
    return f'<nav class="contents">{inside}</nav>'
