/* flaw.c - what is wrong with bits and units: unstable, damaged, unreadable.
 *
 * A sound chip has none of this and pays one test of a pointer for it.
 *
 * Unstable bits. The sector's bytes always hold what the bit reads as since the last power-on, so
 * only a flickering bit has to be looked at when read. At the first power-on after its tear a bit
 * reads as the tear says. At each later one it is a coin, and in one case of four it stays as it
 * fell for good; at the eighth at the latest. Only an erase, or a completed program that asks the
 * bit to be clear, makes it sound before. These numbers, and columns of 16 bytes in an over-erased
 * sector, are choices: no source has them.
 *
 * Flaws are replaced as a whole when anything about them changes, never changed in place: then undo
 * is a pointer that is put back. That costs more than it need, and only where something is wrong.
 */
#include "sim/chip_internal.h"

#include <stdlib.h>

#define SETTLES_AT_LAST 8
#define COLUMN_STRIDE 16

_Static_assert(FLAW_WEAK < FLAW_DAMAGE && FLAW_FLICKER < FLAW_DAMAGE && FLAW_DAMAGE < FLAW_ERROR,
               "what is about a bit stands first");

static bool flaw_of_bit(const struct flaw *flaw)
{
    return flaw->kind <= FLAW_DAMAGE;
}

static bool flaw_unstable(const struct flaw *flaw)
{
    return flaw->kind == FLAW_WEAK || flaw->kind == FLAW_FLICKER;
}

static uint8_t flaw_mask(const struct flaw *flaw)
{
    return (uint8_t)(1u << flaw->bit);
}

/* --- the list of one sector --- */

/* Both unstable kinds share a place in the order: a bit has one of them at most. */
uint64_t flaw_order(const struct flaw *flaw)
{
    uint64_t kind = flaw_unstable(flaw) ? FLAW_WEAK : flaw->kind;
    return (uint64_t)flaw->byte << 16 | (uint64_t)flaw->bit << 8 | kind;
}

static uint64_t flaw_place(const struct chip *chip, uint32_t sector, const struct flaw *flaw)
{
    uint64_t byte = (uint64_t)sector * chip->flash.geometry.sector_size + flaw->byte;
    return byte << 3 | flaw->bit;
}

static struct chip_hash flaw_share(const struct chip *chip, uint32_t sector,
                                   const struct flaw *flaw)
{
    uint64_t what = hash_mix(flaw->seed, (uint64_t)flaw->kind << 8 | flaw->age);
    return hash_share(hash_mix(flaw_place(chip, sector, flaw), 0x666C6177u), what);
}

struct chip_hash flaw_sum(const struct chip *chip, const struct flaws *flaws)
{
    struct chip_hash sum = {0, 0};
    for (size_t i = 0; i < flaws->count; i++) {
        hash_add(&sum, flaw_share(chip, flaws->sector, &flaws->list[i]));
    }
    uint64_t place = hash_mix(flaws->sector, 0x73656374u);
    if (flaws->locked) hash_add(&sum, hash_share(place, 1));
    if (flaws->lied) hash_add(&sum, hash_share(place, 3));
    if (flaws->over) hash_add(&sum, hash_share(~place, hash_mix(flaws->over_seed, 2)));
    return sum;
}

/* Flaws of a sector like those in force but with an own list of `count`, to be filled in. */
static struct flaws *flaw_make(const struct chip *chip, uint32_t sector, size_t count)
{
    struct flaws *made = memory_new(sizeof *made + count * sizeof made->list[0]);
    const struct flaws *now = chip->sectors[sector].flaws;
    assert(!now || now->sector == sector);
    if (now) {
        *made = *now;
    } else {
        memset(made, 0, sizeof *made);
    }
    made->sector = sector;
    made->count = count;
    return made;
}

struct flaws *flaw_swap(struct chip *chip, uint32_t sector, struct flaws *flaws)
{
    struct flaws *before = chip->sectors[sector].flaws;
    assert(!flaws || (flaws->sector == sector && flaws != before));
    if (before) {
        *(before->previous ? &before->previous->next : &chip->flawed) = before->next;
        if (before->next) before->next->previous = before->previous;
        hash_subtract(&chip->state.flaw_hash, before->hash);
    }
    if (flaws) {
        flaws->previous = NULL;
        flaws->next = chip->flawed;
        if (flaws->next) flaws->next->previous = flaws;
        chip->flawed = flaws;
        hash_add(&chip->state.flaw_hash, flaws->hash);
    }
    chip->sectors[sector].flaws = flaws;
    return before;
}

void flaw_set(struct chip *chip, uint32_t sector, struct flaws *flaws)
{
    if (flaws && flaws->count == 0 && !flaws->locked && !flaws->lied && !flaws->over) {
        free(flaws);
        flaws = NULL;
    }
    if (!flaws && !chip->sectors[sector].flaws) return;
    if (flaws) flaws->hash = flaw_sum(chip, flaws);
    journal_flaws(chip, sector, flaw_swap(chip, sector, flaws));
}

void flaw_push(struct chip *chip, size_t *count, struct flaw flaw)
{
    if (*count == chip->flaw_capacity) {
        size_t capacity = chip->flaw_capacity ? 2 * chip->flaw_capacity : 64;
        chip->flaw_buffer = memory_resize(chip->flaw_buffer, capacity, sizeof *chip->flaw_buffer);
        chip->flaw_capacity = capacity;
    }
    assert(flaw.byte < chip->flash.geometry.sector_size && flaw.bit < 8);
    assert(*count == 0 || flaw_order(&chip->flaw_buffer[*count - 1]) < flaw_order(&flaw));
    chip->flaw_buffer[(*count)++] = flaw;
}

/* Merges two ascending lists; of two flaws at one place in the order the new one stays. */
void flaw_add(struct chip *chip, uint32_t sector, size_t count)
{
    if (count == 0) return;
    const struct flaws *old = chip->sectors[sector].flaws;
    size_t old_count = old ? old->count : 0;
    struct flaws *made = flaw_make(chip, sector, old_count + count);
    size_t used = 0;
    for (size_t i = 0, j = 0; i < old_count || j < count;) {
        uint64_t a = i < old_count ? flaw_order(&old->list[i]) : UINT64_MAX;
        uint64_t b = j < count ? flaw_order(&chip->flaw_buffer[j]) : UINT64_MAX;
        if (b <= a) {
            if (a == b) i++;
            made->list[used++] = chip->flaw_buffer[j++];
        } else {
            made->list[used++] = old->list[i++];
        }
    }
    assert(used >= count && used <= old_count + count);
    made->count = used;
    flaw_set(chip, sector, made);
}

void flaw_drop(struct chip *chip, uint32_t sector, flaw_test *drop, const void *context)
{
    const struct flaws *old = chip->sectors[sector].flaws;
    if (!old) return;
    struct flaws *made = flaw_make(chip, sector, old->count);
    made->count = 0;
    for (size_t i = 0; i < old->count; i++) {
        if (!drop(&old->list[i], context)) made->list[made->count++] = old->list[i];
    }
    if (made->count == old->count) {
        free(made);
    } else {
        flaw_set(chip, sector, made);
    }
}

static struct flaws *flaw_copy(const struct chip *chip, uint32_t sector)
{
    const struct flaws *now = chip->sectors[sector].flaws;
    struct flaws *made = flaw_make(chip, sector, now ? now->count : 0);
    if (now) memcpy(made->list, now->list, now->count * sizeof now->list[0]);
    return made;
}

void flaw_set_locked(struct chip *chip, uint32_t sector)
{
    struct flaws *made = flaw_copy(chip, sector);
    made->locked = true;
    flaw_set(chip, sector, made);
}

void flaw_set_lied(struct chip *chip, uint32_t sector, bool lied)
{
    const struct flaws *now = chip->sectors[sector].flaws;
    if (lied == (now && now->lied)) return;
    struct flaws *made = flaw_copy(chip, sector);
    made->lied = lied;
    flaw_set(chip, sector, made);
}

void flaw_set_over(struct chip *chip, uint32_t sector, uint64_t seed)
{
    struct flaws *made = flaw_copy(chip, sector);
    made->over = true;
    made->over_seed = seed;
    flaw_set(chip, sector, made);
}

/* The first flaw from a byte on. */
static size_t flaw_from(const struct flaws *flaws, uint32_t byte)
{
    size_t low = 0, high = flaws->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (flaws->list[middle].byte < byte) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* --- programs --- */

uint8_t flaw_column(const struct flaws *flaws, uint32_t byte)
{
    if (!flaws || !flaws->over) return 0;
    uint64_t column = hash_mix(flaws->over_seed, 0x636F6C75u) % (8 * COLUMN_STRIDE);
    if (byte % COLUMN_STRIDE != column / 8) return 0;
    return (uint8_t)(1u << column % 8);
}

uint8_t flaw_excused(const struct flaws *flaws, uint32_t byte)
{
    uint8_t excused = 0;
    for (size_t i = flaw_from(flaws, byte); i < flaws->count; i++) {
        const struct flaw *flaw = &flaws->list[i];
        if (flaw->byte != byte) break;
        if (flaw_of_bit(flaw)) excused |= flaw_mask(flaw);
    }
    return excused;
}

bool flaw_blocks_program(const struct flaws *flaws, uint32_t byte, uint32_t size)
{
    if (flaws->locked) return true;
    for (size_t i = flaw_from(flaws, byte); i < flaws->count; i++) {
        const struct flaw *flaw = &flaws->list[i];
        if (flaw->byte - byte >= size) break;
        if (flaw->kind == FLAW_GHOST) return true;
    }
    return false;
}

struct healing {
    uint32_t byte, size;
    const uint8_t *data;
    uint8_t flip;
    bool zeros_again;
};

static bool flaw_healed(const struct flaw *flaw, const void *context)
{
    const struct healing *healing = context;
    uint32_t i = flaw->byte - healing->byte;
    if (flaw->byte < healing->byte || i >= healing->size) return false;
    /* A unit of zeros has a good check again, where zeros are lawful over what was there. */
    if (flaw->kind == FLAW_ERROR) return healing->zeros_again && healing->data[i] == healing->flip;
    if (!flaw_of_bit(flaw)) return false;
    return ((healing->data[i] ^ healing->flip) & flaw_mask(flaw)) == 0;
}

void flaw_heal(struct chip *chip, uint32_t sector, uint32_t byte, const uint8_t *data,
               uint32_t size)
{
    struct healing healing = {byte, size, data, (uint8_t)chip->flip, chip->part.zeros_again};
    flaw_drop(chip, sector, flaw_healed, &healing);
}

/* --- reads --- */

static bool flaw_coin(const struct chip *chip, uint32_t sector, const struct flaw *flaw,
                      uint64_t turn)
{
    return hash_mix(flaw->seed ^ turn << 32, flaw_place(chip, sector, flaw)) & 1;
}

static bool flaw_spent(const struct flaw *flaw, const void *context)
{
    (void)context;
    return flaw->kind == FLAW_READ && flaw->seed == 0;
}

/* Counts down the failing reads of these bytes. */
static void flaw_use_up(struct chip *chip, uint32_t sector, uint32_t byte, uint32_t size)
{
    struct flaws *made = flaw_copy(chip, sector);
    for (size_t i = flaw_from(made, byte); i < made->count; i++) {
        struct flaw *flaw = &made->list[i];
        if (flaw->byte - byte >= size) break;
        if (flaw->kind != FLAW_READ) continue;
        assert(flaw->seed != 0 && "a spent one is dropped");
        flaw->seed--;
    }
    flaw_set(chip, sector, made);
    flaw_drop(chip, sector, flaw_spent, NULL);
}

int flaw_read(struct chip *chip, uint32_t sector, uint32_t byte, uint8_t *buffer, uint32_t size)
{
    const struct flaws *flaws = chip->sectors[sector].flaws;
    bool failed = false, used_up = false;
    for (size_t i = flaw_from(flaws, byte); i < flaws->count; i++) {
        const struct flaw *flaw = &flaws->list[i];
        if (flaw->byte - byte >= size) break;
        if (flaw->kind == FLAW_FLICKER) {
            bool differs = flaw_coin(chip, sector, flaw, chip->state.counters.reads << 8);
            if (differs) buffer[flaw->byte - byte] ^= flaw_mask(flaw);
        }
        if (flaw->kind == FLAW_READ) used_up = true;
        if (flaw->kind == FLAW_READ || flaw->kind == FLAW_ERROR) failed = true;
    }
    if (used_up) flaw_use_up(chip, sector, byte, size);
    return failed ? BO_FLASH_ERR_ECC : BO_FLASH_OK;
}

/* --- power-on --- */

/* Makes an unstable bit read anew. */
static void flaw_toss(struct chip *chip, uint32_t sector, const struct flaw *flaw)
{
    struct sector *of = &chip->sectors[sector];
    uint8_t now = sector_byte(chip, of, flaw->byte);
    bool one = flaw_coin(chip, sector, flaw, flaw->age);
    uint8_t next = (uint8_t)(one ? now | flaw_mask(flaw) : now & ~flaw_mask(flaw));
    if (next == now) return;
    sector_attach(chip, of);
    sector_store(chip, of, flaw->byte, &next, 1);
}

static bool flaw_settles(const struct chip *chip, uint32_t sector, const struct flaw *flaw)
{
    uint64_t place = flaw_place(chip, sector, flaw);
    return flaw->age >= SETTLES_AT_LAST || hash_mix(flaw->seed + flaw->age, ~place) % 4 == 0;
}

static void flaw_age(struct chip *chip, struct flaws *flaws)
{
    struct flaws *made = flaw_copy(chip, flaws->sector);
    made->count = 0;
    bool changed = false;
    for (size_t i = 0; i < flaws->count; i++) {
        struct flaw flaw = flaws->list[i];
        bool stays = true;
        if (flaw_unstable(&flaw)) {
            changed = true;
            flaw.age++;
            assert(flaw.age <= SETTLES_AT_LAST);
            if (flaw.age > 1) {
                flaw_toss(chip, flaws->sector, &flaw);
                stays = !flaw_settles(chip, flaws->sector, &flaw);
            }
        }
        if (stays) made->list[made->count++] = flaw;
    }
    if (changed) {
        flaw_set(chip, flaws->sector, made);
    } else {
        free(made);
    }
}

void flaw_power_on(struct chip *chip)
{
    for (struct flaws *flaws = chip->flawed, *next; flaws; flaws = next) {
        next = flaws->next;
        flaw_age(chip, flaws);
    }
}
