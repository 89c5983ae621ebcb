//! Room in the tables of the segment for another worker and its lanes; and what is said when there is
//! none.
//!
//! Invariant: a seat that stays empty for want of room is told once, and again only after it was filled.

use crate::crew::Crew;
use crate::crew::seat::{Member, Seat};
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
}

impl Crew {
    /// Entries of the lane table that a worker takes, as far as it is known: a program may have more I/O
    /// threads than it was asked to.
    pub(super) fn entries_of(&self, kind: LaneKind) -> u32 {
        let seen = self.room.taken[kind.word() as usize];
        self.settings.lanes(kind).max(seen)
    }

    /// An entry for another worker whose lanes find room, too.
    pub(super) fn find_room(&self, segment: &Segment, kind: LaneKind) -> Option<u32> {
        let to_come: u32 = self.members().map(Member::lanes_to_come).sum();
        if free_lanes(segment) < self.entries_of(kind) + to_come {
            return None;
        }
        (0..segment.geometry().max_workers)
            .filter(|entry| !self.owns(*entry))
            .find(|entry| segment.worker(*entry).word_acquire().is_free())
    }

    /// What is wrong when a seat has no worker since the tables have no room.
    pub(crate) fn lack_of_room(&self) -> Option<&str> {
        self.room.told.as_deref()
    }

    /// Says so, once it is sure that nothing is about to make room.
    pub(super) fn tell_lack_of_room(&mut self, segment: &Segment) {
        let lacks = |seat: &&Seat| seat.no_room && seat.open && seat.current.is_none();
        let lacking = self.seats.iter().filter(lacks);
        let kinds: Vec<LaneKind> = lacking.map(|seat| seat.kind).collect();
        let Some(kind) = kinds.first().copied() else {
            (self.room.lacks_since, self.room.told) = (None, None);
            return;
        };
        let since = *self.room.lacks_since.get_or_insert_with(Instant::now);
        // Workers that leave make room.
        if self.room.told.is_some() || !self.leavers.is_empty() || since.elapsed() < PATIENCE {
            return;
        }
        let geometry = segment.geometry();
        let (needed, free) = (self.entries_of(kind), free_lanes(segment));
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
            counted(kinds.len(), "more worker")
        );
        tracing::error!(event = "worker.no_room", "{text}");
        log_error(segment, &text);
        self.room.told = Some(text);
    }
}

fn free_lanes(segment: &Segment) -> u32 {
    let free = segment.lanes().filter(|lane| lane.word_acquire().is_free());
    u32::try_from(free.count()).unwrap_or(u32::MAX)
}
