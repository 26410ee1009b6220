"""The course of tiny lectures that the tests here work on."""

from pathlib import Path

import pytest
from minicourse import Course, new_course


@pytest.fixture
def course(tmp_path: Path) -> Course:
    return new_course(tmp_path)
