"""Each rule of lint.py: a small tree that keeps all of them, and one mistake planted in it."""

import subprocess
import sys

import pytest

from tools import lint

PORT = """#ifndef FLASH_H
#define FLASH_H
#include <stdint.h>

static inline int flash_touch(uint32_t address)
{
    return address != 0;
}

#endif
"""
ENGINE = """#include <string.h>
#include "../flash.h"
#include "toy.h"

int toy_open(char *name)
{
    memset(name, 0, 2);
    return flash_touch(0);
}
"""
CHIP = """#include <stdio.h>
#include "engines/flash.h"
#include "sim/chip.h"

int chip_print(void);
int chip_print(void)
{
    return printf("%d", flash_touch(0));
}
"""
CLEAN = {
    "engines/flash.h": PORT,
    "engines/map/toy.h": "int toy_open(char *name);\n",
    "engines/map/toy.c": ENGINE,
    "sim/chip.h": "#define CHIP 1\n",
    "sim/chip.c": CHIP,
    "fuzz/command/main.c": '#include "engines/map/toy.h"\n#include "sim/chip.h"\n\nint x = CHIP;\n',
    "README.md": "build/ and ./home/x and https://example.org/home/x are no machine's paths\n",
}


@pytest.fixture
def tree(tmp_path, root):
    """tree(files) makes the clean tree with these files over it; returns what lint finds."""

    def plant(files):
        style = (root / ".clang-format").read_text()
        for name, text in {**CLEAN, ".clang-format": style, **files}.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return [str(finding) for finding in lint.findings(tmp_path)]

    return plant


def only(found, start, *words):
    """There is one finding, at this place, with these words in it."""
    assert len(found) == 1, found
    assert found[0].startswith(start + ": "), found
    assert all(word in found[0] for word in words), found


def c_function(lines):
    """A file with one C function of that many lines, which starts in line 4."""
    body = "    flash_touch(0);\n" * (lines - 4) + "    return 1;\n"
    start = '/* Long. */\n#include "engines/flash.h"\nint long_one(void);\nint long_one(void)\n'
    return f"{start}{{\n{body}}}\n"


def test_a_tree_that_keeps_the_rules_is_clean(tree):
    assert tree({}) == []


def test_this_tree_keeps_the_rules(root):
    command = [sys.executable, "-B", root / "tools/lint.py"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        pytest.fail(done.stdout + done.stderr, pytrace=False)


def test_a_line_of_100_columns_passes_and_one_of_101_does_not(tree):
    line = "# " + "\u00e4" * 98
    only(tree({"reports/a.py": f"{line}\n{line}x\n"}), "reports/a.py:2", "101 columns")


def test_a_function_of_71_lines_is_too_long(tree):
    short = {f"sim/s{n}.c": c_function(4).replace("long_one", f"short_{n}") for n in range(3)}
    assert tree({**short, "sim/long.c": c_function(70)}) == []
    only(tree({**short, "sim/long.c": c_function(71)}), "sim/long.c:4", "71 lines")


def test_a_python_function_of_71_lines_is_too_long(tree):
    found = tree({"reports/a.py": "\n\ndef long_one():\n" + "    pass\n" * 70})
    only(found, "reports/a.py:3", "71 lines")


def test_half_of_all_functions_must_be_short(tree):
    files = {f"sim/m{n}.c": c_function(40).replace("long_one", f"middle_{n}") for n in range(3)}
    only(tree(files), "tree:0", "half of the 6 C functions")


def test_sim_may_not_include_fuzz(tree):
    files = {"fuzz/rig.h": "#define RIG 1\n", "sim/rule.h": '#include "fuzz/rig.h"\n'}
    only(tree(files), "sim/rule.h:1", "sim/ may not include fuzz/rig.h")


def test_sim_may_not_include_an_engine(tree):
    found = tree({"sim/rule.h": '#include "engines/map/toy.h"\n'})
    only(found, "sim/rule.h:1", "sim/ may not include engines/map/toy.h")


def test_an_engine_may_not_include_the_chip(tree):
    found = tree({"engines/map/toy.h": '#include "../../sim/chip.h"\nint toy_open(char *name);\n'})
    only(found, "engines/map/toy.h:1", "engines/ may not include sim/chip.h")


def test_an_engine_includes_relative(tree):
    found = tree({"engines/map/toy.h": '#include "engines/flash.h"\nint toy_open(char *name);\n'})
    only(found, "engines/map/toy.h:1", "inside engines/ it is relative")


def test_the_others_include_from_the_root(tree):
    only(tree({"sim/rule.h": '#include "chip.h"\n'}), "sim/rule.h:1", 'here it is "sim/chip.h"')


def test_an_engine_includes_freestanding_headers_only(tree):
    found = tree({"engines/map/toy.h": "#include <stdio.h>\nint toy_open(char *name);\n"})
    only(found, "engines/map/toy.h:1", "<stdio.h> is not a freestanding header")


def test_the_test_of_an_engine_may_be_hosted(tree):
    text = '#include <stdio.h>\n#include "toy.h"\n\nint main(void)\n{\n    return puts("x");\n}\n'
    assert tree({"engines/map/toy_test.c": text}) == []


def test_a_folder_without_a_rule_is_named(tree):
    only(tree({"extra/a.h": '#include "sim/chip.h"\n'}), "extra/a.h:1", "no include direction")


def test_an_example_knows_the_adapter_and_no_more_of_the_harness(tree):
    adapter, example = {"fuzz/adapter.h": "#define ADAPTER 1\n"}, "examples/own/a.h"
    assert tree({**adapter, example: '#include "fuzz/adapter.h"\n'}) == []
    only(tree({**adapter, example: '#include "sim/chip.h"\n'}), f"{example}:1", "sim/chip.h")


def test_a_circle_of_files_is_shown(tree):
    guard = "#ifndef {0}\n#define {0}\n#include {1}\n#endif\n"
    files = {
        "sim/a.h": guard.format("A", '"sim/b.h"'),
        "sim/b.h": guard.format("B", '"sim/c.h"'),
        "sim/c.h": guard.format("C", '"sim/a.h"'),
    }
    only(tree(files), "sim/a.h:3", "sim/a.h -> sim/b.h -> sim/c.h -> sim/a.h")


def test_a_circle_of_folders_is_shown(tree):
    files = {
        "engines/map/a.h": '#include "../seq/b.h"\n',
        "engines/map/x.h": "#define X 1\n",
        "engines/seq/b.h": '#include "../map/x.h"\n',
    }
    found = tree(files)
    only(found, "engines/map/a.h:1", "engines/map -> engines/seq -> engines/map")


def test_a_folder_and_one_inside_it_may_include_each_other(tree):
    files = {
        "sim/rig.h": "#define RIG 1\n",
        "sim/all.h": '#include "sim/parts/a.h"\n',
        "sim/parts/a.h": '#include "sim/rig.h"\n',
    }
    assert tree(files) == []


def test_files_with_their_headers_are_modules_without_circles(tree):
    files = {
        "sim/a.h": "#define A 1\n",
        "sim/b.h": "#define B 1\n",
        "sim/a.c": '#include "sim/a.h"\n#include "sim/b.h"\nint a = A;\n',
        "sim/b.c": '#include "sim/b.h"\n#include "sim/a.h"\nint b = B;\n',
    }
    only(tree(files), "sim/a.c:2", "a circle of modules: sim/a -> sim/b -> sim/a")


def test_the_files_of_one_inside_are_one_module(tree):
    files = {
        "sim/a.h": "#define A 1\n",
        "sim/a_internal.h": '#include "sim/a.h"\n',
        "sim/a.c": '#include "sim/a_internal.h"\n#include "sim/part.h"\nint a = A;\n',
        "sim/part.h": "#define PART 1\n",
        "sim/part.c": '#include "sim/a_internal.h"\n#include "sim/part.h"\nint p = PART;\n',
    }
    assert tree(files) == []


RIG = {"fuzz/rig/rig.h": "#define RIG 1\n"}
RIG_INCLUDED = '#include "fuzz/rig/rig.h"\n'


def test_a_layer_of_the_harness_includes_those_below(tree):
    assert tree({**RIG, "fuzz/explore/a.h": RIG_INCLUDED, "fuzz/rig/b.h": RIG_INCLUDED}) == []
    found = tree({"fuzz/model/a.h": RIG_INCLUDED})
    only(found, "fuzz/model/a.h:1", "fuzz/model/ stands below fuzz/rig/", "include fuzz/rig/rig.h")


def test_layers_are_those_of_the_design():
    order = "script model adapters subjects rig explore fuzzers db command".split()
    heights = [lint.layer(f"fuzz/{folder}/a.c") for folder in order]
    assert heights == sorted(set(heights))
    assert lint.layer("fuzz/wear/a.c") == lint.layer("fuzz/fuzzers/a.c")


def test_layers_beside_each_other_stay_apart(tree):
    files = {"fuzz/wear/a.h": "#define A 1\n", "fuzz/fuzzers/b.h": '#include "fuzz/wear/a.h"\n'}
    found = tree(files)
    only(found, "fuzz/fuzzers/b.h:1", "beside each other")


def test_all_layers_name_the_adapter_and_the_contract_and_those_name_no_layer(tree):
    floor = {"fuzz/adapter.h": "#define A 1\n", "fuzz/contract.h": '#include "fuzz/adapter.h"\n'}
    assert tree({**floor, "fuzz/script/a.h": '#include "fuzz/contract.h"\n'}) == []
    found = tree({**RIG, "fuzz/contract.h": RIG_INCLUDED})
    only(found, "fuzz/contract.h:1", "fuzz/ stands below fuzz/rig/")


def test_a_test_of_the_harness_may_look_up(tree):
    assert tree({**RIG, "fuzz/model/a_test.c": f"{RIG_INCLUDED}\nint a = RIG;\n"}) == []


def test_a_folder_of_the_harness_without_a_layer_is_named(tree):
    only(tree({**RIG, "fuzz/odd/a.h": RIG_INCLUDED}), "fuzz/odd/a.h:1", "fuzz/odd/ has no place")


def test_a_header_that_needs_another_first_is_caught(tree):
    found = tree({"sim/rule.h": "uint32_t rule(void);\n"})
    only(found, "sim/rule.h:1", "does not compile alone with gcc")


def test_a_header_without_a_guard_is_caught(tree):
    found = tree({"sim/rule.h": "\nstruct rule {\n    int x;\n};\n"})
    assert len(found) == 1
    assert all(line.startswith("sim/rule.h:2: ") for line in found)


def test_what_only_clang_warns_of_is_caught(tree):
    text = "int rule(void);\nint rule(void)\n{\n    int x = 1;\n    x = x;\n    return x;\n}\n"
    only(tree({"sim/rule.c": text}), "sim/rule.c:5", "assigning value")


def test_what_only_gcc_warns_of_is_caught(tree):
    start = "short rule(short x, int y);\nshort rule(short x, int y)\n{\n"
    text = start + "    x += y;\n    return x;\n}\n"
    only(tree({"sim/rule.c": text}), "sim/rule.c:4", "conversion from")


def test_other_formatting_is_caught(tree):
    only(tree({"sim/chip.h": "#define CHIP 1\nint  chip(void);\n"}), "sim/chip.h:2", "clang-format")


@pytest.mark.parametrize(
    "text, line, words",
    [
        ("void *malloc(unsigned long size);\n\nvoid *toy_x(void);\nvoid *toy_x(void)\n"
         "{\n    return malloc(1);\n}\n", 6, "may not call malloc"),
        ("int toy_x = 3;\n", 1, "toy_x is one"),
        ("int toy_x(void);\nint toy_x(void)\n{\n    static int count;\n    return ++count;\n}\n",
         4, "count"),
    ],
    ids=["heap", "global", "static"],
)
def test_an_engine_with_heap_or_globals_is_caught(tree, text, line, words):
    found = tree({"engines/map/bad.c": text})
    only(found, f"engines/map/bad.c:{line}", words)


def test_an_engine_that_recurses_is_caught(tree):
    start = '#include "../flash.h"\n\nint deep(int x);\nint deep(int x)\n{\n'
    text = start + "    return x ? deep(x - 1) + flash_touch(0) : 0;\n}\n"
    only(tree({"engines/map/deep.c": text}), "engines/map/deep.c:4", "deep -> deep")


def test_constant_tables_of_an_engine_are_no_globals(tree):
    text = ("extern const char *const toy_names[2];\n"
            'const char *const toy_names[2] = {"a", "b"};\n')
    assert tree({"engines/map/table.c": text}) == []


@pytest.mark.parametrize("folder", ["home", "root", "work"])
def test_the_path_of_a_machine_is_caught(tree, folder):
    only(tree({"NOTES.md": f"one\nsee /{folder}/somebody\n"}), "NOTES.md:2", "path of one machine")


def test_what_git_ignores_is_left_alone(tree, tmp_path):
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    assert tree({".gitignore": "made/\n", "made/a.md": "/" + "root/x\n"}) == []
    only(tree({"new/a.md": "/" + "root/x\n"}), "new/a.md:1", "path of one machine")


def asserting(count, lines):
    """A C file with that many assertions in that many lines of code."""
    start = "#include <assert.h>\n\n/* assert(comment) */\n\nint asserting(int x);\n"
    body = "    assert(x);\n" * count + "    x++;\n" * (lines - count - 6)
    return f"{start}int asserting(int x)\n{{\n{body}    return x;\n}}\n"


def test_assertions_are_counted_and_their_share_only_grows(tree, tmp_path, capsys):
    assert tree({"sim/proof.c": asserting(8, 40)}) == []
    assert lint.folder_assertions(lint.Tree(tmp_path))["sim"] == [8, 40 + 9]
    assert lint.main([tmp_path, "--ratchet"]) == 0
    assert "at least 16.3 assertions in 100 lines of sim" in capsys.readouterr().out
    assert tree({"sim/proof_test.c": CHIP.replace("chip_print", "print")}) == []
    assert tree({"sim/proof.c": asserting(9, 40)}) == []
    found = tree({"sim/proof.c": asserting(7, 40)})
    only(found, "tools/lint.ratchet:0", "14.2 assertions in 100 lines of sim", "at least 16.3")


def test_functions_do_not_grow(tree, tmp_path):
    files = {f"sim/m{n}.c": c_function(8).replace("long_one", f"middle_{n}") for n in range(5)}
    assert tree(files) == []
    lint.main([tmp_path, "--ratchet"])
    found = tree({name: text.replace("    return", "    flash_touch(1);\n    return")
                  for name, text in files.items()})
    assert len(found) == 2
    assert found[0].startswith("tools/lint.ratchet:0: 9 lines of a C function, half of them")
    assert "95 of 100" in found[1]


def test_static_assertions_count_and_macros_do_not():
    text = '#define CHECK(x) assert(x)\n_Static_assert(1, "/*");\n// assert(0)\nint x;\n/*\n*/\n'
    assert lint.assertions(text) == (1, 3)


PLACE, MANY = "behin" + "d", "so man" + "y"


@pytest.mark.parametrize("name, text, line", [
    ("tools/a.c", f"/* first\n * {PLACE} it */\nint a;\n", 2),
    ("tools/a.h", f'\nextern char a[sizeof "{MANY} of them"];\n', 2),
    ("tools/a.py", f'# fine\nx = f("stop after {MANY}")\n', 2),
    ("tools/a.py", f'"""One.\n\nTwo {PLACE}.\n"""\n', 3),
    ("tools/a.md", f"one\ntwo {PLACE}\n", 2),
])
def test_a_word_that_has_a_better_one_is_caught(name, text, line):
    found = list(lint.wrong_words(name, text))
    assert [number for number, _ in found] == [line]
    assert "write " in found[0][1]


def test_names_and_parts_of_words_are_no_words_of_prose():
    assert list(lint.wrong_words("a.c", f"int {PLACE};\n/* {PLACE}hand */\n")) == []


def test_words_are_checked_in_every_folder_and_at_the_start_of_a_sentence(tree):
    only(tree({"examples/a.md": f"{PLACE.title()} it\n"}), "examples/a.md:1", "write after")


def test_a_source_of_the_harness_opens_with_its_method(tree):
    body = '#include "engines/flash.h"\n' + "\nextern int x;\n" * 30
    assert tree({"sim/a.c": "/* a.c - in words. */\n" + body, "sim/a_test.c": body}) == []
    only(tree({"sim/b.c": body}), "sim/b.c:1", "how it works")


def test_findings_are_printed_and_answered_with_1(tree, tmp_path, capsys):
    tree({"NOTES.md": "/" + "root/x\n"})
    assert lint.main([tmp_path]) == 1
    assert "\nNOTES.md:1: " in capsys.readouterr().out


def test_a_missing_tool_is_named_with_the_command_to_type(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SystemExit, match="clang-14 is missing; type: apt-get install clang-14"):
        lint.tool("clang")
