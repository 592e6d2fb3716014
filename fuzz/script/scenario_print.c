/* scenario_print.c - tree to text, and script to text by way of the lines it would be made of.
 *
 * A tree prints in the forms in which it was written. A script has only bytes: for each key and
 * value the form is chosen that a reader sees through first (a word, a text, a number, a fill, hex
 * otherwise), and the line is printed as if it came from a tree. Both print in one canonical form:
 * one blank between words, two for each level of a block.
 */
#include "fuzz/script/scenario_internal.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/script/kind.h"
#include "sim/memory.h"

#define TEXT_MAX 64u /* a value up to this size is printed as text even where a fill would do */
#define FILL_MIN 9u  /* a value of one repeated byte is printed as a fill from this size on */

static void print_indent(FILE *out, uint32_t depth)
{
    for (uint32_t i = 0; i < depth; i++) {
        fputs("  ", out);
    }
}

static void print_bytes(FILE *out, const struct value *value)
{
    (void)fwrite(value->bytes, 1, value->size, out);
}

static void print_hex(FILE *out, const struct value *value)
{
    fputs("0x", out);
    for (uint32_t i = 0; i < value->size; i++) {
        fprintf(out, "%02x", (unsigned)value->bytes[i]);
    }
}

static void print_quoted_byte(FILE *out, uint8_t byte)
{
    static const char names[] = {
        ['"'] = '"', ['\\'] = '\\', ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't'};
    if (byte < sizeof names && names[byte] != '\0') {
        fprintf(out, "\\%c", names[byte]);
    } else if (byte >= ' ' && byte <= '~') {
        fputc(byte, out);
    } else {
        fprintf(out, "\\x%02x", (unsigned)byte);
    }
}

static void print_quoted(FILE *out, const uint8_t *bytes, uint32_t size)
{
    fputc('"', out);
    for (uint32_t i = 0; i < size; i++) {
        print_quoted_byte(out, bytes[i]);
    }
    fputc('"', out);
}

static void print_loop(FILE *out, const struct scenario_loop *loop)
{
    assert(loop->name);
    print_bytes(out, loop->name);
    if (loop->modulus != 0) fprintf(out, " %% %u", loop->modulus);
}

/* --- operations --- */

static void print_key(FILE *out, const struct scenario_key *key)
{
    static const char *const integers[] = {
        [KEY_U8] = "u8:", [KEY_U16] = "u16:", [KEY_U32] = "u32:"};
    assert(key->form >= KEY_U8 || key->bytes);
    if (key->form == KEY_STRING) {
        print_quoted(out, key->bytes->bytes, key->bytes->size);
    } else if (key->form == KEY_HEX) {
        print_hex(out, key->bytes);
    } else if (key->form == KEY_WORD) {
        print_bytes(out, key->bytes);
    } else {
        fputs(integers[key->form], out);
        if (key->index == INDEX_NONE) fprintf(out, "%u", key->low);
    }
    if (key->index == INDEX_NONE) return;
    fputc('[', out);
    if (key->index == INDEX_RANGE) {
        fprintf(out, "%u..%u", key->low, key->high);
    } else {
        print_loop(out, &key->loop);
    }
    fputc(']', out);
}

static void print_value(FILE *out, const struct scenario_value *value)
{
    fputc(' ', out);
    switch (value->form) {
    case VALUE_ABSENT:
        fputs("absent", out);
        break;
    case VALUE_STRING:
        print_quoted(out, value->bytes->bytes, value->bytes->size);
        break;
    case VALUE_HEX:
        print_hex(out, value->bytes);
        break;
    case VALUE_RANDOM:
        fprintf(out, "random %u", value->low);
        if (value->high != value->low) fprintf(out, "..%u", value->high);
        break;
    case VALUE_FILL:
        fprintf(out, "fill 0x%02x %u", (unsigned)value->byte, value->low);
        break;
    case VALUE_FILL_LOOP:
        fputs("fill ", out);
        print_loop(out, &value->loop);
        fprintf(out, " %u", value->low);
        break;
    case VALUE_COUNT:
        fputs("count", out);
        if (value->low != SCENARIO_COUNT_SIZE) fprintf(out, " %u", value->low);
        break;
    case VALUE_EMPTY:
        fputs("empty", out);
        break;
    }
}

/* A pop of the oldest item needs no place. */
static void print_place(FILE *out, const struct scenario_line *line)
{
    if (line->place.name) {
        fputc(' ', out);
        print_loop(out, &line->place);
    } else if (line->count != 0 || line->op != OP_POP) {
        fprintf(out, " %u", line->count);
    }
}

static void print_snapshot(FILE *out, const struct scenario_line *line)
{
    bool bare = op_has_snapshot(line->op) || line->op == OP_LOOK;
    assert(line->snapshot <= ADAPTER_SNAPSHOTS && (bare || op_may_read_at(line->op)));
    fprintf(out, bare ? " %u" : " in %u", line->snapshot);
}

static void print_op(FILE *out, const struct scenario_line *line)
{
    fputs(op_name(line->op), out);
    if (op_has_key(line->op)) {
        fputc(' ', out);
        print_key(out, &line->key);
    }
    if (line->op == OP_SCAN) {
        fputs("..", out);
        print_key(out, &line->to);
    }
    if (op_has_value(line->op)) print_value(out, &line->value);
    if (op_has_place(line->op)) print_place(out, line);
    if (line->snapshot) print_snapshot(out, line);
    if (line->op == OP_ROT) fprintf(out, " %u", line->count);
    if (line->op == OP_ROT && line->has_seed) {
        fprintf(out, " seed %llu", (unsigned long long)line->seed);
    }
    if (line->cut.nth != 0) {
        char text[FAULT_TEXT_MAX];
        fault_print(&line->cut.tear, text);
        fprintf(out, " %s %u %s", fault_word(&line->cut.tear), line->cut.nth, text);
    }
}

/* --- header --- */

static void print_pairs(FILE *out, const struct scenario_pair *pairs, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        fprintf(out, " %s=%llu", pairs[i].name, (unsigned long long)pairs[i].value);
    }
}

static void print_chip(FILE *out, const struct script *header, const struct scenario_pair *fields,
                       uint32_t field_count)
{
    fprintf(out, "chip %s", header->base.name);
    print_pairs(out, fields, field_count);
}

static void print_engine(FILE *out, const struct script *header)
{
    fprintf(out, "engine %s", header->engine);
    for (uint32_t i = 0; i < header->option_count; i++) {
        const struct script_option *option = &header->options[i];
        fprintf(out, " %s=", option->name);
        if (option->word[0]) {
            fputs(option->word, out);
        } else {
            fprintf(out, "%llu", (unsigned long long)option->value);
        }
    }
}

static void print_every(FILE *out, uint64_t every_ns, enum time_unit unit)
{
    assert(every_ns % scenario_time_ns(unit) == 0);
    fprintf(out, "every %llu%s", (unsigned long long)(every_ns / scenario_time_ns(unit)),
            scenario_time_name(unit));
}

static void print_faults(FILE *out, uint32_t faults)
{
    char text[FAULT_CLASSES_TEXT_MAX];
    fault_print_classes(faults, text);
    fprintf(out, "faults %s", text);
}

static void print_waive(FILE *out, const struct waivers *waivers)
{
    char text[WAIVER_TEXT_MAX];
    waiver_print(waivers, text);
    fprintf(out, "waive %s", text);
}

static void print_found(FILE *out, const struct script *header)
{
    const struct finding *found = &header->found;
    assert(found->clause != CLAUSE_NONE);
    fprintf(out, "found %s ", clause_name(found->clause));
    if (found->seen != SEEN_UNKNOWN)
        fprintf(out, "%s %s %s ", kind_seen_name(found), kind_call_name(found->call),
                kind_cut_name(found->cut));
    print_quoted(out, (const uint8_t *)found->text, (uint32_t)strlen(found->text));
}

static void print_image(FILE *out, const struct value *image)
{
    fputs("image ", out);
    print_hex(out, image);
}

/* --- a scenario --- */

static void print_statement(FILE *out, const struct scenario *scenario,
                            const struct scenario_line *line)
{
    const struct script *header = scenario->header;
    switch (line->kind) {
    case LINE_BLANK:
    case LINE_KINDS:
        break;
    case LINE_CHIP:
        print_chip(out, header, scenario->fields, scenario->field_count);
        break;
    case LINE_ENGINE:
        print_engine(out, header);
        break;
    case LINE_SEED:
        fprintf(out, "seed %llu", (unsigned long long)header->seed);
        break;
    case LINE_EVERY:
        print_every(out, header->every_ns, scenario->every_unit);
        break;
    case LINE_FAULTS:
        print_faults(out, header->faults);
        break;
    case LINE_WAIVE:
        print_waive(out, &header->waivers);
        break;
    case LINE_DEPTH:
        fprintf(out, "depth %u", header->depth);
        break;
    case LINE_FOUND:
        print_found(out, header);
        break;
    case LINE_IMAGE:
        print_image(out, header->image);
        break;
    case LINE_TRACE:
        fprintf(out, "trace %016llx", (unsigned long long)header->trace);
        break;
    case LINE_OP:
        print_op(out, line);
        break;
    case LINE_REPEAT:
        fprintf(out, "repeat %u ", line->count);
        if (line->variable) {
            fputs("as ", out);
            print_bytes(out, line->variable);
            fputc(' ', out);
        }
        fputc('{', out);
        break;
    case LINE_END:
        fputc('}', out);
        break;
    }
}

void scenario_print(const struct scenario *scenario, FILE *out)
{
    uint32_t depth = 0;
    for (uint32_t i = 0; i < scenario->line_count; i++) {
        const struct scenario_line *line = &scenario->lines[i];
        assert(line->kind != LINE_END || depth > 0);
        if (line->kind == LINE_END) depth--;
        if (line->kind != LINE_BLANK || line->comment) print_indent(out, depth);
        print_statement(out, scenario, line);
        if (line->comment) {
            fputs(line->kind == LINE_BLANK ? "#" : "  #", out);
            print_bytes(out, line->comment);
        }
        fputc('\n', out);
        if (line->kind == LINE_REPEAT) depth++;
    }
}

/* --- a script --- */

static bool all_printable(const struct value *value)
{
    for (uint32_t i = 0; i < value->size; i++) {
        if (value->bytes[i] < ' ' || value->bytes[i] > '~') return false;
    }
    return true;
}

static bool all_the_same(const struct value *value)
{
    return value->size == 0 || memcmp(value->bytes, value->bytes + 1, value->size - 1) == 0;
}

static bool all_of_a_word(const struct value *value)
{
    for (uint32_t i = 0; i < value->size; i++) {
        char c = (char)value->bytes[i];
        if (!(i == 0 ? scenario_word_starts(c) : scenario_word_goes_on(c))) return false;
    }
    return value->size != 0;
}

/* The form that says most to a reader; a program's small binary keys are numbers as a rule. */
static struct scenario_key key_of(enum op_kind kind, const struct value *value)
{
    struct scenario_key key = {.form = KEY_HEX, .bytes = value};
    if (all_of_a_word(value) && kind != OP_SCAN && kind != OP_DESTROY) {
        key.form = KEY_WORD;
    } else if (all_printable(value)) {
        key.form = KEY_STRING;
    } else if (value->size == 1 || value->size == 2 || value->size == 4) {
        key.form = value->size == 1 ? KEY_U8 : value->size == 2 ? KEY_U16 : KEY_U32;
        for (uint32_t i = 0; i < value->size; i++) {
            key.low |= (uint32_t)value->bytes[i] << (8 * i);
        }
    }
    return key;
}

static struct scenario_value value_of(const struct value *value)
{
    struct scenario_value line_value = {.form = VALUE_HEX, .bytes = value};
    if (!value) return (struct scenario_value){.form = VALUE_ABSENT};
    bool short_text = value->size <= TEXT_MAX && all_printable(value);
    if (value->size == 0) {
        line_value.form = VALUE_EMPTY;
    } else if (!short_text && value->size >= FILL_MIN && all_the_same(value)) {
        line_value.form = VALUE_FILL;
        line_value.byte = value->bytes[0];
        line_value.low = value->size;
    } else if (all_printable(value)) {
        line_value.form = VALUE_STRING;
    }
    return line_value;
}

static void print_script_header(const struct script *script, FILE *out)
{
    struct scenario_pair fields[SCENARIO_FIELDS_MAX];
    print_chip(out, script, fields, scenario_chip_fields(script, fields));
    fputc('\n', out);
    print_engine(out, script);
    fputc('\n', out);
    if (script->seed != 0) fprintf(out, "seed %llu\n", (unsigned long long)script->seed);
    if (script->every_ns != 0) {
        enum time_unit unit = TIME_UNITS - 1;
        while (script->every_ns % scenario_time_ns(unit) != 0) {
            unit--;
        }
        print_every(out, script->every_ns, unit);
        fputc('\n', out);
    }
    if (script->faults != 0) {
        print_faults(out, script->faults);
        fputc('\n', out);
    }
    if (script->waivers.clauses || script->waivers.rules) {
        print_waive(out, &script->waivers);
        fputc('\n', out);
    }
    if (script->depth != 0) fprintf(out, "depth %u\n", script->depth);
    if (script->found.clause != CLAUSE_NONE) {
        print_found(out, script);
        fputc('\n', out);
    }
    if (script->image) {
        print_image(out, script->image);
        fputc('\n', out);
    }
    if (script->trace != 0) fprintf(out, "trace %016llx\n", (unsigned long long)script->trace);
}

void scenario_print_script(const struct script *script, FILE *out)
{
    print_script_header(script, out);
    fputc('\n', out);
    for (uint32_t i = 0; i < script->op_count; i++) {
        const struct op *op = &script->ops[i];
        assert(!op_has_key(op->kind) || op->key < script->key_count);
        struct scenario_line line = {
            .op = op->kind,
            .count = op->count,
            .has_seed = true,
            .seed = op->seed,
            .snapshot = op->snapshot,
        };
        if (op_has_key(op->kind)) line.key = key_of(op->kind, script->keys[op->key]);
        if (op->kind == OP_SCAN) line.to = key_of(op->kind, script->keys[op->to]);
        if (op_has_value(op->kind)) line.value = value_of(op->value);
        if (op_takes_cut(op->kind)) line.cut = op->cut;
        print_op(out, &line);
        fputc('\n', out);
    }
}

struct script *scenario_reread(const struct script *script)
{
    struct scenario_error error;
    char *text;
    size_t size;
    FILE *memory = memory_open(&text, &size);
    scenario_print_script(script, memory);
    memory_close(memory, &text);
    struct scenario *scenario = scenario_parse(script->name, text, size, &error);
    struct script *again = scenario ? scenario_expand(scenario, &error) : NULL;
    assert(again); /* what is printed is read back: scenario.h */
    memcpy(again->name, script->name, sizeof again->name);
    scenario_free(scenario);
    free(text);
    return again;
}
