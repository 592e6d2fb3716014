//! A [`Blob`] as a map: the map lies in RAM, and each change saves all of it.

use crate::engine::*;
use crate::nor::{Chip, Flash};
use std::collections::BTreeMap;

/// Bytes beside each key and its value: two lengths.
const HEAD: u32 = 4;
const KEY_MAX: u32 = 32;

/// See [`Blob`].
pub struct Blobs<B> {
    blob: B,
    capacity: usize,
    values: BTreeMap<Vec<u8>, Vec<u8>>,
}

fn encode(values: &BTreeMap<Vec<u8>, Vec<u8>>) -> Vec<u8> {
    let mut bytes = vec![];
    for (key, value) in values {
        bytes.extend((key.len() as u16).to_le_bytes());
        bytes.extend((value.len() as u16).to_le_bytes());
        bytes.extend(key);
        bytes.extend(value);
    }
    bytes
}

fn split<'a>(bytes: &mut &'a [u8], size: usize) -> Result<&'a [u8]> {
    let (part, rest) = bytes.split_at_checked(size).ok_or(Error::Damaged)?;
    *bytes = rest;
    Ok(part)
}

/// A blob that no save wrote is damage that the engine passed on.
fn decode(mut bytes: &[u8]) -> Result<BTreeMap<Vec<u8>, Vec<u8>>> {
    let mut values = BTreeMap::new();
    while !bytes.is_empty() {
        let head = split(&mut bytes, HEAD as usize)?;
        let size = |at: usize| u16::from_le_bytes([head[at], head[at + 1]]) as usize;
        let key = split(&mut bytes, size(0))?;
        values.insert(key.to_vec(), split(&mut bytes, size(2))?.to_vec());
    }
    Ok(values)
}

impl<B: Blob> Blobs<B> {
    fn load(&mut self) -> Result {
        let mut found = Ok(BTreeMap::new());
        match self.blob.load(&mut |bytes| found = decode(bytes)) {
            Ok(()) | Err(Error::NotFound) => self.values = found?,
            Err(error) => return Err(error),
        }
        Ok(())
    }

    fn save(&mut self, values: BTreeMap<Vec<u8>, Vec<u8>>) -> Result {
        let bytes = encode(&values);
        if bytes.len() > self.capacity {
            return Err(Error::Full);
        }
        self.blob.save(&bytes)?;
        self.values = values;
        Ok(())
    }
}

impl<B: Blob> Engine for Blobs<B> {
    type Flash = B::Flash;
    const NAME: &'static core::ffi::CStr = B::NAME;
    const SUMMARY: &'static core::ffi::CStr = B::SUMMARY;
    const CLAIMS: &'static core::ffi::CStr = B::CLAIMS;
    const WIDENED: Option<(&'static [Widening], &'static core::ffi::CStr)> = B::WIDENED;
    const OPTIONS: &'static [Opt] = B::OPTIONS;
    const HEAP: usize = B::HEAP;
    const RELIES_ON_AND: bool = B::RELIES_ON_AND;
    const KNOWS_REGION: bool = B::KNOWS_REGION;

    fn refuses(chip: &Chip, settings: &Settings) -> Option<&'static core::ffi::CStr> {
        let room = B::refuses(chip, settings).is_some() || B::capacity(chip, settings) > HEAD;
        if room { B::refuses(chip, settings) } else { Some(c"it has no room for a blob") }
    }

    fn limits(chip: &Chip, settings: &Settings) -> Limits {
        let room = B::capacity(chip, settings) - HEAD;
        Limits { key: 0..=room.min(KEY_MAX), value_max: room.min(u16::MAX.into()) }
    }

    fn format(flash: Self::Flash, settings: &Settings) -> Result {
        B::format(flash, settings)
    }

    fn mount(flash: Self::Flash, settings: &Settings) -> Result<Self> {
        let capacity = B::capacity(&flash.chip(), settings) as usize;
        let blob = B::mount(flash, settings)?;
        let mut it = Self { blob, capacity, values: BTreeMap::new() };
        it.load()?;
        Ok(it)
    }
}

impl<B: Blob> Map for Blobs<B> {
    fn store(&mut self, key: &[u8], value: &[u8]) -> Result {
        let mut values = self.values.clone();
        values.insert(key.to_vec(), value.to_vec());
        self.save(values)
    }

    fn fetch(&mut self, key: &[u8], take: TakeBytes<'_>) -> Result {
        self.values.get(key).map(|value| take(value)).ok_or(Error::NotFound)
    }

    fn remove(&mut self, key: &[u8]) -> Result {
        let mut values = self.values.clone();
        if values.remove(key).is_none() {
            return Err(Error::NotFound);
        }
        self.save(values)
    }

    fn clear(&mut self) -> Result {
        self.save(BTreeMap::new())
    }

    fn each(&mut self, visit: VisitValue<'_>) -> Result {
        self.load()?;
        self.values.iter().for_each(|(key, value)| visit(key, value));
        Ok(())
    }
}
