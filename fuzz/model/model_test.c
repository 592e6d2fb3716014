/* model_test.c - the model from C, and what test_model.py talks to.
 *
 * With --serve: a request a line on the standard input, the state of the model a line on the
 * standard output. The requests, with KEY a number and VALUE a number or '-' for absent:
 *
 *     new KEYS WIDENED          an empty map
 *     store KEY VALUE, remove KEY, clear      model_begin()
 *     begin, finish, undo       the same of OP_BEGIN, OP_COMMIT and OP_ABORT
 *     commit, abort             of the operation that was begun
 *     doubt                     model_doubt()
 *     settle KEY VALUE          a read has seen this; "no" when the value is not allowed
 *     look 0 VALUE,VALUE,..     a look has; "no" when they are not allowed together
 *     wait                      model_wait(), after a cut; "no" where a look has to follow
 *
 * The state: for each key its allowed values with commas, VALUE:WORLDS with a mask in hexadecimal,
 * then the number of worlds, then the digest.
 */
#define _POSIX_C_SOURCE 200809L
#include "fuzz/model/model.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/death_test.h"

#define VALUES 8u

struct server {
    struct model model, before;
    struct op op;
    struct value *values[VALUES];
};

/* Value N is N bytes of N, so that 0 is the empty value. */
static struct value *make_value(uint32_t n)
{
    struct value *value = malloc(sizeof *value + n);
    assert(value);
    value->size = n;
    memset(value->bytes, (int)n, n);
    value->digest = script_digest(value->bytes, n);
    return value;
}

static void begin(struct server *server, enum op_kind kind, uint32_t key, const char *value)
{
    server->op = (struct op){.kind = kind, .key = key};
    if (kind == OP_STORE) server->op.value = server->values[strtoul(value, NULL, 10)];
    model_begin(&server->model, &server->op, &server->before);
}

static bool settle(struct server *server, uint32_t key, const char *text)
{
    const struct value *value = server->values[*text == '-' ? 0 : strtoul(text, NULL, 10)];
    int member = model_match(&server->model, key, *text == '-', value->bytes, value->size);
    if (member < 0) return false;
    model_settle(&server->model, key, member);
    return true;
}

/* After a look each key has what was seen, whether all of them may be or not. */
static bool look(struct server *server, const char *text)
{
    int8_t members[VALUES];
    for (uint32_t key = 0; key < server->model.key_count; key++, text += 2) {
        const struct value *value = server->values[*text == '-' ? 0 : *text - '0'];
        int member = model_match(&server->model, key, *text == '-', value->bytes, value->size);
        if (member < 0) return false;
        members[key] = (int8_t)member;
    }
    return model_settle_all(&server->model, members);
}

static void start(struct server *server, uint32_t keys, uint32_t widened)
{
    model_free(&server->model);
    model_free(&server->before);
    model_init(&server->model, keys, widened);
    model_init(&server->before, keys, widened);
}

static void print_state(const struct model *model)
{
    for (uint32_t key = 0; key < model->key_count; key++) {
        const struct model_slot *slot = &model->slots[key];
        for (uint32_t i = 0; i < slot->count; i++) {
            const char *comma = i ? "," : "";
            if (slot->allowed[i])
                printf("%s%" PRIu32, comma, slot->allowed[i]->size);
            else
                printf("%s-", comma);
            printf(":%x", (unsigned)slot->worlds[i]);
        }
        printf(" ");
    }
    printf("%" PRIu32 " %016" PRIx64 "\n", model->worlds, model->digest);
    model_check(model);
}

/* False when the request was refused. */
static bool serve(struct server *server, const char *word, uint32_t key, const char *value)
{
    if (strcmp(word, "new") == 0) start(server, key, (uint32_t)strtoul(value, NULL, 10));
    if (strcmp(word, "store") == 0) begin(server, OP_STORE, key, value);
    if (strcmp(word, "remove") == 0) begin(server, OP_REMOVE, key, value);
    if (strcmp(word, "clear") == 0) begin(server, OP_CLEAR, key, value);
    if (strcmp(word, "begin") == 0) begin(server, OP_BEGIN, 0, value);
    if (strcmp(word, "finish") == 0) begin(server, OP_COMMIT, 0, value);
    if (strcmp(word, "undo") == 0) begin(server, OP_ABORT, 0, value);
    if (strcmp(word, "commit") == 0) model_commit(&server->model, &server->op);
    if (strcmp(word, "abort") == 0) model_abort(&server->model, &server->op, &server->before);
    if (strcmp(word, "doubt") == 0) model_doubt(&server->model, UINT64_MAX);
    if (strcmp(word, "look") == 0) return look(server, value);
    if (strcmp(word, "wait") == 0) {
        model_lose_ram(&server->model);
        return model_wait(&server->model);
    }
    return strcmp(word, "settle") != 0 || settle(server, key, value);
}

static void serve_all(void)
{
    char line[64], word[16], value[16];
    struct server server = {.op = {.kind = OP_LOOK}};
    for (uint32_t n = 0; n < VALUES; n++)
        server.values[n] = make_value(n);
    while (fgets(line, sizeof line, stdin)) {
        unsigned key = 0;
        strcpy(value, "-");
        if (sscanf(line, "%15s %u %15s", word, &key, value) < 1) break;
        if (serve(&server, word, key, value))
            print_state(&server.model);
        else
            printf("no\n");
        fflush(stdout);
    }
    for (uint32_t n = 0; n < VALUES; n++)
        free(server.values[n]);
    model_free(&server.model);
    model_free(&server.before);
}

/* The order in which outcomes became allowed does not show. */
static void test_digest_is_one_of_sets(void)
{
    struct value *one = make_value(1), *two = make_value(2);
    struct model a, b, before;
    model_init(&a, 2, 0);
    model_init(&b, 2, 0);
    model_init(&before, 2, 0);
    assert(a.digest == b.digest);
    struct op store = {.kind = OP_STORE, .key = 1, .value = one};
    model_begin(&a, &store, &before);
    assert(a.digest != b.digest);
    model_commit(&b, &store);
    assert(a.digest != b.digest);
    model_doubt(&b, UINT64_MAX);
    assert(a.digest == b.digest); /* {absent, one} and {one, absent} */
    store.value = two;
    model_begin(&a, &store, &before);
    model_abort(&a, &store, &before);
    assert(a.digest == b.digest);
    model_free(&a);
    model_free(&b);
    model_free(&before);
    free(one);
    free(two);
}

/* --- model_check() --- */

static void walk(void *context)
{
    model_check(context);
}

static bool stops(struct model *model)
{
    return death_asserts(walk, model);
}

/* Each invariant, broken on purpose, is noticed. */
static void test_check_of_a_map(void)
{
    struct model model;
    model_init(&model, 2, 0);
    model_check(&model);
    model.digest++;
    assert(stops(&model));
    model.digest--;
    model.slots[1].count = 2; /* twice the same member */
    assert(stops(&model));
    model.slots[1].count = 0;
    assert(stops(&model));
    model.slots[1].count = 1;
    model_check(&model);
    model.slots[1].worlds[0] = 0; /* allowed nowhere */
    assert(stops(&model));
    model.worlds = 2;
    model.slots[1].worlds[0] = 1; /* and nothing is allowed in the second one */
    assert(stops(&model));
    model_free(&model);
}

static void test_check_of_a_list(void)
{
    static const struct model_design design = {.ring = 4};
    struct value *one = make_value(1);
    const struct op push = {.kind = OP_PUSH, .value = one};
    struct model model;
    model_init_list(&model, &design);
    for (int i = 0; i < 2; i++) {
        model_begin(&model, &push, &model);
        model_commit(&model, &push);
    }
    model_check(&model);
    model.list.uncertain++;
    assert(stops(&model));
    model.list.uncertain--;
    model.list.digest++;
    assert(stops(&model));
    model.list.digest--;
    model.list.old = 1; /* it is held */
    assert(stops(&model));
    model.list.old = 0;
    model.list.items[0].time = 2; /* as late as the next one */
    assert(stops(&model));
    model_free(&model);
    free(one);
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--serve") == 0) {
        serve_all();
        return 0;
    }
    test_digest_is_one_of_sets();
    test_check_of_a_map();
    test_check_of_a_list();
    return 0;
}
