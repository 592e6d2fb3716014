/* gone.h - values that an engine has destroyed: their bytes must be nowhere in the flash.
 *
 * A value is here from when its destruction begins. It is promised when the engine has answered
 * that the key is destroyed, or that there is no such key: then a destruction that was cut before
 * has been finished. What is stored again since is forgotten. What is short, or one byte over and
 * over, is not looked for: it may be there by chance.
 */
#ifndef BROWNOUT_GONE_H
#define BROWNOUT_GONE_H

#include "fuzz/script/script.h"

#define GONE_MAX 16u      /* values that are watched at a time */
#define GONE_BYTES_MIN 8u /* other than 0x00 and 0xFF */
#define GONE_ALL UINT32_MAX

struct gone_value {
    const struct value *value;
    uint32_t key;
    bool promised;
};

struct gone {
    struct gone_value values[GONE_MAX];
    uint32_t count;
};

/* The value of a key is about to be destroyed. */
void gone_begin(struct gone *gone, uint32_t key, const struct value *value);

/* The key, or GONE_ALL, has been destroyed. */
void gone_promise(struct gone *gone, uint32_t key);

/* A value is about to be stored: what it contains may be found from now on. What was to be
 * destroyed of that key, and was not, is an older value now. */
void gone_stored(struct gone *gone, uint32_t key, const struct value *value);

/* Leaves out one of them. */
void gone_drop(struct gone *gone, uint32_t index);

/* Whether `whole` contains the bytes of `part`. */
bool gone_contains(const struct value *whole, const struct value *part);

#endif
