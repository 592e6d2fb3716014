"""The port that reads back what it wrote (engines/verified.h): with it in between an engine that
survives the class fail survives the class lie, which none claims alone.

If this finds something where an engine is sound, the harness accuses the innocent; without the
port it must find something, or it went blind.
"""

import pytest
from harness import Harness
from ports import ENGINES, alone, explore, explore_alone

LIES = ("--faults", "lie")


@pytest.fixture
def harness(quick, tmp_path):
    return Harness(quick, tmp_path)


@pytest.mark.parametrize("title", ENGINES)
def test_with_every_change_read_back_an_engine_survives_lie(harness, root, title):
    result = explore(harness, root, "verified", "lie", title, *LIES)
    assert result.judged > 50 and not result.found


@pytest.mark.parametrize("title", alone())
def test_without_it_the_engine_does_not(harness, title):
    """Nor does any claim it."""
    assert explore_alone(harness, title, "--faults", "lie", "--max", 1, "--no-shrink").found
