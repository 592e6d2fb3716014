/* settings.h - what the options of a script mean to an engine, and back. */
#ifndef BROWNOUT_SETTINGS_H
#define BROWNOUT_SETTINGS_H

#include <stdio.h>
#include "fuzz/adapter.h"
#include "fuzz/script/script.h"

#define SETTINGS_REASON_MAX 200

/* Every option as it is when a scenario is silent. */
void settings_defaults(const struct adapter *adapter, struct adapter_settings *settings);

/* Resolves a script's options against the adapter's list. False and a reason when an option is
 * unknown or out of range, or when the engine refuses the geometry. Options that the script gives
 * to another engine are no mistake: a scenario is run on many. */
bool settings_resolve(const struct adapter *adapter, const struct script *script,
                      struct adapter_settings *settings, char reason[SETTINGS_REASON_MAX]);

/* Names this engine in the script, with those of its options that are not at their default. */
void settings_name(struct script *script, const struct adapter *adapter,
                   const struct adapter_settings *settings);

/* Fault classes that the engine claims on this part with these settings; and those that it claims
 * elsewhere, but not here. */
uint32_t settings_claims(const struct adapter *adapter, const struct part *part,
                         const struct adapter_settings *settings);
uint32_t settings_claims_elsewhere(const struct adapter *adapter, const struct part *part,
                                   const struct adapter_settings *settings);

/* The engine as a scenario spells it: "seqmap key=2 keys=8". */
void settings_print(FILE *out, const struct adapter *adapter,
                    const struct adapter_settings *settings);

#endif
