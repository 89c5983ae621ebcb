//! The records of the segment, with named accessors that tell the memory order of each access.
//!
//! Here and in [`crate::format`] alone are offsets known. A record is a view: cheap to make, made
//! anew for each use. Its accessors say which order they take (`_acquire`, `_release`); where the
//! name says none the access is relaxed, and another word's order covers it or none is needed.

#[allow(clippy::cast_possible_truncation, reason = "parts of words")]
mod channel;
mod chunk;
mod client;
mod event;
mod handler_counts;
mod header;
mod histogram;
mod key;
mod lane;
mod limit;
mod owner;
mod part;
mod ring;
mod slot;
mod table;
mod worker;

pub use channel::ChannelSide;
pub(crate) use channel::{CellRecord, ChannelRecord};
pub(crate) use chunk::ChunkRecord;
pub use client::ClientRecord;
pub(crate) use event::{EventRecord, EventsRecord, TopicRecord};
pub use handler_counts::{CountedBy, HandlerCountsRecord, HandlerLossesRecord, TaskTime};
pub(crate) use header::Readiness;
pub use header::{Header, LaneMask};
pub use histogram::{Histogram, bucket_floor, bucket_of};
pub(crate) use key::{KeyBucket, KeyLine, PERMITS, PLACES};
pub use lane::LaneRecord;
pub(crate) use limit::LimitRecord;
pub(crate) use owner::OwnerRecord;
pub use part::Counter;
pub(crate) use part::Part;
pub(crate) use ring::RingRecord;
pub use slot::Slot;
pub(crate) use slot::{Request, Waiting};
pub(crate) use table::{ErrorRecord, HandlerRecord};
pub use worker::WorkerRecord;

/// Tries after which a word that changes each time is taken for corrupt: each failed try means that
/// another process succeeded, and so many in a row do not happen.
pub(crate) const CORRUPT_AFTER: u32 = 1 << 16;
