/* A scenario with cuts in it, decoded from any bytes, must keep the contract.
 *
 * The fuzzer explores: each input is one path, replayed straight through, and coverage of the
 * engine says which inputs are worth more.
 */
#include <stdio.h>
#include <stdlib.h>

#include "fuzz/fuzzers/input.h"
#include "fuzz/explore/replay.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct replay replayed;
    struct adapter_settings settings;
    const struct decode_target *target = input_target();
    struct script *script = decode(target, bytes, size, &settings);
    if (!script) {
        fprintf(stderr, "brownout: no chip for this engine\n");
        exit(3);
    }
    replay_once(script, target->adapter, &settings, &replayed);
    if (replayed.finding.clause != CLAUSE_NONE) input_diverges(script, &replayed.finding);
    script_free(script);
    return 0;
}
