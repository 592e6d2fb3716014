/* image.c - see image.h.
 *
 * Damage is small as a rule: a bit, a byte, a blank or zeroed range, a range or a sector copied
 * over another. A checksum guards most of what is noise; what is nearly right goes further.
 */
#include "fuzz/fuzzers/image.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/rig/hostile.h"
#include "sim/memory.h"

#define SIZE_MAX_DECODED 65536u

uint64_t image_random(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    uint64_t word = (*state ^ *state >> 33) * 0xFF51AFD7ED558CCDu;
    return word ^ word >> 33;
}

/* --- changing --- */

static uint32_t below(uint64_t *state, uint64_t limit)
{
    assert(limit > 0 && limit <= (uint64_t)UINT32_MAX + 1);
    return (uint32_t)(image_random(state) % limit);
}

static void mutate_once(uint8_t *image, const struct bo_flash_geometry *g, uint64_t *state)
{
    uint32_t size = g->sector_size * g->sector_count;
    uint32_t kind = below(state, 8), from = below(state, size), to = below(state, size);
    uint32_t largest = size - (from > to ? from : to);
    uint32_t length = 1 + below(state, largest < 64 ? largest : 64);
    assert(from + length <= size && to + length <= size);
    uint32_t a = from / g->sector_size * g->sector_size, b = to / g->sector_size * g->sector_size;
    switch (kind) {
    case 0:
        memset(image + to, 0xFF, length);
        break;
    case 1:
        memset(image + to, 0x00, length);
        break;
    case 2:
        memmove(image + to, image + from, length);
        break;
    case 3:
        memmove(image + a, image + b, g->sector_size);
        break;
    case 4:
        image[to] = (uint8_t)below(state, 256);
        break;
    default:
        image[to] = (uint8_t)(image[to] ^ 1u << below(state, 8));
    }
}

void image_mutate(uint8_t *image, const struct bo_flash_geometry *geometry, uint64_t *state)
{
    uint32_t size = geometry->sector_size * geometry->sector_count;
    bool junk = false;
    if (below(state, 16) == 0) {
        for (uint32_t i = 0; i < size; i++)
            image[i] = (uint8_t)image_random(state);
        junk = image[0] % 2;
    }
    for (uint32_t i = 1 + below(state, 6); i > 0; i--)
        mutate_once(image, geometry, state);
    if (junk) hostile_junk(image, geometry, *state); /* of half of the random ones */
}

void image_of_script(struct rig *rig, uint32_t op_count, struct path *path, uint8_t *image)
{
    assert(op_count <= rig->script->op_count);
    path_start(path);
    bool fine = rig_start(rig);
    for (uint32_t i = 0; fine && i < op_count; i++) {
        path_call(path, rig->script, i);
        fine = rig_call(rig, &rig->script->ops[i], NULL);
    }
    chip_peek(rig->chip, 0, image, (uint32_t)bo_flash_size(chip_flash(rig->chip)));
    rig->finding.clause = CLAUSE_NONE;
}

/* --- inputs --- */

static void patch(uint8_t *image, uint32_t size, const uint8_t record[IMAGE_PATCH])
{
    uint32_t address = ((uint32_t)record[0] | (uint32_t)record[1] << 8) % size;
    uint32_t length = 1 + record[2] % 32u;
    assert(address < size);
    for (uint32_t i = address; i < address + length && i < size; i++) {
        switch (record[2] / 32 % 4) {
        case 0:
            image[i] = (uint8_t)(image[i] ^ record[3]);
            break;
        case 1:
            image[i] = record[3];
            break;
        case 2:
            image[i] = (uint8_t)(image[i] & record[3]);
            break;
        default:
            image[i] = image[(i + record[3] * 16u) % size];
        }
    }
}

static void fill_image(struct image_input *input, const uint8_t *bytes, size_t size)
{
    uint32_t chip = (uint32_t)bo_flash_size(chip_flash(input->rig->chip));
    struct path path = {0};
    if (size > DECODE_HEADER && bytes[7] & 0x80) {
        size_t given = size - DECODE_HEADER;
        memset(input->image, 0xFF, chip);
        memcpy(input->image, bytes + DECODE_HEADER, given < chip ? given : chip);
        return;
    }
    image_of_script(input->rig, input->script->op_count, &path, input->image);
    for (size_t i = IMAGE_SCRIPT; i + IMAGE_PATCH <= size; i += IMAGE_PATCH)
        patch(input->image, chip, bytes + i);
}

bool image_decode(const struct decode_target *target, const uint8_t *bytes, size_t size,
                  struct image_input *input)
{
    struct decode_target uncut = *target;
    struct adapter_settings settings;
    *input = (struct image_input){0};
    uncut.cut = false;
    input->script = decode(&uncut, bytes, size < IMAGE_SCRIPT ? size : IMAGE_SCRIPT, &settings);
    if (!input->script) return false;
    input->rig = rig_new(input->script, target->adapter, &settings);
    if (bo_flash_size(chip_flash(input->rig->chip)) > SIZE_MAX_DECODED) return false;
    input->image = memory_new((size_t)bo_flash_size(chip_flash(input->rig->chip)));
    fill_image(input, bytes, size);
    return true;
}

void image_make_case(struct script *script, const uint8_t *image, size_t size)
{
    assert(image && size > 0 && size <= UINT32_MAX);
    script->image = script_value(script, image, (uint32_t)size);
    script->op_count = 0;
    for (uint32_t key = 0; key < script->key_count; key++)
        script_append(script, &(struct op){.kind = OP_FETCH, .key = key});
}

void image_input_free(struct image_input *input)
{
    rig_free(input->rig);
    script_free(input->script);
    free(input->image);
    *input = (struct image_input){0};
}
