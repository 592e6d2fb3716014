/* SPDX-License-Identifier: MIT */
/* seqqueue.c - see seqqueue.h. The format: ../seq/. What survives a cut, and why. In brackets
 * what fails without it:
 *
 *  1. Mounting reads only. Sectors in use are one run along the ring; its end is the head. When all
 *     are in use, the one that is not sealed is the head; of two such that are neighbours the
 *     first, the other is an interrupted erase. When that does not decide (everything is sealed, or
 *     two of two are not), the sector that holds nothing, or the start word of which is not what
 *     was programmed, is the interrupted erase; of two that hold something the one in which no item
 *     is present; see also 9. More than one run: no cut leaves that. [seqqueue_cut_test.c,
 *     seqqueue_test.c: start_word_of_an_erase, seqqueue_test.c: what_no_cut_leaves]
 *  2. At any time at most one sector is torn: the oldest, by an erase; the head; or the one after
 *     it, the spare. What is torn is made good before anything else is begun. A sector is erased
 *     in a repair only if no item can be read in it. [seqqueue_cut_test.c]
 *  3. The spare is known to be blank before the head is sealed. So after a sealed head there is
 *     nothing to be lost; after one that is not, and where all other sectors are in use, the
 *     oldest sector begins, whatever its two words say: what its payload shows counts. (An erase
 *     that takes away a start word, and a second one that brings it back, would let items come and
 *     go. The crate erases it if the words are odd, and believes it if they are not.)
 *     [seqqueue_cut_test.c]
 *  4. What an interrupted erase leaves in a payload shows the same items or fewer, each time:
 *     - blank from the start: the first header goes, and with it all that is after it, either
 *       because a blank header ends the payload, or because one that is none begins with FF;
 *     - zeros from the start: such a header is none and begins with 00;
 *     - zeros from the end: a header of zeros follows the last item that is left.
 *     No program leaves any of the three, because nothing is ever appended after a first header
 *     that is torn. A sector that shows one of them holds nothing (survey, `junk`).
 *     Zeros from the end could complete an item whose program had been cut. If a header has room
 *     after it, that is one of zeros, and shows it. If not, and if zeros can complete the item, the
 *     next repair takes bits off its checksum (completable: once that is torn they can't, so a
 *     header is never programmed a third time). Where a header takes one program only, the room of
 *     a header is kept free at the end of each sector. [seqqueue_cut_test.c,
 *     scenarios/cases/seqqueue-completed-header.case]
 *  5. A unit that an interrupted program touched is not programmed again, but for that. The scan
 *     rule of the format goes on word by word after a torn header, so an item further on may be
 *     missed, by the crate too, if a piece of the torn header and a piece of the new one look like
 *     a header together. A repair puts a cap after it, where that is sure to be found: an item of
 *     no data whose checksum is wrong. Items are appended after the cap.
 *     [seqqueue_cut_test.c: crate_agrees]
 *  6. A head without any header that can't be appended to is erased and used again. So a sealed
 *     sector has a header, which 1 relies on.
 *     [seqqueue_test.c: a_head_without_a_header_is_used_again]
 *  7. On parts without a limit of programs the end word of a sealed head is programmed again,
 *     because the crate wants more of it than one bit; so are the words of an oldest sector that
 *     an erase has taken away (3). [seqqueue_cut_test.c: crate_agrees]
 *  8. A torn mark makes an item's checksum wrong: it is popped. Marks only clear bits, so that does
 *     not change any more; but an erase that is cut early may set just the bits that the mark had
 *     cleared. So what is torn loses the bits of the right checksum before its sector is erased,
 *     where the part does not limit programs. [scenarios/cases/seqqueue-pop-undone.case] Not the
 *     others: a header that was torn has bits too many, and without these alone it is whole.
 *     [scenarios/cases/seqqueue-mark-completes.case]
 *  9. On two sectors the erase of the oldest may take its end word only, and then nothing shows
 *     which of two in use is older. So before it an overwriting push programs the first bit of the
 *     head's end word, which can't be torn; the crate does not see one bit. Such a head takes no
 *     more items and does not count as sealed: the oldest sector counts as long as it shows items
 *     (3). A part with a limit of programs does not allow the second program of that word: if both
 *     sectors hold items, nothing is known. Where the end word of the oldest sector is programmed
 *     again (7), another bit goes first, so that a cut does not leave the one that begins a seal.
 *     [scenarios/cases/seqqueue-two-seals.case, scenarios/cases/seqqueue-two-in-use.case]
 */
#include "seqqueue.h"

#include <string.h>

#include "../seq/seq_cap.h"
#include "../seq/seq_crc.h"
#include "../seq/seq_item.h"
#include "../seq/seq_sector.h"

#define NOT_STARTED UINT32_MAX
#define CRC32_POLYNOMIAL 0x82F63B78u

/* The checksum of a cap, which is an item of no data; the right one would be 0x11111111. */
#define CAP_CRC SEQ_CAP_OF_QUEUE
BO_STATIC_CHECK((SEQ_SECTOR_SEALED & SEQ_SECTOR_HALF) != 0, "a bit of a state is the end word");

/* The ring --------------------------------------------------------------------------------- */

static uint32_t sector_count(const struct seqqueue *queue)
{
    return queue->seq.flash->geometry.sector_count;
}

/* The sector `back` places before the head. */
static uint32_t sector_back(const struct seqqueue *queue, uint32_t back)
{
    return queue->head >= back ? queue->head - back : queue->head + sector_count(queue) - back;
}

/* The sector after the head; on one sector it is the head. */
static uint32_t sector_spare(const struct seqqueue *queue)
{
    return queue->head + 1 == sector_count(queue) ? 0 : queue->head + 1;
}

static uint32_t head_end(const struct seqqueue *queue)
{
    return seq_sector_end(&queue->seq, queue->head);
}

/* A walk over the items of the sector `back` places before the head. */
static struct seq_scan scan_sector(const struct seqqueue *queue, uint32_t back)
{
    struct seq_scan scan = seq_scan_sector(&queue->seq, sector_back(queue, back));
    if (back == 0) scan.end = seq_minimum(scan.end, queue->append);
    return scan;
}

/* Whether a seal begins before the oldest sector is erased, see 9 above. */
static bool begins_seal(const struct seqqueue *queue)
{
    return sector_count(queue) == 2 && queue->seq.flash->geometry.programs_per_unit == 0;
}

/* A word of which one bit of the first byte is programmed: of an end word, the lowest begins a
 * seal. */
static void one_bit(uint8_t word[SEQ_WORD_MAX], uint8_t bit)
{
    memset(word, 0xFF, SEQ_WORD_MAX);
    word[0] = (uint8_t)~bit;
}

/* Whether the end word of a sector is such a one, see 9 above. */
static bool is_sealing(struct seqqueue *queue, uint32_t sector)
{
    uint8_t wanted[SEQ_WORD_MAX], word[SEQ_WORD_MAX];
    one_bit(wanted, 0x01);
    return begins_seal(queue) &&
           seq_read(&queue->seq, seq_sector_end(&queue->seq, sector), word, queue->seq.word) &&
           memcmp(word, wanted, queue->seq.word) == 0;
}

/* Whether a sector has its end word. */
static bool is_sealed(struct seqqueue *queue, uint32_t sector)
{
    return (seq_sector_state(&queue->seq, sector) & SEQ_SECTOR_HALF) != 0 &&
           !is_sealing(queue, sector);
}

/* Whether a sector is blank all over. One that was erased since the mount is known to be. */
static bool sector_is_blank(struct seqqueue *queue, uint32_t sector)
{
    uint32_t from = seq_sector_address(&queue->seq, sector);
    if (seq_cache_end(queue->seq.cache, sector, 0) == seq_sector_start(&queue->seq, sector))
        return true;
    return seq_sector_blank(&queue->seq, from, from + queue->seq.flash->geometry.sector_size);
}

/* What is torn can't come back, see 8 above. */
static void spoil_torn(struct seqqueue *queue, uint32_t sector)
{
    struct seq *seq = &queue->seq;
    struct seq_scan scan =
        seq_scan_from(seq_sector_start(seq, sector), seq_sector_end(seq, sector));
    if (seq->flash->geometry.programs_per_unit != 0) return;
    while (seq_item_next(seq, &scan)) {
        uint32_t right = scan.item.crc ? seq_item_checksum(seq, &scan.item) : 0;
        if (scan.item.crc != right) seq_item_spoil(seq, &scan.item, right);
    }
}

static void sector_erase(struct seqqueue *queue, uint32_t sector)
{
    spoil_torn(queue, sector);
    seq_sector_erase(&queue->seq, sector);
    if (!queue->seq.error)
        seq_cache_note_end(queue->seq.cache, sector, seq_sector_start(&queue->seq, sector));
    if (sector == sector_spare(queue)) queue->spare_blank = true;
}

/* Looking at a sector that a cut may have left --------------------------------------------- */

struct survey {
    bool junk;           /* an erase was cut here: nothing in it counts */
    bool present;        /* an item is there */
    bool holds;          /* one is there, or was popped */
    bool headed;         /* the first header is one, or blank */
    bool torn;           /* the walk ended in what is no header */
    uint32_t after, end; /* after the last item; where the walk ended */
    struct seq_item last;
};

static struct survey survey(struct seqqueue *queue, uint32_t sector)
{
    struct seq *seq = &queue->seq;
    uint32_t start = seq_sector_start(seq, sector);
    struct seq_scan scan = seq_scan_from(start, seq_sector_end(seq, sector));
    struct survey s;
    memset(&s, 0, sizeof s);
    s.headed = true;
    s.after = start;
    while (seq_item_next(seq, &scan)) {
        if (s.after == start && scan.item.address != start) s.headed = false;
        if (!s.present && scan.item.crc != 0) s.present = seq_item_present(seq, &scan.item);
        s.holds = true;
        s.after = scan.address;
        s.last = scan.item;
    }
    s.end = scan.address;
    s.torn = scan.torn;
    if (s.after == start && s.end != start) s.headed = false;
    s.junk = scan.zeroed;
    if (!s.headed && !s.junk) {
        const uint8_t *first = seq_look(seq, start, seq->word);
        s.junk = first != NULL && *first == 0xFF;
    }
    s.present = s.present && !s.junk;
    s.holds = s.holds && !s.junk;
    return s;
}

static bool holds_items(struct seqqueue *queue, uint32_t sector)
{
    return survey(queue, sector).present;
}

/* Finds where the next item goes in the sector `s` is of. False when none can. */
static bool find_append(struct seqqueue *queue, const struct survey *s)
{
    struct seq *seq = &queue->seq;
    uint32_t end = head_end(queue), at = s->end;
    queue->cap = 0;
    queue->append = end;
    if (!s->headed || s->junk || !seq_sector_is_zero(seq, seq_sector_address(seq, queue->head)) ||
        !seq_sector_blank(seq, s->end, end + seq->word))
        return false;
    if (s->torn) { /* see 5 above; several headers may have been torn one after the other */
        queue->cap = seq_cap_place(seq, s->after, s->end, end);
        if (queue->cap == 0) return true;
        at = queue->cap + seq->header;
    }
    queue->append = at;
    return true;
}

/* Mounting --------------------------------------------------------------------------------- */

/* Looks at what the head holds. False when it is an interrupted erase, or holds nothing and can't
 * be appended to. */
static bool head_is_sound(struct seqqueue *queue, bool *holds)
{
    struct survey s = survey(queue, queue->head);
    bool open = find_append(queue, &s);
    *holds = s.holds;
    return !s.junk && (s.holds || open);
}

/* Every sector is in use, and their words do not show where the ring begins: the one that is not
 * sound, or else that holds nothing, is an interrupted erase, and the head is before it; of two,
 * the one without a present item. */
static void find_junk(struct seqqueue *queue)
{
    uint32_t count = sector_count(queue), found = count;
    bool sound = true, holds;
    for (queue->head = 0; queue->head < count && sound; queue->head++) {
        uint32_t start = seq_sector_address(&queue->seq, queue->head);
        sound = head_is_sound(queue, &holds) && seq_sector_is_zero(&queue->seq, start);
        if (!sound || !holds) found = queue->head;
    }
    if (found == count && count == 2) {
        if (!holds_items(queue, 0))
            found = 0;
        else if (!holds_items(queue, 1))
            found = 1;
    }
    queue->head = found == 0 ? count - 1 : found - 1;
    if (found == count) seq_fail(&queue->seq, QUEUE_ERR_DAMAGED);
}

/* Finds the head by the words of the sectors, see 1 above. */
static void find_head(struct seqqueue *queue)
{
    uint32_t count = sector_count(queue), before = count - 1, ends = 0, starts = 0, start = 0;
    enum seq_sector_state state = seq_sector_state(&queue->seq, before), was;
    for (uint32_t sector = 0; sector < count; before = sector++) {
        was = state;
        state = seq_sector_state(&queue->seq, sector);
        if (was >= SEQ_SECTOR_IN_USE && state < SEQ_SECTOR_IN_USE) {
            queue->head = before;
            ends++;
        }
        if (was != SEQ_SECTOR_IN_USE && state == SEQ_SECTOR_IN_USE) {
            start = sector;
            starts++;
        }
    }
    queue->used = ends != 0 || state >= SEQ_SECTOR_IN_USE;
    if (ends == 0 && queue->used != 0) {
        bool first = is_sealing(queue, 0);
        if (first != is_sealing(queue, 1))
            queue->head = !first;
        else if (starts == 0)
            find_junk(queue);
        else if (starts == 1)
            queue->head = start;
    }
    if (ends > 1 || (ends == 0 && starts > 1)) seq_fail(&queue->seq, QUEUE_ERR_DAMAGED);
}

/* Leaves out a head that turns out to be an interrupted erase: of the head itself, or of the spare
 * while the head is not sealed. */
static void check_head(struct seqqueue *queue)
{
    struct seq *seq = &queue->seq;
    bool ring = sector_count(queue) > 1;
    for (unsigned tries = 0; tries < 3 && queue->used != 0; tries++) {
        queue->head_sealed = ring && is_sealed(queue, queue->head);
        bool holds, sound = head_is_sound(queue, &holds);
        enum seq_sector_state before = seq_sector_state(seq, sector_back(queue, ring));
        if (sound && (holds || !ring || before != SEQ_SECTOR_IN_USE)) return;
        queue->head = sector_back(queue, ring);
        queue->used = ring && before >= SEQ_SECTOR_IN_USE;
    }
    queue->used = 0;
    queue->head_sealed = true;
    queue->append = head_end(queue);
    queue->cap = 0;
}

/* Counts the sectors in use, see 3 above. An oldest one that shows no item is left out. */
static void find_oldest(struct seqqueue *queue)
{
    uint32_t others = sector_count(queue) - 1;
    while (queue->used < others &&
           seq_sector_state(&queue->seq, sector_back(queue, queue->used)) == SEQ_SECTOR_SEALED)
        queue->used++;
    if (!queue->head_sealed && queue->used == others && holds_items(queue, sector_spare(queue)))
        queue->used++;
    else if (queue->used > 1 && !holds_items(queue, sector_back(queue, queue->used - 1)))
        queue->used--;
}

/* Finds out everything anew. */
static void resolve(struct seqqueue *queue)
{
    struct seq *seq = &queue->seq;
    uint32_t count = sector_count(queue);
    seq_look_away(seq);
    seq_cache_clear(seq->cache, count);
    seq->error = BO_FLASH_OK;
    queue->ready = queue->spare_blank = queue->first_known = false;
    queue->head = count - 1;
    queue->used = 1; /* one sector: the words do not matter */
    if (count > 1) find_head(queue);
    check_head(queue);
    if (queue->used != 0) find_oldest(queue);
    queue->first_back = queue->used - 1;
    queue->first = 0;
}

/* At the start of each call. After an error nothing that the queue knows is certain. */
static void enter(struct seqqueue *queue)
{
    if (queue->seq.error) resolve(queue);
}

#ifdef BO_CHECKS

static void check_flash(struct seqqueue *queue)
{
    struct seq *seq = &queue->seq;
    for (uint32_t back = 0; back < queue->used && sector_count(queue) > 1; back++) { /* 6 */
        bool sealed = is_sealed(queue, sector_back(queue, back));
        BO_CHECK(seq->error || sealed == (back != 0 || queue->head_sealed));
    }
    if (queue->used != 0 && !queue->head_sealed) /* 7 */
        BO_CHECK(seq_sector_blank(seq, queue->append, head_end(queue)) || seq->error);
    if (queue->spare_blank) /* 8 */
        BO_CHECK(sector_is_blank(queue, sector_spare(queue)) || seq->error);
}

void seqqueue_check(struct seqqueue *queue, bool flash)
{
    struct seq *seq = &queue->seq;
    if (seq->error) return;
    seq_check(seq);
    BO_CHECK(queue->head < sector_count(queue) && queue->used <= sector_count(queue)); /* 1 */
    BO_CHECK(queue->used != 0 || queue->head_sealed);                                  /* 2 */
    if (queue->used != 0 && !queue->head_sealed)                                       /* 3 */
        BO_CHECK(queue->append >= seq_sector_start(seq, queue->head) &&
                 queue->append <= head_end(queue) && (queue->append & seq->mask) == 0);
    BO_CHECK(queue->used == 0 || queue->first_back < queue->used); /* 4 */
    if (queue->first_known) {
        uint32_t sector = sector_back(queue, queue->first_back), end = seq_sector_end(seq, sector);
        BO_CHECK(queue->used != 0 && queue->first >= seq_sector_start(seq, sector) &&
                 seq_item_size(seq, queue->first_size) <= end - queue->first);
    }
    BO_CHECK(!queue->ready || queue->cap == 0); /* 5 */
    if (flash && queue->ready) check_flash(queue);
}

#endif

/* At its end. The error stays for the next call to see. */
static int leave(struct seqqueue *queue, int answer)
{
    seqqueue_check(queue, false);
    return queue->seq.error ? queue->seq.error : answer;
}

static int setup(struct seqqueue *queue, const struct seqqueue_config *config)
{
    memset(queue, 0, sizeof *queue);
    if (!seqqueue_geometry_usable(&config->flash->geometry) ||
        !seq_setup(&queue->seq, config->flash, config->work, config->work_size))
        return QUEUE_ERR_GEOMETRY;
#ifndef SEQ_NO_CACHE
    queue->seq.cache = config->cache;
#endif
    resolve(queue);
    return BO_FLASH_OK;
}

int seqqueue_mount(struct seqqueue *queue, const struct seqqueue_config *config)
{
    int error = setup(queue, config);
    return error ? error : leave(queue, BO_FLASH_OK);
}

int seqqueue_format(struct seqqueue *queue, const struct seqqueue_config *config)
{
    int error = setup(queue, config); /* which finds the oldest sector, if it can */
    if (error) return error;
    queue->seq.error = BO_FLASH_OK;
    uint32_t left = sector_count(queue);
    for (; left != 0; left--, queue->head = sector_spare(queue))
        seq_sector_erase(&queue->seq, sector_spare(queue));
    if (queue->seq.error == BO_FLASH_OK) resolve(queue);
    return leave(queue, BO_FLASH_OK);
}

/* Repair ----------------------------------------------------------------------------------- */

/* Whether a torn item would be whole if the rest of it, from any byte on, were zeros. The register
 * that the checksum is made of is taken back over as many zeros as the item has bytes, and then
 * both ways meet. */
static bool completable(struct seqqueue *queue, const struct seq_item *item)
{
    struct seq *seq = &queue->seq;
    uint32_t data = seq_item_data(seq, item);
    uint8_t word[SEQ_WORD_MAX];
    for (uint32_t flip = 0; flip < 2; flip++) {
        uint32_t wanted = ~(item->crc ^ flip), crc = SEQ_CRC32_START;
        if (seq_crc32_end(wanted) != item->crc) continue;
        for (uint32_t bits = 8 * item->length; bits != 0; bits--)
            wanted = wanted >> 31 != 0 ? (wanted ^ CRC32_POLYNOMIAL) << 1 | 1 : wanted << 1;
        for (uint32_t i = 0; i < item->length && crc != wanted; i++) {
            if (i % seq->word == 0 && !seq_read(seq, data + i, word, seq->word)) return false;
            crc = bo_crc32c(crc, word + i % seq->word, 1);
            wanted = bo_crc32c(wanted, "", 1); /* a byte 00 */
        }
        if (crc == wanted) return true;
    }
    return false;
}

/* Makes the head good to append to, see 4 and 5 above. */
static void repair_head(struct seqqueue *queue)
{
    struct seq *seq = &queue->seq;
    struct survey s = survey(queue, queue->head);
    struct seq_item cap = {.address = queue->cap, .crc = CAP_CRC, .length = 0};
    bool last = head_end(queue) - s.after < seq->header;
    if (seq->flash->geometry.programs_per_unit != 1 && last && s.last.crc != 0 &&
        !seq_item_present(seq, &s.last) && completable(queue, &s.last)) {
        s.last.crc &= ~(uint32_t)0xFF; /* which no checksum has */
        seq_item_write_header(seq, &s.last);
    }
    if (queue->cap != 0) seq_item_write_header(seq, &cap);
    queue->cap = 0;
}

static void make_zero(struct seqqueue *queue, uint32_t address)
{
    if (!seq_sector_is_zero(&queue->seq, address)) seq_sector_zero(&queue->seq, address);
}

/* The same of an end word that may be blank, see 9 above. */
static void make_end(struct seqqueue *queue, uint32_t address)
{
    uint8_t word[SEQ_WORD_MAX];
    one_bit(word, 0x80);
    if (begins_seal(queue) && seq_sector_blank(&queue->seq, address, address + queue->seq.word))
        seq_program(&queue->seq, address, word, queue->seq.word);
    make_zero(queue, address);
}

/* Programs the words that a cut has left in part, see 7 above. */
static void repair_words(struct seqqueue *queue)
{
    uint32_t oldest = sector_back(queue, queue->used - 1);
    if (queue->head_sealed) make_zero(queue, head_end(queue));
    if (queue->used != sector_count(queue)) return;
    make_zero(queue, seq_sector_address(&queue->seq, oldest));
    if (oldest != queue->head) make_end(queue, seq_sector_end(&queue->seq, oldest));
}

/* Erases a sector that is not in use. */
static void clean(struct seqqueue *queue, uint32_t sector)
{
    if (holds_items(queue, sector)) seq_fail(&queue->seq, QUEUE_ERR_DAMAGED);
    sector_erase(queue, sector);
}

/* At the start of each call that changes something. Repairs after mount and after an error. */
static void enter_changing(struct seqqueue *queue)
{
    struct seq *seq = &queue->seq;
    enter(queue);
    if (queue->ready || seq->error) return;
    if (queue->used < sector_count(queue)) {
        if (!sector_is_blank(queue, sector_spare(queue))) clean(queue, sector_spare(queue));
        queue->spare_blank = true;
    }
    /* Those between the spare and the oldest: a pop that was cut may have left several. */
    for (uint32_t back = sector_count(queue) - 1; queue->used != 0 && back-- > queue->used;) {
        if (seq_sector_state(seq, sector_back(queue, back)) != SEQ_SECTOR_OPEN)
            clean(queue, sector_back(queue, back));
    }
    if (!queue->head_sealed) repair_head(queue);
    if (queue->used != 0 && seq->flash->geometry.programs_per_unit == 0) repair_words(queue);
    queue->ready = true;
}

/* Finding items ---------------------------------------------------------------------------- */

/* Moves a place to the next item that is there. False at the end. */
static bool next_present(struct seqqueue *queue, uint32_t *back, uint32_t *position,
                         struct seq_item *item)
{
    for (; *back < queue->used; --*back, *position = 0) { /* after the head: larger than any */
        struct seq_scan scan = scan_sector(queue, *back);
        if (*position != 0) scan.address = *position;
        while (seq_item_next(&queue->seq, &scan)) {
            if (scan.item.crc == 0 || !seq_item_present(&queue->seq, &scan.item)) continue;
            *item = scan.item;
            *position = item->address;
            return true;
        }
    }
    return false;
}

/* The oldest item. Where it is, or that there is none, is kept. */
static bool find_first(struct seqqueue *queue, struct seq_item *item)
{
    uint32_t back = queue->first_back, position = queue->first;
    if (!queue->first_known && next_present(queue, &back, &position, item)) {
        queue->first_known = !queue->seq.error;
        queue->first_back = back;
        queue->first = item->address;
        queue->first_size = item->length;
        queue->first_crc = item->crc;
    } else if (!queue->first_known) {
        queue->first_back = 0;
        queue->first = queue->append;
    }
    item->address = queue->first;
    item->length = queue->first_size;
    item->crc = queue->first_crc;
    return queue->first_known;
}

/* Whether the oldest sector has nothing in it any more: all of it was popped. */
static bool oldest_is_done(struct seqqueue *queue)
{
    struct seq_item item;
    return !find_first(queue, &item) || queue->first_back + 1 < queue->used;
}

static void erase_oldest(struct seqqueue *queue)
{
    sector_erase(queue, sector_back(queue, --queue->used));
    if (queue->first_back < queue->used) return;
    queue->first_back = queue->used - 1;
    queue->first = 0;
    queue->first_known = false;
}

/* Pushing ---------------------------------------------------------------------------------- */

/* Bytes that items can take in the head. */
static uint32_t room(const struct seqqueue *queue)
{
    uint32_t left = head_end(queue) - queue->append;
    uint32_t reserve = seqqueue_reserve(&queue->seq.flash->geometry);
    return queue->head_sealed || left < reserve ? 0 : left - reserve;
}

static uint32_t length_max(const struct seqqueue *queue)
{
    return seqqueue_length_max(&queue->seq.flash->geometry);
}

/* Whether there is a sector to go on to when the head is full, without giving up an item. */
static bool next_is_free(struct seqqueue *queue)
{
    return queue->used < sector_count(queue) || oldest_is_done(queue);
}

/* Programs the first bit of the head's end word, see 9 above. */
static void begin_seal(struct seqqueue *queue)
{
    uint8_t word[SEQ_WORD_MAX];
    one_bit(word, 0x01);
    seq_program(&queue->seq, head_end(queue), word, queue->seq.word);
}

/* Makes the sector after the head the head, see 2, 3 and 6 above. */
static int make_room(struct seqqueue *queue, bool overwrite)
{
    struct seq *seq = &queue->seq;
    if (!overwrite && !next_is_free(queue)) return QUEUE_ERR_FULL;
    if (queue->used == sector_count(queue)) {
        if (begins_seal(queue)) begin_seal(queue);
        erase_oldest(queue);
    } else if (!queue->spare_blank && !sector_is_blank(queue, sector_spare(queue))) {
        clean(queue, sector_spare(queue));
    }
    if (queue->used == 0) queue->head_sealed = true;
    if (!queue->head_sealed) seq_sector_zero(seq, head_end(queue));
    queue->head = sector_spare(queue);
    seq_sector_zero(seq, seq_sector_address(seq, queue->head));
    queue->append = seq_sector_start(seq, queue->head);
    queue->head_sealed = queue->spare_blank = false;
    queue->first_back++;
    if (queue->used++ == 0) queue->first_back = queue->first = 0;
    return BO_FLASH_OK;
}

/* Programs header, whole words and the last word, padded with zeros. */
static void append(struct seqqueue *queue, const void *data, uint32_t size)
{
    struct seq *seq = &queue->seq;
    BO_CHECK(!queue->head_sealed && seq_item_size(seq, size) <= head_end(queue) - queue->append);
    uint8_t tail[SEQ_WORD_MAX] = {0};
    uint32_t whole = seq_down(seq, size);
    struct seq_item item = {.address = queue->append,
                            .crc = seq_crc32_end(bo_crc32c(SEQ_CRC32_START, data, size)),
                            .length = size};
    uint32_t to = seq_item_data(seq, &item);
    seq_item_write_header(seq, &item);
    if (whole != 0) seq_program(seq, to, data, whole);
    if (whole != size) {
        memcpy(tail, (const uint8_t *)data + whole, size - whole);
        seq_program(seq, to + whole, tail, seq->word);
    }
    queue->append = seq_item_after(seq, &item);
    seq_cache_note_end(seq->cache, queue->head, queue->append);
}

int seqqueue_push(struct seqqueue *queue, const void *data, uint32_t size, bool overwrite)
{
    if (size > length_max(queue)) return QUEUE_ERR_TOO_BIG;
    enter_changing(queue);
    if (seq_item_size(&queue->seq, size) > room(queue)) {
        int answer = make_room(queue, overwrite);
        if (answer) return leave(queue, answer);
    }
    append(queue, data, size);
    return leave(queue, BO_FLASH_OK);
}

int seqqueue_max_fit(struct seqqueue *queue, uint32_t *size)
{
    enter(queue);
    uint32_t most = length_max(queue), left = room(queue);
    if (!next_is_free(queue)) {
        if (left < queue->seq.header) return leave(queue, QUEUE_ERR_FULL);
        most = seq_minimum(most, left - queue->seq.header);
    }
    *size = most;
    return leave(queue, BO_FLASH_OK);
}

int seqqueue_space_left(struct seqqueue *queue, uint64_t *bytes)
{
    struct seq_item item;
    enter(queue);
    uint64_t sector = queue->seq.header + (uint64_t)length_max(queue);
    uint32_t left = room(queue), in_use = queue->used;
    bool any = find_first(queue, &item);
    if (in_use != 0) in_use = queue->first_back + 1;
    if (left < queue->seq.header) {
        left = 0;
        if (!any) in_use = 0;
    }
    *bytes = (sector_count(queue) - in_use) * sector + left;
    return leave(queue, BO_FLASH_OK);
}

/* Reading and popping ---------------------------------------------------------------------- */

/* Copies an item. It was found by other reads than this one: what reaches the caller must fit the
 * checksum, or it is an error now. */
static int deliver(struct seqqueue *queue, const struct seq_item *item, void *buffer,
                   uint32_t capacity, uint32_t *size)
{
    uint32_t crc = SEQ_CRC32_START;
    *size = item->length;
    if (item->length > capacity) return QUEUE_ERR_BUFFER;
    if (!seq_item_read(&queue->seq, item, 0, item->length, buffer, &crc) ||
        seq_crc32_end(crc) != item->crc)
        seq_fail(&queue->seq, BO_FLASH_ERR_ECC);
    return BO_FLASH_OK;
}

int seqqueue_peek(struct seqqueue *queue, void *buffer, uint32_t capacity, uint32_t *size)
{
    struct seq_item item;
    enter(queue);
    if (!find_first(queue, &item)) return leave(queue, QUEUE_ERR_EMPTY);
    return leave(queue, deliver(queue, &item, buffer, capacity, size));
}

/* The oldest item was popped: passes over those after it that were popped before, and erases the
 * sectors that are done. */
static void pass_popped(struct seqqueue *queue)
{
    queue->first_known = false;
    while (queue->first_back != 0) {
        struct seq_scan scan = scan_sector(queue, queue->first_back);
        if (queue->first != 0) scan.address = queue->first;
        bool more;
        while ((more = seq_item_next(&queue->seq, &scan)) && scan.item.crc == 0)
            continue;
        queue->first = more ? scan.item.address : 0;
        if (more) break;
        queue->first_back--;
    }
    while (queue->first_back + 1 < queue->used && !queue->seq.error)
        erase_oldest(queue);
}

/* Pops an item of the sector `back` places before the head. */
static void pop(struct seqqueue *queue, uint32_t back, struct seq_item *item)
{
    struct seq *seq = &queue->seq;
    uint32_t sector = sector_back(queue, back), after = seq_item_after(seq, item);
    while (queue->first_back + 1 < queue->used && !seq->error)
        erase_oldest(queue);
    seq_item_erase(seq, item);
    if (item->address == seq_cache_first(seq->cache, sector, seq_sector_start(seq, sector)))
        seq_cache_note_first(seq->cache, sector, after);
    if (back != queue->first_back || item->address != queue->first) return;
    queue->first = after;
    pass_popped(queue);
}

/* Whether headers may be programmed a second time. */
static bool can_pop(const struct seqqueue *queue)
{
    return queue->seq.flash->geometry.programs_per_unit != 1;
}

int seqqueue_pop(struct seqqueue *queue, void *buffer, uint32_t capacity, uint32_t *size)
{
    struct seq_item item;
    if (!can_pop(queue)) return QUEUE_ERR_UNSUPPORTED;
    enter_changing(queue);
    if (!find_first(queue, &item)) return leave(queue, QUEUE_ERR_EMPTY);
    int answer = deliver(queue, &item, buffer, capacity, size);
    if (!answer) pop(queue, queue->first_back, &item);
    return leave(queue, answer);
}

int seqqueue_clear(struct seqqueue *queue)
{
    struct seq_item item;
    if (!can_pop(queue)) return QUEUE_ERR_UNSUPPORTED;
    enter_changing(queue);
    while (!queue->seq.error && find_first(queue, &item))
        pop(queue, queue->first_back, &item);
    return leave(queue, BO_FLASH_OK);
}

/* Iterating -------------------------------------------------------------------------------- */

void seqqueue_iterate(struct seqqueue_iterator *iterator)
{
    iterator->back = NOT_STARTED;
    iterator->position = iterator->item = 0;
}

/* The next item of an iteration. Reads as much along with it as the work buffer takes when the last
 * one was left alone: taking one changes the flash that was read ahead. */
static bool next_of_iteration(struct seqqueue *queue, struct seqqueue_iterator *at,
                              struct seq_item *item)
{
    bool more;
    if (at->back == NOT_STARTED || at->back > queue->first_back ||
        (at->back == queue->first_back && at->position <= queue->first)) {
        more = find_first(queue, item);
        at->back = queue->first_back;
        return more;
    }
#ifndef SEQ_NO_CACHE
    queue->seq.ahead = at->item != 0 ? queue->seq.work_size : 0;
#endif
    more = next_present(queue, &at->back, &at->position, item);
#ifndef SEQ_NO_CACHE
    queue->seq.ahead = 0;
#endif
    return more;
}

int seqqueue_next(struct seqqueue *queue, struct seqqueue_iterator *iterator, void *buffer,
                  uint32_t capacity, uint32_t *size)
{
    struct seqqueue_iterator next = *iterator;
    struct seq_item item;
    enter(queue);
    if (!next_of_iteration(queue, &next, &item)) return leave(queue, QUEUE_ERR_EMPTY);
    int answer = deliver(queue, &item, buffer, capacity, size);
    if (answer) return leave(queue, answer);
    iterator->back = next.back;
    iterator->position = seq_item_after(&queue->seq, &item);
    iterator->item = item.address;
    return leave(queue, BO_FLASH_OK);
}

int seqqueue_take(struct seqqueue *queue, struct seqqueue_iterator *iterator)
{
    struct seq *seq = &queue->seq;
    if (!can_pop(queue)) return QUEUE_ERR_UNSUPPORTED;
    enter_changing(queue);
    if (iterator->item == 0 || iterator->back >= queue->used) return leave(queue, QUEUE_ERR_EMPTY);
    uint32_t end = seq_sector_end(seq, sector_back(queue, iterator->back));
    struct seq_scan scan = seq_scan_from(iterator->item, end);
    if (!seq_item_next(seq, &scan) || scan.item.address != iterator->item || scan.item.crc == 0)
        return leave(queue, QUEUE_ERR_EMPTY);
    iterator->item = 0;
    pop(queue, iterator->back, &scan.item);
    return leave(queue, BO_FLASH_OK);
}
