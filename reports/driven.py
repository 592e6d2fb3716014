"""driven - the fuzz drivers (drivers.py) within a campaign.

Where fuzz targets are built (`make fuzzers`), libFuzzer and AFL++ work on each engine for a part of
the night, on a corpus that is kept. What they find is a case, and is explored like a scenario: so
it is shrunk, stored and compared with earlier nights as all else is.
"""

import os
from pathlib import Path

try:
    import drivers
except ImportError:  # this copy has none
    drivers = None

import summary
from work import DRIVERS_TURN, Exploration

TARGETS = ("explore_fuzzer", "image_fuzzer")


def targets_of(settings):
    """How many fuzzers there are to run on an engine."""
    folder = Path(settings.targets)
    built = [folder / name for name in TARGETS] + [folder / "afl" / name for name in TARGETS]
    return sum(path.exists() for path in built) if drivers else 0


class Driven:
    """What the drivers did in one campaign."""

    def __init__(self, settings):
        self.settings = settings
        self.inputs = {}  # driver: inputs tried
        self.missing = {}  # (driver, reason): nothing
        self.unshown = []
        self.left = 0  # inputs that stopped a target, for the next night

    def run(self, engines, seconds):
        """All drivers on all engines within the seconds; explorations of what they found."""
        settings, count = self.settings, targets_of(self.settings)
        runs = count * len(engines)
        if runs == 0:
            return []
        jobs = min(settings.jobs, len(engines))
        each = int(drivers.FUZZED * seconds * jobs / runs)
        if each < 1:
            return []
        by_name = {engine.text: engine for engine in engines}
        subjects = [
            drivers.Subject(
                it.text,
                Path(it.plugin) if it.plugin else None,
                waive=settings.waivers.words_for(it.name),
            )
            for it in engines
        ]
        folder = os.path.join(settings.artefacts, "drivers")
        outcome = drivers.run_drivers(
            subjects,
            each,
            settings.corpus,
            jobs=settings.jobs,
            brownout=settings.brownout,
            targets=settings.targets,
            artefacts=folder,
            seed=settings.first_seed % (1 << 31) + 1,
            within=seconds,
        )
        return list(self.take(outcome, by_name))

    def take(self, outcome, by_name):
        """Keeps what is for the report; yields what is to be explored."""
        for it in outcome.ran:
            self.inputs[it.driver] = self.inputs.get(it.driver, 0) + it.inputs
        for it in outcome.missing:
            self.missing.setdefault((it.driver, it.reason))
        self.left = outcome.left
        for it in outcome.unshown:
            self.unshown.append(f"{it}: stopped a fuzz target, and shows nothing now")
        for it in outcome.cases:
            yield Exploration(str(it.path), by_name[it.engine], 1, turn=DRIVERS_TURN)

    def lines(self):
        """How much was covered, and what could not be."""
        if self.inputs:
            parts = [f"{count:,} inputs by {name}" for name, count in sorted(self.inputs.items())]
            yield f"fuzz drivers: {', '.join(parts)}"
        if self.left:
            yield f"{summary.plural(self.left, 'input')} that stopped a target: for the next night"
        for driver, reason in sorted(self.missing):
            yield f"{driver} did not run: {reason}"
