"""looks - replays the cases that no plan explores again, so that they are gone once mended.

What an exploration saw is gone when a younger one that covers it does not see it. A random scenario
and what a fuzz driver found are never explored again, so the case itself is replayed at the end of
each campaign. Only one that was seen to show what it stands for can be seen to show it no more.
"""

import contextlib
import os
import subprocess

from results import Failed, Refused, explained, moment, open_results

LOOKS_MAX = 500
SECONDS_MAX = 60  # of one replay
SHOWN = {0: 0, 1: 1}  # by exit code; any other says nothing

# Newest case of each finding of the series that is not gone and was only seen by such a run.
CASES = """
select history.engine, history.clause, history.shape, divergence.artefact, divergence.text
from history
join campaign on campaign.name = history.last_seen
join engine on engine.campaign = campaign.id and engine.name = history.engine
join divergence on divergence.engine = engine.id and divergence.clause = history.clause
    and divergence.shape = history.shape
where history.series = ? and history.state <> 'gone'
    and not exists (select 1 from sighting join run on run.id = sighting.run
        where sighting.divergence = divergence.id
            and run.kind = 'explore' and run.scenario not like 'divergence-%')
group by history.engine, history.clause, history.shape
order by history.engine, history.clause, history.shape limit ?"""
LOOKED = """
insert into looked (campaign, engine, clause, shape, started, shown) values (?, ?, ?, ?, ?, ?)
on conflict do update set started = excluded.started, shown = excluded.shown"""


def replayed(settings, row, plugin):
    """Whether a case shows what it stands for: 1, 0, or None when that cannot be said."""
    path = os.path.join(settings.artefacts, os.path.basename(row["artefact"]))
    with explained(path), open(path, "w", encoding="utf-8", newline="\n") as out:
        out.write(row["text"])
    command = [settings.brownout, "replay", path, "--quiet"]
    command += ["--plugin", plugin] if plugin else []
    with contextlib.suppress(subprocess.TimeoutExpired):
        done = subprocess.run(command, capture_output=True, timeout=SECONDS_MAX)
        return SHOWN.get(done.returncode)
    return None


def look(settings, campaign, plugins):
    """Replays them all on the engines that take part, {name: plug-in or None}. A line when that
    failed."""
    try:
        with contextlib.closing(open_results(settings.database, write=True)) as db:
            with explained(settings.database):
                rows = db.execute(CASES, (settings.name, LOOKS_MAX)).fetchall()
            for row in rows:
                if row["engine"] not in plugins:
                    continue
                shown = replayed(settings, row, plugins[row["engine"]])
                if shown is not None:
                    with explained(settings.database):
                        db.execute(LOOKED, (campaign, *tuple(row)[:3], moment(), shown))
    except (Failed, Refused) as error:
        return str(error)
    return ""
