#!/usr/bin/env python3
"""size - code, RAM and deepest stack of each engine on a Cortex-M4 at -Os. `make size`.

Code is .text and constants of the engine's own sources; what it calls in libc and libgcc is named
below the table. An engine has no static RAM (lint sees to it), so its RAM is the object, which the
caller owns; buffers and caches that the caller chooses come on top. Stack is the deepest chain of
calls, without what the flash operations of the firmware need.
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
from engines import ARM, M4, ROOT, VARIANTS, compile_folder  # noqa: E402

FLAGS = "-std=c11 -mcpu=cortex-m4 -mthumb -Os -ffreestanding -I. -fcallgraph-info=su -c".split()


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
    foreign: list  # functions that the engine calls and does not have
    objects: list  # the object files


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
    flags = [f"-mcpu={core.cpu}", *variant.flags]
    names = [f"engines/{name}" for name in engines.measured(variant.engine)]
    objects = [compiled(folder, name, flags=flags) for name in names]
    graph = callgraph.Graph(made.with_suffix(".ci").read_text() for made in objects)
    code = sum(section_bytes(made, ".text", ".rodata") for made in objects)
    static = sum(section_bytes(made, ".data", ".bss") for made in objects)
    owned = object_bytes(folder, variant, flags)
    return Row(code, static, owned, *stack_of(graph), graph.foreign(), objects)


def print_sizes(folder):
    measured = {variant.label.replace("`", ""): measure(folder, variant) for variant in VARIANTS}
    print(f"{M4.name}, -Os                     code    static    object     stack")
    for name, row in measured.items():
        print(f"{name:28} {row.code:7} B {row.static:7} B {row.owned:7} B {row.stack:>9}")
    print("\nwhere the stack is deepest")
    for name, row in measured.items():
        print(textwrap.fill(f"{name}: {row.chain}", 98, subsequent_indent="    "))
    foreign = sorted(set().union(*(row.foreign for row in measured.values())))
    print(f"\nnot counted: {', '.join(foreign) or 'nothing'}; the flash operations")


def main(arguments):
    folder = compile_folder(arguments, __doc__)
    print_sizes(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
