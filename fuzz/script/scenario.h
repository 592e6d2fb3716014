/* scenario.h - the scenario language: text to script and back. README has the grammar.
 *
 * A scenario is kept as its tree, so that it prints back to itself, repetitions and comments
 * included; scenario_expand() makes the flat script that the harness runs.
 */
#ifndef BROWNOUT_SCENARIO_H
#define BROWNOUT_SCENARIO_H

#include <stdio.h>
#include "fuzz/script/script.h"

/* What is wrong with a text: prints as "file:line: reason". */
struct scenario_error {
    unsigned line; /* 0: the file as a whole */
    char reason[160];
};

struct scenario;

/* Parses a text of `size` bytes (any bytes). `name` is the file's name, for script.name. NULL and
 * *error on a mistake. */
struct scenario *scenario_parse(const char *name, const char *text, size_t size,
                                struct scenario_error *error);

/* The same from a file. */
struct scenario *scenario_read(const char *path, struct scenario_error *error);
void scenario_free(struct scenario *scenario);

/* Prints the tree in canonical form. Parsing that gives the same tree. */
void scenario_print(const struct scenario *scenario, FILE *out);

/* The script, owned by the caller; NULL and *error when it would be too long (over 2^24 operations)
 * or a value is out of range. */
struct script *scenario_expand(const struct scenario *scenario, struct scenario_error *error);

/* Prints a script as a scenario: what a case file is. Parsing and expanding that gives the script.
 * The engine's name is a bare word, keys and values have at most 128 KiB. */
void scenario_print_script(const struct script *script, FILE *out);

/* The script that the text of a script gives. */
struct script *scenario_reread(const struct script *script);

#endif
