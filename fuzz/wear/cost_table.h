/* ledger.h - the accounts of several engines side by side: as a table, and as JSON. */
#ifndef BROWNOUT_LEDGER_H
#define BROWNOUT_LEDGER_H

#include "fuzz/wear/cost.h"

/* One engine. */
struct ledger_entry {
    const char *name; /* as the user spells it: "seqmap keys=8" */
    struct account plain, cut;
};

struct ledger {
    const struct script *script; /* the work */
    const struct outage *outage; /* NULL: no power cuts, and `cut` of the entries means nothing */
    const struct ledger_entry *entries;
    uint32_t count;
};

/* A row a figure, a column an engine. */
void ledger_print(const struct ledger *ledger, FILE *out);

/* One object; what is not known is null. */
void ledger_print_json(const struct ledger *ledger, FILE *out);

#endif
