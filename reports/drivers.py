"""drivers - fuzzes engines with every driver that there is, and brings home what they found.

    python3 reports/drivers.py ENGINE... [--plugin FILE] [--waive NAMES] [--seconds 30]
                               [--corpus build/corpus] [--targets build/fuzzers] [--jobs N]
                               [--artefacts FOLDER]

`run_drivers()` is what a campaign calls. For each engine it runs, S seconds each:

  libFuzzer   TARGETS/explore_fuzzer, image_fuzzer     needs clang; type: make fuzzers
  AFL++       TARGETS/afl/explore_fuzzer               needs afl++; type: make afl
  built-in    brownout fuzz                            where neither can run, or has coverage

A fuzzer has no verdict: its exit code says little, and what it keeps is bytes. So each input that
stopped a target is given to `brownout decode`, which does what the target did and prints a case;
`brownout shrink` makes one case of each kind small. What shows nothing there is returned too: it
is a fault of the harness, or a target that ran out of memory. AFL++ leaves out the inputs that stop
a target at its start, and keeps none of them: these are decoded as well.

Each engine has its share of the time, and the last part of it is for what was found. What does not
fit stays where it is for the next night: inputs that stopped a target, of which one is decoded all
the same, and a corpus that was not merged.

The corpus is a folder for each engine and target, kept between nights. Both fuzzers read it at
their start; AFL++ also reads, while it runs, what libFuzzer adds. In the end libFuzzer (afl-cmin
where there is none) merges what both kept into a smallest set with the same coverage. An input that
stops a target stays in its `found` folder until it was decoded: a campaign that is killed loses
none.

Exit code: 0 nothing found, 1 something, 2 bad usage, 3 an input did not show what the target saw, 4
nothing ran.
"""

import argparse
import concurrent.futures
import contextlib
import hashlib
import os
import random
import re
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field, replace
from pathlib import Path

from results import Refused, tool

INPUT_MAX = 1024  # bytes: the records of 126 operations
TIMEOUT = 20  # seconds of one input
GRACE = 60  # seconds after its time in which a command must end by itself
FUZZER_GRACE = 5  # the same of a fuzzer
FUZZED = 0.7  # of the time; the rest is for decoding, shrinking and merging
DECODED_MAX = 200  # inputs of one engine and night; the others stay in `found`
SHRINK_SECONDS = 10  # of CPU time for one case
SEEDS = 40  # random inputs of up to as many operations, with which a corpus begins

# For machines that nobody watches.
AFL = {"AFL_NO_UI": "1", "AFL_FAST_CAL": "1", "AFL_NO_AFFINITY": "1", "AFL_SKIP_CPUFREQ": "1"}
AFL |= {"AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES": "1", "AFL_ALLOW_TMP": "1"}

# What fuzzers say of a target on which they cannot go on; AFL++ of an input that it leaves out.
REFUSES = re.compile("no interesting inputs were found|PROGRAM ABORT")
LEFT_OUT = re.compile(r"Test case '(id:[^'/]+)' results in a (crash|timeout)")
COLOURS = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True)
class Subject:
    """An engine as a scenario spells it, and the plug-in that has it."""

    engine: str
    plugin: Path = None
    covered: Path = None  # the same plug-in compiled for coverage; fuzzers load this one
    waive: str = ""  # clauses and rules, as `--waive` takes them

    @property
    def words(self):
        """The options by which the command has the same engine."""
        plugin = ["--plugin", self.plugin] if self.plugin else []
        return ["--engine", self.engine, *plugin, *(["--waive", self.waive] if self.waive else [])]


@dataclass
class Ran:
    """What one driver did on one engine."""

    driver: str
    target: str
    engine: str
    inputs: int = 0
    judged: int = 0  # crash states; 0 where the target judges none
    seconds: float = 0
    found: int = 0  # inputs, or cases of the built-in driver


@dataclass
class Missing:
    """What could not run, and why."""

    driver: str
    engine: str
    reason: str


@dataclass
class Case:
    path: Path  # the case, shrunk
    engine: str
    plugin: Path
    driver: str
    kind: str  # as `found` has it in the case


@dataclass
class Outcome:
    cases: list = field(default_factory=list)
    ran: list = field(default_factory=list)
    missing: list = field(default_factory=list)
    unshown: list = field(default_factory=list)  # inputs that showed nothing when they were decoded
    left: int = 0  # inputs that stopped a target, for the next night


RUNNING = set()  # children, to be ended when the whole is


def end_all():
    """Ends what runs, with its children: a fuzzer has some."""
    for child in list(RUNNING):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)


def run(command, environment, seconds):
    """(exit code or None when it had to be stopped, what it printed)."""
    words = [str(word) for word in command]
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "errors": "replace"}
    try:
        child = subprocess.Popen(
            words, env=environment, text=True, start_new_session=True, **options
        )
    except OSError as error:
        return 127, f"{words[0]}: {error.strerror}"
    RUNNING.add(child)
    try:
        output, _ = child.communicate(timeout=seconds)
        return child.returncode, output
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)
        return None, child.communicate()[0]
    finally:
        RUNNING.discard(child)


def lines_of(text):
    """Those that say something, without colours."""
    lines = [COLOURS.sub("", line).strip()[:200] for line in text.splitlines()]
    return [line for line in lines if line]


def last_line(text):
    lines = lines_of(text)
    return lines[-1] if lines else "no message"


class Corpus:
    """The folder of one engine and target."""

    def __init__(self, folder):
        self.kept = folder / "kept"
        self.found = folder / "found"
        self.afl = folder / "afl"
        for path in (self.kept, self.found):
            path.mkdir(parents=True, exist_ok=True)

    def seed(self):
        """Histories to begin with: fuzzers that grow them from nothing take minutes for that."""
        if any(self.kept.iterdir()):
            return
        source = random.Random(1)
        for number in range(SEEDS):
            (self.kept / f"seed-{number}").write_bytes(source.randbytes(16 + 8 * (number + 1)))

    def queue(self):
        return self.afl / "main/queue"

    def sources(self):
        return [path for path in (self.kept, self.queue()) if path.is_dir()]

    def stopped(self, output):
        """(folder, file) of each input that stopped AFL++, at its start as well."""
        for name, what in LEFT_OUT.findall(output):
            if (self.queue() / name).exists():
                yield "crashes" if what == "crash" else "hangs", self.queue() / name
        for folder in ("crashes", "hangs"):
            for path in self.afl.glob(f"main/{folder}/id*"):
                yield folder, path

    def take_home(self, driver, output):
        """What stopped AFL++ is kept like what stopped libFuzzer, named by its content."""
        contents = set()
        for folder, path in list(self.stopped(output)):
            content = path.read_bytes()
            contents.add(content)
            name = f"{driver}-{folder}-{hashlib.sha1(content).hexdigest()}"
            (self.found / name).write_bytes(content)
            path.unlink()
        for path in self.kept.iterdir():
            if contents and path.read_bytes() in contents:
                path.unlink()

    def replace(self, folder):
        """The smallest set that a merge has left takes the place of all that was kept."""
        old = self.kept.with_name("old")
        shutil.rmtree(old, ignore_errors=True)
        self.kept.rename(old)
        Path(folder).rename(self.kept)
        shutil.rmtree(old)
        shutil.rmtree(self.afl, ignore_errors=True)


class Night:
    """One run over all engines; `outcome` is what it brings home."""

    def __init__(self, brownout, targets, corpus, seconds, artefacts, seed):
        self.brownout, self.targets = Path(brownout), Path(targets)
        self.corpus, self.artefacts = Path(corpus), Path(artefacts)
        self.seconds, self.seed = seconds, seed
        self.share = float("inf")  # seconds that an engine has in all
        self.ends = {}  # of that, for each engine
        self.outcome = Outcome()

    def left(self, subject):
        """Seconds that the engine has still."""
        return max(self.ends[subject] - time.monotonic(), 0)

    def give_up(self):
        """Ends all, now."""
        self.share = 0
        self.ends = dict.fromkeys(self.ends, 0)
        end_all()

    def fuzzing(self, subject):
        """Seconds, whole ones, of the next fuzzer."""
        return max(1, int(min(self.seconds, self.left(subject))))

    def environment(self, subject, counts=None):
        kept = {name: v for name, v in os.environ.items() if not name.startswith("BROWNOUT_")}
        plugin = subject.covered or subject.plugin
        more = {"BROWNOUT_ENGINE": subject.engine}
        more |= {"BROWNOUT_PLUGIN": str(plugin.resolve())} if plugin else {}
        more |= {"BROWNOUT_WAIVE": subject.waive} if subject.waive else {}
        more |= {"BROWNOUT_COUNTS": str(counts)} if counts else {}
        return {**kept, **AFL, **more}

    def folder(self, subject, target):
        """Named by the engine; a plug-in's by its file too, as two may have engines of one name."""
        name = f"{subject.plugin.stem} {subject.engine}" if subject.plugin else subject.engine
        return Corpus(self.corpus.resolve() / re.sub(r"[^\w.=-]+", "_", name) / target)

    # --- drivers ---

    def watched(self, driver, target, subject, corpus, command):
        """Runs a fuzzer, and counts what it did by the file that its target writes. Whether
        that is worth the name: it tried more than the first few, or found something."""
        before = set(corpus.found.iterdir())
        with tempfile.TemporaryDirectory() as work:
            counts = Path(work) / "counts"
            start = time.monotonic()
            environment = self.environment(subject, counts)
            grace = GRACE if self.share == float("inf") else FUZZER_GRACE
            code, output = run(command, environment, self.fuzzing(subject) + grace)
            spent = time.monotonic() - start
            numbers = counts.read_bytes() if counts.exists() else b""
        inputs, judged, _ = struct.unpack("=QQQ", numbers) if len(numbers) == 24 else (0, 0, 0)
        corpus.take_home(driver, output)
        found = len(set(corpus.found.iterdir()) - before)
        refusals = [line for line in lines_of(output) if REFUSES.search(line)]
        if refusals or not (inputs or found):
            what = "ended at its start" if inputs or found else "tried no input"
            said = refusals[0] if refusals else last_line(output)
            reason = f"{target} {what} (exit code {code}): {said}"
            self.outcome.missing.append(Missing(driver, subject.engine, reason))
        if inputs or found:
            ran = Ran(driver, target, subject.engine, inputs, judged, spent, found)
            self.outcome.ran.append(ran)
        return bool(found or inputs and not refusals)

    def libfuzzer(self, subject, target, corpus):
        # Fork mode goes on after a crash; its children stop at one.
        limits = [f"-max_total_time={self.fuzzing(subject)}", f"-max_len={INPUT_MAX}"]
        limits += [f"-timeout={TIMEOUT}", "-len_control=0"]  # an input is a whole history
        ways = ["-fork=1", "-ignore_crashes=1", "-ignore_timeouts=1", "-ignore_ooms=1"]
        found = [f"-artifact_prefix={corpus.found}/libFuzzer-", f"-seed={self.seed}"]
        program = self.targets.resolve() / target
        command = [program, *limits, *ways, *found, *corpus.sources()]
        return self.watched("libFuzzer", target, subject, corpus, command)

    def afl(self, subject, target, corpus):
        program = self.targets.resolve() / "afl" / target
        limits = ["-V", self.fuzzing(subject), "-t", TIMEOUT * 1000]
        limits += ["-G", INPUT_MAX, "-s", self.seed]
        places = ["-i", corpus.kept, "-o", corpus.afl, "-M", "main", "-F", corpus.kept]
        command = ["afl-fuzz", *limits, *places, "--", program]
        return self.watched("AFL++", target, subject, corpus, command)

    def built_in(self, subject):
        seconds = self.fuzzing(subject)
        options = ["--time", seconds, "--seed", self.seed, "--jobs", 1, "--quiet", "--json"]
        options += ["--artefacts", self.artefacts]
        command = [self.brownout, "fuzz", *subject.words, *options]
        start = time.monotonic()
        code, output = run(command, None, seconds + 10 * GRACE)
        if code not in (0, 1):
            reason = f"brownout fuzz ended with exit code {code}: {last_line(output)}"
            self.outcome.missing.append(Missing("built-in", subject.engine, reason))
            return
        counted = re.search(r'"scenarios": (\d+).*?"judged": (\d+)', output)
        inputs, judged = map(int, counted.groups()) if counted else (0, 0)
        found = re.findall(r'"case": "([^"]+)"', output)
        spent = time.monotonic() - start
        ran = Ran("built-in", "fuzz", subject.engine, inputs, judged, spent, len(found))
        self.outcome.ran.append(ran)
        for case in map(Path, found):
            self.add(case, case.read_text(errors="replace"), subject, "built-in")

    # --- what is brought home ---

    def add(self, path, text, subject, driver):
        case = Case(path, subject.engine, subject.plugin, driver, kind_of(text))
        self.outcome.cases.append(case)

    def decoded(self, subject, target, path):
        """(exit code, text of the case) of an input that stopped a target."""
        command = [self.brownout, "decode", path, *subject.words]
        with tempfile.TemporaryDirectory() as work:
            image = ["--image", Path(work) / "image"] if target == "image_fuzzer" else []
            return run([*command, *image], None, 10 * GRACE)

    def is_waived(self, subject, target, path):
        """Whether an input that shows nothing shows something that is waived: it may have stopped
        a target in a night before the waiver."""
        open_to_all = replace(subject, waive="")
        return bool(subject.waive) and self.decoded(open_to_all, target, path)[0] == 1

    def bring_home(self, subject, target, corpus):
        """Decodes what stopped the targets, one at least, and shrinks one input of each kind."""
        kinds = {case.kind for case in self.outcome.cases if case.engine == subject.engine}
        waiting = sorted(corpus.found.iterdir())
        for number, path in enumerate(waiting):
            if number == DECODED_MAX or (number and not self.left(subject)):
                self.outcome.left += len(waiting) - number
                break
            code, text = self.decoded(subject, target, path)
            kind, driver = kind_of(text), path.name.split("-")[0]
            if code != 1 or not kind:
                stopped = code != 0 or path.name.startswith(f"{driver}-crash")
                if stopped and not self.is_waived(subject, target, path):
                    kept = self.artefacts / f"unshown-{path.name}"
                    shutil.copy(path, kept)
                    self.outcome.unshown.append(kept)
            elif kind not in kinds:
                kinds.add(kind)
                text = self.shrunk(text, subject)
                digest = hashlib.sha256(text.encode()).hexdigest()
                case = self.artefacts / f"divergence-{digest}.case"
                case.write_text(text)
                self.add(case, text, subject, driver)
            path.unlink()

    def shrunk(self, text, subject):
        """The text of a smaller case of the kind; the same where there is none."""
        plugin = ["--plugin", subject.plugin] if subject.plugin else []
        with tempfile.NamedTemporaryFile("w", suffix=".case") as case:
            case.write(text)
            case.flush()
            options = ["--shrink-seconds", SHRINK_SECONDS, *plugin]
            seconds = min(10 * GRACE, self.left(subject))
            _, smaller = run([self.brownout, "shrink", case.name, *options], None, seconds)
        return smaller if kind_of(smaller) == kind_of(text) else text

    def minimise(self, subject, target, corpus):
        """Merges what both fuzzers kept into a smallest set with the same coverage."""
        libfuzzer, afl = self.targets.resolve() / target, self.targets.resolve() / "afl" / target
        with tempfile.TemporaryDirectory(dir=corpus.kept.parent) as work:
            merged = Path(work) / "merged"
            merged.mkdir()
            if libfuzzer.exists():
                options = ["-merge=1", f"-max_len={INPUT_MAX}", f"-timeout={TIMEOUT}"]
                options += [f"-artifact_prefix={corpus.found}/libFuzzer-merge-"]
                command = [libfuzzer, *options, merged, *corpus.sources()]
            elif afl.exists():
                everything = Path(work) / "all"
                everything.mkdir()
                for folder in corpus.sources():
                    for path in folder.glob("*"):
                        if path.is_file():
                            shutil.copy(path, everything)
                command = ["afl-cmin", "-i", everything, "-o", merged, "--", afl]
            else:
                return
            seconds = min(10 * GRACE, self.left(subject))
            code, _ = run(command, self.environment(subject), seconds)
            if code == 0 and any(merged.iterdir()):  # else a part of it may be missing
                corpus.replace(merged)

    # --- an engine ---

    def fuzz(self, subject):
        fuzzed = False
        self.ends[subject] = time.monotonic() + self.share
        for target in ("explore_fuzzer", "image_fuzzer"):
            libfuzzer = (self.targets / target).exists()
            afl = (self.targets / "afl" / target).exists() and shutil.which("afl-fuzz")
            corpus = self.folder(subject, target)
            corpus.seed()
            if libfuzzer:
                fuzzed |= self.libfuzzer(subject, target, corpus)
            if afl:
                fuzzed |= self.afl(subject, target, corpus)
            if libfuzzer or afl:
                self.bring_home(subject, target, corpus)
                self.minimise(subject, target, corpus)
        self.say_missing(subject)
        if not fuzzed:
            self.built_in(subject)

    def say_missing(self, subject):
        if not (self.targets / "explore_fuzzer").exists():
            reason = f"no target in {self.targets}; type: make fuzzers"
            self.outcome.missing.append(Missing("libFuzzer", subject.engine, reason))
        if not (self.targets / "afl/explore_fuzzer").exists() or not shutil.which("afl-fuzz"):
            reason = f"no target in {self.targets / 'afl'}, or no afl-fuzz; type: make afl"
            self.outcome.missing.append(Missing("AFL++", subject.engine, reason))


def kind_of(text):
    """The kind of the finding that a case has, as the case has it; "" where it has none."""
    found = re.search(r"(?m)^found (.+)$", text)
    return re.sub(r'"(?:[^"\\]|\\.)*"', "", found[1]).strip() if found else ""


def run_drivers(
    engines,
    seconds,
    corpus,
    jobs=1,
    brownout="build/brownout",
    targets="build/fuzzers",
    artefacts=".",
    seed=1,
    within=None,
):
    """Fuzzes each of `engines` for `seconds` by each driver and target that there is.

    `engines` are Subjects, or names as a scenario spells them; `corpus` is the folder that is kept
    between nights; `jobs` engines are fuzzed at the same time, by one fuzzer each. All of it is to
    take `within` seconds, where that is given. Cases are written to `artefacts`. The answer is an
    Outcome: `cases` (one for each kind of an engine, shrunk), `ran` (inputs, crash states,
    seconds), `missing` (what could not run, and why), `unshown` (inputs that stopped a target and
    showed nothing afterwards), `left` (how many wait for the next night). Nothing that a fuzzer,
    an engine or a plug-in does ends it; Refused where the command or a folder is no use.
    """
    subjects = [one if isinstance(one, Subject) else Subject(one) for one in engines]
    if not Path(brownout).exists():
        raise Refused(f"{brownout}: no such file; type: make")
    for folder in (corpus, artefacts):
        try:
            Path(folder).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise Refused(f"{folder}: {error.strerror}") from error
    night = Night(Path(brownout).resolve(), targets, corpus, int(seconds), artefacts, seed)
    jobs = max(jobs, 1)
    if within is not None:
        night.share = within * min(jobs / len(subjects), 1)
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        work = [(one, pool.submit(night.fuzz, one)) for one in subjects]
        try:
            for subject, job in work:
                try:
                    job.result()
                except OSError as error:
                    night.outcome.missing.append(Missing("all", subject.engine, str(error)))
        except BaseException:  # Ctrl-C
            for _, job in work:
                job.cancel()
            night.give_up()
            raise
    return night.outcome


# --- the command line ---


def print_outcome(outcome):
    for ran in outcome.ran:
        line = f"{ran.engine}: {ran.driver}, {ran.target}: {ran.inputs} inputs, {ran.judged} crash "
        print(f"{line}states judged in {ran.seconds:.0f} s, {ran.found} found something")
    for missing in outcome.missing:
        print(f"{missing.engine}: {missing.driver} did not run: {missing.reason}")
    for case in outcome.cases:
        print(f"{case.engine}: {case.kind} (by {case.driver})")
        plugin = f" --plugin {case.plugin}" if case.plugin else ""
        print(f"    replay with: brownout replay {case.path}{plugin}")
    for path in outcome.unshown:
        print(f"{path}: stopped a target, and shows nothing now")


def main(arguments):
    parser = argparse.ArgumentParser(prog="drivers", description="Fuzzes engines.")
    parser.add_argument("engines", nargs="+", help="as a scenario spells them: 'seqmap key=2'")
    parser.add_argument("--plugin", type=Path, help="the shared object that has them")
    parser.add_argument("--covered", type=Path, help="the same, compiled for coverage")
    parser.add_argument("--waive", default="", help="what is known: 'alive,lawful/reprogram'")
    parser.add_argument("--seconds", type=int, default=30, help="of each driver and target")
    parser.add_argument("--corpus", type=Path, default=Path("build/corpus"))
    parser.add_argument("--targets", type=Path, default=Path("build/fuzzers"))
    parser.add_argument("--brownout", type=Path, default=Path("build/brownout"))
    parser.add_argument("--artefacts", type=Path, default=Path("."))
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args(arguments)
    subjects = [
        Subject(engine, given.plugin, given.covered, given.waive) for engine in given.engines
    ]
    outcome = run_drivers(
        subjects,
        given.seconds,
        given.corpus,
        given.jobs,
        given.brownout,
        given.targets,
        given.artefacts,
        given.seed,
    )
    print_outcome(outcome)
    if outcome.unshown:
        return 3
    return 1 if outcome.cases else 0 if outcome.ran else 4


if __name__ == "__main__":
    tool(main)
