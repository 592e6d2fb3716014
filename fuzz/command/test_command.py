"""The command: exit codes, one line for each mistake, and nothing that breaks it."""

import json
import os
import re
import signal
import sqlite3
import subprocess
import time
from pathlib import Path

import pytest
from conftest import BUILD, ROOT, SECONDS_MAX, made
from harness import CLEAN, DIVERGED, FAILED, NOT_JUDGED, USAGE, Harness
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

CHIP = "chip generic sectors=2 sector=128 page=128\n"
SMALL = CHIP + 'engine seqmap\n\nstore name "hall"\nremove name\n'
FAULTY = CHIP + "engine canary fault=5\n\nrepeat 9 {\n  store a random 40\n}\n"
# Hours of work: 4 cuts deep in many stores.
ENDLESS = SMALL.replace("seqmap", "canary fault=1") + "repeat 200 {\n  store a random 40\n}\n"


@pytest.fixture(scope="module")
def harness(brownout, tmp_path_factory):
    return Harness(brownout, tmp_path_factory.mktemp("command"))


def refused(harness, *words, code=USAGE):
    """Runs a command that must be refused: nothing but one line, which is returned."""
    done = harness.brownout(*words)
    assert done.returncode == code, done.stderr
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith("brownout: ")
    return done.stderr


# --- exit codes ---


def test_clean_is_0_and_a_divergence_is_1(harness):
    small, faulty = harness.write(SMALL, "small.scn"), harness.write(FAULTY, "faulty.scn")
    words = ("--quiet", "--artefacts", harness.folder)
    assert harness.brownout("run", small).returncode == CLEAN
    assert harness.brownout("explore", small, *words).returncode == CLEAN
    done = harness.brownout("explore", faulty, *words)
    assert done.returncode == DIVERGED
    case = re.search("brownout replay (.*case)", done.stdout)[1]
    assert harness.brownout("replay", case).returncode == DIVERGED
    assert harness.brownout("shrink", case).returncode == DIVERGED
    assert harness.brownout("replay", case, "--engine", "seqmap").returncode == CLEAN


def test_help_is_no_mistake(harness):
    for word in ("help", "--help", "-h"):
        done = harness.brownout(word)
        assert done.returncode == CLEAN and "explore  SCENARIO" in done.stdout
    assert harness.brownout().returncode == USAGE
    assert "'bake'" in refused(harness, "help", "bake")


def test_the_version_names_the_build(harness):
    done = harness.brownout("--version")
    version = json.loads((ROOT / "library.json").read_text())["version"].rpartition(".")[0]
    assert done.returncode == CLEAN and done.stdout.startswith(f"brownout {version}, ")
    assert re.search(r"(?m)^build [0-9a-f]{16}$", done.stdout)


@pytest.mark.parametrize(
    "words, reason",
    [
        (["bake"], "'bake'"),
        (["explore"], "one scenario"),
        (["run", "a", "b"], "one scenario"),
        (["replay"], "one case"),
        (["inspect"], "image"),
        (["list", "birds"], "engines, chips, faults"),
        (["explore", "a", "--depth", "0"], "--depth"),
        (["explore", "a", "--depth", "5"], "--depth"),
        (["explore", "a", "--depth", "-1"], "--depth"),
        (["explore", "a", "--jobs", "0"], "--jobs"),
        (["explore", "a", "--jobs", "two"], "--jobs"),
        (["explore", "a", "--seed", "99999999999999999999"], "--seed"),
        (["explore", "a", "--shard", "3/3"], "--shard"),
        (["explore", "a", "--shard", "1"], "--shard"),
        (["explore", "a", "--shard", "4294967297/2"], "--shard"),
        (["explore", "a", "--shard", "0/4294967298"], "--shard"),
        (["explore", "a", "--shard", "-1/2"], "--shard"),
        (["explore", "a", "--jobs", "4294967297"], "--jobs"),
        (["explore", "a", "--jobs", "0400"], "--jobs"),
        (["explore", "a", "--max", "18446744073709551617"], "--max"),
        (["explore", "a", "--seconds", "nan"], "--seconds"),
        (["fuzz", "--engine", "seqmap", "--time", "inf"], "--time"),
        (["wear", "a", "--cuts", "1/4294967297"], "--cuts"),
        (["explore", "a", "--faults", "edge,gamma"], "--faults"),
        (["explore", "a", "--seconds", "0"], "--seconds"),
        (["explore", "a", "--silence", "soon"], "--silence"),
        (["explore", "a", "--sideways"], "--sideways"),
        (["explore", "a", "--chip", "generic"], "--chip"),
        (["explore", "a", "--engine"], "--engine"),
    ],
)
def test_bad_usage_is_one_line(harness, words, reason):
    assert reason in refused(harness, *words)


# What a subcommand may be given; an option that it would not look at must be refused.
OPTIONS = {
    "engine": "a", "plugin": "a", "chip": "a", "engines": "a", "db": "a", "campaign": "a",
    "image": "a", "artefacts": "a", "faults": "edge", "waive": "alive", "cuts": "1/9",
    "shard": "0/2", "depth": 1, "reach": 1, "bits": 1, "masks": 1, "prefixes": 1, "seed": 1,
    "jobs": 1, "silence": 1, "max": 1, "seconds": 1, "time": 1, "runs": 1, "no-use": None,
    "no-dedup": None, "isolate": None, "no-shrink": None, "json": None, "quiet": None,
    "shrink-seconds": 1, "offset": 1, "call-seconds": 1, "memory": 1,
    "complete": None, "long": None,
}  # fmt: skip
EXPLORES = """engine plugin faults depth reach bits masks prefixes seed no-use no-dedup isolate
    shard jobs silence call-seconds memory max no-shrink shrink-seconds artefacts db campaign json
    quiet waive complete seconds"""
USES = {
    "run": "engine plugin image json quiet silence call-seconds memory",
    "explore": EXPLORES,
    "fuzz": EXPLORES + " chip time runs image",
    "replay": "engine plugin quiet silence call-seconds memory",
    "shrink": "engine plugin shrink-seconds silence call-seconds memory",
    "decode": "engine plugin chip image faults waive",
    "wear": """engine plugin engines cuts seed faults bits masks prefixes db campaign json long
        artefacts no-shrink shrink-seconds silence call-seconds memory""",
    "inspect": "engine plugin chip offset long silence call-seconds memory",
    "print": "",
    "list": "json long plugin silence call-seconds memory",
}


@pytest.mark.parametrize("command", USES)
def test_the_help_of_a_command_names_its_options_and_fits_a_screen(harness, command):
    done = harness.brownout("help", command)
    assert done.returncode == CLEAN and "exit code: 0 clean" in done.stdout
    assert set(re.findall(r"(?m)^  --(\S+)", done.stdout)) == set(USES[command].split())
    assert len(done.stdout.splitlines()) <= 40
    assert max(map(len, done.stdout.splitlines())) <= 100
    assert harness.brownout(command, "--help").stdout == done.stdout


@pytest.mark.parametrize("command", USES)
def test_an_option_that_is_not_used_is_refused(harness, command):
    used = set(USES[command].split())
    assert used < set(OPTIONS)
    for option in set(OPTIONS) - used:
        value = [] if OPTIONS[option] is None else [OPTIONS[option]]
        reason = refused(harness, command, "a", f"--{option}", *value)
        assert f"{command} does not use --{option}" in reason


@pytest.mark.parametrize(
    "line, text",
    [
        (1, "chip nowhere99\nengine seqmap\nstore a 0x01\n"),
        (1, "chip generic sectors=0\nengine seqmap\n"),
        (1, "chip generic sector=100\nengine seqmap\n"),
        (3, SMALL.replace("store", "stow").replace("\n\n", "\n")),
        (4, SMALL.replace("hall\"", "hall")),
        (5, SMALL.replace("remove name", "remove")),
        (4, SMALL.replace("store name", "repeat 3 {\n store name")),
        (4, SMALL.replace('"hall"', "0x123")),
        (4, SMALL.replace('"hall"', '"hall" cut 1 sideways:3')),
    ],
)
def test_a_mistake_in_a_scenario_is_reported_with_its_line(harness, line, text):
    path = harness.write(text)
    for command in ("run", "explore", "replay", "shrink"):
        reason = refused(harness, command, path)
        assert reason.startswith(f"brownout: {path}:{line}: ")
        assert len(reason.split(": ", 2)[2].strip()) > 3


@pytest.mark.parametrize(
    "text, reason",
    [
        (SMALL.replace("seqmap", "abacus"), "unknown engine 'abacus'"),
        (SMALL.replace("seqmap", "seqmap beads=3"), "no option 'beads'"),
        (SMALL.replace("seqmap", "canary fault=99"), "from 0 to"),
        (SMALL.replace("sectors=2", "sectors=1"), "engine seqmap: "),
        (SMALL.replace("sectors=2", "sectors=2 erased=0"), "engine seqmap: "),
    ],
)
def test_an_engine_that_does_not_fit_is_reported(harness, text, reason):
    path = harness.write(text)
    assert reason in refused(harness, "run", path)
    assert str(path) in refused(harness, "explore", path)


def test_files_that_are_not_there_are_reported(harness):
    missing = harness.folder / "missing.scn"
    for command in ("run", "explore", "replay", "shrink", "print", "inspect"):
        reason = refused(harness, command, missing)
        assert f"{missing}: " in reason and "No such file" in reason
    assert str(harness.folder) in refused(harness, "run", harness.folder)


def test_a_case_that_shows_nothing_is_not_shrunk(harness):
    assert "no divergence" in refused(harness, "shrink", harness.write(SMALL))


# --- what can't be written ---


def test_a_full_disk_is_a_failure(harness):
    path = harness.write(SMALL)
    with open("/dev/full", "w") as full:
        for words in (["run", path], ["list", "chips"], ["help"], ["explore", path, "--quiet"]):
            done = harness.brownout(*words, stdout=full)
            assert done.returncode == FAILED
            assert "No space left" in done.stderr


def test_a_folder_that_can_not_be_written_is_reported_and_nothing_is_left(harness):
    wall = harness.write("a file", "wall")
    faulty, small = harness.write(FAULTY, "faulty.scn"), harness.write(SMALL)
    done = harness.brownout("explore", faulty, "--quiet", "--artefacts", wall)
    assert done.returncode == USAGE and str(wall) in done.stderr
    assert str(wall) in refused(harness, "explore", small, "--db", wall / "it.db", "--quiet")
    done = harness.brownout("run", small, "--image", wall / "image")
    assert done.returncode == USAGE and str(wall) in done.stderr


def test_what_was_found_is_printed_although_it_can_not_be_stored(harness):
    faulty, small = harness.write(FAULTY, "faulty.scn"), harness.write(SMALL)
    db, cases = harness.folder / "refuses.db", harness.folder / "cases"
    assert harness.brownout("explore", small, "--db", db, "--quiet").returncode == CLEAN
    with sqlite3.connect(db) as results:
        fails = "before insert on divergence begin select raise(abort, 'no room'); end"
        results.execute(f"create trigger refuses {fails}")
    done = harness.brownout("explore", faulty, "--db", db, "--quiet", "--artefacts", cases)
    assert done.returncode == FAILED and "no room" in done.stderr
    assert "DIVERGENCE" in done.stdout
    assert list(cases.glob("*.case")) and not list(cases.glob("*.part"))


def test_an_image_that_does_not_fit_its_disk_is_reported(harness):
    full = Path("/dev/full")
    done = harness.brownout("run", harness.write(SMALL), "--image", full)
    assert done.returncode == USAGE and str(full) in done.stderr
    assert full.is_char_device()


def test_a_database_of_another_kind_is_left_alone(harness):
    path, db = harness.write(SMALL), harness.folder / "other.db"
    with sqlite3.connect(db) as other:
        other.execute("create table birds (name)")
    before = db.read_bytes()
    assert str(db) in refused(harness, "explore", path, "--db", db, "--quiet")
    assert db.read_bytes() == before
    text = harness.write("no database at all\n" * 100, "text.db")
    assert str(text) in refused(harness, "explore", path, "--db", text, "--quiet")


# --- images ---


@pytest.fixture(scope="module")
def image(harness):
    path = harness.folder / "flash.bin"
    text = SMALL + 'store name "kitchen"\nstore level 0x0102\n'
    assert harness.brownout("run", harness.write(text), "--image", path).returncode == CLEAN
    return path


GENERIC = ("--chip", "generic sector=128 page=128")


@pytest.mark.parametrize("engine", ["seqmap", "original"])
def test_an_image_shows_what_was_stored(harness, image, engine):
    assert image.stat().st_size == 256
    done = harness.brownout("inspect", image, "--engine", engine, *GENERIC)
    assert done.returncode == CLEAN
    assert '"name" = "kitchen"' in done.stdout and '"level" = 0x0102' in done.stdout
    assert "hall" not in done.stdout


@pytest.mark.parametrize("engine", ["canary-queue", "canary-log"])
def test_an_image_shows_the_items_that_were_put_in(harness, engine):
    chip = "chip generic sectors=3 sector=128 page=128\n"
    text = f'{chip}engine {engine} fault=0\n\nappend "one"\nappend 0x0102\nappend empty\n'
    path = harness.folder / "list.bin"
    scenario = harness.write(text, "list.scn")
    assert harness.brownout("run", scenario, "--image", path).returncode == CLEAN
    done = harness.brownout("inspect", path, scenario)
    assert done.returncode == CLEAN
    assert done.stdout.splitlines()[-3:] == [
        '  0 = "one" (3 bytes)', "  1 = 0x0102 (2 bytes)", "  2 = empty (0 bytes)",
    ]  # fmt: skip


def test_what_is_inspected_fits_a_screen_or_is_long(harness):
    """Items at both ends, each once, however many there are."""
    for count, lines in ((20, 20), (21, 21), (22, 21), (400, 21)):
        text = "chip generic sectors=4\nengine canary-log fault=0\n"
        path = harness.write(f"{text}repeat {count} as i {{\nappend count\n}}\n", "many.scn")
        image = harness.folder / "many.bin"
        assert harness.brownout("run", path, "--image", image).returncode == CLEAN
        brief = re.findall(r"(?m)^  (\d+|\.\.) ", harness.brownout("inspect", image, path).stdout)
        done = harness.brownout("inspect", image, path, "--long")
        numbers = re.findall(r"(?m)^  (\d+) =", done.stdout)
        assert len(numbers) == count and len(brief) == lines
        assert brief == (numbers if count < 21 else [*numbers[:14], *["..", *numbers[-6:]]])


@pytest.mark.parametrize("what", ["engines", "chips", "faults"])
def test_a_list_fits_a_screen_and_a_long_one_says_more(harness, what):
    brief = harness.brownout("list", what).stdout.splitlines()
    full = harness.brownout("list", what, "--long").stdout.splitlines()
    assert len(brief) <= 40 and max(map(len, brief)) <= 100
    assert len(full) > len(brief) or what == "faults"


def test_engines_are_listed_with_their_kinds_and_options(harness):
    listed = harness.brownout("list", "engines").stdout
    assert re.search(r"(?m)^canary-log .*\n +kind log; claims edge", listed)
    listed = json.loads(harness.brownout("list", "engines", "--json").stdout)
    listed = {each["name"]: each for each in listed}
    kinds = [listed[name]["kind"] for name in ("seqmap", "canary-queue", "canary-log")]
    assert kinds == ["map", "queue", "log"]
    for each in listed.values():
        for option in each["options"]:
            assert option["min"] <= option["value"] <= option["max"]
            assert len(option["words"]) in (0, option["max"] - option["min"] + 1)


def test_an_image_of_the_wrong_size_is_reported(harness, image):
    longer = harness.folder / "longer.bin"
    longer.write_bytes(image.read_bytes() + b"\0")
    words = ("inspect", longer, "--engine", "seqmap", *GENERIC)
    assert "has 257 bytes, but the chip has 384" in refused(harness, *words)
    scenario = harness.write(SMALL.replace("sectors=2", "sectors=3"), "three.scn")
    assert "has 256 bytes, but the chip has 384" in refused(harness, "inspect", image, scenario)
    assert "--engine is missing" in refused(harness, "inspect", image)


# --- numbers that do not fit ---

NUMBERS = {
    "explore": ("depth", "reach", "bits", "masks", "prefixes", "seed", "jobs", "max", "memory"),
    "fuzz": ("runs", "depth", "seed"),
    "inspect": ("offset",),
}
TIMES = {"explore": ("seconds", "silence", "call-seconds", "shrink-seconds"), "fuzz": ("time",)}
NO_NUMBERS = ("18446744073709551616", "-1", "1x", "1.5", "", " 1", "+1", "0x")
NO_TIMES = ("-1", "nan", "inf", "1e400", "1e10", "x", "", "1 s")
PAIRS = {"explore": "shard", "wear": "cuts"}
NO_PAIRS = ("4294967297/4294967298", "4294967297/2", "1/4294967298", "2/1", "-1/2", "1/0", "1/2x",
            "1/", "/2", "1", "", "18446744073709551617/18446744073709551618")  # fmt: skip


def no_numbers():
    for table, texts in ((NUMBERS, NO_NUMBERS), (TIMES, NO_TIMES)):
        for command, options in table.items():
            for option in options:
                yield command, option, texts
    for command, option in PAIRS.items():
        yield command, option, NO_PAIRS


@pytest.mark.parametrize("command, option, texts", no_numbers())
def test_a_number_that_does_not_fit_is_refused(harness, command, option, texts):
    wide = ("reach", "bits", "prefixes", "offset", "depth", "jobs", "max", "masks", "memory")
    more = ("4294967296", "4294967297") if option in wide else ()
    for text in (*texts, *more):
        line = refused(harness, command, f"--{option}={text}")
        assert f"--{option} takes " in line and line.rstrip().endswith(f"not '{text}'"), text


# --- what ends early ---


def test_the_verdict_says_what_stopped_the_run_and_what_was_left(harness):
    path = harness.write(ENDLESS)
    words = ("explore", path, "--quiet", "--no-shrink", "--artefacts", harness.folder)
    left = r"(\d+) of (\d+) parts of the cuts were tried$"
    done = harness.brownout(*words, "--max", 1)
    verdict = done.stdout.splitlines()[1]
    found = re.fullmatch(r"  1 kind of divergence; stopped by --max 1: " + left, verdict)
    assert 0 < int(found[1]) < int(found[2])
    verdict = harness.brownout(*words, "--max", 0, "--seconds", 0.2).stdout.splitlines()[1]
    assert re.search("; stopped by --seconds 0.2: " + left, verdict), verdict
    done = harness.brownout("fuzz", "--engine", "canary fault=16", "--max", 1, *words[2:])
    assert done.stdout.splitlines()[1].endswith("; stopped by --max 1: 16 rounds were done")



def test_an_interrupted_exploration_keeps_what_it_found(harness):
    path, db = harness.write(ENDLESS), harness.folder / "interrupted.db"
    words = ("explore", path, "--depth", "4", "--reach", "0", "--max", "0", "--no-dedup")
    words = (*words, "--quiet", "--db", db, "--artefacts", harness.folder)
    command = [made(BUILD / "brownout"), *words]
    with subprocess.Popen(
        [str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        while process.poll() is None and not db.exists():
            time.sleep(0.01)
        time.sleep(1)
        assert process.poll() is None, process.stderr.read()
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=SECONDS_MAX)
    assert re.search("; interrupted: \\d+ of \\d+ parts of the cuts were tried", output)
    assert process.returncode == DIVERGED, errors
    with sqlite3.connect(db) as results:
        state, judged = results.execute("select state, judged from run").fetchone()
        found = results.execute("select count(*) from divergence").fetchone()[0]
    assert state == "stopped" and judged > 0
    assert found == output.count("DIVERGENCE") > 0


@pytest.mark.parametrize("command", ["explore", "fuzz"])
def test_an_end_that_all_processes_are_asked_for_is_no_crash_of_the_engine(harness, command):
    """As timeout(1) and service managers do."""
    endless = (harness.write(ENDLESS), "--depth", 4, "--reach", 0, "--max", 0, "--no-dedup")
    words = endless if command == "explore" else ("--engine", "seqmap", "--time", 0)
    words = (command, *words, "--jobs", 2, "--quiet", "--artefacts", harness.folder)
    with subprocess.Popen(
        [str(word) for word in (made(BUILD / "brownout"), *words)],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        time.sleep(1)
        os.killpg(process.pid, signal.SIGTERM)
        output, _ = process.communicate(timeout=SECONDS_MAX)
    assert "; interrupted: " in output
    assert "Terminated" not in output
    assert process.returncode == (DIVERGED if "DIVERGENCE" in output else 130)


# --- anything at all ---


BYTES = st.one_of(st.binary(max_size=200), st.text(max_size=200).map(str.encode))
PIECES = st.lists(
    st.sampled_from(
        [*SMALL.split(), *FAULTY.split(), "cut", "1", "prefix:3", "mix:1:128", "mount", "use", "\n"]
    ),
    max_size=40,
).map(lambda words: " ".join(words).encode())


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.one_of(BYTES, PIECES))
@example(b"")
@example(b"\0")
@example(b"chip generic\nengine seqmap\n")
def test_no_bytes_whatever_crash_a_command_that_reads_a_scenario(harness, text):
    path = harness.folder / "any.case"
    path.write_bytes(text)
    done = harness.brownout("replay", path)
    assert done.returncode in (CLEAN, DIVERGED, USAGE, NOT_JUDGED)
    if done.returncode == USAGE:
        assert len(done.stderr.splitlines()) == 1


CASE = SMALL + 'store name "kitchen" cut {} {}\nstore name "hall"\nuse\n'
TEARS = st.one_of(
    st.sampled_from(["none", "done", "locked", "prefix:1", "only:9999", "zero-tail:4294967295"]),
    st.builds("{}:{}".format, st.sampled_from("prefix only except".split()), st.integers(0, 2**33)),
    st.builds("mix:{:x}:{}".format, st.integers(0, 2**64 - 1), st.integers(0, 300)),
)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 9), TEARS)
def test_no_cut_whatever_crashes_a_replay(harness, nth, tear):
    done = harness.brownout("replay", harness.write(CASE.format(nth, tear), "any-cut.case"))
    assert done.returncode in (CLEAN, DIVERGED, USAGE)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_no_image_whatever_crashes_an_inspection(harness, image, data):
    lists = ["canary-queue fault=0", "canary-log fault=0"]
    engine = data.draw(st.sampled_from(["seqmap", "naive", "original", "canary fault=0", *lists]))
    whole = bytearray(image.read_bytes())
    for place in data.draw(st.lists(st.integers(0, 255), max_size=30)):
        whole[place] = data.draw(st.integers(0, 255))
    path = harness.folder / "any.bin"
    image = data.draw(st.sampled_from([bytes(whole), bytes(256), b"\xff" * 256]))
    path.write_bytes(image + image[:128])  # a list takes no less than three sectors
    done = harness.brownout("inspect", path, "--engine", engine, *GENERIC)
    assert done.returncode == CLEAN


IMAGES = sorted((ROOT / "engines/map/images").glob("map_*.bin"))


@pytest.mark.parametrize("path", IMAGES, ids=lambda path: path.stem)
def test_two_readers_see_the_same_in_an_image_of_the_crate(harness, path):
    sectors, unit, size = re.match(r"map_n(\d+)_w(\d+)_p(\d+)_", path.stem).groups()
    chip = f"generic sectors={sectors} sector={size} page=256 unit={unit} read={unit}"

    def values(engine):
        words = ("--chip", chip, "--engine", f"{engine} key=2", "--long")
        done = harness.brownout("inspect", path, *words)
        assert done.returncode == CLEAN
        return dict(re.findall(r"(?m)^  (\w+) = (.*)$", done.stdout))

    assert len(values("seqmap")) >= 20
    assert values("seqmap") == values("original")


REFUSED = "chip generic sectors=3 sector=256\nengine seqmap\nstore a fill 1 4000\n"


@pytest.mark.parametrize("words", ["run", "replay", "wear", "explore"])
@pytest.mark.parametrize("text", [REFUSED, REFUSED.rsplit("store", 1)[0]], ids=["refused", "empty"])
def test_where_the_engine_did_nothing_there_is_no_verdict(harness, words, text):
    done = harness.brownout(words, harness.write(text))
    assert done.returncode == NOT_JUDGED
    assert "NOTHING WAS JUDGED" in done.stdout
    assert "no divergence" not in done.stdout


def test_the_worst_calls_and_their_bounds_are_the_same_for_machines(harness):
    text = CHIP.replace("sectors=2", "sectors=12") + "engine lsm key=8 value=16\n"
    path = harness.write(text + "store name 0x11\nfetch name\nremove name\nscan\nmount\n")
    lines = re.findall(r"  worst (.*)", harness.brownout("run", path).stdout)
    worst = json.loads(harness.brownout("run", path, "--json").stdout)["worst"]
    calls = ["mount", "store", "fetch", "remove", "reading back", "scan"]
    assert [it["call"] for it in worst] == calls
    for line, it in zip(lines, worst):
        parts = [f"{it['reads']} of {it['reads_max']} reads"] * (it["reads_max"] is not None)
        parts.append(f"{it['changes']} of {it['changes_max']} programs and erases")
        assert line == ", ".join([it["call"], *parts])
    assert worst[0]["reads_max"] > worst[0]["reads"] > 0 and worst[1]["reads_max"] is None


def test_a_campaign_is_handed_over_with_its_options_and_its_exit_code(harness, root, tmp_path):
    done = harness.brownout("campaign", "--help")
    assert done.returncode == CLEAN and done.stdout == harness.brownout("help", "campaign").stdout
    assert "  --time T " in done.stdout and "exit code: 0 nothing new" in done.stdout

    def asked(*words, **variables):
        return harness.brownout("campaign", *words, env={**os.environ, **variables})

    done = asked("--time", "soon", BROWNOUT_HOME=str(root))
    assert done.returncode == USAGE and done.stderr.startswith("brownout campaign: --time: expe")
    done = asked(BROWNOUT_HOME=str(tmp_path))
    assert done.returncode == USAGE and "set BROWNOUT_HOME to the folder" in done.stderr
    done = asked(PYTHON="/nowhere/python3")
    assert done.returncode == 3 and "a campaign needs Python" in done.stderr
