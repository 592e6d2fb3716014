"""waivers - findings that are known and shall not make a night red, as the campaign file has them.

A waiver names a kind ("durable/missing/each/cut in erase"), a rule of the chip ("lawful/reprogram")
or a whole clause ("alive"), of one engine, with a reason and the last day on which it holds. What
one that is over was for makes every night red, however long it is known, until it is mended, the
day is set anew or the waiver is taken out. One that nothing needs, and one for an engine that takes
no part, is reported.

A waived rule or clause is handed to the command (`--waive`), so that what lies after its breach is
explored. A waived kind is found as ever; only the report says that it is waived.
"""

import datetime
from dataclasses import dataclass

RULES = ("lawful/set-bit", "lawful/reprogram", "lawful/unproven")


@dataclass
class Waiver:
    """One `[[waiver]]`."""

    what: str  # a kind or the beginning of one
    by: str  # kind, rule or clause
    engine: str  # its name, without options
    reason: str
    expires: datetime.date
    used: bool = False

    def __str__(self):
        return f"{self.engine} {self.what}: {self.reason} (until {self.expires})"

    def holds(self, today):
        """Whether its last day is not over."""
        return today <= self.expires

    def covers(self, engine, kind):
        """Whether it is about that kind of that engine."""
        return engine == self.engine and (kind == self.what or kind.startswith(self.what + "/"))


class Waivers:
    """Those of a campaign, on one day."""

    def __init__(self, waivers=(), today=None):
        self.all = list(waivers)
        self.today = today or datetime.datetime.now(datetime.timezone.utc).date()

    def of(self, engine, kind):
        """The waiver that holds for a finding, which is used from now on; None: there is none."""
        for it in self.all:
            if it.holds(self.today) and it.covers(engine, kind):
                it.used = True
                return it
        return None

    def over(self, engine, kind):
        """The waiver that held for a finding and is over; None: there is none."""
        covering = [it for it in self.all if it.covers(engine, kind)]
        if any(it.holds(self.today) for it in covering):
            return None
        return max(covering, key=lambda it: it.expires, default=None)

    def words_for(self, engine):
        """What the command is given for an engine: "alive,lawful/reprogram"; may be empty."""
        return ",".join(it.what for it in self._handed(engine))

    def counted(self, engine):
        """The command came upon something that was waived for this engine."""
        for it in self._handed(engine):
            it.used = True

    def _handed(self, engine):
        return [
            it
            for it in self.all
            if it.by != "kind" and it.engine == engine and it.holds(self.today)
        ]

    def complaints(self, engines):
        """A line for each that is over, that nothing needed, or that is for none of the engines
        that take part."""
        for it in self.all:
            if it.engine not in engines:
                names = ", ".join(sorted(engines))
                yield f"waiver for an engine that takes no part (there is {names}): {it}"
            elif not it.holds(self.today):
                yield f"waiver expired: {it}"
            elif not it.used:
                yield f"waiver unused: {it}"
