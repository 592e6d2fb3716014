"""`make size`: a table with a row for each engine; what has no bound is said to have none."""

import re
import shutil

import pytest

from tools import callgraph, size

needs_compiler = pytest.mark.skipif(
    not shutil.which(size.COMPILER), reason=f"{size.COMPILER} is not installed"
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
    for engine in size.ENGINES:
        assert re.search(rf"^{engine.name} +[1-9]\d* B +0 B +[1-9]\d* B +[1-9]\d* B$", told, re.M)
    missing = re.search(r"^not counted: (.*); the flash operations$", told, re.M)[1].split(", ")
    assert all(re.fullmatch(r"mem\w+|__aeabi_\w+", name) for name in missing)


@needs_compiler
def test_a_source_that_does_not_compile_is_named(tmp_path):
    with pytest.raises(SystemExit, match="does not compile nothing.c"):
        size.compiled(tmp_path, "nothing.c", "int x = ;")
