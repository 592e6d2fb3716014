/* ask.c - see ask.h: each question goes to the engine between two moves of the pulse, and what an
 * engine leaves out has its answer here.
 */
#include "fuzz/script/ask.h"

#include <assert.h>

#include "sim/pulse.h"

/* The call that an end is charged to: questions come before any other. */
static enum pulse_place enter(void)
{
    pulse_now->call = ADAPTER_CALL_MOUNT;
    return pulse_go(PULSE_ENGINE);
}

const char *ask_refuses(const struct adapter *adapter, const struct bo_flash_geometry *geometry,
                        const struct adapter_settings *settings)
{
    enum pulse_place from = enter();
    const char *why = adapter->refuses ? adapter->refuses(geometry, settings) : NULL;
    pulse_go(from);
    return why;
}

size_t ask_object_size(const struct adapter *adapter, const struct bo_flash_geometry *geometry,
                       const struct adapter_settings *settings)
{
    assert(adapter->object_size && geometry && settings);
    enum pulse_place from = enter();
    size_t size = adapter->object_size(geometry, settings);
    pulse_go(from);
    return size;
}

void ask_limits(const struct adapter *adapter, const struct bo_flash_geometry *geometry,
                const struct adapter_settings *settings, uint32_t *key_size_min,
                uint32_t *key_size_max, uint32_t *value_size_max)
{
    assert(adapter->limits && key_size_min && key_size_max && value_size_max);
    enum pulse_place from = enter();
    adapter->limits(geometry, settings, key_size_min, key_size_max, value_size_max);
    pulse_go(from);
}

uint32_t ask_value_size_min(const struct adapter *adapter, const struct adapter_settings *settings)
{
    enum pulse_place from = enter();
    uint32_t size = adapter_value_size_min(adapter, settings);
    pulse_go(from);
    return size;
}

uint32_t ask_transaction_max(const struct adapter *adapter,
                             const struct bo_flash_geometry *geometry,
                             const struct adapter_settings *settings)
{
    assert(adapter->kind == ADAPTER_MAP && adapter->map);
    if (!adapter->map->transaction_max) return 0;
    enum pulse_place from = enter();
    uint32_t most = adapter->map->transaction_max(geometry, settings);
    pulse_go(from);
    return most;
}

struct adapter_bound ask_bound(const struct adapter *adapter,
                               const struct bo_flash_geometry *geometry,
                               const struct adapter_settings *settings, enum adapter_call call,
                               bool uncut)
{
    struct adapter_bound bound = {0};
    enum pulse_place from = enter();
    if (uncut && adapter->bound_uncut)
        bound = adapter->bound_uncut(geometry, settings, call);
    else if (adapter->bound)
        bound = adapter->bound(geometry, settings, call);
    pulse_go(from);
    return bound;
}

const char *ask_claims(const struct adapter *adapter, const struct bo_flash_geometry *geometry,
                       const struct adapter_settings *settings)
{
    enum pulse_place from = enter();
    const char *claims = adapter_claims(adapter, geometry, settings);
    pulse_go(from);
    return claims;
}

uint32_t ask_widened(const struct adapter *adapter, const struct bo_flash_geometry *geometry,
                     const struct adapter_settings *settings)
{
    enum pulse_place from = enter();
    uint32_t widened = adapter_widened(adapter, geometry, settings);
    pulse_go(from);
    return widened;
}

uint32_t ask_ring(const struct adapter *adapter, const struct bo_flash_geometry *geometry,
                  const struct adapter_settings *settings, uint32_t *ahead)
{
    const struct adapter_list *list = adapter->list;
    enum pulse_place from = enter();
    uint32_t ring = list->ring ? list->ring(geometry, settings, ahead) : geometry->sector_count;
    pulse_go(from);
    return ring;
}

bool ask_buffers(const struct adapter *adapter, const struct adapter_settings *settings)
{
    enum pulse_place from = enter();
    bool buffers = adapter->list->buffers && adapter->list->buffers(settings);
    pulse_go(from);
    return buffers;
}

uint32_t ask_key(const struct adapter *adapter, const struct adapter_settings *settings, uint32_t n,
                 uint8_t *key)
{
    assert(adapter->make_key && key);
    enum pulse_place from = enter();
    uint32_t size = adapter->make_key(settings, n, key);
    pulse_go(from);
    return size;
}
