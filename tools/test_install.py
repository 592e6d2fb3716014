"""make install and make deb: what they put where works from there, away from the checkout."""

import os
import re
import shutil
import subprocess
import sys

import pytest

EXAMPLE = "examples/plugin/two_slots.c"
PREFIX = "opt/brownout"
DOORS = [f"peers/c/{name}_door.h" for name in ("esp", "hal", "littlefs", "zephyr")]
HEADERS = ["engines/flash.h", "fuzz/adapter.h", *DOORS]


def run(*command, code=0, **options):
    """What the command prints; it ends with `code`."""
    words = list(map(str, command))
    done = subprocess.run(words, capture_output=True, text=True, timeout=120, **options)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


def needs(*programs):
    """Skips the test where none of the programs is installed; the first that is."""
    for program in programs:
        if shutil.which(program):
            return program
    pytest.skip(f"{' and '.join(programs)}: not installed")


@pytest.fixture(scope="module")
def make(root, plain):
    """make(target, NAME=value) with the command as it is built already."""
    clean = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    clean["PATH"] = f"{os.path.dirname(sys.executable)}:{clean['PATH']}"

    def call(target, **variables):
        words = [f"{name}={value}" for name, value in variables.items()]
        command = ["make", "-s", "-o", plain, f"BUILD={plain.parent}", target, *words]
        return run(*command, cwd=root, env=clean)

    return call


@pytest.fixture(scope="module")
def stage(make, tmp_path_factory):
    """A folder in which Brownout is installed under PREFIX."""
    folder = tmp_path_factory.mktemp("stage")
    make("install", DESTDIR=folder, PREFIX=f"/{PREFIX}")
    return folder


def plugin_flags(stage, prefix):
    """What pkg-config says that a plug-in is compiled with, of what lies under a folder."""
    needs("pkg-config")
    where = {"PKG_CONFIG_LIBDIR": str(stage / prefix / "share/pkgconfig")}
    settings = {**where, "PKG_CONFIG_SYSROOT_DIR": str(stage), "PATH": os.environ["PATH"]}
    return run("pkg-config", "--cflags", "--libs", "brownout", env=settings).split()


def try_plugin(stage, prefix, source, folder):
    """Builds the example from its source alone and explores it by what is installed."""
    shutil.copy(source, folder)
    compile_so = ["gcc", "-std=c11", "-shared", "-fPIC", *plugin_flags(stage, prefix)]
    run(*compile_so, "-o", "two_slots.so", "two_slots.c", cwd=folder)
    shared = stage / prefix / "share/brownout"
    command = [stage / prefix / "bin/brownout", "explore", shared / "scenarios/settings-store.scn"]
    options = ["--faults", "edge,prefix", "--plugin", "./two_slots.so", "--engine", "two-slots"]
    out = run(*command, *options, "--db", "results.db", cwd=folder, env={})
    assert "no divergence" in out
    export = [sys.executable, "-B", shared / "reports/export.py", "results.db"]
    run(*export, "--junit", "junit.xml", "--sarif", "it.sarif", cwd=folder, env={})
    assert "settings-store" in (folder / "junit.xml").read_text()


def test_a_plugin_is_built_and_explored_by_what_is_installed(stage, root, tmp_path):
    try_plugin(stage, PREFIX, root / EXAMPLE, tmp_path)


def test_headers_of_plugins_compile_each_alone(stage, tmp_path):
    include = stage / PREFIX / "include/brownout"
    found = sorted(path.relative_to(include).as_posix() for path in include.rglob("*.h"))
    assert found == HEADERS
    for header in found:
        (tmp_path / "it.c").write_text(f'#include "{header}"\n#include "{header}"\n')
        flags = ["-std=c11", "-Wall", "-Werror", "-fsyntax-only", f"-I{include}"]
        run("gcc", *flags, "it.c", cwd=tmp_path)


def test_scenarios_reports_and_ci_are_there_and_no_tests(stage, root):
    shared = stage / PREFIX / "share/brownout"
    assert os.access(shared / "ci/shard", os.X_OK) and (shared / "ci/github/nightly.yml").exists()
    for folder in ("scenarios", "scenarios/cases"):
        files = (root / folder).iterdir()
        there = {path.name for path in files if path.suffix in (".scn", ".case")}
        assert there <= {path.name for path in (shared / folder).iterdir()}
    assert not list(shared.rglob("test_*"))
    modules = ", ".join(path.stem for path in (shared / "reports").glob("*.py"))
    run(sys.executable, "-B", "-c", f"import {modules}", cwd=shared / "reports")


def test_nothing_installed_names_the_checkout_or_the_stage(stage, root):
    for path in stage.rglob("*"):
        if path.is_file() and path.name != "brownout":
            assert str(root).encode() not in path.read_bytes()
            assert str(stage).encode() not in path.read_bytes()


def test_uninstall_leaves_nothing_but_folders(make, tmp_path):
    where = {"DESTDIR": tmp_path, "PREFIX": "/usr"}
    make("install", **where)
    other = tmp_path / "usr/include/other.h"
    other.touch()
    make("uninstall", **where)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [other]


# --- the manual page ---


def test_the_manual_page_has_every_command_and_option_of_the_help(stage, quick):
    page = (stage / PREFIX / "share/man/man1/brownout.1").read_text().replace("\\-", "-")
    commands = re.findall(r"^  ([a-z]+) ", quick("help").stdout, re.MULTILINE)
    assert len(commands) > 10
    for command in commands:
        assert re.search(rf"^\.B {command}\b", page, re.MULTILINE)
        rows = re.findall(r"^  (--\S+).*?  (\S.*)$", quick("help", command).stdout, re.MULTILINE)
        assert rows or command == "print"
        for option, text in rows:
            assert re.search(rf"^\.B {option}\b", page, re.MULTILINE) and text in page
    codes = re.findall(r"\b(\d+) (?=[a-z])", quick("help").stdout.split("exit code:")[1])
    assert codes == re.findall(r"^\.B (\d+)$", page, re.MULTILINE)


def test_the_manual_page_is_one_for_those_who_print_it(stage):
    page = stage / PREFIX / "share/man/man1/brownout.1"
    if needs("mandoc", "man") == "mandoc":
        assert run("mandoc", "-T", "lint", "-W", "warning", page) == ""
        return
    done = subprocess.run(["man", "--warnings", "-l", page], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


# --- the Debian package ---


@pytest.fixture(scope="module")
def package(make, tmp_path_factory):
    needs("dpkg-deb")
    made = make("deb", DEB=tmp_path_factory.mktemp("deb"))
    return made.split("\n")[-2]


def test_what_the_package_unpacks_works(package, root, tmp_path):
    unpacked = tmp_path / "unpacked"
    run("dpkg-deb", "-x", package, unpacked)
    run("md5sum", "-c", "--quiet", "-", cwd=unpacked, input=sums_of(package, tmp_path))
    try_plugin(unpacked, "usr", root / EXAMPLE, tmp_path)


def sums_of(package, folder):
    run("dpkg-deb", "-e", package, folder / "control")
    return (folder / "control/md5sums").read_text()


def test_the_package_names_what_the_command_is_linked_with(package, plain):
    depends = run("dpkg-deb", "-f", package, "Depends")
    linked = set(re.findall(r"NEEDED\s+(\S+)", run("objdump", "-p", plain)))
    assert linked == {"libc.so.6", "libsqlite3.so.0"}
    names = [re.fullmatch(r"(\S+) \(>= [\d.]+\)", it)[1] for it in depends.strip().split(", ")]
    assert names == ["libc6", "libsqlite3-0", "python3"]


def test_a_package_of_the_same_commit_is_the_same_bytes(package, make, tmp_path):
    again = make("deb", DEB=tmp_path).split("\n")[-2]
    with open(package, "rb") as one, open(again, "rb") as other:
        assert one.read() == other.read()


def test_lintian_has_nothing_to_say(package):
    needs("lintian")
    assert run("lintian", "--allow-root", package) == ""
