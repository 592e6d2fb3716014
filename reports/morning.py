"""morning - what a campaign brought, for who reads it in the morning.

The first screen answers: is it new, what is it, which line replays it, how much was covered, what
could not run. The same as Markdown says all of it. Both are made of one `Morning`.

A finding is what a person counts as one bug: engine, clause and shape. What is red is new or had a
waiver that is over, against what the engine claims, and not waived.
"""

import datetime
import json
import os
import shlex
from dataclasses import dataclass, field

import summary
from standing import Standing, kind_of
from work import CLASSES_TURN, DRIVERS_TURN, OPTIONS_TURN, RANDOM_TURN

COLUMNS, LINES = 100, 24  # of the first screen
COVERED_LINES = 6  # of them
WAIVED_DAYS = 30  # that the waiver which is offered holds

RUN = """
select run.*, engine.build as build from sighting
join run on run.id = sighting.run join engine on engine.id = run.engine
where sighting.divergence = ? order by run.started, run.uid limit 1"""


@dataclass
class Finding:
    """One bug, as the series of campaigns knows it."""

    key: tuple  # engine, clause, shape
    state: str  # new, known
    rows: list  # of the view finding, one for each class, the claimed first
    since: str  # the campaign that saw it first
    now: bool  # seen by this campaign, ..
    first: bool  # .. and by none before
    kind: str
    run: object  # the row of the run that saw it first
    text: str  # the case
    plugin: str = None
    waiver: object = None
    over: object = None  # the waiver that it had
    claimed: bool = field(init=False)

    def __post_init__(self):
        self.claimed = any(row["claimed"] for row in self.rows)

    @property
    def row(self):
        """The first of them."""
        return self.rows[0]

    @property
    def is_red(self):
        """Whether a night fails for it."""
        return (self.state == "new" or bool(self.over)) and self.claimed and not self.waiver

    @property
    def standing(self):
        """In words."""
        over = f"waiver over since {self.over.expires}, " if self.over else ""
        if self.state == "new":
            return over + ("new" if self.first else f"new, first seen in {self.since}")
        return f"{over}known since {self.since}" + ("" if self.now else ", not explored again")

    def title(self):
        """What it is, in a line."""
        row = self.row
        where = row["path"] or row["scenario"]
        where += f":{row['line']}" if row["path"] and row["line"] else ""
        beyond = "" if self.claimed else ", not claimed"
        return f"{self.key[0]} {self.kind or row['clause']} in {where} ({row['class']}{beyond})"

    def replay(self, brownout, folder):
        """The line that shows it again."""
        words = [brownout, "replay", os.path.join(folder, os.path.basename(self.row["artefact"]))]
        words += ["--plugin", self.plugin] if self.plugin else []
        return " ".join(map(shlex.quote, words))

    def facts(self):
        """(name, value) of what was run, where and when."""
        run = self.run
        return (
            ("command", run["command"] or "-"),
            ("build of the engine", run["build"] or "-"),
            ("commit of Brownout", run["revision"] or "-"),
            ("host", run["host"] or "-"),
            ("date", run["started"] or "-"),
        )


@dataclass
class Morning:
    """All that there is to say."""

    campaign: object  # its row
    findings: list
    gone: list  # lines
    covered: list
    not_run: list
    refused: list  # what engines do not take, which is no failure
    waivers: list
    tables: str
    brownout: str
    folder: str  # of the artefacts

    @property
    def red(self):
        """What the night fails for."""
        return [it for it in self.findings if it.is_red]

    def groups(self):
        """(title, findings) in the order in which a person wants them."""
        waived = [it for it in self.findings if it.waiver]
        rest = [it for it in self.findings if not it.waiver]
        new = [it for it in rest if it.state == "new"]
        known = [it for it in rest if it.state == "known"]
        yield "new", [it for it in new if it.claimed]
        yield "waiver over", [it for it in known if it.is_red]
        yield "new, not claimed", [it for it in new if not it.claimed]
        yield "known", [it for it in known if not it.is_red]
        yield "waived", waived


def findings_of(db, campaign, waivers, plugins):
    """What was seen and is not gone. `plugins`: {engine: its file}."""
    standing = Standing(db, campaign)
    found = []
    for key, row in standing.known.items():
        rows = standing.last_seen(row) if row["state"] != "gone" else []
        if not rows:
            continue
        run = db.execute(RUN, (rows[0]["divergence"],)).fetchone()
        query = "select text from divergence where id = ?"
        text = db.execute(query, (rows[0]["divergence"],)).fetchone()["text"]
        kind = kind_of(text) or row["clause"]
        found.append(
            Finding(
                key=key,
                state=row["state"],
                rows=rows,
                since=row["first_seen"],
                now=row["last_seen"] == campaign["name"],
                first=row["first_seen"] == campaign["name"],
                kind=kind,
                run=run,
                text=text,
                plugin=plugins.get(key[0]),
                waiver=waivers.of(key[0], kind),
                over=waivers.over(key[0], kind),
            )
        )
    return sorted(found, key=lambda it: (not it.is_red, not it.claimed, it.key))


# --- how much was covered ---

TURNS = {1: "single cuts", OPTIONS_TURN: "other options", CLASSES_TURN: "more fault classes"}
TURNS |= {RANDOM_TURN: "random scenarios", DRIVERS_TURN: "cases of fuzz drivers"}
TURNS |= {2: "pairs of cuts"}


def covered_of(plan, seconds):
    """A line for each turn of the plan, and one for the whole."""
    judged = sum(it.judged for it in plan)
    rate = f" ({summary.number(judged / seconds)} a second)" if seconds >= 1 else ""
    lines = [f"{summary.plural(judged, 'crash state')} judged in {seconds:.0f} s{rate}"]
    for turn in sorted({it.turn for it in plan}):
        of_turn = [it for it in plan if it.turn == turn and not (it.extra and it.refused)]
        states = [it.state for it in of_turn]
        line = f"{TURNS.get(turn, f'{turn} cuts')}: {states.count('done')} of {len(of_turn)} whole"
        before = sum(it.before for it in of_turn)
        more = [f"{before} of them before with the same build"] if before else []
        words = {"stopped": "in part", "open": "had no turn", "refused": "refused"}
        words["failed"] = "failed"
        more += [f"{states.count(it)} {text}" for it, text in words.items() if it in states]
        lines.append(", ".join([line, *more]))
    return lines


# --- the first screen ---


def cut_to(line):
    """A line that fits."""
    return line if len(line) <= COLUMNS else line[: COLUMNS - 3] + "..."


def first(lines, most):
    """Up to `most` of them, and how many more there are."""
    more = [f"and {len(lines) - most} more"] if len(lines) > most else []
    return list(lines[:most]) + more


def headline(morning):
    """The whole morning in a line."""
    groups = dict(morning.groups())
    new = len(groups["new"])
    counts = [f"{new} NEW" if new else "nothing new"]
    over = len(groups["waiver over"])
    counts += [f"{over} WITH A WAIVER THAT IS OVER"] if over else []
    counts += [f"{len(groups[it])} {it}" for it in ("new, not claimed", "known", "waived")
               if groups[it]]  # fmt: skip
    counts += [f"{len(morning.gone)} gone"] if morning.gone else []
    counts += ["not all could run"] if morning.not_run else []
    return f"{morning.campaign['name']}: {', '.join(counts)}"


def finding_block(it, morning):
    """Three lines: what it is, what differs, what replays it."""
    yield cut_to(f"{it.standing.upper()}: {it.title()}")
    yield cut_to(f"  {it.row['finding']}")
    yield f"  {it.replay(morning.brownout, morning.folder)}"


def screen_lines(morning, most):
    """The screen with up to `most` lines of each sort."""
    yield cut_to(headline(morning))
    groups = dict(morning.groups())
    red = groups.pop("new") + groups.pop("waiver over")
    for it in red[:most]:
        yield from finding_block(it, morning)
    yield from first(red, most)[most:]
    for title, findings in groups.items():
        lines = [f"{it.standing}: {it.title()}" for it in findings]
        if title == "waived":
            lines = [f"waived until {it.waiver.expires}: {it.title()}" for it in findings]
        yield from map(cut_to, first(lines, most))
    yield from map(cut_to, first(morning.gone, most))
    yield from map(cut_to, first(morning.covered, min(COVERED_LINES, 2 + 2 * most)))
    for lines in (morning.not_run, morning.refused, morning.waivers):
        yield from map(cut_to, first(lines, most))


def screen(morning):
    """The first screen."""
    for most in (4, 3, 2, 1):
        lines = list(screen_lines(morning, most))
        if len(lines) < LINES:  # one is left for the folders
            break
    return "\n".join(lines) + "\n"


# --- Markdown ---


def inline(text):
    """Text as code within a line."""
    return "`" + text.replace("`", "'").replace("\n", " ") + "`"


def waiver_for(it, morning):
    """What keeps a finding quiet for a while, for the campaign file. It is refused until somebody
    has written the reason."""
    began = datetime.date.fromisoformat(morning.campaign["started"][:10])
    values = {"kind" if "/" in it.kind else "clause": it.kind, "engine": it.key[0], "reason": ""}
    lines = ["[[waiver]]", *(f"{key} = {json.dumps(value)}" for key, value in values.items())]
    lines.append(f"expires = {began + datetime.timedelta(days=WAIVED_DAYS)}")
    return "\n".join(lines)


def finding_section(it, morning):
    """A finding with all that is known of it."""
    yield f"### {it.key[0]}: {it.kind or it.row['clause']}"
    yield f"{it.standing}; {inline(it.title())}"
    if it.waiver:
        yield f"waived until {it.waiver.expires}: {it.waiver.reason}"
    yield inline(it.row["finding"])
    yield f"```\n{it.replay(morning.brownout, morning.folder)}\n```"
    yield "\n".join(f"- {name}: {inline(value)}" for name, value in it.facts())
    if it.is_red:
        yield f"To waive it, with a reason:\n\n```toml\n{waiver_for(it, morning)}\n```"
    yield f"<details><summary>the case</summary>\n\n```\n{it.text}```\n\n</details>"


def markdown(morning):
    """All of it, for a job summary."""
    parts = [f"# Brownout: {headline(morning)}"]
    for title, findings in morning.groups():
        if findings:
            parts.append(f"## {title.capitalize()}")
        for it in findings:
            parts += finding_section(it, morning)
    lists = {"Gone": morning.gone, "Covered": morning.covered}
    lists |= {"Could not run": morning.not_run, "Refused by engines": morning.refused}
    lists |= {"Waivers": morning.waivers}
    for title, lines in lists.items():
        if lines:
            parts += [f"## {title}", "\n".join(f"- {line}" for line in lines)]
    parts.append(f"<details><summary>all runs</summary>\n\n```\n{morning.tables}```\n\n</details>")
    return "\n\n".join(parts) + "\n"
