//! The format of the segment: offsets, constants, packed words and sizes. No access, no system
//! calls.

pub mod bytes;
pub mod config;
pub mod export;
#[allow(
    clippy::cast_possible_truncation,
    reason = "constants, checked by tests"
)]
pub mod layout;
pub mod names;
pub mod states;
pub mod words;
