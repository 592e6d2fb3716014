/* cut_rate.c - see cut_rate.h.
 *
 * There is no stream of random numbers. Each draw is a digest of the seed, the number of the
 * operation and what the draw is for. So an engine that makes more flash calls than another shifts
 * no later draw.
 *
 * A tear is drawn without a list of all tears: they are visited twice, once to count those of each
 * class, once to stop at the one whose class and number were drawn.
 */
#include "fuzz/wear/cut_rate.h"

#include <assert.h>
#include <stddef.h>

#include "fuzz/script/mix.h"

/* What a draw is for. */
enum purpose { WHETHER = 1, WHERE, WHAT, TEARS };

static uint64_t draw(const struct cut_rate *cut_rate, uint64_t number, enum purpose purpose)
{
    uint64_t word = mix_word(cut_rate->seed + MIX_STEP * (uint64_t)purpose);
    return mix_word(word ^ (number + 1) * 0xD1B54A32D192ED03u);
}

bool cut_rate_strikes(const struct cut_rate *cut_rate, uint64_t number)
{
    assert(cut_rate->cuts == 0 || cut_rate->of > 0);
    return cut_rate->cuts && draw(cut_rate, number, WHETHER) % cut_rate->of < cut_rate->cuts;
}

uint32_t cut_rate_place(const struct cut_rate *cut_rate, uint64_t number, uint32_t count)
{
    assert(count > 0);
    return 1 + (uint32_t)(draw(cut_rate, number, WHERE) % count);
}

/* --- what the cut leaves --- */

struct choice {
    uint32_t counts[FAULT_CLASSES]; /* tears of each class */
    uint32_t class, left; /* the class that was drawn, and its tears before the one drawn */
    bool drawn;
    struct tear tear;
};

static uint32_t class_index(const struct tear *tear)
{
    uint32_t class = fault_class_of(tear), index = 0;
    while (class >>= 1)
        index++;
    assert(index < FAULT_CLASSES);
    return index;
}

static bool count_tear(void *context, const struct tear *tear)
{
    struct choice *choice = context;
    choice->counts[class_index(tear)]++;
    return true;
}

static bool pick_tear(void *context, const struct tear *tear)
{
    struct choice *choice = context;
    if (class_index(tear) != choice->class || choice->left--) return true;
    choice->tear = *tear;
    choice->drawn = true;
    return false;
}

/* The n-th class that has tears. */
static uint32_t nth_class(const struct choice *choice, uint32_t n)
{
    uint32_t class = 0;
    while (!choice->counts[class] || n--)
        class ++;
    assert(class < FAULT_CLASSES);
    return class;
}

static struct tear draw_tear(const struct cut_rate_watch *watch, const struct chip_op *op)
{
    const struct cut_rate *cut_rate = watch->cut_rate;
    struct choice choice = {.tear = {.kind = TEAR_NONE}};
    uint64_t seed = mix_word(watch->seed ^ TEARS), dice = mix_word(watch->seed ^ WHAT);
    uint32_t classes = 0;
    fault_tears(watch->chip, op, cut_rate->faults, &cut_rate->effort, seed, count_tear, &choice);
    for (uint32_t i = 0; i < FAULT_CLASSES; i++)
        classes += choice.counts[i] != 0;
    if (!classes) return choice.tear;
    choice.class = nth_class(&choice, (uint32_t)(dice % classes));
    choice.left = (uint32_t)(mix_word(dice) % choice.counts[choice.class]);
    fault_tears(watch->chip, op, cut_rate->faults, &cut_rate->effort, seed, pick_tear, &choice);
    assert(choice.drawn);
    return choice.tear;
}

/* --- watching --- */

static const struct tear *on_flash_op(void *context, const struct chip_op *op)
{
    struct cut_rate_watch *watch = context;
    if (++watch->met != watch->nth) return NULL;
    watch->erase = op->kind == CHIP_ERASE;
    watch->tear = draw_tear(watch, op);
    return &watch->tear;
}

void cut_rate_watch(struct cut_rate_watch *watch, const struct cut_rate *cut_rate,
                    struct chip *chip, uint64_t number, uint32_t nth)
{
    *watch = (struct cut_rate_watch){.cut_rate = cut_rate, .chip = chip, .nth = nth};
    watch->seed = draw(cut_rate, number, WHAT);
    chip_set_hook(chip, on_flash_op, watch);
}

void cut_rate_unwatch(struct chip *chip)
{
    chip_set_hook(chip, NULL, NULL);
}
