/* keys.h - from the bytes of a key to its index, fast: the inner loop of every look. */
#ifndef BROWNOUT_KEYS_H
#define BROWNOUT_KEYS_H

#include "fuzz/script/script.h"

#define KEYS_NONE UINT32_MAX

struct keys;

/* A table with room for `count_max` keys. */
struct keys *keys_new(uint32_t count_max);
void keys_free(struct keys *keys);

/* Adds a key under the next index. The value must outlive the table. */
void keys_add(struct keys *keys, const struct value *key);

/* Index of these bytes, or KEYS_NONE. */
uint32_t keys_find(const struct keys *keys, const void *bytes, uint32_t size);

const struct value *keys_at(const struct keys *keys, uint32_t index);

#endif
