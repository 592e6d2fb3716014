/* seqqueue_bound_test.c - the bounds of seqqueue hold, and bind: the worst call that is found comes
 * within a factor of 4 of its bound.
 *
 * Method. Queues of small items are filled and emptied, with a work buffer of a word, which takes
 * the most reads; and images are made that are dear: every sector sealed and full of torn items, of
 * popped ones, of good ones, and noise. Each is mounted, read and changed, also after an error of
 * the flash. The worst reads and changes of each call are kept as a share of the bound.
 */
#include <stdio.h>
#include <string.h>

#include "../ram_flash.h"
#include "../seq/seq_crc.h"
#include "seqqueue_bound.h"

#define CALLS (SEQQUEUE_CALL_CLEAR + 1)

static const char *const call_names[CALLS] = {"mount", "format", "push", "peek", "pop", "clear"};
static unsigned failures;

/* In thousandths of the bound. */
static uint64_t worst_reads[CALLS], worst_changes[CALLS];

struct bench {
    struct ram_flash ram;
    struct seqqueue queue;
    uint8_t work[BO_FLASH_UNIT_MAX];
    struct ram_flash_counts before;
};

static struct bench bench;

static void begin(struct bench *b)
{
    b->before = b->ram.counts;
}

static void end(struct bench *b, enum seqqueue_call call)
{
    struct bo_bound bound = seqqueue_bound(&b->ram.flash.geometry, call);
    const struct ram_flash_counts *now = &b->ram.counts;
    uint64_t reads = now->reads - b->before.reads;
    uint64_t changes = now->programs + now->erases - b->before.programs - b->before.erases;
    if (reads > bound.reads || changes > bound.changes) {
        failures++;
        printf("FAILED %s: %u reads of %u, %u changes of %u\n", call_names[call], (unsigned)reads,
               (unsigned)bound.reads, (unsigned)changes, (unsigned)bound.changes);
    }
    uint64_t share = bound.reads != 0 ? 1000 * reads / bound.reads : 0;
    if (share > worst_reads[call]) worst_reads[call] = share;
    share = bound.changes != 0 ? 1000 * changes / bound.changes : 0;
    if (share > worst_changes[call]) worst_changes[call] = share;
}

static uint32_t word_of(const struct bench *b)
{
    return seq_word_size(&b->ram.flash.geometry);
}

static struct seqqueue_config config_of(struct bench *b)
{
    struct seqqueue_config config = {&b->ram.flash, b->work, word_of(b), NULL};
    return config;
}

static int mount(struct bench *b)
{
    struct seqqueue_config config = config_of(b);
    begin(b);
    int error = seqqueue_mount(&b->queue, &config);
    end(b, SEQQUEUE_CALL_MOUNT);
    return error;
}

/* An error of the flash: the next call finds out everything anew. */
static void disturb(struct bench *b)
{
    uint32_t size;
    b->ram.off = true;
    (void)seqqueue_push(&b->queue, "", 0, true);
    (void)seqqueue_max_fit(&b->queue, &size);
    b->ram.off = false;
}

/* One call of a kind; its error. */
static int call(struct bench *b, enum seqqueue_call which, bool other)
{
    static uint8_t item[2048];
    struct seqqueue_config config = config_of(b);
    uint32_t size, most = seqqueue_length_max(&b->ram.flash.geometry);
    uint64_t bytes;
    begin(b);
    int error = BO_FLASH_OK;
    if (which == SEQQUEUE_CALL_PUSH)
        error = seqqueue_push(&b->queue, item, other ? most : word_of(b), other);
    else if (which == SEQQUEUE_CALL_PEEK && other)
        error = seqqueue_space_left(&b->queue, &bytes);
    else if (which == SEQQUEUE_CALL_PEEK)
        error = seqqueue_peek(&b->queue, item, sizeof item, &size);
    else if (which == SEQQUEUE_CALL_POP)
        error = seqqueue_pop(&b->queue, item, sizeof item, &size);
    else if (which == SEQQUEUE_CALL_CLEAR)
        error = seqqueue_clear(&b->queue);
    else if (which == SEQQUEUE_CALL_FORMAT)
        error = seqqueue_format(&b->queue, &config);
    end(b, which);
    return error;
}

/* Everything that can be done with what is on the flash. */
static void use(struct bench *b)
{
    static struct ram_flash saved;
    ram_flash_copy(&saved, &b->ram);
    for (unsigned which = 0; which < CALLS; which++)
        for (unsigned way = 0; way < 4; way++) {
            ram_flash_copy(&b->ram, &saved);
            (void)mount(b);
            if (way % 2 != 0) disturb(b);
            if (which == SEQQUEUE_CALL_MOUNT) continue;
            (void)call(b, (enum seqqueue_call)which, way / 2 != 0);
            (void)call(b, SEQQUEUE_CALL_PEEK, way / 2 != 0);
        }
}

enum image { IMAGE_GOOD, IMAGE_POPPED, IMAGE_TORN, IMAGE_LAST, IMAGE_EMPTY, IMAGE_NOISE, IMAGES };

/* Fills a sector with items of a word, or of no data. */
static void fill(struct bench *b, uint32_t sector, enum image image)
{
    uint32_t size = b->ram.flash.geometry.sector_size, word = word_of(b), data = word;
    uint32_t header = word > 8 ? word : 8;
    if (image == IMAGE_EMPTY) data = 0;
    for (uint32_t at = word; at + header + data <= size - word; at += header + data) {
        uint8_t *item = b->ram.bytes + sector * size + at;
        bool last = at + 2 * (header + data) > size - word;
        memset(item, 0xFF, header);
        memset(item + header, 0x5A, data);
        uint32_t crc = seq_crc32_end(bo_crc32c(SEQ_CRC32_START, item + header, data));
        uint32_t check = data | (uint32_t)seq_crc16(data) << 16;
        if (image == IMAGE_POPPED) crc = 0;
        if (image == IMAGE_TORN || (image == IMAGE_LAST && !last)) crc ^= 1;
        for (unsigned k = 0; k < 4; k++) {
            item[k] = (uint8_t)(crc >> 8 * k);
            item[4 + k] = (uint8_t)(check >> 8 * k);
        }
    }
}

static void make(struct bench *b, enum image image, unsigned words)
{
    static uint64_t random = 7;
    uint32_t size = b->ram.flash.geometry.sector_size, word = word_of(b);
    for (uint32_t sector = 0; sector < b->ram.flash.geometry.sector_count; sector++) {
        uint8_t *bytes = b->ram.bytes + sector * size;
        fill(b, sector, image);
        for (uint32_t i = word; image == IMAGE_NOISE && i < size - word; i++)
            bytes[i] = (uint8_t)ram_flash_random(&random);
        memset(bytes, 0, word);
        if (words != 1 || sector != 0) memset(bytes + size - word, 0, word);
        if (words == 2 && sector == 0) memset(bytes, 0xFF, size);
    }
}

/* Pushes until it is full, then pops, one call after the other. */
static void test_history(struct bench *b)
{
    (void)mount(b);
    while (call(b, SEQQUEUE_CALL_PUSH, false) == BO_FLASH_OK)
        continue;
    use(b);
    for (unsigned i = 0; i < 20; i++)
        (void)call(b, SEQQUEUE_CALL_PUSH, i % 3 == 0);
    for (unsigned i = 0; i < 5; i++)
        (void)call(b, SEQQUEUE_CALL_POP, false);
    use(b);
    while (call(b, SEQQUEUE_CALL_POP, false) == BO_FLASH_OK)
        continue;
    use(b);
}

/* The oldest item is the only one left, and is popped: all other sectors are done. */
static void test_last_of_all(struct bench *b)
{
    static uint8_t item[64];
    struct seqqueue_iterator at;
    uint32_t size;
    (void)mount(b);
    while (call(b, SEQQUEUE_CALL_PUSH, false) == BO_FLASH_OK)
        continue;
    seqqueue_iterate(&at);
    (void)seqqueue_next(&b->queue, &at, item, sizeof item, &size);
    while (seqqueue_next(&b->queue, &at, item, sizeof item, &size) == BO_FLASH_OK) {
        begin(b);
        (void)seqqueue_take(&b->queue, &at);
        end(b, SEQQUEUE_CALL_POP);
    }
    use(b);
}

static void test_part(uint32_t words, uint32_t count, uint16_t unit, uint32_t page_size)
{
    for (unsigned image = 0; image < IMAGES; image++)
        for (unsigned sealed = 0; sealed < 3; sealed++) {
            ram_flash_init(&bench.ram, words * unit, count, unit, 0);
            if (page_size != 0) bench.ram.flash.geometry.page_size = page_size;
            make(&bench, (enum image)image, sealed);
            use(&bench);
        }
    ram_flash_init(&bench.ram, words * unit, count, unit, 0);
    if (page_size != 0) bench.ram.flash.geometry.page_size = page_size;
    test_history(&bench);
    ram_flash_blank(&bench.ram, 0, words * unit * count);
    test_last_of_all(&bench);
}

int main(void)
{
    for (uint16_t unit = 1; unit <= 32; unit = (uint16_t)(unit * 2))
        for (uint32_t words = 32; words <= 64; words += 16)
            for (uint32_t count = 1; count <= 5; count++) {
                test_part(words, count, unit, 0);
                test_part(words, count, unit, unit);
            }
    for (unsigned i = 0; i < CALLS; i++) {
        printf("%-7s worst %3u.%u %% of the bound of reads, %3u.%u %% of changes\n", call_names[i],
               (unsigned)(worst_reads[i] / 10), (unsigned)(worst_reads[i] % 10),
               (unsigned)(worst_changes[i] / 10), (unsigned)(worst_changes[i] % 10));
        bool changes = i != SEQQUEUE_CALL_MOUNT && i != SEQQUEUE_CALL_PEEK;
        if (worst_reads[i] >= 250 && (!changes || worst_changes[i] >= 250)) continue;
        failures++;
        printf("FAILED %s: the worst call found is below a quarter of the bound\n", call_names[i]);
    }
    return failures != 0;
}
