"""mutants_trials - by which runs of the command the mutants of each engine are judged: data.

Those that notice most in the least time stand first. Together those of an engine take less than
10 s of CPU of `explore` and 10 s of `fuzz` on an engine that is right, on a machine of 2020. What
gives no wrong answer and costs more is noticed by `run` and `wear`, by who compares two builds.

The chips are tiny, so that a sector is full after a few operations and turns come often; values are
zeros, 0xff or bytes, of all sizes up to those that fill a sector exactly and beyond.
"""

import random
import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent


class Trial(NamedTuple):
    """`options` of the engine; `chip` as in a scenario; `seed` and `count` of random operations, or
    a shipped scenario or case; `flags` of explore. `glitches`: in two operations of three a read
    answers an error, in one of them two do in a row, which no engine says that it does not survive,
    unlike wrong bytes. `formats`: some operations make the store anew. `engine`: two engines on one
    flash, {0} being the name of the adapter, {0} alone the engine as it is and new:{0} the mutant;
    or one of peers/cross, which finds the mutant under its name."""

    options: str
    chip: str
    seed: int
    count: int
    flags: tuple = ()
    shipped: str = ""
    glitches: bool = False
    formats: bool = False
    engine: str = ""

    def __str__(self):
        what = self.shipped or f"{self.count} operations of seed {self.seed} on {self.chip}"
        what += ", with read errors" * self.glitches + ", with formats" * self.formats
        what += f", on {self.engine}" * bool(self.engine)
        return " ".join(filter(None, ("explore", what, self.options, *self.flags)))


class Run(NamedTuple):
    """Random operations without a cut, on a large ring: what each call costs, against its bound
    and, as of Costs, against the engine as it is. `formats`: some of them make the store anew."""

    options: str
    chip: str
    seed: int
    count: int
    formats: bool = False
    shipped: str = ""

    def __str__(self):
        what = f"run {self.count} operations of seed {self.seed} on {self.chip} {self.options}"
        return what + ", with formats" * self.formats


class Fuzz(NamedTuple):
    """`runs` random scenarios; the fuzzer chooses options and chips by itself, but for these. Of
    the damaged images among them each answer is compared with that of the engine as it is."""

    options: str
    runs: int
    seed: int
    chip: str = ""
    flags: tuple = ()

    def __str__(self):
        words = ("fuzz", f"{self.runs} runs", self.options, self.chip, *self.flags)
        return " ".join(filter(None, words))


class Costs(NamedTuple):
    """A shipped scenario, or random operations, without cuts, by `run`. Noticed is what takes more
    flash calls or bytes than the engine as it is: who compares two builds sees that."""

    options: str
    shipped: str
    chip: str = ""
    seed: int = 0
    count: int = 0

    def __str__(self):
        what = self.shipped or f"{self.count} operations of seed {self.seed} on {self.chip}"
        return " ".join(filter(None, ("run for its costs", what, self.options)))


class Bounds(NamedTuple):
    """Random operations without cuts, by `run`. Noticed is a call for which the engine states
    another bound than the engine as it is: `run` prints them beside the worst call it saw."""

    options: str
    chip: str
    seed: int
    count: int
    shipped: str = ""

    def __str__(self):
        what = f"{self.count} operations of seed {self.seed} on {self.chip}"
        return f"run for its bounds {what} {self.options}"


class Wear(NamedTuple):
    """The same with power cuts in one operation of `cuts`, by `wear`. What a call does moves the
    cuts after it, so only what takes a good deal more is noticed."""

    options: str
    shipped: str
    cuts: int = 4

    def __str__(self):
        return f"wear {self.shipped} {self.options} --cuts 1/{self.cuts}"


def glitches(options, chip, seed, count):
    return Trial(options, chip, seed, count, ("--faults", "edge"), glitches=True)


def formats(options, chip, seed, count, flags=()):
    return Trial(options, chip, seed, count, flags, formats=True)


def update(options, chip, seed, count):
    """The mutant writes first, and each other power-on is that of the engine as it is."""
    return Trial(options, chip, seed, count, engine="new:{0}+{0}")


def rollback(options, chip, seed, count):
    """The engine as it is writes first. Some operations make the store anew."""
    return Trial(options, chip, seed, count, formats=True, engine="{0}+new:{0}")


def crossed(pair, chip, seed, count):
    """The mutant is cut. After its next change the crate's algorithm reads the same."""
    return Trial("", chip, seed, count, engine=f"{pair} reader=both")


def images(options, seed, chip="", runs=300):
    """Thousands of damaged images: the scenarios between them are hardly cut."""
    return Fuzz(options, runs, seed, chip, ("--faults", "edge", "--no-use"))


def chip(sectors, sector, unit=1, more="", page=0):
    page = f"page={page or sector}"
    return f"generic sectors={sectors} sector={sector} {page} unit={unit} {more}".strip()


def cases(engine, flags=(), without="/"):
    """Trials of the kept cases of an engine: cuts are tried around those that a case has, in states
    that no small depth reaches. `without` those whose name has this."""
    for path in sorted((ROOT / "scenarios/cases").glob("*.case")):
        words = next(line for line in path.read_text().split("\n") if line.startswith("engine "))
        if words.split()[1] == engine and without not in path.name:
            yield Trial(" ".join(words.split()[2:]), "", 0, 0, flags, f"cases/{path.name}")


ONCE = "programs=1"
PAIRS = tuple("--depth 2 --reach 2 --bits 2 --masks 1 --prefixes 2".split())
DEEP = tuple("--depth 2 --reach 0 --bits 2 --masks 1 --prefixes 2".split())
FEW_PAIRS = tuple("--depth 2 --reach 1 --bits 1 --masks 1 --prefixes 1".split())
WEAK = ("--faults", "edge,prefix,bits,zeros,weak,ecc")
ROT = ("--faults", "edge,rot")
ECC = ("--faults", "edge,ecc")
FAIL = ("--faults", "fail")
CACHED = "states=1 pointers=1"

MAP = (
    Trial("", chip(3, 64, 4), 1, 24),
    Trial(f"{CACHED} keys=3", chip(3, 64), 3, 30),
    Trial("", chip(3, 64, 8, ONCE), 4, 30),
    Trial("key=1 pointers=1 keys=1", chip(4, 64), 8, 60),
    Trial("", chip(3, 128, 4), 2, 40),
    Trial("", chip(4, 256, 16), 9, 60),
    update("pointers=1", chip(3, 64, 4), 1, 24),
    Trial("", chip(3, 64, 4), 41, 40, FAIL),
    Trial(f"{CACHED} keys=3", chip(3, 128), 42, 50, FAIL),
    glitches("", chip(3, 64, 4), 51, 60),
    glitches(f"{CACHED} keys=3", chip(3, 128, 4), 52, 60),
    Trial("", chip(2, 64, 2), 6, 14, DEEP),
    Trial(f"{CACHED} keys=8", chip(2, 64), 10, 10, DEEP),
    Trial("", "", 0, 0, (), "exactly-full"),
    Trial("", "", 0, 0, (), "long-keys"),
    Trial(CACHED, "", 0, 0, (), "remove-heavy"),
    Trial("work=20", chip(3, 64), 11, 40),
    Trial("key=1 work=3 pointers=1", chip(3, 128, 8), 12, 40),
    Trial("", chip(3, 64, 4), 7, 11, PAIRS),
    Trial("", "", 0, 0, (), "tiny-map-limited"),
    Trial("", "", 0, 0, DEEP, "tiny-map"),
    Trial("", "", 0, 0, DEEP, "tiny-map-4"),
    *cases("seqmap"),
    *cases("original", (), "marker"),
    *cases("seqmap", PAIRS),
    Fuzz("", 16, 1, chip(3, 64, 4)),
    Fuzz("", 16, 2, chip(4, 128)),
    Fuzz("", 60, 3),
    Fuzz("pointers=1 keys=2", 20, 4, chip(2, 128)),
    Costs("", "settings-store"),
    Costs("states=1 pointers=1 keys=4", "settings-store"),
    Costs("pointers=1 keys=1", "remove-heavy"),
    Costs("pointers=1", "boot-counter"),
    Costs("", "nearly-full"),
    Costs("", "header-left"),
    Costs("key=1", "tiny-map-4"),
    Costs("pointers=1", "factory-reset"),
    images("", 91),
    images("", 92, chip(3, 64)),
    images("pointers=1 keys=2", 93, chip(4, 128, 4)),
)
NAIVE = (
    Trial("", chip(2, 64), 1, 24),
    Trial("", chip(3, 64, 4), 2, 40),
    update("", chip(3, 64), 3, 24),
    Trial("", chip(3, 128, 8, ONCE), 3, 40),
    Trial("", chip(3, 64), 7, 40, ROT),
    Trial("", chip(3, 64), 8, 40, ECC),
    Trial("work=64", chip(3, 128), 9, 40),
    Trial("", chip(3, 64, 4), 41, 40, FAIL),
    glitches("", chip(3, 64, 4), 51, 60),
    Trial("", chip(4, 64, 16), 6, 40),
    Trial("", chip(2, 64), 4, 16, DEEP),
    Trial("", chip(3, 64), 5, 16, PAIRS),
    Trial("", "", 0, 0, (), "settings-store"),
    Trial("", "", 0, 0, (), "factory-reset"),
    Trial("", chip(4, 128, 4), 10, 80),
    Fuzz("", 60, 1),
    Fuzz("", 60, 2),
    Fuzz("", 40, 3, chip(2, 64)),
    Costs("", "settings-store"),
    images("", 91),
)
QUEUE = (
    Trial("", chip(3, 64, 4), 1, 30),
    formats("buffer=16", chip(4, 64), 64, 40),
    Trial(CACHED, chip(3, 64), 3, 40),
    Trial("buffer=16", chip(4, 64), 5, 40),
    Trial("", chip(3, 64, 8, ONCE), 4, 30),
    Trial("", chip(1, 64), 6, 30),
    update("", chip(3, 64, 4), 1, 24),
    rollback("", chip(3, 64), 3, 50),
    crossed("cross-queue pair=seqqueue-original", chip(3, 64), 6, 60),
    crossed("cross-queue pair=seqqueue-original", chip(3, 64, 4), 1, 60),
    Trial("", chip(3, 128, 4), 2, 50),
    Trial(CACHED, chip(3, 64, 4), 41, 50, FAIL),
    Trial("", chip(4, 128), 42, 60, FAIL),
    glitches(CACHED, chip(3, 64, 4), 51, 60),
    glitches("", chip(3, 64, 4), 111, 60),
    Trial("buffer=40", chip(8, 128, 4), 10, 50),
    Trial("", chip(4, 256, 16), 11, 60),
    Trial("", "", 0, 0, (), "out-of-order-pops"),
    Trial("states=1", "", 0, 0, (), "exactly-full-queue"),
    Trial("buffer=600", chip(8, 1024), 13, 40),
    Trial("work=1", chip(3, 64), 14, 40),
    Trial("work=3 pointers=1", chip(3, 128, 4), 15, 40),
    Trial("", chip(2, 64, 4), 7, 18, DEEP),
    Trial("", chip(3, 64, 4), 8, 17, PAIRS),
    Trial(CACHED, chip(2, 64, 2), 9, 15, DEEP),
    Trial("", chip(1, 128), 12, 16, DEEP),
    Trial("", "", 0, 0, (), "tiny-queue-limited"),
    Trial("", "", 0, 0, DEEP, "tiny-queue"),
    *cases("seqqueue"),
    *cases("original-queue"),
    *cases("seqqueue", PAIRS),
    *cases("original-queue", PAIRS),
    Fuzz("", 16, 1, chip(3, 64, 4)),
    Fuzz("", 16, 2, chip(4, 128)),
    Fuzz("", 16, 3, chip(1, 128, 8)),
    Fuzz("", 70, 4),
    Fuzz("buffer=24", 24, 5, chip(8, 64)),
    Fuzz("pointers=1 work=2", 30, 6, chip(3, 64)),
    Run("", chip(8, 128), 71, 2000),
    Wear("", "out-of-order-pops", 1),
    Costs("", "message-cache"),
    Costs("states=1 pointers=1", "message-cache-overwrite"),
    Costs("buffer=100", "message-cache"),
    Costs("pointers=1", "out-of-order-pops"),
    Costs("", "cases/queue-two-heads.case"),
    images("", 91),
    images("", 92, chip(3, 64)),
)
LOG = (
    Trial("", chip(3, 128), 1, 40),
    Run("", chip(64, 64), 31, 3000),
    Run("segment=64", chip(64, 256), 32, 4000),
    Run("batch=1 ahead=1 segment=128", chip(128, 256, 4), 33, 6000),
    Run("", chip(16, 256), 34, 3000),
    Run("segment=64", chip(8, 256), 35, 2000, True),
    formats("", chip(4, 128), 63, 40, FAIL),
    Trial("batch=1", chip(3, 128), 12, 50),
    update("segment=64", chip(3, 128), 1, 30),
    Trial("", chip(4, 128), 41, 50, FAIL),
    Trial("batch=1 segment=64", chip(4, 128), 42, 60, FAIL),
    Trial("ahead=1", chip(4, 128), 43, 60, FAIL),
    glitches("batch=1", chip(4, 128), 51, 60),
    glitches("ahead=1 segment=64", chip(4, 128), 52, 60),
    Trial("ahead=1", chip(4, 128, 4), 3, 50),
    Trial("batch=1 ahead=1 segment=64", chip(4, 256), 5, 60),
    Trial("segment=64", chip(3, 128), 4, 50),
    Trial("", chip(3, 128, 8, ONCE), 6, 50),
    Trial("", chip(3, 128), 10, 40, ECC),
    Trial("segment=64", chip(8, 128), 11, 90),
    Trial("", "", 0, 0, (), "three-sector-log"),
    Trial("batch=1", chip(3, 128), 8, 24, PAIRS),
    Trial("", chip(3, 128), 7, 16, PAIRS),
    Trial("ahead=1 segment=64", chip(4, 128), 9, 16, PAIRS),
    Trial("segment=64", chip(6, 2048), 14, 3),
    Trial("segment=64", chip(12, 128), 15, 60, ("--faults", "edge,ecc")),
    Trial("batch=1 ahead=1 segment=128", chip(10, 256, 4, page=32), 17, 50),
    Trial("", "", 0, 0, (), "exactly-full-log"),
    Trial("", "", 0, 0, (), "tiny-log"),
    Costs("", "boot-loop-append"),
    Fuzz("batch=0 ahead=0", 12, 3, chip(4, 128)),
    Fuzz("batch=1", 12, 2, chip(6, 256, 4)),
    Fuzz("", 12, 5),
    Bounds("segment=64", chip(8, 256), 94, 300),
    images("", 91),
    images("segment=64", 92, chip(8, 128)),
)
STRICT = (
    Trial("", chip(3, 128), 21, 40, WEAK),
    Run("", chip(64, 64), 31, 3000),
    Run("segment=64", chip(64, 256), 32, 4000),
    Trial("batch=1", chip(3, 128), 22, 40, WEAK),
    Trial("ahead=1 segment=64", chip(4, 128), 23, 40, WEAK),
    update("", chip(3, 128), 1, 30),
    Trial("", chip(3, 128), 24, 24, PAIRS),
    Trial("", chip(4, 128), 41, 50, FAIL),
    Fuzz("", 12, 3, chip(4, 128)),
    Fuzz("", 4, 4),
    images("", 91),
)
SEQLOG = (
    Trial("find=scan", chip(3, 64), 1, 40),
    Run("find=scan", chip(40, 64), 21, 2000),
    update("find=scan", chip(4, 64), 1, 30),
    Run("find=bisect framing=cobs", chip(128, 64), 22, 4000),
    Run("find=coarse ahead=1", chip(128, 64), 23, 4000),
    Run("find=fine", chip(128, 64), 24, 4000),
    Run("find=fine span=7", chip(200, 64), 25, 4000),
    Trial("find=scan", chip(4, 128), 41, 50, FAIL),
    Trial("find=pointer framing=cobs", chip(6, 64), 42, 60, FAIL),
    Trial("find=fine ahead=1", chip(6, 64), 43, 60, FAIL),
    glitches("find=scan work=64", chip(4, 128), 201, 60),
    glitches("find=bisect work=64 framing=cobs", chip(5, 128), 107, 60),
    Run("find=twolevel", chip(128, 64), 26, 4000),
    Run("find=twolevel span=3", chip(200, 64), 27, 4000),
    Run("find=pointer", chip(200, 64), 28, 4000),
    Run("find=pointer span=3", chip(90, 64, 8), 30, 3000),
    Run("find=fine", chip(600, 128), 29, 6000),
    Run("find=twolevel", chip(600, 128), 31, 6000),
    Run("find=coarse", chip(2000, 64), 32, 9000),
    Trial("framing=cobs", chip(3, 128), 2, 50),
    Trial("find=fine", chip(5, 128), 4, 60),
    Trial("find=pointer", chip(6, 128), 6, 60),
    Trial("find=twolevel framing=cobs", chip(6, 128), 5, 60),
    Trial("find=coarse ahead=1", chip(5, 128), 3, 50),
    Trial("ahead=1", chip(4, 64, 4), 7, 60),
    Trial("", chip(3, 64, 8, ONCE), 8, 40),
    Trial("find=bisect", chip(12, 64), 14, 100),
    Trial("find=pointer", chip(12, 64), 15, 100),
    Trial("find=fine span=3", chip(12, 64), 16, 100),
    Trial("", chip(3, 64), 9, 24, PAIRS),
    Trial("find=pointer framing=cobs", chip(5, 64), 10, 14, PAIRS),
    Trial("find=fine ahead=1 span=2", chip(6, 64), 11, 20, PAIRS),
    Trial("find=twolevel span=2", chip(7, 64), 12, 13, PAIRS),
    Trial("work=64 framing=cobs", chip(4, 128, 4, page=32), 38, 40),
    Trial("find=pointer work=80", chip(7, 128, 8), 38, 40),
    Trial("", chip(4, 128, 4, page=32), 36, 40),
    Trial("", "", 0, 0, (), "tiny-log"),
    Fuzz("", 16, 1, chip(4, 128)),
    Fuzz("", 12, 2, chip(12, 64, 4)),
    Fuzz("work=64 framing=cobs", 10, 7),
    images("", 91),
    images("", 92, chip(8, 128, 16)),
)
TICKV = (
    Trial("reader=crate", chip(5, 128), 24, 60),
    Trial("calls=append", chip(4, 128, 4), 22, 80),
    Trial("reader=crate", chip(3, 128), 1, 30),
    Trial("hash=1 work=16", chip(3, 128, 4), 2, 60),
    update("", chip(3, 128, 4), 1, 30),
    Trial("reader=crate", chip(4, 256, 8, "read=4"), 3, 60),
    Trial("work=16", chip(5, 128, 2), 5, 80),
    Trial("", chip(6, 512), 8, 60, ("--faults", "edge")),
    Trial("calls=hashes", chip(3, 128), 21, 40),
    Trial("calls=append work=16", chip(3, 256), 23, 80),
    Trial("calls=append", chip(4, 128, 4), 43, 80, FAIL),
    glitches("calls=append", chip(4, 128), 53, 80),
    Trial("", chip(3, 128, 4), 41, 60, FAIL),
    Trial("work=16", chip(4, 256), 42, 60, FAIL),
    Trial("", chip(3, 512), 4, 60),
    glitches("", chip(3, 128, 4), 51, 60),
    glitches("work=16", chip(4, 128, 8), 52, 60),
    Trial("reader=crate", "", 0, 0, ("--faults", "edge"), "tickv-largest"),
    Fuzz("reader=crate", 24, 5, chip(4, 128)),
    Costs("", "settings-store"),
    Costs("work=16", "remove-heavy"),
    Costs("calls=append", "", chip(4, 128), 71, 3000),
    *cases("tickv"),
    Trial("", chip(2, 128), 6, 9, DEEP),
    Trial("work=16", chip(3, 128, 8), 7, 9, PAIRS),
    Trial("", "", 0, 0, (), "factory-reset"),
    Trial("", "", 0, 0, PAIRS, "cases/tickv-copies-count.case"),
    Fuzz("", 20, 1, chip(3, 128)),
    Fuzz("", 20, 2, chip(4, 256, 4)),
    Fuzz("calls=hashes reader=crate", 12, 4, chip(4, 256, 4)),
    Fuzz("", 16, 3),
    images("", 91),
)
SMALL = "key=8 value=16"
STAGED = f"{SMALL} mode=staging"
LSM = (
    Trial(STAGED, chip(12, 128, 4), 2, 60),
    Trial(SMALL, chip(8, 256), 3, 60),
    Trial("key=8 value=16 crc=0", chip(12, 128, 4), 5, 60),
    update(STAGED, chip(12, 128, 4), 3, 40),
    Run(SMALL, chip(64, 256, 4), 31, 9000),
    Run(STAGED, chip(64, 256, 4), 32, 9000),
    Trial(SMALL, chip(12, 128, 4), 1, 40),
    Trial(STAGED, chip(12, 128, 8, f"{ONCE} erased=0", page=32), 7, 60),
    Trial("key=8 value=16 transaction=2", chip(16, 128, 4), 4, 60),
    Trial(STAGED, chip(12, 256, 32, "read=32"), 9, 60),
    Trial("key=8 value=40 mode=staging", chip(12, 512, 2), 12, 80),
    Trial(SMALL, chip(12, 128, 4), 41, 50, FAIL),
    Trial(STAGED, chip(12, 128, 4), 42, 50, FAIL),
    glitches(SMALL, chip(12, 128, 4), 51, 60),
    glitches(STAGED, chip(12, 128, 4), 52, 60),
    *cases("lsm"),
    Trial(STAGED, chip(40, 256, 4), 14, 150, ("--faults", "edge")),
    Trial("key=8 value=40", chip(12, 256, 16), 8, 50),
    Trial("key=8 value=1000", chip(9, 8192, 4, page=256), 16, 40, ("--faults", "edge")),
    Trial("key=100 value=20 work=100", chip(12, 256, 4, page=64), 11, 30),
    Costs("", "snapshot-writes"),
    Costs("mode=staging", "snapshot-writes"),
    Costs("", "every-call-map"),
    Costs(SMALL, "", chip(64, 256, 4), 61, 3000),
    Costs(STAGED, "", chip(64, 256, 4), 62, 3000),
    Costs("key=8 value=150", "", chip(64, 256), 63, 2000),
    Bounds("key=8 value=150 transaction=2", chip(64, 256, 4, page=32), 64, 500),
    Bounds("key=80 value=16 mode=staging", chip(64, 512, 4, "read=4"), 65, 500),
    Bounds("key=8 value=16", chip(300, 1024, 16), 66, 500),
    Trial(SMALL, chip(12, 128, 4, "tear=2"), 15, 25),
    Trial(SMALL, chip(12, 128, 1, ONCE), 6, 30),
    Trial("key=8 value=150 transaction=2", chip(24, 128, 4), 10, 30),
    Trial(SMALL, chip(40, 128, 4), 13, 90, ("--faults", "edge")),
    Fuzz(SMALL, 24, 1, chip(12, 128, 4)),
    Fuzz(STAGED, 30, 2, chip(12, 128, 4)),
    Fuzz("", 20, 3),
    Fuzz("mode=staging", 14, 4, chip(16, 256, 4)),
    Trial(SMALL, chip(9, 128, 4), 21, 8, FEW_PAIRS),
    Trial(STAGED, chip(12, 128, 4), 25, 14, FEW_PAIRS),
    images("", 91),
    images("", 92, chip(12, 128, 4)),
)
# By adapter; `kind` of the operations.
TRIALS = {"seqmap": ("map", MAP), "naive": ("map", NAIVE), "seqqueue": ("queue", QUEUE),
          "rlog": ("log", LOG), "rlog-strict": ("log", STRICT), "seqlog": ("log", SEQLOG),
          "tickv": ("destroying map", TICKV), "lsm": ("sorted map", LSM)}


# --- operations ---


def value(source, sector):
    """Small most of the time; now and then about as large as a sector takes."""
    size = source.choice((0, 1, 3, sector // 16, sector // 8, sector // 6, sector // 4))
    if source.random() < 0.25:
        size = sector - source.randrange(4, 40)
    byte = source.choice(("0x00", "0x00", "0xff", f"0x{source.randrange(256):02x}"))
    return source.choice((f"fill {byte} {size}", f"fill {byte} {size}", f"random {size}"))


SORTED_KEYS = ("a", "a", "b", "ab", "aaaaaaaa", '""', "0xff", "c[0..2]")
# What reads a version: a snapshot, or what is committed.
VERSIONS = ("", "", " in 1", " in 2")


def sorted_bound(source):
    return source.choice(('""', '"a"', '"a"', '"aa"', '"ab"', '"b"', '"c1"', '"k3"', "0xff"))


def sorted_store(source, keys, most):
    """With a value of up to `most` bytes."""
    size = source.choice((0, 1, most // 4, most // 2, most, most))
    what = source.choice((f"fill {source.randrange(256)}", "random"))
    return f"store {source.choice(keys)} {what} {size}"


def transaction(source, keys, most):
    """Its lines, of a few keys. Now and then it is left open."""
    lines, few = ["begin"], source.choices(keys, k=3)
    for _ in range(source.choice((1, 2, 2, 3, 5))):
        key = source.choice(few).split("[")[0]
        lines += source.choices(([sorted_store(source, few, most)], [f"remove {key}"],
                                 [f"store {key} random {most}", f"fetch {key}"]), (5, 2, 2))[0]
    return lines + source.choices((["commit"], ["abort"], []), (8, 2, 1))[0]


def sorted_change(source, keys, most):
    """The lines of a change of a map with transactions, snapshots and ranges, or of a read."""
    key, n, version = source.choice(keys), source.choice("12"), source.choice(VERSIONS)
    if source.random() < 0.12:
        return transaction(source, keys, most)
    lines = {sorted_store(source, keys, most): 14, f"remove {key}": 5, f"snapshot {n}": 2,
             f"look {n}": 1, f"close {n}": 1, f"fetch {key.split('[')[0]}{version}": 1.5,
             f"scan{version}": 1,
             f"scan {sorted_bound(source)}..{sorted_bound(source)}{version}": 2,
             "mount": 0.7, "collect": 1.2, "commit": 0.2, "clear": 0.15, "format": 0.15}
    if len(keys) > len(SORTED_KEYS):
        lines["clear"] = lines["format"] = 0.02
    return source.choices(list(lines), list(lines.values()))[:1]


def sorted_changes(source, trial, sector):
    """As many lines as the trial says. On a large chip there are more keys than places for runs."""
    given = re.search(r"value=(\d+)", trial.options)
    most = int(given[1]) if given else sector // 2
    count = int(trial.chip.split("sectors=")[1].split()[0])
    keys = SORTED_KEYS if count < 24 else SORTED_KEYS + tuple(f"k{i}" for i in range(2 * count))
    lines = []
    while len(lines) < trial.count:
        if getattr(trial, "glitches", False) and source.random() < 0.15:
            lines.append(source.choice(("clear", "clear", "collect", "format")))
        lines += sorted_change(source, keys, most)
    return lines[: trial.count]


def change(source, kind, sector):
    if kind == "destroying map" and source.random() < 0.15:
        return source.choice(("collect", "destroy a", "destroy b", "destroy all", "format"))
    if kind.endswith("map"):
        key = source.choice("aabc")
        return source.choices((f"store {key} {value(source, sector)}", f"remove {key}",
                               f"fetch {key}", "mount", "clear"), (12, 5, 1, 1, 0.2))[0]
    if kind == "queue":
        return source.choices((f"push {value(source, sector)}", "pop", "peek", "mount", "pop 1",
                               f"append {value(source, sector)}", "clear"),
                              (10, 6, 1, 1, 1, 3, 0.2))[0]
    words = (f"append {value(source, sector)}", "sync", "mount",
             f"read {source.choice((0, 0, 1, 3, 20))}", "idle", "clear")
    return source.choices(words, (12, 2, 1.5, 1, 1, 0.2))[0]


def formatted(source, kind, line):
    """One in ten is a format, or what may follow one: the empty store is met by few others."""
    empty = ("format", "format", "clear", "mount" if kind.endswith("map") else "idle")
    return source.choice(empty) if source.random() < 0.1 else line


def glitched(source, line, i):
    """The i-th operation. Early reads mostly: few operations make many. What a call that failed has
    left is met by each of the others, by one that fails too, and by the exercise."""
    line = "clear" if i % 12 in (7, 8) else "use" if i % 12 == 9 else line
    if i % 12 == 8:  # in what the second one does first, as the one before it has failed
        return f"clear glitch {source.choice((1, 1, 2, 3, 5))} errors:2"
    error = "errors:2" if i % 3 == 2 else "error"
    return f"{line} glitch {1 + int(source.random() ** 2 * 25)} {error}" if i % 3 != 0 else line


def engine_of(adapter, trial):
    """As a scenario has it."""
    name = (getattr(trial, "engine", "") or "{0}").format(adapter)
    return f"{name} {trial.options}".strip()


def scenario(engine, kind, trial):
    """The text of a trial, the same each time. What the engine or the chip has not is left out."""
    if trial.shipped:
        name = trial.shipped if "." in trial.shipped else f"{trial.shipped}.scn"
        lines = (ROOT / "scenarios" / name).read_text().split("\n")
        wanted = f"engine {engine_of(engine, trial)}"
        return "\n".join(wanted if line.startswith("engine ") else line for line in lines)
    source = random.Random(f"{kind} {trial.seed}")
    sector = int(trial.chip.split("sector=")[1].split()[0])
    lines = [f"chip {trial.chip}", f"engine {engine_of(engine, trial)}", "seed 1"]
    if kind == "sorted map":
        lines += sorted_changes(source, trial, sector)
    else:
        lines += [change(source, kind, sector) for _ in range(trial.count)]
    if isinstance(trial, (Trial, Run)) and trial.formats:
        lines[3:] = [formatted(source, kind, it) for it in lines[3:]]
    if isinstance(trial, Trial) and trial.glitches:
        lines[3:] = [glitched(source, it, i) for i, it in enumerate(lines[3:])]
    return "\n".join(lines) + "\n"
