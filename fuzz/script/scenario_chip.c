/* scenario_chip.c - the chip of a scenario: a part of the catalogue, with fields overridden.
 *
 * Fields are applied one by one to a copy of the part. Only the last geometry must be valid, so
 * their order does not matter. Printing goes the other way: it compares the part with the one of
 * the catalogue and names each field that differs, in the order of one table.
 */
#include "fuzz/script/scenario_internal.h"

#include <assert.h>
#include <string.h>

/* The fields of part_override() and where they stop. */
static const struct chip_field {
    const char *name;
    uint64_t max;
} chip_fields[] = {
    {"sectors", BO_FLASH_SECTOR_COUNT_MAX},
    {"sector", UINT32_MAX},
    {"page", UINT32_MAX},
    {"unit", BO_FLASH_UNIT_MAX},
    {"read", BO_FLASH_UNIT_MAX},
    {"erased", UINT8_MAX},
    {"programs", UINT8_MAX},
    {"tear", BO_FLASH_TEAR_SECTOR},
    {"endurance", UINT64_MAX},
    {"zeros", 1},
};
#define CHIP_FIELDS (sizeof chip_fields / sizeof chip_fields[0])

/* The value of a field in a part, in the order of the table. */
static uint64_t field_value(const struct part *part, size_t field)
{
    const struct bo_flash_geometry *g = &part->geometry;
    const uint64_t values[CHIP_FIELDS] = {
        g->sector_count,       g->sector_size,    g->page_size,         g->unit,
        g->read_unit,          g->erased,         g->programs_per_unit, g->tear_scope,
        part->endurance.value, part->zeros_again,
    };
    assert(field < CHIP_FIELDS);
    return values[field];
}

uint32_t scenario_chip_fields(const struct script *script, struct scenario_pair *fields)
{
    uint32_t count = 0;
    _Static_assert(CHIP_FIELDS <= SCENARIO_FIELDS_MAX, "each field has a place");
    for (size_t i = 0; i < CHIP_FIELDS; i++) {
        uint64_t value = field_value(&script->part, i);
        if (value == field_value(&script->base, i)) continue;
        struct scenario_pair *field = &fields[count++];
        (void)snprintf(field->name, sizeof field->name, "%s", chip_fields[i].name);
        field->value = value;
    }
    return count;
}

/* Reports why bo_flash_geometry_valid() is false. */
static bool fail_geometry(struct scenario_lex *lex, const struct bo_flash_geometry *g)
{
    struct scenario_error *error = lex->error;
    unsigned line = lex->line;
    assert(!bo_flash_geometry_valid(g));
    if (!bo_flash_power_of_two(g->unit)) {
        return scenario_fail(error, line, "unit=%u must be 1, 2, 4, 8, 16 or 32",
                             (unsigned)g->unit);
    }
    if (!bo_flash_power_of_two(g->read_unit)) {
        return scenario_fail(error, line, "read=%u must be 1, 2, 4, 8, 16 or 32",
                             (unsigned)g->read_unit);
    }
    if (g->page_size == 0 || g->page_size % g->unit != 0) {
        return scenario_fail(error, line, "page=%u must be a multiple of unit=%u", g->page_size,
                             (unsigned)g->unit);
    }
    if (g->sector_size == 0 || g->sector_size % g->page_size != 0) {
        return scenario_fail(error, line, "sector=%u must be a multiple of page=%u", g->sector_size,
                             g->page_size);
    }
    if (g->sector_size % g->read_unit != 0) {
        return scenario_fail(error, line, "sector=%u must be a multiple of read=%u", g->sector_size,
                             (unsigned)g->read_unit);
    }
    if (g->sector_count == 0) return scenario_fail(error, line, "sectors=0 must be 1 or more");
    return scenario_fail(error, line, "sectors=%u times sector=%u must be at most 4 GiB",
                         g->sector_count, g->sector_size);
}

static bool fail_field(struct scenario_lex *lex, struct scenario_text name)
{
    return scenario_fail(lex->error, lex->line,
                         "a chip has no '%.*s'; it has sectors, sector, page, unit, read, erased, "
                         "programs, tear, endurance and zeros",
                         (int)(name.size < 24 ? name.size : 24), name.at);
}

static bool parse_field(struct scenario *scenario, struct scenario_lex *lex)
{
    struct scenario_text name;
    size_t field = 0;
    if (!scenario_lex_word(lex, &name)) {
        return scenario_lex_expected(lex, "a field of the chip, as in sectors=4,");
    }
    while (field < CHIP_FIELDS && !scenario_text_is(name, chip_fields[field].name)) {
        field++;
    }
    if (field == CHIP_FIELDS) return fail_field(lex, name);
    const char *known = chip_fields[field].name;
    for (uint32_t i = 0; i < scenario->field_count; i++) {
        if (strcmp(scenario->fields[i].name, known) != 0) continue;
        return scenario_fail(lex->error, lex->line, "'%s' stands twice; give it once", known);
    }
    assert(scenario->field_count < SCENARIO_FIELDS_MAX);
    struct scenario_pair *pair = &scenario->fields[scenario->field_count++];
    (void)snprintf(pair->name, sizeof pair->name, "%s", known);
    if (!scenario_lex_take(lex, '=')) return scenario_lex_expected(lex, "'='");
    if (!scenario_lex_number(lex, known, 0, chip_fields[field].max, &pair->value)) return false;
    return part_override(&scenario->header->part, known, pair->value) || fail_field(lex, name);
}

bool scenario_parse_chip(struct scenario *scenario, struct scenario_lex *lex)
{
    struct script *header = scenario->header;
    struct scenario_text name;
    char text[SCRIPT_NAME_MAX];
    if (!scenario_lex_word(lex, &name)) return scenario_lex_expected(lex, "the name of a chip");
    (void)snprintf(text, sizeof text, "%.*s", (int)name.size, name.at);
    const struct part *part = part_find(text);
    if (!part || !scenario_text_is(name, text)) {
        return scenario_fail(lex->error, lex->line,
                             "unknown chip '%.40s'; see `brownout list chips`", text);
    }
    header->part = *part;
    header->base = *part;
    while (!scenario_lex_done(lex)) {
        if (!parse_field(scenario, lex)) return false;
    }
    if (bo_flash_geometry_valid(&header->part.geometry)) return true;
    return fail_geometry(lex, &header->part.geometry);
}
