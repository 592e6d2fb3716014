"""The campaign file: what it says is done, and what is wrong in it is one line."""

import datetime
import re
import textwrap

import campaign_file
import pytest
import results
from conftest import ROOT
from waivers import Waiver

WHOLE = """\
time = "8h"
name = "nightly"
engines = ["seqmap", "seqmap keys=8"]
scenarios = ["house", "flash"]
faults = ["edge", "prefix"]
depth = 3
jobs = 2
memory = 512
seed = 7
database = "../nightly/results.db"
artefacts = "out"
corpus = "corpus"
targets = "../fuzzers"
random = false

[[plugin]]
file = "build/store.so"
engines = ["mine", "mine slots=4"]

[[waiver]]
kind = "durable/missing/each/cut in erase"
engine = "mine"
reason = "ticket 123"
expires = 2027-01-31
"""


def settings(tmp_path, text, *words):
    file = tmp_path / "brownout.toml"
    file.write_text(text)
    return campaign_file.settings([str(file), *words])


def test_a_whole_file(tmp_path):
    it = settings(tmp_path, WHOLE)
    assert (it.time, it.name, it.depth, it.jobs) == (28800, "nightly", 3, 2)
    assert (it.memory, it.seed) == (512, 7)
    assert it.engines == ["seqmap", "seqmap keys=8"] and it.faults == "edge,prefix"
    assert it.scenarios == ["house", f"{tmp_path}/flash"]
    assert it.database == f"{tmp_path}/../nightly/results.db"
    assert (it.artefacts, it.random) == (f"{tmp_path}/out", False)
    (plugin,) = it.plugin
    assert plugin == campaign_file.Plugin(f"{tmp_path}/build/store.so", ["mine", "mine slots=4"])
    assert it.waivers.all == [Waiver("durable/missing/each/cut in erase", "kind", "mine",
                                     "ticket 123", datetime.date(2027, 1, 31))]


def test_every_key_of_the_file_stands_in_the_help_and_the_example(tmp_path):
    it = campaign_file.read_toml("x", WHOLE)
    assert set(it) == {*campaign_file.KEYS, *campaign_file.TABLES}
    options = {"database": "db", "random": "no-random"}
    for key in campaign_file.KEYS:
        assert f"--{options.get(key, key)} " in campaign_file.usage()
    assert max(map(len, campaign_file.usage().split("\n"))) <= 100


def test_the_command_line_comes_before_the_file(tmp_path):
    words = ["--time", "90s", "--engines", "naive", "--plugin", "a.so", "--plugin", "b.so", "--db",
             "x.db", "--scenarios", "here", "--depth", "1"]
    it = settings(tmp_path, WHOLE, *words)
    assert (it.time, it.engines, it.database, it.depth) == (90, ["naive"], "x.db", 1)
    assert [plugin.file for plugin in it.plugin] == ["a.so", "b.so"]
    assert (it.scenarios, it.jobs) == (["here"], 2)


def test_what_is_usual():
    it = campaign_file.settings(["--plugin", "a.so"])
    assert (it.time, it.depth, it.scenarios, it.engines) == (60, 2, ["house"], None)
    assert it.artefacts == "brownout-results/artefacts"


def test_a_file_in_the_working_folder_is_taken(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "brownout.toml").write_text("depth = 4\n")
    assert campaign_file.settings([]).depth == 4


@pytest.mark.parametrize("words", [[], ["--time", "8h", "--name", "nightly", "--db", "all.db"]])
def test_where_nothing_says_what_to_try_the_campaign_is_refused(tmp_path, monkeypatch, words):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(results.Refused) as refused:
        campaign_file.settings(words)
    assert str(refused.value).startswith("brownout campaign: expected brownout.toml in this folder")


NAME = "brownout campaign"
WAIVER = '[[waiver]]\nclause = "alive"\nengine = "a"\nreason = "r"\nexpires = 2030-01-01\n'


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("time = \"8h\"\ntime 3\n", ":2: Expected '=' after a key in a key/value pair"),
        ("depth = 2\ntime = \"8h\n", ":2: "),
        ("depth = 2\ntime = \"8h", ":2: Unterminated string"),
        ("\ntimes = 3\n", ":2: times: unknown; the keys here are time, name, "),
        ("time = \"soon\"\n", ":1: time: expected a time such as 90s, 30m or 8h, got soon"),
        ("depth = true\n", ":1: depth: expected a whole number from 1 to 4, got True"),
        ("depth = 5\n", ":1: depth: expected a whole number from 1 to 4, got 5"),
        ("random = 1\n", ":1: random: expected true or false, got 1"),
        ("engines = [1]\n", ":1: engines: expected a text, got 1"),
        ("name = 1\n", ":1: name: expected a text, got 1"),
        ("plugin = \"a.so\"\n", ":1: plugin: expected tables, [[plugin]]"),
        ("[[plugin]]\n", ":1: file: expected the shared object of the plug-in"),
        ("[[plugin]]\nfile = \"a\"\n\n[[plugin]]\nfile = 1\n", ":5: file: expected a text, got 1"),
        (WAIVER.replace("expires", "until"), ":5: until: unknown; the keys here are kind, rule, "),
        (WAIVER.replace("2030-01-01", '"soon"'), ":5: expires: expected a date such as"),
        (WAIVER.replace("alive", "alife"), ":2: clause: expected one of durable, atomic, "),
        (WAIVER.replace("clause", "rule"), ":2: rule: expected one of lawful/set-bit, "),
        (WAIVER.replace("clause", "kind"), ":2: kind: expected a kind such as durable/"),
        (WAIVER.replace('clause = "alive"', ""), ":1: kind: expected one of kind, rule and clause"),
        (WAIVER.replace('reason = "r"', ""), ":1: reason: expected in every waiver"),
        ("depth = 1\n[[other]]\nfile = 1\n", ":2: other: unknown"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_line_with_its_place(tmp_path, text, line):
    with pytest.raises(results.Refused) as refused:
        settings(tmp_path, text)
    assert str(refused.value).startswith(f"{tmp_path}/brownout.toml{line}")
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["no.toml"], "no.toml: No such file or directory"),
        (["--sideways"], "brownout campaign: unrecognized arguments: --sideways"),
        (["--shard", "2/2"], f"{NAME}: --shard: expected I/N with I from 0 to N-1, got 2/2"),
        (["--jobs", "0"], f"{NAME}: --jobs: expected a whole number from 1 to 4096, got 0"),
        (["--db", ""], f"{NAME}: --db: expected a text, got ''"),
    ],
)
def test_a_mistake_in_the_command_line_is_one_line(words, line):
    with pytest.raises(results.Refused) as refused:
        campaign_file.settings(words)
    assert str(refused.value) == line


def test_the_file_of_the_readme_is_one(tmp_path):
    readme = (ROOT / "README.md").read_text()
    blocks = re.findall(r"(?:^    .*\n|^\n(?=    ))+", readme, re.MULTILINE)
    (block,) = [it for it in blocks if "[[waiver]]" in it]
    it = settings(tmp_path, textwrap.dedent(block))
    assert (it.time, it.depth, len(it.plugin), len(it.waivers.all)) == (28800, 2, 1, 1)
    named = re.findall(r"(?m)^ +(?:# )?(\w+) = |, (\w+) = ", block)
    assert {*campaign_file.KEYS} <= {a or b for a, b in named}, "every key is there"
