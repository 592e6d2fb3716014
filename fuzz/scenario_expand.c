/* scenario_expand.c - tree to script: ranges and repetitions unrolled, values made.
 *
 * Whatever is random comes from the scenario's seed and the number of the operation in the script,
 * so that a line added at the end changes nothing before it.
 */
#include "fuzz/scenario_internal.h"

#include <stdlib.h>
#include <string.h>

/* What expansion keeps for each line of the tree. */
struct line_state {
    uint32_t runs;             /* operations made of it so far */
    const struct value *value; /* when it is the same each time */
};

struct expander {
    const struct scenario *scenario;
    struct script *script;
    struct line_state *states;
    uint32_t turns[SCENARIO_NEST_MAX]; /* finished, of the loops around */
    uint64_t value_bytes;
    uint8_t *scratch; /* a value, or a word and the digits of an index */
    struct scenario_error *error;
};

#define SCRATCH_SIZE (SCENARIO_VALUE_MAX + 16u)

/* --- random numbers: splitmix64 --- */

static uint64_t next_random(uint64_t *state)
{
    uint64_t word = *state += 0x9E3779B97F4A7C15u;
    word = (word ^ (word >> 30)) * 0xBF58476D1CE4E5B9u;
    word = (word ^ (word >> 27)) * 0x94D049BB133111EBu;
    return word ^ (word >> 31);
}

/* The start of a sequence that belongs to the operation about to be appended. */
static uint64_t random_here(const struct expander *expander)
{
    uint64_t state = expander->scenario->header->seed;
    uint64_t mixed = next_random(&state);
    return mixed ^ ((uint64_t)expander->script->op_count + 1) * 0xD1342543DE82EF95u;
}

static void random_bytes(uint64_t *state, uint8_t *bytes, uint32_t size)
{
    uint64_t word = 0;
    for (uint32_t i = 0; i < size; i++, word >>= 8) {
        if (i % 8 == 0) word = next_random(state);
        bytes[i] = (uint8_t)word;
    }
}

/* --- keys and values --- */

static uint32_t loop_number(const struct expander *expander, const struct scenario_loop *loop)
{
    uint32_t turn = expander->turns[loop->depth];
    return loop->modulus ? turn % loop->modulus : turn;
}

static void put_little_endian(uint8_t *bytes, uint32_t number)
{
    for (unsigned i = 0; i < 4; i++) {
        bytes[i] = (uint8_t)(number >> (8 * i));
    }
}

/* The key of one operation; `number` is its index where it has one. */
static uint32_t make_key(struct expander *expander, const struct scenario_key *key, uint32_t number)
{
    uint8_t *scratch = expander->scratch;
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

/* The bytes of a value into scratch; returns their number. */
static uint32_t make_bytes(const struct expander *expander, const struct scenario_value *value,
                           uint32_t runs)
{
    uint8_t *scratch = expander->scratch;
    uint64_t state = random_here(expander);
    uint32_t size = value->low;
    switch (value->form) {
    case VALUE_RANDOM:
        size += (uint32_t)(next_random(&state) % (value->high - value->low + 1));
        random_bytes(&state, scratch, size);
        return size;
    case VALUE_FILL:
        memset(scratch, value->byte, size);
        return size;
    case VALUE_FILL_LOOP:
        memset(scratch, (int)(loop_number(expander, &value->loop) % 256), size);
        return size;
    case VALUE_COUNT:
        put_little_endian(scratch, runs);
        return 4;
    default:
        return 0;
    }
}

/* Makes the value of the operation about to be appended; false when there is no room for it. */
static bool make_value(struct expander *expander, const struct scenario_line *line,
                       struct line_state *state, const struct value **made)
{
    const struct scenario_value *value = &line->value;
    *made = value->form == VALUE_STRING || value->form == VALUE_HEX ? value->bytes : state->value;
    if (*made || value->form == VALUE_ABSENT) return true;
    uint32_t size = make_bytes(expander, value, state->runs);
    expander->value_bytes += size;
    if (expander->value_bytes > SCENARIO_VALUES_MAX) {
        return scenario_fail(expander->error, line->line, "all values together are over 256 MiB");
    }
    *made = script_value(expander->script, expander->scratch, size);
    if (value->form == VALUE_FILL || value->form == VALUE_EMPTY) state->value = *made;
    return *made || scenario_fail(expander->error, line->line, "memory is short");
}

/* --- lines --- */

static bool expand_op(struct expander *expander, const struct scenario_line *line,
                      struct line_state *state, uint32_t number)
{
    struct op op = {
        .kind = line->op,
        .line = line->line,
        .count = line->count,
        .seed = line->seed,
        .cut = line->cut,
    };
    state->runs++;
    if (scenario_op_has_key(line->op)) op.key = make_key(expander, &line->key, number);
    if (scenario_op_has_value(line->op) && !make_value(expander, line, state, &op.value)) {
        return false;
    }
    if (line->op == OP_ROT && !line->has_seed) {
        uint64_t random = random_here(expander);
        op.seed = next_random(&random);
    }
    if (op.key != UINT32_MAX && script_append(expander->script, &op)) return true;
    return scenario_fail(expander->error, line->line, "memory is short");
}

/* One line, once: all keys of its range. */
static bool expand_line(struct expander *expander, const struct scenario_line *line,
                        struct line_state *state)
{
    const struct scenario_key *key = &line->key;
    uint64_t count = scenario_line_ops(line);
    uint32_t number = key->low;
    if (key->index == INDEX_LOOP) number = loop_number(expander, &key->loop);
    for (uint64_t i = 0; i < count; i++) {
        if (!expand_op(expander, line, state, number + (uint32_t)i)) return false;
    }
    return true;
}

/* A `}` goes back behind its repeat until all turns are done. Blocks without operations are left
 * out, so that the number of operations bounds the work. */
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
            expander->turns[depth] = 0;
            open[depth++] = at;
        } else if (line->kind == LINE_END) {
            if (++expander->turns[depth - 1] < scenario->lines[open[depth - 1]].count) {
                at = open[depth - 1];
            } else {
                depth--;
            }
        } else if (!expand_line(expander, line, &expander->states[at])) {
            return false;
        }
    }
    return true;
}

struct script *scenario_expand(const struct scenario *scenario, struct scenario_error *error)
{
    struct expander expander = {.scenario = scenario, .error = error};
    if (scenario->ops > SCENARIO_OPS_MAX) {
        scenario_fail(error, 0, "more than %u operations", SCENARIO_OPS_MAX);
        return NULL;
    }
    expander.script = script_copy(scenario->header);
    expander.states = calloc((size_t)scenario->line_count + 1, sizeof *expander.states);
    expander.scratch = malloc(SCRATCH_SIZE);
    bool good = expander.script && expander.states && expander.scratch;
    if (good) {
        good = expand_lines(&expander);
    } else {
        scenario_fail(error, 0, "memory is short");
    }
    free(expander.states);
    free(expander.scratch);
    if (good) return expander.script;
    script_free(expander.script);
    return NULL;
}
