/* What `brownout help COMMAND` and `brownout --version` print. */
#include <assert.h>
#include <stdlib.h>

#include "engines/flash.h"
#include "fuzz/command/command.h"
#include "fuzz/db/sha256.h"
#include "fuzz/script/file.h"

/* --- options --- */

static const struct {
    const char *name, *takes, *text;
} options[] = {
    {"engine", "E", "not the one of the file: \"seqmap key=2\"; two builds: \"new+old\""},
    {"engines", "A,B", "engines, each with its options: \"seqmap,naive keys=8\""},
    {"plugin", "FILE.so", "an engine from outside; again for more; old:FILE.so: another build"},
    {"chip", "C", "where there is no scenario: \"w25q128jv sectors=4\" (list chips)"},
    {"image", "FILE", "a dump of the flash: written by run and decode, tried by fuzz"},
    {"offset", "N", "where the flash begins in a dump: bytes, or the address of a record"},
    {"faults", "LIST", "classes of what a cut may leave: edge,prefix (list faults)"},
    {"depth", "N", "cuts on one path, 1 to 4"},
    {"reach", "N", "operations after a cut that are cut again (3; 0: all)"},
    {"bits", "N", "single bits tried of a program or erase (0: all)"},
    {"masks", "N", "random masks tried of a program or erase"},
    {"prefixes", "N", "prefixes tried of a program or erase (0: all)"},
    {"cuts", "N/M", "power is cut in N of M operations"},
    {"seed", "N", "of everything random"},
    {"jobs", "N", "worker processes"},
    {"shard", "I/N", "one part of N of the cuts, I from 0"},
    {"seconds", "S", "stop after that time, which the parts of the scenario share"},
    {"time", "T", "how long: 30s, 10m, 8h; 0: no limit"},
    {"runs", "N", "how many rounds"},
    {"max", "N", "stop after N kinds of divergence (10; 0: never)"},
    {"call-seconds", "S",
     "CPU seconds in one call, without a flash call, after which it hangs (1)"},
    {"silence", "S", "seconds without any call of the engine after which it hangs (60)"},
    {"memory", "MIB", "what a worker gets (1024); without effect under a sanitizer"},
    {"no-use", NULL, "do not use the store after recovery"},
    {"no-dedup", NULL, "judge equal crash states again"},
    {"isolate", NULL, "judge each power-on in a child process"},
    {"no-shrink", NULL, "leave cases as they were found"},
    {"shrink-seconds", "S", "CPU seconds to make one case smaller (10)"},
    {"waive", "NAMES", "known, counted and not reported: alive,lawful/reprogram"},
    {"complete", NULL, "a run that was stopped before its end is no pass (exit code 4)"},
    {"artefacts", "FOLDER", "where cases go (here)"},
    {"db", "FILE", "keep the result in a database"},
    {"campaign", "NAME", "under which it is kept there (default)"},
    {"json", NULL, "for machines"},
    {"long", NULL, "all that there is to print, not what fits a screen"},
    {"quiet", NULL, "no progress; of replay: the verdict alone"},
};
_Static_assert(sizeof options / sizeof *options == COMMAND_OPTIONS, "each option is explained");

void command_print_exit_codes(FILE *out)
{
    fprintf(out,
            "exit code: 0 clean, 1 divergence found, 2 bad usage or input, 3 the harness failed,\n"
            "           4 nothing was judged (with --complete: not all of it), 130 interrupted\n");
}

void command_print_help(const char *command, const char *takes, const char *text, FILE *out)
{
    bool any = false;
    fprintf(out, "usage: brownout %s %s\n\n%s\n\n", command, takes, text);
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        char words[40];
        if (!command_uses(command, options[i].name)) continue;
        int length = snprintf(words, sizeof words, "--%s %s", options[i].name,
                              options[i].takes ? options[i].takes : "");
        assert(length > 0 && (size_t)length < sizeof words);
        fprintf(out, "  %-20s %s\n", words, options[i].text);
        any = true;
    }
    if (any) fprintf(out, "\n");
    command_print_exit_codes(out);
}

/* --- version --- */

#define PROGRAM_SIZE_MAX ((uint64_t)1 << 30)

/* The digest of the program itself says which build it is, however it was made. */
static void print_build(FILE *out)
{
    char digest[SHA256_HEX_MAX];
    uint64_t size;
    uint8_t *bytes = file_read("/proc/self/exe", PROGRAM_SIZE_MAX, &size);
    if (!bytes) return;
    sha256_hex(bytes, (size_t)size, digest);
    fprintf(out, "build %.16s\n", digest);
    free(bytes);
}

void command_print_version(FILE *out)
{
    fprintf(out, "brownout %u.%u, adapters of version %u, compiled by %s\n", BO_VERSION >> 16,
            BO_VERSION & 0xFFFFu, ADAPTER_VERSION, __VERSION__);
    print_build(out);
}
