"""The faulty originals write the images that the crate sequential-storage 8.0.1 writes.

Only so is a bug that the explorer finds in them a bug of the crate's algorithm. The digests were
taken from the crate; original_test.c compares the counts of flash calls. Where there is a cargo,
peers/sequential-storage/test_crate.py holds both against the crate itself.
"""

import hashlib
import re
import subprocess

import pytest
from conftest import SECONDS_MAX
from harness import Harness

# unit, sector size (of four sectors), rounds; SHA-256 of the flash
MAP_IMAGES = [
    (1, 256, 1, "96ca80967453722c3bc21b3f7e5ba58f8b0f63f381327ddf8e353f6cb3a60a14"),
    (1, 256, 2, "fb1e4d8fcc0fb752c2f6a1e134db38d729ae6b6fe914911081379bf114f33df4"),
    (1, 256, 100, "fb1e4d8fcc0fb752c2f6a1e134db38d729ae6b6fe914911081379bf114f33df4"),
    (4, 256, 1, "440b5da1c9cb2a89785171e04d79e55167d51eb0eb3cf1b0db19d1c2349f4158"),
    (4, 256, 100, "1b1aff74f89aad306b4145632f756062f0ccf87efd1ba8b16abc68942b9ca410"),
    (16, 1024, 1, "111363c08323c95129ce49f4dee49638992147e0c1133a62d87db00105ed013c"),
    (16, 1024, 100, "919dcb75fba0b408b53e4b9d652688d31fcc63802abcd9240d76050518b7a268"),
]
REMOVE_IMAGES = [
    ("a", "749752e3500a2bc7ad018d8307cf083a4bd043faf69b4c0f58aa2b4cd6a01b03"),
    ("b", "4ec6f420524dd0f65c795ad54c61a38e14a8ec004c754180dfa20868969e94f6"),
    ("c", "b5d1a03fde04aa2afba88d4f159a680ce15286e0c31cf131bfa04c2a850bd532"),
]
# unit, sectors, sector size, iterations; SHA-256 of the flash
QUEUE_IMAGES = [
    (1, 4, 256, 1, "cf0a5cd593ac3b90e9ae7d8a3d16a48dd377cfcdada9c04c2137dc08e9173528"),
    (1, 4, 256, 100, "8a7374fa87d0b6a54f084368b2c3aa78f15f98763e8de6f213364d0095ec1638"),
    (1, 4, 256, 2000, "db0fb35b16b32e0b5b6147ae3fff012745756dfc11659cf7b8f96e721ec1e20d"),
    (4, 4, 256, 1, "4d1b6ddfcb0368b4432aadf550f7542ab5083f05379e405c959b55faab9d6973"),
    (4, 4, 256, 2000, "e9f75a8223f7f38d88f3b16336501f59820fcd6684a39d72635588b34cc305f5"),
    (16, 4, 256, 1, "8f6fd13c93d874da91b48284f6ed6cef0fb90c2872e1ce652452a2a36a14f48f"),
    (16, 4, 256, 2000, "8b9bcc2c5c90614744da3cd0fff68b080d983f9035ecff90a5e2fc244ca4e91b"),
    (1, 2, 32, 1, "4f5c64bac4309e25a5d0693b5c9daf439b4c4f542a5145d74a0d1a37cb100006"),
    (1, 2, 32, 2000, "ba6a2ee9a7de0c788804ab3c337b2eac09dc5c63a9328e9bd42b5c9d754fdfdd"),
]
OUT_OF_ORDER_IMAGES = [
    ("a", "33ae0765ca26c3756ef717c2d7672db586851e3fd82cdf6fcc8eeba64fcdb818"),
    ("b", "3281481790d42b5dd277230d6312fb20631766978f4763fa080ca6c4ef578535"),
]


@pytest.fixture
def digest(build):
    """digest(workload, unit, sectors, sector_size, rounds) of the flash after the workload."""
    program = build / "test/fuzz/subjects/original_test"

    def of(*arguments):
        command = [str(program), *map(str, arguments)]
        done = subprocess.run(command, stdout=subprocess.PIPE, timeout=SECONDS_MAX, check=True)
        return hashlib.sha256(done.stdout).hexdigest()

    return of


@pytest.mark.parametrize("unit, sector_size, rounds, sha256", MAP_IMAGES)
def test_storing_writes_what_the_crate_writes(digest, unit, sector_size, rounds, sha256):
    assert digest("map", unit, 4, sector_size, rounds) == sha256


@pytest.mark.parametrize("point, sha256", REMOVE_IMAGES)
def test_removing_writes_what_the_crate_writes(digest, point, sha256):
    assert digest(f"remove-{point}", 4, 4, 1024, 0) == sha256


@pytest.mark.parametrize("unit, sectors, sector_size, iterations, sha256", QUEUE_IMAGES)
def test_pushing_and_popping_writes_what_the_crate_writes(
    digest, unit, sectors, sector_size, iterations, sha256
):
    assert digest("queue", unit, sectors, sector_size, iterations) == sha256


@pytest.mark.parametrize("until, sha256", OUT_OF_ORDER_IMAGES)
def test_popping_out_of_order_writes_what_the_crate_writes(digest, until, sha256):
    assert digest(f"ooo-{until}", 4, 4, 128, 0) == sha256


# --- what the crate does, and what it does not do ---

# An item is popped out of order from a sector of its own; an older one stays in the sector before.
POPPED = """chip generic sectors=3 sector=32 page=32
engine original-queue

push "a"
push "bbbbbbbbbbbbbb"
push "c"
pop 1
mount
"""
# A sector holds nothing but a torn item; an older item stays in the sector before.
TORN = """chip generic sectors=3 sector=32 page=32
engine original-queue

append "aaaaaa"
append "bbbbbbbbb" cut 4 none
append "cccccc"
look
look
"""
# The erase of a source is cut after its start marker: the sector is half erased.
HALF_ERASED = """chip generic sectors=2 sector=32 page=32
engine original

store k empty
store k empty
store k empty cut 5 prefix:1
mount
"""


@pytest.fixture(scope="module")
def harness(brownout, tmp_path_factory):
    return Harness(brownout, tmp_path_factory.mktemp("original"))


@pytest.mark.parametrize("text", [POPPED, TORN], ids=["popped", "torn"])
def test_a_sector_popped_empty_is_kept_while_an_older_item_is_there(harness, text):
    clause, told = harness.replay(text)
    assert clause is None, told


@pytest.mark.parametrize("option, clause", [("", "durable"), (" each=1", None)])
def test_iterating_does_not_repair_unless_it_is_told_to(harness, option, clause):
    text = HALF_ERASED.replace("engine original", f"engine original{option}")
    assert harness.replay(text)[0] == clause


AFTER_TORN = """chip generic sectors=4 sector=256 unit={unit}
engine seqmap

store a 0x0101
store b 0x0202 cut 1 prefix:{n}
mount
store b 0x0303
store a 0x0404 cut 1 prefix:{n}
mount
store c 0x0505
"""


@pytest.mark.parametrize("unit, n", [(1, 1), (1, 3), (1, 7), (4, 1), (4, 4), (8, 5), (16, 9)])
def test_what_seqmap_stores_after_a_torn_header_the_original_finds(brownout, tmp_path, unit, n):
    """In the same sector: the scan of the crate goes over the torn header to the cap."""
    scenario, image = tmp_path / "it.scn", tmp_path / "flash.bin"
    scenario.write_text(AFTER_TORN.format(unit=unit, n=n))
    assert brownout("run", scenario, "--image", image).returncode == 0
    assert image.read_bytes()[256:] == b"\xff" * 768
    shown = brownout("inspect", image, scenario, "--engine", "original").stdout
    values = [("a", "0x0101"), ("b", "0x0303"), ("c", "0x0505")]
    assert re.findall(r'"(.)" = (\w+)', shown) == values
