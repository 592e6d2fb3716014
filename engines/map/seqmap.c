/* SPDX-License-Identifier: MIT */
/* seqmap.c - see seqmap.h. The format: ../seq/. What survives a cut, and why. In brackets what
 * fails without it:
 *
 *  1. Mounting reads only. What it makes of the words of the sectors:
 *     - a sector in use whose predecessor is not in use is the head; a second one after it is an
 *       interrupted erase of the source;
 *     - nothing in use: the newest sealed sector, one before an open one, is the head, sealed;
 *     - everything sealed, or both of two in use: one sector is an interrupted erase, find_junk
 *       finds which;
 *     - going back from the head, sealed sectors belong to the store, at most all others.
 *     [seqmap_cut_test.c]
 *  2. The buffer (the sector after the head) is known to be blank before the head is sealed. So a
 *     sealed head means: the buffer is blank, or in use, or its start word or its contents are
 *     copies of the oldest sector, and erasing it loses nothing. [seqmap_cut_test.c]
 *  3. The source (the oldest sector) is erased only after everything live in it has been copied.
 *     So if something in it is live, its erase has not begun, and it is whole; if nothing is,
 *     erasing it loses nothing. The crate decides by the words of the sector alone, erases the
 *     copies and begins again from a source whose erase may have begun. [seqmap_cut_test.c]
 *  4. An interrupted erase may leave a sector that reads sealed with valid items in it. They are
 *     copies of newer ones or superseded by newer ones, because nothing is removed before the
 *     source is blank: removing repairs first. Two ways remain in which such a sector could show
 *     what was never stored, or not any more:
 *     - zeros grown from its end complete an item whose program had been cut, when the bytes that
 *       were missing are zeros. Only if the item ends where the payload ends: else a header of
 *       zeros would follow, which no program leaves, and which shows that the erase has begun.
 *       For an item there, a marker (an item without data whose checksum is wrong: the crate
 *       steps over it) is put after the copies before the source is erased. Marker: the source
 *       is junk.
 *     - zeros grown from its start take the header off an item whose data look like an item. The
 *       header of zeros shows it here too, and in a head whose erase was cut as well.
 *     (An erase that sets a few bits of a header and leaves the rest would do the same. What looks
 *     like an item must hold its own 45 bits of checksums, so nothing but a value made for that,
 *     under a tear that spares it, is at risk.) [seqmap_cut_test.c]
 *  5. Copies that were cut waste room. When the rest of the source no longer fits, the head, which
 *     holds copies only (verified), is erased and filled again. That its erase was cut is seen as
 *     in 1; to know it from the others the last word of its payload is zeroed before, unless
 *     nothing may be appended to it anyway (6): that shows it, too.
 *     On two sectors the erase of the source may take its end word only, and then both are in use
 *     and nothing shows which is older: [k = 1] of the source, with a blank tail, looks as [k = 2]
 *     of the head does. So there the first item of the source is erased before the sector is; the
 *     first item of a head that holds copies only is present. (An erase that begins anew may take
 *     the header of that item. A head whose first header is torn has a cap after it, or no item.)
 *     A part with a limit of programs does not allow that: if one of the two does not hold copies
 *     of the other, nothing is known. [scenarios/cases/seqmap-two-in-use.case,
 *     scenarios/cases/seqmap-torn-copy.case, scenarios/test_scenarios.py]
 *  6. A unit that an interrupted program touched is not programmed again. The scan rule of the
 *     format goes on word by word after a torn header, so an item further on may be missed, by the
 *     crate too, if a piece of both looks like a header. A repair puts a cap after it, which is
 *     always found: an item of no data whose checksum is wrong, and not that of a marker.
 *     Items are appended after the cap. Where it has no place, and to a head whose start word is
 *     torn, nothing is appended: if it holds no item at all it is erased, so that it can't be taken
 *     for the sector of 5 later; else it is sealed as it is. On parts without a limit of programs
 *     the end word of a sealed head is programmed again, because the crate wants more of it than
 *     one bit. [seqmap_cut_test.c]
 *  7. The order of removal is old to new: the newest copy goes last. A removal that was cut may
 *     have cleared one bit, and an erase that is cut may set it again: what is torn in the source
 *     loses the bits of the right checksum before the sector is erased, where the part allows it.
 *     [scenarios/cases/seqmap-removal-undone.case] Not the others: a header that was torn has bits
 *     too many, and without these alone it is whole. [scenarios/cases/seqmap-erase-completes.case]
 */
#include "seqmap.h"

#include <string.h>

#include "../seq/seq_cap.h"
#include "../seq/seq_crc.h"
#include "../seq/seq_item.h"
#include "../seq/seq_sector.h"

BO_STATIC_CHECK(SEQMAP_KEY_PREFIXED == SEQ_LENGTH_MAX, "key_size is the longest key, too");

/* The checksum of a marker; that of no data is 0x11111111. */
#define MARKER_CRC 0x22222222u

/* The checksum of a cap, see 6 above: in no bit that of a marker, so that neither becomes the other
 * where bits are only cleared or only set. */
#define CAP_CRC SEQ_CAP_OF_MAP
BO_STATIC_CHECK((CAP_CRC & MARKER_CRC) == 0, "a cap is no torn marker");

/* Keys are compared in pieces of up to this size, in bytes. */
#define PIECE 32u
BO_STATIC_CHECK(PIECE % SEQ_WORD_MAX == 0 && PIECE > SEQ_CACHE_KEY_MAX, "whole words, cached keys");

/* A key as it stands at the start of an item's data, that is with its length in front if the map
 * has that. The first piece is at hand, the rest in memory or on the flash. */
struct key {
    const uint8_t *bytes; /* without length; NULL: on the flash */
    uint32_t address;
    uint32_t size;
    uint8_t start[PIECE];
};

/* The ring --------------------------------------------------------------------------------- */

static uint32_t sector_count(const struct seqmap *map)
{
    return map->seq.flash->geometry.sector_count;
}

/* Whether what was programmed may be programmed once more. */
static bool programs_again(const struct seqmap *map)
{
    return map->seq.flash->geometry.programs_per_unit == 0;
}

/* The sector after the head. */
static uint32_t sector_spare(const struct seqmap *map)
{
    return map->head + 1 == sector_count(map) ? 0 : map->head + 1;
}

/* The sector `back` places before the head. */
static uint32_t sector_back(const struct seqmap *map, uint32_t back)
{
    uint32_t sector = map->head - back;
    return sector > map->head ? sector + sector_count(map) : sector;
}

static uint32_t head_end(const struct seqmap *map)
{
    return seq_sector_end(&map->seq, map->head);
}

/* A walk over what that sector holds. */
static struct seq_scan scan_back(const struct seqmap *map, uint32_t back)
{
    return seq_scan_sector(&map->seq, sector_back(map, back));
}

static bool spare_is_blank(struct seqmap *map)
{
    uint32_t from = seq_sector_address(&map->seq, sector_spare(map));
    return seq_sector_blank(&map->seq, from, from + map->seq.flash->geometry.sector_size);
}

/* Keys ------------------------------------------------------------------------------------- */

/* False when the size is not one that this map takes. */
static bool key_make(const struct seqmap *map, const void *bytes, uint32_t size, struct key *key)
{
    key->bytes = (const uint8_t *)bytes;
    key->size = size + map->prefix;
    key->start[0] = (uint8_t)size;
    key->start[1] = (uint8_t)(size >> 8);
    if (size != 0) memcpy(key->start + map->prefix, bytes, seq_minimum(size, PIECE - map->prefix));
    return size <= map->key_size && (map->prefix != 0 || size == map->key_size);
}

/* The key of an item; false when it has none that can be read. */
static bool key_of_item(struct seqmap *map, const struct seq_item *item, struct key *key)
{
    uint32_t size = seq_minimum(seq_up(&map->seq, item->length), PIECE);
    key->bytes = NULL;
    key->address = seq_item_data(&map->seq, item);
    key->size = map->key_size;
    if (item->length < map->prefix || !seq_read(&map->seq, key->address, key->start, size))
        return false;
    if (map->prefix != 0) key->size = 2u + key->start[0] + ((uint32_t)key->start[1] << 8);
    return key->size <= item->length;
}

/* Whether an item has this key; its data are not checked. */
static bool key_matches(struct seqmap *map, const struct key *key, const struct seq_item *item)
{
    uint32_t address = seq_item_data(&map->seq, item);
    if (item->length < key->size) return false;
    for (uint32_t done = 0, part; done < key->size; done += part) {
        uint8_t here[PIECE], there[PIECE];
        const uint8_t *wanted = done == 0 ? key->start : there;
        part = seq_minimum(key->size - done, PIECE);
        uint32_t size = seq_up(&map->seq, part);
        if (done != 0 && key->bytes != NULL)
            wanted = key->bytes + (done - map->prefix);
        else if (done != 0 && !seq_read(&map->seq, key->address + done, there, size))
            return false;
        if (!seq_read(&map->seq, address + done, here, size) || memcmp(here, wanted, part) != 0)
            return false;
    }
    return true;
}

#ifndef SEQ_NO_CACHE

/* The address that the cache has for a key, or 0. */
static uint32_t key_cached(struct seqmap *map, const struct key *key)
{
    return seq_cache_key(map->seq.cache, key->start, key->size);
}

/* Notes the newest copy of a key; address 0: forgets the key. */
static void key_note(struct seqmap *map, const struct key *key, uint32_t address)
{
    if (address != 0)
        seq_cache_note_key(map->seq.cache, key->start, key->size, address);
    else
        seq_cache_forget_key(map->seq.cache, key->start, key->size);
}

#else
#define key_cached(map, key) 0u
#define key_note(map, key, address) ((void)(key))
#endif

/* Searching -------------------------------------------------------------------------------- */

/* Moves to the next item that is not erased and has this key, or any (key NULL); only to one that
 * is present when `present`. False at the end. */
static bool next_item(struct seqmap *map, struct seq_scan *scan, const struct key *key,
                      bool present)
{
    while (seq_item_next(&map->seq, scan))
        if (scan->item.crc != 0 && (key == NULL || key_matches(map, key, &scan->item)) &&
            (!present || seq_item_present(&map->seq, &scan->item)))
            return true;
    return false;
}

/* The newest present copy of a key. The oldest sector is looked at from `from` on (0: all). The
 * data of the last copy in a sector only are checked; if they are torn, those of each. */
static bool search(struct seqmap *map, const struct key *key, uint32_t from, struct seq_item *item)
{
    bool found = false, check = false;
    for (uint32_t back = 0; back < map->used && !found; back += !check) {
        struct seq_scan scan = scan_back(map, back);
        if (back + 1 == map->used && from != 0) scan.address = from;
        while (next_item(map, &scan, key, check)) {
            *item = scan.item;
            found = true;
        }
        if (!map->seq.error)
            seq_cache_note_end(map->seq.cache, sector_back(map, back), scan.address);
        check = found && !check && !seq_item_present(&map->seq, item);
        found = found && !check;
    }
    return found;
}

#ifndef SEQ_NO_CACHE

/* Tries the address that the cache has. */
static bool search_cached(struct seqmap *map, const struct key *key, struct seq_item *item)
{
    uint32_t address = key_cached(map, key);
    if (address == 0) return false;
    uint32_t sector = address / map->seq.flash->geometry.sector_size;
    struct seq_scan scan = seq_scan_from(address, seq_sector_end(&map->seq, sector));
    if (!seq_item_next(&map->seq, &scan)) return false;
    *item = scan.item;
    return key_matches(map, key, item) && seq_item_present(&map->seq, item);
}

#else
#define search_cached(map, key, item) false
#endif

/* Looking at a sector that a cut may have left -------------------------------------------- */

/* What is seen in a sector. The more it looks like an interrupted erase of a buffer, which held
 * copies of the next sector or nothing, the larger the number. */
enum seen {
    SEEN_SOURCE = 1 << 0,    /* no present item stands first, see 5 above */
    SEEN_MARKER = 1 << 1,    /* see 4 above */
    SEEN_NO_ERASED = 1 << 2, /* no item is erased */
    SEEN_TORN = 1 << 3,      /* an item whose data do not fit its checksum, or no header */
    SEEN_REST = 1 << 4,      /* something after the items is not blank */
    SEEN_NOTHING = 1 << 5,   /* no item is present */
    SEEN_WORDS = 1 << 6,     /* the words are not the zeros that they were programmed with */
    SEEN_ZEROED = 1 << 7,    /* an erase has begun here */
};

/* What the source of two sectors in use shows, an item that is erased instead of none. The first
 * item of the head may be torn, but one of it is present if any of the source is. */
#define OF_SOURCE ((unsigned)(SEEN_SOURCE | SEEN_NO_ERASED | SEEN_NOTHING | SEEN_ZEROED))

static unsigned survey(struct seqmap *map, uint32_t sector)
{
    struct seq *seq = &map->seq;
    uint32_t start = seq_sector_address(seq, sector), end = seq_sector_end(seq, sector);
    uint32_t begin = start + seq->word;
    struct seq_scan scan = seq_scan_sector(&map->seq, sector);
    unsigned seen = SEEN_NO_ERASED | SEEN_NOTHING | SEEN_SOURCE;
    while (seq_item_next(seq, &scan)) {
        unsigned first = scan.item.address == begin ? SEEN_SOURCE : 0;
        if (scan.item.crc == 0)
            seen &= ~(unsigned)SEEN_NO_ERASED;
        else if (seq_item_present(seq, &scan.item))
            seen &= ~(SEEN_NOTHING | first);
        else
            seen |= scan.item.crc == MARKER_CRC && scan.item.length == 0 ? SEEN_MARKER : SEEN_TORN;
    }
    if (scan.stepped) seen |= SEEN_TORN;
    if (scan.zeroed) seen |= SEEN_ZEROED;
    if (!seq_sector_blank(seq, scan.address, end)) seen |= SEEN_REST;
    if (!seq_sector_is_zero(seq, start) || !seq_sector_is_zero(seq, end)) seen |= SEEN_WORDS;
    return seen;
}

/* Whether every present item of the sector after the head is a copy of one in the sector after
 * it, the oldest, and that the newest of its key. */
static bool spare_holds_copies(struct seqmap *map)
{
    struct seq_scan scan = seq_scan_sector(&map->seq, sector_spare(map));
    uint32_t source = seq_sector_address(&map->seq, sector_back(map, map->used - 1));
    struct seq_item newest;
    struct key key;
    while (next_item(map, &scan, NULL, true))
        if (!key_of_item(map, &scan.item, &key) || !search(map, &key, 0, &newest) ||
            newest.crc != scan.item.crc || newest.length != scan.item.length ||
            newest.address - source >= map->seq.flash->geometry.sector_size)
            return false;
    return true;
}

/* Mounting --------------------------------------------------------------------------------- */

/* No cut leaves what was found. */
static void damaged(struct seqmap *map)
{
    seq_fail(&map->seq, MAP_ERR_DAMAGED);
}

/* All sectors read sealed, or both of two in use: one is an interrupted erase. Takes the one that
 * looks most like it. */
static void find_junk(struct seqmap *map)
{
    bool marked = !map->head_sealed && programs_again(map);
    unsigned best = 0, certain = SEEN_ZEROED;
    if (marked) certain |= SEEN_SOURCE;
    uint32_t head = 0;
    map->used = sector_count(map) - 1;
    for (map->head = 0; map->head < sector_count(map); map->head++) {
        unsigned seen = survey(map, sector_spare(map));
        if (marked) seen = (seen ^ SEEN_NO_ERASED) & OF_SOURCE;
        if (seen < best || (!(seen & certain) && !spare_holds_copies(map))) continue;
        best = seen + 1;
        head = map->head;
    }
    map->head = head;
    if (best == 0) damaged(map);
}

/* The head turns out to be an interrupted erase. */
static void drop_head(struct seqmap *map)
{
    map->head = sector_back(map, 1);
    map->head_sealed = true;
    map->used--;
}

/* The head is in use and all others read sealed: a migration was cut, or the erase of the source or
 * of the head. Leaves out what is known to be junk. */
static void check_source(struct seqmap *map)
{
    unsigned head = survey(map, map->head);
    if (head & SEEN_ZEROED)
        drop_head(map);
    else if ((head & SEEN_MARKER) || (survey(map, sector_spare(map)) & SEEN_ZEROED))
        map->used--;
}

/* Finds the head and how many sectors are in use, see 1 above. */
static void resolve(struct seqmap *map)
{
    uint32_t count = sector_count(map), before = count - 1;
    seq_look_away(&map->seq);
    seq_cache_clear(map->seq.cache, count);
    map->seq.error = BO_FLASH_OK;
    map->ready = map->spare_blank = false;
    map->head_sealed = true;
    map->head = before;
    map->used = 0;
    enum seq_sector_state state = seq_sector_state(&map->seq, before), was;
    for (uint32_t sector = 0; sector < count && map->head_sealed; before = sector++) {
        was = state;
        state = seq_sector_state(&map->seq, sector);
        if (state == SEQ_SECTOR_IN_USE && was != SEQ_SECTOR_IN_USE) {
            map->head = sector;
            map->head_sealed = false;
            map->used = 1;
        } else if (state < SEQ_SECTOR_IN_USE && was == SEQ_SECTOR_SEALED) {
            map->head = before;
            map->used = 1;
        }
    }
    if (map->used == 0) { /* all read the same, but for what is open */
        map->head_sealed = state != SEQ_SECTOR_IN_USE;
        if (state == SEQ_SECTOR_SEALED || (state == SEQ_SECTOR_IN_USE && count == 2))
            find_junk(map);
        else if (state == SEQ_SECTOR_IN_USE)
            damaged(map);
        return;
    }
    while (map->used < count &&
           seq_sector_state(&map->seq, sector_back(map, map->used)) == SEQ_SECTOR_SEALED)
        map->used++;
    if (map->used == count) check_source(map);
}

/* At the start of each call. After an error nothing that the map knows is certain. */
static void enter(struct seqmap *map)
{
    if (map->seq.error) resolve(map);
}

#ifdef BO_CHECKS

static void check_flash(struct seqmap *map)
{
    struct seq *seq = &map->seq;
    for (uint32_t back = 0; back < map->used; back++) { /* 5 */
        enum seq_sector_state state = seq_sector_state(seq, sector_back(map, back));
        bool sealed = back != 0 || map->head_sealed;
        BO_CHECK(seq->error || state == (sealed ? SEQ_SECTOR_SEALED : SEQ_SECTOR_IN_USE));
    }
    if (!map->head_sealed) /* 6 */
        BO_CHECK(seq_sector_blank(seq, map->append, head_end(map)) || seq->error);
    if (map->spare_blank) BO_CHECK(spare_is_blank(map) || seq->error); /* 7 */
}

void seqmap_check(struct seqmap *map, bool flash)
{
    if (map->seq.error) return;
    seq_check(&map->seq);
    BO_CHECK(map->head < sector_count(map) && map->used <= sector_count(map)); /* 1 */
    BO_CHECK(map->used != 0 || map->head_sealed);                              /* 2 */
    if (!map->ready) return;
    BO_CHECK(map->used < sector_count(map)); /* 3 */
    if (!map->head_sealed)                   /* 4 */
        BO_CHECK(map->append >= seq_sector_start(&map->seq, map->head) &&
                 map->append <= head_end(map) && (map->append & map->seq.mask) == 0);
    if (flash) check_flash(map);
}

#endif

/* At its end. The error stays for the next call to see. */
static int leave(struct seqmap *map, int answer)
{
    seqmap_check(map, false);
    return map->seq.error ? map->seq.error : answer;
}

int seqmap_mount(struct seqmap *map, const struct seqmap_config *config)
{
    memset(map, 0, sizeof *map);
    if (config->flash->geometry.sector_count < 2 ||
        !seq_setup(&map->seq, config->flash, config->work, config->work_size))
        return MAP_ERR_GEOMETRY;
    map->key_size = config->key_size;
    if (map->key_size == SEQMAP_KEY_PREFIXED) map->prefix = 2;
#ifndef SEQ_NO_CACHE
    map->seq.ahead = seq_up(&map->seq, map->prefix != 0 ? 16 : map->key_size);
    map->seq.cache = config->cache;
#endif
    resolve(map);
    return leave(map, BO_FLASH_OK);
}

int seqmap_format(struct seqmap *map, const struct seqmap_config *config)
{
    int error = seqmap_mount(map, config);    /* which finds the oldest sector, if it can */
    if (map->seq.flash == NULL) return error; /* the geometry */
    map->seq.error = BO_FLASH_OK;
    uint32_t left = sector_count(map);
    do {
        map->head = sector_spare(map);
        seq_sector_erase(&map->seq, map->head);
    } while (--left != 0);
    if (map->seq.error == BO_FLASH_OK) resolve(map);
    return leave(map, BO_FLASH_OK);
}

/* Moving on -------------------------------------------------------------------------------- */

static bool fits(const struct seqmap *map, uint32_t length)
{
    return seq_item_size(&map->seq, length) <= head_end(map) - map->append;
}

/* Writes an item that fits to the head; `source` as seq_item_write has it. */
static void append(struct seqmap *map, struct seq_item *item, uint32_t source)
{
    BO_CHECK(fits(map, item->length));
    item->address = map->append;
    seq_item_write(&map->seq, item, source);
    map->append = seq_item_after(&map->seq, item);
    seq_cache_note_end(map->seq.cache, map->head, map->append);
}

/* Copies what is live in the oldest sector, the one after the head, to the head. False when the
 * rest does not fit. */
static bool copy_live(struct seqmap *map)
{
    uint32_t source = sector_spare(map), end = seq_sector_end(&map->seq, source);
    struct seq_scan whole = seq_scan_sector(&map->seq, source), scan = whole;
    struct seq_item *item = &scan.item, newer;
    struct key key;
    bool torn = false; /* the item at the end of the payload */
    while (next_item(map, &scan, NULL, false)) {
        uint32_t right = seq_item_checksum(&map->seq, item);
        if (item->crc != right) {
            torn = item->length != 0 && end - scan.address < map->seq.header;
            if (programs_again(map)) seq_item_spoil(&map->seq, item, right); /* see 7 above */
            continue;
        }
        if (!key_of_item(map, item, &key)) continue;
        uint32_t cached = key_cached(map, &key);
        if (cached != 0 ? cached != item->address : search(map, &key, scan.address, &newer))
            continue;
        if (!fits(map, item->length)) return false;
        key_note(map, &key, map->append);
        append(map, item, key.address);
        if (!seq_item_present(&map->seq, item)) seq_fail(&map->seq, BO_FLASH_ERR_ECC);
    }
    if (sector_count(map) == 2 && programs_again(map) && next_item(map, &whole, NULL, false))
        seq_item_erase(&map->seq, &whole.item); /* the first that is not erased, see 5 above */
    /* There is room for a marker, unless copies were cut. */
    if (torn && fits(map, 0)) {
        item->crc = MARKER_CRC;
        item->length = 0;
        append(map, item, 0);
        map->marked = true;
    }
    return true;
}

/* Makes the buffer, which is blank, the head. */
static void open_head(struct seqmap *map)
{
    BO_CHECK(map->used < sector_count(map));
    map->head = sector_spare(map);
    map->append = seq_sector_start(&map->seq, map->head);
    map->head_sealed = map->spare_blank = false;
    map->used++;
    seq_sector_zero(&map->seq, map->append - map->seq.word);
}

/* Erases the buffer, which leaves the store if it was the source. */
static void erase_spare(struct seqmap *map)
{
    seq_sector_erase(&map->seq, sector_spare(map));
    if (map->used == sector_count(map)) map->used--;
    map->spare_blank = true;
}

/* Erases the head, which holds copies only, and begins again, see 5 above. */
static void restart_head(struct seqmap *map)
{
    uint32_t evidence = head_end(map) - map->seq.word;
    drop_head(map);
    if (!spare_holds_copies(map)) damaged(map);
    seq_cache_clear(map->seq.cache, sector_count(map));
    if (map->append <= evidence) seq_sector_zero(&map->seq, evidence);
    erase_spare(map);
    open_head(map);
}

/* Copies what is live in the source and erases it. */
static void drain_source(struct seqmap *map)
{
    if (!copy_live(map)) {
        restart_head(map);
        if (!copy_live(map)) damaged(map);
    }
    erase_spare(map);
}

/* Has a buffer, which is not in use, blank. */
static void clear_spare(struct seqmap *map)
{
    if (map->spare_blank) return;
    if (spare_is_blank(map))
        map->spare_blank = true;
    else
        erase_spare(map);
}

/* Makes the buffer the head, see 2 and 3 above. */
static void advance(struct seqmap *map)
{
    clear_spare(map);
    if (!map->head_sealed) seq_sector_zero(&map->seq, head_end(map));
    open_head(map);
    if (map->used == sector_count(map)) drain_source(map);
}

/* Repair ----------------------------------------------------------------------------------- */

/* Goes on after torn headers, see 6 above, if a cap has a place there. */
static void append_cap(struct seqmap *map, uint32_t after, uint32_t torn)
{
#ifndef SEQMAP_NO_CAP
    uint32_t at = seq_cap_place(&map->seq, after, torn, map->append);
    struct seq_item cap = {.address = at, .crc = CAP_CRC, .length = 0};
    if (at == 0) return;
    map->append = at;
    append(map, &cap, 0);
#else
    (void)map, (void)after, (void)torn;
#endif
}

/* Finds where the next item goes; the end of the payload if none can. A head whose erase was cut,
 * or that holds no item but what else a cut left, is erased. */
static void find_append(struct seqmap *map)
{
    struct seq *seq = &map->seq;
    struct seq_scan scan = seq_scan_sector(&map->seq, map->head);
    uint32_t end = head_end(map), after = scan.address;
    bool keep = false; /* it holds an item, or can take one */
    for (; seq_item_next(seq, &scan); after = scan.address)
        keep = true;
    map->append = end;
    bool open = seq_sector_blank(seq, scan.address, end) &&
                seq_sector_is_zero(seq, seq_sector_address(seq, map->head));
    if (open && !scan.torn) {
        map->append = scan.address;
        keep = true;
    } else if (open && keep && !scan.zeroed && !map->head_sealed) {
        append_cap(map, after, scan.address);
    }
    if (keep && !scan.zeroed) return;
    drop_head(map);
    erase_spare(map);
}

/* At the start of each call that changes something. Repairs after mount and after an error. */
static void enter_changing(struct seqmap *map)
{
    enter(map);
    if (map->ready) return;
    if (map->used != 0) find_append(map);
    /* A torn end word is programmed again where the part allows it. */
    if (map->head_sealed && map->used != 0 && programs_again(map))
        seq_sector_zero(&map->seq, head_end(map));
    if (map->used == sector_count(map))
        drain_source(map); /* see 3 above */
    else
        clear_spare(map);
    map->ready = true;
}

/* Calls ------------------------------------------------------------------------------------ */

/* Copies the value of an item, and ends the call. The item was found by other reads than this one:
 * what reaches the caller must fit the checksum, together with the key, or it is an error now. */
static int deliver(struct seqmap *map, const struct seq_item *item, const struct key *key,
                   const void *bytes, void *value)
{
    uint32_t crc = bo_crc32c(SEQ_CRC32_START, key->start, map->prefix);
    crc = bo_crc32c(crc, bytes, key->size - map->prefix);
    bool sound = seq_item_read(&map->seq, item, key->size, item->length - key->size, value, &crc) &&
                 seq_crc32_end(crc) == item->crc;
    return leave(map, sound ? BO_FLASH_OK : BO_FLASH_ERR_ECC);
}

int seqmap_fetch(struct seqmap *map, const void *key, uint32_t key_size, void *value,
                 uint32_t capacity, uint32_t *value_size)
{
    struct key wanted;
    struct seq_item item;
    enter(map);
    if (!key_make(map, key, key_size, &wanted)) return leave(map, MAP_ERR_NOT_FOUND);
    if (!search_cached(map, &wanted, &item)) {
        if (!search(map, &wanted, 0, &item)) return leave(map, MAP_ERR_NOT_FOUND);
        key_note(map, &wanted, item.address);
    }
    *value_size = item.length - wanted.size;
    if (*value_size > capacity) return leave(map, MAP_ERR_BUFFER);
    return deliver(map, &item, &wanted, key, value);
}

/* Puts key and value into the work buffer. */
static void assemble(struct seqmap *map, const struct key *key, const void *value,
                     uint32_t value_size)
{
    uint8_t *work = map->seq.work;
    seq_look_away(&map->seq);
    memcpy(work, key->start, map->prefix);
    if (key->size != map->prefix) memcpy(work + map->prefix, key->bytes, key->size - map->prefix);
    if (value_size != 0) memcpy(work + key->size, value, value_size);
}

/* Gives up after a lap: by then every sector has been filled anew. A marker takes room for another
 * lap. */
int seqmap_store(struct seqmap *map, const void *key, uint32_t key_size, const void *value,
                 uint32_t value_size)
{
    struct key wanted;
    struct seq_item item;
    uint32_t advances = 0;
    if (!key_make(map, key, key_size, &wanted) || value_size > SEQ_LENGTH_MAX)
        return MAP_ERR_TOO_BIG;
    item.length = wanted.size + value_size;
    if (item.length > seq_length_max(&map->seq) || item.length > map->seq.work_size)
        return MAP_ERR_TOO_BIG;
    enter_changing(map);
    map->marked = false;
    while (map->head_sealed || !fits(map, item.length)) {
        if (!map->head_sealed) advances++;
        if (map->seq.error || advances >= (map->marked ? 2 : 1) * sector_count(map))
            return leave(map, MAP_ERR_FULL);
        advance(map);
    }
    assemble(map, &wanted, value, value_size);
    item.crc = seq_crc32_end(bo_crc32c(SEQ_CRC32_START, map->seq.work, item.length));
    append(map, &item, 0);
    key_note(map, &wanted, item.address);
    return leave(map, BO_FLASH_OK);
}

#ifndef SEQ_NO_CACHE

/* Notes where the first item of a sector is that is not erased. */
static void note_first(struct seqmap *map, uint32_t sector)
{
    struct seq_scan scan = seq_scan_sector(&map->seq, sector);
    if (map->seq.cache == NULL || map->seq.cache->sectors == NULL) return;
    uint32_t first = scan.address;
    while (seq_item_next(&map->seq, &scan) && scan.item.crc == 0 && scan.item.address == first)
        first = scan.address;
    if (!map->seq.error) seq_cache_note_first(map->seq.cache, sector, first);
}

#else
#define note_first(map, sector) ((void)0)
#endif

/* Erases the present items that have this key, or all (key NULL). */
static int remove_matching(struct seqmap *map, const struct key *key)
{
    if (map->seq.flash->geometry.programs_per_unit == 1) return MAP_ERR_UNSUPPORTED;
    enter_changing(map);
    for (uint32_t back = map->used; back-- != 0;) {
        struct seq_scan scan = scan_back(map, back);
        while (next_item(map, &scan, key, true))
            seq_item_erase(&map->seq, &scan.item);
        note_first(map, sector_back(map, back));
    }
    if (key != NULL)
        key_note(map, key, 0);
    else
        seq_cache_clear(map->seq.cache, 0);
    return leave(map, BO_FLASH_OK);
}

int seqmap_remove(struct seqmap *map, const void *key, uint32_t key_size)
{
    struct key wanted;
    if (!key_make(map, key, key_size, &wanted)) return BO_FLASH_OK;
    return remove_matching(map, &wanted);
}

int seqmap_remove_all(struct seqmap *map)
{
    return remove_matching(map, NULL);
}

/* Iterating -------------------------------------------------------------------------------- */

void seqmap_iterate(struct seqmap_iterator *iterator)
{
    iterator->sector = iterator->position = 0;
}

/* The next present item. Reads as much along with it as the work buffer takes. */
static bool next_of_all(struct seqmap *map, struct seq_scan *scan)
{
#ifndef SEQ_NO_CACHE
    uint32_t ahead = map->seq.ahead;
    map->seq.ahead = map->seq.work_size;
    bool more = next_item(map, scan, NULL, true);
    map->seq.ahead = ahead;
    return more;
#else
    return next_item(map, scan, NULL, true);
#endif
}

int seqmap_next(struct seqmap *map, struct seqmap_iterator *iterator, void *key,
                uint32_t key_capacity, uint32_t *key_size, void *value, uint32_t value_capacity,
                uint32_t *value_size)
{
    uint32_t unchecked = 0; /* deliver() checks the key with the value */
    enter(map);
    for (; iterator->sector < map->used; iterator->sector++) {
        struct seq_scan scan = scan_back(map, map->used - 1 - iterator->sector);
        struct key found;
        if (iterator->position != 0) scan.address = iterator->position;
        while (next_of_all(map, &scan)) {
            if (!key_of_item(map, &scan.item, &found)) continue; /* too short to hold a key */
            uint32_t size = *key_size = found.size - map->prefix;
            *value_size = scan.item.length - found.size;
            if (size > key_capacity || *value_size > value_capacity)
                return leave(map, MAP_ERR_BUFFER);
            iterator->position = scan.address;
            (void)seq_item_read(&map->seq, &scan.item, map->prefix, size, key, &unchecked);
            return deliver(map, &scan.item, &found, key, value);
        }
        iterator->position = 0;
    }
    return leave(map, MAP_ERR_NOT_FOUND);
}
