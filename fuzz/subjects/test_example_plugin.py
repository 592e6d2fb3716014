"""The example plugin builds as the README says, is clean, and shows when a line of it is broken."""

import shutil
import subprocess

import pytest

EXAMPLE = "examples/plugin/two_slots.c"
OTHER_SLOT = "slot = 1 - store->slot,"
SAME_SLOT = "slot = store->slot,"


@pytest.fixture
def explore(root, brownout, tmp_path):
    """explore(source text) compiles it as a plugin and explores a scenario of the tree with it."""

    def run(text):
        source, plugin = tmp_path / "two_slots.c", tmp_path / "two_slots.so"
        source.write_text(text)
        compiler = shutil.which("cc") or shutil.which("gcc")
        command = f"{compiler} -std=c11 -shared -fPIC -I. -o".split()
        subprocess.run([*command, str(plugin), str(source)], cwd=root, check=True)
        scenario = root / "scenarios/settings-store.scn"
        options = ["--plugin", plugin, "--engine", "two-slots", "--artefacts", tmp_path]
        return brownout("explore", scenario, "--faults", "edge,prefix", *options)

    return run


def test_the_example_shows_no_divergence(root, explore):
    done = explore((root / EXAMPLE).read_text())
    assert done.returncode == 0, done.stdout + done.stderr


def test_writing_over_the_newest_snapshot_is_found(root, explore, tmp_path):
    text = (root / EXAMPLE).read_text()
    assert text.count(OTHER_SLOT) == 1
    done = explore(text.replace(OTHER_SLOT, SAME_SLOT))
    assert done.returncode == 1, done.stdout + done.stderr
    assert list(tmp_path.glob("divergence-*.case"))
