//! The log of the crate sensor-db: the readings of one sensor, each durable from the next sync on.
//!
//! It writes in pages of its own, of 64 bytes here. A reading has no number, and lies in one page.

use brownout::{
    Call, Chip, Engine, Error, Flash, Kind, Limits, List, Nor, Result, Settings, VisitItem,
    Widening,
};
use core::ffi::CStr;
use sensor_db::SensorDb;

const PAGE: usize = 64;
const SECTORS_MAX: usize = 64;
/// A page less the header and the checksum of an entry.
const READING_MAX: u32 = PAGE as u32 - 20;
/// One that is the header's, one for entries, and one for the summary of the sector.
const PAGES_MIN: u32 = 3;
/// Sectors that are never written while another one may be reclaimed; the least that it takes.
const RESERVED: u16 = 1;
const SENSOR: u16 = 1;

fn error_of(error: sensor_db::Error) -> Error {
    match error {
        sensor_db::Error::Flash(_) => Error::Flash,
        sensor_db::Error::NoSpace => Error::Full,
        sensor_db::Error::PayloadTooLarge => Error::TooBig,
        _ => Error::Damaged,
    }
}

type Done<T = ()> = core::result::Result<T, sensor_db::Error>;

/// The library's type for a flash of ours.
pub trait Sizes: Flash {
    type Log: Calls;
    fn open(self) -> Done<Self::Log>;
}

/// Its calls, whatever its sizes.
pub trait Calls {
    fn append(&mut self, time: u64, reading: &[u8]) -> Done;
    fn sync(&mut self) -> Done;
    fn each(&mut self, visit: &mut dyn FnMut(&[u8])) -> Done;
}

type Log<const W: usize, const E: usize> = SensorDb<Nor<W, E>, PAGE, SECTORS_MAX>;

impl<const W: usize, const E: usize> Sizes for Nor<W, E> {
    type Log = Log<W, E>;

    fn open(self) -> Done<Self::Log> {
        let mut log = SensorDb::new(self, 0, self.chip().sectors as u16, RESERVED)?;
        log.mount()?;
        Ok(log)
    }
}

impl<const W: usize, const E: usize> Calls for Log<W, E> {
    fn append(&mut self, time: u64, reading: &[u8]) -> Done {
        SensorDb::append(self, SENSOR, time, reading)
    }

    fn sync(&mut self) -> Done {
        SensorDb::sync(self)
    }

    fn each(&mut self, visit: &mut dyn FnMut(&[u8])) -> Done {
        let take = |_: &sensor_db::EntryHeader, reading: &[u8]| {
            visit(reading);
            true
        };
        self.query_all(Some(SENSOR), take).map(drop)
    }
}

pub struct Readings<N: Sizes>(N::Log);

impl<N: Sizes> Engine for Readings<N> {
    type Flash = N;
    const NAME: &'static CStr = c"crate-sensor-db";
    const SUMMARY: &'static CStr = c"the log of the Rust crate sensor-db, in pages of 64 bytes";
    const WIDENED: Option<(&'static [Widening], &'static CStr)> = Some((
        &[Widening::PowerOnDrops],
        c"each power-on that appends begins a sector, which carries its epoch",
    ));

    fn refuses(chip: &Chip, _: &Settings) -> Option<&'static CStr> {
        if chip.erased != 0xFF {
            return Some(c"the format wants erased bytes to be FF");
        }
        if chip.page < PAGE as u32 {
            return Some(c"it writes pages of 64 bytes");
        }
        let fits = chip.sector_size / PAGE as u32 >= PAGES_MIN
            && (2..=SECTORS_MAX as u32).contains(&chip.sectors);
        (!fits).then_some(c"it takes 2 to 64 sectors, of 3 pages of 64 bytes and more")
    }

    fn limits(_: &Chip, _: &Settings) -> Limits {
        Limits { key: 0..=0, value_max: READING_MAX }
    }

    fn mount(flash: N, _: &Settings) -> Result<Self> {
        flash.open().map(Self).map_err(error_of)
    }
}

impl<N: Sizes> List for Readings<N> {
    const KIND: Kind = Kind::Log;
    const CALLS: &'static [Call] = &[Call::Append, Call::Sync, Call::Each];
    const NUMBERLESS: bool = true;

    fn buffers(_: &Settings) -> bool {
        true
    }

    fn append(&mut self, item: &[u8], time: u64) -> Result {
        self.0.append(time, item).map_err(error_of)
    }

    fn sync(&mut self) -> Result {
        self.0.sync().map_err(error_of)
    }

    fn each(&mut self, visit: VisitItem<'_>) -> Result {
        self.0.each(&mut |reading| visit(0, reading)).map_err(error_of)
    }
}

brownout::export! {
    list Readings: (1, 256), (1, 192), (1, 384), (1, 512), (1, 768), (1, 1024), (1, 4096),
        (4, 256), (4, 1024), (8, 256), (16, 256), (32, 256);
}
