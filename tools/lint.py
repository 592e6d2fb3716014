#!/usr/bin/env python3
"""lint - the rules of the tree that a compiler does not know. `make lint`; a test runs it too.

Prints `file:line: reason` for everything that breaks a rule and exits with 1; 0 when clean, 2 when
a tool is missing. `lint.py FOLDER` looks at another tree; `lint.py --ratchet` writes the figures of
rule 7 that got better.

The rules
 1. A function has at most 70 lines, a line at most 100 columns; half of all C functions have at
    most 12 lines.
 2. Includes go one way: engines/ include engines/ (written relative, so that the folder can be
    lifted) and freestanding headers; sim/ includes engines/flash.h and sim/; fuzz/ includes all
    three; examples/ and peers/ include fuzz/adapter.h and engines/, peers/ fuzz/embed/embed.h,
    fuzz/rig/engines.h and fuzz/adapters/beside.h too.
    Inside fuzz/ a folder includes those that stand before it in LAYERS; its tests may include all,
    and all may include fuzz/adapter.h and fuzz/contract.h. No circle between files, between files
    with their headers (modules), or between folders that do not contain each other.
 3. gcc and clang compile each source without a warning, gcc each header alone, included twice.
 4. C is formatted as .clang-format says.
 5. Engines have no heap, no globals, no recursion, and call nothing but each other and the memory
    functions.
 6. No path of one machine stands in any file.
 7. Figures only get better (tools/lint.ratchet): assertions in 100 lines of code of each folder,
    tests apart, and how long functions are.
 8. Comments, messages and prose use the words of WORDS.
 9. A C source of the harness (METHODS) of 60 lines or more opens with its method, in a comment.
"""

import ast
import io
import math
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tokenize
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from statistics import median
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parent))
import callgraph  # noqa: E402
import ratchet  # noqa: E402

FUNCTION_LINES_MAX = 70
FUNCTION_LINES_MEDIAN_MAX = 12
COLUMNS_MAX = 100
METHODS = ("sim/", "fuzz/")
METHOD_LINES = 60
TEXT = {".c", ".h", ".py", ".sh", ""}

# Who may include what: a folder, or a single file of it.
MAY_INCLUDE = {
    "engines": ("engines/",),
    "sim": ("sim/", "engines/flash.h"),
    "fuzz": ("fuzz/", "sim/", "engines/"),
    "examples": ("examples/", "fuzz/adapter.h", "engines/"),
    "peers": ("peers/", "fuzz/adapter.h", "fuzz/adapters/beside.h", "fuzz/embed/embed.h",
              "fuzz/rig/engines.h", "engines/"),
}
# Inside fuzz/, lowest first: a folder may include those before it. Folders in one line stand beside
# each other and may not.
LAYERS = (
    ("script",),
    ("model",),
    ("adapters",),
    ("subjects",),
    ("rig",),
    ("explore",),
    ("fuzzers", "wear"),
    ("embed",),
    ("db",),
    ("command",),
)
FLOOR = ("fuzz/adapter.h", "fuzz/contract.h")
# Modules of which one takes no more than a type from the other.
KNOWN_CIRCLES = {("sim/hash", "sim/chip")}
FREESTANDING = {"limits.h", "stdbool.h", "stddef.h", "stdint.h", "string.h"}
# A word, as a pattern, and what to write instead; each where it has one meaning only. The pattern
# does not match itself, so that this file keeps the rule too.
WORDS = (
    (r"\bbehin[d]\b", "after, before, next or older"),
    (r"\bso man[y]\b", "up to n"),
    (r"\b(?:tel[l]s?|tol[d])\b", "returns, reports, prints or shows"),
    (r"\berase (?:bloc[k]|uni[t])s?\b", "sector"),
)
COUNTED = ("engines", "sim", "fuzz")
RATCHET = "tools/lint.ratchet"
MAY_CALL = {"memchr", "memcmp", "memcpy", "memmove", "memset"}

INCLUDE = re.compile(r'^\s*#\s*include\s*(?:"([^"]+)"|<([^>]+)>)')
# A comment, or a string that might look like one.
COMMENT = re.compile(r'"(?:\\.|[^"\\])*"|/\*.*?\*/|//[^\n]*', re.DOTALL)
ASSERTION = re.compile(r"\w*(?:assert|ASSERT)\s*\(")
SIGNATURE = re.compile(r"[\w\s(*].*[^;]$")
MACHINE_PATH = re.compile(r"(?<![\w.])/(?:home|root|work)/\w")
COMPILER_LINE = re.compile(r"^([^\s:]+):(\d+):(?:\d+:)?\s*(?:fatal )?(?:error|warning):\s*(.*)")
WARN = "-std=c11 -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror".split()


class Finding(NamedTuple):
    """One breach of a rule; line 0 is the file as a whole."""

    path: str
    line: int
    reason: str

    def __str__(self):
        return f"{self.path}:{self.line}: {self.reason}"


class Tree:
    """The files under a root that git tracks or would; without git, all but build/."""

    def __init__(self, root):
        self.root = Path(root).resolve()

    @cached_property
    def files(self):
        names = self._from_git() if (self.root / ".git").exists() else self._from_disk()
        return sorted(name for name in names if (self.root / name).is_file())

    def _from_git(self):
        command = "git -c safe.directory=* ls-files -z -c -o --exclude-standard"
        done = subprocess.run(command.split(), cwd=self.root, capture_output=True, check=True)
        return {name for name in done.stdout.decode().split("\0") if name}

    def _from_disk(self):
        names = (path.relative_to(self.root).as_posix() for path in self.root.rglob("*"))
        return {name for name in names if not name.startswith(("build/", ".git/"))}

    def ending(self, *suffixes):
        return [name for name in self.files if name.endswith(suffixes)]

    def lines(self, name):
        return (self.root / name).read_text(errors="replace").split("\n")


def top(name):
    """The first folder of a path; "" for a file of the root."""
    return name.split("/")[0] if "/" in name else ""


# --- rule 1: size ---


def check_columns(tree):
    for name in tree.files:
        if Path(name).suffix not in TEXT or name == "LICENSE":
            continue
        for number, line in enumerate(tree.lines(name), 1):
            if len(line) > COLUMNS_MAX:
                yield Finding(name, number, f"{len(line)} columns, {COLUMNS_MAX} is the most")


def c_functions(lines):
    """(first line, count of lines) of each function; by rule 4 no other brace opens in column 1."""
    opened = None
    for number, line in enumerate(lines, 1):
        if line == "{" and opened is None:
            opened = number
            while opened > 1 and SIGNATURE.match(lines[opened - 2]):
                opened -= 1
        elif line == "}" and opened is not None:
            yield opened, number - opened + 1
            opened = None


def python_functions(text):
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node.lineno, node.end_lineno - node.lineno + 1


def functions(tree, name):
    if not name.endswith(".py"):
        return list(c_functions(tree.lines(name)))
    try:
        return list(python_functions("\n".join(tree.lines(name))))
    except SyntaxError:
        return []


def check_function_size(tree):
    for name in tree.ending(".c", ".h", ".py"):
        for first, count in functions(tree, name):
            if count > FUNCTION_LINES_MAX:
                reason = f"a function of {count} lines, {FUNCTION_LINES_MAX} is the most"
                yield Finding(name, first, reason)


def check_function_median(tree):
    counts = [n for name in tree.ending(".c", ".h") for _, n in functions(tree, name)]
    if counts and median(counts) > FUNCTION_LINES_MEDIAN_MAX:
        reason = f"half of the {len(counts)} C functions have {median(counts):.0f} lines or more, "
        yield Finding("tree", 0, reason + f"not {FUNCTION_LINES_MEDIAN_MAX} or fewer")


# --- rule 2: includes ---


def includes(tree, name):
    """(line, spelled, target): target is the file of the tree, or None for a system header."""
    for number, line in enumerate(tree.lines(name), 1):
        match = INCLUDE.match(line)
        if match and match[1]:
            yield number, match[1], resolve(tree, name, match[1])
        elif match:
            yield number, match[2], None


def resolve(tree, name, spelled):
    """The file of the tree that is meant: beside `name` first, as compilers do, then the root."""
    beside = os.path.normpath(os.path.join(os.path.dirname(name), spelled))
    return beside if (tree.root / beside).is_file() else os.path.normpath(spelled)


def wrong_include(name, spelled, target):
    """Why this include breaks rule 2, or None."""
    folder = top(name)
    if folder not in MAY_INCLUDE:
        return f"no include direction is known for {folder}/"
    if target is None:
        bare = folder == "engines" and not name.endswith(("_test.c", "_test.h", "_bench.h"))
        wrong = bare and spelled not in FREESTANDING
        return f"<{spelled}> is not a freestanding header" if wrong else None
    if not target.startswith(MAY_INCLUDE[folder]):
        return f"{folder}/ may not include {target}"
    if folder == "engines" and spelled == target:
        return f'"{spelled}" is written from the root; inside engines/ it is relative'
    if folder != "engines" and spelled != target:
        return f'"{spelled}" is written relative; here it is "{target}"'
    return None


def layer(name):
    """How high a file of fuzz/ stands; None in a folder that LAYERS does not have."""
    if name in FLOOR:
        return -1
    folder = name.split("/")[1]
    return next((height for height, names in enumerate(LAYERS) if folder in names), None)


def wrong_layer(name, target):
    """Why this include inside fuzz/ breaks rule 2, or None."""
    if not (name.startswith("fuzz/") and (target or "").startswith("fuzz/")):
        return None
    here, there = os.path.dirname(name), os.path.dirname(target)
    for folder, height in ((here, layer(name)), (there, layer(target))):
        if height is None:
            return f"{folder}/ has no place among the layers of fuzz/ (LAYERS in tools/lint.py)"
    if name.endswith("_test.c") or layer(target) < layer(name):
        return None
    if layer(target) == layer(name):
        beside = f"{here}/ and {there}/ stand beside each other: neither includes the other"
        return None if here == there else beside
    return f"{here}/ stands below {there}/ and may not include {target}"


def check_include_direction(tree):
    for name in tree.ending(".c", ".h"):
        for number, spelled, target in includes(tree, name):
            reason = wrong_include(name, spelled, target) or wrong_layer(name, target)
            if reason:
                yield Finding(name, number, reason)


def file_graph(tree):
    """{file: {included file: line}}"""
    graph = {}
    for name in tree.ending(".c", ".h"):
        found = {target: number for number, _, target in includes(tree, name) if target}
        graph[name] = found
    return graph


def module_graph(files):
    """{module: {module: (file, line)}}. x.c, x.h and x_internal.h are the module x, and so is each
    file that includes x_internal.h; tests are left out."""
    modules = {}
    for name, targets in files.items():
        inside = [target for target in targets if target.endswith("_internal.h")]
        modules[name] = re.sub(r"(_internal)?\.[ch]$", "", inside[0] if inside else name)
    graph = {}
    for name, targets in files.items():
        for target, number in targets.items():
            edge = (modules[name], modules.get(target, target))
            apart = edge[0] != edge[1] and edge not in KNOWN_CIRCLES
            if apart and not name.endswith("_test.c"):
                graph.setdefault(edge[0], {}).setdefault(edge[1], (name, number))
    return graph


def folder_graph(files):
    """{folder: {folder: (file, line)}} inside engines/, sim/ and so on, between which the direction
    is fixed already. A folder and one inside it are taken for one; tests are left out."""
    graph = {}
    for name, targets in files.items():
        if name.endswith("_test.c"):
            continue
        for target, number in targets.items():
            here, there = os.path.dirname(name), os.path.dirname(target)
            inside = f"{here}/".startswith(f"{there}/") or f"{there}/".startswith(f"{here}/")
            if top(name) == top(target) and not inside:
                graph.setdefault(here, {}).setdefault(there, (name, number))
    return graph


def path_between(graph, start, goal):
    """The nodes from start to goal, both included, or None."""
    before, waiting = {start: None}, [start]
    while waiting:
        node = waiting.pop(0)
        if node == goal:
            path = []
            while node is not None:
                path.insert(0, node)
                node = before[node]
            return path
        for follower in sorted(graph.get(node, ())):
            if follower not in before:
                before[follower] = node
                waiting.append(follower)
    return None


def circles(graph):
    """(node, next node, the circle) once for each circle, from its first node in the alphabet."""
    for node in sorted(graph):
        for follower in sorted(graph[node]):
            back = path_between(graph, follower, node)
            if back and node == min(back):
                yield node, follower, " -> ".join([node, *back])


def check_circles(tree):
    files = file_graph(tree)
    for name, target, circle in circles(files):
        yield Finding(name, files[name][target], f"a circle of includes: {circle}")
    if any(circles(files)):
        return
    for kind, graph in (("modules", module_graph(files)), ("folders", folder_graph(files))):
        for here, there, circle in circles(graph):
            name, number = graph[here][there]
            yield Finding(name, number, f"a circle of {kind}: {circle}")


# --- rule 3: both compilers ---


def first_complaint(output, name):
    """The first error in a compiler's output as a finding; in `name` when it says no place."""
    for line in output.split("\n"):
        match = COMPILER_LINE.match(line)
        if match and match[1] == "<stdin>":
            return Finding(name, 0, match[3])
        if match:
            return Finding(match[1].removeprefix("./"), int(match[2]), match[3])
    return Finding(name, 0, output.strip().split("\n")[-1])


def compile_source(tree, compiler, name):
    command = [compiler, *WARN, "-I.", "-fsyntax-only", name]
    done = subprocess.run(command, cwd=tree.root, capture_output=True, text=True)
    return first_complaint(done.stderr, name) if done.returncode else None


def compile_header(tree, compiler, name):
    source = f'#include "{name}"\n#include "{name}"\nextern int lint_not_empty;\n'
    command = [compiler, *WARN, "-I.", "-fsyntax-only", "-x", "c", "-"]
    done = subprocess.run(command, cwd=tree.root, input=source, capture_output=True, text=True)
    if done.returncode == 0:
        return None
    finding = first_complaint(done.stderr, name)
    return finding._replace(reason=f"does not compile alone with {compiler}: {finding.reason}")


def check_compilers(tree):
    jobs = [(compile_header, "gcc", name) for name in tree.ending(".h")]
    for compiler in ("gcc", tool("clang")):
        jobs += [(compile_source, compiler, name) for name in tree.ending(".c")]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        results = pool.map(lambda job: job[0](tree, *job[1:]), jobs)
        yield from sorted({finding for finding in results if finding})


# --- rule 4: formatting ---


def check_format(tree):
    names = tree.ending(".c", ".h")
    if not names:
        return
    command = [tool("clang-format"), "--style=file", "--dry-run", "--Werror", *names]
    done = subprocess.run(command, cwd=tree.root, capture_output=True, text=True)
    seen = set()
    for line in done.stderr.split("\n"):
        match = COMPILER_LINE.match(line)
        if match and match[1] not in seen:
            seen.add(match[1])
            yield Finding(match[1], int(match[2]), "not as clang-format-14 -i leaves it")


# --- rule 5: engines ---


def compile_engine(tree, name, folder):
    """The object file of an engine's source as firmware would have it, or None."""
    made = Path(folder) / (name.replace("/", "__") + ".o")
    flags = "-std=c11 -g -O1 -ffreestanding -fno-pic -fno-stack-protector".split()
    command = ["gcc", *flags, "-fcallgraph-info=su", "-c", name, "-o", made]
    done = subprocess.run(command, cwd=tree.root, capture_output=True)
    return made if done.returncode == 0 else None


def symbols(made, root):
    """(kind, name, line) of each symbol of an object file; the line is 0 where nm knows none."""
    done = subprocess.run(["nm", "-l", made], cwd=root, capture_output=True, text=True)
    for line in done.stdout.split("\n"):
        match = re.match(r"[0-9a-f]*\s+(\w) (\S+)(?:\s+.*:(\d+))?", line)
        if match:
            yield match[1], match[2], int(match[3] or 0)


def engine_names(tree):
    """The sources of engines; their tests are hosted and left out."""
    return [n for n in tree.ending(".c") if top(n) == "engines" and not n.endswith("_test.c")]


def wrong_symbols(found):
    """Findings among (file, kind, name, line) of all engines together."""
    ours = {symbol for _, kind, symbol, _ in found if kind in "TRDBC"}
    for name, kind, symbol, line in found:
        if kind == "U" and symbol not in ours | MAY_CALL:
            yield Finding(name, line, f"engines may not call {symbol}")
        elif kind in "bBdDC":
            yield Finding(name, line, f"engines have no globals, and {symbol} is one")


def wrong_calls(graph):
    """A finding when a chain of calls comes back to where it began."""
    circle = graph.recursion()
    if circle:
        place, line = graph.places[circle[0]].split(":")[:2]
        chain = " -> ".join(map(callgraph.short, circle))
        yield Finding(place, int(line), f"engines have no recursion: {chain}")


def check_engines(tree):
    names = engine_names(tree)
    with tempfile.TemporaryDirectory() as folder:
        objects = {name: compile_engine(tree, name, folder) for name in names}
        objects = {name: made for name, made in objects.items() if made}
        found = [(n, *symbol) for n, made in objects.items() for symbol in symbols(made, tree.root)]
        graphs = [made.with_suffix(".ci").read_text() for made in objects.values()]
    yield from wrong_symbols(found)
    yield from wrong_calls(callgraph.Graph(graphs))


# --- rule 6: machines ---


def check_machine_paths(tree):
    for name in tree.files:
        if b"\0" in (tree.root / name).read_bytes()[:4096]:
            continue
        for number, line in enumerate(tree.lines(name), 1):
            match = MACHINE_PATH.search(line)
            if match:
                yield Finding(name, number, f"the path of one machine: {match[0]}...")


# --- rule 7: figures ---


def assertions(text):
    """(assertions, lines of code) of a C file: lines that are blank or comment are none."""
    bare = COMMENT.sub(lambda match: match[0] if match[0][0] == '"' else "", text)
    code = [line for line in bare.split("\n") if line.strip()]
    return sum(len(ASSERTION.findall(x)) for x in code if x.strip()[0] != "#"), len(code)


def folder_assertions(tree):
    """{folder: (assertions, lines of code)}"""
    folders = {}
    for name in tree.ending(".c", ".h"):
        if top(name) in COUNTED and not name.endswith("_test.c"):
            here = folders.setdefault(os.path.dirname(name), [0, 0])
            for index, count in enumerate(assertions("\n".join(tree.lines(name)))):
                here[index] += count
    return folders


def figures(tree):
    """All that rule 7 measures, for the ratchet; rounded so that a line or two changes nothing."""
    found = {}
    for folder, (count, lines) in folder_assertions(tree).items():
        share = math.floor(1000 * count / lines) / 10 if lines else 0
        found[f"assertions in 100 lines of {folder}"] = ratchet.Figure("least", share)
    counts = sorted(n for name in tree.ending(".c", ".h") for _, n in functions(tree, name))
    for name, share in (("half", 0.5), ("95 of 100", 0.95)) if counts else ():
        longest = counts[int(len(counts) * share)]
        found[f"lines of a C function, {name} of them"] = ratchet.Figure("most", longest)
    return found


def check_figures(tree):
    for reason in ratchet.worse(tree.root / RATCHET, figures(tree)):
        yield Finding(RATCHET, 0, reason)


# --- rule 8: words ---


def prose(name, text):
    """(line, text) of what people read: comments and strings of sources, all of a page."""
    if name.endswith(".md"):
        yield 1, text
    elif name.endswith(".py"):
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type in (tokenize.COMMENT, tokenize.STRING):
                yield token.start[0], token.string
    else:
        for match in COMMENT.finditer(text):
            yield text.count("\n", 0, match.start()) + 1, match[0]


def wrong_words(name, text):
    """(line, reason) for each word of WORDS that has a better one."""
    for first, words in prose(name, text):
        for pattern, better in WORDS:
            for match in re.finditer(pattern, words, re.IGNORECASE):
                line = first + words.count("\n", 0, match.start())
                yield line, f"'{match[0]}': write {better}"


def check_words(tree):
    for name in tree.ending(".c", ".h", ".py", ".md"):
        for line, reason in wrong_words(name, "\n".join(tree.lines(name))):
            yield Finding(name, line, reason)


# --- rule 9: methods ---


def check_methods(tree):
    for name in tree.ending(".c"):
        lines = tree.lines(name) if name.startswith(METHODS) else []
        if len(lines) > METHOD_LINES and not lines[0].startswith("/*") and "_test." not in name:
            yield Finding(name, 1, "the file does not open with a comment that says how it works")


# --- all ---

CHECKS = (
    check_columns,
    check_function_size,
    check_function_median,
    check_include_direction,
    check_circles,
    check_compilers,
    check_format,
    check_engines,
    check_machine_paths,
    check_figures,
    check_words,
    check_methods,
)


def tool(name):
    """clang and clang-format go by their version: another one formats and warns differently."""
    for candidate in (f"{name}-14", name):
        if shutil.which(candidate):
            return candidate
    sys.exit(f"lint: {name}-14 is missing; type: apt-get install {name}-14")


def findings(root):
    """All breaches in the tree under `root`."""
    tree = Tree(root)
    return [finding for check in CHECKS for finding in check(tree)]


def tighten(root):
    title = "Figures that only get better; `python3 tools/lint.py --ratchet` writes them."
    for what, figure in ratchet.tighten(root / RATCHET, figures(Tree(root)), title).items():
        print(f"{RATCHET}: at {figure.bound} {figure} {what}")


def main(arguments):
    raising = "--ratchet" in arguments
    folders = [argument for argument in arguments if argument != "--ratchet"]
    root = Path(folders[0]) if folders else Path(__file__).resolve().parent.parent
    if raising:
        tighten(root)
        return 0
    for what, figure in figures(Tree(root)).items():
        print(f"{str(figure):>5} {what}")
    found = findings(root)
    for finding in found:
        print(finding)
    print(f"lint: {len(found)} findings" if found else "lint: clean")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
