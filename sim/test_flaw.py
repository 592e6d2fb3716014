"""What is wrong with bits and units: unstable after a cut, unreadable, rotten, worn out."""

import ctypes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.bindings import ALL_CLASSES, ECC, ERASE, IO, OK, PROGRAM, WEAK, Chip, declare, make_part
from sim.test_chip import examples, plain, snapshot

POWER_ONS_TO_SETTLE = 8
ecc_part = {"page_size": 32, "unit": 8, "programs_per_unit": 1}
SEEDS = [f"{seed:x}" for seed in range(1, 9)]
seeds = st.integers(0, 2**64 - 1).map(lambda seed: f"{seed:x}")


@pytest.fixture(scope="module")
def lib(libsim):
    return declare(libsim)


def new_chip(lib, wear=False, endurance=0, **changes):
    chip = Chip(lib, make_part(lib, {**plain, **changes}, endurance=endurance))
    chip.wear_out(wear)
    return chip


def cycle(chip):
    chip.power_off()
    chip.power_on()


def torn_program(lib, tear, data=b"\x00" * 8, **changes):
    """A chip on whose address 0 the program was torn, powered on again."""
    chip = new_chip(lib, **changes)
    chip.tear(PROGRAM, 0, data, tear)
    chip.power_on()
    return chip


def torn_erase(lib, tear, before=b"\x00" * 64, **changes):
    chip = new_chip(lib, **changes)
    chip.load(before, len(before))
    chip.tear(ERASE, 0, None, tear)
    chip.power_on()
    return chip


def readings(chip, power_ons, size=64):
    """What is read after each of `power_ons` more power-ons."""
    found = []
    for _ in range(power_ons):
        cycle(chip)
        found.append(chip.read(0, size)[1])
    return found


# --- weak programs ---


@given(seeds)
def test_a_program_may_look_undone_and_show_up_later(lib, seed):
    chip = torn_program(lib, "undone:" + seed)
    assert chip.read(0, 8) == (OK, b"\xff" * 8)
    assert chip.unstable()
    assert set(readings(chip, 1, 8)) != {b"\xff" * 8}, "64 coins do not all fall the same way"


@given(seeds)
def test_a_program_may_look_done_and_fall_back_later(lib, seed):
    chip = torn_program(lib, f"looks-done:{seed}:256")
    assert chip.read(0, 8) == (OK, b"\x00" * 8)
    assert set(readings(chip, 1, 8)) != {b"\x00" * 8}


def test_few_bits_fall_back_when_few_are_weak(lib):
    chip = torn_program(lib, "looks-done:5:16", b"\x00" * 16)
    fell = sum(bin(byte).count("1") for byte in readings(chip, 1, 16)[0])
    assert 1 <= fell <= 12


@given(seeds)
def test_a_flickering_program_reads_differently_each_time(lib, seed):
    chip = torn_program(lib, f"flicker:{seed}:256")
    assert len({chip.read(0, 8)[1] for _ in range(4)}) > 1


@given(seeds, st.sampled_from(["undone:%s", "looks-done:%s:256", "flicker:%s:256"]))
def test_unstable_bits_settle_at_the_eighth_power_on_at_the_latest(lib, seed, form):
    chip = torn_program(lib, form % seed)
    readings(chip, POWER_ONS_TO_SETTLE - 1)
    assert not chip.unstable()
    assert len(set(readings(chip, 4))) == 1
    assert len({chip.read(0, 64)[1] for _ in range(4)}) == 1


def test_some_bits_settle_before_the_others(lib):
    chip = torn_program(lib, "undone:7", b"\x00" * 16)
    seen = readings(chip, 4, 16)
    assert len(set(seen)) == 4
    kept = [all(reading[i] == seen[0][i] for reading in seen) for i in range(16)]
    assert chip.unstable() and not all(kept)


@given(seeds, st.sampled_from(["undone:%s", "looks-done:%s:256", "flicker:%s:256"]))
def test_programming_the_same_again_makes_the_bits_stable(lib, seed, form):
    chip = torn_program(lib, form % seed, b"\x0f\xf0\x00")
    assert chip.program(0, b"\x0f\xf0\x00") == OK
    assert not chip.unstable()
    assert set(readings(chip, 4, 3)) == {b"\x0f\xf0\x00"}


@given(seeds)
def test_a_program_that_spares_an_unstable_bit_leaves_it_unstable(lib, seed):
    chip = torn_program(lib, "undone:" + seed, b"\x0f")
    assert chip.program(0, b"\xf0") == OK
    assert chip.unstable()
    assert len(set(readings(chip, 3, 1))) > 1 or chip.read(0, 1)[1][0] & 0x0F == 0


@given(st.data(), seeds, st.binary(min_size=8, max_size=8))
def test_only_bits_that_should_have_cleared_are_ever_unstable(lib, data, seed, payload):
    form = data.draw(st.sampled_from(["undone:%s", "looks-done:%s:200", "flicker:%s:200"]))
    scope = data.draw(st.sampled_from([0, 1]))
    chip = torn_program(lib, form % seed, payload, tear_scope=scope, unit=4)
    for reading in readings(chip, 4, 64):
        assert all(byte & wanted == wanted for byte, wanted in zip(reading, payload))
        assert reading[8:] == b"\xff" * 56


@given(seeds)
def test_units_before_the_one_in_progress_are_sound(lib, seed):
    chip = torn_program(lib, "undone:" + seed, b"\x00" * 16, tear_scope=0, unit=4)
    first = chip.read(0, 16)[1]
    done = first.index(b"\xff") if b"\xff" in first else 16
    assert done % 4 == 0 and first[done:] == b"\xff" * (16 - done)
    for reading in readings(chip, 4, 16):
        assert reading[:done] == b"\x00" * done and reading[done + 4 :] == first[done + 4 :]


def test_every_unit_that_a_weak_program_may_have_touched_counts_as_programmed(lib):
    chip = torn_program(lib, "undone:1", b"\x00" * 8, programs_per_unit=1, unit=4)
    assert chip.read(0, 8) == (OK, b"\xff" * 8)
    assert chip.program(4, b"abcd") == IO
    assert chip.breach_seen()[0] == "reprogram"


@pytest.mark.parametrize("form", ["undone:%s", "flicker:%s:256"])
@pytest.mark.parametrize("seed", SEEDS)
def test_units_behind_the_one_in_progress_are_still_fresh(lib, form, seed):
    options = {"programs_per_unit": 1, "unit": 4, "tear_scope": 0}
    chip = torn_program(lib, form % seed, b"\x00" * 16, **options)
    done = chip.content(0, 16).count(b"\x00" * 4)
    answers = [chip.program(address, b"\x00" * 4) for address in range(0, 16, 4)]
    fresh = answers.count(OK)
    assert fresh < 4 and answers == [IO] * (4 - fresh) + [OK] * fresh
    assert form.startswith("flicker") or fresh == 4 - done - 1


@given(seeds, st.integers(1, 60))
def test_a_disturbing_program_is_done_and_clears_other_bits_of_its_sector(lib, seed, hits):
    chip = new_chip(lib, tear_scope=2)
    chip.tear(PROGRAM, 16, b"\x55" * 8, f"disturb:{seed}:{hits}")
    chip.power_on()
    content = chip.content()
    assert content[16:24] == b"\x55" * 8 and content[64:] == b"\xff" * 64
    cleared = sum(8 - bin(byte).count("1") for byte in content[:16] + content[24:64])
    assert cleared <= hits
    assert not chip.unstable()


def test_other_parts_of_the_sector_do_get_disturbed(lib):
    chip = new_chip(lib, tear_scope=2)
    chip.tear(PROGRAM, 16, b"\x55" * 8, "disturb:1:8")
    assert chip.content(24, 40) != b"\xff" * 40


# --- weak erases ---


@given(seeds)
def test_an_erase_may_look_blank_and_any_bit_fall_back(lib, seed):
    before = bytes([0x0F, 0xFF] * 32)
    chip = torn_erase(lib, f"blank-weak:{seed}:256", before)
    assert chip.read(0, 64) == (OK, b"\xff" * 64)
    first = readings(chip, 1)[0]
    assert any(first[i] & 0x0F != 0x0F for i in range(0, 64, 2)), "it was one, in a used byte"
    assert any(first[i] & 0xF0 != 0xF0 for i in range(0, 64, 2)), "it was zero"
    assert any(first[i] != 0xFF for i in range(1, 64, 2)), "the byte was never written"


@pytest.mark.parametrize("seed", SEEDS)
def test_an_over_erased_column_swallows_later_programs_until_a_whole_erase(lib, seed):
    chip = torn_erase(lib, "blank-over:" + seed)
    assert chip.read(0, 64) == (OK, b"\xff" * 64)
    for address in range(0, 64, 16):
        assert chip.program(address, bytes(16)) == OK
    stuck = chip.read(0, 64)[1]
    assert [bin(byte).count("1") for byte in stuck].count(1) == 4, "one bit in each 16 bytes"
    assert stuck[:16] == stuck[16:32] == stuck[32:48] == stuck[48:]
    assert chip.erase(0) == OK and chip.program(0, bytes(16)) == OK
    assert chip.read(0, 16) == (OK, bytes(16))


def test_a_locked_sector_keeps_its_content_and_refuses_programs_until_a_whole_erase(lib):
    chip = torn_erase(lib, "locked", b"content" + b"\xff" * 57)
    assert chip.read(0, 7) == (OK, b"content")
    refused = chip.counts()["refused"]
    assert chip.program(32, b"x") == IO and chip.breach_seen() is None
    assert chip.counts()["refused"] == refused + 1
    assert chip.program(64, b"x") == OK, "the other sector is not locked"
    chip.tear(ERASE, 0, None, "prefix:64")
    chip.power_on()
    assert chip.program(32, b"x") == IO, "that erase did not complete"
    assert chip.erase(0) == OK and chip.program(32, b"x") == OK


@given(seeds)
def test_the_blank_head_of_a_torn_erase_is_sound_and_the_rest_is_not(lib, seed):
    chip = new_chip(lib)
    for address in (0, 8):
        chip.tear(PROGRAM, address, bytes(8), "undone:" + seed)
        chip.power_on()
    chip.tear(ERASE, 0, None, "prefix:8")
    chip.power_on()
    seen = readings(chip, 3, 16)
    assert {reading[:8] for reading in seen} == {b"\xff" * 8}
    assert len({reading[8:] for reading in seen}) > 1


def test_a_unit_that_read_as_an_error_is_well_where_a_torn_erase_blanked_it(lib):
    chip = torn_program(lib, "ecc-error:0", bytes(8), **ecc_part)
    chip.tear(ERASE, 0, None, "zero-head:64")
    chip.power_on()
    assert chip.read(0, 8)[0] == ECC
    chip.tear(ERASE, 0, None, "prefix:8")
    chip.power_on()
    assert chip.read(0, 8) == (OK, b"\xff" * 8)


@given(seeds)
def test_bits_that_a_torn_erase_preprogrammed_are_stable(lib, seed):
    chip = torn_program(lib, "undone:" + seed)
    chip.tear(ERASE, 0, None, "zero-head:64")
    chip.power_on()
    assert set(readings(chip, 3)) == {bytes(64)} and not chip.unstable()


@given(seeds)
def test_a_bit_that_a_stable_tear_cleared_is_stable(lib, seed):
    chip = torn_program(lib, "undone:" + seed, b"\xf0")
    chip.tear(PROGRAM, 0, b"\xf0", "prefix:1")
    chip.power_on()
    assert set(readings(chip, 3, 1)) == {b"\xf0"} and not chip.unstable()


WEAK_ERASES = ["blank-weak:3:256", "blank-over:3", "locked", "ecc-mix:3:256"]


@pytest.mark.parametrize("tear", WEAK_ERASES)
def test_a_whole_erase_heals_everything(lib, tear):
    chip = torn_erase(lib, tear)
    assert chip.unstable()
    assert chip.erase(0) == OK
    assert not chip.unstable()
    assert set(readings(chip, 9)) == {b"\xff" * 64}
    assert chip.program(0, bytes(16)) == OK and chip.read(0, 16) == (OK, bytes(16))
    assert chip.erase(0) == OK and chip.digest() == new_chip(lib).digest()


@pytest.mark.parametrize("tear", WEAK_ERASES)
def test_a_weak_erase_is_not_proven(lib, tear):
    chip = torn_erase(lib, tear)
    chip.require_proof(True)
    assert chip.program(0, b"\x00") == IO
    assert (chip.breach_seen() or ("",))[0] == "unproven"


# --- ecc ---


def test_a_torn_unit_may_read_as_an_error_until_it_is_erased(lib):
    chip = torn_program(lib, "ecc-error:8", bytes(16), **ecc_part)
    assert chip.read(0, 8) == (OK, bytes(8)), "the unit before is done"
    for address, size in [(8, 8), (15, 1), (0, 16), (15, 40)]:
        assert chip.read(address, size)[0] == ECC
    assert chip.read(16, 48) == (OK, b"\xff" * 48)
    readings(chip, 9)
    assert chip.read(8, 1)[0] == ECC, "it does not settle"
    assert chip.program(8, bytes(8)) == IO and chip.breach_seen()[0] == "reprogram"
    assert chip.erase(0) == OK and chip.read(0, 64) == (OK, b"\xff" * 64)


def test_an_error_is_an_answer_counts_as_a_read_and_gives_nothing_to_live_on(lib):
    chip = torn_program(lib, "ecc-error:0", bytes(8), **ecc_part)
    buffer = ctypes.create_string_buffer(b"untouch", 8)
    assert chip.flash.read(chip.flash.context, 0, buffer, 8) == ECC
    assert buffer.raw not in (b"untouch\0", bytes(8), b"\xff" * 8)
    counts = chip.counts()
    assert (counts["reads"], counts["bytes_read"], counts["refused"]) == (1, 8, 0)


@given(seeds)
def test_a_torn_unit_may_read_as_another_value(lib, seed):
    chip = torn_program(lib, "ecc-wrong:8:" + seed, bytes(24), **ecc_part)
    answer, now = chip.read(0, 24)
    assert answer == OK and now[:8] == bytes(8) and now[16:] == b"\xff" * 8
    assert now[8:16] not in (bytes(8), b"\xff" * 8)
    assert set(readings(chip, 4, 24)) == {now}


def test_a_ghost_reads_blank_and_fails_to_be_programmed(lib):
    chip = torn_program(lib, "ecc-ghost:0", bytes(8), unit=8)
    assert chip.read(0, 8) == (OK, b"\xff" * 8)
    assert chip.program(0, bytes(8)) == IO and chip.breach_seen() is None
    assert chip.program(0, bytes(16)) == IO, "a larger program covers it too"
    assert chip.program(8, bytes(8)) == OK
    assert chip.erase(0) == OK and chip.program(0, bytes(8)) == OK


def test_an_erase_may_leave_units_that_read_as_errors(lib):
    chip = torn_erase(lib, "ecc-mix:1:128", **ecc_part)
    answers = [chip.read(address, 8)[0] for address in range(0, 64, 8)]
    assert set(answers) == {OK, ECC}
    chip = torn_erase(lib, "ecc-mix:1:256", **ecc_part)
    assert {chip.read(address, 8)[0] for address in range(0, 64, 8)} == {ECC}


# --- the hash knows ---


@given(st.data())
def test_a_chip_with_something_wrong_hashes_unlike_a_sound_one_of_the_same_bytes(lib, data):
    tear = data.draw(st.sampled_from(["undone:1", "looks-done:1:256", "ecc-error:0"]))
    chip, sound = torn_program(lib, tear), new_chip(lib)
    sound.load(chip.content(), 128)
    assert chip.content() == sound.content() and chip.digest() != sound.digest()


@examples(200)
@given(st.data())
def test_what_is_wrong_hashes_the_same_whatever_the_way_there(lib, data):
    chips = []
    for detour in (False, True):
        chip = new_chip(lib)
        if detour:
            chip.program(0, b"detour")
            chip.tear(ERASE, 0, None, "blank-weak:9:128")
            for _ in range(data.draw(st.integers(1, 3))):
                chip.power_on()
                chip.power_off()
            chip.power_on()
            chip.erase(0)
        chips.append(chip)
    tears = chips[0].tears(PROGRAM, 8, b"\x12\x34\x56", classes=ALL_CLASSES, effort=(2, 3, 2))
    tear = data.draw(st.sampled_from(tears))
    for chip in chips:
        chip.tear(PROGRAM, 8, b"\x12\x34\x56", tear)
    assert chips[0].digest() == chips[1].digest()
    for _ in range(3):
        for chip in chips:
            cycle(chip)
        assert chips[0].digest() == chips[1].digest()


# --- rot ---


@given(st.integers(0, 127), st.integers(0, 7), st.binary(min_size=128, max_size=128))
def test_a_bit_flips_at_rest_and_back(lib, address, bit, image):
    chip = new_chip(lib)
    chip.load(image, 128)
    before = snapshot(chip)
    chip.flip(address, bit)
    expected = bytearray(image)
    expected[address] ^= 1 << bit
    assert chip.content() == bytes(expected)
    assert not chip.unstable(), "it stays as it fell"
    chip.flip(address, bit)
    cleared_by_rot = not image[address] >> bit & 1
    assert chip.content() == image
    assert cleared_by_rot or snapshot(chip) == before


def test_no_engine_is_blamed_for_programming_over_a_rotten_bit(lib):
    chip = new_chip(lib)
    chip.flip(3, 0)
    assert chip.program(0, b"\xff\xff\xff\xff\x00") == OK and chip.breach_seen() is None
    assert chip.read(0, 5) == (OK, b"\xff\xff\xff\xfe\x00"), "but the bit stays clear"
    assert chip.program(3, b"\xff\x01") == IO, "what it cleared itself is no excuse"


def test_reads_fail_as_often_as_told_and_then_all_is_well(lib):
    chip = new_chip(lib)
    chip.program(0, b"abcdefgh")
    digest = chip.digest()
    chip.fail_reads(5, 2)
    assert chip.read(0, 5) == (OK, b"abcde"), "that read does not touch the byte"
    assert chip.read(0, 6)[0] == ECC and chip.unstable()
    assert chip.read(5, 1)[0] == ECC
    assert chip.read(0, 8) == (OK, b"abcdefgh") and not chip.unstable()
    assert chip.digest() == digest


# --- wear ---


def erase_times(chip, times):
    return [chip.erase(0) for _ in range(times)]


def test_wear_is_counted_for_each_sector_and_matters_only_when_asked(lib):
    chip = new_chip(lib, wear=False, endurance=3)
    assert erase_times(chip, 9) == [OK] * 9
    assert chip.erases() == [9, 0]


def test_a_worn_sector_may_refuse_to_be_erased(lib):
    chip = new_chip(lib, wear=True, endurance=3)
    chip.program(0, b"kept")
    assert erase_times(chip, 3) == [OK] * 3
    chip.program(0, b"kept")
    assert erase_times(chip, 2) == [IO] * 2
    assert chip.read(0, 4) == (OK, b"kept"), "a refused erase changes nothing"
    assert chip.erases() == [3, 0] and chip.counts()["refused"] == 2
    assert chip.erase(64) == OK, "the other sector is not worn"


def test_a_part_of_unknown_endurance_does_not_wear_out(lib):
    chip = new_chip(lib, wear=True, endurance=0)
    assert erase_times(chip, 50) == [OK] * 50 and chip.content() == b"\xff" * 128


def test_every_weak_tear_listed_leaves_something_to_find(lib):
    for scope in (0, 1, 2):
        chip = new_chip(lib, tear_scope=scope, unit=4)
        chip.load(b"\x0f" * 60, 60)
        for kind, address, data in [(PROGRAM, 0, b"\x00" * 16), (ERASE, 0, None)]:
            for tear in chip.tears(kind, address, data, classes=WEAK, effort=(0, 3, 0)):
                mark = chip.set_mark()
                chip.tear(kind, address, data, tear)
                assert chip.unstable() or tear.kind == "disturb", tear
                chip.rollback(mark)
