/* two_slots.c - a settings store of one's own under Brownout: a complete plugin.
 *
 * The store keeps all settings in RAM and writes them as one snapshot, in turn into sector 0 and
 * sector 1. A snapshot has a sequence number and a checksum; power-on takes the valid one with the
 * higher number. So a cut, whatever it leaves, costs at most the snapshot that was being written.
 *
 *   sector: crc 4, sequence 4, size 4, then `size` bytes of settings, padded to whole units
 *   a setting: key size 1, value size 2, key, value
 *
 * The first half of this file is the store, as firmware has it; the second half is its adapter,
 * which the harness drives it by.
 */
#include "fuzz/adapter.h"

#include <string.h>

#define HEADER 12u

struct store {
    const struct bo_flash *flash;
    uint32_t slot;     /* sector of the newest snapshot */
    uint32_t sequence; /* of that snapshot */
    uint32_t size;     /* bytes of settings */
    uint8_t *now;      /* the newest snapshot, header included; a sector long */
    uint8_t *next;     /* the one being made; a sector long */
};

static uint32_t get(const uint8_t *bytes, int count)
{
    uint32_t value = 0;
    while (count-- > 0)
        value = value << 8 | bytes[count];
    return value;
}

static void put(uint8_t *bytes, int count, uint32_t value)
{
    for (int i = 0; i < count; i++)
        bytes[i] = (uint8_t)(value >> 8 * i);
}

static uint32_t crc32(const uint8_t *bytes, uint32_t size)
{
    uint32_t crc = 0x2510C0DE;
    while (size-- > 0) {
        crc ^= *bytes++;
        for (int bit = 0; bit < 8; bit++)
            crc = crc & 1u ? crc >> 1 ^ 0xEDB88320u : crc >> 1;
    }
    return crc;
}

static uint32_t sector_size(const struct store *store)
{
    return store->flash->geometry.sector_size;
}

static uint32_t setting_size(const uint8_t *setting)
{
    return 3 + setting[0] + get(setting + 1, 2);
}

/* Makes store->next, which has `size` bytes of settings, the newest snapshot. */
static int commit(struct store *store, uint32_t size)
{
    uint32_t slot = 1 - store->slot, unit = store->flash->geometry.unit;
    uint8_t *snapshot = store->next;
    put(snapshot + 4, 4, store->sequence + 1);
    put(snapshot + 8, 4, size);
    put(snapshot, 4, crc32(snapshot + 4, HEADER - 4 + size));
    uint32_t length = (HEADER + size + unit - 1) / unit * unit;
    memset(snapshot + HEADER + size, store->flash->geometry.erased, length - HEADER - size);
    int error = bo_flash_erase(store->flash, slot * sector_size(store));
    if (!error) error = bo_flash_program(store->flash, slot * sector_size(store), snapshot, length);
    if (error) return error;
    store->next = store->now;
    store->now = snapshot;
    store->slot = slot;
    store->sequence++;
    store->size = size;
    return 0;
}

/* Whether settings fill their bytes exactly: a checksum proves no more than who wrote it. */
static bool well_formed(const uint8_t *setting, uint32_t size)
{
    while (size >= 3 && setting_size(setting) <= size) {
        size -= setting_size(setting);
        setting += setting_size(setting);
    }
    return size == 0;
}

/* Reads a snapshot into store->next. Returns its count of bytes, -1 when it is not valid. */
static int64_t read_snapshot(struct store *store, uint32_t slot)
{
    uint8_t *snapshot = store->next;
    uint32_t size = sector_size(store);
    if (bo_flash_read(store->flash, slot * size, snapshot, size)) return -1;
    uint32_t count = get(snapshot + 8, 4);
    if (count > size - HEADER) return -1;
    if (get(snapshot, 4) != crc32(snapshot + 4, HEADER - 4 + count)) return -1;
    return well_formed(snapshot + HEADER, count) ? (int64_t)count : -1;
}

/* Takes the newer of the two snapshots. Returns false when neither is valid. */
static bool load(struct store *store)
{
    bool found = false;
    for (uint32_t slot = 0; slot < 2; slot++) {
        int64_t size = read_snapshot(store, slot);
        if (size < 0) continue;
        uint32_t sequence = get(store->next + 4, 4);
        if (found && (int32_t)(sequence - store->sequence) < 0) continue;
        uint8_t *snapshot = store->next;
        store->next = store->now;
        store->now = snapshot;
        store->slot = slot;
        store->sequence = sequence;
        store->size = (uint32_t)size;
        found = true;
    }
    return found;
}

/* Finds a setting of the newest snapshot; NULL when there is none. */
static const uint8_t *find(const struct store *store, const void *key, uint32_t key_size)
{
    const uint8_t *setting = store->now + HEADER, *end = setting + store->size;
    for (; setting < end; setting += setting_size(setting))
        if (setting[0] == key_size && memcmp(setting + 3, key, key_size) == 0) return setting;
    return NULL;
}

/* Copies all settings but one into store->next. Returns their size. */
static uint32_t copy_without(struct store *store, const uint8_t *setting)
{
    const uint8_t *all = store->now + HEADER;
    uint32_t before = setting ? (uint32_t)(setting - all) : store->size;
    uint32_t skipped = setting ? setting_size(setting) : 0;
    memcpy(store->next + HEADER, all, before);
    memcpy(store->next + HEADER + before, all + before + skipped, store->size - before - skipped);
    return store->size - skipped;
}

/* --- what the harness wants to know --- */

static enum answer slots_store(void *object, const void *key, uint32_t key_size, const void *value,
                               uint32_t value_size)
{
    struct store *store = object;
    uint32_t size = copy_without(store, find(store, key, key_size));
    uint32_t room = sector_size(store) - HEADER;
    if (key_size > 255 || value_size > 65535) return ANSWER_TOO_BIG;
    if (3 + key_size + value_size > room - size) return ANSWER_FULL;
    uint8_t *setting = store->next + HEADER + size;
    put(setting, 1, key_size);
    put(setting + 1, 2, value_size);
    memcpy(setting + 3, key, key_size);
    memcpy(setting + 3 + key_size, value, value_size);
    return commit(store, size + 3 + key_size + value_size) ? ANSWER_FLASH : ANSWER_OK;
}

static enum answer slots_fetch(void *object, const void *key, uint32_t key_size, void *buffer,
                               uint32_t capacity, uint32_t *value_size)
{
    const uint8_t *setting = find(object, key, key_size);
    if (!setting) return ANSWER_NOT_FOUND;
    *value_size = get(setting + 1, 2);
    memcpy(buffer, setting + 3 + key_size, *value_size < capacity ? *value_size : capacity);
    return ANSWER_OK;
}

static enum answer slots_remove(void *object, const void *key, uint32_t key_size)
{
    const uint8_t *setting = find(object, key, key_size);
    if (!setting) return ANSWER_NOT_FOUND;
    return commit(object, copy_without(object, setting)) ? ANSWER_FLASH : ANSWER_OK;
}

static enum answer slots_clear(void *object)
{
    return commit(object, 0) ? ANSWER_FLASH : ANSWER_OK;
}

static enum answer slots_each(void *object, adapter_visit *visit, void *context)
{
    const struct store *store = object;
    const uint8_t *setting = store->now + HEADER, *end = setting + store->size;
    for (; setting < end; setting += setting_size(setting))
        visit(context, setting + 3, setting[0], setting + 3 + setting[0], get(setting + 1, 2));
    return ANSWER_OK;
}

static const char *slots_refuses(const struct bo_flash_geometry *geometry,
                                 const struct adapter_settings *settings)
{
    (void)settings;
    if (geometry->sector_count < 2) return "two slots want two sectors";
    return geometry->sector_size < 32 ? "a sector of 32 bytes is the least" : NULL;
}

/* The store and its two buffers in one piece of memory, which is junk at power-on. */
static size_t slots_object_size(const struct bo_flash_geometry *geometry,
                                const struct adapter_settings *settings)
{
    (void)settings;
    return sizeof(struct store) + 2 * (size_t)geometry->sector_size;
}

/* What a store may take at the most; together they need not fit. */
static void slots_limits(const struct bo_flash_geometry *geometry,
                         const struct adapter_settings *settings, uint32_t *key_size_min,
                         uint32_t *key_size_max, uint32_t *value_size_max)
{
    uint32_t room = geometry->sector_size - HEADER - 3;
    (void)settings;
    *key_size_min = 1;
    *key_size_max = room < 255 ? room : 255;
    *value_size_max = room - 1 < 65535 ? room - 1 : 65535;
}

static struct store *power_on(void *object, const struct bo_flash *flash)
{
    struct store *store = object;
    uint8_t *buffers = (uint8_t *)object + sizeof *store;
    *store = (struct store){
        .flash = flash, .now = buffers, .next = buffers + flash->geometry.sector_size};
    return store;
}

/* Called once, on a blank chip: an empty snapshot. */
static enum answer slots_format(void *object, const struct bo_flash *flash,
                                const struct adapter_settings *settings)
{
    (void)settings;
    return commit(power_on(object, flash), 0) ? ANSWER_FLASH : ANSWER_OK;
}

static enum answer slots_mount(void *object, const struct bo_flash *flash,
                               const struct adapter_settings *settings)
{
    (void)settings;
    return load(power_on(object, flash)) ? ANSWER_OK : ANSWER_DAMAGED;
}

static const struct adapter_map calls = {
    .store = slots_store,
    .fetch = slots_fetch,
    .remove = slots_remove,
    .clear = slots_clear,
    .each = slots_each,
};

static const struct adapter two_slots = {
    .version = ADAPTER_VERSION,
    .kind = ADAPTER_MAP,
    .name = "two-slots",
    .summary = "example plugin: all settings as one snapshot, in two sectors by turns",
    .claims = "edge,prefix,bits,zeros",
    .promised = ADAPTER_FULL_CHANGES,
    .refuses = slots_refuses,
    .object_size = slots_object_size,
    .limits = slots_limits,
    .format = slots_format,
    .mount = slots_mount,
    .map = &calls,
};

adapter_entry brownout_adapter; /* declares the one function that the harness looks for */

const struct adapter *brownout_adapter(void)
{
    return &two_slots;
}
