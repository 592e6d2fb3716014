/* use_seqlog.c - the same log of events. */
#include "engines/ringlog/seqlog.h"
#include "examples/firmware/use.h"

#define KEPT_MIN 15u /* records that a ring of six sectors holds at any time */

static struct seqlog events;
static uint8_t work[64];

static int use_mount(const struct bo_flash *flash)
{
    struct seqlog_config config = {
        .flash = flash, .work = work, .work_size = sizeof work, .find = SEQLOG_BISECT};
    return seqlog_mount(&events, &config);
}

static int use_step(uint32_t n)
{
    uint8_t record[USE_SIZE_MAX];
    return seqlog_append(&events, record, use_fill(n, record), NULL);
}

static uint32_t use_count(void)
{
    return (uint32_t)seqlog_end(&events);
}

static bool use_holds(uint32_t n)
{
    struct seqlog_iterator iterator;
    uint8_t record[USE_SIZE_MAX];
    uint32_t size, kept = n < KEPT_MIN ? n : KEPT_MIN;
    uint64_t number, expected = 0;
    seqlog_iterate(&iterator, 0);
    while (seqlog_next(&events, &iterator, record, sizeof record, &size, &number) == BO_FLASH_OK) {
        if (expected == 0) expected = number;
        if (number != expected++ || !use_is((uint32_t)number, record, size)) return false;
        if (kept != 0) kept--;
    }
    return expected == n && kept == 0;
}

const struct use use = {"seqlog", 120, false, use_mount, use_step, use_count, use_holds};
