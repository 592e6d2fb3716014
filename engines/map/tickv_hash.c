/* SPDX-License-Identifier: MIT */
/* tickv_hash.c - SipHash with the key 0, see tickv_hash.h. */
#include "tickv_hash.h"

struct sip {
    uint64_t v[4];
};

static uint64_t turned(uint64_t x, unsigned bits)
{
    return x << bits | x >> (64 - bits);
}

static void sip_rounds(struct sip *s, unsigned rounds)
{
    uint64_t a = s->v[0], b = s->v[1], c = s->v[2], d = s->v[3];
    while (rounds-- != 0) {
        a += b;
        b = turned(b, 13) ^ a;
        a = turned(a, 32);
        c += d;
        d = turned(d, 16) ^ c;
        a += d;
        d = turned(d, 21) ^ a;
        c += b;
        b = turned(b, 17) ^ c;
        c = turned(c, 32);
    }
    s->v[0] = a;
    s->v[1] = b;
    s->v[2] = c;
    s->v[3] = d;
}

static void sip_word(struct sip *s, uint64_t word, unsigned rounds)
{
    s->v[3] ^= word;
    sip_rounds(s, rounds);
    s->v[0] ^= word;
}

/* `rounds` for each word, two more at the end; `prefixed`: the length is hashed before the key. */
static uint64_t sip_hash(const uint8_t *key, uint32_t size, unsigned rounds, bool prefixed)
{
    struct sip s = {
        {0x736F6D6570736575u, 0x646F72616E646F6Du, 0x6C7967656E657261u, 0x7465646279746573u}};
    uint32_t i = 0;
    uint64_t word = 0;
    if (prefixed) sip_word(&s, size, rounds);
    for (; i < size; i++) {
        word |= (uint64_t)key[i] << i % 8 * 8;
        if (i % 8 != 7) continue;
        sip_word(&s, word, rounds);
        word = 0;
    }
    sip_word(&s, word | (uint64_t)(size + (prefixed ? 8u : 0u)) << 56, rounds);
    s.v[2] ^= 0xFF;
    sip_rounds(&s, rounds + 2);
    return s.v[0] ^ s.v[1] ^ s.v[2] ^ s.v[3];
}

uint64_t tickv_hash_std(const void *key, uint32_t size)
{
    return sip_hash((const uint8_t *)key, size, 1, true);
}

uint64_t tickv_hash_tock(const void *key, uint32_t size)
{
    uint64_t hash = sip_hash((const uint8_t *)key, size, 2, false), bytes = 0;
    for (unsigned i = 0; i < 8; i++)
        bytes = bytes << 8 | (hash >> 8 * i & 0xFF);
    return bytes;
}
