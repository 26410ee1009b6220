"""The directive ``full-size-runs``: reports under ``results/full``, in a table.

``dgm run ... --keep NAME`` writes such a report. It is shown with what it was run with,
apart from the book's own numbers and from published ones. Where there is no report the
page says so.
"""

import json
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar

from dgm_scoretable import SIGNS
from dgm_tables import TextTables
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging

from dgm.course.notebook import root_of

log = logging.getLogger(__name__)
FOLDER = Path("results/full")
NEEDED = ("lecture", "parameters", "records", "device", "started", "seconds", "commit")
HEAD = ("run", "with", "record", "value")


class FullSizeRuns(TextTables):
    """See the head of this module; its content is shown if there is no run."""

    has_content = True
    option_spec: ClassVar = {"records": str}

    def run(self) -> list[nodes.Node]:
        """A table of the runs that are there."""
        rows = []
        self.env.metadata[self.env.docname]["dgm_reports"] = _reports(self.env)
        for path in _reports(self.env):
            self.env.note_dependency(str(path))
            try:
                rows += self._rows(path)
            except (OSError, ValueError, KeyError, TypeError) as error:
                said = f"full-size-runs: {FOLDER / path.name} is no report: {error!r}."
                log.warning(said, location=self.get_location(), type="dgm")
        if not rows:
            return self.parsed("\n".join(self.content))
        return [self.table(HEAD, rows, ["dgm-published", "dgm-full-size"])]

    def _rows(self, path: Path) -> list[tuple[str, ...]]:
        """A line for each record whose name begins as the option ``records`` says."""
        report = json.loads(path.read_text("utf8"))
        whole = {key: report[key] for key in NEEDED}
        begins = self.options.get("records", "test_")
        found = [r for r in whole["records"] if r["name"].startswith(begins)]
        shown = [r for r in found if r["kind"] in SIGNS]
        first = (f"{path.stem}: {{doc}}`/lectures/{whole['lecture']}`", _made(whole))
        return [
            (*(first if number == 0 else ("", "")), f"`{r['name']}`", _value(r))
            for number, r in enumerate(shown)
        ]


def _reports(env: BuildEnvironment) -> list[Path]:
    return sorted((root_of(Path(env.srcdir)) / FOLDER).glob("*.json"))


def read_again(app: Sphinx, env: BuildEnvironment, *_: set[str]) -> list[str]:
    """Pages that show reports, if there is one more or less; changes Sphinx sees."""
    shown = {page: data.get("dgm_reports") for page, data in env.metadata.items()}
    return [page for page, those in shown.items() if those not in (None, _reports(env))]


def _made(report: dict[str, Any]) -> str:
    """What it was run with, on what, when, and how long it took."""
    given = ", ".join(f"`{k}={v}`" for k, v in report["parameters"].items())
    day = datetime.fromisoformat(report["started"]).date().isoformat()
    hours = report["seconds"] / 3600
    commit = f", commit {report['commit'][:10]}" if report["commit"] else ""
    return (
        f"{given or 'its own size'}; {report['device']}, {day}, {hours:.1f} h{commit}"
    )


def _value(record: dict[str, Any]) -> str:
    spread = "" if record["stderr"] is None else f" ± {record['stderr']:.2f}"
    sign = SIGNS[record["kind"]]
    return f"{sign} {record['value']:.2f}{spread} ({record['kind']})"


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect the above."""
    app.add_directive("full-size-runs", FullSizeRuns)
    app.connect("env-get-outdated", read_again)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
