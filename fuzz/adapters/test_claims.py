"""What the engines of the house claim, held against the explorer: every unit, every cache, depth 2.

Small stores, so that few operations come around all sectors; the campaign and the scenarios go
further, with more of everything.
"""

import pytest
from harness import USAGE, Harness, shared_object

from tools import engines

CACHES = {
    "no cache": "",
    "page states": "states=1",
    "page pointers": "pointers=1",
    "key pointers": "keys=1",
    "all caches": "states=1 pointers=1 keys=4",
}
UNITS = [1, 2, 4, 8, 16, 32]


def scenario(unit, programs, sectors, options, removes):
    """Values of two sizes, one lap of the ring and a bit."""
    word = max(8, unit)
    sector = max(64, 6 * word)
    room = sector - 2 * unit - 2 * word
    lines = [
        f"chip generic sectors={sectors} sector={sector} page={sector} unit={unit} read={unit}"
        f" programs={programs} tear=1",
        f"engine seqmap {options}",
        "seed 3",
    ]
    for i in range(sectors + 3):
        lines.append(f"store u8:{i % 2} random {room // (1 + i % 2) - 2}")
    if removes:
        lines += ["remove u8:0", f"store u8:0 random {room // 3}", "remove u8:1"]
    return "\n".join(lines) + "\nlook\n"


@pytest.fixture
def harness(brownout, tmp_path):
    return Harness(brownout, tmp_path)


@pytest.fixture
def deep(quick, tmp_path):
    return Harness(quick, tmp_path)


# Prefixes are as many as bytes: they are cut at depth 1, the rest at depth 2.
DEEP = ["--faults", "edge,bits", "--depth", "2", "--reach", "1"]
FEW = ["--bits", "3", "--masks", "2", "--prefixes", "3"]


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("programs", [1, 2, 0])
def test_seqmap_shows_no_divergence_with_any_unit_and_limit_of_programs(
    harness, deep, unit, programs
):
    turn = UNITS.index(unit) + programs
    options = f"key={turn % 2} {list(CACHES.values())[turn % len(CACHES)]}"
    text = scenario(unit, programs, 2 + unit % 3, options, removes=programs != 1)
    for result in (harness.explore(text, "--depth", 1), deep.explore(text, *DEEP, *FEW)):
        assert result.judged > 500 and not result.found


@pytest.mark.parametrize("cache", CACHES)
def test_seqmap_shows_no_divergence_with_any_cache(deep, cache):
    result = deep.explore(scenario(4, 0, 3, "key=1 " + CACHES[cache], removes=True), *DEEP, *FEW)
    assert result.judged > 1000 and not result.found


def sorted_map(unit, mode):
    """A transaction or two and a removal, on a write-once part; in a log, if there is one."""
    sector = 128 if unit < 8 else 256
    sectors = 12 if mode == "staging" else 9
    part = f"generic sectors={sectors} sector={sector} page=64"
    return f"""chip {part} unit={unit} read={unit} programs=1
engine lsm key=4 value=12 mode={mode}
seed {unit}
store a fill 0x11 10
store b fill 0x00 3
remove a
store b fill 0x33 {unit % 12}
"""


UNITS_OF_MODES = [(unit, "compatible") for unit in (1, 8, 32)] + [(8, "staging"), (32, "staging")]


@pytest.mark.parametrize("unit, mode", UNITS_OF_MODES)
def test_lsm_shows_no_divergence_with_any_unit(deep, unit, mode):
    result = deep.explore(sorted_map(unit, mode), *DEEP, *FEW)
    assert result.judged > 500 and not result.found


@pytest.mark.parametrize("unit", (8, 16, 32))
def test_lsm_without_checksums_shows_no_divergence_with_any_prefix(harness, unit):
    text = sorted_map(unit, "compatible").replace("engine lsm", "engine lsm crc=0")
    text = text.replace("sectors=9", "sectors=16")
    result = harness.explore(text, "--depth", 1, "--faults", "edge,prefix", "--prefixes", 0)
    assert result.judged > 100 and not result.found


@pytest.mark.parametrize("align, reason", [("two", "align is less than the unit"), ("four", "")])
def test_lsm_refuses_an_alignment_below_the_unit(harness, align, reason):
    text = sorted_map(4, "compatible").replace("engine lsm", f"engine lsm align={align} chunk=64")
    done = harness.brownout("run", harness.write(text))
    assert done.returncode == (USAGE if reason else 0) and reason in done.stderr


SMALLEST_LSM = """#include "fuzz/adapters/adapter_lsm.c"
adapter_entry brownout_adapter;
const struct adapter *brownout_adapter(void)
{
    static struct adapter smallest;
    smallest = adapter_lsm;
    smallest.name = "smallest";
    return &smallest;
}
"""


def test_the_smallest_lsm_shows_no_divergence(deep, root):
    sources = [root / "engines" / name for name in engines.sources("lsm")]
    flags = ["-O1", "-DBO_CHECKS", "-Wl,-Bsymbolic", *engines.LSM_SMALLEST, *sources]
    plugin = shared_object(deep.folder, "smallest", SMALLEST_LSM, *flags)
    text = sorted_map(4, "compatible").replace("engine lsm", "engine smallest")
    result = deep.explore(text, "--plugin", plugin, *DEEP, *FEW)
    assert result.judged > 500 and not result.found


# A log that says nothing of what it costs to work ahead.
SILENT = """#include "fuzz/adapters/adapter_{engine}.c"
adapter_entry brownout_adapter;
const struct adapter *brownout_adapter(void)
{{
    static struct adapter silent;
    silent = adapter_{engine};
    silent.name = "silent";
    silent.widened = ADAPTER_TAIL_OPEN | ADAPTER_FORMAT_MAY_STOP;
    silent.widened_by = NULL;
    silent.widened_why = "to be caught";
    return &silent;
}}
"""
# Large sectors: the rounds lie in the second half of one.
AHEAD = "chip generic sectors=4 sector=4096 page=256 unit=4 programs=1\n"


@pytest.mark.parametrize(
    "engine, option, clause",
    [("seqlog", "ahead=1", "alive"), ("seqlog", "ahead=0", None), ("rlog", "ahead=0", "alive")],
)
def test_power_ons_that_wear_a_sector_are_found_unless_they_are_stated(
    deep, root, engine, option, clause
):
    """rlog believes no erase from before a power-on where programs are limited."""
    sources = [root / "engines" / name for name in engines.sources(engine)]
    source = SILENT.format(engine=engine)
    plugin = shared_object(deep.folder, "silent", source, "-O1", "-Wl,-Bsymbolic", *sources)
    text = f"{AHEAD}engine silent {option}\nappend fill 2 3\n"
    words = ("--plugin", plugin, "--faults", "edge", "--no-use")
    found = deep.explore(text, *words).found
    assert [each.clause for each in found] == [clause] * (clause is not None)
    assert all("found alive worn mount none" in each.text for each in found)
    assert not deep.explore(text.replace("silent", engine), *words[2:]).found


# A log whose format leaves in RAM what no power-on would.
STALE = """#include "fuzz/adapters/adapter_seqlog.c"
adapter_entry brownout_adapter;
static enum answer stale_reset(void *memory, const struct bo_flash *flash,
                               const struct adapter_settings *s)
{
    enum answer answer = reset(memory, flash, s);
    ((struct object *)memory)->log.seed ^= 1;
    return answer;
}
const struct adapter *brownout_adapter(void)
{
    static struct adapter stale;
    stale = adapter_seqlog;
    stale.name = "stale";
    stale.promised = PROMISED;
    stale.reset = stale_reset;
    return &stale;
}
"""


@pytest.mark.parametrize("promised, found", [("ADAPTER_RESET_MOUNTS", True), ("0", False)])
def test_where_a_format_leaves_the_engine_mounted_no_mount_follows(deep, root, promised, found):
    sources = [root / "engines" / name for name in engines.sources("seqlog")]
    flags = ("-O1", "-Wl,-Bsymbolic", f"-DPROMISED={promised}", *sources)
    plugin = shared_object(deep.folder, f"stale-{promised}", STALE, *flags)
    text = f"{AHEAD}engine stale\nappend fill 2 3\nformat\nappend fill 3 3\nmount\n"
    result = deep.explore(text, "--plugin", plugin, "--faults", "edge", "--no-use")
    assert {each.clause for each in result.found} == ({"durable"} if found else set())


def objects(unit):
    """Values that are replaced until what is live has to move, and a removal."""
    stores = "".join(f"store {'ab'[i % 2]} fill {i} {40 + i}\n" for i in range(4))
    return f"""chip generic sectors=3 sector=128 page=64 unit={unit} read={unit}
engine tickv work=16
{stores}remove a
destroy b
"""


@pytest.mark.parametrize("unit", [1, 8])
def test_tickv_shows_no_divergence_with_any_unit(deep, unit):
    result = deep.explore(objects(unit), *DEEP, *FEW)
    assert result.judged > 500 and not result.found


def test_naive_reports_missing_what_rots(harness):
    text = scenario(1, 0, 4, "", removes=True)
    result = harness.explore(text, "--engine", "naive", "--faults", "rot", "--masks", "200")
    assert result.judged > 1000 and not result.found


def test_an_erase_cut_early_brings_back_what_naive_reported_missing(harness):
    """Why naive does not claim rot: the erase sets the bit again that had rotted, and no other."""
    text = "chip generic sectors=2 sector=384 page=128 unit=8 tear=0\nengine naive\n\n"
    text += f"store {31 * 'b'} fill 0xff 212\nrot 1 seed 171\nmount\n"
    text += f"store {31 * 'b'} empty cut 1 lift-only:{{}}\nmount\n"
    assert harness.replay(text.format(197))[0] == "honest"
    assert not harness.replay(text.format(196))[0]


def test_a_value_that_is_stored_again_in_its_place_may_rot_too(harness):
    """The sector is erased and programmed as it was: it is hit, though it did not change."""
    text = "chip generic sectors=2 sector=64 page=64\nengine naive\n\n" + 3 * "store a fill 0 45\n"
    result = harness.explore(text, "--faults", "rot", "--masks", "40", "--depth", 1)
    assert result.judged > 100 and not result.found


@pytest.mark.parametrize("fault", ["weak", "ecc", "rot"])
def test_what_seqmap_does_not_claim_it_does_not_survive(harness, root, fault):
    """If this finds nothing any more, the explorer went blind, or seqmap may claim more."""
    assert harness.explore(root / "scenarios" / "boot-counter.scn", "--faults", fault).found


# Where an engine claims less than on other parts, it is not tried under the rest unless that is
# asked for; where it claims a class on no part, it is, and the result says so.
LIMITED = """chip generic sectors=2 sector=128 page=64 programs=1
engine seqmap
repeat 4 as i {
  store name fill i 30
  store other fill i 20
}
"""


def test_a_class_that_is_claimed_on_other_parts_only_is_not_tried(harness):
    path = harness.write(LIMITED)
    said = harness.brownout("explore", path, "--depth", 1).stdout
    assert "faults edge,prefix,zeros, depth 1" in said and "  no divergence" in said
    assert "not tried, as seqmap claims to survive it on other parts only: bits" in said
    said = harness.brownout("explore", path, "--faults", "edge,bits", "--no-shrink").stdout
    assert "does not claim to survive it on this part: bits" in said
    assert "mount: expected ok, got damaged" in said


ONE_SECTOR = """chip generic sectors=1 sector=64 page=64 unit=2 programs=1
engine seqqueue
push empty
push 0xffff
append fill 1 40
push empty
"""


def test_bits_are_not_claimed_by_a_queue_on_a_single_sector_that_limits_programs(harness):
    path = harness.write(ONE_SECTOR)
    assert "faults edge,prefix,zeros" in harness.brownout("explore", path).stdout
    found = harness.explore(ONE_SECTOR, "--faults", "bits", "--masks", 64, "--bits", 256).found
    assert [it.clause for it in found] == ["lawful"]


def test_fuzz_accuses_no_engine_of_what_it_claims_on_other_parts_only(harness):
    chip = ["--chip", "generic sectors=2 sector=128 page=64 programs=1"]
    fuzz = ["fuzz", "--engine", "seqmap", *chip, "--runs", 16, "--no-shrink"]
    assert "no divergence" in harness.brownout(*fuzz).stdout
    said = harness.brownout(*fuzz, "--faults", "edge,bits").stdout
    assert "mount: expected ok, got damaged" in said


def test_a_class_that_an_engine_never_claims_is_tried_and_named(harness):
    text = LIMITED.replace("generic sectors=2 sector=128 page=64 programs=1", "stm32l476 sectors=3")
    path = harness.write(text)
    said = harness.brownout("explore", path, "--max", 1, "--no-shrink").stdout
    assert "does not claim to survive it on this part: ecc" in said and "DIVERGENCE" in said
    said = harness.brownout("explore", path, "--faults", "claimed").stdout
    assert "faults edge,prefix,bits,zeros,fail, depth 1" in said and "  no divergence" in said


# The adapter has stand-ins for what is left out.
SMALLEST = """#include "engines/ringlog/rlog.h"
static int rlog_prepare(struct rlog *log) { return rlog_sync(log); }
static int rlog_seek(struct rlog *log, uint64_t time, uint64_t *number)
{
    (void)log, (void)time;
    *number = 0;
    return BO_FLASH_OK;
}
#include "fuzz/adapters/adapter_rlog.c"
adapter_entry brownout_adapter;
const struct adapter *brownout_adapter(void)
{
    static struct adapter smallest;
    static struct adapter_list calls;
    calls = *adapter_rlog_strict.list;
    calls.seek_sectors = 0; /* it is a stand-in */
    smallest = adapter_rlog_strict;
    smallest.list = &calls;
    smallest.name = "smallest";
    return &smallest;
}
"""


def test_the_smallest_rlog_survives_what_the_strict_profile_claims(harness, root):
    sources = [root / "engines" / name for name in engines.sources("rlog")]
    flags = ["-O2", "-DBO_CHECKS", "-Wl,-Bsymbolic", *engines.RLOG_SMALLEST, *sources]
    plugin = shared_object(harness.folder, "smallest", SMALLEST, *flags)
    words = ["--engine", "smallest", "--plugin", plugin, "--faults", "edge,prefix,bits,zeros,weak"]
    for name in ("three-sector-log", "black-box-strict"):
        few = ["--bits", "3", "--masks", "1", "--prefixes", "2"]
        result = harness.explore(root / "scenarios" / f"{name}.scn", *words, *few)
        assert result.judged > 1000 and not result.found


TICKV = """chip generic sectors=2 sector=256 page=128 unit=8 read=8 tear=0
engine tickv {options}

repeat 3 {{
  store u8:254 count 23
  remove u8:254
}}
store u8:254 empty
store u8:255 fill 0x69 36
remove u8:255
remove u8:254
store u8:254 fill 0x6c 100
store u8:255 fill 0x00 64
look
"""


@pytest.mark.parametrize("options", ["", "calls=hashes", "calls=append", "calls=append hash=tock"])
def test_tickv_keeps_the_contract_by_whichever_calls(harness, options):
    """After a cut of the last store those of the crate have no room for it, and can't make any."""
    explored = harness.explore(TICKV.format(options=options), "--faults", "edge,prefix")
    assert explored.found == [] and explored.judged > 300


SMALL = "sector=64 page=64"
REFUSED = [
    ("naive", f"{SMALL} erased=0", "erased bytes are 0xff"),
    ("seqmap", f"sectors=1 {SMALL}", "at least 2 sectors"),
    ("seqqueue", f"{SMALL} erased=0", "erased bytes are 0xff"),
    ("seqqueue buffer=200", f"sectors=3 {SMALL}", "a buffer that does not fill all sectors"),
    ("rlog", f"sectors=2 {SMALL}", "at least 3 sectors"),
    ("seqlog find=fine", f"sectors=4 {SMALL} programs=1", "as many programs of a unit as it has"),
    ("seqlog", f"{SMALL} erased=0", "erased bytes are 0xff"),
]


@pytest.mark.parametrize("engine, chip, reason", REFUSED)
def test_a_chip_that_an_engine_can_not_use_is_refused_with_the_reason(
    brownout, harness, engine, chip, reason
):
    path = harness.write(f"chip generic {chip}\nengine {engine}\nlook\n")
    refused = brownout("run", path)
    assert refused.returncode == USAGE and reason in refused.stderr
