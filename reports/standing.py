"""standing - whether what was found is new, known or gone, for the tools of this folder.

The view `history` judges it over all campaigns of a database. With one campaign alone there is
nothing to compare with, and nothing is said.
"""

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


class Standing:
    """What is new, known and gone in a database, whatever the campaign."""

    def __init__(self, db):
        self.db = db
        self.known = {}
        if db.execute("select count(*) from campaign").fetchone()[0] > 1:
            rows = db.execute("select * from history")
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

    def gone_lines(self, most):
        """Up to `most` of them, a line each, and how many more there are."""
        lines = []
        for row in self.gone()[:most]:
            name = row["engine"], row["clause"], row["shape"]
            query = f"{DIVERGENCES} where name = ? and clause = ? and shape = ? order by finding"
            finding = self.db.execute(query, name).fetchone()["finding"]
            lines.append(f"gone since {row['last_seen']}: {name[0]} {name[1]}: {finding}")
        more = len(self.gone()) - len(lines)
        return lines + ([f"and {more} more: select * from history"] if more else [])

    def gone_findings(self, campaign):
        """Those that the campaign has not seen itself, as rows of the view `finding`."""
        rows = []
        for row in self.gone():
            name = row["engine"], row["clause"], row["shape"], row["last_seen"]
            rows += self.db.execute(LAST_SEEN, name)
        seen = self.of(campaign).values()
        own = {(row["engine"], row["clause"], row["shape"]) for row in seen}
        return [row for row in rows if (row["engine"], row["clause"], row["shape"]) not in own]
