"""A slow and obvious NOR flash chip, to compare the fast one with.

It knows the rules, the counters, power, and those tears that leave stable bits and take no chance.
Undo is a copy of everything.
"""

import copy
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Tear:
    kind: str
    n: int = 0
    density: int = 0
    seed: int = 0
    powered: bool = False
    lies: bool = False


OK, IO, ECC, RANGE, OFF = 0, -1, -2, -3, -4
PROGRAM, ERASE, READ = 0, 1, 2


@dataclass
class State:
    content: bytearray
    programs: list  # of each unit, since its erase
    erases: list  # of each sector
    unproven: list  # of each sector
    lied: list  # of each sector: an erase said that it was done
    powered: bool = True
    fuel: dict = field(default_factory=dict)  # calls left, by whether they read; none: no limit
    watch_end: int = 0
    watched: int = None  # sector of the last program before watch_end
    breach: tuple = None
    counters: dict = field(default_factory=dict)


COUNTERS = (
    "reads programs erases bytes_read bytes_programmed refused failed glitched unread lied strayed"
    " power_ons time_ns".split()
)


class ReferenceChip:
    def __init__(
        self,
        geometry,
        program_ns=0,
        per_page=False,
        erase_ns=0,
        endurance=0,
        zeros_again=False,
    ):
        self.g = geometry
        self.program_ns, self.per_page, self.erase_ns = program_ns, per_page, erase_ns
        self.endurance, self.zeros_again = endurance, zeros_again
        self.size = geometry["sector_size"] * geometry["sector_count"]
        self.and_allowed = self.proof_required = self.wear_fails = False
        self.marks = []
        self.reset()

    def reset(self):
        g = self.g
        self.marks = []
        self.s = State(
            content=bytearray([g["erased"]] * self.size),
            programs=[0] * (self.size // g["unit"]),
            erases=[0] * g["sector_count"],
            unproven=[False] * g["sector_count"],
            lied=[False] * g["sector_count"],
            counters={name: 0 for name in COUNTERS},
        )

    # --- undo ---

    def set_mark(self):
        self.marks.append(copy.deepcopy(self.s))

    def rollback(self):
        self.s = self.marks.pop()

    def release(self):
        self.marks.pop()

    # --- bits: set means as erased ---

    def set_bits(self, byte):
        return byte ^ self.g["erased"] ^ 0xFF

    def bits_to_clear(self, address, data):
        """(address, bit) of each bit that programming would clear, ascending."""
        found = []
        for i, wanted in enumerate(data):
            now = self.set_bits(self.s.content[address + i])
            clears = now & ~self.set_bits(wanted)
            found += [(address + i, bit) for bit in range(8) if clears >> bit & 1]
        return found

    def clear(self, places):
        for address, bit in places:
            self.s.content[address] ^= 1 << bit

    # --- rules ---

    def refuse(self, answer):
        self.s.counters["refused"] += 1
        return answer

    def broken_rule(self, kind, address, size, data):
        g = self.g
        if address + size > self.size:
            return "bounds"
        grain = {PROGRAM: g["unit"], READ: g["read_unit"], ERASE: g["sector_size"]}[kind]
        if address % grain or size % grain:
            return "alignment"
        if kind != PROGRAM or size == 0:
            return None
        if address // g["page_size"] != (address + size - 1) // g["page_size"]:
            return "page"
        lied = self.s.lied[address // g["sector_size"]]
        if not self.and_allowed and not lied:
            for i, wanted in enumerate(data):
                if self.set_bits(wanted) & ~self.set_bits(self.s.content[address + i]):
                    return "set-bit"
        if g["programs_per_unit"] and not lied:
            for unit in self.units(address, size):
                start = unit * g["unit"] - address
                zeros = not any(map(self.set_bits, data[start : start + g["unit"]]))
                if self.zeros_again and zeros:
                    continue
                if self.s.programs[unit] >= g["programs_per_unit"]:
                    return "reprogram"
        if self.proof_required and self.s.unproven[address // g["sector_size"]]:
            return "unproven"
        return None

    def units(self, address, size):
        return range(address // self.g["unit"], (address + size) // self.g["unit"])

    def begin(self, kind, address, size, data=None):
        """The answer to a call that does not start, or OK."""
        if not self.s.powered:
            return self.refuse(OFF)
        rule = None
        reads = kind == READ
        if reads in self.s.fuel:
            if self.s.fuel[reads] == 0:
                rule = "fuel"
            else:
                self.s.fuel[reads] -= 1
        rule = rule or self.broken_rule(kind, address, size, data)
        if rule:
            if self.s.breach is None:
                step = self.s.counters["programs"] + self.s.counters["erases"]
                self.s.breach = (rule, kind, address, size, step)
            return self.refuse(RANGE if rule in ("bounds", "alignment", "page") else IO)
        worn = kind == ERASE and self.wear_fails and self.endurance
        if worn and self.s.erases[address // self.g["sector_size"]] >= self.endurance:
            return self.refuse(IO)
        return OK

    # --- calls ---

    def read(self, address, size):
        answer = self.begin(READ, address, size)
        if answer or size == 0:
            return answer, b""
        self.s.counters["reads"] += 1
        self.s.counters["bytes_read"] += size
        return OK, bytes(self.s.content[address : address + size])

    def count(self, kind, address, size):
        c = self.s.counters
        if kind == ERASE:
            c["erases"] += 1
            c["time_ns"] += self.erase_ns
        else:
            sector = address // self.g["sector_size"]
            if sector < self.s.watch_end:
                self.s.watched = sector
            c["programs"] += 1
            c["bytes_programmed"] += size
            c["time_ns"] += self.program_ns * (1 if self.per_page else size // self.g["unit"])

    def program(self, address, data):
        answer = self.begin(PROGRAM, address, len(data), data)
        if answer or not data:
            return answer
        self.count(PROGRAM, address, len(data))
        self.complete_program(address, data)
        return OK

    def complete_program(self, address, data):
        self.clear(self.bits_to_clear(address, data))
        for unit in self.units(address, len(data)):
            self.count_program(unit)

    def count_program(self, unit):
        most = self.g["programs_per_unit"] or self.s.programs[unit] + 1
        self.s.programs[unit] = min(self.s.programs[unit] + 1, most)

    def erase(self, address):
        answer = self.begin(ERASE, address, self.g["sector_size"])
        if answer:
            return answer
        self.count(ERASE, address, 0)
        self.complete_erase(address)
        return OK

    def complete_erase(self, address):
        size = self.g["sector_size"]
        self.s.content[address : address + size] = bytes([self.g["erased"]] * size)
        for unit in self.units(address, size):
            self.s.programs[unit] = 0
        self.s.erases[address // size] += 1
        self.s.unproven[address // size] = self.s.lied[address // size] = False

    # --- tears ---

    def tear(self, kind, address, data, tear):
        self.count(kind, address, len(data) if data else 0)
        if kind == ERASE:
            self.s.lied[address // self.g["sector_size"]] = tear.lies
        if tear.kind == "done":
            if kind == ERASE:
                self.complete_erase(address)
            else:
                self.complete_program(address, data)
        elif tear.kind != "none":
            if kind == ERASE:
                self.tear_erase(address, tear)
            else:
                self.tear_program(address, data, tear)
        self.s.powered = tear.powered
        if tear.lies:
            self.s.counters["lied"] += 1
            if kind == ERASE:
                self.s.unproven[address // self.g["sector_size"]] = False
                self.s.erases[address // self.g["sector_size"]] += tear.kind == "none"
        else:
            self.s.counters["failed"] += tear.powered

    def tear_program(self, address, data, tear):
        before = bytes(self.s.content)
        bits = self.bits_to_clear(address, data)
        unit = self.g["unit"]
        by_unit = self.g["tear_scope"] == 0
        done_to = address  # everything before is done
        if tear.kind == "prefix":
            done_to = address + min(tear.n, len(data))
            cleared = [b for b in bits if b[0] < done_to]
        elif tear.n >= len(bits):  # only, except: there is no such bit
            done_to = address + len(data) if tear.kind == "except" else address
            cleared = bits if tear.kind == "except" else []
        else:
            the_bit = bits[tear.n]
            if by_unit:
                done_to = the_bit[0] // unit * unit
                end = done_to + unit
            else:
                end = address + len(data)
            progress = [b for b in bits if done_to <= b[0] < end]
            if tear.kind == "only":
                left = [the_bit]
            else:
                left = [b for b in progress if b != the_bit]
            cleared = [b for b in bits if b[0] < done_to] + left
        self.clear(cleared)
        for u in self.units(address, len(data)):
            span = slice(u * unit, (u + 1) * unit)
            if span.stop <= done_to or self.s.content[span] != before[span]:
                self.count_program(u)

    def tear_erase(self, address, tear):
        g, size = self.g, self.g["sector_size"]
        blank, zero = bytes([g["erased"]]), bytes([g["erased"] ^ 0xFF])
        old = bytes(self.s.content[address : address + size])
        n = min(tear.n, size)
        if tear.kind == "prefix":
            new = blank * n + old[n:]
        elif tear.kind == "blank-tail":
            new = old[: size - n] + blank * n
        elif tear.kind == "lift-only":
            new = self.lifted(old, tear.n)
        elif tear.kind == "zero-head":
            new = zero * n + old[n:]
        else:
            assert tear.kind == "zero-tail"
            new = old[: size - n] + zero * n
        self.s.content[address : address + size] = new
        self.s.erases[address // size] += 1
        self.s.unproven[address // size] = True
        for u in self.units(address, size):
            if new == blank * size:
                self.s.programs[u] = 0
            start = u * g["unit"] - address
            span = slice(start, start + g["unit"])
            changed = new[span] != old[span]
            is_blank = new[span] == blank * g["unit"]
            blanked = tear.kind == "prefix" and span.stop <= n
            blanked = blanked or tear.kind == "blank-tail" and start >= size - n
            if blanked or changed and is_blank:
                self.s.programs[u] = 0
            elif changed and self.s.programs[u] == 0:
                self.s.programs[u] = 1

    def lifted(self, old, k):
        """The bytes with the k-th of their zeros set, if there are as many."""
        zeros = [(i, b) for i, o in enumerate(old) for b in range(8) if ~self.set_bits(o) >> b & 1]
        new = bytearray(old)
        if k < len(zeros):
            new[zeros[k][0]] ^= 1 << zeros[k][1]
        return bytes(new)

    def zeros(self):
        """How many bits are not blank."""
        return sum(bin(~self.set_bits(byte) & 0xFF).count("1") for byte in self.s.content)

    # --- the rest ---

    def watch(self, sectors):
        self.s.watch_end, self.s.watched = sectors, None

    def power_on(self):
        self.s.counters["power_ons"] += 1
        self.s.powered = True

    def power_off(self):
        self.s.powered = False

    def load(self, image):
        if len(image) > self.size:
            return False
        blank = bytes([self.g["erased"]])
        self.s.content[:] = image + blank * (self.size - len(image))
        for u in range(len(self.s.programs)):
            span = slice(u * self.g["unit"], (u + 1) * self.g["unit"])
            self.s.programs[u] = int(self.s.content[span] != blank * self.g["unit"])
        self.s.unproven = [False] * self.g["sector_count"]
        self.s.lied = [False] * self.g["sector_count"]
        return True
