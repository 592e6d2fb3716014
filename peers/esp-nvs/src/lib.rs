//! The blobs of the crate esp-nvs, which has the format of ESP-IDF's NVS, in one namespace.
//!
//! Its keys are texts of up to 15 characters: a key is written in digits here.

use brownout::{
    Call, Chip, Engine, Error, Flash, FlashError, Limits, Map, Result, Settings, TakeBytes,
    VisitValue,
};
use core::ffi::CStr;
use embedded_storage::nor_flash::{ErrorType, NorFlash, ReadNorFlash};
use esp_nvs::platform::{Crc, software_crc32};
use esp_nvs::{Key, Nvs};

const SECTOR: usize = esp_nvs::FLASH_SECTOR_SIZE;
const NAMESPACE: Key = Key::from_str("brownout");
const KEY_MAX: u32 = 7;
const VALUE_MAX: u32 = 6000;

/// The flash, with the checksum that the crate wants of the same type.
pub struct Part<N>(N);

impl<N> Crc for Part<N> {
    fn crc32(init: u32, data: &[u8]) -> u32 {
        software_crc32(init, data)
    }
}

impl<N: ErrorType> ErrorType for Part<N> {
    type Error = N::Error;
}

impl<N: ReadNorFlash> ReadNorFlash for Part<N> {
    const READ_SIZE: usize = N::READ_SIZE;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> core::result::Result<(), N::Error> {
        self.0.read(offset, bytes)
    }

    fn capacity(&self) -> usize {
        self.0.capacity()
    }
}

impl<N: NorFlash> NorFlash for Part<N> {
    const WRITE_SIZE: usize = N::WRITE_SIZE;
    const ERASE_SIZE: usize = N::ERASE_SIZE;

    fn erase(&mut self, from: u32, to: u32) -> core::result::Result<(), N::Error> {
        self.0.erase(from, to)
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> core::result::Result<(), N::Error> {
        self.0.write(offset, bytes)
    }
}

fn error_of(error: esp_nvs::error::Error) -> Error {
    use esp_nvs::error::Error as Theirs;
    match error {
        Theirs::KeyNotFound | Theirs::NamespaceNotFound => Error::NotFound,
        Theirs::FlashFull => Error::Full,
        Theirs::ValueTooLong => Error::TooBig,
        Theirs::FlashError => Error::Flash,
        _ => Error::Damaged,
    }
}

/// Keys are any bytes, theirs are not.
fn key_of(key: &[u8]) -> Key {
    let digits: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
    Key::from_str(&format!("k{digits}"))
}

fn bytes_of(key: &Key) -> Vec<u8> {
    let digit = |byte: u8| (byte as char).to_digit(16).unwrap_or(0) as u8;
    let digits = &key.as_str().as_bytes()[1..];
    digits.chunks(2).map(|it| it.iter().fold(0, |n, d| n << 4 | digit(*d))).collect()
}

pub struct Blobs<N: NorFlash>(Nvs<Part<N>>);

impl<N: NorFlash<Error = FlashError> + Flash> Engine for Blobs<N> {
    type Flash = N;
    const NAME: &'static CStr = c"crate-esp-nvs";
    const SUMMARY: &'static CStr = c"the blobs of the Rust crate esp-nvs";
    const HEAP: usize = 64 << 10;

    fn refuses(chip: &Chip, _: &Settings) -> Option<&'static CStr> {
        if chip.erased != 0xFF || chip.programs != 0 {
            return Some(c"entries are marked by programs of one word, over and over");
        }
        (chip.sectors < 3).then_some(c"one sector is in reserve, and one is written to")
    }

    fn limits(_: &Chip, _: &Settings) -> Limits {
        Limits { key: 1..=KEY_MAX, value_max: VALUE_MAX }
    }

    fn mount(flash: N, _: &Settings) -> Result<Self> {
        let size = flash.chip().size() as usize;
        Nvs::new(0, size, Part(flash)).map(Self).map_err(error_of)
    }
}

impl<N: NorFlash<Error = FlashError> + Flash> Map for Blobs<N> {
    const CALLS: &'static [Call] = &[Call::Remove, Call::Each];

    fn store(&mut self, key: &[u8], value: &[u8]) -> Result {
        self.0.set(&NAMESPACE, &key_of(key), value).map_err(error_of)
    }

    fn fetch(&mut self, key: &[u8], take: TakeBytes<'_>) -> Result {
        let value: Vec<u8> = self.0.get(&NAMESPACE, &key_of(key)).map_err(error_of)?;
        take(&value);
        Ok(())
    }

    /// Theirs does not say whether there was one.
    fn remove(&mut self, key: &[u8]) -> Result {
        self.fetch(key, &mut |_| {})?;
        self.0.delete(&NAMESPACE, &key_of(key)).map_err(error_of)
    }

    fn each(&mut self, visit: VisitValue<'_>) -> Result {
        let keys: core::result::Result<Vec<_>, _> = self.0.keys().collect();
        for (_, key) in keys.map_err(error_of)? {
            let value: Vec<u8> = self.0.get(&NAMESPACE, &key).map_err(error_of)?;
            visit(&bytes_of(&key), &value);
        }
        Ok(())
    }
}

const _: () = assert!(SECTOR == 4096);

brownout::export! {
    map Blobs: (1, 4096), (4, 4096), (4, 4096, 4);
}
