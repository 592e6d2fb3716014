/* SPDX-License-Identifier: MIT */
/* naive.c - see naive.h. */
#include "naive.h"

#include <string.h>

#include "../check.h"
#include "../seq/seq_crc.h"

#define HEADER_SIZE 8u
#define CHECK_SIZE 4u
#define WORK_MIN 64u

struct entry {
    uint32_t key_size;
    uint32_t value_size;
};

static uint32_t round_up(const struct naive *map, uint32_t size)
{
    const struct bo_flash_geometry *g = &map->flash->geometry;
    uint32_t word = g->unit > g->read_unit ? g->unit : g->read_unit;
    return (size + word - 1) & ~(word - 1);
}

static uint32_t sector_address(const struct naive *map, uint32_t sector)
{
    return sector * map->flash->geometry.sector_size;
}

static void put_u16(uint8_t *to, uint32_t value)
{
    to[0] = (uint8_t)value;
    to[1] = (uint8_t)(value >> 8);
}

static uint32_t get_u16(const uint8_t *from)
{
    return (uint32_t)from[0] | (uint32_t)from[1] << 8;
}

/* The checksum of `size` bytes as it stands after them. High byte first: the low byte is never
 * 00, so the zeros with which an erase may begin at the end of a sector never complete a program
 * that was cut. */
static void checksum(const uint8_t *image, uint32_t size, uint8_t *check)
{
    uint32_t crc = seq_crc32_end(bo_crc32c(SEQ_CRC32_START, image, size));
    for (unsigned i = 0; i < CHECK_SIZE; i++)
        check[i] = (uint8_t)(crc >> (24 - 8 * i));
}

/* Reads a sector into the work buffer. 1: it holds an entry; 0: nothing valid; or an error. */
static int load(struct naive *map, uint32_t sector, struct entry *entry)
{
    uint32_t address = sector_address(map, sector), limit = map->flash->geometry.sector_size;
    uint32_t header = round_up(map, HEADER_SIZE);
    uint8_t check[CHECK_SIZE];
    int error = bo_flash_read(map->flash, address, map->work, header);
    if (error) return error == BO_FLASH_ERR_ECC ? 0 : error;
    entry->key_size = get_u16(map->work + 4);
    entry->value_size = get_u16(map->work + 6);
    uint32_t size = HEADER_SIZE + entry->key_size + entry->value_size;
    uint32_t whole = round_up(map, size + CHECK_SIZE);
    if (memcmp(map->work, "NAIV", 4) != 0 || whole > limit || whole > map->work_size) return 0;
    if (whole > header) {
        error = bo_flash_read(map->flash, address + header, map->work + header, whole - header);
        if (error) return error == BO_FLASH_ERR_ECC ? 0 : error;
    }
    checksum(map->work, size, check);
    return memcmp(map->work + size, check, CHECK_SIZE) == 0;
}

/* Finds the key's sector, its entry in the work buffer; `*free` becomes a sector that holds
 * nothing, or the sector count. 1: found; 0: not; or an error. */
static int find(struct naive *map, const void *key, uint32_t key_size, uint32_t *sector,
                struct entry *entry, uint32_t *free)
{
    uint32_t count = map->flash->geometry.sector_count;
    *free = count;
    for (*sector = 0; *sector < count; ++*sector) {
        int held = load(map, *sector, entry);
        if (held < 0) return held;
        if (held == 0 && *free == count) *free = *sector;
        if (held == 1 && entry->key_size == key_size &&
            memcmp(map->work + HEADER_SIZE, key, key_size) == 0)
            return 1;
    }
    return 0;
}

#ifdef BO_CHECKS

/* Keys longer than this are left out of the check. */
#define CHECKED_MAX 64u

static void check_flash(struct naive *map)
{
    uint8_t key[CHECKED_MAX];
    uint32_t count = map->flash->geometry.sector_count;
    struct entry entry, other;
    for (uint32_t i = 0; i < count; i++) {
        if (load(map, i, &entry) != 1 || entry.key_size > CHECKED_MAX) continue;
        memcpy(key, map->work + HEADER_SIZE, entry.key_size);
        for (uint32_t k = i + 1; k < count; k++)
            BO_CHECK(load(map, k, &other) != 1 || other.key_size != entry.key_size ||
                     memcmp(map->work + HEADER_SIZE, key, entry.key_size) != 0); /* 3 */
    }
}

void naive_check(struct naive *map, bool flash)
{
    BO_CHECK(map->flash != NULL && map->work != NULL && map->work_size >= WORK_MIN); /* 1 */
    if (flash) check_flash(map);
}

#endif

/* The end of a call. */
static int leave(struct naive *map, int answer)
{
    naive_check(map, false);
    (void)map;
    return answer;
}

/* The same, when `entry` is in the work buffer. */
static int leave_with(struct naive *map, const struct entry *entry, int answer)
{
    BO_CHECK(HEADER_SIZE + entry->key_size + entry->value_size + CHECK_SIZE <=
             map->work_size); /* 2 */
    (void)entry;
    return leave(map, answer);
}

int naive_mount(struct naive *map, const struct naive_config *config)
{
    const struct bo_flash_geometry *g = &config->flash->geometry;
    if (!bo_flash_geometry_valid(g) || g->erased != 0xFF || config->work == NULL ||
        config->work_size < WORK_MIN || g->sector_size < 64)
        return MAP_ERR_GEOMETRY;
    map->flash = config->flash;
    map->work = (uint8_t *)config->work;
    map->work_size = config->work_size;
    return leave(map, BO_FLASH_OK);
}

int naive_remove_all(struct naive *map)
{
    int error = BO_FLASH_OK;
    for (uint32_t i = 0; i < map->flash->geometry.sector_count && !error; i++)
        error = bo_flash_erase(map->flash, sector_address(map, i));
    return leave(map, error);
}

int naive_format(struct naive *map, const struct naive_config *config)
{
    int error = naive_mount(map, config);
    return error ? error : naive_remove_all(map);
}

int naive_fetch(struct naive *map, const void *key, uint32_t key_size, void *value,
                uint32_t capacity, uint32_t *value_size)
{
    struct entry entry;
    uint32_t sector, free;
    int found = find(map, key, key_size, &sector, &entry, &free);
    if (found <= 0) return leave(map, found < 0 ? found : MAP_ERR_NOT_FOUND);
    *value_size = entry.value_size;
    if (entry.value_size > capacity) return leave_with(map, &entry, MAP_ERR_BUFFER);
    if (entry.value_size != 0) memcpy(value, map->work + HEADER_SIZE + key_size, entry.value_size);
    return leave_with(map, &entry, BO_FLASH_OK);
}

int naive_store(struct naive *map, const void *key, uint32_t key_size, const void *value,
                uint32_t value_size)
{
    struct entry entry;
    uint32_t sector, free;
    if (key_size > 0xFFFF || value_size > 0xFFFF) return MAP_ERR_TOO_BIG;
    uint32_t size = HEADER_SIZE + key_size + value_size, whole = round_up(map, size + CHECK_SIZE);
    if (whole > map->work_size || whole > map->flash->geometry.sector_size) return MAP_ERR_TOO_BIG;
    int found = find(map, key, key_size, &sector, &entry, &free);
    if (found < 0) return leave(map, found);
    if (!found) sector = free;
    if (sector == map->flash->geometry.sector_count) return leave(map, MAP_ERR_FULL);
    memset(map->work, 0xFF, whole);
    memcpy(map->work, "NAIV", 4);
    put_u16(map->work + 4, key_size);
    put_u16(map->work + 6, value_size);
    if (key_size != 0) memcpy(map->work + HEADER_SIZE, key, key_size);
    if (value_size != 0) memcpy(map->work + HEADER_SIZE + key_size, value, value_size);
    checksum(map->work, size, map->work + size);
    int error = bo_flash_erase(map->flash, sector_address(map, sector));
    if (!error) error = bo_flash_program(map->flash, sector_address(map, sector), map->work, whole);
    return leave(map, error);
}

int naive_remove(struct naive *map, const void *key, uint32_t key_size)
{
    struct entry entry;
    uint32_t sector, free;
    int found = find(map, key, key_size, &sector, &entry, &free);
    if (found > 0) found = bo_flash_erase(map->flash, sector_address(map, sector));
    return leave(map, found);
}

void naive_iterate(struct naive_iterator *iterator)
{
    iterator->sector = 0;
}

int naive_next(struct naive *map, struct naive_iterator *iterator, void *key, uint32_t key_capacity,
               uint32_t *key_size, void *value, uint32_t value_capacity, uint32_t *value_size)
{
    for (; iterator->sector < map->flash->geometry.sector_count; iterator->sector++) {
        struct entry entry;
        int held = load(map, iterator->sector, &entry);
        if (held < 0) return leave(map, held);
        if (held == 0) continue;
        *key_size = entry.key_size;
        *value_size = entry.value_size;
        if (entry.key_size > key_capacity || entry.value_size > value_capacity)
            return leave_with(map, &entry, MAP_ERR_BUFFER);
        const uint8_t *data = map->work + HEADER_SIZE;
        if (entry.key_size != 0) memcpy(key, data, entry.key_size);
        if (entry.value_size != 0) memcpy(value, data + entry.key_size, entry.value_size);
        iterator->sector++;
        return leave_with(map, &entry, BO_FLASH_OK);
    }
    return leave(map, MAP_ERR_NOT_FOUND);
}
