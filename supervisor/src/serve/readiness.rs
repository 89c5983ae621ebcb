//! What the pool shows of its health: in the segment, to the service manager, and to tasks that no
//! lane would run.

use super::{Phase, Supervisor, SupervisorError};
use crate::control::DRAINED;
use crate::pool::refusing_lane::RefusingLane;
use ringwork_ring::format::counted;
use ringwork_ring::format::states::{Health, LaneKind};

impl Supervisor<'_> {
    /// One line about the pool, for the service manager.
    pub(crate) fn summary(&self) -> String {
        match self.crew.health.halt() {
            Some(halt) => halt.why.clone(),
            None if self.phase == Phase::Drained => DRAINED.to_owned(),
            None => format!(
                "serving {} with {}",
                self.config.name,
                counted(self.crew.ready(), "worker")
            ),
        }
    }

    /// Whether the pool is ready, and why not, for all processes that look at the segment; and the
    /// lane that answers when no worker can.
    pub(crate) fn show_health(&mut self) -> Result<(), SupervisorError> {
        if let Some(why) = self.crew.is_lost() {
            return Err(SupervisorError::Lost(why));
        }
        self.tell_health();
        let health = self.crew.health.state();
        for kind in self.pool.segment().geometry().lane_kinds() {
            self.refuse_where_needed(*kind, health);
        }
        Ok(())
    }

    /// Writes the pool's health and its reason into the segment, where they have changed.
    pub(crate) fn tell_health(&mut self) {
        let segment = self.pool.segment();
        let health = self.crew.health.state();
        let drained = (self.phase == Phase::Drained).then_some(DRAINED);
        let halted = self.crew.health.halt().map(|halt| halt.why.as_str());
        let lack = self.crew.lack_of_room();
        let all: Vec<&str> = (drained.into_iter().chain(halted).chain(lack)).collect();
        let why = all.join("; ");
        if segment.health() != Ok(health) || self.told != why {
            segment.set_reason(&why);
            segment.set_health(health);
            self.told = why;
            self.notifier.status(&self.summary());
        }
    }

    /// Sees to it that tasks are refused, and do not wait, for which there is no worker and will be
    /// none.
    fn refuse_where_needed(&mut self, kind: LaneKind, health: Health) {
        // Without any worker at all a pool whose workers do not get ready is over. One without its
        // I/O workers serves on.
        let halted = match kind {
            LaneKind::Cpu => health == Health::Storm,
            LaneKind::Io => health != Health::Full,
        };
        let refuse = halted && self.crew.ready_of(kind) == 0 && !self.has_guest_lanes(kind);
        let refuses = |lane: &RefusingLane| lane.kind() == kind;
        if !refuse {
            self.refusing_lanes.retain(|lane| !refuses(lane));
        } else if !self.refusing_lanes.iter().any(refuses) {
            let why = self.summary();
            // Tried again at the next tick: the tables may be full of the dead.
            let lane = RefusingLane::start(self.pool.segment(), kind, &why).inspect_err(|error| {
                tracing::debug!(
                    event = "pool.refuses_late",
                    "no lane refuses tasks yet: {error}"
                )
            });
            self.refusing_lanes.extend(lane);
        }
    }

    /// Whether workers that joined by themselves have lanes of a kind.
    fn has_guest_lanes(&self, kind: LaneKind) -> bool {
        let mut lanes = self.pool.segment().lanes();
        lanes.any(|lane| {
            let word = lane.word_acquire();
            word.is_active() && lane.kind() == Ok(kind) && self.is_guest(word.worker())
        })
    }

    /// Whether workers that joined by themselves are there.
    pub(crate) fn has_guests(&self) -> bool {
        let segment = self.pool.segment();
        (0..segment.geometry().max_workers)
            .any(|entry| self.is_guest(entry) && segment.worker(entry).word_acquire().is_active())
    }

    fn is_guest(&self, entry: u32) -> bool {
        let refuses = |lane: &RefusingLane| lane.entry() == entry;
        !self.crew.owns(entry) && !self.refusing_lanes.iter().any(refuses)
    }
}
