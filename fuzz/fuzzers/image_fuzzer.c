/* An image, decoded from any bytes, must get an answer or an error from the engine: clause sane.
 *
 * Run it with sanitizers: they see a read outside the engine's memory, which the chip cannot.
 */
#include <stdio.h>
#include <stdlib.h>

#include "fuzz/fuzzers/image.h"
#include "fuzz/fuzzers/input.h"
#include "fuzz/rig/hostile.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct image_input input;
    if (!image_decode(input_target(), bytes, size, &input)) {
        fprintf(stderr, "brownout: no small chip for this engine\n");
        exit(3);
    }
    const struct finding *finding = &input.rig->finding;
    bool kept = hostile_try(input.rig, input.image, NULL);
    if (!kept && !waiver_covers(&input.script->waivers, finding->clause)) {
        image_make_case(input.script, input.image, bo_flash_size(chip_flash(input.rig->chip)));
        input_record(input.script, finding);
        input_diverges(input.script);
    }
    input_done(0);
    image_input_free(&input);
    return 0;
}
