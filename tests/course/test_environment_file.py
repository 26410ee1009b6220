"""``environment.yml``, for conda and Binder, agrees with what CI proves."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf8"))["project"]
PINNED = {
    canonicalize_name(name): version
    for name, _, version in (
        line.partition("==")
        for line in (ROOT / "constraints.txt").read_text("utf8").split()
        if "==" in line
    )
}


@pytest.fixture
def listed():
    text = (ROOT / "environment.yml").read_text("utf8")
    return yaml.safe_load(text)["dependencies"]


def options(listed):
    """The pip section: options by name, and the plain requirements."""
    (section,) = (entry["pip"] for entry in listed if isinstance(entry, dict))
    words = [line.split() for line in section]
    return {w[0]: w[1] for w in words if len(w) == 2}, [
        w[0] for w in words if len(w) == 1
    ]


def test_its_python_is_the_packages(listed):
    (python,) = (e for e in listed if isinstance(e, str) and e.startswith("python "))
    wanted = SpecifierSet(PROJECT["requires-python"])
    assert SpecifierSet(python.removeprefix("python ")) == wanted


def test_its_pip_section_names_what_there_is(listed):
    given, plain = options(listed)
    assert (ROOT / given["--constraint"]).is_file()
    folder, extra = re.fullmatch(r"(.*?)\[(\w+)\]", given["--editable"]).groups()
    assert (ROOT / folder / "pyproject.toml").is_file()
    assert extra in PROJECT["optional-dependencies"]
    index = re.search(r"^TORCH_INDEX \?= (\S+)", (ROOT / "Makefile").read_text(), re.M)
    assert given["--extra-index-url"] == index[1]
    assert plain == ["jupyterlab"]
    assert not {canonicalize_name(name) for name in plain} & PINNED.keys()


def test_every_package_it_installs_is_pinned_within_its_bounds():
    needed = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["book"]]
    for requirement in map(Requirement, needed):
        version = PINNED[canonicalize_name(requirement.name)]
        assert version in requirement.specifier, requirement


def test_what_binder_runs_afterwards_makes_lectures_notebooks(tmp_path):
    """With jupytext as pinned, in a home of its own."""
    bins = Path(sys.executable).parent
    subprocess.run(
        [ROOT / "postBuild"],
        env={"HOME": str(tmp_path), "PATH": f"{bins}:/usr/bin:/bin"},
        check=True,
    )
    (written,) = tmp_path.rglob("*.json")
    assert '"markdown": "Jupytext Notebook"' in written.read_text("utf8")
