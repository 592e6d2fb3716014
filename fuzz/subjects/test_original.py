"""The faulty original writes the images that the crate sequential-storage 8.0.1 writes.

Only so is a bug that the explorer finds in it a bug of the crate's algorithm. The digests were
taken from the crate; original_test.c compares the counts of flash calls.
"""

import hashlib
import subprocess

import pytest

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


@pytest.fixture
def digest(build):
    """digest(workload, unit, sectors, sector_size, rounds) of the flash after the workload."""
    program = build / "test/fuzz/subjects/original_test"

    def of(*arguments):
        command = [str(program), *map(str, arguments)]
        done = subprocess.run(command, stdout=subprocess.PIPE, timeout=60, check=True)
        return hashlib.sha256(done.stdout).hexdigest()

    return of


@pytest.mark.parametrize("unit, sector_size, rounds, sha256", MAP_IMAGES)
def test_storing_writes_what_the_crate_writes(digest, unit, sector_size, rounds, sha256):
    assert digest("map", unit, 4, sector_size, rounds) == sha256


@pytest.mark.parametrize("point, sha256", REMOVE_IMAGES)
def test_removing_writes_what_the_crate_writes(digest, point, sha256):
    assert digest(f"remove-{point}", 4, 4, 1024, 0) == sha256
