import subprocess

import pytest

from dgm.course.repository import (
    Repository,
    commit,
    last_changes,
    parse,
    repository,
)

GITHUB = Repository("github.com", "someone/course")


@pytest.mark.parametrize(
    "address",
    [
        "https://github.com/someone/course",
        "https://github.com/someone/course.git",
        "https://github.com/someone/course/",
        "https://www.github.com/someone/course",
        "https://GitHub.com/someone/course.git",
        "http://github.com/someone/course",
        "https://user:secret@github.com/someone/course.git",
        "https://x-access-token:ghs_123@github.com/someone/course",
        "git@github.com:someone/course.git",
        "git@github.com:/someone/course",
        "ssh://git@github.com/someone/course.git",
        "ssh://git@github.com:22/someone/course",
        "git://github.com/someone/course.git",
        " https://github.com/someone/course\n",
    ],
)
def test_every_way_to_write_an_address_is_the_same_place(address):
    assert parse(address) == GITHUB
    assert parse(address).url == "https://github.com/someone/course"


@pytest.mark.parametrize(
    "address",
    ["", "/srv/git/course.git", "../course", "file:///srv/course.git", "C:/course"]
    + ["https://github.com", "https://github.com/someone", "https://localhost/a/b"]
    + ["git@intranet:a/b.git", "course", "https://github.com/some one/course"],
)
def test_what_no_reader_can_reach_is_no_address(address):
    assert parse(address) is None


def test_only_github_has_colab_and_pages():
    assert GITHUB.colab("lectures/x") == (
        "https://colab.research.google.com/github/someone/course"
        "/blob/notebooks/lectures/x.ipynb"
    )
    assert GITHUB.site == "https://someone.github.io/course/"
    other = parse("git@gitlab.com:group/sub/course.git")
    assert other.url == "https://gitlab.com/group/sub/course"
    assert other.colab("lectures/x") is None
    assert other.site is None


def test_the_site_of_a_user_stands_at_the_root():
    assert parse("https://github.com/Some/some.github.io").site == (
        "https://some.github.io/"
    )
    assert parse("https://github.com/Some/Course").site == (
        "https://some.github.io/Course/"
    )


def in_git(folder, *words):
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    subprocess.run(["git", *identity, "-C", folder, *words], check=True)


@pytest.fixture
def clone(tmp_path, monkeypatch):
    monkeypatch.delenv("DGM_REPO_URL", raising=False)
    in_git(tmp_path, "init", "-q")
    return tmp_path


def test_the_address_is_that_of_origin(clone):
    assert repository(clone) is None
    in_git(clone, "remote", "add", "origin", "git@github.com:someone/course.git")
    assert repository(clone) == GITHUB
    in_git(clone, "remote", "set-url", "origin", "/srv/git/course.git")
    assert repository(clone) is None


def test_the_environment_goes_first(clone, monkeypatch):
    in_git(clone, "remote", "add", "origin", "git@github.com:someone/course.git")
    monkeypatch.setenv("DGM_REPO_URL", "https://github.com/fork/course")
    assert repository(clone).path == "fork/course"
    monkeypatch.setenv("DGM_REPO_URL", "")
    assert repository(clone) is None


def test_the_commit_is_what_is_checked_out(clone):
    assert commit(clone) is None
    in_git(clone, "commit", "-q", "--allow-empty", "-m", "first")
    assert len(commit(clone)) == 40


def test_an_archive_inside_a_repository_is_none_of_gits(clone):
    in_git(clone, "remote", "add", "origin", "git@github.com:someone/course.git")
    (clone / "unpacked").mkdir()
    assert repository(clone / "unpacked") is None
    assert commit(clone / "unpacked") is None


def test_without_git_there_is_no_address(clone, monkeypatch):
    in_git(clone, "remote", "add", "origin", "git@github.com:someone/course.git")
    monkeypatch.setenv("PATH", "/nowhere")
    assert repository(clone) is None


def test_a_mistake_is_reported_where_the_host_has_a_form():
    title, body = "Mistake in “A & B”", "Page: A\nWhat?"
    said = "title=Mistake+in+%E2%80%9CA+%26+B%E2%80%9D&body=Page%3A+A%0AWhat%3F"
    place = "https://github.com/someone/course/issues/new"
    assert GITHUB.issue(title, body) == f"{place}?{said}"
    lab = Repository("gitlab.com", "group/course").issue("a", "b")
    assert lab == (
        "https://gitlab.com/group/course/-/issues/new"
        "?issue%5Btitle%5D=a&issue%5Bdescription%5D=b"
    )
    assert Repository("git.example.org", "group/course").issue("a", "b") is None


def test_binder_opens_a_source_of_a_repository_on_github():
    assert GITHUB.binder("lectures/x.md") == (
        "https://mybinder.org/v2/gh/someone/course/HEAD"
        "?urlpath=lab%2Ftree%2Flectures%2Fx.md"
    )
    assert Repository("gitlab.com", "group/course").binder("lectures/x.md") is None


def commit_on(folder, day, message, monkeypatch):
    for who in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{who}_DATE", f"{day}T12:00:00+0000")
    in_git(folder, "add", "--all")
    in_git(folder, "commit", "-q", "-m", message)
    return commit(folder)


def test_each_file_has_the_day_of_its_last_commit(clone, monkeypatch, tmp_path_factory):
    assert last_changes(clone) == {}
    (clone / "lectures").mkdir()
    first, second = clone / "lectures/first.md", clone / "zweite Übung.md"
    first.write_text("1")
    second.write_text("1")
    one = commit_on(clone, "2025-03-04", "2026-01-01 deceives", monkeypatch)
    first.write_text("2")
    two = commit_on(clone, "2025-05-06", "lectures/first.md", monkeypatch)
    first.write_text("not committed")
    assert last_changes(clone) == {
        "lectures/first.md": ("2025-05-06", two),
        "zweite Übung.md": ("2025-03-04", one),
    }
    shallow = tmp_path_factory.mktemp("shallow")
    subprocess.run(
        ["git", "clone", "-q", "--depth", "1", f"file://{clone}", shallow], check=True
    )
    assert last_changes(shallow) == {}  # its oldest commit seems to touch everything
