/* What drives a fuzz target where there is no fuzzer: runs it on the files given, so that a corpus
 * and every crash of a fuzzer is a test under any compiler.
 *
 * Exit code: 0 all ran, 2 a file can't be read; a divergence aborts, as it does under a fuzzer.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/script/file.h"

#define INPUT_SIZE_MAX (1u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "brownout: expected input files as arguments\n");
        return 2;
    }
    for (int i = 1; i < argc; i++) {
        uint64_t size;
        uint8_t *bytes = file_read(argv[i], INPUT_SIZE_MAX, &size);
        if (!bytes) {
            fprintf(stderr, "brownout: %s: %s\n", argv[i], strerror(errno));
            return 2;
        }
        fprintf(stderr, "%s: %" PRIu64 " bytes\n", argv[i], size);
        LLVMFuzzerTestOneInput(bytes, (size_t)size);
        free(bytes);
    }
    return 0;
}
