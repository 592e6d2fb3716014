"""make campaign: everything is explored within the time, and what goes wrong is reported and kept.

Most tests drive a stand-in for the command, whose behaviour the name of the engine or the scenario
chooses; the last ones drive the command itself.
"""

import contextlib
import datetime
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
import driven
import example
import morning
import plan
import pytest
import results
import tasks
from conftest import made
from waivers import Waiver, Waivers
from work import Exploration

TOOL = Path(campaign.__file__)

# Explores by name: `bad` is a mistake, the engine `large` refuses, `broken` shows a divergence,
# `crash` fails, something of `unclear` does not replay, `slow` takes its time and stops when
# interrupted. Of random scenarios it judges the first rounds of a night alone, so that a campaign
# has an end that does not depend on time.
ROUNDS = 3
STAND_IN = f"""#!{sys.executable}
import json, os, signal, sys, time
sys.path.insert(0, {str(TOOL.parent)!r})
import example, results

words = sys.argv[1:]
if words[:2] == ["list", "engines"]:
    if words[-1].endswith("crash.so"):
        print("brownout: " + words[-1] + ": can't be loaded: the engine crashed", file=sys.stderr)
        sys.exit(2)
    print(open(os.path.join(os.path.dirname(sys.argv[0]), "engines.json")).read())
    sys.exit(0)
mended = os.path.exists(os.path.join(os.path.dirname(sys.argv[0]), "mended"))
if words[0] == "replay":
    sys.exit(0 if mended else 1)
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
if engine == "large":
    print("brownout: " + words[1] + ":2: engine large: needs 3 sectors", file=sys.stderr)
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
    print(os.getpid(), file=open(os.path.join(os.path.dirname(sys.argv[0]), "begun"), "w"))
    while state == "done":
        time.sleep(0.02)
idle = "idle" in both or words[0] == "fuzz" and int(options["--seed"]) % (1 << 20) >= {ROUNDS}
sound = os.path.exists(os.path.join(os.path.dirname(sys.argv[0]), "sound"))
found = [example.found()] if "broken" in both and not sound else []
if words[0] == "fuzz":
    time.sleep(0.1)
    found = [example.found()] if engine == "chance" and not mended and not idle else found
db = results.open_results(options["--db"], write=True)
db.execute("begin immediate")
example.add_run(db, options["--campaign"], engine, scenario=scenario, state=state, found=found,
                kind=words[0], started=results.moment())
db.execute("commit")
said = dict(judged=0 if idle else 100, stopped=state == "stopped", divergences=found)
said["unreproduced"] = 1 if "unclear" in both else 0
print(json.dumps(said))
sys.exit(1 if found else 0 if said["judged"] else 4)
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
        paths = ["--brownout", "brownout", "--targets", "nowhere", "--scenarios", "scenarios"]
        paths += ["--db", "build/results.db"]
        depth = [] if "--depth" in words or "--pairs" in words else ["--depth", "1"]
        more = [] if "--random" in words else ["--no-random"]
        rest = [word for word in words if word not in ("--pairs", "--random")]
        return [sys.executable, TOOL, *paths, "--time", "60", *depth, *more, *rest]

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


def begun(place):
    """The process id of the slow exploration; 0: not yet."""
    file = place.folder / "begun"
    return int(file.read_text() or 0) if file.exists() else 0


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)


def test_every_scenario_meets_every_engine_but_not_the_subjects(place):
    done = place.has(["a", "b"], ["seqmap", "subject", "naive"]).run()
    assert done.returncode == 0
    pairs = [(scenario, engine) for scenario, engine, _ in place.log()]
    assert pairs == [("a", "seqmap"), ("a", "naive"), ("b", "seqmap"), ("b", "naive")]
    assert done.stdout.startswith("campaign-1: nothing new\n400 crash states judged in ")
    assert "\nsingle cuts: 4 of 4 whole\n" in done.stdout
    assert place.rows("select count(*) from run") == [(4,)]


def test_house_is_each_engine_that_comes_with_brownout(place):
    place.has(["a"], ["seqmap", "subject", "naive"]).run("--engines", "naive,house,naive keys=8")
    assert [engine for _, engine, _ in place.log()] == ["naive", "seqmap", "naive keys=8"]


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
    place.run("--pairs", "--random")
    ran = [(scenario, engine) for scenario, engine, _ in place.log()]
    assert ran[4:17] == [
        ("a", "log batch=1 ahead=1"), ("b", "log batch=1"), ("c", "log ahead=1"),
        ("d", "log batch=1 ahead=1"), ("random", "log"),
        *((scenario, "log") for scenario in "abcdabcd"),
    ]
    assert ["weak" in words for _, _, words in place.log()[9:17]] == [True] * 4 + [False] * 4


def test_random_scenarios_go_on_while_they_are_judged_other_ones_every_night(place):
    place.has(["a"])
    for night in range(2):
        assert place.run("--random").returncode == 0
        fuzz = [words for it, _, words in place.log() if it == "random"]
        seeds = [int(words[words.index("--seed") + 1]) for words in fuzz]
        assert seeds == [(night << 20) + at for at in range(ROUNDS + 1)]
        (place.folder / "log").unlink()


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


def test_what_does_not_replay_is_a_fault_of_the_harness_beside_a_finding_too(place):
    line = "failed: unclear-broken on seqmap: 1 kind did not replay, a fault of the harness"
    for code in (1, 3):  # what is new comes first, known the night after
        done = place.has(["unclear-broken"]).run()
        assert (done.returncode, done.stdout.count(f"{line}\n")) == (code, 1)


def test_where_nothing_was_judged_the_log_does_not_say_that_nothing_diverged(place):
    done = place.has(["a", "idle"]).run()
    assert "a on seqmap: 100 crash states judged, no divergence\n" in done.stderr
    assert "idle on seqmap: nothing was judged\n" in done.stderr


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
    assert done.stdout.startswith("campaign-2: nothing new\n")
    names = place.rows("select name from campaign order by id")
    assert names == [("campaign-1",), ("mine",), ("campaign-2",)]


class Timed:
    """An exploration that needs a time, on a clock that only explorations move."""

    def __init__(self, name, clock, need):
        self.name, self.clock, self.need = name, clock, need
        self.code, self.stopped, self.outcome, self.share, self.shares = None, False, "", 0, []
        self.turn, self.pair, self.judged, self.before = 1, name, 1, False

    def run(self, options, seconds, tick):
        self.code, self.share, self.stopped = 0, seconds, seconds < self.need
        self.shares.append(seconds)
        self.clock[0] += min(seconds, self.need)


class NoTasks:
    """Keeps nothing."""

    def begin(self, work, settings):
        """The work begins."""

    end = begin


def shares(monkeypatch, seconds, needs):
    """What explorations that need these times are given, in all."""
    clock = [0.0]
    monkeypatch.setattr(campaign.time, "monotonic", lambda: clock[0])
    plan = [Timed(str(need), clock, need) for need in needs]
    progress = campaign.Progress(len(needs), seconds, io.StringIO())
    settings = SimpleNamespace(time=seconds, random=False, shard=None, targets="nowhere")
    assert campaign.Runner(plan, settings, NoTasks(), progress).run_all([])
    return [one.shares for one in plan]


def test_the_time_is_shared_and_what_one_does_not_need_goes_on(monkeypatch):
    assert shares(monkeypatch, 40, [1, 99, 99, 99]) == [[10], [13], [13], [13]]


def test_what_is_left_at_the_end_goes_to_those_that_were_stopped(monkeypatch):
    assert shares(monkeypatch, 40, [99, 1, 1, 1]) == [[10, 27], [10], [14.5], [28]]


def test_nothing_is_repeated_for_hardly_more_time(monkeypatch):
    assert shares(monkeypatch, 40, [99, 99, 99, 1]) == [[10], [10], [10], [10]]


def test_one_gets_some_time_even_when_there_is_none(monkeypatch):
    assert shares(monkeypatch, 0.1, [99, 99]) == [[campaign.SHARE_MIN], []]


def test_options_are_handed_on(place):
    place.has(["a"]).run("--depth", "2", "--faults", "edge", "--seed", "5", "--jobs", "3")
    words = place.log()[-1][2]
    for name, value in (("depth", "2"), ("faults", "edge"), ("seed", "5"), ("jobs", "3")):
        assert words[words.index(f"--{name}") + 1] == value


def test_a_broken_claim_is_exit_code_1_and_its_case_is_named(place):
    done = place.has(["a", "broken"]).run()
    assert done.returncode == 1
    assert done.stdout.startswith("campaign-1: 1 NEW\nNEW: seqmap atomic/other/each/cut in ")
    artefact = f"build/artefacts/{example.found()[0]['artefact']}"
    assert f"  brownout replay {artefact}\n" in done.stdout
    assert (place.folder / artefact).read_text() == example.found()[0]["text"]
    assert "broken on seqmap: 100 crash states judged, 1 divergence\n" in done.stderr


def test_an_engine_that_cannot_do_a_scenario_is_reported_and_no_mistake(place):
    done = place.has(["a"], ["seqmap", "large"]).run()
    assert done.returncode == 0
    assert done.stdout.startswith("campaign-1: nothing new\n")
    assert "single cuts: 1 of 2 whole, 1 refused\n" in done.stdout
    assert "refused: a on large: scenarios/a.scn:2: engine large: needs 3 sectors\n" in done.stdout
    assert place.rows("select state from task order by id") == [("done",), ("refused",)]
    junit = (place.db.parent / "artefacts" / "junit.xml").read_text()
    assert "<error" not in junit and junit.count("<skipped") == 1


def test_what_was_given_wrongly_is_told_apart_from_what_an_engine_refuses(place):
    done = place.has(["a"], ["seqmap", "bad"]).run()
    assert done.returncode == 2
    assert done.stdout.startswith("campaign-1: nothing new, not all could run\n")
    assert "failed: a on bad: scenarios/a.scn:3: no such thing\n" in done.stdout


def test_an_engine_that_was_named_and_refuses_all_is_no_pass(place):
    done = place.has(["a"], ["seqmap", "large"]).run("--engines", "seqmap,large")
    assert done.returncode == 4
    assert done.stdout.startswith("campaign-1: nothing new, not all could run\n")
    assert "nothing was judged of large\n" in done.stdout
    assert place.run("--engines", "seqmap,large", "--shard", "0/2").returncode == 0


def test_a_scenario_that_no_engine_takes_is_exit_code_2(place):
    done = place.has(["a", "bad"], ["seqmap", "naive"]).run()
    assert done.returncode == 2
    assert done.stderr.endswith("scenarios/bad.scn: no engine takes its chip and options\n")
    assert "single cuts: 2 of 4 whole, 2 failed\n" in done.stdout


UNMET = "the scenario expects x of k, its own operations leave absent"


def ended(scenario, complaint):
    """An exploration that the command ended with exit code 2."""
    one = Exploration(str(scenario), plan.Engine("mine", {}, "mine.so"), 1)
    one.code, one.complaint = 2, complaint
    return one


def test_a_scenario_of_the_house_that_the_engine_does_not_do_is_no_mistake(tmp_path):
    ours, yours = plan.HOME / "scenarios" / "factory-reset.scn", tmp_path / "a.scn"
    why = f"it.scn:19: {UNMET}; line 8: store answers too big"
    assert (ended(ours, why).refused, ended(ours, why).mistaken) == (True, False)
    assert (ended(yours, why).refused, ended(yours, why).mistaken) == (False, True)
    nothing_refused = ended(ours, f"it.scn:19: {UNMET}")
    assert (nothing_refused.refused, nothing_refused.mistaken) == (False, True)


def test_a_scenario_of_the_house_may_fit_no_engine_that_takes_part(tmp_path):
    small = "it.scn:2: engine mine: needs 3 sectors"
    ours = ended(plan.HOME / "scenarios" / "tiny-map.scn", small)
    yours = ended(tmp_path / "a.scn", small)
    assert ours.refused and yours.refused
    assert campaign.bad_scenarios([ours, yours]) == [yours.scenario]


def test_a_failure_of_the_harness_is_exit_code_3_printed_once_for_each_reason(place):
    done = place.has(["a", "crash1", "crash2"]).run()
    assert done.returncode == 3
    line = "failed: crash1 on seqmap and 1 more: a worker failed: Cannot allocate memory\n"
    assert done.stderr.count("Cannot allocate") == 2 and line in done.stdout
    assert "single cuts: 1 of 3 whole, 2 failed\n" in done.stdout
    assert place.has(["broken"]).run().returncode == 1, "what is new comes first"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_campaign_keeps_and_shows_what_it_has(place, number):
    place.has(["a", "slow", "z"])
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(place.command(), cwd=place.folder, **pipes) as it:
        while not begun(place):
            assert it.poll() is None
            time.sleep(0.01)
        it.send_signal(number)
        out, complaint = it.communicate(timeout=60)
    assert it.returncode == 130
    assert complaint.endswith("interrupted; results so far are in build/results.db\n")
    assert "single cuts: 1 of 3 whole, 1 in part, 1 had no turn\n" in out
    assert place.rows("select ended from campaign") == [("",)]
    states = place.rows("select scenario, state from run order by scenario")
    assert states == [("a", "done"), ("slow", "stopped")]


def test_a_page_with_the_wear_is_written_beside_the_database(place):
    done = place.has(["a"]).run()
    page = place.db.parent / "artefacts" / "campaign.html"
    assert "<svg" in page.read_text()
    assert done.stdout.endswith("reports: build/artefacts, results: build/results.db\n")


def test_two_campaigns_at_once_have_two_names(tmp_path):
    path = tmp_path / "results.db"
    results.make_results(path).close()

    def take(_):
        db = results.open_results(path, write=True)
        name = tasks.new_campaign(db, "campaign")
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
    line = "build/results.db: results of schema 9, but this program knows schema 8\n"
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
    done = place.has(["a"]).run(*words, "--artefacts", str(place.folder / "cases"))
    assert (done.returncode, done.stdout, done.stderr) == (2, "", line)


@pytest.mark.parametrize("text", ["0", "-1", "nan", "inf", "soon"])
def test_seconds_are_a_time(place, text):
    done = place.has(["a"]).run(f"--time={text}")
    assert (done.returncode, done.stdout) == (2, "")
    line = f"brownout campaign: --time: expected a time such as 90s, 30m or 8h, got {text}\n"
    assert done.stderr == line


# --- the command itself ---

SCENARIO = """chip generic sectors=3 sector=256
engine naive
store k 0x01
store k 0x02
expect k 0x02
"""


def test_the_command_explores_and_stores(build, place):
    (place.folder / "scenarios" / "small.scn").write_text(SCENARIO)
    done = place.run("--brownout", made(build / "brownout"), "--time", "20")
    assert done.returncode == 0, done.stdout + done.stderr
    rows = place.rows("select engine, judged > 0, divergences from summary order by engine")
    assert ("naive", 1, 0) in rows
    assert "canary" not in dict((row[0], row) for row in rows)
    claims = place.rows("select finding from claim_check where engine = 'naive' and class = 'edge'")
    assert claims == [("holds",)]


def test_two_campaigns_with_one_seed_find_the_same(build, place):
    """In what came to its end."""
    (place.folder / "scenarios" / "small.scn").write_text(SCENARIO.replace("naive", "canary"))
    found = []
    for name in ("one", "two"):
        place.db = place.folder / name / "results.db"
        words = ["--engines", "canary fault=1,canary fault=3", "--seed", "7", "--db", place.db]
        done = place.run("--brownout", made(build / "brownout"), "--time", "40", *words)
        assert done.returncode == 1, done.stdout + done.stderr
        assert place.rows("select count(*) from task where state <> 'done'") == [(0,)]
        found.append(place.rows("select clause, shape, text from divergence order by text"))
    assert found[0] and found[0] == found[1]


# --- plug-ins, waivers, nights ---


def test_a_plugin_that_cannot_be_loaded_is_named_and_the_rest_goes_on(place):
    place.has(["a"]).lists([{"name": "mine", "kind": "map", "plugin": "./good.so"}])
    done = place.run("--plugin", "good.so", "--plugin", "crash.so")
    assert done.returncode == 3
    ((scenario, engine, words),) = place.log()
    assert (scenario, engine, words[words.index("--plugin") + 1]) == ("a", "mine", "./good.so")
    line = "./crash.so: can't be loaded: the engine crashed"
    assert f"\n{line}\n" in done.stdout
    assert place.rows("select reason from task where state = 'refused'") == [(line,)]


def file_of(place, text):
    """A campaign file beside the scenarios."""
    (place.folder / "brownout.toml").write_text(text)
    return "brownout.toml"


WAIVER = """
[[waiver]]
{what}
engine = "seqmap"
reason = "ticket 7"
expires = {expires}
"""


def waived(place, what, expires="2100-01-01"):
    """Of a campaign with one waiver that finds something."""
    file = file_of(place, WAIVER.format(what=what, expires=expires))
    return place.has(["broken"]).run(file, "--again")


@pytest.mark.parametrize("what", ['clause = "atomic"', 'kind = "atomic/other/each/cut in program"'])
def test_a_waiver_keeps_the_night_green(place, what):
    done = waived(place, what)
    assert done.returncode == 0
    assert done.stdout.startswith("campaign-1: nothing new, 1 waived\nwaived until 2100-01-01: seq")
    log = json.loads((place.db.parent / "artefacts" / "brownout.sarif").read_text())
    (result,) = log["runs"][0]["results"]
    assert result["suppressions"][0]["justification"] == "ticket 7 (until 2100-01-01)"


def test_a_waiver_that_is_over_holds_no_more(place):
    done = waived(place, 'clause = "atomic"', "2020-01-01")
    assert done.returncode == 1
    line = "waiver expired: seqmap atomic: ticket 7 (until 2020-01-01)\n"
    assert done.stdout.startswith("campaign-1: 1 NEW\n") and line in done.stdout


def test_what_a_waiver_kept_quiet_is_red_when_it_is_over_and_known_as_it_is(place):
    what = 'kind = "atomic/other/each/cut in program"'
    assert waived(place, what).returncode == 0
    for night in (2, 3):
        done = waived(place, what, "2020-01-01")
        assert done.returncode == 1
        assert done.stdout.startswith(
            f"campaign-{night}: nothing new, 1 WITH A WAIVER THAT IS OVER\n"
            "WAIVER OVER SINCE 2020-01-01, KNOWN SINCE CAMPAIGN-1: seqmap atomic/other"
        )
        junit = (place.db.parent / "artefacts" / "junit.xml").read_text()
        assert junit.count("<failure") == 1
    assert waived(place, 'clause = "alive"').returncode == 0, "it is out"


def test_a_waiver_that_nothing_needs_is_named(place):
    done = waived(place, 'clause = "alive"')
    assert done.returncode == 1
    assert "waiver unused: seqmap alive: ticket 7 (until 2100-01-01)\n" in done.stdout


def test_the_waiver_that_the_summary_offers_keeps_the_night_green_with_a_reason(place):
    assert place.has(["broken"]).run().returncode == 1
    summary = (place.db.parent / "artefacts" / "summary.md").read_text()
    (block,) = re.findall(r"```toml\n(.*?)```", summary, re.DOTALL)
    done = place.run(file_of(place, block), "--again")
    assert done.returncode == 2 and "brownout.toml:4: reason: expected a text" in done.stderr
    block = block.replace('reason = ""', 'reason = "ticket 8"')
    done = place.run(file_of(place, block), "--again", "--name", "other")
    assert done.returncode == 0 and done.stdout.startswith("other-1: nothing new, 1 waived\n")


def test_a_waiver_for_an_engine_that_takes_no_part_is_named(place):
    file = file_of(place, WAIVER.format(what='clause = "alive"', expires="2100-01-01"))
    done = place.has(["a"], ["seqmop", "naive"]).run(file)
    line = "waiver for an engine that takes no part (there is naive, seqmop): seqmap alive: "
    assert done.returncode == 0 and line in done.stdout


def test_a_clause_and_a_rule_are_waived_by_the_command_for_that_engine_alone(place):
    file = file_of(place, WAIVER.format(what='rule = "lawful/reprogram"', expires="2100-01-01"))
    place.has(["a"], ["seqmap", "naive"]).run(file)
    waives = {engine: words[words.index("--waive") + 1] if "--waive" in words else None
              for _, engine, words in place.log()}
    assert waives == {"seqmap": "lawful/reprogram", "naive": None}


def test_what_was_done_before_with_the_same_build_is_not_done_again(place):
    place.has(["a", "broken"])
    assert place.run().returncode == 1
    done = place.run()
    assert done.returncode == 0 and len(place.log()) == 2
    assert done.stdout.startswith("campaign-2: nothing new, 1 known\nknown since campaign-1, not")
    assert "single cuts: 2 of 2 whole, 2 of them before with the same build\n" in done.stdout
    place.run("--depth", "2")
    assert [words[3] for _, _, words in place.log()[2:]] == ["2", "2"], "deeper ones are new"
    place.run("--again")
    assert len(place.log()) == 6
    with open(place.brownout, "a") as program:
        print("# another build", file=program)
    place.run()
    assert len(place.log()) == 8
    place.run("--name", "another")
    assert len(place.log()) == 10


def test_what_another_build_did_since_is_done_again(place):
    place.has(["a", "broken"]).run()
    first = place.brownout.read_text()
    with open(place.brownout, "a") as program:
        print("# another build", file=program)
    place.run()
    place.brownout.write_text(first)
    done = place.run()
    assert len(place.log()) == 6 and "before with the same build" not in done.stdout


def test_a_night_that_was_killed_is_gone_on_with_and_what_it_found_is_new(place):
    place.has(["a", "broken", "slow"])
    with subprocess.Popen(place.command(), cwd=place.folder, stderr=subprocess.DEVNULL) as it:
        while not begun(place):
            assert it.poll() is None
            time.sleep(0.01)
        it.kill()
    states = place.rows("select name, state from task order by id")
    assert states == [("a on seqmap", "done"), ("broken on seqmap", "done"),
                      ("slow on seqmap", "open")]
    os.kill(begun(place), signal.SIGKILL)
    (place.folder / "scenarios" / "slow.scn").unlink()
    done = place.run()
    assert done.returncode == 1 and len(place.log()) == 3
    assert done.stdout.startswith("campaign-2: 1 NEW\nNEW, FIRST SEEN IN CAMPAIGN-1: seqmap atomic")
    junit = (place.db.parent / "artefacts" / "junit.xml").read_text()
    assert junit.count("<failure") == 1
    assert place.run().returncode == 0, "it was reported"


def test_what_chance_found_is_gone_when_its_case_shows_it_no_more(place):
    place.has(["a"], ["chance"])
    words = ["--random"]
    assert place.run(*words).stdout.startswith("campaign-1: 1 NEW\n")
    assert place.run(*words).stdout.startswith("campaign-2: nothing new, 1 known\n")
    (place.folder / "mended").touch()
    out = place.run(*words).stdout
    assert out.startswith("campaign-3: nothing new, 1 gone\ngone since campaign-2: chance atomic")
    assert place.run(*words).stdout.startswith("campaign-4: nothing new\n"), "it is reported once"


def test_what_is_gone_is_reported_by_the_next_night_that_comes_to_its_end(place):
    place.has(["broken"]).run()
    (place.folder / "sound").touch()
    with open(place.brownout, "a") as program:
        print("# another build", file=program)
    place.has(["slow"])
    with subprocess.Popen(place.command(), cwd=place.folder, stderr=subprocess.DEVNULL) as it:
        while not begun(place):
            assert it.poll() is None
            time.sleep(0.01)
        it.kill()
    os.kill(begun(place), signal.SIGKILL)
    (place.folder / "scenarios" / "slow.scn").unlink()
    assert place.run().stdout.startswith("campaign-3: nothing new, 1 gone\ngone since campaign-1: ")
    assert place.run().stdout.startswith("campaign-4: nothing new\n")


def test_a_damaged_database_is_set_aside_and_the_night_goes_on(place):
    place.has(["a"]).run()
    whole = place.db.read_bytes()
    place.db.write_bytes(whole[:4096] + b"\xff" * (len(whole) - 4096))
    done = place.run()
    assert done.returncode == 3
    assert "the database was damaged; it is build/results.db.damaged-1 now" in done.stdout
    assert place.db.with_name("results.db.damaged-1").read_bytes()[:4096] == whole[:4096]
    assert place.rows("select count(*) from run") == [(1,)]


def test_a_full_disk_is_one_line_and_the_rest_goes_on(place):
    small = place.folder / "small"
    small.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=700k", "tmpfs", str(small)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode != 0:
        pytest.skip("mounting a small disk takes root")
    try:
        results.make_results(small / "results.db").close()
        with open(small / "filler", "wb", buffering=0) as filler, contextlib.suppress(OSError):
            while filler.write(bytes(4096)):
                pass
        os.truncate(small / "filler", os.path.getsize(small / "filler") - 110000)
        done = place.has(["a", "b", "broken"]).run("--db", "small/results.db", "--artefacts", "out")
        assert done.returncode == 3 and len(place.log()) == 3
        assert "Traceback" not in done.stdout + done.stderr
        line = "small/results.db: the disk is full; what was stored before is kept\n"
        assert done.stdout.count(line) + done.stderr.count(line) == 1
        assert "single cuts: 1 of 3 whole, 2 failed\n" in done.stdout
    finally:
        subprocess.run(["umount", str(small)], check=True)


def test_a_folder_that_is_read_only_is_one_line_before_the_start(place):
    done = place.has(["a"]).run("--artefacts", "/proc/1")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "/proc/1: Permission denied\n" and not (place.folder / "log").exists()


def test_a_report_that_cannot_be_written_is_one_line_and_the_others_are_made(place):
    (place.db.parent / "artefacts" / "junit.xml").mkdir(parents=True)
    done = place.has(["a"]).run()
    assert done.returncode == 3
    assert done.stderr.endswith("\nbuild/artefacts/junit.xml: Is a directory\n")
    assert (place.db.parent / "artefacts" / "brownout.sarif").exists()
    assert place.rows("select ended from campaign") == [("",)], "nobody saw it"


def test_the_summary_goes_to_a_job_and_to_a_file(place):
    os.environ["GITHUB_STEP_SUMMARY"] = str(place.folder / "job.md")
    try:
        place.has(["broken"]).run("--markdown", "mine.md")
    finally:
        del os.environ["GITHUB_STEP_SUMMARY"]
    text = (place.folder / "mine.md").read_text()
    assert text == (place.folder / "job.md").read_text()
    assert text == (place.db.parent / "artefacts" / "summary.md").read_text()
    for fact in ("command: `brownout explore", "host: `bench`", "date: `20",
                 "commit of Brownout: `0123456789ab`", f"build of the engine: `{example.BUILD}`"):
        assert fact in text
    assert example.found()[0]["text"] in text


def test_the_first_screen_is_one(tmp_path):
    db = results.make_results(tmp_path / "results.db")
    example.add_run(db, "old", found=[example.found(shape=it) for it in range(100, 130)])
    found = [example.found(shape=it, finding="x" * 200) for it in range(30)]
    example.add_run(db, "new", scenario="other", script="other", found=found, series="nights")
    db.execute("update campaign set series = 'nights', ended = 'then' where name = 'old'")
    row = results.campaign_named(db, "results.db", "new")
    lines = [f"{it} {'y' * 200}" for it in range(30)]
    it = morning.Morning(
        campaign=row,
        findings=morning.findings_of(db, row, Waivers(), {}),
        **dict.fromkeys(("gone", "covered", "not_run", "refused", "waivers"), lines),
        tables="",
        brownout="brownout",
        folder="artefacts",
    )
    shown = morning.screen(it).split("\n")
    assert len(it.red) == 30 and len(shown) <= 24
    assert shown[0] == "new: 30 NEW, 30 known, 30 gone, not all could run"
    assert all(len(line) <= 100 or "brownout replay" in line for line in shown)
    assert len([line for line in shown if line.startswith("and ")]) == 7


def test_a_part_of_the_plan(place):
    place.has("abcd")
    place.run("--shard", "1/3")
    assert [scenario for scenario, _, _ in place.log()] == ["b"]


class Drivers:
    """A stand-in for drivers.py, which finds one thing."""

    FUZZED = 0.5

    def __init__(self, folder):
        self.folder, self.given = folder, []

    @staticmethod
    def Subject(engine, plugin, waive):  # noqa: N802
        return SimpleNamespace(engine=engine, plugin=plugin, waive=waive)

    def run_drivers(self, subjects, seconds, corpus, **options):
        self.given.append((subjects, seconds, corpus, options))
        case = {"engine": "mine", "driver": "AFL++", "kind": "sane crash", "plugin": "mine.so"}
        cases = [SimpleNamespace(path="a.case", **case)]
        missing = [SimpleNamespace(driver="libFuzzer", reason="no target")] * 2
        ran = [SimpleNamespace(driver="AFL++", inputs=1000)]
        return SimpleNamespace(cases=cases, missing=missing, ran=ran, unshown=["input"], left=2)


def test_what_fuzz_drivers_find_is_explored_and_what_they_lack_is_said(tmp_path, monkeypatch):
    (tmp_path / "afl").mkdir()
    (tmp_path / "afl" / "explore_fuzzer").touch()
    stand_in = Drivers(tmp_path)
    monkeypatch.setattr(driven, "drivers", stand_in)
    settings = SimpleNamespace(targets=str(tmp_path), jobs=2, artefacts="out", corpus="corpus",
                               brownout="brownout", first_seed=5)
    known = Waiver("lawful/reprogram", "rule", "mine", "known", datetime.date.max)
    settings.waivers = Waivers([known])
    it = driven.Driven(settings)
    assert it.run([plan.Engine("mine", {}, "mine.so")], 0.4) == [], "less than a second for each"
    (found,) = it.run([plan.Engine("mine", {}, "mine.so")], 10)
    assert (found.scenario, found.engine.plugin) == ("a.case", "mine.so")
    ((subjects, seconds, corpus, options),) = stand_in.given
    assert (subjects[0].engine, seconds, corpus, options["seed"]) == ("mine", 5, "corpus", 6)
    assert subjects[0].waive == "lawful/reprogram"
    assert options["within"] == 10
    lines = ["fuzz drivers: 1,000 inputs by AFL++"]
    lines.append("2 inputs that stopped a target: for the next night")
    lines.append("libFuzzer did not run: no target")
    assert list(it.lines()) == lines
    assert it.unshown == ["input: stopped a fuzz target, and shows nothing now"]


def spare_rounds(shard):
    """The numbers of the first three rounds of random scenarios that a shard has in spare time."""
    numbers = []

    def run_each(rounds, part):
        numbers.extend(one.number for one in rounds)
        for one in rounds:
            one.code = 0
        if len(numbers) == 3:
            runner.settings.random = None
            runner.progress.start = float("-inf")

    runner = SimpleNamespace(
        settings=SimpleNamespace(shard=shard, random=True, time=3600),
        progress=SimpleNamespace(start=time.monotonic()),
        plan=[],
        run_each=run_each,
        run_drivers=lambda engines, part: None,
    )
    campaign.Runner.run_spare(runner, [SimpleNamespace(text="naive", name="naive", plugin=None)])
    return numbers


def test_each_shard_has_random_scenarios_of_its_own():
    assert spare_rounds(None) == [1, 2, 3]
    assert sorted(spare_rounds((0, 2)) + spare_rounds((1, 2))) == [1, 2, 3, 4, 5, 6]
