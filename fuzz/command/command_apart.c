/* Engines that end the process in which they run.
 *
 * What a subcommand does once with an engine it does in a process of its own, so that the command
 * ends by itself and with a verdict, whatever the engine does. A plug-in may end a process before
 * it is asked for anything: its constructors run as it is loaded, and then it names its engines. It
 * is asked what an engine claims and whether it takes chip and options. So it is loaded and asked
 * twice, and only the second time by the command itself. What else it is asked about itself is
 * asked where it works.
 */
#include "fuzz/command/command.h"

#include <assert.h>

#include "fuzz/rig/engines.h"
#include "fuzz/script/ask.h"
#include "fuzz/script/settings.h"
#include "sim/pulse.h"

struct work {
    apart_work *work;
    void *context;
};

/* What can't be written (a full disk) is found in the process that prints it. */
static int work_and_flush(void *context)
{
    const struct work *it = context;
    int code = it->work(it->context);
    return command_flush() ? code : COMMAND_FAILED;
}

int command_apart(const struct command_options *options, const char *engine, apart_work *work,
                  void *context)
{
    struct work it = {work, context};
    struct apart_end end = apart_do(work_and_flush, &it, &options->limits, stderr);
    if (end.finding.clause == CLAUSE_NONE) return end.code;
    printf("DIVERGENCE of %s in %s, clause %s: %s\n", engine, adapter_call_name(end.finding.call),
           clause_name(end.finding.clause), end.finding.text);
    return COMMAND_DIVERGED;
}

/* --- loading --- */

static int load(void *context)
{
    char reason[LOAD_REASON_MAX];
    pulse_go(PULSE_ENGINE);
    load_plugin(context, reason);
    pulse_go(PULSE_HARNESS);
    return COMMAND_CLEAN;
}

/* Whether the engine leaves alone the process in which that is done. */
static bool lives(const struct command_options *options, apart_work *work, void *context,
                  struct finding *finding)
{
    const struct settle_options settling = command_settling(options);
    *finding = apart_do(work, context, &settling.limits, NULL).finding;
    return finding->clause == CLAUSE_NONE;
}

int command_rehearse(const struct command_options *options, const char *plugin)
{
    struct finding finding;
    char path[COMMAND_PATH_MAX];
    snprintf(path, sizeof path, "%s", plugin);
    if (lives(options, load, path, &finding)) return COMMAND_CLEAN;
    return command_refuse("%s: can't be loaded: %s", plugin, finding.text);
}

/* --- asking --- */

struct question {
    const struct adapter *adapter;
    const struct script *script;
};

static int ask(void *context)
{
    const struct question *it = context;
    char reason[SETTINGS_REASON_MAX];
    struct adapter_settings settings;
    settings_defaults(it->adapter, &settings);
    ask_claims(it->adapter, &part_find("generic")->geometry, &settings);
    if (it->script && settings_resolve(it->adapter, it->script, &settings, reason))
        ask_claims(it->adapter, &it->script->part.geometry, &settings);
    return COMMAND_CLEAN;
}

bool command_ask(const struct command_options *options, const struct adapter *adapter,
                 const struct script *script, char reason[COMMAND_ASK_MAX])
{
    struct finding finding;
    struct question question = {adapter, script};
    assert(adapter && reason);
    if (!engines_file(adapter) || lives(options, ask, &question, &finding)) return true;
    snprintf(reason, COMMAND_ASK_MAX, "engine %s, asked what it takes: %s", adapter->name,
             finding.text);
    return false;
}
