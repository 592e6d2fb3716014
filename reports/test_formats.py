"""The formats of CI systems: exports keep the rules of Jenkins, of SARIF 2.1.0 and of GitHub.

The schema of SARIF is not ours to copy. It comes with the npm package @microsoft/jest-sarif; where
that and jsonschema are at hand the exports are held against it. What is known of the rules is
checked in any case.
"""

import datetime
import json
import os
import re
from pathlib import Path
from urllib.parse import urlsplit
from xml.etree import ElementTree

import export
import morning
import pytest
import results
from conftest import ROOT
from test_export import path, stopped_night  # noqa: F401
from waivers import Waiver, Waivers

SCHEMA = "node_modules/@microsoft/jest-sarif/lib/schemas/sarif-2.1.0-rtm.5.json"
INSTALL = "npm install --prefix build @microsoft/jest-sarif@1.0.0-beta.0"

# Of the XSD of the Jenkins plug-ins: attributes that an element may have, those it must have, and
# its children.
JUNIT = {
    "testsuites": ("name time tests failures disabled errors", "", "testsuite"),
    "testsuite": (
        "name tests failures errors time disabled skipped timestamp hostname id package",
        "name tests",
        "properties testcase system-out system-err",
    ),
    "testcase": (
        "name assertions time classname status",
        "name",
        "skipped error failure system-out system-err",
    ),
    "failure": ("type message", "", ""),
    "error": ("type message", "", ""),
    "skipped": ("message type", "", ""),
    "system-out": ("", "", ""),
}


def junit_mistakes(element):
    """What the XSD would say."""
    may, must, children = (words.split() for words in JUNIT[element.tag])
    for name in element.keys():
        if name not in may:
            yield f"{element.tag} has {name}"
    for name in must:
        if not element.get(name):
            yield f"{element.tag} lacks {name}"
    for name in ("tests", "failures", "errors", "skipped"):
        if not re.fullmatch(r"\d+", element.get(name, "0")):
            yield f"{name} is no number"
    if not re.fullmatch(r"\d+\.\d+", element.get("time", "0.0")):
        yield "time is no number"
    for child in element:
        if child.tag not in children:
            yield f"{child.tag} in {element.tag}"
        yield from junit_mistakes(child)


def a_night(file, folder):
    """(database, campaign, what the reports make of it): something of each sort."""
    db = results.open_results(file, write=True)
    db.execute("update campaign set series = 'nights'")
    campaign = results.campaign_named(db, file)
    waiver = Waiver("durable", "clause", "seqmap", "ticket 7", datetime.date(9999, 1, 1))
    found = morning.findings_of(db, campaign, Waivers([waiver]), {"seqmap": "./mine.so"})
    it = morning.Morning(
        campaign=campaign,
        findings=found,
        gone=["gone"],
        covered=["covered"],
        not_run=["failed: a"],
        refused=["refused: b"],
        waivers=["unused"],
        tables="",
        brownout="brownout",
        folder=folder,
    )
    return db, campaign, export.Verdicts(it)


def test_junit_keeps_the_rules_of_jenkins(path, tmp_path):  # noqa: F811
    db, campaign, verdicts = a_night(path, str(tmp_path))
    for text in (export.junit(db, campaign), export.junit(db, campaign, verdicts)):
        assert list(junit_mistakes(ElementTree.fromstring(text))) == []
    root = ElementTree.fromstring(export.junit(db, campaign, verdicts))
    assert len(list(root.iter("failure"))) == 1, "what is waived fails nothing"
    assert [it.get("message") for it in root.iter("error")][-1] == "failed: a"
    assert [it.get("message") for it in root.iter("skipped")][-1] == "refused: b"
    stopped = results.open_results(stopped_night(tmp_path))
    campaign = results.campaign_named(stopped, "stopped.db")
    assert list(junit_mistakes(ElementTree.fromstring(export.junit(stopped, campaign)))) == []


def github_mistakes(log):
    """What GitHub's rules for an upload would say."""
    for run in log["runs"]:
        driver = run["tool"]["driver"]
        if not urlsplit(driver.get("informationUri", "")).scheme:
            yield "informationUri is no absolute URI"
        if not driver.get("version"):
            yield "the tool has no version"
        for rule in driver["rules"]:
            for name in ("shortDescription", "fullDescription", "help"):
                if not rule.get(name, {}).get("text"):
                    yield f"rule {rule['id']} lacks {name}"
            if len(rule["fullDescription"]["text"]) > 1024:
                yield f"rule {rule['id']} is described at length"
        for it in run["results"]:
            if not it["message"]["text"] or not it["locations"] or not it["partialFingerprints"]:
                yield f"a result of {it['ruleId']} lacks something"


def test_sarif_keeps_the_rules_of_github(path, tmp_path):  # noqa: F811
    db, campaign, verdicts = a_night(path, str(tmp_path))
    for text in (export.sarif(db, campaign), export.sarif(db, campaign, verdicts)):
        assert list(github_mistakes(json.loads(text))) == []
    log = json.loads(export.sarif(db, campaign, verdicts))
    suppressed = [it for it in log["runs"][0]["results"] if "suppressions" in it]
    assert [it["ruleId"] for it in suppressed] == ["durable"]
    new = [it for it in log["runs"][0]["results"] if it["baselineState"] == "new"]
    assert len(new) == 2 and all(it["properties"]["command"] for it in new)


def sarif_schema():
    """The checker for SARIF, or the test is skipped with what is missing."""
    jsonschema = pytest.importorskip("jsonschema", reason="apt-get install python3-jsonschema")
    file = Path(os.environ.get("BROWNOUT_SARIF_SCHEMA", ROOT / "build" / SCHEMA))
    if not file.exists():
        pytest.skip(f"the schema of SARIF is not at hand; type: {INSTALL}")
    return jsonschema.Draft4Validator(json.loads(file.read_text()))


def test_sarif_keeps_its_schema(path, tmp_path):  # noqa: F811
    checker = sarif_schema()
    db, campaign, verdicts = a_night(path, str(tmp_path))
    for text in (export.sarif(db, campaign), export.sarif(db, campaign, verdicts)):
        assert [it.message for it in checker.iter_errors(json.loads(text))] == []
    log = json.loads(export.sarif(db, campaign))
    log["runs"][0]["results"][0]["level"] = "catastrophe"
    assert list(checker.iter_errors(log)), "the schema is looked at"
