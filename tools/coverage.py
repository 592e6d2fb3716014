"""coverage - which lines and branches of each file the tests reach. `make coverage`.

`coverage.py BUILD` reads what gcov has of a build with --coverage after the tests have run, prints
a line for each file, and exits with 1 when

 1. a file of engines/ or sim/ has less than 95 % of its lines or 85 % of its branches and is not in
    tools/coverage.reasons, or is there and no longer needs to be;
 2. a file has less than tools/coverage.ratchet says; `--ratchet` writes what got better.

`--part` only prints: for a run of some of the tests. `coverage.py BUILD FILE..` prints the lines of
files that were not reached, or not in each of their branches.

A file that is compiled more than once (the chip is in libsim.so too; a header is in many) is
counted together. The branch that a failing assertion or check of a test takes is left out: no test
can take it and pass.

What a process had counted when it was killed is lost, and what a worker does at its end depends on
the time. So the ratchet keeps whole percents, and of files of fuzz/ those of SPARE lines and
branches less than were reached. What reaches engines/ and sim/ is the same in every run.
"""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parent))
import ratchet  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent
JUDGED = ("engines/", "sim/")
SHOWN = (*JUDGED, "fuzz/")
TESTS = ("_test.c", "_test.h")
LINES_MIN, BRANCHES_MIN = 95, 85
GCOV_FILES_MAX = 50  # in one call
SPARE = 2
ASSERTION = re.compile(r"\s*(?:\w*assert|\w*ASSERT|CHECK)\(")
REASON = re.compile(r"(\S+): (.+)")


class Share(NamedTuple):
    """How many of all."""

    reached: int
    all: int

    def percent(self, spare=0):
        """100 where there is nothing to reach."""
        return 100 * max(self.reached - spare, 0) / self.all if self.all else 100

    def __str__(self):
        return f"{self.percent():.1f} %"


class Reached(NamedTuple):
    """Of one file."""

    lines: Share
    branches: Share

    def enough(self):
        return self.lines.percent() >= LINES_MIN and self.branches.percent() >= BRANCHES_MIN


def gcov(build):
    """What gcov knows of each object file under `build`: (source, its lines)."""
    names = sorted(path.resolve() for path in build.rglob("*.gcno"))
    for start in range(0, len(names), GCOV_FILES_MAX):
        command = ["gcov", "--json-format", "--stdout", "--branch-probabilities"]
        command += names[start : start + GCOV_FILES_MAX]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"coverage: gcov: {done.stderr.strip()}; build anew: make coverage")
        for text in filter(None, done.stdout.split("\n")):
            for file in json.loads(text)["files"]:
                yield file["file"], file["lines"]


def merge(records):
    """{source: {line: [count, [count of each branch]]}}, all records of a source together."""
    files = {}
    for source, lines in records:
        counts = files.setdefault(source, {})
        for line in lines:
            branches = [branch["count"] for branch in line["branches"]]
            old_count, old_branches = counts.get(line["line_number"], (0, []))
            longer, shorter = sorted((branches, old_branches), key=len, reverse=True)
            padded = shorter + [0] * (len(longer) - len(shorter))
            both = [a + b for a, b in zip(longer, padded)]
            counts[line["line_number"]] = [old_count + line["count"], both]
    return files


def assertion_lines(text):
    """The numbers of the lines that an assertion stands on."""
    found, open_round = set(), 0
    for number, line in enumerate(text.split("\n"), 1):
        if open_round > 0 or ASSERTION.match(line):
            found.add(number)
            open_round += line.count("(") - line.count(")")
    return found


def count_file(build):
    """{source: its merged counts} of the files that are shown."""
    return merge(r for r in gcov(build) if r[0].startswith(SHOWN) and not r[0].endswith(TESTS))


def branches_of(counts, text):
    """{line: [count of each branch]} without those of assertions."""
    asserting = assertion_lines(text)
    return {line: each for line, (_, each) in counts.items() if line not in asserting}


def share(counts):
    counts = list(counts)
    return Share(sum(count > 0 for count in counts), len(counts))


def reached(counts, text):
    """Reached, of the merged counts of one file with this text."""
    lines = (count for count, _ in counts.values())
    branches = (count for each in branches_of(counts, text).values() for count in each)
    return Reached(share(lines), share(branches))


def measure(build):
    """{source: Reached}"""
    files = sorted(count_file(build).items())
    return {name: reached(counts, (ROOT / name).read_text()) for name, counts in files}


def show_missed(build, names):
    """The lines of these files with a branch that was not taken, or that were not reached."""
    for name, counts in sorted(count_file(build).items()):
        text = (ROOT / name).read_text()
        branches = branches_of(counts, text)
        for line, (count, _) in sorted(counts.items()) if name in names else ():
            missed = sum(n == 0 for n in branches.get(line, ()))
            why = f"{missed} of {len(branches[line])} branches" if missed else "not reached"
            if missed or not count:
                print(f"{name}:{line}: {why}: {text.splitlines()[line - 1].strip()}")


def figures(found, spare=0):
    """What the ratchet keeps; `spare` lines and branches less of what is not judged."""
    kept = {}
    for name, here in found.items():
        less = 0 if name.startswith(JUDGED) else spare
        for what, one in (("lines", here.lines), ("branches", here.branches)):
            kept[f"% of {what} of {name}"] = ratchet.Figure("least", int(one.percent(less)))
    return kept


def read_reasons(path):
    """{file: why it has less}"""
    matches = map(REASON.fullmatch, path.read_text().split("\n") if path.exists() else ())
    return {match[1]: match[2] for match in matches if match and match[0][0] != "#"}


def unreached(found, reasons):
    """A sentence for each file that breaks rule 1."""
    for name, here in found.items():
        if name.startswith(JUDGED) and not here.enough() and name not in reasons:
            yield (f"{name}: {here.lines} of lines and {here.branches} of branches; "
                   f"expected {LINES_MIN} and {BRANCHES_MIN}, or a reason in coverage.reasons")
    for name in reasons:
        if name not in found or found[name].enough():
            yield f"{name}: it needs no reason any more; take it out of coverage.reasons"


def show(found, reasons):
    print("  lines branches")
    for name, here in found.items():
        reason = f"  ({reasons[name]})" if name in reasons else ""
        lines, branches = here.lines.percent(), here.branches.percent()
        print(f"{lines:7.1f} {branches:8.1f}  {name}{reason}")


def main(arguments):
    folder, *names = (argument for argument in arguments if not argument.startswith("--"))
    build = Path(folder)
    if names:
        show_missed(build, names)
        return 0
    kept, reasons = ROOT / "tools/coverage.ratchet", read_reasons(ROOT / "tools/coverage.reasons")
    found = measure(build)
    if not found:
        print(f"coverage: no counts under {build}; expected a build with --coverage")
        return 2
    show(found, reasons)
    if "--part" in arguments:
        return 0
    if "--ratchet" in arguments:
        title = "Reached by the tests; only grows. `python3 tools/coverage.py BUILD --ratchet`"
        ratchet.tighten(kept, figures(found, SPARE), title)
    wrong = [*unreached(found, reasons), *ratchet.worse(kept, figures(found))]
    for sentence in wrong:
        print(f"coverage: {sentence}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
