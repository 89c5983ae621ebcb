//! The crew's dead: reaped, told of, and what follows from them.
//!
//! A death gives back what the worker held (through the reaper, see
//! [`DeathReport`]), is counted by [`crate::crew::health`], and leaves its seat with a
//! pause. An orderly leave leaves none.

use crate::console::Console;
use crate::crew::death_report::DeathReport;
use crate::crew::{Crew, MemberKind};
use crate::error::SupervisorError;
use crate::lifecycle::{self, Topic};
use ringwork_ring::format::states::LaneKind;
use ringwork_ring::segment::tables::log_error;
use ringwork_ring::{Cause, Segment};
use ringwork_worker::SETUP_EXIT_CODE;
use std::time::{Duration, Instant};

/// A worker that leaves by itself sooner than this is not replaced at once.
const SERVED: Duration = Duration::from_secs(1);

/// How a worker ends that is set up wrongly.
const SET_UP_WRONGLY: Cause = Cause::Exited {
    code: SETUP_EXIT_CODE,
};

impl Crew {
    /// Reaps the workers that have exited: gives back what they held and plans their successors.
    pub(crate) fn reap_exited(
        &mut self,
        segment: &Segment,
        console: &mut dyn Console,
    ) -> Result<(), SupervisorError> {
        for (kind, mut member, exit) in self.take_exited() {
            ringwork_ring::failpoint!("serve.exit_seen");
            let entry = member.entry;
            let mut pass = |line: &str| console.worker_line(entry, line);
            let last_lines = member.process.last_lines(&mut pass);
            if member.note_short_life(segment) {
                self.health.ready(member.kind == LaneKind::Cpu);
                self.io_proven |= member.kind == LaneKind::Io;
            }
            let had_its_quota = member.had_its_quota(segment);
            let was_asked = member.was_asked(segment);
            let keep = self.settings.restart.quarantine_keep;
            let report =
                DeathReport::write(segment, entry, &member.process, exit, last_lines, keep);
            let Some(ready) = member.process.ready else {
                if member.leaving.is_some() && kind == MemberKind::Leaver {
                    continue; // told to leave before it was there
                }
                let unproven = !self.is_proven(member.kind) || self.former.is_some();
                let set_up_wrongly = exit == SET_UP_WRONGLY;
                if (member.process.killed.is_some() || set_up_wrongly) && unproven {
                    // It has hung for the whole of its time, or has told that it is set up wrongly,
                    // and no worker of its kind has ever got ready: four more would be no wiser.
                    self.health.hopeless = true;
                }
                self.boot_death(kind, member.generation, &report, segment)?;
                continue;
            };
            let ran = ready.elapsed();
            if report.is_clean() {
                let why = member.leaving.as_deref();
                let why = why.or(had_its_quota.then_some("it had run its --max-tasks"));
                let why = why.or(was_asked.then_some("`ringwork restart` has asked it to"));
                report.tell_leave(segment, why);
                self.vacate(kind, ran, why.is_some());
            } else {
                // Stopped for its task's sake: that is no storm of crashes.
                let counts = member.process.killed.is_none();
                let storm = counts && self.health.died(&self.settings.restart, &report.cause());
                let pause = self.pause_seat(kind, Some(ran));
                report.announce(segment, pause);
                if storm {
                    self.tell_halt(segment);
                }
            }
        }
        Ok(())
    }

    /// After a worker that left in order.
    fn vacate(&mut self, kind: MemberKind, ran: Duration, planned: bool) {
        let MemberKind::Current(number) = kind else {
            return;
        };
        let seat = &mut self.seats[number];
        // One that leaves unasked as soon as it is there would be started for ever.
        let pause = if planned || ran >= SERVED {
            Duration::ZERO
        } else {
            let restart = &self.settings.restart;
            seat.backoff.after(Some(ran), restart, fastrand::f64())
        };
        seat.due = Instant::now() + pause;
    }

    /// The pause before another takes the place of one that died, if one does.
    fn pause_seat(&mut self, kind: MemberKind, ran: Option<Duration>) -> Option<Duration> {
        let (MemberKind::Current(number) | MemberKind::Successor(number)) = kind else {
            return None;
        };
        let seat = self.seats.get_mut(number)?;
        let restart = &self.settings.restart;
        let pause = seat.backoff.after(ran, restart, fastrand::f64());
        seat.due = Instant::now() + pause;
        self.health.halt().is_none().then_some(pause)
    }

    /// Says that no worker is started any more.
    fn tell_halt(&self, segment: &Segment) {
        if let Some(halt) = self.health.halt() {
            tracing::error!(event = "pool.storm", "{}", halt.why);
            lifecycle::publish(segment, Topic::PoolStorm, &[], Some(("why", &halt.why)));
            log_error(segment, &halt.why);
        }
    }

    /// Whether workers that do not get ready leave the pool without any, or without the first one of
    /// a kind.
    fn is_hopeless(&self, kind: LaneKind) -> bool {
        self.ready() == 0 || !self.is_proven(kind)
    }

    /// After a worker that died before it was ready, or could not even be started.
    pub(crate) fn boot_death(
        &mut self,
        kind: MemberKind,
        generation: u32,
        report: &DeathReport,
        segment: &Segment,
    ) -> Result<(), SupervisorError> {
        let how = report.cause();
        let too_many = self.health.died_at_boot();
        let storm = self.health.died(&self.settings.restart, &how);
        let pause = self.pause_seat(kind, None);
        report.announce(segment, pause.filter(|_| !too_many));
        if too_many && self.former.is_some() && generation == self.settings.generation {
            self.go_back(&how, &report.output());
        } else if too_many && self.leavers.is_empty() && self.is_hopeless(self.lanes_of(kind)) {
            return Err(SupervisorError::NoWorker {
                deaths: self.health.boot_deaths,
                program: self.settings.command.program.clone(),
                last: how,
                output: report.output(),
            });
        } else if too_many && self.health.halt().is_none() {
            self.health.give_up(&how);
            self.tell_halt(segment);
        } else if storm {
            self.tell_halt(segment);
        }
        Ok(())
    }
}
