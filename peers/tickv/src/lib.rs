//! The map of the crate tickv.
//!
//! It keeps values under the 64-bit hash of a key, and can't list them. The key stands before its
//! value, so that two keys of one hash are told apart. There is no call that replaces a value: as
//! its documentation says, the old one is invalidated and the new one appended; a region that is
//! full is collected first.

use brownout::{
    Call, Chip, Engine, Error, Flash, FlashError, Limits, Map, Nor, Opt, Result, Settings,
    TakeBytes, Widening,
};
use core::ffi::CStr;
use std::hash::{DefaultHasher, Hash, Hasher};
use tickv::error_codes::ErrorCode;
use tickv::flash_controller::FlashController;
use tickv::tickv::TicKV;

/// Bytes beside the value of an object: header and checksum, and the length of the key.
const OVERHEAD: u32 = 11 + 4 + 1;
/// The object of the main key, which one of the regions holds too.
const MAIN: u32 = 11 + 4;
const KEY_MAX: u32 = 16;

pub struct Region<F>(F);

impl<const W: usize, const E: usize, const R: usize> FlashController<E> for Region<Nor<W, E, R>> {
    fn read_region(
        &self,
        region: usize,
        bytes: &mut [u8; E],
    ) -> core::result::Result<(), ErrorCode> {
        self.0.read_at((region * E) as u32, bytes).map_err(|_: FlashError| ErrorCode::ReadFail)
    }

    fn write(&self, address: usize, bytes: &[u8]) -> core::result::Result<(), ErrorCode> {
        self.0.program_at(address as u32, bytes).map_err(|_| ErrorCode::WriteFail)
    }

    fn erase_region(&self, region: usize) -> core::result::Result<(), ErrorCode> {
        self.0.erase_at((region * E) as u32).map_err(|_| ErrorCode::EraseFail)
    }
}

fn error_of(error: ErrorCode) -> Error {
    match error {
        ErrorCode::KeyNotFound => Error::NotFound,
        ErrorCode::RegionFull | ErrorCode::FlashFull => Error::Full,
        ErrorCode::ObjectTooLarge => Error::TooBig,
        ErrorCode::ReadFail | ErrorCode::WriteFail | ErrorCode::EraseFail => Error::Flash,
        _ => Error::Damaged,
    }
}

/// What was in flight "may be partially committed" (README.md, System Guarantees): its user takes
/// it for missing, and may replace it.
fn is_torn(error: ErrorCode) -> bool {
    matches!(error, ErrorCode::InvalidCheckSum | ErrorCode::CorruptData)
}

fn fnv(key: &[u8]) -> u64 {
    key.iter().fold(0xCBF2_9CE4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01B3)
    })
}

/// As the library's own tests hash keys.
fn std_hash(key: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    hasher.finish()
}

pub struct Hashed<N>
where
    N: Sizes,
{
    store: N::Store,
    hash: fn(&[u8]) -> u64,
}

/// The library's type for a flash of ours.
pub trait Sizes: Flash {
    type Store: Calls;
    fn open(self) -> Self::Store;
}

/// Its calls, whatever its sizes.
pub trait Calls {
    fn start(&self, main: u64) -> core::result::Result<(), ErrorCode>;
    fn append(&self, hash: u64, value: &[u8]) -> core::result::Result<(), ErrorCode>;
    fn get(&self, hash: u64, value: &mut [u8]) -> core::result::Result<usize, ErrorCode>;
    fn invalidate(&self, hash: u64) -> core::result::Result<(), ErrorCode>;
    fn collect(&self) -> core::result::Result<(), ErrorCode>;
}

impl<const W: usize, const E: usize, const R: usize> Sizes for Nor<W, E, R> {
    type Store = TicKV<'static, Region<Self>, E>;

    fn open(self) -> Self::Store {
        let size = self.chip().size() as usize;
        TicKV::new(Region(self), Box::leak(Box::new([0; E])), size)
    }
}

impl<C: FlashController<E>, const E: usize> Calls for TicKV<'static, C, E> {
    fn start(&self, main: u64) -> core::result::Result<(), ErrorCode> {
        self.initialise(main).map(drop)
    }
    fn append(&self, hash: u64, value: &[u8]) -> core::result::Result<(), ErrorCode> {
        self.append_key(hash, value).map(drop)
    }
    fn get(&self, hash: u64, value: &mut [u8]) -> core::result::Result<usize, ErrorCode> {
        self.get_key(hash, value).map(|it| it.1)
    }
    fn invalidate(&self, hash: u64) -> core::result::Result<(), ErrorCode> {
        self.invalidate_key(hash).map(drop)
    }
    fn collect(&self) -> core::result::Result<(), ErrorCode> {
        self.garbage_collect().map(drop)
    }
}

impl<N: Sizes> Hashed<N> {
    /// The library asks for neither 0 nor all ones.
    fn hash_of(&self, key: &[u8]) -> u64 {
        (self.hash)(key).clamp(1, u64::MAX - 1)
    }

    /// The value with its key, unless another key has its hash.
    fn get(&self, key: &[u8]) -> core::result::Result<Vec<u8>, ErrorCode> {
        let mut bytes = vec![0; 4096];
        let size = self.store.get(self.hash_of(key), &mut bytes)?;
        bytes.truncate(size);
        let head = 1 + key.len();
        let same = bytes.len() >= head && bytes[0] as usize == key.len() && bytes[1..head] == *key;
        if same { Ok(bytes.split_off(head)) } else { Err(ErrorCode::KeyNotFound) }
    }

    /// A full region is collected, once.
    fn append(&self, key: &[u8], value: &[u8]) -> core::result::Result<(), ErrorCode> {
        let bytes = [&[key.len() as u8], key, value].concat();
        match self.store.append(self.hash_of(key), &bytes) {
            Err(ErrorCode::RegionFull | ErrorCode::FlashFull) => {
                self.store.collect()?;
                self.store.append(self.hash_of(key), &bytes)
            }
            other => other,
        }
    }
}

impl<N: Sizes> Engine for Hashed<N> {
    type Flash = N;
    const NAME: &'static CStr = c"crate-tickv";
    const SUMMARY: &'static CStr = c"the map by hash of the Rust crate tickv";
    const WIDENED: Option<(&'static [Widening], &'static CStr)> = Some((
        &[Widening::UpdateMayLose],
        c"a key is replaced by two calls, invalidate_key() and append_key()",
    ));
    const OPTIONS: &'static [Opt] = &[Opt::number(
        c"hash",
        c"how keys are hashed: 0 by FNV-1a, 1 as Rust's standard library does",
        0,
        0..=1,
    )
    .fixed()];
    const HEAP: usize = 32 << 10;

    fn refuses(chip: &Chip, _: &Settings) -> Option<&'static CStr> {
        if chip.erased != 0xFF {
            return Some(c"the format wants erased bytes to be FF");
        }
        // FlashController::write() leaves a part with larger units to its user.
        (chip.programs == 1).then_some(c"a key is invalidated by a second program of its header")
    }

    fn limits(chip: &Chip, _: &Settings) -> Limits {
        Limits { key: 1..=KEY_MAX, value_max: chip.sector_size - OVERHEAD - MAIN - KEY_MAX }
    }

    fn format(flash: N, settings: &Settings) -> Result {
        Self::mount(flash, settings).map(drop)
    }

    fn mount(flash: N, settings: &Settings) -> Result<Self> {
        let hash = if settings.number(c"hash") == 0 { fnv } else { std_hash };
        let it = Self { store: flash.open(), hash };
        it.store.start(it.hash_of(b"tickv-super-key")).map_err(error_of)?;
        Ok(it)
    }
}

impl<N: Sizes> Map for Hashed<N> {
    const CALLS: &'static [Call] = &[Call::Remove];

    fn store(&mut self, key: &[u8], value: &[u8]) -> Result {
        let old = match self.get(key) {
            Err(error) if !is_torn(error) && error != ErrorCode::KeyNotFound => {
                return Err(error_of(error));
            }
            old => old,
        };
        if old != Err(ErrorCode::KeyNotFound) {
            self.store.invalidate(self.hash_of(key)).map_err(error_of)?;
        }
        let done = self.append(key, value);
        // What does not fit changes nothing: the old value fitted before.
        if let (Err(ErrorCode::RegionFull | ErrorCode::FlashFull), Ok(old)) = (done, old) {
            self.append(key, &old).map_err(error_of)?;
        }
        done.map_err(error_of)
    }

    fn fetch(&mut self, key: &[u8], take: TakeBytes<'_>) -> Result {
        match self.get(key) {
            Ok(value) => take(&value),
            Err(error) if is_torn(error) => return Err(Error::NotFound),
            Err(error) => return Err(error_of(error)),
        }
        Ok(())
    }

    fn remove(&mut self, key: &[u8]) -> Result {
        match self.get(key) {
            Err(error) if !is_torn(error) => return Err(error_of(error)),
            _ => {}
        }
        self.store.invalidate(self.hash_of(key)).map_err(error_of)
    }
}

brownout::export! {
    map Hashed: (1, 256), (1, 64), (1, 128), (1, 512), (1, 1024), (1, 4096);
}
