"""`brownout wear`: the same work on several engines, side by side, with power cuts and without."""

import json
import os
import re
import signal
import sqlite3
import subprocess
import time

import pytest
from conftest import SECONDS_MAX, made
from harness import shared_object
from hypothesis import given, settings
from hypothesis import strategies as st

SCENARIO = """chip w25q128jv sectors=4 sector=256
engine seqmap
every 1m

repeat 40 as i {
  store k[i % 3] random 8..12
}
fetch k[0..2]
mount
remove k1
"""


LOG = """chip w25q128jv sectors=4 sector=512
engine canary-log fault=0
every 10s

repeat 400 {
  append random 8..40
}
"""

QUEUE = """chip w25q128jv sectors=6 sector=512
engine canary-queue fault=0

repeat 30 {
  push random 8..40
  push "0123456789"
  peek
  pop
}
"""


@pytest.fixture
def scenario(tmp_path):
    path = tmp_path / "work.scn"
    path.write_text(SCENARIO)
    return path


def written(folder, text):
    path = folder / "work.scn"
    path.write_text(text)
    return path


def wear(brownout, scenario, *options):
    done = brownout("wear", scenario, "--json", *options)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)["engines"]


def test_a_log_wears_the_chip_less_than_erasing_for_each_update(brownout, scenario):
    log, naive = wear(brownout, scenario, "--engines", "seqmap,naive")
    assert (log["engine"], naive["engine"]) == ("seqmap", "naive")
    assert log["erases_max"] < naive["erases_max"]
    assert log["lifetime_ns"] > naive["lifetime_ns"]
    assert log["operations"] == naive["operations"] == 40 + 3 + 1 + 1
    assert log["payload"] == naive["payload"]


def test_the_figures_are_those_of_a_run_of_each_engine(brownout, scenario):
    for it in wear(brownout, scenario, "--engines", "seqmap, naive"):
        done = brownout("run", scenario, "--engine", it["engine"], "--json")
        run = json.loads(done.stdout)
        assert it["erases"] == run["erases"]
        assert it["erases_max"] == run["erases_max"]
        assert it["erases_mean"] == pytest.approx(run["erases_mean"], abs=1e-3)
        programs = it["programs_per_operation"] * it["operations"]
        assert round(programs) == run["programs"]
        amplification = run["bytes_programmed"] / it["payload"]
        assert it["bytes_per_payload_byte"] == pytest.approx(amplification, abs=1e-3)


def test_each_engine_takes_options_of_its_own(brownout, scenario):
    engines = "seqmap, seqmap states=1 pointers=1 keys=8"
    plain, cached = wear(brownout, scenario, "--engines", engines)
    assert cached["engine"] == "seqmap states=1 pointers=1 keys=8"
    assert cached["bytes_read_per_operation"] < plain["bytes_read_per_operation"]
    assert cached["erases"] == plain["erases"]


def test_without_a_choice_every_engine_of_the_house_works(brownout, scenario):
    names = {it["engine"] for it in wear(brownout, scenario)}
    assert {"seqmap", "naive"} <= names
    assert not names & {"canary", "original"}


def test_without_a_choice_no_map_is_asked_to_do_the_work_of_a_log(brownout, tmp_path):
    names = {it["engine"] for it in wear(brownout, written(tmp_path, LOG))}
    assert not names & {"seqmap", "naive"}


def test_an_engine_of_another_kind_is_refused(brownout, tmp_path):
    done = brownout("wear", written(tmp_path, LOG), "--engines", "canary-log,naive")
    assert done.returncode == 2
    assert "append is no operation of naive" in done.stderr


def test_the_engine_that_the_scenario_names_need_not_be_there(brownout, tmp_path):
    text = SCENARIO.replace("engine seqmap", "engine of-somebody-else x=1")
    path = written(tmp_path, text)
    (it,) = wear(brownout, path, "--engines", "naive")
    assert it["engine"] == "naive"
    assert wear(brownout, path, "--engine", "naive") == [it]


def test_the_table_has_a_column_for_each_engine(brownout, scenario):
    done = brownout("wear", scenario, "--engines", "seqmap,naive")
    head = next(line for line in done.stdout.splitlines() if "seqmap" in line)
    assert head.split() == ["seqmap", "naive"]
    assert all(len(line.split("  ")) >= 3 for line in done.stdout.splitlines()[4:-2])
    assert done.stdout.endswith("\nno divergence\n")


# --- what is printed ---


def test_a_table_fits_a_screen_and_a_long_one_has_all_figures(brownout, scenario):
    words = ("wear", scenario, "--engines", "seqmap,naive,seqmap keys=2", "--cuts", "1/3")
    brief, full = brownout(*words).stdout, brownout(*words, "--long").stdout
    assert len(brief.splitlines()) <= 24
    assert set(brief.splitlines()) < set(full.splitlines())
    for row in ("payload: bytes of keys and values", "operations refused", "operations done again"):
        assert row in full and row not in brief
    assert "projected lifetime" in brief


def test_engines_that_do_not_fit_beside_each_other_come_below(brownout, scenario):
    engines = [f"seqmap keys={number}" for number in range(1, 9)]
    done = brownout("wear", scenario, "--engines", ",".join(engines), "--cuts", "1/3")
    lines = done.stdout.splitlines()
    assert max(map(len, lines)) <= 100
    names = [line.split("  ") for line in lines if "keys=" in line]
    assert [name.strip() for row in names for name in row if name] == engines
    assert len(names) == 2 and sum("power cuts" in line for line in lines) == 2


def test_what_was_refused_is_in_the_brief_table_too(brownout, tmp_path):
    full = "chip generic sectors=3\nengine canary-queue fault=0\n"
    full += "repeat 80 {\n  push fill 1 200\n}\n"
    path = written(tmp_path, full)
    done = brownout("wear", path, "--engines", "canary-queue")
    assert "operations refused" in done.stdout


def test_even_wear_has_no_deviation_and_uneven_wear_has(brownout, tmp_path):
    """One key at a time, so that naive erases one sector again and again."""
    text = "chip generic sectors=4\nengine naive\nrepeat 30 {\n  store a count\n}\n"
    (it,) = wear(brownout, written(tmp_path, text), "--engines", "naive")
    assert it["erases_max"] == it["erases"] == 30
    assert it["erases_mean"] == 7.5
    assert it["erases_max_per_mean"] == 4
    assert it["erases_deviation"] == pytest.approx((3 * 7.5**2 / 4 + 22.5**2 / 4) ** 0.5, abs=1e-3)


def test_a_map_holds_its_keys_and_never_overwrites(brownout, scenario):
    for it in wear(brownout, scenario, "--engines", "seqmap,naive"):
        assert it["held"] == 2
        assert it["held_least"] is None


def test_a_log_holds_less_right_after_it_overwrote(brownout, tmp_path):
    (it,) = wear(brownout, written(tmp_path, LOG), "--engines", "canary-log")
    assert 0 < it["held_least"] <= it["held"] < 400
    assert it["payload"] >= 400 * 8
    done = brownout("wear", written(tmp_path, LOG), "--engines", "canary-log")
    assert "least held, once it overwrote" in done.stdout


def test_a_queue_counts_what_was_pushed_and_not_what_was_taken_out(brownout, tmp_path):
    (it,) = wear(brownout, written(tmp_path, QUEUE), "--engines", "canary-queue")
    assert it["operations"] == 120
    assert it["held"] == 30
    assert it["payload"] >= 30 * (8 + 10)


def test_the_checks_of_the_harness_cost_nothing(brownout, tmp_path):
    """A refused push is checked by a peek; a claim and a look read everything."""
    full = "chip generic sectors=3\nengine canary-queue fault=0\n"
    full += "repeat 80 {\n  push fill 1 200\n}\n"
    (plain,) = wear(brownout, written(tmp_path, full), "--engines", "canary-queue")
    (checked,) = wear(brownout, written(tmp_path, full + "look\noldest 0x%s\n" % ("01" * 200)),
                      "--engines", "canary-queue")  # fmt: skip
    assert plain["refused"] > 0
    assert plain == checked


def test_the_worst_mount_is_no_better_than_the_last(brownout, tmp_path):
    for text, engine in ((SCENARIO, "seqmap"), (LOG, "canary-log")):
        (it,) = wear(brownout, written(tmp_path, text), "--engines", engine)
        assert it["mount_reads_most"] >= it["mount_reads"] > 0


# --- power cuts ---


@pytest.mark.parametrize("rate, share", [("1/4", 1 / 4), ("1/1", 1), ("30/40", 3 / 4)])
def test_power_is_cut_in_that_share_of_the_operations(brownout, scenario, rate, share):
    (it,) = wear(brownout, scenario, "--engines", "seqmap", "--cuts", rate)
    assert it["with_cuts"]["cuts"] == pytest.approx(share * it["operations"], rel=0.5)
    if share == 1:
        assert it["with_cuts"]["cuts"] == it["operations"]


def test_power_is_cut_in_programs_in_erases_and_between_operations(brownout, scenario):
    (it,) = wear(brownout, scenario, "--engines", "naive", "--cuts", "1/1")
    cut = it["with_cuts"]
    assert min(cut["cuts_in_program"], cut["cuts_in_erase"], cut["cuts_after"]) > 0
    places = cut["cuts_in_program"] + cut["cuts_in_erase"] + cut["cuts_after"]
    assert cut["cuts"] == places


def test_all_engines_lose_power_in_the_same_operations(brownout, scenario):
    both = wear(brownout, scenario, "--engines", "seqmap,naive", "--cuts", "1/5")
    log, naive = (it["with_cuts"] for it in both)
    assert log["cuts"] == naive["cuts"]


def test_the_same_work_is_done_in_spite_of_the_cuts(brownout, scenario):
    for it in wear(brownout, scenario, "--engines", "seqmap,naive", "--cuts", "1/2"):
        cut = it["with_cuts"]
        assert cut["redone"] > 0
        assert (cut["payload"], cut["held"]) == (it["payload"], it["held"])
        assert cut["operations"] == it["operations"]


def test_what_the_cuts_cost_is_the_difference_to_the_run_without(brownout, scenario):
    (it,) = wear(brownout, scenario, "--engines", "naive", "--cuts", "1/3")
    cut = it["with_cuts"]
    more = (cut["erases"] - it["erases"]) / cut["cuts"]
    assert cut["more_erases_per_cut"] == pytest.approx(more, abs=1e-3)
    assert more > 0
    assert cut["lifetime_ns"] < it["lifetime_ns"]


def test_the_run_without_cuts_is_the_same_with_and_without_the_option(brownout, scenario):
    (alone,) = wear(brownout, scenario, "--engines", "seqmap")
    (beside,) = wear(brownout, scenario, "--engines", "seqmap", "--cuts", "1/3")
    assert alone == {name: value for name, value in beside.items() if name != "with_cuts"}


def test_lists_go_on_after_a_cut_too(brownout, tmp_path):
    queues = ("--engines", "canary-queue", "--cuts", "1/3")
    (queue,) = wear(brownout, written(tmp_path, QUEUE), *queues)
    assert queue["with_cuts"]["held"] == queue["held"] == 30
    (log,) = wear(brownout, written(tmp_path, LOG), "--engines", "canary-log", "--cuts", "1/9")
    assert log["with_cuts"]["payload"] == log["payload"]
    assert log["with_cuts"]["programs_per_operation"] > log["programs_per_operation"]


# After each operation stands what it leaves.
CHANGES = """chip w25q128jv sectors=8 sector=512
engine {}
store a "1"
collect
remove a
remove a
expect a absent
store a "2"
clear
expect a absent
store a "3"
format
expect a absent
store a "4"
{}expect a absent
store b "5"
expect b "5"
"""
DESTROYS = """store b "8"
destroy b
expect b absent
destroy all
"""
TRANSACTIONS = """begin
store a "6"
store b "6"
remove c
commit
expect a "6"
expect b "6"
begin
store b "7"
abort
expect b "6"
remove a
"""
WORDS = """chip w25q128jv sectors=6 sector=512
engine {}
repeat 4 as i {{
  append fill i 20
}}
sync
idle
clear
append "a"
append "b"
sync
seal
append "c"
sync
look
"""


@pytest.mark.parametrize("engine, more", [("tickv", DESTROYS), ("lsm", TRANSACTIONS)])
def test_what_changes_a_map_has_the_same_effect_in_spite_of_the_cuts(
    brownout, tmp_path, engine, more
):
    path = written(tmp_path, CHANGES.format(engine, more))
    (engine,) = wear(brownout, path, "--engines", engine, "--cuts", "1/1")
    assert engine["with_cuts"]["cuts"] > 8
    assert engine["with_cuts"]["held"] == engine["held"]


def test_what_changes_a_log_has_the_same_effect_in_spite_of_the_cuts(brownout, tmp_path):
    words = ("--engines", "rlog ahead=1", "--cuts", "1/1")
    (engine,) = wear(brownout, written(tmp_path, WORDS.format("rlog")), *words)
    assert engine["with_cuts"]["cuts"] > 8
    assert engine["with_cuts"]["held"] == engine["held"] == 3


EVERY_CALL = {"map": ["seqmap", "naive", "tickv", "lsm"], "queue": ["seqqueue"],
              "log": ["rlog", "rlog-strict", "seqlog", "seqqueue"]}


@pytest.mark.parametrize("kind", EVERY_CALL)
def test_every_call_of_every_engine_is_cut(quick, root, kind):
    """A format among them: what it leaves some engines mount, until another one is through."""
    for engine in EVERY_CALL[kind]:
        for seed in range(4):
            path = root / f"scenarios/every-call-{kind}.scn"
            words = ("--engines", engine, "--cuts", "1/1", "--seed", seed)
            (row,) = wear(quick, path, *words)
            assert row["with_cuts"]["cuts"] > 8


@given(seed=st.integers(0, 2**64 - 1), per=st.integers(1, 20))
@settings(max_examples=15)
def test_the_same_seed_gives_the_same_bytes(brownout, tmp_path_factory, seed, per):
    path = written(tmp_path_factory.mktemp("wear"), SCENARIO)
    options = ("--engines", "seqmap,naive", "--cuts", f"1/{per}", "--seed", seed)
    first, second = (brownout("wear", path, *options) for _ in range(2))
    assert first.returncode in (0, 4), first.stdout  # 4: a low rate may meet nothing
    assert first.stdout == second.stdout


def test_another_seed_cuts_elsewhere(brownout, scenario):
    tables = [
        wear(brownout, scenario, "--engines", "naive", "--cuts", "1/3", "--seed", seed)[0]
        for seed in range(8)
    ]
    assert len({json.dumps(it["with_cuts"]) for it in tables}) > 4


def test_an_engine_that_a_cut_breaks_has_a_case_and_the_others_their_figures(
    brownout, scenario, tmp_path
):
    options = ("--cuts", "1/2", "--artefacts", tmp_path)
    done = brownout("wear", scenario, "--engines", "canary fault=9, naive", *options)
    assert done.returncode == 1
    outcome = next(line for line in done.stdout.splitlines() if "outcome" in line)
    assert outcome.split() == ["outcome", "DIVERGED", "done"]
    assert "DIVERGENCE of canary fault=9, clause " in done.stdout
    (case,) = tmp_path.glob("divergence-*.case")
    assert str(case) in done.stdout
    again = brownout("replay", case, "--quiet")
    clause = re.search(r"DIVERGENCE of .*, clause (\w+):", done.stdout)[1]
    assert again.returncode == 1
    assert f"clause {clause}" in again.stdout


def test_what_diverges_is_one_of_the_engines_of_the_json(brownout, scenario, tmp_path):
    db = tmp_path / "results.db"
    options = ("--cuts", "1/2", "--artefacts", tmp_path, "--db", db)
    done = brownout("wear", scenario, "--engines", "naive, canary fault=9", "--json", *options)
    assert done.returncode == 1
    naive, canary = json.loads(done.stdout)["engines"]
    (same,) = wear(brownout, scenario, "--engines", "naive", "--cuts", "1/2")
    assert naive == same
    assert (canary["outcome"], canary["with_cuts"]["outcome"]) == ("diverged", "diverged")
    assert canary["with_cuts"]["erases"] is None
    assert canary["clause"] and canary["reason"]
    assert brownout("replay", canary["case"], "--quiet").returncode == 1
    kept = [(row["engine"], row["cut_rate"]) for row in rows(db)]
    assert ("naive", "1/2") in kept and ("canary", "1/2") not in kept


def test_an_engine_that_refuses_leaves_the_others_their_figures(brownout, scenario):
    done = brownout("wear", scenario, "--engines", "seqlog, naive", "--json")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    seqlog, naive = json.loads(done.stdout)["engines"]
    assert (seqlog["outcome"], seqlog["erases"]) == ("refused", None)
    assert "store is no operation of seqlog" in seqlog["reason"]
    assert [naive] == wear(brownout, scenario, "--engines", "naive")


# --- engines of plug-ins ---

# The example, which writes a snapshot at format; as `eager` it erases each sector twice before, and
# takes no chip but those of the scenario's size.
PEERS = """
#define brownout_adapter example_entry
#include "examples/plugin/two_slots.c"
#undef brownout_adapter
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static enum answer eager_format(void *object, const struct bo_flash *flash,
                                const struct adapter_settings *settings)
{
    for (uint32_t i = 0; i < 2 * flash->geometry.sector_count; i++)
        flash->erase(flash->context, i / 2 * flash->geometry.sector_size);
    return slots_format(object, flash, settings);
}

static enum answer end(void *object, const void *key, uint32_t key_size, const void *value,
                       uint32_t value_size)
{
    (void)object, (void)key, (void)key_size, (void)value, (void)value_size;
    abort();
}
static const struct adapter_map ends = {.store = end, .fetch = slots_fetch};

/* For a signal, once it has made a file. */
static enum answer wait_long(void *object, const void *key, uint32_t key_size, const void *value,
                             uint32_t value_size)
{
    const char *name = getenv("WEAR_WAITS");
    FILE *file = name ? fopen(name, "w") : NULL;
    if (file) fclose(file);
    while (file) pause();
    return slots_store(object, key, key_size, value, value_size);
}
static const struct adapter_map waits = {.store = wait_long, .fetch = slots_fetch};

static const char *eager_refuses(const struct bo_flash_geometry *geometry,
                                 const struct adapter_settings *settings)
{
    return geometry->sector_size == 256 ? slots_refuses(geometry, settings) : "of 256 bytes only";
}

/* Ends where a cut erase has left one sector alone, after some stores, or at its first power-on. */
static enum answer end_alone(void *object, const struct bo_flash *flash,
                             const struct adapter_settings *settings)
{
    uint8_t head[8];
    uint32_t blank = 0, newest = 0, size = flash->geometry.sector_size;
    for (uint32_t i = 0; i < 2; i++) {
        flash->read(flash->context, i * size, head, sizeof head);
        uint32_t sequence = get(head + 4, 4);
        if (sequence == 0xFFFFFFFF) blank++;
        else if (sequence > newest) newest = sequence;
    }
    if (blank == 1 && newest > 4) abort();
    if (getenv("WEAR_ENDS_AT_ONCE")) exit(7);
    return slots_mount(object, flash, settings);
}

#define PEER(its_name, its_refuses, its_format, its_calls)                              \
    {.version = ADAPTER_VERSION, .kind = ADAPTER_MAP, .name = its_name,                 \
     .summary = "for tests", .claims = "edge", .refuses = its_refuses,                  \
     .object_size = slots_object_size, .limits = slots_limits, .format = its_format,    \
     .mount = slots_mount, .map = its_calls}
static const struct adapter lazy = PEER("lazy", slots_refuses, slots_format, &calls);
static const struct adapter eager = PEER("eager", eager_refuses, eager_format, &calls);
static const struct adapter ending = PEER("ending", slots_refuses, slots_format, &ends);
static const struct adapter waiting = PEER("waiting", slots_refuses, slots_format, &waits);
static const struct adapter alone = {
    .version = ADAPTER_VERSION, .kind = ADAPTER_MAP, .name = "alone", .summary = "for tests",
    .claims = "edge", .refuses = slots_refuses, .object_size = slots_object_size,
    .limits = slots_limits, .format = slots_format, .mount = end_alone, .map = &calls};

extern adapter_table brownout_adapters;
const struct adapter *const brownout_adapters[] = {&lazy, &eager, &ending, &waiting, &alone,
                                                      0};
"""
TWO_SECTORS = SCENARIO.replace("sectors=4", "sectors=2")


@pytest.fixture(scope="module")
def peers(tmp_path_factory):
    return shared_object(tmp_path_factory.mktemp("peers"), "peers", PEERS, "-std=gnu11")


def test_engines_of_a_plugin_are_compared_with_each_other_and_the_house(brownout, tmp_path, peers):
    path = written(tmp_path, TWO_SECTORS)
    done = brownout("wear", path, "--json", "--plugin", peers)
    names = {it["engine"] for it in json.loads(done.stdout)["engines"]}
    assert {"lazy", "eager", "ending", "seqmap"} <= names
    named = wear(brownout, path, "--plugin", peers, "--engines", "eager,seqmap,lazy")
    assert [it["engine"] for it in named] == ["eager", "seqmap", "lazy"]


def test_an_engine_that_ends_its_process_leaves_the_others_their_figures(
    brownout, tmp_path, peers
):
    path = written(tmp_path, TWO_SECTORS)
    words = ("wear", path, "--plugin", peers, "--engines", "ending,lazy", "--artefacts", tmp_path)
    done = brownout(*words, "--json")
    assert done.returncode == 1
    ending, lazy = json.loads(done.stdout)["engines"]
    assert (ending["outcome"], ending["clause"]) == ("diverged", "sane")
    assert ending["reason"].startswith("store: ")
    again = brownout("replay", ending["case"], "--plugin", peers, "--quiet")
    assert again.returncode == 1 and "the engine crashed" in again.stdout.splitlines()[-1]
    assert [lazy] == wear(brownout, path, "--plugin", peers, "--engines", "lazy")
    assert "DIVERGENCE of ending, clause sane: store: " in brownout(*words).stdout


def replayed(brownout, peers, done):
    """The case of the one divergence that was printed, and the verdict of its replay."""
    (case,) = re.findall(r"replay with: brownout replay (\S+)", done.stdout)
    again = brownout("replay", case, "--plugin", peers, "--quiet")
    assert again.returncode == 1 and "warning" not in again.stdout, again.stdout
    return open(case).read(), again.stdout.splitlines()[-1]


@pytest.mark.parametrize("shrunk", [[], ["--no-shrink"]])
def test_a_crash_that_needs_the_cuts_has_a_case_of_those_up_to_it(
    brownout, tmp_path, peers, shrunk
):
    path = written(tmp_path, TWO_SECTORS)
    words = ("wear", path, "--plugin", peers, "--engines", "alone", "--artefacts", tmp_path)
    done = brownout(*words, "--cuts", "1/3", *shrunk)
    assert done.returncode == 1
    assert "DIVERGENCE of alone, clause sane: mount: the engine crashed: Aborted" in done.stdout
    text, verdict = replayed(brownout, peers, done)
    assert "found sane crash mount program" in text or "found sane crash mount erase" in text
    assert verdict == "DIVERGENCE, clause sane: the engine crashed: Aborted"
    assert len(re.findall(r"\bcut \d", text)) >= 1
    assert bool(shrunk) or text.count("\nstore ") <= 5


def test_a_crash_at_the_first_power_on_has_a_case_without_operations(
    brownout, tmp_path, peers, monkeypatch
):
    path = written(tmp_path, TWO_SECTORS)
    monkeypatch.setenv("WEAR_ENDS_AT_ONCE", "1")
    done = brownout("wear", path, "--plugin", peers, "--engines", "alone", "--artefacts", tmp_path)
    assert done.returncode == 1
    text, verdict = replayed(brownout, peers, done)
    assert "store" not in text
    assert "clause sane" in verdict


def test_an_interrupted_comparison_keeps_what_was_done(build, tmp_path, peers):
    path, db = written(tmp_path, TWO_SECTORS), tmp_path / "results.db"
    words = ["wear", path, "--plugin", peers, "--engines", "lazy,waiting,eager", "--db", db]
    with subprocess.Popen(
        [str(word) for word in (made(build / "brownout"), *words)],
        env={**os.environ, "WEAR_WAITS": str(tmp_path / "waits")},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        while process.poll() is None and not (tmp_path / "waits").exists():
            time.sleep(0.01)
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=SECONDS_MAX)
    assert process.returncode == 130
    outcome = next(line for line in output.splitlines() if "outcome" in line)
    assert outcome.split() == ["outcome", "done", "stopped", "stopped"]
    verdict = "no divergence in the part that was done; interrupted before the end"
    assert output.splitlines()[-1] == verdict
    with sqlite3.connect(db) as results:
        assert results.execute("select engine from cost").fetchall() == [("lazy",)]


def test_format_is_no_work_and_no_wear(brownout, tmp_path, peers):
    path = written(tmp_path, TWO_SECTORS)
    words = ("--plugin", peers, "--engines", "lazy,eager", "--cuts", "1/5")
    lazy, eager = wear(brownout, path, *words)
    assert eager["start_erases"] == lazy["start_erases"] + 4
    assert lazy["start_programs"] > 0
    for it in (lazy, eager, lazy["with_cuts"], eager["with_cuts"]):
        assert it.pop("start_erases") >= 0
        it.pop("engine", None)
    assert lazy == eager


def test_payload_is_keys_and_values_of_what_was_stored(brownout, tmp_path):
    text = "chip generic sectors=4\nengine seqmap key=3\n\n"
    text += 'store abc "12345"\nstore abc "1"\nfetch abc\nremove abc\n'
    (it,) = wear(brownout, written(tmp_path, text), "--engines", "seqmap")
    assert it["payload"] == 3 + 5 + 3 + 1


@pytest.mark.parametrize("json", [False, True])
def test_cuts_that_meet_nothing_are_no_pass(brownout, scenario, json):
    words = ("wear", scenario, "--engines", "seqmap", "--cuts", "1/1000000")
    done = brownout(*words, *(["--json"] if json else []))
    assert done.returncode == 4
    last = done.stdout.splitlines()[-1]
    verdict = "NOTHING WAS JUDGED: --cuts 1/1000000 met none of the operations"
    assert json or last.startswith(verdict)


def test_a_scenario_with_cuts_of_its_own_is_refused_at_its_line(brownout, tmp_path):
    path = written(tmp_path, SCENARIO + 'store k1 "x" cut 1 none\n')
    done = brownout("wear", path, "--engines", "seqmap")
    assert done.returncode == 2
    assert f"{path}:11: wear takes a scenario without cuts" in done.stderr


UNCUT = ("rot", "fail", "glitch", "lie", "stray")


@pytest.mark.parametrize("words", ["rot", *(f"edge,{it}" for it in UNCUT)])
def test_a_class_in_which_nothing_is_cut_is_refused(brownout, scenario, words):
    done = brownout("wear", scenario, "--cuts", "1/5", "--faults", words)
    assert done.returncode == 2 and "leave out rot, fail, glitch, lie and stray" in done.stderr


@pytest.mark.parametrize("words", ["rot", *(f"edge,{it}" for it in UNCUT)])
def test_it_is_refused_too_where_the_scenario_has_it(brownout, tmp_path, words):
    text = re.sub("(?m)^(engine .*)$", rf"\1\nfaults {words}", SCENARIO, count=1)
    named = written(tmp_path, text)
    done = brownout("wear", named, "--cuts", "1/5", "--engines", "seqmap")
    assert done.returncode == 2 and "which the scenario has" in done.stderr
    assert brownout("wear", named, "--engines", "seqmap").returncode == 0
    words = ("--cuts", "1/5", "--engines", "seqmap", "--faults", "edge")
    assert brownout("wear", named, *words).returncode == 0


@pytest.mark.parametrize("words", [("--faults", "edge"), ("--seed", 1), ("--masks", 3)])
def test_what_says_how_to_cut_is_refused_where_nothing_is_cut(brownout, scenario, words):
    done = brownout("wear", scenario, "--engines", "naive", *words)
    assert done.returncode == 2
    assert "only with --cuts" in done.stderr


@pytest.mark.parametrize("rate", ["", "0/5", "5", "6/5", "1/0", "-1/5", "1/5x", "1e3/2", "1 /5"])
def test_a_rate_that_is_none_is_one_line(brownout, scenario, rate):
    done = brownout("wear", scenario, "--cuts", rate)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert "--cuts takes N/M" in done.stderr


# --- results ---


def rows(path):
    db = sqlite3.connect(path)
    db.row_factory = sqlite3.Row
    found = [dict(row) for row in db.execute("select * from cost")]
    db.close()
    return found


def test_the_results_say_what_the_table_says(brownout, scenario, tmp_path):
    db = tmp_path / "results.db"
    options = ("--engines", "seqmap keys=4,naive", "--cuts", "1/4", "--db", db, "--campaign", "may")
    tables = wear(brownout, scenario, *options)
    kept = rows(db)
    assert len(kept) == 4
    for it in tables:
        name, _, options = it["engine"].partition(" ")
        mine = [row for row in kept if row["engine"] == name]
        for row, figures in zip(mine, (it, it["with_cuts"])):
            assert (row["campaign"], row["settings"]) == ("may", options)
            for column in ("erases", "erases_max", "held", "refused", "mount_reads_most"):
                assert row[column] == figures[column]
            per_byte = pytest.approx(figures["bytes_per_payload_byte"], abs=1e-3)
            assert row["bytes_per_payload_byte"] == per_byte
        assert [row["cut_rate"] for row in mine] == [None, "1/4"]
        more = pytest.approx(it["with_cuts"]["more_erases_per_cut"], abs=1e-3)
        assert mine[1]["more_erases_per_cut"] == more


def test_comparing_again_keeps_one_row_for_each_engine_and_rate(brownout, scenario, tmp_path):
    db = tmp_path / "results.db"
    for cuts in ("1/4", "1/4", "1/2"):
        wear(brownout, scenario, "--engines", "seqmap", "--cuts", cuts, "--db", db)
    assert [row["cut_rate"] for row in rows(db)] == [None, "1/4", "1/2"]


def test_a_database_that_is_none_is_an_error_of_one_line(brownout, scenario, tmp_path):
    path = tmp_path / "no-database"
    path.write_text("not a database, but long enough to look like one " * 10)
    done = brownout("wear", scenario, "--engines", "naive", "--db", path)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1


# --- engines that are none ---


@pytest.mark.parametrize("engines", ["", "nothing", "seqmap,", "seqmap colour=3", "a," * 20])
def test_engines_that_are_none_are_one_line(brownout, scenario, engines):
    done = brownout("wear", scenario, "--engines", engines)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1


def test_a_cut_on_a_counter_in_seqmap_costs_some_bytes_and_no_sector(brownout, tmp_path):
    """An item header that was torn ended its sector once: 0.24 erases for each cut."""
    path = tmp_path / "counter.scn"
    path.write_text("chip w25q16jv sectors=4 sector=1024\nengine seqmap\nevery 1m\n\n"
                    "repeat 1000 {\n  store boots count\n}\n")
    (it,) = wear(brownout, path, "--engines", "seqmap", "--cuts", "1/10")
    more = it["with_cuts"]["erases"] - it["erases"]
    assert it["with_cuts"]["cuts"] > 50 and more < 0.06 * it["with_cuts"]["cuts"]
