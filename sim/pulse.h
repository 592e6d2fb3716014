/* pulse.h - where this process is: in the harness, in an engine, or called back by one.
 *
 * Whoever watches a process that calls engines must know, should that end or stand still, whose
 * doing it is. So the process writes down where it is: whoever calls an engine enters and leaves
 * it; the chip in a flash call and a reader that is shown items are called back; and while a flash
 * call asks the harness (the chip's hook), it is the harness that is at work. A watcher gives the
 * record a place that both processes see.
 */
#ifndef BROWNOUT_PULSE_H
#define BROWNOUT_PULSE_H

#include <stdint.h>

enum pulse_place {
    PULSE_HARNESS = 0,
    PULSE_ENGINE,
    PULSE_CALLED_BACK, /* bytes that can't be reached are the engine's fault, as it says where they
                        * are; a check that fails is the harness's */
};

struct pulse {
    volatile enum pulse_place place;
    volatile uint32_t call;  /* of the engine, in progress or the last one: enum adapter_call */
    volatile uint64_t beats; /* grows with each call of an engine and each flash call */
    /* Of a store that grows old its changes or its erases, the more of the two, once they are more
     * than any other way of trying comes to (fuzz/rig/aged.h); else 0. */
    volatile uint64_t age;
};

/* The record of this process; never NULL. A new one starts in the harness. */
extern struct pulse *pulse_now;

/* Goes somewhere else; where it was, for the way back. */
static inline enum pulse_place pulse_go(enum pulse_place place)
{
    enum pulse_place from = pulse_now->place;
    pulse_now->place = place;
    return from;
}

static inline void pulse_enter_engine(uint32_t call)
{
    pulse_now->call = call;
    pulse_now->beats++;
    pulse_now->place = PULSE_ENGINE;
}

#endif
