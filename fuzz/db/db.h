/* db.h - the results database: writes what explorations find into one SQLite file.
 *
 * The file's contents are described in reports/schema.sql, which is built into the command. The
 * Python tools under reports/ merge, export and show it; nothing here reads results back.
 *
 * The model. An open database has at most one run at a time. db_begin_run() makes the run known,
 * db_store_result() adds to it, as often as the caller likes; each call is one transaction, so a
 * reader sees all of a result or nothing of it, and a process that is killed loses what it had not
 * stored yet and nothing else. No transaction is open between calls: several processes may write to
 * one file at the same time.
 *
 * Each begin is a run of its own, beside the same run of before: a shorter or a clean one takes
 * nothing away. A run carries the build of its engine (build.h), and what decides its outcome as a
 * digest; repetitions have the same, and the views count one of them.
 *
 * A database must not be carried through fork(): workers hand their results to the process that
 * opened it.
 *
 * Errors. Every function answers DB_OK or fills in an error of one line that names the file; its
 * status is the exit code of the command. After an error, what was stored before is there.
 */
#ifndef BROWNOUT_DB_H
#define BROWNOUT_DB_H

#include "fuzz/wear/cost.h"
#include "fuzz/adapter.h"
#include "fuzz/explore/explore.h"
#include "fuzz/script/script.h"

#define DB_SCHEMA_VERSION 8          /* as reports/schema.sql says */
#define DB_APPLICATION_ID 0x42524E54 /* "BRNT" */

enum db_status {
    DB_OK = 0,
    DB_REFUSED = 2, /* the path is no use: no such folder, not writable, no database, not ours */
    DB_FAILED = 3,  /* disk full, locked for too long, damaged, out of memory */
};

struct db_error {
    char text[512]; /* one line without an end, "FILE: reason" */
};

struct db;

/* Opens a database, or makes it when there is no file or an empty one. NULL, with *status and
 * *error, when that can't be; a file that is not ours is left as it was, and one that could not be
 * made is gone. Waits up to 10 s for another writer. Close with db_close(). */
struct db *db_open(const char *path, enum db_status *status, struct db_error *error);

/* Closes; a run that was not ended stays in the state 'running'. NULL is fine. */
void db_close(struct db *db);

enum db_kind { DB_RUN, DB_EXPLORE, DB_FUZZ };

/* What is about to be run. Script, adapter and texts must live until the run's last
 * db_store_result(); the rest is copied. */
struct db_run {
    enum db_kind kind;
    const char *campaign;        /* the name of the set of runs that it belongs to */
    const char *path;            /* of the scenario's file as typed; NULL: there is none */
    const struct script *script; /* NULL: scripts vary, as in a fuzz run of the fuzzer */
    const struct adapter *adapter;
    const struct explore_options *options; /* NULL: no cuts (DB_RUN) */
};

/* Makes the run known, in the state 'running'. One that was not ended before stays in it. */
enum db_status db_begin_run(struct db *db, const struct db_run *run, struct db_error *error);

/* Adds a result to the run: counts, wear and divergences, each divergence with its case. Workers
 * that share the cuts of one script each repeat its uncut run: merge their results first, so that
 * its counts are added once. `seconds` is the wall time that the result took. `last` ends the run:
 * 'stopped' when result->stopped, else 'done'. */
enum db_status db_store_result(struct db *db, const struct result *result, double seconds,
                               bool last, struct db_error *error);

/* What the work of a scenario cost on one engine, for `wear`. */
struct db_comparison {
    const char *campaign;
    const char *path; /* of the scenario's file as typed */
    const struct script *script;
    const struct adapter *adapter;
    const struct cut_rate *cut_rate; /* NULL: no power cuts */
    const struct cost *cost;
};

/* Keeps it, in the place of an older one of the same scenario, engine, build, options and cuts.
 * Needs no run. */
enum db_status db_store_comparison(struct db *db, const struct db_comparison *comparison,
                                   struct db_error *error);

/* The text of a case and the name of the file that keeps it: "divergence-<SHA-256>.case". */
#define DB_ARTEFACT_MAX 96
struct db_case {
    char *text; /* owned; free with db_case_free() */
    size_t size;
    char artefact[DB_ARTEFACT_MAX];
};

/* Prints a case. */
void db_case_print(struct db_case *it, const struct script *script);
void db_case_free(struct db_case *it);

#endif
