/* seq_sectors.h - what `brownout inspect` shows of a flash in the format of sequential-storage. */
#ifndef BROWNOUT_SEQ_SECTORS_H
#define BROWNOUT_SEQ_SECTORS_H

#include "fuzz/adapter.h"

/* adapter.inspect of the map and of the queue: a line for each sector, by its two markers. Of a
 * large chip the open sectors are left out. */
void seq_sectors_print(void *object, const struct bo_flash *flash,
                       const struct adapter_settings *settings, adapter_line *line, void *context);

#endif
