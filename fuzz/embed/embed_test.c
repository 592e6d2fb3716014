/* What the harness answers to a program that it is part of. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "fuzz/embed/embed.h"

#define SCENARIO                                                                                   \
    "chip generic sectors=2 sector=64 page=64 unit=4\nengine seqmap\nstore k \"abc\"\nstore k "    \
    "\"de\"\n"

static const struct embed_work plain = {.name = "a test",
                                        .text = SCENARIO,
                                        .engine = "seqmap",
                                        .faults = "edge,prefix",
                                        .jobs = 1,
                                        .rounds = 1,
                                        .seed = 1};

/* The verdict, and that the text holds `word`. */
static void expect(struct embed_answer answer, enum embed_verdict verdict, const char *word)
{
    if (answer.verdict != verdict || !strstr(answer.text, word))
        fprintf(stderr, "%d, expected %d and '%s': %s", (int)answer.verdict, (int)verdict, word,
                answer.text);
    assert(answer.verdict == verdict && strstr(answer.text, word));
    embed_free(&answer);
}

static struct embed_work with(const char *engine, const char *text)
{
    struct embed_work work = plain;
    work.engine = engine;
    work.text = text;
    return work;
}

int main(void)
{
    struct embed_work none = plain, faults = plain;
    const struct embed_work canary = with("canary fault=1", SCENARIO);
    const struct embed_work nobody = with("nobody", SCENARIO);
    const struct embed_work wrong = with("seqmap", "chip generic\nengine seqmap\nstore\n");
    const struct embed_work uncut = with("seqmap", "chip generic sectors=2\nengine seqmap\n");
    const struct embed_work fuzz = with("seqmap", NULL), unknown = with("nobody", NULL);
    const struct embed_work misfit = with("seqmap", "generic sectors=1");
    const struct embed_work no_chip = with("seqmap", "chip nothing\nengine seqmap\n");
    const struct embed_work large = with("seqmap key=2", SCENARIO);
    struct embed_work claimed = plain, beyond = with("canary fault=1", SCENARIO);
    claimed.faults = "claimed";
    beyond.faults = "edge,weak";
    none.depth = 2;
    faults.faults = "no-class";
    expect(embed_explore(&plain), EMBED_CLEAN, "0 kinds of divergence");
    expect(embed_explore(&none), EMBED_CLEAN, "judged");
    expect(embed_explore(&canary), EMBED_DIVERGED, "its story:");
    expect(embed_explore(&nobody), EMBED_REFUSED, "unknown engine 'nobody'");
    expect(embed_explore(&nobody), EMBED_REFUSED, "of the harness: seqmap ");
    expect(embed_explore(&no_chip), EMBED_REFUSED, "chips: generic w25q128jv ");
    expect(embed_explore(&claimed), EMBED_CLEAN, "fault classes edge,prefix,bits,zeros");
    expect(embed_explore(&beyond), EMBED_DIVERGED, "canary does not claim to survive weak");
    expect(embed_explore(&large), EMBED_NOT_JUDGED, "keys of 2 to 2 bytes and values of ");
    expect(embed_explore(&wrong), EMBED_REFUSED, "a test:3: ");
    expect(embed_explore(&faults), EMBED_REFUSED, "expected classes of edge,prefix,bits,");
    expect(embed_explore(&uncut), EMBED_NOT_JUDGED, "0 judged");
    expect(embed_fuzz(&fuzz), EMBED_CLEAN, "0 kinds");
    expect(embed_fuzz(&misfit), EMBED_REFUSED, "a test:2: engine seqmap: ");
    expect(embed_fuzz(&unknown), EMBED_REFUSED, "nobody");
    return 0;
}
