/* An image, decoded from any bytes, must get an answer or an error from the engine: clause sane.
 *
 * Run it with sanitizers: they see a read outside the engine's memory, which the chip cannot.
 */
#include <stdio.h>
#include <stdlib.h>

#include "fuzz/fuzzers/image.h"
#include "fuzz/fuzzers/image_case.h"
#include "fuzz/fuzzers/input.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct image_input input;
    if (!image_decode(input_target(), bytes, size, &input)) {
        fprintf(stderr, "brownout: no small chip for this engine\n");
        exit(3);
    }
    if (!image_try(input.rig, input.image)) {
        image_case_strip(input.script);
        input_diverges(input.script, &input.rig->finding);
    }
    image_input_free(&input);
    return 0;
}
