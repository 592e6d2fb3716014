"""tasks - what a campaign sets out to do and what became of it, in the results database.

A task is a piece of work (work.py), known by its key. One that a campaign of the same series did to
its end is not done again: the same program, plug-in, scenario and options give the same. Each step
is a transaction, so a campaign that is killed loses nothing but the task that was under way. When
the database fails, that is said once and the campaign goes on.
"""

import contextlib
import re

from results import explained, moment, open_results, Failed, Refused

BEGIN = """
insert into task (campaign, name, key, state) values (?, ?, ?, 'open')
on conflict do update set state = 'open'"""
END = """
update task set state = ?, judged = ?, waived = ?, reason = ? where campaign = ? and key = ?"""
BEFORE = """
select task.name, task.campaign, task.key, task.state, task.waived
from task join campaign on campaign.id = task.campaign
where campaign.series = ? order by task.campaign"""


def new_campaign(db, series, name=None):
    """Makes the campaign known and returns its name: the one given, or the first free SERIES-N; so
    two that begin at once do not take the same."""
    db.execute("begin immediate")
    try:
        name = name or next_name(db, series)
        query = "insert into campaign (name, started, series) values (?, ?, ?)"
        query += " on conflict do update set series = excluded.series, ended = ''"
        db.execute(query, (name, moment(), series))
        db.execute("commit")
    except BaseException:
        db.execute("rollback")
        raise
    return name


def next_name(db, series):
    """SERIES-N, by the first N above all that the database has."""
    rows = db.execute("select name from campaign")
    matches = [re.fullmatch(rf"{re.escape(series)}-(\d+)", row["name"]) for row in rows]
    taken = [int(match[1]) for match in matches if match]
    return f"{series}-{max(taken, default=0) + 1}"


def done_before(rows):
    """{key: waived} of what is not done again. The campaign that began a task last decides: what
    another build did since is what findings are compared with, so an older one does its work
    again."""
    done, last = {}, {}
    for name, campaign, key, state, waived in rows:
        if last.setdefault(name, (campaign, set()))[0] != campaign:
            last[name] = (campaign, set())
        last[name][1].add(key)
        if state == "done":
            done[key] = max(waived, done.get(key, 0))
    latest = set().union(*(keys for _, keys in last.values()))
    return {key: waived for key, waived in done.items() if key in latest}


class Tasks:
    """Those of one campaign."""

    def __init__(self, settings):
        self.path = settings.database
        self.trouble = ""
        self.db = open_results(self.path, write=True)
        query = "select id from campaign where name = ?"
        with explained(self.path):
            self.campaign = self.db.execute(query, (settings.campaign,)).fetchone()[0]
            self.done = done_before(self.db.execute(BEFORE, (settings.name,)))

    @contextlib.contextmanager
    def _careful(self):
        """What fails in the block is kept for the report."""
        try:
            with explained(self.path):
                yield
        except (Failed, Refused) as error:
            self.trouble = self.trouble or str(error)

    def begin(self, work, settings):
        """The work begins."""
        with self._careful():
            self.db.execute(BEGIN, (self.campaign, work.name, work.key(settings)))

    def end(self, work, settings):
        """It ended."""
        reason = work.complaint if work.state in ("refused", "failed") else ""
        row = (work.state, work.judged, work.waived, reason, self.campaign, work.key(settings))
        with self._careful():
            self.db.execute(END, row)

    def lose(self, reason):
        """A part of the plan that could not begin."""
        with self._careful():
            self.db.execute(BEGIN, (self.campaign, reason, reason))
            self.db.execute(END, ("refused", 0, 0, reason, self.campaign, reason))

    def close(self, whole):
        """The end of the campaign; `whole` when it came to it."""
        with self._careful():
            if whole and not self.trouble:
                query = "update campaign set ended = ? where id = ?"
                self.db.execute(query, (moment(), self.campaign))
        self.db.close()
