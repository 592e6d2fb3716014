//! `fuzz/adapter.h`, `engines/flash.h` and `fuzz/embed/embed.h` as Rust sees them, field by field;
//! at the end it is checked against the header that the harness was compiled with.

use core::ffi::{c_char, c_int, c_void};

mod layout {
    #![allow(non_upper_case_globals)]
    include!(concat!(env!("OUT_DIR"), "/layout.rs"));
}

pub const VERSION: u32 = layout::VERSION as u32;
pub const OPTIONS_MAX: usize = layout::OPTIONS_MAX;
pub const SNAPSHOTS: u32 = layout::SNAPSHOTS as u32;
/// The snapshot that is none: what is committed now.
pub const NOW: u32 = layout::NOW as u32;

/// A bit of what is promised.
pub const KNOWS_REGION: u32 = layout::KNOWS_REGION as u32;

pub const OK: c_int = 0;
pub const PANIC: c_int = 7;

#[repr(C)]
#[derive(Clone, Copy)]
pub struct Geometry {
    pub sector_size: u32,
    pub sector_count: u32,
    pub page_size: u32,
    pub unit: u16,
    pub read_unit: u16,
    pub erased: u8,
    pub programs_per_unit: u8,
    pub tear_scope: u8,
}

#[repr(C)]
pub struct Flash {
    pub geometry: Geometry,
    pub context: *mut c_void,
    pub read: extern "C" fn(*mut c_void, u32, *mut u8, u32) -> c_int,
    pub program: extern "C" fn(*mut c_void, u32, *const u8, u32) -> c_int,
    pub erase: extern "C" fn(*mut c_void, u32) -> c_int,
}

/// One option: `struct adapter_option`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Choice {
    pub name: *const c_char,
    pub summary: *const c_char,
    pub value: u64,
    pub min: u64,
    pub max: u64,
    pub words: *const *const c_char,
    pub fixed: bool,
    pub binds: bool,
}

#[repr(C)]
pub struct Settings {
    pub values: [u64; OPTIONS_MAX],
    pub harness: u64,
}

#[repr(C)]
pub struct Bound {
    pub reads: u64,
    pub changes: u64,
}

pub type Object = *mut c_void;
pub type Visit = extern "C" fn(*mut c_void, *const u8, u32, *const u8, u32);
pub type Item = extern "C" fn(*mut c_void, u64, *const u8, u32);
pub type Line = extern "C" fn(*mut c_void, *const c_char);
pub type Simple = extern "C" fn(Object) -> c_int;
pub type Take = extern "C" fn(Object, *mut u8, u32, *mut u32) -> c_int;
pub type Fetch = extern "C" fn(Object, *const u8, u32, *mut u8, u32, *mut u32) -> c_int;
pub type FetchAt = extern "C" fn(Object, u32, *const u8, u32, *mut u8, u32, *mut u32) -> c_int;
pub type Scan =
    extern "C" fn(Object, u32, *const u8, u32, *const u8, u32, Visit, *mut c_void) -> c_int;
pub type Mount = extern "C" fn(Object, *const Flash, *const Settings) -> c_int;
pub type Bounds = extern "C" fn(*const Geometry, *const Settings, c_int) -> Bound;

#[repr(C)]
pub struct MapCalls {
    pub store: extern "C" fn(Object, *const u8, u32, *const u8, u32) -> c_int,
    pub fetch: Fetch,
    pub remove: Option<extern "C" fn(Object, *const u8, u32) -> c_int>,
    pub clear: Option<Simple>,
    pub each: Option<extern "C" fn(Object, Visit, *mut c_void) -> c_int>,
    pub begin: Option<Simple>,
    pub commit: Option<Simple>,
    pub abort: Option<Simple>,
    pub fetch_own: Option<Fetch>,
    pub transaction_max: Option<extern "C" fn(*const Geometry, *const Settings) -> u32>,
    pub open: Option<extern "C" fn(Object, u32) -> c_int>,
    pub close: Option<extern "C" fn(Object, u32) -> c_int>,
    pub fetch_at: Option<FetchAt>,
    pub scan: Option<Scan>,
    pub collect: Option<Simple>,
    pub destroy: Option<extern "C" fn(Object, *const u8, u32) -> c_int>,
}

#[repr(C)]
pub struct ListCalls {
    pub push: Option<extern "C" fn(Object, *const u8, u32) -> c_int>,
    pub append: Option<extern "C" fn(Object, *const u8, u32, u64) -> c_int>,
    pub peek: Option<Take>,
    pub pop: Option<extern "C" fn(Object, u32, *mut u8, u32, *mut u32) -> c_int>,
    pub read: Option<extern "C" fn(Object, u64, *mut u8, u32, *mut u32) -> c_int>,
    pub seek: Option<extern "C" fn(Object, u64, *mut u64) -> c_int>,
    pub clear: Option<Simple>,
    pub sync: Option<Simple>,
    pub seal: Option<Simple>,
    pub idle: Option<Simple>,
    pub fits: Option<extern "C" fn(Object, *mut u32) -> c_int>,
    pub each: Option<extern "C" fn(Object, Item, *mut c_void) -> c_int>,
    pub buffers: Option<extern "C" fn(*const Settings) -> bool>,
    pub ring: Option<extern "C" fn(*const Geometry, *const Settings, *mut u32) -> u32>,
    pub spans: bool,
    pub numberless: bool,
    pub space: Option<extern "C" fn(Object, u32, *mut u64) -> c_int>,
    pub space_sectors: u32,
    pub range: Option<extern "C" fn(Object, *mut u64, *mut u64) -> c_int>,
    pub seek_sectors: u32,
}

/// What the harness drives: `struct adapter`. Made by [`export!`](crate::export).
#[repr(C)]
pub struct Adapter {
    pub version: u32,
    pub kind: c_int,
    pub name: *const c_char,
    pub summary: *const c_char,
    pub claims: *const c_char,
    pub widened: u32,
    pub widened_why: *const c_char,
    pub claims_by: Option<extern "C" fn(*const Geometry, *const Settings) -> *const c_char>,
    pub widened_by: Option<extern "C" fn(*const Geometry, *const Settings) -> u32>,
    pub promised: u32,
    pub options: *const Choice,
    pub relies_on_and: bool,
    pub has_globals: bool,
    pub refuses: Option<extern "C" fn(*const Geometry, *const Settings) -> *const c_char>,
    pub object_size: extern "C" fn(*const Geometry, *const Settings) -> usize,
    pub limits: extern "C" fn(*const Geometry, *const Settings, *mut u32, *mut u32, *mut u32),
    pub value_size_min: Option<extern "C" fn(*const Settings) -> u32>,
    pub make_key: Option<extern "C" fn(*const Settings, u32, *mut u8) -> u32>,
    pub format: Option<Mount>,
    pub reset: Option<Mount>,
    pub mount: Mount,
    pub bound: Option<Bounds>,
    pub bound_uncut: Option<Bounds>,
    pub inspect: Option<extern "C" fn(Object, *const Flash, *const Settings, Line, *mut c_void)>,
    pub panic: Option<extern "C" fn() -> *const c_char>,
    pub map: *const MapCalls,
    pub list: *const ListCalls,
}

// All of it is constant.
unsafe impl Sync for Adapter {}
unsafe impl Send for Adapter {}

/// `struct embed_work`.
#[allow(dead_code)] // without the harness
#[repr(C)]
pub struct Work {
    pub name: *const c_char,
    pub text: *const c_char,
    pub engine: *const c_char,
    pub faults: *const c_char,
    pub depth: u32,
    pub seed: u64,
    pub rounds: u64,
    pub seconds: f64,
    pub jobs: u32,
}

/// `struct embed_answer`.
#[allow(dead_code)] // without the harness
#[repr(C)]
pub struct Answer {
    pub verdict: c_int,
    pub text: *mut c_char,
}

#[cfg(feature = "harness")]
unsafe extern "C" {
    pub fn embed_add(adapters: *const *const Adapter);
    pub fn embed_explore(work: *const Work) -> Answer;
    pub fn embed_fuzz(work: *const Work) -> Answer;
    pub fn embed_free(answer: *mut Answer);
}

/// The layout is the header's, or this does not compile: then the C header has changed.
macro_rules! same {
    ($($name:ident: $type:ty $(, $field:ident as $at:ident)*;)*) => {
        const _: () = {
            $(assert!(size_of::<$type>() == layout::$name);
            $(assert!(core::mem::offset_of!($type, $field) == layout::$at);)*)*
        };
    };
}

same! {
    adapter: Adapter, name as at_adapter_name, claims_by as at_adapter_claims_by,
        promised as at_adapter_promised, relies_on_and as at_adapter_relies_on_and,
        has_globals as at_adapter_has_globals, refuses as at_adapter_refuses,
        value_size_min as at_adapter_value_size_min, format as at_adapter_format,
        mount as at_adapter_mount, panic as at_adapter_panic, map as at_adapter_map, list as at_adapter_list;
    adapter_map: MapCalls, fetch as at_adapter_map_fetch, each as at_adapter_map_each,
        transaction_max as at_adapter_map_transaction_max, open as at_adapter_map_open,
        fetch_at as at_adapter_map_fetch_at, scan as at_adapter_map_scan,
        destroy as at_adapter_map_destroy;
    adapter_list: ListCalls, read as at_adapter_list_read, each as at_adapter_list_each,
        ring as at_adapter_list_ring, numberless as at_adapter_list_numberless,
        space as at_adapter_list_space, range as at_adapter_list_range,
        seek_sectors as at_adapter_list_seek_sectors;
    adapter_option: Choice, max as at_adapter_option_max, fixed as at_adapter_option_fixed,
        binds as at_adapter_option_binds;
    adapter_settings: Settings;
    adapter_bound: Bound;
    bo_flash: Flash, context as at_bo_flash_context, erase as at_bo_flash_erase;
    bo_flash_geometry: Geometry, unit as at_bo_flash_geometry_unit,
        tear_scope as at_bo_flash_geometry_tear_scope;
    embed_work: Work, jobs as at_embed_work_jobs;
    embed_answer: Answer;
}
const _: () = assert!(PANIC as usize == layout::ANSWER_PANIC);
const _: () = assert!(crate::Widening::CutProgramFree as usize == layout::CUT_PROGRAM_FREE);
const _: () = assert!(crate::Widening::RoomVaries as usize == layout::ROOM_VARIES);
const _: () = assert!(crate::Widening::IdleDrops as usize == layout::IDLE_DROPS);
