#!/usr/bin/env python3
"""mutants - whether Brownout notices small bugs in the engines. `make mutants`.

A mutant is an engine with one small change (mutants_source.py). A seeded sample of them is compiled
and linked with the engine's adapter to a plug-in, which the command explores and fuzzes by the
trials of mutants_trials.py until one of them finds something. Mutants that do not compile, or that
compile to the same code as the engine itself or as another mutant, are left out.

`PART=3/20` tries a part of the sample. Those that nothing notices must stand in
tools/mutants.survivors, a line each:

    NAME VERDICT FILE FUNCTION: REASON

VERDICT is `equal` (no caller can see a difference), `costs` (more reads, time or wear, no wrong
answer, and not in what is run) or `missed` (a bug that the harness should have noticed; the reason
names what is missing).
At least 95 of 100 of those that are not equal should be noticed. Files of checksums and hashes are
left out: a mutant of them is another checksum, and their tests hold known values.

Everything is a function of sources, trials and seed. Exit code: 0 as expected; 1 a survivor that is
not listed, or one listed that is noticed now; 3 the tool failed: an engine without a change
diverges, or a run ended in a way that says nothing.
"""

import argparse
import collections
import hashlib
import json
import resource
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parent))
import engines  # noqa: E402
import mutants_source  # noqa: E402
import mutants_trials  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent
SURVIVORS = ROOT / "tools/mutants.survivors"
VERDICTS = ("equal", "costs", "missed")
# How many mutants of each engine, and of what two share (a part of engines.txt).
SAMPLE = {"seqmap": 60, "seqqueue": 60, "seq": 45, "naive": 40, "buffered": 40, "rlog": 75,
          "seqlog": 75, "tickv": 35, "tickv_map": 30, "lsm": 80}
# adapter: (source, symbol, engine whose sources it needs)
ADAPTERS = {
    "seqmap": ("adapter_seqmap.c", "adapter_seqmap", "seqmap"),
    "naive": ("adapter_naive.c", "adapter_naive", "naive"),
    "seqqueue": ("adapter_seqqueue.c", "adapter_seqqueue", "buffered"),
    "rlog": ("adapter_rlog.c", "adapter_rlog", "rlog"),
    "rlog-strict": ("adapter_rlog.c", "adapter_rlog_strict", "rlog"),
    "seqlog": ("adapter_seqlog.c", "adapter_seqlog", "seqlog"),
    "tickv": ("adapter_tickv.c", "adapter_tickv", "tickv_map"),
    "lsm": ("adapter_lsm.c", "adapter_lsm", "lsm"),
}
COMPILE = "gcc -std=c11 -w -O2 -fPIC -fvisibility=hidden -DBO_CRC32C_FAST -DBO_CHECKS".split()
WRAPPER = """#include "fuzz/adapters/{file}"
__attribute__((visibility("default"))) const struct adapter *brownout_adapter(void);
const struct adapter *brownout_adapter(void) {{ return &{symbol}; }}
"""
CROSS = ("peers/cross/cross.c", "peers/cross/tickv_plain.c")
# What a run is compared by, and work with cuts, which must take that many times as much.
COUNTS = ("reads", "bytes_read", "programs", "bytes_programmed", "erases")
RATES = ("erases", "programs_per_operation", "bytes_per_payload_byte", "bytes_read_per_operation",
         "mount_reads_most")
MUCH = 1.2
# Without a cut, and all that is compared with what the engine as it is does.
RUN = (mutants_trials.Run, mutants_trials.Costs, mutants_trials.Bounds)
COMPARED = (*RUN, mutants_trials.Wear, mutants_trials.Fuzz)
# Against mutants that run away; far above what a trial takes.
CPU_SECONDS_MAX, MEMORY_MAX, SECONDS_MAX = 120, 4 << 30, 300
HANGS_AFTER = 3  # seconds of a worker's own time


class Failed(Exception):
    """The tool can't go on."""


class Noticed(NamedTuple):
    adapter: str
    trial: object
    what: str


# --- which mutants ---


def own_sources(unit):
    own = engines.PARTS_AND_ENGINES[unit].sources
    return [source for source in own if "crc" not in source and "hash" not in source]


def sample_of(unit, seed, count):
    """Mutants of an engine, each kind in turn, so that no kind is rare."""
    kinds = collections.defaultdict(list)
    for source in own_sources(unit):
        for mutant in mutants_source.mutants(source, (ROOT / "engines" / source).read_text()):
            kinds[mutant.kind].append(mutant)
    ranked = []
    for kind, row in kinds.items():
        row.sort(key=lambda it: hashlib.sha256(f"{seed} {it.name}".encode()).digest())
        ranked += [(place, kind, mutant) for place, mutant in enumerate(row)]
    ranked.sort(key=lambda it: it[:2])
    return [mutant for _, _, mutant in ranked[:count]]


def sample(seed):
    """[(unit, mutant)], units in turn, so that each part has some of all."""
    rows = {unit: sample_of(unit, seed, count) for unit, count in SAMPLE.items()}
    placed = [(place / len(row), unit, mutant) for unit, row in rows.items()
              for place, mutant in enumerate(row)]
    return [(unit, mutant) for _, unit, mutant in sorted(placed, key=lambda it: it[:2])]


def part_of(row, part):
    number, count = map(int, part.split("/"))
    if not 1 <= number <= count:
        raise Failed(f"PART={part}: expected a part such as 3/20")
    return row[number - 1 :: count]


# --- building ---


class Builder:
    """Objects and plug-ins in a folder. A source is compiled from a pipe, in its own folder."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.objects = {}

    def compile(self, text, where, name):
        """The object, or None when the text does not compile."""
        path = self.folder / f"{name}.o"
        command = [*COMPILE, f"-I{ROOT}", "-x", "c", "-c", "-", "-o", str(path)]
        done = subprocess.run(command, input=text, text=True, cwd=where, capture_output=True)
        return path if done.returncode == 0 else None

    def object_of(self, source):
        """Of an engine's source as it is."""
        if source not in self.objects:
            path = ROOT / "engines" / source
            made = self.compile(path.read_text(), path.parent, source.replace("/", "-"))
            if made is None:
                raise Failed(f"engines/{source} does not compile")
            self.objects[source] = made
        return self.objects[source]

    def wrapper(self, adapter):
        file, symbol, _ = ADAPTERS[adapter]
        key = f"wrapper-{adapter}"
        if key not in self.objects:
            made = self.compile(WRAPPER.format(file=file, symbol=symbol), ROOT, key)
            if made is None:
                raise Failed(f"fuzz/adapters/{file} does not compile")
            self.objects[key] = made
        return self.objects[key]

    def cross(self):
        """The plug-in of peers/cross."""
        path = self.folder / "cross.so"
        if not path.exists():
            command = [*COMPILE, "-shared", f"-I{ROOT}", *(str(ROOT / it) for it in CROSS)]
            subprocess.run([*command, "-o", str(path)], check=True)
        return path

    def plugin(self, adapter, instead):
        """The shared object; `instead` maps a source to the object that takes its place."""
        sources = engines.sources(ADAPTERS[adapter][2])
        objects = [instead.get(source) or self.object_of(source) for source in sources]
        path = self.folder / f"{adapter}.so"
        command = ["gcc", "-shared", "-Wl,-Bsymbolic", *map(str, objects)]
        command += [str(self.wrapper(adapter)), "-o", str(path)]
        subprocess.run(command, check=True)
        return path


def adapters_of(source):
    return [name for name, (_, _, engine) in ADAPTERS.items() if source in engines.sources(engine)]


# --- judging ---


def limit():
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS_MAX, CPU_SECONDS_MAX))
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY_MAX, MEMORY_MAX))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def scenario_file(adapter, trial, folder):
    path = Path(folder) / "trial.scn"
    path.write_text(mutants_trials.scenario(adapter, mutants_trials.TRIALS[adapter][0], trial))
    return str(path)


def plugins_of(trial, plugin, folder):
    """As words of the command."""
    engine = getattr(trial, "engine", "")
    if engine.startswith("cross"):
        return ["--plugin", plugin, "--plugin", Builder(folder).cross()]
    return ["--plugin", f"new:{plugin}" if "new:" in engine else plugin]


def command_of(brownout, adapter, trial, plugin, folder):
    words = [brownout]
    if isinstance(trial, RUN):
        return [*map(str, words), "run", scenario_file(adapter, trial, folder), "--plugin",
                str(plugin), "--silence", str(HANGS_AFTER), "--json"]
    if isinstance(trial, mutants_trials.Wear):
        return [*map(str, words), "wear", scenario_file(adapter, trial, folder), "--plugin",
                str(plugin), "--silence", str(HANGS_AFTER), "--cuts", f"1/{trial.cuts}", "--json",
                "--no-shrink", "--artefacts", str(folder)]
    if isinstance(trial, mutants_trials.Fuzz):
        words += ["fuzz", "--engine", f"{adapter} {trial.options}".strip()]
        words += ["--runs", trial.runs, "--seed", trial.seed]
        words += ["--chip", trial.chip] if trial.chip else []
        words += trial.flags
    else:
        words += ["explore", scenario_file(adapter, trial, folder), *trial.flags]
    words += plugins_of(trial, plugin, folder)
    words += ["--jobs", 1, "--max", 1, "--no-shrink", "--quiet", "--json"]
    return [*map(str, words), "--silence", str(HANGS_AFTER), "--artefacts", str(folder),
            "--seconds", str(SECONDS_MAX)]


def dearer(spent, usual, counts=COUNTS, much=1):
    """What a run takes more of than usual, in a few words; None when nothing."""
    for count in counts:
        if spent[count] > much * usual[count]:
            return f"costs: {spent[count]} {count}, {usual[count]} without the change"
    return None


def bounds_of(ran):
    """{call: what the engine states for it}."""
    return {it["call"]: (it["reads_max"], it["changes_max"]) for it in ran["worst"]}


def other_bound(ran, usual):
    """A call for which another bound is stated than usual, in a few words; None when none."""
    stated, known = bounds_of(ran), bounds_of(usual)
    for call in sorted(set(stated) & set(known)):
        if stated[call] != known[call]:
            return f"bounds: {call} takes up to {stated[call]}, {known[call]} without the change"
    return None


def other_answers(ran, usual):
    """Whether damaged images were written or answered in another way, in a few words, or None."""
    if ran["image_answers"] == usual["image_answers"]:
        return None
    opened, known = ran["images_opened"], usual["images_opened"]
    return f"answers: {opened} damaged images were opened, {known} without the change, or were " \
           "written or read otherwise"


def compared(trial, ran, usual):
    """What differs, in a few words; None when nothing. Of random ones what is refused, too."""
    if isinstance(trial, mutants_trials.Bounds):
        return other_bound(ran, usual)
    if isinstance(trial, mutants_trials.Fuzz):
        return other_answers(ran, usual)
    if isinstance(trial, mutants_trials.Wear):
        return dearer(*(it["engines"][0]["with_cuts"] for it in (ran, usual)), RATES, MUCH)
    if trial.chip and ran["refused"] > usual["refused"]:
        return f"refused: {ran['refused']} operations, {usual['refused']} without the change"
    return dearer(ran, usual)


def usual_costs(brownout, builder, adapter):
    """{(adapter, trial): what the engine as it is takes}."""
    plugin, costs = builder.plugin(adapter, {}), {}
    for trial in mutants_trials.TRIALS[adapter][1]:
        if isinstance(trial, COMPARED):
            command = command_of(brownout, adapter, trial, plugin, builder.folder)
            done = subprocess.run(command, text=True, capture_output=True)
            if done.returncode != 0:
                raise Failed(f"{adapter} without a change: {trial}: {done.stderr.strip()}")
            costs[adapter, trial] = json.loads(done.stdout)
    return costs


def run(brownout, adapter, trial, plugin, folder, usual=None):
    """What the trial finds, in a few words; None when nothing."""
    done = subprocess.run(command_of(brownout, adapter, trial, plugin, folder), text=True,
                          capture_output=True, preexec_fn=limit, errors="replace")
    complaint = done.stderr.strip().split("\n")[-1]
    if done.returncode == 0:
        usual = usual.get((adapter, trial)) if usual else None
        return compared(trial, json.loads(done.stdout), usual) if usual else None
    if done.returncode == 1 and isinstance(trial, mutants_trials.Wear):
        return f"wear: {json.loads(done.stdout)['engines'][0]['reason']}"
    if done.returncode == 1 and isinstance(trial, RUN):
        return done.stdout.strip().split("\n")[-1].split("clause ")[-1]
    if done.returncode == 1:
        found = json.loads(done.stdout)["divergences"][0]
        return f"{found['clause']}: {found['finding']}"
    if done.returncode in (2, 4):
        return f"refused: {complaint}"
    if done.returncode == 3:  # such as a mutant that writes into the harness
        return f"the harness failed: {complaint}"
    if -done.returncode == signal.SIGXCPU:
        return f"more than {CPU_SECONDS_MAX} s of CPU time"
    raise Failed(f"expected exit code 0 to 4, came {done.returncode}: {complaint}")


def judge(brownout, adapter, plugin, folder, spent=None, count=None, usual=None):
    """The first trial that finds something, as Noticed, or None."""
    for trial in mutants_trials.TRIALS[adapter][1][:count]:
        start = resource.getrusage(resource.RUSAGE_CHILDREN)
        what = run(brownout, adapter, trial, plugin, folder, usual)
        end = resource.getrusage(resource.RUSAGE_CHILDREN)
        if spent is not None:
            spent[trial] = end.ru_utime + end.ru_stime - start.ru_utime - start.ru_stime
        if what:
            return Noticed(adapter, trial, what)
    return None


def check_unchanged(brownout, builder, names):
    """The engines as they are must pass every trial, or a trial says nothing of a mutant."""
    for adapter in names:
        spent = {}
        plugin = builder.plugin(adapter, {})
        found = judge(brownout, adapter, plugin, builder.folder, spent)
        if found:
            raise Failed(f"{adapter} without a change: {found.trial}: {found.what}")
        kinds = (mutants_trials.Trial, mutants_trials.Fuzz)
        explore, fuzz = (sum(time for trial, time in spent.items() if isinstance(trial, kind))
                         for kind in kinds)
        print(f"mutants: {adapter} without a change passes: {explore:.1f} s of CPU of explore, "
              f"{fuzz:.1f} s of fuzz", flush=True)


class Outcome(NamedTuple):
    """Of a mutant: `compiled` is None, "same" as another, or "other"."""

    unit: str
    mutant: object
    compiled: object
    noticed: object = None

    @property
    def survived(self):
        return self.compiled == "other" and self.noticed is None


def try_mutant(brownout, builder, unit, mutant, seen, count, usual=None):
    text = (ROOT / "engines" / mutant.file).read_text()
    where = (ROOT / "engines" / mutant.file).parent
    made = builder.compile(mutant.apply(text), where, "mutant")
    if made is None:
        return Outcome(unit, mutant, None)
    digest = (mutant.file, made.read_bytes())
    if made.read_bytes() == builder.object_of(mutant.file).read_bytes() or digest in seen:
        return Outcome(unit, mutant, "same")
    seen.add(digest)
    for adapter in adapters_of(mutant.file):
        plugin = builder.plugin(adapter, {mutant.file: made})
        found = judge(brownout, adapter, plugin, builder.folder, count=count, usual=usual)
        if found:
            return Outcome(unit, mutant, "other", found)
    return Outcome(unit, mutant, "other")


# --- what is known of survivors ---


def read_survivors(text):
    """{name: (verdict, rest)}."""
    known = {}
    for number, line in enumerate(text.split("\n"), 1):
        if not line or line.startswith("#"):
            continue
        words = line.split(maxsplit=2)
        if len(words) < 3 or words[1] not in VERDICTS or words[0] in known:
            raise Failed(f"mutants.survivors:{number}: expected NAME {'|'.join(VERDICTS)} PLACE: "
                         "REASON, each name once")
        known[words[0]] = (words[1], words[2])
    return known


def line_of(outcome, known):
    """(what is printed of a mutant, whether that is as expected)."""
    name, verdict = outcome.mutant.name, known.get(outcome.mutant.name, (None,))[0]
    if outcome.compiled != "other":
        word = "does not compile" if outcome.compiled is None else "compiles to the same code"
        return f"{name} {word}: {outcome.mutant}", True
    if outcome.noticed:
        found = outcome.noticed
        how = f"noticed by {found.adapter}, {found.trial}: {found.what}"
        wrong = f"; it is listed as {verdict}, take it out of there" if verdict else ""
        return f"{name} {how}{wrong}: {outcome.mutant}", not verdict
    if verdict:
        return f"{name} survived, listed as {verdict}: {outcome.mutant}", True
    return f"{name} SURVIVED and is not in tools/mutants.survivors: {outcome.mutant}", False


def table(outcomes, known):
    """Lines: of each unit how many were tried, noticed, and what the others are."""
    yield f"{'':10} {'tried':>6} {'noticed':>8} {'equal':>6} {'costs':>6} {'missed':>7} {'open':>5}"
    units = [*SAMPLE, "all"]
    for unit in units:
        tried = [it for it in outcomes if it.compiled == "other" and unit in (it.unit, "all")]
        counts = collections.Counter(known.get(it.mutant.name, ("open",))[0]
                                     for it in tried if it.survived)
        noticed = sum(not it.survived for it in tried)
        different = len(tried) - counts["equal"]
        share = f"  {100 * noticed / different:.1f} % of what is not equal" if different else ""
        yield (f"{unit:10} {len(tried):6} {noticed:8} {counts['equal']:6} {counts['costs']:6} "
               f"{counts['missed']:7} {counts['open']:5}{share}")


def useful(outcomes):
    """Lines: how many mutants each trial was the first to notice."""
    counts = collections.Counter((it.noticed.adapter, str(it.noticed.trial))
                                 for it in outcomes if it.noticed)
    for (adapter, trial), count in counts.most_common():
        yield f"{count:4} {adapter}: {trial}"


# --- main ---


def choose(given):
    """[(unit, mutant)] that are tried."""
    if not given.only:
        return part_of(sample(given.seed), given.part)
    every = [(unit, it) for unit in SAMPLE for it in sample_of(unit, given.seed, None)]
    of_units = {it for it in sample(given.seed) if it[0] in given.only}
    return [it for it in every if it[1].name in given.only or it in of_units]


def try_all(given, builder, chosen, known):
    """The outcomes, each printed, and how many are not as expected."""
    outcomes, wrong, seen, usual = [], 0, set(), {}
    brownout = given.brownout.resolve()
    for adapter in sorted({name for _, mutant in chosen for name in adapters_of(mutant.file)}):
        usual.update(usual_costs(brownout, builder, adapter))
    for unit, mutant in chosen:
        outcomes.append(try_mutant(brownout, builder, unit, mutant, seen, given.trials, usual))
        line, fine = line_of(outcomes[-1], known)
        print(f"mutants: {unit} {line}", flush=True)
        wrong += not fine
    return outcomes, wrong


def stale(known, given):
    """Names that are listed and not in the sample any more, when all of it is tried."""
    whole = not given.only and given.part == "1/1"
    return sorted(set(known) - {it.name for _, it in sample(given.seed)}) if whole else []


def work(given, folder):
    known = read_survivors(SURVIVORS.read_text())
    chosen, builder = choose(given), Builder(folder)
    if not given.skip_unchanged:
        names = {name for _, mutant in chosen for name in adapters_of(mutant.file)}
        check_unchanged(given.brownout.resolve(), builder, sorted(names))
    outcomes, wrong = try_all(given, builder, chosen, known)
    for name in stale(known, given):
        print(f"mutants: {name} is listed and not in the sample; take it out")
        wrong += 1
    for line in (*table(outcomes, known), *useful(outcomes)):
        print(f"mutants: {line}")
    print(f"mutants: {wrong} not as expected" if wrong else "mutants: all as expected")
    return 1 if wrong else 0


def main(arguments):
    parser = argparse.ArgumentParser(prog="mutants")
    parser.add_argument("brownout", type=Path)
    parser.add_argument("--part", default="1/1", help="such as 3/20")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", action="append",
                        help="a mutant, or an engine: its sample; no part then")
    parser.add_argument("--trials", type=int, help="a quick look: the first trials of each alone")
    parser.add_argument("--skip-unchanged", action="store_true")
    given = parser.parse_args(arguments)
    try:
        with tempfile.TemporaryDirectory() as folder:
            return work(given, folder)
    except Failed as error:
        print(f"mutants: {error}", file=sys.stderr)
        return 3


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
