//! The storage of the crate embedded-savegame, in four slots of a sector each.
//!
//! How large a save may be is left to its user: here it takes two slots at most, so that the save
//! before it has its own.

use brownout::{Blob, Chip, Engine, Error, FlashError, Limits, Nor, Result, Settings, TakeBytes};
use core::ffi::CStr;
use embedded_savegame::Slot;
use embedded_savegame::storage::{Flash, Storage};

const SLOTS: usize = 4;
/// So that a map of saves fits the heap.
const SIZE_MAX: usize = 1000;

pub struct Part<N>(N);

impl<const W: usize, const E: usize, const R: usize> Flash for Part<Nor<W, E, R>> {
    type Error = FlashError;

    fn read(&mut self, address: u32, bytes: &mut [u8]) -> core::result::Result<(), FlashError> {
        self.0.read_at(address, bytes)
    }

    fn write(&mut self, address: u32, bytes: &mut [u8]) -> core::result::Result<(), FlashError> {
        self.0.program_at(address, bytes)
    }

    fn erase(&mut self, address: u32) -> core::result::Result<(), FlashError> {
        self.0.erase_at(address)
    }
}

pub struct Saves<N: Sizes>(N::Storage);

/// The library's type for a flash of ours.
pub trait Sizes: brownout::Flash {
    type Storage: Calls;
    fn open(self) -> Self::Storage;
}

/// Its calls, whatever its sizes.
pub trait Calls {
    fn newest(&mut self, bytes: &mut [u8]) -> Result<usize>;
    fn append(&mut self, bytes: &mut [u8]) -> Result;
}

impl<const W: usize, const E: usize, const R: usize> Sizes for Nor<W, E, R> {
    type Storage = Storage<Part<Self>, E, SLOTS>;

    fn open(self) -> Self::Storage {
        Storage::new(Part(self))
    }
}

impl<F: Flash<Error = FlashError>, const E: usize> Calls for Storage<F, E, SLOTS> {
    fn newest(&mut self, bytes: &mut [u8]) -> Result<usize> {
        let slot = self.scan()?.ok_or(Error::NotFound)?;
        let found = self.read(slot.idx, bytes)?;
        found.map(|it| it.len()).ok_or(Error::Damaged)
    }

    fn append(&mut self, bytes: &mut [u8]) -> Result {
        Ok(Storage::append(self, bytes)?)
    }
}

impl<N: Sizes> Engine for Saves<N> {
    type Flash = N;
    const NAME: &'static CStr = c"crate-savegame";
    const SUMMARY: &'static CStr = c"the storage of the Rust crate embedded-savegame, 4 slots";
    const HEAP: usize = 96 << 10;

    fn refuses(chip: &Chip, _: &Settings) -> Option<&'static CStr> {
        if chip.erased != 0xFF {
            return Some(c"the format wants erased bytes to be FF");
        }
        (chip.sectors < SLOTS as u32).then_some(c"it has four slots of a sector each")
    }

    fn limits(_: &Chip, _: &Settings) -> Limits {
        Limits { key: 0..=0, value_max: 0 } // those of the blob count
    }

    fn mount(flash: N, _: &Settings) -> Result<Self> {
        Ok(Self(flash.open()))
    }
}

impl<N: Sizes> Blob for Saves<N> {
    fn capacity(chip: &Chip, _: &Settings) -> u32 {
        (2 * chip.sector_size - Slot::HEADER_SIZE as u32 - 1).min(SIZE_MAX as u32)
    }

    fn load(&mut self, take: TakeBytes<'_>) -> Result {
        let mut bytes = vec![0; SIZE_MAX];
        let size = self.0.newest(&mut bytes)?;
        take(&bytes[..size]);
        Ok(())
    }

    fn save(&mut self, blob: &[u8]) -> Result {
        self.0.append(&mut blob.to_vec())
    }
}

brownout::export! {
    blob Saves: (1, 256), (1, 64), (1, 128), (1, 512), (1, 1024), (1, 4096);
}
