/* fetch_torn.c - where power-on finds a torn record it leaves that to the first visit or change. A
 * fetch of what is there that comes before them answers that it is damaged.
 */
#define READS_LATE
#define FETCHES_ASIDE
#include "fuzz/subjects/small/small_map.h"

int subject_load(struct small_map *map)
{
    if (load_newest(map)) return -1;
    map->unread = map->torn != 0;
    return 0;
}

void subject_before_read(struct small_map *map)
{
    map->unread = false;
}

enum answer subject_fetches(struct small_map *map, const struct record *held)
{
    return FAULTY && map->unread && held ? ANSWER_DAMAGED : ANSWER_OK;
}

int subject_save(struct small_map *map, const struct record *change)
{
    map->unread = false;
    return append_or_move(map, change);
}

SMALL_MAP("fetch-torn", "subject: a fetch does not pass over a torn record")
