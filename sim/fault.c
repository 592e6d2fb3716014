/* fault.c - the fault classes: their tears, listed and spelled. What a tear does is in tear.c. */
#include "sim/chip_internal.h"

#include <stdio.h>

/* --- names --- */

enum tear_field { FIELD_NONE, FIELD_N, FIELD_SEED, FIELD_DENSITY };

struct tear_form {
    const char *word;
    enum fault_class class;
    bool program, erase;
    uint8_t fields[2]; /* in the order of the text */
};

static const struct tear_form forms[TEAR_KINDS] = {
    [TEAR_NONE] = {"none", FAULT_EDGE, true, true, {0}},
    [TEAR_DONE] = {"done", FAULT_EDGE, true, true, {0}},
    [TEAR_PREFIX] = {"prefix", FAULT_PREFIX, true, true, {FIELD_N}},
    [TEAR_ONLY] = {"only", FAULT_BITS, true, false, {FIELD_N}},
    [TEAR_EXCEPT] = {"except", FAULT_BITS, true, false, {FIELD_N}},
    [TEAR_MASK] = {"mask", FAULT_BITS, true, false, {FIELD_SEED, FIELD_DENSITY}},
    [TEAR_LOOKS_UNDONE] = {"undone", FAULT_WEAK, true, false, {FIELD_SEED}},
    [TEAR_LOOKS_DONE] = {"looks-done", FAULT_WEAK, true, false, {FIELD_SEED, FIELD_DENSITY}},
    [TEAR_FLICKER] = {"flicker", FAULT_WEAK, true, false, {FIELD_SEED, FIELD_DENSITY}},
    [TEAR_DISTURB] = {"disturb", FAULT_WEAK, true, false, {FIELD_SEED, FIELD_N}},
    [TEAR_ECC_ERROR] = {"ecc-error", FAULT_ECC, true, false, {FIELD_N}},
    [TEAR_ECC_WRONG] = {"ecc-wrong", FAULT_ECC, true, false, {FIELD_N, FIELD_SEED}},
    [TEAR_ECC_GHOST] = {"ecc-ghost", FAULT_ECC, true, false, {FIELD_N}},
    [TEAR_BLANK_TAIL] = {"blank-tail", FAULT_BITS, false, true, {FIELD_N}},
    [TEAR_LIFT] = {"lift", FAULT_BITS, false, true, {FIELD_SEED, FIELD_DENSITY}},
    [TEAR_LIFT_ONLY] = {"lift-only", FAULT_BITS, false, true, {FIELD_N}},
    [TEAR_ZERO_HEAD] = {"zero-head", FAULT_ZEROS, false, true, {FIELD_N}},
    [TEAR_ZERO_TAIL] = {"zero-tail", FAULT_ZEROS, false, true, {FIELD_N}},
    [TEAR_MIX] = {"mix", FAULT_ZEROS, false, true, {FIELD_SEED, FIELD_DENSITY}},
    [TEAR_BLANK_WEAK] = {"blank-weak", FAULT_WEAK, false, true, {FIELD_SEED, FIELD_DENSITY}},
    [TEAR_BLANK_OVER] = {"blank-over", FAULT_WEAK, false, true, {FIELD_SEED}},
    [TEAR_LOCKED] = {"locked", FAULT_WEAK, false, true, {0}},
    [TEAR_ECC_MIX] = {"ecc-mix", FAULT_ECC, false, true, {FIELD_SEED, FIELD_DENSITY}},
    [TEAR_READ_ERROR] = {"error", FAULT_GLITCH, false, false, {0}},
    [TEAR_READ_ERASED] = {"erased", FAULT_GLITCH, false, false, {0}},
    [TEAR_READ_BIT] = {"bit", FAULT_GLITCH, false, false, {FIELD_N}},
    [TEAR_READ_ERRORS] = {"errors", FAULT_GLITCH, false, false, {FIELD_N}},
    [TEAR_STRAY] = {"at", FAULT_STRAY, true, true, {FIELD_SEED, FIELD_N}},
};

bool fault_fits(const struct tear *tear, enum chip_op_kind kind)
{
    assert(tear->kind < TEAR_KINDS);
    if (kind == CHIP_READ) return forms[tear->kind].class == FAULT_GLITCH;
    return kind == CHIP_ERASE ? forms[tear->kind].erase : forms[tear->kind].program;
}

enum fault_class fault_class_of(const struct tear *tear)
{
    assert(tear->kind < TEAR_KINDS);
    enum fault_class class = forms[tear->kind].class;
    assert(!tear->powered || class & (FAULT_STABLE | FAULT_GLITCH | FAULT_STRAY));
    assert(!tear->lies || (tear->powered && class & FAULT_LIED && tear->kind != TEAR_DONE));
    if (!tear->powered || class & (FAULT_GLITCH | FAULT_STRAY)) return class;
    return tear->lies ? FAULT_LIE : FAULT_FAIL;
}

bool fault_may_be(enum tear_kind kind, uint32_t classes)
{
    assert(kind < TEAR_KINDS);
    uint32_t class = forms[kind].class;
    if (classes & class) return true;
    if (classes & FAULT_FAIL && class & FAULT_STABLE) return true;
    return classes & FAULT_LIE && class & FAULT_LIED && kind != TEAR_DONE;
}

void fault_put_in(struct tear *tear, enum fault_class class)
{
    assert(fault_may_be(tear->kind, class));
    tear->powered = !(class & FAULT_CUTS);
    tear->lies = class == FAULT_LIE;
}

const char *fault_word(const struct tear *tear)
{
    switch (fault_class_of(tear)) {
    case FAULT_FAIL:
        return "fail";
    case FAULT_GLITCH:
        return "glitch";
    case FAULT_LIE:
        return "lie";
    case FAULT_STRAY:
        return "stray";
    default:
        return "cut";
    }
}

/* --- text of a tear --- */

void fault_print(const struct tear *tear, char *text)
{
    const struct tear_form *form = &forms[tear->kind];
    int used = snprintf(text, FAULT_TEXT_MAX, "%s", form->word);
    for (unsigned i = 0; i < 2 && form->fields[i] != FIELD_NONE; i++) {
        size_t room = FAULT_TEXT_MAX - (size_t)used;
        char *at = text + used;
        switch ((enum tear_field)form->fields[i]) {
        case FIELD_N:
            used += snprintf(at, room, ":%lu", (unsigned long)tear->n);
            break;
        case FIELD_DENSITY:
            used += snprintf(at, room, ":%lu", (unsigned long)tear->density);
            break;
        case FIELD_SEED:
            used += snprintf(at, room, ":%llx", (unsigned long long)tear->seed);
            break;
        case FIELD_NONE:
            break;
        }
    }
    assert(used < FAULT_TEXT_MAX);
}

static int digit_value(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return 16;
}

/* Reads ":" and a number without leading zeros, at most `max`; NULL when there is none. */
static const char *parse_number(const char *text, unsigned base, uint64_t max, uint64_t *value)
{
    if (*text++ != ':') return NULL;
    const char *start = text;
    uint64_t number = 0;
    for (; (unsigned)digit_value(*text) < base; text++) {
        uint64_t digit = (uint64_t)digit_value(*text);
        if (number > (max - digit) / base) return NULL;
        number = number * base + digit;
    }
    if (text == start || (*start == '0' && text != start + 1)) return NULL;
    *value = number;
    return text;
}

/* The fields after the word. */
static bool parse_fields(const char *text, const struct tear_form *form, struct tear *tear)
{
    for (unsigned i = 0; i < 2 && form->fields[i] != FIELD_NONE; i++) {
        uint64_t value = 0;
        switch ((enum tear_field)form->fields[i]) {
        case FIELD_N:
            text = parse_number(text, 10, UINT32_MAX, &value);
            tear->n = (uint32_t)value;
            break;
        case FIELD_DENSITY:
            text = parse_number(text, 10, 256, &value);
            tear->density = (uint32_t)value;
            break;
        case FIELD_SEED:
            text = parse_number(text, 16, UINT64_MAX, &value);
            tear->seed = value;
            break;
        case FIELD_NONE:
            break;
        }
        if (!text) return false;
    }
    return *text == '\0';
}

bool fault_parse(const char *text, struct tear *tear)
{
    for (unsigned kind = 0; kind < TEAR_KINDS; kind++) {
        assert(forms[kind].word && forms[kind].class);
        size_t length = strlen(forms[kind].word);
        if (strncmp(text, forms[kind].word, length) != 0) continue;
        struct tear parsed = {.kind = (enum tear_kind)kind};
        if (!parse_fields(text + length, &forms[kind], &parsed)) continue;
        if (fault_calls(&parsed) == 0 || fault_calls(&parsed) > FAULT_READS_MAX) continue;
        *tear = parsed;
        return true;
    }
    return false;
}

/* --- text of classes --- */

_Static_assert(FAULT_STRAY == 1u << (FAULT_CLASSES - 1), "the last class has the last bit");

static const struct {
    const char *word, *summary;
} classes_text[FAULT_CLASSES] = {
    {"edge", "a program or erase is not begun, or complete"},
    {"prefix", "the first bytes are done, the others untouched"},
    {"bits", "any of the bits that should have changed did, and the others did not"},
    {"zeros", "an erase programs all bits first: zeros from either end, mixed with old and blank"},
    {"weak", "reads as done, undone or either, and may read differently after the next power-on"},
    {"ecc", "a unit reads as an error or as another value, or reads blank and is not"},
    {"rot", "no cut: bits flip at rest, sectors wear out"},
    {"fail", "no cut: a program or erase answers an error; nothing, a part or all of it was done"},
    {"glitch",
     "no cut: a read is an error, all erased or one bit wrong; or some in a row are errors"},
    {"lie", "no cut: a program or erase answers ok; nothing or a part of it was done"},
    {"stray", "no cut: a program or erase is done, and bits elsewhere on the chip clear too"},
};

void fault_print_classes(uint32_t classes, char *text)
{
    text[0] = '\0';
    for (unsigned i = 0; i < FAULT_CLASSES; i++) {
        if (!(classes >> i & 1)) continue;
        if (text[0]) strcat(text, ",");
        strcat(text, classes_text[i].word);
    }
    assert(strlen(text) < FAULT_CLASSES_TEXT_MAX);
}

uint32_t fault_parse_classes(const char *text)
{
    uint32_t classes = 0;
    for (;;) {
        size_t length = strcspn(text, ",");
        uint32_t found = 0;
        for (unsigned i = 0; i < FAULT_CLASSES; i++) {
            const char *word = classes_text[i].word;
            if (strlen(word) == length && strncmp(text, word, length) == 0) found = 1u << i;
        }
        if (!found) return 0;
        classes |= found;
        if (text[length] == '\0') return classes;
        text += length + 1;
    }
}

const char *fault_class_summary(enum fault_class class)
{
    for (unsigned i = 0; i < FAULT_CLASSES; i++) {
        if ((uint32_t) class == 1u << i) return classes_text[i].summary;
    }
    return "?";
}

/* --- listing tears --- */

struct listing {
    const struct chip *chip;
    const struct chip_op *op;
    const struct fault_effort *effort;
    uint32_t classes;
    uint64_t seed;
    bool (*each)(void *context, const struct tear *tear);
    void *context;
    bool stopped;
    const struct sector *sector;
    uint32_t offset; /* of the call in the sector */
    uint32_t unit;   /* what is in progress at once: a unit, or the call */
    uint32_t bits;   /* to clear, in all */
};

static void list_one(struct listing *l, struct tear tear)
{
    if (!l->stopped && !l->each(l->context, &tear)) l->stopped = true;
}

static bool list_has(const struct listing *l, enum fault_class class)
{
    return (l->classes & (uint32_t) class) != 0 && !l->stopped;
}

/* A seed that is short in text, different for each number. */
static uint64_t list_seed(const struct listing *l, uint64_t number)
{
    return hash_mix(l->seed, number) & 0xFFFFFF;
}

/* Densities for random tears: half, few, most, in turn. */
static uint32_t list_density(uint32_t number)
{
    static const uint32_t densities[] = {128, 32, 224, 64, 192};
    return densities[number % 5];
}

static uint8_t list_clears(const struct listing *l, uint32_t i)
{
    unsigned flip = (uint8_t)l->chip->flip;
    unsigned now = sector_byte(l->chip, l->sector, l->offset + i) ^ flip;
    unsigned kept = l->op->data[i] ^ flip;
    if (l->sector->flaws) kept |= flaw_column(l->sector->flaws, l->offset + i);
    return (uint8_t)(now & ~kept);
}

/* --- of a program --- */

/* Prefixes that end after a byte with bits to clear, the last such byte excepted: that is done. */
static void list_prefixes(struct listing *l)
{
    uint32_t seen = 0;
    for (uint32_t i = 0; i < l->op->size; i++) {
        unsigned count = chip_bits_in(list_clears(l, i));
        seen += count;
        if (seen == l->bits) return;
        if (count) list_one(l, (struct tear){.kind = TEAR_PREFIX, .n = i + 1});
    }
}

/* One bit to clear, and where it stands. */
struct place {
    uint32_t k;                  /* among all bits to clear */
    uint32_t in_unit, unit_bits; /* among those of its unit, and how many these are */
    uint32_t byte_bits;          /* in its byte */
    bool first_unit, last_unit;  /* with bits to clear */
};

/* The bit alone is what a prefix leaves, or nothing at all missing. */
static bool list_only_known(const struct listing *l, const struct place *p)
{
    if (p->unit_bits == 1 && p->last_unit) return true; /* done */
    return (l->classes & FAULT_PREFIX) && p->in_unit == 0 && p->byte_bits == 1;
}

/* All but the bit is what a prefix, nothing, or another bit alone leaves. */
static bool list_except_known(const struct listing *l, const struct place *p)
{
    if (p->unit_bits == 1 && p->first_unit) return true; /* none */
    if (p->unit_bits == 2 && l->effort->bits_max == 0) return true;
    return (l->classes & FAULT_PREFIX) && p->in_unit == p->unit_bits - 1 && p->byte_bits == 1;
}

/* Whether bit k is one of those that the effort allows; they are spread evenly, ends included. */
static bool list_chosen(const struct listing *l, uint32_t k)
{
    uint64_t max = l->effort->bits_max, last = l->bits - 1;
    assert(k <= last);
    if (max == 0 || max >= l->bits) return true;
    if (max == 1) return k == 0;
    uint64_t slot = (k * (max - 1) + last - 1) / last; /* the first slot from k on */
    return slot * last / (max - 1) == k;
}

static void list_bit(struct listing *l, const struct place *p)
{
    if (!list_chosen(l, p->k)) return;
    if (!list_only_known(l, p)) list_one(l, (struct tear){.kind = TEAR_ONLY, .n = p->k});
    if (!list_except_known(l, p)) list_one(l, (struct tear){.kind = TEAR_EXCEPT, .n = p->k});
}

/* Walks the bits to clear, unit by unit. */
static void list_bits(struct listing *l)
{
    struct place p = {0};
    for (uint32_t start = 0; start < l->op->size && !l->stopped; start += l->unit) {
        p.in_unit = 0;
        p.unit_bits = 0;
        for (uint32_t i = 0; i < l->unit; i++)
            p.unit_bits += chip_bits_in(list_clears(l, start + i));
        p.first_unit = p.k == 0;
        p.last_unit = p.k + p.unit_bits == l->bits;
        for (uint32_t i = 0; i < l->unit; i++) {
            p.byte_bits = chip_bits_in(list_clears(l, start + i));
            for (uint32_t bit = 0; bit < p.byte_bits; bit++, p.k++, p.in_unit++)
                list_bit(l, &p);
        }
    }
}

static void list_masks(struct listing *l, enum tear_kind kind)
{
    for (uint32_t i = 0; i < l->effort->masks; i++) {
        list_one(l,
                 (struct tear){.kind = kind, .density = list_density(i), .seed = list_seed(l, i)});
    }
}

/* Weak tears come in rounds, so that several units and densities get their turn. */
static uint32_t list_rounds(const struct listing *l)
{
    return l->effort->masks ? l->effort->masks : 1;
}

static void list_weak_program(struct listing *l)
{
    static const uint32_t densities[] = {256, 32, 128};
    bool sector_scope = l->chip->flash.geometry.tear_scope == BO_FLASH_TEAR_SECTOR;
    for (uint32_t i = 0; i < list_rounds(l); i++) {
        uint32_t density = densities[i % 3];
        uint64_t seed = list_seed(l, 0x10000 + i);
        list_one(l, (struct tear){.kind = TEAR_LOOKS_UNDONE, .seed = seed});
        list_one(l, (struct tear){.kind = TEAR_LOOKS_DONE, .density = density, .seed = seed});
        list_one(l, (struct tear){.kind = TEAR_FLICKER, .density = density, .seed = seed});
        if (sector_scope) {
            uint32_t n = 1u << i % 3 * 3;
            list_one(l, (struct tear){.kind = TEAR_DISTURB, .n = n, .seed = seed});
        }
    }
}

static void list_ecc_program(struct listing *l)
{
    uint32_t unit = l->chip->flash.geometry.unit;
    for (uint32_t n = 0; n < l->op->size && !l->stopped; n += unit) {
        list_one(l, (struct tear){.kind = TEAR_ECC_ERROR, .n = n});
        uint64_t seed = list_seed(l, 0x20000 + n);
        list_one(l, (struct tear){.kind = TEAR_ECC_WRONG, .n = n, .seed = seed});
        list_one(l, (struct tear){.kind = TEAR_ECC_GHOST, .n = n});
    }
}

static void list_program(struct listing *l)
{
    for (uint32_t i = 0; i < l->op->size; i++)
        l->bits += chip_bits_in(list_clears(l, i));
    assert(l->op->size != 0 && l->op->size <= l->chip->flash.geometry.page_size);
    bool by_unit = l->chip->flash.geometry.tear_scope == BO_FLASH_TEAR_UNIT;
    l->unit = by_unit ? l->chip->flash.geometry.unit : l->op->size;
    if (list_has(l, FAULT_PREFIX)) list_prefixes(l);
    if (list_has(l, FAULT_BITS) && l->bits > 1) {
        list_bits(l);
        if (l->bits > 2) list_masks(l, TEAR_MASK);
    }
    if (list_has(l, FAULT_WEAK) && l->bits > 0) list_weak_program(l);
    if (list_has(l, FAULT_ECC)) list_ecc_program(l);
}

/* --- of an erase --- */

/* Whether [from, to) of the sector is `value` throughout. */
static bool list_all(const struct listing *l, uint32_t from, uint32_t to, uint8_t value)
{
    const struct block *block = l->sector->block;
    if (from == to) return true;
    if (!block) return value == l->chip->flash.geometry.erased;
    const uint8_t *bytes = block->bytes;
    return bytes[from] == value && memcmp(bytes + from, bytes + from + 1, to - from - 1) == 0;
}

/* The i-th of the lengths from 1 to `max` that the effort allows, both ends included. */
static uint32_t list_length(const struct listing *l, uint32_t i, uint32_t count, uint32_t max)
{
    if (l->effort->prefixes_max == 0) return i + 1;
    return 1 + (uint32_t)((uint64_t)i * (max - 1) / (count - 1));
}

static uint32_t list_lengths(const struct listing *l, uint32_t max)
{
    uint32_t count = l->effort->prefixes_max;
    if (count == 0 || count >= max) return max;
    return count < 2 ? 2 : count;
}

/* Bytes up to the last that is not blank. */
static uint32_t list_used(const struct listing *l)
{
    uint32_t used = l->sector->block ? l->op->size : 0;
    while (used != 0 && list_all(l, used - 1, used, l->chip->flash.geometry.erased))
        used--;
    return used;
}

/* Blank bytes before the first that is not. */
static uint32_t list_unused_head(const struct listing *l)
{
    uint32_t i = 0;
    while (i < l->op->size && list_all(l, i, i + 1, l->chip->flash.geometry.erased))
        i++;
    return i;
}

/* Runs of `value` that grow from one end, from more than `min` bytes up to `max`, each changing
 * more than the last. */
static void list_runs(struct listing *l, enum tear_kind kind, uint8_t value, uint32_t min,
                      uint32_t max)
{
    uint32_t size = l->op->size, range = max - min, count = list_lengths(l, range), last = min;
    assert(min < max && max <= size);
    for (uint32_t i = 0; i < count && !l->stopped; i++) {
        uint32_t n = min + (count == range ? i + 1 : list_length(l, i, count, range));
        bool tail = kind == TEAR_ZERO_TAIL || kind == TEAR_BLANK_TAIL;
        bool same = tail ? list_all(l, size - n, size - last, value) : list_all(l, last, n, value);
        last = n;
        if (!same) list_one(l, (struct tear){.kind = kind, .n = n});
    }
}

static void list_weak_erase(struct listing *l)
{
    static const uint32_t densities[] = {8, 1, 64};
    for (uint32_t i = 0; i < list_rounds(l); i++) {
        uint64_t seed = list_seed(l, 0x30000 + i);
        uint32_t density = densities[i % 3];
        list_one(l, (struct tear){.kind = TEAR_BLANK_WEAK, .density = density, .seed = seed});
        list_one(l, (struct tear){.kind = TEAR_BLANK_OVER, .seed = seed});
    }
    list_one(l, (struct tear){.kind = TEAR_LOCKED});
}

/* The old zeros of byte i of the sector. */
static uint8_t list_zeros(const struct listing *l, uint32_t i)
{
    return (uint8_t) ~(sector_byte(l->chip, l->sector, i) ^ l->chip->flip);
}

static bool list_lonely(uint8_t zeros)
{
    return (zeros & (zeros - 1)) == 0;
}

/* Whether the k-th of `total` is one of `max` that are spread evenly. Where they begin depends on
 * the seed, so that the erases of a history get to all of them. */
static bool list_turn(const struct listing *l, uint64_t k, uint64_t total, uint64_t max)
{
    assert(k < total);
    if (max == 0) return false;
    if (max >= total) return true;
    uint64_t turned = (k + l->seed % total) % total;
    return turned == 0 || turned * max / total != (turned - 1) * max / total;
}

/* Single zeros. One that is alone in its byte is likely to be a mark that a design sets later than
 * what it marks, so half of the effort is spent on these. */
static void list_lift_bits(struct listing *l, uint32_t zeros, uint32_t lonely)
{
    uint32_t max = l->effort->bits_max ? l->effort->bits_max : zeros, k = 0, k_lonely = 0;
    uint32_t half = (max + 1) / 2 < lonely ? (max + 1) / 2 : lonely;
    for (uint32_t i = 0; i < l->op->size && !l->stopped; i++) {
        uint8_t of_byte = list_zeros(l, i);
        bool alone = of_byte && list_lonely(of_byte) && list_turn(l, k_lonely++, lonely, half);
        for (uint32_t n = chip_bits_in(of_byte); n != 0; n--, k++) {
            bool chosen = max >= zeros || alone || list_turn(l, k, zeros, max - half);
            if (chosen) list_one(l, (struct tear){.kind = TEAR_LIFT_ONLY, .n = k});
        }
    }
}

/* What an erase that has just begun leaves: few zeros, or one, became ones. */
static void list_lifts(struct listing *l)
{
    static const uint32_t densities[] = {4, 1, 16, 128};
    uint32_t zeros = 0, lonely = 0;
    for (uint32_t i = 0; i < l->op->size; i++) {
        uint8_t of_byte = list_zeros(l, i);
        zeros += chip_bits_in(of_byte);
        lonely += of_byte && list_lonely(of_byte);
    }
    if (zeros < 2) return; /* none, or it is done */
    list_lift_bits(l, zeros, lonely);
    for (uint32_t i = 0; i < l->effort->masks; i++) {
        uint64_t seed = list_seed(l, 0x40000 + i);
        list_one(l, (struct tear){.kind = TEAR_LIFT, .density = densities[i % 4], .seed = seed});
    }
}

static void list_erase(struct listing *l)
{
    uint8_t erased = l->chip->flash.geometry.erased, zero = (uint8_t)~erased;
    uint32_t size = l->op->size, used = list_used(l); /* blanking the used bytes is done */
    if (list_has(l, FAULT_PREFIX) && used > 1) list_runs(l, TEAR_PREFIX, erased, 0, used - 1);
    if (list_has(l, FAULT_BITS) && used > 0) {
        uint32_t head = list_unused_head(l) + 1;
        if (head < used) list_runs(l, TEAR_BLANK_TAIL, erased, size - used, size - head);
        list_lifts(l);
    }
    if (list_has(l, FAULT_ZEROS)) {
        list_runs(l, TEAR_ZERO_HEAD, zero, 0, size);
        list_runs(l, TEAR_ZERO_TAIL, zero, 0, size - 1);
        list_masks(l, TEAR_MIX);
    }
    if (list_has(l, FAULT_WEAK)) list_weak_erase(l);
    if (list_has(l, FAULT_ECC)) list_masks(l, TEAR_ECC_MIX);
}

/* --- of either --- */

static uint8_t list_byte(const struct listing *l, uint64_t address)
{
    uint32_t number = chip_sector_of(l->chip, (uint32_t)address);
    uint64_t start = (uint64_t)number * l->chip->flash.geometry.sector_size;
    return sector_byte(l->chip, &l->chip->sectors[number], (uint32_t)(address - start));
}

/* The first byte from `start` on, up to `end`, that is programmed and has bits left to clear; `end`
 * when there is none. */
static uint64_t list_find_written(const struct listing *l, uint64_t start, uint64_t end)
{
    uint64_t sector_size = l->chip->flash.geometry.sector_size, at = start;
    uint8_t erased = l->chip->flash.geometry.erased, zero = (uint8_t)~erased;
    assert(start <= end && end <= l->chip->size && end % sector_size == 0);
    while (at < end) {
        bool blank = !l->chip->sectors[at / sector_size].block;
        uint8_t byte = list_byte(l, at);
        if (!blank && byte != erased && byte != zero) return at;
        at = blank ? (at / sector_size + 1) * sector_size : at + 1;
    }
    return end;
}

/* All bits of a byte that can clear, or one of them. */
static void list_stray(struct listing *l, uint64_t address, uint64_t random)
{
    uint8_t bits = list_byte(l, address) ^ (uint8_t)l->chip->flip;
    if (!bits) return;
    if (random & 1) {
        for (uint64_t skip = (random >> 1) % chip_bits_in(bits); skip != 0; skip--)
            bits &= (uint8_t)(bits - 1);
        bits &= (uint8_t)-bits;
    }
    list_one(l, (struct tear){.kind = TEAR_STRAY, .seed = address, .n = bits});
}

/* The next written byte in these sectors. */
static void list_stray_in(struct listing *l, uint32_t first, uint32_t end, uint64_t random)
{
    uint64_t sector_size = l->chip->flash.geometry.sector_size;
    uint64_t from = first * sector_size, to = end * sector_size;
    if (from == to) return;
    uint64_t start = from + random % (to - from), at = list_find_written(l, start, to);
    if (at == to) at = list_find_written(l, from, to);
    if (at != to) list_stray(l, at, random >> 32);
}

/* Beside what is programmed; at other places of the sector; in the sectors before it and after it,
 * in turn. Mostly where something was written: nothing else can be lost. */
static void list_strays(struct listing *l)
{
    uint32_t number = chip_sector_of(l->chip, l->op->address);
    uint64_t end = (uint64_t)l->op->address + l->op->size;
    uint32_t sectors = l->chip->flash.geometry.sector_count;
    uint64_t random = hash_mix(l->seed, 0x50000);
    if (l->op->address) list_stray(l, l->op->address - 1, random);
    if (end < l->chip->size) list_stray(l, end, random >> 8);
    for (uint32_t i = 0; i < l->effort->masks && !l->stopped; i++) {
        random = hash_mix(l->seed, 0x50001 + i);
        if (l->op->kind == CHIP_PROGRAM) list_stray_in(l, number, number + 1, random);
        bool before = number != 0 && (i % 2 || number + 1 == sectors);
        list_stray_in(l, before ? 0 : number + 1, before ? number : sectors, random >> 8);
    }
}

void fault_tears(const struct chip *chip, const struct chip_op *op, uint32_t classes,
                 const struct fault_effort *effort, uint64_t seed,
                 bool (*each)(void *context, const struct tear *tear), void *context)
{
    uint32_t number = chip_sector_of(chip, op->address);
    assert(op->kind != CHIP_READ && (op->kind == CHIP_ERASE) == !op->data);
    assert(number < chip->flash.geometry.sector_count);
    struct listing l = {
        .chip = chip,
        .op = op,
        .effort = effort,
        .classes = classes,
        .seed = seed,
        .each = each,
        .context = context,
        .sector = &chip->sectors[number],
        .offset = op->address - number * chip->flash.geometry.sector_size,
    };
    if (list_has(&l, FAULT_EDGE)) {
        list_one(&l, (struct tear){.kind = TEAR_NONE});
        list_one(&l, (struct tear){.kind = TEAR_DONE});
    }
    if (list_has(&l, FAULT_STRAY)) list_strays(&l);
    if (op->kind == CHIP_PROGRAM) {
        list_program(&l);
    } else {
        list_erase(&l);
    }
}
