//! littlefs, in the version that the crate littlefs2-sys ships: a file for each key.
//!
//! A value is written to a file of its own and renamed over the old one, as littlefs has it for
//! what must be replaced at once.

use brownout::{
    AnyNor, Call, Chip, Engine, Error, Limits, Map, Opt, Result, Settings, TakeBytes, VisitValue,
};
use core::ffi::{CStr, c_int, c_void};
use core::mem::zeroed;
use core::ptr::null_mut;
use littlefs2_sys as lfs;
use std::ffi::CString;

const KEY_MAX: u32 = 16;
const VALUE_MAX: u32 = 512;
/// The least that littlefs takes.
const BLOCK_MIN: u32 = 128;
const CACHE: u32 = 64;
const LOOKAHEAD: u32 = 16;
const NEW: &CStr = c"new";

const READS: c_int = lfs::lfs_open_flags_LFS_O_RDONLY as c_int;
const WRITES: c_int = (lfs::lfs_open_flags_LFS_O_WRONLY
    | lfs::lfs_open_flags_LFS_O_CREAT
    | lfs::lfs_open_flags_LFS_O_TRUNC) as c_int;

// --- the block device ---

fn answered(done: core::result::Result<(), brownout::FlashError>) -> c_int {
    match done {
        Ok(()) => 0,
        Err(brownout::FlashError::Ecc) => lfs::lfs_error_LFS_ERR_CORRUPT,
        Err(_) => lfs::lfs_error_LFS_ERR_IO,
    }
}

unsafe fn part_of<'a>(config: *const lfs::lfs_config, block: u32) -> (&'a AnyNor, u32) {
    unsafe { (&*(*config).context.cast::<AnyNor>(), block * (*config).block_size) }
}

unsafe extern "C" fn read(
    config: *const lfs::lfs_config,
    block: u32,
    offset: u32,
    buffer: *mut c_void,
    size: u32,
) -> c_int {
    let (part, address) = unsafe { part_of(config, block) };
    let bytes = unsafe { core::slice::from_raw_parts_mut(buffer.cast(), size as usize) };
    answered(part.read_at(address + offset, bytes))
}

unsafe extern "C" fn program(
    config: *const lfs::lfs_config,
    block: u32,
    offset: u32,
    buffer: *const c_void,
    size: u32,
) -> c_int {
    let (part, address) = unsafe { part_of(config, block) };
    let bytes = unsafe { core::slice::from_raw_parts(buffer.cast(), size as usize) };
    answered(part.program_at(address + offset, bytes))
}

unsafe extern "C" fn erase(config: *const lfs::lfs_config, block: u32) -> c_int {
    let (part, address) = unsafe { part_of(config, block) };
    answered(part.erase_at(address))
}

extern "C" fn sync(_: *const lfs::lfs_config) -> c_int {
    0
}

// --- the file system ---

fn done(code: c_int) -> Result<u32> {
    Err(match code {
        0.. => return Ok(code as u32),
        lfs::lfs_error_LFS_ERR_NOENT => Error::NotFound,
        lfs::lfs_error_LFS_ERR_NOSPC => Error::Full,
        lfs::lfs_error_LFS_ERR_FBIG => Error::TooBig,
        lfs::lfs_error_LFS_ERR_IO => Error::Flash,
        _ => Error::Damaged,
    })
}

/// All that littlefs keeps; it holds pointers into it, so it stays where it is.
struct Volume {
    part: AnyNor,
    config: lfs::lfs_config,
    state: lfs::lfs_t,
    buffers: [[u64; CACHE as usize / 8]; 3],
    lookahead: [u64; LOOKAHEAD as usize / 8],
}

impl Volume {
    fn of(part: AnyNor, settings: &Settings) -> Box<Self> {
        let chip = brownout::Flash::chip(&part);
        let mut it = Box::new(Self {
            part,
            config: unsafe { zeroed() },
            state: unsafe { zeroed() },
            buffers: Default::default(),
            lookahead: Default::default(),
        });
        it.config = lfs::lfs_config {
            context: (&raw mut it.part).cast(),
            read: Some(read),
            prog: Some(program),
            erase: Some(erase),
            sync: Some(sync),
            read_size: chip.read_unit,
            prog_size: chip.unit,
            block_size: chip.sector_size,
            block_count: chip.sectors,
            block_cycles: settings.number(c"cycles") as i32,
            cache_size: CACHE,
            lookahead_size: LOOKAHEAD,
            read_buffer: (&raw mut it.buffers[0]).cast(),
            prog_buffer: (&raw mut it.buffers[1]).cast(),
            lookahead_buffer: (&raw mut it.lookahead).cast(),
            ..unsafe { zeroed() }
        };
        it
    }

    /// Opens a file, works with it, and closes it.
    fn with(
        &mut self,
        name: &CStr,
        flags: c_int,
        work: impl FnOnce(*mut lfs::lfs_t, *mut lfs::lfs_file_t) -> Result,
    ) -> Result {
        let config = lfs::lfs_file_config {
            buffer: (&raw mut self.buffers[2]).cast(),
            attrs: null_mut(),
            attr_count: 0,
        };
        let mut file: lfs::lfs_file_t = unsafe { zeroed() };
        let state = &raw mut self.state;
        done(unsafe { lfs::lfs_file_opencfg(state, &mut file, name.as_ptr(), flags, &config) })?;
        let worked = work(state, &mut file);
        let closed = done(unsafe { lfs::lfs_file_close(state, &mut file) });
        worked.and(closed.map(drop))
    }

    fn value(&mut self, name: &CStr) -> Result<Vec<u8>> {
        let mut value = vec![0; VALUE_MAX as usize];
        let mut size = 0;
        self.with(name, READS, |state, file| {
            let (to, most) = (value.as_mut_ptr().cast(), value.len() as u32);
            size = done(unsafe { lfs::lfs_file_read(state, file, to, most) })? as usize;
            Ok(())
        })?;
        value.truncate(size);
        Ok(value)
    }

    /// The names of all values.
    fn names(&mut self) -> Result<Vec<CString>> {
        let mut names = vec![];
        let mut folder: lfs::lfs_dir_t = unsafe { zeroed() };
        let mut info: lfs::lfs_info = unsafe { zeroed() };
        let state = &raw mut self.state;
        done(unsafe { lfs::lfs_dir_open(state, &mut folder, c"/".as_ptr()) })?;
        let read = loop {
            match done(unsafe { lfs::lfs_dir_read(state, &mut folder, &mut info) }) {
                Ok(0) => break Ok(()),
                Ok(_) => {}
                Err(error) => break Err(error),
            }
            let name = unsafe { CStr::from_ptr(info.name.as_ptr()) };
            if name.to_bytes().starts_with(b"k") {
                names.push(name.to_owned());
            }
        };
        let closed = done(unsafe { lfs::lfs_dir_close(state, &mut folder) });
        read.and(closed).map(|_| names)
    }
}

/// Keys are any bytes, names are not.
fn name_of(key: &[u8]) -> CString {
    let digits: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
    CString::new(format!("k{digits}")).expect("digits")
}

fn key_of(name: &CStr) -> Vec<u8> {
    let digit = |byte: u8| (byte as char).to_digit(16).unwrap_or(0) as u8;
    name.to_bytes()[1..].chunks(2).map(|it| it.iter().fold(0, |n, d| n << 4 | digit(*d))).collect()
}

pub struct Files(Box<Volume>);

impl Engine for Files {
    type Flash = AnyNor;
    const NAME: &'static CStr = c"littlefs";
    const SUMMARY: &'static CStr =
        c"littlefs 2.9 of the Rust crate littlefs2-sys, a file for each key";
    /// It suggests 100 to 1000.
    const OPTIONS: &'static [Opt] = &[Opt::number(
        c"cycles",
        c"block_cycles: erases of a metadata block before it moves",
        100,
        100..=1000,
    )
    .fixed()];
    const HEAP: usize = 24 << 10;

    fn refuses(chip: &Chip, _: &Settings) -> Option<&'static CStr> {
        if chip.sector_size < BLOCK_MIN || chip.sector_size % CACHE != 0 || chip.sectors < 4 {
            return Some(c"it takes 4 sectors and more, of 128 bytes and more, a multiple of 64");
        }
        (chip.page < chip.unit).then_some(c"a page has a unit at least")
    }

    fn limits(_: &Chip, _: &Settings) -> Limits {
        Limits { key: 1..=KEY_MAX, value_max: VALUE_MAX }
    }

    fn format(flash: AnyNor, settings: &Settings) -> Result {
        let mut volume = Volume::of(flash, settings);
        let config = &raw const volume.config;
        done(unsafe { lfs::lfs_format(&mut volume.state, config) }).map(drop)
    }

    fn mount(flash: AnyNor, settings: &Settings) -> Result<Self> {
        let mut volume = Volume::of(flash, settings);
        let config = &raw const volume.config;
        done(unsafe { lfs::lfs_mount(&mut volume.state, config) })?;
        Ok(Self(volume))
    }
}

impl Map for Files {
    const CALLS: &'static [Call] = &[Call::Remove, Call::Each];

    /// What an earlier store left when its power was cut is in the way of a full volume.
    fn store(&mut self, key: &[u8], value: &[u8]) -> Result {
        match done(unsafe { lfs::lfs_remove(&mut self.0.state, NEW.as_ptr()) }) {
            Ok(_) | Err(Error::NotFound) => {}
            Err(error) => return Err(error),
        }
        self.0.with(NEW, WRITES, |state, file| {
            let (from, size) = (value.as_ptr().cast(), value.len() as u32);
            done(unsafe { lfs::lfs_file_write(state, file, from, size) }).map(drop)
        })?;
        let name = name_of(key);
        done(unsafe { lfs::lfs_rename(&mut self.0.state, NEW.as_ptr(), name.as_ptr()) }).map(drop)
    }

    fn fetch(&mut self, key: &[u8], take: TakeBytes<'_>) -> Result {
        take(&self.0.value(&name_of(key))?);
        Ok(())
    }

    fn remove(&mut self, key: &[u8]) -> Result {
        let name = name_of(key);
        done(unsafe { lfs::lfs_remove(&mut self.0.state, name.as_ptr()) }).map(drop)
    }

    fn each(&mut self, visit: VisitValue<'_>) -> Result {
        for name in self.0.names()? {
            visit(&key_of(&name), &self.0.value(&name)?);
        }
        Ok(())
    }
}

brownout::export! {
    map Files;
}
