"""The example plugin builds as the README says, is clean, and shows when a line of it is broken."""

import shutil
import subprocess

import pytest

EXAMPLE = "examples/plugin/two_slots.c"
OTHER_SLOT = "slot = 1 - store->slot,"
SAME_SLOT = "slot = store->slot,"


@pytest.fixture
def explore(root, brownout, tmp_path):
    """explore(source text) compiles it as a plugin and explores a scenario of the tree with it, or
    these operations."""

    def run(text, operations=None, engine="two-slots"):
        source, plugin = tmp_path / "two_slots.c", tmp_path / "two_slots.so"
        source.write_text(text)
        compiler = shutil.which("cc") or shutil.which("gcc")
        command = f"{compiler} -std=c11 -shared -fPIC -I. -o".split()
        subprocess.run([*command, str(plugin), str(source)], cwd=root, check=True)
        scenario = root / "scenarios/settings-store.scn"
        if operations:
            scenario = tmp_path / "it.scn"
            scenario.write_text(f"chip generic sectors=2 sector=256\nengine {engine}\n{operations}")
        options = ["--plugin", plugin, "--engine", engine, "--artefacts", tmp_path]
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


def test_a_fetch_that_leaves_the_size_of_an_empty_value_as_it_was_is_found(root, explore):
    text, line = (root / EXAMPLE).read_text(), "*value_size = get(setting + 1, 2);"
    assert text.count(line) == 1
    broken = text.replace(line, f"if (setting[1] || setting[2]) {line}")
    done = explore(broken, "store a empty\nfetch a\n")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "durable/other/fetch/no cut" in done.stdout


def test_a_peek_that_leaves_the_size_of_an_empty_item_as_it_was_is_found(root, explore):
    text = (root / "examples/plugin/snapshot_queue.c").read_text()
    line = "*size = get(item + 1, 2);"
    assert text.count(line) == 1
    broken = text.replace(line, "if (!get(item + 1, 2)) return ANSWER_OK;\n    " + line)
    done = explore(broken, "push empty\npeek\n", "snapshot-queue")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "ordered/other/peek/no cut" in done.stdout
