/* load.h - a scenario or case with the engine that it is to run on.
 *
 * Each function returns false with one line in `reason` when something is wrong with what it was
 * given: the file, its line, and why. The caller frees loaded->script.
 */
#ifndef BROWNOUT_LOAD_H
#define BROWNOUT_LOAD_H

#include "fuzz/adapter.h"
#include "fuzz/script/script.h"

#define LOAD_REASON_MAX 4600 /* a path, and why */

struct loaded {
    struct script *script;
    const struct adapter *adapter;
    struct adapter_settings settings;
};

/* Makes the engines of a shared object known; again, changes nothing. */
bool load_plugin(const char *path, char reason[LOAD_REASON_MAX]);

/* The file alone; its engine is not looked at. */
bool load_script(const char *path, struct script **script, char reason[LOAD_REASON_MAX]);

/* The file, on `engine` instead of its own ("seqmap key=2") unless that is NULL. Where none is
 * named and plugins are loaded, the engine is theirs: the one that the file names or the only one
 * that they hold. The settings come later: load_settings(). */
bool load_scenario(const char *path, const char *engine, struct loaded *loaded,
                   char reason[LOAD_REASON_MAX]);

/* The same of a text that is no file; `name` is what messages call it. */
bool load_text(const char *name, const char *text, const char *engine, struct loaded *loaded,
               char reason[LOAD_REASON_MAX]);

/* An engine as the command line spells it, "seqmap key=2": its adapter, and a script that has its
 * options and is freed by the caller. On what chip it is to run is another matter. */
bool load_engine(const char *engine, const struct adapter **adapter, struct script **given,
                 char reason[LOAD_REASON_MAX]);

/* The same without a file: chip and engine as a scenario spells them. Where the chip names no
 * number of sectors, it has what `image_size` bytes need. */
bool load_bare(const char *chip, const char *engine, uint64_t image_size, struct loaded *loaded,
               char reason[LOAD_REASON_MAX]);

/* Resolves the settings, for which the engine is asked whether it takes chip and options. `path` is
 * where they come from. Frees the script when they can't be. */
#define LOAD_BARE "command line"
bool load_settings(const char *path, struct loaded *loaded, char reason[LOAD_REASON_MAX]);

#endif
