/* The subcommand campaign: everything, for a time (reports/campaign.py).
 *
 * The campaign itself is Python, as it starts other commands, reads their results and writes
 * reports. Here its folder is found and Python takes over this process, so that signals and the
 * exit code are the campaign's own.
 */
#define _GNU_SOURCE
#include <assert.h>
#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fuzz/command/command.h"

#define ARGUMENTS_MAX 256
#define SCRIPT "reports/campaign.py"

static bool has_campaign(const char *folder, char script[PATH_MAX])
{
    int size = snprintf(script, PATH_MAX, "%s/" SCRIPT, folder);
    return size > 0 && size < PATH_MAX && access(script, R_OK) == 0;
}

/* The folder with reports/ and scenarios/: BROWNOUT_HOME, else share/brownout beside the folder of
 * an installed command, else the checkout above the folder of the build. */
static bool find_campaign(char program[PATH_MAX], char script[PATH_MAX])
{
    static const char *const places[] = {"../share/brownout", "..", "../.."};
    char folder[PATH_MAX], place[PATH_MAX];
    const char *home = getenv("BROWNOUT_HOME");
    ssize_t size = readlink("/proc/self/exe", program, PATH_MAX - 1);
    program[size > 0 ? size : 0] = 0;
    if (home && home[0]) return has_campaign(home, script);
    memcpy(folder, program, PATH_MAX);
    const char *beside = dirname(folder);
    for (size_t i = 0; size > 0 && i < sizeof places / sizeof *places; i++) {
        int used = snprintf(place, sizeof place, "%s/%s", beside, places[i]);
        if (used < (int)sizeof place && has_campaign(place, script)) return true;
    }
    return false;
}

int command_campaign(int argc, char **argv)
{
    char program[PATH_MAX], script[PATH_MAX];
    const char *python = getenv("PYTHON");
    const char *words[ARGUMENTS_MAX + 8] = {python && python[0] ? python : "python3", "-B"};
    int count = 2;
    assert(argc >= 1);
    if (argc > ARGUMENTS_MAX) return command_refuse("at most %d arguments", ARGUMENTS_MAX);
    if (!find_campaign(program, script))
        return command_refuse("no " SCRIPT " beside this command; set BROWNOUT_HOME to the folder "
                              "of Brownout that has reports/ and scenarios/");
    words[count++] = script;
    words[count++] = "--brownout";
    words[count++] = program;
    for (int i = 1; i < argc; i++)
        words[count++] = argv[i];
    execvp(words[0], (char *const *)words);
    return command_fail("%s: %s; a campaign needs Python 3.9 or later", words[0], strerror(errno));
}
