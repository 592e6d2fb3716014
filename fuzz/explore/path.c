#include "fuzz/explore/path.h"

#include <stdlib.h>
#include <string.h>

#include "fuzz/script/settings.h"

uint64_t path_shape(enum clause clause, const struct adapter *adapter, const struct script *script,
                    const struct path *path)
{
    uint8_t shape[4 + 3 * CONTRACT_DEPTH_MAX] = {(uint8_t)clause, (uint8_t)path->use, path->rotten};
    uint32_t size = 4;
    for (uint32_t i = 0; i < path->count; i++) {
        const struct path_cut *cut = &path->cuts[i];
        shape[size++] = cut->recovering ? OP_MOUNT : (uint8_t)script->ops[cut->op].kind;
        shape[size++] = cut->erase;
        shape[size++] = (uint8_t)cut->tear.kind;
    }
    return script_digest(shape, size) ^
           script_digest(adapter->name, (uint32_t)strlen(adapter->name));
}

static void append_range(struct script *to, const struct op *ops, uint32_t first, uint32_t end)
{
    for (uint32_t i = first; i < end; i++)
        script_append(to, &ops[i]);
}

static void append_cut(struct script *to, const struct op *ops, const struct path_cut *cut)
{
    struct op op = cut->recovering ? (struct op){.kind = OP_MOUNT} : ops[cut->op];
    if (!cut->recovering) append_range(to, ops, cut->first_op, cut->op);
    op.cut = (struct cut){.nth = cut->nth, .tear = cut->tear};
    script_append(to, &op);
}

/* What follows the last cut: a recovery, and the operations up to the one that showed it. */
static void append_end(struct script *to, const struct op *ops, uint32_t op_count,
                       const struct path *path)
{
    uint32_t first = 0;
    if (path->count) {
        const struct path_cut *last = &path->cuts[path->count - 1];
        first = last->recovering ? last->first_op : last->op;
        script_append(to, &(struct op){.kind = OP_MOUNT});
    }
    uint32_t end = path->op == UINT32_MAX ? first : path->op + 1;
    if (path->use == USE_FIRST) script_append(to, &(struct op){.kind = OP_USE});
    append_range(to, ops, first, end < op_count ? end : op_count);
    if (path->rotten) {
        script_append(to, &(struct op){.kind = OP_ROT, .count = 1, .seed = path->rot_seed});
        script_append(to, &(struct op){.kind = OP_MOUNT});
    }
    if (path->looked) script_append(to, &(struct op){.kind = OP_LOOK});
    if (path->use == USE_LAST) script_append(to, &(struct op){.kind = OP_USE});
}

struct script *path_case(const struct script *script, const struct adapter *adapter,
                         const struct adapter_settings *settings, const struct path *path)
{
    struct script *found = script_copy(script);
    struct op *ops = malloc((script->op_count + 1) * sizeof *ops);
    if (!found || !ops) {
        script_free(found);
        free(ops);
        return NULL;
    }
    memcpy(ops, found->ops, found->op_count * sizeof *ops);
    found->op_count = 0;
    settings_name(found, adapter, settings);
    for (uint32_t i = 0; i < path->count; i++)
        append_cut(found, ops, &path->cuts[i]);
    append_end(found, ops, script->op_count, path);
    free(ops);
    return found;
}
