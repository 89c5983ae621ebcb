//! The future of a task as a shard's runtime has it: polled, watched, ended.
//!
//! Invariant: it ends its task in exactly one way, also when it is dropped.

use super::leaving::GRACE;
use super::outcome::{Outcome, Running};
use super::shard::{Shared, WhyCancelled};
use crate::ending::{end, end_panicked};
use crate::error::CANCELLED;
use crate::log_of_task;
use crate::panics::Panic;
use ringwork_ring::lane::claimed::{Claimed, Failure};
use ringwork_ring::{Codec, RingError, Status};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::time::Sleep;

/// How long a result waits for an arena block before the task fails, and between two looks.
const BLOCK_PATIENCE: Duration = Duration::from_secs(1);
const BLOCK_LOOK: Duration = Duration::from_millis(1);

/// A task in flight.
pub(super) struct InFlightTask {
    shared: Arc<Shared>,
    running: Option<Running>,
    chunk: bool,
    // Rings at the deadline.
    alarm: Option<Pin<Box<Sleep>>>,
    grace: Option<Pin<Box<Sleep>>>,
    answer: Option<Box<Waiting>>,
    begun: bool,
    over: bool,
}

/// A result for which no block was free.
struct Waiting {
    bytes: Vec<u8>,
    codec: Codec,
    until: Instant,
    look: Pin<Box<Sleep>>,
}

/// What a poll found.
pub(super) enum Found {
    Outcome(Outcome),
    Panicked(Box<Panic>),
    Stopped(WhyCancelled),
}

impl InFlightTask {
    pub(super) fn new(shared: Arc<Shared>, running: Running, chunk: bool) -> Self {
        Self {
            shared,
            running: Some(running),
            chunk,
            alarm: None,
            grace: None,
            answer: None,
            begun: false,
            over: false,
        }
    }

    /// What there is to do once, in the first poll: there a timer of this runtime can be made.
    fn begin(&mut self, context: &Context<'_>) {
        self.begun = true;
        self.shared.set_waker(context.waker());
        let deadline = self.shared.deadline();
        self.alarm = deadline.map(|at| Box::pin(tokio::time::sleep_until(at.into())));
    }

    /// Whether the task is to be dropped now, and why.
    fn stopped(&mut self, context: &mut Context<'_>) -> Option<WhyCancelled> {
        if self.shared.why().is_none() {
            let alarm = self.alarm.as_mut();
            if alarm.is_some_and(|alarm| alarm.as_mut().poll(context).is_ready()) {
                self.shared.cancel(WhyCancelled::Deadline);
            } else if self.shared.with_claim(|claim| claim.over_soft_limit()) == Some(true) {
                self.shared.cancel(WhyCancelled::SoftLimit);
            }
        }
        let why = self.shared.why()?;
        let common = &self.shared.shard.common;
        if !self.shared.listens() || common.is_past_end() || common.is_ending() {
            return Some(why);
        }
        // The handler ends by itself, or when the grace is over.
        let new = || Box::pin(tokio::time::sleep(GRACE));
        let grace = self.grace.get_or_insert_with(new);
        grace.as_mut().poll(context).is_ready().then_some(why)
    }

    /// Polls the handler, with a mark for the watch and for the supervisor's time limits.
    fn poll_handler(&mut self, context: &mut Context<'_>) -> Poll<Found> {
        let Some(running) = &mut self.running else {
            return Poll::Pending;
        };
        match self.shared.polled(|| running.as_mut().poll(context)) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(outcome)) => Poll::Ready(Found::Outcome(outcome)),
            Err(panic) => Poll::Ready(Found::Panicked(panic)),
        }
    }

    /// Drops the handler's future. A drop that panics costs nothing more.
    fn drop_handler(&mut self) {
        if let Some(running) = self.running.take() {
            log_drop(&self.shared, self.shared.polled(|| drop(running)));
        }
        self.shared.abort_children();
    }

    /// Ends the task, unless its result has to wait for a block.
    fn end(&mut self, found: Found, context: &mut Context<'_>) -> Poll<()> {
        self.drop_handler();
        match found {
            Found::Outcome(Ok((bytes, codec))) => return self.answer(bytes, codec, context),
            Found::Outcome(Err(ended)) => self.fail(|task| end(task, ended)),
            Found::Panicked(panic) => {
                let name = self.shared.handler;
                self.fail(|task| end_panicked(task, name, &panic));
            }
            Found::Stopped(why) => self.stop(why),
        }
        Poll::Ready(())
    }

    fn answer(&mut self, bytes: Vec<u8>, codec: Codec, context: &mut Context<'_>) -> Poll<()> {
        let Some(mut claim) = self.shared.take_claim() else {
            self.close();
            return Poll::Ready(());
        };
        let refused = match claim.try_reserve(bytes.len()) {
            Ok(room) => {
                room.copy_from_slice(&bytes);
                claim.finish(bytes.len(), codec);
                self.close();
                return Poll::Ready(());
            }
            Err(refused) => refused,
        };
        let now = Instant::now();
        let until = match &self.answer {
            Some(waiting) => waiting.until,
            None => {
                let patience = now + BLOCK_PATIENCE;
                self.shared
                    .deadline()
                    .map_or(patience, |at| at.min(patience))
            }
        };
        let gives_up = now >= until || self.shared.why().is_some();
        if gives_up || !matches!(refused, RingError::ArenaExhausted { .. }) {
            claim.step(|task| task.fail_to_answer_request(&refused));
            self.close();
            return Poll::Ready(());
        }
        self.shared.put_claim(claim);
        let mut look = Box::pin(tokio::time::sleep(BLOCK_LOOK));
        let _ = look.as_mut().poll(context);
        self.answer = Some(Box::new(Waiting {
            bytes,
            codec,
            until,
            look,
        }));
        Poll::Pending
    }

    fn fail(&mut self, step: impl FnOnce(&mut Claimed<'_>)) {
        if let Some(mut claim) = self.shared.take_claim() {
            claim.step(step);
        }
        self.close();
    }

    /// Ends a task whose future is gone. Of a chunk all requests that are left.
    fn stop(&mut self, why: WhyCancelled) {
        let failure = failure_of(why);
        if !self.chunk {
            return self.fail(|task| task.fail_request(&failure));
        }
        self.fail(|task| {
            while task.next_request() {
                task.fail_request(&failure);
            }
            task.end_chunk();
        });
    }

    /// The task has ended: nothing finds it any more.
    fn close(&mut self) {
        if !std::mem::replace(&mut self.over, true) {
            self.shared.ended();
        }
    }
}

impl Future for InFlightTask {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        if let Some(mut waiting) = this.answer.take() {
            if waiting.look.as_mut().poll(context).is_pending() {
                this.answer = Some(waiting);
                return Poll::Pending;
            }
            let (bytes, codec) = (std::mem::take(&mut waiting.bytes), waiting.codec);
            this.answer = Some(waiting); // for its `until`
            return this.answer(bytes, codec, context);
        }
        if !this.begun {
            this.begin(context);
        }
        if let Some(why) = this.stopped(context) {
            return this.end(Found::Stopped(why), context);
        }
        match this.poll_handler(context) {
            Poll::Ready(found) => this.end(found, context),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl Drop for InFlightTask {
    fn drop(&mut self) {
        if !self.over {
            self.drop_handler();
            let why = self.shared.why().unwrap_or(WhyCancelled::Draining);
            self.stop(why);
        }
    }
}

/// A drop that panics costs nothing more.
pub(super) fn log_drop(shared: &Shared, dropped: Result<(), Box<Panic>>) {
    if let Err(panic) = dropped {
        log_of_task!(
            error,
            "handler.drop_panicked",
            shared.of_task(),
            location = panic.location,
            "the future of a handler panicked when it was dropped: {}",
            panic.message
        );
    }
}

/// How a task ends whose future was dropped. It may have run.
pub(super) fn failure_of(why: WhyCancelled) -> Failure<'static> {
    let (status, code, message) = match why {
        WhyCancelled::Caller => (
            Status::Cancelled,
            CANCELLED,
            "the caller gave the task up while it waited: its future was dropped",
        ),
        WhyCancelled::CallerDied => (
            Status::Cancelled,
            CANCELLED,
            "the caller died while the task waited: its future was dropped",
        ),
        WhyCancelled::Deadline => (
            Status::Expired,
            "deadline.passed",
            "the deadline passed while the task waited: its future was dropped",
        ),
        WhyCancelled::SoftLimit => (
            Status::Expired,
            "limit.soft",
            "a poll of the task took longer than its handler's soft limit: its future was dropped",
        ),
        WhyCancelled::Draining => (
            Status::Failed,
            "worker.draining",
            "the worker left, or its pool stopped, and the task did not end within --io-drain (at a stop no longer than \
             --drain-timeout): submit it again, or raise them",
        ),
    };
    Failure {
        status,
        not_run: false,
        code,
        location: "",
        message,
    }
}
