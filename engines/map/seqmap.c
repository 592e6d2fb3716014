/* seqmap.c - see seqmap.h. The format: ../seq/. What survives a cut, and why:
 *
 *  1. Mounting reads only. What it makes of the words of the sectors:
 *     - a sector in use whose predecessor is not in use is the head; a second one behind it is an
 *       interrupted erase of the source;
 *     - nothing in use: the newest sealed sector, one before an open one, is the head, sealed;
 *     - everything sealed: one sector is an interrupted erase, find_junk tells which;
 *     - going back from the head, sealed sectors belong to the store, at most all others.
 *  2. The buffer (the sector after the head) is known to be blank before the head is sealed. So a
 *     sealed head means: the buffer is blank, or in use, or its start word or its contents are
 *     copies of the oldest sector, and erasing it loses nothing.
 *  3. The source (the oldest sector) is erased only after everything live in it has been copied.
 *     So if something in it is live, its erase has not begun, and it is whole; if nothing is,
 *     erasing it loses nothing. The crate decides by the words of the sector alone, erases the
 *     copies and begins again from a source whose erase may have begun.
 *  4. An interrupted erase may leave a sector that reads sealed with valid items in it. They are
 *     copies of newer ones or superseded by newer ones, because nothing is removed before the
 *     source is blank: removing repairs first. Two ways remain in which such a sector could show
 *     what was never stored, or not any more:
 *     - zeros grown from its end complete an item whose program had been cut, when the bytes that
 *       were missing are zeros. Only if the item ends where the payload ends: else a header of
 *       zeros would follow, which no program leaves, and which tells that the erase has begun.
 *       For an item there, a marker (an item without data whose checksum is wrong: the crate
 *       steps over it) is put behind the copies before the source is erased. Marker: the source
 *       is junk.
 *     - zeros grown from its start take the header off an item whose data look like an item. The
 *       header of zeros tells here too, and in a head whose erase was cut as well.
 *     (An erase that sets a few bits of a header and leaves the rest would do the same. What looks
 *     like an item must hold its own 45 bits of checksums, so nothing but a value made for that,
 *     under a tear that spares it, is at risk.)
 *  5. Copies that were cut waste room. When the rest of the source no longer fits, the head, which
 *     holds copies only (verified), is erased and filled again; at once when its start word or a
 *     header in it is torn, because it may be half erased already. That its erase was cut is seen
 *     as in 1; to tell it from the others the last word of its payload is zeroed before, if blank.
 *  6. A unit that an interrupted program touched is not programmed again: behind a torn header the
 *     next item goes at least a header further, and only if the crate's scan would find it there;
 *     behind anything else that is not blank nothing is appended, the sector is sealed instead.
 *     On parts without a limit of programs a torn end word is completed, for the crate.
 *  7. The order of removal is old to new: the newest copy goes last.
 */
#include "seqmap.h"

#include <string.h>

#include "../seq/seq_item.h"
#include "../seq/seq_page.h"

#define NOT_STARTED UINT32_MAX

/* The checksum of a marker; that of no data is 0x11111111. */
#define MARKER_CRC 0x22222222u

/* A key as it stands at the start of an item's data: in memory, with its length still to be put in
 * front (prefix 2) or not (0), or on the flash. */
struct key {
    const uint8_t *bytes; /* NULL: on the flash */
    uint32_t address;
    uint32_t size; /* prefix included */
    uint32_t prefix;
};

/* A present item; `data` as seq_item_load gives it. */
struct hit {
    struct seq_item item;
    const uint8_t *data;
};

/* The ring --------------------------------------------------------------------------------- */

static uint32_t page_count(const struct seqmap *map)
{
    return map->seq.flash->geometry.sector_count;
}

static uint32_t page_after(const struct seqmap *map, uint32_t page)
{
    return page + 1 == page_count(map) ? 0 : page + 1;
}

/* The sector `back` places before the head. */
static uint32_t page_back(const struct seqmap *map, uint32_t back)
{
    return map->head >= back ? map->head - back : map->head + page_count(map) - back;
}

static uint32_t head_end(const struct seqmap *map)
{
    return seq_page_end(&map->seq, map->head);
}

/* A walk over what a sector holds, from `from` or, when that is 0, from its first item. */
static struct seq_scan scan_page(const struct seqmap *map, uint32_t page, uint32_t from,
                                 uint32_t peek)
{
    const struct seq_cache *cache = map->seq.cache;
    uint32_t start = seq_cache_first(cache, page, seq_page_start(&map->seq, page));
    uint32_t end = seq_cache_end(cache, page, seq_page_end(&map->seq, page));
    if (peek > SEQ_ITEM_PEEK_MAX) peek = SEQ_ITEM_PEEK_MAX;
    return seq_scan_from(from != 0 ? from : start, end, seq_up(&map->seq, peek));
}

/* Keys ------------------------------------------------------------------------------------- */

/* 0 when the size is not one that this map takes. */
static int key_make(const struct seqmap *map, const void *bytes, uint32_t size, struct key *key)
{
    bool prefixed = map->key_size == SEQMAP_KEY_PREFIXED;
    if (prefixed ? size > SEQ_LENGTH_MAX : size != map->key_size) return 0;
    static const uint8_t nothing[1] = {0};
    key->bytes = bytes != NULL ? (const uint8_t *)bytes : nothing;
    key->address = 0;
    key->prefix = prefixed ? 2 : 0;
    key->size = size + key->prefix;
    return 1;
}

/* Copies [offset, offset + size) of a key, size at most SEQ_ITEM_PEEK_MAX. 1, 0 when the part can't
 * read it, or an error. */
static int key_read(struct seqmap *map, const struct key *key, uint32_t offset, uint8_t *to,
                    uint32_t size)
{
    if (key->bytes == NULL) {
        struct seq_item item = {.address = key->address, .length = key->size};
        return seq_item_peek(&map->seq, NULL, &item, offset, to, size);
    }
    for (uint32_t i = 0; i < size; i++, offset++) {
        uint32_t prefix_byte = (key->size - 2) >> (8 * (offset & 1));
        to[i] = offset < key->prefix ? (uint8_t)prefix_byte : key->bytes[offset - key->prefix];
    }
    return 1;
}

/* The key of an item. Short keys are copied to `memory`, SEQ_ITEM_PEEK_MAX bytes. 1, 0 when it has
 * none that can be read, or an error. */
static int key_of_item(struct seqmap *map, const struct seq_scan *scan, const struct seq_item *item,
                       uint8_t *memory, struct key *key)
{
    key->prefix = 0;
    key->size = map->key_size;
    if (map->key_size == SEQMAP_KEY_PREFIXED) {
        if (item->length < 2) return 0;
        int read = seq_item_peek(&map->seq, scan, item, 0, memory, 2);
        if (read <= 0) return read;
        key->size = 2 + ((uint32_t)memory[0] | (uint32_t)memory[1] << 8);
    }
    if (key->size > item->length) return 0;
    key->bytes = key->size <= SEQ_ITEM_PEEK_MAX ? memory : NULL;
    key->address = item->address;
    return key->bytes == NULL ? 1 : seq_item_peek(&map->seq, scan, item, 0, memory, key->size);
}

/* Whether an item that is not erased has this key; its data are not checked. 1, 0 or an error. */
static int key_matches(struct seqmap *map, const struct seq_scan *scan, const struct seq_item *item,
                       const struct key *key)
{
    uint8_t here[SEQ_ITEM_PEEK_MAX], there[SEQ_ITEM_PEEK_MAX];
    if (item->crc == 0 || item->length < key->size) return 0;
    for (uint32_t done = 0, part; done < key->size; done += part) {
        part = key->size - done < sizeof here ? key->size - done : (uint32_t)sizeof here;
        int read = seq_item_peek(&map->seq, scan, item, done, here, part);
        if (read == 1) read = key_read(map, key, done, there, part);
        if (read <= 0) return read;
        if (memcmp(here, there, part) != 0) return 0;
    }
    return 1;
}

#ifndef SEQ_NO_CACHE

/* The address that the cache has for a key, or 0. */
static uint32_t key_cached(struct seqmap *map, const struct key *key)
{
    uint8_t bytes[SEQ_CACHE_KEY_MAX];
    if (key->size > sizeof bytes || key_read(map, key, 0, bytes, key->size) != 1) return 0;
    return seq_cache_key(map->seq.cache, bytes, key->size);
}

/* Notes the newest copy of a key; address 0: forgets the key. */
static void key_note(struct seqmap *map, const struct key *key, uint32_t address)
{
    uint8_t bytes[SEQ_CACHE_KEY_MAX];
    if (key->size > sizeof bytes || key_read(map, key, 0, bytes, key->size) != 1) return;
    if (address != 0)
        seq_cache_note_key(map->seq.cache, bytes, key->size, address);
    else
        seq_cache_forget_key(map->seq.cache, bytes, key->size);
}

#else
#define key_cached(map, key) 0u
#define key_note(map, key, address) ((void)(key))
#endif

/* Searching -------------------------------------------------------------------------------- */

/* The last present copy of a key in a sector, from `from` on (0: all of it). 1, 0 or an error. The
 * first pass checks the data of the last copy only; if they are torn, the second checks all. */
static int search_page(struct seqmap *map, const struct key *key, uint32_t page, uint32_t from,
                       struct hit *hit)
{
    for (int pass = 0; pass < 2; pass++) {
        struct seq_scan scan = scan_page(map, page, from, key->size), best;
        struct seq_item item;
        bool found = false;
        int more;
        while ((more = seq_item_next(&map->seq, &scan, &item)) == 1) {
            int match = key_matches(map, &scan, &item, key);
            if (match == 1 && pass == 1) match = seq_item_load(&map->seq, &scan, &item, &hit->data);
            if (match < 0) return match;
            if (match == 0) continue;
            found = true;
            hit->item = item;
            best = scan;
        }
        if (more < 0) return more;
        seq_cache_note_end(map->seq.cache, page, scan.address);
        if (!found) return 0;
        int present = seq_item_load(&map->seq, &best, &hit->item, &hit->data);
        if (present != 0) return present;
    }
    return 0;
}

/* The newest present copy of a key. Looks in the sectors from the head back to `back_last`, and
 * there from `from` on (0: all of it). 1, 0 or an error. */
static int search(struct seqmap *map, const struct key *key, uint32_t back_last, uint32_t from,
                  struct hit *hit)
{
    for (uint32_t back = 0; back <= back_last && !map->empty; back++) {
        uint32_t start = back == back_last ? from : 0;
        int found = search_page(map, key, page_back(map, back), start, hit);
        if (found != 0) return found;
    }
    return 0;
}

/* Tries the address that the cache has. 1, 0 or an error. */
static int search_cached(struct seqmap *map, const struct key *key, struct hit *hit)
{
    uint32_t address = key_cached(map, key);
    if (address == 0) return 0;
    uint32_t page = address / map->seq.flash->geometry.sector_size;
    struct seq_scan scan = scan_page(map, page, address, key->size);
    int found = seq_item_next(&map->seq, &scan, &hit->item);
    if (found == 1) found = key_matches(map, &scan, &hit->item, key);
    if (found == 1) found = seq_item_load(&map->seq, &scan, &hit->item, &hit->data);
    return found;
}

/* Looking at a sector that a cut may have left -------------------------------------------- */

struct survey {
    uint32_t present, erased;
    bool marker;      /* see 4 above */
    bool torn;        /* an item whose data do not fit its checksum */
    uint32_t stepped; /* words that are no header */
    bool zeroed;      /* an erase has begun here */
    bool rest;        /* something behind the items is not blank */
    bool copies;      /* every present item is a copy of one that is live in the next sector */
};

/* Whether an item is a copy of one in `source`, and that the newest of its key. */
static int is_copy(struct seqmap *map, const struct seq_scan *scan, const struct seq_item *item,
                   uint32_t source)
{
    uint8_t memory[SEQ_ITEM_PEEK_MAX];
    struct key key;
    struct hit hit;
    int found = key_of_item(map, scan, item, memory, &key);
    if (found == 1) found = search(map, &key, map->sealed, 0, &hit);
    if (found != 1) return found;
    return hit.item.crc == item->crc && hit.item.length == item->length &&
           hit.item.address / map->seq.flash->geometry.sector_size == source;
}

/* FLASH_OK or an error. `copies` is only looked at when compare. */
static int survey_page(struct seqmap *map, uint32_t page, bool compare, struct survey *survey)
{
    struct seq_scan scan = scan_page(map, page, 0, SEQ_ITEM_PEEK_MAX);
    struct seq_item item;
    const uint8_t *data;
    int more;
    memset(survey, 0, sizeof *survey);
    survey->copies = true;
    while ((more = seq_item_next(&map->seq, &scan, &item)) == 1) {
        int present = seq_item_load(&map->seq, &scan, &item, &data);
        if (present < 0) return present;
        survey->present += (uint32_t)present;
        survey->erased += item.crc == 0;
        survey->marker |= item.crc == MARKER_CRC && item.length == 0;
        survey->torn |= item.crc != 0 && !present;
        if (!present || !compare) continue;
        int copy = is_copy(map, &scan, &item, page_after(map, page));
        if (copy < 0) return copy;
        survey->copies &= copy == 1;
    }
    if (more < 0) return more;
    int blank = seq_page_blank(&map->seq, scan.address, seq_page_end(&map->seq, page));
    if (blank < 0) return blank;
    survey->rest = blank == 0;
    survey->zeroed = scan.zeroed;
    survey->stepped = scan.stepped;
    return FLASH_OK;
}

/* Surveys a sector as if it were the buffer, the one before it the head. */
static int survey_as_buffer(struct seqmap *map, uint32_t page, struct survey *survey)
{
    uint32_t head = map->head, sealed = map->sealed;
    map->head = page == 0 ? page_count(map) - 1 : page - 1;
    map->sealed = page_count(map) - 2;
    int error = survey_page(map, page, true, survey);
    map->head = head;
    map->sealed = sealed;
    return error;
}

/* Mounting --------------------------------------------------------------------------------- */

static void set_head(struct seqmap *map, uint32_t head, bool head_sealed, uint32_t sealed)
{
    map->empty = false;
    map->head = head;
    map->head_sealed = head_sealed;
    map->sealed = sealed;
}

/* Whether the words of a sector are not the zeros that they were programmed with. */
static int words_differ(struct seqmap *map, uint32_t page)
{
    int zero = seq_page_is_zero(&map->seq, seq_page_address(&map->seq, page));
    if (zero == 1) zero = seq_page_is_zero(&map->seq, seq_page_end(&map->seq, page));
    return zero < 0 ? zero : !zero;
}

/* How much a sector looks like an interrupted erase of a buffer, which held copies of the next
 * sector or nothing. 0: it is none; or a negative error. */
static int junk_score(struct seqmap *map, uint32_t page)
{
    struct survey s;
    int error = survey_as_buffer(map, page, &s);
    int differ = error ? error : words_differ(map, page);
    if (differ < 0) return differ;
    if (!s.copies && !s.zeroed) return 0;
    int stepped = s.stepped < 0xFFFF ? (int)s.stepped : 0xFFFF;
    int score = 32 * s.zeroed + 16 * differ + 8 * (s.present == 0) + 4 * s.rest + 2 * s.torn +
                (s.erased == 0);
    return 1 + stepped + 0x10000 * score;
}

/* All sectors read sealed: one is an interrupted erase. Takes the one that looks most like it. */
static int find_junk(struct seqmap *map)
{
    int best = 0;
    uint32_t junk = 0;
    map->empty = false;
    for (uint32_t page = 0; page < page_count(map); page++) {
        int score = junk_score(map, page);
        if (score < 0) return score;
        if (score <= best) continue;
        best = score;
        junk = page;
    }
    if (best == 0) return MAP_ERR_DAMAGED;
    set_head(map, junk == 0 ? page_count(map) - 1 : junk - 1, true, page_count(map) - 2);
    return FLASH_OK;
}

/* Both of two sectors read "in use": the one whose erase was cut holds nothing valid. */
static int find_head_of_two(struct seqmap *map)
{
    unsigned score[2];
    map->empty = false;
    for (uint32_t page = 0; page < 2; page++) {
        struct survey s;
        int error = survey_page(map, page, false, &s);
        if (error) return error;
        score[page] = 2u * (s.present + s.erased != 0) + !s.zeroed;
    }
    set_head(map, score[1] > score[0], false, 0);
    return FLASH_OK;
}

/* The head turns out to be an interrupted erase. */
static void drop_head(struct seqmap *map)
{
    map->empty = map->sealed == 0;
    if (!map->empty) set_head(map, page_back(map, 1), true, map->sealed - 1);
}

/* The head is in use and all others read sealed: a migration was cut, or the erase of the source or
 * of the head. Leaves out what is known to be junk. */
static int check_source(struct seqmap *map)
{
    struct survey head, source;
    int error = survey_page(map, map->head, false, &head);
    if (!error) error = survey_page(map, page_after(map, map->head), false, &source);
    if (error) return error;
    if (head.zeroed)
        drop_head(map);
    else if (head.marker || source.zeroed)
        map->sealed--;
    return FLASH_OK;
}

/* What the walk over the words of the sectors has found. */
struct walk {
    uint32_t run;      /* sealed sectors right before the one at hand */
    uint32_t partials; /* sectors in use */
    uint32_t in_use;   /* the first one in use behind one that is not, and the run before it */
    uint32_t in_use_run;
    uint32_t last_sealed; /* the first sealed one before an open one, and the run that it ends */
    uint32_t last_sealed_run;
};

/* Notes two neighbours in the ring; walk->run is that before `page`. */
static void walk_pair(const struct seqmap *map, struct walk *walk, int before, uint32_t page,
                      int state)
{
    if (state == SEQ_PAGE_PARTIAL && before != SEQ_PAGE_PARTIAL && walk->in_use == NOT_STARTED) {
        walk->in_use = page;
        walk->in_use_run = walk->run;
    }
    if ((state == SEQ_PAGE_OPEN || state == SEQ_PAGE_HALF) && before == SEQ_PAGE_CLOSED &&
        walk->last_sealed == NOT_STARTED) {
        walk->last_sealed = page == 0 ? page_count(map) - 1 : page - 1;
        walk->last_sealed_run = walk->run;
    }
}

/* Decides which sector is the head, see 1 above. */
static int choose_head(struct seqmap *map, const struct walk *walk)
{
    uint32_t count = page_count(map);
    map->empty = true;
    if (walk->run == count) return find_junk(map);
    if (walk->in_use != NOT_STARTED) {
        uint32_t run = walk->in_use_run;
        set_head(map, walk->in_use, false, run == walk->in_use ? run + walk->run : run);
        return map->sealed == count - 1 ? check_source(map) : FLASH_OK;
    }
    if (walk->partials == count) return count == 2 ? find_head_of_two(map) : MAP_ERR_DAMAGED;
    if (walk->last_sealed != NOT_STARTED) {
        uint32_t run = walk->last_sealed_run, head = walk->last_sealed;
        set_head(map, head, true, (run == head + 1 ? run + walk->run : run) - 1);
    }
    return FLASH_OK;
}

/* Reads the words of all sectors and finds the head. */
static int resolve(struct seqmap *map)
{
    struct walk walk = {.in_use = NOT_STARTED, .last_sealed = NOT_STARTED};
    int first = 0, before = 0;
    map->ready = false;
    map->seq.window_size = 0;
    seq_cache_clear(map->seq.cache, page_count(map));
    for (uint32_t page = 0; page < page_count(map); page++) {
        int state = seq_page_state(&map->seq, page);
        if (state < 0) return state;
        if (page == 0)
            first = state;
        else
            walk_pair(map, &walk, before, page, state);
        walk.run = state == SEQ_PAGE_CLOSED ? walk.run + 1 : 0;
        walk.partials += state == SEQ_PAGE_PARTIAL;
        before = state;
    }
    walk_pair(map, &walk, before, 0, first);
    int error = choose_head(map, &walk);
    map->lost = error != FLASH_OK;
    return error;
}

static int setup(struct seqmap *map, const struct seqmap_config *config)
{
    memset(map, 0, sizeof *map);
    map->key_size = config->key_size;
    bool usable = seq_setup(&map->seq, config->flash, config->work, config->work_size, 2);
    map->seq.cache = config->cache;
    return usable ? FLASH_OK : MAP_ERR_GEOMETRY;
}

int seqmap_mount(struct seqmap *map, const struct seqmap_config *config)
{
    int error = setup(map, config);
    return error ? error : resolve(map);
}

int seqmap_format(struct seqmap *map, const struct seqmap_config *config)
{
    int error = setup(map, config);
    if (error) return error;
    (void)resolve(map); /* for the order only */
    uint32_t page = map->empty || map->lost ? 0 : page_after(map, map->head);
    for (uint32_t i = 0; i < page_count(map) && !error; i++, page = page_after(map, page))
        error = seq_page_erase(&map->seq, page);
    return error ? error : resolve(map);
}

/* Moving on -------------------------------------------------------------------------------- */

/* Whether an item fits at map->append; puts that address into the item. Behind a torn header it
 * must also be found there: if not, nothing more goes into this sector. */
static bool fits(struct seqmap *map, struct seq_item *item)
{
    item->address = map->append;
    if (head_end(map) - map->append < seq_item_size(&map->seq, item->length)) return false;
    if (map->gap == 0 || seq_item_reachable(&map->seq, map->append - map->gap, head_end(map), item))
        return true;
    map->append = head_end(map);
    return false;
}

static void appended(struct seqmap *map, const struct seq_item *item)
{
    map->append = seq_item_after(&map->seq, item);
    map->gap = 0;
    seq_cache_note_end(map->seq.cache, map->head, map->append);
}

/* Finds where the next item goes; the end of the payload if none can. A head whose erase was cut
 * is erased. */
static int find_append(struct seqmap *map)
{
    struct seq_scan scan = seq_scan_from(seq_page_start(&map->seq, map->head), head_end(map), 0);
    struct seq_item item;
    int more;
    while ((more = seq_item_next(&map->seq, &scan, &item)) == 1)
        continue;
    if (more < 0) return more;
    if (scan.zeroed) {
        int error = seq_page_erase(&map->seq, map->head);
        drop_head(map);
        return error;
    }
    int blank = seq_page_blank(&map->seq, scan.address, head_end(map));
    if (blank < 0) return blank;
    int marked = seq_page_is_zero(&map->seq, seq_page_address(&map->seq, map->head));
    if (marked < 0) return marked;
    map->suspect = !marked || scan.stepped != 0;
    uint32_t gap = scan.torn ? (uint32_t)map->seq.header - map->seq.word : 0;
    if (!blank || head_end(map) - scan.address < gap) {
        map->append = head_end(map);
        map->gap = 0;
    } else {
        map->append = scan.address + gap;
        map->gap = (uint8_t)gap;
    }
    return FLASH_OK;
}

/* Whether an item of the oldest sector is the newest of its key, `after` being the address behind
 * it. Its data are not checked. 1, 0 or an error. */
static int is_live(struct seqmap *map, const struct seq_scan *scan, const struct seq_item *item,
                   uint8_t *memory, struct key *key)
{
    struct hit hit;
    int has = key_of_item(map, scan, item, memory, key);
    if (has != 1) return has;
    uint32_t cached = key_cached(map, key);
    if (cached != 0) return cached == item->address;
    int newer = search(map, key, map->sealed, scan->address, &hit);
    return newer < 0 ? newer : !newer;
}

/* Copies a present item to the head. 1, 0 when it does not fit, or an error. */
static int copy_item(struct seqmap *map, const struct seq_item *item, const uint8_t *data,
                     const struct key *key)
{
    struct seq_item copy = *item;
    if (!fits(map, &copy)) return 0;
    int error = seq_item_clone(&map->seq, item, data, copy.address);
    if (error) return error;
    appended(map, &copy);
    key_note(map, key, copy.address);
    return 1;
}

/* Puts a marker behind the copies, if there is room: there is, unless copies were cut. */
static int write_marker(struct seqmap *map)
{
    struct seq_item marker = {.crc = MARKER_CRC, .length = 0};
    if (!fits(map, &marker)) return FLASH_OK;
    int error = seq_item_write(&map->seq, &marker, map->seq.work);
    if (!error) appended(map, &marker);
    map->marked = true;
    return error;
}

/* Copies what is live in the oldest sector, the one after the head, to the head. 1, 0 when the
 * rest does not fit, or an error. A suspect head takes nothing. */
static int copy_live(struct seqmap *map)
{
    uint32_t page = page_after(map, map->head), end = seq_page_end(&map->seq, page);
    uint32_t peek = map->key_size == SEQMAP_KEY_PREFIXED ? 16u : map->key_size;
    struct seq_scan scan = scan_page(map, page, 0, peek);
    struct seq_item item;
    bool torn = false;
    int more;
    while ((more = seq_item_next(&map->seq, &scan, &item)) == 1) {
        uint8_t memory[SEQ_ITEM_PEEK_MAX];
        struct key key;
        const uint8_t *data;
        bool last = end - scan.address < map->seq.header;
        if (item.crc == 0) continue;
        int live = is_live(map, &scan, &item, memory, &key);
        if (live < 0) return live;
        if (!live && !last) continue;
        int present = seq_item_load(&map->seq, &scan, &item, &data);
        if (present < 0) return present;
        torn |= last && !present && item.length != 0;
        if (!present || !live) continue;
        if (map->suspect) return 0;
        int copied = copy_item(map, &item, data, &key);
        if (copied != 1) return copied;
    }
    if (more == 0 && torn && !map->suspect) more = write_marker(map);
    return more < 0 ? more : 1;
}

/* Makes an erased sector the head. */
static int open_head(struct seqmap *map, uint32_t page)
{
    int error = seq_page_mark(&map->seq, page);
    map->head = page;
    map->head_sealed = false;
    map->append = seq_page_start(&map->seq, page);
    map->gap = 0;
    map->suspect = false;
    return error;
}

/* Erases the buffer, which leaves the store if it was the source. */
static int erase_spare(struct seqmap *map)
{
    int error = seq_page_erase(&map->seq, page_after(map, map->head));
    if (map->sealed == page_count(map) - 1) map->sealed--;
    map->spare_blank = !error;
    return error;
}

/* Copies what is live in the source and erases it. */
static int drain_source(struct seqmap *map)
{
    int copied = copy_live(map);
    if (copied == 0) return MAP_ERR_DAMAGED;
    return copied < 0 ? copied : erase_spare(map);
}

/* 1 when a whole sector is blank, 0, or an error. */
static int page_blank(struct seqmap *map, uint32_t page)
{
    return seq_page_blank(&map->seq, seq_page_address(&map->seq, page),
                          seq_page_end(&map->seq, page) + map->seq.word);
}

/* Makes the buffer the head, see 2 and 3 above. */
static int advance(struct seqmap *map)
{
    uint32_t next = map->empty ? 0 : page_after(map, map->head);
    int error = FLASH_OK;
    if (!map->spare_blank) {
        int blank = page_blank(map, next);
        if (blank < 0) return blank;
        if (!blank) error = seq_page_erase(&map->seq, next);
    }
    if (!error && !map->empty && !map->head_sealed) error = seq_page_seal(&map->seq, map->head);
    if (error) return error;
    map->sealed = map->empty ? 0 : map->sealed + 1;
    map->empty = map->spare_blank = false;
    error = open_head(map, next);
    if (error || map->sealed < page_count(map) - 1) return error;
    return drain_source(map);
}

/* Repair ----------------------------------------------------------------------------------- */

/* Erases the head, which holds copies only, and begins again, see 5 above. */
static int restart_head(struct seqmap *map)
{
    struct survey s;
    int error = survey_as_buffer(map, map->head, &s);
    if (error) return error;
    if (!s.copies) return MAP_ERR_DAMAGED;
    seq_cache_clear(map->seq.cache, page_count(map));
    if (!map->suspect && map->append != head_end(map))
        error = seq_page_zero(&map->seq, head_end(map) - map->seq.word);
    if (!error) error = seq_page_erase(&map->seq, map->head);
    return error ? error : open_head(map, map->head);
}

/* Something is in the sector after the head: the source of a migration, or junk. See 3 above. */
static int clear_spare(struct seqmap *map)
{
    if (map->head_sealed || map->sealed < page_count(map) - 1) return erase_spare(map);
    int copied = copy_live(map);
    if (copied == 0) {
        int error = restart_head(map);
        return error ? error : drain_source(map);
    }
    return copied < 0 ? copied : erase_spare(map);
}

/* A torn end word of the head is programmed again where the part allows it. */
static int complete_seal(struct seqmap *map)
{
    if (map->seq.flash->geometry.programs_per_unit != 0) return FLASH_OK;
    int zero = seq_page_is_zero(&map->seq, head_end(map));
    if (zero != 0) return zero < 0 ? zero : FLASH_OK;
    return seq_page_seal(&map->seq, map->head);
}

/* Before anything is changed: after mount, and after an error of the flash. */
static int repair(struct seqmap *map)
{
    if (map->ready) return FLASH_OK;
    map->spare_blank = false;
    int error = map->empty || map->head_sealed ? FLASH_OK : find_append(map);
    if (!error && !map->empty) {
        if (map->head_sealed) error = complete_seal(map);
        int blank = error ? error : page_blank(map, page_after(map, map->head));
        error = blank < 0 ? blank : blank ? FLASH_OK : clear_spare(map);
        map->spare_blank = true;
    }
    map->ready = !error;
    return error;
}

/* Calls ------------------------------------------------------------------------------------ */

/* After an error of the flash nothing that the map knows is certain. */
static int enter(struct seqmap *map)
{
    return map->lost ? resolve(map) : FLASH_OK;
}

static int enter_changing(struct seqmap *map)
{
    int error = enter(map);
    return error ? error : repair(map);
}

static int leave_changing(struct seqmap *map, int error)
{
    if (error != FLASH_OK && error != MAP_ERR_FULL) map->lost = true;
    return error;
}

int seqmap_fetch(struct seqmap *map, const void *key, uint32_t key_size, void *value,
                 uint32_t capacity, uint32_t *value_size)
{
    struct key wanted;
    struct hit hit;
    int error = enter(map);
    if (error) return error;
    if (!key_make(map, key, key_size, &wanted)) return MAP_ERR_NOT_FOUND;
    int found = search_cached(map, &wanted, &hit);
    if (found == 0) {
        found = search(map, &wanted, map->sealed, 0, &hit);
        if (found == 1) key_note(map, &wanted, hit.item.address);
    }
    if (found != 1) return found < 0 ? found : MAP_ERR_NOT_FOUND;
    *value_size = hit.item.length - wanted.size;
    if (*value_size > capacity) return MAP_ERR_BUFFER;
    return seq_item_copy_out(&map->seq, &hit.item, hit.data, wanted.size, value, *value_size);
}

/* Puts key and value into the work buffer. Done again after each migration, which uses it. */
static void assemble(struct seqmap *map, const struct key *key, const void *value,
                     uint32_t value_size)
{
    uint8_t *work = map->seq.work;
    uint32_t key_size = key->size - key->prefix;
    map->seq.window_size = 0;
    (void)key_read(map, key, 0, work, key->prefix);
    if (key_size != 0) memcpy(work + key->prefix, key->bytes, key_size);
    if (value_size != 0) memcpy(work + key->size, value, value_size);
}

/* Gives up after a lap: by then every sector has been filled anew. A marker takes room for another
 * lap. */
static int store(struct seqmap *map, const struct key *key, const void *value, uint32_t value_size)
{
    struct seq_item item = {.length = key->size + value_size};
    uint32_t advances = 0;
    map->marked = false;
    int error = enter_changing(map);
    while (!error) {
        if (!map->empty && !map->head_sealed) {
            assemble(map, key, value, value_size);
            item.crc = seq_item_crc(map->seq.work, item.length);
            if (fits(map, &item)) break;
            if (++advances >= (map->marked ? 2 : 1) * page_count(map)) return MAP_ERR_FULL;
        }
        error = advance(map);
    }
    if (!error) error = seq_item_write(&map->seq, &item, map->seq.work);
    if (error) return error;
    appended(map, &item);
    key_note(map, key, item.address);
    return FLASH_OK;
}

int seqmap_store(struct seqmap *map, const void *key, uint32_t key_size, const void *value,
                 uint32_t value_size)
{
    struct key wanted;
    uint32_t most = seq_length_max(&map->seq);
    if (!key_make(map, key, key_size, &wanted) || wanted.size > most ||
        value_size > most - wanted.size ||
        seq_up(&map->seq, wanted.size + value_size) > map->seq.work_size)
        return MAP_ERR_TOO_BIG;
    return leave_changing(map, store(map, &wanted, value, value_size));
}

/* Erases the present items of a sector that have this key, or all (key NULL). */
static int remove_in_page(struct seqmap *map, uint32_t page, const struct key *key)
{
    struct seq_scan scan = scan_page(map, page, 0, key != NULL ? key->size : 0);
    uint32_t leading = scan.address; /* everything before it is erased */
    struct seq_item item;
    const uint8_t *data;
    int more;
    while ((more = seq_item_next(&map->seq, &scan, &item)) == 1) {
        int match = key != NULL ? key_matches(map, &scan, &item, key) : item.crc != 0;
        if (match == 1) match = seq_item_load(&map->seq, &scan, &item, &data);
        if (match < 0) return match;
        int error = match == 1 ? seq_item_erase(&map->seq, &item) : FLASH_OK;
        if (error) return error;
        if ((match == 1 || item.crc == 0) && item.address == leading) leading = scan.address;
    }
    if (more == 0) seq_cache_note_first(map->seq.cache, page, leading);
    return more;
}

static int remove_everywhere(struct seqmap *map, const struct key *key)
{
    if (map->seq.flash->geometry.programs_per_unit == 1) return MAP_ERR_UNSUPPORTED;
    int error = enter_changing(map);
    for (uint32_t back = map->sealed + 1; back-- != 0 && !map->empty && !error;)
        error = remove_in_page(map, page_back(map, back), key);
    if (!error) {
        if (key != NULL)
            key_note(map, key, 0);
        else
            seq_cache_clear(map->seq.cache, 0);
    }
    return leave_changing(map, error);
}

int seqmap_remove(struct seqmap *map, const void *key, uint32_t key_size)
{
    struct key wanted;
    if (!key_make(map, key, key_size, &wanted)) return FLASH_OK;
    return remove_everywhere(map, &wanted);
}

int seqmap_remove_all(struct seqmap *map)
{
    return remove_everywhere(map, NULL);
}

/* Iterating -------------------------------------------------------------------------------- */

void seqmap_iterate(struct seqmap_iterator *iterator)
{
    iterator->back = NOT_STARTED;
    iterator->position = 0;
}

#ifndef SEQ_NO_CACHE

/* Reads as much of the flash from `address` on as the work buffer takes, unless it holds `size`
 * bytes from there already. */
static int look_ahead(struct seqmap *map, uint32_t address, uint32_t size, uint32_t end)
{
    struct seq *seq = &map->seq;
    bool bad;
    if (seq_window(seq, address, size) != NULL) return FLASH_OK;
    uint32_t most = end - address < seq->work_size ? end - address : seq->work_size;
    seq->window_size = 0;
    int error = seq_read(seq, address, seq->work, most, &bad);
    if (error || bad) return error;
    seq->window = address;
    seq->window_size = most;
    return FLASH_OK;
}

#else

static int look_ahead(struct seqmap *map, uint32_t address, uint32_t size, uint32_t end)
{
    (void)map, (void)address, (void)size, (void)end;
    return FLASH_OK;
}

#endif

/* The next present item of the sector at hand. 1, 0 at its end, or an error. */
static int next_in_page(struct seqmap *map, struct seqmap_iterator *iterator, struct hit *hit)
{
    uint32_t page = page_back(map, iterator->back);
    struct seq_scan scan = scan_page(map, page, iterator->position, 0);
    int more;
    do {
        int error = scan.end - scan.address < map->seq.header
                        ? FLASH_OK
                        : look_ahead(map, scan.address, map->seq.header, scan.end);
        if (error) return error;
        more = seq_item_next(&map->seq, &scan, &hit->item);
        if (more != 1) break;
        if (hit->item.crc == 0) continue;
        uint32_t size = seq_item_size(&map->seq, hit->item.length);
        if (size <= map->seq.work_size) {
            error = look_ahead(map, hit->item.address, size, scan.end);
            if (error) return error;
        }
        int present = seq_item_load(&map->seq, &scan, &hit->item, &hit->data);
        if (present != 0) return present;
    } while (1);
    return more;
}

/* Lengths of key and value, and both copied when they fit. */
static int hand_out(struct seqmap *map, const struct hit *hit, void *key, uint32_t key_capacity,
                    uint32_t *key_size, void *value, uint32_t value_capacity, uint32_t *value_size)
{
    uint8_t memory[SEQ_ITEM_PEEK_MAX];
    struct key found;
    int has = key_of_item(map, NULL, &hit->item, memory, &found);
    if (has != 1) return has;
    uint32_t prefix = map->key_size == SEQMAP_KEY_PREFIXED ? 2 : 0;
    *key_size = found.size - prefix;
    *value_size = hit->item.length - found.size;
    if (*key_size > key_capacity || *value_size > value_capacity) return MAP_ERR_BUFFER;
    int error = seq_item_copy_out(&map->seq, &hit->item, hit->data, prefix, key, *key_size);
    if (!error)
        error = seq_item_copy_out(&map->seq, &hit->item, hit->data, found.size, value, *value_size);
    return error ? error : 1;
}

int seqmap_next(struct seqmap *map, struct seqmap_iterator *iterator, void *key,
                uint32_t key_capacity, uint32_t *key_size, void *value, uint32_t value_capacity,
                uint32_t *value_size)
{
    int error = enter(map);
    if (error) return error;
    if (iterator->back == NOT_STARTED) iterator->back = map->sealed;
    while (!map->empty && iterator->back <= map->sealed) {
        struct hit hit;
        int more = next_in_page(map, iterator, &hit);
        if (more == 1) {
            more =
                hand_out(map, &hit, key, key_capacity, key_size, value, value_capacity, value_size);
            if (more != MAP_ERR_BUFFER) iterator->position = seq_item_after(&map->seq, &hit.item);
            if (more == 1) return FLASH_OK;
            if (more == 0) continue; /* too short to hold a key */
        }
        if (more < 0) return more;
        iterator->position = 0;
        iterator->back--; /* behind the head: larger than any number of sectors */
    }
    return MAP_ERR_NOT_FOUND;
}
