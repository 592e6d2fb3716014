//! What an engine is and does: the traits that a door is made of.

use crate::nor::{Chip, Flash, FlashError};
use core::ffi::CStr;
use core::ops::RangeInclusive;

/// Why a call did nothing. After any of these the store must be as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum Error {
    /// There is no such key or item.
    NotFound = 1,
    /// No room, even after collecting.
    Full,
    /// This key or value can never be stored here.
    TooBig,
    /// The engine does not do this on this part.
    Unsupported,
    /// The engine found damage that it reports instead of a value.
    Damaged,
    /// A flash call failed.
    Flash,
}

impl From<FlashError> for Error {
    fn from(_: FlashError) -> Self {
        Self::Flash
    }
}

/// What an engine's call returns.
pub type Result<T = ()> = core::result::Result<T, Error>;

/// What the contract may be widened by, for this design.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Widening {
    /// A store that is cut may lose the old value of its key.
    UpdateMayLose = 1,
    /// A clear that is cut may stop half way.
    ClearMayStop = 2,
    /// An append that is cut may lose any of the items that it may drop.
    DropInPart = 4,
    /// Class `weak`: what was in flight at a cut may come and go until the next change.
    TailOpen = 8,
    /// Each power-on writes by design.
    MountWrites = 16,
    /// A program that was cut is not counted as one of those that the part allows.
    CutProgramFree = 32,
    /// The first append after a power-on begins a new sector, and drops what lies there.
    PowerOnDrops = 64,
    /// The first change after a power-on erases the next sector ahead, though it was erased before.
    ErasesAgain = 256,
    /// A map: what room a store finds depends on all that came before it.
    RoomVaries = 512,
    /// A ring: an idle clears the sector that the next append needs, and drops what lies there.
    IdleDrops = 1024,
}

/// A number that a scenario gives to the engine: `engine my-map cycles=100`.
#[derive(Clone, Copy, Debug)]
pub struct Opt {
    pub(crate) name: &'static CStr,
    pub(crate) summary: &'static CStr,
    pub(crate) value: u64,
    pub(crate) range: (u64, u64),
    pub(crate) fixed: bool,
    pub(crate) binds: bool,
}

impl Opt {
    /// An option, its value where the scenario is silent, and what it may be.
    pub const fn number(
        name: &'static CStr,
        summary: &'static CStr,
        value: u64,
        range: RangeInclusive<u64>,
    ) -> Self {
        let range = (*range.start(), *range.end());
        Self { name, summary, value, range, fixed: false, binds: false }
    }

    /// Fuzzing leaves it alone: at its ends the engine rightly works no more.
    pub const fn fixed(mut self) -> Self {
        self.fixed = true;
        self
    }

    /// A store belongs to one value of it, such as an id: a mount with another one is an error, and
    /// writes nothing.
    pub const fn binds(mut self) -> Self {
        self.binds = true;
        self
    }
}

/// The options as chosen.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    pub(crate) options: &'static [Opt],
    pub(crate) values: [u64; crate::abi::OPTIONS_MAX],
}

impl Settings {
    /// The value of an option.
    ///
    /// # Panics
    /// Where [`Engine::OPTIONS`] has none of that name.
    pub fn number(&self, name: &CStr) -> u64 {
        let place = self.options.iter().position(|it| it.name == name);
        self.values[place.unwrap_or_else(|| panic!("{name:?} is no option of this engine"))]
    }
}

/// Sizes that the engine takes: no other one, and no value under [`Engine::VALUE_MIN`], ever comes to
/// it. A list has values alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a key.
    pub key: RangeInclusive<u32>,
    /// Bytes of the largest value or item.
    pub value_max: u32,
}

/// The n-th of the keys that the harness may make up, where not any bytes are one: numbers, names,
/// UTF-8. `None` after the last. A scenario's own keys come as they are written, if their size fits.
pub type Keys = fn(&Settings, u32) -> Option<Vec<u8>>;

/// What an engine is. What it does is in [`Map`], [`List`] or [`Blob`].
pub trait Engine: Sized {
    /// [`Nor`](crate::Nor), or [`AnyNor`](crate::AnyNor).
    type Flash: Flash;
    /// As a scenario spells it: a letter, then letters, digits and `-`.
    const NAME: &'static CStr;
    /// One line.
    const SUMMARY: &'static CStr;
    /// Fault classes that it survives. What a cut may leave: `edge`, all or nothing; `prefix`, the first
    /// bytes; `bits`, any of the bits; `zeros`, of an erase that programs all bits first; `weak`, bits
    /// that read otherwise each time; `ecc`, units that read as errors. Without a cut: `rot`, `fail`,
    /// `glitch`, `lie` and `stray`, which the repository's README explains.
    const CLAIMS: &'static CStr = c"edge,prefix";
    /// What its own design says that it does not promise, and why, in a line.
    const WIDENED: Option<(&'static [Widening], &'static CStr)> = None;
    /// What a scenario may choose, up to eight.
    const OPTIONS: &'static [Opt] = &[];
    /// Bytes for `Vec`, `Box` and the like, 64 KiB unless it says so. All of it is wiped at each
    /// power-on.
    const HEAP: usize = 64 << 10;
    /// It programs a 1 over a 0 on purpose, and expects a 0.
    const RELIES_ON_AND: bool = false;
    /// A mount with sectors of another size, or more or fewer of them, than the store was made with
    /// shows all that is there, or is an error and writes nothing.
    const KNOWS_REGION: bool = false;
    /// The least size of a value or item.
    const VALUE_MIN: u32 = 0;
    /// Where keys are numbers or texts; `None`: any bytes of [`Limits::key`], not only ASCII.
    const KEYS: Option<Keys> = None;

    /// Why it can't work on this chip, if it can't. [`fuzz!`](crate::fuzz) then takes other chips.
    fn refuses(_chip: &Chip, _settings: &Settings) -> Option<&'static CStr> {
        None
    }

    /// What it takes. Of a [`Blob`] its capacity counts instead.
    fn limits(chip: &Chip, settings: &Settings) -> Limits;

    /// Makes the blank chip an empty store. Not needed where a blank chip is one.
    fn format(_flash: Self::Flash, _settings: &Settings) -> Result {
        Ok(())
    }

    /// Power-on. It must never format because it met damage.
    fn mount(flash: Self::Flash, settings: &Settings) -> Result<Self>;
}

/// Where a value goes.
pub type TakeBytes<'a> = &'a mut dyn FnMut(&[u8]);
/// Where the key and the value of what is found go.
pub type VisitValue<'a> = &'a mut dyn FnMut(&[u8], &[u8]);
/// Where the number and the bytes of an item go.
pub type VisitItem<'a> = &'a mut dyn FnMut(u64, &[u8]);

/// Snapshots that may be open at a time.
pub const SNAPSHOTS: u32 = crate::abi::SNAPSHOTS;

/// A call that an engine may lack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Call {
    Remove,
    Clear,
    Each,
    Push,
    Append,
    Peek,
    Pop,
    Read,
    Seek,
    Sync,
    Seal,
    Idle,
    Fits,
    Space,
    Range,
    /// `begin`, `commit` and `abort`.
    Transaction,
    FetchOwn,
    /// `open_snapshot`, `close_snapshot` and `fetch_at`; with `Scan` also `scan_at`.
    Snapshots,
    Scan,
    Collect,
    Destroy,
}

/// Values under keys.
pub trait Map: Engine {
    /// The calls that it has besides `store` and `fetch`. Without `Each` the harness fetches every
    /// key that it knows of.
    const CALLS: &'static [Call] = &[Call::Remove, Call::Clear, Call::Each];
    /// A full store still removes, and still replaces a value by one that is no longer.
    const FULL_CHANGES: bool = false;

    /// Puts in a value, or replaces it.
    fn store(&mut self, key: &[u8], value: &[u8]) -> Result;
    /// The value of a key goes to `take`.
    fn fetch(&mut self, key: &[u8], take: TakeBytes<'_>) -> Result;
    /// Takes out a key.
    fn remove(&mut self, _key: &[u8]) -> Result {
        Err(Error::Unsupported)
    }
    /// Takes out all.
    fn clear(&mut self) -> Result {
        Err(Error::Unsupported)
    }
    /// Visits every value; a later visit of the same key replaces an earlier one.
    fn each(&mut self, _visit: VisitValue<'_>) -> Result {
        Err(Error::Unsupported)
    }

    /// Opens a transaction: until `commit` or `abort`, `store` and `remove` are part of it, and
    /// nothing of it is visible to `fetch`, `each` and `scan`.
    fn begin(&mut self) -> Result {
        Err(Error::Unsupported)
    }
    /// All of the transaction is there from now on; refused or cut, nothing of it or all.
    fn commit(&mut self) -> Result {
        Err(Error::Unsupported)
    }
    /// Nothing of the transaction was.
    fn abort(&mut self) -> Result {
        Err(Error::Unsupported)
    }
    /// As `fetch`, in the open transaction: its own changes over what is committed.
    fn fetch_own(&mut self, _key: &[u8], _take: TakeBytes<'_>) -> Result {
        Err(Error::Unsupported)
    }
    /// Opens a snapshot, by a number from 1 to [`SNAPSHOTS`] that is not in use: until it is closed
    /// it shows what was committed now, whatever is written meanwhile. It ends with power. A store
    /// may be refused ([`Error::Full`]) for the room that one holds.
    fn open_snapshot(&mut self, _snapshot: u32) -> Result {
        Err(Error::Unsupported)
    }
    /// Closes it.
    fn close_snapshot(&mut self, _snapshot: u32) -> Result {
        Err(Error::Unsupported)
    }
    /// As `fetch`, in a snapshot.
    fn fetch_at(&mut self, _snapshot: u32, _key: &[u8], _take: TakeBytes<'_>) -> Result {
        Err(Error::Unsupported)
    }
    /// Visits the keys from `from` to `to`, both included, in ascending order; `None`: no end.
    fn scan(&mut self, _from: Option<&[u8]>, _to: Option<&[u8]>, _visit: VisitValue<'_>) -> Result {
        Err(Error::Unsupported)
    }
    /// The same in a snapshot.
    fn scan_at(
        &mut self,
        _snapshot: u32,
        _from: Option<&[u8]>,
        _to: Option<&[u8]>,
        _visit: VisitValue<'_>,
    ) -> Result {
        Err(Error::Unsupported)
    }
    /// Work that would be done later is done now.
    fn collect(&mut self) -> Result {
        Err(Error::Unsupported)
    }
    /// Removes a key, `None`: all, and its bytes from the flash.
    fn destroy(&mut self, _key: Option<&[u8]>) -> Result {
        Err(Error::Unsupported)
    }
}

/// What a [`List`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Gives its items up one by one.
    Queue = 2,
    /// Gives them up only by overwriting the oldest.
    Log = 3,
}

/// Items in the order in which they were put in.
pub trait List: Engine {
    /// Queue or log.
    const KIND: Kind;
    /// The calls that it has.
    const CALLS: &'static [Call];
    /// An item may begin in one sector and end in the next one.
    const SPANS: bool = false;
    /// A log whose items have no numbers.
    const NUMBERLESS: bool = false;
    /// How much more than `space` says `push` may take: what fits so many sectors. 0: not stated.
    const SPACE_SECTORS: u32 = 0;
    /// The item of the number that `seek` returns lies at most so many sectors with items before
    /// the one that was wanted. 0: not stated.
    const SEEK_SECTORS: u32 = 0;

    /// Whether items wait in RAM until the next `sync`.
    fn buffers(_settings: &Settings) -> bool {
        false
    }
    /// Sectors in which items lie, and how many ahead of an erased one may be dropped too.
    fn ring(chip: &Chip, _settings: &Settings) -> (u32, u32) {
        (chip.sectors, 0)
    }

    /// Puts in an item as the newest, where there is room.
    fn push(&mut self, _item: &[u8]) -> Result {
        Err(Error::Unsupported)
    }
    /// The same, but the oldest make room. `time` never goes back.
    fn append(&mut self, _item: &[u8], _time: u64) -> Result {
        Err(Error::Unsupported)
    }
    /// The oldest item.
    fn peek(&mut self, _take: TakeBytes<'_>) -> Result {
        Err(Error::Unsupported)
    }
    /// Takes out the item at a place, counted from the oldest, which is 0.
    fn pop(&mut self, _place: u32, _take: TakeBytes<'_>) -> Result {
        Err(Error::Unsupported)
    }
    /// The item of that number.
    fn read(&mut self, _number: u64, _take: TakeBytes<'_>) -> Result {
        Err(Error::Unsupported)
    }
    /// A number such that all items of `time` or later have it or a larger one.
    fn seek(&mut self, _time: u64) -> Result<u64> {
        Err(Error::Unsupported)
    }
    /// Takes out all.
    fn clear(&mut self) -> Result {
        Err(Error::Unsupported)
    }
    /// What waits in RAM goes to the flash.
    fn sync(&mut self) -> Result {
        Err(Error::Unsupported)
    }
    /// The same, at an orderly shutdown.
    fn seal(&mut self) -> Result {
        Err(Error::Unsupported)
    }
    /// The firmware has time.
    fn idle(&mut self) -> Result {
        Err(Error::Unsupported)
    }
    /// Bytes of the largest item that `push` would take now.
    fn fits(&mut self) -> Result<u32> {
        Err(Error::Unsupported)
    }
    /// How many items of `size` bytes `push` takes now, one after the other: so many, for certain.
    fn space(&mut self, _size: u32) -> Result<u64> {
        Err(Error::Unsupported)
    }
    /// The number of the oldest item, and that of the newest one plus 1.
    fn range(&mut self) -> Result<(u64, u64)> {
        Err(Error::Unsupported)
    }
    /// Visits every item, oldest first, with its number, or 0.
    fn each(&mut self, _visit: VisitItem<'_>) -> Result {
        Err(Error::Unsupported)
    }
}

/// One value that is loaded and saved as a whole: a settings block, a saved game. The door keeps a
/// map in RAM and saves all of it at each change, so a blob is judged by what is asked of a map.
pub trait Blob: Engine {
    /// Bytes of the largest blob.
    fn capacity(chip: &Chip, settings: &Settings) -> u32;
    /// The newest blob goes to `take`; [`Error::NotFound`] where none was saved.
    fn load(&mut self, take: TakeBytes<'_>) -> Result;
    /// Replaces it.
    fn save(&mut self, blob: &[u8]) -> Result;
}
