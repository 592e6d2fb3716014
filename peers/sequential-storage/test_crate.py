"""The subjects `original` and `original-queue` do what the crate sequential-storage 8.0.1 does.

The crate itself, built from the registry, runs under the same judge as a plug-in. What is done with
a subject is done with the crate: same images, same flash calls, same findings. So what a kept case
or the README says against a subject is true of the crate.

Skipped, with the reason, where there is no cargo or where the registry does not answer.
"""

import json
import re

import cargo
import pytest
from conftest import ROOT
from harness import CLEAN, DIVERGED, NOT_JUDGED
from hypothesis import given, settings
from hypothesis import strategies as st

CRATE = {"original": "map", "original-queue": "queue"}
CASES = sorted((ROOT / "scenarios/cases").glob("*.case"))


def engine_of(text):
    return re.search(r"(?m)^engine (\S+)", text)[1]


def accuses_the_crate(path):
    return engine_of(path.read_text()) in CRATE


# --- the crate ---


@pytest.fixture(scope="session")
def plugin():
    """The crate, map and queue."""
    return cargo.plugin("sequential-storage-8.0.1")


class Pair:
    """Does the same with a subject and with the crate; what came out, the names left out."""

    def __init__(self, brownout, plugin, folder):
        self.brownout, self.plugin, self.folder = brownout, plugin, folder

    def write(self, text):
        path = self.folder / "it.scn"
        path.write_text(text)
        return path

    def both(self, command, path, *options):
        """The command on the subject that the file names, then on the crate."""
        subject = engine_of(path.read_text())
        crate = ["--engine", f"crate-{CRATE[subject]}", "--plugin", self.plugin]
        for engine in ([], crate):
            done = self.brownout(command, path, *engine, *options, cwd=self.folder)
            assert done.returncode in (CLEAN, DIVERGED, NOT_JUDGED), done.stderr
            yield done.stdout

    def stories(self, path):
        """What replay prints, from the second line on; the first one names the engine."""
        return [out.split("\n", 1)[1] for out in self.both("replay", path)]

    def explored(self, path, *options):
        """What explore finds: all numbers, and each divergence with its case."""
        words = ("--json", "--quiet", "--max", 0, "--no-shrink", *options)
        return [self.findings(out) for out in self.both("explore", path, *words)]

    def findings(self, out):
        told = json.loads(out)
        del told["engine"]
        for each in told["divergences"]:
            each["case"] = re.sub(r"(?m)^engine .*\n", "", (self.folder / each["case"]).read_text())
        told["divergences"].sort(key=lambda each: each["case"])
        return told

    def images(self, path):
        for _ in self.both("run", path, "--image", "it.img"):
            yield (self.folder / "it.img").read_bytes()


@pytest.fixture(scope="module")
def pair(brownout, plugin, tmp_path_factory):
    return Pair(brownout, plugin, tmp_path_factory.mktemp("pair"))


# --- what is accused ---


@pytest.mark.parametrize("path", filter(accuses_the_crate, CASES), ids=lambda path: path.stem)
def test_what_a_kept_case_tells_of_the_subject_is_true_of_the_crate(pair, path):
    subject, crate = pair.stories(path)
    assert subject == crate
    assert "DIVERGENCE, clause " in crate


README_CASE = """
chip w25q128jv sectors=3 sector=256
engine original

store psk "aaaaaaaaaa"
store uptime fill 0x62 216
store uptime "nnnnnnn" cut 5 zero-head:2
store uptime empty
mount
"""


def test_the_crate_loses_the_password_of_the_readme(pair):
    operations = README_CASE.partition("\n\n")[2]
    readme = re.sub(r"(?m)^ +", "", (ROOT / "README.md").read_text())
    assert operations in readme
    subject, crate = pair.stories(pair.write(README_CASE))
    assert subject == crate
    assert "DIVERGENCE, clause durable: psk: expected aaaaaaaaaa, each shows absent" in crate


# --- random histories ---

# Sectors, sector size, unit and read unit, as in the table of src/lib.rs.
PARTS = [(32, 1, 1), (64, 1, 1), (32, 4, 1), (64, 4, 1), (128, 4, 4), (128, 8, 1), (64, 16, 1)]
PARTS += [(128, 16, 16), (256, 32, 1)]
FAULTS = ["edge,prefix", "edge,prefix,bits", "edge,weak", "edge,prefix,rot"]


@st.composite
def scenarios(draw, engine, sectors_min, operation):
    size, unit, read = draw(st.sampled_from(PARTS))
    sectors = draw(st.integers(sectors_min, 4))
    programs = draw(st.sampled_from([0, 0, 0, 2, 1]))
    word = max(unit, read)
    room = size - 2 * word - max(word, 8)
    lines = draw(st.lists(operation(room), min_size=3, max_size=14))
    chip = f"chip generic sectors={sectors} sector={size} page={size} unit={unit} read={read}"
    return "\n".join([f"{chip} programs={programs}", f"engine {engine}", "", *lines, ""])


def payload(room):
    letters = st.sampled_from("abcdef")
    sizes = st.one_of(st.integers(0, min(room, 9)), st.integers(0, max(room, 0)))
    return st.builds(lambda letter, size: f'"{letter * size}"' if size else "empty", letters, sizes)


def queue_operation(room):
    put = st.builds("{} {}".format, st.sampled_from(["push", "append", "append"]), payload(room))
    pop = st.builds("pop {}".format, st.integers(0, 3))
    return st.one_of(put, put, put, pop, pop, st.sampled_from(["peek", "mount", "clear"]))


def map_operation(room):
    key = st.sampled_from("klm")
    store = st.builds("store {} {}".format, key, payload(room - 3))
    remove = st.builds("remove {}".format, key)
    return st.one_of(store, store, store, store, remove, st.sampled_from(["mount", "clear"]))


QUEUES = scenarios("original-queue", 1, queue_operation)
QUEUES_ASKED = scenarios("original-queue fits=1", 1, queue_operation)  # as the crate answers
MAPS = scenarios("original", 2, map_operation)


def compare(pair, text, *options):
    path = pair.write(text)
    subject, crate = pair.images(path)
    assert subject == crate
    subject, crate = pair.explored(path, *options)
    assert subject == crate


@settings(max_examples=12)
@given(MAPS, st.sampled_from(FAULTS), st.sampled_from([1, 1, 2]))
def test_the_map_writes_and_loses_what_the_crate_does(pair, text, faults, depth):
    use = ("--no-use",) if depth > 1 else ()  # minutes, and no other calls than at depth 1
    compare(pair, text, "--faults", faults, "--depth", depth, "--masks", 2, "--bits", 4, *use)


@settings(max_examples=12)
@given(QUEUES, st.sampled_from(FAULTS), st.sampled_from([1, 1, 2]))
def test_the_queue_writes_and_loses_what_the_crate_does(pair, text, faults, depth):
    options = ("--faults", faults, "--depth", depth, "--masks", 2, "--bits", 4)
    compare(pair, text, *options, "--no-use")


@settings(max_examples=20)
@given(QUEUES_ASKED, st.sampled_from(FAULTS))
def test_the_queue_in_use_does_what_the_crate_does(pair, text, faults):
    compare(pair, text, "--faults", faults, "--masks", 2, "--bits", 4)
