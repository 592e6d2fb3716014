/* slots.c - the engine of the examples, and the table of all of them. */
#include "peers/c/examples/slots.h"

#include <string.h>

static uint32_t sum_of(const struct slots_record *record)
{
    const uint8_t *bytes = (const uint8_t *)&record->number;
    uint32_t crc = 0x2510C0DE;
    for (size_t i = 0; i < sizeof *record - sizeof record->sum; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc & 1u ? crc >> 1 ^ 0xEDB88320u : crc >> 1;
    }
    return crc;
}

enum answer slots_mount(struct slots *slots)
{
    struct slots_record newest = {0};
    uint32_t sector = 1;
    for (uint32_t i = 0; i < 2; i++) {
        if (!slots->load(slots, i)) return ANSWER_FLASH;
        if (slots->record.sum != sum_of(&slots->record)) continue;
        if ((int32_t)(slots->record.number - newest.number) <= 0) continue;
        newest = slots->record;
        sector = i;
    }
    slots->record = newest;
    slots->sector = sector;
    return ANSWER_OK;
}

/* Makes `next` what is stored. */
static enum answer save(struct slots *slots, const struct slots_record *next)
{
    struct slots_record before = slots->record;
    uint32_t sector = 1 - slots->sector;
    slots->record = *next;
    slots->record.number++;
    slots->record.sum = sum_of(&slots->record);
    if (slots->save(slots, sector)) {
        slots->sector = sector;
        return ANSWER_OK;
    }
    slots->record = before;
    return ANSWER_FLASH;
}

static enum answer store(void *object, const void *key, uint32_t key_size, const void *value,
                         uint32_t value_size)
{
    struct slots *slots = object;
    struct slots_record next = slots->record;
    uint32_t n = *(const uint8_t *)key;
    if (key_size != 1 || n >= SLOTS_VALUES || value_size > SLOTS_VALUE_MAX) return ANSWER_TOO_BIG;
    memset(&next.values[n], 0, sizeof next.values[n]);
    next.values[n].used_and_size = (uint8_t)(1 + value_size);
    if (value_size > 0) memcpy(next.values[n].bytes, value, value_size);
    return save(slots, &next);
}

static enum answer fetch(void *object, const void *key, uint32_t key_size, void *buffer,
                         uint32_t capacity, uint32_t *value_size)
{
    const struct slots *slots = object;
    uint32_t n = *(const uint8_t *)key;
    if (key_size != 1 || n >= SLOTS_VALUES) return ANSWER_NOT_FOUND;
    if (slots->record.values[n].used_and_size == 0) return ANSWER_NOT_FOUND;
    *value_size = slots->record.values[n].used_and_size - 1u;
    memcpy(buffer, slots->record.values[n].bytes, *value_size < capacity ? *value_size : capacity);
    return ANSWER_OK;
}

static enum answer remove_key(void *object, const void *key, uint32_t key_size)
{
    struct slots *slots = object;
    struct slots_record next = slots->record;
    uint32_t n = *(const uint8_t *)key;
    if (key_size != 1 || n >= SLOTS_VALUES) return ANSWER_NOT_FOUND;
    if (next.values[n].used_and_size == 0) return ANSWER_NOT_FOUND;
    memset(&next.values[n], 0, sizeof next.values[n]);
    return save(slots, &next);
}

const struct adapter_map slots_calls = {.store = store, .fetch = fetch, .remove = remove_key};

/* A record is 64 bytes, so that it is whole units of every part. */
const char *slots_refuses(const struct bo_flash_geometry *geometry,
                          const struct adapter_settings *settings)
{
    (void)settings;
    if (geometry->sector_count < 2) return "two slots want two sectors";
    return geometry->sector_size < sizeof(struct slots_record) ? "a record has 64 bytes" : NULL;
}

void slots_limits(const struct bo_flash_geometry *geometry, const struct adapter_settings *settings,
                  uint32_t *key_size_min, uint32_t *key_size_max, uint32_t *value_size_max)
{
    (void)geometry;
    (void)settings;
    *key_size_min = *key_size_max = 1;
    *value_size_max = SLOTS_VALUE_MAX;
}

uint32_t slots_key(const struct adapter_settings *settings, uint32_t n, uint8_t *key)
{
    (void)settings;
    *key = (uint8_t)n;
    return n < SLOTS_VALUES ? 1 : 0;
}

extern const struct adapter slots_hal, slots_littlefs, slots_zephyr, slots_esp;

extern const struct adapter *const brownout_adapters[];

const struct adapter *const brownout_adapters[] = {&slots_hal, &slots_littlefs, &slots_zephyr,
                                                   &slots_esp, NULL};
