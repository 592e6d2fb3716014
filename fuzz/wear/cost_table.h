/* cost_table.h - the costs of several engines side by side: as a table, and as JSON. */
#ifndef BROWNOUT_COST_TABLE_H
#define BROWNOUT_COST_TABLE_H

#include "fuzz/wear/cost.h"

/* One engine. */
struct cost_table_entry {
    const char *name; /* as the user spells it: "seqmap keys=8" */
    struct cost plain, cut;
};

struct cost_table {
    const struct script *script; /* the work */
    const struct cut_rate
        *cut_rate; /* NULL: no power cuts, and `cut` of the entries means nothing */
    const struct cost_table_entry *entries;
    uint32_t count;
};

/* A row a figure, a column an engine. */
void cost_table_print(const struct cost_table *table, FILE *out);

/* One object; what is not known is null. */
void cost_table_print_json(const struct cost_table *table, FILE *out);

#endif
