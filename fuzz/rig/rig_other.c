/* rig_other.c - a power-on with another region, or another value of an option that binds.
 *
 * An update of the firmware gives a store more or fewer sectors, sectors of another size, or
 * another id. An engine that says that it knows then shows all that is there or refuses, and has
 * written nothing where it refuses. The image decides which of these is tried, so that a replay
 * tries the same.
 *
 * The engine sees the chip through a flash of another geometry: what lies after the end of the chip
 * reads as erased, and neither takes a program nor an erase. Bounds do not hold, as they are stated
 * for the region that the store was made for. Chip, model and figures are put back at the end.
 */
#include "fuzz/rig/rig_internal.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/rig/object.h"
#include "fuzz/script/ask.h"

#define JUNK 0x69

/* What the engine is given in the place of what the store was made with. */
struct other {
    struct bo_flash flash;
    struct adapter_settings settings;
    const struct bo_flash *under;
    bool binds; /* an option is another one, and must be refused */
    char what[80];
};

/* --- a flash of another geometry --- */

static uint64_t size_under(const struct other *other)
{
    return bo_flash_size(&(const struct bo_flash){.geometry = other->under->geometry});
}

static int read(void *context, uint32_t address, void *buffer, uint32_t size)
{
    const struct other *other = context;
    uint64_t end = size_under(other);
    uint32_t there = address >= end ? 0 : end - address < size ? (uint32_t)(end - address) : size;
    assert(there <= size && (!there || (uint64_t)address + there <= end));
    memset((uint8_t *)buffer + there, other->flash.geometry.erased, size - there);
    return there ? other->under->read(other->under->context, address, buffer, there) : 0;
}

static int program(void *context, uint32_t address, const void *data, uint32_t size)
{
    const struct other *other = context;
    if ((uint64_t)address + size > size_under(other)) return BO_FLASH_ERR_IO;
    return other->under->program(other->under->context, address, data, size);
}

static int erase(void *context, uint32_t address)
{
    const struct other *other = context;
    uint32_t size = other->flash.geometry.sector_size, each = other->under->geometry.sector_size;
    int error = 0;
    assert(each != 0 && size != 0);
    if (size % each || (uint64_t)address + size > size_under(other)) return BO_FLASH_ERR_IO;
    for (uint32_t at = 0; at < size && !error; at += each)
        error = other->under->erase(other->under->context, address + at);
    return error;
}

/* --- what is tried --- */

enum region { REGION_FEWER, REGION_MORE, REGION_LARGER, REGION_SMALLER, REGIONS };

/* False where there is none of that kind. */
static bool make_region(struct other *other, enum region region)
{
    struct bo_flash_geometry *g = &other->flash.geometry;
    bool even = g->sector_count % 2 == 0;
    assert(region < REGIONS && g->sector_count != 0);
    switch (region) {
    case REGION_FEWER:
        g->sector_count--;
        return g->sector_count != 0;
    case REGION_MORE:
        g->sector_count++;
        return g->sector_size * (uint64_t)g->sector_count <= UINT32_MAX;
    case REGION_LARGER:
        g->sector_size *= 2;
        g->sector_count /= 2;
        return even && g->sector_size <= UINT32_MAX / 2;
    default:
        g->sector_size /= 2;
        g->sector_count *= 2;
        return g->sector_size >= g->page_size && g->sector_count <= UINT32_MAX / 2;
    }
}

static uint32_t count_binding(const struct adapter *adapter)
{
    uint32_t count = 0;
    for (uint32_t i = 0; adapter->options && adapter->options[i].name; i++)
        count += adapter->options[i].binds;
    return count;
}

/* The value after the one that the store was made with, of the n-th option that binds. */
static bool make_option(struct other *other, const struct adapter *adapter, uint32_t n)
{
    for (uint32_t i = 0; adapter->options[i].name; i++) {
        const struct adapter_option *option = &adapter->options[i];
        uint64_t *value = &other->settings.values[i], before = *value;
        if (!option->binds || n--) continue;
        *value = before < option->max ? before + 1 : option->min;
        other->binds = true;
        snprintf(other->what, sizeof other->what, "%s=%" PRIu64 " in the place of %" PRIu64,
                 option->name, *value, before);
        return *value != before;
    }
    return false;
}

/* False where there is nothing to try, or the engine says itself that it can't work so. */
static bool make_other(struct rig *rig, struct other *other)
{
    const struct adapter *adapter = rig->adapter;
    uint32_t binding = count_binding(adapter);
    uint32_t regions = adapter->promised & ADAPTER_KNOWS_REGION ? REGIONS : 0;
    *other = (struct other){.settings = rig->settings, .under = chip_flash(rig->chip)};
    other->flash = (struct bo_flash){other->under->geometry, other, read, program, erase};
    if (binding + regions == 0) return false;
    assert(other->flash.context == other && "it stays where it is");
    uint32_t chosen = (uint32_t)((chip_hash(rig->chip).low >> 8) % (binding + regions));
    bool made = chosen < regions ? make_region(other, (enum region)chosen)
                                 : make_option(other, adapter, chosen - regions);
    const struct bo_flash_geometry *g = &other->flash.geometry;
    if (chosen < regions)
        snprintf(other->what, sizeof other->what, "%" PRIu32 " sectors of %" PRIu32 " bytes",
                 g->sector_count, g->sector_size);
    return made && bo_flash_geometry_valid(g) && !ask_refuses(adapter, g, &other->settings);
}

/* --- putting back --- */

struct kept {
    chip_mark mark;
    chip_hook *hook;
    void *context;
    struct adapter_bound bounds[ADAPTER_CALLS], bounds_uncut[ADAPTER_CALLS], worst[ADAPTER_CALLS];
    struct chip_counters spent[ADAPTER_CALLS], then;
    enum adapter_call call;
};

/* No bound holds from here on, and an endless call is one that reads all of it many times. */
static void put_aside(struct rig *rig, struct kept *kept)
{
    uint64_t most = 128 * (bo_flash_size(chip_flash(rig->chip)) + 4096);
    kept->hook = chip_hook_of(rig->chip, &kept->context);
    chip_set_hook(rig->chip, NULL, NULL);
    kept->mark = chip_set_mark(rig->chip);
    memcpy(kept->bounds, rig->bounds, sizeof kept->bounds);
    memcpy(kept->bounds_uncut, rig->bounds_uncut, sizeof kept->bounds_uncut);
    memcpy(kept->worst, rig->worst, sizeof kept->worst);
    memcpy(kept->spent, rig->spent, sizeof kept->spent);
    kept->then = rig->then;
    kept->call = rig->call;
    for (int i = 0; i < ADAPTER_CALLS; i++)
        rig->bounds[i] = rig->bounds_uncut[i] = (struct adapter_bound){most, most};
    model_copy(&rig_here(rig)->before, rig_model(rig));
}

static void put_back(struct rig *rig, const struct kept *kept)
{
    model_copy(rig_model(rig), &rig_here(rig)->before);
    memcpy(rig->bounds, kept->bounds, sizeof kept->bounds);
    memcpy(rig->bounds_uncut, kept->bounds_uncut, sizeof kept->bounds_uncut);
    memcpy(rig->worst, kept->worst, sizeof kept->worst);
    memcpy(rig->spent, kept->spent, sizeof kept->spent);
    rig->then = kept->then;
    rig->call = kept->call;
    chip_rollback(rig->chip, kept->mark);
    chip_clear_breach(rig->chip);
    chip_set_hook(rig->chip, kept->hook, kept->context);
}

/* --- judging --- */

static bool finds(struct rig *rig, const struct other *other, enum seen seen, const char *got)
{
    rig->call = ADAPTER_CALL_MOUNT;
    return rig_finds(rig, CLAUSE_HONEST, seen,
                     "mount with %s: expected a refusal, and nothing written%s, got %s",
                     other->what, other->binds ? "" : ", or all that is there", got);
}

/* The look's own words say what is not there. */
static bool shows_all(struct rig *rig, const struct other *other, void *object)
{
    if (rig->kind->look(rig, object, true)) return true;
    struct finding seen = rig->finding;
    assert(seen.clause != CLAUSE_NONE && "a look that is not fine has found something");
    rig->finding.clause = CLAUSE_NONE;
    return finds(rig, other, seen.seen == SEEN_RULE ? SEEN_OTHER : seen.seen, seen.text);
}

static bool is_blank(const struct rig *rig, uint64_t at, uint64_t size)
{
    uint8_t piece[64];
    assert(at + size <= bo_flash_size(chip_flash(rig->chip)));
    for (uint64_t i = 0; i < size; i += sizeof piece) {
        uint32_t part = size - i < sizeof piece ? (uint32_t)(size - i) : sizeof piece;
        chip_peek(rig->chip, (uint32_t)(at + i), piece, part);
        for (uint32_t j = 0; j < part; j++) {
            if (piece[j] != chip_flash(rig->chip)->geometry.erased) return false;
        }
    }
    return true;
}

/* An empty store belongs to nobody. */
static bool holds_any(struct rig *rig)
{
    const struct model *model = rig_model(rig);
    if (!model_is_map(model)) return model_list_count(&model->list) != 0;
    for (uint32_t key = 0; key < model->key_count; key++) {
        if (model->slots[key].allowed[0]) return true;
    }
    return false;
}

static bool judge(struct rig *rig, struct other *other, void *object, size_t size)
{
    struct chip_hash before = chip_hash(rig->chip);
    assert(object != rig_object(rig) && rig->finding.clause == CLAUSE_NONE);
    rig_fill_junk(rig, object, size, JUNK);
    rig_before(rig, ADAPTER_CALL_MOUNT);
    enum answer answer = rig->adapter->mount(object, &other->flash, &other->settings);
    rig_note_return();
    struct chip_hash after = chip_hash(rig->chip);
    if (!object_is_whole(object, size))
        return finds(rig, other, SEEN_EXTRA, "a write outside of its object");
    if (!rig_is_sane(rig, ADAPTER_CALL_MOUNT, answer)) return false;
    bool wrote = before.low != after.low || before.high != after.high;
    if (answer != ANSWER_OK)
        return !wrote || finds(rig, other, SEEN_BACK, "a refusal, and programs or erases");
    if (other->binds) return finds(rig, other, SEEN_OTHER, "ok");
    if (chip_breach(rig->chip)->rule != CHIP_RULE_KEPT)
        return finds(rig, other, SEEN_OTHER, "ok, and a call of the flash that breaks its rules");
    return shows_all(rig, other, object);
}

/* Whether items lie in two sectors of the region. */
static bool items_lie_apart(const struct model_list *list, const struct other *other)
{
    uint64_t each = other->under->geometry.sector_size, one = UINT64_MAX;
    for (uint32_t i = list->first; i < list->end; i++) {
        const struct model_item *item = &list->items[i];
        uint64_t sector = item->sector * each / other->flash.geometry.sector_size;
        bool known = item->sector != CHIP_SECTOR_NONE && item->span == 0;
        if (!known || sector >= other->flash.geometry.sector_count) continue;
        if (one != UINT64_MAX && sector != one) return true;
        one = sector;
    }
    return false;
}

/* Whether what is there lies in two sectors of the region: one alone may be a store that was about
 * to begin, and whose first program or erase was cut. Where values of a map lie is not known. */
static bool is_in_use(struct rig *rig, const struct other *other)
{
    const struct bo_flash_geometry *g = &other->flash.geometry;
    uint32_t used = 0;
    assert(g->sector_size != 0 && !rig_is_off(rig));
    if (!model_is_map(rig_model(rig))) return items_lie_apart(&rig_model(rig)->list, other);
    for (uint32_t i = 0; i < g->sector_count && used < 2; i++) {
        uint64_t at = (uint64_t)i * g->sector_size, end = size_under(other);
        if (at < end && !is_blank(rig, at, end - at < g->sector_size ? end - at : g->sector_size))
            used++;
    }
    return used == 2;
}

/* What can't be seen twice, or not put back, is not tried. */
static bool may_be_tried(const struct rig *rig)
{
    const struct adapter *adapter = rig->adapter;
    bool shows = adapter->kind == ADAPTER_MAP || adapter->list->each;
    return shows && !adapter->has_globals && !rig->touched && !rig->rotten &&
           !chip_unstable(rig->chip);
}

bool rig_other(struct rig *rig)
{
    struct other other;
    struct kept *kept;
    if (!may_be_tried(rig) || !model_is_decided(rig_model(rig)) || !holds_any(rig)) return true;
    if (!make_other(rig, &other) || !is_in_use(rig, &other)) return true;
    size_t size = ask_object_size(rig->adapter, &other.flash.geometry, &other.settings);
    void *object = object_new(size);
    kept = memory_new(sizeof *kept);
    put_aside(rig, kept);
    bool fine = judge(rig, &other, object, size);
    put_back(rig, kept);
    object_free(object, size);
    free(kept);
    return fine || rig_goes_on(rig);
}
