/* twice_test.c - each read of a port that reads twice goes wrong, once or for ever. */
#include "check_test.h"
#include "ram_flash.h"
#include "twice.h"

#define SIZE 80u /* two pieces and a half */

static struct ram_flash ram;
static struct bo_twice twice;
static uint8_t written[SIZE];

static void begin(void)
{
    ram_flash_init(&ram, 128, 2, 4, 0);
    bo_twice_init(&twice, &ram.flash);
    for (uint32_t i = 0; i < SIZE; i++)
        written[i] = (uint8_t)(7 * i);
    CHECK(bo_flash_erase(&twice.flash, 128) == BO_FLASH_OK, "erase");
    CHECK(bo_flash_program(&twice.flash, 128, written, SIZE) == BO_FLASH_OK, "program");
}

static void test_one_bad_read_does_not_matter(void)
{
    static const int errors[] = {BO_FLASH_OK, BO_FLASH_ERR_IO, BO_FLASH_ERR_ECC};
    uint8_t bytes[SIZE];
    for (unsigned i = 0; i < 3 * 6 * 8; i++) {
        begin();
        ram.glitch = (struct ram_flash_glitch){1 + i / 3 % 6, errors[i % 3], i};
        memset(bytes, 0, SIZE);
        CHECK(bo_flash_read(&twice.flash, 128, bytes, SIZE) == BO_FLASH_OK, "glitch %u", i);
        CHECK(memcmp(bytes, written, SIZE) == 0, "glitch %u", i);
        CHECK(ram.glitch.at == 0 && ram.counts.reads == 8, "glitch %u", i);
    }
}

/* A part on which no two reads agree. */
static int never_twice(void *context, uint32_t address, void *buffer, uint32_t size)
{
    ram.glitch = (struct ram_flash_glitch){1, BO_FLASH_OK, (uint32_t)ram.counts.reads};
    return ram_flash_read(context, address, buffer, size);
}

static void test_what_is_never_read_twice_alike_is_an_error(void)
{
    uint8_t bytes[SIZE];
    begin();
    ram.flash.read = never_twice;
    CHECK(bo_flash_read(&twice.flash, 128, bytes, 4) == BO_FLASH_ERR_ECC, "never alike");
    CHECK(ram.counts.reads == 6, "three pairs");
    ram.flash.read = ram_flash_read;
    ram.off = true;
    CHECK(bo_flash_read(&twice.flash, 128, bytes, 4) == BO_FLASH_ERR_OFF, "an error, twice");
}

int main(void)
{
    test_one_bad_read_does_not_matter();
    test_what_is_never_read_twice_alike_is_an_error();
    printf("%u failures\n", failures);
    return failures != 0;
}
