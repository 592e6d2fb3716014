"""The peers: two are built and judged, the cases of those replay, and the pages name what there is.

`make peers` judges all of them. Skipped, with the reason, where there is no cargo or where the
registry does not answer; what is written on the pages is checked everywhere.
"""

import re
import tomllib

import cargo
import pytest
import scoreboard
from harness import DIVERGED

OPERATIONS_MAX = 6
BUILT = ("tickv", "embedded-savegame")  # small ones; sequential-storage has tests of its own
CASES = sorted(scoreboard.HERE.glob("*/cases/*.case"))
NAMES = [f"{path.parent.parent.name}/{path.stem}" for path in CASES]


def peer_of(path):
    return path.parent.parent.name


def row_of(peer):
    return next(row for row in scoreboard.ROWS if row.peer == peer)


@pytest.fixture(scope="session")
def plugin():
    """plugin(peer) is its shared object, built once."""
    built = {}

    def build(peer):
        if peer not in built:
            built[peer] = cargo.plugin(peer)
        return built[peer]

    return build


# --- what needs no cargo ---


@pytest.mark.parametrize("path", CASES, ids=NAMES)
def test_a_listed_case_is_short_and_on_its_page(path):
    page = (scoreboard.HERE / peer_of(path) / "README.md").read_text()
    assert scoreboard.operations_of(path) <= OPERATIONS_MAX
    shared = path.resolve().parent.parent.name
    assert path.name in page or f"../{shared}/README.md" in page


@pytest.mark.parametrize("peer", scoreboard.PEERS)
def test_a_page_names_cases_that_are_there_and_where_the_cause_is(peer):
    page = (scoreboard.HERE / peer / "README.md").read_text()
    entries = re.findall(r"(?ms)^- \[.*?\]\((cases/\S+)\)(.*?)(?=^- |\Z)", page)
    for name, text in entries:
        assert (scoreboard.HERE / peer / name).exists()
        assert re.search(r"src/\w+(/\w+)*\.rs:\d+", text), f"{name}: no file and line"


@pytest.mark.parametrize("peer", scoreboard.PEERS)
def test_the_judged_crate_is_pinned_exactly(peer):
    manifest = tomllib.loads((scoreboard.HERE / peer / "Cargo.toml").read_text())
    versions = dict(scoreboard.dependencies_of(manifest))
    assert versions.pop("brownout") is None and None not in versions.values()
    name, version = scoreboard.version_of(peer).split()
    assert versions[name] == version and peer.startswith(name)


def test_each_build_of_ekv_has_other_sizes_and_one_source():
    built = [row for row in scoreboard.ROWS if row.engine == "crate-ekv"]
    assert len(built) == 4 == len({row.variant for row in built})
    choices = set()
    for row in built:
        manifest = tomllib.loads((scoreboard.HERE / row.peer / "Cargo.toml").read_text())
        choices.add(frozenset(manifest["dependencies"]["ekv"]["features"]))
        source = scoreboard.HERE / row.peer / manifest["lib"].get("path", "src/lib.rs")
        assert source.resolve() == scoreboard.HERE / "ekv/src/lib.rs"
    assert len(choices) == 4


# In place of the command: each call finds a kind, and one more that did not replay.
FINDS = """#!/usr/bin/env python3
import sys
print('{"judged": 7, "divergences": [{"case": "%s"}], "unreproduced": 1}')
sys.exit(1)
"""


def test_what_did_not_replay_is_in_the_row_beside_what_did(tmp_path):
    """The command ends as for any divergence then."""
    command = tmp_path / "brownout"
    command.write_text(FINDS % CASES[0])
    command.chmod(0o755)
    row = next(row for row in scoreboard.ROWS if not row.peer)
    judged = scoreboard.judge(command, row, 4, tmp_path)
    assert judged.unreproduced == 2 and len(judged.kinds) == 1
    assert scoreboard.finding_row(row, judged)[3] == "1, and 2 that did not replay"


# --- what does ---


@pytest.mark.parametrize("path", CASES, ids=NAMES)
def test_a_listed_case_replays_on_the_pinned_version(path, plugin, quick, tmp_path):
    if peer_of(path) not in BUILT and not scoreboard.plugin_of(peer_of(path)).exists():
        pytest.skip(f"{peer_of(path)} is built by make peers, which replays its cases too")
    done = quick("replay", path, "--plugin", plugin(peer_of(path)), cwd=tmp_path)
    assert done.returncode == DIVERGED, done.stdout
    assert not any(it in done.stdout for it in scoreboard.OTHER), done.stdout


@pytest.mark.parametrize("peer, diverges", [("tickv", True), ("embedded-savegame", False)])
def test_two_peers_are_judged(peer, diverges, plugin, plain, tmp_path):
    plugin(peer)
    judged = scoreboard.judge(plain, row_of(peer), 4, tmp_path)
    assert judged.states > 500
    assert bool(judged.kinds) == diverges


def test_the_same_work_gives_the_same_row(plugin, plain, tmp_path):
    plugin("embedded-savegame")
    row = row_of("embedded-savegame")
    rows = [scoreboard.finding_row(row, scoreboard.judge(plain, row, 4, tmp_path)) for _ in "ab"]
    assert rows[0] == rows[1]
