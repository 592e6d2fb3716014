"""What fails in the harness is no verdict: exit code 3 and one line, and nothing counts.

The n-th allocation of the command fails, for every n: in the command itself, in its workers, in the
C library and in SQLite. The ordinary build is asked: under a sanitizer malloc is not ours to
replace. Besides, workers that somebody else ends.
"""

import os
import struct
import subprocess

import pytest
from conftest import SECONDS_MAX

from harness import compiler

# Loaded before the command. FAILING_AT: the allocation that fails, from 1; with a + all later ones
# fail too. FAILING_COUNT: a file of 8 bytes, the counter that all processes share.
SHIM = """
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);

static uint64_t *counter, fails_at;
static bool fails_on;

__attribute__((constructor)) static void start(void)
{
    int file = open(getenv("FAILING_COUNT"), O_RDWR);
    void *shared = mmap(NULL, sizeof *counter, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (shared == MAP_FAILED) abort();
    fails_at = strtoull(getenv("FAILING_AT"), NULL, 10);
    fails_on = strchr(getenv("FAILING_AT"), '+') != NULL;
    counter = shared;
}

static bool fails(void)
{
    if (!counter) return false;
    uint64_t number = __atomic_add_fetch(counter, 1, __ATOMIC_SEQ_CST);
    if (fails_on ? number < fails_at : number != fails_at) return false;
    errno = ENOMEM;
    return true;
}

void *malloc(size_t size) { return fails() ? NULL : __libc_malloc(size); }
void *calloc(size_t count, size_t size) { return fails() ? NULL : __libc_calloc(count, size); }
void *realloc(void *old, size_t size) { return fails() ? NULL : __libc_realloc(old, size); }
"""

CHIP = "chip generic sectors=3 sector=256\n"
MAP = CHIP + 'engine seqmap\nstore a "one"\nstore b "two"\nremove a\n'
QUEUE = CHIP + 'engine seqqueue\npush "one"\npush "one"\npop\n'
SORTED = (
    "chip generic sectors=9 sector=128 page=64 programs=1\nengine lsm key=4 value=12\n"
    'store a "one"\nbegin\nstore a "two"\nstore b "three"\ncommit\n'
)
CANARY = CHIP + 'engine canary\nstore a "one"\nstore a "two"\n'
SCENARIOS = {"map.scn": MAP, "queue.scn": QUEUE, "sorted.scn": SORTED, "canary.scn": CANARY}
CASE = CHIP + 'engine canary\nstore a "one" cut 2 except:13\n'

EVERY = 160  # allocations that are stepped through one by one; of more, a sample
SAMPLE = 40

# Of them, those that may fail and change nothing: buffers of stdio; and all those of a child that
# makes a case smaller, in the place of which each attempt gets a process of its own.
ABSORBED_MAX = 15
SHRINKING_MAX = 80
SHRINKING = ("explore a canary", "shrink")

COMMANDS = {
    "run": ("run", "sorted.scn", "--image", "out/image"),
    "explore": ("explore", "map.scn", "--quiet"),
    "explore a queue": ("explore", "queue.scn", "--quiet", "--json"),
    "explore isolated": ("explore", "map.scn", "--quiet", "--isolate"),
    "explore what fails": ("explore", "sorted.scn", "--quiet", "--faults", "edge,fail"),
    "explore a canary": ("explore", "canary.scn", "--quiet", "--jobs", "2"),
    "explore into a database": ("explore", "map.scn", "--quiet", "--db", "out.db"),
    "replay": ("replay", "it.case"),
    "shrink": ("shrink", "it.case"),
    "fuzz": ("fuzz", "--engine", "seqqueue", "--runs", "2", "--quiet"),
    "wear": ("wear", "map.scn", "--engines", "seqmap,tickv", "--cuts", "1/2"),
}


def library(folder, text):
    """Something to be loaded before the command."""
    (folder / "shim.c").write_text(text)
    command = [*compiler(), "-std=gnu11", "-shared", "-fPIC", folder / "shim.c"]
    subprocess.run([*command, "-o", folder / "shim.so"], check=True)
    return folder / "shim.so"


@pytest.fixture(scope="module")
def shim(tmp_path_factory):
    return library(tmp_path_factory.mktemp("shim"), SHIM)


class Failing:
    """Runs a command in a folder of its own with an allocation that fails."""

    def __init__(self, plain, shim, folder, words):
        self.plain, self.folder = plain, folder
        artefacts = () if words[0] in ("run", "replay", "shrink") else ("--artefacts", "out")
        self.words = [*words, *artefacts]
        self.counter = folder / "counter"
        self.environment = dict(os.environ, LD_PRELOAD=shim, FAILING_COUNT=self.counter)
        for name, text in SCENARIOS.items():
            (folder / name).write_text(text)
        (folder / "it.case").write_text(CASE)
        (folder / "out").mkdir()

    def clean(self):
        for path in [*self.folder.glob("out/*"), *self.folder.glob("out.db*")]:
            path.unlink()
        self.counter.write_bytes(bytes(8))

    def run(self, at):
        self.clean()
        environment = dict(self.environment, FAILING_AT=at)
        command = [self.plain, *self.words]
        options = {"cwd": self.folder, "env": environment, "timeout": SECONDS_MAX}
        return subprocess.run(command, capture_output=True, text=True, **options)

    def allocations(self):
        return struct.unpack("=Q", self.counter.read_bytes())[0]

    def files(self):
        return {(path.name, path.read_bytes()) for path in self.folder.glob("out/*")}


def places(allocations):
    """The first ones, some of those that follow, and the last ones."""
    yield from range(1, min(allocations, EVERY) + 1)
    if allocations > EVERY:
        step = max(1, (allocations - EVERY) // SAMPLE)
        yield from range(EVERY + step, allocations, step)
        yield allocations


@pytest.mark.parametrize("name", COMMANDS)
def test_without_memory_nothing_is_judged(plain, build, shim, tmp_path, name):
    if (build / "gcov_exit.o").exists():
        pytest.skip("gcov, which counts in this build, does not survive a lack of memory")
    failing = Failing(plain, shim, tmp_path, COMMANDS[name])
    usual = failing.run("0")
    assert usual.returncode in (0, 1) and usual.stdout
    written = failing.files()
    absorbed = []
    for number in places(failing.allocations()):
        for at in (f"{number}", f"{number}+"):
            done = failing.run(at)
            place = f"{name}, allocation {at}: {done.stderr!r}"
            if done.returncode != 3:
                # It does without, and all is as usual.
                absorbed.append(number)
                assert (done.returncode, done.stdout) == (usual.returncode, usual.stdout), place
                assert done.stderr == "", place
                continue
            assert done.stderr.startswith("brownout: out of memory"), place
            assert done.stderr.count("\n") == 1, place
            assert "divergence" not in done.stdout.lower(), place
            # Cases are written last: of several, those before it, each whole.
            assert failing.files() < written or not failing.files(), place
    assert len(set(absorbed)) <= (SHRINKING_MAX if name in SHRINKING else ABSORBED_MAX), absorbed


# --- workers that somebody else ends ---

# As valgrind does with --error-exitcode when it saw an error: the worker was done all the same.
OTHER_CODE = """
#include <sys/syscall.h>
#include <unistd.h>

void _exit(int code)
{
    for (;;)
        syscall(SYS_exit_group, code == 97 ? 42 : code);
}
"""

# As the system does when memory is short: SIGKILL. prctl() is the first thing that a worker calls.
KILLED = """
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

int prctl(int option, ...)
{
    (void)option;
    kill(getpid(), SIGKILL);
    return 0;
}
"""


@pytest.mark.parametrize("words", [("explore", "canary.scn"), ("explore", "map.scn", "--isolate"),
                                   ("fuzz", "--engine", "seqmap", "--runs", "4")])
@pytest.mark.parametrize("text, line", [(OTHER_CODE, "its exit code is 42"), (KILLED, "SIGKILL")])
def test_a_worker_that_others_end_is_no_finding(plain, tmp_path, words, text, line):
    failing = Failing(plain, library(tmp_path, text), tmp_path, [*words, "--quiet"])
    done = failing.run("0")
    assert done.returncode == 3 and not done.stdout and not failing.files()
    assert done.stderr.count("\n") == 1 and done.stderr.startswith("brownout: a worker was ")
    assert line in done.stderr
