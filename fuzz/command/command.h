/* command.h - what the subcommands of `brownout` share: options, loading, exit codes.
 *
 * A subcommand is a function of its options. What it prints on standard output is a function of its
 * input alone; progress, speeds and mistakes go to standard error.
 */
#ifndef BROWNOUT_COMMAND_H
#define BROWNOUT_COMMAND_H

#include <stdio.h>
#include "fuzz/adapter.h"
#include "fuzz/db/db.h"
#include "fuzz/explore/apart.h"
#include "fuzz/explore/explore.h"
#include "fuzz/explore/settle.h"
#include "fuzz/command/output.h"
#include "fuzz/rig/load.h"
#include "fuzz/script/script.h"

enum command_exit {
    COMMAND_CLEAN = 0,
    COMMAND_DIVERGED = 1,
    COMMAND_USAGE = 2,        /* bad usage or input: one line names file, line and reason */
    COMMAND_FAILED = 3,       /* the harness itself failed */
    COMMAND_NOT_JUDGED = 4,   /* nothing was judged; with --complete: not all that was asked */
    COMMAND_INTERRUPTED = 130 /* by Ctrl-C, before anything was found */
};

#define COMMAND_PLUGINS_MAX 16u
#define COMMAND_FILES_MAX 8

/* Options of all subcommands: the table that parses them and the one that explains them have as
 * many. */
#define COMMAND_OPTIONS 36

struct command_options {
    const char *files[COMMAND_FILES_MAX]; /* arguments that are no options */
    int file_count;
    const char *engine, *chip, *db, *campaign, *image, *artefacts;
    const char *plugins[COMMAND_PLUGINS_MAX];
    uint32_t plugin_count;
    struct explore_options explore;
    bool faults_given, depth_given, seed_given, time_given;
    bool faults_claimed; /* those that the engine claims on the part of the scenario */
    uint32_t left_out;   /* of explore.faults, as the engine does not claim them on this part */
    uint32_t jobs;
    uint64_t offset; /* of the flash in a dump */
    bool offset_given;
    double seconds;         /* to stop after; 0: never */
    uint64_t runs;          /* to do; 0: no limit */
    const char *engines;    /* of `wear` and `bench`: "a x=1, b" */
    uint64_t cuts, cuts_of; /* of `wear`: `cuts` of `cuts_of` operations lose power; 0: none */
    struct worker_limits limits;
    double shrink_seconds; /* of CPU time for one case */
    bool json, quiet, shrink;
    bool is_long;           /* all that there is to print, not what fits a screen */
    bool complete;          /* what was stopped before its end is no pass */
    struct waivers waivers; /* besides those of the scenario */
};

/* Parses argv; argv[0] is the subcommand's name. An option that the subcommand does not use is a
 * mistake, which is printed on standard error; then false is returned. */
bool command_parse(int argc, char **argv, struct command_options *options);

/* Whether a subcommand uses an option. */
bool command_uses(const char *command, const char *option);

/* What is printed for help: a subcommand with its options and the exit codes; the exit codes
 * alone; and which build this is. */
void command_print_help(const char *command, const char *takes, const char *text, FILE *out);
void command_print_exit_codes(FILE *out);
void command_print_version(FILE *out);

/* One line on standard error, "brownout: ...". Returns COMMAND_USAGE, for `return`. */
int command_refuse(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The same with COMMAND_FAILED. */
int command_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Refuses a line of a file; 0: the file as a whole. */
int command_refuse_at(const char *path, uint32_t line, const char *reason);

/* Makes the engines of the plugins known. COMMAND_CLEAN, or what to exit with, the reason
 * printed. */
int command_load_plugins(const struct command_options *options);

/* Loads the plugins if some are named, the file, and the engine. COMMAND_CLEAN, or what to exit
 * with, the reason printed. The caller frees loaded->script. */
int command_load(const struct command_options *options, const char *path, struct loaded *loaded);

/* The file alone, its engine not looked at. */
int command_load_script(const struct command_options *options, const char *path,
                        struct script **script);

/* The same without a file: chip and engine as a scenario spells them ("w25q128jv sectors=4",
 * "seqmap key=2"). Where the chip names no number of sectors, it has what `image_size` needs. */
int command_load_bare(const struct command_options *options, uint64_t image_size,
                      struct loaded *loaded);

/* Fault classes: from the command line, else from the script, else those of the script's part. */
void command_settle_faults(struct command_options *options, const struct script *script);

/* Faults as above; depth and seed: from the command line, else the script, else the defaults. */
void command_settle_explore(struct command_options *options, const struct script *script);

/* A line about classes that are tried though the engine does not claim them on this part, and one
 * about those that are left out for that; nothing where all is claimed. */
void command_print_claims(const struct loaded *loaded, uint32_t tried, uint32_t left_out);

/* The first of "a x=1, b", blanks around it gone; *list is what follows, NULL at the end.
 * COMMAND_CLEAN, or what to exit with, the reason printed. */
#define COMMAND_ENGINE_MAX 96
int command_next_engine(const char **list, char name[COMMAND_ENGINE_MAX]);

/* Makes the folder of --artefacts where there is none, so that what is found after hours has a
 * place to go. COMMAND_CLEAN, or what to exit with, the reason printed. */
int command_ready_artefacts(const struct command_options *options);

/* Writes a file beside the other artefacts, whole or not at all; `path` gets its name.
 * COMMAND_CLEAN, or what to exit with, the reason printed. */
#define COMMAND_PATH_MAX OUTPUT_PATH_MAX
int command_write_artefact(const struct command_options *options, const char *name,
                           const void *bytes, size_t size, char path[COMMAND_PATH_MAX]);

/* The same for a case, under the name that its text gives it. */
int command_write_case(const struct command_options *options, const struct script *script,
                       char path[COMMAND_PATH_MAX]);

/* Writes the case and prints its kind, what differs and how to replay it: three lines. */
int command_print_divergence(const struct command_options *options,
                             const struct divergence *divergence);

/* The same for what did not replay: a fault of the harness, printed on standard error. */
int command_print_unreproduced(const struct command_options *options,
                               const struct divergence *divergence);

/* How cases are run again and made smaller. */
struct settle_options command_settling(const struct command_options *options);
/* As it can be pasted, with the plugin that holds the engine. */
void command_print_replay(const char *path, const char *engine);

/* Flushes standard output. False, with a line printed, when it could not be written (a full disk).
 * */
bool command_flush(void);

/* --- engines that may end their process (command_apart.c) --- */

/* Does `work` in a process of its own (apart.h). What it returned, or COMMAND_DIVERGED when the
 * engine of that name ended the process, which is printed as a divergence. */
int command_apart(const struct command_options *options, const char *engine, apart_work *work,
                  void *context);

/* Loads a plug-in in a process of its own, for what it may do while it is loaded and asked for its
 * engines. COMMAND_CLEAN, or what to exit with, the reason printed; whatever else is wrong is for
 * the real loading to say. */
int command_rehearse(const struct command_options *options, const char *plugin);

/* Has an engine of a plug-in asked in a process of its own what the command itself asks it: what it
 * claims and, with a script, whether it takes part and options. False, with a line, when it ends
 * that process: then the command must not ask it. */
#define COMMAND_ASK_MAX 280
bool command_ask(const struct command_options *options, const struct adapter *adapter,
                 const struct script *script, char reason[COMMAND_ASK_MAX]);

/* --- commands that work for long (command_work.c) --- */

/* On a terminal one line that changes, in a log a line now and then; on standard error. */
struct command_progress {
    double start, printed;
    bool terminal;
};

/* From now on Ctrl-C and a polite kill ask the work to stop (worker_stopped()). */
void command_catch_signals(void);

/* The work begins, and may be asked to stop. */
void command_start_progress(struct command_progress *progress);
void command_print_progress(struct command_progress *progress, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Clears the line; the seconds since the start. */
double command_end_progress(const struct command_progress *progress);

/* Opens --db, if it is given, and begins the run unless it is NULL; *db is NULL otherwise.
 * COMMAND_CLEAN, or what to exit with, the reason printed. */
int command_open_db(const struct command_options *options, const struct db_run *run,
                    struct db **db);

/* Prints what is wrong with the database; what to exit with. */
int command_blame_db(enum db_status status, const struct db_error *error);

/* How long work ended. */
#define COMMAND_WHY_MAX 160
struct command_work {
    uint64_t judged;           /* crash states and images */
    uint64_t empty;            /* crash states that are no verdict, as nothing was put in */
    uint32_t found;            /* kinds of divergence */
    uint32_t unreproduced;     /* kinds that did not replay, besides */
    bool stopped;              /* before its end, */
    char why[COMMAND_WHY_MAX]; /* by what, and what was left */
};

/* "stopped by --max 5: ", for command_work.why. */
void command_print_stop(const struct command_options *options, enum result_stop stop,
                        char why[COMMAND_WHY_MAX]);

/* What to exit with, when the work has come to `code`. Nothing found is a pass only where something
 * was judged. */
int command_end(const struct command_options *options, int code, const struct command_work *work);

/* What was waived, and how often, in a line; nothing where nothing was. */
void command_print_waived(const struct waivers *waivers, uint64_t count);

/* Warns of the scenario's own cuts that did not take place. */
void command_print_missed(uint32_t count, const char *indent);

/* The verdict, in a line: what is printed first. */
void command_print_verdict(const struct command_work *work);

/* The subcommands; each returns an enum command_exit. */
int command_run(int argc, char **argv);
int command_explore(int argc, char **argv);
int command_replay(int argc, char **argv);
int command_shrink(int argc, char **argv);
int command_inspect(int argc, char **argv);
int command_print(int argc, char **argv);
int command_list(int argc, char **argv);
int command_bench(int argc, char **argv);
int command_fuzz(int argc, char **argv);
int command_decode(int argc, char **argv);
int command_wear(int argc, char **argv);
int command_campaign(int argc, char **argv);

#endif
