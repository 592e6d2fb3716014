/* chip.h - a simulated NOR flash chip.
 *
 * The model. A chip is an array of sectors of bytes. A program clears bits, an erase sets a sector;
 * both obey the rules of the geometry, and a call that breaks one is refused and recorded as a
 * breach. Power can be cut inside any program or erase, by a hook that is asked before the call
 * takes effect and that may answer with a tear (fault.h). From then on the chip refuses every call
 * until it is powered on.
 *
 * Invariants
 *  1. A program never sets a bit; only an erase does.
 *  2. What was never written takes no memory: a sector has bytes only while it is not blank.
 *  3. chip_hash() depends on what the chip holds and on nothing else: not on the order of the calls
 *     that led there, not on the journal, not on counters.
 *  4. chip_rollback() restores everything that can be read or counted, to the bit.
 *  5. Nothing depends on a clock, an address or any state outside the chip.
 *
 * Unstable bits read by (tear seed, power-ons since the tear, place), flickering ones also by the
 * count of reads. At the first power-on they read as the tear says; at each later one they are a
 * coin and may settle, at the eighth they do. All of it is a function of the seeds.
 *
 * What a refused call answers: BO_FLASH_ERR_OFF without power; BO_FLASH_ERR_RANGE for bounds,
 * alignment and page; BO_FLASH_ERR_IO for the other rules, for a sector that is worn out or locked
 * and for a unit that cannot be programmed. It changes nothing. A call of 0 bytes that keeps the
 * rules answers BO_FLASH_OK and is not counted. A read that answers BO_FLASH_ERR_ECC is counted and
 * fills the buffer with junk.
 */
#ifndef BROWNOUT_CHIP_H
#define BROWNOUT_CHIP_H

#include "engines/flash.h"
#include "sim/fault.h"
#include "sim/part.h"

struct chip_counters {
    uint64_t reads;    /* read calls */
    uint64_t programs; /* program calls, torn ones included */
    uint64_t erases;   /* erase calls, torn ones included */
    uint64_t bytes_read;
    uint64_t bytes_programmed; /* bytes of program calls, torn ones included */
    uint64_t refused;          /* calls refused, whatever the reason */
    uint64_t failed;           /* programs and erases that failed though lawful: class fail */
    uint64_t glitched;         /* reads that went wrong: class glitch */
    uint64_t unread;           /* those of them that answered an error */
    uint64_t lied;             /* programs and erases that answered OK and were not done */
    uint64_t strayed;          /* programs and erases that cleared bits elsewhere, too */
    uint64_t power_ons;
    uint64_t time_ns; /* simulated: typical times of the part; a torn call takes its whole time */
};

/* Rules that a call can break. */
enum chip_rule {
    CHIP_RULE_KEPT = 0,
    CHIP_RULE_BOUNDS,    /* outside the chip */
    CHIP_RULE_ALIGNMENT, /* address or size not a multiple of the unit, read unit or sector */
    CHIP_RULE_PAGE,      /* a program crosses a page */
    CHIP_RULE_SET_BIT,   /* a program asks a cleared bit to become set (unless AND is allowed) */
    CHIP_RULE_REPROGRAM, /* more programs of a unit than the part allows between erases */
    CHIP_RULE_UNPROVEN,  /* weak only: program into a sector whose last erase was interrupted */
    CHIP_RULE_FUEL,      /* more calls than chip_set_fuel() granted */
};

struct chip_breach {
    enum chip_rule rule; /* CHIP_RULE_KEPT: none so far */
    struct chip_op op;   /* the offending call, without its data */
    uint64_t step;       /* programs + erases before it */
};

/* 128 bits; two chips that hold the same have the same. */
struct chip_hash {
    uint64_t low, high;
};

struct chip;

/* A blank, powered chip. The part is copied. NULL when the geometry is invalid. */
struct chip *chip_new(const struct part *part);
void chip_free(struct chip *chip);

/* Back to blank, powered, counters and journal empty, same part. */
void chip_reset(struct chip *chip);

/* The port to hand to an engine; lives as long as the chip. */
const struct bo_flash *chip_flash(const struct chip *chip);

/* --- options; each holds until changed, also across chip_reset --- */

/* An engine may rely on AND: programming a 1 over a 0 leaves the 0. Otherwise that is a breach. */
void chip_allow_and(struct chip *chip, bool allowed);

/* Waives the rule that limits programs of a unit between erases, as where a data sheet's limit is
 * known to be of no consequence. Not allowed after the first call. */
void chip_allow_reprogram(struct chip *chip, bool allowed);

/* A program that was torn, whatever it left, is not counted as one of its units' programs: what a
 * design assumes that programs a unit again after a cut. Not allowed after the first call. */
void chip_count_torn(struct chip *chip, bool counted);

/* CHIP_RULE_UNPROVEN is enforced (the class weak). */
void chip_require_proof(struct chip *chip, bool required);

/* A sector beyond the part's endurance fails to be erased (BO_FLASH_ERR_IO). Otherwise, and where
 * the endurance is unknown, sectors do not wear out. */
void chip_wear_out(struct chip *chip, bool enabled);

/* The hook is asked before each lawful program and erase takes effect. NULL: go on. A tear: it is
 * applied and power goes off; the call answers BO_FLASH_ERR_OFF. One that is `powered`: it is
 * applied, power stays on, and the call answers BO_FLASH_ERR_IO, or BO_FLASH_OK of lie and stray. A
 * sector of which an erase lied holds nobody to the rules on bits and counts until it is erased:
 * programs clear what they can. Inside the hook the chip may be marked, torn, powered, used and
 * rolled back; no hook is asked meanwhile unless one is set there. When the hook has answered, it
 * is in place again, whatever was set inside it. */
typedef const struct tear *chip_hook(void *context, const struct chip_op *op);
void chip_set_hook(struct chip *chip, chip_hook *hook, void *context);

/* The hook that is set, to set it again. */
chip_hook *chip_hook_of(const struct chip *chip, void **context);

/* The hook is asked about lawful reads, too. It may answer with a tear of the class glitch: that
 * read goes wrong, and no other one does. */
void chip_ask_reads(struct chip *chip, bool asked);

/* Has chip_watched() return the last program in the first `sectors` sectors, none so far. 0: none
 * ever, which is how a chip starts. Part of what a rollback restores. */
#define CHIP_SECTOR_NONE UINT32_MAX
void chip_watch(struct chip *chip, uint32_t sectors);

/* Grants this many reads, and programs and erases together, from now on. The next one is refused,
 * and each after it, and a breach is recorded. CHIP_FUEL_ENDLESS: no limit, which is how a chip
 * starts. Part of what a rollback restores. */
#define CHIP_FUEL_ENDLESS UINT64_MAX
void chip_set_fuel(struct chip *chip, uint64_t reads, uint64_t changes);

/* --- power --- */

/* Applies a tear to a lawful operation that has not happened, and cuts power unless it is
 * `powered`. Counts the operation, TEAR_NONE too; the sector's erase only when it was begun, or
 * answers that it is done. The chip must be powered. */
void chip_tear(struct chip *chip, const struct chip_op *op, const struct tear *tear);
void chip_power_off(struct chip *chip);
void chip_power_on(struct chip *chip); /* nothing but a count when already on */
bool chip_powered(const struct chip *chip);

/* --- observation: none of these counts as a read --- */

const struct chip_counters *chip_counters(const struct chip *chip);
uint32_t chip_sector_erases(const struct chip *chip, uint32_t sector);
/* How many erases of the chip had begun, this one included, when the sector's last erase did; 0:
 * none so far. */
uint32_t chip_erased_at(const struct chip *chip, uint32_t sector);
/* The sectors of the first and the last program, torn ones included, that chip_watch() asked for,
 * or CHIP_SECTOR_NONE; and how many erases had begun then. Part of what a rollback restores. */
struct chip_watched {
    uint32_t first, last;
    uint32_t first_erases, last_erases;
};
const struct chip_watched *chip_watched(const struct chip *chip);
/* What a stray hit last, with the sector's chip_sector_hash() just before and just after, and its
 * chip_erased_at(). Part of what a rollback restores. */
struct chip_stray {
    uint32_t address;
    struct chip_hash before, after;
    uint32_t erased_at;
};
const struct chip_stray *chip_strayed(const struct chip *chip);
const struct chip_breach *
chip_breach(const struct chip *chip); /* the first since chip_clear_breach */
void chip_clear_breach(struct chip *chip);
const char *chip_rule_name(enum chip_rule rule);
struct chip_hash chip_hash(const struct chip *chip);

/* Of one sector's bytes and counts: another one once it was programmed or erased. */
struct chip_hash chip_sector_hash(const struct chip *chip, uint32_t sector);
bool chip_unstable(const struct chip *chip); /* some bit is unstable or some unit reads as error */

/* Copies bytes as a healthy reader would see them now; `size` may be anything inside the chip. */
void chip_peek(const struct chip *chip, uint32_t address, void *buffer, uint32_t size);

/* --- image and rot --- */

/* Makes the chip hold `size` bytes from address 0, the rest blank; counters stay. False when larger
 * than the chip. Bytes that are not blank count as programmed once. Not allowed under a mark. */
bool chip_load(struct chip *chip, const void *image, uint64_t size);

/* Flips a bit at rest, either way, whatever the rules. A program that asks a bit to be set which
 * this cleared is no breach: no engine could know. The bit stays clear all the same. */
void chip_flip(struct chip *chip, uint32_t address, unsigned bit);

/* The next `count` reads that touch the byte answer BO_FLASH_ERR_ECC, then all is well again. An
 * erase ends it too. */
void chip_fail_reads(struct chip *chip, uint32_t address, uint32_t count);

/* --- undo journal --- */

/* Remembers the present; marks nest. Costs nothing but what is changed afterwards. */
typedef uint64_t chip_mark;
chip_mark chip_set_mark(struct chip *chip);

/* Goes back to the mark, which must be the youngest, and forgets it. Options and hook stay. */
void chip_rollback(struct chip *chip, chip_mark mark);

/* Forgets the youngest mark and keeps what was changed. */
void chip_release(struct chip *chip, chip_mark mark);

#endif
