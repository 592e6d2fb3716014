/* build.h - which code was tried: what a run carries, so that findings of two builds are never
 * taken for those of one.
 *
 * An engine that is built in is known by the digest of the sources of all of them, with their
 * adapters: equal on every machine, whatever its compiler, and changed by nothing else in the
 * harness. A plug-in is known by the digest of its file.
 */
#ifndef BROWNOUT_BUILD_H
#define BROWNOUT_BUILD_H

#include "fuzz/adapter.h"
#include "fuzz/db/sha256.h"

/* The digest of the engine's code; empty when it is not known. */
void build_print(const struct adapter *adapter, char hex[SHA256_HEX_MAX]);

/* The commit of which this program was made, with "-dirty" when it had been changed since; empty
 * when it is not known. */
const char *build_revision(void);

#endif
