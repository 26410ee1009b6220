"""The instructor's edition of the book: problem sets with all that students do not see.

It is built from a source tree of its own, in which each problem set is replaced by its
master, so that every link between lectures and problem sets holds. As a Sphinx
extension, this module marks the pages of that edition.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import yaml

from dgm.course.execute import CACHE, cached, open_cache
from dgm.course.files import Stop, cannot_write, write_atomically
from dgm.course.grading.master import Cell, ProblemSet, notebook_of, parse, text_of
from dgm.course.grading.release import CODE_CELL, masters
from dgm.course.notebook import in_toc, is_notebook

OUT = Path("_build/instructor")
TEACHING = "book/teaching"
BANNER = (
    "<strong>Instructor’s edition: not for students.</strong> "
    "With answers, hidden tests and marking notes."
)
BEGINS, ENDS = "### BEGIN SOLUTION", "### END SOLUTION"
FENCE = "~" * 8  # of tildes, since its title has backticks
WITHOUT = (".*", "__pycache__", "*.draft.md")


# ---- Pages --------------------------------------------------------------------------


def page(path: Path) -> str:
    """A master as a page: each cell that is graded says what it is.

    Raises:
        Stop: if there is no such master, or it breaks a rule of the format.
    """
    text = text_of(path)
    problems = parse(text, path.stem)
    code = iter([cell for cell in problems.cells if cell.code])
    prose = iter(problems.of("written"))
    out: list[str] = []
    fence = ""
    for line in text.split("\n"):
        opening = CODE_CELL.match(line)
        if fence:
            fence = "" if line.strip() == fence else fence
        elif opening:
            fence = opening[1]
            out += _label(next(code))
        elif BEGINS in line:
            title = _said(next(prose))
            line = f"\n{FENCE}{{admonition}} {title}\n:class: dgm-answer\n"
        elif ENDS in line:
            line = FENCE
        out.append(line)
    return "\n".join(out)


def _label(cell: Cell) -> list[str]:
    """What stands above a cell of code; nothing for code that is given."""
    return ["", f"*{_said(cell)}*", ""] if _said(cell) else []


def _said(cell: Cell) -> str:
    """A cell's purpose, name and points, in words."""
    name = {
        "answer": "Answer",
        "manual": "Answer and marking notes",
        "written": "Answer and marking notes",
        "test": "Test",
    }.get(cell.kind)
    if name is None:
        return ""
    points = f", {_points(cell.points)}" if cell.points else ""
    hidden = any(True for _ in cell.hidden()) and cell.kind == "test"
    return f"{name} `{cell.id}`{points}" + (", with hidden tests" if hidden else "")


def _points(points: float) -> str:
    return f"{points:g} point" + ("" if points == 1 else "s")


def notebook(problems: ProblemSet, text: str) -> str:
    """A master as a notebook, which its page offers for download."""
    made = notebook_of(text, problems.slug)
    made.metadata = nbformat.NotebookNode(
        kernelspec={
            "display_name": "Python 3",
            "language": "python",
            "name": "python3",
        },
        language_info={"name": "python"},
    )
    for place, cell in enumerate(made.cells):
        cell["id"] = f"cell-{place:03}"
    return str(nbformat.writes(made))


# ---- The source tree ----------------------------------------------------------------


def write_tree(root: Path, tree: Path) -> None:
    """Copy what the book's pages need, with masters in the place of problem sets.

    Raises:
        Stop: if a master cannot be read, or the folder cannot be written.
    """
    toc = yaml.safe_load((root / "_toc.yml").read_text("utf8"))
    config = yaml.safe_load((root / "_config.yml").read_text("utf8"))
    folders = {Path(name).parts[0] for name in _pages(toc) if "/" in name}
    ignore = shutil.ignore_patterns(*WITHOUT)
    with cannot_write(tree):
        shutil.rmtree(tree, ignore_errors=True)
        tree.mkdir(parents=True)
        for folder in sorted(folders | {"book", "results"}):
            if (root / folder).is_dir():
                shutil.copytree(root / folder, tree / folder, ignore=ignore)
        for file in root.iterdir():
            if file.is_file() and not file.name.startswith("."):
                shutil.copy2(file, tree)
    _write_yaml(tree / "_toc.yml", contents(toc))
    _write_yaml(tree / "_config.yml", configuration(config, root))
    for path in masters(root, []):
        text = text_of(path)
        target = tree / "exercises" / path.name
        write_atomically(target, page(path))
        whole = notebook(parse(text, path.stem), text)
        write_atomically(target.with_suffix(".ipynb"), whole)


def contents(toc: dict[str, Any]) -> dict[str, Any]:
    """The table of contents with the page on teaching as its first part."""
    if TEACHING not in _pages(toc):
        return toc
    rest = _without(toc)
    part = {"caption": "For instructors", "chapters": [{"file": TEACHING}]}
    if "parts" in rest:
        return {**rest, "parts": [part, *rest["parts"]]}
    chapters = [*part["chapters"], *rest.get("chapters", [])]
    return {**rest, "chapters": chapters}


def _without(node: Any) -> Any:
    """A part of the table of contents, without the page on teaching."""
    if isinstance(node, list):
        kept = [child for child in node if not _is_teaching(child)]
        return [_without(child) for child in kept]
    if isinstance(node, dict):
        return {key: _without(value) for key, value in node.items()}
    return node


def _is_teaching(node: Any) -> bool:
    return isinstance(node, dict) and node.get("file") == TEACHING


def _pages(node: Any) -> Iterator[str]:
    if isinstance(node, list):
        for child in node:
            yield from _pages(child)
    elif isinstance(node, dict):
        yield from (node[key] for key in ("root", "file") if key in node)
        for child in node.values():
            yield from _pages(child)


def configuration(config: dict[str, Any], root: Path) -> dict[str, Any]:
    """The book's configuration, with a banner, and with the outputs of its cache."""
    html = {k: v for k, v in config.get("html", {}).items() if k != "baseurl"}
    execute = {**config.get("execute", {}), "cache": str(root.resolve() / CACHE)}
    sphinx = dict(config.get("sphinx", {}))
    options = {k: v for k, v in sphinx.get("config", {}).items() if k != "dgm_site"}
    theme = {**options.get("html_theme_options", {}), "announcement": BANNER}
    options["html_theme_options"] = theme
    if "extensions" in options:
        options["extensions"] = [*options["extensions"], __name__]
    else:
        extra = sphinx.get("extra_extensions") or []
        sphinx["extra_extensions"] = [*extra, __name__]
    sphinx["config"] = options
    title = f"{config.get('title', 'The course')} (instructor’s edition)"
    changed = {"title": title, "html": html, "execute": execute, "sphinx": sphinx}
    return {**config, **changed}


def _write_yaml(path: Path, value: dict[str, Any]) -> None:
    write_atomically(path, yaml.safe_dump(value, allow_unicode=True, sort_keys=False))


# ---- The build ----------------------------------------------------------------------


def main(root: Path, out: Path) -> int:
    """``dgm instructor``: build the edition, beside the students' and apart from it.

    Raises:
        Stop: if a lecture has not been executed, or the build fails.
    """
    tree, site, doctrees = out / "source", out / "html", out / ".doctrees"
    write_tree(root, tree)
    _refuse_to_execute(root, tree)
    program = Path(sys.executable).with_name("jupyter-book")
    _call([str(program), "config", "sphinx", str(tree)], tree)
    words = ["-q", "-b", "html", "-W", "-n", "--keep-going", "-d", str(doctrees)]
    try:
        _call([sys.executable, "-m", "sphinx", *words, str(tree), str(site)], tree)
    except Stop:
        shutil.rmtree(doctrees, ignore_errors=True)  # else it would not warn again
        raise
    (site / "404.html").unlink(missing_ok=True)  # for a web server, which has none
    print(f"Read it: {site / 'index.html'} (not for students)")
    return 0


def _refuse_to_execute(root: Path, tree: Path) -> None:
    """The edition shows what the book's cache holds, and adds nothing to it."""
    cache = open_cache(root / CACHE)
    for path in in_toc(tree):
        if is_notebook(path) and cached(path, cache) is None:
            raise Stop(f"{path.stem} has not been executed: run `make execute` first.")


def _call(words: list[str], tree: Path) -> None:
    """Run a program that knows the book's own extensions; show what it complains of."""
    config = yaml.safe_load((tree / "_config.yml").read_text("utf8"))
    folders = set(config["sphinx"].get("local_extensions", {}).values())
    paths = [str((tree / folder).resolve()) for folder in sorted(folders)]
    inherited = os.environ.get("PYTHONPATH")
    # Without a repository there are no buttons: they would lead to the students' book.
    variables = {
        **os.environ,
        "DGM_REPO_URL": "",
        "PYTHONPATH": os.pathsep.join([*paths, *([inherited] if inherited else [])]),
    }
    done = subprocess.run(
        words, env=variables, check=False, stdout=subprocess.PIPE, text=True
    )
    if done.returncode:
        print(done.stdout, end="")
        raise Stop("The instructor's edition cannot be built: the reasons stand above.")


# ---- The extension ------------------------------------------------------------------


def keep_private(
    app: Any, pagename: str, template: str, context: dict[str, Any], doctree: Any
) -> None:
    """Ask search engines not to list a page."""
    asked = '\n<meta name="robots" content="noindex, nofollow">'
    context["metatags"] = context.get("metatags", "") + asked


def setup(app: Any) -> dict[str, Any]:
    """Connect the above."""
    app.connect("html-page-context", keep_private)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
