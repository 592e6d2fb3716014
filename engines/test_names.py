"""No name of an engine clashes with one of a system or a vendor: each has a prefix of ours.

A name is a macro, a type, a constant or a function of a header that firmware includes, or a symbol
of an object file. What only the engine's own sources see clashes with nothing.
"""

import json
import re
import subprocess

import pytest

from tools import engines, lint

# What a name begins with, in small or capital letters: our own prefix, an engine, or the part that
# two engines share. The last line is the errors of each kind of engine.
OURS = re.compile(
    r"(bo|brownout|buffered|lsm|naive|ringlog|rlog|seq|seqlog|seqmap|seqqueue|tickv)(_\w+)?"
    r"|(map|queue|ringlog)_(error|err_\w+)",
    re.IGNORECASE,
)
SYSTEM = "".join(f"#include <{name}>\n" for name in sorted(lint.FREESTANDING))
FILES = sorted({file for name in engines.NAMES for file in engines.files(name)})
PUBLIC = [engines.header(name) for name in engines.NAMES]
HEADERS = sorted({*PUBLIC, *engines.headers(PUBLIC)})
SOURCES = [name for name in FILES if name.endswith(".c")]
DECLARED = ("FunctionDecl", "RecordDecl", "EnumDecl", "EnumConstantDecl", "TypedefDecl", "VarDecl")


def preprocessed(root, text):
    """The macros that are defined after `text`."""
    command = "gcc -std=c11 -dM -E -x c -".split()
    done = subprocess.run(
        command, cwd=root / "engines", input=text, capture_output=True, text=True, check=True
    )
    return set(re.findall(r"^#define (\w+)", done.stdout, re.MULTILINE))


def declared(root, text):
    """The names that `text` declares outside functions, as clang sees it."""
    command = [lint.tool("clang"), *"-std=c11 -fsyntax-only -Xclang -ast-dump=json -x c -".split()]
    done = subprocess.run(
        command, cwd=root / "engines", input=text, capture_output=True, text=True, check=True
    )
    nodes = json.loads(done.stdout)["inner"]
    nodes += [inner for node in nodes if node["kind"] == "EnumDecl" for inner in node["inner"]]
    return {node.get("name") for node in nodes if node["kind"] in DECLARED} - {None}


def strangers(names):
    return sorted(name for name in names if not OURS.fullmatch(name))


@pytest.mark.parametrize("header", HEADERS)
def test_each_macro_of_a_header_has_a_prefix_of_ours(root, header):
    added = preprocessed(root, f'{SYSTEM}#include "{header}"\n') - preprocessed(root, SYSTEM)
    assert (added or header in ONLY_MACROS) and strangers(added) == []


ONLY_MACROS = {"check.h"}


@pytest.mark.parametrize("header", HEADERS)
def test_each_declaration_of_a_header_has_a_prefix_of_ours(root, header):
    added = declared(root, f'{SYSTEM}#include "{header}"\n') - declared(root, SYSTEM)
    assert (added or header in ONLY_MACROS) and strangers(added) == []


@pytest.mark.parametrize("source", SOURCES)
def test_each_symbol_of_an_object_file_has_a_prefix_of_ours(root, tmp_path, source):
    made = tmp_path / "made.o"
    command = ["gcc", "-std=c11", "-ffreestanding", "-c", source, "-o", made]
    subprocess.run(command, cwd=root / "engines", check=True)
    names = {name for kind, name, _ in lint.symbols(made, root) if kind in "TDBRCVW"}
    assert names and strangers(names) == []


@pytest.mark.parametrize(
    "text",
    [
        "#define FLASH_OK 0",
        "int flash_read(void);",
        "struct cobs { int size; };",
        "enum { ERR_FULL = -1 };",
        "typedef int crc;",
        "static inline int map(void) { return 0; }",
    ],
)
def test_a_name_without_a_prefix_is_found(root, text):
    added = preprocessed(root, text) - preprocessed(root, "")
    assert strangers(added | declared(root, text)) != []
