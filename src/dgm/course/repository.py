"""Where the book's own repository is published: a fork's buttons are its own."""

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlencode

NOTEBOOK_BRANCH = "notebooks"
# https://host/owner/name, ssh://git@host:22/owner/name, git@host:owner/name
ADDRESS = re.compile(
    r"^(?:(?:https?|ssh|git)://(?:[^@/]*@)?(?P<host>[\w.-]+)(?::\d+)?/"
    r"|(?:[\w.-]+@)(?P<scp_host>[\w.-]+):/?)"
    r"(?P<path>[\w.~-]+(?:/[\w.~-]+)+)/?$"
)


@dataclass(frozen=True)
class Repository:
    """A public repository: ``host`` such as github.com, ``path`` such as owner/name."""

    host: str
    path: str

    @property
    def url(self) -> str:
        """Its address for a browser and for pip; without user names or tokens."""
        return f"https://{self.host}/{self.path}"

    @property
    def is_github(self) -> bool:
        """Whether Colab can open its notebooks."""
        return self.host == "github.com" and self.path.count("/") == 1

    def colab(self, docname: str) -> str | None:
        """Address that opens a page's notebook in Colab; None where Colab cannot."""
        if not self.is_github:
            return None
        place = f"{self.path}/blob/{NOTEBOOK_BRANCH}/{docname}.ipynb"
        return f"https://colab.research.google.com/github/{place}"

    def binder(self, source: str) -> str | None:
        """Address that opens a source file on Binder; None where Binder cannot."""
        if not self.is_github:
            return None
        query = urlencode({"urlpath": f"lab/tree/{source}"})
        return f"https://mybinder.org/v2/gh/{self.path}/HEAD?{query}"

    def issue(self, title: str, body: str) -> str | None:
        """Address of a form for a new issue, filled in; None for an unknown host."""
        if self.host in ("github.com", "codeberg.org"):
            query = urlencode({"title": title, "body": body})
            return f"{self.url}/issues/new?{query}"
        if self.host.split(".")[0] == "gitlab":
            query = urlencode({"issue[title]": title, "issue[description]": body})
            return f"{self.url}/-/issues/new?{query}"
        return None

    @property
    def site(self) -> str | None:
        """Where GitHub Pages shows the site that the workflow publishes."""
        if not self.is_github:
            return None
        owner, name = self.path.lower().split("/")[0], self.path.split("/")[1]
        folder = "" if name.lower() == f"{owner}.github.io" else f"{name}/"
        return f"https://{owner}.github.io/{folder}"


def parse(address: str) -> Repository | None:
    """Read an address as git writes it; None if it is no public place.

    >>> parse("git@github.com:someone/course.git").url
    'https://github.com/someone/course'
    """
    match = ADDRESS.match(address.strip())
    if match is None:
        return None
    host = (match["host"] or match["scp_host"]).lower().removeprefix("www.")
    path = match["path"].removesuffix(".git")
    return Repository(host, path) if "." in host else None


def repository(root: Path) -> Repository | None:
    """The book's repository: ``DGM_REPO_URL``, or else git's ``origin``, if any.

    An empty ``DGM_REPO_URL`` means that there is none.
    """
    told = os.environ.get("DGM_REPO_URL")
    address = git(root, "remote", "get-url", "origin") if told is None else told
    return parse(address or "")


def commit(root: Path) -> str | None:
    """The commit that is checked out, if the folder is git's."""
    return git(root, "rev-parse", "HEAD")


class Change(NamedTuple):
    """The last commit that touched a file: its date, as 2026-08-01, and its name."""

    date: str
    commit: str


def last_changes(root: Path) -> dict[str, Change]:
    """The last change of each file, by its path from the folder.

    Empty without git, and where git has not the whole history: the oldest commit of a
    shallow clone seems to have touched everything.
    """
    if git(root, "rev-parse", "--is-shallow-repository") != "false":
        return {}
    words = ["-c", "core.quotePath=off", "log", "--format=%x00%cs %H", "--name-only"]
    found: dict[str, Change] = {}
    for entry in (git(root, *words) or "").split("\0")[1:]:
        head, *paths = entry.splitlines()
        change = Change(*head.split())
        for path in filter(None, paths):
            found.setdefault(path, change)
    return found


def git(root: Path, *words: str) -> str | None:
    """What git answers for the folder; None without git or if git refuses.

    A folder inside another repository, such as an unpacked archive, is none of git's.
    """
    if not (root / ".git").exists():
        return None
    try:
        done = subprocess.run(
            ["git", "-C", str(root), *words],
            capture_output=True,
            text=True,
            check=True,
            timeout=20,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
