"""A small map with transactions, snapshots, scans, collect, destroy and format: each fault that it
can be given is found, by exploring a scenario and by fuzzing; without one it is never accused.
"""

import json
from pathlib import Path

import pytest
from harness import CLEAN, DIVERGED, NOT_JUDGED, USAGE, Harness, cuts, operations, shared_object

HERE = Path(__file__).resolve().parent
PREFIXES = ("--faults", "edge,prefix")

HEAD = """chip generic sectors=2 sector={sector} page=64 unit=4 read=4 programs=1
engine transactions fault={fault}

"""

TWO_KEYS = """
store a "1"
store b "1"
begin
store a "2"
fetch a
remove b
store c "2"
commit
look
"""
UNDONE = """
store a "1"
begin
store a "2"
store b "2"
abort
begin
store c "3"
commit
"""
TOO_MANY = """
repeat 6 as i {
  store k[i] "1"
}
begin
repeat 4 as i {
  store m[i] "2"
}
commit
look
"""
JUST_FITS = """
repeat 9 {
  store a "0"
}
begin
store a "2"
store b "2"
store c "2"
commit
"""
COMMITTED = 'begin\nstore a "2"\nstore b "2"\ncommit\nlook\n'
HELD = """
store a "1"
snapshot 1
begin
store a "2"
store b "2"
commit
fetch a in 1
expect b absent in 1
look 1
close 1
"""
RANGE = """
repeat 5 as i {
  store k[i] count 4
}
scan "k0".."k3"
"""
COLLECTED = 'store a "1"\nstore b "1"\nremove a\ncollect\nlook\n'
SECRET = 'store a "top secret"\nstore b "1"\ndestroy a\nstore c "2"\n'
STALE = 'store a "1"\nstore a "2"\ncollect\nstore a "3"\nformat\n'

# Fault, scenario, and what is found, each of it: clause and kind of difference.
FAULTS = [
    ("seen-early", TWO_KEYS, {"isolated back", "isolated older"}),
    ("torn-commit", TWO_KEYS, {"atomic half", "durable missing"}),
    ("survives-abort", UNDONE, {"durable older", "settled back", "atomic older", "atomic back"}),
    ("refused-in-part", TOO_MANY, {"isolated back"}),
    ("refused-torn", JUST_FITS, {"alive refused"}),
    ("own-blind", TWO_KEYS, {"isolated older", "isolated missing"}),
    ("own-long", TWO_KEYS, {"sane other"}),
    ("at-long", HELD, {"sane other"}),
    ("snapshot-moves", HELD, {"isolated older"}),
    ("scan-skips", RANGE, {"isolated missing"}),
    ("scan-twice", RANGE, {"isolated extra"}),
    ("collect-revives", COLLECTED, {"settled back"}),
    ("secret-left", SECRET, {"gone back"}),
    ("destroy-once", SECRET, {"gone back"}),
    ("format-stale", STALE, {"atomic older", "settled back", "atomic back"}),
]
WHOLE = "".join((TWO_KEYS, UNDONE, HELD, COLLECTED, SECRET, STALE, JUST_FITS))
WHOLE += "destroy all\nlook\n"


def text_of(fault, body, sector=512):
    return HEAD.format(sector=sector, fault=fault) + body.lstrip("\n")


@pytest.fixture(scope="module")
def harness(brownout, tmp_path_factory):
    return Harness(brownout, tmp_path_factory.mktemp("transactions"))


@pytest.fixture(scope="module")
def plugin(harness):
    text = (HERE / "transactions.c").read_text()
    return ("--plugin", shared_object(harness.folder, "transactions", text, "-O1"))


def kind_of(found):
    """ "atomic half" of the line `found atomic half each program "..."`."""
    line = next(line for line in found.text.splitlines() if line.startswith("found "))
    return " ".join(line.split(" ")[1:3])


@pytest.mark.parametrize("fault, body, kinds", FAULTS, ids=[each[0] for each in FAULTS])
def test_the_fault_is_found_and_its_cases_are_small_and_replay(harness, plugin, fault, body, kinds):
    explored = harness.explore(text_of(fault, body), *plugin, *PREFIXES)
    assert explored.found and {kind_of(found) for found in explored.found} <= kinds
    for found in explored.found:
        assert harness.replay(found.path, *plugin)[0] == found.clause, found.text
        assert len(operations(found.text)) <= 11, found.text
        assert len(cuts(found.text)) <= 1


def test_every_fault_is_tried():
    words = (HERE / "transactions.c").read_text().split("fault_words[] = {")[1].split("}")[0]
    words = [word.strip(' "\n') for word in words.split(",") if word.strip()]
    assert words == ["none", *(fault for fault, _, _ in FAULTS), "commit-full"]


@pytest.mark.parametrize("fault, body, code", [
    ("commit-full", COMMITTED, NOT_JUDGED),
    ("commit-full", COMMITTED + 'store b "1"\n', CLEAN),
    ("none", COMMITTED, CLEAN),
    ("none", COMMITTED.replace("commit", "abort\nremove b\ncollect"), CLEAN),
])
def test_what_no_commit_has_taken_was_not_put_in(harness, plugin, fault, body, code):
    """A store inside a transaction answers ok: that is no value yet. An abort takes none."""
    path = harness.write(text_of(fault, body))
    done = harness.brownout("explore", path, *plugin, *PREFIXES, "--json", "--no-use")
    told = json.loads(done.stdout)
    assert done.returncode == code, done.stderr
    assert told["states"] > 10 and told["divergences"] == []
    assert (told["judged"] == 0, told["empty"] > 0) == ((code == NOT_JUDGED,) * 2)


@pytest.mark.parametrize("sector", [128, 256, 512])
def test_without_a_fault_nothing_is_found(harness, plugin, sector):
    explored = harness.explore(text_of("none", WHOLE, sector), *plugin, *PREFIXES)
    assert explored.found == [] and explored.judged > 300


def test_without_a_fault_nothing_is_found_by_two_cuts(harness, plugin):
    body = TWO_KEYS + 'destroy a\nformat\nstore a "9"\n'
    explored = harness.explore(text_of("none", body), *plugin, "--faults", "edge", "--depth", 2)
    assert explored.found == [] and explored.judged > 200


# --- a program that fails ---

FAIL = ("--faults", "fail")


def test_a_commit_that_fails_at_its_last_program_is_found_where_it_is_forgotten(harness, plugin):
    """The small map answers an error, goes on with what was before, and has it all at the next
    power-on: each of the keys was shown as it no longer is."""
    explored = harness.explore(text_of("none", TWO_KEYS), *plugin, *FAIL)
    found = [each for each in explored.found if "\ncommit fail " in each.text]
    assert found and all(kind_of(each).startswith("durable ") for each in found)
    for each in found:
        assert harness.replay(each.path, *plugin)[0] == each.clause, each.text


def test_lsm_has_all_of_a_transaction_or_nothing_where_programs_fail(harness):
    head = "chip generic sectors=9 sector=128 page=128 unit=4\nengine lsm key=8 value=20\n"
    explored = harness.explore(head + TWO_KEYS + UNDONE + HELD, *FAIL)
    assert explored.found == [] and explored.judged > 200


# --- fuzz ---


def fuzz(harness, plugin, fault, *options):
    words = ("--engine", f"transactions fault={fault}", *plugin, *PREFIXES, "--max", 1)
    more = ("--json", "--quiet", "--no-shrink", "--artefacts", harness.folder)
    done = harness.brownout("fuzz", *words, *more, *options)
    return done.returncode, json.loads(done.stdout)


@pytest.mark.parametrize("fault", ["torn-commit", "snapshot-moves", "scan-skips", "secret-left"])
def test_fuzz_finds_it(harness, plugin, fault):
    code, told = fuzz(harness, plugin, fault, "--runs", 64)
    assert code == DIVERGED
    assert {each["clause"] for each in told["divergences"]} <= {"atomic", "isolated", "gone"}


def test_fuzz_finds_nothing_without_a_fault(harness, plugin):
    code, told = fuzz(harness, plugin, "none", "--runs", 48)
    assert code == CLEAN and told["cuts"] > 100


# --- shrinking ---


def test_a_transaction_that_is_not_needed_goes_and_the_first_snapshot_will_do(harness, plugin):
    """Of a transaction that is needed in part, its ends go."""
    body = 'begin\nstore c "9"\ncommit\nbegin\nstore a "1"\ncommit\nsnapshot 3\n'
    body += 'begin\nstore a "2"\nstore b "4"\ncommit\nfetch a in 3\n'
    path = harness.write(text_of("snapshot-moves", body), "it.case")
    text = harness.brownout("shrink", path, *plugin).stdout
    lines = [line.split(" ") for line in operations(text)]
    assert [line[0] for line in lines] == ["store", "snapshot", "store", "fetch"], text
    assert lines[1] == ["snapshot", "1"] and lines[3][2:] == ["in", "1"]
    assert harness.replay(text, *plugin)[0] == "isolated"


# --- what is no fault ---


def test_an_engine_without_transactions_is_not_accused(harness):
    """It does the changes one by one, and says what it does not do."""
    body = TWO_KEYS + UNDONE + 'destroy a\ncollect\nscan\nsnapshot 1\nlook 1\nclose 1\n'
    text = text_of("none", body).replace("engine transactions fault=none", "engine naive")
    explored = harness.explore(text.replace("sectors=2", "sectors=8"), *PREFIXES)
    assert explored.found == [] and explored.refused > 0


def test_what_such_an_engine_leaves_is_a_mistake_of_the_scenario(harness):
    text = text_of("none", 'begin\nstore a "1"\nabort\nexpect a absent\n')
    path = harness.write(text.replace("engine transactions fault=none", "engine naive"))
    done = harness.brownout("run", path)
    assert done.returncode == USAGE
    assert "line 4: begin answers unsupported" in done.stderr + done.stdout


def test_ends_without_a_beginning_do_nothing(harness, plugin):
    body = 'commit\nabort\nclose 1\nbegin\nstore a "1"\nbegin\nstore b "1"\ncommit\nexpect a "1"\n'
    explored = harness.explore(text_of("none", body + 'expect b "1"\n'), *plugin, *PREFIXES)
    assert explored.found == [] and explored.refused == 0


def test_what_may_not_be_asked_in_a_transaction_is_refused(harness, plugin):
    body = 'begin\nstore a "1"\nclear\ncollect\ndestroy a\ncommit\nexpect a "1"\nlook\n'
    explored = harness.explore(text_of("none", body), *plugin, *PREFIXES)
    assert explored.found == [] and explored.refused == 3


def test_an_open_transaction_ends_with_the_power(harness, plugin):
    body = 'store a "1"\nbegin\nstore a "2"\nsnapshot 1\nmount\nexpect a "1"\ncommit\n'
    text = text_of("none", body + 'expect a "1"\n')
    explored = harness.explore(text, *plugin, *PREFIXES)
    assert explored.found == []


def test_a_commit_stays_undecided_over_a_power_on_without_a_look(harness, plugin):
    """What one key shows then decides the other."""
    body = (
        'store a "1"\nstore b "1"\nbegin\nstore a "2"\nstore b "2"\ncommit cut 2 none\nboot\n'
        'fetch a\nboot\nbegin\nstore b "3"\nstore c "3"\ncommit cut 2 none\nboot\nlook\n'
    )
    code, shown = harness.replay(text_of("none", body), *plugin)
    assert code is None and shown.count("POWER IS CUT") == 2
    code, _ = harness.replay(text_of("torn-commit", body), *plugin)
    assert code == "atomic"


def test_what_another_key_was_given_is_not_looked_for(harness, plugin):
    body = 'store b "top secret"\nstore b "1"\nstore a "top secret"\ndestroy a\nlook\n'
    explored = harness.explore(text_of("secret-left", body), *plugin, *PREFIXES)
    assert explored.found == []
