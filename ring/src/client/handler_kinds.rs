//! Which lanes the tasks of each handler are for, as the pool's handler table says.
//!
//! Asked at each submit to a pool that has I/O lanes, so the place of a handler in the table is
//! remembered; it never changes. The kind is read there each time: a reload may change it.

use crate::format::states::LaneKind;
use crate::os::sync::{AtomicU32, Ordering};
use crate::segment::Segment;
use crate::segment::tables::{kind_at, place_of};

/// How many handlers are remembered; those that meet in one place push each other out.
const PLACES: usize = 64;

/// Places in the handler table, by a part of the id.
#[derive(Debug)]
pub(super) struct HandlerKinds(Box<[AtomicU32]>);

impl HandlerKinds {
    pub(super) fn new() -> Self {
        Self((0..PLACES).map(|_| AtomicU32::new(0)).collect())
    }

    /// The kind of the handler with this id; CPU lanes where none has registered it yet.
    pub(super) fn of(&self, segment: &Segment, id: u64) -> LaneKind {
        // Relaxed: a guess, which the table confirms.
        let known = &self.0[(id >> 32) as usize % PLACES];
        if let Some(kind) = kind_at(segment, known.load(Ordering::Relaxed), id) {
            return kind;
        }
        let Some(place) = place_of(segment, id) else {
            return LaneKind::Cpu;
        };
        known.store(place, Ordering::Relaxed);
        kind_at(segment, place, id).unwrap_or(LaneKind::Cpu)
    }
}
