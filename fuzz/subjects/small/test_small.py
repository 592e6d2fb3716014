"""Small engines with one fault each, and their healthy twins: the first are found, the others are
never accused.

A way of exploring that looked at too little has missed each fault. SUBJECTS says what shows it now,
and what must not be enough.
"""

import json
import re
import sqlite3
import subprocess
from pathlib import Path

import pytest
from conftest import ROOT
from harness import CLEAN, DIVERGED, NOT_JUDGED, Harness, compiler, cuts

HERE = Path(__file__).resolve().parent

CHIP = "chip generic sectors=2 sector={sector} page=64 unit=4 read=4 programs=1\nengine {name}\n"
RING = "chip generic sectors=4 sector={sector} page=64 unit=4 read=4 programs=1\nengine {name}\n"

NOTES = "chip generic sectors=3 sector={sector} page=64 unit=4 read=4\nengine {name}\n"

SETTINGS = (
    CHIP,
    256,
    """
store ssid "home"
store boots fill 1 9
store ssid "work"
store boots fill 2 9
remove ssid
store pin "1234"
look
""",
)
ONE = (CHIP, 256, 'store ssid "home"\nlook\n')
COUNTER = (CHIP, 256, "store a 0x01\nrepeat 8 as i {\n  store b fill i 4\n}\nremove a\nlook\n")
# Seven slots: the removal is the eighth record, and the first one that is not in the uncut run.
USED_UP = (CHIP, 256, COUNTER[2].replace("repeat 8", "repeat 5").replace("look", "store c 0x02"))
# Three values fill a bank, so each further store moves them.
FULL = (CHIP, 128, "store a 0x01\nstore b 0x02\nstore c 0x03\n")
LIVELY = (CHIP, 256, "repeat 24 as i {\n  store key[i % 3] fill i 4\n}\nlook\n")
# Of the same value: what a fetch gave in one state is what it should give in the next one.
SAME = (CHIP, 256, 'repeat 24 {\n  store ssid "home"\n}\nlook\n')
TORN = (CHIP, 256, "repeat 48 as i {\n  store b fill i 4 cut 1 prefix:9\n  mount\n}\n")
LARGER = "".join(f"store {key} fill 0x{i}7 16\n" for i, key in enumerate("abca"))
COPIED = (CHIP, 128, LARGER + "look\n")
MOVED = (CHIP, 128, FULL[2] + "store a 0x04\nlook\n")
LAPS = (RING, 256, "repeat 22 {\n  append count 12\n}\n")
FEW = (RING, 1024, "repeat 3 {\n  append count 12\n}\nlook\n")
BOOTED = (CHIP, 128, "repeat 4 as i {\n  store a fill i 4\n  store b fill i 4\n  mount\n}\n")
PASSED_ON = (RING, 256, "repeat 9 {\n  push count 12\n  pop\n}\npush count 12\nlook\n")
MANY_PUSHED = (RING, 256, "repeat 20 {\n  push count 12\n}\nmount\npop\nmount\nlook\n")
FEW_PUSHED = (RING, 256, "repeat 2 {\n  push count 12\n}\npop\npush count 12\nlook\n")
PUSHED = (RING, 256, "push count 12\npush count 12\nlook\n")
# The sector is full when the last item is cut, so that nothing goes in until it was idle.
RESTED = (RING, 128, "push count 12\npush count 12\nidle\npush count 12\npop\npush \"x\"\nlook\n")
ADD = "append count 12\n"
FILLED = f"repeat 55 {{\n  {ADD}}}\nidle\nlook\n{ADD}"
DROPPED = (RING, 512, f"repeat 5 {{\n  {ADD}  idle\n}}\nlook\n{FILLED}")
BOOTS = (RING, 512, "repeat 5 {\n  append count 12\n  mount\n}\nlook\n")


def and_then(scenario, *lines):
    head, sector, body = scenario
    return head, sector, body + "\n".join([*lines, ""])


# Name, scenario, options that show it, clauses that are broken, options that do not show it.
EDGES = ("--faults", "edge")
PREFIXES = ("--faults", "edge,prefix")
FAILS = ("--faults", "fail")
GLITCHES = ("--faults", "glitch")
LIES = ("--faults", "lie")
STRAYS = ("--faults", "stray")
AGED = {"durable", "settled"}
SUBJECTS = [
    ("recovery-in-place", SETTINGS, (*PREFIXES, "--depth", 2), {"alive"}, PREFIXES),
    ("torn-header", LAPS, PREFIXES, {"durable"}, None),
    ("stale-bank", ONE, PREFIXES, {"settled", "durable"}, (*PREFIXES, "--no-use")),
    ("remove-newest", SETTINGS, PREFIXES, {"settled"}, (*PREFIXES, "--no-use")),
    ("migrate-removed", SETTINGS, PREFIXES, {"settled"}, (*PREFIXES, "--no-use")),
    ("reads-repair", SETTINGS, PREFIXES, {"durable", "atomic"}, (*PREFIXES, "--no-use")),
    ("rot-format", MOVED, ("--faults", "edge,rot"), {"honest"}, EDGES),
    ("full-remove", and_then(FULL, "remove a"), EDGES, {"alive"}, None),
    ("full-remove", and_then(FULL, "store a 0x04"), EDGES, {"alive"}, None),
    ("torn-remove", USED_UP, PREFIXES, {"alive"}, (*PREFIXES, "--no-use")),
    ("space-of-head", FEW_PUSHED, EDGES, {"honest"}, (*EDGES, "--no-use")),
    ("region-unknown", MANY_PUSHED, EDGES, {"honest"}, None),
    ("id-unchecked", MANY_PUSHED, EDGES, {"honest"}, None),
    ("space-torn", FEW_PUSHED, PREFIXES, {"honest"}, EDGES),
    ("needless-erase", BOOTS, EDGES, {"durable", "settled"}, None),
    ("needless-erase", FEW, EDGES, {"durable", "settled"}, (*EDGES, "--no-use")),
    ("note-erased", (NOTES, *ONE[1:]), EDGES, {"alive"}, None),
    ("only-ram", ONE, EDGES, {"durable"}, None),
    ("formats-unread", SETTINGS, GLITCHES, {"durable"}, EDGES),
    ("formats-twice", SETTINGS, GLITCHES, {"durable"}, EDGES),
    ("unread-damaged", SETTINGS, GLITCHES, {"honest"}, EDGES),
    ("fetch-unchecked", SETTINGS, GLITCHES, {"durable", "settled"}, EDGES),
    ("fetch-torn", SETTINGS, PREFIXES, {"settled", "durable"}, EDGES),
    ("fetch-torn", SAME, PREFIXES, {"settled", "durable"}, EDGES),
    ("fetch-repairs", TORN, FAILS, {"settled"}, EDGES),
    ("fetch-stale", LIVELY, EDGES, {"durable"}, None),
    ("never-reclaims", PASSED_ON, EDGES, {"alive"}, (*EDGES, "--no-use")),
    ("boot-writes", BOOTED, PREFIXES, {"settled"}, None),
    ("erased-ahead", MOVED, PREFIXES, {"durable", "lawful", "alive", "settled"}, None),
    ("idle-erases", RESTED, PREFIXES, {"alive"}, EDGES),
    ("idle-drops", DROPPED, EDGES, {"durable", "settled"}, None),
    ("reset-shows-older", and_then(MOVED, "format", "look"), EDGES, {"atomic"}, None),
    ("refuses-once", PUSHED, PREFIXES, {"alive"}, EDGES),
    ("gives-up", SETTINGS, GLITCHES, {"durable"}, EDGES),
    ("verify-start", SETTINGS, LIES, {"durable", "settled"}, PREFIXES),
    ("blank-start", LIVELY, LIES, {"durable", "settled"}, PREFIXES),
    ("verify-keeps", SETTINGS, LIES, {"durable", "settled"}, EDGES),
    ("copies-unchecked", COPIED, STRAYS, {"honest"}, ("--faults", "edge,rot")),
    ("fetch-unchecked", MOVED, STRAYS, {"honest"}, ("--faults", "edge,rot")),
    ("rot-format", MOVED, STRAYS, {"honest"}, EDGES),
    ("number-of-8", ONE, EDGES, AGED, None),
    ("wipes-value", SETTINGS, PREFIXES, {"sane"}, None),
    ("number-of-changes", ONE, EDGES, AGED, None),
]


def title(subject):
    return f"{subject[0]}-{'-'.join(map(str, subject[2]))}"


@pytest.fixture(scope="module")
def harness(brownout, tmp_path_factory):
    return Harness(brownout, tmp_path_factory.mktemp("small"))


@pytest.fixture(scope="module")
def plainly(quick, tmp_path_factory):
    """The same without sanitizers, which are not in the subjects anyway; the heap is weighed."""
    return Harness(quick, tmp_path_factory.mktemp("plainly"))


@pytest.fixture(scope="module")
def plugin(harness):
    """plugin(name, healthy=False) compiles a subject, or its twin; the path of the object."""
    built = {}

    def build(name, healthy=False):
        source = HERE / f"{name.replace('-', '_')}.c"
        made = harness.folder / f"{name}{'-healthy' if healthy else ''}.so"
        if made not in built:
            flags = ["-DHEALTHY"] if healthy else []
            words = [*compiler(), "-std=c11", "-O1", "-shared", "-fPIC", f"-I{ROOT}", *flags]
            subprocess.run([*words, str(source), "-o", str(made)], check=True)
            built[made] = True
        return made

    return build


def text_of(name, scenario):
    head, sector, body = scenario
    return head.format(sector=sector, name=name) + body


# --- every fault ---


@pytest.mark.parametrize("subject", SUBJECTS, ids=title)
def test_the_fault_is_found_and_its_cases_replay(harness, plugin, subject):
    name, scenario, options, clauses, _ = subject
    made = plugin(name)
    explored = harness.explore(text_of(name, scenario), "--plugin", made, *options)
    assert explored.clauses and explored.clauses <= clauses
    for found in explored.found:
        assert harness.replay(found.path, "--plugin", made)[0] == found.clause, found.text


@pytest.mark.parametrize("subject", SUBJECTS, ids=title)
def test_what_a_case_shows_is_found_too_where_its_text_is_explored(plainly, plugin, subject):
    """Its cuts are the scenario's own then, and what works without them must work after them."""
    name, scenario, options, _, _ = subject
    made = plugin(name)
    for found in plainly.explore(text_of(name, scenario), "--plugin", made, *options).found:
        text = re.sub(r"^(found|trace) .*\n", "", found.text, flags=re.MULTILINE)
        assert found.clause in plainly.explore(text, "--plugin", made, *EDGES).clauses, text


@pytest.mark.parametrize("subject", SUBJECTS, ids=title)
def test_the_healthy_twin_is_clean(plainly, plugin, subject):
    name, scenario, options, _, _ = subject
    made = plugin(name, healthy=True)
    explored = plainly.explore(text_of(name, scenario), "--plugin", made, *options)
    assert explored.found == []
    assert explored.judged > 1


@pytest.mark.parametrize("subject", [each for each in SUBJECTS if each[4]], ids=title)
def test_less_than_that_does_not_show_it(harness, plugin, subject):
    """Else the subject proves nothing of what shows it."""
    name, scenario, _, _, less = subject
    explored = harness.explore(text_of(name, scenario), "--plugin", plugin(name), *less)
    assert explored.found == []
    assert explored.judged > 1


def test_an_engine_that_writes_into_what_it_is_given_hides_nothing(harness, plugin):
    """Each command says the same of it, and where that is waived all else is right."""
    made = plugin("wipes-value")
    path = harness.write(text_of("wipes-value", SETTINGS))
    for command in ("run", "wear"):
        done = harness.brownout(command, path, "--plugin", made)
        assert done.returncode == DIVERGED
        assert "writes into the value of 4 bytes that it is given" in done.stdout
    words = ("--plugin", made, "--waive", "sane", "--artefacts", harness.folder, *PREFIXES)
    done = harness.brownout("explore", path, *words)
    assert done.returncode == CLEAN and "waived" in done.stdout, done.stdout


def test_a_fault_that_takes_two_bad_reads_has_a_case_that_says_so(plainly, plugin):
    made = plugin("formats-twice")
    found = plainly.explore(text_of("formats-twice", SETTINGS), "--plugin", made, *GLITCHES).found
    assert found and all(re.search(r" glitch \d+ errors:2\n", case.text) for case in found)


def test_a_push_that_read_wrong_and_is_refused_says_nothing_of_space(plainly, plugin):
    """It takes the next sector for one that is in use. What space() said before was true."""
    made = plugin("space-torn", healthy=True)
    told = set()
    for read in range(985, 1060, 3):
        body = (RING, 256, f"push count 12\npop\nuse glitch {read} erased\nlook\n")
        text = text_of("space-torn", body).replace(" programs=1", "")
        clause, story = plainly.replay(text, "--plugin", made)
        told.add(clause)
        assert not re.search(r"at least \d+, as space\(\) said", story), read
    assert "alive" in told, "else no read of a push was one of these"


@pytest.mark.parametrize("seed", [35, 40])
def test_what_a_cut_call_moves_to_where_bits_rotted_may_be_missing(plainly, plugin, seed):
    """It was there before, in a sector that nothing had hit."""
    text = text_of("erased-ahead", (CHIP, 128, f"{FULL[2]}rot 1 seed {seed}\nstore a 0x04\nlook\n"))
    made = plugin("erased-ahead", healthy=True)
    explored = plainly.explore(text, "--plugin", made, *EDGES)
    assert explored.found == [] and explored.judged > 5


def test_every_subject_is_tried():
    tried = {name.replace("-", "_") for name, *_ in SUBJECTS}
    tried |= {"refuses_all", "two_faults", "unlawful_loses", "trusts_blank"}
    tried |= {"refuses_removed", "refuses_stores", "junk_empty", "number_of_16", "number_of_moves"}
    tried |= {"crashes_old", "counts_lazily", "cuts_take_room"}
    tried |= {"transactions"}  # test_transactions.py
    assert tried == {path.stem for path in HERE.glob("*.c")}


def test_after_an_exercise_of_the_text_a_refusal_is_none_that_a_replay_denies(plainly, plugin):
    """Its key may take room, so a replay asks for nothing then."""
    body = (CHIP, 256, "store a 0x01\nstore b 0x02\nuse\nremove a\nstore c 0x02\n")
    words = ("--plugin", plugin("torn-remove"), *PREFIXES)
    explored = plainly.explore(text_of("torn-remove", body), *words)
    assert explored.found == [] and explored.judged > 100


def test_a_refusal_is_of_the_call_that_was_refused(plainly, plugin):
    """After it the key is read, which is no part of the kind."""
    words = ("--plugin", plugin("torn-remove"), *PREFIXES)
    explored = plainly.explore(text_of("torn-remove", USED_UP), *words)
    refused = [found.text for found in explored.found if "\nfound alive refused " in found.text]
    assert refused and all("\nfound alive refused remove " in text for text in refused)


# --- fuzz cuts ---


def fuzz(plainly, plugin, name, *options, healthy=False):
    words = ("--plugin", plugin(name, healthy), "--json", "--quiet", "--artefacts", plainly.folder)
    done = plainly.brownout("fuzz", "--engine", name, *words, *options)
    return done.returncode, json.loads(done.stdout)


def test_fuzz_finds_what_takes_two_cuts(plainly, plugin):
    words = ("--depth", 2, "--runs", 12, *PREFIXES)
    code, told = fuzz(plainly, plugin, "recovery-in-place", *words)
    assert code == DIVERGED and told["cuts"] > 0
    texts = [Path(each["case"]).read_text() for each in told["divergences"]]
    assert any(len(cuts(text)) == 2 for text in texts)
    code, told = fuzz(plainly, plugin, "recovery-in-place", *words, healthy=True)
    assert code == CLEAN and told["cuts"] > 0


@pytest.mark.parametrize("fault, name", [("glitch", "fetch-unchecked"), ("lie", "verify-start")])
def test_fuzz_finds_what_takes_a_bad_read_or_a_lie(plainly, plugin, fault, name):
    """Alone, and among the cuts of other classes."""
    for faults in (fault, f"edge,{fault}"):
        words = ("--runs", 30, "--max", 1, "--faults", faults)
        code, told = fuzz(plainly, plugin, name, *words)
        texts = [Path(each["case"]).read_text() for each in told["divergences"]]
        assert code == DIVERGED and f" {fault} " in texts[0]
        code, told = fuzz(plainly, plugin, name, *words, healthy=True)
        assert code == CLEAN and told["judged"] > 10


def test_fuzz_finds_what_takes_a_stray(plainly, plugin):
    words = ("--runs", 60, "--max", 1, *STRAYS)
    code, told = fuzz(plainly, plugin, "fetch-unchecked", *words)
    texts = [Path(each["case"]).read_text() for each in told["divergences"]]
    assert code == DIVERGED and " stray " in texts[0]


LIVES = {
    "number-of-16": ("durable", "--runs", 24),
    "number-of-moves": ("durable", "--runs", 24, "--no-shrink"),
    "crashes-old": ("sane", "--runs", 24),
}


@pytest.mark.parametrize("name", LIVES)
def test_fuzz_finds_numbers_of_16_bits_that_come_round_once(plainly, plugin, name):
    clause, *words = LIVES[name]
    words = ("--max", 1, *EDGES, *words)
    code, told = fuzz(plainly, plugin, name, *words)
    [found] = told["divergences"]
    text = Path(found["case"]).read_text()
    assert code == DIVERGED and re.search(f"^found {clause} aged ", text, re.MULTILINE)
    assert plainly.replay(Path(found["case"]), "--plugin", plugin(name))[0] == clause
    code, told = fuzz(plainly, plugin, name, *words, healthy=True)
    assert code == CLEAN and told["judged"] > 0


def test_fuzz_finds_what_is_wrong_with_a_counter(plainly, plugin):
    words = ("--runs", 40, "--no-shrink", *EDGES)
    for seed in (2, 3):
        code, told = fuzz(plainly, plugin, "counts-lazily", *words, "--max", 1, "--seed", seed)
        assert code == DIVERGED and told["divergences"][0]["clause"] in {"durable", "settled"}
    code, told = fuzz(plainly, plugin, "counts-lazily", *words, healthy=True)
    assert code == CLEAN and told["judged"] > 100


def test_bytes_may_cut_power_in_the_same_operation_again_and_again(plainly, plugin):
    """Each cut takes one of many places: one cut, or a pair, shows nothing."""
    header = bytes([0, 0, 0, 0, 0, 0, 4 | 8, 0x20, *bytes(8)])  # insists; stores alone
    stores = [bytes([0, key % 2, 3, 9 + key, 0, 0, 0, 0]) for key in range(8)]
    stores.insert(2, bytes([0, 0, 3, 99, 160, 2, 8, 24]))  # torn, 33 times over
    (plainly.folder / "insists").write_bytes(header + b"".join(stores))
    chip = ("--chip", "generic sectors=2 sector=512 unit=4")
    for healthy in (False, True):
        words = ("--plugin", plugin("cuts-take-room", healthy), *chip, *PREFIXES)
        path = plainly.folder / "insists"
        done = plainly.brownout("decode", path, "--engine", "cuts-take-room", *words)
        assert done.returncode == (CLEAN if healthy else DIVERGED), done.stdout
        assert len(cuts(done.stdout)) > 20
        assert healthy or "\nfound alive refused store " in done.stdout


def test_fuzz_cuts_a_reset(plainly, plugin):
    words = ("--runs", 60, *EDGES)
    code, told = fuzz(plainly, plugin, "reset-shows-older", *words, "--max", 1)
    texts = [Path(each["case"]).read_text() for each in told["divergences"]]
    assert code == DIVERGED and "\nformat cut " in texts[0]
    code, told = fuzz(plainly, plugin, "reset-shows-older", *words, healthy=True)
    assert code == CLEAN and told["judged"] > 100


def test_fuzz_finds_a_store_that_is_made_of_random_bytes(plainly, plugin):
    words = ("--runs", 20, "--max", 1, *EDGES)
    code, told = fuzz(plainly, plugin, "junk-empty", *words)
    found = told["divergences"][0]
    assert code == DIVERGED and found["clause"] == "honest"
    assert found["finding"].startswith("mount of random bytes: expected a refusal")
    replayed = plainly.replay(Path(found["case"]), "--plugin", plugin("junk-empty"))
    assert replayed[0] == "honest"
    code, told = fuzz(plainly, plugin, "junk-empty", *words, healthy=True)
    assert code == CLEAN and told["images"] > 50


# --- nothing was judged ---


def test_an_engine_that_refuses_everything_is_no_pass(harness, plugin):
    path = harness.write(text_of("refuses-all", ONE))
    words = ("--plugin", plugin("refuses-all"), "--artefacts", harness.folder)
    done = harness.brownout("explore", path, *words)
    assert done.returncode == NOT_JUDGED
    assert "NOTHING WAS JUDGED" in done.stdout and "answers full" in done.stdout
    code, told = fuzz(harness, plugin, "refuses-all", "--runs", 4, *EDGES)
    assert (code, told["judged"], told["divergences"]) == (NOT_JUDGED, 0, [])


def test_an_engine_that_takes_no_value_is_no_pass_though_something_is_cut(harness, plugin):
    """What it shows is an empty store, which is right all the time."""
    path = harness.write(text_of("refuses-stores", and_then(ONE, "remove ssid", "remove ssid")))
    words = ("--artefacts", harness.folder, *EDGES)
    done = harness.brownout("explore", path, "--plugin", plugin("refuses-stores"), *words)
    assert done.returncode == NOT_JUDGED, done.stdout
    assert "NOTHING WAS JUDGED: the engine took no value" in done.stdout
    assert "2 cuts" in done.stdout and " 0 judged" in done.stdout
    words = ("--plugin", plugin("refuses-stores", healthy=True), *words)
    assert harness.brownout("explore", path, *words).returncode == CLEAN
    for healthy in (False, True):
        code, told = fuzz(harness, plugin, "refuses-stores", "--runs", 12, *EDGES, healthy=healthy)
        assert (code, told["judged"] > 0) == ((CLEAN, True) if healthy else (NOT_JUDGED, False))
        assert told["states"] > 0 and told["divergences"] == []
        assert told["judged"] + told["skipped"] + told["empty"] == told["states"]


def test_a_run_in_which_no_value_is_taken_is_no_pass_though_it_looks(harness, plugin):
    path = harness.write(text_of("refuses-stores", and_then(ONE, "look")))
    done = harness.brownout("run", path, "--plugin", plugin("refuses-stores"))
    assert done.returncode == NOT_JUDGED
    assert "NOTHING WAS JUDGED: the engine took no value" in done.stdout
    so = plugin("refuses-stores", healthy=True)
    assert harness.brownout("run", path, "--plugin", so).returncode == CLEAN
    for more in ((), ("--cuts", "1/1")):
        words = ("wear", path, "--engines", "refuses-stores", *more, "--plugin")
        done = harness.brownout(*words, plugin("refuses-stores"))
        assert done.returncode == NOT_JUDGED and "took no value" in done.stdout
        assert harness.brownout(*words, so).returncode == CLEAN


def test_a_run_that_puts_nothing_in_is_no_pass_though_it_looks(harness, plugin):
    """The exercise puts something in, and what was recorded was shown by something."""
    so = plugin("refuses-stores", healthy=True)
    words = ("--plugin", so)
    text = text_of("refuses-stores", (*ONE[:2], "look\nmount\nremove ssid\nlook\n"))
    path = harness.write(text)
    for command in ("run", "replay"):
        done = harness.brownout(command, path, *words)
        assert done.returncode == NOT_JUDGED
        assert "NOTHING WAS JUDGED: nothing was put in" in done.stdout
    assert harness.brownout("run", path, "--json", *words).returncode == NOT_JUDGED
    done = harness.brownout("wear", path, "--engines", "refuses-stores", *words)
    assert done.returncode == NOT_JUDGED and "took no value" in done.stdout
    for shows in (
        text.replace("remove ssid", "use"),
        text.replace("look\nmount", 'found settled back each none "x"\n\nlook\nmount'),
    ):
        assert harness.brownout("replay", harness.write(shows), *words).returncode == CLEAN


def test_a_scenario_without_a_value_is_judged_on_an_engine_that_takes_values_alone(harness, plugin):
    """Nothing says that it would have been refused: a new store is asked."""
    path = harness.write(text_of("refuses-stores", (ONE[0], ONE[1], "remove ssid\n" * 3)))
    words = ("--artefacts", harness.folder, *EDGES)
    for healthy, code in ((False, NOT_JUDGED), (True, CLEAN)):
        so = plugin("refuses-stores", healthy=healthy)
        done = harness.brownout("explore", path, "--plugin", so, *words)
        assert done.returncode == code, done.stdout
        assert ("the engine took no value" in done.stdout) == (not healthy)


def test_a_time_that_is_too_short_is_no_pass(harness, plugin):
    lines = "repeat 60000 {\n  fetch ssid\n}\n"
    path = harness.write(text_of("refuses-all", and_then(ONE, lines)))
    words = ("--plugin", plugin("refuses-all", healthy=True), "--artefacts", harness.folder)
    done = harness.brownout("explore", path, *words, "--seconds", 0.0001)
    assert done.returncode == NOT_JUDGED
    assert "NOTHING WAS JUDGED" in done.stdout and "stopped by --seconds" in done.stdout


# --- what a queue must hold ---

THREE = "chip generic sectors=3 sector={sector} page=64 unit=4 read=4 programs=1\nengine {name}\n"
# The exercise is over before this one is full, and begins anew at any place of a sector.
LARGE = (THREE, 1024, "repeat 31 {\n  push count 12\n  pop\n}\n")
# Two items more would fill it. What a cut tears costs what is left of the sector.
NEARLY = (THREE, 512, "repeat 43 {\n  push count 12\n}\nlook\n")


@pytest.mark.parametrize("scenario", [LARGE, NEARLY], ids=["large", "nearly full"])
def test_a_queue_of_small_items_is_not_accused_of_what_a_sector_costs(plainly, plugin, scenario):
    made = plugin("never-reclaims", healthy=True)
    explored = plainly.explore(text_of("never-reclaims", scenario), "--plugin", made, *PREFIXES)
    assert explored.found == [] and explored.judged > 100


WORN = "chip generic sectors=4 sector={sector} page=64 unit=4 read=4 programs=1 endurance=1\n"


def test_a_queue_is_not_accused_of_what_worn_out_sectors_refuse(plainly, plugin):
    """And what a fresh one holds is the same where a case is replayed: nothing is unreproduced."""
    worn = (WORN + "engine {name}\n", *PASSED_ON[1:])
    made = plugin("never-reclaims", healthy=True)
    words = ("--plugin", made, "--faults", "edge,rot", "--max", 0)
    explored = plainly.explore(text_of("never-reclaims", worn), *words)
    assert all(found.finding.startswith("mount: ") for found in explored.found)
    assert explored.judged > 100 and not list(plainly.folder.glob("unreproduced-*.case"))


# --- one fault does not hide the next ---


def test_what_needs_no_cut_does_not_hide_what_needs_one(harness, plugin):
    """The part ends where the removal is forgotten; what was good before it is cut all the same."""
    words = ("--plugin", plugin("two-faults"), *EDGES)
    explored = harness.explore(text_of("two-faults", COUNTER), *words)
    assert {"settled", "alive"} <= explored.clauses
    shown = {(found.clause, len(cuts(found.text))) for found in explored.found}
    assert ("alive", 1) in shown


def test_what_the_uncut_run_did_not_reach_is_not_expected_of_a_cut_one(harness, plugin, tmp_path):
    """It ends at the store that is refused, and the same store is refused after each cut."""
    body = and_then(ONE, "remove ssid", 'store ssid "work"', "look")
    words = ("--plugin", plugin("refuses-removed"), *EDGES)
    apart = Harness(harness.brownout, tmp_path)
    explored = apart.explore(text_of("refuses-removed", body), *words)
    assert {(found.clause, len(cuts(found.text))) for found in explored.found} == {("alive", 0)}
    assert not list(tmp_path.glob("unreproduced-*.case"))


def explore_unlawful(harness, plugin, *options):
    path = harness.write(text_of("unlawful-loses", COUNTER))
    words = ("--plugin", plugin("unlawful-loses"), *EDGES, "--artefacts", harness.folder)
    return harness.brownout("explore", path, *words, *options)


def test_a_rule_that_is_waived_hides_nothing(harness, plugin):
    done = explore_unlawful(harness, plugin, "--json", "--quiet")
    assert {each["clause"] for each in json.loads(done.stdout)["divergences"]} == {"lawful"}
    waive = ("--waive", "lawful/reprogram")
    done = explore_unlawful(harness, plugin, "--json", "--quiet", *waive)
    told = json.loads(done.stdout)
    assert done.returncode == DIVERGED
    assert told["waivers"] == "lawful/reprogram"
    assert {each["clause"] for each in told["divergences"]} == {"alive"}
    for each in told["divergences"]:
        case = Path(each["case"])
        assert re.search("^waive lawful/reprogram$", case.read_text(), re.MULTILINE)
        assert harness.replay(case, "--plugin", plugin("unlawful-loses"))[0] == "alive"
    assert "waived: lawful/reprogram" in explore_unlawful(harness, plugin, *waive).stdout


def test_fuzz_waives_too(plainly, plugin):
    words = ("--runs", 32, *EDGES, "--max", 0)
    _, told = fuzz(plainly, plugin, "unlawful-loses", *words)
    assert "lawful" in {each["clause"] for each in told["divergences"]}
    code, told = fuzz(plainly, plugin, "unlawful-loses", *words, "--waive", "lawful/reprogram")
    assert code == DIVERGED and told["waivers"] == "lawful/reprogram"
    assert "lawful" not in {each["clause"] for each in told["divergences"]}


def test_a_clause_that_is_waived_is_counted(harness, plugin):
    words = ("--waive", "lawful", "--json", "--quiet")
    told = json.loads(explore_unlawful(harness, plugin, *words).stdout)
    assert told["waivers"] == "lawful" and told["waived"] > 0
    assert "lawful" not in {each["clause"] for each in told["divergences"]}


@pytest.mark.parametrize("name, scenario, options", [
    ("region-unknown", MANY_PUSHED, EDGES),
    ("id-unchecked", MANY_PUSHED, EDGES),
    ("space-of-head", FEW_PUSHED, EDGES),
    ("unread-damaged", SETTINGS, GLITCHES),
])
def test_what_an_engine_says_of_itself_is_waived_and_hides_nothing(
    plainly, plugin, name, scenario, options
):
    """What lies after it is judged as that of the healthy twin."""
    text = text_of(name, scenario)
    waive = ("--waive", "honest", *options)
    healthy = plainly.explore(text, "--plugin", plugin(name, healthy=True), *waive)
    one, two = (plainly.explore(text, "--plugin", plugin(name), "--jobs", jobs, *waive)
                for jobs in (1, 2))
    assert one.found == [] and one.waived > 0 and healthy.waived == 0
    assert one.cuts == healthy.cuts and one.operations == healthy.operations
    assert (one.waived, one.judged) == (two.waived, two.judged)


# --- what a finding is charged to ---


def test_a_rule_of_a_class_is_charged_to_it(harness, plugin):
    """Whatever tear led there: here an erase that was all but done."""
    base = harness.folder / "charged.db"
    body = and_then(COUNTER, "store a 0x02 cut 1 prefix:254", "mount", "store a 0x03")
    text = text_of("trusts-blank", body).replace("repeat 8", "repeat 12")
    text = text.replace("remove a\nlook\n", "")
    words = ("--faults", "edge,prefix,weak", "--max", 0)
    explored = harness.explore(text, "--plugin", plugin("trusts-blank"), *words, "--db", base)
    unproven = [found for found in explored.found if found.finding.startswith("unproven")]
    assert any(" cut 1 prefix:" in found.text for found in unproven)
    rows = sqlite3.connect(base).execute("select class, finding from finding")
    assert {row[0] for row in rows if row[1].startswith("unproven")} == {"weak"}
    twin = harness.explore(text, "--plugin", plugin("trusts-blank", healthy=True), *words)
    assert not [found for found in twin.found if found.finding.startswith("unproven")]


# --- cuts of the scenario's own ---


def test_cuts_that_a_scenario_has_are_part_of_its_history(harness, plugin):
    """One cut in the text, and one of the explorer's: what takes two is found at depth 1."""
    head, sector, body = SETTINGS
    body = body.replace("fill 1 9", "fill 1 9 cut 1 prefix:1")
    text = text_of("recovery-in-place", (head, sector, body))
    words = ("--plugin", plugin("recovery-in-place"), *PREFIXES)
    explored = harness.explore(text, *words)
    assert explored.clauses == {"alive"}
    assert all(len(cuts(found.text)) == 2 for found in explored.found)
    twin = harness.explore(text, "--plugin", plugin("recovery-in-place", healthy=True), *PREFIXES)
    assert twin.found == []
