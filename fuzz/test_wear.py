"""`brownout wear`: the same work on several engines, side by side."""

import json

import pytest

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


@pytest.fixture
def scenario(tmp_path):
    path = tmp_path / "work.scn"
    path.write_text(SCENARIO)
    return path


def wear(brownout, scenario, *options):
    done = brownout("wear", scenario, "--json", *options)
    assert done.returncode == 0, done.stderr
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


def test_the_table_has_a_column_for_each_engine(brownout, scenario):
    done = brownout("wear", scenario, "--engines", "seqmap,naive")
    head = next(line for line in done.stdout.splitlines() if "seqmap" in line)
    assert head.split() == ["seqmap", "naive"]
    assert all(len(line.split("  ")) >= 3 for line in done.stdout.splitlines()[4:])


@pytest.mark.parametrize("engines", ["", "nothing", "seqmap,", "seqmap colour=3", "a," * 20])
def test_engines_that_are_none_are_one_line(brownout, scenario, engines):
    done = brownout("wear", scenario, "--engines", engines)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
