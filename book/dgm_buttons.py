"""Sphinx extension: where readers get a page's notebook, and what it installs.

Everything follows from the address of the repository that the book is built in.
"""

from pathlib import Path
from typing import Any

import nbformat
from sphinx.application import Sphinx
from sphinx.config import Config

from dgm.course.files import write_atomically
from dgm.course.notebook import fingerprint
from dgm.course.publish import with_install_cell
from dgm.course.repository import Repository, commit, parse, repository

FOLDER = "notebooks"
OFFERED = ("lectures/", "exercises/")  # not the few pages that only show a check


def site_of(app: Sphinx) -> str | None:
    """Address of the published site, ending in a slash, where it is known."""
    place = here(app)
    site = app.config.dgm_site or (place.site if place else None)
    return site.rstrip("/") + "/" if site else None


def here(app: Sphinx) -> Repository | None:
    """The repository that the book's buttons lead to."""
    return parse(app.config.dgm_repository)


def find_repository(app: Sphinx, config: Config) -> None:
    """Look it up once. A page is written again when it, or its writer, has changed."""
    found = repository(Path(app.srcdir))
    config.dgm_repository = found.url if found else ""
    folder = Path(__file__).parent
    config.dgm_writer = fingerprint(folder.glob("dgm_*.py"))


def finish_notebooks(app: Sphinx, error: Exception | None) -> None:
    """Let every notebook install this very version; drop those of former pages."""
    folder = Path(app.outdir, FOLDER)
    if error or app.builder.name != "html":
        return
    place, version = here(app), commit(Path(app.srcdir))
    for path in folder.rglob("*.ipynb"):
        docname = path.relative_to(folder).with_suffix("").as_posix()
        if docname not in app.env.found_docs or not docname.startswith(OFFERED):
            path.unlink()
            continue
        old = path.read_text("utf8")
        new = with_install_cell(nbformat.reads(old, as_version=4), place, version)
        if (text := nbformat.writes(new)) != old:
            write_atomically(path, text)


def add_buttons(
    app: Sphinx, pagename: str, template: str, context: dict[str, Any], doctree: Any
) -> None:
    """Head of a lecture: run it in Colab or on Binder, or download its notebook."""
    there = Path(app.outdir, FOLDER, f"{pagename}.ipynb").is_file()
    if not there or not pagename.startswith(OFFERED):
        return
    link = {"type": "link", "label": "download-notebook-button"}
    own = {
        **link,
        "url": context["pathto"](f"{FOLDER}/{pagename}.ipynb", 1),
        "text": ".ipynb",
        "tooltip": "Download notebook",
        "icon": "fas fa-code",
    }
    for button in context["header_buttons"]:
        if button.get("label") == "download-buttons":
            button["buttons"].insert(0, own)
    place = here(app)
    if place and (started := _launchers(place, pagename)):
        group = {
            "type": "group",
            "tooltip": "Run this page",
            "icon": "fas fa-rocket",
            "buttons": started,
            "label": "launch-buttons",
        }
        context["header_buttons"].insert(0, group)


def _launchers(place: Repository, docname: str) -> list[dict[str, str]]:
    """Services that run a page without an installation, where they can reach it."""
    known = {"Colab": place.colab(docname), "Binder": place.binder(f"{docname}.md")}
    return [
        {
            "type": "link",
            "label": f"{name.lower()}-button",
            "url": url,
            "text": name,
            "tooltip": f"Open in {name}",
            "icon": "fas fa-play",
        }
        for name, url in known.items()
        if url
    ]


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect the above."""
    app.add_config_value("dgm_repository", "", "html", str)
    app.add_config_value("dgm_site", "", "html", str)
    app.add_config_value("dgm_writer", "", "html", str)
    app.connect("config-inited", find_repository)
    app.connect("html-page-context", add_buttons, priority=900)
    app.connect("build-finished", finish_notebooks)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
