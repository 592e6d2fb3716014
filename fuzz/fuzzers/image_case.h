/* image_case.h - the case of an image: a script of the chip, the engine and the keys that are asked
 * for, and beside it the bytes.
 */
#ifndef BROWNOUT_IMAGE_CASE_H
#define BROWNOUT_IMAGE_CASE_H

#include "fuzz/adapter.h"
#include "fuzz/explore/result.h"
#include "fuzz/explore/worker.h"
#include "fuzz/script/script.h"

/* What made the image is not the case: instead of the script's operations there is a fetch of each
 * key, which keeps the keys in their order. */
void image_case_strip(struct script *script);

/* Tries the image again by the text of its script, in a process of its own, and takes over the
 * words of the finding. False: it shows another kind, which is kept in divergence->shown. */
bool image_case_settle(struct divergence *divergence, const uint8_t *image,
                       const struct adapter *adapter, const struct worker_limits *limits);

#endif
