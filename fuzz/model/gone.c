/* gone.c - see gone.h. */
#include "fuzz/model/gone.h"

#include <assert.h>
#include <string.h>

bool gone_contains(const struct value *whole, const struct value *part)
{
    for (uint32_t i = 0; whole->size >= part->size && i <= whole->size - part->size; i++) {
        if (memcmp(whole->bytes + i, part->bytes, part->size) == 0) return true;
    }
    return false;
}

/* One byte over and over may be there by chance: the end of a key, and a value that begins like it.
 */
static bool is_telling(const struct value *value)
{
    uint32_t bytes = 0, others = 0;
    for (uint32_t i = 0; i < value->size; i++) {
        bytes += value->bytes[i] != 0x00 && value->bytes[i] != 0xFF;
        others += value->bytes[i] != value->bytes[0];
    }
    return bytes >= GONE_BYTES_MIN && others > 0;
}

void gone_begin(struct gone *gone, uint32_t key, const struct value *value)
{
    if (gone->count == GONE_MAX || !is_telling(value)) return;
    for (uint32_t i = 0; i < gone->count; i++) {
        if (gone->values[i].key == key && gone->values[i].value->digest == value->digest) return;
    }
    gone->values[gone->count++] = (struct gone_value){.value = value, .key = key};
}

void gone_promise(struct gone *gone, uint32_t key)
{
    for (uint32_t i = 0; i < gone->count; i++) {
        struct gone_value *each = &gone->values[i];
        if (key == GONE_ALL || each->key == key) each->promised = true;
    }
}

void gone_drop(struct gone *gone, uint32_t index)
{
    assert(index < gone->count);
    gone->values[index] = gone->values[--gone->count];
}

void gone_stored(struct gone *gone, uint32_t key, const struct value *value)
{
    for (uint32_t i = gone->count; i-- > 0;) {
        const struct gone_value *each = &gone->values[i];
        bool older = each->key == key && !each->promised;
        if (older || gone_contains(value, each->value)) gone_drop(gone, i);
    }
}
