/* rot_format.c - a damaged record in the bank that is no longer in use is taken as a sign of a part
 * that fails, and the store starts anew. No cut leaves such a record, but one bit that rots does.
 * Power-on itself leaves none: what it moves away from is erased.
 */
#include "fuzz/subjects/small/small_map.h"

static bool has_damaged(struct small_map *map, uint32_t bank)
{
    struct record record;
    for (uint32_t slot = 1; slot < slots(map); slot++) {
        if (read_record(map, bank, slot, &record) == RECORD_TORN) return true;
    }
    return false;
}

int subject_load(struct small_map *map)
{
    if (load_newest(map)) return -1;
    bool older = bank_sequence(map, !map->bank) != 0;
    if (FAULTY && older && has_damaged(map, !map->bank)) {
        map->count = 0;
        return move(map);
    }
    if (!map->torn) return 0;
    int error = move(map);
    return error ? error : erase_bank(map, !map->bank);
}

int subject_save(struct small_map *map, const struct record *change)
{
    return append_or_move(map, change);
}

SMALL_MAP("rot-format", "subject: one bit that rots, and the store is formatted")
