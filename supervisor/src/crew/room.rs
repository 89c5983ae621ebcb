//! Room in the tables of the segment for another worker and its lanes; and what is said when there is
//! none.
//!
//! Invariant: a seat that stays empty for want of room is told once, and again only after it was filled.

use ringwork_ring::Segment;
use ringwork_ring::format::counted;
use ringwork_ring::format::states::LaneKind;
use ringwork_ring::segment::tables::log_error;
use std::time::{Duration, Instant};

/// Workers that the pool did not start, and others that have just died, give their entries back within
/// this time.
const PATIENCE: Duration = Duration::from_secs(1);

/// What is known of the room that workers take.
#[derive(Debug, Default)]
pub(super) struct Room {
    /// Entries of the lane table that a worker of the settings has taken, of CPU and of I/O workers.
    taken: [u32; 2],
    /// Since when a seat is empty for want of room.
    lacks_since: Option<Instant>,
    /// What was said of that.
    told: Option<String>,
}

impl Room {
    /// A worker with lanes of a kind has taken so many entries.
    pub(super) fn note(&mut self, kind: LaneKind, entries: u32) {
        let taken = &mut self.taken[kind.word() as usize];
        *taken = entries.max(*taken);
    }

    /// Other settings: their workers may take more or less.
    pub(super) fn forget(&mut self) {
        self.taken = [0; 2];
    }

    /// Entries of the lane table that a worker takes which is to have so many, as far as it is known: a
    /// program may have more I/O threads than it was asked to.
    pub(super) fn entries(&self, lanes: u32, kind: LaneKind) -> u32 {
        lanes.max(self.taken[kind.word() as usize])
    }

    /// What is wrong when a seat has no worker since the tables have no room.
    pub(super) fn lack(&self) -> Option<&str> {
        self.told.as_deref()
    }

    /// Notes how many seats are empty for want of room, and that a worker of the first one takes so many
    /// entries of the lane table. Says so, once it is sure that no worker is about to make room.
    pub(super) fn look(&mut self, segment: &Segment, empty: usize, needed: u32, any_leaves: bool) {
        if empty == 0 {
            (self.lacks_since, self.told) = (None, None);
            return;
        }
        let since = *self.lacks_since.get_or_insert_with(Instant::now);
        if self.told.is_some() || any_leaves || since.elapsed() < PATIENCE {
            return;
        }
        let (geometry, free) = (segment.geometry(), free_lanes(segment));
        let lack = match free < needed {
            true => format!(
                "it takes {} of the lane table, one for each of its lanes and I/O threads, and {free} of {} are free: \
                 serve the pool with a larger --max-lanes",
                counted(needed, "entry"),
                geometry.max_lanes
            ),
            false => format!(
                "all {} worker entries are taken: serve the pool with a larger --max-workers",
                geometry.max_workers
            ),
        };
        let text = format!(
            "no room for {}: {lack}, or have fewer workers, lanes or I/O threads",
            counted(empty, "more worker")
        );
        tracing::error!(event = "worker.no_room", "{text}");
        log_error(segment, &text);
        self.told = Some(text);
    }
}

/// How many entries of the lane table are free.
pub(super) fn free_lanes(segment: &Segment) -> u32 {
    let free = segment.lanes().filter(|lane| lane.word_acquire().is_free());
    u32::try_from(free.count()).unwrap_or(u32::MAX)
}
