/* seq_page.c - see seq_page.h. */
#include "seq_page.h"

#include <string.h>

#include "seq_cache.h"

/* Bits that are 0. */
static unsigned cleared(const uint8_t *bytes, uint32_t size)
{
    unsigned count = 0;
    while (size--)
        for (unsigned zeros = (uint8_t) ~*bytes++; zeros != 0; zeros &= zeros - 1)
            count++;
    return count;
}

int seq_page_state(struct seq *seq, uint32_t page)
{
    uint8_t word[SEQ_WORD_MAX];
    bool bad;
    int state = seq_cache_state(seq->cache, page);
    if (state >= 0) return state;
    int error = seq_read(seq, seq_page_address(seq, page), word, seq->word, &bad);
    if (error) return error;
    bool start = bad || cleared(word, seq->flash->geometry.read_unit) >= 4;
    error = seq_read(seq, seq_page_end(seq, page), word, seq->word, &bad);
    if (error) return error;
    bool end = bad || cleared(word, seq->word) != 0;
    state = (start ? SEQ_PAGE_PARTIAL : SEQ_PAGE_OPEN) + (end ? 1 : 0);
    seq_cache_note_state(seq->cache, page, state);
    return state;
}

int seq_page_zero(struct seq *seq, uint32_t address)
{
    uint8_t word[SEQ_WORD_MAX] = {0};
    seq->window_size = 0;
    return flash_program(seq->flash, address, word, seq->word);
}

int seq_page_is_zero(struct seq *seq, uint32_t address)
{
    uint8_t word[SEQ_WORD_MAX];
    bool bad;
    int error = seq_read(seq, address, word, seq->word, &bad);
    return error ? error : bad || cleared(word, seq->word) == 8u * seq->word;
}

static int set_word(struct seq *seq, uint32_t page, uint32_t address, int state)
{
    int error = seq_page_zero(seq, address);
    if (!error) seq_cache_note_state(seq->cache, page, state);
    return error;
}

int seq_page_mark(struct seq *seq, uint32_t page)
{
    return set_word(seq, page, seq_page_address(seq, page), SEQ_PAGE_PARTIAL);
}

int seq_page_seal(struct seq *seq, uint32_t page)
{
    return set_word(seq, page, seq_page_end(seq, page), SEQ_PAGE_CLOSED);
}

int seq_page_erase(struct seq *seq, uint32_t page)
{
    seq->window_size = 0;
    seq_cache_forget_page(seq->cache, page);
    int error = flash_erase(seq->flash, seq_page_address(seq, page));
    if (!error) seq_cache_note_state(seq->cache, page, SEQ_PAGE_OPEN);
    return error;
}

int seq_page_blank(struct seq *seq, uint32_t from, uint32_t to)
{
    seq->window_size = 0;
    for (uint32_t size; from != to; from += size) {
        bool bad;
        size = to - from < seq->work_size ? to - from : seq->work_size;
        int error = seq_read(seq, from, seq->work, size, &bad);
        if (error) return error;
        /* The first byte is 0xFF and each byte equals the next one. */
        if (bad || seq->work[0] != 0xFF || memcmp(seq->work, seq->work + 1, size - 1) != 0)
            return 0;
    }
    return 1;
}
