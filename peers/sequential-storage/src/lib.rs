//! The map and the queue of the crate sequential-storage.
//!
//! Both are used without caches, so nothing is kept in RAM between two calls: each makes its
//! storage anew.

use brownout::{
    Call, Chip, Engine, Error, Flash, FlashError, Kind, Limits, List, Map, Result, Settings,
    TakeBytes, VisitItem, VisitValue, Widening, block_on,
};
use core::ffi::CStr;
use embedded_storage_async::nor_flash::{MultiwriteNorFlash, NorFlash};
use sequential_storage::cache::{Cache, CacheImpl};
use sequential_storage::map::{Key, MapConfig, MapStorage, SerializationError};
use sequential_storage::queue::{QueueConfig, QueueStorage};

type Failure = sequential_storage::Error<FlashError>;

/// Two buffers of a sector, and keys.
const HEAP: usize = 24 << 10;

fn error_of(error: Failure) -> Error {
    match error {
        Failure::Storage { .. } => Error::Flash,
        Failure::FullStorage => Error::Full,
        Failure::ItemTooBig => Error::TooBig,
        Failure::LogicBug { .. } => panic!("the crate says that it has a bug"),
        _ => Error::Damaged,
    }
}

/// Bytes of a word of the crate's format.
fn word_of(chip: &Chip) -> u32 {
    chip.unit.max(chip.read_unit)
}

const HEADER: u32 = 8;

fn item_size_max(chip: &Chip) -> u32 {
    let used = 2 * word_of(chip) + word_of(chip).max(HEADER);
    (chip.sector_size - used).min(u16::MAX.into())
}

/// The last word of an item is read whole.
fn buffer_of(chip: &Chip) -> Vec<u8> {
    vec![0; item_size_max(chip) as usize + 32]
}

fn refuses(chip: &Chip, sectors_min: u32) -> Option<&'static CStr> {
    if chip.erased != 0xFF {
        return Some(c"the format wants erased bytes to be FF");
    }
    if chip.sectors < sectors_min {
        return Some(c"the map needs two sectors");
    }
    let least = 3 * word_of(chip) + word_of(chip).max(HEADER);
    (chip.sector_size < least).then_some(c"a sector does not hold an item")
}

// --- the map ---

/// A key of any size, with its length in 16 bits before it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Prefixed(Vec<u8>);

impl Key for Prefixed {
    fn serialize_into(&self, buffer: &mut [u8]) -> core::result::Result<usize, SerializationError> {
        let size = 2 + self.0.len();
        let place = buffer.get_mut(..size).ok_or(SerializationError::BufferTooSmall)?;
        place[..2].copy_from_slice(&(self.0.len() as u16).to_le_bytes());
        place[2..].copy_from_slice(&self.0);
        Ok(size)
    }

    fn deserialize_from(buffer: &[u8]) -> core::result::Result<(Self, usize), SerializationError> {
        let too_small = SerializationError::BufferTooSmall;
        let (length, rest) = buffer.split_first_chunk::<2>().ok_or(too_small)?;
        let length = u16::from_le_bytes(*length) as usize;
        let key = rest.get(..length).ok_or(SerializationError::BufferTooSmall)?;
        Ok((Self(key.to_vec()), 2 + length))
    }
}

/// Its map.
pub struct Values<F> {
    flash: F,
    buffer: Vec<u8>,
    removes: bool,
}

impl<F: NorFlash<Error = FlashError> + Flash> Values<F> {
    fn open(&self) -> MapStorage<Prefixed, F, impl CacheImpl<Prefixed> + use<F>> {
        let size = self.flash.chip().size() as u32;
        MapStorage::new(self.flash, MapConfig::new(0..size), Cache::new_uncached())
    }
}

impl<F: MultiwriteNorFlash<Error = FlashError> + Flash> Engine for Values<F> {
    type Flash = F;
    const NAME: &'static CStr = c"crate-map";
    const SUMMARY: &'static CStr = c"the map of the Rust crate sequential-storage, uncached";
    const WIDENED: Option<(&'static [Widening], &'static CStr)> =
        Some((&[Widening::ClearMayStop], c"remove_all_items erases item by item"));
    const HEAP: usize = HEAP;

    fn refuses(chip: &Chip, _: &Settings) -> Option<&'static CStr> {
        refuses(chip, 2)
    }

    fn limits(chip: &Chip, _: &Settings) -> Limits {
        let most = item_size_max(chip) - 2;
        Limits { key: 0..=most, value_max: most }
    }

    fn mount(flash: F, _: &Settings) -> Result<Self> {
        let chip = flash.chip();
        Ok(Self { flash, buffer: buffer_of(&chip), removes: chip.programs != 1 })
    }
}

impl<F: MultiwriteNorFlash<Error = FlashError> + Flash> Map for Values<F> {
    fn store(&mut self, key: &[u8], value: &[u8]) -> Result {
        let (key, mut map) = (Prefixed(key.to_vec()), self.open());
        block_on(map.store_item(&mut self.buffer, &key, &value)).map_err(error_of)
    }

    fn fetch(&mut self, key: &[u8], take: TakeBytes<'_>) -> Result {
        let (key, mut map) = (Prefixed(key.to_vec()), self.open());
        let found = block_on(map.fetch_item::<&[u8]>(&mut self.buffer, &key)).map_err(error_of)?;
        found.map(take).ok_or(Error::NotFound)
    }

    fn remove(&mut self, key: &[u8]) -> Result {
        if !self.removes {
            return Err(Error::Unsupported);
        }
        let (key, mut map) = (Prefixed(key.to_vec()), self.open());
        block_on(map.remove_item(&mut self.buffer, &key)).map_err(error_of)
    }

    fn clear(&mut self) -> Result {
        if !self.removes {
            return Err(Error::Unsupported);
        }
        let mut map = self.open();
        block_on(map.remove_all_items(&mut self.buffer)).map_err(error_of)
    }

    fn each(&mut self, visit: VisitValue<'_>) -> Result {
        let mut map = self.open();
        let mut buffer = vec![0; self.buffer.len()];
        block_on(async {
            let mut values = map.fetch_all_items(&mut self.buffer).await?;
            while let Some((key, value)) = values.next::<&[u8]>(&mut buffer).await? {
                visit(&key.0, value);
            }
            Ok(())
        })
        .map_err(error_of)
    }
}

// --- the queue ---

/// Its queue.
pub struct Items<F> {
    flash: F,
    buffer: Vec<u8>,
    pops: bool,
}

impl<F: NorFlash<Error = FlashError> + Flash> Items<F> {
    fn open(&self) -> QueueStorage<F, impl CacheImpl<()> + use<F>> {
        let size = self.flash.chip().size() as u32;
        QueueStorage::new(self.flash, QueueConfig::new(0..size), Cache::new_uncached())
    }

    fn put(&mut self, item: &[u8], overwrites: bool) -> Result {
        block_on(self.open().push(item, overwrites)).map_err(error_of)
    }
}

impl<F: MultiwriteNorFlash<Error = FlashError> + Flash> Engine for Items<F> {
    type Flash = F;
    const NAME: &'static CStr = c"crate-queue";
    const SUMMARY: &'static CStr = c"the queue of the Rust crate sequential-storage, uncached";
    const WIDENED: Option<(&'static [Widening], &'static CStr)> =
        Some((&[Widening::ClearMayStop], c"erase_all erases sector by sector"));
    const HEAP: usize = HEAP;

    fn refuses(chip: &Chip, _: &Settings) -> Option<&'static CStr> {
        refuses(chip, 1)
    }

    fn limits(chip: &Chip, _: &Settings) -> Limits {
        Limits { key: 0..=0, value_max: item_size_max(chip) }
    }

    fn mount(flash: F, _: &Settings) -> Result<Self> {
        let chip = flash.chip();
        Ok(Self { flash, buffer: buffer_of(&chip), pops: chip.programs != 1 })
    }
}

impl<F: MultiwriteNorFlash<Error = FlashError> + Flash> List for Items<F> {
    const KIND: Kind = Kind::Queue;
    const CALLS: &'static [Call] =
        &[Call::Push, Call::Append, Call::Peek, Call::Pop, Call::Clear, Call::Fits, Call::Each];

    fn push(&mut self, item: &[u8]) -> Result {
        self.put(item, false)
    }

    fn append(&mut self, item: &[u8], _: u64) -> Result {
        self.put(item, true)
    }

    fn peek(&mut self, take: TakeBytes<'_>) -> Result {
        let mut queue = self.open();
        let found = block_on(queue.peek(&mut self.buffer)).map_err(error_of)?;
        found.map(|item| take(item)).ok_or(Error::NotFound)
    }

    fn pop(&mut self, place: u32, take: TakeBytes<'_>) -> Result {
        if !self.pops {
            return Err(Error::Unsupported);
        }
        let mut queue = self.open();
        let popped = block_on(async {
            let mut items = queue.iter().await?;
            for _ in 0..place {
                if items.next(&mut self.buffer).await?.is_none() {
                    return Ok(false);
                }
            }
            match items.next(&mut self.buffer).await? {
                Some(item) => take(item.pop().await?),
                None => return Ok(false),
            }
            Ok(true)
        });
        popped.map_err(error_of)?.then_some(()).ok_or(Error::NotFound)
    }

    fn clear(&mut self) -> Result {
        block_on(self.open().erase_all()).map_err(error_of)
    }

    fn fits(&mut self) -> Result<u32> {
        block_on(self.open().find_max_fit()).map_err(error_of)?.ok_or(Error::Full)
    }

    fn each(&mut self, visit: VisitItem<'_>) -> Result {
        let mut queue = self.open();
        block_on(async {
            let mut items = queue.iter().await?;
            while let Some(item) = items.next(&mut self.buffer).await? {
                visit(0, &item);
            }
            Ok(())
        })
        .map_err(error_of)
    }
}

brownout::export! {
    map Values: (1, 256), (1, 32), (1, 64), (1, 128), (4, 32), (4, 64), (4, 256), (4, 128, 4), (8, 128),
        (16, 64), (16, 256), (16, 128, 16), (32, 256);
    list Items: (1, 256), (1, 32), (1, 64), (1, 128), (4, 32), (4, 64), (4, 256), (4, 128, 4), (8, 128),
        (16, 64), (16, 256), (16, 128, 16), (32, 256);
}
