"""seqmap and naive, by their own C test: it prints what failed and returns 1."""

import pathlib
import subprocess

import pytest

ENGINES = pathlib.Path(__file__).resolve().parent.parent
SOURCES = [ENGINES / "map" / name for name in ("seqmap_test.c", "seqmap.c", "naive.c")] + sorted(
    (ENGINES / "seq").glob("*.c")
)
STRICT = "-std=c11 -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror".split()
SANITIZE = "-fsanitize=address,undefined -fno-sanitize-recover=all".split()


@pytest.mark.parametrize(
    "options",
    [["-O2", "-DSEQ_CRC_FAST"], ["-O1", *SANITIZE], ["-O2", "-DSEQ_NO_CACHE"]],
    ids=["fast", "sanitized", "small"],
)
def test_seqmap_reads_and_writes_the_images_of_the_crate_and_survives_cuts(tmp_path, options):
    program = tmp_path / "seqmap_test"
    subprocess.run(["gcc", *STRICT, *options, *SOURCES, "-o", program], check=True)
    run = subprocess.run([program, ENGINES / "map" / "images"], capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
