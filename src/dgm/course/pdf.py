"""``dgm pdf``: the whole book as one tagged PDF, printed from the built site."""

import os
import shutil
import tempfile
import time
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from dgm.course.files import Stop, cannot_write

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
NEEDED = ("lxml", "pikepdf", "playwright")
# Nothing is asked of another host; the tests of the site add to the last flag.
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND",
]
PATIENCE = 1_800_000  # milliseconds, for a slow machine and a long book
WIDTH = 658  # of the text, in CSS pixels: A4 less the margins of paper.css
SCRIPT = Path(__file__).with_name("paper.js")


def find_chromium() -> str:
    """The browser that prints: named in ``CHROMIUM``, or else the system's.

    Raises:
        Stop: if there is none.
    """
    told = os.environ.get("CHROMIUM")
    for name in [told] if told else NAMES:
        if path := shutil.which(name):
            return path
    raise Stop(
        "No Chromium was found to print with: install Chromium or Google Chrome, or "
        "name the program in the variable CHROMIUM."
    )


def check_needs() -> None:
    """Say what must be installed, before anything is done.

    Raises:
        Stop: if something is missing.
    """
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise Stop(
            f"`dgm pdf` needs {' and '.join(missing)}: "
            "pip install 'dgm-course[publish]'; in the course's own folder, "
            "pip install --constraint constraints.txt -e '.[publish]'."
        )
    find_chromium()


def print_pdf(source: Path, target: Path) -> list[str]:
    """Print an HTML file; return what is wider than its page.

    The table of contents gets the page numbers of a first printing, which has neither
    tags nor outline, since these take most of the time.

    Raises:
        Stop: if there is no Chromium, or if it fails.
    """
    _print(source, target, {}, complete=False)
    found = _print(source, target, page_numbers(target), complete=True)
    finish(target, found["headings"], found["author"])
    wide: list[str] = found["wide"]
    return wide


def _print(
    source: Path, target: Path, pages: dict[str, int], *, complete: bool
) -> dict[str, Any]:
    """One printing, by a browser of its own: a second in the same may never end."""
    from playwright.sync_api import Error, sync_playwright

    browser = find_chromium()
    try:
        with sync_playwright() as started:
            chromium = started.chromium.launch(executable_path=browser, args=FLAGS)
            tab = chromium.new_page(viewport={"width": WIDTH, "height": 1000})
            tab.set_default_timeout(PATIENCE)
            tab.emulate_media(media="print", color_scheme="light")
            tab.goto(source.resolve().as_uri())
            found: dict[str, Any] = tab.evaluate(SCRIPT.read_text("utf8"), pages)
            tab.pdf(
                path=target,
                print_background=True,
                prefer_css_page_size=True,
                tagged=complete,
                outline=complete,
            )
            chromium.close()
    except Error as error:
        told = str(error).splitlines()[0]
        raise Stop(f"{browser} could not print the book: {told}") from error
    return found


def page_numbers(path: Path) -> dict[str, int]:
    """The page, from 1, of each place that a link leads to."""
    import pikepdf

    with pikepdf.open(path) as pdf:
        pages = {page.objgen: k for k, page in enumerate(pdf.pages, 1)}
        places: Any = pdf.Root.get("/Dests", pikepdf.Dictionary())
        return {
            unquote(name.removeprefix("/")): pages[place[0].objgen]
            for name, place in places.items()
        }


def _entries(items: Sequence[Any]) -> list[Any]:
    return [each for item in items for each in (item, *_entries(item.children))]


def finish(path: Path, headings: Sequence[str], author: str) -> None:
    """Complete what Chromium writes.

    The outline gets its formulas; formulas are tagged as such rather than as figures;
    the file says who wrote it; readers show outline and title; objects are packed.
    """
    import pikepdf

    from dgm.course.unfold import FORMULA

    with pikepdf.open(path, allow_overwriting_input=True) as pdf:
        with pdf.open_outline() as outline:
            for item, words in zip(_entries(outline.root), headings, strict=True):
                item.title = words
        for thing in pdf.objects:
            if isinstance(thing, pikepdf.Dictionary) and "/Alt" in thing:
                said = str(thing.Alt)
                if said.startswith(FORMULA):
                    thing.S = pikepdf.Name.Formula
                    thing.Alt = said.removeprefix(FORMULA)
        pdf.docinfo.Author = author
        with pdf.open_metadata() as metadata:
            metadata.load_from_docinfo(pdf.docinfo)
        pdf.Root.PageMode = pikepdf.Name.UseOutlines
        pdf.Root.ViewerPreferences = pikepdf.Dictionary(DisplayDocTitle=True)
        pdf.save(path, object_stream_mode=pikepdf.ObjectStreamMode.generate)


def main(root: Path, out: Path, site: Path) -> int:
    """``dgm pdf``: print the built site.

    Raises:
        Stop: if something needed is missing, or the site is not built.
    """
    check_needs()
    from dgm.course.paper import document

    started = time.monotonic()
    whole = document(root, site)
    with tempfile.TemporaryDirectory() as folder, cannot_write(out):
        source, printed = Path(folder, "book.html"), Path(folder, "book.pdf")
        source.write_text(whole, "utf8")
        wide = print_pdf(source, printed)
        out.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(printed, out)
    for what in wide:
        print(f"wider than the page: {what}")
    size, seconds = out.stat().st_size / 1e6, time.monotonic() - started
    print(f"{out}: {size:.1f} MB, printed in {seconds:.0f} s")
    return 0
