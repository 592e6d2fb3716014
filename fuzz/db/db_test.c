/* db_test.c - the results database keeps what it is given, and says so when it can't.
 *
 * With arguments it is a driver for the Python tests:
 *   db_test open FILE                       opens and closes
 *   db_test store FILE CAMPAIGN SEED COUNT  stores COUNT runs, by seeds from SEED, and says each
 */
#define _POSIX_C_SOURCE 200809L

#include "fuzz/db/db_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fuzz/rig/engines.h"

#define SECTORS 64u
#define OPENERS 8
#define OPENINGS 40

static int failures;

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                        \
            failures++;                                                                            \
        }                                                                                          \
    } while (0)

/* --- an exploration that never was --- */

static const struct adapter_option adapter_options[] = {
    {.name = "key", .summary = "bytes of a key", .value = 1, .max = 8},
    {.name = NULL},
};

static const struct adapter adapter = {
    .version = ADAPTER_VERSION,
    .kind = ADAPTER_MAP,
    .name = "example",
    .summary = "an engine for tests",
    .claims = "edge,prefix",
    .options = adapter_options,
};

static const struct explore_options options = {
    .faults = FAULT_EDGE | FAULT_PREFIX | FAULT_BITS,
    .depth = 2,
    .seed = 0xfedcba9876543210u,
    .shards = 1,
};

struct example {
    struct script *script, *found;
    struct divergence divergence;
    struct result result;
    uint32_t erases[SECTORS];
};

static void store_op(struct script *script, uint32_t line, uint32_t nth, enum tear_kind tear)
{
    struct op op = {.kind = OP_STORE, .line = line, .cut = {.nth = nth, .tear = {.kind = tear}}};
    op.key = script_key(script, "k", 1);
    op.value = script_value(script, "value", 5);
    script_append(script, &op);
}

static struct script *example_script(void)
{
    struct script *script = script_new(part_at(0));
    strcpy(script->name, "settings");
    strcpy(script->engine, "example");
    strcpy(script->options[0].name, "key");
    script->options[0].value = 2;
    strcpy(script->options[1].name, "of-another-engine");
    script->option_count = 2;
    script->every_ns = 60000000000;
    store_op(script, 7, 0, TEAR_NONE);
    return script;
}

static void example_init(struct example *it)
{
    memset(it, 0, sizeof *it);
    it->script = example_script();
    it->found = example_script();
    it->found->found = (struct finding){.clause = CLAUSE_ATOMIC, .seen = SEEN_MISSING};
    strcpy(it->found->found.text, "k: expected \"value\", found nothing");
    store_op(it->found, 8, 1, TEAR_PREFIX);
    for (uint32_t i = 0; i < SECTORS; i++)
        it->erases[i] = i % 8;
    it->divergence = (struct divergence){.clause = CLAUSE_ATOMIC,
                                         .fault = FAULT_PREFIX,
                                         .shape = 5,
                                         .count = 3,
                                         .script = it->found};
    it->result = (struct result){
        .cuts = 10,
        .states = 100,
        .judged = 80,
        .skipped = 20,
        .judged_by_class = {30, 50},
        .mounts = 160,
        .counters = {.reads = 1, .programs = 2, .erases = 3, .time_ns = UINT64_MAX},
        .sector_erases = it->erases,
        .sector_count = SECTORS,
        .operations = 40,
        .divergences = &it->divergence,
        .divergence_count = 1,
    };
}

static void example_free(struct example *it)
{
    script_free(it->script);
    script_free(it->found);
}

static enum db_status begin(struct db *db, const struct example *it, const char *campaign,
                            uint64_t seed, struct db_error *error)
{
    struct explore_options seeded = options;
    seeded.seed = seed;
    const struct db_run run = {.kind = DB_EXPLORE,
                               .campaign = campaign,
                               .path = "scenarios/settings.scn",
                               .script = it->script,
                               .adapter = &adapter,
                               .options = &seeded};
    return db_begin_run(db, &run, error);
}

/* --- the driver --- */

static int fail(enum db_status status, const struct db_error *error)
{
    fprintf(stderr, "%s\n", error->text);
    return (int)status;
}

static int drive(int count, char **words)
{
    struct db_error error;
    enum db_status status = DB_OK;
    struct db *db = db_open(words[2], &status, &error);
    if (!db) return fail(status, &error);
    if (strcmp(words[1], "store") == 0 && count == 6) {
        struct example example;
        uint64_t seed = strtoull(words[4], NULL, 10), last = seed + strtoull(words[5], NULL, 10);
        example_init(&example);
        for (; seed < last && !status; seed++) {
            status = begin(db, &example, words[3], seed, &error);
            if (!status) status = db_store_result(db, &example.result, 0.5, true, &error);
            if (!status) printf("%llu\n", (unsigned long long)seed);
            fflush(stdout);
        }
        example_free(&example);
    }
    db_close(db);
    return status ? fail(status, &error) : 0;
}

/* --- tests --- */

static char path[64]; /* a file that is not there, in a folder of its own */

static int64_t ask(struct db *db, const char *sql)
{
    int64_t found = -1;
    CHECK(db_find(db, sql, NULL, 0, &found));
    return found;
}

static void a_digest_is_that_of_the_standard(void)
{
    static const char million_start[] = "cdc76e5c9914fb9281a1c7e284d73e67";
    char hex[SHA256_HEX_MAX], *million = malloc(1000000);
    sha256_hex("", 0, hex);
    CHECK(!strcmp(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"));
    sha256_hex("abc", 3, hex);
    CHECK(!strcmp(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"));
    sha256_hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56, hex);
    CHECK(!strcmp(hex, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"));
    memset(million, 'a', 1000000);
    sha256_hex(million, 1000000, hex);
    CHECK(!strncmp(hex, million_start, strlen(million_start)));
    free(million);
}

static void results_of_a_run_add_up(struct db *db, const struct example *it)
{
    struct db_error error;
    CHECK(begin(db, it, "night", 1, &error) == DB_OK);
    CHECK(ask(db, "select count(*) from run where state = 'running'") == 1);
    CHECK(db_store_result(db, &it->result, 0.25, false, &error) == DB_OK);
    CHECK(ask(db, "select count(*) from run where state = 'running'") == 1);
    CHECK(db_store_result(db, &it->result, 0.25, true, &error) == DB_OK);
    CHECK(ask(db, "select count(*) from run where state = 'done'") == 1);
    CHECK(ask(db, "select settings = 'key=2' from run") == 1);
    CHECK(ask(db, "select judged from run") == 160);
    CHECK(ask(db, "select seconds * 100 from run") == 50);
    CHECK(ask(db, "select erases from wear where sector = 7") == 14);
    CHECK(ask(db, "select count(*) from wear") == SECTORS / 8 * 7);
    CHECK(ask(db, "select states from judged where class = 'prefix'") == 100);
    CHECK(ask(db, "select states from judged where class = 'uncut'") == 80);
    CHECK(ask(db, "select count(*) from divergence") == 1);
    CHECK(ask(db, "select states from sighting where class = 'prefix'") == 6);
    CHECK(ask(db, "select line from divergence") == 8);
    CHECK(ask(db, "select programs from counts") == 4);
}

/* Neither a clean one nor a shorter one, before or after it has a result. */
static void the_same_run_again_takes_nothing_away(struct db *db, struct example *it)
{
    struct db_error error;
    CHECK(begin(db, it, "night", 1, &error) == DB_OK);
    CHECK(ask(db, "select sum(judged) from run") == 160);
    it->result.divergence_count = 0;
    it->result.stopped = true;
    CHECK(db_store_result(db, &it->result, 0.25, true, &error) == DB_OK);
    CHECK(ask(db, "select count(*) from run where state = 'stopped' and judged = 80") == 1);
    CHECK(ask(db, "select judged from summary") == 160);
    CHECK(ask(db, "select runs from summary") == 1);
    CHECK(ask(db, "select states from finding") == 6);
    it->result.divergence_count = 1;
    it->result.stopped = false;
}

static void write_code(const char *file, const char *code)
{
    FILE *out = fopen(file, "w");
    CHECK(out && fputs(code, out) >= 0 && fclose(out) == 0);
}

/* The engine as a plug-in whose file changes from run to run. */
static void another_build_is_another_engine(struct db *db, struct example *it)
{
    struct db_error error;
    char code[sizeof path + 8];
    snprintf(code, sizeof code, "%s.so", path);
    CHECK(engines_add(&adapter, code));
    write_code(code, "one");
    CHECK(begin(db, it, "builds", 1, &error) == DB_OK);
    CHECK(db_store_result(db, &it->result, 1, true, &error) == DB_OK);
    write_code(code, "two");
    CHECK(begin(db, it, "builds", 1, &error) == DB_OK);
    it->result.divergence_count = 0;
    CHECK(db_store_result(db, &it->result, 1, true, &error) == DB_OK);
    it->result.divergence_count = 1;
    unlink(code);
    CHECK(ask(db, "select sum(runs) from summary where campaign = 'builds'") == 2);
    CHECK(ask(db, "select count(*) from finding where campaign = 'builds'") == 1);
    CHECK(ask(db, "select count(distinct identity) from run where campaign ="
                  " (select id from campaign where name = 'builds')") == 2);
    CHECK(ask(db, "select count(*) from engine where build = '"
                  "7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed'") == 1);
}

static void a_run_with_another_seed_or_campaign_is_another_run(struct db *db,
                                                               const struct example *it)
{
    struct db_error error;
    CHECK(begin(db, it, "night", 2, &error) == DB_OK);
    CHECK(db_store_result(db, &it->result, 1, true, &error) == DB_OK);
    CHECK(begin(db, it, "day", 2, &error) == DB_OK);
    CHECK(db_store_result(db, &it->result, 1, true, &error) == DB_OK);
    CHECK(ask(db, "select count(*) from run") == 4);
    CHECK(ask(db, "select count(*) from divergence") == 2);
}

/* A path with a tear that the engine does not claim is not held against its claims. */
static void a_divergence_is_charged_to_the_class_that_was_not_claimed(struct db *db,
                                                                      struct example *it)
{
    struct db_error error;
    it->found->ops[0].cut = (struct cut){.nth = 1, .tear = {.kind = TEAR_FLICKER}};
    CHECK(begin(db, it, "charged", 1, &error) == DB_OK);
    CHECK(db_store_result(db, &it->result, 1, true, &error) == DB_OK);
    CHECK(ask(db, "select count(*) from finding where campaign = 'charged' and class = 'weak'"
                  " and claimed = 0") == 1);
    CHECK(ask(db, "select count(*) from finding where campaign = 'charged'") == 1);
    it->found->ops[0].cut.nth = 0;
}

static void of_two_cases_the_shorter_is_kept(struct db *db, struct example *it)
{
    struct db_error error;
    int64_t size;
    CHECK(begin(db, it, "cases", 1, &error) == DB_OK);
    CHECK(db_store_result(db, &it->result, 1, false, &error) == DB_OK);
    size = ask(db, "select max(length(text)) from divergence");
    store_op(it->found, 9, 0, TEAR_NONE);
    CHECK(db_store_result(db, &it->result, 1, true, &error) == DB_OK);
    CHECK(ask(db, "select max(length(text)) from divergence") == size);
    CHECK(ask(db, "select states from finding where campaign = 'cases'") == 6);
}

static void a_full_disk_keeps_what_was_stored(struct db *db, const struct example *it)
{
    struct db_error error;
    uint64_t seed = 100;
    enum db_status status = DB_OK;
    char limit[64];
    snprintf(limit, sizeof limit, "pragma max_page_count = %d",
             (int)ask(db, "pragma page_count") + 4);
    ask(db, limit);
    while (status == DB_OK && seed < 10000) {
        status = begin(db, it, "full", seed, &error);
        if (!status) status = db_store_result(db, &it->result, 1, true, &error);
        if (!status) seed++;
    }
    CHECK(status == DB_FAILED);
    CHECK(strstr(error.text, "disk is full") && strncmp(error.text, path, strlen(path)) == 0);
    CHECK(!strchr(error.text, '\n'));
    CHECK(seed > 100);
    CHECK(ask(db, "select count(*) from run where state = 'done' and campaign ="
                  " (select id from campaign where name = 'full')") == (int64_t)seed - 100);
    CHECK(ask(db, "select count(*) from pragma_integrity_check where integrity_check = 'ok'") == 1);
}

static void a_run_without_a_script_or_options_is_kept_too(struct db *db, const struct example *it)
{
    struct db_error error;
    const struct db_run fuzz = {.kind = DB_FUZZ, .campaign = "plain", .adapter = &adapter};
    CHECK(db_begin_run(db, &fuzz, &error) == DB_OK);
    CHECK(db_store_result(db, &it->result, 1, true, &error) == DB_OK);
    CHECK(ask(db, "select count(*) from run where kind = 'fuzz' and chip is null") == 1);
}

static void a_missing_folder_is_one_line(void)
{
    struct db_error error = {""};
    enum db_status status = DB_OK;
    CHECK(db_open("no-such-folder/results.db", &status, &error) == NULL);
    CHECK(status == DB_REFUSED);
    CHECK(!strcmp(error.text,
                  "no-such-folder/results.db: can't be opened: No such file or directory"));
}

/* Of two that close at the same moment neither may clear up the log. */
static void remove_database(void)
{
    static const char *const ends[] = {"", "-wal", "-shm"};
    char name[sizeof path + 4];
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        snprintf(name, sizeof name, "%s%s", path, ends[i]);
        unlink(name);
    }
}

/* In a process of its own that waits until all are there. */
static pid_t start_opener(const int start[2])
{
    pid_t child = fork();
    if (child != 0) return child;
    struct db_error error = {""};
    enum db_status status = DB_OK;
    char nothing;
    close(start[1]);
    if (read(start[0], &nothing, 1) != 0) _exit(3);
    struct db *db = db_open(path, &status, &error);
    if (!db) fprintf(stderr, "%s\n", error.text);
    db_close(db);
    _exit((int)status);
}

/* Who looked while another made the tables took the file for one of another program. */
static void a_new_database_is_opened_by_many_at_once(void)
{
    for (int round = 0; round < OPENINGS && !failures; round++) {
        pid_t openers[OPENERS];
        int start[2];
        CHECK(pipe(start) == 0);
        for (int i = 0; i < OPENERS; i++)
            openers[i] = start_opener(start);
        close(start[0]);
        close(start[1]);
        for (int i = 0; i < OPENERS; i++) {
            int status = -1;
            CHECK(waitpid(openers[i], &status, 0) == openers[i] && status == 0);
        }
        remove_database();
    }
}

static void a_database_opens_again(void)
{
    struct db_error error;
    enum db_status status;
    struct db *db = db_open(path, &status, &error);
    CHECK(db != NULL);
    if (db) CHECK(ask(db, "select count(*) from run") > 3);
    db_close(db);
}

static void test_one_database(void)
{
    struct db_error error = {""};
    enum db_status status = DB_OK;
    struct example example;
    struct db *db = db_open(path, &status, &error);
    CHECK(db != NULL);
    if (!db) return;
    example_init(&example);
    results_of_a_run_add_up(db, &example);
    the_same_run_again_takes_nothing_away(db, &example);
    a_run_with_another_seed_or_campaign_is_another_run(db, &example);
    a_divergence_is_charged_to_the_class_that_was_not_claimed(db, &example);
    a_run_without_a_script_or_options_is_kept_too(db, &example);
    of_two_cases_the_shorter_is_kept(db, &example);
    another_build_is_another_engine(db, &example);
    a_full_disk_keeps_what_was_stored(db, &example);
    example_free(&example);
    db_close(db);
}

int main(int count, char **words)
{
    char folder[] = "/tmp/brownout-db-XXXXXX";
    if (count > 2) return drive(count, words);
    if (!mkdtemp(folder)) return 3;
    snprintf(path, sizeof path, "%s/results.db", folder);
    a_digest_is_that_of_the_standard();
    a_missing_folder_is_one_line();
    a_new_database_is_opened_by_many_at_once();
    test_one_database();
    a_database_opens_again();
    unlink(path);
    CHECK(rmdir(folder) == 0); /* nothing else was left there */
    return failures != 0;
}
