//! The database of the crate ekv, one write transaction for each change.
//!
//! Its sizes are those of its build: features of the dependency, one crate for each set of them, and
//! the description in its `Cargo.toml` names them. For up to 16, 64 or 256 pages it would write
//! padding of its headers, which is other bytes in each run.

use brownout::{
    AnyNor, Call, Chip, Engine, Error, FlashError, Limits, Map, Result, Settings, TakeBytes,
    VisitValue, block_on,
};
use core::ffi::CStr;
use ekv::flash::{Flash, PageID};
use ekv::{CommitError, Config, CursorError, Database, MountError, ReadError, WriteError, config};
use embassy_sync::blocking_mutex::raw::NoopRawMutex;

/// What it is built for, in words.
const SIZES: &CStr =
    match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_DESCRIPTION"), "\0").as_bytes()) {
        Ok(sizes) => sizes,
        Err(_) => panic!("a description has no zero byte"),
    };

pub struct Part(AnyNor);

fn address(page: PageID, offset: usize) -> u32 {
    (page.index() * config::PAGE_SIZE + offset) as u32
}

type Done = core::result::Result<(), FlashError>;

impl Flash for Part {
    type Error = FlashError;

    fn page_count(&self) -> usize {
        brownout::Flash::chip(&self.0).sectors as usize
    }

    async fn erase(&mut self, page: PageID) -> Done {
        self.0.erase_at(address(page, 0))
    }

    async fn read(&mut self, page: PageID, offset: usize, data: &mut [u8]) -> Done {
        self.0.read_at(address(page, offset), data)
    }

    async fn write(&mut self, page: PageID, offset: usize, data: &[u8]) -> Done {
        self.0.program_at(address(page, offset), data)
    }
}

fn of_read(error: ReadError<FlashError>) -> Error {
    match error {
        ReadError::KeyNotFound => Error::NotFound,
        ReadError::KeyTooBig => Error::NotFound,
        ReadError::BufferTooSmall => panic!("a buffer of the largest value is too small"),
        ReadError::Corrupted => Error::Damaged,
        ReadError::Flash(_) => Error::Flash,
    }
}

fn of_write(error: WriteError<FlashError>) -> Error {
    match error {
        WriteError::Full => Error::Full,
        WriteError::KeyTooBig | WriteError::ValueTooBig => Error::TooBig,
        WriteError::Corrupted => Error::Damaged,
        WriteError::Flash(_) => Error::Flash,
        WriteError::NotSorted | WriteError::TransactionCanceled => {
            panic!("one key in one transaction at a time")
        }
    }
}

fn of_commit(error: CommitError<FlashError>) -> Error {
    match error {
        CommitError::Flash(_) => Error::Flash,
        CommitError::Corrupted => Error::Damaged,
        CommitError::TransactionCanceled => panic!("one transaction at a time"),
    }
}

fn of_cursor(error: CursorError<FlashError>) -> Error {
    match error {
        CursorError::Flash(_) => Error::Flash,
        CursorError::Corrupted => Error::Damaged,
        _ => panic!("a buffer of the largest key or value is too small"),
    }
}

pub struct Sorted(Box<Database<Part, NoopRawMutex>>);

fn open(flash: AnyNor) -> Box<Database<Part, NoopRawMutex>> {
    let mut config = Config::default();
    config.random_seed = 0x1234_5678;
    Box::new(Database::new(Part(flash), config))
}

impl Engine for Sorted {
    type Flash = AnyNor;
    const NAME: &'static CStr = c"crate-ekv";
    const SUMMARY: &'static CStr = SIZES;
    const HEAP: usize = 48 << 10;

    fn refuses(chip: &Chip, _: &Settings) -> Option<&'static CStr> {
        let fits = chip.sector_size as usize == config::PAGE_SIZE
            && (8..=config::MAX_PAGE_COUNT as u32).contains(&chip.sectors)
            && chip.unit <= config::ALIGN as u32
            && chip.read_unit <= config::ALIGN as u32
            && chip.erased == config::ERASE_VALUE;
        (!fits).then_some(SIZES)
    }

    fn limits(_: &Chip, _: &Settings) -> Limits {
        let value_max = config::MAX_VALUE_SIZE as u32;
        Limits { key: 0..=config::MAX_KEY_SIZE as u32, value_max }
    }

    fn format(flash: AnyNor, _: &Settings) -> Result {
        block_on(open(flash).format()).map_err(|_| Error::Flash)
    }

    fn mount(flash: AnyNor, _: &Settings) -> Result<Self> {
        let database = open(flash);
        match block_on(database.mount()) {
            Ok(()) => Ok(Self(database)),
            Err(MountError::Corrupted) => Err(Error::Damaged),
            Err(MountError::Flash(_)) => Err(Error::Flash),
        }
    }
}

impl Map for Sorted {
    const CALLS: &'static [Call] = &[Call::Remove, Call::Each];

    fn store(&mut self, key: &[u8], value: &[u8]) -> Result {
        block_on(async {
            let mut transaction = self.0.write_transaction().await;
            transaction.write(key, value).await.map_err(of_write)?;
            transaction.commit().await.map_err(of_commit)
        })
    }

    fn fetch(&mut self, key: &[u8], take: TakeBytes<'_>) -> Result {
        let mut value = [0; config::MAX_VALUE_SIZE];
        let size = block_on(async {
            let transaction = self.0.read_transaction().await;
            transaction.read(key, &mut value).await.map_err(of_read)
        })?;
        take(&value[..size]);
        Ok(())
    }

    fn remove(&mut self, key: &[u8]) -> Result {
        self.fetch(key, &mut |_| {})?;
        block_on(async {
            let mut transaction = self.0.write_transaction().await;
            transaction.delete(key).await.map_err(of_write)?;
            transaction.commit().await.map_err(of_commit)
        })
    }

    fn each(&mut self, visit: VisitValue<'_>) -> Result {
        let (mut key, mut value) = ([0; config::MAX_KEY_SIZE], [0; config::MAX_VALUE_SIZE]);
        block_on(async {
            let transaction = self.0.read_transaction().await;
            let mut cursor = transaction.read_all().await.map_err(|_| Error::Damaged)?;
            while let Some((key_size, size)) =
                cursor.next(&mut key, &mut value).await.map_err(of_cursor)?
            {
                visit(&key[..key_size], &value[..size]);
            }
            Ok(())
        })
    }
}

brownout::export! {
    map Sorted;
}
