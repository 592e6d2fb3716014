/* ask.h - what an engine is asked about itself, without an object and a chip.
 *
 * An engine may end the process here as in any call, or keep it for ever. So whoever asks says that
 * the engine is at work (sim/pulse.h), and what comes of it is charged to the engine, as a mount.
 */
#ifndef BROWNOUT_ASK_H
#define BROWNOUT_ASK_H

#include "fuzz/adapter.h"

/* As the functions of struct adapter, and what stands for those that are NULL. */
const char *ask_refuses(const struct adapter *adapter, const struct bo_flash_geometry *geometry,
                        const struct adapter_settings *settings);
size_t ask_object_size(const struct adapter *adapter, const struct bo_flash_geometry *geometry,
                       const struct adapter_settings *settings);
void ask_limits(const struct adapter *adapter, const struct bo_flash_geometry *geometry,
                const struct adapter_settings *settings, uint32_t *key_size_min,
                uint32_t *key_size_max, uint32_t *value_size_max);
uint32_t ask_value_size_min(const struct adapter *adapter, const struct adapter_settings *settings);
/* Of a map; 0: not stated. */
uint32_t ask_transaction_max(const struct adapter *adapter,
                             const struct bo_flash_geometry *geometry,
                             const struct adapter_settings *settings);
struct adapter_bound ask_bound(const struct adapter *adapter,
                               const struct bo_flash_geometry *geometry,
                               const struct adapter_settings *settings, enum adapter_call call,
                               bool uncut);
const char *ask_claims(const struct adapter *adapter, const struct bo_flash_geometry *geometry,
                       const struct adapter_settings *settings);
uint32_t ask_widened(const struct adapter *adapter, const struct bo_flash_geometry *geometry,
                     const struct adapter_settings *settings);

/* Of a list: list->ring and list->buffers. */
uint32_t ask_ring(const struct adapter *adapter, const struct bo_flash_geometry *geometry,
                  const struct adapter_settings *settings, uint32_t *ahead);
bool ask_buffers(const struct adapter *adapter, const struct adapter_settings *settings);

/* Only where adapter->make_key is there. */
uint32_t ask_key(const struct adapter *adapter, const struct adapter_settings *settings, uint32_t n,
                 uint8_t *key);

#endif
