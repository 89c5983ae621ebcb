//! The format of the segment: offsets, constants, packed words and sizes. No access, no system
//! calls.

pub mod bytes;
#[allow(
    clippy::cast_possible_truncation,
    reason = "constants, and parts of words"
)]
pub mod cause;
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
