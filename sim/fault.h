/* fault.h - what an interrupted program or erase may leave.
 *
 * A tear is a small value that says what is left of one program or erase, completely: the same tear
 * on the same chip state gives the same bits, always. Each has a short text form, without blanks,
 * that reproduces it: "prefix:5", "only:17", "mask:2a:128", "zero-tail:64".
 *
 * Fault classes group the tears. fault_tears() lists those that the classes allow for one
 * operation. The tears of the classes edge, prefix, bits and zeros are stable: what they leave
 * reads the same for ever. Those of weak leave unstable bits; those of ecc units that read as
 * errors. Those of fail are stable ones after which power stays on and the call answers an error,
 * those of lie some of the same after which it answers OK. Those of glitch are of a read, change
 * nothing, and the next read is right. Those of stray complete the call, and zeros appear at
 * another place.
 *
 * Choices, without a source: an erase prefix that ends at any byte, zeros from the head (they are
 * known to grow from the end), that plain tears of a part with ECC read as the bytes they left.
 *
 * Where the part's tear scope is one unit, a program runs unit by unit: "only", "except", "mask",
 * "undone" and "flicker" are about the one unit in progress, and those before it are done. The unit
 * is that of bit K, or by SEED one of those with bits to clear; of "looks-done", the last of them.
 * Bits count in ascending order of address, the lowest of a byte first.
 */
#ifndef BROWNOUT_FAULT_H
#define BROWNOUT_FAULT_H

#include <stddef.h>
#include "engines/flash.h"

enum fault_class {
    FAULT_EDGE = 1u << 0,
    FAULT_PREFIX = 1u << 1,
    FAULT_BITS = 1u << 2,
    FAULT_ZEROS = 1u << 3, /* erases only: those that program every bit before they set any */
    FAULT_WEAK = 1u << 4,
    FAULT_ECC = 1u << 5,
    FAULT_ROT = 1u << 6,    /* no cut: bits that flip at rest, sectors that are worn out */
    FAULT_FAIL = 1u << 7,   /* no cut: a program or erase that answers an error */
    FAULT_GLITCH = 1u << 8, /* no cut: a read that goes wrong once */
    FAULT_LIE = 1u << 9,    /* no cut: a program or erase that answers OK and was not done */
    FAULT_STRAY = 1u << 10, /* no cut: a program or erase that clears bits elsewhere, too */
};
#define FAULT_STABLE (FAULT_EDGE | FAULT_PREFIX | FAULT_BITS | FAULT_ZEROS)
#define FAULT_CUTS (FAULT_STABLE | FAULT_WEAK | FAULT_ECC)  /* power is cut */
#define FAULT_LIED (FAULT_EDGE | FAULT_PREFIX | FAULT_BITS) /* whose tears a lie may leave */
#define FAULT_CLASSES 11

enum tear_kind {
    /* program and erase */
    TEAR_NONE, /* "none": not begun */
    TEAR_DONE, /* "done": complete, and then the cut */
    /* program */
    TEAR_PREFIX,       /* "prefix:N": the first N bytes are done (erase: are blank) */
    TEAR_ONLY,         /* "only:K": of the bits that should clear just the K-th did, from 0 */
    TEAR_EXCEPT,       /* "except:K": all of them but the K-th */
    TEAR_MASK,         /* "mask:SEED:D": each of them with probability D/256, by SEED */
    TEAR_LOOKS_UNDONE, /* "undone:SEED": reads as before, the bits that should clear are unstable */
    TEAR_LOOKS_DONE, /* "looks-done:SEED:D": complete, but D/256 of the cleared bits are unstable */
    TEAR_FLICKER,    /* "flicker:SEED:D": D/256 of the bits to clear read differently each time */
    TEAR_DISTURB, /* "disturb:SEED:N": done, and N more bits of the sector cleared (sector scope) */
    TEAR_ECC_ERROR, /* "ecc-error:N": units before byte N done, the unit of byte N reads as error */
    TEAR_ECC_WRONG, /* "ecc-wrong:N:SEED": the same, but that unit reads as another value */
    TEAR_ECC_GHOST, /* "ecc-ghost:N": that unit reads erased, but its next program fails */
    /* erase */
    TEAR_BLANK_TAIL, /* "blank-tail:N": the last N bytes are blank, the head is as it was */
    TEAR_LIFT,       /* "lift:SEED:D": just begun, each old zero is one with probability D/256 */
    TEAR_LIFT_ONLY,  /* "lift-only:K": of the old zeros just the K-th is one, from 0 */
    TEAR_ZERO_HEAD,  /* "zero-head:N": preprogram phase, the first N bytes are all programmed */
    TEAR_ZERO_TAIL,  /* "zero-tail:N": the last N bytes are */
    TEAR_MIX, /* "mix:SEED:D": each bit is blank with probability D/256, else zero or as it was */
    TEAR_BLANK_WEAK, /* "blank-weak:SEED:D": reads blank, D/256 of all bits are unstable */
    TEAR_BLANK_OVER, /* "blank-over:SEED": reads blank; later programs leave a column's bits at 1 */
    TEAR_LOCKED,     /* "locked": content intact, programs fail until an erase completes */
    TEAR_ECC_MIX,    /* "ecc-mix:SEED:D": D/256 of the units read as errors, the others mixed */
    /* read */
    TEAR_READ_ERROR,  /* "error": it answers BO_FLASH_ERR_IO */
    TEAR_READ_ERASED, /* "erased": all of its bytes are as if erased */
    TEAR_READ_BIT,    /* "bit:K": bit K of its bytes is wrong; counted around where it has fewer */
    TEAR_READ_ERRORS, /* "errors:N": it and the N - 1 reads after it answer BO_FLASH_ERR_IO */
    /* program and erase */
    TEAR_STRAY, /* "at:SEED:N": complete, and at this address of the chip, counted around where that
                 * is smaller, of the bits N of the byte (255: all) those that are set clear */
    TEAR_KINDS
};

struct tear {
    enum tear_kind kind;
    uint32_t n;       /* N or K above */
    uint32_t density; /* D above, 0 to 256 */
    uint64_t seed;    /* SEED above */
    bool powered;     /* no cut. Class fail: a kind of edge, prefix, bits or zeros, and the call
                         answers an error; class lie, glitch or stray. The text does not say it */
    bool lies;        /* class lie: `powered`, a kind of edge, prefix or bits that is not done, and
                         the call answers OK. The text does not say it */
};

/* How many tears fault_tears() makes for one operation. 0 in a field: every one there is. */
struct fault_effort {
    uint32_t bits_max;     /* TEAR_ONLY and TEAR_EXCEPT, each, spread evenly over the bits; and
                            * TEAR_LIFT_ONLY, half of them on zeros that are alone in their byte */
    uint32_t masks;        /* random masks, lifts and mixes; places of strays (0: none) */
    uint32_t prefixes_max; /* erase prefixes and zero runs, each, the edges of the sector always;
                            * program prefixes are always every byte */
};

/* One program or erase that is about to happen; a read only where a breach is recorded, or where
 * chip_ask_reads() asks for it. */
enum chip_op_kind { CHIP_PROGRAM, CHIP_ERASE, CHIP_READ };
struct chip_op {
    enum chip_op_kind kind;
    uint32_t address;
    uint32_t size;       /* bytes programmed or read; of an erase, the sector size */
    const uint8_t *data; /* what is programmed; NULL for an erase */
};

struct chip;

/* Calls `each` for every tear of `classes` that makes sense for `op` on the chip as it is, always
 * in the same order; TEAR_NONE and TEAR_DONE first. Random ones derive from `seed`. Tears that
 * leave what an earlier one leaves are left out where that is cheap to see. Stops when `each`
 * returns false. `each` may use the chip under a mark that it rolls back. */
void fault_tears(const struct chip *chip, const struct chip_op *op, uint32_t classes,
                 const struct fault_effort *effort, uint64_t seed,
                 bool (*each)(void *context, const struct tear *tear), void *context);

/* Whether a tear says anything about an operation of that kind. One that does not, in a case that
 * somebody wrote, leaves what TEAR_NONE leaves. */
bool fault_fits(const struct tear *tear, enum chip_op_kind kind);

/* Most reads in a row that go wrong by one tear. */
#define FAULT_READS_MAX 64u

/* How many calls of the flash, one after the other, this tear is of. */
static inline uint32_t fault_calls(const struct tear *tear)
{
    return tear->kind == TEAR_READ_ERRORS ? tear->n : 1;
}

/* The class that a tear belongs to. */
enum fault_class fault_class_of(const struct tear *tear);

/* Whether a tear of that kind may be meant in one of these classes: of fail and lie too, whose
 * tears are kinds of others. */
bool fault_may_be(enum tear_kind kind, uint32_t classes);

/* Makes a tear one of its kind in this class: sets `powered` and `lies`. */
void fault_put_in(struct tear *tear, enum fault_class class);

/* How a scenario says that it happens: "cut"; where power stays on "fail", "lie", "glitch" or
 * "stray". */
const char *fault_word(const struct tear *tear);

/* Text form of a tear, into a buffer of at least FAULT_TEXT_MAX bytes; and back. fault_parse
 * returns false, and leaves *tear alone, when the text is no tear. */
#define FAULT_TEXT_MAX 48
void fault_print(const struct tear *tear, char *text);
bool fault_parse(const char *text, struct tear *tear);

/* "edge,prefix,bits,zeros" and back. fault_parse_classes returns 0 when a word is no class. */
#define FAULT_CLASSES_TEXT_MAX 64
void fault_print_classes(uint32_t classes, char *text);
uint32_t fault_parse_classes(const char *text);

/* What one class means, for `brownout list faults`; class from enum fault_class. */
const char *fault_class_summary(enum fault_class class);

#endif
