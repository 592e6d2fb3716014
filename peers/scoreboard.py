"""scoreboard - real libraries and our own engines under the same judge; `make peers`.

Builds each peer, explores the same work on it and then random scenarios, measures what that work
costs, and writes the tables of peers/README.md. `--time SECONDS` says how much work there is: the
number of random scenarios follows from it and from a rate that is kept here, never from a clock.
So two runs write the same tables, on a fast machine as on a slow one.

A finding counts as a root cause when its case lies in peers/NAME/cases, where peers/NAME/README.md
says what in the library's source causes it. What a run meets beside these is counted as kinds.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import NamedTuple

import code_size

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
TARGET = ROOT / "build/cargo"
DEFAULT_SECONDS = 600
CODES = (0, 1, 4)  # clean, diverged, nothing judged
OTHER = ("another kind", "no longer those")  # what replay says of a case that goes another way


class Row(NamedTuple):
    """An engine: a folder of peers/, or "" for one of ours; on which chip, and what it claims."""

    peer: str
    engine: str
    kind: str
    faults: str
    rate: float  # random scenarios in a second on one slow core, beside the rest of the run
    chip: str = "generic sectors=4 sector=256 page=256"
    variant: str = ""  # which of the engines, or of the builds, of one library

    @property
    def library(self):
        name = version_of(self.peer) if self.peer else f"`{self.engine}`, ours"
        return f"{name}, {self.variant}" if self.variant else name


SIMPLE = "edge,prefix"
STABLE = "edge,prefix,bits,zeros"
EIGHT = "generic sectors=8 sector=256 page=256"
LARGE = "generic sectors=3 sector=4096 page=256"
HALF_WORDS = "generic sectors=2 sector=1024 page=256 unit=2"
SLATE = "generic sectors=168 sector=4096 page=256"
SIX = "generic sectors=6 sector=256 page=256 unit=4"
SIXTEEN = "generic sectors=16 sector=256 page=256 unit=4 programs=1"
PLAIN = "generic sectors=16 sector=128 page=128 unit=4 programs=1"
BYTES = "generic sectors=24 sector=256 page=256 unit=1 programs=1"
CHUNKS = "generic sectors=16 sector=1024 page=256 unit=2 programs=1"
ROWS = (
    Row("", "seqmap", "map", STABLE, 1),
    Row("", "naive", "map", STABLE, 1),
    Row("", "tickv", "map", STABLE, 0.5),
    Row("", "lsm", "map", STABLE, 0.5, SIXTEEN),
    Row("", "seqqueue", "list", STABLE, 1),
    Row("", "rlog", "list", STABLE, 1),
    Row("", "seqlog", "list", STABLE, 1),
    Row("sequential-storage", "crate-map", "map", SIMPLE, 1, variant="map"),
    Row("sequential-storage", "crate-queue", "list", SIMPLE, 1, variant="queue"),
    Row("sequential-storage-8.0.1", "crate-map", "map", SIMPLE, 1, variant="map"),
    Row("sequential-storage-8.0.1", "crate-queue", "list", SIMPLE, 1, variant="queue"),
    Row("tickv", "crate-tickv", "map", SIMPLE, 0.5),
    Row("ekv", "crate-ekv", "map", SIMPLE, 0.5, SIXTEEN, "256-byte pages, CRC"),
    Row("ekv-plain", "crate-ekv", "map", SIMPLE, 0.5, PLAIN, "128-byte pages"),
    Row("ekv-bytes", "crate-ekv", "map", SIMPLE, 0.5, BYTES, "single bytes, CRC"),
    Row("ekv-chunks", "crate-ekv", "map", SIMPLE, 0.5, CHUNKS, "pages of chunks"),
    Row("littlefs2-sys", "littlefs", "map", SIMPLE, 0.2, EIGHT),
    Row("esp-nvs", "crate-esp-nvs", "map", SIMPLE, 0.5, LARGE),
    Row("sensor-db", "crate-sensor-db", "list", SIMPLE, 1),
    Row("embedded-savegame", "crate-savegame", "map", SIMPLE, 1),
    Row(
        "wasefire-store",
        "crate-wasefire",
        "map",
        "edge,prefix,bits",
        0.5,
        "generic sectors=4 sector=256 page=256 unit=4 programs=2",
    ),
    Row("slate-kv-core", "crate-slate", "map", SIMPLE, 0.2, SLATE),
    Row("eeprom", "crate-eeprom", "numbers", SIMPLE, 10, HALF_WORDS),
    Row("cfg-noodle", "crate-noodle", "map", SIMPLE, 0.5, EIGHT),
    Row("embassy-boot", "crate-boot", "map", SIMPLE, 0.2, SIX),
)
PEERS = tuple(dict.fromkeys(row.peer for row in ROWS if row.peer))


# --- building ---


def dependencies_of(manifest):
    """Names, and the exact version of each; None where that is open."""
    for name, it in manifest["dependencies"].items():
        wanted = it if isinstance(it, str) else it.get("version", "")
        yield name, wanted[1:] if wanted.startswith("=") else None


def version_of(peer):
    """The judged library and its version: the package of a peer has that version too."""
    manifest = tomllib.loads((HERE / peer / "Cargo.toml").read_text())
    version = manifest["package"]["version"]
    names = [name for name, exact in dependencies_of(manifest) if exact == version]
    (name,) = [name for name in names if peer.startswith(name)]
    return f"{name} {version}"


def plugin_of(peer):
    return TARGET / "release" / f"libpeer_{re.sub('[-.]', '_', peer)}.so"


def build(peer, *options):
    """Builds the plug-in of a peer, in its folder."""
    command = ["cargo", "build", "--release", "--quiet", *options]
    environment = {**os.environ, "CARGO_TARGET_DIR": str(TARGET)}
    done = subprocess.run(
        command, cwd=HERE / peer, capture_output=True, text=True, env=environment
    )
    if done.returncode:
        sys.exit(f"scoreboard: {peer} does not build\n{done.stderr}")
    return plugin_of(peer)


# --- one engine ---


def ask(brownout, row, *arguments):
    """What a subcommand prints with --json."""
    plugin = ["--plugin", str(plugin_of(row.peer))] if row.peer else []
    command = [str(brownout), *map(str, arguments), *plugin, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    if done.returncode not in CODES and not (done.returncode == 3 and done.stdout):
        sys.exit(f"scoreboard: {row.engine}: {' '.join(command)}\n{done.stderr[-2000:]}")
    return json.loads(done.stdout), done.returncode


def work_of(row, folder):
    """The work of its kind, on its chip."""
    text = (HERE / f"work-{row.kind}.scn").read_text()
    path = folder / f"work-{row.peer}-{row.engine}.scn"
    path.write_text(re.sub(r"(?m)^chip .*", f"chip {row.chip}", text))
    return path


def kind_of(path):
    """Clause, what was seen, call and cut: the words of the `found` line of a case."""
    found = re.search(r"(?m)^found (\S+ \S+ \S+ \S+)", Path(path).read_text())
    return found[1].replace(" ", "/") if found else "?"


class Judged(NamedTuple):
    states: int
    kinds: frozenset
    unreproduced: int  # kinds that did not replay: a fault of the harness


def cases_folder(row, folder):
    return folder / f"{row.peer}-{row.engine}"


def judge(brownout, row, seconds, folder):
    """Explores the work, every cut, and random scenarios."""
    shared = ["--faults", row.faults, "--quiet", "--artefacts", cases_folder(row, folder)]
    shared += ["--jobs", jobs()]
    shared += ["--shrink-seconds", 2]
    engine = ["--engine", row.engine]
    rounds = max(4, round(row.rate * seconds))
    explored = ask(brownout, row, "explore", work_of(row, folder), *engine, *shared)
    chip = ["--chip", row.chip, "--runs", rounds, "--seed", 1, "--max", 0]
    fuzzed = ask(brownout, row, "fuzz", *engine, *chip, *shared)
    found = [it["case"] for told, _ in (explored, fuzzed) for it in told["divergences"]]
    return Judged(
        sum(told["judged"] for told, _ in (explored, fuzzed)),
        frozenset(map(kind_of, found)),
        sum(told["unreproduced"] for told, _ in (explored, fuzzed)),
    )


def jobs():
    return os.cpu_count() or 1


def cost_of(brownout, row, folder):
    """What the work costs without cuts, under "with_cuts" with one in five operations, and the
    "code" of it."""
    wear = ["wear", work_of(row, folder), "--engines", row.engine, "--artefacts", folder / "wear"]
    told, _ = ask(brownout, row, *wear)
    cut, _ = ask(brownout, row, *wear, "--cuts", "1/5", "--faults", row.faults)
    cost = told["engines"][0]
    cost["with_cuts"] = cut["engines"][0].get("with_cuts")
    cost["code"] = code_size.of(row, folder / "code")
    return cost


# --- cases that are listed ---


def cases_of(row):
    """The cases of the root causes of an engine."""
    paths = sorted((HERE / row.peer / "cases").glob("*.case")) if row.peer else []
    named = re.compile(rf"(?m)^engine {re.escape(row.engine)}\b")
    return [path for path in paths if named.search(path.read_text())]


def replay(brownout, row):
    """Each listed case shows its kind on the pinned version, by the same flash calls, or this
    ends."""
    for path in cases_of(row):
        command = [brownout, "replay", path, "--quiet", "--plugin", plugin_of(row.peer)]
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True, cwd=ROOT)
        if done.returncode != 1 or any(it in done.stdout for it in OTHER):
            sys.exit(f"scoreboard: {path} no longer shows its kind\n{done.stdout}{done.stderr}")


def operations_of(path):
    """Operations of a case: the lines after its head."""
    body = path.read_text().partition("\n\n")[2]
    return sum(bool(line.strip()) for line in body.splitlines())


# --- tables ---

HEAD = ("library", "promise", "root causes", "kinds met", "states judged")
COST = ("library", "erases", "bytes a payload byte", "programs an operation", "most in one call")
COST += ("reads of a mount, most", "erases more for a cut", "code, bytes")


def lines_of(head, rows):
    return ["| " + " | ".join(map(str, it)) + " |" for it in (head, ["---"] * len(head), *rows)]


def figure(value, form="{}"):
    return "-" if value is None else form.format(value)


def finding_row(row, judged):
    listed = cases_of(row)
    sizes = ", ".join(str(operations_of(path)) for path in listed)
    link = f"[{len(listed)}]({row.peer}/README.md), operations: {sizes}" if listed else "0"
    strange = f", and {judged.unreproduced} that did not replay" if judged.unreproduced else ""
    met = f"{len(judged.kinds)}{strange}"
    return (row.library, row.faults, link, met, f"{judged.states:,}")


def cost_row(row, cost):
    cut = cost.get("with_cuts") or {}
    done = cost["outcome"] == "done"
    code = figure(cost["code"], "{:,}")
    if not done:
        return (row.library, cost["outcome"], *["-"] * 5, code)
    return (
        row.library,
        cost["erases"],
        figure(cost["bytes_per_payload_byte"], "{:.2f}"),
        figure(cost["programs_per_operation"], "{:.2f}"),
        cost["programs_most"],
        cost["mount_reads_most"],
        figure(cut.get("more_erases_per_cut"), "{:.3f}")
        if cut.get("outcome") == "done"
        else cut.get("outcome", "-"),
        code,
    )


def detail_lines():
    lines = []
    for row in ROWS:
        for path in cases_of(row):
            name = f"{row.library}: [{path.stem}]({row.peer}/cases/{path.name})"
            lines.append((name, kind_of(path), operations_of(path)))
    return lines_of(("root cause", "kind that shows it", "operations"), lines)


def write(tables):
    """Replaces what stands between the marks of the page."""
    page = HERE / "README.md"
    text = page.read_text()
    for mark, lines in tables.items():
        block = f"<!-- {mark} -->\n" + "\n".join(lines) + f"\n<!-- end of {mark} -->"
        pattern = rf"<!-- {mark} -->.*?<!-- end of {mark} -->"
        text = re.sub(pattern, lambda _, block=block: block, text, flags=re.DOTALL)
    page.write_text(text)


def seconds_of(text):
    """Of "600", "10m" or "1h"."""
    units = {"s": 1, "m": 60, "h": 3600}
    number = text[:-1] if text[-1:] in units else text
    return float(number) * units.get(text[-1:], 1)


def main(arguments):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("brownout", type=Path)
    parser.add_argument("--time", type=seconds_of, default=DEFAULT_SECONDS)
    options = parser.parse_args(arguments)
    folder = ROOT / "build/peers"
    folder.mkdir(parents=True, exist_ok=True)
    for peer in PEERS:
        print(f"build {version_of(peer)}", flush=True)
        build(peer)
    brownout = options.brownout.resolve()
    share = options.time / len(ROWS)
    findings, costs, strange = [], [], []
    for row in ROWS:
        print(f"judge {row.library}, {row.engine}", flush=True)
        replay(brownout, row)
        judged = judge(brownout, row, share, folder)
        findings.append(finding_row(row, judged))
        if judged.unreproduced:
            strange.append(f"{row.library}: {cases_folder(row, folder)}/unreproduced-*.case")
        costs.append(cost_row(row, cost_of(brownout, row, folder)))
    tables = {
        "findings": lines_of(HEAD, findings),
        "root causes": detail_lines(),
        "cost": lines_of(COST, costs),
    }
    write(tables)
    for lines in tables.values():
        print("\n" + "\n".join(lines))
    if strange:
        sys.exit("scoreboard: what did not replay, a fault of the harness:\n" + "\n".join(strange))


if __name__ == "__main__":
    main(sys.argv[1:])
