/* image.h - images that no engine wrote: good ones, damaged, and any bytes. What must hold on them
 * is in hostile.h.
 */
#ifndef BROWNOUT_IMAGE_H
#define BROWNOUT_IMAGE_H

#include "fuzz/explore/path.h"
#include "fuzz/script/decode.h"
#include "fuzz/rig/rig.h"

/* Runs the first `op_count` operations of the rig's script, ignores the answers, and copies what
 * the chip then holds. `path` is kept up to date. */
void image_of_script(struct rig *rig, uint32_t op_count, struct path *path, uint8_t *image);

/* Changes an image: flips bits, blanks or zeroes a range, copies one over another, swaps sectors,
 * or makes it random altogether. All by *state, which moves on. */
void image_mutate(uint8_t *image, const struct bo_flash_geometry *geometry, uint64_t *state);

/* An input of a fuzzer as an image: what the scenario of its first IMAGE_SCRIPT bytes (decode.h)
 * leaves, then a patch for each IMAGE_PATCH bytes: address (2), length and kind, byte. With the top
 * bit of byte 7 set, what follows the header of decode.h is the image itself. */
#define IMAGE_SCRIPT (DECODE_HEADER + 8 * DECODE_RECORD)
#define IMAGE_PATCH 4u
struct image_input {
    struct script *script;
    struct rig *rig;
    uint8_t *image;
};

/* False when the engine refuses, or the chip is larger than 64 KiB. To be freed in any case. */
bool image_decode(const struct decode_target *target, const uint8_t *bytes, size_t size,
                  struct image_input *input);
void image_input_free(struct image_input *input);

/* Makes the script the case of an image: it has the image, and in place of its operations, which
 * are not the case, a fetch of each key, so that the text keeps the keys in their order. */
void image_make_case(struct script *script, const uint8_t *image, size_t size);

/* The next number of a sequence; equal states give equal sequences. */
uint64_t image_random(uint64_t *state);

#endif
