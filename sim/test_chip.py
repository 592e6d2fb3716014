"""The chip against a slow and obvious one, and the laws of its hash, its journal and its memory."""

import ctypes
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.bindings import (
    ALL_CLASSES,
    ERASE,
    HOOK,
    IO,
    OFF,
    OK,
    PROGRAM,
    RANGE,
    Chip,
    declare,
    make_part,
    to_c,
)
from sim.reference_chip import READ, ReferenceChip, Tear

ENDURANCE = 3


def examples(count):
    """At least `count` examples; more where the profile searches."""
    return settings(max_examples=max(count, settings.default.max_examples))


@pytest.fixture(scope="module")
def lib(libsim):
    return declare(libsim)


@st.composite
def geometries(draw):
    unit = draw(st.sampled_from([1, 1, 2, 4, 8, 16, 32]))
    page = unit * draw(st.sampled_from([1, 2, 3, 4, 8]))
    read = draw(st.sampled_from([1, 1, unit]))
    return {
        "sector_size": page * draw(st.sampled_from([1, 2, 3, 8])),
        "sector_count": draw(st.integers(1, 4)),
        "page_size": page,
        "unit": unit,
        "read_unit": read,
        "erased": draw(st.sampled_from([0xFF, 0xFF, 0x00, 0x39])),
        "programs_per_unit": draw(st.sampled_from([0, 0, 1, 2])),
        "tear_scope": draw(st.sampled_from([0, 1])),
    }


places = st.integers(0, 1 << 16)  # taken modulo what there is
sizes = st.integers(1, 8)  # in units
payloads = st.binary(min_size=1, max_size=4)
prefixes = st.tuples(st.just("prefix"), st.integers(0, 300))
program_tears = st.one_of(
    st.tuples(st.sampled_from(["none", "done"]), st.just(0)),
    prefixes,
    st.tuples(st.sampled_from(["only", "except"]), st.integers(0, 40)),
)
erase_tears = st.one_of(
    st.tuples(st.sampled_from(["none", "done"]), st.just(0)),
    prefixes,
    st.tuples(
        st.sampled_from(["zero-head", "zero-tail", "blank-tail", "lift-only"]), st.integers(0, 300)
    ),
)


def ends(tears):
    """Tears, and whether power goes, the call fails or it lies."""
    return st.tuples(tears, st.sampled_from(["cut", "fail", "lie"]))


LIED = ("none", "prefix", "only", "except", "blank-tail", "lift-only")  # what a lie may leave


ENDLESS = (1 << 64) - 1  # CHIP_FUEL_ENDLESS
fuels = st.one_of(st.integers(0, 5), st.just(ENDLESS))
calls = st.one_of(
    st.tuples(st.just("program"), places, sizes, payloads, st.booleans()),
    st.tuples(st.just("program"), places, sizes, payloads, st.just(True)),
    st.tuples(st.just("erase"), places),
    st.tuples(st.just("read"), places, st.integers(0, 40)),
    st.tuples(st.just("wild program"), st.integers(0, 4000), st.binary(max_size=40)),
    st.tuples(st.just("wild erase"), st.integers(0, 4000)),
    st.tuples(st.just("wild read"), st.integers(0, (1 << 32) - 1), st.integers(0, 99)),
    st.tuples(st.just("tear program"), places, sizes, payloads, ends(program_tears)),
    st.tuples(st.just("tear erase"), places, ends(erase_tears)),
    st.tuples(st.sampled_from(["power on", "power on", "power off"])),
    st.tuples(st.sampled_from(["mark", "mark", "rollback", "rollback", "release"])),
    st.tuples(st.sampled_from(["and", "proof", "clear breach", "reset"]), st.booleans()),
    st.tuples(st.just("load"), st.binary(max_size=200)),
    st.tuples(st.just("fuel"), fuels, fuels),
    st.tuples(st.just("watch"), st.integers(0, 5)),
)


class Pair:
    """The two chips, and a way to drive both with what Hypothesis thought up."""

    def __init__(self, lib, geometry, wear):
        part = make_part(
            lib,
            geometry,
            program_per_page=wear,
            zeros_again=wear,
            program_ns_typ=7,
            erase_ns_typ=1000,
            endurance=ENDURANCE,
        )
        self.chip = Chip(lib, part)
        self.reference = ReferenceChip(geometry, 7, wear, 1000, ENDURANCE, wear)
        self.g = geometry
        self.marks = []
        if wear:
            self.chip.wear_out(True)
            self.reference.wear_fails = True

    def sector(self, place):
        return place % self.g["sector_count"] * self.g["sector_size"]

    def span(self, place, size, payload, lawful):
        """Address and data of a program within a page; lawful: that sets no bit."""
        unit, page = self.g["unit"], self.g["page_size"]
        address = place * unit % self.reference.size
        size = min(size * unit, page - address % page)
        data = (payload * size)[:size]
        if lawful:
            now = self.reference.s.content[address : address + size]
            set_bits = self.reference.set_bits
            data = bytes(set_bits(set_bits(d) & set_bits(n)) for d, n in zip(data, now))
        return address, data

    def tear(self, kind, address, data, tear):
        if not self.reference.s.powered or self.reference.s.fuel:
            return
        size = len(data) if data else self.g["sector_size"]
        if self.reference.broken_rule(kind, address, size, data):
            return
        (name, n), end = tear
        lies = end == "lie" and name in LIED
        tear = Tear(name, n, powered=end != "cut", lies=lies)
        self.chip.tear(kind, address, data, tear)
        self.reference.tear(kind, address, data, tear)

    def run(self, call):
        name, *arguments = call
        getattr(self, "do_" + name.replace(" ", "_"))(*arguments)
        self.compare()

    def both(self, method, *arguments):
        answer = getattr(self.chip, method)(*arguments)
        assert answer == getattr(self.reference, method)(*arguments)

    def do_program(self, place, size, payload, lawful):
        self.both("program", *self.span(place, size, payload, lawful))

    def do_wild_program(self, address, data):
        self.both("program", address, data)

    def do_erase(self, place):
        self.both("erase", self.sector(place))

    def do_wild_erase(self, address):
        self.both("erase", address)

    def do_read(self, place, size):
        address = place * self.g["read_unit"] % self.reference.size
        size = min(size * self.g["read_unit"], self.reference.size - address)
        self.both("read", address, size)

    def do_wild_read(self, address, size):
        self.both("read", address, size)

    def do_tear_program(self, place, size, payload, tear):
        self.tear(PROGRAM, *self.span(place, size, payload, True), tear)

    def do_tear_erase(self, place, tear):
        self.tear(ERASE, self.sector(place), None, tear)

    def do_power_on(self):
        self.chip.power_on()
        self.reference.power_on()

    def do_power_off(self):
        self.chip.power_off()
        self.reference.power_off()

    def do_mark(self):
        self.marks.append(self.chip.set_mark())
        self.reference.set_mark()

    def do_rollback(self):
        if self.marks:
            self.chip.rollback(self.marks.pop())
            self.reference.rollback()

    def do_release(self):
        if self.marks:
            self.chip.release(self.marks.pop())
            self.reference.release()

    def do_and(self, allowed):
        self.chip.allow_and(allowed)
        self.reference.and_allowed = allowed

    def do_proof(self, required):
        self.chip.require_proof(required)
        self.reference.proof_required = required

    def do_clear_breach(self, _):
        self.chip.clear_breach()
        self.reference.s.breach = None

    def do_reset(self, really):
        if really:
            self.marks = []
            self.chip.reset()
            self.reference.reset()

    def do_load(self, image):
        if not self.marks:
            assert self.chip.load(image, len(image)) == self.reference.load(image)

    def do_fuel(self, reads, changes):
        self.chip.set_fuel(reads, changes)
        granted = {True: reads, False: changes}
        self.reference.s.fuel = {
            kind: calls for kind, calls in granted.items() if calls != ENDLESS
        }

    def do_watch(self, sectors):
        self.chip.watch(sectors)
        self.reference.watch(sectors)

    def compare(self):
        state = self.reference.s
        assert self.chip.content() == bytes(state.content)
        assert self.chip.counts() == state.counters
        assert self.chip.erases() == state.erases
        assert self.chip.breach_seen() == state.breach
        assert self.chip.powered() == state.powered
        assert self.chip.watched() == state.watched

    def holds(self):
        """What the hash is about."""
        state = self.reference.s
        limited = self.g["programs_per_unit"] != 0
        unproven = {i for i, unproven in enumerate(state.unproven) if unproven}
        return (
            bytes(state.content),
            tuple(state.programs) if limited else None,
            frozenset(unproven if self.reference.proof_required else ()),
            frozenset(i for i, lied in enumerate(state.lied) if lied),
        )


@examples(400)
@given(st.data(), geometries(), st.booleans())
def test_the_chip_does_what_an_obvious_chip_does(lib, data, geometry, wear):
    pair = Pair(lib, geometry, wear)
    hashes, contents = {}, {}
    for call in data.draw(st.lists(calls, min_size=4, max_size=40)):
        pair.run(call)
        digest, holds = pair.chip.digest(), pair.holds()
        assert hashes.setdefault(digest, holds) == holds
        assert contents.setdefault(holds, digest) == digest


def snapshot(chip):
    return (
        chip.content(),
        chip.counts(),
        chip.erases(),
        chip.breach_seen(),
        chip.digest(),
        chip.powered(),
        chip.unstable(),
        chip.watched(),
    )


# Sectors of 64 bytes, pages of 16, whatever else.
plain = {
    "sector_size": 64,
    "sector_count": 2,
    "page_size": 16,
    "unit": 1,
    "read_unit": 1,
    "erased": 0xFF,
    "programs_per_unit": 0,
    "tear_scope": 1,
}


def plain_chip(lib, **changes):
    return Chip(lib, make_part(lib, {**plain, **changes}, endurance=2))


def stir(chip, data):
    """Something that touches everything a chip has, tears of every class included."""
    address = data.draw(st.integers(0, 7)) * 16
    new = data.draw(st.binary(min_size=16, max_size=16))
    kind = data.draw(st.sampled_from([PROGRAM, ERASE]))
    chip.allow_and(True)
    chip.watch(2)
    chip.read(0, 8)
    chip.program(address, new[::-1])
    chip.erase(1)
    chip.flip(address, data.draw(st.integers(0, 7)))
    chip.fail_reads(3, 2)
    if kind == ERASE:
        address, new = address // 64 * 64, None
    else:
        chip.erase(address // 64 * 64)
    tears = chip.tears(kind, address, new, classes=ALL_CLASSES, effort=(4, 4, 4))
    chip.tear(kind, address, new, data.draw(st.sampled_from(tears)))
    for _ in range(data.draw(st.integers(0, 3))):
        chip.power_on()
        chip.read(0, 128)
        chip.program(100, b"\x00")
        chip.power_off()
    chip.power_on()


@examples(300)
@given(st.data(), st.sampled_from([0, 1, 2]))
def test_rollback_restores_whatever_can_be_seen(lib, data, programs):
    chip = plain_chip(lib, programs_per_unit=programs)
    befores, marks = [], []
    for _ in range(data.draw(st.integers(1, 4))):
        befores.append(snapshot(chip))
        marks.append(chip.set_mark())
        stir(chip, data)
    while marks:
        chip.rollback(marks.pop())
        assert snapshot(chip) == befores.pop()


@given(st.data())
def test_a_released_mark_keeps_the_changes_and_the_outer_mark_undoes_them(lib, data):
    chip = plain_chip(lib)
    before = snapshot(chip)
    outer = chip.set_mark()
    inner = chip.set_mark()
    stir(chip, data)
    after = snapshot(chip)
    chip.release(inner)
    assert snapshot(chip) == after
    chip.rollback(outer)
    assert snapshot(chip) == before


@given(st.data())
def test_a_reset_chip_is_like_a_new_one(lib, data):
    chip = plain_chip(lib)
    new = snapshot(chip)
    if data.draw(st.booleans()):
        chip.set_mark()
    stir(chip, data)
    chip.reset()
    assert snapshot(chip) == new


@given(st.binary(min_size=1, max_size=128), st.integers(1, 16), st.integers(0, 1023))
def test_the_hash_does_not_know_the_way(lib, image, step, flipped):
    loaded, programmed = plain_chip(lib), plain_chip(lib)
    loaded.load(image, len(image))
    programmed.program(64, bytes(16))
    programmed.erase(64)
    pieces = [i for i in range(len(image)) if i % step == 0 or i % 16 == 0] + [len(image)]
    for start, end in reversed(list(zip(pieces, pieces[1:]))):
        assert programmed.program(start, image[start:end]) == 0
    assert loaded.digest() == programmed.digest()
    programmed.flip(flipped // 8, flipped % 8)
    assert loaded.digest() != programmed.digest()


def test_a_blank_chip_has_the_same_hash_after_use_and_erase(lib):
    chip = plain_chip(lib, programs_per_unit=1)
    blank = chip.digest()
    chip.program(0, b"\xff" * 16)
    assert chip.digest() != blank, "a unit programmed with blank bytes is not a fresh one"
    chip.erase(0)
    assert chip.digest() == blank


def test_every_flipped_bit_gives_another_hash(lib):
    chip = plain_chip(lib)
    chip.load(bytes(range(128)), 128)
    seen = {chip.digest()}
    for bit in range(1024):
        mark = chip.set_mark()
        chip.flip(bit // 8, bit % 8)
        seen.add(chip.digest())
        chip.rollback(mark)
    assert len(seen) == 1025


@given(st.binary(min_size=16, max_size=16), st.binary(min_size=16, max_size=16), st.booleans())
def test_a_program_never_sets_a_bit(lib, first, second, allowed):
    chip = plain_chip(lib)
    chip.program(0, first)
    chip.allow_and(allowed)
    chip.program(0, second)
    assert all(now & ~before == 0 for now, before in zip(chip.content(), first))


def test_a_chip_without_power_refuses_everything_and_a_cut_is_final(lib):
    chip = plain_chip(lib)
    chip.tear(PROGRAM, 0, b"abcd", "prefix:2")
    assert not chip.powered()
    assert chip.program(32, b"x") == OFF and chip.erase(0) == OFF and chip.read(0, 1)[0] == OFF
    assert chip.content(0, 4) == b"ab\xff\xff"
    assert chip.counts()["refused"] == 3
    chip.power_on()
    assert chip.read(0, 4) == (0, b"ab\xff\xff")


class Hooked:
    """A hook that notes what it is asked, and answers as it was asked to."""

    def __init__(self, chip, answer=None):
        self.chip, self.answer, self.asked = chip, answer, []
        self.inside = lambda op: None
        self.callback = HOOK(self)
        chip.set_hook(self.callback, None)

    def __call__(self, _, op):
        op = op.contents
        self.asked.append((op.kind, op.address, op.size))
        self.inside(op)
        return self.answer


def test_the_hook_is_asked_before_each_lawful_program_and_erase_takes_effect(lib):
    chip = plain_chip(lib)
    hook = Hooked(chip)
    seen = []
    hook.inside = lambda op: seen.append(chip.content(0, 2))
    chip.program(0, b"ab")
    chip.program(15, b"over a page")
    chip.read(0, 2)
    chip.erase(0)
    assert hook.asked == [(PROGRAM, 0, 2), (ERASE, 0, 64)]
    assert seen == [b"\xff\xff", b"ab"]


def test_the_hook_may_play_a_whole_crash_and_roll_it_back(lib):
    chip = plain_chip(lib)
    hook = Hooked(chip)

    def crash(op):
        before = snapshot(chip)
        mark = chip.set_mark()
        chip.tear(op.kind, op.address, op.data[: op.size] if op.data else None, "none")
        chip.power_on()
        chip.program(64, b"recovery")
        chip.erase(0)
        chip.rollback(mark)
        assert snapshot(chip) == before

    hook.inside = crash
    chip.program(0, b"abcd")
    chip.program(4, b"efgh")
    assert len(hook.asked) == 2, "what the hook does itself is not asked about"
    assert chip.content(0, 9) == b"abcdefgh\xff"


def test_a_hook_that_answers_with_a_tear_cuts_the_call(lib):
    chip = plain_chip(lib)
    tear = to_c(Tear("prefix", 3))
    hook = Hooked(chip, ctypes.addressof(tear))
    assert chip.program(0, b"abcd") == OFF
    assert chip.content(0, 4) == b"abc\xff" and not chip.powered()
    assert hook.asked == [(PROGRAM, 0, 4)]


def test_a_hook_may_let_a_call_fail_and_leave_the_power_on(lib):
    chip = plain_chip(lib)
    tear = to_c(Tear("prefix", 3, powered=True))
    hook = Hooked(chip, ctypes.addressof(tear))
    assert chip.program(0, b"abcd") == IO
    assert chip.content(0, 4) == b"abc\xff" and chip.powered()
    assert chip.counts()["failed"] == 1 and chip.counts()["programs"] == 1
    hook.answer = None
    assert chip.program(4, b"efgh") == OK


def test_a_hook_may_let_a_program_answer_ok_though_a_part_of_it_was_done(lib):
    chip = plain_chip(lib)
    tear = to_c(Tear("prefix", 3, powered=True, lies=True))
    hook = Hooked(chip, ctypes.addressof(tear))
    assert chip.program(0, b"abcd") == OK
    assert chip.content(0, 4) == b"abc\xff" and chip.powered()
    assert (chip.counts()["failed"], chip.counts()["lied"]) == (0, 1)
    hook.answer = None
    assert chip.program(4, b"efgh") == OK and chip.content(4, 4) == b"efgh"


def test_an_erase_that_lied_excuses_what_is_programmed_there_until_the_next_one(lib):
    chip = plain_chip(lib)
    chip.program(0, b"\x0f")
    tear = to_c(Tear("none", powered=True, lies=True))
    hook = Hooked(chip, ctypes.addressof(tear))
    assert chip.erase(0) == OK and chip.content(0, 1) == b"\x0f"
    hook.answer = None
    assert chip.program(0, b"\xfc") == OK and chip.breach_seen() is None
    assert chip.content(0, 1) == b"\x0c", "no bit is set"
    assert chip.erase(0) == OK
    assert chip.program(0, b"\x0f") == OK and chip.program(0, b"\xfc") == IO
    assert chip.breach_seen()[0] == "set-bit"


@pytest.mark.parametrize("kind", [PROGRAM, ERASE])
def test_a_call_that_strays_is_done_and_bits_elsewhere_clear(lib, kind):
    chip = plain_chip(lib)
    chip.program(70, b"\xf0")
    tear = to_c(Tear("at", 0xFF, seed=chip.size + 70, powered=True))
    hook = Hooked(chip, ctypes.addressof(tear))
    assert (chip.program(0, b"ab") if kind == PROGRAM else chip.erase(0)) == OK
    assert chip.content(0, 2) == (b"ab" if kind == PROGRAM else b"\xff\xff")
    assert chip.content(70, 1) == b"\x00" and chip.powered()
    assert (chip.counts()["failed"], chip.counts()["strayed"]) == (0, 1)
    hook.answer = None
    assert chip.program(70, b"\xf0") == OK and chip.breach_seen() is None, "nobody could know"
    assert chip.content(70, 1) == b"\x00"


def test_of_the_byte_that_a_stray_hits_only_the_bits_that_it_names_clear(lib):
    chip = plain_chip(lib)
    tear = to_c(Tear("at", 0x12, seed=70, powered=True))
    hook = Hooked(chip, ctypes.addressof(tear))
    mark = chip.set_mark()
    assert chip.program(0, b"ab") == OK and chip.content(70, 1) == b"\xed"
    chip.rollback(mark)
    assert chip.content(70, 1) == b"\xff" and chip.counts()["strayed"] == 0
    assert hook.asked == [(PROGRAM, 0, 2)]


@pytest.mark.parametrize(
    "glitch, answer, shown",
    [
        (Tear("error", powered=True), IO, b""),
        (Tear("errors", 2, powered=True), IO, b""),
        (Tear("erased", powered=True), OK, b"\xff\xff\xff\xff"),
        (Tear("bit", 9, powered=True), OK, b"a`cd"),
        (Tear("bit", 32, powered=True), OK, b"`bcd"),
    ],
)
def test_a_hook_that_is_asked_about_reads_may_let_one_go_wrong(lib, glitch, answer, shown):
    chip = plain_chip(lib)
    chip.program(0, b"abcd")
    wrong = to_c(glitch)
    hook = Hooked(chip, ctypes.addressof(wrong))
    assert chip.read(0, 4) == (OK, b"abcd") and hook.asked == []
    chip.ask_reads(True)
    assert chip.read(0, 4) == (answer, shown)
    assert hook.asked == [(READ, 0, 4)] and chip.counts()["glitched"] == 1
    chip.read(1 << 20, 4)
    assert len(hook.asked) == 1, "what breaks a rule is refused"
    hook.answer = None
    assert chip.read(0, 4) == (OK, b"abcd")
    assert chip.content(0, 4) == b"abcd" and chip.powered()


def test_the_first_breach_stays_until_it_is_cleared(lib):
    chip = plain_chip(lib)
    chip.program(0, b"\x00")
    assert chip.program(1 << 20, b"x") == RANGE
    assert chip.erase(5) == RANGE
    assert chip.breach_seen() == ("bounds", PROGRAM, 1 << 20, 1, 1)
    chip.clear_breach()
    assert chip.breach_seen() is None
    assert chip.erase(5) == RANGE
    assert chip.breach_seen() == ("alignment", ERASE, 5, 64, 1)


def test_a_watch_tells_the_last_program_of_the_first_sectors(lib):
    chip = plain_chip(lib, sector_count=4)
    chip.program(0, b"a")
    assert chip.watched() is None, "nobody watched"
    chip.watch(2)
    chip.erase(0)
    assert chip.watched() is None, "an erase is no program"
    chip.program(0, b"b")
    chip.program(64, b"c")
    chip.program(128, b"d")
    assert chip.watched() == 1, "sector 2 is not watched"
    mark = chip.set_mark()
    chip.tear(PROGRAM, 0, b"b", "none")
    assert chip.watched() == 0, "power went as it was about to begin"
    chip.rollback(mark)
    assert chip.watched() == 1
    chip.watch(2)
    assert chip.watched() is None


def test_an_image_larger_than_the_chip_is_not_loaded(lib):
    chip = plain_chip(lib)
    assert not chip.load(bytes(129), 129)
    assert chip.content() == b"\xff" * 128


@pytest.mark.parametrize("allowed", [True, False])
def test_zeros_go_over_a_programmed_unit_where_the_part_allows_it(lib, allowed):
    geometry = {**plain, "unit": 8, "programs_per_unit": 1}
    chip = Chip(lib, make_part(lib, geometry, zeros_again=allowed))
    assert chip.program(0, b"old data" + b"\xff" * 8) == OK
    answer = OK if allowed else IO
    assert [chip.program(0, bytes(8)), chip.program(0, bytes(8))] == [answer, answer]
    assert chip.content(0, 8) == (bytes(8) if allowed else b"old data")
    assert chip.program(8, b"\0" * 7 + b"\1") == IO, "one bit that is not zero"
    assert chip.breach_seen()[0] == "reprogram"


@pytest.mark.parametrize("counted", [True, False])
@pytest.mark.parametrize("tear", ["prefix:8", "done"])
def test_a_torn_program_is_counted_unless_a_design_says_otherwise(lib, counted, tear):
    chip = Chip(lib, make_part(lib, {**plain, "unit": 8, "programs_per_unit": 1}))
    lib.chip_count_torn(chip.handle, counted)
    chip.tear(PROGRAM, 0, b"old data", tear)
    chip.power_on()
    assert chip.program(0, b"old data") == (IO if counted else OK)
    assert chip.program(0, b"old data") == IO, "one that was not cut is counted"


def test_a_geometry_that_makes_no_sense_makes_no_chip(lib):
    for field, value in [("unit", 3), ("unit", 64), ("page_size", 24), ("sector_count", 0)]:
        part = make_part(lib, {**plain, field: value})
        assert lib.chip_new(ctypes.byref(part)) is None


def test_an_interrupted_erase_must_be_repeated_only_where_proof_is_required(lib):
    for required in (False, True):
        chip = plain_chip(lib)
        chip.require_proof(required)
        chip.tear(ERASE, 0, None, "prefix:64")
        chip.power_on()
        assert (chip.program(0, b"x") == 0) is not required
        assert (chip.breach_seen() is not None) is required
        assert chip.program(64, b"x") == 0, "the other sector is proven"
        assert chip.erase(0) == 0 and chip.program(0, b"x") == 0


@pytest.mark.parametrize("tear", ["none", "done"])
def test_an_erase_not_begun_or_complete_leaves_nothing_to_prove(lib, tear):
    chip = plain_chip(lib)
    chip.require_proof(True)
    chip.tear(ERASE, 0, None, tear)
    chip.power_on()
    assert chip.program(0, b"x") == 0


SPARSE = """
import resource, sys
import ctypes
from sim.bindings import Chip, declare, make_part
lib = declare(ctypes.CDLL(sys.argv[1]))
geometry = dict(sector_size=512, sector_count=1 << 23, page_size=256, unit=1, read_unit=1,
                erased=255, programs_per_unit=1, tear_scope=1)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
chip = Chip(lib, make_part(lib, geometry))
for address in range(0, 1 << 32, 1 << 24):
    assert chip.program(address, b"x" * 100) == 0
    assert chip.read(address + 100, 1 << 10)[0] == 0
assert chip.erase((1 << 32) - 512) == 0
assert chip.program((1 << 32) - 1, b"!") == 0
assert chip.content((1 << 32) - 1, 1) == b"!"
chip.reset()
assert chip.content(0, 4) == b"\\xff" * 4
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def test_a_chip_of_four_gigabytes_takes_memory_only_where_it_was_written(libsim, root):
    command = [sys.executable, "-c", SPARSE, libsim._name]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)
    assert int(done.stdout) < 64 * 1024, "KiB; the table of sectors alone is five times as large"
