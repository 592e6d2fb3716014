"""Tears: their text, what is listed, and that each leaves what its class allows."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from sim import bindings as b
from sim.bindings import ERASE, KINDS, PROGRAM, TEARS, Chip, declare, make_part
from sim.reference_chip import ReferenceChip, Tear
from sim.test_chip import examples, snapshot


@pytest.fixture(scope="module")
def lib(libsim):
    return declare(libsim)


@st.composite
def any_tear(draw):
    kind = draw(st.sampled_from(KINDS))
    has = TEARS[kind]
    n = st.integers(1, 64) if kind == "errors" else st.integers(0, 2**32 - 1)
    return Tear(
        kind,
        draw(n) if "n" in has else 0,
        draw(st.integers(0, 256)) if "d" in has else 0,
        draw(st.integers(0, 2**64 - 1)) if "s" in has else 0,
    )


# --- text ---


@given(any_tear())
def test_a_tear_is_read_back_from_its_text(lib, tear):
    text = b.print_tear(lib, tear)
    assert len(text) < 48 and " " not in text
    assert b.parse_tear(lib, text) == tear


def test_tears_are_spelled_as_the_header_says(lib):
    for text, tear in {
        "none": Tear("none"),
        "prefix:5": Tear("prefix", 5),
        "only:17": Tear("only", 17),
        "mask:2a:128": Tear("mask", 0, 128, 0x2A),
        "zero-tail:64": Tear("zero-tail", 64),
        "disturb:ff:3": Tear("disturb", 3, 0, 255),
        "ecc-wrong:8:1": Tear("ecc-wrong", 8, 0, 1),
        "undone:0": Tear("undone"),
        "erased": Tear("erased"),
        "bit:7": Tear("bit", 7),
        "errors:2": Tear("errors", 2),
    }.items():
        assert b.print_tear(lib, tear) == text
        assert b.parse_tear(lib, text) == tear


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nothing",
        "none:1",
        "prefix",
        "prefix:",
        "prefix:-1",
        "prefix:05",
        "prefix:4294967296",
        "prefix:5:5",
        "errors:0",
        "errors:65",
        "prefix:5 ",
        " prefix:5",
        "mask:2a",
        "mask:2A:128",
        "mask:2a:257",
        "mask:10000000000000000:1",
        "disturb:1:99999999999999999999",
    ],
)
def test_text_that_is_no_tear_is_refused_and_leaves_the_tear_alone(lib, text):
    kept = b.to_c(Tear("only", 77))
    assert not lib.fault_parse(text.encode(), kept)
    assert b.from_c(kept) == Tear("only", 77)


@given(st.text(st.sampled_from("nodepfixmask:-0123456789af"), max_size=30))
def test_what_is_accepted_is_spelled_in_the_one_way_there_is(lib, text):
    tear = b.parse_tear(lib, text)
    assert tear is None or b.print_tear(lib, tear) == text


@given(st.integers(1, b.ALL_CLASSES))
def test_fault_classes_are_read_back_from_their_text(lib, classes):
    text = b.c.create_string_buffer(64)
    lib.fault_print_classes(classes, text)
    assert lib.fault_parse_classes(text.value) == classes


@pytest.mark.parametrize("text", ["", "edge,", ",edge", "edges", "edg", "edge bits", "edge,none"])
def test_a_word_that_is_no_fault_class_spoils_the_list(lib, text):
    assert lib.fault_parse_classes(text.encode()) == 0


def test_each_fault_class_is_summed_up_in_words_of_its_own(lib):
    summaries = {lib.fault_class_summary(1 << i) for i in range(b.CLASSES)}
    assert len(summaries) == b.CLASSES and b"?" not in summaries


# --- listed tears ---


def build(lib, scope, unit, programs, erased=0xFF, page=32):
    geometry = {
        "sector_size": 64,
        "sector_count": 2,
        "page_size": page,
        "unit": unit,
        "read_unit": 1,
        "erased": erased,
        "programs_per_unit": programs,
        "tear_scope": scope,
    }
    return Chip(lib, make_part(lib, geometry)), ReferenceChip(geometry)


def sparse_bytes(size):
    """Bytes with few bits to clear in many of them, so that special cases are common."""
    one = st.sampled_from([0xFF, 0xFF, 0xFE, 0x7F, 0x5A, 0x00])
    return st.lists(one, min_size=size, max_size=size).map(bytes)


@st.composite
def programs(draw, lib, **options):
    """A chip, its double, and a lawful program on both."""
    unit = draw(st.sampled_from([1, 2, 4, 8, 16]))
    scope = draw(st.sampled_from([0, 1, 2]))
    chip, reference = build(lib, scope, unit, draw(st.sampled_from([0, 2])), **options)
    before = draw(sparse_bytes(64))
    chip.load(before, 64)
    reference.load(before)
    size = unit * draw(st.integers(1, 32 // unit))
    address = draw(st.integers(0, (32 - size) // unit)) * unit
    wanted = draw(sparse_bytes(size))
    data = bytes(w & o for w, o in zip(wanted, before[address:]))
    if options.get("erased", 0xFF) == 0:
        data = bytes(w | o for w, o in zip(wanted, before[address:]))
    return chip, reference, address, data


def after(chip, kind, address, data, tear):
    """What the tear leaves, and the chip as it was again."""
    mark = chip.set_mark()
    chip.tear(kind, address, data, tear)
    content = chip.content()
    chip.rollback(mark)
    return content


def brute_force_program(reference, address, data):
    """Every content that the stable classes allow but for random masks, by the obvious chip."""
    found = set()
    total = len(reference.bits_to_clear(address, data))
    tears = [Tear("done"), Tear("none")]
    tears += [Tear("prefix", n) for n in range(len(data))]
    tears += [Tear(kind, k) for kind in ("only", "except") for k in range(total)]
    for tear in tears:
        reference.set_mark()
        reference.tear(PROGRAM, address, data, tear)
        found.add(bytes(reference.s.content))
        reference.rollback()
    return found


@examples(200)
@given(st.data())
def test_the_listed_program_tears_leave_everything_that_may_be_left_and_each_once(lib, data):
    chip, reference, address, payload = data.draw(programs(lib))
    tears = chip.tears(PROGRAM, address, payload, effort=(0, 0, 0))
    assert tears[:2] == [Tear("none"), Tear("done")]
    contents = [after(chip, PROGRAM, address, payload, tear) for tear in tears]
    assert set(contents) == brute_force_program(reference, address, payload)
    nothing_to_do = contents[0] == contents[1]
    assert len(set(contents)) == len(contents) - nothing_to_do


@examples(200)
@given(st.data())
def test_without_prefixes_no_torn_bit_leaves_what_an_edge_leaves(lib, data):
    chip, _, address, payload = data.draw(programs(lib))
    tears = chip.tears(PROGRAM, address, payload, b.EDGE | b.BITS, effort=(0, 0, 0))
    edges, *others = [{after(chip, PROGRAM, address, payload, t) for t in tears[:2]}] + [
        after(chip, PROGRAM, address, payload, t) for t in tears[2:]
    ]
    assert not edges & set(others)


def brute_force_erase(reference, size):
    found = set()
    for tear in [Tear("none"), Tear("done")] + [
        Tear(kind, n)
        for kind in ("prefix", "blank-tail", "zero-head", "zero-tail")
        for n in range(size)
    ] + [Tear("zero-head", size)] + [Tear("lift-only", k) for k in range(reference.zeros())]:
        reference.set_mark()
        reference.tear(ERASE, 0, None, tear)
        found.add(bytes(reference.s.content))
        reference.rollback()
    return found


@given(sparse_bytes(64) | st.just(b"\xff" * 64))
def test_the_listed_erase_tears_leave_every_edge_of_a_run(lib, before):
    chip, reference = build(lib, 1, 1, 0)
    chip.load(before, 64)
    reference.load(before)
    tears = chip.tears(ERASE, 0, effort=(0, 0, 0))
    assert tears[:2] == [Tear("none"), Tear("done")]
    contents = [after(chip, ERASE, 0, None, tear) for tear in tears]
    assert set(contents) == brute_force_erase(reference, 64)
    by_kind = {}
    for tear, content in zip(tears, contents):
        by_kind.setdefault(tear.kind, []).append(content)
    assert all(len(set(found)) == len(found) for found in by_kind.values())
    if before == b"\xff" * 64:
        assert "prefix" not in by_kind, "the prefix of a blank sector is nothing new"


@examples(200)
@given(st.data(), st.sampled_from([0xFF, 0x00]))
def test_stable_program_tears_clear_only_bits_that_should_clear(lib, data, erased):
    chip, reference, address, payload = data.draw(programs(lib, erased=erased))
    before, end = chip.content(), address + len(payload)
    should = set(reference.bits_to_clear(address, payload))
    by_unit, unit = chip.geometry.tear_scope == 0, chip.geometry.unit
    for tear in chip.tears(PROGRAM, address, payload, effort=(5, 8, 5)):
        now = after(chip, PROGRAM, address, payload, tear)
        changed = {
            (i, bit) for i in range(128) for bit in range(8) if (now[i] ^ before[i]) >> bit & 1
        }
        assert changed <= should
        if by_unit and changed != should:
            start = min(i for i, _ in should - changed) // unit * unit
            assert all(i < start + unit for i, _ in changed), "later units are untouched"
    assert before[end:] == chip.content(end)


@examples(100)
@given(sparse_bytes(64), st.sampled_from([0xFF, 0x00]))
def test_a_mixed_erase_leaves_a_bit_blank_clear_or_as_it_was(lib, before, erased):
    chip, _ = build(lib, 1, 1, 0, erased)
    chip.load(before, 64)
    assert after(chip, ERASE, 0, None, Tear("mix", 0, 256, 7))[:64] == bytes([erased]) * 64
    none_blank = after(chip, ERASE, 0, None, Tear("mix", 0, 0, 7))[:64]
    assert all((n ^ ~erased) & ~(o ^ ~erased) & 0xFF == 0 for n, o in zip(none_blank, before))
    half = after(chip, ERASE, 0, None, Tear("mix", 0, 128, 7))
    assert half[64:] == bytes([erased]) * 64, "the next sector is untouched"


@examples(200)
@given(st.data(), st.sampled_from([PROGRAM, ERASE]), st.integers(0, 2**64 - 1))
def test_the_same_tear_leaves_the_same_also_after_power_comes_and_goes(lib, data, kind, seed):
    chip, _, address, payload = data.draw(programs(lib))
    if kind == ERASE:
        address, payload = 0, None
    tears = chip.tears(kind, address, payload, classes=b.ALL_CLASSES, effort=(3, 4, 3), seed=seed)
    tear = data.draw(st.sampled_from(tears))
    histories = []
    for _ in range(2):
        mark = chip.set_mark()
        chip.tear(kind, address, payload, tear)
        history = [snapshot(chip)]
        for _ in range(4):
            chip.power_on()
            history.append((chip.read(0, 64), snapshot(chip)))
            chip.power_off()
        chip.rollback(mark)
        histories.append(history)
    assert histories[0] == histories[1]


@examples(200)
@given(st.data(), st.sampled_from([PROGRAM, ERASE]))
def test_listed_tears_belong_to_the_classes_asked_for_and_fit_the_operation(lib, data, kind):
    chip, _, address, payload = data.draw(programs(lib))
    if kind == ERASE:
        address, payload = 0, None
    classes = data.draw(st.integers(1, b.ALL_CLASSES))
    for tear in chip.tears(kind, address, payload, classes=classes, effort=(3, 4, 3)):
        assert lib.fault_class_of(b.to_c(tear)) & classes
        assert lib.fault_fits(b.to_c(tear), kind)
        if tear.kind == "disturb":
            assert chip.geometry.tear_scope == b.SECTOR


@given(st.data())
def test_listing_stops_when_told(lib, data):
    chip, _, address, payload = data.draw(programs(lib))
    whole = chip.tears(PROGRAM, address, payload, classes=b.ALL_CLASSES)
    stop = data.draw(st.integers(1, len(whole)))
    assert chip.tears(PROGRAM, address, payload, classes=b.ALL_CLASSES, stop=stop) == whole[:stop]


@examples(200)
@given(st.data(), st.integers(1, 12), st.integers(0, 6), st.integers(1, 12))
def test_effort_bounds_the_number_of_tears(lib, data, bits, masks, runs):
    chip, _, address, payload = data.draw(programs(lib))
    counts = {}
    for tear in chip.tears(PROGRAM, address, payload, effort=(bits, masks, runs)):
        counts[tear.kind] = counts.get(tear.kind, 0) + 1
    assert counts.get("only", 0) <= bits and counts.get("except", 0) <= bits
    assert counts.get("mask", 0) <= masks
    counts = {}
    for tear in chip.tears(ERASE, 0, effort=(bits, masks, runs)):
        counts[tear.kind] = counts.get(tear.kind, 0) + 1
    for kind in ("prefix", "blank-tail", "zero-head", "zero-tail"):
        assert counts.get(kind, 0) <= max(runs, 2)
    assert counts.get("mix", 0) <= masks and counts.get("lift", 0) <= masks
    assert counts.get("lift-only", 0) <= bits


def test_few_runs_include_both_edges_of_the_sector(lib):
    chip, _ = build(lib, 1, 1, 0)
    chip.load(b"\x55" * 64, 64)
    tears = chip.tears(ERASE, 0, effort=(0, 0, 4))
    assert [t.n for t in tears if t.kind == "prefix"] == [1, 21, 42, 63]
    assert [t.n for t in tears if t.kind == "zero-head"] == [1, 22, 43, 64]
    assert [t.n for t in tears if t.kind == "zero-tail"] == [1, 21, 42, 63]


def test_a_bit_that_stands_alone_is_lifted_sooner_than_others(lib):
    """A store of random bytes, in which one byte is a mark of one bit."""
    chip, _ = build(lib, 1, 1, 0)
    chip.load(b"\xa5" * 40 + b"\x7f" + b"\x5a" * 20, 61)
    marks = [Tear("lift-only", 160)]
    for seed in range(20):
        tears = chip.tears(ERASE, 0, classes=b.BITS, effort=(12, 4, 16), seed=seed)
        assert [t for t in tears if t == marks[0]] == marks
        now = after(chip, ERASE, 0, None, marks[0])
        assert now[:61] == b"\xa5" * 40 + b"\xff" + b"\x5a" * 20


@examples(200)
@given(sparse_bytes(64), st.integers(0, 2**64 - 1), st.sampled_from([0xFF, 0x00]))
def test_an_erase_that_has_just_begun_sets_few_bits_and_clears_none(lib, before, seed, erased):
    chip, reference = build(lib, 1, 1, 0, erased)
    chip.load(before, 64)
    for density in (0, 4, 128, 256):
        now = after(chip, ERASE, 0, None, Tear("lift", 0, density, seed))[:64]
        pairs = list(zip(map(reference.set_bits, now), map(reference.set_bits, before)))
        assert all(n & o == o for n, o in pairs), "no bit is cleared"
        assert density != 0 or now == before
        assert density != 256 or now == bytes([erased]) * 64


def test_over_many_seeds_every_zero_is_lifted(lib):
    chip, _ = build(lib, 1, 1, 0)
    chip.load(b"\x0f" * 64, 64)
    found = {
        tear.n
        for seed in range(100)
        for tear in chip.tears(ERASE, 0, classes=b.BITS, effort=(12, 0, 2), seed=seed)
        if tear.kind == "lift-only"
    }
    assert found == set(range(256))


def test_few_bits_include_the_first_and_the_last(lib):
    chip, _ = build(lib, 1, 1, 0)
    for most in (2, 3, 7):
        tears = chip.tears(PROGRAM, 0, b"\x00" * 32, classes=b.BITS, effort=(most, 0, 0))
        only = [t.n for t in tears if t.kind == "only"]
        assert only[0] == 0 and only[-1] == 255 and len(only) == most


def test_other_seeds_make_other_masks(lib):
    chip, _ = build(lib, 1, 1, 0)
    lists = [chip.tears(PROGRAM, 0, b"\x00" * 8, b.BITS, (1, 4, 0), seed) for seed in (1, 2, 1)]
    assert lists[0] != lists[1] and lists[0] == lists[2]


@given(st.data(), any_tear())
def test_a_tear_that_does_not_fit_the_operation_leaves_it_undone(lib, data, tear):
    chip, _, address, payload = data.draw(programs(lib))
    kind = data.draw(st.sampled_from([PROGRAM, ERASE]))
    assume(not lib.fault_fits(b.to_c(tear), kind))
    if kind == ERASE:
        address, payload = 0, None
    before = chip.content(), chip.digest()
    chip.tear(kind, address, payload, tear)
    assert (chip.content(), chip.digest()) == before and not chip.powered()


@examples(200)
@given(st.data(), any_tear())
def test_any_tear_in_a_case_written_by_hand_stays_inside_its_sector(lib, data, tear):
    assume(tear.kind != "at")  # which hits another place by its nature
    chip, _, address, payload = data.draw(programs(lib))
    for kind in (PROGRAM, ERASE):
        mark = chip.set_mark()
        chip.tear(kind, 0 if kind == ERASE else address, None if kind == ERASE else payload, tear)
        assert chip.content(64) == b"\xff" * 64
        if kind == PROGRAM and tear.kind != "disturb":
            now, end = chip.content(), address + len(payload)
            chip.rollback(mark)
            mark = chip.set_mark()
            before = chip.content()
            assert now[:address] == before[:address] and now[end:] == before[end:]
        chip.rollback(mark)
