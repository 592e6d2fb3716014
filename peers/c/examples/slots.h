/* slots.h - the engine of the examples: a few short values, saved as one record.
 *
 * Each save erases the older of two sectors and programs the record there, with a number and a
 * checksum; power-on takes the newer of those that are whole. A cut costs at most what was being
 * saved. How a sector is read and saved is the example's: it is written for the calls of its door.
 */
#ifndef SLOTS_H
#define SLOTS_H

#include "fuzz/adapter.h"

#define SLOTS_VALUES 7u /* keys are the bytes from 0 up to here */
#define SLOTS_VALUE_MAX 7u

struct slots_record {
    uint32_t sum, number;
    struct {
        uint8_t used_and_size; /* 0: none, else its size and 1 */
        uint8_t bytes[SLOTS_VALUE_MAX];
    } values[SLOTS_VALUES];
};

/* The first member of an example's object. */
struct slots {
    bool (*load)(struct slots *slots, uint32_t sector); /* reads slots->record */
    bool (*save)(struct slots *slots, uint32_t sector); /* erases a sector, programs the record */
    uint32_t sector;                                    /* of the newest record */
    struct slots_record record;
};

/* Power-on, with load and save filled in. A part without a whole record is an empty store. */
enum answer slots_mount(struct slots *slots);

extern const struct adapter_map slots_calls;

const char *slots_refuses(const struct bo_flash_geometry *geometry,
                          const struct adapter_settings *settings);
void slots_limits(const struct bo_flash_geometry *geometry, const struct adapter_settings *settings,
                  uint32_t *key_size_min, uint32_t *key_size_max, uint32_t *value_size_max);
uint32_t slots_key(const struct adapter_settings *settings, uint32_t n, uint8_t *key);

/* The adapter of an example, whose object is a `struct object`: what it has beside these three is
 * the same in all of them. */
#define SLOTS_ADAPTER(variable_, name_, mount_)                                                    \
    static size_t object_size(const struct bo_flash_geometry *geometry,                            \
                              const struct adapter_settings *settings)                             \
    {                                                                                              \
        (void)geometry, (void)settings;                                                            \
        return sizeof(struct object);                                                              \
    }                                                                                              \
    extern const struct adapter variable_;                                                         \
    const struct adapter variable_ = {                                                             \
        .version = ADAPTER_VERSION,                                                                \
        .kind = ADAPTER_MAP,                                                                       \
        .name = name_,                                                                             \
        .summary = "example of a door: a few values in two sectors by turns",                      \
        .claims = "edge,prefix,bits",                                                              \
        .promised = ADAPTER_FULL_CHANGES,                                                          \
        .refuses = slots_refuses,                                                                  \
        .object_size = object_size,                                                                \
        .limits = slots_limits,                                                                    \
        .make_key = slots_key,                                                                     \
        .mount = mount_,                                                                           \
        .map = &slots_calls,                                                                       \
    }

#endif
