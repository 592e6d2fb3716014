/* space_of_head.c - the room that is left is counted in the sector that is filled alone: less than
 * is taken, and a device that believes it gives up items which had room.
 */
#include "fuzz/subjects/small/small_queue.h"

bool subject_reuses(struct queue *queue)
{
    (void)queue;
    return true;
}

uint64_t subject_space(struct queue *queue)
{
    uint64_t sectors = FAULTY ? 0 : sectors_left(queue);
    return sectors * (ring_slots(queue->flash) - 1) + slots_left(queue);
}

SMALL_QUEUE_SPACE("space-of-head", "subject: of the room that is left a part is counted")
