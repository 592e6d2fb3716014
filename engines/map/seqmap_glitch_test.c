/* seqmap_glitch_test.c - reads that go wrong once: no map returns with OK what was never stored.
 *
 * Method. A map is filled, each key with an older and a newer value, some larger than the work
 * buffer. Then, for the n-th read of a mount, a fetch of each key, of one that is not there, and an
 * iteration: each of its bits reads wrong once, or the read fails once, for every n until no read
 * is left to go wrong. Whatever is returned with OK must be a value that this key had. Without a
 * glitch in the call itself, the next call is right again.
 */
#include <stdio.h>
#include <string.h>

#include "../ram_flash.h"
#include "naive.h"
#include "seqmap.h"

#define KEYS 4u
#define VALUE_MAX 60u
#define WORK_MAX 256u

static unsigned failures, calls;

static void fail(const char *what, uint32_t work_size, const struct ram_flash_glitch *glitch)
{
    failures++;
    printf("FAILED %s: work buffer of %u, read %u, bit %u, error %d\n", what, (unsigned)work_size,
           (unsigned)glitch->at, (unsigned)glitch->bit, glitch->error);
}

struct bench {
    struct ram_flash ram;
    uint16_t key_size;
    uint32_t work_size;
    uint8_t work[WORK_MAX];
    struct seqmap map;
};

static struct bench bench;

/* Key `number`, and its value of an age: 0 the newest. */
static uint32_t key_bytes(const struct bench *b, unsigned number, uint8_t *key)
{
    uint32_t size = b->key_size == SEQMAP_KEY_PREFIXED ? 3 + 9 * number : b->key_size;
    memset(key, 0x11, size);
    key[size - 1] = (uint8_t)number; /* some are a bit from each other */
    return size;
}

static uint32_t value_bytes(unsigned number, unsigned age, uint8_t *value)
{
    uint32_t size = 5 + 15 * number + age;
    for (uint32_t i = 0; i < size; i++)
        value[i] = (uint8_t)(number * 64 + age * 16 + i);
    return size;
}

static int mount(struct bench *b)
{
    struct seqmap_config config = {&b->ram.flash, b->work, b->work_size, b->key_size, NULL};
    return seqmap_mount(&b->map, &config);
}

static void fill(struct bench *b, uint16_t key_size)
{
    uint8_t key[64], value[VALUE_MAX + 8];
    b->key_size = key_size;
    b->work_size = WORK_MAX;
    ram_flash_init(&b->ram, 256, 4, 4, 0);
    (void)mount(b);
    for (unsigned age = 2; age-- != 0;)
        for (unsigned k = 0; k < KEYS; k++) {
            uint32_t size = value_bytes(k, age, value);
            if (seqmap_store(&b->map, key, key_bytes(b, k, key), value, size))
                fail("store", WORK_MAX, &b->ram.glitch);
        }
}

/* Whether a value is one that the key has, of an age up to this. */
static bool known(unsigned number, unsigned age_max, const uint8_t *value, uint32_t size)
{
    uint8_t wanted[VALUE_MAX + 8];
    for (unsigned age = 0; age <= age_max; age++)
        if (value_bytes(number, age, wanted) == size && memcmp(value, wanted, size) == 0)
            return true;
    return false;
}

/* A fetch of key `number`; one that is not there is KEYS. */
static bool fetch_is_right(struct bench *b, unsigned number, bool strict)
{
    uint8_t key[64], value[VALUE_MAX + 8];
    uint32_t size = 0;
    int error = seqmap_fetch(&b->map, key, key_bytes(b, number, key), value, sizeof value, &size);
    calls++;
    if (number == KEYS) return strict ? error == MAP_ERR_NOT_FOUND : error != BO_FLASH_OK;
    if (error) return !strict;
    return known(number, strict ? 0 : 1, value, size);
}

/* An iteration to its end, or to an error. */
static bool iteration_is_right(struct bench *b, unsigned number, bool strict)
{
    uint8_t key[64], wanted[64], value[VALUE_MAX + 8];
    uint32_t key_size, size;
    struct seqmap_iterator at;
    (void)number, (void)strict;
    seqmap_iterate(&at);
    calls++;
    while (seqmap_next(&b->map, &at, key, sizeof key, &key_size, value, sizeof value, &size) == 0) {
        unsigned k = 0;
        while (k < KEYS && (key_bytes(b, k, wanted) != key_size || memcmp(key, wanted, key_size)))
            k++;
        if (k == KEYS || !known(k, 1, value, size)) return false;
    }
    return true;
}

/* A mount, with a fetch after it. */
static bool mount_is_right(struct bench *b, unsigned number, bool strict)
{
    int error = mount(b);
    return error ? !strict : fetch_is_right(b, number, strict);
}

typedef bool call_is_right(struct bench *b, unsigned number, bool strict);

/* Has each read of a call go wrong in one way. False when the call has no such read. */
static bool glitch(struct bench *b, call_is_right *call, unsigned number,
                   struct ram_flash_glitch with)
{
    if (mount(b)) fail("mount", b->work_size, &with);
    b->ram.glitch = with;
    if (!call(b, number, false)) fail("wrong with OK", b->work_size, &with);
    bool met = b->ram.glitch.at == 0;
    b->ram.glitch.at = 0;
    if (call != mount_is_right && !call(b, number, true)) fail("afterwards", b->work_size, &with);
    return met;
}

static void glitch_all(struct bench *b, call_is_right *call, unsigned number)
{
    static const int errors[] = {BO_FLASH_ERR_IO, BO_FLASH_ERR_ECC};
    bool met = true;
    for (uint64_t at = 1; met; at++) {
        for (uint32_t bit = 0; bit < 8 * b->work_size && met; bit += b->work_size > 64 ? 5 : 1)
            met = glitch(b, call, number, (struct ram_flash_glitch){at, BO_FLASH_OK, bit});
        for (unsigned i = 0; i < 2 && met; i++)
            met = glitch(b, call, number, (struct ram_flash_glitch){at, errors[i], 7 * i});
    }
}

/* The same for naive, which has the whole entry in its work buffer. */
static void test_naive(void)
{
    static struct ram_flash ram;
    uint8_t work[96], value[VALUE_MAX + 8], read[VALUE_MAX + 8];
    struct naive map;
    struct naive_config config = {&ram.flash, work, sizeof work};
    uint32_t size;
    ram_flash_init(&ram, 128, 4, 4, 0);
    (void)naive_mount(&map, &config);
    for (uint8_t k = 0; k < 3; k++)
        if (naive_store(&map, &k, 1, value, value_bytes(k, 0, value)))
            fail("naive store", 0, &ram.glitch);
    for (uint64_t at = 1; at <= 7; at++)
        for (uint32_t bit = 0; bit < 8 * sizeof work; bit++)
            for (uint8_t k = 0; k < 4; k++) {
                struct ram_flash_glitch with = {at, BO_FLASH_OK, bit};
                ram.glitch = with;
                int error = naive_fetch(&map, &k, 1, read, sizeof read, &size);
                if (!error && (k == 3 || !known(k, 0, read, size))) fail("naive", 0, &with);
            }
}

int main(void)
{
    static const uint32_t work_sizes[] = {4, 16, WORK_MAX};
    static const uint16_t key_sizes[] = {1, 40, SEQMAP_KEY_PREFIXED};
    for (unsigned i = 0; i < 9; i++) {
        fill(&bench, key_sizes[i % 3]);
        bench.work_size = work_sizes[i / 3];
        for (unsigned k = 0; k <= KEYS; k++) {
            glitch_all(&bench, fetch_is_right, k);
            glitch_all(&bench, mount_is_right, k);
        }
        glitch_all(&bench, iteration_is_right, 0);
    }
    test_naive();
    printf("%u calls, %u failures\n", calls, failures);
    return failures != 0;
}
