/* hash.h - the arithmetic of the image hash and of everything random in the simulator.
 *
 * The image hash is a sum of shares, one for each word of the chip that is not blank. A share is
 * two 64-bit lanes; in each, the word is multiplied by a number that its place gives, to 128 bits,
 * and the halves are folded together. A sum does not care in which order its shares came, so a
 * changed word costs one share taken away and one put in, and an erased sector one subtraction.
 *
 * For sim/, and for the digest of RAM in fuzz/rig. The same numbers on every machine, whatever its
 * byte order and word size.
 */
#ifndef BROWNOUT_HASH_H
#define BROWNOUT_HASH_H

#include "sim/chip.h"

#include <string.h>

/* The upper and lower half of a product, xored. */
static inline uint64_t hash_fold(uint64_t a, uint64_t b)
{
#ifdef __SIZEOF_INT128__
    __extension__ typedef unsigned __int128 wide;
    wide product = (wide)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
#else
    uint64_t a0 = a & 0xFFFFFFFFu, a1 = a >> 32, b0 = b & 0xFFFFFFFFu, b1 = b >> 32;
    uint64_t low = a0 * b0, middle = a1 * b0 + (low >> 32), middle2 = a0 * b1 + (uint32_t)middle;
    uint64_t high = a1 * b1 + (middle >> 32) + (middle2 >> 32);
    return (middle2 << 32 | (low & 0xFFFFFFFFu)) ^ high;
#endif
}

/* A well mixed number from two; the source of all randomness here. */
static inline uint64_t hash_mix(uint64_t a, uint64_t b)
{
    uint64_t x = hash_fold(a ^ 0x9E3779B97F4A7C15u, b ^ 0xD1B54A32D192ED03u);
    return hash_fold(x ^ 0x2545F4914F6CDD1Du, x + 0xA0761D6478BD642Fu);
}

static inline void hash_add(struct chip_hash *sum, struct chip_hash share)
{
    sum->low += share.low;
    sum->high += share.high;
}

static inline void hash_subtract(struct chip_hash *sum, struct chip_hash share)
{
    sum->low -= share.low;
    sum->high -= share.high;
}

/* The share of a word at a place; `value` is not 0, which stands for blank and has none. */
static inline struct chip_hash hash_share(uint64_t place, uint64_t value)
{
    return (struct chip_hash){
        hash_fold(value ^ 0x8BB84B93962EACC9u, place * 0xE7037ED1A0B428DBu | 1),
        hash_fold(value ^ 0x4B33A62ED433D4A3u, (place + 7) * 0x589965CC75374CC3u | 1),
    };
}

/* Takes the old word's share out of a sum and puts the new one in; either may be blank (0). */
static inline void hash_replace(struct chip_hash *sum, uint64_t place, uint64_t before,
                                uint64_t after)
{
    if (before) hash_subtract(sum, hash_share(place, before));
    if (after) hash_add(sum, hash_share(place, after));
}

/* Eight bytes as a number, the first byte lowest. */
static inline uint64_t hash_load(const uint8_t *bytes)
{
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    uint64_t word;
    memcpy(&word, bytes, 8);
    return word;
#else
    uint64_t word = 0;
    for (unsigned i = 8; i-- != 0;)
        word = word << 8 | bytes[i];
    return word;
#endif
}

#endif
