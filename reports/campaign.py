"""campaign - everything, for a time: every scenario on every engine, and what is new since last.

    brownout campaign [brownout.toml] [--time 8h] ...

The order: single cuts of all; scenarios with other options of the engines, and random scenarios,
which vary the options, the chip and the depth; the classes that an engine claims besides; pairs of
cuts; deeper ones. Each turn ends at a part of the time, and within it each exploration may
take an equal part of what is left, so none starves another; what a quick one does not need goes to
those after it, then to those that were stopped, and at the end to more random scenarios.

What was completed before in the same series of campaigns, with the same build, is not done again
(--again does all). What is new is asked against what was reported before: everything up to the
last campaign of the series that came to its end. campaign_file.py has what can be chosen,
morning.py what is printed.

Exit code: 0 nothing new; 1 something new, against what an engine claims, that is not waived; 2 bad
usage or input, such as a scenario that no engine takes; 3 the harness or a part failed; 4 nothing
was judged, or nothing of an engine that was named; 130 interrupted, with what was found so far
stored and shown.
"""

import contextlib
import errno
import os
import signal
import sys
import time

import campaign_file
import cluster
import driven
import export
import looks
import morning
import summary
from plan import HOME, engines_of, planned, scenarios_of, short
from results import (
    Failed,
    Refused,
    campaign_named,
    explained,
    open_or_make,
    open_results,
    set_aside_damaged,
    tool,
    write_whole,
)
from standing import Standing
from tasks import Tasks, new_campaign
from work import CLASSES_TURN, DRIVERS_TURN, OPTIONS_TURN, RANDOM_TURN, Random

SHARE_MIN = 0.2  # seconds that any exploration gets
LONG_FACTOR = 4  # a share that was too short for a single cut is made this many times as long
AGAIN_FACTOR = 2  # a stopped exploration is repeated if it would get this many times the time
BAR = 24  # columns of the progress bar

# Each turn ends at a part of the time; pairs and deeper ones share what is left after the last.
TURN_ENDS = {1: 0.5, OPTIONS_TURN: 0.6, RANDOM_TURN: 0.7, CLASSES_TURN: 0.8, DRIVERS_TURN: 0.9}


# --- progress ---


class Progress:
    """A bar on a terminal; else a line for each exploration that ended."""

    def __init__(self, tasks, seconds, out):
        self.tasks, self.seconds, self.out = tasks, seconds, out
        self.done = 0
        self.start = time.monotonic()
        self.terminal = out.isatty()

    def show(self, done, text):
        """What is under way."""
        if self.terminal:
            spent = time.monotonic() - self.start
            full = BAR * done // max(self.tasks, 1)
            bar = "#" * full + "." * (BAR - full)
            line = f"[{bar}] {done}/{self.tasks}  {spent:.0f} s of {self.seconds:.0f}  {text}"
            print(f"\r{line[:99]:<99}", end="", file=self.out, flush=True)

    def report(self, text):
        """What ended."""
        if not self.terminal:
            print(text, file=self.out, flush=True)

    def end(self):
        """Clears the bar."""
        if self.terminal:
            print(f"\r{'':<99}\r", end="", file=self.out, flush=True)


# --- exploring ---


class Runner:
    """Runs the plan of one campaign within its time."""

    def __init__(self, plan, settings, tasks, progress):
        self.plan, self.settings, self.tasks, self.progress = plan, settings, tasks, progress
        self.driven = driven.Driven(settings)

    def run(self, one, seconds):
        """One task, shown and kept."""
        progress, done = self.progress, self.progress.done
        progress.show(done, one.name)
        self.tasks.begin(one, self.settings)
        try:
            one.run(self.settings, seconds, lambda: progress.show(done, one.name))
            if one.stopped and one.judged == 0:  # the run without cuts alone took all of it
                one.run(self.settings, LONG_FACTOR * seconds, lambda: None)
        finally:
            if one.code is not None:
                self.tasks.end(one, self.settings)
        progress.done = min(done + 1, progress.tasks)
        progress.report(f"{one.name}: {one.outcome}" + (", stopped early" if one.stopped else ""))

    def run_each(self, tasks, part):
        """One after the other, each with an equal share of the time up to that part of it. When all
        of the time is over none begins."""
        end = self.progress.start + part * self.settings.time
        for i, one in enumerate(tasks):
            if time.monotonic() >= self.progress.start + self.settings.time:
                return
            left = max(end - time.monotonic(), 0)
            share = max(left / (len(tasks) - i), SHARE_MIN)
            if one.code is None or share >= AGAIN_FACTOR * one.share:
                self.run(one, share)

    def worth_it(self, turn):
        """Those of a turn, but for what was done before, and what was refused, failed, or was too
        long in an earlier turn."""
        of_turn = [one for one in self.plan if one.turn == turn and not one.before]
        poor = {one.pair for one in self.plan if one.stopped or one.code not in (None, 0, 1)}
        return [one for one in of_turn if one.pair not in poor]

    def run_drivers(self, engines, part):
        """The fuzz drivers up to that part of the time, half of it for what they found."""
        spent = time.monotonic() - self.progress.start
        seconds = (part * self.settings.time - spent) / 2
        if seconds > 0:
            self.progress.show(self.progress.done, "fuzz drivers")
            found = self.driven.run(engines, seconds)
            self.plan += found
            self.run_each(found, part)

    def run_plan(self, engines):
        """Turn by turn, then those that were stopped again if time is left."""
        turns = {one.turn for one in self.plan}
        turns = sorted(turns | ({DRIVERS_TURN} if driven.targets_of(self.settings) else set()))
        deep = [turn for turn in turns if turn not in TURN_ENDS]
        last = max((TURN_ENDS[turn] for turn in turns if turn in TURN_ENDS), default=0)
        ends = {turn: last + (1 - last) * (i + 1) / len(deep) for i, turn in enumerate(deep)}
        ends = {**TURN_ENDS, **ends, **{turn: 1 for turn in turns[-1:]}}
        for turn in turns:
            if turn == DRIVERS_TURN:
                self.run_drivers(engines, ends[turn])
            else:
                self.run_each(self.worth_it(turn), ends[turn])
        self.run_each([one for one in self.plan if one.stopped], 1)

    def run_spare(self, engines):
        """The fuzz drivers again, and more random scenarios, round by round, while time is left and
        they are of use."""
        self.run_drivers(engines, 1)
        part, parts = self.settings.shard or (0, 1)
        number, useful = part + 1 - parts, self.settings.random
        while useful and self.progress.start + self.settings.time - time.monotonic() > SHARE_MIN:
            number += parts  # each shard has rounds of its own
            rounds = [Random(engine, number) for engine in engines]
            self.plan += rounds
            self.run_each(rounds, 1)
            useful = any(one.code in (0, 1) for one in rounds)

    def run_all(self, engines):
        """All there is time for. False: interrupted."""
        try:
            self.run_plan(engines)
            self.run_spare(engines)
        except KeyboardInterrupt:
            return False
        finally:
            self.progress.end()
        return True


# --- the end ---


def complaints(word, works):
    """Lines about what was not explored, one for each reason."""
    groups = {}
    for one in works:
        groups.setdefault(one.complaint, []).append(one.name)
    for reason, names in groups.items():
        more = f" and {len(names) - 1} more" if len(names) > 1 else ""
        yield f"{word}: {names[0]}{more}: {reason}"


def failures(plan):
    """What failed, or was given what is no use."""
    yield from complaints("failed", [one for one in plan if one.failed or one.mistaken])


def refusals(plan):
    """What engines do not take, by their own word."""
    yield from complaints("refused", [one for one in plan if one.refused and not one.extra])


def bad_scenarios(plan):
    """Scenarios that no engine takes: the mistake is theirs. Those that come with Brownout are for
    engines of many sizes, and not all of them fit those that take part."""
    taken = {one.scenario for one in plan if not (one.refused or one.mistaken)}
    return sorted({one.scenario for one in plan if one.scenario and not one.house} - taken)


def unjudged(settings, engines, plan):
    """Engines that somebody named and nothing of which was judged: no verdict is not a pass. A
    part of the plan need not have each of them."""
    judged = {one.engine.text for one in plan if one.judged or one.before}
    named = [it.text for it in engines if settings.engines is not None or it.plugin]
    return [] if settings.shard else [it for it in named if it not in judged]


def plugins_of(engines):
    """{name of an engine that takes part: its plug-in, or None}."""
    return {it.name: it.plugin for it in engines}


class Ending:
    """The reports of a campaign. What fails here is one more line, and the others are made."""

    def __init__(self, settings, engines, plan, lost, trouble, did, seconds):
        self.settings, self.plan, self.did = settings, plan, did
        self.plugins = plugins_of(engines)
        self.trouble = list(filter(None, [trouble]))
        self.lost = lost + did.unshown
        self.idle = unjudged(settings, engines, plan)
        nothing = [f"nothing was judged of {it}" for it in self.idle]
        self.not_run = self.lost + nothing + list(failures(plan)) + self.trouble
        self.seconds = seconds
        self.morning = None

    @contextlib.contextmanager
    def careful(self):
        """What fails in the block is kept."""
        try:
            yield
        except (Failed, Refused) as error:
            self.trouble.append(str(error))

    def look(self, db, campaign):
        """What the database says of it all."""
        settings = self.settings
        found = morning.findings_of(db, campaign, settings.waivers, self.plugins)
        standing = Standing(db, campaign)
        self.morning = morning.Morning(
            campaign=campaign,
            findings=found,
            gone=standing.lines_of(standing.went(campaign), summary.DIVERGENCES_SHOWN_MAX),
            covered=morning.covered_of(self.plan, self.seconds) + list(self.did.lines()),
            not_run=self.not_run,
            refused=list(refusals(self.plan)),
            waivers=list(settings.waivers.complaints(self.plugins)),
            tables=summary.plain(db, campaign),
            brownout=short(settings.brownout),
            folder=settings.artefacts,
        )

    def write(self, db, campaign):
        """All files, each by itself."""
        settings, text = self.settings, morning.markdown(self.morning)
        here = lambda name: os.path.join(settings.artefacts, name)  # noqa: E731
        verdicts = export.Verdicts(self.morning)
        files = {
            here("summary.md"): lambda: text,
            here("junit.xml"): lambda: export.junit(db, campaign, verdicts),
            here("brownout.sarif"): lambda: export.sarif(db, campaign, verdicts),
            here("campaign.html"): lambda: summary.html(db, campaign),
        }
        for it in self.morning.findings:
            files[here(os.path.basename(it.row["artefact"]))] = lambda it=it: it.text
        if settings.markdown:
            files[settings.markdown] = lambda: text
        for path, make in files.items():
            with self.careful():
                write_whole(path, make())
        job = os.environ.get("GITHUB_STEP_SUMMARY")
        if job:
            with self.careful(), explained(job), open(job, "a", encoding="utf-8") as out:
                out.write(text)

    def show(self):
        """Prints the first screen, and all tables where they are asked for."""
        settings = self.settings
        with self.careful(), contextlib.closing(open_results(settings.database)) as db:
            with explained(settings.database):
                campaign = campaign_named(db, settings.database, settings.campaign)
                self.look(db, campaign)
                self.write(db, campaign)
        if self.morning and settings.long:
            print(self.morning.tables)
        if self.morning:
            sys.stdout.write(morning.screen(self.morning))
            print(f"reports: {settings.artefacts}, results: {settings.database}")
        sys.stdout.flush()
        said = set(self.not_run if self.morning else ())
        for line in dict.fromkeys(self.not_run + self.trouble):
            if line not in said:
                print(line, file=sys.stderr)

    def code(self):
        """What to exit with. What is new comes before what failed, which the screen says, too."""
        if self.morning and self.morning.red:
            return 1
        if self.trouble or self.lost or any(one.failed for one in self.plan):
            return 3
        bad = bad_scenarios(self.plan)
        for scenario in bad:
            print(f"{scenario}: no engine takes its chip and options", file=sys.stderr)
        if bad or any(one.mistaken for one in self.plan):
            return 2
        judged = any(one.judged or one.before for one in self.plan)
        return 0 if judged and not self.idle else 4


def interrupt(number, frame):
    """A polite kill is a Ctrl-C."""
    raise KeyboardInterrupt


def begin(settings):
    """Makes the folders and the campaign; returns what was lost in doing so."""
    for folder in (os.path.dirname(settings.database) or ".", settings.artefacts):
        with explained(folder):
            os.makedirs(folder, exist_ok=True)
    with explained(settings.artefacts):
        if not os.access(settings.artefacts, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    lost = set_aside_damaged(settings.database)
    with contextlib.closing(open_or_make(settings.database)) as db, explained(settings.database):
        query = "select count(*) from campaign where series = ?"
        nights = db.execute(query, (settings.name,)).fetchone()[0]
        settings.first_seed = nights << 20 if settings.seed is None else settings.seed
        settings.campaign = new_campaign(db, settings.name, settings.campaign)
    return lost


def run(settings, engines, plan, lost):
    """The campaign from its first task to its reports."""
    tasks = Tasks(settings)
    for line in lost:
        tasks.lose(line)
    for one in plan:
        one.before = not settings.again and one.key(settings) in tasks.done
        if one.before and tasks.done[one.key(settings)]:
            settings.waivers.counted(one.engine.name)
    todo = sum(not one.before for one in plan)
    progress = Progress(todo, settings.time, sys.stderr)
    runner = Runner(plan, settings, tasks, progress)
    whole = runner.run_all(engines)
    seconds = time.monotonic() - progress.start
    trouble = looks.look(settings, tasks.campaign, plugins_of(engines)) if whole else ""
    trouble = tasks.trouble or trouble
    ending = Ending(settings, engines, plan, lost, trouble, runner.driven, seconds)
    ending.show()
    tasks.close(whole and not ending.trouble)
    if not whole:
        print(f"interrupted; results so far are in {settings.database}", file=sys.stderr)
        return 130
    return ending.code()


def main(arguments):
    settings = campaign_file.settings(arguments)
    if settings is None:
        sys.stdout.write(campaign_file.usage())
        return 0
    built = HOME / os.environ.get("BROWNOUT_BUILD", "build")
    settings.brownout = os.path.abspath(settings.brownout or built / "brownout")
    settings.targets = settings.targets or str(built / "fuzzers")
    if settings.dask:
        return cluster.run(arguments, settings)
    engines, kinds, lost = engines_of(settings)
    plan = planned(scenarios_of(settings.scenarios), engines, kinds, settings)
    signal.signal(signal.SIGTERM, interrupt)
    lost = begin(settings) + lost
    return run(settings, engines, plan, lost)


if __name__ == "__main__":
    tool(main)
