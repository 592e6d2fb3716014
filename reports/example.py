"""example - results made by hand, for the tests of this folder."""

import hashlib
import secrets

BUILD = "b" * 64
CLASSES = ("uncut", "edge", "prefix", "bits", "zeros", "weak", "ecc", "rot", "fail", "glitch")
CLASSES += ("lie", "stray")

RUN = {
    "revision": "0123456789ab",
    "host": "bench",
    "command": "brownout explore scenarios/settings.scn --db results.db",
    "script": "0" * 64,
    "kind": "explore",
    "scenario": "settings",
    "path": "scenarios/settings.scn",
    "settings": "",
    "chip": "w25q32",
    "sector_size": 4096,
    "sector_count": 4,
    "page_size": 256,
    "unit": 1,
    "read_unit": 1,
    "erased": 255,
    "programs_per_unit": 0,
    "tear_scope": "unit",
    "endurance": 10000,
    "every_ns": 60 * 10**9,
    "faults": "edge,prefix,bits,zeros",
    "depth": 1,
    "reach": 0,
    "bits_max": 0,
    "masks": 4,
    "prefixes_max": 0,
    "used": 1,
    "dedup": 1,
    "seed": "0" * 16,
    "shard": 0,
    "shards": 1,
    "state": "done",
    "cuts": 20,
    "states": 110,
    "judged": 100,
    "skipped": 10,
    "mounts": 200,
    "operations": 50,
    "seconds": 0.5,
}


def insert(db, table, **row):
    """Adds a row unless it is there."""
    names = ", ".join(row)
    marks = ", ".join("?" * len(row))
    query = f"insert or ignore into {table} ({names}) values ({marks})"
    return db.execute(query, tuple(row.values())).lastrowid


def one(db, query, *values):
    """The first column of the first row."""
    return db.execute(query, values).fetchone()[0]


def moment(number):
    """The moments of a day in their order."""
    hour, second = divmod(number, 3600)
    return f"2026-02-28T{hour:02}:{second // 60:02}:{second % 60:02}.000Z"


def next_moment(db):
    """Later than all that there is."""
    return moment(one(db, "select count(*) from run") + one(db, "select count(*) from campaign"))


def engine_id(db, campaign, name, build, claims, widened):
    insert(db, "campaign", name=campaign, started=next_moment(db))
    there = one(db, "select id from campaign where name = ?", campaign)
    row = {"campaign": there, "name": name, "build": build}
    insert(db, "engine", **row, summary=f"{name} it is", widened=widened)
    query = "select id from engine where campaign = ? and name = ? and build = ?"
    found = one(db, query, *row.values())
    for word in CLASSES:
        insert(db, "claim", engine=found, **{"class": word}, claimed=word in ("uncut", *claims))
    return there, found


def found(clause="atomic", shape=1, under="bits", states=3, text=None, **columns):
    """A divergence, for add_run()."""
    kind = f'found {clause} other each program "k: expected 1, found {shape}"'
    text = text or f"chip w25q32\nengine seqmap\n{kind}\n\nstore k 0x01 cut 1 only:{shape}\n"
    digest = hashlib.sha256(text.encode()).hexdigest()
    row = {
        "clause": clause,
        "shape": f"{shape:016x}",
        "finding": f"k: expected 1, found {shape}",
        "scenario": "settings",
        "path": "scenarios/settings.scn",
        "line": 7,
        "artefact": f"divergence-{digest}.case",
        "text": text,
        **columns,
    }
    return row, under, states


def add_run(db, campaign="night", engine="seqmap", **columns):
    """Adds a run and what belongs to it: claims, judged, wear and found, as keywords."""
    claims = columns.pop("claims", ("edge", "prefix", "bits", "zeros"))
    widened = columns.pop("widened", None)
    build = columns.pop("build", BUILD)
    series = columns.pop("series", None)
    judged = columns.pop("judged_by_class", {"uncut": 50, "edge": 40, "prefix": 30, "bits": 30})
    wear = columns.pop("wear", {0: 5, 1: 3})
    divergences = columns.pop("found", ())
    row = {**RUN, **columns}
    names = ("scenario", "settings", "seed", "shard", "shards")
    key = repr([campaign, engine, build, *(row[name] for name in names)])
    row.setdefault("identity", hashlib.sha256(key.encode()).hexdigest())
    row.setdefault("uid", secrets.token_hex(16))
    row.setdefault("started", next_moment(db))
    there, tested = engine_id(db, campaign, engine, build, claims, widened)
    if series:
        db.execute("update campaign set series = ? where id = ?", (series, there))
    run = insert(db, "run", campaign=there, engine=tested, **row)
    names = ("reads", "programs", "erases", "bytes_read", "bytes_programmed", "refused", "time_ns")
    insert(db, "counts", run=run, **dict.fromkeys(names, 8))
    for word, states in judged.items():
        insert(db, "judged", run=run, **{"class": word}, states=states)
    for sector, erases in wear.items():
        insert(db, "wear", run=run, sector=sector, erases=erases)
    for what, under, states in divergences:
        insert(db, "divergence", campaign=there, engine=tested, **what)
        key = (tested, what["clause"], what["shape"])
        query = "select id from divergence where engine = ? and clause = ? and shape = ?"
        seen = one(db, query, *key)
        insert(db, "sighting", run=run, divergence=seen, **{"class": under}, states=states)
    return run


COMPARISON = {
    "scenario": "settings",
    "path": "scenarios/settings.scn",
    "settings": "",
    "chip": "w25q32",
    "sector_size": 4096,
    "sector_count": 4,
    "page_size": 256,
    "unit": 1,
    "endurance": 100000,
    "every_ns": 60 * 10**9,
    "cuts": 0,
    "cuts_of": 1,
    "faults": "",
    "seed": "0" * 16,
    "operations": 1000,
    "payload": 4000,
    "held": 7,
    "programs": 1500,
    "erases": 80,
    "bytes_read": 20000,
    "bytes_programmed": 6000,
    "erases_max": 25,
    "erases_mean": 20,
    "mount_reads_most": 16,
    "lifetime_ns": 10 * 86400e9,
}


def add_comparison(db, campaign="night", engine="seqmap", **columns):
    """Adds what the work cost on an engine."""
    claims = columns.pop("claims", ("edge", "prefix", "bits", "zeros"))
    row = {**COMPARISON, **columns}
    work = repr([campaign, engine, row["scenario"], row["settings"]])
    row.setdefault("work", hashlib.sha256(work.encode()).hexdigest())
    key = repr([work, row["cuts"], row["cuts_of"]])
    row.setdefault("identity", hashlib.sha256(key.encode()).hexdigest())
    row.setdefault("started", next_moment(db))
    there, tested = engine_id(db, campaign, engine, BUILD, claims, None)
    return insert(db, "comparison", campaign=there, engine=tested, **row)
