"""`brownout fuzz` and `brownout decode`: random bytes as scenarios and as images."""

import json
import random
import re
import shutil
import sqlite3
import subprocess
from pathlib import Path

import pytest
from conftest import ROOT
from hypothesis import given, settings
from hypothesis import strategies as st

EXAMPLE = "examples/plugin/two_slots.c"
STORE = "    struct store *store = object;\n    uint32_t size = copy_without("
CHECK = "    if (count > size - HEADER) return -1;\n"
ENDS = "    if (((struct store *)object)->sequence == 6) _Exit(7);\n"
CHECKED = "    if (get(snapshot, 4) != crc32(snapshot + 4, HEADER - 4 + count)) return -1;\n"
ABORTS = "    if (count > size - HEADER && count != 0xFFFFFFFF) abort();\n"
HANGS = "    if (((struct store *)object)->sequence == 6) for (;;) {}\n"
FIVE = "    if (value_size == 5 && memcmp(value, \"vvvvv\", 5) == 0) abort();\n"
READS_ON = (
    "    while (count > size - HEADER && count != 0xFFFFFFFF)\n"
    "        if (bo_flash_read(store->flash, slot * size, snapshot, size)) return -1;\n"
)
# Only until the file is there: no other process sees it.
READS_ON_ONCE = (
    "    if (count > size - HEADER && count != 0xFFFFFFFF) {\n"
    "        FILE *once = fopen(getenv(\"ONCE\"), \"wx\");\n"
    "        while (once)\n"
    "            if (bo_flash_read(store->flash, slot * size, snapshot, size)) return -1;\n"
    "    }\n"
)


def fuzz_by(command, folder):
    def run(engine, *options, runs=16, **more):
        where = ["--artefacts", folder, "--quiet"]
        return command("fuzz", "--engine", engine, "--runs", runs, *where, *options, **more)

    return run


@pytest.fixture
def fuzz(brownout, tmp_path):
    """fuzz("canary fault=1", runs=16) is a fuzz run; its artefacts go to tmp_path."""
    return fuzz_by(brownout, tmp_path)


@pytest.fixture
def quick_fuzz(quick, tmp_path):
    """The same by the plain command."""
    return fuzz_by(quick, tmp_path)


@pytest.fixture
def plugin(root, tmp_path):
    """plugin(old, new, ...) builds the example plugin with texts replaced."""

    def build(*pairs):
        text = (root / EXAMPLE).read_text()
        for old, new in zip(pairs[::2], pairs[1::2]):
            assert text.count(old) == 1
            text = text.replace(old, new)
        source, made = tmp_path / "two_slots.c", tmp_path / "two_slots.so"
        source.write_text("#include <stdio.h>\n#include <stdlib.h>\n" + text)
        compiler = shutil.which("cc") or shutil.which("gcc")
        command = f"{compiler} -std=c11 -shared -fPIC -I. -o".split()
        subprocess.run([*command, str(made), str(source)], cwd=root, check=True)
        return made

    return build


def replay_of(output):
    """The arguments of the first command that a fuzz run prints replays what it found."""
    return re.search(r"replay with: brownout (.*)", output).group(1).split()


def test_sound_engines_show_nothing(fuzz):
    # What seqmap does not claim on two sectors of a part that limits programs is class bits.
    for engine, faults in (("seqmap", "edge,prefix,zeros"), ("canary fault=0", "edge,prefix")):
        done = fuzz(engine, "--faults", faults)
        assert done.returncode == 0, done.stdout
        assert "no divergence" in done.stdout


PLANTED = re.findall(r"PLANTED_(\w+)", (ROOT / "fuzz/subjects/canary_list.h").read_text())


def planted(engine, name):
    """The engine with the fault of that name."""
    return f"{engine} fault={PLANTED.index(name)}"


FAULTY = [f"canary fault={fault}" for fault in (1, 7, 12, 14, 16)]
FAULTY += [planted("canary-queue", name) for name in ("POP_LATE", "FREED_EARLY", "LAST_UNSEEN")]
FAULTY += [planted("canary-log", name) for name in ("HEAD_FIRST", "NUMBER_REUSED", "SYNC_EARLY")]


@pytest.mark.parametrize("engine", FAULTY)
def test_a_planted_fault_is_found_and_its_case_replays(quick_fuzz, brownout, engine):
    done = quick_fuzz(engine, "--max", 1, runs=64)
    assert done.returncode == 1, done.stdout
    assert brownout(*replay_of(done.stdout)).returncode == 1


def test_equal_seeds_and_runs_find_the_same_with_any_number_of_workers(
    brownout, quick, tmp_path
):
    """And so does a build with sanitizers and checks."""
    found = []
    for name, jobs, command in (("one", 1, quick), ("two", 2, brownout)):
        folder = tmp_path / name
        folder.mkdir()
        options = ["--runs", 8, "--seed", 5, "--jobs", jobs, "--artefacts", ".", "--quiet"]
        done = command("fuzz", "--engine", "canary fault=16", *options, cwd=folder)
        files = {file.name: file.read_bytes() for file in folder.iterdir()}
        found.append((done.returncode, done.stdout, files))
    assert found[0] == found[1]
    assert found[0][0] == 1
    assert found[0][2]


def test_fewer_rounds_than_were_asked_for_are_a_run_that_was_stopped(brownout, tmp_path):
    words = ["--seconds", 0.2, "--jobs", 1, "--json", "--quiet", "--no-shrink"]
    done = brownout("fuzz", "--engine", "naive", "--runs", 5000, *words, cwd=tmp_path)
    assert json.loads(done.stdout)["stopped"]
    done = brownout("fuzz", "--engine", "naive", *words, cwd=tmp_path)
    assert not json.loads(done.stdout)["stopped"], "the time was all that was asked for"


def test_another_seed_is_another_fuzz_run(quick_fuzz):
    one, two = (json.loads(quick_fuzz("seqmap", "--json", "--seed", n).stdout) for n in (1, 2))
    assert one["states"] != two["states"]


def test_a_chip_that_is_given_is_the_chip_of_every_case(fuzz, brownout):
    chip = "generic sectors=3 sector=512 unit=4"
    done = fuzz("canary fault=1", "--max", 1, "--no-shrink", "--chip", chip)
    case = brownout("print", replay_of(done.stdout)[1]).stdout
    assert case.startswith(f"chip {chip}\n")
    assert "\nengine canary\n" in case  # fault=1 is the default


def test_an_engine_that_ends_its_process_is_a_case(fuzz, plugin):
    made = plugin(STORE, ENDS + STORE)
    done = fuzz("two-slots", "--plugin", made, "--json", "--faults", "edge", runs=8)
    found = json.loads(done.stdout)
    assert done.returncode == 1
    assert found["runs"] == 8
    assert "sane" in {it["clause"] for it in found["divergences"]}


def test_a_crash_does_not_hide_what_else_is_wrong_in_its_round(fuzz, plugin):
    """What is stored before the crash is cut all the same; after a cut it crashes as well."""
    made = plugin(STORE, ENDS + STORE, CHECKED, "")
    found = json.loads(fuzz("two-slots", "--plugin", made, "--json", runs=1).stdout)
    assert {it["clause"] for it in found["divergences"]} == {"sane", "atomic"}
    assert found["cuts"] > 1 and found["judged"] > 1


def is_of_image(case):
    return re.search("^image 0x[0-9a-f]+$", Path(case).read_text(), re.MULTILINE)


def test_a_crash_on_an_image_does_not_end_the_round(fuzz, plugin):
    """48 images; a round that loses 8 workers ends, which takes more than this one does."""
    made = plugin(CHECK, ABORTS + CHECK)
    done = fuzz("two-slots", "--plugin", made, "--json", "--faults", "edge", runs=4)
    found = json.loads(done.stdout)
    lost = sum(it["states"] for it in found["divergences"] if is_of_image(it["case"]))
    assert done.returncode == 1 and 1 < lost < 8
    assert found["images"] + lost == 48


def answers(done):
    """How many damaged images were opened, and the digest of what was answered."""
    found = json.loads(done.stdout)
    return found["images_opened"], found["image_answers"]


def test_two_builds_that_answer_alike_on_damaged_images_have_one_digest(fuzz, plugin):
    """With any number of workers; one that takes what it should refuse has another one."""
    words = ["--json", "--no-use", "--faults", "edge"]
    made = plugin()
    one, two = (answers(fuzz("two-slots", "--plugin", made, "--jobs", n, *words, runs=8))
                for n in (1, 2))
    assert one == two
    trusting = answers(fuzz("two-slots", "--plugin", plugin(CHECKED, ""), *words, runs=8))
    assert trusting[0] >= one[0] and trusting[1] != one[1]


def test_a_crash_while_an_image_is_made_replays(fuzz, plugin):
    """The fourth round is the first that damages images."""
    done = fuzz("two-slots", "--plugin", plugin(STORE, ENDS + STORE), "--faults", "edge", runs=4)
    assert (done.returncode, done.stderr) == (1, "")


def test_an_engine_that_hangs_is_a_case(fuzz, plugin):
    made = plugin(STORE, HANGS + STORE)
    options = ["--plugin", made, "--json", "--faults", "edge", "--call-seconds", 0.2, "--no-shrink"]
    found = json.loads(fuzz("two-slots", *options, runs=3).stdout)
    assert found["runs"] == 3
    assert {it["clause"] for it in found["divergences"]} == {"bounded"}


def test_an_engine_that_loops_on_a_damaged_image_is_a_case_with_the_image(fuzz, plugin, brownout):
    made = plugin(CHECK, READS_ON)
    done = fuzz("two-slots", "--plugin", made, "--faults", "edge")
    assert done.returncode == 1
    assert "mount on a damaged image" in done.stdout
    command = replay_of(done.stdout)
    assert command[0] == "replay" and is_of_image(command[1])
    again = brownout(*command)
    assert again.returncode == 1
    assert "mount on a damaged image" in again.stdout


def test_an_image_case_is_explored_and_stored_like_any_other(fuzz, plugin, brownout, tmp_path):
    """By the same shape each time; what is stored is the whole of it."""
    made = plugin(CHECK, READS_ON)
    done = fuzz("two-slots", "--plugin", made, "--faults", "edge", "--max", 1)
    case = replay_of(done.stdout)[1]
    for night in ("monday", "tuesday"):
        words = ["--plugin", made, "--db", "all.db", "--campaign", night, "--json", "--quiet"]
        done = brownout("explore", case, *words, cwd=tmp_path)
        said = json.loads(done.stdout)
        assert (done.returncode, said["judged"], len(said["divergences"])) == (1, 1, 1)
    query = "select distinct clause, shape, class, text from divergence join sighting"
    (row,) = sqlite3.connect(tmp_path / "all.db").execute(f"{query} on divergence = divergence.id")
    assert (row[0], row[2]) == ("sane", "uncut")
    (tmp_path / "stored.case").write_text(row[3])
    done = brownout("replay", tmp_path / "stored.case", "--plugin", made)
    assert done.returncode == 1 and "mount on a damaged image" in done.stdout


def test_an_image_of_another_size_than_the_chip_is_refused(brownout, tmp_path):
    chip = "chip generic sectors=2 sector=256\n"
    (tmp_path / "a.case").write_text(f"{chip}engine naive\nimage 0xff\n")
    line = "expected an image of 512 bytes, as many as the chip has, got 1"
    for word in ("replay", "explore"):
        done = brownout(word, tmp_path / "a.case")
        assert done.returncode == 2 and line in done.stderr


def test_an_input_on_whose_image_the_engine_crashes_is_a_case(plugin, brownout, tmp_path):
    made = plugin(CHECK, ABORTS + CHECK)
    words = ["--engine", "two-slots", "--plugin", made, "--image", "image.bin"]
    for number in range(40):
        (tmp_path / "input").write_bytes(random.Random(number).randbytes(120))
        done = brownout("decode", "input", *words, cwd=tmp_path)
        if done.returncode:
            break
    assert done.returncode == 1 and "\nfound sane crash " in done.stdout
    (tmp_path / "found.case").write_text(done.stdout)
    assert brownout("replay", tmp_path / "found.case", "--plugin", made).returncode == 1


def test_an_image_case_that_does_not_replay_has_its_image(fuzz, plugin, tmp_path, monkeypatch):
    made = plugin(CHECK, READS_ON_ONCE + CHECK)
    monkeypatch.setenv("ONCE", str(tmp_path / "once"))
    done = fuzz("two-slots", "--plugin", made, "--faults", "edge")
    assert done.returncode == 3 and "NO VERDICT" in done.stdout
    (case,) = tmp_path.glob("unreproduced-*.case")
    assert f"{case} does not replay" in done.stderr and is_of_image(case)
    (tmp_path / "once").unlink()
    told = json.loads(fuzz("two-slots", "--plugin", made, "--faults", "edge", "--json").stdout)
    assert told["unreproduced"] == 1 and not told["divergences"]


def test_the_case_of_an_image_asks_for_the_keys_of_its_scenario(fuzz, plugin, brownout):
    """What is stored in an image is 'v's; no scenario of a fuzz run has five of them."""
    made = plugin(STORE, FIVE + STORE)
    done = fuzz("two-slots", "--plugin", made, "--faults", "edge", runs=8)
    assert done.returncode == 1, done.stdout
    assert "does not replay" not in done.stderr
    command = replay_of(done.stdout)
    assert command[0] == "replay" and is_of_image(command[1])
    again = brownout(*command)
    assert again.returncode == 1
    assert "\nfound sane crash store none " in Path(command[1]).read_text()


@pytest.mark.parametrize("fault, code", [("NONE", 0), ("READ_FOR_EVER", 1)])
@pytest.mark.parametrize("engine", ["canary-queue", "canary-log"])
def test_a_list_that_reads_damage_for_ever_is_caught(brownout, tmp_path, engine, fault, code):
    chip = "chip generic sectors=3 sector=256 page=256\nengine "
    image, case = tmp_path / "flash.bin", tmp_path / "chip.case"
    case.write_text(f"{chip}{engine} fault=0\n\nrepeat 5 {{\n  append fill 0x33 20\n}}\n")
    assert brownout("run", case, "--image", image).returncode == 0
    data = image.read_bytes()
    image.write_bytes(data.replace(b"\x33", b"\x32", 1))
    case.write_text(f"{chip}{planted(engine, fault)}\n")
    done = brownout("fuzz", "--image", image, case)
    assert done.returncode == code, done.stdout
    assert ("on a damaged image: expected at most" in done.stdout) == bool(code)


def test_the_database_has_the_counts_and_the_cases(fuzz, tmp_path):
    file = tmp_path / "results.db"
    found = json.loads(fuzz("canary fault=16", "--json", "--db", file, runs=4).stdout)
    with sqlite3.connect(file) as db:
        row = db.execute("select kind, state, states, judged, cuts, operations from run").fetchone()
        query = "select artefact, states from divergence join sighting on id = divergence"
        seen = dict(db.execute(query))
    keys = ("states", "judged", "cuts", "operations")
    assert row == ("fuzz", "done", *(found[key] for key in keys))
    cases = {it["case"].rsplit("/", 1)[1]: it["states"] for it in found["divergences"]}
    assert seen == cases
    assert cases


@pytest.mark.parametrize(
    "options",
    [
        ["--runs", "0", "--engine", "seqmap"],
        ["--time", "soon", "--engine", "seqmap"],
        ["--time", "-1s", "--engine", "seqmap"],
        ["--engine", "nothing"],
        ["--engine", "canary fault=99"],
        ["--engine", "seqmap", "--chip", "generic sectors=1"],
        ["--runs", "1"],
        ["--engine", "seqmap", "--image", "/no/such/image"],
    ],
)
def test_bad_usage_is_one_line(brownout, options):
    done = brownout("fuzz", *options)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1


# --- decode ---


def decode(brownout, path, engine, *options, **more):
    done = brownout("decode", path, "--engine", engine, *options, **more)
    assert done.returncode in (0, 1), done.stderr
    return done


DECODED = ["seqmap", "naive", "canary fault=0", "canary-queue fault=0", "canary-log fault=0"]


@settings(max_examples=40)
@given(data=st.binary(max_size=300), engine=st.sampled_from(DECODED))
def test_any_bytes_are_a_scenario_that_prints_back(brownout, tmp_path_factory, data, engine):
    folder = tmp_path_factory.getbasetemp()
    (folder / "input").write_bytes(data)
    case = decode(brownout, folder / "input", engine, "--faults", "edge,prefix").stdout
    (folder / "input.case").write_text(case)
    assert brownout("print", folder / "input.case").stdout == case
    records = -(-max(len(data) - 16, 0) // 8)
    operations = case.split("\n\n", 1)[1].splitlines()
    insists = len(data) > 7 and data[7] // 16 % 8 in (2, 3)  # a cut operation is done again
    assert records < len(operations)
    # A mount, and perhaps a use, at the end.
    assert len(operations) <= (33 * records if insists else records) + 2


def test_an_engine_that_refuses_most_chips_has_different_ones_all_the_same(brownout, tmp_path):
    """lsm takes no map's usual two to four sectors; what it does not mind stays as was chosen."""
    chips = set()
    for seed in range(16):
        (tmp_path / "input").write_bytes(random.Random(seed).randbytes(16))
        case = decode(brownout, tmp_path / "input", "lsm").stdout
        chips.add(re.search("^chip .*", case, re.MULTILINE)[0])
    assert len(chips) >= 8
    assert all(" sectors=8 " in chip for chip in chips)


def test_an_input_without_a_cut_is_cut_all_the_same(brownout, tmp_path):
    """What is found is printed as a case, not the scenario that the bytes are."""
    (tmp_path / "input").write_bytes(bytes(16) + 6 * bytes([0, 1, 10, 20, 0, 0, 0, 0]))
    sound = decode(brownout, tmp_path / "input", "canary fault=0", "--faults", "edge,prefix")
    assert sound.returncode == 0 and " cut " not in sound.stdout
    done = decode(brownout, tmp_path / "input", "canary fault=1", "--faults", "edge,prefix")
    assert done.returncode == 1 and " cut " in done.stdout
    (tmp_path / "found.case").write_text(done.stdout)
    assert brownout("replay", tmp_path / "found.case").returncode == 1


def test_what_is_waived_is_not_found_in_an_input(brownout, tmp_path):
    """Neither in its cuts nor where its own text shows it."""
    (tmp_path / "input").write_bytes(bytes(16) + 6 * bytes([0, 1, 10, 20, 0, 0, 0, 0]))
    words = ("canary fault=1", "--faults", "edge,prefix")
    clause = re.search(r"found (\w+)", decode(brownout, tmp_path / "input", *words).stdout)[1]
    done = decode(brownout, tmp_path / "input", *words, "--waive", clause)
    assert done.returncode == 0 and f"waive {clause}" in done.stdout


def test_what_is_waived_is_not_found_on_an_image(brownout, tmp_path):
    (tmp_path / "input").write_bytes(random.Random(0).randbytes(104))
    words = ("canary-queue fault=22", "--image", tmp_path / "image")
    assert decode(brownout, "input", *words, cwd=tmp_path).returncode == 1
    done = decode(brownout, "input", *words, "--waive", "sane", cwd=tmp_path)
    assert done.returncode == 0 and "waive sane" in done.stdout and "found" not in done.stdout
    words = ("--runs", 40, "--seed", 3, "--no-shrink", "--json", "--artefacts", tmp_path)
    words = ("fuzz", "--engine", "canary-queue fault=22", *words)
    told = json.loads(brownout(*words, "--waive", "bounded").stdout)
    images = sum(it["states"] for it in told["divergences"] if it["clause"] == "sane")
    waived = json.loads(brownout(*words, "--waive", "bounded,sane").stdout)
    assert images > 0 and waived["divergences"] == []
    assert waived["waived"] == told["waived"] + images


def test_a_crash_in_the_cuts_of_an_input_is_a_case(brownout, plugin, tmp_path):
    made = plugin(STORE, ENDS + STORE)
    (tmp_path / "input").write_bytes(bytes(16) + 5 * bytes([0, 1, 10, 20, 0, 0, 0, 0]))
    done = decode(brownout, tmp_path / "input", "two-slots", "--plugin", made)
    assert done.returncode == 1 and "found sane" in done.stdout


# All keys are lost; which of them is named, and why, depends on their order.
ALL_LOST = bytes.fromhex(
    "78cbab6a4e95eff97b1413928859d704654ff40fa27913b1d192dd5a43817f947696662302a7f297"
    "97740820e1757423333a5542141db4fb280b35d495dbe3466e0bd665c3046790fd51ad66199c132c"
    "d330c99c0ee8d8166b99c83ba7476a7c3906ea015dc2752d4dff588762bf365106f53a80bbf69de4"
    "e3591aa6d3a9a1eb278a3570c48c1bee1053bfafb2c49ca30f783ebbb17ac939791f063df4c61f50"
    "050ebd7ed2e9dbaf0266947aa5c9dff43cab9d393d157db668f688690374425687dc768f8a497d9c"
    "ef2f2de84aac6cba9bd1eeea6dba45a75c2b7546342decf8"
)


def test_keys_of_an_input_are_named_in_the_order_of_its_case(brownout, tmp_path):
    (tmp_path / "input").write_bytes(ALL_LOST)
    done = decode(brownout, tmp_path / "input", "canary fault=14")
    assert done.returncode == 1 and "found atomic missing each" in done.stdout


def test_a_cut_goes_with_its_operation(brownout, tmp_path):
    header, quiet = bytes(16), bytes([0, 1, 10, 20, 0, 0, 0, 0])
    cut = bytes([0, 2, 12, 33, 200, 1, 0, 0])
    lines = []
    for name, records in (("long", [quiet, quiet, cut]), ("short", [cut])):
        (tmp_path / name).write_bytes(header + b"".join(records))
        case = decode(brownout, tmp_path / name, "seqmap").stdout
        lines.append([line for line in case.splitlines() if " cut " in line])
    assert len(lines[0]) == 1
    assert lines[0] == lines[1]


@pytest.mark.parametrize(
    "part, options, bits",
    [("", (), True), ("programs=1", (), False), ("programs=1", ("--faults", "edge,bits"), True)],
)
def test_a_cut_is_of_a_class_claimed_on_the_part(brownout, tmp_path, part, options, bits):
    chip = f"generic sectors=2 sector=256 unit=4 {part}".strip()
    header = bytes(16)
    cuts = [bytes([0, 2, 12, 33, 200, kind, 0, 0]) for kind in range(40)]
    (tmp_path / "cuts").write_bytes(header + b"".join(cuts))
    case = decode(brownout, tmp_path / "cuts", "seqqueue", "--chip", chip, *options).stdout
    assert " cut " in case
    assert bits == bool(re.search(r" cut \d+ (blank-tail|lift|mask|only|except)\b", case))


ITEMS = "push append pop mount boot peek read clear look sync seal idle rot use".split()


@settings(max_examples=60)
@given(data=st.binary(min_size=100, max_size=300), queue=st.booleans())
def test_bytes_for_a_list_are_operations_that_it_has(brownout, tmp_path_factory, data, queue):
    path = tmp_path_factory.getbasetemp() / "list-input"
    path.write_bytes(data)
    case = decode(brownout, path, "canary-queue" if queue else "canary-log").stdout
    kinds = {line.split()[0] for line in case.split("\n\n", 1)[1].splitlines()}
    other = {"read", "sync", "seal", "idle"} if queue else {"push", "pop", "peek"}
    assert kinds <= set(ITEMS) - other


def test_the_items_of_an_input_differ_although_its_bytes_repeat(brownout, tmp_path):
    record = bytes([0, 0, 20, 20, 0, 0, 0, 0])
    (tmp_path / "input").write_bytes(bytes(16) + 20 * record)
    case = decode(brownout, tmp_path / "input", "canary-log").stdout
    items = re.findall(r"(?m)^append (\S+)", case)
    assert len(items) == len(set(items)) == 20


def test_an_image_comes_out_as_large_as_its_chip_and_can_be_tried(brownout, tmp_path):
    (tmp_path / "input").write_bytes(bytes(range(100)))
    image = tmp_path / "image.bin"
    done = decode(brownout, "input", "seqmap", "--image", image, cwd=tmp_path)
    (tmp_path / "chip.case").write_text(done.stdout)
    sectors = int(re.search(r" sectors=(\d+)", done.stdout).group(1))
    sector = int(re.search(r" sector=(\d+)", done.stdout).group(1))
    assert image.stat().st_size == sectors * sector
    tried = brownout("fuzz", "--image", image, tmp_path / "chip.case")
    assert (tried.returncode, tried.stdout) == (0, "no divergence\n")
