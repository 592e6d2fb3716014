/* verified_test.c - each byte of a program and of an erase is left undone once, with an answer OK.
 */
#include "check_test.h"
#include "ram_flash.h"
#include "verified.h"

#define SECTOR 128u
#define SIZE 76u /* more than two pieces */
#define READ_UNIT 8u

static struct ram_flash ram;
static struct bo_verified verified;
static uint8_t written[SIZE];
static uint32_t undone; /* the byte of the flash that the next call leaves as it was */

static int lying_program(void *context, uint32_t address, const void *data, uint32_t size)
{
    uint8_t before = ram.bytes[undone];
    int error = ram_flash_program(context, address, data, size);
    ram.bytes[undone] = before;
    return error;
}

static int lying_erase(void *context, uint32_t address)
{
    uint8_t before = ram.bytes[undone];
    int error = ram_flash_erase(context, address);
    ram.bytes[undone] = before;
    return error;
}

static void begin(void)
{
    ram_flash_init(&ram, SECTOR, 3, 4, 0);
    ram.flash.geometry.read_unit = READ_UNIT;
    bo_verified_init(&verified, &ram.flash);
    for (uint32_t i = 0; i < SIZE; i++)
        written[i] = (uint8_t)(7 * i % 0x7F);
}

/* At 4 past a read unit, so that what is read is more than what was written. */
static int program(void)
{
    return bo_flash_program(&verified.flash, SECTOR + 4, written, SIZE);
}

static void test_what_was_done_is_passed_on(void)
{
    uint8_t bytes[READ_UNIT];
    begin();
    CHECK(bo_flash_erase(&verified.flash, SECTOR) == BO_FLASH_OK, "erase");
    CHECK(program() == BO_FLASH_OK, "program");
    CHECK(ram.counts.bytes_read <= SECTOR + SIZE + 2 * READ_UNIT, "each byte is read once");
    CHECK(bo_flash_read(&verified.flash, SECTOR + 8, bytes, READ_UNIT) == BO_FLASH_OK, "read");
    CHECK(memcmp(bytes, written + 4, READ_UNIT) == 0 && ram.breach == NULL, "%s", ram.breach);
}

static void test_a_byte_that_is_not_programmed_is_an_error(void)
{
    for (undone = SECTOR; undone < 2 * SECTOR; undone++) {
        bool touched = undone - SECTOR - 4 < SIZE;
        begin();
        ram.flash.program = lying_program;
        CHECK(program() == (touched ? BO_FLASH_ERR_IO : BO_FLASH_OK), "byte %u", undone);
        CHECK(ram.breach == NULL, "%s", ram.breach);
    }
}

static void test_a_byte_that_is_not_erased_is_an_error(void)
{
    for (undone = 0; undone < 3 * SECTOR; undone++) {
        bool touched = undone / SECTOR == 1;
        begin();
        memset(ram.bytes, 0x7F, 3 * SECTOR);
        ram.flash.erase = lying_erase;
        CHECK(bo_flash_erase(&verified.flash, SECTOR) == (touched ? BO_FLASH_ERR_IO : BO_FLASH_OK),
              "byte %u", undone);
        CHECK(ram.breach == NULL, "%s", ram.breach);
    }
}

static void test_an_error_is_passed_on(void)
{
    for (uint64_t at = 1; at <= 4; at++) {
        begin();
        ram.fail_at = at;
        CHECK(program() == BO_FLASH_ERR_IO && ram.fail_at == 0, "call %u", (unsigned)at);
        begin();
        ram.fail_at = at;
        CHECK(bo_flash_erase(&verified.flash, SECTOR) == BO_FLASH_ERR_IO, "call %u", (unsigned)at);
    }
}

int main(void)
{
    test_what_was_done_is_passed_on();
    test_a_byte_that_is_not_programmed_is_an_error();
    test_a_byte_that_is_not_erased_is_an_error();
    test_an_error_is_passed_on();
    printf("%u failures\n", failures);
    return failures != 0;
}
