"""results - the results database, opened for the tools of this folder.

Two kinds of failure, each one line that names the file: `Refused` (exit code 2) when the
path is no use, `Failed` (exit code 3) when the work itself could not be done. `tool(main)` turns
them into exit codes, and is how every script here ends.
"""

import contextlib
import datetime
import errno
import os
import re
import sqlite3
import stat
import sys
import tempfile
import time
from pathlib import Path

SCHEMA = Path(__file__).with_name("schema.sql")
OLDEST_MERGED = 3  # the oldest schema that merge.py understands
BUSY_SECONDS_MAX = 10


class Refused(Exception):
    """The path or the request is no use."""

    exit_code = 2


class Failed(Exception):
    """The work could not be done."""

    exit_code = 3


# What SQLite says, by a piece of its message; codes are known to Python only from 3.11 on.
REASONS = (
    ("disk is full", Failed, "the disk is full; what was stored before is kept"),
    (
        "is locked",
        Failed,
        f"another program has locked it for {BUSY_SECONDS_MAX} s; try again later",
    ),
    ("not a database", Refused, "not a results database"),
    ("malformed", Refused, "the database is damaged; name another file"),
    ("readonly", Refused, "not writable"),
    ("unable to open", Refused, "can't be opened"),
)


# What the system says when the path is fine and the work is not.
WORK_FAILED = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EPIPE)


def explain(path, error):
    """An error of SQLite or of the system as one of ours."""
    if isinstance(error, OSError):
        kind = Failed if error.errno in WORK_FAILED else Refused
        return kind(f"{path}: {error.strerror or error}")
    for piece, kind, reason in REASONS:
        if piece in str(error):
            return kind(f"{path}: {reason}")
    return Failed(f"{path}: {error}")


@contextlib.contextmanager
def explained(path):
    """Errors inside the block become ours, about `path`."""
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise explain(path, error) from error


def schema():
    """(text, application id, version) of the schema that this program knows."""
    text = SCHEMA.read_text(encoding="utf-8")
    application = int(re.search(r"pragma application_id = (\d+)", text)[1])
    version = int(re.search(r"pragma user_version = (\d+)", text)[1])
    return text, application, version


def connect(path, mode):
    """A connection that makes (mode rwc) or only opens (rw) the file."""
    uri = Path(path).resolve().as_uri() + f"?mode={mode}"
    db = sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS_MAX, isolation_level=None)
    db.row_factory = sqlite3.Row
    db.text_factory = lambda text: text.decode("utf-8", "replace")
    return db


def marks(db):
    """(application id, version, number of tables and views) at one moment."""
    query = "select application_id, user_version, (select count(*) from sqlite_master)"
    query += " from pragma_application_id, pragma_user_version"
    return tuple(db.execute(query).fetchone())


def check(db, path):
    """Refuses a database that is not ours or has another schema."""
    _, application, version = schema()
    ours, found, _ = marks(db)
    if ours != application:
        raise Refused(f"{path}: not a results database")
    if found != version:
        older = OLDEST_MERGED <= found < version
        more = f"; reports/merge.py NEW.db {path} takes them over" if older else ""
        raise Refused(
            f"{path}: results of schema {found}, but this program knows schema {version}{more}"
        )


def version_of(path):
    """The schema of an existing results database; None when the file is none."""
    if not os.path.isfile(path):
        return None
    with explained(path), contextlib.closing(connect(path, "rw")) as db:
        ours, version, _ = marks(db)
    return version if ours == schema()[1] else None


def named(path):
    """Refuses a path that is empty, which SQLite and the system each take for something."""
    if not str(path):
        raise Refused("the database's name is empty")


def open_results(path, write=False):
    """A connection to an existing results database. Read-only unless `write`."""
    named(path)
    if not os.path.isfile(path):
        raise Refused(f"{path}: {'not a file' if os.path.exists(path) else 'no such file'}")
    with explained(path):
        db = connect(path, "rw")
        try:
            check(db, path)
            db.execute("pragma foreign_keys = on")
            if not write:
                db.execute("pragma query_only = on")
        except BaseException:
            db.close()
            raise
    return db


def make_tables(db):
    """Makes them unless another process was faster; looks and makes in one transaction."""
    db.execute("begin immediate")
    try:
        if marks(db) == (0, 0, 0):
            # executescript() would commit first
            for statement in statements(schema()[0]):
                db.execute(statement)
        db.execute("commit")
    except BaseException:
        if db.in_transaction:
            db.execute("rollback")
        raise


def statements(script):
    """The statements of a script, one by one."""
    one = ""
    for line in script.splitlines(keepends=True):
        one += line
        if sqlite3.complete_statement(one):
            yield one
            one = ""


def switch_to_wal(db):
    """Takes the whole file for a moment, for which SQLite does not always wait itself."""
    end = time.monotonic() + BUSY_SECONDS_MAX
    while True:
        try:
            db.execute("pragma journal_mode = wal")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > end:
                raise
        time.sleep(0.01)


def make_results(path):
    """A new, empty results database where there is no file, or an empty one. Nothing new stays
    there on failure."""
    named(path)
    with explained(path):
        there = os.path.exists(path)
        db = None
        try:
            db = connect(path, "rwc")
            make_tables(db)
            check(db, path)
            switch_to_wal(db)
            db.execute("pragma foreign_keys = on")
        except BaseException:
            if db:
                db.close()
            if not there and os.path.exists(path) and os.path.getsize(path) == 0:
                os.unlink(os.path.realpath(path))
            raise
    return db


def open_or_make(path):
    """A connection for writing; makes the database when there is none."""
    if not os.path.exists(path) or (os.path.isfile(path) and os.path.getsize(path) == 0):
        return make_results(path)
    db = open_results(path, write=True)
    with explained(path):
        db.execute("begin immediate")
        db.execute("rollback")
    return db


def is_damaged(path):
    """Whether a database of ours, or what is left of it, cannot be read."""
    with contextlib.closing(connect(path, "rw")) as db:
        try:
            if marks(db)[0] != schema()[1]:
                return False
            return db.execute("pragma quick_check(1)").fetchone()[0] != "ok"
        except sqlite3.DatabaseError as error:
            return "malformed" in str(error)


def set_aside_damaged(path):
    """Gives a damaged database another name, so that there is a new one; a line for each."""
    if not os.path.isfile(path) or os.path.getsize(path) == 0:
        return []
    with explained(path):
        if not is_damaged(path):
            return []
        number = 1
        while os.path.exists(f"{path}.damaged-{number}"):
            number += 1
        for end in ("", "-wal", "-shm"):
            with contextlib.suppress(FileNotFoundError):
                os.rename(path + end, f"{path}.damaged-{number}{end}")
    return [f"{path}: the database was damaged; it is {path}.damaged-{number} now"]


def moment():
    """Now, as the database spells it."""
    now = datetime.datetime.now(datetime.timezone.utc)
    return f"{now:%Y-%m-%dT%H:%M:%S}.{now.microsecond // 1000:03}Z"


def campaign_named(db, path, name=None):
    """The campaign of that name, or the newest; its row."""
    if name is None:
        newest = "select * from campaign order by started desc, name desc limit 1"
        row = db.execute(newest).fetchone()
        if row is None:
            raise Refused(f"{path}: there is no campaign yet; run one first")
        return row
    row = db.execute("select * from campaign where name = ?", (name,)).fetchone()
    if row is None:
        known = ", ".join(r["name"] for r in db.execute("select name from timeline order by place"))
        raise Refused(f"{path}: no campaign {name}; choose one of: {known or 'none'}")
    return row


# Which rows belong to a campaign.
OF_A_RUN = "run in (select id from other.run where campaign = ?)"
OF_A_CAMPAIGN = {
    "campaign": "id = ?",
    "engine": "campaign = ?",
    "claim": "engine in (select id from other.engine where campaign = ?)",
    "run": "campaign = ?",
    **dict.fromkeys(("counts", "wear", "judged"), OF_A_RUN),
    "divergence": "campaign = ?",
    "sighting": OF_A_RUN,
    "comparison": "campaign = ?",
}


def only(db, campaign):
    """The same database with one campaign alone, in memory: the views add up all that there is,
    which takes minutes after a year of nights. Close it."""
    path = db.execute("pragma database_list").fetchone()["file"]
    one = sqlite3.connect(":memory:", isolation_level=None, uri=True)
    one.row_factory, one.text_factory = db.row_factory, db.text_factory
    one.executescript(schema()[0])
    one.execute("attach ? as other", (Path(path).as_uri() + "?mode=ro",))
    for table, where in OF_A_CAMPAIGN.items():
        query = f"insert into main.{table} select * from other.{table} where {where}"
        one.execute(query, (campaign["id"],))
    one.execute("detach other")
    return one


def is_stream(path):
    """Whether there is something else than a file: a device, a pipe. A link is what it leads to."""
    try:
        return not stat.S_ISREG(os.stat(path).st_mode)
    except FileNotFoundError:
        return False


def replace_file(path, text):
    """Puts a file beside the one that is there and then in its place."""
    handle, part = tempfile.mkstemp(dir=os.path.dirname(path), prefix=".part-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as out:
            out.write(text)
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(part, 0o666 & ~umask)
        os.replace(part, path)
    except BaseException:
        os.unlink(part)
        raise


def write_whole(path, text):
    """Writes a file completely or not at all; "-" is the standard output. What is no file is
    written to, never replaced."""
    if str(path) in ("-", "/dev/stdout"):
        sys.stdout.write(text)
        return
    with explained(path):
        if is_stream(path):
            with open(path, "w", encoding="utf-8", newline="\n") as out:
                out.write(text)
        else:
            replace_file(os.path.realpath(path), text)


def tool(main):
    """Runs a script's main and exits: with what it returns, or 2, 3 and one line, or 130."""
    try:
        code = main(sys.argv[1:])
        sys.stdout.flush()
    except (Refused, Failed) as error:
        print(str(error).replace("\n", " "), file=sys.stderr)
        code = error.exit_code
    except sqlite3.Error as error:
        print(f"the database failed: {error}", file=sys.stderr)
        code = 3
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 3
    except OSError as error:
        print(f"the output can't be written: {error.strerror}", file=sys.stderr)
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 3
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        code = 130
    sys.exit(code)
