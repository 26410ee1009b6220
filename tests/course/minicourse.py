"""A course of a few tiny lectures, with a copy of the package that a test may edit."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import dgm

REPOSITORY = Path(__file__).parents[2]

HEADER = """---
jupytext:
  text_representation:
    extension: .md
    format_name: myst
kernelspec:
  display_name: Python 3
  language: python
  name: python3
{extra}---

# {title}

"""
CONFIG = """
title: mini
only_build_toc_files: true
exclude_patterns: [".*", "_build", "src"]
execute: {execute_notebooks: cache, cache: _build/cache}
sphinx:
  local_extensions: {dgm_book: book/, dgm_notebooks: book/}
  config:
    nb_execution_raise_on_error: true
"""


@dataclass
class Course:
    """A course in a folder of its own."""

    root: Path
    extra: dict[str, str] = field(default_factory=dict)

    def lecture(self, slug: str, *cells: str, extra: str = "", prose: str = "") -> Path:
        blocks = [c if c.startswith("```") else code(c) for c in cells]
        text = HEADER.format(title=slug, extra=extra) + prose + "\n\n".join(blocks)
        path = self.root / "lectures" / f"{slug}.md"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text + "\n")
        self.toc()
        return path

    def page(self, name: str, text: str) -> None:
        path = self.root / "lectures" / f"{name}.md"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        self.toc()

    def toc(self) -> None:
        pages = sorted(p.stem for p in (self.root / "lectures").glob("*.md"))
        chapters = "".join(f"  - file: lectures/{page}\n" for page in pages)
        text = f"format: jb-book\nroot: index\nchapters:\n{chapters}"
        if not (self.root / "_toc.yml").exists() or chapters not in (
            self.root / "_toc.yml"
        ).read_text("utf8"):
            (self.root / "_toc.yml").write_text(text)

    def environment(self) -> dict[str, str]:
        quiet = {"PYTHONWARNINGS": "ignore", "PYTHONDONTWRITEBYTECODE": "1"}
        own = {"PYTHONPATH": str(self.root / "src"), **self.extra}
        return {**os.environ, **quiet, **own}

    def start(self, *arguments: str, **options: object) -> subprocess.Popen:  # type: ignore[type-arg]
        return subprocess.Popen(
            [sys.executable, "-m", "dgm.course.cli", *arguments],
            cwd=self.root,
            env=self.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **options,  # type: ignore[call-overload]
        )

    def dgm(self, *arguments: str, **options: object) -> "Done":
        process = self.start(*arguments, **options)
        out, err = process.communicate(timeout=180)
        return Done(process.returncode, out, err)

    def build(self) -> None:
        book = Path(sys.executable).with_name("jupyter-book")
        done = subprocess.run(
            [book, "build", "-q", "-W", "-n", "--keep-going", "."],
            cwd=self.root,
            env=self.environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def html(self, slug: str) -> str:
        return (self.root / "_build/html/lectures" / f"{slug}.html").read_text("utf8")


@dataclass
class Done:
    status: int
    out: str
    err: str

    @property
    def executed(self) -> list[str]:
        """Slugs of the notebooks that ran, in the order in which they ended."""
        lines = [line for line in self.out.splitlines() if line.startswith("[")]
        return [line.split()[1] for line in lines]


def new_course(folder: Path) -> Course:
    """A course without lectures, with a copy of the package that a test may edit."""
    root = folder / "course"
    shutil.copytree(
        Path(dgm.__file__).parent,
        root / "src" / "dgm",
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    (root / "book").mkdir()
    for extension in (
        "dgm_book",
        "dgm_buttons",
        "dgm_notebooks",
        "dgm_markdown",
        "dgm_plain",
    ):
        shutil.copy(REPOSITORY / "book" / f"{extension}.py", root / "book")
    (root / "_config.yml").write_text(CONFIG)
    (root / "index.md").write_text("# Mini\n")
    return Course(root)


def code(source: str, options: str = "") -> str:
    return f"```{{code-cell}} ipython3\n{options}{source.strip()}\n```"
