/* What the commands that work for long share: progress, the database, and how they end. */
#define _POSIX_C_SOURCE 200809L
#include <assert.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <unistd.h>

#include "fuzz/command/command.h"
#include "fuzz/explore/worker.h"

/* Seconds between two lines of a log. */
#define LOG_PAUSE 10

void command_catch_signals(void)
{
    signal(SIGINT, worker_stop);
    signal(SIGTERM, worker_stop);
}

void command_start_progress(struct command_progress *progress)
{
    double now = worker_now();
    *progress = (struct command_progress){.start = now, .printed = now, .terminal = isatty(2) == 1};
    command_catch_signals();
}

void command_print_progress(struct command_progress *progress, const char *format, ...)
{
    double now = worker_now();
    if (!progress->terminal && now - progress->printed < LOG_PAUSE) return;
    progress->printed = now;
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, progress->terminal ? "\r  " : "  ");
    vfprintf(stderr, format, arguments);
    fprintf(stderr, ", %.0f s%s", now - progress->start, progress->terminal ? "   " : "\n");
    va_end(arguments);
    fflush(stderr);
}

double command_end_progress(const struct command_progress *progress)
{
    assert(progress->start > 0 && progress->printed >= progress->start && "it has begun");
    if (progress->terminal && progress->printed > progress->start) fprintf(stderr, "\r%78s\r", "");
    return worker_now() - progress->start;
}

int command_blame_db(enum db_status status, const struct db_error *error)
{
    assert(status != DB_OK && "something is wrong");
    command_fail("%s", error->text);
    return status == DB_REFUSED ? COMMAND_USAGE : COMMAND_FAILED;
}

int command_open_db(const struct command_options *options, const struct db_run *run, struct db **db)
{
    enum db_status status = DB_OK;
    struct db_error error;
    *db = NULL;
    if (!options->db) return COMMAND_CLEAN;
    *db = db_open(options->db, &status, &error);
    if (*db && run) status = db_begin_run(*db, run, &error);
    assert((*db || status != DB_OK) && "what failed says how");
    if (status == DB_OK) return COMMAND_CLEAN;
    db_close(*db);
    *db = NULL;
    return command_blame_db(status, &error);
}

int command_end(const struct command_options *options, int code, const struct command_work *work)
{
    if (code != COMMAND_CLEAN) return code;
    if (work->found) return COMMAND_DIVERGED;
    if (work->unreproduced) return COMMAND_FAILED;
    if (worker_stopped()) return COMMAND_INTERRUPTED;
    if (!work->judged || (options->complete && work->stopped)) return COMMAND_NOT_JUDGED;
    return COMMAND_CLEAN;
}

void command_print_stop(const struct command_options *options, enum result_stop stop,
                        char why[COMMAND_WHY_MAX])
{
    assert(stop != RESULT_MAX || options->explore.divergences_max);
    assert(stop != RESULT_TIME || options->seconds > 0);
    switch (stop) {
    case RESULT_MAX:
        snprintf(why, COMMAND_WHY_MAX, "stopped by --max %" PRIu32 ": ",
                 options->explore.divergences_max);
        break;
    case RESULT_TIME:
        snprintf(why, COMMAND_WHY_MAX, "stopped by --seconds %g: ", options->seconds);
        break;
    case RESULT_ASKED:
        snprintf(why, COMMAND_WHY_MAX, "interrupted: ");
        break;
    case RESULT_LOST:
        snprintf(why, COMMAND_WHY_MAX, "stopped by crashes and hangs of the engine: ");
        break;
    }
}

void command_print_waived(const struct waivers *waivers, uint64_t count)
{
    char text[WAIVER_TEXT_MAX];
    waiver_print(waivers, text);
    assert((text[0] || count == 0) && "only what has a waiver is waived");
    if (text[0]) printf("  waived: %s; %" PRIu64 " divergences are not reported\n", text, count);
}

void command_print_missed(uint32_t count, const char *indent)
{
    if (count)
        printf("%swarning: %" PRIu32
               " of the cuts did not take place: their operations now make fewer "
               "programs and erases\n",
               indent, count);
}

void command_print_verdict(const struct command_work *work)
{
    const char *why = work->stopped ? work->why : "", *then = work->stopped ? "; " : "";
    if (work->found) {
        printf("  %" PRIu32 " kind%s of divergence%s%s\n", work->found, work->found == 1 ? "" : "s",
               then, why);
        if (work->unreproduced)
            printf("  %" PRIu32 " more did not replay, a fault of the harness\n",
                   work->unreproduced);
    } else if (work->unreproduced) {
        printf("  NO VERDICT: what was found did not replay\n");
    } else if (!work->judged && work->empty) {
        printf("  NOTHING WAS JUDGED: the engine took no value, so all that was met is an empty "
               "store%s%s\n",
               then, why);
    } else if (!work->judged) {
        printf("  NOTHING WAS JUDGED: no crash state was reached%s%s\n", then, why);
    } else if (work->stopped) {
        printf("  no divergence in the part that was judged; %s\n", why);
    } else {
        printf("  no divergence\n");
    }
}
