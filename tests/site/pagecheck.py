"""Checks of one page of the built site, in a browser and without."""

import functools
import http.server
import os
import re
import shutil
import threading
from collections.abc import Iterator
from html.parser import HTMLParser
from importlib.resources import files
from pathlib import Path
from urllib.parse import unquote, urlsplit

from dgm.course import pdf

SITE = Path(__file__).parents[2] / "_build" / "html"
HEAVIEST = 1_500_000
# As the PDF is printed: no request leaves this machine, even if a page makes one.
FLAGS = [*pdf.FLAGS[:-1], pdf.FLAGS[-1] + ", EXCLUDE 127.0.0.1"]
SCRIPT = (Path(__file__).parent / "checks.js").read_text("utf8")
LOOKS = (Path(__file__).parent / "looks.js").read_text("utf8")
AXE = "more => axe.run(document, {resultTypes: ['violations'], ...more})"
PATIENCE = 8  # further looks at a page that seems too wide, half a second apart
# A page without the theme's script (404) has no theme: its CSS follows by itself.
FOLLOWED = """mode => (({theme, mode: chosen}) =>
  chosen !== "auto" || !theme || theme === mode)(document.documentElement.dataset)"""
PHONE, DESKTOP = {"width": 390, "height": 844}, {"width": 1280, "height": 900}


def find_chromium() -> str | None:
    """The system's browser: nothing is downloaded for the tests."""
    told = os.environ.get("CHROMIUM")
    return told or next(filter(None, map(shutil.which, pdf.NAMES)), None)


class _Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves the site and the pages planted beside it."""

    planted: dict[str, bytes]

    def do_GET(self):
        page = self.planted.get(urlsplit(self.path).path.lstrip("/"))
        if page is None:
            return super().do_GET()
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)

    def log_message(self, *_):
        pass


class Server:
    """The site over http, on a free port of this machine."""

    def __init__(self, folder: Path):
        self.planted: dict[str, bytes] = {}
        handler = type("Handler", (_Quiet,), {"planted": self.planted})
        make = functools.partial(handler, directory=str(folder))
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), make)
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()
        self.address = f"http://127.0.0.1:{self._server.server_port}"

    def close(self):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class Visit:
    """A tab that notes what the page asks for and what it complains of."""

    def __init__(self, context):
        self.tab = context.new_page()
        self.mode = "light"
        self.outside: list[str] = []
        self.errors: list[str] = []
        self.tab.on("request", self._request)
        self.tab.on("console", self._console)
        self.tab.on("pageerror", lambda error: self.errors.append(str(error)[:200]))

    def _request(self, request):
        address = urlsplit(request.url)
        if address.scheme in ("http", "https", "ws", "wss") and (
            address.hostname != "127.0.0.1"
        ):
            self.outside.append(request.url)

    def _console(self, message):
        if message.type == "error":
            where = message.location.get("url", "")
            self.errors.append(f"{message.text} {where}"[:300])

    def open(self, url: str):
        self.outside.clear()
        self.errors.clear()
        self.tab.goto(url, wait_until="load")
        self.tab.evaluate(SCRIPT)
        self.tab.evaluate("faults.settled()")

    def faults(self, *checks: str) -> dict[str, list[str]]:
        """Name of each check to what it finds; requests and errors come along."""
        found = {name: self._told(name) for name in checks}
        return found | {"requests": self.outside[:], "console": self.errors[:]}

    def survey(self, url: str, axe: bool = False) -> dict[str, list[str]]:
        """Everything, at a desk and on a phone, by day and by night.

        Args:
            url: the page; it is opened once.
            axe: let axe judge it too, which takes long.
        """
        self.turn("light", DESKTOP)
        self.open(url)
        found = self.faults("math", "text", "images") | {"width": [], "colours": []}
        self._note(found, "colours")
        self.turn("light", PHONE)
        self._note(found, "width")
        self.turn("dark", PHONE)
        self._note(found, "width", "colours")
        found |= self.faults()
        if axe:
            found["axe"] = self._axe_in_all_modes()
        return found

    def turn(self, mode: str, size: dict[str, int]) -> None:
        """Other colours, another window; the page has time to follow."""
        turned = self.tab.viewport_size != size
        self.mode = mode
        self.tab.emulate_media(color_scheme=mode)
        self.tab.set_viewport_size(size)
        self.tab.wait_for_function(FOLLOWED, arg=mode)
        self.tab.wait_for_timeout(350 if turned else 30)  # its own scripts wait 300 ms

    def _where(self) -> str:
        return f"{self.mode}, {self.tab.viewport_size['width']} px: "

    def _note(self, found: dict[str, list[str]], *checks: str) -> None:
        for name in checks:
            found[name] += [self._where() + fault for fault in self._told(name)]

    def _told(self, name: str) -> list[str]:
        """What a check finds; a busy machine's page follows its window late."""
        look = f"faults.{name}('{self.mode}')"
        told = self.tab.evaluate(look)
        for _ in range(PATIENCE if name == "width" else 0):
            if not told:
                break
            self.tab.wait_for_timeout(500)
            told = self.tab.evaluate(look)
        return told

    def _axe_in_all_modes(self) -> list[str]:
        """Every rule on a phone and at a desk, there by night contrast alone."""
        found = []
        for mode, size, only in (
            ("dark", PHONE, {}),
            ("dark", DESKTOP, {"runOnly": ["color-contrast"]}),
            ("light", DESKTOP, {}),
        ):
            self.turn(mode, size)
            found += [self._where() + told for told in self.violations(**only)]
        return found

    def violations(self, **more: object) -> list[str]:
        """One line for each of axe's rules that the page breaks, with the first place.

        Pieces of code of the same kind are merged, and contrast is judged once for each
        look: see ``looks.js``. With ``preload=False``, axe asks for no file.
        """
        if not self.tab.evaluate("window.axe"):
            self.tab.evaluate(
                (files("axe_playwright_python") / "axe.min.js").read_text()
            )
            self.tab.evaluate(LOOKS)
        self.tab.evaluate("markLooks()")
        found = self.tab.evaluate(AXE, more)
        return [
            f"{rule['id']}: {rule['help']}: {rule['nodes'][0]['html'][:120]}"
            for rule in found["violations"]
        ]


def small_page(extra: str) -> bytes:
    """A page of ``book/`` with few pictures, MathJax, and something more in it."""
    html = (SITE / "book" / "attribution.html").read_text("utf8")
    other = (SITE / "book" / "glossary.html").read_text("utf8")
    scripts = re.findall(r"<script[^>]*>(?:window.MathJax.*?)?</script>", other)
    mathjax = "".join(script for script in scripts if "mathjax" in script.lower())
    assert mathjax.count("<script") == 2 and html.count("</article>") == 1
    html = html.replace("</head>", f"{mathjax}</head>")
    return html.replace("</article>", f"{extra}</article>").encode()


class _Links(HTMLParser):
    def __init__(self):
        super().__init__()
        self.ids: set[str] = set()
        self.targets: list[str] = []
        self.files: list[str] = []
        self.hints: list[str] = []

    def handle_starttag(self, tag, attrs):
        values = {name: value or "" for name, value in attrs}
        self.ids |= {values[name] for name in ("id", "name") if name in values}
        if tag == "a" and "href" in values:
            self.targets.append(values["href"])
        if tag in ("img", "source", "video") and "src" in values:
            self.files.append(values["src"])
        if tag == "link" and {"preconnect", "dns-prefetch", "prefetch"} & set(
            values.get("rel", "").split()
        ):
            self.hints.append(values.get("href", ""))


def _parsed(html: str) -> _Links:
    parser = _Links()
    parser.feed(html)
    parser.close()
    return parser


@functools.cache
def _ids(page: Path) -> set[str]:
    return _parsed(page.read_text("utf8")).ids


def link_faults(html: str, page: Path) -> list[str]:
    """Links within the site that lead nowhere; hints to reach for other hosts."""
    parsed = _parsed(html)
    faults = [f"reaches out: {h}" for h in parsed.hints if re.match(r"(https?:)?//", h)]
    for target in parsed.targets:
        address = urlsplit(target)
        if address.scheme or address.netloc:
            continue
        path = unquote(address.path)
        goal = (page.parent / path).resolve() if path else page
        goal = goal / "index.html" if goal.is_dir() else goal
        if path and not goal.is_file():
            faults.append(f"no such page: {target}")
        elif address.fragment and goal.suffix == ".html":
            ids = _ids(goal) if path else parsed.ids
            if unquote(address.fragment) not in ids:
                faults.append(f"no such place: {target}")
    return faults


def weight_faults(html: str, page: Path) -> list[str]:
    """A page weighs its HTML and its own pictures; what all pages share is apart."""
    sources = set(_parsed(html).files)
    own = {s for s in sources if not s.startswith("data:") and "_static/" not in s}
    files = [(page.parent / unquote(urlsplit(s).path)).resolve() for s in own]
    weight = len(html.encode()) + sum(f.stat().st_size for f in files if f.is_file())
    if weight <= HEAVIEST:
        return []
    return [f"weighs {weight / 1e6:.2f} MB, more than {HEAVIEST / 1e6:.1f} MB"]


def pages_of(toc: object) -> Iterator[str]:
    """The documents of a table of contents, in order of reading."""
    if isinstance(toc, list):
        for entry in toc:
            yield from pages_of(entry)
    elif isinstance(toc, dict):
        yield from (str(toc[key]) for key in ("root", "file") if key in toc)
        for value in toc.values():
            yield from pages_of(value)
