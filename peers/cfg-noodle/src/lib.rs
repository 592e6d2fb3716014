//! The list of configurations of the crate cfg-noodle: six of them, of a name each, in a queue of the
//! crate sequential-storage.
//!
//! All are attached at a mount, as by firmware when it starts, for what is not attached is not
//! written any more. One that was never written, or taken out, is none. Its calls are made as by the
//! crate's own worker (src/worker_task.rs), without the waiting between them.

use brownout::{
    Call, Chip, Engine, Error, Flash, FlashError, Keys, Limits, Map, Result, Settings, TakeBytes,
    VisitValue, block_on,
};
use cfg_noodle::error::LoadStoreError;
use cfg_noodle::flash::Flash as Storage;
use cfg_noodle::minicbor::bytes::ByteSlice;
use cfg_noodle::minicbor::data::Type;
use cfg_noodle::minicbor::encode::Write;
use cfg_noodle::minicbor::{CborLen, Decode, Decoder, Encode, Encoder, decode, encode};
use cfg_noodle::{NdlDataStorage, StorageList, StorageListNode, StorageListNodeHandle};
use core::ffi::CStr;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};
use embedded_storage_async::nor_flash::MultiwriteNorFlash;
use mutex::raw_impls::local::LocalRawMutex;
use sequential_storage::Error as QueueError;
use sequential_storage::cache::{Cache, Uncached};

const NAMES: [&str; 6] = ["c0", "c1", "c2", "c3", "c4", "c5"];
const KEY: u32 = 2;
/// What the crate keeps of older records, its default.
const KEPT: u32 = 3;
/// Bytes of an item beside its data, where words have up to eight bytes.
const HEADER: u32 = 8;
/// A name, the bytes beside a value, and the kind of an element.
const BESIDE: u32 = 1 + 3 + 3;
const START_AND_END: u32 = 2 * HEADER + 5 + 9;

// --- a configuration ---

#[derive(Clone)]
pub struct Config(Option<Vec<u8>>);

impl<C> Encode<C> for Config {
    fn encode<W: Write>(
        &self,
        encoder: &mut Encoder<W>,
        _: &mut C,
    ) -> core::result::Result<(), encode::Error<W::Error>> {
        match &self.0 {
            Some(bytes) => encoder.bytes(bytes)?.ok(),
            None => encoder.null()?.ok(),
        }
    }
}

impl<'b, C> Decode<'b, C> for Config {
    fn decode(decoder: &mut Decoder<'b>, _: &mut C) -> core::result::Result<Self, decode::Error> {
        if decoder.datatype()? == Type::Null {
            return decoder.null().map(|()| Self(None));
        }
        decoder.bytes().map(|bytes| Self(Some(bytes.to_vec())))
    }
}

impl<C> CborLen<C> for Config {
    fn cbor_len(&self, context: &mut C) -> usize {
        match &self.0 {
            Some(bytes) => <&ByteSlice>::from(bytes.as_slice()).cbor_len(context),
            None => 1,
        }
    }
}

// --- all of them ---

type List = StorageList<LocalRawMutex, { KEPT as usize }>;
type Handle = StorageListNodeHandle<Config, LocalRawMutex, { KEPT as usize }>;
type Queue<F> = Storage<F, Cache<Uncached, Uncached, Uncached>>;

pub struct Configs<F: MultiwriteNorFlash> {
    list: &'static List,
    storage: Queue<F>,
    handles: Vec<Handle>,
    buffer: Vec<u8>,
}

fn error_of(error: LoadStoreError<QueueError<FlashError>>) -> Error {
    match error {
        LoadStoreError::FlashWrite(inner) | LoadStoreError::FlashRead(inner) => match inner {
            QueueError::Storage { .. } => Error::Flash,
            QueueError::FullStorage => Error::Full,
            QueueError::ItemTooBig => Error::TooBig,
            _ => Error::Damaged,
        },
        _ => Error::Damaged,
    }
}

/// The number of a configuration.
fn place_of(key: &[u8]) -> Result<usize> {
    let number = usize::from(u16::from_le_bytes([key[0], key[1]]));
    if number < NAMES.len() { Ok(number) } else { Err(Error::TooBig) }
}

fn poll<T>(future: &mut Pin<Box<dyn Future<Output = T>>>) -> Poll<T> {
    future.as_mut().poll(&mut Context::from_waker(Waker::noop()))
}

type Attached = core::result::Result<Handle, cfg_noodle::error::Error>;

/// Waits for the first read.
fn attach(list: &'static List, name: &'static str) -> Pin<Box<dyn Future<Output = Attached>>> {
    let node: &'static _ = Box::leak(Box::new(StorageListNode::<Config>::new(name)));
    let mut future: Pin<Box<dyn Future<Output = Attached>>> =
        Box::pin(node.attach_with_default(list, || Config(None)));
    assert!(poll(&mut future).is_pending());
    future
}

impl<F: MultiwriteNorFlash<Error = FlashError> + Flash> Configs<F> {
    /// As the worker does it when something is to be written; of what it does after, and before, it
    /// takes note at most.
    fn flush(&mut self) -> Result {
        let (list, storage, buffer) = (self.list, &mut self.storage, &mut self.buffer);
        let _ = block_on(list.process_garbage(storage, buffer));
        let written = block_on(list.process_writes(storage, buffer));
        let _ = block_on(list.process_garbage(storage, buffer));
        written.map(drop).map_err(error_of)
    }

    /// A change is in RAM before it is on the flash: what could not be written is taken back.
    fn change(&mut self, key: &[u8], new: Config) -> Result {
        let place = place_of(key)?;
        let old = self.handles[place].load();
        self.write(place, &new);
        let done = self.flush();
        if done.is_err() {
            self.write(place, &old);
        }
        done
    }

    fn write(&mut self, place: usize, config: &Config) {
        block_on(self.handles[place].write(config)).expect("it was attached");
    }
}

/// The largest value of which a record fits beside those that are kept: each sector may lose the
/// rest that an item does not fit in, one is written to, and one waits for its last item.
fn value_max(chip: &Chip) -> u32 {
    let word = chip.unit.max(chip.read_unit);
    let usable = chip.sector_size.saturating_sub(2 * word);
    let item = |value: u32| (HEADER.max(word) + BESIDE + value).next_multiple_of(word);
    let fits = |value: u32| {
        let record = START_AND_END + 2 * word + NAMES.len() as u32 * item(value);
        let room = chip.sectors.saturating_sub(2) * usable.saturating_sub(item(value));
        (KEPT + 1) * record <= room
    };
    (0..usable).take_while(|value| fits(*value)).last().unwrap_or(0)
}

impl<F: MultiwriteNorFlash<Error = FlashError> + Flash + 'static> Engine for Configs<F> {
    type Flash = F;
    const NAME: &'static CStr = c"crate-noodle";
    const SUMMARY: &'static CStr = c"six configurations of the Rust crate cfg-noodle";
    const KEYS: Option<Keys> =
        Some(|_, n| (n < NAMES.len() as u32).then(|| (n as u16).to_le_bytes().to_vec()));

    fn refuses(chip: &Chip, _: &Settings) -> Option<&'static CStr> {
        if chip.erased != 0xFF {
            return Some(c"the format wants erased bytes to be FF");
        }
        if chip.programs != 0 {
            return Some(c"an item is marked by a second program, which may be cut and come again");
        }
        (value_max(chip) < 8).then_some(c"four records of six values must fit")
    }

    fn limits(chip: &Chip, _: &Settings) -> Limits {
        Limits { key: KEY..=KEY, value_max: value_max(chip) }
    }

    fn mount(flash: F, _: &Settings) -> Result<Self> {
        let list: &'static List = Box::leak(Box::new(List::new()));
        let size = flash.chip().size() as u32;
        let mut storage = Queue::new(flash, 0..size, Cache::new_uncached());
        let mut buffer = vec![0; Queue::<F>::MAX_ELEM_SIZE];
        let mut waiting: Vec<_> = NAMES.iter().map(|name| attach(list, name)).collect();
        block_on(list.process_reads(&mut storage, &mut buffer)).map_err(error_of)?;
        let mut handles = vec![];
        for future in &mut waiting {
            let Poll::Ready(handle) = poll(future) else { panic!("the first read attaches all") };
            handles.push(handle.expect("no name is there twice"));
        }
        Ok(Self { list, storage, handles, buffer })
    }
}

impl<F: MultiwriteNorFlash<Error = FlashError> + Flash + 'static> Map for Configs<F> {
    const CALLS: &'static [Call] = &[Call::Remove, Call::Each];

    fn store(&mut self, key: &[u8], value: &[u8]) -> Result {
        self.change(key, Config(Some(value.to_vec())))
    }

    fn fetch(&mut self, key: &[u8], take: TakeBytes<'_>) -> Result {
        let config = self.handles[place_of(key)?].load();
        config.0.map(|bytes| take(&bytes)).ok_or(Error::NotFound)
    }

    fn remove(&mut self, key: &[u8]) -> Result {
        self.fetch(key, &mut |_| {})?;
        self.change(key, Config(None))
    }

    fn each(&mut self, visit: VisitValue<'_>) -> Result {
        for (number, handle) in self.handles.iter().enumerate() {
            if let Some(bytes) = handle.load().0 {
                visit(&(number as u16).to_le_bytes(), &bytes);
            }
        }
        Ok(())
    }
}

brownout::export! {
    map Configs: (1, 256), (1, 160), (1, 192), (1, 384), (1, 512), (1, 768), (1, 1024), (1, 4096),
        (4, 256), (4, 1024), (4, 4096), (8, 256);
}
