/* scenario_internal.h - the tree of a scenario, for the files scenario*.c alone.
 *
 * The language has one statement a line, so the tree is an array of lines: blank lines and comments
 * are lines too, and a block is the lines between its `repeat` and its `}`. What a header statement
 * says is kept in a script without operations, which is where expansion starts from; only what
 * printing needs beyond that (overrides in their order, the time unit) is beside it.
 *
 * Invariants
 *  1. chip and engine are there, before any operation.
 *  2. Every LINE_REPEAT has its LINE_END after it, blocks nest, at most SCENARIO_NEST_MAX deep.
 *  3. An index or a value that uses a loop's variable names a loop around it by its depth, and no
 *     value of that variable is out of range for the key.
 *  4. Printing makes one text of a tree; parsing that text gives the tree again.
 */
#ifndef BROWNOUT_SCENARIO_INTERNAL_H
#define BROWNOUT_SCENARIO_INTERNAL_H

#include "fuzz/script/scenario.h"
#include "sim/memory.h"

#define SCENARIO_NEST_MAX 16u
#define SCENARIO_OPS_MAX (1u << 24)             /* also of one repeat */
#define SCENARIO_VALUE_MAX (1u << 17)           /* bytes of a key or a value */
#define SCENARIO_VALUES_MAX ((uint64_t)1 << 28) /* bytes of all values of a script */
#define SCENARIO_LINE_MAX ((size_t)1 << 22)     /* above what any line prints as */
#define SCENARIO_COMMENT_MAX 1000u
#define SCENARIO_FILE_MAX ((size_t)1 << 26)
#define SCENARIO_COUNT_SIZE 4u /* bytes of a count without a size */
#define SCENARIO_ROT_MAX (1u << 20)
#define SCENARIO_DEPTH_MAX 4u
#define SCENARIO_FIELDS_MAX 16u

enum line_kind {
    LINE_BLANK, /* nothing, or a comment alone */
    LINE_CHIP,
    LINE_ENGINE,
    LINE_SEED,
    LINE_EVERY,
    LINE_FAULTS,
    LINE_WAIVE,
    LINE_DEPTH,
    LINE_FOUND,
    LINE_IMAGE,
    LINE_TRACE,
    LINE_OP,
    LINE_REPEAT,
    LINE_END,
    LINE_KINDS
};

/* A variable of a loop as it is used: `i`, `i % 8`. */
struct scenario_loop {
    const struct value *name;
    uint32_t depth;   /* of the loop, 0 for the outermost */
    uint32_t modulus; /* 0: none */
};

enum key_form { KEY_WORD, KEY_STRING, KEY_HEX, KEY_U8, KEY_U16, KEY_U32 };
enum index_form { INDEX_NONE, INDEX_RANGE, INDEX_LOOP };

struct scenario_key {
    enum key_form form;
    enum index_form index;
    const struct value *bytes; /* KEY_WORD, KEY_STRING, KEY_HEX */
    uint32_t low, high;        /* INDEX_RANGE; the number of u8:N in `low` */
    struct scenario_loop loop; /* INDEX_LOOP */
};

enum value_form {
    VALUE_ABSENT,
    VALUE_STRING,
    VALUE_HEX,
    VALUE_RANDOM,
    VALUE_FILL,
    VALUE_FILL_LOOP,
    VALUE_COUNT,
    VALUE_EMPTY
};

struct scenario_value {
    enum value_form form;
    const struct value *bytes; /* VALUE_STRING, VALUE_HEX */
    uint32_t low, high;        /* bytes: both for VALUE_RANDOM, else `low` */
    uint8_t byte;              /* VALUE_FILL */
    struct scenario_loop loop; /* VALUE_FILL_LOOP */
};

struct scenario_line {
    enum line_kind kind;
    uint32_t line;               /* of the file, from 1 */
    const struct value *comment; /* what follows the #; NULL: none */

    /* LINE_OP */
    enum op_kind op;
    struct scenario_key key, to; /* `to` of OP_SCAN */
    struct scenario_value value;
    uint32_t snapshot;          /* 0: none */
    uint32_t count;             /* OP_ROT, OP_POP, OP_READ; times of LINE_REPEAT */
    struct scenario_loop place; /* OP_POP, OP_READ; without a name: `count` */
    bool has_seed;              /* OP_ROT */
    uint64_t seed;
    struct cut cut;

    /* LINE_REPEAT */
    const struct value *variable; /* NULL: none */
    uint32_t end;                 /* index of its LINE_END */
    uint64_t ops;                 /* in one turn; saturates above SCENARIO_OPS_MAX */
};

struct scenario_pair {
    char name[24];
    uint64_t value;
};

enum time_unit { TIME_NS, TIME_US, TIME_MS, TIME_S, TIME_M, TIME_H, TIME_D, TIME_UNITS };

struct scenario {
    struct script *header;                            /* owns every byte of the tree as well */
    struct scenario_pair fields[SCENARIO_FIELDS_MAX]; /* of the chip, in their order */
    uint32_t field_count;
    enum time_unit every_unit;
    bool seen[LINE_KINDS]; /* header statements that are there */
    struct scenario_line *lines;
    uint32_t line_count, line_capacity;
    uint64_t ops; /* saturates like scenario_line.ops */
};

/* scenario.c: what several of the files know about the words of the language. */

const char *scenario_time_name(enum time_unit unit);
uint64_t scenario_time_ns(enum time_unit unit);

/* Characters of a bare word: the first, and the others. */
bool scenario_word_starts(char c);
bool scenario_word_goes_on(char c);

/* Operations that one line makes each time it runs. */
uint64_t scenario_line_ops(const struct scenario_line *line);

/* Writes the message; returns false, so that a parser can return it. */
#if defined(__GNUC__)
__attribute__((format(printf, 3, 4)))
#endif
bool scenario_fail(struct scenario_error *error, unsigned line, const char *format, ...);

/* scenario_lex.c: one line, taken apart from left to right. Each function skips blanks first. Where
 * false is a mistake of the text, *error has been written before the function returns. */
struct scenario_lex {
    const char *at, *end;
    unsigned line;
    struct scenario_error *error;
    uint8_t *scratch; /* SCENARIO_VALUE_MAX bytes */
};

struct scenario_text {
    const char *at;
    uint32_t size;
};

/* Whether nothing, or a comment, is left of the line. */
bool scenario_lex_done(struct scenario_lex *lex);
/* What comes next, without taking it; 0 when done. */
char scenario_lex_next(struct scenario_lex *lex);
bool scenario_lex_take(struct scenario_lex *lex, char c);
bool scenario_lex_take_word(struct scenario_lex *lex, const char *word);
/* A bare word; false, without an error, when there is none. */
bool scenario_lex_word(struct scenario_lex *lex, struct scenario_text *word);
/* Whatever there is up to the next blank; size 0 when there is nothing. */
struct scenario_text scenario_lex_chunk(struct scenario_lex *lex);
bool scenario_lex_at_digit(struct scenario_lex *lex);
/* A decimal number from min to max; `what` names it in the error. */
bool scenario_lex_number(struct scenario_lex *lex, const char *what, uint64_t min, uint64_t max,
                         uint64_t *number);
bool scenario_lex_number32(struct scenario_lex *lex, const char *what, uint32_t min, uint32_t max,
                           uint32_t *number);
/* "text" or 0xHEX, at which the line must stand, decoded into scratch. */
bool scenario_lex_string(struct scenario_lex *lex, uint32_t *size);
bool scenario_lex_at_hex(struct scenario_lex *lex);
bool scenario_lex_hex(struct scenario_lex *lex, uint32_t *size);
/* Writes an error: what was expected, and what stands there. Returns false. */
bool scenario_lex_expected(struct scenario_lex *lex, const char *what);
bool scenario_text_is(struct scenario_text text, const char *word);

/* scenario_chip.c: the statement `chip`, the only one with a meaning of its own. */
bool scenario_parse_chip(struct scenario *scenario, struct scenario_lex *lex);
/* The overrides that make script.part of script.base; returns their number. */
uint32_t scenario_chip_fields(const struct script *script, struct scenario_pair *fields);

/* scenario_op.c: operations. `loops` are the LINE_REPEATs around it, outermost first. */
struct scenario_loops {
    uint32_t depth;
    uint32_t lines[SCENARIO_NEST_MAX];
};
bool scenario_parse_op(struct scenario *scenario, struct scenario_lex *lex,
                       const struct scenario_loops *loops, struct scenario_line *line);

#endif
