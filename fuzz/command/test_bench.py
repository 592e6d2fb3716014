"""`brownout bench` without a scenario: what the designs of a log cost, which is counted."""

import json

import pytest

RECORDS = 3000


def costs(brownout, engines, records=RECORDS):
    """{design: [cells]}: the table of costs."""
    done = brownout("bench", "--engines", engines, "--runs", records)
    assert done.returncode == 0, done.stderr
    rows = [line for line in done.stdout.splitlines() if line.startswith("  canary")]
    return {line[:35].strip(): [float(cell) for cell in line[35:].split()] for line in rows}


def test_a_design_costs_what_the_same_work_costs_in_a_scenario(brownout, tmp_path):
    """The same number of records of the same size; their bytes do not matter."""
    (cells,) = costs(brownout, "canary-log fault=0").values()
    per_record, erases, held, programs, most, few, _ = cells
    text = "chip generic sectors=16 sector=4096 page=256 unit=1\nengine canary-log fault=0\n"
    path = tmp_path / "records.scn"
    path.write_text(text + f"repeat {RECORDS} {{\n  append random 32\n}}\n")
    done = brownout("run", path, "--json")
    run = json.loads(done.stdout)
    assert per_record == pytest.approx(run["bytes_programmed"] / RECORDS, abs=0.1)
    assert programs == pytest.approx(run["programs"] / RECORDS, abs=0.01)
    assert erases == run["erases"]
    assert 0 < held < RECORDS
    assert most >= programs
    assert few > 0


def test_more_sectors_take_a_linear_mount_more_reads(brownout):
    (cells,) = costs(brownout, "canary-log fault=0").values()
    assert cells[-1] > cells[-2]


def test_a_line_for_each_design_in_the_order_given(brownout):
    names = list(costs(brownout, "canary-queue fault=0, canary-log fault=0", 200))
    assert names == ["canary-queue fault=0", "canary-log fault=0"]


def test_the_targets_stand_above(brownout):
    lines = brownout("bench", "--runs", 200).stdout.splitlines()
    assert [line[:35].strip() for line in lines[3:6]] == [
        "best known, 8-bit check",
        "to reach, one by one",
        "to reach, batched",
    ]


def test_without_a_choice_the_designs_of_the_house_are_there(brownout):
    printed = brownout("bench", "--runs", 200).stdout
    assert "\n  seqqueue " in printed
    assert "canary" not in printed


def test_the_costs_are_counted_and_not_timed(brownout):
    runs = [brownout("bench", "--engines", "canary-log fault=0", "--runs", 500) for _ in range(2)]
    assert runs[0].stdout == runs[1].stdout


@pytest.mark.parametrize("engines", ["", "nothing", "canary-log,", "canary-log colour=3", "seqmap"])
def test_designs_that_are_none_are_one_line(brownout, engines):
    done = brownout("bench", "--engines", engines, "--runs", 200)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1


def test_a_design_that_loses_records_without_a_cut_is_reported(quick):
    runs = {
        fault: quick("bench", "--engines", f"canary-log fault={fault}", "--runs", 2500)
        for fault in range(1, 35)
    }
    broken = [done for done in runs.values() if done.returncode == 1]
    assert all("DIVERGENCE of canary-log fault=" in done.stdout for done in broken)
    assert broken


def test_one_scenario_is_not_enough(brownout):
    done = brownout("bench", "scenarios/long-run.scn")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1


def test_what_a_map_costs_is_counted_too(quick):
    """In the same units as what the crate costs; a staging log is there to erase seldom."""
    lines = quick("bench", "--runs", 1000).stdout.splitlines()
    rows = {line[:43].strip(): line[43:].split() for line in lines if line.startswith("  lsm")}
    (plain, staging) = ([float(cell) for cell in cells] for cells in rows.values())
    assert 1 < plain[0] < 1.6
    assert staging[0] < 0.04 and staging[2] < 80 and staging[3] < 3
    assert plain[4] < 52 and plain[5] < 17000 and staging[4] < 52 and staging[5] < 17000


def test_no_call_of_lsm_erases_more_than_its_header_says(quick):
    lines = quick("bench", "--runs", 2000).stdout.splitlines()
    at = lines.index("erases of one call of lsm, most (to reach: <= 4)")
    most = {line.split()[0]: int(line.split()[1]) for line in lines[at + 1 : at + 3]}
    assert set(most) == {"compatible", "mode=staging"}
    assert all(1 < erases <= 4 for erases in most.values())


def test_a_fetch_of_tickv_reads_little_of_a_region(quick):
    lines = quick("bench", "--runs", 500).stdout.splitlines()
    (crate, ours) = (line.split() for line in lines[-3:] if not line.startswith("  to reach"))
    assert ours[0] == "tickv" and 0 < float(ours[2]) < float(crate[-1]) / 10
