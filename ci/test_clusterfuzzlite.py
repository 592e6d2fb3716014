""".clusterfuzzlite/build.sh as the service runs it, on a tree that is small enough to be built in
every sanitizer. `make cflite` does the same with the whole tree."""

import os
import re
import shutil
import stat

import pytest

from tools import cflite

MAP = (
    "int map_put(const unsigned char *key, unsigned long size);\n\n"
    "int map_put(const unsigned char *key, unsigned long size)\n"
    "{\n    return size > 1 && key[0] == 'a' && key[1] == 'b';\n}\n"
)
TARGET = (
    "int map_put(const unsigned char *key, unsigned long size);\n"
    "int LLVMFuzzerTestOneInput(const unsigned char *bytes, unsigned long size);\n\n"
    "int LLVMFuzzerTestOneInput(const unsigned char *bytes, unsigned long size)\n"
    "{\n    map_put(bytes, size);\n    return 0;\n}\n"
)
DATABASE = '#include <sqlite3.h>\nint db_open(void) { return sqlite3_libversion_number(); }\n'


@pytest.fixture
def tree(root, tmp_path):
    """An engine, its fuzz target, a file that needs a database, and our Makefile."""
    if not shutil.which("clang-14"):
        pytest.skip("clang-14: not installed")
    folder = tmp_path / "tree"
    sources = {
        "engines/map/map.c": MAP,
        "fuzz/db/db.c": DATABASE,
        "fuzz/fuzzers/map_fuzzer.c": TARGET,
    }
    for name, text in sources.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    shutil.copy(root / "Makefile", folder)
    shutil.copytree(root / "tools", folder / "tools")
    shutil.copytree(root / ".clusterfuzzlite", folder / ".clusterfuzzlite")
    return folder


def tried(tree, sanitizer, calls_min=1):
    """What is wrong with a build, and the folder of what was built."""
    folder = tree.parent / sanitizer
    return cflite.wrong_build(sanitizer, tree, folder, calls_min), folder / "out"


@pytest.mark.parametrize("sanitizer", cflite.SANITIZERS)
def test_targets_are_built_as_the_service_wants_them(tree, sanitizer):
    # What is so small has nothing for UBSan to look at.
    wrong, out = tried(tree, sanitizer, 0 if sanitizer == "undefined" else 1)
    assert wrong == []
    assert sorted(path.name for path in out.iterdir()) == ["map_fuzzer", "map_fuzzer.options"]
    assert re.match(r"\[libfuzzer\]\nmax_len = \d+\n", (out / "map_fuzzer.options").read_text())
    assert not (tree / "build").exists(), "all that is made is under WORK and OUT"


def test_a_target_that_fails_at_once_is_noticed(tree):
    target = tree / "fuzz/fuzzers/map_fuzzer.c"
    target.write_text(target.read_text().replace("return 0", "__builtin_trap()"))
    wrong, _ = tried(tree, "coverage")
    assert len(wrong) == 1 and "expected some runs" in wrong[0]


def test_a_target_without_the_sanitizer_is_noticed(tree):
    script = tree / ".clusterfuzzlite/build.sh"
    script.write_text(script.read_text().replace("DATABASE=no", "DATABASE=no CFLAGS= CXXFLAGS="))
    wrong, _ = tried(tree, "memory")
    assert any("calls __msan.. 0 times" in reason for reason in wrong)


def test_another_program_in_the_folder_is_noticed(tree):
    script = tree / ".clusterfuzzlite/build.sh"
    script.write_text(script.read_text() + 'cp /bin/true "$OUT/helper"\n')
    wrong, _ = tried(tree, "coverage")
    assert "helper: not named NAME_fuzzer" in wrong


def test_build_sh_may_be_run(root):
    mode = os.stat(root / ".clusterfuzzlite/build.sh").st_mode
    assert mode & stat.S_IXUSR


def test_the_image_has_what_the_build_uses(root):
    lines = (root / ".clusterfuzzlite/Dockerfile").read_text().split("\n")
    instructions = [line.split(" ")[0] for line in lines if line and line[0] not in "# "]
    assert instructions == ["FROM", "RUN", "COPY", "WORKDIR", "COPY"]
    assert any("install" in line and line.endswith(" make") for line in lines)
    assert "language: c\n" in (root / ".clusterfuzzlite/project.yaml").read_text()
