#include "fuzz/explore/path.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/script/settings.h"

void path_start(struct path *path)
{
    path->levels[0] = (struct path_level){.op = PATH_OP_NONE};
    path->level = path->cuts = 0;
}

void path_call(struct path *path, uint32_t op)
{
    path_here(path)->op = op;
    path_here(path)->nth = 0;
}

/* What was interrupted comes first: a recovery was interrupted before the operation after it. */
static uint32_t next_op(const struct path_level *level)
{
    return level->recovering ? level->first_op : level->op;
}

void path_cut(struct path *path, const struct tear *tear, bool erase)
{
    struct path_level *here = path_here(path);
    assert(path->level == path->cuts && path->cuts < CONTRACT_DEPTH_MAX);
    here->tear = *tear;
    here->erase = erase;
    path->cuts++;
    path->level++;
    *path_here(path) =
        (struct path_level){.first_op = next_op(here), .op = PATH_OP_NONE, .recovering = true};
}

void path_beside(struct path *path)
{
    assert(path->level == path->cuts);
    path->level++;
    path->levels[path->level] = path->levels[path->level - 1];
}

void path_recovered(struct path *path)
{
    path_here(path)->recovering = false;
}

void path_return(struct path *path, uint32_t level)
{
    assert(level < path->level);
    path->level = level;
    if (path->cuts > level) path->cuts = level;
    path->use = USE_NONE;
    path->looked = false;
}

enum fault_class path_fault(const struct path *path)
{
    if (path->rotten) return FAULT_ROT;
    return path->cuts ? fault_class_of(&path->levels[path->cuts - 1].tear) : (enum fault_class)0;
}

uint64_t path_shape(enum clause clause, const struct adapter *adapter, const struct script *script,
                    const struct path *path)
{
    uint8_t shape[4 + 3 * CONTRACT_DEPTH_MAX] = {(uint8_t)clause, (uint8_t)path->use, path->rotten};
    uint32_t size = 4;
    for (uint32_t i = 0; i < path->cuts; i++) {
        const struct path_level *cut = &path->levels[i];
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

static void append_cut(struct script *to, const struct op *ops, const struct path_level *cut)
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
    const struct path_level *here = &path->levels[path->level];
    uint32_t first = here->first_op, end = here->op == PATH_OP_NONE ? first : here->op + 1;
    if (path->cuts) script_append(to, &(struct op){.kind = OP_MOUNT});
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
    for (uint32_t i = 0; i < path->cuts; i++)
        append_cut(found, ops, &path->levels[i]);
    append_end(found, ops, script->op_count, path);
    free(ops);
    return found;
}
