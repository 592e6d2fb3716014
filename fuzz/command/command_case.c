/* Cases as files: writing one under the name that its text gives it, and printing how to replay it.
 *
 * The name is a digest of the text, so equal cases are one file wherever and whenever they are
 * found.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fuzz/command/command.h"
#include "fuzz/db/db.h"

int command_ready_artefacts(const struct command_options *options)
{
    if (mkdir(options->artefacts, 0777) && errno != EEXIST)
        return command_refuse("%s: %s", options->artefacts, strerror(errno));
    struct stat status;
    if (stat(options->artefacts, &status) == 0 && !S_ISDIR(status.st_mode))
        errno = ENOTDIR;
    else if (access(options->artefacts, W_OK | X_OK) == 0)
        return COMMAND_CLEAN;
    return command_refuse("%s: %s", options->artefacts, strerror(errno));
}

int command_write_artefact(const struct command_options *options, const char *name,
                           const void *bytes, size_t size, char path[COMMAND_PATH_MAX])
{
    bool here = strcmp(options->artefacts, ".") == 0;
    int length = snprintf(path, COMMAND_PATH_MAX, "%s%s%s", here ? "" : options->artefacts,
                          here ? "" : "/", name);
    if (length >= COMMAND_PATH_MAX)
        return command_refuse("the name of the --artefacts folder is too long");
    struct output output;
    if (output_open(&output, path) &&
        output_close(&output, fwrite(bytes, 1, size, output.file) == size))
        return COMMAND_CLEAN;
    return command_refuse("%s: %s", path, strerror(errno));
}

int command_write_case(const struct command_options *options, const struct script *script,
                       char path[COMMAND_PATH_MAX])
{
    struct db_case it;
    db_case_print(&it, script);
    int code = command_write_artefact(options, it.artefact, it.text, it.size, path);
    db_case_free(&it);
    return code;
}

void command_print_replay(const struct command_options *options, const char *how, const char *path)
{
    printf("    replay with: brownout %s %s%s%s\n", how, path, options->plugin ? " --plugin " : "",
           options->plugin ? options->plugin : "");
}

/* What differs between two findings whose texts are the same. */
static void print_cuts(const struct script *script)
{
    for (uint32_t i = 0; i < script->op_count; i++) {
        char tear[FAULT_TEXT_MAX];
        const struct op *op = &script->ops[i];
        if (!op->cut.nth) continue;
        fault_print(&op->cut.tear, tear);
        printf("    cut in %s, flash call %" PRIu32 ": %s\n", op_name(op->kind), op->cut.nth, tear);
    }
}

int command_print_divergence(const struct command_options *options,
                             const struct divergence *divergence)
{
    char path[COMMAND_PATH_MAX];
    printf("\n  DIVERGENCE, clause %s, in %" PRIu64 " crash states\n    %s\n",
           clause_name(divergence->clause), divergence->count, divergence->script->finding);
    print_cuts(divergence->script);
    int code = command_write_case(options, divergence->script, path);
    if (code == COMMAND_CLEAN) command_print_replay(options, "replay", path);
    return code;
}
