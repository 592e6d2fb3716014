/* db_internal.h - what db.c (the file) and db_run.c (its contents) share. */
#ifndef BROWNOUT_DB_INTERNAL_H
#define BROWNOUT_DB_INTERNAL_H

#include <sqlite3.h>
#include "fuzz/db/db.h"
#include "fuzz/db/sha256.h"

/* reports/schema.sql, made into an array by reports/rules.mk. */
extern const char db_schema[];

struct db {
    sqlite3 *handle;
    char *path; /* as the caller gave it, for messages */

    /* the run at hand */
    bool running;
    struct db_run run;
    struct explore_options options; /* run.options, or all 0 */
    char identity[SHA256_HEX_MAX];
    char script[SHA256_HEX_MAX]; /* digest of its text */
    char build[SHA256_HEX_MAX];  /* of its engine */
    int64_t campaign_id, engine_id, run_id;
    uint32_t claims; /* bits of enum fault_class that the engine claims */
};

/* One parameter of a statement, with the column that it goes to. */
struct db_field {
    const char *column;
    enum { DB_NULL, DB_NUMBER, DB_REAL, DB_TEXT } type;
    int64_t number;
    double real;
    const char *text;
};
struct db_field db_number(const char *column, uint64_t number); /* INT64_MAX at most */
struct db_field db_real(const char *column, double real);
struct db_field db_text(const char *column, const char *text); /* NULL: null */

/* The following answer false after a failure, which SQLite then knows: see db_write(). */

/* Runs one statement; the fields are its parameters in order. */
bool db_change(struct db *db, const char *sql, const struct db_field *fields, size_t count);

/* "insert into TABLE (columns) values (...) TAIL". */
bool db_insert(struct db *db, const char *table, const struct db_field *fields, size_t count,
               const char *tail);

/* The first column of the first row, or 0 when there is no row. */
bool db_find(struct db *db, const char *sql, const struct db_field *fields, size_t count,
             int64_t *found);

/* Campaign, engine of this build and claims, as far as they are not there, at this moment;
 * db->campaign_id and db->engine_id become theirs. */
#define DB_MOMENT_MAX 32
bool db_put_surroundings(struct db *db, const char *campaign, const struct adapter *adapter,
                         const char build[SHA256_HEX_MAX], const char moment[DB_MOMENT_MAX]);

/* Now, in UTC: "2026-02-28T23:59:59.123Z". */
void db_print_moment(char text[DB_MOMENT_MAX]);

/* The digest of a scenario's text. */
void db_digest_script(const struct script *script, char hex[SHA256_HEX_MAX]);

/* The options of the script that the engine has, "name=value" with blanks between. */
#define DB_SETTINGS_MAX (SCRIPT_OPTIONS_MAX * 50u)
void db_print_settings(const struct script *script, const struct adapter *adapter,
                       char text[DB_SETTINGS_MAX]);

/* "edge,prefix", or an empty text for none. */
void db_print_classes(uint32_t classes, char text[FAULT_CLASSES_TEXT_MAX]);

#define DB_HEX64_MAX 17
void db_print_hex64(uint64_t number, char text[DB_HEX64_MAX]);

/* Does `work` in a transaction of its own: all of it or, with *error filled in, nothing. */
typedef bool db_work(struct db *db, const void *context);
enum db_status db_write(struct db *db, db_work *work, const void *context, struct db_error *error);

#endif
