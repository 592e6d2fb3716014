/* SPDX-License-Identifier: MIT */
/* lsm.h - a sorted map with transactions, snapshots and ranges, in the flash format of ekv (Rust
 * crate, 1.0.0).
 *
 * Images of the crate open here, and images written here open in the crate.
 *   After a cut in the crate what it opens opens here, with checksums; where it opens an empty map
 *   though there was one, what that held is here. It may erase a sector that its manifest still
 *   names: such a map is damaged. If the cut left the header of that sector, its data, which are
 *   not checked when they are read, are what the cut left of them.
 *   After a cut here the crate opens the image. But where a unit has more than two bytes, one holds
 *   magic and size of a commit: what a cut leaves of that size the crate takes for damage, until a
 *   change, or lsm_collect, has put the manifest into another sector.
 *
 * Model. The map is a list of sorted runs; a newer run overrides an older one:
 *
 *     oldest, merged from many ... newest, one transaction | manifest
 *
 * A transaction is collected and sorted in RAM, and its commit writes a run of its own and appends
 * a chunk to the manifest, which names the runs; the last program of that chunk is the commit. Runs
 * are merged where there are too many of them, and where sectors are short. The newest are written
 * again with a transaction, in its sector. A merge of larger ones goes on in steps, from one call
 * to the next, and over power cuts.
 *
 * Staging. In the crate's format each transaction costs a sector, and so an erase. With
 * `staging` one that is no longer than half a sector is appended to a log instead, in one program;
 * its chunk, which a checksum makes whole, is the commit. A full log becomes a run. Each fetch
 * reads the log from its start, up to a sector. What makes a run of it, and a scan, reads it once
 * for each of its keys: with 100 records in a sector of 4 KiB 4,400 reads of 96 bytes, which the
 * smallest work buffer holds. One that is two sectors larger has the log read once.
 *
 * Such a map has a manifest of its own kind: the crate does not open it. A mount without `staging`
 * answers MAP_ERR_UNSUPPORTED, and so does one with `staging` of a map in the crate's format; the
 * map stays as it is.
 *
 * No call erases more than LSM_ERASES_MAX sectors where a record fits two sectors and a transaction
 * three. So a change may answer LSM_ERR_AGAIN: it did a step of a merge, the change is not made,
 * and the call is to be made again. That ends: the calls are fewer than the merges that are left
 * have sectors. A transaction stays open meanwhile. lsm_collect does such steps ahead, when the
 * firmware has time.
 *
 * Cuts. Mounting only reads. Survives the classes edge, prefix, bits and zeros for programs and
 * erases, nested to any depth, where the format has checksums (`crc`); without them edge and
 * prefix. Each unit is programmed once, so parts of any limit of programs do. Not claimed:
 *   weak  a unit that reads blank at the end of the manifest, or of the log, is taken for one;
 *   ecc   what the part can't correct in the manifest ends it there, elsewhere it is an error;
 *   rot   data are not checked when they are read: what rots in a run is returned as good, or
 *         found out when a link or a size makes no sense. In manifest and log each chunk has a
 *         checksum. One that is followed by others is damage to a mount; the last one looks like
 *         what a cut leaves, and its transaction is undone without an error. So is all that
 *         follows one of the log whose size rots to a number that covers it, and on parts whose
 *         erased bytes are 0 up to half a sector that follows one;
 *   glitch  the same. With ../twice.h in between it is survived;
 *   lie   what was written is not read back. With ../verified.h in between the class is survived;
 *   stray as rot.
 *
 * Full. A map keeps some sectors for merges, and a few more that only transactions may use which
 * make the data no larger: a full map still removes, and replaces values by shorter ones. An open
 * snapshot keeps the sectors that it shows, and what needs them answers LSM_ERR_FULL.
 *
 * Wear. Sectors are taken in turn from where the last commit left off, and each is erased just
 * before it is used.
 *
 * Memory. struct lsm, a work buffer, a buffer for the transaction and a bit for each sector, all of
 * the caller. No heap, no recursion, no globals. Needs memcpy, memset, memcmp and memmove. Not
 * reentrant.
 *
 * Errors: those of flash.h and map.h. After an error of the flash the next call finds out anew what
 * the flash holds.
 */
#ifndef BROWNOUT_LSM_H
#define BROWNOUT_LSM_H

#include "map.h"

/* What can be left out when all of lsm is compiled with these, and what that saves on a Cortex-M4:
 *
 *     LSM_NO_STAGING  1,510 bytes  the log: a config with `staging` is refused as a geometry is,
 *                                  and a map that has a log with MAP_ERR_UNSUPPORTED
 *     LSM_NO_VIEWS      480 bytes  snapshots and ranges: lsm_open, lsm_close, lsm_fetch_at,
 *                                  lsm_seek and lsm_next
 *     LSM_NO_SEARCH     260 bytes  links: a key is looked for from the last sector of a run back,
 *                                  so a fetch reads a header and a key of up to each sector
 *     LSM_NO_CRATE      380 bytes  what is there for the crate alone: where a cut in it left a new
 *                                  sector of its manifest unfinished, that may be the map before,
 *                                  or MAP_ERR_DAMAGED; and lsm_collect only merges
 *
 * With all of them, and BO_CRC32C_SMALL (checksums without a table), lsm takes less than 10 KiB
 * (make size). What is written is the same.
 */

#ifdef __cplusplus
extern "C" {
#endif

/* Version of what is written: the format of ekv 1.0; with a staging log one of ours. */
#define LSM_FORMAT_VERSION 1u

/* A change was not made yet; make the call again. */
#define LSM_ERR_AGAIN MAP_ERR_AGAIN

#define LSM_ERASES_MAX 4u

/* Most runs, and links of a header, in any format. Firmware may define less: a format for
 * sector_count_max sectors has branching runs for each level, and one; 17 for up to 511 of them. */
#ifndef LSM_RUNS_MAX
#define LSM_RUNS_MAX 33u
#endif
#define LSM_SKIPS_MAX 14u

/* A number of a sector that is none. */
#define LSM_NONE 0xFFFFu

/* What the crate is compiled with. Nothing of it stands on the flash: the same numbers must be
 * given each time. */
struct lsm_format {
    uint16_t align;     /* all headers and chunks begin at a multiple; 0: the unit, at least 4 */
    uint16_t chunk_max; /* bytes of a chunk; 0: 4096 */
    uint32_t sector_count_max; /* that the format is for; 0: the sectors of the region */
    uint16_t key_max;          /* bytes of the longest key; at least 1 */
    uint8_t branching;         /* runs of a level, 2 to 4; 0: 2 */
    bool crc;                  /* with checksums */
    bool staging;              /* with a log; needs `crc`, and a part on which a cut leaves the
                                * rest of a sector alone */
    uint32_t value_max;        /* bytes of the longest value */
};

struct lsm_config {
    const struct bo_flash *flash; /* at least 8 sectors */
    struct lsm_format format;
    void *work; /* scratch memory: lsm_work_size() or more, of which more saves calls */
    uint32_t work_size;
    void *transaction; /* holds the records of a transaction, sorted; at least the longest record */
    uint32_t transaction_size;
    uint8_t *used; /* a bit for each sector */
    uint32_t used_size;
};

/* A sorted run: bytes `first` to `last` of a stream of records. */
struct lsm_run {
    uint32_t first, last;
    uint16_t sector; /* the last one; LSM_NONE: the run is empty */
    uint8_t flags;   /* of an unfinished merge; that it is the log, or in RAM */
};

/* What a reader sees: the runs, from old to new, after them the log, and the records of the
 * transaction, which are not committed. */
struct lsm_view {
    struct lsm_run runs[LSM_RUNS_MAX + 2];
};

/* An open snapshot. The caller owns it and leaves it in place until it is closed. */
struct lsm_snapshot {
    struct lsm_snapshot *next;
    struct lsm_view view;
};

/* What follows from part and format. */
struct lsm_shape {
    uint8_t sector_header, run_header, manifest_header, chunk_header;
    uint8_t skips, shift, runs, branching, key_bits, value_bits, record_header, erased;
    bool crc, staging;
    uint16_t align, key_max;
    uint32_t sector_size, sector_count, payload, chunk_max, value_max, record_max;
};

/* What is known of the end of a sector to which chunks are appended. */
struct lsm_tail {
    bool sealed;   /* nothing is appended any more */
    bool unproven; /* whether the rest is blank was not looked at yet */
};

/* A mounted map. The caller owns it; the fields are the engine's.
 *
 * Invariants, at the end of each call that met no error of the flash:
 *   1. the sectors that are not marked as used are as many as are free; the manifest's is marked;
 *   2. a run has bytes, and its last sector is marked;
 *   3. the sector to be taken next is one, and the window holds what was read last;
 *   4. the records of a transaction fit their buffer, each key once, in order;
 *   and on the flash:
 *   5. the sectors that are marked are those of the manifest and of the runs, unless a snapshot
 *      keeps some. */
struct lsm {
    struct lsm_shape shape;
    const struct bo_flash *flash;
    struct lsm_snapshot *snapshots;
    uint8_t *window;  /* what was read last */
    uint8_t *gather;  /* what is programmed next */
    uint8_t *key;     /* of a merge, or written last */
    uint8_t *least;   /* a key of the log */
    uint8_t *records; /* of the transaction */
    uint8_t *used;
    uint32_t half; /* bytes of window and gather, each */
    uint32_t window_start, window_held;
    uint32_t records_size;
    uint32_t device_sectors;
    uint32_t manifest_seq, manifest_end; /* of the manifest; where its next chunk goes */
    uint32_t free_count;
    uint32_t cursor; /* the next sector to be taken, if it is free */
    struct lsm_tail manifest_tail, log_tail;
    uint16_t manifest;    /* its sector */
    uint8_t erases_left;  /* in this call */
    bool stale;           /* an error was met: mount again first */
    bool pinned;          /* sectors were kept for a snapshot */
    bool open;            /* a transaction is open */
    struct lsm_view view; /* what is committed; last, as code is shorter for what is near */
};

/* A place in an iteration, see lsm_seek. */
struct lsm_cursor {
    const struct lsm_view *view;
    uint32_t at[LSM_RUNS_MAX + 2];
    uint16_t sectors[LSM_RUNS_MAX + 2];
};

/* Bytes of the smallest work buffer; a larger one saves reads and programs. */
static inline uint32_t lsm_work_size(const struct lsm_format *format)
{
    return (format->staging ? 2u : 1u) * format->key_max + 192u;
}

/* Whether a map fits a part, in a format and with transactions of that many bytes. */
bool lsm_usable(const struct bo_flash_geometry *geometry, const struct lsm_format *format,
                uint32_t transaction_size);

/* Opens a map. Only reads. MAP_ERR_GEOMETRY, MAP_ERR_DAMAGED (there is no map, or one that no power
 * cut left; format is the way out, and nothing was changed), MAP_ERR_UNSUPPORTED (there is one that
 * has a log and should have none, or the other way round), or an error of the flash. Of the config
 * only what its pointers point at is kept. */
int lsm_mount(struct lsm *map, const struct lsm_config *config);

/* Makes an empty map and mounts it. In place of one that could be mounted in the same way it is
 * there at once: a cut leaves the old map or the new one. Else the sectors that hold a manifest are
 * erased, and one more; a cut may leave none: format again. */
int lsm_format(struct lsm *map, const struct lsm_config *config);

/* Copies the value of `key` to `value` and its length to *value_size: what is committed, or in
 * _at what the snapshot shows, or in _own what a commit would make of it. MAP_ERR_NOT_FOUND, or
 * MAP_ERR_BUFFER when it is longer than `capacity`: *value_size holds the length then. */
int lsm_fetch(struct lsm *map, const void *key, uint32_t key_size, void *value, uint32_t capacity,
              uint32_t *value_size);
#ifndef LSM_NO_VIEWS
int lsm_fetch_at(struct lsm *map, const struct lsm_snapshot *snapshot, const void *key,
                 uint32_t key_size, void *value, uint32_t capacity, uint32_t *value_size);
#endif
int lsm_fetch_own(struct lsm *map, const void *key, uint32_t key_size, void *value,
                  uint32_t capacity, uint32_t *value_size);

/* Store a value, replacing the one the key had; remove the key, BO_FLASH_OK also when it was not
 * there. In an open transaction nothing is written, and MAP_ERR_FULL means that its buffer is full.
 * Else each is a transaction of its own. MAP_ERR_TOO_BIG, LSM_ERR_AGAIN, MAP_ERR_FULL. */
int lsm_store(struct lsm *map, const void *key, uint32_t key_size, const void *value,
              uint32_t value_size);
int lsm_remove(struct lsm *map, const void *key, uint32_t key_size);

/* Removes all keys at once; ends an open transaction. */
int lsm_remove_all(struct lsm *map);

/* Begins a transaction; MAP_ERR_UNSUPPORTED when one is open. */
int lsm_begin(struct lsm *map);

/* Makes all its changes durable together. It stays open after LSM_ERR_AGAIN and MAP_ERR_FULL, and
 * ends otherwise: after an error of the flash all of it happened or nothing. */
int lsm_commit(struct lsm *map);

/* Forgets the transaction. */
void lsm_abort(struct lsm *map);

/* Does a step of a merge, if there is one to do, or writes the manifest to another sector where a
 * cut has torn its end. MAP_ERR_NOT_FOUND: neither. */
int lsm_collect(struct lsm *map);

#ifndef LSM_NO_VIEWS
/* Opens a snapshot: of what is committed now. Makes no flash calls unless an error came before. */
int lsm_open(struct lsm *map, struct lsm_snapshot *snapshot);

/* Closes it. Reads a header for each sector in use where sectors were kept for it. */
int lsm_close(struct lsm *map, struct lsm_snapshot *snapshot);

/* Sets the cursor before the first key that is not less than `key`, in a snapshot, or in what is
 * committed (NULL); a change ends that iteration. */
int lsm_seek(struct lsm *map, const struct lsm_snapshot *snapshot, const void *key,
             uint32_t key_size, struct lsm_cursor *cursor);

/* The next key in order, each once, and its value. MAP_ERR_NOT_FOUND at the end. The longest key
 * must fit `key`. MAP_ERR_BUFFER when the value does not fit: its length is returned, and the
 * cursor goes on. */
int lsm_next(struct lsm *map, struct lsm_cursor *cursor, void *key, uint32_t *key_size, void *value,
             uint32_t capacity, uint32_t *value_size);
#endif

/* Bounds: the largest number of flash calls that a call makes. They need lsm_bound.c.
 *
 * The bounds hold on any image, hostile ones too, and for parts whose units can all be read; where
 * some may not be, each read is up to two. lsm_bound.c says what they are made of.
 *
 * What is dear. Reads of a fetch grow with the runs that there are; those of a change with the
 * records that a step of a merge takes, each of which is compared with one of each run. A call
 * after an error of the flash finds out anew what a mount does, and each bound includes that.
 *
 * How near they come. lsm_bound_test.c finds calls that make more than a quarter of the changes,
 * and of the reads of mount, format, open and close. What searches does not come near its reads,
 * and a call that merges even less: 1 % and 0.1 %. The bound is for an image in which each link
 * leads to the next sector only, through sectors of other runs, in each run. On what lsm wrote they
 * lead over many sectors at once: that is lsm_bound_sound, of which a fetch makes up to 6 %; on 256
 * sectors of 4 KiB it is 8,000 reads where lsm_bound is 9,000,000. Merges are far from it as well,
 * as it is for records of a byte. Nor do calls until a change is made come near their bound: a
 * merge writes few sectors.
 */
enum lsm_call {
    LSM_CALL_MOUNT = 0,
    LSM_CALL_FORMAT,
    LSM_CALL_FETCH, /* and fetch_at, fetch_own */
    LSM_CALL_SEEK,
    LSM_CALL_NEXT,
    LSM_CALL_CHANGE, /* store, remove, commit: one call, which may answer LSM_ERR_AGAIN */
    LSM_CALL_CLEAR,  /* remove_all */
    LSM_CALL_COLLECT,
    LSM_CALL_OPEN,
    LSM_CALL_CLOSE,
};

/* Bounds for a map that is mounted so, while up to `snapshots` are open. 0 and 0 when it can't be
 * mounted. Of the config the memory is not looked at. */
struct bo_bound lsm_bound(const struct lsm_config *config, uint32_t snapshots, enum lsm_call call);

/* The same where lsm wrote all that is there and nothing rots, power cuts or not: fewer reads of a
 * fetch, seek and next, and of what merges. */
struct bo_bound lsm_bound_sound(const struct lsm_config *config, uint32_t snapshots,
                                enum lsm_call call);

/* Most calls until a change that is made again after LSM_ERR_AGAIN is made: each does a step of a
 * merge. */
uint32_t lsm_bound_calls(const struct lsm_config *config);

#ifdef BO_CHECKS
/* Checks the invariants; those of the flash, which take reads, when `flash`. After each call that
 * may change something the others are checked anyway. */
void lsm_check(struct lsm *map, bool flash);
#else
#define lsm_check(map, flash) ((void)0)
#endif

#ifdef __cplusplus
}
#endif

#endif
