"""Engines with a port of engines/ between them and the flash, and what to try on each."""

from harness import shared_object

from tools import engines

# The adapter of an engine with the port at the end of its object.
BETWEEN = """
#include "engines/{port}.h"
#include "fuzz/adapters/adapter_{adapter}.c"
#define BASE adapter_{name}

static size_t port_at(const struct bo_flash_geometry *geometry, const struct adapter_settings *s)
{{
    return (BASE.object_size(geometry, s) + 15) / 16 * 16;
}}

static size_t port_size(const struct bo_flash_geometry *geometry, const struct adapter_settings *s)
{{
    return port_at(geometry, s) + sizeof(struct bo_{port});
}}

static const struct bo_flash *port_of(void *object, const struct bo_flash *flash,
                                   const struct adapter_settings *s)
{{
    struct bo_{port} *port = (struct bo_{port} *)((char *)object + port_at(&flash->geometry, s));
    bo_{port}_init(port, flash);
    return &port->flash;
}}

static enum answer port_mount(void *object, const struct bo_flash *flash,
                               const struct adapter_settings *s)
{{
    return BASE.mount(object, port_of(object, flash, s), s);
}}

static enum answer port_format(void *object, const struct bo_flash *flash,
                                const struct adapter_settings *s)
{{
    return BASE.format(object, port_of(object, flash, s), s);
}}

static enum answer port_reset(void *object, const struct bo_flash *flash,
                               const struct adapter_settings *s)
{{
    return BASE.reset(object, port_of(object, flash, s), s);
}}

adapter_entry brownout_adapter;
const struct adapter *brownout_adapter(void)
{{
    static struct adapter adapter;
    adapter = BASE;
    adapter.name = "{port}";
    adapter.claims = "{claims}";
    adapter.claims_by = NULL;
    adapter.bound = adapter.bound_uncut = NULL;
    adapter.object_size = port_size;
    adapter.mount = port_mount;
    if (BASE.format) adapter.format = port_format;
    if (BASE.reset) adapter.reset = port_reset;
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


def explore(harness, root, port, claims, title, *options):
    """Explores one of ENGINES with the port in between."""
    adapter, engine, settings, chip, operations = ENGINES[title]
    sources = [root / "engines" / name for name in (*engines.sources(engine), f"{port}.c")]
    if adapter.startswith("seq"):
        sources.append(root / "fuzz/adapters/seq_sectors.c")
    name = title.split("-")[0]
    text = BETWEEN.format(adapter=adapter, name=name, port=port, claims=claims)
    plugin = shared_object(harness.folder, port, text, "-O1", "-Wl,-Bsymbolic", *sources)
    scenario = f"chip {chip}\nengine {port} {settings}\n\n{operations}"
    return harness.explore(scenario, "--plugin", plugin, *options)


def explore_alone(harness, title, *options):
    """The same without the port: the engine as the command has it."""
    _, _, settings, chip, operations = ENGINES[title]
    engine = title.split("-")[0].replace("_", "-")
    return harness.explore(f"chip {chip}\nengine {engine} {settings}\n\n{operations}", *options)


def alone():
    """One of ENGINES for each engine."""
    return sorted({title.split("-")[0] for title in ENGINES})
