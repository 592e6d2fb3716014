/* tear.c - what an interrupted program or erase leaves in the chip.
 *
 * A program clears the bits that are set now and clear in its data; a tear decides which of them.
 * Where the tear scope of the part is one unit, the call runs unit by unit: those before the one in
 * progress are done, those after it untouched. In the wider scopes all bits move together.
 *
 * An erase first clears every bit (preprogram), from one end to the other, and then sets them all.
 * Some parts set bits at once: a tear then leaves the zeros that were slow, most of them when the
 * erase had just begun.
 *
 * Program counts, on parts that limit them. A stable tear counts a unit that was done before the
 * cut, and one in which it changed a bit. A weak or ecc tear counts every unit up to the one in
 * progress, in page scope all of them: nobody can say that it was spared. After a torn erase a unit
 * that it changed counts as fresh when it is blank, and as programmed at least once otherwise.
 *
 * A program or erase that lies (class lie) leaves what a tear leaves. Of an erase nobody learns of
 * it but by a read, so the rules on bits and counts are off in the sector until it is erased.
 */
#include "sim/chip_internal.h"

/* A die for each bit of a call, that hits with probability density/256; eight bytes at a time. */
struct dice {
    uint64_t seed;
    uint32_t density;
    uint32_t word; /* which eight bytes `hits` is for, from 1 */
    uint64_t hits;
};

/* Throws for eight bytes: from the lowest bit of the density up, each is a coin more, that has to
 * agree (AND) where the bit is 0 and need not (OR) where it is 1. */
static void dice_throw(struct dice *dice, uint32_t word)
{
    assert(word != 0 && "0 is for none so far");
    dice->word = word;
    dice->hits = dice->density >= 256 ? UINT64_MAX : 0;
    if (dice->density == 0 || dice->density >= 256) return;
    unsigned bit = 0;
    while (!(dice->density >> bit & 1))
        bit++;
    for (; bit < 8; bit++) {
        uint64_t coins = hash_mix(dice->seed, (uint64_t)word << 3 | bit);
        dice->hits = dice->density >> bit & 1 ? dice->hits | coins : dice->hits & coins;
    }
}

/* The bits of byte i that are hit. */
static inline uint8_t dice_byte(struct dice *dice, uint32_t i)
{
    if (dice->word != i / 8 + 1) dice_throw(dice, i / 8 + 1);
    return (uint8_t)(dice->hits >> i % 8 * 8);
}

static struct dice dice_of(const struct tear *tear)
{
    return (struct dice){.seed = tear->seed, .density = tear->density};
}

/* --- programs --- */

struct torn {
    struct chip *chip;
    struct sector *sector;
    const struct chip_op *op;
    const struct tear *tear;
    uint32_t number; /* of the sector */
    uint32_t offset; /* of the call in it */
    uint32_t unit;
    bool by_unit;
    uint32_t done;    /* bytes done before the unit in progress */
    uint32_t counted; /* bytes whose units count whatever changed */
    uint8_t flip;
    const uint8_t *now; /* the bytes of the call */
    uint8_t *next;      /* what they become */
};

/* The bits that a program clears in a sound byte; `flip` makes ones of erased bits. */
static uint8_t sound_clears(unsigned now, unsigned data, unsigned flip)
{
    return (uint8_t)((now ^ flip) & ~(data ^ flip));
}

/* The bits of byte i of the call that should clear and can. */
static uint8_t torn_clears(const struct torn *t, uint32_t i)
{
    unsigned stuck = t->sector->flaws ? flaw_column(t->sector->flaws, t->offset + i) : 0;
    return (uint8_t)(sound_clears(t->now[i], t->op->data[i], t->flip) & ~stuck);
}

static void torn_clear(struct torn *t, uint32_t i, uint8_t bits)
{
    t->next[i] ^= bits;
}

/* Of a sound sector, on its own: the compiler takes many bytes at once. */
static void clear_sound(uint8_t *next, const uint8_t *now, const uint8_t *data, uint8_t flip,
                        uint32_t end)
{
    for (uint32_t i = 0; i < end; i++)
        next[i] ^= sound_clears(now[i], data[i], flip);
}

/* Every byte before `end` is done. */
static void torn_finish(struct torn *t, uint32_t end)
{
    assert(end <= t->op->size);
    t->done = end;
    if (!t->sector->flaws) {
        clear_sound(t->next, t->now, t->op->data, t->flip, end);
        return;
    }
    for (uint32_t i = 0; i < end; i++)
        torn_clear(t, i, torn_clears(t, i));
}

static uint32_t torn_unit_start(const struct torn *t, uint32_t i)
{
    return i - i % t->unit;
}

/* Finds the k-th bit to clear; false when there are fewer. */
static bool torn_find(const struct torn *t, uint32_t k, uint32_t *byte, uint8_t *bit)
{
    for (uint32_t i = 0; i < t->op->size; i++) {
        uint8_t clears = torn_clears(t, i);
        unsigned count = chip_bits_in(clears);
        if (k >= count) {
            k -= count;
            continue;
        }
        for (; k != 0; k--)
            clears &= (uint8_t)(clears - 1);
        *byte = i;
        *bit = (uint8_t)(clears & -clears);
        return true;
    }
    return false;
}

static void torn_only(struct torn *t)
{
    uint32_t byte;
    uint8_t bit;
    if (!torn_find(t, t->tear->n, &byte, &bit)) return;
    if (t->by_unit) torn_finish(t, torn_unit_start(t, byte));
    torn_clear(t, byte, bit);
}

static void torn_except(struct torn *t)
{
    uint32_t byte, end = t->op->size, start = 0;
    uint8_t bit;
    if (!torn_find(t, t->tear->n, &byte, &bit)) {
        torn_finish(t, end);
        return;
    }
    if (t->by_unit) {
        start = torn_unit_start(t, byte);
        end = start + t->unit;
    }
    torn_finish(t, end);
    torn_clear(t, byte, bit); /* back */
    t->done = start;
}

/* The range of the call that is in progress at the cut: the whole, or a unit by seed among those
 * with bits to clear; what is before it is done. False when no bit is to clear. */
static bool torn_progress(struct torn *t, uint32_t *start, uint32_t *end)
{
    uint32_t active = 0, unit = t->by_unit ? t->unit : t->op->size, last = UINT32_MAX;
    for (uint32_t i = 0; i < t->op->size; i++) {
        if (torn_clears(t, i) && i / unit != last) {
            last = i / unit;
            active++;
        }
    }
    if (active == 0) return false;
    uint32_t chosen = (uint32_t)(hash_mix(t->tear->seed, 0x756E6974u) % active);
    last = UINT32_MAX;
    for (uint32_t i = 0; i < t->op->size; i++) {
        if (torn_clears(t, i) && i / unit != last) {
            last = i / unit;
            if (chosen-- == 0) break;
        }
    }
    *start = last * unit;
    *end = *start + unit;
    assert(*end <= t->op->size);
    torn_finish(t, *start);
    return true;
}

static void torn_mask(struct torn *t)
{
    uint32_t start, end;
    if (!torn_progress(t, &start, &end)) return;
    struct dice dice = dice_of(t->tear);
    for (uint32_t i = start; i < end; i++) {
        torn_clear(t, i, torn_clears(t, i) & dice_byte(&dice, i));
    }
}

/* --- weak programs --- */

static void torn_push(struct torn *t, size_t *count, uint32_t i, uint8_t bits, uint8_t kind)
{
    for (uint8_t bit = 0; bit < 8; bit++) {
        if (bits >> bit & 1) {
            flaw_push(t->chip, count, (struct flaw){t->tear->seed, t->offset + i, bit, kind, 0});
        }
    }
}

static void torn_looks_undone(struct torn *t, size_t *flaws)
{
    uint32_t start, end;
    t->counted = t->op->size;
    if (!torn_progress(t, &start, &end)) return;
    t->counted = end;
    for (uint32_t i = start; i < end; i++)
        torn_push(t, flaws, i, torn_clears(t, i), FLAW_WEAK);
}

/* In unit scope the last unit with a bit to clear is the one in progress. */
static void torn_looks_done(struct torn *t, size_t *flaws)
{
    uint32_t start = 0;
    if (t->by_unit) {
        for (uint32_t i = 0; i < t->op->size; i++) {
            if (torn_clears(t, i)) start = torn_unit_start(t, i);
        }
    }
    struct dice dice = dice_of(t->tear);
    for (uint32_t i = start; i < t->op->size; i++) {
        uint8_t weak = torn_clears(t, i) & dice_byte(&dice, i);
        torn_push(t, flaws, i, weak, FLAW_WEAK);
    }
    torn_finish(t, t->op->size);
    t->counted = t->op->size;
}

static void torn_flicker(struct torn *t, size_t *flaws)
{
    uint32_t start, end;
    t->counted = t->op->size;
    if (!torn_progress(t, &start, &end)) return;
    t->counted = end;
    struct dice dice = dice_of(t->tear);
    for (uint32_t i = start; i < end; i++) {
        uint8_t weak = torn_clears(t, i) & dice_byte(&dice, i);
        torn_push(t, flaws, i, weak, FLAW_FLICKER);
    }
}

/* Clears bits anywhere in the sector, the call's own bytes excepted: they are done. */
static void torn_disturb(struct torn *t)
{
    struct chip *chip = t->chip;
    uint64_t size = chip->flash.geometry.sector_size;
    uint64_t hits = t->tear->n < 8 * size ? t->tear->n : 8 * size;
    for (uint64_t i = 0; i < hits; i++) {
        uint64_t random = hash_mix(t->tear->seed, i);
        uint32_t byte = (uint32_t)((random >> 3) % size);
        if (byte - t->offset < t->op->size) continue;
        unsigned now = sector_byte(chip, t->sector, byte) ^ t->flip;
        uint8_t next = (uint8_t)((now & ~(1u << (random & 7))) ^ t->flip);
        sector_store(chip, t->sector, byte, &next, 1);
    }
}

/* Units before byte N are done, its own is an error, another value, or a ghost. */
static void torn_ecc(struct torn *t, size_t *flaws)
{
    uint32_t n = t->tear->n < t->op->size ? t->tear->n : t->op->size - 1;
    uint32_t start = torn_unit_start(t, n);
    torn_finish(t, start);
    t->counted = start + t->unit;
    for (uint32_t i = start; i < start + t->unit; i++) {
        struct flaw flaw = {0, t->offset + i, 0, FLAW_ERROR, 0};
        switch (t->tear->kind) {
        case TEAR_ECC_ERROR:
            flaw_push(t->chip, flaws, flaw);
            break;
        case TEAR_ECC_WRONG:
            t->next[i] = (uint8_t)hash_mix(t->tear->seed, i);
            break;
        default:
            flaw.kind = FLAW_GHOST;
            flaw_push(t->chip, flaws, flaw);
            break;
        }
    }
}

/* --- a torn program, start to end --- */

static void torn_shape(struct torn *t, size_t *flaws)
{
    switch (t->tear->kind) {
    case TEAR_PREFIX:
        torn_finish(t, t->tear->n < t->op->size ? t->tear->n : t->op->size);
        break;
    case TEAR_ONLY:
        torn_only(t);
        break;
    case TEAR_EXCEPT:
        torn_except(t);
        break;
    case TEAR_MASK:
        torn_mask(t);
        break;
    case TEAR_LOOKS_UNDONE:
        torn_looks_undone(t, flaws);
        break;
    case TEAR_LOOKS_DONE:
        torn_looks_done(t, flaws);
        break;
    case TEAR_FLICKER:
        torn_flicker(t, flaws);
        break;
    case TEAR_DISTURB:
        torn_finish(t, t->op->size);
        torn_disturb(t);
        break;
    case TEAR_ECC_ERROR:
    case TEAR_ECC_WRONG:
    case TEAR_ECC_GHOST:
        torn_ecc(t, flaws);
        break;
    default:
        assert(false && "not a tear of a program");
    }
}

/* Runs of units that count are counted together. */
static void torn_count(struct torn *t)
{
    if (t->chip->counts_size == 0) return;
    uint32_t sure = t->counted > t->done ? t->counted : t->done;
    assert(sure <= t->op->size);
    uint32_t first = t->offset / t->unit, run = 0;
    for (uint32_t i = 0; i < t->op->size; i += t->unit) {
        if (i + t->unit <= sure || memcmp(t->now + i, t->next + i, t->unit) != 0) {
            run++;
            continue;
        }
        if (run) sector_count_programs(t->chip, t->sector, first + i / t->unit - run, run);
        run = 0;
    }
    if (run) {
        sector_count_programs(t->chip, t->sector, first + t->op->size / t->unit - run, run);
    }
}

static bool torn_cleared(const struct flaw *flaw, const void *context)
{
    const struct torn *t = context;
    uint32_t i = flaw->byte - t->offset;
    if (flaw->byte < t->offset || i >= t->op->size || flaw->kind > FLAW_FLICKER) return false;
    return (t->next[i] ^ t->now[i]) >> flaw->bit & 1;
}

static void tear_program(struct chip *chip, const struct chip_op *op, const struct tear *tear)
{
    const struct bo_flash_geometry *g = &chip->flash.geometry;
    uint32_t number = chip_sector_of(chip, op->address);
    struct torn t = {
        .chip = chip,
        .sector = &chip->sectors[number],
        .op = op,
        .tear = tear,
        .number = number,
        .offset = op->address - number * g->sector_size,
        .unit = g->unit,
        .by_unit = g->tear_scope == BO_FLASH_TEAR_UNIT,
        .flip = (uint8_t)chip->flip,
        .next = chip->scratch,
    };
    size_t flaws = 0;
    assert(op->data && t.offset + op->size <= g->sector_size);
    sector_attach(chip, t.sector);
    t.now = t.sector->block->bytes + t.offset;
    memcpy(t.next, t.now, op->size);
    torn_shape(&t, &flaws);
    torn_count(&t);
    if (t.sector->flaws) flaw_drop(chip, number, torn_cleared, &t);
    sector_store(chip, t.sector, t.offset, t.next, op->size);
    flaw_add(chip, number, flaws);
}

/* --- erases --- */

struct torn_erase {
    struct chip *chip;
    struct sector *sector;
    const struct tear *tear;
    uint32_t number, size;
    uint32_t blank_start, blank_end; /* these bytes are erased completely */
    const uint8_t *now;              /* the block of the sector, counts included */
    uint8_t *next;                   /* what the bytes become */
};

/* Each bit is blank with probability density/256, or else zero or as it was. */
static void erase_mix(struct torn_erase *t, uint32_t density)
{
    unsigned flip = (uint8_t)t->chip->flip;
    struct dice blank = {.seed = t->tear->seed, .density = density};
    struct dice kept = {.seed = ~t->tear->seed, .density = 128};
    for (uint32_t i = 0; i < t->size; i++) {
        unsigned now = t->next[i] ^ flip;
        t->next[i] = (uint8_t)((dice_byte(&blank, i) | (now & dice_byte(&kept, i))) ^ flip);
    }
}

/* The old zeros of byte i. */
static uint8_t erase_zeros(const struct torn_erase *t, uint32_t i)
{
    return (uint8_t) ~(t->now[i] ^ t->chip->flip);
}

static void erase_lift(struct torn_erase *t)
{
    struct dice dice = dice_of(t->tear);
    for (uint32_t i = 0; i < t->size; i++)
        t->next[i] ^= erase_zeros(t, i) & dice_byte(&dice, i);
}

static void erase_lift_only(struct torn_erase *t)
{
    uint32_t k = t->tear->n;
    for (uint32_t i = 0; i < t->size; i++) {
        uint8_t zeros = erase_zeros(t, i);
        unsigned count = chip_bits_in(zeros);
        if (k >= count) {
            k -= count;
            continue;
        }
        for (; k != 0; k--)
            zeros &= (uint8_t)(zeros - 1);
        t->next[i] ^= (uint8_t)(zeros & -zeros);
        return;
    }
}

static void erase_shape(struct torn_erase *t)
{
    uint8_t erased = t->chip->flash.geometry.erased;
    uint32_t n = t->tear->n < t->size ? t->tear->n : t->size;
    switch (t->tear->kind) {
    case TEAR_PREFIX:
        memset(t->next, erased, n);
        t->blank_end = n;
        break;
    case TEAR_BLANK_TAIL:
        memset(t->next + (t->size - n), erased, n);
        t->blank_start = t->size - n;
        t->blank_end = t->size;
        break;
    case TEAR_LIFT:
        erase_lift(t);
        break;
    case TEAR_LIFT_ONLY:
        erase_lift_only(t);
        break;
    case TEAR_ZERO_HEAD:
        memset(t->next, ~erased & 0xFF, n);
        break;
    case TEAR_ZERO_TAIL:
        memset(t->next + (t->size - n), ~erased & 0xFF, n);
        break;
    case TEAR_MIX:
        erase_mix(t, t->tear->density);
        break;
    case TEAR_ECC_MIX:
        erase_mix(t, 128);
        break;
    case TEAR_BLANK_WEAK:
    case TEAR_BLANK_OVER:
        memset(t->next, erased, t->size);
        t->blank_end = t->size;
        break;
    default:
        assert(false && "not a tear of an erase");
    }
}

/* The first byte from `i` on that the erase changes; the size when there is none. */
static uint32_t erase_next_change(const struct torn_erase *t, uint32_t i)
{
    const uint8_t *now = t->now;
    while (i + 8 <= t->size && hash_load(now + i) == hash_load(t->next + i))
        i += 8;
    while (i < t->size && now[i] == t->next[i])
        i++;
    return i;
}

/* The counts after the erase, in the chip's count buffer; NULL where programs are not limited. */
static const uint8_t *erase_counts(const struct torn_erase *t)
{
    struct chip *chip = t->chip;
    const struct bo_flash_geometry *g = &chip->flash.geometry;
    if (chip->counts_size == 0) return NULL;
    uint8_t *counts = chip->count_buffer;
    /* Nothing sets a sector that is blank all over apart from an erased one. */
    if (t->next[0] == g->erased && memcmp(t->next, t->next + 1, t->size - 1) == 0) return NULL;
    memcpy(counts, t->now + chip->counts_at, chip->counts_size);
    uint32_t blank = (t->blank_start + g->unit - 1) / g->unit; /* the first unit that is */
    if (t->blank_end / g->unit > blank) memset(counts + blank, 0, t->blank_end / g->unit - blank);
    for (uint32_t i = 0; (i = erase_next_change(t, i)) < t->size;) {
        uint32_t start = i - i % g->unit;
        bool is_blank = true;
        for (i = start; i < start + g->unit; i++) {
            if (t->next[i] != g->erased) is_blank = false;
        }
        uint8_t *count = &counts[start / g->unit];
        *count = (uint8_t)(is_blank ? 0 : *count + (*count == 0));
    }
    return counts;
}

/* Drops what the erase has overcome: flaws of the blanked bytes, unstable bits that it moved. */
static bool erase_overcame(const struct flaw *flaw, const void *context)
{
    const struct torn_erase *t = context;
    if (flaw->byte >= t->blank_start && flaw->byte < t->blank_end) return true;
    uint8_t change = t->next[flaw->byte] ^ t->now[flaw->byte];
    return flaw->kind <= FLAW_FLICKER && (change >> flaw->bit & 1);
}

/* Every cell was programmed before it was erased, so any bit may be weak, a blank one too. */
static void erase_push_weak(struct torn_erase *t, size_t *flaws, struct dice *dice, uint32_t i)
{
    uint8_t weak = dice_byte(dice, i);
    for (uint8_t bit = 0; bit < 8; bit++) {
        if (weak >> bit & 1) {
            flaw_push(t->chip, flaws, (struct flaw){t->tear->seed, i, bit, FLAW_WEAK, 0});
        }
    }
}

/* The flaws that the tear adds, collected before the content changes. */
static size_t erase_flaws(struct torn_erase *t)
{
    size_t flaws = 0;
    uint32_t unit = t->chip->flash.geometry.unit;
    struct dice dice = dice_of(t->tear);
    if (t->tear->kind == TEAR_BLANK_WEAK) {
        for (uint32_t i = 0; i < t->size; i++)
            erase_push_weak(t, &flaws, &dice, i);
    } else if (t->tear->kind == TEAR_ECC_MIX) {
        for (uint32_t i = 0; i < t->size; i++) {
            uint64_t random = hash_mix(t->tear->seed + 1, i / unit);
            if ((random & 0xFF) >= t->tear->density) continue;
            flaw_push(t->chip, &flaws, (struct flaw){0, i, 0, FLAW_ERROR, 0});
        }
    }
    return flaws;
}

static void tear_erase(struct chip *chip, const struct chip_op *op, const struct tear *tear)
{
    uint32_t number = chip_sector_of(chip, op->address);
    struct torn_erase t = {
        .chip = chip,
        .sector = &chip->sectors[number],
        .tear = tear,
        .number = number,
        .size = chip->flash.geometry.sector_size,
        .next = chip->scratch,
    };
    assert(op->address % t.size == 0 && op->size == t.size);
    if (!tear->lies) {
        sector_count_erase(chip, t.sector);
        sector_set_unproven(chip, t.sector, true);
    }
    if (tear->kind == TEAR_LOCKED) {
        flaw_set_locked(chip, number);
        return;
    }
    sector_attach(chip, t.sector);
    t.now = t.sector->block->bytes;
    memcpy(t.next, t.now, t.size);
    erase_shape(&t);
    size_t flaws = erase_flaws(&t);
    if (t.sector->flaws) flaw_drop(chip, number, erase_overcame, &t);
    assert(t.blank_start <= t.blank_end && t.blank_end <= t.size);
    assert(t.now == t.sector->block->bytes);
    sector_fill(chip, t.sector, t.next, erase_counts(&t));
    flaw_add(chip, number, flaws);
    if (tear->kind == TEAR_BLANK_OVER) flaw_set_over(chip, number, tear->seed);
}

/* One that lies counts like any other: the engine may go by it. One that is cut, or fails, is known
 * not to be done: a lie before it is no excuse any more. */
static void tear_note_lie(struct chip *chip, const struct chip_op *op, const struct tear *tear)
{
    uint32_t number = chip_sector_of(chip, op->address);
    struct sector *sector = &chip->sectors[number];
    flaw_set_lied(chip, number, tear->lies);
    if (!tear->lies) return;
    sector_set_unproven(chip, sector, false);
    sector_count_erase(chip, sector);
}

/* Bits that clear at another place are damage, as of rot. */
static void tear_stray(struct chip *chip, const struct tear *tear)
{
    uint32_t address = (uint32_t)(tear->seed % chip->size);
    uint32_t number = chip_sector_of(chip, address);
    const struct sector *sector = &chip->sectors[number];
    uint32_t offset = address - number * chip->flash.geometry.sector_size;
    struct chip_stray stray = {address, sector->hash, sector->hash, sector->erased_at};
    uint8_t set = sector_byte(chip, sector, offset) ^ (uint8_t)chip->flip;
    for (unsigned bit = 0; bit < 8; bit++) {
        if (tear->n & set & 1u << bit) chip_flip(chip, address, bit);
    }
    stray.after = sector->hash;
    chip->state.strayed = stray;
}

void tear_apply(struct chip *chip, const struct chip_op *op, const struct tear *tear)
{
    assert(tear->kind < TEAR_KINDS && tear->density <= 256);
    if (op->kind == CHIP_ERASE) tear_note_lie(chip, op, tear);
    if (tear->kind == TEAR_NONE || !fault_fits(tear, op->kind)) return;
    if (tear->kind == TEAR_DONE) {
        chip_apply(chip, op);
    } else if (tear->kind == TEAR_STRAY) {
        chip_apply(chip, op);
        tear_stray(chip, tear);
    } else if (op->kind == CHIP_PROGRAM) {
        tear_program(chip, op, tear);
    } else {
        tear_erase(chip, op, tear);
    }
}
