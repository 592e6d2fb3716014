"""The model allows what the contract allows: compared with one that keeps whole maps.

The model keeps a set of values for each key. The slow one here keeps a set of whole maps, and does
with each what the contract says: an operation in flight may have happened, or not. The program
under test is model_test.c in its serving mode.
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
    """The model in C. Each request returns (sets, together, digest), or None for a refusal."""

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
        *sets, together, digest = line.split()
        return [frozenset(members.split(",")) for members in sets], together == "1", digest

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

    def mixes(self):
        """The maps whose values are allowed, each for itself."""
        return set(product(*self.sets()))

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
    sets, together, _ = state
    assert sets == slow.sets()
    # Where only some mixes of allowed values are allowed, the model must say that they go together.
    assert together or slow.mixes() == slow.maps


def look(model, slow, choose):
    """Power-on: one of the allowed maps is seen, and everything else is not allowed any more."""
    for key, allowed in enumerate(slow.sets()):
        for value in {ABSENT, *map(str, range(8))} - allowed:
            assert model.ask("settle", key, value) is None
    seen = sorted(slow.maps)[choose % len(slow.maps)]
    slow.maps = {seen}
    for key, value in enumerate(seen):
        answer = model.ask("settle", key, value)
    same(answer, slow)
    return answer


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
    for widened, together in ((0, True), (CLEAR_MAY_STOP, False)):
        model.new(widened)
        for key in range(2):
            model.ask("store", key, 5)
            model.ask("commit")
        sets, keys_together, _ = model.ask("clear")
        assert sets == [{"5", ABSENT}, {"5", ABSENT}, {ABSENT}]
        assert keys_together == together
