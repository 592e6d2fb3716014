/* adapter_list.h - what the adapters of the queue and log engines share. */
#ifndef BROWNOUT_ADAPTER_LIST_H
#define BROWNOUT_ADAPTER_LIST_H

#include <assert.h>
#include "engines/queue/queue.h"
#include "engines/ringlog/ringlog.h"
#include "fuzz/adapter.h"

#define LIST_SAME(name) ((int)QUEUE_ERR_##name == (int)RINGLOG_ERR_##name)
_Static_assert((int)QUEUE_ERR_EMPTY == (int)RINGLOG_ERR_NOT_FOUND, "one number for nothing there");
_Static_assert(LIST_SAME(TOO_BIG) && LIST_SAME(BUFFER), "one number for each error of a size");
_Static_assert(LIST_SAME(UNSUPPORTED) && LIST_SAME(GEOMETRY) && LIST_SAME(DAMAGED),
               "one number for each refusal");

/* The answer that an error of flash.h, queue.h or ringlog.h stands for; their numbers are those of
 * store.h. */
static inline enum answer list_answer(int error)
{
    switch (error) {
    case BO_FLASH_OK:
        return ANSWER_OK;
    case QUEUE_ERR_EMPTY:
        return ANSWER_NOT_FOUND;
    case QUEUE_ERR_FULL:
        return ANSWER_FULL;
    case QUEUE_ERR_TOO_BIG:
    case QUEUE_ERR_BUFFER:
        return ANSWER_TOO_BIG;
    case QUEUE_ERR_UNSUPPORTED:
        return ANSWER_UNSUPPORTED;
    case QUEUE_ERR_DAMAGED:
    case QUEUE_ERR_GEOMETRY:
        return ANSWER_DAMAGED;
    default:
        return ANSWER_FLASH;
    }
}

#endif
