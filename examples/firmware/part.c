/* part.c - see part.h.
 *
 * A cut program leaves the words before its middle, half of the bits of the one there, and nothing
 * of the rest; a cut erase leaves the first half of the sector blank.
 */
#include "examples/firmware/part.h"

#include <stddef.h>
#include <string.h>

uint8_t part_memory[PART_SIZE];
static uint8_t programs[PART_SIZE / PART_WORD]; /* of each word since its erase */
static uint32_t calls_to_cut;                   /* 0: no cut is planned */
static bool off;
static const char *breach;

void part_new(void)
{
    memset(part_memory, 0xFF, sizeof part_memory);
    memset(programs, 0, sizeof programs);
    calls_to_cut = 0;
    off = false;
    breach = NULL;
}

static bool refuse(const char *rule)
{
    if (breach == NULL) breach = rule;
    return false;
}

/* Whether this is the call that the cut is planned for; from then on the power is off. */
static bool cut_now(void)
{
    off = calls_to_cut == 1;
    if (calls_to_cut != 0) calls_to_cut--;
    return off;
}

static bool program_word(uint32_t address, const uint8_t *data, uint8_t kept)
{
    if (programs[address / PART_WORD]++ == PART_PROGRAMS_PER_WORD && PART_PROGRAMS_PER_WORD != 0)
        return refuse("a word is programmed too often");
    for (uint32_t i = 0; i < PART_WORD; i++) {
        if (data[i] & ~part_memory[address + i]) return refuse("a program sets a bit");
        part_memory[address + i] &= (uint8_t)(data[i] | kept);
    }
    return true;
}

bool part_program(uint32_t address, const void *data, uint32_t size)
{
    const uint8_t *bytes = (const uint8_t *)data;
    if (off) return false;
    if (size == 0 || address % PART_WORD != 0 || size % PART_WORD != 0)
        return refuse("a program is not of whole words");
    if (address > PART_SIZE || size > PART_SIZE - address) return refuse("a program is outside");
    bool cut = cut_now();
    uint32_t whole = cut ? size / 2 - size / 2 % PART_WORD : size;
    for (uint32_t i = 0; i < whole; i += PART_WORD)
        if (!program_word(address + i, bytes + i, 0)) return false;
    return !cut || (program_word(address + whole, bytes + whole, 0x55) && false);
}

bool part_erase(uint32_t address)
{
    if (off) return false;
    if (address % PART_SECTOR != 0 || address >= PART_SIZE) return refuse("no sector begins there");
    bool cut = cut_now();
    uint32_t size = cut ? PART_SECTOR / 2 : PART_SECTOR;
    memset(part_memory + address, 0xFF, size);
    memset(programs + address / PART_WORD, 0, size / PART_WORD);
    return !cut;
}

void part_cut_in(uint32_t nth)
{
    calls_to_cut = nth;
}

bool part_is_off(void)
{
    return off;
}

void part_power_on(void)
{
    off = false;
    calls_to_cut = 0;
}

const char *part_breach(void)
{
    return breach;
}
