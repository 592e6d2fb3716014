/* pairs.c - see pairs.h.
 *
 * An adapter's functions know the geometry and the settings, and not whose they are. So a pair is
 * known by a number, which is the default and the only value of a first option that no scenario
 * gives. After it come the options of the first engine, then those that only the second one has;
 * for each engine it is noted where its values stand among them.
 */
#include "fuzz/adapters/pairs.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/fault.h"
#include "sim/memory.h"

enum { OPTION_NUMBER, OPTIONS_FIRST };

struct pair {
    struct adapter adapter;
    struct adapter_map map;
    struct adapter_list list;
    struct adapter_option options[ADAPTER_VALUES_MAX + 1];
    uint32_t option_count;
    const struct adapter *engines[2];
    uint8_t places[2][ADAPTER_OPTIONS_MAX]; /* where the value of an engine's option stands */
    char claims[FAULT_CLASSES_TEXT_MAX];
};

static struct pair **pairs; /* to the end */
static uint32_t pair_count;

/* --- whose turn --- */

static enum beside_side side_now(const struct beside_object *object)
{
    return object->side;
}

static const struct beside_rule by_power_ons = {.writer = side_now, .reader = side_now};

/* --- what the two are asked --- */

static struct pair *pair_of(const struct adapter_settings *s)
{
    assert(s->values[OPTION_NUMBER] < pair_count);
    return pairs[s->values[OPTION_NUMBER]];
}

static struct beside_two two_of(const struct adapter_settings *s)
{
    const struct pair *pair = pair_of(s);
    struct beside_two two = {.rule = &by_power_ons};
    for (unsigned side = BESIDE_FIRST; side <= BESIDE_SECOND; side++) {
        two.adapters[side] = pair->engines[side];
        for (unsigned i = 0; i < ADAPTER_OPTIONS_MAX; i++)
            if (pair->places[side][i])
                two.settings[side].values[i] = s->values[pair->places[side][i]];
    }
    return two;
}

static bool same_ring(const struct beside_two *two, const struct bo_flash_geometry *g)
{
    uint32_t rings[2], ahead;
    if (two->adapters[BESIDE_FIRST]->kind == ADAPTER_MAP) return true;
    for (unsigned side = BESIDE_FIRST; side <= BESIDE_SECOND; side++) {
        const struct adapter_list *list = two->adapters[side]->list;
        rings[side] = list->ring ? list->ring(g, &two->settings[side], &ahead) : g->sector_count;
    }
    return rings[BESIDE_FIRST] == rings[BESIDE_SECOND];
}

static const char *refuses(const struct bo_flash_geometry *g, const struct adapter_settings *s)
{
    struct beside_two two = two_of(s);
    uint32_t key_min, key_max, value_max;
    const char *reason = beside_refuses(&two, g);
    if (reason) return reason;
    beside_limits(&two, g, &key_min, &key_max, &value_max);
    if (key_min > key_max) return "the two take no key in common";
    return same_ring(&two, g) ? NULL : "the two use other numbers of sectors";
}

static size_t object_size(const struct bo_flash_geometry *g, const struct adapter_settings *s)
{
    struct beside_two two = two_of(s);
    return beside_object_size(&two, g);
}

static void limits(const struct bo_flash_geometry *g, const struct adapter_settings *s,
                   uint32_t *key_size_min, uint32_t *key_size_max, uint32_t *value_size_max)
{
    struct beside_two two = two_of(s);
    beside_limits(&two, g, key_size_min, key_size_max, value_size_max);
}

static uint32_t value_size_min(const struct adapter_settings *s)
{
    struct beside_two two = two_of(s);
    uint32_t first =
        adapter_value_size_min(two.adapters[BESIDE_FIRST], &two.settings[BESIDE_FIRST]);
    uint32_t second =
        adapter_value_size_min(two.adapters[BESIDE_SECOND], &two.settings[BESIDE_SECOND]);
    return first > second ? first : second;
}

static uint32_t make_key(const struct adapter_settings *s, uint32_t n, uint8_t *key)
{
    struct beside_two two = two_of(s);
    unsigned side = two.adapters[BESIDE_FIRST]->make_key ? BESIDE_FIRST : BESIDE_SECOND;
    assert(two.adapters[side]->make_key);
    return two.adapters[side]->make_key(&two.settings[side], n, key);
}

/* What both survive. */
static const char *claims(const struct bo_flash_geometry *g, const struct adapter_settings *s)
{
    struct beside_two two = two_of(s);
    struct pair *pair = pair_of(s);
    uint32_t both = UINT32_MAX;
    assert(pair->adapter.claims_by == claims);
    for (unsigned side = BESIDE_FIRST; side <= BESIDE_SECOND; side++) {
        const char *text = adapter_claims(two.adapters[side], g, &two.settings[side]);
        both &= text ? fault_parse_classes(text) : 0;
    }
    pair->claims[0] = '\0';
    if (both) fault_print_classes(both, pair->claims);
    return pair->claims;
}

static uint32_t widened(const struct bo_flash_geometry *g, const struct adapter_settings *s)
{
    struct beside_two two = two_of(s);
    return beside_widened(&two, g, 1u << BESIDE_FIRST | 1u << BESIDE_SECOND);
}

/* 0: one of them states nothing. A call that one of them makes takes what that one states. */
static uint64_t larger(uint64_t a, uint64_t b)
{
    if (a == 0 || b == 0) return 0;
    if (a == ADAPTER_NO_CALL) return b;
    if (b == ADAPTER_NO_CALL) return a;
    return a > b ? a : b;
}

static struct adapter_bound bound_of(const struct adapter *it, const struct bo_flash_geometry *g,
                                     const struct adapter_settings *s, enum adapter_call call,
                                     bool uncut)
{
    if (uncut && it->bound_uncut) return it->bound_uncut(g, s, call);
    return it->bound ? it->bound(g, s, call) : (struct adapter_bound){0};
}

static struct adapter_bound bound_of_both(const struct bo_flash_geometry *g,
                                          const struct adapter_settings *s, enum adapter_call call,
                                          bool uncut)
{
    struct beside_two two = two_of(s);
    struct adapter_bound it[2];
    for (unsigned side = BESIDE_FIRST; side <= BESIDE_SECOND; side++)
        it[side] = bound_of(two.adapters[side], g, &two.settings[side], call, uncut);
    return (struct adapter_bound){.reads = larger(it[BESIDE_FIRST].reads, it[BESIDE_SECOND].reads),
                                  .changes =
                                      larger(it[BESIDE_FIRST].changes, it[BESIDE_SECOND].changes)};
}

static struct adapter_bound bound(const struct bo_flash_geometry *g,
                                  const struct adapter_settings *s, enum adapter_call call)
{
    return bound_of_both(g, s, call, false);
}

static struct adapter_bound bound_uncut(const struct bo_flash_geometry *g,
                                        const struct adapter_settings *s, enum adapter_call call)
{
    return bound_of_both(g, s, call, true);
}

static uint32_t transaction_max(const struct bo_flash_geometry *g, const struct adapter_settings *s)
{
    struct beside_two two = two_of(s);
    uint32_t least = 0;
    assert(two.adapters[BESIDE_FIRST]->kind == ADAPTER_MAP);
    for (unsigned side = BESIDE_FIRST; side <= BESIDE_SECOND; side++) {
        const struct adapter_map *map = two.adapters[side]->map;
        uint32_t most = map->transaction_max ? map->transaction_max(g, &two.settings[side]) : 0;
        if (most && (!least || most < least)) least = most;
    }
    return least;
}

static bool buffers(const struct adapter_settings *s)
{
    struct beside_two two = two_of(s);
    for (unsigned side = BESIDE_FIRST; side <= BESIDE_SECOND; side++) {
        const struct adapter_list *list = two.adapters[side]->list;
        if (list->buffers && list->buffers(&two.settings[side])) return true;
    }
    return false;
}

/* As large for both, which refuses() has seen to. */
static uint32_t ring(const struct bo_flash_geometry *g, const struct adapter_settings *s,
                     uint32_t *ahead)
{
    struct beside_two two = two_of(s);
    uint32_t sectors = g->sector_count;
    assert(two.adapters[BESIDE_FIRST]->kind != ADAPTER_MAP);
    *ahead = 0;
    for (unsigned side = BESIDE_FIRST; side <= BESIDE_SECOND; side++) {
        const struct adapter_list *list = two.adapters[side]->list;
        uint32_t more = 0;
        if (list->ring) sectors = list->ring(g, &two.settings[side], &more);
        if (more > *ahead) *ahead = more;
    }
    return sectors;
}

/* --- power-on --- */

static enum answer mount(void *object, const struct bo_flash *flash,
                         const struct adapter_settings *s)
{
    struct beside_two two = two_of(s);
    struct beside_object *it = object;
    assert(it->side == BESIDE_FIRST || it->side == BESIDE_SECOND);
    beside_place(it, &two, flash, s);
    return beside_turn_to(it, it->side);
}

/* By the first one, unless only the second one does it at all. */
static enum answer format(void *object, const struct bo_flash *flash,
                          const struct adapter_settings *s)
{
    struct beside_two two = two_of(s);
    beside_place(object, &two, flash, s);
    return beside_format(object, two.adapters[BESIDE_FIRST]->format ? BESIDE_FIRST : BESIDE_SECOND);
}

static enum answer reset(void *object, const struct bo_flash *flash,
                         const struct adapter_settings *s)
{
    struct beside_two two = two_of(s);
    struct beside_object *it = object;
    assert(two.adapters[BESIDE_FIRST]->reset && two.adapters[BESIDE_SECOND]->reset);
    beside_place(it, &two, flash, s);
    return beside_reset(it, it->side);
}

/* --- calls --- */

#define KEEP(call)                                                                                 \
    if (!first->call || !second->call) both->call = NULL

static void keep_map(struct adapter_map *both, const struct adapter_map *first,
                     const struct adapter_map *second)
{
    *both = beside_map;
    both->transaction_max = transaction_max;
    KEEP(remove);
    KEEP(clear);
    KEEP(each);
    KEEP(begin);
    KEEP(commit);
    KEEP(abort);
    KEEP(fetch_own);
    KEEP(open);
    KEEP(close);
    KEEP(fetch_at);
    KEEP(scan);
    KEEP(collect);
    KEEP(destroy);
}

static void keep_list(struct adapter_list *both, const struct adapter_list *first,
                      const struct adapter_list *second)
{
    *both = beside_list;
    both->buffers = buffers;
    both->ring = ring;
    both->spans = first->spans;
    both->numberless = first->numberless || second->numberless;
    KEEP(push);
    KEEP(append);
    KEEP(peek);
    KEEP(pop);
    KEEP(read);
    KEEP(seek);
    KEEP(clear);
    KEEP(sync);
    KEEP(seal);
    KEEP(idle);
    KEEP(fits);
    KEEP(space);
    KEEP(range);
    KEEP(each);
    both->space_sectors = (uint32_t)larger(first->space_sectors, second->space_sectors);
    both->seek_sectors = (uint32_t)larger(first->seek_sectors, second->seek_sectors);
    if (both->numberless) both->read = NULL, both->seek = NULL, both->range = NULL;
}

/* Always false, for `return`. */
static bool says(char reason[PAIRS_REASON_MAX], const char *what, const char *name)
{
    snprintf(reason, PAIRS_REASON_MAX, "%s%s", what, name);
    return false;
}

/* Whether the calls that both have are enough to judge them. */
static bool fit(const struct adapter *first, const struct adapter *second,
                char reason[PAIRS_REASON_MAX])
{
    struct adapter_list both;
    if (first->kind != second->kind) return says(reason, "the two are not of one kind", "");
    if (first->kind == ADAPTER_MAP) return true;
    keep_list(&both, first->list, second->list);
    bool enough = first->list->spans == second->list->spans && (both.push || both.append) &&
                  (both.each || both.pop);
    return enough || says(reason, "the two have too few calls in common", "");
}

/* --- options --- */

static struct adapter_option *option_named(struct pair *pair, const char *name)
{
    for (uint32_t i = OPTIONS_FIRST; i < pair->option_count; i++)
        if (strcmp(pair->options[i].name, name) == 0) return &pair->options[i];
    return NULL;
}

/* The values that both have, which must mean the same to both. */
static bool share(struct adapter_option *it, const struct adapter_option *other)
{
    uint64_t min = it->min > other->min ? it->min : other->min;
    uint64_t max = it->max < other->max ? it->max : other->max;
    if (min > max || !it->words != !other->words) return false;
    for (uint64_t i = min; it->words && i <= max; i++)
        if (strcmp(it->words[i - it->min], other->words[i - other->min]) != 0) return false;
    assert(min >= it->min && max <= it->max);
    if (it->words) it->words += min - it->min;
    it->min = min;
    it->max = max;
    it->value = it->value < min ? min : it->value > max ? max : it->value;
    it->fixed = it->fixed || other->fixed;
    it->binds = it->binds && other->binds;
    return true;
}

static bool add_options(struct pair *pair, enum beside_side side, char reason[PAIRS_REASON_MAX])
{
    const struct adapter_option *own = pair->engines[side]->options;
    for (unsigned i = 0; own && own[i].name; i++) {
        struct adapter_option *known = option_named(pair, own[i].name);
        if (known && !share(known, &own[i]))
            return says(reason, "the two have other values of the option ", own[i].name);
        if (!known && pair->option_count == ADAPTER_VALUES_MAX)
            return says(reason, "the two have too many options, such as ", own[i].name);
        if (!known) {
            known = &pair->options[pair->option_count++];
            *known = own[i];
        }
        pair->places[side][i] = (uint8_t)(known - pair->options);
        assert(pair->places[side][i] >= OPTIONS_FIRST && i < ADAPTER_OPTIONS_MAX);
    }
    return true;
}

/* What only one of them has, the other one can't refuse. */
static void unbind(struct pair *pair)
{
    uint32_t given[2] = {0};
    assert(pair->option_count <= ADAPTER_VALUES_MAX);
    for (unsigned side = BESIDE_FIRST; side <= BESIDE_SECOND; side++)
        for (unsigned i = 0; i < ADAPTER_OPTIONS_MAX; i++)
            given[side] |= 1u << pair->places[side][i];
    for (uint32_t i = OPTIONS_FIRST; i < pair->option_count; i++)
        if (!(given[BESIDE_FIRST] >> i & given[BESIDE_SECOND] >> i & 1))
            pair->options[i].binds = false;
}

/* --- making --- */

static char *text_of(const char *format, const char *first, const char *second)
{
    char *text;
    size_t size;
    FILE *out = memory_open(&text, &size);
    fprintf(out, format, first, second);
    memory_close(out, &text);
    return text;
}

static const char *widened_why(const struct adapter *first, const struct adapter *second)
{
    const char *one = first->widened_why, *other = second->widened_why;
    if (!one || !other || strcmp(one, other) == 0) return one ? one : other;
    return text_of("%s; %s", one, other);
}

static void fill(struct pair *pair, const char *name)
{
    const struct adapter *first = pair->engines[BESIDE_FIRST];
    const struct adapter *second = pair->engines[BESIDE_SECOND];
    assert(first->kind == second->kind && pair->options[pair->option_count].name == NULL);
    bool resets = first->reset && second->reset;
    pair->adapter = (struct adapter){
        .version = ADAPTER_VERSION,
        .kind = first->kind,
        .name = memory_text(name),
        .summary =
            text_of("%s and %s on one flash, each other power-on", first->name, second->name),
        .claims_by = claims,
        .widened_by = widened,
        .widened_why = widened_why(first, second),
        .promised = first->promised & second->promised,
        .options = pair->options,
        .relies_on_and = first->relies_on_and || second->relies_on_and,
        .has_globals = first->has_globals || second->has_globals,
        .refuses = refuses,
        .object_size = object_size,
        .limits = limits,
        .value_size_min = value_size_min,
        .make_key = first->make_key || second->make_key ? make_key : NULL,
        .format = first->format || second->format ? format : NULL,
        .reset = resets ? reset : NULL,
        .mount = mount,
        .bound = bound,
        .bound_uncut = bound_uncut,
        .panic = beside_panic,
    };
    if (first->kind == ADAPTER_MAP) keep_map(&pair->map, first->map, second->map);
    if (first->kind == ADAPTER_MAP) pair->adapter.map = &pair->map;
    if (first->kind != ADAPTER_MAP) keep_list(&pair->list, first->list, second->list);
    if (first->kind != ADAPTER_MAP) pair->adapter.list = &pair->list;
}

static struct pair *find(const char *name, const struct adapter *first,
                         const struct adapter *second)
{
    for (uint32_t i = 0; i < pair_count; i++) {
        struct pair *pair = pairs[i];
        if (pair->engines[BESIDE_FIRST] == first && pair->engines[BESIDE_SECOND] == second &&
            strcmp(pair->adapter.name, name) == 0)
            return pair;
    }
    return NULL;
}

const struct adapter *pairs_make(const char *name, const struct adapter *first,
                                 const struct adapter *second, char reason[PAIRS_REASON_MAX])
{
    struct pair *pair = find(name, first, second);
    if (pair) return &pair->adapter;
    if (!fit(first, second, reason)) return NULL;
    pair = memory_zeroed(1, sizeof *pair);
    *pair = (struct pair){.engines = {first, second}, .option_count = OPTIONS_FIRST};
    pair->options[OPTION_NUMBER] = (struct adapter_option){.name = "+",
                                                           .summary = "its number",
                                                           .value = pair_count,
                                                           .min = pair_count,
                                                           .max = pair_count,
                                                           .fixed = true};
    if (!add_options(pair, BESIDE_FIRST, reason) || !add_options(pair, BESIDE_SECOND, reason)) {
        free(pair);
        return NULL;
    }
    unbind(pair);
    fill(pair, name);
    pairs = memory_resize(pairs, pair_count + 1, sizeof *pairs);
    pairs[pair_count++] = pair;
    return &pair->adapter;
}

static const struct pair *pair_with(const struct adapter *adapter)
{
    for (uint32_t i = 0; i < pair_count; i++)
        if (&pairs[i]->adapter == adapter) return pairs[i];
    return NULL;
}

const struct adapter *pairs_side(const struct adapter *adapter, enum beside_side side)
{
    const struct pair *pair = pair_with(adapter);
    return pair ? pair->engines[side] : NULL;
}

void pairs_power_on(const struct adapter *adapter, void *object, enum beside_side side)
{
    struct beside_object *it = object;
    assert(side == BESIDE_FIRST || side == BESIDE_SECOND);
    if (pair_with(adapter)) it->side = side;
}
