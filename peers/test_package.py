"""The package of peers/brownout has what its build script compiles, as files.

`cargo package` builds it, in half a minute; here only its list is looked at. Skipped without cargo.
"""

import re
import shutil
import subprocess

import pytest
import scoreboard

CRATE = scoreboard.HERE / "brownout"
APART = ("_test.c", "_fuzzer.c", "_main.c")  # as is_apart() of build.rs has it
APART_FOLDERS = ("harness/fuzz/db", "harness/fuzz/command")


@pytest.fixture(scope="module")
def packaged():
    """The names in the package."""
    if not shutil.which("cargo"):
        pytest.skip("cargo is missing; it lists what is in a package")
    command = ["cargo", "package", "--list", "--allow-dirty", "--exclude-lockfile", "--offline"]
    done = subprocess.run(command, cwd=CRATE, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


def harness_sources():
    for folder in ("engines", "sim", "fuzz"):
        for path in (CRATE / "harness" / folder).rglob("*.c"):
            name = path.relative_to(CRATE).as_posix()
            if not name.endswith(APART) and not name.startswith(APART_FOLDERS):
                yield name


def test_the_package_has_what_its_build_script_compiles(packaged):
    assert set(harness_sources()) <= packaged
    assert {"Cargo.toml", "build.rs", "LICENSE", "README.md", "src/probe.c"} <= packaged
    assert "harness/scenarios/wifi-password.scn" in packaged
    assert not [name for name in packaged if name.endswith("_test.c")]


def test_what_is_included_there_is_in_the_package(packaged):
    files = {(CRATE / name).resolve() for name in packaged}
    for name in packaged:
        if not name.endswith((".c", ".h")) or name.endswith(APART):
            continue
        path = CRATE / name
        for included in re.findall(r'(?m)^#include "(.*)"', path.read_text()):
            places = {(it / included).resolve() for it in (path.parent, CRATE / "harness")}
            assert places & files, f"{name} includes {included}, which is not in the package"
