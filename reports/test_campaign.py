"""make campaign: everything is explored within the time, and what goes wrong is reported and kept.

Most tests drive a stand-in for the command, whose behaviour the name of the engine or the scenario
chooses; the last ones drive the command itself.
"""

import io
import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import campaign
import example
import pytest
import results
from conftest import made

TOOL = Path(campaign.__file__)

# Explores by name: `bad` is refused, `broken` shows a divergence, `crash` fails, `slow` takes its
# time and stops when interrupted.
STAND_IN = f"""#!{sys.executable}
import json, os, signal, sys, time
sys.path.insert(0, {str(TOOL.parent)!r})
import example, results

words = sys.argv[1:]
if words[:2] == ["list", "engines"]:
    print(open(os.path.join(os.path.dirname(sys.argv[0]), "engines.json")).read())
    sys.exit(0)
first = 1 if words[0] == "fuzz" else 2
options = dict(zip(words[first::2], words[first + 1::2]))
scenario = "random" if words[0] == "fuzz" else os.path.basename(words[1])[:-4]
engine = options["--engine"]
with open(os.path.join(os.path.dirname(sys.argv[0]), "log"), "a") as log:
    print(json.dumps([scenario, engine, words]), file=log)
both = scenario + engine
if "bad" in both:
    print("brownout: " + words[1] + ":3: no such thing", file=sys.stderr)
    sys.exit(2)
if "crash" in both:
    print("brownout: a worker failed: Cannot allocate memory", file=sys.stderr)
    sys.exit(3)
state = "done"
if "slow" in both:
    def stop(number, frame):
        global state
        state = "stopped"
    signal.signal(signal.SIGINT, stop)
    print("slow", file=open(os.path.join(os.path.dirname(sys.argv[0]), "begun"), "w"))
    while state == "done":
        time.sleep(0.02)
found = [example.found()] if "broken" in both else []
db = results.open_results(options["--db"], write=True)
db.execute("begin immediate")
example.add_run(db, options["--campaign"], engine, scenario=scenario, state=state, found=found)
db.execute("commit")
said = dict(judged=100, stopped=state == "stopped", divergences=found)
print(json.dumps(said))
sys.exit(1 if found else 0)
"""


class Place:
    """A folder with scenarios, engines and the stand-in."""

    def __init__(self, folder):
        self.folder = folder
        self.db = folder / "build" / "results.db"
        self.brownout = folder / "brownout"
        self.brownout.write_text(STAND_IN)
        self.brownout.chmod(0o755)
        (folder / "scenarios").mkdir()

    def has(self, scenarios, engines=("seqmap",)):
        for name in scenarios:
            (self.folder / "scenarios" / f"{name}.scn").write_text("chip w25q32\n")
        return self.lists([{"name": name, "subject": name == "subject"} for name in engines])

    def lists(self, engines):
        (self.folder / "engines.json").write_text(json.dumps(engines))
        return self

    def command(self, *words):
        paths = ["--brownout", "brownout", "--scenarios", "scenarios", "--db", "build/results.db"]
        depth = [] if "--depth" in words or "--pairs" in words else ["--depth", "1"]
        rest = [word for word in words if word != "--pairs"]
        return [sys.executable, TOOL, *paths, "--seconds", "4", *depth, *rest]

    def run(self, *words):
        command = self.command(*words)
        return subprocess.run(command, cwd=self.folder, capture_output=True, text=True, timeout=60)

    def log(self):
        return [json.loads(line) for line in (self.folder / "log").read_text().splitlines()]

    def rows(self, query):
        db = results.open_results(self.db)
        try:
            return [tuple(row) for row in db.execute(query)]
        finally:
            db.close()


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)


def test_every_scenario_meets_every_engine_but_not_the_subjects(place):
    done = place.has(["a", "b"], ["seqmap", "subject", "naive"]).run()
    assert done.returncode == 0
    pairs = [(scenario, engine) for scenario, engine, _ in place.log()]
    assert pairs == [("a", "seqmap"), ("a", "naive"), ("b", "seqmap"), ("b", "naive")]
    assert "campaign-1: 4 runs, 400 crash states judged" in done.stdout
    assert "no divergence" in done.stdout
    assert place.rows("select count(*) from run") == [(4,)]


def test_pairs_of_cuts_come_after_single_ones_where_those_were_done(place):
    place.has(["a", "bad", "crash"]).run("--pairs")
    words = [words for _, _, words in place.log() if words[0] == "explore"]
    ran = [(Path(it[1]).stem, it[it.index("--depth") + 1]) for it in words]
    assert ran == [("a", "1"), ("bad", "1"), ("crash", "1"), ("a", "2")]


def test_a_scenario_that_states_a_depth_is_explored_at_it_first_and_once(place):
    place.has(["a", "tiny"])
    (place.folder / "scenarios" / "tiny.scn").write_text("chip w25q32\ndepth 2\n")
    place.run("--pairs")
    words = [words for _, _, words in place.log() if words[0] == "explore"]
    ran = [(Path(it[1]).stem, it[it.index("--depth") + 1]) for it in words]
    assert ran == [("a", "1"), ("tiny", "2"), ("a", "2")]


def test_between_them_come_other_options_in_turn_random_scenarios_and_other_classes(place):
    def option(name, value=0, largest=1, fixed=False):
        return {"name": name, "value": value, "min": 0, "max": largest, "fixed": fixed}

    options = [option("batch"), option("ahead"), option("on", 1), option("size", 0, 64),
               option("worn", fixed=True)]
    place.has("abcd").lists([{"name": "log", "options": options, "claims": "edge,weak"}])
    place.run("--pairs")
    ran = [(scenario, engine) for scenario, engine, _ in place.log()]
    assert ran[4:] == [
        ("a", "log batch=1 ahead=1"), ("b", "log batch=1"), ("c", "log ahead=1"),
        ("d", "log batch=1 ahead=1"), ("random", "log"),
        *((scenario, "log") for scenario in "abcdabcd"),
    ]
    assert ["weak" in words for _, _, words in place.log()[9:]] == [True] * 4 + [False] * 4


def test_an_option_that_does_not_fit_a_scenario_is_no_complaint(place):
    switch = {"name": "bad", "value": 0, "min": 0, "max": 1, "fixed": False}
    done = place.has(["a"]).lists([{"name": "log", "options": [switch]}]).run("--pairs")
    assert done.returncode == 0
    assert "not run" not in done.stderr


def test_a_log_has_a_line_for_each_exploration(place):
    done = place.has(["a", "b"]).run()
    assert done.stderr == (
        "a on seqmap: 100 crash states judged, no divergence\n"
        "b on seqmap: 100 crash states judged, no divergence\n"
    )
    assert "\r" not in done.stderr


def test_a_terminal_gets_a_bar_and_is_cleaned_up(place):
    place.has(["a", "b"])
    here, there = pty.openpty()
    command = place.command()
    with subprocess.Popen(command, cwd=place.folder, stdout=subprocess.DEVNULL, stderr=there) as it:
        os.close(there)
        shown = b""
        try:
            while chunk := os.read(here, 4096):
                shown += chunk
        except OSError:
            pass
        assert it.wait() == 0
    os.close(here)
    text = shown.decode()
    assert "0/2" in text and "1/2" in text and "b on seqmap" in text
    assert text.endswith("\r") and text.rsplit("\r", 2)[1].strip() == ""


def test_each_campaign_is_a_new_one_and_older_ones_stay(place):
    place.has(["a"])
    place.run()
    place.run("--campaign", "mine")
    done = place.run()
    assert done.stdout.startswith("campaign-2: 1 run, ")
    names = place.rows("select name from campaign order by id")
    assert names == [("campaign-1",), ("mine",), ("campaign-2",)]


class Timed:
    """An exploration that needs a time, on a clock that only explorations move."""

    def __init__(self, name, clock, need):
        self.name, self.clock, self.need = name, clock, need
        self.code, self.stopped, self.outcome, self.share, self.shares = None, False, "", 0, []
        self.turn, self.pair, self.judged = 1, name, 1

    def run(self, options, seconds, tick):
        self.code, self.share, self.stopped = 0, seconds, seconds < self.need
        self.shares.append(seconds)
        self.clock[0] += min(seconds, self.need)


def shares(monkeypatch, seconds, needs):
    """What explorations that need these times are given, in all."""
    clock = [0.0]
    monkeypatch.setattr(campaign.time, "monotonic", lambda: clock[0])
    explorations = [Timed(str(need), clock, need) for need in needs]
    progress = campaign.Progress(len(needs), seconds, io.StringIO())
    assert campaign.explore_all(explorations, SimpleNamespace(seconds=seconds), progress)
    return [one.shares for one in explorations]


def test_the_time_is_shared_and_what_one_does_not_need_goes_on(monkeypatch):
    assert shares(monkeypatch, 40, [1, 99, 99, 99]) == [[10], [13], [13], [13]]


def test_what_is_left_at_the_end_goes_to_those_that_were_stopped(monkeypatch):
    assert shares(monkeypatch, 40, [99, 1, 1, 1]) == [[10, 27], [10], [14.5], [28]]


def test_nothing_is_repeated_for_hardly_more_time(monkeypatch):
    assert shares(monkeypatch, 40, [99, 99, 99, 1]) == [[10], [10], [10], [10]]


def test_each_gets_some_time_even_when_there_is_none(monkeypatch):
    assert shares(monkeypatch, 0.1, [99, 99]) == [[campaign.SHARE_MIN], [campaign.SHARE_MIN]]


def test_options_are_handed_on(place):
    place.has(["a"]).run("--depth", "2", "--faults", "edge", "--seed", "5", "--jobs", "3")
    words = place.log()[0][2]
    for name, value in (("depth", "2"), ("faults", "edge"), ("seed", "5"), ("jobs", "3")):
        assert words[words.index(f"--{name}") + 1] == value


def test_a_broken_claim_is_exit_code_1_and_its_case_is_named(place):
    done = place.has(["a", "broken"]).run()
    assert done.returncode == 1
    assert "seqmap breaks atomic" in done.stdout
    assert example.found()[0]["artefact"] in done.stdout
    assert "broken on seqmap: 100 crash states judged, 1 divergence\n" in done.stderr


def test_an_engine_that_cannot_do_a_scenario_is_reported_and_no_mistake(place):
    done = place.has(["a"], ["seqmap", "bad"]).run()
    assert done.returncode == 0
    assert "not run: a on bad: scenarios/a.scn:3: no such thing\n" in done.stderr


def test_a_scenario_that_no_engine_takes_is_exit_code_2(place):
    done = place.has(["a", "bad"], ["seqmap", "naive"]).run()
    assert done.returncode == 2
    assert done.stderr.endswith("scenarios/bad.scn: no engine takes its chip and options\n")
    assert "2 runs" in done.stdout


def test_a_failure_of_the_harness_is_exit_code_3_printed_once_for_each_reason(place):
    done = place.has(["a", "broken", "crash1", "crash2"]).run()
    assert done.returncode == 3
    line = "failed: crash1 on seqmap and 1 more: a worker failed: Cannot allocate memory\n"
    assert done.stderr.count("Cannot allocate") == 3 and done.stderr.endswith(line)
    assert "2 runs" in done.stdout


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_campaign_keeps_and_shows_what_it_has(place, number):
    place.has(["a", "slow", "z"])
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(place.command(), cwd=place.folder, **pipes) as it:
        while not (place.folder / "begun").exists():
            assert it.poll() is None
            time.sleep(0.01)
        it.send_signal(number)
        out, complaint = it.communicate(timeout=60)
    assert it.returncode == 130
    assert complaint.endswith("interrupted; results so far are in build/results.db\n")
    assert "2 runs" in out and re.search(r"\nslow +seqmap +part +- ", out)
    states = place.rows("select scenario, state from run order by scenario")
    assert states == [("a", "done"), ("slow", "stopped")]


def test_a_page_with_the_wear_is_written_beside_the_database(place):
    done = place.has(["a"]).run()
    page = place.db.with_name("campaign.html")
    assert "<svg" in page.read_text()
    assert done.stdout.endswith("results: build/results.db, page: build/campaign.html\n")


def test_two_campaigns_at_once_have_two_names(tmp_path):
    path = tmp_path / "results.db"
    results.make_results(path).close()

    def take(_):
        db = results.open_results(path, write=True)
        name = campaign.new_name(db)
        db.close()
        return name

    with ThreadPoolExecutor() as both:
        names = sorted(both.map(take, range(4)))
    assert names == ["campaign-1", "campaign-2", "campaign-3", "campaign-4"]


# --- bad input ---


def test_a_database_of_another_schema_is_refused_before_the_start(place):
    place.has(["a"]).run()
    (place.folder / "log").unlink()
    db = results.connect(place.db, "rw")
    db.execute("pragma user_version = 9")
    db.close()
    done = place.run()
    assert (done.returncode, done.stdout) == (2, "")
    line = "build/results.db: results of schema 9, but this program knows schema 4\n"
    assert done.stderr == line
    assert not (place.folder / "log").exists()


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["--db", "/proc/x/results.db"], "/proc/x: No such file or directory\n"),
        (["--db", "/dev/full"], "/dev/full: not a file\n"),
        (["--db", "/proc/results.db"], "/proc/results.db: can't be opened\n"),
        (["--scenarios", "nowhere"], "nowhere: expected scenarios (*.scn), found none\n"),
        (["--brownout", "/nowhere/brownout"], "/nowhere/brownout: no such file; type: make\n"),
    ],
)
def test_what_is_no_use_is_one_line(place, words, line):
    cases = str(place.folder / "cases")
    done = place.has(["a"]).run(*words, "--cases", cases)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", line)


@pytest.mark.parametrize("text", ["0", "-1", "nan", "inf", "soon"])
def test_seconds_are_a_time(place, text):
    done = place.has(["a"]).run(f"--seconds={text}")
    assert done.returncode == 2
    assert "--seconds" in done.stderr


# --- the command itself ---

SCENARIO = """chip generic sectors=3 sector=256
engine naive
store k 0x01
store k 0x02
expect k 0x02
"""


def test_the_command_explores_and_stores(build, place):
    (place.folder / "scenarios" / "small.scn").write_text(SCENARIO)
    done = place.run("--brownout", made(build / "brownout"), "--seconds", "20")
    assert done.returncode == 0, done.stdout + done.stderr
    rows = place.rows("select engine, judged > 0, divergences from summary order by engine")
    assert ("naive", 1, 0) in rows
    assert "canary" not in dict((row[0], row) for row in rows)
    claims = place.rows("select finding from claim_check where engine = 'naive' and class = 'edge'")
    assert claims == [("holds",)]
