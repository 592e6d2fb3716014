/* load.c - from the words of a command line to a script, its engine and its settings.
 *
 * A plug-in is loaded first, so that the scenario may name it. What the command line says of the
 * engine goes into the script before its options are checked, and --chip and --engine are parsed as
 * the two lines of a scenario that they could be.
 */
#include "fuzz/rig/load.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "fuzz/adapters/pairs.h"
#include "fuzz/adapters/plugin.h"
#include "fuzz/rig/engines.h"
#include "fuzz/script/scenario.h"
#include "fuzz/script/settings.h"

/* Always false, for `return`. */
static bool __attribute__((format(printf, 2, 3)))
says(char reason[LOAD_REASON_MAX], const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(reason, LOAD_REASON_MAX, format, arguments);
    va_end(arguments);
    return false;
}

bool load_script(const char *path, struct script **script, char reason[LOAD_REASON_MAX])
{
    struct scenario_error error = {0};
    struct scenario *scenario = scenario_read(path, &error);
    *script = scenario ? scenario_expand(scenario, &error) : NULL;
    scenario_free(scenario);
    if (*script) return true;
    if (error.line) return says(reason, "%s:%u: %s", path, error.line, error.reason);
    return says(reason, "%s: %s", path, error.reason);
}

static bool is_loaded(const char *path)
{
    const struct adapter *plugin;
    for (size_t i = 0; (plugin = engines_plugin(i)); i++) {
        if (strcmp(engines_file(plugin), path) == 0) return true;
    }
    return false;
}

bool load_plugin(const char *path, char reason[LOAD_REASON_MAX])
{
    char why[PLUGIN_REASON_MAX];
    const struct adapter *held[PLUGIN_ENGINES_MAX];
    if (is_loaded(path)) return true;
    size_t count = plugin_load(engines_path(path), held, why);
    if (count == 0) return says(reason, "%s: %s", path, why);
    for (size_t i = 0; i < count; i++) {
        if (!engines_add(held[i], path))
            return says(reason,
                        "%s: its engine '%s' is in %s, too; name one of them, or the build of one: "
                        "--plugin old:%s",
                        path, held[i]->name, engines_file(engines_find(held[i]->name)),
                        engines_path(path));
    }
    return true;
}

/* What plugins make of an engine that the command line does not name: *engine stays NULL where
 * there are none, or where one of them has the name that the scenario has (`named`, or NULL). So it
 * does where that is the name of a pair: one engine alone would say nothing of the two. */
static bool choose_plugin(const char *named, const char **engine, char reason[LOAD_REASON_MAX])
{
    char names[256] = "";
    const struct adapter *plugin;
    size_t at = 0, count = 0;
    if (named && strchr(named, PAIRS_MARK)) return true;
    for (; (plugin = engines_plugin(count)); count++) {
        if (named && strcmp(plugin->name, named) == 0) return true;
        if (at < sizeof names)
            at += (size_t)snprintf(names + at, sizeof names - at, "%s%s", at ? ", " : "",
                                   plugin->name);
    }
    if (count > 1) return says(reason, "--engine is missing; the plug-ins hold %s", names);
    if (count == 1) *engine = engines_plugin(0)->name;
    return true;
}

/* The line of the script that names the engine, as "2:"; nothing where something else names it. */
#define LINE_MAX_SIZE 24
static const char *line_of(const char *engine, const struct script *script,
                           char line[LINE_MAX_SIZE])
{
    line[0] = 0;
    if (strcmp(engine, script->engine) == 0 && script->engine_line)
        snprintf(line, LINE_MAX_SIZE, "%" PRIu32 ":", script->engine_line);
    return line;
}

/* The engine of a script that is loaded; frees the script when there is none. */
static bool find_engine(const char *name, const char *path, struct loaded *loaded,
                        char reason[LOAD_REASON_MAX])
{
    char line[LINE_MAX_SIZE];
    loaded->adapter = engines_find(name);
    if (loaded->adapter) return true;
    says(reason, "%s:%s %s", path, line_of(name, loaded->script, line), engines_why(name));
    script_free(loaded->script);
    return false;
}

bool load_settings(const char *path, struct loaded *loaded, char reason[LOAD_REASON_MAX])
{
    char why[SETTINGS_REASON_MAX], line[LINE_MAX_SIZE];
    const struct script *script = loaded->script;
    if (settings_resolve(loaded->adapter, script, &loaded->settings, why)) return true;
    says(reason, "%s:%s %s", path, line_of(loaded->adapter->name, script, line), why);
    script_free(loaded->script);
    return false;
}

/* A script of nothing but a chip and an engine, both spelled as in a scenario. */
static bool parse_bare(const char *chip, const char *engine, struct script **script,
                       char reason[LOAD_REASON_MAX])
{
    char text[512];
    struct scenario_error error = {0};
    int size = snprintf(text, sizeof text, "chip %s\nengine %s\n", chip, engine);
    if (size >= (int)sizeof text) return says(reason, "--chip and --engine are too long");
    struct scenario *scenario = scenario_parse("command line", text, (size_t)size, &error);
    *script = scenario ? scenario_expand(scenario, &error) : NULL;
    scenario_free(scenario);
    if (*script) return true;
    return says(reason, "%s: %s", error.line == 2 ? "--engine" : "--chip", error.reason);
}

/* The engine of the command line instead of the scenario's; its options too, if it has any. */
static bool override_engine(const char *engine, struct script *script, char reason[LOAD_REASON_MAX])
{
    struct script *named;
    if (!parse_bare("generic", engine, &named, reason)) return false;
    if (named->option_count) {
        memcpy(script->engine, named->engine, sizeof script->engine);
        memcpy(script->options, named->options, sizeof script->options);
        script->option_count = named->option_count;
    }
    script_free(named);
    return true;
}

/* The engine of a script that is loaded: that of the command line, if there is one. */
static bool settle_engine(const char *path, const char *engine, struct loaded *loaded,
                          char reason[LOAD_REASON_MAX])
{
    char name[SCRIPT_NAME_MAX];
    bool fine = engine || choose_plugin(loaded->script->engine, &engine, reason);
    snprintf(name, sizeof name, "%s", engine ? engine : loaded->script->engine);
    name[strcspn(name, " \t")] = 0;
    if (!fine || (engine && !override_engine(engine, loaded->script, reason))) {
        script_free(loaded->script);
        return false;
    }
    return find_engine(name, path, loaded, reason);
}

bool load_scenario(const char *path, const char *engine, struct loaded *loaded,
                   char reason[LOAD_REASON_MAX])
{
    *loaded = (struct loaded){0};
    return load_script(path, &loaded->script, reason) &&
           settle_engine(path, engine, loaded, reason);
}

bool load_text(const char *name, const char *text, const char *engine, struct loaded *loaded,
               char reason[LOAD_REASON_MAX])
{
    struct scenario_error error = {0};
    struct scenario *scenario = scenario_parse(name, text, strlen(text), &error);
    *loaded = (struct loaded){.script = scenario ? scenario_expand(scenario, &error) : NULL};
    scenario_free(scenario);
    if (!loaded->script) return says(reason, "%s:%u: %s", name, error.line, error.reason);
    return settle_engine(name, engine, loaded, reason);
}

bool load_bare(const char *chip, const char *engine, uint64_t image_size, struct loaded *loaded,
               char reason[LOAD_REASON_MAX])
{
    *loaded = (struct loaded){0};
    if (!chip) chip = "generic";
    if (!engine && !choose_plugin(NULL, &engine, reason)) return false;
    if (!engine) return says(reason, "--engine is missing");
    if (!parse_bare(chip, engine, &loaded->script, reason)) return false;
    struct bo_flash_geometry *g = &loaded->script->part.geometry;
    if (!strstr(chip, "sectors=") && image_size)
        g->sector_count = (uint32_t)((image_size - 1) / g->sector_size + 1);
    return find_engine(loaded->script->engine, LOAD_BARE, loaded, reason);
}

bool load_engine(const char *engine, const struct adapter **adapter, struct script **given,
                 char reason[LOAD_REASON_MAX])
{
    if (!parse_bare("generic", engine, given, reason)) return false;
    *adapter = engines_find((*given)->engine);
    if (*adapter) return true;
    says(reason, "%s", engines_why((*given)->engine));
    script_free(*given);
    return false;
}
