"""cflite - does with .clusterfuzzlite/build.sh what ClusterFuzzLite does, without its image.

`cflite.py FOLDER [--sanitizer address]... [--source TREE]`, or `make cflite`: for each sanitizer
runs build.sh with the environment that the service sets, by our clang, and then checks as the
service does before it fuzzes:

 1. FOLDER/SANITIZER/out has fuzz targets, named as the service wants them, and no other program;
 2. a target is linked with nothing that the machine which runs it lacks;
 3. each does some runs without an environment of its own and ends with 0;
 4. each is sanitized: as many calls of the sanitizer as the service expects (--calls-min 0: any).

Exit code: 0 all as expected, 1 not (each in a line).
"""

import argparse
import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
COMMON = "-O1 -fno-omit-frame-pointer -gline-tables-only -DFUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION"
FUZZED = "-fsanitize=fuzzer-no-link"
UNDEFINED = (
    "bool,array-bounds,float-divide-by-zero,function,integer-divide-by-zero,return,shift,"
    "signed-integer-overflow,vla-bound,vptr"
)
# What each build is compiled with besides COMMON.
SANITIZERS = {
    "address": f"-fsanitize=address -fsanitize-address-use-after-scope {FUZZED}",
    "undefined": f"-fsanitize={UNDEFINED},unsigned-integer-overflow"
    f" -fno-sanitize-recover={UNDEFINED} {FUZZED}",
    "memory": f"-fsanitize=memory -fsanitize-memory-track-origins {FUZZED}",
    "coverage": "-fprofile-instr-generate -fcoverage-mapping -pthread",
}
CALLS = {"address": ("__asan", 1000), "undefined": ("__ubsan", 168), "memory": ("__msan", 1)}
NAME = re.compile(r"[A-Za-z0-9_-]+_fuzzer")
# The service's machine has the C library, and links its own C++ library into the target.
LIBRARIES = re.compile(r"(linux-vdso|ld-linux[\w-]*|lib(c|m|dl|pthread|rt|gcc_s|stdc\+\+))\.so")


def environment(sanitizer, source, folder):
    """What the service sets for a build; makes the folders."""
    places = {name: folder / name.lower() for name in ("SRC", "OUT", "WORK")}
    for place in places.values():
        place.mkdir(parents=True, exist_ok=True)
    tree = places["SRC"] / "brownout"
    if not tree.is_symlink():
        tree.symlink_to(source.resolve())
    flags = f"{COMMON} {SANITIZERS[sanitizer]}"
    return {
        "PATH": os.environ["PATH"],
        "CC": "clang-14",
        "CXX": "clang++-14",
        "CFLAGS": flags,
        "CXXFLAGS": flags,
        "LIB_FUZZING_ENGINE": "-fsanitize=fuzzer",
        "FUZZING_ENGINE": "libfuzzer",
        "FUZZING_LANGUAGE": "c",
        "SANITIZER": sanitizer,
        **{name: str(place) for name, place in places.items()},
    }


def output_of(*command, **options):
    """(exit code, what it printed)."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    done = subprocess.run(list(map(str, command)), **pipes, **options)
    return done.returncode, done.stdout


def is_program(path):
    return path.is_file() and os.access(path, os.X_OK) and not path.suffix


def wrong_target(path, sanitizer, calls_min):
    """What is wrong with a target, in a line each."""
    if not NAME.fullmatch(path.name):
        yield "not named NAME_fuzzer"
    libraries = re.findall(r"^\s*(\S+)", output_of("ldd", path)[1], re.MULTILINE)
    for library in libraries:
        if not LIBRARIES.match(os.path.basename(library)):
            yield f"needs {library}, which is not on the machine that runs it"
    # A coverage build has nothing by which a fuzzer finds its way: it replays what others found.
    words = [__file__] if sanitizer == "coverage" else ["-seed=1337", "-runs=4"]
    code, out = output_of(path, *words, env={}, cwd=path.parent.parent, timeout=120)
    if code or not re.search(r"^(Done 4 runs|Executed )", out, re.MULTILINE):
        yield f"expected some runs and exit code 0, got {code}\n{out}"
    symbol, least = CALLS.get(sanitizer, ("", 0))
    code = output_of("objdump", "-d", "--no-show-raw-insn", path)[1]
    calls = len(re.findall(rf"call +[0-9a-f]+ <{symbol}", code))
    if symbol and calls < min(least, calls_min):
        yield f"calls {symbol}.. {calls} times, expected {min(least, calls_min)}"


def wrong_build(sanitizer, source, folder, calls_min):
    """Builds, and returns what is wrong, in a line each."""
    settings = environment(sanitizer, source, folder)
    script = source / ".clusterfuzzlite/build.sh"
    code, out = output_of("bash", "-eux", script, env=settings)
    if code:
        return [f"build.sh ends with {code}\n{out}"]
    programs = sorted(filter(is_program, (folder / "out").iterdir()))
    wrong = [f"{it.name}: {w}" for it in programs for w in wrong_target(it, sanitizer, calls_min)]
    return wrong if programs else ["no fuzz target in OUT"]


def main(arguments):
    parser = argparse.ArgumentParser(prog="cflite", description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--sanitizer", action="append", choices=SANITIZERS)
    parser.add_argument("--source", type=Path, default=ROOT)
    parser.add_argument("--calls-min", type=int, default=1000)
    given = parser.parse_args(arguments)
    failed = False
    for sanitizer in given.sanitizer or SANITIZERS:
        folder = given.folder.resolve() / sanitizer
        wrong = wrong_build(sanitizer, given.source, folder, given.calls_min)
        failed = failed or bool(wrong)
        for reason in wrong or ["as the service wants it"]:
            print(f"cflite: {sanitizer}: {reason}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
