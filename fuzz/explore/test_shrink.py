"""Planted faults, crashes and hangs shrink to what is read at a glance, in seconds of CPU."""

import re
import resource

import pytest
from harness import DIVERGED, LOG_WORK, QUEUE_WORK, Harness, cuts, operations, shared_object

CHIP = "chip generic sectors=3 sector=128 page=128 unit=4\n"
PLANTED = [(f"canary-queue fault={fault}", QUEUE_WORK) for fault in (2, 3, 5, 8, 11)]
PLANTED += [(f"canary-log fault={fault}", LOG_WORK) for fault in (1, 2, 3, 9, 14)]
# For one case; the replays around the shrinking take some more.
CPU_SECONDS_MAX = 10
FEW_SECONDS = 2


@pytest.fixture(scope="module")
def harness(brownout, tmp_path_factory):
    return Harness(brownout, tmp_path_factory.mktemp("shrink"))


def cpu_seconds():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def shrink(harness, case, *options, most=CPU_SECONDS_MAX):
    """The shrunk text of a case that was not yet shrunk."""
    before = cpu_seconds()
    done = harness.brownout("shrink", case, *options)
    assert done.returncode == DIVERGED, done.stderr
    assert cpu_seconds() - before < most
    return done.stdout


def is_short(text):
    return len(operations(text)) <= 5 and len(cuts(text)) <= 2


def test_planted_faults_of_lists_shrink_to_five_operations_and_two_cuts(harness):
    """Most of them: a fault that takes several values to show needs more than five."""
    short = 0
    for engine, work in PLANTED:
        words = ("--no-shrink", "--max", 1, "--faults", "edge,prefix,bits")
        found = harness.explore(f"{CHIP}engine {engine}\n{work}", *words).found[0]
        short += is_short(shrink(harness, found.path))
    assert short >= 8


ENDS = """
#define brownout_adapter example_entry
#include "examples/plugin/two_slots.c"
#undef brownout_adapter
#include <stdlib.h>

static struct adapter adapter;
static struct adapter_map map;

static enum answer store(void *object, const void *key, uint32_t key_size, const void *value,
                         uint32_t value_size)
{
    volatile int turns = 1;
    if (((struct store *)object)->sequence > 3 && value_size == 7) abort();
    while (((struct store *)object)->sequence > 3 && value_size == 6 && turns) turns = 1;
    return slots_store(object, key, key_size, value, value_size);
}

adapter_entry brownout_adapter;
const struct adapter *brownout_adapter(void)
{
    adapter = two_slots;
    map = calls;
    map.store = store;
    adapter.name = "ends";
    adapter.map = &map;
    return &adapter;
}
"""


@pytest.fixture(scope="module")
def plugin(harness):
    return shared_object(harness.folder, "ends", ENDS)


@pytest.mark.parametrize("size, kind", [(7, "sane crash store"), (6, "bounded endless store")])
def test_crashes_and_hangs_shrink(harness, plugin, size, kind):
    chip = "chip generic sectors=2 sector=256 page=256 unit=4\nengine ends\n"
    fill = "repeat 4 as i {\nstore a fill i 8\nstore b fill i 5\n}\n"
    work = f"{fill}store c fill 1 {size}\nlook\n"
    case = harness.write(chip + work, "ends.case")
    words = ("--plugin", plugin, "--silence", 0.3, "--shrink-seconds", FEW_SECONDS)
    text = shrink(harness, case, *words, most=FEW_SECONDS + 2)
    assert re.search(r"(?m)^found (\w+ \w+ \w+)", text)[1] == kind
    assert is_short(text)
