/* scenario_test.c - scripts and scenarios from C, and what test_scenario.py talks to.
 *
 * Without an argument: what must be the same on every machine (digests, random values), and how a
 * script keeps its keys, operations and copies.
 *
 * With --serve: requests on the standard input, answers on the standard output. A request is a
 * letter and a text: 'p' parse and print, 'x' parse, expand and list every operation, 's' parse,
 * expand and print the script as a scenario, 'n' parse, expand and print the number of operations.
 * An answer is 0 and what was asked for, or 1 and "line: reason". Both are a byte, a size of four
 * bytes (little endian) and that many bytes.
 */
#define _POSIX_C_SOURCE 200809L /* open_memstream */
#include "fuzz/script/scenario.h"

#include <stdlib.h>
#include <string.h>

/* What a change must not change: cases and results were made with these. */
#define DIGEST_0 0xE220A8397B1DCDAFu
#define DIGEST_1 0xC145EFA12F723A3Cu
#define DIGEST_8 0xF7A7576EFB7F53A8u
#define DIGEST_31 0xC0C51D0036148412u
#define EXPANSION 0xC375EE05CC93E25Bu

static int failures;

static void check(bool good, const char *what, int line)
{
    if (good) return;
    printf("line %d: %s\n", line, what);
    failures++;
}
#define CHECK(condition) check(condition, #condition, __LINE__)

/* --- the same on every machine --- */

static void test_digests(void)
{
    uint8_t bytes[32];
    for (unsigned i = 0; i < sizeof bytes; i++) {
        bytes[i] = (uint8_t)(i * 37 + 11);
    }
    CHECK(script_digest(bytes, 0) == DIGEST_0);
    CHECK(script_digest(bytes, 1) == DIGEST_1);
    CHECK(script_digest(bytes, 8) == DIGEST_8);
    CHECK(script_digest(bytes, 31) == DIGEST_31);
    for (uint32_t size = 0; size < sizeof bytes; size++) {
        for (uint32_t other = 0; other < size; other++) {
            CHECK(script_digest(bytes, size) != script_digest(bytes, other));
        }
    }
}

static struct script *expand(const char *text)
{
    struct scenario_error error = {0};
    struct scenario *scenario = scenario_parse("folder/some.scn", text, strlen(text), &error);
    struct script *script = scenario ? scenario_expand(scenario, &error) : NULL;
    scenario_free(scenario); /* a script outlives the scenario it was made from */
    if (script) return script;
    printf("%u: %s\n", error.line, error.reason);
    exit(1);
}

/* Keys and values of a scenario that has every form of them, as one number. */
static void test_expansion_is_the_same_everywhere(void)
{
    struct script *script = expand("chip generic sectors=4\nengine naive\nseed 42\n"
                                   "store k[0..7] random 4..20\n"
                                   "repeat 5 as i {\n"
                                   "store u16:[i % 3] fill i 7\n"
                                   "store u32:[i] count\n"
                                   "rot 3\n"
                                   "}\n");
    uint64_t digest = 0;
    for (uint32_t i = 0; i < script->op_count; i++) {
        const struct op *op = &script->ops[i];
        uint64_t key = op->kind == OP_STORE ? script->keys[op->key]->digest : op->seed;
        digest = digest * 3 + (key ^ (op->value ? op->value->digest : 0));
    }
    CHECK(script->op_count == 23);
    CHECK(strcmp(script->name, "some") == 0);
    CHECK(digest == EXPANSION);
    script_free(script);
}

/* --- scripts --- */

static void test_each_key_is_kept_once(const struct part *part)
{
    struct script *script = script_new(part);
    for (uint32_t round = 0; round < 2; round++) {
        for (uint32_t i = 0; i < 1000; i++) {
            uint8_t key[2] = {(uint8_t)i, (uint8_t)(i >> 8)};
            CHECK(script_key(script, key, 2) == i);
        }
    }
    CHECK(script->key_count == 1000);
    CHECK(script_key(script, NULL, 0) == 1000);
    CHECK(script_key(script, NULL, 0) == 1000);
    script_free(script);
}

/* A copy may outlive what it was copied from, and changes nothing in it. */
static void test_copies_stand_alone(const struct part *part)
{
    struct script *script = script_new(part);
    struct op op = {.kind = OP_STORE, .key = script_key(script, "a", 1)};
    op.value = script_value(script, "one", 3);
    for (int i = 0; i < 100; i++) {
        script_append(script, &op);
    }
    struct script *copy = script_copy(script), *second = script_copy(copy);
    op.key = script_key(second, "b", 1);
    op.value = script_value(second, "two", 3);
    script_append(second, &op);
    CHECK(script_key(second, "a", 1) == 0 && op.key == 1);
    CHECK(script->key_count == 1 && copy->key_count == 1 && second->key_count == 2);
    CHECK(script->op_count == 100 && copy->op_count == 100 && second->op_count == 101);
    copy->ops[0].kind = OP_FETCH;
    CHECK(script->ops[0].kind == OP_STORE && second->ops[0].kind == OP_STORE);
    script_free(script);
    script_free(copy);
    CHECK(memcmp(second->ops[0].value->bytes, "one", 3) == 0);
    CHECK(memcmp(second->ops[100].value->bytes, "two", 3) == 0);
    script_free(second);
}

static void test_every_operation_has_a_name(void)
{
    for (enum op_kind kind = 0; kind < OP_KINDS; kind++) {
        CHECK(strlen(op_name(kind)) > 1);
    }
}

/* --- serving --- */

static void list_hex(FILE *out, const void *bytes, size_t size)
{
    fputs(size == 0 ? " -" : " ", out);
    for (size_t i = 0; i < size; i++) {
        fprintf(out, "%02x", (unsigned)((const uint8_t *)bytes)[i]);
    }
}

static void list_value(FILE *out, const struct value *value)
{
    if (value) {
        list_hex(out, value->bytes, value->size);
    } else {
        fputs(" absent", out);
    }
}

/* One word: "destroy-all". */
static void list_name(enum op_kind kind, FILE *out)
{
    for (const char *c = op_name(kind); *c; c++)
        fputc(*c == ' ' ? '-' : *c, out);
}

/* Everything that a script says, but for the lines of the file that it came from. */
static void list_script(const struct script *script, FILE *out)
{
    const struct bo_flash_geometry *g = &script->part.geometry;
    fprintf(out, "chip %s %s %u %u %u %u %u %u %u %u %llu\n", script->part.name, script->base.name,
            g->sector_count, g->sector_size, g->page_size, (unsigned)g->unit,
            (unsigned)g->read_unit, (unsigned)g->erased, (unsigned)g->programs_per_unit,
            (unsigned)g->tear_scope, (unsigned long long)script->part.endurance.value);
    fprintf(out, "engine %s", script->engine);
    for (uint32_t i = 0; i < script->option_count; i++) {
        const struct script_option *option = &script->options[i];
        fprintf(out, " %s=", option->name);
        if (option->word[0]) fputs(option->word, out);
        if (!option->word[0]) fprintf(out, "%llu", (unsigned long long)option->value);
    }
    fprintf(out, "\n%s %llu %llu %u %u %llx '%s'", script->name, (unsigned long long)script->seed,
            (unsigned long long)script->every_ns, script->faults, script->depth,
            (unsigned long long)script->trace,
            script->found.clause ? clause_name(script->found.clause) : "");
    list_hex(out, script->found.text, strlen(script->found.text));
    if (script->image) list_value(out, script->image);
    fputc('\n', out);
    for (uint32_t i = 0; i < script->op_count; i++) {
        const struct op *op = &script->ops[i];
        char tear[FAULT_TEXT_MAX] = "-";
        if (op->cut.nth != 0) fault_print(&op->cut.tear, tear);
        list_name(op->kind, out);
        list_value(out, op_has_key(op->kind) ? script->keys[op->key] : NULL);
        list_value(out, op->value);
        fprintf(out, " %u %llu %u %s %u", op->count, (unsigned long long)op->seed, op->cut.nth,
                tear, op->snapshot);
        if (op->kind == OP_SCAN) list_value(out, script->keys[op->to]);
        fputc('\n', out);
    }
}

/* Does what is asked; false with *error set when the text is no scenario. */
static bool serve(char request, const char *text, size_t size, FILE *out,
                  struct scenario_error *error)
{
    struct scenario *scenario = scenario_parse("served.scn", text, size, error);
    if (!scenario) return false;
    struct script *script = NULL;
    if (request == 'p') {
        scenario_print(scenario, out);
    } else {
        script = scenario_expand(scenario, error);
    }
    scenario_free(scenario);
    if (script && request == 'x') list_script(script, out);
    if (script && request == 's') scenario_print_script(script, out);
    if (script && request == 'n') fprintf(out, "%u", script->op_count);
    bool good = request == 'p' || script;
    script_free(script);
    return good;
}

static void answer(uint8_t status, const char *text, size_t size)
{
    uint8_t header[5] = {status};
    for (unsigned i = 0; i < 4; i++) {
        header[1 + i] = (uint8_t)(size >> (8 * i));
    }
    (void)fwrite(header, 1, sizeof header, stdout);
    (void)fwrite(text, 1, size, stdout);
    (void)fflush(stdout);
}

/* One request; its text is in a block of its exact size, so that a read past its end is noticed. */
static void serve_one(char request, size_t size)
{
    char *text = malloc(size != 0 ? size : 1), *reply = NULL;
    size_t reply_size;
    FILE *out = open_memstream(&reply, &reply_size);
    struct scenario_error error = {0};
    if (!text || !out || fread(text, 1, size, stdin) != size) exit(3);
    bool good = serve(request, text, size, out, &error);
    if (!good) fprintf(out, "%u: %s", error.line, error.reason);
    (void)fclose(out);
    answer(good ? 0 : 1, reply, reply_size);
    free(reply);
    free(text);
}

static void serve_all(void)
{
    uint8_t head[5];
    while (fread(head, 1, sizeof head, stdin) == sizeof head) {
        serve_one((char)head[0], (size_t)head[1] | (size_t)head[2] << 8 | (size_t)head[3] << 16 |
                                     (size_t)head[4] << 24);
    }
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--serve") == 0) {
        serve_all();
        return 0;
    }
    const struct part *part = part_at(0);
    test_digests();
    test_expansion_is_the_same_everywhere();
    test_each_key_is_kept_once(part);
    test_copies_stand_alone(part);
    test_every_operation_has_a_name();
    return failures != 0;
}
