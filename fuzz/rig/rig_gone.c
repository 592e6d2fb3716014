/* rig_gone.c - looks for the bytes of what was destroyed, in the whole image.
 *
 * Bytes that something else may have put there are not counted: a key, a value that the script or
 * the exercise has stored under another key by now, whether it is there or not. What was stored
 * since has been forgotten (gone.h).
 */
#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/rig/exercise.h"
#include "fuzz/rig/rig_map.h"

#define PIECE 4096u

/* Whether a key has these bytes, or another one was given them by now. */
static bool is_elsewhere(struct rig *rig, const struct gone_value *gone)
{
    const struct script *script = rig->script;
    for (uint32_t i = 0; i < rig_here(rig)->reached; i++) {
        const struct op *op = &script->ops[i];
        if (op->kind == OP_STORE && op->key != gone->key && gone_contains(op->value, gone->value))
            return true;
    }
    for (uint32_t i = 0; i < script->key_count; i++) {
        if (gone_contains(script->keys[i], gone->value)) return true;
    }
    for (uint32_t i = 0; i < 2; i++) {
        if (gone_contains(rig->exercise->values[i], gone->value)) return true;
    }
    return false;
}

/* The address of the bytes in a piece of the image, or its end. */
static uint32_t find_in(const uint8_t *piece, uint32_t size, const struct value *value)
{
    const uint8_t *at = piece, *end = piece + size;
    while ((uint32_t)(end - at) >= value->size) {
        at = memchr(at, value->bytes[0], (size_t)(end - at) - value->size + 1);
        if (!at) return size;
        if (memcmp(at, value->bytes, value->size) == 0) return (uint32_t)(at - piece);
        at++;
    }
    return size;
}

/* Whether the image has the bytes, and where. Pieces overlap by what may lie across a border. */
static bool find(struct rig *rig, const struct value *value, uint32_t *address)
{
    uint64_t size = bo_flash_size(chip_flash(rig->chip));
    uint32_t room = PIECE + value->size;
    uint8_t *piece = memory_new(room);
    bool found = false;
    assert(value->size >= GONE_BYTES_MIN && "a short value is not looked for");
    for (uint64_t from = 0; from < size && !found; from += PIECE) {
        uint32_t here = size - from < room ? (uint32_t)(size - from) : room;
        chip_peek(rig->chip, (uint32_t)from, piece, here);
        uint32_t at = find_in(piece, here, value);
        found = at < here;
        if (found) *address = (uint32_t)from + at;
    }
    free(piece);
    return found;
}

bool rig_gone_check(struct rig *rig)
{
    struct gone *gone = &rig_model(rig)->gone;
    char k[RIG_TEXT_MAX], text[RIG_TEXT_MAX];
    assert(gone->count <= GONE_MAX);
    for (uint32_t i = 0; i < gone->count; i++) {
        const struct gone_value *each = &gone->values[i];
        uint32_t address = 0;
        if (!each->promised || !find(rig, each->value, &address) || is_elsewhere(rig, each))
            continue;
        rig_map_note_key(rig, each->key);
        return rig_finds(rig, CLAUSE_GONE, SEEN_BACK,
                         "%s was destroyed: expected its value nowhere in the flash, got %s at "
                         "0x%" PRIx32,
                         rig_map_key(rig, each->key, k), rig_value_text(each->value, text),
                         address);
    }
    return true;
}

bool rig_gone_promised(struct rig *rig, uint32_t key)
{
    gone_promise(&rig_model(rig)->gone, key);
    return rig_gone_check(rig);
}
