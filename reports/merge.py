"""merge - several machines' results in one database.

    python3 reports/merge.py OUT.db A.db B.db ...

OUT.db is made when it is not there. Each input is one transaction: all of it or nothing. What is in
both is joined by a rule that does not ask which came first: of one execution the state that got
further, of one divergence all that saw it and the shortest case, of one comparison the younger. So
the order of the files does not matter, merging a file again changes nothing, and a merge that was
stopped is completed by running it again. Nothing that was found is ever taken away.

An input of an older schema, from 3 on, is taken, too: of schema 3 its engines are of an unknown
build, its runs of an unknown time.
"""

import argparse
import contextlib
import os
import tempfile

from results import Refused, connect, explained, open_or_make, open_results, tool, version_of

# How far a run got: of two states of one execution the greater is kept.
PROGRESS = "case {0}.state when 'done' then 2 when 'stopped' then 1 else 0 end, {0}.judged"

# Tables whose rows belong to one run each.
OF_A_RUN = ("counts", "wear", "judged")

CAMPAIGNS = """
insert into main.campaign (name, started, series, ended)
select name, started, series, ended from other.campaign
where true order by id
on conflict do update set started = min(started, excluded.started),
    series = max(series, excluded.series), ended = max(ended, excluded.ended)"""

ENGINES = """
insert into main.engine (campaign, name, build, summary, widened)
select ours.id, theirs.name, theirs.build, theirs.summary, theirs.widened
from other.engine as theirs
join other.campaign on other.campaign.id = theirs.campaign
join main.campaign as ours on ours.name = other.campaign.name
where true order by theirs.id
on conflict do update set summary = min(summary, excluded.summary),
    widened = coalesce(min(widened, excluded.widened), widened, excluded.widened)"""

# Engine of theirs to engine of ours.
ENGINE_MAP = """
create temp table engine_map as
select theirs.id as theirs, ours.id as ours, ours.campaign as campaign
from other.engine as theirs
join other.campaign on other.campaign.id = theirs.campaign
join main.campaign on main.campaign.name = other.campaign.name
join main.engine as ours on ours.campaign = main.campaign.id and ours.name = theirs.name
    and ours.build = theirs.build"""

CLAIMS = """
insert into main.claim (engine, class, claimed)
select engine_map.ours, theirs.class, theirs.claimed
from other.claim as theirs join engine_map on engine_map.theirs = theirs.engine
where true
on conflict do update set claimed = max(claimed, excluded.claimed)"""

# The shortest text, then the first of all columns in their order.
DIVERGENCE_RANK = "length(cast({0}text as blob)), {0}text, {0}finding, {0}scenario, {0}line"
DIVERGENCE_RANK += ", coalesce({0}path, '')"
DIVERGENCES = f"""
insert into main.divergence
    (campaign, engine, clause, shape, finding, scenario, path, line, artefact, text)
select engine_map.campaign, engine_map.ours, clause, shape, finding, scenario, path, line,
    artefact, text
from other.divergence as theirs join engine_map on engine_map.theirs = theirs.engine
where true
order by theirs.id
on conflict do update set finding = excluded.finding, scenario = excluded.scenario,
    path = excluded.path, line = excluded.line, artefact = excluded.artefact, text = excluded.text
where ({DIVERGENCE_RANK.format("excluded.")}) < ({DIVERGENCE_RANK.format("divergence.")})"""

SIGHTINGS = """
insert into main.sighting (run, divergence, class, states)
select ours.id, divergence.id, theirs.class, theirs.states
from other.sighting as theirs
join other.run as seen on seen.id = theirs.run
join main.run as ours on ours.uid = seen.uid
join other.divergence as found on found.id = theirs.divergence
join engine_map on engine_map.theirs = found.engine
join main.divergence on main.divergence.engine = engine_map.ours
    and main.divergence.clause = found.clause and main.divergence.shape = found.shape
where true
on conflict do update set states = max(states, excluded.states)"""


# Of two states of one task the one that got further.
TASK_RANK = """case {0}state when 'done' then 4 when 'stopped' then 3 when 'failed' then 2
    when 'refused' then 1 else 0 end, {0}judged, {0}waived, {0}reason, {0}name"""
TASKS = f"""
insert into main.task (campaign, name, key, state, judged, waived, reason)
select ours.id, theirs.name, theirs.key, theirs.state, theirs.judged, theirs.waived, theirs.reason
from other.task as theirs
join other.campaign on other.campaign.id = theirs.campaign
join main.campaign as ours on ours.name = other.campaign.name
where true order by theirs.id
on conflict do update set name = excluded.name, state = excluded.state, judged = excluded.judged,
    waived = excluded.waived, reason = excluded.reason
where ({TASK_RANK.format("excluded.")}) > ({TASK_RANK.format("task.")})"""


# Of two looks of one campaign the younger.
LOOKED = """
insert into main.looked (campaign, engine, clause, shape, started, shown)
select ours.id, theirs.engine, theirs.clause, theirs.shape, theirs.started, theirs.shown
from other.looked as theirs
join other.campaign on other.campaign.id = theirs.campaign
join main.campaign as ours on ours.name = other.campaign.name
where true
on conflict do update set started = excluded.started, shown = excluded.shown
where (excluded.started, excluded.shown) > (looked.started, looked.shown)"""


def columns_of(db, table, *without):
    """The names of a table's columns, some left out."""
    named = [row["name"] for row in db.execute(f"pragma main.table_info({table})")]
    return [name for name in named if name not in without]


def of(row, columns):
    """Columns of a row."""
    return ", ".join(f"{row}.{name}" for name in columns)


def as_text(row, columns):
    """A row as one text: what two rows with the same rank are ordered by."""
    return " || ',' || ".join(f"quote({row}.{name})" for name in columns)


def take(db, table, columns, key, rank):
    """Puts in the rows of theirs that are new, and those of a greater rank in the place of ours.
    Leaves their ids in the table `taken`."""
    theirs = f"{rank.format('theirs')}, {as_text('theirs', columns)}"
    ours = f"{rank.format('ours')}, {as_text('ours', columns)}"
    db.execute(
        f"create temp table taken as select theirs.id as theirs, theirs.{key} as known"
        f" from other.{table} as theirs left join main.{table} as ours on ours.{key} = theirs.{key}"
        f" where ours.id is null or ({theirs}) > ({ours})"
    )
    db.execute(
        f"insert into main.{table} (campaign, engine, {', '.join(columns)})"
        f" select engine_map.campaign, engine_map.ours, {of('theirs', columns)}"
        f" from other.{table} as theirs join taken on taken.theirs = theirs.id"
        " join engine_map on engine_map.theirs = theirs.engine where true order by theirs.id"
        f" on conflict ({key}) do update set"
        + ", ".join(f" {name} = excluded.{name}" for name in columns)
    )


def take_runs(db):
    """Copies the runs that are new or got further, with what was counted in them; returns how
    many."""
    take(db, "run", columns_of(db, "run", "id", "campaign", "engine"), "uid", PROGRESS)
    for table in OF_A_RUN:
        columns = columns_of(db, table, "run")
        db.execute(
            f"delete from main.{table} where run in"
            " (select id from main.run join taken on taken.known = main.run.uid)"
        )
        db.execute(
            f"insert into main.{table} (run, {', '.join(columns)})"
            f" select ours.id, {of('theirs', columns)}"
            f" from other.{table} as theirs join taken on taken.theirs = theirs.run"
            " join main.run as ours on ours.uid = taken.known"
        )
    return end_taking(db)


def take_comparisons(db):
    """Copies those that are new or younger; returns how many."""
    columns = columns_of(db, "comparison", "id", "campaign", "engine")
    take(db, "comparison", columns, "identity", "{0}.started")
    return end_taking(db)


def end_taking(db):
    """How many rows were taken."""
    count = db.execute("select count(*) from taken").fetchone()[0]
    db.execute("drop table temp.taken")
    return count


def merge_one(db):
    """Merges the attached database `other`; returns (runs taken, runs there, comparisons taken)."""
    for query in (CAMPAIGNS, TASKS, LOOKED, ENGINES, ENGINE_MAP, CLAIMS):
        db.execute(query)
    taken = take_runs(db)
    db.execute(DIVERGENCES)
    db.execute(SIGHTINGS)
    compared = take_comparisons(db)
    there = db.execute("select count(*) from other.run").fetchone()[0]
    db.execute("drop table temp.engine_map")
    return taken, there, compared


# --- older files ---

# What each of them did not know, by its number. A run of schema 3 was known by its identity, so
# that is its uid: copies of one file are still one.
MISSING = {
    3: """
alter table campaign add column started text not null default '';
alter table engine add column build text not null default '';
alter table run add column uid text not null default '';
alter table run add column revision text not null default '';
alter table run add column host text not null default '';
alter table run add column started text not null default '';
alter table run add column script text not null default '';
alter table comparison add column started text not null default '';
update run set uid = identity, script = identity;
""",
    4: """
alter table campaign add column series text not null default '';
alter table campaign add column ended text not null default '';
alter table run add column command text not null default '';
create table task (id, campaign, name, key, state, judged, waived, reason);
create table looked (campaign, engine, clause, shape, started, shown);
""",
    5: "",  # a class that none of its runs has
    6: "",  # the same
    7: "",  # the same
}


def older(path):
    """What a file lacks of this schema, oldest first; nothing when it is of this one."""
    version = version_of(path)
    return [MISSING[number] for number in sorted(MISSING) if version and version <= number]


@contextlib.contextmanager
def as_this_schema(path):
    """The path of a file that says the same in this schema; the file itself is not changed."""
    missing = older(path)
    if not missing:
        open_results(path).close()
        yield path
        return
    with tempfile.TemporaryDirectory() as folder, explained(path):
        copy = os.path.join(folder, "copy.db")
        old, new = connect(path, "rw"), connect(copy, "rwc")
        try:
            old.backup(new)
            new.executescript("".join(missing))
        finally:
            old.close()
            new.close()
        yield copy


def merge_file(db, out, path):
    """Merges one file, in one transaction; returns what to print."""
    with as_this_schema(path) as file:
        with explained(path):
            db.execute("attach ? as other", (os.path.abspath(file),))
        with explained(out), db:
            db.execute("begin immediate")
            taken, there, compared = merge_one(db)
        db.execute("detach other")
    line = f"{path}: {taken} runs taken, {there - taken} known already"
    return line + (f", {compared} comparisons taken" if compared else "")


def merge(out, inputs):
    """Merges the files into `out`, each in a transaction of its own; yields a line for each."""
    for path in inputs:
        if not older(path):
            open_results(path).close()
        if os.path.exists(out) and os.path.samefile(out, path):
            raise Refused(f"{path}: is an input and the output; name another output")
    made = not os.path.exists(out)
    db = open_or_make(out)
    try:
        for path in inputs:
            line = merge_file(db, out, path)
            made = False
            yield line
    finally:
        made = made and db.execute("select count(*) from run").fetchone()[0] == 0
        db.close()
        if made:
            os.unlink(os.path.realpath(out))


def main(arguments):
    parser = argparse.ArgumentParser(prog="merge.py", description=__doc__.split("\n")[0])
    parser.add_argument("out", metavar="OUT.db", help="made when it is not there")
    parser.add_argument("inputs", metavar="IN.db", nargs="+")
    options = parser.parse_args(arguments)
    for line in merge(options.out, options.inputs):
        print(line)
    return 0


if __name__ == "__main__":
    tool(main)
