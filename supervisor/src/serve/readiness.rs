//! What the pool shows of its health: in the segment, to the service manager, and to tasks that no
//! lane would run.

use super::{Phase, Supervisor, SupervisorError};
use crate::control::DRAINED;
use crate::pool::refusing_lane::RefusingLane;
use ringwork_ring::format::counted;
use ringwork_ring::format::states::Health;

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
        let refuse = self.crew.health.state() == Health::Storm
            && self.crew.ready() == 0
            && !self.has_guests();
        if refuse && self.refusing_lane.is_none() {
            let why = self.summary();
            // Tried again at the next tick: the tables may be full of the dead.
            self.refusing_lane = RefusingLane::start(self.pool.segment(), &why)
                .inspect_err(|error| tracing::debug!("no lane refuses tasks yet: {error}"))
                .ok();
        } else if !refuse {
            self.refusing_lane = None;
        }
        Ok(())
    }

    /// Writes the pool's health and its reason into the segment, where they have changed.
    pub(crate) fn tell_health(&mut self) {
        let segment = self.pool.segment();
        let health = self.crew.health.state();
        let drained = (self.phase == Phase::Drained).then_some(DRAINED);
        let halted = self.crew.health.halt().map(|halt| halt.why.as_str());
        let all: Vec<&str> = drained.into_iter().chain(halted).collect();
        let why = all.join("; ");
        if segment.health() != Ok(health) || self.told != why {
            segment.set_reason(&why);
            segment.set_health(health);
            self.told = why;
            self.notifier.status(&self.summary());
        }
    }

    /// Whether workers that joined by themselves are there.
    pub(crate) fn has_guests(&self) -> bool {
        let segment = self.pool.segment();
        let own = self.refusing_lane.as_ref().map(RefusingLane::entry);
        (0..segment.geometry().max_workers)
            .filter(|entry| Some(*entry) != own && !self.crew.owns(*entry))
            .any(|entry| segment.worker(entry).word_acquire().is_active())
    }
}
