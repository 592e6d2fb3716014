"""cluster - a campaign in parts on the workers of Dask: `brownout campaign --dask HOST:PORT`.

Dask gives each part to a worker that is free, and to another one when a worker dies. A part is a
`brownout campaign --shard I/N` on the worker's machine, which has the command, the plug-ins and
this folder at the same places. It begins with the list of what was completed (part.py), and its
results are merged as they come. At the end the same campaign runs here once more, without shards:
what the parts completed is not done again, and the report and the verdict are on all of it.

There are several parts for each thread of the cluster, each with its share of the time, so that a
worker that dies loses a fraction of it. All that talks to the cluster is Dask's own.
"""

import asyncio
import contextlib
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile

import merge
import part
from results import Failed, Refused, open_or_make
from tasks import new_campaign

PARTS_A_THREAD = 4
CONNECT_SECONDS_MAX = 30
REPORT_SECONDS = 10  # for what the parts left
RETRIES = 2  # of a part that fails; a dead worker is Dask's own affair
# Options that are for the whole campaign; the number of values that follow.
FOR_THE_WHOLE = {"--dask": 1, "--markdown": 1, "--long": 0, "--shard": 1}


def explore_part(words, known, folder):
    """On a worker: runs the command on a database of its own. (exit code, its last line, the
    database's bytes). It uses nothing of this module, which is not there."""
    with tempfile.TemporaryDirectory() as work:
        database = os.path.join(work, "results.db")
        with open(database, "wb") as file:
            file.write(known)
        # The work ends with the worker.
        tied = ["setpriv", "--pdeathsig", "TERM"] if shutil.which("setpriv") else []
        command = [*tied, *words, "--db", database, "--artefacts", os.path.join(work, "artefacts")]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "errors": "replace"}
        done = subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, text=True, **pipes)
        with contextlib.closing(sqlite3.connect(database)) as db:
            db.execute("pragma wal_checkpoint(truncate)")
        with open(database, "rb") as file:
            return done.returncode, (done.stdout.strip().split("\n") or [""])[-1], file.read()


def without(arguments, options):
    """What was typed, without some options and their values."""
    kept, skip = [], 0
    for word in arguments:
        if skip:
            skip -= 1
        elif word in options:
            skip = options[word]
        elif word.split("=")[0] not in options:
            kept.append(word)
    return kept


def connected(address):
    """A client of the scheduler, and how many threads its workers have."""
    try:
        import cloudpickle
        import distributed
    except ImportError:
        raise Refused("--dask needs Dask; type: apt-get install python3-distributed") from None
    cloudpickle.register_pickle_by_value(sys.modules[__name__])
    try:
        client = distributed.Client(address, timeout=CONNECT_SECONDS_MAX)
        client.wait_for_workers(1, timeout=CONNECT_SECONDS_MAX)
    except (OSError, ValueError, asyncio.TimeoutError) as error:
        raise Failed(f"--dask {address}: no scheduler with a worker answers: {error}") from None
    return client, sum(client.nthreads().values())


def bytes_to_begin(settings):
    """The database with which each part begins."""
    with tempfile.TemporaryDirectory() as work:
        path = os.path.join(work, "part.db")
        part.begin(settings.database, path)
        with open(path, "rb") as file:
            return file.read()


def take(settings, content):
    """Merges the database of a part."""
    with tempfile.TemporaryDirectory() as work:
        path = os.path.join(work, "part.db")
        with open(path, "wb") as file:
            file.write(content)
        for _ in merge.merge(settings.database, [path]):
            pass


def explore(client, parts, common, settings):
    """Has all parts explored; yields a line for each, and merges it."""
    from distributed import as_completed

    known = client.scatter(bytes_to_begin(settings), broadcast=True)
    futures = {}
    for number in range(parts):
        words = [*common, "--shard", f"{number}/{parts}"]
        options = {"retries": RETRIES, "pure": False}
        futures[client.submit(explore_part, words, known, os.getcwd(), **options)] = number
    for future in as_completed(futures):
        name = f"part {futures[future]} of {parts}"
        if future.status != "finished":
            yield f"{name}: lost: {future.exception()!r}"
            continue
        code, line, content = future.result()
        future.release()
        if code == 2:
            client.cancel(list(futures))
            raise Refused(f"{name}: {line}")
        take(settings, content)
        yield f"{name}: {line}" if code not in (0, 1, 4) else f"{name}: done"


def run(arguments, settings):
    """The campaign; its exit code is that of the report."""
    client, threads = connected(settings.dask)
    with contextlib.closing(client):
        os.makedirs(os.path.dirname(settings.database) or ".", exist_ok=True)
        with contextlib.closing(open_or_make(settings.database)) as db:
            name = new_campaign(db, settings.name, settings.campaign)
        command = [settings.brownout, "campaign"]
        same = [*without(arguments, FOR_THE_WHOLE), "--campaign", name]
        seconds = settings.time / PARTS_A_THREAD
        common = [*command, *same, "--jobs", "1", "--time", f"{seconds:.3f}s"]
        for line in explore(client, PARTS_A_THREAD * threads, common, settings):
            print(line, file=sys.stderr, flush=True)
    whole = without(arguments, {"--dask": 1})
    seconds = min(settings.time, REPORT_SECONDS)
    return subprocess.call([*command, *whole, "--campaign", name, "--time", f"{seconds:.3f}s"])
