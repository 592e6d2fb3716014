/* check_test.h - what the C tests of the engines check with. Not for firmware.
 *
 * CHECK counts what does not hold and prints the first of them; a test's main returns
 * `failures != 0`.
 */
#ifndef BROWNOUT_CHECK_TEST_H
#define BROWNOUT_CHECK_TEST_H

#include <stdio.h>

#define CHECK_PRINTED_MAX 20u

static unsigned failures;

/* CHECK(condition, "format", ...): the text says which of many trials it was. */
#define CHECK(condition, ...)                                                                      \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            if (failures++ > CHECK_PRINTED_MAX) break;                                             \
            printf("FAILED %s:%d %s: ", __func__, __LINE__, #condition);                           \
            printf(__VA_ARGS__);                                                                   \
            printf("\n");                                                                          \
        }                                                                                          \
    } while (0)

#endif
