"""coverage.py: what gcov has of a small program, merged and judged."""

import subprocess

import pytest

from tools import coverage
from tools.coverage import Reached, Share

HEADER = """static inline int sign(int x)
{
    return x < 0 ? -1 : 1;
}
"""
SOURCE = """#include <assert.h>
#include "sign.h"
int {name}(int x);
int {name}(int x)
{{
    assert(x != 9 &&
           x != 8);
    if (x == 7) return 3;
    return sign(x);
}}
"""
MAIN = """#include <stdlib.h>
int one(int x);
int two(int x);
int main(int argc, char **argv)
{
    if (argc < 2) return 2;
    int x = atoi(argv[1]);
    return one(x) == two(-x);
}
"""


@pytest.fixture
def program(tmp_path, monkeypatch):
    """program(arguments..) runs a program with an inline function in two files, once for each; the
    folder of its counts comes back."""
    monkeypatch.setattr(coverage, "ROOT", tmp_path)
    (tmp_path / "engines").mkdir()
    files = {"sign.h": HEADER, "main.c": MAIN}
    files.update({f"{name}.c": SOURCE.format(name=name) for name in ("one", "two")})
    for name, text in files.items():
        (tmp_path / "engines" / name).write_text(text)
    sources = [f"engines/{name}.c" for name in ("one", "two", "main")]
    command = ["gcc", "-O0", "--coverage", *sources, "-o", "program"]
    subprocess.run(command, cwd=tmp_path, check=True)

    def run(*arguments):
        for argument in arguments:
            subprocess.run([tmp_path / "program", argument], cwd=tmp_path, check=False)
        return tmp_path

    return run


def percents(here):
    return here.lines.percent(), here.branches.percent()


def test_a_file_that_is_included_twice_is_counted_together(program):
    found = coverage.measure(program("5"))
    assert percents(found["engines/sign.h"]) == (100, 100)  # each side by another file


def test_lines_and_branches_that_were_not_reached_lower_the_percents(program):
    found = coverage.measure(program("5"))
    assert percents(found["engines/one.c"]) == (100, 50)
    assert found["engines/main.c"].branches == Share(1, 2)


def test_the_lines_that_were_missed_are_shown(program, capsys):
    assert coverage.main([str(program("5")), "engines/one.c", "engines/main.c"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "engines/main.c:6: 1 of 2 branches: if (argc < 2) return 2;",
        "engines/one.c:8: 1 of 2 branches: if (x == 7) return 3;",
    ]


def test_the_ratchet_spares_what_depends_on_the_time():
    found = {"sim/a.c": Reached(Share(99, 100), Share(7, 8)),
             "fuzz/b.c": Reached(Share(99, 100), Share(1, 1))}
    now, kept = coverage.figures(found), coverage.figures(found, coverage.SPARE)
    assert [figure.value for figure in now.values()] == [99, 87, 99, 100]
    assert [figure.value for figure in kept.values()] == [99, 87, 97, 0]
    assert all(now[what].keeps(limit) for what, limit in kept.items())


def test_all_runs_are_counted(program):
    assert percents(coverage.measure(program("5", "7"))["engines/one.c"]) == (100, 100)


def test_a_program_that_did_not_run_reached_nothing(program):
    assert percents(coverage.measure(program())["engines/one.c"]) == (0, 0)


def test_the_branches_of_assertions_are_found_over_lines():
    text = "assert(x);\nif (x) assert(y);\n    assert(f(x) &&\n           y);\n    x;\nCHECK(x);"
    assert coverage.assertion_lines(text) == {1, 3, 4, 6}


@pytest.mark.parametrize("lines, branches, enough",
                         [(950, 850, True), (949, 1000, False), (1000, 849, False)])
def test_a_file_below_a_floor_needs_a_reason(lines, branches, enough):
    none = Share(0, 1000)
    found = {"sim/a.c": Reached(Share(lines, 1000), Share(branches, 1000)),
             "fuzz/b.c": Reached(none, none)}
    wrong = list(coverage.unreached(found, {}))
    assert len(wrong) == (0 if enough else 1)
    assert all(sentence.startswith("sim/a.c: ") for sentence in wrong)
    reasons = {"sim/a.c": "why"}
    assert len(list(coverage.unreached(found, reasons))) == (1 if enough else 0)


def test_a_reason_for_a_file_that_is_gone_is_refused():
    assert "needs no reason" in next(coverage.unreached({}, {"sim/gone.c": "why"}))


def test_main_keeps_what_was_reached(program, tmp_path, capsys):
    (tmp_path / "tools").mkdir()
    reasons = "# x: y\nengines/main.c: no\nengines/two.c: no\n"
    (tmp_path / "tools/coverage.reasons").write_text(reasons)
    build = program("5", "7")
    assert coverage.main([str(build), "--ratchet"]) == 0
    kept = (tmp_path / "tools/coverage.ratchet").read_text()
    assert "at least 100  % of branches of engines/one.c" in kept
    for counts in tmp_path.rglob("*.gcda"):
        counts.unlink()
    assert coverage.main([str(program("5")), "--part"]) == 0
    assert coverage.main([str(build)]) == 1
    assert "50 % of branches of engines/one.c; it must be at least 100" in capsys.readouterr().out


def test_counts_of_another_build_are_refused(program, tmp_path):
    build = program("5")
    source = tmp_path / "engines/one.c"
    source.write_text(source.read_text() + "int more(void);\nint more(void) { return 1; }\n")
    command = ["gcc", "-O0", "--coverage", "-c", "engines/one.c", "-o", "program-one.o"]
    subprocess.run(command, cwd=tmp_path, check=True)
    with pytest.raises(SystemExit, match="stamp mismatch.*; build anew: make coverage"):
        coverage.measure(build)


def test_a_folder_without_counts_is_said_so(tmp_path, capsys):
    assert coverage.main([str(tmp_path)]) == 2
    assert "expected a build with --coverage" in capsys.readouterr().out


def test_each_reason_names_a_file_and_says_why(root):
    lines = (root / "tools/coverage.reasons").read_text().split("\n")
    reasons = coverage.read_reasons(root / "tools/coverage.reasons")
    assert len(reasons) == sum(bool(line) and line[0] != "#" for line in lines)
    assert all((root / name).exists() for name in reasons)
