#!/usr/bin/env python3
"""size - code, RAM and deepest stack of each engine on a Cortex-M4 at -Os. `make size`.

Code is .text and constants of the engine's own sources; what it calls in libc and libgcc is named
below the table. An engine has no static RAM (lint sees to it), so its RAM is the object, which the
caller owns; buffers and caches that the caller chooses come on top. Stack is the deepest chain of
calls, without what the flash operations of the firmware need.

`size.py FOLDER --readme` writes the table of the README anew, with the stack that was seen in use
when examples/firmware ran. `make size-table`.
"""

import re
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parent))
import callgraph  # noqa: E402
import engines  # noqa: E402
import firmware  # noqa: E402
from engines import ARM, M0PLUS, M4, ROOT, VARIANTS  # noqa: E402

FLAGS = "-std=c11 -mthumb -Os -ffreestanding -I. -fcallgraph-info=su -c".split()


def compiled(folder, source, text=None, flags=()):
    """The object file of a source of the tree, or of `text`."""
    made = folder / (source.replace("/", "__") + ".o")
    given = [source] if text is None else ["-x", "c", "-"]
    command = [ARM, *FLAGS, *flags, *given, "-o", made]
    done = subprocess.run(command, cwd=ROOT, input=text, text=True, stderr=subprocess.PIPE)
    if done.returncode:
        sys.exit(f"size: {ARM} does not compile {source}:\n{done.stderr}")
    return made


def section_bytes(made, *starts):
    """Bytes of all sections of an object file whose names start so."""
    command = ["arm-none-eabi-size", "-A", made]
    listing = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    sections = re.findall(r"^(\.\S+)\s+(\d+)", listing, re.MULTILINE)
    return sum(int(size) for name, size in sections if name.startswith(starts))


def object_bytes(folder, variant, flags):
    """sizeof the structs that firmware owns, from a file that holds one of each."""
    names = engines.structs(variant.engine)
    lines = [f'#include "engines/{engines.header(name)}"' for name in names]
    lines += [f"struct {name} probe_{name};" for name in names]
    return section_bytes(compiled(folder, "probe", "\n".join([*lines, ""]), flags), ".bss")


class Row(NamedTuple):
    """A line of the table; `stack` and `chain` say why when there is no bound."""

    code: int
    static: int
    owned: int
    stack: str
    chain: str


def stack_of(graph):
    """The deepest stack as text, and the calls that lead there."""
    circle = graph.recursion()
    if circle:
        return "no bound", "recursion: " + " > ".join(map(callgraph.short, circle))
    if graph.unbounded:
        names = ", ".join(sorted(map(callgraph.short, graph.unbounded)))
        return "no bound", f"frames of varying size: {names}"
    size, path = graph.deepest()
    return f"{size} B", " > ".join(map(callgraph.short, path))


def measure(folder, variant, core=M4):
    """The row of a variant, and the functions that it calls and does not have."""
    flags = [f"-mcpu={core.cpu}", *variant.flags]
    names = [f"engines/{name}" for name in engines.sources(variant.engine)]
    objects = [compiled(folder, name, flags=flags) for name in names]
    graph = callgraph.Graph(made.with_suffix(".ci").read_text() for made in objects)
    code = sum(section_bytes(made, ".text", ".rodata") for made in objects)
    static = sum(section_bytes(made, ".data", ".bss") for made in objects)
    owned = object_bytes(folder, variant, flags)
    return Row(code, static, owned, *stack_of(graph)), graph.foreign()


def print_sizes(folder):
    measured = {variant.label.replace("`", ""): measure(folder, variant) for variant in VARIANTS}
    print(f"{M4.name}, -Os                     code    static    object     stack")
    for name, (row, _) in measured.items():
        print(f"{name:28} {row.code:7} B {row.static:7} B {row.owned:7} B {row.stack:>9}")
    print("\nwhere the stack is deepest")
    for name, (row, _) in measured.items():
        print(textwrap.fill(f"{name}: {row.chain}", 98, subsequent_indent="    "))
    foreign = sorted(set().union(*(calls for _, calls in measured.values())))
    print(f"\nnot counted: {', '.join(foreign) or 'nothing'}; the flash operations")


# --- the table of the README ---

TABLE = re.compile(rf"^\| {ARM} .*\n(?:\|.*\n)+", re.MULTILINE)


def compiler():
    """The compiler with its version, which decides every figure."""
    done = subprocess.run([ARM, "-dumpfullversion"], capture_output=True, text=True, check=True)
    return f"{ARM} {done.stdout.strip()}"


class Figures(NamedTuple):
    """A variant on both cores: its size, and what was seen when examples/firmware ran."""

    size: dict  # {core: Row}
    seen: dict  # {core: firmware.Figures}


def figures(folder, variant):
    cores = (M4, M0PLUS)
    size = {core: measure(folder, variant, core)[0] for core in cores}
    return Figures(size, {core: firmware.measure(folder, variant, core) for core in cores})


def readme_head():
    head = f"| {compiler()}, -Os | code, {M4.name} | code, {M0PLUS.name} "
    return head + "| object | deepest stack | seen in use |"


def readme_row(variant, measured):
    row, small, seen = measured.size[M4], measured.size[M0PLUS], measured.seen[M4]
    code = f"{row.code} B | {small.code} B | {row.owned} B"
    return f"| {variant.label} | {code} | {row.stack} | {seen.stack} B |"


def readme_table(folder):
    rows = [readme_row(variant, figures(folder, variant)) for variant in VARIANTS]
    return "\n".join([readme_head(), "|---" * 6 + "|", *rows, ""])


def write_readme(folder):
    readme = ROOT / "README.md"
    text = readme.read_text()
    if len(TABLE.findall(text)) != 1:
        sys.exit(f"size: README.md has no table, or more than one, that begins with `| {ARM}`")
    table = readme_table(folder)
    readme.write_text(TABLE.sub(lambda _: table, text))


def main(arguments):
    folder = Path(arguments[0]).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    if "--readme" in arguments:
        write_readme(folder)
    else:
        print_sizes(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
