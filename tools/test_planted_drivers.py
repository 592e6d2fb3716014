"""planted_drivers.py: what it looks for, and what the fuzzers begin with."""

import shutil
from types import SimpleNamespace

import pytest

from tools import planted_drivers


def test_every_fault_of_the_tables_is_looked_for(root):
    tables = {"canary.c": planted_drivers.canaries, "canary_list_adapter.c": planted_drivers.lists}
    for name, listed in tables.items():
        count = (root / "fuzz/subjects" / name).read_text().count("[PLANTED_")
        numbers = {int(it.engine.split()[1].split("=")[1]) for it in listed()}
        assert count > 1 and numbers == set(range(1, count))


def test_every_fault_of_a_small_engine_is_looked_for(root):
    small = root / "fuzz/subjects/small"
    transactions = planted_drivers.choices(small / "transactions.c")
    assert {" fault=seen-early", " fault=format-stale"} <= set(transactions)
    assert " fault=none" not in transactions
    assert len(set(transactions)) == len(transactions) > 12
    assert planted_drivers.choices(small / "two_faults.c") == [""]


def test_each_seed_has_histories_of_its_own(tmp_path):
    def content(name, seed):
        folder = planted_drivers.histories(tmp_path / name, seed)
        return {path.name: path.read_bytes() for path in folder.iterdir()}

    one = content("one", 1)
    assert one == content("again", 1)
    assert not set(one.values()) & set(content("two", 2).values())


@pytest.mark.skipif(not shutil.which("clang-14"), reason="clang-14 is missing")
def test_a_small_engine_has_the_coverage_that_a_fuzzer_needs(root, tmp_path):
    made = planted_drivers.compiled(root / "fuzz/subjects/small/two_faults.c", tmp_path)
    assert made.name == "two-faults.so" and b"__sancov_cntrs" in made.read_bytes()


def test_an_input_at_which_afl_ends_at_its_start_is_found(tmp_path, monkeypatch):
    name = "id:000000,time:0,execs:0,orig:seed-9"
    said = f"[!] WARNING: Test case '{name}' results in a crash, skipping"
    monkeypatch.setattr(planted_drivers, "run", lambda *_: (1, said, 0.5))
    monkeypatch.setattr(planted_drivers, "decoded", lambda given, planted, path, work: path)
    given = SimpleNamespace(folder=tmp_path, seconds=1)
    trial = planted_drivers.Trial("canary", "AFL++", 1)
    planted = planted_drivers.Planted("canary")
    found = planted_drivers.afl(given, planted, trial, tmp_path)
    assert found == tmp_path / "out/default/queue" / name and trial.seconds == 0.5
