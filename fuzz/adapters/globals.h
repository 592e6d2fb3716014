/* globals.h - the RAM of an engine that keeps state outside its object.
 *
 * Power-on wipes all RAM. For a plugin that says `has_globals` the harness keeps a copy of the
 * writable memory of the shared object as it was when it was loaded, puts it back at every
 * power-on, and carries the memory of each level of an exploration along with its engine object.
 * The memory of every plugin is watched, too: where that of one that says nothing changes, every
 * verdict on it is nonsense, since what it holds outlives power-off. What the compiler counts there
 * (counters.h) may change.
 *
 * What an engine with globals takes from the heap is forgotten with its pointers, so judge it in
 * child processes (--isolate, which has_globals implies), where forgotten memory ends with the
 * child.
 */
#ifndef BROWNOUT_GLOBALS_H
#define BROWNOUT_GLOBALS_H

#include <stddef.h>
#include <stdbool.h>

/* Finds the writable memory of the shared object that holds `address` and keeps it as the state at
 * power-on. False when there is no such object. */
bool globals_keep(const void *address);

/* Watches the writable memory of the shared object that holds `address`, which is to stay as it is
 * now. Like globals_keep() it may be called for several objects. False when there is
 * no such object. */
bool globals_watch(const void *address);

/* Whether the watched memory of the object that holds `address` is no longer what it was; where no
 * watched object holds it, that of any. */
bool globals_changed(const void *address);

/* Bytes of the memory that is kept; 0: no engine with globals is loaded. */
size_t globals_size(void);

/* RAM as it is at power-on. */
void globals_wipe(void);

/* Copies RAM to and from a buffer of globals_size() bytes. */
void globals_save(void *buffer);
void globals_load(const void *buffer);

#endif
