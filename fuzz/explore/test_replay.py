"""A replay shows what was recorded, and a shrunk case is as small as it gets and no other bug."""

import re

import pytest
from conftest import ROOT
from harness import CLEAN, DIVERGED, LOG_WORK, QUEUE_WORK, Harness, cuts, operations

# Explored on the part and with the faults that show some, and shrunk again here.
SUBJECTS = {
    "canary fault=5": ("edge", "generic sectors=2 sector=128 page=128 unit=4"),
    "canary fault=6": ("edge,zeros", "generic sectors=2 sector=128 page=128 unit=4"),
    "canary fault=16": ("edge,prefix", "generic sectors=2 sector=128 page=128 unit=8"),
    "original": ("edge,bits", "generic sectors=2 sector=128 page=128"),
    "original key=1": ("edge,bits", "generic sectors=3 sector=128 page=64 unit=8 programs=1"),
    "canary-queue fault=3": ("edge", "generic sectors=3 sector=128 page=128 unit=4"),
    "canary-queue fault=4": ("edge,prefix", "generic sectors=3 sector=128 page=128 unit=4"),
    "canary-log fault=14": ("edge,bits", "generic sectors=3 sector=128 page=128 unit=4"),
}
MAP = """
store a random 20
repeat 5 as i {
  store b random 5..25
  store a fill i 10
}
look
"""
KEPT = sorted((ROOT / "scenarios/cases").glob("*.case"))


@pytest.fixture(scope="module")
def harness(brownout, tmp_path_factory):
    return Harness(brownout, tmp_path_factory.mktemp("replay"))


@pytest.fixture(scope="module", params=SUBJECTS)
def explored(request, harness):
    """The cases of one subject, as they were found and shrunk."""
    faults, chip = SUBJECTS[request.param]
    name = request.param.split()[0]
    workload = {"canary-queue": QUEUE_WORK, "canary-log": LOG_WORK}.get(name, MAP)
    text = f"chip {chip}\nengine {request.param}\n{workload}"
    words = ("--faults", faults, "--masks", 32, "--max", 6)
    found = harness.explore(text, *words, "--no-shrink").found
    shrunk = harness.explore(text, *words).found
    assert found and shrunk
    return found, shrunk


def test_a_case_replays_to_the_clause_and_the_words_it_was_recorded_with(harness, explored):
    for found in [*explored[0], *explored[1]]:
        clause, story = harness.replay(found.path)
        assert clause == found.clause
        assert f"clause {clause}: {found.finding}" in story
        assert f"recorded: clause {clause}, {found.finding}" in story
        assert "warning" not in story


def test_a_replay_tells_each_operation_and_each_cut(harness, explored):
    for found in explored[1]:
        _, story = harness.replay(found.path)
        numbers = [int(n) for n in re.findall(r"(?m)^ {0,3}(\d+)  [a-z]", story)]
        assert numbers == list(range(1, len(numbers) + 1))
        assert len(numbers) <= len(operations(found.text))
        assert story.count("POWER IS CUT") == len(cuts(found.text))


def test_a_quiet_replay_says_the_same_in_a_line(harness, explored):
    for found in explored[1]:
        clause, told = harness.replay(found.path, "--quiet")
        assert clause == found.clause
        assert len(told.splitlines()) == 3


def shrink(harness, path):
    done = harness.brownout("shrink", path)
    assert done.returncode == DIVERGED, done.stderr
    return done.stdout


def test_shrinking_never_changes_the_clause(harness, explored):
    for found in explored[0]:
        text = shrink(harness, found.path)
        assert re.search(r"(?m)^found (\w+)", text)[1] == found.clause
        assert harness.replay(text)[0] == found.clause
        assert len(operations(text)) <= len(operations(found.text))


def test_a_shrunk_case_shrinks_to_itself(harness, explored):
    for found in explored[1]:
        assert shrink(harness, found.path) == found.text


def test_a_shrunk_case_has_a_few_operations_and_cuts(explored):
    """A power-on without a look takes a change and a look more to show anything."""
    for found in explored[1]:
        most = 7 if "boot" in operations(found.text) else 5
        assert len(operations(found.text)) <= most, found.text
        assert len(cuts(found.text)) <= 2


def test_no_line_of_a_shrunk_case_can_go(harness, explored):
    for found in explored[1]:
        head, body = found.text.split("\n\n", 1)
        lines = body.splitlines()
        for gone in range(len(lines)):
            rest = lines[:gone] + lines[gone + 1 :]
            clause, told = harness.replay("\n".join([head, "", *rest, ""]), "--quiet")
            same = clause == found.clause and "another kind" not in told
            assert not same or "did not take place" in told


def test_a_case_prints_back_to_itself(harness, explored):
    for found in explored[1]:
        done = harness.brownout("print", found.path)
        assert done.returncode == CLEAN and done.stdout == found.text


def test_a_replay_tells_the_flash_call_that_broke_a_rule(harness):
    chip = "chip generic sectors=2 sector=128 page=128 unit=8 programs=1\nengine original key=1\n"
    _, story = harness.replay(chip + "\nstore a empty cut 1 only:0\nmount\nstore a empty\n")
    *_, store, refused, finding, _ = story.splitlines()
    assert store.endswith("store a = empty") and "clause lawful" in finding
    assert refused.split() == ["program", "0x00000", "8", "bytes", "IS", "REFUSED:", "reprogram"]


def test_a_call_that_fails_leaves_the_power_on_and_the_replay_says_what_it_left(harness):
    chip = "chip generic sectors=2 sector=128 page=128 unit=4\nengine canary fault=19\n"
    told = "store a 0x01\nstore a 0x02 fail 2 done\nlook\nmount\n"
    clause, story = harness.replay(chip + "\n" + told)
    lines = [line.strip() for line in story.splitlines()]
    failed = lines.index("THIS PROGRAM FAILS; what it leaves: done")
    assert lines[failed + 1].endswith("look") and "POWER" not in story
    assert clause == "durable" and lines[-1].endswith("each shows 0x02")
    sound, _ = harness.replay(chip.replace("19", "0") + "\n" + told)
    assert sound is None


def test_a_run_says_that_a_cut_of_its_text_did_not_take_place(harness):
    head = "chip generic sectors=2 sector=128 page=128 unit=4\nengine seqmap\n\nstore a 0x01"
    for cut, missed in (("", False), (" cut 1 none", False), (" cut 9 none", True)):
        told = harness.brownout("run", harness.write(f"{head}{cut}\n")).stdout
        assert ("1 of the cuts did not take place" in told) == missed
        assert told.endswith("  no divergence\n")


def test_a_program_that_lies_leaves_the_power_on_and_nobody_knows_until_it_is_read(harness):
    head = "chip generic sectors=2 sector=128 page=128 unit=4\nengine seqmap\n\nstore a 0x01\n"
    clause, story = harness.replay(head + "store a 0x02 lie 2 none\nmount\n")
    lines = [line.strip() for line in story.splitlines()]
    lied = lines.index("THIS PROGRAM ANSWERS OK AND LIES; what it leaves: none")
    assert lines[lied + 1].endswith("mount") and "POWER" not in story
    assert clause == "durable" and lines[-1].endswith("each shows 0x01")
    assert harness.replay(head + "store a 0x02 lie 9 none\nmount\n")[0] is None


def test_a_program_that_strays_is_done_and_what_it_hit_is_told(harness):
    head = "chip generic sectors=2 sector=128 page=128 unit=4\nengine seqmap\nfaults stray\n\n"
    head += 'store a "x"\nstore a "y"\n'
    clause, story = harness.replay(head + "store b empty stray 1 at:11b:255\nmount\n")
    lines = [line.strip() for line in story.splitlines()]
    hit = lines.index("THIS PROGRAM IS DONE AND STRAYS: at:11b:255")
    assert lines[hit + 1].startswith("0x0001b was 79") and "POWER" not in story
    assert clause == "honest" and lines[-1].endswith("a: expected y or absent, each shows x")
    assert harness.replay(head + "store b empty stray 9 at:11b:255\nmount\n")[0] is None


HIT_HEAD = """chip mt25ql128 sectors=3 sector=128 page=128
engine rlog
faults stray

append fill 0x6e 32
append fill 0x6b 72
append fill 0x6e 61
idle
mount
append empty stray 3 at:c21:1
look
mount
"""


def test_what_a_look_misses_after_a_stray_a_power_on_may_find_in_an_older_place(harness):
    """The head is hit: what was moved there is gone until the sectors before it are read again."""
    clause, story = harness.replay(HIT_HEAD)
    assert clause is None and story.splitlines()[-2].endswith(" 1 item, oldest first: 61 bytes 6e")


NAIVE = "chip generic sectors=2 sector=64 page=64\nengine naive\n\nstore a 0x01\n"


def test_a_read_that_goes_wrong_is_told_with_what_came_and_the_next_one_is_right(harness):
    clause, story = harness.replay(NAIVE + "fetch a glitch 1 erased\n")
    assert clause == "durable" and "fetch shows absent" in story
    assert "THE READ of 8 bytes at 0x00000 GOES WRONG: erased" in story
    clause, story = harness.replay(NAIVE + "fetch a glitch 1 error\nfetch a\nmount\n")
    assert clause is None and "GOES WRONG: error" in story and "holds a = [01]" in story
    clause, story = harness.replay(NAIVE + "fetch a glitch 99 error\n")
    assert clause is None and "1 of the cuts did not take place" in story


def test_a_replay_that_shows_another_kind_says_so(harness):
    text = (ROOT / "scenarios/cases/source-half-zeroed.case").read_text()
    case = re.sub(r"(?m)^engine .*", "engine original", re.sub(r"(?m)^found .*\n", "", text))
    head, body = case.split("\n\n", 1)
    found = 'found alive refused mount recovery "mount: expected ok, got damaged"'
    clause, told = harness.replay(f"{head}\n{found}\n\n{body}", "--quiet")
    assert clause and "warning: another kind; recorded: alive/refused/mount" in told


def test_a_replay_of_a_queue_tells_items_and_places(harness):
    chip = "chip generic sectors=3 sector=128 page=128 unit=4\nengine canary-queue fault=0\n\n"
    text = chip + 'push "one"\npush "two"\npush empty\npop 1\npeek\nmount\npop\npop\npop\nmount\n'
    clause, story = harness.replay(text)
    told = [line.strip() for line in story.splitlines() if " 0x" not in line][1:]
    assert clause is None
    assert [re.sub(r"^\d+  ", "", line) for line in told if line] == [
        "push one", "push two", "push empty", "pop 1: two", "peek: one", "mount",
        "holds 2 items, oldest first: one, empty", "pop: one", "pop: empty", "pop: nothing",
        "mount", "holds nothing", "no divergence",
    ]  # fmt: skip


def test_a_replay_tells_both_ends_of_a_long_queue(harness):
    chip = "chip generic\nengine canary-queue fault=0\n\n"
    text = chip + "repeat 30 as i {\npush fill i 1\n}\nmount\n"
    _, story = harness.replay(text)
    ends = "[00], [01], [02], [03], [04], [05], .., [18], [19], [1a], [1b], [1c], [1d]"
    assert f"holds 30 items, oldest first: {ends}" in story


# --- when the engine has changed ---


@pytest.mark.parametrize("path", KEPT, ids=lambda path: path.stem)
def test_no_warning_while_the_calls_are_those_that_were_recorded(harness, path):
    assert "warning" not in harness.replay(path)[1]


def test_a_warning_when_the_calls_before_the_cut_are_others(harness):
    text = (ROOT / "scenarios/cases/source-half-zeroed.case").read_text()
    other = text.replace("0x61", "0x62")
    assert other != text
    assert "no longer those" in harness.replay(other)[1]


def test_a_warning_when_a_cut_does_not_take_place(harness):
    text = (ROOT / "scenarios/cases/source-half-zeroed.case").read_text()
    later = re.sub(r"cut \d+", "cut 99", text)
    clause, told = harness.replay(later)
    assert clause is None
    assert "1 of the cuts did not take place" in told


def test_a_clear_that_failed_is_looked_at_before_the_next_pop(harness):
    chip = "chip generic sectors=1 sector=32 page=32 tear=2\nengine seqqueue\n\n"
    told = 'append empty\nappend "b"\nclear fail 1 done\npop\nlook\nmount\n'
    clause, _ = harness.replay(chip + told)
    assert clause is None
