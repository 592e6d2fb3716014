#define _GNU_SOURCE
#include "fuzz/adapters/globals.h"

#include <link.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/memory.h"

#define RANGES_MAX 8

struct range {
    uint8_t *start;
    size_t size;
};

static struct range ranges[RANGES_MAX];
static size_t range_count;
static uint8_t *at_power_on;

/* What the loader made read-only after relocation is writable in the program headers only. */
static void add_writable(uintptr_t start, uintptr_t end, uintptr_t relro_start, uintptr_t relro_end)
{
    if (relro_start <= start && start < relro_end) start = relro_end < end ? relro_end : end;
    if (start < end && range_count < RANGES_MAX)
        ranges[range_count++] = (struct range){(uint8_t *)start, end - start};
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

static int take_object(struct dl_phdr_info *info, size_t size, void *address)
{
    (void)size;
    if (!holds(info, (uintptr_t)address)) return 0;
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), relro_start = 0, relro_end = 0;
    for (size_t i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *header = &info->dlpi_phdr[i];
        if (header->p_type != PT_GNU_RELRO) continue;
        relro_start = (info->dlpi_addr + header->p_vaddr) / page * page;
        relro_end = (info->dlpi_addr + header->p_vaddr + header->p_memsz) / page * page;
    }
    for (size_t i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *header = &info->dlpi_phdr[i];
        uintptr_t start = info->dlpi_addr + header->p_vaddr;
        if (header->p_type == PT_LOAD && (header->p_flags & PF_W))
            add_writable(start, start + header->p_memsz, relro_start, relro_end);
    }
    return 1;
}

bool globals_keep(const void *address)
{
    range_count = 0;
    dl_iterate_phdr(take_object, (void *)(uintptr_t)address);
    free(at_power_on);
    at_power_on = memory_new(globals_size());
    if (!range_count) return false;
    globals_save(at_power_on);
    return true;
}

size_t globals_size(void)
{
    size_t size = 0;
    for (size_t i = 0; i < range_count; i++)
        size += ranges[i].size;
    return size;
}

void globals_wipe(void)
{
    if (range_count) globals_load(at_power_on);
}

void globals_save(void *buffer)
{
    uint8_t *to = buffer;
    for (size_t i = 0; i < range_count; i++) {
        memcpy(to, ranges[i].start, ranges[i].size);
        to += ranges[i].size;
    }
}

void globals_load(const void *buffer)
{
    const uint8_t *from = buffer;
    for (size_t i = 0; i < range_count; i++) {
        memcpy(ranges[i].start, from, ranges[i].size);
        from += ranges[i].size;
    }
}
