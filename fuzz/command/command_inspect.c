/* The subcommand inspect: what is in a dump of the flash.
 *
 * An engine is mounted on a copy of the dump, so the file is never changed, and what it returns is
 * printed. A dump may be anything: the chip grants a number of flash calls, so an engine that loops
 * on it comes to an end; and all of this is done in a process of its own, which it may crash.
 */
#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/adapters/pairs.h"
#include "fuzz/command/command.h"
#include "fuzz/command/dump.h"
#include "fuzz/rig/object.h"
#include "fuzz/script/ask.h"
#include "sim/chip.h"
#include "sim/memory.h"
#include "sim/pulse.h"

/* Lines of one list: where they are more than fit a screen, those at both ends. */
#define LINES_FIRST 14u
#define LINES_LAST 6u

struct excerpt {
    bool is_long; /* all of them */
    uint64_t count;
    char *last[LINES_LAST]; /* those after the first ones, by their number modulo LINES_LAST */
};

struct inspection {
    const char *path;
    const struct loaded *loaded;
    const uint8_t *image;
    uint64_t size;
    uint64_t place; /* of the next item: a queue has no numbers */
    bool numbered;
    struct excerpt excerpt;
};

/* Takes the line. */
static void excerpt_line(struct excerpt *it, char *line)
{
    char **held = &it->last[it->count % LINES_LAST];
    assert(line && "it is taken");
    pulse_now->beats++;
    it->count++;
    if (it->is_long || it->count <= LINES_FIRST) {
        printf("%s\n", line);
        free(line);
        return;
    }
    free(*held);
    *held = line;
}

/* Prints those that are held; the next list begins. */
static void excerpt_end(struct excerpt *it)
{
    uint64_t held = it->is_long || it->count <= LINES_FIRST ? 0 : it->count - LINES_FIRST;
    if (held > LINES_LAST) {
        printf("  .. %" PRIu64 " more; --long prints them\n", held - LINES_LAST);
        held = LINES_LAST;
    }
    assert(held <= it->count && held <= LINES_LAST);
    for (uint64_t i = it->count - held; i < it->count; i++) {
        char **line = &it->last[i % LINES_LAST];
        assert(*line && "each is printed once");
        printf("%s\n", *line);
        free(*line);
        *line = NULL;
    }
    it->count = 0;
}

static void take_line(void *context, const char *text)
{
    struct inspection *it = context;
    excerpt_line(&it->excerpt, memory_copy(text, strlen(text) + 1));
}

static void print_bytes(FILE *out, const uint8_t *bytes, uint32_t size)
{
    bool plain = size > 0;
    for (uint32_t i = 0; i < size; i++)
        plain = plain && bytes[i] >= ' ' && bytes[i] < 0x7F && bytes[i] != '"';
    if (plain) {
        fprintf(out, "\"%.*s\"", (int)size, (const char *)bytes);
        return;
    }
    fprintf(out, size ? "0x" : "empty");
    for (uint32_t i = 0; i < size && i < 32; i++)
        fprintf(out, "%02x", bytes[i]);
    if (size > 32) fprintf(out, "..");
}

static void print_content(FILE *out, const uint8_t *bytes, uint32_t size)
{
    if (!bytes && size == ADAPTER_DAMAGED) {
        fprintf(out, "damaged");
        return;
    }
    print_bytes(out, bytes, size);
    fprintf(out, " (%" PRIu32 " bytes)", size);
}

static void take_pair(void *context, const void *key, uint32_t key_size, const void *value,
                      uint32_t value_size)
{
    struct inspection *it = context;
    char *line;
    size_t size;
    FILE *out = memory_open(&line, &size);
    fprintf(out, "  ");
    print_bytes(out, key, key_size);
    fprintf(out, " = ");
    print_content(out, value, value_size);
    memory_close(out, &line);
    excerpt_line(&it->excerpt, line);
}

static void take_item(void *context, uint64_t number, const void *data, uint32_t data_size)
{
    struct inspection *it = context;
    char *line;
    size_t size;
    FILE *out = memory_open(&line, &size);
    fprintf(out, "  %" PRIu64 " = ", it->numbered ? number : it->place);
    it->place++;
    print_content(out, data, data_size);
    memory_close(out, &line);
    excerpt_line(&it->excerpt, line);
}

static enum answer print_contents(struct inspection *it, void *object)
{
    const struct adapter *adapter = it->loaded->adapter;
    it->numbered = adapter->kind == ADAPTER_LOG && !adapter->list->numberless;
    pulse_enter_engine(ADAPTER_CALL_EACH);
    if (adapter->kind == ADAPTER_MAP ? !adapter->map->each : !adapter->list->each) {
        printf("the engine opens it; it can't list what it holds\n");
        return ANSWER_OK;
    }
    if (adapter->kind == ADAPTER_MAP) {
        printf("values, oldest copy first; the last one of a key counts:\n");
        return adapter->map->each(object, take_pair, it);
    }
    printf("items, oldest first, by their %s:\n", it->numbered ? "numbers" : "places");
    return adapter->list->each(object, take_item, it);
}

static int inspect_chip(struct inspection *it, struct chip *chip)
{
    const struct loaded *loaded = it->loaded;
    const struct adapter *adapter = loaded->adapter;
    const struct bo_flash *flash = chip_flash(chip);
    size_t size = ask_object_size(adapter, &flash->geometry, &loaded->settings);
    assert(it->size == bo_flash_size(flash) && "the image is as long as the chip");
    void *object = object_new(size);
    memset(object, 0xA5, size);
    pairs_power_on(adapter, object, BESIDE_FIRST);
    /* A dump may be anything: an engine that loops on it must come to an end. */
    uint64_t calls = 64 * (bo_flash_size(flash) + 4096);
    chip_set_fuel(chip, calls, calls);
    printf("%s: %s, %" PRIu32 " sectors of %" PRIu32 " bytes\n", it->path, adapter->name,
           flash->geometry.sector_count, flash->geometry.sector_size);
    pulse_enter_engine(ADAPTER_CALL_MOUNT);
    enum answer answer = adapter->mount(object, flash, &loaded->settings);
    if (adapter->inspect) adapter->inspect(object, flash, &loaded->settings, take_line, it);
    excerpt_end(&it->excerpt);
    if (answer == ANSWER_OK) answer = print_contents(it, object);
    excerpt_end(&it->excerpt);
    pulse_go(PULSE_HARNESS);
    if (answer != ANSWER_OK)
        printf("the engine can't open it: it is damaged, or another engine or other options wrote "
               "it\n");
    if (chip_breach(chip)->rule != CHIP_RULE_KEPT)
        printf("the engine broke a rule: %s\n", chip_rule_name(chip_breach(chip)->rule));
    bool whole = object_is_whole(object, size);
    object_free(object, size);
    if (whole) return COMMAND_CLEAN;
    printf("DIVERGENCE of %s, clause sane: it writes outside of its object of %zu bytes\n",
           adapter->name, size);
    return COMMAND_DIVERGED;
}

static int inspect_apart(void *context)
{
    struct inspection *it = context;
    const struct loaded *loaded = it->loaded;
    struct chip *chip = chip_new(&loaded->script->part);
    bool taken = chip && chip_load(chip, it->image, it->size);
    assert(taken); /* geometry and size were looked at */
    chip_allow_and(chip, loaded->adapter->relies_on_and);
    int code = inspect_chip(it, chip);
    chip_free(chip);
    return code;
}

/* A raw dump is as long as the chip, or longer where it is said where in it the flash begins.
 * Records leave out what is erased, and only where that is said they hold more than the flash. */
static int check_size(const struct command_options *options, const struct dump *dump,
                      uint64_t wanted)
{
    bool lacks = dump->size < wanted && !dump->records;
    bool exceeds = dump->size > wanted && !options->offset_given;
    if (!lacks && !exceeds) return COMMAND_CLEAN;
    return command_refuse("%s: has %" PRIu64 " bytes, but the chip has %" PRIu64, options->files[0],
                          dump->size, wanted);
}

static int inspect_dump(const struct command_options *options, const struct loaded *loaded,
                        const struct dump *dump)
{
    const struct bo_flash_geometry *g = &loaded->script->part.geometry;
    uint64_t wanted = (uint64_t)g->sector_size * g->sector_count;
    int code = check_size(options, dump, wanted);
    if (code) return code;
    assert(wanted <= SIZE_MAX && (dump->size <= wanted || options->offset_given));
    uint8_t *image = memory_new((size_t)wanted);
    dump_copy(dump, g->erased, image, wanted);
    struct inspection it = {.path = options->files[0],
                            .loaded = loaded,
                            .image = image,
                            .size = wanted,
                            .excerpt = {.is_long = options->is_long}};
    code = command_apart(options, loaded->adapter->name, inspect_apart, &it);
    free(image);
    return code;
}

static int inspect_file(const struct command_options *options, struct dump *dump)
{
    struct loaded loaded;
    if (!dump_read(dump, options->files[0], options->offset_given, options->offset))
        return command_refuse_at(options->files[0], dump->line, dump->reason);
    int code = options->file_count == 2 ? command_load(options, options->files[1], &loaded)
                                        : command_load_bare(options, dump->size, &loaded);
    if (code) return code;
    code = inspect_dump(options, &loaded, dump);
    script_free(loaded.script);
    return code;
}

int command_inspect(int argc, char **argv)
{
    struct command_options options;
    struct dump dump;
    if (!command_parse(argc, argv, &options)) return COMMAND_USAGE;
    if (options.file_count < 1 || options.file_count > 2)
        return command_refuse(
            "inspect takes an image, and either a scenario or --engine and --chip");
    int code = inspect_file(&options, &dump);
    dump_free(&dump);
    return code;
}
