/* sha256.h - SHA-256 (FIPS 180-4) of bytes in memory, for the names of artefacts and runs.
 *
 * Not for secrets: it takes no care of timing. script_digest() is faster where 64 bits will do.
 */
#ifndef BROWNOUT_SHA256_H
#define BROWNOUT_SHA256_H

#include <stddef.h>

#define SHA256_HEX_MAX 65

/* Writes the digest of `size` bytes as 64 lower-case hexadecimal digits and a 0. */
void sha256_hex(const void *bytes, size_t size, char hex[SHA256_HEX_MAX]);

#endif
