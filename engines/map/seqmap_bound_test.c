/* seqmap_bound_test.c - the bounds of seqmap hold, and bind: the worst call that is found comes
 * within a factor of 4 of its bound.
 *
 * Method. Histories of stores and removals run on small parts, with a work buffer of a word, which
 * takes the most reads. So do images that are made to be dear: every sector sealed and full of
 * copies of the next one; full of live items, some torn where a marker is wanted; the same item all
 * over; torn items only; and noise. Each image is mounted, read, changed and mounted again, also
 * after an error of the flash. The worst reads and changes of each call are kept as a share of the
 * bound.
 */
#include <stdio.h>
#include <string.h>

#include "../bad_geometry.h"
#include "../ram_flash.h"
#include "../seq/seq_crc.h"
#include "seqmap_bound.h"

#define CALLS (SEQMAP_CALL_NEXT + 1)

static const char *const call_names[CALLS] = {"mount", "format", "fetch",
                                              "store", "remove", "next"};
static unsigned failures;

/* In thousandths of the bound. */
static uint64_t worst_reads[CALLS], worst_changes[CALLS];

struct bench {
    struct ram_flash ram;
    struct seqmap map;
    uint32_t work_size;
    uint8_t work[1024];
    struct ram_flash_counts before;
};

static struct bench bench;

/* Around a call. */
static void begin(struct bench *b)
{
    b->before = b->ram.counts;
}

static void end(struct bench *b, enum seqmap_call call)
{
    struct bo_bound bound = seqmap_bound(&b->ram.flash.geometry, b->work_size, call);
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

static int mount(struct bench *b)
{
    struct seqmap_config config = {&b->ram.flash, b->work, b->work_size, 1, NULL};
    begin(b);
    int error = seqmap_mount(&b->map, &config);
    end(b, SEQMAP_CALL_MOUNT);
    return error;
}

/* An error of the flash: the next call finds out everything anew. */
static void disturb(struct bench *b)
{
    uint8_t value[8];
    uint32_t size;
    b->ram.off = true;
    (void)seqmap_fetch(&b->map, "?", 1, value, sizeof value, &size);
    b->ram.off = false;
}

static int store(struct bench *b, uint8_t key, const void *value, uint32_t size)
{
    begin(b);
    int error = seqmap_store(&b->map, &key, 1, value, size);
    end(b, SEQMAP_CALL_STORE);
    return error;
}

static void fetch(struct bench *b, uint8_t key)
{
    uint8_t value[64];
    uint32_t size;
    begin(b);
    (void)seqmap_fetch(&b->map, &key, 1, value, sizeof value, &size);
    end(b, SEQMAP_CALL_FETCH);
}

static void drop(struct bench *b, const uint8_t *key)
{
    begin(b);
    (void)(key != NULL ? seqmap_remove(&b->map, key, 1) : seqmap_remove_all(&b->map));
    end(b, SEQMAP_CALL_REMOVE);
}

static void iterate(struct bench *b)
{
    struct seqmap_iterator at;
    uint8_t key[64], value[64];
    uint32_t key_size, size;
    int error;
    seqmap_iterate(&at);
    do {
        begin(b);
        error = seqmap_next(&b->map, &at, key, sizeof key, &key_size, value, sizeof value, &size);
        end(b, SEQMAP_CALL_NEXT);
    } while (!error);
}

static void format(struct bench *b)
{
    struct seqmap_config config = {&b->ram.flash, b->work, b->work_size, 1, NULL};
    begin(b);
    (void)seqmap_format(&b->map, &config);
    end(b, SEQMAP_CALL_FORMAT);
}

/* Images ------------------------------------------------------------------------------------ */

static uint32_t word_of(const struct bench *b)
{
    return seq_word_size(&b->ram.flash.geometry);
}

static uint32_t pages = 1; /* of a sector */

static void open_blank(struct bench *b, uint32_t words, uint32_t count, uint16_t unit)
{
    ram_flash_init(&b->ram, (words + 2) * unit, count, unit, 0);
    b->ram.flash.geometry.page_size /= pages;
    b->work_size = unit;
}

static void mark(struct bench *b, uint32_t sector, bool sealed)
{
    uint32_t size = b->ram.flash.geometry.sector_size, word = word_of(b);
    memset(b->ram.bytes + sector * size, 0, word);
    if (sealed) memset(b->ram.bytes + (sector + 1) * size - word, 0, word);
}

/* Item number `i` of a sector: a word of data that begins with the key. */
static void plant(struct bench *b, uint32_t sector, uint32_t i, uint8_t key, bool torn)
{
    uint32_t size = b->ram.flash.geometry.sector_size, word = word_of(b);
    uint32_t header = word > 8 ? word : 8, place = word + i * (header + word);
    uint8_t *item = b->ram.bytes + sector * size + place;
    if (place + header + word > size - word) return;
    memset(item, 0xFF, header);
    memset(item + header, 0x5A, word);
    item[header] = key;
    uint32_t crc = seq_crc32_end(bo_crc32c(SEQ_CRC32_START, item + header, word));
    uint32_t check = word | (uint32_t)seq_crc16(word) << 16;
    for (unsigned k = 0; k < 4; k++) {
        item[k] = (uint8_t)(crc >> 8 * k);
        item[4 + k] = (uint8_t)(check >> 8 * k);
    }
    if (torn) item[0] ^= 1;
}

static uint32_t items(const struct bench *b)
{
    return (uint32_t)seqmap_items(&b->ram.flash.geometry);
}

/* So that the sector looks less like an interrupted erase, and is not the only one looked into. */
static void remove_last(struct bench *b, uint32_t sector)
{
    uint32_t size = b->ram.flash.geometry.sector_size, word = word_of(b);
    uint32_t header = word > 8 ? word : 8, place = word + (items(b) - 1) * (header + word);
    memset(b->ram.bytes + sector * size + place, 0, 4);
}

/* Everything that can be done with an image. */
static void use(struct bench *b)
{
    static struct ram_flash saved;
    uint8_t value[64] = {0};
    ram_flash_copy(&saved, &b->ram);
    for (unsigned way = 0; way < 12; way++) {
        ram_flash_copy(&b->ram, &saved);
        int error = mount(b);
        if (way % 2 != 0) disturb(b);
        if (way / 2 == 0) fetch(b, 0);
        if (way / 2 == 1) iterate(b);
        if (way / 2 == 2) drop(b, value);
        if (way / 2 == 3) drop(b, NULL);
        if (way / 2 == 4) format(b);
        if (way / 2 == 5) (void)store(b, 255, value, word_of(b) - 1);
        if (!error && way / 2 != 4) fetch(b, 250);
    }
    /* A store that needs a whole sector. */
    ram_flash_copy(&b->ram, &saved);
    if (mount(b) == 0) (void)store(b, 254, value, word_of(b) - 1);
}

/* Fills a sector with items of no data, and so without a key. */
static void plant_empty(struct bench *b, uint32_t sector)
{
    static const uint8_t empty[8] = {0x11, 0x11, 0x11, 0x11, 0, 0, 0x03, 0xE2};
    uint32_t size = b->ram.flash.geometry.sector_size, word = word_of(b);
    uint32_t header = word > 8 ? word : 8;
    for (uint32_t at = word; at + header <= size - word; at += header) {
        memset(b->ram.bytes + sector * size + at, 0xFF, header);
        memcpy(b->ram.bytes + sector * size + at, empty, sizeof empty);
    }
}

enum image { IMAGE_PAIRS, IMAGE_FULL, IMAGE_SAME, IMAGE_TORN, IMAGE_EMPTY, IMAGE_NOISE, IMAGES };

static void make(struct bench *b, enum image image, bool one_open)
{
    static uint64_t random = 7;
    uint32_t count = b->ram.flash.geometry.sector_count;
    for (uint32_t sector = 0; sector < count; sector++) {
        mark(b, sector, !(one_open && sector == 0));
        for (uint32_t i = 0; i < items(b); i++) {
            uint32_t key = image == IMAGE_PAIRS  ? sector / 2 * items(b) + i
                           : image == IMAGE_FULL ? sector * items(b) + i
                                                 : 0;
            plant(b, sector, i, (uint8_t)key, image == IMAGE_TORN);
        }
        if (image == IMAGE_PAIRS && sector == 1) remove_last(b, sector);
        if (image == IMAGE_EMPTY) plant_empty(b, sector);
        uint32_t size = b->ram.flash.geometry.sector_size;
        for (uint32_t i = word_of(b); image == IMAGE_NOISE && i < size - word_of(b); i++)
            b->ram.bytes[sector * size + i] = (uint8_t)ram_flash_random(&random);
    }
}

/* A migration from a full sector, of which a copy was cut, so that the rest does not fit. */
static void make_cut(struct bench *b)
{
    for (uint32_t sector = 0; sector < b->ram.flash.geometry.sector_count; sector++) {
        mark(b, sector, sector != 0);
        for (uint32_t i = 0; i < (sector == 0 ? 2 : items(b)); i++)
            plant(b, sector, i, (uint8_t)((sector == 0 ? 1 : sector) * items(b) + i),
                  sector == 0 && i == 1);
    }
}

static void test_images(uint32_t words, uint32_t count, uint16_t unit)
{
    for (unsigned image = 0; image < IMAGES; image++)
        for (unsigned open = 0; open < 2; open++) {
            open_blank(&bench, words, count, unit);
            make(&bench, (enum image)image, open != 0);
            use(&bench);
        }
    open_blank(&bench, words, count, unit);
    make_cut(&bench);
    use(&bench);
}

/* A map is filled until it is full, and a little more; then used. */
static void test_history(uint32_t words, uint32_t count, uint16_t unit)
{
    uint8_t value[64] = {1, 2, 3};
    open_blank(&bench, words, count, unit);
    (void)mount(&bench);
    for (uint8_t key = 0; key < 250; key++)
        if (store(&bench, key, value, unit - 1u)) break;
    use(&bench);
    for (uint8_t key = 0; key < 40; key++)
        (void)store(&bench, key, value, unit - 1u);
    for (uint8_t key = 0; key < 250; key = (uint8_t)(key + 2)) {
        drop(&bench, &key);
        (void)store(&bench, 100, value, unit - 1u);
    }
    use(&bench);
    /* Now with room, but for a value of a whole sector; items at the ends of sectors are torn. */
    open_blank(&bench, words, count, unit);
    bench.work_size = sizeof bench.work;
    (void)mount(&bench);
    for (uint8_t key = 0; key < 250; key++)
        if (store(&bench, key, value, unit - 1u)) break;
    for (uint32_t sector = 0; sector < count; sector++)
        bench.ram.bytes[(sector + 1) * (words + 2) * unit - 2u * unit] ^= 1;
    static uint8_t large[1024];
    (void)mount(&bench);
    (void)store(&bench, 251, large, words * unit - (unit > 8 ? unit : 8) - 1u);
    use(&bench);
}

static void test_none_is_stated(void)
{
    unsigned calls = 0;
    struct bo_bound bound;
    for (unsigned call = 0; call < CALLS; call++) {
        for (unsigned i = 0; i < BAD_GEOMETRIES; i++) {
            struct bo_flash flash = bad_geometry_flash(i, &calls);
            bound = seqmap_bound(&flash.geometry, 64, (enum seqmap_call)call);
            if (bound.reads == 0 && bound.changes == 0) continue;
            failures++;
            printf("FAILED %s: a bound for %s\n", call_names[call], bad_geometries[i].what);
        }
        open_blank(&bench, 8, 1, 8);
        bound = seqmap_bound(&bench.ram.flash.geometry, 64, (enum seqmap_call)call);
        failures += bound.reads != 0 || bound.changes != 0;
        open_blank(&bench, 8, 2, 8);
        bound = seqmap_bound(&bench.ram.flash.geometry, 7, (enum seqmap_call)call);
        failures += bound.reads != 0 || bound.changes != 0;
    }
    if (failures) printf("FAILED %s: %u\n", __func__, failures);
}

int main(void)
{
    test_none_is_stated();
    pages = 2; /* the bounds hold with more pages too, and bind with one */
    test_images(8, 2, 8);
    test_history(32, 3, 8);
    pages = 1;
    for (uint16_t unit = 8; unit <= 32; unit = (uint16_t)(unit * 2))
        for (uint32_t words = 8; words <= 104 && words * unit < 900; words += 24)
            for (uint32_t count = 2; count <= 4; count++) {
                test_images(words, count, unit);
                test_history(words, count, unit);
            }
    for (unsigned call = 0; call < CALLS; call++) {
        printf("%-7s worst %3u.%u %% of the bound of reads, %3u.%u %% of changes\n",
               call_names[call], (unsigned)(worst_reads[call] / 10),
               (unsigned)(worst_reads[call] % 10), (unsigned)(worst_changes[call] / 10),
               (unsigned)(worst_changes[call] % 10));
        bool changes =
            call == SEQMAP_CALL_STORE || call == SEQMAP_CALL_REMOVE || call == SEQMAP_CALL_FORMAT;
        if (worst_reads[call] >= 250 && (!changes || worst_changes[call] >= 250)) continue;
        failures++;
        printf("FAILED %s: the worst call found is below a quarter of the bound\n",
               call_names[call]);
    }
    return failures != 0;
}
