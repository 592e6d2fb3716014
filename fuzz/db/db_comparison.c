/* db_comparison.c - what work cost, as rows of the table `comparison`.
 *
 * A row is known by two digests: of the work (campaign, engine, build, options, scenario), and of
 * the work with its cut rate. Rows that share the first are the same work with and without power
 * cuts. A row that is stored again replaces the older one.
 */
#define _POSIX_C_SOURCE 200809L

#include "fuzz/db/db_internal.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include "fuzz/db/build.h"
#include "sim/memory.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

struct names {
    char build[SHA256_HEX_MAX], work[SHA256_HEX_MAX], identity[SHA256_HEX_MAX];
    char settings[DB_SETTINGS_MAX], faults[FAULT_CLASSES_TEXT_MAX], seed[DB_HEX64_MAX];
};

static const struct cut_rate no_cuts;

static const struct cut_rate *cut_rate_of(const struct db_comparison *it)
{
    return it->cut_rate ? it->cut_rate : &no_cuts;
}

/* The digest of the work: all but the power cuts. */
static void digest_work(const struct db_comparison *it, struct names *names)
{
    char script[SHA256_HEX_MAX], *text = NULL;
    size_t size;
    FILE *out = memory_open(&text, &size);
    build_print(it->adapter, names->build);
    db_digest_script(it->script, script);
    fprintf(out, "%s\n%s %s %s\n%s\n%s\n", it->campaign, it->adapter->name, names->build,
            names->settings, it->script->name, script);
    memory_close(out, &text);
    sha256_hex(text, size, names->work);
    free(text);
}

static void name_all(const struct db_comparison *it, struct names *names)
{
    char text[SHA256_HEX_MAX + 160];
    const struct cut_rate *cut_rate = cut_rate_of(it);
    db_print_settings(it->script, it->adapter, names->settings);
    db_print_classes(cut_rate->faults, names->faults);
    db_print_hex64(cut_rate->seed, names->seed);
    digest_work(it, names);
    int size = snprintf(
        text, sizeof text, "%s %" PRIu64 "/%" PRIu64 " %s %s %" PRIu32 " %" PRIu32 " %" PRIu32 "\n",
        names->work, cut_rate->cuts, cut_rate->of, names->faults, names->seed,
        cut_rate->effort.bits_max, cut_rate->effort.masks, cut_rate->effort.prefixes_max);
    assert(size > 0 && size < (int)sizeof text);
    sha256_hex(text, (size_t)size, names->identity);
}

static struct db_field known(const char *column, uint64_t number, bool is_known)
{
    return is_known ? db_number(column, number) : db_text(column, NULL);
}

static struct db_field known_ns(const char *column, double ns)
{
    return ns > 0 ? db_real(column, ns) : db_text(column, NULL);
}

/* What was done, on what; the figures follow. */
static bool put_head(struct db *db, const struct db_comparison *it, const struct names *names,
                     const char moment[DB_MOMENT_MAX])
{
    const struct script *script = it->script;
    const struct part *part = &script->part;
    const struct cut_rate *cut_rate = cut_rate_of(it);
    const struct db_field fields[] = {
        db_text("identity", names->identity),
        db_text("started", moment),
        db_text("work", names->work),
        db_number("campaign", (uint64_t)db->campaign_id),
        db_number("engine", (uint64_t)db->engine_id),
        db_text("scenario", script->name),
        db_text("path", it->path),
        db_text("settings", names->settings),
        db_text("chip", part->name),
        db_number("sector_size", part->geometry.sector_size),
        db_number("sector_count", part->geometry.sector_count),
        db_number("page_size", part->geometry.page_size),
        db_number("unit", part->geometry.unit),
        known("endurance", part->endurance.value, part->endurance.value != 0),
        known("every_ns", script->every_ns, script->every_ns != 0),
        db_number("cuts", cut_rate->cuts),
        db_number("cuts_of", cut_rate->cuts ? cut_rate->of : 1),
        db_text("faults", names->faults),
        db_text("seed", names->seed),
    };
    return db_insert(db, "comparison", fields, COUNT(fields), "");
}

static bool put_figures(struct db *db, const struct cost *cost, const char *identity)
{
    const struct chip_counters *work = &cost->work;
    const struct wear *wear = &cost->wear;
    const struct db_field fields[] = {
        db_number(NULL, cost->operations),
        db_number(NULL, cost->refused),
        db_number(NULL, cost->payload),
        db_number(NULL, cost->held),
        known(NULL, cost->held_least, cost->overwrote),
        db_number(NULL, work->reads),
        db_number(NULL, work->programs),
        db_number(NULL, work->erases),
        db_number(NULL, work->bytes_read),
        db_number(NULL, work->bytes_programmed),
        db_number(NULL, work->time_ns),
        db_number(NULL, cost->programs_most),
        db_number(NULL, cost->time_ns_most),
        db_number(NULL, wear->max),
        db_real(NULL, wear->mean),
        db_real(NULL, wear->deviation),
        db_number(NULL, cost->mount.reads),
        db_number(NULL, cost->mount.bytes_read),
        db_number(NULL, cost->mount_most.reads),
        db_number(NULL, cost->mount_most.bytes_read),
        known_ns(NULL, cost->lifetime_ns),
        db_number(NULL, cost->cuts.in_program),
        db_number(NULL, cost->cuts.in_erase),
        db_number(NULL, cost->cuts.after),
        db_number(NULL, cost->cuts.redone),
        db_text(NULL, identity),
    };
    return db_change(db,
                     "update comparison set operations = ?, refused = ?, payload = ?, held = ?,"
                     " held_least = ?, reads = ?, programs = ?, erases = ?, bytes_read = ?,"
                     " bytes_programmed = ?, time_ns = ?, programs_most = ?, time_ns_most = ?,"
                     " erases_max = ?, erases_mean = ?, erases_deviation = ?, mount_reads = ?,"
                     " mount_bytes_read = ?, mount_reads_most = ?, mount_bytes_read_most = ?,"
                     " lifetime_ns = ?, cut_in_program = ?, cut_in_erase = ?, cut_after = ?,"
                     " redone = ? where identity = ?",
                     fields, COUNT(fields));
}

static bool store(struct db *db, const void *context)
{
    const struct db_comparison *it = context;
    struct names names;
    char moment[DB_MOMENT_MAX];
    db_print_moment(moment);
    name_all(it, &names);
    const struct db_field identity = db_text(NULL, names.identity);
    return db_put_surroundings(db, it->campaign, it->adapter, names.build, moment) &&
           db_change(db, "delete from comparison where identity = ?", &identity, 1) &&
           put_head(db, it, &names, moment) && put_figures(db, it->cost, names.identity);
}

enum db_status db_store_comparison(struct db *db, const struct db_comparison *comparison,
                                   struct db_error *error)
{
    assert(comparison->campaign && comparison->adapter && comparison->script && comparison->cost);
    return db_write(db, store, comparison, error);
}
