/* outage_test.c - power goes away as often as asked, anywhere, and leaves what classes allow. */
#include "fuzz/wear/cut_rate.h"

#include <stdio.h>
#include <string.h>

#include "sim/part.h"

static int failures;

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                        \
            failures++;                                                                            \
        }                                                                                          \
    } while (0)

#define NUMBERS 100000u

static struct cut_rate example(uint64_t cuts, uint64_t of)
{
    return (struct cut_rate){.cuts = cuts,
                             .of = of,
                             .faults = FAULT_STABLE,
                             .effort = {.bits_max = 12, .masks = 4, .prefixes_max = 16},
                             .seed = 7};
}

static uint32_t strikes(const struct cut_rate *cut_rate)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < NUMBERS; i++)
        count += cut_rate_strikes(cut_rate, i);
    return count;
}

static void it_strikes_at_its_rate(void)
{
    struct cut_rate never = example(0, 1), always = example(3, 3), rare = example(1, 50);
    CHECK(strikes(&never) == 0);
    CHECK(strikes(&always) == NUMBERS);
    CHECK(strikes(&rare) > NUMBERS / 50 * 9 / 10 && strikes(&rare) < NUMBERS / 50 * 11 / 10);
}

static void another_seed_strikes_elsewhere(void)
{
    struct cut_rate one = example(1, 2), other = example(1, 2);
    uint32_t both = 0;
    other.seed++;
    for (uint32_t i = 0; i < NUMBERS; i++)
        both += cut_rate_strikes(&one, i) && cut_rate_strikes(&other, i);
    CHECK(both > NUMBERS / 4 * 9 / 10 && both < NUMBERS / 4 * 11 / 10);
}

static void every_place_is_as_likely(void)
{
    struct cut_rate cut_rate = example(1, 1);
    uint32_t counts[8] = {0};
    for (uint32_t i = 0; i < NUMBERS; i++) {
        uint32_t place = cut_rate_place(&cut_rate, i, 7);
        CHECK(place >= 1 && place <= 7);
        if (place <= 7) counts[place]++;
    }
    for (uint32_t place = 1; place <= 7; place++)
        CHECK(counts[place] > NUMBERS / 8 && counts[place] < NUMBERS / 6);
}

/* Three programs and an erase of a new chip; how many of them were done. */
static int write_some(struct chip *chip)
{
    const struct bo_flash *flash = chip_flash(chip);
    uint8_t data[256];
    memset(data, 0, sizeof data);
    for (uint32_t i = 0; i < 3; i++) {
        if (flash->program(flash->context, i * 256, data, sizeof data) != BO_FLASH_OK)
            return (int)i;
    }
    return flash->erase(flash->context, 0) == BO_FLASH_OK ? 4 : 3;
}

static void it_counts_or_cuts_the_nth(void)
{
    struct cut_rate cut_rate = example(1, 1);
    struct cut_rate_watch watch;
    struct chip *chip = chip_new(part_find("generic"));
    for (uint32_t nth = 0; nth <= 5; nth++) {
        chip_reset(chip);
        cut_rate_watch(&watch, &cut_rate, chip, 9, nth);
        int done = write_some(chip);
        cut_rate_unwatch(chip);
        bool cut = nth >= 1 && nth <= 4;
        CHECK(done == (cut ? (int)nth - 1 : 4));
        CHECK(chip_powered(chip) == !cut);
        CHECK(watch.met == (cut ? nth : 4));
        if (cut) CHECK(watch.erase == (nth == 4));
        if (cut) CHECK(fault_fits(&watch.tear, nth == 4 ? CHIP_ERASE : CHIP_PROGRAM));
    }
    chip_free(chip);
}

/* A long program has hundreds of prefixes, and yet they are but one class of three. What
 * is cut here is a program, which leaves no zeros. */
static void each_class_has_its_share(void)
{
    static const uint32_t sets[] = {FAULT_EDGE, FAULT_STABLE, FAULT_STABLE | FAULT_WEAK,
                                    FAULT_STABLE | FAULT_ROT};
    struct chip *chip = chip_new(part_find("generic"));
    for (size_t s = 0; s < sizeof sets / sizeof *sets; s++) {
        uint32_t counts[FAULT_CLASSES] = {0}, classes = 0;
        struct cut_rate cut_rate = example(1, 1);
        cut_rate.faults = sets[s];
        for (uint32_t i = 0; i < 600; i++) {
            struct cut_rate_watch watch;
            chip_reset(chip);
            cut_rate_watch(&watch, &cut_rate, chip, i, 1);
            write_some(chip);
            cut_rate_unwatch(chip);
            for (uint32_t c = 0; c < FAULT_CLASSES; c++)
                counts[c] += fault_class_of(&watch.tear) == 1u << c;
        }
        uint32_t allowed = sets[s] & ~(uint32_t)(FAULT_ROT | FAULT_ZEROS);
        for (uint32_t c = 0; c < FAULT_CLASSES; c++)
            classes += allowed >> c & 1;
        for (uint32_t c = 0; c < FAULT_CLASSES; c++) {
            if (allowed >> c & 1)
                CHECK(counts[c] > 600 / classes * 7 / 10);
            else
                CHECK(counts[c] == 0);
        }
    }
    chip_free(chip);
}

int main(void)
{
    it_strikes_at_its_rate();
    another_seed_strikes_elsewhere();
    every_place_is_as_likely();
    it_counts_or_cuts_the_nth();
    each_class_has_its_share();
    return failures != 0;
}
