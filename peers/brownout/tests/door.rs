//! Engines with a planted fault, each of which must be caught; and what is refused.

use brownout::*;
use core::ffi::CStr;
use std::collections::BTreeMap;
use std::panic::catch_unwind;
use std::sync::Mutex;

/// One value in each sector, without a word on whether it is whole.
pub struct Naive {
    flash: AnyNor,
    fault: u64,
}

const PANICS: u64 = 1;
const EATS: u64 = 2;
const WAITS: u64 = 3;
const OUTSIDE: u64 = 4;
const ASCII: u64 = 5;

impl Engine for Naive {
    type Flash = AnyNor;
    const NAME: &'static CStr = c"naive-rust";
    const SUMMARY: &'static CStr = c"one value, erased before each store";
    const OPTIONS: &'static [Opt] = &[Opt::number(c"fault", c"which", 0, 0..=5)];
    const HEAP: usize = 4096;

    fn limits(_: &Chip, _: &Settings) -> Limits {
        Limits { key: 1..=1, value_max: 7 }
    }

    fn mount(flash: AnyNor, settings: &Settings) -> Result<Self> {
        Ok(Self { flash, fault: settings.number(c"fault") })
    }
}

impl Map for Naive {
    const CALLS: &'static [Call] = &[];

    fn store(&mut self, key: &[u8], value: &[u8]) -> Result {
        match self.fault {
            PANICS => panic!("a planted panic of {} bytes", value.len()),
            EATS => std::mem::forget(vec![0u8; 5000]),
            WAITS => block_on(core::future::pending()),
            OUTSIDE => self.flash.erase_at(1 << 20)?,
            _ => self.flash.erase_at(0)?,
        }
        let mut slot = [0xFF; 8];
        slot[0] = key[0];
        slot[1..=value.len()].copy_from_slice(value);
        Ok(self.flash.program_at(0, &slot)?)
    }

    fn fetch(&mut self, key: &[u8], take: TakeBytes<'_>) -> Result {
        let mut slot = [0; 8];
        if self.fault == ASCII && !key.is_ascii() {
            return Err(Error::Unsupported);
        }
        self.flash.read_at(0, &mut slot)?;
        let size = slot[1..].iter().position(|it| *it == 0xFF).unwrap_or(7);
        if slot[0] != key[0] || slot[0] == 0xFF {
            return Err(Error::NotFound);
        }
        take(&slot[1..=size]);
        Ok(())
    }
}

/// One pair of two bytes each, erased before each store.
pub struct Pair(AnyNor);

impl Engine for Pair {
    type Flash = AnyNor;
    const NAME: &'static CStr = c"pair";
    const SUMMARY: &'static CStr = c"keys and values have two bytes";
    const VALUE_MIN: u32 = 2;

    fn limits(_: &Chip, _: &Settings) -> Limits {
        Limits { key: 2..=2, value_max: 2 }
    }

    fn mount(flash: AnyNor, _: &Settings) -> Result<Self> {
        Ok(Self(flash))
    }
}

impl Map for Pair {
    const CALLS: &'static [Call] = &[];

    fn store(&mut self, key: &[u8], value: &[u8]) -> Result {
        assert_eq!((key.len(), value.len()), (2, 2));
        self.0.erase_at(0)?;
        Ok(self.0.program_at(0, &[key, value].concat())?)
    }

    fn fetch(&mut self, key: &[u8], take: TakeBytes<'_>) -> Result {
        let mut pair = [0; 4];
        assert_eq!(key.len(), 2);
        self.0.read_at(0, &mut pair)?;
        if &pair[..2] != key {
            return Err(Error::NotFound);
        }
        take(&pair[2..]);
        Ok(())
    }
}

/// Sizes that few chips have.
pub struct Sized<F>(F);

impl<F: Flash> Engine for Sized<F> {
    type Flash = F;
    const NAME: &'static CStr = c"sized";
    const SUMMARY: &'static CStr = c"takes two geometries";
    const CLAIMS: &'static CStr = c"edges";

    fn limits(_: &Chip, _: &Settings) -> Limits {
        Limits { key: 1..=1, value_max: 7 }
    }

    fn mount(flash: F, _: &Settings) -> Result<Self> {
        Ok(Self(flash))
    }
}

impl<F: Flash> List for Sized<F> {
    const KIND: Kind = Kind::Log;
    const CALLS: &'static [Call] = &[Call::Append, Call::Each];

    fn append(&mut self, _: &[u8], _: u64) -> Result {
        Err(Error::Full)
    }

    fn each(&mut self, _: VisitItem<'_>) -> Result {
        Ok(())
    }
}

/// Records of eight bytes, one after the other; the newest of a key counts. A snapshot is how many
/// there were.
pub struct Records {
    flash: AnyNor,
    count: u32,
    open: [u32; 1 + SNAPSHOTS as usize],
    fault: u64,
}

const SHOWS_NEWER: u64 = 1;
const SCANS_NEWER: u64 = 2;

impl Records {
    fn record(&self, n: u32) -> Result<[u8; 8]> {
        let mut record = [0xFF; 8];
        if u64::from(n) * 8 < self.flash.chip().size() {
            self.flash.read_at(n * 8, &mut record)?;
        }
        Ok(record)
    }

    fn values(&self, count: u32) -> Result<BTreeMap<u8, Vec<u8>>> {
        let mut values = BTreeMap::new();
        for n in 0..count {
            let record = self.record(n)?;
            values.insert(record[0], record[2..][..record[1].into()].to_vec());
        }
        Ok(values)
    }

    fn count_at(&self, snapshot: u32, fault: u64) -> u32 {
        if self.fault == fault { self.count } else { self.open[snapshot as usize] }
    }

    fn find(&self, count: u32, key: &[u8], take: TakeBytes<'_>) -> Result {
        take(self.values(count)?.get(&key[0]).ok_or(Error::NotFound)?);
        Ok(())
    }

    fn range(
        &self,
        count: u32,
        (from, to): (Option<&[u8]>, Option<&[u8]>),
        visit: VisitValue<'_>,
    ) -> Result {
        for (key, value) in self.values(count)? {
            let key = [key];
            if from.is_none_or(|it| it <= &key[..]) && to.is_none_or(|it| it >= &key[..]) {
                visit(&key, &value);
            }
        }
        Ok(())
    }
}

/// The newest record in one of two sectors, the one before it in the other: a number, an id, a
/// length, six bytes and the sum of these.
pub struct Twin {
    flash: AnyNor,
    next: u64,
    id: u8,
    fault: u64,
}

const RANGE_SHORT: u64 = 1;
const ID_IGNORED: u64 = 2;
const RECORD: usize = 16;

fn sum(record: &[u8]) -> [u8; 2] {
    let sum = record.iter().fold(1u16, |sum, it| sum.wrapping_mul(31).wrapping_add((*it).into()));
    sum.to_le_bytes()
}

impl Twin {
    fn record(&self, sector: u32) -> Result<Option<(u64, u8, Vec<u8>)>> {
        let mut record = [0xFF; RECORD];
        self.flash.read_at(sector * self.flash.chip().sector_size, &mut record)?;
        if record[14..] != sum(&record[..14]) {
            return Ok(None);
        }
        let number = u32::from_le_bytes([record[0], record[1], record[2], record[3]]);
        Ok(Some((number.into(), record[4], record[6..][..record[5].into()].to_vec())))
    }

    fn records(&self) -> Result<Vec<(u64, u8, Vec<u8>)>> {
        let mut records: Vec<_> =
            [self.record(0)?, self.record(1)?].into_iter().flatten().collect();
        records.sort();
        Ok(records)
    }
}

impl Engine for Twin {
    type Flash = AnyNor;
    const NAME: &'static CStr = c"twin";
    const SUMMARY: &'static CStr = c"a log of two records";
    const CLAIMS: &'static CStr = c"edge";
    const OPTIONS: &'static [Opt] = &[
        Opt::number(c"fault", c"which", 0, 0..=2),
        Opt::number(c"id", c"of the log", 7, 0..=255).binds(),
    ];

    fn limits(_: &Chip, _: &Settings) -> Limits {
        Limits { key: 0..=0, value_max: 6 }
    }

    fn mount(flash: AnyNor, settings: &Settings) -> Result<Self> {
        let (id, fault) = (settings.number(c"id") as u8, settings.number(c"fault"));
        let mut it = Self { flash, next: 0, id, fault };
        for (number, id, _) in it.records()? {
            if id != it.id && fault != ID_IGNORED {
                return Err(Error::Damaged);
            }
            it.next = number + 1;
        }
        Ok(it)
    }
}

impl List for Twin {
    const KIND: Kind = Kind::Log;
    const CALLS: &'static [Call] = &[Call::Append, Call::Each, Call::Range];

    fn append(&mut self, item: &[u8], _: u64) -> Result {
        let mut record = [0xFF; RECORD];
        record[..4].copy_from_slice(&(self.next as u32).to_le_bytes());
        record[4..6].copy_from_slice(&[self.id, item.len() as u8]);
        record[6..][..item.len()].copy_from_slice(item);
        let sum = sum(&record[..14]);
        record[14..].copy_from_slice(&sum);
        let address = (self.next % 2) as u32 * self.flash.chip().sector_size;
        self.flash.erase_at(address)?;
        self.flash.program_at(address, &record)?;
        self.next += 1;
        Ok(())
    }

    fn range(&mut self) -> Result<(u64, u64)> {
        let first = self.records()?.first().map_or(self.next, |it| it.0);
        Ok((first, if self.fault == RANGE_SHORT { first } else { self.next }))
    }

    fn each(&mut self, visit: VisitItem<'_>) -> Result {
        for (number, _, item) in self.records()? {
            visit(number, &item);
        }
        Ok(())
    }
}

impl Engine for Records {
    type Flash = AnyNor;
    const NAME: &'static CStr = c"records";
    const SUMMARY: &'static CStr = c"records, and snapshots of them";
    const OPTIONS: &'static [Opt] = &[Opt::number(c"fault", c"which", 0, 0..=2)];

    fn limits(_: &Chip, _: &Settings) -> Limits {
        Limits { key: 1..=1, value_max: 6 }
    }

    fn mount(flash: AnyNor, settings: &Settings) -> Result<Self> {
        let fault = settings.number(c"fault");
        let mut it = Self { flash, count: 0, open: Default::default(), fault };
        while it.record(it.count)? != [0xFF; 8] {
            it.count += 1;
        }
        Ok(it)
    }
}

impl Map for Records {
    const CALLS: &'static [Call] = &[Call::Snapshots, Call::Scan];

    fn store(&mut self, key: &[u8], value: &[u8]) -> Result {
        if self.flash.chip().size() == u64::from(self.count) * 8 {
            return Err(Error::Full);
        }
        let mut record = [0xFF; 8];
        record[..2].copy_from_slice(&[key[0], value.len() as u8]);
        record[2..][..value.len()].copy_from_slice(value);
        self.flash.program_at(self.count * 8, &record)?;
        self.count += 1;
        Ok(())
    }

    fn fetch(&mut self, key: &[u8], take: TakeBytes<'_>) -> Result {
        self.find(self.count, key, take)
    }

    fn open_snapshot(&mut self, snapshot: u32) -> Result {
        self.open[snapshot as usize] = self.count;
        Ok(())
    }

    fn close_snapshot(&mut self, snapshot: u32) -> Result {
        self.open[snapshot as usize] = 0;
        Ok(())
    }

    fn fetch_at(&mut self, snapshot: u32, key: &[u8], take: TakeBytes<'_>) -> Result {
        self.find(self.count_at(snapshot, SHOWS_NEWER), key, take)
    }

    fn scan(&mut self, from: Option<&[u8]>, to: Option<&[u8]>, visit: VisitValue<'_>) -> Result {
        self.range(self.count, (from, to), visit)
    }

    fn scan_at(
        &mut self,
        snapshot: u32,
        from: Option<&[u8]>,
        to: Option<&[u8]>,
        visit: VisitValue<'_>,
    ) -> Result {
        self.range(self.count_at(snapshot, SCANS_NEWER), (from, to), visit)
    }
}

export! {
    map Naive;
    map Records;
    map Pair;
    list Twin;
    list Sized: (2, 256), (4, 128, 4);
}

/// What a test that fails prints.
fn said(work: impl FnOnce() + std::panic::UnwindSafe) -> String {
    let payload = catch_unwind(work).expect_err("it should fail");
    *payload.downcast::<String>().expect("a text")
}

fn assert_says(said: &str, words: &[&str]) {
    for word in words {
        assert!(said.contains(word), "no '{word}' in {said}");
    }
}

const SCENARIO: &str = "chip generic sectors=2 sector=256 page=256
    engine naive-rust
    store a \"x\"
    store a \"yz\"";

#[test]
fn what_is_lost_comes_as_a_case_with_its_story() {
    let said = said(|| survives!(SCENARIO, faults = "edge"));
    assert_says(&said, &["clause durable", "its case:\nchip ", "its story:", "store a"]);
}

#[test]
fn a_panic_is_a_finding_with_message_and_place() {
    let said = said(|| survives!(SCENARIO, engine = "naive-rust fault=1", faults = "edge"));
    assert_says(&said, &["clause sane", "door.rs:42: a planted panic of"]);
}

#[test]
fn a_heap_that_is_used_up_is_named() {
    let said = said(|| survives!(SCENARIO, engine = "naive-rust fault=2", faults = "edge"));
    assert_says(&said, &["5000 bytes more than its heap of 4096"]);
}

#[test]
fn a_future_that_waits_is_a_panic() {
    let said = said(|| survives!(SCENARIO, engine = "naive-rust fault=3", faults = "edge"));
    assert_says(&said, &["the engine waits for something other than the flash"]);
}

#[test]
fn what_lies_outside_is_an_error_and_not_asked_of_the_chip() {
    let said = said(|| survives!(SCENARIO, engine = "naive-rust fault=4", faults = "edge"));
    assert_says(&said, &["clause alive", "flash error"]);
}

#[test]
fn sizes_that_are_too_small_do_not_come_either() {
    let scenario = "chip generic sectors=2 sector=256 page=256
        engine pair
        store a \"xy\"
        store ab \"x\"
        store ab \"xy\"
        store ab \"zw\"";
    let said = said(|| survives!(scenario, faults = "edge"));
    assert_says(&said, &["clause durable", "2 operations were refused; line 3"]);
    assert!(!said.contains("panics") && !said.contains("empty"), "{said}");
}

#[test]
fn a_key_that_is_not_answered_is_named() {
    let said = said(|| survives!(SCENARIO, engine = "naive-rust fault=5", faults = "edge"));
    assert_says(&said, &["reading back 0xee: expected ok or not found, got unsupported"]);
}

#[test]
fn a_fuzz_run_finds_it_too() {
    let said = said(|| fuzz!(engine = "naive-rust", faults = "edge", rounds = 2));
    assert_says(&said, &["it does not survive", "its case:"]);
}

#[test]
fn a_chip_that_fits_no_type_is_refused_with_the_list() {
    let said = said(|| survives!(SCENARIO.replace("naive-rust", "sized").as_str()));
    assert_says(&said, &["refused", "are none of 2 256, 4 128 4"]);
}

#[test]
fn claims_that_are_no_fault_classes_are_refused() {
    let said = said(|| survives!("chip generic unit=4 sector=128 page=128 read=4\nengine sized"));
    assert_says(&said, &["refused", "the engine's claims: expected classes of edge,", "'edges'"]);
}

#[test]
fn what_the_engine_takes_is_said_where_it_refuses() {
    let said = said(|| survives!("wifi-password", engine = "naive-rust"));
    assert_says(&said, &["store answers too big", "keys of 1 to 1 bytes and values of 0 to 7"]);
}

#[test]
fn what_it_does_not_claim_is_tried_and_named() {
    let said_of = |faults| said(move || survives!(SCENARIO, faults = faults));
    assert_says(&said_of(""), &["fault classes edge,prefix,bits,zeros; naive-rust does not claim"]);
    assert_says(&said_of("claimed"), &["fault classes edge,prefix\n"]);
}

#[test]
fn a_test_that_fails_is_named_by_its_line() {
    static PLACE: Mutex<Option<(String, u32)>> = Mutex::new(None);
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if std::thread::current().name() == Some("a_test_that_fails_is_named_by_its_line") {
            let place = panic.location().unwrap();
            *PLACE.lock().unwrap() = Some((place.file().to_owned(), place.line()));
        }
        before(panic);
    }));
    let line = line!() + 1;
    said(|| survives!(SCENARIO, engine = "no-such"));
    assert_eq!(PLACE.lock().unwrap().take(), Some((file!().to_owned(), line)));
    let line = line!() + 1;
    said(|| survives!("no-such"));
    assert_eq!(PLACE.lock().unwrap().take(), Some((file!().to_owned(), line)));
}

#[test]
fn an_engine_that_nobody_exports_is_named_with_those_of_the_program() {
    let said = said(|| survives!(SCENARIO, engine = "no-such"));
    assert_says(
        &said,
        &["unknown engine 'no-such'", "engines: naive-rust records pair twin sized"],
    );
}

#[test]
fn nothing_judged_is_no_pass() {
    let said = said(|| survives!("chip generic\nengine naive-rust\n"));
    assert_says(&said, &["nothing was judged"]);
}

#[test]
fn a_scenario_that_is_not_shipped_is_named_with_those_that_are() {
    assert_says(&said(|| survives!("no-such")), &["'no-such'", "wifi-password"]);
}

const SNAPSHOT: &str = "chip generic sectors=4 sector=256 page=256
    engine records
    store a \"x\"
    snapshot 1
    store a \"yz\"
    fetch a in 1
    scan in 1
    close 1
    store b \"w\"
    scan";

#[test]
fn a_snapshot_shows_what_was_there() {
    survives!(SNAPSHOT, faults = "edge");
}

#[test]
fn a_snapshot_that_shows_what_came_later_is_found() {
    for engine in ["records fault=1", "records fault=2"] {
        let said = said(|| survives!(SNAPSHOT, engine = engine, faults = "edge"));
        assert_says(&said, &["clause isolated"]);
    }
}

const TWIN: &str = "chip generic sectors=2 sector=256 page=256
    engine twin
    append \"x\"
    append \"yz\"
    append \"w\"
    mount
    look";

#[test]
fn a_log_that_says_what_is_there_and_whose_it_is_passes() {
    survives!(TWIN, faults = "edge");
}

#[test]
fn a_range_that_is_wrong_is_found() {
    let said = said(|| survives!(TWIN, engine = "twin fault=1", faults = "edge"));
    assert_says(&said, &["clause ordered", "range: expected"]);
}

#[test]
fn a_log_of_another_id_that_is_opened_is_found() {
    let said = said(|| survives!(TWIN, engine = "twin fault=2", faults = "edge"));
    assert_says(&said, &["clause honest", "mount with id=8 in the place of 7"]);
}
