/* SPDX-License-Identifier: MIT */
/* lsm_bound.c - see lsm_internal.h: bounds of the calls.
 *
 * Reads. What is read in ascending order of addresses, in pieces of up to LSM_PIECE bytes, takes a
 * read for each window, whatever the pieces: `scan` for a sector. A header is one read, as the
 * window begins with it. So the walk over the chunks of a sector is a scan at most; one that goes
 * back to the start of each chunk is two, and a read for each time.
 *
 * To find a place in a run one goes back from its last sector, over each sector at most once, and
 * over the chunks of one (`locate`). A search tries each link of a sector, goes on to an earlier
 * one, and compares a record each time (`search`); then it compares record after record, of all
 * sectors if no link leads on.
 *
 * Where lsm wrote the image, and nothing rotted (`sound`), it is less. Sectors belong to one run
 * each. A link leads as far as it should: one of each length is followed twice at most, and the
 * longest up to 17 times, as they lead over a sixteenth of the sectors at least. A search tries no
 * place twice (`jumps`). Chunks are as long as they may be (`chunks`). Keys ascend, so all but one
 * are of a byte or more. What is left to look at record by record is a sector, and the end of its
 * last record.
 *
 * Changes. A sector of a run takes an erase, and programs for each buffer full of bytes, each page
 * and each chunk (`fill`); a commit appends a chunk to the manifest, or moves it (`commit`).
 */
#include "lsm_internal.h"

/* What the bounds are made of; reads where nothing else is said. */
struct terms {
    uint64_t sectors, places, step; /* counts; step: sectors that a step of a merge takes */
    uint64_t own;                   /* count: sectors of the longest transaction */
    uint64_t scan;                  /* a walk over a sector */
    uint64_t mount;
    uint64_t mark;    /* the sectors in use */
    uint64_t locate;  /* a place in a run */
    uint64_t record;  /* its header and key, when it is located */
    uint64_t search;  /* for a key, in all places of the list */
    uint64_t value;   /* its value */
    uint64_t chunks;  /* count: of a sector of a run, but for hostile ones */
    uint64_t held;    /* count: records of the map */
    uint64_t records; /* count: that a step takes, or the commit of a transaction */
    uint64_t merge;   /* a step */
    uint64_t prove;   /* whether the rest of a sector is blank */
    uint64_t fill;    /* changes: a sector of a run, without its erase */
    uint64_t append;  /* changes: a chunk of the manifest */
};

/* Programs of that many bytes in one piece. */
static uint64_t pages(const struct bo_flash_geometry *g, uint64_t bytes)
{
    return g->page_size < g->sector_size ? bytes / g->page_size + 2 : 1;
}

static uint64_t mount_reads(const struct terms *t, const struct lsm_shape *shape,
                            uint32_t device_sectors)
{
    /* Torn chunks are looked for at each place. A walk over entries ends where another chunk begins
     * at a distance of whole entries, as a magic is no entry. */
    uint64_t phases = shape->align >= 8 ? 1 : 8u / shape->align;
    uint64_t torn = shape->crc ? 2 * phases * t->scan + t->scan : 0;
    uint64_t replay = t->scan + 1 + torn;
    /* The entries of a chunk that was cut, what is after them, and its header. */
    uint64_t cut = lsm_staging(shape) ? 0 : t->scan + 2;
    uint64_t complete = shape->runs * (1 + t->scan), log = lsm_staging(shape) ? 4 * t->scan : 0;
    return 2 * (device_sectors + replay) + cut + complete + log + t->mark;
}

/* Searches of an image that may be hostile. */
static void terms_of_searches(struct terms *t, const struct lsm_shape *shape, uint32_t window)
{
    uint64_t links = shape->skips;
    t->locate = t->sectors + t->scan;
    uint64_t tries = t->sectors * links + links;
    uint64_t narrow = 1 + tries * (1 + t->locate + t->record);
    uint64_t line = t->sectors * (t->scan + t->locate) + t->record;
    t->search = t->places * (narrow + line);
    t->value = t->sectors + shape->value_max / window + 2 + t->locate;
}

/* Of one that lsm wrote. */
static void terms_of_sound_searches(struct terms *t, const struct lsm_shape *shape, uint32_t window)
{
    uint64_t links = shape->skips, jumps = 2 * links + 17, longer = shape->record_max;
    if (jumps > t->sectors || !LSM_WITH_SEARCH) jumps = t->sectors;
    longer /= shape->payload;
    t->locate = jumps + t->chunks + 2;
    uint64_t tries = t->places * jumps;
    if (tries > 2 * t->sectors + t->places * links) tries = 2 * t->sectors + t->places * links;
    uint64_t walks = t->places * jumps < t->sectors ? t->places * jumps : t->sectors;
    uint64_t line = (longer + 2) * (t->scan + t->chunks + 2);
    t->search = tries * (3 + t->chunks + t->record) + (longer + 2) * walks +
                t->places * (1 + t->record + line);
    if (lsm_staging(shape)) t->search += 3 * t->scan;
    t->value = shape->value_max / window + 2 + (longer + 1) * t->locate;
}

static void terms_of_reads(struct terms *t, const struct lsm_shape *shape, uint32_t window,
                           uint32_t key_reads, uint32_t snapshots, bool sound)
{
    uint64_t least = shape->record_header + (sound ? 1u : 0u); /* bytes of a record */
    uint64_t taken = 1 + (t->own > 3 * t->step ? t->own : 3 * t->step);
    t->scan = shape->sector_size / window + 2;
    t->mark = t->sectors * (1 + snapshots);
    t->record = 2 + key_reads;
    if (sound)
        terms_of_sound_searches(t, shape, window);
    else
        terms_of_searches(t, shape, window);
    t->prove = t->scan;
    t->held = t->sectors * shape->payload / least + t->places;
    t->records = taken * shape->payload / least + t->places;
    uint64_t each =
        t->places * (t->locate + 2 * t->record) + t->locate + shape->record_max / window;
    if (lsm_staging(shape)) each += 3 * t->scan; /* the next key of the log */
    t->merge = t->records * each + t->locate * 2 + t->scan + t->prove + t->sectors * t->places;
}

static bool terms_make(struct terms *t, struct lsm_shape *shape, const struct lsm_config *config,
                       uint32_t snapshots, bool sound)
{
    const struct bo_flash_geometry *g = &config->flash->geometry;
    const struct lsm_format *format = &config->format;
    if (!lsm_usable(g, format, config->transaction_size)) return false;
    if (config->work_size < lsm_work_size(format) || !lsm_shape_make(shape, g, format))
        return false;
    uint32_t keys = (lsm_staging(shape) ? 2u : 1u) * format->key_max;
    uint32_t half = (config->work_size - keys) / 2 & ~(LSM_ALIGN_MAX - 1);
    uint32_t window = half - g->read_unit + 1;
    uint64_t room = shape->sector_size - lsm_run_chunks(shape);
    t->sectors = shape->sector_count;
    t->places = shape->runs + (lsm_staging(shape) ? 1u : 0u);
    t->step = lsm_step(shape);
    t->own = (config->transaction_size + shape->payload - 1) / shape->payload;
    t->chunks = room / lsm_round_up(shape->chunk_header + shape->chunk_max, shape->align) + 1;
    terms_of_reads(t, shape, window, format->key_max / window + 1, snapshots, sound);
    t->mount = mount_reads(t, shape, lsm_minimum(g->sector_count, LSM_NONE));
    uint64_t pieces = shape->sector_size / (half - LSM_START_MAX) + t->chunks;
    t->fill = g->page_size < g->sector_size ? shape->sector_size / g->page_size : 0;
    t->fill += pieces + t->chunks + pages(g, LSM_HEADERS_MAX + LSM_START_MAX);
    uint64_t list = shape->chunk_header + 8u * t->places + LSM_ALIGN_MAX;
    t->append = pages(g, list) + 1 + pages(g, LSM_HEADERS_MAX);
    return true;
}

/* A change, without what a mount reads. */
static struct bo_bound change(const struct terms *t, const struct lsm_shape *shape,
                              const struct lsm_config *config)
{
    uint64_t own_records = config->transaction_size / shape->record_header + 1;
    uint64_t sectors = LSM_ERASES_MAX;
    if (t->step + 1 > sectors) sectors = t->step + 1;
    if (t->own + 1 > sectors) sectors = t->own + 1;
    /* Steps that erase, those in which all that was merged was removed, and the commit. */
    uint64_t steps = sectors + t->places / 2 + t->sectors / 6 + 1;
    uint64_t searches = (own_records + 1) * t->search;
    struct bo_bound bound = {searches + steps * t->merge + 2 * t->prove,
                             sectors * (1 + t->fill) + steps * t->append};
    if (lsm_staging(shape))
        bound.changes += pages(&config->flash->geometry, shape->payload / 2) + 8;
    return bound;
}

static struct bo_bound bound_of(const struct lsm_config *config, uint32_t snapshots,
                                enum lsm_call call, bool sound)
{
    struct bo_bound bound = {0, 0}, more = {0, 0};
    struct terms t;
    struct lsm_shape shape;
    if (!terms_make(&t, &shape, config, snapshots, sound)) return bound;
    bound.reads = t.mount;
    switch (call) {
    case LSM_CALL_MOUNT:
    case LSM_CALL_OPEN:
        break;
    case LSM_CALL_FORMAT: /* two mounts, and each sector may hold a manifest */
        bound.reads += t.mount + 2 * t.sectors;
        bound.changes = t.sectors + 2 + t.append;
        break;
    case LSM_CALL_FETCH:
        bound.reads += t.search + t.value;
        break;
    case LSM_CALL_SEEK:
        bound.reads += t.search;
        break;
    case LSM_CALL_NEXT: /* all that is passed is removed */
        bound.reads =
            t.held * (t.places * (t.locate + 2 * t.record) + t.locate + 3 * t.scan) + t.value;
        break;
    case LSM_CALL_CHANGE:
        more = change(&t, &shape, config);
        break;
    case LSM_CALL_CLEAR:
        more.reads = t.prove + t.sectors * t.places;
        more.changes = 1 + t.append;
        break;
    case LSM_CALL_COLLECT:
        more.reads = t.merge;
        more.changes = t.step * (1 + t.fill) + 1 + t.append;
        break;
    case LSM_CALL_CLOSE:
        more.reads = snapshots > 1 ? t.mark : 0;
        break;
    }
    bound.reads += more.reads;
    bound.changes += more.changes;
    return bound;
}

struct bo_bound lsm_bound(const struct lsm_config *config, uint32_t snapshots, enum lsm_call call)
{
    return bound_of(config, snapshots, call, false);
}

struct bo_bound lsm_bound_sound(const struct lsm_config *config, uint32_t snapshots,
                                enum lsm_call call)
{
    return bound_of(config, snapshots, call, true);
}

uint32_t lsm_bound_calls(const struct lsm_config *config)
{
    struct terms t;
    struct lsm_shape shape;
    if (!terms_make(&t, &shape, config, 0, false)) return 0;
    return (uint32_t)(t.sectors * (t.places + 1));
}
