/* crate.h - the crate sequential-storage, as map.c and queue.c call it.
 *
 * The crate is used without its caches, so that it keeps nothing in RAM between two calls: each
 * call is given the part and makes its storage anew. Rust has the sizes of a part as constants of
 * the type, so only the geometries in the table of lib.rs are taken.
 */
#ifndef BROWNOUT_CRATE_H
#define BROWNOUT_CRATE_H

#include "fuzz/adapter.h"

enum crate_call {
    CRATE_FITS_PART, /* whether the table has this geometry; touches nothing */
    CRATE_STORE,     /* store_item */
    CRATE_FETCH,     /* fetch_item: visits the value */
    CRATE_REMOVE,    /* remove_item */
    CRATE_REMOVE_ALL,
    CRATE_EACH_VALUE, /* fetch_all_items: visits every value */
    CRATE_PUSH,       /* push, without leave to overwrite */
    CRATE_OVERWRITE,  /* push, with it */
    CRATE_PEEK,       /* visits the oldest item */
    CRATE_POP,        /* visits the item `place` places after the oldest, then pops it */
    CRATE_EACH_ITEM,  /* iter: visits every item */
    CRATE_ERASE_ALL,
    CRATE_MAX_FIT, /* find_max_fit: visits an item of that size without its bytes */
};

/* What the crate answers; its errors by their kind. */
enum crate_result {
    CRATE_OK,
    CRATE_NONE, /* no such value or item, or nothing fits */
    CRATE_FULL,
    CRATE_TOO_BIG,
    CRATE_STORAGE, /* the flash answered an error */
    CRATE_DAMAGED, /* corrupted, or an item that makes no sense */
    CRATE_NO_SUCH_PART,
};

struct crate_part {
    const struct bo_flash *flash;
    uint32_t read_unit, unit, sector_size, size; /* size: of the region */
};

/* A result that is bytes goes to `visit`; what is no map's has a key of no bytes. */
typedef void crate_visit(void *context, const uint8_t *key, uint32_t key_size, const uint8_t *data,
                         uint32_t size);

struct crate_request {
    uint32_t call; /* enum crate_call */
    uint32_t place;
    const uint8_t *key;
    const uint8_t *data;
    uint32_t key_size, data_size;
    uint8_t *buffer; /* that the crate wants lent, crate_buffer_size() bytes */
    uint32_t buffer_size;
    crate_visit *visit;
    void *context;
};

/* In Rust. Returns an enum crate_result. */
uint32_t crate_do(const struct crate_part *part, const struct crate_request *request);

/* What Rust calls: the flash. 0, or an error. */
int32_t crate_read(const struct bo_flash *flash, uint32_t address, uint8_t *data, uint32_t size);
int32_t crate_program(const struct bo_flash *flash, uint32_t address, const uint8_t *data,
                      uint32_t size);
int32_t crate_erase(const struct bo_flash *flash, uint32_t address);

/* --- the adapters have in common --- */

struct crate_object {
    struct crate_part part;
    uint32_t item_size_max;
    uint8_t *buffer;
    bool removes; /* the crate asks for a part that takes a second program of a word */
};

/* Where an item that is visited goes: `capacity` bytes of it. */
struct crate_copy {
    uint8_t *buffer;
    uint32_t capacity, size;
};

/* Data bytes of the largest item. */
uint32_t crate_item_size_max(const struct bo_flash_geometry *geometry);

const char *crate_refuses(const struct bo_flash_geometry *geometry, uint32_t sectors_min);
size_t crate_object_size(const struct bo_flash_geometry *geometry,
                         const struct adapter_settings *settings);
enum answer crate_mount(void *object, const struct bo_flash *flash,
                        const struct adapter_settings *settings);

/* Calls the crate on a mounted object. */
enum answer crate_ask(const struct crate_object *object, struct crate_request request);

/* Visits: copies to a struct crate_copy. */
crate_visit crate_copy_data;

#endif
