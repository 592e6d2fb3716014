"""harness - the command as Python functions, for the tests of the harness and of the kept cases."""

import json
import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

CLEAN, DIVERGED, USAGE, FAILED, NOT_JUDGED = 0, 1, 2, 3, 4


@dataclass
class Found:
    """A divergence as `explore --json` prints it, with the text of its case."""

    clause: str
    states: int
    finding: str
    path: Path
    text: str


@dataclass
class Explored:
    """What one exploration printed."""

    code: int
    operations: int
    cuts: int
    states: int
    judged: int
    skipped: int
    empty: int
    waivers: str
    waived: int
    refused: int
    cuts_missed: int
    stopped: bool
    found: list

    @property
    def clauses(self):
        return {found.clause for found in self.found}

    @property
    def cases(self):
        return {found.text for found in self.found}


class Harness:
    """Explores texts in a folder of its own; whatever is no exploration fails the test."""

    def __init__(self, brownout, folder):
        self.brownout = brownout
        self.folder = folder

    def write(self, text, name="it.scn"):
        path = self.folder / name
        path.write_text(text)
        return path

    def explore(self, text, *options):
        """Explores a scenario, a text or a path. Exit code and what was found agree, always."""
        path = text if isinstance(text, Path) else self.write(text)
        words = ("--json", "--quiet", "--artefacts", self.folder)
        done = self.brownout("explore", path, *words, *options)
        assert done.returncode in (CLEAN, DIVERGED), done.stderr
        result = json.loads(done.stdout)
        for key in ("scenario", "engine"):
            result.pop(key)
        found = [self.found_of(each) for each in result.pop("divergences")]
        assert done.returncode == (DIVERGED if found else CLEAN)
        assert result.pop("unreproduced") == 0, done.stderr
        assert result["judged"] + result["skipped"] + result["empty"] == result["states"]
        return Explored(code=done.returncode, found=found, **result)

    def found_of(self, result):
        path = Path(result["case"])
        return Found(result["clause"], result["states"], result["finding"], path, path.read_text())

    def replay(self, case, *options):
        """Replays a case, a text or a path: the clause shown broken or None, and all it printed."""
        path = case if isinstance(case, Path) else self.write(case, "it.case")
        done = self.brownout("replay", path, *options)
        assert done.returncode in (CLEAN, DIVERGED, NOT_JUDGED), done.stderr
        shown = re.search(r"DIVERGENCE, clause (\w+)", done.stdout)
        assert (shown is not None) == (done.returncode == DIVERGED)
        return (shown[1] if shown else None), done.stdout


def operations(case):
    """The lines of a case that are operations."""
    body = case.split("\n\n", 1)[1]
    return [line for line in body.splitlines() if line and not line.startswith("#")]


def cuts(case):
    """The operations of a case in which power is cut."""
    return [line for line in operations(case) if " cut " in line]


def sanitized(build):
    """Whether a program of the build reports reads outside."""
    return b"__asan_report_load" in Path(build, "brownout").read_bytes()


def compiler():
    """The compiler as words, as make has it."""
    return os.environ.get("CC", "gcc").split()


def shared_object(folder, name, text, *flags, words=None):
    """Compiles a plug-in: writes the text to NAME.c of the folder and returns the path of NAME.so.

    `words` is another compiler than make's; later flags win over those that all have.
    """
    source, made = folder / f"{name}.c", folder / f"{name}.so"
    source.write_text(text)
    command = [*(words or compiler()), "-std=c11", "-shared", "-fPIC", f"-I{ROOT}", *flags]
    subprocess.run([*command, str(source), "-o", str(made)], check=True, cwd=folder)
    return made


# The example of two slots, to be changed, and what the changed functions use.
SLOTS_BEFORE = """
#define brownout_adapter example_entry
#include "examples/plugin/two_slots.c"
#undef brownout_adapter
#include <stdlib.h>

static struct adapter adapter;
static struct adapter_map map;

/* Whether a snapshot was cut: it is neither valid nor blank. */
static bool torn(struct store *store)
{
    bool found = false;
    for (uint32_t slot = 0; slot < 2; slot++) {
        bool blank = true;
        if (read_snapshot(store, slot) >= 0) continue;
        for (uint32_t i = 0; i < sector_size(store); i++)
            blank = blank && store->next[i] == 0xFF;
        found = found || !blank;
    }
    return found;
}
"""


def changed_entry(example, kind, calls):
    """The C entry of a plug-in `changed`: an example's adapter, as change() has changed it."""
    return f"""
adapter_entry brownout_adapter;
const struct adapter *brownout_adapter(void)
{{
    adapter = {example};
    {kind} = {calls};
    adapter.name = "changed";
    adapter.{kind} = &{kind};
    change();
    return &adapter;
}}
"""


def changed_slots(text):
    """The source of a plug-in `changed`: the example, functions of its own, and their change()."""
    return SLOTS_BEFORE + text + changed_entry("two_slots", "map", "calls")


# Some work for a queue and for a log, of every kind of operation that a fault may hide in.
QUEUE_WORK = """
push random 20
repeat 5 as i {
  push random 5..25
  pop i % 2
}
repeat 6 {
  append random 10..40
}
look
"""
LOG_WORK = """
repeat 6 as i {
  append random 5..40
  read i % 3
}
sync
append "abc"
look
"""
