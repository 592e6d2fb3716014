"""The results database: its schema explains itself, and the command writes it, whatever happens."""

import os
import re
import signal
import sqlite3
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import example
import pytest
import results
from conftest import made, run_program

SCHEMA = Path(results.SCHEMA).read_text()


@pytest.fixture(scope="module")
def driver(build):
    """The writer: db_test in its second role."""
    return made(build / "test" / "fuzz" / "db" / "db_test")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "results.db"


def store(driver, path, campaign="night", first=0, count=1):
    return run_program(driver, "store", path, campaign, first, count)


def refused(driver, path):
    """The one line that is printed about a path that is no use."""
    done = run_program(driver, "open", path)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith(f"{path}: ")
    return done.stderr[len(f"{path}: ") : -1]


# --- the schema ---


def blocks(kind):
    """(name, comment before, body lines) of everything of a kind that the schema creates."""
    pattern = rf"((?:--[^\n]*\n)*)create {kind} (\w+)(.*?);\n"
    for comment, name, body in re.findall(pattern, SCHEMA, re.S):
        yield name, comment, body.split("\n")


@pytest.mark.parametrize("kind", ["table", "view"])
def test_every_table_and_view_has_a_comment(kind):
    found = list(blocks(kind))
    assert len(found) > 5
    assert [name for name, comment, _ in found if len(comment) < 20] == []


def test_every_column_of_a_table_has_a_comment():
    db = sqlite3.connect(":memory:")
    db.executescript(SCHEMA)
    silent = []
    for table, _, lines in blocks("table"):
        for row in db.execute(f"pragma table_info({table})"):
            line = next(line for line in lines if re.match(rf"\s+{row[1]}\s", line))
            if "-- " not in line:
                silent.append(f"{table}.{row[1]}")
    assert silent == []


def test_every_column_of_a_view_has_a_comment():
    db = sqlite3.connect(":memory:")
    db.executescript(SCHEMA)
    silent = []
    for view, _, lines in blocks("view"):
        for row in db.execute(f"pragma table_info({view})"):
            named = rf"\bas {row[1]}\b,?\s+-- "
            if not any(re.search(named, line) for line in lines):
                silent.append(f"{view}.{row[1]}")
    assert silent == []


def test_the_command_and_the_tools_know_the_same_schema(driver, path):
    store(driver, path)
    there = sqlite3.connect(path)
    known = sqlite3.connect(":memory:")
    known.executescript(SCHEMA)
    query = "select type, name, sql from sqlite_master order by type, name"
    assert list(there.execute(query)) == list(known.execute(query))
    for pragma in ("application_id", "user_version"):
        query = f"pragma {pragma}"
        assert there.execute(query).fetchone() == known.execute(query).fetchone()
    assert there.execute("pragma journal_mode").fetchone()[0] == "wal"


# --- the views ---


def finding(db, word):
    return example.one(db, "select finding from claim_check where class = ?", word)


def test_a_claim_holds_is_broken_not_tried_or_not_made(path):
    db = results.make_results(path)
    example.add_run(db, judged_by_class={"uncut": 9, "edge": 4, "bits": 4}, found=[example.found()])
    verdicts = [finding(db, word) for word in ("uncut", "edge", "prefix", "bits", "weak")]
    assert verdicts == ["holds", "holds", "not tried", "BROKEN", "not claimed"]


def test_a_divergence_beyond_the_claims_breaks_none(path):
    db = results.make_results(path)
    example.add_run(db, found=[example.found(under="weak")])
    assert finding(db, "weak") == "not claimed"
    assert example.one(db, "select count(*) from claim_check where finding = 'BROKEN'") == 0
    assert tuple(db.execute("select divergences, broken from summary").fetchone()) == (1, 0)


def test_shards_share_their_states_but_not_their_wear(path):
    db = results.make_results(path)
    for shard in range(3):
        example.add_run(db, shard=shard, shards=3)
    assert example.one(db, "select judged from summary") == 300
    assert example.one(db, "select count(*) from wear_summary") == 1
    assert example.one(db, "select erases from wear_summary") == 8


def test_wear_tells_when_the_worst_sector_is_worn_out(path):
    db = results.make_results(path)
    example.add_run(db, wear={2: 100}, operations=1440, every_ns=60 * 10**9, endurance=1000)
    row = db.execute("select * from wear_summary").fetchone()
    assert (row["erases_min"], row["erases_max"], row["sectors_erased"]) == (0, 100, 1)
    assert row["lifetime_days"] == pytest.approx(10)
    assert row["lifetime_operations"] == pytest.approx(14400)
    assert example.one(db, "select sector from worst_sector") == 2


def test_a_cut_costs_what_the_same_work_does_without(path):
    db = results.make_results(path)
    example.add_comparison(db, erases=80, programs=1500)
    example.add_comparison(db, erases=95, programs=1530, cuts=1, cuts_of=100, cut_in_program=8)
    example.add_comparison(db, erases=9, engine="naive")
    costs = db.execute("select * from cost where engine = 'seqmap'").fetchall()
    assert [row["cut_rate"] for row in costs] == [None, "1/100"]
    assert [row["more_erases_per_cut"] for row in costs] == [None, pytest.approx(15 / 8)]
    assert costs[1]["more_programs_per_cut"] == pytest.approx(30 / 8)
    assert costs[0]["bytes_per_payload_byte"] == pytest.approx(1.5)


def state(db, **columns):
    """Of the one divergence, after a run in a campaign of its own."""
    campaign = f"campaign-{example.one(db, 'select count(*) from campaign')}"
    example.add_run(db, campaign=campaign, **columns)
    return example.one(db, "select state from history")


def test_a_finding_is_new_known_or_gone(path):
    db = results.make_results(path)
    assert state(db, found=[example.found()]) == "new"
    assert state(db, found=[example.found()], build="another") == "known"
    assert state(db, state="stopped") == "known"
    assert state(db, build="mended") == "gone"
    assert state(db, found=[example.found()]) == "new", "what was gone and comes back is red"


@pytest.mark.parametrize(
    "less",
    [{"faults": "edge,prefix"}, {"depth": 0}, {"script": "another"}, {"bits_max": 8}]
    + [{"shards": 2}, {"reach": 3}, {"used": 0}, {"seed": "1"}, {"engine": "other"}],
)
def test_a_run_that_covers_less_leaves_a_finding_known(path, less):
    db = results.make_results(path)
    state(db, found=[example.found()])
    assert state(db, **less) == "known"


def test_what_one_of_two_runs_saw_is_gone_when_both_are_covered(path):
    db = results.make_results(path)
    state(db, found=[example.found()])
    state(db, found=[example.found()], script="another")
    assert state(db) == "known"
    assert state(db, script="another") == "gone"


def test_a_night_is_compared_with_those_of_its_series_that_came_to_their_end(path):
    db = results.make_results(path)

    def night(campaign, series, ended, **columns):
        example.add_run(db, campaign=campaign, series=series, **columns)
        db.execute("update campaign set ended = ? where name = ?", (ended, campaign))
        rows = db.execute("select series, state from history order by series")
        return [tuple(row) for row in rows]

    seen = {"found": [example.found()]}
    assert night("ours-1", "ours", "", **seen) == [("ours", "new")]
    assert night("ours-2", "ours", "now", state="stopped") == [("ours", "new")], "1 was killed"
    assert night("ours-3", "ours", "", state="stopped") == [("ours", "known")], "2 reported it"
    assert night("other-1", "other", "now", **seen) == [("other", "new"), ("ours", "known")]
    assert night("ours-4", "ours", "", **seen) == [("other", "new"), ("ours", "known")]
    assert night("ours-5", "ours", "") == [("other", "gone"), ("ours", "gone")]


def test_what_no_run_covers_is_gone_when_its_case_shows_it_no_more(path):
    db = results.make_results(path)

    def look(shown, campaign="night"):
        row = {"engine": "seqmap", "clause": "atomic", "shape": example.found()[0]["shape"]}
        there = example.one(db, "select id from campaign where name = ?", campaign)
        db.execute("delete from looked where campaign = ?", (there,))
        example.insert(db, "looked", campaign=there, **row, started=example.next_moment(db),
                       shown=shown)
        return example.one(db, "select state from history")

    example.add_run(db, kind="fuzz", found=[example.found()])
    example.add_run(db, "next", kind="fuzz")
    assert example.one(db, "select state from history") == "known"
    assert look(0) == "known", "it never showed it"
    assert look(1) == "known"
    example.add_run(db, "next", scenario="other")
    assert look(0, "next") == "gone"
    example.add_run(db, "third", kind="fuzz", found=[example.found()])
    assert example.one(db, "select state from history") == "new"


def test_history_tells_the_first_and_the_last_campaign_that_saw_a_divergence(path):
    db = results.make_results(path)
    for campaign in ("monday", "tuesday", "wednesday"):
        seen = [example.found()] if campaign != "wednesday" else []
        example.add_run(db, campaign=campaign, found=seen)
    row = db.execute("select first_seen, last_seen, campaigns from history").fetchone()
    assert tuple(row) == ("monday", "tuesday", 2)


# --- what can't be opened ---


def test_a_file_that_is_no_database_is_refused_and_left_alone(driver, path):
    path.write_text("a note of mine, longer than the header of a database file would be " * 3)
    before = path.read_bytes()
    assert refused(driver, path) == "not a results database"
    assert path.read_bytes() == before


def test_the_database_of_another_program_is_refused_and_left_alone(driver, path):
    db = sqlite3.connect(path)
    db.execute("create table mine (thing)")
    db.close()
    before = path.read_bytes()
    assert refused(driver, path) == "a database of another program; name another file"
    assert path.read_bytes() == before


def test_another_schema_is_refused(driver, path):
    store(driver, path)
    db = sqlite3.connect(path)
    db.execute("pragma user_version = 99")
    db.close()
    assert refused(driver, path) == ("results of schema 99, but this program writes schema 8; "
                                     "name another file")
    with pytest.raises(results.Refused, match="schema 99"):
        results.open_results(path)


def test_an_older_schema_is_refused_with_the_way_to_keep_it(driver, path):
    store(driver, path)
    db = sqlite3.connect(path)
    db.execute("pragma user_version = 3")
    db.close()
    assert refused(driver, path).endswith(
        "name another file, into which reports/merge.py takes these"
    )
    with pytest.raises(results.Refused, match=f"reports/merge.py NEW.db {path} takes them over"):
        results.open_results(path)


def test_a_damaged_database_is_refused(driver, path):
    store(driver, path)
    path.write_bytes(path.read_bytes()[:5000])
    assert refused(driver, path) == "the database is damaged; name another file"


def test_a_folder_and_a_device_are_refused(driver, tmp_path):
    for it in (tmp_path, "/dev/full"):
        assert refused(driver, it) == "not a file"


def test_an_empty_name_is_refused(driver):
    done = run_program(driver, "open", "")
    assert (done.returncode, done.stderr) == (2, "the database's name is empty\n")


def test_a_folder_that_is_not_there_is_refused(driver, tmp_path):
    assert refused(driver, tmp_path / "no" / "x.db") == "can't be opened: No such file or directory"


def test_a_folder_that_takes_no_file_is_refused(driver):
    """/proc takes none from anybody, root included."""
    assert refused(driver, "/proc/results.db").startswith("can't be opened: ")


def test_a_name_that_means_something_to_sqlite_is_a_file(driver, tmp_path):
    done = run_program(driver, "open", ":memory:", cwd=tmp_path)
    assert done.returncode == 0
    results.open_results(tmp_path / ":memory:").close()


def test_an_empty_file_becomes_a_database(driver, path):
    path.touch()
    assert store(driver, path).returncode == 0
    results.open_results(path).close()


# --- what happens in the middle ---


def test_nothing_but_the_database_stays_behind(driver, path):
    store(driver, path)
    assert os.listdir(path.parent) == ["results.db"]


def test_two_writers_at_once_lose_nothing(driver, path):
    command = [driver, "store", path, "night"]
    writers = [
        subprocess.Popen([*command, str(100 * i), "20"], stdout=subprocess.DEVNULL)
        for i in range(3)
    ]
    assert [writer.wait() for writer in writers] == [0, 0, 0]
    db = results.open_results(path)
    assert example.one(db, "select count(*) from run where state = 'done'") == 60
    assert example.one(db, "select sum(states) from sighting") == 180


def test_the_same_runs_by_two_at_once_lose_nothing(driver, path):
    """One took the rows of the other away, whose next result then had no run."""
    command = [driver, "store", path, "night", "0", "20"]
    writers = [subprocess.Popen(command, stdout=subprocess.DEVNULL) for _ in range(3)]
    assert [writer.wait() for writer in writers] == [0, 0, 0]
    db = results.open_results(path)
    assert example.one(db, "select count(*) from run where state = 'done'") == 60
    assert example.one(db, "select count(*) from furthest") == 20
    assert example.one(db, "select states from finding") == 60


def test_who_finds_a_database_in_the_making_waits_for_it(driver, path):
    maker = results.connect(path, "rwc")
    maker.execute("begin immediate")
    with ThreadPoolExecutor() as others:
        opened = others.submit(lambda: results.open_or_make(path).close())
        stored = others.submit(store, driver, path)
        time.sleep(0.2)  # whether they are there by then or not, they must succeed
        for statement in results.statements(SCHEMA):
            maker.execute(statement)
        maker.execute("commit")
        opened.result()
        assert stored.result().returncode == 0
    maker.close()
    assert example.one(results.open_results(path), "select count(*) from run") == 1


def test_a_killed_writer_keeps_every_result_that_it_had_stored(driver, path):
    command = [driver, "store", path, "night", "0", "1000000"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        stored_runs = [int(writer.stdout.readline()) for _ in range(20)]
        writer.send_signal(signal.SIGKILL)
        stored_runs += [int(line) for line in writer.stdout if line.endswith("\n")]
    db = results.open_results(path)
    stored = example.one(db, "select count(*) from run where state = 'done'")
    assert stored in (len(stored_runs), len(stored_runs) + 1)
    assert example.one(db, "pragma integrity_check") == "ok"
    assert example.one(db, "select count(*) from wear") == 56 * stored


def test_a_full_disk_is_reported_and_keeps_what_was_stored(driver, tmp_path):
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=800k", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode != 0:
        pytest.skip("mounting a small disk takes root; db_test.c fills a small database instead")
    try:
        path = folder / "results.db"
        done = store(driver, path, count=10000)
        assert done.returncode == 3
        assert done.stderr == f"{path}: the disk is full; what was stored before is kept\n"
        db = results.open_results(path)
        stored_runs = len(done.stdout.splitlines())
        assert stored_runs > 0
        assert example.one(db, "select count(*) from run where state = 'done'") == stored_runs
        db.close()
        done = run_program(driver, "open", folder / "second.db")
        assert done.returncode == 3
        assert not (folder / "second.db").exists()
    finally:
        subprocess.run(["umount", str(folder)], check=True)
