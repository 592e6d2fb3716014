/* SPDX-License-Identifier: MIT */
/* seqlog_find.c - where the head is.
 *
 * Sector p has the sequence number p or p + N, in turn, a lap each. Seen from any sector whose
 * header is good, the anchor, the header of the sector d places on says one of two things: its
 * number is d more than the anchor's, then it is newer and so is all between; or it is d - N more,
 * then it is older and so is all after. So on the ring, from the anchor on, the sectors are newer
 * up to the head and older after it, and every good header is a proof of the side on which the head
 * is.
 *
 *     anchor  newer  newer  head | (given up) older older .. anchor
 *
 * A blank header proves as much as an older one: what was never opened lies after the head, and no
 * cut makes a header of the log blank but that of the sector after the head. A bad header (torn,
 * rotten) proves nothing, and the search looks at the next ones instead, up to where it knows more
 * already. So bad headers cost reads and never mislead: the answer is that of a scan of all
 * headers, for the newest that can be read.
 *
 * Blank headers could mislead where they are the work of rot. So at last the answer is checked
 * against the LOOK_AHEAD sectors after it; a newer one among them is the new start. After a few of
 * those the ring is scanned.
 *
 * An index gives the anchor. The head is near it then, and is approached in steps that double.
 */
#include "seqlog_internal.h"

#define LOOK_AHEAD 4u
#define RESTARTS 4u

enum side { SIDE_BAD = 0, SIDE_BLANK, SIDE_OLDER, SIDE_NEWER };

struct search {
    struct seqlog *log;
    uint32_t anchor;             /* a sector */
    uint32_t sequence;           /* its number */
    uint32_t low;                /* places on from the anchor: newer, or the anchor itself */
    uint32_t high;               /* older, blank, or all the way around */
    struct seqlog_header newest; /* of `low` */
};

/* Scan -------------------------------------------------------------------------------------- */

/* Whether `a` is newer than `b`, by serial arithmetic in 2N numbers. */
static bool newer(const struct seqlog *log, uint32_t a, uint32_t b)
{
    uint32_t count = 2 * log->plan.sectors, ahead = a >= b ? a - b : a + (count - b);
    return ahead != 0 && ahead < log->plan.sectors;
}

/* Every header. Without a good one the log is empty, but only the first sector may be torn then:
 * the log began there. */
static int scan(struct seqlog *log, uint32_t *sector, struct seqlog_header *newest)
{
    bool found = false, foreign = false;
    for (uint32_t p = 0; p < log->plan.sectors; p++) {
        struct seqlog_header header;
        int state = seqlog_sector_read(log, p, &header);
        if (state < 0) return state;
        foreign |= state == SEQLOG_BAD && p != 0;
        if (state != SEQLOG_VALID) continue;
        if (found && !newer(log, header.sequence, newest->sequence)) continue;
        found = true;
        *sector = p;
        *newest = header;
    }
    if (!found && foreign) return RINGLOG_ERR_DAMAGED;
    return found ? SEQLOG_YES : SEQLOG_NO;
}

/* Search ------------------------------------------------------------------------------------ */

/* What the sector `on` places after the anchor proves. */
static int probe(struct search *s, uint32_t on, struct seqlog_header *header)
{
    int state = seqlog_sector_read(s->log, seqlog_on(s->log, s->anchor, on), header);
    if (state < 0) return state;
    if (state != SEQLOG_VALID) return state == SEQLOG_BLANK ? SIDE_BLANK : SIDE_BAD;
    bool same_lap = header->sequence == seqlog_sequence_on(s->log, s->sequence, on);
    return same_lap ? SIDE_NEWER : SIDE_OLDER;
}

/* Narrows the search at `middle`, or at the first sector after it that proves something. */
static int narrow(struct search *s, uint32_t middle)
{
    for (uint32_t on = middle; on < s->high; on++) {
        struct seqlog_header header;
        int side = probe(s, on, &header);
        if (side < 0) return side;
        if (side == SIDE_NEWER) {
            s->low = on;
            s->newest = header;
            return BO_FLASH_OK;
        }
        if (side != SIDE_BAD) break;
    }
    s->high = middle;
    return BO_FLASH_OK;
}

/* Whether there is a newer sector a little after the answer; that is the answer then. */
static int look_ahead(struct search *s)
{
    uint32_t last = seqlog_minimum(s->low + LOOK_AHEAD, s->log->plan.sectors - 1);
    for (uint32_t on = s->low + 1; on <= last; on++) {
        struct seqlog_header header;
        int side = probe(s, on, &header);
        if (side < 0) return side;
        if (side == SIDE_OLDER) return SEQLOG_NO;
        if (side != SIDE_NEWER) continue;
        s->low = on;
        s->newest = header;
        return SEQLOG_YES;
    }
    return SEQLOG_NO;
}

/* Where to look next: in the middle, or twice as far on as last time. */
static uint32_t pick(const struct search *s, bool near)
{
    uint32_t half = s->low + (s->high - s->low) / 2, next = 2 * s->low + 1;
    return near && s->high == s->log->plan.sectors && next < half ? next : half;
}

/* From an anchor to the head. */
static int search(struct seqlog *log, bool near, uint32_t *sector, struct seqlog_header *newest)
{
    struct search s = {log, *sector, newest->sequence, 0, 0, *newest};
    for (uint32_t restart = 0; restart < RESTARTS; restart++) {
        s.high = log->plan.sectors;
        while (s.high - s.low > 1) {
            int error = narrow(&s, pick(&s, near));
            if (error) return error;
        }
        int answer = look_ahead(&s);
        if (answer < 0) return answer;
        if (answer == SEQLOG_YES) continue;
        *sector = seqlog_on(log, s.anchor, s.low);
        *newest = s.newest;
        return SEQLOG_YES;
    }
    return scan(log, sector, newest);
}

/* Anchors ----------------------------------------------------------------------------------- */

/* From the first sectors. Where they are blank nothing was ever opened, as the log begins at sector
 * 0; the last sector is asked, too. Where that is no proof: a scan. */
static int bisect(struct seqlog *log, uint32_t *sector, struct seqlog_header *newest)
{
    uint32_t last = log->plan.sectors - 1, bad = 0;
    for (uint32_t i = 0; i <= LOOK_AHEAD && i <= last; i++) {
        uint32_t p = i == LOOK_AHEAD ? last : i;
        int state = seqlog_sector_read(log, p, newest);
        if (state < 0) return state;
        *sector = p;
        if (state == SEQLOG_VALID) return search(log, false, sector, newest);
        if (state == SEQLOG_BAD && p != 0) bad++;
    }
    return bad == 0 ? SEQLOG_NO : scan(log, sector, newest);
}

/* From what the index says, or from a sector just before that. */
static int follow(struct seqlog *log, uint32_t *sector, struct seqlog_header *newest)
{
    uint32_t hint;
    int answer = seqlog_index_hint(log, &hint);
    if (answer < 0) return answer;
    for (uint32_t back = 0; answer == SEQLOG_YES && back < LOOK_AHEAD; back++) {
        if (back >= log->plan.sectors) break;
        *sector = seqlog_back(log, hint, back);
        int state = seqlog_sector_read(log, *sector, newest);
        if (state < 0) return state;
        if (state == SEQLOG_VALID) return search(log, true, sector, newest);
    }
    return bisect(log, sector, newest);
}

int seqlog_find(struct seqlog *log, uint32_t *sector, struct seqlog_header *header)
{
    switch (log->find) {
    case SEQLOG_SCAN:
        return scan(log, sector, header);
    case SEQLOG_BISECT:
        return bisect(log, sector, header);
    default:
        return follow(log, sector, header);
    }
}
