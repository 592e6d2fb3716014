/* rig_internal.h - what a rig asks of an engine according to its kind, for the files rig*.c alone.
 *
 * rig.c knows about chip, power, levels and what holds for every call; rig_map.c and rig_list.c
 * know the calls of their kind and how to compare what comes back with the model.
 */
#ifndef BROWNOUT_RIG_INTERNAL_H
#define BROWNOUT_RIG_INTERNAL_H

#include "fuzz/rig/rig.h"
#include "sim/memory.h"
#include "sim/pulse.h"

struct rig_kind {
    /* What the kind needs besides. And back. */
    void (*make)(struct rig *rig);
    void (*free)(struct rig *rig);
    /* An operation of the kind, compared. */
    bool (*call)(struct rig *rig, const struct op *op, enum answer *answer);
    /* A look, rig_exercise(), rig_use(), rig_fill(). `powered_on`: the first look after a
     * power-on. */
    bool (*look)(struct rig *rig, void *object, bool powered_on);
    bool (*exercise)(struct rig *rig, bool must);
    bool (*use)(struct rig *rig, bool must);
    bool (*fill)(struct rig *rig, const struct model *content);
    /* Reads beside a look: other ways to what is there must agree. */
    bool (*agree)(struct rig *rig);
};

extern const struct rig_kind rig_map, rig_list;

/* What the variable for a size holds before the call. In firmware it is junk: an engine that does
 * not set it is seen. */
#define RIG_SIZE_UNSET UINT32_MAX

static inline struct rig_level *rig_here(struct rig *rig)
{
    return &rig->levels[rig->level];
}

/* Where a value comes back, of each level its own: a call may be cut after it has copied the value,
 * and goes on when the levels above it are done. Has room for a byte more than value_size_max. */
static inline uint8_t *rig_buffer(const struct rig *rig)
{
    return rig->buffer + rig->level * ((size_t)rig->value_size_max + 1);
}

/* Around every engine call. After it: the rules were kept, the bound was not passed, and the engine
 * did not panic. */
void rig_before(struct rig *rig, enum adapter_call call);
bool rig_after(struct rig *rig, enum adapter_call call, enum answer answer);

/* Whether an engine may refuse a change with this answer. That there is no such key or item is no
 * answer to a value that is put in; and where no power was ever cut, no bit rotted and no call of
 * the flash failed or went wrong, nothing is damaged and nothing failed. */
bool rig_may_refuse(struct rig *rig, const struct op *op, enum answer answer);

/* Whether a program or an erase failed in the last call of the engine, without a cut, or a read
 * went wrong; and whether the call may answer this for that reason: one that reads, and one that
 * changes, which is done or not then. A read that goes wrong explains that the flash failed and
 * that something is damaged, and nothing else. */
bool rig_flash_failed(const struct rig *rig);
bool rig_read_failed(const struct rig *rig, enum answer answer);
bool rig_change_failed(const struct rig *rig, enum answer answer);

/* Whether a read went wrong in the last call: what that visited as damaged may be whole. */
bool rig_read_wrong(const struct rig *rig);

/* What an engine says of itself was wrong, and nothing else is by that: where the clause is waived
 * the finding is counted, and there is none any more. Whether that is so. */
bool rig_goes_on(struct rig *rig);

/* Asks rig->rest, of which `erases` counts those of the chip as it was asked last: after an erase
 * what a cut has left may be gone. */
bool rig_rest_is_known(struct rig *rig, uint64_t place, uint64_t *erases);

/* An object of this size, of this power-on's engine, as power-on leaves it. */
void rig_fill_junk(struct rig *rig, void *object, size_t size, int junk);

/* The engine does not do this, or not now: the operation counts as refused. True. */
bool rig_lacks(struct rig *rig, const struct op *op, enum answer *answer);

/* A change was refused; counted. */
void rig_refused(struct rig *rig, const struct op *op, enum answer answer);

/* An operation that this kind of engine does not have. */
bool rig_misfits(struct rig *rig, const struct op *op);

/* Bytes as text: as they are where that is readable. */
const char *rig_bytes_text(const uint8_t *bytes, uint32_t size, char text[RIG_TEXT_MAX]);
const char *rig_value_text(const struct value *value, char text[RIG_TEXT_MAX]); /* NULL: absent */

/* --- rig_other.c: a power-on with another region or another option --- */

/* After a power-on at the current level, whose look is done: mounts the store once more, as after
 * an update of the firmware that gave it another region, or another value of an option that binds.
 * Nothing of it stays. Where the adapter promises nothing of that, nothing is tried. */
bool rig_other(struct rig *rig);

/* --- rig_hand.c: what a call gets of the caller's bytes --- */

void rig_hand_make(struct rig *rig);
void rig_hand_nothing(struct rig *rig);

/* Whether the call left what it was handed as it was; else that is a finding (sane). */
bool rig_hand_is_whole(struct rig *rig, enum adapter_call call);

/* --- rig_short.c: reads into a buffer that is too short --- */

/* The call, into `capacity` bytes at `buffer`; `context` is that of rig_short. */
typedef enum answer rig_short_read(struct rig *rig, const void *context, void *buffer,
                                   uint32_t capacity, uint32_t *size);

/* Reads `want`, which a call with room for it has just returned, again into half of its size: at
 * most as many bytes are copied, and the full length is reported (adapter.h). `buffer` has room for
 * a byte more. False when the rig has a finding. */
bool rig_short(struct rig *rig, enum adapter_call call, const struct value *want, uint8_t *buffer,
               rig_short_read *read, const void *context);

#endif
