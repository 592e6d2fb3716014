/* scenario_parse.c - text to tree.
 *
 * Line by line: a statement is known by its first word, and a table says which function takes the
 * rest of it. Blocks are kept on a stack of the `repeat` lines that are still open.
 *
 * Operations are counted as they are parsed, each block for one turn; the closing `}` multiplies by
 * the turns and adds to the block around it. So a text of a few lines that would expand to more
 * than SCENARIO_OPS_MAX operations is known before anything is expanded. The first mistake ends the
 * parse.
 */
#include "fuzz/script/scenario_internal.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/script/kind.h"

struct parser {
    struct scenario *scenario;
    struct scenario_lex lex;
    struct scenario_loops loops;
    uint64_t outer_ops[SCENARIO_NEST_MAX]; /* operations before each open repeat, in its block */
    uint64_t ops;                          /* operations so far of the block we are in */
};

static bool fail(struct parser *parser, const char *reason)
{
    return scenario_fail(parser->lex.error, parser->lex.line, "%s", reason);
}

/* --- header statements --- */

static bool keep_name(struct parser *parser, struct scenario_text word, size_t size, char *name)
{
    if (word.size >= size) {
        return scenario_fail(parser->lex.error, parser->lex.line,
                             "this name must have at most %zu bytes", size - 1);
    }
    memcpy(name, word.at, word.size);
    name[word.size] = '\0';
    return true;
}

static bool parse_name(struct parser *parser, const char *what, size_t size, char *name)
{
    struct scenario_text word;
    if (!scenario_lex_word(&parser->lex, &word)) return scenario_lex_expected(&parser->lex, what);
    return keep_name(parser, word, size, name);
}

/* NAME or BUILD:NAME, or two of these with a `+` between. */
static bool parse_engine_name(struct parser *parser, size_t size, char *name)
{
    struct scenario_lex *lex = &parser->lex;
    struct scenario_text word;
    if (!scenario_lex_word(lex, &word)) return scenario_lex_expected(lex, "the name of an engine");
    while (lex->at < lex->end &&
           (scenario_word_goes_on(*lex->at) || *lex->at == ':' || *lex->at == '+'))
        lex->at++;
    word.size = (uint32_t)(lex->at - word.at);
    return keep_name(parser, word, size, name);
}

static bool parse_option(struct parser *parser)
{
    struct script *header = parser->scenario->header;
    struct script_option option = {0};
    if (!parse_name(parser, "an option, as in keys=8,", sizeof option.name, option.name)) {
        return false;
    }
    for (uint32_t i = 0; i < header->option_count; i++) {
        if (strcmp(header->options[i].name, option.name) != 0) continue;
        return scenario_fail(parser->lex.error, parser->lex.line, "'%s' stands twice; give it once",
                             option.name);
    }
    if (header->option_count == SCRIPT_OPTIONS_MAX)
        return fail(parser, "an engine takes at most 8 options");
    if (!scenario_lex_take(&parser->lex, '=')) return scenario_lex_expected(&parser->lex, "'='");
    if (scenario_word_starts(scenario_lex_next(&parser->lex))) {
        if (!parse_name(parser, "an option", sizeof option.word, option.word)) return false;
    } else if (!scenario_lex_number(&parser->lex, "an option", 0, UINT64_MAX, &option.value)) {
        return false;
    }
    assert(option.name[0] && header->option_count < SCRIPT_OPTIONS_MAX);
    header->options[header->option_count++] = option;
    return true;
}

static bool parse_engine(struct parser *parser)
{
    struct script *header = parser->scenario->header;
    header->engine_line = parser->lex.line;
    if (!parse_engine_name(parser, sizeof header->engine, header->engine)) return false;
    while (!scenario_lex_done(&parser->lex)) {
        if (!parse_option(parser)) return false;
    }
    return true;
}

static bool parse_every(struct parser *parser)
{
    static const char what[] = "ns, us, ms, s, m, h or d";
    uint64_t number;
    struct scenario_text name;
    if (!scenario_lex_number(&parser->lex, "a time", 1, UINT64_MAX, &number)) return false;
    struct scenario_lex before = parser->lex;
    if (!scenario_lex_word(&parser->lex, &name)) return scenario_lex_expected(&before, what);
    for (enum time_unit unit = TIME_NS; unit < TIME_UNITS; unit++) {
        if (!scenario_text_is(name, scenario_time_name(unit))) continue;
        if (number > UINT64_MAX / scenario_time_ns(unit))
            return fail(parser, "this time is over 2^64 ns; take a shorter one");
        parser->scenario->header->every_ns = number * scenario_time_ns(unit);
        parser->scenario->every_unit = unit;
        return true;
    }
    return scenario_lex_expected(&before, what);
}

/* The next chunk as a string; empty when there is none, or it is too long to be anything known. */
static void take_chunk(struct parser *parser, char *text, size_t text_size)
{
    struct scenario_text chunk = scenario_lex_chunk(&parser->lex);
    size_t size = chunk.size < text_size ? chunk.size : 0;
    if (size) memcpy(text, chunk.at, size);
    text[size] = '\0';
}

static bool parse_faults(struct parser *parser)
{
    struct scenario_lex before = parser->lex;
    char text[FAULT_CLASSES_TEXT_MAX];
    take_chunk(parser, text, sizeof text);
    parser->scenario->header->faults = fault_parse_classes(text);
    return parser->scenario->header->faults != 0 ||
           scenario_lex_expected(&before, "a list of fault classes, such as edge,bits,");
}

static bool parse_waive(struct parser *parser)
{
    struct scenario_lex before = parser->lex;
    char text[WAIVER_TEXT_MAX];
    take_chunk(parser, text, sizeof text);
    return waiver_parse(text, &parser->scenario->header->waivers) ||
           scenario_lex_expected(&before, "clauses and rules, such as alive,lawful/reprogram,");
}

/* The words of a kind; cases of before have the clause alone. */
static bool parse_kind(struct parser *parser, struct finding *found)
{
    static const struct {
        bool (*take)(struct finding *finding, const char *word, size_t size);
        const char *what;
    } words[] = {{kind_take_clause, "the clause that was broken"},
                 {kind_take_seen, "what was seen"},
                 {kind_take_call, "the call that showed it"},
                 {kind_take_cut, "in what power was cut"}};
    *found = (struct finding){.call = ADAPTER_CALLS};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        struct scenario_lex before = parser->lex;
        struct scenario_text word = {0};
        if (i == 1 && !scenario_word_starts(scenario_lex_next(&parser->lex))) return true;
        if (!scenario_lex_word(&parser->lex, &word) || !words[i].take(found, word.at, word.size))
            return scenario_lex_expected(&before, words[i].what);
    }
    return true;
}

static bool parse_found(struct parser *parser)
{
    struct finding *found = &parser->scenario->header->found;
    uint32_t size;
    if (!parse_kind(parser, found) || !scenario_lex_string(&parser->lex, &size)) return false;
    if (size >= sizeof found->text) return fail(parser, "this text must have under 200 bytes");
    if (memchr(parser->lex.scratch, '\0', size))
        return fail(parser, "this text must have no NUL byte");
    memcpy(found->text, parser->lex.scratch, size);
    found->text[size] = '\0';
    return true;
}

static bool parse_trace(struct parser *parser)
{
    struct scenario_lex before = parser->lex;
    struct scenario_text chunk = scenario_lex_chunk(&parser->lex);
    uint64_t trace = 0;
    bool good = chunk.size == 16;
    for (uint32_t i = 0; i < chunk.size && good; i++) {
        char c = chunk.at[i];
        good = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
        trace = trace << 4 | (uint64_t)(c <= '9' ? c - '0' : c - 'a' + 10);
    }
    parser->scenario->header->trace = trace;
    return good || scenario_lex_expected(&before, "a digest of 16 hex digits");
}

static bool parse_image(struct parser *parser)
{
    struct script *header = parser->scenario->header;
    uint32_t size = 0;
    if (!scenario_lex_hex(&parser->lex, &size)) return false;
    header->image = script_value(header, parser->lex.scratch, size);
    return true;
}

static bool is_header(enum line_kind kind)
{
    return kind >= LINE_CHIP && kind <= LINE_TRACE;
}

static bool parse_header(struct parser *parser, enum line_kind kind)
{
    struct script *header = parser->scenario->header;
    assert(is_header(kind));
    switch (kind) {
    case LINE_CHIP:
        return scenario_parse_chip(parser->scenario, &parser->lex);
    case LINE_ENGINE:
        return parse_engine(parser);
    case LINE_SEED:
        return scenario_lex_number(&parser->lex, "a seed", 0, UINT64_MAX, &header->seed);
    case LINE_EVERY:
        return parse_every(parser);
    case LINE_FAULTS:
        return parse_faults(parser);
    case LINE_WAIVE:
        return parse_waive(parser);
    case LINE_DEPTH:
        return scenario_lex_number32(&parser->lex, "a depth", 1, SCENARIO_DEPTH_MAX,
                                     &header->depth);
    case LINE_FOUND:
        return parse_found(parser);
    case LINE_IMAGE:
        return parse_image(parser);
    default:
        return parse_trace(parser);
    }
}

/* --- blocks --- */

static void add_ops(uint64_t *sum, uint64_t ops)
{
    /* No term is over 2^49: a sum that has passed the limit stays just above it. */
    assert(*sum <= SCENARIO_OPS_MAX + 1);
    *sum += ops;
    if (*sum > SCENARIO_OPS_MAX) *sum = SCENARIO_OPS_MAX + 1;
}

static bool parse_variable(struct parser *parser, struct scenario_line *line)
{
    struct scenario_text name;
    if (!scenario_lex_word(&parser->lex, &name)) {
        return scenario_lex_expected(&parser->lex, "a name");
    }
    if (name.size > SCRIPT_NAME_MAX) return fail(parser, "this name must have at most 64 bytes");
    for (uint32_t i = 0; i < parser->loops.depth; i++) {
        const struct value *outer = parser->scenario->lines[parser->loops.lines[i]].variable;
        if (outer && outer->size == name.size && memcmp(outer->bytes, name.at, name.size) == 0) {
            return fail(parser, "a repeat around this has the same variable; name it differently");
        }
    }
    line->variable = script_value(parser->scenario->header, name.at, name.size);
    return true;
}

static bool parse_repeat(struct parser *parser, struct scenario_line *line)
{
    struct scenario_loops *loops = &parser->loops;
    if (!scenario_lex_number32(&parser->lex, "a number of turns", 1, SCENARIO_OPS_MAX,
                               &line->count)) {
        return false;
    }
    if (scenario_lex_take_word(&parser->lex, "as") && !parse_variable(parser, line)) return false;
    if (!scenario_lex_take(&parser->lex, '{')) return scenario_lex_expected(&parser->lex, "'{'");
    if (loops->depth == SCENARIO_NEST_MAX) return fail(parser, "repeats nest at most 16 deep");
    parser->outer_ops[loops->depth] = parser->ops;
    parser->ops = 0;
    loops->lines[loops->depth++] = parser->scenario->line_count;
    return true;
}

static bool parse_end(struct parser *parser)
{
    struct scenario_loops *loops = &parser->loops;
    if (loops->depth == 0) return fail(parser, "this '}' ends no repeat");
    struct scenario_line *repeat = &parser->scenario->lines[loops->lines[--loops->depth]];
    assert(repeat->kind == LINE_REPEAT && repeat->end == 0);
    repeat->end = parser->scenario->line_count;
    repeat->ops = parser->ops;
    parser->ops = parser->outer_ops[loops->depth];
    add_ops(&parser->ops, repeat->ops * repeat->count);
    return true;
}

/* --- lines --- */

/* Takes the first word of a line; an operation is spelled as it is called. */
static bool take_statement(struct scenario_lex *lex, struct scenario_line *line)
{
    static const char *const words[LINE_KINDS] = {
        [LINE_CHIP] = "chip",   [LINE_ENGINE] = "engine", [LINE_SEED] = "seed",
        [LINE_EVERY] = "every", [LINE_FAULTS] = "faults", [LINE_DEPTH] = "depth",
        [LINE_FOUND] = "found", [LINE_TRACE] = "trace",   [LINE_REPEAT] = "repeat",
        [LINE_WAIVE] = "waive", [LINE_IMAGE] = "image",
    };
    struct scenario_lex before = *lex;
    struct scenario_text word = {0};
    (void)scenario_lex_word(lex, &word);
    for (line->kind = 0; line->kind < LINE_KINDS; line->kind++) {
        if (words[line->kind] && scenario_text_is(word, words[line->kind])) return true;
    }
    line->kind = LINE_OP;
    for (line->op = 0; line->op < OP_KINDS; line->op++) {
        if (scenario_text_is(word, op_name(line->op))) return true;
    }
    return scenario_lex_expected(&before, "a statement");
}

/* Whether a statement may stand here. */
static bool check_order(struct parser *parser, enum line_kind kind)
{
    bool *seen = parser->scenario->seen;
    if (!is_header(kind)) {
        if (!seen[LINE_CHIP]) return fail(parser, "a 'chip' line must come before this");
        return seen[LINE_ENGINE] || fail(parser, "an 'engine' line must come before this");
    }
    if (seen[LINE_OP]) return fail(parser, "this must come before the first operation");
    if (seen[kind]) return fail(parser, "this statement stands twice; give it once");
    seen[kind] = true;
    return true;
}

static bool parse_statement(struct parser *parser, struct scenario_line *line)
{
    struct scenario_lex *lex = &parser->lex;
    if (scenario_lex_take(lex, '}')) {
        line->kind = LINE_END;
        return parse_end(parser);
    }
    if (!take_statement(lex, line) || !check_order(parser, line->kind)) return false;
    if (is_header(line->kind)) return parse_header(parser, line->kind);

    parser->scenario->seen[LINE_OP] = true;
    if (line->kind == LINE_REPEAT) return parse_repeat(parser, line);
    if (!scenario_parse_op(parser->scenario, lex, &parser->loops, line)) return false;
    add_ops(&parser->ops, scenario_line_ops(line));
    return true;
}

/* Whatever is left of the line: a comment or nothing. */
static bool parse_comment(struct parser *parser, struct scenario_line *line)
{
    struct scenario_lex *lex = &parser->lex;
    if (!scenario_lex_done(lex)) return scenario_lex_expected(lex, "the end of the line");
    if (lex->at == lex->end) return true;
    assert(*lex->at == '#');
    const char *text = lex->at + 1, *end = lex->end;
    while (end > text && (end[-1] == ' ' || end[-1] == '\t')) {
        end--;
    }
    if ((size_t)(end - text) > SCENARIO_COMMENT_MAX) {
        return fail(parser, "a comment has at most 1000 bytes");
    }
    line->comment = script_value(parser->scenario->header, text, (uint32_t)(end - text));
    return true;
}

/* Any bytes may come as a scenario; what is no text is an error with its line. */
static bool check_bytes(struct parser *parser)
{
    const struct scenario_lex *lex = &parser->lex;
    if ((size_t)(lex->end - lex->at) > SCENARIO_LINE_MAX)
        return fail(parser, "this line is over 4 MiB; make it shorter");
    for (const char *at = lex->at; at < lex->end; at++) {
        uint8_t byte = (uint8_t)*at;
        if ((byte >= ' ' && byte != 0x7F) || byte == '\t') continue;
        return scenario_fail(lex->error, lex->line, "expected text, not the byte 0x%02x",
                             (unsigned)byte);
    }
    return true;
}

static void append_line(struct scenario *scenario, const struct scenario_line *line)
{
    if (scenario->line_count == scenario->line_capacity) {
        uint32_t capacity = scenario->line_capacity ? 2 * scenario->line_capacity : 64;
        scenario->lines = memory_resize(scenario->lines, capacity, sizeof *scenario->lines);
        scenario->line_capacity = capacity;
    }
    scenario->lines[scenario->line_count++] = *line;
}

static bool parse_line(struct parser *parser)
{
    struct scenario_line line = {.kind = LINE_BLANK, .line = parser->lex.line};
    if (!check_bytes(parser)) return false;
    if (!scenario_lex_done(&parser->lex) && !parse_statement(parser, &line)) return false;
    if (!parse_comment(parser, &line)) return false;
    append_line(parser->scenario, &line);
    return true;
}

static bool parse_lines(struct parser *parser, const char *text, size_t size)
{
    for (const char *at = text, *end = text + size; at < end;) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        const char *next = newline ? newline + 1 : end;
        const char *stop = newline ? newline : end;
        if (stop > at && stop[-1] == '\r') stop--;
        parser->lex.at = at;
        parser->lex.end = stop;
        parser->lex.line++;
        if (!parse_line(parser)) return false;
        at = next;
    }
    struct scenario *scenario = parser->scenario;
    if (parser->loops.depth != 0) {
        parser->lex.line = scenario->lines[parser->loops.lines[parser->loops.depth - 1]].line;
        return fail(parser, "this repeat must end with a '}'");
    }
    parser->lex.line = 0;
    if (!scenario->seen[LINE_CHIP]) return fail(parser, "a scenario needs a 'chip' line");
    if (!scenario->seen[LINE_ENGINE]) return fail(parser, "a scenario needs an 'engine' line");
    assert(parser->ops <= SCENARIO_OPS_MAX + 1);
    scenario->ops = parser->ops;
    return true;
}

/* "scenarios/boot-counter.scn" is called "boot-counter". */
static void name_script(struct script *script, const char *path)
{
    const char *base = strrchr(path, '/');
    base = base ? base + 1 : path;
    const char *dot = strrchr(base, '.');
    size_t size = dot && dot != base ? (size_t)(dot - base) : strlen(base);
    if (size >= sizeof script->name) size = sizeof script->name - 1;
    assert(size < sizeof script->name);
    memcpy(script->name, base, size);
    script->name[size] = '\0';
}

struct scenario *scenario_parse(const char *name, const char *text, size_t size,
                                struct scenario_error *error)
{
    struct scenario *scenario = memory_zeroed(1, sizeof *scenario);
    struct parser parser = {.scenario = scenario, .lex = {.error = error}};
    parser.lex.scratch = memory_new(SCENARIO_VALUE_MAX);
    scenario->header = script_new(&(struct part){0});
    name_script(scenario->header, name);
    bool good = parse_lines(&parser, text, size);
    free(parser.lex.scratch);
    if (good) return scenario;
    scenario_free(scenario);
    return NULL;
}
