/* vary_test.c - every kind of change is listed where there is something to change, makes a script
 * that can be printed and read, and leaves the one that it was made of.
 */
#define _POSIX_C_SOURCE 200809L
#include "fuzz/explore/vary.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/rig/load.h"
#include "fuzz/script/scenario.h"

static struct script *script;

static void append(enum op_kind kind, const char *key, uint32_t size, uint32_t nth)
{
    struct op op = {.kind = kind, .cut = {.nth = nth}};
    if (op_has_key(kind)) op.key = script_key(script, key, (uint32_t)strlen(key));
    if (op_puts(kind)) op.value = vary_plain(script, size, 0);
    script_append(script, &op);
}

/* Some of everything. Places are of another kind of engine, which does not matter here. */
static void make_script(void)
{
    struct loaded loaded;
    char reason[LOAD_REASON_MAX];
    bool found = load_bare("generic sectors=4 sector=256", "canary", 1024, &loaded, reason);
    assert(found);
    script = loaded.script;
    append(OP_STORE, "a", 9, 0);
    append(OP_BEGIN, NULL, 0, 0);
    append(OP_STORE, "b", 7, 0);
    append(OP_REMOVE, "a", 0, 0);
    append(OP_COMMIT, NULL, 0, 2);
    append(OP_LOOK, NULL, 0, 0);
    script_append(script, &(struct op){.kind = OP_ROT, .count = 1, .seed = 1000});
    script_append(script, &(struct op){.kind = OP_POP, .count = 3});
}

static int missed;

static void expect(bool fine, const char *what, enum vary_what kind)
{
    if (fine) return;
    printf("%s, of kind %d\n", what, (int)kind);
    missed++;
}

static char *text_of(const struct script *of)
{
    char *text;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    scenario_print_script(of, out);
    fclose(out);
    return text;
}

/* Each change is one, and the script is as it was. */
static void test_each(const struct variation *list, uint32_t count)
{
    char *before = text_of(script);
    for (uint32_t i = 0; i < count; i++) {
        struct script *other = vary(script, &list[i]);
        char *text = text_of(other), *after = text_of(script);
        bool flat = list[i].what == VARY_FLAT;
        expect(other->op_count + (flat ? 2 : 0) == script->op_count, "another length",
               list[i].what);
        expect(strcmp(before, text) != 0, "nothing changed", list[i].what);
        expect(strcmp(before, after) == 0, "its own script changed", list[i].what);
        free(text);
        free(after);
        script_free(other);
    }
    free(before);
}

static void test_kinds(const struct variation *list, uint32_t count)
{
    uint32_t of_kind[VARY_WHATS] = {0};
    for (uint32_t i = 0; i < count; i++)
        of_kind[list[i].what]++;
    for (int what = 0; what < VARY_WHATS; what++)
        expect(of_kind[what] != 0, "none is listed", (enum vary_what)what);
}

/* The cut of a commit moves to the last change. */
static void test_flat(void)
{
    struct script *flat = vary(script, &(struct variation){.what = VARY_FLAT, .op = 1});
    expect(flat->ops[1].kind == OP_STORE && flat->ops[2].kind == OP_REMOVE &&
               flat->ops[2].cut.nth == 1 && flat->ops[3].kind == OP_LOOK,
           "a transaction is not its changes", VARY_FLAT);
    script_free(flat);
}

static void test_random(void)
{
    for (uint64_t seed = 0; seed < 200; seed++) {
        uint64_t one = seed, same = seed;
        struct script *first = vary_at_random(script, &one),
                      *second = vary_at_random(script, &same);
        char *text = text_of(first), *again = text_of(second);
        expect(strcmp(text, again) == 0 && one == same, "a seed gives two scripts", VARY_WHATS);
        free(text);
        free(again);
        script_free(first);
        script_free(second);
    }
}

int main(void)
{
    struct variation *list;
    make_script();
    uint32_t count = vary_list(script, &list);
    test_kinds(list, count);
    test_each(list, count);
    test_flat();
    test_random();
    free(list);
    script_free(script);
    return missed != 0;
}
