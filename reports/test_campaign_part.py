"""What a part of a campaign begins with and hands back."""

import contextlib

import example
import part
import pytest
import results

TASK = "insert into task (campaign, name, key, state) select id, ?, ?, ? from campaign"
TASK += " where name = 'night'"


@pytest.fixture
def all_nights(tmp_path):
    """A night of which some was completed, in a series."""
    path = str(tmp_path / "results.db")
    with contextlib.closing(results.make_results(path)) as db:
        example.add_run(db, found=[example.found()])
        db.execute("update campaign set series = 'nights', ended = started")
        for number, state in enumerate(("done", "stopped", "failed")):
            db.execute(TASK, (f"it on seqmap, {state}", f"key {number}", state))
        db.execute(TASK, ("random scenarios on seqmap, round 7", "key 9", "done"))
    return path


def rows(path, query):
    with contextlib.closing(results.open_results(path)) as db:
        return [tuple(row) for row in db.execute(query)]


def test_a_part_begins_with_what_was_completed_and_no_results(all_nights, tmp_path):
    made = str(tmp_path / "part.db")
    part.begin(all_nights, made)
    assert rows(made, "select key, state from task") == [("key 0", "done")]
    night = "select name, series, started, ended from campaign"
    assert rows(made, night) == rows(all_nights, night)
    assert rows(made, "select count(*) from run") == [(0,)]


def test_a_part_hands_back_its_campaign_alone(all_nights, tmp_path):
    made, back = str(tmp_path / "part.db"), str(tmp_path / "back.db")
    part.begin(all_nights, made)
    with contextlib.closing(results.open_results(made, write=True)) as db:
        example.add_run(db, campaign="next", found=[example.found(shape=2)])
    part.end(made, "next", back)
    assert rows(back, "select name from campaign") == [("next",)]
    assert rows(back, "select count(*) from task") == [(0,)]
    assert rows(back, "select shape from divergence") == rows(made, "select shape from divergence")
    assert rows(back, "select count(*) from sighting") == [(1,)]


def test_the_first_part_of_all_begins_with_nothing(tmp_path):
    made = str(tmp_path / "part.db")
    part.begin(str(tmp_path / "missing.db"), made)
    assert rows(made, "select count(*) from campaign") == [(0,)]


def test_a_file_that_is_there_is_left_alone(all_nights, tmp_path):
    with pytest.raises(results.Refused, match="is there already"):
        part.begin(all_nights, all_nights)
    with pytest.raises(results.Refused, match="is there already"):
        part.end(all_nights, "night", all_nights)
