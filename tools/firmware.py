#!/usr/bin/env python3
"""firmware - builds examples/firmware for each engine and core and runs it under qemu.

The program does the engine's work, then again with the power cut in each program and erase of it,
and says how much stack that took. `make firmware`.
"""

import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parent))
import size  # noqa: E402
from engines import ARM, M0PLUS, M4, ROOT, VARIANTS, compile_folder  # noqa: E402

QEMU = "qemu-system-arm"
HERE = "examples/firmware"
OWN = ("start.S", "board.c", "main.c", "part.c", "port.c", "use.c")
FLAGS = (
    "-std=c11 -mthumb -Os -ffreestanding -ffunction-sections -fdata-sections -I. -nostartfiles "
    "-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror --specs=nano.specs -Wl,--gc-sections"
).split()
PRINTED = re.compile(r"(\w+): steps (\d+), cuts (\d+), stack (\d+)\n")
SECONDS_MAX = 120


class Failure(Exception):
    """The firmware did not build, or did not do what it must."""


class Figures(NamedTuple):
    """Bytes of the image and of the stack that was in use, cuts survived, and the engine's size."""

    image: int
    stack: int
    cuts: int
    size: size.Row


def build(folder, variant, core, objects, use=None):
    """The program of a variant from its object files; `use` stands for its use_ENGINE.c."""
    made = folder / f"{variant.engine}-{core.cpu}{''.join(variant.flags)}.elf"
    names = [f"{HERE}/{name}" for name in OWN]
    names += [use or f"{HERE}/use_{variant.engine}.c", *objects]
    flags = [*FLAGS, f"-mcpu={core.cpu}", "-T", f"{HERE}/board.ld", *variant.flags]
    command = [ARM, *flags, *names, "-o", made]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise Failure(f"{variant.engine} does not build for {core.name}:\n{done.stderr}")
    return made


def run(program, core):
    """What the program prints. It ends itself, with an exit code."""
    console = "-nographic -monitor none -serial none -chardev stdio,id=console".split()
    debugger = ["-semihosting-config", "enable=on,target=native,chardev=console"]
    command = [QEMU, "-M", core.machine, *console, *debugger, "-kernel", program]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS_MAX)
    except subprocess.TimeoutExpired:
        raise Failure(f"{program.name}: still running after {SECONDS_MAX} seconds") from None
    if done.returncode:
        raise Failure(f"{program.name}: {done.stdout}{done.stderr}".rstrip())
    return done.stdout


def image_bytes(program):
    """Code, constants and the initial values of variables."""
    command = ["arm-none-eabi-size", program]
    listing = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    text, data = listing.split("\n")[1].split()[:2]
    return int(text) + int(data)


def measure(folder, variant, core):
    """Builds a variant, runs it and returns its figures."""
    row = size.measure(folder, variant, core)
    program = build(folder, variant, core, row.objects)
    printed = run(program, core)
    match = PRINTED.fullmatch(printed)
    if match is None or match[1] != variant.engine:
        raise Failure(f"{program.name}: printed {printed!r}, which is not a line of figures")
    return Figures(image_bytes(program), int(match[4]), int(match[3]), row)


def on_both_cores(folder, variant):
    return {core: measure(folder, variant, core) for core in (M4, M0PLUS)}


def main(arguments):
    folder = compile_folder(arguments, __doc__)
    print(f"{'':28} {M4.name:>30} {M0PLUS.name:>30}")
    print(f"{'':28}", f"{'image':>11} {'stack':>8} {'cuts':>9}" * 2)
    for variant in VARIANTS:
        try:
            figures = on_both_cores(folder, variant).values()
        except Failure as failure:
            print(f"firmware: {failure}", file=sys.stderr)
            return 1
        columns = [f"{each.image:9} B {each.stack:6} B {each.cuts:9}" for each in figures]
        print(f"{variant.label.replace('`', ''):28}", "".join(columns))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
