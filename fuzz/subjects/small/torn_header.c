/* torn_header.c - one header that is neither valid nor blank, which an append that was cut leaves,
 * and power-on formats the whole log.
 */
#include "fuzz/subjects/small/small_log.h"

static int format(struct small_log *log)
{
    int error = 0;
    for (uint32_t sector = 0; sector < ring_sectors(log->flash) && !error; sector++)
        error = bo_flash_erase(log->flash, ring_at(log->flash, sector, 0));
    return error ? error : ring_write_header(log->flash, 0, log->sequence + 1);
}

int subject_load(struct small_log *log)
{
    uint32_t sequence;
    bool torn = false;
    for (uint32_t sector = 0; sector < ring_sectors(log->flash); sector++)
        torn = torn || ring_read_header(log->flash, sector, &sequence) == HEADER_TORN;
    int error = load_newest(log);
    if (!FAULTY || error || !torn) return error;
    if (format(log)) return -1;
    log->sequence = 0;
    return load_newest(log);
}

SMALL_LOG("torn-header", "subject: power-on formats a log with one torn header")
