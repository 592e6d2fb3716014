/* scenario.c - see scenario.h; the parts that parser, printer and expander share, and reading a
 * file.
 *
 * A file may be a pipe, so its size is not known before its end: it is read into memory that grows.
 */
#include "fuzz/script/scenario_internal.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

const char *scenario_time_name(enum time_unit unit)
{
    static const char *const names[TIME_UNITS] = {"ns", "us", "ms", "s", "m", "h", "d"};
    assert(unit < TIME_UNITS);
    return names[unit];
}

uint64_t scenario_time_ns(enum time_unit unit)
{
    static const uint64_t ns[TIME_UNITS] = {
        1, 1000, 1000000, 1000000000, 60000000000, 3600000000000, 86400000000000,
    };
    assert(unit < TIME_UNITS);
    return ns[unit];
}

bool scenario_word_starts(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

bool scenario_word_goes_on(char c)
{
    return scenario_word_starts(c) || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '/';
}

uint64_t scenario_line_ops(const struct scenario_line *line)
{
    if (line->kind != LINE_OP) return 0;
    if (!op_has_key(line->op) || line->key.index != INDEX_RANGE) return 1;
    assert(line->key.low <= line->key.high);
    return (uint64_t)line->key.high - line->key.low + 1;
}

bool scenario_fail(struct scenario_error *error, unsigned line, const char *format, ...)
{
    va_list arguments;
    error->line = line;
    va_start(arguments, format);
    (void)vsnprintf(error->reason, sizeof error->reason, format, arguments);
    va_end(arguments);
    return false;
}

void scenario_free(struct scenario *scenario)
{
    if (!scenario) return;
    script_free(scenario->header);
    free(scenario->lines);
    free(scenario);
}

/* Everything in the file, to be freed; NULL and *error when that can't be had. */
static char *read_all(FILE *file, size_t *size, struct scenario_error *error)
{
    char *text = NULL;
    size_t capacity = 0;
    for (*size = 0;;) {
        if (*size == capacity) {
            capacity = capacity ? 2 * capacity : 4096;
            if (capacity > 2 * SCENARIO_FILE_MAX) {
                scenario_fail(error, 0, "the file is too large for a scenario");
                break;
            }
            text = memory_resize(text, capacity, 1);
        }
        assert(*size < capacity);
        size_t got = fread(text + *size, 1, capacity - *size, file);
        *size += got;
        if (got != 0) continue;
        if (!ferror(file)) return text;
        scenario_fail(error, 0, "can't be read: %s", strerror(errno));
        break;
    }
    free(text);
    return NULL;
}

struct scenario *scenario_read(const char *path, struct scenario_error *error)
{
    FILE *file = memory_opened(fopen(path, "rb"));
    if (!file) {
        scenario_fail(error, 0, "can't be opened: %s", strerror(errno));
        return NULL;
    }
    size_t size;
    struct scenario *scenario = NULL;
    char *text = read_all(file, &size, error);
    if (text) scenario = scenario_parse(path, text, size, error);
    free(text);
    (void)fclose(file);
    return scenario;
}
