"""`make size`: a table with a row for each engine; what has no bound is said to have none."""

import re
import shutil

import pytest

from tools import callgraph, engines, firmware, size, size_table

needs_compiler = pytest.mark.skipif(
    not shutil.which(engines.ARM), reason=f"{engines.ARM} is not installed"
)


def graph(*lines):
    return callgraph.Graph(["\n".join(lines)])


def node(name, kind="static"):
    return f'node: {{ title: "{name}" label: "{name}\\na.c:1:1\\n8 bytes ({kind})" }}'


CALL = 'edge: {{ sourcename: "{}" targetname: "{}" label: "a.c:2:2" }}'


def test_the_stack_comes_with_the_calls_that_need_it():
    called = graph(node("top"), node("low"), CALL.format("top", "low"))
    assert size.stack_of(called) == ("16 B", "top > low")


def test_recursion_has_no_bound():
    endless = graph(node("top"), CALL.format("top", "top"))
    assert size.stack_of(endless) == ("no bound", "recursion: top > top")


def test_a_frame_of_varying_size_has_no_bound():
    assert size.stack_of(graph(node("top", "dynamic")))[0] == "no bound"


def test_a_frame_of_varying_size_with_a_known_limit_has_one():
    assert size.stack_of(graph(node("top", "dynamic,bounded")))[0] == "8 B"


@needs_compiler
def test_each_engine_has_a_row_and_lacks_only_what_every_libc_has(tmp_path, capsys):
    assert size.main([tmp_path]) == 0
    told = capsys.readouterr().out
    for variant in engines.VARIANTS:
        label = variant.label.replace("`", "")
        assert re.search(rf"^{label} +[1-9]\d* B +0 B +[1-9]\d* B +[1-9]\d* B$", told, re.M)
    missing = re.search(r"^not counted: (.*); the flash operations$", told, re.M)[1].split(", ")
    assert all(re.fullmatch(r"mem\w+|__aeabi_\w+", name) for name in missing)
    assert not any("ldivmod" in name for name in missing), "a division of 64 bits"


@pytest.mark.parametrize("tool", [size, size_table, firmware])
def test_an_option_is_no_folder(tmp_path, monkeypatch, capsys, tool):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit):
        tool.main(["--help"])
    assert "usage: " in capsys.readouterr().out and not list(tmp_path.iterdir())


@needs_compiler
def test_a_source_that_does_not_compile_is_named(tmp_path):
    with pytest.raises(SystemExit, match="does not compile nothing.c"):
        size.compiled(tmp_path, "nothing.c", "int x = ;")


def test_the_readme_has_a_row_for_each_variant(root):
    """examples/firmware/test_firmware.py holds the figures; `make size-table` writes them anew."""
    stated = size_table.TABLE.findall((root / "README.md").read_text())
    assert len(stated) == 1
    labels = [line.split(" | ")[0].removeprefix("| ") for line in stated[0].split("\n")[2:-1]]
    assert labels == [variant.label for variant in engines.VARIANTS]


@needs_compiler
def test_the_ram_front_is_counted_with_the_queue_that_it_needs(tmp_path):
    alone, front = engines.Variant("", "seqqueue"), engines.Variant("", "buffered")
    assert size.object_bytes(tmp_path, front, []) > size.object_bytes(tmp_path, alone, [])


def test_a_readme_without_the_table_is_refused(tmp_path):
    (tmp_path / "README.md").write_text("| other |\n")
    with pytest.raises(SystemExit, match="README.md must have one table that begins with"):
        size_table.write(tmp_path, tmp_path / "README.md")


# What the smallest variant of an engine may take on a Cortex-M4, in bytes of code.
LIMITS = {"`seqmap`, smallest": 4096, "`rlog`, smallest": 5120, "`lsm`, smallest": 10240}


@needs_compiler
@pytest.mark.parametrize("label", LIMITS)
def test_the_smallest_variants_stay_small(label, tmp_path):
    variant = next(it for it in engines.VARIANTS if it.label == label)
    assert size.measure(tmp_path, variant).code <= LIMITS[label]
