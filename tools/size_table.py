#!/usr/bin/env python3
"""size_table - the table of sizes in the README. `make size-table` writes it anew; a test holds it.

What `make size` counts, and the stack that was seen in use when examples/firmware ran.
"""

import re
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import firmware  # noqa: E402
from engines import ARM, M0PLUS, M4, ROOT, VARIANTS, compile_folder  # noqa: E402

TABLE = re.compile(rf"^\| {ARM} .*\n(?:\|.*\n)+", re.MULTILINE)


def compiler():
    """The compiler with its version, which decides every figure."""
    done = subprocess.run([ARM, "-dumpfullversion"], capture_output=True, text=True, check=True)
    return f"{ARM} {done.stdout.strip()}"


def head():
    columns = f"code, {M4.name} | code, {M0PLUS.name} | object | deepest stack | seen in use"
    return f"| {compiler()}, -Os | {columns} |"


def row_of(variant, measured):
    """The row of a variant, measured on both cores: {core: firmware.Figures}."""
    large, small = measured[M4], measured[M0PLUS]
    code = f"{large.size.code} B | {small.size.code} B | {large.size.owned} B"
    return f"| {variant.label} | {code} | {large.size.stack} | {large.stack} B |"


def table(folder):
    rows = [row_of(variant, firmware.on_both_cores(folder, variant)) for variant in VARIANTS]
    return "\n".join([head(), "|---" * 6 + "|", *rows, ""])


def write(folder, readme):
    text = readme.read_text()
    if len(TABLE.findall(text)) != 1:
        sys.exit(f"size-table: {readme.name} must have one table that begins with `| {ARM}`")
    made = table(folder)
    readme.write_text(TABLE.sub(lambda _: made, text))


def main(arguments):
    folder = compile_folder(arguments, __doc__)
    write(folder, ROOT / "README.md")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
