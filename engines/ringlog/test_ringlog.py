"""The ring logs as firmware takes them: by C and C++, with and without what can be left out."""

import pathlib
import shutil
import subprocess

import pytest

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
