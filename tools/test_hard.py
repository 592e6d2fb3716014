"""hard.py: a short part of `make hard` on the real engines, and what it makes of any answer."""

import json

import pytest
from conftest import BUILD, made

from tools import hard
from tools.hard import Outcome, Trial

TRIAL = Trial("seqmap", "map", 2, 64, 2)
BINARY = [{"name": "fast", "value": 0, "min": 0, "max": 1, "words": []}]
WORDS = [{"name": "find", "value": 1, "min": 0, "max": 2, "words": ["scan", "bisect", "bits"]}]


@pytest.mark.parametrize("engine", ["seqmap", "naive", "tickv", "seqqueue", "rlog", "seqlog"])
def test_an_engine_survives_every_single_cut_on_the_smallest_chips(engine, capsys):
    code = hard.main([str(made(BUILD / "brownout")), "--engine", engine, "--depth", "1"])
    assert code == 0, capsys.readouterr().out


def test_a_scenario_is_the_same_each_time_and_mostly_changes():
    text = hard.scenario(TRIAL)
    assert text == hard.scenario(TRIAL._replace(depth=1))
    assert text != hard.scenario(TRIAL._replace(sectors=3))
    assert text.count("\nstore ") >= hard.OPERATIONS // 3


@pytest.mark.parametrize("options, expected", [(BINARY, ["a", "a fast=1"]),
                                               (WORDS, ["a", "a find=scan", "a find=bits"])])
def test_each_option_is_tried_alone(options, expected):
    engine = {"name": "a", "kind": "map", "subject": False, "options": options}
    subject = {**engine, "name": "original", "subject": True}
    assert [name for name, _ in hard.variants([engine, subject])] == expected


def test_every_option_of_every_engine_has_a_value_to_try(brownout):
    engines = json.loads(brownout("list", "engines", "--json").stdout)
    assert len(list(hard.variants(engines))) > 20


def test_a_divergence_is_wrong_and_so_is_nothing_judged():
    assert hard.wrong(TRIAL, Outcome(5, [])) is None
    assert hard.wrong(TRIAL, Outcome(5, ["clause alive: x"])).endswith("came clause alive: x")
    assert hard.wrong(TRIAL, Outcome(0, [])) == "expected states to be judged, came none"
    assert hard.wrong(TRIAL, Outcome(0, [], refused=True)) is None


def test_a_known_finding_must_show(monkeypatch):
    monkeypatch.setattr(hard, "KNOWN", {("seqmap", 2, 64): "why"})
    assert hard.wrong(TRIAL, Outcome(5, ["clause alive: x"])) is None
    assert "take it out" in hard.wrong(TRIAL, Outcome(5, []))
    assert hard.wrong(TRIAL._replace(depth=1), Outcome(5, [])) is None


def test_an_engine_that_no_chip_suits_is_wrong(monkeypatch, capsys):
    monkeypatch.setattr(hard, "explore", lambda brownout, trial: Outcome(0, [], refused=True))
    assert hard.house("brownout", [("odd", "map")], 1) == 1
    assert "odd: expected to work on one of the chips" in capsys.readouterr().out


def test_an_engine_that_the_small_chips_do_not_suit_gets_the_first_larger_one(monkeypatch):
    def explore(brownout, trial):
        return Outcome(7, [], refused=trial.sector_size < 128 or trial.sectors < 3)

    monkeypatch.setattr(hard, "explore", explore)
    done = hard.trials("brownout", ("odd", "map"), 1)
    assert [trial[2:4] for trial, _ in done] == [*hard.CHIPS, (4, 64), (6, 64), (3, 128)]
    assert hard.house("brownout", [("odd", "map")], 1) == 0


@pytest.mark.parametrize("found, healthy", [([], []), (["x"], ["x"])])
def test_a_canary_missed_or_found_when_healthy_is_wrong(monkeypatch, found, healthy):
    outcomes = {hard.CANARY: Outcome(9, found), hard.HEALTHY: Outcome(9, healthy)}
    monkeypatch.setattr(hard, "explore", lambda brownout, trial: outcomes[trial.engine])
    assert hard.canary("brownout") == 1
