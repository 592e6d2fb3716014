#!/usr/bin/env python3
"""engines - which files belong to which engine: reads engines/engines.txt.

`engines.py lift ENGINE FOLDER` copies what firmware needs of an engine, and the licence, to a new
folder in which the places of the files are the same. `make lift`.
"""

import argparse
import os
import re
import shutil
import sys
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
TABLE = ROOT / "engines/engines.txt"
LINE = re.compile(r"(engine|part) (\w+): (\S.*)")
OPTION = re.compile(r"^option (\w+)$", re.MULTILINE)
INCLUDE = re.compile(r'^\s*#\s*include\s*"([^"]+)"', re.MULTILINE)


class Line(NamedTuple):
    """What an engine, or a part that engines share, is made of."""

    kind: str
    sources: tuple
    needs: tuple


def read_table(text):
    """{name: Line} in the order of the table."""
    table = {}
    for number, line in enumerate(text.split("\n"), 1):
        if not line or line.startswith("#") or OPTION.fullmatch(line):
            continue
        match = LINE.fullmatch(line)
        if match is None:
            form = "`engine NAME: WORDS` or `part NAME: WORDS`"
            raise ValueError(f"engines.txt:{number}: not {form}")
        kind, name, words = match[1], match[2], match[3].split()
        before = table.get(name, Line(kind, (), ()))
        sources = tuple(word for word in words if word.endswith(".c"))
        needs = tuple(word for word in words if not word.endswith(".c"))
        unknown = [word for word in needs if word not in table]
        if unknown:
            raise ValueError(f"engines.txt:{number}: no line above is named '{unknown[0]}'")
        table[name] = Line(kind, before.sources + sources, before.needs + needs)
    return table


PARTS_AND_ENGINES = read_table(TABLE.read_text())
OPTIONS = tuple(OPTION.findall(TABLE.read_text()))
NAMES = tuple(name for name, line in PARTS_AND_ENGINES.items() if line.kind == "engine")


def sources(name):
    """The sources of an engine or part and of all that it needs, from engines/, each once."""
    line = PARTS_AND_ENGINES[name]
    found = [source for need in line.needs for source in sources(need)]
    return list(dict.fromkeys([*found, *line.sources]))


def headers(names):
    """The headers that these files include, and those that these include, from engines/."""
    found, waiting = set(), list(names)
    while waiting:
        name = waiting.pop()
        for spelled in INCLUDE.findall((ROOT / "engines" / name).read_text()):
            target = os.path.normpath(os.path.join(os.path.dirname(name), spelled))
            if target not in found:
                found.add(target)
                waiting.append(target)
    return sorted(found)


def files(name):
    """All that firmware needs of an engine, from engines/."""
    needed = sources(name)
    return sorted([*needed, *headers(needed)])


def header(name):
    """The header that a user of an engine includes: it lies beside its source."""
    own = [source for source in PARTS_AND_ENGINES[name].sources if source.endswith(f"/{name}.c")]
    return own[0].removesuffix(".c") + ".h"


# --- what is measured ---

ARM = "arm-none-eabi-gcc"


class Core(NamedTuple):
    """A processor: its name, gcc's for it, and a machine of qemu that has one."""

    name: str
    cpu: str
    machine: str


class Variant(NamedTuple):
    """An engine as it is compiled for firmware."""

    label: str
    engine: str
    flags: tuple = ()


M4 = Core("Cortex-M4", "cortex-m4", "mps2-an386")
M0PLUS = Core("Cortex-M0+", "cortex-m0plus", "microbit")  # a Cortex-M0, which takes the same code
RLOG_SMALLEST = tuple(f"-DRLOG_NO_{it}" for it in "BATCH SEEK AHEAD SEGMENT SEARCH".split())
LSM_SMALLEST = ("-DLSM_NO_STAGING", "-DLSM_NO_VIEWS", "-DLSM_NO_SEARCH", "-DLSM_NO_CRATE",
                "-DBO_CRC32C_SMALL")
VARIANTS = (
    Variant("`seqmap`, smallest", "seqmap",
            ("-DSEQ_NO_CACHE", "-DSEQMAP_NO_CAP", "-DBO_CRC32C_SMALL")),
    Variant("`seqmap`", "seqmap"),
    Variant("`seqqueue`, smallest", "seqqueue", ("-DSEQ_NO_CACHE", "-DBO_CRC32C_SMALL")),
    Variant("`seqqueue`", "seqqueue"),
    Variant("`seqqueue` and its RAM front", "buffered"),
    Variant("`rlog`, smallest", "rlog", (*RLOG_SMALLEST, "-DBO_CRC32C_SMALL")),
    Variant("`rlog`, no batches", "rlog", ("-DRLOG_NO_BATCH",)),
    Variant("`rlog`, one profile", "rlog", ("-DRLOG_NO_SEGMENT",)),
    Variant("`rlog`", "rlog"),
    Variant("`seqlog`, all options", "seqlog"),
    Variant("`tickv`", "tickv", ("-DPART_PROGRAMS_PER_WORD=0",)),
    Variant("`tickv_map`", "tickv_map", ("-DPART_PROGRAMS_PER_WORD=0",)),
    Variant("`naive`", "naive"),
    Variant("`lsm`, smallest", "lsm", LSM_SMALLEST),
    Variant("`lsm`, no log", "lsm", ("-DLSM_NO_STAGING",)),
    Variant("`lsm`", "lsm"),
)


def measured(name):
    """The sources that any use of the engine needs: bounds are for those who ask."""
    return [source for source in sources(name) if not source.endswith("_bound.c")]


def structs(name):
    """The engine and those that it works on: firmware has one struct of each."""
    needed = [engine for need in PARTS_AND_ENGINES[name].needs for engine in structs(need)]
    return [*needed, name] if name in NAMES else needed


# --- make lift ---


def lift_refusal(name, folder):
    """Why an engine is not copied to a folder, or None."""
    if name not in NAMES:
        known = ", ".join(NAMES)
        return f"'{name}' is no engine; type: make lift ENGINE=... DIR=... with one of {known}"
    if folder == "":
        return f"no folder is given; type: make lift ENGINE={name} DIR=..."
    if Path(folder).exists() and (not Path(folder).is_dir() or any(Path(folder).iterdir())):
        return f"{folder} is there and not an empty folder; name another one: DIR=..."
    return None


def lift(name, folder):
    """Copies an engine and returns what was copied."""
    copied = files(name)
    for file in copied:
        target = Path(folder) / file
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / "engines" / file, target)
    shutil.copyfile(ROOT / "LICENSE", Path(folder) / "LICENSE")
    return ["LICENSE", *copied]


def compile_folder(arguments, about):
    """The one argument of a tool that compiles engines: a folder, made where it is not there."""
    parser = argparse.ArgumentParser(description=about.splitlines()[0])
    parser.add_argument("folder", type=Path, help="what is compiled goes there")
    folder = parser.parse_args([str(each) for each in arguments]).folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def main(arguments):
    if len(arguments) != 3 or arguments[0] != "lift":
        print("engines: type: tools/engines.py lift ENGINE FOLDER", file=sys.stderr)
        return 2
    name, folder = arguments[1:]
    refusal = lift_refusal(name, folder)
    if refusal:
        print(f"lift: {refusal}", file=sys.stderr)
        return 2
    try:
        copied = lift(name, folder)
    except OSError as error:
        print(f"lift: {error.filename}: {error.strerror}", file=sys.stderr)
        return 2
    print(f"lift: {len(copied)} files in {folder}: include {header(name)}, and compile")
    print("   ", " ".join(sources(name)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
