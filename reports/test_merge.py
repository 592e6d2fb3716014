"""Merging databases of several machines: nothing lost, nothing twice, nothing mixed."""

import itertools
import os
import re
import sqlite3
from pathlib import Path

import example
import merge
import pytest
import results
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

VIEWS = ("summary", "claim_check", "finding", "wear_summary", "worst_sector", "history", "cost")


def make(path, *runs):
    db = results.make_results(path)
    for run in runs:
        example.add_run(db, **run)
    db.close()
    return str(path)


def content(path):
    """What a file says."""
    return views(results.open_results(path))


def views(db):
    """What a database says, without numbers that hold in one file only."""
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
    assert example.one(db, "select count(*) from furthest") == 4
    assert example.one(db, "select count(*) from run") == 5


def test_of_one_divergence_in_two_files_the_shorter_case_is_kept(tmp_path, machines):
    merged(tmp_path, "out.db", machines)
    db = results.open_results(tmp_path / "out.db")
    query = "select text from divergence where shape = ? and engine in"
    query += " (select id from engine where name = 'seqmap')"
    assert "only:1" in example.one(db, query, f"{1:016x}")
    query = "select sum(states) from finding where shape = ? and engine = 'seqmap'"
    assert example.one(db, query, f"{1:016x}") == 6


def test_of_one_execution_the_state_that_got_further_is_kept(tmp_path):
    """Two copies of one file, the later one taken while the run went on."""
    early = {"uid": "1", "state": "running", "judged": 70, "wear": {0: 1}}
    late = {"uid": "1", "state": "done", "judged": 100, "wear": {0: 2}}
    a, b = make(tmp_path / "a.db", early), make(tmp_path / "b.db", late)
    for name, inputs in (("1.db", [a, b]), ("2.db", [b, a])):
        merged(tmp_path, name, inputs)
        db = results.open_results(tmp_path / name)
        assert tuple(db.execute("select state, judged from run").fetchone()) == ("done", 100)
        assert example.one(db, "select sum(erases) from wear") == 2


@pytest.mark.parametrize("build", [example.BUILD, "another"])
def test_a_longer_clean_run_takes_no_finding_away(tmp_path, build):
    """Neither of the same build nor of another one."""
    half = {"state": "stopped", "judged": 70, "found": [example.found()]}
    found = make(tmp_path / "a.db", half)
    clean = make(tmp_path / "b.db", {"state": "done", "judged": 100, "build": build})
    for name, inputs in (("1.db", [found, clean]), ("2.db", [clean, found])):
        merged(tmp_path, name, inputs)
        db = results.open_results(tmp_path / name)
        assert example.one(db, "select count(*) from finding") == 1
        assert example.one(db, "select max(judged) from summary") == 100


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


def test_builds_that_claim_different_things_are_kept_apart(tmp_path):
    a = make(tmp_path / "a.db", {"claims": ("edge",), "build": "aaaa"})
    b = make(tmp_path / "b.db", {"claims": ("edge", "bits"), "build": "bbbb"})
    merged(tmp_path, "out.db", [a, b])
    db = results.open_results(tmp_path / "out.db")
    rows = db.execute("select engine, claimed from claim_check where class = 'bits'")
    assert [tuple(row) for row in rows] == [("seqmap aaaa????", 0), ("seqmap bbbb????", 1)]


# --- any order, any grouping ---
#
# Executions are few and alike, so that files overlap. A file has some of them, each as far as it
# had come when the file was copied, and its own words for what two machines may spell differently.

FINDINGS = st.builds(
    example.found,
    shape=st.integers(1, 2),
    text=st.sampled_from(["short\n", "other\n"]),
)
EXECUTIONS = st.fixed_dictionaries(
    {
        "build": st.sampled_from(["one", "two"]),
        "found": st.lists(FINDINGS, min_size=1, max_size=3),
    }
)
COMPARISONS = st.fixed_dictionaries(
    {"started": st.integers(0, 1).map(example.moment), "erases": st.integers(0, 1)}
)
COPIES = st.fixed_dictionaries(
    {
        "steps": st.dictionaries(st.integers(0, 1), st.integers(1, 3), max_size=2),
        "claims": st.sampled_from([("edge",), ("edge", "bits")]),
        "widened": st.sampled_from([None, "wider", "wide"]),
        "started": st.integers(0, 2).map(example.moment),
        "spelled": st.fixed_dictionaries(
            {"path": st.sampled_from([None, "a.scn"]), "line": st.integers(1, 2)}
        ),
        "comparisons": st.lists(COMPARISONS, max_size=1),
    }
)
numbers = itertools.count()


def in_memory():
    """(connection, name to attach it by) of a database of its own."""
    name = f"file:merge-{next(numbers)}?mode=memory&cache=shared"
    db = sqlite3.connect(name, uri=True, isolation_level=None)
    db.row_factory = sqlite3.Row
    db.executescript(results.schema()[0])
    db.execute("pragma foreign_keys = on")
    return db, name


def write(executions, copy):
    """A file; an execution has counted and seen more with each step."""
    db, name = in_memory()
    for number, steps in copy["steps"].items():
        run = dict(executions[number])
        found = [
            ({**what, **copy["spelled"]}, under, states * steps)
            for what, under, states in run.pop("found")[:steps]
        ]
        state = "done" if steps == 3 else "running"
        columns = {"uid": str(number), "state": state, "judged": steps, "wear": {0: steps}}
        columns["started"] = example.moment(number)
        told = {name: copy[name] for name in ("claims", "widened")}
        example.add_run(db, **run, **columns, **told, found=found)
    for comparison in copy["comparisons"]:
        example.add_comparison(db, **comparison)
    db.execute("update campaign set started = ?", (copy["started"],))
    return db, name


def merge_into(inputs):
    """A new database of these, in this order."""
    db, name = in_memory()
    for _, other in inputs:
        db.execute("attach ? as other", (other,))
        db.execute("begin")
        merge.merge_one(db)
        db.execute("commit")
        db.execute("detach other")
    return db, name


TABLES = {
    "campaign": "select name, started from campaign",
    "claim": "select e.name, e.build, e.summary, e.widened, claim.class, claim.claimed from claim"
    " join engine as e on e.id = claim.engine",
    "run": "select r.*, e.name, e.build from run as r join engine as e on e.id = r.engine",
    "counted": "select r.uid, wear.sector, wear.erases, judged.class, judged.states from run as r"
    " join wear on wear.run = r.id join judged on judged.run = r.id",
    "sighting": "select r.uid, s.class, s.states, e.name, e.build, d.* from sighting as s"
    " join run as r on r.id = s.run join divergence as d on d.id = s.divergence"
    " join engine as e on e.id = d.engine",
    "comparison": "select o.*, e.name, e.build from comparison as o"
    " join engine as e on e.id = o.engine",
}


def everything(db):
    """All tables and views, without the numbers that hold in one file only."""
    shown = {}
    for table, query in TABLES.items():
        rows = db.execute(query).fetchall()
        local = ("id", "campaign", "engine")
        shown[table] = sorted(
            str([value for name, value in zip(row.keys(), row) if name not in local])
            for row in rows
        )
    return {**shown, **views(db)}


def sightings(db):
    """What was seen by whom: {key: crash states}."""
    query = "select r.uid, e.name, e.build, d.clause, d.shape, s.class, s.states from sighting as s"
    query += " join run as r on r.id = s.run join divergence as d on d.id = s.divergence"
    rows = db.execute(query + " join engine as e on e.id = d.engine").fetchall()
    return {tuple(row)[:-1]: row["states"] for row in rows}


def progress(db):
    return {row["uid"]: row["judged"] for row in db.execute("select uid, judged from run")}


@settings(max_examples=30, deadline=None, phases=[Phase.explicit, Phase.generate])
@given(st.tuples(EXECUTIONS, EXECUTIONS), st.tuples(COPIES, COPIES, COPIES))
def test_any_order_and_grouping_gives_the_same_and_loses_nothing(executions, copies):
    a, b, c = files = [write(executions, copy) for copy in copies]
    merged_once = merge_into(files)
    once = everything(merged_once[0])
    others = [merge_into([c, b, a]), merge_into([a, merge_into([c, b])])]
    others.append(merge_into([merge_into([b, a]), c, b, merged_once]))
    for other, _ in others:
        assert everything(other) == once
    for of in (sightings, progress):
        most = {}
        for db, _ in files:
            for key, count in of(db).items():
                most[key] = max(count, most.get(key, 0))
        assert of(merged_once[0]) == most
    for db, _ in (*files, merged_once, *others):
        db.close()


# --- older files ---


def schema_7():
    """The tables as schema 7 had them: without what schema 8 added."""
    text = Path(results.SCHEMA).read_text(encoding="utf-8")
    text = re.sub(r",\n    \('lie', .*?\);", ";", text, flags=re.DOTALL)
    return text.replace("user_version = 8", "user_version = 7")


def schema_6():
    """The same for schema 6."""
    text = re.sub(r",\n    \('glitch', [^\n]*;", ";", schema_7())
    return text.replace("user_version = 7", "user_version = 6")


def schema_5():
    """The same for schema 5."""
    text = re.sub(r",\n    \('fail', [^\n]*;", ";", schema_6())
    return text.replace("user_version = 6", "user_version = 5")


def schema_4():
    """The same for schema 4."""
    text = schema_5()
    text = text[: text.index("-- What to call an engine")]
    text = re.sub(r"-- What `brownout campaign`.*?task_by_key[^\n]*", "", text, flags=re.DOTALL)
    text = re.sub(r"-- A case of a random.*?without rowid;", "", text, flags=re.DOTALL)
    text = text.replace("user_version = 5", "user_version = 4")
    text = re.sub(r"\n    (series|ended) text not null default[^\n]*(\n +--[^\n]*)*", "", text)
    text = text.replace("started text not null,     --", "started text not null      --")
    return re.sub(r"\n    command text not null,[^\n]*", "", text)


def schema_3():
    """The same for schema 3."""
    text = schema_4().replace("user_version = 4", "user_version = 3")
    text = re.sub(r"create index run_by_(identity|script).*", "", text)
    for name in ("uid", "build", "revision", "host", "script"):
        text = re.sub(rf"\n    {name} text not null( unique)?,[^\n]*(\n +--[^\n]*)*", "", text)
    text = re.sub(r"\n    started text not null,[^\n]*", "", text)
    text = text.replace("unique, -- the same on all", "unique -- the same on all")
    text = re.sub(r"\n    started text not null [^\n]*", "", text)
    return text.replace("unique (campaign, name, build)", "unique (campaign, name)")


def make_older(path, schema, without):
    """A file of an older schema with one run that saw something."""
    old = sqlite3.connect(path)
    old.executescript(schema)
    row = {**example.RUN, "identity": "i", "uid": "u", "started": "", "campaign": 1, "engine": 1}
    for name in without:
        del row[name]
    known = {} if "uid" in without else {"started": ""}
    build = {} if "uid" in without else {"build": example.BUILD}
    example.insert(old, "campaign", name="night", **known)
    example.insert(old, "engine", campaign=1, name="seqmap", summary="it is", **build)
    example.insert(old, "claim", engine=1, **{"class": "bits"}, claimed=1)
    example.insert(old, "run", **row)
    seen = example.found()[0]
    example.insert(old, "divergence", campaign=1, engine=1, **seen)
    example.insert(old, "sighting", run=1, divergence=1, **{"class": "bits"}, states=3)
    old.commit()
    old.close()


@pytest.mark.parametrize(
    ("schema", "without", "engine"),
    [
        (schema_3, ("command", "revision", "host", "script", "uid", "started"), "seqmap ????????"),
        (schema_4, ("command",), "seqmap"),
        (schema_5, (), "seqmap"),
        (schema_6, (), "seqmap"),
        (schema_7, (), "seqmap"),
    ],
)
def test_a_file_of_an_older_schema_is_taken(tmp_path, schema, without, engine):
    old = tmp_path / "old.db"
    make_older(old, schema(), without)
    before = old.read_bytes()
    new = make(tmp_path / "new.db", {})
    once = merged(tmp_path, "out.db", [str(old), new])
    assert merged(tmp_path, "two.db", [new, str(old)]) == once
    assert merged(tmp_path, "out.db", [str(old)]) == once
    assert len(once["finding"]) == 1 and engine in once["finding"][0]
    assert old.read_bytes() == before


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
