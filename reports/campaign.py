"""campaign - explores every scenario on every engine within a time, and shows what came out.

    python3 reports/campaign.py [--seconds 60] [--jobs N] [--db build/results.db] [--campaign NAME]

What `make campaign` runs: every single cut first, and pairs of cuts where a scenario states that
depth; then scenarios with other options of the engines, and random scenarios, which vary the
options, the chip and the depth; then, in the time that is left, pairs of cuts everywhere (--depth
N: that depth alone, of the scenarios). The time is shared: each exploration may take an equal part
of what is left, so what a quick one does not need goes to those after it, and what is left at the
end to those that were stopped. Each campaign is new in the database, under the name campaign-N
unless given one; its cases are saved beside it, and a page with the wear is written.

Exit code: 0 clean; 1 an engine broke what it claims; 2 bad input, such as a scenario that no engine
takes; 3 the harness failed; 130 interrupted, with what was found so far stored and shown.
"""

import argparse
import itertools
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import summary
from results import (
    Failed,
    Refused,
    campaign_named,
    explained,
    moment,
    open_or_make,
    open_results,
    tool,
    write_whole,
)

ROOT = Path(__file__).resolve().parent.parent
BUILD = Path(os.environ.get("BROWNOUT_BUILD", "build"))
SHARE_MIN = 0.2  # seconds that any exploration gets
GRACE = 120  # seconds after its share in which an exploration must end by itself
LONG_FACTOR = 4  # a share that was too short for a single cut is made this many times as long
AGAIN_FACTOR = 2  # a stopped exploration is repeated if it would get this many times the time
BAR = 24  # columns of the progress bar

# Between the single cuts, turn 1, and the pairs, turn 2; each turn ends at a part of the time.
OPTIONS_TURN, RANDOM_TURN, CLASSES_TURN = 1.2, 1.4, 1.6
TURN_ENDS = {1: 0.5, OPTIONS_TURN: 0.6, RANDOM_TURN: 0.7, CLASSES_TURN: 0.8}
RANDOM_RUNS = 64  # random scenarios, and as many sets of images


def short(path):
    """A path as a person would type it from here."""
    relative = os.path.relpath(path)
    return str(path) if relative.startswith("..") else relative


# --- what there is to do ---


def engines_of(brownout):
    """The engines of the house, without those that are there to be caught, by name."""
    command = [brownout, "list", "engines", "--json"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
        listed = json.loads(done.stdout)
    except FileNotFoundError:
        raise Refused(f"{brownout}: no such file; type: make") from None
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        raise Failed(f"{brownout}: expected a list of its engines: {error}") from error
    return {engine["name"]: engine for engine in listed if not engine.get("subject")}


def scenarios_of(folder):
    """The scenario files of a folder in the order of their names."""
    found = sorted(Path(folder).glob("*.scn"))
    if not found:
        raise Refused(f"{folder}: expected scenarios (*.scn), found none")
    return [short(path) for path in found]


def depth_of(scenario):
    """The depth that a scenario states, or 1."""
    with explained(scenario), open(scenario, encoding="utf-8", errors="replace") as file:
        stated = re.search(r"^\s*depth\s+(\d+)", file.read(), re.MULTILINE)
    return int(stated[1]) if stated else 1


def kind_of(scenario, engines):
    """The kind of engine that a scenario is for: of the one that it names; None when that is none
    of the house."""
    with explained(scenario), open(scenario, encoding="utf-8", errors="replace") as file:
        named = re.search(r"^\s*engine\s+(\S+)", file.read(), re.MULTILINE)
    return engines.get(named[1], {}).get("kind") if named else None


def new_name(db):
    """campaign-N, by the first N above all that the database has; there from now on, so that two
    campaigns that begin at once do not take the same."""
    db.execute("begin immediate")
    try:
        name = next_name(db)
        db.execute("insert into campaign (name, started) values (?, ?)", (name, moment()))
        db.execute("commit")
    except BaseException:
        db.execute("rollback")
        raise
    return name


def next_name(db):
    """The first that is free."""
    rows = db.execute("select name from campaign")
    matches = [re.fullmatch(r"campaign-(\d+)", row["name"]) for row in rows]
    taken = [int(match[1]) for match in matches if match]
    return f"campaign-{max(taken, default=0) + 1}"


# --- progress ---


class Progress:
    """A bar on a terminal; else a line for each exploration that ended."""

    def __init__(self, pairs, seconds, out):
        self.pairs, self.seconds, self.out = pairs, seconds, out
        self.done = 0
        self.start = time.monotonic()
        self.terminal = out.isatty()

    def show(self, done, text):
        if self.terminal:
            spent = time.monotonic() - self.start
            full = BAR * done // max(self.pairs, 1)
            bar = "#" * full + "." * (BAR - full)
            line = f"[{bar}] {done}/{self.pairs}  {spent:.0f} s of {self.seconds:.0f}  {text}"
            print(f"\r{line[:99]:<99}", end="", file=self.out, flush=True)

    def report(self, text):
        if not self.terminal:
            print(text, file=self.out, flush=True)

    def end(self):
        if self.terminal:
            print(f"\r{'':<99}\r", end="", file=self.out, flush=True)


# --- exploring ---


class Work:
    """What one command explores, and how it went."""

    def __init__(self, what, engine, turn):
        self.engine, self.turn = engine, turn
        self.name = what
        self.scenario = None
        self.extra = False  # beside the scenarios as they are: an engine may refuse it
        self.pair = (what, engine)
        self.share = 0
        self.code = None  # None: not run yet
        self.stopped = False
        self.judged = 0
        self.complaint = ""
        self.outcome = ""

    def command(self, options, seconds):
        words = [options.brownout, *self.words(options), "--engine", self.engine]
        words += ["--db", options.db, "--campaign", options.campaign, "--artefacts", options.cases]
        words += ["--jobs", str(options.jobs), "--seconds", f"{seconds:.3f}", "--json", "--quiet"]
        words += ["--seed", options.seed] if options.seed is not None else []
        return words

    def run(self, options, seconds, tick):
        """Runs the command; `tick` is called now and then."""
        self.share = seconds
        command = self.command(options, seconds)
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        # A group of its own: Ctrl-C reaches us alone, and we hand it on and wait for the results.
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

    def take(self, child, out, complaint):
        """Reads what the command said."""
        self.code = child.returncode
        lines = complaint.strip().split("\n")
        self.complaint = re.sub(r"^brownout: ", "", lines[-1]) or f"exit code {self.code}"
        try:
            said = json.loads(out)
            self.stopped = said["stopped"]
            self.judged = said["judged"]
            count = len(said["divergences"])
            self.outcome = f"{said['judged']:,} crash states judged, "
            self.outcome += f"{summary.plural(count, 'divergence') if count else 'no divergence'}"
        except (ValueError, KeyError, TypeError):
            self.outcome = self.complaint

    @property
    def refused(self):
        return self.code == 2

    @property
    def failed(self):
        nothing_yet = self.code == 4 and self.stopped  # the time was over before a state was judged
        return self.code not in (None, 0, 1, 2) and not nothing_yet


class Exploration(Work):
    """One scenario on one engine, which may have options."""

    def __init__(self, scenario, engine, depth, faults=None, turn=None):
        deep = f", depth {depth}" if depth > 1 else ""
        more = f", {faults}" if faults else ""
        super().__init__(f"{Path(scenario).stem} on {engine}{deep}{more}", engine, turn or depth)
        self.scenario, self.depth, self.faults = scenario, depth, faults
        self.extra = " " in engine
        self.pair = (scenario, engine)

    def words(self, options):
        faults = self.faults or options.faults
        chosen = ["--faults", faults] if faults else []
        return ["explore", self.scenario, "--depth", str(self.depth), *chosen]


class Random(Work):
    """Random scenarios on one engine."""

    def __init__(self, engine):
        super().__init__(f"random scenarios on {engine}", engine, RANDOM_TURN)

    def words(self, options):
        return ["fuzz", "--runs", str(RANDOM_RUNS)]


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


def explore(explorations, seconds_end, options, progress):
    """Runs them one after the other, each with an equal part of the time up to `seconds_end`."""
    end = progress.start + seconds_end
    for i, one in enumerate(explorations):
        left = max(end - time.monotonic(), 0)
        share = max(left / (len(explorations) - i), SHARE_MIN)
        if one.code is not None and share < AGAIN_FACTOR * one.share:
            continue
        done = progress.done
        progress.show(done, one.name)
        one.run(options, share, lambda done=done, name=one.name: progress.show(done, name))
        if one.stopped and one.judged == 0:  # the run without cuts alone took all of it
            one.run(options, LONG_FACTOR * share, lambda: None)
        progress.done = min(done + 1, progress.pairs)
        progress.report(f"{one.name}: {one.outcome}" + (", stopped early" if one.stopped else ""))


def worth_it(explorations, turn):
    """Those of a turn, but for what was refused, failed, or was too long in an earlier one."""
    of_turn = [one for one in explorations if one.turn == turn]
    poor = {one.pair for one in explorations if one.stopped or one.code not in (None, 0, 1)}
    return [one for one in of_turn if one.pair not in poor]


def explore_all(explorations, options, progress):
    """All of them, turn by turn, and those that were stopped again if time is left. False:
    interrupted."""
    turns = sorted({one.turn for one in explorations})
    try:
        for turn in turns:
            until = 1 if turn == turns[-1] else TURN_ENDS[turn]
            explore(worth_it(explorations, turn), until * options.seconds, options, progress)
        stopped = [one for one in explorations if one.stopped]
        explore(stopped, options.seconds, options, progress)
    except KeyboardInterrupt:
        return False
    finally:
        progress.end()
    return True


def options_of(engine):
    """The texts of options that are tried beside those of the scenarios: all switches on, and each
    one alone. Numbers are left to the random scenarios."""
    switches = [
        f"{it['name']}=1"
        for it in engine.get("options", [])
        if not it["fixed"] and (it["min"], it["value"], it["max"]) == (0, 0, 1)
    ]
    alone = switches if len(switches) > 1 else []
    return [" ".join(switches), *alone] if switches else []


def at_each_depth(pairs, options):
    """Every pair in each turn. One that states a depth has it from the first turn on, unless the
    user chose one."""
    for turn in options.depths:
        for scenario, engine in pairs:
            stated = 1 if options.depth else depth_of(scenario)
            if turn == options.depths[0] or turn > stated:
                yield Exploration(scenario, engine, max(turn, stated), turn=turn)


def planned(scenarios, engines, options):
    """Every scenario on every engine of its kind: the classes that are always tried at each depth.
    Unless the user chose, each scenario once more with other options of the engine, those in turn;
    random scenarios on each engine; and the classes that an engine claims besides."""
    pairs = [
        (scenario, name)
        for scenario in scenarios
        for name, engine in engines.items()
        if kind_of(scenario, engines) in (None, engine.get("kind"))
    ]
    plan = list(at_each_depth(pairs, options))
    if options.faults or options.depth:
        return plan
    turns = {name: itertools.cycle(options_of(engine)) for name, engine in engines.items()}
    for scenario, name in pairs:
        chosen = next(turns[name], None)
        if chosen:
            plan.append(Exploration(scenario, f"{name} {chosen}", 1, turn=OPTIONS_TURN))
        claims = engines[name].get("claims", "").split(",")
        more = ",".join(c for c in claims if c not in ("edge", "prefix", "bits", "zeros", ""))
        plan += [Exploration(scenario, name, 1, more, CLASSES_TURN)] if more else []
    return plan + [Random(name) for name in engines]


# --- the end ---


def complaints(explorations):
    """Lines about what could not be explored, one for each reason."""
    groups = {}
    for e in explorations:
        if e.failed or (e.refused and not e.extra):
            kind = "not run" if e.refused else "failed"
            groups.setdefault((kind, e.complaint), []).append(e.name)
    for (kind, reason), names in groups.items():
        more = f" and {len(names) - 1} more" if len(names) > 1 else ""
        yield f"{kind}: {names[0]}{more}: {reason}"


def bad_scenarios(explorations):
    """Scenarios that every engine refused: the mistake is theirs."""
    taken = {e.scenario for e in explorations if not e.refused}
    return sorted({e.scenario for e in explorations if e.scenario} - taken)


def show(options, explorations):
    """Prints the tables and writes the page; True when a claim is broken."""
    db = open_results(options.db)
    campaign = campaign_named(db, options.db, options.campaign)
    sys.stdout.write(summary.plain(db, campaign))
    page = os.path.join(os.path.dirname(options.db), "campaign.html")
    write_whole(page, summary.html(db, campaign))
    broken = summary.is_broken(db, campaign)
    if any(e.code == 1 for e in explorations):
        print(f"cases: {options.cases}")
    print(f"results: {options.db}, page: {page}")
    db.close()
    return broken


def finish(options, explorations, whole):
    """Tells everything and chooses the exit code."""
    ran = any(e.code in (0, 1) for e in explorations)
    broken = show(options, explorations) if ran else False
    sys.stdout.flush()
    for line in complaints(explorations):
        print(line, file=sys.stderr)
    if not whole:
        print(f"interrupted; results so far are in {options.db}", file=sys.stderr)
        return 130
    if any(e.failed for e in explorations):
        return 3
    if broken:
        return 1
    bad = bad_scenarios(explorations)
    for scenario in bad:
        print(f"{scenario}: no engine takes its chip and options", file=sys.stderr)
    return 2 if bad else 0


def positive(text):
    value = float(text)
    if not 0 < value < float("inf"):
        raise ValueError
    return value


def parse(arguments):
    parser = argparse.ArgumentParser(prog="campaign.py", description=__doc__.split("\n")[0])
    parser.add_argument("--seconds", type=positive, default=60, help="for all together (60)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes")
    parser.add_argument("--db", default=short(ROOT / BUILD / "results.db"), help="where results go")
    parser.add_argument("--campaign", metavar="NAME", help="default: campaign-N, a new one")
    parser.add_argument("--cases", metavar="FOLDER", help="default: divergences/ beside it")
    parser.add_argument("--scenarios", metavar="FOLDER", default=short(ROOT / "scenarios"))
    parser.add_argument("--brownout", metavar="FILE", default=short(ROOT / BUILD / "brownout"))
    parser.add_argument("--depth", type=int, help="cuts on one path; default: 1, then 2")
    for name in ("faults", "seed"):
        parser.add_argument(f"--{name}", help="handed to brownout explore")
    options = parser.parse_args(arguments)
    options.brownout = os.path.abspath(options.brownout)
    options.cases = options.cases or os.path.join(os.path.dirname(options.db), "divergences")
    return options


def interrupt(number, frame):
    """A polite kill is a Ctrl-C."""
    raise KeyboardInterrupt


def main(arguments):
    options = parse(arguments)
    engines = engines_of(options.brownout)
    scenarios = scenarios_of(options.scenarios)
    for folder in (os.path.dirname(options.db) or ".", options.cases):
        with explained(folder):
            os.makedirs(folder, exist_ok=True)
    db = open_or_make(options.db)
    with explained(options.db):
        options.campaign = options.campaign or new_name(db)
    db.close()
    signal.signal(signal.SIGTERM, interrupt)
    options.depths = [options.depth] if options.depth else [1, 2]
    explorations = planned(scenarios, engines, options)
    progress = Progress(len(explorations), options.seconds, sys.stderr)
    return finish(options, explorations, explore_all(explorations, options, progress))


if __name__ == "__main__":
    tool(main)
