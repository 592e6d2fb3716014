"""summary - what a campaign found, as plain tables or as one HTML page.

    python3 reports/summary.py build/results.db [--campaign NAME] [--html page.html]

Crash states judged and how fast, divergences, wear, and for each engine what it claims against what
was found. Exit code 1 when a claim is broken, else 0.
"""

import argparse
import contextlib
import sys

import page
from results import campaign_named, only, open_results, tool, write_whole
from standing import Standing

DIVERGENCES_SHOWN_MAX = 10
LIFETIME_YEARS_MAX = 100  # no part is trusted to keep its data as long
ERASES_MIN = 10  # of the worst sector, below which a lifetime is a guess


LEGEND = (
    "cuts: one at a time, pairs: two or more on one path; all of them, or part for want of time;\n"
    "judged: crash states; erases: of the worst sector, without cuts; lifetime: at the scenario's\n"
    f"pace until that sector has the erases its vendor promises (?: from fewer than {ERASES_MIN})"
)
COST_LEGEND = (
    "cuts: N/M, power is cut in N of M operations; worst, mean: erases of a sector; byte:\n"
    "programmed for each byte put in; programs, read: calls and bytes of an operation; mount:\n"
    "reads of the worst one; held: keys or items at the end, or the fewest once the oldest were\n"
    "overwritten; more: erases that a cut costs"
)
KILLED = "open: a run that goes on, or was killed"
PARTIAL = "holds: as far as was explored"

# The shards of one exploration in a line.
EXPLORATIONS = """
select tested.label as engine, run.scenario, run.depth, max(run.state = 'running') as open,
    min(run.state = 'done') and count(distinct run.shard) = run.shards as whole
from furthest join run on run.id = furthest.run join tested on tested.engine = run.engine
where run.campaign = ? and run.kind = 'explore'
group by run.engine, run.scenario, run.settings, run.chip, run.sector_size, run.sector_count,
    run.page_size, run.unit, run.read_unit, run.erased, run.programs_per_unit, run.tear_scope,
    run.faults, run.depth, run.reach, run.bits_max, run.masks, run.prefixes_max, run.used,
    run.dedup, run.seed, run.shards"""


# --- numbers for people ---


def number(value):
    """1234567 as 1,234,567; nothing as a dash."""
    return "-" if value is None else f"{value:,.0f}"


def plural(count, word):
    """`1 run`, `2 runs`."""
    return f"{number(count)} {word}" + ("" if count == 1 else "s")


def lifetime(days, erases):
    """A span in the unit that a person would choose; uncertain when few erases speak for it."""
    if days is None:
        return "-"
    if days >= LIFETIME_YEARS_MAX * 365.25:
        return f"over {LIFETIME_YEARS_MAX} years"
    return span(days) + ("?" if erases < ERASES_MIN else "")


def span(days):
    """Two digits that matter."""
    for unit, size in (("years", 365.25), ("days", 1), ("hours", 1 / 24), ("minutes", 1 / 1440)):
        if days >= 2 * size or unit == "minutes":
            value = days / size
            return f"{value:,.0f} {unit}" if value >= 9.95 else f"{value:.1f} {unit}"


def verdict(row):
    """A cell of the table of claims."""
    if row["finding"] == "not claimed":
        if row["divergences"]:
            return f"not claimed, {row['divergences']} found"
        return "not claimed" if row["judged"] else "-"
    if row["finding"] == "BROKEN":
        return f"BROKEN, {row['divergences']} found"
    return row["finding"]


# --- what the tables are made of ---


def summary_rows(db, campaign):
    query = "select * from summary where campaign = ? order by scenario, engine"
    return list(db.execute(query, (campaign["name"],)))


def how_far(explorations):
    """How far some explorations came together, in a word."""
    if any(it["open"] for it in explorations):
        return "open"
    if not explorations:
        return "-"
    return "all" if all(it["whole"] for it in explorations) else "part"


def coverage(db, campaign):
    """{(scenario, engine): (single cuts, pairs)}, each in a word. Who was asked for pairs at once
    tried the single cuts on the way."""
    groups = {}
    for row in db.execute(EXPLORATIONS, (campaign["id"],)):
        groups.setdefault((row["scenario"], row["engine"]), []).append(row)
    words = {}
    for key, rows in groups.items():
        single = [row for row in rows if row["depth"] == 1]
        deep = [row for row in rows if row["depth"] > 1]
        words[key] = how_far(single or deep), how_far(deep)
    return words


def footnotes(covered):
    """What to know about the claims when not everything was explored."""
    words = {word for pair in covered.values() for word in pair}
    notes = [PARTIAL] if words & {"part", "open"} else []
    return notes + ([KILLED] if "open" in words else [])


def claims_by_engine(db, campaign):
    """{engine: [row for each class]}, classes in their order."""
    query = "select * from claim_check where campaign = ?"
    engines = {}
    for row in db.execute(query, (campaign["name"],)):
        engines.setdefault(row["engine"], []).append(row)
    return engines


def widenings(db, campaign):
    """A line for each engine whose contract is wider than the clauses say."""
    query = "select label, widened from engine join tested on tested.engine = engine.id"
    query += " where engine.campaign = ? and widened is not null order by label"
    rows = db.execute(query, (campaign["id"],))
    return [f"{row['label']} has a wider contract: {row['widened']}" for row in rows]


def findings(db, campaign):
    return list(db.execute("select * from finding where campaign = ?", (campaign["name"],)))


def is_broken(db, campaign):
    """Whether an engine broke what it claims."""
    return any(row["claimed"] for row in findings(db, campaign))


def headline(campaign, rows):
    """The campaign in one sentence."""
    judged = sum(row["judged"] for row in rows)
    seconds = sum(row["seconds"] for row in rows)
    text = f"{campaign['name']}: {plural(sum(row['runs'] for row in rows), 'run')}, "
    text += plural(judged, "crash state") + " judged"
    if seconds > 0:
        spent = f"{seconds:,.0f}" if seconds >= 10 else f"{seconds:.1f}"
        text += f" in {spent} s ({number(judged / seconds)} a second)"
    return text


# --- tables ---


def table(head, rows, left=()):
    """Lines of a plain table; columns whose index is in `left` are aligned there."""
    cells = [head, *rows]
    widths = [max(len(row[i]) for row in cells) for i in range(len(head))]
    lines = []
    for row in cells:
        padded = (
            text.ljust(width) if i in left else text.rjust(width)
            for i, (text, width) in enumerate(zip(row, widths))
        )
        lines.append("  ".join(padded).rstrip())
    return lines


WORK = ["scenario", "engine", "cuts", "pairs", "judged", "a second", "divergences", "erases"]
WORK += ["lifetime"]


def work_cells(row, covered):
    """A line under the head WORK."""
    return [
        row["scenario"],
        row["engine"],
        *covered.get((row["scenario"], row["engine"]), ("-", "-")),
        number(row["judged"]),
        number(row["judged_per_second"]),
        number(row["divergences"]),
        number(row["erases_max"]),
        lifetime(row["lifetime_days"], row["erases_max"]),
    ]


def work_table(rows, covered):
    return table(WORK, [work_cells(row, covered) for row in rows], left=range(4))


def claims_table(engines):
    classes = [row["class"] for row in next(iter(engines.values()))]
    body = [[engine, *map(verdict, rows)] for engine, rows in engines.items()]
    return table(["claims", *classes], body, left=range(len(classes) + 1))


def by_case(rows):
    """[(first row, classes as text, crash states)]: what has the same case stands once."""
    groups = {}
    for row in rows:
        groups.setdefault((row["engine"], row["clause"], row["artefact"]), []).append(row)
    for group in groups.values():
        names = [row["class"] + ("" if row["claimed"] else " (not claimed)") for row in group]
        yield group[0], ", ".join(dict.fromkeys(names)), sum(row["states"] for row in group)


COST = ["work", "engine", "cuts", "erases", "worst", "mean", "byte", "programs", "read", "mount"]
COST += ["held", "refused", "more", "lifetime"]


def ratio(value):
    """Two digits after the point; a dash for nothing."""
    return "-" if value is None else f"{value:,.2f}"


def cost_cells(row):
    """A line under the head COST."""
    return [
        row["scenario"],
        f"{row['engine']} {row['settings']}".strip(),
        row["cut_rate"] or "-",
        number(row["erases"]),
        number(row["erases_max"]),
        ratio(row["erases_mean"]),
        ratio(row["bytes_per_payload_byte"]),
        ratio(row["programs_per_operation"]),
        number(row["bytes_read_per_operation"]),
        number(row["mount_reads_most"]),
        number(row["held"] if row["held_least"] is None else row["held_least"]),
        number(row["refused"]),
        ratio(row["more_erases_per_cut"]),
        lifetime(row["lifetime_days"], row["erases_max"]),
    ]


def costs(db, campaign):
    """The comparisons of a campaign, head first; nothing when there are none."""
    rows = db.execute("select * from cost where campaign = ?", (campaign["name"],))
    body = [cost_cells(row) for row in rows]
    return [COST, *body] if body else []


def finding_lines(rows, words):
    """The divergences, those against a claim first; each with the file that replays it."""
    lines = []
    found = list(by_case(rows))
    for row, classes, states in found[:DIVERGENCES_SHOWN_MAX]:
        known = words.get(row["divergence"])
        lines.append(
            f"{row['engine']} breaks {row['clause']} in {row['scenario']}:"
            f" {classes}; {plural(states, 'crash state')}" + (f"; {known}" if known else "")
        )
        lines.append(f"  {row['finding']}")
        lines.append(f"  {row['artefact']}")
    if len(found) > DIVERGENCES_SHOWN_MAX:
        lines.append(f"and {len(found) - DIVERGENCES_SHOWN_MAX} more: select * from finding")
    return lines


def plain(db, campaign):
    """The campaign as text."""
    with contextlib.closing(only(db, campaign)) as one:
        return plain_of(one, campaign, Standing(db, campaign))


def plain_of(db, campaign, standing):
    """The same from a database with that campaign alone."""
    rows = summary_rows(db, campaign)
    engines = claims_by_engine(db, campaign)
    found = findings(db, campaign)
    covered = coverage(db, campaign)
    compared = costs(db, campaign)
    parts = [[headline(campaign, rows)]]
    if rows:
        parts.append([*work_table(rows, covered), LEGEND])
    if engines and (rows or not compared):
        notes = footnotes(covered) + widenings(db, campaign)
        parts.append(claims_table(engines) + notes)
    if found or rows or not compared:
        words = standing.words_of(campaign)
        judged = any(row["judged"] for row in rows)
        clean = "no divergence" if judged else "nothing was judged"
        parts.append(finding_lines(found, words) if found else [clean])
        parts.append(standing.lines_of(standing.gone(), DIVERGENCES_SHOWN_MAX))
    if compared:
        parts.append([*table(compared[0], compared[1:], left=range(3)), COST_LEGEND])
    return "\n\n".join("\n".join(part) for part in parts if part) + "\n"


def html(db, campaign):
    """The campaign as a page of its own, with pictures of the wear."""
    with contextlib.closing(only(db, campaign)) as one:
        return html_of(one, campaign, Standing(db, campaign))


def html_of(db, campaign, standing):
    """The same from a database with that campaign alone."""
    rows = summary_rows(db, campaign)
    covered = coverage(db, campaign)
    return page.page(
        headline(campaign, rows),
        work=[WORK, *(work_cells(row, covered) for row in rows)],
        legend=LEGEND,
        claims={
            engine: [(row["class"], row["finding"], verdict(row)) for row in checks]
            for engine, checks in claims_by_engine(db, campaign).items()
        },
        notes=footnotes(covered) + widenings(db, campaign),
        findings=list(by_case(findings(db, campaign))),
        standing=standing.words_of(campaign),
        gone=standing.lines_of(standing.gone(), DIVERGENCES_SHOWN_MAX),
        wear=page.wear_of(db, campaign, lifetime),
        costs=costs(db, campaign),
        costs_legend=COST_LEGEND,
    )


def main(arguments):
    parser = argparse.ArgumentParser(prog="summary.py", description=__doc__.split("\n")[0])
    parser.add_argument("database", metavar="RESULTS.db")
    parser.add_argument("--campaign", metavar="NAME", help="default: the newest")
    parser.add_argument("--html", metavar="FILE", help="writes a page; - is the standard output")
    options = parser.parse_args(arguments)
    db = open_results(options.database)
    campaign = campaign_named(db, options.database, options.campaign)
    if options.html:
        write_whole(options.html, html(db, campaign))
    else:
        sys.stdout.write(plain(db, campaign))
    return 1 if is_broken(db, campaign) else 0


if __name__ == "__main__":
    tool(main)
