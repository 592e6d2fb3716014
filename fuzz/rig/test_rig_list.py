"""What the rig asks of queues and logs, shown on small ones without a fault (fuzz/subjects).

The tests of those subjects show the divergences that their faults lead to. Here is what is no
divergence: a sound engine, a scenario that is wrong, an operation that is refused.
"""

import re

import pytest
from harness import CLEAN, NOT_JUDGED, USAGE, Harness

CHIP = "chip generic sectors=4 sector=256 page=256 unit=4\n"
QUEUE = CHIP + "engine canary-queue fault=0\n"
LOG = CHIP + "engine canary-log fault=0\n"
BATCH = CHIP + "engine canary-log fault=0 batch=3\n"
MAP = CHIP + "engine naive\n"
FRONT = CHIP + "engine seqqueue buffer=40\n"

# Items of equal bytes and of none, some in RAM, both ways of dropping, pops out of their order.
MIXED = {
    QUEUE: """
repeat 9 as i {
  push fill i % 2 9
  append "same"
}
pop 2
push empty
pop
append fill 3 100
append "same"
clear
push "same"
pop
look
""",
    LOG: """
repeat 30 as i {
  append fill i % 2 20
}
append empty
read 0
mount
append "same"
append "same"
clear
append "same"
look
""",
    BATCH: """
repeat 9 as i {
  append fill i % 2 20
  append "same"
}
sync
append "same"
mount
append "same"
append count 60
seal
look
""",
    FRONT: """
repeat 3 {
  push "same"
  push fill 2 30
  push empty
  push "last"
  pop 2
  pop
  pop
  idle
  push fill 3 60
  push "same"
  push fill 4 30
  pop 1
  sync
  push "same"
  push empty
  pop
  push "same"
  clear
}
push "same"
pop 1
pop
look
""",
}


@pytest.fixture(params=["sanitized", "ordinary"])
def brownout(request, brownout, quick):
    """Both builds: only the ordinary one weighs the heap."""
    return brownout if request.param == "sanitized" else quick


@pytest.fixture
def harness(brownout, tmp_path):
    return Harness(brownout, tmp_path)


@pytest.fixture
def printed(brownout, harness):
    """printed(text) runs and explores a scenario: its exit code, and all that both printed."""

    def both(text):
        path = harness.write(text)
        ran = brownout("run", path)
        explored = brownout("explore", path, "--quiet", "--faults", "edge")
        judged = explored.returncode if explored.returncode != NOT_JUDGED else CLEAN
        assert ran.returncode == judged
        return ran.returncode, ran.stdout + ran.stderr + explored.stdout + explored.stderr

    return both


@pytest.mark.parametrize("head", MIXED)
def test_a_sound_engine_is_clean(harness, head):
    explored = harness.explore(head + MIXED[head], "--faults", "edge,prefix")
    assert explored.found == [] and explored.judged > 400
    deep = harness.explore(head + MIXED[head], "--faults", "edge", "--depth", 2, "--reach", 2)
    assert deep.found == [] and deep.judged > 40


# --- what the scenario itself says ---

CLAIMS = [
    (QUEUE, 'push "a"\npush "b"\n', "oldest", '"a"', '"b"'),
    (QUEUE, 'push "a"\npush "b"\n', "newest", '"b"', '"a"'),
    (QUEUE, 'push "a"\npop\n', "oldest", "absent", '"a"'),
    (QUEUE, 'push "a"\npop\n', "newest", "absent", '"a"'),
    (QUEUE, "push empty\n", "oldest", "empty", "absent"),
    (LOG, 'append "a"\nappend "b"\n', "oldest", '"a"', "absent"),
    (LOG, 'append "a"\nappend "b"\nmount\n', "newest", '"b"', '"bb"'),
    (BATCH, 'append "a"\nsync\nappend "b"\nsync\n', "newest", '"b"', '"a"'),
]


@pytest.mark.parametrize("head, work, word, right, wrong", CLAIMS)
def test_a_wrong_word_on_an_item_is_a_mistake_and_its_line_is_named(
    printed, head, work, word, right, wrong
):
    code, _ = printed(f"{head}{work}{word} {right}\n")
    assert code == CLEAN
    code, text = printed(f"{head}{work}{word} {wrong}\nlook\n")
    assert code == USAGE
    line = (head + work).count("\n") + 1
    assert len(re.findall(f"it.scn:{line}: the scenario expects .* as the {word}, ", text)) == 2


def test_a_mistake_names_the_refusal_that_may_explain_it(printed):
    code, text = printed(LOG + 'append "a"\npush "b"\nnewest "b"\n')
    assert code == USAGE
    assert "expects b as the newest, its own operations leave a; line 4: push answers" in text


def test_a_mistake_about_a_snapshot_names_the_refusal_too(printed):
    head = "chip w25q16jv sectors=16 sector=256\nengine lsm key=8 value=8\n"
    code, text = printed(head + 'store a fill 1 9\nsnapshot 1\nexpect a "x" in 1\n')
    assert code == USAGE
    assert "its own operations leave absent; line 3: store answers too big" in text


def test_after_a_cut_the_word_of_the_scenario_is_not_asked(harness):
    text = QUEUE + 'push "a"\npush "b" cut 1 none\nmount\nnewest "b"\n'
    clause, _ = harness.replay(text)
    assert clause is None


@pytest.mark.parametrize("head", [QUEUE, LOG])
@pytest.mark.parametrize("operation", ['store k "v"', "fetch k", "remove k", 'expect k "v"'])
def test_an_operation_of_a_map_is_a_mistake(printed, head, operation):
    code, text = printed(f"{head}look\n{operation}\n")
    assert code == USAGE
    assert text.count(f"it.scn:4: {operation.split()[0]} is no operation of canary-") == 2


@pytest.mark.parametrize("operation", ['push "a"', 'append "a"', "pop", "peek", "read 0", "sync"])
def test_an_operation_of_a_list_is_a_mistake_for_a_map(printed, operation):
    code, text = printed(f"{MAP}look\n{operation}\n")
    assert code == USAGE
    assert text.count(f"it.scn:4: {operation.split()[0]} is no operation of naive, a map") == 2


# --- refusals ---

REFUSED = [
    (QUEUE, "repeat 20 {\n  push fill 1 60\n}\n", 12, "line 4: push answers full"),
    (QUEUE, "push fill 1 250\n", 1, "line 3: push answers too big"),
    (QUEUE, "append fill 1 250\n", 1, "line 3: append answers too big"),
    (QUEUE, 'push "a"\nread 0\n', 1, "line 4: read answers unsupported"),
    (LOG, 'push "a"\npush "a"\n', 2, "line 3: push answers unsupported"),
    (LOG, 'append "a"\npop\npeek\n', 2, "line 4: pop answers unsupported"),
]


@pytest.mark.parametrize("head, work, count, text", REFUSED)
def test_what_is_refused_is_counted_and_is_no_divergence(printed, head, work, count, text):
    takes = 'append "a"\n' if head == LOG else 'push "a"\n'  # else nothing is judged
    code, out = printed(head + work + takes + "look\n")
    assert code == CLEAN
    assert re.search(rf"refused +{count}; {text}\n", out), "run"
    assert f"{count} operations were refused; {text}\n" in out, "explore"


@pytest.mark.parametrize("operation", ['push "a"', 'push "a"\nappend "a"', 'append "a"\npop'])
def test_a_call_that_the_engine_lacks_is_not_made_in_search_of_a_leak(quick, tmp_path, operation):
    path = tmp_path / "lacks.scn"
    path.write_text(f"{LOG}{operation}\n")
    done = quick("explore", path, "--quiet", "--faults", "edge", "--artefacts", tmp_path)
    assert done.returncode in (CLEAN, NOT_JUDGED), done.stdout


@pytest.mark.parametrize("work", ["pop\n", "peek\n", 'push "a"\npop 1\n', "sync\nseal\nidle\n"])
def test_nothing_to_give_and_nothing_to_do_are_no_refusals(printed, work):
    code, out = printed(QUEUE + 'push "b"\npop\n' + work)
    assert code == CLEAN and "refused" not in out


@pytest.mark.parametrize("head", [QUEUE, LOG, BATCH])
def test_what_the_exercise_is_refused_is_not_counted(printed, head):
    code, out = printed(head + 'append "a"\nuse\nlook\n')
    assert code == CLEAN and "refused" not in out


# Parts and options on which a queue neither pops nor appends, as its header says.
REFUSING = {
    "buffer=3": "sectors=3 sector=384 page=128 unit=8 read=2 programs=1",
    "buffer=1": "sectors=3 sector=512 page=64 unit=32 read=32 programs=1",
}


@pytest.mark.parametrize("option", REFUSING)
def test_the_exercise_asks_for_nothing_that_a_fresh_one_does_not_do(printed, option):
    code, out = printed(f"chip generic {REFUSING[option]}\nengine seqqueue {option}\nmount\nuse\n")
    assert code == CLEAN and "no divergence" in out


# `idle` prepares the next sector while an item waits in RAM; the item goes to the sector before.
AHEAD = """chip generic sectors=3 sector=128 page=128 unit=4
engine rlog batch=1

append fill 1 29
%sappend "E"
append fill 2 55
append fill 3 35
append fill 4 48 cut 1 none
append "Z"
look
"""


@pytest.mark.parametrize("idle", ["", "idle\n"])
def test_work_ahead_is_no_item_that_waited(harness, idle):
    assert harness.replay(AHEAD % idle)[0] is None


# Without the cut the second large item is refused. It takes the room of the one that was lost.
FULLER = """chip generic sectors=3 sector=192 page=192 unit=8 read=8 programs=1
engine seqqueue pointers=1 buffer=13

push empty
push fill 2 153
push "cccccccccccc" cut 1 none
push fill 4 145
push "i"
%s
"""


@pytest.mark.parametrize("brings", ["sync", "seal", "idle"])
def test_a_queue_that_is_fuller_after_a_cut_need_not_take_what_waits_in_ram(harness, brings):
    assert harness.replay(FULLER % brings)[0] is None


@pytest.mark.parametrize("item", ["empty", '"e"'])
def test_items_that_a_pop_brought_to_the_flash_may_be_there_after_a_cut(harness, item):
    work = f'push "c"\npush "d"\npush {item}\npop 2\npop cut 1 none\n'
    assert harness.replay(FRONT + work)[0] is None


# After the cut nothing shows in which of the two sectors the item without data lies.
EQUAL = """chip generic sectors=2 sector=256 unit=32
engine seqqueue

push empty
push fill 2 65
push empty
push empty
push "e"
clear cut 4 none
push fill 7 65
append fill 8 33
mount
"""


def test_of_equal_items_any_may_be_the_one_that_is_dropped(harness):
    assert harness.replay(EQUAL)[0] is None


# The first items come to lie in the first sector that is ever programmed. The run with cuts is the
# second one, on a chip that is blank again.
SECOND_RUN = """chip generic sectors=4 sector=512 page=64 unit=16
engine canary-log batch=6
append "B"
append "I"
append "O"
append "V"
append "W"
append fill 1 64
append fill 2 100
append fill 3 100
append fill 4 100
append fill 5 76
append fill 6 100
append empty
mount
use
"""


def test_each_run_of_an_exploration_begins_with_an_empty_model(harness):
    explored = harness.explore(SECOND_RUN, "--faults", "bits", "--no-shrink")
    assert "durable" in [it.clause for it in explored.found], "each is found, and replays"


# Seven items go to the flash in the last append, and the first of them are gone at its end.
GONE_AT_ONCE = """chip generic sectors=3 sector=160 page=160 unit=16 tear=2
engine canary-log fault=0 batch=7
append empty
append empty
append empty
append empty
append "eeeeeeeeeeeeeeee"
append "fffffffffffffffffffffffffffffff"
append "ssssssssssssssss"
append empty
look
"""


def test_what_waited_may_be_dropped_in_the_call_that_puts_it_to_the_flash(harness):
    assert harness.replay(GONE_AT_ONCE)[0] is None


# --- what is asked ---


def oldest(brownout, harness, count):
    """The number, from 1, of the oldest item after `count` appends."""
    text = f"{LOG}repeat {count} {{\n  append count\n}}\noldest 0xffffffff\n"
    done = brownout("run", harness.write(text))
    assert done.returncode == USAGE
    return int.from_bytes(bytes.fromhex(re.search("leave 0x(.{8})", done.stderr)[1]), "little")


def test_a_log_that_is_overwritten_gives_up_whole_sectors(brownout, harness):
    numbers = [oldest(brownout, harness, count) for count in range(1, 90)]
    steps = [after - before for before, after in zip(numbers, numbers[1:])]
    dropped = {step for step in steps if step}
    assert numbers[0] == 1 and len(dropped) == 1, steps
    in_sector = dropped.pop()
    assert in_sector > 5 and steps.count(in_sector) >= 2
    # As the rig sees it, too: one item more or fewer is a mistake of the scenario.
    first = steps.index(in_sector) + 2
    laps = f"{LOG}repeat {first} {{\n  append count\n}}\n"
    explored = harness.explore(f"{laps}oldest 0x{in_sector + 1:02x}000000\n", "--faults", "edge")
    assert explored.found == []
