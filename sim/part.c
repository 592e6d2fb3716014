/* part.c - the catalogue of flash parts. */
#include "sim/part.h"
#include "sim/fault.h"

#include <string.h>

static const struct part parts[] = {
    {
        .name = "generic",
        .summary = "no part in particular: 64 KiB of 4 KiB sectors, no limits",
        .source = "made up",
        .geometry = {4096, 16, 256, 1, 1, 0xFF, 0, FLASH_TEAR_PAGE},
        .external = true,
        .program_per_page = true,
        .faults = FAULT_STABLE | FAULT_WEAK | FAULT_ROT,
    },
};

const struct part *part_at(size_t n)
{
    return n < sizeof parts / sizeof parts[0] ? &parts[n] : NULL;
}

const struct part *part_find(const char *name)
{
    for (size_t n = 0; part_at(n); n++) {
        if (strcmp(part_at(n)->name, name) == 0) return part_at(n);
    }
    return NULL;
}

/* Where a field stands and how wide it is. */
struct part_field {
    const char *name;
    size_t offset; /* in struct part */
    size_t size;
};

#define PART_FIELD(text, member)                                                                   \
    {                                                                                              \
        text, offsetof(struct part, member), sizeof(((struct part *)0)->member)                    \
    }

static const struct part_field part_fields[] = {
    PART_FIELD("sectors", geometry.sector_count),
    PART_FIELD("sector", geometry.sector_size),
    PART_FIELD("page", geometry.page_size),
    PART_FIELD("unit", geometry.unit),
    PART_FIELD("read", geometry.read_unit),
    PART_FIELD("erased", geometry.erased),
    PART_FIELD("programs", geometry.programs_per_unit),
    PART_FIELD("tear", geometry.tear_scope),
    PART_FIELD("endurance", endurance.value),
};

static void part_store(void *field, size_t size, uint64_t value)
{
    uint8_t narrow = (uint8_t)value;
    uint16_t half = (uint16_t)value;
    uint32_t word = (uint32_t)value;
    switch (size) {
    case 1:
        memcpy(field, &narrow, 1);
        break;
    case 2:
        memcpy(field, &half, 2);
        break;
    case 4:
        memcpy(field, &word, 4);
        break;
    default:
        memcpy(field, &value, 8);
        break;
    }
}

bool part_override(struct part *part, const char *name, uint64_t value)
{
    for (size_t i = 0; i < sizeof part_fields / sizeof part_fields[0]; i++) {
        const struct part_field *field = &part_fields[i];
        if (strcmp(field->name, name) != 0) continue;
        if (field->size < 8 && value >> (8 * field->size) != 0) return false;
        part_store((uint8_t *)part + field->offset, field->size, value);
        return true;
    }
    return false;
}
