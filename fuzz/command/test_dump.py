"""inspect reads raw dumps, Intel HEX and S-records, and says what is wrong with a line of them."""

import re

import pytest
from harness import CLEAN, USAGE
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

CHIP = "generic sectors=3 sector=256 page=256"
ENGINE = ("--engine", "seqmap", "--chip", CHIP)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("dump")


@pytest.fixture(scope="module")
def image(brownout, folder):
    scenario, path = folder / "it.scn", folder / "it.bin"
    lines = "".join(f"store k{i} random {3 * i}\n" for i in range(12))
    scenario.write_text(f"chip {CHIP}\nengine seqmap\n{lines}")
    assert brownout("run", scenario, "--image", path).returncode == CLEAN
    return path.read_bytes()


def intel(address, data, kind=0):
    body = bytes([len(data)]) + (address % 65536).to_bytes(2, "big") + bytes([kind]) + data
    return f":{(body + bytes([-sum(body) % 256])).hex().upper()}"


def intel_file(pieces):
    for address, data in pieces:
        yield intel(0, (address >> 16).to_bytes(2, "big"), 4)
        yield intel(address, data)
    yield ":00000001FF"


def motorola(kind, address, data):
    size = {0: 2, 1: 2, 2: 3, 3: 4, 7: 4}[kind]
    body = address.to_bytes(size, "big") + data
    body = bytes([len(body) + 1]) + body
    return f"S{kind}{(body + bytes([255 - sum(body) % 256])).hex()}"


def motorola_file(pieces):
    yield motorola(0, 0, b"dump")
    for address, data in pieces:
        yield motorola(1 if address + len(data) < 65536 else 3, address, data)
    yield motorola(7, 0, b"")


def inspect(brownout, path, data, *words):
    path.write_bytes(data if isinstance(data, bytes) else ("\r\n".join(data) + "\n").encode())
    return brownout("inspect", path, *ENGINE, *words)


def content(done):
    assert done.returncode == CLEAN, done.stderr
    assert len(re.findall(r'(?m)^  "k\d+" = ', done.stdout)) >= 12
    return done.stdout.split("\n", 1)[1]


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_records_read_back_as_the_bytes_that_they_were_made_of(brownout, folder, image, data):
    base = data.draw(st.sampled_from([0, 0x1000, 0xFF80, 0x08000000]))
    length = data.draw(st.integers(1, 100))
    whole = range(0, len(image), length)
    pieces = [(base + at, image[at : at + length]) for at in whole]
    pieces = [(at, some) for at, some in pieces if at == base or some.strip(b"\xff")]
    pieces = data.draw(st.permutations(pieces))
    lines = list(data.draw(st.sampled_from([intel_file, motorola_file]))(pieces))
    raw = content(inspect(brownout, folder / "raw", image))
    assert content(inspect(brownout, folder / "records", lines)) == raw
    assert content(inspect(brownout, folder / "records", lines, "--offset", base)) == raw


def test_an_offset_says_where_the_flash_begins(brownout, folder, image):
    raw = content(inspect(brownout, folder / "raw", image))
    longer = b"\x00" * 100 + image + b"\x12" * 300
    assert content(inspect(brownout, folder / "longer", longer, "--offset", 100)) == raw
    pieces = [(0x2000, b"other"), (0x4000, image[:200]), (0x40C8, image[200:]), (0x9000, b"more")]
    pieces = [(at + i, some[i : i + 90]) for at, some in pieces for i in range(0, len(some), 90)]
    lines = list(intel_file(pieces))
    assert content(inspect(brownout, folder / "part", lines, "--offset", 0x4000)) == raw
    done = inspect(brownout, folder / "part", lines)
    assert done.returncode == USAGE and "but the chip has 768" in done.stderr
    done = inspect(brownout, folder / "longer", longer, "--offset", 5000)
    assert done.returncode == USAGE and "--offset" in done.stderr


def test_cleared_bits_of_an_open_sector_are_reported(brownout, folder, image):
    assert content(inspect(brownout, folder / "raw", image)).count("sector 2: open\n") == 1
    dirty = bytearray(image)
    dirty[512 + 40] = 0xFA
    dirty[512 + 41] = 0x7F
    done = inspect(brownout, folder / "dirty", bytes(dirty))
    assert "sector 2: open, but 3 bits are cleared, the first at 0x228\n" in done.stdout


GOOD = [":03000000010203F7", ":00000001FF"]


@pytest.mark.parametrize(
    "lines, line, reason",
    [
        ([":03000000010203F8", GOOD[1]], 1, "checksum"),
        ([GOOD[0], ":0300000001023F7", GOOD[1]], 2, "hex digits"),
        ([GOOD[0], ":030000000102Z3F7", GOOD[1]], 2, "hex digits"),
        ([GOOD[0], "S00600004844521B", GOOD[1]], 2, "':'"),
        ([GOOD[0], "", ":03000009010203EE", GOOD[1]], 3, "type"),
        ([GOOD[0]], 1, "ends without"),
        ([GOOD[1]], 0, "no data"),
        (["S00600004844521B", "S10400000102F8"], 2, "hex digits"),
        (["S00600004844521B", "S104000001FB"], 2, "checksum"),
        (["S00600004844521B", "S404000001FA"], 2, "digit other than 4"),
        (["S00600004844521B"], 1, "ends without"),
    ],
)
def test_a_bad_line_is_named_with_the_reason(brownout, folder, lines, line, reason):
    path = folder / "bad.hex"
    done = inspect(brownout, path, lines)
    assert done.returncode == USAGE and done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith(f"brownout: {path}:{line}: " if line else f"brownout: {path}: ")
    assert reason in done.stderr


def test_no_records_whatever_crash_inspect(brownout, folder, image):
    for data in (b"", b":", b"S", b":0", b"S0\n", b":00000001FF", b"S9", b":" + b"0" * 700):
        assert inspect(brownout, folder / "any", data).returncode == USAGE
