/* script.c - see script.h.
 *
 * The memory of a script is an arena: values are appended to blocks and never given back before the
 * script is. A copy takes a new arena whose parent is the one it was copied from, so that it may
 * point at the values there; an arena goes when its script and all arenas below it have gone. A
 * shrinker that copies, changes and frees many times therefore gives back what each attempt added.
 */
#include "fuzz/script/script.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/script/mix.h"
#include "sim/memory.h"

#define BLOCK_SIZE_MIN ((size_t)1 << 10)
#define BLOCK_SIZE_MAX ((size_t)1 << 20)

struct script_block {
    struct script_block *next;
    size_t used, size;
    uint64_t bytes[]; /* of this type for its alignment */
};

struct script_arena {
    struct script_arena *parent;
    uint32_t references; /* the script itself, and the arenas whose parent this is */
    struct script_block *blocks;

    /* of the script that owns the arena */
    uint32_t *slots; /* hash table of its keys: index + 1, 0 for a free slot */
    uint32_t slot_count;
    uint32_t key_capacity;
    uint32_t op_capacity;
};

/* --- arena --- */

static struct script_arena *arena_new(struct script_arena *parent)
{
    struct script_arena *arena = memory_zeroed(1, sizeof *arena);
    arena->references = 1;
    arena->parent = parent;
    if (parent) parent->references++;
    return arena;
}

static void arena_drop(struct script_arena *arena)
{
    assert(!arena || arena->references > 0);
    while (arena && --arena->references == 0) {
        struct script_arena *parent = arena->parent;
        while (arena->blocks) {
            struct script_block *next = arena->blocks->next;
            free(arena->blocks);
            arena->blocks = next;
        }
        free(arena);
        arena = parent;
    }
}

static void arena_grow(struct script_arena *arena, size_t size)
{
    size_t block_size = arena->blocks ? 2 * arena->blocks->size : BLOCK_SIZE_MIN;
    if (block_size > BLOCK_SIZE_MAX) block_size = BLOCK_SIZE_MAX;
    if (block_size < size) block_size = size;
    assert(block_size % sizeof(uint64_t) == 0);
    struct script_block *block = memory_new(sizeof *block + block_size);
    *block = (struct script_block){.next = arena->blocks, .size = block_size};
    arena->blocks = block;
}

static void *arena_take(struct script_arena *arena, size_t size)
{
    size = (size + 7) / 8 * 8;
    struct script_block *block = arena->blocks;
    if (!block || block->size - block->used < size) {
        arena_grow(arena, size);
        block = arena->blocks;
    }
    void *bytes = (uint8_t *)block->bytes + block->used;
    block->used += size;
    assert(block->used <= block->size);
    return bytes;
}

/* --- digest --- */

/* Little endian on every machine; compilers make one load of it where that is what it is. */
static uint64_t digest_word(const uint8_t *bytes)
{
    return (uint64_t)bytes[0] | (uint64_t)bytes[1] << 8 | (uint64_t)bytes[2] << 16 |
           (uint64_t)bytes[3] << 24 | (uint64_t)bytes[4] << 32 | (uint64_t)bytes[5] << 40 |
           (uint64_t)bytes[6] << 48 | (uint64_t)bytes[7] << 56;
}

uint64_t script_digest(const void *bytes, uint32_t size)
{
    const uint8_t *at = (const uint8_t *)bytes;
    uint64_t digest = mix_word(MIX_STEP + size);
    uint32_t left = size;
    for (; left >= 8; left -= 8, at += 8) {
        digest = mix_word(digest ^ digest_word(at)) + MIX_STEP;
    }
    if (left != 0) {
        uint8_t last[8] = {0};
        memcpy(last, at, left);
        digest = mix_word(digest ^ digest_word(last));
    }
    return digest;
}

/* --- script --- */

struct script *script_new(const struct part *part)
{
    struct script *script = memory_zeroed(1, sizeof *script);
    script->arena = arena_new(NULL);
    const struct part *base = part->name ? part_find(part->name) : NULL;
    script->part = *part;
    script->base = base ? *base : *part;
    return script;
}

void script_free(struct script *script)
{
    if (!script) return;
    free(script->arena->slots);
    script->arena->slots = NULL;
    arena_drop(script->arena);
    free(script->keys);
    free(script->ops);
    free(script);
}

/* An array of its own; a script without any has none. */
static void *copy_array(const void *from, size_t count, size_t size)
{
    return count ? memory_copy(from, count * size) : NULL;
}

struct script *script_copy(const struct script *script)
{
    const struct script_arena *from = script->arena;
    assert(from && from->references > 0);
    struct script *copy = memory_copy(script, sizeof *script);
    struct script_arena *arena = arena_new(script->arena);
    copy->arena = arena;
    copy->keys = copy_array(script->keys, script->key_count, sizeof *script->keys);
    copy->ops = copy_array(script->ops, script->op_count, sizeof *script->ops);
    arena->slots = copy_array(from->slots, from->slot_count, sizeof *from->slots);
    arena->slot_count = from->slot_count;
    arena->key_capacity = copy->key_count;
    arena->op_capacity = copy->op_count;
    return copy;
}

const struct value *script_value(struct script *script, const void *bytes, uint32_t size)
{
    struct value *value = arena_take(script->arena, sizeof *value + size);
    value->digest = script_digest(bytes, size);
    value->size = size;
    if (size != 0) memcpy(value->bytes, bytes, size);
    return value;
}

/* --- keys --- */

/* The slot of a key: the one that has it, or the free one where it belongs. */
static uint32_t *key_slot(const struct script *script, uint64_t digest, const void *bytes,
                          uint32_t size)
{
    const struct script_arena *arena = script->arena;
    uint32_t mask = arena->slot_count - 1;
    assert((arena->slot_count & mask) == 0 && arena->slot_count > script->key_count);
    for (uint32_t i = (uint32_t)digest & mask;; i = (i + 1) & mask) {
        uint32_t *slot = &arena->slots[i];
        if (*slot == 0) return slot;
        const struct value *key = script->keys[*slot - 1];
        if (key->digest == digest && key->size == size &&
            (size == 0 || memcmp(key->bytes, bytes, size) == 0)) {
            return slot;
        }
    }
}

/* Room for one more key: an entry in the list, and a table that stays at most half full. */
static void keys_grow(struct script *script)
{
    struct script_arena *arena = script->arena;
    if (script->key_count == arena->key_capacity) {
        uint32_t capacity = arena->key_capacity ? 2 * arena->key_capacity : 16;
        script->keys = memory_resize(script->keys, capacity, sizeof *script->keys);
        arena->key_capacity = capacity;
    }
    if (2 * (uint64_t)script->key_count < arena->slot_count) return;

    uint32_t slot_count = arena->slot_count ? 2 * arena->slot_count : 32;
    free(arena->slots);
    arena->slots = memory_zeroed(slot_count, sizeof *arena->slots);
    arena->slot_count = slot_count;
    for (uint32_t i = 0; i < script->key_count; i++) {
        const struct value *key = script->keys[i];
        *key_slot(script, key->digest, key->bytes, key->size) = i + 1;
    }
}

uint32_t script_key(struct script *script, const void *bytes, uint32_t size)
{
    keys_grow(script);
    uint32_t *slot = key_slot(script, script_digest(bytes, size), bytes, size);
    if (*slot == 0) {
        script->keys[script->key_count++] = script_value(script, bytes, size);
        *slot = script->key_count;
    }
    assert(*slot <= script->key_count && script->key_count <= script->arena->key_capacity);
    return *slot - 1;
}

/* --- operations --- */

const struct op *script_first_change(const struct script *script)
{
    for (uint32_t i = 0; i < script->op_count; i++) {
        const struct op *op = &script->ops[i];
        if (op_puts(op->kind)) return op;
    }
    return NULL;
}

struct op *script_append(struct script *script, const struct op *op)
{
    assert(op->kind < OP_KINDS && (!op_has_key(op->kind) || op->key < script->key_count));
    assert(op->value || !op_has_value(op->kind) || op_claims(op->kind));
    struct script_arena *arena = script->arena;
    if (script->op_count == arena->op_capacity) {
        uint32_t capacity = arena->op_capacity ? 2 * arena->op_capacity : 32;
        script->ops = memory_resize(script->ops, capacity, sizeof *script->ops);
        arena->op_capacity = capacity;
    }
    struct op *appended = &script->ops[script->op_count++];
    *appended = *op;
    return appended;
}

bool cut_is_glitch(const struct cut *cut)
{
    return cut->nth && fault_class_of(&cut->tear) == FAULT_GLITCH;
}

bool cut_meets(const struct cut *cut, uint32_t met)
{
    return cut->nth && cut->nth <= met && met - cut->nth < fault_calls(&cut->tear);
}

enum cut_in cut_in_powered(const struct tear *tear)
{
    enum fault_class class = fault_class_of(tear);
    assert(tear->powered);
    if (class == FAULT_GLITCH) return CUT_GLITCH;
    if (class == FAULT_STRAY) return CUT_STRAY;
    return class == FAULT_LIE ? CUT_LIE : CUT_FAIL;
}

enum cut_in cut_in_of(const struct op *op, enum chip_op_kind kind)
{
    if (kind == CHIP_READ) return CUT_GLITCH;
    if (op->cut.tear.powered) return cut_in_powered(&op->cut.tear);
    if (op_powers_on(op->kind)) return CUT_RECOVERY;
    return kind == CHIP_ERASE ? CUT_ERASE : CUT_PROGRAM;
}

void script_power_on_after_cuts(struct script *script)
{
    struct op *ops = script->ops;
    uint32_t count = script->op_count;
    script->ops = NULL;
    script->op_count = script->arena->op_capacity = 0;
    for (uint32_t i = 0; i < count; i++) {
        script_append(script, &ops[i]);
        bool named = i + 1 < count && op_powers_on(ops[i + 1].kind);
        if (ops[i].cut.nth && !ops[i].cut.tear.powered && !named)
            script_append(script, &(struct op){.kind = OP_MOUNT, .line = ops[i].line});
    }
    free(ops);
}

/* A script with the header of `from` and nothing else. */
static struct script *header_of(const struct script *from)
{
    struct script *script = script_new(&from->part);
    struct script fresh = *script;
    *script = *from;
    script->arena = fresh.arena;
    script->keys = fresh.keys;
    script->ops = fresh.ops;
    script->key_count = script->op_count = 0;
    assert(!script->keys && !script->ops);
    if (from->image) script->image = script_value(script, from->image->bytes, from->image->size);
    return script;
}

struct script *script_tidy(const struct script *script)
{
    struct script *tidy = header_of(script);
    for (uint32_t i = 0; i < script->op_count; i++) {
        struct op op = script->ops[i];
        if (op_has_key(op.kind))
            op.key = script_key(tidy, script->keys[op.key]->bytes, script->keys[op.key]->size);
        if (op.kind == OP_SCAN)
            op.to = script_key(tidy, script->keys[op.to]->bytes, script->keys[op.to]->size);
        if (op.value) op.value = script_value(tidy, op.value->bytes, op.value->size);
        script_append(tidy, &op);
    }
    assert(tidy->op_count == script->op_count && tidy->key_count <= script->key_count);
    return tidy;
}

enum {
    HAS_KEY = 1,
    HAS_VALUE = 2,
    HAS_PLACE = 4,
    CHANGES = 8,
    CLAIMS = 16,
    WORK = 32,
    POWER = 64,
    HAS_SNAPSHOT = 128,
    READS_AT = 256,
    ENDS = 512,
};

static const struct {
    const char *name;
    unsigned traits;
} ops[OP_KINDS] = {
    [OP_STORE] = {"store", HAS_KEY | HAS_VALUE | CHANGES | WORK},
    [OP_FETCH] = {"fetch", HAS_KEY | WORK | READS_AT},
    [OP_REMOVE] = {"remove", HAS_KEY | CHANGES | WORK},
    [OP_CLEAR] = {"clear", CHANGES | WORK},
    [OP_EXPECT] = {"expect", HAS_KEY | HAS_VALUE | CLAIMS | READS_AT},
    [OP_BEGIN] = {"begin", CHANGES | WORK},
    [OP_COMMIT] = {"commit", CHANGES | WORK | ENDS},
    [OP_ABORT] = {"abort", CHANGES | WORK | ENDS},
    [OP_SNAPSHOT] = {"snapshot", HAS_SNAPSHOT | CHANGES | WORK},
    [OP_CLOSE] = {"close", HAS_SNAPSHOT | CHANGES | WORK},
    [OP_SCAN] = {"scan", HAS_KEY | WORK | READS_AT},
    [OP_SCAN_ALL] = {"scan", WORK | READS_AT},
    [OP_COLLECT] = {"collect", CHANGES | WORK},
    [OP_DESTROY] = {"destroy", HAS_KEY | CHANGES | WORK},
    [OP_DESTROY_ALL] = {"destroy all", CHANGES | WORK},
    [OP_FORMAT] = {"format", CHANGES | WORK | ENDS},
    [OP_PUSH] = {"push", HAS_VALUE | CHANGES | WORK},
    [OP_APPEND] = {"append", HAS_VALUE | CHANGES | WORK},
    [OP_POP] = {"pop", HAS_PLACE | CHANGES | WORK},
    [OP_PEEK] = {"peek", WORK},
    [OP_READ] = {"read", HAS_PLACE | WORK},
    [OP_SYNC] = {"sync", CHANGES | WORK},
    [OP_SEAL] = {"seal", CHANGES | WORK},
    [OP_IDLE] = {"idle", CHANGES | WORK},
    [OP_OLDEST] = {"oldest", HAS_VALUE | CLAIMS},
    [OP_NEWEST] = {"newest", HAS_VALUE | CLAIMS},
    [OP_MOUNT] = {"mount", WORK | POWER | ENDS},
    [OP_BOOT] = {"boot", WORK | POWER | ENDS},
    [OP_LOOK] = {"look", READS_AT},
    [OP_USE] = {"use", 0},
    [OP_RESET] = {"reset", ENDS},
    [OP_ROT] = {"rot", 0},
};

const char *op_name(enum op_kind kind)
{
    assert(kind < OP_KINDS);
    return ops[kind].name;
}

static bool has(enum op_kind kind, unsigned trait)
{
    assert(kind < OP_KINDS);
    return ops[kind].traits & trait;
}

bool op_has_key(enum op_kind kind)
{
    return has(kind, HAS_KEY);
}

bool op_has_value(enum op_kind kind)
{
    return has(kind, HAS_VALUE);
}

bool op_has_place(enum op_kind kind)
{
    return has(kind, HAS_PLACE);
}

bool op_changes(enum op_kind kind)
{
    return has(kind, CHANGES);
}

bool op_claims(enum op_kind kind)
{
    return has(kind, CLAIMS);
}

bool op_puts(enum op_kind kind)
{
    return op_has_value(kind) && !op_claims(kind);
}

/* Rot makes no flash call, and a claim is a statement of its author, not an operation. */
bool op_takes_cut(enum op_kind kind)
{
    return kind != OP_ROT && kind != OP_RESET && !op_claims(kind);
}

bool op_is_work(enum op_kind kind)
{
    return has(kind, WORK);
}

bool op_powers_on(enum op_kind kind)
{
    return has(kind, POWER);
}

bool op_has_snapshot(enum op_kind kind)
{
    return has(kind, HAS_SNAPSHOT);
}

bool op_may_read_at(enum op_kind kind)
{
    return has(kind, READS_AT);
}

bool op_ends_transaction(enum op_kind kind)
{
    return has(kind, ENDS);
}

uint32_t script_next_cut(const struct script *script, uint32_t first, uint32_t end)
{
    assert(first <= end && end <= script->op_count);
    while (first < end && !script->ops[first].cut.nth)
        first++;
    return first;
}

uint32_t script_after(const struct script *script, uint32_t first)
{
    uint32_t last = first;
    assert(first < script->op_count);
    if (script->ops[first].kind != OP_BEGIN) return first + 1;
    while (last + 1 < script->op_count && !op_ends_transaction(script->ops[last].kind))
        last++;
    assert(last >= first && last < script->op_count);
    return last + 1;
}
