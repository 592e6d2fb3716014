/* id_unchecked.c - the id of a queue is written and never looked at: one of another is opened. */
#define OPTIONS options
#define CHECKS_ID !FAULTY

#include "fuzz/adapter.h"

static const struct adapter_option options[] = {
    {.name = "id", .summary = "of the queue", .value = 3, .max = 200, .binds = true},
    {.name = NULL},
};

#include "fuzz/subjects/small/small_queue.h"

bool subject_reuses(struct queue *queue)
{
    (void)queue;
    return true;
}

SMALL_QUEUE("id-unchecked", "subject: a queue of another id is opened")
