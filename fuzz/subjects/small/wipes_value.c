/* wipes_value.c - a store leaves no secret in RAM: when it is done it wipes the value, which is the
 * caller's, in the place of its own copy.
 */
#include "fuzz/subjects/small/small.h"

static enum answer store_and_wipe(void *object, const void *key, uint32_t key_size,
                                  const void *value, uint32_t value_size);
#define STORE store_and_wipe
#include "fuzz/subjects/small/small_map.h"

int subject_load(struct small_map *map)
{
    if (load_newest(map)) return -1;
    return map->torn ? move(map) : 0;
}

int subject_save(struct small_map *map, const struct record *change)
{
    return append_or_move(map, change);
}

static enum answer store_and_wipe(void *object, const void *key, uint32_t key_size,
                                  const void *value, uint32_t value_size)
{
    uint8_t copy[16];
    if (value_size > sizeof copy) return ANSWER_TOO_BIG;
    memcpy(copy, value, value_size);
    enum answer answer = small_store(object, key, key_size, copy, value_size);
    memset(FAULTY ? (void *)(uintptr_t)value : copy, 0, value_size);
    return answer;
}

SMALL_MAP("wipes-value", "subject: a store wipes the value that it was given")
