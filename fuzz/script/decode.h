/* decode.h - any byte string is a scenario: the input that AFL++, libFuzzer and `brownout fuzz`
 * share.
 *
 * The bytes are a header of DECODE_HEADER bytes, then one operation for each DECODE_RECORD bytes.
 * Bytes that are missing read as 0. There are no counts, checksums or references to other places:
 * a mutation of one byte changes one thing, and a record taken away takes one operation away; a cut
 * is part of its operation and goes with it.
 *
 *   header  0 sectors, 1 to 5           4 programs of a unit between erases; erased value
 *           1 sector size, 128 to 1024  5 keys: how many, and of which kind; whether there are
 *           2 unit, read unit             transactions, snapshots and collects; without keys: how
 *           3 page, tear scope            items are put in and made durable
 *                                       6 which operations there are, and how many of each
 *                                       7 sizes of values, how often power is cut; whether values
 *                                         are counters, or power is cut in the same place again
 *                                       8 to 15 the engine's options, in their order
 *   record  0 operation                 4 cut or not, at which program or erase
 *           1 key or place              5 tear
 *           2 size of the value         6, 7 its numbers
 *           3 bytes of the value
 *
 * A record that begins a transaction says how many changes it has and how it ends: that many of the
 * next records' changes are in it. One that opens a snapshot says over how many changes it is held;
 * then it is read and closed. What is missing ends with the power.
 *
 * In scripts of the last kind a record with a cut is its operation some times over.
 *
 * A chip that the engine refuses is made more ordinary step by step until it does not. The same
 * bytes give the same script on every machine.
 */
#ifndef BROWNOUT_DECODE_H
#define BROWNOUT_DECODE_H

#include "fuzz/adapter.h"
#include "fuzz/script/script.h"

#define DECODE_HEADER 16u
#define DECODE_RECORD 8u
#define DECODE_OPS_MAX 256u /* later records are ignored */

struct decode_target {
    const struct adapter *adapter;
    const struct script *frame; /* chip and engine; the options that it gives are not the bytes' */
    bool chip_fixed;            /* neither is the chip */
    uint32_t faults;            /* classes of the tears, and whether bits rot */
    bool faults_given;          /* else without classes that the engine claims elsewhere only */
    bool cut;                   /* power may be cut in an operation */
};

/* The script, owned by the caller, and the settings that go with it. NULL when the engine refuses
 * every chip that was tried, the frame's own last. */
struct script *decode(const struct decode_target *target, const uint8_t *bytes, size_t size,
                      struct adapter_settings *settings);

#endif
