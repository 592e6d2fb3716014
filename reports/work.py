"""work - one command that a campaign runs: what it explores, for how long, and how it went."""

import functools
import hashlib
import json
import os
import re
import signal
import subprocess
import time
from pathlib import Path

from summary import plural

HOME = Path(__file__).resolve().parent.parent
HARNESS_FAILED, NOT_JUDGED = 3, 4  # exit codes of the command
GRACE = 120  # seconds after its share in which an exploration must end by itself
RANDOM_RUNS = 64  # random scenarios, and as many sets of images; twice as many each time
RANDOM_DOUBLES = 6  # times at most

# Between the single cuts, turn 1, and the pairs, turn 2.
OPTIONS_TURN, RANDOM_TURN, CLASSES_TURN, DRIVERS_TURN = 1.2, 1.4, 1.6, 1.8


@functools.lru_cache(maxsize=None)
def digest(path):
    """SHA-256 of a file; empty when it cannot be read."""
    try:
        return hashlib.sha256(Path(path).read_bytes()).hexdigest()
    except OSError:
        return ""


class Work:
    """What one command explores, and how it went."""

    def __init__(self, what, engine, turn):
        self.engine, self.turn = engine, turn
        self.name = what
        self.scenario = None
        self.extra = False  # beside the scenarios as they are: an engine may refuse it
        self.house = False  # of a scenario that comes with Brownout
        self.pair = (what, engine.text)
        self.share = 0
        self.code = None  # None: not run yet
        self.before = False  # done on an earlier night, with the same build
        self.stopped = False
        self.judged = self.waived = 0
        self.complaint = ""
        self.outcome = ""

    def words(self, settings):
        """The subcommand and what it explores."""
        raise NotImplementedError

    def deciding(self, settings):
        """The words that decide what comes out."""
        words = [*self.words(settings), "--engine", self.engine.text]
        words += ["--plugin", self.engine.plugin] if self.engine.plugin else []
        words += ["--memory", str(settings.memory)] if settings.memory else []
        waived = settings.waivers.words_for(self.engine.name)
        return words + (["--waive", waived] if waived else [])

    def key(self, settings):
        """Equal for what comes out the same: program, plug-in, scenario and words are."""
        files = [settings.brownout, self.engine.plugin, self.scenario]
        parts = [digest(file) if file else "" for file in files] + self.deciding(settings)
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()

    def command(self, settings, seconds):
        """All of it."""
        words = [settings.brownout, *self.deciding(settings), "--db", settings.database]
        words += ["--campaign", settings.campaign, "--artefacts", settings.artefacts]
        return words + [
            "--jobs", str(settings.jobs), "--seconds", f"{seconds:.3f}", "--json", "--quiet"
        ]  # fmt: skip

    def run(self, settings, seconds, tick):
        """Runs the command; `tick` is called now and then."""
        self.share = seconds
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "errors": "replace"}
        # A group of its own: Ctrl-C reaches us alone, and we hand it on and wait for the results.
        command = self.command(settings, seconds)
        with subprocess.Popen(command, text=True, start_new_session=True, **pipes) as child:
            try:
                out, complaint = wait(child, seconds + GRACE, tick)
            except KeyboardInterrupt:
                child.send_signal(signal.SIGINT)
                self.take(child, *wait(child, GRACE, lambda: None))
                raise
            finally:
                if child.poll() is None:
                    os.killpg(child.pid, signal.SIGKILL)
        self.take(child, out, complaint)
        if self.waived:
            settings.waivers.counted(self.engine.name)

    def take(self, child, out, complaint):
        """Reads what the command said."""
        self.code = child.returncode
        lines = complaint.strip().split("\n")
        silent = "nothing was judged" if self.code == NOT_JUDGED else f"exit code {self.code}"
        self.complaint = re.sub(r"^brownout: ", "", lines[-1]) or silent
        try:
            said = json.loads(out)
            self.stopped = said["stopped"]
            self.judged = said["judged"]
            self.waived = said.get("waived", 0)
            count = len(said["divergences"])
            found = plural(count, "divergence") if count else "no divergence"
            self.outcome = f"{self.judged:,} crash states judged, {found}"
            if not self.judged and not count:
                self.outcome = "nothing was judged"
            if lost := said.get("unreproduced"):  # beside what did
                self.complaint = plural(lost, "kind") + " did not replay, a fault of the harness"
                self.code = HARNESS_FAILED
        except (ValueError, KeyError, TypeError):
            self.outcome = self.complaint
            if self.code in (0, 1):  # a verdict without what was judged is none
                self.code = HARNESS_FAILED

    @property
    def refused(self):
        """The engine takes neither the chip nor the options, or not one operation: no mistake."""
        if self.code == NOT_JUDGED:
            return not self.stopped
        own = f": engine {self.engine.name}: "  # after the place, which may have a line
        return self.code == 2 and (self.extra or own in self.complaint or self.left_undone)

    @property
    def left_undone(self):
        """A scenario of ours expects what the engine refused to do. One of the user's is their own
        word on what the engine has to do."""
        unmet = r": the scenario expects .*; line \d+: \w+ answers "
        return self.house and re.search(unmet, self.complaint) is not None

    @property
    def mistaken(self):
        """What it was given is no use, whatever the engine: a scenario with a wrong word."""
        return self.code == 2 and not self.refused

    @property
    def failed(self):
        """The harness failed. Where the time was over before a state was judged it did not."""
        return self.code not in (None, 0, 1, 2, NOT_JUDGED)

    @property
    def state(self):
        """As the database spells it."""
        if self.refused or self.mistaken or self.failed:
            return "refused" if self.refused else "failed"
        if self.code is None:
            return "done" if self.before else "open"
        return "stopped" if self.stopped else "done"


class Exploration(Work):
    """One scenario on one engine, which may have options."""

    def __init__(self, scenario, engine, depth, faults=None, turn=None, extra=False):
        deep = f", depth {depth}" if depth > 1 else ""
        more = f", {faults}" if faults else ""
        name = f"{Path(scenario).stem} on {engine.text}{deep}{more}"
        super().__init__(name, engine, turn or depth)
        self.scenario, self.depth, self.faults, self.extra = scenario, depth, faults, extra
        self.house = Path(scenario).resolve().parent == HOME / "scenarios"
        self.pair = (scenario, engine.text)

    def words(self, settings):
        faults = self.faults or settings.faults
        chosen = ["--faults", faults] if faults else []
        seed = ["--seed", str(settings.seed)] if settings.seed is not None else []
        return ["explore", self.scenario, "--depth", str(self.depth), *chosen, *seed]


class Random(Work):
    """Random scenarios on one engine, other ones in each round."""

    def __init__(self, engine, number=0):
        again = f", round {number + 1}" if number else ""
        super().__init__(f"random scenarios on {engine.text}{again}", engine, RANDOM_TURN)
        self.number = number

    def words(self, settings):
        runs = RANDOM_RUNS << min(self.number, RANDOM_DOUBLES)
        faults = ["--faults", settings.faults] if settings.faults else []
        seed = settings.first_seed + self.number
        return ["fuzz", "--runs", str(runs), "--seed", str(seed), *faults]


def wait(child, seconds, tick):
    """The child's output when it ends; it is killed when that takes longer than `seconds`."""
    end = time.monotonic() + seconds
    while True:
        try:
            return child.communicate(timeout=0.2)
        except subprocess.TimeoutExpired:
            tick()
        if time.monotonic() > end:
            os.killpg(child.pid, signal.SIGKILL)
            out, _ = child.communicate()
            return out, "did not end in time and was killed"
