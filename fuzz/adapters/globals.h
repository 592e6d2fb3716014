/* globals.h - the RAM of an engine that keeps state outside its object.
 *
 * Power-on wipes all RAM. For a plugin that says `has_globals` the harness keeps a copy of the
 * writable memory of the shared object as it was when it was loaded, puts it back at every
 * power-on, and carries the memory of each level of an exploration along with its engine object.
 * The memory of a plugin that says nothing is watched instead: where it changes, every verdict on
 * the plugin is nonsense, since what it holds outlives power-off.
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

/* Whether watched memory is no longer what it was. */
bool globals_changed(void);

/* Bytes of the memory that is kept; 0: no engine with globals is loaded. */
size_t globals_size(void);

/* RAM as it is at power-on. */
void globals_wipe(void);

/* Copies RAM to and from a buffer of globals_size() bytes. */
void globals_save(void *buffer);
void globals_load(const void *buffer);

#endif
