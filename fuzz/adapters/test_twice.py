"""The port that reads everything twice (engines/twice.h): with it in between each engine survives
the class glitch, which none claims alone.

If this finds something where an engine is sound, the harness accuses the innocent; without the
port it must find something, or it went blind.
"""

import pytest
from harness import Harness, shared_object

from tools import engines

# The adapter of an engine with the port at the end of its object.
TWICE = """
#include "engines/twice.h"
#include "fuzz/adapters/adapter_{adapter}.c"
#define BASE adapter_{name}

static size_t twice_at(const struct bo_flash_geometry *geometry, const struct adapter_settings *s)
{{
    return (BASE.object_size(geometry, s) + 15) / 16 * 16;
}}

static size_t twice_size(const struct bo_flash_geometry *geometry, const struct adapter_settings *s)
{{
    return twice_at(geometry, s) + sizeof(struct bo_twice);
}}

static const struct bo_flash *twice_port(void *object, const struct bo_flash *flash,
                                   const struct adapter_settings *s)
{{
    struct bo_twice *twice = (struct bo_twice *)((char *)object + twice_at(&flash->geometry, s));
    bo_twice_init(twice, flash);
    return &twice->flash;
}}

static enum answer mount_twice(void *object, const struct bo_flash *flash,
                               const struct adapter_settings *s)
{{
    return BASE.mount(object, twice_port(object, flash, s), s);
}}

static enum answer format_twice(void *object, const struct bo_flash *flash,
                                const struct adapter_settings *s)
{{
    return BASE.format(object, twice_port(object, flash, s), s);
}}

static enum answer reset_twice(void *object, const struct bo_flash *flash,
                               const struct adapter_settings *s)
{{
    return BASE.reset(object, twice_port(object, flash, s), s);
}}

adapter_entry brownout_adapter;
const struct adapter *brownout_adapter(void)
{{
    static struct adapter adapter;
    adapter = BASE;
    adapter.name = "twice";
    adapter.claims = "glitch";
    adapter.claims_by = NULL;
    adapter.bound = adapter.bound_uncut = NULL;
    adapter.object_size = twice_size;
    adapter.mount = mount_twice;
    if (BASE.format) adapter.format = format_twice;
    if (BASE.reset) adapter.reset = reset_twice;
    return &adapter;
}}
"""

MAP = """store ssid "home"
store boots fill 1 9
store ssid "work"
fetch ssid
remove ssid
mount
store pin fill 3 20
store boots fill 2 9
store boots fill 4 30
look
"""
QUEUE = """push "one"
push fill 1 40
append fill 2 40
peek
pop
push fill 3 40
append fill 4 40
pop 1
mount
append fill 5 40
look
"""
LOG = """append "one"
append fill 1 40
append fill 2 40
sync
read 1
append fill 3 40
mount
append fill 4 60
append fill 5 60
append fill 6 60
look
"""
WRITE_ONCE = "generic sectors=9 sector=128 page=64 unit=4 read=4 programs=1"
SMALL = "generic sectors=4 sector=128 page=128 unit=4"
MORE = SMALL.replace("=4", "=6", 1)
LARGE = SMALL.replace("128", "256")
TRANSACTION = """store a fill 0x11 10
begin
store a fill 0x22 10
store b fill 0x33 3
commit
snapshot 1
remove a
fetch a in 1
scan
begin
store b 0x01
abort
mount
look
"""
# Adapter, engine of tools/engines, options, chip, operations.
ENGINES = {
    "seqmap": ("seqmap", "seqmap", "", SMALL, MAP),
    "seqmap-cached": ("seqmap", "seqmap", "states=1 pointers=1 keys=2", SMALL, MAP),
    "naive": ("naive", "naive", "", SMALL, MAP),
    "lsm": ("lsm", "lsm", "key=4 value=12", WRITE_ONCE, TRANSACTION),
    "tickv": ("tickv", "tickv_map", "", SMALL, MAP),
    "seqqueue": ("seqqueue", "buffered", "", SMALL, QUEUE),
    "seqqueue-buffered": ("seqqueue", "buffered", "buffer=24", SMALL, QUEUE),
    "rlog": ("rlog", "rlog", "", SMALL, LOG),
    "rlog-batch": ("rlog", "rlog", "batch=1 segment=128 ahead=1", LARGE, LOG),
    "rlog_strict": ("rlog", "rlog", "", SMALL, LOG),
    "seqlog": ("seqlog", "seqlog", "find=bisect framing=cobs", SMALL, LOG),
    "seqlog-pointer": ("seqlog", "seqlog", "find=pointer ahead=1", MORE, LOG),
}


@pytest.fixture
def harness(quick, tmp_path):
    return Harness(quick, tmp_path)


def explore(harness, root, title, *options):
    adapter, engine, settings, chip, operations = ENGINES[title]
    sources = [root / "engines" / name for name in (*engines.sources(engine), "twice.c")]
    if adapter.startswith("seq"):
        sources.append(root / "fuzz/adapters/seq_sectors.c")
    text = TWICE.format(adapter=adapter, name=title.split("-")[0])
    plugin = shared_object(harness.folder, "twice", text, "-O1", "-Wl,-Bsymbolic", *sources)
    scenario = f"chip {chip}\nengine twice {settings}\n\n{operations}"
    return harness.explore(scenario, "--plugin", plugin, *options)


@pytest.mark.parametrize("title", ENGINES)
def test_with_every_read_made_twice_an_engine_survives_glitch(harness, root, title):
    result = explore(harness, root, title, "--faults", "glitch")
    assert result.judged > 200 and not result.found


@pytest.mark.parametrize("title", sorted({it.split("-")[0].replace("_", "-") for it in ENGINES}))
def test_without_it_the_engine_does_not(harness, title):
    """Nor does any claim it."""
    _, _, settings, chip, operations = ENGINES[title.replace("-", "_")]
    scenario = f"chip {chip}\nengine {title} {settings}\n\n{operations}"
    assert harness.explore(scenario, "--faults", "glitch", "--max", 1, "--no-shrink").found
