/* replay.c - one path through a script.
 *
 * Each operation is called on the rig, which judges it. The chip's hook counts the programs and
 * erases of the operation, folds them into the trace, and returns the tear when the one that is to
 * be cut has come; the same with reads, where one is to go wrong. Then a power-on follows, also
 * where the script forgets it. A change that is refused after a cut is a divergence only if it
 * works without the cuts and on a fresh store (capacity.h).
 */
#include "fuzz/explore/replay.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/explore/uncut.h"
#include "fuzz/rig/aged.h"
#include "fuzz/rig/capacity.h"
#include "fuzz/rig/hostile.h"
#include "fuzz/rig/leak.h"
#include "fuzz/rig/worn.h"

struct player {
    struct rig *rig;
    struct capacity *capacity;
    FILE *story;
    struct replay *result;
    const struct op *op;
    enum answer answer;  /* of the engine to it */
    uint32_t nth;        /* programs and erases in this operation so far */
    uint32_t reads;      /* the same, where one is to go wrong */
    uint64_t trace;      /* digest of all of them from the start */
    bool told_breach;    /* a rule was broken, and the story says where */
    struct chip_op torn; /* the program or erase that was cut last */
};

/* --- the story --- */

#define BYTES_TOLD 16u
#define ITEMS_TOLD 12u

static void tell_bytes(FILE *out, const uint8_t *bytes, uint32_t size)
{
    for (uint32_t i = 0; i < size && i < BYTES_TOLD; i++)
        fprintf(out, "%s%02x", i ? " " : "", bytes[i]);
    if (size > BYTES_TOLD) fprintf(out, " ..");
}

static bool is_uniform(const struct value *value)
{
    for (uint32_t i = 1; i < value->size; i++) {
        if (value->bytes[i] != value->bytes[0]) return false;
    }
    return value->size > 0;
}

static void tell_text(FILE *out, const struct value *value)
{
    bool plain = value->size > 0;
    for (uint32_t i = 0; i < value->size; i++)
        plain = plain && value->bytes[i] > ' ' && value->bytes[i] < 0x7F;
    if (value->size == 0) {
        fprintf(out, "empty");
    } else if (plain && value->size <= 40) {
        fprintf(out, "%.*s", (int)value->size, (const char *)value->bytes);
    } else if (value->size > BYTES_TOLD && is_uniform(value)) {
        fprintf(out, "%" PRIu32 " bytes %02x", value->size, value->bytes[0]);
    } else {
        fprintf(out, "[");
        tell_bytes(out, value->bytes, value->size);
        fprintf(out, "]");
    }
}

static const struct model *model_of(const struct player *player)
{
    return rig_model(player->rig);
}

/* The item that an operation of a queue or a log is about, before it is done. */
static void tell_item(const struct player *player)
{
    const struct op *op = player->op;
    const struct model *model = model_of(player);
    if (model_is_map(model) || (!op_has_place(op->kind) && op->kind != OP_PEEK)) return;
    const struct model_item *item =
        model_list_at(&model->list, op_has_place(op->kind) ? op->count : 0);
    if (op_has_place(op->kind) && op->count) fprintf(player->story, " %" PRIu32, op->count);
    fprintf(player->story, ": ");
    if (item)
        tell_text(player->story, item->value);
    else
        fprintf(player->story, "nothing");
}

/* Of two engines on one flash: which one this power-on is of. */
static void tell_whose(const struct player *player, enum op_kind kind)
{
    const char *name = rig_whose(player->rig, 1);
    bool powers_on = op_powers_on(kind) || kind == OP_FORMAT || kind == OP_RESET;
    if (name && powers_on) fprintf(player->story, " of %s", name);
}

static void tell_op(const struct player *player, uint32_t index)
{
    const struct op *op = player->op;
    FILE *out = player->story;
    if (!out) return;
    assert(op == &player->rig->script->ops[index]);
    fprintf(out, "%4" PRIu32 "  %s", index + 1, op_name(op->kind));
    if (op_has_key(op->kind)) {
        fprintf(out, " ");
        tell_text(out, player->rig->script->keys[op->key]);
    }
    tell_item(player);
    if (op->value) {
        fprintf(out, op_has_key(op->kind) ? " = " : " ");
        tell_text(out, op->value);
        if (op->value->size > BYTES_TOLD && !is_uniform(op->value))
            fprintf(out, " (%" PRIu32 " bytes)", op->value->size);
    } else if (op_claims(op->kind)) {
        fprintf(out, op_has_key(op->kind) ? " = absent" : " absent");
    }
    tell_whose(player, op->kind);
    fprintf(out, "\n");
}

static void tell_call(const struct player *player, const struct chip_op *op)
{
    FILE *out = player->story;
    if (!out) return;
    if (op->kind == CHIP_ERASE) {
        fprintf(out, "        %2" PRIu32 "  erase   0x%05" PRIx32 "  sector %" PRIu32 "\n",
                player->nth, op->address,
                op->address / chip_flash(player->rig->chip)->geometry.sector_size);
        return;
    }
    fprintf(out, "        %2" PRIu32 "  program 0x%05" PRIx32 "  %4" PRIu32 " bytes  ", player->nth,
            op->address, op->size);
    tell_bytes(out, op->data, op->size);
    fprintf(out, "\n");
}

/* The flash call that broke a rule is refused, so the hook is not asked: it is printed before the
 * next one, or after the engine's call. */
static void tell_breach(struct player *player)
{
    const struct chip_breach *breach = chip_breach(player->rig->chip);
    static const char *const kinds[] = {
        [CHIP_PROGRAM] = "program", [CHIP_ERASE] = "erase  ", [CHIP_READ] = "read   "};
    if (!player->story || player->told_breach || breach->rule == CHIP_RULE_KEPT) return;
    player->told_breach = true;
    fprintf(player->story, "            %s 0x%05" PRIx32 "  %4" PRIu32 " bytes  IS REFUSED: %s\n",
            kinds[breach->op.kind], breach->op.address, breach->op.size,
            chip_rule_name(breach->rule));
}

static void tell_stray(const struct player *player, const struct chip_op *op, const char *text)
{
    struct chip *chip = player->rig->chip;
    uint32_t address = (uint32_t)(player->op->cut.tear.seed % bo_flash_size(chip_flash(chip)));
    uint8_t byte;
    chip_peek(chip, address, &byte, 1);
    fprintf(player->story,
            "            THIS %s IS DONE AND STRAYS: %s\n"
            "            0x%05" PRIx32 " was %02x before\n",
            op->kind == CHIP_ERASE ? "ERASE" : "PROGRAM", text, address, byte);
}

static void tell_cut(const struct player *player, const struct chip_op *op)
{
    char text[FAULT_TEXT_MAX];
    if (!player->story) return;
    fault_print(&player->op->cut.tear, text);
    const char *what = op->kind == CHIP_ERASE ? "erase" : "program";
    if (op->kind == CHIP_READ)
        fprintf(player->story,
                "            THE READ of %" PRIu32 " bytes at 0x%05" PRIx32 " GOES WRONG: %s\n",
                op->size, op->address, text);
    else if (player->op->cut.tear.kind == TEAR_STRAY)
        tell_stray(player, op, text);
    else if (player->op->cut.tear.powered)
        fprintf(player->story, "            THIS %s %s; what it leaves: %s\n",
                op->kind == CHIP_ERASE ? "ERASE" : "PROGRAM",
                player->op->cut.tear.lies ? "ANSWERS OK AND LIES" : "FAILS", text);
    else
        fprintf(player->story, "            POWER IS CUT in this %s; what it leaves: %s\n", what,
                text);
}

/* The bytes that the cut left; of a sector those at its start and those at its end. */
static void tell_left(const struct player *player)
{
    const struct chip_op *op = &player->torn;
    FILE *out = player->story;
    uint8_t bytes[BYTES_TOLD];
    if (!out || op->size == 0) return;
    uint32_t size = op->size < BYTES_TOLD ? op->size : BYTES_TOLD;
    chip_peek(player->rig->chip, op->address, bytes, size);
    fprintf(out, "            0x%05" PRIx32 " now reads ", op->address);
    tell_bytes(out, bytes, size);
    if (op->size > size) {
        chip_peek(player->rig->chip, op->address + (op->size - 4), bytes, 4);
        fprintf(out, " .. ");
        tell_bytes(out, bytes, 4);
    }
    fprintf(out, "\n");
}

static uint32_t tell_values(const struct player *player)
{
    const struct script *script = player->rig->script;
    FILE *out = player->story;
    uint32_t told = 0;
    for (uint32_t key = 0; key < script->key_count; key++) {
        const struct value *value = model_of(player)->slots[key].allowed[0];
        if (!value) continue;
        fprintf(out, "%s ", told++ ? "," : "");
        tell_text(out, script->keys[key]);
        fprintf(out, " = ");
        tell_text(out, value);
    }
    return told;
}

/* Those at both ends: what a cut may cost is there. */
static uint32_t tell_items(const struct player *player)
{
    const struct model_list *list = &model_of(player)->list;
    FILE *out = player->story;
    uint32_t count = model_list_count(list);
    if (count) fprintf(out, " %" PRIu32 " item%s, oldest first:", count, count > 1 ? "s" : "");
    for (uint32_t i = 0; i < count; i++) {
        fprintf(out, "%s ", i ? "," : "");
        if (i == ITEMS_TOLD / 2 && count > ITEMS_TOLD) {
            fprintf(out, "..");
            i = count - ITEMS_TOLD / 2 - 1;
        } else {
            tell_text(out, model_list_at(list, i)->value);
        }
    }
    return count;
}

/* What the engine said it holds after a power-on; the model has settled on it. */
static void tell_content(const struct player *player)
{
    if (!player->story) return;
    fprintf(player->story, "        holds");
    uint32_t told = model_is_map(model_of(player)) ? tell_values(player) : tell_items(player);
    fprintf(player->story, "%s\n", told ? "" : " nothing");
}

static void tell_laps(const struct player *player)
{
    if (!player->story) return;
    fprintf(player->story, "      then its calls again and again, on a fresh store\n");
    fflush(player->story); /* the engine may crash there */
}

static void tell_finding(struct player *player)
{
    const struct finding *finding = &player->rig->finding;
    tell_breach(player);
    if (!player->story || finding->clause == CLAUSE_NONE) return;
    if (finding->clause == CLAUSE_SCENARIO) return; /* no divergence */
    fprintf(player->story, "        DIVERGENCE, clause %s: %s\n", clause_name(finding->clause),
            finding->text);
}

/* --- running --- */

static void fold(struct player *player, const struct chip_op *op)
{
    uint64_t words[4] = {player->trace, op->kind, op->address, op->size};
    uint8_t bytes[32];
    for (uint32_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(words[i / 8] >> 8 * (i % 8));
    player->trace = script_digest(bytes, sizeof bytes);
    if (op->data) player->trace ^= script_digest(op->data, op->size);
}

/* Calls of the operation so far of the kind of which one is to be cut. */
static uint32_t met(const struct player *player)
{
    return cut_is_glitch(&player->op->cut) ? player->reads : player->nth;
}

static const struct tear *on_flash_op(void *context, const struct chip_op *op)
{
    struct player *player = context;
    bool reads = op->kind == CHIP_READ;
    assert(player->op && player->rig->level == 0);
    ++*(reads ? &player->reads : &player->nth);
    fold(player, op);
    tell_breach(player);
    if (!reads) tell_call(player, op);
    if (reads != cut_is_glitch(&player->op->cut)) return NULL;
    if (!cut_meets(&player->op->cut, met(player))) return NULL;
    if (player->op->cut.nth != met(player)) return &player->op->cut.tear; /* one of several */
    tell_cut(player, op);
    player->torn = *op;
    player->rig->interrupted = true;
    player->result->cuts++;
    player->result->trace = player->trace;
    player->result->cut = cut_in_of(player->op, op->kind);
    return &player->op->cut.tear;
}

/* After a cut only a power-on makes sense; a script that forgets it means one. */
static bool power_on_first(struct player *player)
{
    static const struct op mount = {.kind = OP_MOUNT};
    if (!rig_is_off(player->rig) || op_powers_on(player->op->kind)) return true;
    const struct op *op = player->op;
    player->op = &mount;
    player->nth = 0;
    if (player->story) {
        fprintf(player->story, "      mount");
        tell_whose(player, OP_MOUNT);
        fprintf(player->story, "\n");
    }
    bool fine = rig_call(player->rig, &mount, NULL);
    if (fine && !rig_is_off(player->rig)) tell_content(player);
    player->op = op;
    return fine;
}

/* A change fails after a cut, though it works without, and on a fresh store too. The exercise was
 * not part of the uncut run, and its key may still take room. A pop is judged by the rig. */
static bool should_work(const struct player *player, uint32_t index)
{
    enum op_kind kind = player->op->kind;
    assert(player->op == &player->rig->script->ops[index]);
    if (player->rig->rotten || player->result->used) return false; /* what is hit it may need */
    return op_changes(kind) && kind != OP_POP && player->result->cuts &&
           uncut_works(player->rig, index) && capacity_can_do(player->capacity, player->op);
}

/* The operation, with what the engine answers. */
static bool do_op(struct rig *rig, void *context)
{
    struct player *player = context;
    if (player->op->kind == OP_USE) return rig_use(rig, capacity_can_use(player->capacity));
    return rig_call(rig, player->op, &player->answer);
}

/* Whether a call of the flash failed, lied, strayed or went wrong in this operation, which may
 * answer an error then. */
static bool fails_here(const struct player *player)
{
    const struct cut *cut = &player->op->cut;
    return cut->nth && cut->nth <= met(player) && cut->tear.powered;
}

static void count_done(struct player *player)
{
    struct replay *result = player->result;
    bool done = rig_is_off(player->rig) || rig_worked(player->op, player->answer);
    bool puts = op_puts(player->op->kind);
    assert(result->taken <= result->puts);
    result->done += done;
    result->puts += puts;
    result->taken += puts && done;
}

static void note_missed(struct player *player, uint32_t index)
{
    player->result->cuts_missed++;
    player->result->missed_op = index;
    player->result->missed_calls = met(player);
}

static bool play_op(struct player *player, uint32_t index)
{
    struct rig *rig = player->rig;
    assert(index < rig->script->op_count && rig->finding.clause == CLAUSE_NONE);
    player->op = &rig->script->ops[index];
    if (!power_on_first(player)) return false;
    player->nth = player->reads = 0;
    chip_ask_reads(rig->chip, cut_is_glitch(&player->op->cut));
    tell_op(player, index);
    bool done = rig_is_done(rig, player->op);
    player->answer = ANSWER_OK;
    if (!rig_until_off(rig, do_op, player)) return false;
    player->result->used = player->result->used || player->op->kind == OP_USE;
    count_done(player);
    if (player->op->cut.nth > met(player)) note_missed(player, index);
    if (rig_is_off(rig))
        tell_left(player);
    else if (player->op->kind == OP_MOUNT)
        tell_content(player);
    if (rig_is_off(rig) || fails_here(player) || rig_worked(player->op, player->answer) || done ||
        !should_work(player, index))
        return true;
    return rig_finds_failed(rig, player->op, player->answer);
}

/* What was found when the same calls were made again and again (leak.h, worn.h, aged.h): that they
 * keep memory or wear a sector out, that numbers come round, or that one does not come back. Such a
 * case has no cut, and its own operations show nothing. */
static bool laps_find(struct player *player)
{
    const struct finding *found = &player->rig->script->found;
    enum seen seen = found->seen;
    bool uncut = found->cut == CUT_NONE && player->result->cuts == 0;
    bool lost = uncut && (seen == SEEN_CRASH || seen == SEEN_ENDLESS);
    assert(player->rig->level == 0 && seen < SEENS);
    if (!lost && seen != SEEN_MEMORY && seen != SEEN_WORN && seen != SEEN_AGED) return false;
    tell_laps(player);
    if ((lost || seen == SEEN_MEMORY) && leak_finds(player->rig)) return true;
    if ((lost || seen == SEEN_WORN) && worn_finds(player->rig)) return true;
    if (lost) return aged_finds(player->rig, AGED_SHORT); /* each step of the shrinker comes here */
    return seen == SEEN_AGED && aged_finds(player->rig, AGED_LONG);
}

static bool play(struct player *player)
{
    struct rig *rig = player->rig;
    uint32_t index = 0;
    chip_set_hook(rig->chip, NULL, NULL);
    bool fine = rig_begin(rig);
    chip_set_hook(rig->chip, on_flash_op, player);
    for (; fine && index < rig->script->op_count; index++) {
        fine = play_op(player, index);
        if (!fine) break;
    }
    player->result->op = index;
    if (fine && rig_is_off(rig)) {
        player->op = &(struct op){.kind = OP_LOOK};
        fine = power_on_first(player);
    }
    chip_set_hook(rig->chip, NULL, NULL);
    fine = fine && !laps_find(player);
    player->result->finding = rig->finding;
    player->result->finding.cut = player->result->cut;
    tell_finding(player);
    return fine;
}

/* What the script's operations do is nothing but to name the keys. */
static bool replay_image(struct rig *rig, FILE *story, struct replay *result)
{
    const struct value *image = rig->script->image;
    uint64_t size = bo_flash_size(chip_flash(rig->chip));
    *result = (struct replay){.op = rig->script->op_count, .done = 1, .used = true};
    if (story)
        fprintf(story, "      an image of %" PRIu32 " bytes is read and used\n", image->size);
    if (image->size == size)
        hostile_try(rig, image->bytes, NULL);
    else
        rig_finds(rig, CLAUSE_SCENARIO, SEEN_UNKNOWN,
                  "expected an image of %" PRIu64 " bytes, as many as the chip has, got %" PRIu32,
                  size, image->size);
    result->finding = rig->finding;
    return rig->finding.clause == CLAUSE_NONE;
}

bool replay(struct rig *rig, FILE *story, struct replay *result)
{
    assert(rig->level == 0 && rig->finding.clause == CLAUSE_NONE);
    if (rig->script->image) return replay_image(rig, story, result);
    *result = (struct replay){0};
    struct player player = {.rig = rig, .story = story, .result = result};
    player.capacity = capacity_new(rig);
    bool fine = play(&player);
    capacity_free(player.capacity);
    assert(fine == (result->finding.clause == CLAUSE_NONE));
    return fine;
}

void replay_once(const struct script *script, const struct adapter *adapter,
                 const struct adapter_settings *settings, struct replay *result)
{
    struct rig *rig = rig_new(script, adapter, settings);
    replay(rig, NULL, result);
    rig_free(rig);
}
