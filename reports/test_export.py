"""Exports: what CI systems read has the shape that they want and says what the database says."""

import hashlib
import json
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path
from xml.etree import ElementTree

import example
import export
import pytest
import results

TOOL = Path(export.__file__)


@pytest.fixture
def path(tmp_path):
    """A night with a broken claim, a finding beyond the claims, a clean run and a killed one."""
    path = tmp_path / "results.db"
    db = results.make_results(path)
    broken = [example.found(shape=1), example.found("durable", shape=2, under="edge")]
    example.add_run(db, scenario="settings", found=broken)
    weak = [example.found(shape=3, under="weak", path=None, line=0)]
    example.add_run(db, scenario="large", engine="naive", found=weak)
    example.add_run(db, scenario="settings", engine="naive")
    example.add_run(db, scenario="counter", state="running")
    db.close()
    return str(path)


def stopped_night(folder):
    """Runs that were stopped early: nothing found, something beyond the claims, a broken claim."""
    path = folder / "stopped.db"
    db = results.make_results(path)
    example.add_run(db, scenario="a", state="stopped", judged=70)
    weak = [example.found(shape=3, under="weak")]
    example.add_run(db, scenario="b", depth=2, state="stopped", judged=1, found=weak)
    example.add_run(db, scenario="c", state="stopped", found=[example.found()])
    example.add_run(db, scenario="d")
    db.close()
    return str(path)


def run(*words):
    return subprocess.run([sys.executable, TOOL, *words], capture_output=True, text=True)


def exported(path, kind, *words):
    done = run(path, f"--{kind}", "-", *words)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def sarif(path):
    return json.loads(exported(path, "sarif"))


# --- JUnit ---


def test_a_suite_is_an_engine_and_a_test_is_a_run(path):
    root = ElementTree.fromstring(exported(path, "junit"))
    assert root.tag == "testsuites"
    suites = {suite.get("name"): suite for suite in root}
    assert sorted(suites) == ["naive", "seqmap"]
    names = {name: [case.get("name") for case in suite] for name, suite in suites.items()}
    assert names == {"naive": ["large", "settings"], "seqmap": ["counter", "settings"]}
    assert [suites["seqmap"].get(k) for k in ("tests", "failures", "errors")] == ["2", "1", "1"]
    assert [root.get(k) for k in ("tests", "failures", "errors")] == ["4", "1", "1"]


def test_only_a_broken_claim_fails_and_it_tells_all_with_their_cases(path):
    root = ElementTree.fromstring(exported(path, "junit"))
    (failure,) = root.iter("failure")
    assert failure.get("message").startswith("seqmap breaks durable under edge")
    assert failure.get("message").endswith("(and 1 more)")
    assert "only:1" in failure.text and "only:2" in failure.text
    assert failure.text.count("brownout replay divergence-") == 2
    (weak,) = [out for out in root.iter("system-out") if "beyond what" in out.text]
    assert "naive breaks atomic under weak" in weak.text


def test_a_run_that_was_killed_is_an_error(path):
    root = ElementTree.fromstring(exported(path, "junit"))
    (case,) = [case for case in root.iter("testcase") if case.find("error") is not None]
    assert case.get("name") == "counter"


def test_a_run_that_was_stopped_early_is_skipped_unless_it_fails(tmp_path):
    root = ElementTree.fromstring(exported(stopped_night(tmp_path), "junit"))
    skipped = {
        case.get("name"): it.get("message")
        for case in root.iter("testcase")
        for it in case.iter("skipped")
    }
    assert skipped == {
        "a": "stopped early: 70 crash states judged",
        "b depth 2": "stopped early: 1 crash state judged",
    }
    assert [root.get(k) for k in ("tests", "failures")] == ["4", "1"]
    assert [suite.get("skipped") for suite in root] == ["2"]
    (failed,) = [case for case in root.iter("testcase") if case.find("failure") is not None]
    assert "stopped early: 100 crash states judged\n" in failed.find("system-out").text


def test_the_tests_of_a_suite_have_names_of_their_own(path):
    db = results.open_results(path, write=True)
    for shard in range(2):
        example.add_run(db, shard=shard, shards=2)
    example.add_run(db, seed="1" * 16)
    db.close()
    root = ElementTree.fromstring(exported(path, "junit"))
    names = [case.get("name") for case in root.iter("testcase")
             if case.get("classname") == "brownout.seqmap"]
    assert len(names) == len(set(names)) == 5
    assert "settings shard 1/2" in names


def test_what_xml_cannot_hold_is_replaced(path):
    db = results.open_results(path, write=True)
    odd = example.found(shape=9, finding="k: \x01\x1b <&> \uffff")
    example.add_run(db, scenario="odd", found=[odd])
    db.close()
    root = ElementTree.fromstring(exported(path, "junit"))
    assert any("<&>" in failure.get("message") for failure in root.iter("failure"))


# --- SARIF ---


def test_sarif_has_the_fields_that_its_standard_requires(path):
    log = sarif(path)
    assert log["version"] == "2.1.0" and log["$schema"].endswith("sarif-2.1.0.json")
    (night,) = log["runs"]
    driver = night["tool"]["driver"]
    assert driver["name"] == "Brownout"
    assert len(night["results"]) == 3
    for it in night["results"]:
        assert it["message"]["text"]
        assert it["level"] in ("none", "note", "warning", "error")
        assert driver["rules"][it["ruleIndex"]]["id"] == it["ruleId"]
        assert it["occurrenceCount"] >= 1
        assert all(isinstance(value, str) for value in it["partialFingerprints"].values())
    assert all(rule["shortDescription"]["text"] for rule in driver["rules"])


def test_a_broken_claim_is_an_error_and_a_finding_beyond_the_claims_a_note(path):
    levels = {r["properties"]["class"]: r["level"] for r in sarif(path)["runs"][0]["results"]}
    assert levels == {"edge": "error", "bits": "error", "weak": "note"}


def test_a_result_points_at_the_line_of_the_scenario_or_at_its_case(path):
    night = sarif(path)["runs"][0]
    places = [r["locations"][0]["physicalLocation"] for r in night["results"]]
    assert places[0] == {
        "artifactLocation": {"uri": "scenarios/settings.scn", "uriBaseId": "%SRCROOT%"},
        "region": {"startLine": 7},
    }
    assert places[2]["artifactLocation"]["uri"].startswith("divergence-")
    assert "region" not in places[2]


def test_fingerprints_differ_and_stay_from_one_campaign_to_the_next(path):
    before = [r["partialFingerprints"] for r in sarif(path)["runs"][0]["results"]]
    db = results.open_results(path, write=True)
    found = [example.found(shape=1), example.found("durable", shape=2, under="edge")]
    example.add_run(db, campaign="next night", found=found)
    db.close()
    results_after = sarif(path)["runs"][0]["results"]
    after = [r["partialFingerprints"] for r in results_after if r["baselineState"] != "absent"]
    assert after == before[:2]
    assert len({json.dumps(one) for one in before}) == 3


def test_a_result_is_new_known_or_gone(tmp_path):
    path = str(tmp_path / "results.db")
    db = results.make_results(path)
    seen, other = example.found(), example.found("durable", shape=2)
    example.add_run(db, campaign="monday", found=[seen])
    assert "baselineState" not in exported(path, "sarif")
    example.add_run(db, campaign="tuesday", found=[seen, other])
    example.add_run(db, campaign="wednesday", found=[seen])

    def states(campaign):
        log = json.loads(exported(path, "sarif", "--campaign", campaign))
        return [(it["ruleId"], it["baselineState"]) for it in log["runs"][0]["results"]]

    assert states("wednesday") == [("atomic", "unchanged"), ("durable", "absent")]
    assert states("tuesday") == [("durable", "absent"), ("atomic", "unchanged")]
    example.add_run(db, campaign="thursday", found=[example.found("settled", shape=3)])
    assert ("settled", "new") in states("thursday")


def test_a_killed_run_makes_the_invocation_unsuccessful(path):
    (invocation,) = sarif(path)["runs"][0]["invocations"]
    assert not invocation["executionSuccessful"]
    (note,) = invocation["toolExecutionNotifications"]
    assert note["level"] == "error"
    assert note["message"]["text"].startswith("counter on seqmap: the run was killed")


def test_a_run_that_was_stopped_early_is_a_notification(tmp_path):
    path = stopped_night(tmp_path)
    (invocation,) = sarif(path)["runs"][0]["invocations"]
    assert invocation == {
        "executionSuccessful": True,
        "toolExecutionNotifications": [
            {"level": "note", "message": {"text": f"{name} on seqmap: stopped early: {judged}"}}
            for name, judged in (
                ("a", "70 crash states judged"),
                ("b depth 2", "1 crash state judged"),
                ("c", "100 crash states judged"),
            )
        ],
    }


def test_runs_that_all_came_to_their_end_are_no_notifications(tmp_path):
    db = results.make_results(tmp_path / "results.db")
    example.add_run(db)
    db.close()
    (invocation,) = sarif(str(tmp_path / "results.db"))["runs"][0]["invocations"]
    assert invocation == {"executionSuccessful": True}


def test_a_clause_that_the_schema_does_not_know_gets_a_rule(path):
    db = results.open_results(path, write=True)
    example.add_run(db, scenario="new", found=[example.found("punctual", shape=5)])
    db.close()
    night = sarif(path)["runs"][0]
    assert "punctual" in [rule["id"] for rule in night["tool"]["driver"]["rules"]]


# --- both ---


@pytest.mark.parametrize("kind", ["junit", "sarif"])
def test_the_same_results_give_the_same_bytes(path, kind):
    assert exported(path, kind) == exported(path, kind)


@pytest.mark.parametrize("kind", ["junit", "sarif"])
def test_an_export_covers_one_campaign(path, kind):
    db = results.open_results(path, write=True)
    example.add_run(db, campaign="later", scenario="settings")
    db.close()
    text = exported(path, kind)
    if kind == "sarif":
        found = json.loads(text)["runs"][0]["results"]
        assert {it["baselineState"] for it in found} == {"absent"}
    else:
        assert "breaks" not in text
    assert "breaks" in exported(path, kind, "--campaign", "night")


def test_a_saved_case_has_the_digest_of_its_bytes_in_its_name(path, tmp_path):
    folder = tmp_path / "cases"
    assert run(path, "--cases", folder).returncode == 0
    saved = list(folder.iterdir())
    assert len(saved) == 3
    for case in saved:
        digest = hashlib.sha256(case.read_bytes()).hexdigest()
        assert case.name == f"divergence-{digest}.case"


@pytest.mark.parametrize(
    ("words", "code", "line"),
    [
        (["no.db", "--junit", "-"], 2, "no.db: no such file"),
        (["DB", "--junit", "-", "--campaign", "x"], 2, "DB: no campaign x; choose one of: night"),
        (["DB", "--junit", "/proc/x.xml"], 2, "/proc/x.xml: No such file or directory"),
    ],
)
def test_what_cannot_be_exported_is_one_line(path, words, code, line):
    done = run(*(path if word == "DB" else word for word in words))
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr == line.replace("DB", path) + "\n"


# --- where it goes ---


def full_device(path):
    """A node like /dev/full, which takes nothing; not the one of the machine."""
    try:
        os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 7))
        path.open("w").close()
    except PermissionError:
        pytest.skip("making a device takes root")
    return path


@pytest.mark.parametrize("kind", ["junit", "sarif"])
def test_a_pipe_gets_the_export_and_stays(path, tmp_path, kind):
    pipe, got = tmp_path / "pipe", []
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: got.append(pipe.read_text()), daemon=True)
    reader.start()
    assert run(path, f"--{kind}", pipe).returncode == 0
    assert stat.S_ISFIFO(pipe.lstat().st_mode)
    reader.join(10)
    assert got == [exported(path, kind)]


@pytest.mark.parametrize("there", [True, False])
def test_a_link_stays_and_leads_to_the_export(path, tmp_path, there):
    (tmp_path / "folder").mkdir()
    target, link = tmp_path / "folder" / "junit.xml", tmp_path / "link.xml"
    link.symlink_to("folder/junit.xml")
    if there:
        target.write_text("of yesterday")
    assert run(path, "--junit", link).returncode == 0
    assert link.is_symlink()
    assert target.read_text() == exported(path, "junit")
    assert os.listdir(target.parent) == ["junit.xml"]


def test_a_device_that_takes_nothing_is_one_line_and_stays(path, tmp_path):
    device = full_device(tmp_path / "full")
    done = run(path, "--junit", device)
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr == f"{device}: No space left on device\n"
    assert stat.S_ISCHR(device.lstat().st_mode)


def test_a_folder_is_no_output(path, tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    done = run(path, "--junit", folder)
    assert (done.returncode, done.stderr) == (2, f"{folder}: Is a directory\n")


def test_a_full_disk_under_the_output_is_one_line(path):
    with open("/dev/full", "w") as full:
        command = [sys.executable, TOOL, path, "--junit", "-"]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 3
    assert done.stderr == "the output can't be written: No space left on device\n"
