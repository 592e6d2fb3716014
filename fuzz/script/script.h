/* script.h - what the harness executes: a flat list of operations on one engine and one chip.
 *
 * A scenario (scenario.h) is text for people, with ranges and repetitions; expanded, a script. The
 * explorer runs a script; a case is a script with cuts in it; the fuzzer makes scripts from bytes;
 * the shrinker takes operations away. All memory of a script is its own.
 */
#ifndef BROWNOUT_SCRIPT_H
#define BROWNOUT_SCRIPT_H

#include "fuzz/contract.h"
#include "fuzz/script/waiver.h"
#include "sim/fault.h"
#include "sim/part.h"

/* A value or a key: bytes that never change. Equal bytes have equal digests. */
struct value {
    uint64_t digest;
    uint32_t size;
    uint8_t bytes[];
};

enum op_kind {
    OP_STORE,  /* key, value */
    OP_FETCH,  /* key; what comes back is compared with the model */
    OP_REMOVE, /* key */
    OP_CLEAR,
    OP_EXPECT, /* key, value (NULL: absent); the scenario's own word on what must be there */
    OP_BEGIN,  /* stores and removals up to the commit or abort are one transaction. A begin inside
                  of one, and a commit or abort outside, do nothing */
    OP_COMMIT,
    OP_ABORT,
    OP_SNAPSHOT,    /* snapshot: what is committed now is kept */
    OP_CLOSE,       /* snapshot */
    OP_SCAN,        /* key, to: all that lies between them, in order */
    OP_SCAN_ALL,    /* the same of all keys */
    OP_COLLECT,     /* what is dead gives its room back */
    OP_DESTROY,     /* key; removed, and its bytes are nowhere in the flash */
    OP_DESTROY_ALL, /* the same of all keys */
    OP_FORMAT,      /* as OP_RESET, but power may be cut in it */
    OP_PUSH,        /* value; of a queue, refused when it is full */
    OP_APPEND,      /* value; of a queue or a log: the oldest make room */
    OP_POP,         /* count: the item at this place; 0 is the oldest */
    OP_PEEK,
    OP_READ,   /* count: the item at this place from the oldest, asked for by its number */
    OP_SYNC,   /* what waits in RAM becomes durable */
    OP_SEAL,   /* an orderly shutdown */
    OP_IDLE,   /* the engine may work ahead */
    OP_OLDEST, /* value (NULL: there is no item); the scenario's own word on the oldest item */
    OP_NEWEST, /* the same of the newest */
    OP_MOUNT, /* power off and on, mount, read everything back, mount again: same answer, at rest */
    OP_BOOT,  /* power off and on, mount; nothing is read back */
    OP_LOOK,  /* read everything back and compare */
    OP_USE,   /* the standard exercise of a store after recovery */
    OP_RESET, /* power off and on, the engine's own factory reset, mount: nothing is there */
    OP_ROT,   /* `count` bits flip at rest, places by `seed` */
    OP_KINDS
};

/* A cut inside an operation: at its nth program or erase, from 1; 0: no cut. Where the tear is
 * `powered`, that call fails, lies or strays instead, and power stays on; or its nth read goes
 * wrong, where the tear is of the class glitch, and those after it, where it is of several. */
struct cut {
    uint32_t nth;
    struct tear tear;
};

struct op {
    enum op_kind kind;
    uint32_t line;             /* of the scenario file; 0: made by a program */
    uint32_t key;              /* index into keys, where the kind has a key */
    uint32_t to;               /* OP_SCAN: index of the last key */
    uint32_t snapshot;         /* from 1; 0: none. OP_FETCH, OP_EXPECT, OP_LOOK and scans: in it */
    uint32_t count;            /* OP_ROT, OP_POP, OP_READ */
    const struct value *value; /* where the kind has one */
    uint64_t seed;             /* OP_ROT */
    struct cut cut;
};

/* An option of the engine, its value as a number or as a word of the adapter's list. */
struct script_option {
    char name[24];
    char word[24]; /* empty: a number */
    uint64_t value;
};

#define SCRIPT_OPTIONS_MAX 8u
#define SCRIPT_NAME_MAX 64u

struct script {
    char name[SCRIPT_NAME_MAX]; /* of the scenario: its file name without folder and ending */
    struct part part;           /* the chip, overrides applied */
    struct part base;           /* the chip as the catalogue has it, for printing */
    char engine[SCRIPT_NAME_MAX];
    uint32_t engine_line; /* of the scenario file; 0: made by a program */
    struct script_option options[SCRIPT_OPTIONS_MAX];
    uint32_t option_count;
    uint64_t seed;
    uint64_t every_ns; /* time between two operations of the workload; 0: not stated */
    uint32_t faults;   /* fault classes the scenario asks for; 0: not stated */
    uint32_t depth;    /* cut depth the scenario asks for; 0: not stated */
    struct waivers waivers;

    /* of a case; empty elsewhere */
    struct finding found;      /* what differed */
    const struct value *image; /* what is on the flash, which no engine wrote; NULL: nothing */
    uint64_t trace; /* digest of the flash calls up to the last cut when it was recorded */

    const struct value **keys; /* each key once */
    uint32_t key_count;
    struct op *ops;
    uint32_t op_count;

    struct script_arena *arena;
};

/* An empty script for a part; free with script_free(). */
struct script *script_new(const struct part *part);
void script_free(struct script *script);

/* A copy with operations of its own and the same header. Either may be freed first. */
struct script *script_copy(const struct script *script);

/* The same operations with the keys that they name alone, in the order of their first use: as the
 * script would be read back from its text. */
struct script *script_tidy(const struct script *script);

/* A value that lives as long as the script and its copies. */
const struct value *script_value(struct script *script, const void *bytes, uint32_t size);

/* The index of a key, added when it is new. */
uint32_t script_key(struct script *script, const void *bytes, uint32_t size);

/* The first operation that puts something in: a store, push or append; NULL: none does. */
const struct op *script_first_change(const struct script *script);

/* Appends a copy of `op`, whose value must live as long as the script. Returns the operation, which
 * stays where it is until the next one is appended. */
struct op *script_append(struct script *script, const struct op *op);

/* Whether a cut is of the `met`-th call of the flash of its operation. */
bool cut_meets(const struct cut *cut, uint32_t met);

/* Whether this is a read that goes wrong; in what the power stays on, where the tear is `powered`;
 * and in what power was cut last, where this cut is met in a program, erase or read of the
 * operation. */
bool cut_is_glitch(const struct cut *cut);
enum cut_in cut_in_powered(const struct tear *tear);
enum cut_in cut_in_of(const struct op *op, enum chip_op_kind kind);

/* After each cut of the script's own a power-on, where it has none: one that can be named. */
void script_power_on_after_cuts(struct script *script);

/* 64-bit digest of bytes, the same on every machine. */
uint64_t script_digest(const void *bytes, uint32_t size);

const char *op_name(enum op_kind kind);

/* What an operation of this kind carries. */
bool op_has_key(enum op_kind kind);
bool op_has_value(enum op_kind kind);    /* OP_EXPECT and its like: or NULL for "absent" */
bool op_has_place(enum op_kind kind);    /* count: its place, from 0 for the oldest */
bool op_has_snapshot(enum op_kind kind); /* OP_SNAPSHOT, OP_CLOSE */
bool op_may_read_at(enum op_kind kind);  /* in a snapshot, or none: OP_FETCH and its like */
/* Whether it may write to the flash and, cut, be done or not. */
bool op_changes(enum op_kind kind);
/* The scenario's own word: not work for the engine, but a claim. */
bool op_claims(enum op_kind kind);
/* Puts a value or an item in. */
bool op_puts(enum op_kind kind);
/* Work that a user asks of the engine, a mount included; not what the harness does to check it. */
bool op_is_work(enum op_kind kind);
/* Whether power may be cut in it, a call of the flash fail, lie or stray, or a read go wrong.
 */
bool op_takes_cut(enum op_kind kind);
/* Power goes off and on: OP_MOUNT and OP_BOOT. */
bool op_powers_on(enum op_kind kind);
/* Whether an open transaction is over after it. */
bool op_ends_transaction(enum op_kind kind);

/* The first of these operations that has a cut, or a call that goes wrong, in its text; `end`: none
 * has. */
uint32_t script_next_cut(const struct script *script, uint32_t first, uint32_t end);

/* The operation after the piece of work that begins at this one: after a transaction, or the next.
 * A device that was cut in a piece of work does all of it again, or none. */
uint32_t script_after(const struct script *script, uint32_t first);

#endif
