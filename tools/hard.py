"""hard - every engine on the smallest chips, where what is rare happens all the time. `make hard`.

`hard.py BROWNOUT [--engine E] [--depth N]` makes a short scenario for each engine of the house,
each of its options and each chip below (unit 1, two or three sectors of 64 or 128 bytes: a sector
is full after a few operations), and explores it with every cut and, at depth 2, every cut of every
recovery and of all that follows. Expected: something was judged, nothing diverged, and each engine
with each option works on one of the chips at least. Then it does the same with a canary: its
numbers of 3 bits wrap after eight changes of the sector, which the scenarios of scenarios/ do not
reach. With the fault it must be caught, and without it nothing.

A finding that waits for a cure stands in KNOWN; one that no longer shows must go from there.

Exit code: 0 all as expected, 1 not (each in a line).
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

CHIPS = ((2, 64), (3, 64), (2, 128))
# For an engine that none of these suits: the first that it takes.
LARGER = ((4, 64), (6, 64), (3, 128), (4, 128), (6, 128), (12, 128), (12, 256))
# Tears of each cut: fewer than explore makes by itself, as the pairs of cuts are many.
TEARS = "--bits 6 --masks 4 --prefixes 6".split()
# For options that are neither words nor 0 or 1.
NUMBERS = {"key": 1, "keys": 2, "buffer": 16, "segment": 64, "span": 2, "work": 32,
           "value": 16, "transaction": 2, "chunk": 128, "id": 1}
OPERATIONS, OPERATIONS_CANARY = 12, 24
CANARY, HEALTHY = "canary fault=15", "canary fault=0"
# (engine with options, sectors, sector size): why it is not cured yet.
KNOWN = {}


class Trial(NamedTuple):
    """One scenario to be explored."""

    engine: str
    kind: str
    sectors: int
    sector_size: int
    depth: int
    operations: int = OPERATIONS

    def __str__(self):
        return f"{self.engine} on {self.sectors} sectors of {self.sector_size} bytes"


class Outcome(NamedTuple):
    """What an exploration came to; `refused` when the engine does not work on the chip."""

    judged: int
    found: list
    refused: bool = False


def operation(source, kind, sector_size):
    """A line of a scenario, at random: mostly changes, of up to a quarter of a sector."""
    size = source.choice((0, 1, sector_size // 16, sector_size // 6, sector_size // 4))
    value = f"fill 0x{source.randrange(256):02x} {size}"
    store = {"map": f"store {source.choice('ab')} {value}", "queue": f"push {value}"}
    other = {"map": f"remove {source.choice('ab')}", "queue": "pop", "log": "sync"}
    third = {"queue": f"append {value}"}
    append = f"append {value}"
    choices = (store.get(kind, append), other[kind], third.get(kind, "mount"), "mount")
    return source.choices(choices, weights=(12, 5, 2, 1))[0]


def scenario(trial):
    """Text; the same for the same trial."""
    source = random.Random(f"{trial.kind} {trial.sectors} {trial.sector_size}")
    chip = f"generic sectors={trial.sectors} sector={trial.sector_size} page={trial.sector_size}"
    lines = [f"chip {chip} unit=1", f"engine {trial.engine}", "seed 1"]
    lines += [
        operation(source, trial.kind, trial.sector_size) for _ in range(trial.operations)
    ]
    return "\n".join(lines) + "\n"


def others(option):
    """The values of an option beside the one that it has anyway."""
    values = option["words"] or ([0, 1] if option["max"] == 1 else [NUMBERS[option["name"]]])
    default = option["words"][option["value"] - option["min"]] if option["words"] else None
    return [value for value in values if value not in (option["value"], default)]


def variants(engines):
    """(engine with options, kind): each engine of the house as it is, and with each option."""
    for engine in engines:
        if engine["subject"]:
            continue
        yield engine["name"], engine["kind"]
        for option in engine["options"]:
            for value in others(option):
                yield f"{engine['name']} {option['name']}={value}", engine["kind"]


def explore(brownout, trial):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "hard.scn"
        path.write_text(scenario(trial))
        command = [brownout, "explore", path, "--depth", trial.depth, "--reach", 0, "--json"]
        command += [*TEARS, "--quiet", "--jobs", 1, "--no-shrink", "--max", 3]
        command += ["--artefacts", folder]
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    if done.returncode == 2:
        return Outcome(0, [], refused=True)
    if done.returncode not in (0, 1):
        sys.exit(f"hard: {trial}: exit code {done.returncode}: {done.stderr}")
    report = json.loads(done.stdout)
    found = [f"clause {it['clause']}: {it['finding']}" for it in report["divergences"]]
    return Outcome(report["judged"], found)


def wrong(trial, outcome):
    """A sentence about what is not as expected, or None."""
    key = (trial.engine, trial.sectors, trial.sector_size)
    if outcome.found:
        return None if key in KNOWN else f"expected no divergence, came {outcome.found[0]}"
    if key in KNOWN and trial.depth > 1:
        return "expected the finding that is in KNOWN, came none; take it out there"
    return None if outcome.refused or outcome.judged else "expected states to be judged, came none"


def show(trial, outcome, reason):
    word = "refused" if outcome.refused else f"{outcome.judged} judged"
    known = ", known finding" if outcome.found and not reason else ""
    print(f"hard: {trial}: {reason or word + known}", flush=True)


def trials(brownout, variant, depth):
    """[(trial, outcome)] of an engine on CHIPS, and one of LARGER when it refuses all of them."""
    done = []
    for number, chip in enumerate(CHIPS + LARGER):
        if number >= len(CHIPS) and not all(outcome.refused for _, outcome in done):
            break
        trial = Trial(*variant, *chip, depth)
        done.append((trial, explore(brownout, trial)))
    return done


def house(brownout, variants_tried, depth):
    """Explores all; how many were not as expected."""
    failed = 0
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for done in pool.map(lambda variant: trials(brownout, variant, depth), variants_tried):
            reasons = [wrong(trial, outcome) for trial, outcome in done]
            for (trial, outcome), reason in zip(done, reasons):
                show(trial, outcome, reason)
            failed += sum(reason is not None for reason in reasons)
            if all(outcome.refused for _, outcome in done):
                engine = done[0][0].engine
                print(f"hard: {engine}: expected to work on one of the chips, came refusals")
                failed += 1
    return failed


def canary(brownout):
    """The same with what must be caught and what must not; how many were not as expected."""
    failed = 0
    for engine, expected in ((CANARY, True), (HEALTHY, False)):
        trial = Trial(engine, "map", *CHIPS[0], 1, OPERATIONS_CANARY)
        outcome = explore(brownout, trial)
        fine = bool(outcome.found) == expected and (outcome.judged > 0 or expected)
        came = outcome.found[0] if outcome.found else f"nothing in {outcome.judged} states"
        print(f"hard: {trial}: {'found as expected: ' if fine and expected else ''}{came}")
        failed += not fine
    return failed


def main(arguments):
    parser = argparse.ArgumentParser(prog="hard")
    parser.add_argument("brownout", type=Path)
    parser.add_argument("--engine", help="as a scenario spells it; all without")
    parser.add_argument("--depth", type=int, default=2)
    given = parser.parse_args(arguments)
    brownout = given.brownout.resolve()
    listed = subprocess.run([brownout, "list", "engines", "--json"], capture_output=True, text=True)
    engines = list(variants(json.loads(listed.stdout)))
    if given.engine:
        engines = [variant for variant in engines if variant[0] == given.engine]
        if not engines:
            sys.exit(f"hard: no engine of the house is '{given.engine}'")
    failed = house(brownout, engines, given.depth) + canary(brownout)
    print(f"hard: {failed} not as expected" if failed else "hard: all as expected")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
