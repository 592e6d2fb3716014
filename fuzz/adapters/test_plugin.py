"""Engines of users, given by --plugin: each way to go wrong is found, by its clause, and replays.

The plugins are the example of examples/plugin with one thing changed, compiled here.
"""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest
from conftest import BUILD, ROOT, SECONDS_MAX, made
from harness import CLEAN, DIVERGED, FAILED, NOT_JUDGED, USAGE
from harness import Harness, changed_slots, compiler, sanitized, shared_object

CALL = """
static int call(struct store *store, uint32_t address, const void *data, uint32_t size)
{
    return store->flash->program(store->flash->context, address, data, size);
}
"""
# Few states, in some of which a snapshot was cut.
FEW = ("--max", 0, "--faults", "prefix", "--prefixes", 2, "--no-shrink")
# A mount that does something where a snapshot was cut.
AT_TORN = """
static enum answer changed_mount(void *object, const struct bo_flash *flash,
                                 const struct adapter_settings *settings)
{
    enum answer answer = slots_mount(object, flash, settings);
    uint8_t byte[4] = {0};
    volatile uint32_t ticks = 0;
    (void)byte, (void)ticks;
    if (answer == ANSWER_OK && torn(object)) {
        %s;
        answer = slots_mount(object, flash, settings);
    }
    return answer;
}
static void change(void) { adapter.mount = changed_mount; }
"""
# A store that does something else first.
AT_STORE = """
static enum answer changed_store(void *object, const void *key, uint32_t key_size,
                                 const void *value, uint32_t value_size)
{
    struct store *store = object;
    static const uint8_t zeros[8];
    uint8_t ones[8], bytes[8];
    uint32_t other = (1 - store->slot) * sector_size(store);
    memset(ones, 0xFF, 8);
    (void)zeros, (void)other, (void)bytes;
    %s;
    return slots_store(object, key, key_size, value, value_size);
}
static void change(void) { map.store = changed_store; }
"""
SCENARIO = """chip generic sectors=2 sector=128 page=64 unit=4 read=4 programs={programs}
engine changed

store name "kitchen"
store level 0x0102030405060708090a
store name "hall"
look
"""


@pytest.fixture(scope="module")
def harness(brownout, tmp_path_factory):
    return Harness(brownout, tmp_path_factory.mktemp("plugin"))


@pytest.fixture(scope="module")
def plugin(harness):
    """plugin(name, changed functions) compiles the example with them; the path of the object."""

    def build(name, text, *flags):
        return shared_object(harness.folder, name, changed_slots(CALL + text), "-O1", *flags)

    return build


@pytest.fixture(scope="module")
def sound(plugin):
    return plugin("sound", "static void change(void) {}")


def explore(harness, plugin, *options, programs=0):
    words = ("--plugin", plugin, *options)
    explored = harness.explore(SCENARIO.format(programs=programs), *words)
    assert explored.states or explored.found
    return explored


def run_plain(*words, timeout=SECONDS_MAX):
    """The command, whatever becomes of it; a sanitizer's report is no failure here, and names in it
    are not looked up, which takes most of a second each time."""
    command = [str(made(BUILD / "brownout")), *map(str, words)]
    env = {**os.environ, "ASAN_OPTIONS": "symbolize=0"}
    options = {"cwd": ROOT, "env": env, "capture_output": True, "text": True, "errors": "replace"}
    return subprocess.run(command, timeout=timeout, **options)


def explore_plain(harness, plugin, *options):
    path = harness.write(SCENARIO.format(programs=0))
    words = ("--plugin", plugin, "--quiet", "--json", "--artefacts", harness.folder, *options)
    done = run_plain("explore", path, *words)
    assert done.returncode == DIVERGED, done.stderr
    return [harness.found_of(each) for each in json.loads(done.stdout)["divergences"]]


# --- a sound one ---


@pytest.mark.parametrize("options", [(), ("--isolate", "--no-use"), ("--depth", 2, "--bits", 2)])
def test_the_unchanged_example_is_clean(harness, sound, options):
    explored = explore(harness, sound, *options)
    assert explored.found == []
    assert explored.judged > 100


# --- chip rules ---

BREACHES = {
    "alignment of a program": ("alignment", 0, "call(store, other + 2, zeros, 4)"),
    "alignment of a size": ("alignment", 0, "call(store, other, zeros, 3)"),
    "alignment of an erase": ("alignment", 0, "store->flash->erase(store->flash->context, 4)"),
    "alignment of a read": ("alignment", 0, "bo_flash_read(store->flash, 2, bytes, 4)"),
    "a read outside": ("bounds", 0, "bo_flash_read(store->flash, 256, bytes, 4)"),
    "a program outside": ("bounds", 0, "call(store, 252, zeros, 8)"),
    "an erase outside": ("bounds", 0, "store->flash->erase(store->flash->context, 256)"),
    "a program over two pages": ("page", 0, "call(store, 60, zeros, 8)"),
    "a bit that is to be set": (
        "set-bit",
        0,
        "bo_flash_erase(store->flash, other); call(store, other, zeros, 4);"
        "call(store, other, ones, 4)",
    ),
    "a unit programmed twice": (
        "reprogram",
        1,
        "bo_flash_erase(store->flash, other); call(store, other, ones, 4);"
        "call(store, other, zeros, 4)",
    ),
}


@pytest.mark.parametrize("breach", BREACHES)
def test_a_breach_of_a_chip_rule_is_unlawful(harness, plugin, breach):
    rule, programs, what = BREACHES[breach]
    changed = plugin(breach.replace(" ", "-"), AT_STORE % what)
    explored = explore(harness, changed, programs=programs)
    assert explored.clauses == {"lawful"}
    assert explored.found[0].finding.startswith(rule + ":")
    assert harness.replay(explored.found[0].path, "--plugin", changed)[0] == "lawful"


# A snapshot is confirmed by zeros in the last unit of its sector; power-on does so where they are
# not all there.
CONFIRMS = """
static enum answer confirm(struct store *store)
{
    uint32_t at = (store->slot + 1) * sector_size(store) - 4;
    uint8_t unit[4];
    if (bo_flash_read(store->flash, at, unit, 4)) return ANSWER_FLASH;
    if (get(unit, 4) == 0) return ANSWER_OK;
    memset(unit, 0, sizeof unit);
    return call(store, at, unit, 4) ? ANSWER_FLASH : ANSWER_OK;
}
static enum answer changed_store(void *object, const void *key, uint32_t key_size,
                                 const void *value, uint32_t value_size)
{
    enum answer answer = slots_store(object, key, key_size, value, value_size);
    return answer == ANSWER_OK ? confirm(object) : answer;
}
static enum answer changed_mount(void *object, const struct bo_flash *flash,
                                 const struct adapter_settings *settings)
{
    enum answer answer = slots_mount(object, flash, settings);
    return answer == ANSWER_OK ? confirm(object) : answer;
}
static void change(void)
{
    map.store = changed_store;
    adapter.mount = changed_mount;
    adapter.widened = %s;
    adapter.widened_why = "for this test";
}
"""


@pytest.mark.parametrize(
    "widened, clauses", [("0", {"lawful"}), ("ADAPTER_CUT_PROGRAM_FREE", set())]
)
def test_a_cut_program_counts_unless_the_engine_says_otherwise(harness, plugin, widened, clauses):
    changed = plugin("confirms-" + widened.lower(), CONFIRMS % widened)
    explored = explore(harness, changed, "--faults", "edge,prefix", "--no-use", programs=1)
    assert explored.clauses == clauses
    for found in explored.found:
        assert harness.replay(found.path, "--plugin", changed)[0] == "lawful"


# The snapshot before is struck out with zeros, over what is programmed there.
STRIKES_OLD = """
static enum answer changed_store(void *object, const void *key, uint32_t key_size,
                                 const void *value, uint32_t value_size)
{
    struct store *store = object;
    static const uint8_t zeros[8];
    enum answer answer = slots_store(object, key, key_size, value, value_size);
    uint32_t other = (1 - store->slot) * sector_size(store);
    if (answer == ANSWER_OK && call(store, other, zeros, 8)) return ANSWER_FLASH;
    return answer;
}
static void change(void) { map.store = changed_store; }
"""


@pytest.mark.parametrize(
    "chip, clauses",
    [
        ("stm32l476", set()),
        ("stm32g030c6", {"lawful"}),
        ("stm32g030c6 zeros=1", set()),
        ("stm32l476 zeros=0", {"lawful"}),
    ],
)
def test_zeros_go_over_what_is_programmed_where_the_part_allows_it(harness, plugin, chip, clauses):
    changed = plugin("strikes-old", STRIKES_OLD)
    text = f"chip {chip} sectors=2\nengine changed\n\nstore a 0x01\nstore a 0x02\nlook\n"
    explored = harness.explore(text, "--plugin", changed, "--faults", "edge", "--no-use")
    assert explored.clauses == clauses
    for found in explored.found:
        assert harness.replay(found.path, "--plugin", changed)[0] == "lawful"


# --- engines that do not come back ---


def test_an_endless_loop_of_flash_calls_passes_its_bound(harness, plugin):
    loop = "while (!bo_flash_read(flash, 0, byte, 4)) ticks++"
    changed = plugin("reads", AT_TORN % loop)
    explored = explore(harness, changed, "--max", 1)
    assert explored.clauses == {"bounded"}
    assert "in one call" in explored.found[0].finding
    assert harness.replay(explored.found[0].path, "--plugin", changed)[0] == "bounded"


# A mount that reads ten times more where a snapshot was cut, and what is stated of others.
FEW_READS = """
static struct adapter_bound few(const struct bo_flash_geometry *geometry,
                                const struct adapter_settings *settings, enum adapter_call call)
{
    (void)geometry, (void)settings;
    return (struct adapter_bound){.reads = call == ADAPTER_CALL_MOUNT ? %d : 0};
}
#define change change_mount
""" + AT_TORN % "for (int i = 0; i < 10; i++) bo_flash_read(flash, 0, byte, 4)"


@pytest.mark.parametrize("reads, clauses", [(6, set()), (1, {"bounded"})])
def test_what_is_stated_without_cuts_binds_without_cuts_alone(harness, plugin, reads, clauses):
    text = FEW_READS % reads + """
#undef change
static void change(void)
{
    change_mount();
    adapter.bound_uncut = few;
}
"""
    changed = plugin(f"few-{reads}", text)
    explored = explore(harness, changed, *FEW)
    assert explored.clauses == clauses
    for found in explored.found:
        assert " cut " not in found.text
        assert f"at most {reads} reads in one call" in found.finding


@pytest.mark.parametrize("programs, clauses", [("0", set()), ("1", {"bounded"})])
def test_a_call_that_states_none_makes_none(harness, plugin, programs, clauses):
    text = """
static struct adapter_bound none(const struct bo_flash_geometry *geometry,
                                 const struct adapter_settings *settings, enum adapter_call call)
{
    (void)geometry, (void)settings;
    return (struct adapter_bound){.changes = call == ADAPTER_CALL_FETCH ? ADAPTER_NO_CALL : 0};
}
static enum answer changed_fetch(void *object, const void *key, uint32_t key_size, void *buffer,
                                 uint32_t capacity, uint32_t *value_size)
{
    struct store *store = object;
    if (%s) call(store, store->slot * sector_size(store), store->next, 4);
    return slots_fetch(object, key, key_size, buffer, capacity, value_size);
}
static void change(void)
{
    adapter.bound = none;
    adapter.relies_on_and = true;
    map.fetch = changed_fetch;
}
"""
    changed = plugin(f"none-{programs}", text % programs)
    explored = explore(harness, changed, *FEW)
    assert explored.clauses == clauses
    for found in explored.found:
        assert "at most 0 programs and erases in one call" in found.finding


@pytest.mark.parametrize(
    "loop", ["for (;;) ticks++", "for (;;) bo_flash_read(flash, 0, byte, 4)"], ids=["idle", "deaf"]
)
@pytest.mark.parametrize("options", [(), ("--isolate",)])
def test_an_engine_call_that_never_returns_is_ended(harness, plugin, loop, options):
    changed = plugin("hangs", AT_TORN % loop)
    explored = explore(harness, changed, *options, *FEW, "--call-seconds", 0.1)
    assert explored.clauses == {"bounded"}
    assert "does not return within 0.1 s of CPU time" in explored.found[0].finding
    assert " cut " in explored.found[0].text
    done = run_plain("replay", explored.found[0].path, "--plugin", changed)
    assert done.returncode == DIVERGED
    assert "does not return within 1 s of CPU time" in done.stdout.splitlines()[-1]


@pytest.mark.parametrize("options", [(), ("--isolate",), ("--jobs", 2)])
def test_a_crash_is_reported_and_its_case_crashes_again(harness, plugin, options):
    changed = plugin("aborts", AT_TORN % "abort()")
    explored = explore(harness, changed, *options)
    assert explored.clauses == {"sane"}
    assert "Aborted" in explored.found[0].finding
    done = run_plain("replay", explored.found[0].path, "--plugin", changed)
    assert done.returncode == DIVERGED
    assert "POWER IS CUT" in done.stdout
    assert "Aborted" in done.stdout.splitlines()[-1]


def test_what_was_done_before_an_uncut_crash_is_counted(harness, plugin):
    changed = plugin("third", AT_STORE % "if (store->sequence == 3) abort()")
    words = ("--plugin", changed, "--json", "--quiet", *FEW)
    done = run_plain("explore", harness.write(SCENARIO.format(programs=0)), *words)
    assert done.returncode == DIVERGED
    assert json.loads(done.stdout)["operations"] == 2


def test_a_read_far_outside_is_a_crash(harness, plugin):
    changed = plugin("wild", AT_TORN % "ticks += *((volatile uint8_t *)object + (1ull << 44))")
    found = explore_plain(harness, changed, "--max", 1)
    assert {each.clause for each in found} == {"sane"}
    assert " cut " in found[0].text


def test_a_read_just_outside_is_a_crash_where_reads_are_checked(harness, plugin):
    """An ordinary build can't see it; a plugin built like the sanitized harness is seen."""
    over = "ticks += ((volatile uint8_t *)object)[slots_object_size(&flash->geometry, settings)]"
    if sanitized(BUILD):
        changed = plugin("over", AT_TORN % over, "-fsanitize=address")
        assert {each.clause for each in explore_plain(harness, changed, "--max", 1)} == {"sane"}
    else:
        changed = plugin("over", AT_TORN % over)
        assert explore(harness, changed).found == []


def test_a_hanging_engine_leaves_no_process(harness, plugin):
    changed = plugin("hangs-apart", AT_TORN % "for (;;) ticks++")
    explored = explore(harness, changed, "--call-seconds", "0.2", "--isolate", "--no-shrink")
    assert explored.clauses == {"bounded"} and explored.stopped
    left = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if path.exists()]
    assert not [line for line in left if str(changed).encode() in line]


@pytest.mark.parametrize("options", [(), ("--isolate",)])
@pytest.mark.parametrize("code", [0, 3])
def test_an_engine_that_ends_its_process_is_found_whatever_its_code(harness, plugin, options, code):
    changed = plugin(f"exits-{code}", AT_TORN % f"_Exit({code})")
    explored = explore(harness, changed, *options)
    assert explored.clauses == {"sane"}
    assert "ended the process" in explored.found[0].finding


# A store that does something last, where a snapshot was cut before it.
AFTER_TORN = """
static enum answer changed_store(void *object, const void *key, uint32_t key_size,
                                 const void *value, uint32_t value_size)
{
    uint8_t byte[4] = {0};
    bool was_torn = torn(object);
    enum answer answer = slots_store(object, key, key_size, value, value_size);
    (void)byte;
    if (was_torn) { %s; }
    return answer;
}
static void change(void) { map.store = changed_store; }
"""


@pytest.mark.parametrize("what", ["abort()", "call(object, 1, byte, 4)"])
def test_what_a_call_does_after_the_cuts_inside_it_is_charged_to_it(harness, plugin, what):
    """A kind names the call that showed it, also where cuts were tried while it was under way."""
    changed = plugin(f"after-torn-{len(what)}", AFTER_TORN % what)
    explored = explore(harness, changed, "--depth", 2, "--no-use", "--max", 0)
    assert explored.found
    kinds = [re.search(r"found \w+ [\w-]+ (\w+) ", each.text)[1] for each in explored.found]
    assert set(kinds) == {"store"}


def test_as_many_kinds_are_found_as_were_asked_for(harness, plugin):
    """Crashes in two operations are one kind each for a program and an erase, once their messages
    are known: no reason to stop before a third kind."""
    what = "if (((struct store *)object)->sequence < 5) abort(); return ANSWER_DAMAGED"
    words = (*FEW, "--plugin", plugin("then-damaged", AFTER_TORN % what), "--depth", 2, "--no-use")
    text = SCENARIO.format(programs=0) + 'store level 0x01\nstore name "x"\n'
    alone, beside = (harness.explore(text, *words, "--max", 3, "--jobs", jobs) for jobs in (1, 2))
    assert alone.clauses == {"clean", "sane"} and len(alone.found) == 3
    assert alone.stopped and alone == beside


# Reading back erases what is not in use, when all was shown: a cut in it is judged by another look.
ERASES_LAST = """
static enum answer changed_each(void *object, adapter_visit *visit, void *context)
{
    struct store *store = object;
    enum answer answer = slots_each(object, visit, context);
    store->flash->erase(store->flash->context, (1 - store->slot) * sector_size(store));
    return answer;
}
static void change(void) { map.each = changed_each; }
"""


def test_a_look_that_is_cut_does_not_disturb_the_look_before_it(harness, plugin):
    changed = plugin("erases-last", ERASES_LAST)
    explored = explore(harness, changed, "--depth", 2, "--no-use", "--max", 0)
    assert explored.found == []


def test_what_was_found_before_a_crash_is_kept(harness, plugin):
    what = "if (((struct store *)object)->slot == 0) abort(); return ANSWER_DAMAGED"
    changed = plugin("late", AT_TORN % what)
    explored = explore(harness, changed, "--max", 0)
    assert explored.clauses == {"alive", "sane"}


def test_what_comes_after_a_crash_is_explored_by_any_number_of_workers(harness, plugin, sound):
    what = "if (((struct store *)object)->slot != 0) abort(); return ANSWER_DAMAGED"
    changed = plugin("early", AT_TORN % what)
    explored = explore(harness, changed, *FEW)
    assert explored.clauses == {"alive", "sane"}
    assert not explored.stopped
    assert explored.states == explore(harness, sound, *FEW).states
    for jobs in (2, 3):
        assert explore(harness, changed, *FEW, "--jobs", jobs) == explored


def test_an_operation_that_crashes_without_end_is_given_up_and_the_next_one_is_not(harness, plugin):
    changed = plugin("always", AT_TORN % "abort()")
    explored = explore(harness, changed, "--max", 0, "--no-shrink")
    assert explored.clauses == {"sane"} and explored.stopped
    assert sum(found.states for found in explored.found) > 64
    assert explore(harness, changed, "--max", 0, "--no-shrink", "--jobs", 2) == explored


# What an engine takes: all that there is in one call, or some in each power-on, for ever.
GREEDY = "while (malloc(1 << 20)) ticks++; abort()"
LEAKS = """
static enum answer changed_mount(void *object, const struct bo_flash *flash,
                                 const struct adapter_settings *settings)
{
    volatile char *kept = malloc(1 << 20);
    if (!kept) return ANSWER_DAMAGED;
    kept[0] = 1;
    return slots_mount(object, flash, settings);
}
static void change(void) { adapter.mount = changed_mount; }
"""
@pytest.fixture(scope="module")
def bare(quick, tmp_path_factory):
    """Without sanitizers: the shadow of one is past any limit of memory, and its heap its own."""
    return Harness(quick, tmp_path_factory.mktemp("bare"))


def test_a_call_that_takes_all_memory_is_a_finding_of_its_own(bare, plugin):
    changed = plugin("greedy", AT_TORN % GREEDY)
    explored = explore(bare, changed, "--memory", 64, "--no-shrink")
    assert explored.clauses == {"sane"}
    assert "Aborted" in explored.found[0].finding


@pytest.mark.parametrize("options, code", [((), FAILED), (("--isolate",), CLEAN)])
def test_memory_that_is_kept_when_power_goes_away_is_no_verdict(bare, plugin, options, code):
    changed = plugin("leaks", LEAKS)
    path = bare.write(SCENARIO.format(programs=0))
    words = ("explore", path, "--plugin", changed, "--artefacts", bare.folder, "--quiet")
    done = bare.brownout(*words, "--memory", 64, "--no-shrink", *options)
    assert done.returncode == code, done.stderr
    assert "DIVERGENCE" not in done.stdout


# A call that keeps some each time, with no power-on in between.
KEEPS = """
static enum answer changed_fetch(void *object, const void *key, uint32_t key_size, void *buffer,
                                 uint32_t capacity, uint32_t *value_size)
{
    volatile char *kept = malloc(%d);
    if (kept) kept[0] = 1;
    return slots_fetch(object, key, key_size, buffer, capacity, value_size);
}
static enum answer changed_store(void *object, const void *key, uint32_t key_size,
                                 const void *value, uint32_t value_size)
{
    volatile char *kept = malloc(%d);
    if (kept) kept[0] = 1;
    return slots_store(object, key, key_size, value, value_size);
}
static void change(void) { map.%s = changed_%s; }
"""


@pytest.mark.parametrize("call, size", [("fetch", 1), ("store", 1), ("store", 1 << 16)])
def test_a_call_that_keeps_memory_each_time_is_a_finding_that_replays(
    bare, plugin, sound, call, size
):
    """64 KiB a store is more than a worker gets, if a child process does not take it with it."""
    changed = plugin(f"keeps-{call}-{size}", KEEPS % (size, size, call, call))
    explored = explore(bare, changed, *FEW, "--memory", 16)
    assert explored.clauses == {"alive"}
    assert explored.found[0].finding.startswith(f"{call}: expected as much memory in use")
    assert explored.states == explore(bare, sound, *FEW).states


# Later than any history of the scenario gets.
CRASHES_LATE = """
static enum answer changed_store(void *object, const void *key, uint32_t key_size,
                                 const void *value, uint32_t value_size)
{
    if (((struct store *)object)->sequence == 8) abort();
    return slots_store(object, key, key_size, value, value_size);
}
static void change(void) { map.store = changed_store; }
"""


def test_a_call_that_crashes_when_it_is_made_again_and_again_is_a_finding_that_replays(
    bare, plugin
):
    changed = plugin("crashes-late", CRASHES_LATE)
    found = explore(bare, changed, *FEW, "--no-use").found
    assert [each.clause for each in found] == ["sane"]
    assert "crashed" in found[0].finding and " cut " not in found[0].text
    done = bare.brownout("replay", found[0].path, "--plugin", changed)
    assert done.returncode == DIVERGED and "again and again" in done.stdout


# A panic that a door catches: from then on each call of the engine answers that.
PANICS = """
static const char *changed_panic(void)
{
    return "index 7 of 4 at store.rs:12";
}
static enum answer changed_mount(void *object, const struct bo_flash *flash,
                                 const struct adapter_settings *settings)
{
    enum answer answer = slots_mount(object, flash, settings);
    return answer == ANSWER_OK && torn(object) ? ANSWER_PANIC : answer;
}
static enum answer changed_fetch(void *object, const void *key, uint32_t key_size, void *buffer,
                                 uint32_t capacity, uint32_t *value_size)
{
    enum answer answer = slots_fetch(object, key, key_size, buffer, capacity, value_size);
    return answer == ANSWER_NOT_FOUND ? ANSWER_PANIC : answer;
}
static void change(void) { %s; }
"""


@pytest.mark.parametrize(
    "change, text",
    [
        ("adapter.mount = changed_mount", "mount panics"),
        (
            "adapter.mount = changed_mount, adapter.panic = changed_panic",
            "mount panics: index 7 of 4 at store.rs:12",
        ),
        ("map.fetch = changed_fetch", "fetch panics"),
    ],
)
def test_a_panic_that_was_caught_is_no_answer_but_a_crash(harness, plugin, change, text):
    changed = plugin(f"panics-{len(change)}", PANICS % change)
    scenario = SCENARIO.format(programs=0).replace("look", "fetch none")
    explored = harness.explore(scenario, "--plugin", changed)
    assert {(found.clause, found.finding) for found in explored.found} == {("sane", text)}
    assert harness.replay(explored.found[0].path, "--plugin", changed)[0] == "sane"


def test_a_panic_on_a_damaged_image_is_a_finding(harness, plugin):
    """There an engine may answer that the image is damaged, and many a thing, but not break off."""
    changed = plugin("panics-on-image", PANICS % "map.fetch = changed_fetch")
    image = harness.folder / "panics.bin"
    scenario = harness.write(SCENARIO.format(programs=0).replace("look\n", ""))
    assert run_plain("run", scenario, "--plugin", changed, "--image", image).returncode == 0
    words = ("--plugin", changed, "--runs", 8, "--quiet", "--artefacts", harness.folder)
    done = run_plain("fuzz", "--image", image, scenario, *words)
    assert done.returncode == DIVERGED
    assert "DIVERGENCE, clause sane: fetch panics" in done.stdout


# --- memory ---


@pytest.mark.parametrize("where, options", [("", ()), ("torn(store)", ("--no-use",))])
def test_an_engine_that_reads_its_junk_is_found(harness, plugin, where, options):
    """Also where it writes nothing after a cut, and so is not mounted again in each state."""
    empties = f"if (junk && answer == ANSWER_OK && {where}) store->size = 0;" if where else ""
    changed = plugin(
        "junk",
        """
static enum answer changed_mount(void *object, const struct bo_flash *flash,
                                 const struct adapter_settings *settings)
{
    struct store *store = object;
    uint32_t junk = *(const uint8_t *)object & 2u; /* set in one of the two patterns */
    enum answer answer = slots_mount(object, flash, settings);
    %s
    int64_t size = junk ? read_snapshot(store, 1 - store->slot) : -1;
    if (size < 0) return answer;
    memcpy(store->now, store->next, sector_size(store));
    store->size = (uint32_t)size;
    return answer;
}
static void change(void) { adapter.mount = changed_mount; }
"""
        % empties,
    )
    explored = explore(harness, changed, *options)
    assert explored.clauses & {"durable", "settled", "atomic"}


# --- answers that do not agree ---


def test_what_the_next_power_on_no_longer_shows_is_not_settled(harness, plugin):
    """The store is emptied while the object still shows what was in it."""
    changed = plugin(
        "forgets",
        AT_TORN
        % """struct store *store = object;
        uint32_t size = store->size;
        commit(store, 0);
        uint8_t *shown = store->next;
        store->next = store->now;
        store->now = shown;
        store->size = size;
        return answer""",
    )
    explored = explore(harness, changed, "--no-use", "--faults", "edge,prefix")
    assert explored.clauses == {"settled"}
    assert harness.replay(explored.found[0].path, "--plugin", changed)[0] == "settled"


# Each power-on writes the snapshot anew; it may forget.
RESTLESS = """
static enum answer changed_mount(void *object, const struct bo_flash *flash,
                                 const struct adapter_settings *settings)
{
    struct store *store = object;
    enum answer answer = slots_mount(object, flash, settings);
    uint32_t size = answer == ANSWER_OK ? copy_without(store, NULL) : 0;
    if (%s) size = 0;
    return answer == ANSWER_OK && !commit(store, size) ? ANSWER_OK : ANSWER_DAMAGED;
}
static void change(void)
{
    adapter.mount = changed_mount;
    adapter.widened = %s;
    adapter.widened_why = "for this test";
}
"""


def test_a_recovery_that_writes_each_time_does_not_rest(harness, plugin):
    changed = plugin("restless", RESTLESS % (0, 0))
    explored = explore(harness, changed, "--no-use", "--faults", "edge")
    assert explored.clauses == {"settled"}
    assert "expected nothing left to write" in explored.found[0].finding


@pytest.mark.parametrize(
    "forgets, clauses", [("0", set()), ("store->sequence % 8 == 7", {"settled"})]
)
def test_a_mount_may_write_where_the_engine_says_so_and_is_judged_by_content(
    harness, plugin, forgets, clauses
):
    """Whatever it writes: the third power-on shows what the first one did."""
    changed = plugin(f"marker-{len(forgets)}", RESTLESS % (forgets, "ADAPTER_MOUNT_WRITES"))
    explored = explore(harness, changed, "--no-use", "--faults", "edge,prefix")
    assert explored.clauses >= clauses and bool(explored.clauses) == bool(clauses)


@pytest.mark.parametrize("what, clauses", [("", set()), ("map.remove = unremoved, ", {"settled"})])
def test_a_map_that_can_not_list_its_keys_is_asked_for_each(harness, plugin, what, clauses):
    """A removal that is forgotten is found by fetch alone."""
    changed = plugin(
        f"unlisted-{len(what)}",
        """
static enum answer unremoved(void *object, const void *key, uint32_t key_size)
{
    (void)object, (void)key, (void)key_size;
    return ANSWER_OK;
}
static void change(void) { (void)unremoved, %s map.each = NULL; }
"""
        % what,
    )
    text = SCENARIO.format(programs=0).replace("look", "remove level\nlook")
    explored = harness.explore(text, "--plugin", changed, "--faults", "edge,prefix")
    assert explored.clauses == clauses and (explored.judged > 20 or explored.found)


def test_such_a_map_is_asked_for_no_key_that_a_case_can_not_name(harness, plugin):
    """After a cut it shows a key that was never stored: in a case that does not name the key that
    would not replay."""
    changed = plugin(
        "any-key",
        """
static enum answer changed_fetch(void *object, const void *key, uint32_t key_size, void *buffer,
                                 uint32_t capacity, uint32_t *value_size)
{
    enum answer answer = slots_fetch(object, key, key_size, buffer, capacity, value_size);
    if (answer != ANSWER_NOT_FOUND || key_size != 5 || !torn(object)) return answer;
    *value_size = 0;
    return ANSWER_OK;
}
static void change(void) { map.fetch = changed_fetch, map.each = NULL; }
""",
    )
    text = SCENARIO.format(programs=0).replace("look", 'store after "1"').replace("level", "one")
    words = ("--plugin", changed, "--no-use", "--artefacts", harness.folder)
    done = harness.brownout("explore", harness.write(text), "--faults", "edge,prefix", *words)
    assert done.returncode == DIVERGED and "after: expected absent or" in done.stdout
    assert "does not replay" not in done.stderr


def test_a_fetch_that_does_not_see_what_a_look_sees_is_found(harness, plugin):
    changed = plugin(
        "blind",
        """
static enum answer changed_fetch(void *object, const void *key, uint32_t key_size, void *buffer,
                                 uint32_t capacity, uint32_t *value_size)
{
    (void)object, (void)key, (void)key_size, (void)buffer, (void)capacity, (void)value_size;
    return ANSWER_NOT_FOUND;
}
static void change(void) { map.fetch = changed_fetch; }
""",
    )
    explored = explore(harness, changed, "--no-use", "--faults", "edge")
    assert explored.clauses == {"settled", "durable"}
    findings = " ".join(found.finding for found in explored.found)
    assert "a fetch before it absent" in findings and "fetch shows absent" in findings


# Removes one setting after the other.
STOPPING = """
static enum answer changed_clear(void *object)
{
    struct store *store = object;
    while (store->size) {
        const uint8_t *setting = store->now + HEADER;
        if (slots_remove(object, setting + 3, setting[0]) != ANSWER_OK) return ANSWER_FLASH;
    }
    return ANSWER_OK;
}
static void change(void)
{
    map.clear = changed_clear;
    adapter.widened = %s;
    adapter.widened_why = "for this test";
}
"""


@pytest.mark.parametrize(
    "widened, clauses", [("0", {"atomic"}), ("ADAPTER_CLEAR_MAY_STOP", set())]
)
def test_a_clear_may_stop_half_way_only_where_the_engine_says_so(harness, plugin, widened, clauses):
    changed = plugin("stops-" + widened.lower(), STOPPING % widened)
    text = SCENARIO.format(programs=0).replace("look", "clear\nstore name empty\nlook")
    explored = harness.explore(text, "--plugin", changed, "--faults", "edge", "--depth", 1)
    assert explored.clauses == clauses
    assert explored.judged > 10


def test_what_is_widened_may_depend_on_the_options(harness, plugin):
    """Both ways of one engine: `stops=0` is held to what `stops=1` is not."""
    text = STOPPING.replace("static void change", """
static const struct adapter_option options[] = {{.name = "stops", .summary = "", .max = 1}, {0}};
static uint32_t widened_by(const struct bo_flash_geometry *geometry,
                           const struct adapter_settings *settings)
{
    (void)geometry;
    return settings->values[0] ? ADAPTER_CLEAR_MAY_STOP : 0;
}
static void change""")
    text = text % "0, adapter.options = options, adapter.widened_by = widened_by"
    changed = plugin("stops-by-option", text)
    text = SCENARIO.format(programs=0).replace("look", "clear\nstore name empty\nlook")
    for option, clauses in (("", {"atomic"}), (" stops=1", set())):
        one = text.replace("engine changed", "engine changed" + option)
        explored = harness.explore(one, "--plugin", changed, "--faults", "edge", "--depth", 1)
        assert explored.clauses == clauses


# The newest value lies in a static variable too, and is believed while it is there.
CACHE = """
static uint8_t cached_key[16], cached[64];
static uint32_t cached_key_size, cached_size, stores;

static enum answer changed_store(void *object, const void *key, uint32_t key_size,
                                 const void *value, uint32_t value_size)
{
    if (key_size <= sizeof cached_key && value_size <= sizeof cached) {
        memcpy(cached_key, key, key_size);
        memcpy(cached, value, value_size);
        cached_key_size = key_size;
        cached_size = value_size;
    }
    %s
    return slots_store(object, key, key_size, value, value_size);
}

static enum answer changed_fetch(void *object, const void *key, uint32_t key_size, void *buffer,
                                 uint32_t capacity, uint32_t *value_size)
{
    if (cached_key_size != key_size || memcmp(key, cached_key, key_size))
        return slots_fetch(object, key, key_size, buffer, capacity, value_size);
    *value_size = cached_size;
    memcpy(buffer, cached, cached_size < capacity ? cached_size : capacity);
    return ANSWER_OK;
}

static enum answer changed_remove(void *object, const void *key, uint32_t key_size)
{
    cached_key_size = 0;
    return slots_remove(object, key, key_size);
}

static void change(void)
{
    map.store = changed_store;
    map.fetch = changed_fetch;
    map.remove = changed_remove;
    adapter.has_globals = %s;
}
"""


def test_globals_are_wiped_by_a_cut_when_the_engine_owns_up_to_them(harness, plugin):
    changed = plugin("globals", CACHE % ("", "true"))
    assert explore(harness, changed, "--bits", 2, "--prefixes", 2, "--no-use").found == []


@pytest.mark.parametrize(
    "words",
    [
        ("run",),
        ("explore",),
        ("explore", "--isolate", "--jobs", 2),
        ("replay",),
        ("shrink",),
        ("wear", "--engines", "changed"),
    ],
    ids=lambda words: " ".join(map(str, words)),
)
def test_globals_that_outlive_a_cut_unsaid_are_no_finding_but_a_mistake(harness, plugin, words):
    """Every verdict on such an engine is nonsense: it is said what the adapter has to say."""
    changed = plugin("unsaid", CACHE % ("", "false"))
    path = harness.write(SCENARIO.format(programs=0).replace("look", "mount\nlook"), "unsaid.scn")
    done = run_plain(words[0], path, "--plugin", changed, *words[1:])
    assert done.returncode == USAGE
    assert "changed: expected no change of its global memory, a call changed it; set" in done.stderr
    assert "DIVERGENCE" not in done.stdout and "no divergence" not in done.stdout


def test_memory_that_the_uncut_run_changes_is_a_mistake_at_its_end(harness, plugin):
    """Without a power-on in the scenario the one after it notices."""
    changed = plugin("unsaid-early", CACHE % ("", "false"))
    path = harness.write(SCENARIO.format(programs=0), "early.scn")
    done = run_plain("explore", path, "--plugin", changed)
    assert done.returncode == USAGE
    assert f"{path}:7: changed: expected no change of its global memory" in done.stderr


def test_a_fuzz_run_of_undeclared_globals_ends_with_the_mistake(plugin):
    changed = plugin("unsaid-too", CACHE % ("", "false"))
    done = run_plain("fuzz", "--plugin", changed, "--seconds", 2 * SECONDS_MAX)
    assert done.returncode == USAGE and "set has_globals" in done.stderr


def test_what_an_engine_keeps_in_globals_alone_is_lost(harness, plugin):
    changed = plugin("lazy", CACHE % ("if (stores++ % 2) return ANSWER_OK;", "true"))
    explored = explore(harness, changed, "--faults", "edge")
    assert "durable" in explored.clauses
    found = next(found for found in explored.found if found.clause == "durable")
    assert harness.replay(found.path, "--plugin", changed)[0] == "durable"


# --- two bugs at once ---


def test_a_crash_on_the_way_to_a_smaller_case_loses_nothing(harness, plugin):
    """Large values are lost, small ones crash: shrinking the first bug meets the second."""
    changed = plugin(
        "both",
        AT_TORN
        % """struct store *store = object;
        if (store->size > 20 && store->size < 64) return store->size = 0, ANSWER_OK;
        if (store->size > 0 && store->size <= 20) abort()""",
    )
    path = harness.write(
        "chip generic sectors=2 sector=128 page=128\nengine changed\n"
        "\n"
        "store a fill 1 40\nstore a fill 2 41\n"
    )
    words = ("--plugin", changed, "--quiet", "--json", "--artefacts", harness.folder)
    done = run_plain("explore", path, *words, "--no-use")
    assert done.returncode == DIVERGED, (done.returncode, done.stderr)
    clauses = {each["clause"] for each in json.loads(done.stdout)["divergences"]}
    assert clauses and "sane" not in clauses


# --- damage of one value ---

# The engine finds that one setting is damaged, and says so of that one.
DAMAGED = """
static enum answer changed_each(void *object, adapter_visit *visit, void *context)
{
    const struct store *store = object;
    const uint8_t *setting = store->now + HEADER, *end = setting + store->size;
    for (; setting < end; setting += setting_size(setting)) {
        bool damaged = setting[0] == 5 && %s;
        visit(context, setting + 3, setting[0], damaged ? NULL : setting + 3 + setting[0],
              damaged ? ADAPTER_DAMAGED : get(setting + 1, 2));
    }
    return ANSWER_OK;
}
static enum answer changed_fetch(void *object, const void *key, uint32_t key_size, void *buffer,
                                 uint32_t capacity, uint32_t *value_size)
{
    return key_size == 5 ? ANSWER_DAMAGED
                         : slots_fetch(object, key, key_size, buffer, capacity, value_size);
}
static void change(void)
{
    map.each = changed_each;
    map.fetch = changed_fetch;
}
"""


@pytest.mark.parametrize("rot, code", [("", DIVERGED), ("rot 1 seed 5\n", CLEAN)])
def test_one_damaged_value_is_missing_and_the_others_are_not(harness, plugin, rot, code):
    """As if bits of it had rotted: allowed after `rot`, and a lost value otherwise."""
    changed = plugin("damaged", DAMAGED % "setting[3] == 'l'")
    path = harness.write(SCENARIO.format(programs=0).replace("look", rot + "look"))
    done = run_plain("run", path, "--plugin", changed)
    assert done.returncode == code, done.stdout
    lost = "clause durable: level: expected 0x0102030405060708.. (10 bytes), each shows damaged"
    assert (lost in done.stdout) is (code == DIVERGED)


# --- options ---

# A counter of the part's life: at its end nothing is mounted any more.
LIFE = """
static const struct adapter_option options[] = {
    {.name = "life", .summary = "writes left", .value = 9, .min = 0, .max = 9, .fixed = %s}, {0}};
static enum answer changed_mount(void *object, const struct bo_flash *flash,
                                 const struct adapter_settings *settings)
{
    return settings->values[0] ? slots_mount(object, flash, settings) : ANSWER_DAMAGED;
}
static void change(void)
{
    adapter.options = options;
    adapter.mount = changed_mount;
}
"""


@pytest.mark.parametrize("fixed, code", [("false", DIVERGED), ("true", CLEAN)])
def test_a_fuzz_run_leaves_options_alone_that_are_fixed(harness, quick, plugin, fixed, code):
    changed = plugin("life-" + fixed, LIFE % fixed)
    words = ("--runs", 20, "--seed", 8, "--quiet", "--artefacts", harness.folder)
    assert quick("fuzz", "--plugin", changed, *words).returncode == code
    assert explore(harness, changed).found == []


# --- keys and sizes ---

# Keys are numbers from 1 to 3, in two bytes, values have four bytes or more. Whoever asks for
# anything else is asked back.
NUMBERED = """
static void check(const void *key, uint32_t key_size)
{
    if (key_size != 2 || get(key, 2) < 1 || get(key, 2) > 3) abort();
}
static enum answer changed_store(void *object, const void *key, uint32_t key_size,
                                 const void *value, uint32_t value_size)
{
    check(key, key_size);
    if (value_size < 4) abort();
    return slots_store(object, key, key_size, value, value_size);
}
static enum answer changed_fetch(void *object, const void *key, uint32_t key_size, void *buffer,
                                 uint32_t capacity, uint32_t *value_size)
{
    check(key, key_size);
    return slots_fetch(object, key, key_size, buffer, capacity, value_size);
}
static enum answer changed_remove(void *object, const void *key, uint32_t key_size)
{
    check(key, key_size);
    return slots_remove(object, key, key_size);
}
static uint32_t value_size_min(const struct adapter_settings *settings)
{
    (void)settings;
    return 4;
}
static uint32_t make_key(const struct adapter_settings *settings, uint32_t n, uint8_t *key)
{
    (void)settings;
    put(key, 2, n + 1);
    return n < 3 ? 2 : 0;
}
static void limits(const struct bo_flash_geometry *geometry,
                   const struct adapter_settings *settings, uint32_t *key_size_min,
                   uint32_t *key_size_max, uint32_t *value_size_max)
{
    slots_limits(geometry, settings, key_size_min, key_size_max, value_size_max);
    *key_size_min = *key_size_max = 2;
}
static void change(void)
{
    map.store = changed_store;
    map.fetch = changed_fetch;
    map.remove = changed_remove;
    adapter.limits = limits;
    %s;
}
"""
STATED = "adapter.value_size_min = value_size_min, adapter.make_key = make_key"


@pytest.mark.parametrize(
    "stated, code", [(STATED, CLEAN), ("(void)value_size_min, (void)make_key", DIVERGED)]
)
def test_nothing_is_asked_that_is_outside_of_what_an_engine_takes(
    harness, quick, plugin, stated, code
):
    changed = plugin(f"numbered-{code}", NUMBERED % stated)
    words = ("--runs", 40, "--seed", 1, "--quiet", "--artefacts", harness.folder, "--jobs", 2)
    assert quick("fuzz", "--plugin", changed, *words).returncode == code


@pytest.mark.parametrize("key", ["0x0300", "0x0100"])
def test_the_exercise_takes_a_key_that_the_engine_makes(harness, plugin, key):
    changed = plugin("numbered", NUMBERED % STATED)
    text = f"chip generic sectors=2 sector=128 page=64\nengine changed\n\nstore {key} fill 1 5\n"
    explored = harness.explore(text + "use\nlook\n", "--plugin", changed)
    assert explored.found == [] and explored.judged > 100


# --- answers that no engine gives rightly ---

REFUSES = """
static enum answer changed_store(void *object, const void *key, uint32_t key_size,
                                 const void *value, uint32_t value_size)
{
    (void)object, (void)key, (void)key_size, (void)value, (void)value_size;
    return %s;
}
static enum answer changed_remove(void *object, const void *key, uint32_t key_size)
{
    (void)object, (void)key, (void)key_size;
    return %s;
}
static void change(void) { map.store = changed_store; map.remove = changed_remove; }
"""


@pytest.mark.parametrize(
    "operation, answer, found",
    [
        ("store a 1", "ANSWER_NOT_FOUND", "store: expected ok, or that it is full, too big or"),
        ("store a 1", "ANSWER_FLASH", "got flash error though no call of the flash failed"),
        ("remove a", "ANSWER_DAMAGED", "got damaged though no call of the flash failed"),
    ],
)
def test_a_refusal_that_can_not_be_right_is_found(harness, plugin, operation, answer, found):
    changed = plugin(f"refuses-{answer}", REFUSES % (answer, answer))
    text = f"chip generic sectors=2 sector=128 page=64\nengine changed\n\n{operation}\n"
    explored = harness.explore(text.replace("a 1", "a fill 1 1"), "--plugin", changed)
    assert explored.clauses == {"alive"}
    assert found in explored.found[0].text
    assert harness.replay(explored.found[0].path, "--plugin", changed)[0] == "alive"


@pytest.mark.parametrize("operation, answer", [("store a fill 1 1", "ANSWER_TOO_BIG"),
                                               ("remove a", "ANSWER_NOT_FOUND")])
def test_a_refusal_that_may_be_right_is_believed(harness, plugin, operation, answer):
    changed = plugin(f"refuses-{answer}", REFUSES % (answer, answer))
    text = f"chip generic sectors=2 sector=128 page=64\nengine changed\n\n{operation}\n"
    done = run_plain("explore", harness.write(text), "--plugin", changed, "--jobs", 1)
    assert done.returncode == NOT_JUDGED


# --- a new store ---

# The example's own format is for a blank chip.
RESETS = """
static enum answer changed_reset(void *object, const struct bo_flash *flash,
                                 const struct adapter_settings *settings)
{
    for (uint32_t slot = 0; slot < %d; slot++)
        if (bo_flash_erase(flash, slot * flash->geometry.sector_size)) return ANSWER_FLASH;
    return %s ? slots_format(object, flash, settings) : ANSWER_OK;
}
static void change(void) { adapter.reset = changed_reset; }
"""


@pytest.mark.parametrize(
    "name, erased, formats, clauses",
    [
        ("whole", 2, "true", set()),
        ("one-slot", 1, "false", {"settled", "alive"}),
        ("no-store", 2, "false", {"alive"}),
    ],
)
def test_a_reset_leaves_an_empty_store_of_each_crash_state(
    harness, plugin, name, erased, formats, clauses
):
    changed = plugin(f"resets-{name}", RESETS % (erased, formats))
    explored = explore(harness, changed, "--max", 0, "--no-shrink")
    assert explored.clauses == clauses
    for found in explored.found[:1]:
        assert "\nreset\n" in found.text
        assert harness.replay(found.path, "--plugin", changed)[0] in clauses


def test_a_reset_stands_in_a_scenario_where_the_engine_has_one(harness, plugin, sound):
    text = SCENARIO.format(programs=0) + "reset\nexpect name absent\nstore name \"attic\"\n"
    changed = plugin("resets-whole", RESETS % (2, "true"))
    assert harness.explore(text, "--plugin", changed).found == []
    done = run_plain("explore", harness.write(text), "--plugin", sound, "--jobs", 1)
    assert done.returncode == USAGE
    assert "reset answers unsupported" in done.stderr


# --- files that are no plugins ---


def refused(brownout, harness, plugin):
    done = brownout("run", harness.write(SCENARIO.format(programs=0)), "--plugin", plugin)
    assert done.returncode == USAGE
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert str(plugin) in done.stderr
    return done.stderr


@pytest.mark.parametrize(
    "change, reason",
    [
        ("adapter.version++", "expected adapter version 8, got 9"),
        ("adapter.map = NULL", "lacks store or fetch"),
        ("adapter.kind = 0", "lacks a kind: it must be map, queue or log"),
        ("map.fetch = NULL", "lacks store or fetch"),
        ("adapter.mount = NULL", "lacks object_size, mount or limits"),
        ("adapter.name = NULL", "lacks a name"),
        (
            'static const struct adapter_option one[] = {{.name = "a", .min = 2, .max = 3}, {0}}; '
            "adapter.options = one",
            "lacks a default within the range of each option",
        ),
    ],
)
def test_an_adapter_that_is_not_whole_is_refused(brownout, harness, plugin, change, reason):
    name = re.sub(r"\W+", "-", change)[-40:]
    changed = plugin(name, f"static void change(void) {{ {change}; }}")
    assert reason in refused(brownout, harness, changed)


def test_an_object_without_an_adapter_is_refused(brownout, harness):
    source = harness.write("int nothing;\n", "nothing.c")
    empty = harness.folder / "nothing.so"
    subprocess.run([*compiler(), "-shared", "-fPIC", str(source), "-o", str(empty)], check=True)
    assert "brownout_adapter" in refused(brownout, harness, empty)


def test_a_file_that_is_no_object_is_refused(brownout, harness):
    assert refused(brownout, harness, harness.write("not a shared object", "text.so"))


def test_a_missing_plugin_is_refused(brownout, harness):
    missing = harness.folder / "missing.so"
    assert refused(brownout, harness, missing).count(str(missing)) == 1


FORMATS_AT_MOUNT = """
static enum answer changed_mount(void *object, const struct bo_flash *flash,
                                 const struct adapter_settings *settings)
{
    enum answer answer = slots_mount(object, flash, settings);
    if (answer == ANSWER_OK || torn(object)) return answer;
    return slots_format(object, flash, settings);
}
static void change(void) { adapter.mount = changed_mount; adapter.format = NULL; }
"""


def test_the_first_power_on_is_cut_where_a_scenario_begins_with_it(harness, plugin):
    path = plugin("formats", FORMATS_AT_MOUNT)
    usual = SCENARIO.format(programs=0)
    assert not harness.explore(usual, "--plugin", path).found
    first = usual.replace("engine changed\n\n", "engine changed\n\nmount\n")
    result = harness.explore(first, "--plugin", path)
    assert result.clauses == {"alive"}
    for found in result.found:
        assert harness.replay(found.path, "--plugin", path)[0] == "alive"
