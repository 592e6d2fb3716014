"""The C tests of the map engines, built as firmware would build them.

That they pass as `make test` builds them, sanitized, is a test of its own for each *_test.c.
"""

import pathlib
import subprocess

import pytest

MAP = pathlib.Path(__file__).resolve().parent
SHARED = [p for p in sorted((MAP.parent / "seq").glob("*.c")) if not p.name.endswith("_test.c")]
SOURCES = [MAP / "seqmap.c", MAP / "naive.c", *SHARED, MAP.parent / "crc32c.c"]
STRICT = "-std=c11 -O2 -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror -DBO_CHECKS".split()


@pytest.fixture(params=["BO_CRC32C_FAST", "BO_CRC32C_SMALL", "SEQ_NO_CACHE"])
def passes(request, tmp_path):
    """Builds a C test with one of the engine's macros and runs it."""

    def build_and_run(test, *arguments):
        program = tmp_path / "program"
        options = [*STRICT, f"-D{request.param}", MAP / test, *SOURCES]
        subprocess.run(["gcc", *options, "-o", program], check=True)
        run = subprocess.run([program, *arguments], capture_output=True, text=True)
        assert run.returncode == 0, run.stdout + run.stderr

    return build_and_run


def test_seqmap_writes_the_images_of_the_crate_opens_them_and_reads_less(passes):
    passes("seqmap_test.c", MAP / "images")


# Another way to the same checksum (crc32c_test.c) is nothing to a cut.
@pytest.mark.parametrize("passes", ["SEQ_NO_CACHE", "SEQMAP_NO_CAP"], indirect=True)
def test_seqmap_survives_cuts_within_cuts(passes):
    passes("seqmap_cut_test.c")
