//! New settings for the crew: every worker is replaced by one of the new ones, or none is.
//!
//! The settings that serve are kept until the first worker of the new ones is
//! ready: up to then the crew can go back.

use crate::crew::Crew;
use crate::crew::seat::{Seat, Settings};
use crate::error::ended;
use ringwork_ring::Segment;
use ringwork_ring::format::states::LaneKind;
use std::time::Instant;

impl Crew {
    /// Takes up new settings: all workers are replaced, one by one.
    pub(crate) fn renew(
        &mut self,
        mut settings: Settings,
        (open, max): (u32, u32),
        segment: &Segment,
        why: &str,
    ) {
        settings.generation = self.settings.generation + 1;
        let former = std::mem::replace(&mut self.settings, settings);
        // After two reloads in a row the one to go back to is the one that serves.
        self.former.get_or_insert(former);
        self.health.forget();
        self.room.forget();
        self.open_seats(open, max, segment);
        for number in 0..self.seats.len() {
            let seat = &mut self.seats[number];
            seat.due = Instant::now();
            // Of the settings before: it would only have to be replaced as well.
            if let Some(successor) = seat.successor.take() {
                self.tell_to_leave(successor, segment, why);
            }
            self.mark_for_replacement(number, why);
        }
    }

    /// Has `max` seats beside those of I/O workers, of which the first `open` ones are open.
    pub(crate) fn open_seats(&mut self, open: u32, max: u32, segment: &Segment) {
        // Those of I/O workers stand first; their number never changes.
        let io = self.io_seats() as u32;
        let (open, max) = (open.saturating_add(io), max.saturating_add(io));
        while self.seats.len() < max as usize {
            self.seats.push(Seat::new(LaneKind::Cpu, false));
        }
        while self.open() + self.io_seats() < open as usize && self.grow() {}
        for number in (open as usize..self.seats.len()).rev() {
            if self.seats[number].open {
                self.shrink(number, segment, "the pool has fewer workers now");
            }
        }
        self.seats.truncate(max as usize);
    }

    /// How many workers there are to be.
    pub(crate) fn open(&self) -> usize {
        let open = |seat: &&Seat| seat.open && seat.kind == LaneKind::Cpu;
        self.seats.iter().filter(open).count()
    }

    /// Whether workers of former settings are still to be replaced.
    pub(crate) fn is_renewing(&self) -> bool {
        let generation = self.settings.generation;
        self.former.is_some()
            || self
                .seats
                .iter()
                .any(|seat| seat.current.iter().any(|m| m.generation != generation))
    }

    /// Why the last reload was given up, once.
    pub(crate) fn take_reload_failure(&mut self) -> Option<String> {
        self.reload_failure.take()
    }

    /// Gives a reload up whose workers do not get ready: those that serve go on.
    pub(crate) fn go_back(&mut self, how: &str, output: &str) {
        let Some(former) = self.former.take() else {
            return;
        };
        self.reload_failure = Some(format!(
            "the workers of the reload do not get ready: {}, the last one {how}; those of before \
             serve on. {output}",
            ended(self.health.boot_deaths)
        ));
        let generation = former.generation;
        self.settings = former;
        self.health.forget();
        for seat in &mut self.seats {
            if seat.current.iter().all(|m| m.generation == generation) {
                seat.to_replace = None;
            }
            seat.due = Instant::now();
        }
    }
}
