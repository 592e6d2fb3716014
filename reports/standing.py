"""standing - whether what was found is new, known or gone, for the tools of this folder.

The view `history` judges it over the campaigns of one series: new is what no campaign showed that
was reported before, and the last one that came to its end reported all up to then. With one
campaign alone that belongs to no series there is nothing to compare with, and nothing is said.
"""

import re

WORDS = {"new": "new", "known": "known since {first_seen}", "gone": "gone since {last_seen}"}

DIVERGENCES = """
select divergence.id, divergence.finding, engine.name, divergence.clause, divergence.shape
from divergence join engine on engine.id = divergence.engine"""

# Of the newest campaign that saw it, under each class.
LAST_SEEN = """
select finding.* from finding
join divergence on divergence.id = finding.divergence
join engine on engine.id = divergence.engine
where engine.name = ? and finding.clause = ? and finding.shape = ? and finding.campaign = ?"""

# When it went: the last of the moments at which what saw it was first missed, or its case was seen
# to show it no more.
WENT = """
select max(went) from (
    select min(at) as went from (
        select missed.run as run, missed.divergence as divergence, younger.started as at
        from missed join run as younger on younger.id = missed.missed_by
        union all
        select sighting.run, sighting.divergence, looked.started
        from sighting join run on run.id = sighting.run
        join divergence on divergence.id = sighting.divergence
        join engine on engine.id = divergence.engine
        join looked on looked.engine = engine.name and looked.clause = divergence.clause
            and looked.shape = divergence.shape
        where looked.shown = 0 and looked.started > run.started)
    where divergence in (select divergence.id from divergence
        join engine on engine.id = divergence.engine
        join campaign on campaign.id = divergence.campaign
        where engine.name = ? and divergence.clause = ? and divergence.shape = ?
            and campaign.series = ?)
    group by run, divergence)"""

# When the newest campaign of the series before this one came to its end.
REPORTED = """
select max(ended) from campaign join timeline on timeline.campaign = campaign.id
where timeline.series = ? and timeline.place <
    (select place from timeline where campaign = ?)"""


def kind_of(case):
    """The kind of a case, as the command prints it: "durable/missing/each/cut in erase"; the clause
    alone of a case that does not say more."""
    found = re.search(r"^found (\w+) (?:([^\s\"]+) ([^\s\"]+) ([^\s\"]+) )?\"", case, re.MULTILINE)
    if not found:
        return ""
    clause, seen, call, cut = found.groups()
    if seen is None:
        return clause
    return f"{clause}/{seen}/{call}/{'no cut' if cut == 'none' else f'cut in {cut}'}"


class Standing:
    """What is new, known and gone in the series of a campaign."""

    def __init__(self, db, campaign):
        self.db = db
        self.known = {}
        series = campaign["series"]
        query = "select count(*) from campaign where series = ?"
        if series or db.execute(query, (series,)).fetchone()[0] > 1:
            rows = db.execute("select * from history where series = ?", (series,))
            self.known = {(row["engine"], row["clause"], row["shape"]): row for row in rows}

    def of(self, campaign):
        """{divergence of the campaign: its row of the view}."""
        rows = self.db.execute(f"{DIVERGENCES} where divergence.campaign = ?", (campaign["id"],))
        found = {row["id"]: self.known.get(tuple(row)[2:]) for row in rows}
        return {id: row for id, row in found.items() if row}

    def words_of(self, campaign):
        """{divergence of the campaign: `new`, `known since monday`, `gone since tuesday`}."""
        return {id: WORDS[row["state"]].format(**row) for id, row in self.of(campaign).items()}

    def gone(self):
        """What younger runs looked for and did not see again: rows of the view."""
        return [row for row in self.known.values() if row["state"] == "gone"]

    def went(self, campaign):
        """Those of gone() that no earlier report of the series called gone."""
        key = campaign["series"], campaign["id"]
        reported = self.db.execute(REPORTED, key).fetchone()[0] or ""
        return [row for row in self.gone() if self._went(row, campaign["series"]) > reported]

    def _went(self, row, series):
        """The moment at which a row of gone() went."""
        name = row["engine"], row["clause"], row["shape"], series
        return self.db.execute(WENT, name).fetchone()[0] or ""

    def lines_of(self, gone, most):
        """Up to `most` of what is gone, a line each, and how many more there are."""
        lines = []
        for row in gone[:most]:
            name = row["engine"], row["clause"], row["shape"]
            query = f"{DIVERGENCES} where name = ? and clause = ? and shape = ? order by finding"
            finding = self.db.execute(query, name).fetchone()["finding"]
            lines.append(f"gone since {row['last_seen']}: {name[0]} {name[1]}: {finding}")
        more = len(gone) - len(lines)
        return lines + ([f"and {more} more: select * from history"] if more else [])

    def last_seen(self, row):
        """What the newest campaign saw of a row of the view: rows of the view `finding`."""
        name = row["engine"], row["clause"], row["shape"], row["last_seen"]
        return list(self.db.execute(LAST_SEEN, name))

    def gone_findings(self, campaign):
        """Those that the campaign has not seen itself, as rows of the view `finding`."""
        rows = [finding for row in self.gone() for finding in self.last_seen(row)]
        seen = self.of(campaign).values()
        own = {(row["engine"], row["clause"], row["shape"]) for row in seen}
        return [row for row in rows if (row["engine"], row["clause"], row["shape"]) not in own]
