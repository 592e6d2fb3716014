/* vary.c - see vary.h.
 *
 * Each kind of change has one function that lists what there is of it. The numbers are few and
 * chosen: a case of ten operations has some hundreds of variations, each of which is tried together
 * with each way to take operations away.
 */
#include "fuzz/explore/vary.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/script/mix.h"
#include "sim/memory.h"

struct list {
    const struct script *script;
    struct variation *items;
    uint32_t count, room;
};

static void add(struct list *list, struct variation variation)
{
    if (list->count == list->room) {
        list->room = list->room ? 2 * list->room : 64;
        list->items = memory_resize(list->items, list->room, sizeof *list->items);
    }
    list->items[list->count++] = variation;
    assert(list->count <= list->room);
}

/* --- the chip --- */

static void add_sizes_of_sectors(struct list *list, uint32_t sectors)
{
    const struct bo_flash_geometry *g = &list->script->part.geometry;
    uint32_t size = g->sector_size, before = size;
    /* From large to small: what is nearest needs the fewest other changes. */
    const uint32_t sizes[] = {(size - 1) / 32 * 32,
                              size - g->page_size,
                              size / 4 * 3,
                              size / 3 * 2,
                              size / 2,
                              size / 3,
                              size / 4};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        uint32_t other = sizes[i];
        if (!other || other >= before || other % g->unit || other % g->read_unit) continue;
        add(list, (struct variation){.what = VARY_CHIP, .n = sectors, .size = other});
        before = other;
    }
}

static void add_chips(struct list *list)
{
    const struct bo_flash_geometry *g = &list->script->part.geometry;
    add_sizes_of_sectors(list, g->sector_count);
    for (uint32_t less = 1; less <= 2 && less < g->sector_count; less++) {
        uint32_t sectors = g->sector_count - less;
        add(list, (struct variation){.what = VARY_CHIP, .n = sectors, .size = g->sector_size});
        add_sizes_of_sectors(list, sectors);
    }
}

/* --- cuts --- */

#define NTH_MAX 4u

/* Its own, and where power is cut in it those that are plain. */
static uint32_t tears_like(const struct tear *tear, struct tear tears[4])
{
    static const struct tear plain[] = {
        {.kind = TEAR_NONE}, {.kind = TEAR_DONE}, {.kind = TEAR_PREFIX, .n = 1}};
    uint32_t count = 0;
    tears[count++] = *tear;
    for (size_t i = 0; i < sizeof plain / sizeof *plain && !tear->powered; i++) {
        if (tear->kind != plain[i].kind || tear->n != plain[i].n) tears[count++] = plain[i];
    }
    return count;
}

static void add_cuts_to(struct list *list, uint32_t from, uint32_t to)
{
    const struct cut *cut = &list->script->ops[from].cut;
    struct tear tears[4];
    uint32_t count = tears_like(&cut->tear, tears);
    for (uint32_t nth = 1; nth <= NTH_MAX; nth++) {
        for (uint32_t i = 0; i < count; i++) {
            if (from == to && nth == cut->nth && i == 0) continue;
            struct cut other = {.nth = nth, .tear = tears[i]};
            add(list, (struct variation){.what = VARY_CUT, .op = from, .n = to, .cut = other});
        }
    }
}

/* The nearest first: the operation itself, those before and after it. */
static void add_cuts(struct list *list)
{
    const struct op *ops = list->script->ops;
    uint32_t count = list->script->op_count;
    for (uint32_t from = 0; from < count; from++) {
        if (!ops[from].cut.nth) continue;
        for (uint32_t away = 0; away < count; away++) {
            uint32_t after = from + away;
            bool takes = after < count && op_takes_cut(ops[after].kind);
            if (takes && (!away || !ops[after].cut.nth)) add_cuts_to(list, from, after);
            if (!away || away > from) continue;
            const struct op *before = &ops[from - away];
            if (op_takes_cut(before->kind) && !before->cut.nth)
                add_cuts_to(list, from, from - away);
        }
    }
}

/* --- operations --- */

static void add_transactions(struct list *list)
{
    for (uint32_t i = 0; i < list->script->op_count; i++) {
        if (list->script->ops[i].kind != OP_BEGIN) continue;
        uint32_t end = script_after(list->script, i);
        if (end - i < 3 || !op_ends_transaction(list->script->ops[end - 1].kind)) continue;
        add(list, (struct variation){.what = VARY_FLAT, .op = i});
    }
}

#define SEEDS 64u

static void add_numbers(struct list *list, uint32_t i)
{
    const struct op *op = &list->script->ops[i];
    for (uint32_t place = 0; op_has_place(op->kind) && place < op->count && place < 8; place++)
        add(list, (struct variation){.what = VARY_PLACE, .op = i, .n = place});
    for (uint32_t seed = 0; op->kind == OP_ROT && seed < SEEDS && seed < op->seed; seed++)
        add(list, (struct variation){.what = VARY_SEED, .op = i, .n = seed});
}

/* Those that do much the same; and what shows most, in the end. */
static void add_kinds(struct list *list, uint32_t i)
{
    static const enum op_kind like[][2] = {{OP_PUSH, OP_APPEND},
                                           {OP_MOUNT, OP_BOOT},
                                           {OP_LOOK, OP_BOOT},
                                           {OP_BOOT, OP_MOUNT},
                                           {OP_APPEND, OP_PUSH}};
    enum op_kind kind = list->script->ops[i].kind;
    bool last = i + 1 == list->script->op_count;
    if (last && kind != OP_MOUNT) add(list, (struct variation){VARY_KIND, .op = i, .n = OP_MOUNT});
    for (size_t k = 0; k < sizeof like / sizeof *like; k++) {
        if (kind == like[k][0])
            add(list, (struct variation){.what = VARY_KIND, .op = i, .n = like[k][1]});
    }
}

static bool is_like(const struct op *a, const struct op *b)
{
    if (a->kind != b->kind || (op_has_key(a->kind) && a->key != b->key)) return false;
    return !op_puts(a->kind) || a->value->size == b->value->size;
}

static void add_copies(struct list *list, uint32_t i)
{
    const struct op *ops = list->script->ops;
    for (uint32_t from = 0; from < list->script->op_count; from++) {
        if (from == i || !op_is_work(ops[from].kind) || is_like(&ops[from], &ops[i])) continue;
        add(list, (struct variation){.what = VARY_COPY, .op = i, .n = from});
    }
}

static void add_keys(struct list *list, uint32_t i)
{
    const struct op *op = &list->script->ops[i];
    for (uint32_t key = 0; op_has_key(op->kind) && key < list->script->key_count; key++) {
        if (key != op->key) add(list, (struct variation){.what = VARY_KEY, .op = i, .n = key});
    }
}

/* Sizes that fill a sector but for some bytes: how many an engine keeps for itself is its secret.
 */
static void add_filling(struct list *list, enum vary_what what, uint32_t op)
{
    static const uint32_t own[] = {16, 24, 32, 40, 48, 64, 80, 96, 128, 160};
    uint32_t sector = list->script->part.geometry.sector_size;
    for (size_t k = 0; k < sizeof own / sizeof *own; k++) {
        if (sector > own[k])
            add(list, (struct variation){.what = what, .op = op, .n = sector - own[k]});
    }
}

/* Next to nothing, more or less of it, and a sector full. */
static void add_sizes(struct list *list, uint32_t i)
{
    const struct op *op = &list->script->ops[i];
    if (!op_puts(op->kind)) return;
    uint32_t sector = list->script->part.geometry.sector_size, size = op->value->size;
    const uint32_t others[] = {0, 1, size / 2, size + size / 2, 2 * size, sector / 2, sector / 3};
    for (size_t k = 0; k < sizeof others / sizeof *others; k++) {
        if (others[k] != size)
            add(list, (struct variation){.what = VARY_SIZE, .op = i, .n = others[k]});
    }
    add_filling(list, VARY_SIZE, i);
}

/* Of all operations at once. */
static void add_for_all(struct list *list)
{
    uint32_t sector = list->script->part.geometry.sector_size;
    const uint32_t sizes[] = {0, 1, sector / 2, sector / 3};
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++)
        add(list, (struct variation){.what = VARY_SIZES, .n = sizes[k]});
    add_filling(list, VARY_SIZES, 0);
    for (uint32_t key = 0; key < list->script->key_count && list->script->key_count > 1; key++)
        add(list, (struct variation){.what = VARY_KEYS, .n = key});
}

uint32_t vary_list(const struct script *script, struct variation **items)
{
    static void (*const adds[])(struct list *, uint32_t) = {add_numbers, add_kinds, add_copies,
                                                            add_keys, add_sizes};
    struct list list = {.script = script};
    add_chips(&list);
    add_transactions(&list);
    add_cuts(&list);
    add_for_all(&list);
    for (size_t k = 0; k < sizeof adds / sizeof *adds; k++) {
        for (uint32_t i = 0; i < script->op_count; i++)
            adds[k](&list, i);
    }
    *items = list.items;
    return list.count;
}

/* --- making one --- */

const struct value *vary_plain(struct script *script, uint32_t size, uint32_t letter)
{
    uint8_t *bytes = memory_new(size);
    memset(bytes, (int)('a' + letter % 26), size);
    const struct value *value = script_value(script, bytes, size);
    free(bytes);
    return value;
}

static void change_chip(struct script *script, uint32_t sectors, uint32_t size)
{
    struct bo_flash_geometry *g = &script->part.geometry;
    g->sector_count = sectors;
    g->sector_size = size;
    if (g->page_size > size) g->page_size = size;
}

/* A cut in the commit is one of the first call in the last change. */
static void flatten(struct script *script, uint32_t begin)
{
    uint32_t end = script_after(script, begin), inside = end - begin - 2;
    struct op *ops = script->ops;
    assert(ops[begin].kind == OP_BEGIN && end - begin >= 3 && end <= script->op_count);
    struct cut cut = ops[end - 1].cut;
    memmove(&ops[begin], &ops[begin + 1], inside * sizeof *ops);
    if (cut.nth) ops[begin + inside - 1].cut = (struct cut){.nth = 1, .tear = cut.tear};
    memmove(&ops[begin + inside], &ops[end], (script->op_count - end) * sizeof *ops);
    script->op_count -= 2;
}

static void change_op(struct script *script, const struct variation *variation)
{
    struct op *op = &script->ops[variation->op];
    struct cut cut = op->cut;
    switch (variation->what) {
    case VARY_PLACE:
        op->count = variation->n;
        break;
    case VARY_SEED:
        op->seed = variation->n;
        break;
    case VARY_KIND:
        op->kind = (enum op_kind)variation->n;
        break;
    case VARY_COPY:
        *op = script->ops[variation->n];
        break;
    case VARY_KEY:
        op->key = variation->n;
        break;
    default:
        assert(variation->what == VARY_SIZE && op_puts(op->kind));
        op->value = vary_plain(script, variation->n, variation->op);
    }
    if (!op_takes_cut(op->kind)) cut = (struct cut){0};
    op->cut = cut;
}

static void change_all(struct script *script, enum vary_what what, uint32_t n)
{
    assert(what == VARY_SIZES || (what == VARY_KEYS && n < script->key_count));
    for (uint32_t i = 0; i < script->op_count; i++) {
        struct op *op = &script->ops[i];
        if (what == VARY_KEYS && op_has_key(op->kind)) op->key = n;
        if (what == VARY_SIZES && op_puts(op->kind)) op->value = vary_plain(script, n, i);
    }
}

struct script *vary(const struct script *script, const struct variation *variation)
{
    struct script *other = script_copy(script);
    assert(variation->what < VARY_WHATS && variation->op <= script->op_count);
    switch (variation->what) {
    case VARY_CHIP:
        change_chip(other, variation->n, variation->size);
        break;
    case VARY_FLAT:
        flatten(other, variation->op);
        break;
    case VARY_CUT:
        other->ops[variation->op].cut = (struct cut){0};
        other->ops[variation->n].cut = variation->cut;
        break;
    case VARY_SIZES:
    case VARY_KEYS:
        change_all(other, variation->what, variation->n);
        break;
    default:
        change_op(other, variation);
    }
    return other;
}

/* --- at random --- */

#define CHANGES_MAX 3u

static uint32_t below(uint64_t *random, uint32_t end)
{
    assert(end > 0);
    return (uint32_t)(mix_next(random) % end);
}

/* Each kind of change is as likely as any other, however many there are of it. */
static const struct variation *choose(const struct variation *list, uint32_t count,
                                      uint64_t *random)
{
    enum vary_what what = (enum vary_what)below(random, VARY_WHATS);
    uint32_t first = 0;
    while (first < count && list[first].what != what)
        first++;
    uint32_t of_kind = 0;
    for (uint32_t i = first; i < count; i++)
        of_kind += list[i].what == what;
    if (!of_kind) return NULL;
    uint32_t nth = below(random, of_kind);
    for (uint32_t i = first;; i++) {
        if (list[i].what == what && nth-- == 0) return &list[i];
    }
}

static struct script *changed(struct script *script, uint64_t *random)
{
    struct variation *list;
    uint32_t count = vary_list(script, &list);
    const struct variation *chosen = choose(list, count, random);
    struct script *other = chosen ? vary(script, chosen) : script_copy(script);
    free(list);
    script_free(script);
    return other;
}

/* Each operation stays with the same probability, which is random, too. */
static void drop_at_random(struct script *script, uint64_t *random)
{
    uint32_t stays = 32 + below(random, 208), count = 0;
    for (uint32_t i = 0; i < script->op_count; i++) {
        if (below(random, 256) < stays) script->ops[count++] = script->ops[i];
    }
    script->op_count = count;
}

struct script *vary_at_random(const struct script *script, uint64_t *random)
{
    struct script *other = script_copy(script);
    assert(script->op_count > 0);
    for (uint32_t i = 1 + below(random, CHANGES_MAX); i > 0; i--)
        other = changed(other, random);
    if (below(random, 2)) drop_at_random(other, random);
    return other;
}
