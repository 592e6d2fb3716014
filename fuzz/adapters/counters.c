/* counters.c - see counters.h. The names are not in memory but in the file: its section headers,
 * and its table of symbols. Every offset in it is checked, as a file may be anything. */
#define _GNU_SOURCE
#include "fuzz/adapters/counters.h"

#include <assert.h>
#include <link.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/script/file.h"
#include "sim/memory.h"

#define FILE_SIZE_MAX ((uint64_t)1 << 30)

struct object {
    uint8_t *bytes;
    uint64_t size;
    uintptr_t base;
    counters_visit *visit;
    void *context;
};

/* `size` bytes at `offset`; NULL: the file is too short. */
static const void *part_of(const struct object *object, uint64_t offset, uint64_t size)
{
    bool inside = offset <= object->size && size <= object->size - offset;
    return inside ? object->bytes + offset : NULL;
}

static bool is_named(const char *name, const char *const *beginnings, size_t count)
{
    for (size_t i = 0; name && i < count; i++) {
        if (strncmp(name, beginnings[i], strlen(beginnings[i])) == 0) return true;
    }
    return false;
}

static bool counts_edges(const char *section)
{
    static const char *const beginnings[] = {"__sancov", "__llvm_prf"};
    return is_named(section, beginnings, sizeof beginnings / sizeof *beginnings);
}

static bool counts_lines(const char *symbol)
{
    static const char *const beginnings[] = {"__gcov"};
    return is_named(symbol, beginnings, sizeof beginnings / sizeof *beginnings);
}

/* The name at an offset of a section of names; NULL: none that ends. */
static const char *name_at(const struct object *object, const ElfW(Shdr) * names, uint64_t offset)
{
    const char *text = part_of(object, names->sh_offset, names->sh_size);
    if (!text || offset >= names->sh_size) return NULL;
    return memchr(text + offset, 0, names->sh_size - offset) ? text + offset : NULL;
}

static void visit_symbols(const struct object *object, const ElfW(Shdr) * symbols,
                          const ElfW(Shdr) * names)
{
    assert(symbols->sh_type == SHT_SYMTAB);
    const uint8_t *at = part_of(object, symbols->sh_offset, symbols->sh_size);
    for (uint64_t i = 0; at && i < symbols->sh_size / sizeof(ElfW(Sym)); i++) {
        ElfW(Sym) symbol;
        memcpy(&symbol, at + i * sizeof symbol, sizeof symbol);
        if (symbol.st_shndx != SHN_UNDEF && symbol.st_size &&
            counts_lines(name_at(object, names, symbol.st_name)))
            object->visit(object->context, object->base + symbol.st_value, symbol.st_size);
    }
}

static void visit_sections(const struct object *object, const ElfW(Shdr) * sections, uint32_t count,
                           uint32_t names)
{
    assert(names < count && "the section of names is one of them");
    for (uint32_t i = 0; i < count; i++) {
        const ElfW(Shdr) *section = &sections[i];
        const char *name = name_at(object, &sections[names], section->sh_name);
        if (section->sh_type == SHT_SYMTAB && section->sh_link < count)
            visit_symbols(object, section, &sections[section->sh_link]);
        else if ((section->sh_flags & SHF_ALLOC) && counts_edges(name))
            object->visit(object->context, object->base + section->sh_addr, section->sh_size);
    }
}

static void visit_all(const struct object *object)
{
    ElfW(Ehdr) head;
    const void *at = part_of(object, 0, sizeof head);
    if (!at) return;
    memcpy(&head, at, sizeof head);
    uint64_t size = (uint64_t)head.e_shnum * sizeof(ElfW(Shdr));
    at = part_of(object, head.e_shoff, size);
    if (!at || head.e_shentsize != sizeof(ElfW(Shdr)) || head.e_shstrndx >= head.e_shnum) return;
    ElfW(Shdr) *sections = memory_copy(at, size); /* they may lie unaligned in the file */
    visit_sections(object, sections, head.e_shnum, head.e_shstrndx);
    free(sections);
}

void counters_each(const char *file, uintptr_t base, counters_visit *visit, void *context)
{
    assert(file && visit);
    struct object object = {.base = base, .visit = visit, .context = context};
    object.bytes = file_read(file, FILE_SIZE_MAX, &object.size);
    if (object.bytes && object.size <= FILE_SIZE_MAX) visit_all(&object);
    free(object.bytes);
}
