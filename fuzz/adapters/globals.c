/* globals.c - saves, restores and watches the writable memory of plug-ins.
 *
 * Method. The dynamic loader lists the segments of each shared object. Those that are writable,
 * without what the loader makes read-only once it has relocated it, are the memory of a plug-in. Of
 * each such range the bytes as they were when the plug-in was loaded are kept: to be put back at
 * power-on, or to be compared with. What a compiler counts in there (counters.h) is left out of the
 * comparison.
 */
#define _GNU_SOURCE
#include "fuzz/adapters/globals.h"

#include <assert.h>
#include <link.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fuzz/adapters/counters.h"
#include "sim/memory.h"
#include "sim/unchecked.h"

#define RANGES_MAX 64 /* of all plug-ins together that are kept, or of one that is watched */

struct range {
    uint8_t *start;
    size_t size;
};

/* Memory in pieces, and what it held when the last piece was added. */
struct memory {
    struct range ranges[RANGES_MAX];
    size_t count;
    uint8_t *then;
};

static struct memory kept;

/* A shared object that is watched. */
struct watched {
    uintptr_t start, end;
    struct memory memory;
    uint8_t *counts; /* for each byte whether the compiler counts there */
};

static struct watched *watched; /* to the end */
static size_t watched_count;

/* What the loader made read-only after relocation is writable in the program headers only. */
static void add_writable(struct memory *memory, struct range range, struct range relro)
{
    uint8_t *end = range.start + range.size, *relro_end = relro.start + relro.size;
    if (relro.start <= range.start && range.start < relro_end)
        range.start = relro_end < end ? relro_end : end;
    assert(range.start <= end && memory->count <= RANGES_MAX);
    range.size = (size_t)(end - range.start);
    if (range.size && memory->count < RANGES_MAX) memory->ranges[memory->count++] = range;
}

static bool holds(const struct dl_phdr_info *info, uintptr_t address)
{
    for (size_t i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *header = &info->dlpi_phdr[i];
        uintptr_t start = info->dlpi_addr + header->p_vaddr;
        if (header->p_type == PT_LOAD && address >= start && address < start + header->p_memsz)
            return true;
    }
    return false;
}

static struct range range_of(const struct dl_phdr_info *info, const ElfW(Phdr) * header)
{
    uintptr_t start = info->dlpi_addr + header->p_vaddr;
    return (struct range){(uint8_t *)start, header->p_memsz};
}

/* What the loader protects: whole pages. */
static struct range relro_of(const struct dl_phdr_info *info)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    for (size_t i = 0; i < info->dlpi_phnum; i++) {
        if (info->dlpi_phdr[i].p_type != PT_GNU_RELRO) continue;
        struct range range = range_of(info, &info->dlpi_phdr[i]);
        uintptr_t start = (uintptr_t)range.start / page * page;
        uintptr_t end = ((uintptr_t)range.start + range.size) / page * page;
        return (struct range){(uint8_t *)start, end - start};
    }
    return (struct range){0};
}

struct search {
    uintptr_t address;
    struct memory *memory;
    uintptr_t base, start, end; /* of the object that holds it */
    const char *file;
};

static int take_object(struct dl_phdr_info *info, size_t size, void *context)
{
    struct search *search = context;
    (void)size;
    if (!holds(info, search->address)) return 0;
    search->base = info->dlpi_addr;
    search->file = info->dlpi_name;
    search->start = UINTPTR_MAX;
    for (size_t i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *header = &info->dlpi_phdr[i];
        if (header->p_type != PT_LOAD) continue;
        struct range range = range_of(info, header);
        uintptr_t start = (uintptr_t)range.start, end = start + range.size;
        if (start < search->start) search->start = start;
        if (end > search->end) search->end = end;
        if (header->p_flags & PF_W) add_writable(search->memory, range, relro_of(info));
    }
    return 1;
}

static size_t size_of(const struct memory *memory)
{
    size_t size = 0;
    for (size_t i = 0; i < memory->count; i++)
        size += memory->ranges[i].size;
    return size;
}

static void save(const struct memory *memory, uint8_t *to)
{
    for (size_t i = 0; i < memory->count; i++) {
        unchecked_copy(to, memory->ranges[i].start, memory->ranges[i].size);
        to += memory->ranges[i].size;
    }
}

/* Adds the memory of one more object, as it is now. */
static bool take(struct memory *memory, struct search *search)
{
    bool found = dl_iterate_phdr(take_object, search) != 0;
    free(memory->then);
    memory->then = memory_new(size_of(memory) + 1);
    save(memory, memory->then);
    return found;
}

bool globals_keep(const void *address)
{
    struct search search = {.address = (uintptr_t)address, .memory = &kept};
    return take(&kept, &search) && kept.count;
}

static void mark_counter(void *context, uintptr_t start, size_t size)
{
    struct watched *object = context;
    uint8_t *counts = object->counts;
    for (size_t i = 0; i < object->memory.count; i++) {
        const struct range *range = &object->memory.ranges[i];
        uintptr_t from = (uintptr_t)range->start, end = from + range->size;
        uintptr_t first = start > from ? start : from;
        uintptr_t last = start + size < end ? start + size : end;
        if (first < last) memset(counts + (first - from), 1, last - first);
        counts += range->size;
    }
    assert(counts == object->counts + size_of(&object->memory) && "a byte for each byte");
}

static struct watched *watched_at(const void *address)
{
    for (size_t i = 0; i < watched_count; i++) {
        uintptr_t at = (uintptr_t)address;
        if (watched[i].start <= at && at < watched[i].end) return &watched[i];
    }
    return NULL;
}

bool globals_watch(const void *address)
{
    if (watched_at(address)) return true;
    watched = memory_resize(watched, watched_count + 1, sizeof *watched);
    struct watched *object = &watched[watched_count];
    *object = (struct watched){0};
    struct search search = {.address = (uintptr_t)address, .memory = &object->memory};
    if (!take(&object->memory, &search)) return false;
    assert(search.start <= search.address && search.address < search.end);
    object->start = search.start;
    object->end = search.end;
    object->counts = memory_zeroed(size_of(&object->memory) + 1, 1);
    counters_each(search.file, search.base, mark_counter, object);
    watched_count++;
    return true;
}

/* Where something differs at all, byte by byte: counters differ nearly always. */
static bool differs(const struct range *range, const uint8_t *then, const uint8_t *counts)
{
    if (unchecked_equal(range->start, then, range->size)) return false;
    for (size_t i = 0; i < range->size; i++) {
        if (!counts[i] && !unchecked_equal(range->start + i, then + i, 1)) return true;
    }
    return false;
}

static bool has_changed(const struct watched *object)
{
    const uint8_t *then = object->memory.then, *counts = object->counts;
    for (size_t i = 0; i < object->memory.count; i++) {
        const struct range *range = &object->memory.ranges[i];
        if (differs(range, then, counts)) return true;
        then += range->size;
        counts += range->size;
    }
    return false;
}

bool globals_changed(const void *address)
{
    const struct watched *object = watched_at(address);
    if (object) return has_changed(object);
    for (size_t i = 0; i < watched_count; i++) {
        if (has_changed(&watched[i])) return true;
    }
    return false;
}

size_t globals_size(void)
{
    return size_of(&kept);
}

void globals_wipe(void)
{
    if (kept.count) globals_load(kept.then);
}

void globals_save(void *buffer)
{
    save(&kept, buffer);
}

void globals_load(const void *buffer)
{
    const uint8_t *from = buffer;
    assert((buffer || !kept.count) && kept.count <= RANGES_MAX);
    for (size_t i = 0; i < kept.count; i++) {
        unchecked_copy(kept.ranges[i].start, from, kept.ranges[i].size);
        from += kept.ranges[i].size;
    }
}
