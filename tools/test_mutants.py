"""mutants.py and mutants_source.py: what a mutant is, what is expected of it, some real ones."""

import argparse
import tempfile
from pathlib import Path

import pytest
from conftest import ROOT

from tools import mutants, mutants_source, mutants_trials

SOURCE = """
#include "x.h"
#define LIMIT 5
/* a < b */
static bool sum_fits(const uint8_t *data, uint32_t size)
{
    uint32_t crc = 7, room[4];
    BO_CHECK(size < 9);
#ifdef BO_CHECKS
    if (size > 8) return false;
#endif
    crc = seq_crc(data, size);
    seq_program(data, crc);
    seq_look_away(data);
    if (size == 0 || !data) return false; // b < c
    return crc == room[0];
}
"""


def of_kind(kind, text=SOURCE):
    return [it for it in mutants_source.mutants("x.c", text) if it.kind == kind]


@pytest.mark.parametrize("kind, expected", [
    ("relation", ["size != 0", "crc != room"]),
    ("constant", ["= (7 + 1)", "= (7 - 1)", "== (0 + 1)", "room[(0 + 1)]"]),
    ("logic", ["size == 0 && !data", "|| data"]),
    ("check", ["false && (size == 0", "true || (size == 0"]),
    ("checksum", ["return true;"]),
    ("call", ["(void)0;", "(void)0;"]),
    ("order", ["seq_program(data, crc); crc = ", "seq_look_away(data); seq_program"]),
    ("assignment", ["(void)0;"]),
    ("return", ["return false; "] * 4),
])
def test_each_kind_is_made_where_it_fits_and_nowhere_else(kind, expected):
    found = of_kind(kind)
    assert len(found) == len(expected)
    for mutant, text in zip(found, expected):
        assert text in mutant.after


def test_a_kind_that_is_described_is_made_and_the_other_way_round():
    assert {it.kind for it in mutants_source.mutants("x.c", SOURCE)} == set(mutants_source.KINDS)


def test_comments_directives_and_checks_of_the_engine_are_left_alone():
    for mutant in mutants_source.mutants("x.c", SOURCE):
        changed = mutant.apply(SOURCE)
        for kept in ("#define LIMIT 5", "/* a < b */", "BO_CHECK(size < 9)", "if (size > 8)",
                     "// b < c", "room[4]"):
            assert kept in changed
        assert changed != SOURCE


def test_a_mutant_keeps_its_name_when_the_source_changes_elsewhere():
    names = {it.name for it in mutants_source.mutants("x.c", SOURCE)}
    longer = "void other(void)\n{\n    call(1);\n}\n" + SOURCE
    assert len(names) == len(mutants_source.mutants("x.c", SOURCE))
    assert names < {it.name for it in mutants_source.mutants("x.c", longer)}


def test_the_sample_is_large_the_same_each_time_and_of_every_kind_and_engine():
    chosen = mutants.sample(1)
    assert len(chosen) >= 300 and chosen == mutants.sample(1) != mutants.sample(2)
    assert {unit for unit, _ in chosen} == set(mutants.SAMPLE)
    assert {it.kind for _, it in chosen} == set(mutants_source.KINDS)
    parts = [mutants.part_of(chosen, f"{number}/7") for number in range(1, 8)]
    assert sorted(it.name for part in parts for _, it in part) == sorted(
        it.name for _, it in chosen)


@pytest.mark.parametrize("part", ["0/3", "4/3"])
def test_a_part_that_is_none_is_refused(part):
    with pytest.raises(mutants.Failed, match="expected a part such as"):
        mutants.part_of([], part)


def outcome(compiled="other", noticed=None):
    mutant = of_kind("checksum")[0]
    return mutants.Outcome("seq", mutant, compiled, noticed)


def test_a_survivor_must_be_listed_and_what_is_noticed_must_not_be():
    name = outcome().mutant.name
    listed = mutants.read_survivors(f"# a comment\n{name} equal x.c f: why\n")
    noticed = mutants.Noticed("seqmap", mutants_trials.Fuzz("", 1, 1), "durable: x")
    assert not mutants.line_of(outcome(), {})[1]
    assert mutants.line_of(outcome(), listed)[1]
    assert mutants.line_of(outcome(noticed=noticed), {})[1]
    text, fine = mutants.line_of(outcome(noticed=noticed), listed)
    assert not fine and "take it out" in text
    assert mutants.line_of(outcome(None), {})[1] and mutants.line_of(outcome("same"), {})[1]


def test_the_table_counts_what_is_not_equal():
    listed = {outcome().mutant.name: ("equal", "why")}
    noticed = mutants.Noticed("seqmap", mutants_trials.Fuzz("", 1, 1), "durable: x")
    rows = list(mutants.table([outcome(), outcome(noticed=noticed)], listed))
    assert rows[-1].split()[:4] == ["all", "2", "1", "1"] and "100.0 %" in rows[-1]
    assert "50.0 %" in list(mutants.table([outcome(), outcome(noticed=noticed)], {}))[-1]


COMPARED = (
    (mutants.mutants_trials.Costs("", ""), mutants.COUNTS, 1, lambda spent: spent),
    (mutants.mutants_trials.Wear("", ""), mutants.RATES, 20,
     lambda spent: {"engines": [{"with_cuts": spent}]}),
)


@pytest.mark.parametrize("trial, names, much, printed", COMPARED)
def test_what_takes_more_than_without_the_change_is_noticed(trial, names, much, printed):
    """With cuts what takes much more."""
    usual = dict.fromkeys(names, 100)
    for more, noticed in ((much - 1, False), (much + 1, True)):
        spent = printed({**usual, "erases": 100 + more})
        found = mutants.compared(trial, spent, printed(usual))
        assert bool(found) == noticed and (not found or "erases" in found)


def test_another_answer_to_a_damaged_image_than_without_the_change_is_noticed():
    trial = mutants.mutants_trials.Fuzz("", "", 1)
    usual = {"image_answers": "00", "images_opened": 3}
    assert mutants.compared(trial, usual, usual) is None
    assert "3" in mutants.compared(trial, {**usual, "image_answers": "01"}, usual)


@pytest.mark.parametrize("line", ["a1 equal", "a1 wrong x.c f: why",
                                  "a1 costs x: y\na1 costs x: y"])
def test_a_line_of_survivors_that_is_none_is_refused(line):
    with pytest.raises(mutants.Failed, match="mutants.survivors:"):
        mutants.read_survivors(line)


def test_what_is_listed_is_well_formed_and_of_engines_that_are_there():
    for _, rest in mutants.read_survivors(mutants.SURVIVORS.read_text()).values():
        source, function = rest.split(":")[0].split()
        assert f"{function}(" in (ROOT / "engines" / source).read_text()


def test_a_name_that_is_listed_and_not_in_the_sample_is_stale_when_all_is_tried():
    given = argparse.Namespace(only=None, part="1/1", seed=1)
    assert mutants.stale({"0": ("equal", "why")}, given) == ["0"]
    assert mutants.stale({"0": ("equal", "why")}, argparse.Namespace(only=None, part="1/2")) == []


def test_every_trial_is_a_scenario_that_names_its_engine():
    for adapter, (kind, trials) in mutants_trials.TRIALS.items():
        assert any(isinstance(trial, mutants_trials.Fuzz) for trial in trials)
        for trial in trials:
            if isinstance(trial, mutants_trials.Trial):
                text = mutants_trials.scenario(adapter, kind, trial)
                assert f"\nengine {trial.engine.format(adapter) or adapter}" in text
                assert text == mutants_trials.scenario(adapter, kind, trial)


def test_a_mutant_that_takes_the_harness_with_it_is_noticed_and_does_not_end_the_tool(tmp_path):
    brownout = tmp_path / "brownout"
    brownout.write_text("#!/bin/sh\necho 'brownout: the harness crashed' >&2\nexit 3\n")
    brownout.chmod(0o755)
    trial = mutants.mutants_trials.Fuzz("", 1, 1)
    what = mutants.run(brownout, "seqmap", trial, "x.so", tmp_path)
    assert what == "the harness failed: brownout: the harness crashed"


# --- real mutants ---

# (source, function, kind, what the changed lines have in them, whether it must be noticed)
FIXED = (
    ("map/naive.c", "load", "call", "checksum(map->work, size, check);", True),
    ("seq/seq.c", "seq_setup", "assignment", "seq->flash = flash;", True),
    ("queue/seqqueue.c", "resolve", "assignment", "queue->first_back = queue->used - 1;", True),
    ("ringlog/rlog_read.c", "step", "call", "add(record, frame->payload, frame->size);", True),
    ("ringlog/seqlog.c", "open_sector", "assignment", "log->append = log->plan.header_size", True),
    # Buffers that are too short (fuzz/rig/rig_short.c).
    ("map/seqmap.c", "seqmap_fetch", "check", "*value_size > capacity", True),
    ("map/naive.c", "naive_fetch", "check", "entry.value_size > capacity", True),
    ("queue/seqqueue.c", "deliver", "check", "item->length > capacity", True),
    ("map/naive.c", "naive_next", "relation", "entry.key_size > key_capacity", True),
    # A format, and power-ons that wear a sector out (fuzz/rig/worn.c).
    ("queue/seqqueue.c", "seqqueue_format", "assignment", "queue->seq.error = BO_FLASH_OK", True),
    ("ringlog/seqlog.c", "seqlog_prepare", "check", "!log->open || !log->changed", True),
    ("map/lsm.c", "fetch", "check", "r.value_size > capacity", True),
    # The calls by hash, and an engine that takes nothing.
    ("map/tickv.c", "tickv_append", "logic", "!tickv_hash_usable(store, hash)", True),
    # What the crate would not find; what is read of a snapshot.
    ("map/tickv_region.c", "tickv_open_path", "return", "uint32_t step = 0, before;", True),
    ("map/lsm_cursor.c", "look_at", "check", "order == 0", True),
)


@pytest.fixture(scope="module")
def builder():
    with tempfile.TemporaryDirectory() as folder:
        yield mutants.Builder(folder)


@pytest.mark.parametrize("source, function, kind, line, noticed", FIXED)
def test_a_mutant_is_noticed_and_the_engine_itself_is_not(plain, builder, source, function, kind,
                                                          line, noticed):
    text = (ROOT / "engines" / source).read_text()
    mutant = next(it for it in mutants_source.mutants(source, text)
                  if (it.function, it.kind) == (function, kind) and line in it.before)
    found = mutants.try_mutant(plain, builder, "", mutant, set(), count=2)
    assert found.compiled == "other" and bool(found.noticed) == noticed
    adapter = mutants.adapters_of(source)[0]
    assert mutants.judge(plain, adapter, builder.plugin(adapter, {}), builder.folder,
                         count=1) is None


# What the engine alone reads as it wrote it.
BESIDE = (
    ("naive", "checksum", "constant", "crc"),
    ("seqqueue", "repair_words", "call", "make_end(queue"),
    ("seqlog", "seed_make", "call", "sector_size"),
)


@pytest.mark.parametrize("adapter, function, kind, line", BESIDE)
def test_a_mutant_is_noticed_beside_the_engine_as_it_is(plain, builder, adapter, function, kind,
                                                        line):
    source = next(it for it in mutants.engines.sources(adapter) if f"/{adapter}.c" in it)
    mutant = next(it for it in mutants_source.mutants(
        source, (ROOT / "engines" / source).read_text())
        if (it.function, it.kind) == (function, kind) and line in it.before)
    trials = [it for it in mutants_trials.TRIALS[adapter][1] if getattr(it, "engine", "")]
    made = builder.compile(mutant.apply((ROOT / "engines" / source).read_text()),
                           (ROOT / "engines" / source).parent, "mutant")

    def finds(instead):
        plugin = builder.plugin(adapter, instead)
        return [mutants.run(plain, adapter, it, plugin, builder.folder) for it in trials]

    assert trials and not any(finds({}))
    assert any(finds({source: made}))


def test_a_mutant_that_is_compiled_to_the_same_code_is_not_tried(builder):
    path = Path("seq/seq.c")
    text = (ROOT / "engines" / path).read_text()
    nothing = mutants_source.Mutant("0", str(path), "f", "call", 0, 0, "\n", "", "")
    assert mutants.try_mutant(None, builder, "", nothing, set(), 1).compiled == "same"
    broken = nothing._replace(replacement="?")
    assert mutants.try_mutant(None, builder, "", broken, set(), 1).compiled is None
    assert nothing.apply(text) != text
