/* dump.h - a dump of the flash as bytes.
 *
 * A file is Intel HEX or Motorola S-records when it begins with a record of those, and raw bytes
 * otherwise. The flash begins at `offset`: in a raw dump that is a count of bytes, in the two
 * others an address, the lowest one that is named where it is not given. What records leave out is
 * erased.
 */
#ifndef BROWNOUT_DUMP_H
#define BROWNOUT_DUMP_H

#include <stdbool.h>
#include <stdint.h>

#define DUMP_REASON_MAX 160

struct dump {
    uint8_t *file; /* its bytes, */
    uint64_t file_size;
    bool records; /* and whether they are records */
    uint64_t offset;
    uint64_t size; /* bytes from the offset on */
    uint32_t line; /* of a mistake; 0: of the file as a whole */
    char reason[DUMP_REASON_MAX];
};

/* Reads a file; without `offset_given` records begin at their lowest address. False: line and
 * reason say why. To be freed in any case. */
bool dump_read(struct dump *dump, const char *path, bool offset_given, uint64_t offset);
void dump_free(struct dump *dump);

/* The first `size` bytes from the offset on; `erased` where there are none. */
void dump_copy(const struct dump *dump, uint8_t erased, uint8_t *bytes, uint64_t size);

#endif
