#include "fuzz/image.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/globals.h"

#define JUNK 0xA5
#define GUARD 0x5A
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
    return (uint32_t)(image_random(state) % limit);
}

static void mutate_once(uint8_t *image, const struct flash_geometry *g, uint64_t *state)
{
    uint32_t size = g->sector_size * g->sector_count;
    uint32_t kind = below(state, 8), from = below(state, size), to = below(state, size);
    uint32_t largest = size - (from > to ? from : to);
    uint32_t length = 1 + below(state, largest < 64 ? largest : 64);
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

void image_mutate(uint8_t *image, const struct flash_geometry *geometry, uint64_t *state)
{
    uint32_t size = geometry->sector_size * geometry->sector_count;
    if (below(state, 16) == 0) {
        for (uint32_t i = 0; i < size; i++)
            image[i] = (uint8_t)image_random(state);
    }
    for (uint32_t i = 1 + below(state, 6); i > 0; i--)
        mutate_once(image, geometry, state);
}

void image_of_script(struct rig *rig, uint8_t *image)
{
    const struct script *script = rig->script;
    bool fine = rig_start(rig);
    for (uint32_t i = 0; fine && i < script->op_count; i++)
        fine = rig_call(rig, &script->ops[i], NULL);
    chip_peek(rig->chip, 0, image, (uint32_t)flash_size(chip_flash(rig->chip)));
    rig->finding.clause = CLAUSE_NONE;
}

/* --- inputs --- */

static void patch(uint8_t *image, uint32_t size, const uint8_t record[IMAGE_PATCH])
{
    uint32_t address = ((uint32_t)record[0] | (uint32_t)record[1] << 8) % size;
    uint32_t length = 1 + record[2] % 32u;
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
    uint32_t chip = (uint32_t)flash_size(chip_flash(input->rig->chip));
    if (size > DECODE_HEADER && bytes[7] & 0x80) {
        size_t given = size - DECODE_HEADER;
        memset(input->image, 0xFF, chip);
        memcpy(input->image, bytes + DECODE_HEADER, given < chip ? given : chip);
        return;
    }
    image_of_script(input->rig, input->image);
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
    input->rig = input->script ? rig_new(input->script, target->adapter, &settings) : NULL;
    if (!input->rig || flash_size(chip_flash(input->rig->chip)) > SIZE_MAX_DECODED) return false;
    input->image = malloc((size_t)flash_size(chip_flash(input->rig->chip)));
    if (input->image) fill_image(input, bytes, size);
    return input->image != NULL;
}

void image_input_free(struct image_input *input)
{
    rig_free(input->rig);
    script_free(input->script);
    free(input->image);
    *input = (struct image_input){0};
}

/* --- trying --- */

static const char *const call_names[] = {
    [ADAPTER_CALL_MOUNT] = "mount", [ADAPTER_CALL_STORE] = "store",
    [ADAPTER_CALL_FETCH] = "fetch", [ADAPTER_CALL_REMOVE] = "remove",
    [ADAPTER_CALL_CLEAR] = "clear", [ADAPTER_CALL_EACH] = "reading back",
};

static void before(struct rig *rig, enum adapter_call call)
{
    chip_set_fuel(rig->chip, rig->bounds[call]);
}

/* A program that can't come out as asked is the image's doing, which no engine could know; one
 * outside the chip or its grid is the engine's. */
static bool after(struct rig *rig, enum adapter_call call)
{
    const struct chip_breach *breach = chip_breach(rig->chip);
    switch (breach->rule) {
    case CHIP_RULE_FUEL:
        return rig_finds(rig, CLAUSE_SANE, "%s on a damaged image: over %" PRIu64 " flash calls",
                         call_names[call], rig->bounds[call]);
    case CHIP_RULE_BOUNDS:
    case CHIP_RULE_ALIGNMENT:
    case CHIP_RULE_PAGE:
        return rig_finds(
            rig, CLAUSE_SANE, "%s on a damaged image: %s, %" PRIu32 " bytes at 0x%" PRIx32,
            call_names[call], chip_rule_name(breach->rule), breach->op.size, breach->op.address);
    default:
        chip_clear_breach(rig->chip);
        return true;
    }
}

struct sum {
    uint32_t bytes; /* keeps the reads of a visit from being left out */
};

static void visit(void *context, const void *key, uint32_t key_size, const void *value,
                  uint32_t value_size)
{
    struct sum *sum = context;
    for (uint32_t i = 0; i < key_size; i++)
        sum->bytes += ((const uint8_t *)key)[i];
    for (uint32_t i = 0; i < value_size; i++)
        sum->bytes += ((const uint8_t *)value)[i];
}

static bool read_all(struct rig *rig, void *object)
{
    struct sum sum = {0};
    before(rig, ADAPTER_CALL_EACH);
    (void)rig->adapter->map->each(object, visit, &sum);
    return after(rig, ADAPTER_CALL_EACH);
}

/* Into room for all of the value, and into less. */
static bool fetch(struct rig *rig, void *object, const struct value *key, uint32_t capacity)
{
    uint32_t size = 0;
    if (capacity > rig->value_size_max) capacity = rig->value_size_max;
    rig->buffer[capacity] = GUARD;
    before(rig, ADAPTER_CALL_FETCH);
    (void)rig->adapter->map->fetch(object, key->bytes, key->size, rig->buffer, capacity, &size);
    if (!after(rig, ADAPTER_CALL_FETCH)) return false;
    return rig->buffer[capacity] == GUARD ||
           rig_finds(rig, CLAUSE_SANE, "fetch on a damaged image: writes behind its buffer");
}

static bool change(struct rig *rig, void *object, const struct value *key, uint32_t size)
{
    const struct adapter_map *map = rig->adapter->map;
    if (size > rig->value_size_max) size = rig->value_size_max;
    memset(rig->buffer, 'v', size);
    before(rig, ADAPTER_CALL_STORE);
    (void)map->store(object, key->bytes, key->size, rig->buffer, size);
    if (!after(rig, ADAPTER_CALL_STORE) || !fetch(rig, object, key, size)) return false;
    if (!map->remove || size % 2) return true;
    before(rig, ADAPTER_CALL_REMOVE);
    (void)map->remove(object, key->bytes, key->size);
    return after(rig, ADAPTER_CALL_REMOVE);
}

static bool change_all(struct rig *rig, void *object)
{
    uint32_t sector = rig->script->part.geometry.sector_size;
    for (uint32_t i = 0; i < rig->script->key_count; i++) {
        const struct value *key = rig->script->keys[i];
        if (!fetch(rig, object, key, UINT32_MAX) || !fetch(rig, object, key, 3)) return false;
        if (!change(rig, object, key, 5 + i) || !change(rig, object, key, sector / 4)) return false;
    }
    return true;
}

static bool use(struct rig *rig, bool clear)
{
    void *object = rig->levels[0].object;
    memset(object, JUNK, rig->object_size);
    if (rig->adapter->has_globals) globals_wipe();
    before(rig, ADAPTER_CALL_MOUNT);
    enum answer answer = rig->adapter->mount(object, chip_flash(rig->chip), &rig->settings);
    if (!after(rig, ADAPTER_CALL_MOUNT)) return false;
    if (answer != ANSWER_OK) return true;
    if (!read_all(rig, object) || !change_all(rig, object)) return false;
    if (clear && rig->adapter->map->clear) {
        before(rig, ADAPTER_CALL_CLEAR);
        (void)rig->adapter->map->clear(object);
        if (!after(rig, ADAPTER_CALL_CLEAR)) return false;
    }
    return read_all(rig, object);
}

bool image_try(struct rig *rig, const uint8_t *image)
{
    chip_set_hook(rig->chip, NULL, NULL);
    chip_set_fuel(rig->chip, 0);
    chip_reset(rig->chip);
    chip_clear_breach(rig->chip);
    rig->finding.clause = CLAUSE_NONE;
    if (!chip_load(rig->chip, image, flash_size(chip_flash(rig->chip)))) return true;
    if (!use(rig, false)) return false;
    chip_power_off(rig->chip);
    chip_power_on(rig->chip);
    return use(rig, true);
}

uint64_t image_shape(const struct rig *rig)
{
    const struct finding *finding = &rig->finding;
    uint32_t size = 0; /* up to the first number */
    while (finding->text[size] && (finding->text[size] < '0' || finding->text[size] > '9'))
        size++;
    return script_digest(finding->text, size);
}
