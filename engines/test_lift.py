"""What firmware lifts: licence, versions, and C++, from which the engines compile and link."""

import re
import subprocess
from pathlib import Path

import pytest

from tools import engines

ENGINES = Path(__file__).resolve().parent
LIFTED = sorted({ENGINES / file for name in engines.NAMES for file in engines.files(name)})
HEADERS = [path for path in LIFTED if path.suffix == ".h"]
SOURCES = [path for path in LIFTED if path.suffix == ".c"]
# The RAM front has no format of its own.
FORMATS = set(engines.NAMES) - {"buffered"}
CXX = "g++ -std=c++17 -Wall -Wextra -Werror -fno-exceptions".split()

USER = """
#include "map/naive.h"
#include "map/seqmap.h"
#include "map/tickv_map.h"
#include "queue/buffered.h"
static_assert(BO_VERSION >> 16 == 1 && SEQMAP_FORMAT_VERSION == SEQQUEUE_FORMAT_VERSION, "");
int main()
{
    bo_flash flash{};
    seqmap map{};
    seqqueue queue{};
    naive plain{};
    tickv_map objects{};
    uint8_t work[64];
    seqmap_config a{&flash, work, sizeof work, SEQMAP_KEY_PREFIXED, nullptr};
    seqqueue_config b{&flash, work, sizeof work, nullptr};
    naive_config c{&flash, work, sizeof work};
    tickv_map_config d{{&flash, TICKV_MAIN_HASH, work, sizeof work}, tickv_hash_std};
    return seqmap_mount(&map, &a) != MAP_ERR_GEOMETRY ||
           seqqueue_mount(&queue, &b) != QUEUE_ERR_GEOMETRY ||
           naive_mount(&plain, &c) != MAP_ERR_GEOMETRY ||
           tickv_map_mount(&objects, &d) != MAP_ERR_GEOMETRY;
}
"""


def name_of(path):
    return path.relative_to(ENGINES).as_posix()


def run(*command, **options):
    done = subprocess.run(command, capture_output=True, text=True, **options)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("path", LIFTED, ids=name_of)
def test_a_file_names_its_licence(path):
    assert path.read_text().startswith("/* SPDX-License-Identifier: MIT */\n")


@pytest.mark.parametrize("path", HEADERS, ids=name_of)
def test_a_header_is_for_c_plus_plus_too(path):
    assert 'extern "C" {' in path.read_text()


@pytest.mark.parametrize("name", sorted(engines.header(name) for name in FORMATS))
def test_the_header_of_an_engine_names_the_version_of_its_format(name):
    assert re.search(r"^#define \w+_FORMAT_VERSION ", (ENGINES / name).read_text(), re.MULTILINE)


def linked(tmp_path, compiler):
    objects = []
    for path in SOURCES:
        made = tmp_path / f"{path.stem}.o"
        run(*compiler, "-c", path, "-o", made)
        objects.append(made)
    user = tmp_path / "user.cpp"
    user.write_text(USER)
    run(*CXX, f"-I{ENGINES}", user, *objects, "-o", tmp_path / "user")
    run(tmp_path / "user")


def test_engines_built_as_c_link_from_c_plus_plus(tmp_path):
    linked(tmp_path, ["gcc", "-std=c11"])


def test_engines_compile_and_link_as_c_plus_plus(tmp_path):
    linked(tmp_path, [*CXX, "-x", "c++"])
