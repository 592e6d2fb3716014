"""drivers.py with targets that are a few lines of shell, and with the command itself."""

import random
import time

import drivers
import pytest
from results import Refused

# An input whose scenario breaks the canary's promise in a cut of its own.
FOUND = bytes(16) + 6 * bytes([0, 1, 10, 20, 0, 0, 0, 0])

# What a libFuzzer target does, as far as anyone sees: it keeps an input, counts, and with
# -artifact_prefix leaves what it stopped at. A merge copies what there is.
TARGET = r"""#!/bin/bash
for word; do case $word in
    -artifact_prefix=*) prefix=${word#*=} ;;
    -merge=1) merge=1 ;;
    -*) ;;
    *) folders+=("$word") ;;
esac; done
if [ "$merge" ]; then
    echo merged >"${folders[0]}/small"
    SLEEP
    exit
fi
echo "$BROWNOUT_ENGINE$BROWNOUT_WAIVE" >"${folders[0]}/kept-$RANDOM"
printf '\5\0\0\0\0\0\0\0\7\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0' >"$BROWNOUT_COUNTS"
FIND
SLEEP
exit 77
"""

# What AFL++ does when every input stops the target at its start.
AFL_FUZZ = r"""#!/bin/bash
while [ $# -gt 0 ]; do case $1 in
    -i) in=$2; shift ;;
    -o) out=$2; shift ;;
esac; shift; done
mkdir -p "$out/main/queue"
for input in "$in"/*; do
    name="id:00000$((number++)),time:0,execs:0,orig:${input##*/}"
    cp "$input" "$out/main/queue/$name"
    printf "\033[1;93m[!] \033[0mWARNING: Test case '$name' results in a crash, skipping\n"
done
printf '\5\0\0\0\0\0\0\0\7\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0' >"$BROWNOUT_COUNTS"
printf '[-] PROGRAM ABORT : \033[0mWe need at least one valid input seed that does not crash!\n'
exit 1
"""


@pytest.fixture
def night(brownout, build, tmp_path):
    """night(found, *engines) fuzzes them with a target that stops at `found`."""

    def run(found, *engines, sleep="", **more):
        targets = tmp_path / "targets"
        targets.mkdir(exist_ok=True)
        (tmp_path / "input").write_bytes(found or b"")
        find = f'cp {tmp_path / "input"} "$prefix"crash-1' if found is not None else ""
        text = TARGET.replace("FIND", find).replace("SLEEP", sleep)
        (targets / "explore_fuzzer").write_text(text)
        (targets / "explore_fuzzer").chmod(0o755)
        places = {"corpus": tmp_path / "corpus", "artefacts": tmp_path / "artefacts"}
        return drivers.run_drivers(
            engines, 1, brownout=build / "brownout", targets=targets, **places, **more
        )

    return run


def test_what_stops_a_target_becomes_a_shrunk_case_that_replays(night, brownout):
    outcome = night(FOUND, "canary fault=1")
    [case] = outcome.cases
    assert case.driver == "libFuzzer" and case.kind
    assert brownout("replay", case.path).returncode == 1
    assert " cut " in case.path.read_text()
    [ran] = outcome.ran
    assert (ran.inputs, ran.judged, ran.found) == (5, 7, 1)
    assert not outcome.unshown


def test_what_is_found_on_an_image_is_a_case_that_replays_by_itself(night, brownout, tmp_path):
    (tmp_path / "targets").mkdir()
    text = TARGET.replace("FIND", f'cp {tmp_path / "image"} "$prefix"crash-1').replace("SLEEP", "")
    (tmp_path / "targets" / "image_fuzzer").write_text(text)
    (tmp_path / "targets" / "image_fuzzer").chmod(0o755)
    (tmp_path / "image").write_bytes(random.Random(0).randbytes(104))
    [case] = night(None, "canary-queue fault=22").cases
    assert case.kind.startswith("sane endless mount")
    assert brownout("replay", case.path).returncode == 1


def test_what_stops_afl_at_its_start_is_a_case(build, tmp_path, monkeypatch):
    """It keeps none of these inputs, and without another there is nothing that it could change."""
    for path, text in (("bin/afl-fuzz", AFL_FUZZ), ("targets/afl/explore_fuzzer", "")):
        (tmp_path / path).parent.mkdir(parents=True)
        (tmp_path / path).write_text(text)
        (tmp_path / path).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=":")
    kept = tmp_path / "corpus/canary_fault=1/explore_fuzzer/kept"
    kept.mkdir(parents=True)
    (kept / "seed").write_bytes(FOUND)
    places = {"targets": tmp_path / "targets", "artefacts": tmp_path / "artefacts"}
    outcome = drivers.run_drivers(
        ["canary fault=1"], 1, tmp_path / "corpus", brownout=build / "brownout", **places
    )
    assert "AFL++" in {case.driver for case in outcome.cases}
    assert any("valid input seed" in missing.reason for missing in outcome.missing)
    assert not list(kept.iterdir()) and not outcome.unshown


def test_a_fuzzer_that_sees_no_coverage_is_said_and_the_built_in_driver_runs(night):
    outcome = night(None, "naive", sleep="echo ERROR: no interesting inputs were found")
    assert [ran.driver for ran in outcome.ran] == ["libFuzzer", "built-in"]
    [reason] = [it.reason for it in outcome.missing if it.driver == "libFuzzer"]
    assert "ERROR: no interesting inputs were found" in reason


def test_what_could_not_run_is_said_with_a_reason(night):
    outcome = night(None, "seqmap")
    assert {missing.driver for missing in outcome.missing} == {"AFL++"}
    assert not outcome.cases


def test_the_corpus_is_kept_for_each_engine_and_becomes_what_a_merge_leaves(night, tmp_path):
    night(None, "seqmap", "seqmap key=2", jobs=2)
    kept = sorted(path.parent for path in (tmp_path / "corpus").glob("*/explore_fuzzer/kept/small"))
    assert len(kept) == 2
    night(None, "seqmap")
    assert [path.name for path in kept[0].iterdir()] == ["small"]


def test_an_input_that_shows_nothing_is_kept_and_said(night):
    outcome = night(FOUND, "canary fault=0")
    [unshown] = outcome.unshown
    assert unshown.read_bytes() == FOUND
    assert not outcome.cases


def test_what_is_waived_is_told_to_fuzzers_and_to_the_command(night, tmp_path):
    waived = "alive,atomic,durable,settled,clean,honest"
    outcome = night(FOUND, drivers.Subject("canary fault=1", waive=waived))
    kept = list((tmp_path / "corpus/canary_fault=1/explore_fuzzer/kept").glob("kept-*"))
    assert not outcome.cases and not outcome.unshown
    assert not kept or kept[0].read_text() == f"canary fault=1{waived}\n"


def test_an_input_of_a_night_that_was_killed_is_decoded_in_the_next(night, tmp_path):
    left = tmp_path / "corpus/canary_fault=1/explore_fuzzer/found"
    left.mkdir(parents=True)
    (left / "libFuzzer-crash-left").write_bytes(FOUND)
    outcome = night(None, "canary fault=1")
    assert len(outcome.cases) == 1
    assert not list(left.iterdir())


def test_the_time_holds_though_a_fuzzer_and_a_merge_do_not_end(night, tmp_path, monkeypatch):
    """And a merge that was ended takes nothing away."""
    monkeypatch.setattr(drivers, "FUZZER_GRACE", 0.5)
    begin = time.monotonic()
    outcome = night(None, "seqmap", sleep="sleep 60 & wait", within=2)
    assert time.monotonic() - begin < 20
    assert [ran.inputs for ran in outcome.ran] == [5]
    kept = [path.name for path in (tmp_path / "corpus/seqmap/explore_fuzzer/kept").iterdir()]
    assert "small" not in kept and "seed-0" in kept


def test_without_time_one_input_is_decoded_and_the_others_wait_for_the_next_night(night, tmp_path):
    left = tmp_path / "corpus/canary_fault=1/explore_fuzzer/found"
    left.mkdir(parents=True)
    for number in range(3):
        (left / f"libFuzzer-crash-{number}").write_bytes(FOUND)
    outcome = night(None, "canary fault=1", within=0)
    assert (len(outcome.cases), outcome.left) == (1, 2)
    assert len(list(left.iterdir())) == 2


def test_without_targets_the_built_in_driver_runs(build, tmp_path):
    outcome = drivers.run_drivers(
        ["canary fault=1"],
        1,
        tmp_path / "corpus",
        brownout=build / "brownout",
        targets=tmp_path,
        artefacts=tmp_path / "artefacts",
    )
    assert [ran.driver for ran in outcome.ran] == ["built-in"]
    assert outcome.ran[0].judged > 0
    assert outcome.cases and all(case.path.exists() for case in outcome.cases)
    assert {missing.driver for missing in outcome.missing} == {"AFL++", "libFuzzer"}


def test_an_engine_that_is_not_there_is_said(build, tmp_path):
    outcome = drivers.run_drivers(
        ["nothing"], 1, tmp_path, brownout=build / "brownout", targets=tmp_path
    )
    assert not outcome.ran
    assert any("nothing" in missing.reason for missing in outcome.missing)


def test_a_folder_that_cannot_be_made_is_refused(build, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(Refused):
        drivers.run_drivers(["seqmap"], 1, tmp_path / "file/corpus", brownout=build / "brownout")
