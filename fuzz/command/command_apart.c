/* Engines that end the process in which they run.
 *
 * What a subcommand does once with an engine it does in a process of its own, so that the command
 * ends by itself and with a verdict, whatever the engine does. A plug-in may end a process before
 * it is asked for anything: its constructors run as it is loaded, and then it names its engines. So
 * it is loaded twice, and only the second time by the command itself.
 */
#include "fuzz/command/command.h"
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

int command_rehearse(const struct command_options *options, const char *plugin)
{
    char path[COMMAND_PATH_MAX];
    snprintf(path, sizeof path, "%s", plugin);
    const struct settle_options settling = command_settling(options);
    struct apart_end end = apart_do(load, path, &settling.limits, NULL);
    if (end.finding.clause == CLAUSE_NONE) return COMMAND_CLEAN;
    return command_refuse("%s: can't be loaded: %s", plugin, end.finding.text);
}
