//! The map of the crate wasefire-store: keys are numbers below 4096, in two bytes here.
//!
//! It states its own fault model (src/lib.rs, Preconditions): any subset of the bits of a program
//! or an erase, and what was cut is not counted against the limits of the part.

use brownout::{
    AnyNor, Call, Chip, Engine, Error, Keys, Limits, Map, Result, Settings, TakeBytes, VisitValue,
    Widening,
};
use core::ffi::CStr;
use std::borrow::Cow;
use wasefire_error::Code;
use wasefire_store::{INVALID_ARGUMENT, NO_CAPACITY, NO_LIFETIME, Storage, StorageIndex, Store};

const WORD: u32 = 4;
const KEYS: u32 = 4096;

type Answer<T> = core::result::Result<T, wasefire_error::Error>;

pub struct Part(AnyNor);

impl Part {
    fn chip(&self) -> Chip {
        brownout::Flash::chip(&self.0)
    }

    fn address(&self, index: StorageIndex) -> u32 {
        index.page as u32 * self.chip().sector_size + index.byte as u32
    }
}

fn failed(_: brownout::FlashError) -> wasefire_error::Error {
    wasefire_error::Error::world(Code::Generic)
}

impl Storage for Part {
    fn word_size(&self) -> usize {
        WORD as usize
    }

    fn page_size(&self) -> usize {
        self.chip().sector_size as usize
    }

    fn num_pages(&self) -> usize {
        self.chip().sectors as usize
    }

    fn max_word_writes(&self) -> usize {
        2
    }

    fn max_page_erases(&self) -> usize {
        10_000
    }

    fn read_slice(&self, index: StorageIndex, length: usize) -> Answer<Cow<'_, [u8]>> {
        let mut bytes = vec![0; length];
        self.0.read_at(self.address(index), &mut bytes).map_err(failed)?;
        Ok(Cow::Owned(bytes))
    }

    fn write_slice(&mut self, index: StorageIndex, value: &[u8]) -> Answer<()> {
        self.0.program_at(self.address(index), value).map_err(failed)
    }

    fn erase_page(&mut self, page: usize) -> Answer<()> {
        self.0.erase_at(page as u32 * self.chip().sector_size).map_err(failed)
    }
}

fn error_of(error: wasefire_error::Error) -> Error {
    match error {
        NO_CAPACITY | NO_LIFETIME => Error::Full,
        INVALID_ARGUMENT => Error::TooBig,
        it if it == wasefire_error::Error::world(Code::Generic) => Error::Flash,
        _ => Error::Damaged,
    }
}

fn number(key: &[u8]) -> usize {
    u16::from_le_bytes([key[0], key[1]]).into()
}

pub struct Words(Store<Part>);

impl Engine for Words {
    type Flash = AnyNor;
    const NAME: &'static CStr = c"crate-wasefire";
    const SUMMARY: &'static CStr = c"the map of the Rust crate wasefire-store";
    const CLAIMS: &'static CStr = c"edge,prefix,bits";
    const WIDENED: Option<(&'static [Widening], &'static CStr)> = Some((
        &[Widening::CutProgramFree],
        c"its preconditions say that a program that was cut does not count towards the limits",
    ));
    const HEAP: usize = 64 << 10;
    const KEYS: Option<Keys> = Some(|_, n| (n < KEYS).then(|| (n as u16).to_le_bytes().to_vec()));

    fn refuses(chip: &Chip, _: &Settings) -> Option<&'static CStr> {
        if chip.erased != 0xFF || chip.read_unit > 1 {
            return Some(c"the format wants erased bytes to be FF, and reads of one byte");
        }
        if WORD % chip.unit != 0 {
            return Some(c"a word has four bytes");
        }
        if chip.page != chip.sector_size {
            // Storage::write_slice() is one operation, which counts only when it was completed.
            return Some(c"a slice is written by one program");
        }
        if chip.programs == 1 {
            return Some(c"a word is written twice");
        }
        let words = chip.sector_size / WORD;
        let sizes = (8..=1024).contains(&words) && (3..64).contains(&chip.sectors);
        (!sizes).then_some(c"it takes 3 to 63 pages of 8 to 1024 words")
    }

    fn limits(chip: &Chip, _: &Settings) -> Limits {
        let words = (chip.sector_size / WORD - 3).min(256);
        Limits { key: 2..=2, value_max: (words * WORD).min(1023) }
    }

    fn format(flash: AnyNor, settings: &Settings) -> Result {
        Self::mount(flash, settings).map(drop)
    }

    fn mount(flash: AnyNor, _: &Settings) -> Result<Self> {
        match Store::new(Part(flash)) {
            Ok(store) => Ok(Self(store)),
            Err((error, _)) => Err(error_of(error)),
        }
    }
}

impl Map for Words {
    const CALLS: &'static [Call] = &[Call::Remove, Call::Clear, Call::Each];

    fn store(&mut self, key: &[u8], value: &[u8]) -> Result {
        self.0.insert(number(key), value).map_err(error_of)
    }

    fn fetch(&mut self, key: &[u8], take: TakeBytes<'_>) -> Result {
        let found = self.0.find(number(key)).map_err(error_of)?;
        found.map(|value| take(&value)).ok_or(Error::NotFound)
    }

    fn remove(&mut self, key: &[u8]) -> Result {
        self.fetch(key, &mut |_| {})?;
        self.0.remove(number(key)).map_err(error_of)
    }

    fn clear(&mut self) -> Result {
        self.0.clear(0).map_err(error_of)
    }

    fn each(&mut self, visit: VisitValue<'_>) -> Result {
        for handle in self.0.iter().map_err(error_of)? {
            let handle = handle.map_err(error_of)?;
            let value = handle.get_value(&self.0).map_err(error_of)?;
            visit(&(handle.get_key() as u16).to_le_bytes(), &value);
        }
        Ok(())
    }
}

brownout::export! {
    map Words;
}
