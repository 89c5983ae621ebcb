//! The format of the segment: offsets, constants, packed words and sizes. No access, no system
//! calls.

pub mod bytes;
#[allow(
    clippy::cast_possible_truncation,
    reason = "constants, and parts of words"
)]
pub mod cause;
#[allow(clippy::cast_possible_truncation, reason = "sizes, checked before")]
pub mod channel;
#[allow(clippy::cast_possible_truncation, reason = "parts of words")]
pub mod chunk;
pub mod config;
mod counted;
pub mod export;
pub mod failure;
#[allow(
    clippy::cast_possible_truncation,
    reason = "constants, checked by tests"
)]
pub mod layout;
pub mod names;
pub mod section;
pub mod states;
pub mod words;

pub use counted::counted;
