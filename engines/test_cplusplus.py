"""C++ firmware takes the engines: headers and sources compile as C++17, and C objects link."""

import shutil
import subprocess

import pytest

from tools import engines

CXX = "g++"
FLAGS = "-std=c++17 -ffreestanding -Wall -Wextra -Wno-missing-field-initializers -Werror".split()
pytestmark = pytest.mark.skipif(not shutil.which(CXX), reason=f"{CXX} is not installed")

FILES = sorted({file for name in engines.NAMES for file in engines.files(name)})
PUBLIC = ["flash.h", *(engines.header(name) for name in engines.NAMES)]


def run(command, folder, text=None):
    done = subprocess.run(
        list(map(str, command)), cwd=folder, input=text, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("header", [name for name in FILES if name.endswith(".h")])
def test_a_header_compiles_as_cplusplus(root, header):
    text = f'#include "{header}"\n#include "{header}"\n'
    run([CXX, *FLAGS, "-fsyntax-only", "-x", "c++", "-"], root / "engines", text)


@pytest.mark.parametrize("source", [name for name in FILES if name.endswith(".c")])
def test_a_source_compiles_as_cplusplus(root, source):
    run([CXX, *FLAGS, "-fsyntax-only", "-x", "c++", source], root / "engines")


def test_a_cplusplus_program_links_with_engines_in_c(root, tmp_path):
    sources = [root / "engines" / name for name in FILES if name.endswith(".c")]
    run(["gcc", "-std=c11", "-c", *sources], tmp_path)
    lines = [f'#include "{root}/engines/{name}"' for name in PUBLIC]
    starts = ["buffered_init" if name == "buffered" else f"{name}_mount" for name in engines.NAMES]
    lines += [f"void *volatile start_{start} = (void *){start};" for start in starts]
    (tmp_path / "main.cpp").write_text("\n".join([*lines, "int main() { return 0; }", ""]))
    objects = sorted(tmp_path.glob("*.o"))
    run([CXX, "-std=c++17", "main.cpp", *objects, "-o", "program"], tmp_path)
    run(["./program"], tmp_path)
