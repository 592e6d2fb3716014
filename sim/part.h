/* part.h - the catalogue of flash parts: what a data sheet says, as far as it is confirmed.
 *
 * A part is geometry, rules, times and endurance, each number with how well it is known. A chip
 * (chip.h) is made from a part; a scenario may override any field of the geometry first.
 */
#ifndef BROWNOUT_PART_H
#define BROWNOUT_PART_H

#include "engines/flash.h"

/* How well a number is confirmed. Shown wherever the number is. */
enum part_trust {
    PART_DATASHEET, /* vendor documentation or data sheet text */
    PART_QUOTED,    /* quoted from a data sheet by a named third party, or from the part's SFDP */
    PART_ASSUMED,   /* common knowledge, not confirmed */
};

struct part_number {
    uint64_t value; /* 0: unknown */
    enum part_trust trust;
};

struct part {
    const char *name;    /* lower case, as a scenario spells it */
    const char *summary; /* vendor, family, what is special; one line */
    const char *source;  /* where the numbers come from; one line */
    struct bo_flash_geometry geometry;
    enum part_trust geometry_trust;
    bool external;         /* serial NOR; else inside a microcontroller */
    bool ecc;              /* a torn unit may read as an error or as another value */
    bool program_per_page; /* program time is for a whole page, charged for each program call;
                            * otherwise it is for one unit */
    bool zeros_again;      /* all zeros may be programmed over a unit, however often it was */
    uint32_t faults;       /* fault classes that fit the part: bits of enum fault_class */
    struct part_number program_ns_typ;
    struct part_number program_ns_max;
    struct part_number erase_ns_typ; /* one sector of the geometry above */
    struct part_number erase_ns_max;
    struct part_number endurance; /* erases of one sector that the vendor promises */
};

/* The part of that name, or NULL. */
const struct part *part_find(const char *name);

/* The n-th part, from 0; NULL after the last. */
const struct part *part_at(size_t n);

/* The fault classes that are tried on a part when none are named: those that leave stable bits, and
 * on a part with ECC what a torn unit reads as. Bits of enum fault_class. */
uint32_t part_fault_defaults(const struct part *part);

/* Overrides one field of a geometry by the name a scenario uses: sectors, sector, page, unit, read,
 * erased, programs, tear (0 unit, 1 page, 2 sector), and of the part: endurance. Returns false when
 * there is no such field. Does not check the result: see bo_flash_geometry_valid(). */
bool part_override(struct part *part, const char *field, uint64_t value);

#endif
