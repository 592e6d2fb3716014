"""The model allows what the contract allows: compared with one that keeps whole maps.

The model keeps a set of values for each key, and worlds for what changes several keys together. The
slow one here keeps a set of whole maps, and does with each what the contract says: an operation in
flight may have happened, or not. The program under test is model_test.c in its serving mode.
"""

import os
import subprocess
from itertools import product

import pytest
from conftest import SANITIZER_EXIT, made
from hypothesis import example, given
from hypothesis import strategies as st

KEYS = 3
UPDATE_MAY_LOSE, CLEAR_MAY_STOP = 1, 2
ABSENT = "-"


class Model:
    """The model in C. Each request returns (sets, maps, digest), or None for a refusal."""

    def __init__(self, program):
        environment = {**os.environ, "ASAN_OPTIONS": f"exitcode={SANITIZER_EXIT}"}
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        self.process = subprocess.Popen([str(program), "--serve"], env=environment, **pipes)

    def ask(self, *words):
        print(*words, file=self.process.stdin, flush=True)
        line = self.process.stdout.readline()
        assert line, f"crashed by {words}"
        if line == "no\n":
            return None
        *slots, worlds, digest = line.split()
        slots = [[member.split(":") for member in members.split(",")] for members in slots]
        sets = [frozenset(value for value, _ in members) for members in slots]
        maps = set()
        for world in range(int(worlds)):
            here = [[v for v, mask in members if int(mask, 16) >> world & 1] for members in slots]
            maps |= set(product(*here))
        return sets, maps, digest

    def new(self, widened):
        return self.ask("new", KEYS, widened)


@pytest.fixture(scope="module")
def model(build):
    served = Model(made(build / "test/fuzz/model/model_test"))
    yield served
    served.process.stdin.close()
    assert served.process.wait() == 0


class Slow:
    """Every map that the contract still allows; a map is a tuple of values."""

    def __init__(self, widened):
        self.widened = widened
        self.maps = {(ABSENT,) * KEYS}

    def sets(self):
        return [frozenset(each[key] for each in self.maps) for key in range(KEYS)]

    @staticmethod
    def with_value(maps, key, value):
        return {(*each[:key], value, *each[key + 1 :]) for each in maps}

    def without_some(self, maps):
        return {
            tuple(ABSENT if gone else value for value, gone in zip(each, which))
            for each in maps
            for which in product([False, True], repeat=KEYS)
        }

    def outcome(self, kind, key, value):
        if kind == "clear":
            return {(ABSENT,) * KEYS}
        return self.with_value(self.maps, key, value if kind == "store" else ABSENT)

    def in_flight(self, kind, key, value):
        maps = self.maps | self.outcome(kind, key, value)
        if kind == "store" and self.widened & UPDATE_MAY_LOSE:
            maps |= self.with_value(self.maps, key, ABSENT)
        if kind == "clear" and self.widened & CLEAR_MAY_STOP:
            maps |= self.without_some(self.maps)
        return maps


def same(state, slow):
    sets, maps, _ = state
    assert sets == slow.sets()
    assert maps == slow.maps


def look(model, slow, choose):
    """Power-on: one of the allowed maps is seen, and everything else is not allowed any more."""
    for key, allowed in enumerate(slow.sets()):
        for value in {ABSENT, *map(str, range(8))} - allowed:
            assert model.ask("settle", key, value) is None
    # A mix of what is allowed for each key, but not together, is half of something.
    for half in sorted(set(product(*slow.sets())) - slow.maps)[:1]:
        assert model.ask("look", 0, ",".join(half)) is None
        slow.maps = {half}
        return
    seen = sorted(slow.maps)[choose % len(slow.maps)]
    slow.maps = {seen}
    if choose % 2:
        same(model.ask("look", 0, ",".join(seen)), slow)
        return
    for key, value in enumerate(seen):
        answer = model.ask("settle", key, value)
    same(answer, slow)


OPERATION = st.tuples(
    st.sampled_from(["store", "store", "store", "remove", "clear"]),
    st.integers(0, KEYS - 1),
    st.integers(0, 7).map(str),
)
END = st.one_of(st.just("commit"), st.just("abort"), st.integers(0, 99))
STEPS = st.lists(st.tuples(OPERATION, END, st.integers(0, 9)), max_size=25)


@given(st.integers(0, 3), STEPS)
@example(0, [(("store", 0, "1"), "commit", 0), (("clear", 0, "0"), 1, 1)])
@example(3, [(("store", 0, "1"), "commit", 0), (("store", 0, "2"), 2, 1)])
def test_a_model_of_whole_maps_agrees(model, widened, steps):
    slow = Slow(widened)
    same(model.new(widened), slow)
    for (kind, key, value), end, doubt in steps:
        if doubt == 0:
            slow.maps = slow.without_some(slow.maps)
            same(model.ask("doubt"), slow)
        before = slow.maps
        if end == "commit":
            slow.maps = slow.outcome(kind, key, value)
        elif end != "abort":
            slow.maps = slow.in_flight(kind, key, value)
        answer = model.ask(kind, key, value)
        if end in ("commit", "abort"):
            answer = model.ask(end)
        same(answer, slow)
        if end not in ("commit", "abort"):
            look(model, slow, end)
        elif end == "abort":
            assert slow.maps == before


@given(st.integers(0, 3), STEPS, STEPS)
def test_digests_are_equal_when_and_only_when_the_sets_are(model, widened, first, second):
    digests, sets = {}, {}
    for steps in (first, second):
        model.new(widened)
        for (kind, key, value), end, _ in steps:
            answer = model.ask(kind, key, value)
            if end == "abort":
                answer = model.ask("abort")
            elif isinstance(end, int) and kind != "clear" and not widened & UPDATE_MAY_LOSE:
                answer = model.ask("settle", key, ABSENT if kind == "remove" else value)
            else:
                answer = model.ask("commit")
            state, digest = tuple(answer[0]), answer[2]
            assert digests.setdefault(state, digest) == digest
            assert sets.setdefault(digest, state) == state


def test_a_clear_that_may_not_stop_half_way_is_all_or_nothing(model):
    both = {("5", "5", ABSENT), (ABSENT, ABSENT, ABSENT)}
    for widened, maps in ((0, both), (CLEAR_MAY_STOP, set(product("5-", "5-", ABSENT)))):
        model.new(widened)
        for key in range(2):
            model.ask("store", key, 5)
            model.ask("commit")
        assert model.ask("clear")[1] == maps


# --- transactions ---

CHANGES = st.lists(st.tuples(st.integers(0, KEYS - 1), st.sampled_from("-0123")), max_size=4)
# How a transaction ends: it is never committed, the commit is refused, answered or cut.
ENDS = st.sampled_from(["undo", "refuse", "commit", "cut", "cut", "lose"])
# What follows a cut: nothing is read, one key is, or all are; and a plain store in between.
AFTER = st.tuples(st.sampled_from(["wait", "wait", "read", "look"]), st.integers(0, 99))


def transact(model, slow, changes, end):
    """The maps that are allowed then; the digest's own test is above."""
    before, after = slow.maps, slow.maps
    model.ask("begin")
    model.ask("commit")
    for key, value in changes:
        after = slow.with_value(after, key, value)
        model.ask(*(("remove", key) if value == ABSENT else ("store", key, value)))
        same(model.ask("commit"), slow)  # nobody sees it
    if end == "undo":
        model.ask("undo")
        model.ask("commit")
    elif end != "lose":
        slow.maps = before | after
        same(model.ask("finish"), slow)
    if end == "commit":
        slow.maps = after
        model.ask("commit")
    if end == "refuse":
        slow.maps = before
        model.ask("abort")
    return end in ("cut", "lose")


@given(st.lists(st.tuples(CHANGES, ENDS, AFTER), max_size=8))
@example([([(0, "1"), (1, "1")], "cut", ("wait", 0)), ([(1, "2"), (2, "2")], "cut", ("look", 1))])
@example([([(0, "1"), (1, "1")], "cut", ("wait", 0)), ([(1, "2")], "commit", ("read", 1))])
def test_a_transaction_is_there_as_a_whole_or_not_at_all(model, steps):
    slow = Slow(0)
    model.new(0)
    for changes, end, (then, choose) in steps:
        cut = transact(model, slow, changes, end)
        waits = cut and model.ask("wait") is not None
        if cut and (then == "look" or not waits):
            look(model, slow, choose)
        elif then == "read":
            key = choose % KEYS
            value = sorted(slow.sets()[key])[choose % len(slow.sets()[key])]
            slow.maps = {each for each in slow.maps if each[key] == value}
            same(model.ask("settle", key, value), slow)
        elif choose % 3 == 0:
            slow.maps = slow.with_value(slow.maps, choose % KEYS, "7")
            model.ask("store", choose % KEYS, 7)
            same(model.ask("commit"), slow)
