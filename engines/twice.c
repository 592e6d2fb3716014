/* SPDX-License-Identifier: MIT */
#include "twice.h"

#include <string.h>

#define PAIRS 3 /* of reads that may differ */

static int read_piece(struct bo_twice *twice, uint32_t address, uint8_t *bytes, uint32_t size)
{
    for (int pair = 0; pair < PAIRS; pair++) {
        int first = bo_flash_read(twice->part, address, bytes, size);
        int second = bo_flash_read(twice->part, address, twice->piece, size);
        if (first != second) continue;
        if (first || memcmp(bytes, twice->piece, size) == 0) return first;
    }
    return BO_FLASH_ERR_ECC;
}

static int twice_read(void *context, uint32_t address, void *buffer, uint32_t size)
{
    uint8_t *bytes = (uint8_t *)buffer;
    while (size != 0) {
        uint32_t part = size < BO_TWICE_PIECE ? size : BO_TWICE_PIECE;
        int error = read_piece((struct bo_twice *)context, address, bytes, part);
        if (error) return error;
        address += part;
        bytes += part;
        size -= part;
    }
    return BO_FLASH_OK;
}

static int twice_program(void *context, uint32_t address, const void *data, uint32_t size)
{
    const struct bo_flash *part = ((struct bo_twice *)context)->part;
    return part->program(part->context, address, data, size);
}

static int twice_erase(void *context, uint32_t address)
{
    return bo_flash_erase(((struct bo_twice *)context)->part, address);
}

void bo_twice_init(struct bo_twice *twice, const struct bo_flash *part)
{
    twice->part = part;
    twice->flash = (struct bo_flash){part->geometry, twice, twice_read, twice_program, twice_erase};
}
