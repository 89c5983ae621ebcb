//! A task in the pool, in the hands of the one future that waits for it.
//!
//! Used by [`Task`](crate::Task) and [`CallFuture`](crate::CallFuture), which say what becomes of
//! it when it is dropped. Invariant: its slot is this task's until it is taken, given up or
//! abandoned.

use crate::error::{Error, Result};
use crate::park::{Parker, until};
use crate::pool::{CLOSED, Pool};
use ringwork_ring::client::{Ended, GiveUp, Helper, InPlace, Outcome, Submitted, TaskKey};
use ringwork_ring::os::clock::now_ns;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

/// Looks between two at the completions of others, by a thread that spins for its own task.
const LOOKS_A_DRAIN: u32 = 16;

#[derive(Debug)]
pub(crate) struct Pending {
    pool: Arc<Pool>,
    key: TaskKey,
    /// `u64::MAX`: none.
    deadline_ns: u64,
    /// Whether the poller knows of the deadline.
    timed: bool,
    /// Whether the task's end was taken, or is not waited for any more.
    over: bool,
    /// Whether the task is cancelled when this is dropped.
    pub(crate) cancels: bool,
    /// Whether its result is read in place.
    in_place: bool,
}

impl Pending {
    pub(crate) fn new(pool: Arc<Pool>, submitted: Submitted, cancels: bool) -> Self {
        Self {
            pool,
            key: submitted.key,
            deadline_ns: submitted.deadline_ns.unwrap_or(u64::MAX),
            timed: false,
            over: false,
            cancels,
            in_place: false,
        }
    }

    /// The result is read in place.
    pub(crate) fn in_place(mut self) -> Self {
        self.in_place = true;
        self
    }

    pub(crate) fn pool(&self) -> Arc<Pool> {
        Arc::clone(&self.pool)
    }

    fn has_deadline(&self) -> bool {
        self.deadline_ns != u64::MAX
    }

    fn take(&self) -> Option<InPlace> {
        let table = self.pool.table();
        if self.in_place {
            table.take_in_place(self.key)
        } else {
            table.take(self.key).map(InPlace::Ended)
        }
    }

    /// The task's end is in the caller's hands: the slot is free.
    fn finish(&mut self, ended: InPlace) -> InPlace {
        self.over = true;
        // A waker that stays would keep its future's memory.
        drop(self.pool.waker(self.key).take());
        self.pool.released();
        ended
    }

    /// The end, if it is there: the task's, the deadline's, or the pool's.
    fn try_end(&mut self) -> Option<InPlace> {
        if let Some(ended) = self.take() {
            return Some(self.finish(ended));
        }
        let table = self.pool.table();
        if self.has_deadline()
            && now_ns() >= self.deadline_ns
            && let Some(outcome) = table.give_up(self.key, GiveUp::TimedOut)
        {
            return Some(self.finish(whole(outcome)));
        }
        if table.over().is_some()
            && let Some(ended) = table.close(self.key)
        {
            return Some(self.finish(InPlace::Ended(ended)));
        }
        if self.pool.is_closed() {
            let reason = CLOSED.to_owned();
            if table.give_up(self.key, GiveUp::Cancelled).is_some() {
                return Some(self.finish(whole(Outcome::Closed { reason })));
            }
            return self.take().map(|ended| self.finish(ended));
        }
        None
    }

    pub(crate) fn poll_end(&mut self, context: &mut Context<'_>) -> Poll<InPlace> {
        assert!(!self.over, "a future of a task is polled after its end");
        if let Some(ended) = self.try_end() {
            return Poll::Ready(ended);
        }
        self.pool.waker(self.key).register(context.waker());
        // What came between would not have woken.
        if let Some(ended) = self.try_end() {
            return Poll::Ready(ended);
        }
        if self.has_deadline() && !self.timed {
            self.timed = true;
            self.pool.wake_at(self.key, self.deadline_ns);
        }
        Poll::Pending
    }

    /// Waits on this thread, which spins a little and then sleeps; at most `limit`.
    pub(crate) fn wait(
        &mut self,
        limit: Option<Duration>,
        helper: Option<Helper<'_>>,
    ) -> Option<InPlace> {
        let end = limit.map(|limit| Instant::now() + limit);
        if let Some(ended) = self.spin(helper, end) {
            return Some(ended);
        }
        Parker::with(|parker| {
            let mut context = Context::from_waker(parker.waker());
            loop {
                if let Poll::Ready(ended) = self.poll_end(&mut context) {
                    return Some(ended);
                }
                let left = until(end);
                if left == Some(Duration::ZERO) {
                    return None;
                }
                if self.pool.has_poller() {
                    parker.park(left);
                } else {
                    self.pool
                        .poll(left.unwrap_or(Duration::MAX).min(Duration::from_millis(50)));
                }
            }
        })
    }

    /// As [`Self::wait`], without a limit.
    pub(crate) fn wait_to_end(&mut self, helper: Option<Helper<'_>>) -> Result<InPlace> {
        let lost = || Error::Join("the wait for a task has ended without its end".to_owned());
        self.wait(None, helper).ok_or_else(lost)
    }

    /// Looks for the end as long as it costs less than a sleep and a wake.
    fn spin(&mut self, helper: Option<Helper<'_>>, end: Option<Instant>) -> Option<InPlace> {
        let budget = self.pool.budget();
        let rounds = budget.spins.saturating_add(budget.yields);
        let pool = Arc::clone(&self.pool);
        for round in 0..rounds {
            if let Some(ended) = self.take() {
                return Some(self.finish(ended));
            }
            if round % LOOKS_A_DRAIN == LOOKS_A_DRAIN - 1 {
                if helper.is_some() {
                    pool.table().collect();
                }
                let passed = end.is_some_and(|end| Instant::now() >= end);
                if passed || pool.is_closed() || pool.table().over().is_some() {
                    return None;
                }
                if let Some(ended) = self.try_end() {
                    return Some(ended);
                }
            }
            if round < budget.spins {
                std::hint::spin_loop();
            } else {
                std::thread::yield_now();
            }
        }
        None
    }

    /// Cancels the task; its end, if it has none.
    pub(crate) fn cancel(&mut self) -> Option<InPlace> {
        if self.over {
            return None;
        }
        match self.pool.table().give_up(self.key, GiveUp::Cancelled) {
            Some(outcome) => Some(self.finish(whole(outcome))),
            None => self.take().map(|ended| self.finish(ended)),
        }
    }
}

fn whole(outcome: Outcome) -> InPlace {
    InPlace::Ended(outcome.into())
}

/// The end of a task whose result is not read in place.
pub(crate) fn ended(end: InPlace) -> Ended {
    match end {
        InPlace::Ended(ended) => ended,
        InPlace::Leased(lease) => {
            let (codec, bytes) = (lease.codec(), lease.bytes().to_vec());
            Outcome::Completed { codec, bytes }.into()
        }
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        if self.over {
            return;
        }
        self.over = true;
        drop(self.pool.waker(self.key).take());
        let table = self.pool.table();
        if !self.cancels || table.give_up(self.key, GiveUp::Cancelled).is_none() {
            table.abandon(self.key);
        }
        self.pool.released();
    }
}

/// A result's codec and bytes, or the error that the task has ended with.
pub(crate) fn result_of(outcome: Outcome) -> Result<(ringwork_ring::Codec, Vec<u8>)> {
    use ringwork_ring::Status;
    Err(match outcome {
        Outcome::Completed { codec, bytes } => return Ok((codec, bytes)),
        Outcome::Failed {
            status: Status::Panicked,
            location,
            message,
            ..
        } => Error::TaskPanic { location, message },
        Outcome::Failed {
            status: Status::Cancelled,
            may_have_run,
            ..
        } => Error::Cancelled { may_have_run },
        Outcome::Failed {
            status,
            may_have_run,
            code,
            location,
            message,
        } => Error::Remote {
            code,
            location,
            message,
            status,
            may_have_run,
        },
        Outcome::Crashed { cause, attempts } => Error::Crashed { cause, attempts },
        Outcome::TimedOut { may_have_run } => Error::Timeout { may_have_run },
        Outcome::Cancelled { may_have_run } => Error::Cancelled { may_have_run },
        Outcome::Closed { reason } => Error::Closed {
            reason,
            may_have_run: true,
        },
    })
}
