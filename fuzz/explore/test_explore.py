"""The explorer finds what is there and nothing else, and finds it again.

The first tests are about silence: a harness that judged nothing would pass most other tests of this
repository. The canary has a fault for each kind of bug; each must be found from its scenario here,
in seconds, and the same scenarios must be clean without a fault.
"""

import json
import re
from dataclasses import replace

import pytest
from harness import DIVERGED, Harness, cuts, operations
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

CHIP = "chip generic sectors=2 sector=128 page=128 unit=4 programs={programs}\n"

# Replaced, removed, empty and large values; the log moves several times.
MIXED = """
store nothing empty
store name "kitchen"
repeat 3 as i {
  store counter fill i 5
  remove counter
  store big random 20..50
}
remove name
look
"""

# Each store moves the log, more often than four bits count.
MOVES = """
repeat 18 as i {
  store big fill i 50
}
"""

# Sizes of which bits may be missing.
SIZES = """
store name fill 0x11 16
store name fill 0x22 9
"""

# Fault: the classes that show it, on a part that programs a unit once (1) or often (0), and the
# clauses of which one at least is broken.
FAULTS = {
    1: ("edge", 0, "honest atomic durable", MIXED),
    2: ("bits", 0, "honest atomic", SIZES),
    3: ("edge", 1, "lawful", MIXED),
    4: ("prefix", 0, "lawful", MIXED),
    5: ("edge", 0, "alive", MIXED),
    6: ("bits", 0, "durable", MIXED),
    7: ("edge", 0, "settled", MIXED),
    8: ("edge", 0, "settled", MIXED),
    9: ("edge", 1, "lawful", MIXED),
    10: ("prefix", 0, "bounded", MIXED),
    11: ("edge", 0, "clean lawful", MIXED),
    12: ("edge", 0, "alive", MIXED),
    13: ("ecc", 0, "clean durable", MIXED),
    14: ("edge", 0, "durable", MIXED),
    15: ("edge", 0, "durable atomic", MOVES),
    16: ("edge", 0, "durable", MIXED),
    17: ("edge", 0, "atomic", MIXED),
    18: ("fail", 0, "lawful", MIXED),
    19: ("fail", 0, "settled durable", MIXED),
}
EFFORT = ("--bits", 0, "--masks", 32)


def canary(fault, workload=MIXED, programs=0):
    return CHIP.format(programs=programs) + f"engine canary fault={fault}\n" + workload


@pytest.fixture(scope="module")
def harness(brownout, tmp_path_factory):
    return Harness(brownout, tmp_path_factory.mktemp("explore"))


@pytest.fixture(scope="module")
def loops(quick, tmp_path_factory):
    return Harness(quick, tmp_path_factory.mktemp("loops"))


# --- the canary ---


def test_every_fault_of_the_canary_has_its_scenario_here(brownout, harness):
    last = max(FAULTS)
    assert sorted(FAULTS) == list(range(1, last + 1))
    done = brownout("run", harness.write(canary(last + 1)))
    assert f"from 0 to {last}" in done.stderr


@pytest.fixture(scope="module", params=FAULTS)
def planted(harness, request):
    """A fault and what is found of it; the tests that ask for it run one after the other."""
    faults, programs, _, workload = FAULTS[request.param]
    text = canary(request.param, workload, programs)
    return request.param, harness.explore(text, "--faults", faults, *EFFORT)


def found_cases_replay(harness, explored):
    assert explored.code == DIVERGED
    for found in explored.found:
        clause, story = harness.replay(found.path)
        assert clause == found.clause
        assert found.finding in story
        assert "warning" not in story


def test_a_planted_fault_is_found_and_its_case_replays(harness, planted):
    fault, explored = planted
    assert explored.clauses & set(FAULTS[fault][2].split())
    found_cases_replay(harness, explored)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found_in_pairs_of_cuts_and_its_case_replays(harness, fault):
    faults, programs, _, workload = FAULTS[fault]
    words = ("--faults", faults, "--max", 1, "--depth", 2)
    found_cases_replay(harness, harness.explore(canary(fault, workload, programs), *words))


def test_what_breaks_the_faulty_canary_leaves_the_sound_one_whole(harness, planted):
    for found in planted[1].found:
        engine = re.search("engine canary.*", found.text)[0]
        clause, _ = harness.replay(found.text.replace(engine, "engine canary fault=0"))
        assert clause is None, found.text


@pytest.mark.parametrize(
    "workload, programs, faults",
    [
        (MIXED, 0, "edge,prefix,bits,ecc"),
        (MIXED, 1, "edge,prefix,bits"),
        (MOVES, 1, "edge,prefix,bits"),
    ],
)
def test_nothing_is_found_without_a_fault(harness, workload, programs, faults):
    text = canary(0, workload, programs)
    explored = harness.explore(text, "--faults", faults)
    assert explored.found == []
    assert explored.cuts > 50 and explored.judged > 1000
    deep = harness.explore(text, "--faults", "edge", "--depth", 2)
    assert deep.found == []
    assert deep.cuts > explored.cuts


# --- the same again ---

# Faults of which several kinds of divergence are found, with those of prefixes and bits.
RICH = canary(6)
RICH_OPTIONS = ("--faults", "edge,prefix,bits", "--max", 0)


@pytest.fixture(scope="module")
def rich(harness):
    explored = harness.explore(RICH, *RICH_OPTIONS)
    assert len(explored.found) >= 3
    assert explored.judged + explored.skipped == explored.states
    return explored


def test_the_same_command_gives_the_same_bytes(brownout, harness):
    path = harness.write(RICH)
    words = ("explore", path, "--quiet", "--artefacts", harness.folder, *RICH_OPTIONS)
    first, second = brownout(*words), brownout(*words)
    assert first.stdout == second.stdout
    cases = re.findall("replay (.*)", first.stdout)
    assert len(cases) >= 3


QUEUE = """chip generic sectors=3 sector=128 page=128 unit=4
engine seqqueue
repeat 6 as i {
  push fill i 30
  pop
}
"""


@pytest.mark.parametrize(
    "text, options",
    [
        (RICH, RICH_OPTIONS),
        (RICH, ("--max", 2)),
        (RICH, ("--faults", "edge,rot", "--max", 0, "--no-shrink")),
        (RICH, ("--faults", "edge", "--depth", 2, "--no-shrink")),
        (RICH, ("--faults", "edge", "--shard", "1/2", "--no-shrink", "--isolate")),
        (canary(5), ("--no-shrink",)),
        (canary(0), ("--faults", "edge", "--depth", 2)),
        (QUEUE, ("--faults", "edge,prefix", "--depth", 2, "--reach", 1)),
    ],
)
def test_any_number_of_workers_counts_and_finds_the_same(harness, loops, text, options):
    """And so does a build with sanitizers and checks."""
    alone = loops.explore(text, *options)
    for it, jobs in ((loops, 3), (harness, 2)):
        shown = it.explore(text, *options, "--jobs", jobs)
        shown.found = [replace(each, path=loops.folder / each.path.name) for each in shown.found]
        assert shown == alone


def test_what_is_in_a_sector_that_rots_after_a_cut_may_be_missing(harness):
    """The older value, which a cut store leaves; and what was stored after a cut of the explorer,
    for which nobody knows the sector."""
    kept = 'store a "old"\nlook\nstore a empty cut 1 none\nrot 6 seed {}\nmount\n'
    later = "store a fill 0 30\nstore a fill 1 60\nstore b fill 2 100\nrot 4 seed {}\nlook\n"
    for body in (kept, later):
        for seed in range(8):
            text = CHIP.format(programs=0) + "engine naive\n" + body.format(seed)
            assert not harness.explore(text, "--faults", "edge,rot").found


RUN = "chip generic sectors=4 sector=256 page=64 unit=4 read=4\nengine {}\n"
CHANGES = "store a 0x01\nstore b 0x02\nstore a 0x03\nremove b\nstore a 0x04\n"
CHANGED = RUN.format("canary fault=16") + CHANGES


def kinds_of(explored):
    lines = [re.search(r"(?m)^found (\w+ \w+ \w+ \w+)", found.text)[1] for found in explored.found]
    return sorted(lines)


@pytest.mark.parametrize("last", ["rot 1 seed 7", "store b 0x09 stray 1 at:10:1"])
def test_what_rots_in_the_end_excuses_nothing_before_it(harness, last):
    """The run without cuts comes first, and comes to it."""
    shown = kinds_of(harness.explore(CHANGED, "--faults", "edge,prefix,bits"))
    rotten = kinds_of(harness.explore(CHANGED + last + "\n", "--faults", "edge,prefix,bits"))
    assert shown and set(shown) <= set(rotten)


def test_after_a_sector_that_rotted_what_lies_in_others_is_judged(harness):
    body = "rot 1 seed 44\nmount\nstore a 0x01\nstore b 0x03 lie 1 none\nstore b 0x04\nmount\n"
    for faults in ("", "faults edge,rot\n"):
        assert harness.replay(RUN.format("seqmap") + faults + body)[0] == "honest"


HIT = """
chip generic sectors=2 sector=128 page=128 unit=4
engine canary fault=12
store b fill 0 20
{damage}
store a fill 1 5
store c fill 2 9
store b fill 3 20
remove a
store a fill 5 5
"""


@pytest.mark.parametrize("damage", ["rot 1 seed 521", "store d 0x01 stray 1 at:e:16"])
def test_what_is_found_after_damage_in_the_text_replays(harness, damage):
    """What was hit takes room, and may be missing later than the power-on that showed it."""
    explored = harness.explore(HIT.format(damage=damage).lstrip("\n"), "--max", 0, "--no-shrink")
    assert explored.found and explored.judged > 50
    for found in explored.found:
        assert harness.replay(found.path)[0] == found.clause, found.text


@pytest.mark.parametrize("faults", ["fail", "glitch", "lie", "stray"])
def test_beside_a_cut_in_the_text_calls_go_wrong_too(harness, faults):
    text = RUN.format("naive") + "store a 0x01 cut 1 none\nmount\nstore a 0x02\nstore b 0x03\n"
    alone = harness.explore(text, "--faults", "edge").judged
    assert harness.explore(text, "--faults", f"edge,{faults}").judged > 2 * alone


@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize("cut, missed", [("", 0), (" cut 1 none", 0), (" cut 9 none", 1)])
def test_a_cut_of_the_text_that_did_not_take_place_is_warned_of(harness, jobs, cut, missed):
    head = "chip generic sectors=2 sector=128 page=128 unit=4\nengine seqmap\n\nstore a 0x01"
    words = ("explore", harness.write(f"{head}{cut}\nstore b 0x02\n"), "--jobs", jobs, "--quiet")
    told = harness.brownout(*words).stdout
    assert ("1 of the cuts did not take place" in told) == bool(missed)
    assert json.loads(harness.brownout(*words, "--json").stdout)["cuts_missed"] == missed


def test_what_a_lie_in_the_text_costs_is_found_at_the_last_power_on(harness):
    """The case keeps the lie."""
    text = RUN.format("seqmap") + "store b 0x03 lie 1 none\nstore b 0x04\n"
    explored = harness.explore(text, "--faults", "edge")
    assert explored.found and any(" lie " in found.text for found in explored.found)


def test_bits_that_the_scenario_lets_rot_do_not_rot_once_more(harness):
    text = CHIP.format(programs=0) + 'engine naive\nstore a "x"\nrot 1 seed 5\nstore b "y"\n'
    explored = harness.explore(text, "--faults", "edge,rot")
    assert explored.found == [] and explored.judged > 0


def test_shards_together_judge_all_and_find_all(harness, rich):
    shards = [harness.explore(RICH, *RICH_OPTIONS, "--shard", f"{i}/3") for i in range(3)]
    assert sum(shard.cuts for shard in shards) == rich.cuts
    assert sum(shard.states for shard in shards) == rich.states
    assert all(shard.cuts for shard in shards)
    found = set().union(*(shard.clauses for shard in shards))
    assert found == rich.clauses


def test_skipping_what_was_judged_before_loses_nothing(harness, rich):
    explored = harness.explore(RICH, *RICH_OPTIONS, "--no-dedup")
    assert explored.skipped == 0 and rich.skipped > 0
    assert explored.states == rich.states
    assert explored.clauses == rich.clauses


def test_child_processes_find_what_one_process_finds(harness):
    words = ("--faults", "edge", "--max", 0)
    here = harness.explore(canary(5), *words)
    apart = harness.explore(canary(5), *words, "--isolate")
    assert here.found
    assert apart == here


def test_edges_and_prefixes_do_not_depend_on_the_seed(harness):
    words = ("--faults", "edge,prefix", "--max", 0, "--seed")
    first = harness.explore(canary(5), *words, 1)
    assert first.found
    assert harness.explore(canary(5), *words, 2) == first


# --- the explorer against a loop ---

SMALL = CHIP.replace("128", "64").replace("unit=4", "unit=8") + "engine canary fault={fault}\n"
CALL = re.compile(r" {9,10}(\d+)  (program|erase) +0x\w+ +(?:(\d+) bytes)?")


class Loop:
    """Every cut of a workload, each replayed for itself."""

    def __init__(self, harness, head, workload):
        self.harness = harness
        self.head = head
        self.workload = workload

    def replay(self, lines, *options):
        return self.harness.replay("\n".join([self.head, *lines, ""]), *options)

    def cuts(self, story):
        """(operation, nth, bytes) of each program and erase, from the story of the uncut run."""
        index = None
        for line in story.splitlines():
            if operation := re.match(r" {0,3}(\d+)  [a-z]", line):
                index = int(operation[1]) - 1
            elif call := CALL.match(line):
                yield index, int(call[1]), int(call[3] or 64)

    def broken(self, prefixes, ways):
        """The clauses shown broken by one cut, in the recovery from it or in what comes after."""
        shown, story = self.replay(self.workload)
        found = {shown}
        for index, nth, size in self.cuts(story):
            tears = ["none", "done", *(f"prefix:{n}" for n in range(1, size if prefixes else 1))]
            for tear in tears:
                cut = [*self.workload[:index], f"{self.workload[index]} cut {nth} {tear}"]
                for way in ways(self.workload[index:]):
                    found.add(self.replay([*cut, *way], "--quiet")[0])
        return found - {None}


def sure(rest):
    """What the explorer does after every cut: the device goes on with the next operations."""
    yield ["mount", *rest[1:4], "mount"]


def possible(rest):
    """What it may do as well: the state decides."""
    for power_on in ("mount", "boot"):
        yield [power_on, *rest[1:4], "mount", "use", "mount"]
        yield [power_on, rest[0], "use", "mount"]
        yield [power_on, "use", rest[0], "mount"]


def same_as_loop(harness, loops, fault, workload, prefixes):
    head = SMALL.format(fault=fault, programs=int(fault in (3, 9)))
    faults = "edge,prefix" if prefixes else "edge"
    words = ("--faults", faults, "--max", 0, "--prefixes", 0, "--no-shrink")
    explored = harness.explore("\n".join([head, *workload, ""]), *words)
    loop = Loop(loops, head, workload)
    looped = loop.broken(prefixes, possible)
    assert explored.clauses <= looped
    assert explored.found or not loop.broken(prefixes, sure)
    return looped


STORE = st.builds(
    "store {} fill {} {}".format, st.sampled_from("ab"), st.integers(1, 9), st.integers(0, 24)
)
OPERATION = st.one_of(STORE, st.sampled_from(["remove a", "remove b"]))
# Where nothing is programmed there is nothing to cut, and no verdict.
WORKLOAD = st.tuples(STORE, st.lists(OPERATION, max_size=4)).map(lambda it: [it[0], *it[1]])
BY_EDGES = (0, 1, 3, 5, 7, 8, 9, 12, 14, 16, 17)


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(BY_EDGES), WORKLOAD)
@example(5, ["store a 0x01", "store b fill 5 24", "store a fill 6 24"])
@example(8, ["store a 0x01", "store b fill 5 24", "store a fill 6 24"])
@example(0, ["store a 0x01", "store b fill 5 24", "remove a", "store b fill 6 24"])
def test_a_loop_over_every_edge_agrees(harness, loops, fault, workload):
    same_as_loop(harness, loops, fault, workload, prefixes=False)


@pytest.mark.parametrize("fault, stores, breaks", [(0, 2, False), (4, 3, True), (10, 1, True)])
def test_a_loop_over_every_byte_agrees(harness, loops, fault, stores, breaks):
    workload = [f"store a fill {store} 24" for store in range(stores)]
    looped = same_as_loop(harness, loops, fault, workload, prefixes=True)
    assert bool(looped) == breaks


# --- what a case is ---


# Faults that take more operations to come to: a third record after a torn erase, a bank that is
# filled up after a removal that is not done again, eight moves.
LONGER = {4: 6, 11: 6, 15: 9}


def test_a_shrunk_case_of_the_canary_is_a_few_lines(planted):
    fault, explored = planted
    smallest = min(explored.cases, key=lambda text: len(operations(text)))
    assert len(operations(smallest)) <= LONGER.get(fault, 5), smallest
    for found in explored.found:
        assert len(cuts(found.text)) <= 2, found.text
