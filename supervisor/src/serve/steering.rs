//! What commands ask of a pool by its control socket; a reload is in [`super::reload`].
//!
//! Called by the loop once a caller's line is whole. Invariant: what is refused has changed nothing,
//! and no task is lost by anything that is asked here.

use super::{Phase, Supervisor};
use crate::config::in_effect::{Cause, InEffect};
use crate::control::{Answer, DRAINED, Request, Status};
use crate::lifecycle::{self, Topic};
use crate::policy::PAUSABLE;
use ringwork_ring::format::counted;
use ringwork_ring::format::states::{LaneKind, PoolState};
use ringwork_ring::segment::tables;

type Refused = String;

impl Supervisor<'_> {
    /// Answers all that ask.
    pub(crate) fn answer_callers(&mut self) {
        for call in self.events.calls() {
            let done = (call.request.clone()).and_then(|request| self.steer(&request));
            let answer = match done {
                Ok(()) => Answer::Status(self.status()),
                Err(why) => Answer::Refused(why),
            };
            call.answer(&answer);
        }
    }

    fn steer(&mut self, request: &Request) -> Result<(), Refused> {
        if *request == Request::Status {
            return Ok(());
        }
        match self.phase {
            Phase::Serving | Phase::Drained => {}
            Phase::Starting => return Err("no worker of it is ready yet: try again".to_owned()),
            Phase::Draining(..) => return Err("it is being stopped".to_owned()),
        }
        match request {
            Request::Drain => self.drain(),
            Request::Resume => self.resume(),
            Request::Pause { handler } => return self.pause(handler),
            Request::ResumeHandler { handler } => return self.resume_handler(handler),
            Request::Scale { workers } => return self.scale(*workers),
            Request::Reload => self.reload_if_asked(true),
            Request::Status => {}
        }
        Ok(())
    }

    fn status(&self) -> Status {
        let drained = self.phase == Phase::Drained;
        let number = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        Status {
            drained,
            unfinished: match drained {
                true => self.pool.open_tasks().unfinished,
                false => 0, // it takes a look at all slots
            },
            paused: self.limits.paused().cloned().collect(),
            workers: number(self.crew.open()),
            ready: number(self.crew.ready_of(LaneKind::Cpu)),
            leaving: number(self.crew.leavers.len()),
            renewing: self.crew.is_renewing(),
            reload: self.reloads.number,
            reloaded: self.reloads.last.clone(),
        }
    }

    fn drain(&mut self) {
        if self.phase == Phase::Drained {
            return;
        }
        tracing::info!(event = "pool.drained", "{DRAINED}");
        self.phase = Phase::Drained;
        // Before the state: a process that sees the one sees the other.
        self.tell_health();
        let segment = self.pool.segment();
        segment.set_pool_state(PoolState::Draining);
        lifecycle::publish(segment, Topic::PoolDraining, &[], None);
    }

    fn resume(&mut self) {
        if self.phase != Phase::Drained {
            return;
        }
        tracing::info!(event = "pool.resumed", "resumed: tasks are taken again");
        self.phase = Phase::Serving;
        let segment = self.pool.segment();
        segment.set_pool_state(PoolState::Serving);
        lifecycle::publish(segment, Topic::PoolServing, &[], None);
        self.tell_health();
    }

    fn pause(&mut self, handler: &str) -> Result<(), Refused> {
        self.check_handler(handler)?;
        let segment = self.pool.segment();
        if self.limits.paused().any(|paused| paused == handler) {
            return Ok(());
        }
        if !self.limits.has(handler) {
            self.refuse_while_renewing()?;
        }
        let Some(new) = self.limits.pause(segment, handler) else {
            return Err(format!(
                "{} without a limit of concurrency were paused since it was made, and there is room for no other: \
                 resume the pool after a restart with `--limit {handler}:concurrency=N`, which can always be paused",
                counted(PAUSABLE, "handler")
            ));
        };
        self.limits.write(segment, &self.config.limits());
        tracing::info!(
            event = "handler.paused",
            handler,
            "paused: tasks of {handler} wait until `ringwork resume`"
        );
        lifecycle::publish(
            segment,
            Topic::HandlerPaused,
            &[],
            Some(("handler", handler)),
        );
        if new {
            // Lanes know the handlers that had an entry when they came.
            let open = u32::try_from(self.crew.open()).unwrap_or(u32::MAX);
            let settings = self.crew.settings.clone();
            let seats = (open, self.config.max_workers());
            let why = "it does not know of the handler that is paused";
            self.crew.renew(settings, seats, segment, why);
        }
        Ok(())
    }

    fn check_handler(&self, handler: &str) -> Result<(), Refused> {
        let there = tables::handlers(self.pool.segment());
        if there.iter().any(|known| known.name == handler) {
            return Ok(());
        }
        let names: Vec<&str> = there.iter().map(|known| known.name.as_str()).collect();
        Err(format!(
            "no worker has a handler {handler:?}; there are: {}",
            names.join(", ")
        ))
    }

    fn resume_handler(&mut self, handler: &str) -> Result<(), Refused> {
        if !self.limits.resume(handler) {
            // One that runs already is as it was asked for; a name that nothing has is a slip.
            return self.check_handler(handler);
        }
        let segment = self.pool.segment();
        self.limits.write(segment, &self.config.limits());
        tracing::info!(
            event = "handler.resumed",
            handler,
            "resumed: tasks of {handler} run again"
        );
        lifecycle::publish(
            segment,
            Topic::HandlerResumed,
            &[],
            Some(("handler", handler)),
        );
        Ok(())
    }

    fn scale(&mut self, workers: u32) -> Result<(), Refused> {
        if workers == 0 {
            return Err(
                "a pool has at least one worker; `ringwork drain` has it take no tasks".to_owned(),
            );
        }
        self.refuse_while_renewing()?;
        let mut config = self.config.clone();
        config.workers = Some(workers);
        (config.elastic.min_workers, config.elastic.max_workers) = (None, None);
        if let Some(why) = self.no_room_for(&config) {
            return Err(why);
        }
        let segment = self.pool.segment();
        self.crew.open_seats(workers, workers, segment);
        self.watch.configure(&config);
        for key in ["workers", "min-workers", "max-workers"] {
            config
                .origins
                .insert(key.to_owned(), crate::config::Origin::Scale);
        }
        self.config = config;
        InEffect::publish(&self.config, Cause::Scale, segment);
        tracing::info!(
            event = "pool.scaled",
            "scaled: {} from now on",
            counted(workers, "worker")
        );
        lifecycle::publish(
            segment,
            Topic::PoolScaled,
            &[("workers", workers.into())],
            None,
        );
        Ok(())
    }

    /// Else there would be two configurations to go back to.
    fn refuse_while_renewing(&self) -> Result<(), Refused> {
        match self.crew.is_renewing() || self.former_config.is_some() {
            true => Err("its workers are being replaced: try again when that is done".to_owned()),
            false => Ok(()),
        }
    }
}
