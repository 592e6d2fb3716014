"""What every test may ask for: the folder of the build, the command, the chip as a library.

BROWNOUT_BUILD names the build under test; `make test` sets it to the sanitized one. Every
`*_test.c` of the tree is a test too: its program is run, and fails with what it printed.
"""

import ctypes
import os
import subprocess
from functools import partial
from pathlib import Path

import hypothesis
import pytest
from harness import sanitized
from hypothesis.configuration import set_hypothesis_home_dir

ROOT = Path(__file__).resolve().parent
BUILD = (ROOT / os.environ.get("BROWNOUT_BUILD", "build")).resolve()

# Ends what hangs. No test measures time by it: long enough for gcov and a machine that is busy.
SECONDS_MAX = 600

# Exit codes of the sanitizers, apart from those of the command; a report is never taken for one.
SANITIZER_EXIT = 86
SANITIZER_MARKS = ("ERROR: AddressSanitizer", "ERROR: LeakSanitizer", "runtime error:")

# C tests that ask for long what the explorer finds. The ordinary build answers the same; what a
# sanitizer would see in them it sees in fuzz/explore/test_explore.py and scenarios/.
PLAIN_TESTS = ("canary_test.c", "canary_list_test.c", "*_cut_test.c")

set_hypothesis_home_dir(ROOT / "build" / "hypothesis")

# The same examples in every run, no timing; HYPOTHESIS_PROFILE=search looks for new ones.
hypothesis.settings.register_profile("same", deadline=None, derandomize=True)
hypothesis.settings.register_profile("search", deadline=None, max_examples=2000, database=None)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))


def made(path):
    """The path of something that make makes; a test fails, never skips, when it is not there."""
    if not path.exists():
        pytest.fail(f"{path} is missing; type: make test", pytrace=False)
    return path


def run_program(program, *arguments, timeout=SECONDS_MAX, **options):
    """Runs a program of ours and returns what subprocess.run does, with text for its output."""
    options.setdefault("stdout", subprocess.PIPE)
    options.setdefault("stderr", subprocess.PIPE)
    options.setdefault("cwd", ROOT)
    environment = dict(os.environ if options.get("env") is None else options["env"])
    environment.setdefault("ASAN_OPTIONS", f"exitcode={SANITIZER_EXIT}")
    environment.setdefault("UBSAN_OPTIONS", f"print_stacktrace=1:exitcode={SANITIZER_EXIT}")
    options["env"] = environment
    command = [str(program), *map(str, arguments)]
    done = subprocess.run(command, timeout=timeout, text=True, errors="replace", **options)
    report = done.stderr or ""
    if done.returncode == SANITIZER_EXIT or any(mark in report for mark in SANITIZER_MARKS):
        pytest.fail(f"a sanitizer stopped {' '.join(command)}\n{report}", pytrace=False)
    return done


@pytest.fixture(scope="session")
def root():
    """The folder of the checkout."""
    return ROOT


@pytest.fixture(scope="session")
def build():
    """The folder of the build under test."""
    return BUILD


@pytest.fixture(scope="session")
def brownout():
    """brownout("explore", file, timeout=60) runs the command; a sanitizer's report fails the test.

    Options are those of subprocess.run; the working folder is the checkout unless `cwd` is given.
    """
    program = made(BUILD / "brownout")

    def run(*arguments, **options):
        return run_program(program, *arguments, **options)

    return run


def plain_build():
    """The folder of the build without sanitizers, which make test makes beside the other one."""
    return BUILD.parent if sanitized(BUILD) else BUILD


@pytest.fixture(scope="session")
def plain():
    """The path of the command without sanitizers: for limits of memory, and for long work of which
    a sanitizer sees the like elsewhere."""
    return made(plain_build() / "brownout")


@pytest.fixture(scope="session")
def quick(plain):
    """The same as brownout(), without sanitizers."""
    return partial(run_program, plain)


@pytest.fixture(scope="session")
def libsim():
    """The simulated chip as a ctypes library."""
    return ctypes.CDLL(str(made(BUILD / "libsim.so")))


class Program(pytest.Item):
    """A C test, run from the root without an argument: exit code 0 is a pass."""

    def runtest(self):
        source = self.path.relative_to(ROOT)
        build = plain_build() if any(map(self.path.match, PLAIN_TESTS)) else BUILD
        done = run_program(made(build / "test" / source.with_suffix("")))
        if done.returncode != 0:
            output = f"exit code {done.returncode}\n{done.stdout}{done.stderr}"
            pytest.fail(output, pytrace=False)

    def reportinfo(self):
        return self.path, None, self.name


class ProgramSource(pytest.File):
    """A `*_test.c`, which make has built."""

    def collect(self):
        yield Program.from_parent(self, name="passes")


def pytest_collect_file(file_path, parent):
    if file_path.name.endswith("_test.c"):
        return ProgramSource.from_parent(parent, path=file_path)
    return None
