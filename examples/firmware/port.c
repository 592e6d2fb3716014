/* port.c - see port.h. Copy this file, put your driver's calls in place of part_*, and your part's
 * numbers into the geometry. */
#include "examples/firmware/port.h"

#include <string.h>

#include "examples/firmware/part.h"

/* Where the region begins in the part; engines count from 0. */
#define REGION_START 0u

static int port_read(void *context, uint32_t address, void *buffer, uint32_t size)
{
    (void)context;
    memcpy(buffer, part_memory + REGION_START + address, size);
    return BO_FLASH_OK;
}

static int port_program(void *context, uint32_t address, const void *data, uint32_t size)
{
    (void)context;
    return part_program(REGION_START + address, data, size) ? BO_FLASH_OK : BO_FLASH_ERR_IO;
}

static int port_erase(void *context, uint32_t address)
{
    (void)context;
    return part_erase(REGION_START + address) ? BO_FLASH_OK : BO_FLASH_ERR_IO;
}

static const struct bo_flash flash = {
    .geometry = {.sector_size = PART_SECTOR,
                 .sector_count = PART_SECTORS,
                 .page_size = PART_SECTOR, /* this part takes a program of any length */
                 .unit = PART_WORD,
                 .read_unit = 1,
                 .erased = 0xFF,
                 .programs_per_unit = PART_PROGRAMS_PER_WORD,
                 .tear_scope = BO_FLASH_TEAR_UNIT}, /* words before a cut are done */
    .read = port_read,
    .program = port_program,
    .erase = port_erase,
};

const struct bo_flash *port_flash(void)
{
    return &flash;
}
