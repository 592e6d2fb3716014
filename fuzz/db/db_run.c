/* db_run.c - runs, results and divergences as rows.
 *
 * reports/schema.sql says what each table holds; here is how a result becomes rows. Results of one
 * run add up, so every insert says what to do when the row is there.
 *
 * Rows are added and grow; none is deleted. Each run has a row of its own, known by random digits,
 * so two processes that do the same work at once do not meet. What is known from before is joined
 * by a rule that does not ask which came first (see the schema), as reports/merge.py does it.
 *
 * A divergence is known by engine, build, clause and shape (path_shape). Of several cases of one
 * divergence the one with the smallest text is kept.
 *
 * A divergence is charged to one fault class (charge): the hardest class of its path that the
 * engine does not claim. If it claims all of them, the class that the finding names; else the
 * hardest.
 */
#define _POSIX_C_SOURCE 200809L

#include "fuzz/db/db_internal.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "fuzz/db/build.h"
#include "fuzz/script/file.h"
#include "fuzz/script/scenario.h"
#include "fuzz/script/settings.h"
#include "sim/memory.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define COMMAND_LINE_MAX 65536u

static const char *const kind_name[] = {"run", "explore", "fuzz"};

void db_print_hex64(uint64_t number, char text[DB_HEX64_MAX])
{
    snprintf(text, DB_HEX64_MAX, "%016" PRIx64, number);
}

void db_print_moment(char text[DB_MOMENT_MAX])
{
    struct timespec now;
    struct tm utc;
    char seconds[DB_MOMENT_MAX - 8];
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    strftime(seconds, sizeof seconds, "%Y-%m-%dT%H:%M:%S", &utc);
    int size = snprintf(text, DB_MOMENT_MAX, "%s.%03dZ", seconds, (int)(now.tv_nsec / 1000000));
    assert(size == 24); /* moments are compared as texts */
}

void db_digest_script(const struct script *script, char hex[SHA256_HEX_MAX])
{
    char *text = NULL;
    size_t size;
    FILE *out = memory_open(&text, &size);
    if (script) scenario_print_script(script, out);
    memory_close(out, &text);
    sha256_hex(text, size, hex);
    free(text);
}

/* --- cases --- */

void db_case_print(struct db_case *it, const struct script *script)
{
    char digest[SHA256_HEX_MAX];
    it->text = NULL;
    assert(script);
    FILE *out = memory_open(&it->text, &it->size);
    scenario_print_script(script, out);
    memory_close(out, &it->text);
    sha256_hex(it->text, it->size, digest);
    snprintf(it->artefact, sizeof it->artefact, "divergence-%s.case", digest);
}

void db_case_free(struct db_case *it)
{
    free(it->text);
    it->text = NULL;
}

/* --- the run --- */

static const char *scenario_of(const struct db_run *run)
{
    return run->script ? run->script->name : "fuzz";
}

static bool knows(const struct adapter *adapter, const char *option)
{
    for (const struct adapter_option *it = adapter->options; it && it->name; it++)
        if (strcmp(it->name, option) == 0) return true;
    return false;
}

/* The options that were chosen. A script may carry some of another engine, which have no effect. */
void db_print_settings(const struct script *script, const struct adapter *adapter,
                       char text[DB_SETTINGS_MAX])
{
    size_t at = 0;
    text[0] = 0;
    for (uint32_t i = 0; script && i < script->option_count; i++) {
        const struct script_option *option = &script->options[i];
        if (!knows(adapter, option->name)) continue;
        const char *blank = at ? " " : "";
        if (option->word[0])
            at += (size_t)snprintf(text + at, DB_SETTINGS_MAX - at, "%s%s=%s", blank, option->name,
                                   option->word);
        else
            at += (size_t)snprintf(text + at, DB_SETTINGS_MAX - at, "%s%s=%" PRIu64, blank,
                                   option->name, option->value);
    }
    assert(at < DB_SETTINGS_MAX);
}

void db_print_classes(uint32_t classes, char text[FAULT_CLASSES_TEXT_MAX])
{
    text[0] = 0;
    assert(classes >> FAULT_CLASSES == 0);
    if (classes) fault_print_classes(classes, text);
}

/* The digest of everything that decides the outcome. */
static void identify(struct db *db)
{
    const struct db_run *run = &db->run;
    const struct explore_options *o = &db->options;
    char settings[DB_SETTINGS_MAX], *text = NULL;
    assert((size_t)run->kind < COUNT(kind_name) && strlen(db->script) == SHA256_HEX_MAX - 1);
    size_t size;
    FILE *out = memory_open(&text, &size);

    db_print_settings(run->script, run->adapter, settings);
    fprintf(out, "%s\n%s\n%s %s %s\n", kind_name[run->kind], run->campaign, run->adapter->name,
            db->build, settings);
    fprintf(out, "%" PRIu32 " %" PRIu32 " %" PRIu32 " %" PRIu32 " %" PRIu32 " %" PRIu32 "\n",
            o->faults, o->depth, o->reach, o->effort.bits_max, o->effort.masks,
            o->effort.prefixes_max);
    fprintf(out, "%" PRIu64 " %d %d %" PRIu32 " %" PRIu32 " %" PRIu32 "\n", o->seed, o->use,
            o->dedup, o->shard, o->shards ? o->shards : 1, o->divergences_max);
    fprintf(out, "%s\n%s\n", scenario_of(run), db->script);
    memory_close(out, &text);
    sha256_hex(text, size, db->identity);
    free(text);
}

/* Classes that it claims with part and options of this script; NULL: none in particular. */
static uint32_t claims_of(const struct adapter *adapter, const struct script *script)
{
    struct adapter_settings settings;
    char reason[SETTINGS_REASON_MAX];
    settings_defaults(adapter, &settings);
    if (script && !settings_resolve(adapter, script, &settings, reason)) return 0;
    return settings_claims(adapter, script ? &script->part : part_find("generic"), &settings);
}

static bool put_claims(struct db *db, const struct adapter *adapter)
{
    uint32_t claims = claims_of(adapter, NULL);
    for (unsigned i = 0; i <= FAULT_CLASSES; i++) {
        char class[FAULT_CLASSES_TEXT_MAX] = "uncut";
        if (i > 0) db_print_classes(1u << (i - 1), class);
        const struct db_field fields[] = {
            db_number("engine", (uint64_t)db->engine_id),
            db_text("class", class),
            db_number("claimed", i == 0 || (claims >> (i - 1) & 1)),
        };
        if (!db_insert(db, "claim", fields, COUNT(fields),
                       "on conflict do update set claimed = max(claimed, excluded.claimed)"))
            return false;
    }
    return true;
}

bool db_put_surroundings(struct db *db, const char *campaign_name, const struct adapter *adapter,
                         const char build[SHA256_HEX_MAX], const char moment[DB_MOMENT_MAX])
{
    const struct db_field campaign[] = {db_text("name", campaign_name), db_text("started", moment)};
    if (!db_insert(db, "campaign", campaign, COUNT(campaign),
                   "on conflict do update set started = min(started, excluded.started)"))
        return false;
    if (!db_find(db, "select id from campaign where name = ?", campaign, 1, &db->campaign_id))
        return false;

    const struct db_field engine[] = {
        db_number("campaign", (uint64_t)db->campaign_id),
        db_text("name", adapter->name),
        db_text("build", build),
        db_text("summary", adapter->summary ? adapter->summary : ""),
        db_text("widened", adapter->widened_why),
    };
    return db_insert(db, "engine", engine, COUNT(engine), "on conflict do nothing") &&
           db_find(db, "select id from engine where campaign = ? and name = ? and build = ?",
                   engine, 3, &db->engine_id) &&
           put_claims(db, adapter);
}

static bool put_geometry(struct db *db, const struct script *script)
{
    static const char *const scope[] = {"unit", "page", "sector"};
    const struct bo_flash_geometry *g = &script->part.geometry;
    uint64_t endurance = script->part.endurance.value;
    assert(g->tear_scope < COUNT(scope) && db->run_id > 0);
    const struct db_field fields[] = {
        db_text(NULL, script->part.name),
        db_number(NULL, g->sector_size),
        db_number(NULL, g->sector_count),
        db_number(NULL, g->page_size),
        db_number(NULL, g->unit),
        db_number(NULL, g->read_unit),
        db_number(NULL, g->erased),
        db_number(NULL, g->programs_per_unit),
        db_text(NULL, scope[g->tear_scope]),
        endurance ? db_number(NULL, endurance) : db_text(NULL, NULL),
        script->every_ns ? db_number(NULL, script->every_ns) : db_text(NULL, NULL),
        db_number(NULL, (uint64_t)db->run_id),
    };
    return db_change(db,
                     "update run set chip = ?, sector_size = ?, sector_count = ?, page_size = ?,"
                     " unit = ?, read_unit = ?, erased = ?, programs_per_unit = ?, tear_scope = ?,"
                     " endurance = ?, every_ns = ? where id = ?",
                     fields, COUNT(fields));
}

/* Whether a shell takes a word as it stands. */
static bool is_plain(const char *word)
{
    assert(word && "there is a word");
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                "0123456789%+,-./:=@_";
    return word[0] && word[strspn(word, plain)] == 0;
}

static void print_word(FILE *out, const char *word)
{
    if (is_plain(word)) {
        fputs(word, out);
        return;
    }
    fputc('\'', out);
    for (; *word; word++)
        fputs(*word == '\'' ? "'\\''" : (char[]){*word, 0}, out);
    fputc('\'', out);
}

/* The command line of this process, as one could type it; empty where the system hides it. The
 * caller frees it. */
static char *print_command(void)
{
    char *text = NULL;
    size_t size = 0;
    uint64_t length = 0;
    uint8_t *words = file_read("/proc/self/cmdline", COMMAND_LINE_MAX, &length);
    FILE *out = memory_open(&text, &size);
    bool whole = words && length && length <= COMMAND_LINE_MAX && words[length - 1] == 0;
    for (uint64_t at = 0; whole && at < length; at += strlen((char *)words + at) + 1) {
        if (at) fputc(' ', out);
        print_word(out, at ? (char *)words + at : "brownout");
    }
    memory_close(out, &text);
    free(words);
    assert(text && "empty at least");
    return text;
}

/* The name of one execution: 128 bits of chance. */
static void print_uid(char text[2 * DB_HEX64_MAX])
{
    uint64_t chance[2];
    sqlite3_randomness((int)sizeof chance, chance);
    snprintf(text, 2 * DB_HEX64_MAX, "%016" PRIx64 "%016" PRIx64, chance[0], chance[1]);
}

static bool put_run(struct db *db, const char moment[DB_MOMENT_MAX])
{
    const struct db_run *run = &db->run;
    const struct explore_options *o = &db->options;
    char settings[DB_SETTINGS_MAX], faults[FAULT_CLASSES_TEXT_MAX], seed[DB_HEX64_MAX];
    char uid[2 * DB_HEX64_MAX], host[256] = "";

    assert(db->campaign_id > 0 && db->engine_id > 0 && "what a run refers to is there");
    print_uid(uid);
    if (gethostname(host, sizeof host - 1)) host[0] = 0;
    char *command = print_command();
    db_print_settings(run->script, run->adapter, settings);
    db_print_classes(o->faults, faults);
    db_print_hex64(o->seed, seed);
    const struct db_field fields[] = {
        db_text("uid", uid),
        db_text("identity", db->identity),
        db_number("campaign", (uint64_t)db->campaign_id),
        db_number("engine", (uint64_t)db->engine_id),
        db_text("revision", build_revision()),
        db_text("host", host),
        db_text("started", moment),
        db_text("command", command),
        db_text("script", db->script),
        db_text("kind", kind_name[run->kind]),
        db_text("scenario", scenario_of(run)),
        db_text("path", run->path),
        db_text("settings", settings),
        db_text("faults", faults),
        db_number("depth", o->depth),
        db_number("reach", o->reach),
        db_number("bits_max", o->effort.bits_max),
        db_number("masks", o->effort.masks),
        db_number("prefixes_max", o->effort.prefixes_max),
        db_number("used", o->use),
        db_number("dedup", o->dedup),
        db_text("seed", seed),
        db_number("shard", o->shard),
        db_number("shards", o->shards ? o->shards : 1),
        db_text("state", "running"),
    };
    bool there = db_insert(db, "run", fields, COUNT(fields), "");
    free(command);
    if (!there) return false;
    db->run_id = sqlite3_last_insert_rowid(db->handle);
    /* A fuzz run has a script only for its engine's options; its chips vary. */
    if (run->kind == DB_FUZZ) return true;
    return run->script == NULL || put_geometry(db, run->script);
}

static bool begin(struct db *db, const void *context)
{
    char moment[DB_MOMENT_MAX];
    (void)context;
    db_print_moment(moment);
    return db_put_surroundings(db, db->run.campaign, db->run.adapter, db->build, moment) &&
           put_run(db, moment);
}

enum db_status db_begin_run(struct db *db, const struct db_run *run, struct db_error *error)
{
    assert(run->campaign && run->adapter);
    db->run = *run;
    db->options = run->options ? *run->options : (struct explore_options){0};
    db->run.options = &db->options;
    db->running = false;
    db->claims = claims_of(run->adapter, run->script);
    db_digest_script(run->script, db->script);
    build_print(run->adapter, db->build);
    identify(db);
    enum db_status status = db_write(db, begin, NULL, error);
    db->running = status == DB_OK;
    assert(!db->running || db->run_id > 0);
    return status;
}

/* --- results --- */

static bool put_counts(struct db *db, const struct result *result)
{
    const struct chip_counters *c = &result->counters;
    const struct db_field fields[] = {
        db_number("run", (uint64_t)db->run_id), db_number("reads", c->reads),
        db_number("programs", c->programs),     db_number("erases", c->erases),
        db_number("bytes_read", c->bytes_read), db_number("bytes_programmed", c->bytes_programmed),
        db_number("refused", c->refused),       db_number("time_ns", c->time_ns),
    };
    return db_insert(db, "counts", fields, COUNT(fields),
                     "on conflict do update set reads = reads + excluded.reads,"
                     " programs = programs + excluded.programs,"
                     " erases = erases + excluded.erases,"
                     " bytes_read = bytes_read + excluded.bytes_read,"
                     " bytes_programmed = bytes_programmed + excluded.bytes_programmed,"
                     " refused = refused + excluded.refused,"
                     " time_ns = time_ns + excluded.time_ns");
}

static bool put_totals(struct db *db, const struct result *result, double seconds, bool last)
{
    const char *state = !last ? "running" : result->stopped ? "stopped" : "done";
    const struct db_field fields[] = {
        db_number(NULL, result->cuts),
        db_number(NULL, result->states),
        db_number(NULL, result->judged),
        db_number(NULL, result->skipped),
        db_number(NULL, result->mounts),
        db_number(NULL, result->operations),
        db_real(NULL, seconds),
        db_text(NULL, state),
        db_number(NULL, (uint64_t)db->run_id),
    };
    return db_change(db,
                     "update run set cuts = cuts + ?, states = states + ?, judged = judged + ?,"
                     " skipped = skipped + ?, mounts = mounts + ?, operations = operations + ?,"
                     " seconds = seconds + ?, state = ? where id = ?",
                     fields, COUNT(fields));
}

static bool put_judged(struct db *db, const struct result *result)
{
    for (unsigned i = 0; i <= FAULT_CLASSES; i++) {
        char class[FAULT_CLASSES_TEXT_MAX] = "uncut";
        uint64_t states = i == 0 ? result->operations : result->judged_by_class[i - 1];
        if (states == 0) continue;
        if (i > 0) db_print_classes(1u << (i - 1), class);
        const struct db_field fields[] = {
            db_number("run", (uint64_t)db->run_id),
            db_text("class", class),
            db_number("states", states),
        };
        if (!db_insert(db, "judged", fields, COUNT(fields),
                       "on conflict do update set states = states + excluded.states"))
            return false;
    }
    return true;
}

/* A row for each sector; prepared once, as there may be millions. */
static bool put_wear(struct db *db, const struct result *result)
{
    sqlite3_stmt *statement = NULL;
    static const char sql[] = "insert into wear (run, sector, erases) values (?, ?, ?)"
                              " on conflict do update set erases = erases + excluded.erases";
    if (!result->sector_erases) return true;
    if (sqlite3_prepare_v2(db->handle, sql, -1, &statement, NULL) != SQLITE_OK) return false;
    sqlite3_bind_int64(statement, 1, db->run_id);
    int code = SQLITE_DONE;
    for (uint32_t i = 0; i < result->sector_count && code == SQLITE_DONE; i++) {
        if (result->sector_erases[i] == 0) continue;
        sqlite3_reset(statement);
        sqlite3_bind_int64(statement, 2, i);
        sqlite3_bind_int64(statement, 3, result->sector_erases[i]);
        code = sqlite3_step(statement);
    }
    return sqlite3_finalize(statement) == SQLITE_OK;
}

/* The class that a divergence is charged to: see the table sighting. */
static const char *charge(const struct divergence *it, uint32_t claims,
                          char text[FAULT_CLASSES_TEXT_MAX])
{
    uint32_t path = it->fault;
    for (uint32_t i = 0; i < it->script->op_count; i++) {
        const struct op *op = &it->script->ops[i];
        if (op->cut.nth) path |= fault_class_of(&op->cut.tear);
        if (op->kind == OP_ROT) path |= FAULT_ROT;
    }
    if (path == 0) return "uncut";
    uint32_t among = path & ~claims ? path & ~claims : it->fault ? it->fault : path;
    uint32_t hardest = 1;
    assert(among != 0);
    while (among >>= 1)
        hardest <<= 1;
    db_print_classes(hardest, text);
    return text;
}

/* The line of the last operation that was cut, or of the last one. */
static uint32_t line_of(const struct script *script)
{
    uint32_t line = 0;
    bool cut = false;
    for (uint32_t i = 0; i < script->op_count; i++) {
        const struct op *op = &script->ops[i];
        if (op->line == 0 || (cut && !op->cut.nth)) continue;
        line = op->line;
        cut = op->cut.nth != 0;
    }
    return line;
}

static bool put_case(struct db *db, const struct divergence *it, const struct db_case *printed,
                     const char *shape)
{
    const struct db_field fields[] = {
        db_number("campaign", (uint64_t)db->campaign_id),
        db_number("engine", (uint64_t)db->engine_id),
        db_text("clause", clause_name(it->clause)),
        db_text("shape", shape),
        db_text("finding", it->script->found.text),
        db_text("scenario", it->script->name),
        db_text("path", db->run.path),
        db_number("line", line_of(it->script)),
        db_text("artefact", printed->artefact),
        db_text("text", printed->text),
    };
    return db_insert(db, "divergence", fields, COUNT(fields),
                     "on conflict do update set finding = excluded.finding,"
                     " scenario = excluded.scenario, path = excluded.path, line = excluded.line,"
                     " artefact = excluded.artefact, text = excluded.text"
                     " where (length(cast(excluded.text as blob)), excluded.text)"
                     " < (length(cast(text as blob)), text)");
}

static bool put_divergence(struct db *db, const struct divergence *it)
{
    char shape[DB_HEX64_MAX], class[FAULT_CLASSES_TEXT_MAX];
    struct db_case printed;
    int64_t id;

    assert(it->clause > CLAUSE_NONE && it->clause < CLAUSE_SCENARIO);
    db_case_print(&printed, it->script);
    db_print_hex64(it->shape, shape);
    bool stored = put_case(db, it, &printed, shape);
    db_case_free(&printed);
    const struct db_field key[] = {
        db_number(NULL, (uint64_t)db->engine_id),
        db_text(NULL, clause_name(it->clause)),
        db_text(NULL, shape),
    };
    if (!stored || !db_find(db,
                            "select id from divergence where engine = ? and clause = ?"
                            " and shape = ?",
                            key, COUNT(key), &id))
        return false;
    assert(id > 0 && "it was put in just now");
    const struct db_field sighting[] = {
        db_number("run", (uint64_t)db->run_id),
        db_number("divergence", (uint64_t)id),
        db_text("class", charge(it, db->claims, class)),
        db_number("states", it->count ? it->count : 1),
    };
    return db_insert(db, "sighting", sighting, COUNT(sighting),
                     "on conflict do update set states = states + excluded.states");
}

struct store {
    const struct result *result;
    double seconds;
    bool last;
};

static bool store(struct db *db, const void *context)
{
    const struct store *it = context;
    if (!put_totals(db, it->result, it->seconds, it->last)) return false;
    if (!put_counts(db, it->result) || !put_judged(db, it->result)) return false;
    if (!put_wear(db, it->result)) return false;
    for (uint32_t i = 0; i < it->result->divergence_count; i++)
        if (!put_divergence(db, &it->result->divergences[i])) return false;
    return true;
}

enum db_status db_store_result(struct db *db, const struct result *result, double seconds,
                               bool last, struct db_error *error)
{
    const struct store it = {result, seconds, last};
    assert(db->running);
    enum db_status status = db_write(db, store, &it, error);
    if (last) db->running = false;
    return status;
}
