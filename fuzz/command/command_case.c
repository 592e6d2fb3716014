/* Cases as files: writing one under the name that its text gives it, and printing how to replay it.
 *
 * The name is a digest of the text, so equal cases are one file wherever and whenever they are
 * found.
 */
#define _GNU_SOURCE
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fuzz/command/command.h"
#include "fuzz/db/db.h"
#include "fuzz/rig/engines.h"
#include "fuzz/script/kind.h"
#include "fuzz/script/settings.h"

/* Seconds in one call, of a case that is run alone, after which it hangs. */
#define SILENCE_ALONE_MAX 5.0

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
    assert(name[0] && (bytes || size == 0));
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
    assert(script->found.clause != CLAUSE_NONE && "a case shows a divergence");
    db_case_print(&it, script);
    int code = command_write_artefact(options, it.artefact, it.text, it.size, path);
    db_case_free(&it);
    return code;
}

/* As a shell reads it back. */
static void print_word(const char *word)
{
    bool plain = *word && strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                       "0123456789_./+:@%=,-") == strlen(word);
    if (plain) {
        printf("%s", word);
        return;
    }
    putchar('\'');
    for (; *word; word++) {
        if (*word == '\'')
            printf("'\\''");
        else
            putchar(*word);
    }
    putchar('\'');
}

void command_print_replay(const char *path, const char *engine)
{
    const struct adapter *adapter = engines_find(engine), *part;
    const char *before = NULL;
    printf("    replay with: brownout replay ");
    print_word(path);
    for (unsigned n = 0; adapter && (part = engines_part(adapter, n)); n++) {
        const char *file = engines_file(part);
        if (!file || (before && strcmp(file, before) == 0)) continue;
        printf(" --plugin ");
        print_word(file);
        before = file;
    }
    putchar('\n');
}

struct settle_options command_settling(const struct command_options *options)
{
    struct worker_limits limits = options->limits;
    assert(limits.silence > 0 && limits.call > 0 && "a hang comes to an end");
    if (limits.silence > SILENCE_ALONE_MAX) limits.silence = SILENCE_ALONE_MAX;
    return (struct settle_options){
        .shrink = options->shrink, .shrink_seconds = options->shrink_seconds, .limits = limits};
}

void command_print_claims(const struct loaded *loaded, uint32_t tried, uint32_t left_out)
{
    char text[FAULT_CLASSES_TEXT_MAX];
    const char *name = loaded->adapter->name;
    assert((tried & left_out) == 0 && "a class is one of both");
    uint32_t claims = settings_claims(loaded->adapter, &loaded->script->part, &loaded->settings);
    fault_print_classes(tried & ~claims, text);
    if (tried & ~claims)
        printf("  tried, though %s does not claim to survive it on this part: %s\n", name, text);
    fault_print_classes(left_out, text);
    if (left_out)
        printf("  not tried, as %s claims to survive it on other parts only: %s\n", name, text);
}

int command_print_unreproduced(const struct command_options *options,
                               const struct divergence *divergence)
{
    struct db_case it;
    char path[COMMAND_PATH_MAX], name[DB_ARTEFACT_MAX], was[KIND_TEXT_MAX];
    char is[KIND_TEXT_MAX] = "no divergence";
    db_case_print(&it, divergence->script);
    const char *dash = strchr(it.artefact, '-');
    assert(dash && dash[1] && "divergence-<digest>.case");
    snprintf(name, sizeof name, "unreproduced-%s", dash + 1);
    int code = command_write_artefact(options, name, it.text, it.size, path);
    db_case_free(&it);
    if (code) return code;
    if (divergence->shown.clause != CLAUSE_NONE) kind_print(&divergence->shown, is);
    command_fail("%s does not replay, a fault of the harness; recorded: %s, %s; shows: %s, %s",
                 path, kind_print(&divergence->script->found, was), divergence->script->found.text,
                 is, divergence->shown.text);
    return COMMAND_CLEAN;
}

int command_print_divergence(const struct command_options *options,
                             const struct divergence *divergence)
{
    char path[COMMAND_PATH_MAX];
    char kind[KIND_TEXT_MAX];
    const struct finding *found = &divergence->script->found;
    assert(divergence->clause == found->clause && divergence->count > 0);
    const char *where = divergence->script->image ? "on" : "in";
    const char *what = divergence->script->image ? "images" : "crash states";
    printf("  DIVERGENCE, clause %s, %s %" PRIu64 " %s: %s\n    %s\n",
           clause_name(divergence->clause), where, divergence->count, what, kind_print(found, kind),
           found->text);
    int code = command_write_case(options, divergence->script, path);
    if (code == COMMAND_CLEAN) command_print_replay(path, divergence->script->engine);
    return code;
}
