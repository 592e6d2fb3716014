"""campaign_file - what a campaign runs: the command line over the campaign file over what is usual.

A campaign file is TOML, `brownout.toml` beside the firmware:

    time = "8h"                 # KEYS lists all of them
    scenarios = ["house", "tests/flash"]

    [[plugin]]
    file = "build/settings_store.so"
    engines = ["my-store", "my-store slots=4"]    # default: each engine in it, without options

    [[waiver]]
    kind = "durable/missing/each/cut in erase"    # or rule = "lawful/reprogram", clause = "alive"
    engine = "my-store"
    reason = "ticket 123"
    expires = 2027-01-31

Paths in the file begin at its folder. What is wrong is one line: file, line, key and reason.
"""

import argparse
import datetime
import os
import re
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

from results import Refused, explained, schema
from waivers import RULES, Waiver, Waivers

FILE = "brownout.toml"  # taken where it is in the working folder and no other is named
HOUSE = "house"  # the scenarios, or the engines, that come with Brownout
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
DEPTH_MAX = 4

# Name, what it takes, what it is; all but the last ones are keys of the campaign file, too.
OPTIONS = (
    ("time", "T", "how long: 90s, 30m, 8h (60s)"),
    ("name", "NAME", "of the series; what is new is asked within it (campaign)"),
    ("engines", "A,B", 'of the house: "seqmap,naive keys=8"; house: all (beside plug-ins: none)'),
    ("plugin", "FILE.so", "engines from outside; again for more"),
    ("scenarios", "FOLDER", "again for more; house: those that come with Brownout (house)"),
    ("faults", "LIST", "classes of what a cut may leave: edge,prefix (those of each scenario)"),
    ("depth", "N", "up to N cuts on one path, 1 to 4 (2)"),
    ("jobs", "N", "worker processes (one for each processor)"),
    ("memory", "MIB", "what a worker gets (1024)"),
    ("seed", "N", "of what is random; default: another one every night"),
    ("db", "FILE", "where results go (brownout-results/results.db)"),
    ("artefacts", "FOLDER", "cases and reports (artefacts/ beside the database)"),
    ("corpus", "FOLDER", "of the fuzz drivers, kept between nights (corpus/ beside the database)"),
    ("targets", "FOLDER", "their fuzz targets (build/fuzzers, which `make fuzzers` makes)"),
    ("campaign", "NAME", "of this one campaign (the series and a number)"),
    ("shard", "I/N", "one part of N of the plan, I from 0"),
    ("dask", "HOST:PORT", "parts of it go to the workers of that Dask scheduler"),
    ("markdown", "FILE", "the summary once more; GITHUB_STEP_SUMMARY gets it, too"),
    ("brownout", "FILE", "the command (this one)"),
    ("no-random", None, "no random scenarios"),
    ("again", None, "also what was completed before with the same build"),
    ("long", None, "prints all tables, not what fits a screen"),
)  # fmt: skip
EXIT_CODES = """\
exit code: 0 nothing new, 1 something new that is not waived, 2 bad usage or input, 3 the harness
           failed or a part could not run, 4 nothing was judged (of an engine), 130 interrupted"""


def usage():
    """What --help prints."""
    lines = ["usage: brownout campaign [FILE.toml]", "", "everything, for a time", ""]
    for name, takes, text in OPTIONS:
        words = f"--{name} {takes or ''}"
        lines.append(f"  {words:<20} {text}")
    return "\n".join([*lines, "", EXIT_CODES, ""])


# --- values ---


def duration(value):
    """Seconds of "90s", "8h" or a number of them."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd]?)", str(value))
    seconds = float(match[1]) * UNITS[match[2] or "s"] if match else 0
    if not 0 < seconds < float("inf"):
        raise ValueError(f"expected a time such as 90s, 30m or 8h, got {value}")
    return seconds


def whole(least, most):
    """A check for whole numbers."""

    def check(value):
        text = str(value)
        if not re.fullmatch(r"\d{1,19}", text) or not least <= int(text) <= most:
            raise ValueError(f"expected a whole number from {least} to {most}, got {value}")
        return int(text)

    return check


def text(value):
    """A text that is not empty."""
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"expected a text, got {value!r}")
    return value.strip()


def names(value):
    """A list of texts, or one text with commas."""
    if isinstance(value, str):
        value = value.split(",") if value else []
    if not isinstance(value, list):
        raise ValueError(f"expected a list of texts, got {value!r}")
    return [text(it) for it in value]


def classes(value):
    """Fault classes, as the command takes them."""
    return ",".join(names(value))


def switch(value):
    """true or false."""
    if not isinstance(value, bool):
        raise ValueError(f"expected true or false, got {value!r}")
    return value


def part(value):
    """(part, parts) of "I/N"."""
    match = re.fullmatch(r"(\d{1,6})/(\d{1,6})", value)
    if not match or int(match[1]) >= int(match[2]):
        raise ValueError(f"expected I/N with I from 0 to N-1, got {value}")
    return int(match[1]), int(match[2])


def address(value):
    """Where a scheduler listens."""
    if not re.fullmatch(r"(?:(?:tcp|tls)://)?(?:\[[0-9a-fA-F:]+\]|[\w.-]+):\d{1,5}", value):
        raise ValueError(f"expected HOST:PORT, got {value}")
    return value


# Key of the file: (its check, what is usual).
KEYS = {
    "time": (duration, 60.0),
    "name": (text, "campaign"),
    "engines": (names, None),
    "scenarios": (names, [HOUSE]),
    "faults": (classes, None),
    "depth": (whole(1, DEPTH_MAX), 2),
    "jobs": (whole(1, 4096), os.cpu_count() or 1),
    "memory": (whole(1, 1 << 20), None),
    "seed": (whole(0, (1 << 63) - 1), None),
    "database": (text, "brownout-results/results.db"),
    "artefacts": (text, None),
    "corpus": (text, None),
    "targets": (text, None),
    "random": (switch, True),
}
TABLES = ("plugin", "waiver")
CHECKS = {"shard": part, "dask": address, "plugin": text, "db": text}
CHECKS |= {key: check for key, (check, _) in KEYS.items()}


@dataclass
class Plugin:
    """A shared object and which of its engines take part; none named: all."""

    file: str
    engines: list


# --- the file ---


class Mistake(Exception):
    """Something is wrong with a key of the file, in the table of that name and number."""

    def __init__(self, key, reason, table="", number=0):
        super().__init__(reason)
        self.key, self.table, self.number = key, table, number


def line_of(source, mistake):
    """The line of a key, or of its table where it is not there; 0: unknown."""
    table, number, found = "", -1, 0
    for at, line in enumerate(source.split("\n"), 1):
        header = re.match(r"\s*\[\[?\s*([\w-]+)", line)
        if header:
            number = number + 1 if header[1] == table else 0
            table = header[1]
        here = table == mistake.table and (not table or number == mistake.number)
        if here and header and not found:
            found = at
        if here and re.match(rf"\s*[\"']?{re.escape(mistake.key)}[\"']?\s*=", line):
            return at
        if header and not mistake.table and header[1] == mistake.key:
            return at
    return found


def read_toml(path, source):
    """The file as tables."""
    try:
        import tomllib
    except ImportError:
        raise Refused(f"{path}: a campaign file needs Python 3.11 or later") from None
    try:
        return tomllib.loads(source)
    except tomllib.TOMLDecodeError as error:
        reason, _, place = str(error).partition(" (at ")
        line = re.match(r"line (\d+)", place)
        number = line[1] if line else len(source.rstrip("\n").split("\n"))  # the end of document
        raise Refused(f"{path}:{number}: {reason}") from None


def checked(table, checks, name="", number=0):
    """The values of a table; a key that is not known or has no such value is a mistake."""
    values = {}
    for key, value in table.items():
        if key not in checks:
            raise Mistake(key, f"unknown; the keys here are {', '.join(checks)}", name, number)
        try:
            values[key] = checks[key](value)
        except ValueError as error:
            raise Mistake(key, str(error), name, number) from None
    return values


def tables_of(content, name):
    """The tables [[name]] of a file."""
    tables = content.pop(name, [])
    if not isinstance(tables, list) or not all(isinstance(it, dict) for it in tables):
        raise Mistake(name, f"expected tables, [[{name}]]")
    return list(enumerate(tables))


def plugin_of(table, number):
    """One [[plugin]]."""
    it = checked(table, {"file": text, "engines": names}, "plugin", number)
    if "file" not in it:
        raise Mistake("file", "expected the shared object of the plug-in", "plugin", number)
    return Plugin(it["file"], it.get("engines", []))


def day(value):
    """A date, as TOML has it."""
    if not isinstance(value, datetime.date) or isinstance(value, datetime.datetime):
        raise ValueError(f"expected a date such as 2027-01-31, got {value}")
    return value


def clause(value):
    """The name of a clause."""
    known = re.findall(r"^    \('(\w+)', \d+, '", schema()[0].split("create table clause")[1], re.M)
    if value not in known:
        raise ValueError(f"expected one of {', '.join(known)}, got {value}")
    return value


def rule(value):
    """The name of a rule that can be waived."""
    if value not in RULES:
        raise ValueError(f"expected one of {', '.join(RULES)}, got {value}")
    return value


def kind(value):
    """A kind, as a divergence prints it."""
    if not re.fullmatch(r"\w+(/[^/]+){1,3}", text(value)):
        raise ValueError(f"expected a kind such as durable/missing/each/cut in erase, got {value}")
    return value


def waiver_of(table, number):
    """One [[waiver]]."""
    what = {"kind": kind, "rule": rule, "clause": clause}
    more = {"engine": text, "reason": text, "expires": day}
    it = checked(table, {**what, **more}, "waiver", number)
    named = [key for key in what if key in it]
    if len(named) != 1:
        raise Mistake("kind", "expected one of kind, rule and clause", "waiver", number)
    for key in more:
        if key not in it:
            raise Mistake(key, "expected in every waiver", "waiver", number)
    by = named[0]
    return Waiver(it[by], by, it["engine"].split()[0], it["reason"], it["expires"])


def read(path):
    """The values of a campaign file, its paths as they are from here."""
    with explained(path):
        source = Path(path).read_text(encoding="utf-8", errors="replace")
    content = read_toml(path, source)
    try:
        plugins = [plugin_of(table, at) for at, table in tables_of(content, "plugin")]
        waivers = [waiver_of(table, at) for at, table in tables_of(content, "waiver")]
        values = checked(content, {key: check for key, (check, _) in KEYS.items()})
    except Mistake as it:
        line = line_of(source, it)
        place = f"{path}:{line}" if line else path
        raise Refused(f"{place}: {it.key}: {it}") from None
    folder = os.path.dirname(path)
    for it in plugins:
        it.file = os.path.join(folder, it.file)
    for key in ("database", "artefacts", "corpus", "targets"):
        if key in values:
            values[key] = os.path.join(folder, values[key])
    if "scenarios" in values:
        values["scenarios"] = [
            it if it == HOUSE else os.path.join(folder, it) for it in values["scenarios"]
        ]
    return {**values, "plugin": plugins, "waivers": waivers}


# --- the command line ---


class Parser(argparse.ArgumentParser):
    """One whose complaint is one line, as everywhere."""

    def error(self, message):
        raise Refused(f"brownout campaign: {message}")


def parser():
    """For what OPTIONS has."""
    it = Parser(prog="brownout campaign", add_help=False, allow_abbrev=False)
    it.add_argument("file", nargs="?")
    it.add_argument("--help", "-h", action="store_true")
    for name, takes, _ in OPTIONS:
        if takes is None:
            it.add_argument(f"--{name}", action="store_true")
        elif name in ("plugin", "scenarios"):
            it.add_argument(f"--{name}", action="append")
        else:
            it.add_argument(f"--{name}")
    return it


def typed(words):
    """What was typed, checked: {name: value}."""
    given = {key: value for key, value in vars(words).items() if value not in (None, False)}
    for name, value in given.items():
        check = CHECKS.get(name, str)
        try:
            if name in ("plugin", "scenarios"):
                given[name] = [text(it) for it in value]
            elif not isinstance(value, bool):
                given[name] = check(value)
        except ValueError as error:
            raise Refused(f"brownout campaign: --{name}: {error}") from None
    return given


def refuse_aimless(given):
    """A campaign that nothing says what to try on would be green in whatever folder it started."""
    if not {"engines", "plugin", "scenarios"} & set(given):
        raise Refused(
            f"brownout campaign: expected {FILE} in this folder, a campaign file, --plugin or "
            f"--engines, found none of them; --engines {HOUSE}: those that come with Brownout"
        )


def settings(arguments):
    """What a campaign runs; None where only the help was asked for."""
    given = typed(parser().parse_args(arguments))
    if "help" in given:
        return None
    file = given.pop("file", FILE if os.path.isfile(FILE) else None)
    if not file:
        refuse_aimless(given)
    values = {key: usual for key, (_, usual) in KEYS.items()}
    values.update({"plugin": [], "waivers": []})
    if file:
        values.update(read(file))
    if "plugin" in given:
        given["plugin"] = [Plugin(it, []) for it in given["plugin"]]
    if "db" in given:
        given["database"] = given.pop("db")
    if given.pop("no_random", False):
        given["random"] = False
    for name in ("again", "long", "markdown", "campaign", "shard", "brownout", "dask"):
        values[name] = given.get(name)
    values.update(given)
    for folder in ("artefacts", "corpus"):
        beside = os.path.join(os.path.dirname(values["database"]), folder)
        values[folder] = values[folder] or beside
    return SimpleNamespace(**{**values, "file": file, "waivers": Waivers(values["waivers"])})
