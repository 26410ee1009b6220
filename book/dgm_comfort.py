"""Sphinx extension: what a reader finds at the foot of a page, and at wrong addresses.

At the foot: when the page was last changed, how long its cells took, where to report a
mistake. In its head: its one address, and what a preview of a link to it shows. Beside
the pages: the page for addresses that do not exist, and a small page at each old one.
"""

import base64
import posixpath
from collections.abc import Iterator
from datetime import date
from html import escape
from pathlib import Path
from string import Template
from typing import Any
from urllib.parse import urlsplit

from dgm_buttons import here, site_of
from docutils import nodes
from myst_nb.sphinx_ import NbMetadataCollector
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.environment import BuildEnvironment
from sphinx.util import logging

from dgm.course.files import write_atomically
from dgm.course.repository import Change, last_changes

log = logging.getLogger(__name__)
TEMPLATE = Path(__file__).parent / "templates" / "404.html"
ICON = Path(__file__).parent / "static" / "favicon.svg"
LONGEST = 200  # letters that a preview shows
REDIRECT = Template("""\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>$title</title>
<link rel="canonical" href="$canonical">
<script>location.replace("$target" + location.search + location.hash)</script>
<meta http-equiv="refresh" content="0; url=$target">
</head>
<body><main><h1>This page has moved</h1>
<p>It is here now: <a href="$target">$title</a></p></main></body>
</html>
""")


# ---- Head and foot ------------------------------------------------------------------


def know_address(app: Sphinx, config: Config) -> None:
    """Let every page name its own address, where the site's is known."""
    config.html_baseurl = config.html_baseurl or site_of(app) or ""


def write_again(app: Sphinx, env: BuildEnvironment) -> list[str]:
    """Pages whose source has been committed since they were written."""
    changes = last_changes(Path(app.srcdir))
    before: dict[str, Change] = getattr(env, "dgm_changes", {})
    now = {}
    for docname in env.found_docs:
        path = Path(env.doc2path(docname)).relative_to(app.srcdir).as_posix()
        if path in changes:
            now[docname] = changes[path]
    env.dgm_changes = now  # type: ignore[attr-defined]
    return sorted(d for d in env.found_docs if before.get(d) != now.get(d))


def add_facts(
    app: Sphinx, pagename: str, template: str, context: dict[str, Any], doctree: Any
) -> None:
    """Foot: last change, seconds, a way to report a mistake. Head: the preview."""
    context["last_updated"] = None
    if pagename not in app.env.found_docs:
        return
    change = getattr(app.env, "dgm_changes", {}).get(pagename)
    if change:
        day = date.fromisoformat(change.date)
        context["last_updated"] = f"{day.day} {day:%B %Y}"
    facts = filter(None, (_seconds(app, pagename), _report(app, pagename, change)))
    foot = "".join(f"<p>{fact}</p>" for fact in facts)
    context["theme_extra_footer"] = foot + context.get("theme_extra_footer", "")
    if doctree is not None:
        tags = _preview(app, pagename, summary(doctree))
        context["metatags"] = context.get("metatags", "") + tags


def _seconds(app: Sphinx, docname: str) -> str | None:
    """How long the cells took when they ran for this build."""
    seconds = (NbMetadataCollector.get_exec_data(app.env, docname) or {}).get("runtime")
    if seconds is None:
        return None
    if seconds < 1:
        return "The cells of this page ran in less than a second."
    return f"The cells of this page ran in {seconds:.0f} s when it was built."


def _report(app: Sphinx, docname: str, change: Change | None) -> str | None:
    """A link to a form that knows the page, its address and its version already."""
    place = here(app)
    title = app.env.titles[docname].astext()
    site = site_of(app)
    lines = [f"Page: {title}", f"Address: {site}{docname}.html" if site else docname]
    lines += [f"Version: {change.commit[:12]}"] if change else []
    lines += ["", "What is wrong, and what should be there instead?", ""]
    url = place.issue(f"Mistake in “{title}”", "\n".join(lines)) if place else None
    said = "Report a mistake on this page"
    return f'<a class="d-print-none" href="{escape(url)}">{said}</a>' if url else None


def _preview(app: Sphinx, docname: str, about: str) -> str:
    """Title and first words, for search engines and for whoever shows a link."""
    site = site_of(app)
    words = {
        "og:type": "article",
        "og:site_name": str(app.config.html_title),
        "og:title": app.env.titles[docname].astext(),
        "og:description": about,
        "og:url": f"{site}{docname}.html" if site else "",
    }
    tags = [
        f'<meta property="{key}" content="{escape(text)}" />'
        for key, text in words.items()
        if text
    ]
    if about:
        tags.append(f'<meta name="description" content="{escape(about)}" />')
    return "\n" + "\n".join(tags) + "\n"


def summary(doctree: nodes.document) -> str:
    """The first paragraphs that are plain words, up to a line or two, cut at a word."""
    text = ""
    for paragraph in doctree.findall(nodes.paragraph):
        if any(paragraph.findall(nodes.math)):
            continue
        text = " ".join([text, *paragraph.astext().split()]).strip()
        if len(text) > LONGEST // 2:
            break
    if len(text) <= LONGEST:
        return text
    return text[:LONGEST].rsplit(" ", 1)[0].rstrip(",;:.") + " …"


# ---- Wrong and old addresses --------------------------------------------------------


def add_pages(app: Sphinx, error: Exception | None) -> None:
    """Write the page for wrong addresses, and one for each old address."""
    if error or app.builder.name != "html":
        return
    pages = {"404": not_found(app)} | dict(_moved(app))
    for name, text in pages.items():
        path = Path(app.outdir, f"{name}.html")
        if not path.is_file() or path.read_text("utf8") != text:
            write_atomically(path, text)


def not_found(app: Sphinx) -> str:
    """The page that a server shows for an address that does not exist.

    It is read at any depth, so it brings its style with it, and its links begin at the
    server's root: under the site's folder where that is known.
    """
    home = urlsplit(site_of(app) or "/").path
    env, root = app.env, app.config.root_doc
    lectures = [d for d in env.toctree_includes.get(root, []) if _is_lecture(d)]
    items = (
        f'<li><a href="{home}{name}.html">{escape(env.titles[name].astext())}</a></li>'
        for name in lectures
    )
    return Template(TEMPLATE.read_text("utf8")).substitute(
        book=escape(str(app.config.html_title)),
        home=home,
        icon=base64.b64encode(ICON.read_bytes()).decode(),
        lectures="\n".join(items),
    )


def _is_lecture(docname: str) -> bool:
    return docname.startswith("lectures/")


def _moved(app: Sphinx) -> Iterator[tuple[str, str]]:
    """Old name and page of each redirect; a warning for one that leads nowhere."""
    site = site_of(app)
    for old, new in app.config.dgm_redirects.items():
        said = None
        if new not in app.env.found_docs:
            said = f"there is no page '{new}' in _toc.yml to lead to"
        elif old in app.env.found_docs or old == "404":
            said = f"'{old}' is a page of the book itself"
        if said:
            log.warning("dgm_redirects, %s: %s.", old, said, type="dgm")
            continue
        target = posixpath.relpath(f"{new}.html", posixpath.dirname(old) or ".")
        canonical = f"{site}{new}.html" if site else target
        title = escape(app.env.titles[new].astext())
        yield old, REDIRECT.substitute(target=target, canonical=canonical, title=title)


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect the above."""
    app.setup_extension("dgm_buttons")
    app.add_config_value("dgm_redirects", {}, "html", dict)
    app.connect("config-inited", know_address, priority=900)
    app.connect("env-get-updated", write_again)
    app.connect("html-page-context", add_facts, priority=900)
    app.connect("build-finished", add_pages)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
