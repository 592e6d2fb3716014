/* naive_test.c - what naive must do, and what it must admit not to do. Returns 1 on a failure. */
#include <stdio.h>
#include <string.h>

#include "../ram_flash.h"
#include "naive.h"

static struct ram_flash ram;
static struct naive map;
static uint8_t work[256];
static unsigned failures;

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            failures++;                                                                            \
            printf("FAILED %s:%d %s\n", __func__, __LINE__, #condition);                           \
        }                                                                                          \
    } while (0)

static void open_map(uint16_t unit)
{
    struct naive_config config = {&ram.flash, work, sizeof work};
    ram_flash_init(&ram, 256, 4, unit, 1);
    CHECK(naive_mount(&map, &config) == BO_FLASH_OK);
}

static bool holds(const char *key, const char *value)
{
    char read[256];
    uint32_t size = 0;
    int error = naive_fetch(&map, key, (uint32_t)strlen(key), read, sizeof read, &size);
    if (value == NULL) return error == MAP_ERR_NOT_FOUND;
    return error == BO_FLASH_OK && size == strlen(value) && memcmp(read, value, size) == 0;
}

static int put(const char *key, const char *value)
{
    return naive_store(&map, key, (uint32_t)strlen(key), value, (uint32_t)strlen(value));
}

static void test_keeps_one_value_a_sector(uint16_t unit)
{
    open_map(unit);
    CHECK(holds("a", NULL));
    CHECK(put("a", "one") == BO_FLASH_OK && put("bb", "") == BO_FLASH_OK &&
          put("ccc", "three") == 0);
    CHECK(holds("a", "one") && holds("bb", "") && holds("ccc", "three"));
    CHECK(put("a", "a much longer value than before") == BO_FLASH_OK);
    CHECK(holds("a", "a much longer value than before") && holds("bb", ""));
    CHECK(put("d", "4") == BO_FLASH_OK && put("e", "5") == MAP_ERR_FULL && holds("e", NULL));
    CHECK(naive_remove(&map, "bb", 2) == BO_FLASH_OK && holds("bb", NULL));
    CHECK(put("d", "44") == BO_FLASH_OK && holds("d", "44")); /* its sector, not the free one */
    naive_check(&map, true);
    CHECK(put("e", "5") == BO_FLASH_OK && holds("e", "5"));
    CHECK(naive_store(&map, "a", 1, work, 245) == MAP_ERR_TOO_BIG);
    CHECK(naive_remove_all(&map) == BO_FLASH_OK && holds("a", NULL) && holds("e", NULL));
    CHECK(ram.breach == NULL);
}

static void test_iterates_over_each_key_once(void)
{
    struct naive_iterator iterator;
    char key[8], value[8];
    uint32_t key_size, value_size;
    open_map(4);
    CHECK(put("x", "1") == 0 && put("y", "2") == 0 && put("x", "3") == 0);
    naive_iterate(&iterator);
    CHECK(naive_next(&map, &iterator, key, 0, &key_size, value, 8, &value_size) == MAP_ERR_BUFFER);
    CHECK(naive_next(&map, &iterator, key, 8, &key_size, value, 8, &value_size) == BO_FLASH_OK);
    CHECK(key_size == 1 && key[0] == 'x' && value_size == 1 && value[0] == '3');
    CHECK(naive_next(&map, &iterator, key, 8, &key_size, value, 8, &value_size) == BO_FLASH_OK);
    CHECK(key[0] == 'y' && value[0] == '2');
    CHECK(naive_next(&map, &iterator, key, 8, &key_size, value, 8, &value_size) ==
          MAP_ERR_NOT_FOUND);
}

static uint64_t random_state = 1;
static unsigned cuts_that_lost, cuts;

/* Tears the call on a copy: the key in flight may be lost, others not, and it works on. */
static bool cut(struct ram_flash *from, const struct ram_flash_call *call)
{
    static struct ram_flash copy;
    struct naive saved = map;
    static uint8_t other_work[sizeof work];
    map.work = other_work;
    for (unsigned i = 0; i < 200; i++, cuts++) {
        enum ram_flash_tear_kind kind =
            call->data != NULL ? (enum ram_flash_tear_kind)(i % 6)
                               : (enum ram_flash_tear_kind[]){0, 1, 2, 6, 7, 8, 9}[i % 7];
        ram_flash_copy(&copy, from);
        uint32_t n = ram_flash_below(&random_state, call->size);
        ram_flash_tear(&copy, call, kind, n, &random_state);
        map.flash = &copy.flash;
        CHECK(holds("other", "kept"));
        CHECK(holds("key", "old value") || holds("key", "new value") || holds("key", NULL));
        cuts_that_lost += holds("key", NULL);
        CHECK(put("key", "later") == BO_FLASH_OK && holds("key", "later") &&
              holds("other", "kept"));
        naive_check(&map, true);
        CHECK(copy.breach == NULL);
    }
    map = saved;
    return false;
}

static void test_a_cut_costs_the_key_in_flight_and_no_other(uint16_t unit)
{
    open_map(unit);
    CHECK(put("key", "old value") == BO_FLASH_OK && put("other", "kept") == BO_FLASH_OK);
    ram.before = cut;
    cuts = cuts_that_lost = 0;
    CHECK(put("key", "new value") == BO_FLASH_OK && holds("key", "new value"));
    CHECK(cuts_that_lost > cuts / 10); /* that is what it is the baseline for */
}

static void test_the_bound_binds(void)
{
    open_map(4);
    CHECK(put("a", "1") == 0 && put("b", "2") == 0 && put("c", "3") == 0 && put("d", "4") == 0);
    struct ram_flash_counts before = ram.counts;
    struct bo_bound bound = naive_bound(&ram.flash.geometry);
    CHECK(put("d", "5") == BO_FLASH_OK);
    CHECK(ram.counts.reads - before.reads == bound.reads);
    CHECK(ram.counts.programs + ram.counts.erases - before.programs - before.erases ==
          bound.changes);
}

/* Read number `n` from now on answers an error. */
static void spoil_read(uint64_t n, int error)
{
    ram.glitch = (struct ram_flash_glitch){n, error, 0};
}

/* What each call answers when that read fails; nothing changes. A value is read in two pieces. */
static void test_a_read_that_fails_is_answered(void)
{
    struct naive_iterator iterator;
    char key[8], value[8];
    uint32_t key_size, value_size;
    open_map(4);
    CHECK(put("a", "one") == BO_FLASH_OK);
    struct ram_flash_counts before = ram.counts;
    for (uint64_t n = 1; n <= 2; n++) {
        spoil_read(n, BO_FLASH_ERR_IO);
        CHECK(naive_fetch(&map, "a", 1, value, 8, &value_size) == BO_FLASH_ERR_IO);
        spoil_read(n, BO_FLASH_ERR_IO);
        CHECK(put("a", "two") == BO_FLASH_ERR_IO);
        spoil_read(n, BO_FLASH_ERR_IO);
        CHECK(naive_remove(&map, "a", 1) == BO_FLASH_ERR_IO);
        spoil_read(n, BO_FLASH_ERR_IO);
        naive_iterate(&iterator);
        CHECK(naive_next(&map, &iterator, key, 8, &key_size, value, 8, &value_size) ==
              BO_FLASH_ERR_IO);
        spoil_read(n, BO_FLASH_ERR_ECC); /* nothing is held in that sector */
        CHECK(holds("a", NULL));
    }
    CHECK(ram.counts.programs == before.programs && ram.counts.erases == before.erases);
    CHECK(holds("a", "one"));
}

static bool refuse_programs(struct ram_flash *from, const struct ram_flash_call *call)
{
    (void)from;
    return call->data != NULL;
}

static bool refuse_erases(struct ram_flash *from, const struct ram_flash_call *call)
{
    (void)from;
    return call->data == NULL;
}

static void test_a_change_that_fails_is_answered(void)
{
    open_map(4);
    CHECK(put("a", "one") == BO_FLASH_OK && put("bb", "two") == BO_FLASH_OK);
    ram.before = refuse_erases;
    CHECK(put("a", "three") == BO_FLASH_ERR_IO && naive_remove(&map, "a", 1) == BO_FLASH_ERR_IO);
    CHECK(naive_remove_all(&map) == BO_FLASH_ERR_IO && holds("a", "one"));
    ram.before = refuse_programs;
    CHECK(put("a", "three") == BO_FLASH_ERR_IO);
    CHECK(holds("a", NULL) && holds("bb", "two")); /* it was erased to be updated */
}

static void test_sizes(void)
{
    static uint8_t large_work[512];
    struct naive_config config = {&ram.flash, large_work, sizeof large_work};
    struct naive_iterator iterator;
    char key[8], value[8];
    uint32_t key_size = 8, value_size;
    open_map(4);
    CHECK(naive_store(&map, key, 0x10000, "", 0) == MAP_ERR_TOO_BIG);
    CHECK(naive_store(&map, key, 1, value, 0x10000) == MAP_ERR_TOO_BIG);
    CHECK(put("", "nobody") == BO_FLASH_OK && holds("", "nobody"));
    CHECK(naive_fetch(&map, "", 0, value, 5, &value_size) == MAP_ERR_BUFFER && value_size == 6);
    naive_iterate(&iterator);
    CHECK(naive_next(&map, &iterator, key, 8, &key_size, value, 5, &value_size) == MAP_ERR_BUFFER);
    CHECK(naive_next(&map, &iterator, key, 8, &key_size, value, 8, &value_size) == BO_FLASH_OK &&
          key_size == 0 && value_size == 6);
    CHECK(put("", "") == BO_FLASH_OK && holds("", ""));
    naive_iterate(&iterator);
    CHECK(naive_next(&map, &iterator, key, 8, &key_size, value, 8, &value_size) == BO_FLASH_OK &&
          value_size == 0);
    CHECK(naive_mount(&map, &config) == BO_FLASH_OK);
    CHECK(naive_store(&map, "a", 1, large_work, 244) == MAP_ERR_TOO_BIG); /* for the sector */
    config.work_size = 63;
    CHECK(naive_mount(&map, &config) == MAP_ERR_GEOMETRY);
    config = (struct naive_config){&ram.flash, NULL, sizeof large_work};
    CHECK(naive_mount(&map, &config) == MAP_ERR_GEOMETRY);
}

int main(void)
{
    for (uint16_t unit = 1; unit <= 32; unit = (uint16_t)(unit * 2)) {
        test_keeps_one_value_a_sector(unit);
        test_a_cut_costs_the_key_in_flight_and_no_other(unit);
    }
    test_iterates_over_each_key_once();
    test_the_bound_binds();
    test_a_read_that_fails_is_answered();
    test_a_change_that_fails_is_answered();
    test_sizes();
    printf(failures == 0 ? "all passed\n" : "%u failures\n", failures);
    return failures != 0;
}
