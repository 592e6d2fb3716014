/* cost_table.h - the costs of several engines side by side: as a table, and as JSON. */
#ifndef BROWNOUT_COST_TABLE_H
#define BROWNOUT_COST_TABLE_H

#include "fuzz/wear/cost.h"

enum cost_outcome {
    COST_DONE,
    COST_DIVERGED,     /* from the model, with power cuts or without */
    COST_UNREPRODUCED, /* it did, and no case shows that: a fault of the harness */
    COST_REFUSED,      /* it does not take the chip, the options or the work */
    COST_STOPPED,      /* it was not to go on, or to begin */
};

/* One engine. */
struct cost_table_entry {
    const char *name; /* as the user spells it: "seqmap keys=8" */
    enum cost_outcome outcome;
    char reason[320];        /* of what is not done, one line */
    char clause[16];         /* that is broken */
    char *path;              /* of its case; NULL: there is none */
    bool has_plain, has_cut; /* it got through the work: without power cuts, and with them */
    struct cost plain, cut;
};

struct cost_table {
    const struct script *script; /* the work */
    const struct cut_rate
        *cut_rate; /* NULL: no power cuts, and `cut` of the entries means nothing */
    const struct cost_table_entry *entries;
    uint32_t count;
    bool is_long; /* all figures, not only those that decide */
};

/* A row a figure, a column an engine, first what became of each; engines that do not fit side by
 * side into 100 columns come below. Nothing where none got through. */
void cost_table_print(const struct cost_table *table, FILE *out);

/* One object; what is not known is null. */
void cost_table_print_json(const struct cost_table *table, FILE *out);

#endif
