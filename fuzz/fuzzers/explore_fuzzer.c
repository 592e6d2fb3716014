/* A scenario with cuts in it, decoded from any bytes, and more cuts in its run, must keep the
 * contract.
 *
 * The explorer cuts: each input is a history, of which a few hundred crash states are judged, and
 * coverage of the engine says which histories are worth more.
 */
#include <stdio.h>
#include <stdlib.h>

#include "fuzz/fuzzers/input.h"
#include "fuzz/fuzzers/sweep.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct explore_options options;
    struct adapter_settings settings;
    struct result result;
    const struct decode_target *target = input_target();
    struct script *script = sweep_script(target, bytes, size, &settings);
    if (!script) {
        fprintf(stderr, "brownout: no chip for this engine\n");
        exit(3);
    }
    sweep_options(target, script, &settings, bytes, size, &options);
    sweep(script, target->adapter, &settings, &options, &result);
    if (result.mistake[0]) input_is_mistaken(result.mistake);
    input_done(result.judged);
    if (result.divergence_count) input_diverges(result.divergences[0].script);
    result_free(&result);
    script_free(script);
    return 0;
}
