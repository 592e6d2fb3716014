//! The table of C functions through which the harness drives an engine.
//!
//! An object of the harness is a header, the engine, and its heap:
//!
//! ```text
//! | Object: entry, limits, arena | the engine | heap ...... |
//! ```
//!
//! Which of the types of [`export!`](crate::export) it is was found at mount, by the geometry: the
//! entry has that type's functions. Each call enters by `Object::enter`: its heap is active, a
//! panic is caught, and an engine that panicked once answers nothing else.

use crate::abi::{self, Adapter, ListCalls, MapCalls};
use crate::arena::{Arena, activate};
use crate::engine::*;
use crate::nor::{Chip, sealed::Of};
use crate::panics;
use core::ffi::{c_char, c_int, c_void};
use core::marker::PhantomData;
use core::ptr::{null, null_mut};
use core::slice;
use std::panic::{AssertUnwindSafe, catch_unwind};

// --- what there is of each type ---

type Mounting = unsafe fn(*const abi::Flash, &Settings, *mut u8) -> Result;

/// One type of an engine, for one geometry.
#[doc(hidden)]
pub struct Entry {
    sizes: [usize; 3],
    size: usize,
    refuses: fn(&Chip, &Settings) -> Option<&'static core::ffi::CStr>,
    limits: fn(&Chip, &Settings) -> Limits,
    format: Mounting,
    mount: Mounting,
    map: Option<MapEntry>,
    list: Option<ListEntry>,
}

type Scanning = unsafe fn(*mut u8, Option<&[u8]>, Option<&[u8]>, VisitValue<'_>) -> Result;
type ScanningAt = unsafe fn(*mut u8, u32, Option<&[u8]>, Option<&[u8]>, VisitValue<'_>) -> Result;

struct MapEntry {
    store: unsafe fn(*mut u8, &[u8], &[u8]) -> Result,
    fetch: unsafe fn(*mut u8, &[u8], TakeBytes<'_>) -> Result,
    remove: unsafe fn(*mut u8, &[u8]) -> Result,
    clear: unsafe fn(*mut u8) -> Result,
    each: unsafe fn(*mut u8, VisitValue<'_>) -> Result,
    begin: unsafe fn(*mut u8) -> Result,
    commit: unsafe fn(*mut u8) -> Result,
    abort: unsafe fn(*mut u8) -> Result,
    fetch_own: unsafe fn(*mut u8, &[u8], TakeBytes<'_>) -> Result,
    open: unsafe fn(*mut u8, u32) -> Result,
    close: unsafe fn(*mut u8, u32) -> Result,
    fetch_at: unsafe fn(*mut u8, u32, &[u8], TakeBytes<'_>) -> Result,
    scan: Scanning,
    scan_at: ScanningAt,
    collect: unsafe fn(*mut u8) -> Result,
    destroy: unsafe fn(*mut u8, Option<&[u8]>) -> Result,
}

struct ListEntry {
    push: unsafe fn(*mut u8, &[u8]) -> Result,
    append: unsafe fn(*mut u8, &[u8], u64) -> Result,
    peek: unsafe fn(*mut u8, TakeBytes<'_>) -> Result,
    pop: unsafe fn(*mut u8, u32, TakeBytes<'_>) -> Result,
    read: unsafe fn(*mut u8, u64, TakeBytes<'_>) -> Result,
    seek: unsafe fn(*mut u8, u64) -> Result<u64>,
    clear: unsafe fn(*mut u8) -> Result,
    sync: unsafe fn(*mut u8) -> Result,
    seal: unsafe fn(*mut u8) -> Result,
    idle: unsafe fn(*mut u8) -> Result,
    fits: unsafe fn(*mut u8) -> Result<u32>,
    space: unsafe fn(*mut u8, u32) -> Result<u64>,
    range: unsafe fn(*mut u8) -> Result<(u64, u64)>,
    each: unsafe fn(*mut u8, VisitItem<'_>) -> Result,
}

/// The engine that was mounted there.
unsafe fn of<'a, E>(place: *mut u8) -> &'a mut E {
    unsafe { &mut *place.cast::<E>() }
}

impl Entry {
    const fn engine<E: Engine>() -> Self {
        assert!(align_of::<E>() <= align_of::<Object>());
        Self {
            sizes: E::Flash::SIZES,
            size: size_of::<E>(),
            refuses: E::refuses,
            limits: E::limits,
            format: |flash, settings, _| E::format(unsafe { E::Flash::of(flash) }, settings),
            mount: |flash, settings, place| {
                let engine = E::mount(unsafe { E::Flash::of(flash) }, settings)?;
                unsafe { place.cast::<E>().write(engine) };
                Ok(())
            },
            map: None,
            list: None,
        }
    }

    pub const fn map<E: Map>() -> Self {
        let map = MapEntry {
            store: |it, key, value| unsafe { of::<E>(it) }.store(key, value),
            fetch: |it, key, take| unsafe { of::<E>(it) }.fetch(key, take),
            remove: |it, key| unsafe { of::<E>(it) }.remove(key),
            clear: |it| unsafe { of::<E>(it) }.clear(),
            each: |it, visit| unsafe { of::<E>(it) }.each(visit),
            begin: |it| unsafe { of::<E>(it) }.begin(),
            commit: |it| unsafe { of::<E>(it) }.commit(),
            abort: |it| unsafe { of::<E>(it) }.abort(),
            fetch_own: |it, key, take| unsafe { of::<E>(it) }.fetch_own(key, take),
            open: |it, snapshot| unsafe { of::<E>(it) }.open_snapshot(snapshot),
            close: |it, snapshot| unsafe { of::<E>(it) }.close_snapshot(snapshot),
            fetch_at: |it, snapshot, key, take| {
                unsafe { of::<E>(it) }.fetch_at(snapshot, key, take)
            },
            scan: |it, from, to, visit| unsafe { of::<E>(it) }.scan(from, to, visit),
            scan_at: |it, snapshot, from, to, visit| unsafe {
                of::<E>(it).scan_at(snapshot, from, to, visit)
            },
            collect: |it| unsafe { of::<E>(it) }.collect(),
            destroy: |it, key| unsafe { of::<E>(it) }.destroy(key),
        };
        Self { map: Some(map), ..Self::engine::<E>() }
    }

    pub const fn blob<B: Blob>() -> Self {
        Self::map::<Blobs<B>>()
    }

    pub const fn list<E: List>() -> Self {
        let list = ListEntry {
            push: |it, item| unsafe { of::<E>(it) }.push(item),
            append: |it, item, time| unsafe { of::<E>(it) }.append(item, time),
            peek: |it, take| unsafe { of::<E>(it) }.peek(take),
            pop: |it, place, take| unsafe { of::<E>(it) }.pop(place, take),
            read: |it, number, take| unsafe { of::<E>(it) }.read(number, take),
            seek: |it, time| unsafe { of::<E>(it) }.seek(time),
            clear: |it| unsafe { of::<E>(it) }.clear(),
            sync: |it| unsafe { of::<E>(it) }.sync(),
            seal: |it| unsafe { of::<E>(it) }.seal(),
            idle: |it| unsafe { of::<E>(it) }.idle(),
            fits: |it| unsafe { of::<E>(it) }.fits(),
            space: |it, size| unsafe { of::<E>(it) }.space(size),
            range: |it| unsafe { of::<E>(it) }.range(),
            each: |it, visit| unsafe { of::<E>(it) }.each(visit),
        };
        Self { list: Some(list), ..Self::engine::<E>() }
    }

    fn takes(&self, chip: &Chip) -> bool {
        let sizes = [chip.unit, chip.sector_size, chip.read_unit].map(|it| it as usize);
        self.sizes == [0; 3] || self.sizes == sizes
    }
}

#[doc(hidden)]
pub use crate::blob::Blobs;
#[doc(hidden)]
pub use crate::panics::watch;

/// A text of the macro.
#[doc(hidden)]
pub const fn text(with_nul: &'static str) -> &'static core::ffi::CStr {
    match core::ffi::CStr::from_bytes_with_nul(with_nul.as_bytes()) {
        Ok(text) => text,
        Err(_) => panic!("it ends with NUL"),
    }
}

/// What a line of [`export!`](crate::export) makes.
#[doc(hidden)]
pub trait Family {
    type First: Engine;
    const ENTRIES: &'static [Entry];
    /// "(write, sector, read): (1, 256, 1), ..", for chips that fit none.
    const SIZES: &'static core::ffi::CStr;
}

fn entry_of<F: Family>(chip: &Chip) -> Option<&'static Entry> {
    F::ENTRIES.iter().find(|it| it.takes(chip))
}

/// What may come to the engine, in bytes: nothing while it is not mounted.
#[derive(Default)]
struct Sizes {
    key: (u32, u32),
    value: (u32, u32),
}

fn is_within(size: u32, (least, most): (u32, u32)) -> bool {
    (least..=most).contains(&size)
}

// --- the object ---

#[repr(C, align(16))]
struct Object {
    entry: &'static Entry,
    sizes: Sizes,
    panicked: bool,
    arena: Arena,
}

impl Object {
    fn engine(&mut self) -> *mut u8 {
        unsafe { (&raw mut *self).add(1).cast() }
    }

    /// # Safety
    /// `memory` is the harness's, `size_of_object()` bytes.
    unsafe fn make<'a, F: Family>(memory: abi::Object, entry: &'static Entry) -> &'a mut Self {
        let head = size_of::<Self>() + entry.size.next_multiple_of(align_of::<Self>());
        let heap = unsafe { memory.cast::<u8>().add(head) };
        let arena = unsafe { Arena::new(heap, F::First::HEAP) };
        let object = memory.cast::<Self>();
        unsafe {
            object.write(Self { entry, sizes: Sizes::default(), panicked: false, arena });
            &mut *object
        }
    }

    /// Calls the engine.
    fn enter<T>(&mut self, work: impl FnOnce(&'static Entry, *mut u8) -> Result<T>) -> Answer<T> {
        if self.panicked {
            return Err(abi::PANIC);
        }
        let (entry, engine) = (self.entry, self.engine());
        let before = activate(&raw mut self.arena);
        let answer = catch_unwind(AssertUnwindSafe(|| work(entry, engine)));
        activate(before);
        match answer {
            Ok(answer) => answer.map_err(|error| error as c_int),
            Err(payload) => {
                core::mem::forget(payload); // it lies in the arena
                self.panicked = true;
                Err(abi::PANIC)
            }
        }
    }
}

type Answer<T> = core::result::Result<T, c_int>;

fn code(answer: Answer<()>) -> c_int {
    answer.err().unwrap_or(abi::OK)
}

/// A question outside of any object: what is allocated is the system's.
fn asked<T>(work: impl FnOnce() -> T) -> T {
    let before = activate(null_mut());
    let answer = work();
    activate(before);
    answer
}

unsafe fn object<'a>(memory: abi::Object) -> &'a mut Object {
    unsafe { &mut *memory.cast() }
}

unsafe fn bytes<'a>(data: *const u8, size: u32) -> &'a [u8] {
    if size == 0 { &[] } else { unsafe { slice::from_raw_parts(data, size as usize) } }
}

/// Where the harness wants a value: `capacity` bytes of it, and its size.
struct Copying {
    buffer: *mut u8,
    capacity: u32,
    size: Option<u32>,
}

impl Copying {
    fn take(&mut self, data: &[u8]) {
        let part = data.len().min(self.capacity as usize);
        if part > 0 {
            unsafe { self.buffer.copy_from_nonoverlapping(data.as_ptr(), part) };
        }
        self.size = Some(data.len() as u32);
    }

    /// An engine that returned OK has given a value.
    fn end(&self, size: *mut u32, answer: Answer<()>) -> c_int {
        if answer.is_ok() {
            let taken = self.size.expect("the engine returned Ok(()) without a value");
            unsafe { *size = taken };
        }
        code(answer)
    }
}

// --- questions ---

unsafe fn settings_of<E: Engine>(settings: *const abi::Settings) -> Settings {
    Settings { options: E::OPTIONS, values: unsafe { (*settings).values } }
}

extern "C" fn refuses<F: Family>(
    geometry: *const abi::Geometry,
    settings: *const abi::Settings,
) -> *const c_char {
    asked(|| {
        let chip = Chip::of(unsafe { &*geometry });
        let settings = unsafe { settings_of::<F::First>(settings) };
        match entry_of::<F>(&chip) {
            Some(entry) => (entry.refuses)(&chip, &settings).map_or(null(), |why| why.as_ptr()),
            None => F::SIZES.as_ptr(),
        }
    })
}

extern "C" fn object_size<F: Family>(_: *const abi::Geometry, _: *const abi::Settings) -> usize {
    let engine = F::ENTRIES.iter().map(|it| it.size).max().unwrap_or(0);
    size_of::<Object>() + engine.next_multiple_of(align_of::<Object>()) + F::First::HEAP
}

extern "C" fn limits<F: Family>(
    geometry: *const abi::Geometry,
    settings: *const abi::Settings,
    key_min: *mut u32,
    key_max: *mut u32,
    value_max: *mut u32,
) {
    asked(|| {
        let chip = Chip::of(unsafe { &*geometry });
        let settings = unsafe { settings_of::<F::First>(settings) };
        let Some(entry) = entry_of::<F>(&chip) else { return };
        let limits = (entry.limits)(&chip, &settings);
        unsafe {
            (*key_min, *key_max) = (*limits.key.start(), *limits.key.end());
            *value_max = limits.value_max;
        }
    });
}

extern "C" fn value_size_min<F: Family>(_: *const abi::Settings) -> u32 {
    F::First::VALUE_MIN
}

extern "C" fn make_key<F: Family>(settings: *const abi::Settings, n: u32, key: *mut u8) -> u32 {
    asked(|| {
        let settings = unsafe { settings_of::<F::First>(settings) };
        let made = F::First::KEYS.and_then(|keys| keys(&settings, n)).unwrap_or_default();
        unsafe { key.copy_from_nonoverlapping(made.as_ptr(), made.len()) };
        made.len() as u32
    })
}

// --- power-on ---

fn begin<F: Family>(
    memory: abi::Object,
    flash: *const abi::Flash,
    settings: *const abi::Settings,
    which: fn(&Entry) -> Mounting,
) -> c_int {
    let chip = Chip::of(unsafe { &(*flash).geometry });
    let settings = unsafe { settings_of::<F::First>(settings) };
    let Some(entry) = entry_of::<F>(&chip) else { return Error::Unsupported as c_int };
    let object = unsafe { Object::make::<F>(memory, entry) };
    let answer = object.enter(|entry, place| {
        let limits = (entry.limits)(&chip, &settings);
        unsafe { which(entry)(flash, &settings, place) }.map(|()| limits)
    });
    code(answer.map(|limits| {
        object.sizes.key = limits.key.into_inner();
        object.sizes.value = (F::First::VALUE_MIN, limits.value_max);
    }))
}

extern "C" fn format<F: Family>(
    memory: abi::Object,
    flash: *const abi::Flash,
    settings: *const abi::Settings,
) -> c_int {
    begin::<F>(memory, flash, settings, |entry| entry.format)
}

extern "C" fn mount<F: Family>(
    memory: abi::Object,
    flash: *const abi::Flash,
    settings: *const abi::Settings,
) -> c_int {
    begin::<F>(memory, flash, settings, |entry| entry.mount)
}

// --- calls of a map ---

fn map_of(entry: &Entry) -> &MapEntry {
    entry.map.as_ref().expect("an adapter of a map")
}

extern "C" fn map_store(
    memory: abi::Object,
    key: *const u8,
    key_size: u32,
    value: *const u8,
    value_size: u32,
) -> c_int {
    let object = unsafe { object(memory) };
    if !is_within(key_size, object.sizes.key) || !is_within(value_size, object.sizes.value) {
        return Error::TooBig as c_int;
    }
    let (key, value) = unsafe { (bytes(key, key_size), bytes(value, value_size)) };
    code(object.enter(|entry, it| unsafe { (map_of(entry).store)(it, key, value) }))
}

fn fetch_by(
    memory: abi::Object,
    (key, key_size): (*const u8, u32),
    mut copying: Copying,
    size: *mut u32,
    work: impl FnOnce(&MapEntry, *mut u8, &[u8], TakeBytes<'_>) -> Result,
) -> c_int {
    let object = unsafe { object(memory) };
    if !is_within(key_size, object.sizes.key) {
        return Error::NotFound as c_int;
    }
    let key = unsafe { bytes(key, key_size) };
    let answer =
        object.enter(|entry, it| work(map_of(entry), it, key, &mut |data| copying.take(data)));
    copying.end(size, answer)
}

extern "C" fn map_fetch(
    memory: abi::Object,
    key: *const u8,
    key_size: u32,
    buffer: *mut u8,
    capacity: u32,
    size: *mut u32,
) -> c_int {
    let copying = Copying { buffer, capacity, size: None };
    fetch_by(memory, (key, key_size), copying, size, |map, it, key, take| unsafe {
        (map.fetch)(it, key, take)
    })
}

extern "C" fn map_fetch_own(
    memory: abi::Object,
    key: *const u8,
    key_size: u32,
    buffer: *mut u8,
    capacity: u32,
    size: *mut u32,
) -> c_int {
    let copying = Copying { buffer, capacity, size: None };
    fetch_by(memory, (key, key_size), copying, size, |map, it, key, take| unsafe {
        (map.fetch_own)(it, key, take)
    })
}

extern "C" fn map_fetch_at(
    memory: abi::Object,
    snapshot: u32,
    key: *const u8,
    key_size: u32,
    buffer: *mut u8,
    capacity: u32,
    size: *mut u32,
) -> c_int {
    let copying = Copying { buffer, capacity, size: None };
    fetch_by(memory, (key, key_size), copying, size, |map, it, key, take| unsafe {
        (map.fetch_at)(it, snapshot, key, take)
    })
}

extern "C" fn map_open(memory: abi::Object, snapshot: u32) -> c_int {
    let object = unsafe { object(memory) };
    code(object.enter(|entry, it| unsafe { (map_of(entry).open)(it, snapshot) }))
}

extern "C" fn map_close(memory: abi::Object, snapshot: u32) -> c_int {
    let object = unsafe { object(memory) };
    code(object.enter(|entry, it| unsafe { (map_of(entry).close)(it, snapshot) }))
}

extern "C" fn map_remove(memory: abi::Object, key: *const u8, key_size: u32) -> c_int {
    let object = unsafe { object(memory) };
    if !is_within(key_size, object.sizes.key) {
        return Error::NotFound as c_int;
    }
    let key = unsafe { bytes(key, key_size) };
    code(object.enter(|entry, it| unsafe { (map_of(entry).remove)(it, key) }))
}

fn simple_map(memory: abi::Object, work: fn(&MapEntry) -> unsafe fn(*mut u8) -> Result) -> c_int {
    code(unsafe { object(memory) }.enter(|entry, it| unsafe { work(map_of(entry))(it) }))
}

extern "C" fn map_clear(memory: abi::Object) -> c_int {
    simple_map(memory, |map| map.clear)
}

extern "C" fn map_begin(memory: abi::Object) -> c_int {
    simple_map(memory, |map| map.begin)
}

extern "C" fn map_commit(memory: abi::Object) -> c_int {
    simple_map(memory, |map| map.commit)
}

extern "C" fn map_abort(memory: abi::Object) -> c_int {
    simple_map(memory, |map| map.abort)
}

extern "C" fn map_collect(memory: abi::Object) -> c_int {
    simple_map(memory, |map| map.collect)
}

fn visitor(visit: abi::Visit, context: *mut c_void) -> impl FnMut(&[u8], &[u8]) {
    move |key, value| {
        visit(context, key.as_ptr(), key.len() as u32, value.as_ptr(), value.len() as u32);
    }
}

extern "C" fn map_each(memory: abi::Object, visit: abi::Visit, context: *mut c_void) -> c_int {
    let mut each = visitor(visit, context);
    let object = unsafe { object(memory) };
    code(object.enter(|entry, it| unsafe { (map_of(entry).each)(it, &mut each) }))
}

/// A key, or none.
unsafe fn key_or_none<'a>(key: *const u8, size: u32) -> Option<&'a [u8]> {
    (!key.is_null()).then(|| unsafe { bytes(key, size) })
}

#[allow(clippy::too_many_arguments)] // as the harness has them
extern "C" fn map_scan(
    memory: abi::Object,
    snapshot: u32,
    from: *const u8,
    from_size: u32,
    to: *const u8,
    to_size: u32,
    visit: abi::Visit,
    context: *mut c_void,
) -> c_int {
    let mut each = visitor(visit, context);
    let (from, to) = unsafe { (key_or_none(from, from_size), key_or_none(to, to_size)) };
    let object = unsafe { object(memory) };
    code(object.enter(|entry, it| {
        let map = map_of(entry);
        match snapshot {
            abi::NOW => unsafe { (map.scan)(it, from, to, &mut each) },
            _ => unsafe { (map.scan_at)(it, snapshot, from, to, &mut each) },
        }
    }))
}

extern "C" fn map_destroy(memory: abi::Object, key: *const u8, key_size: u32) -> c_int {
    let key = unsafe { key_or_none(key, key_size) };
    let object = unsafe { object(memory) };
    if key.is_some() && !is_within(key_size, object.sizes.key) {
        return Error::NotFound as c_int;
    }
    code(object.enter(|entry, it| unsafe { (map_of(entry).destroy)(it, key) }))
}

// --- calls of a list ---

fn list_of(entry: &Entry) -> &ListEntry {
    entry.list.as_ref().expect("an adapter of a list")
}

fn put(memory: abi::Object, size: u32, work: impl FnOnce(&ListEntry, *mut u8) -> Result) -> c_int {
    let object = unsafe { object(memory) };
    if !is_within(size, object.sizes.value) {
        return Error::TooBig as c_int;
    }
    code(object.enter(|entry, it| work(list_of(entry), it)))
}

extern "C" fn list_push(memory: abi::Object, data: *const u8, size: u32) -> c_int {
    put(memory, size, |list, it| unsafe { (list.push)(it, bytes(data, size)) })
}

extern "C" fn list_append(memory: abi::Object, data: *const u8, size: u32, time: u64) -> c_int {
    put(memory, size, |list, it| unsafe { (list.append)(it, bytes(data, size), time) })
}

fn take(
    memory: abi::Object,
    (buffer, capacity, size): (*mut u8, u32, *mut u32),
    work: impl FnOnce(&ListEntry, *mut u8, TakeBytes<'_>) -> Result,
) -> c_int {
    let mut copying = Copying { buffer, capacity, size: None };
    let object = unsafe { object(memory) };
    let answer = object.enter(|entry, it| work(list_of(entry), it, &mut |data| copying.take(data)));
    copying.end(size, answer)
}

extern "C" fn list_peek(memory: abi::Object, buffer: *mut u8, room: u32, size: *mut u32) -> c_int {
    take(memory, (buffer, room, size), |list, it, to| unsafe { (list.peek)(it, to) })
}

extern "C" fn list_pop(
    memory: abi::Object,
    place: u32,
    buffer: *mut u8,
    room: u32,
    size: *mut u32,
) -> c_int {
    take(memory, (buffer, room, size), |list, it, to| unsafe { (list.pop)(it, place, to) })
}

extern "C" fn list_read(
    memory: abi::Object,
    number: u64,
    buffer: *mut u8,
    room: u32,
    size: *mut u32,
) -> c_int {
    take(memory, (buffer, room, size), |list, it, to| unsafe { (list.read)(it, number, to) })
}

fn answer_to<T>(
    memory: abi::Object,
    to: *mut T,
    work: impl FnOnce(&ListEntry, *mut u8) -> Result<T>,
) -> c_int {
    let answer = unsafe { object(memory) }.enter(|entry, it| work(list_of(entry), it));
    code(answer.map(|value| unsafe { to.write(value) }))
}

extern "C" fn list_seek(memory: abi::Object, time: u64, number: *mut u64) -> c_int {
    answer_to(memory, number, |list, it| unsafe { (list.seek)(it, time) })
}

extern "C" fn list_fits(memory: abi::Object, size: *mut u32) -> c_int {
    answer_to(memory, size, |list, it| unsafe { (list.fits)(it) })
}

extern "C" fn list_space(memory: abi::Object, size: u32, count: *mut u64) -> c_int {
    answer_to(memory, count, |list, it| unsafe { (list.space)(it, size) })
}

extern "C" fn list_range(memory: abi::Object, first: *mut u64, end: *mut u64) -> c_int {
    let mut range = (0, 0);
    let answer = answer_to(memory, &mut range, |list, it| unsafe { (list.range)(it) });
    if answer == abi::OK {
        unsafe {
            first.write(range.0);
            end.write(range.1);
        }
    }
    answer
}

fn simple(memory: abi::Object, work: fn(&ListEntry) -> unsafe fn(*mut u8) -> Result) -> c_int {
    code(unsafe { object(memory) }.enter(|entry, it| unsafe { work(list_of(entry))(it) }))
}

extern "C" fn list_clear(memory: abi::Object) -> c_int {
    simple(memory, |list| list.clear)
}

extern "C" fn list_sync(memory: abi::Object) -> c_int {
    simple(memory, |list| list.sync)
}

extern "C" fn list_seal(memory: abi::Object) -> c_int {
    simple(memory, |list| list.seal)
}

extern "C" fn list_idle(memory: abi::Object) -> c_int {
    simple(memory, |list| list.idle)
}

extern "C" fn list_each(memory: abi::Object, item: abi::Item, context: *mut c_void) -> c_int {
    let mut each = |number: u64, data: &[u8]| {
        item(context, number, data.as_ptr(), data.len() as u32);
    };
    let object = unsafe { object(memory) };
    code(object.enter(|entry, it| unsafe { (list_of(entry).each)(it, &mut each) }))
}

extern "C" fn list_buffers<F: Family>(settings: *const abi::Settings) -> bool
where
    F::First: List,
{
    asked(|| F::First::buffers(&unsafe { settings_of::<F::First>(settings) }))
}

extern "C" fn list_ring<F: Family>(
    geometry: *const abi::Geometry,
    settings: *const abi::Settings,
    ahead: *mut u32,
) -> u32
where
    F::First: List,
{
    asked(|| {
        let chip = Chip::of(unsafe { &*geometry });
        let settings = unsafe { settings_of::<F::First>(settings) };
        let (sectors, more) = F::First::ring(&chip, &settings);
        unsafe { *ahead = more };
        sectors
    })
}

// --- the adapter ---

const fn has(calls: &[Call], call: Call) -> bool {
    let mut n = 0;
    while n < calls.len() {
        if calls[n] as u8 == call as u8 {
            return true;
        }
        n += 1;
    }
    false
}

macro_rules! if_has {
    ($calls:expr, $call:ident, $function:expr) => {
        if has($calls, Call::$call) { Some($function) } else { None }
    };
}

/// Whether a scenario can spell it, as the C parser takes words.
const fn is_word(name: &core::ffi::CStr) -> bool {
    let bytes = name.to_bytes();
    let mut n = 0;
    while n < bytes.len() {
        let starts = bytes[n].is_ascii_alphabetic() || bytes[n] == b'_';
        let goes_on = bytes[n].is_ascii_digit() || matches!(bytes[n], b'.' | b'-' | b'/');
        if !starts && (n == 0 || !goes_on) {
            return false;
        }
        n += 1;
    }
    !bytes.is_empty()
}

const _: () = assert!(is_word(c"my-map_2") && is_word(c"_") && !is_word(c"2maps"));
const _: () = assert!(!is_word(c"my map") && !is_word(c"-a") && !is_word(c""));

const fn widened(widening: Option<(&[Widening], &core::ffi::CStr)>) -> u32 {
    let mut bits = 0;
    if let Some((list, why)) = widening {
        assert!(!why.is_empty(), "Engine::WIDENED: a widening has a reason");
        let mut n = 0;
        while n < list.len() {
            bits |= list[n] as u32;
            n += 1;
        }
    }
    bits
}

const NO_CHOICE: abi::Choice = abi::Choice {
    name: null(),
    summary: null(),
    value: 0,
    min: 0,
    max: 0,
    words: null(),
    fixed: false,
    binds: false,
};

const fn choices(options: &[Opt]) -> [abi::Choice; abi::OPTIONS_MAX + 1] {
    let mut choices = [NO_CHOICE; abi::OPTIONS_MAX + 1];
    let mut n = 0;
    while n < options.len() {
        let it = &options[n];
        choices[n] = abi::Choice {
            name: it.name.as_ptr(),
            summary: it.summary.as_ptr(),
            value: it.value,
            min: it.range.0,
            max: it.range.1,
            words: null(),
            fixed: it.fixed,
            binds: it.binds,
        };
        n += 1;
    }
    choices
}

/// The adapter of a family.
#[doc(hidden)]
pub struct Table<F: Family>(PhantomData<F>);

impl<F: Family> Table<F> {
    const CHOICES: &'static [abi::Choice] = &choices(F::First::OPTIONS);
    const PROMISED: u32 = if F::First::KNOWS_REGION { abi::KNOWS_REGION } else { 0 };

    const fn adapter(map: *const MapCalls, list: *const ListCalls, kind: c_int) -> Adapter {
        assert!(
            is_word(F::First::NAME),
            "Engine::NAME: a letter, then letters, digits and - . / _, as a scenario spells it"
        );
        assert!(F::First::OPTIONS.len() <= abi::OPTIONS_MAX, "Engine::OPTIONS: up to eight");
        Adapter {
            version: abi::VERSION,
            kind,
            name: F::First::NAME.as_ptr(),
            summary: F::First::SUMMARY.as_ptr(),
            claims: F::First::CLAIMS.as_ptr(),
            widened: widened(F::First::WIDENED),
            widened_why: match F::First::WIDENED {
                Some((_, why)) => why.as_ptr(),
                None => null(),
            },
            claims_by: None,
            widened_by: None,
            promised: Self::PROMISED,
            options: Self::CHOICES.as_ptr(),
            relies_on_and: F::First::RELIES_ON_AND,
            has_globals: false,
            refuses: Some(refuses::<F>),
            object_size: object_size::<F>,
            limits: limits::<F>,
            value_size_min: Some(value_size_min::<F>),
            make_key: match F::First::KEYS {
                Some(_) => Some(make_key::<F>),
                None => None,
            },
            format: Some(format::<F>),
            reset: None,
            mount: mount::<F>,
            bound: None,
            bound_uncut: None,
            inspect: None,
            panic: Some(panics::last),
            map,
            list,
        }
    }
}

/// Of a map.
impl<F: Family> Table<F>
where
    F::First: Map,
{
    const MAP_CALLS: &'static MapCalls = &MapCalls {
        store: map_store,
        fetch: map_fetch,
        remove: if_has!(F::First::CALLS, Remove, map_remove),
        clear: if_has!(F::First::CALLS, Clear, map_clear),
        each: if_has!(F::First::CALLS, Each, map_each),
        begin: if_has!(F::First::CALLS, Transaction, map_begin),
        commit: if_has!(F::First::CALLS, Transaction, map_commit),
        abort: if_has!(F::First::CALLS, Transaction, map_abort),
        fetch_own: if_has!(F::First::CALLS, FetchOwn, map_fetch_own),
        transaction_max: None,
        open: if_has!(F::First::CALLS, Snapshots, map_open),
        close: if_has!(F::First::CALLS, Snapshots, map_close),
        fetch_at: if_has!(F::First::CALLS, Snapshots, map_fetch_at),
        scan: if_has!(F::First::CALLS, Scan, map_scan),
        collect: if_has!(F::First::CALLS, Collect, map_collect),
        destroy: if_has!(F::First::CALLS, Destroy, map_destroy),
    };

    pub const MAP: &'static Adapter = &Adapter {
        promised: Self::PROMISED | F::First::FULL_CHANGES as u32,
        ..Self::adapter(Self::MAP_CALLS, null(), 1)
    };
}

/// Of a queue or a log.
impl<F: Family> Table<F>
where
    F::First: List,
{
    const LIST_CALLS: &'static ListCalls = &ListCalls {
        push: if_has!(F::First::CALLS, Push, list_push),
        append: if_has!(F::First::CALLS, Append, list_append),
        peek: if_has!(F::First::CALLS, Peek, list_peek),
        pop: if_has!(F::First::CALLS, Pop, list_pop),
        read: if_has!(F::First::CALLS, Read, list_read),
        seek: if_has!(F::First::CALLS, Seek, list_seek),
        clear: if_has!(F::First::CALLS, Clear, list_clear),
        sync: if_has!(F::First::CALLS, Sync, list_sync),
        seal: if_has!(F::First::CALLS, Seal, list_seal),
        idle: if_has!(F::First::CALLS, Idle, list_idle),
        fits: if_has!(F::First::CALLS, Fits, list_fits),
        each: if_has!(F::First::CALLS, Each, list_each),
        buffers: Some(list_buffers::<F>),
        ring: Some(list_ring::<F>),
        spans: F::First::SPANS,
        numberless: F::First::NUMBERLESS,
        space: if_has!(F::First::CALLS, Space, list_space),
        space_sectors: F::First::SPACE_SECTORS,
        range: if_has!(F::First::CALLS, Range, list_range),
        seek_sectors: F::First::SEEK_SECTORS,
    };

    pub const LIST: &'static Adapter =
        &Self::adapter(null(), Self::LIST_CALLS, F::First::KIND as c_int);
}

/// The adapters that a program exports, with the NULL at their end.
#[doc(hidden)]
#[repr(transparent)]
pub struct Adapters<const N: usize>(pub [Option<&'static Adapter>; N]);

/// Where they are.
#[doc(hidden)]
#[repr(transparent)]
pub struct Exported(pub *const ());

unsafe impl Sync for Exported {} // it is read alone

/// Makes engines known: to the harness that loads this program as a plug-in, and to the tests in
/// it.
///
/// A line names a type with its kind (`map`, `list` or `blob`), and the sizes for which it is
/// compiled: bytes of the smallest program, of a sector and, where it is not 1, of the smallest
/// read. The type takes the flash as its one parameter. Which of them is used is chosen by the
/// chip, and a chip that fits none is refused with the list. Without sizes the type has no
/// parameter, and its flash is [`AnyNor`](crate::AnyNor).
///
/// ```
/// # use brownout::*;
/// # struct Slots<F>(F);
/// # impl<F: Flash> Engine for Slots<F> {
/// #     type Flash = F;
/// #     const NAME: &'static core::ffi::CStr = c"slots";
/// #     const SUMMARY: &'static core::ffi::CStr = c"";
/// #     fn limits(_: &Chip, _: &Settings) -> Limits { Limits { key: 1..=8, value_max: 8 } }
/// #     fn mount(flash: F, _: &Settings) -> Result<Self> { Ok(Self(flash)) }
/// # }
/// # impl<F: Flash> Map for Slots<F> {
/// #     fn store(&mut self, _: &[u8], _: &[u8]) -> Result { Err(Error::Full) }
/// #     fn fetch(&mut self, _: &[u8], _: TakeBytes<'_>) -> Result { Err(Error::NotFound) }
/// # }
/// brownout::export! {
///     map Slots: (1, 256), (4, 4096), (4, 128, 4);
/// }
/// ```
#[macro_export]
macro_rules! export {
    ($($kind:ident $engine:ident $(: $(($($size:literal),+)),+)?;)+) => {
        /// What the harness finds in this program.
        #[unsafe(no_mangle)]
        #[allow(non_upper_case_globals)]
        pub static brownout_adapters: $crate::door::Adapters<{ 1 $(+ $crate::export!(@one $engine))+ }> =
            $crate::door::Adapters([$(Some($crate::export!(@adapter $kind $engine $(: $(($($size),+)),+)?)),)+ None]);

        /// What its tests find; without it the linker says what to do.
        #[unsafe(no_mangle)]
        #[allow(non_upper_case_globals)]
        pub static brownout_export_is_missing: $crate::door::Exported =
            $crate::door::Exported(&raw const brownout_adapters as *const ());

        #[used]
        #[cfg_attr(target_os = "linux", unsafe(link_section = ".init_array"))]
        #[cfg_attr(target_os = "macos", unsafe(link_section = "__DATA,__mod_init_func"))]
        static BROWNOUT_WATCHES_PANICS: extern "C" fn() = $crate::door::watch;
    };
    (@one $engine:ident) => { 1 };
    (@adapter map $($rest:tt)+) => { $crate::export!(@family map, MAP, $($rest)+) };
    (@adapter list $($rest:tt)+) => { $crate::export!(@family list, LIST, $($rest)+) };
    (@adapter blob $($rest:tt)+) => { $crate::export!(@family blob, MAP, $($rest)+) };
    (@family $kind:ident, $table:ident, $engine:ident
        : ($($first:literal),+) $(, ($($size:literal),+))*) => {{
        struct Family;
        impl $crate::door::Family for Family {
            type First = $crate::export!(@type $kind $engine<$crate::Nor<$($first),+>>);
            const ENTRIES: &'static [$crate::door::Entry] = &[
                $crate::door::Entry::$kind::<$engine<$crate::Nor<$($first),+>>>(),
                $($crate::door::Entry::$kind::<$engine<$crate::Nor<$($size),+>>>(),)*
            ];
            const SIZES: &'static ::core::ffi::CStr = $crate::door::text(concat!(
                "unit, sector size and, where it is not 1, read unit are none of",
                $(" ", $first,)+ $(",", $(" ", $size,)+)* "\0"
            ));
        }
        $crate::door::Table::<Family>::$table
    }};
    (@family $kind:ident, $table:ident, $engine:ident) => {{
        struct Family;
        impl $crate::door::Family for Family {
            type First = $crate::export!(@type $kind $engine);
            const ENTRIES: &'static [$crate::door::Entry] =
                &[$crate::door::Entry::$kind::<$engine>()];
            const SIZES: &'static ::core::ffi::CStr = c"";
        }
        $crate::door::Table::<Family>::$table
    }};
    (@type blob $type:ty) => { $crate::door::Blobs<$type> };
    (@type $kind:ident $type:ty) => { $type };
}
