/* check_test.c - each invariant of chip_internal.h, broken on purpose, stops chip_check().
 *
 * One chip holds something of everything: bytes, counts, flaws, an unproven sector, unused blocks
 * of both kinds, nested marks. It is walked as it is, which must pass; then a child process breaks
 * one thing and walks it again, which must end in an assertion.
 */
#define _POSIX_C_SOURCE 200809L
#include "sim/chip_internal.h"

#include <stdio.h>

#include "sim/death_test.h"

#define SECTOR_SIZE 36 /* no multiple of a word, so that there is padding */

static struct chip *make_chip(void)
{
    struct part part = *part_find("generic");
    part.geometry = (struct bo_flash_geometry){SECTOR_SIZE, 4, 12, 4, 1, 0xFF, 1, 0};
    struct chip *chip = chip_new(&part);
    const struct bo_flash *flash = chip_flash(chip);
    uint8_t zeros[12] = {0};
    const struct tear undone = {.kind = TEAR_LOOKS_UNDONE, .seed = 1};
    const struct tear head = {.kind = TEAR_ZERO_HEAD, .n = 8};
    const struct chip_op program = {CHIP_PROGRAM, SECTOR_SIZE, 12, zeros};
    const struct chip_op erase = {CHIP_ERASE, 0, SECTOR_SIZE, NULL};
    chip_watch(chip, 4);
    for (uint32_t i = 0; i < 4; i++)
        bo_flash_program(flash, i * SECTOR_SIZE + 12, zeros, 12);
    bo_flash_erase(flash, 3 * SECTOR_SIZE);
    chip_tear(chip, &program, &undone);
    chip_power_on(chip);
    chip_set_mark(chip);
    bo_flash_erase(flash, 2 * SECTOR_SIZE);
    chip_set_mark(chip);
    bo_flash_program(flash, 3 * SECTOR_SIZE, zeros, 12); /* takes the unused block */
    bo_flash_program(flash, 2 * SECTOR_SIZE, zeros, 12);
    chip_rollback(chip, chip->journal.youngest);
    chip_set_mark(chip);
    chip_tear(chip, &erase, &head);
    chip_power_on(chip);
    return chip;
}

/* --- one thing broken --- */

static void break_padding(struct chip *chip)
{
    chip->sectors[1].block->bytes[SECTOR_SIZE] = 0;
}

static void break_count(struct chip *chip)
{
    chip->sectors[1].block->bytes[chip->counts_at] = 2;
}

static void break_byte(struct chip *chip)
{
    chip->sectors[1].block->bytes[0] ^= 1;
}

static void break_hash(struct chip *chip)
{
    chip->state.hash.high++;
}

static void break_flaw_list(struct chip *chip)
{
    chip->flawed = NULL;
}

static void break_flaw_order(struct chip *chip)
{
    struct flaws *flaws = chip->sectors[1].flaws;
    flaws->list[1] = flaws->list[0];
    flaws->hash = flaw_sum(chip, flaws);
}

static void break_flaw_hash(struct chip *chip)
{
    chip->sectors[1].flaws->list[0].age++;
}

static void break_erases(struct chip *chip)
{
    chip->sectors[1].erases = 100;
}

static void break_unproven(struct chip *chip)
{
    chip->sectors[0].unproven = false;
}

static void break_blocks(struct chip *chip)
{
    chip->blocks_clean = NULL;
}

static void break_clean_block(struct chip *chip)
{
    chip->blocks_clean->bytes[0] = 0;
}

static void break_journal(struct chip *chip)
{
    chip->journal.youngest -= 8;
}

static void break_breach(struct chip *chip)
{
    chip->state.breach.rule = CHIP_RULE_PAGE;
}

static const struct {
    const char *what;
    void (*break_it)(struct chip *chip);
} breaks[] = {
    {"1, the padding of a block", break_padding},
    {"2, a count beyond what is allowed", break_count},
    {"3, a byte that the hash does not know", break_byte},
    {"3, the hash of the chip", break_hash},
    {"4, flaws that are not in the list", break_flaw_list},
    {"4, the same flaw twice", break_flaw_order},
    {"4, a flaw that the hash does not know", break_flaw_hash},
    {"5, erases that were not counted", break_erases},
    {"5, an unproven sector that the hash does not know", break_unproven},
    {"6, a block that is lost", break_blocks},
    {"6, a clean block that is not blank", break_clean_block},
    {"7, a mark that is not there", break_journal},
    {"a breach without a refused call", break_breach},
};

struct broken {
    struct chip *chip;
    void (*break_it)(struct chip *chip);
    void (*check)(struct chip *chip);
};

static void walk(void *context)
{
    const struct broken *it = context;
    it->break_it(it->chip);
    it->check(it->chip);
}

static bool stops(struct chip *chip, void (*break_it)(struct chip *chip),
                  void (*check)(struct chip *chip))
{
    return death_asserts(walk, &(struct broken){chip, break_it, check});
}

static void check_now(struct chip *chip)
{
    chip_check(chip);
}

/* Calls after which check_call() has walked at least once, whatever the chip is. */
static void call_often(struct chip *chip)
{
    for (int i = 0; i < 1000; i++)
        check_call(chip);
}

int main(void)
{
    struct chip *chip = make_chip();
    int missed = 0;
    assert(chip->blocks_clean && chip->sectors[1].flaws && chip->sectors[0].unproven);
    check_now(chip);
    call_often(chip);
    for (size_t i = 0; i < sizeof breaks / sizeof breaks[0]; i++) {
        if (stops(chip, breaks[i].break_it, check_now) &&
            stops(chip, breaks[i].break_it, call_often))
            continue;
        printf("chip_check() or check_call() walks past invariant %s\n", breaks[i].what);
        missed++;
    }
    chip_free(chip);
    return missed != 0;
}
