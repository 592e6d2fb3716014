//! A settings block in two sectors: each save goes to the older one. This is a whole engine, its
//! door and its test: `cargo test --example two_slots`.

use brownout::{Blob, Chip, Engine, Error, Limits, Result, Settings, TakeBytes};
use embedded_storage::nor_flash::NorFlash;

const HEAD: usize = 12; // checksum, number, size

pub struct TwoSlots<F> {
    flash: F,
    newest: Option<(u32, Vec<u8>)>,
}

fn checksum(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811C_9DC5, |sum, byte| (sum ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
}

impl<F: NorFlash + brownout::Flash> TwoSlots<F> {
    fn read(&mut self, slot: u32) -> Result<Option<(u32, Vec<u8>)>> {
        let mut bytes = vec![0; F::ERASE_SIZE];
        self.flash.read(slot * F::ERASE_SIZE as u32, &mut bytes).map_err(|_| Error::Flash)?;
        let word = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
        let end = (HEAD as u32).saturating_add(word(8)) as usize;
        let good = end <= bytes.len() && word(0) == checksum(&bytes[4..end]);
        Ok(good.then(|| (word(4), bytes[HEAD..end].to_vec())))
    }
}

impl<F: NorFlash + brownout::Flash> Engine for TwoSlots<F> {
    type Flash = F;
    const NAME: &'static core::ffi::CStr = c"two-slots";
    const SUMMARY: &'static core::ffi::CStr = c"a settings block in two sectors";

    fn limits(_: &Chip, _: &Settings) -> Limits {
        Limits { key: 1..=8, value_max: 32 }
    }

    fn mount(flash: F, _: &Settings) -> Result<Self> {
        let mut it = Self { flash, newest: None };
        let slots = [it.read(0)?, it.read(1)?];
        it.newest = slots.into_iter().flatten().max_by_key(|it| it.0);
        Ok(it)
    }
}

impl<F: NorFlash + brownout::Flash> Blob for TwoSlots<F> {
    fn capacity(chip: &Chip, _: &Settings) -> u32 {
        chip.sector_size.saturating_sub(HEAD as u32)
    }

    fn load(&mut self, take: TakeBytes<'_>) -> Result {
        self.newest.as_ref().map(|it| take(&it.1)).ok_or(Error::NotFound)
    }

    fn save(&mut self, blob: &[u8]) -> Result {
        let number = self.newest.as_ref().map_or(0, |it| it.0) + 1;
        let mut bytes = [&number.to_le_bytes(), &(blob.len() as u32).to_le_bytes(), blob].concat();
        bytes.splice(..0, checksum(&bytes).to_le_bytes());
        bytes.resize(bytes.len().next_multiple_of(F::WRITE_SIZE), 0);
        let (from, size) = (number % 2 * F::ERASE_SIZE as u32, F::ERASE_SIZE as u32);
        self.flash.erase(from, from + size).map_err(|_| Error::Flash)?;
        self.flash.write(from, &bytes).map_err(|_| Error::Flash)?;
        self.newest = Some((number, blob.to_vec()));
        Ok(())
    }
}

brownout::export! {
    blob TwoSlots: (1, 32), (1, 64), (1, 256), (4, 64), (4, 256), (4, 512);
}

#[test]
fn survives_every_cut() {
    brownout::survives!(
        "chip generic sectors=2 sector=64 page=64 unit=4
         engine two-slots
         store ssid \"home\"
         store boots count
         store ssid \"work\"",
        faults = "edge,prefix"
    );
    brownout::survives!("settings-store", engine = "two-slots", faults = "edge,prefix");
    brownout::fuzz!(engine = "two-slots", faults = "edge,prefix", rounds = 8);
}

#[allow(dead_code)] // an example is a program
fn main() {}
