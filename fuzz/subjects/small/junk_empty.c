/* junk_empty.c - where no bank is good the store is an empty one: of a part full of bytes that
 * nobody wrote, too, and the next change writes over what was somebody else's.
 */
#define PROMISED ADAPTER_REFUSES_JUNK
#include "fuzz/subjects/small/small_map.h"

int subject_load(struct small_map *map)
{
    if (load_newest(map)) return FAULTY ? 0 : -1;
    return map->torn ? move(map) : 0;
}

int subject_save(struct small_map *map, const struct record *change)
{
    return append_or_move(map, change);
}

SMALL_MAP("junk-empty", "subject: random bytes are an empty store")
