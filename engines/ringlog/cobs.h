/* SPDX-License-Identifier: MIT */
/* cobs.h - consistent overhead byte stuffing: bytes without a zero among them.
 *
 * A run of up to 254 bytes that are not zero is written as its length plus one and the bytes; the
 * zero after a run is implied, except after a run of 254 and at the end. So a zero on the flash
 * can mean nothing but "here a frame ends". It costs one byte, and one more for each 254.
 *
 * Both ways work in pieces.
 */
#ifndef BROWNOUT_COBS_H
#define BROWNOUT_COBS_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct bo_cobs_encoder {
    uint8_t *out;  /* the caller's memory */
    uint32_t size; /* bytes of it in use */
    uint32_t code; /* where the length of the run in progress goes */
    bool full;     /* the last run has 254 bytes, and no other was begun */
};

/* Begins at out[0]. */
static inline void bo_cobs_encode_start(struct bo_cobs_encoder *encoder, uint8_t *out)
{
    encoder->out = out;
    encoder->size = 1;
    encoder->code = 0;
    encoder->full = false;
}

/* Adds bytes. The output needs bo_cobs_size_max(all bytes). */
void bo_cobs_encode(struct bo_cobs_encoder *encoder, const void *data, uint32_t size);

/* Bytes of the output, without the zero that is to follow. */
uint32_t bo_cobs_encode_end(struct bo_cobs_encoder *encoder);

/* The largest output for `size` bytes. */
static inline uint32_t bo_cobs_size_max(uint32_t size)
{
    return size + size / 254 + 1;
}

struct bo_cobs_decoder {
    uint8_t left; /* bytes of the run that are still to come */
    bool zero;    /* a zero is owed if anything follows */
    bool started;
};

/* Takes one byte, which is not zero, and returns how many bytes come out of it: 0 or 1; *out is
 * that byte. */
static inline uint32_t bo_cobs_decode(struct bo_cobs_decoder *decoder, uint8_t byte, uint8_t *out)
{
    if (decoder->left != 0) {
        decoder->left--;
        *out = byte;
        return 1;
    }
    bool owed = decoder->zero;
    decoder->left = (uint8_t)(byte - 1);
    decoder->zero = byte != 0xFF;
    decoder->started = true;
    *out = 0;
    return owed ? 1 : 0;
}

/* Whether the bytes so far are a whole encoding. */
static inline bool bo_cobs_decode_whole(const struct bo_cobs_decoder *decoder)
{
    return decoder->started && decoder->left == 0;
}

#ifdef __cplusplus
}
#endif

#endif
