//! The boot loader of the crate embassy-boot: what is saved is a firmware, what is loaded is the one
//! that runs.
//!
//! ```text
//! | state, a sector | ACTIVE, n sectors | DFU, n + 1 sectors |
//! ```
//!
//! A save writes it to DFU, marks it as an update, and resets the device. Each power-on is a run of the
//! boot loader; the firmware that it starts is good, and marks itself as booted at once. So one that
//! was swapped in, and lost power before it could do that, is reverted.

use brownout::{Blob, Chip, Engine, Error, Flash, Limits, Result, Settings, TakeBytes};
use core::ffi::CStr;
use embassy_boot::{
    BlockingFirmwareUpdater, BootLoader, BootLoaderConfig, FirmwareUpdaterConfig,
    FirmwareUpdaterError, State,
};
use embedded_storage::nor_flash::{ErrorType, NorFlash, ReadNorFlash};

type Answer<T, E> = core::result::Result<T, E>;

/// Bytes before a firmware: its size.
const HEAD: u32 = 4;

/// Some sectors of the flash, as a flash.
struct Part<F> {
    flash: F,
    from: u32,
    size: u32,
}

impl<F: ErrorType> ErrorType for Part<F> {
    type Error = F::Error;
}

impl<F: ReadNorFlash> ReadNorFlash for Part<F> {
    const READ_SIZE: usize = F::READ_SIZE;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Answer<(), F::Error> {
        assert!(offset as usize + bytes.len() <= self.capacity());
        self.flash.read(self.from + offset, bytes)
    }

    fn capacity(&self) -> usize {
        self.size as usize
    }
}

impl<F: NorFlash> NorFlash for Part<F> {
    const WRITE_SIZE: usize = F::WRITE_SIZE;
    const ERASE_SIZE: usize = F::ERASE_SIZE;

    fn erase(&mut self, from: u32, to: u32) -> Answer<(), F::Error> {
        assert!(from <= to && to <= self.size);
        self.flash.erase(self.from + from, self.from + to)
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Answer<(), F::Error> {
        assert!(offset as usize + bytes.len() <= self.capacity());
        self.flash.write(self.from + offset, bytes)
    }
}

type Updater<'a, F> = BlockingFirmwareUpdater<'a, Part<F>, Part<F>>;

pub struct Device<F> {
    flash: F,
    sectors: u32,
}

impl<F: NorFlash + Flash> Device<F> {
    fn part(&self, first: u32, count: u32) -> Part<F> {
        let size = F::ERASE_SIZE as u32;
        Part { flash: self.flash, from: first * size, size: count * size }
    }

    fn state(&self) -> Part<F> {
        self.part(0, 1)
    }

    fn active(&self) -> Part<F> {
        self.part(1, self.sectors)
    }

    fn dfu(&self) -> Part<F> {
        self.part(1 + self.sectors, self.sectors + 1)
    }

    /// Work of the firmware, not of the boot loader.
    fn update(
        &self,
        work: impl FnOnce(&mut Updater<'_, F>) -> Answer<(), FirmwareUpdaterError>,
    ) -> Result {
        let mut word = vec![0; F::WRITE_SIZE];
        let config = FirmwareUpdaterConfig { dfu: self.dfu(), state: self.state() };
        work(&mut Updater::new(config, &mut word)).map_err(|_| Error::Flash)
    }

    fn boot(&self) -> Result<State> {
        let mut page = vec![0; F::ERASE_SIZE];
        let config =
            BootLoaderConfig { active: self.active(), dfu: self.dfu(), state: self.state() };
        let state = BootLoader::new(config).prepare_boot(&mut page).map_err(|_| Error::Flash)?;
        self.update(|it| it.mark_booted())?;
        Ok(state)
    }
}

/// Sectors of ACTIVE.
fn sectors(chip: &Chip) -> u32 {
    chip.sectors.saturating_sub(2) / 2
}

impl<F: NorFlash + Flash> Engine for Device<F> {
    type Flash = F;
    const NAME: &'static CStr = c"crate-boot";
    const SUMMARY: &'static CStr = c"crate embassy-boot: the firmware that runs";

    fn refuses(chip: &Chip, _: &Settings) -> Option<&'static CStr> {
        let words = chip.sector_size / chip.unit;
        if chip.erased != 0xFF {
            Some(c"it takes bytes of 0xFF for erased")
        } else if sectors(chip) == 0 {
            Some(c"it needs four sectors")
        } else if 2 + 4 * sectors(chip) > words {
            Some(c"what it notes of each sector has no room in one")
        } else {
            None
        }
    }

    fn limits(_: &Chip, _: &Settings) -> Limits {
        Limits { key: 0..=0, value_max: 0 } // the capacity of the blob counts
    }

    fn mount(flash: F, _: &Settings) -> Result<Self> {
        let it = Self { flash, sectors: sectors(&flash.chip()) };
        it.boot()?;
        Ok(it)
    }
}

impl<F: NorFlash + Flash> Blob for Device<F> {
    fn capacity(chip: &Chip, _: &Settings) -> u32 {
        sectors(chip) * chip.sector_size - HEAD
    }

    fn load(&mut self, take: TakeBytes<'_>) -> Result {
        let mut all = vec![0; self.active().capacity()];
        self.active().read(0, &mut all).map_err(|_| Error::Flash)?;
        let (size, firmware) = all.split_at(HEAD as usize);
        let size = u32::from_le_bytes(size.try_into().unwrap());
        if size == u32::MAX {
            return Err(Error::NotFound);
        }
        take(firmware.get(..size as usize).ok_or(Error::Damaged)?);
        Ok(())
    }

    fn save(&mut self, firmware: &[u8]) -> Result {
        let mut all = (firmware.len() as u32).to_le_bytes().to_vec();
        all.extend_from_slice(firmware);
        all.resize(self.active().capacity(), 0xFF);
        self.update(|it| {
            it.prepare_update()?.write(0, &all)?;
            it.mark_updated()
        })?;
        match self.boot()? {
            State::Swap => Ok(()),
            _ => Err(Error::Unsupported),
        }
    }
}

brownout::export! {
    blob Device: (1, 256), (1, 512), (1, 4096), (1, 64), (1, 128), (2, 256), (4, 256), (4, 4096),
        (4, 64), (4, 128), (4, 512), (4, 1024), (8, 256), (8, 512), (8, 2048), (8, 128);
}
