"""Several plug-ins at once, several engines in one, and what a compiler counts in them."""

import json
import re
import shutil

import pytest
from harness import CLEAN, DIVERGED, USAGE, Harness, shared_object

# The example under other names: `sound` as it is, `forgetful` with a store that does nothing.
TABLE = """
#define brownout_adapter example_entry
#include "examples/plugin/two_slots.c"
#undef brownout_adapter

#ifdef CHANGES
static int changes;
#endif
static enum answer lazy_store(void *object, const void *key, uint32_t key_size, const void *value,
                              uint32_t value_size)
{
    (void)object, (void)key, (void)key_size, (void)value, (void)value_size;
#ifdef CHANGES /* and what it has to do */
    changes++;
    return slots_store(object, key, key_size, value, value_size);
#endif
    return ANSWER_OK;
}
static const struct adapter_map lazy_calls = {.store = lazy_store, .fetch = slots_fetch};

#define ENGINE(its_name, its_calls)                                                  \\
    {.version = ADAPTER_VERSION, .kind = ADAPTER_MAP, .name = its_name,              \\
     .summary = "for tests", .claims = "edge", .refuses = slots_refuses,             \\
     .object_size = slots_object_size, .limits = slots_limits, .format = slots_format, \\
     .mount = slots_mount, .map = its_calls}
static const struct adapter sound = ENGINE("SOUND", &calls);
static const struct adapter forgetful = ENGINE("FORGETFUL", &lazy_calls);

extern adapter_table brownout_adapters;
const struct adapter *const brownout_adapters[] = {ADAPTERS};
"""
NAMES = ("sound", "forgetful")
SCENARIO = """chip generic sectors=2 sector=128 page=64 unit=4 read=4
engine {engine}

store name "kitchen"
store level 0x0102
look
"""


@pytest.fixture(scope="module")
def harness(brownout, tmp_path_factory):
    return Harness(brownout, tmp_path_factory.mktemp("plugins"))


def compile_table(harness, name, adapters="&sound, &forgetful, 0", names=NAMES, words=(), flags=()):
    """A shared object with some of the engines under these names; its path."""
    text = TABLE.replace("ADAPTERS}", adapters + "}")
    text = text.replace("SOUND", names[0]).replace("FORGETFUL", names[1])
    return shared_object(harness.folder, name, text, "-O1", *flags, words=words)


@pytest.fixture(scope="module")
def table(harness):
    return compile_table(harness, "table")


@pytest.fixture(scope="module")
def other(harness):
    return compile_table(harness, "other", names=("other-sound", "other-forgetful"))


def explore(harness, engine, *plugins, options=()):
    words = [word for plugin in plugins for word in ("--plugin", plugin)]
    return harness.explore(SCENARIO.format(engine=engine), *words, *options)


def refused(brownout, harness, engine, *plugins):
    path = harness.write(SCENARIO.format(engine=engine))
    words = [word for plugin in plugins for word in ("--plugin", plugin)]
    done = brownout("explore", path, "--quiet", *words)
    assert (done.returncode, done.stdout) == (USAGE, "")
    assert done.stderr.count("\n") == 1
    return done.stderr


def test_each_engine_of_a_table_is_there(harness, table):
    assert explore(harness, "sound", table).code == CLEAN
    assert explore(harness, "forgetful", table).code == DIVERGED


def test_engines_of_several_plugins_are_there(harness, table, other):
    assert explore(harness, "other-sound", table, other).code == CLEAN
    found = explore(harness, "forgetful", other, table).found
    assert harness.replay(found[0].path, "--plugin", table, "--plugin", other)[0] == "durable"


def test_one_plugin_of_several_replays_what_it_showed(brownout, harness, table, other):
    """The line that is printed names the one with the engine."""
    path = harness.write(SCENARIO.format(engine="forgetful"))
    done = brownout("explore", path, "--plugin", other, "--plugin", table, "--quiet",
                    "--artefacts", harness.folder)
    line = next(line for line in done.stdout.splitlines() if "replay with" in line)
    assert str(table) in line and str(other) not in line


def test_the_same_plugin_twice_is_there_once(harness, table):
    assert explore(harness, "sound", table, table).code == CLEAN


def test_list_shows_the_engines_of_plugins(brownout, table, other):
    done = brownout("list", "engines", "--json", "--plugin", table, "--plugin", other)
    listed = {engine["name"]: engine["plugin"] for engine in json.loads(done.stdout)}
    assert listed["sound"] == listed["forgetful"] == str(table)
    assert listed["other-sound"] == str(other)
    assert listed["seqmap"] is None
    plain = brownout("list", "engines", "--plugin", table).stdout
    assert f"plugin {table}" in plain


def test_a_plugin_is_listed_in_the_place_of_a_built_in_engine(brownout, harness):
    path = compile_table(harness, "place", adapters="&sound, 0", names=("seqmap", "other"))
    done = brownout("list", "engines", "--json", "--plugin", path)
    listed = [engine["plugin"] for engine in json.loads(done.stdout) if engine["name"] == "seqmap"]
    assert listed == [str(path)]


def test_which_of_several_engines_must_be_named(brownout, harness, table):
    said = refused(brownout, harness, "seqmap", table)
    assert "--engine is missing; the plug-ins hold sound, forgetful" in said


def test_one_name_in_two_plugins_is_refused(brownout, harness, table):
    copy = harness.folder / "copy.so"
    shutil.copy(table, copy)
    assert f"its engine 'sound' is in {table}, too" in refused(
        brownout, harness, "sound", table, copy
    )


@pytest.mark.parametrize(
    "adapters, reason",
    [("0", "brownout_adapters, found none"), ("&sound, " * 40 + "0", "more than 32 adapters")],
)
def test_a_table_without_an_engine_or_an_end_is_refused(brownout, harness, adapters, reason):
    name = f"table-{len(adapters)}"
    assert reason in refused(brownout, harness, "sound", compile_table(harness, name, adapters))


# --- what a compiler counts ---

COUNTING = [
    ("gcc", ("--coverage",)),
    ("clang-14", ("-fsanitize-coverage=inline-8bit-counters",)),
    ("clang-14", ("-fprofile-instr-generate=/dev/null",)),
]


def counting(harness, words, flags, *more):
    if not shutil.which(words):
        pytest.skip(f"no {words} here")
    name = re.sub(r"\W+", "-", f"counts{flags[0]}{''.join(more)}")
    if words.startswith("clang"):
        stubs = "void __sanitizer_cov_8bit_counters_init(void);"
        stubs += "void __sanitizer_cov_8bit_counters_init(void) {}\n"
        stub = harness.write(stubs, "stubs.c")
        more = (*more, str(stub))
    return compile_table(harness, name, words=(words,), flags=(*flags, *more))


@pytest.mark.parametrize("words, flags", COUNTING)
def test_what_a_compiler_counts_is_no_change(harness, words, flags):
    path = counting(harness, words, flags)
    assert explore(harness, "sound", path, options=("--isolate",)).code == CLEAN
    assert explore(harness, "sound", path).code == CLEAN


@pytest.mark.parametrize("words, flags", COUNTING)
def test_what_an_engine_changes_beside_it_is_one(brownout, harness, words, flags):
    path = counting(harness, words, flags, "-DCHANGES")
    reason = refused(brownout, harness, "forgetful", path)
    assert "forgetful: expected no change of its global memory" in reason
