/* chip_internal.h - what the files of the simulated chip share. Private to sim/.
 *
 * From below: hash.h (arithmetic), journal.c (undo), sector.c (bytes, counts and hash of a sector),
 * flaw.c (unstable bits, error units, damage), rule.c (what is lawful), tear.c (what an interrupted
 * call leaves), chip.c (the calls, power, counters), check.c (the invariants below, walked).
 *
 * A sector is blank, or has a block: its bytes, and after them a count of programs for each unit
 * if the part limits those; both padded to words of 8 bytes. The flash bits are kept as they are
 * read, so that a read is a copy. `flip` is what turns a byte into one in which a blank bit is 1:
 * 0 on parts that erase to 0xFF.
 *
 * Invariants, between public calls and inside the hook; chip_check() walks them.
 *  1. The padding of a block is blank, that of its counts 0.
 *  2. No unit counts more programs than the part allows.
 *  3. The hash of a sector is the sum over its words, the chip's the sum over its sectors.
 *  4. Flaws in force stand in the chip's list once. They name something wrong, in ascending order,
 *     and their hash is that of what they name.
 *  5. A sector's erases are among those counted; `unproven_hash` is that of the unproven sectors.
 *  6. Each block belongs to one sector, to one list of unused blocks, or to one journal entry. What
 *     is in the list of clean ones is blank.
 *  7. The journal is a sequence of whole entries. It is empty, or its lowest entry is a mark, and
 *     each mark that is set knows the next older one.
 */
#ifndef BROWNOUT_CHIP_INTERNAL_H
#define BROWNOUT_CHIP_INTERNAL_H

#include "sim/chip.h"
#include "sim/hash.h"
#include "sim/memory.h"
#include "sim/pulse.h"

#include <assert.h>

/* The bytes of one sector, owned by the chip's list `blocks` from first use to chip_free(). */
struct block {
    struct block *next; /* in that list */
    struct block *free; /* in a list of unused ones */
    uint8_t bytes[];
};

enum flaw_kind {
    FLAW_WEAK,    /* an unstable bit: another value at each power-on */
    FLAW_FLICKER, /* an unstable bit: another value at each read */
    FLAW_DAMAGE,  /* a bit that rot or wear cleared; no rule holds the engine to it */
    FLAW_ERROR,   /* a byte that reads as an error */
    FLAW_GHOST,   /* a byte that fails to be programmed */
    FLAW_READ,    /* a byte whose next reads fail */
};

/* One thing wrong with one bit, or with a byte; every byte of a bad unit has its own. */
struct flaw {
    uint64_t seed; /* FLAW_READ: how many reads fail yet */
    uint32_t byte; /* in the sector */
    uint8_t bit;   /* 0 when it is about the byte */
    uint8_t kind;  /* enum flaw_kind */
    uint8_t age;   /* power-ons since the tear */
};

/* What is wrong with a sector: never changed, only replaced, so that the journal may keep it. */
struct flaws {
    struct flaws *next, *previous; /* in the chip's list */
    uint32_t sector;
    bool locked;        /* programs fail */
    bool lied;          /* not erased, though an erase answered that it was */
    bool over;          /* over-erased: bits of a column stay blank */
    uint64_t over_seed; /* which column */
    struct chip_hash hash;
    size_t count;
    struct flaw list[]; /* ascending by byte, bit, kind */
};

struct sector {
    struct block *block; /* NULL: blank, and no unit was programmed */
    struct flaws *flaws; /* NULL: sound */
    struct chip_hash hash;
    uint32_t erases;
    uint32_t erased_at; /* chip_erased_at() */
    bool unproven;      /* the last erase was interrupted */
};

/* What a mark saves whole. */
struct chip_state {
    struct chip_counters counters;
    struct chip_breach breach;
    struct chip_hash hash;          /* of bytes and counts */
    struct chip_hash flaw_hash;     /* of flaws */
    struct chip_hash unproven_hash; /* of the sectors whose erase is unproven */
    uint64_t fuel[2];               /* reads, changes left, and one more; 0: no limit */
    uint32_t watch_end;             /* chip_watch() */
    struct chip_watched watched;
    struct chip_stray strayed;
    bool powered;
};

struct journal {
    uint8_t *bytes;
    size_t used, capacity;
    size_t youngest; /* end of the youngest mark's entry; 0: no mark */
};

struct chip {
    struct bo_flash flash;
    struct part part;
    /* derived from the geometry */
    uint64_t size;
    uint64_t flip, blank; /* eight times over */
    uint32_t shift;       /* sector_size is 2 to this; 32 when it is no power of two */
    uint32_t counts_at;   /* offset of the counts in a block */
    uint32_t counts_size; /* 0: programs are not limited */
    uint32_t block_size;
    /* options */
    bool and_allowed, reprogram_allowed, torn_free, proof_required, wears_out, reads_asked;
    bool counts_held; /* programs are not counted just now */
    chip_hook *hook;
    void *hook_context;
    /* content */
    struct chip_state state;
    struct sector *sectors;
    struct flaws *flawed; /* list of all flaws in force */
    struct journal journal;
    struct block *blocks, *blocks_clean, *blocks_dirty;
    uint64_t check_credit; /* towards the next walk of check_call() */
    uint8_t *scratch;      /* sector_size bytes for one call; nobody keeps it across a hook */
    uint8_t *count_buffer; /* counts_size bytes, the same */
    struct flaw *flaw_buffer;
    size_t flaw_capacity;
};

static inline uint32_t chip_sector_of(const struct chip *chip, uint32_t address)
{
    return chip->shift < 32 ? address >> chip->shift : address / chip->flash.geometry.sector_size;
}

/* How many bits of a byte are set. */
static inline unsigned chip_bits_in(uint8_t byte)
{
    unsigned pairs = byte - (byte >> 1 & 0x55u);
    unsigned fours = (pairs & 0x33u) + (pairs >> 2 & 0x33u);
    return (fours + (fours >> 4)) & 0xFu;
}

/* --- journal.c: nothing is recorded while no mark is set --- */

/* Bytes of a sector's block are about to change. */
void journal_bytes(struct chip *chip, const struct sector *sector, uint32_t offset, uint32_t size);

/* A sector is about to change. */
enum journal_change {
    JOURNAL_SECTOR, /* erases or proof */
    JOURNAL_ATTACH, /* it had no block and gets a blank one */
    JOURNAL_DETACH, /* it loses its block, if it has one, to the journal; it may get another */
};
void journal_sector(struct chip *chip, const struct sector *sector, enum journal_change change);

/* The sector's flaws are about to be replaced. Takes what it has now; the caller forgets it. */
void journal_flaws(struct chip *chip, uint32_t sector, struct flaws *flaws);

/* Forgets every mark and entry. */
void journal_clear(struct chip *chip);

/* Walks invariant 7; how many blocks the entries own. */
size_t journal_check(const struct chip *chip);

static inline bool journal_on(const struct chip *chip)
{
    return chip->journal.youngest != 0;
}

/* --- sector.c --- */

/* Gives a blank sector a block. */
void sector_attach(struct chip *chip, struct sector *sector);

/* Replaces bytes of the block (offsets from counts_at on are counts), keeps hash and journal. */
void sector_store(struct chip *chip, struct sector *sector, uint32_t offset, const uint8_t *bytes,
                  uint32_t size);

/* Makes the sector blank: no block, no counts. Flaws stay. */
void sector_blank(struct chip *chip, struct sector *sector);

/* Makes the whole sector hold the bytes and counts given; counts is NULL if there are none. */
void sector_fill(struct chip *chip, struct sector *sector, const uint8_t *bytes,
                 const uint8_t *counts);

/* Counts one erase. */
void sector_count_erase(struct chip *chip, struct sector *sector);

/* Counts one program for each of the units in [first, first + count). */
void sector_count_programs(struct chip *chip, struct sector *sector, uint32_t first,
                           uint32_t count);

void sector_set_unproven(struct chip *chip, struct sector *sector, bool unproven);

/* What an unproven sector adds to `unproven_hash`. */
struct chip_hash sector_unproven_share(uint32_t sector);

/* Gives a block that nobody uses to the list of those to be blanked, or of those that are. */
void sector_recycle(struct chip *chip, struct block *block, bool clean);

/* A byte of the sector, blank or not. */
static inline uint8_t sector_byte(const struct chip *chip, const struct sector *sector,
                                  uint32_t offset)
{
    return sector->block ? sector->block->bytes[offset] : chip->flash.geometry.erased;
}

/* --- flaw.c --- */

/* Puts flaws in force for a sector (NULL: none), in place of those it has; those are freed, or
 * kept by the journal. Takes ownership. */
void flaw_set(struct chip *chip, uint32_t sector, struct flaws *flaws);

/* The same without the journal, which gets the old ones back; for journal.c. */
struct flaws *flaw_swap(struct chip *chip, uint32_t sector, struct flaws *flaws);

/* Collecting new flaws of one sector in the chip's buffer, in ascending order (*count starts at 0),
 * and adding them to those it has. */
void flaw_push(struct chip *chip, size_t *count, struct flaw flaw);
void flaw_add(struct chip *chip, uint32_t sector, size_t count);

/* Drops those flaws of the sector for which `drop` says so. */
typedef bool flaw_test(const struct flaw *flaw, const void *context);
void flaw_drop(struct chip *chip, uint32_t sector, flaw_test *drop, const void *context);

void flaw_set_locked(struct chip *chip, uint32_t sector);
void flaw_set_lied(struct chip *chip, uint32_t sector, bool lied);
void flaw_set_over(struct chip *chip, uint32_t sector, uint64_t seed);

/* The bits of a byte that an over-erased sector never clears, as 1. */
uint8_t flaw_column(const struct flaws *flaws, uint32_t byte);

/* The bits of a byte that no rule holds the engine to, as 1. */
uint8_t flaw_excused(const struct flaws *flaws, uint32_t byte);

/* Whether a program of these bytes fails. */
bool flaw_blocks_program(const struct flaws *flaws, uint32_t byte, uint32_t size);

/* What a completed program of `data` heals. */
void flaw_heal(struct chip *chip, uint32_t sector, uint32_t byte, const uint8_t *data,
               uint32_t size);

/* Makes `buffer`, a copy of these bytes, what a read sees; BO_FLASH_OK or BO_FLASH_ERR_ECC. */
int flaw_read(struct chip *chip, uint32_t sector, uint32_t byte, uint8_t *buffer, uint32_t size);

/* Lets unstable bits read anew and settle. */
void flaw_power_on(struct chip *chip);

/* What the list of a sector ascends by: byte, bit, kind. */
uint64_t flaw_order(const struct flaw *flaw);

/* The hash of flaws, computed from what they name. */
struct chip_hash flaw_sum(const struct chip *chip, const struct flaws *flaws);

/* --- rule.c --- */

/* The first rule, in the order of the enumeration, that the call breaks. */
enum chip_rule rule_broken(const struct chip *chip, const struct chip_op *op);

/* --- tear.c --- */

/* What is left of an interrupted call; neither counters nor power. */
void tear_apply(struct chip *chip, const struct chip_op *op, const struct tear *tear);

/* --- chip.c --- */

/* What a completed call does; neither counters nor power. */
void chip_apply(struct chip *chip, const struct chip_op *op);

/* --- check.c --- */

/* Walks all invariants above; stops the program at the first that does not hold. */
void chip_check(const struct chip *chip);

/* Ends each public call: a walk now and then, in builds with BO_CHECKS alone. */
void check_call(struct chip *chip);
#ifdef BO_CHECKS
#define CHIP_CHECK_CALL(chip) check_call(chip)
#else
#define CHIP_CHECK_CALL(chip) ((void)0)
#endif

#endif
