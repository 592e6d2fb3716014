"""Our ports and the libraries of their formats on one flash: each opens what the other wrote.

The plug-in cross.c puts an engine of ours and a library together, as one engine, under the judge.
Ours is cut everywhere and the library reads what is left; both write by turns, with cuts in the
calls of ours; both do the same work, and the images are equal.

Two libraries are built here; those that nobody else of the tests builds are tried where `make
peers` has built them.
"""

import json

import cargo
import pytest
import scoreboard
from conftest import ROOT
from harness import CLEAN, DIVERGED, NOT_JUDGED, shared_object
from hypothesis import given, settings
from hypothesis import strategies as st

# A pair of which no library is built: the other one is a subject.
HOUSE = "house"
BUILT = ("tickv", "sequential-storage-8.0.1")
SMALL = "generic sectors=4 sector=256 page=256"
# With the library a store is two calls, and one that finds no room loses what it replaces.
ROOMY = "generic sectors=8 sector=512 page=512"
# Our engine, the library's folder, and a chip that both take.
PAIRS = (
    ("seqmap", "sequential-storage-8.0.1", SMALL),
    ("seqmap", "sequential-storage", SMALL),
    ("tickv", "tickv", ROOMY),
    ("tickv-plain", "tickv", ROOMY),
    ("lsm", "ekv", "generic sectors=32 sector=256 page=256 unit=4"),
    ("lsm-plain", "ekv-plain", "generic sectors=32 sector=128 page=128 unit=4"),
    # As many sectors as the library is built for: headers have links for them.
    ("lsm-bytes", "ekv-bytes", "generic sectors=128 sector=256 page=256 unit=1"),
    ("lsm-chunks", "ekv-chunks", "generic sectors=32 sector=1024 page=256 unit=2"),
    ("seqqueue", "sequential-storage-8.0.1", SMALL),
    ("seqqueue", "sequential-storage", SMALL),
    ("original", "sequential-storage-8.0.1", SMALL),
    ("original-queue", "sequential-storage-8.0.1", SMALL),
    ("seqmap-original", HOUSE, SMALL),
    ("seqqueue-original", HOUSE, SMALL),
)
# The subjects lose what the crate loses, so nothing is cut in them.
CURED = [pair for pair in PAIRS if not pair[0].startswith("original")]


def name_of(pair):
    return f"{pair[0]}-{pair[1]}"


class Cross:
    """One pair."""

    def __init__(self, quick, plugins, folder, pair):
        self.quick, self.folder = quick, folder
        self.plugins = [word for path in plugins for word in ("--plugin", path)]
        self.ours, _, self.chip = pair
        self.is_queue = "queue" in self.ours

    def engine(self, options=""):
        name = "cross-queue" if self.is_queue else "cross"
        return f"{name} pair={self.ours} {options}".strip()

    def write(self, lines, engine, name="it.scn"):
        path = self.folder / name
        path.write_text("\n".join([f"chip {self.chip}", f"engine {engine}", "", *lines, ""]))
        return path

    def ask(self, command, lines, engine, *options):
        path = self.write(lines, engine)
        words = (*self.plugins, "--engine", engine, *options)
        return self.quick(command, path, *words, cwd=self.folder)

    def passes(self, command, lines, engine, *options):
        done = self.ask(command, lines, engine, "--quiet", *options)
        wanted = (CLEAN, NOT_JUDGED) if command == "run" else (CLEAN,)  # some put nothing in
        assert done.returncode in wanted, "\n".join([*lines, done.stdout, done.stderr])


@pytest.fixture(scope="module")
def cross(quick, tmp_path_factory):
    """cross(pair): the plug-ins, built once; the test is skipped where they can't be."""
    folder, made = tmp_path_factory.mktemp("cross"), {}

    def build(pair):
        peer = pair[1]
        if peer != HOUSE and peer not in made:
            if peer not in BUILT and not scoreboard.plugin_of(peer).exists():
                pytest.skip(f"{peer} is built by make peers, which does this test too")
            made[peer] = cargo.plugin(peer)
        if "cross" not in made:
            made["cross"] = shared_object(
                folder, "cross", '#include "peers/cross/cross.c"\n', "-O1", "-fvisibility=hidden",
                str(ROOT / "peers/cross/tickv_plain.c"))
        return Cross(quick, [made[it] for it in (peer, "cross") if it in made], folder, pair)

    return build


# --- ours is cut ---

MAP_WORK = """
store k "1234567890abcdefghij"
store l "kitchen"
repeat 4 as i {
  store m count
  store n random 1..30
  mount
  store l random 4..40
}
remove n
store k random 50
""".split("\n")
QUEUE_WORK = """
repeat 8 as i {
  append count 16
  append random 1..60
  mount
  push random 8
  pop i % 2
}
""".split("\n")


@pytest.mark.parametrize("pair", CURED, ids=name_of)
def test_the_library_reads_what_ours_leaves_at_any_cut(cross, pair):
    both = cross(pair)
    work = QUEUE_WORK if both.is_queue else MAP_WORK
    faults = ("--faults", "edge,prefix,bits", "--masks", 1, "--bits", 2)
    both.chip = both.chip.replace(ROOMY, SMALL)
    # A store of the plain objects is two calls too.
    use = ("--no-use",) if both.ours == "tickv-plain" else ()
    both.passes("explore", work, both.engine("reader=both"), *faults, *use)


EKV = next(pair for pair in PAIRS if pair[1] == "ekv")


def test_the_library_opens_what_ours_leaves(cross):
    """At once, as ours has changed nothing since the cut; see lsm.h for larger units."""
    both = cross(EKV)
    both.chip = both.chip.replace("unit=4", "unit=1")
    faults = ("--faults", "edge,prefix,bits,zeros", "--masks", 1, "--bits", 2)
    both.passes("explore", MAP_WORK, both.engine("reader=both early=1"), *faults)


# Many keys that are removed again: what is merged away is much.
FILLED = """
store k00000000[10..54] fill 0x61 64
remove k00000000[10..54]
repeat 6 {
  store x empty
  remove x
}
""".split("\n")


def test_ours_opens_what_the_library_opens_at_any_cut_in_it(cross):
    """ekv loses its keys, or opens no more, where ours does not; never the other way round."""
    both = cross(EKV)
    for work, faults in ((MAP_WORK, "edge,prefix"), (FILLED, "edge")):
        options = ("--faults", faults, "--max", 0, "--no-use", "--no-shrink", "--quiet")
        done = both.ask("explore", work, both.engine("writer=theirs reader=ours"), *options)
        assert "alive/damaged/mount" in done.stdout, "ekv is cut"
        assert "sane" not in done.stdout and "missing" not in done.stdout, done.stdout


FOUND = """
store cc fill 0x6e 29
store a empty
store b fill 0x63 30
store a fill 0x64 38
store a fill 0x63 38
store a fill 0x66 38
store cc fill 0x67 37 cut 5 lift-only:18
store a empty
fetch a
""".split("\n")


def test_the_library_finds_its_main_key_after_a_cut_erase(cross):
    """tickv filled a dead region to its end, where the library's search stopped: it formatted."""
    both = cross(("tickv", "tickv", "generic sectors=4 sector=128 page=128"))
    both.passes("replay", FOUND, both.engine("reader=both"))


# --- random histories ---


def payload(most):
    letters = st.sampled_from("abcdef")
    sizes = st.one_of(st.integers(0, 9), st.integers(0, most))
    return st.builds(lambda letter, size: f'"{letter * size}"' if size else "empty", letters, sizes)


STORE = st.builds("store {} {}".format, st.sampled_from("klmn"), payload(60))
REMOVE = st.builds("remove {}".format, st.sampled_from("klmn"))
PUT = st.builds("{} {}".format, st.sampled_from(["push", "append", "append"]), payload(100))
POP = st.builds("pop {}".format, st.integers(0, 2))
CHANGES = {False: st.one_of(STORE, STORE, STORE, REMOVE), True: st.one_of(PUT, PUT, POP)}
LOOKS = {False: st.builds("fetch {}".format, st.sampled_from("klmn")), True: st.just("peek")}
TEARS = st.one_of(
    st.sampled_from(["none", "done", "zero-head:9", "lift:1:90", "blank-tail:100"]),
    st.builds("{}:{}".format, st.sampled_from(["prefix", "only", "except"]), st.integers(0, 40)),
    st.builds("mask:{}:128".format, st.integers(0, 99)),
)


def history(is_queue):
    """Lines without cuts."""
    line = st.one_of(*[CHANGES[is_queue]] * 4, LOOKS[is_queue], st.just("mount"))
    return st.lists(line, min_size=6, max_size=24)


@st.composite
def cut_history(draw, is_queue):
    """Lines with cuts in calls of ours: those at even places after a power-on."""
    lines = []
    for _ in range(draw(st.integers(1, 5))):
        changes = draw(st.lists(CHANGES[is_queue], min_size=1, max_size=7))
        at = 2 * draw(st.integers(0, (len(changes) - 1) // 2))
        changes[at] += f" cut {draw(st.integers(1, 5))} {draw(TEARS)}"
        lines += [*changes[:at + 1], "mount", *changes[at + 1:], "look", "mount"]
    return lines


READERS = st.sampled_from(["ours", "theirs", "both", "both"])
FORMATS = st.sampled_from(["ours", "theirs"])


@pytest.mark.parametrize("pair", PAIRS, ids=name_of)
def test_both_write_by_turns_and_both_read(cross, pair):
    both = cross(pair)
    formats = st.just("ours") if both.ours == "tickv" else FORMATS  # see tickv_map.h

    @settings(max_examples=10)
    @given(history(both.is_queue), READERS, formats)
    def check(lines, reader, by):
        engine = both.engine(f"writer=turns reader={reader} format={by}")
        both.passes("run", [*lines, "look"], engine)

    check()


@pytest.mark.parametrize("pair", CURED, ids=name_of)
def test_the_library_goes_on_after_cuts_in_ours(cross, pair):
    both = cross(pair)

    @settings(max_examples=10)
    @given(cut_history(both.is_queue), READERS)
    def check(lines, reader):
        engine = both.engine(f"writer=turns reader={reader}")
        both.passes("replay", [*lines, "look"], engine)

    check()


# --- the same work ---


def image_of(both, lines, engine):
    """The image that the work leaves, and the numbers of the run."""
    done = both.ask("run", lines, engine, "--image", "it.img", "--json")
    assert done.returncode == CLEAN, done.stdout + done.stderr
    return (both.folder / "it.img").read_bytes(), json.loads(done.stdout)


SAME = {
    "seqmap": ("seqmap", "crate-map"),
    "seqqueue": ("seqqueue", "crate-queue"),
    "tickv-plain": ("tickv-plain", "crate-tickv hash=1"),
}


@pytest.mark.parametrize("pair", [pair for pair in CURED if pair[0] in SAME], ids=name_of)
def test_the_same_work_leaves_the_same_image(cross, pair):
    both = cross(pair)

    @settings(max_examples=10)
    @given(history(both.is_queue))
    def check(lines):
        ours, theirs = (image_of(both, lines, engine) for engine in SAME[both.ours])
        if both.ours == "tickv-plain" and max(ours[1]["erases"], theirs[1]["erases"]) > 0:
            return  # a region that was full: tickv.h says what differs
        assert ours[0] == theirs[0]

    check()


# --- what is wrong is noticed ---


def test_what_the_library_alone_does_not_find_is_noticed(cross):
    """What it leaves at the end of a region hides from it what comes in the next one."""
    both = cross(("tickv-plain", "tickv", "generic sectors=2 sector=64 page=64"))
    lines = ['store k "a"', 'store k "b"', 'store k "c"', "look"]
    engine = both.engine("writer=theirs reader=both early=1")
    done = both.ask("explore", lines, engine, "--quiet", "--no-shrink", "--faults", "prefix")
    assert done.returncode == DIVERGED and "the second reads" in done.stdout, done.stdout


LOST = """
store psk "aaaaaaaaaa"
store uptime fill 0x62 216
store uptime "nnnnnnn" cut 5 zero-head:2
store uptime empty
look
""".split("\n")


def test_what_a_subject_loses_the_library_does_not_find(cross):
    chip = "generic sectors=3 sector=256"
    both = cross(("original", "sequential-storage-8.0.1", chip))
    for reader in ("ours", "theirs"):
        done = both.ask("replay", LOST, both.engine(f"reader={reader}"))
        assert done.returncode == DIVERGED, done.stdout
        assert "psk: expected aaaaaaaaaa, each shows absent" in done.stdout
