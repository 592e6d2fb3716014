/* small_log.h - what the small faulty logs of this folder share.
 *
 * A ring of sectors, each a header and slots of 32 bytes. A header has the sector's sequence
 * number; sectors with a valid header, in the order of their numbers, are the log. An append into a
 * full sector erases the next one, which drops what it holds, writes its header and goes on there.
 * A slot that is neither valid nor blank is passed over.
 *
 * A subject says what subject_load() does at power-on, and ends with SMALL_LOG(). FAULTY: small.h.
 */
#ifndef BROWNOUT_SMALL_LOG_H
#define BROWNOUT_SMALL_LOG_H

#include "fuzz/subjects/small/small_ring.h"

struct item {
    uint32_t number, size;
    uint8_t data[RING_ITEM_MAX];
    uint32_t crc;
};
_Static_assert(sizeof(struct item) == SLOT, "an item fills a slot");

struct small_log {
    const struct bo_flash *flash;
    uint32_t head, sequence; /* the sector that is filled, and its number; 0: none */
    uint32_t next;           /* its first free slot */
    uint32_t number;         /* of the next item */
};

int subject_load(struct small_log *log);

/* --- flash --- */

/* Whether there is something in the slot; item->size is 0 where it is not valid. */
static inline bool read_item(const struct small_log *log, uint32_t sector, uint32_t slot,
                             struct item *item)
{
    int error = bo_flash_read(log->flash, ring_at(log->flash, sector, slot), item, SLOT);
    if (!error && small_is_blank(item, SLOT)) return false;
    if (error || item->size > sizeof item->data || item->crc != small_crc(item, SLOT - 4))
        *item = (struct item){0};
    return true;
}

/* The sector after this one goes on with the log. */
static inline int open_next(struct small_log *log)
{
    uint32_t sector = (log->head + 1) % ring_sectors(log->flash);
    int error = bo_flash_erase(log->flash, ring_at(log->flash, sector, 0));
    if (!error) error = ring_write_header(log->flash, sector, log->sequence + 1);
    if (error) return error;
    log->head = sector;
    log->sequence++;
    log->next = 1;
    return 0;
}

static inline int load_newest(struct small_log *log)
{
    uint32_t sequence;
    struct item item;
    for (uint32_t sector = 0; sector < ring_sectors(log->flash); sector++) {
        if (ring_read_header(log->flash, sector, &sequence) != HEADER_VALID ||
            sequence < log->sequence)
            continue;
        log->head = sector;
        log->sequence = sequence;
    }
    if (!log->sequence) return -1;
    for (uint32_t back = 0; back < ring_sectors(log->flash); back++) {
        uint32_t sector = (log->head + back + 1) % ring_sectors(log->flash);
        if (ring_read_header(log->flash, sector, &sequence) != HEADER_VALID) continue;
        log->next = 1;
        for (uint32_t slot = 1;
             slot < ring_slots(log->flash) && read_item(log, sector, slot, &item); slot++) {
            log->next = slot + 1;
            if (item.size) log->number = item.number + 1;
        }
    }
    return 0;
}

/* --- what the harness wants to know --- */

static inline enum answer small_append(void *object, const void *data, uint32_t size, uint64_t time)
{
    struct small_log *log = object;
    struct item item = {.number = log->number, .size = size};
    (void)time;
    if (size == 0 || size > sizeof item.data) return ANSWER_TOO_BIG;
    if (log->next == ring_slots(log->flash) && open_next(log)) return ANSWER_FLASH;
    memcpy(item.data, data, size);
    item.crc = small_crc(&item, SLOT - 4);
    if (bo_flash_program(log->flash, ring_at(log->flash, log->head, log->next), &item, SLOT))
        return ANSWER_FLASH;
    log->next++;
    log->number++;
    return ANSWER_OK;
}

static inline enum answer small_each(void *object, adapter_item *tell, void *context)
{
    const struct small_log *log = object;
    struct item item;
    uint32_t sequence;
    for (uint32_t i = 1; i <= ring_sectors(log->flash); i++) {
        uint32_t sector = (log->head + i) % ring_sectors(log->flash);
        if (ring_read_header(log->flash, sector, &sequence) != HEADER_VALID) continue;
        for (uint32_t slot = 1;
             slot < ring_slots(log->flash) && read_item(log, sector, slot, &item); slot++) {
            if (item.size) tell(context, item.number, item.data, item.size);
        }
    }
    return ANSWER_OK;
}

static inline size_t small_size(const struct bo_flash_geometry *geometry,
                                const struct adapter_settings *settings)
{
    (void)geometry, (void)settings;
    return sizeof(struct small_log);
}

static inline enum answer small_format(void *object, const struct bo_flash *flash,
                                       const struct adapter_settings *settings)
{
    struct small_log *log = object;
    (void)settings;
    *log = (struct small_log){.flash = flash};
    return ring_write_header(log->flash, 0, 1) ? ANSWER_FLASH : ANSWER_OK;
}

static inline enum answer small_mount(void *object, const struct bo_flash *flash,
                                      const struct adapter_settings *settings)
{
    struct small_log *log = object;
    (void)settings;
    *log = (struct small_log){.flash = flash};
    return subject_load(log) ? ANSWER_DAMAGED : ANSWER_OK;
}

#ifndef WIDENED
#define WIDENED 0
#endif

#define SMALL_LOG(NAME, SUMMARY) SMALL_LOG_OF(NAME, SUMMARY, .idle = NULL)
#define SMALL_LOG_OF(NAME, SUMMARY, ...)                                                           \
    static const struct adapter_list small_calls = {                                               \
        .append = small_append, .each = small_each, __VA_ARGS__};                                  \
    static const struct adapter small_adapter = {.version = ADAPTER_VERSION,                       \
                                                 .kind = ADAPTER_LOG,                              \
                                                 .name = NAME,                                     \
                                                 .summary = SUMMARY,                               \
                                                 .claims = "edge,prefix",                          \
                                                 .widened = WIDENED,                               \
                                                 .widened_why = "of a test",                       \
                                                 .refuses = small_refuses,                         \
                                                 .object_size = small_size,                        \
                                                 .limits = ring_limits,                            \
                                                 .format = small_format,                           \
                                                 .mount = small_mount,                             \
                                                 .list = &small_calls};                            \
    SMALL_ENTRY(small_adapter)

#endif
