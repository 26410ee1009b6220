"""The book's own Sphinx extension: what is stale, and mathematics without a network."""

import hashlib
import os
import re
import shutil
import tempfile
from importlib.metadata import files
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.environment import BuildEnvironment

from dgm.course.kernel import ENVIRONMENT
from dgm.course.notebook import cache_key, is_notebook, made_with, root_of, stamp

MATHJAX_PARTS = ("tex-chtml.js", "input", "output", "a11y", "sre", "ui")
COLON = "\ue000"  # of Unicode's private use
GLUED_FROM = re.compile(r"\{glue[^}]*\}`([^`]+?)::|^:doc: *(\S+)", re.MULTILINE)


def stamp_source(app: Sphinx, docname: str, source: list[str]) -> None:
    """Give a notebook its cache key, and remember which key its page shows."""
    path = Path(app.env.doc2path(docname))
    if is_notebook(path):
        source[0] = stamp(source[0], path)
        _keys(app.env)[docname] = cache_key(path)


def read_again(
    app: Sphinx,
    env: BuildEnvironment,
    added: set[str],
    changed: set[str],
    removed: set[str],
) -> list[str]:
    """Pages whose own text stayed but whose numbers did not.

    First the notebooks that a helper module or a recorded result made stale, then the
    pages that glue values from any notebook that is read again.
    """
    before = getattr(env, "dgm_made_with", None)
    now = made_with(root_of(Path(app.srcdir)))
    env.dgm_made_with = now  # type: ignore[attr-defined]
    shown = _keys(env)
    stale = set()
    for docname in env.found_docs - added - changed if now != before else ():
        path = Path(env.doc2path(docname))
        if is_notebook(path) and shown.get(docname) != cache_key(path):
            stale.add(docname)
    moved = {Path(env.doc2path(d)).resolve() for d in added | changed | removed | stale}
    for docname in env.found_docs - added - changed - stale:
        if _glues_from(Path(env.doc2path(docname))) & moved:
            stale.add(docname)
    return sorted(stale)


def write_again(app: Sphinx, env: BuildEnvironment) -> list[str]:
    """All pages, if a title or a number moved: any of them may name it.

    Sphinx writes again what it has read again. A page that says "Fig. 2 of ..." was
    not read again when its lecture got a figure more.
    """
    before = getattr(env, "dgm_numbers", None)
    now = env.dgm_numbers = _numbers(env)  # type: ignore[attr-defined]
    return sorted(env.found_docs) if before not in (None, now) else []


def _numbers(env: BuildEnvironment) -> str:
    """Fingerprint of all titles, and of the numbers of figures, theorems, equations."""
    titles = sorted((name, title.astext()) for name, title in env.titles.items())
    figures = sorted((doc, repr(kinds)) for doc, kinds in env.toc_fignumbers.items())
    equations = sorted(env.domaindata["math"]["objects"].items())
    every = repr((titles, figures, equations))
    return hashlib.sha256(every.encode()).hexdigest()


def _keys(env: BuildEnvironment) -> dict[str, str]:
    """Docname to the cache key its page was made with; kept with the environment."""
    if not hasattr(env, "dgm_keys"):
        env.dgm_keys = {}  # type: ignore[attr-defined]
    keys: dict[str, str] = env.dgm_keys
    return keys


def _glues_from(page: Path) -> set[Path]:
    """Pages that ``{glue:text}`../lectures/x.md::key` `` refers to."""
    if page.suffix != ".md":
        return set()
    found = GLUED_FROM.findall(page.read_text("utf8"))
    return {(page.parent / (role or option)).resolve() for role, option in found}


def use_local_mathjax(app: Sphinx, config: Config) -> None:
    """Load MathJax from the site itself."""
    config.mathjax_path = "mathjax/tex-chtml.js"


def copy_mathjax(app: Sphinx, error: Exception | None) -> None:
    """Put the parts of MathJax that a page can ask for beside it, all or none."""
    target = Path(app.outdir, "_static", "mathjax")
    if error or app.builder.format != "html" or (target / "tex-chtml.js").exists():
        return
    listed = files("sphinx-mathjax-offline") or []
    (main,) = (f for f in listed if f.name == "tex-chtml.js")
    source = Path(str(main.locate())).parent
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        for part in MATHJAX_PARTS:
            copy = shutil.copytree if (source / part).is_dir() else shutil.copy2
            copy(source / part, Path(folder, part))
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(folder, target.with_name("mathjax.new"), dirs_exist_ok=True)
        target.with_name("mathjax.new").rename(target)


def copy_static(app: Sphinx, error: Exception | None) -> None:
    """Renew style sheets and pictures, which Sphinx copies only if a page is stale."""
    if error or app.builder.format != "html":
        return
    for folder in map(Path, app.config.html_static_path):
        if not folder.is_absolute():  # ours; those of other extensions are absolute
            target = Path(app.outdir, "_static")
            shutil.copytree(Path(app.srcdir, folder), target, dirs_exist_ok=True)


def hide_colons(app: Sphinx, what: str, *rest: Any) -> None:
    """Napoleon would take "Such as: this." on top of an attribute's text for a type."""
    lines = rest[-1]
    if what in ("attribute", "data", "property") and lines:
        lines[0] = lines[0].replace(":", COLON)


def show_colons(app: Sphinx, what: str, *rest: Any) -> None:
    """Once Napoleon has read the text, its colons are back."""
    rest[-1][:] = [line.replace(COLON, ":") for line in rest[-1]]


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect the above; a notebook that Sphinx itself executes runs as any other."""
    os.environ.update(ENVIRONMENT)
    app.connect("config-inited", use_local_mathjax, priority=900)
    app.connect("source-read", stamp_source)
    if "sphinx.ext.autodoc" in app.extensions:
        app.connect("autodoc-process-docstring", hide_colons, priority=400)
        app.connect("autodoc-process-docstring", show_colons, priority=600)
    app.connect("env-get-outdated", read_again)
    app.connect("env-get-updated", write_again, priority=900)  # once all have numbers
    app.connect("build-finished", copy_mathjax)
    app.connect("build-finished", copy_static)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
