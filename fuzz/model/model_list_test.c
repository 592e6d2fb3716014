/* model_list_test.c - the model of queues and logs from C, and what test_model_list.py talks to.
 *
 * With --serve: a request a line on the standard input, an answer a line on the standard output.
 * VALUE is a number below 8; a place counts from the oldest item.
 *
 *     new NUMBERED BUFFERS DROPS_IN_PART CLEARS_IN_PART OPEN AHEAD    an empty list, a blank chip
 *     push VALUE, append VALUE, pop PLACE, clear, sync, seal, idle    begins the operation
 *     program SECTOR, erase SECTOR     what it does to the flash
 *     observe, cut, commit, abort      how it ends
 *     doubt                            model_list_doubt()
 *     live VALUE:NUMBER ..             a look has seen these
 *     on VALUE:NUMBER ..               the first look after a power-on has
 *     try-live .., try-on ..           the same of a copy that is then forgotten
 *
 * The answer is "no" when what was seen is not allowed, else the state: for each item, oldest
 * first, VALUE:TIME:STATE:NUMBER:SHOWN, then the flags, then the digest. STATE is a letter of
 * "HOPLD", or B for pending and old; NUMBER -1 when it is not known, SHOWN 0 for an item that the
 * engine does not show now.
 */
#include "fuzz/model/model_list.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VALUES 8u
#define SEEN_MAX 32u
#define SECTORS 4u
#define SECTOR_SIZE 64u /* so small that an append needs the place of the oldest */

struct server {
    struct model_design design;
    struct model_list list, copy;
    struct chip *chip;
    struct op op;
    uint32_t programs; /* so far, each in a byte of its own */
    struct value *values[VALUES];
};

static struct value *make_value(uint32_t n)
{
    struct value *value = malloc(sizeof *value + 1);
    assert(value);
    value->size = 1;
    value->bytes[0] = (uint8_t)n;
    value->digest = script_digest(value->bytes, 1);
    return value;
}

static struct chip *make_chip(void)
{
    struct part part = *part_find("generic");
    part.geometry = (struct bo_flash_geometry){.sector_size = SECTOR_SIZE,
                                               .sector_count = SECTORS,
                                               .page_size = SECTOR_SIZE,
                                               .unit = 1,
                                               .read_unit = 1,
                                               .erased = 0xFF};
    struct chip *chip = chip_new(&part);
    assert(chip);
    return chip;
}

/* --- the state as text --- */

static uint32_t value_of(const struct server *server, const struct value *value)
{
    uint32_t n = 0;
    while (n < VALUES - 1 && server->values[n]->digest != value->digest)
        n++;
    return n;
}

static void print_state(const struct server *server, const struct model_list *list)
{
    for (uint32_t i = list->first; i < list->end; i++) {
        const struct model_item *item = &list->items[i];
        int64_t number = (int64_t)item->number;
        printf("%" PRIu32 ":%" PRIu32 ":", value_of(server, item->value), item->time);
        char state = item->pending_old ? 'B' : "HOPLD"[item->state];
        printf("%c:%" PRId64 ":%d ", state, number, !item->hidden);
    }
    printf("%" PRIu32 " %016" PRIx64 "\n", list->flags, list->digest);
}

/* --- requests --- */

static bool word(char **line, const char **found)
{
    *found = strtok(*line, " \n");
    *line = NULL;
    return *found != NULL;
}

static uint32_t next_number(void)
{
    const char *text = strtok(NULL, " \n");
    return text ? (uint32_t)strtoul(text, NULL, 10) : 0;
}

static void start(struct server *server)
{
    struct model_design *design = &server->design;
    *design = (struct model_design){.ring = SECTORS};
    design->numbered = next_number();
    design->buffers = next_number();
    design->drops_in_part = next_number();
    design->clears_in_part = next_number();
    design->tail_open = next_number();
    design->ahead = next_number();
    model_list_free(&server->list);
    model_list_init(&server->list, design);
    chip_reset(server->chip);
    server->programs = 0;
}

static void begin(struct server *server, enum op_kind kind)
{
    server->op = (struct op){.kind = kind};
    uint32_t number = next_number();
    if (op_has_value(kind)) server->op.value = server->values[number % VALUES];
    if (op_has_place(kind)) server->op.count = number;
    chip_watch(server->chip, SECTORS);
    model_list_begin(&server->list, &server->op);
}

static void program(struct server *server)
{
    static const uint8_t zero = 0;
    const struct bo_flash *flash = chip_flash(server->chip);
    uint32_t offset = server->programs++ % SECTOR_SIZE;
    int error = bo_flash_program(flash, next_number() * SECTOR_SIZE + offset, &zero, 1);
    assert(error == BO_FLASH_OK);
    (void)error;
}

static void erase(struct server *server)
{
    int error = bo_flash_erase(chip_flash(server->chip), next_number() * SECTOR_SIZE);
    assert(error == BO_FLASH_OK);
    (void)error;
}

/* As the rig does: a pop that found no item is none. */
static void commit(struct server *server)
{
    struct model_list *list = &server->list;
    if (server->op.kind != OP_POP || server->op.count < model_list_count(list))
        model_list_commit(list, &server->op);
}

static bool look(const struct server *server, struct model_list *list, bool powered_on)
{
    struct model_seen seen[SEEN_MAX];
    if (powered_on) {
        chip_watch(server->chip, SECTORS);
        model_list_observe(list, server->chip, true);
    }
    uint32_t count = 0;
    const char *text;
    while (count < SEEN_MAX && (text = strtok(NULL, " \n")) != NULL) {
        char *colon;
        uint32_t value = (uint32_t)strtoul(text, &colon, 10);
        seen[count].digest = server->values[value % VALUES]->digest;
        seen[count++].number = strtoull(colon + 1, NULL, 10);
    }
    return model_list_settle(list, seen, count, powered_on);
}

/* Whether it is a request that begins an operation. */
static bool begins(struct server *server, const char *request)
{
    static const enum op_kind kinds[] = {OP_PUSH, OP_APPEND, OP_POP, OP_CLEAR,
                                         OP_SYNC, OP_SEAL,   OP_IDLE};
    for (uint32_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (strcmp(request, op_name(kinds[i])) != 0) continue;
        begin(server, kinds[i]);
        return true;
    }
    return false;
}

/* The list to print; NULL when what was seen is not allowed. */
static const struct model_list *serve(struct server *server, const char *request)
{
    struct model_list *list = &server->list;
    if (begins(server, request)) return list;
    if (strcmp(request, "new") == 0) start(server);
    if (strcmp(request, "program") == 0) program(server);
    if (strcmp(request, "erase") == 0) erase(server);
    if (strcmp(request, "observe") == 0) model_list_observe(list, server->chip, false);
    if (strcmp(request, "cut") == 0) model_list_cut(list);
    if (strcmp(request, "commit") == 0) commit(server);
    if (strcmp(request, "abort") == 0) model_list_abort(list, &server->op);
    if (strcmp(request, "doubt") == 0) model_list_doubt(list, UINT64_MAX);
    bool powered_on = strstr(request, "on") != NULL;
    if (strncmp(request, "try-", 4) == 0) {
        model_list_copy(&server->copy, list);
        list = &server->copy;
    } else if (strcmp(request, "live") != 0 && strcmp(request, "on") != 0) {
        return list;
    }
    return look(server, list, powered_on) ? list : NULL;
}

static void serve_all(struct server *server)
{
    char line[512], *rest;
    const char *request;
    while ((rest = fgets(line, sizeof line, stdin)) != NULL && word(&rest, &request)) {
        const struct model_list *list = serve(server, request);
        if (list)
            print_state(server, list);
        else
            printf("no\n");
        fflush(stdout);
    }
}

/* --- tests of their own --- */

static void put(struct server *server, enum op_kind kind, uint32_t value)
{
    server->op = (struct op){.kind = kind, .value = server->values[value]};
    model_list_begin(&server->list, &server->op);
    model_list_commit(&server->list, &server->op);
}

/* However a list came to hold its items, and however its memory moved meanwhile. */
static void test_a_queue_that_turns_over_keeps_its_order(struct server *server)
{
    struct op pop = {.kind = OP_POP};
    struct model_list *list = &server->list;
    for (uint32_t i = 0; i < 5; i++)
        put(server, OP_PUSH, i);
    for (uint32_t i = 5; i < 5000; i++) {
        put(server, OP_PUSH, i % VALUES);
        model_list_begin(list, &pop);
        model_list_commit(list, &pop);
        assert(model_list_count(list) == 5);
        assert(model_list_at(list, 0)->value == server->values[(i - 4) % VALUES]);
        assert(model_list_at(list, 4)->value == server->values[i % VALUES]);
        assert(model_list_at(list, 5) == NULL);
    }
    assert(list->capacity < 64);
    model_list_copy(&server->copy, list);
    assert(server->copy.digest == list->digest);
}

static void run(struct server *server, bool serving)
{
    server->chip = make_chip();
    for (uint32_t n = 0; n < VALUES; n++)
        server->values[n] = make_value(n);
    model_list_init(&server->list, &server->design);
    model_list_init(&server->copy, &server->design);
    if (serving)
        serve_all(server);
    else
        test_a_queue_that_turns_over_keeps_its_order(server);
    for (uint32_t n = 0; n < VALUES; n++)
        free(server->values[n]);
    model_list_free(&server->list);
    model_list_free(&server->copy);
    chip_free(server->chip);
}

int main(int argc, char **argv)
{
    struct server server = {.op = {.kind = OP_LOOK}};
    run(&server, argc == 2 && strcmp(argv[1], "--serve") == 0);
    return 0;
}
