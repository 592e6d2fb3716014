"""ratchet - figures that may only get better, kept in a text file that people read too.

A line of the file is a bound and what it is a bound of:

    at least 2.1  assertions in 100 lines of fuzz/rig
    at most 23    lines of a function, 95 of 100

What measures makes a Figure of each; `worse` compares them with the file, `tighten` writes those
that got better. A figure that the file does not know yet has no bound; one that is no longer
measured goes out of the file when it is next written. To lower a bound on purpose, edit the file.
"""

import re
import sys
from typing import NamedTuple

LINE = re.compile(r"at (least|most) ([\d.]+) +(.+)")


class Figure(NamedTuple):
    """A bound, or a value as measured, which is then a bound that it keeps itself."""

    bound: str  # "least" or "most"
    value: float

    def keeps(self, limit):
        return self.value >= limit.value if limit.bound == "least" else self.value <= limit.value

    def __str__(self):
        return f"{self.value:.1f}".removesuffix(".0")


def read(path):
    """{what: Figure} of the file; nothing when there is none."""
    found = {}
    for number, line in enumerate(path.read_text().split("\n") if path.exists() else (), 1):
        match = LINE.fullmatch(line)
        if match:
            found[match[3]] = Figure(match[1], float(match[2]))
        elif line and line[0] != "#":
            sys.exit(f"{path.name}:{number}: expected 'at least N what' or 'at most N what'")
    return found


def worse(path, figures):
    """A sentence for each figure that breaks its bound."""
    limits = read(path)
    for what, figure in figures.items():
        if what in limits and not figure.keeps(limits[what]):
            yield f"{figure} {what}; it must be at {figure.bound} {limits[what]}"


def tighten(path, figures, title):
    """Writes the better one of each figure and its bound; returns what got better or is new."""
    limits = read(path)
    better = {
        what: figure
        for what, figure in figures.items()
        if what not in limits or (figure != limits[what] and figure.keeps(limits[what]))
    }
    lines = [f"# {title}"]
    for what, figure in sorted({**figures, **limits, **better}.items()):
        if what in figures:
            lines.append(f"at {figure.bound} {str(figure):4} {what}")
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join(lines) + "\n")
    return better
