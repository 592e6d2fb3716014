/* scenario_lex.c - takes a line of a scenario apart.
 *
 * There are no tokens: the parser knows what may come next and asks for it, from left to right.
 * `at` moves only over what was taken. A copy of the struct is therefore a place to come back to,
 * for a look ahead and for an error that shows what stood there. The text may hold any bytes and
 * has no NUL at its end: every look is bounded by `end`.
 */
#include "fuzz/script/scenario_internal.h"

#include <assert.h>
#include <string.h>

#define EXCERPT_MAX 24u /* characters of the line that an error shows */

static void skip_blanks(struct scenario_lex *lex)
{
    while (lex->at < lex->end && (*lex->at == ' ' || *lex->at == '\t')) {
        lex->at++;
    }
}

bool scenario_lex_done(struct scenario_lex *lex)
{
    return scenario_lex_next(lex) == '\0';
}

char scenario_lex_next(struct scenario_lex *lex)
{
    skip_blanks(lex);
    assert(lex->at <= lex->end);
    return lex->at == lex->end || *lex->at == '#' ? '\0' : *lex->at;
}

bool scenario_lex_take(struct scenario_lex *lex, char c)
{
    if (scenario_lex_next(lex) != c) return false;
    lex->at++;
    return true;
}

bool scenario_text_is(struct scenario_text text, const char *word)
{
    return text.size == strlen(word) && memcmp(text.at, word, text.size) == 0;
}

bool scenario_lex_take_word(struct scenario_lex *lex, const char *word)
{
    struct scenario_lex look = *lex;
    struct scenario_text text;
    if (!scenario_lex_word(&look, &text) || !scenario_text_is(text, word)) return false;
    *lex = look;
    return true;
}

bool scenario_lex_word(struct scenario_lex *lex, struct scenario_text *word)
{
    if (!scenario_word_starts(scenario_lex_next(lex))) return false;
    word->at = lex->at;
    while (lex->at < lex->end && scenario_word_goes_on(*lex->at)) {
        lex->at++;
    }
    word->size = (uint32_t)(lex->at - word->at);
    return true;
}

struct scenario_text scenario_lex_chunk(struct scenario_lex *lex)
{
    skip_blanks(lex);
    struct scenario_text chunk = {.at = lex->at};
    while (lex->at < lex->end && *lex->at != ' ' && *lex->at != '\t' && *lex->at != '#') {
        lex->at++;
    }
    chunk.size = (uint32_t)(lex->at - chunk.at);
    return chunk;
}

bool scenario_lex_expected(struct scenario_lex *lex, const char *what)
{
    struct scenario_text chunk = scenario_lex_chunk(lex);
    if (chunk.size == 0) {
        return scenario_fail(lex->error, lex->line, "%s is expected at the end of this line", what);
    }
    char excerpt[EXCERPT_MAX + 1] = {0};
    for (uint32_t i = 0; i < chunk.size && i < EXCERPT_MAX; i++) {
        excerpt[i] = chunk.at[i] >= ' ' && chunk.at[i] <= '~' ? chunk.at[i] : '?';
    }
    return scenario_fail(lex->error, lex->line, "%s is expected, not '%s%s'", what, excerpt,
                         chunk.size > EXCERPT_MAX ? "..." : "");
}

/* --- numbers --- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

bool scenario_lex_at_digit(struct scenario_lex *lex)
{
    return is_digit(scenario_lex_next(lex));
}

bool scenario_lex_number(struct scenario_lex *lex, const char *what, uint64_t min, uint64_t max,
                         uint64_t *number)
{
    if (!is_digit(scenario_lex_next(lex))) return scenario_lex_expected(lex, what);
    bool too_large = false;
    assert(min <= max);
    *number = 0;
    for (; lex->at < lex->end && is_digit(*lex->at); lex->at++) {
        uint64_t digit = (uint64_t)(*lex->at - '0');
        too_large |= *number > (UINT64_MAX - digit) / 10;
        *number = *number * 10 + digit;
    }
    if (!too_large && *number >= min && *number <= max) return true;
    return scenario_fail(lex->error, lex->line, "%s must be from %llu to %llu", what,
                         (unsigned long long)min, (unsigned long long)max);
}

bool scenario_lex_number32(struct scenario_lex *lex, const char *what, uint32_t min, uint32_t max,
                           uint32_t *number)
{
    uint64_t wide;
    assert(min <= max);
    if (!scenario_lex_number(lex, what, min, max, &wide)) return false;
    *number = (uint32_t)wide;
    return true;
}

/* --- bytes --- */

static int hex_digit(char c)
{
    if (is_digit(c)) return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

/* Two hex digits at lex->at; -1 when they are not there. */
static int take_hex_byte(struct scenario_lex *lex)
{
    if (lex->end - lex->at < 2) return -1;
    int high = hex_digit(lex->at[0]), low = hex_digit(lex->at[1]);
    if (high < 0 || low < 0) return -1;
    lex->at += 2;
    return high * 16 + low;
}

/* What follows a backslash; -1 when it is no escape. */
static int take_escape(struct scenario_lex *lex)
{
    if (lex->at == lex->end) return -1;
    switch (*lex->at++) {
    case '"':
        return '"';
    case '\\':
        return '\\';
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    case 'x':
        return take_hex_byte(lex);
    default:
        return -1;
    }
}

static bool put_byte(struct scenario_lex *lex, uint32_t *size, int byte)
{
    if (*size == SCENARIO_VALUE_MAX) {
        return scenario_fail(lex->error, lex->line, "a key or a value has at most %u bytes",
                             SCENARIO_VALUE_MAX);
    }
    assert(byte >= 0 && byte <= UINT8_MAX);
    lex->scratch[(*size)++] = (uint8_t)byte;
    return true;
}

bool scenario_lex_string(struct scenario_lex *lex, uint32_t *size)
{
    *size = 0;
    if (!scenario_lex_take(lex, '"')) return scenario_lex_expected(lex, "a text in quotes");
    while (lex->at < lex->end) {
        int byte = (uint8_t)*lex->at++;
        if (byte == '"') return true;
        if (byte == '\\') byte = take_escape(lex);
        if (byte < 0) {
            return scenario_fail(lex->error, lex->line,
                                 "a backslash must start one of \\\" \\\\ \\n \\r \\t \\xHH");
        }
        if (!put_byte(lex, size, byte)) return false;
    }
    return scenario_fail(lex->error, lex->line, "this text must end with a quote");
}

bool scenario_lex_at_hex(struct scenario_lex *lex)
{
    return scenario_lex_next(lex) == '0' && lex->end - lex->at >= 2 && lex->at[1] == 'x';
}

bool scenario_lex_hex(struct scenario_lex *lex, uint32_t *size)
{
    *size = 0;
    if (!scenario_lex_at_hex(lex)) return scenario_lex_expected(lex, "a number like 0x1f");
    lex->at += 2;
    for (int byte; (byte = take_hex_byte(lex)) >= 0;) {
        if (!put_byte(lex, size, byte)) return false;
    }
    if (*size != 0 && (lex->at == lex->end || hex_digit(*lex->at) < 0)) return true;
    return scenario_fail(lex->error, lex->line,
                         "0x must be followed by two hex digits for each byte");
}
