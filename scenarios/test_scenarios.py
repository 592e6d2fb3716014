"""The workloads that are shipped run and are clean; the cases that are kept stay fixed."""

import json
import re
import sys

import pytest
from conftest import ROOT

sys.path.append(str(ROOT / "fuzz"))  # harness.py lies with the tests of the harness

from harness import CLEAN, USAGE, Harness, cuts, operations  # noqa: E402

# What each kind of workload is tried on; what is written for one engine is run on all of its kind.
ENGINES = {
    "map": ["seqmap", "naive", "original", "canary fault=0"],
}
LISTS = ("seqqueue", "seqlog", "rlog")
SCENARIOS = [
    path
    for path in sorted((ROOT / "scenarios").glob("*.scn"))
    if not re.search(rf"(?m)^engine ({'|'.join(LISTS)})\b", path.read_text())
]
CASES = sorted((ROOT / "scenarios/cases").glob("*.case"))
LONG = ("settings-8-days", "settings-100-days")
CLAUSES = "durable atomic settled ordered alive bounded lawful clean sane honest".split()


def name(path):
    return path.stem


@pytest.fixture(scope="module")
def harness(brownout, tmp_path_factory):
    return Harness(brownout, tmp_path_factory.mktemp("scenarios"))


def short():
    return [path for path in SCENARIOS if path.stem not in LONG]


# --- workloads ---


@pytest.mark.parametrize("path", short(), ids=name)
def test_a_workload_runs_on_its_engine_without_a_cut(brownout, path):
    done = brownout("run", path, "--json")
    assert done.returncode == CLEAN, done.stdout + done.stderr
    told = json.loads(done.stdout)
    assert told["operations"] > 0 and told["programs"] > 0


@pytest.mark.parametrize("engine", ENGINES["map"])
@pytest.mark.parametrize("path", short(), ids=name)
def test_a_workload_runs_on_every_engine_that_takes_its_chip(harness, path, engine):
    text = re.sub(r"(?m)^engine .*", f"engine {engine}", path.read_text())
    done = harness.brownout("run", harness.write(text))
    assert done.returncode in (CLEAN, USAGE), done.stdout
    assert done.returncode == CLEAN or re.search(r"engine \w+: ", done.stderr), done.stderr


@pytest.mark.parametrize("path", short(), ids=name)
def test_a_workload_is_clean_on_seqmap_at_every_edge(harness, path):
    explored = harness.explore(path, "--engine", "seqmap", "--faults", "edge", "--depth", 1)
    assert explored.found == []
    assert explored.judged > 10


def days(harness, path):
    done = harness.brownout("run", path, "--json")
    assert done.returncode == CLEAN, done.stdout
    return json.loads(done.stdout)["lifetime_ns"] / 86400e9


def test_one_value_a_sector_wears_out_a_10000_cycle_part_in_a_week(harness):
    assert 6.5 < days(harness, ROOT / "scenarios/settings-8-days.scn") < 7.5


def test_one_value_a_sector_wears_out_a_100000_cycle_part_in_70_days(harness):
    assert 65 < days(harness, ROOT / "scenarios/settings-100-days.scn") < 75


# --- cases ---


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
    assert len(operations(path.read_text())) <= 5
    assert 1 <= len(cuts(path.read_text())) <= 2


@pytest.mark.parametrize("path", CASES, ids=name)
def test_a_kept_case_still_breaks_the_original(harness, path):
    clause, told = harness.replay(path, "--engine", "original")
    assert clause == recorded(path)
    assert "warning" not in told


@pytest.mark.parametrize("path", CASES, ids=name)
def test_a_kept_case_leaves_seqmap_whole(harness, path):
    clause, told = harness.replay(path, "--engine", "seqmap")
    assert clause is None, told


@pytest.mark.parametrize("path", CASES, ids=name)
def test_nothing_is_found_around_a_kept_case_on_seqmap(harness, path):
    explored = harness.explore(path, "--engine", "seqmap", "--depth", 1)
    assert explored.found == []
    assert explored.judged > 100


@pytest.mark.parametrize("engine", ["original", "seqmap"])
def test_the_explorer_comes_upon_a_kept_case_again(harness, engine):
    """The original is caught from the operations alone, the cuts of the case left out."""
    path = ROOT / "scenarios/cases/source-half-zeroed.case"
    text = re.sub(r" cut \d+ \S+|(?m:^(found|trace) .*\n)", "", path.read_text())
    explored = harness.explore(text, "--engine", engine, "--max", 0)
    assert ("durable" in explored.clauses) == (engine == "original")
