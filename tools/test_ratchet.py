"""ratchet.py: a bound is kept, tightened, and never loosened."""

import pytest

from tools import ratchet
from tools.ratchet import Figure

AT = {"proof": Figure("least", 2.1), "length": Figure("most", 23)}


@pytest.fixture
def bounds(tmp_path):
    """A file that bounds proof and length."""
    path = tmp_path / "bounds"
    ratchet.tighten(path, AT, "a title")
    return path


def test_the_file_is_text_and_reads_back(bounds):
    assert bounds.read_text() == "# a title\nat most 23   length\nat least 2.1  proof\n"
    assert ratchet.read(bounds) == AT


def test_without_a_file_there_is_no_bound(tmp_path):
    assert ratchet.read(tmp_path / "none") == {}
    assert list(ratchet.worse(tmp_path / "none", AT)) == []


def test_equal_or_better_keeps_the_bounds(bounds):
    assert list(ratchet.worse(bounds, AT)) == []
    better = {"proof": Figure("least", 2.2), "length": Figure("most", 22)}
    assert list(ratchet.worse(bounds, better)) == []


def test_worse_is_said_with_both_figures(bounds):
    now = {"proof": Figure("least", 2.0), "length": Figure("most", 24)}
    assert list(ratchet.worse(bounds, now)) == [
        "2 proof; it must be at least 2.1",
        "24 length; it must be at most 23",
    ]


def test_what_got_better_is_written_and_what_got_worse_is_not(bounds):
    now = {"proof": Figure("least", 2.0), "length": Figure("most", 20)}
    assert ratchet.tighten(bounds, now, "t") == {"length": Figure("most", 20)}
    assert ratchet.read(bounds) == {"proof": Figure("least", 2.1), "length": Figure("most", 20)}


def test_a_new_figure_comes_in_and_one_that_is_gone_goes_out(bounds):
    now = {"proof": AT["proof"], "new": Figure("least", 1)}
    assert set(ratchet.tighten(bounds, now, "t")) == {"new"}
    assert set(ratchet.read(bounds)) == {"proof", "new"}


def test_a_line_that_is_none_is_refused(bounds):
    bounds.write_text("at best 3 proof\n")
    with pytest.raises(SystemExit, match="bounds:1: expected 'at least N what'"):
        ratchet.read(bounds)
