/* space_torn.c - after a power-on that found a torn item the rest of its sector takes no more, and
 * counts as room all the same.
 */
#include "fuzz/subjects/small/small_queue.h"

bool subject_reuses(struct queue *queue)
{
    (void)queue;
    return true;
}

uint64_t subject_space(struct queue *queue)
{
    uint64_t sector = ring_slots(queue->flash) - 1, head = slots_left(queue);
    if (FAULTY && queue->torn != 0) head = sector - 1;
    return sectors_left(queue) * sector + head;
}

SMALL_QUEUE_SPACE("space-torn", "subject: room that a cut has taken counts as room")
