"""The port that reads everything twice (engines/twice.h): with it in between each engine survives
the class glitch, which none claims alone.

If this finds something where an engine is sound, the harness accuses the innocent; without the
port it must find something, or it went blind.
"""

import pytest
from harness import Harness
from ports import ENGINES, alone, explore, explore_alone


@pytest.fixture
def harness(quick, tmp_path):
    return Harness(quick, tmp_path)


@pytest.mark.parametrize("title", ENGINES)
def test_with_every_read_made_twice_an_engine_survives_glitch(harness, root, title):
    result = explore(harness, root, "twice", "glitch", title, "--faults", "glitch")
    assert result.judged > 200 and not result.found


@pytest.mark.parametrize("title", alone())
def test_without_it_the_engine_does_not(harness, title):
    """Nor does any claim it."""
    options = ("--faults", "glitch", "--max", 1, "--no-shrink")
    assert explore_alone(harness, title, *options).found
