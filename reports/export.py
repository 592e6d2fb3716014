"""export - the results database in the formats that CI systems read, and the cases as files.

    python3 reports/export.py build/results.db --junit junit.xml --sarif brownout.sarif --cases DIR

JUnit: an engine is a suite, a run a test; it fails when the engine broke what it claims to survive,
is an error when it was killed, and counts as skipped when it was stopped early without a failure.
SARIF: a divergence is a result, an error within the claims and a note outside; runs that did not
come to their end are notifications. Both cover one campaign, the newest unless `--campaign` names
one, and are the same bytes for the same database. Where there are older campaigns a result says
whether it is new, unchanged (known) or absent (gone); those that are gone are results as well.
"""

import argparse
import json
import os
import re
import urllib.parse
from collections import Counter
from pathlib import PurePath
from xml.etree import ElementTree

from results import campaign_named, explained, open_results, tool, write_whole
from standing import Standing

CLAUSES = "select name, promise from clause order by place"
INFORMATION_URI = "urn:brownout:readme"  # the tool has no page; SARIF wants an absolute URI
SARIF_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

RUNS = """
select run.*, tested.label as engine_name
from furthest join run on run.id = furthest.run join tested on tested.engine = run.engine
where run.campaign = ?
order by tested.label, run.scenario, run.depth, run.shard, run.identity"""

# By a run or any repetition of it.
SEEN = """
select divergence.*, sighting.class, max(sighting.states) as states, claim.claimed
from run join sighting on sighting.run = run.id
join divergence on divergence.id = sighting.divergence
join claim on claim.engine = divergence.engine and claim.class = sighting.class
left join clause on clause.name = divergence.clause
join class on class.name = sighting.class
where run.identity = ? group by divergence.id, sighting.class
order by clause.place, divergence.clause, class.place, divergence.shape"""


def sentence(row, engine):
    """A divergence in one sentence."""
    fault = "without a cut" if row["class"] == "uncut" else f"under {row['class']}"
    return f"{engine} breaks {row['clause']} {fault}: {row['finding']}"


def name_of(run):
    """What a run explored; others may have the same name."""
    name = run["scenario"]
    if run["settings"]:
        name += f" {run['settings']}"
    if run["depth"] > 1:
        name += f" depth {run['depth']}"
    if run["shards"] > 1:
        name += f" shard {run['shard']}/{run['shards']}"
    return name


def early_end(run):
    """Why a run says less than it could; empty when it came to its end."""
    if run["state"] == "running":
        return "the run was killed before it came to its end"
    if run["state"] == "stopped":
        judged = run["judged"]
        return f"stopped early: {judged} crash state{'' if judged == 1 else 's'} judged"
    return ""


class Verdicts:
    """What becomes of each finding. Without the morning of a campaign (morning.py) every broken
    claim fails; with it, what is new and not waived."""

    def __init__(self, morning=None):
        self.morning = morning
        self.findings = {it.key: it for it in morning.findings} if morning else {}
        self.not_run = morning.not_run if morning else []
        self.refused = morning.refused if morning else []

    def finding(self, db, divergence):
        """What the morning says of a divergence; None: nothing."""
        query = "select name, clause, shape from divergence join engine on engine.id ="
        query += " divergence.engine where divergence.id = ?"
        return self.findings.get(tuple(db.execute(query, (divergence,)).fetchone()))

    def fails(self, db, divergence):
        """Whether a broken claim is a failure."""
        it = self.finding(db, divergence)
        return it is None or it.is_red

    def not_now(self):
        """What fails and was seen by an earlier campaign, which did not come to its end."""
        return [it for it in self.findings.values() if it.is_red and not it.now]


# --- JUnit ---


def xml_text(text):
    """What XML can't hold is replaced."""
    return NOT_XML.sub("\ufffd", text)


def unique(name, used):
    """A name that no other test of the suite has."""
    used[name] += 1
    return name if used[name] == 1 else f"{name} #{used[name]}"


def report(rows, engine):
    """Divergences as text: the sentence, how to replay it, the case itself."""
    parts = []
    for row in rows:
        replay = f"brownout replay {row['artefact']}"
        lines = [sentence(row, engine), f"{row['states']} crash states", replay, "", row["text"]]
        parts.append("\n".join(lines))
    return xml_text("\n".join(parts))


def junit_case(suite, run, rows, name, fails):
    """One run as a test; `fails` are the ids of the divergences for which it does."""
    engine = run["engine_name"]
    broken = [row for row in rows if row["claimed"] and row["id"] in fails]
    known = [row for row in rows if row["claimed"] and row["id"] not in fails]
    beyond = [row for row in rows if not row["claimed"]]
    case = ElementTree.SubElement(
        suite,
        "testcase",
        name=xml_text(name),
        classname=xml_text(f"brownout.{engine}"),
        time=f"{run['seconds']:.3f}",
    )
    if broken:
        message = xml_text(sentence(broken[0], engine))
        if len(broken) > 1:
            message += f" (and {len(broken) - 1} more)"
        failure = ElementTree.SubElement(case, "failure", message=message, type=broken[0]["clause"])
        failure.text = report(broken, engine)
    elif run["state"] == "running":
        ElementTree.SubElement(case, "error", message=early_end(run), type="killed")
    elif run["state"] == "stopped":
        ElementTree.SubElement(case, "skipped", message=early_end(run))
    lines = f"{early_end(run)}\n" if broken and early_end(run) else ""
    lines += f"{run['judged']} crash states judged, {run['skipped']} met before\n"
    if known:
        lines += "known or waived:\n" + report(known, engine)
    if beyond:
        lines += "beyond what the engine claims:\n" + report(beyond, engine)
    ElementTree.SubElement(case, "system-out").text = lines
    return case


def junit_more(root, verdicts):
    """What belongs to no run: what could not run, what engines refused, and what a killed campaign
    found."""
    if not verdicts.not_run and not verdicts.refused and not verdicts.not_now():
        return []
    suite = ElementTree.SubElement(root, "testsuite", name="campaign")
    base = {"classname": "brownout.campaign", "time": "0.000"}
    for line in verdicts.not_run:
        case = ElementTree.SubElement(suite, "testcase", name=xml_text(line), **base)
        ElementTree.SubElement(case, "error", message=xml_text(line), type="not run")
    for line in verdicts.refused:
        case = ElementTree.SubElement(suite, "testcase", name=xml_text(line), **base)
        ElementTree.SubElement(case, "skipped", message=xml_text(line))
    for it in verdicts.not_now():
        title = xml_text(it.title())
        case = ElementTree.SubElement(suite, "testcase", name=title, **base)
        failure = ElementTree.SubElement(case, "failure", message=title, type=it.key[1])
        failure.text = xml_text(f"{it.row['finding']}\n\n{it.text}")
    return [suite]


def sum_up(element):
    """Counts the tests below an element into its attributes."""
    cases = list(element.iter("testcase"))
    element.set("tests", str(len(cases)))
    element.set("failures", str(len(list(element.iter("failure")))))
    element.set("errors", str(len(list(element.iter("error")))))
    if element.tag == "testsuite":  # Jenkins knows no such attribute of the whole
        element.set("skipped", str(len(list(element.iter("skipped")))))
    element.set("time", f"{sum(float(case.get('time')) for case in cases):.3f}")


def junit(db, campaign, verdicts=None):
    """The campaign as JUnit XML."""
    verdicts = verdicts or Verdicts()
    root = ElementTree.Element("testsuites", name=xml_text(f"brownout {campaign['name']}"))
    suites, used = {}, {}
    for run in db.execute(RUNS, (campaign["id"],)):
        engine = run["engine_name"]
        if engine not in suites:
            suites[engine] = ElementTree.SubElement(root, "testsuite", name=xml_text(engine))
            used[engine] = Counter()
        rows = list(db.execute(SEEN, (run["identity"],)))
        fails = {row["id"] for row in rows if verdicts.fails(db, row["id"])}
        junit_case(suites[engine], run, rows, unique(name_of(run), used[engine]), fails)
    for element in (root, *suites.values(), *junit_more(root, verdicts)):
        sum_up(element)
    ElementTree.indent(root)
    return "<?xml version='1.0' encoding='utf-8'?>\n" + ElementTree.tostring(root, "unicode") + "\n"


# --- SARIF ---


def location(row):
    """The place in the scenario, or the case when no file is known."""
    path = row["path"] or row["artefact"]
    if os.path.isabs(path):
        artifact = {"uri": PurePath(path).as_uri()}
    else:
        path = os.path.normpath(path).replace(os.sep, "/")
        artifact = {"uri": urllib.parse.quote(path), "uriBaseId": "%SRCROOT%"}
    place = {"artifactLocation": artifact}
    if row["path"] and row["line"] > 0:
        place["region"] = {"startLine": row["line"]}
    return {"physicalLocation": place}


BASELINE = {"new": "new", "known": "unchanged", "gone": "absent"}


def suppressions(finding):
    """What a waiver makes of a result."""
    if not finding or not finding.waiver:
        return {}
    reason = f"{finding.waiver.reason} (until {finding.waiver.expires})"
    return {"suppressions": [{"kind": "external", "justification": reason}]}


def sarif_result(row, rules, state, finding=None):
    """One divergence as a result; `state` of history, or None."""
    baseline = {"baselineState": BASELINE[state]} if state else {}
    facts = {name: value for name, value in finding.facts()} if finding else {}
    text = f"{sentence(row, row['engine'])}. Replay: brownout replay {row['artefact']}"
    return {
        "ruleId": row["clause"],
        "ruleIndex": rules.index(row["clause"]),
        "level": "error" if row["claimed"] else "note",
        **baseline,
        **suppressions(finding),
        "message": {"text": text},
        "locations": [location(row)],
        "partialFingerprints": {
            "divergence/v1": f"{row['engine']}/{row['clause']}/{row['class']}/{row['shape']}"
        },
        "occurrenceCount": row["states"],
        "properties": {
            "engine": row["engine"],
            "class": row["class"],
            "claimed": bool(row["claimed"]),
            "scenario": row["scenario"],
            "artefact": row["artefact"],
            **facts,
        },
    }


def sarif_rule(name, promise):
    """A clause of the contract as a rule."""
    more = f"Every storage engine promises: {promise}. A divergence breaks it."
    how = "Replay the case that the result names: brownout replay CASE. It prints each call."
    return {
        "id": name,
        "name": name.capitalize(),
        "shortDescription": {"text": promise},
        "fullDescription": {"text": more},
        "help": {"text": f"{more}\n{how}", "markdown": f"{more}\n\n{how}"},
        "defaultConfiguration": {"level": "error"},
        "properties": {"tags": ["power loss"]},
    }


def sarif_rules(db, rows):
    """A rule for each clause of the contract, and for any that the schema does not know."""
    clauses = {row["name"]: row["promise"] for row in db.execute(CLAUSES)}
    more = sorted({row["clause"] for row in rows} - set(clauses))
    return [sarif_rule(name, clauses.get(name, name)) for name in [*clauses, *more]]


def sarif_driver(db, campaign, rules):
    """The tool. Its version is the commit it was built from, as the runs have it."""
    query = "select max(revision) from run where campaign = ?"
    revision = db.execute(query, (campaign["id"],)).fetchone()[0]
    return {
        "name": "Brownout",
        "version": revision or "unknown",
        "informationUri": INFORMATION_URI,
        "rules": rules,
    }


def sarif_invocation(db, campaign):
    """How the runs went: successful when none was killed; a notification for each cut short."""
    runs = [run for run in db.execute(RUNS, (campaign["id"],)) if run["state"] != "done"]
    killed = [run for run in runs if run["state"] == "running"]
    invocation = {"executionSuccessful": not killed}
    if runs:
        invocation["toolExecutionNotifications"] = [
            {
                "level": "error" if run["state"] == "running" else "note",
                "message": {"text": f"{name_of(run)} on {run['engine_name']}: {early_end(run)}"},
            }
            for run in runs
        ]
    return invocation


def sarif(db, campaign, verdicts=None):
    """The campaign as SARIF 2.1.0."""
    verdicts = verdicts or Verdicts()
    name = campaign["name"]
    rows = list(db.execute("select * from finding where campaign = ?", (name,)))
    standing = Standing(db, campaign)
    states = {id: row["state"] for id, row in standing.of(campaign).items()}
    shown = [
        (row, states.get(row["divergence"]), verdicts.finding(db, row["divergence"]))
        for row in rows
    ]
    gone = standing.gone_findings(campaign)
    rules = sarif_rules(db, rows + gone)
    ids = [rule["id"] for rule in rules]
    run = {
        "tool": {"driver": sarif_driver(db, campaign, rules)},
        "automationDetails": {"id": f"brownout/{name}"},
        "invocations": [sarif_invocation(db, campaign)],
        "columnKind": "unicodeCodePoints",
        "results": [
            *(sarif_result(row, ids, state, finding) for row, state, finding in shown),
            *(sarif_result(row, ids, "gone") for row in gone),
        ],
    }
    log = {"$schema": SARIF_SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(log, indent=2, ensure_ascii=False) + "\n"


# --- cases ---


def write_cases(db, campaign, folder):
    """Saves the cases of a campaign under the names that the reports call them by."""
    with explained(folder):
        os.makedirs(folder, exist_ok=True)
    query = "select distinct artefact, text from divergence where campaign = ? order by artefact"
    for row in db.execute(query, (campaign["id"],)):
        write_whole(os.path.join(folder, os.path.basename(row["artefact"])), row["text"])


def main(arguments):
    parser = argparse.ArgumentParser(prog="export.py", description=__doc__.split("\n")[0])
    parser.add_argument("database", metavar="RESULTS.db")
    parser.add_argument("--campaign", metavar="NAME", help="default: the newest")
    parser.add_argument("--junit", metavar="FILE", help="- is the standard output")
    parser.add_argument("--sarif", metavar="FILE", help="- is the standard output")
    parser.add_argument("--cases", metavar="FOLDER", help="saves each divergence's case there")
    options = parser.parse_args(arguments)
    if not (options.junit or options.sarif or options.cases):
        parser.error("nothing to export; give --junit, --sarif or --cases")
    db = open_results(options.database)
    campaign = campaign_named(db, options.database, options.campaign)
    if options.junit:
        write_whole(options.junit, junit(db, campaign))
    if options.sarif:
        write_whole(options.sarif, sarif(db, campaign))
    if options.cases:
        write_cases(db, campaign, options.cases)
    return 0


if __name__ == "__main__":
    tool(main)
