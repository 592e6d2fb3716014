/* Any text is a scenario or is refused with a reason; a scenario prints as what it was read from.
 *
 * The tree prints back to itself; the script that it makes prints as a scenario of the same script.
 */
#define _GNU_SOURCE
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/script/scenario.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

struct text {
    char *bytes;
    size_t size;
};

static struct text printed(void print(const void *it, FILE *out), const void *it)
{
    struct text text;
    FILE *out = open_memstream(&text.bytes, &text.size);
    if (!out) exit(3);
    print(it, out);
    fclose(out);
    return text;
}

static void print_tree(const void *it, FILE *out)
{
    scenario_print(it, out);
}

static void print_script(const void *it, FILE *out)
{
    scenario_print_script(it, out);
}

static void must_be_equal(struct text expected, struct text came, const char *what)
{
    if (expected.size != came.size || memcmp(expected.bytes, came.bytes, came.size) != 0) {
        fprintf(stderr, "DIVERGENCE, the %s prints as\n%s\nand, read again, as\n%s\n", what,
                expected.bytes, came.bytes);
        abort();
    }
    free(expected.bytes);
    free(came.bytes);
}

/* Each mistake has its reason. */
static struct scenario *parse(const char *text, size_t size)
{
    struct scenario_error error = {0};
    struct scenario *scenario = scenario_parse("fuzz.scn", text, size, &error);
    assert(scenario || error.reason[0]);
    return scenario;
}

static void try_tree(const struct scenario *scenario)
{
    struct text text = printed(print_tree, scenario);
    struct scenario *again = parse(text.bytes, text.size);
    assert(again && "what is printed can be parsed");
    must_be_equal(text, printed(print_tree, again), "tree");
    scenario_free(again);
}

static void try_script(const struct scenario *scenario)
{
    struct scenario_error error = {0};
    struct script *script = scenario_expand(scenario, &error);
    assert(script || error.reason[0]);
    if (!script) return;
    struct script *again = scenario_reread(script);
    must_be_equal(printed(print_script, script), printed(print_script, again), "script");
    script_free(again);
    script_free(script);
}

/* A line repeats what is in braces, and can ask for 2^24 operations or for values of any size. With
 * one loop, and numbers of few digits, a text is quick to expand. */
static bool is_small(const char *text, size_t size)
{
    uint32_t digits = 0, loops = 0;
    for (size_t i = 0; i < size; i++) {
        bool digit = text[i] >= '0' && text[i] <= '9';
        digits = digit ? digits + 1 : 0;
        loops += text[i] == '{';
        if (digits > (loops ? 2 : 4)) return false;
    }
    return loops <= 1 && size <= 2000;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    const char *text = size ? (const char *)bytes : "";
    struct scenario *scenario = parse(text, size);
    if (!scenario) return 0;
    try_tree(scenario);
    if (is_small(text, size)) try_script(scenario);
    scenario_free(scenario);
    return 0;
}
