/* counts_lazily.c - a counter of four bytes is written at every fourth step only: the steps between
 * are in RAM alone.
 */
#include "fuzz/subjects/small/small_map.h"

static uint32_t number_in(const struct record *record)
{
    uint32_t number = 0;
    for (uint32_t i = 4; i-- > 0;)
        number = number << 8 | record->value[i];
    return number;
}

/* How far the counter has gone since it was written; 0: it is none. */
static uint32_t steps(struct small_map *map, const struct record *change)
{
    struct record record, last = {.value_size = 0};
    for (uint32_t slot = 1; slot < map->next; slot++) {
        bool valid = read_record(map, map->bank, slot, &record) == RECORD_VALID;
        if (valid && is_of(&record, change)) last = record;
    }
    if (change->value_size != 4 || last.value_size != 4) return 0;
    return number_in(change) - number_in(&last);
}

int subject_load(struct small_map *map)
{
    return load_newest(map);
}

int subject_save(struct small_map *map, const struct record *change)
{
    uint32_t gone = FAULTY ? steps(map, change) : 0;
    if (gone > 0 && gone < 4) return 0;
    return append_or_move(map, change);
}

SMALL_MAP("counts-lazily", "subject: a counter is written at every fourth step")
