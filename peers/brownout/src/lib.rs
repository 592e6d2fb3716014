#![doc = include_str!("../README.md")]
#![warn(missing_docs)]

mod abi;
mod arena;
mod blob;
#[doc(hidden)]
#[allow(missing_docs)]
pub mod door;
mod engine;
mod nor;
mod panics;
#[cfg(feature = "harness")]
pub mod testing;

pub use engine::{
    Blob, Call, Engine, Error, Keys, Kind, Limits, List, Map, Opt, Result, SNAPSHOTS, Settings,
    TakeBytes, VisitItem, VisitValue, Widening,
};
pub use nor::{AnyNor, Chip, Flash, FlashError, Nor, block_on};
#[cfg(feature = "harness")]
pub use testing::scenarios;
