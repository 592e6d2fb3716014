/* journal.c - the undo journal: a stack of what was there before.
 *
 * Each entry is a payload and, after it, a footer that says what the payload is; so the youngest
 * entry is found at the top. Going back to a mark means to pop entries, youngest first, and put
 * their payloads back, until the entry of that mark gives back the scalar state.
 *
 * A block that an erase took from a sector is not copied: the entry owns it until it goes back to
 * the sector, or, when the last mark is forgotten, to the unused ones. The same with flaws.
 */
#include "sim/chip_internal.h"

#include <stdlib.h>

enum entry_kind {
    ENTRY_SECTOR = JOURNAL_SECTOR,
    ENTRY_ATTACH = JOURNAL_ATTACH,
    ENTRY_DETACH = JOURNAL_DETACH,
    ENTRY_BYTES,
    ENTRY_FLAWS,
    ENTRY_MARK,
    ENTRY_OLD, /* a mark that was released */
};

struct footer {
    uint32_t kind;
    uint32_t sector;
    uint32_t offset; /* ENTRY_BYTES: in the block */
    uint32_t size;   /* ENTRY_BYTES: bytes replaced */
    uint64_t payload_size;
};

struct mark_payload {
    struct chip_state state;
    uint64_t elder; /* journal.youngest before */
};

static void journal_grow(struct journal *journal, size_t needed)
{
    size_t capacity = journal->capacity ? journal->capacity : 4096;
    while (capacity < needed)
        capacity *= 2;
    journal->bytes = memory_resize(journal->bytes, capacity, 1);
    journal->capacity = capacity;
}

/* Room for a payload on top of the stack; journal_finish() puts the footer after it. */
static uint8_t *journal_start(struct chip *chip, size_t payload_size)
{
    struct journal *journal = &chip->journal;
    size_t needed = journal->used + payload_size + sizeof(struct footer);
    if (needed > journal->capacity) journal_grow(journal, needed);
    return journal->bytes + journal->used;
}

static void journal_finish(struct chip *chip, struct footer footer)
{
    struct journal *journal = &chip->journal;
    memcpy(journal->bytes + journal->used + footer.payload_size, &footer, sizeof footer);
    journal->used += footer.payload_size + sizeof footer;
}

void journal_bytes(struct chip *chip, const struct sector *sector, uint32_t offset, uint32_t size)
{
    if (!journal_on(chip)) return;
    struct footer footer = {ENTRY_BYTES, (uint32_t)(sector - chip->sectors), offset, size,
                            (uint64_t)size + sizeof sector->hash};
    uint8_t *payload = journal_start(chip, footer.payload_size);
    memcpy(payload, &sector->hash, sizeof sector->hash);
    memcpy(payload + sizeof sector->hash, sector->block->bytes + offset, size);
    journal_finish(chip, footer);
}

void journal_sector(struct chip *chip, const struct sector *sector, enum journal_change change)
{
    if (!journal_on(chip)) return;
    struct footer footer = {change, (uint32_t)(sector - chip->sectors), 0, 0, sizeof *sector};
    memcpy(journal_start(chip, sizeof *sector), sector, sizeof *sector);
    journal_finish(chip, footer);
}

void journal_flaws(struct chip *chip, uint32_t sector, struct flaws *flaws)
{
    if (!journal_on(chip)) {
        free(flaws);
        return;
    }
    struct footer footer = {ENTRY_FLAWS, sector, 0, 0, sizeof flaws};
    memcpy(journal_start(chip, sizeof flaws), &flaws, sizeof flaws);
    journal_finish(chip, footer);
}

/* The footer of the youngest entry, and in *payload where its payload starts. */
static struct footer journal_top(const struct journal *journal, const uint8_t **payload)
{
    struct footer footer;
    assert(journal->used >= sizeof footer);
    const uint8_t *at = journal->bytes + journal->used - sizeof footer;
    memcpy(&footer, at, sizeof footer);
    *payload = at - footer.payload_size;
    return footer;
}

static void journal_pop(struct journal *journal, const struct footer *footer)
{
    journal->used -= footer->payload_size + sizeof *footer;
}

static void undo_sector(struct chip *chip, struct sector *sector, const uint8_t *payload,
                        bool clean)
{
    struct sector before;
    memcpy(&before, payload, sizeof before);
    if (sector->block && sector->block != before.block) {
        sector_recycle(chip, sector->block, clean);
    }
    before.flaws = sector->flaws; /* they have entries of their own */
    *sector = before;
}

static void undo_flaws(struct chip *chip, uint32_t sector, const uint8_t *payload)
{
    struct flaws *before;
    memcpy(&before, payload, sizeof before);
    free(flaw_swap(chip, sector, before));
}

static void journal_undo(struct chip *chip, const struct footer *footer, const uint8_t *payload)
{
    struct sector *sector = &chip->sectors[footer->sector];
    switch ((enum entry_kind)footer->kind) {
    case ENTRY_BYTES:
        memcpy(&sector->hash, payload, sizeof sector->hash);
        memcpy(sector->block->bytes + footer->offset, payload + sizeof sector->hash, footer->size);
        break;
    case ENTRY_SECTOR:
    case ENTRY_DETACH:
        undo_sector(chip, sector, payload, false);
        break;
    case ENTRY_ATTACH:
        undo_sector(chip, sector, payload, true);
        break;
    case ENTRY_FLAWS:
        undo_flaws(chip, footer->sector, payload);
        break;
    case ENTRY_MARK:
        assert(false && "a mark inside a mark's span");
        break;
    case ENTRY_OLD:
        break;
    }
}

size_t journal_check(const struct chip *chip)
{
    struct journal journal = chip->journal; /* popped here; the bytes are only read */
    size_t mark = journal.youngest, blocks = 0;
    assert(mark <= journal.used && (mark != 0) == (journal.used != 0));
    while (journal.used != 0) {
        const uint8_t *payload;
        struct footer footer = journal_top(&journal, &payload);
        assert(footer.kind <= ENTRY_OLD);
        assert(footer.sector < chip->flash.geometry.sector_count);
        assert(footer.payload_size + sizeof footer <= journal.used);
        assert((footer.kind == ENTRY_MARK) == (journal.used == mark) && "each mark is known");
        if (footer.kind == ENTRY_MARK) {
            struct mark_payload saved;
            memcpy(&saved, payload, sizeof saved);
            assert(saved.elder < mark);
            mark = (size_t)saved.elder;
        } else if (footer.kind == ENTRY_DETACH) {
            struct sector before;
            memcpy(&before, payload, sizeof before);
            blocks += before.block != NULL;
        }
        journal_pop(&journal, &footer);
    }
    assert(mark == 0 && "the lowest entry is a mark");
    return blocks;
}

chip_mark chip_set_mark(struct chip *chip)
{
    struct mark_payload mark = {chip->state, chip->journal.youngest};
    struct footer footer = {ENTRY_MARK, 0, 0, 0, sizeof mark};
    memcpy(journal_start(chip, sizeof mark), &mark, sizeof mark);
    journal_finish(chip, footer);
    chip->journal.youngest = chip->journal.used;
    CHIP_CHECK_CALL(chip);
    return chip->journal.youngest;
}

void chip_rollback(struct chip *chip, chip_mark mark)
{
    struct journal *journal = &chip->journal;
    assert(mark != 0 && mark == journal->youngest && mark <= journal->used);
    const uint8_t *payload;
    struct footer footer;
    while (footer = journal_top(journal, &payload), journal->used != mark) {
        journal_undo(chip, &footer, payload);
        journal_pop(journal, &footer);
    }
    struct mark_payload saved;
    memcpy(&saved, payload, sizeof saved);
    chip->state = saved.state;
    journal->youngest = (size_t)saved.elder;
    journal_pop(journal, &footer);
    CHIP_CHECK_CALL(chip);
}

/* Frees what the entries own. */
static void journal_drop(struct chip *chip, const struct footer *footer, const uint8_t *payload)
{
    if (footer->kind == ENTRY_FLAWS) {
        struct flaws *flaws;
        memcpy(&flaws, payload, sizeof flaws);
        free(flaws);
    } else if (footer->kind == ENTRY_DETACH) {
        struct sector before;
        memcpy(&before, payload, sizeof before);
        if (before.block) sector_recycle(chip, before.block, false);
    }
}

void journal_clear(struct chip *chip)
{
    struct journal *journal = &chip->journal;
    while (journal->used != 0) {
        const uint8_t *payload;
        struct footer footer = journal_top(journal, &payload);
        journal_drop(chip, &footer, payload);
        journal_pop(journal, &footer);
    }
    journal->youngest = 0;
}

void chip_release(struct chip *chip, chip_mark mark)
{
    struct journal *journal = &chip->journal;
    assert(mark != 0 && mark == journal->youngest && mark <= journal->used);
    size_t footer_at = (size_t)mark - sizeof(struct footer);
    struct footer footer;
    struct mark_payload saved;
    memcpy(&footer, journal->bytes + footer_at, sizeof footer);
    memcpy(&saved, journal->bytes + footer_at - sizeof saved, sizeof saved);
    journal->youngest = (size_t)saved.elder;
    if (journal->youngest == 0) {
        journal_clear(chip);
    } else if (journal->used == mark) {
        journal_pop(journal, &footer);
    } else {
        footer.kind = ENTRY_OLD;
        memcpy(journal->bytes + footer_at, &footer, sizeof footer);
    }
    CHIP_CHECK_CALL(chip);
}
