/* laps.h - a fresh store on which the first change of a script is made again and again.
 *
 * Some faults need no cut and no more than one kind of call, but many of them: more than anyone
 * writes into a scenario. They are looked for beside the run, on a store of its own (worn.h,
 * aged.h). What is put in is what the script puts in first, and as large a value as the store
 * takes. Its model knows what it must hold, so a look or a power-on judges it.
 */
#ifndef BROWNOUT_LAPS_H
#define BROWNOUT_LAPS_H

#include "fuzz/rig/rig.h"

/* Two values that take turns, so that an engine which leaves alone what it has already writes each
 * time; of the size of `values[0]`. */
struct laps_pair {
    struct value *values[2];
    uint32_t turn;
};

struct laps {
    struct rig *asks;        /* whose script, engine and settings these are */
    struct rig *store;       /* the fresh store, powered on */
    const struct op *change; /* the first one of the script */
    struct laps_pair small;  /* like the script's */
    struct laps_pair large;  /* small ones until laps_make_large() */
};

/* False: there is nothing to put in, the chip has too many sectors, or the store does not start.
 * To be closed in any case. */
bool laps_open(struct laps *laps, struct rig *asks);
void laps_close(struct laps *laps);

/* False: refused, or the store has a finding. */
bool laps_call(struct laps *laps, enum op_kind kind, const struct value *value);

/* Puts in the value whose turn it is, and makes it durable; a queue gives its oldest item back. */
bool laps_put(struct laps *laps, struct laps_pair *pair);

/* Makes the large values the largest that the store takes, and puts one in. False: not found soon.
 * What was refused the model does not have. */
bool laps_make_large(struct laps *laps);

#endif
