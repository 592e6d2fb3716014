/* build.c - see build.h. reports/rules.mk hands over what was known when this was compiled. */
#include "fuzz/db/build.h"

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/rig/engines.h"
#include "fuzz/script/file.h"

#ifndef BUILD_ENGINES /* looked at alone, by a linter */
#define BUILD_ENGINES ""
#define BUILD_REVISION ""
#endif

#define PLUGIN_SIZE_MAX ((uint64_t)1 << 30)

static void print_one(const struct adapter *adapter, char hex[SHA256_HEX_MAX])
{
    const char *word = engines_file(adapter);
    uint64_t size = 0;
    snprintf(hex, SHA256_HEX_MAX, "%s", word ? "" : BUILD_ENGINES);
    uint8_t *file = word ? file_read(engines_path(word), PLUGIN_SIZE_MAX, &size) : NULL;
    if (file && size <= PLUGIN_SIZE_MAX) sha256_hex(file, (size_t)size, hex);
    free(file);
    assert(hex[0] == 0 || strlen(hex) == SHA256_HEX_MAX - 1);
}

/* Of a pair the digest of the two. */
void build_print(const struct adapter *adapter, char hex[SHA256_HEX_MAX])
{
    char both[2 * SHA256_HEX_MAX] = "";
    const struct adapter *part, *second = engines_part(adapter, 1);
    for (unsigned n = 0; (part = engines_part(adapter, n)); n++) {
        print_one(part, hex);
        strcat(both, hex);
    }
    if (second && both[0]) sha256_hex((const uint8_t *)both, strlen(both), hex);
}

const char *build_revision(void)
{
    return BUILD_REVISION;
}
