"""part - what a part of a campaign needs of the results so far, and what it hands back.

    python3 reports/part.py begin RESULTS.db PART.db     which tasks were completed, into PART.db
    python3 reports/part.py end PART.db NAME OUT.db      the campaign NAME of PART.db alone

For campaigns on many machines (ci/shard). Without it each part would carry, and hand back, the
results of all nights. Tasks of random scenarios are left out, as other ones are tried every night.
RESULTS.db need not be there.
"""

import argparse
import contextlib
import os

import merge
from results import Refused, explained, open_or_make, open_results, tool

COMPLETED = """
insert into main.task ({columns})
select ours.id, {theirs} from other.task as task
join other.campaign on other.campaign.id = task.campaign
join main.campaign as ours on ours.name = other.campaign.name
where task.state = 'done' and task.name not like 'random scenarios%'"""


def begin(results, part):
    """Makes the database with which a part begins."""
    if os.path.exists(part):
        raise Refused(f"{part}: is there already; name a new file")
    with contextlib.closing(open_or_make(part)) as db:
        if not os.path.exists(results):
            return
        open_results(results).close()
        with explained(results):
            db.execute("attach ? as other", (os.path.abspath(results),))
        names = ", ".join(merge.columns_of(db, "campaign", "id"))
        task = merge.columns_of(db, "task", "id", "campaign")
        with explained(part), db:
            db.execute("begin")
            db.execute(f"insert into main.campaign ({names}) select {names} from other.campaign")
            theirs = merge.of("task", task)
            db.execute(COMPLETED.format(columns=", ".join(["campaign", *task]), theirs=theirs))


def end(part, name, out):
    """Hands back what one campaign found."""
    if os.path.exists(out):
        raise Refused(f"{out}: is there already; name a new file")
    for _ in merge.merge(out, [part]):
        pass
    with contextlib.closing(open_results(out, write=True)) as db, explained(out):
        db.execute("delete from campaign where name <> ?", (name,))
        db.execute("vacuum")


def main(arguments):
    parser = argparse.ArgumentParser(prog="part.py", description=__doc__.split("\n")[0])
    does = parser.add_subparsers(dest="does", required=True)
    for word, names in (("begin", ("results", "part")), ("end", ("part", "name", "out"))):
        sub = does.add_parser(word)
        for it in names:
            sub.add_argument(it)
    options = parser.parse_args(arguments)
    if options.does == "begin":
        begin(options.results, options.part)
    else:
        end(options.part, options.name, options.out)
    return 0


if __name__ == "__main__":
    tool(main)
