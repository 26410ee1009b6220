"""The archive for readers without a network, unpacked elsewhere and read from there."""

import filecmp
import hashlib
import re
import shutil
import sys
import zipfile
import zlib
from pathlib import Path

import nbformat
import pytest
import yaml
from pagecheck import DESKTOP, PHONE, SITE, link_faults
from test_pages import LECTURES, hits, told

from dgm.course import bundle
from dgm.course.publish import TAG
from dgm.course.traces import secrets, traces

pytestmark = pytest.mark.site
ROOT = SITE.parents[1]


def made_in(out):
    """An archive, without the search for solutions: test_editions.py has done that."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bundle, "traces", lambda *_: iter(()))
        assert bundle.main(ROOT, out) == 0
    (path,) = out.iterdir()
    return path


@pytest.fixture(scope="module")
def archive(site, tmp_path_factory):
    return made_in(tmp_path_factory.mktemp("out"))


@pytest.fixture(scope="module")
def folder(archive, tmp_path_factory):
    """Where a reader unpacked it: a folder with a blank and a letter beyond ASCII."""
    place = tmp_path_factory.mktemp("bundle") / "my stick é"
    with zipfile.ZipFile(archive) as packed:
        packed.extractall(place)
    (inside,) = place.iterdir()
    return inside


def test_its_name_tells_the_version(archive, folder):
    project = (ROOT / "pyproject.toml").read_text("utf8")
    version = re.search(r'^version = "(.+)"$', project, re.M)[1]
    assert archive.name == f"deep-generative-models-{version}.zip"
    assert folder.name == archive.stem
    assert version in (folder / "START-HERE.html").read_text("utf8")


def test_the_checksums_are_those_of_every_file(folder):
    listed = {}
    for line in (folder / "SHA256SUMS").read_text("utf8").splitlines():
        digest, name = line.split("  ", 1)
        listed[name] = digest
    there = {
        path.relative_to(folder).as_posix(): path
        for path in folder.rglob("*")
        if path.is_file() and path.name != "SHA256SUMS"
    }
    assert set(listed) == set(there)
    for name, path in there.items():
        assert hashlib.sha256(path.read_bytes()).hexdigest() == listed[name], name


def test_everything_is_in_it(folder, site):
    for name in ("LICENSE", "LICENSE-TEXT.md", "ATTRIBUTION.md", "START-HERE.html"):
        assert (folder / name).is_file(), name
    files = [path.relative_to(site) for path in site.rglob("*") if path.is_file()]
    shown = [str(path) for path in files if not path.name.startswith(".")]
    same, *others = filecmp.cmpfiles(site, folder / "site", shown, shallow=False)
    assert others == [[], []] and len(same) > 100
    sets = {path.stem for path in (ROOT / "exercises").glob("*.ipynb")}
    lectures = {Path(page).stem for page in LECTURES}
    for kind, names in (("lectures", lectures), ("exercises", sets)):
        found = (folder / "notebooks" / kind).glob("*.ipynb")
        assert {path.stem for path in found} == names
    pdfs = {path.name for path in (ROOT / "_build/pdf").glob("*.pdf")}
    assert {path.name for path in folder.glob("*.pdf")} == pdfs


def test_the_first_page_leads_everywhere(folder, visit):
    start = folder / "START-HERE.html"
    text = start.read_text("utf8")
    assert link_faults(text, start) == []
    visit.tab.set_viewport_size(PHONE)
    visit.open(start.as_uri())
    assert told(visit.faults("text", "images", "width")) == []
    visit.tab.set_viewport_size(DESKTOP)
    visit.tab.get_by_role("link", name="Read the book").click()
    visit.tab.wait_for_url("**/site/index.html")
    assert visit.outside == visit.errors == []


@pytest.mark.parametrize("page", ["index.html", LECTURES[-1], "book/scoreboard.html"])
def test_a_page_is_read_without_a_network(page, folder, visit):
    visit.tab.set_viewport_size(DESKTOP)
    visit.open((folder / "site" / page).as_uri())
    assert told(visit.faults("math", "images")) == []


def test_the_search_answers_without_a_network(folder, visit):
    found = hits(visit, (folder / "site").as_uri(), "autoregressive")
    assert any(LECTURES[0] in address for address in found)


def wheel_that(notebook, monkeypatch):
    """What the install cell would install, where the package is missing."""
    book = nbformat.read(notebook, as_version=4)
    (cell,) = [c for c in book.cells if TAG in c.metadata.get("tags", [])]
    code = cell.source.replace('find_spec("dgm") is None', "True")
    code = code.replace("%pip install --quiet {wheel}", "chosen = wheel")
    monkeypatch.chdir(notebook.parent)
    names = {}
    exec(code, names)
    return names["chosen"].resolve()


def test_every_notebook_finds_the_package(folder, monkeypatch, tmp_path):
    notebooks = sorted((folder / "notebooks").rglob("*.ipynb"))
    (wheel,) = folder.rglob("*.whl")
    for notebook in notebooks:
        assert wheel_that(notebook, monkeypatch) == wheel.resolve()
    with zipfile.ZipFile(wheel) as packed:
        assert "dgm/record.py" in packed.namelist()
    alone = Path(shutil.copy(notebooks[0], tmp_path))
    with pytest.raises(FileNotFoundError, match="put .* beside this notebook"):
        wheel_that(alone, monkeypatch)


def contents(path):
    """Name and bytes of a file, and of what is packed in it."""
    data = path.read_bytes()
    if path.suffix == ".whl":
        with zipfile.ZipFile(path) as packed:
            yield from ((f"{path}:{n}", packed.read(n)) for n in packed.namelist())
    elif path.suffix == ".inv":
        yield str(path), zlib.decompress(data.partition(b"zlib.\n")[2])
    else:
        yield str(path), data


def paths_told(folder):
    """Files that tell where the course, its environment or its author's home is."""
    places = [ROOT, Path(sys.prefix), Path(sys.prefix).resolve(), Path.home()]
    # A home as short as /root may stand in a text that means something else.
    marks = {f"{place}/".encode() for place in places if len(place.parts) > 2}
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        for name, data in contents(path):
            yield from (name for mark in marks if mark in data)


def test_it_does_not_tell_where_it_was_made(folder, tmp_path):
    assert list(paths_told(folder)) == []
    (tmp_path / "told.html").write_text(f"<p>{ROOT}/x.md")
    assert list(paths_told(tmp_path)) == [str(tmp_path / "told.html")]


def test_its_notebooks_tell_no_solution(folder):
    assert list(traces(secrets(ROOT), folder / "notebooks")) == []


def test_made_twice_it_is_the_same(archive, tmp_path):
    again = made_in(tmp_path)
    with zipfile.ZipFile(again) as second, zipfile.ZipFile(archive) as first:
        both = zip(second.infolist(), first.infolist(), strict=True)
        assert [a.filename for a, b in both if a.CRC != b.CRC] == []
    assert again.read_bytes() == archive.read_bytes()


def test_a_site_with_solutions_is_not_packed(site, tmp_path):
    """A course whose site is the instructor's: one sentence, and no archive."""
    root = tmp_path / "course"
    (root / "solutions").mkdir(parents=True)
    shutil.copy(sorted((ROOT / "solutions").glob("*.md"))[0], root / "solutions")
    toc = {"format": "jb-book", "root": "index"}
    (root / "_toc.yml").write_text(yaml.safe_dump(toc))
    wrong = root / "_build/html/exercises/x.html"
    wrong.parent.mkdir(parents=True)
    (root / "_build/html/index.html").write_text("<p>first page")
    line = next(iter(secrets(root)))
    wrong.write_text(line.replace("&", "&amp;").replace("<", "&lt;"))
    with pytest.raises(bundle.Stop, match=r"exercises/x.html of the site shows what"):
        bundle.main(root, tmp_path / "out")
    assert not (tmp_path / "out").exists()
