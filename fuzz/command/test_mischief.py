"""Whatever an engine does to its process, a command ends by itself and says what came of it."""

import os

import pytest
from conftest import run_program
from harness import CLEAN, DIVERGED, USAGE, operations, shared_object

# The store of the example, which does one of these in a mount, in a store, or in the first mount
# that finds a torn snapshot; or after its power went off, which no engine lives to see; without a
# place, while it is loaded.
MISCHIEF = ("none", "abort", "exit", "hang", "recurse", "fork", "allocate", "write")
PLACES = ("mount", "store", "torn", "off")
SOURCE = """
#define brownout_adapter example_entry
#include "examples/plugin/two_slots.c"
#undef brownout_adapter
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum kind { NONE, ABORT, EXIT, HANG, RECURSE, FORK, ALLOCATE, WRITE };
static const char *const kinds[] = {KINDS};
static const char *const places[] = {PLACES};
enum place { MOUNT, STORE, TORN, OFF };
static const struct adapter_option options[] = {
    {.name = "kind", .max = WRITE, .summary = "what", .words = kinds},
    {.name = "place", .max = OFF, .summary = "where", .words = places},
    {0}};
static struct adapter adapter;
static struct adapter_map map;

static int recurse(const volatile char *from)
{
    volatile char frame[4096];
    frame[0] = (char)(from[0] + 1);
    return recurse(frame) + frame[0];
}

static void play(void *object, size_t size, uint64_t kind)
{
    volatile int turns = 1;
    if (kind != NONE) fprintf(stderr, "engine.c:%u: here\\n", (unsigned)kind);
    if (kind == ABORT) abort();
    if (kind == EXIT) exit(7);
    if (kind == RECURSE) recurse((const volatile char *)&turns);
    if (kind == FORK && fork() < 0) abort();
    if (kind == WRITE) ((uint8_t *)object)[size] ^= 1;
    while (kind == ALLOCATE && turns) memset(malloc(1u << 20), 1, 1u << 20);
    while (kind == HANG && turns) turns = 1;
}

static void asked(const char *question);

/* After what the example has: the settings. */
static size_t size_of(const struct bo_flash_geometry *geometry,
                      const struct adapter_settings *settings)
{
    asked("object_size");
    return slots_object_size(geometry, settings) + sizeof *settings;
}

static void play_at(void *object, enum place place)
{
    struct adapter_settings settings;
    const struct store *store = object;
    const struct bo_flash_geometry *geometry = &store->flash->geometry;
    size_t size = slots_object_size(geometry, &settings);
    memcpy(&settings, (uint8_t *)object + size, sizeof settings);
    if (settings.values[1] == place) play(object, size + sizeof settings, settings.values[0]);
}

static bool is_torn(struct store *store, uint32_t slot)
{
    uint8_t first;
    bo_flash_read(store->flash, slot * sector_size(store) + 8, &first, 1);
    return first != 0xFF && read_snapshot(store, slot) < 0;
}

static enum answer mount(void *object, const struct bo_flash *flash,
                         const struct adapter_settings *settings)
{
    enum answer answer = slots_mount(object, flash, settings);
    size_t size = slots_object_size(&flash->geometry, settings);
    memcpy((uint8_t *)object + size, settings, sizeof *settings);
    play_at(object, MOUNT);
    if (is_torn(object, 0) || is_torn(object, 1)) play_at(object, TORN);
    return answer;
}

static enum answer store(void *object, const void *key, uint32_t key_size, const void *value,
                         uint32_t value_size)
{
    play_at(object, STORE);
    enum answer answer = slots_store(object, key, key_size, value, value_size);
    if (answer == ANSWER_FLASH) play_at(object, OFF);
    return answer;
}

static void load_it(void)
{
    const char *kind = getenv("MISCHIEF");
    for (size_t i = 0; kind && i < WRITE; i++)
        if (strcmp(kind, kinds[i]) == 0) play(NULL, 0, i);
}

__attribute__((constructor)) static void loaded(void)
{
    if (!getenv("ASKED")) load_it();
}

/* What it is asked about itself: ASKED names the question, MISCHIEF what it does then. */
static void asked(const char *question)
{
    const char *named = getenv("ASKED");
    if (named && strcmp(named, question) == 0) load_it();
}

static const char *asked_refuses(const struct bo_flash_geometry *geometry,
                                 const struct adapter_settings *settings)
{
    asked("refuses");
    return slots_refuses(geometry, settings);
}

static void asked_limits(const struct bo_flash_geometry *geometry,
                         const struct adapter_settings *settings, uint32_t *key_size_min,
                         uint32_t *key_size_max, uint32_t *value_size_max)
{
    asked("limits");
    slots_limits(geometry, settings, key_size_min, key_size_max, value_size_max);
}

static struct adapter_bound asked_bound(const struct bo_flash_geometry *geometry,
                                        const struct adapter_settings *settings,
                                        enum adapter_call call)
{
    (void)geometry, (void)settings, (void)call;
    asked("bound");
    return (struct adapter_bound){0};
}

static const char *asked_claims(const struct bo_flash_geometry *geometry,
                                const struct adapter_settings *settings)
{
    (void)geometry, (void)settings;
    asked("claims");
    return "edge";
}

adapter_entry brownout_adapter;
const struct adapter *brownout_adapter(void)
{
    adapter = two_slots;
    adapter.refuses = asked_refuses;
    adapter.limits = asked_limits;
    adapter.bound = asked_bound;
    adapter.claims_by = asked_claims;
    map = calls;
    map.store = store;
    adapter.name = "naughty";
    adapter.options = options;
    adapter.object_size = size_of;
    adapter.mount = mount;
    adapter.map = &map;
    return &adapter;
}
"""
CHIP = "generic sectors=2 sector=256 page=256 unit=4"
CASE = """chip {}
engine naughty kind={} place={}
store a 0x01
store b 0x02 cut 2 prefix:12
mount
store c 0x03
look
"""


def words(names):
    return ", ".join(f'"{name}"' for name in names)


@pytest.fixture(scope="module")
def plugin(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mischief")
    text = SOURCE.replace("KINDS", words(MISCHIEF)).replace("PLACES", words(PLACES))
    return shared_object(folder, "naughty", text, "-std=gnu11")


@pytest.fixture(scope="module")
def image(brownout, plugin):
    """A dump of the store whose newest snapshot is torn."""
    path = plugin.parent / "torn.bin"
    scenario = plugin.parent / "none.scn"
    scenario.write_text(CASE.format(CHIP, "none", "mount"))
    done = brownout("run", scenario, "--plugin", plugin, "--image", path)
    assert done.returncode == CLEAN and done.stdout.endswith("no divergence\n"), done.stderr
    dump = bytearray(path.read_bytes())
    dump[256 + 12] ^= 0x01
    path.write_bytes(dump)
    return path


def commands(plugin, image, kind, place):
    """Each command, and whether it comes to that place."""
    scenario = plugin.parent / f"{kind}-{place}.case"
    scenario.write_text(CASE.format(CHIP, kind, place))
    work = scenario.with_suffix(".scn")
    work.write_text(scenario.read_text().replace(" cut 2 prefix:12", ""))
    engine = ("--engine", f"naughty kind={kind} place={place}", "--chip", CHIP)
    lives = place != "off"
    yield lives, ("replay", scenario)
    yield lives, ("run", scenario)
    yield lives, ("shrink", scenario, "--shrink-seconds", 0.5 if kind == "allocate" else 0.2)
    yield lives, ("wear", work, "--engine", engine[1], "--cuts", "1/1", "--faults", "prefix")
    yield lives, ("fuzz", "--image", image, scenario)
    yield lives and place != "store", ("inspect", image, *engine)
    if not lives:
        yield False, ("explore", scenario)


# A sanitized command would report the overflow of the stack itself, and not be ended by it.
PLAIN = {**os.environ, "ASAN_OPTIONS": "handle_segv=0:exitcode=86"}


@pytest.fixture(scope="module")
def naughty(brownout, plain, plugin):
    """The command with that plug-in. One that is sanitized has no limit of memory, so the ordinary
    one, which `make test` makes beside it, takes what allocates without end."""
    def run(kind, *arguments, **environment):
        more = ("--plugin", plugin, "--silence", 0.1, "--memory", 24)
        options = {"env": {**PLAIN, **environment}, "cwd": plugin.parent}
        if kind == "allocate":
            return run_program(plain, *arguments, *more, **options)
        return brownout(*arguments, *more, **options)

    return run


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("kind", MISCHIEF)
def test_a_command_ends_with_a_verdict_whatever_the_engine_does(
    naughty, plugin, image, kind, place
):
    for comes, arguments in commands(plugin, image, kind, place):
        done = naughty(kind, *arguments)
        if kind in ("none", "fork") or not comes:
            assert done.returncode == (USAGE if arguments[0] == "shrink" else CLEAN), arguments
            assert "DIVERGENCE" not in done.stdout
        elif arguments[0] == "shrink":
            assert done.returncode == DIVERGED and "\nfound " in done.stdout, done.stderr
            assert kind != "allocate" or len(operations(done.stdout)) <= 1
        else:
            assert done.returncode == DIVERGED, (arguments, done.stdout, done.stderr)
            assert "DIVERGENCE" in "".join(done.stdout.splitlines()[-2:]), arguments
            assert ("sane" if kind != "hang" else "bounded") in done.stdout


@pytest.mark.parametrize("kind", MISCHIEF[1:-1])
def test_what_a_plug_in_does_as_it_is_loaded_ends_no_command(naughty, plugin, image, kind):
    for _, arguments in list(commands(plugin, image, "none", "mount"))[::2]:
        done = naughty(kind, *arguments, MISCHIEF=kind)
        if kind == "fork":
            assert done.returncode == (USAGE if arguments[0] == "shrink" else CLEAN), arguments
            continue
        assert done.returncode == USAGE and done.stdout == "", arguments
        assert f"{plugin}: can't be loaded: " in done.stderr.splitlines()[-1]


# What an engine is asked about itself, and what it does then. The command itself asks the first two
# and is refused an engine that ends it; the others are asked where the engine works.
QUESTIONS = {"refuses": "abort", "claims": "exit", "limits": "hang", "object_size": "recurse"}
QUESTIONS["bound"] = "abort"


@pytest.mark.parametrize("question", QUESTIONS)
def test_an_engine_that_ends_when_it_is_asked_about_itself_ends_no_command(
    naughty, plugin, image, question
):
    kind, refused = QUESTIONS[question], question in ("refuses", "claims")
    everything = [arguments for _, arguments in commands(plugin, image, "none", "mount")]
    scenario, fuzz = everything[0][1], ("fuzz", *everything[-1][2:], "--runs", 1)
    everything += [("explore", scenario), ("wear", scenario.with_suffix(".scn")), fuzz]
    everything += [("list", "engines")] * (question == "claims")
    for arguments in everything:
        words = (*arguments, "--no-shrink") if arguments[0] in ("explore", "fuzz") else arguments
        done = naughty(kind, *words, ASKED=question, MISCHIEF=kind)
        if refused or (arguments == fuzz and question == "limits"):
            assert done.returncode == USAGE, arguments
            assert " asked what it takes: " in done.stderr.splitlines()[-1]
        elif arguments[0] != "inspect" or question == "object_size":
            assert done.returncode == DIVERGED, (arguments, done.stdout, done.stderr)
            assert arguments[0] == "shrink" or "DIVERGENCE" in done.stdout
