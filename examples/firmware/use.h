/* use.h - one engine at work, for main.c. Each use_ENGINE.c defines `use`; one is linked.
 *
 * The work is numbered steps. Step n always does the same, so what n steps leave is known.
 */
#ifndef FIRMWARE_USE_H
#define FIRMWARE_USE_H

#include <stdbool.h>
#include <stdint.h>

#include "engines/flash.h"

struct use {
    const char *name;
    uint32_t steps; /* that are done: two laps around the part, and more */
    /* What a cut step may have lost comes back when it is done again; until then it is missing. */
    bool cut_may_lose;
    /* Power-on. The next two return 0 or an error of the engine. */
    int (*mount)(const struct bo_flash *flash);
    int (*step)(uint32_t n);
    /* How many steps the store shows. */
    uint32_t (*count)(void);
    /* Whether it holds what `n` steps leave, and nothing else. */
    bool (*holds)(uint32_t n);
};

extern const struct use use;

/* What steps write: up to 24 bytes that only step n writes, the first four of them n. */
#define USE_SIZE_MAX 24u
uint32_t use_fill(uint32_t n, uint8_t *bytes);

/* Whether that is what was read; and the number in it. */
bool use_is(uint32_t n, const uint8_t *bytes, uint32_t size);
uint32_t use_number(const uint8_t *bytes);

/* The steps of a queue: 10 pushes, then a pop and a push in turn. After n steps items from
 * use_popped(n) to use_pushed(n) are held. */
bool use_pops(uint32_t n);
uint32_t use_popped(uint32_t n);
uint32_t use_pushed(uint32_t n);

/* The steps of a map: step n stores the key n % USE_KEYS. */
#define USE_KEYS 5u

/* `count` and `holds` of a map, by what fetches from it: at most USE_SIZE_MAX bytes, and 0 or an
 * error of engines/map/map.h. */
typedef int use_fetch(uint8_t key, uint8_t *value, uint32_t *size);
uint32_t use_map_count(use_fetch *fetch);
bool use_map_holds(use_fetch *fetch, uint32_t n);

#endif
