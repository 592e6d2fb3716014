/* use_rlog.c - a log of events: the newest are kept. */
#include "engines/ringlog/rlog.h"
#include "examples/firmware/use.h"

#define KEPT_MIN 15u /* records that a ring of six sectors holds at any time */

static struct rlog events;
static uint8_t pages[2 * 256];

static int use_mount(const struct bo_flash *flash)
{
    struct rlog_config config = {.flash = flash, .buffer = pages, .buffer_size = sizeof pages};
    return rlog_mount(&events, &config);
}

static int use_step(uint32_t n)
{
    uint8_t record[USE_SIZE_MAX];
    return rlog_append(&events, record, use_fill(n, record), n, NULL);
}

static uint32_t use_count(void)
{
    uint64_t first, end;
    return rlog_range(&events, &first, &end) == BO_FLASH_OK ? (uint32_t)end : 0;
}

static bool use_holds(uint32_t n)
{
    struct rlog_iterator iterator;
    uint8_t record[USE_SIZE_MAX];
    uint32_t size, kept = n < KEPT_MIN ? n : KEPT_MIN;
    uint64_t number, expected = 0;
    rlog_iterate(&iterator, 0);
    while (rlog_next(&events, &iterator, record, sizeof record, &size, &number) == BO_FLASH_OK) {
        if (expected == 0) expected = number;
        if (number != expected++ || !use_is((uint32_t)number, record, size)) return false;
        if (kept != 0) kept--;
    }
    return expected == n && kept == 0;
}

const struct use use = {"rlog", 120, false, use_mount, use_step, use_count, use_holds};
