/* SPDX-License-Identifier: MIT */
/* tickv_hash.h - how the users of the format hash their keys. */
#ifndef BROWNOUT_TICKV_HASH_H
#define BROWNOUT_TICKV_HASH_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The standard library of Rust on a machine of 64 bits: SipHash-1-3 over the size of the key and
 * the key. */
uint64_t tickv_hash_std(const void *key, uint32_t size);

/* The kernel of Tock: SipHash-2-4 over the key, the bytes of the result in reverse. */
uint64_t tickv_hash_tock(const void *key, uint32_t size);

#ifdef __cplusplus
}
#endif

#endif
