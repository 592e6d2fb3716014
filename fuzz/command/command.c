/* command.c - see command.h.
 *
 * One table of long options serves all subcommands. Each option is checked as it is taken, and the
 * first mistake ends the command with one line: what the option takes, and what stood there.
 */
#define _GNU_SOURCE
#include "fuzz/command/command.h"

#include <assert.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fuzz/adapters/plugin.h"
#include "fuzz/rig/engines.h"
#include "fuzz/script/settings.h"
#include "fuzz/script/scenario.h"

/* Generous, for slow and sanitized builds. */
#define SILENCE_MAX 60.0
#define CALL_SECONDS_MAX 1.0
#define MEMORY_MIB_MAX 1024u

/* What making one case smaller may take. */
#define SHRINK_SECONDS_MAX 10.0

static void print_line(const char *format, va_list arguments)
{
    fflush(stdout);
    fprintf(stderr, "brownout: ");
    vfprintf(stderr, format, arguments);
    fprintf(stderr, "\n");
}

int command_refuse(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    print_line(format, arguments);
    va_end(arguments);
    return COMMAND_USAGE;
}

int command_refuse_at(const char *path, uint32_t line, const char *reason)
{
    assert(path && reason && reason[0] && "a refusal says why");
    if (line) return command_refuse("%s:%" PRIu32 ": %s", path, line, reason);
    return command_refuse("%s: %s", path, reason);
}

int command_fail(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    print_line(format, arguments);
    va_end(arguments);
    return COMMAND_FAILED;
}

bool command_flush(void)
{
    if (fflush(stdout) == 0 && !ferror(stdout)) return true;
    command_fail("standard output: %s", strerror(errno));
    return false;
}

/* --- options --- */

enum {
    OPTION_ENGINE = 256,
    OPTION_CHIP,
    OPTION_PLUGIN,
    OPTION_DB,
    OPTION_CAMPAIGN,
    OPTION_IMAGE,
    OPTION_ARTEFACTS,
    OPTION_FAULTS,
    OPTION_DEPTH,
    OPTION_REACH,
    OPTION_BITS,
    OPTION_MASKS,
    OPTION_PREFIXES,
    OPTION_SEED,
    OPTION_NO_USE,
    OPTION_NO_DEDUP,
    OPTION_ISOLATE,
    OPTION_SHARD,
    OPTION_JOBS,
    OPTION_SECONDS,
    OPTION_SILENCE,
    OPTION_CALL_SECONDS,
    OPTION_MEMORY,
    OPTION_MAX,
    OPTION_JSON,
    OPTION_QUIET,
    OPTION_NO_SHRINK,
    OPTION_TIME,
    OPTION_RUNS,
    OPTION_ENGINES,
    OPTION_CUTS,
    OPTION_WAIVE,
    OPTION_COMPLETE,
    OPTION_SHRINK_SECONDS,
    OPTION_OFFSET,
    OPTION_LONG,
    OPTION_END,
};

static const struct option long_options[] = {
    {"engine", required_argument, NULL, OPTION_ENGINE},
    {"chip", required_argument, NULL, OPTION_CHIP},
    {"plugin", required_argument, NULL, OPTION_PLUGIN},
    {"db", required_argument, NULL, OPTION_DB},
    {"campaign", required_argument, NULL, OPTION_CAMPAIGN},
    {"image", required_argument, NULL, OPTION_IMAGE},
    {"artefacts", required_argument, NULL, OPTION_ARTEFACTS},
    {"faults", required_argument, NULL, OPTION_FAULTS},
    {"depth", required_argument, NULL, OPTION_DEPTH},
    {"reach", required_argument, NULL, OPTION_REACH},
    {"bits", required_argument, NULL, OPTION_BITS},
    {"masks", required_argument, NULL, OPTION_MASKS},
    {"prefixes", required_argument, NULL, OPTION_PREFIXES},
    {"seed", required_argument, NULL, OPTION_SEED},
    {"no-use", no_argument, NULL, OPTION_NO_USE},
    {"no-dedup", no_argument, NULL, OPTION_NO_DEDUP},
    {"isolate", no_argument, NULL, OPTION_ISOLATE},
    {"shard", required_argument, NULL, OPTION_SHARD},
    {"jobs", required_argument, NULL, OPTION_JOBS},
    {"seconds", required_argument, NULL, OPTION_SECONDS},
    {"silence", required_argument, NULL, OPTION_SILENCE},
    {"call-seconds", required_argument, NULL, OPTION_CALL_SECONDS},
    {"memory", required_argument, NULL, OPTION_MEMORY},
    {"max", required_argument, NULL, OPTION_MAX},
    {"json", no_argument, NULL, OPTION_JSON},
    {"quiet", no_argument, NULL, OPTION_QUIET},
    {"no-shrink", no_argument, NULL, OPTION_NO_SHRINK},
    {"time", required_argument, NULL, OPTION_TIME},
    {"runs", required_argument, NULL, OPTION_RUNS},
    {"engines", required_argument, NULL, OPTION_ENGINES},
    {"cuts", required_argument, NULL, OPTION_CUTS},
    {"waive", required_argument, NULL, OPTION_WAIVE},
    {"complete", no_argument, NULL, OPTION_COMPLETE},
    {"shrink-seconds", required_argument, NULL, OPTION_SHRINK_SECONDS},
    {"offset", required_argument, NULL, OPTION_OFFSET},
    {"long", no_argument, NULL, OPTION_LONG},
    {NULL, 0, NULL, 0},
};
_Static_assert(OPTION_END - OPTION_ENGINE == COMMAND_OPTIONS, "a number for each option");
_Static_assert(sizeof long_options / sizeof *long_options == COMMAND_OPTIONS + 1,
               "a row for each option, and the end");

/* What each subcommand uses, a blank after each; it refuses the rest. */
#define LOADS "engine plugin "
#define LIMITS "silence call-seconds memory "
#define EXPLORES                                                                                   \
    "faults depth reach bits masks prefixes seed no-use no-dedup isolate shard jobs max " LIMITS   \
    "no-shrink shrink-seconds artefacts db campaign json quiet waive complete "
static const struct {
    const char *command, *options;
} uses[] = {
    {"run", LOADS "image json quiet " LIMITS},
    {"explore", LOADS EXPLORES "seconds "},
    {"fuzz", LOADS EXPLORES "seconds chip time runs image "},
    {"replay", LOADS "quiet " LIMITS},
    {"shrink", LOADS "shrink-seconds " LIMITS},
    {"decode", LOADS "chip image faults waive "},
    {"wear", LOADS "engines cuts seed faults bits masks prefixes db campaign json artefacts long "
                   "no-shrink shrink-seconds " LIMITS},
    {"inspect", LOADS "chip offset long " LIMITS},
    {"print", ""},
    {"list", "json long plugin " LIMITS},
    {"bench", LOADS "engines runs "},
};

static bool has_word(const char *list, const char *word)
{
    size_t size = strlen(word), length = strlen(list);
    assert(size > 0 && "the search moves on");
    assert(length == 0 || list[length - 1] == ' ');
    for (const char *at = list; (at = strstr(at, word)); at += size) {
        if ((at == list || at[-1] == ' ') && at[size] == ' ') return true;
    }
    return false;
}

bool command_uses(const char *command, const char *option)
{
    for (size_t i = 0; i < sizeof uses / sizeof *uses; i++) {
        if (strcmp(uses[i].command, command) == 0) return has_word(uses[i].options, option);
    }
    return false;
}

static const char *name_of(int code)
{
    assert(code >= OPTION_ENGINE && code < OPTION_END);
    for (const struct option *option = long_options; option->name; option++) {
        if (option->val == code) return option->name;
    }
    return "?";
}

static bool number(int code, const char *text, uint64_t min, uint64_t max, uint64_t *value)
{
    char *end;
    assert(min <= max && text);
    errno = 0;
    bool hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
    unsigned long long parsed = strtoull(text, &end, hex ? 16 : 10);
    if (*text >= '0' && *text <= '9' && !*end && !errno && parsed >= min && parsed <= max) {
        *value = parsed;
        return true;
    }
    command_refuse("--%s takes a number from %" PRIu64 " to %" PRIu64 ", not '%s'", name_of(code),
                   min, max, text);
    return false;
}

static bool number32(int code, const char *text, uint32_t min, uint32_t max, uint32_t *value)
{
    uint64_t wide;
    if (!number(code, text, min, max, &wide)) return false;
    assert(wide >= min && wide <= max && "it fits");
    *value = (uint32_t)wide;
    return true;
}

/* "I/N": two numbers of at most 9 digits, which fit. */
static bool parse_pair(const char *text, unsigned *one, unsigned *other)
{
    int end = 0;
    bool plain = strspn(text, "0123456789/") == strlen(text);
    return plain && sscanf(text, "%9u/%9u%n", one, other, &end) == 2 && !text[end];
}

static bool parse_shard(const char *text, struct explore_options *explore)
{
    unsigned shard, shards;
    if (!parse_pair(text, &shard, &shards) || shards > 65536 || shard >= shards) {
        command_refuse("--shard takes I/N with I from 0 below N, not '%s'", text);
        return false;
    }
    assert(shards > 0);
    explore->shard = shard;
    explore->shards = shards;
    return true;
}

/* "1/50": one in fifty operations. */
static bool parse_cuts(const char *text, struct command_options *options)
{
    unsigned cuts = 0, of = 0;
    bool fine = parse_pair(text, &cuts, &of);
    options->cuts = cuts;
    options->cuts_of = of;
    if (fine && cuts > 0 && cuts <= of) return true;
    command_refuse("--cuts takes N/M, power cuts in N of M operations, such as 1/50, not '%s'",
                   text);
    return false;
}

static bool parse_seconds(int code, const char *text, double *seconds)
{
    char *end;
    *seconds = strtod(text, &end);
    if (end != text && !*end && *seconds > 0 && *seconds < 1e9) return true;
    command_refuse("--%s takes a time above 0, in seconds, not '%s'", name_of(code), text);
    return false;
}

/* "90s", "10m", "0"; a number alone is seconds. */
static bool parse_time(const char *text, struct command_options *options)
{
    static const struct {
        const char *unit;
        double seconds;
    } units[] = {{"ns", 1e-9}, {"us", 1e-6}, {"ms", 1e-3}, {"s", 1},
                 {"", 1},      {"m", 60},    {"h", 3600}};
    char *end;
    double number = strtod(text, &end);
    options->time_given = true;
    for (size_t i = 0; end != text && i < sizeof units / sizeof *units; i++) {
        options->seconds = number * units[i].seconds;
        if (strcmp(end, units[i].unit) == 0 && number >= 0 && options->seconds < 1e9) return true;
    }
    command_refuse("--time takes a time such as 30s, 10m or 8h, or 0, not '%s'", text);
    return false;
}

static bool parse_faults(const char *text, struct command_options *options)
{
    options->explore.faults = fault_parse_classes(text);
    options->faults_given = true;
    options->faults_claimed = strcmp(text, "claimed") == 0;
    if (options->explore.faults || options->faults_claimed) return true;
    command_refuse("--faults takes classes of `brownout list faults`, not '%s'", text);
    return false;
}

static bool take_name(int code, const char *text, struct command_options *options)
{
    switch (code) {
    case OPTION_ENGINE:
        options->engine = text;
        return true;
    case OPTION_CHIP:
        options->chip = text;
        return true;
    case OPTION_PLUGIN:
        if (options->plugin_count == COMMAND_PLUGINS_MAX) {
            command_refuse("--plugin is given more than %u times", COMMAND_PLUGINS_MAX);
            return false;
        }
        options->plugins[options->plugin_count++] = text;
        return true;
    case OPTION_DB:
        options->db = text;
        return true;
    case OPTION_CAMPAIGN:
        options->campaign = text;
        return true;
    case OPTION_IMAGE:
        options->image = text;
        return true;
    case OPTION_ENGINES:
        options->engines = text;
        return true;
    default:
        assert(code == OPTION_ARTEFACTS);
        options->artefacts = text;
        return true;
    }
}

static bool take_flag(int code, struct command_options *options)
{
    switch (code) {
    case OPTION_NO_USE:
        options->explore.use = false;
        return true;
    case OPTION_NO_DEDUP:
        options->explore.dedup = false;
        return true;
    case OPTION_ISOLATE:
        options->explore.isolate = true;
        return true;
    case OPTION_JSON:
        options->json = true;
        return true;
    case OPTION_QUIET:
        options->quiet = true;
        return true;
    case OPTION_COMPLETE:
        options->complete = true;
        return true;
    case OPTION_LONG:
        options->is_long = true;
        return true;
    default:
        assert(code == OPTION_NO_SHRINK);
        options->shrink = false;
        return true;
    }
}

static bool take_number(int code, const char *text, struct command_options *options)
{
    struct explore_options *explore = &options->explore;
    switch (code) {
    case OPTION_DEPTH:
        options->depth_given = true;
        return number32(code, text, 1, CONTRACT_DEPTH_MAX, &explore->depth);
    case OPTION_REACH:
        return number32(code, text, 0, UINT32_MAX, &explore->reach);
    case OPTION_BITS:
        return number32(code, text, 0, UINT32_MAX, &explore->effort.bits_max);
    case OPTION_MASKS:
        return number32(code, text, 0, 4096, &explore->effort.masks);
    case OPTION_PREFIXES:
        return number32(code, text, 0, UINT32_MAX, &explore->effort.prefixes_max);
    case OPTION_SEED:
        options->seed_given = true;
        return number(code, text, 0, UINT64_MAX, &explore->seed);
    case OPTION_OFFSET:
        options->offset_given = true;
        return number(code, text, 0, UINT32_MAX, &options->offset);
    case OPTION_MEMORY:
        if (!number(code, text, 1, 1u << 20, &options->limits.memory)) return false;
        options->limits.memory <<= 20;
        return true;
    case OPTION_JOBS:
        return number32(code, text, 1, 256, &options->jobs);
    case OPTION_RUNS:
        return number(code, text, 1, UINT64_MAX, &options->runs);
    default:
        assert(code == OPTION_MAX);
        return number32(code, text, 0, 100000, &explore->divergences_max);
    }
}

static bool take(int code, const char *text, struct command_options *options)
{
    switch (code) {
    case OPTION_ENGINE:
    case OPTION_CHIP:
    case OPTION_PLUGIN:
    case OPTION_DB:
    case OPTION_CAMPAIGN:
    case OPTION_IMAGE:
    case OPTION_ARTEFACTS:
    case OPTION_ENGINES:
        return take_name(code, text, options);
    case OPTION_FAULTS:
        return parse_faults(text, options);
    case OPTION_SHARD:
        return parse_shard(text, &options->explore);
    case OPTION_CUTS:
        return parse_cuts(text, options);
    case OPTION_WAIVE:
        if (waiver_parse(text, &options->waivers)) return true;
        command_refuse("--waive takes clauses and rules, such as alive,lawful/reprogram, not '%s'",
                       text);
        return false;
    case OPTION_SECONDS:
        return parse_seconds(code, text, &options->seconds);
    case OPTION_TIME:
        return parse_time(text, options);
    case OPTION_SILENCE:
        return parse_seconds(code, text, &options->limits.silence);
    case OPTION_CALL_SECONDS:
        return parse_seconds(code, text, &options->limits.call);
    case OPTION_SHRINK_SECONDS:
        return parse_seconds(code, text, &options->shrink_seconds);
    case OPTION_NO_USE:
    case OPTION_NO_DEDUP:
    case OPTION_ISOLATE:
    case OPTION_JSON:
    case OPTION_QUIET:
    case OPTION_COMPLETE:
    case OPTION_LONG:
    case OPTION_NO_SHRINK:
        return take_flag(code, options);
    default:
        return take_number(code, text, options);
    }
}

bool command_parse(int argc, char **argv, struct command_options *options)
{
    *options = (struct command_options){.jobs = 1, .artefacts = ".", .shrink = true};
    options->campaign = "default";
    options->limits = (struct worker_limits){
        .call = CALL_SECONDS_MAX, .silence = SILENCE_MAX, .memory = (uint64_t)MEMORY_MIB_MAX << 20};
    options->shrink_seconds = SHRINK_SECONDS_MAX;
    explore_defaults(&options->explore);
    assert(argc >= 1 && argv[0] && "the subcommand");
    optind = 1;
    opterr = 0;
    for (int code; (code = getopt_long(argc, argv, ":", long_options, NULL)) != -1;) {
        if (code == '?' || code == ':') {
            command_refuse("%s '%s'",
                           code == '?' ? "no such option:" : "this option needs an argument:",
                           argv[optind - 1]);
            return false;
        }
        if (!command_uses(argv[0], name_of(code))) {
            command_refuse("%s does not use --%s", argv[0], name_of(code));
            return false;
        }
        if (!take(code, optarg, options)) return false;
    }
    if (options->faults_claimed && strcmp(argv[0], "explore") != 0) {
        command_refuse("%s does not use --faults claimed; name the classes", argv[0]);
        return false;
    }
    for (; optind < argc; optind++) {
        if (options->file_count == COMMAND_FILES_MAX) {
            command_refuse("at most %d files may be named; '%s' is one too many", COMMAND_FILES_MAX,
                           argv[optind]);
            return false;
        }
        options->files[options->file_count++] = argv[optind];
    }
    return true;
}

/* --- loading --- */

/* What load.h returns, as an exit code. */
static int exit_of(bool fine, const char *reason)
{
    assert((fine || reason[0]) && "a refusal says why");
    return fine ? COMMAND_CLEAN : command_refuse("%s", reason);
}

int command_load_plugins(const struct command_options *options)
{
    char reason[LOAD_REASON_MAX];
    for (uint32_t i = 0; i < options->plugin_count; i++) {
        int code = command_rehearse(options, options->plugins[i]);
        if (code) return code;
        if (!load_plugin(options->plugins[i], reason)) return command_refuse("%s", reason);
    }
    return COMMAND_CLEAN;
}

int command_load_script(const struct command_options *options, const char *path,
                        struct script **script)
{
    char reason[LOAD_REASON_MAX];
    if (options->chip) return command_refuse("%s names its own chip; leave out --chip", path);
    return exit_of(load_script(path, script, reason), reason);
}

/* Settings of an engine that can be asked for them. */
static int settle_engine(const struct command_options *options, const char *path,
                         struct loaded *loaded)
{
    char reason[LOAD_REASON_MAX], why[COMMAND_ASK_MAX];
    assert(loaded->adapter && loaded->script);
    if (command_ask(options, loaded->adapter, loaded->script, why))
        return exit_of(load_settings(path, loaded, reason), reason);
    script_free(loaded->script);
    return command_refuse("%s: %s", path, why);
}

int command_load(const struct command_options *options, const char *path, struct loaded *loaded)
{
    char reason[LOAD_REASON_MAX];
    if (options->chip) return command_refuse("%s names its own chip; leave out --chip", path);
    int code = command_load_plugins(options);
    if (code) return code;
    code = exit_of(load_scenario(path, options->engine, loaded, reason), reason);
    if (code == COMMAND_CLEAN) code = settle_engine(options, path, loaded);
    if (code) return code;
    assert(loaded->script && loaded->adapter);
    loaded->script->waivers.clauses |= options->waivers.clauses;
    loaded->script->waivers.rules |= options->waivers.rules;
    return COMMAND_CLEAN;
}

int command_load_bare(const struct command_options *options, uint64_t image_size,
                      struct loaded *loaded)
{
    char reason[LOAD_REASON_MAX];
    int code = command_load_plugins(options);
    if (code) return code;
    code = exit_of(load_bare(options->chip, options->engine, image_size, loaded, reason), reason);
    if (code == COMMAND_CLEAN) code = settle_engine(options, LOAD_BARE, loaded);
    if (code == COMMAND_CLEAN) loaded->script->waivers = options->waivers;
    return code;
}

int command_next_engine(const char **list, char name[COMMAND_ENGINE_MAX])
{
    assert(*list && "the end was not reached");
    *list += strspn(*list, " ");
    size_t length = strcspn(*list, ","), size = length;
    while (size && (*list)[size - 1] == ' ')
        size--;
    if (!size || size >= COMMAND_ENGINE_MAX)
        return command_refuse("--engines takes engines with commas between, such as seqmap,naive");
    snprintf(name, COMMAND_ENGINE_MAX, "%.*s", (int)size, *list);
    *list = (*list)[length] ? *list + length + 1 : NULL;
    return COMMAND_CLEAN;
}

#define PASSES 16

void command_settle_faults(struct command_options *options, const struct script *script)
{
    if (options->faults_given) return;
    options->explore.faults = script->faults ? script->faults : part_fault_defaults(&script->part);
    assert(options->explore.faults != 0 && "something is tried");
}

void command_settle_explore(struct command_options *options, const struct script *script)
{
    command_settle_faults(options, script);
    if (!options->depth_given && script->depth) {
        bool deep = script->depth > CONTRACT_DEPTH_MAX;
        options->explore.depth = deep ? CONTRACT_DEPTH_MAX : script->depth;
    }
    assert(options->explore.depth >= 1 && options->explore.depth <= CONTRACT_DEPTH_MAX);
    if (!options->seed_given) options->explore.seed = script->seed;
    /* A run that may be stopped early must have tried the whole script by then, coarsely. */
    if (options->seconds > 0 || options->explore.depth > 1) options->explore.passes = PASSES;
}

/* --- printing --- */
