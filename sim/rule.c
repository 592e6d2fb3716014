/* rule.c - what is lawful: the rules of the geometry, checked in the order of enum chip_rule. */
#include "sim/chip_internal.h"

static bool rule_aligned(const struct bo_flash_geometry *g, const struct chip_op *op)
{
    switch (op->kind) {
    case CHIP_PROGRAM:
        return ((op->address | op->size) & (g->unit - 1u)) == 0;
    case CHIP_ERASE:
        return op->address % g->sector_size == 0;
    case CHIP_READ:
        return ((op->address | op->size) & (g->read_unit - 1u)) == 0;
    }
    return false;
}

/* Whether a program asks a cleared bit to become set; sound sectors, eight bytes at a time. */
static bool rule_sets_bit(const struct chip *chip, const uint8_t *now, const uint8_t *data,
                          uint32_t size)
{
    uint64_t wrong = 0;
    uint32_t i = 0;
    for (; i + 8 <= size; i += 8) {
        wrong |= (hash_load(data + i) ^ chip->flip) & ~(hash_load(now + i) ^ chip->flip);
    }
    for (; i < size; i++) {
        wrong |= (data[i] ^ chip->flip) & ~(now[i] ^ chip->flip) & 0xFF;
    }
    return wrong != 0;
}

/* The same where flaws excuse some bits. */
static bool rule_sets_sound_bit(const struct chip *chip, const struct sector *sector,
                                uint32_t offset, const struct chip_op *op)
{
    for (uint32_t i = 0; i < op->size; i++) {
        uint64_t now = sector_byte(chip, sector, offset + i);
        uint64_t wrong = (op->data[i] ^ chip->flip) & ~(now ^ chip->flip) & 0xFF;
        if (wrong && (wrong & ~(uint64_t)flaw_excused(sector->flaws, offset + i))) return true;
    }
    return false;
}

/* Whether a unit is programmed with nothing but zeros on a part that allows that at any time. */
static bool rule_zeros_again(const struct chip *chip, const uint8_t *unit)
{
    if (!chip->part.zeros_again) return false;
    for (uint32_t i = 0; i < chip->flash.geometry.unit; i++) {
        if (unit[i] != (uint8_t)chip->flip) return false;
    }
    return true;
}

static bool rule_programs_exhausted(const struct chip *chip, const struct sector *sector,
                                    uint32_t offset, const struct chip_op *op)
{
    const struct bo_flash_geometry *g = &chip->flash.geometry;
    const uint8_t *counts = sector->block->bytes + chip->counts_at + offset / g->unit;
    assert(offset % g->unit == 0 && offset + op->size <= g->sector_size);
    for (uint32_t i = 0; i < op->size / g->unit; i++) {
        if (counts[i] < g->programs_per_unit) continue;
        if (!rule_zeros_again(chip, op->data + i * g->unit)) return true;
    }
    return false;
}

/* The rules that depend on what the sector holds. */
static enum chip_rule rule_content(const struct chip *chip, const struct chip_op *op)
{
    uint32_t number = chip_sector_of(chip, op->address);
    const struct sector *sector = &chip->sectors[number];
    uint32_t offset = op->address - number * chip->flash.geometry.sector_size;
    if (sector->block && !(sector->flaws && sector->flaws->lied)) {
        if (!chip->and_allowed) {
            const uint8_t *now = sector->block->bytes + offset;
            if (rule_sets_bit(chip, now, op->data, op->size) &&
                (!sector->flaws || rule_sets_sound_bit(chip, sector, offset, op))) {
                return CHIP_RULE_SET_BIT;
            }
        }
        if (chip->counts_size && !chip->reprogram_allowed &&
            rule_programs_exhausted(chip, sector, offset, op)) {
            return CHIP_RULE_REPROGRAM;
        }
    }
    if (chip->proof_required && sector->unproven) return CHIP_RULE_UNPROVEN;
    return CHIP_RULE_KEPT;
}

enum chip_rule rule_broken(const struct chip *chip, const struct chip_op *op)
{
    const struct bo_flash_geometry *g = &chip->flash.geometry;
    if ((uint64_t)op->address + op->size > chip->size) return CHIP_RULE_BOUNDS;
    if (!rule_aligned(g, op)) return CHIP_RULE_ALIGNMENT;
    if (op->kind != CHIP_PROGRAM || op->size == 0) return CHIP_RULE_KEPT;
    uint32_t in_page = op->address % g->page_size;
    if ((uint64_t)in_page + op->size > g->page_size) return CHIP_RULE_PAGE;
    return rule_content(chip, op);
}
