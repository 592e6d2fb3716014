//! The crate sequential-storage behind one C function; `crate.h` says what each call is.

use core::ffi::c_void;
use core::future::Future;
use core::pin::pin;
use core::slice;
use core::task::{Context, Poll, Waker};

use embedded_storage_async::nor_flash::{
    ErrorType, MultiwriteNorFlash, NorFlash, NorFlashError, NorFlashErrorKind, ReadNorFlash,
};
use sequential_storage::Error;
use sequential_storage::cache::Cache;
use sequential_storage::map::{Key, MapConfig, MapStorage, SerializationError};
use sequential_storage::queue::{QueueConfig, QueueStorage};

// --- what C hands over ---

#[repr(C)]
pub struct Part {
    flash: *const c_void,
    read_unit: u32,
    unit: u32,
    sector_size: u32,
    size: u32,
}

type Visit = extern "C" fn(*mut c_void, *const u8, u32, *const u8, u32);

#[repr(C)]
pub struct Request {
    call: u32,
    place: u32,
    key: *const u8,
    data: *const u8,
    key_size: u32,
    data_size: u32,
    buffer: *mut u8,
    buffer_size: u32,
    visit: Option<Visit>,
    context: *mut c_void,
}

impl Request {
    fn key(&self) -> Prefixed {
        Prefixed(bytes(self.key, self.key_size).to_vec())
    }

    fn data(&self) -> &[u8] {
        bytes(self.data, self.data_size)
    }

    /// The buffer that the crate's caller lends; nothing else points into it during the call.
    #[allow(clippy::mut_from_ref)]
    fn buffer(&self) -> &mut [u8] {
        unsafe { slice::from_raw_parts_mut(self.buffer, self.buffer_size as usize) }
    }

    fn visit(&self, key: &[u8], data: &[u8]) {
        self.visit_size(key, data, data.len() as u32);
    }

    fn visit_size(&self, key: &[u8], data: &[u8], size: u32) {
        if let Some(visit) = self.visit {
            visit(
                self.context,
                key.as_ptr(),
                key.len() as u32,
                data.as_ptr(),
                size,
            );
        }
    }
}

fn bytes<'a>(data: *const u8, size: u32) -> &'a [u8] {
    if size == 0 {
        return &[];
    }
    unsafe { slice::from_raw_parts(data, size as usize) }
}

// The numbers are those of the enumerations of crate.h.
const STORE: u32 = 1;
const FETCH: u32 = 2;
const REMOVE: u32 = 3;
const REMOVE_ALL: u32 = 4;
const EACH_VALUE: u32 = 5;
const PUSH: u32 = 6;
const OVERWRITE: u32 = 7;
const PEEK: u32 = 8;
const POP: u32 = 9;
const EACH_ITEM: u32 = 10;
const ERASE_ALL: u32 = 11;
const MAX_FIT: u32 = 12;

const OK: u32 = 0;
const NONE: u32 = 1;
const FULL: u32 = 2;
const TOO_BIG: u32 = 3;
const STORAGE: u32 = 4;
const DAMAGED: u32 = 5;
const NO_SUCH_PART: u32 = 6;

// --- the flash ---

unsafe extern "C" {
    fn crate_read(flash: *const c_void, address: u32, data: *mut u8, size: u32) -> i32;
    fn crate_program(flash: *const c_void, address: u32, data: *const u8, size: u32) -> i32;
    fn crate_erase(flash: *const c_void, address: u32) -> i32;
}

#[derive(Debug)]
struct Failed;

impl NorFlashError for Failed {
    fn kind(&self) -> NorFlashErrorKind {
        NorFlashErrorKind::Other
    }
}

fn checked(error: i32) -> Result<(), Failed> {
    if error == 0 { Ok(()) } else { Err(Failed) }
}

/// A part with read unit `R`, program unit `W` and sectors of `E` bytes.
struct Nor<const R: usize, const W: usize, const E: usize> {
    flash: *const c_void,
    size: u32,
}

impl<const R: usize, const W: usize, const E: usize> ErrorType for Nor<R, W, E> {
    type Error = Failed;
}

impl<const R: usize, const W: usize, const E: usize> ReadNorFlash for Nor<R, W, E> {
    const READ_SIZE: usize = R;

    async fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), Failed> {
        let size = bytes.len() as u32;
        checked(unsafe { crate_read(self.flash, offset, bytes.as_mut_ptr(), size) })
    }

    fn capacity(&self) -> usize {
        self.size as usize
    }
}

impl<const R: usize, const W: usize, const E: usize> NorFlash for Nor<R, W, E> {
    const WRITE_SIZE: usize = W;
    const ERASE_SIZE: usize = E;

    async fn erase(&mut self, from: u32, to: u32) -> Result<(), Failed> {
        for address in (from..to).step_by(E) {
            checked(unsafe { crate_erase(self.flash, address) })?;
        }
        Ok(())
    }

    async fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), Failed> {
        let size = bytes.len() as u32;
        checked(unsafe { crate_program(self.flash, offset, bytes.as_ptr(), size) })
    }
}

impl<const R: usize, const W: usize, const E: usize> MultiwriteNorFlash for Nor<R, W, E> {}

/// The flash never waits, so one poll is enough.
fn finish<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("the crate waits for something"),
    }
}

// --- the calls ---

/// A key of any size, behind its length in 16 bits.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Prefixed(Vec<u8>);

impl Key for Prefixed {
    fn serialize_into(&self, buffer: &mut [u8]) -> Result<usize, SerializationError> {
        let size = 2 + self.0.len();
        let place = buffer
            .get_mut(..size)
            .ok_or(SerializationError::BufferTooSmall)?;
        place[..2].copy_from_slice(&(self.0.len() as u16).to_le_bytes());
        place[2..].copy_from_slice(&self.0);
        Ok(size)
    }

    fn deserialize_from(buffer: &[u8]) -> Result<(Self, usize), SerializationError> {
        let (length, rest) = buffer
            .split_first_chunk::<2>()
            .ok_or(SerializationError::BufferTooSmall)?;
        let length = u16::from_le_bytes(*length) as usize;
        let key = rest
            .get(..length)
            .ok_or(SerializationError::BufferTooSmall)?;
        Ok((Self(key.to_vec()), 2 + length))
    }
}

fn code(error: Error<Failed>) -> u32 {
    match error {
        Error::Storage { .. } => STORAGE,
        Error::FullStorage => FULL,
        Error::ItemTooBig => TOO_BIG,
        Error::LogicBug { .. } => panic!("the crate says that it has a bug"),
        _ => DAMAGED,
    }
}

type Outcome = Result<u32, Error<Failed>>;

async fn map_call<const R: usize, const W: usize, const E: usize>(
    flash: Nor<R, W, E>,
    request: &Request,
) -> Outcome {
    let config = MapConfig::new(0..flash.size);
    let mut map = MapStorage::<Prefixed, _, _>::new(flash, config, Cache::new_uncached());
    let buffer = request.buffer();
    match request.call {
        STORE => {
            map.store_item(buffer, &request.key(), &request.data())
                .await?
        }
        FETCH => match map.fetch_item::<&[u8]>(buffer, &request.key()).await? {
            Some(value) => request.visit(&[], value),
            None => return Ok(NONE),
        },
        REMOVE => map.remove_item(buffer, &request.key()).await?,
        REMOVE_ALL => map.remove_all_items(buffer).await?,
        _ => {
            let mut values = map.fetch_all_items(buffer).await?;
            while let Some((key, value)) = values.next::<&[u8]>(request.buffer()).await? {
                request.visit(&key.0, value);
            }
        }
    }
    Ok(OK)
}

async fn queue_call<const R: usize, const W: usize, const E: usize>(
    flash: Nor<R, W, E>,
    request: &Request,
) -> Outcome {
    let config = QueueConfig::new(0..flash.size);
    let mut queue = QueueStorage::new(flash, config, Cache::new_uncached());
    match request.call {
        PUSH | OVERWRITE => {
            queue
                .push(request.data(), request.call == OVERWRITE)
                .await?
        }
        PEEK => match queue.peek(request.buffer()).await? {
            Some(data) => request.visit(&[], data),
            None => return Ok(NONE),
        },
        POP => {
            let mut items = queue.iter().await?;
            for _ in 0..request.place {
                if items.next(request.buffer()).await?.is_none() {
                    return Ok(NONE);
                }
            }
            match items.next(request.buffer()).await? {
                Some(item) => request.visit(&[], item.pop().await?),
                None => return Ok(NONE),
            }
        }
        MAX_FIT => match queue.find_max_fit().await? {
            Some(size) => request.visit_size(&[], &[], size),
            None => return Ok(NONE),
        },
        ERASE_ALL => queue.erase_all().await?,
        _ => {
            let mut items = queue.iter().await?;
            while let Some(item) = items.next(request.buffer()).await? {
                request.visit(&[], &item);
            }
        }
    }
    Ok(OK)
}

fn call<const R: usize, const W: usize, const E: usize>(part: &Part, request: &Request) -> u32 {
    let flash = Nor::<R, W, E> {
        flash: part.flash,
        size: part.size,
    };
    let outcome = match request.call {
        STORE | FETCH | REMOVE | REMOVE_ALL | EACH_VALUE => finish(map_call(flash, request)),
        PUSH | OVERWRITE | PEEK | POP | EACH_ITEM | ERASE_ALL | MAX_FIT => {
            finish(queue_call(flash, request))
        }
        _ => Ok(OK),
    };
    outcome.unwrap_or_else(code)
}

/// The geometries that are compiled: (read unit, unit): sector sizes.
macro_rules! parts {
    ($(($read:literal, $unit:literal): $($sector:literal)+;)+) => {
        fn dispatch(part: &Part, request: &Request) -> u32 {
            match (part.read_unit, part.unit, part.sector_size) {
                $($(($read, $unit, $sector) => call::<$read, $unit, $sector>(part, request),)+)+
                _ => NO_SUCH_PART,
            }
        }
    };
}

parts! {
    (1, 1): 32 64 128 256;
    (1, 4): 32 64 256;
    (4, 4): 128;
    (1, 8): 128;
    (1, 16): 64 256;
    (16, 16): 128;
    (1, 32): 256;
}

/// # Safety
/// Both point to what `crate.h` says, for the length of the call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crate_do(part: *const Part, request: *const Request) -> u32 {
    unsafe { dispatch(&*part, &*request) }
}
