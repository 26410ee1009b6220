"""What pip would do on Colab, asked without doing it; readers can ask the same."""

import json
import zipfile
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

pytestmark = pytest.mark.site
ROOT = Path(__file__).parents[2]
ADDED = {"dgm-course", "jaxtyping", "pooch", "pot", "wadler-lindig"}  # a few MB


def plan(colab, folder, *words):
    """Name and version of what ``pip install`` would put in."""
    report = folder / "plan.json"
    colab.pip("install", "--dry-run", "--report", str(report), *words)
    entries = [e["metadata"] for e in json.loads(report.read_text("utf8"))["install"]]
    return {canonicalize_name(e["name"]): e["version"] for e in entries}


def there(colab):
    """Name and version of what is installed."""
    return {canonicalize_name(n): v for n, v in colab.versions().items()}


def fake_wheel(folder, name, version, *needs):
    """A wheel without content."""
    lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
    about = f"{name}-{version}.dist-info"
    path = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as file:
        needed = [f"Requires-Dist: {need}" for need in needs]
        file.writestr(f"{about}/METADATA", "\n".join([*lines, *needed]) + "\n")
        kind = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        file.writestr(f"{about}/WHEEL", kind)
        file.writestr(f"{about}/RECORD", "")
    return path


def test_pip_would_add_a_few_light_packages_and_change_none(colab, tmp_path):
    before = there(colab)
    (wheel,) = (ROOT / "_build" / "notebooks").glob("*.whl")
    planned = plan(colab, tmp_path, str(wheel))
    assert not planned.keys() & before.keys()
    left_over = ADDED & before.keys()  # in an environment that was made long ago
    assert planned.keys() | left_over == ADDED


def test_a_package_that_would_change_what_is_there_shows(colab, tmp_path):
    before = there(colab)
    fake_wheel(tmp_path, "numpy", "99.0")
    needy = fake_wheel(tmp_path, "needy", "1.0", "numpy>=99")
    words = "--no-index", "--find-links", str(tmp_path), str(needy)
    planned = plan(colab, tmp_path, *words)
    assert planned == {"needy": "1.0", "numpy": "99.0"}
    assert planned.keys() & before.keys() == {"numpy"}
