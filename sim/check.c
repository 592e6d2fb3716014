/* check.c - walks the invariants that chip_internal.h numbers, and stops the program at a breach.
 *
 * Method. Everything that the chip keeps in step, call by call, is computed anew from what it is
 * derived from: hashes from bytes, sums from sectors, lists from pointers, the journal from its
 * footers. A breach is a mistake of the simulator, never of an engine, so it is an assertion.
 *
 * A walk costs as much as the chip is large. In builds with BO_CHECKS each public call earns the
 * price of a few words; when there is enough for a walk, one is made. So a chip of a few hundred
 * bytes is walked after each call, and a large one now and then, at a cost for each call that does
 * not depend on its size.
 */
#include "sim/chip_internal.h"

static bool check_same(struct chip_hash a, struct chip_hash b)
{
    return a.low == b.low && a.high == b.high;
}

/* The hash of a sector's block as hash.h states it, word by word. */
static struct chip_hash check_sum(const struct chip *chip, uint32_t number)
{
    const struct block *block = chip->sectors[number].block;
    struct chip_hash sum = {0, 0};
    uint64_t place = (uint64_t)number * (chip->block_size / 8);
    for (uint32_t at = 0; block && at < chip->block_size; at += 8, place++) {
        uint64_t word = hash_load(block->bytes + at) ^ (at < chip->counts_at ? chip->blank : 0);
        if (word) hash_add(&sum, hash_share(place, word));
    }
    return sum;
}

/* Invariants 1 and 2, of one block in use. */
static void check_block(const struct chip *chip, const struct block *block)
{
    const struct bo_flash_geometry *g = &chip->flash.geometry;
    uint32_t units = chip->counts_size ? g->sector_size / g->unit : 0;
    for (uint32_t i = g->sector_size; i < chip->counts_at; i++)
        assert(block->bytes[i] == g->erased && "padding is blank");
    for (uint32_t i = 0; i < chip->counts_size; i++) {
        uint8_t most = i < units ? g->programs_per_unit : 0;
        assert(block->bytes[chip->counts_at + i] <= most && "no unit has more than its programs");
    }
}

/* Invariant 4, of one sector that is not sound; the hash is that of the list. */
static void check_flaws(const struct chip *chip, uint32_t number)
{
    const struct flaws *flaws = chip->sectors[number].flaws;
    assert(flaws->sector == number);
    assert(flaws->count != 0 || flaws->locked || flaws->lied || flaws->over);
    assert((flaws->previous ? flaws->previous->next : chip->flawed) == flaws);
    assert(!flaws->next || flaws->next->previous == flaws);
    for (size_t i = 0; i < flaws->count; i++) {
        const struct flaw *flaw = &flaws->list[i];
        assert(flaw->byte < chip->flash.geometry.sector_size && flaw->bit < 8);
        assert(flaw->kind <= FLAW_READ);
        assert(i == 0 || flaw_order(flaw - 1) < flaw_order(flaw));
    }
    assert(check_same(flaws->hash, flaw_sum(chip, flaws)));
}

/* Invariants 1 to 5; the blocks that sectors have. */
static size_t check_sectors(const struct chip *chip)
{
    struct chip_hash bytes = {0, 0}, flaws = {0, 0}, unproven = {0, 0};
    size_t blocks = 0, flawed = 0, listed = 0;
    uint64_t erases = 0;
    for (uint32_t i = 0; i < chip->flash.geometry.sector_count; i++) {
        const struct sector *sector = &chip->sectors[i];
        if (sector->block) check_block(chip, sector->block);
        if (sector->flaws) check_flaws(chip, i);
        assert(check_same(sector->hash, check_sum(chip, i)) && "of its bytes and counts");
        assert(sector->erased_at <= chip->state.counters.erases);
        blocks += sector->block != NULL;
        flawed += sector->flaws != NULL;
        erases += sector->erases;
        hash_add(&bytes, sector->hash);
        if (sector->flaws) hash_add(&flaws, sector->flaws->hash);
        if (sector->unproven) hash_add(&unproven, sector_unproven_share(i));
    }
    for (const struct flaws *at = chip->flawed; at; at = at->next)
        listed++;
    assert(flawed == listed && "the list has the flaws in force and no others");
    assert(erases <= chip->state.counters.erases && "an erase that was not begun is no wear");
    assert(check_same(bytes, chip->state.hash));
    assert(check_same(flaws, chip->state.flaw_hash));
    assert(check_same(unproven, chip->state.unproven_hash));
    return blocks;
}

/* Invariant 6: the length of a list of unused blocks; clean ones are blank. */
static size_t check_unused(const struct chip *chip, const struct block *block, bool clean)
{
    size_t count = 0;
    for (; block; block = block->free, count++) {
        if (!clean) continue;
        for (uint32_t at = 0; at < chip->block_size; at += 8) {
            uint64_t blank = at < chip->counts_at ? chip->blank : 0;
            assert(hash_load(block->bytes + at) == blank && "a clean block is blank");
        }
    }
    return count;
}

static void check_blocks(const struct chip *chip, size_t used)
{
    size_t made = 0;
    for (const struct block *block = chip->blocks; block; block = block->next)
        made++;
    used += check_unused(chip, chip->blocks_clean, true);
    used += check_unused(chip, chip->blocks_dirty, false);
    used += journal_check(chip);
    assert(made == used && "each block is in a sector, unused or in the journal");
}

/* What holds of the scalars, whatever the sectors are. */
static void check_state(const struct chip *chip)
{
    const struct chip_state *state = &chip->state;
    const struct chip_watched *watched = &state->watched;
    uint32_t sectors = chip->flash.geometry.sector_count;
    assert(state->breach.rule == CHIP_RULE_KEPT || state->counters.refused != 0);
    assert(state->breach.step <= state->counters.programs + state->counters.erases);
    assert((watched->first == CHIP_SECTOR_NONE) == (watched->last == CHIP_SECTOR_NONE));
    assert(watched->last == CHIP_SECTOR_NONE || watched->last < sectors);
    assert(watched->first_erases <= watched->last_erases);
    assert(watched->last_erases <= state->counters.erases);
}

void chip_check(const struct chip *chip)
{
    assert(chip->size == bo_flash_size(&chip->flash));
    assert(chip->flip == ~chip->blank);
    check_state(chip);
    check_blocks(chip, check_sectors(chip));
}

#define EARNED_BY_CALL 64 /* bytes of a walk */

void check_call(struct chip *chip)
{
    uint64_t price =
        (chip->block_size + sizeof *chip->sectors) * (uint64_t)chip->flash.geometry.sector_count;
    check_state(chip);
    chip->check_credit += EARNED_BY_CALL;
    if (chip->check_credit < price + chip->journal.used) return;
    chip->check_credit = 0;
    chip_check(chip);
}
