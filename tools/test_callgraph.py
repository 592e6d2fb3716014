"""The deepest stack and recursion, from call graphs as gcc writes them."""

import subprocess

from tools import callgraph


def graph_of(tmp_path, text):
    """The call graph that the host's gcc makes of a C text."""
    (tmp_path / "a.c").write_text(text)
    command = "gcc -O0 -fno-stack-protector -fcallgraph-info=su -c a.c -o a.o"
    subprocess.run(command.split(), cwd=tmp_path, check=True)
    return callgraph.Graph([(tmp_path / "a.ci").read_text()])


def node(name, stack, kind="static"):
    return f'node: {{ title: "{name}" label: "{name}\\na.c:1:1\\n{stack} bytes ({kind})" }}\n'


def edge(source, target):
    return f'edge: {{ sourcename: "{source}" targetname: "{target}" label: "a.c:2:2" }}\n'


def test_the_deepest_chain_is_the_one_with_the_most_bytes_not_the_most_calls():
    nodes = node("top", 8) + node("a", 16) + node("b", 16) + node("big", 100)
    calls = edge("top", "a") + edge("a", "b") + edge("top", "big")
    assert callgraph.Graph([nodes + calls]).deepest() == (108, ["top", "big"])


def test_functions_of_other_files_are_followed():
    graph = callgraph.Graph([node("top", 8) + edge("top", "low"), node("low", 24)])
    assert graph.deepest() == (32, ["top", "low"])
    assert graph.foreign() == []


def test_pointers_and_other_libraries_are_leaves():
    calls = edge("top", "__indirect_call") + edge("top", "memcpy")
    graph = callgraph.Graph([node("top", 8) + calls])
    assert graph.deepest() == (8, ["top"])
    assert graph.foreign() == ["memcpy"]


def test_recursion_is_found_and_shown(tmp_path):
    text = "int b(int);\nint a(int x) { return x ? b(x - 1) : 0; }\nint b(int x) { return a(x); }\n"
    assert graph_of(tmp_path, text).recursion() == ["a", "b", "a"]


def test_a_tree_of_calls_has_no_recursion(tmp_path):
    text = "static int c(void) { return 1; }\nint d(void) { return c() + c(); }\n"
    graph = graph_of(tmp_path, text)
    assert graph.recursion() is None
    assert callgraph.short(graph.deepest()[1][-1]) == "c"


def test_a_frame_of_varying_size_is_noticed(tmp_path):
    text = "int e(char *);\nint f(int n) { char x[n]; return e(x); }\n"
    assert graph_of(tmp_path, text).unbounded == {"f"}
