import subprocess

import pytest

from dgm.course.repository import Repository, commit, parse, repository

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
