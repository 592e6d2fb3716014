"""The ring logs as firmware takes them: by C and C++, with and without what can be left out."""

import itertools
import pathlib
import shutil
import subprocess

import pytest
from conftest import SECONDS_MAX

RINGLOG = pathlib.Path(__file__).resolve().parent
ENGINES = RINGLOG.parent
SOURCES = sorted(p for p in RINGLOG.glob("*.c") if not p.name.endswith("_test.c"))
SOURCES.append(ENGINES / "crc32c.c")
STRICT = "-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror".split()

CPLUSPLUS = shutil.which("g++")
cplusplus = pytest.mark.skipif(CPLUSPLUS is None, reason="g++ is missing; apt-get install g++")

PROGRAM = """
#include "rlog.h"
#include "seqlog.h"

int main()
{
    struct bo_flash_geometry g = {};
    struct rlog log = {};
    struct seqlog other = {};
    uint64_t number = 0;
    return rlog_buffer_size(&g, 0) != 0 || log.flash != nullptr || other.flash != nullptr ||
           rlog_read(&log, number, nullptr, 0, nullptr) == 0;
}
"""


@cplusplus
@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.name)
def test_a_source_compiles_as_cplusplus(source):
    # Initializers with names are C; g++ knows them in C++17, too.
    options = "-std=c++17 -Wall -Wextra -Werror -fsyntax-only -x c++".split()
    done = subprocess.run([CPLUSPLUS, *options, source], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@cplusplus
def test_a_program_in_cplusplus_links_with_the_logs(tmp_path):
    (tmp_path / "main.cpp").write_text(PROGRAM)
    subprocess.run(["gcc", "-std=c11", *STRICT, "-c", *SOURCES], cwd=tmp_path, check=True)
    objects = sorted(tmp_path.glob("*.o"))
    command = [CPLUSPLUS, "-std=c++17", f"-I{RINGLOG}", tmp_path / "main.cpp", *objects]
    done = subprocess.run([*command, "-o", tmp_path / "main"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


LEFT_OUT = "BATCH SEEK AHEAD SEGMENT STRICT SEARCH".split()
SMALLEST = "BATCH SEEK AHEAD SEGMENT SEARCH".split()
OTHER_PROFILE = "BATCH SEEK AHEAD STRICT SEARCH".split()
PAIRS = [pair for pair in itertools.combinations(LEFT_OUT, 2) if pair != ("SEGMENT", "STRICT")]

LEFT_OUT_PROGRAM = """
#include <stdio.h>
#include "../ram_flash.h"
#include "rlog.h"

static struct ram_flash ram;
static struct rlog ring;
static uint8_t buffer[512];

static int mount(enum rlog_profile profile, bool batch, bool ahead)
{
    struct rlog_config config = {.flash = &ram.flash, .buffer = buffer,
                                 .buffer_size = sizeof buffer, .segment_size = 128,
                                 .profile = profile, .batch = batch, .ahead = ahead};
    return rlog_mount(&ring, &config);
}

int main(void)
{
    uint8_t byte;
    uint32_t size, refused = 0;
    ram_flash_init(&ram, 512, 4, 1, 0);
    for (unsigned i = 0; i < 8; i++)
        refused += mount(i & 1 ? RLOG_STRICT : RLOG_SEGMENT, i & 2, i & 4) != 0;
    enum rlog_profile profile = mount(RLOG_STRICT, false, false) ? RLOG_SEGMENT : RLOG_STRICT;
    for (unsigned n = 0; n < 600; n++) {
        if (n % 7 == 0 && mount(profile, false, false)) return 2;
        uint8_t data = (uint8_t)n;
        if (rlog_append(&ring, &data, 1, n, NULL)) return 3;
        for (unsigned back = 0; back < 10 && back <= n; back++)
            if (rlog_read(&ring, n - back, &byte, 1, &size) || byte != (uint8_t)(n - back))
                return 4;
    }
    printf("%u", (unsigned)refused);
    return ram.breach != NULL;
}
"""


RLOG = [path for path in SOURCES if path.name.startswith("rlog")]


def without(left_out):
    return ["-std=c11", *STRICT, *(f"-DRLOG_NO_{it}" for it in left_out)]


@pytest.mark.parametrize("left_out", PAIRS, ids="-".join)
def test_rlog_compiles_without_any_two(left_out):
    done = subprocess.run(["gcc", *without(left_out), "-fsyntax-only", *RLOG])
    assert done.returncode == 0


SOME = [[it] for it in LEFT_OUT] + [SMALLEST, OTHER_PROFILE]


@pytest.mark.parametrize("left_out", SOME, ids="-".join)
def test_rlog_works_without_what_was_left_out(left_out, tmp_path):
    (tmp_path / "main.c").write_text(LEFT_OUT_PROGRAM)
    sources = [*RLOG, ENGINES / "crc32c.c"]
    options = [*without(left_out), "-O1", "-DBO_CHECKS", f"-I{RINGLOG}"]
    program = tmp_path / "main"
    subprocess.run(["gcc", *options, tmp_path / "main.c", *sources, "-o", program], check=True)
    done = subprocess.run([program], capture_output=True, text=True, timeout=SECONDS_MAX)
    # Of all pairs of a profile, batch and ahead those are refused that the build can't do.
    halves = {"BATCH", "AHEAD", "SEGMENT", "STRICT"} & set(left_out)
    assert (done.returncode, done.stdout) == (0, str(8 - 8 // 2 ** len(halves)))


@pytest.mark.parametrize("test", ["rlog_resume_test.c", "rlog_bound_test.c"])
def test_rlog_recovers_within_its_bounds_without_bisection(test, tmp_path):
    program = tmp_path / "program"
    options = ["-std=c11", *STRICT, "-O1", "-DRLOG_NO_SEARCH", "-DBO_CHECKS", f"-I{ENGINES.parent}"]
    subprocess.run(["gcc", *options, RINGLOG / test, *SOURCES, "-o", program], check=True)
    done = subprocess.run([program], capture_output=True, text=True, timeout=SECONDS_MAX)
    assert done.returncode == 0, done.stdout
