/* ram_flash.h - a small NOR flash in memory, for the engines' own tests. Not for firmware.
 *
 * It keeps the rules of flash.h and notes the first breach of one, counts what is done to it, and
 * lets a test look at each program and erase before it happens (`before`), or have a call fail
 * (`fail_at`, `glitch`). A test cuts the power by calling ram_flash_tear on a copy of the flash.
 */
#ifndef BROWNOUT_RAM_FLASH_H
#define BROWNOUT_RAM_FLASH_H

#include <stdint.h>
#include <string.h>

#include "flash.h"

/* A test that needs more defines these. */
#ifndef RAM_FLASH_SIZE_MAX
#define RAM_FLASH_SIZE_MAX 16384u
#define RAM_FLASH_SECTOR_MAX 2048u
#endif

struct ram_flash_counts {
    uint64_t erases, programs, reads, bytes_programmed, bytes_read;
};

/* One program (data set) or erase (data NULL). */
struct ram_flash_call {
    uint32_t address, size;
    const uint8_t *data;
};

/* A read that goes wrong once: the `at`-th from now on, counted from 1; 0: none. */
struct ram_flash_glitch {
    uint64_t at;
    int error;    /* what it answers, or BO_FLASH_OK and ... */
    uint32_t bit; /* ... this bit of what it reads is the other way round */
};

struct ram_flash {
    struct bo_flash flash;
    struct ram_flash_glitch glitch;
    /* The call of any kind, counted from now on, that does nothing and answers BO_FLASH_ERR_IO; 0:
     * none. */
    uint64_t fail_at;
    struct ram_flash_counts counts;
    const char *breach; /* NULL, or the rule that was broken */
    bool off;
    /* Asked before each program and erase; true: do nothing, the call fails. */
    bool (*before)(struct ram_flash *ram, const struct ram_flash_call *call);
    void *context; /* the test's */
    uint8_t bytes[RAM_FLASH_SIZE_MAX];
    uint8_t programs[RAM_FLASH_SIZE_MAX]; /* by unit, since the last erase */
};

/* Notes the first breach; always false. */
static inline bool ram_flash_breach(struct ram_flash *ram, const char *rule)
{
    if (ram->breach == NULL) ram->breach = rule;
    return false;
}

static inline bool ram_flash_lawful(struct ram_flash *ram, uint32_t address, uint32_t size,
                                    uint32_t multiple)
{
    if (address % multiple != 0 || size % multiple != 0)
        return ram_flash_breach(ram, "not aligned");
    if (size == 0 || !bo_flash_inside(&ram->flash, address, size))
        return ram_flash_breach(ram, "outside");
    return true;
}

/* Whether this call is the one that fails. */
static inline bool ram_flash_fails(struct ram_flash *ram)
{
    return ram->fail_at != 0 && --ram->fail_at == 0;
}

static inline int ram_flash_read(void *context, uint32_t address, void *buffer, uint32_t size)
{
    struct ram_flash *ram = (struct ram_flash *)context;
    if (ram->off) return BO_FLASH_ERR_OFF;
    if (!ram_flash_lawful(ram, address, size, ram->flash.geometry.read_unit))
        return BO_FLASH_ERR_RANGE;
    if (ram_flash_fails(ram)) return BO_FLASH_ERR_IO;
    ram->counts.reads++;
    ram->counts.bytes_read += size;
    memcpy(buffer, ram->bytes + address, size);
    if (ram->glitch.at == 0 || --ram->glitch.at != 0) return BO_FLASH_OK;
    uint32_t bit = ram->glitch.bit % (8 * size);
    ((uint8_t *)buffer)[bit / 8] ^= (uint8_t)(1u << bit % 8);
    return ram->glitch.error;
}

/* Counts one more program of each unit of a call. */
static inline void ram_flash_touch(struct ram_flash *ram, const struct ram_flash_call *call)
{
    const struct bo_flash_geometry *g = &ram->flash.geometry;
    for (uint32_t unit = call->address / g->unit; unit < (call->address + call->size) / g->unit;
         unit++)
        if (++ram->programs[unit] > g->programs_per_unit && g->programs_per_unit != 0)
            ram_flash_breach(ram, "unit programmed too often");
}

static inline int ram_flash_program(void *context, uint32_t address, const void *data,
                                    uint32_t size)
{
    struct ram_flash *ram = (struct ram_flash *)context;
    const struct bo_flash_geometry *g = &ram->flash.geometry;
    struct ram_flash_call call = {address, size, (const uint8_t *)data};
    if (ram->off) return BO_FLASH_ERR_OFF;
    if (!ram_flash_lawful(ram, address, size, g->unit)) return BO_FLASH_ERR_RANGE;
    if (address / g->page_size != (address + size - 1) / g->page_size)
        ram_flash_breach(ram, "page crossed");
    if (ram_flash_fails(ram)) return BO_FLASH_ERR_IO;
    if (ram->before != NULL && ram->before(ram, &call))
        return ram->off ? BO_FLASH_ERR_OFF : BO_FLASH_ERR_IO;
    ram_flash_touch(ram, &call);
    ram->counts.programs++;
    ram->counts.bytes_programmed += size;
    for (uint32_t i = 0; i < size; i++) {
        if (call.data[i] & ~ram->bytes[address + i])
            ram_flash_breach(ram, "cleared bit programmed to 1");
        ram->bytes[address + i] &= call.data[i];
    }
    return BO_FLASH_OK;
}

static inline void ram_flash_blank(struct ram_flash *ram, uint32_t address, uint32_t size)
{
    uint32_t unit = ram->flash.geometry.unit;
    memset(ram->bytes + address, 0xFF, size);
    memset(ram->programs + address / unit, 0, size / unit);
}

static inline int ram_flash_erase(void *context, uint32_t address)
{
    struct ram_flash *ram = (struct ram_flash *)context;
    struct ram_flash_call call = {address, ram->flash.geometry.sector_size, NULL};
    if (ram->off) return BO_FLASH_ERR_OFF;
    if (!ram_flash_lawful(ram, address, call.size, call.size)) return BO_FLASH_ERR_RANGE;
    if (ram_flash_fails(ram)) return BO_FLASH_ERR_IO;
    if (ram->before != NULL && ram->before(ram, &call))
        return ram->off ? BO_FLASH_ERR_OFF : BO_FLASH_ERR_IO;
    ram->counts.erases++;
    ram_flash_blank(ram, address, call.size);
    return BO_FLASH_OK;
}

/* A blank part with pages as large as sectors. */
static inline void ram_flash_init(struct ram_flash *ram, uint32_t sector_size,
                                  uint32_t sector_count, uint16_t unit, uint8_t programs_per_unit)
{
    memset(ram, 0, sizeof *ram);
    ram->flash.geometry = (struct bo_flash_geometry){.sector_size = sector_size,
                                                     .sector_count = sector_count,
                                                     .page_size = sector_size,
                                                     .unit = unit,
                                                     .read_unit = unit,
                                                     .erased = 0xFF,
                                                     .programs_per_unit = programs_per_unit,
                                                     .tear_scope = BO_FLASH_TEAR_PAGE};
    ram->flash.context = ram;
    ram->flash.read = ram_flash_read;
    ram->flash.program = ram_flash_program;
    ram->flash.erase = ram_flash_erase;
    ram_flash_blank(ram, 0, sector_size * sector_count);
}

static inline void ram_flash_copy(struct ram_flash *to, const struct ram_flash *from)
{
    uint32_t size = (uint32_t)bo_flash_size(&from->flash);
    to->flash = from->flash;
    to->flash.context = to;
    to->counts = from->counts;
    to->breach = from->breach;
    to->off = false;
    to->glitch = (struct ram_flash_glitch){0, BO_FLASH_OK, 0};
    to->fail_at = 0;
    to->before = NULL;
    to->context = NULL;
    memcpy(to->bytes, from->bytes, size);
    memcpy(to->programs, from->programs, size / from->flash.geometry.unit);
}

/* A generator for tears and workloads (splitmix64). */
static inline uint64_t ram_flash_random(uint64_t *state)
{
    uint64_t z = *state += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
}

static inline uint32_t ram_flash_below(uint64_t *state, uint32_t limit)
{
    return (uint32_t)(ram_flash_random(state) % limit);
}

enum ram_flash_tear_kind {
    RAM_FLASH_TEAR_NONE = 0,  /* not begun */
    RAM_FLASH_TEAR_ALL,       /* complete */
    RAM_FLASH_TEAR_PREFIX,    /* the first n bytes: programmed, or blank */
    RAM_FLASH_TEAR_BIT,       /* program: one bit */
    RAM_FLASH_TEAR_BUT_BIT,   /* program: all but one bit */
    RAM_FLASH_TEAR_SOME,      /* program: any bits */
    RAM_FLASH_TEAR_ZERO_HEAD, /* erase: the first n bytes are 0 */
    RAM_FLASH_TEAR_ZERO_TAIL, /* erase: the last n bytes are 0 */
    RAM_FLASH_TEAR_MIX,       /* erase: any bits */
    RAM_FLASH_TEAR_SET,       /* erase: any bits that were 0 are 1 */
};

/* Byte `i` of an interrupted call: `before` is what stood there, `full` what was to become of it,
 * `mask` drawn at random. `n` is a number of bytes, or of a bit. */
static inline uint8_t ram_flash_torn(const struct ram_flash_call *call,
                                     enum ram_flash_tear_kind kind, uint32_t n, uint32_t i,
                                     unsigned before, unsigned full, unsigned mask)
{
    unsigned bit = i == n / 8 ? 1u << n % 8 : 0;
    switch (kind) {
    case RAM_FLASH_TEAR_NONE:
        return (uint8_t)before;
    case RAM_FLASH_TEAR_ALL:
        return (uint8_t)full;
    case RAM_FLASH_TEAR_PREFIX:
        return (uint8_t)(i < n ? full : before);
    case RAM_FLASH_TEAR_BIT:
        return (uint8_t)(before & (full | ~bit));
    case RAM_FLASH_TEAR_BUT_BIT:
        return (uint8_t)(full | (before & bit));
    case RAM_FLASH_TEAR_SOME:
        return (uint8_t)(before & (full | mask));
    case RAM_FLASH_TEAR_ZERO_HEAD:
        return (uint8_t)(i < n ? 0 : before);
    case RAM_FLASH_TEAR_ZERO_TAIL:
        return (uint8_t)(i >= call->size - n ? 0 : before);
    case RAM_FLASH_TEAR_MIX:
        return (uint8_t)mask;
    case RAM_FLASH_TEAR_SET:
        return (uint8_t)(before | mask);
    }
    return (uint8_t)before;
}

/* A byte of an interrupted erase has changed: a unit that now reads blank is new, another one is
 * not. */
static inline void ram_flash_recount(struct ram_flash *ram, uint32_t address)
{
    uint32_t size = ram->flash.geometry.unit, unit = address / size;
    bool blank = true;
    for (uint32_t i = unit * size; i < (unit + 1) * size; i++)
        blank &= ram->bytes[i] == 0xFF;
    if (blank)
        ram->programs[unit] = 0;
    else if (ram->programs[unit] == 0)
        ram->programs[unit] = 1;
}

static inline bool ram_flash_reads_blank(const struct ram_flash *ram, uint32_t address,
                                         uint32_t size)
{
    while (size-- != 0)
        if (ram->bytes[address++] != 0xFF) return false;
    return true;
}

/* Leaves `call` half done; `n` says how far, `random` draws the bits. A program counts for all its
 * units as soon as a bit has changed; a sector that reads blank after an erase is blank. */
static inline void ram_flash_tear(struct ram_flash *ram, const struct ram_flash_call *call,
                                  enum ram_flash_tear_kind kind, uint32_t n, uint64_t *random)
{
    uint8_t *bytes = ram->bytes + call->address, was[RAM_FLASH_SECTOR_MAX];
    unsigned density = (unsigned)ram_flash_random(random) & 3;
    bool changed = kind == RAM_FLASH_TEAR_ALL;
    memcpy(was, bytes, call->size);
    for (uint32_t i = 0; i < call->size; i++) {
        unsigned mask = (unsigned)ram_flash_random(random);
        unsigned full = call->data != NULL ? call->data[i] & (unsigned)was[i] : 0xFF;
        if (density == 0) mask &= (unsigned)ram_flash_random(random);
        if (density == 1) mask |= (unsigned)ram_flash_random(random);
        bytes[i] = ram_flash_torn(call, kind, n, i, was[i], full, mask);
        changed |= bytes[i] != was[i];
    }
    if (call->data != NULL && changed) ram_flash_touch(ram, call);
    if (call->data == NULL && kind == RAM_FLASH_TEAR_ALL) n = call->size;
    if (call->data == NULL && (kind == RAM_FLASH_TEAR_ALL || kind == RAM_FLASH_TEAR_PREFIX))
        ram_flash_blank(ram, call->address, n - n % ram->flash.geometry.unit);
    for (uint32_t i = 0; call->data == NULL && i < call->size; i++)
        if (bytes[i] != was[i]) ram_flash_recount(ram, call->address + i);
    if (call->data == NULL && ram_flash_reads_blank(ram, call->address, call->size))
        ram_flash_blank(ram, call->address, call->size);
}

#endif
