"""The model of queues and logs allows what the contract allows: compared with a slow one.

The slow model keeps every sequence of items that may be on the flash now, one by one, and does with
each what the contract says. Where an append dropped something, or power went, that is a set; a look
picks one of it. The program under test is model_list_test.c in its serving mode; it has a chip of
four sectors, whose programs and erases show the model where items lie.
"""

import os
import subprocess
from dataclasses import dataclass, field, replace
from itertools import combinations

import pytest
from conftest import SANITIZER_EXIT, made
from hypothesis import example, given, settings
from hypothesis import strategies as st

SECTORS = 4
VALUES = 3  # few, so that items of equal bytes are common
ITEMS_MAX = 6
HELD, PENDING = "H", "PB"  # states: P pending, B pending and old


class Model:
    """The model in C. Each request returns (items, flags, digest), or None for a refusal; an item
    is (value, time, state, number or -1, shown)."""

    def __init__(self, program):
        environment = {**os.environ, "ASAN_OPTIONS": f"exitcode={SANITIZER_EXIT}"}
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        self.process = subprocess.Popen([str(program), "--serve"], env=environment, **pipes)

    def ask(self, *words):
        return self.ask_all([words])[0]

    def ask_all(self, requests):
        """Several at once, which is faster."""
        text = "".join(" ".join(map(str, words)) + "\n" for words in requests)
        self.process.stdin.write(text)
        self.process.stdin.flush()
        return [self.answer(words) for words in requests]

    def answer(self, words):
        line = self.process.stdout.readline()
        assert line, f"crashed by {words}"
        if line == "no\n":
            return None
        *items, flags, digest = line.split()
        return [self.item(text) for text in items], int(flags), digest

    @staticmethod
    def item(text):
        value, time, state, number, shown = text.split(":")
        return int(value), int(time), state, int(number), shown == "1"


@pytest.fixture(scope="module")
def model(build):
    served = Model(made(build / "test/fuzz/model/model_list_test"))
    yield served
    served.process.stdin.close()
    assert served.process.wait() == 0


@dataclass(frozen=True)
class Design:
    numbered: bool = False
    buffers: bool = False
    drops_in_part: bool = False
    clears_in_part: bool = False
    open: bool = False
    ahead: int = 0

    def words(self):
        return [int(getattr(self, name)) for name in self.__dataclass_fields__]


@dataclass(frozen=True)
class World:
    """One sequence that is allowed: (time, number) of each item, oldest first. Numbers count from
    where a look finds them to begin, `bound` once one has."""

    items: tuple = ()
    next: int = 0
    bound: bool = False

    def times(self):
        return tuple(time for time, _ in self.items)

    def without(self, times):
        return replace(self, items=tuple(item for item in self.items if item[0] not in times))

    def put(self, time):
        return replace(self, items=(*self.items, (time, self.next)), next=self.next + 1)

    def shifted(self, by):
        items = tuple((time, number + by) for time, number in self.items)
        return World(items, self.next + by, True)


def by_items(world):
    return world.items, world.next, world.bound


def subsets(times):
    times = sorted(times)
    return [set(some) for n in range(len(times) + 1) for some in combinations(times, n)]


@dataclass
class Slow:
    """Every sequence that the contract allows."""

    design: Design
    worlds: set = field(default_factory=lambda: {World()})
    values: dict = field(default_factory=dict)  # of each item that may be there, by its time
    clock: int = 0
    waiting: list = field(default_factory=list)  # in RAM, or in flight as power went
    undecided: set = field(default_factory=set)  # may come and go until the next change
    places: dict = field(default_factory=dict)  # the first sector where an item may lie
    dangers: dict = field(default_factory=dict)  # sectors whose erase drops an item
    dropped: list = field(default_factory=list)  # items that may have been, the oldest first
    head: int = None  # the sector of the last program that put something in
    erased: set = field(default_factory=set)  # items in such a sector
    hidden: set = field(default_factory=set)  # undecided items that the last look did not see
    appending: bool = False
    clearing: bool = False
    programmed: int = None  # the sector of the last program of the operation
    open: bool = False
    erases: int = 0
    then: int = 0  # erases at the first program of the operation
    first: int = None  # the sector of that program
    since: dict = field(default_factory=dict)  # erases when an item came to lie somewhere first
    resumes: bool = False  # power was off since the last append
    doubted: set = field(default_factory=set)  # items that may be missing for another reason
    laxer: bool = False  # the model in C keeps less than this one, and may accept more

    # --- operations ---

    def begin(self, kind, number):
        """`number`: of a value or of a place."""
        self.before, self.kind, self.time = self.worlds, kind, None
        if self.clearing:
            self.laxer = True
        if kind in ("push", "append"):
            self.put(number)
            self.appending = self.appending or kind == "append"
        elif kind == "pop" and number < len(self.shown()):
            self.time = self.shown()[number]
            self.worlds = self.worlds | {w.without({self.time}) for w in self.worlds}
        elif kind == "clear":
            self.clearing = True
            self.worlds = self.worlds | {World()}
            if self.design.clears_in_part:
                self.doubt()

    def put(self, value):
        self.clock += 1
        self.time = self.clock
        waited = {w for w in self.worlds if set(self.waiting) <= set(w.times())}
        self.worlds = self.worlds | {w.put(self.time) for w in waited}
        if self.open:
            self.come_and_go()
        self.values[self.time] = value
        self.waiting.append(self.time)

    def shown(self):
        return [time for time in sorted(self.values) if time not in self.hidden]

    def commit(self):
        changes = getattr(self, "commit_" + self.kind)()
        if changes:
            self.open = self.clearing = False

    def commit_push(self):
        if self.design.buffers:
            return False
        self.appending = False
        self.worlds = {w for w in self.worlds if self.time in w.times()}
        self.waiting = []
        return True

    commit_append = commit_push

    def commit_pop(self):
        self.worlds = {w.without({self.time}) for w in self.worlds}
        self.forget({self.time} - {None})
        return self.time is not None

    def commit_clear(self):
        self.appending = False
        self.worlds = {World()}
        self.forget(set(self.values))
        return True

    def commit_sync(self):
        changes = bool(self.waiting)
        self.worlds = {w for w in self.worlds if set(self.waiting) <= set(w.times())}
        self.drop()
        self.waiting, self.dropped, self.appending = [], [], False
        return changes

    commit_seal = commit_sync

    def commit_idle(self):
        return False

    def abort(self):
        self.worlds = self.before
        if self.kind in ("push", "append"):
            self.appending = self.appending and self.design.buffers
            self.forget({self.time})
        elif self.kind == "clear":
            self.clearing = False

    def cut(self):
        """The newest items are gone for which nothing was programmed yet."""
        for time in sorted(self.values, reverse=True):
            leaves = self.kind == "pop" and time == self.time
            if leaves or time not in self.waiting or time in self.places:
                return
            self.worlds = {w for w in self.worlds if time not in w.times()}
            self.forget({time})

    def forget(self, times):
        self.values = {time: v for time, v in self.values.items() if time not in times}
        self.waiting = [time for time in self.waiting if time not in times]
        self.dropped = [time for time in self.dropped if time not in times]
        self.hidden = self.hidden - times
        self.undecided = self.undecided - times

    # --- the flash ---

    def program(self, sector):
        if self.programmed is None:
            self.then, self.first = self.erases, sector
        self.programmed = sector

    def erase(self, sector):
        self.erases += 1
        self.erased |= {time for time, around in self.dangers.items() if sector in around}

    def place(self, sector):
        """Where what is in flight lies, or came to lie while it waited: in any of the sectors that
        were come to meanwhile."""
        for time in self.waiting:
            if time in self.dropped or time in self.places and not self.design.buffers:
                continue
            if self.kind == "pop" and time == self.time:
                continue
            self.since.setdefault(time, self.then)
            if time in self.erased or self.erases > self.since[time]:
                self.laxer = True  # what was erased since its first program counts, wherever it is
            self.erased.discard(time)
            head = self.first if self.head is None else self.head
            first = self.places.setdefault(time, head if self.design.buffers else sector)
            span = (sector - first) % SECTORS
            around = range(span + self.design.ahead + 1)
            if len(self.dangers.get(time, ())) > min(len(around), SECTORS):
                self.laxer = True  # it went all around, and may lie anywhere
            self.dangers[time] = {(sector - i) % SECTORS for i in around}
        if self.kind not in ("idle", "pop", "clear"):  # which may do work ahead, or mark an item
            self.head = sector

    def observe(self):
        """What is in flight has come to lie somewhere; an append may have dropped what lay in
        sectors that were erased, the oldest first."""
        sectors, last = 1 + self.design.ahead + self.resumes, None
        for time in sorted(self.values if self.appending else ()):
            if time not in self.erased:
                break
            held = time not in self.dropped and time not in self.undecided | self.doubted
            if held and not self.design.buffers and self.places[time] != last:
                if sectors == 0:  # more than one call may drop
                    break
                sectors, last = sectors - 1, self.places[time]
            if time not in self.dropped:
                self.dropped.append(time)
        self.resumes = self.resumes and not self.appending
        if self.design.numbered and set(self.dropped) & set(self.waiting):
            self.laxer = True
        self.drop()
        brings = self.kind not in ("pop", "clear") or self.design.buffers
        if self.programmed is not None and brings:
            self.place(self.programmed)

    def drop(self):
        """The oldest are dropped first."""
        for last in self.dropped:
            for world in list(self.worlds):
                oldest = {time for time in world.times() if time <= last}
                if oldest <= set(self.dropped):
                    self.worlds = self.worlds | {world.without(oldest)}
        if self.design.drops_in_part:
            self.doubt(self.dropped)

    def doubt(self, times=None):
        some = subsets(self.values if times is None else times)
        self.doubted |= set(self.values) if times is None else set()
        self.worlds = {w.without(gone) for w in self.worlds for gone in some}

    # --- looking ---

    def seen(self, world):
        return tuple((self.values[time], number) for time, number in world.items)

    def bound(self, world, seen):
        """The world as this look would show it, if it would: with its numbers."""
        if [value for value, _ in seen] != [self.values[time] for time in world.times()]:
            return None
        if not seen or not self.design.numbered:
            return world
        shift = 0 if world.bound else seen[0][1] - world.items[0][1]
        world = world.shifted(shift)
        return world if [n for _, n in seen] == [n for _, n in world.items] else None

    def matches(self, seen):
        return {self.bound(world, seen) for world in self.worlds} - {None}

    def settle(self, picked, powered_on):
        """A look has shown these items. The worlds picked differ in what no look has shown."""
        there = set(min(picked, key=by_items).times())
        self.resumes = self.resumes or powered_on
        if powered_on and self.design.open and len(self.worlds) > 1:
            self.open = True
            self.laxer = self.laxer or self.design.numbered
            self.undecided |= set(self.waiting)
            self.come_and_go()
        if powered_on:
            self.waiting = []
        self.keep_numbers(min(picked, key=by_items))
        if self.open:
            self.hidden = set(self.values) - there - set(self.waiting)
            return
        ram = set(self.waiting)
        self.forget(set(self.values) - there - ram)
        before, self.hidden, self.undecided, self.worlds = self.worlds, set(), set(), set()
        for world in picked:
            self.worlds |= self.with_waiting(world.without(ram), before)
        self.dropped = [time for time in self.dropped if time in self.waiting]
        self.drop()
        self.clearing = False
        self.appending = self.appending and self.design.buffers and not powered_on

    def lie_elsewhere(self, worlds):
        """Whether what was seen may be items of other places: the model in C leaves open which."""
        def place(time):
            return str((self.dangers.get(time), self.since.get(time)))

        alike = zip(*(world.times() for world in worlds))
        return any(len({place(time) for time in times}) > 1 for times in alike)

    def sure(self):
        """The items that are there in any case."""
        return set.intersection(*(set(w.times()) for w in self.worlds))

    def with_waiting(self, base, before):
        """This world, and what it becomes when some of what waits is there too."""
        if not self.waiting:
            return {base}
        found = set()
        for number in {dict(w.items).get(self.waiting[0]) for w in before} - {None}:
            world = replace(base, next=number)
            found.add(world)
            for time in self.waiting:
                world = world.put(time)
                found.add(world)
        return found

    def keep_numbers(self, seen):
        """Each item keeps the number with which it was seen, and those around it go along."""
        for time, number in seen.items if self.design.numbered else ():
            by = {number - dict(w.items)[time] for w in self.worlds if time in w.times()}
            loose = {w for w in self.worlds if w.items and not w.bound}
            self.worlds = self.worlds - loose | {w.shifted(n) for w in loose for n in by}
            self.worlds = {w for w in self.worlds if dict(w.items).get(time, number) == number}

    def come_and_go(self):
        some = subsets(self.undecided)
        self.worlds = {w.without(gone) for w in self.worlds for gone in some}


class Apart(Exception):
    """The two have each taken an item of equal bytes for another; no comparing from here on."""


class Pair:
    """The two models, and a way to drive both with what Hypothesis thought up."""

    def __init__(self, model, design):
        self.model, self.design = model, design
        self.slow = Slow(design)
        self.state = model.ask("new", *design.words())
        self.states, self.digests = {}, {}

    def ask(self, *words):
        answer = self.model.ask(*words)
        if answer is None:
            return None
        items, flags, digest = self.state = answer
        state = (tuple(items), flags)
        assert self.states.setdefault(digest, state) == state
        assert self.digests.setdefault(state, digest) == digest
        return answer

    def run(self, operation, flash, end):
        kind, number = operation
        self.slow.begin(kind, number)
        self.ask(kind, number)
        self.slow.programmed = None
        for action, sector in flash:
            getattr(self.slow, action)(sector)
            self.ask(action, sector)
        if end != "abort":
            self.observe()
        getattr(self.slow, end)()
        self.ask(end)

    def observe(self):
        self.slow.observe()
        self.ask("observe")

    def recover(self, sector):
        """A recovery that erases."""
        self.slow.erase(sector)
        self.ask("erase", sector)
        self.observe()

    def candidates(self):
        """What a look might show: what it may, what it nearly may, and what it may not."""
        slow = self.slow
        found = {slow.seen(world) for world in slow.worlds}
        times = sorted(slow.values)
        base = min((n for w in slow.worlds for _, n in w.items), default=0)
        for some in subsets(times):
            values = [slow.values[time] for time in times if time in some]
            for first in (base, base + 1):
                found.add(tuple((v, first + i) for i, v in enumerate(values)))
            found.add(tuple((v, i) for i, v in zip(sorted(some), values)))
            found.add(tuple((v, i) for i, v in enumerate(values[1:] + values[:1])))
            found.add(tuple((v, i) for i, v in enumerate(values + values[-1:])))
        found.add(((VALUES, base),))
        return sorted(found)

    def try_all(self, how):
        words = [[f"{value}:{number}" for value, number in seen] for seen in self.candidates()]
        answers = self.model.ask_all([(f"try-{how}", *each) for each in words])
        for seen, answer in zip(self.candidates(), answers):
            allowed = bool(self.slow.matches(seen))
            accepted = answer is not None
            assert accepted == allowed or accepted and self.slow.laxer, (how, seen, accepted)

    def look(self, how, choice):
        slow = self.slow
        self.try_all(how)
        worlds = sorted(slow.worlds, key=by_items)
        seen = slow.seen(worlds[choice % len(worlds)])
        items, _, _ = self.ask(how, *(f"{value}:{number}" for value, number in seen))
        # Items of equal bytes can look the same; then both may be the one that was seen.
        waiting = set() if how == "on" else set(slow.waiting)
        times = {time for _, time, _, _, shown in items if shown} - waiting
        picked = {w for w in slow.matches(seen) if set(w.times()) - waiting == times}
        if not picked:
            assert slow.laxer, "an item was taken for another"
            raise Apart
        slow.laxer = slow.laxer or slow.lie_elsewhere(slow.matches(seen))
        first = min(picked, key=by_items).times()
        slow.settle({w for w in picked if w.times() == first}, how == "on")
        self.compare()

    def compare(self):
        """What is held, and what else may be there."""
        slow = self.slow
        items, _, _ = self.state
        assert [(value, time) for value, time, _, _, _ in items] == sorted_items(slow.values)
        sure = slow.sure()
        for _, time, state, number, shown in items:
            if number >= 0:
                numbers = {dict(w.items).get(time, number) for w in slow.worlds if w.bound}
                assert numbers <= {number}
            assert shown == (time not in slow.hidden)
            if not slow.open:
                assert (state == HELD) == (time in sure) or (slow.laxer and state != HELD)
                assert (state in PENDING) == (time in slow.waiting)


def sorted_items(values):
    return [(value, time) for time, value in sorted(values.items())]


# No log drops or clears in part. The model in C would take items of equal bytes, whose numbers
# no look has shown yet, for one another there.
DESIGNS = st.builds(
    Design,
    numbered=st.booleans(),
    buffers=st.booleans(),
    drops_in_part=st.booleans(),
    clears_in_part=st.booleans(),
    open=st.booleans(),
    ahead=st.integers(0, 1),
).filter(lambda design: not (design.numbered and (design.drops_in_part or design.clears_in_part)))
PUT = st.tuples(st.sampled_from(["push", "append", "append"]), st.integers(0, VALUES - 1))
TAKE = st.tuples(st.sampled_from(["pop", "sync", "seal", "idle"]), st.integers(0, 2))
OPERATION = st.one_of(PUT, PUT, TAKE, st.just(("clear", 0)))
SECTOR = st.sampled_from([0, 0, 0, 1, 1, 2, 3])
PROGRAM, ERASE = (st.tuples(st.just(word), SECTOR) for word in ("program", "erase"))
FLASH = st.one_of(
    st.tuples(PROGRAM),
    st.tuples(PROGRAM),
    st.tuples(ERASE, PROGRAM),
    st.lists(st.one_of(PROGRAM, ERASE), max_size=2),
)
END = st.sampled_from(["commit", "commit", "commit", "abort", "cut", "cut"])
STEPS = st.lists(
    st.tuples(OPERATION, FLASH, END, st.integers(0, 9), st.integers(0, 99)), max_size=14
)


def step(pair, operation, flash, end, what, choice):
    """An operation, and what follows it: after a cut power comes on and everything is read."""
    pair.run(operation, flash, end)
    if end == "cut":
        if what in (5, 6):
            pair.recover(choice % SECTORS)
        pair.look("on", choice)
        if what < 5:
            pair.look("on", choice // 2)
    elif what == 0 and not pair.slow.waiting:
        pair.slow.doubt()
        pair.slow.laxer = pair.slow.laxer or pair.design.numbered
        pair.ask("doubt")
        pair.look("on", choice)
    elif what < 4:
        pair.look("live", choice)


def play(model, design, steps):
    pair = Pair(model, design)
    for operation, *rest in steps:
        if operation[0] in ("push", "append") and len(pair.slow.values) >= ITEMS_MAX:
            continue
        if operation[0] == "pop" and design.numbered:
            continue  # a log gives nothing up
        try:
            step(pair, operation, *rest)
        except Apart:
            return


PUT_HERE, PUT_THERE, DROP = [("program", 0)], [("program", 1)], [("erase", 0)]


@settings(max_examples=max(600, settings.default.max_examples))
@given(DESIGNS, STEPS)
@example(
    Design(),
    [
        (("append", 0), PUT_HERE, "commit", 9, 0),
        (("append", 0), PUT_THERE, "commit", 9, 0),
        (("append", 0), DROP, "cut", 9, 0),
    ],
)
@example(
    Design(),
    [
        (("append", 0), PUT_HERE, "commit", 9, 0),
        (("append", 1), PUT_HERE, "commit", 9, 0),
        (("append", 2), DROP, "cut", 9, 0),
    ],
)
@example(
    Design(numbered=True, buffers=True),
    [
        (("append", 0), PUT_HERE, "commit", 2, 1),
        (("pop", 0), PUT_THERE, "abort", 9, 0),
        (("append", 1), PUT_THERE, "commit", 9, 0),
        (("append", 2), DROP, "commit", 9, 0),
        (("sync", 0), PUT_THERE, "cut", 2, 5),
    ],
)
def test_a_model_of_whole_sequences_agrees(model, design, steps):
    play(model, design, steps)


# --- where bits rotted or a stray hit ---


def put(model, value, *flash):
    model.ask("append", value)
    for sector in flash:
        model.ask("program", sector)
    model.ask("observe")
    return model.ask("commit")[0]


def test_what_waits_in_ram_is_not_hit_and_finds_its_place(model):
    model.ask("new", *Design(buffers=True).words())
    put(model, 0)
    items, _, _ = model.ask("doubt")
    assert [state in PENDING for _, _, state, _, _ in items] == [True]
    model.ask("sync", 0)
    model.ask("program", 0)
    model.ask("observe")
    items, _, _ = model.ask("commit")
    assert [state for _, _, state, _, _ in items] == [HELD]


def test_what_was_hit_may_wait_in_ram_until_power_goes(model):
    """The program of one call may be of items before it alone."""
    model.ask("new", *Design(buffers=True).words())
    put(model, 0)
    put(model, 1, 0)
    model.ask("doubt")
    items, _, _ = model.ask("live", "0:0")
    assert [(value, shown) for value, _, _, _, shown in items] == [(0, True), (1, False)]
    items, _, _ = model.ask("live", "0:0", "1:0")
    assert [value for value, _, _, _, _ in items] == [0, 1]
    model.ask("doubt")
    items, _, _ = model.ask("on", "0:0")
    assert [value for value, _, _, _, _ in items] == [0]


def test_which_of_equal_items_was_hit_stays_open_and_so_do_their_numbers(model):
    model.ask("new", *Design(numbered=True).words())
    for value in (0, 1, 1, 2):
        put(model, value, 0)
    model.ask("doubt")
    assert model.ask("on", "0:1", "1:3", "2:4")
    assert model.ask("on", "0:1", "1:3", "2:4"), "the second power-on shows what the first one did"


def test_what_waits_in_ram_may_go_to_the_flash_in_a_clear_that_is_cut(model):
    model.ask("new", *Design(buffers=True).words())
    put(model, 0)
    model.ask("clear", 0)
    model.ask("program", 0)
    model.ask("observe")
    model.ask("cut")
    items, _, _ = model.ask("on", "0:0")
    assert [value for value, _, _, _, _ in items] == [0]
