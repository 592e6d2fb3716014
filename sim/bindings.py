"""The simulated chip from Python: the structs of sim/*.h for ctypes, and a chip as an object."""

import ctypes as c

from sim.reference_chip import Tear

OK, IO, ECC, RANGE, OFF = 0, -1, -2, -3, -4
PROGRAM, ERASE = 0, 1
UNIT, PAGE, SECTOR = 0, 1, 2
CLASSES = 11
ALL_CLASSES = (1 << CLASSES) - 1
EDGE, PREFIX, BITS, ZEROS, WEAK, ECC_CLASS, ROT, FAIL, GLITCH, LIE, STRAY = (
    1 << i for i in range(CLASSES)
)
STABLE = EDGE | PREFIX | BITS | ZEROS
SECTOR_NONE = 0xFFFFFFFF

# In the order of enum tear_kind: the word, and the fields that its text has.
TEARS = {
    "none": "",
    "done": "",
    "prefix": "n",
    "only": "n",
    "except": "n",
    "mask": "sd",
    "undone": "s",
    "looks-done": "sd",
    "flicker": "sd",
    "disturb": "sn",
    "ecc-error": "n",
    "ecc-wrong": "ns",
    "ecc-ghost": "n",
    "blank-tail": "n",
    "lift": "sd",
    "lift-only": "n",
    "zero-head": "n",
    "zero-tail": "n",
    "mix": "sd",
    "blank-weak": "sd",
    "blank-over": "s",
    "locked": "",
    "ecc-mix": "sd",
    "error": "",
    "erased": "",
    "bit": "n",
    "errors": "n",
    "at": "sn",
}
KINDS = list(TEARS)


class WatchedC(c.Structure):
    _fields_ = [(name, c.c_uint32) for name in ("first", "last", "first_erases", "last_erases")]


class Geometry(c.Structure):
    _fields_ = [
        ("sector_size", c.c_uint32),
        ("sector_count", c.c_uint32),
        ("page_size", c.c_uint32),
        ("unit", c.c_uint16),
        ("read_unit", c.c_uint16),
        ("erased", c.c_uint8),
        ("programs_per_unit", c.c_uint8),
        ("tear_scope", c.c_uint8),
    ]


class Flash(c.Structure):
    _fields_ = [
        ("geometry", Geometry),
        ("context", c.c_void_p),
        ("read", c.CFUNCTYPE(c.c_int, c.c_void_p, c.c_uint32, c.c_void_p, c.c_uint32)),
        ("program", c.CFUNCTYPE(c.c_int, c.c_void_p, c.c_uint32, c.c_char_p, c.c_uint32)),
        ("erase", c.CFUNCTYPE(c.c_int, c.c_void_p, c.c_uint32)),
    ]


class Number(c.Structure):
    _fields_ = [("value", c.c_uint64), ("trust", c.c_int)]


class Part(c.Structure):
    _fields_ = [
        ("name", c.c_char_p),
        ("summary", c.c_char_p),
        ("source", c.c_char_p),
        ("geometry", Geometry),
        ("geometry_trust", c.c_int),
        ("external", c.c_bool),
        ("ecc", c.c_bool),
        ("program_per_page", c.c_bool),
        ("zeros_again", c.c_bool),
        ("faults", c.c_uint32),
        ("program_ns_typ", Number),
        ("program_ns_max", Number),
        ("erase_ns_typ", Number),
        ("erase_ns_max", Number),
        ("endurance", Number),
    ]


class Counters(c.Structure):
    _fields_ = [
        (name, c.c_uint64)
        for name in (
            "reads programs erases bytes_read bytes_programmed refused failed glitched unread"
            " lied strayed power_ons time_ns".split()
        )
    ]


class Op(c.Structure):
    _fields_ = [
        ("kind", c.c_int),
        ("address", c.c_uint32),
        ("size", c.c_uint32),
        ("data", c.c_char_p),
    ]


class Breach(c.Structure):
    _fields_ = [("rule", c.c_int), ("op", Op), ("step", c.c_uint64)]


class Hash(c.Structure):
    _fields_ = [("low", c.c_uint64), ("high", c.c_uint64)]


class CTear(c.Structure):
    _fields_ = [
        ("kind", c.c_int),
        ("n", c.c_uint32),
        ("density", c.c_uint32),
        ("seed", c.c_uint64),
        ("powered", c.c_bool),
        ("lies", c.c_bool),
    ]


class Effort(c.Structure):
    _fields_ = [("bits_max", c.c_uint32), ("masks", c.c_uint32), ("prefixes_max", c.c_uint32)]


HOOK = c.CFUNCTYPE(c.c_void_p, c.c_void_p, c.POINTER(Op))
EACH = c.CFUNCTYPE(c.c_bool, c.c_void_p, c.POINTER(CTear))


def declare(lib):
    """States the types of the library's functions."""
    chip, tear, op = c.c_void_p, c.POINTER(CTear), c.POINTER(Op)
    signatures = {
        "chip_new": (chip, c.POINTER(Part)),
        "chip_free": (None, chip),
        "chip_reset": (None, chip),
        "chip_flash": (c.POINTER(Flash), chip),
        "chip_allow_and": (None, chip, c.c_bool),
        "chip_count_torn": (None, chip, c.c_bool),
        "chip_require_proof": (None, chip, c.c_bool),
        "chip_wear_out": (None, chip, c.c_bool),
        "chip_set_hook": (None, chip, HOOK, c.c_void_p),
        "chip_ask_reads": (None, chip, c.c_bool),
        "chip_watch": (None, chip, c.c_uint32),
        "chip_watched": (c.POINTER(WatchedC), chip),
        "chip_set_fuel": (None, chip, c.c_uint64, c.c_uint64),
        "chip_tear": (None, chip, op, tear),
        "chip_power_off": (None, chip),
        "chip_power_on": (None, chip),
        "chip_powered": (c.c_bool, chip),
        "chip_counters": (c.POINTER(Counters), chip),
        "chip_sector_erases": (c.c_uint32, chip, c.c_uint32),
        "chip_breach": (c.POINTER(Breach), chip),
        "chip_clear_breach": (None, chip),
        "chip_rule_name": (c.c_char_p, c.c_int),
        "chip_hash": (Hash, chip),
        "chip_unstable": (c.c_bool, chip),
        "chip_peek": (None, chip, c.c_uint32, c.c_void_p, c.c_uint32),
        "chip_load": (c.c_bool, chip, c.c_char_p, c.c_uint64),
        "chip_flip": (None, chip, c.c_uint32, c.c_uint),
        "chip_fail_reads": (None, chip, c.c_uint32, c.c_uint32),
        "chip_set_mark": (c.c_uint64, chip),
        "chip_rollback": (None, chip, c.c_uint64),
        "chip_release": (None, chip, c.c_uint64),
        "fault_tears": (None, chip, op, c.c_uint32, c.POINTER(Effort), c.c_uint64, EACH, chip),
        "fault_fits": (c.c_bool, tear, c.c_int),
        "fault_class_of": (c.c_uint, tear),
        "fault_print": (None, tear, c.c_char_p),
        "fault_parse": (c.c_bool, c.c_char_p, tear),
        "fault_print_classes": (None, c.c_uint32, c.c_char_p),
        "fault_parse_classes": (c.c_uint32, c.c_char_p),
        "fault_class_summary": (c.c_char_p, c.c_uint),
        "part_find": (c.POINTER(Part), c.c_char_p),
        "part_at": (c.POINTER(Part), c.c_size_t),
        "part_override": (c.c_bool, c.POINTER(Part), c.c_char_p, c.c_uint64),
    }
    for name, (result, *arguments) in signatures.items():
        function = getattr(lib, name)
        function.restype = result
        function.argtypes = arguments
    return lib


def to_c(tear):
    fields = (tear.n, tear.density, tear.seed, tear.powered, tear.lies)
    return CTear(KINDS.index(tear.kind), *fields)


def from_c(tear):
    return Tear(KINDS[tear.kind], tear.n, tear.density, tear.seed, tear.powered, tear.lies)


def print_tear(lib, tear):
    text = c.create_string_buffer(48)
    lib.fault_print(c.byref(to_c(tear)), text)
    return text.value.decode()


def parse_tear(lib, text):
    """The tear, or None."""
    tear = CTear()
    return from_c(tear) if lib.fault_parse(text.encode(), c.byref(tear)) else None


def make_part(lib, geometry, name="generic", **numbers):
    """A copy of a part of the catalogue with another geometry and other numbers."""
    part = Part.from_buffer_copy(lib.part_find(name.encode()).contents)
    part.geometry = Geometry(**geometry)
    for field, value in numbers.items():
        if isinstance(value, bool):
            setattr(part, field, value)
        else:
            setattr(part, field, Number(value, 2))
    return part


class Chip:
    """A chip of the library; freed with the object."""

    def __init__(self, lib, part):
        self.lib = lib
        self.handle = lib.chip_new(c.byref(part))
        assert self.handle
        self.flash = lib.chip_flash(self.handle).contents
        self.geometry = self.flash.geometry
        self.size = self.geometry.sector_size * self.geometry.sector_count

    def __del__(self):
        if getattr(self, "handle", None):
            self.lib.chip_free(self.handle)

    def __getattr__(self, name):
        """chip.power_on() is chip_power_on(chip)."""
        function = getattr(self.lib, "chip_" + name)
        return lambda *arguments: function(self.handle, *arguments)

    def program(self, address, data):
        return self.flash.program(self.flash.context, address, bytes(data), len(data))

    def erase(self, address):
        return self.flash.erase(self.flash.context, address)

    def read(self, address, size):
        """The answer, and the bytes if it is OK."""
        buffer = c.create_string_buffer(size + 1)
        answer = self.flash.read(self.flash.context, address, buffer, size)
        return answer, b"" if answer else buffer.raw[:size]

    def content(self, address=0, size=None):
        size = self.size - address if size is None else size
        buffer = c.create_string_buffer(size + 1)
        self.lib.chip_peek(self.handle, address, buffer, size)
        return buffer.raw[:size]

    def watched(self):
        """The sector of the last program that was watched for, or None."""
        sector = self.lib.chip_watched(self.handle).contents.last
        return None if sector == SECTOR_NONE else sector

    def op(self, kind, address, data=None):
        size = self.geometry.sector_size if kind == ERASE else len(data)
        return Op(kind, address, size, data)

    def tear(self, kind, address, data, tear):
        """Cuts an operation short; `tear` is a Tear or its text."""
        if isinstance(tear, str):
            tear = parse_tear(self.lib, tear)
        self.lib.chip_tear(self.handle, c.byref(self.op(kind, address, data)), c.byref(to_c(tear)))

    def tears(self, kind, address, data=None, classes=STABLE, effort=(0, 4, 0), seed=1, stop=None):
        """The tears that the library lists."""
        found = []

        def each(_, tear):
            found.append(from_c(tear.contents))
            return stop is None or len(found) < stop

        op = self.op(kind, address, data)
        effort = Effort(*effort)
        self.lib.fault_tears(
            self.handle, c.byref(op), classes, c.byref(effort), seed, EACH(each), None
        )
        return found

    def counts(self):
        counters = self.lib.chip_counters(self.handle).contents
        return {name: getattr(counters, name) for name, _ in Counters._fields_}

    def erases(self):
        count = self.geometry.sector_count
        return [self.lib.chip_sector_erases(self.handle, i) for i in range(count)]

    def breach_seen(self):
        """None, or (rule, kind, address, size, step)."""
        breach = self.lib.chip_breach(self.handle).contents
        if breach.rule == 0:
            return None
        op = breach.op
        rule = self.lib.chip_rule_name(breach.rule).decode()
        return (rule, op.kind, op.address, op.size, breach.step)

    def digest(self):
        value = self.lib.chip_hash(self.handle)
        return value.low, value.high
