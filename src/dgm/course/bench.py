"""``dgm bench``: what the book costs, measured beside its budgets."""

import statistics
import tempfile
import time
from pathlib import Path

from dgm.course.execute import execute
from dgm.course.files import Stop
from dgm.course.kernel import Limits

LECTURE_BUDGET = 60.0
PAGE_BUDGET = 1500.0


def main(root: Path, paths: list[Path]) -> int:
    """Execute each lecture alone from an empty cache; print seconds and page weight."""
    print(f"{'lecture':<34} {'seconds':>8} {'budget':>7} {'page kB':>8} {'budget':>7}")
    seconds = []
    for path in paths:
        with tempfile.TemporaryDirectory() as folder:
            start = time.monotonic()
            failures = execute([path], Path(folder), 1, Limits(), lambda line: None)
            seconds.append(time.monotonic() - start)
        if failures:
            raise Stop(failures[0])
        weight = page_kilobytes(root, path.relative_to(root).with_suffix("").as_posix())
        print(
            f"{path.stem:<34} {seconds[-1]:8.1f} {LECTURE_BUDGET:7.0f} "
            f"{weight if weight else 'no site':>8} {PAGE_BUDGET:7.0f}"
        )
    if seconds:
        print(f"median {statistics.median(seconds):.1f} s, total {sum(seconds):.1f} s")
    return 0


def page_kilobytes(root: Path, docname: str) -> int | None:
    """Weight of a built page: its HTML and the pictures it shows; None if not built."""
    site = root / "_build" / "html"
    page = site / f"{docname}.html"
    if not page.is_file():
        return None
    html = page.read_text("utf8")
    images = [i for i in (site / "_images").glob("*") if f"_images/{i.name}" in html]
    return (len(html.encode()) + sum(i.stat().st_size for i in images)) // 1000
