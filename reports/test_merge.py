"""Merging databases of several machines: nothing lost, nothing twice, nothing mixed."""

import os
import sqlite3

import example
import merge
import pytest
import results

VIEWS = ("summary", "claim_check", "finding", "wear_summary", "worst_sector", "history", "cost")


def make(path, *runs):
    db = results.make_results(path)
    for run in runs:
        example.add_run(db, **run)
    db.close()
    return str(path)


def content(path):
    """What a database says, without numbers that hold in one file only."""
    db = results.open_results(path)
    shown = {}
    for view in VIEWS:
        rows = db.execute(f"select * from {view}").fetchall()
        local = ("run", "divergence", "comparison")
        shown[view] = sorted(str([r[k] for k in r.keys() if k not in local]) for r in rows)
    return shown


@pytest.fixture
def machines(tmp_path):
    """Two machines that share a campaign: one run each of its own, one that both did."""
    both = {"scenario": "shared", "found": [example.found(shape=2, text="short\n")]}
    alone = {"scenario": "first", "found": [example.found(shape=1)]}
    other = {"scenario": "second", "engine": "naive", "found": [example.found(shape=3)]}
    again = {"scenario": "shared", "found": [example.found(shape=2, text="short\n")]}
    longer = {"scenario": "third", "found": [example.found(shape=1, text="a longer case\n" * 9)]}
    return make(tmp_path / "a.db", alone, both), make(tmp_path / "b.db", other, again, longer)


def merged(tmp_path, name, inputs):
    out = str(tmp_path / name)
    list(merge.merge(out, inputs))
    return content(out)


def test_the_order_of_the_files_does_not_matter(tmp_path, machines):
    a, b = machines
    assert merged(tmp_path, "ab.db", [a, b]) == merged(tmp_path, "ba.db", [b, a])


def test_merging_again_changes_nothing(tmp_path, machines):
    once = merged(tmp_path, "out.db", machines)
    assert merged(tmp_path, "out.db", machines) == once


def test_a_run_that_both_did_counts_once(tmp_path, machines):
    merged(tmp_path, "out.db", machines)
    db = results.open_results(tmp_path / "out.db")
    assert example.one(db, "select judged from summary where scenario = 'shared'") == 100
    assert example.one(db, "select count(*) from run") == 4


def test_of_one_divergence_in_two_files_the_shorter_case_is_kept(tmp_path, machines):
    merged(tmp_path, "out.db", machines)
    db = results.open_results(tmp_path / "out.db")
    query = "select text from divergence where shape = ? and engine in"
    query += " (select id from engine where name = 'seqmap')"
    assert "only:1" in example.one(db, query, f"{1:016x}")
    query = "select sum(states) from finding where shape = ? and engine = 'seqmap'"
    assert example.one(db, query, f"{1:016x}") == 6


def test_of_one_run_the_one_that_got_further_is_kept(tmp_path):
    half = {"state": "stopped", "judged": 70, "found": [example.found()]}
    stopped = make(tmp_path / "a.db", half)
    done = make(tmp_path / "b.db", {"state": "done", "judged": 100})
    for name, inputs in (("1.db", [stopped, done]), ("2.db", [done, stopped])):
        merged(tmp_path, name, inputs)
        db = results.open_results(tmp_path / name)
        assert example.one(db, "select judged from run") == 100
        assert example.one(db, "select count(*) from divergence") == 0


def test_comparisons_of_both_machines_are_there_once(tmp_path, machines):
    for path, scenarios in zip(machines, (("mine", "ours"), ("ours", "theirs"))):
        db = results.open_results(path, write=True)
        for scenario in scenarios:
            example.add_comparison(db, scenario=scenario)
            example.add_comparison(db, scenario=scenario, cuts=1, cuts_of=50)
        db.close()
    a, b = machines
    assert merged(tmp_path, "ab.db", [a, b]) == merged(tmp_path, "ba.db", [b, a])
    db = results.open_results(tmp_path / "ab.db")
    assert [row[0] for row in db.execute("select scenario from cost where cut_rate is null")] == [
        "mine",
        "ours",
        "theirs",
    ]
    assert example.one(db, "select count(*) from cost where cut_rate = '1/50'") == 3


def test_a_file_of_another_schema_is_refused_and_the_output_not_made(tmp_path, machines):
    strange = sqlite3.connect(machines[1])
    strange.execute("pragma user_version = 99")
    strange.close()
    with pytest.raises(results.Refused, match="b.db: results of schema 99"):
        list(merge.merge(str(tmp_path / "out.db"), machines))
    assert not os.path.exists(tmp_path / "out.db")


def test_engines_that_claim_different_things_are_not_mixed(tmp_path):
    a = make(tmp_path / "a.db", {"claims": ("edge",)})
    b = make(tmp_path / "b.db", {"claims": ("edge", "bits"), "scenario": "other"})
    with pytest.raises(results.Refused, match="b.db: seqmap claims bits in one file only"):
        list(merge.merge(str(tmp_path / "out.db"), [a, b]))
    assert content(tmp_path / "out.db") == content(a)


def test_the_output_is_no_input(tmp_path, machines):
    with pytest.raises(results.Refused, match="is an input and the output"):
        list(merge.merge(machines[0], machines))


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(results.Refused, match="no.db: no such file"):
        list(merge.merge(str(tmp_path / "out.db"), [str(tmp_path / "no.db")]))


def test_an_output_that_is_no_file_is_refused_and_stays(tmp_path, machines):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(results.Refused, match="pipe: not a file"):
        list(merge.merge(str(pipe), machines))
    assert pipe.is_fifo()


def test_an_output_without_a_name_is_refused(machines):
    with pytest.raises(results.Refused, match="the database's name is empty"):
        list(merge.merge("", machines))


def test_a_merge_through_a_link_goes_where_it_leads(tmp_path, machines):
    link = tmp_path / "link.db"
    link.symlink_to("out.db")
    list(merge.merge(str(link), machines))
    assert link.is_symlink()
    assert content(tmp_path / "out.db") == content(link)


def test_a_killed_machine_hands_in_what_it_had(tmp_path, machines):
    """Its newest results are still in the log beside the file."""
    db = results.open_results(machines[0], write=True)
    db.execute("pragma wal_autocheckpoint = 0")
    example.add_run(db, scenario="late")
    assert os.path.getsize(machines[0] + "-wal") > 0
    merged(tmp_path, "out.db", machines)
    there = results.open_results(tmp_path / "out.db")
    assert example.one(there, "select count(*) from run where scenario = 'late'") == 1
    db.close()
