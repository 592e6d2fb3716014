/* mix.h - the harness's way to mix 64 bits, for digests and for random numbers: splitmix64 (Steele,
 * Lea, Flood 2014). The same numbers on every machine. */
#ifndef BROWNOUT_MIX_H
#define BROWNOUT_MIX_H

#include <stdint.h>

#define MIX_STEP 0x9E3779B97F4A7C15u

/* A permutation of 64-bit words: each bit of the result depends on each bit of the word. 0 gives
 * 0. */
static inline uint64_t mix_word(uint64_t word)
{
    word = (word ^ (word >> 30)) * 0xBF58476D1CE4E5B9u;
    word = (word ^ (word >> 27)) * 0x94D049BB133111EBu;
    return word ^ (word >> 31);
}

/* The next of a sequence of random numbers that *state decides. */
static inline uint64_t mix_next(uint64_t *state)
{
    return mix_word(*state += MIX_STEP);
}

#endif
