/* settings.c - see settings.h.
 *
 * An engine has a table of options; each has a range and a default, and some have a word for each
 * number of the range. The values start at the defaults. Each option of the script then replaces
 * one, by name. At last the engine itself is asked whether it takes chip and values together.
 */
#include "fuzz/script/settings.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "fuzz/script/ask.h"

static int option_index(const struct adapter *adapter, const char *name)
{
    if (!adapter->options) return -1;
    for (int i = 0; i < (int)ADAPTER_VALUES_MAX && adapter->options[i].name; i++) {
        if (strcmp(adapter->options[i].name, name) == 0) return i;
    }
    return -1;
}

static int word_index(const struct adapter_option *option, const char *word)
{
    for (int i = 0; option->words && (uint64_t)i <= option->max - option->min; i++) {
        if (strcmp(option->words[i], word) == 0) return i;
    }
    return -1;
}

void settings_defaults(const struct adapter *adapter, struct adapter_settings *settings)
{
    *settings = (struct adapter_settings){{0}};
    if (!adapter->options) return;
    for (int i = 0; i < (int)ADAPTER_VALUES_MAX && adapter->options[i].name; i++)
        settings->values[i] = adapter->options[i].value;
}

/* The number that one option is given; false and a reason when it is out of range. */
static bool choose(const struct adapter *adapter, const struct adapter_option *option,
                   const struct script_option *given, uint64_t *value,
                   char reason[SETTINGS_REASON_MAX])
{
    int word = given->word[0] ? word_index(option, given->word) : 0;
    assert(option->min <= option->max);
    *value = given->word[0] ? option->min + (uint64_t)word : given->value;
    if (word < 0)
        snprintf(reason, SETTINGS_REASON_MAX,
                 "option %s of engine %s cannot be '%s'; see `brownout list engines --long`",
                 option->name, adapter->name, given->word);
    else if (*value < option->min || *value > option->max)
        snprintf(reason, SETTINGS_REASON_MAX,
                 "option %s of engine %s must be from %" PRIu64 " to %" PRIu64 ", not %" PRIu64,
                 option->name, adapter->name, option->min, option->max, *value);
    else
        return true;
    return false;
}

static bool choose_all(const struct adapter *adapter, const struct script *script,
                       struct adapter_settings *settings, char reason[SETTINGS_REASON_MAX])
{
    for (uint32_t i = 0; i < script->option_count; i++) {
        const struct script_option *given = &script->options[i];
        int index = option_index(adapter, given->name);
        if (index < 0 && strcmp(adapter->name, script->engine) != 0) continue;
        if (index < 0) {
            snprintf(reason, SETTINGS_REASON_MAX,
                     "engine %s has no option '%s'; see `brownout list engines --long`",
                     adapter->name, given->name);
            return false;
        }
        if (!choose(adapter, &adapter->options[index], given, &settings->values[index], reason))
            return false;
    }
    return true;
}

bool settings_resolve(const struct adapter *adapter, const struct script *script,
                      struct adapter_settings *settings, char reason[SETTINGS_REASON_MAX])
{
    settings_defaults(adapter, settings);
    if (!choose_all(adapter, script, settings, reason)) return false;
    const char *why = ask_refuses(adapter, &script->part.geometry, settings);
    if (why) snprintf(reason, SETTINGS_REASON_MAX, "engine %s: %s", adapter->name, why);
    return !why;
}

uint32_t settings_claims(const struct adapter *adapter, const struct part *part,
                         const struct adapter_settings *settings)
{
    const char *claims = ask_claims(adapter, &part->geometry, settings);
    return claims ? fault_parse_classes(claims) : 0;
}

/* Elsewhere: on a part without limits, with no option given. */
uint32_t settings_claims_elsewhere(const struct adapter *adapter, const struct part *part,
                                   const struct adapter_settings *settings)
{
    struct adapter_settings defaults;
    settings_defaults(adapter, &defaults);
    return settings_claims(adapter, part_find("generic"), &defaults) &
           ~settings_claims(adapter, part, settings);
}

void settings_name(struct script *script, const struct adapter *adapter,
                   const struct adapter_settings *settings)
{
    strncpy(script->engine, adapter->name, sizeof script->engine - 1);
    script->option_count = 0;
    for (uint32_t i = 0; adapter->options && adapter->options[i].name; i++) {
        const struct adapter_option *option = &adapter->options[i];
        if (settings->values[i] == option->value) continue;
        assert(script->option_count < SCRIPT_OPTIONS_MAX);
        struct script_option *chosen = &script->options[script->option_count++];
        *chosen = (struct script_option){.value = settings->values[i]};
        strncpy(chosen->name, option->name, sizeof chosen->name - 1);
        if (option->words)
            strncpy(chosen->word, option->words[chosen->value - option->min],
                    sizeof chosen->word - 1);
    }
}

/* As a scenario spells it. */
static void print_option(FILE *out, const struct adapter_option *option, uint64_t value)
{
    assert(value >= option->min && value <= option->max);
    if (option->words)
        fprintf(out, " %s=%s", option->name, option->words[value - option->min]);
    else
        fprintf(out, " %s=%" PRIu64, option->name, value);
}

void settings_print(FILE *out, const struct adapter *adapter,
                    const struct adapter_settings *settings)
{
    fprintf(out, "%s", adapter->name);
    for (uint32_t i = 0; adapter->options && adapter->options[i].name; i++) {
        if (settings->values[i] == adapter->options[i].value) continue;
        print_option(out, &adapter->options[i], settings->values[i]);
    }
}
