/* sector.c - the bytes, program counts and hash of one sector.
 *
 * Every change of content passes through here, so that journal and hash miss none. The hash has one
 * share for each word of 8 bytes of the block; the place of a word is its number in the whole chip,
 * had every sector a block.
 */
#include "sim/chip_internal.h"

static struct block *block_make(struct chip *chip)
{
    struct block *block = memory_new(sizeof *block + chip->block_size);
    block->next = chip->blocks;
    chip->blocks = block;
    return block;
}

static void block_blank(const struct chip *chip, struct block *block)
{
    memset(block->bytes, chip->flash.geometry.erased, chip->counts_at);
    memset(block->bytes + chip->counts_at, 0, chip->counts_size);
}

/* A block with any content. */
static struct block *block_any(struct chip *chip)
{
    struct block *block = chip->blocks_dirty;
    if (!block) return block_make(chip);
    chip->blocks_dirty = block->free;
    return block;
}

static struct block *block_clean(struct chip *chip)
{
    struct block *block = chip->blocks_clean;
    if (block) {
        chip->blocks_clean = block->free;
        return block;
    }
    block = block_any(chip);
    block_blank(chip, block);
    return block;
}

void sector_recycle(struct chip *chip, struct block *block, bool clean)
{
    assert(block && block != chip->blocks_clean && block != chip->blocks_dirty);
    struct block **list = clean ? &chip->blocks_clean : &chip->blocks_dirty;
    block->free = *list;
    *list = block;
}

void sector_attach(struct chip *chip, struct sector *sector)
{
    if (sector->block) return;
    assert(sector->hash.low == 0 && sector->hash.high == 0);
    journal_sector(chip, sector, JOURNAL_ATTACH);
    sector->block = block_clean(chip);
}

static uint64_t sector_place(const struct chip *chip, const struct sector *sector)
{
    return (uint64_t)(sector - chip->sectors) * (chip->block_size / 8);
}

/* Replaces `size` bytes of one word, from byte `at` of it on. */
static inline void store_word(uint8_t *word, uint32_t at, const uint8_t *bytes, uint32_t size,
                              uint64_t place, uint64_t blank, struct chip_hash *change)
{
    uint64_t before = hash_load(word);
    memcpy(word + at, bytes, size);
    uint64_t after = hash_load(word);
    if (before != after) hash_replace(change, place, before ^ blank, after ^ blank);
}

void sector_store(struct chip *chip, struct sector *sector, uint32_t offset, const uint8_t *bytes,
                  uint32_t size)
{
    assert(sector->block && size <= chip->block_size && offset <= chip->block_size - size);
    assert((offset < chip->counts_at) == (offset + size <= chip->counts_at));
    journal_bytes(chip, sector, offset, size);
    struct chip_hash change = {0, 0};
    uint64_t blank = offset < chip->counts_at ? chip->blank : 0;
    uint64_t place = sector_place(chip, sector) + offset / 8;
    uint8_t *word = sector->block->bytes + offset / 8 * 8;
    uint32_t at = offset % 8;
    if (at != 0) {
        uint32_t part = size < 8 - at ? size : 8 - at;
        store_word(word, at, bytes, part, place, blank, &change);
        bytes += part;
        size -= part;
        place++;
        word += 8;
    }
    for (; size >= 8; size -= 8, bytes += 8, word += 8, place++) {
        store_word(word, 0, bytes, 8, place, blank, &change);
    }
    if (size != 0) store_word(word, 0, bytes, size, place, blank, &change);
    hash_add(&sector->hash, change);
    hash_add(&chip->state.hash, change);
}

/* Takes the block away; the journal has it, or it is unused now. */
static void sector_detach(struct chip *chip, struct sector *sector)
{
    if (sector->block && !journal_on(chip)) sector_recycle(chip, sector->block, false);
    sector->block = NULL;
    hash_subtract(&chip->state.hash, sector->hash);
    sector->hash = (struct chip_hash){0, 0};
}

void sector_blank(struct chip *chip, struct sector *sector)
{
    if (!sector->block) return;
    journal_sector(chip, sector, JOURNAL_DETACH);
    sector_detach(chip, sector);
}

/* The hash of all words in [offset, end) of the block. */
static struct chip_hash sector_sum(const struct chip *chip, const struct sector *sector,
                                   uint32_t offset, uint32_t end, uint64_t blank)
{
    struct chip_hash sum = {0, 0};
    uint64_t place = sector_place(chip, sector);
    for (uint32_t at = offset; at < end; at += 8) {
        uint64_t word = hash_load(sector->block->bytes + at) ^ blank;
        if (word) hash_add(&sum, hash_share(place + at / 8, word));
    }
    return sum;
}

void sector_fill(struct chip *chip, struct sector *sector, const uint8_t *bytes,
                 const uint8_t *counts)
{
    uint32_t size = chip->flash.geometry.sector_size;
    struct block *block = block_any(chip);
    assert(!counts || chip->counts_size != 0);
    assert(!sector->block || bytes != sector->block->bytes);
    memset(block->bytes + (chip->counts_at - 8), chip->flash.geometry.erased, 8);
    memcpy(block->bytes, bytes, size);
    memset(block->bytes + chip->counts_at, 0, chip->counts_size);
    if (counts) memcpy(block->bytes + chip->counts_at, counts, chip->counts_size);
    journal_sector(chip, sector, JOURNAL_DETACH);
    sector_detach(chip, sector);
    sector->block = block;
    sector->hash = sector_sum(chip, sector, 0, chip->counts_at, chip->blank);
    hash_add(&sector->hash, sector_sum(chip, sector, chip->counts_at, chip->block_size, 0));
    hash_add(&chip->state.hash, sector->hash);
}

void sector_count_erase(struct chip *chip, struct sector *sector)
{
    journal_sector(chip, sector, JOURNAL_SECTOR);
    if (sector->erases != UINT32_MAX) sector->erases++;
    sector->erased_at = (uint32_t)chip->state.counters.erases;
    assert(sector->erases <= chip->state.counters.erases && "the call is counted first");
}

void sector_count_programs(struct chip *chip, struct sector *sector, uint32_t first, uint32_t count)
{
    if (chip->counts_size == 0 || chip->counts_held) return;
    assert(first + count <= chip->flash.geometry.sector_size / chip->flash.geometry.unit);
    const uint8_t *counts = sector->block->bytes + chip->counts_at + first;
    for (uint32_t i = 0; i < count; i++) {
        uint8_t most = chip->flash.geometry.programs_per_unit; /* zeros again do not count */
        chip->count_buffer[i] = (uint8_t)(counts[i] + (counts[i] < most));
    }
    sector_store(chip, sector, chip->counts_at + first, chip->count_buffer, count);
}

struct chip_hash sector_unproven_share(uint32_t sector)
{
    return hash_share(sector, 0x756E70726F76656Eu);
}

void sector_set_unproven(struct chip *chip, struct sector *sector, bool unproven)
{
    if (sector->unproven == unproven) return;
    journal_sector(chip, sector, JOURNAL_SECTOR);
    sector->unproven = unproven;
    struct chip_hash share = sector_unproven_share((uint32_t)(sector - chip->sectors));
    if (unproven) {
        hash_add(&chip->state.unproven_hash, share);
    } else {
        hash_subtract(&chip->state.unproven_hash, share);
    }
}
