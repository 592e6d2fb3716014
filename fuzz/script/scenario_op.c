/* scenario_op.c - parses the operations of a scenario: kind, key, value, cut.
 *
 * What an operation carries follows from its kind (script.h), and the parts stand in one order:
 * key, value, place, snapshot, cut. An index or a value that uses a loop's variable is kept as a
 * reference to that loop. The largest number that the variable can have is known here, so that a
 * key that could not hold it is refused with its line, before anything runs.
 */
#include "fuzz/script/scenario_internal.h"

#include <assert.h>
#include <string.h>

struct op_parser {
    struct scenario *scenario;
    struct scenario_lex *lex;
    const struct scenario_loops *loops;
    uint32_t index_max; /* largest value that the index just parsed takes */
};

/* Keeps bytes for the life of the scenario. */
static const struct value *keep(struct op_parser *parser, const void *bytes, uint32_t size)
{
    assert(size <= SCENARIO_VALUE_MAX);
    return script_value(parser->scenario->header, bytes, size);
}

/* --- keys --- */

/* The variable of a loop around this statement, with its modulus: `i`, `i % 8`. */
static bool parse_loop(struct op_parser *parser, struct scenario_loop *loop)
{
    struct scenario_lex *lex = parser->lex;
    struct scenario_text name;
    const struct scenario_line *repeat = NULL;
    *loop = (struct scenario_loop){0};
    if (!scenario_lex_word(lex, &name)) {
        return scenario_lex_expected(lex, "LOW..HIGH or the variable of a repeat");
    }
    for (uint32_t i = 0; i < parser->loops->depth && !repeat; i++) {
        const struct scenario_line *line = &parser->scenario->lines[parser->loops->lines[i]];
        if (!line->variable || line->variable->size != name.size ||
            memcmp(line->variable->bytes, name.at, name.size) != 0) {
            continue;
        }
        repeat = line;
        loop->depth = i;
    }
    if (!repeat) {
        return scenario_fail(lex->error, lex->line, "no repeat around this has a variable '%.*s'",
                             (int)(name.size < 40 ? name.size : 40), name.at);
    }
    assert(repeat->kind == LINE_REPEAT && repeat->count > 0);
    loop->name = repeat->variable;
    parser->index_max = repeat->count - 1;
    if (!scenario_lex_take(lex, '%')) return true;
    if (!scenario_lex_number32(lex, "a modulus", 1, UINT32_MAX, &loop->modulus)) return false;
    if (parser->index_max >= loop->modulus) parser->index_max = loop->modulus - 1;
    return true;
}

static bool take_range(struct scenario_lex *lex)
{
    if (scenario_lex_next(lex) != '.' || lex->end - lex->at < 2 || lex->at[1] != '.') return false;
    lex->at += 2;
    return true;
}

/* What stands in the brackets of k[...], with the closing one. */
static bool parse_index(struct op_parser *parser, struct scenario_key *key)
{
    struct scenario_lex *lex = parser->lex;
    char next = scenario_lex_next(lex);
    if (next >= '0' && next <= '9') {
        key->index = INDEX_RANGE;
        if (!scenario_lex_number32(lex, "an index", 0, UINT32_MAX, &key->low)) return false;
        if (!take_range(lex)) return scenario_lex_expected(lex, "'..'");
        if (!scenario_lex_number32(lex, "the end of this range", key->low, UINT32_MAX,
                                   &key->high)) {
            return false;
        }
        parser->index_max = key->high;
    } else {
        key->index = INDEX_LOOP;
        if (!parse_loop(parser, &key->loop)) return false;
    }
    return scenario_lex_take(lex, ']') || scenario_lex_expected(lex, "']'");
}

/* What follows u8: u16: u32: - a number, or an index in brackets. */
static bool parse_integer_key(struct op_parser *parser, struct scenario_key *key,
                              enum key_form form)
{
    struct scenario_lex *lex = parser->lex;
    uint32_t max = form == KEY_U8 ? UINT8_MAX : form == KEY_U16 ? UINT16_MAX : UINT32_MAX;
    key->form = form;
    assert(form >= KEY_U8);
    if (!scenario_lex_take(lex, '[')) {
        return scenario_lex_number32(lex, "this key", 0, max, &key->low);
    }
    if (!parse_index(parser, key)) return false;
    if (parser->index_max <= max) return true;
    return scenario_fail(lex->error, lex->line,
                         "this key must be from 0 to %u, but its index goes up to %u", max,
                         parser->index_max);
}

static bool parse_word_key(struct op_parser *parser, struct scenario_key *key,
                           struct scenario_text word)
{
    struct scenario_lex *lex = parser->lex;
    if (word.size > SCENARIO_VALUE_MAX) {
        return scenario_fail(lex->error, lex->line, "a key or a value has at most %u bytes",
                             SCENARIO_VALUE_MAX);
    }
    key->form = KEY_WORD;
    key->bytes = keep(parser, word.at, word.size);
    return !scenario_lex_take(lex, '[') || parse_index(parser, key);
}

static bool parse_key(struct op_parser *parser, struct scenario_key *key)
{
    struct scenario_lex *lex = parser->lex;
    struct scenario_text word;
    uint32_t size;
    if (scenario_lex_next(lex) == '"') {
        key->form = KEY_STRING;
        if (!scenario_lex_string(lex, &size)) return false;
        key->bytes = keep(parser, lex->scratch, size);
        return true;
    }
    if (scenario_lex_at_hex(lex)) {
        key->form = KEY_HEX;
        if (!scenario_lex_hex(lex, &size)) return false;
        key->bytes = keep(parser, lex->scratch, size);
        return true;
    }
    if (!scenario_lex_word(lex, &word))
        return scenario_lex_expected(lex, "a key, such as ssid, \"a b\" or u32:7,");
    if (!scenario_lex_take(lex, ':')) return parse_word_key(parser, key, word);
    if (scenario_text_is(word, "u8")) return parse_integer_key(parser, key, KEY_U8);
    if (scenario_text_is(word, "u16")) return parse_integer_key(parser, key, KEY_U16);
    if (scenario_text_is(word, "u32")) return parse_integer_key(parser, key, KEY_U32);
    return scenario_fail(lex->error, lex->line, "expected u8, u16 or u32 before ':'");
}

/* --- values --- */

static bool parse_random(struct op_parser *parser, struct scenario_value *value)
{
    struct scenario_lex *lex = parser->lex;
    value->form = VALUE_RANDOM;
    if (!scenario_lex_number32(lex, "a size", 0, SCENARIO_VALUE_MAX, &value->low)) return false;
    value->high = value->low;
    if (!take_range(lex)) return true;
    return scenario_lex_number32(lex, "the larger size", value->low, SCENARIO_VALUE_MAX,
                                 &value->high);
}

static bool parse_fill(struct op_parser *parser, struct scenario_value *value)
{
    struct scenario_lex *lex = parser->lex;
    uint32_t number, size;
    value->form = VALUE_FILL;
    if (scenario_word_starts(scenario_lex_next(lex))) {
        value->form = VALUE_FILL_LOOP;
        if (!parse_loop(parser, &value->loop)) return false;
    } else if (scenario_lex_at_hex(lex)) {
        if (!scenario_lex_hex(lex, &size)) return false;
        if (size != 1)
            return scenario_fail(lex->error, lex->line, "fill takes one byte, not %u", size);
        value->byte = lex->scratch[0];
    } else {
        if (!scenario_lex_number32(lex, "a byte", 0, UINT8_MAX, &number)) return false;
        value->byte = (uint8_t)number;
    }
    return scenario_lex_number32(lex, "a size", 0, SCENARIO_VALUE_MAX, &value->low);
}

static bool parse_count(struct op_parser *parser, struct scenario_value *value)
{
    value->form = VALUE_COUNT;
    value->low = SCENARIO_COUNT_SIZE;
    if (!scenario_lex_at_digit(parser->lex)) return true;
    return scenario_lex_number32(parser->lex, "a size", 1, SCENARIO_VALUE_MAX, &value->low);
}

static bool parse_literal(struct op_parser *parser, struct scenario_value *value, bool hex)
{
    struct scenario_lex *lex = parser->lex;
    uint32_t size;
    value->form = hex ? VALUE_HEX : VALUE_STRING;
    if (!(hex ? scenario_lex_hex(lex, &size) : scenario_lex_string(lex, &size))) return false;
    value->bytes = keep(parser, lex->scratch, size);
    return true;
}

static bool parse_value(struct op_parser *parser, enum op_kind kind, struct scenario_value *value)
{
    struct scenario_lex *lex = parser->lex;
    if (scenario_lex_next(lex) == '"') return parse_literal(parser, value, false);
    if (scenario_lex_at_hex(lex)) return parse_literal(parser, value, true);
    if (scenario_lex_take_word(lex, "fill")) return parse_fill(parser, value);
    if (scenario_lex_take_word(lex, "count")) return parse_count(parser, value);
    if (!op_claims(kind) && scenario_lex_take_word(lex, "random")) {
        return parse_random(parser, value);
    }
    if (op_claims(kind) && scenario_lex_take_word(lex, "absent")) {
        value->form = VALUE_ABSENT;
    } else if (scenario_lex_take_word(lex, "empty")) {
        value->form = VALUE_EMPTY;
    } else {
        return scenario_lex_expected(lex, "a value, such as \"home\", 0x01 or count,");
    }
    return true;
}

/* --- the rest --- */

/* The word with which a cut begins: the classes of what may follow it; 0: there is none. */
static uint32_t take_cut_word(struct scenario_lex *lex)
{
    if (scenario_lex_take_word(lex, "cut")) return FAULT_CUTS;
    if (scenario_lex_take_word(lex, "fail")) return FAULT_FAIL;
    if (scenario_lex_take_word(lex, "lie")) return FAULT_LIE;
    if (scenario_lex_take_word(lex, "stray")) return FAULT_STRAY;
    return scenario_lex_take_word(lex, "glitch") ? FAULT_GLITCH : 0;
}

/* A place, counted from the oldest item, which is 0. A bare `pop` means the oldest. */
static bool parse_place(struct op_parser *parser, struct scenario_line *line)
{
    struct scenario_lex *lex = parser->lex, look = *lex;
    if (scenario_lex_at_digit(lex)) {
        return scenario_lex_number32(lex, "a place", 0, UINT32_MAX, &line->count);
    }
    bool silent = scenario_lex_done(lex) || take_cut_word(&look);
    if (line->op == OP_POP && silent) return true;
    if (scenario_word_starts(scenario_lex_next(lex))) return parse_loop(parser, &line->place);
    return scenario_lex_expected(lex, "a place (0 is the oldest item)");
}

/* `scan "a".."m"`; a word could not end before the dots. */
static bool parse_scan(struct op_parser *parser, struct scenario_line *line)
{
    struct scenario_lex *lex = parser->lex;
    struct scenario_lex before = *lex;
    bool none = scenario_lex_done(lex) || scenario_lex_take_word(lex, "in") || take_cut_word(lex);
    *lex = before;
    if (none) {
        line->op = OP_SCAN_ALL;
        return true;
    }
    if (!parse_key(parser, &line->key)) return false;
    if (!take_range(lex)) return scenario_lex_expected(lex, "a key in quotes, then '..'");
    if (!parse_key(parser, &line->to)) return false;
    return (line->key.index == INDEX_NONE && line->to.index == INDEX_NONE) ||
           scenario_fail(lex->error, lex->line, "scan takes two keys, none with an index");
}

static bool parse_destroy(struct op_parser *parser, struct scenario_line *line)
{
    if (!scenario_lex_take_word(parser->lex, "all")) return parse_key(parser, &line->key);
    line->op = OP_DESTROY_ALL;
    return true;
}

static bool parse_the_key(struct op_parser *parser, struct scenario_line *line)
{
    if (line->op == OP_SCAN) return parse_scan(parser, line);
    if (line->op == OP_DESTROY) return parse_destroy(parser, line);
    return !op_has_key(line->op) || parse_key(parser, &line->key);
}

static bool parse_snapshot(struct scenario_lex *lex, struct scenario_line *line)
{
    bool must = op_has_snapshot(line->op);
    assert(!must || !op_may_read_at(line->op));
    if (line->op == OP_LOOK)
        must = scenario_lex_at_digit(lex);
    else if (op_may_read_at(line->op))
        must = scenario_lex_take_word(lex, "in");
    return !must || scenario_lex_number32(lex, "the number of a snapshot", 1, ADAPTER_SNAPSHOTS,
                                          &line->snapshot);
}

static bool parse_rot(struct scenario_lex *lex, struct scenario_line *line)
{
    if (!scenario_lex_number32(lex, "a number of bits", 1, SCENARIO_ROT_MAX, &line->count)) {
        return false;
    }
    line->has_seed = scenario_lex_take_word(lex, "seed");
    return !line->has_seed || scenario_lex_number(lex, "a seed", 0, UINT64_MAX, &line->seed);
}

/* What has to stand after the number of the call. */
static const char *tear_expected(uint32_t classes)
{
    switch (classes) {
    case FAULT_GLITCH:
        return "error, errors:2, erased or a bit, such as bit:5,";
    case FAULT_LIE:
        return "none or a part, such as prefix:5,";
    case FAULT_STRAY:
        return "an address and bits, such as at:1c0:255,";
    default:
        return "a tear, such as prefix:5,";
    }
}

/* The end of `cut 2 prefix:5` or, where the power stays on, of `fail 2 prefix:5`, `lie 2 none`,
 * `stray 2 at:1c0:255` and `glitch 2 bit:5`; of these classes. */
static bool parse_cut(struct scenario_lex *lex, uint32_t classes, struct cut *cut)
{
    bool reads = classes == FAULT_GLITCH;
    const char *where = reads ? "the number of a read" : "the number of a program or erase";
    if (!scenario_lex_number32(lex, where, 1, UINT32_MAX, &cut->nth)) return false;
    struct scenario_lex before = *lex;
    struct scenario_text chunk = scenario_lex_chunk(lex);
    char text[FAULT_TEXT_MAX];
    if (chunk.size != 0 && chunk.size < sizeof text) {
        memcpy(text, chunk.at, chunk.size);
        text[chunk.size] = '\0';
        if (fault_parse(text, &cut->tear) && fault_may_be(cut->tear.kind, classes)) {
            enum fault_class cuts = fault_class_of(&cut->tear);
            fault_put_in(&cut->tear, classes == FAULT_CUTS ? cuts : (enum fault_class)classes);
            return true;
        }
    }
    return scenario_lex_expected(&before, tear_expected(classes));
}

bool scenario_parse_op(struct scenario *scenario, struct scenario_lex *lex,
                       const struct scenario_loops *loops, struct scenario_line *line)
{
    struct op_parser parser = {.scenario = scenario, .lex = lex, .loops = loops};
    assert(line->kind == LINE_OP && line->op < OP_KINDS && loops->depth <= SCENARIO_NEST_MAX);
    if (!parse_the_key(&parser, line)) return false;
    if (op_has_value(line->op) && !parse_value(&parser, line->op, &line->value)) {
        return false;
    }
    if (op_has_place(line->op) && !parse_place(&parser, line)) return false;
    if (!parse_snapshot(lex, line)) return false;
    if (line->op == OP_ROT && !parse_rot(lex, line)) return false;
    if (!op_takes_cut(line->op)) return true;
    uint32_t classes = take_cut_word(lex);
    return !classes || parse_cut(lex, classes, &line->cut);
}
