/* waiver.c - see waiver.h. A waiver is a bit: of a clause, or of one of the chip's rules that has a
 * name of its own, written "lawful/NAME". */
#include "fuzz/script/waiver.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "sim/chip.h"

#define RULE_PREFIX "lawful/"

static const enum chip_rule rules[] = {CHIP_RULE_SET_BIT, CHIP_RULE_REPROGRAM, CHIP_RULE_UNPROVEN};
#define RULE_COUNT (sizeof rules / sizeof *rules)

static bool is_name(const char *text, size_t size, const char *name)
{
    return strlen(name) == size && memcmp(text, name, size) == 0;
}

static bool parse_rule(const char *text, size_t size, struct waivers *waivers)
{
    for (size_t i = 0; i < RULE_COUNT; i++) {
        if (!is_name(text, size, chip_rule_name(rules[i]))) continue;
        waivers->rules |= 1u << rules[i];
        return true;
    }
    return false;
}

static bool parse_one(const char *text, size_t size, struct waivers *waivers)
{
    size_t prefix = strlen(RULE_PREFIX);
    if (size > prefix && memcmp(text, RULE_PREFIX, prefix) == 0)
        return parse_rule(text + prefix, size - prefix, waivers);
    for (int clause = CLAUSE_DURABLE; clause < CLAUSE_SCENARIO; clause++) {
        if (!is_name(text, size, clause_name((enum clause)clause))) continue;
        waivers->clauses |= 1u << clause;
        return true;
    }
    return false;
}

bool waiver_parse(const char *text, struct waivers *waivers)
{
    struct waivers parsed = *waivers;
    for (;;) {
        size_t size = strcspn(text, ",");
        if (!parse_one(text, size, &parsed)) return false;
        if (!text[size]) break;
        text += size + 1;
    }
    *waivers = parsed;
    return true;
}

static void add(char text[WAIVER_TEXT_MAX], const char *prefix, const char *name)
{
    size_t used = strlen(text);
    assert(used + 1 + strlen(prefix) + strlen(name) < WAIVER_TEXT_MAX);
    snprintf(text + used, WAIVER_TEXT_MAX - used, "%s%s%s", used ? "," : "", prefix, name);
}

bool waiver_covers(const struct waivers *waivers, enum clause clause)
{
    assert(clause < CLAUSES);
    return waivers->clauses >> clause & 1u;
}

void waiver_print(const struct waivers *waivers, char text[WAIVER_TEXT_MAX])
{
    text[0] = '\0';
    for (int clause = CLAUSE_DURABLE; clause < CLAUSE_SCENARIO; clause++) {
        if (waivers->clauses & 1u << clause) add(text, "", clause_name((enum clause)clause));
    }
    for (size_t i = 0; i < RULE_COUNT; i++) {
        if (waivers->rules & 1u << rules[i]) add(text, RULE_PREFIX, chip_rule_name(rules[i]));
    }
}
