"""planted_drivers - which driver finds which planted fault, and how soon. By hand, for hours.

    planted_drivers.py FOLDER BROWNOUT [--seconds 60] [--seeds 10] [--drivers "brownout fuzz"] ...

Each driver looks for each planted fault: libFuzzer (FOLDER/explore_fuzzer), AFL++ (FOLDER/afl) and
`brownout fuzz`, from the same random histories, until the first finding or for S seconds of the
processor, so that what else the machine does counts little. Subjects are the canaries, each fault
by the classes that its table says it needs; the originals, which have faults of their own; and
fuzz/subjects/small.

Prints a table of Markdown, a line for each fault: by how many seeds it was found, the median of
seconds and of executions (scenarios, or inputs), and the largest case, shrunk, in operations and
cuts; a fault that a driver does not find is a dash. `--keep FILE` has each trial as a line of JSON.

Exit code: 0 each fault was found by at least one driver with each seed, 1 not.
"""

import argparse
import json
import os
import random
import re
import resource
import shutil
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SEEDS = 40
LOAD_MAX = 8  # how many times as long as its seconds of the processor a driver may take
STABLE = "edge,prefix,bits,zeros"  # what drivers try by themselves
GLITCHED = ("formats-unread", "formats-twice", "fetch-unchecked", "gives-up", "unread-damaged")
LIED = ("verify-start", "blank-start", "verify-keeps")
SMALL_NEED = {"rot-format": "rot", "trusts-blank": "weak", **dict.fromkeys(GLITCHED, "glitch")}
SMALL_NEED |= {**dict.fromkeys(LIED, "lie"), "copies-unchecked": "stray", "fetch-repairs": "fail"}
FAULTLESS = ("refuses-all", "refuses-stores")  # nothing is judged of these
AFL = {"AFL_NO_UI": "1", "AFL_FAST_CAL": "1", "AFL_NO_AFFINITY": "1", "AFL_SKIP_CPUFREQ": "1"}
AFL |= {"AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES": "1", "AFL_BENCH_UNTIL_CRASH": "1"}
AFL |= {"AFL_EXIT_ON_SEED_ISSUES": "1"}  # else it leaves out those that stop the target
LEFT_OUT = re.compile(r"Test case '(id:[^'/]+)' results in a (?:crash|timeout)")
LISTS = {"canary-queue": ("ANY", "ADAPTER_QUEUE"), "canary-log": ("ANY", "ADAPTER_LOG")}


# --- what is planted ---


@dataclass(frozen=True)
class Planted:
    """An engine with a fault, as a scenario spells it."""

    engine: str
    needs: str = ""  # fault classes
    plugin: str = ""

    @property
    def faults(self):
        """The classes to try; "": the usual ones."""
        more = [it for it in self.needs.split(",") if it and it not in STABLE]
        return ",".join([STABLE, *more]) if more else ""

    @property
    def waived(self):
        """What the canaries break without a fault, too: under ecc they program a torn unit."""
        return "lawful/reprogram" if "ecc" in self.needs else ""


def canaries():
    """By the table in C."""
    text = (ROOT / "fuzz/subjects/canary.c").read_text()
    line = r'\[PLANTED_\w+\] = {\s*"[^"]*", "[^"]*", "[^"]*", "([^"]*)",\s*\w+}'
    for fault, needs in enumerate(re.findall(line, text)):
        if fault:
            yield Planted(f"canary fault={fault}", needs)


def lists():
    """The same of the queue and the log, by the one that shows it."""
    text = (ROOT / "fuzz/subjects/canary_list_adapter.c").read_text()
    line = r'\[PLANTED_\w+\] = {\s*(?:"[^"]*", ?\s*){3}"(.*?)",\s*\w+,\s*\d,\s*(\w+),\s*(\d)},'
    table = list(enumerate(re.findall(line, text)))
    for engine, kinds in LISTS.items():
        for fault, (needs, kind, batch) in table:
            if fault and kind in kinds:
                yield Planted(f"{engine} fault={fault}" + f" batch={batch}" * (batch != "0"), needs)


def compiled(source, folder):
    """A plug-in; by clang with coverage, without which libFuzzer refuses it."""
    made = folder / f"{source.stem.replace('_', '-')}.so"
    words = ["clang-14", "-fsanitize-coverage=inline-8bit-counters,pc-table"]
    words = words if shutil.which(words[0]) else ["cc"]
    words += ["-std=c11", "-O1", "-shared", "-fPIC", f"-I{ROOT}", source, "-o", made]
    subprocess.run([str(word) for word in words], check=True)
    return made


def choices(source):
    """What chooses each fault of a small engine; one that has a single fault needs no words."""
    words = re.search(r"fault_words\[\] = {(.*?)};", source.read_text(), re.DOTALL)
    names = re.findall(r'"([\w-]+)"', words[1])[1:] if words else []
    return [f" fault={it}" for it in names] or [""]


def small(folder):
    """The small engines, compiled."""
    for source in sorted((ROOT / "fuzz/subjects/small").glob("*.c")):
        name = source.stem.replace("_", "-")
        if name in FAULTLESS:
            continue
        made = str(compiled(source, folder))
        for choice in choices(source):
            yield Planted(name + choice, SMALL_NEED.get(name, ""), made)


def all_planted(folder):
    """Every fault of every subject."""
    originals = [Planted("original"), Planted("original-queue")]
    return [*canaries(), *lists(), *originals, *small(folder)]


# --- drivers ---


@dataclass
class Trial:
    """What a driver did for one fault with one seed."""

    engine: str
    driver: str
    seed: int
    seconds: float = 0  # of the processor
    executions: int = 0
    found: bool = False
    operations: int = 0  # of the shrunk case
    cuts: int = 0


def times_of(pid):
    """(parent, ticks of the processor by it and its children that ended); None: it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return None
    return int(fields[1]), sum(map(int, fields[11:15]))


def spent_by(root):
    """Seconds of the processor that a process and all that descends from it took so far."""
    of = {int(pid): times_of(pid) for pid in os.listdir("/proc") if pid.isdigit()}
    family, more = set(), {root}
    while more:
        family |= more
        more = {pid for pid, it in of.items() if it and it[0] in family} - family
    ticks = sum(of[pid][1] for pid in family if of.get(pid))
    return ticks / os.sysconf("SC_CLK_TCK")


def cpu_seconds():
    """Seconds of the processor of all that was waited for."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def run(given, command, environment, work):
    """(exit code, standard output, seconds of the processor) of a driver, ended in time."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "errors": "replace"}
    words = [str(word) for word in command]
    before, end = cpu_seconds(), time.monotonic() + LOAD_MAX * given.seconds
    with subprocess.Popen(words, env={**os.environ, **environment}, cwd=work, **pipes) as child:
        while True:
            try:
                out, _ = child.communicate(timeout=0.5)
                break
            except subprocess.TimeoutExpired:
                if spent_by(child.pid) > given.seconds or time.monotonic() > end:
                    child.send_signal(signal.SIGINT)
    return child.returncode, out, cpu_seconds() - before


def histories(folder, seed):
    """What fuzzers begin with. Of each seed its own: most faults show in one of them."""
    source = random.Random(seed)
    folder.mkdir()
    for number in range(SEEDS):
        (folder / f"seed-{number}").write_bytes(source.randbytes(16 + 8 * (number + 1)))
    return folder


def environment_of(planted, work):
    """What a fuzz target takes."""
    more = {"BROWNOUT_FAULTS": planted.faults} if planted.faults else {}
    more |= {"BROWNOUT_PLUGIN": planted.plugin} if planted.plugin else {}
    more |= {"BROWNOUT_WAIVE": planted.waived} if planted.waived else {}
    more |= {"BROWNOUT_ENGINE": planted.engine, "BROWNOUT_COUNTS": str(work / "counts")}
    return {**AFL, **more}


def counted(work):
    """(inputs, seconds of the processor) of a target, but for the input that stopped it
    (fuzzers/input.c)."""
    path = work / "counts"
    content = path.read_bytes() if path.exists() else b""
    inputs, _, microseconds = struct.unpack("=QQQ", content) if len(content) == 24 else (0, 0, 0)
    return inputs, microseconds / 1e6


def decoded(given, planted, stopped, work):
    """The case of an input that stopped a target; None: it shows nothing."""
    command = [given.brownout, "decode", stopped, "--engine", planted.engine, *words_of(planted)]
    done = subprocess.run(list(map(str, command)), stdout=subprocess.PIPE, text=True, cwd=work)
    (work / "found.case").write_text(done.stdout)
    return work / "found.case" if done.returncode == 1 else None


def words_of(planted):
    """The options by which the command has the same engine and classes."""
    words = ["--faults", planted.faults] if planted.faults else []
    words += ["--waive", planted.waived] if planted.waived else []
    return words + (["--plugin", planted.plugin] if planted.plugin else [])


def libfuzzer(given, planted, trial, work):
    options = [f"-max_total_time={LOAD_MAX * given.seconds}", f"-seed={trial.seed}"]
    options += ["-len_control=0", "-max_len=1024"]
    command = [given.folder / "explore_fuzzer", *options, histories(work / "in", trial.seed)]
    _, _, trial.seconds = run(given, command, environment_of(planted, work), work)
    trial.executions, _ = counted(work)
    stopped = [*work.glob("crash-*"), *work.glob("timeout-*")]
    return decoded(given, planted, stopped[0], work) if stopped else None


def afl(given, planted, trial, work):
    limits = ["-V", LOAD_MAX * given.seconds, "-s", trial.seed, "-t", 20000]
    places = ["-i", histories(work / "in", trial.seed), "-o", work / "out"]
    command = ["afl-fuzz", *limits, *places, "--", given.folder / "afl/explore_fuzzer"]
    _, out, fuzzer = run(given, command, environment_of(planted, work), work)
    trial.executions, target = counted(work)
    trial.seconds = fuzzer + target  # it does not wait for the target, so neither can we
    stopped = [work / "out/default/queue" / name for name in LEFT_OUT.findall(out)]
    stopped += [*work.glob("out/default/crashes/id*"), *work.glob("out/default/hangs/id*")]
    return decoded(given, planted, stopped[0], work) if stopped else None


def built_in(given, planted, trial, work):
    options = ["--time", 0, "--seed", trial.seed, "--jobs", 1, "--max", 1, "--quiet", "--json"]
    options += ["--no-shrink", *words_of(planted)]
    command = [given.brownout, "fuzz", "--engine", planted.engine, *options]
    _, out, trial.seconds = run(given, command, {}, work)
    try:
        said = json.loads(out)
    except ValueError:
        return None
    trial.executions = said["scenarios"] + said["images"]
    return work / said["divergences"][0]["case"] if said["divergences"] else None


DRIVERS = {"libFuzzer": libfuzzer, "AFL++": afl, "brownout fuzz": built_in}


def shrunk(given, planted, case, work):
    """(operations, cuts) of the smallest case."""
    plugin = ["--plugin", planted.plugin] if planted.plugin else []
    command = list(map(str, [given.brownout, "shrink", case, *plugin]))
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                          cwd=work)  # fmt: skip
    text = done.stdout if done.returncode == 1 else case.read_text()
    lines = text.split("\n\n", 1)[1].splitlines()
    return len([it for it in lines if it]), len([it for it in lines if " cut " in it])


def tried(given, planted, name, seed):
    """One trial."""
    trial = Trial(planted.engine, name, seed)
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        case = DRIVERS[name](given, planted, trial, work)
        if case:
            trial.found = True
        if case and seed <= given.shrunk:
            trial.operations, trial.cuts = shrunk(given, planted, case, work)
    return trial


# --- the table ---


def cell(trials):
    """What one driver did for one fault."""
    found = [it for it in trials if it.found]
    if not found:
        return "-"
    seconds = statistics.median(it.seconds for it in found)
    executions = statistics.median(it.executions for it in found)
    largest = max((it.operations, it.cuts) for it in found)  # of those that were shrunk
    text = f"{seconds:.1f} s, {executions:.0f}, {largest[0]}+{largest[1]}"
    return text if len(found) == len(trials) else f"{len(found)}/{len(trials)}: {text}"


def row(given, planted):
    """A line of the table, and whether some driver found the fault with each seed."""
    cells, best = [], set()
    for name in given.drivers:
        trials = [tried(given, planted, name, seed + 1) for seed in range(given.seeds)]
        best |= {it.seed for it in trials if it.found}
        cells.append(cell(trials))
        if given.keep:
            with open(given.keep, "a", encoding="utf-8") as out:
                out.writelines(json.dumps(asdict(it)) + "\n" for it in trials)
    print(f"| `{planted.engine}` | {' | '.join(cells)} |", flush=True)
    return len(best) == given.seeds


def main(arguments):
    parser = argparse.ArgumentParser(prog="planted_drivers")
    parser.add_argument("folder", type=lambda path: Path(path).resolve())
    parser.add_argument("brownout", type=lambda path: Path(path).resolve())
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--shrunk", type=int, default=3, help="the cases of the first N seeds")
    parser.add_argument("--drivers", nargs="+", default=list(DRIVERS), choices=list(DRIVERS))
    parser.add_argument("--only", default="", help="faults whose engine matches this expression")
    parser.add_argument("--keep", help="a file of JSON lines")
    given = parser.parse_args(arguments)
    if not shutil.which("afl-fuzz"):
        given.drivers = [it for it in given.drivers if it != "AFL++"]
    print("| fault | " + " | ".join(given.drivers) + " |\n|---" + "|---" * len(given.drivers) + "|")
    with tempfile.TemporaryDirectory() as folder:
        planted = [it for it in all_planted(Path(folder)) if re.search(given.only, it.engine)]
        fine = [row(given, it) for it in planted]
    return 0 if all(fine) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
