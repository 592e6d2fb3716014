/* SPDX-License-Identifier: MIT */
#include "cobs.h"

static void run_end(struct bo_cobs_encoder *e)
{
    e->out[e->code] = (uint8_t)(e->size - e->code);
    e->code = e->size++;
}

void bo_cobs_encode(struct bo_cobs_encoder *e, const void *data, uint32_t size)
{
    const uint8_t *bytes = (const uint8_t *)data;
    for (; size != 0; size--, bytes++) {
        if (e->full) run_end(e); /* of 254 bytes, and there are more */
        e->full = false;
        if (*bytes == 0) {
            run_end(e);
            continue;
        }
        e->out[e->size++] = *bytes;
        e->full = e->size - e->code == 255;
    }
}

uint32_t bo_cobs_encode_end(struct bo_cobs_encoder *e)
{
    e->out[e->code] = (uint8_t)(e->size - e->code);
    return e->size;
}
