/* probe.c - prints what fuzz/adapter.h looks like, as constants of Rust. Run by build.rs. */
#include <stdio.h>

#include "fuzz/adapter.h"
#include "fuzz/embed/embed.h"

#define PRINT(name, value) printf("pub const %s: usize = %zu;\n", name, (size_t)(value))
#define FIELD(type, field) PRINT("at_" #type "_" #field, offsetof(struct type, field))
#define SIZE(type) PRINT(#type, sizeof(struct type))

int main(void)
{
    PRINT("VERSION", ADAPTER_VERSION);
    PRINT("OPTIONS_MAX", ADAPTER_OPTIONS_MAX);
    PRINT("SNAPSHOTS", ADAPTER_SNAPSHOTS);
    PRINT("NOW", ADAPTER_NOW);
    PRINT("ANSWER_PANIC", ANSWER_PANIC);
    PRINT("CUT_PROGRAM_FREE", ADAPTER_CUT_PROGRAM_FREE);
    PRINT("ROOM_VARIES", ADAPTER_ROOM_VARIES);
    PRINT("IDLE_DROPS", ADAPTER_IDLE_DROPS);
    PRINT("KNOWS_REGION", ADAPTER_KNOWS_REGION);
    SIZE(adapter);
    FIELD(adapter, name);
    FIELD(adapter, claims_by);
    FIELD(adapter, promised);
    FIELD(adapter, relies_on_and);
    FIELD(adapter, has_globals);
    FIELD(adapter, refuses);
    FIELD(adapter, value_size_min);
    FIELD(adapter, format);
    FIELD(adapter, mount);
    FIELD(adapter, panic);
    FIELD(adapter, map);
    FIELD(adapter, list);
    SIZE(adapter_map);
    FIELD(adapter_map, fetch);
    FIELD(adapter_map, each);
    FIELD(adapter_map, transaction_max);
    FIELD(adapter_map, open);
    FIELD(adapter_map, fetch_at);
    FIELD(adapter_map, scan);
    FIELD(adapter_map, destroy);
    SIZE(adapter_list);
    FIELD(adapter_list, read);
    FIELD(adapter_list, each);
    FIELD(adapter_list, ring);
    FIELD(adapter_list, numberless);
    FIELD(adapter_list, space);
    FIELD(adapter_list, range);
    FIELD(adapter_list, seek_sectors);
    SIZE(adapter_option);
    FIELD(adapter_option, max);
    FIELD(adapter_option, fixed);
    FIELD(adapter_option, binds);
    SIZE(adapter_settings);
    SIZE(adapter_bound);
    SIZE(bo_flash);
    FIELD(bo_flash, context);
    FIELD(bo_flash, erase);
    SIZE(bo_flash_geometry);
    FIELD(bo_flash_geometry, unit);
    FIELD(bo_flash_geometry, tear_scope);
    SIZE(embed_work);
    FIELD(embed_work, jobs);
    SIZE(embed_answer);
    return 0;
}
