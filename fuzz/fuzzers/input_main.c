/* What drives a fuzz target where there is no fuzzer: runs it on the files given, so that a corpus
 * and every crash of a fuzzer is a test under any compiler.
 *
 * Exit code: 0 all ran, 2 a file can't be read; a divergence aborts, as it does under a fuzzer.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/command/command.h"

#define INPUT_SIZE_MAX (1u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int main(int argc, char **argv)
{
    if (argc < 2) return command_refuse("give the inputs to run as arguments");
    for (int i = 1; i < argc; i++) {
        uint64_t size;
        uint8_t *bytes = command_read_file(argv[i], INPUT_SIZE_MAX, &size);
        if (!bytes) return command_refuse("%s: %s", argv[i], strerror(errno));
        fprintf(stderr, "%s: %" PRIu64 " bytes\n", argv[i], size);
        LLVMFuzzerTestOneInput(bytes, (size_t)size);
        free(bytes);
    }
    return 0;
}
