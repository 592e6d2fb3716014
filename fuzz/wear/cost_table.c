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

/* Which tables have it. */
enum shown {
    BRIEF,   /* both */
    UNUSUAL, /* the long one where a figure is known, the brief one where one is not 0 */
    LONG,
};

struct row {
    const char *text, *json;
    enum form form;
    size_t offset;
    enum shown shown;
};

#define ROW(text, json, form, field, shown)                                                        \
    {                                                                                              \
        text, json, form, offsetof(struct figures, field), shown                                   \
    }

static const struct row operations_row[] = {ROW(NULL, "operations", WHOLE, operations, LONG)};

static const struct row plain_rows[] = {
    ROW("operations refused", "refused", WHOLE, refused, UNUSUAL),
    ROW("payload: bytes of keys and values", "payload", WHOLE, payload, LONG),
    ROW("keys or items held at the end", "held", WHOLE, held, BRIEF),
    ROW("least held, once it overwrote", "held_least", WHOLE, held_least, UNUSUAL),
    ROW("programs before the work", "start_programs", WHOLE, start_programs, LONG),
    ROW("erases before the work", "start_erases", WHOLE, start_erases, LONG),
    ROW("erases", "erases", WHOLE, erases, BRIEF),
    ROW("erases of the most worn sector", "erases_max", WHOLE, erases_max, BRIEF),
    ROW("erases of a sector, mean", "erases_mean", RATIO, erases_mean, LONG),
    ROW("erases of a sector, deviation", "erases_deviation", RATIO, erases_deviation, LONG),
    ROW("most worn against mean", "erases_max_per_mean", RATIO, unevenness, LONG),
    ROW("programs per operation", "programs_per_operation", RATIO, programs, BRIEF),
    ROW("programs of one operation, most", "programs_most", WHOLE, programs_most, LONG),
    ROW("bytes programmed per payload byte", "bytes_per_payload_byte", RATIO, amplification, BRIEF),
    ROW("bytes read per operation", "bytes_read_per_operation", RATIO, read, LONG),
    ROW("reads of a mount at the end", "mount_reads", WHOLE, mount_reads, LONG),
    ROW("bytes read by it", "mount_bytes_read", WHOLE, mount_bytes, LONG),
    ROW("reads of a mount, most", "mount_reads_most", WHOLE, mount_reads_most, BRIEF),
    ROW("bytes read by that one", "mount_bytes_read_most", WHOLE, mount_bytes_most, LONG),
    ROW("flash time of one operation, most", "operation_time_ns_most", TIME, time_most, BRIEF),
    ROW("flash time, typical times", "flash_time_ns", TIME, time, BRIEF),
    ROW("projected lifetime", "lifetime_ns", TIME, lifetime, BRIEF),
};

/* Of the run with power cuts: what is not the same as without. */
static const struct row cut_rows[] = {
    ROW("power cuts", "cuts", WHOLE, cuts, BRIEF),
    ROW("  inside a program", "cuts_in_program", WHOLE, in_program, LONG),
    ROW("  inside an erase", "cuts_in_erase", WHOLE, in_erase, LONG),
    ROW("  after an operation", "cuts_after", WHOLE, after, LONG),
    ROW("operations done again", "redone", WHOLE, redone, LONG),
    ROW("operations refused", NULL, WHOLE, refused, UNUSUAL),
    ROW("erases more for each cut", "more_erases_per_cut", FINE, more_erases, BRIEF),
    ROW("programs more for each cut", "more_programs_per_cut", FINE, more_programs, LONG),
    ROW("bytes programmed more for each cut", "more_bytes_per_cut", RATIO, more_bytes, BRIEF),
    ROW("erases of the most worn sector", NULL, WHOLE, erases_max, LONG),
    ROW("keys or items held at the end", NULL, WHOLE, held, LONG),
    ROW("least held, once it overwrote", NULL, WHOLE, held_least, UNUSUAL),
    ROW("reads of a mount, most", NULL, WHOLE, mount_reads_most, LONG),
    ROW("bytes read by that one", NULL, WHOLE, mount_bytes_most, LONG),
    ROW("flash time, typical times", NULL, TIME, time, LONG),
    ROW("projected lifetime", NULL, TIME, lifetime, LONG),
};

#define TEXT_WIDTH 34
#define CELL_WIDTH_MIN 10
#define WIDTH_MAX 100

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

/* Engines whose columns stand side by side. */
struct block {
    const struct cost_table *table;
    const struct figures *figures; /* one for each engine of the table */
    uint32_t first, end;
};

static bool is_shown(const struct block *block, const struct row *row)
{
    if (row->shown != UNUSUAL) return row->shown == BRIEF || block->table->is_long;
    for (uint32_t i = block->first; i < block->end; i++) {
        double number = number_at(&block->figures[i], row);
        if (!isnan(number) && (block->table->is_long || number > 0)) return true;
    }
    return false;
}

static void print_rows(const struct block *block, const struct row *rows, size_t count, FILE *out)
{
    assert(block->first < block->end && block->end <= block->table->count);
    for (size_t r = 0; r < count; r++) {
        if (!is_shown(block, &rows[r])) continue;
        fprintf(out, "  %-*s", TEXT_WIDTH, rows[r].text);
        for (uint32_t i = block->first; i < block->end; i++)
            print_cell(out, number_at(&block->figures[i], &rows[r]), rows[r].form,
                       width_of(&block->table->entries[i]));
        fprintf(out, "\n");
    }
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
    fprintf(out, "  %" PRIu64 " operations\n", first_done(table)->plain.operations);
}

static void print_names(const struct block *block, FILE *out)
{
    const struct cost_table_entry *entries = block->table->entries;
    fprintf(out, "\n  %-*s", TEXT_WIDTH, "");
    for (uint32_t i = block->first; i < block->end; i++)
        fprintf(out, "  %*s", width_of(&entries[i]), entries[i].name);
    fprintf(out, "\n  %-*s", TEXT_WIDTH, "outcome");
    for (uint32_t i = block->first; i < block->end; i++)
        fprintf(out, "  %*s", width_of(&entries[i]), outcome_name[entries[i].outcome]);
    fprintf(out, "\n");
}

static void print_block(struct block block, const struct figures *cut, FILE *out)
{
    const struct cut_rate *cut_rate = block.table->cut_rate;
    char faults[FAULT_CLASSES_TEXT_MAX];
    assert(block.first < block.end && block.end <= block.table->count);
    print_names(&block, out);
    print_rows(&block, plain_rows, COUNT(plain_rows), out);
    if (!cut_rate) return;
    fault_print_classes(cut_rate->faults, faults);
    fprintf(out, "  power is cut in %" PRIu64 " of %" PRIu64 " operations (%s)\n", cut_rate->cuts,
            cut_rate->of, faults);
    block.figures = cut;
    print_rows(&block, cut_rows, COUNT(cut_rows), out);
}

/* The first engine that does not fit beside those from `first` on, of which one always fits. */
static uint32_t end_of_block(const struct cost_table *table, uint32_t first)
{
    uint32_t end = first;
    int width = 2 + TEXT_WIDTH;
    do
        width += 2 + width_of(&table->entries[end++]);
    while (end < table->count && width + 2 + width_of(&table->entries[end]) <= WIDTH_MAX);
    return end;
}

void cost_table_print(const struct cost_table *table, FILE *out)
{
    if (!first_done(table)) return;
    assert(table->count > 0 && table->script);
    struct figures *plain = memory_zeroed(table->count, sizeof *plain);
    struct figures *cut = memory_zeroed(table->count, sizeof *cut);
    for (uint32_t i = 0; i < table->count; i++) {
        plain[i] = plain_figures(&table->entries[i]);
        cut[i] = cut_figures(&table->entries[i]);
    }
    print_head(table, out);
    for (uint32_t first = 0, end; first < table->count; first = end) {
        end = end_of_block(table, first);
        print_block((struct block){table, plain, first, end}, cut, out);
    }
    free(plain);
    free(cut);
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
