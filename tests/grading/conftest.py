"""For tests that need a sandbox."""

import pytest
from handed_in import sandbox_or_reason


@pytest.fixture
def walled() -> None:
    """Skip where no sandbox can be built; one test fails there if CI must have one."""
    walls, why = sandbox_or_reason()
    if walls is None:
        pytest.skip(why)
