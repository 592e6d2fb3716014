"""bench_fuzzers - how fast the fuzz targets judge, beside `brownout explore`. `make bench-fuzzers`.

`bench_fuzzers.py FOLDER BROWNOUT [--seconds S]` runs explore_fuzzer of FOLDER (libFuzzer) and of
FOLDER/afl (AFL++) for S seconds on some engines, from the same seeds, and then `explore` on
scenarios that the fuzzers came to keep, the same time in all. Times are CPU times: of the target,
and of afl-fuzz itself.

Nothing is asserted; the ratios are to be: crash states judged, of each fuzzer to explore's, at
least 0.5; executions of AFL++ to those of libFuzzer at least 0.7, counted in crash states, as one
fuzzer may prefer longer inputs.

Exit code: 0, 2 no target in FOLDER.
"""

import argparse
import json
import os
import random
import resource
import shutil
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

ENGINES = ("seqmap", "seqqueue", "rlog", "seqlog")
SEEDS = 30
EXPLORED = 8
AFL = {"AFL_NO_UI": "1", "AFL_FAST_CAL": "1", "AFL_NO_AFFINITY": "1", "AFL_SKIP_CPUFREQ": "1"}
AFL |= {"AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES": "1"}


def children_cpu():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def fuzz(command, engine, counts, wrapped):
    """(inputs, crash states, CPU seconds) of a fuzzer; `wrapped`: its target is another process."""
    environment = {**os.environ, **AFL, "BROWNOUT_ENGINE": engine, "BROWNOUT_COUNTS": str(counts)}
    before = children_cpu()
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    subprocess.run([str(word) for word in command], env=environment, **quiet)
    spent = children_cpu() - before
    inputs, judged, microseconds = struct.unpack("=QQQ", counts.read_bytes())
    return inputs, judged, microseconds / 1e6 + (spent if wrapped else 0)


def explore(brownout, engine, files, seconds, work):
    """(crash states, CPU seconds) of explorations of what some inputs are."""
    judged, spent = 0, 0.0
    for path in files:
        case = work / "input.case"
        decoded = [brownout, "decode", path, "--engine", engine]
        case.write_bytes(subprocess.run(decoded, stdout=subprocess.PIPE).stdout)
        before = children_cpu()
        options = ["--jobs", "1", "--seconds", str(seconds / len(files)), "--json", "--quiet"]
        command = [brownout, "explore", case, *options]
        done = subprocess.run(command, stdout=subprocess.PIPE, cwd=work)
        spent += children_cpu() - before
        judged += json.loads(done.stdout)["judged"]
    return judged, spent


def report(engine, who, inputs, judged, seconds, yardstick=None):
    states = judged / seconds
    ratio = f", {states / yardstick:.2f} of explore" if yardstick else ""
    each = f"{inputs / seconds:8.0f} inputs, " if inputs else ""
    line = f"{engine:10} {who:10} {each}{states:8.0f} crash states a CPU second{ratio}"
    print(f"  {line}", flush=True)
    return states


def bench(folder, brownout, engine, seconds, work):
    kept, seeds = work / "kept", work / "seeds"
    source = random.Random(1)
    for path in (kept, seeds):
        path.mkdir()
    for number in range(SEEDS):
        bytes_of_seed = source.randbytes(16 + 8 * source.randrange(2, 12))
        for path in (kept, seeds):
            (path / f"seed-{number}").write_bytes(bytes_of_seed)
    limits = [f"-max_total_time={seconds}", "-seed=1", "-max_len=512", "-len_control=0"]
    places = [f"-artifact_prefix={work}/", kept]
    found = fuzz([folder / "explore_fuzzer", *limits, *places], engine, work / "libfuzzer", False)
    files = random.Random(1).sample(sorted(kept.iterdir()), EXPLORED)
    judged, spent = explore(brownout, engine, files, seconds, work)
    yardstick = report(engine, "explore", 0, judged, spent)
    states = report(engine, "libFuzzer", *found, yardstick)
    if not (folder / "afl/explore_fuzzer").exists() or not shutil.which("afl-fuzz"):
        print("  AFL++ is not measured; type: make afl")
        return
    limits = ["-V", seconds, "-s", 1, "-G", 512, "-t", 10000, "-i", seeds, "-o", work / "afl"]
    command = ["afl-fuzz", *limits, "--", folder / "afl/explore_fuzzer"]
    found = fuzz(command, engine, work / "counts", True)
    ratio = report(engine, "AFL++", *found, yardstick) / states
    print(f"  {engine:10} AFL++ to libFuzzer {ratio:.2f}")


def main(arguments):
    parser = argparse.ArgumentParser(prog="bench_fuzzers")
    parser.add_argument("folder", type=Path)
    parser.add_argument("brownout", type=Path)
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--engines", nargs="+", default=ENGINES)
    given = parser.parse_args(arguments)
    folder, brownout = given.folder.resolve(), given.brownout.resolve()
    if not (folder / "explore_fuzzer").exists():
        print(f"bench_fuzzers: no target in {folder}; type: make bench-fuzzers", file=sys.stderr)
        return 2
    print("crash states that the fuzz targets judge")
    for engine in given.engines:
        with tempfile.TemporaryDirectory() as work:
            bench(folder, brownout, engine, given.seconds, Path(work))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
