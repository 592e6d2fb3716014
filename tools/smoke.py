"""smoke - every fuzz target runs for some seconds, and catches what is planted. `make smoke`.

`smoke.py FOLDER [--seconds S]` runs each NAME_fuzzer of FOLDER (libFuzzer; none when it could not
be built), of FOLDER/afl (AFL++; none when that is not there) and of FOLDER/replay (the same target,
which only runs the inputs it is given):

 1. on engines of the house, each S seconds: expected is an end without a finding after at least one
    input. What the fuzzers kept, and random bytes, are the inputs of the replayer.
 2. on a planted fault: expected is a DIVERGENCE that the target prints. What a fuzzer stopped at
    must show the same divergence in the replayer, and none where all is waived. Without this a
    target that judges nothing passes.

A target that has no engine reads text: its inputs are scenarios, and nothing is planted. As many
trials run at once as there are processors; lines come in the same order always.

Exit code: 0 all as expected, 1 not (each in a line), 2 no target in FOLDER.
"""

import argparse
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HOUSE = ("seqmap", "seqqueue", "rlog")
RANDOM_INPUTS = 300
INPUTS_MAX = {"explore_fuzzer": 30}  # each is some two hundred crash states
CANARY_SECONDS_MAX = 60

# The example plug-in, with a mount that reads on while a size is damaged.
PLUGIN = "examples/plugin/two_slots.c"
CHECK = "    if (count > size - HEADER) return -1;\n"
READS_ON = (
    "    while (count > size - HEADER && count != 0xFFFFFFFF)\n"
    "        if (bo_flash_read(store->flash, slot * size, snapshot, size)) return -1;\n"
)
# What each target must catch; a target that is not here is tried on the first.
PLANTED = {"explore_fuzzer": "canary fault=14", "image_fuzzer": "two-slots"}
TEXTS = ("parse_fuzzer",)
CLAUSES = "durable,atomic,settled,ordered,alive,bounded,lawful,clean,sane,honest,isolated,gone"
# For machines that nobody watches; it ends with the first crash.
AFL = {"AFL_NO_UI": "1", "AFL_BENCH_UNTIL_CRASH": "1", "AFL_FAST_CAL": "1", "AFL_NO_AFFINITY": "1"}
AFL |= {"AFL_SKIP_CPUFREQ": "1", "AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES": "1"}


def settings(engine, plugin=None):
    """The environment of a target that tries this engine."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("BROWNOUT_")}
    more = {"BROWNOUT_PLUGIN": str(plugin)} if plugin else {}
    return {**kept, "BROWNOUT_ENGINE": engine, **more}


def run(command, environment, seconds_max):
    """(exit code, what was printed); a target that does not end is stopped and has no exit code."""
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "errors": "replace"}
    command = list(map(str, command))
    try:
        done = subprocess.run(command, env=environment, timeout=seconds_max, **options)
    except subprocess.TimeoutExpired as stopped:
        return None, (stopped.stdout or b"").decode(errors="replace")
    return done.returncode, done.stdout


def divergence(output):
    """The line of a divergence, or ""."""
    match = re.search(r"^DIVERGENCE, .*", output, re.MULTILINE)
    return match[0] if match else ""


def inputs_run(output):
    """How many inputs a fuzzer or a replayer says that it ran."""
    done = re.search(r"^Done (\d+) runs", output, re.MULTILINE)
    return int(done[1]) if done else len(re.findall(r"^\S+: \d+ bytes$", output, re.MULTILINE))


def fuzz(target, environment, corpus, seconds):
    """Runs a libFuzzer target; what it finds stays in `corpus`, what it stops at beside it."""
    command = [target, f"-max_total_time={seconds}", "-seed=1", f"-artifact_prefix={corpus}."]
    return run([*command, corpus], environment, seconds + CANARY_SECONDS_MAX)


def fuzz_afl(target, environment, corpus, seconds):
    """The same with AFL++; what crashed it is replayed, for afl-fuzz shows neither that nor why."""
    folder = corpus.with_name(f"{corpus.name}-afl")
    command = ["afl-fuzz", "-i", corpus, "-o", folder, "-V", seconds, "-t", "10000", "--", target]
    code, output = run(command, {**environment, **AFL}, seconds + CANARY_SECONDS_MAX)
    stats = folder / "default/fuzzer_stats"
    runs = re.search(r"execs_done +: (\d+)", stats.read_text()) if stats.exists() else None
    ran = f"Done {runs[1]} runs" if runs else ""
    for kept in (folder / "default/queue").glob("id*"):
        shutil.copy(kept, corpus / f"afl-{kept.name.split(',')[0]}")
    for number, crash in enumerate(sorted((folder / "default/crashes").glob("id*"))):
        shutil.copy(crash, f"{corpus}.afl-crash-{number}")
        code, printed = replay(target, environment, [crash])
        return code or 1, f"{printed}\n{ran}"
    return code, ran or output


def replay(target, environment, inputs):
    return run([target, *sorted(inputs)], environment, 10 * CANARY_SECONDS_MAX)


def wrong_pass(code, output):
    """Why this was not a run without a finding, or None."""
    if code != 0:
        return f"expected no finding, came exit code {code}: {divergence(output) or output[-2000:]}"
    return None if inputs_run(output) else "expected inputs to be run, came none"


def wrong_catch(code, output):
    """Why the planted fault was not caught, or None."""
    if code and divergence(output):
        return None
    runs = inputs_run(output)
    return f"expected the planted fault to be caught, came exit code {code} after {runs} inputs"


class Smoke:
    """The targets of one folder, and what they did; `wrong` has a line for each surprise."""

    def __init__(self, folder, work, seconds):
        self.folder, self.work, self.seconds = folder, work, seconds
        self.wrong = []

    def names(self):
        found = [path for place in ("", "afl/", "replay/") for path in self.there(place)]
        return sorted({path.name for path in found})

    def there(self, place):
        return self.folder.glob(f"{place}*_fuzzer")

    def report(self, what, reason, output):
        runs = f"{inputs_run(output)} inputs"
        print(f"smoke: {what}: {reason or divergence(output) or runs}", flush=True)
        if reason:
            self.wrong.append(what)

    def corpus(self, name, engine):
        """A folder of inputs, the same in every run: random ones, or scenarios."""
        made = self.work / re.sub(r"\W", "-", f"{name}-{engine}")
        made.mkdir()
        source = random.Random(1)
        for number in range(INPUTS_MAX.get(name, RANDOM_INPUTS)):
            (made / f"random-{number}").write_bytes(source.randbytes(source.randrange(1, 200)))
        for text in (ROOT / "scenarios").glob("*.scn") if name in TEXTS else ():
            shutil.copy(text, made)
        return made

    def fuzzers(self, name):
        """What fuzzes this target, and how it is said: libFuzzer, AFL++, those that there are."""
        both = (("", "", fuzz), ("afl", ", AFL++,", fuzz_afl))
        found = [(self.folder / place / name, words, how) for place, words, how in both]
        return [one for one in found if one[0].exists()]

    def replayer(self, name):
        path = self.folder / "replay" / name
        return path if path.exists() else None

    def passes(self, name, engine):
        corpus, environment = self.corpus(name, engine), settings(engine)
        for target, words, how in self.fuzzers(name):
            code, output = how(target, environment, corpus, self.seconds)
            yield f"{name}{words} on {engine}", wrong_pass(code, output), output
        if self.replayer(name):
            inputs = sorted(corpus.iterdir())[: 2 * INPUTS_MAX.get(name, RANDOM_INPUTS)]
            code, output = replay(self.replayer(name), environment, inputs)
            yield f"{name}, replayer, on {engine}", wrong_pass(code, output), output

    def catches(self, name, engine, plugin):
        """What each fuzzer stopped at must show in the replayer what it showed in the fuzzer."""
        corpus, environment = self.corpus(name, engine), settings(engine, plugin)
        random_inputs, fuzzers = list(corpus.iterdir()), self.fuzzers(name)
        for target, words, how in fuzzers:
            before = set(self.work.glob(f"{corpus.name}.*"))
            code, output = how(target, environment, corpus, CANARY_SECONDS_MAX)
            yield f"{name}{words} on {engine}, planted", wrong_catch(code, output), output
            found = sorted(set(self.work.glob(f"{corpus.name}.*")) - before)
            inputs = found[:1] or random_inputs
            yield from self.shows(name, engine, environment, inputs, divergence(output))
        if not fuzzers:
            yield from self.shows(name, engine, environment, random_inputs, "")

    def shows(self, name, engine, environment, inputs, expected):
        if not self.replayer(name):
            return
        code, output = replay(self.replayer(name), environment, inputs)
        reason = wrong_catch(code, output)
        if not reason and expected and divergence(output) != expected:
            reason = f"expected {expected}, came {divergence(output)}"
        yield f"{name}, replayer, on {engine}, planted", reason, output
        waived = {**environment, "BROWNOUT_WAIVE": CLAUSES}
        code, output = replay(self.replayer(name), waived, inputs)
        yield f"{name}, replayer, on {engine}, waived", wrong_pass(code, output), output

    def trials(self, plugin):
        """Each reports what it does when it is iterated."""
        for name in self.names():
            for engine in HOUSE if name not in TEXTS else HOUSE[:1]:
                yield self.passes(name, engine)
            if name in TEXTS:
                continue
            planted = PLANTED.get(name, PLANTED["explore_fuzzer"])
            yield self.catches(name, planted, plugin if planted == "two-slots" else None)


def planted_plugin(work):
    """The example plug-in with its planted fault, as a shared object."""
    text = (ROOT / PLUGIN).read_text()
    assert text.count(CHECK) == 1, f"{PLUGIN} has no longer the line that smoke.py replaces"
    source, made = work / "two_slots.c", work / "two_slots.so"
    source.write_text(text.replace(CHECK, READS_ON))
    compiler = shutil.which("gcc") or "cc"
    command = [compiler, "-std=c11", "-shared", "-fPIC", "-I.", "-o", made, source]
    subprocess.run(command, cwd=ROOT, check=True)
    return made


def main(arguments):
    parser = argparse.ArgumentParser(prog="smoke")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seconds", type=int, default=3)
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as work:
        smoke = Smoke(given.folder.resolve(), Path(work), given.seconds)
        if not smoke.names():
            print(f"smoke: no fuzz target in {given.folder}; type: make smoke", file=sys.stderr)
            return 2
        if not list(smoke.there("afl/")):
            print("smoke: AFL++ does not run, as there are no targets for it; type: make afl")
        plugin = planted_plugin(Path(work))
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            for shown in pool.map(list, smoke.trials(plugin)):
                for it in shown:
                    smoke.report(*it)
    print(f"smoke: {len(smoke.wrong)} not as expected" if smoke.wrong else "smoke: all as expected")
    return 1 if smoke.wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
