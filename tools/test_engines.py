"""engines.txt is complete, and what `make lift` copies compiles alone."""

import os
import re
import shutil
import subprocess

import pytest

from tools import engines

WARN = "-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror".split()
FREESTANDING = ["-std=c11", "-ffreestanding", "-O1", *WARN]
ARM = "arm-none-eabi-gcc"
needs_arm = pytest.mark.skipif(not shutil.which(ARM), reason=f"{ARM} is not installed")
each_engine = pytest.mark.parametrize("name", engines.NAMES)


def lift(root, name, folder, *more):
    """`make lift`, which a user types."""
    command = ["make", "--no-print-directory", "lift", f"ENGINE={name}", f"DIR={folder}", *more]
    return subprocess.run(command, cwd=root, capture_output=True, text=True)


def run(command, folder):
    done = subprocess.run(list(map(str, command)), cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def tree(folder):
    """The files under a folder."""
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


@pytest.fixture
def lifted(tmp_path):
    """lifted(engine) is a folder with that engine in it and nothing else."""

    def copy(name):
        engines.lift(name, tmp_path / "lib")
        return tmp_path / "lib"

    return copy


# --- the table ---


def test_each_source_of_the_engines_is_in_the_table(root):
    there = {p.relative_to(root / "engines").as_posix() for p in (root / "engines").rglob("*.c")}
    there = {name for name in there if not name.endswith("_test.c")}
    known = engines.PARTS_AND_ENGINES
    assert there == {source for name in known for source in engines.sources(name)}


def test_a_part_is_there_once_though_two_need_it():
    for name in engines.NAMES:
        assert len(set(engines.sources(name))) == len(engines.sources(name))


def test_a_mistake_in_the_table_is_named_with_its_line():
    with pytest.raises(ValueError, match="engines.txt:2: no line above is named 'b'"):
        engines.read_table("part a: a.c\nengine c: b c.c\n")
    with pytest.raises(ValueError, match="engines.txt:1: not `engine NAME: WORDS`"):
        engines.read_table("a.c b.c")


# --- the README ---

FIRMWARE = """#include <stddef.h>
#include "{header}"

int user(const struct bo_flash *port, uint64_t seconds);
int user(const struct bo_flash *port, uint64_t seconds)
{{
    struct bo_flash flash = *port;
    uint32_t snapshot = (uint32_t)seconds;
    {code}
    return error + (int)snapshot;
}}
"""


@pytest.mark.parametrize("name", ["seqmap", "rlog"])
def test_what_the_readme_shows_of_an_engine_compiles(lifted, root, name):
    folder = lifted(name)
    blocks = re.findall(r"(?:^    .*\n)+", (root / "README.md").read_text(), re.MULTILINE)
    shown = [block for block in blocks if f"{name}_mount(&" in block]
    assert len(shown) == 1
    source = FIRMWARE.format(header=engines.header(name), code=shown[0])
    (folder / "user.c").write_text(source)
    run(["gcc", *FREESTANDING, "-c", "user.c"], folder)


# --- lift ---


@each_engine
def test_what_is_lifted_lies_where_it_lay_and_says_so(root, tmp_path, name):
    done = lift(root, name, tmp_path / "lib")
    assert done.returncode == 0
    assert tree(tmp_path / "lib") == sorted(["LICENSE", *engines.files(name)])
    assert f"include {engines.header(name)}, and compile" in done.stdout
    for file in engines.files(name):
        assert (tmp_path / "lib" / file).read_bytes() == (root / "engines" / file).read_bytes()
    assert (tmp_path / "lib/LICENSE").read_bytes() == (root / "LICENSE").read_bytes()


USER = '#include "{header}"\nint main(void)\n{{\n    return sizeof(struct {name}) == 0;\n}}\n'


@each_engine
def test_what_is_lifted_compiles_and_links_alone(lifted, name):
    folder = lifted(name)
    (folder / "user.c").write_text(USER.format(header=engines.header(name), name=name))
    run(["gcc", *FREESTANDING, "user.c", *engines.sources(name), "-o", "user"], folder)
    run(["./user"], folder)


@each_engine
@needs_arm
def test_what_is_lifted_compiles_alone_for_a_microcontroller(lifted, name):
    arm = [ARM, "-mcpu=cortex-m0plus", "-mthumb", *FREESTANDING]
    run([*arm, "-c", *engines.sources(name)], lifted(name))


@each_engine
def test_each_lifted_file_is_needed(lifted, name):
    folder = lifted(name)
    rules = run(["gcc", *FREESTANDING, "-MM", *engines.sources(name)], folder)
    used = {os.path.normpath(word) for word in rules.replace("\\", " ").split()}
    assert used >= set(engines.files(name))


@pytest.mark.parametrize("name", ["teapot", "", "crc32c"])
def test_an_unknown_engine_is_refused_in_one_line(root, tmp_path, name):
    done = lift(root, name, tmp_path / "lib")
    told = done.stderr.splitlines()
    assert done.returncode == 2
    assert told[0].startswith(f"lift: '{name}' is no engine; ") and "seqmap, naive" in told[0]
    assert not (tmp_path / "lib").exists()


def test_a_folder_that_holds_something_is_left_alone(root, tmp_path):
    (tmp_path / "mine.c").write_text("int mine;\n")
    done = lift(root, "seqmap", tmp_path)
    assert done.returncode == 2
    assert "is there and not an empty folder; name another one: DIR=..." in done.stderr
    assert tree(tmp_path) == ["mine.c"]
    assert lift(root, "seqmap", "").stderr.startswith("lift: no folder is given; type: make lift")


def test_a_folder_that_cannot_be_made_is_named(root, tmp_path):
    (tmp_path / "file").touch()
    done = lift(root, "seqmap", tmp_path / "file/lib")
    assert done.returncode == 2
    assert done.stderr.splitlines()[0] == f"lift: {tmp_path}/file/lib: Not a directory"
