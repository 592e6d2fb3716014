/* SPDX-License-Identifier: MIT */
/* seq_cache.h - memory of the caller that saves reads.
 *
 * Three parts, each optional (NULL, count 0), none needed for correctness:
 *   states   one byte a sector: what its two words say
 *   sectors  for each sector: where its first item that was not removed is, where its items end
 *   keys     the most recently used keys and the address of their newest copy
 * Which sector is which is otherwise kept by the engine in a few bytes (the head and the number of
 * sealed sectors before it), so `states` matters to mount only.
 *
 * An entry is dropped before the flash under it is changed and noted after the change succeeded;
 * any error of the flash drops everything. A build with SEQ_NO_CACHE leaves all of it out.
 */
#ifndef BROWNOUT_SEQ_CACHE_H
#define BROWNOUT_SEQ_CACHE_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What is known of a sector; 0 in either field: nothing. Addresses from the start of the region. */
struct seq_cache_sector {
    uint32_t first; /* nothing that counts lies before this address */
    uint32_t end;   /* the items end here */
};

/* A key and the newest copy of it. Keys longer than the array are not cached. */
#define SEQ_CACHE_KEY_MAX 16u
struct seq_cache_key {
    uint32_t address; /* 0: this entry is free */
    uint8_t size;
    uint8_t key[SEQ_CACHE_KEY_MAX];
};

struct seq_cache {
    uint8_t *states;                  /* NULL, or sector_count bytes */
    struct seq_cache_sector *sectors; /* NULL, or sector_count entries */
    struct seq_cache_key *keys;       /* NULL, or key_count entries, most recent first */
    uint32_t key_count;
};

#ifndef SEQ_NO_CACHE

/* Every function takes NULL for "no cache" and does nothing then. */

/* Forgets everything. */
void seq_cache_clear(struct seq_cache *cache, uint32_t sector_count);

/* enum seq_sector_state, or -1 when it is not known. */
int seq_cache_state(const struct seq_cache *cache, uint32_t sector);
void seq_cache_note_state(struct seq_cache *cache, uint32_t sector, int state); /* -1: unknown */

/* Where to begin and to stop scanning; `otherwise` when it is not known. */
uint32_t seq_cache_first(const struct seq_cache *cache, uint32_t sector, uint32_t otherwise);
uint32_t seq_cache_end(const struct seq_cache *cache, uint32_t sector, uint32_t otherwise);
void seq_cache_note_first(struct seq_cache *cache, uint32_t sector, uint32_t first);
void seq_cache_note_end(struct seq_cache *cache, uint32_t sector, uint32_t end);

/* Before a sector is erased: state and both addresses are no longer known. */
void seq_cache_forget_sector(struct seq_cache *cache, uint32_t sector);

/* Address of the newest copy of a key, or 0. */
uint32_t seq_cache_key(const struct seq_cache *cache, const uint8_t *key, uint32_t size);
void seq_cache_note_key(struct seq_cache *cache, const uint8_t *key, uint32_t size,
                        uint32_t address);
void seq_cache_forget_key(struct seq_cache *cache, const uint8_t *key, uint32_t size);

#else

static inline void seq_cache_clear(struct seq_cache *cache, uint32_t sector_count)
{
    (void)cache, (void)sector_count;
}

static inline int seq_cache_state(const struct seq_cache *cache, uint32_t sector)
{
    (void)cache, (void)sector;
    return -1;
}

static inline void seq_cache_note_state(struct seq_cache *cache, uint32_t sector, int state)
{
    (void)cache, (void)sector, (void)state;
}

static inline uint32_t seq_cache_first(const struct seq_cache *cache, uint32_t sector,
                                       uint32_t otherwise)
{
    (void)cache, (void)sector;
    return otherwise;
}

static inline uint32_t seq_cache_end(const struct seq_cache *cache, uint32_t sector,
                                     uint32_t otherwise)
{
    (void)cache, (void)sector;
    return otherwise;
}

static inline void seq_cache_note_first(struct seq_cache *cache, uint32_t sector, uint32_t first)
{
    (void)cache, (void)sector, (void)first;
}

static inline void seq_cache_note_end(struct seq_cache *cache, uint32_t sector, uint32_t end)
{
    (void)cache, (void)sector, (void)end;
}

static inline void seq_cache_forget_sector(struct seq_cache *cache, uint32_t sector)
{
    (void)cache, (void)sector;
}

#endif

#ifdef __cplusplus
}
#endif

#endif
