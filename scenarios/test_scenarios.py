"""The workloads that are shipped run and are clean; the cases that are kept stay fixed."""

import json
import re
import sys

import pytest
from conftest import ROOT

sys.path.append(str(ROOT / "fuzz"))  # harness.py lies with the tests of the harness

from harness import CLEAN, NOT_JUDGED, USAGE, Harness, cuts, operations  # noqa: E402

SCENARIOS = sorted((ROOT / "scenarios").glob("*.scn"))
CASES = sorted((ROOT / "scenarios/cases").glob("*.case"))
LONG = "settings-8-days settings-100-days".split()
CLAUSES = "durable atomic settled ordered alive bounded lawful clean sane honest".split()


# What a workload is run on, whichever engine it was written for: all of its kind, and what is
# appended to a log is appended to a queue as well.
MAPS = ["seqmap", "naive", "tickv", "lsm", "lsm mode=staging", "original", "canary fault=0"]
QUEUES = ["seqqueue", "canary-queue fault=0"]
LOGS = ["rlog", "rlog-strict", "seqlog", "canary-log fault=0"]
TRANSACTIONS = ["lsm", "lsm mode=staging"]
KINDS = {"seqmap": MAPS, "naive": MAPS, "lsm": TRANSACTIONS, "seqqueue": QUEUES}
KINDS |= {"rlog": LOGS + QUEUES, "rlog-strict": LOGS + QUEUES, "tickv": ["tickv"]}


def name(path):
    return path.stem if hasattr(path, "stem") else None


def engine_of(path):
    return re.search(r"(?m)^engine ([\w-]+)", path.read_text())[1]


def workload(stem, engine):
    """The text of a scenario, on another engine."""
    text = (ROOT / f"scenarios/{stem}.scn").read_text()
    return re.sub(r"(?m)^engine .*", f"engine {engine}", text)


@pytest.fixture(scope="module")
def harness(brownout, tmp_path_factory):
    return Harness(brownout, tmp_path_factory.mktemp("scenarios"))


@pytest.fixture(scope="module")
def plainly(quick, tmp_path_factory):
    """The same without sanitizers. It weighs the heap too, as no sanitized command does."""
    return Harness(quick, tmp_path_factory.mktemp("plainly"))


def counts(harness, text):
    """The counts of a run without a cut; None when the engine does not take the chip."""
    done = harness.brownout("run", harness.write(text), "--json")
    if done.returncode == USAGE:
        assert re.search(r"engine [\w-]+: ", done.stderr), done.stderr
        return None
    assert done.returncode in (CLEAN, NOT_JUDGED), done.stdout + done.stderr
    counted = json.loads(done.stdout)
    assert done.returncode == CLEAN or counted["refused"] > 0
    return counted


SHORT = [path for path in SCENARIOS if path.stem not in LONG]
PAIRS = [(path, engine) for path in SHORT for engine in KINDS[engine_of(path)]]


# --- workloads ---


@pytest.mark.parametrize("path", SHORT, ids=name)
def test_a_workload_runs_on_its_engine_without_a_cut(harness, path):
    counted = counts(harness, path.read_text())
    assert counted["operations"] > 0 and counted["programs"] > 0


@pytest.mark.parametrize("path, engine", PAIRS, ids=name)
def test_a_workload_runs_on_every_engine_that_takes_its_chip(harness, plainly, path, engine):
    counted = counts(harness, workload(path.stem, engine))
    assert counted is None or counted["programs"] > 0
    assert counts(plainly, workload(path.stem, engine)) == counted


ONLY_RUN = ("naive", "original", "canary fault=0")


def is_subject(engine):
    return engine.startswith(("canary", "original"))


# Most values are too big for what is left of such sectors.
REFUSED = {("large-values", "tickv")}


def is_explored(path, engine):
    """Subjects read everything back in each state: not where a log is made to hold much."""
    if (path.stem, engine) in REFUSED:
        return False
    if engine == "lsm mode=staging" and engine_of(path) != "lsm":
        return False
    return engine not in ONLY_RUN and not (is_subject(engine) and path.stem.startswith("bench-"))


@pytest.mark.parametrize("path, engine", [it for it in PAIRS if is_explored(*it)], ids=name)
def test_a_workload_is_clean_at_every_edge(harness, plainly, path, engine):
    """Subjects and tickv, which take longest, without sanitizers: its C tests have them."""
    slow = is_subject(engine) or engine == "tickv"
    text, by = workload(path.stem, engine), plainly if slow else harness
    if counts(by, text):
        explored = by.explore(text, "--faults", "edge", "--depth", 1)
        assert explored.found == []
        assert explored.judged > 10


EVERY_CALL = [it for it in PAIRS if it[0].stem.startswith("every-call") and is_explored(*it)]
EVERY_CALL += [(ROOT / "scenarios/every-call-map.scn", "naive")]


@pytest.mark.parametrize("path, engine", EVERY_CALL, ids=name)
def test_every_call_is_clean_under_all_that_the_engine_claims(plainly, path, engine):
    """A format too, and where a call of the flash fails in it."""
    explored = plainly.explore(workload(path.stem, engine), "--faults", "claimed")
    assert explored.found == [] and explored.judged > 500


def days(harness, path):
    return counts(harness, path.read_text())["lifetime_ns"] / 86400e9


def test_one_value_a_sector_wears_out_a_10000_cycle_part_in_a_week(harness):
    assert 6.5 < days(harness, ROOT / "scenarios/settings-8-days.scn") < 7.5


def test_one_value_a_sector_wears_out_a_100000_cycle_part_in_70_days(harness):
    assert 65 < days(harness, ROOT / "scenarios/settings-100-days.scn") < 75


def engines(names):
    """A test for each of them."""
    return pytest.mark.parametrize("engine", names)


@engines(LOGS + QUEUES)
@pytest.mark.parametrize("stem", ["boot-loop", "boot-loop-queue"])
def test_a_boot_loop_that_comes_to_nothing_writes_nothing(harness, engine, stem):
    text = workload(stem, engine)
    if engine not in QUEUES:
        text = text.replace("push ", "append ").replace("pop\n", "")
    loop, once = (counts(harness, text.replace("repeat 200", f"repeat {n}")) for n in (200, 1))
    assert loop["operations"] == once["operations"] + 199
    for what in ("erases", "programs", "bytes_programmed"):
        assert loop[what] == once[what]


@engines(LOGS + QUEUES)
def test_a_boot_loop_that_appends_erases_one_sector_a_boot_at_most(harness, engine):
    counted = counts(harness, workload("boot-loop-append", engine))
    assert counted["erases"] <= 200 + 2 * 4
    assert counted["erases_max"] <= counted["erases"] / 4 + 2


@engines(LOGS + QUEUES)
def test_the_logger_goes_round_its_ring_again_and_again(harness, engine):
    assert counts(harness, workload("logger-laps", engine))["erases"] >= 2 * 4


@engines(QUEUES)
def test_a_message_cache_refuses_what_does_not_fit_or_drops_the_oldest(harness, engine):
    assert counts(harness, workload("message-cache", engine))["refused"] > 10
    assert counts(harness, workload("message-cache-overwrite", engine))["refused"] == 0


@engines(["seqqueue"])
@pytest.mark.parametrize("unit", ["", "-4", "-8", "-16", "-32"])
def test_an_item_that_fills_its_sector_exactly_is_taken_and_a_byte_more_is_not(
    harness, engine, unit
):
    assert counts(harness, workload("exactly-full-queue" + unit, engine))["refused"] == 1


@engines(["seqqueue"])
@pytest.mark.parametrize("unit", ["", "-4", "-16"])
def test_a_queue_on_one_page_fills_up_and_gets_its_space_back(harness, engine, unit):
    counted = counts(harness, workload("one-page-queue" + unit, engine))
    assert counted["refused"] > 0 and counted["erases"] > 2


SMALL = "settings-pair schema-migration counter-and-log time-series snapshot-writes map-boot-loop"


@pytest.mark.parametrize("stem", SMALL.split())
def test_small_transactions_cost_half_the_erases_in_a_staging_log(harness, stem):
    options = "key=16 value=40"
    plain, staging = (
        counts(harness, workload(stem, f"lsm {options} mode={mode}"))
        for mode in ("compatible", "staging")
    )
    assert staging["erases"] <= plain["erases"] / 2
    assert staging["programs"] < plain["programs"]


# --- cases ---


# Which engine of ours cures what an original does.
CURED = {"original": "seqmap", "original-queue": "seqqueue"}


# The others are cases of our own engines, as they were.
ORIGINALS = [path for path in CASES if engine_of(path) in CURED]


def on_ours(path):
    return ("--engine", CURED[engine_of(path)]) if path in ORIGINALS else ()


def recorded(path):
    return re.search(r"(?m)^found (\w+) ", path.read_text())[1]


def test_each_kept_case_has_a_cause_of_its_own():
    assert len(CASES) >= 7
    texts = [path.read_text().partition("\nchip ")[0] for path in CASES]
    assert all(text.startswith("# ") for text in texts)
    assert len(set(texts)) == len(texts)


@pytest.mark.parametrize("path", CASES, ids=name)
def test_a_kept_case_is_small(path):
    assert recorded(path) in CLAUSES
    assert len(operations(path.read_text())) <= (5 if path in ORIGINALS else 10)
    assert len(cuts(path.read_text())) <= 2
    assert (cuts(path.read_text()) == []) == path.read_text().startswith("# No cut: ")


@pytest.mark.parametrize("path", ORIGINALS, ids=name)
def test_a_kept_case_still_breaks_the_original(harness, path):
    clause, story = harness.replay(path)
    assert clause == recorded(path)
    assert "warning" not in story


@pytest.mark.parametrize("path", CASES, ids=name)
def test_a_kept_case_leaves_our_engine_whole(harness, path):
    clause, story = harness.replay(path, *on_ours(path))
    assert clause is None, story


@pytest.mark.parametrize("path", CASES, ids=name)
def test_nothing_is_found_around_a_kept_case_on_our_engine(harness, path):
    explored = harness.explore(path, *on_ours(path), "--depth", 1, "--faults", "claimed")
    assert explored.found == []
    assert explored.judged > 30


@pytest.mark.parametrize("engine", ["original", "seqmap"])
def test_the_explorer_comes_upon_a_kept_case_again(harness, engine):
    """The original is caught from the operations alone, the cuts of the case left out."""
    path = ROOT / "scenarios/cases/source-half-zeroed.case"
    text = re.sub(r" cut \d+ \S+|(?m:^(found|trace) .*\n)", "", path.read_text())
    explored = harness.explore(text, "--engine", engine, "--max", 0)
    assert ("durable" in explored.clauses) == (engine == "original")


# What needs more cuts than a kept case has.
ERASED_TWICE = """
chip w25q16jv sectors=2 sector=256
engine seqmap

store boots "a"
store boots fill 0x62 224 cut 5 none
use cut 18 blank-tail:1
use cut 1 lift:a4c255:1
"""
WASTE_OF_CUTS = """
chip generic sectors=3 sector=384 page=384 unit=2 tear=2
engine seqqueue buffer=0 work=10

push empty
push fill 0x62 249 cut 1 done
push fill 0x63 107
push fill 0x64 249 cut 1 done
push empty
clear cut 1 none
push fill 0x68 149 cut 1 done
push fill 0x65 99
push fill 0x66 99
"""


@pytest.mark.parametrize("text", [ERASED_TWICE, WASTE_OF_CUTS])
def test_what_took_three_cuts_stays_cured(harness, text):
    """The erase of a source of two sectors is cut at its end, and the next one at its beginning:
    mount answered that the map is damaged. Pushes that were cut have taken most of a ring: the
    harness asked for more room than was left."""
    assert len(cuts(text)) > 2
    clause, story = harness.replay(harness.write(text))
    assert clause is None, story
