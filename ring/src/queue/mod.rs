//! What lanes and clients hand over to each other: hints, payload blocks, wakes.

pub mod arena;
pub mod channels;
pub mod events;
pub(crate) mod gather;
pub mod hint_ring;
pub(crate) mod hints;
pub mod keys;
mod rings;
pub mod topics;
pub mod wait;
