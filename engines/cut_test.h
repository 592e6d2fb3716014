/* cut_test.h - power cuts at random on a part in memory, for the engines' own tests.
 *
 * A history is a part, what draws numbers for it, and the story of what was done, by which a
 * failure can be repeated. Of the calls of a first history each is torn in every way of a list, on
 * a copy, which lives on from there and is cut again after a number of calls.
 */
#ifndef BROWNOUT_CUT_TEST_H
#define BROWNOUT_CUT_TEST_H

#include <stdio.h>
#include <string.h>

#include "ram_flash.h"

struct cut_history {
    struct ram_flash ram;
    uint64_t random;
    uint32_t countdown;   /* programs and erases before the next cut */
    uint32_t erase_kinds; /* how many of the tears of an erase are tried */
    char story[1024];
};

static const enum ram_flash_tear_kind cut_program_tears[] = {
    RAM_FLASH_TEAR_NONE, RAM_FLASH_TEAR_ALL,     RAM_FLASH_TEAR_PREFIX,
    RAM_FLASH_TEAR_BIT,  RAM_FLASH_TEAR_BUT_BIT, RAM_FLASH_TEAR_SOME};
static const enum ram_flash_tear_kind cut_erase_tears[] = {
    RAM_FLASH_TEAR_NONE,      RAM_FLASH_TEAR_ALL, RAM_FLASH_TEAR_PREFIX, RAM_FLASH_TEAR_ZERO_HEAD,
    RAM_FLASH_TEAR_ZERO_TAIL, RAM_FLASH_TEAR_MIX, RAM_FLASH_TEAR_SET};
enum { CUT_PROGRAM_KINDS = 6, CUT_ERASE_KINDS = 7, CUT_WHOLE_KINDS = 2 /* not begun, complete */ };

static inline void cut_note(struct cut_history *h, const char *format, unsigned a, unsigned b,
                            unsigned c)
{
    size_t used = strlen(h->story);
    snprintf(h->story + used, sizeof h->story - used, format, a, b, c);
}

/* Programs and erases so far. */
static inline uint64_t cut_changes(const struct cut_history *h)
{
    return h->ram.counts.programs + h->ram.counts.erases;
}

/* A number of bytes: near the ends of an erase, anywhere in a program. */
static inline uint32_t cut_extent(struct cut_history *h, const struct ram_flash_call *call)
{
    uint32_t unit = h->ram.flash.geometry.unit;
    uint32_t near = ram_flash_below(&h->random, 4u * unit + 12u) + 1;
    if (near > call->size) near = call->size;
    unsigned dice = ram_flash_below(&h->random, 4);
    if (call->data != NULL || dice >= 2) return ram_flash_below(&h->random, call->size + 1);
    if (dice == 0 && ram_flash_below(&h->random, 2) != 0) near = unit;
    return dice == 0 ? near : call->size - near;
}

/* Tears a call in the way of that number, of which each kind comes in turn. */
static inline void cut_tear(struct cut_history *h, const struct ram_flash_call *call,
                            unsigned number)
{
    bool program = call->data != NULL;
    enum ram_flash_tear_kind kind = program ? cut_program_tears[number % CUT_PROGRAM_KINDS]
                                            : cut_erase_tears[number % h->erase_kinds];
    bool by_bit = kind == RAM_FLASH_TEAR_BIT || kind == RAM_FLASH_TEAR_BUT_BIT;
    uint32_t n = by_bit ? ram_flash_below(&h->random, call->size * 8) : cut_extent(h, call);
    cut_note(h, program ? " |cut program %u tear %u.%u|" : " |cut erase %u tear %u.%u|",
             call->address, kind, n);
    ram_flash_tear(&h->ram, call, kind, n, &h->random);
}

/* A copy of a history in which a call is torn in the way of that number. False: not begun or
 * complete, which leaves what the first turn of the kinds had left. */
static inline bool cut_copy(struct cut_history *copy, struct cut_history *h,
                            const struct ram_flash_call *call, unsigned number)
{
    uint32_t kinds = call->data != NULL ? CUT_PROGRAM_KINDS : h->erase_kinds;
    if (number >= kinds && number % kinds < CUT_WHOLE_KINDS) return false;
    copy->random = ram_flash_random(&h->random);
    copy->erase_kinds = h->erase_kinds;
    memcpy(copy->story, h->story, sizeof copy->story);
    ram_flash_copy(&copy->ram, &h->ram);
    cut_tear(copy, call, number);
    return true;
}

/* Cuts a call of a history that was itself cut before. */
static inline bool cut_later(struct ram_flash *ram, const struct ram_flash_call *call)
{
    struct cut_history *h = (struct cut_history *)ram->context;
    if (h->countdown-- != 0) return false;
    cut_tear(h, call, (unsigned)ram_flash_random(&h->random) & 0xFF);
    ram->off = true;
    return true;
}

/* Has one of the next calls cut, or none, as `cuts` says; every other cut comes soon, in the
 * repair. How many operations the test does next. */
static inline unsigned cut_plan(struct cut_history *h, bool cuts, unsigned depth, unsigned soon,
                                unsigned late)
{
    unsigned operations = 1 + ram_flash_below(&h->random, 12);
    h->countdown = ram_flash_below(&h->random, depth % 2 == 0 ? soon : late);
    h->ram.before = cuts ? cut_later : NULL;
    h->ram.context = h;
    return operations;
}

#endif
