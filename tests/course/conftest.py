"""The course of tiny lectures that the tests here work on."""

import shutil
from pathlib import Path

import pytest
from minicourse import CONFIG, Course

import dgm

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def course(tmp_path: Path) -> Course:
    root = tmp_path / "course"
    shutil.copytree(
        Path(dgm.__file__).parent,
        root / "src" / "dgm",
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    (root / "book").mkdir()
    shutil.copy(REPOSITORY / "book" / "dgm_book.py", root / "book")
    (root / "_config.yml").write_text(CONFIG)
    (root / "index.md").write_text("# Mini\n")
    return Course(root)
