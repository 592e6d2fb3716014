"""A campaign in parts, by Slurm's array and by GNU parallel, finds what the undivided one finds."""

import contextlib
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import time

import pytest

from ci.repository import break_store, make_firmware

# What sbatch does with an array, as far as a script sees it: a copy of it is run, for each index.
SBATCH = """#!/bin/bash
[[ $1 =~ ^--array=([0-9]+)(-([0-9]+))?$ ]] || exit 2
first=${BASH_REMATCH[1]} last=${BASH_REMATCH[3]:-${BASH_REMATCH[1]}}
cp "$2" spooled
for index in $(seq "$first" "$last"); do
    [ "$index" = "$LOST" ] || SLURM_ARRAY_TASK_ID=$index bash spooled "${@:3}" || exit
done
"""
OPTIONS = ["--time", "20s", "--no-random"]
TASKS = "select distinct task.name, task.state from task order by 1"
FINDINGS = "select distinct engine.name, clause, shape from divergence join engine on"
FINDINGS += " engine.id = divergence.engine order by 1, 2, 3"


@pytest.fixture
def desk(root, plain, tmp_path):
    """desk(command..) runs it in the repository, in which Brownout is a submodule and the plug-in
    is built; more variables by name."""
    firmware = tmp_path / "firmware"
    make_firmware(firmware, root)
    break_store(firmware)
    (firmware / "brownout").symlink_to(root)
    (firmware / "build").mkdir()
    flags = ["-std=c11", "-shared", "-fPIC", f"-I{root}"]
    sources = ["-o", "build/store.so", "src/storage/store.c"]
    subprocess.run(["gcc", *flags, *sources], cwd=firmware, check=True)
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "brownout").symlink_to(plain)
    (programs / "python3").symlink_to(os.path.realpath(sys.executable))  # no version manager
    (programs / "sbatch").write_text(SBATCH)
    (programs / "sbatch").chmod(0o755)

    def run(*command, **variables):
        environment = {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}", **variables}
        command = [str(word) for word in command]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        done = subprocess.run(command, cwd=firmware, env=environment, timeout=120, **pipes)
        return done.returncode, done.stdout

    run.folder, run.programs = firmware, programs
    return run


def read(path):
    """(tasks, findings) of a database."""
    with contextlib.closing(sqlite3.connect(path)) as db:
        return db.execute(TASKS).fetchall(), db.execute(FINDINGS).fetchall()


def undivided(desk):
    """What a campaign without parts comes to."""
    code, out = desk("brownout", "campaign", *OPTIONS, "--db", "whole/results.db")
    assert code == 1, out
    tasks, findings = read(desk.folder / "whole/results.db")
    assert {state for _, state in tasks} == {"done"} and findings
    return tasks, findings


def test_an_array_of_slurm_with_a_lost_task_is_the_undivided_campaign(desk):
    array = ["brownout/ci/slurm", "3", "night-1", *OPTIONS]
    code, out = desk("sbatch", "--array=0-2", *array, LOST="1")
    assert code == 0, out
    parts = desk.folder / "brownout-results/parts/night-1"
    assert sorted(path.name for path in parts.iterdir()) == ["0.db", "2.db"]
    code, out = desk("sbatch", "--array=1", *array)
    assert code == 0 and (parts / "1.db").exists(), out
    code, out = desk("brownout/ci/report", "night-1", *OPTIONS)
    assert code == 1 and "night-1:" in out and "0 crash states judged" in out, out
    assert not parts.exists()
    assert read(desk.folder / "brownout-results/results.db") == undivided(desk)


def test_gnu_parallel_runs_the_parts(desk):
    if not shutil.which("parallel"):
        pytest.skip("parallel: not installed")
    line = "brownout/ci/shard {}/2 night-2 --jobs 1 " + " ".join(OPTIONS)
    code, out = desk("parallel", "--will-cite", "-j2", line, ":::", "0", "1")
    assert code == 0, out
    code, out = desk("brownout/ci/report", "night-2", *OPTIONS)
    assert code == 1 and "0 crash states judged" in out, out


def test_a_part_says_what_it_expects(desk):
    code, out = desk("brownout/ci/shard")
    assert code == 2 and "expected I/N" in out
    code, out = desk("brownout/ci/shard", "2/2", "night-3")
    assert code == 2 and "I/N" in out
    code, out = desk("brownout/ci/report", "night-4")
    assert code == 2 and "no part in" in out


# --- Dask ---


@pytest.fixture
def dask(tmp_path):
    """(address of a scheduler, its two workers), each a process of its own."""
    pytest.importorskip("distributed", reason="python3-distributed is not installed")
    where = tmp_path / "scheduler.json"
    common = ["--no-dashboard", "--scheduler-file", str(where)]
    worker = ["--nthreads", "1", "--no-nanny", "--local-directory", str(tmp_path)]
    words = {"scheduler": ["--host", "127.0.0.1", "--port", "0"], "worker": worker}
    processes = []
    for name in ("scheduler", "worker", "worker"):
        command = [sys.executable, "-m", f"distributed.cli.dask_{name}", *common, *words[name]]
        with open(tmp_path / "dask.log", "ab") as log:
            processes.append(subprocess.Popen(command, cwd=tmp_path, stdout=log, stderr=log))
    while not where.exists():
        assert processes[0].poll() is None, (tmp_path / "dask.log").read_text()
        time.sleep(0.1)
    yield json.loads(where.read_text())["address"], processes[1:]
    for process in processes:
        process.kill()
        process.wait()


def wait_for_workers(address, count):
    import distributed

    with distributed.Client(address, set_as_default=False) as client:
        client.wait_for_workers(count, timeout=60)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of what Dask is made of
def test_dask_with_a_killed_worker_is_the_undivided_campaign(desk, dask):
    address, workers = dask
    wait_for_workers(address, 2)
    command = [desk.programs / "brownout", "campaign", *OPTIONS, "--dask", address]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    settings = {**os.environ, "PYTHON": sys.executable}
    with subprocess.Popen(command, cwd=desk.folder, env=settings, **pipes) as campaign:
        lines = [campaign.stdout.readline()]
        workers[1].kill()
        lines += campaign.stdout.readlines()
    assert campaign.returncode == 1, "".join(lines)
    done = {line.split(":")[0] for line in lines if line.endswith(": done\n")}
    assert done == {f"part {number} of 8" for number in range(8)}, "".join(lines)
    assert any(line.startswith("0 crash states judged") for line in lines), "".join(lines)
    assert read(desk.folder / "brownout-results/results.db") == undivided(desk)


def test_an_address_that_is_none_is_one_line(desk):
    code, out = desk("brownout", "campaign", "--dask", "teapot")
    assert (code, out) == (2, "brownout campaign: --dask: expected HOST:PORT, got teapot\n")
