"""Planted faults, crashes and hangs shrink to what is read at a glance, in seconds of CPU.

`BROWNOUT_PLANTED=all` (make planted) takes all faults of the canaries, not a sample, and prints
what each has become.
"""

import json
import os
import re
import resource

import pytest
from conftest import ROOT
from harness import DIVERGED, LOG_WORK, QUEUE_WORK, Harness
from harness import changed_slots, cuts, operations, shared_object
from test_explore import FAULTS, canary

CHIP = "chip generic sectors=3 sector=128 page=128 unit=4 programs={}\n"
WORK = {"canary-queue": QUEUE_WORK, "canary-log": LOG_WORK}
KINDS = {"canary-queue": ("ANY", "ADAPTER_QUEUE"), "canary-log": ("ANY", "ADAPTER_LOG")}
ALL = os.environ.get("BROWNOUT_PLANTED") == "all"


def planted_in_lists():
    """Engine, scenario, classes that show it, depth: of each fault of the table in C."""
    table = (ROOT / "fuzz/subjects/canary_list_adapter.c").read_text()
    line = r'\[PLANTED_\w+\] = {\s*("[^"]*", ?\s*){3}"(.*?)",\s*(\w+),\s*(\d),\s*(\w+),\s*(\d)},'
    for fault, found in enumerate(re.finditer(line, table)):
        needs, once, depth, kind, batch = found.groups()[1:]
        batch = f" batch={batch}" if batch != "0" else ""
        for name, work in WORK.items():
            text = CHIP.format(int(once == "true")) + f"engine {name} fault={fault}{batch}\n{work}"
            if fault and kind in KINDS[name]:
                yield f"{name} fault={fault}", text, needs or "edge", depth


PLANTED = [
    (f"canary fault={fault}", canary(fault, work, programs), needs, 1)
    for fault, (needs, programs, _, work) in FAULTS.items()
] + list(planted_in_lists())
# For one case; the replays around the shrinking take some more.
CPU_SECONDS_MAX = 10
FEW_SECONDS = 2


@pytest.fixture(scope="module")
def harness(brownout, tmp_path_factory):
    return Harness(brownout, tmp_path_factory.mktemp("shrink"))


def cpu_seconds():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def shrink(harness, case, *options):
    """The shrunk text of a case that was not yet shrunk."""
    before = cpu_seconds()
    done = harness.brownout("shrink", case, *options)
    assert done.returncode == DIVERGED, done.stderr
    assert cpu_seconds() - before < CPU_SECONDS_MAX
    return done.stdout


def is_short(text):
    return len(operations(text)) <= 5 and len(cuts(text)) <= 2


def shrink_all(harness, name, found, *options):
    """Whether each of what was found is short then."""
    short = []
    for each in found:
        text = shrink(harness, each.path, *options)
        short.append(is_short(text))
        kind = re.search("(?m)^found (.*)", text)[1]
        print(f"{name}: {len(operations(text))} operations, {len(cuts(text))} cuts, {kind}")
    return short


def test_nine_of_ten_planted_faults_shrink_to_five_operations_and_two_cuts(harness):
    """Of those that this work shows: some need an image, or more items than it has."""
    short, sample = [], PLANTED if ALL else PLANTED[::5]
    for name, text, needs, depth in sample:
        words = ("--no-shrink", "--max", 1, "--faults", needs, "--depth", depth)
        short += shrink_all(harness, name, harness.explore(text, *words).found[:1])
    print(f"{sum(short)} of {len(short)} are short")
    assert len(short) >= 0.8 * len(sample)
    assert sum(short) >= 0.9 * len(short) - (not ALL)


ORIGINALS = ("original", "original each=1", "original-queue")
SAMPLE = ("two-sectors", "three-sector-log")


def test_eight_of_ten_planted_finds_of_the_originals_shrink_as_far(harness):
    """What real libraries lose in the work that is shipped, some kinds of each scenario; of those
    that are the same work on other units one."""
    short = []
    for path in sorted((ROOT / "scenarios").glob("*.scn")):
        if re.search(r"-\d+$", path.stem) if ALL else path.stem not in SAMPLE:
            continue
        for engine in ORIGINALS:
            words = ("--engine", engine, "--artefacts", harness.folder, "--json", "--quiet")
            words += ("--no-shrink", "--depth", 1, "--max", 4 if ALL else 1, "--seconds", 60)
            done = harness.brownout("explore", path, *words)
            if done.returncode != DIVERGED:  # the engine is of another kind, or takes no such chip
                continue
            found = map(harness.found_of, json.loads(done.stdout)["divergences"])
            short += shrink_all(harness, f"{path.stem} on {engine}", found)
    print(f"{sum(short)} of {len(short)} are short")
    assert len(short) > 1 and sum(short) >= 0.8 * len(short) - (not ALL)


ENDS = """
static enum answer store(void *object, const void *key, uint32_t key_size, const void *value,
                         uint32_t value_size)
{
    volatile int turns = 1;
    bool late = ((struct store *)object)->sequence > 3;
    if (late && value_size == 7) abort();
    while (late && value_size == 6 && turns) turns = 1;
    if (late && value_size == 3 && torn(object)) abort();
    while (late && value_size == 2 && turns && torn(object)) turns = 1;
    return slots_store(object, key, key_size, value, value_size);
}
static void change(void) { map.store = store; }
"""


@pytest.fixture(scope="module")
def plugin(harness):
    return shared_object(harness.folder, "ends", changed_slots(ENDS))


# The case is one that was not yet shrunk.
ENDING = [
    (7, "", "sane crash store none"),
    (6, "", "bounded endless store none"),
    (3, " cut 2 prefix:30", "sane crash store program"),
    (2, " cut 2 prefix:30", "bounded endless store program"),
]


@pytest.mark.parametrize("size, cut, kind", ENDING)
def test_crashes_and_hangs_shrink(harness, plugin, size, cut, kind):
    chip = "chip generic sectors=2 sector=256 page=256 unit=4\nengine changed\n"
    fill = "repeat 4 as i {\nstore a fill i 8\nstore b fill i 5\n}\n"
    work = f"{fill}store b fill 9 8{cut}\nstore c fill 1 {size}\nlook\n"
    case = harness.write(chip + work, "ends.case")
    words = ("--plugin", plugin, "--call-seconds", 0.3, "--shrink-seconds", FEW_SECONDS)
    text = shrink(harness, case, *words)
    assert re.search(r"(?m)^found (\w+ \w+ \w+ \w+)", text)[1] == kind
    assert is_short(text)


LAPS = """chip generic sectors=3 sector=256 unit=8
engine original-queue

repeat 2 as i {
  push empty
  push fill i 225
  pop
  pop
}
push empty
push fill 0x6a 225
pop cut 1 blank-tail:1
pop
push empty
push fill 0x6e 225
"""


def test_laps_around_the_flash_and_items_that_are_popped_shrink(harness):
    """No operation of them goes alone: an item goes with a pop, a lap with a sector."""
    text = shrink(harness, harness.write(LAPS, "laps.case"))
    assert re.search("(?m)^found clean order peek erase", text), text
    assert len(operations(text)) <= 8


def test_cuts_that_do_not_take_place_are_dropped(harness):
    """More than one: each goes alone, and leaves the others."""
    missed = LAPS.replace("push empty\npush fill 0x6e", "push empty cut 90 done\npush fill 0x6e")
    missed = missed.replace("push empty\npush fill 0x6a", "push empty cut 90 done\npush fill 0x6a")
    text = shrink(harness, harness.write(missed, "missed.case"))
    assert len(cuts(text)) == 1 and len(operations(text)) <= 8, text


# Cases of which no operation can go alone, nor two, nor a lap: what must change with them, and the
# small subject that shows it ("": a canary).
STUCK = [
    ("a smaller sector needs a store less", "torn-remove", """\
chip generic sectors=2 sector=192 page=32 unit=4 tear=2
engine torn-remove
found alive refused remove program "x"

store ffffff empty
store ffffff empty
store ffffff empty
store ffffff empty
remove ffffff cut 1 prefix:1
remove ffffff
"""),
    ("other bits rot where less is programmed", "rot-format", """\
chip generic sectors=3 sector=256 unit=4
engine rot-format
found honest back each none "x"

store u32:4244635647 empty
store u32:4244635647 empty
store u32:4244635647 empty
store u32:4244635647 empty
remove u32:4244635647
rot 1 seed 11412483953119524448
mount
"""),
    ("the cut is in another operation", "needless-erase", """\
chip generic sectors=3 sector=1024 page=1024 unit=4
engine needless-erase
found settled order each program "x"

append "a" cut 1 none
append fill 0x00 16
mount
append fill 0x00 16
mount
append fill 0x00 16
mount
append fill 0x00 16
mount
"""),
    ("the same, nearer", "transactions", """\
chip generic sectors=2 sector=256 unit=4
engine transactions fault=scan-skips
found isolated missing scan program "x"

store u32:4244635647 "aa"
store u8:254 "b"
store u8:254 empty cut 1 none
store u8:255 empty
store u16:65023 0xc9e9bb949fd0
mount
"""),
    ("a transaction is one change, in a smaller sector", "transactions", """\
chip generic sectors=2 sector=192 page=32 unit=4 tear=2
engine transactions fault=refused-torn
found alive refused commit program "x"

begin
store a empty
store ffffffff empty
commit cut 3 prefix:1
begin
store ffffffff empty
store a empty
commit
"""),
    ("the same", "transactions", """\
chip generic sectors=2 sector=192 page=32 unit=4 tear=2
engine transactions fault=format-stale
found atomic older each erase "x"

store e empty
begin
store e "h"
store a empty
commit
format cut 1 blank-tail:33
"""),
    ("a removal goes with other sizes", "", """\
chip generic sectors=2 sector=1024 page=32 unit=16 programs=2
engine canary fault=8
found durable older each none "x"

store u16:65023 "aaaaaaaaaaaaaa"
store u16:65023 fill 0x62 206
store u8:254 fill 0x64 703
remove u8:254
store u16:65023 empty
mount
"""),
    ("a place is counted from fewer items", "", """\
chip generic sectors=3 sector=256 page=32 unit=16
engine canary-queue fault=7
found ordered order pop none "x"

append empty
append empty
pop
append empty
append empty
append empty
append empty
pop 5
"""),
    ("what a larger value needs has fewer calls, one of which is cut", "", """\
chip generic sectors=3 sector=160 page=160 unit=2 read=2
engine canary-log fault=24 batch=7
found atomic half each erase "x"

append "aaaaaaaaaaaaaaa"
append "bbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
append "xxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
append "dddddddd"
append "eeeeeeeeeeeeeeeeeeeeeeeeeeeee"
append "f"
clear cut 20 blank-tail:15
"""),
    ("the last operation is a power-on, which shows as much", "", """\
chip generic sectors=3 sector=896 page=128 unit=32 tear=2
engine canary-queue fault=10
found durable missing each none "x"

push fill 0x62 125
push fill 0x70 497
push fill 0x64 125
append fill 0x65 497
push fill 0x66 125
pop
"""),
]


def words_of(harness, subject):
    """The options that load a subject of fuzz/subjects/small."""
    name = subject.replace("-", "_")
    text = f'#include "fuzz/subjects/small/{name}.c"\n'
    return ("--plugin", shared_object(harness.folder, name, text)) if subject else ()


@pytest.mark.parametrize("what, subject, text", STUCK, ids=[each[0] for each in STUCK])
def test_what_goes_only_when_something_else_changes(harness, what, subject, text):
    kind = re.search(r"(?m)^found (\S+ \S+ \S+ \S+)", text)[1]
    assert not is_short(text)
    small = shrink(harness, harness.write(text, "stuck.case"), *words_of(harness, subject))
    assert re.search(r"(?m)^found (\S+ \S+ \S+ \S+)", small)[1] == kind
    assert is_short(small), small
    replayed = harness.brownout("replay", harness.write(small, "small.case"),
                                *words_of(harness, subject))  # fmt: skip
    assert replayed.returncode == DIVERGED


TWO_SECTORS_FULL = """\
chip generic sectors=3 sector=160 page=160 unit=2 read=2
engine torn-header
found durable missing each erase "x"

append "a"
append "b"
append "x"
append "d"
append "e"
append "r"
append "g"
append "h"
append "i" cut 1 zero-head:1
"""


def test_a_sector_of_a_size_that_is_no_half_shrinks(harness):
    """A header and three items are 128 bytes, 160 have room for four. None can be larger."""
    case = harness.write(TWO_SECTORS_FULL, "full.case")
    text = shrink(harness, case, *words_of(harness, "torn-header"))
    assert len(operations(text)) == 7 and len(operations(TWO_SECTORS_FULL)) == 9, text


def test_a_search_at_random_gives_the_same_case_again(harness):
    """The transaction needs it (vary.h: vary_at_random)."""
    text, words = STUCK[4][2], words_of(harness, STUCK[4][1])
    case = harness.write(text, "again.case")
    assert shrink(harness, case, *words) == shrink(harness, case, *words)


MASK = 2**64 - 1


def mixed(word):
    """mix_word of fuzz/script/mix.h."""
    word = ((word ^ word >> 30) * 0xBF58476D1CE4E5B9) & MASK
    word = ((word ^ word >> 27) * 0x94D049BB133111EB) & MASK
    return word ^ word >> 31


def junk(sectors, size):
    """An image that the harness made up (rig/hostile.c: fill_junk), in hex."""
    image = b""
    for number in range(1, sectors + 1):
        for _ in range(size // 8):
            image += number.to_bytes(8, "little")
            number = mixed(number)
    return image.hex()


IMAGE = """chip generic sectors=2 sector=128 page=128
engine junk-empty
found honest other mount none "x"
image 0x{}

fetch a
fetch b
fetch c
"""


def test_names_that_an_image_does_not_need_go(harness):
    words = words_of(harness, "junk-empty")
    case = harness.write(IMAGE.format(junk(2, 128)), "image.case")
    text = shrink(harness, case, *words)
    assert len(operations(text)) == 1, text
