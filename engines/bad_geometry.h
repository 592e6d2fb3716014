/* bad_geometry.h - geometries that no engine may take, for the engines' own tests. Not for
 * firmware.
 */
#ifndef BROWNOUT_BAD_GEOMETRY_H
#define BROWNOUT_BAD_GEOMETRY_H

#include "flash.h"

struct bad_geometry {
    const char *what;
    struct bo_flash_geometry geometry;
};

/* Each is {256, 4, 256, 4, 4, 0xFF}, which every engine takes, but for what it names. */
static const struct bad_geometry bad_geometries[] = {
    {"sector of 0 bytes", {0, 4, 256, 4, 4, 0xFF, 0, 0}},
    {"no sector", {256, 0, 256, 4, 4, 0xFF, 0, 0}},
    {"too many sectors", {256, (1u << 23) + 1, 256, 4, 4, 0xFF, 0, 0}},
    {"more than 4 GiB", {1u << 20, 1u << 13, 256, 4, 4, 0xFF, 0, 0}},
    {"page of 0 bytes", {256, 4, 0, 4, 4, 0xFF, 0, 0}},
    {"page larger than the sector", {256, 4, 512, 4, 4, 0xFF, 0, 0}},
    {"sector no multiple of the page", {256, 4, 96, 4, 4, 0xFF, 0, 0}},
    {"page no multiple of the unit", {256, 4, 2, 4, 4, 0xFF, 0, 0}},
    {"unit 0", {256, 4, 256, 0, 4, 0xFF, 0, 0}},
    {"unit 3", {255, 4, 255, 3, 1, 0xFF, 0, 0}},
    {"unit 64", {256, 4, 256, 64, 4, 0xFF, 0, 0}},
    {"read unit 0", {256, 4, 256, 4, 0, 0xFF, 0, 0}},
    {"read unit 3", {255, 4, 255, 1, 3, 0xFF, 0, 0}},
    {"read unit 64", {256, 4, 256, 4, 64, 0xFF, 0, 0}},
    {"sector no multiple of the read unit", {260, 4, 260, 4, 8, 0xFF, 0, 0}},
    {"tear scope of no meaning", {256, 4, 256, 4, 4, 0xFF, 0, 3}},
    {"erased value 00", {256, 4, 256, 4, 4, 0x00, 0, 0}},
    {"sector too small", {16, 4, 16, 8, 8, 0xFF, 0, 0}},
};

#define BAD_GEOMETRIES (sizeof bad_geometries / sizeof *bad_geometries)

/* Operations that must not be called: no address means anything on such a part. */
static inline int bad_geometry_read(void *context, uint32_t address, void *buffer, uint32_t size)
{
    (void)address, (void)buffer, (void)size;
    ++*(unsigned *)context;
    return BO_FLASH_ERR_IO;
}

static inline int bad_geometry_program(void *context, uint32_t address, const void *data,
                                       uint32_t size)
{
    (void)address, (void)data, (void)size;
    ++*(unsigned *)context;
    return BO_FLASH_ERR_IO;
}

static inline int bad_geometry_erase(void *context, uint32_t address)
{
    (void)address;
    ++*(unsigned *)context;
    return BO_FLASH_ERR_IO;
}

/* A part of bad geometry `number`, which counts calls in *calls. */
static inline struct bo_flash bad_geometry_flash(unsigned number, unsigned *calls)
{
    struct bo_flash flash = {bad_geometries[number].geometry, calls, bad_geometry_read,
                             bad_geometry_program, bad_geometry_erase};
    return flash;
}

#endif
