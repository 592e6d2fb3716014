"""The scenario language: what it says, that it prints back, and that no text whatever breaks it.

The program under test is scenario_test.c in its serving mode. Laws are checked against a second
implementation of the language: `Statement.ops` expands in Python what the C code expands.
"""

import re
import struct
import subprocess
from dataclasses import dataclass, field

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from conftest import ROOT, SANITIZER_EXIT, made

SHIPPED = sorted((ROOT / "scenarios").rglob("*.scn")) + sorted(
    (ROOT / "scenarios").rglob("*.case")
)
HEADER = "chip generic sectors=4\nengine naive\n"
OPS_MAX = 1 << 24


class Mistake(Exception):
    """A text that is no scenario: the line and the reason that a user reads."""

    def __init__(self, message):
        super().__init__(message)
        line, self.reason = message.split(": ", 1)
        self.line = int(line)


class Language:
    """The serving program; a crash of it fails the test that caused it."""

    def __init__(self, program):
        environment = {"ASAN_OPTIONS": f"exitcode={SANITIZER_EXIT}"}
        self.process = subprocess.Popen(
            [str(program), "--serve"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
        )

    def ask(self, request, text):
        text = text.encode() if isinstance(text, str) else text
        try:
            self.process.stdin.write(request + struct.pack("<I", len(text)) + text)
            self.process.stdin.flush()
        except BrokenPipeError:
            pass
        head = self.process.stdout.read(5)
        if len(head) != 5:
            pytest.fail(f"crashed by {text!r}\n{self.process.stderr.read().decode()}")
        status, size = struct.unpack("<BI", head)
        reply = self.process.stdout.read(size).decode("utf-8", "surrogateescape")
        if status:
            raise Mistake(reply)
        return reply

    def printed(self, text):
        return self.ask(b"p", text)

    def script(self, text):
        """Everything the expanded script says, a line for the header parts and each operation."""
        return self.ask(b"x", text)

    def script_printed(self, text):
        return self.ask(b"s", text)

    def op_count(self, text):
        return int(self.ask(b"n", text))

    def ops(self, text):
        """(kind, key, value, count, seed, nth cut, tear) of each operation; bytes as hex."""
        return [tuple(line.split(" ")) for line in self.script(text).splitlines()[3:]]


@pytest.fixture(scope="module")
def language(build):
    served = Language(made(build / "test/fuzz/script/scenario_test"))
    yield served
    served.process.stdin.close()
    report = served.process.stderr.read().decode()
    assert served.process.wait() == 0, report


# --- what statements mean ---


@dataclass
class Statement:
    """A statement in its canonical form, and what it makes: given the loops around, its operations.

    An operation is (kind, key, value, place): bytes, None for what it does not have, or for a
    random value the range of its size; the place is 0 when it has none.
    """

    text: str
    ops: object = lambda turns: []
    body: list = field(default_factory=list)

    def lines(self, depth=0):
        yield "  " * depth + self.text if self.text else ""
        if self.body:
            for statement in self.body:
                yield from statement.lines(depth + 1)
            yield "  " * depth + "}"


def text_of(statements):
    return "".join(line + "\n" for statement in statements for line in statement.lines())


def quoted(data):
    escapes = {0x22: '\\"', 0x5C: "\\\\", 0x0A: "\\n", 0x0D: "\\r", 0x09: "\\t"}
    return '"' + "".join(
        escapes.get(b) or (chr(b) if 0x20 <= b <= 0x7E else f"\\x{b:02x}") for b in data
    ) + '"'


word = st.from_regex(r"[A-Za-z_][A-Za-z0-9_./-]{0,8}", fullmatch=True)
data = st.binary(max_size=12)
byte_string = st.one_of(
    data.map(lambda b: (quoted(b), b)),
    data.filter(bool).map(lambda b: ("0x" + b.hex(), b)),
)


@st.composite
def numbers(draw, loops, most):
    """An index: its text, and from the loops' turns to the numbers that it stands for."""
    fitting = [(name, count) for name, count in loops if count - 1 <= most]
    form = draw(st.sampled_from(["range", "loop", "modulus"]))
    if form == "range" or not loops or (form == "loop" and not fitting):
        low = draw(st.integers(0, most))
        high = draw(st.integers(low, min(most, low + 9)))
        return f"{low}..{high}", lambda turns: range(low, high + 1)
    name, _ = draw(st.sampled_from(fitting if form == "loop" else loops))
    if form == "loop":
        return name, lambda turns: [turns[name]]
    modulus = draw(st.integers(1, min(most + 1, 4)))
    return f"{name} % {modulus}", lambda turns: [turns[name] % modulus]


@st.composite
def keys(draw, loops):
    """A key: its text, and from the loops' turns to the keys that it stands for."""
    indexed = ["k[]", "u8[]", "u16[]"] * (3 if loops else 1)
    form = draw(st.sampled_from(["word", "bytes", "u8", "u16", "u32"] + indexed))
    if form == "word":
        name = draw(word)
        return name, lambda turns: [name.encode()]
    if form == "bytes":
        text, key = draw(byte_string)
        return text, lambda turns: [key]
    if form == "k[]":
        name = draw(word)
        text, made_of = draw(numbers(loops, 0xFFFFFFFF))
        return f"{name}[{text}]", lambda turns: [f"{name}{n}".encode() for n in made_of(turns)]
    width = {"u8": 1, "u16": 2, "u32": 4}[form.removesuffix("[]")]
    if form.endswith("[]"):
        text, made_of = draw(numbers(loops, 256**width - 1))
        text = f"{form.removesuffix('[]')}:[{text}]"
        return text, lambda turns: [n.to_bytes(width, "little") for n in made_of(turns)]
    number = draw(st.integers(0, 256**width - 1))
    return f"{form}:{number}", lambda turns: [number.to_bytes(width, "little")]


def counted(number, size):
    """The value `count SIZE`: the number, and what splitmix64 makes of it."""
    data, state = number.to_bytes(4, "little"), number
    while len(data) < size:
        state = (state + 0x9E3779B97F4A7C15) % 2**64
        word = (state ^ state >> 30) * 0xBF58476D1CE4E5B9 % 2**64
        word = (word ^ word >> 27) * 0x94D049BB133111EB % 2**64
        data += (word ^ word >> 31).to_bytes(8, "little")
    return data[:size]


@st.composite
def values(draw, loops, kind):
    """A value: its text, and from turns and runs to its bytes (or the sizes of a random one)."""
    form = draw(st.sampled_from(["bytes", "fill", "loop", "count", "counted", "empty", "own"]))
    size = draw(st.integers(0, 40))
    if form == "own" and kind in CLAIMS:
        return "absent", lambda turns, runs: None
    if form == "own":
        high = draw(st.integers(size, 60))
        text = f"random {size}" + (f"..{high}" if high != size else "")
        return text, lambda turns, runs: (size, high)
    if form == "loop" and loops:
        name, _ = draw(st.sampled_from(loops))
        return f"fill {name} {size}", lambda turns, runs: bytes([turns[name] % 256]) * size
    if form == "fill":
        byte = draw(st.integers(0, 255))
        return f"fill 0x{byte:02x} {size}", lambda turns, runs: bytes([byte]) * size
    if form == "count":
        return "count", lambda turns, runs: runs.to_bytes(4, "little")
    if form == "counted" and size not in (0, 4):
        return f"count {size}", lambda turns, runs: counted(runs, size)
    if form == "bytes":
        text, value = draw(byte_string)
        return text, lambda turns, runs: value
    return "empty", lambda turns, runs: b""


TEARS = ["none", "done", "prefix:5", "only:17", "mask:2a:128", "zero-tail:64", "locked"]
STABLE_TEARS = TEARS[:-1]
LIED_TEARS = ["none", "prefix:5", "only:17", "mask:2a:128"]
STRAYS = ["at:1c0:255", "at:0:1"]
GLITCHES = ["error", "errors:2", "erased", "bit:9"]
NO_CUTS = {"fail": STABLE_TEARS, "lie": LIED_TEARS, "stray": STRAYS, "glitch": GLITCHES}


CLAIMS = ("expect", "oldest", "newest")
VALUED = ("store", "push", "append", *CLAIMS)
PLAIN = ("clear", "mount", "boot", "reset", "look", "use", "peek", "sync", "seal", "idle",
         "begin", "commit", "abort", "collect", "destroy all", "format", "scan")
SNAPSHOTS = ("snapshot", "close")
READS = ("fetch", "expect", "scan", "scan range")  # "in 1", or not
KINDS = ("fetch", "remove", "destroy", "pop", "read", "rot", *VALUED, *PLAIN, *SNAPSHOTS, *READS)


@st.composite
def places(draw, loops, kind):
    """Places from the oldest, which is 0: their text, and from the loops' turns to their number."""
    form = draw(st.sampled_from(["number", "loop", "modulus"]))
    if form == "number" or not loops:
        number = draw(st.integers(0, 2**32 - 1) | st.integers(0, 2))
        text = f" {number}" if number or kind == "read" else ""
        return text, lambda turns: number
    name, _ = draw(st.sampled_from(loops))
    if form == "loop":
        return f" {name}", lambda turns: turns[name]
    modulus = draw(st.integers(1, 5))
    return f" {name} % {modulus}", lambda turns: turns[name] % modulus


@st.composite
def operations(draw, loops):
    kind = draw(st.sampled_from(["store", "append", *KINDS]))
    text, runs = kind.replace(" range", ""), 0
    key_of, value_of = lambda turns: [None], lambda turns, runs: None
    place_of = lambda turns: 0
    if kind in ("store", "fetch", "remove", "expect"):
        key_text, key_of = draw(keys(loops))
        text += " " + key_text
    if kind in ("destroy", "scan range"):
        key = draw(st.binary(max_size=4))
        text, key_of = f"{text} {quoted(key)}", lambda turns: [key]
    if kind == "scan range":
        text += f"..{quoted(draw(st.binary(max_size=4)))}"
    if kind in ("pop", "read"):
        place_text, place_of = draw(places(loops, kind))
        text += place_text
    if kind in VALUED:
        value_text, value_of = draw(values(loops, kind))
        text += " " + value_text
    if kind in SNAPSHOTS or kind == "look" and draw(st.booleans()):
        text += f" {draw(st.integers(1, 4))}"
    if kind in READS and draw(st.booleans()):
        text += f" in {draw(st.integers(1, 4))}"
    if kind == "rot":
        text += f" {draw(st.integers(1, 1 << 20))} seed {draw(st.integers(0, 2**64 - 1))}"
    elif kind not in (*CLAIMS, "reset") and draw(st.booleans()):
        word = draw(st.sampled_from(("cut", *NO_CUTS)))
        tears = NO_CUTS.get(word, TEARS)
        text += f" {word} {draw(st.integers(1, 2**32 - 1))} {draw(st.sampled_from(tears))}"

    def ops(turns):
        nonlocal runs
        for key in key_of(turns):
            runs += 1
            name = kind.replace(" range", "").replace(" ", "-")
            yield name, key, value_of(turns, runs), place_of(turns)

    return Statement(text, ops)


comment = st.from_regex(r"#[ -~\t]{0,20}", fullmatch=True).map(lambda c: c.rstrip(" \t"))


@st.composite
def statements(draw, loops=(), depth=3):
    """Some lines: operations, comments, blank lines, and blocks with more of them."""
    found = []
    for _ in range(draw(st.integers(0, 5))):
        form = draw(st.sampled_from(["op", "op", "op", "blank", "comment", "repeat", "repeat"]))
        if form == "blank":
            found.append(Statement(""))
        elif form == "comment":
            found.append(Statement(draw(comment)))
        elif form == "op":
            found.append(draw(operations(list(loops))))
        elif depth > 0:
            found.append(draw(repeats(loops, depth)))
    for statement in found:
        if statement.text and statement.text[0] != "#" and draw(st.integers(0, 3)) == 0:
            statement.text += "  " + draw(comment)
    return found


@st.composite
def repeats(draw, loops, depth):
    count = draw(st.integers(1, 6))
    name = draw(st.sampled_from([None] + [n for n in "ijk" if n not in dict(loops)]))
    body = draw(statements((*loops, (name, count)) if name else loops, depth - 1))
    body = body or [Statement("look", lambda turns: [("look", None, None, 0)])]

    def ops(turns):
        for turn in range(count):
            for statement in body:
                yield from statement.ops({**turns, name: turn})

    return Statement(f"repeat {count} {f'as {name} ' if name else ''}{{", ops, body)


@st.composite
def headers(draw):
    """The header statements in any order, comments between them."""
    fields = {"sectors": [1, 2, 1 << 20], "sector": [256, 4096], "page": [32, 256],
              "unit": [1, 32], "read": [1, 32], "erased": [0, 255], "programs": [0, 1],
              "tear": [0, 1, 2], "endurance": [1, 2**64 - 1], "zeros": [0, 1]}
    chosen = draw(st.lists(st.sampled_from(sorted(fields)), unique=True))
    chip = "".join(f" {f}={draw(st.sampled_from(fields[f]))}" for f in chosen)
    options = draw(st.lists(word, unique=True, max_size=8))
    chosen = st.integers(0, 2**64 - 1) | word
    engine = "".join(f" {o}={draw(chosen)}" for o in options)
    whole = draw(st.integers(1, 1000))
    more = [
        f"seed {draw(st.integers(0, 2**64 - 1))}",
        f"every {whole}{draw(st.sampled_from(['ns', 'us', 'ms', 's', 'm', 'h', 'd']))}",
        "faults " + draw(st.sampled_from(["edge", "edge,bits", "edge,prefix,bits,weak,ecc,rot"])),
        f"depth {draw(st.integers(1, 4))}",
        f"found {draw(st.sampled_from(['durable', 'atomic']))} "
        + quoted(draw(st.binary(max_size=199)).replace(b"\0", b"")),
        f"trace {draw(st.integers(0, 2**64 - 1)):016x}",
        f"image 0x{draw(st.binary(min_size=1, max_size=40)).hex()}",
    ]
    lines = [f"chip generic{chip}", f"engine {draw(word)}{engine}"]
    lines += draw(st.lists(st.sampled_from(more), unique=True))
    return [Statement(text) for text in draw(st.permutations(lines))]


scenarios = st.tuples(headers(), statements()).map(lambda parts: parts[0] + parts[1])


@given(scenarios)
def test_a_canonical_text_prints_back_to_itself(language, statements):
    text = text_of(statements)
    assert language.printed(text) == text


@given(scenarios, st.randoms(use_true_random=False))
def test_another_spelling_prints_as_the_canonical_one(language, statements, random):
    text = text_of(statements)
    assert language.printed(respelled(text, random)) == text


def respelled(text, random):
    """The same scenario with other blanks, other line ends and no newline at the end."""
    lines = []
    for line in text.splitlines():
        if '"' not in line and "#" not in line:
            line = random.choice(["", " ", "\t\t"]) + line.lstrip()
            line = line.replace(" ", random.choice([" ", "  ", "\t"])) + random.choice(["", " \t"])
        lines.append(line + random.choice(["", "\r"]))
    return "\n".join(lines) + ("\n" if not lines or lines[-1] in ("", "\r") else "")


@given(scenarios)
def test_an_expanded_scenario_does_what_its_statements_say(language, statements):
    expected = [op for statement in statements for op in statement.ops({})]
    ops = language.ops(text_of(statements))
    assert len(ops) == len(expected)
    for (kind, key, value, count, *_), (*made, value_expected, place) in zip(ops, expected):
        assert [kind, key] == [made[0], listed(made[1])]
        assert kind == "rot" or count == str(place)
        if isinstance(value_expected, tuple):
            low, high = value_expected
            assert low <= (0 if value == "-" else len(value) // 2) <= high
        else:
            assert value == listed(value_expected)


def listed(data):
    return "absent" if data is None else data.hex() or "-"


@given(scenarios)
def test_a_printed_script_is_the_same_script_again(language, statements):
    text = text_of(statements)
    printed = language.script_printed(text)
    assert language.script(printed) == language.script(text)
    assert language.printed(printed) == printed


# --- what single forms mean ---


def test_transactions_snapshots_and_scans(language):
    body = (
        "begin\nstore a 0x01\ncommit\nsnapshot 4\nfetch a in 4\nexpect a 0x01 in 4\nlook 4\n"
        'scan "a".."m" in 4\nscan u8:1..u8:5\nscan\nscan in 4\nscan cut 1 none\nclose 4\n'
        'destroy "all"\ndestroy all\ndestroy a\nabort\ncollect\nformat cut 2 done\n'
    )
    assert language.printed(HEADER + body) == HEADER + body
    shown = [(op[0], op[1], op[7]) + op[8:] for op in language.ops(HEADER + body)]
    a, m, none = b"a".hex(), b"m".hex(), "absent"
    assert shown == [
        ("begin", none, "0"), ("store", a, "0"), ("commit", none, "0"), ("snapshot", none, "4"),
        ("fetch", a, "4"), ("expect", a, "4"), ("look", none, "4"),
        ("scan", a, "4", m), ("scan", "01", "0", "05"), ("scan", none, "0"), ("scan", none, "4"),
        ("scan", none, "0"), ("close", none, "4"), ("destroy", b"all".hex(), "0"),
        ("destroy-all", none, "0"), ("destroy", a, "0"), ("abort", none, "0"),
        ("collect", none, "0"), ("format", none, "0"),
    ]


def test_values_and_keys_of_every_form(language):
    ops = language.ops(
        HEADER
        + 'store a.b-c/d_1 "q\\"\\\\\\n\\r\\t\\x00\\xfF"\nstore "two words" 0xAbCd\n'
        + "store u8:255 fill 7 3\nstore u16:258 fill 0xfe 2\nstore u32:66051 empty\n"
        + "expect 0x00ff absent\nstore x random 0\n"
    )
    assert [op[1:3] for op in ops] == [
        (b"a.b-c/d_1".hex(), b'q"\\\n\r\t\x00\xff'.hex()),
        (b"two words".hex(), "abcd"),
        ("ff", "070707"),
        ("0201", "fefe"),
        ("03020100", "-"),
        ("00ff", "absent"),
        (b"x".hex(), "-"),
    ]


def test_count_counts_the_runs_of_its_own_statement_from_one(language):
    ops = language.ops(HEADER + "repeat 2 {\nstore k[0..1] count\nstore b count\n}\n")
    assert [(bytes.fromhex(op[1]), op[2]) for op in ops] == [
        (b"k0", "01000000"), (b"k1", "02000000"), (b"b", "01000000"),
        (b"k0", "03000000"), (b"k1", "04000000"), (b"b", "02000000"),
    ]  # fmt: skip


def test_count_of_a_size_is_the_number_and_bytes_that_follow_from_it(language):
    ops = language.ops(HEADER + "repeat 300 {\nappend count 32\n}\npush count 2\npush count 4\n")
    values = [bytes.fromhex(op[2]) for op in ops]
    assert values[:300] == [counted(n, 32) for n in range(1, 301)]
    assert values[300:] == [b"\1\0", b"\1\0\0\0"]
    assert len({value[4:] for value in values[:300]}) == 300


def test_the_oldest_item_goes_without_saying_for_a_pop(language):
    ops = language.ops(HEADER + "repeat 2 as cut {\npop\npop 0\npop cut 1 done\npop 3\n}\nread 0")
    assert [op[3] for op in ops] == ["0", "0", "0", "3"] * 2 + ["0"]
    assert [op[5] for op in ops] == ["0", "0", "1", "0"] * 2 + ["0"]
    assert "pop\n" in language.printed(HEADER + "pop 0\n")
    assert "read 0\n" in language.printed(HEADER + "read 0\n")


def test_a_place_counts_with_a_repeat_around_it(language):
    ops = language.ops(HEADER + "repeat 4 as i {\npop i % 3\nread i cut 1 done\n}\n")
    assert [op[3] for op in ops] == ["0", "0", "1", "1", "2", "2", "0", "3"]


def test_an_option_may_be_a_word(language):
    text = "chip generic\nengine rlog profile=strict batch=8 x=y-1\n"
    assert language.printed(text) == text
    assert language.script(text).splitlines()[1] == "engine rlog profile=strict batch=8 x=y-1"


def test_an_index_is_a_range_or_the_variable_of_a_repeat_around_it(language):
    ops = language.ops(
        HEADER
        + "store k[9..10] empty\nrepeat 3 as i {\nrepeat 2 as j {\n"
        + "store k[i] fill j 1\nstore k[i % 2] empty\nstore u8:[j] empty\n}\n}\n"
        + "repeat 600 as i {\nstore u16:[i % 513] fill i 1\n}\n"
    )
    keys = [bytes.fromhex(op[1]) for op in ops]
    assert keys[:2] == [b"k9", b"k10"]
    assert keys[2:20:3] == [b"k0", b"k0", b"k1", b"k1", b"k2", b"k2"]
    assert keys[3:20:3] == [b"k0", b"k0", b"k1", b"k1", b"k0", b"k0"]
    assert keys[4:20:3] == [b"\0", b"\1"] * 3
    assert [op[2] for op in ops[2:20:3]] == ["00", "01"] * 3
    assert keys[20:] == [(i % 513).to_bytes(2, "little") for i in range(600)]
    assert [op[2] for op in ops[20:]] == [f"{i % 256:02x}" for i in range(600)]


def test_random_values_come_from_the_seed_and_the_place(language):
    def values(seed, rest=""):
        ops = language.ops(f"{HEADER}seed {seed}\nrepeat 50 {{\nstore k random 8..9\n}}\n{rest}")
        return [op[2] for op in ops[:50]]

    assert values(1) == values(1, "store z random 4\n")
    assert len(set(values(1))) == 50
    assert not set(values(1)) & set(values(2))
    assert {len(value) for value in values(1)} == {16, 18}


def test_a_number_of_bits_rots_where_the_seed_says(language):
    ops = language.ops(HEADER + "rot 3 seed 7\nrot 4\nrot 4\n")
    assert ops[0][3:5] == ("3", "7")
    assert ops[1][3] == "4" and ops[1][4] != ops[2][4]


def test_a_cut_in_a_range_is_in_each_of_its_operations(language):
    ops = language.ops(HEADER + "store k[0..1] empty cut 2 prefix:5\nmount cut 1 done\n")
    assert [op[5:7] for op in ops] == [("2", "prefix:5"), ("2", "prefix:5"), ("1", "done")]


def test_the_name_and_every_part_of_the_header_reach_the_script(language):
    lines = language.script(
        "every 1500ms\nfound durable \"k: 'a' was expected\"\ntrace 00000000000000ff\n"
        "image 0x0a0b\n"
        "chip generic sectors=4 sector=1024 page=32 unit=2 read=4 erased=0 programs=2 tear=2 "
        "endurance=9\nengine seqmap key=2 keys=8\nseed 5\nfaults bits,edge\ndepth 3\n"
    ).splitlines()
    assert lines == [
        "chip generic generic 4 1024 32 2 4 0 2 2 9",
        "engine seqmap key=2 keys=8",
        "served 5 1500000000 5 3 ff 'durable' " + b"k: 'a' was expected".hex() + " 0a0b",
    ]


def test_a_case_names_the_fields_of_its_chip_that_differ_from_the_catalogue(language):
    printed = language.script_printed("chip generic page=256 tear=2 sectors=4\nengine naive\n")
    assert printed.splitlines()[0] == "chip generic sectors=4 tear=2"


def test_a_case_is_printed_in_the_forms_that_say_most(language):
    text = HEADER + 'store 0x6b31 0x6869\nstore 0x0100 fill 0 9\nstore "a b" 0x00\n'
    assert language.script_printed(text).splitlines()[3:] == [
        'store k1 "hi"', "store u16:1 fill 0x00 9", 'store "a b" 0x00',
    ]  # fmt: skip


# --- mistakes ---

NESTED = "repeat 2 {\n"
KEY_EXPECTED = 'a key, such as ssid, "a b" or u32:7, is expected'
VALUE_EXPECTED = 'a value, such as "home", 0x01 or count, is expected'
MISTAKES = [
    ("", 0, "a scenario needs a 'chip' line"),
    ("chip generic\n", 0, "a scenario needs an 'engine' line"),
    ("chip w25q\n", 1, "unknown chip 'w25q'; see `brownout list chips`"),
    ("chip " + "x" * 100, 1, "unknown chip '" + "x" * 40 + "'; see `brownout list chips`"),
    ("chip\n", 1, "the name of a chip is expected at the end of this line"),
    ("chip generic sector=1000", 1, "sector=1000 must be a multiple of page=256"),
    ("chip generic unit=3", 1, "unit=3 must be 1, 2, 4, 8, 16 or 32"),
    ("chip generic unit=65537", 1, "unit must be from 0 to 32"),
    ("chip generic read=5", 1, "read=5 must be 1, 2, 4, 8, 16 or 32"),
    ("chip generic page=0", 1, "page=0 must be a multiple of unit=1"),
    ("chip generic page=2 sector=6 read=4", 1, "sector=6 must be a multiple of read=4"),
    ("chip generic sectors=0", 1, "sectors=0 must be 1 or more"),
    ("chip generic sectors=8388608", 1,
     "sectors=8388608 times sector=4096 must be at most 4 GiB"),
    ("chip generic tear=3", 1, "tear must be from 0 to 2"),
    ("chip generic sector", 1, "'=' is expected at the end of this line"),
    ("chip generic page=256 page=256", 1, "'page' stands twice; give it once"),
    ("chip generic colour=3", 1, "a chip has no 'colour'; it has sectors, sector, page, unit, "
     "read, erased, programs, tear, endurance and zeros"),
    ("chip generic\nchip generic", 2, "this statement stands twice; give it once"),
    ("store a empty", 1, "a 'chip' line must come before this"),
    ("chip generic\nrepeat 2 {", 2, "an 'engine' line must come before this"),
    ("engine a b", 1, "'=' is expected at the end of this line"),
    ("engine a b=1 b=1", 1, "'b' stands twice; give it once"),
    ("engine a b=18446744073709551616", 1, "an option must be from 0 to 18446744073709551615"),
    ("engine a b=" + "c" * 24, 1, "this name must have at most 23 bytes"),
    ("engine a b=-1", 1, "an option is expected, not '-1'"),
    ("engine a a=1 b=1 c=1 d=1 e=1 f=1 g=1 h=1 i=1", 1, "an engine takes at most 8 options"),
    ("engine " + "a" * 64, 1, "this name must have at most 63 bytes"),
    ("seed -1", 1, "a seed is expected, not '-1'"),
    ("every 5", 1, "ns, us, ms, s, m, h or d is expected at the end of this line"),
    ("every 5min", 1, "ns, us, ms, s, m, h or d is expected, not 'min'"),
    ("every 0s", 1, "a time must be from 1 to 18446744073709551615"),
    ("every 213504d", 1, "this time is over 2^64 ns; take a shorter one"),
    ("faults edge,bit", 1, "a list of fault classes, such as edge,bits, is expected, "
     "not 'edge,bit'"),
    ("depth 5", 1, "a depth must be from 1 to 4"),
    ("found durable 5", 1, "a text in quotes is expected, not '5'"),
    ("found durable \"" + "x" * 200 + '"', 1, "this text must have under 200 bytes"),
    ('found durable "\\x00"', 1, "this text must have no NUL byte"),
    ("image 9f", 1, "a number like 0x1f is expected, not '9f'"),
    ("trace 9f", 1, "a digest of 16 hex digits is expected, not '9f'"),
    (HEADER + "\n\nstoer a empty", 5, "a statement is expected, not 'stoer'"),
    (HEADER + "store", 3, KEY_EXPECTED + " at the end of this line"),
    (HEADER + "store 7 empty", 3, KEY_EXPECTED + ", not '7'"),
    (HEADER + "store a", 3, VALUE_EXPECTED + " at the end of this line"),
    (HEADER + "store a # empty", 3, VALUE_EXPECTED + " at the end of this line"),
    (HEADER + "store a home", 3, VALUE_EXPECTED + ", not 'home'"),
    (HEADER + "store a absent", 3, VALUE_EXPECTED + ", not 'absent'"),
    (HEADER + "expect a random 4", 3, VALUE_EXPECTED + ", not 'random'"),
    (HEADER + "store a \"x", 3, "this text must end with a quote"),
    (HEADER + 'store a "\\q"', 3, 'a backslash must start one of \\" \\\\ \\n \\r \\t \\xHH'),
    (HEADER + "store a 0x123", 3, "0x must be followed by two hex digits for each byte"),
    (HEADER + "store a 0x", 3, "0x must be followed by two hex digits for each byte"),
    (HEADER + "store a random 9..8", 3, "the larger size must be from 9 to 131072"),
    (HEADER + "store a random 131073", 3, "a size must be from 0 to 131072"),
    (HEADER + "store a fill 256 1", 3, "a byte must be from 0 to 255"),
    (HEADER + "store a fill 0x1234 1", 3, "fill takes one byte, not 2"),
    (HEADER + "store a fill i 1", 3, "no repeat around this has a variable 'i'"),
    (HEADER + "store u8:256 empty", 3, "this key must be from 0 to 255"),
    (HEADER + "store u24:1 empty", 3, "expected u8, u16 or u32 before ':'"),
    (HEADER + "store u8:[250..256] empty", 3,
     "this key must be from 0 to 255, but its index goes up to 256"),
    (HEADER + "repeat 70000 as i {\nstore u16:[i] empty", 4,
     "this key must be from 0 to 65535, but its index goes up to 69999"),
    (HEADER + "store k[5..4] empty", 3, "the end of this range must be from 5 to 4294967295"),
    (HEADER + "store k[5] empty", 3, "'..' is expected, not ']'"),
    (HEADER + "store k[] empty", 3, "LOW..HIGH or the variable of a repeat is expected, not ']'"),
    (HEADER + "repeat 2 as i {\nstore k[i % 0] empty", 4, "a modulus must be from 1 to 4294967295"),
    (HEADER + "repeat 2 as i {\n}\nstore k[i] empty", 5, "no repeat around this has a variable "
     "'i'"),
    (HEADER + "store a empty cut 1 sideways:3", 3, "a tear, such as prefix:5, is expected, "
     "not 'sideways:3'"),
    (HEADER + "store a empty fail 1 locked", 3, "a tear, such as prefix:5, is expected, not "
     "'locked'"),
    (HEADER + "store a empty fail 1 erased", 3, "a tear, such as prefix:5, is expected, not "
     "'erased'"),
    (HEADER + "store a empty lie 1 done", 3, "none or a part, such as prefix:5, is expected, not "
     "'done'"),
    (HEADER + "store a empty lie 1 zero-tail:3", 3, "none or a part, such as prefix:5, is "
     "expected, not 'zero-tail:3'"),
    (HEADER + "store a empty stray 1 none", 3, "an address and bits, such as at:1c0:255, is "
     "expected, not 'none'"),
    (HEADER + "store a empty cut 1 at:0:1", 3, "a tear, such as prefix:5, is expected, not "
     "'at:0:1'"),
    (HEADER + "store a empty cut 1 bit:1", 3, "a tear, such as prefix:5, is expected, not "
     "'bit:1'"),
    (HEADER + "fetch a glitch 1 none", 3, "error, errors:2, erased or a bit, such as bit:5, is "
     "expected, not 'none'"),
    (HEADER + "fetch a glitch 1 errors:0", 3, "error, errors:2, erased or a bit, such as bit:5, is "
     "expected, not 'errors:0'"),
    (HEADER + "fetch a glitch 0 erased", 3,
     "the number of a read must be from 1 to 4294967295"),
    (HEADER + "mount cut 0 done", 3,
     "the number of a program or erase must be from 1 to 4294967295"),
    (HEADER + "expect a empty cut 1 done", 3, "the end of the line is expected, not 'cut'"),
    (HEADER + "oldest empty cut 1 done", 3, "the end of the line is expected, not 'cut'"),
    (HEADER + "newest random 4", 3, VALUE_EXPECTED + ", not 'random'"),
    (HEADER + "push", 3, VALUE_EXPECTED + " at the end of this line"),
    (HEADER + "append absent", 3, VALUE_EXPECTED + ", not 'absent'"),
    (HEADER + "append count 0", 3, "a size must be from 1 to 131072"),
    (HEADER + "append count 131073", 3, "a size must be from 1 to 131072"),
    (HEADER + "push fill i % 2 1", 3, "no repeat around this has a variable 'i'"),
    (HEADER + "pop oldest", 3, "no repeat around this has a variable 'oldest'"),
    (HEADER + "pop 4294967296", 3, "a place must be from 0 to 4294967295"),
    (HEADER + "pop -1", 3, "a place (0 is the oldest item) is expected, not '-1'"),
    (HEADER + "read", 3, "a place (0 is the oldest item) is expected at the end of this line"),
    (HEADER + "peek 1", 3, "the end of the line is expected, not '1'"),
    (HEADER + "sync now", 3, "the end of the line is expected, not 'now'"),
    (HEADER + "look again", 3, "the end of the line is expected, not 'again'"),
    (HEADER + "snapshot", 3, "the number of a snapshot is expected at the end of this line"),
    (HEADER + "snapshot 5", 3, "the number of a snapshot must be from 1 to 4"),
    (HEADER + "close 0", 3, "the number of a snapshot must be from 1 to 4"),
    (HEADER + "fetch a in", 3, "the number of a snapshot is expected at the end of this line"),
    (HEADER + "remove a in 1", 3, "the end of the line is expected, not 'in'"),
    (HEADER + "scan a..m", 3, "a key in quotes, then '..' is expected at the end of this line"),
    (HEADER + 'scan k[0..3].."m"', 3, "scan takes two keys, none with an index"),
    (HEADER + 'scan "a"..', 3, KEY_EXPECTED + " at the end of this line"),
    (HEADER + "begin 1", 3, "the end of the line is expected, not '1'"),
    (HEADER + "destroy", 3, KEY_EXPECTED + " at the end of this line"),
    (HEADER + "rot 0", 3, "a number of bits must be from 1 to 1048576"),
    (HEADER + "repeat 0 {", 3, "a number of turns must be from 1 to 16777216"),
    (HEADER + "repeat 2", 3, "'{' is expected at the end of this line"),
    (HEADER + "repeat 2 { look }", 3, "the end of the line is expected, not 'look'"),
    (HEADER + "repeat 2 as i {\nrepeat 2 as i {", 4,
     "a repeat around this has the same variable; name it differently"),
    (HEADER + "}", 3, "this '}' ends no repeat"),
    (HEADER + NESTED + "look\n", 3, "this repeat must end with a '}'"),
    (HEADER + 17 * NESTED, 19, "repeats nest at most 16 deep"),
    (HEADER + "look\nseed 1", 4, "this must come before the first operation"),
    (HEADER + "look\0", 3, "expected text, not the byte 0x00"),
    (HEADER + "look # \x1b[31m", 3, "expected text, not the byte 0x1b"),
    (HEADER + "# " + "x" * 1000, 3, "a comment has at most 1000 bytes"),
    (HEADER + "store a \"" + "x" * 131073 + '"', 3, "a key or a value has at most 131072 bytes"),
    (HEADER + "store " + "x" * 131073, 3, "a key or a value has at most 131072 bytes"),
    (HEADER + "look" + " " * (1 << 22), 3, "this line is over 4 MiB; make it shorter"),
    (HEADER + "look \xfc", 3, "the end of the line is expected, not '??'"),
]  # fmt: skip


@pytest.mark.parametrize("text, line, reason", MISTAKES, ids=[reason for *_, reason in MISTAKES])
def test_a_mistake_is_reported_with_its_line(language, text, line, reason):
    with pytest.raises(Mistake) as mistake:
        language.printed(text)
    assert (mistake.value.line, mistake.value.reason) == (line, reason)


TOO_MUCH = [
    ("store k[0..16777216] empty\n", 0,
     "a scenario has at most 16777216 operations; repeat less often"),
    ("repeat 16777216 {\nlook\nlook\n}\n", 0,
     "a scenario has at most 16777216 operations; repeat less often"),
    (16 * "repeat 16777216 {\n" + "look\n" + 16 * "}\n", 0,
     "a scenario has at most 16777216 operations; repeat less often"),
    (16 * "repeat 16777216 {\nstore k[0..4294967295] empty\n" + 16 * "}\n", 0,
     "a scenario has at most 16777216 operations; repeat less often"),
    ("repeat 2049 {\nstore k random 131072\n}\n", 4,
     "all values together must be at most 256 MiB; use fewer or smaller ones"),
    ("repeat 8388609 {\nappend count 32\n}\n", 4,
     "all values together must be at most 256 MiB; use fewer or smaller ones"),
]  # fmt: skip


@pytest.mark.parametrize("text, line, reason", TOO_MUCH, ids=range(len(TOO_MUCH)))
def test_a_scenario_that_would_fill_the_memory_is_refused(language, text, line, reason):
    assert language.printed(HEADER + text)
    with pytest.raises(Mistake) as mistake:
        language.op_count(HEADER + text)
    assert (mistake.value.line, mistake.value.reason) == (line, reason)


def test_values_of_one_byte_over_and_over_are_there_once(language):
    text = HEADER + "repeat 2049 as i {\nstore k fill i 131072\npush fill 7 131072\n}\n"
    assert language.op_count(text) == 4098


def test_blocks_without_operations_take_no_time(language):
    text = HEADER + 16 * "repeat 16777216 {\n" + "# nothing\n" + 16 * "}\n" + "look\n"
    assert language.op_count(text) == 1


# --- any text ---

PIECES = re.findall(r"\w+|\s+|.", "".join(text for text, *_ in MISTAKES if len(text) < 400))


def survives(language, text):
    """Any answer will do, but a text that is a scenario prints as one that prints back."""
    try:
        printed = language.printed(text)
    except Mistake as mistake:
        assert "\n" not in mistake.reason and 0 < len(mistake.reason) < 160
        return
    printed = printed.encode("utf-8", "surrogateescape")
    again = language.printed(printed).encode("utf-8", "surrogateescape")
    assert again == printed


@given(st.binary(max_size=300))
@example(b"\xef\xbb\xbf# a byte order mark")
@example(b"#\xff\n\n")
def test_random_bytes_are_mistakes(language, text):
    survives(language, text)
    survives(language, HEADER.encode() + text)


@given(st.lists(st.sampled_from(PIECES), max_size=40).map("".join))
def test_random_words_are_mistakes_or_print_back(language, text):
    survives(language, HEADER + text)


@given(st.sampled_from(SHIPPED), st.data())
def test_a_damaged_scenario_is_a_mistake_or_prints_back(language, path, choice):
    text = bytearray(path.read_bytes())
    for _ in range(choice.draw(st.integers(1, 6))):
        at = choice.draw(st.integers(0, len(text)))
        end = at + choice.draw(st.integers(0, 4))
        text[at:end] = choice.draw(st.binary(max_size=3) | st.sampled_from(PIECES).map(str.encode))
    survives(language, bytes(text))


# --- the shipped scenarios ---


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_a_shipped_scenario_prints_back_byte_for_byte(language, path):
    text = path.read_bytes().decode()
    assert language.printed(text) == text


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_a_shipped_scenario_opens_with_what_it_is(path):
    assert re.match(r"# [A-Z]", path.read_text())


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_a_shipped_scenario_expands(language, path):
    assert language.op_count(path.read_text()) > 0
