"""merge - several machines' results in one database.

    python3 reports/merge.py OUT.db A.db B.db ...

OUT.db is made when it is not there. Each input is one transaction: all of it or nothing. A run that
is in both (same campaign, scenario, engine and options) is kept once, the one that got further; so
merging a file again changes nothing, a merge that was stopped is completed by running it again, and
the order of the files does not matter.
"""

import argparse
import os

from results import Refused, explained, open_or_make, open_results, tool

# How far a run got: of two runs of one identity the greater is kept.
PROGRESS = "case {0}.state when 'done' then 2 when 'stopped' then 1 else 0 end, {0}.judged"

# Tables whose rows belong to one run each.
OF_A_RUN = ("counts", "wear", "judged")

CAMPAIGNS = "insert or ignore into main.campaign (name) select name from other.campaign order by id"

ENGINES = """
insert or ignore into main.engine (campaign, name, summary, widened)
select ours.id, theirs.name, theirs.summary, theirs.widened
from other.engine as theirs
join other.campaign on other.campaign.id = theirs.campaign
join main.campaign as ours on ours.name = other.campaign.name
order by theirs.id"""

# Engine of theirs to engine of ours.
ENGINE_MAP = """
create temp table engine_map as
select theirs.id as theirs, ours.id as ours, ours.campaign as campaign, ours.name as name
from other.engine as theirs
join other.campaign on other.campaign.id = theirs.campaign
join main.campaign on main.campaign.name = other.campaign.name
join main.engine as ours on ours.campaign = main.campaign.id and ours.name = theirs.name"""

CLAIMS = """
insert or ignore into main.claim (engine, class, claimed)
select engine_map.ours, theirs.class, theirs.claimed
from other.claim as theirs join engine_map on engine_map.theirs = theirs.engine"""

CLAIMS_THAT_DIFFER = """
select engine_map.name, ours.class from main.claim as ours
join engine_map on engine_map.ours = ours.engine
join other.claim as theirs on theirs.engine = engine_map.theirs and theirs.class = ours.class
where theirs.claimed <> ours.claimed order by engine_map.name, ours.class"""

RUNS_TAKEN = f"""
create temp table taken as
select theirs.id as theirs, theirs.identity as identity
from other.run as theirs
left join main.run as ours on ours.identity = theirs.identity
where ours.id is null or ({PROGRESS.format("theirs")}) > ({PROGRESS.format("ours")})"""

DIVERGENCES = """
insert into main.divergence
    (campaign, engine, clause, shape, finding, scenario, path, line, artefact, text)
select engine_map.campaign, engine_map.ours, clause, shape, finding, scenario, path, line,
    artefact, text
from other.divergence as theirs join engine_map on engine_map.theirs = theirs.engine
where true
order by theirs.id
on conflict do update set finding = excluded.finding, scenario = excluded.scenario,
    path = excluded.path, line = excluded.line, artefact = excluded.artefact, text = excluded.text
where (length(cast(excluded.text as blob)), excluded.text) < (length(cast(text as blob)), text)"""

SIGHTINGS = """
insert into main.sighting (run, divergence, class, states)
select run.id, divergence.id, theirs.class, theirs.states
from other.sighting as theirs
join taken on taken.theirs = theirs.run
join main.run on main.run.identity = taken.identity
join other.divergence as found on found.id = theirs.divergence
join engine_map on engine_map.theirs = found.engine
join main.divergence on main.divergence.engine = engine_map.ours
    and main.divergence.clause = found.clause and main.divergence.shape = found.shape"""

# The same work on the same engine costs the same on any machine.
COMPARISONS = """
insert or ignore into main.comparison (campaign, engine, {columns})
select engine_map.campaign, engine_map.ours, {theirs}
from other.comparison as theirs join engine_map on engine_map.theirs = theirs.engine
order by theirs.id"""

ORPHANS = """
delete from main.divergence where not exists
    (select 1 from main.sighting where main.sighting.divergence = main.divergence.id)"""


def columns_of(db, table, *without):
    """The names of a table's columns, some left out."""
    named = [row["name"] for row in db.execute(f"pragma main.table_info({table})")]
    return [name for name in named if name not in without]


def theirs(columns):
    """Columns as the input has them."""
    return ", ".join(f"theirs.{name}" for name in columns)


def take_runs(db):
    """Copies the runs that are new or got further, with all that belongs to them."""
    db.execute(RUNS_TAKEN)
    db.execute("delete from main.run where identity in (select identity from taken)")
    columns = columns_of(db, "run", "id", "campaign", "engine")
    db.execute(
        f"insert into main.run (campaign, engine, {', '.join(columns)})"
        f" select engine_map.campaign, engine_map.ours, {theirs(columns)}"
        " from other.run as theirs join taken on taken.theirs = theirs.id"
        " join engine_map on engine_map.theirs = theirs.engine order by theirs.id"
    )
    for table in OF_A_RUN:
        columns = columns_of(db, table, "run")
        db.execute(
            f"insert into main.{table} (run, {', '.join(columns)})"
            f" select ours.id, {theirs(columns)}"
            f" from other.{table} as theirs join taken on taken.theirs = theirs.run"
            " join main.run as ours on ours.identity = taken.identity"
        )


def take_comparisons(db):
    """Copies those that are new; returns how many."""
    columns = columns_of(db, "comparison", "id", "campaign", "engine")
    query = COMPARISONS.format(columns=", ".join(columns), theirs=theirs(columns))
    return db.execute(query).rowcount


def merge_one(db, path):
    """Merges the attached database `other`; returns (runs taken, runs there, comparisons taken)."""
    db.execute(CAMPAIGNS)
    db.execute(ENGINES)
    db.execute(ENGINE_MAP)
    differs = db.execute(CLAIMS_THAT_DIFFER).fetchone()
    if differs:
        raise Refused(
            f"{path}: {differs['name']} claims {differs['class']} in one file only; files of one"
            " campaign must come from one build"
        )
    db.execute(CLAIMS)
    take_runs(db)
    db.execute(DIVERGENCES)
    db.execute(SIGHTINGS)
    db.execute(ORPHANS)
    compared = take_comparisons(db)
    taken = db.execute("select count(*) from taken").fetchone()[0]
    there = db.execute("select count(*) from other.run").fetchone()[0]
    db.execute("drop table temp.taken")
    db.execute("drop table temp.engine_map")
    return taken, there, compared


def merge_file(db, out, path):
    """Merges one file, in one transaction; returns what to print."""
    with explained(path):
        db.execute("attach ? as other", (os.path.abspath(path),))
    with explained(out), db:
        db.execute("begin immediate")
        taken, there, compared = merge_one(db, path)
    db.execute("detach other")
    line = f"{path}: {taken} runs taken, {there - taken} known already"
    return line + (f", {compared} comparisons taken" if compared else "")


def merge(out, inputs):
    """Merges the files into `out`, each in a transaction of its own; yields a line for each."""
    for path in inputs:
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
