"""Head and foot of a page, and the pages at wrong and old addresses, in a tiny book."""

import html
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import parse_qs, urlsplit

import pytest

sys.path.append(str(Path(__file__).parents[1] / "course"))
from minicourse import REPOSITORY, new_course  # noqa: E402

pytestmark = pytest.mark.slow
ADDRESS = "https://github.com/someone/course"
SITE = "https://someone.github.io/course/"
CONFIG = """
sphinx:
  local_extensions: {dgm_book: book/, dgm_comfort: book/}
  config:
    dgm_redirects: {REDIRECTS}
"""
PROSE = """A formula $x^2$ comes first, so that this paragraph cannot be shown as it is.

This one is plain: 1 < 2 & *emphasis* are no danger to an attribute of the page.

"""


@pytest.fixture
def course(tmp_path):
    course = new_course(tmp_path)
    for name in ("dgm_comfort.py", "templates", "static/favicon.svg"):
        source, target = REPOSITORY / "book" / name, course.root / "book" / name
        target.parent.mkdir(exist_ok=True)
        copy = shutil.copytree if source.is_dir() else shutil.copy
        copy(source, target)
    redirect(course, "{lectures/old/name: lectures/first}")
    course.lecture("first", "import time\ntime.sleep(1.2)", prose=PROSE)
    course.page("plain", "# Plain\n\nNothing is executed here.\n")
    course.extra["DGM_REPO_URL"] = ADDRESS
    return course


def redirect(course, table):
    config = course.root / "_config.yml"
    head = config.read_text("utf8").partition("\nsphinx:\n")[0]
    config.write_text(head + CONFIG.replace("{REDIRECTS}", table))


def git(course, *words):
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    done = subprocess.run(
        ["git", *identity, "-C", course.root, *words],
        env={"PATH": "/usr/bin:/bin", "GIT_COMMITTER_DATE": "2025-03-04T12:00:00Z"},
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip()


def written(course):
    pages = (course.root / "_build/html").rglob("*.html")
    return {p.name: p.stat().st_mtime_ns for p in pages if "_static" not in p.parts}


def content(page, name):
    found = re.search(rf'<meta (?:property|name)="{name}" content="([^"]*)"', page)
    return found and html.unescape(found[1])


def links_of(page):
    return re.findall(r'(?:href|action|src)="(?!data:)([^"]*)"', page)


def test_a_page_says_what_is_known_and_wrong_addresses_lead_on(course):
    course.extra["DGM_REPO_URL"] = ""
    assert course.dgm("execute").status == 0
    course.build()
    out = course.root / "_build/html"
    page, plain = course.html("first"), course.html("plain")
    ran = re.search(r"The cells of this page ran in (\d+) s when it was built", page)
    assert 1 <= int(ran[1]) < 30
    assert "ran in" not in plain
    for unknown in ("Last updated", "Report a mistake", 'rel="canonical"', "og:url"):
        assert unknown not in page
    assert content(page, "og:title") == "first"
    about = "This one is plain: 1 < 2 & emphasis are no danger"
    assert content(page, "og:description").startswith(about)
    assert content(page, "description").startswith(about)
    names = ["index", "index", "search", "lectures/first", "lectures/plain"]
    wrong = out / "404.html"
    assert links_of(wrong.read_text("utf8")) == [f"/{name}.html" for name in names]
    before = written(course)
    course.build()
    assert written(course) == before  # nothing changed, so nothing is written

    git(course, "init", "-q")
    git(course, "add", "lectures/first.md")
    git(course, "commit", "-q", "-m", "first")
    course.extra["DGM_REPO_URL"] = ADDRESS
    course.build()
    page, address = course.html("first"), f"{SITE}lectures/first.html"
    assert "Last updated on 4 March 2025." in page
    assert "Last updated" not in course.html("plain")
    assert f'<link rel="canonical" href="{address}"' in page
    assert content(page, "og:url") == address
    link = html.unescape(re.search(r'href="([^"]*/issues/new[^"]*)"', page)[1])
    assert link.startswith(f"{ADDRESS}/issues/new?")
    said = parse_qs(urlsplit(link).query)
    assert said["title"] == ["Mistake in “first”"]
    assert address in said["body"][0]
    assert git(course, "rev-parse", "HEAD")[:12] in said["body"][0]
    assert links_of(wrong.read_text("utf8")) == [f"/course/{n}.html" for n in names]
    old = (out / "lectures/old/name.html").read_text("utf8")
    assert 'http-equiv="refresh" content="0; url=../first.html"' in old
    assert f'<link rel="canonical" href="{address}">' in old

    redirect(course, "{lectures/old: lectures/none, index: lectures/first}")
    with pytest.raises(AssertionError) as failed:
        course.build()
    said = " ".join(str(failed.value).split())
    assert "lectures/old: there is no page 'lectures/none' in _toc.yml" in said
    assert "index: 'index' is a page of the book itself" in said
    assert "<h1>Mini" in (out / "index.html").read_text("utf8")


def test_a_commit_writes_only_the_pages_that_it_touched(monkeypatch):
    import dgm_comfort

    app = SimpleNamespace(srcdir="/book")
    env = SimpleNamespace(found_docs={"a", "b"}, doc2path=lambda d: f"/book/{d}.md")
    changes = {"a.md": ("2025-01-01", "1"), "c.md": ("2025-01-01", "1")}
    monkeypatch.setattr(dgm_comfort, "last_changes", lambda _: dict(changes))
    assert dgm_comfort.write_again(app, env) == ["a"]
    assert dgm_comfort.write_again(app, env) == []
    changes["b.md"] = ("2025-01-02", "2")
    assert dgm_comfort.write_again(app, env) == ["b"]
    changes.clear()  # unpacked from an archive
    assert dgm_comfort.write_again(app, env) == ["a", "b"]
