/* scenario_expand.c - tree to script: ranges and repetitions unrolled, values made.
 *
 * The lines run like a small program: a `}` jumps back to the line after its `repeat` until all
 * turns are done, and each loop has a counter of finished turns. Every other line appends one
 * operation, or one for each key of its range. The parser has bounded the number of operations;
 * values are bounded here.
 *
 * Whatever is random comes from the scenario's seed and the number of the operation in the script,
 * so that a line added at the end changes nothing before it.
 */
#include "fuzz/script/scenario_internal.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/script/mix.h"

/* Values that are one byte over and over are made once: a workload of millions of operations has a
 * handful of them. The place of one is such that those of one size never drive each other out. */
#define UNIFORM_MAX 1024u

struct expander {
    const struct scenario *scenario;
    struct script *script;
    uint32_t *runs; /* operations made of each line of the tree so far */
    const struct value *uniform[UNIFORM_MAX];
    uint32_t turns[SCENARIO_NEST_MAX]; /* finished, of the loops around */
    uint64_t value_bytes;
    uint8_t *scratch; /* a value, or a word and the digits of an index */
    struct scenario_error *error;
};

#define SCRATCH_SIZE (SCENARIO_VALUE_MAX + 16u)

/* --- random numbers --- */

/* The start of a sequence that belongs to the operation about to be appended. */
static uint64_t random_here(const struct expander *expander)
{
    uint64_t state = expander->scenario->header->seed;
    uint64_t mixed = mix_next(&state);
    return mixed ^ ((uint64_t)expander->script->op_count + 1) * 0xD1342543DE82EF95u;
}

static void random_bytes(uint64_t *state, uint8_t *bytes, uint32_t size)
{
    uint64_t word = 0;
    for (uint32_t i = 0; i < size; i++, word >>= 8) {
        if (i % 8 == 0) word = mix_next(state);
        bytes[i] = (uint8_t)word;
    }
}

/* --- keys and values --- */

static uint32_t loop_number(const struct expander *expander, const struct scenario_loop *loop)
{
    assert(loop->name && loop->depth < SCENARIO_NEST_MAX);
    uint32_t turn = expander->turns[loop->depth];
    return loop->modulus ? turn % loop->modulus : turn;
}

static void put_little_endian(uint8_t *bytes, uint32_t number)
{
    for (unsigned i = 0; i < 4; i++) {
        bytes[i] = (uint8_t)(number >> (8 * i));
    }
}

/* The number, then what looks like the readings of a sensor: bytes that the number decides. */
static void put_count(uint8_t *bytes, uint32_t size, uint32_t number)
{
    uint8_t first[4];
    uint64_t state = number;
    put_little_endian(first, number);
    memcpy(bytes, first, size < 4 ? size : 4);
    if (size > 4) random_bytes(&state, bytes + 4, size - 4);
}

/* The key of one operation; `number` is its index where it has one. */
static uint32_t make_key(struct expander *expander, const struct scenario_key *key, uint32_t number)
{
    uint8_t *scratch = expander->scratch;
    assert(key->form >= KEY_U8 || (key->bytes && key->bytes->size <= SCENARIO_VALUE_MAX));
    if (key->form >= KEY_U8) {
        put_little_endian(scratch, number);
        uint32_t size = key->form == KEY_U8 ? 1 : key->form == KEY_U16 ? 2 : 4;
        return script_key(expander->script, scratch, size);
    }
    uint32_t size = key->bytes->size;
    if (key->index == INDEX_NONE) return script_key(expander->script, key->bytes->bytes, size);
    memcpy(scratch, key->bytes->bytes, size);
    size += (uint32_t)snprintf((char *)scratch + size, SCRATCH_SIZE - size, "%u", number);
    return script_key(expander->script, scratch, size);
}

/* A value of random bytes into scratch; returns its size. */
static uint32_t make_random(const struct expander *expander, const struct scenario_value *value)
{
    uint64_t state = random_here(expander);
    uint32_t size = value->low;
    assert(value->low <= value->high && value->high <= SCENARIO_VALUE_MAX);
    size += (uint32_t)(mix_next(&state) % (value->high - value->low + 1));
    random_bytes(&state, expander->scratch, size);
    return size;
}

/* Makes a value of the `size` bytes in scratch, if all values together may still grow by them. */
static bool keep_value(struct expander *expander, const struct scenario_line *line, uint32_t size,
                       const struct value **kept)
{
    assert(size <= SCENARIO_VALUE_MAX);
    expander->value_bytes += size;
    if (expander->value_bytes > SCENARIO_VALUES_MAX) {
        return scenario_fail(expander->error, line->line,
                             "all values together must be at most 256 MiB; "
                             "use fewer or smaller ones");
    }
    *kept = script_value(expander->script, expander->scratch, size);
    return true;
}

/* A value of `size` times one byte: one that is there, or a new one in its place. */
static bool make_uniform(struct expander *expander, const struct scenario_line *line, uint32_t size,
                         const struct value **made)
{
    const struct scenario_value *value = &line->value;
    uint8_t byte = value->byte;
    if (value->form == VALUE_FILL_LOOP) byte = (uint8_t)loop_number(expander, &value->loop);
    const struct value **place = &expander->uniform[(size * 257u + byte) % UNIFORM_MAX];
    *made = *place;
    if (*made && (*made)->size == size && (size == 0 || (*made)->bytes[0] == byte)) return true;
    memset(expander->scratch, byte, size);
    if (!keep_value(expander, line, size, place)) return false;
    *made = *place;
    return true;
}

/* Makes the value of the operation about to be appended; false when there is no room for it. */
static bool make_value(struct expander *expander, const struct scenario_line *line, uint32_t runs,
                       const struct value **made)
{
    const struct scenario_value *value = &line->value;
    switch (value->form) {
    case VALUE_ABSENT:
        *made = NULL;
        return true;
    case VALUE_STRING:
    case VALUE_HEX:
        *made = value->bytes;
        return true;
    case VALUE_RANDOM:
        return keep_value(expander, line, make_random(expander, value), made);
    case VALUE_COUNT:
        put_count(expander->scratch, value->low, runs);
        return keep_value(expander, line, value->low, made);
    case VALUE_EMPTY:
        return make_uniform(expander, line, 0, made);
    default:
        return make_uniform(expander, line, value->low, made);
    }
}

/* --- lines --- */

static bool expand_op(struct expander *expander, const struct scenario_line *line, uint32_t *runs,
                      uint32_t number)
{
    struct op op = {
        .kind = line->op,
        .line = line->line,
        .count = line->count,
        .seed = line->seed,
        .snapshot = line->snapshot,
        .cut = line->cut,
    };
    ++*runs;
    if (line->place.name) op.count = loop_number(expander, &line->place);
    if (op_has_key(line->op)) op.key = make_key(expander, &line->key, number);
    if (line->op == OP_SCAN) op.to = make_key(expander, &line->to, line->to.low);
    if (op_has_value(line->op) && !make_value(expander, line, *runs, &op.value)) {
        return false;
    }
    if (line->op == OP_ROT && !line->has_seed) {
        uint64_t random = random_here(expander);
        op.seed = mix_next(&random);
    }
    script_append(expander->script, &op);
    return true;
}

/* One line, once: all keys of its range. */
static bool expand_line(struct expander *expander, const struct scenario_line *line, uint32_t *runs)
{
    const struct scenario_key *key = &line->key;
    uint64_t count = scenario_line_ops(line);
    uint32_t number = key->low;
    if (key->index == INDEX_LOOP) number = loop_number(expander, &key->loop);
    for (uint64_t i = 0; i < count; i++) {
        if (!expand_op(expander, line, runs, number + (uint32_t)i)) return false;
    }
    return true;
}

/* A `}` goes back to the line after its repeat until all turns are done. Blocks without operations
 * are left out, so that the number of operations bounds the work. */
static bool expand_lines(struct expander *expander)
{
    const struct scenario *scenario = expander->scenario;
    uint32_t open[SCENARIO_NEST_MAX], depth = 0;
    for (uint32_t at = 0; at < scenario->line_count; at++) {
        const struct scenario_line *line = &scenario->lines[at];
        if (line->kind == LINE_REPEAT) {
            if (line->ops == 0) {
                at = line->end;
                continue;
            }
            assert(depth < SCENARIO_NEST_MAX && line->end > at);
            expander->turns[depth] = 0;
            open[depth++] = at;
        } else if (line->kind == LINE_END) {
            assert(depth > 0 && scenario->lines[open[depth - 1]].end == at);
            if (++expander->turns[depth - 1] < scenario->lines[open[depth - 1]].count) {
                at = open[depth - 1];
            } else {
                depth--;
            }
        } else if (!expand_line(expander, line, &expander->runs[at])) {
            return false;
        }
    }
    return true;
}

struct script *scenario_expand(const struct scenario *scenario, struct scenario_error *error)
{
    struct expander expander = {.scenario = scenario, .error = error};
    if (scenario->ops > SCENARIO_OPS_MAX) {
        scenario_fail(error, 0, "a scenario has at most %u operations; repeat less often",
                      SCENARIO_OPS_MAX);
        return NULL;
    }
    expander.script = script_copy(scenario->header);
    expander.runs = memory_zeroed(scenario->line_count, sizeof *expander.runs);
    expander.scratch = memory_new(SCRATCH_SIZE);
    bool good = expand_lines(&expander);
    assert(!good || expander.script->op_count == scenario->ops);
    free(expander.runs);
    free(expander.scratch);
    if (good) return expander.script;
    script_free(expander.script);
    return NULL;
}
