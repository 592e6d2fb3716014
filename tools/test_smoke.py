"""smoke.py on fuzz targets that are a few lines of shell: what must pass, and what must not."""

import pytest

from tools import smoke

RUNS = 'echo "Done 5 runs in 1 second(s)"\n'
REPLAYS = 'for file in "$@"; do echo "$file: 3 bytes"; done\n'
FINDS = 'echo "DIVERGENCE, clause durable: a thing"; exit 77\n'


def target(house, planted):
    """A target that does one thing on engines of the house, another on a planted fault."""
    script = 'case $BROWNOUT_ENGINE$BROWNOUT_WAIVE in canary*[0-9]|two-slots)\n{planted};;\n'
    script += '*)\n{house};;\nesac\n'
    return "#!/bin/bash\n" + script.format(planted=planted, house=house)


FUZZER, REPLAYER = target(RUNS, FINDS), target(REPLAYS, FINDS)


@pytest.fixture
def smoked(tmp_path, capsys):
    """smoked(fuzzer, replayer) is the exit code, and the lines of what was not as expected."""

    def run(fuzzer, replayer=None):
        for name, text in (("explore_fuzzer", fuzzer), ("replay/explore_fuzzer", replayer)):
            path = tmp_path / name
            path.parent.mkdir(exist_ok=True)
            if text:
                path.write_text(text)
                path.chmod(0o755)
        code = smoke.main([str(tmp_path), "--seconds", "1"])
        lines = capsys.readouterr().out.split("\n")
        return code, [line for line in lines if "expected " in line and "all as" not in line]

    return run


def test_targets_that_pass_the_house_and_catch_what_is_planted_are_fine(smoked):
    assert smoked(FUZZER, REPLAYER) == (0, [])


def test_replayers_alone_are_enough(smoked):
    assert smoked(None, REPLAYER) == (0, [])


def test_a_finding_on_an_engine_of_the_house_is_shown(smoked):
    code, wrong = smoked(target(FINDS, FINDS))
    assert code == 1
    assert len(wrong) == len(smoke.HOUSE)
    assert "explore_fuzzer on seqmap: expected no finding" in wrong[0]
    assert "DIVERGENCE, clause durable: a thing" in wrong[0]


def test_a_planted_fault_that_is_not_caught_is_shown(smoked):
    code, wrong = smoked(target(RUNS, RUNS))
    assert code == 1
    assert len(wrong) == 1
    assert wrong[0].startswith("smoke: explore_fuzzer on canary fault=14, planted: expected ")
    assert wrong[0].endswith("came exit code 0 after 5 inputs")


def test_a_crash_without_a_divergence_does_not_count_as_caught(smoked):
    code, wrong = smoked(target(RUNS, "exit 77\n"))
    assert code == 1
    assert "came exit code 77" in wrong[0]


def test_a_target_that_runs_no_input_is_shown(smoked):
    code, wrong = smoked(target("exit 0\n", FINDS))
    assert code == 1
    assert "expected inputs to be run, came none" in wrong[0]


def test_the_replayer_must_show_what_the_fuzzer_stopped_at(smoked):
    code, wrong = smoked(FUZZER, target(REPLAYS, FINDS.replace("a thing", "another")))
    assert code == 1
    assert "expected DIVERGENCE, clause durable: a thing, came" in wrong[0]


def test_what_is_waived_must_not_stop_the_replayer(smoked):
    code, wrong = smoked(FUZZER, target(FINDS, FINDS))
    assert code == 1
    assert "on canary fault=14, waived: expected no finding" in wrong[-1]


def test_a_target_that_does_not_end_is_stopped_and_shown(smoked, monkeypatch):
    monkeypatch.setattr(smoke, "CANARY_SECONDS_MAX", 1)
    code, wrong = smoked(target("exec sleep 60\n", FINDS))
    assert code == 1
    assert "came exit code None" in wrong[0]


def test_an_empty_folder_is_said_so(tmp_path):
    assert smoke.main([str(tmp_path)]) == 2


def test_the_planted_plugin_still_builds(tmp_path):
    assert smoke.planted_plugin(tmp_path).exists()
