/* The subcommand list: what there is. What fits a screen; with --long all that is known of it. */
#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "fuzz/rig/engines.h"
#include "fuzz/command/command.h"
#include "fuzz/script/ask.h"
#include "fuzz/script/settings.h"
#include "fuzz/script/json.h"

#define WIDTH_MAX 100
#define INDENT "               "

static const char *kind_name(const struct adapter *adapter)
{
    static const char *const names[] = {
        [ADAPTER_MAP] = "map", [ADAPTER_QUEUE] = "queue", [ADAPTER_LOG] = "log"};
    assert(adapter->kind >= ADAPTER_MAP && adapter->kind <= ADAPTER_LOG);
    return names[adapter->kind];
}

/* The words of an option: a word between two others is `between` them. */
static void print_words(const struct adapter_option *option, const char *quote, const char *between)
{
    assert(option->words && option->min <= option->max);
    for (uint64_t i = 0; i <= option->max - option->min; i++)
        printf("%s%s%s%s", i ? between : "", quote, option->words[i], quote);
}

static void list_option(const struct adapter_option *option)
{
    printf(INDENT "%s=", option->name);
    if (!option->words) {
        printf("%" PRIu64 "  %s%s\n", option->value, option->summary,
               option->fixed ? "; fixed: fuzz leaves it alone" : "");
        return;
    }
    assert(option->min <= option->value && option->value <= option->max);
    printf("%s  %s (", option->words[option->value - option->min], option->summary);
    print_words(option, "", ", ");
    printf(")\n");
}

/* The line has `used` columns by then; the names that have no room go to the next one. */
static void print_option_names(const struct adapter *adapter, size_t used)
{
    const struct adapter_option *option = adapter->options;
    for (; option && option->name; option++) {
        const char *between = option == adapter->options ? "; options " : ",";
        size_t size = strlen(between) + strlen(option->name);
        bool fits = used + size < WIDTH_MAX; /* and a comma */
        used = fits ? used + size : strlen(INDENT) + size;
        printf("%s%s%s", between, fits ? "" : "\n" INDENT, option->name);
        assert(used < WIDTH_MAX);
    }
}

/* In lines of WIDTH_MAX, the further ones indented. */
static void print_wrapped(const char *text)
{
    size_t room = WIDTH_MAX - strlen(INDENT);
    assert(room > 1 && "a line takes something");
    while (*text) {
        size_t size = strlen(text);
        if (size > room) {
            size = room;
            while (size > 1 && text[size] != ' ')
                size--;
        }
        printf(INDENT "%.*s\n", (int)size, text);
        text += size;
        text += strspn(text, " ");
    }
}

/* With no option given, on a part without limits. */
static const char *claims_of(const struct adapter *adapter)
{
    struct adapter_settings settings;
    settings_defaults(adapter, &settings);
    return ask_claims(adapter, &part_find("generic")->geometry, &settings);
}

/* What a map has beyond the calls that all have. */
static void list_calls(const struct adapter_map *map)
{
    const struct {
        bool has;
        const char *name;
    } calls[] = {{map->begin, "transactions"},
                 {map->open, "snapshots"},
                 {map->scan, "scan"},
                 {map->collect, "collect"},
                 {map->destroy, "destroy"}};
    const char *between = INDENT "has ";
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        if (!calls[i].has) continue;
        printf("%s%s", between, calls[i].name);
        between = ", ";
    }
    if (*between == ',') printf("\n");
}

static void list_engine(const struct adapter *adapter, bool is_long)
{
    const struct adapter_option *option = adapter->options;
    assert(adapter->name && adapter->summary);
    printf("%-14s %s\n", adapter->name, adapter->summary);
    int used = printf(INDENT "kind %s; claims %s", kind_name(adapter), claims_of(adapter));
    if (is_long)
        printf("%s%s", adapter->claims_by ? " (depends on part and options)" : "",
               engines_is_subject(adapter) ? "; a test subject with known faults" : "");
    else
        print_option_names(adapter, used < 0 ? 0 : (size_t)used);
    printf("\n");
    if (engines_file(adapter)) printf(INDENT "plugin %s\n", engines_file(adapter));
    if (!is_long) return;
    if (adapter->kind == ADAPTER_MAP) list_calls(adapter->map);
    if (adapter->widened_why) {
        printf(INDENT "widened:\n");
        print_wrapped(adapter->widened_why);
    }
    for (; option && option->name; option++)
        list_option(option);
}

static void list_engines(bool is_long)
{
    const struct adapter *adapter;
    for (size_t i = 0; (adapter = engines_at(i)); i++)
        list_engine(adapter, is_long);
    if (!is_long) printf("\n--long says what the options do and what a claim leaves open\n");
}

static void list_options_json(const struct adapter *adapter)
{
    const struct adapter_option *option = adapter->options;
    for (; option && option->name; option++) {
        printf("%s{\"name\": \"%s\", \"value\": %" PRIu64 ", \"min\": %" PRIu64
               ", \"max\": %" PRIu64 ", \"fixed\": %s, \"words\": [",
               option == adapter->options ? "" : ", ", option->name, option->value, option->min,
               option->max, option->fixed ? "true" : "false");
        if (option->words) print_words(option, "\"", ", ");
        printf("]}");
    }
}

static void list_engines_json(void)
{
    const struct adapter *adapter;
    printf("[");
    for (size_t i = 0; (adapter = engines_at(i)); i++) {
        printf("%s{\"name\": ", i ? ", " : "");
        json_print(stdout, adapter->name);
        printf(", \"summary\": ");
        json_print(stdout, adapter->summary);
        printf(", \"kind\": \"%s\", \"claims\": ", kind_name(adapter));
        json_print(stdout, claims_of(adapter));
        printf(", \"plugin\": ");
        if (engines_file(adapter))
            json_print(stdout, engines_file(adapter));
        else
            printf("null");
        printf(", \"subject\": %s, \"options\": [", engines_is_subject(adapter) ? "true" : "false");
        list_options_json(adapter);
        printf("]}");
    }
    printf("]\n");
}

/* A number with a mark when it is not confirmed; a dash when it is unknown. */
static const char *number_text(struct part_number number, double per, const char *unit,
                               char text[32])
{
    assert(per > 0);
    if (!number.value) return "-";
    snprintf(text, 32, "%.4g%s%s", (double)number.value / per, unit,
             number.trust == PART_ASSUMED ? "?" : "");
    return text;
}

static void list_chips(bool is_long)
{
    const struct part *part;
    char p[32], q[32], e[32], f[32], n[32];
    printf("%-14s %6s %8s %6s %4s %4s %5s  %-16s %-16s %s\n", "chip", "sector", "sectors", "page",
           "unit", "read", "times", "program typ/max", "erase typ/max", "endurance");
    for (size_t i = 0; (part = part_at(i)); i++) {
        const struct bo_flash_geometry *g = &part->geometry;
        char programs[8] = "any";
        if (g->programs_per_unit) snprintf(programs, sizeof programs, "%u", g->programs_per_unit);
        printf("%-14s %6" PRIu32 " %8" PRIu32 " %6" PRIu32 " %4u %4u %5s  %7s/%-8s %7s/%-8s %s\n",
               part->name, g->sector_size, g->sector_count, g->page_size, g->unit, g->read_unit,
               programs, number_text(part->program_ns_typ, 1e3, "us", p),
               number_text(part->program_ns_max, 1e3, "us", q),
               number_text(part->erase_ns_typ, 1e6, "ms", e),
               number_text(part->erase_ns_max, 1e6, "ms", f),
               number_text(part->endurance, 1, "", n));
        if (!is_long) continue;
        printf(INDENT "%s%s%s\n", part->summary, part->ecc ? "; ECC" : "",
               part->geometry_trust == PART_ASSUMED ? "; geometry not confirmed" : "");
        printf(INDENT "from %s\n", part->source);
    }
    printf("\n? not confirmed: common knowledge, or read from an unnamed part; - unknown\n"
           "times: programs of one unit between two erases%s\n",
           is_long ? "" : "; --long: what it is, and from where");
}

static void list_chips_json(void)
{
    const struct part *part;
    printf("[");
    for (size_t i = 0; (part = part_at(i)); i++) {
        const struct bo_flash_geometry *g = &part->geometry;
        printf("%s{\"name\": ", i ? ",\n " : "");
        json_print(stdout, part->name);
        printf(", \"sector\": %" PRIu32 ", \"sectors\": %" PRIu32 ", \"page\": %" PRIu32
               ", \"unit\": %u, \"read\": %u, \"programs\": %u, \"erased\": %u, \"ecc\": %s"
               ", \"endurance\": %" PRIu64 ", \"endurance_confirmed\": %s}",
               g->sector_size, g->sector_count, g->page_size, g->unit, g->read_unit,
               g->programs_per_unit, g->erased, part->ecc ? "true" : "false", part->endurance.value,
               part->endurance.trust == PART_ASSUMED ? "false" : "true");
    }
    printf("]\n");
}

_Static_assert(FAULT_CLASSES <= 32, "a bit for each class");

static void list_faults(bool json)
{
    for (uint32_t i = 0; i < FAULT_CLASSES; i++) {
        char name[FAULT_CLASSES_TEXT_MAX];
        fault_print_classes(1u << i, name);
        assert(name[0] && "each class has a name");
        const char *summary = fault_class_summary((enum fault_class)(1u << i));
        if (!json) {
            printf("%-8s %s\n", name, summary);
            continue;
        }
        printf("%s{\"name\": \"%s\", \"summary\": ", i ? ", " : "[", name);
        json_print(stdout, summary);
        printf("}%s", i + 1 == FAULT_CLASSES ? "]\n" : "");
    }
}

/* They are asked what they claim. */
static int list_engines_of(const struct command_options *options)
{
    char reason[COMMAND_ASK_MAX];
    const struct adapter *plugin;
    for (size_t i = 0; (plugin = engines_plugin(i)); i++) {
        if (!command_ask(options, plugin, NULL, reason))
            return command_refuse("%s: %s", engines_file(plugin), reason);
    }
    if (options->json)
        list_engines_json();
    else
        list_engines(options->is_long);
    return COMMAND_CLEAN;
}

int command_list(int argc, char **argv)
{
    struct command_options options;
    if (!command_parse(argc, argv, &options)) return COMMAND_USAGE;
    int code = command_load_plugins(&options);
    if (code) return code;
    const char *what = options.file_count == 1 ? options.files[0] : "";
    if (strcmp(what, "engines") == 0) {
        code = list_engines_of(&options);
    } else if (strcmp(what, "chips") == 0) {
        if (options.json)
            list_chips_json();
        else
            list_chips(options.is_long);
    } else if (strcmp(what, "faults") == 0) {
        list_faults(options.json);
    } else {
        return command_refuse("list takes one of: engines, chips, faults");
    }
    return code;
}
