/* SPDX-License-Identifier: MIT */
#include "verified.h"

#include <string.h>

/* Reads the piece that `address` is in, of `left` bytes, and on to the next read unit. *at: where
 * in the piece the address is, *size: how many bytes of it are wanted. */
static int read_piece(struct bo_verified *verified, uint32_t address, uint32_t left, uint32_t *at,
                      uint32_t *size)
{
    uint32_t unit = verified->part->geometry.read_unit;
    *at = address % unit;
    *size = left < BO_VERIFIED_PIECE - *at ? left : BO_VERIFIED_PIECE - *at;
    uint32_t units = (*at + *size + unit - 1) / unit * unit;
    return bo_flash_read(verified->part, address - *at, verified->piece, units);
}

static bool is_erased(const struct bo_verified *verified, uint32_t at, uint32_t size)
{
    for (uint32_t i = at; i < at + size; i++) {
        if (verified->piece[i] != verified->part->geometry.erased) return false;
    }
    return true;
}

/* Whether the flash holds these bytes, or, without any, nothing: else an error. */
static int verify(struct bo_verified *verified, uint32_t address, const uint8_t *bytes,
                  uint32_t size)
{
    while (size != 0) {
        uint32_t at, part;
        int error = read_piece(verified, address, size, &at, &part);
        if (error) return error;
        bool same =
            bytes ? memcmp(verified->piece + at, bytes, part) == 0 : is_erased(verified, at, part);
        if (!same) return BO_FLASH_ERR_IO;
        address += part;
        if (bytes) bytes += part;
        size -= part;
    }
    return BO_FLASH_OK;
}

static int verified_read(void *context, uint32_t address, void *buffer, uint32_t size)
{
    return bo_flash_read(((struct bo_verified *)context)->part, address, buffer, size);
}

static int verified_program(void *context, uint32_t address, const void *data, uint32_t size)
{
    struct bo_verified *verified = (struct bo_verified *)context;
    const struct bo_flash *part = verified->part;
    int error = part->program(part->context, address, data, size);
    return error ? error : verify(verified, address, (const uint8_t *)data, size);
}

static int verified_erase(void *context, uint32_t address)
{
    struct bo_verified *verified = (struct bo_verified *)context;
    int error = bo_flash_erase(verified->part, address);
    return error ? error : verify(verified, address, NULL, verified->part->geometry.sector_size);
}

void bo_verified_init(struct bo_verified *verified, const struct bo_flash *part)
{
    verified->part = part;
    verified->flash = (struct bo_flash){part->geometry, verified, verified_read, verified_program,
                                        verified_erase};
}
