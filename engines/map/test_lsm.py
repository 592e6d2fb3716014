"""lsm as firmware takes it: with what can be left out left out."""

import subprocess

import pytest

from tools import engines

STRICT = "-std=c11 -O1 -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror -DBO_CHECKS".split()
LEFT_OUT = ["LSM_NO_STAGING", "LSM_NO_VIEWS", "LSM_NO_SEARCH", "LSM_NO_CRATE"]
SMALLEST = [flag.removeprefix("-D") for flag in engines.LSM_SMALLEST]

# Makes a map with a log or without one, and lets a build mount it. Prints what the mounts answer
# that ask for what the map is not and for what it is, and whether they changed it.
MODES = """
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "engines/ram_flash.h"
#include "engines/map/lsm.h"

static struct ram_flash ram;
static struct lsm map;
static uint8_t work[512], transaction[240], used[8], before[4096];

static struct lsm_config config(bool staging)
{
    struct lsm_config c;
    memset(&c, 0, sizeof c);
    c.flash = &ram.flash;
    c.format.crc = true;
    c.format.staging = staging;
    c.format.key_max = 16;
    c.format.value_max = 64;
    c.work = work;
    c.work_size = sizeof work;
    c.transaction = transaction;
    c.transaction_size = sizeof transaction;
    c.used = used;
    c.used_size = sizeof used;
    return c;
}

int main(int argc, char **argv)
{
    bool staging = argc > 2 && strcmp(argv[2], "staging") == 0;
    struct lsm_config own = config(staging), other = config(!staging);
    ram_flash_init(&ram, 256, 16, 4, 1);
    if (strcmp(argv[1], "make") == 0) {
        if (lsm_format(&map, &own) || lsm_store(&map, "a", 1, "one", 3)) return 2;
        fwrite(ram.bytes, 1, sizeof before, stdout);
        return 0;
    }
    if (fread(ram.bytes, 1, sizeof before, stdin) != sizeof before) return 3;
    memcpy(before, ram.bytes, sizeof before);
    int first = lsm_mount(&map, &other), second = lsm_mount(&map, &own);
    printf("%d %d %d", first, second, memcmp(before, ram.bytes, sizeof before));
    return 0;
}
"""
UNSUPPORTED, GEOMETRY = -20, -21


@pytest.fixture
def built(root, tmp_path):
    """built(source, macros) is a program of a C test, or of a text, and of the engine."""
    sources = [root / "engines" / name for name in engines.sources("lsm")]

    def build(source, macros):
        program = tmp_path / "-".join([source.stem, *macros])
        options = [*STRICT, f"-I{root}", *(f"-D{it}" for it in macros)]
        subprocess.run(["gcc", *options, source, *sources, "-o", program], check=True)
        return program

    return build


def run(program, *arguments, given=b""):
    done = subprocess.run([program, *arguments], input=given, capture_output=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("macros", [*([it] for it in LEFT_OUT), SMALLEST], ids="-".join)
def test_lsm_survives_cuts_within_cuts_with_less_of_it(built, root, macros):
    assert run(built(root / "engines/map/lsm_cut_test.c", macros)).endswith(b"all passed\n")


def test_what_the_crate_left_unfinished_may_be_refused(built, root):
    """All tests of lsm, of which those of cuts in the crate ask for less."""
    program = built(root / "engines/map/lsm_test.c", ["LSM_NO_CRATE"])
    assert run(program).endswith(b"all passed\n")


def test_a_map_of_the_other_kind_is_refused_and_stays(built, tmp_path):
    """With a log and without one; and by a build that knows no log, whatever it is asked for."""
    source = tmp_path / "modes.c"
    source.write_text(MODES)
    whole, less = built(source, []), built(source, ["LSM_NO_STAGING"])
    staged, plain = run(whole, "make", "staging"), run(whole, "make", "compatible")
    assert run(whole, "try", "staging", given=staged) == b"%d 0 0" % UNSUPPORTED
    assert run(whole, "try", "compatible", given=plain) == b"%d 0 0" % UNSUPPORTED
    assert run(less, "try", "staging", given=staged) == b"%d %d 0" % (UNSUPPORTED, GEOMETRY)
    assert run(less, "try", "compatible", given=plain) == b"%d 0 0" % GEOMETRY
