"""The catalogue of parts: complete, consistent, and open to overrides."""

import ctypes

import pytest

from sim.bindings import ECC_CLASS, STABLE, Chip, Part, declare


@pytest.fixture(scope="module")
def lib(libsim):
    return declare(libsim)


@pytest.fixture(scope="module")
def parts(lib):
    found = []
    while lib.part_at(len(found)):
        found.append(lib.part_at(len(found)).contents)
    return found


TIMES = ["program_ns_typ", "program_ns_max", "erase_ns_typ", "erase_ns_max"]


def test_the_catalogue_has_many_parts_of_both_kinds_with_a_generic_one_first(parts):
    assert parts[0].name == b"generic"
    real = parts[1:]
    assert sum(part.external for part in real) >= 6
    assert sum(not part.external for part in real) >= 6
    assert sum(part.ecc for part in real) >= 4


def test_a_part_is_found_by_its_name_and_no_other(lib, parts):
    names = [part.name for part in parts]
    assert len(set(names)) == len(names)
    for name in names:
        assert lib.part_find(name).contents.name == name
        assert name == name.lower() and b" " not in name
    assert not lib.part_find(b"") and not lib.part_find(b"GENERIC") and not lib.part_find(b"nrf")


def test_every_part_makes_a_chip_that_works(lib, parts):
    for part in parts:
        chip = Chip(lib, part)
        blank = bytes([part.geometry.erased])
        data = bytes(i & 0x55 for i in range(part.geometry.unit))
        assert chip.read(0, 64) == (0, blank * 64), part.name
        assert chip.program(0, data) == 0, part.name
        assert chip.read(0, len(data)) == (0, data), part.name
        assert chip.erase(0) == 0, part.name


def test_every_part_says_what_it_is_and_where_the_numbers_come_from(parts):
    for part in parts:
        assert part.summary and part.source
        assert len(part.summary) <= 100 and len(part.source) <= 100


def test_every_real_part_has_an_endurance_and_every_external_one_its_times(parts):
    for part in parts[1:]:
        assert 100 <= part.endurance.value <= 1000000
        if part.external:
            assert part.program_ns_typ.value and part.erase_ns_typ.value, part.name


def test_the_numbers_of_a_part_fit_each_other(parts):
    for part in parts:
        for typical, longest in [TIMES[:2], TIMES[2:]]:
            typical, longest = getattr(part, typical).value, getattr(part, longest).value
            assert not longest or typical <= longest, part.name
        if part.program_ns_typ.value:
            assert part.program_ns_typ.value < part.erase_ns_typ.value, part.name
        assert bool(part.faults & ECC_CLASS) == part.ecc, part.name
        assert part.faults & STABLE == STABLE, part.name
        if part.ecc:
            assert part.geometry.unit >= 8 and part.geometry.programs_per_unit == 1, part.name


def test_what_is_not_confirmed_is_marked(parts):
    by_name = {part.name: part for part in parts}
    assert by_name[b"at25sf081"].program_ns_typ.trust == 0, "from the data sheet"
    assert by_name[b"w25q128jv"].erase_ns_max.trust == 1, "quoted by a third party"
    assert by_name[b"mt25ql128"].program_ns_typ.trust == 2, "common knowledge"
    assert by_name[b"efm32gg11"].geometry_trust == 2


FIELDS = {
    "sectors": ("sector_count", 2**32 - 1),
    "sector": ("sector_size", 2**32 - 1),
    "page": ("page_size", 2**32 - 1),
    "unit": ("unit", 2**16 - 1),
    "read": ("read_unit", 2**16 - 1),
    "erased": ("erased", 255),
    "programs": ("programs_per_unit", 255),
    "tear": ("tear_scope", 255),
}


@pytest.mark.parametrize("field", FIELDS)
def test_a_field_of_the_geometry_is_overridden_by_its_name_if_the_value_fits(lib, parts, field):
    part = Part.from_buffer_copy(parts[0])
    member, most = FIELDS[field]
    assert lib.part_override(ctypes.byref(part), field.encode(), most)
    for other in FIELDS.values():
        before = getattr(parts[0].geometry, other[0])
        assert getattr(part.geometry, other[0]) == (most if other[0] == member else before)
    assert not lib.part_override(ctypes.byref(part), field.encode(), most + 1)
    assert getattr(part.geometry, member) == most


def test_the_endurance_is_overridden_too_and_unknown_fields_are_refused(lib, parts):
    part = Part.from_buffer_copy(parts[0])
    assert lib.part_override(ctypes.byref(part), b"endurance", 10**12)
    assert part.endurance.value == 10**12
    before = bytes(part)
    for field in (b"", b"sector_size", b"Sectors", b"name"):
        assert not lib.part_override(ctypes.byref(part), field, 1)
    assert bytes(part) == before
