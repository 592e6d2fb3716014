/* fetch_stale.c - a fetch goes by what power-on found. After a move to the other bank it finds
 * nothing but the youngest key, until the next power-on.
 */
#define FETCHES_ASIDE
#include "fuzz/subjects/small/small_map.h"

int subject_load(struct small_map *map)
{
    return load_newest(map);
}

/* The key that came last has its place noted by the store itself. */
enum answer subject_fetches(struct small_map *map, const struct record *held)
{
    bool last = map->count && held == &map->held[map->count - 1];
    return FAULTY && map->unread && !last ? ANSWER_NOT_FOUND : ANSWER_OK;
}

int subject_save(struct small_map *map, const struct record *change)
{
    uint32_t before = map->bank;
    int error = append_or_move(map, change);
    map->unread = map->unread || map->bank != before;
    return error;
}

SMALL_MAP("fetch-stale", "subject: a fetch goes by an index that a move does not renew")
