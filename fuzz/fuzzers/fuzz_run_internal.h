/* session_internal.h - what the session (session.c) and its workers (session_work.c) share. */
#ifndef BROWNOUT_SESSION_INTERNAL_H
#define BROWNOUT_SESSION_INTERNAL_H

#include "fuzz/fuzzers/fuzz_run.h"
#include "fuzz/explore/worker.h"

#define SESSION_IMAGE_SIZE_MAX 65536u
#define SESSION_ORDERS_PER_RUN 64u /* places in the order of findings */

/* What a worker and the session see both; survives the worker. */
struct session_slot {
    uint64_t run;   /* in progress */
    uint32_t image; /* its number in the run, from 1; 0: the run explores */
    uint64_t beats; /* grows with each run and image */
    struct explore_path path;
    uint64_t runs, scenarios, images; /* of this batch */
    struct explore_result total;      /* of this batch; counts only */
    size_t image_size;
    uint8_t bytes[SESSION_IMAGE_SIZE_MAX]; /* the image being tried */
};

struct session_shared {
    volatile bool stop;
    struct session_slot slots[];
};

/* A shape as found, and the case that it was shrunk to. */
struct session_known {
    uint64_t raw;
    uint32_t index;
};

struct session {
    const struct session_options *options;
    struct session_result *result;
    struct session_shared *shared;
    size_t shared_size;
    struct worker *workers; /* their files hold records: a result (wire.h), the size of an image,
                                 * the image */
    uint64_t first, end;    /* runs of this batch */
    struct session_case *fresh; /* of this batch, as they come */
    uint32_t fresh_count;
    struct session_known *known;
    uint32_t known_count;
    double start, shown;
};

/* The script of a run, and what random numbers it goes on with. */
uint64_t session_state(const struct session *session, uint64_t run);
struct script *session_script(const struct session *session, uint64_t *state,
                              struct adapter_settings *settings);

/* The case of an image: chip, engine and finding, no operations. False when memory is short. */
bool session_image_case(const struct script *script, const char *finding, enum clause clause,
                        struct divergence *divergence);

/* Adds counts and counters. */
void session_add(struct explore_result *to, const struct explore_result *from);

/* A worker's share of the batch, from `run` on. */
_Noreturn void session_work(const struct session *session, uint32_t index, uint64_t run);

#endif
