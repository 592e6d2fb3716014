/* region_unknown.c - the headers say nothing of the region that the queue was made for: one that
 * has fewer sectors now, or larger ones, shows a part of its items.
 */
#define PROMISED ADAPTER_KNOWS_REGION
#define RING_MARK(flash)                                                                           \
    (FAULTY ? 0u : (flash)->geometry.sector_size * 31u + (flash)->geometry.sector_count)

#include "fuzz/subjects/small/small_queue.h"

bool subject_reuses(struct queue *queue)
{
    (void)queue;
    return true;
}

SMALL_QUEUE("region-unknown", "subject: a queue of another region is opened")
