/* cost_table.c - see cost_table.h.
 *
 * Counters become figures that people compare: per operation, per byte of payload, most, mean. The
 * figures of a run with cuts add what one cut costs: the difference from the run without, divided
 * by the number of cuts. Rows are tables of name, JSON key, form and field, so that table and JSON
 * have the same figures.
 */
#define _GNU_SOURCE
#include "fuzz/wear/cost_table.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/script/json.h"
#include "sim/memory.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* --- figures --- */

/* What people compare. NAN: not known, or never. */
struct figures {
    double operations, refused, payload, held, held_least;
    double start_programs, start_erases;
    double erases, erases_max, erases_mean, erases_deviation, unevenness;
    double programs, programs_most, amplification, read;
    double mount_reads, mount_bytes, mount_reads_most, mount_bytes_most;
    double time, time_most, lifetime;
    /* with power cuts */
    double cuts, in_program, in_erase, after, redone;
    double more_erases, more_programs, more_bytes;
};

static double per(uint64_t amount, uint64_t of)
{
    return of ? (double)amount / (double)of : 0;
}

static void take_work(struct figures *it, const struct cost *cost)
{
    const struct chip_counters *work = &cost->work;
    it->operations = (double)cost->operations;
    it->refused = (double)cost->refused;
    it->payload = (double)cost->payload;
    it->held = (double)cost->held;
    it->held_least = cost->overwrote ? (double)cost->held_least : NAN;
    it->start_programs = (double)cost->start.programs;
    it->start_erases = (double)cost->start.erases;
    it->erases = (double)work->erases;
    it->programs = per(work->programs, cost->operations);
    it->programs_most = (double)cost->programs_most;
    it->amplification = per(work->bytes_programmed, cost->payload);
    it->read = per(work->bytes_read, cost->operations);
    it->mount_reads = (double)cost->mount.reads;
    it->mount_bytes = (double)cost->mount.bytes_read;
    it->mount_reads_most = (double)cost->mount_most.reads;
    it->mount_bytes_most = (double)cost->mount_most.bytes_read;
    it->time = (double)work->time_ns;
    it->time_most = (double)cost->time_ns_most;
}

static void take_wear(struct figures *it, const struct cost *cost)
{
    const struct wear *wear = &cost->wear;
    it->erases_max = wear->max;
    it->erases_mean = wear->mean;
    it->erases_deviation = wear->deviation;
    it->unevenness = wear->mean > 0 ? wear->max / wear->mean : NAN;
    it->lifetime = cost->lifetime_ns > 0 ? cost->lifetime_ns : NAN;
}

static double more(uint64_t with, uint64_t without, double cuts)
{
    return cuts > 0 ? ((double)with - (double)without) / cuts : NAN;
}

static void take_cuts(struct figures *it, const struct cost *cut, const struct cost *plain)
{
    it->cuts = (double)cost_cuts(cut);
    it->in_program = (double)cut->cuts.in_program;
    it->in_erase = (double)cut->cuts.in_erase;
    it->after = (double)cut->cuts.after;
    it->redone = (double)cut->cuts.redone;
    it->more_erases = more(cut->work.erases, plain->work.erases, it->cuts);
    it->more_programs = more(cut->work.programs, plain->work.programs, it->cuts);
    it->more_bytes = more(cut->work.bytes_programmed, plain->work.bytes_programmed, it->cuts);
}

static struct figures unknown(void)
{
    double all[sizeof(struct figures) / sizeof(double)];
    struct figures it;
    for (size_t i = 0; i < COUNT(all); i++)
        all[i] = NAN;
    static_assert(sizeof all == sizeof it, "figures are numbers and nothing else");
    memcpy(&it, all, sizeof it);
    return it;
}

static struct figures figures_of(const struct cost *cost)
{
    struct figures it = {0};
    take_work(&it, cost);
    take_wear(&it, cost);
    return it;
}

static struct figures plain_figures(const struct cost_table_entry *entry)
{
    return entry->has_plain ? figures_of(&entry->plain) : unknown();
}

static struct figures cut_figures(const struct cost_table_entry *entry)
{
    if (!entry->has_cut) return unknown();
    struct figures it = figures_of(&entry->cut);
    take_cuts(&it, &entry->cut, &entry->plain);
    return it;
}

/* --- rows --- */

enum form { WHOLE, RATIO, FINE, TIME };

struct row {
    const char *text, *json;
    enum form form;
    size_t offset;
};

#define ROW(text, json, form, field)                                                               \
    {                                                                                              \
        text, json, form, offsetof(struct figures, field)                                          \
    }

static const struct row operations_row[] = {ROW(NULL, "operations", WHOLE, operations)};

static const struct row plain_rows[] = {
    ROW("operations refused", "refused", WHOLE, refused),
    ROW("payload: bytes of keys and values", "payload", WHOLE, payload),
    ROW("keys or items held at the end", "held", WHOLE, held),
    ROW("least held, once it overwrote", "held_least", WHOLE, held_least),
    ROW("programs before the work", "start_programs", WHOLE, start_programs),
    ROW("erases before the work", "start_erases", WHOLE, start_erases),
    ROW("erases", "erases", WHOLE, erases),
    ROW("erases of the most worn sector", "erases_max", WHOLE, erases_max),
    ROW("erases of a sector, mean", "erases_mean", RATIO, erases_mean),
    ROW("erases of a sector, deviation", "erases_deviation", RATIO, erases_deviation),
    ROW("most worn against mean", "erases_max_per_mean", RATIO, unevenness),
    ROW("programs per operation", "programs_per_operation", RATIO, programs),
    ROW("programs of one operation, most", "programs_most", WHOLE, programs_most),
    ROW("bytes programmed per payload byte", "bytes_per_payload_byte", RATIO, amplification),
    ROW("bytes read per operation", "bytes_read_per_operation", RATIO, read),
    ROW("reads of a mount at the end", "mount_reads", WHOLE, mount_reads),
    ROW("bytes read by it", "mount_bytes_read", WHOLE, mount_bytes),
    ROW("reads of a mount, most", "mount_reads_most", WHOLE, mount_reads_most),
    ROW("bytes read by that one", "mount_bytes_read_most", WHOLE, mount_bytes_most),
    ROW("flash time of one operation, most", "operation_time_ns_most", TIME, time_most),
    ROW("flash time, typical times", "flash_time_ns", TIME, time),
    ROW("projected lifetime", "lifetime_ns", TIME, lifetime),
};

/* Of the run with power cuts: what is not the same as without. */
static const struct row cut_rows[] = {
    ROW("power cuts", "cuts", WHOLE, cuts),
    ROW("  inside a program", "cuts_in_program", WHOLE, in_program),
    ROW("  inside an erase", "cuts_in_erase", WHOLE, in_erase),
    ROW("  after an operation", "cuts_after", WHOLE, after),
    ROW("operations done again", "redone", WHOLE, redone),
    ROW("operations refused", NULL, WHOLE, refused),
    ROW("erases more for each cut", "more_erases_per_cut", FINE, more_erases),
    ROW("programs more for each cut", "more_programs_per_cut", FINE, more_programs),
    ROW("bytes programmed more for each cut", "more_bytes_per_cut", RATIO, more_bytes),
    ROW("erases of the most worn sector", NULL, WHOLE, erases_max),
    ROW("keys or items held at the end", NULL, WHOLE, held),
    ROW("least held, once it overwrote", NULL, WHOLE, held_least),
    ROW("reads of a mount, most", NULL, WHOLE, mount_reads_most),
    ROW("bytes read by that one", NULL, WHOLE, mount_bytes_most),
    ROW("flash time, typical times", NULL, TIME, time),
    ROW("projected lifetime", NULL, TIME, lifetime),
};

#define TEXT_WIDTH 34
#define CELL_WIDTH_MIN 10

static double number_at(const struct figures *figures, const struct row *row)
{
    double number;
    assert(row->offset + sizeof number <= sizeof *figures);
    memcpy(&number, (const char *)figures + row->offset, sizeof number);
    return number;
}

/* --- the table --- */

static int width_of(const struct cost_table_entry *entry)
{
    int width = (int)strlen(entry->name);
    return width < CELL_WIDTH_MIN ? CELL_WIDTH_MIN : width;
}

static void print_cell(FILE *out, double number, enum form form, int width)
{
    char *text = NULL;
    size_t size;
    FILE *cell = memory_open(&text, &size);
    if (isnan(number))
        fprintf(cell, "-");
    else if (form == TIME)
        wear_print_duration(cell, number);
    else
        fprintf(cell, form == WHOLE ? "%.0f" : form == FINE ? "%.3f" : "%.2f", number);
    memory_close(cell, &text);
    fprintf(out, "  %*s", width, text);
    free(text);
}

static void print_row(const struct cost_table *table, const struct figures *figures,
                      const struct row *row, FILE *out)
{
    bool known = false;
    for (uint32_t i = 0; i < table->count; i++)
        known = known || !isnan(number_at(&figures[i], row));
    if (!known && row->offset == offsetof(struct figures, held_least)) return;
    fprintf(out, "  %-*s", TEXT_WIDTH, row->text);
    for (uint32_t i = 0; i < table->count; i++)
        print_cell(out, number_at(&figures[i], row), row->form, width_of(&table->entries[i]));
    fprintf(out, "\n");
}

static const char *const outcome_name[] = {[COST_DONE] = "done",
                                           [COST_DIVERGED] = "DIVERGED",
                                           [COST_UNREPRODUCED] = "unclear",
                                           [COST_REFUSED] = "refused",
                                           [COST_STOPPED] = "stopped"};
_Static_assert(sizeof outcome_name / sizeof *outcome_name == COST_STOPPED + 1, "a word for each");

/* The first engine that got through the work; NULL: none did. */
static const struct cost_table_entry *first_done(const struct cost_table *table)
{
    for (uint32_t i = 0; i < table->count; i++) {
        if (table->entries[i].has_plain) return &table->entries[i];
    }
    return NULL;
}

static void print_head(const struct cost_table *table, FILE *out)
{
    const struct part *part = &table->script->part;
    fprintf(out, "%s, %s: %" PRIu32 " sectors of %" PRIu32 " bytes, unit %u\n", table->script->name,
            part->name, part->geometry.sector_count, part->geometry.sector_size,
            part->geometry.unit);
    fprintf(out, "  %" PRIu64 " operations\n\n", first_done(table)->plain.operations);
    fprintf(out, "  %-*s", TEXT_WIDTH, "");
    for (uint32_t i = 0; i < table->count; i++)
        fprintf(out, "  %*s", width_of(&table->entries[i]), table->entries[i].name);
    fprintf(out, "\n  %-*s", TEXT_WIDTH, "outcome");
    for (uint32_t i = 0; i < table->count; i++)
        fprintf(out, "  %*s", width_of(&table->entries[i]),
                outcome_name[table->entries[i].outcome]);
    fprintf(out, "\n");
}

void cost_table_print(const struct cost_table *table, FILE *out)
{
    if (!first_done(table)) return;
    assert(table->count > 0 && table->script);
    struct figures *figures = memory_zeroed(table->count, sizeof *figures);
    print_head(table, out);
    for (uint32_t i = 0; i < table->count; i++)
        figures[i] = plain_figures(&table->entries[i]);
    for (size_t i = 0; i < COUNT(plain_rows); i++)
        print_row(table, figures, &plain_rows[i], out);
    if (table->cut_rate) {
        char faults[FAULT_CLASSES_TEXT_MAX];
        fault_print_classes(table->cut_rate->faults, faults);
        fprintf(out, "\n  power is cut in %" PRIu64 " of %" PRIu64 " operations (%s)\n",
                table->cut_rate->cuts, table->cut_rate->of, faults);
        for (uint32_t i = 0; i < table->count; i++)
            figures[i] = cut_figures(&table->entries[i]);
        for (size_t i = 0; i < COUNT(cut_rows); i++)
            print_row(table, figures, &cut_rows[i], out);
    }
    free(figures);
}

/* --- JSON --- */

static void print_fields(const struct figures *figures, const struct row *rows, size_t count,
                         FILE *out)
{
    for (size_t i = 0; i < count; i++) {
        double number = number_at(figures, &rows[i]);
        if (!rows[i].json) continue;
        if (isnan(number))
            fprintf(out, ", \"%s\": null", rows[i].json);
        else
            fprintf(out,
                    rows[i].form == RATIO || rows[i].form == FINE ? ", \"%s\": %.4f"
                                                                  : ", \"%s\": %.0f",
                    rows[i].json, number);
    }
}

/* NULL: none. */
static void print_text(const char *key, const char *text, FILE *out)
{
    fprintf(out, "%s", key);
    if (text)
        json_print(out, text);
    else
        fprintf(out, "null");
}

static void print_entry(const struct cost_table *table, const struct cost_table_entry *entry,
                        FILE *out)
{
    static const char *const names[] = {[COST_DONE] = "done",
                                        [COST_DIVERGED] = "diverged",
                                        [COST_UNREPRODUCED] = "unreproduced",
                                        [COST_REFUSED] = "refused",
                                        [COST_STOPPED] = "stopped"};
    struct figures figures = plain_figures(entry);
    assert(entry->name && !(figures.operations < 0));
    assert(entry->outcome < COUNT(names) && (entry->has_plain || !entry->has_cut));
    fprintf(out, "{\"engine\": ");
    json_print(out, entry->name);
    fprintf(out, ", \"outcome\": \"%s\"", names[entry->outcome]);
    print_text(", \"reason\": ", entry->reason[0] ? entry->reason : NULL, out);
    print_text(", \"clause\": ", entry->clause[0] ? entry->clause : NULL, out);
    print_text(", \"case\": ", entry->path, out);
    print_fields(&figures, operations_row, 1, out);
    print_fields(&figures, plain_rows, COUNT(plain_rows), out);
    if (table->cut_rate) {
        figures = cut_figures(entry);
        fprintf(out, ", \"with_cuts\": {\"outcome\": \"%s\"",
                entry->has_cut ? "done" : names[entry->outcome]);
        print_fields(&figures, operations_row, 1, out);
        print_fields(&figures, plain_rows, COUNT(plain_rows), out);
        print_fields(&figures, cut_rows, COUNT(cut_rows), out);
        fprintf(out, "}");
    }
    fprintf(out, "}");
}

void cost_table_print_json(const struct cost_table *table, FILE *out)
{
    fprintf(out, "{\"scenario\": ");
    json_print(out, table->script->name);
    fprintf(out, ", \"chip\": ");
    json_print(out, table->script->part.name);
    if (table->cut_rate)
        fprintf(out,
                ", \"cuts\": {\"count\": %" PRIu64 ", \"of\": %" PRIu64 ", \"seed\": %" PRIu64 "}",
                table->cut_rate->cuts, table->cut_rate->of, table->cut_rate->seed);
    fprintf(out, ", \"engines\": [");
    for (uint32_t i = 0; i < table->count; i++) {
        if (i) fprintf(out, ", ");
        print_entry(table, &table->entries[i], out);
    }
    fprintf(out, "]}\n");
}
