/* db.c - the results database as a file: opening, making, transactions, and what can go wrong.
 *
 * Making one. What is in a file is looked at in a transaction, so that nobody sees half of what
 * another process makes. Whoever finds nothing looks once more in the transaction that writes the
 * whole schema; so any number of processes may start on one new file. Only then is the file
 * switched to WAL, so a failure on the way leaves an empty file, which is removed when it is ours.
 *
 * WAL with synchronous=normal: a commit costs no disk flush; a crash of the machine may lose the
 * youngest commits but never harms the file, and a crash of the process loses nothing committed.
 * Where WAL can't be had (network file systems) every commit is flushed instead.
 */
#define _POSIX_C_SOURCE 200809L

#include "fuzz/db/db_internal.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sim/memory.h"

#define BUSY_MS_MAX 10000
#define AGAIN_MS 10
#define DB_SCHEMA_MERGED 3 /* the oldest that reports/merge.py understands */
#define SQL_MAX 2048

/* --- what went wrong --- */

static enum db_status say(const struct db *db, enum db_status status, struct db_error *error,
                          const char *reason)
{
    assert(status != DB_OK);
    snprintf(error->text, sizeof error->text, "%s: %s", db->path, reason);
    return status;
}

static bool disk_is_full(int code, int system_error)
{
    return code == SQLITE_FULL ||
           (code == SQLITE_IOERR && (system_error == ENOSPC || system_error == EDQUOT));
}

/* The last failure of SQLite in one line. */
static enum db_status explain(struct db *db, struct db_error *error)
{
    int code = sqlite3_errcode(db->handle) & 0xff, system_error = sqlite3_system_errno(db->handle);
    char reason[300];

    if (disk_is_full(code, system_error))
        return say(db, DB_FAILED, error, "the disk is full; what was stored before is kept");
    switch (code) {
    case SQLITE_CANTOPEN:
        snprintf(reason, sizeof reason, "can't be opened: %s",
                 system_error ? strerror(system_error) : "the folder is not writable");
        return say(db, DB_REFUSED, error, reason);
    case SQLITE_READONLY:
    case SQLITE_PERM:
        return say(db, DB_REFUSED, error, "not writable");
    case SQLITE_NOTADB:
        return say(db, DB_REFUSED, error, "not a results database");
    case SQLITE_CORRUPT:
        return say(db, DB_REFUSED, error, "the database is damaged; name another file");
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        snprintf(reason, sizeof reason, "another program has locked it for %d s; try again later",
                 BUSY_MS_MAX / 1000);
        return say(db, DB_FAILED, error, reason);
    case SQLITE_NOMEM:
        memory_is_short();
    default:
        snprintf(reason, sizeof reason, "%s%s%s", sqlite3_errmsg(db->handle),
                 system_error ? ": " : "", system_error ? strerror(system_error) : "");
        return say(db, DB_FAILED, error, reason);
    }
}

/* --- statements --- */

struct db_field db_number(const char *column, uint64_t number)
{
    int64_t most = number > INT64_MAX ? INT64_MAX : (int64_t)number;
    return (struct db_field){.column = column, .type = DB_NUMBER, .number = most};
}

struct db_field db_real(const char *column, double real)
{
    return (struct db_field){.column = column, .type = DB_REAL, .real = real};
}

struct db_field db_text(const char *column, const char *text)
{
    return (struct db_field){.column = column, .type = text ? DB_TEXT : DB_NULL, .text = text};
}

static void bind(sqlite3_stmt *statement, int at, const struct db_field *field)
{
    assert(at > 0 && (field->type != DB_TEXT || field->text));
    switch (field->type) {
    case DB_NULL:
        sqlite3_bind_null(statement, at);
        break;
    case DB_NUMBER:
        sqlite3_bind_int64(statement, at, field->number);
        break;
    case DB_REAL:
        sqlite3_bind_double(statement, at, field->real);
        break;
    case DB_TEXT:
        sqlite3_bind_text(statement, at, field->text, -1, SQLITE_STATIC);
        break;
    }
}

/* One step; the row's first number goes to *found. */
bool db_find(struct db *db, const char *sql, const struct db_field *fields, size_t count,
             int64_t *found)
{
    sqlite3_stmt *statement = NULL;
    if (sqlite3_prepare_v2(db->handle, sql, -1, &statement, NULL) != SQLITE_OK) return false;
    assert(sqlite3_bind_parameter_count(statement) == (int)count);
    for (size_t i = 0; i < count; i++)
        bind(statement, (int)i + 1, &fields[i]);
    *found = 0;
    if (sqlite3_step(statement) == SQLITE_ROW) *found = sqlite3_column_int64(statement, 0);
    return sqlite3_finalize(statement) == SQLITE_OK;
}

bool db_change(struct db *db, const char *sql, const struct db_field *fields, size_t count)
{
    int64_t nothing;
    return db_find(db, sql, fields, count, &nothing);
}

bool db_insert(struct db *db, const char *table, const struct db_field *fields, size_t count,
               const char *tail)
{
    char sql[SQL_MAX];
    int at = snprintf(sql, sizeof sql, "insert into %s (", table);
    for (size_t i = 0; i < count; i++)
        at += snprintf(sql + at, sizeof sql - (size_t)at, "%s%s", i ? "," : "", fields[i].column);
    at += snprintf(sql + at, sizeof sql - (size_t)at, ") values (");
    for (size_t i = 0; i < count; i++)
        at += snprintf(sql + at, sizeof sql - (size_t)at, i ? ",?" : "?");
    at += snprintf(sql + at, sizeof sql - (size_t)at, ") %s", tail);
    assert(at < (int)sizeof sql);
    return db_change(db, sql, fields, count);
}

/* Explains what failed and takes the transaction back. */
static enum db_status give_up(struct db *db, struct db_error *error)
{
    enum db_status status = explain(db, error);
    sqlite3_exec(db->handle, "rollback", NULL, NULL, NULL); /* nothing to do if there was none */
    return status;
}

enum db_status db_write(struct db *db, db_work *work, const void *context, struct db_error *error)
{
    if (db_change(db, "begin immediate", NULL, 0) && work(db, context) &&
        db_change(db, "commit", NULL, 0))
        return DB_OK;
    return give_up(db, error);
}

/* --- opening --- */

enum content { CONTENT_NONE, CONTENT_OURS, CONTENT_OTHER_SCHEMA, CONTENT_FOREIGN };

struct look {
    enum content content;
    int64_t schema;
};

/* What is in the file. Only inside a transaction do the answers belong together. */
static bool look(struct db *db, struct look *seen)
{
    int64_t application, tables;
    if (!db_find(db, "pragma application_id", NULL, 0, &application)) return false;
    if (!db_find(db, "pragma user_version", NULL, 0, &seen->schema)) return false;
    if (!db_find(db, "select count(*) from sqlite_master", NULL, 0, &tables)) return false;
    if (application == DB_APPLICATION_ID)
        seen->content = seen->schema == DB_SCHEMA_VERSION ? CONTENT_OURS : CONTENT_OTHER_SCHEMA;
    else
        seen->content = application == 0 && tables == 0 ? CONTENT_NONE : CONTENT_FOREIGN;
    return true;
}

/* The same for a file that may be read only. */
static enum db_status look_once(struct db *db, struct look *seen, struct db_error *error)
{
    if (db_change(db, "begin", NULL, 0) && look(db, seen) && db_change(db, "commit", NULL, 0))
        return DB_OK;
    return give_up(db, error);
}

static bool make_tables(struct db *db, const void *context)
{
    struct look seen;
    (void)context;
    if (!look(db, &seen)) return false;
    if (seen.content != CONTENT_NONE) return true; /* somebody else was faster */
    return sqlite3_exec(db->handle, db_schema, NULL, NULL, NULL) == SQLITE_OK;
}

static enum db_status judge(struct db *db, struct db_error *error)
{
    struct look seen;
    char reason[120];
    enum db_status status = look_once(db, &seen, error);

    if (!status && seen.content == CONTENT_NONE) {
        status = db_write(db, make_tables, NULL, error);
        if (!status) status = look_once(db, &seen, error);
    }
    if (status || seen.content == CONTENT_OURS) return status;
    if (seen.content != CONTENT_OTHER_SCHEMA)
        return say(db, DB_REFUSED, error, "a database of another program; name another file");
    bool older = seen.schema >= DB_SCHEMA_MERGED && seen.schema < DB_SCHEMA_VERSION;
    snprintf(reason, sizeof reason,
             "results of schema %lld, but this program writes schema %d; name another file%s",
             (long long)seen.schema, DB_SCHEMA_VERSION,
             older ? ", into which reports/merge.py takes these" : "");
    return say(db, DB_REFUSED, error, reason);
}

/* Tries to switch to WAL. *wal: whether the file is in it now. */
static int try_wal(struct db *db, bool *wal)
{
    sqlite3_stmt *mode = NULL;
    *wal = false;
    if (sqlite3_prepare_v2(db->handle, "pragma journal_mode = wal", -1, &mode, NULL) == SQLITE_OK &&
        sqlite3_step(mode) == SQLITE_ROW)
        *wal = strcmp((const char *)sqlite3_column_text(mode, 0), "wal") == 0;
    return sqlite3_finalize(mode) & 0xff;
}

/* The switch takes the whole file for a moment, for which SQLite does not always wait itself. */
static bool switch_to_wal(struct db *db)
{
    bool wal;
    sqlite3_busy_timeout(db->handle, 0);
    for (int waited_ms = 0; try_wal(db, &wal) == SQLITE_BUSY && waited_ms < BUSY_MS_MAX;
         waited_ms += AGAIN_MS)
        sqlite3_sleep(AGAIN_MS);
    sqlite3_busy_timeout(db->handle, BUSY_MS_MAX);
    return wal;
}

static enum db_status set_up(struct db *db, struct db_error *error)
{
    const char *flushes =
        switch_to_wal(db) ? "pragma synchronous = normal" : "pragma synchronous = full";
    if (!db_change(db, flushes, NULL, 0) || !db_change(db, "pragma foreign_keys = on", NULL, 0))
        return explain(db, error);
    return DB_OK;
}

/* Opens db->path. *is_new: there was no file before. */
static enum db_status open_file(struct db *db, bool *is_new, struct db_error *error)
{
    struct stat file;
    char *name;

    *is_new = stat(db->path, &file) != 0;
    if (db->path[0] == 0) {
        snprintf(error->text, sizeof error->text, "the database's name is empty");
        return DB_REFUSED;
    }
    if (!*is_new && !S_ISREG(file.st_mode)) return say(db, DB_REFUSED, error, "not a file");
    /* SQLite gives names like ":memory:" a meaning of their own; paths have none. */
    name = sqlite3_mprintf("%s%s", db->path[0] == '/' ? "" : "./", db->path);
    int code =
        name ? sqlite3_open_v2(name, &db->handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL)
             : SQLITE_NOMEM;
    sqlite3_free(name);
    if (!db->handle) memory_is_short();
    if (code != SQLITE_OK) return explain(db, error);
    if (sqlite3_db_readonly(db->handle, "main")) return say(db, DB_REFUSED, error, "not writable");
    sqlite3_busy_timeout(db->handle, BUSY_MS_MAX);
    return DB_OK;
}

struct db *db_open(const char *path, enum db_status *status, struct db_error *error)
{
    struct db *db = memory_zeroed(1, sizeof *db);
    struct stat file;
    bool is_new = false;

    db->path = memory_text(path);
    *status = open_file(db, &is_new, error);
    if (!*status) *status = judge(db, error);
    if (!*status) *status = set_up(db, error);
    if (!*status) return db;
    db_close(db);
    if (is_new && stat(path, &file) == 0 && file.st_size == 0) unlink(path);
    return NULL;
}

void db_close(struct db *db)
{
    if (!db) return;
    sqlite3_close(db->handle);
    free(db->path);
    free(db);
}
