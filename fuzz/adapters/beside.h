/* beside.h - two engines that share one flash, under the calls of one.
 *
 * An object of the two holds an object of each. Before a call, the engine whose turn it is gets
 * mounted if it is not: what one has changed the other one sees from its next mount on. Whose turn
 * it is, a rule says, for changes and for reads; pairs.c has one by power-ons, a plug-in may have
 * its own.
 *
 * A call that one of them lacks is the other's, where that is `each` or `clear`; who makes a table
 * of calls leaves out the others. Where both read a value they must agree: if not, the call answers
 * ANSWER_PANIC, and beside_panic() says what each has read.
 */
#ifndef BROWNOUT_BESIDE_H
#define BROWNOUT_BESIDE_H

#include <stdalign.h>

#include "fuzz/adapter.h"

enum beside_side { BESIDE_FIRST, BESIDE_SECOND };

struct beside_object;

/* Whose turn it is. */
struct beside_rule {
    enum beside_side (*writer)(const struct beside_object *object);
    enum beside_side (*reader)(const struct beside_object *object);
    /* Whether the first one reads, too, what the second one reads. NULL: never. */
    bool (*both_read)(const struct beside_object *object);
};

/* The two, each with its own settings. */
struct beside_two {
    const struct adapter *adapters[2];
    struct adapter_settings settings[2];
    const struct beside_rule *rule;
};

struct beside_object {
    struct beside_two two;
    struct adapter_settings given; /* to the two as one, for the rule */
    const struct bo_flash *flash;
    size_t places[2]; /* of the engines in `bytes` */
    size_t sizes[2];
    uint32_t value_max; /* of both */
    bool used[2];       /* the object of the engine is no longer as power-on left it */
    bool mounted[2];    /* since the last change of the other one */
    bool mended;        /* the first one has put something in since the power-on */
    uint32_t turn;      /* changes since then */
    /* Whose power-on it is; beside_place() leaves it alone. */
    enum beside_side side;
    alignas(16) uint8_t bytes[]; /* what the first one reads, too; then the engines */
};

/* What an adapter of the two answers. Widened: as those of the engines in `sides`, bits by
 * enum beside_side. */
const char *beside_refuses(const struct beside_two *two, const struct bo_flash_geometry *g);
void beside_limits(const struct beside_two *two, const struct bo_flash_geometry *g,
                   uint32_t *key_size_min, uint32_t *key_size_max, uint32_t *value_size_max);
uint32_t beside_widened(const struct beside_two *two, const struct bo_flash_geometry *g,
                        unsigned sides);
size_t beside_object_size(const struct beside_two *two, const struct bo_flash_geometry *g);
const char *beside_panic(void);

/* After a power-on: neither is mounted. */
void beside_place(struct beside_object *object, const struct beside_two *two,
                  const struct bo_flash *flash, const struct adapter_settings *given);
/* Mounts that one, unless it is mounted. */
enum answer beside_turn_to(struct beside_object *object, enum beside_side side);
/* After beside_place(): an empty store, made by that one. */
enum answer beside_format(struct beside_object *object, enum beside_side side);
enum answer beside_reset(struct beside_object *object, enum beside_side side);
/* What the next panic says; returns ANSWER_PANIC. */
enum answer beside_disagree(const char *what);

/* Every call that there is; and those that any map or queue has. */
extern const struct adapter_map beside_map, beside_map_plain;
extern const struct adapter_list beside_list, beside_list_plain;

#endif
