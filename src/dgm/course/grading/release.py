"""``dgm release``: from masters to the editions that students get."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dgm.course.files import Stop, write_atomically
from dgm.course.grading.master import (
    Cell,
    ProblemSet,
    notebook_of,
    parse,
    read_master,
    released,
    text_of,
)

CODE_CELL = re.compile(r"(`{3,}|:{3,}|~{3,})\{code-cell\}")
SHORTEST = 12  # characters: a shorter line says nothing that the text may not say too
KERNEL = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def editions(path: Path) -> dict[str, str]:
    """The student's edition of a master, as ``.md`` and as ``.ipynb``.

    Raises:
        Stop: if the master breaks a rule, or something of it would leak.
    """
    text = text_of(path)
    problems = parse(text, path.stem)
    page = student_text(text)
    _compare(problems, page)
    if leaks := sorted(set(leaked(problems, page))):
        raise Stop(
            f"{path}: these lines of a solution or a hidden test also stand where "
            f"students see them: {leaks}. Say it in other words there."
        )
    return {".md": page, ".ipynb": to_notebook(problems)}


def student_text(text: str) -> str:
    """A master's text with stubs for solutions, without hidden tests."""
    out: list[str] = []
    pending: list[str] = []
    fence = ""
    for line in text.split("\n"):
        opening = CODE_CELL.match(line)
        if not fence and opening or fence and line.strip() == fence:
            out += released(pending, code=bool(fence))
            pending, fence = [], "" if fence else opening[1] if opening else ""
            out.append(line)
        else:
            pending.append(line)
    return "\n".join(out + released(pending, code=bool(fence)))


def _compare(problems: ProblemSet, page: str) -> None:
    """The page read back has exactly the cells that the master's stubs promise."""
    cells = notebook_of(page, problems.slug).cells
    expected = [cell.stub.strip() for cell in problems.cells]
    if [cell.source.strip() for cell in cells] != expected:
        raise Stop(
            f"{problems.slug}: a student's edition has other cells than the master. "
            "Does a solution hold a code fence or a line `+++`?"
        )


def secret_lines(cell: Cell) -> Iterator[str]:
    """What of a cell its stub does not show, line by line."""
    shown = {line.strip() for line in cell.stub.split("\n")}
    for line in cell.source.split("\n"):
        if (text := line.strip()) not in shown:
            yield text


def leaked(problems: ProblemSet, page: str) -> Iterator[str]:
    """Lines of solutions and hidden tests that a page shows all the same."""
    shown = {line.strip() for line in page.split("\n")}
    for cell in problems.cells:
        for line in secret_lines(cell):
            if len(line) >= SHORTEST and line in shown:
                yield line


def to_notebook(problems: ProblemSet) -> str:
    """The student's edition as the text of an ``.ipynb`` file, the same every time."""
    cells = [_to_json(cell, number) for number, cell in enumerate(problems.cells)]
    book = {"cells": cells, "metadata": KERNEL, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(book, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def _to_json(cell: Cell, number: int) -> dict[str, Any]:
    metadata: dict[str, Any] = {}
    if cell.metadata:
        metadata["nbgrader"] = cell.metadata
        metadata["deletable"] = False
        if cell.kind not in ("answer", "manual", "written"):
            metadata["editable"] = False
    common = {
        "id": re.sub(r"[^\w-]", "-", cell.id)[:60] or f"cell-{number}",
        "metadata": metadata,
        "source": cell.stub.strip("\n").splitlines(keepends=True),
    }
    if cell.code:
        return {"cell_type": "code", "execution_count": None, "outputs": [], **common}
    return {"cell_type": "markdown", **common}


def masters(root: Path, names: list[str]) -> list[Path]:
    """The masters of a course, or those named by slug or path.

    Raises:
        Stop: if one is not there.
    """
    every = sorted(
        path
        for path in (root / "solutions").glob("*.md")
        if not path.name.endswith(".draft.md") and path.name != "README.md"
    )
    known = {path.stem: path for path in every}
    chosen = [known.get(Path(name).stem, Path(name)) for name in names] or every
    for path in chosen:
        if not path.is_file():
            raise Stop(
                f"No problem set '{path}'; there is {', '.join(known) or 'none'}."
            )
    return chosen


def out_of_step(root: Path, path: Path) -> dict[Path, str]:
    """What ``exercises/`` should hold for a master, and does not."""
    wanted = {
        root / "exercises" / f"{path.stem}{suffix}": text
        for suffix, text in editions(path).items()
    }
    return {
        target: text
        for target, text in wanted.items()
        if not target.is_file() or target.read_text("utf8") != text
    }


def strangers(root: Path) -> list[Path]:
    """Editions whose master is gone."""
    slugs = {path.stem for path in masters(root, [])}
    found = sorted((root / "exercises").glob("*.*"))
    return [p for p in found if p.suffix in (".md", ".ipynb") and p.stem not in slugs]


def main(root: Path, names: list[str], unsafe: bool = False) -> int:
    """``dgm release``: write ``exercises/``."""
    for path in masters(root, names):
        for target, text in out_of_step(root, path).items():
            write_atomically(target, text)
            print(f"Wrote {target.relative_to(root)}")
    for path in strangers(root):
        print(f"{path.relative_to(root)} has no master in solutions/: remove it.")
    return 0


def master_as_submission(path: Path, solved: bool) -> str:
    """A notebook with all solutions, or with none: what must score full and nought."""
    problems = read_master(path)
    if not solved:
        return to_notebook(problems)
    cells = [_to_json(cell, number) for number, cell in enumerate(problems.cells)]
    for made, cell in zip(cells, problems.cells, strict=True):
        if cell.kind in ("answer", "manual", "written"):
            made["source"] = cell.source
    return json.dumps({"cells": cells, "metadata": KERNEL, "nbformat": 4})
