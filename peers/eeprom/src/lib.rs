//! The map of the crate eeprom: tags of 15 bits and values of 16, each in two bytes here.
//!
//! It panics, as its documentation says under Panics, where one page can't hold all tags. So there
//! are no more of them here than the smallest page holds.

use brownout::{AnyNor, Call, Chip, Engine, Error, Keys, Limits, Map, Result, Settings, TakeBytes};
use core::ffi::CStr;
use eeprom::{EEPROM, Flash, Params};

const KIB: u32 = 1024;
const HALF_WORD: u32 = 2;
const ITEM: u32 = 2 * HALF_WORD;
/// What a page holds besides its marker, and one item that is free after all were moved there.
const TAGS: u32 = KIB / ITEM - 2;

pub struct Part(AnyNor);

impl Flash for Part {
    fn read(&mut self, _: &Params, offset: u32) -> core::result::Result<u16, ()> {
        let mut bytes = [0; HALF_WORD as usize];
        self.0.read_at(offset, &mut bytes).map_err(drop)?;
        Ok(u16::from_le_bytes(bytes))
    }

    fn write(&mut self, _: &Params, offset: u32, data: u16) -> core::result::Result<(), ()> {
        self.0.program_at(offset, &data.to_le_bytes()).map_err(drop)
    }

    fn page_erase(&mut self, _: &Params, offset: u32) -> core::result::Result<(), ()> {
        self.0.erase_at(offset).map_err(drop)
    }
}

fn number(bytes: &[u8]) -> u16 {
    u16::from_le_bytes([bytes[0], bytes[1]])
}

fn tag(key: &[u8]) -> Result<u16> {
    let tag = number(key);
    if u32::from(tag) < TAGS { Ok(tag) } else { Err(Error::TooBig) }
}

pub struct Variables(EEPROM<Part>);

impl Engine for Variables {
    type Flash = AnyNor;
    const NAME: &'static CStr = c"crate-eeprom";
    const SUMMARY: &'static CStr = c"the map of the Rust crate eeprom: 254 numbers of 16 bits";
    const HEAP: usize = 4096;
    const VALUE_MIN: u32 = HALF_WORD;
    const KEYS: Option<Keys> = Some(|_, n| (n < TAGS).then(|| (n as u16).to_le_bytes().to_vec()));

    fn refuses(chip: &Chip, _: &Settings) -> Option<&'static CStr> {
        if chip.erased != 0xFF {
            return Some(c"the format wants erased bytes to be FF");
        }
        if !HALF_WORD.is_multiple_of(chip.unit) || !HALF_WORD.is_multiple_of(chip.read_unit) {
            return Some(c"it reads and writes half words");
        }
        let fits = chip.sector_size.is_multiple_of(KIB) && chip.sectors >= 2;
        (!fits).then_some(c"it takes 2 pages and more, of whole KiB")
    }

    fn limits(_: &Chip, _: &Settings) -> Limits {
        Limits { key: HALF_WORD..=HALF_WORD, value_max: HALF_WORD }
    }

    fn format(flash: AnyNor, settings: &Settings) -> Result {
        Self::mount(flash, settings).map(drop)
    }

    fn mount(flash: AnyNor, _: &Settings) -> Result<Self> {
        let chip = brownout::Flash::chip(&flash);
        let params = Params {
            first_page: 0,
            flash_size: (chip.size() / u64::from(KIB)) as u32,
            page_size: chip.sector_size / KIB,
            page_count: chip.sectors,
        };
        let mut eeprom = EEPROM::new(params, Part(flash));
        eeprom.init().map_err(|()| Error::Flash)?;
        Ok(Self(eeprom))
    }
}

impl Map for Variables {
    const CALLS: &'static [Call] = &[Call::Clear];

    fn store(&mut self, key: &[u8], value: &[u8]) -> Result {
        self.0.write(tag(key)?, number(value)).map_err(|()| Error::Flash)
    }

    fn fetch(&mut self, key: &[u8], take: TakeBytes<'_>) -> Result {
        let value = self.0.read(tag(key)?).ok_or(Error::NotFound)?;
        take(&value.to_le_bytes());
        Ok(())
    }

    fn clear(&mut self) -> Result {
        self.0.erase().map_err(|()| Error::Flash)
    }
}

brownout::export! {
    map Variables;
}
