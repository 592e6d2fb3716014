"""plan - what a campaign sets out to do: every scenario on every engine of its kind.

An engine of a plug-in is one like those of the house. What cannot be had, such as a plug-in that
crashes while it is loaded, is left out and named; the rest is planned all the same.
"""

import functools
import itertools
import json
import os
import re
import signal
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from campaign_file import HOUSE
from results import Failed, Refused, explained
from work import CLASSES_TURN, HOME, OPTIONS_TURN, Exploration, Random

LIST_SECONDS_MAX = 60
USUAL = ("edge", "prefix", "bits", "zeros", "")  # classes that every exploration tries


def short(path):
    """A path as a person would type it from here."""
    relative = os.path.relpath(path)
    return str(path) if relative.startswith("..") else relative


@dataclass(frozen=True)
class Engine:
    """An engine that takes part, as a scenario spells it."""

    text: str  # "seqmap keys=8"
    listed: dict = field(compare=False)  # what `brownout list engines --json` says of it
    plugin: str = None  # its file; None: of the house

    @property
    def name(self):
        """Without options."""
        return self.text.split()[0]


# --- engines ---


def listing(brownout, plugin=None):
    """[engine as the command describes it]; Failed, with the reason, when it can't."""
    command = [brownout, "list", "engines", "--json"] + (["--plugin", plugin] if plugin else [])
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "errors": "replace"}
    with subprocess.Popen(command, text=True, start_new_session=True, **pipes) as child:
        try:
            out, complaint = child.communicate(timeout=LIST_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
            raise Failed(f"did not list its engines within {LIST_SECONDS_MAX} s") from None
    lines = complaint.strip().split("\n")
    try:
        assert child.returncode == 0
        return json.loads(out)
    except (AssertionError, ValueError):
        reason = re.sub(r"^brownout: ", "", lines[-1])
        raise Failed(reason or f"listed no engines: exit code {child.returncode}") from None


def house_listing(brownout):
    """The engines that are built in."""
    try:
        return listing(brownout)
    except FileNotFoundError:
        raise Refused(f"{brownout}: no such file; type: make") from None
    except (OSError, Failed) as error:
        raise Failed(f"{brownout}: expected a list of its engines: {error}") from error


def chosen(texts, listed, plugin=None):
    """(engines that are listed, names of those that are not)."""
    known = {it["name"]: it for it in listed}
    engines = [Engine(it, known[it.split()[0]], plugin) for it in texts if it.split()[0] in known]
    return engines, [it for it in texts if it.split()[0] not in known]


def of_plugin(brownout, plugin):
    """(engines of a plug-in that take part, reasons why some do not)."""
    file = short(os.path.abspath(plugin.file))
    file = file if os.sep in file else os.path.join(".", file)
    try:
        listed = [it for it in listing(brownout, file) if it.get("plugin")]
    except (OSError, Failed) as error:
        reason = str(error)
        return [], [], [reason if reason.startswith(file) else f"{file}: {reason}"]
    texts = plugin.engines or [it["name"] for it in listed]
    engines, missing = chosen(texts, listed, file)
    return engines, listed, [f"{file}: no engine {it} in it" for it in missing]


def engines_of(settings):
    """(engines that take part, {name: kind} of all that are known, reasons why some do not)."""
    house = house_listing(settings.brownout)
    every = [it["name"] for it in house if not it.get("subject")]
    named = ([] if settings.plugin else every) if settings.engines is None else settings.engines
    texts = [text for it in named for text in (every if it == HOUSE else [it])]
    engines, missing = chosen(list(dict.fromkeys(texts)), house)
    if missing:
        raise Refused(f"no engine {missing[0]}; `brownout list engines` has them")
    kinds = {it["name"]: it.get("kind") for it in house}
    lost = []
    for plugin in settings.plugin:
        more, listed, reasons = of_plugin(settings.brownout, plugin)
        engines += more
        lost += reasons
        kinds.update({it["name"]: it.get("kind") for it in listed})
    return engines, kinds, lost


# --- scenarios ---


def scenarios_of(folders):
    """The scenario files of the folders, in the order of their names in each."""
    files = []
    for folder in folders:
        folder = HOME / "scenarios" if folder == HOUSE else Path(folder)
        found = [folder] if folder.is_file() else sorted(folder.glob("*.scn"))
        if not found:
            raise Refused(f"{folder}: expected scenarios (*.scn), found none")
        files += [short(path) for path in found]
    return list(dict.fromkeys(files))


@functools.lru_cache(maxsize=None)
def stated(scenario, word):
    """What follows a word at the beginning of a line of a scenario; None: it is not there."""
    with explained(scenario), open(scenario, encoding="utf-8", errors="replace") as file:
        found = re.search(rf"^\s*{word}\s+(\S+)", file.read(), re.MULTILINE)
    return found[1] if found else None


def depth_of(scenario):
    """The depth that a scenario states, or 1."""
    depth = stated(scenario, "depth") or ""
    return int(depth) if depth.isdigit() else 1


# --- the plan ---


def options_of(listed):
    """The texts of options that are tried beside those of the scenarios: all switches on, and each
    one alone. Numbers are left to the random scenarios."""
    switches = [
        f"{it['name']}=1"
        for it in listed.get("options", [])
        if not it["fixed"] and (it["min"], it["value"], it["max"]) == (0, 0, 1)
    ]
    alone = switches if len(switches) > 1 else []
    return [" ".join(switches), *alone] if switches else []


def at_each_depth(pairs, depth_max):
    """Every pair in each turn. One that states a depth has it from the first turn on."""
    for turn in range(1, depth_max + 1):
        for scenario, engine in pairs:
            depth = min(depth_of(scenario), depth_max)
            if turn == 1 or turn > depth:
                yield Exploration(scenario, engine, max(turn, depth), turn=turn)


def beside(pairs, engines):
    """Each scenario once more with other options of the engine, those in turn, and under the
    classes that an engine claims besides."""
    turns = {it.text: itertools.cycle(options_of(it.listed)) for it in engines}
    for scenario, engine in pairs:
        more = None if " " in engine.text else next(turns[engine.text], None)
        if more:
            with_more = Engine(f"{engine.text} {more}", engine.listed, engine.plugin)
            yield Exploration(scenario, with_more, 1, turn=OPTIONS_TURN, extra=True)
        claims = engine.listed.get("claims", "").split(",")
        classes = ",".join(it for it in claims if it not in USUAL)
        if classes:
            yield Exploration(scenario, engine, 1, classes, CLASSES_TURN)


def planned(scenarios, engines, kinds, settings):
    """All of it. A scenario is for the kind of engine that it names, or for all when nobody knows
    that engine. Where the user chose the classes, those alone are tried."""
    pairs = [
        (scenario, engine)
        for scenario in scenarios
        for engine in engines
        if kinds.get(stated(scenario, "engine")) in (None, engine.listed.get("kind"))
    ]
    plan = list(at_each_depth(pairs, settings.depth))
    if not settings.faults:
        plan += beside(pairs, engines)
    if settings.random:
        plan += [Random(engine) for engine in engines]
    part, parts = settings.shard or (0, 1)
    return plan[part::parts]
