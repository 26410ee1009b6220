"""One archive for readers without a network: site, notebooks, package, checksums."""

import hashlib
import os
import shutil
import tempfile
import zipfile
from html import escape
from importlib.metadata import version
from pathlib import Path

import nbformat

from dgm.course.files import Stop, cannot_write
from dgm.course.publish import (
    SITE_FOLDER,
    build_wheel,
    wheel_name,
    with_install_cell,
)
from dgm.course.traces import secrets, traces

SITE = SITE_FOLDER.parent
PDF = Path("_build/pdf")
NAME = "deep-generative-models"
LICENCES = ("LICENSE", "LICENSE-TEXT.md", "ATTRIBUTION.md", "CITATION.cff")
START, SUMS = "START-HERE.html", "SHA256SUMS"
MOMENT = (1980, 1, 1, 0, 0, 0)  # of every file, so that equal contents are equal bytes
PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Start here: Deep Generative Models</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ font: 1.1rem/1.6 system-ui, sans-serif; max-width: 40rem; margin: 2rem auto;
  padding: 0 1rem; }}
code {{ overflow-wrap: anywhere; white-space: pre-wrap; }}
</style>
</head>
<body>
<main>
<h1>Deep Generative Models: an executable course</h1>
<p>Version {version}. <a href="site/index.html"><strong>Read the book</strong></a>: it
opens in your browser and needs no network, and neither does its search.</p>
<p>If the link does not open, unpack the whole archive into a folder first, and open
<code>START-HERE.html</code> in that folder.</p>
<h2>What is here</h2>
<ul>
<li><code>site/</code>: the book, as pages.</li>
{pdf}<li><code>notebooks/</code>: lectures and problem sets to run, and the package that
they use, <code>{wheel}</code>.</li>
<li>Licences: <a href="LICENSE">code</a>, <a href="LICENSE-TEXT.md">text and
figures</a>, <a href="ATTRIBUTION.md">what comes from others</a>.</li>
<li><code>SHA256SUMS</code>: to see whether the copy is whole.</li>
</ul>
<h2>Run a notebook</h2>
<p>On Colab: upload the notebook, and <code>{wheel}</code> beside it. Then run the
cells from the top.</p>
<p>On your computer: you need Python from 3.11 to 3.13. Open a terminal in the folder
<code>notebooks</code>. On Windows write <code>py</code> for <code>python3</code>.</p>
<pre><code>python3 -m pip install ./{wheel} jupyterlab
python3 -m jupyter lab</code></pre>
<p>The first line fetches PyTorch and a few other packages, so it needs a network, once.
Everything after that works without.</p>
<h2>Is the copy whole?</h2>
<p>In a terminal, in this folder: <code>sha256sum -c --quiet SHA256SUMS</code> (on a
Mac <code>shasum -a 256 -c SHA256SUMS</code>). It names every file that is damaged.</p>
</main>
</body>
</html>
"""
PDF_ITEM = '<li><a href="{name}">{name}</a>: the same to print.</li>\n'


def main(root: Path, out: Path) -> int:
    """``dgm bundle``: pack the built site and all that goes with it.

    Args:
        root: the course.
        out: folder for the archive.

    Raises:
        Stop: if no site is built, if it shows solutions, or if the disk is full.
    """
    site = root / SITE
    if not (site / "index.html").is_file():
        raise Stop(f"There is no site in {site} to pack: run `make book` first.")
    for file, line in traces(secrets(root), site):
        raise Stop(
            f"{file} of the site shows what only instructors may see ({line!r}): "
            "run `make clean` and `make book`, and pack again."
        )
    title = f"{NAME}-{version('dgm-course')}"
    with tempfile.TemporaryDirectory() as folder, cannot_write(out):
        content = Path(folder, title)
        pdfs = gather(root, content)
        out.mkdir(parents=True, exist_ok=True)
        archive = out / f"{title}.zip"
        files = pack(content, archive)
    print(f"{archive}: {files} files, {archive.stat().st_size / 1e6:.1f} MB")
    if not pdfs:
        print(f"Without a PDF: there is none in {root / PDF}; `make pdf` makes it.")
    return 0


def gather(root: Path, content: Path) -> list[str]:
    """Copy everything into one folder; the names of the PDFs among it."""
    hidden = shutil.ignore_patterns(".*")
    shutil.copytree(root / SITE, content / "site", ignore=hidden)
    shutil.copytree(root / SITE_FOLDER, content / "notebooks", ignore=hidden)
    for path in (content / "notebooks").rglob("*.ipynb"):
        # A notebook that is read offline installs from the wheel beside it.
        book = nbformat.read(path, as_version=4)
        path.write_text(nbformat.writes(with_install_cell(book, None, None)), "utf8")
    build_wheel(root, content / "notebooks")
    if not (content / "notebooks" / wheel_name()).is_file():
        raise Stop(
            "pyproject.toml has another version than what is installed: run "
            "`make book` first."
        )
    for name in LICENCES:
        if (root / name).is_file():
            shutil.copy(root / name, content)
    pdfs = sorted((root / PDF).glob("*.pdf"))
    for path in pdfs:
        shutil.copy(path, content)
    (content / START).write_text(start_page([path.name for path in pdfs]), "utf8")
    return [path.name for path in pdfs]


def start_page(pdfs: list[str]) -> str:
    """The page that a reader opens first."""
    items = "".join(PDF_ITEM.format(name=escape(name)) for name in pdfs)
    told = {"version": version("dgm-course"), "wheel": wheel_name(), "pdf": items}
    return PAGE.format(**told)


def pack(content: Path, archive: Path) -> int:
    """Pack a folder with the checksums of its files: equal contents, equal bytes.

    Args:
        content: the folder, which is the one folder of the archive.
        archive: the file to write, which is whole or not there.

    Returns:
        How many files were packed.
    """
    names = sorted(
        path.relative_to(content).as_posix()
        for path in content.rglob("*")
        if path.is_file() and path.name != SUMS
    )
    sums = [f"{_sum(content / name)}  {name}\n" for name in names]
    (content / SUMS).write_text("".join(sums), "utf8")
    handle, part = tempfile.mkstemp(dir=archive.parent, prefix=f".{archive.name}.")
    try:
        with os.fdopen(handle, "wb") as file, zipfile.ZipFile(file, "w") as packed:
            for name in [*names, SUMS]:
                info = zipfile.ZipInfo(f"{content.name}/{name}", MOMENT)
                info.compress_type = zipfile.ZIP_DEFLATED
                info.create_system, info.external_attr = 3, 0o100644 << 16
                packed.writestr(info, (content / name).read_bytes(), compresslevel=9)
        Path(part).chmod(0o644)
        Path(part).replace(archive)
    except BaseException:
        Path(part).unlink(missing_ok=True)
        raise
    return len(names) + 1


def _sum(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
