"""The doors for C: what they answer, and the examples on them, which are judged as plug-ins are.

All four examples are one shared object, as the page has it; a line of their engine is broken and
found through every door.
"""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from harness import CLEAN, DIVERGED

HERE = Path(__file__).resolve().parent
ENGINES = ("slots-hal", "slots-littlefs", "slots-zephyr", "slots-esp")
OTHER_SLOT = "sector = 1 - slots->sector;"
SAME_SLOT = "sector = slots->sector;"
WORK = """chip generic sectors=2 sector=64 page=64 unit=32
engine {}
store u8:1 "one"
store u8:2 "two"
remove u8:1
"""
WARNINGS = "-std=c11 -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror".split()


def compile_c(root, *arguments):
    compiler = shutil.which("cc") or shutil.which("gcc")
    subprocess.run([compiler, *WARNINGS, "-I.", *map(str, arguments)], cwd=root, check=True)


@pytest.fixture(scope="module")
def plugin(root, tmp_path_factory):
    """plugin(engine of the examples) is a shared object with all of them."""

    def build(engine=None):
        folder = tmp_path_factory.mktemp("doors")
        sources = sorted((HERE / "examples").glob("*.c"))
        if engine:
            sources.remove(HERE / "examples/slots.c")
            sources.append(folder / "slots.c")
            sources[-1].write_text(engine)
        compile_c(root, "-shared", "-fPIC", "-o", folder / "doors.so", *sources)
        return folder / "doors.so"

    return build


@pytest.fixture(scope="module")
def examples(plugin):
    return plugin()


def explore(brownout, engine, shared_object, folder):
    scenario = folder / "work.scn"
    scenario.write_text(WORK.format(engine))
    options = ["--plugin", shared_object, "--faults", "edge,prefix", "--artefacts", folder]
    return brownout("explore", scenario, "--max", 1, "--shrink-seconds", 0.1, *options)


def test_what_the_doors_answer(root, tmp_path):
    compile_c(root, "-o", tmp_path / "check", HERE / "doors_check.c")
    done = subprocess.run([tmp_path / "check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_all_examples_are_in_one_shared_object(brownout, examples):
    listed = brownout("list", "engines", "--plugin", examples).stdout
    assert set(ENGINES) <= set(listed.split())


@pytest.mark.parametrize("engine", ENGINES)
def test_an_example_shows_no_divergence(quick, examples, engine, tmp_path):
    done = explore(quick, engine, examples, tmp_path)
    assert done.returncode == CLEAN, done.stdout + done.stderr
    assert int(re.search(r"(\d+) crash states", done.stdout)[1]) > 50


def test_a_broken_engine_is_found_through_each_door(quick, plugin, tmp_path):
    text = (HERE / "examples/slots.c").read_text()
    assert text.count(OTHER_SLOT) == 1
    broken = plugin(text.replace(OTHER_SLOT, SAME_SLOT))
    for engine in ENGINES:
        assert explore(quick, engine, broken, tmp_path).returncode == DIVERGED, engine


def test_an_engine_loses_no_state_to_another_in_the_same_object(brownout, examples, tmp_path):
    """Two engines of one shared object in one process: they have no statics to share."""
    scenario = tmp_path / "work.scn"
    scenario.write_text(WORK.format(ENGINES[0]))
    chosen = ["--engines", ",".join(ENGINES), "--plugin", examples, "--artefacts", tmp_path]
    done = brownout("wear", scenario, *chosen)
    assert done.returncode == CLEAN, done.stdout + done.stderr
