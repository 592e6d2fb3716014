//! The simulated chip as an engine sees it.

use crate::abi;
use core::fmt;
use embedded_storage::nor_flash::{self as now, ErrorType, NorFlashError, NorFlashErrorKind};
use embedded_storage_async::nor_flash as later;

/// A chip: what a scenario's `chip` line says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chip {
    /// Bytes of a sector, what one erase covers.
    pub sector_size: u32,
    /// Sectors of the region.
    pub sectors: u32,
    /// Bytes of the largest program, which never crosses a multiple of it.
    pub page: u32,
    /// Bytes of the smallest program.
    pub unit: u32,
    /// Bytes of the smallest read.
    pub read_unit: u32,
    /// The value of an erased byte.
    pub erased: u8,
    /// Programs of one unit between two erases; 0: no limit.
    pub programs: u8,
}

impl Chip {
    pub(crate) fn of(geometry: &abi::Geometry) -> Self {
        Self {
            sector_size: geometry.sector_size,
            sectors: geometry.sector_count,
            page: geometry.page_size,
            unit: geometry.unit.into(),
            read_unit: geometry.read_unit.into(),
            erased: geometry.erased,
            programs: geometry.programs_per_unit,
        }
    }

    /// Bytes of the region.
    pub fn size(&self) -> u64 {
        u64::from(self.sector_size) * u64::from(self.sectors)
    }
}

/// What a flash call answers when it did nothing, or not all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlashError {
    /// The range lies outside of the region; the chip was not asked.
    OutOfBounds,
    /// The part did not do it.
    Io,
    /// A unit can't be corrected: the ECC of the part says so.
    Ecc,
    /// Address or size breaks the rules of the chip, which is a finding.
    Range,
    /// Power is gone.
    Off,
}

impl FlashError {
    fn of(code: i32) -> Self {
        match code {
            -2 => Self::Ecc,
            -3 => Self::Range,
            -4 => Self::Off,
            _ => Self::Io,
        }
    }
}

impl fmt::Display for FlashError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "flash: {self:?}")
    }
}

impl core::error::Error for FlashError {}

impl NorFlashError for FlashError {
    fn kind(&self) -> NorFlashErrorKind {
        match self {
            Self::OutOfBounds => NorFlashErrorKind::OutOfBounds,
            Self::Range => NorFlashErrorKind::NotAligned,
            _ => NorFlashErrorKind::Other,
        }
    }
}

/// What an engine may hold as its flash. Only [`Nor`] is one.
pub trait Flash: Copy + sealed::Of {
    /// The chip.
    fn chip(&self) -> Chip;
}

pub(crate) mod sealed {
    pub trait Of {
        const SIZES: [usize; 3];
        /// # Safety
        /// The flash outlives what is made.
        unsafe fn of(flash: *const crate::abi::Flash) -> Self;
    }
}

/// The flash, with its sizes as constants: `W` bytes of the smallest program, `E` of a sector, `R`
/// of the smallest read. It implements `NorFlash` and `MultiwriteNorFlash` of `embedded-storage`
/// and of `embedded-storage-async`; the plain calls are for engines with a trait of their own.
/// `Nor<0, 0, 0>`, which is [`AnyNor`], takes every chip; its sizes are those of [`Flash::chip`].
///
/// A copy is the same flash.
#[derive(Clone, Copy, Debug)]
pub struct Nor<const W: usize, const E: usize, const R: usize = 1> {
    flash: *const abi::Flash,
}

/// The flash of an engine that asks for its sizes when it runs.
pub type AnyNor = Nor<0, 0, 0>;

impl<const W: usize, const E: usize, const R: usize> sealed::Of for Nor<W, E, R> {
    const SIZES: [usize; 3] = [W, E, R];
    unsafe fn of(flash: *const abi::Flash) -> Self {
        Self { flash }
    }
}

impl<const W: usize, const E: usize, const R: usize> Flash for Nor<W, E, R> {
    fn chip(&self) -> Chip {
        Chip::of(&self.raw().geometry)
    }
}

impl<const W: usize, const E: usize, const R: usize> Nor<W, E, R> {
    fn raw(&self) -> &abi::Flash {
        unsafe { &*self.flash }
    }

    fn checked(&self, address: u32, size: usize) -> Result<u32, FlashError> {
        let fits = u64::from(address) + size as u64 <= self.chip().size();
        if fits { Ok(size as u32) } else { Err(FlashError::OutOfBounds) }
    }

    /// Reads, from whole units of read.
    pub fn read_at(&self, address: u32, bytes: &mut [u8]) -> Result<(), FlashError> {
        let size = self.checked(address, bytes.len())?;
        if size == 0 {
            return Ok(());
        }
        let raw = self.raw();
        done((raw.read)(raw.context, address, bytes.as_mut_ptr(), size))
    }

    /// Programs whole units: one program for each page that the range touches.
    pub fn program_at(&self, mut address: u32, mut bytes: &[u8]) -> Result<(), FlashError> {
        self.checked(address, bytes.len())?;
        let raw = self.raw();
        while !bytes.is_empty() {
            let room = raw.geometry.page_size - address % raw.geometry.page_size;
            let (part, rest) = bytes.split_at(bytes.len().min(room as usize));
            done((raw.program)(raw.context, address, part.as_ptr(), part.len() as u32))?;
            address += part.len() as u32;
            bytes = rest;
        }
        Ok(())
    }

    /// Erases the sector that begins at `address`.
    pub fn erase_at(&self, address: u32) -> Result<(), FlashError> {
        self.checked(address, self.raw().geometry.sector_size as usize)?;
        let raw = self.raw();
        done((raw.erase)(raw.context, address))
    }

    fn erase_range(&self, from: u32, to: u32) -> Result<(), FlashError> {
        self.checked(from, to.saturating_sub(from) as usize)?;
        for address in (from..to).step_by(self.raw().geometry.sector_size as usize) {
            self.erase_at(address)?;
        }
        Ok(())
    }
}

fn done(code: i32) -> Result<(), FlashError> {
    if code == 0 { Ok(()) } else { Err(FlashError::of(code)) }
}

impl<const W: usize, const E: usize, const R: usize> ErrorType for Nor<W, E, R> {
    type Error = FlashError;
}

impl<const W: usize, const E: usize, const R: usize> now::ReadNorFlash for Nor<W, E, R> {
    const READ_SIZE: usize = R;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), FlashError> {
        self.read_at(offset, bytes)
    }

    fn capacity(&self) -> usize {
        self.chip().size() as usize
    }
}

impl<const W: usize, const E: usize, const R: usize> now::NorFlash for Nor<W, E, R> {
    const WRITE_SIZE: usize = W;
    const ERASE_SIZE: usize = E;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), FlashError> {
        self.erase_range(from, to)
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), FlashError> {
        self.program_at(offset, bytes)
    }
}

impl<const W: usize, const E: usize, const R: usize> now::MultiwriteNorFlash for Nor<W, E, R> {}

impl<const W: usize, const E: usize, const R: usize> later::ReadNorFlash for Nor<W, E, R> {
    const READ_SIZE: usize = R;

    async fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), FlashError> {
        self.read_at(offset, bytes)
    }

    fn capacity(&self) -> usize {
        self.chip().size() as usize
    }
}

impl<const W: usize, const E: usize, const R: usize> later::NorFlash for Nor<W, E, R> {
    const WRITE_SIZE: usize = W;
    const ERASE_SIZE: usize = E;

    async fn erase(&mut self, from: u32, to: u32) -> Result<(), FlashError> {
        self.erase_range(from, to)
    }

    async fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), FlashError> {
        self.program_at(offset, bytes)
    }
}

impl<const W: usize, const E: usize, const R: usize> later::MultiwriteNorFlash for Nor<W, E, R> {}

/// Runs a future to its end. The simulated chip never waits, so one poll is enough.
///
/// # Panics
/// Where the future waits for something: nobody here would wake it.
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    use core::task::{Context, Poll, Waker};
    let future = core::pin::pin!(future);
    match future.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("the engine waits for something other than the flash"),
    }
}
