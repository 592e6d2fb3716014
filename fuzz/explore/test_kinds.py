"""A finding has a kind: its replay shows that kind, and so does the case that it is shrunk to."""

import json
import re
import subprocess

import pytest
from conftest import BUILD, ROOT, SECONDS_MAX
from harness import (
    CLEAN, DIVERGED, FAILED, NOT_JUDGED, USAGE, Harness, cuts, operations, shared_object,
)  # fmt: skip

SCENARIOS = sorted((ROOT / "scenarios").glob("*.scn"))
FAULTS = {"canary": 19, "canary-queue": 14, "canary-log": 14}
KIND = re.compile(r'(?m)^found (\w+) ([\w-]+) (\w+) (\w+) "')


@pytest.fixture(scope="module")
def harness(brownout, tmp_path_factory):
    return Harness(brownout, tmp_path_factory.mktemp("kinds"))


def kind_of(text):
    return KIND.search(text).groups()


def subjects(index):
    """Two or three of the subjects, others for each scenario."""
    planted = (f"{name} fault={1 + index % last}" for name, last in FAULTS.items())
    return ["original", "original-queue", *planted]


def check_replay(harness, found):
    clause, told = harness.replay(found.path, "--quiet")
    assert clause == found.clause
    assert "another kind" not in told
    assert told.splitlines()[-1].endswith(found.finding)


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_what_is_found_replays_as_its_kind(harness, quick, path):
    """Found by the plain command, which does in a tenth of a second what takes a sanitized one
    half of one."""
    for engine in subjects(SCENARIOS.index(path)):
        folder = harness.folder / f"{path.stem}-{engine}"
        words = ("--engine", engine, "--artefacts", folder, "--quiet", "--no-shrink", "--max", 3)
        classes = "edge,prefix,bits,zeros,weak,ecc"
        done = quick("explore", path, *words, "--faults", classes, "--seconds", 0.1)
        assert done.returncode in (CLEAN, DIVERGED, USAGE, NOT_JUDGED), done.stderr
        assert "does not replay" not in done.stderr
        for case in folder.glob("*.case") if folder.exists() else ():
            told = harness.brownout("replay", case, "--quiet")
            assert told.returncode == DIVERGED and "another kind" not in told.stdout, case


HELD = """
chip generic sectors=2 sector=64 page=64 unit=4
engine original-queue
repeat 6 {
push count 8
}
pop
pop
pop
push count 8
look
"""


def test_a_queue_that_holds_less_replays(harness):
    explored = harness.explore(HELD, "--max", 0, "--no-shrink")
    assert ("alive", "less", "push") in {kind_of(found.text)[:3] for found in explored.found}
    for found in explored.found:
        check_replay(harness, found)


SHRUNK = ("original-queue", "canary-queue fault=4", "canary-queue fault=9")


@pytest.mark.parametrize("engine", SHRUNK)
def test_a_shrunk_case_has_the_kind_of_the_one_it_came_from(harness, engine):
    text = HELD.replace("original-queue", engine)
    if engine.startswith("canary"):
        text = text.replace("sectors=2 sector=64 page=64", "sectors=3 sector=128 page=128")
    whole = harness.explore(text, "--max", 0, "--no-shrink")
    small = harness.explore(text, "--max", 0)
    kinds = {kind_of(found.text) for found in whole.found}
    needed = {kind[:3] for kind in kinds}
    assert whole.found and {kind_of(found.text)[:3] for found in small.found} == needed
    for found in small.found:
        clause, seen, call, cut = kind_of(found.text)
        assert (cut == "none") == (not cuts(found.text))
        assert {(clause, seen, call, it) for it in (cut, "recovery")} & kinds
        check_replay(harness, found)


PANICS = """
#define brownout_adapter example_entry
#include "examples/plugin/two_slots.c"
#undef brownout_adapter
#include <stdio.h>
#include <stdlib.h>

static struct adapter adapter;
static struct adapter_map map;

static enum answer store(void *object, const void *key, uint32_t key_size, const void *value,
                         uint32_t value_size)
{
    if (value_size == 6 || value_size == 7) {
        fprintf(stderr, "engine.c:%u: no room for %u bytes\\n", value_size * 10, value_size);
        abort();
    }
    return slots_store(object, key, key_size, value, value_size);
}

adapter_entry brownout_adapter;
const struct adapter *brownout_adapter(void)
{
    adapter = two_slots;
    map = calls;
    map.store = store;
    adapter.name = "panics";
    adapter.map = &map;
    return &adapter;
}
"""


def test_two_panics_are_two_kinds_and_shrink(harness):
    plugin = shared_object(harness.folder, "it's a panic", PANICS)
    for size in (6, 7):
        chip = "chip generic sectors=2 sector=256 page=256 unit=4\nengine panics\n"
        path = harness.write(chip + f'store a "12"\nstore b "1"\nstore c fill 1 {size}\n')
        cases = harness.folder / "two $words"
        words = ("--artefacts", cases, "--plugin", plugin)
        done = harness.brownout("explore", path, *words)
        assert done.returncode == DIVERGED, done.stderr
        assert f"engine.c:{size}0: no room" in done.stdout
        case = re.search(r"divergence-\w+\.case", done.stdout)[0]
        text = (cases / case).read_text()
        assert kind_of(text) == ("sane", "crash", "store", "none")
        assert len(operations(text)) == 1
        line = re.search(r"replay with: brownout (.*)", done.stdout)[1]
        pasted = ["sh", "-c", f"{BUILD / 'brownout'} {line}"]
        again = subprocess.run(pasted, capture_output=True, text=True, timeout=SECONDS_MAX)
        assert again.returncode == DIVERGED
        assert f"engine.c:{size}0: no room" in again.stdout.splitlines()[-1]


# What it shows depends on what ran before: the first process loses what it holds.
FORGETS = """
#define brownout_adapter example_entry
#include "examples/plugin/two_slots.c"
#undef brownout_adapter
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static struct adapter adapter;
static struct adapter_map map;

/* The first process that asks leaves its number in a file: memory that changes would be noticed. */
static bool is_first(void)
{
    long number = 0;
    FILE *file = fopen(getenv("RAN_BEFORE"), "wbx");
    if (file) fprintf(file, "%ld", (long)getpid());
    if (file) fclose(file);
    file = fopen(getenv("RAN_BEFORE"), "rb");
    if (file && fscanf(file, "%ld", &number) != 1) number = 0;
    if (file) fclose(file);
    return number == (long)getpid();
}

static enum answer each(void *object, adapter_visit *visit, void *context)
{
    return is_first() ? ANSWER_OK : slots_each(object, visit, context);
}

adapter_entry brownout_adapter;
const struct adapter *brownout_adapter(void)
{
    adapter = two_slots;
    map = calls;
    map.each = each;
    adapter.name = "forgets";
    adapter.map = &map;
    return &adapter;
}
"""


def test_what_does_not_replay_is_a_fault_of_the_harness(harness, monkeypatch):
    plugin = shared_object(harness.folder, "forgets", FORGETS)
    monkeypatch.setenv("RAN_BEFORE", str(harness.folder / "ran"))
    chip = "chip generic sectors=2 sector=256 page=256 unit=4\nengine forgets\n"
    path = harness.write(chip + "store a 0x01\nstore b 0x02\nlook\n")
    done = harness.brownout("explore", path, "--artefacts", harness.folder, "--plugin", plugin)
    assert done.returncode == FAILED, done.stdout
    assert "durable/missing/each" in done.stderr and "NO VERDICT" in done.stdout
    for case in harness.folder.glob("unreproduced-*.case"):
        assert case.name in done.stderr


# In any process it does not find b, either.
FINDS_NO_B = """
static enum answer fetch(void *object, const void *key, uint32_t key_size, void *buffer,
                         uint32_t capacity, uint32_t *value_size)
{
    if (key_size == 1 && memcmp(key, "b", 1) == 0) return ANSWER_NOT_FOUND;
    return slots_fetch(object, key, key_size, buffer, capacity, value_size);
}
"""


def test_what_does_not_replay_is_shown_beside_what_does(harness, monkeypatch):
    text = FORGETS.replace("adapter_entry brownout_adapter;", FINDS_NO_B)
    text = text.replace("map.each = each;", "map.each = each;\n    map.fetch = fetch;")
    plugin = shared_object(harness.folder, "forgets-too", text)
    chip = "chip generic sectors=2 sector=256 page=256 unit=4\nengine forgets\n"
    path = harness.write(chip + "store a 0x01\nstore b 0x02\nlook\nfetch b\n")
    words = ("explore", path, "--artefacts", harness.folder, "--plugin", plugin)
    monkeypatch.setenv("RAN_BEFORE", str(harness.folder / "ran-before"))
    done = harness.brownout(*words)
    assert done.returncode == DIVERGED and "missing/fetch" in done.stdout, done.stdout
    assert "  1 more did not replay, a fault of the harness\n" in done.stdout
    (harness.folder / "ran-before").unlink()
    told = json.loads(harness.brownout(*words, "--json").stdout)
    assert told["unreproduced"] == 1 and told["divergences"]
