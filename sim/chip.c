/* chip.c - the chip's calls, power, counters, and what can be looked at. */
#include "sim/chip_internal.h"

#include <stdlib.h>

/* --- answers and counts --- */

/* Calls that are not begun: power, rules, places that cannot be programmed or erased any more. */

static int chip_refuse(struct chip *chip, int error)
{
    chip->state.counters.refused++;
    return error;
}

static int chip_refuse_breach(struct chip *chip, const struct chip_op *op, enum chip_rule rule)
{
    struct chip_state *state = &chip->state;
    if (state->breach.rule == CHIP_RULE_KEPT) {
        state->breach.rule = rule;
        state->breach.op = *op;
        state->breach.op.data = NULL;
        state->breach.step = state->counters.programs + state->counters.erases;
    }
    return chip_refuse(chip, rule <= CHIP_RULE_PAGE ? BO_FLASH_ERR_RANGE : BO_FLASH_ERR_IO);
}

static bool chip_place_fails(const struct chip *chip, const struct chip_op *op)
{
    uint32_t number = chip_sector_of(chip, op->address);
    const struct sector *sector = &chip->sectors[number];
    if (op->kind == CHIP_ERASE) {
        uint64_t endurance = chip->part.endurance.value;
        return chip->wears_out && endurance != 0 && sector->erases >= endurance;
    }
    uint32_t offset = op->address - number * chip->flash.geometry.sector_size;
    return sector->flaws && flaw_blocks_program(sector->flaws, offset, op->size);
}

/* Takes fuel for one call; false when there is none left. */
static bool chip_burns(struct chip *chip, enum chip_op_kind kind)
{
    uint64_t *fuel = &chip->state.fuel[kind == CHIP_READ ? 0 : 1];
    if (*fuel == 0) return true;
    if (*fuel == 1) return false;
    --*fuel;
    return true;
}

/* BO_FLASH_OK when the call may go on. */
static int chip_admit(struct chip *chip, const struct chip_op *op)
{
    if (!chip->state.powered) return chip_refuse(chip, BO_FLASH_ERR_OFF);
    if (!chip_burns(chip, op->kind)) return chip_refuse_breach(chip, op, CHIP_RULE_FUEL);
    enum chip_rule rule = rule_broken(chip, op);
    if (rule != CHIP_RULE_KEPT) return chip_refuse_breach(chip, op, rule);
    if (op->kind != CHIP_READ && op->size != 0 && chip_place_fails(chip, op)) {
        return chip_refuse(chip, BO_FLASH_ERR_IO);
    }
    pulse_now->beats++;
    return BO_FLASH_OK;
}

static void chip_note_watched(struct chip *chip, uint32_t sector)
{
    struct chip_watched *watched = &chip->state.watched;
    uint32_t erases = (uint32_t)chip->state.counters.erases;
    watched->last = sector;
    watched->last_erases = erases;
    if (watched->first != CHIP_SECTOR_NONE) return;
    watched->first = sector;
    watched->first_erases = erases;
}

static void chip_count(struct chip *chip, const struct chip_op *op)
{
    struct chip_counters *counters = &chip->state.counters;
    const struct part *part = &chip->part;
    if (op->kind == CHIP_ERASE) {
        counters->erases++;
        counters->time_ns += part->erase_ns_typ.value;
        return;
    }
    uint32_t charges = part->program_per_page ? 1 : op->size / chip->flash.geometry.unit;
    uint32_t sector = chip_sector_of(chip, op->address);
    assert(op->kind == CHIP_PROGRAM);
    if (sector < chip->state.watch_end) chip_note_watched(chip, sector);
    counters->programs++;
    counters->bytes_programmed += op->size;
    counters->time_ns += part->program_ns_typ.value * charges;
}

/* What the hook answers. */
static const struct tear *chip_ask(struct chip *chip, const struct chip_op *op)
{
    chip_hook *hook = chip->hook;
    void *context = chip->hook_context;
    chip->hook = NULL;
    enum pulse_place from = pulse_go(PULSE_HARNESS);
    const struct tear *tear = hook(context, op);
    pulse_go(from);
    pulse_now->beats++; /* the time that the hook took is not the engine's */
    chip->hook = hook;
    chip->hook_context = context;
    return tear;
}

/* --- reads --- */

/* As memcpy, which is not called for what engines read most: a call takes longer than the copy. */
static void chip_copy(uint8_t *to, const uint8_t *from, uint32_t size)
{
    if (size == 4) {
        memcpy(to, from, 4);
    } else if (size == 8) {
        memcpy(to, from, 8);
    } else {
        memcpy(to, from, size);
    }
}

/* Reads bytes of one sector. */
static int chip_read_sector(struct chip *chip, uint32_t number, uint32_t offset, uint8_t *buffer,
                            uint32_t size)
{
    const struct sector *sector = &chip->sectors[number];
    if (sector->block) {
        chip_copy(buffer, sector->block->bytes + offset, size);
    } else {
        memset(buffer, chip->flash.geometry.erased, size);
    }
    return sector->flaws ? flaw_read(chip, number, offset, buffer, size) : BO_FLASH_OK;
}

static int chip_read_bytes(struct chip *chip, uint32_t address, uint8_t *bytes, uint32_t size)
{
    uint32_t sector_size = chip->flash.geometry.sector_size, wanted = size;
    int error = BO_FLASH_OK;
    while (wanted != 0) {
        uint32_t number = chip_sector_of(chip, address);
        uint32_t offset = address - number * sector_size;
        uint32_t part = sector_size - offset < wanted ? sector_size - offset : wanted;
        int answer = chip_read_sector(chip, number, offset, bytes, part);
        if (answer) error = answer;
        bytes += part;
        address += part;
        wanted -= part;
    }
    return error;
}

/* What a read that goes wrong makes of the bytes. */
static int chip_glitch(struct chip *chip, const struct tear *glitch, uint8_t *bytes, uint32_t size)
{
    assert(chip->state.powered && fault_fits(glitch, CHIP_READ));
    chip->state.counters.glitched++;
    if (glitch->kind == TEAR_READ_ERROR || glitch->kind == TEAR_READ_ERRORS) {
        chip->state.counters.unread++;
        return BO_FLASH_ERR_IO;
    }
    if (glitch->kind == TEAR_READ_ERASED) {
        memset(bytes, chip->flash.geometry.erased, size);
    } else {
        uint64_t bit = glitch->n % (8 * (uint64_t)size);
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    return BO_FLASH_OK;
}

/* A read that may break a rule, go wrong, or meet what is wrong with the sector. */
static int chip_read_with_care(struct chip *chip, uint32_t address, uint8_t *bytes, uint32_t size)
{
    struct chip_op op = {CHIP_READ, address, size, NULL};
    int error = chip_admit(chip, &op);
    if (error || size == 0) return error;
    const struct tear *glitch = chip->reads_asked && chip->hook ? chip_ask(chip, &op) : NULL;
    chip->state.counters.reads++;
    chip->state.counters.bytes_read += size;
    error = chip_read_bytes(chip, address, bytes, size);
    if (glitch && !error) error = chip_glitch(chip, glitch, bytes, size);
    if (error) memset(bytes, 0x5A, size); /* undefined, so nothing an engine could live on */
    return error;
}

/* Whether the read is of one sound sector, lawful, has fuel, and nobody is to be asked: nearly each
 * one. What it does then is what the other way does. */
static bool chip_read_is_plain(const struct chip *chip, uint32_t number, uint32_t offset,
                               uint32_t size)
{
    const struct bo_flash_geometry *g = &chip->flash.geometry;
    bool inside = number < g->sector_count && size <= g->sector_size - offset && size != 0;
    bool aligned = ((offset | size) & (g->read_unit - 1u)) == 0;
    return inside && aligned && chip->state.powered && !chip->reads_asked &&
           chip->state.fuel[0] != 1 && !chip->sectors[number].flaws;
}

static int chip_read(void *context, uint32_t address, void *buffer, uint32_t size)
{
    struct chip *chip = context;
    struct chip_state *state = &chip->state;
    uint32_t number = chip_sector_of(chip, address);
    uint32_t offset = address - number * chip->flash.geometry.sector_size;
    enum pulse_place from = pulse_go(PULSE_CALLED_BACK);
    int error = BO_FLASH_OK;
    if (chip_read_is_plain(chip, number, offset, size)) {
        pulse_now->beats++;
        state->fuel[0] -= state->fuel[0] != 0;
        state->counters.reads++;
        state->counters.bytes_read += size;
        chip_read_sector(chip, number, offset, buffer, size);
    } else {
        error = chip_read_with_care(chip, address, buffer, size);
    }
    CHIP_CHECK_CALL(chip);
    pulse_go(from);
    return error;
}

/* --- programs and erases --- */

static bool chip_is_blank(const struct chip *chip, const uint8_t *data, uint32_t size)
{
    uint8_t erased = chip->flash.geometry.erased;
    return data[0] == erased && memcmp(data, data + 1, size - 1) == 0;
}

/* What programming leaves in the bytes, in the chip's scratch: cleared bits stay clear. */
static const uint8_t *chip_and(struct chip *chip, const struct sector *sector, uint32_t offset,
                               const struct chip_op *op)
{
    uint8_t flip = (uint8_t)chip->flip;
    const uint8_t *now = sector->block->bytes + offset;
    for (uint32_t i = 0; i < op->size; i++) {
        unsigned clear = (now[i] ^ flip) & (op->data[i] ^ flip);
        chip->scratch[i] = (uint8_t)(clear ^ flip);
    }
    if (sector->flaws && sector->flaws->over) {
        for (uint32_t i = 0; i < op->size; i++) {
            unsigned kept = flaw_column(sector->flaws, offset + i) & (now[i] ^ flip);
            chip->scratch[i] = (uint8_t)(((chip->scratch[i] ^ flip) | kept) ^ flip);
        }
    }
    return chip->scratch;
}

static void chip_apply_program(struct chip *chip, const struct chip_op *op)
{
    uint32_t number = chip_sector_of(chip, op->address), unit = chip->flash.geometry.unit;
    struct sector *sector = &chip->sectors[number];
    uint32_t offset = op->address - number * chip->flash.geometry.sector_size;
    if (!sector->block) {
        if (chip->counts_size == 0 && chip_is_blank(chip, op->data, op->size)) return;
        sector_attach(chip, sector);
    }
    const uint8_t *bytes = op->data;
    if (chip->and_allowed || sector->flaws) bytes = chip_and(chip, sector, offset, op);
    sector_store(chip, sector, offset, bytes, op->size);
    sector_count_programs(chip, sector, offset / unit, op->size / unit);
    if (sector->flaws) flaw_heal(chip, number, offset, op->data, op->size);
}

static void chip_apply_erase(struct chip *chip, const struct chip_op *op)
{
    uint32_t number = chip_sector_of(chip, op->address);
    struct sector *sector = &chip->sectors[number];
    sector_count_erase(chip, sector);
    sector_blank(chip, sector);
    sector_set_unproven(chip, sector, false);
    if (sector->flaws) flaw_set(chip, number, NULL);
}

void chip_apply(struct chip *chip, const struct chip_op *op)
{
    if (op->kind == CHIP_ERASE) {
        chip_apply_erase(chip, op);
    } else {
        chip_apply_program(chip, op);
    }
}

/* Asks the hook. True when the call goes on; else what it answers. */
static bool chip_goes_on(struct chip *chip, const struct chip_op *op, int *answer)
{
    const struct tear *tear = chip_ask(chip, op);
    if (!chip->state.powered) {
        *answer = chip_refuse(chip, BO_FLASH_ERR_OFF);
        return false;
    }
    if (!tear) return true;
    chip_tear(chip, op, tear);
    bool failed = fault_class_of(tear) == FAULT_FAIL;
    *answer = !tear->powered ? BO_FLASH_ERR_OFF : failed ? BO_FLASH_ERR_IO : BO_FLASH_OK;
    return false;
}

static int chip_do(struct chip *chip, const struct chip_op *op)
{
    int error = chip_admit(chip, op);
    if (error || op->size == 0) return error;
    if (chip->hook && !chip_goes_on(chip, op, &error)) return error;
    assert(chip->state.powered);
    chip_count(chip, op);
    chip_apply(chip, op);
    return BO_FLASH_OK;
}

static int chip_program(void *context, uint32_t address, const void *data, uint32_t size)
{
    struct chip_op op = {CHIP_PROGRAM, address, size, data};
    enum pulse_place from = pulse_go(PULSE_CALLED_BACK);
    int error = chip_do(context, &op);
    CHIP_CHECK_CALL(context);
    pulse_go(from);
    return error;
}

static int chip_erase(void *context, uint32_t address)
{
    struct chip *chip = context;
    struct chip_op op = {CHIP_ERASE, address, chip->flash.geometry.sector_size, NULL};
    enum pulse_place from = pulse_go(PULSE_CALLED_BACK);
    int error = chip_do(chip, &op);
    CHIP_CHECK_CALL(chip);
    pulse_go(from);
    return error;
}

/* --- life --- */

static uint64_t chip_times_eight(uint8_t byte)
{
    return byte * 0x0101010101010101u;
}

static void chip_derive(struct chip *chip)
{
    const struct bo_flash_geometry *g = &chip->flash.geometry;
    chip->size = bo_flash_size(&chip->flash);
    chip->blank = chip_times_eight(g->erased);
    chip->flip = chip_times_eight((uint8_t)~g->erased);
    chip->shift = 32;
    for (uint32_t shift = 0; shift < 32; shift++) {
        if (g->sector_size == (uint32_t)1 << shift) chip->shift = shift;
    }
    chip->counts_at = (g->sector_size + 7) / 8 * 8;
    chip->counts_size = g->programs_per_unit ? (g->sector_size / g->unit + 7) / 8 * 8 : 0;
    chip->block_size = chip->counts_at + chip->counts_size;
    assert(chip->size != 0 && chip->block_size % 8 == 0);
}

static const struct chip_state fresh = {.powered = true,
                                        .watched = {CHIP_SECTOR_NONE, CHIP_SECTOR_NONE, 0, 0}};

struct chip *chip_new(const struct part *part)
{
    if (!bo_flash_geometry_valid(&part->geometry)) return NULL;
    struct chip *chip = memory_zeroed(1, sizeof *chip);
    chip->part = *part;
    chip->flash = (struct bo_flash){part->geometry, chip, chip_read, chip_program, chip_erase};
    chip_derive(chip);
    chip->state = fresh;
    chip->sectors = memory_zeroed(part->geometry.sector_count, sizeof *chip->sectors);
    chip->scratch = memory_new(part->geometry.sector_size);
    chip->count_buffer = memory_new(chip->counts_size);
    return chip;
}

static void chip_free_flaws(struct chip *chip)
{
    while (chip->flawed)
        free(flaw_swap(chip, chip->flawed->sector, NULL));
}

void chip_free(struct chip *chip)
{
    if (!chip) return;
    journal_clear(chip);
    chip_free_flaws(chip);
    while (chip->blocks) {
        struct block *next = chip->blocks->next;
        free(chip->blocks);
        chip->blocks = next;
    }
    free(chip->sectors);
    free(chip->scratch);
    free(chip->count_buffer);
    free(chip->flaw_buffer);
    free(chip->journal.bytes);
    free(chip);
}

/* A table of untouched sectors; a big one anew, so that it takes no memory again. */
static void chip_clear_sectors(struct chip *chip)
{
    size_t count = chip->flash.geometry.sector_count;
    if (count <= 4096) {
        memset(chip->sectors, 0, count * sizeof *chip->sectors);
        return;
    }
    free(chip->sectors);
    chip->sectors = memory_zeroed(count, sizeof *chip->sectors);
}

void chip_reset(struct chip *chip)
{
    journal_clear(chip);
    chip_free_flaws(chip);
    chip->blocks_clean = NULL;
    chip->blocks_dirty = NULL;
    for (struct block *block = chip->blocks; block; block = block->next) {
        sector_recycle(chip, block, false);
    }
    chip_clear_sectors(chip);
    chip->state = fresh;
    CHIP_CHECK_CALL(chip);
}

const struct bo_flash *chip_flash(const struct chip *chip)
{
    return &chip->flash;
}

/* --- options --- */

void chip_allow_and(struct chip *chip, bool allowed)
{
    chip->and_allowed = allowed;
}

void chip_allow_reprogram(struct chip *chip, bool allowed)
{
    chip->reprogram_allowed = allowed;
}

void chip_count_torn(struct chip *chip, bool counted)
{
    chip->torn_free = !counted;
}

void chip_require_proof(struct chip *chip, bool required)
{
    chip->proof_required = required;
}

void chip_wear_out(struct chip *chip, bool enabled)
{
    chip->wears_out = enabled;
}

chip_hook *chip_hook_of(const struct chip *chip, void **context)
{
    *context = chip->hook_context;
    return chip->hook;
}

void chip_set_hook(struct chip *chip, chip_hook *hook, void *context)
{
    chip->hook = hook;
    chip->hook_context = context;
}

void chip_ask_reads(struct chip *chip, bool asked)
{
    chip->reads_asked = asked;
}

void chip_set_fuel(struct chip *chip, uint64_t reads, uint64_t changes)
{
    chip->state.fuel[0] = reads == CHIP_FUEL_ENDLESS ? 0 : reads + 1;
    chip->state.fuel[1] = changes == CHIP_FUEL_ENDLESS ? 0 : changes + 1;
}

/* --- power --- */

void chip_tear(struct chip *chip, const struct chip_op *op, const struct tear *tear)
{
    assert(chip->state.powered && op->kind != CHIP_READ && op->size != 0);
    assert(rule_broken(chip, op) == CHIP_RULE_KEPT);
    chip_count(chip, op);
    chip->counts_held = chip->torn_free;
    tear_apply(chip, op, tear);
    chip->counts_held = false;
    chip->state.powered = tear->powered;
    chip->state.counters.failed += fault_class_of(tear) == FAULT_FAIL;
    chip->state.counters.lied += tear->lies;
    chip->state.counters.strayed += tear->kind == TEAR_STRAY;
    CHIP_CHECK_CALL(chip);
}

void chip_power_off(struct chip *chip)
{
    chip->state.powered = false;
}

void chip_power_on(struct chip *chip)
{
    chip->state.counters.power_ons++;
    if (chip->state.powered) return;
    chip->state.powered = true;
    if (chip->flawed) flaw_power_on(chip);
    CHIP_CHECK_CALL(chip);
}

bool chip_powered(const struct chip *chip)
{
    return chip->state.powered;
}

/* --- observation --- */

void chip_watch(struct chip *chip, uint32_t sectors)
{
    chip->state.watch_end = sectors;
    chip->state.watched = (struct chip_watched){CHIP_SECTOR_NONE, CHIP_SECTOR_NONE, 0, 0};
}

const struct chip_stray *chip_strayed(const struct chip *chip)
{
    return &chip->state.strayed;
}

const struct chip_watched *chip_watched(const struct chip *chip)
{
    return &chip->state.watched;
}

uint32_t chip_erased_at(const struct chip *chip, uint32_t sector)
{
    assert(sector < chip->flash.geometry.sector_count);
    return chip->sectors[sector].erased_at;
}

const struct chip_counters *chip_counters(const struct chip *chip)
{
    return &chip->state.counters;
}

uint32_t chip_sector_erases(const struct chip *chip, uint32_t sector)
{
    assert(sector < chip->flash.geometry.sector_count);
    return chip->sectors[sector].erases;
}

const struct chip_breach *chip_breach(const struct chip *chip)
{
    return &chip->state.breach;
}

void chip_clear_breach(struct chip *chip)
{
    memset(&chip->state.breach, 0, sizeof chip->state.breach);
}

const char *chip_rule_name(enum chip_rule rule)
{
    switch (rule) {
    case CHIP_RULE_KEPT:
        return "kept";
    case CHIP_RULE_BOUNDS:
        return "bounds";
    case CHIP_RULE_ALIGNMENT:
        return "alignment";
    case CHIP_RULE_PAGE:
        return "page";
    case CHIP_RULE_SET_BIT:
        return "set-bit";
    case CHIP_RULE_REPROGRAM:
        return "reprogram";
    case CHIP_RULE_FUEL:
        return "fuel";
    case CHIP_RULE_UNPROVEN:
        return "unproven";
    }
    return "?";
}

struct chip_hash chip_sector_hash(const struct chip *chip, uint32_t sector)
{
    assert(sector < chip->flash.geometry.sector_count);
    return chip->sectors[sector].hash;
}

struct chip_hash chip_hash(const struct chip *chip)
{
    struct chip_hash sum = chip->state.hash;
    hash_add(&sum, chip->state.flaw_hash);
    if (chip->proof_required) hash_add(&sum, chip->state.unproven_hash);
    return sum;
}

bool chip_unstable(const struct chip *chip)
{
    for (const struct flaws *flaws = chip->flawed; flaws; flaws = flaws->next) {
        if (flaws->locked || flaws->over) return true;
        for (size_t i = 0; i < flaws->count; i++) {
            if (flaws->list[i].kind != FLAW_DAMAGE) return true;
        }
    }
    return false;
}

void chip_peek(const struct chip *chip, uint32_t address, void *buffer, uint32_t size)
{
    assert((uint64_t)address + size <= chip->size);
    uint8_t *bytes = buffer;
    uint32_t sector_size = chip->flash.geometry.sector_size;
    while (size != 0) {
        uint32_t number = chip_sector_of(chip, address);
        uint32_t offset = address - number * sector_size;
        uint32_t part = sector_size - offset < size ? sector_size - offset : size;
        const struct block *block = chip->sectors[number].block;
        if (block) {
            memcpy(bytes, block->bytes + offset, part);
        } else {
            memset(bytes, chip->flash.geometry.erased, part);
        }
        bytes += part;
        address += part;
        size -= part;
    }
}

/* --- image and rot --- */

/* Makes a sector hold the first `size` of its bytes, the rest blank, sound and proven. */
static void chip_load_sector(struct chip *chip, uint32_t number, const uint8_t *bytes,
                             uint32_t size)
{
    const struct bo_flash_geometry *g = &chip->flash.geometry;
    struct sector *sector = &chip->sectors[number];
    sector_blank(chip, sector);
    sector_set_unproven(chip, sector, false);
    flaw_set(chip, number, NULL);
    if (size == 0 || chip_is_blank(chip, bytes, size)) return;
    memset(chip->scratch, g->erased, g->sector_size);
    memcpy(chip->scratch, bytes, size);
    memset(chip->count_buffer, 0, chip->counts_size);
    for (uint32_t i = 0; chip->counts_size && i < size; i++) {
        if (bytes[i] != g->erased) chip->count_buffer[i / g->unit] = 1;
    }
    sector_fill(chip, sector, chip->scratch, chip->counts_size ? chip->count_buffer : NULL);
}

bool chip_load(struct chip *chip, const void *image, uint64_t size)
{
    assert(!journal_on(chip));
    if (size > chip->size) return false;
    const uint8_t *bytes = image;
    uint32_t sector_size = chip->flash.geometry.sector_size;
    for (uint32_t i = 0; i < chip->flash.geometry.sector_count; i++) {
        uint32_t part = size < sector_size ? (uint32_t)size : sector_size;
        const struct sector *now = &chip->sectors[i];
        if (part || now->block || now->flaws || now->unproven) {
            chip_load_sector(chip, i, bytes, part);
        }
        size -= part;
        bytes += part;
    }
    CHIP_CHECK_CALL(chip);
    return true;
}

static bool chip_same_damage(const struct flaw *flaw, const void *context)
{
    const struct flaw *wanted = context;
    return flaw->kind == FLAW_DAMAGE && flaw->byte == wanted->byte && flaw->bit == wanted->bit;
}

void chip_flip(struct chip *chip, uint32_t address, unsigned bit)
{
    assert(address < chip->size && bit < 8);
    uint32_t number = chip_sector_of(chip, address);
    struct sector *sector = &chip->sectors[number];
    uint32_t offset = address - number * chip->flash.geometry.sector_size;
    sector_attach(chip, sector);
    uint8_t next = (uint8_t)(sector->block->bytes[offset] ^ 1u << bit);
    sector_store(chip, sector, offset, &next, 1);
    struct flaw flaw = {0, offset, (uint8_t)bit, FLAW_DAMAGE, 0};
    if ((next ^ chip->flip) >> bit & 1) {
        flaw_drop(chip, number, chip_same_damage, &flaw);
    } else {
        size_t count = 0;
        flaw_push(chip, &count, flaw);
        flaw_add(chip, number, count);
    }
    CHIP_CHECK_CALL(chip);
}

void chip_fail_reads(struct chip *chip, uint32_t address, uint32_t count)
{
    assert(address < chip->size);
    if (count == 0) return;
    uint32_t number = chip_sector_of(chip, address);
    uint32_t offset = address - number * chip->flash.geometry.sector_size;
    size_t flaws = 0;
    flaw_push(chip, &flaws, (struct flaw){count, offset, 0, FLAW_READ, 0});
    flaw_add(chip, number, flaws);
    CHIP_CHECK_CALL(chip);
}
