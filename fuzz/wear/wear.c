/* wear.c - see wear.h.
 *
 * A projection, not a measurement: if the work goes on as in the scenario, the sector with the most
 * erases wears out first, after endurance / its erases repetitions of the work.
 */
#include "fuzz/wear/wear.h"

#include <assert.h>

/* By Newton's method, for the harness does without the mathematics library. */
static double square_root(double number)
{
    double root = number > 1 ? number : 1;
    if (number <= 0) return 0;
    for (double next = (root + number / root) / 2; next < root; next = (root + number / root) / 2)
        root = next;
    return root;
}

struct wear wear_of(const struct rig *rig, const uint32_t *before)
{
    uint32_t count = chip_flash(rig->chip)->geometry.sector_count;
    struct wear wear = {.min = UINT32_MAX};
    double sum = 0, squares = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t erases = chip_sector_erases(rig->chip, i) - (before ? before[i] : 0);
        sum += erases;
        squares += (double)erases * erases;
        wear.used += erases != 0;
        if (erases < wear.min) wear.min = erases;
        if (erases <= wear.max) continue;
        wear.max = erases;
        wear.max_sector = i;
    }
    assert(count > 0 && wear.min <= wear.max);
    wear.mean = sum / count;
    wear.deviation = square_root(squares / count - wear.mean * wear.mean);
    return wear;
}

double wear_lifetime_ns(const struct rig *rig, const struct wear *wear)
{
    const struct script *script = rig->script;
    uint64_t endurance = script->part.endurance.value;
    if (!wear->max || !endurance || !script->every_ns) return 0;
    assert(wear->min <= wear->max);
    return (double)script->every_ns * script->op_count * (double)endurance / wear->max;
}

void wear_print_duration(FILE *out, double ns)
{
    static const struct {
        double ns;
        const char *unit;
    } units[] = {{365.25 * 86400e9, "years"},
                 {86400e9, "days"},
                 {3600e9, "hours"},
                 {60e9, "minutes"},
                 {1e9, "s"},
                 {1e6, "ms"},
                 {1e3, "us"}};
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        if (ns < units[i].ns) continue;
        fprintf(out, "%.1f %s", ns / units[i].ns, units[i].unit);
        return;
    }
    fprintf(out, "%.0f ns", ns);
}
