"""Two builds on one flash, `new+old`: each other power-on is the other one's."""

import json
import re
import shlex

import pytest
from conftest import ROOT
from harness import CLEAN, DIVERGED, QUEUE_WORK, USAGE, Harness, shared_object

EXAMPLE = (ROOT / "examples/plugin/two_slots.c").read_text()
CHIP = "chip generic sectors=2 sector=128 page=64 unit=4"
WORK = """
store k "kitchen-and-hall"
store k random 20
mount
store k random 30
"""
PAIR = "two-slots+old:two-slots"


@pytest.fixture(scope="module")
def harness(brownout, tmp_path_factory):
    return Harness(brownout, tmp_path_factory.mktemp("pairs"))


def compile_build(harness, name, *changes):
    """The example, each change a pair of texts, every one of which is there."""
    text = EXAMPLE
    for before, after in changes:
        assert before in text
        text = text.replace(before, after)
    return shared_object(harness.folder, name, text, "-O1")


@pytest.fixture(scope="module")
def released(harness):
    return compile_build(harness, "released")


def scenario(engine, work=WORK, chip=CHIP):
    return f"{chip}\nengine {engine}\n{work}"


# --- the same build twice ---

SMALL = "chip generic sectors={} sector={} page=64 unit=4"
TRANSACTIONS = """
begin
store k "new"
store n random 9
commit
snapshot 1
remove n
collect
"""
MAP_WORK = """
store k "1234567890"
repeat 5 as i {
  store n random 1..30
  store m count
}
mount
remove n
clear
store k random 20
format
store m random 20
"""
LOG_WORK = """
repeat 6 as i {
  append random 5..30
  read i % 3
}
sync
mount
append "abc"
clear
append "def"
"""
HOUSE = {
    "seqmap": (3, 128, MAP_WORK), "naive": (3, 128, MAP_WORK), "tickv": (4, 128, MAP_WORK),
    "lsm key=8 value=30": (12, 128, MAP_WORK + TRANSACTIONS), "seqqueue": (3, 128, QUEUE_WORK),
    "seqqueue buffer=20": (5, 128, QUEUE_WORK), "rlog": (4, 128, LOG_WORK),
    "rlog-strict": (4, 128, LOG_WORK), "seqlog": (4, 128, LOG_WORK),
    "seqlog find=pointer": (5, 128, LOG_WORK),
}


def test_every_engine_of_the_house_is_tried(brownout):
    listed = json.loads(brownout("list", "engines", "--json").stdout)
    house = {it["name"] for it in listed if not it["subject"]}
    assert {it.split()[0] for it in HOUSE} == house


@pytest.mark.parametrize("engine", HOUSE)
def test_the_same_build_twice_shows_nothing(harness, engine):
    sectors, size, work = HOUSE[engine]
    name, *options = engine.split()
    both = " ".join([f"{name}+{name}", *options])
    done = harness.explore(scenario(both, work, SMALL.format(sectors, size)))
    assert done.code == CLEAN and done.judged > 200, done.found


# --- what a new build gets wrong ---

PROGRAM = ("if (!error) error = bo_flash_program(store->flash, slot * sector_size(store), "
           "snapshot, length);")
IN_TWO = """uint32_t start = slot * sector_size(store), mark = {mark};
    if (mark > length) mark = length;
    if (!error) error = bo_flash_program(store->flash, start + {first});
    if (!error) error = bo_flash_program(store->flash, start + {second});"""
HEAD, REST = "0, snapshot, mark", "mark, snapshot + mark, length - mark"
CHECKSUM = [("0x2510C0DE", "0x2510C0DF")]
LAYOUT = [
    ("memcmp(setting + 3, key", "memcmp(setting + 3 + get(setting + 1, 2), key"),
    ("memcpy(setting + 3, key", "memcpy(setting + 3 + value_size, key"),
    ("memcpy(setting + 3 + key_size, value", "memcpy(setting + 3, value"),
    ("memcpy(buffer, setting + 3 + key_size", "memcpy(buffer, setting + 3"),
    ("visit(context, setting + 3, setting[0], setting + 3 + setting[0], get(setting + 1, 2))",
     "visit(context, setting + 3 + get(setting + 1, 2), setting[0], setting + 3, "
     "get(setting + 1, 2))"),
]
# The old build programs the header first and relies on the checksum. The new one programs it last,
# and takes a snapshot that has one for whole.
HEADER_FIRST = [(PROGRAM, IN_TWO.format(mark="HEADER + 8", first=HEAD, second=REST))]
TRUSTING = [
    ("if (get(snapshot, 4) != crc32(snapshot + 4, HEADER - 4 + count)) return -1;", ""),
    (PROGRAM, IN_TWO.format(mark="HEADER", first=REST, second=HEAD)),
]
# (clause, what the new build has, what the old one has); each build is right alone.
PLANTED = {
    "another checksum": ("alive", CHECKSUM, []),
    "another layout of a setting": ("durable", LAYOUT, []),
    "a torn snapshot taken for whole": ("atomic", TRUSTING, HEADER_FIRST),
}


def plugins(*words):
    return [word for it in words for word in ("--plugin", it)]


@pytest.mark.parametrize("name", PLANTED)
def test_what_a_new_build_reads_wrongly_is_found_and_replays(brownout, harness, name):
    clause, changes, before = PLANTED[name]
    new, old = compile_build(harness, "new", *changes), compile_build(harness, "old", *before)
    both = plugins(new, f"old:{old}")
    tried = ("--faults", "edge")
    for alone in ("two-slots", "old:two-slots"):
        assert harness.explore(scenario(alone), *both, *tried).code == CLEAN
    found = [*harness.explore(scenario(PAIR), *both, *tried).found,
             *harness.explore(scenario("old:two-slots+two-slots"), *both, *tried).found]
    assert clause in {it.clause for it in found}
    for it in found:
        assert re.search(r"^engine (old:)?two-slots\+(old:)?two-slots$", it.text, re.MULTILINE)
        assert harness.replay(it.path, *both)[0] == it.clause
    # Without the other build there is no verdict.
    done = brownout("replay", found[0].path, "--plugin", new)
    assert done.returncode == USAGE and "unknown engine 'old:two-slots'" in done.stderr


def test_the_line_to_replay_names_both_builds(brownout, harness, released):
    new = compile_build(harness, "new", *CHECKSUM)
    path = harness.write(scenario(PAIR))
    done = brownout("explore", path, *plugins(new, f"old:{released}"), "--quiet", "--artefacts",
                    harness.folder, "--max", 1)
    line = next(line for line in done.stdout.splitlines() if "replay with" in line)
    words = shlex.split(line.split("brownout ")[1])
    assert words[2:] == ["--plugin", str(new), "--plugin", f"old:{released}"]
    again = brownout(*words)
    assert again.returncode == DIVERGED and "on two-slots+old:two-slots" in again.stdout


def test_each_power_on_is_also_that_of_a_roll_back(harness, released):
    """What one build has opened and read the other one must open and read, as it lies there."""
    new = compile_build(harness, "new", *CHECKSUM)
    text = scenario(PAIR, "\nmount\n")
    clause, story = harness.replay(text, *plugins(new, f"old:{released}"))
    assert clause == "alive" and "1  mount of two-slots" in story and "old:" not in story[90:]


def test_power_ons_take_turns_and_so_do_runs(harness, released):
    both = plugins(released, f"old:{released}")
    work = '\nmount\nstore k "a" cut 1 none\nmount\nboot\nmount\n'
    clause, story = harness.replay(scenario(PAIR, work), *both)
    turns = re.findall(r"^ .*(?:mount|boot) of (.*)$", story, re.MULTILINE)
    assert clause is None and turns == ["two-slots", "old:two-slots"] * 2


# --- a power-on with another region or id ---

RING_CHIP = "chip generic sectors=4 sector=256 page=64 unit=4"
PUSHES = "repeat 20 {\n  push count 12\n}\nmount\npop\nmount\nlook\n"


def subject(harness, name, *changes, flags=()):
    text = (ROOT / f"fuzz/subjects/small/{name}.c").read_text()
    for before, after in changes:
        assert before in text
        text = text.replace(before, after)
    return shared_object(harness.folder, f"{name}-{len(changes)}{''.join(flags)}", text, *flags)


@pytest.mark.parametrize("healthy", [False, True])
def test_a_pair_that_does_not_know_its_region_is_found(harness, healthy):
    made = subject(harness, "region_unknown", flags=["-DHEALTHY"] if healthy else [])
    text = scenario("region-unknown+region-unknown", PUSHES, RING_CHIP)
    done = harness.explore(text, "--plugin", made, "--faults", "edge")
    assert done.clauses == (set() if healthy else {"honest"})
    assert done.code == CLEAN if healthy else "mount with " in done.found[0].finding


def test_an_option_binds_where_both_say_so(harness):
    new = subject(harness, "id_unchecked", flags=["-DHEALTHY"])
    none = subject(harness, "id_unchecked", (".binds = true", ".binds = false"))
    for old, clauses in ((none, set()), (subject(harness, "id_unchecked"), {"honest"})):
        for pair in ("id-unchecked+old:id-unchecked", "old:id-unchecked+id-unchecked"):
            text = scenario(pair, PUSHES, RING_CHIP)
            assert harness.explore(text, *plugins(new, f"old:{old}"), "--faults",
                                   "edge").clauses == clauses


def test_what_both_say_of_their_room_is_judged(harness):
    for flags, clauses in (([], {"honest"}), (["-DHEALTHY"], set())):
        made = subject(harness, "space_of_head", flags=flags)
        text = scenario("space-of-head+space-of-head", PUSHES, RING_CHIP)
        assert harness.explore(text, "--plugin", made, "--faults", "edge").clauses == clauses


def test_a_dump_of_a_pair_is_inspected(brownout, harness):
    work = 'append "abc"\nmount\nappend "def"\n'
    path = harness.write(scenario("seqlog+seqlog", work, RING_CHIP))
    image = harness.folder / "of-two.bin"
    assert brownout("run", path, "--image", image).returncode == CLEAN
    chip = RING_CHIP.removeprefix("chip ")
    done = brownout("inspect", image, "--engine", "seqlog+seqlog", "--chip", chip)
    assert done.returncode == CLEAN and "abc" in done.stdout and "def" in done.stdout


def test_work_is_counted_with_both(brownout, harness, released):
    new = compile_build(harness, "new", *CHECKSUM)
    for build, code in ((released, CLEAN), (new, DIVERGED)):
        path = harness.write(scenario(PAIR))
        done = brownout("run", path, *plugins(build, f"old:{released}"))
        assert done.returncode == code, done.stdout + done.stderr


# --- names ---

def refusal(brownout, harness, engine, *words):
    done = brownout("explore", harness.write(scenario(engine)), "--quiet", *words)
    assert (done.returncode, done.stdout) == (USAGE, "")
    return done.stderr


@pytest.mark.parametrize("engine, said", [
    ("seqmap+nobody", "unknown engine 'nobody'"),
    ("nobody+seqmap", "unknown engine 'nobody'"),
    ("seqmap+seqmap+seqmap", "unknown engine 'seqmap+seqmap'"),
    ("seqmap+rlog", "engine seqmap+rlog: the two are not of one kind"),
    ("seqmap+naive work=1", "engine seqmap+naive: needs a work buffer"),
    ("seqmap+original nothing=1", "engine seqmap+original has no option 'nothing'"),
    ("seqmap+", "unknown engine ''"),
])
def test_what_is_no_pair_is_refused(brownout, harness, engine, said):
    assert f":2: {said}" in refusal(brownout, harness, engine)
