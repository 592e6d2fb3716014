/* rig_short.c - reads into a buffer that is too short.
 *
 * A guard byte stands after the bytes that may be written. An engine may refuse (too big) or copy
 * what there is room for (ok); either way it reports the full length and leaves the guard alone.
 */
#include "fuzz/rig/rig_internal.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

/* Stands after the bytes that may be written. */
#define GUARD 0xA5u

/* What is wrong with an answer, or NULL. It may be ANSWER_OK, with the bytes that there is room
 * for, or ANSWER_TOO_BIG. */
static const char *fault(const struct value *want, enum answer answer, const uint8_t *buffer,
                         uint32_t capacity, uint32_t size)
{
    if (buffer[capacity] != GUARD) return "writes after it";
    if (answer != ANSWER_OK && answer != ANSWER_TOO_BIG)
        return "has another answer than ok or too big";
    if (size != want->size) return "returns another length";
    if (answer == ANSWER_OK && capacity != 0 && memcmp(buffer, want->bytes, capacity) != 0)
        return "copies other bytes";
    return NULL;
}

bool rig_short(struct rig *rig, enum adapter_call call, const struct value *want, uint8_t *buffer,
               rig_short_read *read, const void *context)
{
    if (want == NULL || want->size == 0) return true;
    uint32_t capacity = want->size / 2, size = UINT32_MAX;
    assert(capacity < rig->value_size_max + 1u && "the guard has a place");
    buffer[capacity] = GUARD;
    rig_before(rig, call);
    enum answer answer = read(rig, context, buffer, capacity, &size);
    if (!rig_after(rig, call, answer)) return false;
    if (rig_is_off(rig) || rig_read_failed(rig, answer)) return true;
    const char *wrong = fault(want, answer, buffer, capacity, size);
    if (!wrong) return true;
    return rig_finds(
        rig, CLAUSE_SANE, SEEN_OTHER,
        "a read of %" PRIu32 " bytes into a buffer of %" PRIu32 " %s: expected the first %" PRIu32
        " bytes and length %" PRIu32 ", got %s and length %" PRIu32,
        want->size, capacity, wrong, capacity, want->size, rig_answer_name(answer), size);
}
