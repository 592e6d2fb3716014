/* seq_sectors.h - what the adapters of seqmap and seqqueue share. */
#ifndef BROWNOUT_SEQ_SECTORS_H
#define BROWNOUT_SEQ_SECTORS_H

#include "fuzz/adapter.h"

/* adapter.claims_by: seqmap.h and seqqueue.h say which parts class bits is not claimed on. */
const char *seq_claims(const struct bo_flash_geometry *geometry,
                       const struct adapter_settings *settings);

/* adapter.inspect of the map and of the queue: a line for each sector, by its two markers. Of a
 * large chip the open sectors are left out. */
void seq_sectors_print(void *object, const struct bo_flash *flash,
                       const struct adapter_settings *settings, adapter_line *line, void *context);

#endif
