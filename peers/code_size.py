"""code_size - bytes of code on a Cortex-M4 at -Os, of what is in C: our engines, and littlefs.

None where it can't be had: without the compiler for that machine, and of Rust crates, whose generic
code is compiled with its user.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tools"))
import engines  # noqa: E402
import size  # noqa: E402

# An engine of a row to a line of `make size`.
VARIANTS = {"tickv": "`tickv_map`", "seqlog": "`seqlog`, all options"}
# As littlefs2-sys compiles it.
LITTLEFS = ["-DLFS_NO_MALLOC", "-DLFS_NO_ASSERT", "-DLFS_NO_DEBUG", "-DLFS_NO_WARN"]
LITTLEFS += ["-DLFS_NO_ERROR"]


def littlefs_sources():
    """Where cargo has put them."""
    command = ["cargo", "metadata", "--offline", "--format-version", "1"]
    done = subprocess.run(command, cwd=HERE / "littlefs2-sys", capture_output=True, text=True)
    packages = json.loads(done.stdout)["packages"] if done.returncode == 0 else []
    found = [it["manifest_path"] for it in packages if it["name"] == "littlefs2-sys"]
    folder = Path(found[0]).parent / "littlefs" if found else None
    return [folder / "lfs.c", folder / "lfs_util.c"] if folder else []


def of_littlefs(folder):
    made = []
    for source in littlefs_sources():
        made.append(folder / f"{source.stem}.o")
        command = [engines.ARM, *size.FLAGS, *LITTLEFS, source, "-o", made[-1]]
        if subprocess.run(command, cwd=folder, capture_output=True).returncode != 0:
            return None
    return sum(size.section_bytes(it, ".text", ".rodata") for it in made) or None


def of(row, folder):
    """Of the engine of a row of the scoreboard."""
    folder.mkdir(parents=True, exist_ok=True)
    if not shutil.which(engines.ARM):
        return None
    if row.peer:
        return of_littlefs(folder) if row.engine == "littlefs" else None
    label = VARIANTS.get(row.engine, f"`{row.engine}`")
    variant = next(it for it in engines.VARIANTS if it.label == label)
    return size.measure(folder, variant).code
